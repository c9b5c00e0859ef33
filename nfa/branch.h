/*
 * branch.h: how a pattern that branches is matched: `or`, `and`, `any n of`, groups of several steps, `then any`, `any` loops.
 *
 * The pattern is a tree of parts (plan_part), numbered so that a part stands before what it is made of. An attempt is one record: its first
 * event, the deadline it waits for, a few words for each part, and for each step the newest of its bindings. The bound events of a step
 * are a chain of bindings, (binding before, event), that is never changed once written; so an attempt that is copied shares all it has.
 *
 *   word of a part   FIRST   its first event, NFA_NONE: the part has not begun. A STEP has this one alone
 *                    STATE   SEQ: the part where it stands; LOOP: complete rounds; OR: the alternative that won
 *                    KEPT    LOOP: newest event of its complete rounds
 *   bars             GAP     of a part behind an absence: the event after which something forbidden came
 *                    OWN     SILENCE, SOME: the same, of what they forbid themselves; LOOP: is it ended by `until`?
 *
 * What an event does to an attempt is one walk: from the parts that are begun to the steps that may come next, in the order of preference
 * (branch_walk.c). The walk writes into step->rec and notes what it overwrote, so a way that leads nowhere is undone. What is given up (the
 * running round of a group, alternatives that lost) is cut off by popping bindings not older than its first event.
 *
 * Attempts stand in order of first events; of those with one first event, one that left an event out stands before one that took it.
 * The event that began an attempt is never given up: without it there would be no attempt, and what is left began one of its own.
 *
 * The end of a silence inside a pattern (`not x for D` as an alternative, an operand or at the end of a group) is treated like an event of that
 * instant which the silence takes: it stands in the log, without a stream, and nothing is bound to it.
 */
#ifndef EGRET_NFA_BRANCH_H
#define EGRET_NFA_BRANCH_H

#include "nfa/sequence.h"

/* Words of a record: first event, when something happens without an event (two), what bars the end, parts, steps, other bars. */
enum { BRANCH_START = 0, BRANCH_DEADLINE = 1, BRANCH_END_BAR = 3, BRANCH_FIRST_WORD = 4 };
enum { BRANCH_FIRST = 0, BRANCH_STATE = 1, BRANCH_KEPT = 2, BRANCH_PART_WORDS = 3 };
#define BRANCH_BARRED (NFA_NONE - 1)    /* OWN of SOME, something forbidden came before it was complete; of LOOP: ended */

typedef struct branch_part {
    uint16_t word, end_word;    /* of the record: its own and those of the parts below it */
    uint64_t mask;              /* STEP: its atoms */
    bool rest_nullable;         /* in a SEQ: all behind it may be left out */
    uint16_t gap_word, own_word;    /* of what bars it (see above); 0: nothing can */
} branch_part;

typedef struct branch_layout {
    seq_layout seq;             /* log, strings, first steps; what is said of queues and items there is not used */
    uint32_t n_parts, words;    /* words of a record */
    branch_part part[PLAN_MAX_PARTS];
    uint16_t item_word[PLAN_MAX_ITEMS];
    uint8_t part_attempts, part_bindings;
    bool ends_in_loop;          /* a `when` that is false may turn true */
    bool has_bars;              /* absences or `until` */
    bool has_due;               /* something may happen to an attempt without an event */
    uint32_t *blank;            /* a record in which nothing has begun */
} branch_layout;

typedef struct branch_binding { uint32_t previous, event, count; } branch_binding;     /* count: of the chain, this one included */

typedef struct branch_undo { uint32_t word, was; } branch_undo;

/* What a walk over the parts is for: an event, the end of a silence, what the event bars for those who did not take it, what is to come. */
typedef enum branch_mode { BRANCH_TAKE, BRANCH_OVER, BRANCH_BAR, BRANCH_LOOK } branch_mode;

typedef struct branch_outlook {
    int64_t expiry_ms;          /* the last instant at which a step can take an event; INT64_MIN: none can */
    int64_t silence_ms;         /* when the next silence inside is over; NFA_NEVER */
    int64_t end_ms;             /* when those at the end are; NFA_NEVER */
    bool waits;                 /* for some silence, however long it lasts */
    bool later;                 /* some silence ends too late for a link, but not once another operand has begun what the link leads to */
} branch_outlook;

typedef struct branch_match {
    uint32_t *record;
    uint32_t *event, *item;     /* what it bound, in the order of events */
    uint32_t n;
    uint64_t last_identity;
} branch_match;

typedef struct branch_step {
    seq_step seq;               /* the event (or deadline) at hand, the section, the log */
    const branch_layout *layout;
    const plan_part *parts;
    uint32_t base;              /* of the log: ordinals are compared as distances from it */
    uint32_t *rec;              /* the attempt at hand */
    branch_undo *undo;
    uint32_t n_undo, cap_undo;
    bool complete;              /* the event has just completed the attempt */
    uint32_t n_forks;           /* attempts that `any` has made of the one at hand */
    uint32_t *out;              /* records that go back into the queue */
    uint32_t n_out, cap_out;
    branch_match *match;
    uint32_t n_matches, cap_matches;
    branch_mode mode;
    branch_outlook look;
    int64_t not_before_ms;      /* LOOK: when the absences on the way here are over */
    uint32_t n_bars;
    branch_undo bars[2 * PLAN_MAX_PARTS];   /* BAR: words to be set when the walk is over (last, as it need not be cleared) */
} branch_step;

/* ---- branch_state.c: what a record says, and changing it ---- */

void branch_put(branch_step *step, uint32_t word, uint32_t value);
void branch_undo_to(branch_step *step, uint32_t mark);
uint32_t branch_first(const branch_step *step, uint32_t part);
bool branch_begun(const branch_step *step, uint32_t part);
bool branch_older(const branch_step *step, uint32_t a, uint32_t b);     /* both ordinals of the log */
/* The newest event of a part, running rounds left out; NFA_NONE: none. */
uint32_t branch_last(const branch_step *step, uint32_t part);
/* The last event bound before the part; NFA_NONE: none. */
uint32_t branch_before(const branch_step *step, uint32_t part);
/* The newest and the oldest event of what stands around a part, as seen from it: of alternatives not decided, its own; NFA_NONE: none. */
uint32_t branch_newest(const branch_step *step, uint32_t part, uint32_t around);
uint32_t branch_oldest(const branch_step *step, uint32_t part, uint32_t around);
bool branch_accepts(const branch_step *step, uint32_t part);            /* it is complete, running rounds given up */
bool branch_round_complete(const branch_step *step, uint32_t loop);
void branch_clear(branch_step *step, uint32_t part);                    /* not begun; bindings stay */
void branch_discard(branch_step *step, uint32_t part);                  /* given up: not begun, and its bindings popped */
void branch_trim(branch_step *step, uint32_t part);                     /* running rounds below it are given up */
bool branch_bind(branch_step *step, uint32_t part);                     /* a STEP takes the event; false: no memory */
/* The part has taken the event: all above it learn it, up to an alternative of an `or` that is not decided. Sets complete. */
void branch_took(branch_step *step, uint32_t part, bool fresh);
seq_run branch_view(branch_step *step);
bool branch_holds(branch_step *step, uint32_t first, uint32_t n);       /* some of these atoms, asked of the attempt */

/* ---- branch_walk.c ---- */

/* Lets the attempt at hand take the event. true: it has, and step->rec is what became of it. Attempts that `any` makes are settled on the way. */
bool branch_walk(branch_step *step, bool begins);
/* The same of the end of a silence, at step->seq.now_ms. */
bool branch_walk_silence(branch_step *step);
/* Over all ways, for step->mode. */
bool branch_walk_on(branch_step *step);

/* ---- branch_live.c: what an event means for an attempt that did not take it, and what is to come ---- */

/* Notes what the event bars. false: no step can take an event any more, and no silence is waited for. */
bool branch_pass(branch_step *step);
/* Fills step->look. */
void branch_look(branch_step *step);
/* When something happens to it without an event, in ms; NFA_NEVER: nothing does. */
int64_t branch_deadline(const uint32_t *record);

/* ---- branch_gap.c: absences and `until`, where the walk comes by; what they do depends on step->mode ---- */

/* Has something come since the event; where one is taken, before that? */
bool branch_has_gap(const branch_step *step, uint32_t ord);
/* The last instant at which the links that lead to a part let it begin; INT64_MIN: they do not. *every: one of them is `then any`, inside of that
 * part (PLAN_NONE: anywhere). */
int64_t branch_links_until(const branch_step *step, uint32_t part, uint32_t inside, bool *every);
/* May the walk go on to the part, over the gap before it? */
bool branch_cross(branch_step *step, uint32_t part);
/* The event with which a SILENCE begins: the last one before the choice; where nothing is, as in an `and` at the start, the first of the others.
 * NFA_NONE: not yet. */
uint32_t branch_silence_since(const branch_step *step, uint32_t part);
/* A SILENCE that has not begun. true: it is over, and has taken that. */
bool branch_meet_silence(branch_step *step, uint32_t part);
/* A SOME that is not complete: does it forbid what came? */
bool branch_is_barred(branch_step *step, uint32_t some);
/* A LOOP that has begun: is it ended? */
bool branch_is_ended(branch_step *step, uint32_t loop);
/* All parts are complete. */
void branch_reach_end(branch_step *step);

/* ---- branch_report.c ---- */

/* What becomes of the attempt at hand, which took the event: a match, or it goes on. Sets seq.no_memory. */
void branch_settle(branch_step *step);
/* Puts the attempt at hand among those that live on. */
void branch_keep(branch_step *step);
/* Judges `when`, and notes a match. *waits: it is false, and may turn true. */
void branch_judge(branch_step *step, uint64_t last_identity, bool *waits);
/* Reports in order and applies `after match`. *dropped: nothing of the section is left. */
egret_status branch_report(branch_step *step, bool *dropped);
/* The attempt at hand has run out of time, with all that it has bound; those are reported in order. */
void branch_note_timeout(branch_step *step);
egret_status branch_report_timeouts(branch_step *step);

/* ---- branch.c: the bound events of a step ---- */

uint32_t branch_item_last(const seq_run *run, uint32_t item);       /* NFA_NONE: none */
uint32_t branch_item_count(const seq_run *run, uint32_t item);
void branch_item_events(const seq_run *run, uint32_t item, uint32_t *list);     /* in order; list has room for all */

#endif
