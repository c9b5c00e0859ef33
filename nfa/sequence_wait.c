/*
 * sequence_wait.c: what an attempt waits for, and until when.
 *
 * Between events an attempt waits for its loop to take more, for one of the items it may go on to, or for silence at the end. Each way has a
 * bound in time, and an event may bar it (a gap before `next`, something forbidden). When the last way has run out the attempt is over.
 */
#include "nfa/sequence.h"

static uint64_t atom_mask(uint32_t first, uint32_t n)
{
    return n == 0 ? 0 : (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

bool seq_atoms_hold(const seq_step *step, uint32_t first, uint32_t n, const seq_run *run)
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

seq_place seq_place_of(seq_step *step, uint32_t item, bool open, uint32_t *word)
{
    const seq_item *at = &step->layout->item[item];
    seq_place p = {.item = item, .open = open, .word = word, .count = 1, .last = word[at->word]};
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

bool seq_is_ready(const seq_step *step, const seq_place *p)
{
    return !step->layout->item[p->item].loop || p->count >= step->pattern->items[p->item].min;
}

void seq_close_loop(const seq_step *step, seq_place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    p->word[at->word + SEQ_LOOP_LAST] = p->last;
    p->word[at->word + SEQ_LOOP_COUNT] = p->count;
    p->open = false;
    p->run.open_item = PLAN_NONE;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t seq_expiry(const seq_step *step, const seq_place *p)
{
    const plan_pattern *pattern = step->pattern;
    const seq_item *at = &step->layout->item[p->item];
    const plan_item *item = &pattern->items[p->item];
    bool ready = seq_is_ready(step, p);
    if (seq_waits_for_silence(step, p)) {
        return INT64_MAX;
    }
    int64_t whole = seq_add(seq_log(&step->section, step->layout, p->word[SEQ_START])->time_ms, seq_span(step, pattern->within_ms));
    int64_t expiry = INT64_MIN;
    if (at->loop && p->open && p->count < item->max) {
        int64_t loop_start = seq_log(&step->section, step->layout, p->word[at->word])->time_ms;
        expiry = earlier(whole, seq_add(loop_start, seq_span(step, item->own_within_ms)));
    }
    bool gap = pattern->contiguous && step->seen != seq_log(&step->section, step->layout, p->last)->seen;
    for (uint32_t i = 0; ready && i < at->n_targets; i++) {
        const plan_item *target = &pattern->items[at->target[i]];
        int64_t until = earlier(whole, seq_add(p->last_ms, seq_span(step, target->link_within_ms)));
        if (until > expiry && !(gap && target->link == PLAN_NEXT) && !seq_is_barred(step, p, at->target[i])) {
            expiry = until;
        }
    }
    return expiry;
}
