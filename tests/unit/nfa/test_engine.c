/*
 * test_engine.c: the engine through its public face, one small case per meaning of the language. Each case is rule text, a script of events
 * ("time stream key value"; "time -" advances the clock) and the alerts expected ("time value of the first field"). The oracle covers the
 * combinations; here stand the sentences of docs/language.md one by one, so that a failure names the sentence.
 */
#include "tests/support/engine_cases.h"

#define STREAMS                                                                                                              \
    "stream a { k: string  v: int? }\nstream b { k: string  v: int? }\nstream c { k: string  v: int? }\n"                   \
    "stream pay { card: string  amount: decimal }\n"

static const engine_case cases[] = {
    {"a sequence takes the first fitting event", "rule r { match x: a then y: b by k alert { m: y.v } }",
     "1 a p 1\n2 b q 7\n3 b p 2\n4 b p 3\n", "3 2\n"},
    {"skip past last drops the other attempts", "rule r { match x: a then y: b by k alert { m: x.v } }",
     "1 a p 1\n2 a p 2\n3 b p 0\n4 b p 0\n", "3 1\n"},
    {"no skip reports every attempt, oldest first", "rule r { match x: a then y: b by k after match no skip alert { m: x.v } }",
     "1 a p 1\n2 a p 2\n3 b p 0\n4 b p 0\n", "3 1\n3 2\n"},
    {"within is inclusive", "rule r { match x: a then y: b by k within 10ms alert { m: y.v } }",
     "0 a p 1\n10 b p 1\n20 a p 1\n31 b p 2\n", "10 1\n"},
    {"then within bounds the gap", "rule r { match x: a then within 5ms y: b by k alert { m: y.v } }",
     "0 a p 1\n6 b p 1\n10 a p 1\n15 b p 2\n", "15 2\n"},
    {"next allows nothing between", "rule r { match x: a next y: b by k alert { m: y.v } }",
     "0 a p 1\n1 a p 2\n2 b p 9\n3 b p 8\n", "2 9\n"},
    {"a loop counts and the next step ends it", "rule r { match f: a {2,} then y: b by k alert { m: count(f) } }",
     "0 a p 1\n1 b p 0\n2 a p 1\n3 a p 1\n4 b p 0\n", "4 3\n"},
    {"a loop's own within closes it", "rule r { match (f: a {2,} within 5ms) then y: b by k alert { m: count(f) } }",
     "0 a p 1\n4 a p 1\n9 a p 1\n20 b p 0\n", "20 2\n"},
    {"an event that fits both goes to the next step",
     "rule r { match f: a + then y: a [v > 5] by k alert { m: count(f) } }", "0 a p 1\n1 a p 9\n", "1 1\n"},
    {"absence in the middle", "rule r { match x: a then not c then y: b by k alert { m: y.v } }",
     "0 a p 1\n1 c p 1\n2 b p 1\n3 a p 1\n4 b p 2\n", "4 2\n"},
    {"absence at the end acts at its deadline", "rule r { match x: a then not b for 10ms by k alert { m: x.v } }",
     "0 a p 1\n10 -\n11 -\n20 a p 2\n30 b p 0\n50 -\n", "10 1\n"},
    {"unless cancels", "rule r { match x: a then y: b by k unless c alert { m: y.v } }",
     "0 a p 1\n1 c p 0\n2 b p 1\n3 a p 1\n4 b p 2\n", "4 2\n"},
    {"when judges the loop at the end", "rule r { match x: a then y: b {1,} by k when sum(y.v) >= 10 alert { m: count(y) } }",
     "0 a p 1\n1 b p 4\n2 b p 4\n3 b p 4\n", "3 3\n"},
    {"a condition may look at earlier steps", "rule r { match x: a then y: b [v > x.v] by k alert { m: y.v } }",
     "0 a p 5\n1 b p 5\n2 b p 6\n", "2 6\n"},
    {"an absence at the start", "rule r { match not a for 10ms then y: b by k alert { m: y.v } }",
     "0 b p 1\n10 b p 2\n11 b p 3\n12 a p 0\n22 b p 4\n23 b p 5\n", "11 3\n23 5\n"},
    {"a limit of events makes the loop of the only attempt forget", "rule r { match x: a then y: b {2,} then z: c by k limits { events: 3 } alert { m: count(y) } }",
     "0 a p 1\n1 b p 1\n2 b p 1\n3 b p 1\n4 c p 1\n5 a p 1\n6 b p 1\n7 b p 1\n8 c p 1\n", "4 3\n8 2\n"},
    {"a limit of events takes the oldest attempt", "rule r { match f: a {2,} then z: c by k limits { events: 3 } alert { m: count(f) } }",
     "0 a p 1\n1 a p 1\n2 a p 1\n3 a p 1\n4 a p 1\n5 c p 1\n", "5 3\n"},
    {"a limit of attempts takes the oldest", "rule r { match x: a then y: b by k after match no skip limits { attempts: 2 } alert { m: x.v } }",
     "0 a p 1\n1 a p 2\n2 a p 3\n3 b p 0\n", "3 2\n3 3\n"},
    {"a limit of values forgets the oldest", "rule r { watch a by k when sum(v over 1h) >= 6 and count(over 1m) <= 3 limits { values: 3 } alert { m: sum(v over 1h) } }",
     "0 a p 1\n1 a p 1\n2 a p 1\n3 a p 1\n4 a p 4\n", "4 6\n"},
    {"idle ends attempts", "rule r { match x: a then y: b [v > 5] by k idle 10ms alert { m: y.v } }",
     "0 a p 1\n10 b p 1\n20 b p 6\n30 a p 1\n41 b p 7\n42 b p 8\n", "20 6\n"},
    {"a lone absence fires once per silence", "rule r { match not a for 10ms by k alert { m: k } }",
     "0 a p 1\n5 a p 1\n40 a p 1\n60 -\n", "15 p\n50 p\n"},
    {"a threshold fires when it turns true and is armed again",
     "rule r { watch a by k over 10ms when count() >= 2 alert { m: count() } }",
     "0 a p 1\n1 a p 1\n2 a p 1\n30 a p 1\n31 a p 1\n", "1 2\n31 2\n"},
    {"a sliding window is inclusive", "rule r { watch a by k over 10ms when count() >= 2 alert { m: count() } }",
     "0 a p 1\n10 a p 1\n40 a p 1\n51 a p 1\n", "10 2\n"},
    {"exact sums of decimals", "rule r { watch pay by card when sum(amount over 1h) > 0.30 alert { m: sum(amount over 1h) } }",
     "0 pay p 0.10\n1 pay p 0.10\n2 pay p 0.10\n3 pay p 0.01\n", "3 0.31\n"},
    {"when for asks that it stays so", "rule r { watch a by k over 100ms when count() >= 2 for 20ms alert { m: count() } }",
     "0 a p 1\n1 a p 1\n30 -\n", "21 2\n"},
    {"a tumbling window fires at its close", "rule r { watch a by k over tumbling 10ms when count() >= 2 alert { m: count() } }",
     "1 a p 1\n9 a p 1\n10 a p 1\n30 -\n", "10 2\n"},
    {"a session closes after its gap", "rule r { watch a by k over session 10ms when count() >= 2 alert { m: count() } }",
     "0 a p 1\n10 a p 1\n21 a p 1\n60 -\n", "20 2\n"},
    {"a profile is read as it stood before",
     "profile s { from pay by card n: count() mean: avg(amount) }\n"
     "rule r { match t: pay [s.n > 1 and amount > 10 * s.mean] by card alert { m: s.mean } }",
     "0 pay p 10.00\n1 pay p 10.00\n2 pay p 100.00\n3 pay p 400.01\n", "3 40\n"},
    {"throttle holds back and counts", "rule r { match x: a by k throttle 10ms alert { m: x.v } }",
     "0 a p 1\n10 a p 2\n11 a p 3\n", "0 1\n11 3\n"},
    {"an open alert blocks and is resolved", "rule r { match x: a by k resolve on b alert { m: x.v } }",
     "0 a p 1\n1 a p 2\n2 b p 0\n3 a p 3\n", "0 1\n2 resolved\n3 3\n"},
    {"changed sees the value before", "rule r { watch a [changed(v)] by k alert { m: v } }",
     "0 a p 1\n1 a p 1\n2 a p 2\n", "2 2\n"},
    {"new remembers for a while", "rule r { watch a [new(v over 10ms)] by k alert { m: v } }",
     "0 a p 1\n10 a p 1\n21 a p 1\n", "0 1\n21 1\n"},
};

/* ---- lines ---- */

static void note(engine_run *r, const egret_alert *alert)
{
    char text[64] = "";
    if (alert->kind == EGRET_RESOLVED) {
        (void)snprintf(text, sizeof text, "resolved");
    } else if (alert->n_fields > 0) {
        egret_value v = alert->fields[0].value;
        if (v.type == EGRET_STRING) {
            (void)snprintf(text, sizeof text, "%.*s", (int)v.len, v.u.s);
        } else if (v.type == EGRET_NUMBER) {
            (void)snprintf(text, sizeof text, "%g", v.u.d);
        } else if (v.type == EGRET_DECIMAL) {
            (void)snprintf(text, sizeof text, "%g", (double)v.u.i / (v.scale == 2 ? 100.0 : 1.0));
        } else {
            (void)snprintf(text, sizeof text, "%lld", (long long)v.u.i);
        }
    }
    r->at += (size_t)snprintf(r->out + r->at, sizeof r->out - r->at, "%lld %s\n", (long long)alert->time_ms, text);
}

static egret_status push_line(egret_engine *engine, const char *line, uint64_t ref)
{
    long long time_ms = 0;
    char stream[16] = "";
    char key[16] = "";
    char value[16] = "";
    (void)sscanf(line, "%lld %15s %15s %15s", &time_ms, stream, key, value);
    if (strcmp(stream, "-") == 0) {
        return egret_advance(engine, time_ms);
    }
    bool pay = strcmp(stream, "pay") == 0;
    egret_field fields[2] = {{pay ? "card" : "k", {.u.s = key, .len = (uint32_t)strlen(key), .type = EGRET_STRING}},
                             {pay ? "amount" : "v", {.u.i = atoll(value), .type = EGRET_INT}}};
    if (pay) {
        double cents = strtod(value, NULL) * 100;
        fields[1].value = (egret_value){.u.i = (int64_t)(cents + 0.5), .type = EGRET_DECIMAL, .scale = 2};
    }
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

/* The same events twice, and in another engine: the same ids. */
static void test_ids(void **state)
{
    (void)state;
    char first[33] = "";
    for (int i = 0; i < 2; i++) {
        const char *text = STREAMS "rule r { match x: a then y: b by k alert { m: y.v } }";
        egret_rules *rules = NULL;
        egret_engine *engine = NULL;
        assert_int_equal(egret_rules_load_text(NULL, "ids", text, strlen(text), &rules), EGRET_OK);
        assert_int_equal(egret_open(NULL, rules, &engine), EGRET_OK);
        assert_int_equal(push_line(engine, "1 a p 1", 1), EGRET_OK);
        assert_int_equal(push_line(engine, "2 b p 1", 2), EGRET_OK);
        const egret_alert *alert = egret_take(engine);
        assert_non_null(alert);
        assert_int_equal(alert->n_events, 2);
        assert_int_equal(alert->events[0].ref, 1);
        assert_string_equal(alert->events[1].step, "y");
        assert_string_equal(alert->key[0].name, "k");
        assert_int_equal(alert->started_ms, 1);
        assert_true(i == 0 || strcmp(first, alert->id) == 0);
        memcpy(first, alert->id, sizeof first);
        egret_close(engine);
        egret_rules_free(rules);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    const char *text = STREAMS "rule r { match x: a by k alert { m: x.v } }";
    egret_rules *rules = NULL;
    egret_engine *engine = NULL;
    assert_int_equal(egret_rules_load_text(NULL, "refusals", text, strlen(text), &rules), EGRET_OK);
    assert_int_equal(egret_open(NULL, rules, &engine), EGRET_OK);
    assert_int_equal(push_line(engine, "5 nowhere p 1", 1), EGRET_BAD_EVENT);
    assert_int_equal(push_line(engine, "5 a p 1", 1), EGRET_OK);
    assert_int_equal(push_line(engine, "4 a p 1", 2), EGRET_LATE);
    egret_field wrong = {"v", {.u.s = "x", .len = 1, .type = EGRET_STRING}};
    egret_event event = {.size = sizeof event, .stream = "a", .time_ms = 6, .fields = &wrong, .n_fields = 1};
    assert_int_equal(egret_push(engine, &event), EGRET_BAD_EVENT);
    wrong.name = "w";
    assert_int_equal(egret_push(engine, &event), EGRET_BAD_EVENT);
    egret_close(engine);
    egret_rules_free(rules);
    assert_int_equal(egret_rules_load_text(NULL, "bad", "rule r { match }", 16, &rules), EGRET_BAD_RULES);
    assert_non_null(strstr(egret_rules_diagnostics(rules), "bad:1:"));
    egret_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
