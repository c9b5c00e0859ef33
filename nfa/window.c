/*
 * window.c: threshold rules and profiles: an event comes, an instant passes, a window closes. See window.h for the structure.
 *
 * Sliding windows and `ever` are judged at each change and fire when `when` turns true. Where `when` can only turn false by events leaving
 * (threshold.leaving_matters false) nothing has to happen at that instant: it is seen when the next event comes. Else the next leaving is a
 * deadline. Tumbling and session windows are judged when they close; that is a deadline only while `when` holds.
 */
#include "nfa/window.h"

typedef struct win_step {
    nfa_env env;
    uint32_t rule;
    const plan_window *window;
    const win_layout *layout;
    const plan_threshold *threshold;
    nfa_section section;
} win_step;

static win_step step_of(nfa_engine *engine, uint32_t rule, const nfa_event *event, int64_t now_ms)
{
    const plan_rule *def = &engine->plan->rules[rule];
    win_step step = {.rule = rule, .threshold = &def->threshold};
    step.env = (nfa_env){.engine = engine, .event = event, .now_ms = now_ms, .rule = def};
    step.window = &engine->plan->windows[def->threshold.window];
    step.layout = engine->win[def->threshold.window];
    return step;
}

static win_root *root_of(const win_step *step)
{
    return nfa_section_root(&step->section);
}

/* ---- matches ---- */

static egret_evidence evidence_at(const win_step *step, uint32_t ord, uint64_t *identity)
{
    const win_entry *entry = nfa_deque_at(&step->section, step->layout->part_log, ord);
    const win_reference *reference = (const win_reference *)(entry + 1);
    *identity = reference->identity;
    return (egret_evidence){.step = "", .stream = step->env.engine->stream_name[entry->stream],
                            .time_ms = entry->time_ms, .ref = reference->ref, .identity = reference->identity};
}

static egret_status fire(win_step *step, int64_t time_ms, uint64_t last_identity)
{
    const plan_rule *rule = step->env.rule;
    uint32_t n = win_entries(step->layout, &step->section);
    uint32_t first = nfa_deque_first(&step->section, step->layout->part_log);
    uint32_t cap = n < rule->evidence_cap ? n : rule->evidence_cap;
    egret_evidence *list = egret_arena_alloc(&step->env.engine->out, (cap + 1) * sizeof *list);
    if (list == NULL) {
        return EGRET_NO_MEMORY;
    }
    nfa_match match = {.rule = rule, .rule_index = step->rule, .block = step->section.block, .time_ms = time_ms,
                       .started_ms = time_ms, .last_identity = last_identity, .events = list, .n_events = cap, .n_events_total = n};
    uint32_t head = (cap + 1) / 2;
    for (uint32_t i = 0; i < cap; i++) {
        uint64_t identity;
        list[i] = evidence_at(step, i < head ? first + i : first + n - cap + i, &identity);
        match.first_identity = i == 0 ? identity : match.first_identity;
        match.started_ms = i == 0 ? list[0].time_ms : match.started_ms;
    }
    match.limited = (root_of(step)->flags & WIN_LIMITED) != 0;
    step->env.window = &step->section;
    return nfa_report(&step->env, &match);
}

static bool condition(win_step *step)
{
    step->env.window = &step->section;
    return step->threshold->when == PLAN_NONE || nfa_holds(&step->env, step->threshold->when);
}

/* ---- sliding ---- */

/* The window has changed: has `when` turned? */
static egret_status judge(win_step *step, uint64_t last_identity)
{
    bool holds = condition(step);
    win_root *root = root_of(step);
    if (!holds) {
        root->flags &= ~(uint32_t)(WIN_TRUE | WIN_FIRED);
        return EGRET_OK;
    }
    if (step->threshold->when == PLAN_NONE) {   /* every event is a match; a leaving is none */
        return step->env.event ? fire(step, step->env.now_ms, last_identity) : EGRET_OK;
    }
    if ((root->flags & WIN_TRUE) == 0) {
        root->flags |= WIN_TRUE;
        root->since_ms = step->env.now_ms;
        if (step->threshold->for_ms == 0) {
            root->flags |= WIN_FIRED;
            return fire(step, step->env.now_ms, last_identity);
        }
    }
    return EGRET_OK;
}

static int64_t hold_until(const win_step *step)
{
    const win_root *root = root_of(step);
    bool waits = (root->flags & WIN_TRUE) != 0 && (root->flags & WIN_FIRED) == 0 && step->threshold->for_ms > 0;
    return !waits ? NFA_NEVER : root->since_ms > INT64_MAX - step->threshold->for_ms ? NFA_NEVER
                                                                                    : root->since_ms + step->threshold->for_ms;
}

static egret_status set_due(win_step *step, int64_t due_ms)
{
    root_of(step)->due_ms = due_ms;
    return nfa_hang(step->env.engine, &step->section);
}

/* May the next leaving turn `when` true? Then it must not go unseen. */
static bool watches_leaving(const win_step *step)
{
    return step->threshold->leaving_matters || (step->threshold->negatives_matter && root_of(step)->negatives > 0);
}

static egret_status slide_due(win_step *step)
{
    int64_t due = watches_leaving(step) ? win_next_leave(step->layout, &step->section) : NFA_NEVER;
    int64_t hold = hold_until(step);
    return set_due(step, hold < due ? hold : due);
}

static egret_status slide(win_step *step, uint64_t atoms)
{
    bool unseen = step->layout->longest_ms > 0 && !watches_leaving(step);
    win_leave(step->window, step->layout, &step->section, step->env.now_ms, false);
    bool was_true = (root_of(step)->flags & WIN_TRUE) != 0;
    if (was_true && unseen && !condition(step)) {
        root_of(step)->flags &= ~(uint32_t)(WIN_TRUE | WIN_FIRED);
    }
    win_values values;
    if (!win_ask_event(&step->env, step->threshold->window, atoms, &values)
        || !win_enter(&step->env, step->threshold->window, &step->section, values.value)) {
        return EGRET_NO_MEMORY;
    }
    egret_status status = judge(step, step->env.event->identity);
    if (status == EGRET_OK) {
        status = slide_due(step);
    }
    return status == EGRET_OK ? life_after_change(&step->env, step->rule) : status;
}

static egret_status slide_deadline(win_step *step, int64_t due_ms)
{
    win_leave(step->window, step->layout, &step->section, due_ms, true);
    egret_status status = judge(step, (uint64_t)due_ms);
    if (status == EGRET_OK && hold_until(step) <= due_ms) {
        root_of(step)->flags |= WIN_FIRED;
        status = fire(step, due_ms, (uint64_t)due_ms);
    }
    if (status == EGRET_OK) {
        status = slide_due(step);
    }
    if (status == EGRET_OK) {
        status = life_after_change(&step->env, step->rule);
    }
    return status;
}

/* ---- tumbling and session ---- */

static int64_t floor_to(int64_t time_ms, int64_t size_ms)
{
    int64_t rest = time_ms % size_ms;
    return time_ms - (rest < 0 ? rest + size_ms : rest);
}

/* The close is a deadline only while `when` holds. A tumbling window does not hold its end: it closes before the events there. */
static egret_status close_due(win_step *step)
{
    const win_root *root = root_of(step);
    if (!step->threshold->asks_at_close && !condition(step)) {
        return set_due(step, NFA_NEVER);
    }
    bool tumbling = step->threshold->kind == AST_TUMBLING;
    return set_due(step, tumbling ? root->start_ms + step->threshold->size_ms - 1 : root->last_ms + step->threshold->size_ms);
}

static egret_status gather(win_step *step, uint64_t atoms)
{
    win_root *root = root_of(step);
    int64_t now = step->env.now_ms;
    bool tumbling = step->threshold->kind == AST_TUMBLING;
    int64_t start = tumbling ? floor_to(now, step->threshold->size_ms) : now;
    bool goes_on = (root->flags & WIN_OPEN) != 0
        && (tumbling ? root->start_ms == start : now - root->last_ms <= step->threshold->size_ms);
    if (!goes_on) {
        win_clear(step->window, step->layout, &step->section);
        root = root_of(step);
        root->flags = WIN_OPEN;
        root->start_ms = start;
    }
    win_values values;
    if (!win_ask_event(&step->env, step->threshold->window, atoms, &values)
        || !win_enter(&step->env, step->threshold->window, &step->section, values.value)) {
        return EGRET_NO_MEMORY;
    }
    return close_due(step);
}

static egret_status close_window(win_step *step, int64_t due_ms)
{
    const win_root *root = root_of(step);
    int64_t end = step->threshold->kind == AST_TUMBLING ? root->start_ms + step->threshold->size_ms : due_ms;
    step->env.now_ms = end;
    step->env.window = &step->section;
    bool holds = !step->threshold->asks_at_close || condition(step);
    egret_status status = holds ? fire(step, end, (uint64_t)end) : EGRET_OK;
    if (status == EGRET_OK) {
        status = life_after_change(&step->env, step->rule);
    }
    if (status == EGRET_OK
        && nfa_section_find(step->env.engine->store, step->section.block, &step->layout->def, &step->section)) {
        nfa_section_drop(&step->section);
    }
    return status;
}

/* ---- entry points ---- */

/* The atoms that hold when the key's state has been asked as well. */
static uint64_t ask_rests(const nfa_env *env, const plan_window *window, uint64_t mask)
{
    for (uint64_t bits = mask; bits != 0; bits &= bits - 1) {
        uint32_t atom = (uint32_t)__builtin_ctzll(bits);
        if (window->atoms[atom].rest != PLAN_NONE && !nfa_holds(env, window->atoms[atom].rest)) {
            mask &= ~(UINT64_C(1) << atom);
        }
    }
    return mask;
}

static egret_status open_section(nfa_engine *engine, uint32_t window, nfa_key *key, nfa_section *section)
{
    const nfa_section_def *def = &engine->win[window]->def;
    if (key->block != NFA_NO_BLOCK && nfa_section_find(engine->store, key->block, def, section)) {
        return EGRET_OK;
    }
    uint32_t block = nfa_key_block_for(engine, key, engine->plan->windows[window].group, def);
    if (block == NFA_NO_BLOCK || !nfa_section_get(engine->store, block, def, section)) {
        return EGRET_NO_MEMORY;
    }
    win_begin(engine->win[window], section);
    return EGRET_OK;
}

/* Each event is a match of its own: neither a window nor a condition that turns looks back at it. */
static bool forgets(const win_step *step)
{
    return step->threshold->kind == AST_EVER && step->threshold->when == PLAN_NONE && step->window->n_aggs == 0;
}

static egret_status forget(win_step *step)
{
    if (nfa_section_find(step->env.engine->store, step->env.block, &step->layout->def, &step->section)) {
        nfa_section_drop(&step->section);
    }
    return EGRET_OK;
}

egret_status win_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    win_step step = step_of(engine, rule, event, event->time_ms);
    step.env.block = key->block;
    step.env.key = key;
    mask = ask_rests(&step.env, step.window, mask);
    if (mask == 0) {
        return EGRET_OK;
    }
    egret_status status = open_section(engine, step.threshold->window, key, &step.section);
    if (status != EGRET_OK) {
        return status;
    }
    step.env.block = key->block;
    bool closes = step.threshold->kind == AST_TUMBLING || step.threshold->kind == AST_SESSION;
    status = closes ? gather(&step, mask) : slide(&step, mask);
    return status == EGRET_OK && forgets(&step) ? forget(&step) : status;
}

egret_status win_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    win_step step = step_of(engine, rule, NULL, due_ms);
    step.section = *section;
    step.env.block = section->block;
    bool closes = step.threshold->kind == AST_TUMBLING || step.threshold->kind == AST_SESSION;
    return closes ? close_window(&step, due_ms) : slide_deadline(&step, due_ms);
}

static bool profile_ask(nfa_engine *engine, uint32_t number, const nfa_event *event, uint64_t *mask, nfa_key *key, win_values *out)
{
    const plan_window *window = &engine->plan->windows[engine->plan->profiles[number].window];
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = key->block, .key = key};
    *mask = ask_rests(&env, window, *mask);
    return *mask == 0 || win_ask_event(&env, engine->plan->profiles[number].window, *mask, out);
}

static egret_status profile_take(nfa_engine *engine, uint32_t number, const nfa_event *event, nfa_key *key, const win_values *values)
{
    uint32_t window = engine->plan->profiles[number].window;
    nfa_section section;
    egret_status status = open_section(engine, window, key, &section);
    if (status != EGRET_OK) {
        return status;
    }
    win_leave(&engine->plan->windows[window], engine->win[window], &section, event->time_ms, false);
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = key->block, .key = key, .window = &section};
    return win_enter(&env, window, &section, values->value) ? EGRET_OK : EGRET_NO_MEMORY;
}

egret_status win_profile_event(nfa_engine *engine, uint32_t number, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    win_values values;
    if (!profile_ask(engine, number, event, &mask, key, &values)) {
        return EGRET_NO_MEMORY;
    }
    return mask != 0 ? profile_take(engine, number, event, key, &values) : EGRET_OK;
}

bool win_profile_ask(nfa_engine *engine, uint32_t number, const nfa_event *event, uint64_t mask, nfa_key *key, nfa_taken *out)
{
    *out = (nfa_taken){.profile = number, .key = key, .values = nfa_scratch(engine, sizeof *out->values)};
    if (out->values == NULL || !profile_ask(engine, number, event, &mask, key, out->values)) {
        return false;
    }
    out->values = mask != 0 ? out->values : NULL;
    return true;
}

egret_status win_profile_take(nfa_engine *engine, const nfa_event *event, const nfa_taken *taken)
{
    return taken->values != NULL ? profile_take(engine, taken->profile, event, taken->key, taken->values) : EGRET_OK;
}

/* A section whose values have all left, and that remembers nothing else, goes. */
bool win_sweep(nfa_engine *engine, uint32_t number, nfa_section *section)
{
    const plan_window *window = &engine->plan->windows[number];
    const win_layout *layout = engine->win[number];
    const win_root *root = nfa_section_root(section);
    uint32_t rule = engine->window_rule[number];
    const plan_threshold *threshold = rule == NFA_NONE ? NULL : &engine->plan->rules[rule].threshold;
    if (threshold != NULL && (threshold->kind == AST_TUMBLING || threshold->kind == AST_SESSION)) {
        int64_t end = threshold->kind == AST_TUMBLING ? root->start_ms : root->last_ms;
        if (root->due_ms == NFA_NEVER && engine->clock_ms - end > threshold->size_ms) {
            nfa_section_drop(section);
            return true;
        }
        return false;
    }
    if (!layout->all_slide) {
        return false;
    }
    bool watched = threshold != NULL && (threshold->leaving_matters || (threshold->negatives_matter && root->negatives > 0));
    bool spent = watched && (root->flags & WIN_TRUE) != 0;
    if (root->due_ms != NFA_NEVER || spent) {
        return false;
    }
    win_leave(window, layout, section, engine->clock_ms, false);
    if (win_entries(layout, section) > 0) {
        return false;
    }
    nfa_section_drop(section);
    return true;
}
