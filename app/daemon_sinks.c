/*
 * daemon_sinks.c: the sinks that rules declare, each behind its outbox, and standard output for rules that name none.
 */
#include "app/daemon_internal.h"

#include "app/command.h"

#include <stdlib.h>
#include <string.h>

static void say_outbox(void *user, int level, const char *text)
{
    app_log_line(user, level, text);
}

static int open_sink(daemon_state *d, daemon_sink *sink, const sink_kind *kind)
{
    char reason[512];
    outbox_options options = {.name = sink->name, .kind = kind, .settings = &sink->settings, .env = &d->sink_env, .log = say_outbox,
                              .log_user = (void *)(uintptr_t)&d->options->log};
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
    d->sink_env = (sink_env){d->options->data_dir, app_wall_ms, NULL};
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

void daemon_sinks_alert(void *user, const plan_rule *rule, const sink_message *message)
{
    daemon_state *d = user;
    if (rule->n_sinks == 0) outbox_put(d->sinks[d->n_sinks - 1].box, message);
    for (uint32_t i = 0; i < rule->n_sinks; i++) outbox_put(d->sinks[rule->sinks[i]].box, message);
}
