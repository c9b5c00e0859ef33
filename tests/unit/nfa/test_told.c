/*
 * test_told.c: rules that look at rules: when what a rule tells reaches the others, what of it, and what stands behind an alert over alerts.
 * Each case is rule text, a script of events ("time stream key value"; "time -" advances the clock) and the alerts expected: "time rule text", then
 * of its evidence the references of events; those behind an alert in brackets after its stream.
 */
#include "tests/support/engine_cases.h"

#define STREAMS                                                                                                              \
    "stream a { k: string  v: int  at: time } with time at\nstream b { k: string  v: int  at: time } with time at\n"          \
    "stream c { k: string  v: int  at: time } with time at\n"

#define LOW "rule low { match x: a by k alert { n: x.v } }\n"
/* Fires 10 ms after an a. */
#define LATE "rule late { match x: a then not b for 10ms by k alert { n: x.v } }\n"
#define COUNT "rule count { watch low by k over 10ms when count() >= 2 alert { m: sum(n) } }\n"

static const engine_case cases[] = {
    {"a signal makes no alert", "rule s { match x: a by k signal { n: x.v } }\n"
     "rule w { watch s by k over 10ms when count() >= 2 alert { m: sum(n) } }", "1 a p 3\n2 a q 1\n11 a p 4\n",
     "11 w 7: s(1) s(3)\n"},
    {"an alert is told, and watched", LOW COUNT, "1 a p 3\n11 a p 4\n", "1 low 3: 1\n11 low 4: 2\n11 count 7: low(1) low(2)\n"},
    {"what is beyond the window", LOW COUNT, "1 a p 3\n12 a p 4\n", "1 low 3: 1\n12 low 4: 2\n"},
    {"names do not matter", "rule z { match x: a by k signal { n: x.v } }\nrule b2 { watch z by k alert { m: n } }", "1 a p 3\n", "1 b2 3: z(1)\n"},
    {"a rule sees the event, then what is made of it", LOW "rule w { match x: a then y: low by k alert { m: y.n } }", "1 a p 3\n",
     "1 low 3: 1\n1 w 3: 1 low(1)\n"},
    {"and not the other way", LOW "rule w { match y: low then x: a by k alert { m: x.v } }", "1 a p 3\n2 a p 4\n",
     "1 low 3: 1\n2 low 4: 2\n2 w 4: low(1) 2\n"},
    {"next counts what is told", LOW "rule w { match x: a next y: a by k unless low after y alert { m: y.v } }", "1 a p 3\n2 a p 4\n",
     "1 low 3: 1\n2 low 4: 2\n"},
    {"three levels at one instant", LOW "rule mid { watch low by k alert { n: n } }\n"
     "rule top { match x: low then y: mid by k alert { m: y.n } }", "1 a p 3\n", "1 low 3: 1\n1 mid 3: low(1)\n1 top 3: low(1) mid(1)\n"},
    {"a stream fed from two levels: the lower first", LOW "rule far { match x: c by k except open(mid) alert { n: x.v } }\n"
     "rule mid { match x: low by k resolve on b alert { n: x.n } }\nrule top { match x: far | mid | low by k alert { m: x.n } }", "1 a p 3\n2 c p 5\n3 b p 0\n4 c p 6\n",
     "1 low 3: 1\n1 mid 3: low(1)\n1 top 3: low(1)\n1 top 3: mid(1)\n3 mid resolved\n4 far 6: 4\n4 top 6: far(4)\n"},
    {"told at a deadline: an absence that ends there has seen it", LATE "rule w { match x: c then not late for 10ms by k alert { m: x.v } }",
     "1 a p 3\n1 c p 5\n20 -\n", "11 late 3: 1\n"},
    {"told a millisecond beyond", LATE "rule w { match x: c then not late for 10ms by k alert { m: x.v } }", "1 c p 5\n2 a p 3\n20 -\n",
     "11 w 5: 1\n12 late 3: 2\n"},
    {"told at a deadline: what waits for it goes on", LATE "rule w { match x: late then not b for 5ms by k alert { m: x.n } }",
     "1 a p 3\n16 -\n17 -\n", "11 late 3: 1\n16 w 3: late(1)\n"},
    {"a chain of deadlines in one step of the clock", LATE "rule w { match x: late then not b for 5ms by k alert { n: x.n } }\n"
     "rule w2 { match x: w then not b for 5ms by k alert { m: x.n } }", "1 a p 3\n100 -\n", "11 late 3: 1\n16 w 3: late(1)\n21 w2 3: w(1)\n"},
    {"a tumbling window closes before the events at its end",
     "rule hour { watch a by k over tumbling 10ms when count() >= 1 alert { n: count() } }\n"
     "rule w { match x: hour then y: c by k alert { m: y.v } }", "1 a p 3\n9 c p 4\n10 c p 5\n", "10 hour 1: 1\n10 w 5: hour(1) 3\n"},
    {"and after all deadlines before its end",
     "rule hour { watch a by k over tumbling 10ms when count() >= 1 alert { n: count() } }\n"
     "rule w { match x: c then not hour for 3ms by k alert { m: x.v } }", "1 a p 3\n6 c p 5\n20 -\n", "9 w 5: 2\n10 hour 1: 1\n"},
    {"a tumbling window holds what was told in the last instant before its end", LATE
     "rule hour { watch late by k over tumbling 10ms when count() >= 1 alert { m: sum(n) } }", "9 a p 3\n30 -\n", "19 late 3: 1\n20 hour 3: late(1)\n"},
    {"its end is the end of an absence", "rule hour { watch a by k over tumbling 10ms when count() >= 1 alert { n: count() } }\n"
     "rule w { match x: c then not hour for 3ms by k alert { m: x.v } }", "1 a p 3\n7 c p 5\n20 -\n", "10 hour 1: 1\n"},
    {"what throttle holds back is not told", "rule low { match x: a by k throttle 5ms alert { n: x.v } }\n"
     "rule w { match x: low by k alert { m: x.n } }", "1 a p 1\n2 a p 2\n7 a p 3\n", "1 low 1: 1\n1 w 1: low(1)\n7 low 3: 3\n7 w 3: low(3)\n"},
    {"what an open alert or except holds back is not told",
     "rule low { match x: a by k resolve on b except x.v == 9 signal { n: x.v } }\nrule w { match x: low by k alert { m: x.n } }",
     "1 a p 9\n2 a p 1\n3 a p 2\n4 b p 0\n5 a p 3\n", "2 w 1: low(2)\n5 w 3: low(5)\n"},
    {"a signal may be open", "rule low { match x: a by k resolve on b signal { n: x.v } }\nrule w { watch c [open(low)] by k alert { m: v } }",
     "1 a p 1\n2 c p 2\n3 b p 0\n4 c p 3\n", "2 w 2: 2\n"},
    {"repetitions and ends are not told", "rule low { match x: a by k resolve on b repeat 5ms alert { n: x.v } }\n"
     "rule w { watch low by k alert { m: n } }", "1 a p 1\n8 b p 0\n", "1 low 1: 1\n1 w 1: low(1)\n6 low 1: 1 x1\n8 low resolved\n"},
    {"a repetition shows the same evidence", LOW "rule w { watch low by k resolve on b repeat 5ms alert { m: n } }", "1 a p 1\n8 b p 0\n",
     "1 low 1: 1\n1 w 1: low(1)\n6 w 1: low(1) x1\n8 w resolved\n"},
    {"what is told resolves and escalates", LOW "rule w { match x: c by k resolve on low [n == 2] escalate high on low [n == 1] alert { m: x.v } }",
     "1 c p 7\n2 a p 1\n3 a p 2\n", "1 w 7: 1\n2 low 1: 2\n2 w escalated\n3 low 2: 3\n3 w resolved\n"},
    {"by a field of the block, by a part of the key", "rule s { match x: a by k signal { who: x.v } }\n"
     "rule w { watch s by who over 10ms when distinct(k) >= 2 alert { m: who } }", "1 a p 7\n2 a q 7\n", "2 w 7: s(1) s(2)\n"},
    {"a let, the severity, the times", "rule s { match x: a then not b for 5ms by k severity high let twice = x.v * 2 signal { n: x.v } }\n"
     "rule w { watch s [severity == \"high\" and time - started == 5ms] by k alert { m: twice } }", "1 a p 7\n7 -\n", "6 w 14: s(1)\n"},
    {"two keys: a part of one alone is null in the other", "rule s { match x: a by k by v signal { n: x.v } }\n"
     "rule w { watch s [v is null] by k alert { m: n } }", "1 a p 7\n", "1 w 7: s(1)\n"},
    {"prev and new of what is told", LOW "rule w { watch low [n > prev(n) and new(n over 5ms)] by k alert { m: n } }", "1 a p 1\n2 a p 2\n3 a p 1\n4 a p 2\n",
     "1 low 1: 1\n2 low 2: 2\n2 w 2: low(2)\n3 low 1: 3\n4 low 2: 4\n"},
    {"a profile is fed", LOW "profile past { from low by k n: count() }\nrule w { watch c [past.n >= 2] by k alert { m: past.n } }",
     "1 a p 1\n2 a p 1\n2 c p 0\n", "1 low 1: 1\n2 low 1: 2\n2 w 2: 3\n"},
    {"a profile is read by what is told", "profile spent { from a by k n: count() }\n" LOW
     "rule w { watch low [spent.n >= 1] by k alert { m: spent.n } }", "1 a p 1\n", "1 low 1: 1\n1 w 1: low(1)\n"},
    {"at a deadline a profile holds what was told then", LATE "profile past { from late by k n: count() }\n"
     "rule again { match x: c then not b for 10ms by k alert { m: past.n } }", "1 a p 1\n1 c p 0\n20 -\n", "11 late 1: 1\n11 again 1: 2\n"},
    {"all alerts, but of rules that look at them", LOW "rule other { match x: b by k alert { n: x.v } }\n"
     "rule all { watch alert by rule over 10ms when count() >= 2 alert { m: key } }\nrule top { watch all by rule alert { m: rule } }",
     "1 a p 3\n2 a q 4\n3 b p 1\n", "1 low 3: 1\n2 low 4: 2\n2 all q: alert(1) alert(2)\n2 top low: all(1 2)\n3 other 1: 3\n"},
    {"signals are no alerts", "rule s { match x: a by k signal { n: x.v } }\nrule all { watch alert alert { m: rule } }\n"
     "rule w { watch s by k alert { n: n } }", "1 a p 3\n", "1 w 3: s(1)\n1 all w: alert(1)\n"},
    {"what ran out of time is an alert, and not what the rule's stream holds",
     "rule low { match x: a then y: b by k within 5ms alert { n: 1 } on timeout alert { n: x.v } }\n"
     "rule all { match y: alert alert { m: y.rule } }\nrule w { match y: low by k alert { m: y.n } }", "1 a p 3\n9 -\n",
     "6 low 3 timeout: 1\n6 all low: alert(1)\n"},
    {"a key of several parts is one text", "rule low { match x: a by k, v }\nrule all { watch alert alert { m: key } }", "1 a p 3\n",
     "1 low : 1\n1 all p, 3: alert(1)\n"},
    {"a rule in shadow mode reaches rules in shadow mode", "rule low { match x: a by k mode shadow alert { n: x.v } }\n"
     "rule s { watch low by k mode shadow }\nrule w { watch low | c by k alert { m: k } }", "1 a p 3\n2 c p 1\n", "2 w p: 2\n"},
    {"evidence to the cap of the rule below", "rule low { match x: a {5} by k limits { evidence: 2 } }\n"
     "rule w { watch low by k }", "1 a p 1\n2 a p 1\n3 a p 1\n4 a p 1\n5 a p 1\n", "5 low : 1 5 of 5\n5 w : low(1 5 of 5)\n"},
    {"what is told at the end of all", LATE "rule w { match x: late then not b for 5ms by k alert { n: x.n } }", "1 a p 3\n9223372036854775807 -\n",
     "11 late 3: 1\n16 w 3: late(1)\n"},
};

/* ---- lines ---- */

static void put(engine_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(engine_run *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    r->at += (size_t)vsnprintf(r->out + r->at, sizeof r->out - r->at, format, ap);
    va_end(ap);
}

static void put_value(engine_run *r, egret_value v)
{
    if (v.type == EGRET_STRING) {
        put(r, "%.*s", (int)v.len, v.u.s);
    } else {
        put(r, "%lld", (long long)v.u.i);
    }
}

static void put_events(engine_run *r, const egret_evidence *events, size_t n, uint64_t total, bool gap)
{
    for (size_t i = 0; i < n; i++) {
        put(r, gap || i > 0 ? " " : "");
        if (events[i].alert == NULL) {
            put(r, "%llu", (unsigned long long)events[i].ref);
            continue;
        }
        put(r, "%s(", events[i].stream);
        put_events(r, events[i].events, events[i].n_events, events[i].n_events_total, false);
        put(r, ")");
    }
    if (total > n) {
        put(r, " of %llu", (unsigned long long)total);
    }
}

static void note(engine_run *r, const egret_alert *alert)
{
    put(r, "%lld %s ", (long long)alert->time_ms, alert->rule);
    if (alert->kind == EGRET_RESOLVED || alert->kind == EGRET_ESCALATED) {
        put(r, alert->kind == EGRET_RESOLVED ? "resolved\n" : "escalated\n");
        return;
    }
    if (alert->n_fields > 0) {
        put_value(r, alert->fields[0].value);
    }
    put(r, alert->kind == EGRET_TIMEOUT ? " timeout:" : ":");
    put_events(r, alert->events, alert->n_events, alert->n_events_total, true);
    if (alert->repeat > 0) {
        put(r, " x%llu", (unsigned long long)alert->repeat);
    }
    put(r, "\n");
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

/* ---- ids, and what is forgotten ---- */

static egret_engine *open_text(const char *text, egret_rules **rules)
{
    egret_engine *engine = NULL;
    assert_int_equal(egret_rules_load_text(NULL, "rules", text, strlen(text), rules), EGRET_OK);
    assert_int_equal(egret_open(NULL, *rules, &engine), EGRET_OK);
    return engine;
}

/* The evidence of an alert over alerts names the ids those alerts were told with; a signal has one, too. */
static void test_evidence_names_ids(void **state)
{
    (void)state;
    egret_rules *rules = NULL;
    egret_engine *engine = open_text(STREAMS LOW "rule s { match x: b by k signal { n: x.v } }\n"
                                     "rule w { match x: low then y: s by k }", &rules);
    char id[33];
    assert_int_equal(push_line(engine, "1 a p 3", 7), EGRET_OK);
    memcpy(id, egret_take(engine)->id, sizeof id);
    assert_int_equal(push_line(engine, "2 b p 4", 8), EGRET_OK);
    const egret_alert *alert = egret_take(engine);
    assert_string_equal(alert->rule, "w");
    assert_int_equal(alert->started_ms, 1);
    assert_int_equal(alert->n_events, 2);
    assert_string_equal(alert->events[0].step, "x");
    assert_string_equal(alert->events[0].alert, id);
    assert_int_equal(alert->events[0].events[0].ref, 7);
    assert_null(alert->events[0].events[0].alert);
    assert_int_equal(strlen(alert->events[1].alert), 32);
    assert_string_not_equal(alert->events[1].alert, id);
    assert_string_not_equal(alert->events[1].alert, alert->id);
    egret_close(engine);
    egret_rules_free(rules);
}

/* Nobody outside can say what rules tell. */
static void test_nothing_comes_from_outside(void **state)
{
    (void)state;
    egret_rules *rules = NULL;
    egret_engine *engine = open_text(STREAMS LOW "rule w { watch low | alert }", &rules);
    assert_int_equal(push_line(engine, "1 low p 3", 1), EGRET_BAD_EVENT);
    assert_int_equal(push_line(engine, "1 alert p 3", 1), EGRET_BAD_EVENT);
    egret_close(engine);
    egret_rules_free(rules);
}

/* 65,536 alerts of a stream are kept with their events; of older ones the id is known. */
static void test_old_evidence_is_forgotten(void **state)
{
    (void)state;
    egret_rules *rules = NULL;
    egret_engine *engine = open_text(STREAMS "rule s { match x: a by k signal { n: x.v } }\n"
                                     "rule w { match x: s [n == 1] then y: c by k }\nrule never { watch s [n > 9] }", &rules);
    assert_int_equal(push_line(engine, "1 a p 1", 1), EGRET_OK);
    assert_int_equal(push_line(engine, "1 a q 1", 2), EGRET_OK);
    for (uint64_t i = 0; i < 65535; i++) {
        assert_int_equal(push_line(engine, "1 a r 0", 3 + i), EGRET_OK);
    }
    assert_int_equal(push_line(engine, "2 c p 1", 99), EGRET_OK);
    const egret_alert *alert = egret_take(engine);
    assert_int_equal(strlen(alert->events[0].alert), 32);
    assert_int_equal(alert->events[0].n_events, 0);
    assert_null(egret_take(engine));
    assert_int_equal(push_line(engine, "3 c q 1", 99), EGRET_OK);
    alert = egret_take(engine);
    assert_int_equal(alert->events[0].n_events, 1);
    assert_int_equal(alert->events[0].events[0].ref, 2);
    egret_close(engine);
    egret_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_evidence_names_ids),
        cmocka_unit_test(test_nothing_comes_from_outside),
        cmocka_unit_test(test_old_evidence_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
