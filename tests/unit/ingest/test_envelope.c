/*
 * test_envelope.c: change records become flat ones; tombstones say nothing; what is no envelope is told.
 */
#include "ingest/decode.h"
#include "ingest/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void assert_opens(const char *text, envelope_got expected, const char *flat)
{
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    assert_int_equal(ingest_envelope_open(text, strlen(text), &out), expected);
    assert_int_equal(out.len, strlen(flat));
    if (out.len > 0)
        assert_memory_equal(out.ptr, flat, out.len);
    egret_text_deinit(&out);
}

static void each_operation(void **state)
{
    (void)state;
    assert_opens("{\"before\":null,\"after\":{\"id\":7,\"s\":\"a,}\\\"\"},\"op\":\"c\",\"ts_ms\":5}", ENVELOPE_FLAT,
                 "{\"id\":7,\"s\":\"a,}\\\"\",\"op\":\"c\",\"before\":null,\"after\":{\"id\":7,\"s\":\"a,}\\\"\"},\"ts_ms\":5}");
    assert_opens(" {\"before\": {\"id\": 7}, \"after\": {\"id\": 8 , \"x\": [1, {\"y\": 2}]}, \"op\": \"u\"}\n", ENVELOPE_FLAT,
                 "{\"id\":8,\"x\":[1, {\"y\": 2}],\"op\":\"u\",\"before\":{\"id\": 7},\"after\":{\"id\": 8 , \"x\": [1, {\"y\": 2}]}}");
    assert_opens("{\"op\":\"d\",\"before\":{\"id\":7},\"after\":null}", ENVELOPE_FLAT, "{\"id\":7,\"op\":\"d\",\"before\":{\"id\":7},\"after\":null}");
    assert_opens("{\"op\":\"r\",\"after\":{\"id\":7}}", ENVELOPE_FLAT, "{\"id\":7,\"op\":\"r\",\"after\":{\"id\":7}}");
    assert_opens("{\"op\":\"t\",\"source\":{\"table\":\"a\"}}", ENVELOPE_FLAT, "{\"op\":\"t\",\"source\":{\"table\":\"a\"}}");
}

static void with_a_schema_beside_it(void **state)
{
    (void)state;
    assert_opens("{\"schema\":{\"op\":1},\"payload\":{\"op\":\"c\",\"after\":{\"id\":7}}}", ENVELOPE_FLAT, "{\"id\":7,\"op\":\"c\",\"after\":{\"id\":7}}");
    assert_opens("{\"schema\":null,\"payload\":null}", ENVELOPE_EMPTY, "");
    assert_opens("null", ENVELOPE_EMPTY, "");
}

static void a_column_gives_way_to_a_part(void **state)
{
    (void)state;
    assert_opens("{\"op\":\"c\",\"after\":{\"op\":\"mine\",\"id\":1,\"source\":2}}", ENVELOPE_FLAT,
                 "{\"id\":1,\"op\":\"c\",\"after\":{\"op\":\"mine\",\"id\":1,\"source\":2}}");
}

static void what_is_no_envelope(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "7", "[1]", "{}", "{\"id\":7}", "{\"op\":\"c\"", "{\"op\"}", "{\"op\":\"c\",\"after\":{\"id\":7}",
                                        "{\"payload\":{\"id\":1}}", "{\"op\":}", "{\"a"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_opens(texts[i], ENVELOPE_NONE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation),
        cmocka_unit_test(with_a_schema_beside_it),
        cmocka_unit_test(a_column_gives_way_to_a_part),
        cmocka_unit_test(what_is_no_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
