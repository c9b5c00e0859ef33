/*
 * test_generate.c: the sample streams are the same every time, decodable, ascending, and hold the episodes they promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/decode.h"
#include "ingest/generate.h"

#define STR(s) { s, sizeof s - 1 }

static plan_field fields[] = {
    { .name = STR("at"), .path = STR("at"), .type = EGRET_TIME, .slot = 0 },
    { .name = STR("label"), .path = STR("label"), .type = EGRET_STRING, .optional = true, .slot = 1 },
    { .name = STR("amount"), .path = STR("amount"), .type = EGRET_DECIMAL, .optional = true, .slot = 2 },
};
enum { N_SLOTS = 3 };
static plan_stream streams[] = {
    { .name = STR("event"), .fields = fields, .n_fields = N_SLOTS, .n_slots = N_SLOTS, .time_field = 0, .identity_field = PLAN_NONE },
};
static const plan rules = { .streams = streams, .n_streams = 1 };

typedef struct made { char *text, *labels; size_t len, labels_len; } made;

static made make(const char *kind, uint64_t events, uint64_t seed, bool faults)
{
    made m = { 0 };
    FILE *out = open_memstream(&m.text, &m.len), *labels = open_memstream(&m.labels, &m.labels_len);
    assert_true(out != NULL && labels != NULL);
    ingest_generate_options options = { .kind = kind, .events = events, .seed = seed, .faults = faults, .out = out, .labels = labels };
    assert_int_equal(ingest_generate(&options), EGRET_OK);
    fclose(out);
    fclose(labels);
    return m;
}

static void drop(made *m)
{
    free(m->text);
    free(m->labels);
}

static size_t lines(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

typedef struct counts { size_t records, rejected, backwards, labelled, cents2; } counts;

static counts decode(const made *m)
{
    counts c = { 0 };
    int64_t last_ms = INT64_MIN;
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &rules, .stream = 0 });
    assert_non_null(decoder);
    ingest_decoder_feed(decoder, m->text, m->len, m->len, true);
    ingest_record record;
    ingest_got got;
    while ((got = ingest_decoder_next(decoder, &record)) != INGEST_GOT_END) {
        c.records += got == INGEST_GOT_RECORD;
        c.rejected += got == INGEST_GOT_REJECTED;
        if (got != INGEST_GOT_RECORD)
            continue;
        c.backwards += record.slots[0].u.i <= last_ms;
        last_ms = record.slots[0].u.i;
        c.labelled += record.slots[1].type == EGRET_STRING;
        c.cents2 += record.slots[2].type == EGRET_DECIMAL && record.slots[2].scale == 2;
    }
    ingest_decoder_free(decoder);
    return c;
}

static void every_kind(void **state)
{
    (void)state;
    for (const char *const *kind = ingest_generate_kinds(); *kind != NULL; kind++) {
        made m = make(*kind, 20000, 7, false), again = make(*kind, 20000, 7, false), other = make(*kind, 20000, 8, false);
        assert_int_equal(m.len, again.len);
        assert_memory_equal(m.text, again.text, m.len);
        assert_string_not_equal(m.text, other.text);
        counts c = decode(&m);
        assert_int_equal(c.records, 20000);
        assert_int_equal(c.rejected, 0);
        assert_int_equal(c.backwards, 0);
        assert_true(c.labelled > 20);
        assert_int_equal(lines(m.labels), c.labelled);
        drop(&m);
        drop(&again);
        drop(&other);
    }
}

static void labels_are_there(void **state)
{
    (void)state;
    static const char *const expected[][6] = {
        { "payments", "card_testing", "card_velocity", "card_countries", "ten_times_average", NULL },
        { "logins", "brute_force", "account_takeover", NULL },
        { "sensors", "rising", "error_rate", "door_open", "restart_loop", "silence" },
    };
    for (size_t i = 0; i < 3; i++) {
        made m = make(expected[i][0], 60000, 1, false);
        for (size_t k = 1; k < 6 && expected[i][k] != NULL; k++)
            if (strstr(m.labels, expected[i][k]) == NULL || strstr(m.text, expected[i][k]) == NULL)
                fail_msg("%s: no %s", expected[i][0], expected[i][k]);
        drop(&m);
    }
}

static void payments_are_money(void **state)
{
    (void)state;
    made m = make("payments", 5000, 3, false);
    assert_int_equal(decode(&m).cents2, 5000);
    assert_true(m.len / 5000 < 200);
    drop(&m);
}

/* The bytes are a promise: benchmarks and documentation quote what comes out of them. */
static void first_line_is_fixed(void **state)
{
    (void)state;
    made m = make("payments", 1, 1, false);
    assert_string_equal(m.text, "{\"id\":\"p0000001\",\"card\":\"c000002\",\"card_fp\":\"fce000002\",\"ip\":\"59.35.164.47\","
                                "\"device_id\":\"d1c9756\",\"merchant_country\":\"PL\",\"amount\":14.22,\"status\":\"approved\",\"at\":\"2026-01-10T17:13:50.742Z\"}\n");
    drop(&m);
}

static void faults(void **state)
{
    (void)state;
    made m = make("payments", 50000, 5, true);
    counts c = decode(&m);
    assert_int_equal(lines(m.text), 50000);
    assert_true(c.rejected > 5 && c.rejected < 100);
    assert_true(c.backwards > 50 && c.backwards < 2000);
    drop(&m);
}

static void small_numbers(void **state)
{
    (void)state;
    for (const char *const *kind = ingest_generate_kinds(); *kind != NULL; kind++)
        for (uint64_t n = 0; n < 30; n++) {
            made m = make(*kind, n, n, n % 2 == 1);
            assert_int_equal(lines(m.text), n);
            drop(&m);
        }
}

static void no_such_kind(void **state)
{
    (void)state;
    assert_int_equal(ingest_generate(&(ingest_generate_options){ .kind = "tea", .events = 1, .out = stdout }), EGRET_BAD_USE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind), cmocka_unit_test(labels_are_there), cmocka_unit_test(payments_are_money),
        cmocka_unit_test(first_line_is_fixed), cmocka_unit_test(faults), cmocka_unit_test(small_numbers),
        cmocka_unit_test(no_such_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
