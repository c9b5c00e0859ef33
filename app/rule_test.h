/*
 * rule_test.h: runs the `test` blocks of rules in virtual time and says what they showed.
 *
 * A test's events arrive at start + their `at`, in order of that instant, then of the text; their event time is that instant, too, unless
 * the event names its stream's time field itself. They go the same way as in replay: identity, then order within the lateness declared,
 * then the engine. The clock ends just behind the later of the last `at` and the last instant expected; all lateness is flushed then, and
 * whatever is due by that instant has acted.
 */
#ifndef EGRET_APP_RULE_TEST_H
#define EGRET_APP_RULE_TEST_H

#include "app/rules_files.h"
#include "compiler/text.h"
#include "nfa/engine.h"

/* An alert as a test keeps it. */
typedef struct rule_test_alert {
    const egret_alert *body;    /* a copy in the arena */
    bool expected;              /* some expect has taken it */
} rule_test_alert;

typedef struct rule_test_result {
    rule_test_alert *alerts;     /* in order of coming */
    size_t n_alerts, capacity;
    uint32_t *taken;        /* per expect: the alert it has taken, PLAN_NONE */
    uint64_t late, duplicates, ahead;
    const char *trouble;    /* the run itself failed; NULL: it did not */
} rule_test_result;

/* Everything in the result lives in the arena. */
void rule_test_run(egret_arena *arena, const plan *p, const plan_test *test, rule_test_result *result);
/* Does an alert fit an expect that takes alerts (not `no more`)? values: the expect's fields, evaluated. */
bool rule_test_fits(const plan_test *test, const plan_test_expect *expect, const egret_value *values, const rule_test_alert *alert);
/* Is it an alert of the tested rule that `expect no more alerts` forbids? Resolutions and escalations are not new alerts. */
bool rule_test_is_extra(const plan_test *test, const rule_test_alert *alert);

/* Appends to `out` what went wrong, with places and carets; nothing when all is as expected. Gives whether it passed. */
bool rule_test_report(egret_text *out, const rules_files *rules, const plan_test *test, const rule_test_result *result);

#endif
