/*
 * window.c: threshold rules and profiles: an event comes, an instant passes, a window closes. See window.h for the structure.
 *
 * Sliding windows and `ever` are judged at each change and fire when `when` turns true. Where `when` can only turn false by events leaving
 * (threshold.leaving_matters false) nothing has to happen at that instant: it is seen when the next event comes. Else the next leaving is a
 * deadline. Tumbling, hopping and session windows are judged when they close; that is a deadline only while `when` holds, or may hold then
 * (threshold.asks_at_close). A hopping window is a sliding one that moves by jumps: its aggregates hold what the oldest open window does.
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

/* How long `when` must hold before it is told; 0: it need not. What a table does not know never ends. */
static int64_t hold_ms(const win_step *step)
{
    const plan_threshold *t = step->threshold;
    if (t->for_time == PLAN_NONE) {
        return t->for_ms;
    }
    egret_value v = nfa_eval(&step->env, t->for_time);
    return v.type != EGRET_DURATION ? INT64_MAX : v.u.i > 0 ? v.u.i : 0;
}

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
        if (hold_ms(step) == 0) {
            root->flags |= WIN_FIRED;
            return fire(step, step->env.now_ms, last_identity);
        }
    }
    return EGRET_OK;
}

static int64_t hold_until(const win_step *step)
{
    const win_root *root = root_of(step);
    bool waits = (root->flags & WIN_TRUE) != 0 && (root->flags & WIN_FIRED) == 0;
    int64_t hold = waits ? hold_ms(step) : 0;
    return hold == 0 || root->since_ms > INT64_MAX - hold ? NFA_NEVER : root->since_ms + hold;
}

static egret_status set_due(win_step *step, int64_t due_ms)
{
    root_of(step)->due_ms = due_ms;
    return due_ms == NFA_NEVER ? EGRET_OK : nfa_hang(step->env.engine, &step->section);
}

/* May the next leaving turn `when` true? Then it must not go unseen. */
static bool watches_leaving(const win_step *step)
{
    return step->threshold->leaving_matters || (step->threshold->negatives_matter && root_of(step)->negatives > 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When something leaves after the events of an instant. */
static int64_t next_leave(const win_step *step)
{
    return earlier(win_next_leave(step->layout, &step->section),
                   win_next_roll(step->window, step->layout, &step->section, AST_SESSION));
}

static egret_status slide_due(win_step *step)
{
    int64_t due = NFA_NEVER;
    if (watches_leaving(step)) {
        due = earlier(next_leave(step), win_next_roll(step->window, step->layout, &step->section, AST_TUMBLING));
    }
    return set_due(step, earlier(hold_until(step), due));
}

/* Asks the event and adds it. false: no memory. */
static bool take_in(win_step *step, uint64_t atoms)
{
    uint32_t number = step->threshold->window;
    if (step->layout->plain != NULL) {
        return win_plain_take(&step->env, number, &step->section);
    }
    win_values values;
    return win_ask_event(&step->env, number, atoms, &values) && win_enter(&step->env, number, &step->section, values.value);
}

static egret_status slide(win_step *step, uint64_t atoms)
{
    bool unseen = (step->layout->longest_ms > 0 || step->layout->framed) && !watches_leaving(step);
    win_leave(step->window, step->layout, &step->section, step->env.now_ms, false);
    win_roll(step->window, step->layout, &step->section, step->env.now_ms, WIN_AT_EVENT);
    bool was_true = (root_of(step)->flags & WIN_TRUE) != 0;
    if (was_true && unseen && !condition(step)) {
        root_of(step)->flags &= ~(uint32_t)(WIN_TRUE | WIN_FIRED);
    }
    if (!take_in(step, atoms)) {
        return EGRET_NO_MEMORY;
    }
    egret_status status = judge(step, step->env.event->identity);
    if (status == EGRET_OK) {
        status = slide_due(step);
    }
    return status == EGRET_OK && step->env.rule->resolve_when != PLAN_NONE ? life_after_change(&step->env, step->rule) : status;
}

/* Something has left: has `when` turned, or `resolve when`? identity: goes into the id of what is told, as there is no event. */
static egret_status change(win_step *step, uint64_t identity)
{
    egret_status status = judge(step, identity);
    return status == EGRET_OK ? life_after_change(&step->env, step->rule) : status;
}

/* `when` has held for its time. */
static egret_status hold(win_step *step)
{
    step->env.window = &step->section;
    root_of(step)->flags |= WIN_FIRED;
    return fire(step, step->env.now_ms, (uint64_t)step->env.now_ms);
}

/* What tumbling windows hold leaves at their end, before the events there: a deadline an instant earlier. */
static egret_status slide_deadline(win_step *step, int64_t due_ms)
{
    egret_status status = EGRET_OK;
    bool rolls = watches_leaving(step) && win_next_roll(step->window, step->layout, &step->section, AST_TUMBLING) <= due_ms;
    bool left = next_leave(step) <= due_ms;
    if (left || hold_until(step) <= due_ms) {
        win_leave(step->window, step->layout, &step->section, due_ms, true);
        win_roll(step->window, step->layout, &step->section, due_ms, WIN_AT_TIMER);
        status = left ? change(step, (uint64_t)due_ms) : EGRET_OK;
        status = status == EGRET_OK && hold_until(step) <= due_ms ? hold(step) : status;
    }
    if (status == EGRET_OK && rolls) {
        step->env.now_ms = due_ms + 1;
        win_leave(step->window, step->layout, &step->section, due_ms + 1, false);
        win_roll(step->window, step->layout, &step->section, due_ms + 1, WIN_AT_EVENT);
        status = change(step, ~(uint64_t)step->env.now_ms);      /* at this instant something may leave as well, and be told */
    }
    return status == EGRET_OK ? slide_due(step) : status;
}

/* ---- windows that close ---- */

static int64_t floor_to(int64_t time_ms, int64_t size_ms)
{
    int64_t rest = time_ms % size_ms;
    return time_ms - (rest < 0 ? rest + size_ms : rest);
}

static int64_t tumbling_end(const win_step *step)
{
    const plan_threshold *t = step->threshold;
    return win_tumbling_end(step->env.engine->plan, t->zone, t->size_ms, root_of(step)->start_ms);
}

/* A tumbling or hopping window does not hold its end: it closes before the events there. */
static int64_t close_of(const win_step *step)
{
    const win_root *root = root_of(step);
    switch (step->threshold->kind) {
    case AST_TUMBLING: return tumbling_end(step) - 1;
    case AST_HOPPING: return root->start_ms + step->threshold->size_ms - 1;
    default: return root->last_ms + step->threshold->size_ms;
    }
}

/* The close is a deadline only where it may tell something: while `when` holds and has not been told early, or when it may turn until then. */
static egret_status close_due(win_step *step)
{
    const plan_threshold *t = step->threshold;
    bool fired = (root_of(step)->flags & WIN_FIRED) != 0;
    bool hops = t->kind == AST_HOPPING;
    bool asks = t->asks_at_close || (hops && (t->early || watches_leaving(step)));
    return set_due(step, asks || (!fired && !t->early && condition(step)) ? close_of(step) : NFA_NEVER);
}

static void clear_own(win_step *step)
{
    if (!step->layout->mixed) {
        win_clear(step->window, step->layout, &step->section);
    } else {
        win_clear_over(step->window, step->layout, &step->section, &step->layout->own);
    }
}

/* Of hopping windows the oldest one that holds the instant. */
static int64_t window_start(const win_step *step)
{
    const plan_threshold *t = step->threshold;
    int64_t now_ms = step->env.now_ms;
    switch (t->kind) {
    case AST_TUMBLING: return win_tumbling_start(step->env.engine->plan, t->zone, t->size_ms, now_ms);
    case AST_HOPPING: return floor_to(now_ms - t->size_ms, t->every_ms) + t->every_ms;
    default: return now_ms;
    }
}

static void begin_window(win_step *step)
{
    bool hops = step->threshold->kind == AST_HOPPING;
    bool session = step->threshold->kind == AST_SESSION;
    win_root *root = root_of(step);
    int64_t start_ms = window_start(step);
    bool goes_on = (root->flags & WIN_OPEN) != 0
        && (session ? step->env.now_ms - root->last_ms <= step->threshold->size_ms : root->start_ms == start_ms);
    if (goes_on) {
        return;
    }
    if (hops) {
        win_hop(step->window, step->layout, &step->section, start_ms);
    } else {
        clear_own(step);
    }
    root = root_of(step);
    root->flags = WIN_OPEN | (hops ? root->flags & WIN_LIMITED : 0u);
    root->start_ms = start_ms;
}

static egret_status gather(win_step *step, uint64_t atoms)
{
    begin_window(step);
    step->env.window = &step->section;
    win_leave(step->window, step->layout, &step->section, step->env.now_ms, false);
    win_roll(step->window, step->layout, &step->section, step->env.now_ms, WIN_AT_EVENT);
    if (!take_in(step, atoms)) {
        return EGRET_NO_MEMORY;
    }
    if (!step->threshold->early) {
        return close_due(step);
    }
    egret_status status = EGRET_OK;
    if ((root_of(step)->flags & WIN_FIRED) == 0 && condition(step)) {
        root_of(step)->flags |= WIN_FIRED;
        status = fire(step, step->env.now_ms, step->env.event->identity);
    }
    status = status == EGRET_OK ? life_after_change(&step->env, step->rule) : status;
    return status == EGRET_OK ? close_due(step) : status;
}

/* Of hopping windows the oldest is asked early; when it closes, the one after it is the oldest, and what holds there is told at once. */
static egret_status turn_of_next(win_step *step)
{
    win_root *root = root_of(step);
    root->flags = WIN_OPEN | (root->flags & WIN_LIMITED);
    if (!step->threshold->early || !win_hop_holds(step->layout, &step->section)) {
        return EGRET_OK;
    }
    egret_status status = EGRET_OK;
    if (condition(step)) {
        root->flags |= WIN_FIRED;
        status = fire(step, step->env.now_ms, ~(uint64_t)root->start_ms);     /* not what its close would say */
    }
    return status == EGRET_OK ? life_after_change(&step->env, step->rule) : status;
}

/* After its close a section keeps what other windows hold: those of aggregates, the next ones of hopping windows. */
static egret_status after_close(win_step *step, int64_t end_ms)
{
    bool hops = step->threshold->kind == AST_HOPPING;
    if (!nfa_section_find(step->env.engine->store, step->section.block, &step->layout->def, &step->section)) {
        return EGRET_OK;
    }
    if (!hops && !step->layout->mixed) {
        nfa_section_drop(&step->section);
        return EGRET_OK;
    }
    if (!hops) {
        clear_own(step);
        root_of(step)->flags = 0;
        return set_due(step, NFA_NEVER);
    }
    root_of(step)->start_ms = end_ms - step->threshold->size_ms + step->threshold->every_ms;
    win_hop(step->window, step->layout, &step->section, root_of(step)->start_ms);
    egret_status status = turn_of_next(step);
    if (status != EGRET_OK || !nfa_section_find(step->env.engine->store, step->section.block, &step->layout->def, &step->section)) {
        return status;
    }
    return win_hop_holds(step->layout, &step->section) ? close_due(step) : set_due(step, NFA_NEVER);
}

static egret_status close_window(win_step *step, int64_t due_ms)
{
    const plan_threshold *t = step->threshold;
    bool session = t->kind == AST_SESSION;
    int64_t end_ms = session ? due_ms : due_ms + 1;
    step->env.now_ms = end_ms;
    step->env.window = &step->section;
    win_leave(step->window, step->layout, &step->section, end_ms, session);
    win_roll(step->window, step->layout, &step->section, end_ms, session ? WIN_AT_TIMER : WIN_AT_CLOSE);
    bool told = (root_of(step)->flags & WIN_FIRED) != 0;
    egret_status status = !told && condition(step) ? fire(step, end_ms, (uint64_t)end_ms) : EGRET_OK;
    if (status == EGRET_OK) {
        status = life_after_change(&step->env, step->rule);
    }
    return status == EGRET_OK ? after_close(step, end_ms) : status;
}

/* ---- entry points ---- */

/* The atoms that hold when the key's state has been asked as well. */
static uint64_t ask_rests(const nfa_env *env, const plan_window *window, const win_layout *layout, uint64_t mask)
{
    if (!layout->asks) {
        return mask;
    }
    for (uint64_t bits = mask; bits != 0; bits &= bits - 1) {
        uint32_t atom = (uint32_t)__builtin_ctzll(bits);
        if (window->atoms[atom].rest != PLAN_NONE && !nfa_holds(env, window->atoms[atom].rest)) {
            mask &= ~(UINT64_C(1) << atom);
        }
    }
    return mask;
}

/* A new block holds this window alone, and the event at hand will be the first in it: sweeping need not look before that leaves. */
static void note_quiet(nfa_engine *engine, uint32_t window, uint32_t block)
{
    const win_layout *layout = engine->win[window];
    if (!layout->passes) {
        nfa_block_set_quiet(engine->store, block, NFA_NEVER);
    } else if (layout->plain != NULL && layout->all_slide && layout->log) {
        nfa_block_set_quiet(engine->store, block, win_until(engine->clock_ms, layout->longest_ms));
    }
}

static egret_status open_section(nfa_engine *engine, uint32_t window, nfa_key *key, nfa_section *section)
{
    const nfa_section_def *def = &engine->win[window]->def;
    if (key->block != NFA_NO_BLOCK && nfa_section_find(engine->store, key->block, def, section)) {
        return EGRET_OK;
    }
    bool is_new = key->block == NFA_NO_BLOCK;
    if (!nfa_key_section(engine, key, engine->plan->windows[window].group, def, section)) {
        return EGRET_NO_MEMORY;
    }
    win_begin(engine->win[window], section);
    if (is_new) {
        note_quiet(engine, window, key->block);
    }
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
    mask = ask_rests(&step.env, step.window, step.layout, mask);
    if (mask == 0) {
        return EGRET_OK;
    }
    egret_status status = open_section(engine, step.threshold->window, key, &step.section);
    if (status != EGRET_OK) {
        return status;
    }
    step.env.block = key->block;
    status = step.layout->closes ? gather(&step, mask) : slide(&step, mask);
    return status == EGRET_OK && forgets(&step) ? forget(&step) : status;
}

bool win_closes_at(nfa_engine *engine, uint32_t rule, const nfa_section *section, int64_t due_ms)
{
    win_step step = step_of(engine, rule, NULL, due_ms);
    step.section = *section;
    if (step.layout->closes) {
        return step.threshold->kind != AST_SESSION;
    }
    return win_next_roll(step.window, step.layout, section, AST_TUMBLING) <= due_ms && next_leave(&step) > due_ms && hold_until(&step) > due_ms;
}

/* Has everything left the aggregates, but those of a closed window of the rule? */
static bool all_left(const plan_window *window, const win_layout *layout, const nfa_section *section)
{
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        const plan_over *over = &window->aggs[a].over;
        bool holds = !layout->closes || !plan_over_equal(over, &layout->own);
        if (holds && over->kind == AST_SLIDING) {
            holds = win_lanes(section, layout)[layout->aggs[a].lane].until_ms != NFA_NEVER;
        } else if (holds && layout->aggs[a].frame != 0) {
            holds = win_frame_open(layout, section, a);
        }
        if (holds) {
            return false;
        }
    }
    return window->n_aggs > 0 || layout->closes;
}

/* Of a key whose windows had emptied nothing is known: its section may have been swept, or not yet. */
egret_status win_inherit(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t at_ms)
{
    win_step step = step_of(engine, rule, NULL, at_ms);
    step.section = *section;
    step.env.block = section->block;
    win_root *root = root_of(&step);
    if (root->due_ms == NFA_NEVER) {    /* what had left by the change may be here or not: it hangs on the sweep */
        win_leave(step.window, step.layout, section, at_ms, false);
        win_roll(step.window, step.layout, section, at_ms, WIN_AT_EVENT);
        root = root_of(&step);
    }
    root->flags &= ~(uint32_t)(WIN_TRUE | WIN_FIRED);
    root->since_ms = 0;
    bool gone = step.layout->passes && all_left(step.window, step.layout, section);
    if (!gone && condition(&step)) {
        root_of(&step)->flags |= WIN_TRUE | WIN_FIRED;
    }
    return slide_due(&step);
}

egret_status win_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    win_step step = step_of(engine, rule, NULL, due_ms);
    step.section = *section;
    step.env.block = section->block;
    return step.layout->closes ? close_window(&step, due_ms) : slide_deadline(&step, due_ms);
}

static bool profile_ask(nfa_engine *engine, uint32_t number, const nfa_event *event, uint64_t *mask, nfa_key *key, win_values *out)
{
    uint32_t window = engine->plan->profiles[number].window;
    const win_layout *layout = engine->win[window];
    if (layout->plain != NULL && !layout->asks) {
        return true;    /* asked when it is taken: nothing that comes between changes the answer */
    }
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = key->block, .key = key};
    *mask = ask_rests(&env, &engine->plan->windows[window], layout, *mask);
    return *mask == 0 || layout->plain != NULL || win_ask_event(&env, window, *mask, out);
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
    win_roll(&engine->plan->windows[window], engine->win[window], &section, event->time_ms, WIN_AT_EVENT);
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = key->block, .key = key, .window = &section};
    bool plain = engine->win[window]->plain != NULL;
    return (plain ? win_plain_take(&env, window, &section) : win_enter(&env, window, &section, values->value)) ? EGRET_OK : EGRET_NO_MEMORY;
}

egret_status win_profile_event(nfa_engine *engine, uint32_t number, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    win_values values;
    values.value = NULL;    /* of plain windows nothing is asked */
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

/* Is the rule's own window over, when no deadline waits for its close? */
static bool is_closed(const nfa_engine *engine, const plan_threshold *t, const win_root *root)
{
    if (t->kind == AST_TUMBLING) {
        return engine->clock_ms >= win_tumbling_end(engine->plan, t->zone, t->size_ms, root->start_ms);
    }
    return engine->clock_ms - root->last_ms > t->size_ms;
}

/* Do all lanes hold something, and nothing has left? */
static bool stays_yet(const win_layout *layout, const nfa_section *section, int64_t now_ms)
{
    const win_lane *lane = win_lanes(section, layout);
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (lane[i].until_ms == NFA_NEVER || lane[i].until_ms < now_ms) {
            return false;
        }
    }
    return true;
}

int64_t win_quiet_until(const win_layout *layout, const nfa_section *section)
{
    if (!layout->passes) {
        return NFA_NEVER;
    }
    uint32_t n = nfa_deque_count(section, layout->part_log);
    if (layout->plain == NULL || !layout->all_slide || n == 0) {
        return INT64_MIN;
    }
    const win_entry *newest = nfa_deque_at(section, layout->part_log, nfa_deque_first(section, layout->part_log) + n - 1);
    return win_until(newest->time_ms, layout->longest_ms);
}

/* What holds with nothing in the window, too, has not turned false: it must not be told again. */
static bool holds_still(nfa_engine *engine, uint32_t rule, nfa_section *section)
{
    const win_root *root = nfa_section_root(section);
    if (rule == NFA_NONE || (root->flags & WIN_TRUE) == 0 || engine->plan->rules[rule].threshold.when == PLAN_NONE) {
        return false;
    }
    win_step step = step_of(engine, rule, NULL, engine->clock_ms);
    step.section = *section;
    step.env.block = section->block;
    return !step.layout->closes && condition(&step);
}

/* A section whose values have all left, and that remembers nothing else, goes. */
bool win_sweep(nfa_engine *engine, uint32_t number, nfa_section *section)
{
    const plan_window *window = &engine->plan->windows[number];
    const win_layout *layout = engine->win[number];
    const win_root *root = nfa_section_root(section);
    if (layout->plain != NULL && layout->all_slide && stays_yet(layout, section, engine->clock_ms)) {
        return false;
    }
    uint32_t rule = engine->window_rule[number];
    const plan_threshold *threshold = rule == NFA_NONE ? NULL : &engine->plan->rules[rule].threshold;
    if (root->due_ms != NFA_NEVER || !layout->passes) {
        return false;
    }
    if (layout->closes && !is_closed(engine, threshold, root)) {
        return false;
    }
    bool watched = threshold != NULL && (threshold->leaving_matters || (threshold->negatives_matter && root->negatives > 0));
    if (!layout->closes && watched && (root->flags & WIN_TRUE) != 0) {
        return false;
    }
    win_leave(window, layout, section, engine->clock_ms, false);
    win_roll(window, layout, section, engine->clock_ms, WIN_AT_EVENT);
    if (!all_left(window, layout, section) || holds_still(engine, rule, section)) {
        return false;
    }
    nfa_section_drop(section);
    return true;
}
