/*
 * test_large_memory.c: pieces keep what they hold while they grow and shrink across the bound between small and large, and large ones begin
 * where pages of 2 MB may.
 */
#include "app/large_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MB = 1 << 20 };

static void fill(unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i += 4096) at[i] = (unsigned char)(i >> 12);
    at[size - 1] = 77;
}

static void check(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size - 1; i += 4096) assert_int_equal(at[i], (unsigned char)(i >> 12));
}

static void test_sizes_across_the_bound(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, MB - 1, MB, MB + 1, 2 * MB - 1, 2 * MB, 3 * MB - 1, 3 * MB, 2 * MB + 1, 7 * MB + 4097, 2 * MB, 5000};
    egret_mem mem = app_large_memory();
    size_t held = sizes[0];
    unsigned char *at = egret_mem_alloc(mem, held);
    assert_non_null(at);
    fill(at, held);
    for (size_t i = 1; i < sizeof sizes / sizeof sizes[0]; i++) {
        at = egret_mem_grow(mem, at, held, sizes[i]);
        assert_non_null(at);
        check(at, held < sizes[i] ? held : sizes[i]);
        held = sizes[i];
        fill(at, held);
        assert_int_equal(held >= MB ? (uintptr_t)at % (2 * MB) : 0, 0);
    }
    egret_mem_free(mem, at, held);
}

static void test_more_than_there_can_be(void **state)
{
    (void)state;
    egret_mem mem = app_large_memory();
    unsigned char *at = egret_mem_alloc(mem, 3 * MB);
    assert_non_null(at);
    fill(at, 3 * MB);
    assert_null(egret_mem_alloc(mem, SIZE_MAX - 10));
    assert_null(egret_mem_grow(mem, at, 3 * MB, SIZE_MAX / 2 - 4096));
    check(at, 3 * MB);
    egret_mem_free(mem, at, 3 * MB);
    egret_mem_free(mem, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes_across_the_bound), cmocka_unit_test(test_more_than_there_can_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
