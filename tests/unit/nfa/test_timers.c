/* The heap of hints: order, ties by block number, and refusal of memory. */
#include "nfa/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void test_order(void **state)
{
    (void)state;
    enum { N = 20000 };
    nfa_timers *timers = nfa_timers_new(egret_mem_of(NULL));
    assert_non_null(timers);
    uint64_t seed = 5;
    int64_t due;
    uint32_t block;
    assert_false(nfa_timers_top(timers, &due, &block));
    nfa_timers_pop(timers);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < N; i++)
            assert_true(nfa_timers_push(timers, (int64_t)(next(&seed) % 1000) - 500, (uint32_t)next(&seed) % 100));
        assert_int_equal(nfa_timers_count(timers), N);
        int64_t last_due = INT64_MIN;
        uint32_t last_block = 0;
        for (uint32_t i = 0; i < N; i++) {
            assert_true(nfa_timers_top(timers, &due, &block));
            assert_true(due > last_due || (due == last_due && block >= last_block));
            last_due = due;
            last_block = block;
            nfa_timers_pop(timers);
        }
        assert_int_equal(nfa_timers_count(timers), 0);
    }
    nfa_timers_free(timers);
    nfa_timers_free(NULL);
}

/* Mixed pushes and pops against a count per instant. */
static void test_mixed(void **state)
{
    (void)state;
    enum { INSTANTS = 500 };
    uint32_t waiting[INSTANTS] = {0};
    size_t count = 0;
    uint64_t seed = 9;
    nfa_timers *timers = nfa_timers_new(egret_mem_of(NULL));
    for (int i = 0; i < 100000; i++) {
        if (next(&seed) % 100 < 52) {
            uint32_t at = (uint32_t)(next(&seed) % INSTANTS);
            assert_true(nfa_timers_push(timers, at, at));
            waiting[at]++;
            count++;
        } else if (count > 0) {
            uint32_t least = 0;
            while (waiting[least] == 0)
                least++;
            int64_t due;
            uint32_t block;
            assert_true(nfa_timers_top(timers, &due, &block));
            assert_int_equal(due, least);
            assert_int_equal(block, least);
            nfa_timers_pop(timers);
            waiting[least]--;
            count--;
        }
        assert_int_equal(nfa_timers_count(timers), count);
    }
    nfa_timers_free(timers);
}

typedef struct budget {
    size_t left;
    size_t out;
} budget;

static void *rationed(void *user, void *ptr, size_t old_size, size_t new_size)
{
    budget *b = user;
    if (new_size == 0) {
        b->out -= old_size;
        free(ptr);
        return NULL;
    }
    if (b->left == 0)
        return NULL;
    b->left--;
    b->out += new_size - old_size;
    return realloc(ptr, new_size);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t calls = 0; calls < 6; calls++) {
        budget b = {.left = calls, .out = 0};
        nfa_timers *timers = nfa_timers_new((egret_mem){rationed, &b});
        size_t pushed = 0;
        while (timers && pushed < 300 && nfa_timers_push(timers, 1000 - (int64_t)pushed, 7))
            pushed++;
        for (size_t i = pushed; i > 0; i--) {
            int64_t due;
            uint32_t block;
            assert_true(nfa_timers_top(timers, &due, &block));
            assert_int_equal(due, 1001 - (int64_t)i);
            nfa_timers_pop(timers);
        }
        assert_true(calls > 4 || pushed < 300);
        nfa_timers_free(timers);
        assert_int_equal(b.out, 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
