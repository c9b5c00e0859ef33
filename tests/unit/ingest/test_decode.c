/*
 * test_decode.c: bytes to events, by a table: what goes in, what must come out. Each text is decoded whole and again in small
 * pieces, which must give the same.
 *
 * Results are written back as text: "line:stream(slot,slot)" for events, "line!reason: text" for rejected records.
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
#include "ingest/simdjson_shim.h"

#define STR(s) { s, sizeof s - 1 }

static plan_field payment_fields[] = {
    { .name = STR("id"), .path = STR("id"), .type = EGRET_STRING, .slot = 0 },
    { .name = STR("amount"), .path = STR("amount"), .type = EGRET_DECIMAL, .slot = 1 },
    { .name = STR("lat"), .path = STR("geo.lat"), .type = EGRET_NUMBER, .optional = true, .slot = 2 },
    { .name = STR("n"), .path = STR("n"), .type = EGRET_INT, .optional = true, .slot = 3 },
    { .name = STR("unread"), .path = STR("unread"), .type = EGRET_STRING, .slot = PLAN_NONE },
    { .name = STR("at"), .path = STR("at"), .type = EGRET_TIME, .slot = 4 },
};
static plan_field login_fields[] = {
    { .name = STR("ok"), .path = STR("ok"), .type = EGRET_BOOL, .slot = 0 },
    { .name = STR("took"), .path = STR("took"), .type = EGRET_DURATION, .optional = true, .slot = 1 },
};
static plan_stream streams[] = {
    { .name = STR("payment"), .fields = payment_fields, .n_fields = 6, .n_slots = 5, .time_field = 5, .identity_field = 0 },
    { .name = STR("login"), .fields = login_fields, .n_fields = 2, .n_slots = 2, .time_field = PLAN_NONE, .identity_field = PLAN_NONE },
};
static const plan test_plan = { .streams = streams, .n_streams = 2 };

typedef struct decode_case {
    const char *name, *text, *expect;
} decode_case;

#define AT "\"at\":\"2026-01-05T09:00:00.250Z\""

static const decode_case json_cases[] = {
    { "one line", "{\"id\":\"a\",\"amount\":1.50," AT "}\n", "1:payment(a,1.50,null,null,2026-01-05T09:00:00.250Z)" },
    { "no line end", "{\"id\":\"a\",\"amount\":1.50," AT "}", "1:payment(a,1.50,null,null,2026-01-05T09:00:00.250Z)" },
    { "other order, strangers, spaces", " { \"x\" : [ 1 , { \"amount\" : 9 } ] , " AT " , \"amount\" : \"2\" , \"id\" : \"b\" } \r\n",
      "1:payment(b,2,null,null,2026-01-05T09:00:00.250Z)" },
    { "nested", "{\"id\":\"a\",\"geo\":{\"lon\":1,\"lat\":5.25e1},\"amount\":0," AT "}", "1:payment(a,0,52.5,null,2026-01-05T09:00:00.250Z)" },
    { "nested is not an object", "{\"id\":\"a\",\"geo\":[1],\"amount\":0," AT "}", "1:payment(a,0,null,null,2026-01-05T09:00:00.250Z)" },
    { "escapes in key and value", "{\"i\\u0064\":\"a\\n\\u00e9\\\"\",\"amount\":0," AT "}",
      "1:payment(a\n\xC3\xA9\",0,null,null,2026-01-05T09:00:00.250Z)" },
    { "of equal keys the first counts", "{\"id\":\"a\",\"id\":\"b\",\"amount\":1,\"amount\":2," AT "}",
      "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z)" },
    { "int", "{\"id\":\"a\",\"amount\":1,\"n\":-9223372036854775808," AT "}", "1:payment(a,1,null,-9223372036854775808,2026-01-05T09:00:00.250Z)" },
    { "integral", "{\"id\":\"a\",\"amount\":1,\"n\":1.20e1," AT "}", "1:payment(a,1,null,12,2026-01-05T09:00:00.250Z)" },
    { "not integral", "{\"id\":\"a\",\"amount\":1,\"n\":1.5," AT "}", "1!type: field 'n': expected int, found number 1.5" },
    { "int out of range", "{\"id\":\"a\",\"amount\":1,\"n\":9223372036854775808," AT "}",
      "1!type: field 'n': expected int, found number 9223372036854775808" },
    { "int as string", "{\"id\":\"a\",\"amount\":1,\"n\":\"5\"," AT "}", "1!type: field 'n': expected int, found string \"5\"" },
    { "decimal with 18 digits", "{\"id\":\"a\",\"amount\":-1234567890.12345678," AT "}",
      "1:payment(a,-1234567890.12345678,null,null,2026-01-05T09:00:00.250Z)" },
    { "decimal with exponent", "{\"id\":\"a\",\"amount\":12e-1," AT "}", "1:payment(a,1.2,null,null,2026-01-05T09:00:00.250Z)" },
    { "decimal too long", "{\"id\":\"a\",\"amount\":1234567890123456789.5," AT "}",
      "1!type: field 'amount': expected decimal, found number 1234567890123456789.5" },
    { "decimal of words", "{\"id\":\"a\",\"amount\":\"abc\"," AT "}", "1!type: field 'amount': expected decimal, found string \"abc\"" },
    { "leading zero", "{\"id\":\"a\",\"amount\":01," AT "}", "1!type: field 'amount': expected decimal, found number 01" },
    { "missing", "{\"id\":\"a\"," AT "}", "1!missing: field 'amount': missing" },
    { "null, not optional", "{\"id\":null,\"amount\":1," AT "}", "1!missing: field 'id': null, and not optional" },
    { "null, optional", "{\"id\":\"a\",\"n\":null,\"amount\":1," AT "}", "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z)" },
    { "an object for a string", "{\"id\":{\"a\":1},\"amount\":1," AT "}", "1!type: field 'id': expected string, found an object" },
    { "bare word", "{\"id\":nul,\"amount\":1," AT "}", "1!type: field 'id': expected string, found no JSON value: nul" },
    { "time as number", "{\"id\":\"a\",\"amount\":1,\"at\":1767603600}", "1:payment(a,1,null,null,2026-01-05T09:00:00Z)" },
    { "time as ms", "{\"id\":\"a\",\"amount\":1,\"at\":1767603600250}", "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z)" },
    { "time with zone", "{\"id\":\"a\",\"amount\":1,\"at\":\"2026-01-05T10:00:00+01:00\"}", "1:payment(a,1,null,null,2026-01-05T09:00:00Z)" },
    { "times of one day, then of another", "{\"id\":\"a\",\"amount\":1,\"at\":\"2026-01-05T23:59:59Z\"}\n{\"id\":\"a\",\"amount\":1,\"at\":"
      "\"2026-01-05T00:00:00.001Z\"}\n{\"id\":\"a\",\"amount\":1,\"at\":\"2026-01-06T00:00:00Z\"}\n",
      "1:payment(a,1,null,null,2026-01-05T23:59:59Z) 2:payment(a,1,null,null,2026-01-05T00:00:00.001Z) "
      "3:payment(a,1,null,null,2026-01-06T00:00:00Z)" },
    { "no such time", "{\"id\":\"a\",\"amount\":1,\"at\":\"2026-01-05T23:59:59Z\"}\n{\"id\":\"a\",\"amount\":1,\"at\":\"2026-01-05T24:00:00Z\"}\n",
      "1:payment(a,1,null,null,2026-01-05T23:59:59Z) 2!type: field 'at': expected time, found string \"2026-01-05T24:00:00Z\"" },
    { "truncated", "{\"id\":\"a\",\"amount\":1.5", "1!syntax: the record ends too early: a bracket is not closed (byte 23 of the record)" },
    { "open string", "{\"id\":\"a\n{\"id\":\"a\",\"amount\":1," AT "}\n",
      "1!syntax: a string is not closed (byte 7 of the record) 2:payment(a,1,null,null,2026-01-05T09:00:00.250Z)" },
    { "a control character in a string", "{\"id\":\"a\tb\"}", "1!syntax: a control character inside a string (byte 9 of the record)" },
    { "a comma is missing", "{\"id\":\"a\" \"amount\":1," AT "}", "1!syntax: not valid JSON (byte 11 of the record)" },
    { "not UTF-8", "{\"id\":\"a\xFF\",\"amount\":1," AT "}\n", "1!syntax: not valid UTF-8 (byte 9 of the record)" },
    { "two objects on a line", "{\"id\":\"a\",\"amount\":1," AT "} {}\n", "1!syntax: something stands behind the object (byte 55 of the record)" },
    { "not an object", "17\n\"x\"\nnull\n", "1!syntax: the record is not a JSON object (byte 1 of the record) "
      "2!syntax: the record is not a JSON object (byte 1 of the record) 3!syntax: the record is not a JSON object (byte 1 of the record)" },
    { "empty lines count as lines", "\n\n{\"id\":\"a\",\"amount\":1," AT "}\n\n", "3:payment(a,1,null,null,2026-01-05T09:00:00.250Z)" },
    { "byte order mark", "\xEF\xBB\xBF{\"id\":\"a\",\"amount\":1," AT "}\n", "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z)" },
    { "array", "[ {\"id\":\"a\",\"amount\":1," AT "},\n{\"id\":\"b\",\"amount\":2," AT "} ]\n",
      "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z) 2:payment(b,2,null,null,2026-01-05T09:00:00.250Z)" },
    { "empty array", "[]", "" },
    { "array not closed", "[{\"id\":\"a\",\"amount\":1," AT "}", "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z) 2!syntax: the array is not closed" },
    { "junk behind an array", "[{\"id\":\"a\",\"amount\":1," AT "}] x", "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z) 2!syntax: something "
      "stands behind the array" },
    { "a bad element", "[1,{\"id\":\"b\",\"amount\":2," AT "}]", "1!syntax: the record is not a JSON object (byte 1 of the record) "
      "2:payment(b,2,null,null,2026-01-05T09:00:00.250Z)" },
    { "over several lines", "{\n \"id\": \"a\",\n \"amount\": 1,\n " AT "\n}\n{\n \"id\": \"b\",\n \"amount\": 2,\n " AT "\n}\n",
      "1:payment(a,1,null,null,2026-01-05T09:00:00.250Z) 2:payment(b,2,null,null,2026-01-05T09:00:00.250Z)" },
    { "over several lines, one cut off", "{\n \"id\": \"a\",\n{\n \"id\": \"b\",\n \"amount\": 2,\n " AT "\n}\n",
      "1!syntax: the record ends too early 2:payment(b,2,null,null,2026-01-05T09:00:00.250Z)" },
    { "nothing", "", "" },
    { "white space", " \n \n", "" },
};

static const decode_case csv_cases[] = {
    { "rows", "id,amount,geo.lat,n,at\na,1.50,52.5,7,2026-01-05T09:00:00Z\nb,2,,,1767603600\n",
      "2:payment(a,1.50,52.5,7,2026-01-05T09:00:00Z) 3:payment(b,2,null,null,2026-01-05T09:00:00Z)" },
    { "by name, other order, strangers", "at,x,lat,amount,id\r\n2026-01-05 09:00:00,?,1e1,3,\"a,b\"\r\n", "2:payment(a,b,3,10,null,2026-01-05T09:00:00Z)" },
    { "a column is missing", "id,at\na,2026-01-05T09:00:00Z\n", "2!missing: field 'amount': missing" },
    { "wrong type", "id,amount,at\na,x,2026-01-05T09:00:00Z\n", "2!type: field 'amount': expected decimal, found cell \"x\"" },
    { "an empty string in quotes", "id,amount,at\n\"\",1,2026-01-05T09:00:00Z\n", "2:payment(,1,null,null,2026-01-05T09:00:00Z)" },
    { "an empty cell is null", "id,amount,at\n,1,2026-01-05T09:00:00Z\n", "2!missing: field 'id': missing" },
    { "too few cells", "id,amount,at\na,1\nb,1,1767603600\n", "2!syntax: 2 cells where the header has 3 3:payment(b,1,null,null,2026-01-05T09:00:00Z)" },
    { "a line end in quotes", "id,amount,at\n\"a\nb\",1,1767603600\nc,1,1767603600\n",
      "2:payment(a\nb,1,null,null,2026-01-05T09:00:00Z) 4:payment(c,1,null,null,2026-01-05T09:00:00Z)" },
    { "not UTF-8", "id,amount,at\n\xC3(,1,1767603600\n", "2!syntax: not valid UTF-8" },
    { "text after a quote", "id,amount,at\n\"a\"b,1,1\nc,1,1767603600\n",
      "2!syntax: text after a closing quote 3:payment(c,1,null,null,2026-01-05T09:00:00Z)" },
    { "only a header", "id,amount,at\n", "" },
};

static size_t print_record(const ingest_record *record, ingest_got got, char *out, size_t cap)
{
    if (got == INGEST_GOT_REJECTED)
        return (size_t)snprintf(out, cap, "%d!%s: %s ", (int)record->line, ingest_reason_name(record->reason), record->text);
    const plan_stream *stream = &streams[record->stream];
    size_t n = (size_t)snprintf(out, cap, "%d:%.*s(", (int)record->line, (int)stream->name.len, stream->name.ptr);
    for (uint32_t i = 0; i < stream->n_slots; i++) {
        if (i > 0)
            out[n++] = ',';
        n += egret_value_text(record->slots[i], out + n, cap - n);
    }
    return n + (size_t)snprintf(out + n, cap - n, ") ");
}

/* Decodes in pieces of `piece` bytes (0: at once), each fed from memory that ends right behind it, so that the sanitizer sees reads beyond. */
static void decode(ingest_decoder *decoder, const char *text, size_t piece, char *out, size_t cap)
{
    size_t len = strlen(text), done = 0, shown = 0, n = 0;
    ingest_decoder_reset(decoder);
    out[0] = '\0';
    for (;;) {
        shown = piece == 0 || shown + piece > len - done ? len - done : shown + piece;
        char *fed = malloc(shown + 1);
        assert_non_null(fed);
        memcpy(fed, text + done, shown);
        ingest_decoder_feed(decoder, fed, shown, shown, done + shown == len);
        ingest_record record;
        ingest_got got;
        while ((got = ingest_decoder_next(decoder, &record)) == INGEST_GOT_RECORD || got == INGEST_GOT_REJECTED)
            n += print_record(&record, got, out + n, cap - n);
        size_t taken = ingest_decoder_taken(decoder);
        free(fed);
        done += taken;
        shown -= taken;
        if (got == INGEST_GOT_END)
            break;
        assert_int_equal(got, INGEST_GOT_MORE);
    }
    if (n > 0)
        out[n - 1] = '\0';
}

static ingest_decoder *new_decoder(ingest_format format)
{
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = 0, .format = format });
    assert_non_null(decoder);
    return decoder;
}

static void run_cases(const decode_case *cases, size_t n, ingest_format format)
{
    ingest_decoder *decoder = new_decoder(format);
    char out[2048];
    for (size_t i = 0; i < n; i++)
        for (size_t piece = 0; piece < 60; piece = piece == 0 ? 3 : piece + 7) {
            decode(decoder, cases[i].text, piece, out, sizeof out);
            if (strcmp(out, cases[i].expect) != 0)
                fail_msg("%s (pieces of %zu)\n  expected %s\n  got      %s", cases[i].name, piece, cases[i].expect, out);
        }
    ingest_decoder_free(decoder);
}

static void json(void **state)
{
    (void)state;
    run_cases(json_cases, sizeof json_cases / sizeof *json_cases, INGEST_FORMAT_JSON);
}

static void csv(void **state)
{
    (void)state;
    run_cases(csv_cases, sizeof csv_cases / sizeof *csv_cases, INGEST_FORMAT_CSV);
}

static void named_streams(void **state)
{
    (void)state;
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = PLAN_NONE });
    assert_non_null(decoder);
    char out[512];
    decode(decoder, "{\"ok\":true,\"took\":\"1m30s\",\"type\":\"login\"}\n{\"type\":\"payment\",\"id\":\"a\",\"amount\":1," AT "}\n"
                    "{\"type\":\"other\"}\n{\"id\":1}\n{\"type\":\"login\",\"ok\":false,\"took\":250}\n", 0, out, sizeof out);
    assert_string_equal(out, "1:login(true,1m30s) 2:payment(a,1,null,null,2026-01-05T09:00:00.250Z) "
                             "4!stream: field 'type', which names the stream: missing or not a string 5:login(false,250ms)");
    assert_int_equal(ingest_decoder_stats(decoder)->unrouted, 1);
    assert_int_equal(ingest_decoder_stats(decoder)->records, 5);
    ingest_decoder_free(decoder);
}

static void one_route_needs_no_choice(void **state)
{
    (void)state;
    plan_route route = { .stream = 1, .when = PLAN_NONE };
    plan_edge source = { .routes = &route, .n_routes = 1 };
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = PLAN_NONE, .source = &source });
    assert_non_null(decoder);
    char out[256];
    decode(decoder, "{\"ok\":true}\n", 0, out, sizeof out);
    assert_string_equal(out, "1:login(true,null)");
    ingest_decoder_free(decoder);
}

static void long_records(void **state)
{
    (void)state;
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = 1, .max_record = 32 });
    assert_non_null(decoder);
    char out[512];
    const char *text = "{\"ok\":true,\"padding\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n{\"ok\":false}\n";
    for (size_t piece = 0; piece < 50; piece++) {
        decode(decoder, text, piece, out, sizeof out);
        assert_string_equal(out, "1!size: longer than 32 bytes 2:login(false,null)");
    }
    ingest_decoder_free(decoder);
}

static void long_rows(void **state)
{
    (void)state;
    ingest_decoder *decoder =
        ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = 1, .max_record = 32, .format = INGEST_FORMAT_CSV });
    assert_non_null(decoder);
    char out[512];
    for (size_t piece = 0; piece < 60; piece++) {
        decode(decoder, "ok,x\ntrue,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nfalse,\n", piece, out, sizeof out);
        assert_string_equal(out, "2!size: longer than 32 bytes 3:login(false,null)");
        decode(decoder, "ok,x\ntrue,\"abc\nfalse,\ntrue,\nfalse,\ntrue,\nfalse,\ntrue,\n", piece, out, sizeof out);
        assert_string_equal(out, "2!syntax: a quote is opened and never closed 3:login(false,null) 4:login(true,null) 5:login(false,null) "
                                 "6:login(true,null) 7:login(false,null) 8:login(true,null)");
    }
    ingest_decoder_free(decoder);
}

static void deep_records(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    char *text = malloc(2 * DEPTH + 64), out[512];
    assert_non_null(text);
    strcpy(text, "{\"x\":");
    size_t n = strlen(text);
    memset(text + n, '[', DEPTH);
    memset(text + n + DEPTH, ']', DEPTH);
    strcpy(text + n + 2 * DEPTH, ",\"ok\":true}");
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = 1 });
    assert_non_null(decoder);
    decode(decoder, text, 0, out, sizeof out);
    assert_string_equal(out, "1:login(true,null)");
    text[n + 2 * DEPTH - 1] = '}';
    text[n + DEPTH] = '\0';
    decode(decoder, text, 0, out, sizeof out);
    assert_true(strncmp(out, "1!syntax: the record ends too early", 35) == 0);
    ingest_decoder_free(decoder);
    free(text);
}

static void offsets(void **state)
{
    (void)state;
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &test_plan, .stream = 1 });
    assert_non_null(decoder);
    const char *text = "{\"ok\":true}\n  {\"ok\":false}\n";
    ingest_record record;
    ingest_decoder_feed(decoder, text, strlen(text), strlen(text), false);
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_RECORD);
    assert_int_equal(record.offset, 0);
    assert_int_equal(record.raw_len, 11);
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_RECORD);
    assert_int_equal(record.offset, 14);
    assert_memory_equal(record.raw, "{\"ok\":false}", record.raw_len);
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_MORE);
    ingest_decoder_feed(decoder, text, strlen(text), strlen(text), true);
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_RECORD);
    assert_int_equal(record.offset, 27);
    assert_int_equal(record.line, 3);
    ingest_decoder_seek(decoder, 1000, 50);
    ingest_decoder_feed(decoder, text, strlen(text), strlen(text), true);
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_RECORD);
    assert_int_equal(record.offset, 1000);
    assert_int_equal(record.line, 51);
    ingest_decoder_free(decoder);
}

static void render_is(ingest_decoder *decoder, const char *raw, const char *expect)
{
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    ingest_decoder_render(decoder, raw, strlen(raw), &text);
    egret_text_put(&text, "", 1);
    assert_false(text.failed);
    assert_string_equal(text.ptr, expect);
    egret_text_deinit(&text);
}

/* Showing one record while another is at hand leaves that one as it was. */
static void rendered_between(void **state)
{
    (void)state;
    ingest_decoder *decoder = new_decoder(INGEST_FORMAT_JSON);
    const char *text = "{\"id\":\"a\",\"amount\":1," AT "}";
    char *tight = malloc(strlen(text));     /* no padding: the decoder works on a copy */
    assert_non_null(tight);
    memcpy(tight, text, strlen(text));
    ingest_decoder_feed(decoder, tight, strlen(text), strlen(text), true);
    ingest_record record;
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_RECORD);
    render_is(decoder, "{\"another\":\"record, longer than the first one was, and so on and so on and so on\"}",
              "{\"another\":\"record, longer than the first one was, and so on and so on and so on\"}");
    assert_memory_equal(record.slots[0].u.s, "a", 1);
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_END);
    free(tight);
    ingest_decoder_free(decoder);
}

static void rendered(void **state)
{
    (void)state;
    char out[256];
    ingest_decoder *decoder = new_decoder(INGEST_FORMAT_JSON);
    render_is(decoder, "{\"id\":\"a\", \"x\": [1]}", "{\"id\":\"a\", \"x\": [1]}");
    render_is(decoder, "{\"id\":[1}", "\"{\\\"id\\\":[1}\"");
    ingest_decoder_free(decoder);
    decoder = new_decoder(INGEST_FORMAT_CSV);
    decode(decoder, "id,amount,at,\"a \"\"b\"\"\"\n", 0, out, sizeof out);
    render_is(decoder, "x,1.50,,\"7\"", "{\"id\":\"x\",\"amount\":1.50,\"at\":null,\"a \\\"b\\\"\":\"7\"}");
    render_is(decoder, "007,-0.5,1.,4111111111111111", "{\"id\":\"007\",\"amount\":-0.5,\"at\":\"1.\",\"a \\\"b\\\"\":\"4111111111111111\"}");
    render_is(decoder, "too,few", "\"too,few\"");
    ingest_decoder_free(decoder);
}

/* A key that ends with a backslash is not taken for the beginning of one with a quote inside, though both look alike up to there. */
static void backslash_in_key(void **state)
{
    (void)state;
    plan_field odd = { .name = STR("odd"), .path = STR("a\\"), .type = EGRET_STRING, .optional = true, .slot = 0 };
    plan_stream stream = { .name = STR("s"), .fields = &odd, .n_fields = 1, .n_slots = 1, .time_field = PLAN_NONE, .identity_field = PLAN_NONE };
    const plan rules = { .streams = &stream, .n_streams = 1 };
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &rules, .stream = 0 });
    assert_non_null(decoder);
    const char text[] = "{\"a\\\\\":\"x\"}\n{\"a\\\":1,\\\"b\":\"y\"}\n{\"a\\\\\":\"z\"}\n";
    const char *expect[] = { "x", NULL, "z" };
    ingest_record record;
    ingest_decoder_feed(decoder, text, sizeof text - 1, sizeof text, true);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_RECORD);
        assert_int_equal(record.slots[0].type, expect[i] == NULL ? EGRET_NULL : EGRET_STRING);
        if (expect[i] != NULL)
            assert_memory_equal(record.slots[0].u.s, expect[i], 1);
    }
    assert_int_equal(ingest_decoder_next(decoder, &record), INGEST_GOT_END);
    ingest_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backslash_in_key),
        cmocka_unit_test(json),
        cmocka_unit_test(csv),
        cmocka_unit_test(named_streams),
        cmocka_unit_test(one_route_needs_no_choice),
        cmocka_unit_test(long_records),
        cmocka_unit_test(long_rows),
        cmocka_unit_test(deep_records),
        cmocka_unit_test(offsets),
        cmocka_unit_test(rendered),
        cmocka_unit_test(rendered_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
