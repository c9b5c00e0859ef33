/*
 * throttle.c: `throttle 1h` and `throttle 1h per x`: after an alert, quiet for an hour of event time, for the key or for the key and x.
 *
 * Without `per` the root of the alert's life says it all. With it, two maps by the hash of x stand beside: when an alert with this x was told
 * last, and how many were held back since. What is told longer ago than the time is forgotten in passing. Null is a value of its own.
 */
#include "nfa/life.h"

/* The first of the two maps; they stand behind what `repeat` keeps. */
static unsigned part_told(const plan_rule *rule)
{
    return rule->repeat_ms > 0 ? 2 : 0;
}

static unsigned part_held(const plan_rule *rule)
{
    return part_told(rule) + 1;
}

void throttle_layout(const plan_rule *rule, nfa_section_def *def)
{
    if (rule->throttle_per == PLAN_NONE) {
        return;
    }
    def->n_parts = (uint8_t)(part_told(rule) + 2);
    def->part[part_told(rule)] = (nfa_part_def){.kind = NFA_MAP};
    def->part[part_held(rule)] = (nfa_part_def){.kind = NFA_MAP};
}

static bool is_quiet(const plan_rule *rule, int64_t told_ms, int64_t now_ms)
{
    return told_ms > INT64_MAX - rule->throttle_ms || now_ms <= told_ms + rule->throttle_ms;
}

bool throttle_holds(const plan_rule *rule, const nfa_section *section, const life_root *life, uint64_t per, int64_t now_ms)
{
    if (rule->throttle_ms == 0) {
        return false;
    }
    if (rule->throttle_per == PLAN_NONE) {
        return (life->flags & LIFE_DELIVERED) != 0 && is_quiet(rule, life->delivered_ms, now_ms);
    }
    const int64_t *told = nfa_map_find(section, part_told(rule), per);
    return told != NULL && is_quiet(rule, *told, now_ms);
}

egret_status throttle_count(const plan_rule *rule, nfa_section *section, uint64_t per)
{
    if (rule->throttle_per == PLAN_NONE) {
        ((life_root *)nfa_section_root(section))->held_back++;
        return EGRET_OK;
    }
    int64_t *held = nfa_map_get(section, part_held(rule), per);
    if (held == NULL) {
        return EGRET_NO_MEMORY;
    }
    ++*held;
    return EGRET_OK;
}

uint64_t throttle_held(const plan_rule *rule, const nfa_section *section, uint64_t per)
{
    const int64_t *held = rule->throttle_per == PLAN_NONE ? NULL : nfa_map_find(section, part_held(rule), per);
    return held != NULL ? (uint64_t)*held : 0;
}

/* Drops what is told long ago; of too many values those told longest ago, whether their time is over or not. */
static void forget(const plan_rule *rule, nfa_section *section, int64_t now_ms)
{
    nfa_map_sweep(section, part_told(rule), now_ms - rule->throttle_ms);
    for (int64_t span = rule->throttle_ms; nfa_map_count(section, part_told(rule)) > LIFE_MAX_PER;) {
        span /= 2;
        nfa_map_sweep(section, part_told(rule), now_ms - span + (span == 0));
        ((life_root *)nfa_section_root(section))->flags |= LIFE_FORGOT;
    }
    if (nfa_map_count(section, part_held(rule)) > LIFE_MAX_PER) {
        nfa_map_sweep(section, part_held(rule), INT64_MAX);
        ((life_root *)nfa_section_root(section))->flags |= LIFE_FORGOT;
    }
}

egret_status throttle_note(const plan_rule *rule, nfa_section *section, uint64_t per, int64_t now_ms)
{
    if (rule->throttle_per == PLAN_NONE) {
        return EGRET_OK;
    }
    forget(rule, section, now_ms);
    nfa_map_del(section, part_held(rule), per);
    int64_t *told = nfa_map_get(section, part_told(rule), per);
    if (told == NULL) {
        return EGRET_NO_MEMORY;
    }
    *told = now_ms;
    return EGRET_OK;
}

bool throttle_remembers(const plan_rule *rule, nfa_section *section, int64_t clock_ms)
{
    const life_root *life = nfa_section_root(section);
    if (rule->throttle_ms == 0) {
        return false;
    }
    if (rule->throttle_per == PLAN_NONE) {
        return clock_ms - life->delivered_ms <= rule->throttle_ms || life->held_back > 0;
    }
    nfa_map_sweep(section, part_told(rule), clock_ms - rule->throttle_ms);
    return nfa_map_count(section, part_told(rule)) > 0 || nfa_map_count(section, part_held(rule)) > 0;
}
