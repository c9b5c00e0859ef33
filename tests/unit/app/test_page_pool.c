/*
 * test_page_pool.c: big pieces come back as they were given, small ones do not stay, and no more is kept than is allowed.
 */
#include "app/page_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum { BIG = 1024 * 1024 };

static void a_piece_comes_back(void **state)
{
    (void)state;
    egret_mem mem = page_pool_mem();
    void *a = egret_mem_alloc(mem, BIG), *b = egret_mem_alloc(mem, BIG), *small = egret_mem_alloc(mem, 100);
    assert_true(a && b && small);
    memset(a, 1, BIG);
    egret_mem_free(mem, small, 100);
    egret_mem_free(mem, a, BIG);
    assert_int_equal(page_pool_kept(), BIG);
    void *other = egret_mem_alloc(mem, BIG + 1);        /* another size is not served from it */
    assert_ptr_not_equal(other, a);
    assert_ptr_equal(egret_mem_alloc(mem, BIG), a);
    assert_int_equal(page_pool_kept(), 0);
    a = egret_mem_grow(mem, a, BIG, 2 * BIG);
    assert_int_equal(((char *)a)[BIG - 1], 1);
    egret_mem_free(mem, a, 2 * BIG);
    egret_mem_free(mem, b, BIG);
    egret_mem_free(mem, other, BIG + 1);
    assert_int_equal(page_pool_kept(), 4 * BIG + 1);
    page_pool_empty();
    assert_int_equal(page_pool_kept(), 0);
}

static void no_more_is_kept_than_is_allowed(void **state)
{
    (void)state;
    enum { PIECE = 16 * BIG, N = 8 };
    egret_mem mem = page_pool_mem();
    void *piece[N];
    for (size_t i = 0; i < N; i++) assert_non_null(piece[i] = egret_mem_alloc(mem, PIECE));
    for (size_t i = 0; i < N; i++) egret_mem_free(mem, piece[i], PIECE);
    assert_int_equal(page_pool_kept(), PAGE_POOL_MOST);
    page_pool_empty();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_piece_comes_back), cmocka_unit_test(no_more_is_kept_than_is_allowed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
