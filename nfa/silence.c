/*
 * silence.c: a lone absence, `match not heartbeat for 3m`: the key falls silent and somebody should know.
 *
 * A key is armed by an event of the rule's streams (or from the start, when its keys are known from a table); each fitting event moves the
 * deadline. The deadline acts once; the next event arms it again.
 */
#include "nfa/shard.h"

typedef struct silence_root {
    int64_t due_ms;         /* NFA_NEVER: not armed */
    int64_t since_ms;       /* the last event heard, or the start of watching */
    uint64_t ref, identity;
    uint32_t stream;        /* NFA_NONE: never heard of */
    uint32_t armed;
} silence_root;

int64_t silence_since(const nfa_section *section)
{
    return ((const silence_root *)nfa_section_root(section))->since_ms;
}

static uint64_t bits_of(uint32_t first, uint32_t n)
{
    return n == 0 ? 0 : (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

static bool holds(const nfa_env *env, const plan_pattern *pattern, uint64_t mask, uint32_t first, uint32_t n)
{
    for (uint64_t bits = mask & bits_of(first, n); bits != 0; bits &= bits - 1) {
        uint32_t rest = pattern->atoms[__builtin_ctzll(bits)].rest;
        if (rest == PLAN_NONE || nfa_holds(env, rest)) {
            return true;
        }
    }
    return false;
}

static int64_t span_of(const nfa_env *env, const plan_pattern *pattern)
{
    egret_value span = nfa_eval(env, pattern->absence_for);
    return span.type == EGRET_DURATION ? span.u.i : PLAN_FOREVER;
}

static void arm(const nfa_env *env, const plan_pattern *pattern, silence_root *root)
{
    int64_t span = span_of(env, pattern);
    root->armed = span != PLAN_FOREVER;
    root->due_ms = span == PLAN_FOREVER || env->now_ms > INT64_MAX - span ? NFA_NEVER : env->now_ms + span;
}

static egret_status open_root(nfa_engine *engine, uint32_t rule, nfa_key *key, nfa_section *section)
{
    uint32_t block = nfa_key_block(engine, key, engine->plan->rules[rule].group);
    if (block == NFA_NO_BLOCK || !nfa_section_get(engine->store, block, &engine->silence[rule], section)) {
        return EGRET_NO_MEMORY;
    }
    return EGRET_OK;
}

egret_status silence_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    const plan_rule *def = &engine->plan->rules[rule];
    const plan_pattern *pattern = def->pattern;
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .rule = def, .block = key->block, .key = key};
    bool fits = holds(&env, pattern, mask, pattern->absence_atoms, pattern->n_absence_atoms);
    bool cancelled = false;
    for (uint32_t i = 0; !fits && !cancelled && i < pattern->n_unless; i++) {
        cancelled = holds(&env, pattern, mask, pattern->unless[i].atoms, pattern->unless[i].n_atoms);
    }
    nfa_section section;
    egret_status status = open_root(engine, rule, key, &section);
    if (status != EGRET_OK) {
        return status;
    }
    silence_root *root = nfa_section_root(&section);
    if (cancelled) {
        nfa_section_drop(&section);
        return EGRET_OK;
    }
    if (!fits && root->armed != 0) {
        return EGRET_OK;
    }
    env.block = key->block;
    root->since_ms = event->time_ms;
    root->ref = event->ref;
    root->identity = event->identity;
    root->stream = engine->stream_id[event->stream];
    arm(&env, pattern, root);
    return nfa_hang(engine, &section);
}

egret_status silence_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    const plan_rule *def = &engine->plan->rules[rule];
    silence_root *root = nfa_section_root(section);
    root->armed = 0;
    root->due_ms = NFA_NEVER;
    nfa_match match = {.rule = def, .rule_index = rule, .block = section->block, .time_ms = due_ms,
                       .started_ms = root->since_ms, .first_identity = root->identity, .last_identity = (uint64_t)due_ms};
    if (root->stream != NFA_NONE) {
        egret_evidence *heard = egret_arena_alloc(&engine->out, sizeof *heard);
        if (heard == NULL) {
            return EGRET_NO_MEMORY;
        }
        *heard = (egret_evidence){.step = "", .stream = engine->stream_name[root->stream],
                                  .time_ms = root->since_ms, .ref = root->ref, .identity = root->identity};
        match.events = heard;
        match.n_events = match.n_events_total = 1;
    }
    nfa_env env = {.engine = engine, .now_ms = due_ms, .rule = def, .block = section->block};
    egret_status status = nfa_report(&env, &match);
    if (status == EGRET_OK && nfa_section_find(engine->store, match.block, &engine->silence[rule], section)) {
        nfa_section_drop(section);      /* the next event of the key arms it anew */
    }
    return status;
}

egret_status silence_watch(nfa_engine *engine, uint32_t rule, const egret_value *parts, int64_t now_ms)
{
    const plan_rule *def = &engine->plan->rules[rule];
    nfa_key *key = &engine->keys[def->group];
    nfa_section section;
    key->stamp = 0;
    key->block = NFA_NO_BLOCK;
    if (!nfa_key_encode(engine, key, def->group, parts, engine->plan->groups[def->group].n_parts)
        || !nfa_owns(engine, def->group, key->bytes, key->len)) {
        return EGRET_OK;
    }
    egret_status status = open_root(engine, rule, key, &section);
    if (status != EGRET_OK) {
        return status;
    }
    silence_root *root = nfa_section_root(&section);
    nfa_env env = {.engine = engine, .now_ms = now_ms, .rule = def, .block = key->block, .key = key};
    root->since_ms = now_ms;
    root->stream = NFA_NONE;
    root->identity = (uint64_t)now_ms;
    arm(&env, def->pattern, root);
    return nfa_hang(engine, &section);
}

size_t silence_root_size(void)
{
    return sizeof(silence_root);
}
