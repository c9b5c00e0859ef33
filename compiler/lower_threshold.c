/*
 * lower_threshold.c: `watch … over … when`: the window a threshold rule looks at, and whether events leaving it can make it fire.
 */
#include "compiler/zone.h"

/* ---- the window's kind ---- */

static bool lower_size(check *c, const ast_dur *dur, const char *what, int64_t *ms)
{
    if (!check_dur(c, dur, what, ms))
        return false;
    if (*ms > 0)
        return true;
    check_help(c, check_error(c, 513, dur->span, "%s must be longer than nothing", what), "write it with its unit: 5m");
    return false;
}

/* Windows of a zone begin with its days, so either a day holds a whole number of them, or they hold a whole number of days. */
static bool lower_zone(check *c, const ast_window *w, plan_over *over)
{
    const int64_t day_ms = 86400000;
    over->zone = zone_or_error(c, w->zone.str, w->zone.span);
    if (over->zone == PLAN_NONE)
        return false;
    if (day_ms % over->size_ms == 0 || over->size_ms % day_ms == 0)
        return true;
    egret_diag *diag = check_error(c, 513, w->size.span, "windows of a zone begin with its days: a day must hold a whole number of them");
    check_help(c, diag, "lengths that do: 15m, 1h, 6h, 12h, or whole days");
    return false;
}

static bool lower_hopping(check *c, const ast_window *w, plan_over *over)
{
    if (!lower_size(c, &w->every, "the hop of a window", &over->every_ms))
        return false;
    if (over->every_ms <= over->size_ms)
        return true;
    egret_diag *diag = check_error(c, 513, w->every.span, "the windows do not reach one another: events between them would be in none");
    check_help(c, diag, "the length comes first: hopping 1h every 5m");
    return false;
}

bool lower_over(check *c, const ast_window *w, plan_over *over)
{
    *over = (plan_over){ .kind = w->kind == AST_WINDOW_NONE ? AST_EVER : w->kind, .size_ms = PLAN_FOREVER, .zone = PLAN_NONE };
    if (over->kind == AST_EVER)
        return true;
    if (over->kind == AST_LAST) {
        over->last = w->last > 0 ? (uint64_t)w->last : 0;
        if (over->last == 0)
            check_help(c, check_error(c, 513, w->span, "a window must hold an event"), "write how many: over last 100");
        return over->last != 0;
    }
    if (!lower_size(c, &w->size, over->kind == AST_SESSION ? "the gap of a session" : "the length of a window", &over->size_ms))
        return false;
    if (w->zone.str.len != 0)
        return lower_zone(c, w, over);
    return over->kind != AST_HOPPING || lower_hopping(c, w, over);
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
    positive = positive && (agg->over.kind == AST_SLIDING || agg->over.kind == AST_HOPPING);    /* only there are they counted */
    return agg->fn == PLAN_SUM && (positive || never_negative(p, w, &w->args[agg->arg]));
}

/* No aggregate from which events leave as time goes by: those of the rule's own closing window do so at its close alone. */
static bool stays(const plan *p, const plan_window *w, uint32_t expr)
{
    const plan_expr *e = &p->exprs[expr];
    if (e->op == PLAN_AGG)
        return w->aggs[e->b].stays;
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
    t->when = t->for_time = PLAN_NONE;
    if (when == NULL)
        return;
    scope s = rule_scope(rule);
    t->when = check_condition(c, &s, when->expr, "'when'");
    if (when->for_time == NULL || !check_key_time(c, rule, when->for_time, "the time of 'for'", &t->for_ms, &t->for_time))
        return;
    if (rule->win->closes) {
        egret_diag *diag = check_error(c, 515, when->for_time->span, "'for' asks for a state that lasts; "
                                       "a tumbling, hopping or session window is judged at its close");
        check_help(c, diag, "use a sliding window: over 5m");
    }
}

static void lower_early(check *c, rule_ctx *rule)
{
    const ast_clause *early = rule->first[AST_EARLY];
    rule->rule.threshold.early = early != NULL;
    if (early == NULL)
        return;
    if (!rule->win->closes && !rule->refused) {
        egret_diag *diag = check_error(c, 534, early->span, "'early' does not wait for the close of a window; this one never closes");
        check_help(c, diag, "leave it out: a sliding window is judged at each event");
    } else if (rule->first[AST_WHEN] == NULL) {
        egret_diag *diag = check_error(c, 534, early->span, "'early' needs 'when': it tells as soon as that holds");
        check_help(c, diag, "write when count() > 100, or leave 'early' out");
    }
}

void lower_threshold(check *c, rule_ctx *rule)
{
    win_ctx *win = check_alloc(c, sizeof *win);
    rule->win = win;
    if (c->n_free_windows > 0) {
        win->index = c->free_windows[--c->n_free_windows];
    } else {
        win->index = c->plan->n_windows;
        c->plan->windows = check_grow(c, c->plan->windows, win->index, sizeof *c->plan->windows);
        c->plan->n_windows++;
    }
    win->over = (plan_over){ .kind = AST_EVER, .size_ms = PLAN_FOREVER, .zone = PLAN_NONE };
    win->window.limit_values = rule_limit(c, rule, "values", 100000);
    if (rule->first[AST_OVER] != NULL && !window_over(c, win, rule->first[AST_OVER]->window, &win->over)) {
        win->over = (plan_over){ .kind = AST_EVER, .size_ms = PLAN_FOREVER, .zone = PLAN_NONE };
        rule->refused = true;
    }
    win->closes = win->over.kind == AST_TUMBLING || win->over.kind == AST_HOPPING || win->over.kind == AST_SESSION;
    lower_early(c, rule);
    lower_window_atoms(c, rule, win, rule->first[AST_WATCH]->watch, rule->rule.group);
    rule->rule.threshold.window = win->index;
    lower_when(c, rule);
}
