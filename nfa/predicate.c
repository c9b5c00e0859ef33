/*
 * predicate.c: conditions made ready.
 *
 * Most conditions are a comparison of something that is read at once (a field, a count, a sum, a count of a profile) with a constant, or some of
 * these under and, or, not. What is compared with what, and how, the plan knows: so the question is answered once, when the engine is made,
 * and each such condition gets the function that does just this. What has no function of its own is evaluated as any expression is
 * (eval.c). Both ways give the same answer; where a value is not of the kind the function is for, it asks the other way itself.
 *
 * A sum is compared as it is kept, in 128 bits, with the constant in the same unit: no division. That is the comparison of the values as
 * long as reading the sum would not round it, which is where it fits 18 digits.
 */
#include "nfa/window.h"

#include <string.h>

enum { LESS = 1, EQUAL = 2, GREATER = 4 };
enum { PLAIN_SCALE = 9 };       /* a decimal below 10^9 with so many digits after the point is read without rounding */

static const uint8_t fits_of[PLAN_GE - PLAN_EQ + 1] = {
    [PLAN_EQ - PLAN_EQ] = EQUAL, [PLAN_NE - PLAN_EQ] = LESS | GREATER, [PLAN_LT - PLAN_EQ] = LESS,
    [PLAN_LE - PLAN_EQ] = LESS | EQUAL, [PLAN_GT - PLAN_EQ] = GREATER, [PLAN_GE - PLAN_EQ] = GREATER | EQUAL,
};

bool nfa_order_fits(uint8_t op, int order)
{
    return (fits_of[op - PLAN_EQ] >> (order + 1) & 1) != 0;
}

static bool fits(const nfa_predicate *predicate, int order)
{
    return (predicate->fits >> (order + 1) & 1) != 0;
}

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* ---- what is asked ---- */

static bool all_hold(const nfa_env *env, const nfa_predicate *predicate)
{
    const uint32_t *part = env->engine->plan->args + predicate->expr->args;
    for (uint32_t i = 0; i < predicate->expr->n_args; i++) {
        if (!nfa_holds(env, part[i])) {
            return false;
        }
    }
    return true;
}

static bool some_holds(const nfa_env *env, const nfa_predicate *predicate)
{
    const uint32_t *part = env->engine->plan->args + predicate->expr->args;
    for (uint32_t i = 0; i < predicate->expr->n_args; i++) {
        if (nfa_holds(env, part[i])) {
            return true;
        }
    }
    return false;
}

static bool holds_not(const nfa_env *env, const nfa_predicate *predicate)
{
    return !nfa_holds(env, env->engine->plan->args[predicate->expr->args]);
}

static bool compare(const nfa_env *env, const nfa_predicate *predicate)
{
    return nfa_compare(env, predicate->expr);
}

/* A whole number, time, duration or amount against a constant of the same type and digits. */
static bool compare_field(const nfa_env *env, const nfa_predicate *predicate)
{
    const egret_value *v = env->event != NULL ? &env->event->slots[predicate->a] : NULL;
    if (v == NULL || v->type != predicate->constant.type || v->scale != predicate->constant.scale) {
        return nfa_compare(env, predicate->expr);
    }
    return fits(predicate, order_of(v->u.i, predicate->constant.u.i));
}

static bool compare_text(const nfa_env *env, const nfa_predicate *predicate)
{
    const egret_value *v = env->event != NULL ? &env->event->slots[predicate->a] : NULL;
    if (v == NULL || v->type != EGRET_STRING) {
        return false;
    }
    uint32_t len = predicate->constant.len;
    bool same = v->len == len && nfa_same_bytes(v->u.s, predicate->constant.u.s, len);
    return fits(predicate, same ? 0 : 1);
}

static const win_reg *register_of(const nfa_section *section, const nfa_predicate *predicate)
{
    return (const win_reg *)((const uint8_t *)nfa_section_root(section) + predicate->a);
}

static bool count_order(const nfa_section *section, const nfa_predicate *predicate, int *order)
{
    int64_t n = section != NULL ? register_of(section, predicate)->n : 0;
    *order = order_of(n, predicate->constant.u.i);
    return true;
}

static bool distinct_order(const nfa_section *section, const nfa_predicate *predicate, int *order)
{
    *order = order_of(section != NULL ? nfa_map_count(section, predicate->b) : 0, predicate->constant.u.i);
    return true;
}

static bool sum_order(const nfa_section *section, const nfa_predicate *predicate, int *order)
{
    const nfa_sum none = {0, 0};
    const win_reg *reg = section != NULL ? register_of(section, predicate) : NULL;
    *order = nfa_sum_order(reg != NULL ? &reg->sum : &none, &predicate->sum);
    return reg == NULL || (reg->overflow == 0 && reg->scale <= PLAIN_SCALE && nfa_sum_is_plain(&reg->sum));
}

static bool compare_count(const nfa_env *env, const nfa_predicate *predicate)
{
    int order = 0;
    (void)count_order(env->window, predicate, &order);
    return fits(predicate, order);
}

static bool compare_aggregate(const nfa_env *env, const nfa_predicate *predicate)
{
    int order;
    return predicate->glance(env->window, predicate, &order) ? fits(predicate, order) : nfa_compare(env, predicate->expr);
}

/* A member of a profile that is an aggregate is compared as the aggregate is, in the profile's section. */
static bool compare_profile(const nfa_env *env, const nfa_predicate *predicate)
{
    int order;
    nfa_section section;
    const nfa_section *there = win_profile_section(env, predicate->profile, &section) ? &section : NULL;
    return predicate->glance(there, predicate, &order) ? fits(predicate, order) : nfa_compare(env, predicate->expr);
}

/* Two numbers that are dear to compute: mostly an estimate says it. */
static bool compare_roughly(const nfa_env *env, const nfa_predicate *predicate)
{
    int order = 0;
    return nfa_estimate_order(env, predicate, &order) ? fits(predicate, order) : nfa_compare(env, predicate->expr);
}

/* ---- making ready ---- */

static void ready_field(const plan_expr *field, nfa_predicate *out)
{
    uint8_t type = out->constant.type;
    bool equality = out->expr->op == PLAN_EQ || out->expr->op == PLAN_NE;
    out->a = field->a;
    if (type == EGRET_STRING && equality) {
        out->holds = compare_text;
    } else if (type == EGRET_INT || type == EGRET_DECIMAL || type == EGRET_TIME || type == EGRET_DURATION || type == EGRET_BOOL) {
        out->holds = compare_field;
    }
}

/* How the order of an aggregate to the constant is seen; NULL: it must be evaluated. */
static nfa_glance ready_aggregate(const nfa_engine *engine, const plan_expr *of, nfa_predicate *out)
{
    const plan_window *window = &engine->plan->windows[of->a];
    const plan_agg *agg = &window->aggs[of->b];
    bool whole = out->constant.type == EGRET_INT;
    out->a = engine->win[of->a]->aggs[of->b].reg;
    out->b = engine->win[of->a]->aggs[of->b].part;
    if (whole && (agg->fn == PLAN_COUNT || agg->fn == PLAN_DISTINCT)) {
        return agg->fn == PLAN_COUNT ? count_order : distinct_order;
    }
    if (agg->fn == PLAN_SUM && window->args[agg->arg].type == EGRET_DECIMAL && (whole || out->constant.type == EGRET_DECIMAL)) {
        egret_value bound = whole ? egret_decimal(out->constant.u.i, 0) : out->constant;
        return nfa_sum_add(&out->sum, bound, 1) ? sum_order : NULL;
    }
    return NULL;
}

static void ready_constant(const nfa_engine *engine, const plan_expr *left, nfa_predicate *out)
{
    const plan *p = engine->plan;
    if (left->op == PLAN_FIELD) {
        ready_field(left, out);
    } else if (left->op == PLAN_AGG) {
        out->glance = ready_aggregate(engine, left, out);
        out->holds = out->glance == count_order ? compare_count : out->glance != NULL ? compare_aggregate : out->holds;
    } else if (left->op == PLAN_PROFILE) {
        const plan_expr *member = &p->exprs[p->profiles[left->a].member[left->b]];
        out->glance = member->op == PLAN_AGG ? ready_aggregate(engine, member, out) : NULL;
        out->profile = left->a;
        out->holds = out->glance != NULL ? compare_profile : out->holds;
    }
}

static void ready_compare(nfa_engine *engine, nfa_predicate *out)
{
    const plan *p = engine->plan;
    const uint32_t *side = &p->args[out->expr->args];
    const plan_expr *left = &p->exprs[side[0]];
    const plan_expr *right = &p->exprs[side[1]];
    bool fields = (left->op == PLAN_FIELD || left->op == PLAN_CONST) && (right->op == PLAN_FIELD || right->op == PLAN_CONST);
    out->holds = !fields && nfa_estimate_make(engine, side[0], side[1], out) ? compare_roughly : compare;
    out->fits = fits_of[out->expr->op - PLAN_EQ];
    if (right->op == PLAN_CONST && p->consts[right->a].type != EGRET_NULL) {
        out->constant = p->consts[right->a];
        ready_constant(engine, left, out);
    }
}

static bool has_predicate(const plan_expr *expr)
{
    return expr->op == PLAN_AND || expr->op == PLAN_OR || expr->op == PLAN_NOT || (expr->op >= PLAN_EQ && expr->op <= PLAN_GE);
}

bool nfa_predicates_make(nfa_engine *engine)
{
    const plan *p = engine->plan;
    uint32_t n = 1;
    for (uint32_t i = 0; i < p->n_exprs; i++) {
        n += has_predicate(&p->exprs[i]);
    }
    engine->predicate_of = egret_arena_alloc(&engine->keep, (p->n_exprs + 1) * sizeof *engine->predicate_of);
    engine->predicates = egret_arena_alloc(&engine->keep, n * sizeof *engine->predicates);
    if (engine->keep.failed) {
        return false;
    }
    n = 1;
    for (uint32_t i = 0; i < p->n_exprs; i++) {
        const plan_expr *expr = &p->exprs[i];
        if (!has_predicate(expr)) {
            continue;
        }
        nfa_predicate *out = &engine->predicates[n];
        out->expr = expr;
        switch ((plan_op)expr->op) {
        case PLAN_AND: out->holds = all_hold; break;
        case PLAN_OR: out->holds = some_holds; break;
        case PLAN_NOT: out->holds = holds_not; break;
        default: ready_compare(engine, out); break;
        }
        engine->predicate_of[i] = n++;
    }
    return true;
}
