/*
 * branch_report.c: what becomes of an attempt that took an event; completed ones become matches, in the order of their events.
 */
#include "nfa/branch.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <string.h>

/* ---- attempts that live on ---- */

void branch_keep(branch_step *step)
{
    size_t size = step->layout->words * sizeof *step->out;
    if (step->n_out == step->cap_out) {
        uint32_t cap = step->cap_out ? step->cap_out * 2 : 8;
        uint32_t *grown = nfa_scratch(step->seq.engine, cap * size);
        if (grown == NULL) {
            step->seq.no_memory = true;
            return;
        }
        if (step->n_out > 0) {
            memcpy(grown, step->out, step->n_out * size);
        }
        step->out = grown;
        step->cap_out = cap;
    }
    memcpy(step->out + (size_t)step->n_out++ * step->layout->words, step->rec, size);
}

/* ---- matches ---- */

/* Lists what the attempt has bound, in the order of events; of one event, in the order of steps. */
static bool list_bound(branch_step *step, branch_match *match)
{
    seq_run view = branch_view(step);
    uint32_t all = 0;
    for (uint32_t i = 0; i < step->seq.pattern->n_items; i++) {
        all += branch_item_count(&view, i);
    }
    match->event = nfa_scratch(step->seq.engine, (all + 1) * sizeof *match->event);
    match->item = nfa_scratch(step->seq.engine, (all + 1) * sizeof *match->item);
    uint32_t *of_item = nfa_scratch(step->seq.engine, (all + 1) * sizeof *of_item);
    if (match->event == NULL || match->item == NULL || of_item == NULL) {
        return false;
    }
    match->n = 0;
    for (uint32_t i = 0; i < step->seq.pattern->n_items; i++) {
        uint32_t n = branch_item_count(&view, i);
        uint32_t at = match->n + n;
        branch_item_events(&view, i, of_item);
        /* Both lists are in order: they are merged from the back. */
        for (uint32_t k = match->n; n > 0; at--) {
            bool old = k > 0 && branch_older(step, of_item[n - 1], match->event[k - 1]);
            match->event[at - 1] = old ? match->event[k - 1] : of_item[n - 1];
            match->item[at - 1] = old ? match->item[k - 1] : i;
            k -= old;
            n -= !old;
        }
        match->n += branch_item_count(&view, i);
    }
    return true;
}

static bool note_match(branch_step *step, uint64_t last_identity)
{
    if (step->n_matches == step->cap_matches) {
        uint32_t cap = step->cap_matches ? step->cap_matches * 2 : 4;
        branch_match *grown = nfa_scratch(step->seq.engine, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (step->n_matches > 0) {
            memcpy(grown, step->match, step->n_matches * sizeof *grown);
        }
        step->match = grown;
        step->cap_matches = cap;
    }
    branch_match *match = &step->match[step->n_matches];
    size_t size = step->layout->words * sizeof *match->record;
    *match = (branch_match){.record = nfa_scratch(step->seq.engine, size), .last_identity = last_identity};
    if (match->record == NULL || !list_bound(step, match)) {
        return false;
    }
    memcpy(match->record, step->rec, size);
    step->n_matches++;
    return true;
}

void branch_judge(branch_step *step, uint64_t last_identity, bool *waits)
{
    uint32_t mark = step->n_undo;
    uint32_t when = step->seq.pattern->when;
    bool holds = true;
    branch_trim(step, 0);
    if (when != PLAN_NONE) {
        seq_run view = branch_view(step);
        nfa_env env = {.engine = step->seq.engine, .event = step->seq.event, .now_ms = step->seq.now_ms, .rule = step->seq.rule,
                       .block = step->seq.block, .run = &view};
        holds = nfa_holds(&env, when);
    }
    if (holds && !note_match(step, last_identity)) {
        step->seq.no_memory = true;
    }
    branch_undo_to(step, mark);
    *waits = !holds && step->layout->ends_in_loop;
}

void branch_settle(branch_step *step)
{
    bool waits = true;
    if (branch_first(step, 0) != step->rec[BRANCH_START]) {
        return;     /* what it began with was not needed in the end */
    }
    if (step->complete && step->seq.pattern->absence == PLAN_ABSENCE_NONE) {
        branch_judge(step, step->seq.event->identity, &waits);
    }
    if (waits && branch_pass(step)) {
        branch_keep(step);
    }
}

void branch_note_timeout(branch_step *step)
{
    step->seq.no_memory = !note_match(step, (uint64_t)step->seq.now_ms) || step->seq.no_memory;
}

/* ---- reporting ---- */

/* By the positions of their events; of equal ones by their steps. */
static int compare(const branch_step *step, const branch_match *a, const branch_match *b)
{
    uint32_t n = a->n < b->n ? a->n : b->n;
    for (uint32_t i = 0; i < n; i++) {
        if (a->event[i] != b->event[i]) {
            return branch_older(step, a->event[i], b->event[i]) ? -1 : 1;
        }
    }
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    return n > 0 ? memcmp(a->item, b->item, n * sizeof *a->item) : 0;
}

static void sort_matches(branch_step *step)
{
    for (uint32_t gap = step->n_matches / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < step->n_matches; i++) {
            branch_match match = step->match[i];
            uint32_t at = i;
            for (; at >= gap && compare(step, &match, &step->match[at - gap]) < 0; at -= gap) {
                step->match[at] = step->match[at - gap];
            }
            step->match[at] = match;
        }
    }
}

static bool list_evidence(branch_step *step, const branch_match *m, nfa_match *match)
{
    nfa_engine *engine = step->seq.engine;
    uint32_t cap = m->n < step->seq.rule->evidence_cap ? m->n : step->seq.rule->evidence_cap;
    uint32_t head = (cap + 1) / 2;      /* of too many, the first half and the last half are shown */
    egret_evidence *list = egret_arena_alloc(&engine->out, (cap + 1) * sizeof *list);
    if (list == NULL) {
        return false;
    }
    for (uint32_t k = 0; k < cap; k++) {
        uint32_t i = k < head ? k : m->n - cap + k;
        const seq_event *event = seq_log(&step->seq.section, &step->layout->seq, m->event[i]);
        list[k] = (egret_evidence){.step = engine->names[step->seq.rule_index].items[m->item[i]],
                                   .stream = engine->stream_name[event->stream], .time_ms = event->time_ms, .ref = event->ref,
                                   .identity = event->identity};
    }
    match->events = list;
    match->n_events = cap;
    match->n_events_total = m->n;
    return true;
}

/* Tells matches apart that begin and end with the same events. */
static uint32_t ordinal_of(const branch_step *step, const branch_match *m)
{
    uint64_t hash = m->n;
    for (uint32_t i = 0; i < m->n; i++) {
        uint64_t parts[3] = {hash, seq_log(&step->seq.section, &step->layout->seq, m->event[i])->identity, m->item[i]};
        hash = XXH3_64bits(parts, sizeof parts);
    }
    return (uint32_t)hash;
}

static egret_status report_one(branch_step *step, const branch_match *m, bool timeout)
{
    const seq_event *first = seq_log(&step->seq.section, &step->layout->seq, m->record[BRANCH_START]);
    nfa_match match = {.rule = step->seq.rule, .rule_index = step->seq.rule_index, .block = step->seq.block, .time_ms = step->seq.now_ms,
                       .started_ms = first->time_ms, .first_identity = first->identity, .last_identity = m->last_identity,
                       .ordinal = ordinal_of(step, m) + timeout, .timeout = timeout};
    match.limited = ((const seq_root *)nfa_section_root(&step->seq.section))->limited != 0;
    if (!list_evidence(step, m, &match)) {
        return EGRET_NO_MEMORY;
    }
    seq_run view = branch_view(step);
    view.word = m->record;
    nfa_env env = {.engine = step->seq.engine, .event = step->seq.event, .now_ms = step->seq.now_ms, .rule = step->seq.rule,
                   .block = step->seq.block, .run = &view};
    return nfa_report(&env, &match);
}

/* Drops attempts begun before `floor`; they stand in order. */
static void drop_before(branch_step *step, uint32_t floor)
{
    nfa_section *section = &step->seq.section;
    uint8_t queue = step->layout->part_attempts;
    uint32_t n = 0;
    uint32_t first = nfa_deque_count(section, queue) ? nfa_deque_first(section, queue) : 0;
    while (n < nfa_deque_count(section, queue)
           && branch_older(step, *(const uint32_t *)nfa_deque_at(section, queue, first + n), floor)) {
        n++;
    }
    nfa_deque_pop_front(section, queue, n);
}

/* Where matching resumes after a match; attempts begun before it go. step->base: nothing goes. */
static uint32_t resume_at(const branch_step *step, const branch_match *m)
{
    const plan_pattern *pattern = step->seq.pattern;
    uint32_t at = NFA_NONE;
    if (pattern->skip == AST_SKIP_TO_NEXT) {
        at = m->record[BRANCH_START] + 1;
    }
    bool wants_first = pattern->skip == AST_SKIP_TO_FIRST;
    for (uint32_t i = 0; i < m->n && (wants_first || pattern->skip == AST_SKIP_TO_LAST); i++) {
        if (m->item[i] == pattern->skip_item && (at == NFA_NONE || !wants_first)) {
            at = m->event[i];
        }
    }
    return at == NFA_NONE ? step->base : at;
}

egret_status branch_report(branch_step *step, bool *dropped)
{
    *dropped = false;
    sort_matches(step);
    uint32_t floor = step->base;
    const branch_match *told = NULL;
    for (uint32_t i = 0; i < step->n_matches; i++) {
        const branch_match *m = &step->match[i];
        /* Attempts that differed in nothing but what both gave up are one match. */
        bool again = told != NULL && compare(step, told, m) == 0;
        if (again || branch_older(step, m->record[BRANCH_START], floor)) {
            continue;
        }
        egret_status status = report_one(step, m, false);
        if (status != EGRET_OK) {
            return status;
        }
        told = m;
        if (step->seq.pattern->skip == AST_SKIP_PAST_LAST) {
            nfa_section_drop(&step->seq.section);
            *dropped = true;
            return EGRET_OK;
        }
        uint32_t resume = resume_at(step, m);
        floor = branch_older(step, floor, resume) ? resume : floor;
    }
    if (floor != step->base) {
        drop_before(step, floor);
    }
    return EGRET_OK;
}

egret_status branch_report_timeouts(branch_step *step)
{
    egret_status status = EGRET_OK;
    sort_matches(step);
    for (uint32_t i = 0; i < step->n_matches && status == EGRET_OK; i++) {
        bool again = i > 0 && compare(step, &step->match[i - 1], &step->match[i]) == 0;
        status = again ? EGRET_OK : report_one(step, &step->match[i], true);
    }
    return status;
}
