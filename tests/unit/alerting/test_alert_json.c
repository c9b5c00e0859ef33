/*
 * test_alert_json.c: the line an alert becomes, byte by byte.
 */
#include "alerting/alert_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static bool record_of(void *user, uint64_t ref, const char **ptr, size_t *len)
{
    (void)user;
    if (ref != 1) return false;
    *ptr = "{\"id\":\"p1\"}";
    *len = strlen(*ptr);
    return true;
}

static const egret_named_value key[] = {{"card", {.u.s = "4000", .len = 4, .type = EGRET_STRING}}};
static const egret_named_value fields[] = {
    {"message", {.u.s = "a \"b\"", .len = 5, .type = EGRET_STRING}},
    {"total", {.u.i = 200001, .type = EGRET_DECIMAL, .scale = 2}},
};
static const egret_evidence events[] = {
    {.step = "fail", .stream = "login", .time_ms = 1767603600000, .ref = 1},
    {.step = "", .stream = "pay", .time_ms = 1767603600500, .ref = 2},
};

static nfa_alert sample(void)
{
    nfa_alert alert = {.rule = 0};
    alert.body = (egret_alert){
        .size = sizeof(egret_alert), .kind = EGRET_ALERT, .id = "00112233445566778899aabbccddeeff", .rule = "r", .severity = "high",
        .time_ms = 1767603600500, .started_ms = 1767603600000, .key = key, .n_key = 1, .fields = fields, .n_fields = 2,
        .events = events, .n_events = 2, .n_events_total = 2,
    };
    return alert;
}

static void assert_line(plan_rule *rule, const nfa_alert *alert, const alert_json_options *options, const char *expected)
{
    plan rules = {.rules = rule, .n_rules = 1};
    json_writer w;
    jsonw_init(&w);
    alert_json_write(&w, &rules, alert, options);
    alert_json_newline(&w);
    assert_false(w.failed);
    assert_int_equal(w.len, strlen(expected));
    assert_memory_equal(w.ptr, expected, w.len);
    jsonw_deinit(&w);
}

static void everything_that_applies_is_written(void **state)
{
    (void)state;
    egret_str tags[] = {{"fraud", 5}, {"attack.t1110", 12}};
    plan_rule rule = {.instance = 1, .tags = tags, .n_tags = 2};
    nfa_alert alert = sample();
    alert.body.held_back = 3;
    alert.body.repeat = 2;
    alert.body.limited = true;
    alert.body.n_events_total = 9;
    alert_json_options options = {.evidence = true, .record = record_of, .has_detected = true, .detected_ms = 1767603601000};
    assert_line(&rule, &alert, &options,
                "{\"id\":\"00112233445566778899aabbccddeeff\",\"rule\":\"r\",\"instance\":1,\"severity\":\"high\","
                "\"tags\":[\"fraud\",\"attack.t1110\"],\"kind\":\"alert\",\"repeat\":2,\"key\":{\"card\":\"4000\"},"
                "\"time\":\"2026-01-05T09:00:00.500Z\",\"started\":\"2026-01-05T09:00:00Z\",\"detected\":\"2026-01-05T09:00:01Z\","
                "\"fields\":{\"message\":\"a \\\"b\\\"\",\"total\":2000.01},\"held_back\":3,\"limited\":true,"
                "\"events\":[{\"step\":\"fail\",\"stream\":\"login\",\"time\":\"2026-01-05T09:00:00Z\",\"event\":{\"id\":\"p1\"}},"
                "{\"stream\":\"pay\",\"time\":\"2026-01-05T09:00:00.500Z\"}],\"events_total\":9}\n");
}

static void what_does_not_apply_is_left_out(void **state)
{
    (void)state;
    plan_rule rule = {0};
    nfa_alert alert = sample();
    alert.body.kind = EGRET_RESOLVED;
    alert.body.n_key = 0;
    alert.body.n_fields = 0;
    alert_json_options options = {0};
    assert_line(&rule, &alert, &options,
                "{\"id\":\"00112233445566778899aabbccddeeff\",\"rule\":\"r\",\"severity\":\"high\",\"tags\":[],\"kind\":\"resolved\","
                "\"key\":{},\"time\":\"2026-01-05T09:00:00.500Z\",\"started\":\"2026-01-05T09:00:00Z\",\"fields\":{}}\n");
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(alert_kind_name(EGRET_ALERT), "alert");
    assert_string_equal(alert_kind_name(EGRET_RESOLVED), "resolved");
    assert_string_equal(alert_kind_name(EGRET_ESCALATED), "escalated");
    assert_string_equal(alert_kind_name(EGRET_TIMEOUT), "timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_applies_is_written),
        cmocka_unit_test(what_does_not_apply_is_left_out),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
