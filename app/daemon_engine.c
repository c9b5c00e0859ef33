/*
 * daemon_engine.c: the engine's thread: takes batches from the queue, evaluates them, lets time pass.
 */
#include "app/daemon_internal.h"

#include "app/command.h"

static void give_up(daemon_state *d, egret_status status)
{
    app_log_say(&d->options->log, LOG_ERROR, "the engine stops: %s", egret_status_text(status));
    atomic_store(&d->failed, true);
    admission_close(d->queue);
}

/* Takes what waits; then time passes. Counters are copied at least once a tick, and not more often, however small the batches are. */
static egret_status work_once(daemon_state *d, int64_t *told_ms)
{
    egret_status status = EGRET_OK;
    admission_batch *batch = admission_take(d->queue, DAEMON_TICK_MS);
    int64_t now_ms = app_monotonic_ms();
    atomic_store(&d->heartbeat_ms, now_ms);
    if (batch) status = evaluation_batch(d->evaluation, batch, now_ms);
    admission_batch_free(batch);
    if (status == EGRET_OK && (!batch || now_ms - *told_ms >= DAEMON_TICK_MS)) {
        status = evaluation_tick(d->evaluation, now_ms);
        daemon_web_publish(d);
        *told_ms = now_ms;
    }
    return status;
}

static void *work(void *user)
{
    daemon_state *d = user;
    egret_status status = EGRET_OK;
    int64_t told_ms = 0;
    while (status == EGRET_OK && !admission_is_drained(d->queue)) status = work_once(d, &told_ms);
    if (status == EGRET_OK) status = evaluation_drain(d->evaluation);
    if (status != EGRET_OK) give_up(d, status);
    daemon_web_publish(d);
    return NULL;
}

int daemon_engine_start(daemon_state *d)
{
    evaluation_options options = {.plan = d->plan, .sources = d->sources, .n_sources = d->n_sources, .spool = d->spool,
                                  .letters = d->letters, .log = &d->options->log, .idle_ms = d->options->idle_ms,
                                  .alert = daemon_sinks_alert, .user = d};
    d->evaluation = evaluation_new(&options);
    if (d->evaluation) {
        daemon_web_publish(d);
        atomic_store(&d->heartbeat_ms, app_monotonic_ms());
        d->has_engine_thread = pthread_create(&d->engine_thread, NULL, work, d) == 0;
    }
    if (d->has_engine_thread) return APP_FINE;
    app_log_say(&d->options->log, LOG_ERROR, "the engine does not start: no memory");
    return APP_TROUBLE;
}

void daemon_engine_join(daemon_state *d)
{
    if (d->has_engine_thread) pthread_join(d->engine_thread, NULL);
    d->has_engine_thread = false;
    evaluation_free(d->evaluation);
    d->evaluation = NULL;
}
