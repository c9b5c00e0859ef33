/*
 * check_warn.c: warnings about rules that compile and cannot do what was meant: conditions whose parts exclude one another, steps that are
 * never reached, attempts and values that only a limit bounds.
 *
 * Nothing here is an error: what is said is decided from the text alone and holds for all data, but a rule may be written so on purpose,
 * while it is being tried. Two conditions exclude one another when they compare one value (one number in the plan, since expressions are
 * hash-consed) with constants that no value satisfies together; no other knowledge is used, so the warnings are few and always true.
 */
#include "compiler/lower_pattern.h"

/* Longer chains are made by machines. */
enum { MAX_CONJUNCTS = 64, MAX_DEPTH = 32 };

/* ---- what excludes what ---- */

static const plan_expr *expr_of(const check *c, uint32_t expr)
{
    return &c->plan->exprs[expr];
}

static uint32_t arg_of(const check *c, const plan_expr *e, uint32_t i)
{
    return c->plan->args[e->args + i];
}

/* `value op constant` or `value in (constants)`. */
static bool is_bound(const check *c, const plan_expr *e)
{
    egret_value v;
    if (e->op == PLAN_IN_SET)
        return true;
    return e->op >= PLAN_EQ && e->op <= PLAN_GE && intern_is_const(c, arg_of(c, e, 1), &v);
}

static bool in_set(const plan_set *set, egret_value v)
{
    int order;
    for (uint32_t i = 0; i < set->n_items; i++)
        if (egret_value_compare(set->items[i], v, &order) && order == 0)
            return true;
    return false;
}

/* May `v op constant` hold? What cannot be compared may. */
static bool satisfies(const check *c, egret_value v, const plan_expr *e)
{
    if (e->op == PLAN_IN_SET)
        return in_set(&c->plan->sets[e->a], v);
    egret_value bound;
    int order;
    if (!intern_is_const(c, arg_of(c, e, 1), &bound) || !egret_value_compare(v, bound, &order))
        return true;
    switch (e->op) {
    case PLAN_EQ: return order == 0;
    case PLAN_NE: return order != 0;
    case PLAN_LT: return order < 0;
    case PLAN_LE: return order <= 0;
    case PLAN_GT: return order > 0;
    default: return order >= 0;
    }
}

/* Does `low` ask for more than `high` allows? */
static bool ranges_part(const check *c, const plan_expr *low, const plan_expr *high)
{
    bool is_low = low->op == PLAN_GT || low->op == PLAN_GE, is_high = high->op == PLAN_LT || high->op == PLAN_LE;
    egret_value from, to;
    int order;
    if (!is_low || !is_high || !intern_is_const(c, arg_of(c, low, 1), &from) || !intern_is_const(c, arg_of(c, high, 1), &to)
        || !egret_value_compare(from, to, &order))
        return false;
    return order > 0 || (order == 0 && (low->op == PLAN_GT || high->op == PLAN_LT));
}

/* Does nothing that `a` admits satisfy `b`? For conditions that admit single values. */
static bool values_part(const check *c, const plan_expr *a, const plan_expr *b)
{
    egret_value v;
    if (a->op == PLAN_EQ && intern_is_const(c, arg_of(c, a, 1), &v))
        return !satisfies(c, v, b);
    if (a->op != PLAN_IN_SET)
        return false;
    const plan_set *set = &c->plan->sets[a->a];
    for (uint32_t i = 0; i < set->n_items; i++)
        if (satisfies(c, set->items[i], b))
            return false;
    return true;
}

/* A comparison is false when its value is null. */
static bool asks_null(const check *c, const plan_expr *null, const plan_expr *other)
{
    bool relation = (other->op >= PLAN_EQ && other->op <= PLAN_LIKE) || other->op == PLAN_IN_SET || other->op == PLAN_IN_LIST
                    || other->op == PLAN_MATCHES;
    return null->op == PLAN_IS_NULL && relation && arg_of(c, null, 0) == arg_of(c, other, 0);
}

enum { BELOW = 1, EQUAL = 2, ABOVE = 4 };

/* The orders of its two sides in which the comparison holds; 0: no comparison. */
static unsigned orders_of(const plan_expr *e)
{
    switch (e->op) {
    case PLAN_EQ: return EQUAL;
    case PLAN_NE: return BELOW | ABOVE;
    case PLAN_LT: return BELOW;
    case PLAN_LE: return BELOW | EQUAL;
    case PLAN_GT: return ABOVE;
    case PLAN_GE: return ABOVE | EQUAL;
    default: return 0;
    }
}

/* Two comparisons of the same two values: x > y and x < y, or y > x. */
static bool orders_part(const check *c, const plan_expr *a, const plan_expr *b)
{
    unsigned one = orders_of(a), other = orders_of(b);
    if (one == 0 || other == 0)
        return false;
    bool same = arg_of(c, a, 0) == arg_of(c, b, 0) && arg_of(c, a, 1) == arg_of(c, b, 1);
    bool turned = arg_of(c, a, 0) == arg_of(c, b, 1) && arg_of(c, a, 1) == arg_of(c, b, 0);
    unsigned mirrored = (other & EQUAL) | ((other & BELOW) != 0 ? (unsigned)ABOVE : 0) | ((other & ABOVE) != 0 ? (unsigned)BELOW : 0);
    return (same && (one & other) == 0) || (turned && (one & mirrored) == 0);
}

static bool exclude(const check *c, uint32_t left, uint32_t right)
{
    const plan_expr *a = expr_of(c, left), *b = expr_of(c, right);
    if ((a->op == PLAN_NOT && arg_of(c, a, 0) == right) || (b->op == PLAN_NOT && arg_of(c, b, 0) == left))
        return true;
    if (asks_null(c, a, b) || asks_null(c, b, a) || orders_part(c, a, b))
        return true;
    if (!is_bound(c, a) || !is_bound(c, b) || arg_of(c, a, 0) != arg_of(c, b, 0))
        return false;
    return values_part(c, a, b) || values_part(c, b, a) || ranges_part(c, a, b) || ranges_part(c, b, a);
}

/* Can the condition hold for no data at all? */
static bool is_never(const check *c, uint32_t expr, uint32_t depth)
{
    if (expr == PLAN_NONE || depth > MAX_DEPTH)
        return false;
    const plan_expr *e = expr_of(c, expr);
    egret_value v;
    if (intern_is_const(c, expr, &v))
        return v.type == EGRET_BOOL && v.u.i == 0;
    bool all = e->op == PLAN_OR, any = e->op == PLAN_AND;
    if (!all && !any)
        return false;
    for (uint32_t i = 0; i < e->n_args && i < MAX_CONJUNCTS; i++) {
        bool never = is_never(c, arg_of(c, e, i), depth + 1);
        for (uint32_t k = 0; any && !never && k < i; k++)
            never = exclude(c, arg_of(c, e, k), arg_of(c, e, i));
        if (any && never)
            return true;
        all = all && never;
    }
    return all && e->n_args <= MAX_CONJUNCTS;
}

/* ---- conditions ---- */

typedef struct conjunct { uint32_t expr; const ast_expr *side; } conjunct;

static uint32_t gather(const check *c, const ast_expr *const *sides, const uint32_t *exprs, uint32_t n, conjunct *out)
{
    uint32_t n_out = 0;
    for (uint32_t i = 0; i < n; i++) {
        const plan_expr *e = expr_of(c, exprs[i]);
        uint32_t parts = e->op == PLAN_AND ? e->n_args : 1;
        for (uint32_t k = 0; k < parts && n_out < MAX_CONJUNCTS; k++)
            out[n_out++] = (conjunct){ e->op == PLAN_AND ? arg_of(c, e, k) : exprs[i], sides[i] };
    }
    return n_out;
}

static void report_exclusion(check *c, const conjunct *first, const conjunct *second)
{
    bool equal = expr_of(c, first->expr)->op == PLAN_EQ && expr_of(c, second->expr)->op == PLAN_EQ;
    egret_diag *diag = check_warn(c, 807, second->side->span, "this never holds together with what stands before it");
    check_help(c, diag, equal ? "one value cannot be both; write 'or', or x in (a, b)" : "was 'or' meant, or is a sign turned round?");
    check_note(c, diag, first->side->span, "what excludes it");
}

void warn_conjunction(check *c, const ast_expr *const *sides, const uint32_t *exprs, uint32_t n)
{
    conjunct parts[MAX_CONJUNCTS];
    uint32_t n_parts = gather(c, sides, exprs, n, parts);
    for (uint32_t i = 0; i < n_parts; i++)
        for (uint32_t k = 0; k < i; k++) {
            /* Inside one side it was said where that is written. */
            if (parts[k].side == parts[i].side || !exclude(c, parts[k].expr, parts[i].expr))
                continue;
            report_exclusion(c, &parts[k], &parts[i]);
            return;
        }
}

/* Is it a number of events or values, which is never below nothing? */
static bool is_count(const scope *s, const plan_expr *e)
{
    int fn = -1;
    if (e->op == PLAN_AGG && s->win != NULL && e->b < s->win->window.n_aggs)
        fn = s->win->window.aggs[e->b].fn;
    else if (e->op == PLAN_STEP_AGG && s->rule != NULL && s->rule->pattern != NULL)
        fn = s->rule->pattern->step_aggs[e->a].fn;
    return fn == PLAN_COUNT || fn == PLAN_DISTINCT;
}

void warn_comparison(check *c, const scope *s, const ast_expr *e, uint32_t expr)
{
    const plan_expr *cmp = expr_of(c, expr);
    uint32_t a = arg_of(c, cmp, 0), b = arg_of(c, cmp, 1);
    egret_value left, right, zero = egret_int(0);
    bool constant = intern_is_const(c, a, &left) && intern_is_const(c, b, &right);
    bool same = a == b && !constant;
    if (same || constant) {
        bool holds = same ? cmp->op == PLAN_EQ || cmp->op == PLAN_LE || cmp->op == PLAN_GE : satisfies(c, left, cmp);
        egret_diag *diag = check_warn(c, 807, e->span, "%s, so this %s holds", same ? "both sides are the same" : "both sides are constants",
                                      holds ? "always" : "never");
        check_help(c, diag, same ? "compare it with something else: an earlier step, prev(field), a constant"
                                 : "compare with a field, or leave it out");
        return;
    }
    int order;
    if (!is_count(s, expr_of(c, a)) || !intern_is_const(c, b, &right) || !egret_value_compare(right, zero, &order))
        return;
    if (!((cmp->op == PLAN_LT && order <= 0) || ((cmp->op == PLAN_LE || cmp->op == PLAN_EQ) && order < 0)))
        return;
    egret_diag *diag = check_warn(c, 807, e->span, "a count is never below 0, so this never holds");
    check_help(c, diag, "that nothing came is == 0");
}

/* ---- sequences ---- */

static bool atom_is_never(const check *c, const plan_atom *atom)
{
    return atom->stream != PLAN_NONE && (is_never(c, c->plan->guards[atom->guard].expr, 0) || is_never(c, atom->rest, 0));
}

static bool item_is_never(const check *c, const plan_pattern *p, const plan_item *item)
{
    for (uint32_t i = 0; i < item->n_atoms; i++)
        if (!atom_is_never(c, &p->atoms[item->atoms + i]))
            return false;
    return item->n_atoms > 0;
}

/* Does the step before take every event this atom could take? */
static bool is_taken_before(const check *c, const plan_pattern *p, const plan_item *loop, const plan_atom *atom)
{
    for (uint32_t i = 0; i < loop->n_atoms; i++) {
        const plan_atom *a = &p->atoms[loop->atoms + i];
        if (a->stream == atom->stream && a->stream != PLAN_NONE && a->rest == PLAN_NONE
            && (a->guard == atom->guard || c->plan->guards[a->guard].expr == PLAN_NONE))
            return true;
    }
    return false;
}

static bool is_swallowed(const check *c, const rule_ctx *rule, uint32_t i)
{
    const plan_pattern *p = rule->pattern;
    const plan_item *loop = &p->items[i - 1], *item = &p->items[i];
    const ast_quant *quant = &rule->items[i - 1].item->quant;
    bool ends = quant->until_cond != NULL || quant->until_stream.str.len != 0;
    if (!loop->greedy || loop->max != UINT32_MAX || loop->own_within_ms != PLAN_FOREVER || ends)
        return false;
    for (uint32_t k = 0; k < item->n_atoms; k++)
        if (!is_taken_before(c, p, loop, &p->atoms[item->atoms + k]))
            return false;
    return item->n_atoms > 0;
}

static bool warn_unreached(check *c, const rule_ctx *rule)
{
    const plan_pattern *p = rule->pattern;
    for (uint32_t i = 1; i < p->n_items; i++) {
        bool never = p->items[i - 1].min > 0 && item_is_never(c, p, &p->items[i - 1]);
        if (!never && !is_swallowed(c, rule, i))
            continue;
        egret_diag *diag = check_warn(c, 808, rule->items[i].span, never ? "this step is never reached: the one before it cannot happen"
                                                                         : "this step is never reached: the greedy loop before it takes "
                                                                           "every event that fits");
        check_help(c, diag, never ? "mend the condition of the step before" : "leave 'greedy' out, or say how many the loop takes at most: {3,10}");
        check_note(c, diag, rule->items[i - 1].span, "the step before");
        return true;
    }
    return false;
}

/* Is time up before the silence that this step waits for is over? */
static bool is_too_late(const check *c, const plan_pattern *p, const plan_item *item)
{
    for (uint32_t i = 0; i < item->n_timed; i++) {
        egret_value span;
        if (item->timed[i].kind == PLAN_NOT_FOR && intern_is_const(c, item->timed[i].for_time, &span) && span.type == EGRET_DURATION
            && ((item->link_within_ms >= 0 && span.u.i >= item->link_within_ms) || (p->within_ms >= 0 && span.u.i >= p->within_ms)))
            return true;
    }
    return false;
}

static bool warn_too_late(check *c, const rule_ctx *rule)
{
    for (uint32_t i = 0; i < rule->pattern->n_items; i++) {
        if (!is_too_late(c, rule->pattern, &rule->pattern->items[i]))
            continue;
        egret_diag *diag = check_warn(c, 808, rule->items[i].span, "this step is never reached: its time is up before the silence is over");
        check_help(c, diag, "'within' counts from the event before the silence; make it longer than 'for'");
        check_note(c, diag, rule->items[i].nots[0].item->span, "the silence");
        return true;
    }
    return false;
}

/* Does the attempt wait inside this loop without an end? Strict loops end with the next event of the key. */
static bool loop_waits(const plan_pattern *p, uint32_t i)
{
    const plan_item *item = &p->items[i];
    bool asked = i + 1 == p->n_items && p->when != PLAN_NONE && item->max > 1;
    return (item->min > 1 || asked) && item->own_within_ms == PLAN_FOREVER && !item->strict;
}

/* The first place where an attempt may wait for ever. */
static void warn_endless(check *c, const rule_ctx *rule)
{
    const plan_pattern *p = rule->pattern;
    if (p->within_ms != PLAN_FOREVER || p->idle_ms != PLAN_FOREVER)
        return;
    for (uint32_t i = 0; i < p->n_items; i++) {
        const plan_item *item = &p->items[i];
        bool link = i > 0 && item->link == PLAN_THEN && item->link_within_ms == PLAN_FOREVER;
        if (!link && !loop_waits(p, i))
            continue;
        egret_span span = link ? rule->items[i].choice->link_span : rule->items[i].item->quant.span;
        egret_diag *diag = check_warn(c, 809, span, "an attempt waits here for ever; only the limit on attempts ends it");
        check_help(c, diag, link ? "say how long: then within 1h …, or 'within' or 'idle' for the whole"
                                 : "say how long: (step {3,} within 15m), or 'within' or 'idle' for the whole");
        return;
    }
}

void warn_pattern(check *c, const rule_ctx *rule)
{
    if (c->diags->n_errors != 0 || rule->refused)
        return;
    if (rule->pattern->n_parts != 0) {
        branch_warn_endless(c, rule);
        return;
    }
    if (!warn_unreached(c, rule) && !warn_too_late(c, rule))
        warn_endless(c, rule);
}
