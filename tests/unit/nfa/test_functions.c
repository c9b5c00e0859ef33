/* The functions of conditions, each with its ordinary cases, its edges and null; and like. */
#include "nfa/functions.h"
#include "nfa/geo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "i5" int, "d1.50" decimal, "n0.1" number, "t2026-01-05T09:00:00Z" time, "u1h" duration, "stext", "T", "F", "0" null. */
static egret_value val(const char *text)
{
    size_t len = strlen(text) - 1;
    egret_value v = egret_null();
    int64_t i = 0;
    double d = 0;
    switch (text[0]) {
    case 'i': assert_true(egret_parse_int(text + 1, len, &i)); return egret_int(i);
    case 't': assert_true(egret_parse_rfc3339(text + 1, len, &i)); return egret_time(i);
    case 'd': assert_true(egret_parse_decimal(text + 1, len, &v)); return v;
    case 'n': assert_true(egret_parse_number(text + 1, len, &d)); return egret_number(d);
    case 'u': assert_true(egret_parse_duration(text + 1, len, &i)); return egret_duration(i);
    case 's': return egret_string(text + 1, (uint32_t)len);
    case 'T': return egret_bool(true);
    case 'F': return egret_bool(false);
    default: return v;
    }
}

static const struct {
    const char *name;
    const char *arg[4];     /* up to the first NULL */
    const char *result;
} table[] = {
    {"abs", {"i-5"}, "i5"}, {"abs", {"d-1.50"}, "d1.50"}, {"abs", {"n-2.5"}, "n2.5"}, {"abs", {"u-1h"}, "u1h"}, {"abs", {"0"}, "0"},
    {"abs", {"i-9223372036854775808"}, "0"},
    {"round", {"d2.345", "i2"}, "d2.35"}, {"round", {"d-2.345", "i2"}, "d-2.35"}, {"round", {"d2.344", "i2"}, "d2.34"},
    {"round", {"d2.5"}, "d3"}, {"round", {"d2.5", "i4"}, "d2.5"}, {"round", {"d1250.00", "i-2"}, "d1300"},
    {"round", {"i1249", "i-2"}, "i1200"}, {"round", {"i5", "i3"}, "i5"}, {"round", {"i5", "i-40"}, "i0"},
    {"round", {"i9223372036854775807", "i-19"}, "0"}, {"round", {"i4223372036854775807", "i-19"}, "i0"}, {"round", {"i9223372036854775807", "i-18"}, "i9000000000000000000"},
    {"round", {"n2.5"}, "n3"}, {"round", {"n-2.5"}, "n-3"}, {"round", {"n1.115", "i2"}, "n1.12"}, {"round", {"n1234", "i-2"}, "n1200"},
    {"round", {"n0.1", "i400"}, "n0.1"}, {"round", {"n1e300", "i5"}, "n1e300"}, {"round", {"n5", "i-400"}, "n0"}, {"round", {"d2.5", "0"}, "0"},
    {"floor", {"d-2.5"}, "d-3"}, {"floor", {"d2.5"}, "d2"}, {"floor", {"n-2.5"}, "n-3"}, {"floor", {"i7"}, "i7"}, {"floor", {"d-3.00"}, "d-3"},
    {"ceil", {"d-2.5"}, "d-2"}, {"ceil", {"d2.01"}, "d3"}, {"ceil", {"n2.5"}, "n3"},
    {"sqrt", {"i16"}, "n4"}, {"sqrt", {"d2.25"}, "n1.5"}, {"sqrt", {"n-1"}, "0"},
    {"least", {"i3", "i1", "i2"}, "i1"}, {"least", {"i1", "d1.5"}, "d1"}, {"least", {"d2.5", "n1.5", "i3"}, "n1.5"}, {"least", {"i1", "0"}, "0"},
    {"least", {"sb", "sa"}, "sa"}, {"greatest", {"u1h", "u90m"}, "u1h30m"}, {"greatest", {"i3", "n2.5"}, "n3"},
    {"if", {"T", "i1", "i2"}, "i1"}, {"if", {"F", "i1", "i2"}, "i2"}, {"if", {"0", "sa", "sb"}, "sb"}, {"if", {"T", "i1", "d2.5"}, "d1"},
    {"if", {"T", "0", "i2"}, "0"},
    {"coalesce", {"0", "i2", "i3"}, "i2"}, {"coalesce", {"0", "0"}, "0"}, {"coalesce", {"sx", "0"}, "sx"},
    {"lower", {"sAbC \xC3\x84"}, "sabc \xC3\x84"}, {"upper", {"saZ{"}, "sAZ{"}, {"lower", {"s"}, "s"},
    {"trim", {"s \t ab c\r\n "}, "sab c"}, {"trim", {"s   "}, "s"}, {"trim", {"s"}, "s"},
    {"length", {"s\xC3\xA4\xE2\x82\xAC" "x"}, "i3"}, {"length", {"s"}, "i0"},
    {"starts_with", {"sabc", "sab"}, "T"}, {"starts_with", {"sab", "sabc"}, "F"}, {"starts_with", {"sab", "s"}, "T"}, {"starts_with", {"0", "s"}, "0"},
    {"ends_with", {"sabc", "sbc"}, "T"}, {"ends_with", {"sabc", "sab"}, "F"}, {"ends_with", {"s", "s"}, "T"},
    {"contains", {"sabc", "sb"}, "T"}, {"contains", {"sabc", "sB"}, "F"}, {"contains", {"s", "s"}, "T"}, {"contains", {"s", "sx"}, "F"},
    {"substring", {"s4111222233334444", "i1", "i6"}, "s411122"}, {"substring", {"sabc", "i2"}, "sbc"}, {"substring", {"sabc", "i0", "i2"}, "sa"},
    {"substring", {"sabc", "i5", "i2"}, "s"}, {"substring", {"sabc", "i2", "i-1"}, "s"}, {"substring", {"s\xC3\xA4\xC3\xB6\xC3\xBC", "i2", "i1"}, "s\xC3\xB6"},
    {"substring", {"sabc", "i-9223372036854775808", "i9223372036854775806"}, "s"}, {"substring", {"sabc", "i-5"}, "sabc"},
    {"concat", {"sx=", "d1.50", "T"}, "sx=1.50true"}, {"concat", {"s", "s"}, "s"}, {"concat", {"sa", "0"}, "0"},
    {"to_string", {"n0.1"}, "s0.1"}, {"to_string", {"sx"}, "sx"}, {"to_string", {"u90m"}, "s1h30m"},
    {"to_number", {"s1.5e3"}, "n1500"}, {"to_number", {"sx"}, "0"}, {"to_number", {"T"}, "n1"}, {"to_number", {"d0.25"}, "n0.25"},
    {"to_int", {"s-12"}, "i-12"}, {"to_int", {"s1.5"}, "0"}, {"to_int", {"n-2.9"}, "i-2"}, {"to_int", {"n1e19"}, "0"}, {"to_int", {"d2.99"}, "i2"}, {"to_int", {"F"}, "i0"},
    {"ip_in", {"s10.1.2.3", "s10.0.0.0/8"}, "T"}, {"ip_in", {"s11.1.2.3", "s10.0.0.0/8"}, "F"}, {"ip_in", {"s10.1.2.3", "s10.1.2.3"}, "T"},
    {"ip_in", {"s192.168.5.130", "s192.168.5.128/25"}, "T"}, {"ip_in", {"s192.168.5.127", "s192.168.5.128/25"}, "F"}, {"ip_in", {"s1.2.3.4", "s0.0.0.0/0"}, "T"},
    {"ip_in", {"s2001:db8::1", "s2001:db8::/32"}, "T"}, {"ip_in", {"s2001:db9::1", "s2001:db8::/32"}, "F"}, {"ip_in", {"s2001:db8::1", "s10.0.0.0/8"}, "F"},
    {"ip_in", {"s::ffff:10.0.0.1", "s10.0.0.0/8"}, "T"}, {"ip_in", {"snonsense", "s10.0.0.0/8"}, "F"}, {"ip_in", {"s10.0.0.1", "s10.0.0.0/33"}, "F"},
    {"ip_in", {"s10.0.0.1", "s10.0.0.0/"}, "F"}, {"ip_in", {"s10.0.0.1", "s"}, "F"}, {"ip_in", {"s10.0.0.1", "s10.0.0.0/8x"}, "F"},
    {"year", {"t2026-03-05T09:07:00Z"}, "i2026"}, {"month", {"t2026-03-05T09:07:00Z"}, "i3"}, {"day", {"t2026-03-05T09:07:00Z"}, "i5"},
    {"hour", {"t2026-03-05T09:07:00Z"}, "i9"}, {"minute", {"t2026-03-05T09:07:00Z"}, "i7"}, {"weekday", {"t2026-03-05T09:07:00Z"}, "i4"},
    {"weekday", {"t2026-03-08T00:00:00Z"}, "i7"}, {"hour", {"0"}, "0"},
    {"distance_km", {"i0", "i0", "i0", "i0"}, "n0"}, {"distance_km", {"n91", "i0", "i0", "i0"}, "0"}, {"distance_km", {"i0", "i0", "0", "i0"}, "0"},
};

static void test_table(void **state)
{
    (void)state;
    bool called[EGRET_N_FUNCTIONS] = {false};
    egret_arena scratch;
    egret_arena_init(&scratch, egret_mem_of(NULL));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        egret_str name = {table[i].name, (uint32_t)strlen(table[i].name)};
        int fn = egret_function_find(name);
        assert_true(fn >= 0);
        called[fn] = true;
        egret_value args[4];
        size_t n = 0;
        for (; n < 4 && table[i].arg[n]; n++)
            args[n] = val(table[i].arg[n]);
        egret_value got = nfa_call((unsigned)fn, args, n, &scratch);
        egret_value want = val(table[i].result);
        char a[80];
        char b[80];
        egret_value_text(got, a, sizeof a);
        egret_value_text(want, b, sizeof b);
        if (got.type != want.type || strcmp(a, b) != 0)
            fail_msg("row %zu, %s(%s …): %s %s, expected %s %s", i, table[i].name, table[i].arg[0], egret_type_name(got.type), a,
                     egret_type_name(want.type), b);
    }
    for (int fn = 0; fn < EGRET_N_FUNCTIONS; fn++)
        if (!called[fn])
            fail_msg("%s is not tested", egret_functions[fn].name);
    egret_arena_deinit(&scratch);
}

static void test_trigonometry(void **state)
{
    (void)state;
    for (int i = -20000; i <= 20000; i++) {
        double x = i * 0.001 * 3.3;
        assert_true(fabs(nfa_sin(x) - sin(x)) < 1e-14 && fabs(nfa_cos(x) - cos(x)) < 1e-14);
        double y = i / 20000.0;
        assert_true(fabs(nfa_asin(y) - asin(y)) < 1e-15 * 4);
        double small = i * 1e-9;
        assert_true(fabs(nfa_sin(small) - sin(small)) <= 1e-15 * fabs(small));
    }
}

static double reference_km(double lat1, double lon1, double lat2, double lon2)
{
    double radian = acos(-1.0) / 180;
    double north = sin((lat2 - lat1) * radian / 2);
    double east = sin((lon2 - lon1) * radian / 2);
    double h = north * north + cos(lat1 * radian) * cos(lat2 * radian) * east * east;
    return 2 * 6371.0088 * asin(sqrt(h < 1 ? h : 1));
}

static void test_distance(void **state)
{
    (void)state;
    double km;
    assert_true(nfa_distance_km(52.5200, 13.4050, 48.8566, 2.3522, &km));       /* Berlin, Paris */
    assert_true(fabs(km - 877.46) < 0.1);
    for (int i = 0; i < 20000; i++) {
        double lat1 = i * 37 % 181 - 90;
        double lat2 = i * 53 % 1801 / 10.0 - 90;
        double lon1 = i * 71 % 361 - 180;
        double lon2 = i * 97 % 3601 / 10.0 - 180;
        assert_true(nfa_distance_km(lat1, lon1, lat2, lon2, &km));
        double want = reference_km(lat1, lon1, lat2, lon2);
        /* Near the antipodes the formula itself magnifies the last bit of h: there 1e-12 of a distance is not to be had, from libm either. */
        assert_true(fabs(km - want) <= (want < 19900 ? 1e-12 * want : 1e-3));
    }
    assert_false(nfa_distance_km(NAN, 0, 0, 0, &km));
    assert_false(nfa_distance_km(0, 361, 0, 0, &km));
}

static void test_like(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pattern;
        bool fits;
    } cases[] = {
        {"setup.EXE", "*.exe", true}, {"setup.exe.txt", "*.exe", false}, {"", "", true}, {"", "*", true}, {"", "?", false}, {"a", "", false},
        {"abc", "a?c", true}, {"ac", "a?c", false}, {"\xC3\xA4" "c", "?c", true}, {"\xE2\x82\xAC", "??", false}, {"\xE2\x82\xAC", "*?", true},
        {"aXbXc", "*x*c", true}, {"abcabd", "*abd", true}, {"aaaaaaaaab", "*a*a*a*c", false}, {"abc", "abc*", true}, {"abc", "**a**", true}, {"ABC", "abc", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        egret_value text = egret_string(cases[i].text, (uint32_t)strlen(cases[i].text));
        egret_value pattern = egret_string(cases[i].pattern, (uint32_t)strlen(cases[i].pattern));
        if (nfa_like(text, pattern) != cases[i].fits)
            fail_msg("'%s' like '%s'", cases[i].text, cases[i].pattern);
    }
    assert_false(nfa_like(egret_null(), egret_string("*", 1)));
    assert_false(nfa_like(egret_string("a", 1), egret_null()));
    /* Work stays text times pattern: this would take years if every star were tried anew. */
    enum { N = 4000 };
    static char text[N];
    static char pattern[N];
    memset(text, 'a', sizeof text);
    for (int i = 0; i < N; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[N - 1] = 'b';
    assert_false(nfa_like(egret_string(text, N), egret_string(pattern, N)));
}

static void *refusing(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user, (void)ptr, (void)old_size, (void)new_size;
    return NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    egret_arena scratch;
    egret_arena_init(&scratch, (egret_mem){refusing, NULL});
    egret_value args[2] = {egret_string("abc", 3), egret_int(1)};
    assert_int_equal(nfa_call(EGRET_FN_UPPER, args, 1, &scratch).type, EGRET_NULL);
    assert_int_equal(nfa_call(EGRET_FN_CONCAT, args, 2, &scratch).type, EGRET_NULL);
    assert_int_equal(nfa_call(EGRET_FN_TO_STRING, args + 1, 1, &scratch).type, EGRET_NULL);
    egret_arena_deinit(&scratch);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_trigonometry), cmocka_unit_test(test_distance),
        cmocka_unit_test(test_like),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
