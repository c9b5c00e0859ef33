/*
 * test_order.c: what comes out, in which order, and what is late, a duplicate or ahead. A script of pushes is one string, so is what it gives;
 * a randomised part compares with sorting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/held.h"
#include "ingest/identity.h"
#include "ingest/order.h"

#define STR(s) { s, sizeof s - 1 }

/* Slots: 0 time, 1 identity, 2 a text. */
static plan_field fields[] = {
    { .name = STR("at"), .type = EGRET_TIME, .slot = 0 },
    { .name = STR("id"), .type = EGRET_STRING, .optional = true, .slot = 1 },
    { .name = STR("text"), .type = EGRET_STRING, .slot = 2 },
};
static plan_stream streams[] = {
    { .name = STR("timed"), .fields = fields, .n_fields = 3, .n_slots = 3, .time_field = 0, .identity_field = 1, .lateness_ms = 10,
      .identity_within_ms = 100, .ahead_ms = 1000 },
    { .name = STR("untimed"), .fields = fields, .n_fields = 3, .n_slots = 3, .time_field = PLAN_NONE, .identity_field = PLAN_NONE,
      .ahead_ms = 1000 },
};
static const plan test_plan = { .streams = streams, .n_streams = 2 };

typedef struct run {
    ingest_order *order;
    char out[4096];
    size_t n;
    int64_t last_ms;
    uint64_t released;
    egret_status answer;
} run;

static egret_status take(void *user, const nfa_event *event)
{
    run *at = user;
    if (at->n + 64 < sizeof at->out)
        at->n += (size_t)snprintf(at->out + at->n, sizeof at->out - at->n, "%d%.*s ", (int)event->time_ms, (int)event->slots[2].len,
                                  event->slots[2].u.s);
    assert_true(event->time_ms >= at->last_ms);
    at->last_ms = event->time_ms;
    at->released++;
    return at->answer;
}

static void begin(run *at, bool merge, const ingest_order_options *more)
{
    ingest_order_options options = more == NULL ? (ingest_order_options){ 0 } : *more;
    *at = (run){ .last_ms = INT64_MIN };
    options.plan = &test_plan;
    options.release = take;
    options.user = at;
    options.merge = merge;
    at->order = ingest_order_new(&options);
    assert_non_null(at->order);
}

static ingest_outcome push(run *at, uint32_t source, uint32_t stream, int64_t time_ms, const char *id, const char *text)
{
    static uint64_t position;
    char copy[64];
    snprintf(copy, sizeof copy, "%s", text);    /* gone after the call: what is held must own its strings */
    egret_value slots[3] = { egret_time(time_ms), id == NULL ? egret_null() : egret_string(id, (uint32_t)strlen(id)),
                             egret_string(copy, (uint32_t)strlen(copy)) };
    ingest_outcome outcome = INGEST_AHEAD;
    ingest_arrival arrival = { .source = source, .stream = stream, .slots = slots, .ref = 7, .position = position++,
                               .arrival_ms = INGEST_NO_TIME, .now_ms = INGEST_NO_TIME };
    assert_int_equal(ingest_order_push(at->order, &arrival, &outcome), EGRET_OK);
    memset(copy, '?', sizeof copy);
    return outcome;
}

static void expect(run *at, const char *out)
{
    if (at->n > 0)
        at->out[at->n - 1] = '\0';
    assert_string_equal(at->out, out);
    at->n = 0;
    at->out[0] = '\0';
}

static void passes_at_once_without_lateness(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, 0, true);
    push(&at, 0, 0, 5, NULL, "a");
    expect(&at, "5a");
    push(&at, 0, 0, 5, NULL, "b");
    push(&at, 0, 0, 7, NULL, "c");
    expect(&at, "5b 7c");
    assert_int_equal(push(&at, 0, 0, 6, NULL, "d"), INGEST_LATE);
    expect(&at, "");
    assert_int_equal(ingest_order_watermark(at.order), 7);
    assert_int_equal(ingest_order_held(at.order), 0);
    ingest_order_free(at.order);
}

static void holds_for_lateness(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, ingest_order_lateness(&test_plan, NULL), true);
    push(&at, 0, 0, 100, NULL, "a");
    push(&at, 0, 0, 95, NULL, "b");
    push(&at, 0, 0, 90, NULL, "c");     /* at the watermark: not late, and nothing can come before it */
    expect(&at, "90c");
    assert_int_equal(push(&at, 0, 0, 89, NULL, "d"), INGEST_LATE);
    push(&at, 0, 0, 95, NULL, "e");
    push(&at, 0, 0, 106, NULL, "f");
    expect(&at, "95b 95e");
    ingest_order_finish(at.order, 0);
    expect(&at, "100a 106f");
    const ingest_stats *stats = ingest_order_stats(at.order);
    assert_int_equal(stats->accepted, 5);
    assert_int_equal(stats->late, 1);
    ingest_order_free(at.order);
}

static void finds_duplicates(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, 0, true);
    assert_int_equal(push(&at, 0, 0, 0, "x", "a"), INGEST_ACCEPTED);
    assert_int_equal(push(&at, 0, 0, 100, "x", "b"), INGEST_DUPLICATE);     /* the bound is inclusive */
    assert_int_equal(push(&at, 0, 0, 100, "y", "c"), INGEST_ACCEPTED);
    assert_int_equal(push(&at, 0, 0, 101, "x", "d"), INGEST_ACCEPTED);
    assert_int_equal(push(&at, 0, 0, 101, NULL, "e"), INGEST_ACCEPTED);
    assert_int_equal(push(&at, 0, 0, 101, NULL, "f"), INGEST_ACCEPTED);     /* null is never one */
    expect(&at, "0a 100c 101d 101e 101f");
    assert_int_equal(ingest_order_stats(at.order)->duplicates, 1);
    ingest_order_free(at.order);
}

static void merges_sources(void **state)
{
    (void)state;
    run at;
    begin(&at, true, NULL);
    ingest_order_add_source(at.order, 0, true);
    ingest_order_add_source(at.order, 0, true);
    push(&at, 1, 0, 10, NULL, "b1");
    expect(&at, "");                        /* source 0 may still give 10, which would come first */
    push(&at, 0, 0, 10, NULL, "a1");
    push(&at, 0, 0, 10, NULL, "a2");
    expect(&at, "10a1 10a2");
    push(&at, 0, 0, 12, NULL, "a3");
    expect(&at, "10b1");
    ingest_order_finish(at.order, 1);
    expect(&at, "12a3");
    push(&at, 0, 0, 13, NULL, "a4");
    expect(&at, "13a4");
    ingest_order_free(at.order);
}

static void idle_sources_hold_nothing(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, 0, true);
    ingest_order_add_source(at.order, 0, false);
    push(&at, 0, 0, 10, NULL, "a");
    expect(&at, "10a");
    push(&at, 1, 0, 12, NULL, "b");         /* active now, ahead of source 0 */
    expect(&at, "");
    ingest_order_idle(at.order, 0);
    expect(&at, "12b");
    assert_int_equal(push(&at, 0, 0, 11, NULL, "c"), INGEST_LATE);
    push(&at, 1, 0, 20, NULL, "d");
    expect(&at, "20d");                     /* a late event does not wake a source */
    push(&at, 0, 0, 21, NULL, "e");
    expect(&at, "");
    ingest_order_advance(at.order, 30);
    expect(&at, "21e");
    assert_int_equal(push(&at, 1, 0, 29, NULL, "f"), INGEST_LATE);
    ingest_order_free(at.order);
}

static void ahead_never_moves_the_clock(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, 0, true);
    egret_value slots[3] = { egret_time(6001), egret_null(), egret_string("x", 1) };
    ingest_arrival arrival = { .slots = slots, .now_ms = 5000, .arrival_ms = INGEST_NO_TIME };
    ingest_outcome outcome;
    assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_OK);
    assert_int_equal(outcome, INGEST_AHEAD);
    slots[0] = egret_time(6000);
    assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_OK);
    assert_int_equal(outcome, INGEST_ACCEPTED);
    assert_int_equal(ingest_order_stats(at.order)->rejected[INGEST_REASON_AHEAD], 1);
    expect(&at, "6000x");
    ingest_order_free(at.order);
}

static void events_without_time(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, 10, true);
    push(&at, 0, 0, 100, NULL, "a");
    push(&at, 0, 1, 0, NULL, "b");          /* file order is kept: it takes the time of what stands before it */
    push(&at, 0, 0, 105, NULL, "c");
    ingest_order_flush(at.order);
    expect(&at, "100a 100b 105c");
    egret_value slots[3] = { egret_null(), egret_null(), egret_string("d", 1) };
    ingest_arrival arrival = { .stream = 1, .slots = slots, .now_ms = INGEST_NO_TIME, .arrival_ms = 200 };
    ingest_outcome outcome;
    assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_OK);
    ingest_order_flush(at.order);
    expect(&at, "200d");
    ingest_order_free(at.order);
}

static void too_many_held_go_early(void **state)
{
    (void)state;
    run at;
    begin(&at, false, &(ingest_order_options){ .max_held_bytes = 4096 });
    ingest_order_add_source(at.order, 1000000, true);
    char text[16];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "e%d", i);
        push(&at, 0, 0, i, NULL, text);
    }
    const ingest_stats *stats = ingest_order_stats(at.order);
    assert_true(stats->released_early > 50 && stats->released_early < 99);
    assert_int_equal(stats->released_early + ingest_order_held(at.order), 100);
    assert_int_equal(push(&at, 0, 0, 1, NULL, "late"), INGEST_LATE);
    ingest_order_free(at.order);
}

static void the_answer_of_the_taker_is_given_back(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    ingest_order_add_source(at.order, 0, true);
    at.answer = EGRET_IO;
    egret_value slots[3] = { egret_time(1), egret_null(), egret_string("x", 1) };
    ingest_arrival arrival = { .slots = slots, .now_ms = INGEST_NO_TIME, .arrival_ms = INGEST_NO_TIME };
    ingest_outcome outcome;
    assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_IO);
    arrival.source = 1;
    assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_BAD_USE);
    ingest_order_free(at.order);
}

/* ---- by sorting ---- */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Whatever the lateness, what comes out ascends, and all that was not late comes out with its own strings. */
static void random_input(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int64_t lateness = 0; lateness <= 2000; lateness = lateness * 3 + 1) {
        run at;
        begin(&at, false, NULL);
        ingest_order_add_source(at.order, lateness, true);
        uint64_t accepted = 0;
        char text[2200];
        for (int i = 0; i < 3000; i++) {
            size_t len = next_random(&seed) % 50 == 0 ? 2100 : next_random(&seed) % 100;
            memset(text, 'a' + i % 26, len);
            text[len] = '\0';
            egret_value slots[3] = { egret_time(i + (int64_t)(next_random(&seed) % 300)), egret_null(), egret_string(text, (uint32_t)len) };
            ingest_arrival arrival = { .slots = slots, .now_ms = INGEST_NO_TIME, .arrival_ms = INGEST_NO_TIME, .position = (uint64_t)i };
            ingest_outcome outcome;
            assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_OK);
            accepted += outcome == INGEST_ACCEPTED;
        }
        ingest_order_finish(at.order, 0);
        assert_int_equal(at.released, accepted);
        if (lateness >= 300)
            assert_int_equal(accepted, 3000);
        ingest_order_free(at.order);
    }
}

static void identities_are_forgotten(void **state)
{
    (void)state;
    ingest_identity set;
    ingest_identity_init(&set, 1000, 1 << 20);
    for (uint64_t i = 1; i <= 200000; i++) {
        int64_t now = (int64_t)i;
        assert_int_equal(ingest_identity_see(&set, i * UINT64_C(0x9E3779B97F4A7C15), now, now), INGEST_SEEN_NEW);
        if (i > 1000)
            assert_int_equal(ingest_identity_see(&set, (i - 1000) * UINT64_C(0x9E3779B97F4A7C15), now, now), INGEST_SEEN_BEFORE);
    }
    assert_true(set.capacity <= 8192);
    assert_int_equal(set.cuts, 0);
    ingest_identity_deinit(&set);
}

static void identities_are_bounded(void **state)
{
    (void)state;
    ingest_identity set;
    ingest_identity_init(&set, INT64_MAX, 5000);
    for (uint64_t i = 1; i <= 100000; i++)
        assert_int_equal(ingest_identity_see(&set, i * UINT64_C(0x9E3779B97F4A7C15), (int64_t)i, INT64_MIN), INGEST_SEEN_NEW);
    assert_true(set.used <= 5000 && set.used > 2000);
    assert_true(set.cuts > 10);
    assert_int_equal(ingest_identity_see(&set, 100000 * UINT64_C(0x9E3779B97F4A7C15), 100000, INT64_MIN), INGEST_SEEN_BEFORE);
    /* All at one instant: there is no older half, so all go. */
    for (uint64_t i = 1; i <= 20000; i++)
        assert_int_equal(ingest_identity_see(&set, ~i * UINT64_C(0x9E3779B97F4A7C15), INT64_MAX, INT64_MIN), INGEST_SEEN_NEW);
    assert_true(set.used <= 5000);
    ingest_identity_deinit(&set);
}

/* Events whose slots somebody else keeps: counted while they are held, in order or not, and not copied. */
static void kept_elsewhere(void **state)
{
    (void)state;
    run at;
    begin(&at, false, NULL);
    assert_int_equal(ingest_order_add_source(at.order, 10, true), EGRET_OK);
    static const int64_t times[] = { 100, 105, 103, 109, 111, 130 };
    static const uint32_t used[] = { 1, 2, 3, 4, 4, 1 };
    egret_value slots[6][3];
    uint32_t uses = 0;
    for (uint32_t i = 0; i < 6; i++) {
        slots[i][0] = egret_time(times[i]);
        slots[i][1] = egret_null();
        slots[i][2] = egret_string("text", 4);
        ingest_outcome outcome = INGEST_LATE;
        ingest_arrival arrival = { .slots = slots[i], .position = i, .arrival_ms = INGEST_NO_TIME, .now_ms = INGEST_NO_TIME, .uses = &uses };
        assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_OK);
        assert_int_equal(outcome, INGEST_ACCEPTED);
        assert_int_equal(uses, used[i]);
        slots[i][2] = egret_string("kept", 4);      /* seen by whoever gets the event: it is this place that is read */
    }
    expect(&at, "100kept 103kept 105kept 109kept 111kept");
    ingest_order_free(at.order);
    assert_int_equal(uses, 0);
}

/* What is kept elsewhere counts, too. */
static void too_much_kept_elsewhere(void **state)
{
    (void)state;
    run at;
    begin(&at, false, &(ingest_order_options){ .max_held_bytes = 64 * 1024 });
    assert_int_equal(ingest_order_add_source(at.order, 1000, true), EGRET_OK);
    egret_value slots[50][3];
    uint32_t uses = 0;
    for (uint32_t i = 0; i < 50; i++) {
        slots[i][0] = egret_time(i);
        slots[i][1] = slots[i][2] = egret_null();
        ingest_outcome outcome = INGEST_LATE;
        ingest_arrival arrival = { .slots = slots[i], .position = i, .arrival_ms = INGEST_NO_TIME, .now_ms = INGEST_NO_TIME, .uses = &uses,
                                   .bytes = 16 * 1024 };
        assert_int_equal(ingest_order_push(at.order, &arrival, &outcome), EGRET_OK);
        assert_int_equal(outcome, INGEST_ACCEPTED);
        assert_true(uses <= 4);
    }
    assert_int_equal(ingest_order_stats(at.order)->released_early, 50 - uses);
    ingest_order_free(at.order);
}

/* Another order goes on with the bytes of this one. */
static void replace_order(run *at, egret_text *bytes)
{
    ingest_order *before = at->order;
    const char *from;
    bytes->len = 0;
    assert_int_equal(ingest_order_save(before, bytes), EGRET_OK);
    ingest_order_options options = { .plan = &test_plan, .release = take, .user = at };
    at->order = ingest_order_new(&options);
    assert_non_null(at->order);
    for (int i = 0; i < 2; i++)
        ingest_order_add_source(at->order, 10, i == 0);
    from = bytes->ptr;
    assert_int_equal(ingest_order_load(at->order, &from, bytes->ptr + bytes->len), EGRET_OK);
    assert_ptr_equal(from, bytes->ptr + bytes->len);
    ingest_order_free(before);
}

static void what_it_knows_can_be_kept(void **state)
{
    (void)state;
    run whole, cut;
    egret_text bytes;
    uint64_t seed = 7, duplicates = 0;
    egret_text_init(&bytes, egret_mem_of(NULL));
    begin(&whole, false, NULL);
    begin(&cut, false, NULL);
    for (int i = 0; i < 2; i++) {
        ingest_order_add_source(whole.order, 10, i == 0);
        ingest_order_add_source(cut.order, 10, i == 0);
    }
    for (int i = 0; i < 4000; i++) {
        char id[24], text[24];
        uint32_t source = next_random(&seed) % 3 == 0;
        int64_t time_ms = i + (int64_t)(next_random(&seed) % 14);
        snprintf(id, sizeof id, "i%d", (int)(next_random(&seed) % 500));
        snprintf(text, sizeof text, "t%d", i);
        ingest_outcome outcome = push(&whole, source, 0, time_ms, i % 5 == 0 ? NULL : id, text);
        assert_int_equal(push(&cut, source, 0, time_ms, i % 5 == 0 ? NULL : id, text), outcome);
        duplicates += outcome == INGEST_DUPLICATE;
        if (next_random(&seed) % 40 == 0) {
            assert_int_equal(ingest_order_idle(whole.order, 1), EGRET_OK);
            assert_int_equal(ingest_order_idle(cut.order, 1), EGRET_OK);
        }
        if (next_random(&seed) % 9 == 0)
            replace_order(&cut, &bytes);
        assert_string_equal(cut.out, whole.out);
        assert_int_equal(ingest_order_watermark(cut.order), ingest_order_watermark(whole.order));
        assert_int_equal(ingest_order_first_held(cut.order), ingest_order_first_held(whole.order));
        cut.n = whole.n = 0;
        cut.out[0] = whole.out[0] = '\0';
    }
    assert_true(duplicates > 100 && ingest_order_held(cut.order) > 0);
    for (size_t len = 0; len < bytes.len; len++) {      /* cut anywhere: refused, and nothing is read beyond */
        char *part = malloc(len + 1);
        assert_non_null(part);
        memcpy(part, bytes.ptr, len);
        const char *from = part;
        run other;
        begin(&other, false, NULL);
        for (int i = 0; i < 2; i++)
            ingest_order_add_source(other.order, 10, i == 0);
        assert_int_equal(ingest_order_load(other.order, &from, part + len), EGRET_BAD_USE);
        ingest_order_free(other.order);
        free(part);
        len += bytes.len / 200;
    }
    ingest_order_free(whole.order);
    ingest_order_free(cut.order);
    egret_text_deinit(&bytes);
}

/* The n-th event of a long run, always the same; identities come again, and times are out of order. */
static ingest_outcome push_nth(run *at, int n)
{
    char id[24], text[24];
    uint64_t seed = (uint64_t)n * 977 + 5;
    uint32_t source = next_random(&seed) % 3 == 0;
    int64_t time_ms = n / 8 + (int64_t)(next_random(&seed) % 9);
    snprintf(id, sizeof id, "i%d", (int)(next_random(&seed) % 9000));
    snprintf(text, sizeof text, "t%d", n);
    at->n = 0;
    at->out[0] = '\0';
    return push(at, source, 0, time_ms, n % 5 == 0 ? NULL : id, text);
}

static void begin_with_sources(run *at)
{
    begin(at, false, NULL);
    for (int i = 0; i < 2; i++)
        ingest_order_add_source(at->order, 10, i == 0);
}

/* A cut whose pieces are taken while events go on is the state as it was when it began, also when tables of identities were written anew meanwhile. */
static void check_cut(bool changes)
{
    enum { BEFORE = 3000, AFTER = 20000 };
    run whole, again;
    egret_text head, pieces;
    egret_text_init(&head, egret_mem_of(NULL));
    egret_text_init(&pieces, egret_mem_of(NULL));
    begin_with_sources(&whole);
    begin_with_sources(&again);
    for (int n = 0; n < BEFORE; n++) {
        push_nth(&whole, n);
        if (changes)
            ingest_order_cut_prepare(whole.order);      /* with it and without it is the same */
    }
    size_t n_held = ingest_order_held(whole.order);
    assert_int_equal(ingest_order_cut(whole.order, &head), EGRET_OK);
    assert_true(ingest_order_cut_is_open(whole.order) && n_held > 0);
    assert_int_equal(ingest_order_cut(whole.order, &head), EGRET_BAD_USE);      /* one at a time */
    for (int n = BEFORE; ingest_order_cut_is_open(whole.order); n++) {
        assert_true(n < AFTER);
        if (n % 1500 == 0)
            assert_int_equal(ingest_order_cut_next(whole.order, &pieces), EGRET_OK);
        if (changes && n == BEFORE + 700) {
            uint32_t same[] = { 0, 1, 2, 3 };
            ingest_change change = { .plan = &test_plan, .stream = same, .same = true };
            assert_true(test_plan.n_streams <= 4);
            assert_int_equal(ingest_order_change(whole.order, &change), EGRET_OK);
        }
        push_nth(&whole, n);
    }
    const char *from = head.ptr;
    assert_int_equal(ingest_order_load_head(again.order, &from, head.ptr + head.len), EGRET_OK);
    assert_int_equal(ingest_order_load_end(again.order), EGRET_BAD_USE);
    assert_int_equal(ingest_order_load_pieces(again.order, pieces.ptr, pieces.len), EGRET_OK);
    assert_int_equal(ingest_order_load_end(again.order), EGRET_OK);
    assert_int_equal(ingest_order_held(again.order), n_held);
    ingest_order_free(whole.order);
    begin_with_sources(&whole);
    for (int n = 0; n < BEFORE; n++)
        push_nth(&whole, n);
    for (int n = BEFORE; n < AFTER; n++) {
        ingest_outcome outcome = push_nth(&whole, n);
        assert_int_equal(push_nth(&again, n), outcome);
        assert_string_equal(again.out, whole.out);
    }
    ingest_order_free(whole.order);
    ingest_order_free(again.order);
    egret_text_deinit(&head);
    egret_text_deinit(&pieces);
}

static void a_cut_is_the_state_of_then(void **state)
{
    (void)state;
    check_cut(false);
}

static void other_rules_do_not_change_a_cut(void **state)
{
    (void)state;
    check_cut(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_elsewhere),
        cmocka_unit_test(too_much_kept_elsewhere),
        cmocka_unit_test(passes_at_once_without_lateness),
        cmocka_unit_test(holds_for_lateness),
        cmocka_unit_test(finds_duplicates),
        cmocka_unit_test(merges_sources),
        cmocka_unit_test(idle_sources_hold_nothing),
        cmocka_unit_test(ahead_never_moves_the_clock),
        cmocka_unit_test(events_without_time),
        cmocka_unit_test(too_many_held_go_early),
        cmocka_unit_test(the_answer_of_the_taker_is_given_back),
        cmocka_unit_test(random_input),
        cmocka_unit_test(what_it_knows_can_be_kept),
        cmocka_unit_test(a_cut_is_the_state_of_then),
        cmocka_unit_test(other_rules_do_not_change_a_cut),
        cmocka_unit_test(identities_are_forgotten),
        cmocka_unit_test(identities_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
