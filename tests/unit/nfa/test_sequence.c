/*
 * test_sequence.c: sequences at their bounds: exactly at the instant, and a millisecond beyond. Each case is rule text, a script of events
 * ("time stream key value"; "time -" advances the clock) and the alerts expected ("time rule text", with the kind when it is none of a match).
 * What random rules and events say of the same words is compared in tests/oracle.
 */
#include "tests/support/engine_cases.h"

#define STREAMS                                                                                                              \
    "stream a { k: string  v: int  at: time } with time at\nstream b { k: string  v: int  at: time } with time at\n"          \
    "stream c { k: string  v: int  at: time } with time at\n"

/* Times out 10 ms after its first event. */
#define PAIR "rule r { match x: a then y: b by k within 10ms after match no skip on timeout alert { m: x.v }"

static const engine_case cases[] = {
    {"timeout: the last instant is in time", PAIR " }", "0 a p 1\n5 a p 2\n10 b p 0\n20 -\n", ""},
    {"timeout: a millisecond beyond", PAIR " }", "0 a p 1\n5 a p 2\n11 b p 0\n20 -\n", "10 r 1 timeout\n"},
    {"timeout: each once, in order of their first events", PAIR " }", "0 a p 1\n0 a p 2\n3 a p 3\n12 a p 4\n30 -\n",
     "10 r 1 timeout\n10 r 2 timeout\n13 r 3 timeout\n22 r 4 timeout\n"},
    {"timeout: keys are apart", PAIR " }", "0 a p 1\n1 a q 2\n9 b p 0\n30 -\n", "11 r 2 timeout\n"},
    {"timeout: beside an alert block matches are told", PAIR " alert { m: y.v } }", "0 a p 1\n1 b p 7\n2 a p 3\n30 -\n",
     "1 r 7\n12 r 3 timeout\n"},
    {"timeout: a match at the same instant is first, and drops the others",
     "rule r { match x: a then y: b then not c for 5ms by k within 10ms on timeout alert { m: x.v } alert { m: y.v } }",
     "0 a p 1\n5 a p 2\n5 b p 7\n30 -\n", "10 r 7\n"},
    {"timeout: cancelled is not timed out", PAIR " unless c }", "0 a p 1\n1 c p 0\n30 -\n", ""},
    {"timeout: what must not come came",
     "rule r { match x: a then not c then y: b by k within 10ms on timeout alert { m: x.v } }", "0 a p 1\n1 c p 0\n30 -\n", ""},
    {"timeout: of a link, from the event before",
     "rule r { match x: a then within 5ms y: b then within 20ms z: c by k on timeout alert { m: coalesce(y.v, x.v) } }",
     "0 a p 1\n5 b p 2\n6 a p 3\n40 -\n", "11 r 3 timeout\n25 r 2 timeout\n"},
    {"timeout: of a loop that has too few, while an older one has enough",
     "rule r { match (x: a {2,} within 5ms) then within 20ms y: b by k after match no skip on timeout alert { m: count(x) } }",
     "0 a p 1\n4 a p 2\n40 -\n", "9 r 1 timeout\n24 r 2 timeout\n"},
    {"timeout: a loop at the end whose `when` never held",
     "rule r { match (x: a {2,} within 5ms) by k when count(x) > 3 on timeout alert { m: count(x) } }", "0 a p 1\n1 a p 2\n3 a p 3\n30 -\n",
     "5 r 3 timeout\n6 r 2 timeout\n8 r 1 timeout\n"},
    {"timeout: a key that is quiet for too long", "rule r { match x: a then y: b by k idle 5ms on timeout alert { m: x.v } }",
     "0 a p 1\n5 a p 2\n9 a q 3\n11 b p 0\n14 b q 0\n", "10 r 1 timeout\n10 r 2 timeout\n"},
    {"timeout: throttled as any alert", PAIR " throttle 5ms }", "0 a p 1\n5 a p 2\n6 a p 3\n30 -\n", "10 r 1 timeout\n16 r 3 timeout\n"},
    {"timeout: opens, is told again, is resolved", PAIR " resolve on c repeat 4ms }", "0 a p 1\n1 a p 2\n15 c p 0\n30 -\n",
     "10 r 1 timeout\n14 r 1 timeout x1\n15 r resolved\n"},
    {"timeout: lets and counts of steps not reached",
     "rule r { match x: a then y: b by k within 10ms let n = count(y) on timeout alert { m: \"{n} {y.v}\" } }", "0 a p 1\n30 -\n",
     "10 r 0 null timeout\n"},

    {"until: the event that ends the loop is not taken", "rule r { match x: a {2,} until [v > 8] then y: b by k within 1s alert { m: count(x) } }",
     "0 a p 1\n1 a p 2\n2 a p 9\n3 a p 3\n4 b p 0\n", "4 r 2\n"},
    {"until: before the minimum it kills", "rule r { match x: a {2,} until [v > 8] then y: b by k within 1s alert { m: count(x) } }",
     "0 a p 1\n1 a p 9\n2 a p 2\n3 b p 0\n", "3 r 2\n"},
    {"until: the first event is taken without asking",
     "rule r { match x: a {1,} until [v > 8] then y: b by k within 1s alert { m: count(x) } }", "0 a p 9\n1 a p 9\n2 b p 0\n", "2 r 1\n"},
    {"until: it may be the next step", "rule r { match x: a {2,} until [v > 8] then y: a [v > 8] by k within 1s alert { m: count(x) } }",
     "0 a p 1\n1 a p 2\n2 a p 9\n", "2 r 2\n"},
    {"until: another stream, greedy", "rule r { match x: a {2,} greedy until c [v > 8] then y: a by k within 1s alert { m: count(x) } }",
     "0 a p 1\n1 a p 2\n2 c p 8\n3 a p 3\n4 c p 9\n5 a p 4\n", "5 r 3\n"},
    {"until: what the loop has taken so far", "rule r { match x: a {2,} until [v < x.v] then y: b by k within 1s alert { m: count(x) } }",
     "0 a p 1\n1 a p 5\n2 a p 4\n3 a p 6\n4 b p 0\n", "4 r 2\n"},
    {"until: a loop at the end that never satisfied `when` is over",
     "rule r { match x: a {1,} until b by k within 10ms when count(x) > 2 on timeout alert { m: count(x) } alert { m: 0 } }",
     "0 a p 1\n1 a p 2\n2 b p 0\n3 a p 3\n4 a p 4\n30 -\n", "13 r 2 timeout\n14 r 1 timeout\n"},

    {"until: what ends the loop and bars the way may begin another", "rule r { match x: a {1,} until a then not a then y: b by k within 1s alert { m: x.v } }",
     "0 a p 1\n1 a p 2\n2 b p 0\n", "2 r 2\n"},
    {"next not: the very next event", "rule r { match x: a next not b then y: c by k within 1s alert { m: x.v } }",
     "0 a p 1\n1 c p 0\n2 a p 2\n3 b p 0\n4 c p 0\n5 a p 3\n6 a p 4\n7 b p 0\n8 c p 0\n", "1 r 1\n8 r 3\n"},
    {"next not: also when a step could take it", "rule r { match x: a next not b [v > 5] then y: b by k within 1s alert { m: y.v } }",
     "0 a p 1\n1 b p 9\n2 b p 3\n3 a p 2\n4 b p 4\n5 b p 9\n", "4 r 4\n"},
    {"next not: other keys and streams do not count", "rule r { match x: a next not b [v > 5] then y: b by k within 1s alert { m: y.v } }",
     "0 a p 1\n1 c p 9\n1 b q 9\n2 b p 9\n3 b p 1\n", ""},
    {"next not: a loop takes it", "rule r { match x: a {1,} next not a [v > 5] then y: b by k within 1s alert { m: count(x) } }",
     "0 a p 1\n1 a p 9\n2 b p 0\n", "2 r 2\n"},

    {"not for in the middle: exactly at its end it is too early",
     "rule r { match x: a then not b for 10ms then y: c by k within 1s alert { m: y.v } }", "0 a p 1\n10 c p 1\n11 c p 2\n", "11 r 2\n"},
    {"not for in the middle: exactly at its end it breaks",
     "rule r { match x: a then not b for 10ms then y: c by k within 1s alert { m: y.v } }", "0 a p 1\n10 b p 0\n11 c p 2\n", ""},
    {"not for in the middle: what comes later does no harm",
     "rule r { match x: a then not b for 10ms then y: c by k within 1s alert { m: y.v } }", "0 a p 1\n11 b p 0\n12 c p 2\n", "12 r 2\n"},
    {"not for in the middle: from each event of a loop",
     "rule r { match x: a {1,} then not b for 10ms then y: c by k within 1s alert { m: count(x) } }",
     "0 a p 1\n5 b p 0\n6 a p 2\n15 c p 1\n17 c p 2\n", "17 r 2\n"},
    {"not for in the middle: a time that is looked up", "rule r { match x: a then not b for x.v * 1ms then y: c by k within 1s alert { m: y.v } }",
     "0 a p 5\n0 a q 9\n6 c p 1\n6 c q 2\n10 c q 3\n", "6 r 1\n10 r 3\n"},
    {"not for in the middle: it runs out of time", "rule r { match x: a then not b for 5ms then y: c by k within 10ms on timeout alert { m: x.v } }",
     "0 a p 1\n5 c p 0\n20 a p 2\n22 b p 0\n40 -\n", "10 r 1 timeout\n"},

    {"optional beside absence: the gap begins with what was taken", "rule r { match x: a then y: b ? then not c then z: a [v > 5] by k within 1s alert { m: count(y) } }",
     "0 a p 1\n1 c p 0\n2 b p 0\n3 a p 9\n", "3 r 1\n"},
    {"optional beside absence: it was not taken", "rule r { match x: a then y: b ? then not c then z: a [v > 5] by k within 1s alert { m: count(y) } }",
     "0 a p 1\n1 c p 0\n3 a p 9\n4 a p 1\n5 a p 9\n", "5 r 0\n"},
    {"optional beside absence: it ends the gap", "rule r { match x: a then not c then y: b ? then z: a [v > 5] by k within 1s alert { m: count(y) } }",
     "0 a p 1\n1 b p 0\n2 c p 0\n3 a p 9\n", "3 r 1\n"},
    {"optional beside absence: barred, it cannot be stepped over",
     "rule r { match x: a then not c then y: b ? then z: a [v > 5] by k within 1s alert { m: count(y) } }", "0 a p 1\n2 c p 0\n3 b p 0\n4 a p 9\n", ""},
    {"optional before an absence at the end: taken, the silence begins again",
     "rule r { match x: a then y: b ? then not c for 10ms by k alert { m: count(y) } }", "0 a p 1\n4 c p 0\n8 b p 0\n40 -\n", "18 r 1\n"},

    {"two absences at the end: over when the later one is",
     "rule r { match x: a then not b for 5ms then not c for 10ms by k alert { m: x.v } }", "0 a p 1\n6 b p 0\n20 a q 2\n25 b q 0\n40 -\n",
     "10 r 1\n"},
    {"two absences at the end: one without for ends with the other",
     "rule r { match x: a then not b then not c for 10ms by k alert { m: x.v } }", "0 a p 1\n10 b p 0\n20 a p 2\n31 b p 0\n", "30 r 2\n"},
    {"two absences at the end: one without for ends with within",
     "rule r { match x: a then not b then not c for 10ms by k within 15ms alert { m: x.v } }", "0 a p 1\n15 b p 0\n20 a p 2\n31 c p 0\n36 b p 0\n", "35 r 2\n"},
    {"next not before one at the end", "rule r { match x: a next not b then not c for 10ms by k alert { m: x.v } }",
     "0 a p 1\n1 b p 0\n20 a p 2\n40 a p 3\n41 a q 0\n42 b q 0\n99 -\n", "30 r 2\n50 r 3\n"},

    {"another step inside an aggregate", "rule r { match x: a then y: b {3} by k within 1s alert { m: \"{count(y where v > x.v)} {sum(y.v - x.v)}\" } }",
     "0 a p 5\n1 b p 4\n2 b p 6\n3 b p 9\n", "3 r 2 4\n"},
    {"the own loop and another step, in its own condition",
     "rule r { match x: a then y: b [count(y where v > x.v) < 2] {3,} then z: c by k within 1s alert { m: count(y) } }",
     "0 a p 5\n1 b p 6\n2 b p 4\n3 b p 7\n4 b p 1\n5 c p 0\n", "5 r 3\n"},
    {"the stream's name inside an aggregate",
     "rule r { match x: a | b {3} by k within 1s alert { m: \"{count(x where x.stream == \\\"a\\\")} {distinct(x.stream)} {count(x where stream == \\\"c\\\")}\" } }",
     "0 a p 5\n1 b p 4\n2 b p 6\n", "2 r 1 2 0\n"},
};

/* ---- lines ---- */

static void text_of(const egret_alert *alert, char *text, size_t size)
{
    static const char *const kinds[] = {"", "resolved", "escalated", "timeout"};
    char value[48] = "";
    if (alert->n_fields > 0) {
        egret_value v = alert->fields[0].value;
        if (v.type == EGRET_STRING) {
            (void)snprintf(value, sizeof value, "%.*s", (int)v.len, v.u.s);
        } else if (v.type == EGRET_NULL) {
            (void)snprintf(value, sizeof value, "null");
        } else {
            (void)snprintf(value, sizeof value, "%lld", (long long)v.u.i);
        }
    }
    const char *kind = kinds[alert->kind];
    (void)snprintf(text, size, "%s%s%s", value, value[0] != '\0' && kind[0] != '\0' ? " " : "", kind);
}

static void note(engine_run *r, const egret_alert *alert)
{
    char text[64];
    text_of(alert, text, sizeof text);
    char again[24] = "";
    if (alert->repeat > 0) {
        (void)snprintf(again, sizeof again, " x%llu", (unsigned long long)alert->repeat);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
