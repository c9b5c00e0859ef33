/* The line through values over time: against figures computed with fractions, and back to nothing. */
#include "nfa/fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)
#define START_MS INT64_C(1700000000000)

typedef struct point { int64_t time_ms; egret_value v; } point;

static void fill(nfa_fit *fit, const point *points, size_t n)
{
    memset(fit, 0, sizeof *fit);
    for (size_t i = 0; i < n; i++)
        assert_true(nfa_fit_add(fit, points[i].time_ms, points[i].v, 1));
}

static void assert_number(egret_value v, double wanted)
{
    assert_int_equal(v.type, EGRET_NUMBER);
    assert_true(v.u.d == wanted);
}

static void test_figures(void **state)
{
    (void)state;
    nfa_fit fit;
    const point cents[] = { { START_MS, egret_decimal(7, 1) }, { START_MS + 1001, egret_decimal(90, 2) },
                            { START_MS + 5003, egret_decimal(-3, 1) }, { START_MS + 7000, egret_decimal(5, 0) } };
    fill(&fit, cents, 4);
    assert_number(nfa_fit_slope(&fit, EGRET_DECIMAL, 4), 0.4249205473951861);
    assert_number(nfa_fit_at(&fit, EGRET_DECIMAL, 4, START_MS + 7000, DAY_MS), 36716.303322076266);
    const point numbers[] = { { START_MS, egret_number(0.1) }, { START_MS + 1001, egret_number(0.2) },
                              { START_MS + 5003, egret_number(0.3) }, { START_MS + 7000, egret_number(1e6) } };
    fill(&fit, numbers, 4);
    assert_number(nfa_fit_slope(&fit, EGRET_NUMBER, 4), 114452.28549842126);
    assert_number(nfa_fit_at(&fit, EGRET_NUMBER, 4, START_MS + 7000, DAY_MS), 9889356548.83193);
    const point far[] = { { -5, egret_int(-3) }, { 0, egret_int(2) }, { INT64_MAX, egret_int(5) } };
    fill(&fit, far, 3);
    assert_number(nfa_fit_slope(&fit, EGRET_INT, 3), 5.963111948670274e-16);
    assert_number(nfa_fit_at(&fit, EGRET_INT, 3, INT64_MAX, 0), 5.0);
}

static void test_no_line(void **state)
{
    (void)state;
    nfa_fit fit = {0};
    assert_int_equal(nfa_fit_slope(&fit, EGRET_INT, 0).type, EGRET_NULL);
    assert_true(nfa_fit_add(&fit, START_MS, egret_int(1), 1));
    assert_int_equal(nfa_fit_at(&fit, EGRET_INT, 1, START_MS, DAY_MS).type, EGRET_NULL);
    assert_true(nfa_fit_add(&fit, START_MS, egret_int(9), 1));
    assert_int_equal(nfa_fit_slope(&fit, EGRET_INT, 2).type, EGRET_NULL);
    assert_true(nfa_fit_add(&fit, START_MS + 1, egret_int(5), 1));
    assert_number(nfa_fit_slope(&fit, EGRET_INT, 3), 0);
    assert_number(nfa_fit_at(&fit, EGRET_INT, 3, START_MS, DAY_MS), 5);
}

static void test_order_never_shows(void **state)
{
    (void)state;
    nfa_fit a = {0}, b = {0};
    const nfa_fit nothing = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(nfa_fit_add(&a, START_MS + i * 977, egret_number(1e-9 * i - 3), 1));
        assert_true(nfa_fit_add(&b, START_MS + (999 - i) * 977, egret_number(1e-9 * (999 - i) - 3), 1));
    }
    assert_memory_equal(&a, &b, sizeof a);
    for (int i = 999; i >= 0; i--)
        assert_true(nfa_fit_add(&a, START_MS + i * 977, egret_number(1e-9 * i - 3), -1));
    assert_memory_equal(&a, &nothing, sizeof a);
}

static void test_too_large(void **state)
{
    (void)state;
    nfa_fit fit = {0};
    const nfa_fit nothing = {0};
    assert_false(nfa_fit_add(&fit, START_MS, egret_number(1e300), 1));
    assert_memory_equal(&fit, &nothing, sizeof fit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_no_line),
        cmocka_unit_test(test_order_never_shows),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
