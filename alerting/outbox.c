/*
 * outbox.c: one queue, one worker, one sink; see outbox.h.
 *
 * All shared state lies behind one mutex, which is never held while the sink sends. The worker owns the head of the queue: it stays in place
 * while it is tried, so that a close at any moment finds it there and keeps it. Waiting for a next try is a timed wait on the
 * same condition variable that close signals; nothing sleeps.
 */
#include "alerting/outbox.h"

#include "alerting/outbox_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { MAX_WAIT_MS = 300000, MAX_ID = 64 };

typedef struct entry {
    struct entry *next;
    int64_t came_ms;
    unsigned attempts;
    bool from_file;         /* an earlier run left it */
    uint64_t row;           /* the host keeps it under this number; 0: it does not */
    char id[MAX_ID];
    size_t len;
    char bytes[];
} entry;

struct outbox {
    outbox_options options;
    char *kept_path;        /* owned; NULL: no data folder */
    void *sink;             /* owned: the kind's private state */
    int64_t backoff_ms;
    uint64_t max_attempts, max_queue;
    pthread_t worker;
    bool has_worker, has_lock;
    atomic_bool give_up;    /* the time to close is over: the try that runs ends */
    pthread_mutex_t lock;   /* all below */
    pthread_cond_t changed;
    entry *head, **tail;
    outbox_stats stats;
    uint64_t from_file;     /* entries of the kept file that still wait */
    bool closing;           /* no waits any more: each message is tried once, then the worker ends */
    bool stopped;           /* end now */
};

static void say(const outbox *box, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(const outbox *box, int level, const char *format, ...)
{
    if (!box->options.log) return;
    char text[512], line[640];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    snprintf(line, sizeof line, "sink %s: %s", box->options.name, text);
    box->options.log(box->options.log_user, level, line);
}

static int64_t wall_ms(const outbox *box)
{
    return box->options.env->now_ms(box->options.env->now_user);
}

int64_t outbox_wait_ms(int64_t backoff_ms, unsigned attempt, uint64_t random)
{
    unsigned doublings = attempt > 2 ? attempt - 2 : 0;
    int64_t longest = backoff_ms;
    while (doublings-- > 0 && longest < MAX_WAIT_MS) longest *= 2;
    if (longest > MAX_WAIT_MS) longest = MAX_WAIT_MS;
    return (int64_t)(random % ((uint64_t)longest + 1));
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) return (uint64_t)clock();
    return bits;
}

static struct timespec monotonic_in(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) at.tv_sec++, at.tv_nsec -= 1000000000L;
    return at;
}

/* ---- the queue; the lock is held ---- */

/* False: the dead letter could not be written. */
static bool bury(outbox *box, const sink_message *message, unsigned attempts, const char *reason)
{
    box->stats.failed++;
    outbox_dead dead = {box->options.name, reason, attempts, wall_ms(box)};
    const char *dir = box->options.env->data_dir;
    bool written = dir && outbox_dead_write(dir, &dead, message);
    if (!dir) say(box, 0, "alert %s is lost: %s", message->id, reason);
    else if (!written) say(box, 0, "alert %s: dead letter not written: %s", message->id, strerror(errno));
    else say(box, 1, "alert %s is in the dead letters: %s", message->id, reason);
    return written;
}

static void settle(const outbox *box, uint64_t row)
{
    if (row != 0 && box->options.settled) box->options.settled(box->options.settled_user, row);
}

static bool push(outbox *box, const sink_message *message, bool from_file)
{
    size_t id_len = strlen(message->id);
    entry *e = id_len < MAX_ID && message->len < SIZE_MAX - sizeof *e ? malloc(sizeof *e + message->len) : NULL;
    if (!e) return false;
    *e = (entry){.came_ms = wall_ms(box), .from_file = from_file, .row = message->row, .len = message->len};
    memcpy(e->id, message->id, id_len + 1);
    memcpy(e->bytes, message->bytes, message->len);
    *box->tail = e;
    box->tail = &e->next;
    box->stats.backlog++;
    box->from_file += from_file;
    return true;
}

static void pop(outbox *box)
{
    entry *e = box->head;
    box->head = e->next;
    if (!box->head) box->tail = &box->head;
    box->stats.backlog--;
    if (e->from_file && --box->from_file == 0 && !outbox_kept_write(box->kept_path, NULL, 0))
        say(box, 1, "%s: %s", box->kept_path, strerror(errno));
    settle(box, e->row);
    free(e);
    pthread_cond_broadcast(&box->changed);
}

/* ---- the worker ---- */

/* Waits for the next try, or until closing says not to. */
static void wait_before_try(outbox *box, int64_t ms)
{
    struct timespec until = monotonic_in(ms);
    while (!box->closing && !box->stopped)
        if (pthread_cond_timedwait(&box->changed, &box->lock, &until) == ETIMEDOUT) return;
}

/* The head goes to the dead letters. When they cannot be written, whoever keeps it goes on keeping it. */
static void bury_head(outbox *box, const char *reason)
{
    entry *e = box->head;
    sink_message message = {.id = e->id, .bytes = e->bytes, .len = e->len};
    if (!bury(box, &message, e->attempts, reason)) e->row = 0;
    pop(box);
}

static void judge(outbox *box, entry *e, sink_result result, const sink_outcome *outcome)
{
    switch (result) {
    case SINK_SENT:
        box->stats.sent++;
        pop(box);
        return;
    case SINK_GONE:
        box->stats.gone = true;
        say(box, 0, "the receiver wants nothing more: %s", outcome->reason);
        bury_head(box, outcome->reason);
        return;
    case SINK_REFUSED:
        bury_head(box, outcome->reason);
        return;
    case SINK_RETRY:
        break;
    }
    if (e->attempts >= box->max_attempts) {
        bury_head(box, outcome->reason);
        return;
    }
    if (box->closing) {     /* what cannot be sent now is for the next run */
        box->stopped = true;
        return;
    }
    box->stats.retried++;
    if (e->attempts == 1) say(box, 1, "alert %s will be tried again: %s", e->id, outcome->reason);
    int64_t ms = outbox_wait_ms(box->backoff_ms, e->attempts + 1, random_bits());
    wait_before_try(box, outcome->retry_after_ms > ms ? outcome->retry_after_ms : ms);
}

static void try_head(outbox *box)
{
    entry *e = box->head;
    sink_message message = {.id = e->id, .bytes = e->bytes, .len = e->len};
    if (box->stats.gone) {
        bury_head(box, "the receiver wants nothing more (410)");
        return;
    }
    e->attempts++;
    message.give_up = &box->give_up;
    sink_outcome outcome = {0};
    pthread_mutex_unlock(&box->lock);
    sink_result result = sink_send(box->options.kind, box->sink, &message, &outcome);
    pthread_mutex_lock(&box->lock);
    judge(box, e, result, &outcome);
}

static void *work(void *user)
{
    outbox *box = user;
    pthread_mutex_lock(&box->lock);
    while (!box->stopped) {
        if (box->head) try_head(box);
        else if (box->closing) break;
        else pthread_cond_wait(&box->changed, &box->lock);
    }
    box->stopped = true;
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
    return NULL;
}

/* ---- life ---- */

static void take_kept(void *user, const sink_message *message)
{
    outbox *box = user;
    if (!push(box, message, true)) bury(box, message, 0, "no memory");
}

static bool init_locks(outbox *box)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return false;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool fine = pthread_cond_init(&box->changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (!fine) return false;
    if (pthread_mutex_init(&box->lock, NULL) == 0) return box->has_lock = true;
    pthread_cond_destroy(&box->changed);
    return false;
}

static void free_box(outbox *box)
{
    for (entry *e = box->head, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    if (box->sink) box->options.kind->close(box->sink);
    if (box->has_lock) {
        pthread_mutex_destroy(&box->lock);
        pthread_cond_destroy(&box->changed);
    }
    free(box->sink);
    free(box->kept_path);
    free(box);
}

static bool start(outbox *box, char *reason, size_t size)
{
    const outbox_options *options = &box->options;
    sink_outcome outcome = {0};
    box->sink = calloc(1, options->kind->size);
    if (options->env->data_dir) box->kept_path = outbox_kept_path(options->env->data_dir, options->name);
    if (!box->sink || (options->env->data_dir && !box->kept_path) || !init_locks(box)) {
        snprintf(reason, size, "no memory");
        return false;
    }
    if (!options->kind->open(box->sink, options->settings, options->env, &outcome)) {
        snprintf(reason, size, "%s", outcome.reason);
        return false;
    }
    if (box->kept_path && !outbox_kept_read(box->kept_path, take_kept, box)) {
        snprintf(reason, size, "%s: %s", box->kept_path, strerror(errno));
        return false;
    }
    box->has_worker = pthread_create(&box->worker, NULL, work, box) == 0;
    if (!box->has_worker) snprintf(reason, size, "no thread");
    return box->has_worker;
}

outbox *outbox_open(const outbox_options *options, char *reason, size_t reason_size)
{
    outbox *box = calloc(1, sizeof *box);
    if (!box) {
        snprintf(reason, reason_size, "no memory");
        return NULL;
    }
    box->options = *options;
    box->tail = &box->head;
    box->backoff_ms = sink_settings_common(options->settings, options->kind, SINK_BACKOFF);
    box->max_attempts = (uint64_t)sink_settings_common(options->settings, options->kind, SINK_ATTEMPTS);
    box->max_queue = (uint64_t)sink_settings_common(options->settings, options->kind, SINK_QUEUE);
    if (start(box, reason, reason_size)) return box;
    free_box(box);
    return NULL;
}

void outbox_put(outbox *box, const sink_message *message)
{
    pthread_mutex_lock(&box->lock);
    const char *trouble = box->stats.backlog >= box->max_queue ? "the queue is full" : push(box, message, false) ? NULL : "no memory";
    if (trouble && bury(box, message, 0, trouble)) settle(box, message->row);
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

outbox_stats outbox_get_stats(outbox *box)
{
    pthread_mutex_lock(&box->lock);
    outbox_stats stats = box->stats;
    stats.oldest_ms = box->head ? box->head->came_ms : 0;
    pthread_mutex_unlock(&box->lock);
    return stats;
}

static void keep_rest(outbox *box)
{
    uint64_t n = 0;
    if (!box->kept_path) return;
    sink_message *messages = box->stats.backlog > 0 ? calloc(box->stats.backlog, sizeof *messages) : NULL;
    if (box->stats.backlog > 0 && !messages) {
        say(box, 0, "%llu alerts are lost: no memory", (unsigned long long)box->stats.backlog);
        return;
    }
    for (const entry *e = box->head; e; e = e->next)
        if (e->row == 0) messages[n++] = (sink_message){.id = e->id, .bytes = e->bytes, .len = e->len};
    if (!outbox_kept_write(box->kept_path, messages, n)) say(box, 0, "%s: %s", box->kept_path, strerror(errno));
    else if (n > 0) say(box, 1, "%llu alerts are kept for the next run in %s", (unsigned long long)n, box->kept_path);
    free(messages);
}

uint64_t outbox_close(outbox *box, int64_t deadline_ms)
{
    if (!box) return 0;
    struct timespec until = monotonic_in(deadline_ms);
    pthread_mutex_lock(&box->lock);
    box->closing = true;
    pthread_cond_broadcast(&box->changed);
    while (!box->stopped)
        if (pthread_cond_timedwait(&box->changed, &box->lock, &until) == ETIMEDOUT) break;
    box->stopped = true;
    atomic_store(&box->give_up, true);
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
    pthread_join(box->worker, NULL);
    uint64_t kept = box->stats.backlog;
    keep_rest(box);
    free_box(box);
    return kept;
}
