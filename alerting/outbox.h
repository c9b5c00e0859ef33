/*
 * outbox.h: alerts that wait for their sink, in the store, and the worker that delivers them.
 *
 * One outbox has one sink and one worker thread of its own, which it starts at open and joins at close: a sink that hangs holds up nothing but its
 * own rows. The worker has a bounded number of rows in memory (outbox_window.h) and reads on as they are delivered; what became of each
 * try is told to the host, which notes it in the store. So what is not delivered at close, or at a crash, is simply still there.
 *
 * Alerts of one key leave in the order they came: the next one is sent when the one before is delivered or dead. Keys do not wait for each
 * other, unless the receiver as a whole is in trouble: it says so (Retry-After), or several tries in a row have failed; then one
 * alert at a time is tried until one gets through.
 *
 * After the last try, when the receiver refuses an alert, and when the receiver is gone (410), an alert is dead: the host keeps it among the dead letters.
 * Bounds on what may wait are the host's too (committer.h).
 */
#ifndef EGRET_ALERTING_OUTBOX_H
#define EGRET_ALERTING_OUTBOX_H

#include "alerting/outbox_window.h"
#include "alerting/sink.h"

typedef struct outbox outbox;

/* From any thread; level as in egret_log_fn. */
typedef void (*outbox_log_fn)(void *user, int level, const char *text);

typedef struct outbox_options {
    const char *name;               /* of the sink; a name of the language, so it is safe in file names */
    const sink_kind *kind;
    const sink_settings *settings;  /* borrowed until close */
    const sink_env *env;            /* borrowed until close */
    outbox_log_fn log;              /* may be NULL */
    void *log_user;
    outbox_read_fn read;            /* the sink's rows; from the worker */
    /* What became of a try. From the worker; must not call the outbox. False: it could not be noted; the row is tried again. */
    bool (*settled)(void *user, uint64_t row, const delivery *what);
    void *user;
    bool paused;                    /* nothing is sent until outbox_pause says so */
    /* For simulations; all NULL and false otherwise. */
    bool no_thread;                 /* outbox_step is called instead */
    int64_t (*monotonic_ms)(void *user);
    uint64_t (*random)(void *user);
} outbox_options;

typedef struct outbox_stats {
    uint64_t sent, retried;
    uint64_t failed;                /* dead letters */
    uint64_t backlog;               /* waiting now: of an outbox alone, those it has in memory; the host knows all */
    uint64_t backlog_bytes;
    int64_t oldest_ms;              /* wall clock when the oldest that waits came; 0: none waits */
    bool gone, paused;
} outbox_stats;

/* Opens the sink and starts the worker, which reads when outbox_wake is called. NULL: a sentence in `reason`. */
outbox *outbox_open(const outbox_options *options, char *reason, size_t reason_size);
/* There may be new rows. From any thread. */
void outbox_wake(outbox *box);
/* From any thread. What is on its way meanwhile still arrives. */
void outbox_pause(outbox *box, bool paused);
outbox_stats outbox_get_stats(outbox *box);
/* Delivers what can be delivered at once, for deadline_ms at most: each row has one more try. Then ends the worker (a try that runs is told to give
 * up, and waited for) and frees everything. Gives how many rows of those in memory are left. */
uint64_t outbox_close(outbox *box, int64_t deadline_ms);

/* Without a thread: does what can be done now. Gives the monotonic time at which there is more to do, INT64_MAX: when it is woken. */
int64_t outbox_step(outbox *box);

/* Wait before try number `attempt` (2, 3, …): full jitter, random in [0, min(5 min, backoff * 2^(attempt - 2))]; random is any 64 bits. */
int64_t outbox_wait_ms(int64_t backoff_ms, unsigned attempt, uint64_t random);

#endif
