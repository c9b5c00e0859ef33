/*
 * daemon_engine.c: the engine's thread: first the journal is evaluated again; then batches from the queue, in epochs, which go to the committer.
 *
 * The clock of the evaluation is the journal's: it goes on with the monotonic clock while the process runs, from where the journal left it. A tick
 * without events becomes an epoch only when it changes something, so that a quiet night does not fill the journal.
 */
#include "app/daemon_internal.h"

#include "app/command.h"

#include <inttypes.h>
#include <string.h>

enum {
    EPOCH_RECORDS = 10000,  /* and what the batch that reaches it has besides */
    EPOCH_ROW_BYTES = COMMITTER_ROW_BYTES / 2,  /* the same; an epoch is not divided between two commits */
    CUT_TICK_MS = 1,        /* while a checkpoint is on its way */
    SETTLE_KEYS = 64, SETTLE_US = 500
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

/* While the journal is evaluated again there is no epoch, and nothing on its way to the disk. */
static bool find_record(void *user, uint64_t lsn, egret_text *out)
{
    daemon_state *d = user;
    egret_str raw;
    if ((d->epoch && epoch_raw(d->epoch, lsn, out)) || (d->committer && committer_raw(d->committer, lsn, out))) return true;
    if (!journal_lookup_raw(d->lookup, lsn, &raw)) {
        out->failed = journal_lookup_failed(d->lookup);
        return false;
    }
    egret_text_put(out, raw.ptr, raw.len);
    return true;
}

static void pass_event(void *user, uint64_t event)
{
    daemon_state *d = user;
    epoch_pass(d->epoch, event);
}

/* ---- epochs ---- */

/* The journal's clock now. */
static int64_t clock_now(const daemon_state *d)
{
    return d->clock_base_ms + app_monotonic_ms();
}

static egret_status begin_epoch(daemon_state *d)
{
    d->epoch = epoch_new(d->next_lsn, d->next_event, evaluation_rules(d->evaluation));
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
    if (!epoch_end(d->epoch, clock_ms, nfa_shards_clock(evaluation_shards(d->evaluation)))) return EGRET_NO_MEMORY;
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
        status = relayout_batch(d->intake, batch);
        epoch_add(d->epoch, batch);
        if (status == EGRET_OK) status = evaluation_batch(d->evaluation, batch, clock_ms);
        bool room = d->epoch->n_records < EPOCH_RECORDS && d->epoch->row_bytes < (size_t)EPOCH_ROW_BYTES;
        batch = status == EGRET_OK && room ? admission_take(d->queue, 0) : NULL;
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

/* ---- other rules ---- */

/* They hold from here on. */
static egret_status in_force(daemon_state *d, const rule_change *change)
{
    rule_set *rules = evaluation_rules(d->evaluation);
    relayout_free(d->intake);
    d->intake = relayout_new(d->plan, rules->plan);
    daemon_rules_in_force(d->rules, change, rules, evaluation_shards(d->evaluation));
    return d->intake ? EGRET_OK : EGRET_NO_MEMORY;
}

/* The epoch at hand, which is empty yet, begins with the change. */
static egret_status put_into_force(daemon_state *d, rule_change *change)
{
    egret_status status = EGRET_OK;
    rule_change_holds_from(change, d->epoch->end.wall_ms);
    epoch_change(d->epoch, change);
    uint64_t from;
    warm_up *warm = rule_change_warm_up(change, &from);
    if (*rule_change_shards(change))
        status = evaluation_change(d->evaluation, rule_change_rules(change), rule_change_shards(change), warm ? warm_up_filled(warm) : NULL, rule_change_before(change));
    if (warm) {
        committer_need_until(d->committer, from, d->epoch->lsn);
        d->cut_soon = true;
    }
    return status == EGRET_OK ? in_force(d, change) : status;
}

/* What new rules are filled with comes up to here: all epochs are committed first, and what of them has not been read yet is read. NULL, or a sentence:
 * nothing is changed. */
static const char *catch_up(daemon_state *d, const rule_change *change)
{
    uint64_t from;
    warm_up *warm = rule_change_warm_up(change, &from);
    if (!warm) return NULL;
    if (!committer_wait(d->committer)) return "the disk cannot be written now; nothing was changed";
    egret_status status = warm_up_read(warm, d->next_lsn);
    if (status == EGRET_OK) status = warm_up_until(warm, nfa_shards_clock(evaluation_shards(d->evaluation)));
    return status == EGRET_OK ? NULL : status == EGRET_NO_MEMORY ? "no memory to warm the rule up; nothing was changed"
                                                                 : "the journal cannot be read; nothing was changed";
}

/* What waits is put into force, in an epoch of its own. */
static egret_status change_rules(daemon_state *d)
{
    rule_change *change = evaluation_may_change(d->evaluation) ? daemon_rules_take(d->rules) : NULL;
    const char *trouble = change ? catch_up(d, change) : NULL;
    if (trouble) {
        rule_change_answer(change, trouble);
        rule_change_free(change);
        change = NULL;
    }
    if (!change) return EGRET_OK;
    egret_status status = begin_epoch(d);
    if (status != EGRET_OK) rule_change_free(change);
    else status = put_into_force(d, change);
    return status == EGRET_OK ? end_epoch(d, clock_now(d)) : status;
}

/* What new rules were filled with moves to its keys, for a moment. True: there is more to do. */
static bool settle(daemon_state *d)
{
    nfa_shards *shards = evaluation_shards(d->evaluation);
    int64_t began_us = app_monotonic_us();
    bool more = nfa_shards_settle(shards, SETTLE_KEYS);
    while (more && app_monotonic_us() - began_us < SETTLE_US) more = nfa_shards_settle(shards, SETTLE_KEYS);
    return more;
}

static void wake_engine(void *user)
{
    daemon_state *d = user;
    admission_wake(d->queue);
}

/* Takes what waits; then time passes. Counters are copied at least once a tick, and not more often, however small the batches are. */
static egret_status work_once(daemon_state *d, int64_t *told_ms)
{
    bool more = settle(d) || daemon_checkpoint_step(d);
    admission_batch *batch = admission_take(d->queue, more ? CUT_TICK_MS : DAEMON_TICK_MS);
    int64_t now_ms = app_monotonic_ms();
    atomic_store(&d->heartbeat_ms, now_ms);
    egret_status status = batch ? evaluate_epoch(d, batch) : tick(d);
    if (status == EGRET_OK) status = change_rules(d);
    if (status == EGRET_OK) daemon_rules_answer(d->rules);
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
    if (r->other_rules > 0)
        app_log_say(log, LOG_WARNING, "journal: the rules of %" PRIu64 " changes cannot be had in this version; the journal was evaluated by others there",
                    r->other_rules);
    if (!r->complete) app_log_say(log, LOG_WARNING, "journal: what is older than %" PRIu64 " is gone, and is not in the state", journal_now(d->store).first_lsn);
    if (r->not_decoded > 0)
        app_log_say(log, LOG_WARNING, "journal: %" PRIu64 " events do not fit the rules of now and were passed over", r->not_decoded);
    if (r->other_epochs > 0)
        app_log_say(log, LOG_ERROR, "journal: %" PRIu64 " epochs gave other alerts than when they were first evaluated; the first ends with record %" PRIu64,
                    r->other_epochs, r->first_other);
}

bool daemon_engine_make(daemon_state *d, rule_set *rules)
{
    nfa_cold_host cold[NFA_MAX_SHARDS];
    for (uint32_t i = 0; i < d->options->shards && d->cold[i]; i++) cold[i] = cold_packs_host(d->cold[i]);
    evaluation_options options = {.rules = rules, .sources = d->sources, .n_sources = d->n_sources, .record = find_record,
                                  .letters = d->letters, .log = &d->options->log, .idle_ms = d->options->idle_ms,
                                  .shards = d->options->shards, .no_threads = d->options->no_threads,
                                  .memory = (size_t)d->options->memory, .cold = cold, .alert = take_alert, .passed = pass_event, .user = d};
    evaluation_free(d->evaluation);
    d->evaluation = evaluation_new(&options);
    if (d->evaluation) evaluation_follow_lateness(d->evaluation);
    return d->evaluation != NULL;
}

/* From the newest checkpoint, if there is one that can be used, the journal after it. */
static egret_status read_journal(daemon_state *d, bool *restored)
{
    *restored = daemon_checkpoint_restore(d);
    if (!*restored && !daemon_engine_make(d, daemon_rules_boot(d->rules))) return EGRET_NO_MEMORY;
    recovery_options options = {.store = d->store, .evaluation = d->evaluation, .sources = d->source_names, .n_sources = d->n_sources,
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

/* Whether more of them would help is a question of the rules. */
static void tell_shards(const daemon_state *d)
{
    const nfa_shards *shards = evaluation_shards(d->evaluation);
    uint32_t n = nfa_shards_count(shards);
    if (n > 1)
        app_log_say(&d->options->log, LOG_INFO, "%u shards: %u of %u key groups are split between them, the others live whole in one each", n,
                    nfa_shards_split_groups(shards), evaluation_rules(d->evaluation)->plan->n_groups);
}

static egret_status recover(daemon_state *d)
{
    int64_t began_ms = app_monotonic_ms();
    bool restored;
    egret_status status = read_journal(d, &restored);
    if (status != EGRET_OK || d->recovery.stopped) return status;
    tell_recovery(d, app_monotonic_ms() - began_ms);
    d->clock_ms = d->recovery.clock_ms;
    d->cut_soon = d->recovery.warm_from != UINT64_MAX;
    d->clock_base_ms = d->recovery.clock_ms - app_monotonic_ms();
    evaluation_forget_numbers(d->evaluation);
    evaluation_resume(d->evaluation, d->recovery.clock_ms, d->options->idle_ms);
    d->quarantined = journal_quarantined(d->store);
    if (daemon_store_start(d) != APP_FINE) return EGRET_NO_MEMORY;
    daemon_sinks_begin(d);
    return EGRET_OK;
}

/* The rules that are to hold, when they are others than those the journal ended with. false: no memory. */
static bool prepare_rules(daemon_state *d, rule_change *change)
{
    egret_text are, were;
    rule_set *before = evaluation_rules(d->evaluation), *after = rule_change_rules(change);
    egret_text_init(&are, egret_mem_of(NULL));
    egret_text_init(&were, egret_mem_of(NULL));
    rule_set_write(after, &are);
    rule_set_write(before, &were);
    bool fine = !are.failed && !were.failed;
    bool same = are.len == were.len && (are.len == 0 || memcmp(are.ptr, were.ptr, are.len) == 0) && before->fingerprint == after->fingerprint;
    egret_text_deinit(&are);
    egret_text_deinit(&were);
    if (!fine || same) return fine;
    if (d->next_lsn > 0)
        app_log_say(&d->options->log, LOG_INFO, "rules: files of --rules have changed; what is known is kept where definitions are the same");
    *rule_change_shards(change) = nfa_shards_succeed(egret_mem_of(NULL), after->plan, evaluation_shards(d->evaluation));
    return *rule_change_shards(change) != NULL;
}

/* The first epoch says which program and which rules it is that begin. */
static egret_status say_start(daemon_state *d)
{
    rule_change *change = daemon_rules_start_change(d->rules);
    egret_status status = change && prepare_rules(d, change) ? begin_epoch(d) : EGRET_NO_MEMORY;
    if (status != EGRET_OK) {
        rule_change_free(change);
        return status;
    }
    d->epoch->is_start = true;
    d->epoch->start = (journal_start){.version = {EGRET_VERSION, sizeof EGRET_VERSION - 1}, .rules = rule_change_rules(change)->fingerprint,
                                      .wall_ms = app_wall_ms(NULL), .idle_ms = d->options->idle_ms,
                                      .files = {d->rules_files.ptr, (uint32_t)d->rules_files.len}};
    d->epoch->next_lsn++;
    status = put_into_force(d, change);
    return status == EGRET_OK ? end_epoch(d, d->recovery.clock_ms) : status;
}

/* ---- the thread ---- */

egret_status daemon_engine_begin(daemon_state *d)
{
    egret_status status = recover(d);
    if (status == EGRET_OK && !d->recovery.stopped) status = say_start(d);
    if (status == EGRET_OK && !d->recovery.stopped) tell_shards(d);
    daemon_web_publish(d);
    if (status != EGRET_OK) give_up(d, status);
    atomic_store(&d->recovered, true);
    return status;
}

egret_status daemon_engine_once(daemon_state *d)
{
    egret_status status = work_once(d, &d->published_ms);
    if (status != EGRET_OK && !atomic_load(&d->failed)) give_up(d, status);
    return status;
}

void daemon_engine_end(daemon_state *d, bool keeps)
{
    while (keeps && nfa_shards_settle(evaluation_shards(d->evaluation), SETTLE_KEYS)) {}
    if (keeps && !d->recovery.stopped) daemon_checkpoint_finish(d);
    daemon_rules_stop(d->rules);
    epoch_free(d->epoch);
    d->epoch = NULL;
    daemon_web_publish(d);
}

static void *work(void *user)
{
    daemon_state *d = user;
    egret_status status = daemon_engine_begin(d);
    while (status == EGRET_OK && !d->recovery.stopped && !admission_is_drained(d->queue)) status = daemon_engine_once(d);
    daemon_engine_end(d, status == EGRET_OK);
    return NULL;
}

int daemon_engine_start(daemon_state *d)
{
    daemon_rules_on_change(d->rules, wake_engine, d);
    if (daemon_engine_make(d, daemon_rules_boot(d->rules))) {
        daemon_web_publish(d);
        atomic_store(&d->heartbeat_ms, app_monotonic_ms());
        d->has_engine_thread = !d->options->no_threads && pthread_create(&d->engine_thread, NULL, work, d) == 0;
        if (d->has_engine_thread || d->options->no_threads) return APP_FINE;
    }
    app_log_say(&d->options->log, LOG_ERROR, "the engine does not start: no memory");
    return APP_TROUBLE;
}

void daemon_engine_join(daemon_state *d)
{
    if (d->has_engine_thread) pthread_join(d->engine_thread, NULL);
    d->has_engine_thread = false;
    daemon_rules_settle(d->rules);
    evaluation_free(d->evaluation);
    d->evaluation = NULL;
}
