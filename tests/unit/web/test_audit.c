/*
 * test_audit.c: the trail of changes: both halves of one, restarts, a line that a crash has cut.
 */
#include "web/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text(const json_t *changes, size_t i, const char *name)
{
    const char *value = json_string_value(json_object_get(json_array_get(changes, i), name));
    assert_non_null(value);
    return value;
}

static json_int_t number(const json_t *changes, size_t i, const char *name)
{
    return json_integer_value(json_object_get(json_array_get(changes, i), name));
}

static void a_change_is_there_whatever_came_of_it(void **state)
{
    (void)state;
    char folder[] = "/tmp/egret-audit-XXXXXX", path[64], body[AUDIT_SHOWN_BYTES + 10];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/audit.ndjson", folder);
    memset(body, 'x', sizeof body);
    web_audit *audit = web_audit_open(folder);
    assert_non_null(audit);
    assert_int_equal(web_audit_begin(audit, "ann", "PUT", "/v1/rules/r", "<b>\"\n\xff", 6), 1);
    web_audit_end(audit, 1, 200, "-a\n+b\n");
    assert_int_equal(web_audit_begin(audit, "bob", "PUT", "/v1/rules/s", body, sizeof body), 2);
    web_audit_close(audit);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs("{\"number\":3,\"ti", file);
    fclose(file);
    audit = web_audit_open(folder);
    assert_non_null(audit);
    assert_int_equal(web_audit_begin(audit, "eve", "DELETE", "/v1/rules/r", NULL, 0), 3);
    web_audit_end(audit, 3, 412, NULL);
    json_t *changes = web_audit_read(audit, 0, 10);
    assert_int_equal(json_array_size(changes), 3);
    assert_string_equal(text(changes, 0, "who"), "eve");
    assert_int_equal(number(changes, 0, "status"), 412);
    assert_true(json_is_null(json_object_get(json_array_get(changes, 1), "status")));
    assert_int_equal(strlen(text(changes, 1, "asked")), AUDIT_SHOWN_BYTES);
    assert_string_equal(text(changes, 2, "difference"), "-a\n+b\n");
    assert_int_equal(number(changes, 2, "status"), 200);
    json_decref(changes);
    changes = web_audit_read(audit, 3, 1);
    assert_int_equal(json_array_size(changes), 1);
    assert_int_equal(number(changes, 0, "number"), 2);
    json_decref(changes);
    web_audit_close(audit);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    assert_null(web_audit_open(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_change_is_there_whatever_came_of_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
