/*
 * metrics_text.c: what GET /metrics says. Names follow the conventions of Prometheus: base units, counters end with _total, and no label
 * takes values that the outside chooses (streams, rules and sinks are named by rule files).
 */
#include "web/metrics_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void metrics_family(egret_text *out, const char *name, const char *type, const char *help)
{
    egret_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label_value(egret_text *out, const char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ptr[i] == '\\' || ptr[i] == '"') egret_text_put(out, "\\", 1);
        if (ptr[i] == '\n') egret_text_puts(out, "\\n");
        else egret_text_put(out, &ptr[i], 1);
    }
}

static void put_name(egret_text *out, const char *name, const metrics_label *labels)
{
    egret_text_puts(out, name);
    for (size_t i = 0; labels && labels[i].name; i++) {
        egret_text_printf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        put_label_value(out, labels[i].value, labels[i].len);
        egret_text_puts(out, "\"");
    }
    if (labels && labels[0].name) egret_text_puts(out, "}");
}

void metrics_count(egret_text *out, const char *name, const metrics_label *labels, uint64_t value)
{
    put_name(out, name, labels);
    egret_text_printf(out, " %" PRIu64 "\n", value);
}

void metrics_number(egret_text *out, const char *name, const metrics_label *labels, double value)
{
    put_name(out, name, labels);
    if (isnan(value)) egret_text_puts(out, " NaN\n");
    else egret_text_printf(out, " %.17g\n", value);
}

/* ---- streams ---- */

typedef struct stream_metric {
    const char *name, *help;
    size_t offset;      /* of the counter in ingest_stats */
} stream_metric;

static const stream_metric stream_metrics[] = {
    {"egret_events_received_total", "Records read for a stream, rejected ones too.", offsetof(ingest_stats, records)},
    {"egret_events_accepted_total", "Events handed to the engine.", offsetof(ingest_stats, accepted)},
    {"egret_events_late_total", "Events below the watermark: kept in the late log, not evaluated.", offsetof(ingest_stats, late)},
    {"egret_events_duplicate_total", "Events whose identity was seen before: dropped.", offsetof(ingest_stats, duplicates)},
};

static uint64_t counter_at(const void *stats, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + offset, sizeof value);
    return value;
}

static void put_streams(egret_text *out, const web_numbers *numbers)
{
    const plan_stream *streams = numbers->plan->streams;
    for (size_t m = 0; m < sizeof stream_metrics / sizeof stream_metrics[0]; m++) {
        metrics_family(out, stream_metrics[m].name, "counter", stream_metrics[m].help);
        for (uint32_t i = 0; i < plan_inputs(numbers->plan); i++) {
            metrics_label labels[] = {{"stream", streams[i].name.ptr, streams[i].name.len}, {0}};
            metrics_count(out, stream_metrics[m].name, labels, counter_at(&numbers->streams[i], stream_metrics[m].offset));
        }
    }
    metrics_family(out, "egret_events_rejected_total", "counter", "Records that went to the dead letters, by reason.");
    for (uint32_t i = 0; i < plan_inputs(numbers->plan); i++) {
        for (unsigned reason = INGEST_REASON_NONE + 1; reason < INGEST_REASONS; reason++) {
            const char *name = ingest_reason_name((ingest_reason)reason);
            metrics_label labels[] = {{"stream", streams[i].name.ptr, streams[i].name.len}, {"reason", name, strlen(name)}, {0}};
            metrics_count(out, "egret_events_rejected_total", labels, numbers->streams[i].rejected[reason]);
        }
    }
    metrics_family(out, "egret_events_unrouted_total", "counter", "Records that no route of their source wanted.");
    metrics_count(out, "egret_events_unrouted_total", NULL, numbers->unrouted);
    metrics_family(out, "egret_dead_letters_total", "counter", "Records not evaluated, for whatever reason.");
    metrics_count(out, "egret_dead_letters_total", NULL, numbers->letters);
    metrics_family(out, "egret_dead_letters_unwritten_total", "counter", "Of them those that could not be kept in the file.");
    metrics_count(out, "egret_dead_letters_unwritten_total", NULL, numbers->letters_unwritten);
}

/* ---- rules ---- */

typedef struct rule_metric {
    const char *name, *help;
    size_t offset;      /* in nfa_rule_stats */
} rule_metric;

static const rule_metric rule_metrics[] = {
    {"egret_rule_events_total", "Events that fitted some condition of a rule.", offsetof(nfa_rule_stats, events)},
    {"egret_rule_matches_total", "Matches of a rule.", offsetof(nfa_rule_stats, matches)},
    {"egret_rule_alerts_total", "Alerts of a rule.", offsetof(nfa_rule_stats, alerts)},
    {"egret_rule_signals_total", "Signals of a rule to other rules.", offsetof(nfa_rule_stats, signals)},
    {"egret_rule_held_back_total", "Matches that gave no alert: throttled, excepted, in shadow, or already open.",
     offsetof(nfa_rule_stats, held_back)},
    {"egret_rule_attempts_started_total", "Partial matches begun.", offsetof(nfa_rule_stats, attempts_started)},
    {"egret_rule_attempts_dropped_total", "Partial matches dropped as a limit was reached.", offsetof(nfa_rule_stats, attempts_dropped)},
    {"egret_rule_events_dropped_total", "Events dropped from windows and loops as a limit was reached.", offsetof(nfa_rule_stats, events_dropped)},
    {"egret_rule_null_keys_total", "Events a rule skipped as a part of their key was null.", offsetof(nfa_rule_stats, null_keys)},
};

static void put_rules(egret_text *out, const web_numbers *numbers)
{
    char instance[16];
    for (size_t m = 0; m < sizeof rule_metrics / sizeof rule_metrics[0]; m++) {
        metrics_family(out, rule_metrics[m].name, "counter", rule_metrics[m].help);
        for (uint32_t i = 0; i < numbers->plan->n_rules; i++) {
            const plan_rule *rule = &numbers->plan->rules[i];
            int n = snprintf(instance, sizeof instance, "%u", rule->instance);
            metrics_label labels[] = {{"rule", rule->name.ptr, rule->name.len}, {"instance", instance, (size_t)n}, {0}};
            metrics_count(out, rule_metrics[m].name, labels, counter_at(&numbers->rules[i], rule_metrics[m].offset));
        }
    }
}

/* What a rule costs: what is there now, and how much time it takes. */
static void put_costs(egret_text *out, const web_numbers *numbers)
{
    static const struct { const char *name, *type, *help; } families[] = {
        {"egret_rule_keys", "gauge", "Keys for which a rule has attempts or a window in memory, as counted last."},
        {"egret_rule_state_bytes", "gauge", "Memory of a rule's state, as counted last."},
        {"egret_rule_seconds_total", "counter", "Processor time of events, shared by the rules they were shown to; estimated from one event of 1,024."},
    };
    char instance[16];
    for (size_t m = 0; m < sizeof families / sizeof families[0]; m++) {
        metrics_family(out, families[m].name, families[m].type, families[m].help);
        for (uint32_t i = 0; i < numbers->plan->n_rules; i++) {
            const plan_rule *rule = &numbers->plan->rules[i];
            const web_rule_cost *cost = &numbers->costs[i];
            int n = snprintf(instance, sizeof instance, "%u", rule->instance);
            metrics_label labels[] = {{"rule", rule->name.ptr, rule->name.len}, {"instance", instance, (size_t)n}, {0}};
            if (m < 2) metrics_count(out, families[m].name, labels, m == 0 ? cost->keys : cost->bytes);
            else metrics_number(out, families[m].name, labels, (double)cost->ns / 1e9);
        }
    }
}

/* ---- engine, sinks, process ---- */

static void put_engine(egret_text *out, const web_numbers *numbers)
{
    const nfa_stats *stats = &numbers->engine;
    metrics_family(out, "egret_engine_events_total", "counter", "Events evaluated.");
    metrics_count(out, "egret_engine_events_total", NULL, stats->events);
    metrics_family(out, "egret_engine_keys", "gauge", "Keys that have state now.");
    metrics_count(out, "egret_engine_keys", NULL, stats->keys);
    metrics_family(out, "egret_engine_state_bytes", "gauge", "Memory of all keys' state.");
    metrics_count(out, "egret_engine_state_bytes", NULL, stats->bytes);
    metrics_family(out, "egret_engine_cold_keys", "gauge", "Keys whose state is not in memory now.");
    metrics_count(out, "egret_engine_cold_keys", NULL, stats->cold);
    metrics_family(out, "egret_engine_cold_puts_total", "counter", "Packs of keys written out of memory.");
    metrics_count(out, "egret_engine_cold_puts_total", NULL, stats->cold_puts);
    metrics_family(out, "egret_engine_cold_gets_total", "counter", "Packs of keys brought back into memory.");
    metrics_count(out, "egret_engine_cold_gets_total", NULL, stats->cold_gets);
    metrics_family(out, "egret_engine_cold_failures_total", "counter", "Packs of keys that could not be written, and stayed in memory.");
    metrics_count(out, "egret_engine_cold_failures_total", NULL, stats->cold_failed);
    metrics_family(out, "egret_engine_overflows_total", "counter", "Sums and whole numbers that did not fit and read as null.");
    metrics_count(out, "egret_engine_overflows_total", NULL, stats->overflows);
    metrics_family(out, "egret_engine_regex_limits_total", "counter", "Regular expressions stopped at a limit.");
    metrics_count(out, "egret_engine_regex_limits_total", NULL, stats->regex_limits);
    metrics_family(out, "egret_watermark_timestamp_seconds", "gauge", "The engine's clock, in event time; NaN before the first event.");
    metrics_number(out, "egret_watermark_timestamp_seconds", NULL, numbers->clock_ms == INT64_MIN ? NAN : (double)numbers->clock_ms / 1000.0);
    metrics_family(out, "egret_queue_records", "gauge", "Records admitted and not evaluated yet.");
    metrics_count(out, "egret_queue_records", NULL, numbers->queued_records);
    metrics_family(out, "egret_queue_limit_records", "gauge", "Records that may wait before senders are told to wait.");
    metrics_count(out, "egret_queue_limit_records", NULL, numbers->queue_limit);
}

typedef struct sink_metric {
    const char *name, *type, *help;
    size_t offset;      /* in outbox_stats */
} sink_metric;

static const sink_metric sink_metrics[] = {
    {"egret_sink_sent_total", "counter", "Alerts a sink has taken.", offsetof(outbox_stats, sent)},
    {"egret_sink_retried_total", "counter", "Tries that failed and were repeated.", offsetof(outbox_stats, retried)},
    {"egret_sink_failed_total", "counter", "Alerts that went to the dead letters of a sink.", offsetof(outbox_stats, failed)},
    {"egret_sink_backlog", "gauge", "Alerts that wait for a sink.", offsetof(outbox_stats, backlog)},
    {"egret_sink_backlog_bytes", "gauge", "The same in bytes.", offsetof(outbox_stats, backlog_bytes)},
};

static void put_sinks(egret_text *out, const web_numbers *numbers)
{
    for (size_t m = 0; m < sizeof sink_metrics / sizeof sink_metrics[0]; m++) {
        metrics_family(out, sink_metrics[m].name, sink_metrics[m].type, sink_metrics[m].help);
        for (size_t i = 0; i < numbers->n_sinks; i++) {
            metrics_label labels[] = {{"sink", numbers->sinks[i].name, strlen(numbers->sinks[i].name)}, {0}};
            metrics_count(out, sink_metrics[m].name, labels, counter_at(&numbers->sinks[i].stats, sink_metrics[m].offset));
        }
    }
    metrics_family(out, "egret_sink_oldest_seconds", "gauge", "Age of the oldest alert that waits for a sink; 0 when none waits.");
    for (size_t i = 0; i < numbers->n_sinks; i++) {
        int64_t oldest_ms = numbers->sinks[i].stats.oldest_ms;
        metrics_label labels[] = {{"sink", numbers->sinks[i].name, strlen(numbers->sinks[i].name)}, {0}};
        metrics_number(out, "egret_sink_oldest_seconds", labels, oldest_ms > 0 && numbers->wall_ms > oldest_ms ? (double)(numbers->wall_ms - oldest_ms) / 1000 : 0);
    }
    metrics_family(out, "egret_sink_gone", "gauge", "1 when the receiver has said that it wants nothing more.");
    for (size_t i = 0; i < numbers->n_sinks; i++) {
        metrics_label labels[] = {{"sink", numbers->sinks[i].name, strlen(numbers->sinks[i].name)}, {0}};
        metrics_count(out, "egret_sink_gone", labels, numbers->sinks[i].stats.gone);
    }
    metrics_family(out, "egret_sink_paused", "gauge", "1 while people have paused the sink.");
    for (size_t i = 0; i < numbers->n_sinks; i++) {
        metrics_label labels[] = {{"sink", numbers->sinks[i].name, strlen(numbers->sinks[i].name)}, {0}};
        metrics_count(out, "egret_sink_paused", labels, numbers->sinks[i].stats.paused);
    }
}

typedef struct store_metric {
    const char *name, *type, *help;
    size_t offset;      /* in web_numbers */
} store_metric;

static const store_metric store_metrics[] = {
    {"egret_commits_total", "counter", "Commits of events, places and alerts to the disk.", offsetof(web_numbers, commits)},
    {"egret_commit_failures_total", "counter", "Commits that failed: a full disk, mostly.", offsetof(web_numbers, commit_failures)},
    {"egret_store_unwritable", "gauge", "1 while nothing can be kept, for want of room or as the disk is read-only: events are refused.", offsetof(web_numbers, unwritable)},
    {"egret_journal_written_bytes_total", "counter", "Bytes written to the journal, compressed.", offsetof(web_numbers, journal_written)},
    {"egret_checkpoints_total", "counter", "Checkpoints of the state written.", offsetof(web_numbers, checkpoints)},
    {"egret_checkpoint_bytes_total", "counter", "Bytes written for checkpoints, compressed.", offsetof(web_numbers, checkpoint_bytes)},
    {"egret_journal_bytes", "gauge", "Size of the journal's blocks, compressed.", offsetof(web_numbers, journal_bytes)},
    {"egret_journal_blocks", "gauge", "Blocks of the journal.", offsetof(web_numbers, journal_blocks)},
    {"egret_journal_dropped_blocks_total", "counter", "Blocks dropped as they were older or more than is kept.",
     offsetof(web_numbers, journal_dropped)},
    {"egret_journal_quarantined_blocks", "gauge", "Blocks that could not be read and were put aside.",
     offsetof(web_numbers, journal_quarantined)},
    {"egret_alerts_kept", "gauge", "Entries of the history of alerts.", offsetof(web_numbers, alerts)},
    {"egret_alerts_kept_bytes", "gauge", "Size of the history of alerts, compressed.", offsetof(web_numbers, alert_bytes)},
    {"egret_alerts_dropped_total", "counter", "Entries of the history dropped as they were older or more than is kept.",
     offsetof(web_numbers, dropped_alerts)},
    {"egret_dead_letters_kept", "gauge", "Dead letters in the store: events not taken, alerts not delivered.", offsetof(web_numbers, dead)},
    {"egret_dead_letters_kept_bytes", "gauge", "Size of the dead letters.", offsetof(web_numbers, dead_bytes)},
    {"egret_dead_letters_dropped_total", "counter", "Dead letters dropped for want of room, since the folder was made.",
     offsetof(web_numbers, dropped_dead)},
    {"egret_store_bytes", "gauge", "Size of the store's file, free pages included.", offsetof(web_numbers, store_bytes)},
};

static void put_store(egret_text *out, const web_numbers *numbers)
{
    for (size_t m = 0; m < sizeof store_metrics / sizeof store_metrics[0]; m++) {
        metrics_family(out, store_metrics[m].name, store_metrics[m].type, store_metrics[m].help);
        metrics_count(out, store_metrics[m].name, NULL, counter_at(numbers, store_metrics[m].offset));
    }
    metrics_family(out, "egret_checkpoint_longest_pause_seconds", "gauge", "The longest that evaluation waited for a checkpoint.");
    metrics_number(out, "egret_checkpoint_longest_pause_seconds", NULL, (double)numbers->checkpoint_pause_us / 1e6);
}

const int64_t web_pause_bounds_us[WEB_PAUSES] = {100, 250, 500, 1000, 2500, 5000, 10000, 100000};

const int64_t web_commit_bounds_us[WEB_COMMITS] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 2500000};

const int64_t web_checkpoint_bounds_us[WEB_CHECKPOINTS] = {10000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000};

/* buckets: n_bounds of them, and one for what is beyond the last. */
static void put_histogram(egret_text *out, const char *name, const char *help, const int64_t *bounds_us, unsigned n_bounds, const uint64_t *buckets, uint64_t sum_us)
{
    uint64_t n = 0;
    char bound[32], full_name[80];
    metrics_family(out, name, "histogram", help);
    snprintf(full_name, sizeof full_name, "%s_bucket", name);
    for (unsigned i = 0; i <= n_bounds; i++) {
        int len = i < n_bounds ? snprintf(bound, sizeof bound, "%g", (double)bounds_us[i] / 1e6) : snprintf(bound, sizeof bound, "+Inf");
        metrics_label labels[] = {{"le", bound, (size_t)len}, {0}};
        n += buckets[i];
        metrics_count(out, full_name, labels, n);
    }
    snprintf(full_name, sizeof full_name, "%s_sum", name);
    metrics_number(out, full_name, NULL, (double)sum_us / 1e6);
    snprintf(full_name, sizeof full_name, "%s_count", name);
    metrics_count(out, full_name, NULL, n);
}

static void put_times(egret_text *out, const web_numbers *numbers)
{
    put_histogram(out, "egret_checkpoint_pause_seconds", "How long evaluation waited for a checkpoint, each time that it did.", web_pause_bounds_us, WEB_PAUSES,
                  numbers->pauses, numbers->pauses_us);
    put_histogram(out, "egret_commit_duration_seconds", "How long commits took.", web_commit_bounds_us, WEB_COMMITS, numbers->commits_by_time,
                  numbers->commit_us);
    put_histogram(out, "egret_checkpoint_duration_seconds", "How long checkpoints took, from the cut until all was handed over to be written.",
                  web_checkpoint_bounds_us, WEB_CHECKPOINTS, numbers->checkpoints_by_time, numbers->checkpoints_us);
}

static uint64_t resident_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    if (!stream) return 0;
    int n = fscanf(stream, "%llu %llu", &size, &resident);
    fclose(stream);
    return n == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* What the process has given to disks to be written at most, pages of the store and all. 0: not known here. The system counts what became dirty in its
 * cache, and where that holds a file in large pieces, a piece is counted whole for each page of it that is written: sixteen times as much is seen, and
 * more. As all is written by calls, what was given to calls (to pipes, too) is the other bound. */
static uint64_t disk_written_bytes(void)
{
    char line[128];
    unsigned long long dirtied = 0, given = 0;
    FILE *stream = fopen("/proc/self/io", "r");
    while (stream && fgets(line, sizeof line, stream))
        if (sscanf(line, "wchar: %llu", &given) != 1 && sscanf(line, "write_bytes: %llu", &dirtied) == 1) break;
    if (stream) fclose(stream);
    return given < dirtied ? given : dirtied;
}

static void put_process(egret_text *out, const web_numbers *numbers)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        double seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                         ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
        metrics_family(out, "process_cpu_seconds_total", "counter", "Processor time, user and system.");
        metrics_number(out, "process_cpu_seconds_total", NULL, seconds);
    }
    metrics_family(out, "process_resident_memory_bytes", "gauge", "Memory of the process.");
    metrics_count(out, "process_resident_memory_bytes", NULL, resident_bytes());
    metrics_family(out, "egret_disk_written_bytes_total", "counter", "Bytes the process had written to disks, at most: pages of the store, and files of sinks.");
    metrics_count(out, "egret_disk_written_bytes_total", NULL, disk_written_bytes());
    metrics_family(out, "process_start_time_seconds", "gauge", "When the process began, since the epoch.");
    metrics_number(out, "process_start_time_seconds", NULL, (double)numbers->start_time_ms / 1000.0);
}

void metrics_page(egret_text *out, const web_numbers *numbers)
{
    metrics_label version[] = {{"version", EGRET_VERSION, sizeof EGRET_VERSION - 1}, {0}};
    metrics_family(out, "egret_build_info", "gauge", "1, with the version as a label.");
    metrics_count(out, "egret_build_info", version, 1);
    put_streams(out, numbers);
    metrics_sources(out, numbers);
    put_rules(out, numbers);
    put_costs(out, numbers);
    put_engine(out, numbers);
    put_sinks(out, numbers);
    put_store(out, numbers);
    put_times(out, numbers);
    put_process(out, numbers);
}
