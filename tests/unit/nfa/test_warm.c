/*
 * test_warm.c: new rules that were filled with the past tell what they would have told had they been there, whenever their keys move, over any number of
 * shards, with blocks in memory or not; those that were there are not touched.
 *
 * What all is compared with is an engine that had all rules from the beginning; the new ones say `warm up`, so it is silent about the first of them, too.
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

#define OLD \
    "stream a { k: int  g: string  v: int  at: time } with time at\n" \
    "table reg: \"none.csv\" key id { id: string }\n" \
    "rule o_twice { match x: a [v == 1] then y: a [v == 2] within 40s  by k  alert { d: y.v - x.v } }\n" \
    "rule o_none { match x: a [v == 3] then not a [v == 4] for 7s  by k  alert { } }\n" \
    "rule o_open { watch a [v == 8]  by k  alert { } resolve on a [v == 2] }\n"
#define WARM "  warm up 1m }\n"
#define NEW \
    "profile of_k { from a  by k  most: max(v)  n: count() }\n" \
    "rule w_twice { match x: a [v == 1] then y: a [v == 5] then z: a [v == 3] within 100s  by k  alert { d: z.v }" WARM \
    "rule w_loop { match x: a [v == 1] then many: a [v > 4] {2,} then z: a [v == 0] within 60s  by k  alert { n: count(many) }" WARM \
    "rule w_branch { match x: a [v == 1] or y: a [v == 7] then z: a [v == 3] within 30s  by k  alert { }" WARM \
    "rule w_none { match x: a [v == 9] then not a [v == 4] for 9s  by k  alert { }" WARM \
    "rule w_lost { match not a for 30s  by g in reg  alert { }" WARM \
    "rule w_over { watch a  by k  over 3m  when sum(v) > 45 for 5s  alert { n: count() }" WARM \
    "rule w_wide { watch a  by g  over 10m  when distinct(k) > 44 and median(v) >= 4  alert { n: count() }" WARM \
    "rule w_minute { watch a  by g  over tumbling 1m  when count() >= 25  alert { n: count() }" WARM \
    "rule w_jump { watch a [v > prev(v) + 8]  by g, k  alert { }" WARM \
    "rule w_most { watch a [v >= of_k.most and of_k.n > 60]  by k  alert { }" WARM \
    "rule w_above { match o_twice then o_none within 40s  by k  alert { }" WARM \
    "rule w_busy { watch o_twice  by k  over 100s  when count() >= 2  alert { n: count() }" WARM

enum { EVENTS = 3000, CHANGE = 1400, KEYS = 60, STEP_MS = 250, MAX_SEEN = 9000, NEVER = 0, AT_ONCE = 1, SLOWLY = 2 };

typedef struct world {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;
} world;

typedef struct seen { char line[MAX_SEEN][80]; uint32_t n; } seen;

static world before, after;

static void compile(world *w, const char *text)
{
    egret_arena_init(&w->arena, egret_mem_of(NULL));
    egret_diags_init(&w->diags, &w->arena);
    ast_file_init(&w->tree);
    egret_parse(&w->diags, egret_diags_add_source(&w->diags, "r", text, strlen(text)), &w->tree);
    w->plan = egret_plan_make(&w->diags, &w->tree, false);      /* the table's file is not there */
    if (!w->plan) fail_msg("%s", egret_diags_text(&w->diags));
}

static int set_up(void **state)
{
    (void)state;
    compile(&before, OLD);
    compile(&after, OLD NEW);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    egret_arena_deinit(&before.arena);
    egret_arena_deinit(&after.arena);
    return 0;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

typedef struct made { egret_value slots[8]; char text[16]; nfa_event event; } made;

static const nfa_event *make(const plan *p, uint32_t n, made *m)
{
    uint32_t random = n * 2654435761u;
    const plan_stream *stream = &p->streams[0];
    egret_value values[] = {egret_int(next_random(&random) % KEYS), egret_null(), egret_int(next_random(&random) % 10), egret_time((int64_t)n * STEP_MS)};
    values[1] = egret_string(m->text, (uint32_t)snprintf(m->text, sizeof m->text, "g%u", next_random(&random) % (n / 500 % 2 ? 9 : 5)));
    for (uint32_t i = 0; i < stream->n_slots; i++) m->slots[i] = values[stream->slot_field[i]];
    m->event = (nfa_event){.time_ms = (int64_t)n * STEP_MS, .ref = n, .identity = n, .stream = 0, .slots = m->slots};
    return &m->event;
}

static void set_table(nfa_shards *shards)
{
    char text[12][8];
    egret_value cells[12];
    for (uint32_t i = 0; i < 12; i++) cells[i] = egret_string(text[i], (uint32_t)snprintf(text[i], sizeof text[i], "g%u", i));
    for (uint32_t i = 0; i < nfa_shards_count(shards); i++) assert_int_equal(nfa_engine_set_table(nfa_shards_engine(shards, i), 0, cells, 12), EGRET_OK);
}

static void take_all(nfa_shards *shards, seen *out)
{
    for (const nfa_alert *alert; (alert = nfa_shards_take(shards)) != NULL; out->n++) {
        assert_true(out->n < MAX_SEEN);
        snprintf(out->line[out->n], sizeof out->line[0], "%lld %.16s %d %.32s", (long long)alert->body.time_ms, alert->body.rule, (int)alert->body.kind, alert->body.id);
    }
}

static egret_status push(nfa_shards *shards, const plan *p, uint32_t n)
{
    made m;
    egret_status status = EGRET_OK;
    make(p, n, &m);
    for (uint32_t i = 0; i < nfa_shards_count(shards) && status == EGRET_OK; i++) status = nfa_engine_event(nfa_shards_engine(shards, i), &m.event);
    return status;
}

static void run(nfa_shards *shards, const plan *p, uint32_t from, uint32_t to, int settles, seen *out)
{
    for (uint32_t n = from; n < to; n++) {
        assert_int_equal(push(shards, p, n), EGRET_OK);
        take_all(shards, out);
        if (settles == SLOWLY && n % 7 == 0) nfa_shards_settle(shards, 1);
    }
}

/* ---- the change ---- */

static nfa_shards *fill(egret_mem mem, const nfa_shards *live)
{
    made m;
    nfa_shards *filled = nfa_shards_fill(mem, after.plan, live);
    assert_non_null(filled);
    set_table(filled);
    for (uint32_t n = 0; n < CHANGE; n++) assert_int_equal(nfa_shards_past(filled, make(after.plan, n, &m)), EGRET_OK);
    assert_int_equal(nfa_shards_past_until(filled, nfa_shards_clock(live)), EGRET_OK);
    return filled;
}

static void assert_only_the_new_were_asked(const nfa_shards *filled)
{
    for (uint32_t i = 0; i < after.plan->n_rules; i++) {
        nfa_rule_stats stats = nfa_shards_rule_stats(filled, i);
        bool opens = egret_str_is(after.plan->rules[i].name, "o_open");
        if (after.plan->rules[i].warm_up_ms > 0) assert_int_equal(stats.alerts, 0);
        else if (!opens) assert_true(stats.alerts > 0);     /* somebody looks at it: it told what it told then */
    }
}

static nfa_shards *change(nfa_shards *live, int settles)
{
    nfa_shards *filled = fill(egret_mem_of(NULL), live), *next = nfa_shards_succeed(egret_mem_of(NULL), after.plan, live);
    assert_non_null(next);
    set_table(next);
    assert_only_the_new_were_asked(filled);
    assert_int_equal(nfa_shards_warm_ms(next, live), 60000);
    assert_true(nfa_shards_alike(next, filled));
    assert_false(nfa_shards_alike(next, live));
    assert_true(nfa_shards_may_change(live));
    assert_int_equal(nfa_shards_take_over_warm(next, live, filled), EGRET_OK);
    nfa_shards_free(filled);
    nfa_shards_free(live);
    assert_false(nfa_shards_may_change(next));
    assert_false(nfa_shards_cut_may(next));
    while (settles == AT_ONCE && nfa_shards_settle(next, 3)) {}
    return next;
}

static nfa_shards *made_new(const plan *p, uint32_t n)
{
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), p, n);
    assert_non_null(shards);
    set_table(shards);
    return shards;
}

/* What comes behind the change with all rules from the beginning. */
static void expected(seen *out)
{
    nfa_shards *shards = made_new(after.plan, 1);
    run(shards, after.plan, 0, CHANGE, NEVER, out);
    out->n = 0;
    run(shards, after.plan, CHANGE, EVENTS, NEVER, out);
    nfa_shards_free(shards);
    for (uint32_t i = 0; i < after.plan->n_rules; i++) {
        char name[40];
        bool any = false;
        snprintf(name, sizeof name, " %.*s ", (int)after.plan->rules[i].name.len, after.plan->rules[i].name.ptr);
        for (uint32_t k = 0; k < out->n && !any; k++) any = strstr(out->line[k], name) != NULL;
        if (!any) fail_msg("%s tells nothing; nothing is compared", name);
    }
}

static void compare(const seen *found, const seen *wanted)
{
    for (uint32_t i = 0; i < found->n && i < wanted->n; i++) assert_string_equal(found->line[i], wanted->line[i]);
    assert_int_equal(found->n, wanted->n);
}

static void they_tell_what_they_would_have_told(void **state)
{
    (void)state;
    static seen wanted, found;
    static const uint32_t counts[] = {1, 3};
    expected(&wanted);
    for (unsigned i = 0; i < 2; i++)
        for (int settles = NEVER; settles <= SLOWLY; settles++) {
            found.n = 0;
            nfa_shards *shards = made_new(before.plan, counts[i]);
            run(shards, before.plan, 0, CHANGE, NEVER, &found);
            found.n = 0;
            shards = change(shards, settles);
            run(shards, after.plan, CHANGE, EVENTS, settles, &found);
            compare(&found, &wanted);
            while (nfa_shards_settle(shards, 1)) {}
            assert_true(nfa_shards_may_change(shards) && nfa_shards_cut_may(shards));
            nfa_shards_free(shards);
        }
}

static void blocks_that_are_away_take_them_in(void **state)
{
    (void)state;
    static seen wanted, found;
    cellar c = {0};
    nfa_cold_host host = {cellar_put, cellar_get, &c};
    wanted.n = found.n = 0;
    expected(&wanted);
    nfa_shards *shards = made_new(before.plan, 1);
    assert_true(nfa_engine_limit(nfa_shards_engine(shards, 0), 1, &host));
    run(shards, before.plan, 0, CHANGE, NEVER, &found);
    found.n = 0;
    shards = change(shards, SLOWLY);
    run(shards, after.plan, CHANGE, EVENTS, SLOWLY, &found);
    compare(&found, &wanted);
    assert_true(nfa_engine_stats(nfa_shards_engine(shards, 0))->cold_gets > 0);
    nfa_shards_free(shards);
    cellar_free(&c);
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

static void without_memory_it_says_so(void **state)
{
    (void)state;
    bool done = false;
    for (long fail = 1; !done; fail += 1 + fail / 8) {
        scarce scarcity = {0, 0};
        egret_options options = {.size = sizeof options, .alloc = scarce_alloc, .alloc_user = &scarcity};
        static seen none;
        none.n = 0;
        nfa_shards *live = nfa_shards_new(egret_mem_of(&options), before.plan, 2);
        set_table(live);
        run(live, before.plan, CHANGE - 300, CHANGE, NEVER, &none);
        made m;
        nfa_shards *filled = nfa_shards_fill(egret_mem_of(&options), after.plan, live), *next = nfa_shards_succeed(egret_mem_of(&options), after.plan, live);
        set_table(filled);
        set_table(next);
        for (uint32_t n = CHANGE - 300; n < CHANGE; n++) assert_int_equal(nfa_shards_past(filled, make(after.plan, n, &m)), EGRET_OK);
        scarcity = (scarce){0, fail};
        egret_status status = nfa_shards_take_over_warm(next, live, filled);
        while (status == EGRET_OK && nfa_shards_settle(next, 5)) {}
        if (status == EGRET_OK) status = push(next, after.plan, CHANGE);
        done = scarcity.calls < scarcity.fail_at;
        assert_int_equal(status, done ? EGRET_OK : EGRET_NO_MEMORY);
        nfa_shards_free(filled);
        nfa_shards_free(next);
        nfa_shards_free(live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_tell_what_they_would_have_told),
        cmocka_unit_test(blocks_that_are_away_take_them_in),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
