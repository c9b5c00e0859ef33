/*
 * warm_up.h: the past, as the journal has it, for new rules that say `warm up` (nfa/warm.h).
 *
 * What such a rule knows when it begins is a function of the journal: of its records from FROM on to where the change stands, of the clock of the live
 * evaluation there, and of the rules. The journal says of each event whether it was evaluated, and of each epoch how far the clock came (journal_epoch),
 * so no order has to be made again: events that were evaluated, by time, then arrival, up to the clock. What the live order holds back at the
 * change comes to all rules alike afterwards; here it is left out. So a restart that meets the change does the same again, from the FROM it names.
 */
#ifndef EGRET_APP_WARM_UP_H
#define EGRET_APP_WARM_UP_H

#include "app/evaluation.h"
#include "store/journal.h"

typedef struct warm_up_options {
    const store *store;
    rule_set *rules;            /* those to come; the warm-up keeps a user */
    const char *const *sources; /* names, by number; borrowed */
    uint32_t n_sources;
    uint64_t from;
    bool (*go_on)(void *user);  /* asked for each block; NULL: it always does */
    void *user;
} warm_up_options;

/* Where the past begins that is `ms` long. */
typedef struct warm_up_begin {
    uint64_t lsn;
    int64_t since_ms;           /* from then on it is known; wall clock */
    bool shorter;               /* the journal begins later than that */
} warm_up_begin;
/* now_ms: the wall clock; clock_ms: that of the evaluation, INT64_MIN: none yet. Events come when they have happened: what is not older than that arrived no
 * earlier. */
warm_up_begin warm_up_begins(const store *s, int64_t ms, int64_t now_ms, int64_t clock_ms);

typedef struct warm_up warm_up;

/* Takes `filled` over (NULL: gives NULL). live: of it the numbers of partitions are copied, which it has given up to now. NULL: no memory. */
warm_up *warm_up_new(const warm_up_options *options, nfa_shards *filled, const evaluation *live);
void warm_up_free(warm_up *w);      /* NULL is allowed */
/* Reads on, to before the record `until` or the end of what is committed. EGRET_BAD_USE: go_on said no. EGRET_IO: the store cannot be read. */
egret_status warm_up_read(warm_up *w, uint64_t until);
/* The end: all that was evaluated up to the clock, and its deadlines. */
egret_status warm_up_until(warm_up *w, int64_t clock_ms);
void warm_up_go_on(warm_up *w, bool (*go_on)(void *user), void *user);     /* from now on that is asked */
uint64_t warm_up_next(const warm_up *w);        /* record it will read next */
uint64_t warm_up_events(const warm_up *w);      /* evaluated so far */
nfa_shards *warm_up_filled(warm_up *w);
const rule_set *warm_up_rules(const warm_up *w);

#endif
