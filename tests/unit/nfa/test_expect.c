/*
 * test_expect.c: announcing events changes nothing. The same events go into two engines, one of which is told before what comes: all in order,
 * in another order, and events that never come; with keys that are null, too long to be kept, or equal. Both say the same. So they do when what can
 * be said of an event before it comes was found out by another engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/parse.h"
#include "nfa/engine.h"

enum { N_EVENTS = 400, AHEAD = 24, N_SLOTS = 8, OUT_BYTES = 1 << 20, MAX_KEYS = 6 };

static const char rules_text[] =
    "stream a { k: string?  v: int  at: time } with time at\n"
    "stream b { v: int  k: string?  at: time } with time at\n"
    "profile p { from a  by k  n: count()  top: max(v) }\n"
    "rule often { watch a | b by k over 50ms when count() >= 3 alert { m: count()  k: k } }\n"
    "rule twice { match x: a [p.n > 1 and v >= p.top] then y: b by k within 40ms alert { m: x.v } }\n"
    "rule some { watch a by k over 90ms when sum(v where v > 1 and k != \"q\") >= 6 and count(where v in (1, 2)) >= 1 alert { m: sum(v where v > 1 and k != \"q\") } }\n"
    "rule rare { watch a [v == 3 and k in (\"p\", \"q\")] by k over 200ms when distinct(v) >= 1 and count() >= 2 alert { m: count() } }\n"
    "rule wide { watch a by v over 90ms when count() >= 4 and distinct(k) >= 2 alert { m: distinct(k) } }\n";

typedef struct fixture {
    egret_arena arena;
    egret_diags diags;
    const plan *plan;
    uint32_t slot_k[2], slot_v[2];
    egret_value slots[N_EVENTS][N_SLOTS];
    nfa_event events[N_EVENTS];
    char said[2][OUT_BYTES];
} fixture;

/* A field that no rule reads has no slot: it is written to the last, which nothing reads. */
static uint32_t slot_named(const plan_stream *stream, const char *name)
{
    for (uint32_t i = 0; i < stream->n_slots; i++) {
        if (egret_str_is(stream->fields[stream->slot_field[i]].name, name)) {
            return i;
        }
    }
    return N_SLOTS - 1;
}

/* Few keys, so that they meet; one is null, one is longer than what is kept of an announced event. */
static egret_value key_number(uint32_t i)
{
    static const char long_key[] = "a key that is so long that it is computed again when its event comes, whoever announced it";
    static const char *const names[] = {"p", "q", "r", long_key};
    return i % 5 == 4 ? egret_null() : egret_string(names[i % 5], (uint32_t)strlen(names[i % 5]));
}

static void make_events(fixture *f)
{
    uint64_t random = 12345;
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t stream = (uint32_t)(random >> 33) % 2;
        f->slots[i][f->slot_k[stream]] = key_number((uint32_t)(random >> 40) % 5);
        f->slots[i][f->slot_v[stream]] = egret_int((int64_t)(random >> 50) % 4);
        f->events[i] = (nfa_event){.time_ms = 1000 + i * 5, .ref = i, .identity = i, .stream = stream, .slots = f->slots[i]};
    }
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ast_file file;
    if (f == NULL) {
        return 1;
    }
    egret_arena_init(&f->arena, egret_mem_of(NULL));
    egret_diags_init(&f->diags, &f->arena);
    ast_file_init(&file);
    egret_parse(&f->diags, egret_diags_add_source(&f->diags, "test", rules_text, strlen(rules_text)), &file);
    f->plan = egret_plan_make(&f->diags, &file, false);
    if (f->plan == NULL) {
        print_message("%s", egret_diags_text(&f->diags));
        return 1;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (f->plan->streams[i].n_slots >= N_SLOTS) {
            return 1;
        }
        f->slot_k[i] = slot_named(&f->plan->streams[i], "k");
        f->slot_v[i] = slot_named(&f->plan->streams[i], "v");
    }
    make_events(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    egret_arena_deinit(&f->arena);
    free(f);
    return 0;
}

static void note_alerts(nfa_engine *engine, char *out, size_t *at)
{
    for (const nfa_alert *alert; (alert = nfa_engine_take(engine)) != NULL;) {
        int n = snprintf(out + *at, OUT_BYTES - *at, "%lld %s %s %lld\n", (long long)alert->body.time_ms, alert->body.rule, alert->body.id,
                         alert->body.n_fields > 0 ? (long long)alert->body.fields[0].value.u.i : 0);
        assert_true(n > 0 && *at + (size_t)n < OUT_BYTES);
        *at += (size_t)n;
    }
}

/* Runs all events; before event i event[order[i]] is announced (N_EVENTS: none). Gives the number of bytes said. */
static size_t run(const fixture *f, const uint32_t *order, char *out)
{
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), f->plan);
    size_t at = 0;
    assert_non_null(engine);
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        if (order != NULL && order[i] < N_EVENTS) {
            nfa_engine_expect(engine, &f->events[order[i]]);
        }
        assert_int_equal(nfa_engine_event(engine, &f->events[i]), EGRET_OK);
        note_alerts(engine, out, &at);
    }
    assert_int_equal(nfa_engine_finish(engine, INT64_MAX), EGRET_OK);
    note_alerts(engine, out, &at);
    nfa_engine_free(engine);
    return at;
}

/* All events come with what an engine of the plan `of` has foreseen, and are announced. */
static size_t run_foreseen(const fixture *f, const plan *of, char *out, uint64_t *facts)
{
    enum { ROOM = sizeof(nfa_foresight) + MAX_KEYS * sizeof(nfa_ahead) };
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), f->plan);
    nfa_engine *reader = nfa_engine_new(egret_mem_of(NULL), of);
    char *room = calloc(N_EVENTS, ROOM);
    nfa_event events[N_EVENTS];
    size_t at = 0;
    assert_true(engine != NULL && reader != NULL && room != NULL);
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        events[i] = f->events[i];
        nfa_foresight *seen = (nfa_foresight *)(void *)(room + (size_t)i * ROOM);
        size_t bytes = nfa_engine_foresee(reader, &events[i], seen, MAX_KEYS);
        assert_true(bytes >= sizeof *seen && bytes <= ROOM);
        events[i].ahead = seen;
        *facts |= seen->facts;
    }
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        if (i + AHEAD < N_EVENTS) {
            nfa_engine_expect(engine, &events[i + AHEAD]);
        }
        assert_int_equal(nfa_engine_event(engine, &events[i]), EGRET_OK);
        note_alerts(engine, out, &at);
    }
    assert_int_equal(nfa_engine_finish(engine, INT64_MAX), EGRET_OK);
    note_alerts(engine, out, &at);
    nfa_engine_free(engine);
    nfa_engine_free(reader);
    free(room);
    return at;
}

static void compare(fixture *f, const uint32_t *order)
{
    size_t plain = run(f, NULL, f->said[0]);
    size_t announced = run(f, order, f->said[1]);
    assert_true(plain > 100);
    assert_int_equal(announced, plain);
    assert_memory_equal(f->said[0], f->said[1], plain);
}

static void test_in_order(void **state)
{
    uint32_t order[N_EVENTS];
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        order[i] = i + AHEAD;
    }
    compare(*state, order);
}

/* Now and then an event is announced twice, late, or not at all: what has come already never comes again. */
static void test_out_of_order(void **state)
{
    uint32_t order[N_EVENTS];
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        order[i] = i % 7 == 0 ? i / 2 : i % 5 == 0 ? N_EVENTS : i % 3 == 0 ? i + 2 : i + AHEAD;
    }
    compare(*state, order);
}

static void test_just_before(void **state)
{
    uint32_t order[N_EVENTS];
    for (uint32_t i = 0; i < N_EVENTS; i++) {
        order[i] = i;
    }
    compare(*state, order);
}

/* Some events concern nobody but those who always come, others do; both kinds of facts are met. */
static void test_foreseen(void **state)
{
    fixture *f = *state;
    uint64_t facts = 0;
    size_t plain = run(f, NULL, f->said[0]);
    assert_non_null(strstr(f->said[0], " some "));
    assert_non_null(strstr(f->said[0], " rare "));
    assert_int_equal(run_foreseen(f, f->plan, f->said[1], &facts), plain);
    assert_memory_equal(f->said[0], f->said[1], plain);
    assert_true((facts & 3) != 0 && (facts >> 63) != 0);
}

/* What an engine of another plan has foreseen is of no use, and does no harm. */
static void test_foreseen_by_another_plan(void **state)
{
    fixture *f = *state;
    void *other = NULL;
    uint64_t facts = 0;
    size_t plain = run(f, NULL, f->said[0]);
    assert_int_equal(set_up(&other), 0);
    assert_int_equal(run_foreseen(f, ((fixture *)other)->plan, f->said[1], &facts), plain);
    assert_memory_equal(f->said[0], f->said[1], plain);
    tear_down(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_foreseen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreseen_by_another_plan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_just_before, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
