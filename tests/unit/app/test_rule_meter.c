/*
 * test_rule_meter.c: keys and bytes of each rule, and the time of the rules that an event is shown to, over a change of the rules, too.
 */
#include "app/crew.h"
#include "app/rule_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define STREAM "stream s { k: int  v: int }\n"
#define WINDOW "rule window { watch s [v > 0] by k over 1h when count() > 1000 alert { v: v } }\n"
#define PAIR "rule pair { match a: s [v == 1] then b: s [v == 2] within 1h by k alert { v: b.v } }\n"

static rule_set *compiled(const char *text)
{
    rule_set *set = rule_set_new();
    rule_set_put(set, "r.egret", text, strlen(text), false);
    assert_true(rule_set_compile(set));
    return set;
}

static uint32_t rule_named(const plan *p, const char *name)
{
    uint32_t i = 0;
    while (i < p->n_rules && !egret_str_is(p->rules[i].name, name)) i++;
    assert_true(i < p->n_rules);
    return i;
}

static void push_to(rule_clock *clock, nfa_engine *engine, const plan *p, int64_t time_ms, int64_t k, int64_t v)
{
    egret_value slots[4];
    const plan_stream *s = &p->streams[0];
    for (uint32_t i = 0; i < s->n_slots; i++) slots[i] = egret_int(egret_str_is(s->fields[s->slot_field[i]].name, "k") ? k : v);
    nfa_event event = {.time_ms = time_ms, .ref = (uint64_t)time_ms, .identity = (uint64_t)time_ms, .slots = slots};
    assert_int_equal(rule_clock_event(clock, &clock->event, engine, &event), EGRET_OK);
}

static void push(rule_meter *meter, nfa_engine *engine, const plan *p, int64_t time_ms, int64_t k, int64_t v)
{
    push_to(&meter->clocks[0], engine, p, time_ms, k, v);
}

static void keys_and_bytes_are_counted_by_rule(void **state)
{
    (void)state;
    rule_meter meter;
    rule_set *set = compiled(STREAM WINDOW PAIR);
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), set->plan, 1);
    assert_non_null(shards);
    nfa_engine *engine = nfa_shards_engine(shards, 0);
    uint32_t window = rule_named(set->plan, "window"), pair = rule_named(set->plan, "pair");
    assert_true(rule_meter_init(&meter, set->plan, 1));
    for (int64_t k = 0; k < 3; k++) push(&meter, engine, set->plan, 1000 + k, k, k == 0 ? 1 : 5);
    rule_meter_look(&meter, shards);
    assert_int_equal(meter.rules[window].keys, 3);
    assert_int_equal(meter.rules[pair].keys, 1);
    assert_true(meter.rules[pair].bytes > 0 && meter.rules[window].bytes > meter.rules[pair].bytes);
    uint64_t small = meter.rules[window].bytes;
    for (int64_t i = 0; i < 5000; i++) push(&meter, engine, set->plan, 2000 + i, 1, 5);     /* its log goes over into chunks */
    rule_meter_look(&meter, shards);
    assert_true(meter.rules[window].bytes > small + 5000 * 8);
    assert_true(meter.rules[window].bytes + meter.rules[pair].bytes <= nfa_engine_stats(engine)->bytes);
    assert_int_equal(meter.rules[window].keys, 3);
    rule_meter_deinit(&meter);
    nfa_shards_free(shards);
    rule_set_drop(set);
}

/* More blocks than one look takes: the counts are those of whole rounds. */
static void a_round_takes_several_looks(void **state)
{
    (void)state;
    rule_meter meter;
    rule_set *set = compiled(STREAM WINDOW);
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), set->plan, 1);
    assert_non_null(shards);
    nfa_engine *engine = nfa_shards_engine(shards, 0);
    assert_true(rule_meter_init(&meter, set->plan, 1));
    for (int64_t k = 0; k < RULE_METER_BLOCKS + 100; k++) push(&meter, engine, set->plan, 1000 + k, k, 5);
    rule_meter_look(&meter, shards);
    assert_int_equal(meter.rules[0].keys, 0);
    rule_meter_look(&meter, shards);
    assert_int_equal(meter.rules[0].keys, RULE_METER_BLOCKS + 100);
    rule_meter_look(&meter, shards);
    rule_meter_look(&meter, shards);
    assert_int_equal(meter.rules[0].keys, RULE_METER_BLOCKS + 100);
    rule_meter_deinit(&meter);
    nfa_shards_free(shards);
    rule_set_drop(set);
}

/* A round is over when each shard has been walked. */
static void shards_are_walked_one_after_the_other(void **state)
{
    (void)state;
    enum { SHARDS = 3, KEYS = 60 };
    rule_meter meter, unused;
    rule_set *set = compiled(STREAM WINDOW);
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), set->plan, SHARDS);
    assert_non_null(shards);
    assert_true(rule_meter_init(&meter, set->plan, SHARDS) && rule_meter_init(&unused, set->plan, 1));
    for (int64_t k = 0; k < KEYS; k++)
        for (uint32_t i = 0; i < SHARDS; i++) push(&unused, nfa_shards_engine(shards, i), set->plan, 1000 + k, k, 5);
    for (uint32_t i = 0; i < SHARDS; i++) {
        assert_int_equal(meter.rules[0].keys, 0);
        rule_meter_look(&meter, shards);
    }
    assert_int_equal(meter.rules[0].keys, KEYS);
    rule_meter_deinit(&meter);
    rule_meter_deinit(&unused);
    nfa_shards_free(shards);
    rule_set_drop(set);
}

static void time_goes_to_the_rules_that_were_met(void **state)
{
    (void)state;
    rule_meter meter;
    rule_set *set = compiled(STREAM WINDOW PAIR), *next = compiled(STREAM "rule early { watch s [v > 1] by k alert { v: v } }\n" WINDOW);
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), set->plan, 1);
    assert_non_null(shards);
    nfa_engine *engine = nfa_shards_engine(shards, 0);
    uint32_t window = rule_named(set->plan, "window"), pair = rule_named(set->plan, "pair");
    assert_true(rule_meter_init(&meter, set->plan, 1));
    for (int64_t i = 0; i < RULE_METER_EVERY; i++) push(&meter, engine, set->plan, 1000 + i, 1, 5);     /* no attempt waits: the pair does not see them */
    rule_meter_look(&meter, shards);
    assert_true(meter.rules[window].ns > 0);
    assert_int_equal(meter.rules[pair].ns, 0);
    for (int64_t i = 0; i < RULE_METER_EVERY; i++) push(&meter, engine, set->plan, 4000 + i, 1, 1);
    rule_meter_look(&meter, shards);
    assert_true(meter.rules[pair].ns > 0);

    uint64_t ns = meter.rules[window].ns;
    uint32_t was[2] = {PLAN_NONE, PLAN_NONE};
    was[rule_named(next->plan, "window")] = window;
    assert_true(rule_meter_change(&meter, next->plan, was));
    assert_true(meter.rules[rule_named(next->plan, "window")].ns == ns);
    assert_int_equal(meter.rules[rule_named(next->plan, "early")].ns, 0);
    rule_meter_deinit(&meter);
    nfa_shards_free(shards);
    rule_set_drop(set);
    rule_set_drop(next);
}

/* Each shard is timed where it evaluates; the rule has what all of them took, and nothing twice. */
static void time_of_all_shards_counts(void **state)
{
    (void)state;
    enum { SHARDS = 3, KEYS = 30 };
    rule_meter meter;
    rule_set *set = compiled(STREAM WINDOW);
    crew *c;
    nfa_event events[RULE_METER_EVERY];
    egret_value slots[RULE_METER_EVERY][2];
    assert_int_equal(crew_start(set->plan, SHARDS, true, &c), EGRET_OK);
    assert_true(rule_meter_init(&meter, set->plan, SHARDS));
    const plan_stream *s = &set->plan->streams[0];
    assert_int_equal(s->n_slots, 2);
    for (uint32_t i = 0; i < RULE_METER_EVERY; i++) {
        for (uint32_t k = 0; k < 2; k++) slots[i][k] = egret_int(egret_str_is(s->fields[s->slot_field[k]].name, "k") ? i % KEYS : 5);
        events[i] = (nfa_event){.time_ms = 1000 + i, .ref = i, .identity = i, .slots = slots[i]};
    }
    crew_work work = {.events = events, .n = RULE_METER_EVERY - 1, .first = true, .clocks = meter.clocks};
    assert_int_equal(crew_do(c, &work), EGRET_OK);
    rule_meter_look(&meter, crew_shards(c));
    assert_int_equal(meter.rules[0].ns, 0);
    work = (crew_work){.events = &events[RULE_METER_EVERY - 1], .n = 1, .first = true, .clocks = meter.clocks};
    assert_int_equal(crew_do(c, &work), EGRET_OK);
    uint64_t ns = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        assert_int_equal(meter.clocks[i].event, 0);
        ns += meter.clocks[i].ns[0];
    }
    assert_true(ns > 0);        /* the shard that owns the key */
    for (int i = 0; i < 2; i++) {
        rule_meter_look(&meter, crew_shards(c));
        assert_true(meter.rules[0].ns == ns);
    }
    rule_meter_deinit(&meter);
    crew_stop(c);
    rule_set_drop(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_bytes_are_counted_by_rule),
        cmocka_unit_test(a_round_takes_several_looks),
        cmocka_unit_test(shards_are_walked_one_after_the_other),
        cmocka_unit_test(time_goes_to_the_rules_that_were_met),
        cmocka_unit_test(time_of_all_shards_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
