/*
 * outbox.c: one sink, one worker; see outbox.h.
 *
 * The window belongs to the worker. What others look at (flags, numbers) lies behind one mutex, which is never held while the sink or the store
 * works. The worker goes in steps: read rows, try those that are due, wait: on the condition variable that wake, pause and close
 * signal, or in the sink's own poll, which they end. Nothing sleeps.
 */
#include "alerting/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    MAX_WAIT_MS = 300000,
    LOOK_AGAIN_MS = 1000,   /* a tool may have put rows into the store; or the store did not work */
    TROUBLED = 3,           /* so many failures in a row: it is the receiver, not the alerts */
    MAX_TROUBLE_MS = 30000  /* then one try in that time at least */
};

struct outbox {
    outbox_options options;
    void *sink;             /* owned: the kind's private state */
    bool is_open;
    int64_t backoff_ms;
    uint64_t max_attempts;
    pthread_t worker;
    bool has_worker, has_lock;
    atomic_bool give_up;    /* the time to close is over: the try that runs ends */
    /* The worker's. */
    outbox_window window;
    size_t flying;
    unsigned failures;      /* in a row */
    int64_t not_before_ms;  /* monotonic: no try before */
    int64_t look_ms;        /* monotonic: when the store is looked at again */
    bool read_failed;
    pthread_mutex_t lock;   /* all below */
    pthread_cond_t changed;
    outbox_stats stats;
    bool woken;
    bool closing;           /* no waits any more: each row is tried once, then the worker ends */
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

/* ---- time and chance ---- */

static int64_t wall_ms(const outbox *box)
{
    return box->options.env->now_ms(box->options.env->now_user);
}

static int64_t now_ms(const outbox *box)
{
    struct timespec now;
    if (box->options.monotonic_ms) return box->options.monotonic_ms(box->options.user);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t outbox_wait_ms(int64_t backoff_ms, unsigned attempt, uint64_t random)
{
    unsigned doublings = attempt > 2 ? attempt - 2 : 0;
    int64_t longest = backoff_ms;
    while (doublings-- > 0 && longest < MAX_WAIT_MS) longest *= 2;
    if (longest > MAX_WAIT_MS) longest = MAX_WAIT_MS;
    return (int64_t)(random % ((uint64_t)longest + 1));
}

static uint64_t random_bits(const outbox *box)
{
    uint64_t bits = 0;
    if (box->options.random) return box->options.random(box->options.user);
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

/* ---- what became of a try; the worker, without the lock ---- */

typedef struct flags { bool paused, closing, stopped, gone; } flags;

static flags look(outbox *box)
{
    pthread_mutex_lock(&box->lock);
    flags f = {box->stats.paused, box->closing, box->stopped, box->stats.gone};
    pthread_mutex_unlock(&box->lock);
    return f;
}

static void count(outbox *box, uint64_t *counter)
{
    pthread_mutex_lock(&box->lock);
    ++*counter;
    pthread_mutex_unlock(&box->lock);
}

static bool settle(outbox *box, const outbox_entry *e, delivery_state state, const char *reason)
{
    return box->options.settled(box->options.user, e->row, &(delivery){state, e->attempts, wall_ms(box), reason});
}

/* It is delivered or dead, and the row goes. When that could not be noted it is tried once more: receivers know alerts by id. */
static void finish(outbox *box, outbox_entry *e, delivery_state state, const char *reason)
{
    if (settle(box, e, state, reason)) {
        count(box, state == DELIVERY_DONE ? &box->stats.sent : &box->stats.failed);
        if (state == DELIVERY_DEAD) say(box, 1, "alert %s is in the dead letters: %s", e->id, reason);
        outbox_window_remove(&box->window, e);
        return;
    }
    e->due_ms = now_ms(box) + LOOK_AGAIN_MS;
    e->tried_last = true;
    outbox_window_block(&box->window, e->order);
}

static void bury(outbox *box, outbox_entry *e, const char *reason)
{
    finish(box, e, DELIVERY_DEAD, reason);
}

/* Its next try is later; that of all others too when the receiver wishes it, or seems to be in trouble. */
static void put_off(outbox *box, outbox_entry *e, const sink_outcome *outcome)
{
    int64_t now = now_ms(box), ms = outbox_wait_ms(box->backoff_ms, e->attempts + 1, random_bits(box));
    e->due_ms = now + ms;
    box->not_before_ms = outcome->retry_after_ms > 0 ? now + outcome->retry_after_ms : 0;
    if (++box->failures < TROUBLED) return;
    ms = outbox_wait_ms(box->backoff_ms, box->failures - TROUBLED + 2, random_bits(box));
    if (ms > MAX_TROUBLE_MS) ms = MAX_TROUBLE_MS;
    if (now + ms > box->not_before_ms) box->not_before_ms = now + ms;
}

static void judge(outbox *box, outbox_entry *e, sink_result result, const sink_outcome *outcome)
{
    switch (result) {
    case SINK_SENT:
        box->failures = 0;
        box->not_before_ms = 0;
        finish(box, e, DELIVERY_DONE, "");
        return;
    case SINK_GONE:
        pthread_mutex_lock(&box->lock);
        box->stats.gone = true;
        pthread_mutex_unlock(&box->lock);
        say(box, 0, "the receiver wants nothing more: %s", outcome->reason);
        bury(box, e, outcome->reason);
        return;
    case SINK_REFUSED:
        box->failures = 0;
        bury(box, e, outcome->reason);
        return;
    case SINK_RETRY:
        break;
    }
    if (e->attempts >= box->max_attempts) {
        bury(box, e, outcome->reason);
        return;
    }
    outbox_window_block(&box->window, e->order);
    e->tried_last = look(box).closing;
    count(box, &box->stats.retried);
    if (box->failures == 0) say(box, 1, "alert %s will be tried again: %s", e->id, outcome->reason);
    (void)settle(box, e, DELIVERY_PENDING, outcome->reason);
    put_off(box, e, outcome);
}

/* ---- trying ---- */

static sink_message message_of(outbox *box, const outbox_entry *e)
{
    return (sink_message){.id = e->id, .bytes = e->bytes, .len = e->len, .row = e->row, .give_up = &box->give_up};
}

static bool may_try(const outbox *box, const flags *f)
{
    return !f->stopped && !f->paused && (f->closing ? box->failures < TROUBLED : box->not_before_ms <= now_ms(box));
}

/* Kinds that send one after the other. True: something was tried. */
static bool send_due(outbox *box)
{
    bool any = false;
    outbox_entry *e;
    outbox_window_begin(&box->window);
    for (flags f = look(box); may_try(box, &f) && (e = outbox_window_next(&box->window, now_ms(box), f.closing)) != NULL; f = look(box)) {
        any = true;
        if (f.gone) {
            bury(box, e, "the receiver wants nothing more (410)");
            continue;
        }
        sink_message message = message_of(box, e);
        sink_outcome outcome = {0};
        e->attempts++;
        sink_result result = box->options.kind->send(box->sink, &message, &outcome);
        judge(box, e, result, &outcome);
    }
    return any;
}

static void done(void *user, void *ticket, sink_result result, const sink_outcome *outcome)
{
    outbox *box = user;
    outbox_entry *e = ticket;
    e->flying = false;
    box->flying--;
    judge(box, e, result, outcome);
}

/* Kinds that have several on their way: starts what there is room for. A receiver in trouble gets one at a time. */
static bool start_due(outbox *box)
{
    bool any = false;
    outbox_entry *e;
    const sink_kind *kind = box->options.kind;
    outbox_window_begin(&box->window);
    for (flags f = look(box); may_try(box, &f); f = look(box)) {
        if (!f.gone && ((box->failures >= TROUBLED && box->flying > 0) || kind->room(box->sink) == 0)) break;
        if (!(e = outbox_window_next(&box->window, now_ms(box), f.closing))) break;
        any = true;
        if (f.gone) {
            bury(box, e, "the receiver wants nothing more (410)");
            continue;
        }
        sink_message message = message_of(box, e);
        e->attempts++;
        e->flying = true;
        box->flying++;
        if (!kind->in_order) outbox_window_block(&box->window, e->order);
        kind->start(box->sink, &message, e);
    }
    return any;
}

/* Reads rows, when there may be some and there is room. */
static void fill(outbox *box)
{
    pthread_mutex_lock(&box->lock);
    bool woken = box->woken;
    box->woken = false;
    pthread_mutex_unlock(&box->lock);
    if (woken || now_ms(box) >= box->look_ms) {
        box->window.all_read = false;
        box->look_ms = now_ms(box) + LOOK_AGAIN_MS;
    }
    int code = outbox_window_fill(&box->window, box->options.read, box->options.user);
    if (code != 0 && !box->read_failed) say(box, 0, "its alerts cannot be read: %s", store_text(code));
    box->read_failed = code != 0;
    if (code != 0) box->window.all_read = true;     /* until it is looked at again */
}

static void publish(outbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->stats.backlog = box->window.n;
    box->stats.backlog_bytes = box->window.bytes;
    box->stats.oldest_ms = box->window.first ? box->window.first->came_ms : 0;
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

/* Does what can be done now; true: there may be more at once. */
static bool step(outbox *box)
{
    const sink_kind *kind = box->options.kind;
    fill(box);
    bool any = kind->send ? send_due(box) : start_due(box);
    if (!kind->send && (any || box->flying > 0)) kind->poll(box->sink, 0, done, box);
    publish(box);
    return any || !(box->window.all_read || box->window.full);
}

static int64_t next_time(const outbox *box, const flags *f)
{
    bool held_up = box->window.n > 0 && box->not_before_ms > now_ms(box);
    int64_t at = f->paused ? INT64_MAX : held_up ? box->not_before_ms : box->window.next_due_ms;
    return at < box->look_ms ? at : box->look_ms;
}

int64_t outbox_step(outbox *box)
{
    for (int i = 0; i < OUTBOX_WINDOW_ROWS && step(box); i++) {}
    flags f = look(box);
    return next_time(box, &f);
}

/* While closing: every row has had its last try, or there is no use in trying. */
static bool is_done(outbox *box)
{
    if (box->flying > 0) return false;
    if (box->failures >= TROUBLED || box->read_failed) return true;
    outbox_window_begin(&box->window);
    return outbox_window_next(&box->window, now_ms(box), true) == NULL && (box->window.all_read || box->window.full);
}

static void wait_some(outbox *box, const flags *f)
{
    int64_t ms = f->closing ? 10 : next_time(box, f) - now_ms(box);
    if (ms <= 0) return;
    if (!box->options.kind->send) {
        box->options.kind->poll(box->sink, ms, done, box);
        return;
    }
    struct timespec until = monotonic_in(ms);
    pthread_mutex_lock(&box->lock);
    while (!box->woken && !box->stopped && box->closing == f->closing && box->stats.paused == f->paused)
        if (pthread_cond_timedwait(&box->changed, &box->lock, &until) == ETIMEDOUT) break;
    pthread_mutex_unlock(&box->lock);
}

static void *work(void *user)
{
    outbox *box = user;
    for (flags f = look(box); !f.stopped; f = look(box)) {
        bool more = step(box);
        f = look(box);
        if (f.closing && (f.paused || (!more && is_done(box)))) break;
        if (!more) wait_some(box, &f);
    }
    pthread_mutex_lock(&box->lock);
    box->stopped = true;
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
    return NULL;
}

/* ---- life ---- */

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
    if (box->is_open) box->options.kind->close(box->sink);
    outbox_window_deinit(&box->window);
    if (box->has_lock) {
        pthread_mutex_destroy(&box->lock);
        pthread_cond_destroy(&box->changed);
    }
    free(box->sink);
    free(box);
}

static bool start(outbox *box, char *reason, size_t size)
{
    const outbox_options *options = &box->options;
    sink_outcome outcome = {0};
    box->sink = calloc(1, options->kind->size);
    if (!box->sink || !init_locks(box)) {
        snprintf(reason, size, "no memory");
        return false;
    }
    box->is_open = true;    /* or to be cleaned up after */
    if (!options->kind->open(box->sink, options->settings, options->env, &outcome)) {
        snprintf(reason, size, "%s", outcome.reason);
        return false;
    }
    if (options->no_thread) return true;
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
    box->stats.paused = options->paused;
    box->backoff_ms = sink_settings_common(options->settings, options->kind, SINK_BACKOFF);
    box->max_attempts = (uint64_t)sink_settings_common(options->settings, options->kind, SINK_ATTEMPTS);
    outbox_window_init(&box->window);
    box->window.next_due_ms = INT64_MAX;
    box->window.in_order = options->kind->in_order;
    if (start(box, reason, reason_size)) return box;
    free_box(box);
    return NULL;
}

static void signal_worker(outbox *box)
{
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
    if (box->options.kind->wake) box->options.kind->wake(box->sink);
}

void outbox_wake(outbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->woken = true;
    signal_worker(box);
}

void outbox_pause(outbox *box, bool paused)
{
    pthread_mutex_lock(&box->lock);
    box->stats.paused = paused;
    box->woken = true;
    signal_worker(box);
}

outbox_stats outbox_get_stats(outbox *box)
{
    pthread_mutex_lock(&box->lock);
    outbox_stats stats = box->stats;
    pthread_mutex_unlock(&box->lock);
    return stats;
}

static void end_worker(outbox *box, int64_t deadline_ms)
{
    struct timespec until = monotonic_in(deadline_ms);
    pthread_mutex_lock(&box->lock);
    box->closing = box->woken = true;
    signal_worker(box);
    pthread_mutex_lock(&box->lock);
    while (!box->stopped)
        if (pthread_cond_timedwait(&box->changed, &box->lock, &until) == ETIMEDOUT) break;
    box->stopped = true;
    atomic_store(&box->give_up, true);
    signal_worker(box);
    pthread_join(box->worker, NULL);
}

uint64_t outbox_close(outbox *box, int64_t deadline_ms)
{
    if (!box) return 0;
    if (box->has_worker) end_worker(box, deadline_ms);
    uint64_t left = box->window.n;
    free_box(box);
    return left;
}
