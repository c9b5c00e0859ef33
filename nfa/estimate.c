/*
 * estimate.c: a quick look at two numbers before they are computed.
 *
 * `amount > 10 * p.mean` needs an exact sum, divided and rounded once, and an exact comparison of a decimal with a double. Nearly always
 * the two sides are far from each other, and a double of each tells which is the larger. So each side is estimated with a relative error
 * of some last bits (only operations that keep it small are followed: no sums or differences of estimates); when the two lie closer
 * than a thousand million such errors, or anything is out of the ordinary (null, overflow, infinite, tiny), nothing is said, and the
 * comparison is made exactly.
 */
#include "nfa/window.h"

#include <math.h>

#define APART 0x1p-30
#define TINY 0x1p-900
#define TWO_64 0x1p64

static bool in_range(double v)
{
    return v == 0 || (fabs(v) > TINY && fabs(v) < 1 / TINY);
}

static double power10(unsigned n)
{
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    return power[n <= 18 ? n : 18];
}

static bool of_value(const egret_value *v, double *out)
{
    switch ((egret_type)v->type) {
    case EGRET_INT: *out = (double)v->u.i; return true;
    case EGRET_DECIMAL: *out = (double)v->u.i / power10(v->scale); return true;
    case EGRET_NUMBER: *out = v->u.d; return in_range(*out);
    case EGRET_NULL: case EGRET_BOOL: case EGRET_STRING: case EGRET_TIME: case EGRET_DURATION: break;
    }
    return false;
}

/* The sum's unit is that of sum.c: 1, 10^-18, 2^-64. */
static double of_sum(const nfa_sum *sum, egret_type type)
{
    double units = (double)sum->hi * TWO_64 + (double)sum->lo;
    return type == EGRET_DECIMAL ? units / 1e18 : type == EGRET_NUMBER ? units / TWO_64 : units;
}

/* A negative sum is a large low word taken from a multiple of 2^64: that may cancel, so only sums from zero on are estimated. */
static bool of_register(const nfa_section *section, const nfa_factor *factor, double *out)
{
    const win_reg *reg = (const win_reg *)((const uint8_t *)nfa_section_root(section) + factor->reg);
    if (factor->fn == PLAN_COUNT) {
        *out = (double)reg->n;
        return true;
    }
    if (reg->n == 0 || reg->overflow != 0 || reg->sum.hi < 0) {
        return false;
    }
    *out = of_sum(&reg->sum, (egret_type)factor->type) / (factor->fn == PLAN_AVG ? (double)reg->n : 1);
    return in_range(*out);
}

static bool of_factor(const nfa_env *env, const nfa_factor *factor, double *out)
{
    nfa_section section;
    switch ((plan_op)factor->op) {
    case PLAN_CONST: *out = factor->constant; return true;
    case PLAN_FIELD: return env->event != NULL && of_value(&env->event->slots[factor->a], out);
    case PLAN_AGG: return env->window != NULL && of_register(env->window, factor, out);
    default: return win_profile_section(env, factor->a, &section) && of_register(&section, factor, out);
    }
}

/* The product of the factors. */
static bool estimate(const nfa_env *env, const nfa_factor *factor, uint32_t n, double *out)
{
    double next;
    if (!of_factor(env, factor, out)) {
        return false;
    }
    for (uint32_t i = 1; i < n; i++) {
        if (!of_factor(env, &factor[i], &next)) {
            return false;
        }
        *out *= next;
        if (!in_range(*out)) {
            return false;
        }
    }
    return true;
}

static bool estimable_aggregate(const plan *p, const plan_expr *expr)
{
    const plan_agg *agg = &p->windows[expr->a].aggs[expr->b];
    egret_type type = (egret_type)p->windows[expr->a].args[agg->arg].type;
    bool number = type == EGRET_INT || type == EGRET_DECIMAL || type == EGRET_NUMBER;
    return agg->fn == PLAN_COUNT || ((agg->fn == PLAN_SUM || agg->fn == PLAN_AVG) && number);
}

static bool estimable_leaf(const plan *p, const plan_expr *expr)
{
    const plan_expr *member = expr->op == PLAN_PROFILE ? &p->exprs[p->profiles[expr->a].member[expr->b]] : expr;
    if (expr->op == PLAN_AGG || (expr->op == PLAN_PROFILE && member->op == PLAN_AGG)) {
        return estimable_aggregate(p, member);
    }
    bool number = expr->type == EGRET_INT || expr->type == EGRET_DECIMAL || expr->type == EGRET_NUMBER;
    return number && (expr->op == PLAN_FIELD || expr->op == PLAN_CONST);
}

/* A product of doubles: one of ints or decimals may overflow, which is for the exact way to find. Gives how many factors there are; 0: it cannot
 * be estimated. out: NULL, or room for them. */
static uint32_t factors_of(const nfa_engine *engine, uint32_t number, nfa_factor *out)
{
    const plan *p = engine->plan;
    const plan_expr *expr = &p->exprs[number];
    if (expr->op == PLAN_MUL && expr->type == EGRET_NUMBER) {
        uint32_t n = factors_of(engine, p->args[expr->args], out);
        uint32_t more = n > 0 ? factors_of(engine, p->args[expr->args + 1], out != NULL ? out + n : NULL) : 0;
        return more > 0 ? n + more : 0;
    }
    if (!estimable_leaf(p, expr)) {
        return 0;
    }
    if (out == NULL) {
        return 1;
    }
    *out = (nfa_factor){.op = (uint8_t)expr->op, .a = expr->a};
    if (expr->op == PLAN_CONST) {
        return of_value(&p->consts[expr->a], &out->constant) ? 1 : 0;
    }
    if (expr->op == PLAN_AGG || expr->op == PLAN_PROFILE) {
        const plan_expr *member = expr->op == PLAN_AGG ? expr : &p->exprs[p->profiles[expr->a].member[expr->b]];
        const plan_window *window = &p->windows[member->a];
        const plan_agg *agg = &window->aggs[member->b];
        out->fn = agg->fn;
        out->type = window->args[agg->arg].type;
        out->reg = engine->win[member->a]->aggs[member->b].reg;
    }
    return 1;
}

bool nfa_estimate_make(nfa_engine *engine, uint32_t left, uint32_t right, nfa_predicate *out)
{
    uint32_t n_left = factors_of(engine, left, NULL);
    uint32_t n_right = factors_of(engine, right, NULL);
    if (n_left == 0 || n_right == 0) {
        return false;
    }
    nfa_factor *factors = egret_arena_alloc(&engine->keep, (n_left + n_right) * sizeof *factors);
    if (factors == NULL || factors_of(engine, left, factors) == 0 || factors_of(engine, right, factors + n_left) == 0) {
        return false;
    }
    out->factors = factors;
    out->n_left = n_left;
    out->n_right = n_right;
    return true;
}

bool nfa_estimate_order(const nfa_env *env, const nfa_predicate *predicate, int *order)
{
    double a;
    double b;
    if (!estimate(env, predicate->factors, predicate->n_left, &a)
        || !estimate(env, predicate->factors + predicate->n_left, predicate->n_right, &b)
        || fabs(a - b) <= (fabs(a) + fabs(b)) * APART) {
        return false;
    }
    *order = a < b ? -1 : 1;
    return true;
}
