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
static bool of_aggregate(const nfa_engine *engine, const nfa_section *section, uint32_t number, uint32_t agg, double *out)
{
    const plan_window *window = &engine->plan->windows[number];
    const plan_agg *def = &window->aggs[agg];
    if (section == NULL) {
        return false;
    }
    const win_reg *reg = win_reg_at(section, engine->win[number], agg);
    egret_type type = (egret_type)window->args[def->arg].type;
    if (def->fn == PLAN_COUNT) {
        *out = (double)reg->n;
        return true;
    }
    if (reg->n == 0 || reg->overflow != 0 || reg->sum.hi < 0) {
        return false;
    }
    *out = of_sum(&reg->sum, type) / (def->fn == PLAN_AVG ? (double)reg->n : 1);
    return in_range(*out);
}

static bool estimate(const nfa_env *env, uint32_t number, double *out)
{
    const plan *p = env->engine->plan;
    const plan_expr *expr = &p->exprs[number];
    double a;
    double b;
    switch ((plan_op)expr->op) {
    case PLAN_CONST: return of_value(&p->consts[expr->a], out);
    case PLAN_FIELD: return env->event != NULL && of_value(&env->event->slots[expr->a], out);
    case PLAN_AGG: return of_aggregate(env->engine, env->window, expr->a, expr->b, out);
    case PLAN_PROFILE: {
        const plan_expr *member = &p->exprs[p->profiles[expr->a].member[expr->b]];
        nfa_section section;
        return win_profile_section(env, expr->a, &section) && of_aggregate(env->engine, &section, member->a, member->b, out);
    }
    default: break;     /* a product: see nfa_estimable */
    }
    if (!estimate(env, p->args[expr->args], &a) || !estimate(env, p->args[expr->args + 1], &b)) {
        return false;
    }
    *out = a * b;
    return in_range(*out);
}

static bool estimable_aggregate(const plan *p, const plan_expr *expr)
{
    const plan_agg *agg = &p->windows[expr->a].aggs[expr->b];
    egret_type type = (egret_type)p->windows[expr->a].args[agg->arg].type;
    bool number = type == EGRET_INT || type == EGRET_DECIMAL || type == EGRET_NUMBER;
    return agg->fn == PLAN_COUNT || ((agg->fn == PLAN_SUM || agg->fn == PLAN_AVG) && number);
}

bool nfa_estimable(const plan *p, uint32_t number)
{
    const plan_expr *expr = &p->exprs[number];
    switch ((plan_op)expr->op) {
    case PLAN_CONST: case PLAN_FIELD: return expr->type == EGRET_INT || expr->type == EGRET_DECIMAL || expr->type == EGRET_NUMBER;
    case PLAN_AGG: return estimable_aggregate(p, expr);
    case PLAN_PROFILE: {
        const plan_expr *member = &p->exprs[p->profiles[expr->a].member[expr->b]];
        return member->op == PLAN_AGG && estimable_aggregate(p, member);
    }
    case PLAN_MUL:      /* of doubles: an int or a decimal may overflow, which is for the exact way to find */
        return expr->type == EGRET_NUMBER && nfa_estimable(p, p->args[expr->args]) && nfa_estimable(p, p->args[expr->args + 1]);
    default: return false;
    }
}

bool nfa_estimate_order(const nfa_env *env, uint32_t left, uint32_t right, int *order)
{
    double a;
    double b;
    if (!estimate(env, left, &a) || !estimate(env, right, &b) || fabs(a - b) <= (fabs(a) + fabs(b)) * APART) {
        return false;
    }
    *order = a < b ? -1 : 1;
    return true;
}
