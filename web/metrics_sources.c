/*
 * metrics_sources.c: what /metrics says of sources: what came, how far it is, what waits. Partitions are labels: how many there are is for the one to say
 * who set the topic up, not for the senders of events.
 */
#include "web/metrics_text.h"

#include <math.h>
#include <string.h>

typedef struct source_metric {
    const char *name, *type, *help;
    size_t offset;      /* in web_source_numbers */
} source_metric;

static const source_metric source_metrics[] = {
    {"egret_source_messages_total", "counter", "Messages a source has given.", offsetof(web_source_numbers, messages)},
    {"egret_source_skipped_total", "counter", "Messages without a body (tombstones).", offsetof(web_source_numbers, skipped)},
    {"egret_source_reconnects_total", "counter", "Connections made anew.", offsetof(web_source_numbers, reconnects)},
    {"egret_source_refused_partitions", "gauge", "Partitions dealt to us that are not read, as their state is elsewhere.", offsetof(web_source_numbers, refused)},
    {"egret_source_errors_total", "counter", "Errors of a source that passed by themselves.", offsetof(web_source_numbers, errors)},
};

static double seconds(int64_t ms)
{
    return ms == INT64_MIN ? NAN : (double)ms / 1000.0;
}

static void put_flag(egret_text *out, const web_numbers *numbers, const char *name, const char *help, bool stopped)
{
    metrics_family(out, name, "gauge", help);
    for (size_t i = 0; i < numbers->n_sources; i++) {
        const web_source_numbers *source = &numbers->sources[i];
        metrics_label labels[] = {{"source", source->name, strlen(source->name)}, {0}};
        if (source->is_feed) metrics_count(out, name, labels, stopped ? source->stopped : source->connected);
    }
}

static void put_watermarks(egret_text *out, const web_numbers *numbers)
{
    static const char name[] = "egret_source_watermark_timestamp_seconds";
    metrics_family(out, name, "gauge", "Below it a source (or its partition) gives nothing any more that is not late; NaN before its first event.");
    for (size_t i = 0; i < numbers->n_sources; i++) {
        const web_source_numbers *source = &numbers->sources[i];
        metrics_label labels[] = {{"source", source->name, strlen(source->name)}, {"partition", "", 0}, {0}};
        metrics_number(out, name, labels, seconds(source->watermark_ms));
    }
    for (size_t i = 0; i < numbers->n_partitions; i++) {
        const web_partition_numbers *p = &numbers->partitions[i];
        metrics_label labels[] = {{"source", p->source, strlen(p->source)}, {"partition", p->partition, strlen(p->partition)}, {0}};
        metrics_number(out, name, labels, seconds(p->watermark_ms));
    }
}

static void put_places(egret_text *out, const web_numbers *numbers, const char *name, const char *help, size_t offset)
{
    metrics_family(out, name, "gauge", help);
    for (size_t i = 0; i < numbers->n_partitions; i++) {
        const web_partition_numbers *p = &numbers->partitions[i];
        metrics_label labels[] = {{"source", p->source, strlen(p->source)}, {"partition", p->partition, strlen(p->partition)}, {0}};
        int64_t value;
        memcpy(&value, (const char *)p + offset, sizeof value);
        if (value >= 0) metrics_count(out, name, labels, (uint64_t)value);
    }
}

static void put_rejected(egret_text *out, const web_numbers *numbers)
{
    static const char name[] = "egret_source_rejected_total";
    metrics_family(out, name, "counter", "Records of a source that do not decode, by reason.");
    for (size_t i = 0; i < numbers->n_sources; i++)
        for (unsigned k = INGEST_REASON_NONE + 1; numbers->sources[i].drift && k < INGEST_REASONS; k++) {
            const char *source = numbers->sources[i].name, *reason = ingest_reason_name((ingest_reason)k);
            metrics_label labels[] = {{"source", source, strlen(source)}, {"reason", reason, strlen(reason)}, {0}};
            metrics_count(out, name, labels, ingest_drift_rejected(numbers->sources[i].drift, (ingest_reason)k));
        }
}

typedef struct drift_metric {
    const char *name, *help;
    size_t offset;      /* in ingest_drift_numbers */
} drift_metric;

static const drift_metric drift_metrics[] = {
    {"egret_drift_looked_total", "Records that were looked at for drift: the first of each batch, and every 64th behind it.", offsetof(ingest_drift_numbers, looked)},
    {"egret_drift_missing_fields_total", "Optional fields that these did not have.", offsetof(ingest_drift_numbers, missing)},
    {"egret_drift_unknown_fields_total", "Fields of these that their stream does not declare.", offsetof(ingest_drift_numbers, unknown)},
};

/* Streams a source has never fed are left out. */
static void put_drift(egret_text *out, const web_numbers *numbers, const drift_metric *metric)
{
    metrics_family(out, metric->name, "counter", metric->help);
    for (size_t i = 0; numbers->intake && i < numbers->n_sources; i++) {
        const web_source_numbers *source = &numbers->sources[i];
        for (uint32_t k = 0; source->drift && k < plan_inputs(numbers->intake); k++) {
            egret_str stream = numbers->intake->streams[k].name;
            ingest_drift_numbers counts = ingest_drift_get(source->drift, k);
            metrics_label labels[] = {{"source", source->name, strlen(source->name)}, {"stream", stream.ptr, stream.len}, {0}};
            uint64_t value;
            memcpy(&value, (const char *)&counts + metric->offset, sizeof value);
            if (counts.looked > 0) metrics_count(out, metric->name, labels, value);
        }
    }
}

void metrics_sources(egret_text *out, const web_numbers *numbers)
{
    for (size_t m = 0; m < sizeof source_metrics / sizeof source_metrics[0]; m++) {
        metrics_family(out, source_metrics[m].name, source_metrics[m].type, source_metrics[m].help);
        for (size_t i = 0; i < numbers->n_sources; i++) {
            const web_source_numbers *source = &numbers->sources[i];
            metrics_label labels[] = {{"source", source->name, strlen(source->name)}, {0}};
            uint64_t value;
            memcpy(&value, (const char *)source + source_metrics[m].offset, sizeof value);
            if (source->is_feed) metrics_count(out, source_metrics[m].name, labels, value);
        }
    }
    put_flag(out, numbers, "egret_source_connected", "1 while a source is connected.", false);
    put_flag(out, numbers, "egret_source_stopped", "1 when a source cannot go on; the log says why.", true);
    put_places(out, numbers, "egret_source_lag_records", "Messages of a partition that wait on the other side.", offsetof(web_partition_numbers, lag));
    put_places(out, numbers, "egret_source_position", "Place of a partition's next message, as it is on the disk.", offsetof(web_partition_numbers, next));
    put_places(out, numbers, "egret_source_caught_up", "1 when nothing is known to wait on the other side; at 0 a partition holds the clock.",
               offsetof(web_partition_numbers, caught_up));
    put_watermarks(out, numbers);
    put_rejected(out, numbers);
    for (size_t m = 0; m < sizeof drift_metrics / sizeof drift_metrics[0]; m++) put_drift(out, numbers, &drift_metrics[m]);
}
