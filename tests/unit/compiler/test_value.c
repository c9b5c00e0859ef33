/* Values: exactness of arithmetic, agreement of comparison and hash, and that text reads back. */
#include "compiler/value.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A value from a short notation: "i5" int, "d1.50" decimal, "n0.1" number, "t…" time in ms, "u1h" duration, "stext", "T", "F", "0". */
static egret_value val(const char *text)
{
    size_t len = strlen(text) - 1;
    egret_value v = egret_null();
    int64_t i = 0;
    double d = 0;
    switch (text[0]) {
    case 'i': assert_true(egret_parse_int(text + 1, len, &i)); return egret_int(i);
    case 't': assert_true(egret_parse_int(text + 1, len, &i)); return egret_time(i);
    case 'd': assert_true(egret_parse_decimal(text + 1, len, &v)); return v;
    case 'n': assert_true(egret_parse_number(text + 1, len, &d)); return egret_number(d);
    case 'u': assert_true(egret_parse_duration(text + 1, len, &i)); return egret_duration(i);
    case 's': return egret_string(text + 1, (uint32_t)len);
    case 'T': return egret_bool(true);
    case 'F': return egret_bool(false);
    default: return v;
    }
}

static void assert_same(egret_value got, egret_value want, const char *what)
{
    char a[80];
    char b[80];
    egret_value_text(got, a, sizeof a);
    egret_value_text(want, b, sizeof b);
    if (got.type != want.type || strcmp(a, b) != 0)
        fail_msg("%s: %s %s, expected %s %s", what, egret_type_name(got.type), a, egret_type_name(want.type), b);
}

static void test_arith(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        char op;
        const char *b, *result;
    } table[] = {
        {"i2", '+', "i3", "i5"},
        {"i9223372036854775807", '+', "i1", "0"},
        {"i-9223372036854775808", '-', "i1", "0"},
        {"i3037000500", '*', "i3037000500", "0"},
        {"i-9223372036854775808", '%', "i-1", "i0"},
        {"i-7", '%', "i2", "i-1"},
        {"i7", '%', "i0", "0"},
        {"i7", '/', "i2", "n3.5"},
        {"i7", '/', "i0", "0"},
        {"d0.10", '+', "d0.2", "d0.30"},
        {"d2000.00", '-', "i2000", "d0.00"},
        {"d1.50", '*', "i3", "d4.50"},
        {"d1.5", '*', "d1.25", "d1.875"},
        {"d0.123456789", '*', "d0.123456789", "d0.015241578750190521"},
        {"d0.1234567891", '*', "d0.1234567891", "0"},                    /* needs 20 digits */
        {"d0.1234567890", '*', "d0.1234567890", "d0.015241578750190521"}, /* zeros are given up */
        {"d999999999999999999", '+', "i1", "0"},
        {"d999999999999999998", '+', "i1", "d999999999999999999"},
        {"d99999999999999999.0", '+', "d1.0", "d100000000000000000"},
        {"d5.5", '%', "i2", "d1.5"},
        {"d5.5", '/', "d2.0", "n2.75"},
        {"d5.5", '/', "d0.0", "0"},
        {"d0.1", '+', "n0.2", "n0.30000000000000004"},
        {"n1e308", '*', "i10", "0"},
        {"n5.5", '%', "i2", "n1.5"},
        {"t1000", '-', "t400", "u600ms"},
        {"t1000", '+', "t400", "0"},
        {"t1000", '+', "u1s", "t2000"},
        {"u1s", '+', "t1000", "t2000"},
        {"u1s", '-', "t1000", "0"},
        {"t1000", '-', "u1s", "t0"},
        {"u1h", '+', "u30m", "u1h30m"},
        {"u1h", '*', "i3", "u3h"},
        {"i3", '*', "u1h", "u3h"},
        {"u1h", '*', "d1.5", "u90m"},
        {"n0.5", '*', "u1h", "u30m"},
        {"u1h", '/', "u30m", "n2"},
        {"u1h", '/', "u0s", "0"},
        {"u1s", '/', "i3", "u333ms"},
        {"u2s", '/', "i3", "u667ms"},
        {"u3ms", '/', "i2", "u2ms"},
        {"u-3ms", '/', "i2", "u-2ms"},
        {"u1s", '/', "d0.25", "u4s"},
        {"u1s", '/', "n0", "0"},
        {"i3", '/', "u1s", "0"},
        {"u1s", '*', "u1s", "0"},
        {"u90s", '%', "u1m", "u30s"},
        {"u15000000w", '*', "i2000", "0"},
        {"0", '+', "i1", "0"},
        {"i1", '+', "0", "0"},
        {"sa", '+', "sb", "0"},
        {"T", '+', "i1", "0"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char what[80];
        snprintf(what, sizeof what, "%s %c %s", table[i].a, table[i].op, table[i].b);
        assert_same(egret_value_arith(table[i].op, val(table[i].a), val(table[i].b)), val(table[i].result), what);
    }
}

static void test_negate_and_number(void **state)
{
    (void)state;
    assert_same(egret_value_negate(val("d-1.50")), val("d1.50"), "negate");
    assert_same(egret_value_negate(val("u1h")), val("u-1h"), "negate");
    assert_same(egret_value_negate(egret_int(INT64_MIN)), egret_null(), "negate");
    assert_same(egret_value_negate(val("sx")), egret_null(), "negate");
    assert_same(egret_number(NAN), egret_null(), "nan");
    assert_same(egret_number(-INFINITY), egret_null(), "infinity");
}

static void test_compare_and_hash(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;      /* 2: not comparable */
    } table[] = {
        {"i1", "i2", -1},
        {"i1", "d1.00", 0},
        {"d1.0", "d1.000", 0},
        {"d0.1", "n0.1", 0},
        {"d0.10", "n0.1", 0},
        {"d0.1", "n0.10000000000000002", -1},
        {"i1", "n1", 0},
        {"i0", "n-0", 0},
        {"i9007199254740993", "n9007199254740992", 1},
        {"i-9007199254740993", "n-9007199254740992", -1},
        {"d9007199254740993.0", "n9007199254740992", 1},
        {"i9223372036854775807", "n9223372036854775808", -1},
        {"i-9223372036854775808", "n-9223372036854775808", 0},
        {"i9223372036854775807", "d9.5", 1},
        {"i5", "n5.5", -1},
        {"i-5", "n-5.5", 1},
        {"d5.25", "n5.5", -1},
        {"i1", "n1e300", -1},
        {"i1", "n-1e300", 1},
        {"sa", "sb", -1},
        {"sa", "saa", -1},
        {"s", "s", 0},
        {"F", "T", -1},
        {"u60s", "u1m", 0},
        {"t5", "t4", 1},
        {"t5", "i5", 2},
        {"u5ms", "i5", 2},
        {"sx", "i5", 2},
        {"0", "i5", 2},
        {"0", "0", 2},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        egret_value a = val(table[i].a);
        egret_value b = val(table[i].b);
        int order = 2;
        int reverse = 2;
        bool yes = egret_value_compare(a, b, &order);
        assert_int_equal(yes, egret_value_compare(b, a, &reverse));
        if (order != table[i].order || (yes && reverse != -order))
            fail_msg("%s with %s: %d and %d, expected %d", table[i].a, table[i].b, order, reverse, table[i].order);
        assert_int_equal(egret_value_equal(a, b), yes && order == 0);
        if (yes && order == 0)
            assert_true(egret_value_hash(a) == egret_value_hash(b));
        else
            assert_true(egret_value_hash(a) != egret_value_hash(b) || (a.type == EGRET_NULL && b.type == EGRET_NULL));
    }
}

static uint64_t next(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Equal across types implies equal hashes, whatever the values. */
static void test_hash_random(void **state)
{
    (void)state;
    uint64_t seed = 7;
    size_t equal = 0;
    for (int i = 0; i < 200000; i++) {
        int64_t mantissa = (int64_t)next(&seed) >> (next(&seed) % 64);
        egret_value a = egret_decimal(mantissa, (uint8_t)(next(&seed) % 19));
        egret_value b = egret_number(egret_value_as_number(a));
        if (egret_value_equal(a, b)) {
            equal++;
            assert_true(egret_value_hash(a) == egret_value_hash(b));
        }
        egret_value c = egret_int((int64_t)egret_value_as_number(egret_int(mantissa / 2)));
        egret_value d = egret_number((double)c.u.i);
        assert_true(egret_value_equal(c, d));
        assert_true(egret_value_hash(c) == egret_value_hash(d));
    }
    assert_true(equal > 100000);
}

/* The double of a decimal must be the one strtod finds for its text. */
static void test_decimal_as_number(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        egret_value v = egret_decimal((int64_t)next(&seed) >> (next(&seed) % 64), (uint8_t)(next(&seed) % 19));
        char text[80];
        egret_value_text(v, text, sizeof text);
        if (egret_value_as_number(v) != strtod(text, NULL))
            fail_msg("%s is %.17g", text, egret_value_as_number(v));
    }
}

static void test_parse_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *back;    /* NULL: refused */
    } table[] = {
        {"0", "0"}, {"-0.00", "0.00"}, {"100.10", "100.10"}, {"-1.5", "-1.5"}, {"1e3", "1000"}, {"1.5e-3", "0.0015"},
        {"1.50E+1", "15.0"}, {"0e400", "0"}, {"0.0000000000000000000", "0.000000000000000000"},
        {"123456789012345678", "123456789012345678"}, {"1234567890123456789", NULL}, {"1.000000000000000000000000", "1.00000000000000000"},
        {"0.0000000000000000001", NULL}, {"0.000000000000000001", "0.000000000000000001"}, {"1e18", NULL}, {"1e17", "100000000000000000"},
        {"00012.5", "12.5"}, {"", NULL}, {"-", NULL}, {".5", NULL}, {"5.", NULL}, {"1e", NULL}, {"1e+", NULL}, {"+1", NULL},
        {"1 ", NULL}, {" 1", NULL}, {"0x10", NULL}, {"1e-99999999999999999999", NULL}, {"1.2.3", NULL}, {"nan", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        egret_value v;
        char text[80];
        bool ok = egret_parse_decimal(table[i].text, strlen(table[i].text), &v);
        if (ok != (table[i].back != NULL))
            fail_msg("'%s': %d", table[i].text, ok);
        if (ok) {
            egret_value_text(v, text, sizeof text);
            assert_string_equal(text, table[i].back);
        }
    }
}

static void test_parse_int_and_number(void **state)
{
    (void)state;
    int64_t i;
    double d;
    assert_true(egret_parse_int("-9223372036854775808", 20, &i) && i == INT64_MIN);
    assert_true(egret_parse_int("9223372036854775807", 19, &i) && i == INT64_MAX);
    static const char *const bad_ints[] = {"9223372036854775808", "-9223372036854775809", "", "-", "1.0", "1 ", "99999999999999999999999"};
    for (size_t k = 0; k < sizeof bad_ints / sizeof bad_ints[0]; k++)
        assert_false(egret_parse_int(bad_ints[k], strlen(bad_ints[k]), &i));
    static const char *const numbers[] = {"0.1", "123456789012345678901234567890", "4.9e-324", "1.7976931348623157e308", "-2.5e-10",
                                          "9007199254740993", "0.3", "1e23", "8.5e-23", "179769313486231570793e288"};
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        assert_true(egret_parse_number(numbers[k], strlen(numbers[k]), &d));
        assert_true(d == strtod(numbers[k], NULL));
    }
    static const char *const bad_numbers[] = {"", "inf", "nan", "1e309", "0x1p3", "1.", ".1", "1e5x", "--1"};
    for (size_t k = 0; k < sizeof bad_numbers / sizeof bad_numbers[0]; k++)
        assert_false(egret_parse_number(bad_numbers[k], strlen(bad_numbers[k]), &d));
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *back;
    } table[] = {
        {"500ms", 500, "500ms"}, {"10s", 10000, "10s"}, {"5m", 300000, "5m"}, {"1h30m", 5400000, "1h30m"}, {"1w", 604800000, "7d"},
        {"1d2h3m4s5ms", 93784005, "1d2h3m4s5ms"}, {"-5m", -300000, "-5m"}, {"0s", 0, "0s"}, {"90m", 5400000, "1h30m"},
    };
    static const char *const bad[] = {"", "5", "m", "1m1h", "1m1m", "1.5h", "-", "1h ", "5x", "9999999999999w", "1hm"};
    char text[80];
    int64_t ms;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_true(egret_parse_duration(table[i].text, strlen(table[i].text), &ms));
        assert_true(ms == table[i].ms);
        egret_value_text(egret_duration(ms), text, sizeof text);
        assert_string_equal(text, table[i].back);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(egret_parse_duration(bad[i], strlen(bad[i]), &ms));
    assert_true(egret_value_text(egret_duration(INT64_MIN), text, sizeof text) > 10);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *back;   /* NULL: refused */
    } table[] = {
        {"2026-01-05T09:00:00Z", 1767603600000, "2026-01-05T09:00:00Z"},
        {"2026-01-05 09:00:00", 1767603600000, "2026-01-05T09:00:00Z"},
        {"2026-01-05T09:00:00.1239Z", 1767603600123, "2026-01-05T09:00:00.123Z"},
        {"2026-01-05T10:30:00.5+01:30", 1767603600500, "2026-01-05T09:00:00.500Z"},
        {"2026-01-05t04:00:00-05:00", 1767603600000, "2026-01-05T09:00:00Z"},
        {"1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z"},
        {"2024-02-29T00:00:00Z", 1709164800000, "2024-02-29T00:00:00Z"},
        {"1900-03-01T00:00:00Z", -2203891200000, "1900-03-01T00:00:00Z"},
        {"0000-01-01T00:00:00Z", -62167219200000, "0000-01-01T00:00:00Z"},
        {"2016-12-31T23:59:60Z", 1483228800000, "2017-01-01T00:00:00Z"},
        {"2023-02-29T00:00:00Z", 0, NULL}, {"2026-13-01T00:00:00Z", 0, NULL}, {"2026-00-01T00:00:00Z", 0, NULL},
        {"2026-01-05", 0, NULL}, {"2026-01-05T24:00:00Z", 0, NULL}, {"2026-01-05T09:00Z", 0, NULL},
        {"2026-01-05T09:00:00.Z", 0, NULL}, {"2026-01-05T09:00:00+0100", 0, NULL}, {"2026-01-05T09:00:00Zx", 0, NULL}, {"", 0, NULL},
    };
    char text[80];
    int64_t ms;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool ok = egret_parse_rfc3339(table[i].text, strlen(table[i].text), &ms);
        if (ok != (table[i].back != NULL) || (ok && ms != table[i].ms))
            fail_msg("%s: %d %lld", table[i].text, ok, (long long)ms);
        if (ok) {
            egret_value_text(egret_time(ms), text, sizeof text);
            assert_string_equal(text, table[i].back);
        }
    }
}

static void test_civil(void **state)
{
    (void)state;
    for (int64_t day = -800000; day < 800000; day += 13) {
        egret_civil c = egret_time_civil(day * 86400000 + 3723004);
        assert_true(egret_civil_days(c.year, c.month, c.day) == day);
        assert_true(c.hour == 1 && c.minute == 2 && c.second == 3 && c.ms == 4);
        assert_int_equal(c.weekday, (int)(((day + 3) % 7 + 7) % 7) + 1);
    }
    assert_int_equal(egret_time_civil(1767603600000).weekday, 1);   /* a Monday */
}

static void test_epochs(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        egret_time_unit unit;
        int64_t ms;
    } ints[] = {
        {1767603600, EGRET_UNIT_DETECT, 1767603600000}, {1767603600123, EGRET_UNIT_DETECT, 1767603600123},
        {1767603600123456, EGRET_UNIT_DETECT, 1767603600123}, {1767603600123456789, EGRET_UNIT_DETECT, 1767603600123},
        {-1, EGRET_UNIT_US, -1}, {5, EGRET_UNIT_MS, 5}, {99999999999, EGRET_UNIT_DETECT, 99999999999000},
        {100000000000, EGRET_UNIT_DETECT, 100000000000},
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        assert_true(egret_time_from_int(ints[i].number, ints[i].unit, &ms));
        assert_true(ms == ints[i].ms);
    }
    assert_false(egret_time_from_int(INT64_MAX, EGRET_UNIT_S, &ms));
    assert_true(egret_time_from_number(1767603600.123, EGRET_UNIT_DETECT, &ms) && ms == 1767603600123);
    assert_true(egret_time_from_number(1767603600123.75, EGRET_UNIT_DETECT, &ms) && ms == 1767603600123);
    assert_true(egret_time_from_number(-0.0005, EGRET_UNIT_S, &ms) && ms == -1);
    assert_false(egret_time_from_number(1e300, EGRET_UNIT_S, &ms));
    assert_false(egret_time_from_number(INFINITY, EGRET_UNIT_S, &ms));
}

static void test_number_text(void **state)
{
    (void)state;
    static const struct {
        double d;
        const char *text;
    } table[] = {
        {0, "0"}, {0.1, "0.1"}, {0.1 + 0.2, "0.30000000000000004"}, {-2.5, "-2.5"}, {1e15, "1000000000000000"}, {1e20, "100000000000000000000"}, {1e22, "1e+22"}, {0.000123, "0.000123"},
        {123456789.25, "123456789.25"}, {1e-5, "0.00001"}, {1.5e-7, "1.5e-7"}, {1e300, "1e+300"},
        {5e-324, "4.94065645841247e-324"}, {12345678901234567890.0, "12345678901234567000"}, {1.0 / 3, "0.3333333333333333"},
    };
    char text[80];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        egret_value_text(egret_number(table[i].d), text, sizeof text);

        assert_string_equal(text, table[i].text);
    }
    uint64_t seed = 11;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next(&seed);
        double d;
        double back;
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d))
            continue;
        size_t len = egret_value_text(egret_number(d), text, sizeof text);
        assert_true(egret_parse_number(text, len, &back));
        assert_true(back == d);
    }
}

static void test_text_cap(void **state)
{
    (void)state;
    char text[6];
    assert_int_equal(egret_value_text(val("sgr\xC3\xBC\xC3\x9F" "e"), text, sizeof text), 4);   /* not half of a sharp s */
    assert_string_equal(text, "gr\xC3\xBC");
    assert_int_equal(egret_value_text(val("i1234567"), text, sizeof text), 5);
    assert_string_equal(text, "12345");
    assert_int_equal(egret_value_text(val("T"), text, 1), 0);
    assert_int_equal(egret_value_text(val("T"), text, 0), 0);
    assert_int_equal(egret_value_text(egret_null(), text, sizeof text), 4);
    assert_string_equal(egret_type_name(EGRET_DURATION), "duration");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arith),
        cmocka_unit_test(test_negate_and_number), cmocka_unit_test(test_compare_and_hash),     cmocka_unit_test(test_hash_random),
        cmocka_unit_test(test_decimal_as_number), cmocka_unit_test(test_parse_decimal),      cmocka_unit_test(test_parse_int_and_number),
        cmocka_unit_test(test_durations),      cmocka_unit_test(test_times),                cmocka_unit_test(test_civil),
        cmocka_unit_test(test_epochs),         cmocka_unit_test(test_number_text),          cmocka_unit_test(test_text_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
