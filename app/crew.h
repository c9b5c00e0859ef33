/*
 * crew.h: the engines of one or more shards at work: each has a thread of its own, the first one the caller's.
 *
 * All get the same events and the same clock and meet again when each is done (nfa/shards.h says why they need not meet earlier); then the
 * caller takes the alerts, in the one order. So nothing in what comes out depends on how many there are. One shard makes no thread.
 */
#ifndef EGRET_APP_CREW_H
#define EGRET_APP_CREW_H

#include "app/rule_meter.h"

typedef struct crew crew;

/* What is evaluated together: events in order, then the clock. An event of stream PLAN_NONE is a step of the clock to its time. */
typedef struct crew_work {
    const nfa_event *events;
    uint32_t n;
    const nfa_event *next;      /* those that will come after them, as far as they are known, to be announced */
    uint32_t n_next;
    bool first;                 /* nobody has announced the first of the events yet */
    bool advances, finishes;    /* then nfa_engine_advance to, or nfa_engine_finish until, time_ms */
    int64_t time_ms;
    rule_clock *clocks;         /* one for each shard; NULL: nobody asks what rules cost */
} crew_work;

/* threads false: the caller does the work of all, one after the other. EGRET_IO: a thread could not be made. */
egret_status crew_start(const plan *rules, uint32_t n_shards, bool threads, crew **out);
void crew_stop(crew *c);        /* joins; NULL is allowed */
/* Waits until all have done it; the first trouble of any. Alerts are then taken from crew_shards. */
egret_status crew_do(crew *c, const crew_work *work);
nfa_shards *crew_shards(crew *c);
/* Between two turns: from now on these work, as many as before; *shards is then those of before, the caller's. */
void crew_swap(crew *c, nfa_shards **shards);
/* Before the first event: the state of keys, of all shards together, is to take so many bytes; what does not fit goes to files in the folder.
 * What is not EGRET_OK comes with a sentence. */
egret_status crew_limit(crew *c, size_t bytes, const char *dir, char *reason, size_t reason_size);

#endif
