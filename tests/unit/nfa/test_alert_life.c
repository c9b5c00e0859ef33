/*
 * test_alert_life.c: what happens to an alert after it was told, and what other rules see of it: repeat, open(rule). Each case is rule text, a
 * script of events ("time stream key value"; "time -" advances the clock) and the alerts expected ("time rule text"), bounds first: exactly
 * at the instant, and a millisecond beyond.
 */
#include "compiler/ast.h"
#include "compiler/plan.h"
#include "nfa/engine.h"
#include "tests/support/engine_cases.h"

#define STREAMS                                                                                                              \
    "stream a { k: string  v: int  at: time } with time at\nstream b { k: string  v: int  at: time } with time at\n"          \
    "stream c { k: string  v: int  at: time } with time at\n"

/* `up` opens on a and is resolved on b. */
#define UP "rule up { match x: a by k resolve on b alert { m: x.v } }\n"

/* Told again every 10 ms. */
#define AGAIN "rule r { match x: a by k resolve on b repeat 10ms alert { m: x.v } }\n"

static const engine_case cases[] = {
    {"open is asked of the state after the event, whatever the names", UP
     "rule asks { watch a by k except open(up) alert { m: v } }\nrule zasks { watch a by k except open(up) alert { m: v } }",
     "1 a p 1\n2 b p 0\n3 a p 2\n", "1 up 1\n2 up resolved\n3 up 2\n"},
    {"before it opens and after it is resolved", UP "rule asks { watch c by k let up_now = open(up) alert { m: if(up_now, 1, 0) } }",
     "1 c p 1\n2 a p 1\n2 c p 1\n3 b p 0\n3 c p 1\n", "1 asks 0\n2 up 1\n2 asks 1\n3 up resolved\n3 asks 0\n"},
    {"a resolving event and one that asks are one event", UP "rule asks { watch b [not open(up)] by k alert { m: v } }",
     "1 a p 1\n2 b p 5\n", "1 up 1\n2 up resolved\n2 asks 5\n"},
    {"keys are apart", UP "rule asks { watch c [open(up)] by k alert { m: k } }", "1 a p 1\n2 c q 1\n3 c p 1\n", "1 up 1\n3 asks p\n"},
    {"the event says the key of the other rule", "rule up { match x: a by v resolve on b alert { m: x.v } }\n"
     "rule asks { watch c [open(up)] by k alert { m: k } }", "1 a p 7\n2 c q 6\n3 c q 7\n", "1 up 7\n3 asks q\n"},
    {"the own key holds the key of the other rule", UP "rule asks { watch c by v, k except not open(up) alert { m: k } }",
     "1 a p 1\n2 c q 1\n3 c p 1\n", "1 up 1\n3 asks p\n"},
    {"a rule without a key is one for all", "rule up { watch a resolve on b alert { m: v } }\n"
     "rule asks { watch c by k except open(up) alert { m: k } }", "1 c p 1\n2 a q 1\n3 c p 1\n4 b r 0\n5 c p 1\n",
     "1 asks p\n2 up 1\n4 up resolved\n5 asks p\n"},
    {"asked at a deadline: closed exactly at it", UP "rule asks { match x: c then not c for 10ms by k except open(up) alert { m: x.v } }",
     "0 a p 1\n1 c p 5\n11 b p 0\n12 -\n", "0 up 1\n11 up resolved\n11 asks 5\n"},
    {"asked at a deadline: closed a millisecond beyond", UP
     "rule asks { match x: c then not c for 10ms by k except open(up) alert { m: x.v } }",
     "0 a p 1\n1 c p 5\n12 b p 0\n13 -\n", "0 up 1\n12 up resolved\n"},
    {"two deadlines at one instant: the rule asked about is first",
     "rule z { match x: a then not b for 10ms by k resolve on b alert { m: x.v } }\n"
     "rule asks { match x: a then not b for 10ms by k except open(z) alert { m: x.v } }", "0 a p 1\n11 -\n", "10 z 1\n"},
    {"levels stand above each other", UP "rule q { watch c [open(up)] by k resolve on b alert { m: v } }\n"
     "rule asks { watch c [open(q)] by k alert { m: v } }", "1 c p 1\n2 a p 1\n3 c p 3\n", "2 up 1\n3 q 3\n3 asks 3\n"},
    {"several keys of a rule: one open is enough", "rule up { watch a by k by k, v resolve on b alert { m: v } }\n"
     "rule asks { watch c [open(up)] by k alert { m: v } }", "1 a p 1\n2 c p 2\n3 c q 1\n", "1 up 1\n1 up 1\n2 asks 2\n"},
    {"a shadow rule is never open", "rule up { match x: a by k resolve on b mode shadow }\n"
     "rule asks { watch a by k except open(up) alert { m: v } }", "1 a p 1\n", "1 asks 1\n"},

    {"throttle per: each value by itself", "rule r { match x: a by k throttle 10ms per x.v alert { m: x.v } }",
     "0 a p 1\n1 a p 2\n10 a p 1\n11 a p 1\n11 a p 2\n12 a p 2\n12 a q 2\n", "0 r 1\n1 r 2\n11 r 1 held 1\n12 r 2 held 1\n12 r 2\n"},
    {"throttle per: null is a value", "rule r { match x: a by k throttle 10ms per if(x.v > 5, x.v, null) alert { m: x.v } }",
     "0 a p 1\n1 a p 2\n2 a p 6\n3 a p 7\n4 a p 6\n", "0 r 1\n2 r 6\n3 r 7\n"},
    {"throttle per beside an open alert", "rule r { match x: a by k resolve on b throttle 10ms per x.v alert { m: x.v } }",
     "0 a p 1\n1 a p 2\n2 b p 0\n3 a p 1\n4 a p 2\n5 b p 0\n11 a p 1\n", "0 r 1\n2 r resolved held 1\n4 r 2\n5 r resolved\n11 r 1 held 1\n"},
    {"throttle per beside a repetition", "rule r { match x: a by k resolve on b repeat 4ms throttle 10ms per x.v alert { m: x.v } }",
     "0 a p 1\n5 b p 0\n6 a p 1\n7 a p 2\n12 -\n", "0 r 1\n4 r 1 x1\n5 r resolved\n7 r 2\n11 r 2 x1\n"},
    {"throttle per a field of the alert block", "rule r { match x: a by k alert { m: x.v * 2 } throttle 10ms per m }", "0 a p 1\n1 a p 1\n", "0 r 2\n"},
    {"a ladder goes up, and skips", "rule r { severity info match x: a by k escalate medium on b [v == 1] escalate high within 5ms on b [v < 3] "
     "escalate critical on b [v == 4] alert { m: x.v } }", "0 a p 1\n1 b p 3\n2 b p 1\n3 b p 1\n4 b p 4\n5 b p 2\n6 a p 2\n12 b p 2\n13 b p 1\n14 b p 1\n",
     "0 r 1\n2 r escalated high\n4 r escalated critical\n6 r 2\n13 r escalated medium\n"},
    {"within at the bound", "rule r { match x: a by k escalate high within 5ms on b alert { m: x.v } }", "0 a p 1\n5 b p 1\n6 a p 2\n12 b p 1\n",
     "0 r 1\n5 r escalated high\n6 r 2\n"},
    {"an alert that is as severe is not raised", "rule r { severity critical match x: a by k escalate critical on b alert { m: x.v } }",
     "0 a p 1\n1 b p 1\n", "0 r 1\n"},
    {"warm up: silent up to its end", "rule r { match x: a by k warm up 10ms alert { m: x.v } }", "0 a p 1\n10 a p 2\n11 a p 3\n", "11 r 3\n"},
    {"warm up fills windows", "rule r { watch a by k over 20ms when count() >= 3 warm up 10ms alert { m: count() } }",
     "5 a p 1\n6 a p 2\n16 a p 3\n", "16 r 3\n"},
    {"warm up: what is found is spent", "rule r { watch a by k over 20ms when count() >= 2 warm up 10ms alert { m: count() } }",
     "5 a p 1\n6 a p 2\n17 a p 3\n40 a p 3\n41 a p 3\n", "41 r 2\n"},
    {"warm up: silence is heard, and not open", "rule r { match not a for 10ms by k resolve on a warm up 20ms alert { m: k } }",
     "0 a p 1\n15 a p 1\n26 -\n27 a p 1\n", "25 r p\n27 r resolved\n"},

    {"active: both ends of the hours belong to it", "rule r { match x: a by k active \"00:00-00:01\" alert { m: x.v } }",
     "0 a p 1\n60000 a p 2\n60001 a p 3\n86399999 a p 4\n86400000 a p 5\n", "0 r 1\n60000 r 2\n86400000 r 5\n"},
    {"active: hours over midnight begin on their day", "rule r { match x: a by k active \"Thu 23:00-01:00\" alert { m: x.v } }",
     "3600000 a p 1\n82799999 a p 2\n82800000 a p 3\n90000000 a p 4\n90000001 a p 5\n169200000 a p 6\n", "82800000 r 3\n90000000 r 4\n"},
    {"active in a zone", "rule r { match x: a by k active \"01:00-02:00 Europe/Paris\" alert { m: x.v } }",
     "0 a p 1\n3600000 a p 2\n3600001 a p 3\n", "0 r 1\n3600000 r 2\n"},
    {"outside of active no repetition", "rule r { match x: a by k resolve on b repeat 30s active \"00:00-00:01\" alert { m: x.v } }",
     "1 a p 1\n120000 -\n120001 b p 1\n", "1 r 1\n30001 r 1 x1\n120001 r resolved\n"},
    {"what active holds back does not open", "rule r { match x: a by k resolve on b active \"00:01-00:02\" alert { m: x.v } }",
     "1 a p 1\n2 b p 1\n60000 a p 2\n", "60000 r 2\n"},
    {"a calendar is the sum of its entries, less those with not",
     "calendar z: \"Thu 00:00-12:00\", \"1970-01-02..1970-01-03\", \"not 06:00-07:00\"\nrule r { match x: a [at in z] by k alert { m: x.v } }",
     "0 a p 1\n21599999 a p 2\n21600000 a p 3\n25200000 a p 4\n25200001 a p 5\n43200001 a p 6\n86400000 a p 7\n259199999 a p 8\n"
     "259200000 a p 9\n", "0 r 1\n21599999 r 2\n25200001 r 5\n86400000 r 7\n259199999 r 8\n"},
    {"a calendar of nothing but not", "calendar z: \"not Thu\"\nrule r { match x: a [at not in z] by k alert { m: x.v } }",
     "0 a p 1\n86400000 a p 2\n", "0 r 1\n"},
    {"dates and hours in a zone", "rule r { match x: a by k alert { m: \"{year(x.at, \\\"Asia/Kolkata\\\")}-{month(x.at, \\\"Asia/Kolkata\\\")}-"
     "{day(x.at, \\\"Asia/Kolkata\\\")} {hour(x.at, \\\"Asia/Kolkata\\\")}:{minute(x.at, \\\"Asia/Kolkata\\\")} "
     "{weekday(x.at, \\\"Asia/Kolkata\\\")}\" } }", "66599999 a p 1\n66600000 a p 1\n", "66599999 r 1970-1-1 23:59 4\n66600000 r 1970-1-2 0:0 5\n"},
    {"a zone met while running that is not known is null", "rule r { match x: a [hour(at, k) is null] by k alert { m: k } }",
     "1 a Europe/Berlin 1\n", "1 r Europe/Berlin\n"},
    {"told again every D until it is resolved", AGAIN, "0 a p 5\n25 -\n29 b p 0\n100 -\n", "0 r 5\n10 r 5 x1\n20 r 5 x2\n29 r resolved\n"},
    {"resolved exactly at D: not told again", AGAIN, "0 a p 5\n10 b p 0\n30 -\n", "0 r 5\n10 r resolved\n"},
    {"resolved a millisecond beyond D", AGAIN, "0 a p 5\n11 b p 0\n30 -\n", "0 r 5\n10 r 5 x1\n11 r resolved\n"},
    {"the next alert counts anew, from its own time", AGAIN, "0 a p 5\n15 b p 0\n20 a p 6\n31 -\n",
     "0 r 5\n10 r 5 x1\n15 r resolved\n20 r 6\n30 r 6 x1\n"},
    {"further matches do not move it", AGAIN, "0 a p 5\n9 a p 6\n21 -\n", "0 r 5\n10 r 5 x1\n20 r 5 x2\n"},
    {"a silence is told again until it ends", "rule r { match not a for 10ms by k resolve on a repeat 5ms alert { m: k } }",
     "0 a p 1\n21 -\n22 a p 2\n23 -\n", "10 r p\n15 r p x1\n20 r p x2\n22 r resolved\n"},
    {"a resolve and a repetition at one instant: resolved",
     "rule r { watch a by k over 10ms when count() >= 1 resolve when count() == 0 for 10ms repeat 20ms alert { m: v } }",
     "0 a p 5\n90 -\n", "0 r 5\n20 r resolved\n"},
    {"a repetition before a resolve for",
     "rule r { watch a by k over 10ms when count() >= 1 resolve when count() == 0 for 10ms repeat 19ms alert { m: v } }",
     "0 a p 5\n90 -\n", "0 r 5\n19 r 5 x1\n20 r resolved\n"},
    {"open until it is resolved, told again or not", AGAIN "rule s { watch c by k except open(r) alert { m: v } }",
     "0 a p 5\n10 c p 1\n15 c p 2\n16 b p 0\n17 c p 3\n", "0 r 5\n10 r 5 x1\n16 r resolved\n17 s 3\n"},
};

/* ---- lines ---- */

static void text_of(const egret_alert *alert, char *text, size_t size)
{
    text[0] = '\0';
    if (alert->kind != EGRET_ALERT) {
        (void)snprintf(text, size, "%s%s", alert->kind == EGRET_RESOLVED ? "resolved" : "escalated ", alert->kind == EGRET_RESOLVED ? "" : alert->severity);
    } else if (alert->n_fields > 0) {
        egret_value v = alert->fields[0].value;
        if (v.type == EGRET_STRING) {
            (void)snprintf(text, size, "%.*s", (int)v.len, v.u.s);
        } else {
            (void)snprintf(text, size, "%lld", (long long)v.u.i);
        }
    }
}

static void note(engine_run *r, const egret_alert *alert)
{
    char text[64];
    text_of(alert, text, sizeof text);
    char again[32] = "";
    if (alert->repeat > 0) {
        (void)snprintf(again, sizeof again, " x%llu", (unsigned long long)alert->repeat);
    } else if (alert->held_back > 0) {
        (void)snprintf(again, sizeof again, " held %llu", (unsigned long long)alert->held_back);
    }
    int n = snprintf(r->out + r->at, sizeof r->out - r->at, "%lld %s %s%s\n", (long long)alert->time_ms, alert->rule, text, again);
    r->at += (size_t)n;
}

static egret_status push_line(egret_engine *engine, const char *line, uint64_t ref)
{
    long long time_ms = 0;
    char stream[16] = "";
    char key[24] = "";
    char value[16] = "";
    (void)sscanf(line, "%lld %15s %23s %15s", &time_ms, stream, key, value);
    if (strcmp(stream, "-") == 0) {
        return egret_advance(engine, time_ms);
    }
    egret_field fields[2] = {{"k", {.u.s = key, .len = (uint32_t)strlen(key), .type = EGRET_STRING}},
                             {"v", {.u.i = atoll(value), .type = EGRET_INT}}};
    egret_event event = {.size = sizeof event, .stream = stream, .time_ms = time_ms, .ref = ref, .fields = fields, .n_fields = 2};
    return egret_push(engine, &event);
}

static const engine_suite suite = {STREAMS, cases, sizeof cases / sizeof *cases, push_line, note};

static void test_meanings(void **state)
{
    (void)state;
    engine_suite_check(&suite);
}

static void test_no_memory(void **state)
{
    (void)state;
    engine_suite_without_memory(&suite);
}

/* ---- what a repetition says, and when there is none ---- */

typedef struct opened { egret_rules *rules; egret_engine *engine; } opened;

static opened open_text(const char *text)
{
    opened o = {NULL, NULL};
    assert_int_equal(egret_rules_load_text(NULL, "rules", text, strlen(text), &o.rules), EGRET_OK);
    assert_int_equal(egret_open(NULL, o.rules, &o.engine), EGRET_OK);
    return o;
}

static void close_opened(opened o)
{
    egret_close(o.engine);
    egret_rules_free(o.rules);
}

static const egret_alert *take(const opened *o)
{
    const egret_alert *alert = egret_take(o->engine);
    assert_non_null(alert);
    return alert;
}

/* Id, key, fields and evidence are those of the alert; the severity is what it was raised to. */
static void test_says_the_same(void **state)
{
    (void)state;
    opened o = open_text(STREAMS "rule r { match x: a then y: b by k resolve on c [v == 0] escalate critical on c [v == 1] repeat 10ms "
                                 "severity low alert { m: \"{k} {y.v}\" n: x.v } let w = x.v + 0.5 }");
    char id[33];
    assert_int_equal(push_line(o.engine, "1 a p 7", 71), EGRET_OK);
    assert_int_equal(push_line(o.engine, "3 b p 8", 72), EGRET_OK);
    memcpy(id, take(&o)->id, sizeof id);
    assert_int_equal(push_line(o.engine, "5 a p 9", 73), EGRET_OK);
    assert_int_equal(push_line(o.engine, "6 b p 9", 74), EGRET_OK);
    assert_int_equal(push_line(o.engine, "14 c p 1", 75), EGRET_OK);
    const egret_alert *again = take(&o);
    assert_string_equal(again->id, id);
    assert_int_equal(again->kind, EGRET_ALERT);
    assert_int_equal(again->repeat, 1);
    assert_string_equal(again->severity, "low");
    assert_int_equal(again->time_ms, 13);
    assert_int_equal(again->started_ms, 1);
    assert_int_equal(again->held_back, 1);
    assert_int_equal(again->n_key, 1);
    assert_memory_equal(again->key[0].value.u.s, "p", 1);
    assert_int_equal(again->n_fields, 3);
    assert_string_equal(again->fields[0].name, "m");
    assert_int_equal(again->fields[0].value.len, 3);
    assert_memory_equal(again->fields[0].value.u.s, "p 8", 3);
    assert_int_equal(again->fields[1].value.u.i, 7);
    assert_string_equal(again->fields[2].name, "w");
    assert_int_equal(again->n_events, 2);
    assert_int_equal(again->n_events_total, 2);
    assert_string_equal(again->events[0].step, "x");
    assert_string_equal(again->events[1].stream, "b");
    assert_int_equal(again->events[1].ref, 72);
    assert_int_equal(again->events[1].time_ms, 3);
    assert_int_equal(take(&o)->kind, EGRET_ESCALATED);
    assert_int_equal(egret_advance(o.engine, 24), EGRET_OK);
    again = take(&o);
    assert_int_equal(again->repeat, 2);
    assert_string_equal(again->severity, "critical");
    assert_null(egret_take(o.engine));
    close_opened(o);
}

/* A clock that jumps over years tells it ten thousand times, and ends. */
static void test_repetitions_are_bounded(void **state)
{
    (void)state;
    opened o = open_text(STREAMS "rule r { match x: a by k resolve on b repeat 1ms }");
    assert_int_equal(push_line(o.engine, "0 a p 1", 1), EGRET_OK);
    assert_int_equal(egret_advance(o.engine, INT64_MAX), EGRET_OK);
    size_t n = 0;
    while (egret_take(o.engine) != NULL) {
        n++;
    }
    assert_int_equal(n, 10001);
    close_opened(o);
}

/* The end of all events is no time that passes: deadlines run out, an open alert is not told for ever. */
static void test_the_end_repeats_nothing(void **state)
{
    (void)state;
    static const char text[] = STREAMS "rule r { match x: a then not b for 10ms by k resolve on b repeat 5ms }";
    for (int with_limit = 0; with_limit < 2; with_limit++) {
        egret_arena arena;
        egret_diags diags;
        ast_file file;
        egret_arena_init(&arena, egret_mem_of(NULL));
        egret_diags_init(&diags, &arena);
        ast_file_init(&file);
        egret_parse(&diags, egret_diags_add_source(&diags, "rules", text, sizeof text - 1), &file);
        const plan *made = egret_plan_make(&diags, &file, false);
        assert_non_null(made);
        nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), made);
        egret_value slots[3] = {egret_string("p", 1), egret_int(1), egret_time(0)};
        nfa_event event = {.time_ms = 0, .ref = 1, .identity = 1, .stream = 0, .slots = slots};
        assert_int_equal(nfa_engine_event(engine, &event), EGRET_OK);
        assert_int_equal(nfa_engine_finish(engine, with_limit ? 20 : INT64_MAX), EGRET_OK);
        size_t n = 0;
        while (nfa_engine_take(engine) != NULL) {
            n++;
        }
        assert_int_equal(n, with_limit ? 3 : 1);
        nfa_engine_free(engine);
        egret_arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_says_the_same),
        cmocka_unit_test(test_repetitions_are_bounded),
        cmocka_unit_test(test_the_end_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
