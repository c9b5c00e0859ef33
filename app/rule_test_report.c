/*
 * rule_test_report.c: what a failed test tells: the expectation with its place, and what came instead.
 */
#include "app/rule_test.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_SHOWN = 10 };

static void put_value(egret_text *out, egret_value value)
{
    char text[64];
    if (value.type == EGRET_STRING) {
        egret_text_puts(out, "\"");
        egret_text_put_shown(out, value.u.s, value.len);
        egret_text_puts(out, "\"");
    } else {
        egret_text_put(out, text, egret_value_text(value, text, sizeof text));
    }
}

static void put_values(egret_text *out, const egret_named_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        egret_text_printf(out, " %s: ", values[i].name);
        put_value(out, values[i].value);
    }
}

static const char *kind_word(egret_alert_kind kind)
{
    switch (kind) {
    case EGRET_ALERT: return "alert";
    case EGRET_RESOLVED: return "resolved";
    case EGRET_ESCALATED: return "escalated";
    case EGRET_TIMEOUT: return "timeout alert";
    }
    return "alert";
}

static void put_offset(egret_text *out, const plan_test *test, int64_t time_ms)
{
    put_value(out, egret_duration(time_ms - test->start_ms));
}

static void put_alert(egret_text *out, const plan_test *test, const egret_alert *alert)
{
    egret_text_printf(out, "%s of %s at ", kind_word(alert->kind), alert->rule);
    put_offset(out, test, alert->time_ms);
    egret_text_puts(out, " {");
    put_values(out, alert->key, alert->n_key);
    put_values(out, alert->fields, alert->n_fields);
    egret_text_puts(out, " }\n");
}

/* "file:line:column: message", the line and a caret below. */
static void put_place(egret_text *out, const rules_files *rules, egret_span span, const char *message)
{
    if (span.source >= rules->diags.n_sources) {
        egret_text_printf(out, "  %s\n", message);
        return;
    }
    const egret_source *source = &rules->diags.sources[span.source];
    uint32_t line, column, start = span.start;
    egret_source_position(source, span.start, &line, &column);
    while (start > 0 && source->text[start - 1] != '\n') start--;
    size_t len = strcspn(source->text + start, "\r\n");
    size_t marked = span.end > span.start ? span.end - span.start : 1;
    if (marked > start + len - span.start) marked = start + len - span.start;
    egret_text_printf(out, "  %s:%" PRIu32 ":%" PRIu32 ": %s\n  %5" PRIu32 " | ", source->name, line, column, message, line);
    egret_text_put_shown(out, source->text + start, len);
    egret_text_puts(out, "\n        | ");
    for (uint32_t i = start; i < span.start; i++)
        if (((unsigned char)source->text[i] & 0xc0) != 0x80) egret_text_puts(out, " ");
    egret_text_repeat(out, '^', marked ? marked : 1);
    egret_text_puts(out, "\n");
}

/* Alerts nobody expected: of the rule named, or all that `no more alerts` forbids. */
static size_t put_unexpected(egret_text *out, const plan_test *test, const rule_test_result *result, const egret_str *rule)
{
    size_t n = 0;
    for (size_t i = 0; i < result->n_alerts; i++) {
        const rule_test_alert *alert = &result->alerts[i];
        bool wanted = rule ? egret_str_is(*rule, alert->body->rule) : rule_test_is_extra(test, alert);
        if (alert->expected || !wanted) continue;
        if (n++ < MAX_SHOWN) {
            egret_text_puts(out, "          came: ");
            put_alert(out, test, alert->body);
        }
    }
    if (n > MAX_SHOWN) egret_text_printf(out, "          and %zu more\n", n - MAX_SHOWN);
    return n;
}

static bool report_no_more(egret_text *out, const rules_files *rules, const plan_test *test, const rule_test_result *result,
                           const plan_test_expect *expect)
{
    bool clean = true;
    for (size_t i = 0; i < result->n_alerts; i++)
        if (!result->alerts[i].expected && rule_test_is_extra(test, &result->alerts[i])) clean = false;
    if (clean) return true;
    put_place(out, rules, expect->span, "expected no more alerts");
    put_unexpected(out, test, result, NULL);
    return false;
}

static void report_missing(egret_text *out, const rules_files *rules, const plan_test *test, const rule_test_result *result,
                           const plan_test_expect *expect)
{
    const egret_str *rule = expect->rule.len > 0 ? &expect->rule : &test->rule;
    put_place(out, rules, expect->span, "this did not come");
    if (put_unexpected(out, test, result, rule) == 0)
        egret_text_printf(out, "          nothing else came of rule %.*s\n", (int)rule->len, rule->ptr);
}

bool rule_test_report(egret_text *out, const rules_files *rules, const plan_test *test, const rule_test_result *result)
{
    if (result->trouble) {
        put_place(out, rules, test->span, result->trouble);
        return false;
    }
    bool passed = true;
    for (uint32_t i = 0; i < test->n_expects; i++) {
        if (test->expects[i].no_more) {
            passed &= report_no_more(out, rules, test, result, &test->expects[i]);
        } else if (result->taken[i] == PLAN_NONE) {
            report_missing(out, rules, test, result, &test->expects[i]);
            passed = false;
        }
    }
    if (!passed && result->late + result->duplicates + result->ahead > 0)
        egret_text_printf(out, "          note: of the test's events %" PRIu64 " were late, %" PRIu64 " duplicates, %" PRIu64
                               " too far ahead\n", result->late, result->duplicates, result->ahead);
    return passed;
}
