/*
 * sequence.h: how a linear pattern is matched.
 *
 * An attempt is somewhere: it has bound events up to some item and waits. Attempts that wait at the same item stand in one queue, in order of
 * their first events, in the section of their key. All events bound by any attempt of the section stand once, in its log; an attempt is a
 * short record of ordinals into it.
 *
 *   log      e0 e1 e2 e3 e4 e5 …            events some attempt has bound, oldest first
 *   queues   at item 0: [a3 a4]  at item 1 (loop, open): [a1 a2]  at item 1 (closed): [a0] …
 *
 * Why the cost of an event does not grow with the number of attempts: where no condition looks at bound events, what an event does to an
 * attempt depends on the item it waits at and on bounds that are monotone along the queue (older attempts have waited longer and their loops
 * have taken more). So the attempts an event touches are a prefix of the queue: we walk from the front and stop at the first that stays.
 * Each attempt moves at most once per item, which its own events have paid for.
 * A loop's events are then not listed either: all attempts in an open loop take every fitting event, so the log's records carry counters,
 * and "count of the loop" is a difference of two of them.
 * Where conditions do look at bound events (or `when` judges an open loop, or items may be left out), each attempt is asked
 * (layout->scan_all); loops whose conditions do list their events in nodes.
 *
 * An open loop may take more; it becomes closed when it is full, when its own `within` is over, or (strict) at a gap.
 *
 * Garbage: an attempt's first event is its oldest, so everything in the log before the oldest live attempt's first event goes.
 */
#ifndef EGRET_NFA_SEQUENCE_H
#define EGRET_NFA_SEQUENCE_H

#include "nfa/shard.h"

enum { SEQ_START = 0, SEQ_DEADLINE = 1, SEQ_FIRST_ITEM = 3 };       /* words of a record: first event, deadline (two), items */
enum { SEQ_LOOP_FIRST = 0, SEQ_LOOP_LAST = 1, SEQ_LOOP_COUNT = 2, SEQ_LOOP_NODE = 3, SEQ_LOOP_WORDS = 4 };
enum { SEQ_MAX_WORDS = SEQ_FIRST_ITEM + PLAN_MAX_ITEMS * SEQ_LOOP_WORDS + 1 };

/* One derived loop of a section. */
typedef struct seq_cum {
    uint32_t count;     /* events that fitted so far */
    uint32_t last;      /* the newest of them; NFA_NONE: none */
    uint32_t poisoned;  /* a forbidden event came after it: nothing may follow before the loop takes another */
} seq_cum;

typedef struct seq_root {
    int64_t due_ms;
    uint32_t seen;      /* events of the key on the rule's streams (contiguous patterns only) */
    uint32_t limited;   /* a limit dropped an attempt */
    seq_cum cum[];
} seq_root;

typedef struct seq_node { uint32_t previous, event; } seq_node;

/* A completed attempt. */
typedef struct seq_done {
    uint32_t *word;
    uint64_t last_identity;
} seq_done;

/* Where an attempt stands while it is decided upon. */
typedef struct seq_place {
    uint32_t item;
    bool open;              /* in a loop that may take more */
    bool closes;            /* the event at hand ends that loop */
    uint32_t *word;
    seq_run run;
    uint32_t count, last;   /* of the item it stands at, the event at hand not counted */
    int64_t last_ms;
} seq_place;

/* Everything about the event (or deadline) at hand. */
typedef struct seq_step {
    nfa_engine *engine;
    const plan_rule *rule;
    uint32_t rule_index;
    const plan_pattern *pattern;
    const seq_layout *layout;
    const nfa_event *event;         /* NULL at a deadline */
    int64_t now_ms;
    uint64_t mask;                  /* atoms that hold (as far as the event and the key's state say) */
    uint64_t each;                  /* those of them that must still ask the attempt */
    nfa_section section;
    uint32_t block;
    uint32_t ord;                   /* of the event in the log */
    uint32_t seen;
    const int64_t *spans;           /* bounds looked up for the key */
    bool may_begin;                 /* an attempt may begin with the event */
    bool used;                      /* somebody bound the event */
    bool no_memory;
    seq_done *done;
    uint32_t n_done, cap_done;
    seq_cum before[PLAN_MAX_ITEMS]; /* counters as they were before the event; n_cums of them (last, as not all are set) */
} seq_step;

/* A bound of the pattern: its time, or what was looked up for the key. */
static inline int64_t seq_span(const seq_step *step, int64_t ms)
{
    return ms >= 0 ? ms : step->spans[PLAN_SPAN(ms)];
}

static inline int64_t seq_add(int64_t time_ms, int64_t span_ms)
{
    return span_ms == PLAN_FOREVER || time_ms > INT64_MAX - span_ms ? INT64_MAX : time_ms + span_ms;
}

/* sequence.c */
/* Looks the bounds up that depend on the key (NULL: that of the block). What nobody knows is no time at all: nothing can follow later. false: no memory. */
bool seq_look_up_spans(seq_step *step, const nfa_key *key);
/* Fills step->seen and step->before of its section, by which loops that are open know how many they have taken. */
void seq_load_counters(seq_step *step);
/* The last instant at which the key may be heard before its attempts die of `idle`; INT64_MAX: there is none. */
int64_t seq_quiet_until(const seq_step *step);

/* sequence_run.c: reading attempts */
const seq_event *seq_log(const nfa_section *section, const seq_layout *layout, uint32_t ord);
uint32_t seq_record_cum(const seq_layout *layout, const plan_pattern *pattern, const seq_event *event, uint32_t cum);
/* Last event bound of item: NFA_NONE: unbound. */
uint32_t seq_last_of(const seq_run *run, uint32_t item);
uint32_t seq_first_of(const seq_run *run, uint32_t item);
uint32_t seq_count_of(const seq_run *run, uint32_t item);
/* The bound events of an item, in order, in scratch; without those that a limit made a loop forget, which lie before its newest. NULL: no memory. */
uint32_t *seq_list_events(nfa_engine *engine, const seq_run *run, uint32_t item, uint32_t *n);
/* Lists the events of a finished attempt as evidence, capped; false: no memory. */
bool seq_evidence(nfa_engine *engine, const seq_run *run, const plan_rule *rule, const egret_evidence **out, size_t *n, uint64_t *total);

/* sequence_log.c: the log and its garbage */
bool seq_log_push(seq_step *step);
void seq_log_unpush(seq_step *step);
/* Drops what no attempt needs; the whole section when there is no attempt. true: dropped. */
bool seq_collect(nfa_engine *engine, const seq_layout *layout, nfa_section *section);
void seq_set_due(seq_step *step);
uint32_t seq_attempts(const seq_layout *layout, const plan_pattern *pattern, const nfa_section *section);
void seq_enforce_limits(seq_step *step);

/* sequence_wait.c: what an attempt waits for */
/* Does some of the atoms hold, asking the attempt where it must be asked? */
bool seq_atoms_hold(const seq_step *step, uint32_t first, uint32_t n, const seq_run *run);
seq_place seq_place_of(seq_step *step, uint32_t item, bool open, uint32_t *word);
/* Has the item it stands at taken enough? */
bool seq_is_ready(const seq_step *step, const seq_place *p);
/* The loop takes no more: what was derived so far is written down. */
void seq_close_loop(const seq_step *step, seq_place *p);
/* The last instant at which the attempt may take an event; INT64_MAX: no bound, or it waits for silence. INT64_MIN: every way is barred. */
int64_t seq_expiry(const seq_step *step, const seq_place *p);

/* sequence_timeout.c: attempts that run out of time */
/* The earliest instant at which one does; INT64_MAX: none will. */
int64_t seq_next_timeout(seq_step *step);
/* Reports those that have run out by step->now_ms, and drops them. */
egret_status seq_time_out(seq_step *step);

typedef enum seq_action { SEQ_STAY, SEQ_GONE, SEQ_KEEP } seq_action;     /* KEEP: stays, but its record changed */

/* sequence_gap.c: what must not stand between */
/* Did something forbidden come, on the way to an item, or (n_items) to the end? */
bool seq_is_barred(const seq_step *step, const seq_place *p, uint32_t target);
/* Do the absences on the way let the event at hand be taken by the item? */
bool seq_may_cross(const seq_step *step, const seq_place *p, uint32_t target);
/* The event at hand is not taken: notes what it bars. */
seq_action seq_bar(seq_step *step, seq_place *p);
/* Is the event at hand the very next of the key after the last one bound? */
bool seq_follows_directly(const seq_step *step, const seq_place *p);
bool seq_waits_for_silence(const seq_step *step, const seq_place *p);
/* When the absences at the end have lasted; INT64_MAX: never. */
int64_t seq_silence_until(const seq_step *step, const seq_place *p);

/* sequence_move.c: what an event does to one attempt */
seq_action seq_decide(seq_step *step, uint32_t item, bool open, uint32_t *word);
void seq_begin(seq_step *step);
int64_t seq_deadline(const uint32_t *word);

/* sequence_report.c: completed attempts become matches */
/* Judges `when`. A match is noted (word is copied); else *waits says whether a loop at the end may still make it true. false: no memory. */
bool seq_complete(seq_step *step, const uint32_t *word, uint64_t last_identity, bool *waits);
/* Notes a finished attempt (word is copied); false: no memory. */
bool seq_note(seq_step *step, const uint32_t *word, uint64_t last_identity);
/* In the order of their first events. */
void seq_sort_done(seq_step *step);
egret_status seq_report_one(seq_step *step, const seq_done *done, bool timeout);
/* Reports in order and applies `after match`. *dropped: nothing of the section is left. */
egret_status seq_report(seq_step *step, bool *dropped);

#endif
