/*
 * daemon_sinks.c: the sinks that rules declare, each behind its outbox, and standard output for rules that name none. An alert stands in the store,
 * once for each of its sinks, from the commit of its events until its outbox says that it is settled. Outboxes read it there.
 */
#include "app/daemon_internal.h"

#include "app/command.h"
#include "store/history.h"
#include "store/outbox_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void say_outbox(void *user, int level, const char *text)
{
    app_log_line(user, level, text);
}

/* ---- what an outbox asks of the store; its worker ---- */

static int read_rows(void *user, uint64_t after, unsigned most, size_t max_bytes, outbox_take_fn take, void *take_user)
{
    daemon_sink *sink = user;
    uint64_t broken = 0;
    if (!atomic_load(&sink->daemon->sends)) return 0;
    int code = outbox_rows_of(sink->daemon->store, sink->name, after, most, max_bytes, take, take_user, &broken);
    if (broken > 0) app_log_say(&sink->daemon->options->log, LOG_ERROR, "sink %s: %" PRIu64 " alerts cannot be read and are passed over", sink->name, broken);
    return code;
}

static bool range_of_rows(void *user, uint64_t *oldest, uint64_t *next)
{
    const daemon_sink *sink = user;
    return outbox_rows_range(sink->daemon->store, sink->name, oldest, next) == 0;
}

static bool settle(void *user, uint64_t row, const delivery *what)
{
    daemon_sink *sink = user;
    return committer_settled(sink->daemon->committer, sink->name, row, what);
}

/* ---- life ---- */

static int open_sink(daemon_state *d, daemon_sink *sink, const sink_kind *kind)
{
    char reason[512];
    sink->env = (sink_env){.data_dir = d->options->data_dir, .now_ms = app_wall_ms, .name = sink->name, .store_id = store_uuid(d->store),
                             .log = say_outbox, .log_user = (void *)(uintptr_t)&d->options->log, .rows = range_of_rows, .rows_user = sink};
    outbox_options options = {.name = sink->name, .kind = kind, .settings = &sink->settings, .env = &sink->env, .log = say_outbox,
                              .log_user = (void *)(uintptr_t)&d->options->log, .read = read_rows, .settled = settle, .user = sink,
                              .paused = outbox_sink_get(d->store, sink->name).paused, .no_thread = d->options->no_threads};
    committer_bound *bound = &d->bounds[sink - d->sinks];
    bound->rows = (uint64_t)sink_settings_common(&sink->settings, kind, SINK_QUEUE);
    bound->bytes = (uint64_t)sink_settings_common(&sink->settings, kind, SINK_QUEUE_BYTES);
    sink->daemon = d;
    sink->box = outbox_open(&options, reason, sizeof reason);
    if (!sink->box) {
        app_log_say(&d->options->log, LOG_ERROR, "sink %s: %s", sink->name, reason);
        return APP_TROUBLE;
    }
    if (options.paused) app_log_say(&d->options->log, LOG_WARNING, "sink %s: it is paused", sink->name);
    return APP_FINE;
}

static int open_declared(daemon_state *d, daemon_sink *sink, const plan_edge *edge)
{
    char reason[512];
    const app_log *log = &d->options->log;
    const sink_kind *kind = d->options->find_sink ? d->options->find_sink(edge->kind) : sink_kind_find(edge->kind);
    sink->name = strndup(edge->name.ptr, edge->name.len);
    if (!sink->name) return daemon_no_memory(d);
    if (!kind) {
        app_log_say(log, LOG_ERROR, "sink %s: kind '%.*s' is not available in this version", sink->name, (int)edge->kind.len, edge->kind.ptr);
        return APP_DIAGNOSTICS;
    }
    if (!sink_settings_read(&sink->settings, kind, edge, reason, sizeof reason)) {
        app_log_say(log, LOG_ERROR, "sink %s: %s", sink->name, reason);
        return APP_DIAGNOSTICS;
    }
    return open_sink(d, sink, kind);
}

static int open_stdout(daemon_state *d, daemon_sink *sink)
{
    sink->name = strdup("stdout");
    if (!sink->name || !sink_settings_fallback(&sink->settings, &sink_kind_stdout)) return daemon_no_memory(d);
    return open_sink(d, sink, &sink_kind_stdout);
}

int daemon_sinks_open(daemon_state *d)
{
    d->sinks = calloc((size_t)d->plan->n_sinks + 1, sizeof *d->sinks);
    d->bounds = calloc((size_t)d->plan->n_sinks + 1, sizeof *d->bounds);
    if (!d->sinks || !d->bounds) return daemon_no_memory(d);
    d->n_sinks = d->plan->n_sinks + 1;
    for (uint32_t i = 0; i < d->plan->n_sinks; i++) {
        int exit_code = open_declared(d, &d->sinks[i], &d->plan->sinks[i]);
        if (exit_code != APP_FINE) return exit_code;
    }
    return open_stdout(d, &d->sinks[d->plan->n_sinks]);
}

void daemon_sinks_close(daemon_state *d)
{
    int64_t end_ms = app_monotonic_ms() + d->options->drain_ms;
    for (uint32_t i = 0; i < d->n_sinks; i++) {
        int64_t left_ms = end_ms - app_monotonic_ms();
        outbox_close(d->sinks[i].box, left_ms > 0 ? left_ms : 0);
        sink_settings_deinit(&d->sinks[i].settings);
        free(d->sinks[i].name);
    }
    free(d->sinks);
    free(d->bounds);
    d->sinks = NULL;
    d->n_sinks = 0;
}

void daemon_sinks_release(void *user, uint64_t position)
{
    daemon_state *d = user;
    atomic_store(&d->told, position);
    daemon_sinks_wake(d);
}

void daemon_sinks_wake(daemon_state *d)
{
    for (uint32_t i = 0; i < d->n_sinks; i++) outbox_wake(d->sinks[i].box);
    daemon_web_wake(d);
}

/* ---- what an earlier run left ---- */

typedef struct waiting {
    const daemon_state *daemon;
    uint64_t rows, homeless;
} waiting;

static void add_sink(void *user, const char *name, const outbox_sink *what)
{
    waiting *w = user;
    bool declared = false;
    for (uint32_t i = 0; i < w->daemon->n_sinks && !declared; i++) declared = strcmp(w->daemon->sinks[i].name, name) == 0;
    *(declared ? &w->rows : &w->homeless) += what->rows;
}

void daemon_sinks_begin(daemon_state *d)
{
    waiting w = {.daemon = d};
    const app_log *log = &d->options->log;
    int code = outbox_sinks_each(d->store, add_sink, &w);
    if (code != 0) app_log_say(log, LOG_ERROR, "outbox: %s", store_text(code));
    if (w.rows > 0) app_log_say(log, LOG_INFO, "outbox: %" PRIu64 " alerts of the run before are on their way", w.rows);
    if (w.homeless > 0) app_log_say(log, LOG_WARNING, "outbox: %" PRIu64 " alerts wait for sinks that no rule declares any more", w.homeless);
    atomic_store(&d->told, history_now_kept(d->store).next - 1);
    atomic_store(&d->sends, true);
    for (uint32_t i = 0; i < d->n_sinks; i++) outbox_wake(d->sinks[i].box);
}
