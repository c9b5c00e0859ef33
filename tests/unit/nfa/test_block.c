/*
 * Blocks against a naive model: many keys, sections of all kinds, random operations, small and large, and an allocator that checks the
 * sizes it is told and can fail at any call.
 */
#include "nfa/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- an allocator that knows what it gave ---- */

typedef struct watch {
    size_t bytes;       /* out now */
    size_t calls;
    size_t fail_at;     /* the call that fails; 0: none */
    bool fail_on;       /* all later ones fail, too */
} watch;

enum { GUARD = 16 };

static void *watched(void *user, void *ptr, size_t old_size, size_t new_size)
{
    watch *w = user;
    char *base = ptr ? (char *)ptr - GUARD : NULL;
    size_t known = 0;
    if (base) {
        memcpy(&known, base, sizeof known);
        assert_int_equal(known, old_size);
    }
    if (new_size == 0) {
        w->bytes -= known;
        free(base);
        return NULL;
    }
    w->calls++;
    if (w->fail_at && (w->calls == w->fail_at || (w->fail_on && w->calls > w->fail_at)))
        return NULL;
    char *grown = realloc(base, new_size + GUARD);
    assert_non_null(grown);
    memcpy(grown, &new_size, sizeof new_size);
    w->bytes += new_size - known;
    return grown + GUARD;
}

static uint64_t next(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint32_t below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(next(seed) % n);
}

/* ---- the model ---- */

enum { N_KEYS = 24, N_DEFS = 14, MAX_PARTS = 4, MAP_DOMAIN = 3000 };

static const nfa_section_def defs[N_DEFS] = {
    {3, 16, 2, {{NFA_DEQUE, 32}, {NFA_DEQUE, 8}}, 3},
    {5, 0, 1, {{NFA_DEQUE, 4}}, 0},
    {9, 8, 3, {{NFA_DEQUE, 12}, {NFA_BYTES, 0}, {NFA_MAP, 0}}, 0},
    {11, 40, 0, {{0, 0}}, 0},
    {20, 8, 1, {{NFA_MAP, 0}}, 0},
    {21, 8, 1, {{NFA_BYTES, 0}}, 0},
    {22, 0, 4, {{NFA_DEQUE, 40}, {NFA_DEQUE, 1000}, {NFA_BYTES, 0}, {NFA_DEQUE, 16}}, 11},
    {30, 24, 1, {{NFA_DEQUE, 9000}}, 0},
    {31, 8, 2, {{NFA_MAP, 0}, {NFA_MAP, 0}}, 0},
    {32, 0, 1, {{NFA_DEQUE, 16384}}, 0},
    {33, 8, 1, {{NFA_DEQUE, 64}}, 1},
    {34, 8, 1, {{NFA_DEQUE, 20}}, 0},
    {1000, 8, 2, {{NFA_BYTES, 0}, {NFA_DEQUE, 24}}, 0},
    {UINT32_MAX - 1, 64, 1, {{NFA_DEQUE, 8}}, 0},
};

typedef struct item {
    uint64_t seed;
    uint32_t offset, len;   /* bytes */
} item;

typedef struct model_part {
    item *items;            /* live ones are [begin, end) */
    size_t begin, end, cap;
    uint32_t first;         /* ordinal of items[begin] */
    int64_t *value;         /* maps: by key, present when has */
    bool *has;
    uint32_t n_entries;
} model_part;

typedef struct model_section {
    bool there;
    uint64_t root_seed;
    model_part part[MAX_PARTS];
} model_section;

typedef struct model_key {
    bool there;
    uint32_t group, block;
    size_t len;
    char *key;
    int64_t due;
    model_section section[N_DEFS];
} model_key;

typedef struct model {
    watch watch;
    egret_mem mem;
    nfa_store *store;
    uint64_t seed;
    uint32_t n_keys;
    model_key key[N_KEYS];
} model;

static void fill(char *to, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(seed >> (i % 8 * 8) ^ i);
}

static void check_filled(const char *at, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != (char)(seed >> (i % 8 * 8) ^ i))
            fail_msg("byte %zu of %zu differs", i, len);
}

static void model_clear(model_section *s)
{
    for (int i = 0; i < MAX_PARTS; i++) {
        free(s->part[i].items);
        free(s->part[i].value);
        free(s->part[i].has);
    }
    memset(s, 0, sizeof *s);
}

static void model_push(model_part *p, item it)
{
    if (p->end == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->items = realloc(p->items, p->cap * sizeof *p->items);
        assert_non_null(p->items);
    }
    p->items[p->end++] = it;
}

static model *model_new(uint64_t seed, uint32_t n_keys)
{
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->mem = (egret_mem){watched, &m->watch};
    m->seed = seed;
    m->n_keys = n_keys;
    m->store = nfa_store_new(m->mem);
    assert_non_null(m->store);
    for (uint32_t i = 0; i < n_keys; i++) {
        model_key *k = &m->key[i];
        k->group = i % 3;
        k->len = i == 0 ? 0 : i == 1 ? 65535 : i == 2 ? 70000 : i == 3 ? 65534 : 1 + i / 2;
        k->key = malloc(k->len + 1);
        assert_non_null(k->key);
        memset(k->key, (int)i, k->len);
    }
    return m;
}

static void model_free(model *m)
{
    nfa_store_free(m->store);
    assert_int_equal(m->watch.bytes, 0);
    for (uint32_t i = 0; i < m->n_keys; i++) {
        free(m->key[i].key);
        for (int d = 0; d < N_DEFS; d++)
            model_clear(&m->key[i].section[d]);
    }
    free(m);
}

/* ---- does the store agree? ---- */

static void check_part(nfa_section *s, unsigned part, const model_part *p)
{
    const nfa_part_def *def = &s->def->part[part];
    size_t n = p->end - p->begin;
    if (def->kind == NFA_DEQUE) {
        assert_int_equal(nfa_deque_count(s, part), n);
        assert_int_equal(nfa_deque_first(s, part), p->first);
        for (size_t i = 0; i < n; i++) {
            const char *at = nfa_deque_at(s, part, p->first + (uint32_t)i);
            assert_int_equal((uintptr_t)at % (def->rec_size % 8 ? 4 : 8), 0);
            check_filled(at, def->rec_size, p->items[p->begin + i].seed);
        }
    } else if (def->kind == NFA_BYTES) {
        for (size_t i = p->begin; i < p->end; i++)
            check_filled(nfa_bytes_at(s, part, p->items[i].offset), p->items[i].len, p->items[i].seed);
    } else {
        assert_int_equal(nfa_map_count(s, part), p->n_entries);
        for (uint32_t k = 0; p->value && k < MAP_DOMAIN; k++) {
            const int64_t *v = nfa_map_find(s, part, k);
            assert_int_equal(v != NULL, p->has[k]);
            if (v)
                assert_true(*v == p->value[k]);
        }
    }
}

static void check_key(model *m, model_key *k)
{
    uint64_t hash = nfa_key_hash(k->group, k->key, k->len);
    uint32_t block = nfa_block_find(m->store, k->group, k->key, k->len, hash);
    assert_int_equal(block, k->there ? k->block : NFA_NO_BLOCK);
    if (!k->there)
        return;
    size_t len;
    const void *key = nfa_block_key(m->store, block, &len);
    assert_int_equal(len, k->len);
    assert_memory_equal(key, k->key, len);
    assert_int_equal(nfa_block_group(m->store, block), k->group);
    assert_true(nfa_block_due(m->store, block) == k->due);
    assert_true(nfa_block_exists(m->store, block) && block < nfa_block_limit(m->store));
    size_t count = 0;
    for (int d = 0; d < N_DEFS; d++) {
        nfa_section s;
        bool there = nfa_section_find(m->store, block, &defs[d], &s);
        assert_int_equal(there, k->section[d].there);
        if (!there)
            continue;
        assert_int_equal(nfa_section_id_at(m->store, block, count++), defs[d].id);
        assert_int_equal((uintptr_t)nfa_section_root(&s) % 8, 0);
        check_filled(nfa_section_root(&s), defs[d].root_size, k->section[d].root_seed);
        for (unsigned part = 0; part < defs[d].n_parts; part++)
            check_part(&s, part, &k->section[d].part[part]);
    }
    assert_int_equal(nfa_section_count(m->store, block), count);
}

static void check_all(model *m)
{
    size_t there = 0;
    for (uint32_t i = 0; i < m->n_keys; i++) {
        check_key(m, &m->key[i]);
        there += m->key[i].there;
    }
    assert_int_equal(nfa_block_count(m->store), there);
    assert_int_equal(nfa_store_bytes(m->store), m->watch.bytes);
}

/* ---- random operations; each gives false when the store said there is no memory ---- */

static bool op_deque(model *m, nfa_section *s, unsigned part, model_part *p, uint32_t effort)
{
    uint32_t rec_size = s->def->part[part].rec_size;
    uint32_t n = below(&m->seed, 3) ? 1 + below(&m->seed, 4) : below(&m->seed, effort / (rec_size / 8 + 1) + 2);
    uint32_t live = (uint32_t)(p->end - p->begin);
    uint32_t what = below(&m->seed, 8);
    if (what < 4) {
        for (uint32_t i = 0; i < n; i++) {
            item it = {.seed = next(&m->seed), .offset = 0, .len = rec_size};
            char *at = nfa_deque_push(s, part);
            if (!at)
                return false;
            for (uint32_t b = 0; b < rec_size; b++)
                assert_int_equal(at[b], 0);
            fill(at, rec_size, it.seed);
            model_push(p, it);
        }
    } else if (what < 7) {
        n = what == 6 ? live : n;
        nfa_deque_pop_front(s, part, n);
        n = n < live ? n : live;
        p->begin += n;
        p->first += n;
    } else {
        nfa_deque_pop_back(s, part, n);
        p->end -= n < live ? n : live;
    }
    return true;
}

static bool op_bytes(model *m, nfa_section *s, unsigned part, model_part *p, uint32_t effort)
{
    char text[20000];
    uint32_t what = below(&m->seed, 9);
    if (what < 5) {
        uint32_t len = below(&m->seed, 5) ? below(&m->seed, 60) : below(&m->seed, 2) ? below(&m->seed, effort) : 0;
        uint32_t n = below(&m->seed, 4) ? 1 : below(&m->seed, 60);
        for (uint32_t i = 0; i < n; i++) {
            item it = {.seed = next(&m->seed), .offset = 0, .len = len < 8192 ? len : 8192};
            fill(text, len, it.seed);
            uint32_t end = nfa_bytes_end(s, part);
            if (!nfa_bytes_push(s, part, text, len, &it.offset)) {
                assert_int_equal(nfa_bytes_end(s, part), end);
                return false;
            }
            assert_true(it.offset - end < 16384);
            model_push(p, it);
        }
    } else if (what == 8) {
        size_t live = p->end - p->begin;
        size_t kept = below(&m->seed, (uint32_t)live + 1);
        uint32_t offset = kept < live ? p->items[p->begin + kept].offset : nfa_bytes_end(s, part);
        nfa_bytes_pop_back(s, part, offset);
        assert_int_equal(nfa_bytes_end(s, part), offset);
        p->end = p->begin + kept;
    } else {
        size_t live = p->end - p->begin;
        size_t n = what == 7 ? live : below(&m->seed, (uint32_t)live + 1);
        nfa_bytes_pop_front(s, part, n < live ? p->items[p->begin + n].offset : nfa_bytes_end(s, part));
        p->begin += n;
        if (n > 0)
            nfa_bytes_pop_front(s, part, p->items[p->begin - 1].offset);    /* what is gone already: no effect */
    }
    return true;
}

static bool op_map(model *m, nfa_section *s, unsigned part, model_part *p, uint32_t effort)
{
    if (!p->value) {
        p->value = calloc(MAP_DOMAIN, sizeof *p->value);
        p->has = calloc(MAP_DOMAIN, sizeof *p->has);
        assert_true(p->value && p->has);
    }
    uint32_t n = below(&m->seed, 3) ? 1 + below(&m->seed, 8) : below(&m->seed, effort / 4 + 2);
    uint32_t domain = below(&m->seed, 2) ? MAP_DOMAIN : 20;
    uint32_t what = below(&m->seed, 10);
    for (uint32_t i = 0; i < n && what < 9; i++) {
        uint32_t key = below(&m->seed, domain);
        if (what < 6) {
            int64_t *v = nfa_map_get(s, part, key);
            if (!v)
                return false;
            assert_true(*v == (p->has[key] ? p->value[key] : 0));
            p->n_entries += !p->has[key];
            p->has[key] = true;
            *v = p->value[key] = (int64_t)below(&m->seed, 1000);
        } else {
            nfa_map_del(s, part, key);
            p->n_entries -= p->has[key];
            p->has[key] = false;
        }
    }
    if (what == 9) {
        int64_t limit = below(&m->seed, 1200);
        nfa_map_sweep(s, part, limit);
        for (uint32_t key = 0; key < MAP_DOMAIN; key++) {
            if (p->has[key] && p->value[key] < limit) {
                p->has[key] = false;
                p->n_entries--;
            }
        }
    }
    return true;
}

static bool op_section(model *m, model_key *k, uint32_t effort)
{
    int d = (int)below(&m->seed, N_DEFS);
    model_section *ms = &k->section[d];
    nfa_section s;
    if (below(&m->seed, 12) == 0) {
        if (nfa_section_find(m->store, k->block, &defs[d], &s))
            nfa_section_drop(&s);
        model_clear(ms);
        return true;
    }
    if (!nfa_section_get(m->store, k->block, &defs[d], &s))
        return false;
    if (!ms->there) {
        const char *root = nfa_section_root(&s);
        for (int i = 0; i < defs[d].root_size; i++)
            assert_int_equal(root[i], 0);
        ms->there = true;
    }
    ms->root_seed = next(&m->seed);
    fill(nfa_section_root(&s), defs[d].root_size, ms->root_seed);
    if (defs[d].n_parts == 0)
        return true;
    unsigned part = below(&m->seed, defs[d].n_parts);
    switch ((nfa_part_kind)defs[d].part[part].kind) {
    case NFA_DEQUE: return op_deque(m, &s, part, &ms->part[part], effort);
    case NFA_BYTES: return op_bytes(m, &s, part, &ms->part[part], effort);
    case NFA_MAP: return op_map(m, &s, part, &ms->part[part], effort);
    }
    return true;
}

static bool op(model *m, uint32_t effort)
{
    model_key *k = &m->key[below(&m->seed, m->n_keys)];
    uint64_t hash = nfa_key_hash(k->group, k->key, k->len);
    if (below(&m->seed, 60) == 0) {
        if (k->there)
            nfa_block_drop(m->store, k->block);
        k->there = false;
        for (int d = 0; d < N_DEFS; d++)
            model_clear(&k->section[d]);
        return true;
    }
    uint32_t block = nfa_block_get(m->store, k->group, k->key, k->len, hash);
    if (block == NFA_NO_BLOCK)
        return false;
    if (!k->there)
        k->due = NFA_NEVER;
    assert_true(!k->there || k->block == block);
    k->there = true;
    k->block = block;
    if (below(&m->seed, 10) == 0) {
        k->due = (int64_t)next(&m->seed);
        nfa_block_set_due(m->store, block, k->due);
    }
    return op_section(m, k, effort);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 24; round++) {
        static const uint32_t efforts[] = {40, 2000, 9000, 20000};
        model *m = model_new(1000 + round, round % 2 ? N_KEYS : 5);
        for (int i = 0; i < 3000; i++) {
            assert_true(op(m, efforts[round % 4]));
            nfa_store_tidy(m->store);
            if (i % 300 == 299)
                check_all(m);
            else if (i % 20 == 0)
                check_key(m, &m->key[below(&m->seed, m->n_keys)]);
        }
        model_free(m);
    }
}

/* The n-th call of the allocator fails, for every n, alone or with the calls after it until some operations have been refused: the
 * store agrees with the model at once, and goes on. */
static void test_no_memory(void **state)
{
    (void)state;
    size_t refused = 0;
    bool done = false;
    for (size_t fail_at = 1; !done; fail_at++) {
        model *m = model_new(77 + fail_at % 2, N_KEYS);
        size_t patience = fail_at % 3 * 15;
        m->watch.fail_at = m->watch.calls + fail_at;
        m->watch.fail_on = patience > 0;
        for (int i = 0; i < 400; i++) {
            if (op(m, 20000))
                continue;
            refused++;
            check_all(m);
            m->watch.fail_on = patience > 0;
            patience -= patience > 0;
        }
        done = m->watch.calls < m->watch.fail_at;
        check_all(m);
        model_free(m);
    }
    assert_true(refused > 200);
    watch w = {.bytes = 0, .calls = 0, .fail_at = 1, .fail_on = true};
    assert_null(nfa_store_new((egret_mem){watched, &w}));
}

/* ---- single properties ---- */

static nfa_section section_of(nfa_store *store, const char *key, const nfa_section_def *def)
{
    nfa_section s;
    size_t len = strlen(key);
    uint32_t block = nfa_block_get(store, 1, key, len, nfa_key_hash(1, key, len));
    assert_int_not_equal(block, NFA_NO_BLOCK);
    assert_true(nfa_section_get(store, block, def, &s));
    return s;
}

/* Ordinals wrap around 2^32 and nothing is lost, inline and in chunks. */
static void test_ordinals_wrap(void **state)
{
    (void)state;
    static const nfa_section_def def = {1, 0, 1, {{NFA_DEQUE, 12}}, 0};
    watch w = {.bytes = 0, .calls = 0, .fail_at = 0, .fail_on = false};
    nfa_store *store = nfa_store_new((egret_mem){watched, &w});
    nfa_section s = section_of(store, "k", &def);
    uint32_t spilled = 5000;
    for (uint32_t i = 0; i < spilled; i++)
        *(uint32_t *)nfa_deque_push(&s, 0) = i;
    /* The descriptor stands behind the root: move the ordinals near the end, as 4 billion pushes would. */
    nfa_deque_pop_front(&s, 0, spilled);
    uint32_t *first = (uint32_t *)nfa_section_root(&s);
    assert_int_equal(*first, spilled);
    *first = UINT32_MAX - 3000;
    for (uint32_t i = 0; i < 6000; i++)
        *(uint32_t *)nfa_deque_push(&s, 0) = i;
    for (uint32_t i = 0; i < 6000; i++)
        assert_int_equal(*(uint32_t *)nfa_deque_at(&s, 0, UINT32_MAX - 3000 + i), i);
    nfa_deque_pop_front(&s, 0, 5990);
    for (uint32_t i = 5990; i < 6000; i++)
        assert_int_equal(*(uint32_t *)nfa_deque_at(&s, 0, UINT32_MAX - 3000 + i), i);
    assert_int_equal(nfa_deque_first(&s, 0), (uint32_t)(UINT32_MAX - 3000 + 5990));
    nfa_store_free(store);
    assert_int_equal(w.bytes, 0);
}

/* A large deque used as a queue keeps no more chunks than it needs; empty, it is as small as it was at first. */
static void test_large_queue(void **state)
{
    (void)state;
    static const nfa_section_def def = {1, 8, 1, {{NFA_DEQUE, 16}}, 0};
    enum { LENGTH = 300000 };
    watch w = {.bytes = 0, .calls = 0, .fail_at = 0, .fail_on = false};
    nfa_store *store = nfa_store_new((egret_mem){watched, &w});
    nfa_section s = section_of(store, "hot", &def);
    for (uint64_t i = 0; i < 3 * LENGTH; i++) {
        *(uint64_t *)nfa_deque_push(&s, 0) = i;
        if (i >= LENGTH) {
            assert_true(*(uint64_t *)nfa_deque_at(&s, 0, nfa_deque_first(&s, 0)) == i - LENGTH);
            nfa_deque_pop_front(&s, 0, 1);
        }
    }
    assert_int_equal(nfa_deque_count(&s, 0), LENGTH);
    assert_true(nfa_store_bytes(store) < (size_t)LENGTH * 16 * 13 / 10 + (4u << 20));
    nfa_deque_pop_front(&s, 0, UINT32_MAX);
    assert_true(nfa_store_bytes(store) < 3u << 20);
    nfa_store_free(store);
    assert_int_equal(w.bytes, 0);
}

static void test_large_map(void **state)
{
    (void)state;
    static const nfa_section_def def = {1, 8, 1, {{NFA_MAP, 0}}, 0};
    enum { N = 200000 };
    watch w = {.bytes = 0, .calls = 0, .fail_at = 0, .fail_on = false};
    nfa_store *store = nfa_store_new((egret_mem){watched, &w});
    nfa_section s = section_of(store, "hot", &def);
    for (uint64_t i = 0; i < N; i++)
        *nfa_map_get(&s, 0, i * 4096) = (int64_t)i;
    assert_int_equal(nfa_map_count(&s, 0), N);
    assert_true(nfa_store_bytes(store) < (size_t)N * 45);
    for (uint64_t i = 0; i < N; i++)
        assert_true(*nfa_map_find(&s, 0, i * 4096) == (int64_t)i);
    assert_null(nfa_map_find(&s, 0, 4095));
    nfa_map_sweep(&s, 0, N - 10);
    assert_int_equal(nfa_map_count(&s, 0), 10);
    for (uint64_t i = N - 10; i < N; i++)
        assert_true(*nfa_map_find(&s, 0, i * 4096) == (int64_t)i);
    assert_true(nfa_store_bytes(store) < 3u << 20);
    nfa_store_free(store);
    assert_int_equal(w.bytes, 0);
}

static void test_many_sections(void **state)
{
    (void)state;
    enum { N = 500 };
    watch w = {.bytes = 0, .calls = 0, .fail_at = 0, .fail_on = false};
    nfa_store *store = nfa_store_new((egret_mem){watched, &w});
    nfa_section_def *many = calloc(N, sizeof *many);
    assert_non_null(many);
    for (uint32_t i = 0; i < N; i++)
        many[i] = (nfa_section_def){.id = i * 3, .root_size = 8, .n_parts = 1, .part = {{NFA_DEQUE, 8}}, 0};
    for (uint32_t k = 0; k < N; k++) {
        uint32_t i = k * 7 % N;
        nfa_section s = section_of(store, "stream", &many[i]);
        *(uint64_t *)nfa_section_root(&s) = i;
        *(uint64_t *)nfa_deque_push(&s, 0) = i;
    }
    nfa_section s = section_of(store, "stream", &many[0]);
    assert_int_equal(nfa_section_count(store, s.block), N);
    for (uint32_t i = 0; i < N; i++) {
        s = section_of(store, "stream", &many[i]);
        assert_true(*(uint64_t *)nfa_section_root(&s) == i && *(uint64_t *)nfa_deque_at(&s, 0, 0) == i);
    }
    for (uint32_t k = 0; k < N; k++) {
        s = section_of(store, "stream", &many[k * 11 % N]);
        nfa_section_drop(&s);
    }
    assert_int_equal(nfa_section_count(store, s.block), 0);
    free(many);
    nfa_store_free(store);
    assert_int_equal(w.bytes, 0);
}

static void fetch(const nfa_store *store, uint64_t hash)
{
    nfa_store_fetch_slot(store, hash);
    uint32_t block = nfa_store_fetch_address(store, hash);
    nfa_store_fetch_head(store, block);
    nfa_store_fetch_rest(store, block);
}

/* Fetching ahead finds nothing new and loses nothing, whatever it is asked for. */
static void test_fetch(void **state)
{
    (void)state;
    enum { N = 100 };
    watch w = {.bytes = 0, .calls = 0, .fail_at = 0, .fail_on = false};
    nfa_store *store = nfa_store_new((egret_mem){watched, &w});
    uint64_t hashes[N];
    for (uint32_t i = 0; i < N; i++) {
        hashes[i] = nfa_key_hash(1, &i, sizeof i);
        fetch(store, hashes[i]);
    }
    for (uint32_t i = 0; i < N / 2; i++)
        assert_int_equal(nfa_block_get(store, 1, &i, sizeof i, hashes[i]), i);
    size_t bytes = w.bytes;
    for (uint32_t i = 0; i < N; i++) {
        fetch(store, hashes[i]);
        assert_int_equal(nfa_block_find(store, 1, &i, sizeof i, hashes[i]), i < N / 2 ? i : NFA_NO_BLOCK);
        assert_int_equal(nfa_store_fetch_address(store, hashes[i]), i < N / 2 ? i : NFA_NO_BLOCK);
        assert_int_equal(nfa_block_is(store, 7, 1, &i, sizeof i), i == 7);
    }
    assert_false(nfa_block_is(store, NFA_NO_BLOCK, 1, "", 0));
    assert_int_equal(w.bytes, bytes);
    nfa_store_free(store);
}

static void test_print(void **state)
{
    (void)state;
    watch w = {.bytes = 0, .calls = 0, .fail_at = 0, .fail_on = false};
    egret_mem mem = {watched, &w};
    egret_arena arena;
    egret_arena_init(&arena, mem);
    nfa_store *store = nfa_store_new(mem);
    nfa_section s = section_of(store, "card\x01", &defs[2]);
    for (int i = 0; i < 1000; i++)
        assert_non_null(nfa_deque_push(&s, 0));
    *nfa_map_get(&s, 2, 5) = 1;
    nfa_block_set_due(store, s.block, 99);
    assert_string_equal(nfa_block_print(store, s.block, &arena),
                        "block 0 group 1 key \"card\\x01\" 128 bytes due 99\n"
                        "  section 9: 88 bytes, root 8\n"
                        "    deque 0: 1000 records of 12 bytes from 0, in 1 chunks\n"
                        "    bytes 1: 0 bytes from 0\n"
                        "    map 2: 1 entries\n");
    nfa_store_free(store);
    egret_arena_deinit(&arena);
    assert_int_equal(w.bytes, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),      cmocka_unit_test(test_no_memory), cmocka_unit_test(test_ordinals_wrap),
        cmocka_unit_test(test_large_queue), cmocka_unit_test(test_large_map), cmocka_unit_test(test_many_sections),
        cmocka_unit_test(test_fetch),        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
