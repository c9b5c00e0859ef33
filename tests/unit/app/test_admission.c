/*
 * test_admission.c: batches own what they hold; the queue keeps its bounds and loses nothing.
 */
#include "app/admission.h"

#include "compiler/value.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static admission_batch *batch_of(size_t n)
{
    admission_batch *batch = admission_batch_new(0);
    assert_non_null(batch);
    for (size_t i = 0; i < n; i++)
        assert_true(admission_batch_add(batch, &(admitted_record){.raw = "{}", .raw_len = 2, .reason = 1, .text = "bad"}, 0));
    return batch;
}

static void a_batch_owns_what_it_holds(void **state)
{
    (void)state;
    char raw[] = "{\"user\":\"ada\"}", other[] = "unescaped", text[] = "why";
    egret_value slots[] = {egret_string(raw + 9, 3), egret_string(other, 9), egret_int(7), egret_null()};
    admission_batch *batch = admission_batch_new(3);
    assert_non_null(batch);
    assert_true(admission_batch_add(batch, &(admitted_record){.slots = slots, .raw = raw, .raw_len = strlen(raw)}, 4));
    assert_true(admission_batch_add(batch, &(admitted_record){.reason = 2, .raw = raw, .raw_len = 1, .text = text}, 0));
    memset(raw, 'x', sizeof raw);
    memset(other, 'x', sizeof other);
    memset(text, 'x', sizeof text);
    memset(slots, 0, sizeof slots);
    const admitted_record *good = &batch->records[0], *bad = &batch->records[1];
    assert_memory_equal(good->raw, "{\"user\":\"ada\"}", good->raw_len);
    assert_memory_equal(good->slots[0].u.s, "ada", 3);
    assert_ptr_equal(good->slots[0].u.s, good->raw + 9);    /* not copied twice */
    assert_memory_equal(good->slots[1].u.s, "unescaped", 9);
    assert_int_equal(good->slots[2].u.i, 7);
    assert_string_equal(bad->text, "why");
    assert_null(bad->slots);
    assert_int_equal(batch->n, 2);
    assert_int_equal(batch->n_good, 1);
    admission_batch_free(batch);
}

static void the_bound_is_kept(void **state)
{
    (void)state;
    admission *queue = admission_new(10, 1 << 20);
    assert_non_null(queue);
    admission_batch *large = batch_of(11), *six = batch_of(6), *five = batch_of(5);
    assert_int_equal(admission_put(queue, six), ADMISSION_TAKEN);
    assert_int_equal(admission_put(queue, five), ADMISSION_FULL);
    assert_int_equal(admission_records(queue), 6);
    assert_ptr_equal(admission_take(queue, 0), six);
    assert_int_equal(admission_put(queue, large), ADMISSION_TAKEN);    /* cannot get smaller by waiting */
    assert_int_equal(admission_put(queue, five), ADMISSION_FULL);
    assert_ptr_equal(admission_take(queue, 0), large);
    assert_int_equal(admission_put(queue, five), ADMISSION_TAKEN);
    assert_ptr_equal(admission_take(queue, 0), five);
    assert_null(admission_take(queue, 0));
    admission_batch_free(six);
    admission_batch_free(five);
    admission_batch_free(large);
    admission_free(queue);
}

static void bytes_are_bounded_too(void **state)
{
    (void)state;
    admission *queue = admission_new(1000, 1500);
    admission_batch *one = batch_of(10), *two = batch_of(20);
    assert_int_equal(admission_put(queue, one), ADMISSION_TAKEN);
    assert_int_equal(admission_put(queue, two), ADMISSION_FULL);
    admission_batch_free(two);
    admission_free(queue);  /* with what is still in it */
}

static void a_closed_queue_takes_nothing_and_gives_all(void **state)
{
    (void)state;
    admission *queue = admission_new(10, 1 << 20);
    admission_batch *one = batch_of(1), *two = batch_of(1);
    assert_int_equal(admission_put(queue, one), ADMISSION_TAKEN);
    admission_close(queue);
    assert_int_equal(admission_put(queue, two), ADMISSION_CLOSED);
    assert_int_equal(admission_put_wait(queue, two), ADMISSION_CLOSED);
    assert_false(admission_is_drained(queue));
    assert_ptr_equal(admission_take(queue, 60000), one);
    assert_true(admission_is_drained(queue));
    assert_null(admission_take(queue, 60000));  /* at once */
    admission_batch_free(one);
    admission_batch_free(two);
    admission_free(queue);
}

enum { MANY = 2000 };

static void *put_many(void *user)
{
    for (uint32_t i = 0; i < MANY; i++) {
        admission_batch *batch = admission_batch_new(i);
        if (!batch || !admission_batch_add(batch, &(admitted_record){.raw = "x", .raw_len = 1}, 0) ||
            admission_put_wait(user, batch) != ADMISSION_TAKEN)
            return NULL;
    }
    return user;
}

static void who_waits_loses_nothing_and_keeps_the_order(void **state)
{
    (void)state;
    pthread_t thread;
    void *result = NULL;
    admission *queue = admission_new(3, 1 << 20);
    assert_int_equal(pthread_create(&thread, NULL, put_many, queue), 0);
    for (uint32_t i = 0; i < MANY; i++) {
        admission_batch *batch = admission_take(queue, 60000);
        assert_non_null(batch);
        assert_int_equal(batch->source, i);
        admission_batch_free(batch);
    }
    pthread_join(thread, &result);
    assert_ptr_equal(result, queue);
    admission_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_owns_what_it_holds),
        cmocka_unit_test(the_bound_is_kept),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(a_closed_queue_takes_nothing_and_gives_all),
        cmocka_unit_test(who_waits_loses_nothing_and_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
