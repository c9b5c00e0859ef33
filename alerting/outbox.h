/*
 * outbox.h: alerts that wait for their sink.
 *
 * One outbox has one sink, one bounded queue and one worker thread of its own, which it starts at open and joins at close: a sink that hangs
 * holds up nothing but its own queue. The queue is in order; a message that is tried again is waited for, so that a receiver sees
 * alerts in the order they came. What cannot be delivered is never silently lost: it goes, with the reason, to the file
 * dead-alerts-<sink>.ndjson in the data folder: after the last try, when the receiver refuses it, when the receiver is gone (410),
 * and when the queue is full. What still waits at close is kept in outbox-<sink>.ndjson and sent at the next open; that file is
 * deleted only when all of it has left, so a crash in between sends again (receivers know alerts by id).
 *
 * A host that keeps alerts itself gives each message a number (`row`) and is told when it is settled: delivered, or in the dead letters. The
 * outbox then keeps no file of those: at close they are simply left, and the host hands them in again.
 */
#ifndef EGRET_ALERTING_OUTBOX_H
#define EGRET_ALERTING_OUTBOX_H

#include "alerting/sink.h"

typedef struct outbox outbox;

/* From any thread; level as in egret_log_fn. */
typedef void (*outbox_log_fn)(void *user, int level, const char *text);

typedef struct outbox_options {
    const char *name;               /* of the sink; a name of the language, so it is safe in file names */
    const sink_kind *kind;
    const sink_settings *settings;  /* borrowed until close */
    const sink_env *env;            /* borrowed until close; data_dir is where kept and dead alerts go; NULL there: nowhere */
    outbox_log_fn log;              /* may be NULL */
    void *log_user;
    /* A message with a row is settled. From the worker or whoever puts; must not call the outbox. May be NULL. */
    void (*settled)(void *user, uint64_t row);
    void *settled_user;
} outbox_options;

typedef struct outbox_stats {
    uint64_t sent, retried;
    uint64_t failed;                /* dead letters */
    uint64_t backlog;               /* waiting now, with the one being sent */
    int64_t oldest_ms;              /* wall clock when the oldest that waits came; 0: none waits */
    bool gone;
} outbox_stats;

/* Opens the sink, takes up what an earlier run left, starts the worker. NULL: a sentence in `reason`. */
outbox *outbox_open(const outbox_options *options, char *reason, size_t reason_size);
/* Copies the message. Never blocks on the sink. From any thread. */
void outbox_put(outbox *box, const sink_message *message);
outbox_stats outbox_get_stats(outbox *box);
/* Waits until the queue is empty, at most deadline_ms; then ends the worker (a try that runs is told to give up, and waited for), keeps what
 * is left and frees everything. Gives how many were kept. */
uint64_t outbox_close(outbox *box, int64_t deadline_ms);

/* Wait before try number `attempt` (2, 3, …): full jitter, random in [0, min(5 min, backoff * 2^(attempt - 2))]; random is any 64 bits. */
int64_t outbox_wait_ms(int64_t backoff_ms, unsigned attempt, uint64_t random);

#endif
