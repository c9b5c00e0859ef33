/*
 * expr_print.c: expressions of the plan, as one would write them in a rule.
 *
 * The plan's expressions hold numbers: slots, cells, items, aggregates. What they mean depends on where the expression stands; the view
 * says that. Brackets are written where the grammar needs them and nowhere else.
 */
#include "compiler/expr_print.h"

#include "compiler/functions.h"

/* How tightly an operator binds, as in the grammar. */
enum { BIND_OR = 1, BIND_AND, BIND_NOT, BIND_RELATION, BIND_SUM, BIND_PRODUCT, BIND_UNARY, BIND_PRIMARY };

static void put(egret_text *text, const expr_view *view, uint32_t expr, int least);

static uint32_t arg_of(const expr_view *view, const plan_expr *e, uint32_t i)
{
    return view->plan->args[e->args + i];
}

/* ---- values ---- */

void expr_put_duration(egret_text *text, int64_t ms)
{
    char buffer[64];
    if (ms == PLAN_FOREVER) {
        egret_text_puts(text, "ever");
        return;
    }
    size_t len = egret_value_text(egret_duration(ms), buffer, sizeof buffer);
    egret_text_put(text, buffer, len);
}

void expr_put_value(egret_text *text, egret_value v)
{
    if (v.type == EGRET_STRING) {
        egret_text_put_json(text, v.u.s, v.len);
        return;
    }
    char buffer[64];
    size_t len = egret_value_text(v, buffer, sizeof buffer);
    const char *quote = v.type == EGRET_TIME ? "\"" : "";
    egret_text_puts(text, quote);
    egret_text_put(text, buffer, len);
    egret_text_puts(text, quote);
}

static void put_number(egret_text *text, const char *what, uint32_t number)
{
    egret_text_printf(text, "%s#%u", what, (unsigned)number);
}

/* ---- names ---- */

static void put_field(egret_text *text, const expr_view *view, uint32_t slot)
{
    if (view->edge != NULL && slot < view->edge->n_route_fields) {
        egret_text_put_str(text, view->edge->route_fields[slot].path);
    } else if (view->stream != PLAN_NONE && slot < view->plan->streams[view->stream].n_slots) {
        const plan_stream *s = &view->plan->streams[view->stream];
        egret_text_put_str(text, s->fields[s->slot_field[slot]].name);
    } else {
        put_number(text, "field", slot);
    }
}

void expr_put_step(egret_text *text, const plan_pattern *pattern, uint32_t item)
{
    if (pattern != NULL && item < pattern->n_items && pattern->items[item].name.len != 0)
        egret_text_put_str(text, pattern->items[item].name);
    else
        put_number(text, "step", item);
}

static void put_cell(egret_text *text, const expr_view *view, uint32_t cell)
{
    const plan_cell *cells = view->pattern != NULL ? view->pattern->cells : view->window != NULL ? view->window->cells : NULL;
    uint32_t n = view->pattern != NULL ? view->pattern->n_cells : view->window != NULL ? view->window->n_cells : 0;
    if (cell < n)
        egret_text_put_str(text, cells[cell].name);
    else
        put_number(text, "cell", cell);
}

static void put_key(egret_text *text, const expr_view *view, uint32_t part)
{
    if (view->group != NULL && part < view->group->n_parts)
        egret_text_put_str(text, view->group->part_name[part]);
    else
        put_number(text, "key", part);
}

static const char *fn_name(unsigned fn)
{
    static const char *const NAMES[] = { "count", "sum", "avg", "min", "max", "stddev", "distinct", "first", "last", "duration", "median",
                                         "p", "slope", "forecast", "at first" };
    return fn < sizeof NAMES / sizeof NAMES[0] ? NAMES[fn] : "?";
}

/* ---- aggregates ---- */

static void put_step_agg(egret_text *text, const expr_view *view, uint32_t agg)
{
    if (view->pattern == NULL || agg >= view->pattern->n_step_aggs) {
        put_number(text, "aggregate", agg);
        return;
    }
    const plan_step_agg *a = &view->pattern->step_aggs[agg];
    egret_text_printf(text, "%s(", fn_name(a->fn));
    expr_put_step(text, view->pattern, a->item);
    if (a->value != PLAN_NONE) {
        egret_text_puts(text, ": ");
        put(text, view, a->value, 0);
    }
    if (a->where != PLAN_NONE) {
        egret_text_puts(text, " where ");
        put(text, view, a->where, 0);
    }
    egret_text_puts(text, ")");
}

void expr_put_over(egret_text *text, const plan *p, const plan_over *over)
{
    static const char *const KINDS[] = { [AST_TUMBLING] = "tumbling ", [AST_HOPPING] = "hopping ", [AST_SESSION] = "session " };
    if (over->kind == AST_LAST) {
        egret_text_printf(text, "last %llu", (unsigned long long)over->last);
        return;
    }
    if (over->kind < sizeof KINDS / sizeof KINDS[0] && KINDS[over->kind] != NULL)
        egret_text_puts(text, KINDS[over->kind]);
    expr_put_duration(text, over->size_ms);
    if (over->every_ms != 0) {
        egret_text_puts(text, " every ");
        expr_put_duration(text, over->every_ms);
    }
    if (over->zone != PLAN_NONE) {
        egret_text_puts(text, " in ");
        egret_text_put_json(text, p->zones[over->zone].name.ptr, p->zones[over->zone].name.len);
    }
}

void expr_put_agg(egret_text *text, const expr_view *view, uint32_t agg)
{
    const plan_window *w = view->window;
    if (w == NULL || agg >= w->n_aggs) {
        put_number(text, "aggregate", agg);
        return;
    }
    const plan_agg *a = &w->aggs[agg];
    const plan_arg *arg = &w->args[a->arg];
    expr_view inner = { .plan = view->plan, .stream = PLAN_NONE, .group = view->group };
    uint32_t first = PLAN_NONE;
    bool all = w->n_atoms >= 64 || arg->atoms == (UINT64_C(1) << w->n_atoms) - 1;
    egret_text_puts(text, fn_name(a->fn));
    if (a->fn == PLAN_QUANTILE)
        egret_text_printf(text, "%d", (int)a->param);
    egret_text_puts(text, "(");
    for (uint32_t i = 0; i < w->n_atoms && first == PLAN_NONE; i++)
        if ((arg->atoms >> i & 1) != 0)
            first = i;
    if (first != PLAN_NONE) {
        inner.stream = w->atoms[first].stream;
        if (!all)
            egret_text_put_str(text, w->atoms[first].label.len != 0 ? w->atoms[first].label : view->plan->streams[inner.stream].name);
        if (!all && arg->value != PLAN_NONE)
            egret_text_puts(text, ": ");
    }
    size_t begin = text->len;
    if (arg->value != PLAN_NONE)
        put(text, &inner, arg->value, 0);
    if (a->fn == PLAN_FORECAST) {
        egret_text_puts(text, ", ");
        expr_put_duration(text, a->param);
    }
    if (arg->where != PLAN_NONE) {
        egret_text_puts(text, text->len == begin && all ? "where " : " where ");
        put(text, &inner, arg->where, 0);
    }
    egret_text_puts(text, text->len == begin && all ? "over " : " over ");
    expr_put_over(text, view->plan, &a->over);
    egret_text_puts(text, ")");
}

static void put_feature(egret_text *text, const expr_view *view, const plan_expr *e)
{
    const plan_feature *f = &view->plan->features[e->a];
    expr_view inner = { .plan = view->plan, .stream = f->stream };
    egret_text_puts(text, e->op == PLAN_NEW ? "new(" : "prev(");
    put(text, &inner, f->value, 0);
    if (e->op == PLAN_NEW) {
        egret_text_puts(text, " over ");
        expr_put_duration(text, f->over_ms);
    }
    egret_text_puts(text, ")");
}

static void put_zone(egret_text *text, const expr_view *view, const plan_expr *e)
{
    egret_text_puts(text, ", ");
    if (e->a == PLAN_NONE)
        put(text, view, arg_of(view, e, 1), 0);
    else
        egret_text_put_json(text, view->plan->zones[e->a].name.ptr, view->plan->zones[e->a].name.len);
}

/* A time in a zone stands inside hour(…) and the like, as two of its arguments. */
static void put_local(egret_text *text, const expr_view *view, const plan_expr *e)
{
    put(text, view, arg_of(view, e, 0), 0);
    put_zone(text, view, e);
}

static void put_during(egret_text *text, const expr_view *view, const plan_expr *e)
{
    const plan_expr *time = &view->plan->exprs[arg_of(view, e, 0)];
    bool zoned = time->op == PLAN_LOCAL;
    egret_text_puts(text, "during(");
    put(text, view, zoned ? arg_of(view, time, 0) : arg_of(view, e, 0), 0);
    egret_text_printf(text, ", \"%02u:%02u-%02u:%02u\"", e->a / 3600000, e->a / 60000 % 60, e->b / 3600000, e->b / 60000 % 60);
    if (zoned)
        put_zone(text, view, time);
    egret_text_puts(text, ")");
}

static void put_open(egret_text *text, const expr_view *view, const plan_expr *e)
{
    const plan_rule *rule = &view->plan->rules[e->a];
    egret_text_puts(text, "open(");
    egret_text_put_str(text, rule->name);
    if (rule->instance != 0)
        egret_text_printf(text, "/%u", (unsigned)rule->instance);
    egret_text_puts(text, ")");
}

/* ---- operators ---- */

static void put_args(egret_text *text, const expr_view *view, const plan_expr *e)
{
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (i != 0)
            egret_text_puts(text, ", ");
        put(text, view, arg_of(view, e, i), 0);
    }
}

static void put_binary(egret_text *text, const expr_view *view, const plan_expr *e, const char *op, int bind)
{
    /* Relations do not chain; the right side of - and / needs brackets around an equal operator. */
    put(text, view, arg_of(view, e, 0), bind == BIND_RELATION ? bind + 1 : bind);
    egret_text_puts(text, op);
    put(text, view, arg_of(view, e, 1), bind + 1);
}

static void put_junction(egret_text *text, const expr_view *view, const plan_expr *e)
{
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (i != 0)
            egret_text_puts(text, e->op == PLAN_AND ? " and " : " or ");
        put(text, view, arg_of(view, e, i), e->op == PLAN_AND ? BIND_NOT : BIND_AND);
    }
}

/* Braces are doubled; the rest is shown as it is. */
static void put_literal(egret_text *text, egret_value v)
{
    uint32_t from = 0;
    for (uint32_t k = 0; k < v.len; k++) {
        if (v.u.s[k] != '{' && v.u.s[k] != '}')
            continue;
        egret_text_put_shown(text, v.u.s + from, k + 1 - from);
        from = k;
    }
    egret_text_put_shown(text, v.u.s + from, v.len - from);
}

/* "text {expr} text": the inverse of lower_text. */
static void put_concat(egret_text *text, const expr_view *view, const plan_expr *e)
{
    egret_text_puts(text, "\"");
    for (uint32_t i = 0; i < e->n_args; i++) {
        const plan_expr *part = &view->plan->exprs[arg_of(view, e, i)];
        if (part->op == PLAN_CONST && part->type == EGRET_STRING) {
            put_literal(text, view->plan->consts[part->a]);
            continue;
        }
        egret_text_puts(text, "{");
        put(text, view, arg_of(view, e, i), 0);
        egret_text_puts(text, "}");
    }
    egret_text_puts(text, "\"");
}

static void put_set(egret_text *text, const expr_view *view, const plan_expr *e)
{
    const plan_set *set = &view->plan->sets[e->a];
    put(text, view, arg_of(view, e, 0), BIND_SUM);
    egret_text_puts(text, " in (");
    for (uint32_t i = 0; i < set->n_items; i++) {
        egret_text_puts(text, i == 0 ? "" : ", ");
        expr_put_value(text, set->items[i]);
    }
    egret_text_puts(text, ")");
}

static void put_table(egret_text *text, const expr_view *view, const plan_expr *e)
{
    const plan_table *table = &view->plan->tables[e->a];
    egret_text_put_str(text, table->name);
    egret_text_puts(text, "[");
    put_args(text, view, e);
    egret_text_puts(text, "].");
    egret_text_put_str(text, table->columns[e->b].name);
}

static void put_profile(egret_text *text, const expr_view *view, const plan_expr *e)
{
    const plan_profile *profile = &view->plan->profiles[e->a];
    egret_text_put_str(text, profile->name);
    for (uint32_t i = 0; e->op == PLAN_PROFILE_OF && i < e->n_args; i++) {
        egret_text_puts(text, i == 0 ? "[" : ", ");
        put(text, view, arg_of(view, e, i), BIND_OR);
    }
    egret_text_puts(text, e->op == PLAN_PROFILE_OF ? "]" : "");
    egret_text_puts(text, ".");
    egret_text_put_str(text, profile->member_name[e->b]);
}

static void put_step_field(egret_text *text, const expr_view *view, const plan_expr *e)
{
    expr_put_step(text, view->pattern, e->a);
    egret_text_puts(text, ".");
    if (e->op == PLAN_STEP_STREAM)
        egret_text_puts(text, "stream");
    else
        put_cell(text, view, e->b);
}

static void put_call(egret_text *text, const expr_view *view, const plan_expr *e)
{
    egret_text_printf(text, "%s(", egret_functions[e->a].name);
    put_args(text, view, e);
    egret_text_puts(text, ")");
}

/* The names of the lets stand for their conditions. */
static void put_which(egret_text *text, const expr_view *view, const plan_expr *e)
{
    egret_text_puts(text, "which(");
    for (uint32_t i = 0; i < e->n_args; i += 2) {
        egret_value name = view->plan->consts[view->plan->exprs[arg_of(view, e, i)].a];
        egret_text_puts(text, i == 0 ? "" : ", ");
        egret_text_put(text, name.u.s, name.len);
    }
    egret_text_puts(text, ")");
}

static int bind_of(const plan_expr *e)
{
    switch ((int)e->op) {
    case PLAN_OR: return BIND_OR;
    case PLAN_AND: return BIND_AND;
    case PLAN_NOT: return BIND_NOT;
    case PLAN_EQ:
    case PLAN_NE:
    case PLAN_LT:
    case PLAN_LE:
    case PLAN_GT:
    case PLAN_GE:
    case PLAN_LIKE:
    case PLAN_MATCHES:
    case PLAN_IN_LIST:
    case PLAN_IN_SET:
    case PLAN_IN_CALENDAR:
    case PLAN_IS_NULL: return BIND_RELATION;
    case PLAN_ADD:
    case PLAN_SUB: return BIND_SUM;
    case PLAN_MUL:
    case PLAN_DIV:
    case PLAN_MOD: return BIND_PRODUCT;
    case PLAN_NEG: return BIND_UNARY;
    default: return BIND_PRIMARY;
    }
}

static void put_unary(egret_text *text, const expr_view *view, const plan_expr *e, const char *before, const char *after, int bind)
{
    egret_text_puts(text, before);
    put(text, view, arg_of(view, e, 0), bind);
    egret_text_puts(text, after);
}

static void put_leaf(egret_text *text, const expr_view *view, const plan_expr *e)
{
    switch ((int)e->op) {
    case PLAN_CONST: expr_put_value(text, view->plan->consts[e->a]); break;
    case PLAN_FIELD: put_field(text, view, e->a); break;
    case PLAN_CELL:
    case PLAN_LAST: put_cell(text, view, e->a); break;
    case PLAN_KEY: put_key(text, view, e->a); break;
    case PLAN_NOW: egret_text_puts(text, "now()"); break;
    case PLAN_I: egret_text_puts(text, "i"); break;
    case PLAN_STREAM:
    case PLAN_CELL_STREAM: egret_text_puts(text, "stream"); break;
    case PLAN_STEP_FIELD:
    case PLAN_STEP_STREAM: put_step_field(text, view, e); break;
    case PLAN_STEP_AGG: put_step_agg(text, view, e->a); break;
    case PLAN_AGG: expr_put_agg(text, view, e->b); break;
    case PLAN_PROFILE: put_profile(text, view, e); break;
    case PLAN_PREV:
    case PLAN_NEW: put_feature(text, view, e); break;
    default: put_number(text, "op", e->op);
    }
}

static void put_node(egret_text *text, const expr_view *view, const plan_expr *e)
{
    static const char *const OPS[] = { [PLAN_ADD] = " + ", [PLAN_SUB] = " - ", [PLAN_MUL] = " * ", [PLAN_DIV] = " / ", [PLAN_MOD] = " % ",
                                       [PLAN_EQ] = " == ", [PLAN_NE] = " != ", [PLAN_LT] = " < ", [PLAN_LE] = " <= ", [PLAN_GT] = " > ",
                                       [PLAN_GE] = " >= ", [PLAN_LIKE] = " like " };
    switch ((int)e->op) {
    case PLAN_TABLE: put_table(text, view, e); return;
    case PLAN_PROFILE_OF: put_profile(text, view, e); return;
    case PLAN_OPEN: put_open(text, view, e); return;
    case PLAN_LOCAL: put_local(text, view, e); return;
    case PLAN_DURING: put_during(text, view, e); return;
    case PLAN_IN_CALENDAR:
        put_unary(text, view, e, "", " in ", BIND_SUM);
        egret_text_put_json(text, view->plan->calendars[e->a].name.ptr, view->plan->calendars[e->a].name.len);
        return;
    case PLAN_IN_LIST:
        put_unary(text, view, e, "", " in ", BIND_SUM);
        egret_text_put_str(text, view->plan->lists[e->a].name);
        return;
    case PLAN_IN_SET: put_set(text, view, e); return;
    case PLAN_MATCHES:
        put_unary(text, view, e, "", " matches r\"", BIND_SUM);
        egret_text_put_str(text, view->plan->regexes[e->a].pattern);
        egret_text_puts(text, "\"");
        return;
    case PLAN_CALL: put_call(text, view, e); return;
    case PLAN_WHICH: put_which(text, view, e); return;
    case PLAN_CONCAT: put_concat(text, view, e); return;
    case PLAN_NOT: put_unary(text, view, e, "not ", "", BIND_NOT); return;
    case PLAN_NEG: put_unary(text, view, e, "-", "", BIND_UNARY); return;
    case PLAN_IS_NULL: put_unary(text, view, e, "", " is null", BIND_SUM); return;
    case PLAN_AND:
    case PLAN_OR: put_junction(text, view, e); return;
    default: break;
    }
    if (e->op < sizeof OPS / sizeof OPS[0] && OPS[e->op] != NULL)
        put_binary(text, view, e, OPS[e->op], bind_of(e));
    else
        put_leaf(text, view, e);
}

static void put(egret_text *text, const expr_view *view, uint32_t expr, int least)
{
    if (expr == PLAN_NONE) {
        egret_text_puts(text, "-");
        return;
    }
    const plan_expr *e = &view->plan->exprs[expr];
    bool brackets = bind_of(e) < least;
    egret_text_puts(text, brackets ? "(" : "");
    put_node(text, view, e);
    egret_text_puts(text, brackets ? ")" : "");
}

void expr_put(egret_text *text, const expr_view *view, uint32_t expr)
{
    put(text, view, expr, 0);
}

const char *egret_expr_print(egret_arena *arena, const plan *p, uint32_t expr)
{
    egret_text text;
    egret_text_init(&text, arena->mem);
    expr_view view = { .plan = p, .stream = PLAN_NONE };
    expr_put(&text, &view, expr);
    return egret_text_finish(&text, arena);
}

void expr_put_span(egret_text *text, const expr_view *view, int64_t ms)
{
    if (ms >= 0)
        expr_put_duration(text, ms);
    else
        expr_put(text, view, view->pattern->spans[PLAN_SPAN(ms)]);
}
