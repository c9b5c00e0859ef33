/*
 * test_checkpoint.c: the state written out, in one go and in packs while events go on, is the state; bytes that were changed are refused; without
 * memory nothing breaks.
 *
 * Two engines get the same events. One of them is cut again and again, and its packs are taken while it goes on; what is kept of them, the newest
 * of each number, is brought back into a third engine, which must then do as the twin did from the cut on.
 */
#include "nfa/checkpoint.h"

#include "egret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char rules_text[] =
    "stream a { k: int  v: int  s: string  at: time } with time at\n"
    "rule twice { match x: a [v == 1] then y: a [v == 2] within 40s  by k  alert { d: y.v - x.v } }\n"
    "rule none { match x: a [v == 3] then not a [v == 4] for 7s  by k  alert { } }\n"
    "rule many { watch a  by k  over 30s  when count() >= 9 and distinct(s) > 3  alert { n: distinct(s) } }\n"
    "rule all { watch a [v == 5]  over 1h  when distinct(s) > 100000  alert { } }\n"
    "rule jump { watch a [v > prev(v) + 6]  by k  alert { } throttle 5s }\n";

enum { KEYS = 700, EVENTS = 6000, MAX_PACKS = 64 };

typedef struct world {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;
} world;

static void set_up(world *w)
{
    egret_arena_init(&w->arena, egret_mem_of(NULL));
    egret_diags_init(&w->diags, &w->arena);
    ast_file_init(&w->tree);
    egret_parse(&w->diags, egret_diags_add_source(&w->diags, "r", rules_text, sizeof rules_text - 1), &w->tree);
    w->plan = egret_plan_make(&w->diags, &w->tree, true);
    if (!w->plan) fail_msg("%s", egret_diags_text(&w->diags));
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* The n-th event, always the same; the keys of the first half give way to others, so that blocks come and go. */
static egret_status push(nfa_engine *engine, const plan *p, uint32_t n)
{
    char text[16];
    uint32_t random = n * 2654435761u;
    const plan_stream *stream = &p->streams[0];
    egret_value slots[8], values[] = {egret_int(next_random(&random) % KEYS + (n > EVENTS / 2 ? KEYS / 2 : 0)),
                                      egret_int(next_random(&random) % 12), egret_null(), egret_time((int64_t)n * 37)};
    values[2] = egret_string(text, (uint32_t)snprintf(text, sizeof text, "s%u", next_random(&random) % 5000));
    for (uint32_t i = 0; i < stream->n_slots; i++) slots[i] = values[stream->slot_field[i]];
    nfa_event event = {.time_ms = (int64_t)n * 37, .ref = n, .identity = n, .stream = 0, .slots = slots};
    return nfa_engine_event(engine, &event);
}

/* Alerts as a sum that tells whether two engines gave the same. */
static uint64_t take_all(nfa_engine *engine, uint64_t sum)
{
    for (const nfa_alert *alert; (alert = nfa_engine_take(engine)) != NULL;)
        for (const char *c = alert->body.id; *c; c++) sum = (sum ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t run(nfa_engine *engine, const plan *p, uint32_t from, uint32_t to)
{
    uint64_t sum = 1;
    for (uint32_t n = from; n < to; n++) {
        assert_int_equal(push(engine, p, n), EGRET_OK);
        sum = take_all(engine, sum);
    }
    return sum;
}

typedef struct bytes { char *ptr; size_t len; } bytes;

static bool keep(void *user, const void *ptr, size_t len)
{
    bytes *b = user;
    b->ptr = realloc(b->ptr, b->len + len);
    assert_non_null(b->ptr);
    memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
    return true;
}

/* ---- packs while events go on ---- */

static void keep_pack(bytes *kept, const nfa_pack *pack)
{
    assert_true(pack->number < MAX_PACKS);
    free(kept[pack->number].ptr);
    kept[pack->number] = (bytes){0};
    if (pack->len > 0) keep(&kept[pack->number], pack->bytes, pack->len);
}

/* One cut; events go on between its packs. Gives the number of the event behind it; *packs: how many it had. */
static uint32_t cut(nfa_engine *engine, const plan *p, bool all, uint32_t n, uint32_t every, egret_text *head, bytes *kept, unsigned *packs)
{
    nfa_pack pack;
    head->len = 0;
    *packs = 0;
    assert_true(nfa_checkpoint_begin(engine, all, head));
    size_t len = head->len;
    assert_false(nfa_checkpoint_begin(engine, all, head));      /* one at a time */
    head->len = len;
    for (unsigned taken = 0; nfa_checkpoint_next(engine, &pack); taken++) {
        keep_pack(kept, &pack);
        ++*packs;
        if (taken % every == 0) {
            assert_int_equal(push(engine, p, n++), EGRET_OK);
            (void)take_all(engine, 0);
        }
    }
    assert_false(nfa_checkpoint_failed(engine));
    assert_false(nfa_checkpoint_is_open(engine));
    return n;
}

static nfa_engine *bring_back(const plan *p, const egret_text *head, const bytes *kept)
{
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), p);
    assert_non_null(engine);
    assert_int_equal(nfa_restore_begin(engine, head->ptr, head->len), EGRET_OK);
    for (uint32_t i = 0; i < MAX_PACKS; i++) assert_int_equal(nfa_restore_pack(engine, i, kept[i].ptr, kept[i].len), EGRET_OK);
    assert_int_equal(nfa_restore_end(engine), EGRET_OK);
    return engine;
}

static void assert_same_from(nfa_engine *one, nfa_engine *other, const plan *p, uint32_t n)
{
    assert_int_equal(nfa_engine_stats(one)->keys, nfa_engine_stats(other)->keys);
    assert_int_equal(nfa_engine_clock(one), nfa_engine_clock(other));
    assert_true(run(one, p, n, n + 500) == run(other, p, n, n + 500));
    assert_int_equal(nfa_engine_finish(one, INT64_MAX), EGRET_OK);
    assert_int_equal(nfa_engine_finish(other, INT64_MAX), EGRET_OK);
    assert_true(take_all(one, 1) == take_all(other, 1));
}

static void cuts_while_events_go_on_are_the_state_at_the_cut(void **state)
{
    (void)state;
    world w;
    egret_text head;
    bytes kept[MAX_PACKS] = {{0}};
    set_up(&w);
    egret_text_init(&head, egret_mem_of(NULL));
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), w.plan);
    assert_true(nfa_checkpoint_watch(engine));
    unsigned first = 0, fewest = UINT32_MAX;
    for (uint32_t n = 0, round = 0; n < EVENTS; round++) {
        unsigned packs;
        uint32_t at = n;
        n = cut(engine, w.plan, round == 0, n, 1 + round % 3, &head, kept, &packs);
        if (round == 3) first = packs;
        if (round > 3 && packs < fewest) fewest = packs;
        if (round % 5 == 2) {
            nfa_engine *twin = nfa_engine_new(egret_mem_of(NULL), w.plan), *back = bring_back(w.plan, &head, kept);
            (void)run(twin, w.plan, 0, at);
            assert_same_from(twin, back, w.plan, at);
            nfa_engine_free(twin);
            nfa_engine_free(back);
        }
        uint32_t next = n + (round % 4 == 0 ? 3 : 300);
        (void)run(engine, w.plan, n, next);
        n = next;
    }
    assert_true(first > 0 && fewest < first);   /* few events, few packs */
    for (uint32_t i = 0; i < MAX_PACKS; i++) free(kept[i].ptr);
    egret_text_deinit(&head);
    nfa_engine_free(engine);
    egret_arena_deinit(&w.arena);
}

static void a_cut_that_is_dropped_is_in_the_next(void **state)
{
    (void)state;
    world w;
    egret_text head;
    nfa_pack pack;
    bytes kept[MAX_PACKS] = {{0}};
    unsigned packs;
    set_up(&w);
    egret_text_init(&head, egret_mem_of(NULL));
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), w.plan);
    assert_true(nfa_checkpoint_watch(engine));
    (void)run(engine, w.plan, 0, 2000);
    uint32_t n = cut(engine, w.plan, true, 2000, 1, &head, kept, &packs);
    (void)run(engine, w.plan, n, 2500);
    head.len = 0;
    assert_true(nfa_checkpoint_begin(engine, false, &head));
    for (int i = 0; i < 3; i++) assert_true(nfa_checkpoint_next(engine, &pack));
    (void)run(engine, w.plan, 2500, 2510);
    nfa_checkpoint_drop(engine);
    assert_false(nfa_checkpoint_is_open(engine));
    (void)cut(engine, w.plan, false, 2510, 1000000, &head, kept, &packs);
    nfa_engine *twin = nfa_engine_new(egret_mem_of(NULL), w.plan), *back = bring_back(w.plan, &head, kept);
    (void)run(twin, w.plan, 0, 2510);
    assert_same_from(twin, back, w.plan, 2510);
    nfa_engine_free(twin);
    nfa_engine_free(back);
    for (uint32_t i = 0; i < MAX_PACKS; i++) free(kept[i].ptr);
    egret_text_deinit(&head);
    nfa_engine_free(engine);
    egret_arena_deinit(&w.arena);
}

/* ---- in one go ---- */

static egret_status open_public(const char *text, egret_rules **rules, egret_engine **engine)
{
    egret_status status = egret_rules_load_text(NULL, "r", text, strlen(text), rules);
    return status == EGRET_OK ? egret_open(NULL, *rules, engine) : status;
}

static void close_public(egret_rules *rules, egret_engine *engine)
{
    egret_close(engine);
    egret_rules_free(rules);
}

static void push_public(egret_engine *engine, int64_t time_ms, int v)
{
    egret_field fields[] = {{"k", {.u.i = 1, .type = EGRET_INT}}, {"v", {.u.i = v, .type = EGRET_INT}}, {"s", {.u.s = "x", .len = 1, .type = EGRET_STRING}},
                            {"at", {.u.i = time_ms, .type = EGRET_TIME}}};
    egret_event event = {.size = sizeof event, .stream = "a", .time_ms = time_ms, .ref = 1, .fields = fields, .n_fields = 4};
    assert_int_equal(egret_push(engine, &event), EGRET_OK);
}

static void programs_can_keep_the_state(void **state)
{
    (void)state;
    bytes kept = {0};
    egret_rules *rules, *other_rules;
    egret_engine *engine, *other;
    assert_int_equal(open_public(rules_text, &rules, &engine), EGRET_OK);
    push_public(engine, 1000, 1);
    assert_int_equal(egret_checkpoint(engine, keep, &kept), EGRET_OK);
    assert_int_equal(egret_restore(engine, kept.ptr, kept.len), EGRET_BAD_USE);     /* it has begun */
    assert_int_equal(egret_open(NULL, rules, &other), EGRET_OK);
    assert_int_equal(egret_restore(other, kept.ptr, kept.len), EGRET_OK);
    push_public(other, 2000, 2);
    const egret_alert *alert = egret_take(other);
    assert_non_null(alert);
    assert_string_equal(alert->rule, "twice");
    close_public(NULL, other);
    for (size_t i = 0; i < kept.len; i += 7) {
        kept.ptr[i] ^= 4;
        assert_int_equal(egret_open(NULL, rules, &other), EGRET_OK);
        assert_int_equal(egret_restore(other, kept.ptr, i % 2 ? kept.len : i), EGRET_BAD_USE);
        close_public(NULL, other);
        kept.ptr[i] ^= 4;
    }
    assert_int_equal(open_public("stream a { k: int  v: int  at: time } with time at\nrule x { watch a [v == prev(v)]  by k }\n", &other_rules,
                                 &other), EGRET_OK);
    assert_int_equal(egret_restore(other, kept.ptr, kept.len), EGRET_BAD_USE);      /* other rules */
    close_public(other_rules, other);
    close_public(rules, engine);
    free(kept.ptr);
}

/* ---- without memory ---- */

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

static void without_memory_a_cut_fails_and_the_engine_goes_on(void **state)
{
    (void)state;
    world w;
    scarce s = {0};
    egret_options options = {.size = sizeof options, .alloc = scarce_alloc, .alloc_user = &s};
    set_up(&w);
    nfa_engine *engine = nfa_engine_new(egret_mem_of(&options), w.plan);
    (void)run(engine, w.plan, 0, 1500);
    for (long fail = 1, done = 0; !done; fail += 1) {
        bytes kept = {0};
        s = (scarce){0, fail};
        egret_status status = nfa_checkpoint_write(engine, keep, &kept);
        done = s.calls < fail;
        assert_int_equal(status, done ? EGRET_OK : EGRET_NO_MEMORY);
        free(kept.ptr);
    }
    bytes kept = {0};
    s.fail_at = 0;
    assert_int_equal(nfa_checkpoint_write(engine, keep, &kept), EGRET_OK);
    for (long fail = 1, done = 0; !done; fail += 1 + fail / 8) {
        scarce other = {0};
        egret_options scanty = {.size = sizeof scanty, .alloc = scarce_alloc, .alloc_user = &other};
        nfa_engine *back = nfa_engine_new(egret_mem_of(&scanty), w.plan);
        other = (scarce){0, fail};
        egret_status status = nfa_checkpoint_read(back, kept.ptr, kept.len);
        done = other.calls < fail;
        assert_int_equal(status, done ? EGRET_OK : EGRET_NO_MEMORY);
        nfa_engine_free(back);
    }
    free(kept.ptr);
    (void)run(engine, w.plan, 1500, 1600);
    nfa_engine_free(engine);
    egret_arena_deinit(&w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_while_events_go_on_are_the_state_at_the_cut),
        cmocka_unit_test(a_cut_that_is_dropped_is_in_the_next),
        cmocka_unit_test(programs_can_keep_the_state),
        cmocka_unit_test(without_memory_a_cut_fails_and_the_engine_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
