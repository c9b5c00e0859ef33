/* Exact sums: order never shows, what goes out leaves nothing behind, and reading rounds once. */
#include "nfa/sum.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t next(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static egret_value random_value(egret_type type, uint64_t *seed)
{
    int64_t i = (int64_t)(next(seed) % 2000001) - 1000000;
    switch (type) {
    case EGRET_INT: return egret_int(i);
    case EGRET_DURATION: return egret_duration(i);
    case EGRET_DECIMAL: return egret_decimal(i, (uint8_t)(next(seed) % 4));
    default: return egret_number((double)i * 1e-3 + 1e-9 * (double)(next(seed) % 1000));
    }
}

static void assert_text(egret_value v, const char *text)
{
    char got[80];
    egret_value_text(v, got, sizeof got);
    assert_string_equal(got, text);
}

static const egret_type types[] = {EGRET_INT, EGRET_DURATION, EGRET_DECIMAL, EGRET_NUMBER};

/* A window that slides has the bits of a window filled afresh. */
static void test_sliding(void **state)
{
    (void)state;
    enum { N = 3000, WINDOW = 50 };
    static egret_value values[N];
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        uint64_t seed = t;
        nfa_sum live = {0, 0};
        nfa_square_sum live_squares = {{0, 0, 0}};
        for (size_t i = 0; i < N; i++) {
            values[i] = random_value(types[t], &seed);
            assert_true(nfa_sum_add(&live, values[i], 1));
            nfa_square_sum_add(&live_squares, values[i], 1);
            if (i >= WINDOW) {
                assert_true(nfa_sum_add(&live, values[i - WINDOW], -1));
                nfa_square_sum_add(&live_squares, values[i - WINDOW], -1);
            }
            nfa_sum fresh = {0, 0};
            nfa_square_sum fresh_squares = {{0, 0, 0}};
            for (size_t k = i; k + WINDOW > i && k < N; k--) {
                nfa_sum_add(&fresh, values[k], 1);
                nfa_square_sum_add(&fresh_squares, values[k], 1);
            }
            assert_memory_equal(&live, &fresh, sizeof live);
            assert_memory_equal(&live_squares, &fresh_squares, sizeof live_squares);
        }
        for (size_t i = N - WINDOW; i < N; i++) {
            nfa_sum_add(&live, values[i], -1);
            nfa_square_sum_add(&live_squares, values[i], -1);
        }
        assert_true(live.lo == 0 && live.hi == 0);
        assert_true((live_squares.w[0] | live_squares.w[1] | live_squares.w[2]) == 0);
    }
}

static void test_reading(void **state)
{
    (void)state;
    nfa_sum cents = {0, 0};
    for (int i = 0; i < 20000; i++)
        assert_true(nfa_sum_add(&cents, egret_decimal(10, 2), 1));
    assert_text(nfa_sum_read(&cents, EGRET_DECIMAL, 2), "2000.00");
    assert_text(nfa_sum_read(&cents, EGRET_DECIMAL, 0), "2000");
    assert_text(nfa_sum_read(&cents, EGRET_DECIMAL, 18), "2000");           /* 18 digits after the point do not fit: none are needed */
    assert_true(nfa_sum_add(&cents, egret_decimal(125, 3), 1));
    assert_text(nfa_sum_read(&cents, EGRET_DECIMAL, 2), "2000.125");
    assert_text(nfa_sum_mean(&cents, EGRET_DECIMAL, 4), "500.03125");
    assert_true(nfa_sum_add(&cents, egret_decimal(15, 18), 1));
    assert_text(nfa_sum_read(&cents, EGRET_DECIMAL, 2), "2000.12500000000000");  /* more than 18 digits: rounded */

    nfa_sum number = {0, 0};
    for (int i = 0; i < 10; i++)
        assert_true(nfa_sum_add(&number, egret_number(0.1), 1));
    assert_true(nfa_sum_read(&number, EGRET_NUMBER, 0).u.d == 1.0);
    assert_true(nfa_sum_mean(&number, EGRET_NUMBER, 10).u.d == 0.1);
    assert_true(nfa_sum_add(&number, egret_number(-1e15), 1) && nfa_sum_add(&number, egret_number(1e15), 1));
    assert_true(nfa_sum_read(&number, EGRET_NUMBER, 0).u.d == 1.0);

    nfa_sum spans = {0, 0};
    nfa_sum_add(&spans, egret_duration(1000), 1);
    nfa_sum_add(&spans, egret_duration(2), 1);
    assert_text(nfa_sum_read(&spans, EGRET_DURATION, 0), "1s2ms");
    assert_text(nfa_sum_mean(&spans, EGRET_DURATION, 4), "251ms");           /* 250.5 */
    nfa_sum_add(&spans, egret_duration(2004), -1);
    assert_text(nfa_sum_mean(&spans, EGRET_DURATION, 4), "-251ms");
    assert_text(nfa_sum_mean(&spans, EGRET_DURATION, 0), "null");
    assert_text(nfa_sum_mean(&spans, EGRET_INT, 0), "null");

    nfa_sum ints = {0, 0};
    nfa_sum_add(&ints, egret_int(INT64_MAX), 1);
    assert_text(nfa_sum_read(&ints, EGRET_INT, 0), "9223372036854775807");
    nfa_sum_add(&ints, egret_int(INT64_MAX), 1);
    assert_text(nfa_sum_read(&ints, EGRET_INT, 0), "null");
    assert_true(nfa_sum_mean(&ints, EGRET_INT, 2).u.d == 0x1p63);
    nfa_sum_add(&ints, egret_int(INT64_MAX), -1);
    assert_text(nfa_sum_read(&ints, EGRET_INT, 0), "9223372036854775807");
    assert_false(nfa_sum_add(&ints, egret_string("x", 1), 1));
    assert_false(nfa_sum_add(&ints, egret_null(), 1));
}

static void test_overflow(void **state)
{
    (void)state;
    nfa_sum sum = {0, 0};
    assert_false(nfa_sum_add(&sum, egret_number(0x1p63), 1));
    assert_true(nfa_sum_add(&sum, egret_number(0x1p62), 1));
    nfa_sum before = sum;
    assert_false(nfa_sum_add(&sum, egret_number(0x1p62), 1));
    assert_memory_equal(&sum, &before, sizeof sum);
    assert_true(nfa_sum_add(&sum, egret_number(-0x1p62), 1));
    assert_true(sum.lo == 0 && sum.hi == 0);
    nfa_sum huge = {0, 0};
    int added = 0;
    while (added < 1000 && nfa_sum_add(&huge, egret_decimal(999999999999999999, 0), 1))
        added++;
    assert_in_range(added, 100, 200);
    assert_text(nfa_sum_read(&huge, EGRET_DECIMAL, 2), "null");
}

/* Means of ints and decimals whose operands are exact doubles: then IEEE division gives the nearest double, and so must the mean. */
static void test_mean_is_nearest(void **state)
{
    (void)state;
    uint64_t seed = 99;
    for (int i = 0; i < 100000; i++) {
        int64_t total = (int64_t)(next(&seed) >> (10 + next(&seed) % 50));
        int64_t n = 1 + (int64_t)(next(&seed) >> (10 + next(&seed) % 50));
        nfa_sum sum = {0, 0};
        nfa_sum_add(&sum, egret_int(total), i % 2 ? 1 : -1);
        double mean = nfa_sum_mean(&sum, EGRET_INT, n).u.d;
        double sign = i % 2 ? 1 : -1;
        if (total < INT64_C(1) << 53 && n < INT64_C(1) << 53)
            assert_true(mean == sign * ((double)total / (double)n));    /* one rounding by IEEE */
        nfa_sum decimal = {0, 0};
        nfa_sum_add(&decimal, egret_decimal(total % 1000000000, 2), 1);
        n = 1 + n % 10000000;
        mean = nfa_sum_mean(&decimal, EGRET_DECIMAL, n).u.d;
        assert_true(mean == (double)(total % 1000000000) / (double)(n * 100));
    }
}

static void test_stddev(void **state)
{
    (void)state;
    static const double samples[][4] = {{2, 4, 4, 6}, {0.1, 0.1, 0.1, 0.1}, {1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3}, {-5, 5, -5, 5}, {1e-7, 3e-7, 1e-7, 3e-7}};
    for (size_t s = 0; s < sizeof samples / sizeof samples[0]; s++) {
        nfa_sum sum = {0, 0};
        nfa_square_sum squares = {{0, 0, 0}};
        double mean = 0;
        double variance = 0;
        for (int i = 0; i < 4; i++) {
            nfa_sum_add(&sum, egret_number(samples[s][i]), 1);
            nfa_square_sum_add(&squares, egret_number(samples[s][i]), 1);
            mean += samples[s][i] / 4;
        }
        for (int i = 0; i < 4; i++)
            variance += (samples[s][i] - mean) * (samples[s][i] - mean) / 4;
        double got = nfa_stddev(&sum, &squares, EGRET_NUMBER, 4).u.d;
        if (fabs(got - sqrt(variance)) > 1e-3 * sqrt(variance) + 1e-16)
            fail_msg("sample %zu: %.17g, expected %.17g", s, got, sqrt(variance));
    }
    nfa_sum sum = {0, 0};
    nfa_square_sum squares = {{0, 0, 0}};
    assert_int_equal(nfa_stddev(&sum, &squares, EGRET_INT, 0).type, EGRET_NULL);
    for (int i = 0; i < 1000; i++) {
        nfa_sum_add(&sum, egret_decimal(1999, 2), 1);
        nfa_square_sum_add(&squares, egret_decimal(1999, 2), 1);
    }
    assert_true(nfa_stddev(&sum, &squares, EGRET_DECIMAL, 1000).u.d == 0);
    nfa_sum_add(&sum, egret_decimal(29990, 3), 1);
    nfa_square_sum_add(&squares, egret_decimal(29990, 3), 1);
    assert_true(fabs(nfa_stddev(&sum, &squares, EGRET_DECIMAL, 1001).u.d - 10 * sqrt(1000.0) / 1001) < 1e-12);
    nfa_sum large = {0, 0};
    nfa_square_sum large_squares = {{0, 0, 0}};
    for (int64_t i = -1; i <= 1; i += 2) {
        nfa_sum_add(&large, egret_int(i < 0 ? -INT64_MAX : INT64_MAX), 1);
        nfa_square_sum_add(&large_squares, egret_int(i < 0 ? -INT64_MAX : INT64_MAX), 1);
    }
    assert_true(nfa_stddev(&large, &large_squares, EGRET_INT, 2).u.d == 0x1p63);
    nfa_square_sum_add(&squares, egret_string("x", 1), 1);
    nfa_square_sum none = {{0, 0, 0}};
    nfa_square_sum_add(&none, egret_int(1), -1);
    assert_int_equal(nfa_stddev(&sum, &none, EGRET_INT, 2).type, EGRET_NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sliding),         cmocka_unit_test(test_reading), cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_mean_is_nearest), cmocka_unit_test(test_stddev),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
