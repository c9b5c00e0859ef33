/*
 * fuzz_event_json.c: any bytes as a delivery of JSON events.
 *
 * The first byte says how the rest is cut into pieces; feeding it in pieces must give what feeding it at once gives, as far as records go. And each
 * record is compared with a second opinion, simdjson's own strict parser: what that accepts as an object may fail only for what a
 * field holds, never as bad JSON; and a record read on its own by a decoder that learns nothing must give the same values as one read from an
 * indexed block, or by the template of a record before: all is decoded again when the decoder has seen it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/decode.h"
#include "ingest/simdjson_shim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STR(s) { s, sizeof s - 1 }

static plan_field fields[] = {
    { .name = STR("id"), .path = STR("id"), .type = EGRET_STRING, .optional = true, .slot = 0 },
    { .name = STR("amount"), .path = STR("amount"), .type = EGRET_DECIMAL, .optional = true, .slot = 1 },
    { .name = STR("n"), .path = STR("n"), .type = EGRET_INT, .optional = true, .slot = 2 },
    { .name = STR("x"), .path = STR("geo.x"), .type = EGRET_NUMBER, .optional = true, .slot = 3 },
    { .name = STR("ok"), .path = STR("ok"), .type = EGRET_BOOL, .optional = true, .slot = 4 },
    { .name = STR("at"), .path = STR("at"), .type = EGRET_TIME, .optional = true, .slot = 5 },
    { .name = STR("took"), .path = STR("took"), .type = EGRET_DURATION, .optional = true, .slot = 6 },
};
static plan_stream streams[] = { { .name = STR("s"), .fields = fields, .n_fields = 7, .n_slots = 7, .time_field = 5, .identity_field = 0 } };
static const plan rules = { .streams = streams, .n_streams = 1 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* What came out, as bytes that can be compared. */
typedef struct digest {
    uint64_t records, rejected, hash;
} digest;

static void mix(digest *d, const void *ptr, size_t len)
{
    const uint8_t *bytes = ptr;
    for (size_t i = 0; i < len; i++)
        d->hash = (d->hash ^ bytes[i]) * UINT64_C(1099511628211);
}

static void mix_values(digest *d, const egret_value *slots)
{
    for (unsigned i = 0; i < 7; i++) {
        mix(d, &slots[i].type, 1);
        mix(d, &slots[i].scale, 1);
        if (slots[i].type == EGRET_STRING)
            mix(d, slots[i].u.s, slots[i].len);
        else if (slots[i].type != EGRET_NULL)
            mix(d, &slots[i].u.i, sizeof slots[i].u.i);
    }
}

/* Reads a record's text by itself, from memory that ends right behind it. */
static ingest_got read_alone(ingest_decoder *decoder, const ingest_record *record, digest *d, ingest_reason *reason)
{
    char *copy = malloc(record->raw_len + 1);
    require(copy != NULL, "memory");
    memcpy(copy, record->raw, record->raw_len);
    for (size_t i = 0; i < record->raw_len; i++)
        if (copy[i] == '\n')
            copy[i] = ' ';
    ingest_record alone;
    ingest_decoder_reset(decoder);
    ingest_decoder_feed(decoder, copy, record->raw_len, record->raw_len, true);
    ingest_got got = ingest_decoder_next(decoder, &alone);
    if (got == INGEST_GOT_RECORD)
        mix_values(d, alone.slots);
    *reason = got == INGEST_GOT_REJECTED ? alone.reason : INGEST_REASON_NONE;
    free(copy);
    return got;
}

static void second_opinion(ingest_decoder *decoder, ingest_json *json, const ingest_record *record, ingest_got got)
{
    digest here = { 0 }, there = { 0 };
    ingest_reason reason;
    if (record->raw_len == 0 || record->raw[0] != '{')
        return;
    if (got == INGEST_GOT_REJECTED && record->reason == INGEST_REASON_SYNTAX && ingest_json_valid(json, record->raw, record->raw_len))
        require(false, "a valid object was called bad JSON");
    if (got != INGEST_GOT_RECORD)
        return;
    mix_values(&here, record->slots);
    require(read_alone(decoder, record, &there, &reason) == INGEST_GOT_RECORD, "a record taken in a block is taken alone");
    require(here.hash == there.hash, "a record alone gives the same values");
}

static digest run(ingest_decoder *decoder, ingest_decoder *other, ingest_json *json, const uint8_t *data, size_t size, size_t piece)
{
    digest d = { 0 };
    size_t done = 0, shown = 0;
    ingest_decoder_reset(decoder);
    for (;;) {
        shown = piece == 0 || shown + piece > size - done ? size - done : shown + piece;
        size_t readable = shown + (piece == 0 ? INGEST_JSON_PADDING : 0);
        char *fed = calloc(1, readable + 1);
        require(fed != NULL, "memory");
        memcpy(fed, data + done, shown);
        ingest_decoder_feed(decoder, fed, shown, readable, done + shown == size);
        ingest_record record;
        ingest_got got;
        while ((got = ingest_decoder_next(decoder, &record)) == INGEST_GOT_RECORD || got == INGEST_GOT_REJECTED) {
            require(record.raw >= fed && record.raw + record.raw_len <= fed + shown, "a record lies in what was fed");
            require(record.offset == done + (size_t)(record.raw - fed), "its offset is its place");
            require(got == INGEST_GOT_RECORD || record.text[0] != '\0', "a rejection says why");
            d.records += got == INGEST_GOT_RECORD;
            d.rejected += got == INGEST_GOT_REJECTED;
            if (got == INGEST_GOT_RECORD)
                mix_values(&d, record.slots);
            if (other != NULL)
                second_opinion(other, json, &record, got);
        }
        size_t taken = ingest_decoder_taken(decoder);
        require(taken <= shown, "no more is taken than was fed");
        free(fed);
        done += taken;
        shown -= taken;
        if (got == INGEST_GOT_END) {
            require(done == size, "all is taken at the end");
            return d;
        }
        require(got == INGEST_GOT_MORE, "more is asked for");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ingest_decoder_options options = { .plan = &rules, .stream = 0 };
    ingest_decoder *decoder = ingest_decoder_new(&options);
    options.unlearned = true;
    ingest_decoder *other = ingest_decoder_new(&options);
    ingest_json *json = ingest_json_new();
    if (size > 0 && decoder != NULL && other != NULL && json != NULL) {
        size_t piece = 1 + data[0] % 64;
        digest whole = run(decoder, other, json, data + 1, size - 1, 0);
        digest again = run(decoder, other, json, data + 1, size - 1, 0);
        require(again.records == whole.records && again.hash == whole.hash && again.rejected == whole.rejected, "what was learned changes nothing");
        digest pieces = run(decoder, NULL, json, data + 1, size - 1, piece);
        require(whole.records == pieces.records && whole.hash == pieces.hash, "in pieces the same records come out");
        require(whole.rejected == pieces.rejected, "in pieces as many are rejected");
    }
    ingest_decoder_free(decoder);
    ingest_decoder_free(other);
    ingest_json_free(json);
    return 0;
}
