/*
 * branch_gap.c: what must not stand between two parts of an attempt, silences that are parts themselves, and what ends a loop.
 *
 * The walk over the parts (branch_walk.c) comes by every gap that an event may cross, with the record as it would then be: running rounds given up,
 * a new round begun. So everything about a gap is asked there, and depends on what the walk is for:
 *
 *   TAKE, OVER   may the event, or the end of a silence, cross it?
 *   BAR          does the event, which nobody took here, break it? That is noted as "broken since event so and so", so the next event bound mends it
 *   LOOK         when will it be over?
 *
 * "Between" begins with the last event bound before (branch_before); an absence with a time lasts that long from there on.
 */
#include "nfa/branch.h"

static const seq_event *event_at(const branch_step *step, uint32_t ord)
{
    return seq_log(&step->seq.section, &step->layout->seq, ord);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When a time that begins with an event is over; INT64_MAX: nobody knows how long it is. */
static int64_t lasts_until(branch_step *step, uint32_t for_time, uint32_t from, int64_t least_ms)
{
    seq_run view = branch_view(step);
    nfa_env env = {.engine = step->seq.engine, .event = step->seq.event, .now_ms = step->seq.now_ms, .rule = step->seq.rule,
                   .block = step->seq.block, .run = &view};
    egret_value span = nfa_eval(&env, for_time);
    return span.type == EGRET_DURATION ? seq_add(event_at(step, from)->time_ms, later(span.u.i, least_ms)) : INT64_MAX;
}

static int64_t whole_until(const branch_step *step)
{
    return seq_add(event_at(step, step->rec[BRANCH_START])->time_ms, seq_span(&step->seq, step->seq.pattern->within_ms));
}

static void note(branch_step *step, uint32_t word, uint32_t value)
{
    if (step->n_bars < sizeof step->bars / sizeof step->bars[0]) {
        step->bars[step->n_bars++] = (branch_undo){.word = word, .was = value};
    }
}

/* ---- links ---- */

bool branch_has_gap(const branch_step *step, uint32_t ord)
{
    uint32_t seen = event_at(step, ord)->seen;
    return (step->mode == BRANCH_TAKE ? seen + 1 : seen) != step->seq.seen;
}

/* Of the link that leads to a part of a SEQ. */
static int64_t link_until(const branch_step *step, uint32_t part, bool *every)
{
    const plan_part *p = &step->parts[part];
    uint32_t before = branch_before(step, part);
    if (before == NFA_NONE) {
        return INT64_MAX;
    }
    *every = *every || p->every;
    if (p->link == PLAN_NEXT && branch_has_gap(step, before)) {
        return INT64_MIN;
    }
    return seq_add(event_at(step, before)->time_ms, seq_span(&step->seq, p->link_within_ms));
}

int64_t branch_links_until(const branch_step *step, uint32_t part, uint32_t inside, bool *every)
{
    int64_t until = INT64_MAX;
    bool around = false;
    for (uint32_t p = step->parts[part].parent; p != PLAN_NONE && !branch_begun(step, part); part = p, p = step->parts[p].parent) {
        if (step->parts[p].kind == PLAN_PART_SEQ && part != p + 1) {
            int64_t link = link_until(step, part, inside == PLAN_NONE || p > inside ? every : &around);
            until = link < until ? link : until;
        }
    }
    return until;
}

/* ---- absences between parts ---- */

static bool follows_directly(const branch_step *step, uint32_t last)
{
    return event_at(step, last)->seen + 1 == step->seq.seen;
}

/* Is the event at hand what the absence forbids, where it forbids it? */
static bool breaks(branch_step *step, const plan_not *absence, uint32_t last)
{
    if (!branch_holds(step, absence->atoms, absence->n_atoms)) {
        return false;
    }
    switch (absence->kind) {
    case PLAN_NOT_NEXT: return follows_directly(step, last);
    case PLAN_NOT_FOR: return step->seq.now_ms <= lasts_until(step, absence->for_time, last, INT64_MIN);
    case PLAN_NOT_TO_END: return step->seq.now_ms <= whole_until(step);
    case PLAN_NOT_ALONG: break;
    }
    return true;
}

static bool some_breaks(branch_step *step, const plan_not *list, uint32_t n, uint32_t last)
{
    for (uint32_t i = 0; i < n; i++) {
        if (breaks(step, &list[i], last)) {
            return true;
        }
    }
    return false;
}

/* The absences with a time, and `next not`: do they let the walk pass? */
static bool pass_timed(branch_step *step, const plan_part *p, uint32_t last)
{
    for (uint32_t i = 0; i < p->n_timed; i++) {
        const plan_not *absence = &p->timed[i];
        if (absence->kind == PLAN_NOT_NEXT) {
            if (step->mode == BRANCH_TAKE && breaks(step, absence, last)) {
                return false;
            }
            continue;
        }
        int64_t until = lasts_until(step, absence->for_time, last, INT64_MIN);
        if (step->mode == BRANCH_LOOK) {
            step->not_before_ms = later(step->not_before_ms, until);
        } else if (step->mode == BRANCH_TAKE ? step->seq.now_ms <= until : step->seq.now_ms < until) {
            return false;
        }
    }
    return true;
}

bool branch_cross(branch_step *step, uint32_t part)
{
    const plan_part *p = &step->parts[part];
    uint16_t word = step->layout->part[part].gap_word;
    uint32_t last = word == 0 ? NFA_NONE : branch_before(step, part);
    if (last == NFA_NONE) {
        return true;
    }
    bool barred = step->rec[word] == last;
    if (step->mode != BRANCH_BAR) {
        return !barred && pass_timed(step, p, last);
    }
    if (!barred && step->seq.event != NULL && last != step->seq.ord
        && (branch_holds(step, p->nots, p->n_nots) || some_breaks(step, p->timed, p->n_timed, last))) {
        note(step, word, last);
    }
    return true;
}

/* ---- absences at the end ---- */

static bool end_breaks(branch_step *step, uint32_t last)
{
    const plan_pattern *pattern = step->seq.pattern;
    const plan_not own = {.kind = pattern->absence == PLAN_ABSENCE_FOR ? PLAN_NOT_FOR : PLAN_NOT_TO_END, .atoms = pattern->absence_atoms,
                          .n_atoms = pattern->n_absence_atoms, .for_time = pattern->absence_for};
    return breaks(step, &own, last) || some_breaks(step, pattern->more_absences, pattern->n_more_absences, last);
}

static int64_t end_of(branch_step *step, uint32_t last)
{
    const plan_pattern *pattern = step->seq.pattern;
    int64_t until = pattern->absence == PLAN_ABSENCE_FOR ? lasts_until(step, pattern->absence_for, last, INT64_MIN) : whole_until(step);
    for (uint32_t i = 0; i < pattern->n_more_absences; i++) {
        const plan_not *more = &pattern->more_absences[i];
        if (more->kind == PLAN_NOT_FOR) {
            until = later(until, lasts_until(step, more->for_time, last, INT64_MIN));
        } else if (more->kind == PLAN_NOT_TO_END) {
            until = later(until, whole_until(step));
        }
    }
    return until;
}

void branch_reach_end(branch_step *step)
{
    if (step->seq.pattern->absence == PLAN_ABSENCE_NONE) {
        return;
    }
    uint32_t last = branch_last(step, 0);
    bool barred = step->rec[BRANCH_END_BAR] == last;
    if (step->mode == BRANCH_BAR && !barred && step->seq.event != NULL && last != step->seq.ord && end_breaks(step, last)) {
        note(step, BRANCH_END_BAR, last);
    } else if (step->mode == BRANCH_LOOK && !barred) {
        /* Behind a silence that ended after the `within` of the match: when that silence was over. */
        int64_t until = later(later(end_of(step, last), step->not_before_ms), event_at(step, last)->time_ms);
        step->look.end_ms = until < step->look.end_ms ? until : step->look.end_ms;
        step->look.waits = true;
    }
}

/* ---- silences that are parts ---- */

uint32_t branch_silence_since(const branch_step *step, uint32_t part)
{
    uint32_t parent = step->parts[part].parent;
    uint32_t before = branch_before(step, part);
    return before != NFA_NONE || step->parts[parent].kind != PLAN_PART_SOME ? before : branch_first(step, parent);
}

static int64_t silence_until(branch_step *step, uint32_t part, uint32_t from)
{
    const plan_part *p = &step->parts[part];
    if (p->silence_for != PLAN_NONE) {
        return lasts_until(step, p->silence_for, from, 1);
    }
    uint32_t oldest = branch_oldest(step, part, p->parent);
    return seq_add(event_at(step, oldest == NFA_NONE ? from : oldest)->time_ms, seq_span(&step->seq, step->parts[p->parent].within_ms));
}

/* An event that another operand takes is none that is forbidden. */
static bool is_taken_beside(const branch_step *step, uint32_t part)
{
    uint32_t parent = step->parts[part].parent;
    return step->parts[parent].kind == PLAN_PART_SOME && branch_newest(step, parent, parent) == step->seq.ord;
}

static void bar_silence(branch_step *step, uint32_t part, uint32_t from)
{
    const plan_part *p = &step->parts[part];
    bool breaks_it = step->seq.event != NULL && from != step->seq.ord && !is_taken_beside(step, part) && branch_holds(step, p->during, p->n_during)
        && step->seq.now_ms <= silence_until(step, part, from);
    if (breaks_it) {
        note(step, step->layout->part[part].own_word, from);
    }
}

bool branch_meet_silence(branch_step *step, uint32_t part)
{
    uint16_t word = step->layout->part[part].own_word;
    uint32_t from = step->mode == BRANCH_TAKE ? NFA_NONE : branch_silence_since(step, part);
    if (from == NFA_NONE || step->rec[word] == from) {
        return false;
    }
    if (step->mode == BRANCH_BAR) {
        bar_silence(step, part, from);
        return false;
    }
    bool every = false;
    int64_t until = silence_until(step, part, from);
    int64_t link = branch_links_until(step, part, PLAN_NONE, &every);
    if (step->mode == BRANCH_LOOK) {
        until = later(until, step->not_before_ms);
        if (until > link) {
            step->look.later = true;
            return false;
        }
        step->look.silence_ms = until < step->look.silence_ms ? until : step->look.silence_ms;
        step->look.expiry_ms = INT64_MAX;
        step->look.waits = true;
        return false;
    }
    if (until > step->seq.now_ms || step->seq.now_ms > link) {
        return false;
    }
    branch_put(step, step->layout->part[part].word + BRANCH_FIRST, step->seq.ord);
    step->seq.used = true;
    branch_took(step, part, true);
    return true;
}

/* ---- `and not`, until ---- */

bool branch_is_barred(branch_step *step, uint32_t some)
{
    const plan_part *p = &step->parts[some];
    uint16_t word = step->layout->part[some].own_word;
    if (word == 0 || p->kind != PLAN_PART_SOME) {
        return false;
    }
    bool begun = branch_begun(step, some);
    uint32_t sign = begun ? BRANCH_BARRED : branch_before(step, some);
    if (sign == NFA_NONE || step->rec[word] == sign) {
        return sign != NFA_NONE;
    }
    bool took = begun ? branch_newest(step, some, some) == step->seq.ord : sign == step->seq.ord;
    if (step->mode == BRANCH_BAR && step->seq.event != NULL && !took && branch_holds(step, p->during, p->n_during)) {
        note(step, word, sign);
    }
    return false;
}

bool branch_is_ended(branch_step *step, uint32_t loop)
{
    const plan_part *p = &step->parts[loop];
    uint16_t word = step->layout->part[loop].own_word;
    if (word == 0 || step->rec[word] == BRANCH_BARRED) {
        return word != 0;
    }
    bool meets = step->seq.event != NULL && step->mode <= BRANCH_BAR && branch_newest(step, loop, loop) != step->seq.ord
        && branch_holds(step, p->until, p->n_until);
    if (meets && step->mode == BRANCH_BAR) {
        note(step, word, BRANCH_BARRED);
    }
    return meets;
}
