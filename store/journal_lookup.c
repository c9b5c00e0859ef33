/*
 * journal_lookup.c: a few unpacked blocks, each with the place of every event's text as far as it was read; the one not used for longest makes room.
 */
#include "store/journal_lookup.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 16 };

typedef struct place {
    journal_block block;
    egret_str *raw;         /* by LSN - first_lsn; ptr NULL: no event */
    uint32_t n, cap;
    uint64_t first_lsn, used;
} place;

struct journal_lookup {
    const store *s;
    uint64_t clock;         /* of uses */
    bool failed;
    place places[PLACES];
};

journal_lookup *journal_lookup_new(const store *s)
{
    journal_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return NULL;
    lookup->s = s;
    for (size_t i = 0; i < PLACES; i++)
        journal_block_init(&lookup->places[i].block);
    return lookup;
}

void journal_lookup_free(journal_lookup *lookup)
{
    if (!lookup)
        return;
    for (size_t i = 0; i < PLACES; i++) {
        journal_block_deinit(&lookup->places[i].block);
        free(lookup->places[i].raw);
    }
    free(lookup);
}

/* The place that holds the LSN, or else the one to be filled anew, which holds nothing then. */
static place *choose(journal_lookup *lookup, uint64_t lsn)
{
    place *oldest = &lookup->places[0];
    for (size_t i = 0; i < PLACES; i++) {
        place *p = &lookup->places[i];
        if (lsn >= p->first_lsn && lsn - p->first_lsn < p->n)
            return p;
        if (p->used < oldest->used)
            oldest = p;
    }
    oldest->n = 0;
    return oldest;
}

static bool fill(journal_lookup *lookup, place *p, uint64_t lsn)
{
    int code;
    journal_got got = journal_read(lookup->s, &lsn, &p->block, &code);
    lookup->failed = got == JOURNAL_GOT_ERROR;
    if (got != JOURNAL_GOT_BLOCK)
        return false;
    uint32_t n = p->block.head.n_records;
    if (n > p->cap) {
        egret_str *grown = realloc(p->raw, n * sizeof *grown);
        lookup->failed = !grown;
        if (!grown)
            return false;
        p->raw = grown;
        p->cap = n;
    }
    p->first_lsn = p->block.head.first_lsn;
    memset(p->raw, 0, n * sizeof *p->raw);
    p->n = n;
    return true;
}

/* Reads on to that record; what stands behind it may never be asked for. False: no memory for it; the place is read anew then. */
static bool read_to(place *p, uint64_t lsn)
{
    journal_record record;
    p->block.no_memory = false;
    while (p->block.lsn <= lsn && journal_block_next(&p->block, &record))
        if (record.kind == JOURNAL_EVENT && record.lsn - p->first_lsn < p->n)
            p->raw[record.lsn - p->first_lsn] = record.u.event.raw;
    if (p->block.no_memory)
        p->n = 0;
    return !p->block.no_memory;
}

bool journal_lookup_raw(journal_lookup *lookup, uint64_t lsn, egret_str *raw)
{
    place *p = choose(lookup, lsn);
    lookup->failed = false;
    if (p->n == 0 && !fill(lookup, p, lsn))
        return false;
    p->used = ++lookup->clock;
    lookup->failed = !read_to(p, lsn);
    if (lookup->failed || lsn < p->first_lsn || lsn - p->first_lsn >= p->n || !p->raw[lsn - p->first_lsn].ptr)
        return false;
    *raw = p->raw[lsn - p->first_lsn];
    return true;
}

bool journal_lookup_failed(const journal_lookup *lookup)
{
    return lookup->failed;
}
