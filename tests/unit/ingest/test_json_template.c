/*
 * test_json_template.c: the usual way of a record gives what the long way gives.
 *
 * Records of many shapes, most of them written like others before, some with odd values, go through a decoder that learns and one that does not. Where a
 * template must take a record, and where it must decline, is asked of the template itself.
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
#include "ingest/json_scan.h"
#include "ingest/json_template.h"

#define STR(s) { s, sizeof s - 1 }

enum { FIELDS = 9 };
static plan_field fields[FIELDS] = {
    { .name = STR("id"), .path = STR("id"), .type = EGRET_STRING, .optional = true, .slot = 0 },
    { .name = STR("amount"), .path = STR("amount"), .type = EGRET_DECIMAL, .optional = true, .slot = 1 },
    { .name = STR("n"), .path = STR("n"), .type = EGRET_INT, .optional = true, .slot = 2 },
    { .name = STR("x"), .path = STR("geo.x"), .type = EGRET_NUMBER, .optional = true, .slot = 3 },
    { .name = STR("ok"), .path = STR("ok"), .type = EGRET_BOOL, .optional = true, .slot = 4 },
    { .name = STR("at"), .path = STR("at"), .type = EGRET_TIME, .slot = 5 },
    { .name = STR("took"), .path = STR("took"), .type = EGRET_DURATION, .optional = true, .slot = 6 },
    { .name = STR("kind"), .path = STR("type"), .type = EGRET_STRING, .optional = true, .slot = 7 },
    { .name = STR("long"), .path = STR("a_name_that_is_longer_than_the_words_of_a_step"), .type = EGRET_STRING, .optional = true, .slot = 8 },
};
static plan_stream streams[] = {
    { .name = STR("one"), .fields = fields, .n_fields = FIELDS, .n_slots = FIELDS, .time_field = 5, .identity_field = PLAN_NONE },
    { .name = STR("two"), .fields = fields, .n_fields = 6, .n_slots = 6, .time_field = 5, .identity_field = PLAN_NONE },
};
static const plan rules = { .streams = streams, .n_streams = 2 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* ---- one by one ---- */

#define TIME "\"2026-01-05T09:00:00.250Z\""
#define PADDING "                                                                "

/* Learns `known` and reads `text`: the values it finds, or "declined". */
static void read_as(const char *known, const char *text, char *out, size_t cap)
{
    const plan_field *all[FIELDS];
    uint32_t slot[FIELDS];
    egret_str paths[FIELDS];
    for (uint32_t i = 0; i < FIELDS; i++) {
        all[i] = &fields[i];
        slot[i] = i;
        paths[i] = fields[i].path;
    }
    ingest_token tokens[FIELDS];
    ingest_fault fault;
    ingest_json *json = ingest_json_new();
    ingest_shape *shape = ingest_shape_new(paths, FIELDS);
    json_template *template = json_template_new((json_template_fields){ all, slot, FIELDS, true });
    assert_true(json != NULL && shape != NULL && template != NULL);
    char padded[1024];
    snprintf(padded, sizeof padded, "%s%s", known, PADDING);
    assert_int_equal(ingest_json_begin(json, padded, strlen(known), strlen(padded), &fault), EGRET_OK);
    assert_int_equal(ingest_json_read(json, shape, tokens, &fault), EGRET_OK);
    json_template_learn(template, padded, strlen(known), tokens);
    snprintf(padded, sizeof padded, "%s%s", text, PADDING);
    egret_value slots[FIELDS];
    memset(slots, 0x55, sizeof slots);
    ingest_date_cache dates = { .known = false };
    const char *end = json_template_read(template, &dates, padded, padded + strlen(text), slots);
    size_t n = (size_t)snprintf(out, cap, "%s", end == NULL ? "declined" : "");
    for (uint32_t i = 0; end != NULL && i < FIELDS; i++) {
        n += (size_t)snprintf(out + n, cap - n, i == 0 ? "" : ",");
        if (slots[i].type != EGRET_NULL)
            n += egret_value_text(slots[i], out + n, cap - n);
    }
    if (end != NULL)
        assert_ptr_equal(end, padded + strlen(text));
    json_template_free(template);
    ingest_shape_free(shape);
    ingest_json_free(json);
}

static void takes_and_declines(void **state)
{
    (void)state;
#define KNOWN "{\"id\":\"a\",\"amount\":1.5,\"s\":\"x\",\"at\":" TIME "}"
    static const struct {
        const char *known, *text, *expect;
    } cases[] = {
        { KNOWN, KNOWN, "a,1.5,,,,2026-01-05T09:00:00.250Z,,," },
        { KNOWN, "{\"id\":\"\",\"amount\":-0.05,\"s\":17e3,\"at\":\"2026-01-05T23:59:59Z\"}", ",-0.05,,,,2026-01-05T23:59:59Z,,," },
        { KNOWN, "{\"id\":null,\"amount\":\"7\",\"s\":true,\"at\":1767603600}", ",7,,,,2026-01-05T09:00:00Z,,," },
        { KNOWN, "{\"id\":\"caf\xC3\xA9, or the like, at some length\",\"amount\":12345678901234567,\"s\":false,\"at\":" TIME "}",
          "caf\xC3\xA9, or the like, at some length,12345678901234567,,,,2026-01-05T09:00:00.250Z,,," },
        { KNOWN, "{\"id\":\"a\",\"amount\":1e2,\"s\":null,\"at\":\"2026-01-05T10:00:00+01:00\"}", "a,100,,,,2026-01-05T09:00:00Z,,," },
        /* what the long way has to look at */
        { KNOWN, "{\"id\":\"a\\n\",\"amount\":1.5,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\xFF\",\"amount\":1.5,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\t\",\"amount\":1.5,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":\"\\\"\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":5,\"amount\":1.5,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":01.5,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5.2,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":-,\"s\":\"x\",\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":nul,\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":nullx,\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":[1],\"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":\"x\",\"at\":null}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":\"x\",\"at\":\"2026-01-05T24:00:00.250Z\"}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":\"x\",\"at\":" TIME "", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":\"x\"}", "declined" },
        { KNOWN, "{\"id\":\"a\",\"amount\":1.5,\"s\":\"x\", \"at\":" TIME "}", "declined" },
        { KNOWN, "{\"id\":\"a", "declined" },
        { KNOWN, "", "declined" },
        /* of equal keys the first counts, within objects only their own */
        { "{\"n\":1,\"n\":2,\"geo\":{\"x\":3,\"n\":4},\"x\":5,\"at\":1}", "{\"n\":6,\"n\":7,\"geo\":{\"x\":8,\"n\":9},\"x\":1,\"at\":2}",
          ",,6,8,,1970-01-01T00:00:02Z,,," },
        { "{ \"t\" : [ 1 , \"at\" ] , \"ok\" : true , \"at\" : 1 }", "{ \"t\" : [ -1 , \"n\" ] , \"ok\" : false , \"at\" : 2 }",
          ",,,,false,1970-01-01T00:00:02Z,,," },
        { "{\"a_name_that_is_longer_than_the_words_of_a_step\":\"b\",\"at\":1}", "{\"a_name_that_is_longer_than_the_words_of_a_step\":\"c\",\"at\":2}",
          ",,,,,1970-01-01T00:00:02Z,,,c" },
        { "{\"a_name_that_is_longer_than_the_words_of_a_step\":\"b\",\"at\":1}", "{\"a_name_that_is_longer_than_the_words_of_a_steq\":\"c\",\"at\":2}",
          "declined" },
        /* what cannot be learned */
        { "{\"geo\":7,\"id\":\"\\u0061\",\"at\":1}", "{\"geo\":7,\"id\":\"a\",\"at\":1}", "declined" },
        { "{\"id\":{\"a\":1},\"at\":1}", "{\"id\":{\"a\":1},\"at\":1}", "declined" },
        { "{\"s\":[x],\"at\":1}", "{\"s\":[x],\"at\":1}", "declined" },
    };
    char out[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_as(cases[i].known, cases[i].text, out, sizeof out);
        if (strcmp(out, cases[i].expect) != 0)
            fail_msg("%s\n  read as %s\n  gives   %s\n  not     %s", cases[i].text, cases[i].known, out, cases[i].expect);
    }
}

/* ---- many, both ways ---- */

static const char *const values[] = {
    "\"p1\"", "\"\"", "\"a longer text, of more than sixteen bytes\"", "\"caf\xC3\xA9\"", "\"b\\u00e9\\n\"", "\"\xC3(\"", "\"\x01\"", "\"open", "12", "-12.50", "0",
    "0.001", "1e3", "007", "1.", "--1", "123456789012345678901234567890", "1234567890.12345678", "-9223372036854775808", "true", "false", "null", "nil",
    "tru", "{}", "[]", "[1,2]", "{\"x\":1}", "{\"at\":5}", "\"2026-01-05T09:00:00.250Z\"", "\"2026-01-05T09:00:01Z\"", "\"2026-01-06T00:00:00.000Z\"",
    "\"2026-01-05T09:00:61Z\"", "\"2026-01-05 09:00:00\"", "1767603600", "1767603600250", "\"1h30m\"", "250",
};
static const char *const keys[] = { "id", "amount", "n", "x", "geo", "ok", "at", "took", "type", "other", "a_name_that_is_longer_than_the_words_of_a_step", "i\\u0064" };
/* What is right for each key, so that most records are whole. */
static const char *const usual[] = { "\"p%u\"", "%u.25", "%u", "%u", "{\"x\":%u.5,\"y\":\"%u\"}", "true", "\"2026-01-05T09:00:%02u.250Z\"", "%u", "\"two\"",
                                     "[%u,\"x\"]", "\"%u and so on\"", "\"e%u\"" };
enum { N_VALUES = sizeof values / sizeof *values, N_KEYS = sizeof keys / sizeof *keys };

/* A line whose shape hangs on `form`, with a value or a byte of it odd now and then. */
static size_t write_line(uint64_t *seed, uint64_t form, char *out, size_t cap)
{
    const char *comma = draw(&form, 4) == 0 ? ", " : ",", *colon = draw(&form, 4) == 0 ? ": " : ":";
    uint32_t n_fields = 1 + draw(&form, 7);
    size_t n = (size_t)snprintf(out, cap, "{\"at\"%s17676036%02u", colon, draw(seed, 100));
    for (uint32_t i = 0; i < n_fields; i++) {
        uint32_t key = draw(&form, N_KEYS);
        n += (size_t)snprintf(out + n, cap - n, "%s\"%s\"%s", comma, keys[key], colon);
        if (draw(seed, 24) == 0) {
            n += (size_t)snprintf(out + n, cap - n, "%s", values[draw(seed, N_VALUES)]);
        } else {
            char shown[64];
            unsigned a = draw(seed, 60);
            snprintf(shown, sizeof shown, usual[key], a, a);
            n += (size_t)snprintf(out + n, cap - n, "%s", shown);
        }
    }
    n += (size_t)snprintf(out + n, cap - n, "}");
    if (draw(seed, 40) == 0)
        out[draw(seed, (uint32_t)n)] = "\"\\{}[],: 1ax\xC3\t"[draw(seed, 14)];
    return n + (size_t)snprintf(out + n, cap - n, "%s", draw(seed, 12) == 0 ? "\r\n" : draw(seed, 30) == 0 ? " \n" : "\n");
}

static void same(const ingest_record *a, const ingest_record *b, ingest_got got_a, ingest_got got_b)
{
    assert_int_equal(got_a, got_b);
    assert_int_equal(a->stream, b->stream);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->raw_len, b->raw_len);
    assert_ptr_equal(a->raw, b->raw);
    assert_int_equal(a->reason, b->reason);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->slots == NULL, b->slots == NULL);
    for (uint32_t i = 0; a->slots != NULL && i < streams[a->stream].n_slots; i++) {
        assert_int_equal(a->slots[i].type, b->slots[i].type);
        assert_int_equal(a->slots[i].scale, b->slots[i].scale);
        assert_int_equal(a->slots[i].len, b->slots[i].len);
        if (a->slots[i].type == EGRET_STRING)
            assert_memory_equal(a->slots[i].u.s, b->slots[i].u.s, a->slots[i].len);
        else if (a->slots[i].type != EGRET_NULL)
            assert_int_equal(a->slots[i].u.i, b->slots[i].u.i);
    }
}

/* `stream`: as for decoders; PLAN_NONE: the field "type" chooses, so that two templates read each record. */
static void both_ways(uint32_t stream)
{
    enum { LINES = 40000, CAP = 256 * LINES, FORMS = 40 };
    char *text = malloc(CAP + INGEST_JSON_PADDING);
    ingest_decoder *learns = ingest_decoder_new(&(ingest_decoder_options){ .plan = &rules, .stream = stream });
    ingest_decoder *does_not = ingest_decoder_new(&(ingest_decoder_options){ .plan = &rules, .stream = stream, .unlearned = true });
    assert_true(text != NULL && learns != NULL && does_not != NULL);
    uint64_t seed = 3 + stream;
    size_t len = 0;
    for (int i = 0; i < LINES && len + 1024 < CAP; i++)
        len += write_line(&seed, i % 1000 == 0 ? draw(&seed, 1000000) : draw(&seed, FORMS), text + len, CAP - len);
    memset(text + len, '"', INGEST_JSON_PADDING);
    ingest_decoder_feed(learns, text, len, len + INGEST_JSON_PADDING, true);
    ingest_decoder_feed(does_not, text, len, len + INGEST_JSON_PADDING, true);
    uint32_t taken = 0, rejected = 0;
    for (;;) {
        ingest_record one, two;
        ingest_got got = ingest_decoder_next(learns, &one), expected = ingest_decoder_next(does_not, &two);
        if (got == INGEST_GOT_END) {
            assert_int_equal(expected, INGEST_GOT_END);
            break;
        }
        same(&one, &two, got, expected);
        taken += got == INGEST_GOT_RECORD;
        rejected += got == INGEST_GOT_REJECTED;
    }
    assert_memory_equal(ingest_decoder_stats(learns), ingest_decoder_stats(does_not), sizeof(ingest_stats));
    assert_true(taken > LINES / 8 && rejected > LINES / 32);
    ingest_decoder_free(learns);
    ingest_decoder_free(does_not);
    free(text);
}

static void one_stream(void **state)
{
    (void)state;
    both_ways(0);
}

static void chosen_streams(void **state)
{
    (void)state;
    both_ways(PLAN_NONE);
}

/* ---- the scan ---- */

static void scans_agree(void **state)
{
    (void)state;
    uint64_t seed = 9;
    unsigned char text[96];
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (unsigned char)(draw(&seed, 30) > 0 ? ' ' + draw(&seed, 0x60) : draw(&seed, 256));
        size_t begin = draw(&seed, 20), plain = begin, stop = 64;
        while (plain < stop && text[plain] >= ' ' && text[plain] < 0x80 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        const char *p = (const char *)text;
        const char *words = json_scan_words(p + begin, p + stop), *steps = json_scan_plain(p + begin, p + stop);
        if (plain < stop) {
            assert_ptr_equal(words, p + plain);
            assert_ptr_equal(steps, p + plain);
        } else {
            assert_true(words >= p + stop && steps >= p + stop);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_declines),
        cmocka_unit_test(one_stream),
        cmocka_unit_test(chosen_streams),
        cmocka_unit_test(scans_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
