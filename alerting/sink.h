/*
 * sink.h: where alerts go. A kind of sink is one file behind one table of functions; adding one touches that file and sink_kinds.c.
 *
 * A kind sends one message at a time (`send`), or has several on their way at once (`start` and `poll`): HTTP requests side by side, messages that
 * a broker has not acknowledged yet, records of one transaction. Which messages may be on their way together is the outbox's to say (one of each key).
 *
 * Threads: one sink belongs to one worker thread (its outbox); all is called from there, or while it does not run; but wake, from any thread.
 * Blocking: send may block up to the sink's own timeout, poll up to wait_ms; start never does. Only its own outbox waits.
 * Ownership: messages are borrowed for the call, of start until it is done or the sink is closed; settings and env are borrowed until close.
 * Retry, back-off, order and dead letters live once, in outbox.c; a sink says only what became of one try.
 */
#ifndef EGRET_ALERTING_SINK_H
#define EGRET_ALERTING_SINK_H

#include "edge/options.h"

#include <stdatomic.h>

/* One alert on its way. bytes are stored, never made anew, so that every try sends (and signs) the same. */
typedef struct sink_message {
    const char *id;         /* stays the same over all tries; letters, digits, '-' and '_' */
    const char *bytes;      /* one JSON object, no newline */
    size_t len;
    uint64_t row;           /* the host's number of it, given back when it is settled; ascends in the order of alerts; 0: none */
    const atomic_bool *give_up;     /* a send that waits looks at it now and then and ends with SINK_RETRY when it is true; may be NULL */
} sink_message;

typedef enum sink_result {
    SINK_SENT,
    SINK_RETRY,     /* later, please: timeouts, refused connections, 5xx, 429, disk full */
    SINK_REFUSED,   /* this message will never be taken */
    SINK_GONE       /* the receiver wants nothing more, ever (410) */
} sink_result;

typedef struct sink_outcome {
    int64_t retry_after_ms;     /* the receiver's own wish; 0: none */
    char reason[280];           /* why it was not sent, for people: no secrets, no bodies */
} sink_outcome;

/* What became of a message that was started. May start others. */
typedef void (*sink_done_fn)(void *user, void *ticket, sink_result result, const sink_outcome *outcome);

typedef edge_option sink_option;
typedef edge_settings sink_settings;    /* the values of a declaration: of the kind's table, then of the outbox's */

typedef struct sink_env {
    const char *data_dir;               /* relative file names start here; NULL: the working directory */
    int64_t (*now_ms)(void *user);      /* wall clock */
    void *now_user;
    const char *name;                   /* of the sink */
    const char *store_id;               /* of the data folder, 32 hex digits; NULL: there is none */
    void (*log)(void *user, int level, const char *text);       /* whole lines; NULL: nobody listens */
    void *log_user;
    /* Of this sink's rows: the oldest whose end is not on the disk (there is none: *next), and the number the next new one will get at least. False:
     * not known now. From the worker. NULL: never known. */
    bool (*rows)(void *user, uint64_t *oldest, uint64_t *next);
    void *rows_user;
} sink_env;

typedef struct sink_kind {
    const char *name;               /* as written in rules: sink desk: webhook { … } */
    const char *summary;
    const sink_option *options;
    size_t size;                    /* bytes of private state; the outbox allocates and zeroes it */
    /* It keeps the order of what it is given, and tries again by itself: it is given messages strictly in their order, several of one key side by
     * side, and ends with SENT or REFUSED only. (Else a key has one message on its way, and what is tried again comes behind others.) */
    bool in_order;
    /* Succeeds, or writes a sentence to outcome->reason; close then still cleans up. */
    bool (*open)(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome);
    sink_result (*send)(void *self, const sink_message *message, sink_outcome *outcome);    /* NULL: it has the four below */
    size_t (*room)(void *self);     /* how many more may be started now */
    /* Only while there is room. The ticket is whatever the caller knows the message by. */
    void (*start)(void *self, const sink_message *message, void *ticket);
    /* Tells what is done, waiting up to wait_ms while nothing is. */
    void (*poll)(void *self, int64_t wait_ms, sink_done_fn done, void *user);
    void (*wake)(void *self);       /* ends a poll that waits; from any thread, between open and close */
    /* What is still on its way is given up: nobody is told of it, and it may arrive all the same. */
    void (*close)(void *self);
} sink_kind;

/* One message, whatever the kind: returns when it is done, or with SINK_RETRY when message->give_up says so. Nothing else may be on its way. */
sink_result sink_send(const sink_kind *kind, void *self, const sink_message *message, sink_outcome *outcome);

extern const sink_kind sink_kind_file, sink_kind_kafka, sink_kind_mqtt, sink_kind_stdout, sink_kind_webhook;
extern const sink_kind *const sink_kinds[];     /* NULL ends it */
extern const sink_option sink_common_options[]; /* of every sink: how its outbox retries */
enum { SINK_ATTEMPTS, SINK_BACKOFF, SINK_QUEUE, SINK_QUEUE_BYTES, SINK_COMMON_COUNT };

const sink_kind *sink_kind_find(egret_str name);    /* NULL: no such kind */

/* Reads a declaration by the kind's options and the common ones; env("X") comes from the environment. False: a sentence in `reason`
 * (which names an option by name and never shows the value of an env). */
bool sink_settings_read(sink_settings *settings, const sink_kind *kind, const plan_edge *edge, char *reason, size_t reason_size);
/* All fallbacks, for sinks that nobody declared. */
bool sink_settings_fallback(sink_settings *settings, const sink_kind *kind);
void sink_settings_deinit(sink_settings *settings);
/* The common option SINK_ATTEMPTS… of these settings. */
int64_t sink_settings_common(const sink_settings *settings, const sink_kind *kind, unsigned which);

#endif
