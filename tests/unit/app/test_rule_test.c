/*
 * test_rule_test.c: what passes as a test of rules and what does not.
 */
#include "app/rule_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "compiled.h"

static const char rules_text[] =
    "stream pay { card: string  amount: decimal  n: int?  at: time } with time at, lateness 5s\n"
    "rule big { watch pay [amount >= 100.00]  by card  alert { amount: amount  twice: amount * 2  n: n } }\n"
    "rule lost { match pay then not pay for 1m  by card  alert { } }\n";

/* Runs one test block's steps against the rules above; gives whether it passed. */
static bool passes(const char *steps, char *report_text, size_t size)
{
    char text[4096];
    rules_files rules;
    egret_text report;
    rule_test_result result;
    snprintf(text, sizeof text, "%stest big \"t\" {\n%s\n}\n", rules_text, steps);
    compile_text(&rules, text);
    egret_text_init(&report, egret_mem_of(NULL));
    rule_test_run(&rules.arena, rules.plan, &rules.plan->tests[0], &result);
    bool passed = rule_test_report(&report, &rules, &rules.plan->tests[0], &result);
    if (report_text) snprintf(report_text, size, "%.*s", (int)report.len, report.len ? report.ptr : "");
    egret_text_deinit(&report);
    rules_files_free(&rules);
    return passed;
}

static void expectations_are_met_or_not(void **state)
{
    (void)state;
    static const struct { const char *steps; bool passed; } cases[] = {
        {"at 0s pay { card: \"a\" amount: 100 }  expect alert at 0s", true},
        {"at 0s pay { card: \"a\" amount: 100.00 }  expect alert at 1s", false},
        {"at 0s pay { card: \"a\" amount: 99.99 }  expect no more alerts", true},
        {"at 0s pay { card: \"a\" amount: 100.00 }  expect no more alerts", false},
        {"at 0s pay { card: \"a\" amount: 100.00 }", true},
        {"at 5s pay { card: \"a\" amount: 120.50 }  expect alert at 5s { card: \"a\" amount: 120.5 twice: 241 n: null severity: \"medium\" }", true},
        {"at 5s pay { card: \"a\" amount: 120.50 }  expect alert at 5s { card: \"b\" }", false},
        {"at 5s pay { card: \"a\" amount: 120.50 n: 1 }  expect alert at 5s { n: null }", false},
        /* Repetition, counter, and arrival in order of the instants. */
        {"at 1s every 1s 3 times pay { card: \"a\" amount: 98 + i }  expect alert at 3s { amount: 100 }  expect no more alerts", true},
        {"at 9s pay { card: \"b\" amount: 100 }  at 0s pay { card: \"a\" amount: 100 }"
         "  expect alert at 9s { card: \"b\" } expect alert at 0s { card: \"a\" } expect no more alerts", true},
        /* One alert for each expectation, whatever the order of writing. */
        {"at 0s pay { card: \"a\" amount: 100 }  expect alert at 0s  expect alert at 0s", false},
        {"at 0s pay { card: \"a\" amount: 100 } at 0s pay { card: \"b\" amount: 200 }"
         "  expect alert at 0s  expect alert at 0s { card: \"a\" }  expect no more alerts", true},
        {"at 0s pay { card: \"a\" amount: 100 } at 0s pay { card: \"b\" amount: 200 }"
         "  expect alert at 0s { card: \"a\" }  expect alert at 0s  expect no more alerts", true},
        /* Alerts of other rules are free unless named. */
        {"at 0s pay { card: \"a\" amount: 1 }  at 2m nothing  expect no more alerts", true},
        {"at 0s pay { card: \"a\" amount: 1 }  expect alert of lost at 1m { card: \"a\" }", true},
        {"at 0s pay { card: \"a\" amount: 1 }  at 59s nothing  expect alert of lost at 59s", false},
        {"at 0s pay { card: \"a\" amount: 1 }  at 60s pay { card: \"a\" amount: 1 }  expect alert of lost at 1m", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char report[2048];
        if (passes(cases[i].steps, report, sizeof report) != cases[i].passed) fail_msg("%s\n%s", cases[i].steps, report);
        assert_int_equal(report[0] == '\0', cases[i].passed);
    }
}

static void reports_point_at_the_expectation(void **state)
{
    (void)state;
    char report[2048];
    assert_false(passes("  at 5s pay { card: \"a\" amount: 100 }\n  expect alert at 6s", report, sizeof report));
    assert_string_equal(report, "  rules.egret:6:3: this did not come\n"
                                "      6 |   expect alert at 6s\n"
                                "        |   ^^^^^^^^^^^^^^^^^^\n"
                                "          came: alert of big at 5s { card: \"a\" amount: 100 twice: 200 n: null }\n");
    assert_false(passes("  at 5s pay { card: \"a\" amount: 1 }\n  expect alert at 5s", report, sizeof report));
    assert_non_null(strstr(report, "nothing else came of rule big"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expectations_are_met_or_not),
        cmocka_unit_test(reports_point_at_the_expectation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
