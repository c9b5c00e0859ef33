/*
 * members.h: members of a JSON object by their ends, without reading their values. For what is looked at beside decoding: envelopes, drift.
 */
#ifndef EGRET_INGEST_MEMBERS_H
#define EGRET_INGEST_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ingest_span {
    const char *ptr;
    size_t len;
} ingest_span;

const char *ingest_skip_space(const char *at, const char *end);
/* The next member of an object, from *at on (at first behind its bracket); false: there is none left, or it is broken (*at is NULL). Names are without
 * quotes, as they are written. */
bool ingest_next_member(const char **at, const char *end, ingest_span *name, ingest_span *value);

#endif
