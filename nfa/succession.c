/*
 * succession.c: see succession.h.
 */
#include "nfa/succession.h"

#include "nfa/heir.h"
#include "nfa/ids.h"
#include "nfa/told.h"

#include <string.h>

bool nfa_succession_may(const nfa_engine *before)
{
    return told_is_empty(before) && before->first == NULL && before->annex == NULL;
}

/* ---- counters ---- */

static uint32_t rule_of(const plan *p, const plan_rule *wanted)
{
    uint32_t low = 0, high = p->n_rules;
    while (low < high) {        /* most are of level 0, in order of names */
        uint32_t middle = low + (high - low) / 2;
        const plan_rule *rule = &p->rules[middle];
        int order = rule->level != wanted->level ? (rule->level < wanted->level ? -1 : 1) : egret_str_cmp(rule->name, wanted->name);
        order = order != 0 ? order : (rule->instance > wanted->instance) - (rule->instance < wanted->instance);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    for (uint32_t i = 0; i < p->n_rules; i++) {         /* its level is another now */
        if (p->rules[i].name_hash == wanted->name_hash) {
            return i;
        }
    }
    return NFA_NONE;
}

static void take_counters(nfa_engine *next, const nfa_engine *before)
{
    const plan *then = before->plan;
    uint32_t at = 0;        /* most rules stand behind the same rule as before */
    for (uint32_t i = 0; i < next->plan->n_rules; i++) {
        const plan_rule *rule = &next->plan->rules[i];
        uint32_t was = at < then->n_rules && then->rules[at].name_hash == rule->name_hash ? at : rule_of(then, rule);
        if (was != NFA_NONE) {
            next->rule_stats[i] = before->rule_stats[was];
            at = was + 1;
        }
    }
    next->stats = before->stats;
}

/* ---- keys known from tables ---- */

static uint32_t table_named(const plan *p, egret_str name)
{
    uint32_t i = 0;
    while (i < p->n_tables && !egret_str_eq(p->tables[i].name, name)) {
        i++;
    }
    return i < p->n_tables ? i : NFA_NONE;
}

static egret_status take_tables(nfa_engine *next, const nfa_engine *before)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < next->plan->n_tables; i++) {
        uint32_t was = table_named(before->plan, next->plan->tables[i].name);
        const nfa_rows *old = was != NFA_NONE ? nfa_content_table(before, was) : NULL;
        if (old != NULL && !nfa_rows_same(old, nfa_content_table(next, i))) {
            status = known_keys_change(next, i, old);
        }
    }
    return status == EGRET_OK ? known_keys_join(next, before) : status;
}

/* ---- taking over ---- */

void succession_hand_over(nfa_engine *next, nfa_engine *before)
{
    nfa_store *store = next->store;
    nfa_timers *timers = next->timers;
    next->store = before->store;
    nfa_store_forget_quiet(next->store);    /* what no rule stands for any more is to be swept */
    next->timers = before->timers;
    before->store = store;
    before->timers = timers;
    next->clock_ms = before->clock_ms;
    next->start_ms = before->start_ms;
    next->started = before->started;
    next->failed = before->failed;
    next->stamp = before->stamp + 1;
    next->sweep = before->sweep;
    take_counters(next, before);
    if (!heirs_take(next, before)) {
        next->failed = true;
    }
    before->failed = true;
}

egret_status succession_settle(nfa_engine *next, const nfa_engine *before)
{
    egret_status status = next->failed ? EGRET_NO_MEMORY : next->started ? take_tables(next, before) : EGRET_OK;
    next->failed = next->failed || status == EGRET_NO_MEMORY;
    return status;
}

egret_status nfa_succession_take(nfa_engine *next, nfa_engine *before)
{
    succession_hand_over(next, before);
    return succession_settle(next, before);
}

/* ---- telling ---- */

static bool knew(const nfa_engine *before, uint32_t id)
{
    return id < before->n_slots && before->slots[id].kind != NFA_GONE;
}

static nfa_fate fate_of(const nfa_engine *before, const nfa_section_def *def, bool there_was_one)
{
    if (def == NULL || def->id == NFA_NONE) {
        return NFA_FATE_NOTHING;
    }
    return knew(before, def->id) ? NFA_FATE_KEPT : there_was_one ? NFA_FATE_DROPPED : NFA_FATE_NEW;
}

static const nfa_section_def *match_def(const nfa_engine *engine, uint32_t rule)
{
    if (engine->plan->rules[rule].kind == PLAN_THRESHOLD) {
        return &engine->win[engine->plan->rules[rule].threshold.window]->def;
    }
    return engine->seq[rule] != NULL ? &engine->seq[rule]->def : &engine->silence[rule];
}

nfa_fates nfa_succession_of_rule(const nfa_engine *next, const nfa_engine *before, uint32_t rule)
{
    uint32_t was = rule_of(before->plan, &next->plan->rules[rule]);
    bool had_life = was != NFA_NONE && before->life[was].id != NFA_NONE;
    nfa_fates fates = {.match = fate_of(before, match_def(next, rule), was != NFA_NONE), .life = fate_of(before, &next->life[rule], had_life)};
    fates.keep = fates.match == NFA_FATE_DROPPED ? heir_of_rule(next, before, rule, was) : 0;
    if (fates.keep > 0) {
        fates.match = fates.keep == UINT32_MAX ? NFA_FATE_KEPT : NFA_FATE_SOME;
    }
    if (fates.life == NFA_FATE_NOTHING && had_life) {
        fates.life = NFA_FATE_DROPPED;
    }
    return fates;
}

bool nfa_succession_warms(const nfa_engine *next, const nfa_engine *before, uint32_t rule)
{
    const plan_rule *def = &next->plan->rules[rule];
    if (def->warm_up_ms == 0 || def->mode == PLAN_OFF) {
        return false;
    }
    nfa_fate fate = nfa_succession_of_rule(next, before, rule).match;
    return fate == NFA_FATE_NEW || fate == NFA_FATE_DROPPED;
}

nfa_fate nfa_succession_of_profile(const nfa_engine *next, const nfa_engine *before, uint32_t profile)
{
    const plan_profile *own = &next->plan->profiles[profile];
    bool was = false;
    for (uint32_t i = 0; i < before->plan->n_profiles; i++) {
        was = was || egret_str_eq(before->plan->profiles[i].name, own->name);
    }
    return fate_of(before, &next->win[own->window]->def, was);
}
