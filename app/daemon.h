/*
 * daemon.h: the appliance: sources, HTTP, evaluation and sinks, wired together. All threads are here:
 *
 *     HTTP thread (web/)       decodes bodies --+
 *     one reader per source    decodes files ---+--> admission queue --> engine thread --> committer --> outboxes --> a worker per sink
 *     main thread              signals, time limits of connections
 *
 * The engine evaluates an epoch and hands it to the committer, which writes it to the journal and then answers those who wait and wakes the outboxes;
 * meanwhile the engine evaluates the next. Shared are the admission queue, the committer's list, the outboxes and a copy of the
 * counters, each behind its own lock. Of two locks held at once (an outbox tells the committer that an alert is settled) the
 * committer's is always the inner one.
 */
#ifndef EGRET_APP_DAEMON_H
#define EGRET_APP_DAEMON_H

#include "alerting/sink.h"
#include "app/listen_address.h"
#include "app/log.h"
#include "app/rules_files.h"
#include "web/access.h"

typedef struct daemon_options {
    const rules_files *rules;       /* with a plan */
    const char *data_dir;           /* exists and is locked */
    listen_address listen;
    web_access *access;
    const char **hosts;             /* NULL-terminated: names it answers to, besides those of this machine; may be empty */
    char *tls_certificate, *tls_key, *tls_client_ca;    /* PEM texts, or NULL */
    unsigned rate, connections;     /* requests a second of a token; connections at once */
    int64_t request_ms;             /* longest time of a request */
    app_log log;
    size_t queue_records;
    int64_t keep_ms;                /* of the journal */
    uint64_t keep_bytes;
    int64_t keep_alerts_ms;         /* of the history of alerts */
    uint64_t keep_alert_bytes;
    uint64_t keep_dead_bytes;       /* of the dead letters */
    uint64_t checkpoint_events;     /* so many events after the last one, a checkpoint is made */
    uint64_t memory;                /* of the state of keys; 0: as much as it takes */
    uint32_t shards;                /* engines that share the keys, 1 to NFA_MAX_SHARDS */
    int64_t idle_ms;
    int64_t drain_ms;               /* at the end: longest time for alerts to leave */
    bool unkept;                    /* for measuring alone: nothing is written, and a 202 promises nothing */
    /* For simulations (daemon_steps.h). */
    bool no_threads;
    const sink_kind *(*find_sink)(egret_str name);      /* NULL: sink_kind_find */
} daemon_options;

/* Runs until SIGTERM or SIGINT; gives the exit code. Signals must be blocked in the calling thread before any other thread is made:
 * daemon_block_signals does it. */
int daemon_run(const daemon_options *options);
void daemon_block_signals(void);

#endif
