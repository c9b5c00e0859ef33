/*
 * test_branch.c: patterns that branch, one small case per sentence of docs/language.md, "Groups, alternatives, any order" and "Branches".
 * Each case is rule text, a script of events ("time stream value"; "time -" advances the clock) and the alerts expected: time, the numbers of
 * the events bound in the order of the script (the first is 1), and "limited" where a limit had bitten.
 */
#include "tests/support/engine_cases.h"

#define STREAMS "stream a { v: int }\nstream b { v: int }\nstream c { v: int }\nstream d { v: int }\n"
#define NO_SKIP " after match no skip }"

static const engine_case cases[] = {
    /* or */
    {"an alternative of one step", "rule r { match x: a then (y: b or z: c) }", "0 a 0\n1 c 0\n2 b 0\n", "1: 1 2\n"},
    {"the first that is complete wins, what the other has bound is given up",
     "rule r { match x: a then ((y: b then z: b) or w: c) }", "0 a 0\n1 b 0\n2 c 0\n3 b 0\n", "2: 1 3\n"},
    {"one event may advance several alternatives", "rule r { match x: a then ((y: b then z: c) or (w: b then q: d)) }",
     "0 a 0\n1 b 0\n2 d 0\n", "2: 1 2 3\n"},
    {"of two at one event the left one wins",
     "rule r { match x: a then (y: b or z: b) alert { n: count(y) - count(z) } }", "0 a 0\n1 b 0\n", "1: 1 2 =1\n"},
    {"what began the attempt is never given up", "rule r { match (x: a then y: b) or z: c" NO_SKIP, "0 a 0\n1 c 0\n2 b 0\n", "1: 2\n2: 1 3\n"},
    {"a loop that won takes more until the next step does", "rule r { match x: a then (y: b {2,} or z: c) then w: d }",
     "0 a 0\n1 b 0\n2 b 0\n3 c 0\n4 b 0\n5 d 0\n", "5: 1 2 3 5 6\n"},
    {"no match where nothing is complete", "rule r { match x: a then ((y: b then z: c) or w: d) within 10ms }",
     "0 a 0\n1 b 0\n11 c 0\n12 d 0\n", ""},
    {"each alternative has the bounds of its own first event", "rule r { match x: a then ((y: c or z: b {2}) then w: b within 3ms) then q: d }",
     "0 a 0\n3 b 0\n12 c 0\n14 b 0\n15 d 0\n", "15: 1 3 4 5\n"},
    /* and, any n of */
    {"and in any order", "rule r { match x: a and y: b and z: c }", "0 c 0\n1 a 0\n2 a 0\n3 b 0\n", "3: 1 2 4\n"},
    {"an event goes to the leftmost that can take it", "rule r { match x: a then (y: b and z: b [v > 1]) alert { n: y.v } }",
     "0 a 0\n1 b 5\n2 b 7\n", "2: 1 2 3 =5\n"},
    {"some of several, what was not needed is given up", "rule r { match x: d then any 2 of (y: a then q: a, z: b, w: c) }",
     "0 d 0\n1 a 0\n2 c 0\n3 b 0\n", "3: 1 3 4\n"},
    {"not inside and", "rule r { match x: a then (y: b and z: c and not d) then w: a" NO_SKIP,
     "0 a 0\n1 b 0\n2 d 0\n3 c 0\n4 a 0\n5 c 0\n6 b 0\n7 d 0\n8 a 0\n", "8: 5 6 7 9\n"},
    {"not inside and begins with the event before", "rule r { match x: a then (y: b and z: c and not d) }",
     "0 a 0\n1 d 0\n2 b 0\n3 c 0\n", ""},
    {"then within before an and bounds the gap to its first event", "rule r { match x: a then within 5ms (y: b and z: c)" NO_SKIP,
     "0 a 0\n5 c 0\n20 b 0\n30 a 0\n36 c 0\n37 b 0\n", "20: 1 2 3\n"},
    {"next before an and", "rule r { match x: a next (y: b and z: c)" NO_SKIP, "0 a 0\n1 c 0\n2 d 0\n3 b 0\n4 a 0\n5 a 0\n6 b 0\n7 c 0\n",
     "3: 1 2 4\n7: 6 7 8\n"},
    /* groups */
    {"a group repeated", "rule r { match (x: a then y: b) {2} alert { n: sum(y.v) } }", "0 a 0\n1 b 1\n2 b 2\n3 a 0\n4 b 4\n", "4: 1 2 4 5 =5\n"},
    {"the running round is given up for the step behind the loop", "rule r { match (x: a then y: b) {1,} then z: c alert { n: count(x) } }",
     "0 a 0\n1 b 0\n2 a 0\n3 c 0\n", "3: 1 2 4 =1\n"},
    {"not when there are not enough rounds", "rule r { match (x: a then y: b) {2,} then z: c }", "0 a 0\n1 b 0\n2 a 0\n3 c 0\n4 b 0\n5 c 0\n",
     "5: 1 2 3 5 6\n"},
    {"an event that fits the running round goes there", "rule r { match (x: a then y: b) {1,} then z: b alert { n: count(y) } }",
     "0 a 0\n1 b 0\n2 a 0\n3 b 0\n4 b 0\n", "4: 1 2 3 4 5 =2\n"},
    {"between rounds going on comes first", "rule r { match (x: a then y: b) {1,} then z: a alert { n: count(y) } }",
     "0 a 0\n1 b 0\n2 a 0\n", "2: 1 2 3 =1\n"},
    {"but greedy takes another round", "rule r { match (x: a then y: b) {1,} greedy then z: a alert { n: count(y) } }",
     "0 a 0\n1 b 0\n2 a 0\n3 b 0\n4 c 0\n5 a 0\n6 a 0\n", "6: 1 2 3 4 7 =2\n"},
    {"a round has its own bound, and the loop keeps what it has", "rule r { match (x: a then y: b within 5ms) {1,} then z: c" NO_SKIP,
     "0 a 0\n5 b 0\n6 a 0\n12 b 0\n13 c 0\n", "13: 1 2 5\n"},
    {"all rounds have another", "rule r { match ((x: a then y: b) {2} within 5ms) then z: c" NO_SKIP,
     "0 a 0\n1 b 0\n2 a 0\n5 b 0\n20 c 0\n30 a 0\n31 b 0\n32 a 0\n36 b 0\n40 c 0\n", "20: 1 2 3 4 5\n"},
    {"strict rounds have no gap", "rule r { match (x: a then y: b) {2} strict" NO_SKIP, "0 a 0\n1 b 0\n2 b 0\n3 a 0\n4 b 0\n5 a 0\n6 b 0\n",
     "6: 4 5 6 7\n"},
    {"a group that may be left out", "rule r { match x: a then (y: b then z: b) ? then w: c" NO_SKIP, "0 a 0\n1 c 0\n2 a 0\n3 b 0\n4 c 0\n5 a 0\n6 b 0\n7 b 0\n8 c 0\n",
     "1: 1 2\n4: 3 5\n8: 6 7 8 9\n"},
    {"when judges a group at the end, round by round", "rule r { match x: a then (y: b then z: c) {1,} when sum(z.v) >= 5 }",
     "0 a 0\n1 b 0\n2 c 3\n3 b 0\n4 c 2\n", "4: 1 2 3 4 5\n"},
    {"a condition sees the round before", "rule r { match (x: a [count(x) == 0 or v > x.v] then y: b) {2} }",
     "0 a 5\n1 b 0\n2 a 4\n3 a 6\n4 b 0\n", "4: 1 2 4 5\n"},
    {"a silence at the end counts from the last complete round", "rule r { match x: a then (y: b then z: c) {1,} then not d for 10ms }",
     "0 a 0\n1 b 0\n2 c 0\n8 b 0\n12 -\n13 -\n", "12: 1 2 3\n"},
    {"not between groups", "rule r { match (x: a then y: b) {1,} then not d then z: c" NO_SKIP,
     "0 a 0\n1 b 0\n2 d 0\n3 c 0\n4 a 0\n5 b 0\n6 c 0\n", "6: 1 2 5 6 7\n6: 5 6 7\n"},
    {"an absence whose `within` is over before the silence before it holds when that is over",
     "rule r { match x: a then (y: b or not c for 8ms) then not d within 5ms }", "0 a 0\n7 d 0\n20 -\n", "8: 1\n"},
    {"and at its own end where that is later", "rule r { match x: a then (y: b or not c for 4ms) then not d within 5ms }", "0 a 0\n20 -\n", "5: 1\n"},
    {"brackets around the end say nothing, and brackets around them nothing more",
     "rule r { match x: a then within 2ms ((y: b * then not c for 8ms)) }", "0 a 0\n20 -\n", "8: 1\n"},
    {"the link to brackets that begin with an absence leads to their first event",
     "rule r { match x: a then within 2ms (not d then (y: b or z: c) then not a for 1ms)" NO_SKIP, "0 a 0\n3 b 0\n10 a 0\n12 b 0\n20 -\n", "13: 3 4\n"},
    {"but a group that may be repeated is bound by its link", "rule r { match x: a then within 2ms (y: b * then not c for 8ms) {1,2} }",
     "0 a 0\n20 -\n", ""},
    {"a round that began closed the gap before it", "rule r { match x: a then not d then (y: b then z: c) * then w: b [v == 1] }",
     "0 a 0\n1 b 0\n2 d 0\n3 b 1\n", "3: 1 4\n"},
    {"next leads to the first event of a group, not to a round of it that was given up",
     "rule r { match x: a next ((y: b then z: c) * then w: d) {1,}" NO_SKIP, "0 a 0\n1 b 0\n2 d 0\n3 a 0\n4 d 0\n", "4: 4 5\n"},
    {"a step that a silence keeps out of reach runs out at its bound",
     "rule r { match x: a then not b for 8ms then (y: b or z: c) within 5ms on timeout alert { n: x.v } }", "0 a 7\n20 -\n", "5: 1 =7\n"},
    {"the end of a silence leads on like an event, be it where nothing can be completed",
     "rule r { match x: a {1,} then ((not b for 1ms and y: c {2}) and not d for 3ms) within 8ms on timeout alert { n: x.v } }",
     "0 a 7\n1 b 0\n20 -\n", ""},
    {"before that the loop may go on",
     "rule r { match x: a {1,} then ((not b for 1ms and y: c {2}) and not d for 3ms) within 8ms on timeout alert { n: x.v } }",
     "0 a 7\n1 b 0\n2 a 8\n4 b 0\n20 -\n", "8: 1 3 =8\n10: 3 =8\n"},
    {"and where the first silence was over, it runs out",
     "rule r { match x: a {1,} then ((not b for 1ms and y: c {2}) and not d for 3ms) within 8ms on timeout alert { n: x.v } }",
     "0 a 7\n2 b 0\n20 -\n", "8: 1 =7\n"},
    {"complete once, what is forbidden inside may come",
     "rule r { match ((x: a then y: b) {1,2} any and z: c and not d) then not d for 5ms" NO_SKIP, "0 a 0\n1 b 0\n2 c 0\n3 d 0\n4 a 0\n5 b 0\n20 -\n",
     "10: 1 2 3 5 6\n"},
    {"but not in a round that goes on",
     "rule r { match ((x: a then y: b) {1,2} any and z: c and not d) then not d for 5ms" NO_SKIP, "0 a 0\n1 b 0\n2 c 0\n4 a 0\n5 d 0\n6 b 0\n20 -\n", ""},
    {"what another alternative has bound does not count for the bound around an operand",
     "rule r { match x: a then ((((y: b then u: d) or z: c) and w: d) within 3ms)" NO_SKIP, "0 a 0\n1 b 0\n9 c 0\n10 d 0\n", "10: 1 3 4\n"},
    {"what another operand has bound does",
     "rule r { match x: a then ((((y: b then u: d) or z: c) and w: d) within 3ms)" NO_SKIP, "0 a 0\n1 d 0\n9 c 0\n", ""},
    {"of two keys at one instant the first is done with before the second, whatever ends there one behind the other",
     "rule r { match (x: a then ((any 1 of (not a for 1ms, y: b)) and not c for (11 - 6 * x.v) * 1ms)) then not b by v within 5ms" NO_SKIP,
     "4 a 2\n4 a 1\n20 -\n", "9: 2\n9: 1\n"},
    {"unless kills", "rule r { match x: a then (y: b and z: c) unless d after y" NO_SKIP, "0 a 0\n1 d 0\n2 c 0\n3 d 0\n4 b 0\n5 a 0\n6 b 0\n7 d 0\n8 c 0\n",
     "4: 1 3 5\n"},
    /* branches */
    {"then any considers every later fit", "rule r { match x: a then any y: b" NO_SKIP, "0 a 0\n1 b 0\n2 c 0\n3 b 0\n", "1: 1 2\n3: 1 4\n"},
    {"the first match ends the others", "rule r { match x: a then any y: b }", "0 a 0\n1 b 0\n2 b 0\n", "1: 1 2\n"},
    {"then any, then", "rule r { match x: a then any y: b then z: c" NO_SKIP, "0 a 0\n1 b 0\n2 b 0\n3 c 0\n4 c 0\n", "3: 1 2 4\n3: 1 3 4\n"},
    {"an any loop takes, leaves out, and is left", "rule r { match x: a {1,} any then y: b" NO_SKIP, "0 a 0\n1 a 0\n2 b 0\n",
     "2: 1 2 3\n2: 1 3\n2: 2 3\n"},
    {"an any loop around `any n of` is none of its operands",
     "rule r { match ((any 1 of (x: a)) then y: a {0,2}) {1,3} any then z: b" NO_SKIP, "0 a 0\n1 a 0\n2 b 0\n", "2: 1 2 3\n2: 1 2 3\n2: 2 3\n"},
    {"an event that could go into the loop also leaves it", "rule r { match x: a {1,2} any then y: a" NO_SKIP, "0 a 0\n1 a 0\n2 a 0\n",
     "1: 1 2\n2: 1 2 3\n2: 1 3\n2: 2 3\n"},
    {"an any loop of groups that waits for a silence also goes on with another round",
     "rule r { match (x: a then y: b) {1,2} any then not c for 10ms" NO_SKIP, "0 a 0\n1 b 0\n8 a 0\n14 b 0\n30 -\n",
     "11: 1 2\n24: 1 2 3 4\n24: 3 4\n"},
    {"an any loop of groups", "rule r { match (x: a then y: b) {2} any" NO_SKIP, "0 a 0\n1 b 0\n2 a 0\n3 b 0\n4 a 0\n5 b 0\n",
     "3: 1 2 3 4\n5: 1 2 5 6\n5: 3 4 5 6\n"},
    {"three that add up", "rule r { match x: a {3} any when sum(x.v) == 10" NO_SKIP, "0 a 5\n1 a 3\n2 a 9\n3 a 2\n4 a 2\n", "3: 1 2 4\n4: 1 2 5\n"},
    {"branches that bind the same events are told once", "rule r { match (x: a then any y: b then z: c) {1,} then w: d" NO_SKIP,
     "0 a 0\n1 b 0\n2 c 0\n3 a 0\n4 b 0\n5 d 0\n", "5: 1 2 3 6\n"},
    {"skip to next drops what began with the match", "rule r { match x: a then any y: b after match skip to next }",
     "0 a 0\n1 a 0\n2 b 0\n3 b 0\n", "2: 1 3\n2: 2 3\n"},
    {"then any leads to whatever of a group comes first, an absence at its end or not", "rule r { match x: a then any (y: b ? then z: b then not c for 1ms)" NO_SKIP,
     "0 a 0\n4 b 0\n10 b 0\n30 -\n", "5: 1 2\n11: 1 2 3\n11: 1 3\n"},
    {"so does then within", "rule r { match x: a then within 3ms (y: c ? then z: b then not d for 1ms)" NO_SKIP, "0 a 0\n4 b 0\n10 a 0\n13 b 0\n30 -\n", "14: 3 4\n"},
    {"then any at the end of an and", "rule r { match x: a then ((y: b then any z: c) and w: d)" NO_SKIP, "0 a 0\n1 b 0\n2 c 0\n3 c 0\n4 d 0\n",
     "4: 1 2 3 5\n4: 1 2 4 5\n"},
    /* limits */
    {"a limit of attempts takes those of the oldest event", "rule r { match x: a then (y: b or z: c) limits { attempts: 2 }" NO_SKIP,
     "0 a 0\n1 a 0\n2 a 0\n3 b 0\n", "3: 2 4 limited\n3: 3 4 limited\n"},
    {"branches count as attempts", "rule r { match x: a {1,} any then y: b limits { attempts: 3 }" NO_SKIP, "0 a 0\n1 a 0\n2 a 0\n3 b 0\n",
     "3: 2 3 4 limited\n3: 2 4 limited\n3: 3 4 limited\n"},
    {"branches that match at each event are bounded, too", "rule r { match x: a {2,} any limits { attempts: 2 } when sum(x.v) > 0" NO_SKIP,
     "0 a 1\n1 a 1\n2 a 1\n3 a 1\n",
     "1: 1 2\n2: 1 3\n2: 2 3\n3: 2 4 limited\n3: 3 4 limited\n"},
    {"a limit of events", "rule r { match (x: a then y: b) {1,3} then z: c limits { events: 3 } }", "0 a 0\n1 b 0\n2 a 0\n3 b 0\n4 c 0\n",
     "4: 3 4 5 limited\n"},
};

/* ---- lines ---- */

static void note(engine_run *r, const egret_alert *alert)
{
    r->at += (size_t)snprintf(r->out + r->at, sizeof r->out - r->at, "%lld:", (long long)alert->time_ms);
    for (size_t i = 0; i < alert->n_events; i++) {
        r->at += (size_t)snprintf(r->out + r->at, sizeof r->out - r->at, " %llu", (unsigned long long)alert->events[i].ref);
    }
    for (size_t i = 0; i < alert->n_fields; i++) {
        r->at += (size_t)snprintf(r->out + r->at, sizeof r->out - r->at, " =%lld", (long long)alert->fields[i].value.u.i);
    }
    r->at += (size_t)snprintf(r->out + r->at, sizeof r->out - r->at, "%s\n", alert->limited ? " limited" : "");
}

static egret_status push_line(egret_engine *engine, const char *line, uint64_t ref)
{
    long long time_ms = 0;
    char stream[16] = "";
    long long value = 0;
    (void)sscanf(line, "%lld %15s %lld", &time_ms, stream, &value);
    if (strcmp(stream, "-") == 0) {
        return egret_advance(engine, time_ms);
    }
    egret_field field = {"v", {.u.i = value, .type = EGRET_INT}};
    egret_event event = {.size = sizeof event, .stream = stream, .time_ms = time_ms, .ref = ref, .fields = &field, .n_fields = 1};
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_meanings), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
