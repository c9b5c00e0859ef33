/*
 * branch_walk.c: which step takes the event: a walk over the parts of an attempt, in the order of preference.
 *
 * Three functions call each other. take_in: a part that has begun offers its ways to take the event. enter: a part offers its ways to take it
 * as its first. after: the part is complete, what stands behind it offers its ways. What a part may leave out or repeat decides the order:
 * going on comes before taking more, but where it is `greedy`. Each gives true when a step has taken the event; false leaves the record as it was.
 *
 * `any` makes attempts of attempts: a step that `then any` leads to takes the event in a copy, and the walk goes on as if it had not fitted. In an
 * `any` loop taking and leaving both go into copies, and the attempt itself goes on without the event.
 *
 * The alternatives of an `or` that is not decided live beside each other: all of them meet the event, and count as one step.
 */
#include "nfa/branch.h"

enum { BEFORE_EXIT, BEHIND_EXIT };

typedef struct walk {
    branch_step *step;
    bool muted;             /* ways are walked, but no step is tried */
    uint32_t alternatives;  /* how many undecided `or` we are inside of */
    /* For each SOME that is complete, which turn it is: its operands offer what stands before the way out, then comes the way out, then what
     * stands behind it. */
    uint8_t turn[PLAN_MAX_PARTS];
    bool outside[PLAN_MAX_PARTS];   /* was the walk muted when it came by the way out? */
} walk;

static bool enter(walk *w, uint32_t part);
static bool take_in(walk *w, uint32_t part);
static bool after(walk *w, uint32_t part);

static uint32_t state_of(const walk *w, uint32_t part)
{
    return w->step->rec[w->step->layout->part[part].word + BRANCH_STATE];
}

static uint32_t kept_of(const walk *w, uint32_t part)
{
    return w->step->rec[w->step->layout->part[part].word + BRANCH_KEPT];
}

/* ---- may it stand here? ---- */

static const seq_event *event_at(const walk *w, uint32_t ord)
{
    return seq_log(&w->step->seq.section, &w->step->layout->seq, ord);
}

static bool is_adjacent(const walk *w, uint32_t ord)
{
    return event_at(w, ord)->seen + 1 == w->step->seq.seen;
}

/* The link that leads to a part of a SEQ that has not begun. *every: it is a `then any`, from some event. */
static bool link_allows(const walk *w, uint32_t part, bool *every)
{
    const plan_part *p = &w->step->parts[part];
    uint32_t before = branch_before(w->step, part);
    if (before == NFA_NONE) {
        return true;
    }
    if (p->link == PLAN_NEXT && !is_adjacent(w, before)) {
        return false;
    }
    if (w->step->seq.now_ms > seq_add(event_at(w, before)->time_ms, p->link_within_ms)) {
        return false;
    }
    *every = *every || p->every;
    return p->n_nots == 0 || kept_of(w, p->parent) != before;
}

/* Bounds of what stands around a part that would take the event; of alternatives, those of the part's own. */
static bool around_allows(const walk *w, uint32_t part, uint32_t around)
{
    const branch_step *step = w->step;
    const plan_part *p = &step->parts[around];
    if (!branch_begun(step, around)) {
        return true;
    }
    if (p->kind == PLAN_PART_SEQ && p->within_ms != PLAN_FOREVER) {
        uint32_t oldest = branch_oldest(step, part, around);
        return oldest == NFA_NONE || step->seq.now_ms <= seq_add(event_at(w, oldest)->time_ms, p->within_ms);
    }
    if (p->kind == PLAN_PART_SOME) {
        return kept_of(w, around) != BRANCH_BARRED;
    }
    uint32_t newest = p->kind == PLAN_PART_LOOP && p->strict ? branch_newest(step, part, around) : NFA_NONE;
    return newest == NFA_NONE || is_adjacent(w, newest);
}

/* May the part take the event here? *every: `then any` leads here. */
static bool is_open(const walk *w, uint32_t part, bool *every)
{
    const branch_step *step = w->step;
    bool fresh = true;
    for (uint32_t at = part, p = step->parts[at].parent; p != PLAN_NONE; at = p, p = step->parts[p].parent) {
        fresh = fresh && !branch_begun(step, at);
        if (fresh && branch_is_barred(step, at)) {
            return false;
        }
        if (fresh && step->parts[p].kind == PLAN_PART_SEQ && at != p + 1 && !link_allows(w, at, every)) {
            return false;
        }
        if (!around_allows(w, part, p)) {
            return false;
        }
    }
    return true;
}

/* ---- steps ---- */

/* What has been tried becomes an attempt of its own; the attempt at hand goes on as it was. */
static void branch_off(walk *w, uint32_t mark)
{
    w->step->n_forks++;
    branch_settle(w->step);
    branch_undo_to(w->step, mark);
}

/* The part has taken the event. every: in a copy, and the walk goes on. */
static bool taken(walk *w, uint32_t part, bool every, uint32_t mark)
{
    branch_took(w->step, part, true);
    if (!every || w->alternatives > 0) {
        return true;
    }
    branch_off(w, mark);
    return false;
}

static bool try_step(walk *w, uint32_t part)
{
    branch_step *step = w->step;
    const plan_item *item = &step->seq.pattern->items[step->parts[part].item];
    bool every = false;
    if (w->muted || (step->seq.mask & step->layout->part[part].mask) == 0 || !is_open(w, part, &every)
        || !branch_holds(step, item->atoms, item->n_atoms)) {
        return false;
    }
    uint32_t mark = step->n_undo;
    return !branch_bind(step, part) || taken(w, part, every, mark);
}

/* ---- or ---- */

/* The first alternative that is complete wins; the others are given up. */
static bool decide(walk *w, uint32_t or)
{
    branch_step *step = w->step;
    uint32_t end = step->parts[or].end;
    uint32_t won = or + 1;
    while (won < end && !(branch_begun(step, won) && branch_accepts(step, won))) {
        won = step->parts[won].end;
    }
    if (won == end) {
        return false;
    }
    branch_put(step, step->layout->part[or].word + BRANCH_STATE, won);
    for (uint32_t i = or + 1; i < end; i = step->parts[i].end) {
        if (i != won) {
            branch_discard(step, i);
        }
    }
    return true;
}

/* All alternatives meet the event. One that began the attempt is joined by none that comes later. */
static bool meet_alternatives(walk *w, uint32_t or)
{
    branch_step *step = w->step;
    bool every = false;
    bool begun = branch_begun(step, or);
    if (w->muted || (!begun && !is_open(w, or, &every))) {
        return false;       /* once it has begun, each alternative has bounds of its own */
    }
    uint32_t mark = step->n_undo;
    bool first = begun && branch_first(step, or) == step->rec[BRANCH_START];
    bool some = false;
    w->alternatives++;
    for (uint32_t i = or + 1; i < step->parts[or].end; i = step->parts[i].end) {
        bool running = branch_begun(step, i);
        bool took = running ? take_in(w, i) : !first && enter(w, i);
        some = took || some;
    }
    w->alternatives--;
    if (!some) {
        return false;
    }
    if (!begun) {
        branch_put(step, step->layout->part[or].word + BRANCH_FIRST, step->seq.ord);
    }
    bool decided = decide(w, or);
    branch_took(step, or, decided);
    if (!every || w->alternatives > 0) {
        return true;
    }
    branch_off(w, mark);
    return false;
}

/* ---- some ---- */

static bool offer(walk *w, uint32_t some, uint8_t turn, bool muted)
{
    const branch_step *step = w->step;
    bool took = false;
    for (uint32_t i = some + 1; !took && i < step->parts[some].end; i = step->parts[i].end) {
        w->muted = muted;
        w->turn[some] = turn;
        took = branch_begun(step, i) && take_in(w, i);
    }
    return took;
}

static bool take_in_some(walk *w, uint32_t some)
{
    const branch_step *step = w->step;
    bool took = false;
    if (!branch_accepts(step, some)) {
        for (uint32_t i = some + 1; !took && i < step->parts[some].end; i = step->parts[i].end) {
            took = branch_begun(step, i) ? take_in(w, i) : enter(w, i);
        }
        return took;
    }
    bool muted = w->muted;
    if (offer(w, some, BEFORE_EXIT, muted)) {
        return true;
    }
    w->muted = muted;
    if (after(w, some)) {
        return true;
    }
    w->outside[some] = w->muted;
    took = offer(w, some, BEHIND_EXIT, true);
    w->muted = w->outside[some];
    return took;
}

/* An operand is complete: the way out of all of them is here. */
static bool after_operand(walk *w, uint32_t some)
{
    if (branch_accepts(w->step, some)) {
        w->muted = w->turn[some] == BEFORE_EXIT || w->outside[some];
    }
    return false;
}

/* ---- loops ---- */

static bool leave(walk *w, uint32_t loop)
{
    uint32_t mark = w->step->n_undo;
    branch_trim(w->step, loop);
    bool took = state_of(w, loop) >= w->step->parts[loop].min && after(w, loop);
    if (!took) {
        branch_undo_to(w->step, mark);
    }
    return took;
}

static bool go_round(walk *w, uint32_t loop)
{
    if (state_of(w, loop) >= w->step->parts[loop].max) {
        return false;
    }
    uint32_t mark = w->step->n_undo;
    branch_trim(w->step, loop);
    branch_clear(w->step, loop + 1);
    bool took = enter(w, loop + 1);
    if (!took) {
        branch_undo_to(w->step, mark);
    }
    return took;
}

/* Where another round may begin with the event, beginning it, leaving and doing neither are all tried. */
static bool branch_loop(walk *w, uint32_t loop)
{
    branch_step *step = w->step;
    uint32_t mark = step->n_undo;
    uint32_t forks = step->n_forks;
    bool round = go_round(w, loop);
    if (round) {
        branch_off(w, mark);
    }
    if (forks == step->n_forks) {
        return leave(w, loop);
    }
    if (leave(w, loop)) {
        branch_off(w, mark);
    }
    return false;
}

static bool after_round(walk *w, uint32_t loop)
{
    const plan_part *p = &w->step->parts[loop];
    if (p->any && !w->muted) {
        return branch_loop(w, loop);
    }
    return p->greedy ? go_round(w, loop) || leave(w, loop) : leave(w, loop) || go_round(w, loop);
}

static bool take_in_loop(walk *w, uint32_t loop)
{
    branch_step *step = w->step;
    if (take_in(w, loop + 1)) {
        return true;
    }
    bool may_leave = state_of(w, loop) >= step->parts[loop].min && branch_first(step, loop + 1) != step->rec[BRANCH_START];
    if (branch_round_complete(step, loop) || step->parts[loop].any || !may_leave) {
        return false;
    }
    /* The running round is given up for what stands behind the loop, but not when it holds what began the attempt. */
    uint32_t mark = step->n_undo;
    branch_discard(step, loop + 1);
    bool took = branch_first(step, 0) == step->rec[BRANCH_START] && after(w, loop);
    if (!took) {
        branch_undo_to(step, mark);
    }
    return took;
}

/* ---- the three ---- */

static bool enter(walk *w, uint32_t part)
{
    const plan_part *p = &w->step->parts[part];
    bool took = false;
    switch ((plan_part_kind)p->kind) {
    case PLAN_PART_STEP: return try_step(w, part);
    case PLAN_PART_SILENCE: return false;
    case PLAN_PART_SEQ: return enter(w, part + 1);
    case PLAN_PART_OR: return meet_alternatives(w, part);
    case PLAN_PART_LOOP:
        if (p->min > 0) {
            return enter(w, part + 1);
        }
        return p->greedy ? enter(w, part + 1) || after(w, part) : after(w, part) || enter(w, part + 1);
    case PLAN_PART_SOME: break;
    }
    for (uint32_t i = part + 1; !took && i < p->end; i = w->step->parts[i].end) {
        took = enter(w, i);
    }
    return took;
}

static bool take_in(walk *w, uint32_t part)
{
    switch ((plan_part_kind)w->step->parts[part].kind) {
    case PLAN_PART_STEP: return after(w, part);
    case PLAN_PART_SILENCE: return false;
    case PLAN_PART_SEQ: return take_in(w, state_of(w, part));
    case PLAN_PART_LOOP: return take_in_loop(w, part);
    case PLAN_PART_OR: return state_of(w, part) == NFA_NONE ? meet_alternatives(w, part) : take_in(w, state_of(w, part));
    case PLAN_PART_SOME: break;
    }
    return take_in_some(w, part);
}

static bool after_in_seq(walk *w, uint32_t seq, uint32_t part)
{
    uint32_t mark = w->step->n_undo;
    uint32_t next = w->step->parts[part].end;
    branch_trim(w->step, part);
    bool took = next < w->step->parts[seq].end ? enter(w, next) : after(w, seq);
    if (!took) {
        branch_undo_to(w->step, mark);
    }
    return took;
}

static bool after(walk *w, uint32_t part)
{
    uint32_t p = w->step->parts[part].parent;
    if (p == PLAN_NONE) {
        return false;
    }
    switch ((plan_part_kind)w->step->parts[p].kind) {
    case PLAN_PART_SEQ: return after_in_seq(w, p, part);
    case PLAN_PART_LOOP: return after_round(w, p);
    case PLAN_PART_OR: return state_of(w, p) != NFA_NONE && after(w, p);
    case PLAN_PART_SOME: return after_operand(w, p);
    case PLAN_PART_STEP: case PLAN_PART_SILENCE: break;
    }
    return false;
}

bool branch_walk(branch_step *step, bool begins)
{
    walk w = {.step = step};
    step->n_undo = step->n_forks = 0;
    step->complete = false;
    return begins ? enter(&w, 0) : take_in(&w, 0);
}
