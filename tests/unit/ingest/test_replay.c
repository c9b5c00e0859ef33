/*
 * test_replay.c: files read together come out in the one order, and their records can be shown again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/replay.h"

#define STR(s) { s, sizeof s - 1 }

static plan_field fields[] = {
    { .name = STR("at"), .path = STR("at"), .type = EGRET_TIME, .unit = EGRET_UNIT_MS, .slot = 0 },
    { .name = STR("id"), .path = STR("id"), .type = EGRET_STRING, .slot = 1 },
};
static plan_stream streams[] = {
    { .name = STR("a"), .fields = fields, .n_fields = 2, .n_slots = 2, .time_field = 0, .identity_field = 1, .identity_within_ms = 1000 },
    { .name = STR("b"), .fields = fields, .n_fields = 2, .n_slots = 2, .time_field = 0, .identity_field = PLAN_NONE, .lateness_ms = 5 },
};
static const plan test_plan = { .streams = streams, .n_streams = 2 };
static plan_stream late_stream = { .name = STR("late"), .fields = fields, .n_fields = 2, .n_slots = 2, .time_field = 0,
                                   .identity_field = PLAN_NONE, .lateness_ms = 4096 };
static const plan late_plan = { .streams = &late_stream, .n_streams = 1 };

typedef struct seen {
    char out[4096];
    size_t n;
    uint64_t refs[64];
    size_t n_refs;
    uint64_t released;
} seen;

static void take(seen *at, const nfa_event *event)
{
    at->released++;
    if (at->n + 32 < sizeof at->out)
        at->n += (size_t)snprintf(at->out + at->n, sizeof at->out - at->n, "%.*s ", (int)event->slots[1].len, event->slots[1].u.s);
    if (at->n_refs < 64)
        at->refs[at->n_refs++] = event->ref;
}

static void refuse(void *user, uint32_t file, const ingest_record *record, const char *kind, const char *text)
{
    seen *at = user;
    assert_true(text[0] != '\0');
    if (at->n + 32 < sizeof at->out)
        at->n += (size_t)snprintf(at->out + at->n, sizeof at->out - at->n, "(%u:%d %s) ", file, (int)record->line, kind);
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void run_all(const ingest_replay_options *options, ingest_replay **replay, seen *at)
{
    ingest_replay_options all = *options;
    uint32_t failed;
    ingest_events *events = ingest_events_new();
    assert_non_null(events);
    memset(at, 0, sizeof *at);
    all.plan = &test_plan;
    all.refuse = refuse;
    all.user = at;
    assert_int_equal(ingest_replay_open(&all, replay, &failed), EGRET_OK);
    do {
        ingest_replay_fill(*replay, events, 1);
        assert_int_equal(events->status, EGRET_OK);
        for (uint32_t i = 0; i < events->n; i++)
            take(at, &events->list[i]);
    } while (!events->last);
    ingest_events_free(events);
    if (at->n > 0)
        at->out[at->n - 1] = '\0';
}

static void text_is(ingest_replay *replay, uint64_t ref, const char *expect)
{
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    assert_int_equal(ingest_replay_text(replay, ref, &text), EGRET_OK);
    egret_text_put(&text, "", 1);
    assert_string_equal(text.ptr, expect);
    egret_text_deinit(&text);
}

static void two_files(void **state)
{
    (void)state;
    char one[] = "/tmp/egret_replay_XXXXXX", two[] = "/tmp/egret_replay_XXXXXX";
    write_file(one, "{\"at\":10,\"id\":\"a1\"}\n{\"at\":10,\"id\":\"a2\"}\n{\"at\":12,\"id\":\"a3\"}\nbad\n{\"at\":11,\"id\":\"a4\"}\n"
                    "{\"at\":12,\"id\":\"a3\"}\n{\"at\":30,\"id\":\"a5\"}\n");
    write_file(two, "at,id\n8,b1\n10,b2\n9,b3\n12,\"b \"\"4\"\"\"\n40,b5\n");
    ingest_replay_file files[2] = { { .path = one, .stream = 0 }, { .path = two, .stream = 1, .format = INGEST_FORMAT_CSV } };
    ingest_replay *replay;
    seen at;
    run_all(&(ingest_replay_options){ .files = files, .n_files = 2 }, &replay, &at);
    assert_string_equal(at.out, "b1 b3 a1 a2 b2 a3 (0:4 syntax) (0:5 late) (0:6 duplicate) b \"4\" a5 b5");
    assert_int_equal(ingest_replay_watermark(replay), 40);
    text_is(replay, at.refs[0], "{\"at\":8,\"id\":\"b1\"}");
    text_is(replay, at.refs[2], "{\"at\":10,\"id\":\"a1\"}");
    text_is(replay, at.refs[6], "{\"at\":12,\"id\":\"b \\\"4\\\"\"}");
    text_is(replay, at.refs[7], "{\"at\":30,\"id\":\"a5\"}");
    const char *path;
    uint64_t offset;
    assert_true(ingest_replay_place(replay, at.refs[3], &path, &offset));
    assert_string_equal(path, one);
    assert_int_equal(offset, 20);
    ingest_stats stats;
    ingest_replay_stats(replay, &stats);
    assert_int_equal(stats.records, 12);
    assert_int_equal(stats.accepted, 9);
    assert_int_equal(stats.late, 1);
    assert_int_equal(stats.duplicates, 1);
    assert_int_equal(ingest_stats_rejected(&stats), 1);
    ingest_replay_close(replay);
    unlink(one);
    unlink(two);
}

/* Many files, many equal times: the order is that of sorting by (time, file, line). */
static void many_files(void **state)
{
    (void)state;
    enum { FILES = 5, LINES = 400 };
    char paths[FILES][32];
    ingest_replay_file files[FILES];
    uint64_t seed = 7;
    size_t cap = LINES * 64;
    char *text = malloc(cap);
    assert_non_null(text);
    for (int f = 0; f < FILES; f++) {
        strcpy(paths[f], "/tmp/egret_replay_XXXXXX");
        size_t n = 0;
        for (int i = 0, t = 0; i < LINES; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            t += (seed >> 60) == 0;
            n += (size_t)snprintf(text + n, cap - n, "{\"at\":%d,\"id\":\"%03d:%d:%03d\"}\n", t, t, f, i);
        }
        write_file(paths[f], text);
        files[f] = (ingest_replay_file){ .path = paths[f], .stream = 1 };
    }
    free(text);
    ingest_replay *replay;
    seen at;
    run_all(&(ingest_replay_options){ .files = files, .n_files = FILES }, &replay, &at);
    assert_int_equal(at.released, FILES * LINES);
    char last[16] = "";
    for (char *word = strtok(at.out, " "); word != NULL && strlen(word) == 9; word = strtok(NULL, " ")) {
        assert_true(strcmp(last, word) < 0);
        snprintf(last, sizeof last, "%s", word);
    }
    assert_true(last[0] != '\0');
    ingest_replay_close(replay);
    for (int f = 0; f < FILES; f++)
        unlink(paths[f]);
}

/* Records cut by the reads of the file, and one larger than the first buffer's half. */
static void large_file(void **state)
{
    (void)state;
    char path[] = "/tmp/egret_replay_XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++)
        fprintf(file, "{\"x\":\"%*s\",\"at\":%d,\"id\":\"%d\"}\n", i == 7000 ? 900000 : i % 300, "", i, i);
    fclose(file);
    ingest_replay_file files[1] = { { .path = path, .stream = 0 } };
    ingest_replay *replay;
    seen at;
    run_all(&(ingest_replay_options){ .files = files, .n_files = 1 }, &replay, &at);
    assert_int_equal(at.released, 20000);
    ingest_stats stats;
    ingest_replay_stats(replay, &stats);
    assert_int_equal(ingest_stats_rejected(&stats) + stats.late + stats.duplicates, 0);
    ingest_replay_close(replay);
    unlink(path);
}

/* What an event of held_long must be: its id says its time. */
static void check_time(const nfa_event *event, int64_t *before_ms)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%s%lld", event->time_ms % 2 == 0 ? "\n" : "", (long long)event->time_ms);
    assert_int_equal(event->slots[1].len, n);
    assert_memory_equal(event->slots[1].u.s, text, (size_t)n);
    assert_true(event->time_ms >= *before_ms);
    *before_ms = event->time_ms;
}

/* One event in each chunk is held for long, the others go at once; and batches are looked at when others have been filled behind them. */
static void held_long(void **state)
{
    (void)state;
    enum { LINES = 6000, AT_HAND = 3 };
    char path[] = "/tmp/egret_replay_XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    for (int i = 0; i < LINES; i++) {
        int at = i % 32 == 0 ? i + (int)late_stream.lateness_ms : i;
        fprintf(file, "{\"x\":\"%*s\",\"at\":%d,\"id\":\"%s%d\"}\n", 4000, "", at, at % 2 == 0 ? "\\n" : "", at);
    }
    fclose(file);
    ingest_replay_file files[1] = { { .path = path, .stream = 0 } };
    ingest_replay_options options = { .plan = &late_plan, .files = files, .n_files = 1 };
    ingest_replay *replay;
    uint32_t failed, released = 0;
    assert_int_equal(ingest_replay_open(&options, &replay, &failed), EGRET_OK);
    ingest_events *events[AT_HAND];
    for (int i = 0; i < AT_HAND; i++) {
        events[i] = ingest_events_new();
        assert_non_null(events[i]);
        ingest_replay_fill(replay, events[i], 100);
        assert_false(events[i]->last);
    }
    int64_t before_ms = 0;
    bool last = false, all_read = false;
    for (int turn = 0; !last; turn = (turn + 1) % AT_HAND) {
        ingest_events *at = events[turn];
        assert_int_equal(at->status, EGRET_OK);
        for (uint32_t i = 0; i < at->n; i++)
            check_time(&at->list[i], &before_ms);
        released += at->n;
        last = at->last;
        if (!all_read)
            ingest_replay_fill(replay, at, 100);
        all_read = all_read || at->last;
    }
    assert_int_equal(released, LINES);
    for (int i = 0; i < AT_HAND; i++)
        ingest_events_free(events[i]);
    ingest_replay_close(replay);
    unlink(path);
}

static void no_such_file(void **state)
{
    (void)state;
    ingest_replay_file files[2] = { { .path = "/dev/null", .stream = 0 }, { .path = "/nonexistent/file", .stream = 0 } };
    ingest_replay *replay;
    uint32_t failed;
    ingest_replay_options options = { .plan = &test_plan, .files = files, .n_files = 2 };
    assert_int_equal(ingest_replay_open(&options, &replay, &failed), EGRET_IO);
    assert_int_equal(failed, 1);
}

static void chooses(void **state)
{
    (void)state;
    plan_option_value path_value = { .value = { .u.s = "data/logins.txt", .len = 15, .type = EGRET_STRING } };
    plan_option_value format_value = { .value = { .u.s = "csv", .len = 3, .type = EGRET_STRING } };
    plan_option options[2] = { { .name = STR("path"), .values = &path_value, .n_values = 1 },
                               { .name = STR("format"), .values = &format_value, .n_values = 1 } };
    plan_edge sources[2] = { { .name = STR("api"), .kind = STR("http") },
                             { .name = STR("old"), .kind = STR("file"), .options = options, .n_options = 2 } };
    plan rules = { .streams = streams, .n_streams = 2, .sources = sources, .n_sources = 2 };
    ingest_replay_file file;
    ingest_replay_choose(&rules, "/elsewhere/logins.txt", &file);
    assert_ptr_equal(file.source, &sources[1]);
    assert_int_equal(file.format, INGEST_FORMAT_CSV);
    ingest_replay_choose(&rules, "other.csv", &file);
    assert_null(file.source);
    assert_int_equal(file.stream, PLAN_NONE);
    assert_int_equal(file.format, INGEST_FORMAT_CSV);
    rules.n_sources = 1;
    ingest_replay_choose(&rules, "other.json", &file);
    assert_ptr_equal(file.source, &sources[0]);
    rules.n_streams = 1;
    ingest_replay_choose(&rules, "other.json", &file);
    assert_int_equal(file.stream, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_files), cmocka_unit_test(many_files), cmocka_unit_test(large_file), cmocka_unit_test(held_long),
        cmocka_unit_test(no_such_file), cmocka_unit_test(chooses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
