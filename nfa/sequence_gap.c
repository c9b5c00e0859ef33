/*
 * sequence_gap.c: what must not stand between two events of an attempt.
 *
 * An absence stands in a gap: before some item, or at the end. It speaks of the events after the last one bound and before the next one. On the way
 * to an item that is further off, over items that are left out, an attempt crosses all gaps up to there. So an event that an absence forbids bars all
 * ways across its gap, and the next event bound opens them again.
 *
 * Which gaps are barred stands in a word of the attempt, a bit for each item (bit 0: the end). Where attempts of a queue do not differ there is one
 * way only: whoever waits for it dies of such an event, and an open loop, which may take another first, is barred in its counter (poisoned).
 */
#include "nfa/sequence.h"

#include <string.h>

enum { END_BIT = 1 };       /* there is no gap before item 0 */

static int64_t lasts_until(const seq_step *step, const seq_place *p, uint32_t for_time)
{
    seq_run view = p->run;
    nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule, .block = step->block,
                   .run = &view};
    egret_value span = nfa_eval(&env, for_time);
    return span.type == EGRET_DURATION ? seq_add(p->last_ms, span.u.i) : INT64_MAX;
}

static int64_t whole_until(const seq_step *step, const seq_place *p)
{
    return seq_add(seq_log(&step->section, step->layout, p->word[SEQ_START])->time_ms, seq_span(step, step->pattern->within_ms));
}

bool seq_follows_directly(const seq_step *step, const seq_place *p)
{
    return step->seen == seq_log(&step->section, step->layout, p->last)->seen + 1;
}

/* Is the event at hand what the absence forbids, where it forbids it? */
static bool breaks(const seq_step *step, const seq_place *p, const plan_not *absence)
{
    if (!seq_atoms_hold(step, absence->atoms, absence->n_atoms, &p->run)) {
        return false;
    }
    switch (absence->kind) {
    case PLAN_NOT_NEXT: return seq_follows_directly(step, p);
    case PLAN_NOT_FOR: return step->now_ms <= lasts_until(step, p, absence->for_time);
    case PLAN_NOT_TO_END: return step->now_ms <= whole_until(step, p);
    case PLAN_NOT_ALONG: break;
    }
    return true;
}

static bool some_breaks(const seq_step *step, const seq_place *p, const plan_not *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (breaks(step, p, &list[i])) {
            return true;
        }
    }
    return false;
}

static bool end_breaks(const seq_step *step, const seq_place *p)
{
    const plan_pattern *pattern = step->pattern;
    const plan_not own = {.kind = pattern->absence == PLAN_ABSENCE_FOR ? PLAN_NOT_FOR : PLAN_NOT_TO_END, .atoms = pattern->absence_atoms,
                          .n_atoms = pattern->n_absence_atoms, .for_time = pattern->absence_for};
    return pattern->absence != PLAN_ABSENCE_NONE
        && (breaks(step, p, &own) || some_breaks(step, p, pattern->more_absences, pattern->n_more_absences));
}

/* The gaps that the event at hand bars. */
static uint32_t broken_gaps(const seq_step *step, const seq_place *p)
{
    const plan_pattern *pattern = step->pattern;
    uint32_t bits = 0;
    for (uint32_t i = p->item + 1; i < pattern->n_items; i++) {
        const plan_item *item = &pattern->items[i];
        bool broken = (item->n_nots > 0 && seq_atoms_hold(step, item->nots, item->n_nots, &p->run))
            || some_breaks(step, p, item->timed, item->n_timed);
        bits |= (uint32_t)broken << i;
        if (item->min > 0) {
            return bits;
        }
    }
    return bits | (seq_is_ready(step, p) && end_breaks(step, p) ? END_BIT : 0u);
}

/* Bits of the gaps on the way from the place to an item, or (n_items) to the end. */
static uint32_t gaps_to(const seq_step *step, const seq_place *p, uint32_t target)
{
    uint32_t last = target < step->pattern->n_items ? target : step->pattern->n_items - 1;
    uint32_t up_to_last = (UINT32_C(2) << last) - 1;
    uint32_t up_to_place = (UINT32_C(2) << p->item) - 1;
    return (up_to_last & ~up_to_place) | (target < step->pattern->n_items ? 0u : END_BIT);
}

static bool is_poisoned(const seq_step *step, const seq_place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    return !step->layout->scan_all && p->open && at->loop && step->before[at->cum].poisoned != 0;
}

bool seq_is_barred(const seq_step *step, const seq_place *p, uint32_t target)
{
    uint16_t word = step->layout->barred_word;
    return word != 0 ? (p->word[word] & gaps_to(step, p, target)) != 0 : is_poisoned(step, p);
}

bool seq_may_cross(const seq_step *step, const seq_place *p, uint32_t target)
{
    for (uint32_t i = p->item + 1; i <= target; i++) {
        const plan_item *item = &step->pattern->items[i];
        for (uint32_t k = 0; k < item->n_timed; k++) {
            const plan_not *absence = &item->timed[k];
            bool lasts = absence->kind == PLAN_NOT_FOR && step->now_ms <= lasts_until(step, p, absence->for_time);
            if (lasts || (absence->kind == PLAN_NOT_NEXT && breaks(step, p, absence))) {
                return false;
            }
        }
    }
    return true;
}

seq_action seq_bar(seq_step *step, seq_place *p)
{
    const seq_item *at = &step->layout->item[p->item];
    uint32_t bits = broken_gaps(step, p);
    if (bits == 0) {
        return SEQ_STAY;
    }
    if (step->layout->barred_word == 0) {
        if (!p->open || !at->loop || p->closes) {
            return SEQ_GONE;
        }
        ((seq_root *)nfa_section_root(&step->section))->cum[at->cum].poisoned = 1;
        step->before[at->cum].poisoned = 1;
        return SEQ_STAY;
    }
    p->word[step->layout->barred_word] |= bits;
    if (seq_is_barred(step, p, step->pattern->n_items)) {
        int64_t never = NFA_NEVER;
        memcpy(p->word + SEQ_DEADLINE, &never, sizeof never);
    }
    return SEQ_KEEP;
}

bool seq_waits_for_silence(const seq_step *step, const seq_place *p)
{
    return step->pattern->absence != PLAN_ABSENCE_NONE && step->layout->item[p->item].final && seq_is_ready(step, p)
        && !seq_is_barred(step, p, step->pattern->n_items);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t last_of(const seq_step *step, const seq_place *p, const plan_not *list, uint32_t n, int64_t until)
{
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].kind == PLAN_NOT_FOR) {
            until = later(until, lasts_until(step, p, list[i].for_time));
        } else if (list[i].kind == PLAN_NOT_TO_END) {
            until = later(until, whole_until(step, p));
        }
    }
    return until;
}

int64_t seq_silence_until(const seq_step *step, const seq_place *p)
{
    const plan_pattern *pattern = step->pattern;
    int64_t until = pattern->absence == PLAN_ABSENCE_FOR ? lasts_until(step, p, pattern->absence_for) : whole_until(step, p);
    until = last_of(step, p, pattern->more_absences, pattern->n_more_absences, until);
    for (uint32_t i = p->item + 1; i < pattern->n_items; i++) {
        until = last_of(step, p, pattern->items[i].timed, pattern->items[i].n_timed, until);
    }
    return until;
}
