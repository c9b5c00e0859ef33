/*
 * sequence_move.c: what an event does to one attempt.
 *
 * In order: bounds that have run out (whole pattern, own within of a loop); then the step that takes the event: the furthest item it may go
 * on to, else its loop goes on (greedy: the loop first); then what kills an attempt that did not take it: unless, an absence, a gap where
 * none is allowed. Nothing of it applies: the attempt stays.
 */
#include "nfa/sequence.h"

#include <string.h>

/* Where the attempt stands while it is decided upon. */
typedef struct place {
    uint32_t item;
    bool open;              /* in a loop that may take more */
    uint32_t *word;
    seq_run run;
    uint32_t count, last;   /* of the item it stands at, the event at hand not counted */
    int64_t last_ms;
} place;

static uint64_t atom_mask(uint32_t first, uint32_t n)
{
    return n == 0 ? 0 : (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

/* Does some of the atoms hold, asking the attempt where it must be asked? */
static bool atoms_hold(const seq_step *step, uint32_t first, uint32_t n, const seq_run *run)
{
    uint64_t bits = step->mask & atom_mask(first, n);
    if ((bits & ~step->each) != 0) {
        return true;
    }
    seq_run view = *run;
    nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule,
                   .block = step->block, .run = &view};
    for (; bits != 0; bits &= bits - 1) {
        uint32_t atom = (uint32_t)__builtin_ctzll(bits);
        if (nfa_holds(&env, step->pattern->atoms[atom].rest)) {
            return true;
        }
    }
    return false;
}

static place place_of(seq_step *step, uint32_t item, bool open, uint32_t *word)
{
    const seq_item *at = &step->layout->item[item];
    place p = {.item = item, .open = open, .word = word, .count = 1, .last = word[at->word]};
    p.run = (seq_run){.section = &step->section, .layout = step->layout, .pattern = step->pattern, .word = word,
                      .open_item = PLAN_NONE};
    if (at->loop && open && !at->tracked) {
        const seq_cum *cum = &step->before[at->cum];
        const seq_event *first = seq_log(&step->section, step->layout, word[at->word]);
        p.count = cum->count - seq_record_cum(step->layout, step->pattern, first, at->cum) + 1;
        p.last = cum->last;
        p.run.open_item = item;
        p.run.open_last = p.last;
        p.run.open_count = p.count;
    } else if (at->loop) {
        p.count = word[at->word + SEQ_LOOP_COUNT];
        p.last = word[at->word + SEQ_LOOP_LAST];
    }
    p.last_ms = seq_log(&step->section, step->layout, p.last)->time_ms;
    return p;
}

static bool is_ready(const seq_step *step, const place *p)
{
    return !step->layout->item[p->item].loop || p->count >= step->pattern->items[p->item].min;
}

/* The loop takes no more: what was derived so far is written down. */
static void close_loop(const seq_step *step, place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    p->word[at->word + SEQ_LOOP_LAST] = p->last;
    p->word[at->word + SEQ_LOOP_COUNT] = p->count;
    p->open = false;
    p->run.open_item = PLAN_NONE;
}

/* A forbidden event came after the last one bound: nothing may follow until the loop takes another. */
static bool is_poisoned(const seq_step *step, const place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    if (!p->open || !at->loop) {
        return false;   /* elsewhere the attempt has died of it */
    }
    if (!step->layout->scan_all) {
        return step->before[at->cum].poisoned != 0;
    }
    return p->word[at->word + SEQ_LOOP_POISON] == p->last;
}

static void poison(seq_step *step, place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    if (step->layout->scan_all) {
        p->word[at->word + SEQ_LOOP_POISON] = p->last;
        return;
    }
    ((seq_root *)nfa_section_root(&step->section))->cum[at->cum].poisoned = 1;
}

/* ---- arriving at an item ---- */

static bool push_attempt(seq_step *step, uint8_t queue, const uint32_t *word)
{
    uint32_t *record = nfa_deque_push(&step->section, queue);
    if (record == NULL) {
        step->no_memory = true;
        return false;
    }
    memcpy(record, word, step->layout->words * sizeof *word);
    return true;
}

static void set_deadline(seq_step *step, place *p)
{
    int64_t deadline = NFA_NEVER;
    if (step->pattern->absence == PLAN_ABSENCE_FOR) {
        nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule,
                       .block = step->block, .run = &p->run};
        egret_value span = nfa_eval(&env, step->pattern->absence_for);
        deadline = span.type == EGRET_DURATION ? seq_add(p->last_ms, span.u.i) : NFA_NEVER;
    } else if (step->pattern->absence == PLAN_ABSENCE_TO_END) {
        const seq_event *first = seq_log(&step->section, step->layout, p->word[SEQ_START]);
        deadline = seq_add(first->time_ms, step->pattern->within_ms);
    }
    memcpy(p->word + SEQ_DEADLINE, &deadline, sizeof deadline);
}

/* The attempt has just bound the event at p->item (its record says so). Completes it, or puts it into the queue where it waits.
 * in_place: it stands in its queue already (a loop that took one more). */
static seq_action settle(seq_step *step, place *p, bool in_place)
{
    const seq_item *at = &step->layout->item[p->item];
    const plan_item *item = &step->pattern->items[p->item];
    bool full = at->loop && p->count >= item->max;
    bool complete = at->final && is_ready(step, p);
    step->used = true;
    if (complete && step->pattern->absence == PLAN_ABSENCE_NONE) {
        bool waits = false;
        uint32_t copy[SEQ_MAX_WORDS];
        memcpy(copy, p->word, step->layout->words * sizeof *copy);
        if (at->loop && !at->tracked) {
            copy[at->word + SEQ_LOOP_LAST] = p->last;
            copy[at->word + SEQ_LOOP_COUNT] = p->count;
        }
        if (!seq_complete(step, copy, step->event->identity, &waits)) {
            step->no_memory = true;
        }
        bool more = waits && (at->n_targets > 0 || !full);
        if (!more) {
            return SEQ_GONE;
        }
    }
    if (complete && step->pattern->absence != PLAN_ABSENCE_NONE) {
        set_deadline(step, p);
    }
    if (full) {
        close_loop(step, p);
        if (at->queue_closed != 0) {
            (void)push_attempt(step, at->queue_closed, p->word);
        }
        return SEQ_GONE;
    }
    if (in_place) {
        return at->tracked || step->pattern->absence != PLAN_ABSENCE_NONE ? SEQ_KEEP : SEQ_STAY;
    }
    (void)push_attempt(step, at->queue_open, p->word);
    return SEQ_GONE;
}

static uint32_t push_node(seq_step *step, uint32_t previous)
{
    uint32_t number = nfa_deque_first(&step->section, step->layout->part_nodes)
        + nfa_deque_count(&step->section, step->layout->part_nodes);
    seq_node *node = nfa_deque_push(&step->section, step->layout->part_nodes);
    if (node == NULL) {
        step->no_memory = true;
        return previous;
    }
    *node = (seq_node){.previous = previous, .event = step->ord};
    return number;
}

/* Binds the event as the first of `item`. */
static seq_action arrive(seq_step *step, uint32_t item, uint32_t *word)
{
    const seq_item *at = &step->layout->item[item];
    word[at->word] = step->ord;
    if (at->loop) {
        word[at->word + SEQ_LOOP_LAST] = step->ord;
        word[at->word + SEQ_LOOP_COUNT] = 1;
        word[at->word + SEQ_LOOP_NODE] = at->tracked ? push_node(step, NFA_NONE) : NFA_NONE;
        word[at->word + SEQ_LOOP_POISON] = NFA_NONE;
    }
    place p = {.item = item, .open = at->loop, .word = word, .count = 1, .last = step->ord, .last_ms = step->now_ms};
    p.run = (seq_run){.section = &step->section, .layout = step->layout, .pattern = step->pattern, .word = word,
                      .open_item = PLAN_NONE};
    return settle(step, &p, false);
}

/* ---- taking ---- */

static bool may_take_more(const seq_step *step, const place *p)
{
    const plan_item *item = &step->pattern->items[p->item];
    return p->open && step->layout->item[p->item].loop && p->count < item->max
        && atoms_hold(step, item->atoms, item->n_atoms, &p->run);
}

static seq_action take_more(seq_step *step, place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    p->count++;
    p->last = step->ord;
    p->last_ms = step->now_ms;
    if (at->tracked) {
        p->word[at->word + SEQ_LOOP_NODE] = push_node(step, p->word[at->word + SEQ_LOOP_NODE]);
        p->word[at->word + SEQ_LOOP_LAST] = p->last;
        p->word[at->word + SEQ_LOOP_COUNT] = p->count;
    } else {
        p->run.open_last = p->last;
        p->run.open_count = p->count;
    }
    return settle(step, p, true);
}

/* The item the event goes on to; PLAN_NONE: to none. */
static uint32_t next_item(const seq_step *step, const place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    bool adjacent = step->seen == seq_log(&step->section, step->layout, p->last)->seen + 1;
    if (!is_ready(step, p) || is_poisoned(step, p)) {
        return PLAN_NONE;
    }
    for (uint32_t i = 0; i < at->n_targets; i++) {
        const plan_item *item = &step->pattern->items[at->target[i]];
        if (item->link == PLAN_NEXT && !adjacent) {
            continue;
        }
        if (step->now_ms <= seq_add(p->last_ms, item->link_within_ms) && atoms_hold(step, item->atoms, item->n_atoms, &p->run)) {
            return at->target[i];
        }
    }
    return PLAN_NONE;
}

static seq_action go_on(seq_step *step, place *p, uint32_t item)
{
    if (step->layout->item[p->item].loop && p->open) {
        close_loop(step, p);
    }
    return arrive(step, item, p->word);
}

/* ---- dying ---- */

static bool is_cancelled(const seq_step *step, const place *p)
{
    for (uint32_t i = 0; i < step->pattern->n_unless; i++) {
        const plan_unless *unless = &step->pattern->unless[i];
        bool past = unless->after_item == PLAN_NONE || seq_first_of(&p->run, unless->after_item) != NFA_NONE;
        if (past && atoms_hold(step, unless->atoms, unless->n_atoms, &p->run)) {
            return true;
        }
    }
    return false;
}

/* An event that must not stand here. */
static bool is_forbidden(const seq_step *step, const place *p)
{
    const plan_pattern *pattern = step->pattern;
    if (p->item + 1 < pattern->n_items) {
        const plan_item *next = &pattern->items[p->item + 1];
        return next->n_nots > 0 && atoms_hold(step, next->nots, next->n_nots, &p->run);
    }
    return pattern->absence != PLAN_ABSENCE_NONE && is_ready(step, p)
        && atoms_hold(step, pattern->absence_atoms, pattern->n_absence_atoms, &p->run);
}

/* Every way on asks for the very next event, and this was another. */
static bool is_gap_deadly(const seq_step *step, const place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    if (step->event == NULL || !step->pattern->contiguous || at->n_targets == 0) {
        return false;
    }
    if (p->open && at->loop && p->count < step->pattern->items[p->item].max) {
        return false;   /* the loop may take another, and go on from there */
    }
    for (uint32_t i = 0; i < at->n_targets; i++) {
        if (step->pattern->items[at->target[i]].link != PLAN_NEXT) {
            return false;
        }
    }
    return true;
}

static bool is_hopeless(const seq_step *step, const place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    if (p->open && at->loop) {
        return false;
    }
    if (at->final && step->pattern->absence != PLAN_ABSENCE_NONE) {
        return false;
    }
    for (uint32_t i = 0; i < at->n_targets; i++) {
        if (step->now_ms <= seq_add(p->last_ms, step->pattern->items[at->target[i]].link_within_ms)) {
            return false;
        }
    }
    return true;
}

/* What becomes of an attempt that did not take the event. */
static seq_action outlive(seq_step *step, place *p, bool was_open)
{
    /* Without an event (a sweep) only what has run out goes: nothing stood in between. */
    bool strict = step->event != NULL && p->open && step->pattern->items[p->item].strict;
    if (is_cancelled(step, p)) {
        return SEQ_GONE;
    }
    bool marked = false;
    if (is_forbidden(step, p)) {
        if (!p->open || !step->layout->item[p->item].loop || strict) {
            return SEQ_GONE;
        }
        poison(step, p);
        int64_t never = NFA_NEVER;
        memcpy(p->word + SEQ_DEADLINE, &never, sizeof never);
        marked = true;
    }
    if (strict) {
        if (!is_ready(step, p)) {
            return SEQ_GONE;
        }
        close_loop(step, p);
    }
    if (is_gap_deadly(step, p) || is_hopeless(step, p)) {
        return SEQ_GONE;
    }
    if (was_open && !p->open) {     /* it has been closed: it moves to the other queue */
        uint8_t closed = step->layout->item[p->item].queue_closed;
        if (closed != 0) {
            (void)push_attempt(step, closed, p->word);
        }
        return SEQ_GONE;
    }
    return marked && step->layout->scan_all ? SEQ_KEEP : SEQ_STAY;
}

seq_action seq_decide(seq_step *step, uint32_t item, bool open, uint32_t *word)
{
    place p = place_of(step, item, open, word);
    const seq_item *at = &step->layout->item[item];
    bool waits_for_silence = at->final && step->pattern->absence != PLAN_ABSENCE_NONE && is_ready(step, &p);
    const seq_event *first = seq_log(&step->section, step->layout, word[SEQ_START]);
    bool late = step->now_ms > seq_add(first->time_ms, step->pattern->within_ms);
    if (late && !waits_for_silence) {
        return SEQ_GONE;
    }
    if (at->loop && open) {
        int64_t loop_start = seq_log(&step->section, step->layout, word[at->word])->time_ms;
        if (late || step->now_ms > seq_add(loop_start, step->pattern->items[item].own_within_ms)) {
            if (!is_ready(step, &p) || (is_poisoned(step, &p))) {
                return SEQ_GONE;
            }
            close_loop(step, &p);
        }
    }
    if (!late) {
        if (at->loop_first && may_take_more(step, &p)) {
            return take_more(step, &p);
        }
        uint32_t next = next_item(step, &p);
        if (next != PLAN_NONE) {
            return go_on(step, &p, next);
        }
        if (!at->loop_first && may_take_more(step, &p)) {
            return take_more(step, &p);
        }
    }
    return outlive(step, &p, open && at->loop);
}

void seq_begin(seq_step *step)
{
    uint32_t word[SEQ_MAX_WORDS];
    for (uint32_t i = 0; i < step->layout->words; i++) {
        word[i] = NFA_NONE;
    }
    int64_t never = NFA_NEVER;
    memcpy(word + SEQ_DEADLINE, &never, sizeof never);
    word[SEQ_START] = step->ord;
    seq_run run = {.section = &step->section, .layout = step->layout, .pattern = step->pattern, .word = word,
                   .open_item = PLAN_NONE};
    for (uint32_t i = 0; i < step->layout->n_starts; i++) {
        const plan_item *item = &step->pattern->items[step->layout->start[i]];
        if (atoms_hold(step, item->atoms, item->n_atoms, &run)) {
            step->engine->rule_stats[step->rule_index].attempts_started++;
            (void)arrive(step, step->layout->start[i], word);
            return;
        }
    }
}
