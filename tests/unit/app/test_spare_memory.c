/*
 * test_spare_memory.c: memory that lies free is given back when little is done, and not more often than each ten seconds.
 */
#include "app/spare_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static bool tick(spare_memory *spare, double wall_s, double process_s)
{
    const pace_times now = {(int64_t)(wall_s * 1e9), (int64_t)(process_s * 1e9), 0};
    return spare_memory_tick(spare, &now);
}

static void it_waits_ten_seconds_each_time(void **state)
{
    (void)state;
    spare_memory spare = {0};
    assert_false(tick(&spare, 100, 0));
    assert_false(tick(&spare, 109, 0));
    assert_true(tick(&spare, 110, 0));
    assert_false(tick(&spare, 111, 0));
    assert_false(tick(&spare, 119.5, 0));
    assert_true(tick(&spare, 121, 0));
}

static void it_leaves_a_busy_process_alone(void **state)
{
    (void)state;
    spare_memory spare = {0};
    assert_false(tick(&spare, 100, 50));
    assert_false(tick(&spare, 110, 55));
    assert_false(tick(&spare, 120, 75));
    assert_false(tick(&spare, 129, 76));
    assert_true(tick(&spare, 130, 79.9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_waits_ten_seconds_each_time),
        cmocka_unit_test(it_leaves_a_busy_process_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
