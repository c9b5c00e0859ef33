/*
 * sweep.c: memory of keys that have fallen silent.
 *
 * What merely takes room (expired attempts of a silent key) is no deadline. A few blocks are looked at every few events, round robin; what is
 * found empty goes. It changes nothing that can be seen.
 */
#include "nfa/cold.h"
#include "nfa/heir.h"
#include "nfa/told.h"

#include <string.h>

/* Every so many events up to so many blocks, but no more when they held so many sections: an event that touches a few sections pays for
 * looking at a few. Each new block pays for looking at two more, whatever they hold, so that keys which come once and never again are let go
 * of faster than they come. */
enum { SWEEP_EVERY = 8, SWEEP_BLOCKS = 2, SWEEP_SECTIONS = 48, SWEEP_FOR_EACH_NEW = 2, SWEEP_MOST_OWED = 256 };

static bool sweep_section(nfa_engine *engine, nfa_section *section, uint32_t id)
{
    const nfa_slot *slot = &engine->slots[id];
    switch (slot->kind) {
    case NFA_PATTERN: return seq_sweep(engine, slot->owner, section);
    case NFA_BRANCH: return branch_sweep(engine, slot->owner, section);
    case NFA_WINDOW: return win_sweep(engine, slot->owner, section);
    case NFA_FEATURE: return feature_sweep(engine, slot->owner, section);
    case NFA_LIFE: return life_sweep(engine, slot->owner, section);
    case NFA_SILENCE: case NFA_TOLD: case NFA_GONE: break;
    }
    return false;
}

/* Gives how many sections it looked at. Notes until when the next look is of no use. */
static size_t sweep_block(nfa_engine *engine, uint32_t block)
{
    size_t n = nfa_section_count(engine->store, nfa_settled(engine, block));
    int64_t quiet = NFA_NEVER;
    for (size_t i = n; i-- > 0;) {
        nfa_section section;
        uint32_t id = nfa_section_id_at(engine->store, block, i);
        if (engine->slots[id].kind == NFA_GONE) {
            nfa_section_drop_id(engine->store, block, id);
        } else if (!engine->slots[id].stays) {
            nfa_section_nth(engine->store, block, i, nfa_def_of(engine, id), &section);
            if (sweep_section(engine, &section, id)) {
                continue;
            }
            bool window = engine->slots[id].kind == NFA_WINDOW;
            int64_t until = window ? win_quiet_until(engine->win[engine->slots[id].owner], &section) : INT64_MIN;
            quiet = until < quiet ? until : quiet;
        }
    }
    if (nfa_section_count(engine->store, block) == 0) {
        nfa_block_drop(engine->store, block);
    } else {
        nfa_block_set_quiet(engine->store, block, quiet);
    }
    return n;
}

uint32_t nfa_swept(nfa_engine *engine, uint32_t block)
{
    if (block != NFA_NO_BLOCK)
        sweep_block(engine, block);
    return block != NFA_NO_BLOCK && nfa_block_exists(engine->store, block) ? block : NFA_NO_BLOCK;
}

void nfa_engine_sweep(nfa_engine *engine)
{
    for (uint32_t block = 0; block < nfa_block_limit(engine->store); block++)
        if (nfa_block_exists(engine->store, block) && nfa_block_bring(engine->store, block))
            (void)sweep_block(engine, block);
}

static bool may_run_out(const nfa_engine *engine, uint32_t block)
{
    return nfa_block_is_here(engine->store, block) && (engine->heirs_left > 0 || !nfa_block_is_quiet(engine->store, block, engine->clock_ms));
}

/* Blocks that were noted last time, whose memory has come meanwhile; as many as may be looked at. */
static void sweep_noted(nfa_engine *engine)
{
    nfa_sweep *sweep = &engine->sweep;
    size_t looked = 0;
    uint32_t i = 0;
    for (; i < sweep->n_noted && looked < SWEEP_SECTIONS; i++) {
        if (may_run_out(engine, sweep->noted[i])) {
            looked += sweep_block(engine, sweep->noted[i]);
        }
    }
    sweep->n_noted -= i;
    memmove(sweep->noted, sweep->noted + i, sweep->n_noted * sizeof sweep->noted[0]);
}

/* The next block in turn. Where sections have heirs they are brought over at once. */
static void sweep_next(nfa_engine *engine)
{
    nfa_sweep *sweep = &engine->sweep;
    sweep->at = sweep->at + 1 < nfa_block_limit(engine->store) ? sweep->at + 1 : 0;
    if (engine->heirs_left > 0) {
        if (may_run_out(engine, sweep->at)) {
            (void)sweep_block(engine, sweep->at);
        }
        /* What is not in memory is brought over when it comes back. */
        bool older = sweep->at < engine->heirs_below;
        if (older && engine->store->n_away == 0 && --engine->heirs_left == 0) {
            engine->n_heirs = 0;        /* all blocks have been here */
        }
    } else if (may_run_out(engine, sweep->at)) {
        nfa_store_fetch_block(engine->store, sweep->at);
        sweep->noted[sweep->n_noted++] = sweep->at;
    }
}

/* Walks on over the blocks, farther the more have come. Nearly all are passed over without a look; of the others the memory is asked for, and they are
 * looked at next time, as waiting for it would cost more than the look. */
void nfa_sweep_on(nfa_engine *engine)
{
    nfa_store_relieve(engine->store);
    nfa_sweep *sweep = &engine->sweep;
    if (++sweep->tick % SWEEP_EVERY != 0) {
        return;
    }
    (void)nfa_store_tidy(engine->store);
    sweep_noted(engine);
    uint64_t born = nfa_block_born(engine->store);
    sweep->owed += (born - sweep->born) * SWEEP_FOR_EACH_NEW + SWEEP_BLOCKS;
    sweep->born = born;
    while (sweep->owed > 0 && sweep->n_noted < NFA_SWEEP_NOTED && nfa_block_limit(engine->store) > 0) {
        sweep_next(engine);
        sweep->owed--;
    }
    sweep->owed = sweep->owed < SWEEP_MOST_OWED ? sweep->owed : SWEEP_MOST_OWED;
}
