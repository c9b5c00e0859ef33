/*
 * test_shards.c: nobody can tell from the alerts and counters how many shards there are.
 *
 * The rules are such that much falls on one instant: windows that close every minute and absences of whole seconds, for keys of several groups, and
 * rules that look at rules on three levels. Events are given in batches, so that alerts of many events and deadlines are merged at once.
 */
#include "nfa/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char rules_text[] =
    "stream a { k: int?  g: string  v: int  at: time } with time at\n"
    /* Split: nothing looks beyond its key. */
    "rule twice { match x: a [v == 1] then y: a [v == 2] within 40s  by k  alert { d: y.v - x.v } }\n"
    "rule none { match x: a [v == 3] then not a [v == 4] for 7s  by k  alert { } }\n"
    "rule each_minute { watch a  by k  over tumbling 1m  when count() >= 3  alert { n: count() } }\n"
    "profile usual { from a  by k  mean: avg(v)  n: count() }\n"
    "rule unusual { match a [usual.n > 5 and v > usual.mean * 2]  by k  alert { } throttle 5s }\n"
    /* Tied: the profile of another key. */
    "profile of_g { from a  by g  most: max(v) }\n"
    "rule beyond { match x: a [v >= of_g[\"g1\"].most]  by v  alert { } throttle 20s }\n"
    /* Tied: rules that look at rules. */
    "rule low { watch a [v > 7]  by g  over 10s  when count() >= 3  alert { } }\n"
    "rule middle { match x: low then y: low within 30s  by g  alert { } }\n"
    "rule high { match x: middle then not low for 5s  by g  alert { } }\n"
    "rule closing { watch low  over tumbling 1m  when count() >= 2  alert { n: count() } }\n"
    "rule after_close { watch closing  over 10m  when count() >= 2  alert { } }\n"
    /* One key for all. */
    "rule every { watch a  over tumbling 30s  when distinct(k) > 5  alert { n: distinct(k) } }\n";

enum { EVENTS = 6000, BATCH = 250, KEYS = 60, MAX_SEEN = 20000 };

typedef struct world {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;
} world;

/* What came out, one text for each alert. */
typedef struct seen { char line[MAX_SEEN][64]; uint32_t n; nfa_stats stats; nfa_rule_stats rules[32]; } seen;

static void set_up(world *w)
{
    egret_arena_init(&w->arena, egret_mem_of(NULL));
    egret_diags_init(&w->diags, &w->arena);
    ast_file_init(&w->tree);
    egret_parse(&w->diags, egret_diags_add_source(&w->diags, "r", rules_text, sizeof rules_text - 1), &w->tree);
    w->plan = egret_plan_make(&w->diags, &w->tree, true);
    if (!w->plan) fail_msg("%s", egret_diags_text(&w->diags));
    assert_true(w->plan->n_rules <= 32);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Four events a second; one key in twenty is null. */
static void push(nfa_engine *engine, const plan *p, uint32_t n)
{
    char text[16];
    uint32_t random = n * 2654435761u;
    const plan_stream *stream = &p->streams[0];
    uint32_t k = next_random(&random) % (KEYS + KEYS / 20);
    egret_value slots[8], values[] = {k < KEYS ? egret_int(k) : egret_null(), egret_null(), egret_int(next_random(&random) % 10),
                                      egret_time((int64_t)n * 250)};
    values[1] = egret_string(text, (uint32_t)snprintf(text, sizeof text, "g%u", next_random(&random) % 5));
    for (uint32_t i = 0; i < stream->n_slots; i++) slots[i] = values[stream->slot_field[i]];
    nfa_event event = {.time_ms = (int64_t)n * 250, .ref = n, .identity = n, .stream = 0, .slots = slots};
    nfa_engine_expect(engine, &event);
    assert_int_equal(nfa_engine_event(engine, &event), EGRET_OK);
}

static void take_all(nfa_shards *shards, seen *out)
{
    for (const nfa_alert *alert; (alert = nfa_shards_take(shards)) != NULL; out->n++) {
        assert_true(out->n < MAX_SEEN);
        snprintf(out->line[out->n], sizeof out->line[0], "%.16s %d %.32s", alert->body.rule, (int)alert->body.kind, alert->body.id);
    }
}

static void run(const plan *p, uint32_t n_shards, seen *out)
{
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), p, n_shards);
    assert_non_null(shards);
    memset(out, 0, sizeof *out);
    for (uint32_t first = 0; first < EVENTS; first += BATCH) {
        for (uint32_t i = 0; i < n_shards; i++) {
            for (uint32_t n = first; n < first + BATCH; n++) push(nfa_shards_engine(shards, i), p, n);
            assert_int_equal(nfa_engine_advance(nfa_shards_engine(shards, i), (int64_t)(first + BATCH) * 250), EGRET_OK);
        }
        take_all(shards, out);
    }
    for (uint32_t i = 0; i < n_shards; i++) assert_int_equal(nfa_engine_finish(nfa_shards_engine(shards, i), INT64_MAX), EGRET_OK);
    take_all(shards, out);
    out->stats = nfa_shards_stats(shards);
    for (uint32_t i = 0; i < p->n_rules; i++) out->rules[i] = nfa_shards_rule_stats(shards, i);
    assert_int_equal(nfa_shards_split_groups(shards), n_shards > 1 ? 1 : 0);    /* by k; the one key of all is tied by `closing` */
    nfa_shards_free(shards);
}

static void any_number_of_shards_gives_the_same(void **state)
{
    (void)state;
    static seen one, more;
    world w;
    set_up(&w);
    run(w.plan, 1, &one);
    for (uint32_t i = 0; i < w.plan->n_rules; i++) {
        if (one.rules[i].alerts == 0) fail_msg("rule %.*s never spoke", (int)w.plan->rules[i].name.len, w.plan->rules[i].name.ptr);
    }
    for (uint32_t n_shards = 2; n_shards <= 7; n_shards++) {
        run(w.plan, n_shards, &more);
        for (uint32_t i = 0; i < one.n && i < more.n; i++) assert_string_equal(more.line[i], one.line[i]);
        assert_int_equal(more.n, one.n);
        assert_int_equal(more.stats.events, one.stats.events);
        assert_int_equal(more.stats.alerts, one.stats.alerts);
        for (uint32_t i = 0; i < w.plan->n_rules; i++) assert_memory_equal(&more.rules[i], &one.rules[i], sizeof one.rules[i]);
    }
    egret_arena_deinit(&w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_shards_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
