/*
 * alert_writer.c: a ring of reports, filled by the engine's thread and written by one of its own.
 *
 * Invariants: reports from `done` to `given` are the writer's, the others the engine's thread's; both numbers, the flag and the status only change
 * under the lock.
 */
#include "app/alert_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { DEPTH = 16 };

struct alert_writer {
    alert_write_fn *write;
    void *user;
    nfa_reports reports[DEPTH];
    uint64_t given, done;
    bool closed;
    egret_status status;
    int why;                    /* errno, where the status has one */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, less;
};

static egret_status write_all(alert_writer *w, nfa_reports *reports)
{
    egret_status status = EGRET_OK;
    for (const nfa_alert *alert; status == EGRET_OK && (alert = nfa_reports_next(reports)) != NULL;) status = w->write(w->user, alert);
    return status;
}

static void *work(void *user)
{
    alert_writer *w = user;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->done == w->given && !w->closed) pthread_cond_wait(&w->more, &w->lock);
        if (w->done == w->given) break;
        bool fine = w->status == EGRET_OK;
        pthread_mutex_unlock(&w->lock);
        egret_status status = fine ? write_all(w, &w->reports[w->done % DEPTH]) : EGRET_OK;     /* behind a trouble nothing is written */
        int why = errno;
        pthread_mutex_lock(&w->lock);
        if (status != EGRET_OK) {
            w->status = status;
            w->why = why;
        }
        w->done++;
        pthread_cond_signal(&w->less);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Waits until at most so many are not written; the lock is held. */
static egret_status wait_for(alert_writer *w, uint64_t most)
{
    while (w->given - w->done > most) pthread_cond_wait(&w->less, &w->lock);
    if (w->status != EGRET_OK) errno = w->why;
    return w->status;
}

/* What cannot be handed over is written here, behind all that was. */
static egret_status write_here(alert_writer *w, nfa_shards *shards)
{
    pthread_mutex_lock(&w->lock);
    egret_status status = wait_for(w, 0);
    pthread_mutex_unlock(&w->lock);
    for (const nfa_alert *alert; status == EGRET_OK && (alert = nfa_shards_take(shards)) != NULL;) status = w->write(w->user, alert);
    return status;
}

egret_status alert_writer_take(alert_writer *w, nfa_shards *shards)
{
    if (!nfa_shards_waits(shards)) return EGRET_OK;
    pthread_mutex_lock(&w->lock);
    egret_status status = wait_for(w, DEPTH - 1);
    pthread_mutex_unlock(&w->lock);
    if (status != EGRET_OK) return status;
    if (!nfa_shards_hand_over(shards, &w->reports[w->given % DEPTH])) return write_here(w, shards);
    pthread_mutex_lock(&w->lock);
    w->given++;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    return EGRET_OK;
}

static void free_all(alert_writer *w)
{
    for (uint32_t i = 0; i < DEPTH; i++) nfa_reports_deinit(&w->reports[i]);
    pthread_cond_destroy(&w->less);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

egret_status alert_writer_start(egret_mem mem, alert_write_fn *write, void *user, alert_writer **out)
{
    alert_writer *w = calloc(1, sizeof *w);
    if (!w) return EGRET_NO_MEMORY;
    w->write = write;
    w->user = user;
    for (uint32_t i = 0; i < DEPTH; i++) nfa_reports_init(&w->reports[i], mem);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->less, NULL);
    if (pthread_create(&w->thread, NULL, work, w) == 0) {
        *out = w;
        return EGRET_OK;
    }
    free_all(w);
    return EGRET_IO;
}

egret_status alert_writer_stop(alert_writer *w)
{
    if (!w) return EGRET_OK;
    pthread_mutex_lock(&w->lock);
    w->closed = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    egret_status status = w->status;
    int why = w->why;
    free_all(w);
    if (status != EGRET_OK) errno = why;
    return status;
}
