/*
 * evaluation.h: the daemon's inner part: admitted records -> order -> engine -> alerts. One thread; time comes in as numbers.
 *
 * It is a function of what the journal holds: the same batches, ticks and resumes, with the same numbers, give the same state and the same alerts.
 * When it is given what was evaluated before (replaying), alerts are named but not written out, and nothing is put into the
 * dead letters again.
 *
 * How deadlines act when nothing arrives. The clock is moved by events (each source's greatest time less its lateness). A source that has been
 * silent for `idle` holds nothing up any more; when all are silent, the clock goes on at the speed of the wall clock:
 *
 *     watermark = time of the newest event + wall time since it came - greatest lateness - idle
 *
 * What is known to be behind (a partition whose messages wait on the other side) is not silent, however long nothing comes: it holds the clock until
 * it has caught up. Batches say so, and so the journal does.
 *
 * So a stream that arrives with a constant delay keeps it, an event that comes up to `idle` later than it should is still not late, and
 * deadlines of a quiet stream act `idle` after they are due. Events that were more than an hour old when they came are history:
 * there the clock goes on to the newest of them and no further, else a pause in loading old data would make the rest late.
 */
#ifndef EGRET_APP_EVALUATION_H
#define EGRET_APP_EVALUATION_H

#include "alerting/alert_json.h"
#include "alerting/sink.h"
#include "app/admission.h"
#include "app/log.h"
#include "app/rule_set.h"
#include "ingest/deadletter.h"
#include "ingest/order.h"
#include "nfa/cold.h"
#include "nfa/shards.h"
#include "web/backend.h"

enum { EVALUATION_HISTORY_MS = 3600 * 1000 };

typedef struct evaluation_source {
    const char *name;
    int64_t lateness_ms;
    bool active;            /* holds the clock until it has shown something, is silent for `idle`, or ends */
    bool partitioned;       /* its partitions are sources of their own, added when a batch first names them. The source itself holds the clock from each
                             * start of the process until a batch of it, without a partition, ends it: then all partitions there are have been named */
} evaluation_source;

/* Sources are numbered: 0 is HTTP, whatever is declared for it, then those of the plan that are read, in its order. edge NULL: HTTP.
 * Partitions are numbered behind them as they appear in the journal. */
bool evaluation_source_counts(const plan_edge *edge);
evaluation_source evaluation_source_of(const plan *p, const plan_edge *edge, const char *name);

typedef struct evaluation_options {
    rule_set *rules;                    /* compiled; the evaluation keeps a user */
    const evaluation_source *sources;   /* borrowed */
    uint32_t n_sources;
    /* Appends the text of the event with that LSN; false: it is not to be had. */
    bool (*record)(void *user, uint64_t lsn, egret_text *out);
    ingest_letters *letters;            /* borrowed */
    const app_log *log;
    int64_t idle_ms;                    /* until evaluation_resume says another */
    /* Takes an alert, already a line; borrowed for the call. Replaying: its id alone, bytes is NULL. */
    void (*alert)(void *user, const plan_rule *rule, const egret_alert *alert, const sink_message *message);
    /* The event with this number in the journal is late, a duplicate, or not evaluated for another reason; NULL: nobody asks. Not while replaying. */
    void (*passed)(void *user, uint64_t event);
    uint32_t shards;                    /* engines that share the keys, each with a thread but the first, which is the caller's; 0: one */
    bool no_threads;                    /* the caller does the work of all */
    size_t memory;                      /* of the state of keys of all shards (nfa_engine_limit): what does not fit goes to cold. 0: no limit */
    const nfa_cold_host *cold;          /* of each shard; borrowed for the call */
    void *user;
} evaluation_options;

typedef struct evaluation evaluation;

evaluation *evaluation_new(const evaluation_options *options);      /* NULL: no memory */
void evaluation_free(evaluation *e);                                /* NULL is allowed */
/* Until the next call: what comes has been evaluated before. The wall clock of alerts (`detected`). */
void evaluation_set_replaying(evaluation *e, bool replaying);
void evaluation_set_wall(evaluation *e, int64_t wall_ms);
/* Takes all records of a batch. What is not EGRET_OK ends the evaluation: state is not to be trusted any more. */
egret_status evaluation_batch(evaluation *e, const admission_batch *batch, int64_t monotonic_ms);
/* Between two epochs: other rules hold from now on; what is known is kept as far as it can be (nfa/succession.h). The shards were prepared for
 * them after this evaluation's own; they become those before, which are to be freed, and then
 * *before, the rules they look at, is to be dropped. `may` says whether it can be done at this moment; if
 * not, it can after some later epoch. filled: what new rules know of the past, or NULL (nfa_shards_take_over_warm). Sources stay what they are; their lateness follows the rules. */
bool evaluation_may_change(const evaluation *e);
egret_status evaluation_change(evaluation *e, rule_set *rules, nfa_shards **shards, nfa_shards *filled, rule_set **before);
rule_set *evaluation_rules(const evaluation *e);
/* The i-th partition that appeared, "source:partition"; NULL: there are no more. */
const char *evaluation_partition(const evaluation *e, uint32_t i);
/* Takes the lateness of sources from the rules, whatever the options said; before anything came. */
void evaluation_follow_lateness(evaluation *e);
/* Lets time pass. A tick changes something only when evaluation_tick_due says so: a source falls silent, or a deadline is due or a held event
 * may go as nothing arrives. */
egret_status evaluation_tick(evaluation *e, int64_t monotonic_ms);
bool evaluation_tick_due(const evaluation *e, int64_t monotonic_ms);
/* The process has begun anew: the time it did not run does not count as silence, and idle_ms may be another. */
void evaluation_resume(evaluation *e, int64_t monotonic_ms, int64_t idle_ms);
/* From here on counters count from zero: what was evaluated before was counted when it came. */
void evaluation_forget_numbers(evaluation *e);
/* Evaluates what is held back for order; deadlines beyond the newest event do not act. */
egret_status evaluation_drain(evaluation *e);

/* What it knows besides the blocks, as bytes; and back, into one just made for the same rules and sources (ingest_order_load). */
egret_status evaluation_save(evaluation *e, egret_text *out);
egret_status evaluation_load(evaluation *e, const char **at, const char *end);
/* The same but for what the order gives in pieces (ingest_order_cut, ingest_order_load_head). */
egret_status evaluation_cut(evaluation *e, egret_text *out);
egret_status evaluation_load_cut(evaluation *e, const char **at, const char *end);
ingest_order *evaluation_order(evaluation *e);
/* Between two ticks events may wait in a turn; after a tick none does, and the shards are at rest. */
nfa_shards *evaluation_shards(evaluation *e);

/* The watermark of a source, or of a partition ("source:partition"; NULL: none); INT64_MIN: none yet. */
int64_t evaluation_watermark(const evaluation *e, uint32_t source, const char *partition);

/* Copies the counters as they stand: plan, streams, rules, engine, unrouted, clock. Arrays belong to the evaluation. */
void evaluation_numbers(evaluation *e, web_numbers *out);

#endif
