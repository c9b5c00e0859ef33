/*
 * expect.c: what is done for an event before it comes.
 *
 * A host that holds events back until they are in order knows what comes. The keys of such an event are computed when it is announced, or before
 * that by whoever reads it (nfa_engine_keys), and their blocks are fetched into the cache: first the slot of the index, then the
 * address of the block that it names, then the head of the block, then the rest, which the head tells the length of. Each step comes some
 * keys after the one before, so that nothing waits.
 *
 * The keys are kept until the event comes, some ten events later, so that they are computed once. What block a key has is a guess, kept by
 * the key's hash: when the event comes it is asked whether that block has that key.
 *
 * Events come in the order in which they were announced, nearly always: the one that comes is looked for from the oldest on, and only among
 * a few. One that is not found costs its keys being computed again.
 */
#include "nfa/shard.h"

#include <string.h>

enum { CACHE_LINE = 64 };
enum { SEARCH_EVENTS = 12, STEP = 4 /* keys between one stage of fetching and the next */ };

static nfa_ahead *key_at(nfa_expected *ring, uint32_t at)
{
    return &ring->key[at % NFA_EXPECT_KEYS];
}

static nfa_guess *fetched(nfa_expected *ring, uint32_t at)
{
    return &ring->fetched[at % NFA_EXPECT_FETCHED];
}

/* Is the key of no use here: null, another shard's, or written by an engine that numbers groups in another way? */
static bool is_strange(const nfa_engine *engine, const nfa_ahead *key)
{
    return key->len == NFA_NONE || engine->group_id[key->group] != key->id || nfa_is_elsewhere(engine, key->group)
        || !nfa_owns(engine, key->group, key->bytes, key->len);
}

/* The first stage for a key, and the next stage for each key before it whose time has come. */
static void fetch(nfa_engine *engine, const nfa_ahead *key)
{
    if (is_strange(engine, key)) {
        return;
    }
    nfa_expected *ring = &engine->expected;
    uint64_t hash = key->hash;
    uint32_t newest = ring->n_fetched++;
    nfa_guess *second = fetched(ring, newest - STEP);
    *fetched(ring, newest) = (nfa_guess){.hash = hash, .block = NFA_NO_BLOCK};
    nfa_store_fetch_slot(engine->store, hash);
    second->block = nfa_store_fetch_address(engine->store, second->hash);
    ring->guess[second->hash % NFA_EXPECT_GUESSES] = *second;
    nfa_store_fetch_head(engine->store, fetched(ring, newest - 2 * STEP)->block);
    nfa_store_fetch_rest(engine->store, fetched(ring, newest - 3 * STEP)->block);
}

/* Of fields alone, not looked up anywhere: so any engine of the plan writes the same key. */
static bool is_of_fields(const plan *p, uint32_t group, uint32_t stream)
{
    const plan_group *def = &p->groups[group];
    const uint32_t *expr = def->key_expr + (size_t)stream * def->n_parts;
    for (uint32_t i = 0; i < def->n_parts; i++) {
        if (expr[i] == PLAN_NONE || p->exprs[expr[i]].op != PLAN_FIELD) {
            return false;
        }
    }
    return def->table == PLAN_NONE;
}

static void compute(nfa_engine *engine, const nfa_event *event, uint32_t group, nfa_ahead *key)
{
    key->group = group;
    key->id = engine->group_id[group];
    key->len = nfa_key_write(engine, group, event, key->bytes, NFA_AHEAD_BYTES);
    key->hash = key->len != NFA_NONE ? nfa_key_hash(key->id, key->bytes, key->len) : 0;
}

uint32_t nfa_engine_keys(nfa_engine *engine, const nfa_event *event, nfa_ahead *keys, uint32_t max)
{
    const uint32_t *groups;
    uint32_t n = nfa_dispatch_groups(engine, event->stream, &groups);
    if (n > max) {
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!is_of_fields(engine->plan, groups[i], event->stream)) {
            return 0;
        }
        compute(engine, event, groups[i], &keys[i]);
    }
    return n;
}

/* The event may have been read by another processor. */
static void fetch_values(const nfa_engine *engine, const nfa_event *event)
{
    for (uint32_t i = 0; i < engine->plan->streams[event->stream].n_slots; i += CACHE_LINE / sizeof *event->slots) {
        __builtin_prefetch(&event->slots[i]);
    }
}

void nfa_engine_expect(nfa_engine *engine, const nfa_event *event)
{
    fetch_values(engine, event);
    if (event->n_keys > 0) {
        for (uint32_t i = 0; i < event->n_keys; i++) {
            fetch(engine, &event->keys[i]);
        }
        return;
    }
    const uint32_t *groups;
    uint32_t n = nfa_dispatch_groups(engine, event->stream, &groups);
    nfa_expected *ring = &engine->expected;
    uint32_t at = ring->end++ % NFA_EXPECT_EVENTS;
    if (ring->end - ring->next > NFA_EXPECT_EVENTS) {
        ring->next = ring->end - NFA_EXPECT_EVENTS;
    }
    ring->event[at].event = *event;
    ring->event[at].key = ring->n_keys;
    ring->event[at].n_keys = n;
    for (uint32_t i = 0; i < n; i++) {
        nfa_ahead *key = key_at(ring, ring->n_keys++);
        compute(engine, event, groups[i], key);
        fetch(engine, key);
    }
}

static bool is_same(const nfa_event *a, const nfa_event *b)
{
    return a->slots == b->slots && a->ref == b->ref && a->identity == b->identity && a->time_ms == b->time_ms
        && a->stream == b->stream;
}

static void recall_key(nfa_engine *engine, const nfa_ahead *from)
{
    if (is_strange(engine, from)) {
        return;     /* nfa_key_look knows what it is */
    }
    nfa_key *key = &engine->keys[from->group];
    const nfa_guess *guess = &engine->expected.guess[from->hash % NFA_EXPECT_GUESSES];
    key->stamp = engine->stamp;
    key->hash = from->hash;
    key->len = from->len;
    key->null = key->foreign = false;
    key->bytes = from->bytes;
    key->block = nfa_settled(engine, guess->hash == from->hash
                                             && nfa_block_is(engine->store, guess->block, from->id, from->bytes, from->len)
                                         ? guess->block
                                         : nfa_block_find(engine->store, from->id, from->bytes, from->len, from->hash));
}

void nfa_expect_recall(nfa_engine *engine, const nfa_event *event)
{
    for (uint32_t i = 0; i < event->n_keys; i++) {
        recall_key(engine, &event->keys[i]);
    }
    nfa_expected *ring = &engine->expected;
    for (uint32_t i = 0; event->n_keys == 0 && i < SEARCH_EVENTS && ring->next + i != ring->end; i++) {
        uint32_t at = (ring->next + i) % NFA_EXPECT_EVENTS;
        if (!is_same(&ring->event[at].event, event)) {
            continue;
        }
        ring->next += i + 1;
        uint32_t first = ring->event[at].key;
        for (uint32_t k = first; k != first + ring->event[at].n_keys && ring->n_keys - first <= NFA_EXPECT_KEYS; k++) {
            recall_key(engine, key_at(ring, k));
        }
        return;
    }
}

void nfa_expect_forget(nfa_engine *engine)
{
    engine->expected.next = engine->expected.end;
    engine->stamp++;
}
