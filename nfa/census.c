/*
 * census.c: see census.h.
 */
#include "nfa/census.h"

#include "nfa/block_internal.h"
#include "nfa/shard.h"

static bool holds_key(nfa_kind kind)
{
    return kind == NFA_PATTERN || kind == NFA_BRANCH || kind == NFA_SILENCE || kind == NFA_WINDOW;
}

static void look_at(const nfa_engine *engine, uint32_t block, nfa_census_row *rows)
{
    for (size_t i = 0; i < nfa_section_count(engine->store, block); i++) {
        const nfa_slot *slot = &engine->slots[nfa_section_id_at(engine->store, block, i)];
        uint32_t rule = slot->kind == NFA_LIFE ? slot->owner : slot->rule;
        if (rule == NFA_NONE || slot->kind == NFA_GONE || slot->kind == NFA_FEATURE || slot->kind == NFA_TOLD) {
            continue;
        }
        rows[rule].keys += holds_key(slot->kind);
        rows[rule].bytes += nfa_section_bytes(engine->store, block, i);
    }
}

bool nfa_census_look(const nfa_engine *engine, uint32_t *at, uint32_t blocks, nfa_census_row *rows)
{
    uint32_t limit = nfa_block_limit(engine->store), end = blocks < limit - *at && *at < limit ? *at + blocks : limit;
    for (uint32_t block = *at; block < end; block++) {
        if (nfa_block_exists(engine->store, block) && !block_is_away(engine->store, block)) {
            look_at(engine, block, rows);
        }
    }
    *at = end < limit ? end : 0;
    return end >= limit;
}

static uint32_t add_rule(uint32_t *rules, uint32_t n, uint32_t max, const nfa_sub *sub)
{
    bool of_rule = sub->kind == NFA_SUB_MATCH || sub->kind == NFA_SUB_LIFE;
    for (uint32_t i = 0; of_rule && i < n; i++) {
        of_rule = rules[i] != sub->target;
    }
    if (!of_rule || n == max) {
        return n;
    }
    rules[n] = sub->target;
    return n + 1;
}

uint32_t nfa_engine_met(const nfa_engine *engine, uint32_t *rules, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < engine->n_visits; i++) {
        n = add_rule(rules, n, max, engine->visits[i].sub);
    }
    for (uint32_t i = 0; engine->n_visits == 0 && i < engine->n_hits; i++) {
        n = add_rule(rules, n, max, engine->hits[i]);
    }
    return n;
}
