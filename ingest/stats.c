/*
 * stats.c: names and sums of the counters of the way in.
 */
#include "ingest/stats.h"

const char *ingest_reason_name(ingest_reason reason)
{
    static const char *const names[INGEST_REASONS] = { "none", "syntax", "size", "missing", "type", "stream", "ahead" };
    return (unsigned)reason < INGEST_REASONS ? names[reason] : "unknown";
}

void ingest_stats_add(ingest_stats *sum, const ingest_stats *part)
{
    sum->records += part->records;
    sum->accepted += part->accepted;
    for (unsigned i = 0; i < INGEST_REASONS; i++)
        sum->rejected[i] += part->rejected[i];
    sum->unrouted += part->unrouted;
    sum->late += part->late;
    sum->duplicates += part->duplicates;
    sum->released_early += part->released_early;
    sum->identity_cuts += part->identity_cuts;
}

uint64_t ingest_stats_rejected(const ingest_stats *stats)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < INGEST_REASONS; i++)
        sum += stats->rejected[i];
    return sum;
}
