/*
 * expect.c: what is done for an event before it comes.
 *
 * A host that holds events back until they are in order knows what comes. The keys of such an event are computed when it is announced, or before
 * that by whoever reads it (foresee.c), and their blocks are fetched into the cache: first what the reader wrote, which another processor may
 * still have; then the slot of the index, then the address of the block that it names, then the head of the block, then the rest, which the head
 * tells the length of. Each step comes some events after the one before, so that nothing waits.
 *
 * What is known of a key stands in a note until the event comes, some twenty events later, so that it is found out once. What block a key has is a
 * guess: when the event comes it is asked whether that block has that key.
 *
 * Events come in the order in which they were announced, nearly always: the one that comes is looked for from the oldest on, and only among
 * a few. One that is not found costs its keys being looked for again. Keys that the host has written are only looked at until their event
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

/* Room for so many notes side by side, which are dropped when others come round. NULL: so many are never kept. */
static nfa_note *notes_begin(nfa_expected *ring, nfa_coming *coming, uint32_t n)
{
    uint32_t place = ring->n_notes % NFA_EXPECT_KEYS;
    if (n > NFA_EXPECT_KEYS) {
        return NULL;
    }
    ring->n_notes += place + n > NFA_EXPECT_KEYS ? NFA_EXPECT_KEYS - place : 0;
    coming->first = ring->n_notes;
    ring->n_notes += n;
    return &ring->note[coming->first % NFA_EXPECT_KEYS];
}

static nfa_note *notes_of(nfa_expected *ring, const nfa_coming *coming)
{
    return &ring->note[coming->first % NFA_EXPECT_KEYS];
}

/* What was announced before so many others, if it has not come yet; else NULL. */
static inline nfa_coming *announced(nfa_expected *ring, uint32_t ago)
{
    return ring->end - ring->next > ago ? coming_at(ring, ring->end - 1 - ago) : NULL;
}

static bool has_keys(const nfa_event *event)
{
    return event->ahead != NULL && event->ahead->n_keys > 0;
}

static void fetch_addresses(nfa_engine *engine, const nfa_coming *coming)
{
    nfa_note *note = notes_of(&engine->expected, coming);
    for (uint32_t i = 0; i < coming->n_notes; i++) {
        note[i].block = nfa_store_fetch_address(engine->store, note[i].hash);
    }
}

static void fetch_heads(nfa_engine *engine, const nfa_coming *coming)
{
    const nfa_note *note = notes_of(&engine->expected, coming);
    for (uint32_t i = 0; i < coming->n_notes; i++) {
        if (note[i].block != NFA_NO_BLOCK) {
            nfa_store_fetch_head(engine->store, note[i].block);
        }
    }
}

static void fetch_rests(nfa_engine *engine, const nfa_coming *coming)
{
    const nfa_note *note = notes_of(&engine->expected, coming);
    for (uint32_t i = 0; i < coming->n_notes; i++) {
        if (note[i].block != NFA_NO_BLOCK) {
            nfa_store_fetch_rest(engine->store, note[i].block);
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
    key->len = nfa_key_write(engine, group, event, key->bytes, NFA_AHEAD_BYTES);
    key->hash = key->len != NFA_NONE ? nfa_key_hash(key->id, key->bytes, key->len) : 0;
}

/* Keys of groups that are asked for only where a guard holds, when the engine has just looked which do (engine->hits). */
static uint32_t add_keys_of_hits(nfa_engine *engine, const nfa_event *event, nfa_ahead *keys, uint32_t n, uint32_t max)
{
    for (uint32_t i = 0; i < engine->n_hits && n < max; i++) {
        uint32_t group = engine->hits[i]->group, at = 0;
        while (at < n && keys[at].group != group) {
            at++;
        }
        if (at == n && is_of_fields(engine->plan, group, event->stream)) {
            compute(engine, event, group, &keys[n++]);
        }
    }
    return n;
}

uint32_t nfa_expect_keys(nfa_engine *engine, const nfa_event *event, bool has_hits, nfa_ahead *keys, uint32_t max)
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
    return has_hits ? add_keys_of_hits(engine, event, keys, n, max) : n;
}

/* The event may have been read by another processor, which still has it: such memory comes only when it is asked for as if to be written. How many keys
 * there are is not known before it has come. */
static void fetch_values(const nfa_engine *engine, const nfa_event *event)
{
    enum { AHEAD_LINES = 3 /* two keys */ };
    for (uint32_t i = 0; i < engine->plan->streams[event->stream].n_slots; i += CACHE_LINE / sizeof *event->slots) {
        __builtin_prefetch(&event->slots[i], 1);
    }
    for (uint32_t i = 0; i < AHEAD_LINES && event->ahead != NULL; i++) {
        __builtin_prefetch((const char *)event->ahead + (size_t)i * CACHE_LINE, 1);
    }
}

/* Computes the keys of the event into the ring of keys, where they stand side by side. */
static void compute_keys(nfa_engine *engine, nfa_coming *coming)
{
    nfa_expected *ring = &engine->expected;
    const uint32_t *groups;
    uint32_t n = nfa_dispatch_groups(engine, coming->event.stream, &groups);
    nfa_note *note = notes_begin(ring, coming, n);
    for (uint32_t i = 0; note != NULL && i < n; i++) {
        nfa_ahead *key = &ring->key[(coming->first + i) % NFA_EXPECT_KEYS];
        compute(engine, &coming->event, groups[i], key);
        if (!is_strange(engine, key)) {
            nfa_store_fetch_slot(engine->store, key->hash);
            note[coming->n_notes++] = (nfa_note){key->hash, NFA_NO_BLOCK, key};
        }
    }
}

/* Takes down what the reader wrote, which has come by now, or finds it out. */
static void take_keys(nfa_engine *engine, nfa_coming *coming)
{
    const nfa_foresight *ahead = coming->event.ahead;
    if (!has_keys(&coming->event)) {
        compute_keys(engine, coming);
        return;
    }
    nfa_note *note = notes_begin(&engine->expected, coming, ahead->n_keys);
    for (uint32_t i = 0; note != NULL && i < ahead->n_keys; i++) {
        if (!is_strange(engine, &ahead->keys[i])) {
            nfa_store_fetch_slot(engine->store, ahead->keys[i].hash);
            note[coming->n_notes++] = (nfa_note){ahead->keys[i].hash, NFA_NO_BLOCK, &ahead->keys[i]};
        }
    }
}

/* Each of the events announced lately is a stage farther. */
static void fetch_on(nfa_engine *engine)
{
    nfa_expected *ring = &engine->expected;
    nfa_coming *coming;
    if ((coming = announced(ring, STEP)) != NULL && coming->event.ahead != NULL) {
        take_keys(engine, coming);
    }
    if ((coming = announced(ring, 2 * STEP)) != NULL) {
        fetch_addresses(engine, coming);
    }
    if ((coming = announced(ring, 3 * STEP)) != NULL) {
        fetch_heads(engine, coming);
    }
    if ((coming = announced(ring, 4 * STEP)) != NULL) {
        fetch_rests(engine, coming);
    }
}

void nfa_engine_expect(nfa_engine *engine, const nfa_event *event)
{
    nfa_expected *ring = &engine->expected;
    nfa_coming *coming = coming_at(ring, ring->end++);
    if (ring->end - ring->next > NFA_EXPECT_EVENTS) {
        ring->next = ring->end - NFA_EXPECT_EVENTS;
    }
    coming->event = *event;
    coming->first = ring->n_notes;
    coming->n_notes = 0;
    fetch_values(engine, event);
    if (event->ahead == NULL) {
        compute_keys(engine, coming);
    }
    fetch_on(engine);
}

static bool is_coming(const nfa_coming *coming, const nfa_event *event)
{
    const nfa_event *a = &coming->event;
    return a->ahead == event->ahead && a->slots == event->slots && a->ref == event->ref && a->identity == event->identity && a->time_ms == event->time_ms
        && a->stream == event->stream;
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

/* block: which it most likely is. */
static void recall_key(nfa_engine *engine, const nfa_ahead *from, uint32_t block)
{
    nfa_key *key = &engine->keys[from->group];
    key->stamp = engine->stamp;
    key->hash = from->hash;
    key->len = from->len;
    key->null = key->foreign = false;
    key->bytes = from->bytes;
    bool is_it = engine->annex == NULL && nfa_block_is(engine->store, block, from->id, from->bytes, from->len);
    key->block = is_it ? nfa_settled(engine, block) : nfa_found(engine, from->id, from->bytes, from->len, from->hash);
}

/* Keys that are strange here are left to nfa_key_look. */
void nfa_expect_recall(nfa_engine *engine, const nfa_event *event)
{
    nfa_expected *ring = &engine->expected;
    const nfa_coming *coming = take_coming(ring, event);
    if (coming != NULL && coming->n_notes > 0 && ring->n_notes - coming->first <= NFA_EXPECT_KEYS) {
        const nfa_note *note = notes_of(ring, coming);
        for (uint32_t i = 0; i < coming->n_notes; i++) {
            recall_key(engine, note[i].key, note[i].block);
        }
        return;
    }
    for (uint32_t i = 0; has_keys(event) && i < event->ahead->n_keys; i++) {
        if (!is_strange(engine, &event->ahead->keys[i])) {
            recall_key(engine, &event->ahead->keys[i], NFA_NO_BLOCK);
        }
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
