/* Values in order against a sorted array: many comings and goings, large and small, and without memory. */
#include "nfa/window_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 6000 };

typedef struct model { egret_value item[MOST]; uint32_t n; } model;

static bool scarce;

static void *heap(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return scarce ? NULL : realloc(ptr, new_size);
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static int compare(egret_value a, egret_value b)
{
    int order = 0;
    assert_true(egret_value_compare(a, b, &order));
    return order;
}

static uint32_t place_of(const model *m, egret_value v)
{
    uint32_t low = 0, high = m->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(m->item[middle], v) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void model_add(model *m, egret_value v)
{
    uint32_t at = place_of(m, v);
    memmove(&m->item[at + 1], &m->item[at], (m->n - at) * sizeof v);
    m->item[at] = v;
    m->n++;
}

static void model_take(model *m, uint32_t at)
{
    memmove(&m->item[at], &m->item[at + 1], (m->n - at - 1) * sizeof *m->item);
    m->n--;
}

typedef struct fixture { nfa_store *store; nfa_section_def def; nfa_section section; win_order set; } fixture;

static void set_up(fixture *f, uint8_t type)
{
    scarce = false;
    memset(f, 0, sizeof *f);
    f->store = nfa_store_new((egret_mem){.fn = heap});
    f->def.root_size = 8;
    f->def.n_parts = 2;
    f->def.part[1] = (nfa_part_def){.kind = NFA_DEQUE, .rec_size = (uint16_t)win_order_record_size()};
    f->def.part[0] = (nfa_part_def){.kind = NFA_DEQUE, .rec_size = 8};
    uint32_t block = nfa_block_get(f->store, 0, "k", 1, nfa_key_hash(0, "k", 1));
    assert_true(nfa_section_get(f->store, block, &f->def, &f->section));
    f->set = (win_order){.section = &f->section, .part = 1, .type = type};
}

static egret_value random_value(uint8_t type, uint64_t *seed, uint32_t kinds)
{
    int64_t i = (int64_t)(next(seed) % kinds) - kinds / 2;
    if (type == EGRET_DECIMAL)
        return next(seed) % 2 ? egret_decimal(i, 1) : egret_decimal(i * 100, 3);
    return type == EGRET_NUMBER ? egret_number((double)i / 4) : egret_int(i);
}

static void check(const fixture *f, const model *m)
{
    assert_int_equal(win_order_count(&f->set), m->n);
    for (uint32_t i = 0; i < m->n; i += 1 + m->n / 50)
        assert_int_equal(compare(win_order_at(&f->set, i), m->item[i]), 0);
    assert_int_equal(win_order_at(&f->set, m->n).type, EGRET_NULL);
}

static void run(uint8_t type, uint32_t kinds, uint32_t steps, uint64_t seed)
{
    fixture f;
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    set_up(&f, type);
    for (uint32_t step = 0; step < steps; step++) {
        bool grows = step / (steps / 4) % 2 == 0;
        if (m->n == 0 || (m->n < MOST - 1 && next(&seed) % 4 < (grows ? 3 : 1))) {
            egret_value v = random_value(type, &seed, kinds);
            assert_true(win_order_add(&f.set, v));
            model_add(m, v);
        } else {
            uint32_t at = (uint32_t)(next(&seed) % m->n);
            win_order_take(&f.set, m->item[at]);
            model_take(m, at);
        }
        if (step % (steps / 100 + 1) == 0)
            check(&f, m);
    }
    check(&f, m);
    while (m->n > 0) {
        win_order_take(&f.set, m->item[0]);
        model_take(m, 0);
    }
    check(&f, m);
    assert_int_equal(nfa_deque_count(&f.section, 1), 0);
    nfa_store_free(f.store);
    free(m);
}

static void test_against_model(void **state)
{
    (void)state;
    run(EGRET_INT, 8, 2000, 1);
    run(EGRET_INT, 100000, 16000, 2);
    run(EGRET_DECIMAL, 300, 4000, 3);
    run(EGRET_NUMBER, 50, 2000, 4);
}

/* Values that only rise or only fall would make a plain tree a list. */
static void test_sorted_input(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, EGRET_INT);
    for (int64_t i = 0; i < 20000; i++)
        assert_true(win_order_add(&f.set, egret_int(i % 2 ? i : -i)));
    for (int64_t i = 0; i < 10000; i++)
        win_order_take(&f.set, egret_int(i % 2 ? i : -i));
    assert_int_equal(win_order_count(&f.set), 10000);
    assert_int_equal(win_order_at(&f.set, 0).u.i, -19998);
    assert_int_equal(win_order_at(&f.set, 5000).u.i, 10001);
    win_order_clear(&f.set);
    assert_int_equal(win_order_count(&f.set), 0);
    nfa_store_free(f.store);
}

static void test_percentiles(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, EGRET_INT);
    assert_int_equal(win_order_percentile(&f.set, 95).type, EGRET_NULL);
    assert_int_equal(win_order_median(&f.set).type, EGRET_NULL);
    for (int64_t i = 20; i > 0; i--)
        assert_true(win_order_add(&f.set, egret_int(i)));
    assert_int_equal(win_order_percentile(&f.set, 95).u.i, 19);
    assert_int_equal(win_order_percentile(&f.set, 96).u.i, 20);
    assert_int_equal(win_order_percentile(&f.set, 1).u.i, 1);
    assert_int_equal(win_order_percentile(&f.set, 50).u.i, 10);
    assert_true(win_order_median(&f.set).u.d == 10.5);
    win_order_take(&f.set, egret_int(1));
    assert_true(win_order_median(&f.set).u.d == 11.0);
    nfa_store_free(f.store);
}

static void test_no_memory(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, EGRET_INT);
    int64_t n = 0;
    while (n < 20000) {
        scarce = true;
        bool added = win_order_add(&f.set, egret_int(n));
        scarce = false;
        if (!added && n > 1000)
            break;
        if (!added)
            assert_true(win_order_add(&f.set, egret_int(n)));
        n++;
    }
    assert_int_equal(win_order_count(&f.set), n);
    assert_int_equal(win_order_at(&f.set, (uint32_t)n - 1).u.i, n - 1);
    nfa_store_free(f.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_sorted_input),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
