/*
 * check_compare.c: comparisons, in, like, matches.
 *
 * A constant moves to the right side (5 < x becomes x > 5), so that equal conditions become one and an index can be made of them.
 * In a raw record of a source nothing has a type yet: there the constant compared with says what the field is.
 */
#include "compiler/check.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string.h>

static plan_op compare_op(ast_expr_kind kind, bool swapped)
{
    switch ((int)kind) {
    case AST_EQ: return PLAN_EQ;
    case AST_NE: return PLAN_NE;
    case AST_LT: return swapped ? PLAN_GT : PLAN_LT;
    case AST_LE: return swapped ? PLAN_GE : PLAN_LE;
    case AST_GT: return swapped ? PLAN_LT : PLAN_GT;
    default: return swapped ? PLAN_LE : PLAN_GE;
    }
}

static bool comparable(egret_type a, egret_type b, bool ordered)
{
    if (type_is_numeric(a) && type_is_numeric(b))
        return true;
    return a == b && a != EGRET_NULL && !(ordered && a == EGRET_BOOL);
}

static void explain_null(check *c, const ast_expr *e)
{
    egret_diag *diag = check_error(c, 406, e->span, "a comparison with null is always false, '!=' too");
    check_help(c, diag, e->kind == AST_NE ? "write 'is not null'" : "write 'is null'");
}

static void explain_types(check *c, const ast_expr *e, typed a, typed b)
{
    egret_diag *diag = check_error(c, 402, e->span, "cannot compare %s with %s", egret_type_name((egret_type)a.type),
                                   egret_type_name((egret_type)b.type));
    bool a_duration = a.type == EGRET_DURATION, b_duration = b.type == EGRET_DURATION;
    if ((a_duration && type_is_numeric((egret_type)b.type)) || (b_duration && type_is_numeric((egret_type)a.type)))
        check_help(c, diag, "a duration has a unit: 500ms, 10s, 5m, 2h");
    else if (a.type == EGRET_STRING && type_is_numeric((egret_type)b.type) && e->b != NULL && e->b->kind <= AST_FLOAT)
        check_help(c, diag, "write the value in quotes: \"%.*s\"", (int)e->b->text.len, e->b->text.ptr);
    else if (a.type == EGRET_BOOL && b.type == EGRET_BOOL)
        check_help(c, diag, "true and false have no order; use == or !=");
    else if (type_is_numeric((egret_type)a.type) && b.type == EGRET_STRING)
        check_help(c, diag, "write the number without quotes");
}

/* ---- raw records ---- */

static egret_type literal_type(const ast_expr *e)
{
    switch ((int)e->kind) {
    case AST_INT: return EGRET_INT;
    case AST_FLOAT: return EGRET_NUMBER;
    case AST_TRUE:
    case AST_FALSE: return EGRET_BOOL;
    case AST_DURATION: return EGRET_DURATION;
    case AST_NEG: return literal_type(e->a);
    default: return EGRET_STRING;
    }
}

/* Gives the field of a raw record its type before it is looked at. */
static void route_expects(check *c, const scope *s, const ast_expr *e, egret_type type)
{
    if (s->kind != SCOPE_ROUTE || (e->kind != AST_NAME && e->kind != AST_MEMBER))
        return;
    typed t = check_expr(c, s, e);
    if (typed_is_bad(t) || c->plan->exprs[t.expr].op != PLAN_FIELD)
        return;
    plan_field *field = &s->edge->route_fields[c->plan->exprs[t.expr].a];
    if (field->type != EGRET_NULL && field->type != type)
        check_error(c, 605, e->span, "'%.*s' is compared with %s here and with %s elsewhere", (int)field->path.len, field->path.ptr,
                    egret_type_name(type), egret_type_name((egret_type)field->type));
    field->type = (uint8_t)type;
}

/* ---- comparisons ---- */

static typed compare(check *c, const ast_expr *e, typed a, typed b)
{
    bool ordered = e->kind != AST_EQ && e->kind != AST_NE;
    if (a.type == EGRET_NULL || b.type == EGRET_NULL) {
        explain_null(c, e);
        return typed_bad();
    }
    egret_value v;
    typed left = a;
    a = check_settle(c, check_fit(c, a, (egret_type)b.type, e->a->span));
    b = check_settle(c, check_fit(c, b, (egret_type)left.type, e->b->span));
    if (typed_is_bad(a) || typed_is_bad(b))
        return typed_bad();
    if (!comparable((egret_type)a.type, (egret_type)b.type, ordered)) {
        explain_types(c, e, a, b);
        return typed_bad();
    }
    bool swap = intern_is_const(c, a.expr, &v) && !intern_is_const(c, b.expr, &v);
    plan_op op = compare_op(e->kind, swap);
    return typed_of(c, intern_binary(c, op, EGRET_BOOL, swap ? b.expr : a.expr, swap ? a.expr : b.expr));
}

typed check_compare(check *c, const scope *s, const ast_expr *e)
{
    route_expects(c, s, e->a, literal_type(e->b));
    route_expects(c, s, e->b, literal_type(e->a));
    typed a = check_expr(c, s, e->a), b = check_expr(c, s, e->b);
    if (typed_is_bad(a) || typed_is_bad(b))
        return typed_bad();
    typed t = compare(c, e, a, b);
    if (!typed_is_bad(t))
        warn_comparison(c, s, e, t.expr);
    return t;
}

/* ---- in ---- */

static typed negate_if(check *c, bool negated, uint32_t expr)
{
    return typed_of(c, negated ? intern_unary(c, PLAN_NOT, EGRET_BOOL, expr) : expr);
}

/* x in (a, b, c): a set when all are constants, else one comparison each. */
static typed check_in_values(check *c, const scope *s, const ast_expr *e, typed x)
{
    uint32_t n = 0, n_const = 0, i = 0;
    bool bad = false;
    for (const ast_expr *item = e->args; item != NULL; item = item->next)
        n++;
    uint32_t *equal = check_alloc(c, n * sizeof *equal);
    egret_value *items = check_alloc(c, n * sizeof *items);
    for (const ast_expr *item = e->args; item != NULL; item = item->next, i++) {
        typed v = check_expr(c, s, item);
        if (typed_is_bad(v)) {
            bad = true;
            continue;
        }
        ast_expr as = { .kind = AST_EQ, .height = 1, .span = item->span, .a = e->a, .b = (ast_expr *)(uintptr_t)item };
        typed one = compare(c, &as, x, v);
        bad = bad || typed_is_bad(one);
        equal[i] = one.expr;
        v = check_settle(c, check_fit(c, v, (egret_type)x.type, item->span));
        if (!typed_is_bad(v) && intern_is_const(c, v.expr, &items[i]))
            n_const++;
    }
    if (bad)
        return typed_bad();
    if (n_const < n)
        return negate_if(c, e->negated, intern_junction(c, PLAN_OR, equal, n));
    plan_expr set = { .op = PLAN_IN_SET, .type = EGRET_BOOL, .a = intern_set(c, items, n) };
    return negate_if(c, e->negated, intern_expr(c, set, &x.expr, 1));
}

static typed check_in_list(check *c, const ast_expr *e, symbol *list, typed x)
{
    if (x.type == EGRET_NULL || x.type == EGRET_BOOL || x.type == EGRET_NUMBER) {
        check_error(c, 408, e->a->span, "a list holds values that are looked up; %s cannot be", egret_type_name((egret_type)x.type));
        return typed_bad();
    }
    if (list->item_type != EGRET_NULL && list->item_type != x.type) {
        egret_diag *diag = check_error(c, 408, e->a->span, "list '%.*s' is asked for %s here, and for %s elsewhere",
                                       (int)list->decl->name.str.len, list->decl->name.str.ptr, egret_type_name((egret_type)x.type),
                                       egret_type_name((egret_type)list->item_type));
        check_help(c, diag, "make two lists, or turn one value into the other's type: to_string(x)");
        check_note(c, diag, list->item_span, "there");
        return typed_bad();
    }
    if (c->revising && list->item_type == EGRET_NULL)
        check_not_simple(c);    /* its content would have to be read again */
    check_touch(c, TOUCH_LIST, list->index, 0);
    list->item_type = x.type;
    list->item_span = e->a->span;
    plan_expr in = { .op = PLAN_IN_LIST, .type = EGRET_BOOL, .uses = PLAN_USES_CONTENT, .a = list->index };
    return negate_if(c, e->negated, intern_expr(c, in, &x.expr, 1));
}

static typed check_in_name(check *c, const scope *s, const ast_expr *e, typed x)
{
    if (e->b->kind != AST_NAME) {
        egret_diag *diag = check_error(c, 408, e->b->span, "after 'in' stands a list or values in round brackets");
        check_help(c, diag, "x in blocked, or x in (\"a\", \"b\")");
        return typed_bad();
    }
    symbol *found = check_find(c, SPACE_VALUE, e->b->name.str);
    if (found != NULL && found->decl->kind == AST_LIST)
        return check_in_list(c, e, found, x);
    if (found != NULL && found->decl->kind == AST_CALENDAR)
        return found->index == PLAN_NONE ? typed_bad() : check_in_calendar(c, e, found->index, x);
    if (name_is_silent(s, e->b->name.str))
        return typed_bad();
    egret_diag *diag = check_error(c, 306, e->b->span, "there is no list '%.*s'", (int)e->b->name.str.len, e->b->name.str.ptr);
    if (found != NULL && found->decl->kind == AST_TABLE) {
        const egret_source *source = &c->diags->sources[e->a->span.source];
        const plan_table *table = &c->plan->tables[found->index];
        egret_str column = table->n_columns > 0 ? table->columns[table->n_columns - 1].name : (egret_str){ "column", 6 };
        check_help(c, diag, "it is a table: write %.*s[%.*s].%.*s is not null", (int)e->b->name.str.len, e->b->name.str.ptr,
                   (int)(e->a->span.end - e->a->span.start), source->text + e->a->span.start, (int)column.len, column.ptr);
        return typed_bad();
    }
    names n = { 0 };
    names_add_symbols(c, &n, AST_LIST);
    names_add_symbols(c, &n, AST_CALENDAR);
    if (!check_suggest(c, diag, e->b->name.str, &n, "lists and calendars"))
        check_help(c, diag, "declare it, list %.*s: \"file.txt\", or write the values: in (\"a\", \"b\")", (int)e->b->name.str.len, e->b->name.str.ptr);
    return typed_bad();
}

typed check_in(check *c, const scope *s, const ast_expr *e)
{
    if (e->has_list && e->args != NULL)
        route_expects(c, s, e->a, literal_type(e->args));
    typed x = check_settle(c, check_expr(c, s, e->a));
    if (typed_is_bad(x))
        return x;
    if (e->has_list)
        return check_in_values(c, s, e, x);
    return check_in_name(c, s, e, x);
}

/* ---- texts ---- */

static bool is_text(check *c, typed t, egret_span span, const char *op)
{
    if (typed_is_bad(t))
        return false;
    if (t.type == EGRET_STRING)
        return true;
    egret_diag *diag = check_error(c, 407, span, "'%s' looks at a string; this is %s", op, egret_type_name((egret_type)t.type));
    check_help(c, diag, "make a text of it: to_string(x)");
    return false;
}

typed check_like(check *c, const scope *s, const ast_expr *e)
{
    scope plain = *s;
    plain.texts = false;
    route_expects(c, s, e->a, EGRET_STRING);
    typed a = check_expr(c, &plain, e->a), b = check_expr(c, &plain, e->b);
    bool good = is_text(c, a, e->a->span, "like");
    if (!is_text(c, b, e->b->span, "like") || !good)
        return typed_bad();
    return negate_if(c, e->negated, intern_binary(c, PLAN_LIKE, EGRET_BOOL, a.expr, b.expr));
}

static bool check_regex(check *c, const ast_expr *e)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(e->text.ptr != NULL ? e->text.ptr : ""), e->text.len,
                                     PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &offset, NULL);
    if (code != NULL) {
        pcre2_code_free(code);
        return true;
    }
    PCRE2_UCHAR message[160];
    pcre2_get_error_message(error, message, sizeof message);
    /* The text stands between r" and ". */
    uint32_t at = e->span.start + 2 + (uint32_t)offset;
    egret_span span = { e->span.source, at < e->span.end ? at : e->span.start, at < e->span.end ? at + 1 : e->span.end };
    check_error(c, 411, span, "the regular expression is wrong here: %s", (const char *)message);
    return false;
}

typed check_matches(check *c, const scope *s, const ast_expr *e)
{
    route_expects(c, s, e->a, EGRET_STRING);
    typed a = check_expr(c, s, e->a);
    bool good = e->b->kind == AST_REGEX && check_regex(c, e->b);
    if (!is_text(c, a, e->a->span, "matches") || !good)
        return typed_bad();
    plan_expr m = { .op = PLAN_MATCHES, .type = EGRET_BOOL, .a = intern_regex(c, e->b->text) };
    return negate_if(c, e->negated, intern_expr(c, m, &a.expr, 1));
}
