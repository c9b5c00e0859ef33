/*
 * test_kafka_mark.c: the set of rows that a transaction carries: what was produced is in it, what was not is not, whatever order they came in.
 */
#include "alerting/kafka_mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void assert_text(const kafka_mark *mark, const char *expected)
{
    char text[KAFKA_MARK_TEXT];
    assert_int_equal(kafka_mark_write(mark, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void rows_of_a_sink_are_one_run(void **state)
{
    (void)state;
    kafka_mark mark = {0};
    assert_text(&mark, "");
    for (uint64_t row = 7; row < 100; row += 3) kafka_mark_add(&mark, row);
    assert_text(&mark, "7-97");
    assert_true(kafka_mark_has(&mark, 7) && kafka_mark_has(&mark, 97));
    assert_false(kafka_mark_has(&mark, 6) || kafka_mark_has(&mark, 98));
}

static void what_was_refused_is_told_apart(void **state)
{
    (void)state;
    kafka_mark mark = {0};
    kafka_mark_add(&mark, 10);
    kafka_mark_add(&mark, 11);
    kafka_mark_break(&mark);        /* 12 was refused */
    kafka_mark_add(&mark, 13);
    kafka_mark_add(&mark, 20);
    kafka_mark_break(&mark);
    kafka_mark_break(&mark);
    kafka_mark_add(&mark, 25);
    assert_text(&mark, "10-11,13-20,25");
    assert_int_equal(kafka_mark_last(&mark), 25);
    assert_false(kafka_mark_has(&mark, 12) || kafka_mark_has(&mark, 24));
}

static void what_stands_in_the_store_for_good_is_forgotten(void **state)
{
    (void)state;
    kafka_mark mark;
    assert_true(kafka_mark_read(&mark, "10-11,13-20,25", 14));
    kafka_mark_forget(&mark, 10);
    assert_text(&mark, "10-11,13-20,25");
    kafka_mark_forget(&mark, 15);
    assert_text(&mark, "15-20,25");
    kafka_mark_forget(&mark, 26);
    assert_text(&mark, "");
    assert_int_equal(kafka_mark_last(&mark), 0);
    kafka_mark_add(&mark, 30);
    assert_text(&mark, "30");
}

static void rows_that_were_never_given_are_of_another_time(void **state)
{
    (void)state;
    kafka_mark mark;
    assert_true(kafka_mark_read(&mark, "10-11,13-20,25", 14));
    assert_false(kafka_mark_clip(&mark, 26));
    assert_text(&mark, "10-11,13-20,25");
    assert_true(kafka_mark_clip(&mark, 15));
    assert_text(&mark, "10-11,13-14");
    kafka_mark_add(&mark, 15);
    assert_text(&mark, "10-11,13-14,15");
    assert_true(kafka_mark_clip(&mark, 10));
    assert_text(&mark, "");
    assert_false(kafka_mark_clip(&mark, 0));
}

static void it_is_read_back_and_goes_on_with_a_run_of_its_own(void **state)
{
    (void)state;
    kafka_mark mark;
    assert_true(kafka_mark_read(&mark, "10-11,13,18446744073709551615", 29));
    assert_true(kafka_mark_has(&mark, 13) && kafka_mark_has(&mark, UINT64_MAX) && !kafka_mark_has(&mark, 12));
    assert_true(kafka_mark_read(&mark, "10-11", 5));
    kafka_mark_add(&mark, 40);
    kafka_mark_add(&mark, 41);
    assert_text(&mark, "10-11,40-41");
    assert_true(kafka_mark_read(&mark, "", 0));
    assert_text(&mark, "");
}

static void other_texts_are_no_marks(void **state)
{
    (void)state;
    static const char *const texts[] = {"x", "1-", "-1", "1,", ",1", "5-4", "1 2", "3-5,4", "7,7", "18446744073709551616", "1-2-3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        kafka_mark mark;
        assert_false(kafka_mark_read(&mark, texts[i], strlen(texts[i])));
        assert_int_equal(mark.n, 0);
    }
}

static void what_has_no_room_is_not_taken(void **state)
{
    (void)state;
    kafka_mark mark = {0};
    char text[KAFKA_MARK_TEXT];
    const uint64_t first = UINT64_MAX - 1000;
    for (uint64_t i = 0; i < KAFKA_MARK_RUNS; i++) {
        kafka_mark_break(&mark);
        assert_true(kafka_mark_add(&mark, first + 3 * i));
        assert_true(kafka_mark_add(&mark, first + 3 * i + 1));
    }
    assert_in_range(kafka_mark_write(&mark, text), 1, KAFKA_MARK_TEXT - 1);
    assert_int_equal(strlen(text), KAFKA_MARK_RUNS * 42 - 1);
    kafka_mark_break(&mark);
    assert_false(kafka_mark_add(&mark, first + 500));
    assert_true(kafka_mark_has(&mark, first));          /* none was pushed out */
    assert_false(kafka_mark_has(&mark, first + 500));
    kafka_mark_forget(&mark, first + 2);
    assert_true(kafka_mark_add(&mark, first + 500));
    kafka_mark again;
    size_t len = kafka_mark_write(&mark, text);
    assert_true(kafka_mark_read(&again, text, len));
    assert_true(kafka_mark_has(&again, first + 500) && kafka_mark_has(&again, first + 3) && !kafka_mark_has(&again, first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_sink_are_one_run),
        cmocka_unit_test(what_was_refused_is_told_apart),
        cmocka_unit_test(what_stands_in_the_store_for_good_is_forgotten),
        cmocka_unit_test(rows_that_were_never_given_are_of_another_time),
        cmocka_unit_test(it_is_read_back_and_goes_on_with_a_run_of_its_own),
        cmocka_unit_test(other_texts_are_no_marks),
        cmocka_unit_test(what_has_no_room_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
