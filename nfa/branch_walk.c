/*
 * branch_walk.c: which step takes the event: a walk over the parts of an attempt, in the order of preference. What an event bars, and what is
 * still to come, is asked on the same walk, where nothing takes anything and so all ways are walked (branch_mode).
 *
 * Three functions call each other. take_in: a part that has begun offers its ways to take the event. enter: a part offers its ways to take it
 * as its first. after: the part is complete, what stands behind it offers its ways. What a part may leave out or repeat decides the order:
 * going on comes before taking more, but where it is `greedy`. Each gives true when a step has taken the event; false leaves the record as it was.
 *
 * `any` makes attempts of attempts: a step that `then any` leads to takes the event in a copy, and the walk goes on as if it had not fitted. In an
 * `any` loop taking and leaving both go into copies, and the attempt itself goes on without the event.
 *
 * The alternatives of an `or` that is not decided live beside each other: all of them meet the event, and count as one step. What `any` makes in one
 * of them meets the event in those that follow as well: each way through them all is an attempt.
 */
#include "nfa/branch.h"

enum { BEFORE_EXIT, BEHIND_EXIT };

/* An `or` that is not decided, while its alternatives meet the event one after the other. */
typedef struct or_frame {
    uint32_t or, next;      /* the alternative whose turn is next */
    bool begun;             /* before the event */
    bool first;             /* with the event that began the attempt */
    const struct or_frame *outer;
} or_frame;

typedef struct walk {
    branch_step *step;
    bool muted;             /* ways are walked, but no step is tried */
    const or_frame *frame;  /* the innermost `or` that is not decided; NULL: we are in none */
    uint32_t loop_forks;    /* how often an `any` loop could go on */
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

/* Nothing is taken on this walk: all ways are looked at. */
static bool only_looks(const walk *w)
{
    return w->step->mode == BRANCH_BAR || w->step->mode == BRANCH_LOOK;
}

/* ---- may it stand here? ---- */

static const seq_event *event_at(const walk *w, uint32_t ord)
{
    return seq_log(&w->step->seq.section, &w->step->layout->seq, ord);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The same of what stands around a part that would take the event; of alternatives, those of the part's own. */
static int64_t around_until(const walk *w, uint32_t part, uint32_t around)
{
    const branch_step *step = w->step;
    const plan_part *p = &step->parts[around];
    if (!branch_begun(step, around)) {
        return INT64_MAX;
    }
    if (p->kind == PLAN_PART_SEQ && p->within_ms != PLAN_FOREVER) {
        uint32_t oldest = branch_oldest(step, part, around);
        return oldest == NFA_NONE ? INT64_MAX : seq_add(event_at(w, oldest)->time_ms, seq_span(&step->seq, p->within_ms));
    }
    uint32_t newest = p->kind == PLAN_PART_LOOP && p->strict ? branch_newest(step, part, around) : NFA_NONE;
    return newest != NFA_NONE && branch_has_gap(step, newest) ? INT64_MIN : INT64_MAX;
}

/* The last instant at which the part may take an event here. *every: `then any` leads here. */
static int64_t open_until(const walk *w, uint32_t part, bool *every)
{
    const branch_step *step = w->step;
    /* What leads to an undecided `or` as a whole branches all its alternatives together. */
    int64_t until = branch_links_until(step, part, w->frame == NULL ? PLAN_NONE : w->frame->or, every);
    for (uint32_t p = step->parts[part].parent; p != PLAN_NONE && until != INT64_MIN; p = step->parts[p].parent) {
        until = earlier(until, around_until(w, part, p));
    }
    return until;
}

static bool is_open(const walk *w, uint32_t part, bool *every)
{
    return w->step->seq.now_ms <= open_until(w, part, every);
}

/* LOOK: until when the step could take an event. One that a silence before it keeps out of reach runs out at its bound like any other. */
static void look_at_step(const walk *w, uint32_t part)
{
    branch_step *step = w->step;
    bool every = false;
    int64_t whole = seq_add(event_at(w, step->rec[BRANCH_START])->time_ms, seq_span(&step->seq, step->seq.pattern->within_ms));
    int64_t until = earlier(whole, open_until(w, part, &every));
    if (until > step->look.expiry_ms) {
        step->look.expiry_ms = until;
    }
}

/* ---- steps ---- */

static bool meet_from(walk *w, or_frame *frame, bool some);
static void finish_or(walk *w, const or_frame *frame);

/* What has been tried becomes an attempt of its own; alternatives whose turn has not come meet the event first. */
static void settle(walk *w)
{
    if (w->frame == NULL) {
        branch_settle(w->step);
        return;
    }
    walk inner = *w;
    or_frame frame = *w->frame;
    (void)meet_from(&inner, &frame, true);
    inner.frame = frame.outer;
    finish_or(&inner, &frame);
    settle(&inner);
}

/* The attempt at hand then goes on as it was. */
static void branch_off(walk *w, uint32_t mark)
{
    w->step->n_forks++;
    settle(w);
    branch_undo_to(w->step, mark);
}

/* The part has taken the event. every: in a copy, and the walk goes on. */
static bool taken(walk *w, uint32_t part, bool every, uint32_t mark)
{
    branch_took(w->step, part, true);
    if (!every) {
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
    if (step->mode == BRANCH_LOOK) {
        look_at_step(w, part);
    }
    if (w->muted || step->mode != BRANCH_TAKE || (step->seq.mask & step->layout->part[part].mask) == 0 || !is_open(w, part, &every)
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

/* Those from frame->next on meet the event. One that began the attempt is joined by none that comes later. */
static bool meet_from(walk *w, or_frame *frame, bool some)
{
    branch_step *step = w->step;
    const or_frame *outer = w->frame;
    w->frame = frame;
    for (uint32_t i = frame->next; i < step->parts[frame->or].end; i = frame->next) {
        frame->next = step->parts[i].end;
        bool took = branch_begun(step, i) ? take_in(w, i) : !frame->first && enter(w, i);
        some = took || some;
    }
    w->frame = outer;
    return some;
}

static void finish_or(walk *w, const or_frame *frame)
{
    branch_step *step = w->step;
    if (!frame->begun) {
        branch_put(step, step->layout->part[frame->or].word + BRANCH_FIRST, step->seq.ord);
    }
    bool decided = decide(w, frame->or);
    branch_took(step, frame->or, decided);
}

static bool meet_alternatives(walk *w, uint32_t or)
{
    branch_step *step = w->step;
    bool every = false;
    bool begun = branch_begun(step, or);
    if (!only_looks(w) && (w->muted || (!begun && step->mode == BRANCH_TAKE && !is_open(w, or, &every)))) {
        return false;       /* once it has begun, each alternative has bounds of its own */
    }
    uint32_t mark = step->n_undo;
    or_frame frame = {.or = or, .next = or + 1, .begun = begun, .first = begun && branch_first(step, or) == step->rec[BRANCH_START],
                      .outer = w->frame};
    if (!meet_from(w, &frame, false)) {
        return false;
    }
    finish_or(w, &frame);
    if (!every) {
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

typedef struct ranking { int64_t until[PLAN_MAX_ITEMS]; uint32_t n; } ranking;      /* the latest first */

static void rank(ranking *r, int64_t until)
{
    uint32_t at = r->n++;
    for (; at > 0 && r->until[at - 1] < until; at--) {
        r->until[at] = r->until[at - 1];
    }
    r->until[at] = until;
}

/* What one operand may still do. */
static branch_outlook look_at_operand(walk *w, uint32_t part)
{
    branch_step *step = w->step;
    step->look = (branch_outlook){.expiry_ms = INT64_MIN, .silence_ms = NFA_NEVER, .end_ms = NFA_NEVER};
    (void)(branch_begun(step, part) ? take_in(w, part) : enter(w, part));
    return step->look;
}

/* LOOK: it can be completed as long as enough of its operands can; beyond that no step of it need take anything. */
static void look_at_operands(walk *w, uint32_t some)
{
    branch_step *step = w->step;
    branch_outlook all = step->look;
    branch_outlook own = {.expiry_ms = INT64_MIN, .silence_ms = NFA_NEVER};
    ranking r = {.n = 0};
    uint32_t n_later = 0;       /* those that wait for the first event of the others */
    for (uint32_t i = some + 1; i < step->parts[some].end; i = step->parts[i].end) {
        branch_outlook one = look_at_operand(w, i);
        bool unbegun = step->parts[i].kind == PLAN_PART_SILENCE && branch_silence_since(step, i) == NFA_NONE;
        bool later = one.expiry_ms == INT64_MIN && (unbegun || (one.later && !branch_begun(step, some)));
        own.expiry_ms = own.expiry_ms > one.expiry_ms ? own.expiry_ms : one.expiry_ms;
        own.silence_ms = earlier(own.silence_ms, one.silence_ms);
        own.waits = own.waits || one.waits;
        own.later = own.later || one.later;
        n_later += later;
        if (!later) {
            rank(&r, branch_begun(step, i) && branch_accepts(step, i) ? INT64_MAX : one.expiry_ms);
        }
    }
    for (; n_later > 0; n_later--) {
        rank(&r, own.expiry_ms);
    }
    step->look = all;
    step->look.later = all.later || own.later;
    step->look.silence_ms = earlier(all.silence_ms, own.silence_ms);
    int64_t enough = r.until[step->parts[some].min - 1];
    if (enough == INT64_MIN) {
        return;     /* but like any event, the end of a silence may lead there */
    }
    int64_t expiry = earlier(own.expiry_ms, enough);
    step->look.expiry_ms = expiry > all.expiry_ms ? expiry : all.expiry_ms;
    step->look.waits = all.waits || (own.waits && enough == INT64_MAX);
}

/* It is not complete: the operands in turn. */
static bool meet_operands(walk *w, uint32_t some)
{
    branch_step *step = w->step;
    bool took = false;
    if (branch_is_barred(step, some)) {
        return false;
    }
    if (step->mode == BRANCH_LOOK) {
        look_at_operands(w, some);
        return false;
    }
    for (uint32_t i = some + 1; !took && i < step->parts[some].end; i = step->parts[i].end) {
        took = branch_begun(step, i) ? take_in(w, i) : enter(w, i);
    }
    return took;
}

static bool take_in_some(walk *w, uint32_t some)
{
    bool took = false;
    if (!branch_accepts(w->step, some)) {
        return meet_operands(w, some);
    }
    bool muted = w->muted;
    uint32_t mark = w->step->n_undo;
    uint32_t forks = w->loop_forks;
    if (offer(w, some, BEFORE_EXIT, muted)) {
        return true;
    }
    bool may_go_on = forks != w->loop_forks;    /* an `any` loop in an operand, not one around all this */
    w->muted = muted;
    took = after(w, some);
    if (may_go_on) {        /* leaving it is one of its branches */
        if (took) {
            branch_off(w, mark);
        }
        return false;
    }
    if (took) {
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
    w->loop_forks++;
    if (leave(w, loop)) {
        branch_off(w, mark);
    }
    return false;
}

static bool after_round(walk *w, uint32_t loop)
{
    const plan_part *p = &w->step->parts[loop];
    if (p->any && !w->muted && w->step->mode == BRANCH_TAKE) {
        return branch_loop(w, loop);
    }
    return p->greedy ? go_round(w, loop) || leave(w, loop) : leave(w, loop) || go_round(w, loop);
}

static bool take_in_loop(walk *w, uint32_t loop)
{
    branch_step *step = w->step;
    bool ended = branch_is_ended(step, loop);
    if ((!ended || step->mode == BRANCH_BAR) && take_in(w, loop + 1)) {
        return true;
    }
    if (ended && branch_round_complete(step, loop)) {
        return leave(w, loop);
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

/* Into a part of a SEQ, over the gap before it. */
static bool cross_to(walk *w, uint32_t part)
{
    int64_t not_before_ms = w->step->not_before_ms;
    bool took = branch_cross(w->step, part) && enter(w, part);
    w->step->not_before_ms = not_before_ms;
    return took;
}

static bool enter(walk *w, uint32_t part)
{
    const plan_part *p = &w->step->parts[part];
    switch ((plan_part_kind)p->kind) {
    case PLAN_PART_STEP: return try_step(w, part);
    case PLAN_PART_SILENCE: return (!w->muted || only_looks(w)) && branch_meet_silence(w->step, part);
    case PLAN_PART_SEQ: return cross_to(w, part + 1);
    case PLAN_PART_OR: return meet_alternatives(w, part);
    case PLAN_PART_LOOP:
        if (p->min > 0) {
            return enter(w, part + 1);
        }
        return p->greedy ? enter(w, part + 1) || after(w, part) : after(w, part) || enter(w, part + 1);
    case PLAN_PART_SOME: break;
    }
    return meet_operands(w, part);
}

static bool take_in(walk *w, uint32_t part)
{
    switch ((plan_part_kind)w->step->parts[part].kind) {
    case PLAN_PART_STEP: case PLAN_PART_SILENCE: return after(w, part);
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
    bool took = next < w->step->parts[seq].end ? cross_to(w, next) : after(w, seq);
    if (!took) {
        branch_undo_to(w->step, mark);
    }
    return took;
}

static bool after(walk *w, uint32_t part)
{
    uint32_t p = w->step->parts[part].parent;
    if (p == PLAN_NONE) {
        branch_reach_end(w->step);
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
    step->mode = BRANCH_TAKE;
    return begins ? enter(&w, 0) : take_in(&w, 0);
}

bool branch_walk_silence(branch_step *step)
{
    walk w = {.step = step};
    step->n_undo = step->n_forks = 0;
    step->complete = false;
    step->mode = BRANCH_OVER;
    return take_in(&w, 0);
}

bool branch_walk_on(branch_step *step)
{
    walk w = {.step = step};
    return take_in(&w, 0);
}
