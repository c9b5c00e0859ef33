/*
 * annex.c: what new rules know of the past moves into the blocks of the keys, one key at a time; see warm.h.
 *
 * Both stores name sections by the same ids and hash keys alike, so what moves is copied as it lies (nfa_section_transfer).
 */
#include "nfa/warm.h"

#include "nfa/cold.h"

#include <string.h>

bool annex_take(nfa_engine *engine, nfa_engine *filled)
{
    size_t bytes = engine->n_slots + 1u;
    nfa_annex *annex = egret_mem_alloc(engine->mem, sizeof *annex);
    bool *moving = egret_mem_alloc(engine->mem, bytes);
    if (annex == NULL || moving == NULL) {
        egret_mem_free(engine->mem, annex, sizeof *annex);
        egret_mem_free(engine->mem, moving, bytes);
        return false;
    }
    memcpy(moving, filled->warm->moves, bytes);
    *annex = (nfa_annex){.store = filled->store, .timers = filled->timers, .moves = moving, .moves_bytes = bytes};
    filled->store = NULL;
    filled->timers = NULL;
    filled->failed = true;
    engine->annex = annex;
    return true;
}

void annex_free(nfa_engine *engine)
{
    nfa_annex *annex = engine->annex;
    if (annex == NULL) {
        return;
    }
    nfa_store_free(annex->store);
    nfa_timers_free(annex->timers);
    egret_mem_free(engine->mem, annex->moves, annex->moves_bytes);
    egret_mem_free(engine->mem, annex, sizeof *annex);
    engine->annex = NULL;
}

/* Hangs the block up where what has come into it is due before all that was there. */
static bool hang(nfa_engine *engine, uint32_t block, int64_t due)
{
    if (due >= nfa_block_due(engine->store, block)) {
        return true;
    }
    nfa_block_set_due(engine->store, block, due);
    return nfa_timers_push(engine->timers, due, block);
}

/* What moves of the annex's block goes into `block` (NFA_NO_BLOCK: there is none yet), the rest with the annex's. Gives the block of the key. */
static uint32_t move(nfa_engine *engine, uint32_t from, uint32_t block)
{
    nfa_annex *annex = engine->annex;
    size_t len;
    const void *key = nfa_block_key(annex->store, from, &len);
    uint32_t group = nfa_block_group(annex->store, from);
    int64_t due = NFA_NEVER;
    for (size_t i = 0; i < nfa_section_count(annex->store, from) && !engine->failed; i++) {
        uint32_t id = nfa_section_id_at(annex->store, from, i);
        nfa_section section;
        if (!annex->moves[id]) {
            continue;
        }
        block = block != NFA_NO_BLOCK ? block : nfa_block_get(engine->store, group, key, len, nfa_key_hash(group, key, len));
        if (block == NFA_NO_BLOCK || !nfa_section_transfer(annex->store, from, engine->store, block, nfa_def_of(engine, id), &section)) {
            engine->failed = true;
            break;
        }
        int64_t own = ((const nfa_root *)nfa_section_root(&section))->due_ms;
        due = own < due ? own : due;
    }
    nfa_block_drop(annex->store, from);
    engine->failed = engine->failed || (due != NFA_NEVER && !hang(engine, block, due));
    return block;
}

uint32_t annex_bring(nfa_engine *engine, uint32_t block, uint32_t group, const void *key, size_t len, uint64_t hash)
{
    uint32_t from = engine->failed ? NFA_NO_BLOCK : nfa_block_find(engine->annex->store, group, key, len, hash);
    return from != NFA_NO_BLOCK ? move(engine, from, block) : block;
}

void annex_join(nfa_engine *engine, uint32_t block)
{
    size_t len;
    const void *key = nfa_block_key(engine->store, block, &len);
    uint32_t group = nfa_block_group(engine->store, block);
    (void)annex_bring(engine, block, group, key, len, nfa_key_hash(group, key, len));
}

/* The block as one of the engine's, if its key has one there. */
static void move_away(nfa_engine *engine, uint32_t from)
{
    size_t len;
    const void *key = nfa_block_key(engine->annex->store, from, &len);
    uint32_t group = nfa_block_group(engine->annex->store, from);
    uint32_t block = nfa_block_find(engine->store, group, key, len, nfa_key_hash(group, key, len));
    if (!nfa_store_is_lost(engine->store)) {
        (void)move(engine, from, block);
    }
}

void annex_bring_due(nfa_engine *engine, int64_t limit_ms)
{
    nfa_annex *annex = engine->annex;
    int64_t due;
    uint32_t block;
    while (!engine->failed && nfa_timers_top(annex->timers, &due, &block) && due < limit_ms) {
        nfa_timers_pop(annex->timers);
        if (nfa_block_exists(annex->store, block)) {
            move_away(engine, block);
        }
    }
}

bool annex_settle(nfa_engine *engine, uint32_t n)
{
    nfa_annex *annex = engine->annex;
    if (annex == NULL) {
        return false;
    }
    for (; n > 0 && annex->at < nfa_block_limit(annex->store) && !engine->failed; annex->at++) {
        if (nfa_block_exists(annex->store, annex->at)) {
            move_away(engine, annex->at);
            n--;
        }
    }
    nfa_store_relieve(engine->store);
    if (engine->failed || annex->at < nfa_block_limit(annex->store)) {
        return !engine->failed;
    }
    annex_free(engine);
    return false;
}
