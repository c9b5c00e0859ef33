/*
 * What a key costs. A million keys, each with one section (root 16 bytes, a record of 32 and one of 8 bytes) must stay below 170 bytes
 * a key, index and slack and everything included; and memory must come back when keys go or outgrow their size.
 */
#include "nfa/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { N_KEYS = 200000 };
#else
enum { N_KEYS = 1000000 };
#endif

static const nfa_section_def def = {7, 16, 2, {{NFA_DEQUE, 32}, {NFA_DEQUE, 8}}, 0};

typedef struct account {
    size_t out, peak;
    size_t limit;       /* of what may be out; 0: none */
} account;

static void *counted(void *user, void *ptr, size_t old_size, size_t new_size)
{
    account *a = user;
    if (a->limit && a->out + new_size - old_size > a->limit)
        return NULL;
    a->out += new_size - old_size;
    if (a->out > a->peak)
        a->peak = a->out;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

static void key_of(uint64_t i, char key[12])
{
    uint64_t h = i * 0x9E3779B97F4A7C15u;
    memcpy(key, &h, 8);
    memcpy(key + 8, "card", 4);
}

static nfa_section touch(nfa_store *store, uint64_t i)
{
    char key[12];
    nfa_section s;
    key_of(i, key);
    uint32_t block = nfa_block_get(store, 2, key, sizeof key, nfa_key_hash(2, key, sizeof key));
    assert_int_not_equal(block, NFA_NO_BLOCK);
    assert_true(nfa_section_get(store, block, &def, &s));
    return s;
}

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
    fclose(f);
    return pages * 4096;
}

static void test_bytes_per_key(void **state)
{
    (void)state;
    account a = {0, 0, 0};
    size_t before = resident_bytes();
    nfa_store *store = nfa_store_new((egret_mem){counted, &a});
    for (uint64_t i = 0; i < N_KEYS; i++) {
        nfa_section s = touch(store, i);
        *(uint64_t *)nfa_section_root(&s) = i;
        *(uint64_t *)nfa_deque_push(&s, 0) = i;
        *(uint64_t *)nfa_deque_push(&s, 1) = ~i;
    }
    size_t bytes = nfa_store_bytes(store);
    print_message("%d keys: %.1f bytes a key held, %.1f at the peak, %.1f resident\n", N_KEYS, (double)bytes / N_KEYS,
                  (double)a.peak / N_KEYS, (double)(resident_bytes() - before) / N_KEYS);
    assert_int_equal(bytes, a.out);
    assert_int_equal(nfa_block_count(store), N_KEYS);
    assert_true(bytes < (size_t)N_KEYS * 170);
    for (uint64_t i = 0; i < N_KEYS; i += 97) {
        nfa_section s = touch(store, i);
        assert_true(*(uint64_t *)nfa_deque_at(&s, 0, 0) == i && *(uint64_t *)nfa_deque_at(&s, 1, 0) == ~i);
    }
    nfa_store_free(store);
    assert_int_equal(a.out, 0);
}

/* All keys grow out of their size in random order: what they leave behind serves again, also when there is no memory to tidy up with. */
static void test_growth(void **state)
{
    (void)state;
    account a = {0, 0, 0};
    nfa_store *store = nfa_store_new((egret_mem){counted, &a});
    for (uint64_t i = 0; i < N_KEYS; i++) {
        nfa_section s = touch(store, i);
        *(uint64_t *)nfa_deque_push(&s, 0) = i;
        *(uint64_t *)nfa_deque_push(&s, 1) = ~i;
    }
    size_t before = nfa_store_bytes(store);
    for (uint64_t k = 0; k < N_KEYS; k++) {
        uint64_t i = k * 7919 % N_KEYS;
        if (i % 50 == 0)
            continue;       /* one in fifty stays as it was, so that hardly a page empties by itself */
        nfa_section s = touch(store, i);
        *(uint64_t *)nfa_deque_push(&s, 0) = i + 1;
        a.limit = i % 1000 == 1 ? a.out : 0;
        nfa_store_tidy(store);
        a.limit = 0;
    }
    while (nfa_store_tidy(store))
        continue;
    size_t after = nfa_store_bytes(store);
    for (uint64_t i = 0; i < N_KEYS / 2; i++) {
        nfa_section s = touch(store, N_KEYS + i);
        *(uint64_t *)nfa_deque_push(&s, 0) = i;
    }
    size_t more = nfa_store_bytes(store) - after;
    print_message("%.1f bytes a key before they grew by 32, %.1f after, and %.1f more for each of half as many new keys\n",
                  (double)before / N_KEYS, (double)after / N_KEYS, (double)more / (N_KEYS / 2));
    assert_true(after < before + (size_t)N_KEYS * 160);
    assert_true(more < (size_t)N_KEYS / 2 * 64);    /* index and numbers: their blocks of 128 bytes lie where others have left */
    for (uint64_t i = 0; i < N_KEYS; i++) {
        nfa_section s = touch(store, i);
        assert_true(*(uint64_t *)nfa_deque_at(&s, 0, 0) == i && *(uint64_t *)nfa_deque_at(&s, 1, 0) == ~i);
        assert_true(i % 50 == 0 || *(uint64_t *)nfa_deque_at(&s, 0, 1) == i + 1);
    }
    nfa_store_free(store);
    assert_int_equal(a.out, 0);
}

/* Keys go in another order than they came, and new ones take their place: memory does not grow round after round. */
static void test_turnover(void **state)
{
    (void)state;
    enum { LIVE = N_KEYS / 4, ROUNDS = 8 };
    account a = {0, 0, 0};
    size_t settled = 0;
    nfa_store *store = nfa_store_new((egret_mem){counted, &a});
    uint32_t *blocks = calloc(LIVE, sizeof *blocks);
    assert_non_null(blocks);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < LIVE; i++) {
            nfa_section s = touch(store, round * LIVE + i);
            for (uint64_t k = 0; k < 1 + (i + round) % 5; k++)
                *(uint64_t *)nfa_deque_push(&s, 0) = i;
            blocks[i] = s.block;
        }
        assert_int_equal(nfa_block_count(store), LIVE);
        if (round == 3)
            settled = nfa_store_bytes(store);
        if (round > 3)
            assert_true(nfa_store_bytes(store) < settled + settled / 8);
        for (uint64_t i = 0; i < LIVE; i++)
            nfa_block_drop(store, blocks[i * 7919 % LIVE]);
    }
    assert_int_equal(nfa_block_count(store), 0);
    assert_true(nfa_block_limit(store) <= LIVE);
    assert_true(nfa_store_bytes(store) < settled / 2);      /* index and table of numbers stay, the blocks' memory went */
    free(blocks);
    nfa_store_free(store);
    assert_int_equal(a.out, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_per_key),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_turnover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
