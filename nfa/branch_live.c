/*
 * branch_live.c: what an event means for an attempt that did not take it, and whether the attempt can still take one.
 *
 * Most bounds are asked when a step would take an event; nothing has to be done while time goes by. Two things cannot wait: whether a
 * forbidden event came between two others must be seen when it comes, and an attempt that has no way on is dropped, since it would only take room.
 */
#include "nfa/branch.h"

#include <string.h>

enum { CAN_TAKE = 1, CAN_LEAVE = 2 };

static uint32_t get(const branch_step *step, uint32_t part, uint32_t word)
{
    return step->rec[step->layout->part[part].word + word];
}

static const seq_event *event_at(const branch_step *step, uint32_t ord)
{
    return seq_log(&step->seq.section, &step->layout->seq, ord);
}

int64_t branch_deadline(const uint32_t *record)
{
    int64_t deadline;
    memcpy(&deadline, record + BRANCH_DEADLINE, sizeof deadline);
    return deadline;
}

void branch_put_deadline(branch_step *step, int64_t deadline_ms)
{
    uint32_t words[2];
    memcpy(words, &deadline_ms, sizeof words);
    branch_put(step, BRANCH_DEADLINE, words[0]);
    branch_put(step, BRANCH_DEADLINE + 1, words[1]);
}

/* ---- forbidden events ---- */

/* Asks with the running rounds of a part given up: they may be, and then the event stood in the gap. */
static bool is_barred(branch_step *step, uint32_t part, uint32_t first, uint32_t n)
{
    uint32_t mark = step->n_undo;
    branch_trim(step, part);
    bool holds = branch_holds(step, first, n);
    branch_undo_to(step, mark);
    return holds;
}

static void bar(branch_step *step, uint32_t part, uint32_t value)
{
    branch_put(step, step->layout->part[part].word + BRANCH_KEPT, value);
}

/* A part that comes next: an `and` in front of it may have begun to forbid. */
static void mark_next(branch_step *step, uint32_t part, uint32_t last)
{
    const plan_part *p = &step->parts[part];
    if (p->kind == PLAN_PART_SOME && p->n_during > 0 && branch_holds(step, p->during, p->n_during)) {
        bar(step, part, last);
    }
    if (p->kind == PLAN_PART_STEP || p->kind == PLAN_PART_SILENCE) {
        return;
    }
    for (uint32_t i = part + 1; i < p->end; i = step->parts[i].end) {
        mark_next(step, i, last);
        if (p->kind == PLAN_PART_SEQ && !step->parts[i].nullable) {
            return;
        }
    }
}

/* The gap behind the part of a SEQ where it stands. */
static void mark_gap(branch_step *step, uint32_t seq, uint32_t at)
{
    if (!branch_accepts(step, at)) {
        return;
    }
    for (uint32_t next = step->parts[at].end; next < step->parts[seq].end; next = step->parts[next].end) {
        const plan_part *p = &step->parts[next];
        uint32_t last = branch_before(step, next);
        if (last != step->seq.ord && p->n_nots > 0 && is_barred(step, at, p->nots, p->n_nots)) {
            bar(step, seq, last);
        }
        if (last != step->seq.ord) {
            mark_next(step, next, last);
        }
        if (!p->nullable) {
            return;
        }
    }
}

/* An `and` that is not complete. */
static void mark_some(branch_step *step, uint32_t some)
{
    const plan_part *p = &step->parts[some];
    bool took = branch_newest(step, some, some) == step->seq.ord;
    if (p->n_during > 0 && !took && !branch_accepts(step, some) && branch_holds(step, p->during, p->n_during)) {
        bar(step, some, BRANCH_BARRED);
    }
}

static void mark_gaps(branch_step *step, uint32_t part)
{
    const plan_part *p = &step->parts[part];
    if (!branch_begun(step, part)) {
        return;
    }
    switch ((plan_part_kind)p->kind) {
    case PLAN_PART_STEP: case PLAN_PART_SILENCE: break;
    case PLAN_PART_SEQ:
        mark_gaps(step, get(step, part, BRANCH_STATE));
        mark_gap(step, part, get(step, part, BRANCH_STATE));
        break;
    case PLAN_PART_LOOP: mark_gaps(step, part + 1); break;
    case PLAN_PART_SOME: case PLAN_PART_OR:
        for (uint32_t i = part + 1; i < p->end; i = step->parts[i].end) {
            if (branch_begun(step, i)) {
                mark_gaps(step, i);
            } else if (!branch_accepts(step, part)) {
                mark_next(step, i, branch_before(step, i));
            }
        }
        if (p->kind == PLAN_PART_SOME) {
            mark_some(step, part);
        }
        break;
    }
}

/* The silence at the end: broken, unless a loop may take more and begin it anew. */
static bool break_silence(branch_step *step)
{
    const plan_pattern *pattern = step->seq.pattern;
    if (pattern->absence == PLAN_ABSENCE_NONE || branch_deadline(step->rec) == NFA_NEVER || branch_last(step, 0) == step->seq.ord
        || !is_barred(step, 0, pattern->absence_atoms, pattern->n_absence_atoms)) {
        return false;
    }
    branch_put_deadline(step, NFA_NEVER);
    return true;
}

/* ---- ways on ---- */

static unsigned ways_in(const branch_step *step, uint32_t part);

/* A part that comes next and has not begun. */
static unsigned ways_into(const branch_step *step, uint32_t part)
{
    const plan_part *p = &step->parts[part];
    unsigned leave = p->nullable ? CAN_LEAVE : 0;
    uint32_t before = branch_before(step, part);
    if (before == NFA_NONE) {
        return leave | CAN_TAKE;
    }
    const seq_event *last = event_at(step, before);
    bool late = step->seq.now_ms > seq_add(last->time_ms, p->link_within_ms);
    bool gap = p->link == PLAN_NEXT && last->seen != step->seq.seen;
    bool barred = branch_is_barred(step, part) || (p->n_nots > 0 && get(step, p->parent, BRANCH_KEPT) == before);
    return late || gap || barred ? leave : leave | CAN_TAKE;
}

/* What the running rounds hold may be given up, so bounds count from what is left then: they may seem to end later than they do. */
static unsigned ways_in_seq(const branch_step *step, uint32_t seq)
{
    const plan_part *p = &step->parts[seq];
    uint32_t at = get(step, seq, BRANCH_STATE);
    uint32_t last = branch_last(step, seq);
    bool late = last != NFA_NONE && step->seq.now_ms > seq_add(event_at(step, last)->time_ms, p->within_ms);
    unsigned ways = ways_in(step, at);
    unsigned take = ways & CAN_TAKE;
    for (at = step->parts[at].end; (ways & CAN_LEAVE) != 0 && at < p->end; at = step->parts[at].end) {
        ways = ways_into(step, at);
        take |= ways & CAN_TAKE;
    }
    return (late ? 0 : take) | (ways & CAN_LEAVE);
}

static unsigned ways_in_loop(const branch_step *step, uint32_t loop)
{
    const plan_part *p = &step->parts[loop];
    bool gap = p->strict && branch_last(step, loop) != NFA_NONE && event_at(step, branch_newest(step, loop, loop))->seen != step->seq.seen;
    bool whole = branch_round_complete(step, loop);
    bool again = whole && get(step, loop, BRANCH_STATE) < p->max;
    unsigned take = again || (branch_begun(step, loop + 1) && (ways_in(step, loop + 1) & CAN_TAKE) != 0) ? CAN_TAKE : 0;
    return (gap ? 0 : take) | (branch_accepts(step, loop) ? CAN_LEAVE : 0);
}

static unsigned ways_in_some(const branch_step *step, uint32_t some)
{
    const plan_part *p = &step->parts[some];
    uint32_t good = 0;
    unsigned take = 0;
    bool whole = branch_accepts(step, some);
    if (!whole && get(step, some, BRANCH_KEPT) == BRANCH_BARRED) {
        return 0;
    }
    for (uint32_t i = some + 1; i < p->end; i = step->parts[i].end) {
        unsigned ways = branch_begun(step, i) ? ways_in(step, i) : whole ? 0 : CAN_TAKE;
        good += ways != 0;
        take |= ways & CAN_TAKE;
    }
    return good < p->min ? 0 : take | (whole ? CAN_LEAVE : 0);
}

static unsigned ways_in(const branch_step *step, uint32_t part)
{
    const plan_part *p = &step->parts[part];
    unsigned take = 0;
    if (!branch_begun(step, part)) {
        return p->nullable ? CAN_LEAVE : 0;
    }
    switch ((plan_part_kind)p->kind) {
    case PLAN_PART_STEP: case PLAN_PART_SILENCE: return CAN_LEAVE;
    case PLAN_PART_SEQ: return ways_in_seq(step, part);
    case PLAN_PART_LOOP: return ways_in_loop(step, part);
    case PLAN_PART_SOME: return ways_in_some(step, part);
    case PLAN_PART_OR: break;
    }
    uint32_t won = get(step, part, BRANCH_STATE);
    if (won != NFA_NONE) {
        return ways_in(step, won);
    }
    bool first = branch_first(step, part) == step->rec[BRANCH_START];
    for (uint32_t i = part + 1; i < p->end; i = step->parts[i].end) {
        take |= branch_begun(step, i) ? ways_in(step, i) & CAN_TAKE : first ? 0 : CAN_TAKE;
    }
    return take;
}

bool branch_can_take(branch_step *step)
{
    const seq_event *first = event_at(step, step->rec[BRANCH_START]);
    bool late = step->seq.now_ms > seq_add(first->time_ms, step->seq.pattern->within_ms);
    return !late && (ways_in(step, 0) & CAN_TAKE) != 0;
}

bool branch_pass(branch_step *step)
{
    bool broken = false;
    if (step->seq.event != NULL) {
        mark_gaps(step, 0);
        broken = break_silence(step);
    }
    bool waits = !broken && branch_deadline(step->rec) != NFA_NEVER;
    return waits || branch_can_take(step);
}
