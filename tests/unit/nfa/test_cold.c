/*
 * test_cold.c: with a limit on memory the same comes out; blocks go and come back, deadlines of keys that are away act, checkpoints hold what is
 * away; what cannot go stays; what cannot come back stops the engine.
 *
 * Two engines get the same events of 20,000 keys that come in waves, one of them with room for a small part of them.
 */
#include "nfa/checkpoint.h"
#include "nfa/cold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cellar.h"

static const char rules_text[] =
    "stream a { k: int  v: int  s: string  at: time } with time at\n"
    "rule twice { match x: a [v == 1] then y: a [v == 2] within 400s  by k  alert { d: y.v - x.v } }\n"
    "rule none { match x: a [v == 3] then not a [v == 4] for 70s  by k  alert { } }\n"
    "rule many { watch a  by k  over 30m  when count() >= 3 and distinct(s) > 1  alert { n: distinct(s) } }\n"
    "rule gone { match x: a [v == 5] then y: a  within 9m  by k  on timeout alert { v: x.v } }\n"
    "rule large { watch a [v == 7]  by v  over 10s  when distinct(s) > 100000  alert { } }\n";

enum { KEYS = 20000, EVENTS = 60000, LIMIT = 3 << 20 };

typedef struct world {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;
} world;

static int set_up(void **state)
{
    static world w;
    egret_arena_init(&w.arena, egret_mem_of(NULL));
    egret_diags_init(&w.diags, &w.arena);
    ast_file_init(&w.tree);
    egret_parse(&w.diags, egret_diags_add_source(&w.diags, "r", rules_text, sizeof rules_text - 1), &w.tree);
    w.plan = egret_plan_make(&w.diags, &w.tree, true);
    if (!w.plan) printf("%s", egret_diags_text(&w.diags));
    *state = &w;
    return w.plan == NULL;
}

static int tear_down(void **state)
{
    egret_arena_deinit(&((world *)*state)->arena);
    return 0;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* The n-th event, always the same. A wave is 500 neighbours, most of which come again soon; a tenth are any keys. */
static egret_status push(nfa_engine *engine, const plan *p, uint32_t n)
{
    char text[16];
    uint32_t random = n * 2654435761u, wave = n / 2000 * 500, any = next_random(&random);
    const plan_stream *stream = &p->streams[0];
    uint32_t k = any % 10 == 0 ? next_random(&random) % KEYS : (wave + next_random(&random) % 500) % KEYS;
    egret_value slots[8], values[] = {egret_int(k), egret_int(next_random(&random) % 8), egret_null(), egret_time((int64_t)n * 10)};
    values[2] = egret_string(text, (uint32_t)snprintf(text, sizeof text, "s%u", next_random(&random) % 5000));
    for (uint32_t i = 0; i < stream->n_slots; i++) slots[i] = values[stream->slot_field[i]];
    nfa_event event = {.time_ms = (int64_t)n * 10, .ref = n, .identity = n, .stream = 0, .slots = slots};
    nfa_engine_expect(engine, &event);
    return nfa_engine_event(engine, &event);
}

/* Alerts as a sum that tells whether two engines gave the same. */
static uint64_t take_all(nfa_engine *engine, uint64_t sum)
{
    for (const nfa_alert *alert; (alert = nfa_engine_take(engine)) != NULL;)
        for (const char *c = alert->body.id; *c; c++) sum = (sum ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t run(nfa_engine *engine, const plan *p, uint32_t from, uint32_t to, size_t *most)
{
    uint64_t sum = 1;
    for (uint32_t n = from; n < to; n++) {
        assert_int_equal(push(engine, p, n), EGRET_OK);
        sum = take_all(engine, sum);
        size_t bytes = n % 512 == 0 ? nfa_engine_stats(engine)->bytes : 0;
        *most = bytes > *most ? bytes : *most;
    }
    return sum;
}

static uint64_t finish(nfa_engine *engine)
{
    assert_int_equal(nfa_engine_finish(engine, INT64_MAX), EGRET_OK);
    return take_all(engine, 1);
}

static nfa_engine *engine_of(const plan *p, cellar *c)
{
    nfa_cold_host host = {cellar_put, cellar_get, c};
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), p);
    assert_non_null(engine);
    if (c) assert_true(nfa_engine_limit(engine, LIMIT, &host));
    return engine;
}

static void the_same_comes_out_of_less_memory(void **state)
{
    const world *w = *state;
    static cellar c;
    size_t most_free = 0, most = 0;
    nfa_engine *wide = engine_of(w->plan, NULL), *narrow = engine_of(w->plan, &c);
    assert_int_equal(run(narrow, w->plan, 0, EVENTS, &most), run(wide, w->plan, 0, EVENTS, &most_free));
    assert_true(nfa_engine_stats(narrow)->cold_gets > 1000);
    assert_true(nfa_engine_stats(narrow)->cold > KEYS / 2);
    assert_int_equal(nfa_engine_stats(narrow)->keys, nfa_engine_stats(wide)->keys);
    assert_true(most < 2 * LIMIT);
    assert_true(most_free > 2 * most);
    assert_int_equal(finish(narrow), finish(wide));
    nfa_engine_free(wide);
    nfa_engine_free(narrow);
    cellar_free(&c);
}

/* Packs of a checkpoint in one text: number, length, bytes. */
static void cut(nfa_engine *engine, bool all, egret_text *head, egret_text *packs)
{
    nfa_pack pack;
    assert_true(nfa_checkpoint_begin(engine, all, head));
    while (nfa_checkpoint_next(engine, &pack)) {
        uint64_t about[] = {pack.number, pack.len};
        if (pack.len == 0) continue;
        egret_text_put(packs, (const char *)about, sizeof about);
        egret_text_put(packs, pack.bytes, pack.len);
    }
    assert_false(nfa_checkpoint_failed(engine));
}

static void restore(nfa_engine *engine, const egret_text *head, const egret_text *packs)
{
    uint64_t about[2];
    assert_int_equal(nfa_restore_begin(engine, head->ptr, head->len), EGRET_OK);
    for (size_t at = 0; at < packs->len; at += (size_t)about[1]) {
        memcpy(about, packs->ptr + at, sizeof about);
        at += sizeof about;
        assert_int_equal(nfa_restore_pack(engine, (uint32_t)about[0], packs->ptr + at, (size_t)about[1]), EGRET_OK);
    }
    assert_int_equal(nfa_restore_end(engine), EGRET_OK);
}

static void checkpoints_hold_what_is_away(void **state)
{
    const world *w = *state;
    static cellar c, other;
    size_t most = 0;
    egret_text head, packs;
    egret_text_init(&head, egret_mem_of(NULL));
    egret_text_init(&packs, egret_mem_of(NULL));
    nfa_engine *wide = engine_of(w->plan, NULL), *narrow = engine_of(w->plan, &c), *again = engine_of(w->plan, &other);
    run(wide, w->plan, 0, EVENTS / 2, &most);
    run(narrow, w->plan, 0, EVENTS / 2, &most);
    assert_true(nfa_checkpoint_watch(narrow));
    cut(narrow, true, &head, &packs);
    restore(again, &head, &packs);
    assert_true(nfa_engine_stats(again)->cold > 0);
    uint64_t wanted = run(wide, w->plan, EVENTS / 2, EVENTS, &most);
    assert_int_equal(run(again, w->plan, EVENTS / 2, EVENTS, &most), wanted);
    assert_int_equal(run(narrow, w->plan, EVENTS / 2, EVENTS, &most), wanted);
    wanted = finish(wide);
    assert_int_equal(finish(again), wanted);
    assert_int_equal(finish(narrow), wanted);
    nfa_engine_free(wide);
    nfa_engine_free(narrow);
    nfa_engine_free(again);
    egret_text_deinit(&head);
    egret_text_deinit(&packs);
    cellar_free(&c);
    cellar_free(&other);
}

static void what_cannot_go_stays(void **state)
{
    const world *w = *state;
    static cellar c;
    size_t most = 0;
    c.refuses = true;
    nfa_engine *wide = engine_of(w->plan, NULL), *narrow = engine_of(w->plan, &c);
    assert_int_equal(run(narrow, w->plan, 0, EVENTS / 4, &most), run(wide, w->plan, 0, EVENTS / 4, &most));
    assert_true(nfa_engine_stats(narrow)->cold_failed > 0);
    assert_int_equal(nfa_engine_stats(narrow)->cold, 0);
    nfa_engine_free(wide);
    nfa_engine_free(narrow);
}

static void what_does_not_come_back_stops_the_engine(void **state)
{
    const world *w = *state;
    static cellar c;
    size_t most = 0;
    nfa_engine *narrow = engine_of(w->plan, &c);
    run(narrow, w->plan, 0, EVENTS / 2, &most);
    c.forgets = true;
    egret_status status = EGRET_OK;
    for (uint32_t n = EVENTS / 2; status == EGRET_OK && n < EVENTS; n++) status = push(narrow, w->plan, n);
    assert_int_equal(status, EGRET_IO);
    assert_int_equal(push(narrow, w->plan, EVENTS), EGRET_IO);
    nfa_engine_free(narrow);
    cellar_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_comes_out_of_less_memory),
        cmocka_unit_test(checkpoints_hold_what_is_away),
        cmocka_unit_test(what_cannot_go_stays),
        cmocka_unit_test(what_does_not_come_back_stops_the_engine),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
