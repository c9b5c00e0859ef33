/*
 * test_spread.c: rules change, and states are kept and brought back, over any number of shards, and nobody can tell from the alerts.
 *
 * The versions of the rules tie other key groups together each, so that keys move between shards when one follows another; a table changes with
 * them. One engine that is never kept is what all others are compared with, alert by alert in their order.
 */
#include "nfa/shards.h"

#include "nfa/checkpoint.h"
#include "nfa/cold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/cellar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS \
    "stream a { k: int?  g: string  v: int  at: time } with time at\n" \
    "table reg: \"none.csv\" key id { id: string }\n"
#define ALWAYS \
    "rule m_lost { match not a for 9s  by g in reg  alert { }  resolve on a [v == 6] }\n" \
    "rule m_none { match x: a [v == 3] then not a [v == 4] for 7s  by k  alert { } }\n" \
    "rule m_open { watch a [v == 8]  by k  alert { } resolve on a [v == 2] }\n" \
    "rule m_twice { match x: a [v == 1] then y: a [v == 2] within 40s  by k  alert { d: y.v - x.v } }\n" \
    "rule n_minute { watch a  by g  over tumbling 1m  when count() >= 3  alert { n: count() } }\n" \
    "rule n_jump { watch a [v > prev(v) + 6]  by g, k  alert { } }\n"

/* Each is a little other in each version that has the other: what was counted, and who waits before the last step, goes on (nfa/heir.h). */
#define THREE "rule heir_w { watch a  by k  over 3m  when count() > 9  alert { n: count() } }\n" \
    "rule heir { match x: a [v == 1] then y: a [v == 5] then z: a [v == 3] within 100s  by k  alert { } }\n"
#define FOUR "rule heir_w { watch a  by k  over 3m  when count() > 12  alert { n: count() } }\n" \
    "rule heir { match x: a [v == 1] then y: a [v == 5] then z: a [v == 4] within 100s  by k  alert { } }\n"

static const char *const versions[] = {
    STREAMS ALWAYS THREE,
    /* k and g are tied, as one asks for the profile of another key. */
    STREAMS ALWAYS FOUR "profile of_g { from a  by g  most: max(v)  n: count() }\nrule beyond { match x: a [v >= of_g[\"g1\"].most and of_g.n > 5]  by k  alert { } }\n",
    STREAMS ALWAYS THREE "rule m_more { watch a  by v  over 40s  when count() > 8  alert { n: count() } }\n",
    /* All that tells or is told. */
    STREAMS ALWAYS FOUR "rule sum_up { watch m_twice  by k  over 100s  when count() >= 2  alert { n: count() } }\n"
        "rule high { match x: sum_up then not m_none for 5s  by k  alert { } }\n",
    STREAMS ALWAYS THREE "rule of_all { watch alert  over 50s  when count() >= 12  alert { n: count() } }\nrule by_v { watch a [v > 5]  by v  over 20s  when count() >= 5  alert { } }\n",
};
enum { VERSIONS = 5, EVENTS = 9000, BATCH = 50, KEYS = 70, MAX_SEEN = 30000, STEP_MS = 250, CHANGE_EVERY = 650, KEEP_EVERY = 450 };

typedef struct world {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;
} world;

typedef struct seen { char line[MAX_SEEN][80]; uint32_t n; } seen;

static world compiled[VERSIONS];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        world *w = &compiled[i];
        egret_arena_init(&w->arena, egret_mem_of(NULL));
        egret_diags_init(&w->diags, &w->arena);
        ast_file_init(&w->tree);
        egret_parse(&w->diags, egret_diags_add_source(&w->diags, "r", versions[i], strlen(versions[i])), &w->tree);
        w->plan = egret_plan_make(&w->diags, &w->tree, false);      /* the table's file is not there */
        if (!w->plan) fail_msg("%s", egret_diags_text(&w->diags));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) egret_arena_deinit(&compiled[i].arena);
    return 0;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void push(nfa_engine *engine, const plan *p, uint32_t n)
{
    char text[16];
    uint32_t random = n * 2654435761u;
    const plan_stream *stream = &p->streams[0];
    uint32_t k = next_random(&random) % (KEYS + KEYS / 20);
    egret_value slots[8], values[] = {k < KEYS ? egret_int(k) : egret_null(), egret_null(), egret_int(next_random(&random) % 10),
                                      egret_time((int64_t)n * STEP_MS)};
    values[1] = egret_string(text, (uint32_t)snprintf(text, sizeof text, "g%u", next_random(&random) % (n / 1000 % 2 ? 40 : 9)));
    for (uint32_t i = 0; i < stream->n_slots; i++) slots[i] = values[stream->slot_field[i]];
    nfa_event event = {.time_ms = (int64_t)n * STEP_MS, .ref = n, .identity = n, .stream = 0, .slots = slots};
    assert_int_equal(nfa_engine_event(engine, &event), EGRET_OK);
}

/* Another content of the table with each change: some come, some go. */
static void set_table(nfa_shards *shards, uint32_t changes)
{
    char text[32][8];
    egret_value cells[32];
    uint32_t n = 0;
    for (uint32_t i = 0; i < 32; i++)
        if ((i + changes) % 3 != 0) {
            cells[n] = egret_string(text[i], (uint32_t)snprintf(text[i], sizeof text[i], "g%u", i));
            n++;
        }
    for (uint32_t i = 0; i < nfa_shards_count(shards); i++) assert_int_equal(nfa_engine_set_table(nfa_shards_engine(shards, i), 0, cells, n), EGRET_OK);
}

static void take_all(nfa_shards *shards, seen *out)
{
    for (const nfa_alert *alert; (alert = nfa_shards_take(shards)) != NULL; out->n++) {
        assert_true(out->n < MAX_SEEN);
        snprintf(out->line[out->n], sizeof out->line[0], "%lld %.16s %d %.32s", (long long)alert->body.time_ms, alert->body.rule, (int)alert->body.kind, alert->body.id);
    }
}

/* ---- what is kept ---- */

typedef struct shelf { struct { char *bytes; size_t len; } pack[NFA_MAX_SHARDS][64]; egret_text head; } shelf;

static void shelf_put(shelf *s, const nfa_pack *pack)
{
    uint32_t shard = pack->number >> 25, number = pack->number & 0x1FFFFFF;
    assert_true(shard < NFA_MAX_SHARDS && number < 64);
    free(s->pack[shard][number].bytes);
    s->pack[shard][number].bytes = malloc(pack->len + 1);
    assert_non_null(s->pack[shard][number].bytes);
    if (pack->len > 0) memcpy(s->pack[shard][number].bytes, pack->bytes, pack->len);
    s->pack[shard][number].len = pack->len;
}

static void shelf_clear(shelf *s)
{
    for (uint32_t i = 0; i < NFA_MAX_SHARDS; i++)
        for (uint32_t k = 0; k < 64; k++) free(s->pack[i][k].bytes);
    memset(s->pack, 0, sizeof s->pack);
}

static void keep(nfa_shards *shards, shelf *s, bool all)
{
    nfa_pack pack;
    s->head.len = 0;
    if (all) shelf_clear(s);
    assert_true(nfa_shards_cut_may(shards));
    assert_true(nfa_shards_cut_begin(shards, all, &s->head));
    while (nfa_shards_cut_next(shards, &pack)) shelf_put(s, &pack);
    assert_false(nfa_shards_cut_failed(shards));
}

static egret_status bring(nfa_shards *shards, const shelf *s, bool *spread)
{
    egret_status status = nfa_shards_restore_begin(shards, s->head.ptr, s->head.len, spread);
    for (uint32_t i = 0; i < NFA_MAX_SHARDS && status == EGRET_OK; i++)
        for (uint32_t k = 0; k < 64 && status == EGRET_OK; k++)
            if (s->pack[i][k].len > 0) status = nfa_shards_restore_pack(shards, i << 25 | k, s->pack[i][k].bytes, s->pack[i][k].len);
    return status == EGRET_OK ? nfa_shards_restore_end(shards) : status;
}

/* A new process with so many shards. */
static nfa_shards *through_bytes(nfa_shards *shards, uint32_t version, uint32_t changes, uint32_t n, shelf *s, bool *all)
{
    bool spread;
    uint32_t before = nfa_shards_count(shards);
    keep(shards, s, *all);
    nfa_shards_free(shards);
    shards = nfa_shards_new(egret_mem_of(NULL), compiled[version].plan, n);
    assert_non_null(shards);
    if (changes > 0) set_table(shards, changes);
    assert_int_equal(bring(shards, s, &spread), EGRET_OK);
    if (n != before) assert_true(spread);
    assert_true(nfa_shards_watch(shards));
    *all = spread;
    if (!spread) nfa_shards_kept(shards);
    return shards;
}

/* ---- a run ---- */

typedef struct run {
    const uint32_t *counts;     /* of shards: the first, then at each start; ends with 0, and then begins again. NULL: one, never kept */
    uint32_t at;
    size_t limit;               /* of memory; 0: none */
    cellar cellars[NFA_MAX_SHARDS];
    uint64_t away;              /* packs that went */
} run;

static void limit(run *r, nfa_shards *shards)
{
    for (uint32_t i = 0; r->limit > 0 && i < nfa_shards_count(shards); i++) {
        nfa_cold_host host = {cellar_put, cellar_get, &r->cellars[i]};
        assert_true(nfa_engine_limit(nfa_shards_engine(shards, i), r->limit, &host));
    }
}

static nfa_shards *change(nfa_shards *shards, uint32_t version, uint32_t changes)
{
    nfa_shards *next = nfa_shards_succeed(egret_mem_of(NULL), compiled[version].plan, shards);
    assert_non_null(next);
    set_table(next, changes);
    assert_true(nfa_shards_may_change(shards));
    assert_int_equal(nfa_shards_take_over(next, shards), EGRET_OK);
    nfa_shards_free(shards);
    return next;
}

static uint32_t count_at(run *r)
{
    if (r->counts[r->at] == 0) r->at = 0;
    return r->counts[r->at++];
}

static void do_run(run *r, seen *out)
{
    static shelf s;
    uint32_t version = 0, changes = 0, random = 7;
    bool all = true;
    out->n = 0;
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), compiled[0].plan, r->counts ? count_at(r) : 1);
    assert_non_null(shards);
    egret_text_init(&s.head, egret_mem_of(NULL));
    limit(r, shards);
    assert_true(nfa_shards_watch(shards));
    for (uint32_t first = 0; first < EVENTS; first += BATCH) {
        for (uint32_t i = 0; i < nfa_shards_count(shards); i++) {
            for (uint32_t n = first; n < first + BATCH; n++) push(nfa_shards_engine(shards, i), compiled[version].plan, n);
            assert_int_equal(nfa_engine_advance(nfa_shards_engine(shards, i), (int64_t)(first + BATCH) * STEP_MS), EGRET_OK);
        }
        take_all(shards, out);
        if (first % CHANGE_EVERY == 0 && nfa_shards_may_change(shards)) {
            version = next_random(&random) % VERSIONS;
            shards = change(shards, version, ++changes);
            take_all(shards, out);
        }
        if (r->counts && first % KEEP_EVERY == 0 && nfa_shards_cut_may(shards)) {
            r->away += nfa_shards_stats(shards).cold_puts;
            shards = through_bytes(shards, version, changes, count_at(r), &s, &all);
            limit(r, shards);
        }
    }
    for (uint32_t i = 0; i < nfa_shards_count(shards); i++) assert_int_equal(nfa_engine_finish(nfa_shards_engine(shards, i), INT64_MAX), EGRET_OK);
    take_all(shards, out);
    nfa_shards_free(shards);
    shelf_clear(&s);
    egret_text_deinit(&s.head);
    for (uint32_t i = 0; i < NFA_MAX_SHARDS; i++)
        cellar_free(&r->cellars[i]);
}

static void compare(const seen *one, const seen *other, const char *what)
{
    for (uint32_t i = 0; i < one->n && i < other->n; i++)
        if (strcmp(one->line[i], other->line[i]) != 0) fail_msg("%s: alert %u is %s and not %s", what, i, other->line[i], one->line[i]);
    assert_int_equal(one->n, other->n);
}

static const uint32_t counts[][6] = {{1, 0}, {2, 0}, {5, 0}, {1, 2, 0}, {5, 2, 2, 3, 0}, {3, 1, 1, 64, 0}, {2, 2, 5, 5, 1, 0}};
enum { WAYS = sizeof counts / sizeof counts[0] };

static seen one, more;

static void nobody_can_tell(void **state)
{
    (void)state;
    static run plain;
    do_run(&plain, &one);
    assert_true(one.n > 2000);
    for (uint32_t way = 0; way < WAYS; way++) {
        static run r;
        char what[16];
        r = (run){.counts = counts[way]};
        do_run(&r, &more);
        snprintf(what, sizeof what, "way %u", way);
        compare(&one, &more, what);
    }
}

/* Blocks move and are spread while most of them are not in memory. */
static void also_with_little_memory(void **state)
{
    (void)state;
    static run plain, r;
    plain = (run){0};
    do_run(&plain, &one);
    for (uint32_t way = 1; way < WAYS; way++) {
        r = (run){.counts = counts[way], .limit = 40000};
        do_run(&r, &more);
        compare(&one, &more, "with little memory");
        if (way == 1) assert_true(r.away > 100);
    }
}

/* A definition that comes back begins anew, whatever the sweep has left of it. */
static void what_comes_back_begins_anew(void **state)
{
    (void)state;
    static const char with[] = "stream a { k: int?  g: string  v: int  at: time } with time at\nrule r { match x: a [v == 1] then y: a [v == 2]  by k  alert { } }\nrule s { watch a [v == 9]  by k  over 1h  when count() > 5  alert { } }\n";
    static const char without[] = "stream a { k: int?  g: string  v: int  at: time } with time at\nrule s { watch a [v == 9]  by k  over 1h  when count() > 5  alert { } }\n";
    world w[2];
    for (int i = 0; i < 2; i++) {
        egret_arena_init(&w[i].arena, egret_mem_of(NULL));
        egret_diags_init(&w[i].diags, &w[i].arena);
        ast_file_init(&w[i].tree);
        egret_parse(&w[i].diags, egret_diags_add_source(&w[i].diags, "r", i == 0 ? with : without, strlen(i == 0 ? with : without)), &w[i].tree);
        w[i].plan = egret_plan_make(&w[i].diags, &w[i].tree, true);
        if (!w[i].plan) fail_msg("%s", egret_diags_text(&w[i].diags));
    }
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), w[0].plan, 1);
    for (uint32_t step = 0; step < 3; step++) {
        const plan *p = w[step % 2].plan;
        egret_value slots[8], values[] = {egret_int(1), egret_string("g", 1), egret_int(step == 0 ? 1 : step == 1 ? 9 : 2), egret_time(1000 * step)};
        if (step > 0) {
            nfa_shards *next = nfa_shards_succeed(egret_mem_of(NULL), p, shards);
            assert_int_equal(nfa_shards_take_over(next, shards), EGRET_OK);
            nfa_shards_free(shards);
            shards = next;
        }
        for (uint32_t i = 0; i < p->streams[0].n_slots; i++) slots[i] = values[p->streams[0].slot_field[i]];
        nfa_event event = {.time_ms = 1000 * step, .ref = step, .identity = step, .stream = 0, .slots = slots};
        assert_int_equal(nfa_engine_event(nfa_shards_engine(shards, 0), &event), EGRET_OK);
        assert_null(nfa_shards_take(shards));
    }
    nfa_shards_free(shards);
    for (int i = 0; i < 2; i++) egret_arena_deinit(&w[i].arena);
}

typedef struct scarce { long calls, fail_at; } scarce;

static void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    scarce *s = user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return ++s->calls == s->fail_at ? NULL : realloc(ptr, new_size);
}

/* Some state of two shards, kept. */
static nfa_shards *some_state(egret_mem mem, shelf *s)
{
    nfa_shards *shards = nfa_shards_new(mem, compiled[0].plan, 2);
    for (uint32_t n = 0; shards && n < 400; n++)
        for (uint32_t i = 0; i < 2; i++) push(nfa_shards_engine(shards, i), compiled[0].plan, n);
    while (shards && nfa_shards_take(shards)) {}
    if (s) {
        assert_true(nfa_shards_watch(shards));
        keep(shards, s, true);
    }
    return shards;
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    static shelf s;
    egret_text_init(&s.head, egret_mem_of(NULL));
    nfa_shards_free(some_state(egret_mem_of(NULL), &s));
    bool done = false, spread;
    for (long fail = 1; !done; fail += 1 + fail / 50) {     /* brought back over three */
        scarce scarcity = {0, fail};
        egret_options options = {.size = sizeof options, .alloc = scarce_alloc, .alloc_user = &scarcity};
        nfa_shards *shards = nfa_shards_new(egret_mem_of(&options), compiled[0].plan, 3);
        egret_status status = shards ? bring(shards, &s, &spread) : EGRET_NO_MEMORY;
        done = scarcity.calls < scarcity.fail_at;
        assert_int_equal(status, done ? EGRET_OK : EGRET_NO_MEMORY);
        nfa_shards_free(shards);
    }
    done = false;
    for (long fail = 1; !done; fail += 1 + fail / 50) {     /* handed on, with keys that move */
        scarce scarcity = {0, 0};
        egret_options options = {.size = sizeof options, .alloc = scarce_alloc, .alloc_user = &scarcity};
        nfa_shards *shards = some_state(egret_mem_of(&options), NULL), *next = nfa_shards_succeed(egret_mem_of(&options), compiled[1].plan, shards);
        assert_non_null(next);
        scarcity = (scarce){0, fail};
        egret_status status = nfa_shards_take_over(next, shards);
        done = scarcity.calls < scarcity.fail_at;
        assert_int_equal(status, done ? EGRET_OK : EGRET_NO_MEMORY);
        nfa_shards_free(next);
        nfa_shards_free(shards);
    }
    shelf_clear(&s);
    egret_text_deinit(&s.head);
}

/* Bytes that are cut or of others are refused, or bring back what they hold; nothing is read that is not there. */
static void broken_heads_are_refused(void **state)
{
    (void)state;
    static shelf s;
    bool spread;
    egret_text_init(&s.head, egret_mem_of(NULL));
    nfa_shards_free(some_state(egret_mem_of(NULL), &s));
    for (size_t len = 0; len < s.head.len; len += 1 + len / 40) {
        for (uint32_t n = 1; n <= 2; n++) {
            char *copy = malloc(len + 1);
            assert_non_null(copy);
            memcpy(copy, s.head.ptr, len);
            nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), compiled[0].plan, n);
            assert_int_equal(nfa_shards_restore_begin(shards, copy, len, &spread), EGRET_BAD_USE);
            nfa_shards_free(shards);
            free(copy);
        }
    }
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), compiled[1].plan, 2);
    assert_int_equal(nfa_shards_restore_begin(shards, s.head.ptr, s.head.len, &spread), EGRET_BAD_USE);
    nfa_shards_free(shards);
    shelf_clear(&s);
    egret_text_deinit(&s.head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_can_tell),
        cmocka_unit_test(also_with_little_memory),
        cmocka_unit_test(what_comes_back_begins_anew),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(broken_heads_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
