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

uint32_t *seq_list_events(nfa_engine *engine, const seq_run *run, uint32_t item, uint32_t *n)
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
        const uint32_t *events = seq_list_events(engine, run, i, &count);
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
