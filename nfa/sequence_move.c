/*
 * sequence_move.c: what an event does to one attempt.
 *
 * In order: bounds that have run out (whole pattern, own within of a loop); then the step that takes the event: the furthest item it may go
 * on to, else its loop goes on (greedy: the loop first); then what the event does to an attempt that did not take it: unless, an absence, the
 * end of its loop. When no way on is left it is gone, else it stays.
 */
#include "nfa/sequence.h"

#include <string.h>

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

/* The attempt has just bound the event at p->item (its record says so). Completes it, or puts it into the queue where it waits.
 * in_place: it stands in its queue already (a loop that took one more). */
static seq_action settle(seq_step *step, seq_place *p, bool in_place)
{
    const seq_item *at = &step->layout->item[p->item];
    const plan_item *item = &step->pattern->items[p->item];
    bool full = at->loop && p->count >= item->max;
    bool complete = at->final && seq_is_ready(step, p);
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
        int64_t deadline = seq_silence_until(step, p);
        memcpy(p->word + SEQ_DEADLINE, &deadline, sizeof deadline);
    }
    if (full) {
        seq_close_loop(step, p);
        if (at->queue_closed != 0) {
            (void)push_attempt(step, at->queue_closed, p->word);
        }
        return SEQ_GONE;
    }
    if (in_place) {
        return at->tracked || step->pattern->absence != PLAN_ABSENCE_NONE || step->layout->barred_word != 0 ? SEQ_KEEP : SEQ_STAY;
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

/* What an absence forbids is counted from the event bound last. */
static void open_gaps(const seq_step *step, uint32_t *word)
{
    if (step->layout->barred_word != 0) {
        word[step->layout->barred_word] = 0;
    }
}

/* Binds the event as the first of `item`. */
static seq_action arrive(seq_step *step, uint32_t item, uint32_t *word)
{
    const seq_item *at = &step->layout->item[item];
    word[at->word] = step->ord;
    open_gaps(step, word);
    if (at->loop) {
        word[at->word + SEQ_LOOP_LAST] = step->ord;
        word[at->word + SEQ_LOOP_COUNT] = 1;
        word[at->word + SEQ_LOOP_NODE] = at->tracked ? push_node(step, NFA_NONE) : NFA_NONE;
    }
    seq_place p = {.item = item, .open = at->loop, .word = word, .count = 1, .last = step->ord, .last_ms = step->now_ms};
    p.run = (seq_run){.section = &step->section, .layout = step->layout, .pattern = step->pattern, .word = word,
                      .open_item = PLAN_NONE};
    return settle(step, &p, false);
}

/* ---- taking ---- */

static bool may_take_more(const seq_step *step, const seq_place *p)
{
    const plan_item *item = &step->pattern->items[p->item];
    return p->open && !p->closes && step->layout->item[p->item].loop && p->count < item->max
        && seq_atoms_hold(step, item->atoms, item->n_atoms, &p->run);
}

static seq_action take_more(seq_step *step, seq_place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    open_gaps(step, p->word);
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
static uint32_t next_item(const seq_step *step, const seq_place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    if (!seq_is_ready(step, p)) {
        return PLAN_NONE;
    }
    for (uint32_t i = 0; i < at->n_targets; i++) {
        const plan_item *item = &step->pattern->items[at->target[i]];
        if (item->link == PLAN_NEXT && !seq_follows_directly(step, p)) {
            continue;
        }
        if (step->now_ms <= seq_add(p->last_ms, seq_span(step, item->link_within_ms)) && seq_atoms_hold(step, item->atoms, item->n_atoms, &p->run)
            && !seq_is_barred(step, p, at->target[i]) && seq_may_cross(step, p, at->target[i])) {
            return at->target[i];
        }
    }
    return PLAN_NONE;
}

static seq_action go_on(seq_step *step, seq_place *p, uint32_t item)
{
    if (step->layout->item[p->item].loop && p->open) {
        seq_close_loop(step, p);
    }
    return arrive(step, item, p->word);
}

/* ---- dying ---- */

static bool is_cancelled(const seq_step *step, const seq_place *p)
{
    for (uint32_t i = 0; i < step->pattern->n_unless; i++) {
        const plan_unless *unless = &step->pattern->unless[i];
        bool past = unless->after_item == PLAN_NONE || seq_first_of(&p->run, unless->after_item) != NFA_NONE;
        if (past && seq_atoms_hold(step, unless->atoms, unless->n_atoms, &p->run)) {
            return true;
        }
    }
    return false;
}

/* A loop that has too few, or that something forbidden stands behind, lives only on what it may still take. */
static bool may_close(const seq_step *step, const seq_place *p)
{
    return seq_is_ready(step, p) && (step->layout->barred_word != 0 || !seq_is_barred(step, p, p->item + 1));
}

/* What becomes of an attempt that did not take the event. */
static seq_action outlive(seq_step *step, seq_place *p, bool was_open)
{
    /* Without an event (a sweep) only what has run out goes: nothing stood in between. */
    p->closes = p->closes || (step->event != NULL && p->open && step->pattern->items[p->item].strict);
    if (is_cancelled(step, p)) {
        return SEQ_GONE;
    }
    seq_action barred = seq_bar(step, p);
    if (barred == SEQ_GONE || (p->closes && !may_close(step, p))) {
        return SEQ_GONE;
    }
    if (p->closes) {
        seq_close_loop(step, p);
    }
    if (seq_expiry(step, p) < step->now_ms) {
        return SEQ_GONE;
    }
    if (was_open && !p->open) {     /* it has been closed: it moves to the other queue */
        uint8_t closed = step->layout->item[p->item].queue_closed;
        if (closed != 0) {
            (void)push_attempt(step, closed, p->word);
        }
        return SEQ_GONE;
    }
    return barred;
}

seq_action seq_decide(seq_step *step, uint32_t item, bool open, uint32_t *word)
{
    seq_place p = seq_place_of(step, item, open, word);
    const seq_item *at = &step->layout->item[item];
    bool waits_for_silence = seq_waits_for_silence(step, &p);
    const seq_event *first = seq_log(&step->section, step->layout, word[SEQ_START]);
    bool late = step->now_ms > seq_add(first->time_ms, seq_span(step, step->pattern->within_ms));
    if (late && !waits_for_silence) {
        return SEQ_GONE;
    }
    if (at->loop && open) {
        int64_t loop_start = seq_log(&step->section, step->layout, word[at->word])->time_ms;
        if (late || step->now_ms > seq_add(loop_start, seq_span(step, step->pattern->items[item].own_within_ms))) {
            if (!may_close(step, &p)) {
                return SEQ_GONE;
            }
            seq_close_loop(step, &p);
        }
    }
    const plan_item *loop = &step->pattern->items[item];
    p.closes = p.open && at->loop && loop->n_until > 0 && seq_atoms_hold(step, loop->until, loop->n_until, &p.run);
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
        if (seq_atoms_hold(step, item->atoms, item->n_atoms, &run)) {
            step->engine->rule_stats[step->rule_index].attempts_started++;
            (void)arrive(step, step->layout->start[i], word);
            return;
        }
    }
}
