/*
 * identity.h: the identities of one stream seen lately, to find events delivered twice. Event time only; no clock.
 *
 * Remembered are 64-bit hashes. Two different identities with one hash, within the time, make the second look like a duplicate: with ten
 * million identities in the window that happens once in some 400,000 windows.
 */
#ifndef EGRET_INGEST_IDENTITY_H
#define EGRET_INGEST_IDENTITY_H

#include "compiler/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ingest_identity_entry {
    uint64_t hash;          /* 0: free */
    int64_t time_ms;
} ingest_identity_entry;

/* Zeroed and then initialised; owned by one thread. */
typedef struct ingest_identity {
    ingest_identity_entry *entries;
    size_t capacity, used;      /* capacity: power of two, or 0 */
    int64_t within_ms;
    size_t max_used;
    struct identity_cut *cut;   /* NULL: none is on its way */
    uint64_t cuts;              /* how often the older half of the time was forgotten early, as there were too many */
} ingest_identity;

typedef enum ingest_seen { INGEST_SEEN_NEW, INGEST_SEEN_BEFORE, INGEST_SEEN_NO_MEMORY } ingest_seen;

/* max_used: identities remembered at most (16 to 40 bytes each). */
void ingest_identity_init(ingest_identity *set, int64_t within_ms, size_t max_used);
void ingest_identity_deinit(ingest_identity *set);
/* Whether hash was seen at most within_ms before or after time_ms; if not it is remembered. low_ms: no event below it will come, so
 * what is older than low_ms - within_ms may be forgotten. */
ingest_seen ingest_identity_see(ingest_identity *set, uint64_t hash, int64_t time_ms, int64_t low_ms);

/* Says that this hash will be asked for soon: its memory is fetched meanwhile. */
void ingest_identity_expect(const ingest_identity *set, uint64_t hash);
/* A cut: the entries as they are now, which are given later, a piece at a time, while the set goes on. Nobody waits for more than one piece.
 * False: no memory. */
bool ingest_identity_cut(ingest_identity *set);
/* Appends some of the entries, or none. False: all have been given, and the cut is over. */
bool ingest_identity_cut_next(ingest_identity *set, egret_text *out);
bool ingest_identity_cut_failed(const ingest_identity *set);    /* there was no memory for what changed meanwhile */
void ingest_identity_cut_end(ingest_identity *set);             /* also when none is on its way */

/* Gives an empty set that capacity; then it takes entries, in any order. False: no memory, or they do not fit. */
bool ingest_identity_room(ingest_identity *set, size_t capacity);
bool ingest_identity_add(ingest_identity *set, const char *entries, size_t n);  /* as bytes, lying anywhere */

#endif
