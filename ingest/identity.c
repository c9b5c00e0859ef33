/*
 * identity.c: an open-addressed table of (hash, time), probed one after the other.
 *
 * Nothing is removed singly. When the table is more than half full it is written anew without what is too old: into the same
 * size if that left it less than a quarter full, else into twice the size. So the table is as large as the window needs, and the cost
 * of forgetting is spread over the events that made it necessary. When even so there are more than max_used, the older half of the time
 * covered is forgotten, which is counted: duplicates from there are no longer recognised.
 *
 * An entry keeps the time of the event that was accepted, so a train of duplicates does not prolong its own memory.
 */
#include "ingest/identity.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, PIECE = 4096 };

/* Entries of a cut that have not been given: in their place, unless they changed (then a copy of their piece is in `saved`) or the table was written
 * anew (then the old one is the cut's). */
typedef struct identity_cut {
    ingest_identity_entry *entries;
    size_t capacity, at;        /* at: the piece to be given next */
    bool failed;
    ingest_identity_entry *saved[];
} identity_cut;

void ingest_identity_init(ingest_identity *set, int64_t within_ms, size_t max_used)
{
    *set = (ingest_identity){ .within_ms = within_ms, .max_used = max_used < 16 ? 16 : max_used };
}

void ingest_identity_deinit(ingest_identity *set)
{
    ingest_identity_cut_end(set);
    free(set->entries);
    set->entries = NULL;
    set->capacity = set->used = 0;
}

/* a - b without overflow. */
static int64_t minus(int64_t a, int64_t b)
{
    int64_t out;
    if (__builtin_sub_overflow(a, b, &out))
        return b > 0 ? INT64_MIN : INT64_MAX;
    return out;
}

static size_t place_of(const ingest_identity *set, uint64_t hash)
{
    return (size_t)(hash ^ hash >> 32) & (set->capacity - 1);
}

static ingest_identity_entry *find(const ingest_identity *set, uint64_t hash)
{
    size_t mask = set->capacity - 1, at = place_of(set, hash);
    while (set->entries[at].hash != 0 && set->entries[at].hash != hash)
        at = (at + 1) & mask;
    return &set->entries[at];
}

static size_t count_from(const ingest_identity *set, int64_t from_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < set->capacity; i++)
        n += set->entries[i].hash != 0 && set->entries[i].time_ms >= from_ms;
    return n;
}

/* The middle of the times remembered from `from_ms` on; behind them when they are one. No time is INT64_MAX. */
static int64_t middle(const ingest_identity *set, int64_t from_ms)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < set->capacity; i++) {
        const ingest_identity_entry *entry = &set->entries[i];
        if (entry->hash == 0 || entry->time_ms < from_ms)
            continue;
        low = entry->time_ms < low ? entry->time_ms : low;
        high = entry->time_ms > high ? entry->time_ms : high;
    }
    return low >= high ? high + 1 : low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2) + 1;
}

/* Writes the table anew with what is not older than from_ms. */
static bool rewrite(ingest_identity *set, int64_t from_ms, size_t capacity)
{
    ingest_identity old = *set;
    ingest_identity_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL)
        return false;
    set->entries = entries;
    set->capacity = capacity;
    set->used = 0;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].hash != 0 && old.entries[i].time_ms >= from_ms) {
            *find(set, old.entries[i].hash) = old.entries[i];
            set->used++;
        }
    if (set->cut == NULL || set->cut->entries != old.entries)
        free(old.entries);
    return true;
}

static bool make_room(ingest_identity *set, int64_t low_ms)
{
    if (set->capacity == 0)
        return rewrite(set, INT64_MIN, FIRST_CAPACITY);
    int64_t from_ms = minus(low_ms, set->within_ms);
    size_t kept = count_from(set, from_ms);
    while (kept >= set->max_used) {
        from_ms = middle(set, from_ms);
        kept = count_from(set, from_ms);
        set->cuts++;
    }
    return rewrite(set, from_ms, kept >= set->capacity / 4 ? set->capacity * 2 : set->capacity);
}

void ingest_identity_expect(const ingest_identity *set, uint64_t hash)
{
    if (set->capacity > 0)
        __builtin_prefetch(&set->entries[place_of(set, hash)], 1);
}

/* Before the entry changes. */
static void touch(ingest_identity *set, const ingest_identity_entry *entry)
{
    identity_cut *cut = set->cut;
    if (cut == NULL || cut->entries != set->entries)
        return;
    size_t piece = (size_t)(entry - set->entries) / PIECE, n = cut->capacity < PIECE ? cut->capacity : PIECE;
    if (piece < cut->at || cut->saved[piece] != NULL)
        return;
    cut->saved[piece] = malloc(n * sizeof *entry);
    if (cut->saved[piece] != NULL)
        memcpy(cut->saved[piece], set->entries + piece * PIECE, n * sizeof *entry);
    else
        cut->failed = true;
}

ingest_seen ingest_identity_see(ingest_identity *set, uint64_t hash, int64_t time_ms, int64_t low_ms)
{
    hash += hash == 0;
    time_ms -= time_ms == INT64_MAX;
    if ((set->used + 1) * 2 > set->capacity || set->used >= set->max_used)
        if (!make_room(set, low_ms))
            return INGEST_SEEN_NO_MEMORY;
    ingest_identity_entry *entry = find(set, hash);
    if (entry->hash == 0) {
        touch(set, entry);
        *entry = (ingest_identity_entry){ hash, time_ms };
        set->used++;
        return INGEST_SEEN_NEW;
    }
    if (minus(time_ms, entry->time_ms) <= set->within_ms && minus(entry->time_ms, time_ms) <= set->within_ms)
        return INGEST_SEEN_BEFORE;
    if (time_ms > entry->time_ms) {
        touch(set, entry);
        entry->time_ms = time_ms;
    }
    return INGEST_SEEN_NEW;
}

bool ingest_identity_room(ingest_identity *set, size_t capacity)
{
    if (capacity == 0)
        return true;
    return (capacity & (capacity - 1)) == 0 && capacity <= SIZE_MAX / sizeof *set->entries && rewrite(set, INT64_MIN, capacity);
}

bool ingest_identity_add(ingest_identity *set, const char *entries, size_t n)
{
    if (n >= set->capacity - set->used)
        return n == 0;
    for (size_t i = 0; i < n; i++) {
        ingest_identity_entry entry;
        memcpy(&entry, entries + i * sizeof entry, sizeof entry);
        *find(set, entry.hash) = entry;
        set->used++;
    }
    return true;
}

/* ---- cuts ---- */

bool ingest_identity_cut(ingest_identity *set)
{
    size_t pieces = set->capacity / PIECE + 1;
    identity_cut *cut = calloc(1, sizeof *cut + pieces * sizeof cut->saved[0]);
    if (cut == NULL)
        return false;
    cut->entries = set->entries;
    cut->capacity = set->capacity;
    set->cut = cut;
    return true;
}

bool ingest_identity_cut_next(ingest_identity *set, egret_text *out)
{
    identity_cut *cut = set->cut;
    size_t first = cut->at * PIECE, n = first < cut->capacity ? cut->capacity - first : 0;
    if (n == 0) {
        ingest_identity_cut_end(set);
        return false;
    }
    const ingest_identity_entry *from = cut->saved[cut->at] != NULL ? cut->saved[cut->at] : cut->entries + first;
    for (size_t i = 0; i < n && i < PIECE; i++)
        if (from[i].hash != 0)
            egret_text_put(out, (const char *)&from[i], sizeof from[i]);
    free(cut->saved[cut->at]);
    cut->saved[cut->at++] = NULL;
    return true;
}

bool ingest_identity_cut_failed(const ingest_identity *set)
{
    return set->cut != NULL && set->cut->failed;
}

void ingest_identity_cut_end(ingest_identity *set)
{
    identity_cut *cut = set->cut;
    if (cut == NULL)
        return;
    for (size_t i = 0; i <= cut->capacity / PIECE; i++)
        free(cut->saved[i]);
    if (cut->entries != set->entries)
        free(cut->entries);
    free(cut);
    set->cut = NULL;
}
