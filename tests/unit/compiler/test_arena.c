/* Tests of compiler/arena.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/arena.h"

/* An allocator that counts what is out and says no after a while. */
typedef struct ledger {
    size_t bytes_out;
    unsigned n_calls;
    unsigned n_allowed;
} ledger;

static void *ledger_alloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    ledger *book = user;
    if (new_size == 0) {
        book->bytes_out -= old_size;
        free(ptr);
        return NULL;
    }
    if (book->n_calls++ >= book->n_allowed)
        return NULL;
    void *out = realloc(ptr, new_size);
    book->bytes_out += new_size - (ptr == NULL ? 0 : old_size);
    return out;
}

static egret_mem ledger_mem(ledger *book)
{
    egret_options options = { .size = sizeof options, .alloc = ledger_alloc, .alloc_user = book };
    return egret_mem_of(&options);
}

static void allocations_are_zero_aligned_and_apart(void **state)
{
    (void)state;
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    unsigned char *last = NULL;
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *ptr = egret_arena_alloc(&arena, size);
        assert_non_null(ptr);
        assert_int_equal((uintptr_t)ptr % 16, 0);
        assert_ptr_not_equal(ptr, last);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(ptr[i], 0);
        memset(ptr, 0xAB, size);
        last = ptr;
    }
    assert_false(arena.failed);
    egret_arena_deinit(&arena);
}

static void larger_than_a_page(void **state)
{
    (void)state;
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    char *large = egret_arena_alloc(&arena, 5 * 1024 * 1024);
    assert_non_null(large);
    large[5 * 1024 * 1024 - 1] = 1;
    assert_non_null(egret_arena_alloc(&arena, 10));
    egret_arena_deinit(&arena);
}

static void reset_keeps_one_page_and_gives_zeroes(void **state)
{
    (void)state;
    ledger book = { .n_allowed = 1000 };
    egret_arena arena;
    egret_arena_init(&arena, ledger_mem(&book));
    for (int i = 0; i < 1000; i++)
        memset(egret_arena_alloc(&arena, 100), 0xFF, 100);
    size_t before = book.bytes_out;
    egret_arena_reset(&arena);
    assert_true(book.bytes_out > 0 && book.bytes_out < before);
    unsigned calls = book.n_calls;
    unsigned char *ptr = egret_arena_alloc(&arena, 100);
    assert_int_equal(book.n_calls, calls);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ptr[i], 0);
    egret_arena_deinit(&arena);
    assert_int_equal(book.bytes_out, 0);
}

static void no_memory_is_remembered_until_reset(void **state)
{
    (void)state;
    ledger book = { .n_allowed = 1 };
    egret_arena arena;
    egret_arena_init(&arena, ledger_mem(&book));
    assert_non_null(egret_arena_alloc(&arena, 8));
    assert_null(egret_arena_alloc(&arena, 100000));
    assert_true(arena.failed);
    assert_non_null(egret_arena_alloc(&arena, 8));
    assert_true(arena.failed);
    egret_arena_reset(&arena);
    assert_false(arena.failed);
    egret_arena_deinit(&arena);
    assert_int_equal(book.bytes_out, 0);
}

static void impossible_sizes_fail(void **state)
{
    (void)state;
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    assert_null(egret_arena_alloc(&arena, SIZE_MAX));
    assert_null(egret_arena_alloc(&arena, SIZE_MAX - 40));
    assert_true(arena.failed);
    egret_arena_deinit(&arena);
}

static void strings(void **state)
{
    (void)state;
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    egret_str str = egret_arena_str(&arena, "abcdef", 3);
    assert_string_equal(str.ptr, "abc");
    assert_int_equal(str.len, 3);
    assert_string_equal(egret_arena_str(&arena, "", 0).ptr, "");
    assert_string_equal(egret_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    egret_arena_deinit(&arena);
}

static void comparing_strings(void **state)
{
    (void)state;
    static const struct { const char *a, *b; int order; } ROWS[] = {
        { "", "", 0 }, { "a", "a", 0 }, { "a", "b", -1 }, { "b", "a", 1 }, { "a", "ab", -1 }, { "ab", "a", 1 }, { "", "a", -1 },
        { "\xFF", "a", 1 },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        egret_str a = { ROWS[i].a, (uint32_t)strlen(ROWS[i].a) }, b = { ROWS[i].b, (uint32_t)strlen(ROWS[i].b) };
        int order = egret_str_cmp(a, b);
        assert_int_equal((order > 0) - (order < 0), ROWS[i].order);
        assert_int_equal(egret_str_eq(a, b), ROWS[i].order == 0);
        assert_int_equal(egret_str_is(a, ROWS[i].b), ROWS[i].order == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zero_aligned_and_apart),
        cmocka_unit_test(larger_than_a_page),
        cmocka_unit_test(reset_keeps_one_page_and_gives_zeroes),
        cmocka_unit_test(no_memory_is_remembered_until_reset),
        cmocka_unit_test(impossible_sizes_fail),
        cmocka_unit_test(strings),
        cmocka_unit_test(comparing_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
