/*
 * sequence_timeout.c: `on timeout alert`: attempts that run out of time are told.
 *
 * An attempt runs out of time at the last instant at which it could still have taken an event (seq_expiry), or at which the key may be heard
 * again (idle). Nothing is stored for that: along a queue older attempts run out first, so the front of each queue says when the next one does.
 * Where attempts differ (scan_all) all of them are asked.
 */
#include "nfa/sequence.h"

#include <string.h>

/* Runs over the queues of a layout: number i of n_items * 2. false: there is no such queue. */
static bool queue_number(const seq_step *step, uint32_t i, bool *open, uint8_t *queue)
{
    const seq_item *at = &step->layout->item[i / 2];
    bool second = i % 2 != 0;
    *open = second && at->loop;
    *queue = second ? at->queue_open : at->queue_closed;
    return *queue != 0 && nfa_deque_count(&step->section, *queue) > 0;
}

static int64_t expiry_of(seq_step *step, uint32_t item, bool open, uint32_t *word)
{
    seq_place place = seq_place_of(step, item, open, word);
    return seq_expiry(step, &place);
}

int64_t seq_next_timeout(seq_step *step)
{
    int64_t next = seq_quiet_until(step);
    for (uint32_t i = 0; i < step->pattern->n_items * 2; i++) {
        bool open;
        uint8_t queue;
        if (!queue_number(step, i, &open, &queue)) {
            continue;
        }
        uint32_t first = nfa_deque_first(&step->section, queue);
        uint32_t n = step->layout->scan_all ? nfa_deque_count(&step->section, queue) : 1;
        for (uint32_t k = 0; k < n; k++) {
            int64_t expiry = expiry_of(step, i / 2, open, nfa_deque_at(&step->section, queue, first + k));
            next = expiry < next ? expiry : next;
        }
    }
    return next;
}

/* Takes those out of a queue that have run out, and notes them. quiet: all have. */
static void empty_queue(seq_step *step, uint32_t item, bool open, uint8_t queue, bool quiet)
{
    uint32_t n = nfa_deque_count(&step->section, queue);
    uint32_t first = nfa_deque_first(&step->section, queue);
    uint32_t kept = 0;
    uint32_t k = 0;
    size_t size = step->layout->words * sizeof(uint32_t);
    uint32_t word[SEQ_MAX_WORDS];
    for (; k < n; k++) {
        memcpy(word, nfa_deque_at(&step->section, queue, first + k), size);
        seq_place place = seq_place_of(step, item, open, word);
        if (!quiet && seq_expiry(step, &place) > step->now_ms) {
            if (!step->layout->scan_all) {
                break;
            }
            memcpy(nfa_deque_at(&step->section, queue, first + kept++), word, size);
            continue;
        }
        if (open) {
            seq_close_loop(step, &place);
        }
        step->no_memory = !seq_note(step, word, (uint64_t)step->now_ms) || step->no_memory;
    }
    if (step->layout->scan_all) {
        nfa_deque_pop_back(&step->section, queue, n - kept);
    } else {
        nfa_deque_pop_front(&step->section, queue, k);
    }
}

egret_status seq_time_out(seq_step *step)
{
    bool quiet = seq_quiet_until(step) <= step->now_ms;
    step->n_done = 0;
    for (uint32_t i = 0; i < step->pattern->n_items * 2; i++) {
        bool open;
        uint8_t queue;
        if (queue_number(step, i, &open, &queue)) {
            empty_queue(step, i / 2, open, queue, quiet);
        }
    }
    seq_sort_done(step);
    egret_status status = step->no_memory ? EGRET_NO_MEMORY : EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < step->n_done; i++) {
        status = seq_report_one(step, &step->done[i], true);
    }
    return status;
}
