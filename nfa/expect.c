/*
 * expect.c: what is done for an event before it comes.
 *
 * A host that holds events back until they are in order knows what comes. The keys of such an event are computed when it is announced, or before
 * that by whoever reads it (foresee.c), and their blocks are fetched into the cache: first the slot of the index, then the
 * address of the block that it names, then the head of the block, then the rest, which the head tells the length of. Each step comes some
 * events after the one before, so that nothing waits.
 *
 * The keys are kept until the event comes, some twenty events later, so that they are computed once. What block a key has is a guess, kept
 * with the key: when the event comes it is asked whether that block has that key.
 *
 * Events come in the order in which they were announced, nearly always: the one that comes is looked for from the oldest on, and only among
 * a few. One that is not found costs its keys being computed again. Keys that the host has written are only looked at until their event
 * has come or was passed over, as they are the host's.
 */
#include "nfa/shard.h"

#include <string.h>

enum { CACHE_LINE = 64 };
enum { SEARCH_EVENTS = 12, STEP = 3 /* events between one stage of fetching and the next */ };

static nfa_coming *coming_at(nfa_expected *ring, uint32_t at)
{
    return &ring->event[at % NFA_EXPECT_EVENTS];
}

/* Is the key of no use here: null, another shard's, or written by an engine that numbers groups in another way? */
static inline bool is_strange(const nfa_engine *engine, const nfa_ahead *key)
{
    return key->len == NFA_NONE || engine->group_id[key->group] != key->id
        || (engine->n_shards > 1 && (nfa_is_elsewhere(engine, key->group) || !nfa_owns(engine, key->group, key->bytes, key->len)));
}

typedef enum fetch_stage { FETCH_SLOT, FETCH_ADDRESS, FETCH_HEAD, FETCH_REST } fetch_stage;

static inline void fetch(const nfa_engine *engine, nfa_ahead *key, fetch_stage stage)
{
    switch (stage) {
    case FETCH_SLOT: nfa_store_fetch_slot(engine->store, key->hash); break;
    case FETCH_ADDRESS: key->block = nfa_store_fetch_address(engine->store, key->hash); break;
    case FETCH_HEAD: nfa_store_fetch_head(engine->store, key->block); break;
    case FETCH_REST: nfa_store_fetch_rest(engine->store, key->block); break;
    }
}

/* The stage for all keys of the event that was announced so many events ago, if it has not come yet. */
static inline void fetch_keys(nfa_engine *engine, uint32_t ago, fetch_stage stage)
{
    nfa_expected *ring = &engine->expected;
    if (ring->end - ring->next <= ago) {
        return;
    }
    const nfa_coming *coming = coming_at(ring, ring->end - 1 - ago);
    for (nfa_ahead *key = coming->keys, *end = key + coming->n_keys; key < end; key++) {
        if (!is_strange(engine, key)) {
            fetch(engine, key, stage);
        }
    }
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
    key->block = NFA_NO_BLOCK;
    key->len = nfa_key_write(engine, group, event, key->bytes, NFA_AHEAD_BYTES);
    key->hash = key->len != NFA_NONE ? nfa_key_hash(key->id, key->bytes, key->len) : 0;
}

uint32_t nfa_expect_keys(nfa_engine *engine, const nfa_event *event, nfa_ahead *keys, uint32_t max)
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

/* The event may have been read by another processor, which still has it: such memory comes only when it is asked for as if to be written. */
static void fetch_values(const nfa_engine *engine, const nfa_event *event)
{
    for (uint32_t i = 0; i < engine->plan->streams[event->stream].n_slots; i += CACHE_LINE / sizeof *event->slots) {
        __builtin_prefetch(&event->slots[i], 1);
    }
    if (event->ahead != NULL) {
        for (uint32_t i = 0; i <= event->ahead->n_keys; i++) {
            __builtin_prefetch((const char *)event->ahead + (size_t)i * CACHE_LINE, 1);
        }
    }
}

/* Computes the keys of the event into the ring of keys, where they stand side by side. */
static void compute_keys(nfa_engine *engine, const nfa_event *event, nfa_coming *coming)
{
    nfa_expected *ring = &engine->expected;
    const uint32_t *groups;
    uint32_t n = nfa_dispatch_groups(engine, event->stream, &groups);
    uint32_t place = ring->n_keys % NFA_EXPECT_KEYS;
    ring->n_keys += place + n > NFA_EXPECT_KEYS ? NFA_EXPECT_KEYS - place : 0;
    coming->first = ring->n_keys;
    coming->keys = &ring->key[ring->n_keys % NFA_EXPECT_KEYS];
    coming->n_keys = n <= NFA_EXPECT_KEYS ? n : 0;
    for (uint32_t i = 0; i < coming->n_keys; i++) {
        compute(engine, event, groups[i], &coming->keys[i]);
    }
    ring->n_keys += coming->n_keys;
}

void nfa_engine_expect(nfa_engine *engine, const nfa_event *event)
{
    nfa_expected *ring = &engine->expected;
    nfa_coming *coming = coming_at(ring, ring->end++);
    if (ring->end - ring->next > NFA_EXPECT_EVENTS) {
        ring->next = ring->end - NFA_EXPECT_EVENTS;
    }
    fetch_values(engine, event);
    coming->given = event->ahead != NULL && event->ahead->n_keys > 0;
    if (coming->given) {
        coming->keys = event->ahead->keys;
        coming->n_keys = event->ahead->n_keys;
    } else {
        coming->event = *event;
        compute_keys(engine, event, coming);
    }
    fetch_keys(engine, STEP, FETCH_SLOT);
    fetch_keys(engine, 2 * STEP, FETCH_ADDRESS);
    fetch_keys(engine, 3 * STEP, FETCH_HEAD);
    fetch_keys(engine, 4 * STEP, FETCH_REST);
}

static bool is_same(const nfa_event *a, const nfa_event *b)
{
    return a->slots == b->slots && a->ref == b->ref && a->identity == b->identity && a->time_ms == b->time_ms
        && a->stream == b->stream;
}

static bool is_coming(const nfa_coming *coming, const nfa_event *event)
{
    return coming->given ? event->ahead != NULL && coming->keys == event->ahead->keys : is_same(&coming->event, event);
}

/* What was announced of the event, and with it what was announced before and has not come; NULL: it was not announced. */
static const nfa_coming *take_coming(nfa_expected *ring, const nfa_event *event)
{
    for (uint32_t i = 0; i < SEARCH_EVENTS && ring->next + i != ring->end; i++) {
        const nfa_coming *coming = coming_at(ring, ring->next + i);
        if (is_coming(coming, event)) {
            ring->next += i + 1;
            return coming;
        }
    }
    return NULL;
}

static void recall_key(nfa_engine *engine, const nfa_ahead *from)
{
    if (is_strange(engine, from)) {
        return;     /* nfa_key_look knows what it is */
    }
    nfa_key *key = &engine->keys[from->group];
    key->stamp = engine->stamp;
    key->hash = from->hash;
    key->len = from->len;
    key->null = key->foreign = false;
    key->bytes = from->bytes;
    bool is_it = engine->annex == NULL && nfa_block_is(engine->store, from->block, from->id, from->bytes, from->len);
    key->block = is_it ? nfa_settled(engine, from->block) : nfa_found(engine, from->id, from->bytes, from->len, from->hash);
}

void nfa_expect_recall(nfa_engine *engine, const nfa_event *event)
{
    const nfa_expected *ring = &engine->expected;
    const nfa_coming *coming = take_coming(&engine->expected, event);
    const nfa_ahead *keys = event->ahead != NULL ? event->ahead->keys : NULL;
    uint32_t n = event->ahead != NULL ? event->ahead->n_keys : 0;
    if (n == 0 && coming != NULL && ring->n_keys - coming->first <= NFA_EXPECT_KEYS) {
        keys = coming->keys;
        n = coming->n_keys;
    }
    for (uint32_t i = 0; i < n; i++) {
        recall_key(engine, &keys[i]);
    }
}

void nfa_expect_pass(nfa_engine *engine, const nfa_event *event)
{
    (void)take_coming(&engine->expected, event);
}

void nfa_expect_forget(nfa_engine *engine)
{
    engine->expected.next = engine->expected.end;
    engine->stamp++;
}
