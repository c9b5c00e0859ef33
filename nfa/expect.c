/*
 * expect.c: what is done for an event before it comes.
 *
 * A host that holds events back until they are in order knows what comes. The keys of such an event are computed when it is announced, and their
 * blocks are fetched into the cache: first the slot of the index, then the address of the block that it names, then the head of the
 * block, then the rest, which the head tells the length of. Each step comes some keys after the one before, so that nothing waits.
 *
 * The keys are kept until the event comes, some ten events later, so that they are computed once. What block a key has is only a guess
 * by then: it is asked again whether the block has that key.
 *
 * Events come in the order in which they were announced, nearly always: the one that comes is looked for from the oldest on, and only among
 * a few. One that is not found costs its keys being computed again.
 */
#include "nfa/shard.h"

#include <string.h>

enum { SEARCH_EVENTS = 12, STEP = 4 /* keys between one stage of fetching and the next */ };

static nfa_expected_key *key_at(nfa_expected *ring, uint32_t at)
{
    return &ring->key[at % NFA_EXPECT_KEYS];
}

/* The next stage for each key whose time has come. */
static void fetch(nfa_engine *engine, uint32_t newest)
{
    nfa_expected *ring = &engine->expected;
    nfa_expected_key *second = key_at(ring, newest - STEP);
    nfa_store_fetch_slot(engine->store, key_at(ring, newest)->hash);
    second->block = nfa_store_fetch_address(engine->store, second->hash);
    nfa_store_fetch_head(engine->store, key_at(ring, newest - 2 * STEP)->block);
    nfa_store_fetch_rest(engine->store, key_at(ring, newest - 3 * STEP)->block);
}

void nfa_engine_expect(nfa_engine *engine, const nfa_event *event)
{
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
        nfa_expected_key *key = key_at(ring, ring->n_keys);
        key->group = groups[i];
        key->block = NFA_NO_BLOCK;
        key->len = nfa_is_elsewhere(engine, groups[i]) ? NFA_NONE : nfa_key_write(engine, groups[i], event, key->bytes, NFA_EXPECT_BYTES);
        key->foreign = key->len != NFA_NONE && !nfa_owns(engine, groups[i], key->bytes, key->len);
        key->hash = key->len != NFA_NONE ? nfa_key_hash(engine->group_id[groups[i]], key->bytes, key->len) : 0;
        fetch(engine, ring->n_keys++);
    }
}

static bool is_same(const nfa_event *a, const nfa_event *b)
{
    return a->slots == b->slots && a->ref == b->ref && a->identity == b->identity && a->time_ms == b->time_ms
        && a->stream == b->stream;
}

static void recall_key(nfa_engine *engine, const nfa_expected_key *from)
{
    nfa_key *key = &engine->keys[from->group];
    key->stamp = engine->stamp;
    key->hash = from->hash;
    key->len = from->len;
    key->null = key->foreign = from->foreign;
    key->bytes = from->bytes;
    key->block = NFA_NO_BLOCK;
    if (key->foreign) {
        return;
    }
    uint32_t group = engine->group_id[from->group];
    key->block = nfa_block_is(engine->store, from->block, group, from->bytes, from->len)
                     ? from->block
                     : nfa_block_find(engine->store, group, from->bytes, from->len, from->hash);
}

void nfa_expect_recall(nfa_engine *engine, const nfa_event *event)
{
    nfa_expected *ring = &engine->expected;
    for (uint32_t i = 0; i < SEARCH_EVENTS && ring->next + i != ring->end; i++) {
        uint32_t at = (ring->next + i) % NFA_EXPECT_EVENTS;
        if (!is_same(&ring->event[at].event, event)) {
            continue;
        }
        ring->next += i + 1;
        uint32_t first = ring->event[at].key;
        for (uint32_t k = first; k != first + ring->event[at].n_keys && ring->n_keys - first <= NFA_EXPECT_KEYS; k++) {
            if (key_at(ring, k)->len != NFA_NONE) {
                recall_key(engine, key_at(ring, k));
            }
        }
        return;
    }
}

void nfa_expect_forget(nfa_engine *engine)
{
    engine->expected.next = engine->expected.end;
    engine->stamp++;
}
