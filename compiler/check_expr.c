/*
 * check_expr.c: expressions: literals, arithmetic, logic, and the walk itself.
 *
 * Types. Numeric types mix: int with decimal is decimal, anything with number is number, `/` gives number. A literal such as 5.00 is
 * "flexible": a decimal beside a decimal, else a number. Constants are folded, so `3 * 60s` is one constant.
 *
 * Three bounds keep hostile text from costing more than it is worth: the depth of the walk (defines nest), the nodes walked for one
 * declaration (defines multiply), and the size of the tree that evaluation would walk (lets multiply, although they are shared here).
 */
#include "compiler/check.h"

#include <string.h>

typed typed_bad(void)
{
    return (typed){ .expr = PLAN_NONE };
}

bool typed_is_bad(typed t)
{
    return t.expr == PLAN_NONE;
}

typed typed_of(check *c, uint32_t expr)
{
    return expr == PLAN_NONE ? typed_bad() : (typed){ .expr = expr, .type = c->plan->exprs[expr].type };
}

typed typed_value(check *c, egret_value v)
{
    return (typed){ .expr = intern_value(c, v), .type = v.type };
}

bool type_is_numeric(egret_type type)
{
    return type == EGRET_INT || type == EGRET_NUMBER || type == EGRET_DECIMAL;
}

typed check_settle(check *c, typed t)
{
    egret_value v;
    if (typed_is_bad(t) || !t.flexible || !intern_is_const(c, t.expr, &v))
        return t;
    return typed_value(c, egret_number(egret_value_as_number(v)));
}

/* An int or decimal constant beside a number, an int beside a decimal: the same value in the other's type. */
static egret_value convert(egret_value v, egret_type type)
{
    if (type == EGRET_NUMBER)
        return egret_number(egret_value_as_number(v));
    if (type == EGRET_DECIMAL && v.type == EGRET_INT)
        return egret_decimal(v.u.i, 0);
    if (type == EGRET_INT && v.type == EGRET_DECIMAL) {
        egret_value whole = egret_int((int64_t)egret_value_as_number(v));
        return egret_value_equal(whole, v) ? whole : v;
    }
    return v;
}

static typed fit_time(check *c, egret_value v, egret_span span)
{
    int64_t ms;
    if (egret_parse_rfc3339(v.u.s, v.len, &ms))
        return typed_value(c, egret_time(ms));
    egret_diag *diag = check_error(c, 410, span, "\"%.*s\" is no time", (int)v.len, v.u.s);
    check_help(c, diag, "times are written as in \"2026-01-05T09:00:00Z\"");
    return typed_bad();
}

typed check_fit(check *c, typed t, egret_type type, egret_span span)
{
    egret_value v;
    if (typed_is_bad(t) || !intern_is_const(c, t.expr, &v))
        return t;
    if (type == EGRET_TIME && v.type == EGRET_STRING)
        return fit_time(c, v, span);
    if (!type_is_numeric((egret_type)v.type) || !type_is_numeric(type))
        return t;
    if (t.flexible && type == EGRET_INT)
        v = convert(v, EGRET_INT);
    else if (t.flexible || v.type == EGRET_INT)
        v = convert(v, type);
    if (t.flexible && v.type == EGRET_DECIMAL && type != EGRET_DECIMAL)
        v = convert(v, EGRET_NUMBER);
    return v.type == EGRET_NULL ? t : typed_value(c, v);
}

typed check_widen(check *c, typed t, egret_type type)
{
    bool wider = (t.type == EGRET_INT && (type == EGRET_DECIMAL || type == EGRET_NUMBER)) || (t.type == EGRET_DECIMAL && type == EGRET_NUMBER);
    egret_value v;
    if (typed_is_bad(t) || !wider)
        return t;
    if (intern_is_const(c, t.expr, &v) && convert(v, type).type == type)
        return typed_value(c, convert(v, type));
    uint32_t zero = intern_value(c, type == EGRET_DECIMAL ? egret_decimal(0, 0) : egret_number(0));
    return (typed){ .expr = intern_binary(c, PLAN_ADD, type, t.expr, zero), .type = (uint8_t)type, .optional = t.optional };
}

/* ---- arithmetic ---- */

typedef struct arith { char op; const char *verb; plan_op plan; } arith;

static arith arith_of(ast_expr_kind kind)
{
    switch ((int)kind) {
    case AST_ADD: return (arith){ '+', "add", PLAN_ADD };
    case AST_SUB: return (arith){ '-', "subtract", PLAN_SUB };
    case AST_MUL: return (arith){ '*', "multiply", PLAN_MUL };
    case AST_DIV: return (arith){ '/', "divide", PLAN_DIV };
    default: return (arith){ '%', "take the remainder of", PLAN_MOD };
    }
}

/* EGRET_NULL: these do not go together. Follows egret_value_arith. */
static egret_type arith_type(char op, egret_type a, egret_type b)
{
    if (type_is_numeric(a) && type_is_numeric(b)) {
        if (op == '/' || a == EGRET_NUMBER || b == EGRET_NUMBER)
            return EGRET_NUMBER;
        return a == EGRET_DECIMAL || b == EGRET_DECIMAL ? EGRET_DECIMAL : EGRET_INT;
    }
    if (a == EGRET_TIME && b == EGRET_TIME)
        return op == '-' ? EGRET_DURATION : EGRET_NULL;
    if (a == EGRET_TIME && b == EGRET_DURATION)
        return op == '+' || op == '-' ? EGRET_TIME : EGRET_NULL;
    if (a == EGRET_DURATION && b == EGRET_TIME)
        return op == '+' ? EGRET_TIME : EGRET_NULL;
    if (a == EGRET_DURATION && b == EGRET_DURATION)
        return op == '/' ? EGRET_NUMBER : op == '*' ? EGRET_NULL : EGRET_DURATION;
    if (a == EGRET_DURATION && type_is_numeric(b))
        return op == '*' || op == '/' ? EGRET_DURATION : EGRET_NULL;
    if (type_is_numeric(a) && b == EGRET_DURATION)
        return op == '*' ? EGRET_DURATION : EGRET_NULL;
    return EGRET_NULL;
}

static typed arith_error(check *c, const ast_expr *e, arith op, typed a, typed b)
{
    egret_diag *diag = check_error(c, 401, e->span, "cannot %s %s and %s", op.verb, egret_type_name((egret_type)a.type),
                                   egret_type_name((egret_type)b.type));
    if (a.type == EGRET_STRING || b.type == EGRET_STRING)
        check_help(c, diag, "texts are joined in alert fields: \"{a} {b}\"");
    else if ((a.type == EGRET_TIME || a.type == EGRET_DURATION) && type_is_numeric((egret_type)b.type))
        check_help(c, diag, "a duration has a unit: 5s, 10m, 2h");
    else if (a.type == EGRET_NULL || b.type == EGRET_NULL)
        check_help(c, diag, "null in arithmetic gives null; coalesce(x, 0) puts a value in its place");
    return typed_bad();
}

/* Folds two constants. false: not constants, or no value comes out. */
static bool fold(check *c, arith op, typed a, typed b, typed *out)
{
    egret_value x, y;
    if (!intern_is_const(c, a.expr, &x) || !intern_is_const(c, b.expr, &y))
        return false;
    egret_value v = egret_value_arith(op.op, x, y);
    if (v.type == EGRET_NULL)
        return false;
    *out = typed_value(c, v);
    out->flexible = v.type == EGRET_DECIMAL && (a.flexible || b.flexible) && (a.flexible || x.type == EGRET_INT)
                    && (b.flexible || y.type == EGRET_INT);
    return true;
}

static typed check_arith(check *c, const scope *s, const ast_expr *e)
{
    arith op = arith_of(e->kind);
    typed a = check_expr(c, s, e->a), b = check_expr(c, s, e->b), out;
    if (typed_is_bad(a) || typed_is_bad(b))
        return typed_bad();
    if (arith_type(op.op, (egret_type)a.type, (egret_type)b.type) == EGRET_NULL)
        return arith_error(c, e, op, a, b);
    if (fold(c, op, a, b, &out))
        return out;
    bool optional = a.optional || b.optional;
    typed left = check_fit(c, a, (egret_type)b.type, e->a->span);
    b = check_fit(c, b, (egret_type)a.type, e->b->span);
    a = check_settle(c, left);
    b = check_settle(c, b);
    /* A literal beside an int or a duration became a number, or an int. */
    egret_type type = arith_type(op.op, (egret_type)a.type, (egret_type)b.type);
    return (typed){ .expr = intern_binary(c, op.plan, type, a.expr, b.expr), .type = (uint8_t)type, .optional = optional };
}

static typed check_negate(check *c, const scope *s, const ast_expr *e)
{
    typed a = check_expr(c, s, e->a);
    if (typed_is_bad(a))
        return a;
    if (!type_is_numeric((egret_type)a.type) && a.type != EGRET_DURATION) {
        check_error(c, 401, e->span, "cannot negate %s", egret_type_name((egret_type)a.type));
        return typed_bad();
    }
    egret_value v;
    if (intern_is_const(c, a.expr, &v) && egret_value_negate(v).type != EGRET_NULL) {
        typed out = typed_value(c, egret_value_negate(v));
        out.flexible = a.flexible;
        return out;
    }
    return (typed){ .expr = intern_unary(c, PLAN_NEG, (egret_type)a.type, a.expr), .type = a.type, .optional = a.optional };
}

/* ---- logic ---- */

uint32_t check_condition(check *c, const scope *s, const ast_expr *e, const char *what)
{
    typed t = check_expr(c, s, e);
    if (typed_is_bad(t) || t.type == EGRET_BOOL)
        return t.expr;
    egret_diag *diag = check_error(c, 403, e->span, "%s must be true or false; this is %s%s", what,
                                   t.type == EGRET_INT || t.type == EGRET_STRING ? "of type " : "", egret_type_name((egret_type)t.type));
    check_help(c, diag, "compare it with something: == != < <= > >=, or write 'is not null'");
    return PLAN_NONE;
}

/* a and b and c …: the chain is one node, does not count as depth, and is checked from left to right. */
static typed check_junction(check *c, const scope *s, const ast_expr *e)
{
    uint32_t n = 1;
    const ast_expr *at = e;
    for (; at->kind == e->kind; at = at->a)
        n++;
    const ast_expr **sides = check_alloc(c, n * sizeof *sides);
    uint32_t *list = check_alloc(c, n * sizeof *list);
    sides[0] = at;
    uint32_t i = n;
    for (at = e; at->kind == e->kind; at = at->a)
        sides[--i] = at->b;
    bool bad = false;
    for (i = 0; i < n; i++) {
        list[i] = check_condition(c, s, sides[i], e->kind == AST_AND ? "a side of 'and'" : "a side of 'or'");
        bad = bad || list[i] == PLAN_NONE;
    }
    if (!bad && e->kind == AST_AND)
        warn_conjunction(c, sides, list, n);
    return bad ? typed_bad() : typed_of(c, intern_junction(c, e->kind == AST_AND ? PLAN_AND : PLAN_OR, list, n));
}

/* `not (x > 5)` is true when x is null; who writes it seldom means that. */
static void warn_not(check *c, const scope *s, const ast_expr *e)
{
    const ast_expr *inner = e->a;
    bool relation = (inner->kind >= AST_EQ && inner->kind <= AST_GE) || inner->kind == AST_LIKE || inner->kind == AST_MATCHES
                    || inner->kind == AST_IN;
    if (!relation || inner->negated)
        return;
    typed a = check_expr(c, s, inner->a);
    typed b = inner->b != NULL && inner->kind <= AST_GE ? check_expr(c, s, inner->b) : typed_bad();
    if ((typed_is_bad(a) || !a.optional) && (typed_is_bad(b) || !b.optional))
        return;
    egret_diag *diag = check_warn(c, 801, e->span, "this is true when the field is null: a comparison with null is false, "
                                                   "and 'not' turns that round");
    check_help(c, diag, "write the opposite comparison (<= for >), or add 'and … is not null'");
}

static typed check_not(check *c, const scope *s, const ast_expr *e)
{
    uint32_t inner = check_condition(c, s, e->a, "what follows 'not'");
    if (inner == PLAN_NONE)
        return typed_bad();
    warn_not(c, s, e);
    egret_value v;
    if (intern_is_const(c, inner, &v))
        return typed_value(c, egret_bool(v.u.i == 0));
    return typed_of(c, intern_unary(c, PLAN_NOT, EGRET_BOOL, inner));
}

/* ---- the walk ---- */

static typed check_float(check *c, const ast_expr *e)
{
    egret_value v;
    if (egret_parse_decimal(e->text.ptr, e->text.len, &v)) {
        typed t = typed_value(c, v);
        t.flexible = true;
        return t;
    }
    return typed_value(c, egret_number(e->float_value));
}

static typed check_kind(check *c, const scope *s, const ast_expr *e)
{
    switch (e->kind) {
    case AST_INT: return typed_value(c, egret_int(e->int_value));
    case AST_FLOAT: return check_float(c, e);
    case AST_DURATION: return typed_value(c, egret_duration(e->int_value));
    case AST_STRING: return s->texts ? lower_text(c, s, e) : typed_value(c, egret_string(e->text.ptr, e->text.len));
    case AST_REGEX: break;
    case AST_TRUE: return typed_value(c, egret_bool(true));
    case AST_FALSE: return typed_value(c, egret_bool(false));
    case AST_NULL: return typed_value(c, egret_null());
    case AST_NAME: return check_name(c, s, e);
    case AST_CALL: return check_call(c, s, e);
    case AST_MEMBER: return check_member(c, s, e);
    case AST_INDEX: return check_index(c, s, e);
    case AST_NEG: return check_negate(c, s, e);
    case AST_NOT: return check_not(c, s, e);
    case AST_ADD:
    case AST_SUB:
    case AST_MUL:
    case AST_DIV:
    case AST_MOD: return check_arith(c, s, e);
    case AST_EQ:
    case AST_NE:
    case AST_LT:
    case AST_LE:
    case AST_GT:
    case AST_GE: return check_compare(c, s, e);
    case AST_AND:
    case AST_OR: return check_junction(c, s, e);
    case AST_IN: return check_in(c, s, e);
    case AST_LIKE: return check_like(c, s, e);
    case AST_MATCHES: return check_matches(c, s, e);
    case AST_IS_NULL: {
        typed a = check_expr(c, s, e->a);
        if (typed_is_bad(a))
            return a;
        uint32_t is = intern_unary(c, PLAN_IS_NULL, EGRET_BOOL, check_settle(c, a).expr);
        return typed_of(c, e->negated ? intern_unary(c, PLAN_NOT, EGRET_BOOL, is) : is);
    }
    }
    return typed_bad();
}

typed check_expr(check *c, const scope *s, const ast_expr *e)
{
    if (c->depth >= CHECK_MAX_DEPTH || c->visits >= CHECK_MAX_VISITS) {
        egret_diag *diag = check_error(c, 412, e->span, "with its defines put in, this becomes too large");
        check_help(c, diag, "defines are put in where they are named; a 'let' is evaluated once");
        return typed_bad();
    }
    c->visits++;
    c->depth++;
    typed t = check_kind(c, s, e);
    c->depth--;
    if (typed_is_bad(t) || (c->weight[t.expr] <= CHECK_MAX_WEIGHT && c->height[t.expr] <= CHECK_MAX_DEPTH))
        return t;
    check_error(c, 412, e->span, "with its lets and defines put in, this has more than %d parts or %d levels", CHECK_MAX_WEIGHT, CHECK_MAX_DEPTH);
    return typed_bad();
}

/* ---- durations ---- */

static bool bounded(check *c, int64_t value, const char *what, egret_span span, int64_t *ms)
{
    *ms = value;
    if (value >= 0 && value <= CHECK_MAX_DURATION_MS)
        return true;
    *ms = 0;
    check_error(c, 513, span, "%s must be between 0 and a hundred years", what);
    return false;
}

/* Does it read anything: fields, tables, functions? A name that is no define is left to the walk, which knows what to say of it. */
static bool reads_data(check *c, const ast_expr *e, bool inside_define, uint32_t depth)
{
    if (e == NULL)
        return false;
    if (depth > CHECK_MAX_DEPTH || e->kind == AST_CALL || e->kind == AST_MEMBER || e->kind == AST_INDEX)
        return true;
    if (e->kind == AST_NAME) {
        const symbol *define = check_find_kind(c, AST_DEFINE, e->name.str);
        return define == NULL ? inside_define : reads_data(c, define->decl->u.define, true, depth + 1);
    }
    return reads_data(c, e->a, inside_define, depth + 1) || reads_data(c, e->b, inside_define, depth + 1);
}

bool check_reads_data(check *c, const ast_expr *e)
{
    return reads_data(c, e, false, 0);
}

bool check_const_duration(check *c, const ast_expr *e, const char *what, int64_t *ms)
{
    *ms = 0;
    if (reads_data(c, e, false, 0)) {
        egret_diag *diag = check_error(c, 544, e->span, "%s must be constant: this is looked up", what);
        check_help(c, diag, "write a duration, or a define that is one; times in a match, and behind 'for', may be looked up by the key");
        return false;
    }
    scope s = { .kind = SCOPE_CONST, .stream = PLAN_NONE, .group = PLAN_NONE };
    typed t = check_expr(c, &s, e);
    egret_value v;
    if (typed_is_bad(t))
        return false;
    if (t.type == EGRET_DURATION && intern_is_const(c, t.expr, &v))
        return bounded(c, v.u.i, what, e->span, ms);
    egret_diag *diag = check_error(c, 409, e->span, "%s must be a constant duration; this is %s", what, egret_type_name((egret_type)t.type));
    bool number = type_is_numeric((egret_type)t.type) && intern_is_const(c, t.expr, &v);
    const symbol *define = e->kind == AST_NAME ? check_find_kind(c, AST_DEFINE, e->name.str) : NULL;
    const ast_expr *value = define != NULL ? define->decl->u.define : e;
    if (number && value->kind == AST_INT)
        check_help(c, diag, "write it with its unit: %.*ss, %.*sm, %.*sh", (int)value->text.len, value->text.ptr, (int)value->text.len,
                   value->text.ptr, (int)value->text.len, value->text.ptr);
    else if (t.type == EGRET_STRING && value->kind == AST_STRING)
        check_help(c, diag, "a duration stands without quotes, with its unit: 5m");
    else
        check_help(c, diag, "a duration has a unit: 500ms, 10s, 5m, 2h, 7d, 1w");
    if (define != NULL)
        check_note(c, diag, value->span, "it is defined here");
    return false;
}

bool dur_is_written(const ast_dur *dur)
{
    return dur->span.start != dur->span.end;
}

bool check_dur(check *c, const ast_dur *dur, const char *what, int64_t *ms)
{
    if (dur->name.str.len == 0)
        return bounded(c, dur->ms, what, dur->span, ms);
    *ms = 0;
    const symbol *define = check_find_kind(c, AST_DEFINE, dur->name.str);
    if (define == NULL) {
        egret_diag *diag = check_error(c, 303, dur->name.span, "%s is no duration and no define", what);
        names n = { 0 };
        names_add_symbols(c, &n, AST_DEFINE);
        if (!check_suggest(c, diag, dur->name.str, &n, "defines"))
            check_help(c, diag, "write a time, such as 5m, or give it a name: define %.*s = 5m", (int)dur->name.str.len, dur->name.str.ptr);
        return false;
    }
    ast_expr name = { .kind = AST_NAME, .height = 1, .span = dur->name.span, .name = dur->name };
    return check_const_duration(c, &name, what, ms);
}
