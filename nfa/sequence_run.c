/*
 * sequence_run.c: reading an attempt: which events its items have bound, their fields, aggregates over them, and the evidence of a match.
 */
#include "nfa/branch.h"

#include <string.h>

const seq_event *seq_log(const nfa_section *section, const seq_layout *layout, uint32_t ord)
{
    return nfa_deque_at(section, layout->part_log, ord);
}

uint32_t seq_record_cum(const seq_layout *layout, const plan_pattern *pattern, const seq_event *event, uint32_t cum)
{
    (void)layout;
    uint32_t count;
    const uint8_t *at = (const uint8_t *)event + sizeof *event + pattern->n_cells * 9u;
    memcpy(&count, at + cum * sizeof count, sizeof count);
    return count;
}

uint32_t seq_first_of(const seq_run *run, uint32_t item)
{
    if (run->branch != NULL) {
        return branch_item_last(run, item);     /* whether there is one */
    }
    return run->word[run->layout->item[item].word];
}

uint32_t seq_last_of(const seq_run *run, uint32_t item)
{
    if (run->branch != NULL) {
        return branch_item_last(run, item);
    }
    const seq_item *place = &run->layout->item[item];
    if (!place->loop) {
        return run->word[place->word];
    }
    return item == run->open_item ? run->open_last : run->word[place->word + SEQ_LOOP_LAST];
}

uint32_t seq_count_of(const seq_run *run, uint32_t item)
{
    if (run->branch != NULL) {
        return branch_item_count(run, item);
    }
    const seq_item *place = &run->layout->item[item];
    if (run->word[place->word] == NFA_NONE) {
        return 0;
    }
    if (!place->loop) {
        return 1;
    }
    return item == run->open_item ? run->open_count : run->word[place->word + SEQ_LOOP_COUNT];
}

egret_value seq_cell(const seq_run *run, const uint8_t *record, uint32_t cell)
{
    uint64_t bits;
    const uint8_t *at = record + sizeof(seq_event);
    memcpy(&bits, at + cell * sizeof bits, sizeof bits);
    uint8_t meta = at[run->pattern->n_cells * sizeof bits + cell];
    return nfa_raw_unpack(run->section, run->layout->part_bytes, run->pattern->cells[cell].type, bits, meta);
}

egret_value seq_step_field(const nfa_env *env, uint32_t item, uint32_t cell)
{
    if (env->run == NULL) {
        return egret_null();
    }
    uint32_t ord = seq_last_of(env->run, item);
    if (ord == NFA_NONE || seq_first_of(env->run, item) == NFA_NONE) {
        return egret_null();
    }
    return seq_cell(env->run, (const uint8_t *)seq_log(env->run->section, env->run->layout, ord), cell);
}

egret_value seq_step_stream(const nfa_env *env, uint32_t item)
{
    uint32_t ord = env->run && seq_first_of(env->run, item) != NFA_NONE ? seq_last_of(env->run, item) : NFA_NONE;
    if (ord == NFA_NONE) {
        return egret_null();
    }
    return nfa_stream_text(env->engine, seq_log(env->run->section, env->run->layout, ord)->stream);
}

egret_value seq_cell_stream(const nfa_env *env)
{
    if (env->bound == NULL) {
        return egret_null();
    }
    return nfa_stream_text(env->engine, ((const seq_event *)env->bound)->stream);
}

/* The bound events of an item, in order, in scratch; without those that a limit made a loop forget, which lie before its newest. */
static uint32_t *list_events(nfa_engine *engine, const seq_run *run, uint32_t item, uint32_t *n)
{
    const seq_item *place = &run->layout->item[item];
    uint32_t count = seq_count_of(run, item);
    uint32_t *list = nfa_scratch(engine, (count + 1) * sizeof *list);
    *n = 0;
    if (list == NULL || count == 0) {
        return list;
    }
    if (run->branch != NULL) {
        branch_item_events(run, item, list);
        *n = count;
        return list;
    }
    if (!place->loop) {
        list[(*n)++] = run->word[place->word];
        return list;
    }
    if (place->tracked) {
        uint32_t from = count;
        for (uint32_t node = run->word[place->word + SEQ_LOOP_NODE]; node != NFA_NONE && from > 0;) {
            const seq_node *link = nfa_deque_at(run->section, run->layout->part_nodes, node);
            list[--from] = link->event;
            node = link->previous;
        }
        *n = count - from;
        return list + from;
    }
    for (uint32_t ord = seq_first_of(run, item), end = seq_last_of(run, item) + 1; ord != end && *n < count; ord++) {
        if ((seq_log(run->section, run->layout, ord)->fits >> item & 1u) != 0) {
            list[(*n)++] = ord;
        }
    }
    return list;
}

/* ---- aggregates over the events of an item ---- */

typedef struct fold {
    int64_t n;
    nfa_sum sum;
    nfa_square_sum squares;
    egret_value best, first, last;
    uint8_t scale, type;
    bool overflow;
    uint64_t *seen;         /* distinct: open addressing, 0 free */
    uint32_t mask;
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

static void fold_value(fold *f, plan_fn fn, egret_value v)
{
    int order = 0;
    if (fn == PLAN_DISTINCT) {
        fold_distinct(f, v);
        return;
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

static egret_value fold_result(const fold *f, plan_fn fn, uint8_t type)
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
    case PLAN_DURATION_OF: case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST: case PLAN_AT_FIRST: break;
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
    const uint32_t *list = list_events(env->engine, run, agg->item, &n);
    fold f = {.mask = 15};
    while (f.mask < n * 2) {
        f.mask = f.mask * 2 + 1;
    }
    f.seen = agg->fn == PLAN_DISTINCT ? nfa_scratch(env->engine, (f.mask + 1u) * sizeof *f.seen) : NULL;
    if (list == NULL || (agg->fn == PLAN_DISTINCT && f.seen == NULL)) {
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
            fold_value(&f, (plan_fn)agg->fn, v);
        }
    }
    return fold_result(&f, (plan_fn)agg->fn, agg->type);
}

/* ---- evidence ---- */

static egret_evidence evidence_of(const nfa_engine *engine, const seq_run *run, uint32_t item, uint32_t ord)
{
    const seq_event *event = seq_log(run->section, run->layout, ord);
    uint32_t rule = engine->slots[run->layout->def.id].owner;
    return (egret_evidence){.step = engine->names[rule].items[item],
                            .stream = engine->stream_name[event->stream],
                            .time_ms = event->time_ms,
                            .ref = event->ref,
                            .identity = event->identity};
}

bool seq_evidence(nfa_engine *engine, const seq_run *run, const plan_rule *rule, const egret_evidence **out, size_t *n,
                  uint64_t *total)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < run->pattern->n_items; i++) {
        all += seq_count_of(run, i);
    }
    uint64_t cap = all < rule->evidence_cap ? all : rule->evidence_cap;
    uint64_t head = (cap + 1) / 2;      /* of too many, the first half and the last half are shown */
    egret_evidence *list = egret_arena_alloc(&engine->out, (size_t)(cap + 1) * sizeof *list);
    if (list == NULL) {
        return false;
    }
    size_t shown = 0;
    uint64_t at = 0;
    for (uint32_t i = 0; i < run->pattern->n_items; i++) {
        uint32_t count = 0;
        const uint32_t *events = list_events(engine, run, i, &count);
        for (uint32_t k = 0; events != NULL && k < count; k++, at++) {
            at += k + 1 == count ? seq_count_of(run, i) - count : 0;    /* what the loop has forgotten lies before its newest */
            if (all <= cap || at < head || at >= all - (cap - head)) {
                list[shown++] = evidence_of(engine, run, i, events[k]);
            }
        }
    }
    *out = list;
    *n = shown;
    *total = all;
    return !engine->scratch.failed;
}
