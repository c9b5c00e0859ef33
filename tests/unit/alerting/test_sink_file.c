/*
 * test_sink_file.c: lines in files, and moving a file away under the sink's hands.
 */
#include "alerting/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void send_one(void *self, const char *bytes)
{
    sink_outcome outcome = {0};
    assert_int_equal(sink_kind_file.send(self, &(sink_message){.id = "id", .bytes = bytes, .len = strlen(bytes)}, &outcome), SINK_SENT);
}

static void assert_content(const char *path, const char *expected)
{
    char text[256];
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    size_t n = fread(text, 1, sizeof text - 1, stream);
    text[n] = '\0';
    fclose(stream);
    assert_string_equal(text, expected);
}

static void lines_are_appended_also_after_a_rotation(void **state)
{
    (void)state;
    char dir[] = "/tmp/egret-sink-XXXXXX", path[64], moved[64], name[] = "alerts.ndjson";
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(moved, sizeof moved, "%s/old", dir);
    sink_env env = {.data_dir = dir};
    sink_settings settings = {.texts = {name}};
    sink_outcome outcome = {0};
    void *self = calloc(1, sink_kind_file.size);
    assert_non_null(self);
    assert_true(sink_kind_file.open(self, &settings, &env, &outcome));
    send_one(self, "{\"a\":1}");
    send_one(self, "{\"a\":2}");
    assert_int_equal(rename(path, moved), 0);
    send_one(self, "{\"a\":3}");
    sink_kind_file.close(self);
    free(self);
    assert_content(moved, "{\"a\":1}\n{\"a\":2}\n");
    assert_content(path, "{\"a\":3}\n");
    unlink(path);
    unlink(moved);
    rmdir(dir);
}

static void a_path_that_leads_nowhere_is_an_error(void **state)
{
    (void)state;
    char path[] = "/nonexistent/folder/alerts";
    sink_env env = {0};
    sink_settings settings = {.texts = {path}};
    sink_outcome outcome = {0};
    void *self = calloc(1, sink_kind_file.size);
    assert_non_null(self);
    assert_false(sink_kind_file.open(self, &settings, &env, &outcome));
    assert_non_null(strstr(outcome.reason, path));
    sink_kind_file.close(self);
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_appended_also_after_a_rotation),
        cmocka_unit_test(a_path_that_leads_nowhere_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
