/*
 * lower_threshold.c: `watch … over … when`: the window a threshold rule looks at, and whether events leaving it can make it fire.
 */
#include "compiler/check.h"

/* ---- the window's kind ---- */

bool lower_window_kind(check *c, const ast_window *w, ast_window_kind *kind, int64_t *size_ms)
{
    *kind = w->kind;
    *size_ms = PLAN_FOREVER;
    if (w->kind == AST_HOPPING || w->kind == AST_LAST) {
        check_refuse(c, w->kind == AST_LAST ? 917 : 916, w->span, w->kind == AST_LAST ? "windows of the last n events" : "hopping windows");
        return false;
    }
    if (w->zone.str.len != 0) {
        check_refuse(c, 928, w->zone.span, "time zones");
        return false;
    }
    if (w->kind == AST_EVER || w->kind == AST_WINDOW_NONE) {
        *kind = AST_EVER;
        return true;
    }
    if (!check_dur(c, &w->size, w->kind == AST_SESSION ? "the gap of a session" : "the length of a window", size_ms))
        return false;
    if (*size_ms > 0)
        return true;
    check_error(c, 513, w->size.span, "a window must be longer than nothing");
    return false;
}

/* ---- atoms ---- */

void lower_window_atoms(check *c, rule_ctx *rule, win_ctx *win, const ast_atom *watch, uint32_t group)
{
    win->window.group = group;
    for (const ast_atom *atom = watch; atom != NULL; atom = atom->next) {
        uint32_t n = win->window.n_atoms;
        if (n >= PLAN_MAX_ATOMS) {
            check_error(c, 522, atom->span, "a rule watches at most %d streams", PLAN_MAX_ATOMS);
            return;
        }
        scope s = { .kind = SCOPE_EVENT, .stream = rule_stream(c, rule, &atom->stream), .group = group,
                    .rule = win->of_profile ? NULL : rule, .own_label = atom->label.str };
        plan_atom lowered = lower_atom(c, &s, atom);
        if (s.stream == PLAN_NONE)
            continue;
        win->window.atoms = check_grow(c, win->window.atoms, n, sizeof lowered);
        win->window.atoms[n] = lowered;
        win->window.n_atoms++;
    }
}

void lower_window_finish(check *c, win_ctx *win)
{
    c->plan->windows[win->index] = win->window;
}

/* ---- may leaving make it true? ---- */

static bool is_bound_below(const plan *p, uint32_t expr, uint32_t value)
{
    const plan_expr *e = &p->exprs[expr];
    if (e->op == PLAN_AND) {
        for (uint32_t i = 0; i < e->n_args; i++)
            if (is_bound_below(p, p->args[e->args + i], value))
                return true;
        return false;
    }
    if (e->op != PLAN_GT && e->op != PLAN_GE && e->op != PLAN_EQ)
        return false;
    const plan_expr *bound = &p->exprs[p->args[e->args + 1]];
    return p->args[e->args] == value && bound->op == PLAN_CONST && egret_value_as_number(p->consts[bound->a]) >= 0;
}

/* Is what is summed never negative, as the conditions of every atom say? */
static bool never_negative(const plan *p, const plan_window *w, const plan_arg *arg)
{
    for (uint32_t i = 0; i < w->n_atoms; i++) {
        if ((arg->atoms >> i & 1) == 0)
            continue;
        uint32_t guard = p->guards[w->atoms[i].guard].expr, value = arg->atom_value[i];
        bool bounded = (guard != PLAN_NONE && is_bound_below(p, guard, value))
                       || (arg->atom_where[i] != PLAN_NONE && is_bound_below(p, arg->atom_where[i], value));
        if (!bounded)
            return false;
    }
    return true;
}

/* Does the value only ever fall when events leave? positive: no summed value in the window is negative. */
static bool falls_only(const plan *p, const plan_window *w, const plan_expr *e, bool positive)
{
    if (e->op != PLAN_AGG)
        return false;
    const plan_agg *agg = &w->aggs[e->b];
    if (agg->fn == PLAN_COUNT || agg->fn == PLAN_DISTINCT || agg->fn == PLAN_MAX)
        return true;
    return agg->fn == PLAN_SUM && (positive || never_negative(p, w, &w->args[agg->arg]));
}

/* No aggregate from which events leave. */
static bool stays(const plan *p, const plan_window *w, uint32_t expr)
{
    const plan_expr *e = &p->exprs[expr];
    if (e->op == PLAN_AGG)
        return w->aggs[e->b].over.kind != AST_SLIDING;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!stays(p, w, p->args[e->args + i]))
            return false;
    return true;
}

/* True when events leaving the window can only turn the condition false, never true. */
static bool leaving_is_harmless(const plan *p, const plan_window *w, uint32_t expr, bool positive)
{
    const plan_expr *e = &p->exprs[expr];
    if (stays(p, w, expr))
        return true;
    if (e->op == PLAN_AND || e->op == PLAN_OR) {
        for (uint32_t i = 0; i < e->n_args; i++)
            if (!leaving_is_harmless(p, w, p->args[e->args + i], positive))
                return false;
        return true;
    }
    if (e->op == PLAN_GT || e->op == PLAN_GE)
        return falls_only(p, w, &p->exprs[p->args[e->args]], positive) && stays(p, w, p->args[e->args + 1]);
    if (e->op == PLAN_LT || e->op == PLAN_LE)
        return falls_only(p, w, &p->exprs[p->args[e->args + 1]], positive) && stays(p, w, p->args[e->args]);
    return false;
}

bool lower_leaving(check *c, const plan_window *window, uint32_t when, bool positive)
{
    return when != PLAN_NONE && !leaving_is_harmless(c->plan, window, when, positive);
}

void lower_asked(check *c, plan_window *window, uint32_t expr)
{
    if (expr == PLAN_NONE)
        return;
    const plan_expr *e = &c->plan->exprs[expr];
    if (e->op == PLAN_AGG)
        window->aggs[e->b].asked = true;
    for (uint32_t i = 0; i < e->n_args; i++)
        lower_asked(c, window, c->plan->args[e->args + i]);
}

bool lower_looks_outside(check *c, uint32_t when)
{
    return when != PLAN_NONE && (c->plan->exprs[when].uses & (PLAN_USES_NOW | PLAN_USES_KEY_STATE)) != 0;
}

/* ---- the rule ---- */

static void lower_when(check *c, rule_ctx *rule)
{
    plan_threshold *t = &rule->rule.threshold;
    const ast_clause *when = rule->first[AST_WHEN];
    t->when = PLAN_NONE;
    if (when == NULL)
        return;
    scope s = rule_scope(rule);
    t->when = check_condition(c, &s, when->expr, "'when'");
    if (when->for_time == NULL || !check_const_duration(c, when->for_time, "the time of 'for'", &t->for_ms))
        return;
    if (rule->win->fixed) {
        egret_diag *diag = check_error(c, 515, when->for_time->span, "'for' asks for a state that lasts; "
                                       "a tumbling or session window is judged once, at its close");
        check_help(c, diag, "use a sliding window: over 5m");
    }
}

void lower_threshold(check *c, rule_ctx *rule)
{
    win_ctx *win = check_alloc(c, sizeof *win);
    rule->win = win;
    win->index = c->plan->n_windows;
    c->plan->windows = check_grow(c, c->plan->windows, win->index, sizeof *c->plan->windows);
    c->plan->n_windows++;
    win->kind = AST_EVER;
    win->size_ms = PLAN_FOREVER;
    win->window.limit_values = rule_limit(c, rule, "values", 100000);
    if (rule->first[AST_OVER] != NULL && !lower_window_kind(c, &rule->first[AST_OVER]->window, &win->kind, &win->size_ms)) {
        win->kind = AST_EVER;
        rule->refused = true;
    }
    win->fixed = win->kind == AST_TUMBLING || win->kind == AST_SESSION;
    lower_window_atoms(c, rule, win, rule->first[AST_WATCH]->watch, rule->rule.group);
    rule->rule.threshold.window = win->index;
    lower_when(c, rule);
}
