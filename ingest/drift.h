/*
 * drift.h: how the records of a source differ from what their streams declare: optional fields that are not there, and fields that nobody declared;
 * and how many were rejected, and why.
 *
 * Nobody reads these two on the way of an event: the decoder looks at what some rule asks for. So one record of many is looked at once more, in full:
 * the first of each batch and every INGEST_DRIFT_EVERY-th behind it. What is told is how many there were in how many that were looked at. Where events are
 * few that is each of them; where they are many it costs next to nothing. What was rejected is counted without exception.
 *
 * Any thread may count and any may read; nothing waits.
 */
#ifndef EGRET_INGEST_DRIFT_H
#define EGRET_INGEST_DRIFT_H

#include "compiler/plan.h"
#include "ingest/stats.h"

enum { INGEST_DRIFT_EVERY = 64 };

typedef struct ingest_drift ingest_drift;

typedef struct ingest_drift_numbers {
    uint64_t looked;        /* records */
    uint64_t missing;       /* optional fields of these that were not there, or null */
    uint64_t unknown;       /* members of these that no field of the stream is read from, and no route of a source looks at */
} ingest_drift_numbers;

/* Of one source. The plan is borrowed. NULL: no memory. */
ingest_drift *ingest_drift_new(const plan *p);
void ingest_drift_free(ingest_drift *drift);        /* NULL is allowed */
/* Looks at an accepted record: one JSON object. flat: it came out of an envelope, whose own members are not unknown. */
void ingest_drift_look(ingest_drift *drift, uint32_t stream, const char *ptr, size_t len, bool flat);
void ingest_drift_reject(ingest_drift *drift, ingest_reason reason);
ingest_drift_numbers ingest_drift_get(const ingest_drift *drift, uint32_t stream);
uint64_t ingest_drift_rejected(const ingest_drift *drift, ingest_reason reason);

#endif
