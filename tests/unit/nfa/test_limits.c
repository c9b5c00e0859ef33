/*
 * test_limits.c: state comes to an end. A key that falls silent is woken at its deadline by the clock alone, which other keys move; it reports,
 * and its memory is freed. What never falls silent is bounded: a million events in one loop, a million attempts of one key and a
 * million events in one window stay inside the limits of the rule, are counted where they go, and mark the alert.
 *
 * With sanitizers there are fewer of them, and the limits are as much lower: the same code runs, a smaller number of times.
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

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#ifdef SLOW_BUILD
enum { MANY = 50000 };
#else
enum { MANY = 1000000 };
#endif

enum { LIMIT = MANY / 10, N_SLOTS = 8, STREAM_A = 0, STREAM_B, STREAM_C, STREAM_OTHER };

#define STREAMS                                                                                                              \
    "stream a { k: string  v: int  at: time } with time at\nstream b { k: string  v: int  at: time } with time at\n"          \
    "stream c { k: string  v: int  at: time } with time at\nstream other { k: string  at: time } with time at\n"

typedef struct fixture {
    egret_arena arena;
    egret_diags diags;
    const plan *plan;
    nfa_engine *engine;
    uint64_t n_events;
    char said[512];         /* the alerts, one a line */
    size_t at;
} fixture;

static void set_up(fixture *f, const char *rules)
{
    static char text[2048];
    ast_file file;
    memset(f, 0, sizeof *f);
    (void)snprintf(text, sizeof text, "%s%s", STREAMS, rules);
    egret_arena_init(&f->arena, egret_mem_of(NULL));
    egret_diags_init(&f->diags, &f->arena);
    ast_file_init(&file);
    egret_parse(&f->diags, egret_diags_add_source(&f->diags, "test", text, strlen(text)), &file);
    f->plan = egret_plan_make(&f->diags, &file, false);
    if (f->plan == NULL) {
        fail_msg("%s", egret_diags_text(&f->diags));
        return;
    }
    f->engine = nfa_engine_new(egret_mem_of(NULL), f->plan);
    assert_non_null(f->engine);
}

static void tear_down(fixture *f)
{
    nfa_engine_free(f->engine);
    egret_arena_deinit(&f->arena);
}

/* "10 alert r 3": time, kind, rule, the first field; "limited" behind it. */
static void note_alerts(fixture *f)
{
    static const char *const kinds[] = {"alert", "resolved", "escalated", "timeout"};
    for (const nfa_alert *alert; (alert = nfa_engine_take(f->engine)) != NULL;) {
        const egret_alert *body = &alert->body;
        int n = snprintf(f->said + f->at, sizeof f->said - f->at, "%lld %s %lld%s\n", (long long)body->time_ms, kinds[body->kind],
                         body->n_fields > 0 ? (long long)body->fields[0].value.u.i : -1, body->limited ? " limited" : "");
        assert_true(n > 0 && (size_t)n < sizeof f->said - f->at);
        f->at += (size_t)n;
    }
}

static void push(fixture *f, uint32_t stream, int64_t time_ms, const char *key, int64_t v)
{
    egret_value slots[N_SLOTS];
    const plan_stream *def = &f->plan->streams[stream];
    assert_true(def->n_slots <= N_SLOTS);
    for (uint32_t i = 0; i < def->n_slots; i++) {
        egret_str name = def->fields[def->slot_field[i]].name;
        slots[i] = egret_str_is(name, "k") ? egret_string(key, (uint32_t)strlen(key)) : egret_str_is(name, "v") ? egret_int(v)
                                                                                                                 : egret_time(time_ms);
    }
    uint64_t number = f->n_events++;
    nfa_event event = {.time_ms = time_ms, .ref = number, .identity = number, .stream = stream, .slots = slots};
    assert_int_equal(nfa_engine_event(f->engine, &event), EGRET_OK);
    note_alerts(f);
}

/* ---- what falls silent ---- */

typedef struct silent_case {
    const char *name, *rules;
    const char *said;       /* all events of the key come at 0 */
} silent_case;

static const silent_case silent_cases[] = {
    {"an attempt that never goes on", "rule r { match x: a then y: c by k within 10s }", ""},
    {"an attempt that times out", "rule r { match x: a then y: c by k within 10s on timeout alert { m: x.v } }",
     "10000 timeout 7\n10000 timeout 8\n"},
    {"a loop that stays open", "rule r { match x: a {1,} then y: c by k within 10s }", ""},
    {"a key that goes quiet", "rule r { match x: a then y: c by k idle 10s }", ""},
    {"absence at the end", "rule r { match x: a then not c for 10s by k alert { m: x.v } }", "10000 alert 7\n"},
    {"absence to the end of within", "rule r { match x: a then y: a then not c by k within 10s alert { m: x.v } }", "10000 alert 7\n"},
    {"a lone absence", "rule r { match not a for 10s by k alert { m: 1 } }", "10000 alert 1\n"},
    {"a sliding window", "rule r { watch a by k over 10s when count() >= 2 alert { m: count() } }", "0 alert 2\n"},
    {"a condition that must hold", "rule r { watch a by k over 20s when count() >= 2 for 10s alert { m: count() } }", "10000 alert 2\n"},
    {"a sum that nobody asks any more", "rule r { watch a by k over 10s when sum(v) > 100 }", ""},
    {"a session", "rule r { watch a by k over session 10s when count() >= 2 alert { m: count() } }", "10000 alert 2\n"},
    {"a tumbling window", "rule r { watch a by k over tumbling 10s when count() >= 2 alert { m: count() } }", "10000 alert 2\n"},
    {"an open alert", "rule r { watch a by k over 10s when count() >= 2 resolve when count() == 0 alert { m: 1 } }",
     "0 alert 1\n10000 resolved -1\n"},
    {"a throttle", "rule r { watch a [v == 8] by k throttle 10s alert { m: 1 } }", "0 alert 1\n"},
    {"an escalation that never comes", "rule r { watch a [v == 8] by k escalate critical within 10s on c alert { m: v } }", "0 alert 8\n"},
    {"what is new", "rule r { watch a [new(v over 10s)] by k alert { m: v } }", "0 alert 7\n0 alert 8\n"},
    {"a profile's window", "profile p { from a by k n: sum(v over 10s) } rule r { watch a [p.n > 0] by k alert { m: p.n } }", "0 alert 7\n"},
};

static void test_silent_keys(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof silent_cases / sizeof *silent_cases; i++) {
        const silent_case *c = &silent_cases[i];
        fixture f;
        set_up(&f, c->rules);
        push(&f, STREAM_A, 0, "silent", 7);
        push(&f, STREAM_A, 0, "silent", 8);
        assert_true(nfa_engine_stats(f.engine)->keys > 0);
        for (int64_t second = 1; second <= 4000; second++) {
            push(&f, STREAM_OTHER, second * 1000, "someone else", 0);
        }
        uint64_t keys = nfa_engine_stats(f.engine)->keys;
        if (strcmp(f.said, c->said) != 0 || keys != 0) {
            print_message("%s: said\n%swanted\n%sand holds %llu keys\n", c->name, f.said, c->said, (unsigned long long)keys);
            failed++;
        }
        tear_down(&f);
    }
    assert_int_equal(failed, 0);
}

/* Other keys of the same rule move the clock, too; they are let go of as they come. */
static void test_many_keys(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "rule r { match x: a then not b for 10s by k alert { m: x.v } }");
    push(&f, STREAM_A, 0, "silent", 7);
    uint64_t most = 0;
    for (int i = 1; i <= 20000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        push(&f, STREAM_A, i * 100, key, 0);
        push(&f, STREAM_B, i * 100, key, 0);
        uint64_t keys = nfa_engine_stats(f.engine)->keys;
        most = keys > most ? keys : most;
    }
    assert_string_equal(f.said, "10000 alert 7\n");
    assert_true(most < 2000);
    tear_down(&f);
}

/* ---- what never falls silent ---- */

/* Bytes for each event or attempt that is kept. */
static void check_bytes(const fixture *f, uint64_t kept, uint64_t bytes_each)
{
    uint64_t bytes = nfa_engine_stats(f->engine)->bytes;
    assert_in_range(bytes, 1, kept * bytes_each + (1 << 20));
}

static void check_said(const fixture *f, const char *format, long long a, long long b)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, format, a, b);
    assert_string_equal(f->said, wanted);
}

static void with_limit(fixture *f, const char *format, long long limit)
{
    char rules[256];
    (void)snprintf(rules, sizeof rules, format, limit);
    set_up(f, rules);
}

static void push_many(fixture *f, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        push(f, STREAM_A, i, "hot", i);
    }
}

static void test_many_attempts(void **state)
{
    (void)state;
    fixture f;
    with_limit(&f, "rule r { match x: a then y: b by k within 1d limits { attempts: %lld } alert { m: x.v } }", LIMIT);
    push_many(&f, MANY);
    check_bytes(&f, LIMIT, 100);
    assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->attempts_started, MANY);
    assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->attempts_dropped, MANY - LIMIT);
    push(&f, STREAM_B, MANY, "hot", 0);
    check_said(&f, "%lld alert %lld limited\n", MANY, MANY - LIMIT);
    tear_down(&f);
}

/* The limit is not reached: the first event is still there, and the alert is whole. */
static void test_attempts_below_the_limit(void **state)
{
    (void)state;
    fixture f;
    with_limit(&f, "rule r { match x: a then y: b by k within 1d limits { attempts: %lld } alert { m: x.v } }", MANY);
    push_many(&f, MANY);
    check_bytes(&f, MANY, 100);
    assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->attempts_dropped, 0);
    push(&f, STREAM_B, MANY, "hot", 0);
    check_said(&f, "%lld alert %lld\n", MANY, 0);
    tear_down(&f);
}

static void test_many_events_in_a_loop(void **state)
{
    (void)state;
    fixture f;
    with_limit(&f, "rule r { match x: a {3,} then y: b by k within 1d limits { events: %lld } alert { m: count(x) } }", LIMIT);
    push_many(&f, MANY);
    check_bytes(&f, LIMIT, 120);
    assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->attempts_dropped, MANY - LIMIT);
    push(&f, STREAM_B, MANY, "hot", 0);
    check_said(&f, "%lld alert %lld limited\n", MANY, LIMIT);
    tear_down(&f);
}

/* One attempt alone is not lost: its loop forgets events between its first ones and its newest, and still counts them. A second pattern asks
 * each attempt, so its loop lists its events; a third keeps strings. */
static void test_one_attempt_with_many_events(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "rule r { match x: c then z: a {3,} then y: b [v >= 0] by k within 1d limits { events: %lld } alert { m: count(z)  n: last(z.v) } }",
        "rule r { match x: c then z: a [v >= x.v] {3,} then y: b [count(z) > 3] by k within 1d limits { events: %lld } "
        "alert { m: count(z)  n: last(z.v) } }",
        "rule r { match x: c then z: a {3,} then not c then y: b by k within 1d limits { events: %lld } "
        "alert { m: count(z)  n: last(z.v)  s: \"{first(z.k)}{last(z.k)}\" } }",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        fixture f;
        with_limit(&f, patterns[i], LIMIT);
        push(&f, STREAM_C, 0, "hot", 0);
        push_many(&f, MANY);
        check_bytes(&f, LIMIT, 160);
        assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->attempts_dropped, 0);
        assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->events_dropped, MANY - LIMIT + 1);
        push(&f, STREAM_B, MANY, "hot", 0);
        check_said(&f, "%lld alert %lld limited\n", MANY, MANY);
        tear_down(&f);
    }
}

/* What an attempt has seen and not taken leaves nothing behind, be it a million strings. */
static void test_many_events_not_taken(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "rule r { match x: a then y: b [v < 0] by k within 1d alert { m: x.v  n: \"{x.k}{y.k}\" } }");
    push(&f, STREAM_A, 0, "hot", 7);
    for (int64_t i = 0; i < MANY; i++) {
        push(&f, STREAM_B, i, "hot", i);
    }
    assert_in_range(nfa_engine_stats(f.engine)->bytes, 1, 1 << 20);
    push(&f, STREAM_B, MANY, "hot", -1);
    check_said(&f, "%lld alert %lld\n", MANY, 7);
    tear_down(&f);
}

static void test_many_events_in_a_window(void **state)
{
    (void)state;
    fixture f;
    with_limit(&f, "rule r { watch a | b by k over 1d when max(v) < 0 alert { m: count() } limits { values: %lld } }", LIMIT);
    push_many(&f, MANY);
    check_bytes(&f, LIMIT, 200);
    assert_int_equal(nfa_engine_rule_stats(f.engine, 0)->events_dropped, MANY - LIMIT);
    tear_down(&f);
    with_limit(&f, "rule r { watch a | b by k over 1d when last(v) == -1 alert { m: count() } limits { values: %lld } }", LIMIT);
    push_many(&f, MANY);
    push(&f, STREAM_B, MANY, "hot", -1);
    check_said(&f, "%lld alert %lld limited\n", MANY, LIMIT);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_keys), cmocka_unit_test(test_many_keys), cmocka_unit_test(test_many_attempts),
        cmocka_unit_test(test_attempts_below_the_limit), cmocka_unit_test(test_many_events_in_a_loop),
        cmocka_unit_test(test_one_attempt_with_many_events), cmocka_unit_test(test_many_events_not_taken),
        cmocka_unit_test(test_many_events_in_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
