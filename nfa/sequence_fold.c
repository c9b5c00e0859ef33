/*
 * sequence_fold.c: aggregates over the bound events of a step: count(fail), sum(out.amount where …), median(x.value).
 *
 * They are computed afresh from the events whenever they are asked; what a condition asks of each event is count and sum, and loops whose
 * conditions do that have few events. Only what is the same for all attempts of a queue is kept in counters (sequence.h).
 */
#include "nfa/sequence.h"

#include "nfa/fit.h"

#include <stdlib.h>

#define DECIMAL_LIMIT INT64_C(1000000000000000000)

typedef struct fold {
    int64_t n;
    nfa_sum sum;
    nfa_square_sum squares;
    egret_value best, first, last;
    uint8_t scale, type;
    bool overflow;
    uint64_t *seen;         /* distinct: open addressing, 0 free */
    uint32_t mask;
    egret_value *values;    /* median and percentiles: all, and in the end in order */
    nfa_fit line;           /* slope and forecast */
    int64_t last_ms;
} fold;

static void fold_distinct(fold *f, egret_value v)
{
    uint64_t hash = egret_value_hash(v) | 1;
    uint32_t at = (uint32_t)(hash >> 20) & f->mask;
    while (f->seen[at] != 0 && f->seen[at] != hash) {
        at = (at + 1) & f->mask;
    }
    f->n += f->seen[at] == 0;
    f->seen[at] = hash;
}

static void fold_value(fold *f, plan_fn fn, egret_value v, int64_t time_ms)
{
    int order = 0;
    if (fn == PLAN_DISTINCT) {
        fold_distinct(f, v);
        return;
    }
    if (fn == PLAN_SLOPE || fn == PLAN_FORECAST) {
        f->overflow = !nfa_fit_add(&f->line, time_ms, v, 1) || f->overflow;
        f->last_ms = time_ms;
    } else if (fn == PLAN_MEDIAN || fn == PLAN_QUANTILE) {
        f->values[f->n] = v;
    }
    f->first = f->n == 0 ? v : f->first;
    f->last = v;
    f->type = v.type;
    f->scale = v.scale > f->scale ? v.scale : f->scale;
    f->n++;
    if (fn == PLAN_SUM || fn == PLAN_AVG || fn == PLAN_STDDEV) {
        f->overflow = !nfa_sum_add(&f->sum, v, 1) || f->overflow;
        nfa_square_sum_add(&f->squares, v, 1);
    }
    bool better = f->n == 1 || (egret_value_compare(v, f->best, &order) && (fn == PLAN_MIN ? order < 0 : order > 0));
    f->best = better ? v : f->best;
}

static int by_value(const void *a, const void *b)
{
    int order = 0;
    (void)egret_value_compare(*(const egret_value *)a, *(const egret_value *)b, &order);
    return order;
}

/* The mean of the one or two values in the middle. */
static egret_value middle_of(const fold *f)
{
    nfa_sum sum = {0, 0};
    int64_t two = f->n % 2 == 0;
    bool fits = nfa_sum_add(&sum, f->values[f->n / 2], 1) && (!two || nfa_sum_add(&sum, f->values[f->n / 2 - 1], 1));
    return fits ? nfa_sum_mean(&sum, (egret_type)f->type, 1 + two) : egret_null();
}

/* The smallest value that so many of a hundred are not above, with as many digits as the values had. */
static egret_value rank_of(const fold *f, int64_t percent)
{
    egret_value v = f->values[(f->n * percent + 99) / 100 - 1];
    int64_t wider;
    while (v.type == EGRET_DECIMAL && v.scale < f->scale && !__builtin_mul_overflow(v.u.i, 10, &wider)
           && wider < DECIMAL_LIMIT && wider > -DECIMAL_LIMIT) {
        v.u.i = wider;
        v.scale++;
    }
    return v;
}

static egret_value shape_result(fold *f, plan_fn fn, int64_t param)
{
    egret_type type = (egret_type)f->type;
    if (f->n == 0 || f->overflow) {
        return egret_null();
    }
    if (fn == PLAN_SLOPE) {
        return nfa_fit_slope(&f->line, type, f->n);
    }
    if (fn == PLAN_FORECAST) {
        return nfa_fit_at(&f->line, type, f->n, f->last_ms, param);
    }
    qsort(f->values, (size_t)f->n, sizeof *f->values, by_value);
    return fn == PLAN_MEDIAN ? middle_of(f) : rank_of(f, param);
}

static egret_value fold_result(fold *f, plan_fn fn, uint8_t type, int64_t param)
{
    switch (fn) {
    case PLAN_COUNT: case PLAN_DISTINCT: return egret_int(f->n);
    case PLAN_SUM:
        if (f->overflow) {
            return egret_null();
        }
        return nfa_sum_read(&f->sum, f->n ? f->type : type, f->scale);
    case PLAN_AVG: return f->overflow || f->n == 0 ? egret_null() : nfa_sum_mean(&f->sum, f->type, f->n);
    case PLAN_STDDEV: return f->overflow || f->n == 0 ? egret_null() : nfa_stddev(&f->sum, &f->squares, f->type, f->n);
    case PLAN_MIN: case PLAN_MAX: return f->n ? f->best : egret_null();
    case PLAN_FIRST: return f->n ? f->first : egret_null();
    case PLAN_LAST_VALUE: return f->n ? f->last : egret_null();
    case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST: return shape_result(f, fn, param);
    case PLAN_DURATION_OF: case PLAN_AT_FIRST: break;
    }
    return egret_null();
}

egret_value seq_step_agg(const nfa_env *env, uint32_t number)
{
    const seq_run *run = env->run;
    if (run == NULL) {
        return egret_null();
    }
    const plan_step_agg *agg = &run->pattern->step_aggs[number];
    if (agg->fn == PLAN_COUNT && agg->value == PLAN_NONE && agg->where == PLAN_NONE) {
        return egret_int(seq_count_of(run, agg->item));
    }
    uint32_t n = 0;
    const uint32_t *list = seq_list_events(env->engine, run, agg->item, &n);
    fold f = {.mask = 15};
    while (f.mask < n * 2) {
        f.mask = f.mask * 2 + 1;
    }
    f.seen = agg->fn == PLAN_DISTINCT ? nfa_scratch(env->engine, (f.mask + 1u) * sizeof *f.seen) : NULL;
    bool orders = agg->fn == PLAN_MEDIAN || agg->fn == PLAN_QUANTILE;
    f.values = orders ? nfa_scratch(env->engine, (n + 1) * sizeof *f.values) : NULL;
    if (list == NULL || (agg->fn == PLAN_DISTINCT && f.seen == NULL) || (orders && f.values == NULL)) {
        return egret_null();
    }
    nfa_env inner = *env;
    if (agg->fn == PLAN_AT_FIRST) {
        inner.bound = n == 0 ? NULL : (const uint8_t *)seq_log(run->section, run->layout, list[0]);
        return n == 0 ? egret_null() : nfa_eval(&inner, agg->value);
    }
    for (uint32_t i = 0; i < n; i++) {
        inner.bound = (const uint8_t *)seq_log(run->section, run->layout, list[i]);
        if (agg->where != PLAN_NONE && !nfa_holds(&inner, agg->where)) {
            continue;
        }
        egret_value v = agg->value == PLAN_NONE ? egret_int(1) : nfa_eval(&inner, agg->value);
        if (v.type != EGRET_NULL) {
            fold_value(&f, (plan_fn)agg->fn, v, ((const seq_event *)(const void *)inner.bound)->time_ms);
        }
    }
    return fold_result(&f, (plan_fn)agg->fn, agg->type, agg->param);
}
