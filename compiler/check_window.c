/*
 * check_window.c: aggregates over the events of a window, of a threshold rule or of a profile.
 *
 * What is remembered of each event is an argument (plan_arg): a value, perhaps under a condition, of some of the atoms. Aggregates that
 * ask for the same argument share it. A label as argument (count(d), sum(r.amount)) means the atoms with that label; without one, all
 * atoms.
 */
#include "compiler/check.h"

#include <string.h>

/* ---- which atoms ---- */

static uint64_t label_mask(const win_ctx *win, egret_str name)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < win->window.n_atoms; i++)
        if (name.len != 0 && egret_str_eq(win->window.atoms[i].label, name))
            mask |= UINT64_C(1) << i;
    return mask;
}

static uint64_t labels_in(const win_ctx *win, const ast_expr *e)
{
    if (e == NULL)
        return 0;
    if (e->kind == AST_MEMBER && e->a->kind == AST_NAME)
        return label_mask(win, e->a->name.str);
    uint64_t mask = labels_in(win, e->a);
    if (mask == 0)
        mask = labels_in(win, e->b);
    for (const ast_expr *a = e->args; a != NULL && mask == 0; a = a->next)
        mask = labels_in(win, a);
    return mask;
}

static uint64_t all_atoms(const win_ctx *win)
{
    uint32_t n = win->window.n_atoms;
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* ---- which window ---- */

bool window_over(check *c, const win_ctx *win, const ast_window *written, plan_over *over)
{
    if (!lower_over(c, written, over))
        return false;
    if (over->kind != AST_LAST || over->last <= win->window.limit_values)
        return true;
    egret_diag *diag = check_error(c, 518, written->span, "this window may hold %llu events at most", (unsigned long long)win->window.limit_values);
    check_help(c, diag, win->of_profile ? "a profile keeps no more" : "for more write limits { values: %llu }", (unsigned long long)over->last);
    return false;
}

/* Hopping windows overlap: only the clause `over` asks each of them. */
static bool own_window(check *c, const win_ctx *win, const ast_window *own, plan_over *over)
{
    if (!window_over(c, win, own, over))
        return false;
    if (over->kind == AST_HOPPING && !plan_over_equal(over, &win->over)) {
        egret_diag *diag = check_error(c, 514, own->span, "an aggregate cannot have a hopping window of its own: several are open at once");
        check_help(c, diag, win->of_profile ? "use a sliding or a tumbling window" : "write it as a clause of the rule, or use a sliding or a tumbling window");
        return false;
    }
    return true;
}

/* Without a window an aggregate counts on for ever, which is seldom meant where a condition compares it. */
static void warn_no_window(check *c, const scope *s, const ast_expr *e, plan_fn fn, const plan_over *over)
{
    bool grows = fn == PLAN_COUNT || fn == PLAN_SUM || fn == PLAN_AVG || fn == PLAN_DISTINCT || fn == PLAN_STDDEV || fn >= PLAN_MEDIAN;
    if (fn == PLAN_DISTINCT && over->kind == AST_EVER && (s->win->of_profile || e->tail->over.kind == AST_EVER)) {
        egret_diag *diag = check_warn(c, 810, e->span, "this keeps every different value a key ever had, up to the limit");
        check_help(c, diag, "give it a window: over 30d");
        return;
    }
    bool said = s->win->of_profile || s->rule == NULL || s->rule->first[AST_OVER] != NULL || e->tail->over.kind != AST_WINDOW_NONE;
    if (said || !grows)
        return;
    egret_diag *diag = check_warn(c, 811, e->span, "no window is said, so %.*s() goes back to the first event of each key", (int)e->name.str.len,
                                  e->name.str.ptr);
    check_help(c, diag, "say how far back: over 1h; if all of time is meant: over ever");
}

static bool window_of(check *c, win_ctx *win, const ast_expr *e, plan_over *over)
{
    *over = win->over;
    if (e->tail->over.kind != AST_WINDOW_NONE && !own_window(c, win, &e->tail->over, over))
        return false;
    bool own = !plan_over_equal(over, &win->over);
    bool closes = over->kind == AST_TUMBLING || over->kind == AST_SESSION;
    win->mixed = win->mixed || own;
    win->slides = win->slides || over->kind == AST_SLIDING || (closes && (own || !win->closes));
    return true;
}

/* ---- arguments ---- */

static bool same_arg(const plan_window *w, const plan_arg *a, const plan_arg *b)
{
    size_t size = w->n_atoms * sizeof *a->atom_value;
    return a->atoms == b->atoms && a->value == b->value && a->where == b->where && memcmp(a->atom_value, b->atom_value, size) == 0
           && memcmp(a->atom_where, b->atom_where, size) == 0;
}

static uint32_t add_arg(check *c, plan_window *w, plan_arg arg)
{
    for (uint32_t i = 0; i < w->n_args; i++)
        if (same_arg(w, &w->args[i], &arg))
            return i;
    w->args = check_grow(c, w->args, w->n_args, sizeof arg);
    w->args[w->n_args] = arg;
    return w->n_args++;
}

static uint32_t add_agg(check *c, plan_window *w, plan_agg agg)
{
    for (uint32_t i = 0; i < w->n_aggs; i++) {
        const plan_agg *o = &w->aggs[i];
        if (o->fn == agg.fn && o->arg == agg.arg && o->param == agg.param && plan_over_equal(&o->over, &agg.over))
            return i;
    }
    w->aggs = check_grow(c, w->aggs, w->n_aggs, sizeof agg);
    w->aggs[w->n_aggs] = agg;
    return w->n_aggs++;
}

/* Value and condition for the events of one atom. */
static bool check_atom_arg(check *c, const scope *s, const ast_expr *e, uint32_t atom, const ast_expr *value, plan_arg *arg)
{
    const plan_window *w = &s->win->window;
    scope event = { .kind = SCOPE_EVENT, .stream = w->atoms[atom].stream, .group = w->group, .rule = s->rule, .win = s->win,
                    .own_label = w->atoms[atom].label };
    if (value != NULL) {
        typed t = check_settle(c, check_expr(c, &event, value));
        if (typed_is_bad(t))
            return false;
        if (arg->type != EGRET_NULL && arg->type != t.type) {
            check_error(c, 316, value->span, "this has different types in the streams watched: %s and %s",
                        egret_type_name((egret_type)arg->type), egret_type_name((egret_type)t.type));
            return false;
        }
        arg->type = t.type;
        arg->atom_value[atom] = t.expr;
    }
    if (e->where == NULL)
        return true;
    arg->atom_where[atom] = check_condition(c, &event, e->where, "what follows 'where'");
    return arg->atom_where[atom] != PLAN_NONE;
}

static bool check_arg(check *c, const scope *s, const ast_expr *e, const ast_expr *value, plan_arg *arg)
{
    const plan_window *w = &s->win->window;
    size_t size = w->n_atoms * sizeof *arg->atom_value;
    arg->atom_value = check_alloc(c, size);
    arg->atom_where = check_alloc(c, size);
    memset(arg->atom_value, 0xff, size);
    memset(arg->atom_where, 0xff, size);
    arg->value = arg->where = PLAN_NONE;
    bool good = true, first = true;
    for (uint32_t i = 0; i < w->n_atoms; i++) {
        if ((arg->atoms >> i & 1) == 0)
            continue;
        good = check_atom_arg(c, s, e, i, value, arg) && good;
        if (first) {
            arg->value = arg->atom_value[i];
            arg->where = arg->atom_where[i];
        }
        first = false;
    }
    return good;
}

/* count(d): a label. false: it is something else, reported. */
static bool count_of(check *c, const scope *s, const ast_expr *e, uint64_t *mask)
{
    if (e->args == NULL)
        return true;
    *mask = e->args->kind == AST_NAME ? label_mask(s->win, e->args->name.str) : 0;
    if (*mask != 0)
        return true;
    egret_diag *diag = check_error(c, 414, e->args->span, "count() takes nothing, or a label of the watched streams");
    check_help(c, diag, "to count only where something holds: count(where …); different values: distinct(…)");
    return false;
}

void window_count_all(check *c, win_ctx *win)
{
    scope s = { .kind = SCOPE_WINDOW, .win = win };
    ast_expr none = { .kind = AST_CALL };
    plan_arg arg = { .atoms = all_atoms(win) };
    if (win->window.n_atoms == 0 || !check_arg(c, &s, &none, NULL, &arg))
        return;
    plan_agg agg = { .fn = PLAN_COUNT, .type = EGRET_INT, .over = win->over };
    agg.arg = add_arg(c, &win->window, arg);
    add_agg(c, &win->window, agg);
}

typed check_window_agg(check *c, const scope *s, const ast_expr *e, plan_fn fn)
{
    win_ctx *win = s->win;
    plan_over over;
    plan_arg arg = { .atoms = all_atoms(win) };
    if (win->window.n_atoms == 0 || !window_of(c, win, e, &over))
        return typed_bad();
    if (fn == PLAN_DURATION_OF && over.kind != AST_SESSION) {
        check_error(c, 524, e->span, "duration() is that of a session: over session 30m");
        return typed_bad();
    }
    warn_no_window(c, s, e, fn, &over);
    const ast_expr *value = fn == PLAN_COUNT || fn == PLAN_DURATION_OF ? NULL : e->args;
    uint64_t labelled = labels_in(win, value);
    if (labelled == 0 && value == NULL && e->args == NULL)
        labelled = labels_in(win, e->where);
    if (labelled != 0)
        arg.atoms = labelled;
    if (fn == PLAN_COUNT && !count_of(c, s, e, &arg.atoms))
        return typed_bad();
    int64_t param;
    if (!check_arg(c, s, e, value, &arg) || !agg_param(c, e, fn, &param))
        return typed_bad();
    if (value != NULL && !agg_takes(fn, (egret_type)arg.type)) {
        agg_explain_type(c, e, fn, (egret_type)arg.type);
        return typed_bad();
    }
    plan_agg agg = { .fn = (uint8_t)fn, .type = (uint8_t)agg_result(fn, (egret_type)arg.type), .over = over, .param = param };
    bool closes = over.kind == AST_TUMBLING || over.kind == AST_SESSION;
    bool passes = over.kind == AST_SLIDING || over.kind == AST_HOPPING || (closes && !(win->closes && plan_over_equal(&over, &win->over)));
    agg.stays = !passes;
    agg.arg = add_arg(c, &win->window, arg);
    uint32_t id = add_agg(c, &win->window, agg);
    uint8_t uses = PLAN_USES_WINDOW | (fn == PLAN_FORECAST ? PLAN_USES_NOW : 0);
    return typed_of(c, intern_leaf(c, PLAN_AGG, (egret_type)agg.type, win->index, id, uses));
}
