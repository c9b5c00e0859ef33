/*
 * branch.h: how a pattern that branches is matched: `or`, `and`, `any n of`, groups of several steps, `then any`, `any` loops.
 *
 * The pattern is a tree of parts (plan_part), numbered so that a part stands before what it is made of. An attempt is one record: its first
 * event, the deadline it waits for, a few words for each part, and for each step the newest of its bindings. The bound events of a step
 * are a chain of bindings, (binding before, event), that is never changed once written; so an attempt that is copied shares all it has.
 *
 *   word of a part   FIRST   its first event, NFA_NONE: the part has not begun. A STEP has this one alone
 *                    STATE   SEQ: the part where it stands; LOOP: complete rounds; OR: the alternative that won; SOME: bits of what is complete
 *                    KEPT    LOOP: newest event of its complete rounds; SEQ, SOME: after which event something forbidden came
 *
 * What an event does to an attempt is one walk: from the parts that are begun to the steps that may come next, in the order of preference
 * (branch_walk.c). The walk writes into step->rec and notes what it overwrote, so a way that leads nowhere is undone. What is given up (the
 * running round of a group, alternatives that lost) is cut off by popping bindings not older than its first event.
 *
 * Attempts stand in order of first events; of those with one first event, one that left an event out stands before one that took it.
 * The event that began an attempt is never given up: without it there would be no attempt, and what is left began one of its own.
 */
#ifndef EGRET_NFA_BRANCH_H
#define EGRET_NFA_BRANCH_H

#include "nfa/sequence.h"

enum { BRANCH_START = 0, BRANCH_DEADLINE = 1, BRANCH_FIRST_WORD = 3 };      /* words of a record: first event, deadline (two), parts, steps */
enum { BRANCH_FIRST = 0, BRANCH_STATE = 1, BRANCH_KEPT = 2, BRANCH_PART_WORDS = 3 };
#define BRANCH_BARRED (NFA_NONE - 1)    /* KEPT of SOME: something forbidden came before it was complete */

typedef struct branch_part {
    uint16_t word, end_word;    /* of the record: its own and those of the parts below it */
    uint64_t mask;              /* STEP: its atoms */
    bool rest_nullable;         /* in a SEQ: all behind it may be left out */
} branch_part;

typedef struct branch_layout {
    seq_layout seq;             /* log, strings, first steps; what is said of queues and items there is not used */
    uint32_t n_parts, words;    /* words of a record */
    branch_part part[PLAN_MAX_PARTS];
    uint16_t item_word[PLAN_MAX_ITEMS];
    uint8_t part_attempts, part_bindings;
    bool ends_in_loop;          /* a `when` that is false may turn true */
    uint32_t *blank;            /* a record in which nothing has begun */
} branch_layout;

typedef struct branch_binding { uint32_t previous, event, count; } branch_binding;     /* count: of the chain, this one included */

typedef struct branch_undo { uint32_t word, was; } branch_undo;

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
/* An `and` that has not begun, and what it must not meet came since the event before it. */
bool branch_is_barred(const branch_step *step, uint32_t part);
seq_run branch_view(branch_step *step);
bool branch_holds(branch_step *step, uint32_t first, uint32_t n);       /* some of these atoms, asked of the attempt */

/* ---- branch_walk.c ---- */

/* Lets the attempt at hand take the event. true: it has, and step->rec is what became of it. Attempts that `any` makes are settled on the way. */
bool branch_walk(branch_step *step, bool begins);

/* ---- branch_live.c: what an event means for an attempt that did not take it ---- */

/* Marks gaps in which the event must not lie. false: the attempt dies of it. */
bool branch_pass(branch_step *step);
/* Can the attempt take an event that is yet to come? */
bool branch_can_take(branch_step *step);
/* When the silence at the end is over, in ms; NFA_NEVER: it does not wait for one. */
int64_t branch_deadline(const uint32_t *record);
void branch_put_deadline(branch_step *step, int64_t deadline_ms);

/* ---- branch_report.c ---- */

/* What becomes of the attempt at hand, which took the event: a match, or it goes on. Sets seq.no_memory. */
void branch_settle(branch_step *step);
/* Puts the attempt at hand among those that live on. */
void branch_keep(branch_step *step);
/* Judges `when`, and notes a match. *waits: it is false, and may turn true. */
void branch_judge(branch_step *step, uint64_t last_identity, bool *waits);
/* Reports in order and applies `after match`. *dropped: nothing of the section is left. */
egret_status branch_report(branch_step *step, bool *dropped);

/* ---- branch.c: the bound events of a step ---- */

uint32_t branch_item_last(const seq_run *run, uint32_t item);       /* NFA_NONE: none */
uint32_t branch_item_count(const seq_run *run, uint32_t item);
void branch_item_events(const seq_run *run, uint32_t item, uint32_t *list);     /* in order; list has room for all */

#endif
