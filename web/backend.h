/*
 * backend.h: what the web folder asks of the program it is part of: to take events, to say how it is, to give numbers.
 *
 * All functions are called from the server's thread and must not block; numbers one at a time from any thread; what belongs to rules from workers
 * (web/rules_backend.h).
 */
#ifndef EGRET_WEB_BACKEND_H
#define EGRET_WEB_BACKEND_H

#include "alerting/outbox.h"
#include "ingest/decode.h"
#include "ingest/drift.h"
#include "nfa/engine.h"
#include "web/audit.h"
#include "web/backtests_backend.h"
#include "web/history_backend.h"
#include "web/rules_backend.h"
#include "web/server.h"

/* Upper bounds of the histogram of how long evaluation waited for a checkpoint, in microseconds; what is beyond the last stands behind it. */
enum { WEB_PAUSES = 8 };
extern const int64_t web_pause_bounds_us[WEB_PAUSES];
/* The same of how long commits took. */
enum { WEB_COMMITS = 10 };
extern const int64_t web_commit_bounds_us[WEB_COMMITS];
/* The same of checkpoints, from the cut until all of it was handed over to be written. */
enum { WEB_CHECKPOINTS = 10 };
extern const int64_t web_checkpoint_bounds_us[WEB_CHECKPOINTS];

typedef struct web_sink_numbers {
    const char *name;
    outbox_stats stats;
} web_sink_numbers;

typedef struct web_source_numbers {
    const char *name;
    int64_t watermark_ms;               /* INT64_MIN: none yet, or its partitions have their own */
    bool is_feed;                       /* gives messages: what follows is known */
    bool connected, stopped;            /* stopped: it cannot go on, the log says why */
    uint64_t refused;                   /* partitions it does not read, the log says why */
    uint64_t messages, skipped, reconnects, errors;     /* skipped: without a body */
    const ingest_drift *drift;          /* by streams of `intake` in web_numbers; NULL: nobody counts */
} web_source_numbers;

typedef struct web_partition_numbers {
    const char *source, *partition;
    int64_t next;                       /* place of the next message, as it is on the disk; -1: not known */
    int64_t lag;                        /* messages that wait on the other side; -1: not known */
    int64_t watermark_ms;               /* INT64_MIN: none yet */
    int64_t caught_up;                  /* 1: nothing is known to wait on the other side; 0: it holds the clock */
} web_partition_numbers;

/* What a rule takes up: keys and bytes in memory, as they were counted last; processor time since the process began, an estimate. */
typedef struct web_rule_cost { uint64_t keys, bytes, ns; } web_rule_cost;

/* A copy of all counters at one moment; arrays and the plan belong to the backend and stay until its next call. */
typedef struct web_numbers {
    const plan *plan;
    const ingest_stats *streams;        /* n_streams of the plan */
    const nfa_rule_stats *rules;        /* n_rules of the plan */
    const web_rule_cost *costs;         /* n_rules of the plan */
    nfa_stats engine;
    const web_sink_numbers *sinks;
    size_t n_sinks;
    const web_source_numbers *sources;
    const web_partition_numbers *partitions;    /* of all sources that are read now */
    size_t n_sources, n_partitions;
    const plan *intake;                 /* by which sources decode; NULL: none do */
    uint64_t unrouted;                  /* records that no route of their source wanted, or whose stream was never known */
    uint64_t letters, letters_unwritten;    /* dead letters, late and duplicate records; of them not in the file */
    uint64_t queued_records;            /* admitted, not evaluated yet */
    uint64_t queue_limit;
    int64_t clock_ms;                   /* of the engine; INT64_MIN before the first event */
    int64_t start_time_ms;              /* of the process, wall clock */
    uint64_t commits, commit_failures, commit_us;
    uint64_t unwritable;                /* 1: what is accepted cannot be kept now */
    uint64_t journal_written;           /* bytes of blocks, compressed */
    uint64_t checkpoints, checkpoint_bytes, checkpoint_pause_us;
    uint64_t commits_by_time[WEB_COMMITS + 1];
    int64_t wall_ms;                    /* now; 0: not known */
    uint64_t pauses[WEB_PAUSES + 1], pauses_us;     /* each: how many between the bound before and its own; their sum */
    uint64_t checkpoints_by_time[WEB_CHECKPOINTS + 1], checkpoints_us;
    uint64_t journal_bytes, journal_blocks, journal_quarantined, journal_dropped, store_bytes;
    uint64_t alerts, alert_bytes, dropped_alerts;       /* the history */
    uint64_t dead, dead_bytes, dropped_dead;            /* dead letters kept, and dropped for want of room */
} web_numbers;

typedef enum web_admission {
    WEB_ADMITTED,
    WEB_PENDING,        /* admitted; the answer is given when it has been kept (web_later_done) */
    WEB_FULL,           /* the queue has no room: the same again in a moment */
    WEB_TOO_LARGE,      /* more records than the queue could ever hold: send them in parts */
    WEB_STOPPING,
    WEB_UNKEPT,         /* what is accepted could not be kept now: the disk is full, or read-only */
    WEB_NO_MEMORY
} web_admission;

/* Records of one request on their way in, between begin and end. */
typedef struct web_batch web_batch;

typedef struct web_backend {
    void *user;
    const plan *plan;
    /* A batch for records of one request; NULL: no memory. */
    web_batch *(*begin)(void *user);
    /* Copies one record into the batch, decoded or rejected (then it goes to the dead letters). Its stream is set, and its raw text is JSON
     * unless it was rejected. What is not WEB_ADMITTED ends the request. */
    web_admission (*add)(web_batch *batch, const ingest_record *record);
    /* Counts n records of the request that no route of their source wanted. */
    void (*pass_over)(web_batch *batch, uint64_t n);
    /* Admits all of the batch or nothing; the batch is gone afterwards. WEB_PENDING: later will be told. */
    web_admission (*end)(web_batch *batch, web_later *later);
    /* Gives the batch up: nothing of it happened. */
    void (*drop)(web_batch *batch);
    /* Ready to take events? Else a constant sentence. */
    const char *(*not_ready)(void *user);
    /* Is the engine's thread alive? */
    bool (*is_live)(void *user);
    void (*numbers)(void *user, web_numbers *out);
    const web_rules *rules;         /* NULL: rules cannot be changed */
    const web_backtests *backtests; /* NULL: there are none */
    const web_history *history;     /* NULL: alerts are not kept */
    web_audit *audit;               /* NULL: changes are not noted */
} web_backend;

/* All routes, for web_server_options.tables: a table for each resource (web/routes.c). Their handlers take a web_endpoints as app. */
extern const web_route *const web_routes[];

/* What the handlers keep between requests. It belongs to the server's thread from web_server_open to web_server_close. */
typedef struct web_endpoints web_endpoints;
web_endpoints *web_endpoints_new(const web_backend *backend);   /* NULL: no memory */
/* The server that has them: its answers are counted in /metrics. */
void web_endpoints_of(web_endpoints *endpoints, web_server *server);
void web_endpoints_free(web_endpoints *endpoints);              /* NULL is allowed */

#endif
