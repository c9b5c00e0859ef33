/*
 * check_agg.c: count, sum, avg … over the bound events of a step, and over the events of a window.
 *
 * Over a step, the argument says which: count(fail), sum(out.amount), max(p.balance / p.credit). Inside it, bare fields and fields of
 * that step mean each bound event in turn; another step is what it is outside of it, its event bound last.
 *
 * Over a window, an argument over several streams has one expression for each of them, as the same field has another slot in each.
 */
#include "compiler/check.h"

#include <string.h>

static const struct { const char *name; plan_fn fn; } FNS[] = {
    { "count", PLAN_COUNT }, { "sum", PLAN_SUM }, { "avg", PLAN_AVG }, { "min", PLAN_MIN }, { "max", PLAN_MAX },
    { "stddev", PLAN_STDDEV }, { "distinct", PLAN_DISTINCT }, { "first", PLAN_FIRST }, { "last", PLAN_LAST_VALUE },
    { "duration", PLAN_DURATION_OF }, { "median", PLAN_MEDIAN }, { "slope", PLAN_SLOPE }, { "forecast", PLAN_FORECAST },
};

/* p1 … p99; 0: it is called something else. */
static unsigned percent_of(egret_str name)
{
    unsigned percent = 0;
    for (uint32_t i = 1; i < name.len; i++) {
        if (name.ptr[i] < '0' + (i == 1) || name.ptr[i] > '9')
            return 0;
        percent = percent * 10 + (unsigned)(name.ptr[i] - '0');
    }
    return name.len > 1 && name.len <= 3 && name.ptr[0] == 'p' ? percent : 0;
}

int check_agg_fn(egret_str name)
{
    for (size_t i = 0; i < sizeof FNS / sizeof FNS[0]; i++)
        if (egret_str_is(name, FNS[i].name))
            return (int)FNS[i].fn;
    return percent_of(name) != 0 ? PLAN_QUANTILE : -1;
}

bool agg_param(check *c, const ast_expr *e, plan_fn fn, int64_t *param)
{
    *param = fn == PLAN_QUANTILE ? (int64_t)percent_of(e->name.str) : 0;
    return fn != PLAN_FORECAST || check_const_duration(c, e->args->next, "how far ahead forecast() looks", param);
}

bool agg_takes(plan_fn fn, egret_type arg)
{
    switch (fn) {
    case PLAN_SLOPE:
    case PLAN_FORECAST:
    case PLAN_STDDEV: return type_is_numeric(arg);
    case PLAN_SUM:
    case PLAN_AVG:
    case PLAN_MEDIAN: return type_is_numeric(arg) || arg == EGRET_DURATION;
    case PLAN_MIN:
    case PLAN_MAX:
    case PLAN_QUANTILE: return type_is_numeric(arg) || arg == EGRET_DURATION || arg == EGRET_TIME;
    case PLAN_DISTINCT:
    case PLAN_FIRST:
    case PLAN_LAST_VALUE: return arg != EGRET_NULL;
    case PLAN_COUNT:
    case PLAN_AT_FIRST:
    case PLAN_DURATION_OF: break;
    }
    return false;
}

egret_type agg_result(plan_fn fn, egret_type arg)
{
    switch (fn) {
    case PLAN_COUNT:
    case PLAN_DISTINCT: return EGRET_INT;
    case PLAN_AVG:
    case PLAN_MEDIAN: return arg == EGRET_DURATION ? EGRET_DURATION : EGRET_NUMBER;
    case PLAN_SLOPE:
    case PLAN_FORECAST:
    case PLAN_STDDEV: return EGRET_NUMBER;
    case PLAN_DURATION_OF: return EGRET_DURATION;
    case PLAN_SUM:
    case PLAN_MIN:
    case PLAN_MAX:
    case PLAN_QUANTILE:
    case PLAN_AT_FIRST:
    case PLAN_FIRST:
    case PLAN_LAST_VALUE: break;
    }
    return arg;
}

void agg_explain_type(check *c, const ast_expr *e, plan_fn fn, egret_type type)
{
    bool times = fn == PLAN_MIN || fn == PLAN_MAX || fn == PLAN_QUANTILE;
    egret_diag *diag = check_error(c, 414, e->args->span, "%.*s() takes %s; this is %s", (int)e->name.str.len, e->name.str.ptr,
                                   times ? "numbers, times and durations" : "numbers", egret_type_name(type));
    if (type == EGRET_BOOL)
        check_help(c, diag, "to count where something holds: count(where …)");
    else
        check_help(c, diag, "name a field that is a number; to count different values there is distinct(…)");
}

static bool check_arg_type(check *c, const ast_expr *e, plan_fn fn, typed t)
{
    if (agg_takes(fn, (egret_type)t.type))
        return true;
    agg_explain_type(c, e, fn, (egret_type)t.type);
    return false;
}

/* forecast(x, 24h) */
static bool check_forecast_args(check *c, const ast_expr *e, uint32_t n)
{
    if (n == 2 && e->args->kind != AST_DURATION)
        return true;
    egret_diag *diag = check_error(c, 404, e->span, "forecast() takes a value, and how far ahead it looks");
    check_help(c, diag, "write forecast(field, 24h over 6h): the line through the values of six hours, a day from now");
    return false;
}

/* count() takes a name or nothing; forecast() two values, all others one. */
static bool check_arg_count(check *c, const ast_expr *e, plan_fn fn)
{
    uint32_t n = 0;
    for (const ast_expr *a = e->args; a != NULL; a = a->next)
        n++;
    if (fn == PLAN_FORECAST)
        return check_forecast_args(c, e, n);
    if (n == 1 && fn != PLAN_DURATION_OF)
        return true;
    if (n == 0 && (fn == PLAN_COUNT || fn == PLAN_DURATION_OF))
        return true;
    egret_diag *diag = check_error(c, 404, e->span, "%.*s() takes %s", (int)e->name.str.len, e->name.str.ptr,
                                   fn == PLAN_DURATION_OF ? "nothing" : fn == PLAN_COUNT ? "nothing, or one name" : "one value");
    if (n > 1 && e->args->next->kind == AST_DURATION)
        check_help(c, diag, "the window stands behind 'over': %.*s(… over %.*s)", (int)e->name.str.len, e->name.str.ptr,
                   (int)e->args->next->text.len, e->args->next->text.ptr);
    else if (n == 0)
        check_help(c, diag, "say of what: %.*s(field)", (int)e->name.str.len, e->name.str.ptr);
    else
        check_help(c, diag, "conditions stand behind 'where', windows behind 'over'");
    return false;
}

/* ---- over a step ---- */

/* The step an argument speaks of: the first name before a dot that is one. */
static uint32_t step_named_in(const rule_ctx *rule, const ast_expr *e)
{
    if (e == NULL)
        return PLAN_NONE;
    if (e->kind == AST_MEMBER && e->a->kind == AST_NAME)
        return find_step(rule, e->a->name.str);
    uint32_t item = step_named_in(rule, e->a);
    if (item == PLAN_NONE)
        item = step_named_in(rule, e->b);
    for (const ast_expr *a = e->args; a != NULL && item == PLAN_NONE; a = a->next)
        item = step_named_in(rule, a);
    return item;
}

static bool silent_in(const scope *s, const ast_expr *e)
{
    if (e == NULL)
        return false;
    if (e->kind == AST_NAME)
        return name_is_silent(s, e->name.str);
    bool silent = silent_in(s, e->a) || silent_in(s, e->b);
    for (const ast_expr *a = e->args; a != NULL && !silent; a = a->next)
        silent = silent_in(s, a);
    return silent;
}

static typed explain_no_step(check *c, const scope *s, const ast_expr *e)
{
    if (s->rule->refused || silent_in(s, e->args))
        return typed_bad();
    egret_diag *diag = check_error(c, 414, e->span, "%.*s() of which step?", (int)e->name.str.len, e->name.str.ptr);
    names n = { 0 };
    names_add_steps(c, &n, s->rule);
    egret_str word = e->args != NULL && e->args->kind == AST_NAME ? e->args->name.str : (egret_str){ "", 0 };
    if (!check_suggest(c, diag, word, &n, "steps"))
        check_help(c, diag, "write count(step) or sum(step.field)");
    return typed_bad();
}

uint32_t intern_step_agg(check *c, plan_pattern *pattern, plan_step_agg agg)
{
    for (uint32_t i = 0; i < pattern->n_step_aggs; i++) {
        const plan_step_agg *o = &pattern->step_aggs[i];
        if (o->fn == agg.fn && o->item == agg.item && o->value == agg.value && o->where == agg.where && o->param == agg.param)
            return i;
    }
    pattern->step_aggs = check_grow(c, pattern->step_aggs, pattern->n_step_aggs, sizeof agg);
    pattern->step_aggs[pattern->n_step_aggs] = agg;
    return pattern->n_step_aggs++;
}

static typed check_step_agg(check *c, const scope *s, const ast_expr *e, plan_fn fn)
{
    bool alone = e->args != NULL && e->args->kind == AST_NAME && find_step(s->rule, e->args->name.str) != PLAN_NONE;
    uint32_t item = alone ? find_step(s->rule, e->args->name.str) : step_named_in(s->rule, e->args);
    if (item == PLAN_NONE)
        return explain_no_step(c, s, e);
    if (!step_is_visible(s, item)) {
        bool beside = step_is_beside(s, item);
        egret_diag *diag = check_error(c, 315, e->args->span, beside ? "this step stands beside the one that asks, not before it"
                                                                     : "this step is not bound yet where the condition is asked");
        check_help(c, diag, beside ? "alternatives and operands do not see each other; what looks at several may stand in 'when'"
                                   : "a condition may look at earlier steps; what looks at several may stand in 'when'");
        return typed_bad();
    }
    if (alone != (fn == PLAN_COUNT)) {
        egret_diag *diag = check_error(c, 414, e->args->span, alone ? "%.*s() takes a field of the step" : "%.*s() takes the step itself",
                                       (int)e->name.str.len, e->name.str.ptr);
        if (!alone)
            check_help(c, diag, "to count only where a field is there: count(%.*s where … is not null)", (int)s->rule->items[item].name.len,
                       s->rule->items[item].name.ptr);
        else
            check_help(c, diag, "write %.*s(%.*s.field)", (int)e->name.str.len, e->name.str.ptr, (int)s->rule->items[item].name.len,
                       s->rule->items[item].name.ptr);
        return typed_bad();
    }
    scope inner = { .kind = SCOPE_CELLS, .stream = PLAN_NONE, .group = PLAN_NONE, .rule = s->rule, .item = item, .outer = s };
    plan_step_agg agg = { .fn = (uint8_t)fn, .item = item, .value = PLAN_NONE, .where = PLAN_NONE };
    egret_type type = EGRET_NULL;
    if (!alone) {
        typed value = check_settle(c, check_expr(c, &inner, e->args));
        if (typed_is_bad(value) || !check_arg_type(c, e, fn, value))
            return typed_bad();
        if (!agg_param(c, e, fn, &agg.param))
            return typed_bad();
        agg.value = value.expr;
        type = (egret_type)value.type;
    }
    if (e->where != NULL && (agg.where = check_condition(c, &inner, e->where, "what follows 'where'")) == PLAN_NONE)
        return typed_bad();
    agg.type = (uint8_t)agg_result(fn, type);
    uint32_t id = intern_step_agg(c, s->rule->pattern, agg);
    return typed_of(c, intern_leaf(c, PLAN_STEP_AGG, (egret_type)agg.type, id, 0, PLAN_USES_STEPS));
}

/* ---- which of the two ---- */

typed check_aggregate(check *c, const scope *s, const ast_expr *e, plan_fn fn)
{
    if (s->kind == SCOPE_WINDOW || s->kind == SCOPE_MEMBER)
        return check_arg_count(c, e, fn) ? check_window_agg(c, s, e, fn) : typed_bad();
    bool steps = s->rule != NULL && s->rule->pattern != NULL && (s->kind == SCOPE_MATCH || s->kind == SCOPE_EVENT);
    if (!steps) {
        egret_diag *diag = check_error(c, 415, e->span, "an aggregate has nothing to count here");
        check_help(c, diag, "aggregates stand in when, let and alert, in members of profiles, and over steps of a sequence");
        return typed_bad();
    }
    if (fn == PLAN_DURATION_OF) {
        egret_diag *diag = check_error(c, 524, e->span, "duration() is that of a session: over session 30m");
        check_help(c, diag, "in a sequence subtract times: b.at - a.at");
        return typed_bad();
    }
    if (e->tail->over.kind != AST_WINDOW_NONE) {
        egret_diag *diag = check_error(c, 418, e->tail->over.span, "an aggregate over a step takes the events the step has bound; "
                                                             "'over' has no meaning here");
        check_help(c, diag, "bound the step's time in the match: (step {3,} within 15m)");
        return typed_bad();
    }
    return check_arg_count(c, e, fn) ? check_step_agg(c, s, e, fn) : typed_bad();
}
