/*
 * test_json_write.c: what the JSON writer makes of values and of foreign records.
 */
#include "alerting/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void assert_text(json_writer *w, const char *expected)
{
    assert_false(w->failed);
    assert_int_equal(w->len, strlen(expected));
    assert_memory_equal(w->ptr, expected, w->len);
    jsonw_reset(w);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct { const char *in; size_t len; const char *out; } cases[] = {
        {"plain", 5, "\"plain\""},
        {"", 0, "\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\""},
        {"h\xc3\xa9ron \xf0\x9f\x90\xa6", 11, "\"h\xc3\xa9ron \xf0\x9f\x90\xa6\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\xc2\x85", 8, "\"\\u2028\\u2029\\u0085\""},
        {"a\xff" "b\xc3", 4, "\"a\xef\xbf\xbd" "b\xef\xbf\xbd\""},
    };
    json_writer w;
    jsonw_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jsonw_string(&w, cases[i].in, cases[i].len);
        assert_text(&w, cases[i].out);
    }
    jsonw_deinit(&w);
}

static void values_have_their_text(void **state)
{
    (void)state;
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '[');
    jsonw_value(&w, egret_null());
    jsonw_value(&w, egret_bool(true));
    jsonw_value(&w, egret_int(INT64_MIN));
    jsonw_value(&w, egret_number(0.5));
    jsonw_value(&w, egret_decimal(10001, 2));
    jsonw_value(&w, egret_string("x", 1));
    jsonw_value(&w, egret_time(1767603600000));
    jsonw_value(&w, egret_duration(5400000));
    jsonw_end(&w, ']');
    assert_text(&w, "[null,true,-9223372036854775808,0.5,100.01,\"x\",\"2026-01-05T09:00:00Z\",\"1h30m\"]");
    jsonw_deinit(&w);
}

static void commas_come_by_themselves(void **state)
{
    (void)state;
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "a");
    jsonw_begin(&w, '[');
    jsonw_end(&w, ']');
    jsonw_key_z(&w, "b");
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "c");
    jsonw_uint(&w, UINT64_MAX);
    jsonw_key_z(&w, "d");
    jsonw_null(&w);
    jsonw_end(&w, '}');
    jsonw_end(&w, '}');
    assert_text(&w, "{\"a\":[],\"b\":{\"c\":18446744073709551615,\"d\":null}}");
    jsonw_deinit(&w);
}

static void well_formed_objects_are_known(void **state)
{
    (void)state;
    static const struct { const char *text; bool is_object; } cases[] = {
        {"{}", true}, {" { } ", true}, {"{\"a\":1}", true}, {"{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\\n\"}", true},
        {"{\"a\":-0.5e+10,\"b\":true,\"c\":false,\"d\":[],\"e\":[[]]}", true}, {"{\"a\":1E5}", true},
        {"", false}, {"[]", false}, {"1", false}, {"{", false}, {"{\"a\"}", false}, {"{\"a\":}", false}, {"{\"a\":1,}", false},
        {"{\"a\":1 \"b\":2}", false}, {"{a:1}", false}, {"{\"a\":01}", false}, {"{\"a\":1.}", false}, {"{\"a\":+1}", false},
        {"{\"a\":nul}", false}, {"{\"a\":[1,]}", false}, {"{\"a\":[1}", false}, {"{} {}", false}, {"{}x", false},
        {"{\"a\":\"\\x\"}", false}, {"{\"a\":\"\\u12\"}", false}, {"{\"a\":\"\n\"}", false}, {"{\"a\":\"\xff\"}", false},
        {"{\"a\":\"\\ud83d\\ude00 \\uD83D\\uDE00\"}", true}, {"{\"a\":\"\\ud83d\"}", false}, {"{\"a\":\"\\ud83d\\n\"}", false},
        {"{\"a\":\"\\ude00\"}", false}, {"{\"a\":\"\\ud83d\\ud83d\"}", false}, {"{\"a\":\"\\ud83d\\u12g4\"}", false},
        {"{\"a\":1e308}", true}, {"{\"a\":1e400}", false}, {"{\"a\":-1e400}", false}, {"{\"a\":1e-400}", true},
        {"{\"a\":\"", false}, {"{\"a\":1]", false}, {"{\"a\":1e}", false}, {"{\"a\":-}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (jsonw_is_object(cases[i].text, strlen(cases[i].text)) != cases[i].is_object)
            fail_msg("%s", cases[i].text);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char text[512];
    for (int depth = 60; depth < 80; depth++) {
        size_t n = 0;
        memcpy(text, "{\"a\":", 5), n = 5;
        for (int i = 1; i < depth; i++) text[n++] = '[';
        for (int i = 1; i < depth; i++) text[n++] = ']';
        text[n++] = '}';
        assert_int_equal(jsonw_is_object(text, n), depth <= 64);
    }
}

static void records_go_in_on_one_line(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"{\"a\": 1}", "{\"a\": 1}"},
        {"  {\"a\": 1}\r\n", "{\"a\": 1}"},
        {"{\n  \"a b\" : \"c \\\" d\",\r\n \"e\":[ 1 , 2 ]\n}", "{\"a b\":\"c \\\" d\",\"e\":[1,2]}"},
        {"{\"a\": oops}", "\"{\\\"a\\\": oops}\""},
        {"id,1", "\"id,1\""},
    };
    json_writer w;
    jsonw_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jsonw_record(&w, cases[i].in, strlen(cases[i].in));
        assert_text(&w, cases[i].out);
    }
    jsonw_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(values_have_their_text),
        cmocka_unit_test(commas_come_by_themselves),
        cmocka_unit_test(well_formed_objects_are_known),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(records_go_in_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
