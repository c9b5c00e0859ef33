/*
 * stats.h: what the way in counts. Plain numbers owned by one thread; whoever shows them elsewhere copies them.
 */
#ifndef EGRET_INGEST_STATS_H
#define EGRET_INGEST_STATS_H

#include <stdint.h>

/* Why a record goes to the dead letters. */
typedef enum ingest_reason {
    INGEST_REASON_NONE = 0,
    INGEST_REASON_SYNTAX,       /* not JSON, not CSV, not UTF-8 */
    INGEST_REASON_SIZE,         /* longer than a record may be */
    INGEST_REASON_MISSING,      /* a field that is not optional is missing or null */
    INGEST_REASON_TYPE,         /* a field's value is not of its type */
    INGEST_REASON_STREAM,       /* it does not say which stream it is of */
    INGEST_REASON_AHEAD,        /* its time is too far in the future */
    INGEST_REASONS
} ingest_reason;

/* "syntax", "size", …: names counters and dead letters. */
const char *ingest_reason_name(ingest_reason reason);

typedef struct ingest_stats {
    uint64_t records;                       /* decoded or rejected */
    uint64_t accepted;                      /* handed on, in order of time */
    uint64_t rejected[INGEST_REASONS];
    uint64_t unrouted;                      /* no route of the source wants them */
    uint64_t late, duplicates;
    uint64_t released_early;                /* events let go before their lateness was over, as too many were held */
    uint64_t identity_cuts;                 /* times the memory of identities was cut short */
} ingest_stats;

void ingest_stats_add(ingest_stats *sum, const ingest_stats *part);
uint64_t ingest_stats_rejected(const ingest_stats *stats);     /* all reasons together */

#endif
