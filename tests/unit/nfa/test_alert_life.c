/*
 * test_alert_life.c: what happens to an alert after it was told, and what other rules see of it: open(rule) here. Each case is rule text, a
 * script of events ("time stream key value"; "time -" advances the clock) and the alerts expected ("time rule text"), bounds first: exactly
 * at the instant, and a millisecond beyond.
 */
#include "egret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STREAMS                                                                                                              \
    "stream a { k: string  v: int  at: time } with time at\nstream b { k: string  v: int  at: time } with time at\n"          \
    "stream c { k: string  v: int  at: time } with time at\n"

/* `up` opens on a and is resolved on b. */
#define UP "rule up { match x: a by k resolve on b alert { m: x.v } }\n"

typedef struct test_case {
    const char *name, *rules;
    const char *events;     /* lines: "10 a x 5" = time stream key value; "10 -" advances */
    const char *alerts;     /* lines: "time rule text", the text being the first field, or the kind */
} test_case;

static const test_case cases[] = {
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
};

/* ---- running a case ---- */

typedef struct run { char out[2048]; size_t at; } run;

static void text_of(const egret_alert *alert, char *text, size_t size)
{
    text[0] = '\0';
    if (alert->kind != EGRET_ALERT) {
        (void)snprintf(text, size, "%s", alert->kind == EGRET_RESOLVED ? "resolved" : "escalated");
    } else if (alert->n_fields > 0) {
        egret_value v = alert->fields[0].value;
        if (v.type == EGRET_STRING) {
            (void)snprintf(text, size, "%.*s", (int)v.len, v.u.s);
        } else {
            (void)snprintf(text, size, "%lld", (long long)v.u.i);
        }
    }
}

static void note(run *r, const egret_alert *alert)
{
    char text[64];
    text_of(alert, text, sizeof text);
    int n = snprintf(r->out + r->at, sizeof r->out - r->at, "%lld %s %s\n", (long long)alert->time_ms, alert->rule, text);
    r->at += (size_t)n;
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
    egret_field fields[2] = {{"k", {.u.s = key, .len = (uint32_t)strlen(key), .type = EGRET_STRING}},
                             {"v", {.u.i = atoll(value), .type = EGRET_INT}}};
    egret_event event = {.size = sizeof event, .stream = stream, .time_ms = time_ms, .ref = ref, .fields = fields, .n_fields = 2};
    return egret_push(engine, &event);
}

static egret_status run_case(const test_case *c, run *r)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "%s%s\n", STREAMS, c->rules);
    egret_rules *rules = NULL;
    egret_engine *engine = NULL;
    uint64_t ref = 1;
    egret_status status = egret_rules_load_text(NULL, c->name, text, strlen(text), &rules);
    if (status == EGRET_BAD_RULES) {
        print_message("%s\n", egret_rules_diagnostics(rules));
    }
    if (status == EGRET_OK) {
        status = egret_open(NULL, rules, &engine);
    }
    for (const char *line = c->events; status == EGRET_OK && *line != '\0'; line = strchr(line, '\n') + 1) {
        status = push_line(engine, line, ref++);
        for (const egret_alert *alert; status == EGRET_OK && (alert = egret_take(engine)) != NULL;) {
            note(r, alert);
        }
    }
    egret_close(engine);
    egret_rules_free(rules);
    return status;
}

static void test_meanings(void **state)
{
    (void)state;
    size_t bad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run r = {.at = 0};
        egret_status status = run_case(&cases[i], &r);
        if (status != EGRET_OK || strcmp(r.out, cases[i].alerts) != 0) {
            print_message("%s: %s\nexpected\n%sgot\n%s\n", cases[i].name, egret_status_text(status), cases[i].alerts, r.out);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
