/*
 * lower_guard.c: "stream [condition]" to an atom: the guard, which looks at the event alone and is shared by all rules, and the rest.
 *
 * The guard's conjuncts are looked through for the one by which an index finds it among thousands of others: an equality with a
 * constant (a bare bool field is one with true), else membership in a set of constants, else a bound. What remains of the guard is its residual.
 */
#include "compiler/check.h"

#include <stdlib.h>

/* ---- access ---- */

static plan_access access_of(const plan *p, const plan_expr *e)
{
    switch ((int)e->op) {
    case PLAN_FIELD:
    case PLAN_EQ: return PLAN_ACCESS_EQ;
    case PLAN_LT: return PLAN_ACCESS_LT;
    case PLAN_LE: return PLAN_ACCESS_LE;
    case PLAN_GT: return PLAN_ACCESS_GT;
    case PLAN_GE: return PLAN_ACCESS_GE;
    case PLAN_IN_SET: return p->exprs[p->args[e->args]].op == PLAN_FIELD ? PLAN_ACCESS_SET : PLAN_ACCESS_ALWAYS;
    default: return PLAN_ACCESS_ALWAYS;
    }
}

/* How good an index conjunct is: 0 none, then bound, set, equality. Strings have no order worth an index. */
static int worth(const plan *p, uint32_t expr)
{
    const plan_expr *e = &p->exprs[expr];
    plan_access access = access_of(p, e);
    if (access == PLAN_ACCESS_ALWAYS)
        return 0;
    if (access == PLAN_ACCESS_SET)
        return 2;
    if (e->op == PLAN_FIELD)
        return 3;
    const plan_expr *field = &p->exprs[p->args[e->args]], *constant = &p->exprs[p->args[e->args + 1]];
    if (field->op != PLAN_FIELD || constant->op != PLAN_CONST)
        return 0;
    if (access == PLAN_ACCESS_EQ)
        return 3;
    return field->type == EGRET_STRING ? 0 : 1;
}

static void set_access(check *c, plan_guard *guard, const uint32_t *list, uint32_t n)
{
    const plan *p = c->plan;
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (worth(p, list[i]) > worth(p, list[best]))
            best = i;
    guard->access = PLAN_ACCESS_ALWAYS;
    guard->slot = guard->constant = PLAN_NONE;
    guard->residual = guard->expr;
    if (n == 0 || worth(p, list[best]) == 0)
        return;
    const plan_expr *e = &p->exprs[list[best]];
    guard->access = (uint8_t)access_of(p, e);
    if (e->op == PLAN_FIELD) {
        guard->slot = e->a;
        guard->constant = intern_const(c, egret_bool(true));
    } else {
        guard->slot = p->exprs[p->args[e->args]].a;
        guard->constant = guard->access == PLAN_ACCESS_SET ? e->a : p->exprs[p->args[e->args + 1]].a;
    }
    uint32_t *others = check_alloc(c, n * sizeof *others);
    uint32_t n_others = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i != best)
            others[n_others++] = list[i];
    guard->residual = n_others == 0 ? PLAN_NONE : intern_junction(c, PLAN_AND, others, n_others);
}

/* The conjuncts of a condition; a condition that is no `and` is its only one. The list is a copy. */
static uint32_t *conjuncts(check *c, const uint32_t *expr, uint32_t *n)
{
    plan_expr e = c->plan->exprs[*expr];
    bool is_and = e.op == PLAN_AND;
    *n = is_and ? e.n_args : 1;
    uint32_t *list = check_alloc(c, *n * sizeof *list);
    for (uint32_t i = 0; i < *n; i++)
        list[i] = is_and ? c->plan->args[e.args + i] : *expr;
    return list;
}

uint32_t lower_guard(check *c, uint32_t stream, uint32_t expr)
{
    uint64_t hash = hash_mix(stream, expr);
    uint32_t cursor = PLAN_NONE, id;
    while ((id = id_map_find(&c->guards, hash, &cursor)) != PLAN_NONE)
        if (c->plan->guards[id].stream == stream && c->plan->guards[id].expr == expr)
            return id;
    plan_guard guard = { .stream = stream, .expr = expr };
    uint32_t n = 0;
    uint32_t *list = expr == PLAN_NONE ? NULL : conjuncts(c, &expr, &n);
    set_access(c, &guard, list, n);
    id = c->plan->n_guards;
    c->plan->guards = check_grow(c, c->plan->guards, id, sizeof guard);
    c->plan->guards[id] = guard;
    c->plan->n_guards++;
    id_map_put(c, &c->guards, hash, id);
    return id;
}

/* ---- atoms ---- */

static int order_ids(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* Splits a condition: the guard gets what the event alone decides, in one order, so that `x and y` and `y and x` are one guard. */
static void split(check *c, uint32_t condition, uint32_t *guard, uint32_t *rest)
{
    uint32_t n;
    uint32_t *list = conjuncts(c, &condition, &n);
    uint32_t *alone = check_alloc(c, n * sizeof *alone), *others = check_alloc(c, n * sizeof *others);
    uint32_t n_alone = 0, n_others = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t uses = c->plan->exprs[list[i]].uses;
        if ((uses & ~(PLAN_USES_EVENT | PLAN_USES_CONTENT)) == 0)
            alone[n_alone++] = list[i];
        else
            others[n_others++] = list[i];
    }
    qsort(alone, n_alone, sizeof *alone, order_ids);
    *guard = n_alone == 0 ? PLAN_NONE : intern_junction(c, PLAN_AND, alone, n_alone);
    *rest = n_others == 0 ? PLAN_NONE : intern_junction(c, PLAN_AND, others, n_others);
}

plan_atom lower_atom(check *c, const scope *s, const ast_atom *atom)
{
    plan_atom out = { .label = atom->label.str, .stream = s->stream, .guard = PLAN_NONE, .rest = PLAN_NONE };
    uint32_t condition = atom->cond == NULL ? PLAN_NONE : check_condition(c, s, atom->cond, "a condition");
    if (s->stream == PLAN_NONE)
        return out;
    uint32_t guard = PLAN_NONE;
    egret_value v;
    /* [true] is no condition. */
    if (condition != PLAN_NONE && !(intern_is_const(c, condition, &v) && v.type == EGRET_BOOL && v.u.i != 0))
        split(c, condition, &guard, &out.rest);
    out.guard = lower_guard(c, s->stream, guard);
    return out;
}
