/*
 * check_call.c: calls: the functions of functions.h, and the forms that are more than functions: which, now, prev, changed, new.
 *
 * prev(f), changed(f) and new(f) ask the state of the key: a feature, shared by all rules of the key group that ask the same.
 * changed(f) needs no feature of its own: it is prev(f) != f, which is false while there is no previous event.
 */
#include "compiler/check.h"

#include <string.h>

static uint32_t count_args(const ast_expr *e)
{
    uint32_t n = 0;
    for (const ast_expr *a = e->args; a != NULL; a = a->next)
        n++;
    return n;
}

/* ---- state of the key ---- */

static bool same_feature(const plan_feature *a, const plan_feature *b)
{
    return a->kind == b->kind && a->group == b->group && a->stream == b->stream && a->value == b->value && a->over_ms == b->over_ms
           && a->atom.guard == b->atom.guard && a->atom.rest == b->atom.rest;
}

uint64_t intern_feature_hash(const plan_feature *f)
{
    return hash_mix(hash_mix((uint64_t)f->kind << 32 | f->group, (uint64_t)f->stream << 32 | f->value), (uint64_t)f->over_ms);
}

static uint32_t find_feature(const check *c, const plan_feature *f)
{
    uint32_t cursor = PLAN_NONE, id;
    uint64_t hash = intern_feature_hash(f);
    while ((id = id_map_find(&c->features, hash, &cursor)) != PLAN_NONE)
        if (same_feature(&c->plan->features[id], f))
            return id;
    return PLAN_NONE;
}

uint32_t intern_feature(check *c, plan_feature f)
{
    uint32_t id = find_feature(c, &f);
    check_touch(c, TOUCH_FEATURE, id != PLAN_NONE ? id : c->plan->n_features, 0);
    if (id != PLAN_NONE)
        return id;
    id = c->plan->n_features;
    c->plan->features = check_grow(c, c->plan->features, id, sizeof f);
    c->plan->features[id] = f;
    c->plan->n_features++;
    id_map_put(c, &c->features, intern_feature_hash(&f), id);
    return id;
}

/* The argument of prev, changed, new: something of the event at hand alone. */
static typed feature_value(check *c, const scope *s, const ast_expr *e)
{
    if (s->kind != SCOPE_EVENT) {
        egret_diag *diag = check_error(c, 315, e->span, "%.*s() asks about the event at hand and its key", (int)e->name.str.len, e->name.str.ptr);
        check_help(c, diag, "it stands in the condition of a step or of a watched stream: link [changed(state)]");
        return typed_bad();
    }
    if (count_args(e) != 1) {
        check_error(c, 404, e->span, "%.*s() takes one field", (int)e->name.str.len, e->name.str.ptr);
        return typed_bad();
    }
    typed value = check_settle(c, check_expr(c, s, e->args));
    if (typed_is_bad(value))
        return value;
    uint8_t uses = c->plan->exprs[value.expr].uses;
    if ((uses & PLAN_USES_EVENT) == 0 || (uses & ~(PLAN_USES_EVENT | PLAN_USES_CONTENT)) != 0) {
        check_error(c, 405, e->args->span, "%.*s() takes a field of the event, or something made of its fields alone", (int)e->name.str.len,
                    e->name.str.ptr);
        return typed_bad();
    }
    return value;
}

static typed check_feature(check *c, const scope *s, const ast_expr *e)
{
    bool is_new = egret_str_is(e->name.str, "new");
    typed value = feature_value(c, s, e);
    int64_t over_ms = PLAN_FOREVER;
    if (e->tail->over.kind == AST_SLIDING && is_new) {
        if (!check_dur(c, &e->tail->over.size, "the time of new()", &over_ms))
            return typed_bad();
    } else if (e->tail->over.kind != AST_WINDOW_NONE && !(is_new && e->tail->over.kind == AST_EVER)) {
        check_error(c, 418, e->tail->over.span, "%s", is_new ? "new() takes a time: new(device_id over 90d)" : "only aggregates and new() take 'over'");
        return typed_bad();
    }
    if (typed_is_bad(value) || s->group == PLAN_NONE || s->stream == PLAN_NONE)
        return typed_bad();
    plan_feature feature = { .kind = is_new ? PLAN_FEATURE_NEW : PLAN_FEATURE_PREV, .group = s->group, .stream = s->stream,
                             .value = value.expr, .type = value.type, .over_ms = over_ms };
    uint32_t id = intern_feature(c, feature);
    uint8_t uses = PLAN_USES_KEY_STATE | PLAN_USES_EVENT;
    if (is_new)
        return typed_of(c, intern_leaf(c, PLAN_NEW, EGRET_BOOL, id, 0, uses));
    uint32_t prev = intern_leaf(c, PLAN_PREV, (egret_type)value.type, id, 0, uses);
    if (egret_str_is(e->name.str, "prev"))
        return typed_of(c, prev);
    return typed_of(c, intern_binary(c, PLAN_NE, EGRET_BOOL, prev, value.expr));
}

/* ---- which, now ---- */

static typed check_which(check *c, const scope *s, const ast_expr *e)
{
    uint32_t *parts = NULL, n = 0;
    bool bad = false;
    if (e->args == NULL) {
        check_help(c, check_error(c, 416, e->span, "which() of what?"), "name the lets it tells of: which(many, rich)");
        return typed_bad();
    }
    for (const ast_expr *a = e->args; a != NULL; a = a->next) {
        bool let = false;
        for (uint32_t i = 0; a->kind == AST_NAME && s->rule != NULL && i < s->rule->n_lets; i++)
            let = let || egret_str_eq(s->rule->lets[i].clause->name.str, a->name.str);
        if (!let || (s->kind != SCOPE_MATCH && s->kind != SCOPE_WINDOW)) {
            egret_diag *diag = check_error(c, 416, a->span, "which() takes the names of lets of this rule");
            check_help(c, diag, "name the condition: let many = count(over 1h) > 5");
            bad = true;
            continue;
        }
        uint32_t condition = check_condition(c, s, a, "what which() names");
        bad = bad || condition == PLAN_NONE;
        parts = check_grow(c, parts, n, sizeof *parts);
        parts[n++] = intern_value(c, egret_string(a->name.str.ptr, a->name.str.len));
        parts = check_grow(c, parts, n, sizeof *parts);
        parts[n++] = condition;
    }
    return bad ? typed_bad() : typed_of(c, intern_expr(c, (plan_expr){ .op = PLAN_WHICH, .type = EGRET_STRING }, parts, n));
}

static typed check_now(check *c, const scope *s, const ast_expr *e)
{
    if (e->args != NULL)
        check_error(c, 404, e->span, "now() takes nothing");
    if (s->kind == SCOPE_CONST || s->kind == SCOPE_TEST || s->kind == SCOPE_ROUTE || s->kind == SCOPE_KEY) {
        check_error(c, 315, e->span, "now() is the instant a rule is evaluated; here is none");
        return typed_bad();
    }
    return e->args != NULL ? typed_bad() : typed_of(c, intern_leaf(c, PLAN_NOW, EGRET_TIME, 0, 0, PLAN_USES_NOW));
}

/* ---- functions ---- */

static uint16_t mask_of(const egret_function *f, uint32_t i)
{
    uint16_t mask = f->arg[0];
    for (uint32_t k = 1; k <= i && k < EGRET_MAX_ARGS && f->arg[k] != 0; k++)
        mask = f->arg[k];
    return mask;
}

static void describe_mask(char *text, size_t size, uint16_t mask)
{
    static const char *const ORDER[] = { "string", "int", "number", "decimal", "bool", "time", "duration" };
    static const egret_type TYPES[] = { EGRET_STRING, EGRET_INT, EGRET_NUMBER, EGRET_DECIMAL, EGRET_BOOL, EGRET_TIME, EGRET_DURATION };
    size_t at = 0;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if ((mask & EGRET_T(TYPES[i])) == 0)
            continue;
        for (const char *p = at == 0 ? "" : " or "; *p != '\0' && at + 1 < size; p++)
            text[at++] = *p;
        for (const char *p = ORDER[i]; *p != '\0' && at + 1 < size; p++)
            text[at++] = *p;
    }
    text[at] = '\0';
}

/* The one type of arguments that must share one; EGRET_NULL: they do not, reported. */
static egret_type shared_type(check *c, const ast_expr *e, const typed *args, uint32_t from, uint32_t n)
{
    egret_type type = EGRET_NULL;
    bool flexible = false;
    const ast_expr *tree = e->args;
    for (uint32_t i = 0; i < n; i++, tree = tree->next) {
        egret_type t = (egret_type)args[i].type;
        flexible = flexible || (i >= from && args[i].flexible);
        if (i < from || t == EGRET_NULL || args[i].flexible)
            continue;
        if (type == EGRET_NULL || t == type)
            type = t;
        else if (type_is_numeric(type) && type_is_numeric(t))
            type = type == EGRET_NUMBER || t == EGRET_NUMBER ? EGRET_NUMBER : EGRET_DECIMAL;
        else {
            check_error(c, 405, tree->span, "%.*s() gives one of its arguments, so they must be alike: %s and %s", (int)e->name.str.len,
                        e->name.str.ptr, egret_type_name(type), egret_type_name(t));
            return EGRET_NULL;
        }
    }
    if (flexible && (type == EGRET_NULL || type == EGRET_INT))
        return EGRET_NUMBER;
    if (type == EGRET_NULL)
        check_error(c, 405, e->span, "%.*s() of nothing but null", (int)e->name.str.len, e->name.str.ptr);
    return type;
}

static bool check_arg(check *c, const ast_expr *e, const egret_function *f, uint32_t i, const ast_expr *tree, typed *arg)
{
    uint16_t mask = mask_of(f, i);
    if (mask == EGRET_T(EGRET_TIME))
        *arg = check_fit(c, *arg, EGRET_TIME, tree->span);
    if (arg->flexible && f->rule != EGRET_RESULT_SAME && (mask & EGRET_T(EGRET_NUMBER)) != 0)
        *arg = check_settle(c, *arg);
    if (typed_is_bad(*arg))
        return false;
    if ((mask & EGRET_T(arg->type)) != 0 || (arg->type == EGRET_NULL && f->null_safe))
        return true;
    char want[96];
    describe_mask(want, sizeof want, mask);
    egret_diag *diag = check_error(c, 405, tree->span, "argument %u of %.*s() is %s; it takes %s", (unsigned)i + 1, (int)e->name.str.len,
                                   e->name.str.ptr, egret_type_name((egret_type)arg->type), want);
    check_help(c, diag, "%s", f->signature);
    return false;
}

static bool check_args(check *c, const scope *s, const ast_expr *e, const egret_function *f, typed *args, uint32_t n)
{
    bool good = true;
    uint32_t i = 0;
    for (const ast_expr *a = e->args; a != NULL; a = a->next, i++) {
        args[i] = check_expr(c, s, a);
        good = !typed_is_bad(args[i]) && check_arg(c, e, f, i, a, &args[i]) && good;
    }
    if (!good || f->rule != EGRET_RESULT_SAME)
        return good;
    egret_type type = shared_type(c, e, args, f->same_from, n);
    i = 0;
    for (const ast_expr *a = e->args; a != NULL && type != EGRET_NULL; a = a->next, i++)
        if (i >= f->same_from)
            args[i] = check_widen(c, check_fit(c, args[i], type, a->span), type);
    return type != EGRET_NULL;
}

static egret_type result_type(const egret_function *f, const typed *args, uint32_t n)
{
    if (f->rule == EGRET_RESULT_FIXED)
        return (egret_type)f->result;
    if (f->rule == EGRET_RESULT_FIRST)
        return (egret_type)args[0].type;
    egret_type type = EGRET_NULL;
    for (uint32_t i = f->same_from; i < n; i++) {
        egret_type t = (egret_type)args[i].type;
        if (type == EGRET_NULL || t == EGRET_NUMBER || (t == EGRET_DECIMAL && type == EGRET_INT))
            type = t == EGRET_NULL ? type : t;
    }
    return type;
}

static typed check_function(check *c, const scope *s, const ast_expr *e, uint32_t number)
{
    const egret_function *f = &egret_functions[number];
    uint32_t n = count_args(e);
    if (n == 2 && f->max_args == 1 && f->arg[0] == EGRET_T(EGRET_TIME))
        return check_local_call(c, s, e, number);
    if (n < f->min_args || n > f->max_args) {
        bool single = f->min_args == 1 && f->max_args == 1;
        egret_diag *diag = check_error(c, 404, e->span, "%.*s() takes %u%s argument%s; %u given", (int)e->name.str.len, e->name.str.ptr,
                                       (unsigned)f->min_args, f->max_args > f->min_args ? " or more" : "", single ? "" : "s", (unsigned)n);
        check_help(c, diag, "%s", f->signature);
        return typed_bad();
    }
    typed args[EGRET_MAX_ARGS];
    if (n > EGRET_MAX_ARGS || !check_args(c, s, e, f, args, n))
        return typed_bad();
    uint32_t exprs[EGRET_MAX_ARGS];
    for (uint32_t i = 0; i < n; i++)
        exprs[i] = args[i].expr;
    egret_type type = result_type(f, args, n);
    return typed_of(c, intern_expr(c, (plan_expr){ .op = PLAN_CALL, .type = (uint8_t)type, .a = number }, exprs, n));
}

/* ---- calls ---- */

static typed unknown_function(check *c, const ast_expr *e)
{
    egret_str name = e->name.str;
    if (egret_str_is(name, "env")) {
        check_error(c, 315, e->span, "env() stands in options of sources and sinks only");
        return typed_bad();
    }
    static const char *const FORMS[] = { "count", "sum", "avg", "min", "max", "stddev", "distinct", "first", "last", "duration", "median",
                                         "p50", "p90", "p95", "p99", "slope", "forecast",
                                         "prev", "changed", "new", "which", "now", "open", "during" };
    egret_diag *diag = check_error(c, 307, e->name.span, "unknown function '%.*s'", (int)name.len, name.ptr);
    names n = { 0 };
    for (size_t i = 0; i < egret_n_functions; i++)
        names_add(c, &n, (egret_str){ egret_functions[i].name, (uint32_t)strlen(egret_functions[i].name) });
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++)
        names_add(c, &n, (egret_str){ FORMS[i], (uint32_t)strlen(FORMS[i]) });
    const char *begins = NULL;      /* substr */
    for (uint32_t i = 0; i < n.n && name.len >= 3; i++)
        if (begins == NULL && strncmp(n.list[i], name.ptr, name.len) == 0)
            begins = n.list[i];
    if (begins != NULL)
        check_help(c, diag, "did you mean '%s'?", begins);
    else if (!check_suggest(c, diag, name, &n, "functions"))
        check_help(c, diag, "what there is stands in the language reference, under Functions and Aggregates");
    return typed_bad();
}

typed check_call(check *c, const scope *s, const ast_expr *e)
{
    egret_str name = e->name.str;
    int fn = check_agg_fn(name);
    if (fn >= 0)
        return e->tail->before.str.len != 0 ? check_before(c, s, e, (plan_fn)fn) : check_aggregate(c, s, e, (plan_fn)fn);
    bool feature = egret_str_is(name, "prev") || egret_str_is(name, "changed") || egret_str_is(name, "new");
    int number = egret_function_find(name);
    bool known = feature || number >= 0 || egret_str_is(name, "which") || egret_str_is(name, "now") || egret_str_is(name, "open")
                 || egret_str_is(name, "during");
    if (known && (e->where != NULL || e->tail->before.str.len != 0 || (e->tail->over.kind != AST_WINDOW_NONE && !feature))) {
        check_error(c, 418, e->span, "only aggregates take 'where', 'over' and 'before'");
        return typed_bad();
    }
    if (feature)
        return check_feature(c, s, e);
    if (egret_str_is(name, "which"))
        return check_which(c, s, e);
    if (egret_str_is(name, "now"))
        return check_now(c, s, e);
    if (egret_str_is(name, "during"))
        return check_during(c, s, e);
    if (egret_str_is(name, "open"))
        return check_open(c, s, e);
    return number >= 0 ? check_function(c, s, e, (uint32_t)number) : unknown_function(c, e);
}
