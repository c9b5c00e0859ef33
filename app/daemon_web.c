/*
 * daemon_web.c: what the HTTP endpoints ask of the daemon (web/backend.h).
 *
 * Counters: the engine's thread copies its own under a lock a few times a second; the HTTP thread copies that copy and adds what can be
 * asked directly (queue, outboxes). So /metrics never waits for an evaluation.
 */
#include "app/daemon_internal.h"
#include "app/decoded.h"
#include "app/rules_backend.h"

#include "store/history.h"
#include "store/outbox_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STALLED_MS = 30000 };

/* web_batch is an admission batch with the daemon it is for. */
struct web_batch {
    daemon_state *daemon;
    admission_batch *batch;
};

static web_batch *begin(void *user)
{
    daemon_state *d = user;
    web_batch *request = malloc(sizeof *request);
    if (!request) return NULL;
    *request = (web_batch){d, admission_batch_new(DAEMON_HTTP_SOURCE)};
    if (request->batch) return request;
    free(request);
    return NULL;
}

static void drop(web_batch *request)
{
    admission_batch_free(request->batch);
    free(request);
}

static web_admission add(web_batch *request, const ingest_record *record)
{
    const daemon_state *d = request->daemon;
    if (request->batch->n >= admission_limit(d->queue)) return WEB_TOO_LARGE;
    admitted_record copy = {.stream = record->stream, .reason = (uint8_t)record->reason, .slots = record->slots, .raw = record->raw,
                            .raw_len = record->raw_len, .text = record->reason != INGEST_REASON_NONE ? record->text : NULL,
                            .offset = record->offset, .line = record->line};
    decoded_count(d->drifts[DAEMON_HTTP_SOURCE], request->batch, &copy, false);
    uint32_t n_slots = record->slots ? d->plan->streams[record->stream].n_slots : 0;
    return admission_batch_add(request->batch, &copy, n_slots) ? WEB_ADMITTED : WEB_NO_MEMORY;
}

static void pass_over(web_batch *request, uint64_t n)
{
    request->batch->unrouted += n;
}

static void answer(void *user, const char *trouble)
{
    web_later_done(user, trouble);
}

static web_admission end(web_batch *request, web_later *later)
{
    daemon_state *d = request->daemon;
    admission_batch *batch = request->batch;
    batch->arrival_ms = app_wall_ms(NULL);
    web_admission refusal = WEB_STOPPING;
    if (batch->n == 0 && batch->unrouted == 0) {
        drop(request);
        return WEB_ADMITTED;
    }
    if (committer_trouble(d->committer)) {
        drop(request);
        return WEB_UNKEPT;
    }
    batch->answer = answer;
    batch->answer_user = later;
    switch (admission_put(d->queue, batch)) {
    case ADMISSION_TAKEN:
        free(request);
        return WEB_PENDING;
    case ADMISSION_FULL:
        refusal = WEB_FULL;
        break;
    case ADMISSION_CLOSED:
        break;
    }
    batch->answer = NULL;
    drop(request);
    return refusal;
}

static const char *not_ready(void *user)
{
    daemon_state *d = user;
    if (atomic_load(&d->failed)) return "the engine has stopped";
    if (atomic_load(&d->stopping)) return "stopping";
    const char *trouble = committer_trouble(d->committer);
    return trouble ? trouble : daemon_feeds_trouble(d);
}

static bool is_live(void *user)
{
    daemon_state *d = user;
    if (atomic_load(&d->failed)) return false;
    /* While nothing can be written the engine waits, and to start anew would not help. */
    return committer_trouble(d->committer) || app_monotonic_ms() - atomic_load(&d->heartbeat_ms) < STALLED_MS;
}

/* ---- alerts and sinks ---- */

static int write_history(void *user, web_write_fn work, void *work_user)
{
    daemon_state *d = user;
    int code = committer_do_now(d->committer, work, work_user);
    if (code == 0) daemon_sinks_wake(d);
    return code;
}

static uint64_t newest(void *user)
{
    daemon_state *d = user;
    return history_now_kept(d->store).next - 1;
}

typedef struct pausing {
    const char *sink;
    bool paused;
} pausing;

static int note_pause(void *user, store *s)
{
    const pausing *p = user;
    return outbox_sink_pause(s, p->sink, p->paused, app_wall_ms(NULL));
}

static int pause_sink(void *user, const char *name, bool paused)
{
    daemon_state *d = user;
    pausing p = {name, paused};
    for (uint32_t i = 0; i < d->n_sinks; i++) {
        if (strcmp(d->sinks[i].name, name) != 0) continue;
        int code = committer_do_now(d->committer, note_pause, &p);
        if (code == 0) outbox_pause(d->sinks[i].box, paused);
        return code;
    }
    return ENOENT;
}

void daemon_web_serve(daemon_state *d, web_server *server)
{
    pthread_mutex_lock(&d->server_lock);
    d->server = server;
    pthread_mutex_unlock(&d->server_lock);
}

void daemon_web_wake(daemon_state *d)
{
    pthread_mutex_lock(&d->server_lock);
    if (d->server) web_server_wake(d->server);
    pthread_mutex_unlock(&d->server_lock);
}

/* ---- counters ---- */

/* Arrays for the counters of these rules. Without memory they stay as they are: false. */
static bool fit_numbers(web_numbers *n, rule_set **own, rule_set *rules)
{
    if (*own == rules) return true;
    void *streams = calloc((size_t)rules->plan->n_streams + 1, sizeof *n->streams), *of_rules = calloc((size_t)rules->plan->n_rules + 1, sizeof *n->rules);
    void *costs = calloc((size_t)rules->plan->n_rules + 1, sizeof *n->costs);
    if (!streams || !of_rules || !costs) {
        free(costs);
        free(streams);
        free(of_rules);
        return false;
    }
    free((void *)(uintptr_t)n->streams);
    free((void *)(uintptr_t)n->rules);
    free((void *)(uintptr_t)n->costs);
    n->streams = streams;
    n->rules = of_rules;
    n->costs = costs;
    n->plan = rules->plan;
    rule_set_drop(*own);
    *own = rule_set_keep(rules);
    return true;
}

static void copy_numbers(const plan *p, web_numbers *to, const web_numbers *from)
{
    ingest_stats *streams = (ingest_stats *)(uintptr_t)to->streams;
    nfa_rule_stats *rules = (nfa_rule_stats *)(uintptr_t)to->rules;
    memcpy(streams, from->streams, p->n_streams * sizeof *streams);
    memcpy(rules, from->rules, p->n_rules * sizeof *rules);
    memcpy((web_rule_cost *)(uintptr_t)to->costs, from->costs, p->n_rules * sizeof *to->costs);
    to->engine = from->engine;
    to->unrouted = from->unrouted;
    to->letters = from->letters;
    to->letters_unwritten = from->letters_unwritten;
    to->clock_ms = from->clock_ms;
}

void daemon_web_publish(daemon_state *d)
{
    web_numbers now = {0};
    if (!d->evaluation) return;     /* there was no memory for it */
    evaluation_numbers(d->evaluation, &now);
    pthread_mutex_lock(&d->numbers_lock);
    if (fit_numbers(&d->numbers, &d->numbers_rules, evaluation_rules(d->evaluation))) copy_numbers(now.plan, &d->numbers, &now);
    pthread_mutex_unlock(&d->numbers_lock);
    daemon_feeds_watermarks(d);
}

/* The outbox knows what it has in memory; the store knows what waits. */
static web_sink_numbers sink_numbers(const daemon_state *d, uint32_t i)
{
    web_sink_numbers sink = {d->sinks[i].name, outbox_get_stats(d->sinks[i].box)};
    outbox_sink waiting = outbox_sink_get(d->store, sink.name);
    sink.stats.backlog = waiting.rows;
    sink.stats.backlog_bytes = waiting.bytes;
    sink.stats.failed += committer_refused(d->committer, i);
    return sink;
}

static void numbers(void *user, web_numbers *out)
{
    daemon_state *d = user;
    web_sink_numbers *sinks = (web_sink_numbers *)(uintptr_t)d->shown.sinks;
    pthread_mutex_lock(&d->numbers_lock);
    if (fit_numbers(&d->shown, &d->shown_rules, d->numbers_rules)) copy_numbers(d->shown.plan, &d->shown, &d->numbers);
    pthread_mutex_unlock(&d->numbers_lock);
    for (uint32_t i = 0; i < d->n_sinks; i++) sinks[i] = sink_numbers(d, i);
    d->shown.n_sinks = d->n_sinks;
    d->shown.intake = d->plan;
    if (!daemon_feeds_numbers(d, &d->shown)) d->shown.n_partitions = 0;
    d->shown.queued_records = admission_records(d->queue);
    d->shown.queue_limit = admission_limit(d->queue);
    d->shown.start_time_ms = d->start_ms;
    committer_stats stats = committer_get_stats(d->committer);
    d->shown.commits = stats.commits;
    d->shown.commit_failures = stats.failures;
    d->shown.commit_us = stats.commit_us;
    d->shown.unwritable = committer_trouble(d->committer) != NULL;
    d->shown.journal_written = stats.journal_written;
    memcpy(d->shown.commits_by_time, stats.by_time, sizeof d->shown.commits_by_time);
    d->shown.wall_ms = app_wall_ms(NULL);
    d->shown.checkpoints = stats.checkpoints;
    d->shown.checkpoint_bytes = stats.checkpoint_bytes;
    d->shown.checkpoint_pause_us = (uint64_t)atomic_load(&d->longest_pause_us);
    for (unsigned i = 0; i <= WEB_PAUSES; i++) d->shown.pauses[i] = (uint64_t)atomic_load(&d->pauses[i]);
    d->shown.pauses_us = (uint64_t)atomic_load(&d->pauses_us);
    for (unsigned i = 0; i <= WEB_CHECKPOINTS; i++) d->shown.checkpoints_by_time[i] = (uint64_t)atomic_load(&d->checkpoints[i]);
    d->shown.checkpoints_us = (uint64_t)atomic_load(&d->checkpoints_us);
    d->shown.journal_bytes = stats.journal_bytes;
    d->shown.journal_blocks = stats.journal_blocks;
    d->shown.journal_dropped = stats.dropped_blocks;
    d->shown.journal_quarantined = d->quarantined;
    d->shown.store_bytes = stats.file_bytes;
    d->shown.alerts = stats.alerts;
    d->shown.alert_bytes = stats.alert_bytes;
    d->shown.dropped_alerts = stats.dropped_alerts;
    d->shown.dead = stats.dead;
    d->shown.dead_bytes = stats.dead_bytes;
    d->shown.dropped_dead = stats.dropped_dead;
    *out = d->shown;
}

static bool make_numbers(const daemon_state *d, web_numbers *n)
{
    n->plan = d->plan;
    n->clock_ms = INT64_MIN;
    n->streams = calloc((size_t)d->plan->n_streams + 1, sizeof *n->streams);
    n->rules = calloc((size_t)d->plan->n_rules + 1, sizeof *n->rules);
    n->costs = calloc((size_t)d->plan->n_rules + 1, sizeof *n->costs);
    n->sinks = calloc((size_t)d->n_sinks + 1, sizeof *n->sinks);
    n->sources = calloc((size_t)d->n_sources + 1, sizeof *n->sources);
    return n->streams && n->rules && n->costs && n->sinks && n->sources;
}

static void free_numbers(web_numbers *n)
{
    free((void *)(uintptr_t)n->streams);
    free((void *)(uintptr_t)n->rules);
    free((void *)(uintptr_t)n->costs);
    free((void *)(uintptr_t)n->sinks);
    free((void *)(uintptr_t)n->sources);
    free((void *)(uintptr_t)n->partitions);
}

bool daemon_web_init(daemon_state *d)
{
    d->backend = (web_backend){.audit = d->backend.audit, .user = d, .plan = d->plan, .begin = begin, .add = add, .pass_over = pass_over, .end = end, .drop = drop,
                               .not_ready = not_ready, .is_live = is_live, .numbers = numbers};
    d->history = (web_history){.user = d, .store = d->store, .write = write_history, .pause = pause_sink, .newest = newest};
    d->backend.history = &d->history;
    pthread_mutex_init(&d->numbers_lock, NULL);
    pthread_mutex_init(&d->server_lock, NULL);
    warming_init(&d->warming);
    rule_set *boot = daemon_rules_boot(d->rules);
    daemon_rules_backend(d, &d->web_rules);
    d->backend.rules = &d->web_rules;
    return make_numbers(d, &d->numbers) && make_numbers(d, &d->shown) && fit_numbers(&d->numbers, &d->numbers_rules, boot) &&
           fit_numbers(&d->shown, &d->shown_rules, boot);
}

void daemon_web_deinit(daemon_state *d)
{
    free_numbers(&d->numbers);
    free_numbers(&d->shown);
    rule_set_drop(d->numbers_rules);
    rule_set_drop(d->shown_rules);
    pthread_mutex_destroy(&d->numbers_lock);
    pthread_mutex_destroy(&d->server_lock);
    warming_deinit(&d->warming);
}
