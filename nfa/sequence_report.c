/*
 * sequence_report.c: completed attempts become matches, in the order of their first events, and `after match` says what becomes of the
 * others (docs/language.md, meanings of after match).
 */
#include "nfa/sequence.h"

#include <string.h>

static seq_run finished(seq_step *step, const uint32_t *word)
{
    return (seq_run){.section = &step->section, .layout = step->layout, .pattern = step->pattern, .word = word,
                     .open_item = PLAN_NONE};
}

bool seq_note(seq_step *step, const uint32_t *word, uint64_t last_identity)
{
    if (step->n_done == step->cap_done) {
        uint32_t cap = step->cap_done ? step->cap_done * 2 : 4;
        seq_done *grown = nfa_scratch(step->engine, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (step->n_done > 0) {
            memcpy(grown, step->done, step->n_done * sizeof *grown);
        }
        step->done = grown;
        step->cap_done = cap;
    }
    uint32_t *copy = nfa_scratch(step->engine, step->layout->words * sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, word, step->layout->words * sizeof *copy);
    step->done[step->n_done++] = (seq_done){.word = copy, .last_identity = last_identity};
    return true;
}

bool seq_complete(seq_step *step, const uint32_t *word, uint64_t last_identity, bool *waits)
{
    *waits = false;
    if (step->pattern->when != PLAN_NONE) {
        seq_run run = finished(step, word);
        nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule,
                       .block = step->block, .run = &run};
        if (!nfa_holds(&env, step->pattern->when)) {
            *waits = step->layout->end_loop;
            return true;
        }
    }
    return seq_note(step, word, last_identity);
}

/* Which of two matches comes first: by first event, then by the events of each item. */
static bool before(const seq_step *step, const uint32_t *a, const uint32_t *b)
{
    uint32_t base = nfa_deque_first(&step->section, step->layout->part_log);
    if (a[SEQ_START] != b[SEQ_START]) {
        return a[SEQ_START] - base < b[SEQ_START] - base;
    }
    for (uint32_t i = 0; i < step->pattern->n_items; i++) {
        const seq_item *place = &step->layout->item[i];
        uint32_t words = place->loop ? 2 : 1;
        for (uint32_t k = 0; k < words; k++) {
            uint32_t x = a[place->word + k];
            uint32_t y = b[place->word + k];
            if (x != y) {
                return y == NFA_NONE || (x != NFA_NONE && x - base < y - base);
            }
        }
    }
    return false;
}

void seq_sort_done(seq_step *step)
{
    for (uint32_t gap = step->n_done / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < step->n_done; i++) {
            seq_done done = step->done[i];
            uint32_t at = i;
            for (; at >= gap && before(step, done.word, step->done[at - gap].word); at -= gap) {
                step->done[at] = step->done[at - gap];
            }
            step->done[at] = done;
        }
    }
}

egret_status seq_report_one(seq_step *step, const seq_done *done, bool timeout)
{
    seq_run run = finished(step, done->word);
    const seq_event *first = seq_log(&step->section, step->layout, done->word[SEQ_START]);
    nfa_match match = {.rule = step->rule, .rule_index = step->rule_index, .block = step->block, .time_ms = step->now_ms,
                       .started_ms = first->time_ms, .first_identity = first->identity,
                       .last_identity = done->last_identity, .ordinal = timeout, .timeout = timeout};
    match.limited = ((const seq_root *)nfa_section_root(&step->section))->limited != 0;
    if (!seq_evidence(step->engine, &run, step->rule, &match.events, &match.n_events, &match.n_events_total)) {
        return EGRET_NO_MEMORY;
    }
    nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule,
                   .block = step->block, .run = &run};
    return nfa_report(&env, &match);
}

/* Drops attempts begun before `floor`. */
static void drop_before(seq_step *step, uint32_t base, uint32_t floor)
{
    for (uint32_t i = 0; i < step->pattern->n_items * 2; i++) {
        const seq_item *place = &step->layout->item[i / 2];
        uint8_t queue = i % 2 ? place->queue_closed : place->queue_open;
        uint32_t n = queue ? nfa_deque_count(&step->section, queue) : 0;
        uint32_t first = n ? nfa_deque_first(&step->section, queue) : 0;
        uint32_t kept = 0;
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t *word = nfa_deque_at(&step->section, queue, first + k);
            if (word[SEQ_START] - base >= floor - base) {
                if (kept != k) {
                    memcpy(nfa_deque_at(&step->section, queue, first + kept), word, step->layout->words * sizeof *word);
                }
                kept++;
            }
        }
        if (n > kept) {
            nfa_deque_pop_back(&step->section, queue, n - kept);
        }
    }
}

/* Where matching resumes after a match; attempts begun before it go. `base`: nowhere, nothing goes. */
static uint32_t resume_at(const seq_step *step, const uint32_t *word, uint32_t base)
{
    const seq_item *place = step->pattern->skip_item == PLAN_NONE ? NULL : &step->layout->item[step->pattern->skip_item];
    uint32_t at = NFA_NONE;
    switch (step->pattern->skip) {
    case AST_SKIP_TO_NEXT:
        at = word[SEQ_START] + 1;
        break;
    case AST_SKIP_TO_FIRST:
        at = place ? word[place->word] : NFA_NONE;
        break;
    case AST_SKIP_TO_LAST:
        at = place && word[place->word] != NFA_NONE ? word[place->word + (place->loop ? SEQ_LOOP_LAST : 0)] : NFA_NONE;
        break;
    case AST_NO_SKIP: case AST_SKIP_PAST_LAST:
        break;
    }
    return at == NFA_NONE ? base : at;
}

egret_status seq_report(seq_step *step, bool *dropped)
{
    *dropped = false;
    seq_sort_done(step);
    uint32_t base = nfa_deque_first(&step->section, step->layout->part_log);
    uint32_t floor = base;
    for (uint32_t i = 0; i < step->n_done; i++) {
        const uint32_t *word = step->done[i].word;
        if (word[SEQ_START] - base < floor - base) {
            continue;
        }
        egret_status status = seq_report_one(step, &step->done[i], false);
        if (status != EGRET_OK) {
            return status;
        }
        if (step->pattern->skip == AST_SKIP_PAST_LAST) {
            nfa_section_drop(&step->section);
            *dropped = true;
            return EGRET_OK;
        }
        uint32_t resume = resume_at(step, word, base);
        floor = resume - base > floor - base ? resume : floor;
    }
    if (floor != base) {
        drop_before(step, base, floor);
    }
    return EGRET_OK;
}
