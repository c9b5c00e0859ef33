/*
 * inspect.c: see inspect.h.
 */
#include "nfa/inspect.h"

#include "compiler/expr_print.h"
#include "nfa/branch.h"
#include "nfa/life.h"
#include "nfa/window.h"

typedef struct looking {
    nfa_engine *engine;
    const plan_rule *rule;
    uint32_t number, block;
    egret_arena *arena;
    nfa_seen *out;
    seq_step step;              /* of a pattern */
} looking;

/* ---- words ---- */

static const char *join(egret_arena *arena, const char *a, const char *between, const char *b)
{
    return a[0] == '\0' ? b : b[0] == '\0' ? a : egret_arena_printf(arena, "%s%s%s", a, between, b);
}

/* "stream [condition]" of some atoms. */
static const char *atoms_text(looking *l, const plan_atom *atoms, uint32_t first, uint32_t n)
{
    const plan *p = l->engine->plan;
    const char *all = "";
    for (uint32_t i = first; i < first + n && all != NULL; i++) {
        uint32_t guard = p->guards[atoms[i].guard].expr;
        const char *own = guard == PLAN_NONE ? "" : egret_expr_print(l->arena, p, guard);
        const char *rest = atoms[i].rest == PLAN_NONE ? "" : egret_expr_print(l->arena, p, atoms[i].rest);
        const char *condition = join(l->arena, own, " and ", rest);
        egret_str name = p->streams[atoms[i].stream].name;
        const char *text = condition == NULL ? NULL
                         : condition[0] == '\0' ? egret_arena_printf(l->arena, "%.*s", (int)name.len, name.ptr)
                                                : egret_arena_printf(l->arena, "%.*s [%s]", (int)name.len, name.ptr, condition);
        all = text != NULL ? join(l->arena, all, " | ", text) : NULL;
    }
    return all != NULL ? all : "";
}

/* ---- attempts ---- */

static nfa_seen_attempt *new_attempt(looking *l)
{
    nfa_seen *out = l->out;
    uint32_t n = l->rule->pattern->n_items;
    out->all_attempts++;
    if (out->n_attempts == NFA_SEEN_ATTEMPTS) {
        return NULL;
    }
    nfa_seen_attempt *attempt = &out->attempts[out->n_attempts];
    *attempt = (nfa_seen_attempt){.until_ms = INT64_MAX};
    attempt->bound = egret_arena_alloc(l->arena, (n + 1u) * sizeof *attempt->bound);
    attempt->waits = egret_arena_alloc(l->arena, (n + 2u) * sizeof *attempt->waits);
    if (l->arena->failed) {
        return NULL;
    }
    out->n_attempts++;
    return attempt;
}

static void tell_bound(looking *l, nfa_seen_attempt *attempt, const seq_run *run)
{
    for (uint32_t i = 0; i < run->pattern->n_items; i++) {
        if (seq_first_of(run, i) == NFA_NONE) {
            continue;
        }
        const seq_event *event = seq_log(run->section, run->layout, seq_last_of(run, i));
        attempt->bound[attempt->n_bound++] = (nfa_seen_bound){.step = l->engine->names[l->number].items[i], .time_ms = event->time_ms,
                                                              .ref = event->ref, .count = seq_count_of(run, i)};
    }
    attempt->started_ms = seq_log(run->section, run->layout, run->word[SEQ_START])->time_ms;
}

static void tell_wait(looking *l, nfa_seen_attempt *attempt, uint32_t item)
{
    const plan_pattern *pattern = l->rule->pattern;
    attempt->waits[attempt->n_waits++] = (nfa_seen_wait){.step = l->engine->names[l->number].items[item],
                                                         .condition = atoms_text(l, pattern->atoms, pattern->items[item].atoms, pattern->items[item].n_atoms)};
}

static void look_at_attempt(looking *l, uint32_t item, bool open, uint32_t *word)
{
    nfa_seen_attempt *attempt = new_attempt(l);
    if (attempt == NULL) {
        return;
    }
    seq_place p = seq_place_of(&l->step, item, open, word);
    const seq_item *at = &l->step.layout->item[item];
    tell_bound(l, attempt, &p.run);
    if (at->loop && open && p.count < l->rule->pattern->items[item].max) {
        tell_wait(l, attempt, item);
    }
    bool ready = seq_is_ready(&l->step, &p);
    for (uint32_t i = 0; ready && i < at->n_targets; i++) {
        tell_wait(l, attempt, at->target[i]);
    }
    attempt->silent = seq_waits_for_silence(&l->step, &p);
    if (l->rule->pattern->n_spans == 0) {       /* else they must be looked up for the key, by an event */
        attempt->until_ms = attempt->silent ? seq_silence_until(&l->step, &p) : seq_expiry(&l->step, &p);
    }
}

static void look_at_queue(looking *l, uint32_t item, bool open, unsigned part)
{
    const nfa_section *section = &l->step.section;
    uint32_t first = nfa_deque_first(section, part), n = nfa_deque_count(section, part);
    for (uint32_t i = 0; part != 0 && i < n && !l->arena->failed; i++) {
        look_at_attempt(l, item, open, nfa_deque_at(section, part, first + i));
    }
}

static void look_at_sequence(looking *l)
{
    const seq_layout *layout = l->engine->seq[l->number];
    l->step = (seq_step){.engine = l->engine, .rule = l->rule, .rule_index = l->number, .pattern = l->rule->pattern, .layout = layout,
                         .now_ms = l->engine->clock_ms, .block = l->block};
    if (!nfa_section_find(l->engine->store, l->block, &layout->def, &l->step.section)) {
        return;
    }
    seq_load_counters(&l->step);
    for (uint32_t i = 0; i < l->rule->pattern->n_items; i++) {
        look_at_queue(l, i, true, layout->item[i].queue_open);
        look_at_queue(l, i, false, layout->item[i].queue_closed);
    }
}

/* Of a pattern that branches: what it has bound, and the steps that are open yet, whatever their order. */
static void look_at_branches(looking *l)
{
    const branch_layout *layout = l->engine->branch[l->number];
    nfa_section section;
    if (!nfa_section_find(l->engine->store, l->block, &layout->seq.def, &section)) {
        return;
    }
    uint32_t first = nfa_deque_first(&section, layout->part_attempts), n = nfa_deque_count(&section, layout->part_attempts);
    for (uint32_t i = 0; i < n && !l->arena->failed; i++) {
        seq_run run = {.section = &section, .layout = &layout->seq, .pattern = l->rule->pattern,
                       .word = nfa_deque_at(&section, layout->part_attempts, first + i), .open_item = PLAN_NONE, .branch = layout};
        nfa_seen_attempt *attempt = new_attempt(l);
        if (attempt == NULL) {
            continue;
        }
        tell_bound(l, attempt, &run);
        for (uint32_t k = 0; k < l->rule->pattern->n_items; k++) {
            if (seq_first_of(&run, k) == NFA_NONE) {
                tell_wait(l, attempt, k);
            }
        }
        int64_t deadline_ms = branch_deadline(run.word);
        attempt->silent = deadline_ms != NFA_NEVER;
        attempt->until_ms = deadline_ms;
    }
}

/* ---- windows ---- */

/* How an aggregate reads. */
static const char *aggregate_text(looking *l, uint32_t window, uint32_t agg)
{
    egret_text text;
    expr_view view = {.plan = l->engine->plan, .window = &l->engine->plan->windows[window]};
    egret_text_init(&text, l->engine->mem);
    expr_put_agg(&text, &view, agg);
    return egret_text_finish(&text, l->arena);
}

static egret_value keep_value(looking *l, egret_value v)
{
    if (v.type == EGRET_STRING) {
        v.u.s = egret_arena_str(l->arena, v.u.s, v.len).ptr;
    }
    return v;
}

static void look_at_window(looking *l)
{
    uint32_t number = l->rule->threshold.window, n = l->engine->plan->windows[number].n_aggs;
    nfa_section section;
    l->out->when = l->rule->threshold.when == PLAN_NONE ? NULL : egret_expr_print(l->arena, l->engine->plan, l->rule->threshold.when);
    if (l->block == NFA_NO_BLOCK || !nfa_section_find(l->engine->store, l->block, &l->engine->win[number]->def, &section)) {
        return;
    }
    nfa_env env = {.engine = l->engine, .now_ms = l->engine->clock_ms, .rule = l->rule, .block = l->block, .window = &section};
    l->out->values = egret_arena_alloc(l->arena, (n + 1u) * sizeof *l->out->values);
    for (uint32_t i = 0; l->out->values != NULL && i < n; i++) {
        l->out->values[l->out->n_values++] = (nfa_seen_value){aggregate_text(l, number, i), keep_value(l, win_agg_value(&env, number, i))};
    }
    l->out->holds = (((const win_root *)nfa_section_root(&section))->flags & WIN_TRUE) != 0;
}

/* ---- silences, alerts ---- */

static void look_at_silence(looking *l)
{
    nfa_section section;
    if (!nfa_section_find(l->engine->store, l->block, &l->engine->silence[l->number], &section)) {
        return;
    }
    l->out->silent_until_ms = ((const nfa_root *)nfa_section_root(&section))->due_ms;
    l->out->measures = l->out->silent_until_ms != NFA_NEVER;
    l->out->silent_since_ms = silence_since(&section);
}

static void look_at_life(looking *l)
{
    nfa_section section;
    if (l->engine->life[l->number].id == NFA_NONE || !nfa_section_find(l->engine->store, l->block, &l->engine->life[l->number], &section)) {
        return;
    }
    const life_root *life = nfa_section_root(&section);
    l->out->open = (life->flags & LIFE_OPEN) != 0;
    nfa_id_text(l->out->id, life->id);
    l->out->open_since_ms = life->delivered_ms;
    int64_t until_ms = seq_add(life->delivered_ms, l->rule->throttle_ms);
    bool quiet = l->rule->throttle_ms > 0 && l->rule->throttle_per == PLAN_NONE && (life->flags & LIFE_DELIVERED) != 0 && until_ms > l->engine->clock_ms;
    l->out->quiet_until_ms = quiet ? until_ms : INT64_MIN;
}

bool nfa_inspect(nfa_engine *engine, uint32_t rule, const egret_value *parts, egret_arena *arena, nfa_seen *out)
{
    const plan_rule *def = &engine->plan->rules[rule];
    looking l = {.engine = engine, .rule = def, .number = rule, .block = NFA_NO_BLOCK, .arena = arena, .out = out};
    nfa_key *key = egret_arena_alloc(arena, sizeof *key);
    *out = (nfa_seen){.clock_ms = engine->clock_ms, .quiet_until_ms = INT64_MIN};
    out->attempts = egret_arena_alloc(arena, NFA_SEEN_ATTEMPTS * sizeof *out->attempts);
    if (arena->failed) {
        return false;
    }
    if (nfa_key_encode(engine, key, def->group, parts, engine->plan->groups[def->group].n_parts)) {
        l.block = nfa_swept(engine, nfa_found(engine, engine->group_id[def->group], key->bytes, key->len, key->hash));
    }
    out->known = l.block != NFA_NO_BLOCK;
    if (def->kind == PLAN_THRESHOLD) {
        look_at_window(&l);
    }
    if (!out->known) {
        return !arena->failed;
    }
    if (def->kind == PLAN_SEQUENCE && engine->branch[rule] != NULL) {
        look_at_branches(&l);
    } else if (def->kind == PLAN_SEQUENCE && engine->seq[rule] != NULL) {
        look_at_sequence(&l);
    } else if (def->kind == PLAN_SEQUENCE) {
        look_at_silence(&l);
    }
    look_at_life(&l);
    return !arena->failed;
}

bool nfa_inspect_key(const nfa_engine *engine, uint32_t rule, uint32_t *at, egret_value parts[PLAN_MAX_KEY_PARTS])
{
    uint32_t group = engine->plan->rules[rule].group;
    for (uint32_t limit = nfa_block_limit(engine->store); *at < limit; (*at)++) {
        if (!nfa_block_exists(engine->store, *at) || nfa_block_group(engine->store, *at) != engine->group_id[group]) {
            continue;
        }
        size_t len;
        const void *key = nfa_block_key(engine->store, *at, &len);
        for (uint32_t i = 0; i < engine->plan->groups[group].n_parts; i++) {
            parts[i] = nfa_key_part(key, len, i);
        }
        (*at)++;
        return true;
    }
    return false;
}
