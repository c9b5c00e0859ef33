/*
 * daemon_sinks.c: the sinks that rules declare, each behind its outbox, and standard output for rules that name none. An alert stands in the store,
 * once for each of its sinks, from the commit of its events until its outbox says that it is settled.
 */
#include "app/daemon_internal.h"

#include "app/command.h"
#include "store/outbox_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void say_outbox(void *user, int level, const char *text)
{
    app_log_line(user, level, text);
}

static void settle(void *user, uint64_t row)
{
    daemon_state *d = user;
    committer_settled(d->committer, row);
}

static int open_sink(daemon_state *d, daemon_sink *sink, const sink_kind *kind)
{
    char reason[512];
    sink->env = (sink_env){.data_dir = d->options->data_dir, .now_ms = app_wall_ms, .name = sink->name, .store_id = store_uuid(d->store)};
    outbox_options options = {.name = sink->name, .kind = kind, .settings = &sink->settings, .env = &sink->env, .log = say_outbox,
                              .log_user = (void *)(uintptr_t)&d->options->log, .settled = settle, .settled_user = d};
    sink->box = outbox_open(&options, reason, sizeof reason);
    if (sink->box) return APP_FINE;
    app_log_say(&d->options->log, LOG_ERROR, "sink %s: %s", sink->name, reason);
    return APP_TROUBLE;
}

static int open_declared(daemon_state *d, daemon_sink *sink, const plan_edge *edge)
{
    char reason[512];
    const app_log *log = &d->options->log;
    const sink_kind *kind = sink_kind_find(edge->kind);
    sink->name = strndup(edge->name.ptr, edge->name.len);
    if (!sink->name) return APP_TROUBLE;
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
    if (!sink->name || !sink_settings_fallback(&sink->settings, &sink_kind_stdout)) return APP_TROUBLE;
    return open_sink(d, sink, &sink_kind_stdout);
}

int daemon_sinks_open(daemon_state *d)
{
    d->sinks = calloc((size_t)d->plan->n_sinks + 1, sizeof *d->sinks);
    if (!d->sinks) return APP_TROUBLE;
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
    d->sinks = NULL;
    d->n_sinks = 0;
}

void daemon_sinks_release(void *user, const epoch_alert *alert)
{
    daemon_state *d = user;
    outbox_put(d->sinks[alert->sink].box, &(sink_message){.id = alert->id, .bytes = alert->bytes, .len = alert->len, .row = alert->row});
}

/* ---- what an earlier run left ---- */

typedef struct restoring {
    daemon_state *daemon;
    uint64_t n, homeless;
} restoring;

static bool restore_row(void *user, const outbox_row *row)
{
    restoring *r = user;
    for (uint32_t i = 0; i < r->daemon->n_sinks; i++) {
        if (strcmp(r->daemon->sinks[i].name, row->sink) != 0) continue;
        outbox_put(r->daemon->sinks[i].box, &(sink_message){.id = row->id, .bytes = row->bytes, .len = row->len, .row = row->number});
        r->n++;
        return true;
    }
    r->homeless++;
    return true;
}

int daemon_sinks_restore(daemon_state *d)
{
    restoring r = {.daemon = d};
    uint64_t broken;
    const app_log *log = &d->options->log;
    int code = outbox_rows_each(d->store, restore_row, &r, &broken);
    if (code != 0) app_log_say(log, LOG_ERROR, "outbox: %s", store_text(code));
    if (r.n > 0) app_log_say(log, LOG_INFO, "outbox: %" PRIu64 " alerts of the run before are on their way", r.n);
    if (r.homeless > 0) app_log_say(log, LOG_WARNING, "outbox: %" PRIu64 " alerts wait for sinks that no rule declares any more", r.homeless);
    if (broken > 0) app_log_say(log, LOG_ERROR, "outbox: %" PRIu64 " alerts cannot be read", broken);
    return code == 0 ? APP_FINE : APP_TROUBLE;
}
