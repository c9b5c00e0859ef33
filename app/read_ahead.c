/*
 * read_ahead.c: a bounded queue of batches, filled by one thread.
 *
 * The two threads meet once for each batch, under a lock, for a few steps. Whoever has to wait is woken not for the first batch but when half of
 * them are there: so two threads of unequal speed do not wake each other for each batch anew.
 *
 * Batches go round: free, being filled, in the queue, being evaluated, free again. The one freed last is filled next, as it is the likeliest to be in
 * a cache. There are as many as can be in use at once, made at the start, so the thread itself never lacks one.
 *
 * Invariants: queue, free list and flags only change under the lock; a batch is owned by one place.
 */
#include "app/read_ahead.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* Batches in the queue; and how many of them make it worth waking the other thread. */
enum { DEPTH = 8, HALF = DEPTH / 2 };
/* Batches evaluated: that at hand, and the one behind it, whose events are announced. */
enum { AT_HAND = 2 };

struct read_ahead {
    ingest_replay *files;
    uint32_t batch_events;
    ingest_events *first, **tail;
    uint32_t n;                 /* in the queue */
    ingest_events *free;
    bool done;                  /* the last batch is in the queue */
    bool closed;                /* nobody takes any more */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, drained;
};

static ingest_events *pop(ingest_events **list)
{
    ingest_events *events = *list;
    *list = events->next;
    return events;
}

static void append(read_ahead *ahead, ingest_events *events)
{
    events->next = NULL;
    *ahead->tail = events;
    ahead->tail = &events->next;
    ahead->n++;
    ahead->done = events->last;
    if (ahead->done || ahead->n == HALF) pthread_cond_signal(&ahead->filled);
}

static void *work(void *user)
{
    read_ahead *ahead = user;
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->closed && !ahead->done) {
        if (ahead->n == DEPTH) {
            pthread_cond_wait(&ahead->drained, &ahead->lock);
            continue;
        }
        ingest_events *events = pop(&ahead->free);
        pthread_mutex_unlock(&ahead->lock);
        ingest_replay_fill(ahead->files, events, ahead->batch_events);
        pthread_mutex_lock(&ahead->lock);
        append(ahead, events);
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

ingest_events *read_ahead_take(read_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->first) pthread_cond_wait(&ahead->filled, &ahead->lock);
    ingest_events *events = pop(&ahead->first);
    if (!ahead->first) ahead->tail = &ahead->first;
    ahead->n--;
    if (ahead->n == HALF) pthread_cond_signal(&ahead->drained);
    pthread_mutex_unlock(&ahead->lock);
    return events;
}

void read_ahead_give(read_ahead *ahead, ingest_events *events)
{
    pthread_mutex_lock(&ahead->lock);
    events->next = ahead->free;
    ahead->free = events;
    pthread_mutex_unlock(&ahead->lock);
}

/* ---- making and ending ---- */

static bool make_batches(read_ahead *ahead)
{
    for (uint32_t i = 0; i < DEPTH + AT_HAND + 1; i++) {     /* and one being filled */
        ingest_events *events = ingest_events_new();
        if (!events) return false;
        events->next = ahead->free;
        ahead->free = events;
    }
    return true;
}

static void free_list(ingest_events *events)
{
    while (events) {
        ingest_events *next = events->next;
        ingest_events_free(events);
        events = next;
    }
}

static void free_all(read_ahead *ahead)
{
    free_list(ahead->first);
    free_list(ahead->free);
    pthread_cond_destroy(&ahead->drained);
    pthread_cond_destroy(&ahead->filled);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

egret_status read_ahead_start(ingest_replay *files, uint32_t batch_events, read_ahead **out)
{
    read_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead) return EGRET_NO_MEMORY;
    ahead->files = files;
    ahead->batch_events = batch_events;
    ahead->tail = &ahead->first;
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->filled, NULL);
    pthread_cond_init(&ahead->drained, NULL);
    egret_status status = make_batches(ahead) ? EGRET_OK : EGRET_NO_MEMORY;
    if (status == EGRET_OK && pthread_create(&ahead->thread, NULL, work, ahead) != 0) status = EGRET_IO;
    if (status == EGRET_OK) *out = ahead;
    else free_all(ahead);
    return status;
}

void read_ahead_stop(read_ahead *ahead)
{
    if (!ahead) return;
    pthread_mutex_lock(&ahead->lock);
    ahead->closed = true;
    pthread_cond_signal(&ahead->drained);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    free_all(ahead);
}

uint32_t read_ahead_threads(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1 ? 2 : 1;
}
