/*
 * daemon_engine.c: the engine's thread: first the journal is evaluated again; then batches from the queue, in epochs, which go to the committer.
 *
 * The clock of the evaluation is the journal's: it goes on with the monotonic clock while the process runs, from where the journal left it. A tick
 * without events becomes an epoch only when it changes something, so that a quiet night does not fill the journal.
 */
#include "app/daemon_internal.h"

#include "app/command.h"

#include <inttypes.h>

enum {
    EPOCH_RECORDS = 10000,  /* and what the batch that reaches it has besides */
    CUT_TICK_MS = 1         /* while a checkpoint is on its way */
};

static void give_up(daemon_state *d, egret_status status)
{
    app_log_say(&d->options->log, LOG_ERROR, "the engine stops: %s", egret_status_text(status));
    atomic_store(&d->failed, true);
    admission_close(d->queue);
}

/* ---- what the evaluation asks and gives ---- */

/* While the journal is evaluated again alerts are only compared; then they go into the epoch. A rule without sinks tells standard output. */
static void take_alert(void *user, const plan_rule *rule, const egret_alert *alert, const sink_message *message)
{
    daemon_state *d = user;
    if (!message->bytes) {
        recovery_alert(&d->recovery, message);
        return;
    }
    uint32_t out = d->n_sinks - 1;
    epoch_digest(&d->epoch->end, message->id);
    bool fine = epoch_alert_add(d->epoch, rule->n_sinks > 0 ? rule->sinks : &out, rule->n_sinks > 0 ? rule->n_sinks : 1, alert, message);
    d->alerts_failed = d->alerts_failed || !fine;
}

static bool find_record(void *user, uint64_t lsn, egret_text *out)
{
    daemon_state *d = user;
    egret_str raw;
    if ((d->epoch && epoch_raw(d->epoch, lsn, out)) || committer_raw(d->committer, lsn, out)) return true;
    if (!journal_lookup_raw(d->lookup, lsn, &raw)) return false;
    egret_text_put(out, raw.ptr, raw.len);
    return true;
}

/* ---- epochs ---- */

/* The journal's clock now. */
static int64_t clock_now(const daemon_state *d)
{
    return d->clock_base_ms + app_monotonic_ms();
}

static egret_status begin_epoch(daemon_state *d)
{
    d->epoch = epoch_new(d->next_lsn, d->next_event);
    d->alerts_failed = false;
    if (!d->epoch) return EGRET_NO_MEMORY;
    d->epoch->end.wall_ms = app_wall_ms(NULL);
    evaluation_set_wall(d->evaluation, d->epoch->end.wall_ms);
    return EGRET_OK;
}

/* Time passes in it, and it goes to the committer. */
static egret_status end_epoch(daemon_state *d, int64_t clock_ms)
{
    egret_status status = evaluation_tick(d->evaluation, clock_ms);
    if (status == EGRET_OK && d->alerts_failed) status = EGRET_NO_MEMORY;
    if (status != EGRET_OK) return status;
    epoch_end(d->epoch, clock_ms);
    d->next_lsn = d->epoch->next_lsn;
    d->next_event = d->epoch->next_event;
    d->clock_ms = clock_ms;
    epoch *done = d->epoch;
    d->epoch = NULL;
    return committer_submit(d->committer, done) ? EGRET_OK : EGRET_IO;
}

/* The batch and what waits behind it, as one epoch. */
static egret_status evaluate_epoch(daemon_state *d, admission_batch *batch)
{
    int64_t clock_ms = clock_now(d);
    egret_status status = begin_epoch(d);
    if (status != EGRET_OK) admission_batch_free(batch);
    while (status == EGRET_OK && batch) {
        epoch_add(d->epoch, batch);
        status = evaluation_batch(d->evaluation, batch, clock_ms);
        batch = status == EGRET_OK && d->epoch->n_records < EPOCH_RECORDS ? admission_take(d->queue, 0) : NULL;
    }
    return status == EGRET_OK ? end_epoch(d, clock_ms) : status;
}

static egret_status tick(daemon_state *d)
{
    int64_t clock_ms = clock_now(d);
    if (!evaluation_tick_due(d->evaluation, clock_ms)) return EGRET_OK;
    egret_status status = begin_epoch(d);
    return status == EGRET_OK ? end_epoch(d, clock_ms) : status;
}

/* Takes what waits; then time passes. Counters are copied at least once a tick, and not more often, however small the batches are. */
static egret_status work_once(daemon_state *d, int64_t *told_ms)
{
    bool more = daemon_checkpoint_step(d);
    admission_batch *batch = admission_take(d->queue, more ? CUT_TICK_MS : DAEMON_TICK_MS);
    int64_t now_ms = app_monotonic_ms();
    atomic_store(&d->heartbeat_ms, now_ms);
    egret_status status = batch ? evaluate_epoch(d, batch) : tick(d);
    if (status == EGRET_OK && now_ms - *told_ms >= DAEMON_TICK_MS) {
        daemon_web_publish(d);
        *told_ms = now_ms;
    }
    return status;
}

/* ---- the journal again ---- */

static bool go_on(void *user)
{
    daemon_state *d = user;
    atomic_store(&d->heartbeat_ms, app_monotonic_ms());
    return !atomic_load(&d->stopping);
}

static void tell_recovery(const daemon_state *d, int64_t took_ms)
{
    const recovery *r = &d->recovery;
    const app_log *log = &d->options->log;
    if (r->epochs > 0)
        app_log_say(log, LOG_INFO, "journal: %" PRIu64 " events of %" PRIu64 " epochs evaluated again in %" PRId64 " ms", r->events, r->epochs,
                    took_ms);
    if (r->epochs > 0 && r->rules_then != d->fingerprint)
        app_log_say(log, LOG_INFO, "journal: the rules are others than before; they were given what the journal holds, without alerts");
    if (!r->complete) app_log_say(log, LOG_WARNING, "journal: what is older than %" PRIu64 " is gone, and is not in the state", journal_now(d->store).first_lsn);
    if (r->not_decoded > 0)
        app_log_say(log, LOG_WARNING, "journal: %" PRIu64 " events do not fit the rules of now and were passed over", r->not_decoded);
    if (r->other_epochs > 0)
        app_log_say(log, LOG_ERROR, "journal: %" PRIu64 " epochs gave other alerts than when they were first evaluated", r->other_epochs);
}

static bool make_evaluation(daemon_state *d)
{
    evaluation_options options = {.plan = d->plan, .sources = d->sources, .n_sources = d->n_sources, .record = find_record,
                                  .letters = d->letters, .log = &d->options->log, .idle_ms = d->options->idle_ms,
                                  .alert = take_alert, .user = d};
    evaluation_free(d->evaluation);
    d->evaluation = evaluation_new(&options);
    return d->evaluation != NULL;
}

/* From the newest checkpoint, if there is one that can be used, the journal after it. */
static egret_status read_journal(daemon_state *d, bool *restored)
{
    *restored = daemon_checkpoint_restore(d);
    if (!*restored && !make_evaluation(d)) return EGRET_NO_MEMORY;
    recovery_options options = {.store = d->store, .plan = d->plan, .evaluation = d->evaluation, .sources = d->source_names,
                                .n_sources = d->n_sources, .layouts = d->layouts, .rules = d->fingerprint,
                                .log = &d->options->log, .go_on = go_on, .user = d};
    if (*restored) {
        options.from = d->checkpoint.lsn;
        options.clock_ms = d->checkpoint.clock_ms;
        options.rules_then = d->checkpoint.rules;
    }
    /* What was kept is known before anything changes: what the journal's rest changes is for the next checkpoint. */
    if (!daemon_checkpoint_watch(d, *restored)) return EGRET_NO_MEMORY;
    return recovery_run(&d->recovery, &options);
}

static egret_status recover(daemon_state *d)
{
    int64_t began_ms = app_monotonic_ms();
    bool restored;
    egret_status status = read_journal(d, &restored);
    if (status != EGRET_OK || d->recovery.stopped) return status;
    tell_recovery(d, app_monotonic_ms() - began_ms);
    d->clock_ms = d->recovery.clock_ms;
    d->clock_base_ms = d->recovery.clock_ms - app_monotonic_ms();
    evaluation_forget_numbers(d->evaluation);
    evaluation_resume(d->evaluation, d->recovery.clock_ms, d->options->idle_ms);
    d->quarantined = journal_quarantined(d->store);
    if (daemon_store_start(d) != APP_FINE) return EGRET_NO_MEMORY;
    daemon_sinks_begin(d);
    return EGRET_OK;
}

/* The first epoch says which program and which rules it is that begin. */
static egret_status say_start(daemon_state *d)
{
    egret_status status = begin_epoch(d);
    if (status != EGRET_OK) return status;
    d->epoch->is_start = true;
    d->epoch->start = (journal_start){.version = {EGRET_VERSION, sizeof EGRET_VERSION - 1}, .rules = d->fingerprint,
                                      .wall_ms = app_wall_ms(NULL), .idle_ms = d->options->idle_ms,
                                      .files = {d->rules_files.ptr, (uint32_t)d->rules_files.len}};
    d->epoch->next_lsn++;
    return end_epoch(d, d->recovery.clock_ms);
}

/* ---- the thread ---- */

static void *work(void *user)
{
    daemon_state *d = user;
    int64_t told_ms = 0;
    egret_status status = recover(d);
    if (status == EGRET_OK && !d->recovery.stopped) status = say_start(d);
    daemon_web_publish(d);
    if (status != EGRET_OK) give_up(d, status);
    atomic_store(&d->recovered, true);
    while (status == EGRET_OK && !d->recovery.stopped && !admission_is_drained(d->queue)) status = work_once(d, &told_ms);
    if (status == EGRET_OK && !d->recovery.stopped) daemon_checkpoint_finish(d);
    if (status != EGRET_OK && !atomic_load(&d->failed)) give_up(d, status);
    epoch_free(d->epoch);
    d->epoch = NULL;
    daemon_web_publish(d);
    return NULL;
}

int daemon_engine_start(daemon_state *d)
{
    if (make_evaluation(d)) {
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
