/*
 * test_metrics_text.c: the Prometheus text, sample by sample.
 */
#include "web/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STR(literal) {(literal), sizeof(literal) - 1}

static void assert_text(egret_text *text, const char *expected)
{
    assert_false(text->failed);
    assert_int_equal(text->len, strlen(expected));
    assert_memory_equal(text->ptr, expected, text->len);
    text->len = 0;
}

static void samples_have_escaped_labels(void **state)
{
    (void)state;
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    metrics_label labels[] = {{"a", "x\"\\\ny", 5}, {"b", "", 0}, {0}};
    metrics_family(&text, "egret_x_total", "counter", "Help.");
    assert_text(&text, "# HELP egret_x_total Help.\n# TYPE egret_x_total counter\n");
    metrics_count(&text, "egret_x_total", labels, UINT64_MAX);
    assert_text(&text, "egret_x_total{a=\"x\\\"\\\\\\ny\",b=\"\"} 18446744073709551615\n");
    metrics_count(&text, "egret_x_total", NULL, 0);
    assert_text(&text, "egret_x_total 0\n");
    metrics_number(&text, "egret_x", NULL, 0.5);
    assert_text(&text, "egret_x 0.5\n");
    metrics_number(&text, "egret_x", NULL, NAN);
    assert_text(&text, "egret_x NaN\n");
    egret_text_deinit(&text);
}

/* The page has this line. */
static void assert_line(const egret_text *page, const char *line)
{
    char wanted[256];
    size_t len = strlen(line);
    memcpy(wanted, "\n", 1);
    memcpy(wanted + 1, line, len);
    memcpy(wanted + 1 + len, "\n", 2);
    char *text = strndup(page->ptr, page->len);
    assert_non_null(text);
    if (!strstr(text, wanted)) fail_msg("no line '%s' in\n%s", line, text);
    free(text);
}

static void the_page_tells_every_counter(void **state)
{
    (void)state;
    plan_stream streams[] = {{.name = STR("pay")}, {.name = STR("login")}};
    plan_rule rules[] = {{.name = STR("r"), .instance = 1}};
    plan p = {.streams = streams, .n_streams = 2, .rules = rules, .n_rules = 1};
    ingest_stats ingest[2] = {{.records = 9, .accepted = 4, .late = 2, .duplicates = 1}, {0}};
    ingest[0].rejected[INGEST_REASON_TYPE] = 2;
    nfa_rule_stats rule = {.events = 4, .matches = 3, .alerts = 2, .held_back = 1, .attempts_dropped = 5, .events_dropped = 7, .null_keys = 6};
    web_rule_cost cost = {.keys = 17, .bytes = 4096, .ns = 2500000000};
    web_sink_numbers sink = {"desk", {.sent = 7, .retried = 1, .failed = 2, .backlog = 3, .gone = true}};
    web_numbers numbers = {.plan = &p, .streams = ingest, .rules = &rule, .costs = &cost, .engine = {.events = 4, .keys = 10, .bytes = 640, .cold = 4, .cold_gets = 3, .overflows = 1},
                           .sinks = &sink, .n_sinks = 1, .unrouted = 8, .letters = 13, .letters_unwritten = 12, .queued_records = 11, .queue_limit = 100,
                           .clock_ms = 1500, .start_time_ms = 2000,
                           .pauses = {[0] = 5, [3] = 2, [WEB_PAUSES] = 1}, .pauses_us = 1500000,
                           .checkpoints_by_time = {[1] = 2, [WEB_CHECKPOINTS] = 1}, .checkpoints_us = 61000000};
    egret_text page;
    egret_text_init(&page, egret_mem_of(NULL));
    metrics_page(&page, &numbers);
    static const char *const lines[] = {
        "egret_build_info{version=\"" EGRET_VERSION "\"} 1",
        "egret_events_received_total{stream=\"pay\"} 9", "egret_events_received_total{stream=\"login\"} 0",
        "egret_events_accepted_total{stream=\"pay\"} 4", "egret_events_late_total{stream=\"pay\"} 2",
        "egret_events_duplicate_total{stream=\"pay\"} 1", "egret_events_rejected_total{stream=\"pay\",reason=\"type\"} 2",
        "egret_events_rejected_total{stream=\"login\",reason=\"syntax\"} 0", "egret_events_unrouted_total 8", "egret_dead_letters_total 13", "egret_dead_letters_unwritten_total 12",
        "egret_rule_matches_total{rule=\"r\",instance=\"1\"} 3", "egret_rule_alerts_total{rule=\"r\",instance=\"1\"} 2",
        "egret_rule_held_back_total{rule=\"r\",instance=\"1\"} 1", "egret_rule_attempts_dropped_total{rule=\"r\",instance=\"1\"} 5",
        "egret_rule_events_dropped_total{rule=\"r\",instance=\"1\"} 7", "egret_rule_null_keys_total{rule=\"r\",instance=\"1\"} 6", "egret_engine_keys 10", "egret_engine_state_bytes 640", "egret_engine_cold_keys 4", "egret_engine_cold_gets_total 3",
        "egret_watermark_timestamp_seconds 1.5", "egret_queue_records 11", "egret_queue_limit_records 100",
        "egret_sink_sent_total{sink=\"desk\"} 7", "egret_sink_failed_total{sink=\"desk\"} 2", "egret_sink_backlog{sink=\"desk\"} 3",
        "egret_sink_gone{sink=\"desk\"} 1", "process_start_time_seconds 2",
        "egret_checkpoint_pause_seconds_bucket{le=\"0.0001\"} 5", "egret_checkpoint_pause_seconds_bucket{le=\"0.0005\"} 5",
        "egret_checkpoint_pause_seconds_bucket{le=\"0.001\"} 7", "egret_checkpoint_pause_seconds_bucket{le=\"+Inf\"} 8",
        "egret_rule_keys{rule=\"r\",instance=\"1\"} 17", "egret_rule_state_bytes{rule=\"r\",instance=\"1\"} 4096",
        "egret_rule_seconds_total{rule=\"r\",instance=\"1\"} 2.5",
        "egret_checkpoint_duration_seconds_bucket{le=\"0.05\"} 2", "egret_checkpoint_duration_seconds_bucket{le=\"60\"} 2",
        "egret_checkpoint_duration_seconds_sum 61", "egret_checkpoint_duration_seconds_count 3",
        "egret_checkpoint_pause_seconds_sum 1.5", "egret_checkpoint_pause_seconds_count 8",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) assert_line(&page, lines[i]);
    page.len = 0;
    numbers.clock_ms = INT64_MIN;
    metrics_page(&page, &numbers);
    assert_line(&page, "egret_watermark_timestamp_seconds NaN");
    egret_text_deinit(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_have_escaped_labels),
        cmocka_unit_test(the_page_tells_every_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
