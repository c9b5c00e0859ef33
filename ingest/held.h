/*
 * held.h: events waiting until nothing earlier can come: a queue by (time, rank, arrival) that owns copies of them.
 */
#ifndef EGRET_INGEST_HELD_H
#define EGRET_INGEST_HELD_H

#include "nfa/engine.h"

/* The place of an event in the one order. rank: of its source among equal times (0 where arrival alone decides). */
typedef struct held_key {
    int64_t time_ms;
    uint32_t rank;
    uint64_t arrival;
} held_key;

static inline bool held_key_less(held_key a, held_key b)
{
    if (a.time_ms != b.time_ms)
        return a.time_ms < b.time_ms;
    return a.rank != b.rank ? a.rank < b.rank : a.arrival < b.arrival;
}

typedef struct held held;
held *held_new(void);       /* NULL: no memory */
void held_free(held *queue);    /* NULL is allowed */

/* Copies the event, its n_slots values and their strings. False: no memory, nothing changed. */
bool held_put(held *queue, held_key key, const nfa_event *event, uint32_t n_slots);
/* Copies the event alone: slots and strings stay good as long as *uses is above zero, and *uses is one more until the event is dropped. bytes: what
 * is kept so. */
bool held_refer(held *queue, held_key key, const nfa_event *event, uint32_t *uses, uint32_t bytes);
/* The first event, or NULL; it lives until it is dropped. */
const nfa_event *held_first(const held *queue, held_key *key);
void held_drop_first(held *queue);
/* The event some places behind the first of those that came in order, or the last of them; NULL: none. */
const nfa_event *held_ahead(const held *queue, size_t places);
size_t held_count(const held *queue);
/* A cut: the events that are held now, which are given later, some at a time, while the queue goes on. They stay in memory until it ends. False: no
 * memory. */
bool held_cut(held *queue);
/* Before one: sees to memory for its list, a little each time, so that the cut itself need not wait for it. */
void held_cut_prepare(held *queue);
/* The next one, in no order; NULL: all have been given. */
const nfa_event *held_cut_next(held *queue, held_key *key);
void held_cut_end(held *queue);         /* also when none is on its way */
uint64_t held_bytes(const held *queue);     /* of the copies, and what is kept elsewhere */

#endif
