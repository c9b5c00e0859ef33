/*
 * test_pace.c: who works beside others rests for several times as long as it works; alone, never.
 */
#include "app/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MS = 1000000 };

static int64_t rest_of(pace *p, int64_t wall_ms, int64_t others_ms, int64_t own_ms)
{
    const pace_times now = {p->then.wall_ns + wall_ms * MS, p->then.process_ns + (others_ms + own_ms) * MS, p->then.own_ns + own_ms * MS};
    int64_t rest_ns = pace_rest_ns(p, &now);
    if (rest_ns >= 0) p->then = now;
    return rest_ns;
}

static int64_t rest(int64_t wall_ms, int64_t others_ms, int64_t own_ms)
{
    pace p = {.then = {5 * MS, 7 * MS, 1 * MS}};
    return rest_of(&p, wall_ms, others_ms, own_ms);
}

static void it_rests_where_others_work(void **state)
{
    (void)state;
    assert_int_equal(rest(5, 5, 5), 5 * PACE_REST * MS);
    assert_int_equal(rest(20, 3, 4), 20 * PACE_REST * MS);     /* it waited for a processor */
}

static void alone_it_never_rests(void **state)
{
    (void)state;
    assert_int_equal(rest(10, 0, 10), 0);
    assert_int_equal(rest(100, 10, 90), 0);
}

static void a_moment_without_others_says_little(void **state)
{
    (void)state;
    pace p = {.then = {5 * MS, 7 * MS, 1 * MS}};
    assert_int_equal(rest_of(&p, 5, 5, 5), 5 * PACE_REST * MS);
    assert_int_equal(rest_of(&p, PACE_BUSY_MS - 1, 0, 5), (PACE_BUSY_MS - 1) * PACE_REST * MS);
    assert_int_equal(rest_of(&p, 5, 0, 5), 0);
}

static void too_little_is_not_judged(void **state)
{
    (void)state;
    assert_true(rest(10, 10, 1) < 0);
}

static void times_go_on(void **state)
{
    (void)state;
    pace_times then = pace_now();
    pace_times now = then;
    while (now.own_ns - then.own_ns < 3 * MS) now = pace_now();
    now = pace_now();   /* the three are read one after the other: only those read behind that have seen all of it */
    assert_true(now.wall_ns - then.wall_ns >= 3 * MS && now.process_ns - then.process_ns >= 3 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rests_where_others_work),
        cmocka_unit_test(alone_it_never_rests),
        cmocka_unit_test(a_moment_without_others_says_little),
        cmocka_unit_test(too_little_is_not_judged),
        cmocka_unit_test(times_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
