/*
 * rule_test.c: one test: its events in virtual time through order and engine, its expectations against what came.
 *
 * Which alert an expectation takes is a matching problem: `expect alert at 5m` twice and `expect alert at 5m { card: "a" }` once must find
 * three different alerts whatever the order of writing. Expectations are therefore matched by augmenting paths (Kuhn), few as they are.
 */
#include "app/rule_test.h"

#include "app/alert_copy.h"
#include "ingest/order.h"

#include <stdlib.h>
#include <string.h>

/* One event of the test at its instant: an `at` line stands for `times` of them. */
typedef struct arrival {
    int64_t time_ms;
    uint32_t event;     /* of the test */
    int64_t i;          /* counter of the repetition */
} arrival;

typedef struct run {
    egret_arena *arena;
    const plan *plan;
    const plan_test *test;
    rule_test_result *result;
    nfa_engine *engine;
    ingest_order *order;
    egret_arena scratch;    /* values of one event */
    uint64_t refs;
} run;

static void fail(run *r, const char *why)
{
    if (!r->result->trouble) r->result->trouble = why;
}

static bool check(run *r, egret_status status)
{
    if (status != EGRET_OK && status != EGRET_LATE) fail(r, egret_status_text(status));
    return r->result->trouble == NULL;
}

/* ---- alerts ---- */

static egret_value keep_value(egret_arena *arena, egret_value value)
{
    if (value.type == EGRET_STRING) value.u.s = egret_arena_str(arena, value.u.s, value.len).ptr;
    return value;
}

static bool make_room(run *r)
{
    rule_test_result *result = r->result;
    if (result->n_alerts < result->capacity) return true;
    size_t capacity = result->capacity ? result->capacity * 2 : 16;
    rule_test_alert *grown = egret_arena_alloc(r->arena, capacity * sizeof *grown);
    if (!grown) return false;
    if (result->n_alerts > 0) memcpy(grown, result->alerts, result->n_alerts * sizeof *grown);
    result->alerts = grown;
    result->capacity = capacity;
    return true;
}

static void keep_alerts(run *r)
{
    const nfa_alert *alert;
    while ((alert = nfa_engine_take(r->engine)) != NULL) {
        const nfa_alert *copy = make_room(r) ? alert_copy(r->arena, alert) : NULL;
        if (!copy) {
            fail(r, "no memory");
            return;
        }
        r->result->alerts[r->result->n_alerts++] = (rule_test_alert){.body = &copy->body};
    }
}

static egret_status release(void *user, const nfa_event *event)
{
    run *r = user;
    egret_status status = nfa_engine_event(r->engine, event);
    keep_alerts(r);
    return status;
}

/* ---- what the test gives ---- */

static uint32_t count_given(const plan_test *test, bool is_table, uint32_t target)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < test->n_givens; i++)
        if (test->givens[i].is_table == is_table && test->givens[i].target == target) n += test->givens[i].n_values;
    return n;
}

/* A list or table that the test gives anything has just that; the others keep the content of their files. */
static void give_content(run *r, bool is_table, uint32_t target)
{
    uint32_t n = count_given(r->test, is_table, target), at = 0;
    if (n == 0) return;
    egret_value *values = egret_arena_alloc(r->arena, n * sizeof *values);
    if (!values) {
        fail(r, "no memory");
        return;
    }
    for (uint32_t i = 0; i < r->test->n_givens; i++) {
        const plan_test_given *given = &r->test->givens[i];
        if (given->is_table != is_table || given->target != target || given->n_values == 0) continue;
        memcpy(values + at, given->values, given->n_values * sizeof *values);
        at += given->n_values;
    }
    if (is_table) check(r, nfa_engine_set_table(r->engine, target, values, n / r->plan->tables[target].n_columns));
    else check(r, nfa_engine_set_list(r->engine, target, values, NULL, n));
}

static void give_all(run *r)
{
    for (uint32_t i = 0; i < r->plan->n_lists; i++) give_content(r, false, i);
    for (uint32_t i = 0; i < r->plan->n_tables; i++) give_content(r, true, i);
}

/* ---- events ---- */

/* Literals of a wider kind than the field: 5 for a decimal or number, a text for a time. */
static egret_value as_type(egret_value value, uint8_t type)
{
    int64_t ms;
    if (value.type == type || value.type == EGRET_NULL) return value;
    if (type == EGRET_NUMBER) return egret_number(egret_value_as_number(value));
    if (type == EGRET_DECIMAL && value.type == EGRET_INT) return egret_decimal(value.u.i, 0);
    if (type == EGRET_TIME && value.type == EGRET_STRING && egret_parse_rfc3339(value.u.s, value.len, &ms)) return egret_time(ms);
    return value;
}

static const plan_field *find_field(const plan_stream *stream, egret_str name)
{
    for (uint32_t i = 0; i < stream->n_fields; i++)
        if (egret_str_eq(stream->fields[i].name, name)) return &stream->fields[i];
    return NULL;
}

static egret_value *make_slots(run *r, const arrival *a)
{
    const plan_test_event *event = &r->test->events[a->event];
    const plan_stream *stream = &r->plan->streams[event->stream];
    egret_value *slots = egret_arena_alloc(&r->scratch, (stream->n_slots + 1) * sizeof *slots);
    if (!slots) return NULL;
    for (uint32_t i = 0; i < stream->n_slots; i++) slots[i] = egret_null();
    if (stream->time_field != PLAN_NONE) slots[stream->fields[stream->time_field].slot] = egret_time(a->time_ms);
    for (uint32_t i = 0; i < event->n_fields; i++) {
        const plan_field *field = find_field(stream, event->fields[i].name);
        if (!field || field->slot == PLAN_NONE) continue;
        slots[field->slot] = as_type(keep_value(&r->scratch, nfa_eval_slots(r->engine, event->fields[i].expr, NULL, a->i)), field->type);
    }
    return slots;
}

static void push(run *r, const arrival *a)
{
    const plan_test_event *event = &r->test->events[a->event];
    if (event->stream == PLAN_NONE) return;
    egret_arena_reset(&r->scratch);
    egret_value *slots = make_slots(r, a);
    if (!slots) {
        fail(r, "no memory");
        return;
    }
    ingest_outcome outcome = INGEST_ACCEPTED;
    ingest_arrival in = {.source = event->stream, .stream = event->stream, .slots = slots, .ref = r->refs, .position = r->refs,
                         .arrival_ms = a->time_ms, .now_ms = a->time_ms};
    r->refs++;
    check(r, ingest_order_push(r->order, &in, &outcome));
    r->result->late += outcome == INGEST_LATE;
    r->result->duplicates += outcome == INGEST_DUPLICATE;
    r->result->ahead += outcome == INGEST_AHEAD;
}

static int by_instant(const void *left, const void *right)
{
    const arrival *a = left, *b = right;
    if (a->time_ms != b->time_ms) return a->time_ms < b->time_ms ? -1 : 1;
    if (a->event != b->event) return a->event < b->event ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

enum { MAX_ARRIVALS = 10 * 1000 * 1000 };

/* All events at their instants, in order; *n is their number. NULL: a trouble was noted. */
static arrival *expand(run *r, size_t *n)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < r->test->n_events; i++) {
        int64_t times = r->test->events[i].times;
        total += times > 0 ? (uint64_t)times : 0;
        if (total > MAX_ARRIVALS) {
            fail(r, "a test may have ten million events");
            return NULL;
        }
    }
    arrival *arrivals = calloc((size_t)total + 1, sizeof *arrivals);
    *n = 0;
    if (!arrivals) fail(r, "no memory");
    for (uint32_t i = 0; arrivals && i < r->test->n_events; i++) {
        const plan_test_event *event = &r->test->events[i];
        for (int64_t k = 0; k < event->times; k++) {
            int64_t time_ms;
            if (__builtin_mul_overflow(k, event->every_ms, &time_ms) || __builtin_add_overflow(time_ms, event->at_ms, &time_ms) ||
                __builtin_add_overflow(time_ms, r->test->start_ms, &time_ms)) {
                fail(r, "an instant of this test is beyond the end of time");
                continue;
            }
            arrivals[(*n)++] = (arrival){time_ms, i, k};
        }
    }
    if (arrivals) qsort(arrivals, *n, sizeof *arrivals, by_instant);
    return arrivals;
}

/* The test's last instant: of its events and of what it expects. */
static int64_t find_end(const run *r, const arrival *arrivals, size_t n)
{
    int64_t end_ms = n > 0 ? arrivals[n - 1].time_ms : r->test->start_ms;
    for (uint32_t i = 0; i < r->test->n_expects; i++) {
        const plan_test_expect *expect = &r->test->expects[i];
        int64_t at_ms;
        if (expect->no_more || __builtin_add_overflow(r->test->start_ms, expect->at_ms, &at_ms)) continue;
        if (at_ms > end_ms) end_ms = at_ms;
    }
    return end_ms;
}

static void run_events(run *r)
{
    size_t n = 0;
    arrival *arrivals = expand(r, &n);
    for (size_t i = 0; i < n && !r->result->trouble; i++) push(r, &arrivals[i]);
    if (!r->result->trouble) {
        int64_t end_ms = find_end(r, arrivals, n);
        check(r, ingest_order_flush(r->order));
        /* Deadlines at the last instant act when the clock is beyond it. */
        if (end_ms < INT64_MAX && end_ms >= nfa_engine_clock(r->engine)) check(r, nfa_engine_advance(r->engine, end_ms + 1));
        keep_alerts(r);
    }
    free(arrivals);
}

/* ---- expectations ---- */

static bool same(egret_value a, egret_value b)
{
    return a.type == EGRET_NULL || b.type == EGRET_NULL ? a.type == b.type : egret_value_equal(a, b);
}

static bool find_value(const egret_alert *alert, egret_str name, egret_value *out)
{
    for (size_t i = 0; i < alert->n_fields; i++)
        if (egret_str_is(name, alert->fields[i].name)) {
            *out = alert->fields[i].value;
            return true;
        }
    for (size_t i = 0; i < alert->n_key; i++)
        if (egret_str_is(name, alert->key[i].name)) {
            *out = alert->key[i].value;
            return true;
        }
    if (egret_str_is(name, "repeat")) {
        *out = egret_int((int64_t)alert->repeat);
        return true;
    }
    if (!egret_str_is(name, "severity")) return false;
    *out = egret_string(alert->severity, (uint32_t)strlen(alert->severity));
    return true;
}

static bool is_alert(egret_alert_kind kind)
{
    return kind == EGRET_ALERT || kind == EGRET_TIMEOUT;
}

bool rule_test_fits(const plan_test *test, const plan_test_expect *expect, const egret_value *values, const rule_test_alert *alert)
{
    const egret_alert *body = alert->body;
    egret_str rule = expect->rule.len > 0 ? expect->rule : test->rule;
    int64_t at_ms;
    if (__builtin_add_overflow(test->start_ms, expect->at_ms, &at_ms) || body->time_ms != at_ms) return false;
    if (!egret_str_is(rule, body->rule)) return false;
    if (is_alert(expect->kind) ? !is_alert(body->kind) : expect->kind != body->kind) return false;
    for (uint32_t i = 0; i < expect->n_fields; i++) {
        egret_value value;
        if (!find_value(body, expect->fields[i].name, &value) || !same(value, values[i])) return false;
    }
    return true;
}

bool rule_test_is_extra(const plan_test *test, const rule_test_alert *alert)
{
    return is_alert(alert->body->kind) && egret_str_is(test->rule, alert->body->rule);
}

typedef struct matching {
    run *run;
    egret_value **values;   /* per expect: its fields */
    uint32_t *owner;        /* per alert: the expect that has it */
    bool *visited;          /* per alert, in one search */
} matching;

/* Finds an alert for the expect, moving others to other alerts where that helps. */
static bool find_alert(const matching *m, uint32_t number)
{
    run *r = m->run;
    for (uint32_t i = 0; i < r->result->n_alerts; i++) {
        if (m->visited[i] || !rule_test_fits(r->test, &r->test->expects[number], m->values[number], &r->result->alerts[i])) continue;
        m->visited[i] = true;
        if (m->owner[i] != PLAN_NONE && !find_alert(m, m->owner[i])) continue;
        m->owner[i] = number;
        r->result->taken[number] = i;
        return true;
    }
    return false;
}

static bool evaluate_fields(const matching *m)
{
    run *r = m->run;
    for (uint32_t i = 0; i < r->test->n_expects; i++) {
        const plan_test_expect *expect = &r->test->expects[i];
        m->values[i] = egret_arena_alloc(r->arena, (expect->n_fields + 1) * sizeof **m->values);
        if (!m->values[i]) return false;
        for (uint32_t k = 0; k < expect->n_fields; k++)
            m->values[i][k] = keep_value(r->arena, nfa_eval_slots(r->engine, expect->fields[k].expr, NULL, 0));
    }
    return true;
}

static void match_expectations(run *r)
{
    size_t n_alerts = r->result->n_alerts, n_expects = r->test->n_expects;
    matching m = {r, egret_arena_alloc(r->arena, (n_expects + 1) * sizeof *m.values),
                  egret_arena_alloc(r->arena, (n_alerts + 1) * sizeof *m.owner), egret_arena_alloc(r->arena, n_alerts + 1)};
    r->result->taken = egret_arena_alloc(r->arena, (n_expects + 1) * sizeof *r->result->taken);
    if (!m.values || !m.owner || !m.visited || !r->result->taken || !evaluate_fields(&m)) {
        fail(r, "no memory");
        return;
    }
    for (size_t i = 0; i < n_expects; i++) r->result->taken[i] = PLAN_NONE;
    for (size_t i = 0; i < n_alerts; i++) m.owner[i] = PLAN_NONE;
    for (uint32_t i = 0; i < n_expects; i++) {
        if (r->test->expects[i].no_more) continue;
        memset(m.visited, 0, n_alerts + 1);
        find_alert(&m, i);
    }
    for (size_t i = 0; i < n_alerts; i++) r->result->alerts[i].expected = m.owner[i] != PLAN_NONE;
}

void rule_test_run(egret_arena *arena, const plan *p, const plan_test *test, rule_test_result *result)
{
    *result = (rule_test_result){0};
    run r = {.arena = arena, .plan = p, .test = test, .result = result};
    ingest_order_options options = {.plan = p, .release = release, .user = &r};
    egret_arena_init(&r.scratch, egret_mem_of(NULL));
    r.engine = nfa_engine_new(egret_mem_of(NULL), p);
    r.order = ingest_order_new(&options);
    bool fine = r.engine && r.order;
    for (uint32_t i = 0; fine && i < p->n_streams; i++)
        fine = ingest_order_add_source(r.order, p->streams[i].lateness_ms, false) == EGRET_OK;
    if (!fine) {
        fail(&r, "no memory");
    } else {
        /* What the test gives must stand before the start: keys of a table count as silent from that instant. */
        give_all(&r);
        if (!result->trouble) check(&r, nfa_engine_start(r.engine, test->start_ms));
        if (!result->trouble) run_events(&r);
        if (!result->trouble) match_expectations(&r);
    }
    if (arena->failed) fail(&r, "no memory");
    ingest_order_free(r.order);
    nfa_engine_free(r.engine);
    egret_arena_deinit(&r.scratch);
}
