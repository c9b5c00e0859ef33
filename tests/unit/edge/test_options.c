/*
 * test_options.c: maps of strings, as they are kept, are read back. (How declarations become settings is tested with the sinks.)
 */
#include "edge/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void a_map_is_walked_line_by_line(void **state)
{
    (void)state;
    const char *at = "security.protocol: SASL_SSL\nempty: \nurl: http://a: b\n";
    egret_str key, value;
    assert_true(edge_map_next(&at, &key, &value));
    assert_true(egret_str_is(key, "security.protocol") && egret_str_is(value, "SASL_SSL"));
    assert_true(edge_map_next(&at, &key, &value));
    assert_true(egret_str_is(key, "empty") && value.len == 0);
    assert_true(edge_map_next(&at, &key, &value));
    assert_true(egret_str_is(key, "url") && egret_str_is(value, "http://a: b"));
    assert_false(edge_map_next(&at, &key, &value));
}

static void no_map_has_no_lines(void **state)
{
    (void)state;
    const char *none = NULL, *empty = "";
    egret_str key, value;
    assert_false(edge_map_next(&none, &key, &value));
    assert_false(edge_map_next(&empty, &key, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_map_is_walked_line_by_line), cmocka_unit_test(no_map_has_no_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
