/*
 * test_succession.c: other rules while events flow. What is not touched goes on as if nothing had been; what is gone, is gone; a state that went
 * through changes can be kept and brought back; without memory nothing breaks.
 *
 * The same events are given to an engine whose rules never change and to one whose rules change again and again; the alerts of the rules that
 * are in all versions must be the same.
 */
#include "nfa/succession.h"

#include "nfa/checkpoint.h"
#include "nfa/inspect.h"
#include "nfa/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_TEXT "stream a { k: int  v: int  s: string  at: time } with time at\n"
#define MORE_STREAMS "stream aa { k: int  w: int  at: time } with time at\nstream a { k: int  v: int  s: string  at: time } with time at\n"
/* Rules of all kinds of sections. */
#define KEPT_TEXT \
    "rule m_all { watch alert [rule == \"m_twice\"]  by key  over 100s  when count() >= 3  alert { n: count() } }\n" \
    "rule m_any { match (x: a [v == 1] or y: a [v == 4]) then z: a [v == 2] within 40s  by k  alert { } }\n" \
    "rule m_jump { watch a [v > prev(v) + 6]  by k  alert { } throttle 5s }\n" \
    "rule m_many { watch a  by k  over 30s  when count() >= 9 and distinct(s) > 3  alert { n: distinct(s) } resolve when count() < 4 }\n" \
    "rule m_mean { watch a [v > 1.7 * p.mean and p.n > 5]  by k  alert { mean: p.mean } }\n" \
    "rule m_none { match x: a [v == 3] then not a [v == 4] for 7s  by k  alert { } }\n" \
    "rule m_quiet { match not a [v != 7] for 20s  by k  alert { } }\n" \
    "rule m_twice { match x: a [v == 1] then y: a [v == 2] within 40s  by k  alert { d: y.v - x.v  s: x.s } }\n" \
    "profile p { from a  by k  mean: avg(v)  n: count() }\n"

static const char *const versions[] = {
    STREAMS_TEXT KEPT_TEXT,
    STREAMS_TEXT "rule a_first { watch a [v == 9]  by s  over 10s  when count() > 1  alert { } }\n" KEPT_TEXT,
    MORE_STREAMS "rule z_last { match x: aa [w == 1] then y: a [v == 2] within 40s  by k  alert { } }\n" KEPT_TEXT
        "profile b { from a [v > 3]  by s  last: last(v) }\nrule n { watch a [b.last == v] by s  over 5s  when count() > 3  alert { } }\n",
    MORE_STREAMS KEPT_TEXT "rule m_ninth { watch a [new(s)]  by k  over 20s  when count() >= 2  alert { } }\n",
};
enum { VERSIONS = 4, KEYS = 40, STEP_MS = 37 };

typedef struct world {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;
} world;

static void compile(world *w, const char *text)
{
    egret_arena_init(&w->arena, egret_mem_of(NULL));
    egret_diags_init(&w->diags, &w->arena);
    ast_file_init(&w->tree);
    egret_parse(&w->diags, egret_diags_add_source(&w->diags, "r", text, strlen(text)), &w->tree);
    w->plan = egret_plan_make(&w->diags, &w->tree, true);
    if (!w->plan) fail_msg("%s", egret_diags_text(&w->diags));
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static uint32_t stream_named(const plan *p, const char *name)
{
    uint32_t i = 0;
    while (!egret_str_is(p->streams[i].name, name)) i++;
    return i;
}

/* The n-th event of stream a, always the same. */
static void push(nfa_engine *engine, const plan *p, uint32_t n)
{
    char text[16];
    uint32_t random = n * 2654435761u, stream = stream_named(p, "a");
    egret_value slots[8], values[] = {egret_int(next_random(&random) % KEYS), egret_int(next_random(&random) % 12), egret_null(),
                                      egret_time((int64_t)n * STEP_MS)};
    values[2] = egret_string(text, (uint32_t)snprintf(text, sizeof text, "s%u", next_random(&random) % 50));
    for (uint32_t i = 0; i < p->streams[stream].n_slots; i++) slots[i] = values[p->streams[stream].slot_field[i]];
    nfa_event event = {.time_ms = (int64_t)n * STEP_MS, .ref = n, .identity = n, .stream = stream, .slots = slots};
    assert_int_equal(nfa_engine_event(engine, &event), EGRET_OK);
}

static uint64_t mix_text(uint64_t sum, const char *text)
{
    for (; *text; text++) sum = (sum ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return sum;
}

/* A sum over the alerts of the rules that are in all versions: their ids and evidence. */
static uint64_t take_all(nfa_engine *engine, uint64_t sum, unsigned *n)
{
    for (const nfa_alert *alert; (alert = nfa_engine_take(engine)) != NULL;) {
        if (strncmp(alert->body.rule, "m_", 2) != 0 || strcmp(alert->body.rule, "m_ninth") == 0) continue;
        sum = mix_text(mix_text(sum, alert->body.id), alert->body.rule) + (uint64_t)alert->body.kind;
        for (size_t i = 0; i < alert->body.n_events; i++)
            sum = mix_text(sum + alert->body.events[i].ref, alert->body.events[i].stream);
        ++*n;
    }
    return sum;
}

static nfa_engine *change(nfa_engine *engine, const plan *rules)
{
    nfa_engine *next = nfa_succession_prepare(egret_mem_of(NULL), rules, engine);
    assert_non_null(next);
    assert_true(nfa_succession_may(engine));
    assert_int_equal(nfa_succession_take(next, engine), EGRET_OK);
    nfa_engine_free(engine);
    return next;
}

static bool keep(void *user, const void *ptr, size_t len)
{
    egret_text_put(user, ptr, len);
    return true;
}

/* Written out and brought back under the same rules. */
static nfa_engine *through_bytes(nfa_engine *engine, const plan *rules)
{
    egret_text bytes;
    egret_text_init(&bytes, egret_mem_of(NULL));
    assert_int_equal(nfa_checkpoint_write(engine, keep, &bytes), EGRET_OK);
    nfa_engine *back = nfa_engine_new(egret_mem_of(NULL), rules);
    assert_int_equal(nfa_checkpoint_read(back, bytes.ptr, bytes.len), EGRET_OK);
    egret_text_deinit(&bytes);
    nfa_engine_free(engine);
    return back;
}

static void rules_that_stay_see_nothing_of_changes(void **state)
{
    (void)state;
    world w[VERSIONS];
    for (int i = 0; i < VERSIONS; i++) compile(&w[i], versions[i]);
    for (uint32_t seed = 1; seed <= 6; seed++) {
        uint32_t random = seed, version = 0, changes = 0;
        unsigned n_alerts = 0, n_changed = 0;
        uint64_t sum = 1, changed_sum = 1;
        nfa_engine *steady = nfa_engine_new(egret_mem_of(NULL), w[0].plan), *changed = nfa_engine_new(egret_mem_of(NULL), w[0].plan);
        for (uint32_t n = 0; n < 6000; n++) {
            push(steady, w[0].plan, n);
            push(changed, w[version].plan, n);
            sum = take_all(steady, sum, &n_alerts);
            changed_sum = take_all(changed, changed_sum, &n_changed);
            assert_int_equal(n_alerts, n_changed);
            if (next_random(&random) % 60 == 0) {
                version = next_random(&random) % VERSIONS;
                changed = change(changed, w[version].plan);
                if (++changes % 7 == 0) changed = through_bytes(changed, w[version].plan);
            }
        }
        assert_int_equal(nfa_engine_finish(steady, INT64_MAX), EGRET_OK);
        assert_int_equal(nfa_engine_finish(changed, INT64_MAX), EGRET_OK);
        sum = take_all(steady, sum, &n_alerts);
        changed_sum = take_all(changed, changed_sum, &n_changed);
        assert_true(n_alerts > 1000 && changes > 50);
        assert_int_equal(n_alerts, n_changed);
        assert_true(sum == changed_sum);
        nfa_engine_free(steady);
        nfa_engine_free(changed);
    }
    for (int i = 0; i < VERSIONS; i++) egret_arena_deinit(&w[i].arena);
}

static void what_only_says_something_else_keeps_its_state(void **state)
{
    (void)state;
    world before, after;
    nfa_fates fates;
    compile(&before, STREAMS_TEXT "rule t \"one\" { match x: a [v == 1] then y: a [v == 2] within 40s  by k  severity low  alert { } throttle 5s }\n");
    compile(&after, STREAMS_TEXT "rule t \"two\" { match x: a [v == 1] then y: a [v == 2] within 40s  by k  severity high  alert { } throttle 9s }\n");
    nfa_engine *one = nfa_engine_new(egret_mem_of(NULL), before.plan);
    nfa_engine *two = nfa_succession_prepare(egret_mem_of(NULL), after.plan, one);
    fates = nfa_succession_of_rule(two, one, 0);
    assert_int_equal(fates.match, NFA_FATE_KEPT);
    assert_int_equal(fates.life, NFA_FATE_KEPT);
    nfa_engine_free(two);
    egret_arena_deinit(&after.arena);
    compile(&after, STREAMS_TEXT "rule t { match x: a [v == 1] then y: a [v == 2] within 41s  by k  alert { } }\n"
                                 "rule u { watch a  by k  over 5s  when count() > 3  alert { } }\n");
    two = nfa_succession_prepare(egret_mem_of(NULL), after.plan, one);
    fates = nfa_succession_of_rule(two, one, 0);
    assert_int_equal(fates.match, NFA_FATE_DROPPED);
    assert_int_equal(fates.life, NFA_FATE_DROPPED);
    fates = nfa_succession_of_rule(two, one, 1);
    assert_int_equal(fates.match, NFA_FATE_NEW);
    assert_int_equal(fates.life, NFA_FATE_NOTHING);
    nfa_engine_free(two);
    nfa_engine_free(one);
    egret_arena_deinit(&before.arena);
    egret_arena_deinit(&after.arena);
}

/* Alerts of one rule: their times and first events. */
static void take_times(nfa_engine *engine, const char *rule, char *out, size_t size)
{
    size_t len = strlen(out);
    for (const nfa_alert *alert; (alert = nfa_engine_take(engine)) != NULL;) {
        if (strcmp(alert->body.rule, rule) != 0) continue;
        len += (size_t)snprintf(out + len, size - len, "%lld<%lld ", (long long)alert->body.time_ms,
                                (long long)(alert->body.n_events > 0 ? alert->body.events[0].ref : 0));
    }
}

static void push_value(nfa_engine *engine, const plan *p, int64_t time_ms, int k, int v)
{
    egret_value slots[8], values[] = {egret_int(k), egret_int(v), egret_string("s", 1), egret_time(time_ms)};
    for (uint32_t i = 0; i < p->streams[0].n_slots; i++) slots[i] = values[p->streams[0].slot_field[i]];
    nfa_event event = {.time_ms = time_ms, .ref = (uint64_t)time_ms, .identity = (uint64_t)time_ms, .stream = 0, .slots = slots};
    assert_int_equal(nfa_engine_event(engine, &event), EGRET_OK);
}

/* A later step is another one: who waits before it goes on, who has come to it begins anew. The change may be written out before it is settled. */
static void attempts_before_a_changed_step_go_on(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        world before, after, last;
        char seen[256] = "";
        compile(&before, STREAMS_TEXT "rule r { match a: a [v == 1] then b: a [v == 2] then c: a [v == 3] within 1h  by k  alert { } }\n");
        compile(&after, STREAMS_TEXT "rule r { match a: a [v == 1] then b: a [v == 2] then c: a [v == 4] within 1h  by k  alert { } }\n");
        compile(&last, STREAMS_TEXT "rule r { match a: a [v == 1] then b: a [v == 5] then c: a [v == 4] within 1h  by k  alert { } }\n");
        nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), before.plan);
        push_value(engine, before.plan, 1000, 1, 1);    /* comes to a */
        push_value(engine, before.plan, 2000, 2, 1);
        push_value(engine, before.plan, 3000, 2, 2);    /* comes to b */
        nfa_engine *next = nfa_succession_prepare(egret_mem_of(NULL), after.plan, engine);
        nfa_fates fates = nfa_succession_of_rule(next, engine, 0);
        assert_int_equal(fates.match, NFA_FATE_SOME);
        assert_int_equal(fates.keep, 2);                /* c is another: both have not reached it */
        assert_int_equal(nfa_succession_take(next, engine), EGRET_OK);
        nfa_engine_free(engine);
        engine = next;
        if (way == 1) engine = through_bytes(engine, after.plan);
        if (way == 2) {         /* one change more before the first is settled: now b is another, too */
            engine = change(engine, last.plan);
            push_value(engine, last.plan, 4000, 1, 5);
            push_value(engine, last.plan, 5000, 2, 5);
            push_value(engine, last.plan, 6000, 1, 4);
            push_value(engine, last.plan, 7000, 2, 4);
        } else {
            push_value(engine, after.plan, 4000, 1, 2);
            push_value(engine, after.plan, 5000, 1, 3);
            push_value(engine, after.plan, 6000, 1, 4);
            push_value(engine, after.plan, 7000, 2, 4);
        }
        take_times(engine, "r", seen, sizeof seen);
        assert_string_equal(seen, way == 2 ? "6000<1000 " : "6000<1000 7000<2000 ");
        nfa_engine_free(engine);
        egret_arena_deinit(&before.arena);
        egret_arena_deinit(&after.arena);
        egret_arena_deinit(&last.arena);
    }
}

/* Another bound in `when`: what was counted is kept, and what holds already at the change is not told again. */
static void a_window_that_is_judged_otherwise_keeps_its_events(void **state)
{
    (void)state;
    world before, after;
    char seen[256] = "";
    compile(&before, STREAMS_TEXT "rule r { watch a  by k  over 1h  when count() > 9  alert { n: count() } }\n");
    compile(&after, STREAMS_TEXT "rule r { watch a  by k  over 1h  when count() > 3  alert { n: count() } }\n");
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), before.plan);
    for (int i = 1; i <= 3; i++) push_value(engine, before.plan, i * 1000, 1, 1);
    for (int i = 4; i <= 8; i++) push_value(engine, before.plan, i * 1000, 2, 1);
    engine = change(engine, after.plan);
    push_value(engine, after.plan, 9000, 1, 1);         /* the fourth */
    push_value(engine, after.plan, 10000, 2, 1);        /* held before */
    take_times(engine, "r", seen, sizeof seen);
    assert_string_equal(seen, "9000<1000 ");
    nfa_engine_free(engine);
    egret_arena_deinit(&before.arena);
    egret_arena_deinit(&after.arena);
}

/* Whether it holds at the change does not hang on whether the sweep was there before. What turned false meanwhile turns true anew. */
static void a_window_is_judged_as_it_stood_at_the_change(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        world before, after;
        char seen[256] = "";
        egret_arena arena;
        nfa_seen out;
        egret_value key[] = {egret_int(1)};
        compile(&before, STREAMS_TEXT "rule r { watch a  by k  over 10s  when sum(v) > 99  alert { n: count() } }\n");
        compile(&after, STREAMS_TEXT "rule r { watch a  by k  over 10s  when sum(v) > 3  alert { n: count() } }\n");
        egret_arena_init(&arena, egret_mem_of(NULL));
        nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), before.plan);
        push_value(engine, before.plan, 1000, 1, 5);
        push_value(engine, before.plan, 9000, 1, 5);
        push_value(engine, before.plan, way < 2 ? 60000 : 12000, 2, 1);         /* all has left, or the first alone */
        if (way % 2 == 1) assert_true(nfa_inspect(engine, 0, key, &arena, &out));       /* which sweeps */
        engine = change(engine, after.plan);
        if (way == 3) engine = through_bytes(engine, after.plan);
        assert_true(nfa_inspect(engine, 0, key, &arena, &out));
        assert_int_equal(out.known && out.holds, way >= 2);
        push_value(engine, after.plan, 62000, 1, 5);
        take_times(engine, "r", seen, sizeof seen);
        assert_string_equal(seen, "62000<62000 ");
        nfa_engine_free(engine);
        egret_arena_deinit(&arena);
        egret_arena_deinit(&before.arena);
        egret_arena_deinit(&after.arena);
    }
}

/* A condition that holds of nothing, too: of a key whose window has emptied nothing is known, whether it was swept or not. */
static void a_window_that_had_emptied_is_as_new(void **state)
{
    (void)state;
    for (int swept = 0; swept < 2; swept++) {
        world before, after;
        char seen[256] = "";
        egret_arena arena;
        nfa_seen out;
        egret_value key[] = {egret_int(1)};
        compile(&before, STREAMS_TEXT "rule r { watch a  by k  over 10s  when count() > 99  alert { n: count() } }\n");
        compile(&after, STREAMS_TEXT "rule r { watch a  by k  over 10s  when count() >= 0  alert { n: count() } }\n");
        egret_arena_init(&arena, egret_mem_of(NULL));
        nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), before.plan);
        push_value(engine, before.plan, 1000, 1, 5);
        push_value(engine, before.plan, 60000, 2, 5);
        if (swept) assert_true(nfa_inspect(engine, 0, key, &arena, &out));
        engine = change(engine, after.plan);
        push_value(engine, after.plan, 62000, 1, 5);
        push_value(engine, after.plan, 63000, 2, 5);    /* that it holds was not told at the change, and it holds still */
        take_times(engine, "r", seen, sizeof seen);
        assert_string_equal(seen, "62000<62000 ");
        nfa_engine_free(engine);
        egret_arena_deinit(&arena);
        egret_arena_deinit(&before.arena);
        egret_arena_deinit(&after.arena);
    }
}

/* It holds as long as nothing is in the window, too: that the section could be swept is no reason to tell it again. */
static void what_holds_of_nothing_is_told_once(void **state)
{
    (void)state;
    world w;
    char seen[256] = "";
    egret_arena arena;
    nfa_seen out;
    egret_value key[] = {egret_int(1)};
    compile(&w, STREAMS_TEXT "rule r { watch a  by k  over 10s  when count() >= 0  alert { n: count() } }\n");
    egret_arena_init(&arena, egret_mem_of(NULL));
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), w.plan);
    push_value(engine, w.plan, 1000, 1, 5);
    push_value(engine, w.plan, 60000, 2, 5);
    assert_true(nfa_inspect(engine, 0, key, &arena, &out));     /* which sweeps */
    push_value(engine, w.plan, 62000, 1, 5);
    take_times(engine, "r", seen, sizeof seen);
    assert_string_equal(seen, "1000<1000 60000<60000 ");
    nfa_engine_free(engine);
    egret_arena_deinit(&arena);
    egret_arena_deinit(&w.arena);
}

/* What is gone gives no alert, its deadlines are nobody's, and the sweep drops its bytes. */
static void what_is_gone_is_dropped(void **state)
{
    (void)state;
    world with, without;
    unsigned n = 0;
    compile(&with, STREAMS_TEXT "rule m_none { match x: a then not a [v == 99] for 50s  by s, k  alert { } }\n"
                                "rule m_x { watch a [v == 3]  by k  over 5s  when count() > 50  alert { } }\n");
    compile(&without, STREAMS_TEXT "rule m_x { watch a [v == 3]  by k  over 5s  when count() > 50  alert { } }\n");
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), with.plan);
    for (uint32_t i = 0; i < 1000; i++) push(engine, with.plan, i);
    uint64_t keys = nfa_engine_stats(engine)->keys;
    assert_true(keys > 500 && nfa_engine_next_due(engine) != NFA_NEVER);
    engine = change(engine, without.plan);
    for (uint32_t i = 1000; i < 20000; i++) push(engine, without.plan, i);
    (void)take_all(engine, 1, &n);
    assert_int_equal(n, 0);
    assert_true(nfa_engine_stats(engine)->keys <= KEYS);
    nfa_engine_free(engine);
    egret_arena_deinit(&with.arena);
    egret_arena_deinit(&without.arena);
}

/* A definition that was gone for a while has missed what came meanwhile: it begins anew, though blocks still hold what it knew, and though the
 * state was written out and brought back before, between or after. */
static void what_comes_back_begins_anew(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        world first, other;
        char seen[256] = "";
        compile(&first, STREAMS_TEXT "rule r { match x: a [v == 1] then not a [v == 2] for 20s  by k  alert { } }\n");
        compile(&other, STREAMS_TEXT "rule r { match x: a [v == 1] then not a [v == 2] for 19s  by k  alert { } }\n");
        nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), first.plan);
        push_value(engine, first.plan, 1000, 1, 1);
        engine = change(engine, other.plan);
        push_value(engine, other.plan, 2000, 1, 2);     /* breaks what waits, for whoever looks */
        if (way == 1) engine = through_bytes(engine, other.plan);
        engine = change(engine, first.plan);
        if (way == 2) engine = through_bytes(engine, first.plan);
        push_value(engine, first.plan, 3000, 1, 1);
        if (way == 3) engine = through_bytes(engine, first.plan);
        push_value(engine, first.plan, 30000, 2, 9);
        take_times(engine, "r", seen, sizeof seen);
        assert_string_equal(seen, "23000<3000 ");
        nfa_engine_free(engine);
        egret_arena_deinit(&first.arena);
        egret_arena_deinit(&other.arena);
    }
}

static egret_value row(const char *id)
{
    return egret_string(id, (uint32_t)strlen(id));
}

/* A rule over known keys that comes later watches them from then on. */
static void keys_of_tables_are_watched_from_the_change_on(void **state)
{
    (void)state;
    static const char text[] = "stream d { id: string  at: time } with time at\ntable reg: \"none.csv\" key id { id: string }\n";
    char both[512];
    world with, without;
    egret_value cells[] = {row("a"), row("b")};
    snprintf(both, sizeof both, "%srule lost { match not d for 10s  by id in reg  alert { } }\nrule x { watch d by id }\n", text);
    egret_arena_init(&with.arena, egret_mem_of(NULL));
    for (int i = 0; i < 2; i++) {       /* the table's file is not there: without content */
        world *w = i == 0 ? &with : &without;
        egret_arena_init(&w->arena, egret_mem_of(NULL));
        egret_diags_init(&w->diags, &w->arena);
        ast_file_init(&w->tree);
        if (i == 1) snprintf(both, sizeof both, "%srule x { watch d by id }\n", text);
        egret_parse(&w->diags, egret_diags_add_source(&w->diags, "r", both, strlen(both)), &w->tree);
        w->plan = egret_plan_make(&w->diags, &w->tree, false);
        if (!w->plan) fail_msg("%s", egret_diags_text(&w->diags));
    }
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), without.plan);
    assert_int_equal(nfa_engine_start(engine, 0), EGRET_OK);
    assert_int_equal(nfa_engine_advance(engine, 60000), EGRET_OK);
    nfa_engine *next = nfa_succession_prepare(egret_mem_of(NULL), with.plan, engine);
    assert_int_equal(nfa_engine_set_table(next, 0, cells, 2), EGRET_OK);
    assert_int_equal(nfa_succession_take(next, engine), EGRET_OK);
    nfa_engine_free(engine);
    assert_int_equal(nfa_engine_next_due(next), 70000);
    assert_int_equal(nfa_engine_advance(next, 80000), EGRET_OK);
    unsigned n = 0;
    for (const nfa_alert *alert; (alert = nfa_engine_take(next)) != NULL; n++) assert_int_equal(alert->body.time_ms, 70000);
    assert_int_equal(n, 2);
    nfa_engine_free(next);
    egret_arena_deinit(&with.arena);
    egret_arena_deinit(&without.arena);
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

static void without_memory_the_old_rules_go_on(void **state)
{
    (void)state;
    world before, after;
    unsigned n = 0;
    compile(&before, versions[0]);
    compile(&after, versions[2]);
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), before.plan);
    bool done = false;
    for (uint32_t fail = 1; !done; fail++) {
        scarce s = {0, (long)fail};
        egret_options options = {.size = sizeof options, .alloc = scarce_alloc, .alloc_user = &s};
        nfa_engine *next = nfa_succession_prepare(egret_mem_of(&options), after.plan, engine);
        done = s.calls < s.fail_at;
        assert_true(done == (next != NULL));
        nfa_engine_free(next);
        push(engine, before.plan, fail);
    }
    (void)take_all(engine, 1, &n);
    nfa_engine_free(engine);
    egret_arena_deinit(&before.arena);
    egret_arena_deinit(&after.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_stay_see_nothing_of_changes),
        cmocka_unit_test(what_only_says_something_else_keeps_its_state),
        cmocka_unit_test(attempts_before_a_changed_step_go_on),
        cmocka_unit_test(a_window_that_is_judged_otherwise_keeps_its_events),
        cmocka_unit_test(a_window_is_judged_as_it_stood_at_the_change),
        cmocka_unit_test(a_window_that_had_emptied_is_as_new),
        cmocka_unit_test(what_holds_of_nothing_is_told_once),
        cmocka_unit_test(what_is_gone_is_dropped),
        cmocka_unit_test(what_comes_back_begins_anew),
        cmocka_unit_test(keys_of_tables_are_watched_from_the_change_on),
        cmocka_unit_test(without_memory_the_old_rules_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
