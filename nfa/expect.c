/*
 * expect.c: what is done for an event before it comes.
 *
 * A host that holds events back until they are in order knows what comes. The keys of such an event are computed when it is announced: their
 * blocks are fetched into the cache, in three steps, each some keys after the one before, so that nothing waits. And the keys are kept until
 * the event comes, which is some ten events later, so that they are computed once.
 *
 * Events come in the order in which they were announced, nearly always: the one that comes is looked for from the oldest on, and only among
 * a few. One that is not found costs its keys being computed again.
 */
#include "nfa/shard.h"

#include <string.h>

enum { SEARCH_EVENTS = 12 };

static void fetch(nfa_engine *engine, uint64_t hash)
{
    nfa_expected *ring = &engine->expected;
    uint32_t at = ring->at++;
    ring->hash[at % NFA_EXPECT_RING] = hash;
    nfa_store_fetch(engine->store, hash, 0);
    nfa_store_fetch(engine->store, ring->hash[(at - NFA_EXPECT_STEP) % NFA_EXPECT_RING], 1);
    nfa_store_fetch(engine->store, ring->hash[(at - 2 * NFA_EXPECT_STEP) % NFA_EXPECT_RING], 2);
}

void nfa_engine_expect(nfa_engine *engine, const nfa_event *event)
{
    const uint32_t *groups;
    uint32_t n = nfa_dispatch_groups(engine, event->stream, &groups);
    nfa_expected *ring = &engine->expected;
    nfa_key *key = engine->expect_key;
    nfa_expected_event *entry = &ring->event[ring->end++ % NFA_EXPECT_EVENTS];
    if (ring->end - ring->next > NFA_EXPECT_EVENTS) {
        ring->next = ring->end - NFA_EXPECT_EVENTS;
    }
    entry->event = *event;
    for (uint32_t i = 0; i < n; i++) {
        bool known = nfa_key_compute(engine, groups[i], event, key);
        if (known) {
            fetch(engine, key->hash);
        }
        if (i < NFA_EXPECT_KEYS) {
            entry->key[i].len = known && key->len <= NFA_EXPECT_BYTES ? key->len : NFA_NONE;
            entry->key[i].hash = key->hash;
            memcpy(entry->key[i].bytes, key->bytes, NFA_EXPECT_BYTES);
        }
    }
}

static bool is_same(const nfa_event *a, const nfa_event *b)
{
    return a->slots == b->slots && a->ref == b->ref && a->identity == b->identity && a->time_ms == b->time_ms
        && a->stream == b->stream;
}

static void recall_keys(nfa_engine *engine, const nfa_expected_event *entry)
{
    const uint32_t *groups;
    uint32_t n = nfa_dispatch_groups(engine, entry->event.stream, &groups);
    for (uint32_t i = 0; i < n && i < NFA_EXPECT_KEYS; i++) {
        if (entry->key[i].len == NFA_NONE) {
            continue;
        }
        nfa_key *key = &engine->keys[groups[i]];
        key->stamp = engine->stamp;
        key->hash = entry->key[i].hash;
        key->len = entry->key[i].len;
        key->null = false;
        memcpy(key->bytes, entry->key[i].bytes, NFA_EXPECT_BYTES);
        key->block = nfa_block_find(engine->store, groups[i], key->bytes, key->len, key->hash);
    }
}

void nfa_expect_recall(nfa_engine *engine, const nfa_event *event)
{
    nfa_expected *ring = &engine->expected;
    for (uint32_t i = 0; i < SEARCH_EVENTS && ring->next + i != ring->end; i++) {
        const nfa_expected_event *entry = &ring->event[(ring->next + i) % NFA_EXPECT_EVENTS];
        if (is_same(&entry->event, event)) {
            ring->next += i + 1;
            recall_keys(engine, entry);
            return;
        }
    }
}
