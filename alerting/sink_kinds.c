/*
 * sink_kinds.c: the list of all kinds of sinks, and what may be declared of every one of them.
 */
#include "alerting/sink.h"

#include <stdio.h>

const sink_kind *const sink_kinds[] = {&sink_kind_file, &sink_kind_kafka, &sink_kind_mqtt, &sink_kind_stdout, &sink_kind_webhook, NULL};

const sink_option sink_common_options[] = {
    [SINK_ATTEMPTS] = {"attempts", EGRET_INT, "10", false, "tries before an alert goes to the dead letters"},
    [SINK_BACKOFF] = {"backoff", EGRET_DURATION, "1s", false, "longest wait before the second try; doubles with each, up to 5m"},
    [SINK_QUEUE] = {"queue", EGRET_INT, "1000000", false, "alerts that may wait; what comes on top goes to the dead letters"},
    [SINK_QUEUE_BYTES] = {"queue_bytes", EGRET_INT, "1073741824", false, "the same in bytes"},
    [SINK_COMMON_COUNT] = {0},
};

const sink_kind *sink_kind_find(egret_str name)
{
    for (size_t i = 0; sink_kinds[i]; i++)
        if (egret_str_is(name, sink_kinds[i]->name)) return sink_kinds[i];
    return NULL;
}

static bool complain(char *reason, size_t size, const char *sentence)
{
    snprintf(reason, size, "%s", sentence);
    return false;
}

static bool check_common(const sink_settings *settings, const sink_kind *kind, char *reason, size_t size)
{
    int64_t attempts = sink_settings_common(settings, kind, SINK_ATTEMPTS);
    int64_t backoff_ms = sink_settings_common(settings, kind, SINK_BACKOFF);
    int64_t queue = sink_settings_common(settings, kind, SINK_QUEUE);
    if (attempts < 1 || attempts > 1000) return complain(reason, size, "option 'attempts' goes from 1 to 1000");
    if (backoff_ms < 1 || backoff_ms > 300000) return complain(reason, size, "option 'backoff' goes from 1ms to 5m");
    if (queue < 1 || queue > 1000000000) return complain(reason, size, "option 'queue' goes from 1 to 1000000000");
    if (sink_settings_common(settings, kind, SINK_QUEUE_BYTES) < 1) return complain(reason, size, "option 'queue_bytes' goes from 1 up");
    return true;
}

static edge_tables tables_of(const sink_kind *kind, char what[64])
{
    snprintf(what, 64, "%s sink", kind->name);
    return (edge_tables){what, kind->options, sink_common_options};
}

bool sink_settings_fallback(sink_settings *settings, const sink_kind *kind)
{
    char what[64];
    edge_tables tables = tables_of(kind, what);
    return edge_settings_fallback(settings, &tables);
}

bool sink_settings_read(sink_settings *settings, const sink_kind *kind, const plan_edge *edge, char *reason, size_t reason_size)
{
    char what[64];
    edge_tables tables = tables_of(kind, what);
    return edge_settings_read(settings, &tables, edge, reason, reason_size) && check_common(settings, kind, reason, reason_size);
}

void sink_settings_deinit(sink_settings *settings)
{
    edge_settings_deinit(settings);
}

int64_t sink_settings_common(const sink_settings *settings, const sink_kind *kind, unsigned which)
{
    return settings->values[edge_option_count(kind->options) + which].u.i;
}
