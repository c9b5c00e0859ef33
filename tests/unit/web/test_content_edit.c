/*
 * test_content_edit.c: values and rows added to the texts of lists and tables, and taken out.
 */
#include "web/content_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

/* The text after the change; or "!" and the reason. */
static void check(const char *text, bool csv, const char *change, const char *expected)
{
    char reason[200] = "";
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    json_t *json = json_loads(change, 0, NULL);
    assert_non_null(json);
    bool fine = content_edit(text, csv, json_object_get(json, "add"), json_object_get(json, "remove"), &out, reason, sizeof reason);
    egret_text_put(&out, "", 1);
    if (expected[0] == '!') {
        assert_false(fine);
        if (!strstr(reason, expected + 1)) fail_msg("%s: '%s'", change, reason);
    } else {
        if (!fine) fail_msg("%s: %s", change, reason);
        assert_string_equal(out.ptr, expected);
    }
    egret_text_deinit(&out);
    json_decref(json);
}

static void lists_of_lines(void **state)
{
    (void)state;
    check("", false, "{\"add\": [\"a\", \"b c\"]}", "a\nb c\n");
    check("# known\na\n\nb\nc", false, "{\"add\": [\"d\"], \"remove\": [\"b\"]}", "# known\na\n\nc\nd\n");
    check("a\r\nb\r\n", false, "{\"remove\": [\"a\"]}", "b\r\n");
    check("a\n", false, "{\"remove\": [\"x\"]}", "!number 1 of 'remove'");
    check("#a\n", false, "{\"remove\": [\"#a\"]}", "!number 1 of 'remove'");
    check("a\n", false, "{\"add\": [\"x\\ny\"]}", "!no line");
    check("a\n", false, "{\"add\": [\"\"]}", "!no line");
    check("a\n", false, "{\"add\": [\"#x\"]}", "!no line");
    check("a\n", false, "{\"add\": [7]}", "!strings, or objects");
    check("a\n", false, "{\"add\": [{\"value\": \"x\", \"until\": \"y\"}]}", "!'until' is no column");
}

static void rows_by_column(void **state)
{
    (void)state;
    static const char table[] = "id,name,n\nd1,\"a, \"\"b\"\"\nc\",1\nd2,x,2\n";
    check(table, true, "{\"remove\": [{\"id\": \"d2\"}]}", "id,name,n\nd1,\"a, \"\"b\"\"\nc\",1\n");
    check(table, true, "{\"remove\": [{\"name\": \"a, \\\"b\\\"\\nc\"}]}", "id,name,n\nd2,x,2\n");
    check(table, true, "{\"remove\": [{\"id\": \"d2\", \"n\": 2}], \"add\": [{\"id\": \"d3\", \"name\": \"q\\\",\", \"n\": 3}]}",
          "id,name,n\nd1,\"a, \"\"b\"\"\nc\",1\nd3,\"q\"\",\",3\n");
    check(table, true, "{\"remove\": [{\"id\": \"d2\", \"n\": 1}]}", "!number 1 of 'remove'");
    check(table, true, "{\"add\": [{\"ip\": \"d2\"}]}", "!'ip' is no column");
    check(table, true, "{\"add\": [{\"id\": [1]}]}", "!'id' is no column, or its value");
    check("id,ok", true, "{\"add\": [{\"id\": \"a\", \"ok\": true}, {\"id\": \"b\"}]}", "id,ok\na,true\nb,\n");
    check("value,until\na,\n", true, "{\"add\": [\"b\"], \"remove\": [\"a\"]}", "value,until\nb,\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_of_lines), cmocka_unit_test(rows_by_column)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
