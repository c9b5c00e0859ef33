/*
 * daemon_internal.h: what the files of the daemon share: daemon.c (life), daemon_engine.c (the engine's thread), daemon_checkpoint.c (its state on the disk), daemon_store.c (the data folder),
 * daemon_sinks.c, daemon_sources.c (readers), daemon_feeds.c (sources that give messages), daemon_web.c (what HTTP asks for).
 */
#ifndef EGRET_APP_DAEMON_INTERNAL_H
#define EGRET_APP_DAEMON_INTERNAL_H

#include "alerting/outbox.h"
#include "app/admission.h"
#include "app/committer.h"
#include "app/daemon.h"
#include "app/daemon_rules.h"
#include "app/relayout.h"
#include "app/evaluation.h"
#include "app/recovery.h"
#include "store/cold_packs.h"
#include "store/journal_lookup.h"
#include "ingest/drift.h"
#include "web/backend.h"

#include <pthread.h>
#include <stdatomic.h>

enum { DAEMON_QUEUE_BYTES = 256 * 1024 * 1024, DAEMON_TICK_MS = 100, DAEMON_HTTP_SOURCE = 0 };

typedef struct daemon_sink {
    struct daemon_state *daemon;
    char *name;                 /* owned */
    sink_settings settings;
    sink_env env;
    outbox *box;
} daemon_sink;

typedef struct daemon_returns daemon_returns;   /* daemon_returns.c */
typedef struct daemon_reader daemon_reader;     /* daemon_sources.c */
typedef struct daemon_feed daemon_feed;         /* daemon_feeds.c */

/* Which new rule is being filled with the past, and how far that is (rules_warm.c). */
typedef struct warming_state {
    pthread_mutex_t lock;
    bool busy;
    char rule[256];
    uint64_t from, next, end;   /* records */
    uint64_t events;
} warming_state;

void warming_init(warming_state *s);
void warming_deinit(warming_state *s);

typedef struct daemon_state {
    const daemon_options *options;
    const plan *plan;           /* of the rules as of the start: by it records are decoded, and sources and sinks opened */
    daemon_rules *rules;
    relayout *intake;           /* from `plan` to that of the rules in force; the engine's thread */
    int64_t start_ms;           /* wall clock */
    daemon_sink *sinks;         /* of the plan, in its order, then one for standard output */
    committer_bound *bounds;    /* what may wait for each */
    atomic_bool sends;          /* outboxes may read the store: the committer runs */
    atomic_ullong told;         /* position of the newest entry of the history */
    uint32_t n_sinks;
    evaluation_source *sources; /* 0 is HTTP, then those that are read here */
    daemon_reader *readers;     /* n_sources - 1 */
    daemon_feed **feeds;        /* beside the readers: NULL where a source is read as bytes */
    ingest_drift **drifts;      /* of the sources */
    atomic_llong *watermarks;   /* of the sources, for /metrics; written by the engine's thread */
    uint32_t n_sources;
    size_t max_body_bytes;      /* the greatest an http source asks for; 0: none does */
    admission *queue;
    ingest_letters *letters;    /* into the epoch at hand */
    daemon_returns *returns;
    store *store;
    cold_packs *cold[NFA_MAX_SHARDS];   /* what does not fit into memory, of each shard; NULL: there is no limit. The shard's thread */
    committer *committer;
    const char **source_names, **sink_names;    /* by number; the names are the sources' and the sinks' */
    journal_lookup *lookup;     /* evidence; the engine's thread */
    recovery recovery;
    epoch *epoch;               /* being evaluated; the engine's thread */
    bool alerts_failed;         /* of that epoch: no memory for one */
    /* Checkpoints; the engine's thread. */
    checkpoint_info checkpoint; /* the newest, or the one on its way; base 0: the next one is of all */
    uint64_t events_at_cut;     /* next_event at the last cut */
    bool cut_soon;              /* a restart would fill new rules again: a cut is made as soon as may be */
    bool spread;                /* what was brought back was written by another number of shards */
    uint32_t order_pieces, order_pieces_before;     /* of the cut on its way, and of the one before */
    int64_t cut_at_ms;          /* monotonic */
    atomic_llong longest_pause_us;  /* the longest that evaluation waited for a checkpoint */
    atomic_llong checkpoints[WEB_CHECKPOINTS + 1], checkpoints_us;      /* how many took how long (web_checkpoint_bounds_us) */
    atomic_llong pauses[WEB_PAUSES + 1], pauses_us;     /* how often it waited how long (web_pause_bounds_us), and how long in all */
    int64_t clock_ms;           /* the journal's, of the last epoch */
    uint64_t quarantined;       /* blocks of the journal, as of the start */
    uint64_t next_lsn, next_event;
    int64_t clock_base_ms;      /* the journal's clock is this and the monotonic one */
    egret_text rules_files;     /* as in journal_start.files */
    evaluation *evaluation;     /* the engine's thread, while it runs */
    pthread_t engine_thread;
    bool has_engine_thread;
    int64_t published_ms;       /* monotonic: when counters were copied; the engine's thread */
    atomic_bool recovered;      /* the engine's thread has evaluated the journal */
    atomic_bool failed;         /* the engine gave up; said why in the log */
    atomic_bool stopping;
    atomic_llong heartbeat_ms;  /* monotonic, of the engine's thread */
    pthread_mutex_t numbers_lock;
    web_numbers numbers;        /* copies; arrays owned */
    web_numbers shown;          /* what the HTTP thread shows; arrays owned */
    rule_set *numbers_rules, *shown_rules;      /* of which these are */
    web_backend backend;
    struct daemon_backtests *backtests;     /* daemon_backtests.c */
    warming_state warming;
    web_history history;        /* what backend.history is */
    pthread_mutex_t server_lock;
    web_server *server;         /* whose feed is woken; NULL: none */
    web_rules web_rules;        /* its part for rules */
} daemon_state;

/* daemon.c: opens all inside, closes it. */
int daemon_open_inside(daemon_state *d);
void daemon_close_inside(daemon_state *d);

/* All print their own troubles to the log and give an exit code. */
int daemon_no_memory(const daemon_state *d);    /* for a start */
int daemon_sinks_open(daemon_state *d);
void daemon_sinks_close(daemon_state *d);
/* The history has new entries, up to this position; user: daemon_state. */
void daemon_sinks_release(void *user, uint64_t position);
void daemon_sinks_wake(daemon_state *d);    /* there may be something to send, and to tell followers of the feed */
void daemon_sinks_begin(daemon_state *d);   /* the committer runs: what an earlier run left is on its way */

/* Between epochs: goes on with the cut, or begins one when it is time. True: there is more to do. */
bool daemon_checkpoint_step(daemon_state *d);
void daemon_checkpoint_finish(daemon_state *d);     /* the last one, of the state at the end */
/* Before the journal is read: makes the evaluation by the rules of then. False: there is none that can be used. */
bool daemon_checkpoint_restore(daemon_state *d);
bool daemon_checkpoint_watch(daemon_state *d, bool restored);   /* false: no memory */

int daemon_store_open(daemon_state *d);
int daemon_store_name(daemon_state *d);     /* when sources and sinks have their names */
int daemon_store_start(daemon_state *d);    /* the committer */
void daemon_store_close(daemon_state *d);   /* after the sinks */

int daemon_sources_name(daemon_state *d);   /* fills sources and readers, opens files */
int daemon_sources_start(daemon_state *d);
void daemon_sources_stop(daemon_state *d);  /* joins the readers */
void daemon_sources_free(daemon_state *d);

/* daemon_feeds.c: the source with this number, when it is of a kind that gives messages. name: of d->sources. */
int daemon_feed_open(daemon_state *d, const plan_edge *edge, uint32_t number, const char *name);
bool daemon_feed_start(daemon_feed *feed);  /* false: no thread */
void daemon_feed_stop(daemon_feed *feed);   /* joins; NULL is allowed */
void daemon_feed_free(daemon_feed *feed);   /* after the committer; NULL is allowed */
void daemon_feeds_watermarks(daemon_state *d);      /* the engine's thread: copies them */
bool daemon_feeds_numbers(daemon_state *d, web_numbers *out);   /* the HTTP thread; false: no memory */
const char *daemon_feeds_trouble(const daemon_state *d);    /* one of them cannot go on, or not with all: a constant sentence; else NULL */

bool daemon_returns_start(daemon_state *d);     /* dead events that are to come in again; false: no memory, or no thread */
void daemon_returns_wake(daemon_state *d);      /* there may be some; from any thread */
void daemon_returns_stop(daemon_state *d);      /* after admission_close */

bool daemon_engine_make(daemon_state *d, rule_set *rules);  /* the evaluation, by these rules; false: no memory */
int daemon_engine_start(daemon_state *d);   /* evaluates the journal first, then sets `recovered` */
/* What the thread does, for daemon_steps.c: begins, does what is to do now, ends. */
egret_status daemon_engine_begin(daemon_state *d);
egret_status daemon_engine_once(daemon_state *d);
void daemon_engine_end(daemon_state *d, bool keeps);    /* keeps: with a last checkpoint */
void daemon_engine_join(daemon_state *d);   /* after admission_close: all that was admitted is evaluated */

void daemon_web_serve(daemon_state *d, web_server *server);     /* from now on its feed is woken; NULL: no more */
void daemon_web_wake(daemon_state *d);      /* there are new entries of the history; from any thread */
bool daemon_web_init(daemon_state *d);      /* false: no memory */
void daemon_web_deinit(daemon_state *d);
/* Copies the counters for /metrics; called by the engine's thread. */
void daemon_web_publish(daemon_state *d);

#endif
