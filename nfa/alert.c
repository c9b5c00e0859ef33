/*
 * alert.c: from match to alert, and the life of an open alert.
 *
 * A match passes, in this order: warm up, except, active, an alert still open (resolve), throttle. What stops it counts it; the match is spent all the
 * same. A rule in shadow mode and one that signals go the same way; they speak to rules alone (told.h). What gets through is written out whole: values of the alert block and of every let, the key, the evidence, and an id that depends
 * on the rule, its definition, the key and the first and completing events alone, so that the same evidence gives the same id.
 *
 * The life of an alert stands in a section of its own, present only while there is something to remember.
 */
#include "nfa/life.h"
#include "nfa/told.h"
#include "nfa/warm.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const char *const life_levels[] = {"info", "low", "medium", "high", "critical"};

void life_layout(const plan_rule *rule, nfa_section_def *def)
{
    def->root_size = (uint16_t)sizeof(life_root);
    if (rule->repeat_ms > 0) {
        repeat_layout(def);
    }
    throttle_layout(rule, def);
}

/* ---- writing an alert out ---- */

egret_value nfa_copy_out(nfa_engine *engine, egret_value v)
{
    if (v.type == EGRET_STRING) {
        v.u.s = egret_arena_str(&engine->out, v.u.s, v.len).ptr;
        v.type = v.u.s ? EGRET_STRING : EGRET_NULL;
    }
    return v;
}

static plan_level severity_of(const nfa_env *env, const plan_rule *rule)
{
    egret_value v = rule->severity == PLAN_NONE ? egret_null() : nfa_eval(env, rule->severity);
    for (size_t i = 0; v.type == EGRET_STRING && i < sizeof life_levels / sizeof *life_levels; i++) {
        if (strlen(life_levels[i]) == v.len && memcmp(life_levels[i], v.u.s, v.len) == 0) {
            return (plan_level)i;
        }
    }
    return PLAN_MEDIUM;
}

static const egret_named_value *key_of(nfa_engine *engine, const plan_rule *rule, uint32_t rule_index, uint32_t block)
{
    const plan_group *group = &engine->plan->groups[rule->group];
    egret_named_value *key = egret_arena_alloc(&engine->out, (group->n_parts + 1) * sizeof *key);
    size_t len = 0;
    const void *bytes = nfa_block_key(engine->store, block, &len);
    for (uint32_t i = 0; key != NULL && i < group->n_parts; i++) {
        key[i].name = engine->names[rule_index].keys[i];
        key[i].value = nfa_copy_out(engine, nfa_key_part(bytes, len, i));
    }
    return key;
}

static void add_fields(const nfa_env *env, const plan_pair *pairs, uint32_t n_pairs, const char *const *names, egret_named_value *field, size_t *n)
{
    for (uint32_t i = 0; i < n_pairs; i++) {
        field[(*n)++] = (egret_named_value){.name = names[i], .value = nfa_copy_out(env->engine, nfa_eval(env, pairs[i].expr))};
    }
}

/* What the alert says: the pairs of its block, then the lets. */
static const egret_named_value *fields_of(const nfa_env *env, const nfa_match *match, size_t *n)
{
    const plan_rule *rule = match->rule;
    const nfa_names *names = &env->engine->names[match->rule_index];
    egret_named_value *field = egret_arena_alloc(&env->engine->out, (rule->n_fields + rule->n_lets + rule->n_timeout + 1) * sizeof *field);
    *n = 0;
    if (field == NULL) {
        return NULL;
    }
    if (match->timeout) {
        add_fields(env, rule->timeout, rule->n_timeout, names->timeout, field, n);
    } else {
        add_fields(env, rule->fields, rule->n_fields, names->fields, field, n);
        add_fields(env, rule->lets, rule->n_lets, names->lets, field, n);
    }
    return field;
}

static void make_id(nfa_engine *engine, const nfa_match *match, uint64_t id[2])
{
    size_t len = 0;
    const void *key = nfa_block_key(engine->store, match->block, &len);
    uint64_t parts[6] = {match->rule->name_hash, match->rule->hash, XXH3_64bits(key, len), match->first_identity,
                         match->last_identity, match->ordinal};
    XXH128_hash_t hash = XXH3_128bits(parts, sizeof parts);
    id[0] = hash.high64;
    id[1] = hash.low64;
}

void nfa_id_text(char out[33], const uint64_t id[2])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        out[i] = digits[id[i / 16] >> (60 - i % 16 * 4) & 15];
    }
    out[32] = '\0';
}

bool life_speaks(const plan_rule *rule)
{
    return rule->mode == PLAN_LIVE && !rule->signals;
}

nfa_alert *life_queue(nfa_engine *engine, uint32_t rule_index)
{
    nfa_queued *queued = egret_arena_alloc(&engine->out, sizeof *queued);
    if (queued == NULL) {
        return NULL;
    }
    if (life_speaks(&engine->plan->rules[rule_index])) {
        *engine->last = queued;
        engine->last = &queued->next;
    }
    queued->tag = engine->tag;
    if (engine->n_shards > 1 && queued->tag.key_len > 0) {
        queued->tag.key = egret_arena_str(&engine->out, queued->tag.key, queued->tag.key_len).ptr;     /* for longer than the instant */
        if (queued->tag.key == NULL) {
            return NULL;
        }
    }
    queued->alert.rule = rule_index;
    queued->alert.body.size = sizeof queued->alert.body;
    queued->alert.body.rule = engine->names[rule_index].rule;
    return &queued->alert;
}

/* *told: the alert; in the queue, if the rule speaks to people. */
static egret_status deliver(nfa_env *env, const nfa_match *match, const uint64_t id[2], uint64_t held_back, plan_level level,
                            const egret_alert **told)
{
    nfa_engine *engine = env->engine;
    size_t n = 0;
    const egret_named_value *fields = fields_of(env, match, &n);
    const egret_named_value *key = key_of(engine, match->rule, match->rule_index, match->block);
    if (engine->out.failed || engine->scratch.failed) {
        return EGRET_NO_MEMORY;
    }
    const egret_evidence *events = told_expand(engine, match->events, match->n_events);
    nfa_alert *alert = match->n_events > 0 && events == NULL ? NULL : life_queue(engine, match->rule_index);
    if (alert == NULL) {
        return EGRET_NO_MEMORY;
    }
    egret_alert *body = &alert->body;
    body->kind = match->timeout ? EGRET_TIMEOUT : EGRET_ALERT;
    nfa_id_text(body->id, id);
    body->severity = life_levels[level];
    body->time_ms = match->time_ms;
    body->started_ms = match->started_ms;
    body->key = key;
    body->n_key = engine->plan->groups[match->rule->group].n_parts;
    body->fields = fields;
    body->n_fields = n;
    body->events = events;
    body->n_events = match->n_events;
    body->n_events_total = match->n_events_total;
    body->held_back = held_back;
    body->limited = match->limited;
    nfa_rule_stats *stats = &engine->rule_stats[match->rule_index];
    bool live = match->rule->mode == PLAN_LIVE;
    engine->stats.alerts += live && !match->rule->signals;
    stats->alerts += live && !match->rule->signals;
    stats->signals += live && match->rule->signals;
    stats->held_back += !live;
    *told = body;
    return EGRET_OK;
}

/* ---- life ---- */

static bool lives(const plan_rule *rule)
{
    return rule->throttle_ms > 0 || rule->resolves || rule->n_rungs > 0;
}

/* What has grown in the block may have moved its other sections: those in use are found again. */
static void find_again(nfa_env *env, uint32_t block)
{
    nfa_section *used = env->run ? env->run->section : env->window;
    if (used != NULL) {
        (void)nfa_section_find(env->engine->store, block, used->def, used);
    }
}

static egret_status open_life(nfa_env *env, const nfa_match *match, nfa_section *life)
{
    nfa_engine *engine = env->engine;
    const nfa_section_def *def = &engine->life[match->rule_index];
    if (nfa_section_find(engine->store, match->block, def, life)) {
        return EGRET_OK;
    }
    if (!nfa_section_get(engine->store, match->block, def, life)) {
        return EGRET_NO_MEMORY;
    }
    life_root *root = nfa_section_root(life);
    root->due_ms = root->resolve_due_ms = root->repeat_due_ms = NFA_NEVER;
    find_again(env, match->block);
    return EGRET_OK;
}

/* Is it held back by an open alert or by throttle? Then it is counted. */
static egret_status hold_back(nfa_env *env, const nfa_match *match, nfa_section *section, uint64_t per, bool *held)
{
    life_root *life = nfa_section_root(section);
    bool open = match->rule->resolves && (life->flags & LIFE_OPEN) != 0;
    *held = open || throttle_holds(match->rule, section, life, per, match->time_ms);
    if (!*held) {
        return EGRET_OK;
    }
    env->engine->rule_stats[match->rule_index].held_back++;
    if (open) {
        life->held_back++;
        return EGRET_OK;
    }
    egret_status status = throttle_count(match->rule, section, per);
    find_again(env, match->block);
    return status;
}

/* Until when some rung of `escalate` may be reached. */
static int64_t escalate_until(const plan_rule *rule, int64_t time_ms)
{
    int64_t until = time_ms;
    for (uint32_t i = 0; i < rule->n_rungs; i++) {
        int64_t within_ms = rule->rungs[i].within_ms;
        int64_t end = time_ms > INT64_MAX - within_ms ? NFA_NEVER : time_ms + within_ms;
        until = end > until ? end : until;
    }
    return until;
}

static void note_delivery(const plan_rule *rule, life_root *life, const nfa_match *match, const uint64_t id[2], plan_level level)
{
    life->flags |= LIFE_DELIVERED | (rule->resolves ? LIFE_OPEN : 0u) | (rule->n_rungs > 0 ? LIFE_MAY_ESCALATE : 0u);
    life->flags &= ~(uint32_t)(LIFE_FADING | LIFE_LIMITED | LIFE_TIMEOUT | LIFE_FORGOT);
    life->flags |= match->timeout ? LIFE_TIMEOUT : 0u;
    life->resolve_due_ms = NFA_NEVER;
    life->repeat_due_ms = rule->repeat_ms == 0 || match->time_ms > INT64_MAX - rule->repeat_ms ? NFA_NEVER
                                                                                             : match->time_ms + rule->repeat_ms;
    life_set_due(life);
    life->repeats = 0;
    life->level = level;
    life->delivered_ms = match->time_ms;
    life->held_back = 0;
    life->id[0] = id[0];
    life->id[1] = id[1];
    life->escalate_until_ms = escalate_until(rule, match->time_ms);
}

/* `active` is asked at the time of the alert, which is that of a window's close where there is one. */
static bool is_active(const nfa_env *env, const plan_rule *rule, int64_t time_ms)
{
    nfa_env then = *env;
    then.now_ms = time_ms;
    return rule->active == PLAN_NONE || nfa_holds(&then, rule->active);
}

/* A rule that is filled with the past tells nothing of it; what it looks at told it then. */
static bool is_warming(const nfa_engine *engine, const nfa_match *match)
{
    const plan_rule *rule = match->rule;
    if (engine->warm != NULL) {
        return engine->warm->fills[match->rule_index];
    }
    return rule->warm_up_ms > 0 && match->time_ms - engine->start_ms <= rule->warm_up_ms;
}

egret_status nfa_report(nfa_env *env, const nfa_match *match)
{
    nfa_engine *engine = env->engine;
    const plan_rule *rule = match->rule;
    nfa_rule_stats *stats = &engine->rule_stats[match->rule_index];
    env->block = match->block;
    env->key = NULL;
    engine->stats.matches += !match->timeout;
    stats->matches += !match->timeout;
    if (rule->only_timeouts && !match->timeout) {
        return EGRET_OK;
    }
    if (rule->mode == PLAN_OFF || is_warming(engine, match) || (rule->except != PLAN_NONE && nfa_holds(env, rule->except)) || !is_active(env, rule, match->time_ms)) {
        stats->held_back++;
        return EGRET_OK;
    }
    uint64_t id[2];
    const egret_alert *told;
    egret_status status;
    make_id(engine, match, id);
    if (!lives(rule)) {
        status = deliver(env, match, id, 0, severity_of(env, rule), &told);
        return status == EGRET_OK ? told_put(engine, match->rule_index, told, id) : status;
    }
    nfa_section section;
    status = open_life(env, match, &section);
    if (status != EGRET_OK) {
        return status;
    }
    bool held = false;
    uint64_t per = rule->throttle_per == PLAN_NONE ? 0 : egret_value_hash(nfa_eval(env, rule->throttle_per));
    status = hold_back(env, match, &section, per, &held);
    if (status != EGRET_OK || held) {
        return status;
    }
    life_root *life = nfa_section_root(&section);
    plan_level level = severity_of(env, rule);
    nfa_match marked = *match;
    marked.limited = match->limited || (life->flags & LIFE_FORGOT) != 0;
    status = deliver(env, &marked, id, life->held_back + throttle_held(rule, &section, per), level, &told);
    if (status != EGRET_OK) {
        return status;
    }
    note_delivery(rule, life, match, id, level);
    status = throttle_note(rule, &section, per, match->time_ms);
    if (status != EGRET_OK) {
        return status;
    }
    find_again(env, match->block);
    if (rule->repeat_ms > 0) {
        status = repeat_keep(engine, match->rule_index, &section, told);
        find_again(env, match->block);
        status = status == EGRET_OK ? nfa_hang(engine, &section) : status;
    }
    return status == EGRET_OK ? told_put(engine, match->rule_index, told, id) : status;
}

/* A record about an alert that is already out: it carries the same id. */
egret_alert *life_follow_up(nfa_engine *engine, uint32_t rule, const life_root *life, uint32_t block, egret_alert_kind kind, int64_t time_ms)
{
    const plan_rule *def = &engine->plan->rules[rule];
    const egret_named_value *key = key_of(engine, def, rule, block);
    nfa_alert *alert = engine->out.failed ? NULL : life_queue(engine, rule);
    if (alert == NULL) {
        return NULL;
    }
    egret_alert *body = &alert->body;
    body->kind = kind;
    nfa_id_text(body->id, life->id);
    body->severity = life_levels[PLAN_INFO];
    body->time_ms = time_ms;
    body->started_ms = life->delivered_ms;
    body->key = key;
    body->n_key = engine->plan->groups[def->group].n_parts;
    body->held_back = life->held_back;
    return body;
}

/* event: what brought it about; NULL: a deadline. */
static egret_status tell_change(nfa_engine *engine, uint32_t rule, const life_root *life, uint32_t block, egret_alert_kind kind,
                                int64_t time_ms, plan_level level, const nfa_event *event, const char *reason)
{
    egret_evidence *evidence = egret_arena_alloc(&engine->out, sizeof *evidence);
    egret_alert *body = evidence ? life_follow_up(engine, rule, life, block, kind, time_ms) : NULL;
    if (body == NULL) {
        return EGRET_NO_MEMORY;
    }
    body->severity = life_levels[level];
    body->reason = reason;
    if (event != NULL) {
        *evidence = (egret_evidence){.step = "", .stream = engine->stream_name[engine->stream_id[event->stream]], .time_ms = event->time_ms,
                                     .ref = event->ref, .identity = event->identity};
        body->events = told_expand(engine, evidence, 1);
        body->n_events = body->n_events_total = 1;
    }
    return event == NULL || body->events != NULL ? EGRET_OK : EGRET_NO_MEMORY;
}

static egret_status resolve(nfa_engine *engine, uint32_t rule, life_root *life, uint32_t block, int64_t time_ms,
                            const nfa_event *event, const char *reason)
{
    life->flags &= ~(uint32_t)(LIFE_OPEN | LIFE_FADING | LIFE_MAY_ESCALATE);
    life->due_ms = life->resolve_due_ms = life->repeat_due_ms = NFA_NEVER;
    egret_status status = tell_change(engine, rule, life, block, EGRET_RESOLVED, time_ms, PLAN_INFO, event, reason);
    life->held_back = 0;
    return status;
}

static bool some_atom(const nfa_env *env, const plan_rule *rule, uint64_t mask, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        if ((mask >> i & 1u) != 0 && (rule->atoms[i].rest == PLAN_NONE || nfa_holds(env, rule->atoms[i].rest))) {
            return true;
        }
    }
    return false;
}

/* The highest rung above where the alert stands that the event reaches; NULL: none. */
static const plan_rung *rung_reached(const nfa_env *env, const life_root *life, uint64_t mask)
{
    const plan_rung *best = NULL;
    for (uint32_t i = 0; i < env->rule->n_rungs; i++) {
        const plan_rung *rung = &env->rule->rungs[i];
        bool higher = (uint32_t)rung->to > life->level && (best == NULL || rung->to > best->to);
        bool in_time = rung->within_ms == PLAN_FOREVER || env->event->time_ms - life->delivered_ms <= rung->within_ms;
        if (higher && in_time && some_atom(env, env->rule, mask, rung->on, rung->n_on)) {
            best = rung;
        }
    }
    return best;
}

egret_status life_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    const plan_rule *def = &engine->plan->rules[rule];
    nfa_section section;
    if (key->block == NFA_NO_BLOCK || !nfa_section_find(engine->store, key->block, &engine->life[rule], &section)) {
        return EGRET_OK;
    }
    life_root *life = nfa_section_root(&section);
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .rule = def, .block = key->block, .key = key};
    const plan_rung *rung = (life->flags & LIFE_MAY_ESCALATE) != 0 ? rung_reached(&env, life, mask) : NULL;
    if (rung != NULL) {
        life->level = (uint32_t)rung->to;
        egret_status status = tell_change(engine, rule, life, key->block, EGRET_ESCALATED, event->time_ms, rung->to, event, NULL);
        if (status != EGRET_OK) {
            return status;
        }
    }
    if ((life->flags & LIFE_OPEN) != 0 && some_atom(&env, def, mask, def->resolve_on, def->n_resolve_on)) {
        return resolve(engine, rule, life, key->block, event->time_ms, event, NULL);
    }
    return EGRET_OK;
}

/* How long `resolve when` must hold; what a table does not know never ends. */
static int64_t resolve_for_ms(const nfa_env *env, const plan_rule *def)
{
    if (def->resolve_for == PLAN_NONE) {
        return def->resolve_for_ms;
    }
    egret_value v = nfa_eval(env, def->resolve_for);
    return v.type != EGRET_DURATION ? INT64_MAX : v.u.i > 0 ? v.u.i : 0;
}

egret_status life_after_change(nfa_env *env, uint32_t rule)
{
    const plan_rule *def = env->rule;
    nfa_section section;
    if (def->resolve_when == PLAN_NONE
        || !nfa_section_find(env->engine->store, env->window->block, &env->engine->life[rule], &section)) {
        return EGRET_OK;
    }
    life_root *life = nfa_section_root(&section);
    if ((life->flags & LIFE_OPEN) == 0) {
        return EGRET_OK;
    }
    if (!nfa_holds(env, def->resolve_when)) {
        life->flags &= ~(uint32_t)LIFE_FADING;
        life->resolve_due_ms = NFA_NEVER;
        life_set_due(life);
        return EGRET_OK;
    }
    int64_t span = resolve_for_ms(env, def);
    if (span == 0) {
        return resolve(env->engine, rule, life, section.block, env->now_ms, env->event, NULL);
    }
    if ((life->flags & LIFE_FADING) == 0) {
        life->flags |= LIFE_FADING;
        life->fading_since_ms = env->now_ms;
        life->resolve_due_ms = env->now_ms > INT64_MAX - span ? NFA_NEVER : env->now_ms + span;
        life_set_due(life);
    }
    return nfa_hang(env->engine, &section);
}

egret_status life_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    life_root *life = nfa_section_root(section);
    return life->resolve_due_ms <= due_ms ? resolve(engine, rule, life, section->block, due_ms, NULL, NULL)
                                          : repeat_send(engine, rule, section, due_ms);
}

bool life_is_open(nfa_engine *engine, uint32_t rule, uint32_t block)
{
    nfa_section section;
    return block != NFA_NO_BLOCK && nfa_section_find(engine->store, block, &engine->life[rule], &section)
        && (((const life_root *)nfa_section_root(&section))->flags & LIFE_OPEN) != 0;
}

egret_status life_close(nfa_engine *engine, uint32_t rule, uint32_t block, const char *reason)
{
    nfa_section section;
    if (engine->life[rule].id == NFA_NONE || !life_is_open(engine, rule, block)
        || !nfa_section_find(engine->store, block, &engine->life[rule], &section)) {
        return EGRET_OK;
    }
    return resolve(engine, rule, nfa_section_root(&section), block, engine->clock_ms, NULL, reason);
}

bool life_sweep(nfa_engine *engine, uint32_t rule, nfa_section *section)
{
    const plan_rule *def = &engine->plan->rules[rule];
    const life_root *life = nfa_section_root(section);
    bool throttled = throttle_remembers(def, section, engine->clock_ms);
    bool escalates = (life->flags & LIFE_MAY_ESCALATE) != 0 && engine->clock_ms <= life->escalate_until_ms;
    if ((life->flags & LIFE_OPEN) != 0 || throttled || escalates) {
        return false;
    }
    nfa_section_drop(section);
    return true;
}
