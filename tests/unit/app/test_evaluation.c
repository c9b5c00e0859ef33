/*
 * test_evaluation.c: how time passes in the daemon: for streams that speak, fall silent, bring history, or share the clock. All instants are
 * given; no clock is read.
 */
#include "app/evaluation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "compiled.h"

static const char rules_text[] =
    "stream beat { device: string  at: time } with time at, lateness 5s\n"
    "stream note { text: string  at: time } with time at\n"
    "rule seen { watch beat  by device  alert { } }\n"
    "rule lost { match b: beat then not beat for 1m  by device  alert { } }\n";

enum { BEAT, NOTE, IDLE_MS = 2000, NOW_MS = 1000000000 };

typedef struct fixture {
    rule_set *rules;
    evaluation_source sources[2];
    ingest_letters *letters;
    app_log log;
    evaluation *evaluation;
    char seen[1024];        /* "rule@ms " of each alert */
} fixture;

static void take(void *user, const plan_rule *rule, const egret_alert *alert, const sink_message *message)
{
    (void)alert;
    fixture *f = user;
    size_t len = strlen(f->seen);
    assert_true(jsonw_is_object(message->bytes, message->len));
    snprintf(f->seen + len, sizeof f->seen - len, "%.*s ", (int)rule->name.len, rule->name.ptr);
}

static evaluation *new_evaluation(fixture *f, uint32_t n_sources)
{
    evaluation_options options = {.rules = f->rules, .sources = f->sources, .n_sources = n_sources,
                                  .letters = f->letters, .log = &f->log, .idle_ms = IDLE_MS, .alert = take, .user = f};
    evaluation *made = evaluation_new(&options);
    assert_non_null(made);
    return made;
}

static void set_up(fixture *f, uint32_t n_sources, bool second_active)
{
    *f = (fixture){.log = {.json = true}};
    f->rules = rules_of(rules_text);
    f->sources[0] = (evaluation_source){"http", 5000, false, false};
    f->sources[1] = (evaluation_source){"file", 0, second_active, false};
    assert_int_equal(ingest_letters_open(NULL, 0, &f->letters), EGRET_OK);
    f->evaluation = new_evaluation(f, n_sources);
}

static void tear_down(fixture *f)
{
    evaluation_free(f->evaluation);
    ingest_letters_close(f->letters);
    rule_set_drop(f->rules);
}

static uint32_t stream_named(const fixture *f, const char *name)
{
    for (uint32_t i = 0; i < f->rules->plan->n_streams; i++)
        if (egret_str_is(f->rules->plan->streams[i].name, name)) return i;
    fail_msg("no stream %s", name);
    return 0;
}

/* An event of the stream, with its time and one text, arrives on the source at this instant of both clocks. */
static void push_of(fixture *f, uint32_t source, const char *partition, const char *stream, int64_t time_ms, int64_t now_ms)
{
    uint32_t number = stream_named(f, stream);
    const plan_stream *declared = &f->rules->plan->streams[number];
    egret_value slots[8];
    for (uint32_t i = 0; i < declared->n_slots; i++) slots[i] = egret_string("d1", 2);
    slots[declared->fields[declared->time_field].slot] = egret_time(time_ms);
    admission_batch *batch = admission_batch_new(source);
    assert_non_null(batch);
    assert_true(admission_batch_add(batch, &(admitted_record){.stream = number, .slots = slots, .raw = "{}", .raw_len = 2}, declared->n_slots));
    batch->arrival_ms = now_ms;
    batch->partition = partition;
    batch->heard = true;
    assert_int_equal(evaluation_batch(f->evaluation, batch, now_ms), EGRET_OK);
    admission_batch_free(batch);
}

static void push(fixture *f, uint32_t source, const char *stream, int64_t time_ms, int64_t now_ms)
{
    push_of(f, source, NULL, stream, time_ms, now_ms);
}

/* A batch without records: how a partition stands, or (SAME) that it ends; without a name it is the source itself. */
static void say(fixture *f, uint32_t source, const char *partition, journal_standing standing, int64_t now_ms)
{
    admission_batch *batch = admission_batch_new(source);
    assert_non_null(batch);
    batch->partition = partition;
    batch->ends_source = standing == JOURNAL_STANDING_SAME;
    batch->standing = (uint8_t)standing;
    batch->heard = true;
    assert_int_equal(evaluation_batch(f->evaluation, batch, now_ms), EGRET_OK);
    admission_batch_free(batch);
}

static void tick(fixture *f, int64_t now_ms)
{
    assert_int_equal(evaluation_tick(f->evaluation, now_ms), EGRET_OK);
}

static void assert_seen(fixture *f, const char *expected)
{
    assert_string_equal(f->seen, expected);
    f->seen[0] = '\0';
}

static void a_silent_stream_goes_on_at_the_speed_of_the_wall_clock(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, 1, false);
    push(&f, 0, "beat", NOW_MS - 300, NOW_MS);
    assert_seen(&f, "");                                        /* held for its lateness */
    tick(&f, NOW_MS + 5000 + IDLE_MS - 1);
    assert_seen(&f, "");
    tick(&f, NOW_MS + 5000 + IDLE_MS);
    assert_seen(&f, "seen ");
    tick(&f, NOW_MS + 60000 + 5000 + IDLE_MS);                  /* the deadline itself: not yet beyond it */
    assert_seen(&f, "");
    tick(&f, NOW_MS + 60000 + 5000 + IDLE_MS + 1);
    assert_seen(&f, "lost ");
    tear_down(&f);
}

static void an_event_as_late_as_the_ones_before_is_not_late(void **state)
{
    (void)state;
    fixture f;
    web_numbers numbers = {0};
    set_up(&f, 1, false);
    push(&f, 0, "beat", NOW_MS - 20000, NOW_MS);                /* arrives 20 s after its time */
    for (int64_t ms = 0; ms <= 30000; ms += 100) tick(&f, NOW_MS + ms);
    push(&f, 0, "beat", NOW_MS + 30000 - 20000 - IDLE_MS, NOW_MS + 30000);
    evaluation_numbers(f.evaluation, &numbers);
    assert_int_equal(numbers.streams[stream_named(&f, "beat")].late, 0);
    assert_int_equal(numbers.streams[stream_named(&f, "beat")].accepted, 2);
    push(&f, 0, "beat", NOW_MS - 20000 - 6000, NOW_MS + 30100);
    evaluation_numbers(f.evaluation, &numbers);
    assert_int_equal(numbers.streams[stream_named(&f, "beat")].late, 1);
    tear_down(&f);
}

static void history_does_not_run_on(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, 1, false);
    push(&f, 0, "beat", NOW_MS - EVALUATION_HISTORY_MS - 1, NOW_MS);
    tick(&f, NOW_MS + 5000 + IDLE_MS);
    assert_seen(&f, "seen ");
    tick(&f, NOW_MS + 10 * EVALUATION_HISTORY_MS);
    assert_seen(&f, "");
    push(&f, 0, "note", NOW_MS - EVALUATION_HISTORY_MS + 70000, NOW_MS + 10 * EVALUATION_HISTORY_MS);
    tick(&f, NOW_MS + 20 * EVALUATION_HISTORY_MS);
    assert_seen(&f, "lost ");
    tear_down(&f);
}

static void a_source_that_has_not_spoken_holds_the_clock_until_idle(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, 2, true);
    tick(&f, NOW_MS - 1);
    push(&f, 0, "beat", NOW_MS, NOW_MS);
    push(&f, 0, "beat", NOW_MS + 10, NOW_MS + 10);
    push(&f, 0, "note", NOW_MS + 6000, NOW_MS + 20);
    assert_seen(&f, "");
    push(&f, 1, "note", NOW_MS + 5, NOW_MS + 30);               /* the file is at +5 now: the first beat may go */
    assert_seen(&f, "seen ");
    tick(&f, NOW_MS + 30 + IDLE_MS - 1);
    push(&f, 0, "note", NOW_MS + 6001, NOW_MS + 30 + IDLE_MS - 1);
    assert_seen(&f, "");
    tick(&f, NOW_MS + 30 + IDLE_MS);                            /* the file is idle, HTTP is not */
    assert_seen(&f, "seen ");
    tear_down(&f);
}

static void draining_evaluates_what_was_held_and_fires_nothing_beyond(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, 1, false);
    push(&f, 0, "beat", NOW_MS, NOW_MS);
    assert_seen(&f, "");
    assert_int_equal(evaluation_drain(f.evaluation), EGRET_OK);
    assert_seen(&f, "seen ");
    tear_down(&f);
}

static const char P0[] = "file:t/0", P1[] = "file:t/1";

/* Source 1 has partitions; both have been named, and the source lets go. */
static void set_up_partitions(fixture *f)
{
    set_up(f, 2, true);
    f->sources[1].partitioned = true;
    evaluation_resume(f->evaluation, NOW_MS, IDLE_MS);
    push(f, 0, "beat", NOW_MS, NOW_MS);
    push(f, 0, "note", NOW_MS + 9000, NOW_MS);
    assert_seen(f, "");                                         /* the source is waited for */
    tick(f, NOW_MS + 100 * IDLE_MS);
    say(f, 1, P0, JOURNAL_STANDING_BEHIND, NOW_MS);
    say(f, 1, P1, JOURNAL_STANDING_BEHIND, NOW_MS);
    say(f, 1, NULL, JOURNAL_STANDING_SAME, NOW_MS);
    assert_seen(f, "");
}

static void each_partition_holds_the_clock_by_itself(void **state)
{
    (void)state;
    fixture f;
    set_up_partitions(&f);
    push_of(&f, 1, P0, "note", NOW_MS + 8000, NOW_MS + 1);
    assert_seen(&f, "");                                        /* the other one may still bring older ones */
    push_of(&f, 1, P1, "beat", NOW_MS + 1, NOW_MS + 2);         /* and does */
    assert_seen(&f, "seen seen ");
    assert_int_equal(evaluation_watermark(f.evaluation, 1, P0), NOW_MS + 8000);
    assert_int_equal(evaluation_watermark(f.evaluation, 1, P1), NOW_MS + 1);
    assert_int_equal(evaluation_watermark(f.evaluation, 1, "file:t/2"), INT64_MIN);
    tear_down(&f);
}

static void a_partition_that_is_behind_is_not_silent(void **state)
{
    (void)state;
    fixture f;
    set_up_partitions(&f);
    push_of(&f, 1, P0, "note", NOW_MS + 8000, NOW_MS + 1);
    say(&f, 1, P0, JOURNAL_STANDING_CAUGHT_UP, NOW_MS + 1);
    tick(&f, NOW_MS + 50 * IDLE_MS);
    assert_seen(&f, "");
    say(&f, 1, P1, JOURNAL_STANDING_CAUGHT_UP, NOW_MS + 50 * IDLE_MS);
    tick(&f, NOW_MS + 51 * IDLE_MS - 1);
    assert_seen(&f, "");                                        /* its silence has only begun */
    tick(&f, NOW_MS + 51 * IDLE_MS);
    assert_seen(&f, "seen ");
    say(&f, 1, P1, JOURNAL_STANDING_BEHIND, NOW_MS + 52 * IDLE_MS);
    push_of(&f, 1, P0, "beat", NOW_MS + 3700000, NOW_MS + 3700000);
    push_of(&f, 1, P0, "beat", NOW_MS + 3700001, NOW_MS + 3700001);
    tick(&f, NOW_MS + 3700001 + IDLE_MS);
    assert_seen(&f, "");
    say(&f, 1, P1, JOURNAL_STANDING_SAME, NOW_MS + 3700002 + IDLE_MS);      /* somebody else reads it now */
    tick(&f, NOW_MS + 3700002 + IDLE_MS);
    assert_int_equal(strncmp(f.seen, "lost ", 5), 0);
    tear_down(&f);
}

static void partitions_are_kept_and_the_source_waits_again_after_a_start(void **state)
{
    (void)state;
    fixture f;
    egret_text image;
    set_up_partitions(&f);
    push_of(&f, 1, P1, "note", NOW_MS, NOW_MS + 1);
    push_of(&f, 1, P0, "note", NOW_MS + 20, NOW_MS + 1);
    egret_text_init(&image, egret_mem_of(NULL));
    assert_int_equal(evaluation_save(f.evaluation, &image), EGRET_OK);
    evaluation_free(f.evaluation);
    f.evaluation = new_evaluation(&f, 2);
    const char *at = image.ptr;
    f.seen[0] = '\0';
    assert_int_equal(evaluation_load(f.evaluation, &at, image.ptr + image.len), EGRET_OK);
    assert_ptr_equal(at, image.ptr + image.len);
    assert_int_equal(evaluation_watermark(f.evaluation, 1, P0), NOW_MS + 20);
    evaluation_resume(f.evaluation, NOW_MS + 100, IDLE_MS);
    for (int64_t ms = 101; ms < 110; ms++) push_of(&f, 1, P1, "beat", NOW_MS + ms, NOW_MS + ms);
    push_of(&f, 1, P0, "note", NOW_MS + 9000, NOW_MS + 111);
    assert_seen(&f, "");                                        /* there may be partitions that have not been named */
    tick(&f, NOW_MS + 111 + 2 * IDLE_MS);
    assert_seen(&f, "");
    say(&f, 1, P0, JOURNAL_STANDING_BEHIND, NOW_MS + 112);
    say(&f, 1, NULL, JOURNAL_STANDING_SAME, NOW_MS + 112);
    push_of(&f, 1, P1, "beat", NOW_MS + 9000, NOW_MS + 113);
    assert_in_range(strlen(f.seen), 9 * strlen("seen "), 11 * strlen("seen "));
    egret_text_deinit(&image);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_stream_goes_on_at_the_speed_of_the_wall_clock),
        cmocka_unit_test(an_event_as_late_as_the_ones_before_is_not_late),
        cmocka_unit_test(history_does_not_run_on),
        cmocka_unit_test(a_source_that_has_not_spoken_holds_the_clock_until_idle),
        cmocka_unit_test(each_partition_holds_the_clock_by_itself),
        cmocka_unit_test(a_partition_that_is_behind_is_not_silent),
        cmocka_unit_test(partitions_are_kept_and_the_source_waits_again_after_a_start),
        cmocka_unit_test(draining_evaluates_what_was_held_and_fires_nothing_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
