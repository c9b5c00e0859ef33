/*
 * test_sink_file.c: lines in files, and moving a file away under the sink's hands.
 */
#include "alerting/sink.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

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

/* A sink on that file; owned until drop. */
typedef struct held { sink_settings settings; sink_env env; void *self; } held;

static int64_t wall_ms;

static int64_t now(void *user)
{
    (void)user;
    return wall_ms;
}

static void open_sink(held *h, const char *dir, const char *path, int64_t bytes, int64_t every_ms, int64_t keep, bool gzip)
{
    *h = (held){.env = {.data_dir = dir, .now_ms = now}};
    sink_outcome outcome = {0};
    assert_true(sink_settings_fallback(&h->settings, &sink_kind_file));
    h->settings.texts[0] = strdup(path);
    if (bytes) h->settings.values[1] = egret_int(bytes);
    if (every_ms) h->settings.values[2] = egret_duration(every_ms);
    if (keep) h->settings.values[3] = egret_int(keep);
    h->settings.values[4] = egret_bool(gzip);
    h->self = calloc(1, sink_kind_file.size);
    assert_non_null(h->self);
    if (!sink_kind_file.open(h->self, &h->settings, &h->env, &outcome)) fail_msg("%s", outcome.reason);
}

static void drop(held *h)
{
    sink_kind_file.close(h->self);
    free(h->self);
    sink_settings_deinit(&h->settings);
}

static void assert_packed(const char *path, const char *expected)
{
    char text[256];
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    int n = gzread(file, text, sizeof text - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    gzclose(file);
    assert_string_equal(text, expected);
}

static void a_file_that_has_grown_is_moved_away(void **state)
{
    (void)state;
    char dir[] = "/tmp/egret-sink-XXXXXX", names[4][64];
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 4; i++) snprintf(names[i], sizeof names[i], i ? "%s/log.%d" : "%s/log", dir, i);
    held h;
    open_sink(&h, dir, "log", 20, 0, 2, false);
    static const char *const lines[] = {"{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "{\"a\":4}", "{\"a\":5}", "{\"a\":6}", "{\"a\":7}"};
    for (int i = 0; i < 7; i++) send_one(h.self, lines[i]);
    drop(&h);
    assert_content(names[0], "{\"a\":7}\n");
    assert_content(names[1], "{\"a\":5}\n{\"a\":6}\n");
    assert_content(names[2], "{\"a\":3}\n{\"a\":4}\n");
    assert_int_equal(access(names[3], F_OK), -1);
    for (int i = 0; i < 3; i++) unlink(names[i]);
    assert_int_equal(rmdir(dir), 0);
}

static void a_file_of_yesterday_is_moved_away_and_packed(void **state)
{
    (void)state;
    char dir[] = "/tmp/egret-sink-XXXXXX", names[3][64];
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 3; i++) snprintf(names[i], sizeof names[i], i ? "%s/log.%d.gz" : "%s/log", dir, i);
    wall_ms = (int64_t)time(NULL) * 1000;
    held h;
    open_sink(&h, dir, "log", 0, 86400000, 0, true);
    send_one(h.self, "{\"a\":1}");
    send_one(h.self, "{\"a\":2}");
    wall_ms += 86400000;
    send_one(h.self, "{\"a\":3}");
    struct timespec then[2] = {{.tv_sec = time(NULL) + 86400}, {.tv_sec = time(NULL) + 86400}};
    assert_int_equal(utimensat(AT_FDCWD, names[0], then, 0), 0);
    send_one(h.self, "{\"a\":4}");    /* the same day */
    drop(&h);
    assert_packed(names[1], "{\"a\":1}\n{\"a\":2}\n");
    assert_content(names[0], "{\"a\":3}\n{\"a\":4}\n");
    open_sink(&h, dir, "log", 10, 0, 0, true);
    send_one(h.self, "{\"a\":5}");
    drop(&h);
    assert_packed(names[1], "{\"a\":3}\n{\"a\":4}\n");
    assert_packed(names[2], "{\"a\":1}\n{\"a\":2}\n");
    for (int i = 0; i < 3; i++) unlink(names[i]);
    assert_int_equal(rmdir(dir), 0);
}

static void lines_are_appended_also_after_a_rotation(void **state)
{
    (void)state;
    char dir[] = "/tmp/egret-sink-XXXXXX", path[64], moved[64], name[] = "alerts.ndjson";
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(moved, sizeof moved, "%s/old", dir);
    held h;
    open_sink(&h, dir, name, 0, 0, 0, false);
    void *self = h.self;
    send_one(self, "{\"a\":1}");
    send_one(self, "{\"a\":2}");
    assert_int_equal(rename(path, moved), 0);
    send_one(self, "{\"a\":3}");
    drop(&h);
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
    sink_settings settings;
    assert_true(sink_settings_fallback(&settings, &sink_kind_file));
    settings.texts[0] = strdup(path);
    sink_outcome outcome = {0};
    void *self = calloc(1, sink_kind_file.size);
    assert_non_null(self);
    assert_false(sink_kind_file.open(self, &settings, &env, &outcome));
    assert_non_null(strstr(outcome.reason, path));
    sink_kind_file.close(self);
    free(self);
    sink_settings_deinit(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_appended_also_after_a_rotation),
        cmocka_unit_test(a_file_that_has_grown_is_moved_away),
        cmocka_unit_test(a_file_of_yesterday_is_moved_away_and_packed),
        cmocka_unit_test(a_path_that_leads_nowhere_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
