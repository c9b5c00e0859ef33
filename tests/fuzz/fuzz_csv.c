/*
 * fuzz_csv.c: any bytes as CSV, through the splitter and through the decoder.
 *
 * The first byte says how the rest is cut into pieces: the splitter must give the same records in pieces as at once. A record whose cells are quoted
 * anew and split again must be the same cells. The decoder must take all of it and say why it rejects what it rejects.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/csv.h"
#include "ingest/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STR(s) { s, sizeof s - 1 }

static plan_field fields[] = {
    { .name = STR("id"), .path = STR("id"), .type = EGRET_STRING, .slot = 0 },
    { .name = STR("amount"), .path = STR("amount"), .type = EGRET_DECIMAL, .optional = true, .slot = 1 },
    { .name = STR("at"), .path = STR("at"), .type = EGRET_TIME, .optional = true, .slot = 2 },
    { .name = STR("n"), .path = STR("n"), .type = EGRET_INT, .optional = true, .slot = 3 },
    { .name = STR("ok"), .path = STR("ok"), .type = EGRET_BOOL, .optional = true, .slot = 4 },
};
static plan_stream streams[] = { { .name = STR("s"), .fields = fields, .n_fields = 5, .n_slots = 5, .time_field = 2, .identity_field = 0 } };
static const plan rules = { .streams = streams, .n_streams = 1 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static uint64_t mix(uint64_t hash, const void *ptr, size_t len)
{
    const uint8_t *bytes = ptr;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash * UINT64_C(1099511628211) + len;
}

/* Quotes the cells of a record, splits that, and compares. */
static void round_trip(const egret_csv *csv)
{
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    for (uint32_t i = 0; i < csv->n_cells; i++) {
        egret_text_puts(&text, i > 0 ? ",\"" : "\"");
        for (uint32_t k = 0; k < csv->cells[i].len; k++) {
            char c = csv->cells[i].ptr[k];
            egret_text_put(&text, "\"\"", c == '"' ? 2 : 0);
            egret_text_put(&text, &c, c == '"' ? 0 : 1);
        }
        egret_text_puts(&text, "\"");
    }
    egret_text_puts(&text, "\r\n");
    require(!text.failed, "memory");
    egret_csv again;
    egret_csv_init(&again, egret_mem_of(NULL), text.ptr, text.len);
    require(egret_csv_next(&again) == EGRET_CSV_RECORD && again.n_cells == csv->n_cells, "what is quoted is a record again");
    for (uint32_t i = 0; i < csv->n_cells; i++)
        require(again.cells[i].len == csv->cells[i].len && memcmp(again.cells[i].ptr, csv->cells[i].ptr, again.cells[i].len) == 0,
                "its cells are the same");
    require(egret_csv_next(&again) == EGRET_CSV_END, "and nothing else");
    egret_csv_deinit(&again);
    egret_text_deinit(&text);
}

static uint64_t take(const egret_csv *csv, egret_csv_result got, uint64_t hash)
{
    hash = mix(hash, &got, sizeof got);
    hash = mix(hash, &csv->line, sizeof csv->line);
    if (got == EGRET_CSV_BAD)
        require(csv->error != NULL, "an error says what is wrong");
    for (uint32_t i = 0; got == EGRET_CSV_RECORD && i < csv->n_cells; i++)
        hash = mix(hash, csv->cells[i].ptr, csv->cells[i].len);
    return hash;
}

/* Splits text given `piece` bytes at a time (0: at once), each from memory that ends right behind it. */
static uint64_t split(const uint8_t *data, size_t size, size_t piece)
{
    uint64_t hash = 0;
    size_t done = 0, shown = piece == 0 || piece > size ? size : piece;
    egret_csv csv;
    char *fed = malloc(shown + 1);
    require(fed != NULL, "memory");
    memcpy(fed, data, shown);
    egret_csv_init(&csv, egret_mem_of(NULL), fed, shown);
    csv.final = shown == size;
    for (;;) {
        egret_csv_result got = egret_csv_next(&csv);
        require(got != EGRET_CSV_NO_MEMORY, "memory");
        if (got == EGRET_CSV_END)
            break;
        if (got != EGRET_CSV_MORE) {
            require(csv.start <= csv.end && csv.end <= csv.len && csv.pos <= csv.len, "places lie in the text");
            hash = take(&csv, got, hash);
            if (got == EGRET_CSV_RECORD && piece == 0)
                round_trip(&csv);
            continue;
        }
        require(!csv.final, "the last piece is complete");
        done += csv.pos;
        shown = shown - csv.pos + piece > size - done ? size - done : shown - csv.pos + piece;
        char *next = malloc(shown + 1);
        require(next != NULL, "memory");
        memcpy(next, data + done, shown);
        free(fed);
        fed = next;
        egret_csv_feed(&csv, fed, shown, done + shown == size);
    }
    egret_csv_deinit(&csv);
    free(fed);
    return hash;
}

static void decode(const uint8_t *data, size_t size)
{
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = &rules, .stream = 0, .format = INGEST_FORMAT_CSV });
    require(decoder != NULL, "memory");
    ingest_decoder_feed(decoder, (const char *)data, size, size, true);
    ingest_record record;
    ingest_got got;
    while ((got = ingest_decoder_next(decoder, &record)) == INGEST_GOT_RECORD || got == INGEST_GOT_REJECTED) {
        egret_text text;
        egret_text_init(&text, egret_mem_of(NULL));
        ingest_decoder_render(decoder, record.raw, record.raw_len, &text);
        require(!text.failed && text.len >= 2, "a row can be shown");
        egret_text_deinit(&text);
        require(got == INGEST_GOT_RECORD || record.text[0] != '\0', "a rejection says why");
    }
    require(got == INGEST_GOT_END && ingest_decoder_taken(decoder) == size, "all is taken");
    ingest_decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint64_t whole = split(data + 1, size - 1, 0);
    require(whole == split(data + 1, size - 1, 3 + data[0] % 64), "in pieces the same records come out");
    decode(data + 1, size - 1);
    return 0;
}
