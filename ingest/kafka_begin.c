/*
 * kafka_begin.c: see kafka_begin.h.
 */
#include "ingest/kafka_begin.h"

int64_t kafka_begin(int64_t stored, int64_t committed, int64_t start, bool fresh)
{
    if (stored == KAFKA_NONE && committed == KAFKA_NONE) return start;
    if (stored != KAFKA_NONE && committed <= stored) return stored;
    return fresh ? committed : KAFKA_NONE;
}
