/*
 * drift.c: see drift.h. Names are compared as they are written; one with escapes is taken for unknown.
 */
#include "ingest/drift.h"

#include "ingest/members.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct stream_counts {
    atomic_ullong looked, missing, unknown;
} stream_counts;

struct ingest_drift {
    const plan *plan;
    stream_counts *streams;     /* owned; of the plan's inputs */
    atomic_ullong rejected[INGEST_REASONS];
};

ingest_drift *ingest_drift_new(const plan *p)
{
    ingest_drift *drift = calloc(1, sizeof *drift);
    if (!drift) return NULL;
    drift->plan = p;
    drift->streams = calloc((size_t)plan_inputs(p) + 1, sizeof *drift->streams);
    if (drift->streams) return drift;
    free(drift);
    return NULL;
}

void ingest_drift_free(ingest_drift *drift)
{
    if (!drift) return;
    free(drift->streams);
    free(drift);
}

/* ---- members and paths ---- */

/* Whether a path goes through the member: it is its first part. */
static bool goes_through(egret_str path, ingest_span name)
{
    return name.len > 0 && path.len >= name.len && memcmp(path.ptr, name.ptr, name.len) == 0 && (path.len == name.len || path.ptr[name.len] == '.');
}

static bool any_goes_through(const plan_field *fields, uint32_t n, ingest_span name)
{
    for (uint32_t i = 0; i < n; i++)
        if (goes_through(fields[i].path, name)) return true;
    return false;
}

static bool is_of_envelope(ingest_span name)
{
    static const char *const names[] = {"op", "before", "after", "source", "ts_ms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (name.len == strlen(names[i]) && memcmp(name.ptr, names[i], name.len) == 0) return true;
    return false;
}

static bool is_known(const plan *p, uint32_t stream, ingest_span name)
{
    if (any_goes_through(p->streams[stream].fields, p->streams[stream].n_fields, name)) return true;
    for (uint32_t i = 0; i < p->n_sources; i++)
        if (any_goes_through(p->sources[i].route_fields, p->sources[i].n_route_fields, name)) return true;
    return false;
}

/* The members of an object; false: it is none. */
static bool open_object(ingest_span value, const char **at, const char **end)
{
    *end = value.ptr + value.len;
    *at = ingest_skip_space(value.ptr, *end);
    return *at < *end && *(*at)++ == '{';
}

/* Whether the path leads to a value that is not null. */
static bool is_there(ingest_span object, egret_str path)
{
    ingest_span name, value;
    const char *at, *end;
    if (!open_object(object, &at, &end)) return false;
    while (ingest_next_member(&at, end, &name, &value)) {
        if (!goes_through(path, name)) continue;
        if (path.len > name.len) return is_there(value, (egret_str){path.ptr + name.len + 1, path.len - (uint32_t)name.len - 1});
        return !(value.len == 4 && memcmp(value.ptr, "null", 4) == 0);
    }
    return false;
}

/* ---- counting ---- */

void ingest_drift_look(ingest_drift *drift, uint32_t stream, const char *ptr, size_t len, bool flat)
{
    const plan_stream *declared = &drift->plan->streams[stream];
    ingest_span record = {ptr, len}, name, value;
    const char *at, *end;
    uint64_t unknown = 0, missing = 0;
    if (!open_object(record, &at, &end)) return;
    while (ingest_next_member(&at, end, &name, &value))
        unknown += !is_known(drift->plan, stream, name) && !(flat && is_of_envelope(name));
    for (uint32_t i = 0; i < declared->n_fields; i++)
        missing += declared->fields[i].optional && !is_there(record, declared->fields[i].path);
    atomic_fetch_add(&drift->streams[stream].looked, 1);
    if (unknown > 0) atomic_fetch_add(&drift->streams[stream].unknown, unknown);
    if (missing > 0) atomic_fetch_add(&drift->streams[stream].missing, missing);
}

void ingest_drift_reject(ingest_drift *drift, ingest_reason reason)
{
    atomic_fetch_add(&drift->rejected[reason], 1);
}

ingest_drift_numbers ingest_drift_get(const ingest_drift *drift, uint32_t stream)
{
    const stream_counts *counts = &drift->streams[stream];
    return (ingest_drift_numbers){atomic_load(&counts->looked), atomic_load(&counts->missing), atomic_load(&counts->unknown)};
}

uint64_t ingest_drift_rejected(const ingest_drift *drift, ingest_reason reason)
{
    return atomic_load(&drift->rejected[reason]);
}
