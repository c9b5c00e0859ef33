/*
 * decode_csv.c: rows of CSV as records.
 *
 * The first record is the header. It is kept (as one text with the ends of its cells), because a row kept for evidence is shown as a JSON
 * object later. A row must have as many cells as the header: another number means broken quoting, and guessing would put values into
 * wrong fields.
 *
 * Invariant: decoder->pos equals csv.pos of the text that was fed, but for bytes passed over of a row that is too long.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/decode_internal.h"

void decode_forget_header(ingest_decoder *decoder)
{
    if (decoder->started)
        egret_csv_deinit(&decoder->csv);
    decoder->started = decoder->has_header = false;
    egret_text_deinit(&decoder->header);
    egret_text_init(&decoder->header, egret_mem_of(NULL));
    free(decoder->header_end);
    decoder->header_end = NULL;
    decoder->n_columns = 0;
}

static egret_str column_name(const ingest_decoder *decoder, uint32_t column)
{
    uint32_t begin = column == 0 ? 0 : decoder->header_end[column - 1];
    uint32_t len = decoder->header_end[column] - begin;
    return (egret_str){ len == 0 ? "" : decoder->header.ptr + begin, len };     /* all names empty: there is no text at all */
}

static uint32_t find_column(const ingest_decoder *decoder, egret_str name)
{
    for (uint32_t c = 0; c < decoder->n_columns; c++)
        if (egret_str_eq(column_name(decoder, c), name))
            return c;
    return PLAN_NONE;
}

/* A column named as `from` says comes before one named as the field. */
static void find_columns(const ingest_decoder *decoder, decode_spec *spec)
{
    for (uint32_t i = 0; i < spec->n_fields; i++) {
        spec->column[i] = find_column(decoder, spec->fields[i]->path);
        if (spec->column[i] == PLAN_NONE)
            spec->column[i] = find_column(decoder, spec->fields[i]->name);
    }
}

/* Keeps the header's cells; false: no memory. */
static bool take_header(ingest_decoder *decoder)
{
    const egret_csv *csv = &decoder->csv;
    decoder->header_end = calloc((size_t)csv->n_cells + 1, sizeof *decoder->header_end);
    if (decoder->header_end == NULL)
        return false;
    for (uint32_t i = 0; i < csv->n_cells; i++) {
        egret_text_put(&decoder->header, csv->cells[i].ptr, csv->cells[i].len);
        decoder->header_end[i] = (uint32_t)decoder->header.len;
    }
    decoder->n_columns = csv->n_cells;
    decoder->has_header = true;
    for (uint32_t i = 0; i < decoder->options.plan->n_streams; i++)
        find_columns(decoder, &decoder->specs[i]);
    find_columns(decoder, &decoder->choice);
    return !decoder->header.failed;
}

/* Gives the splitter what was fed since it was asked last. */
static void hand_over(ingest_decoder *decoder)
{
    const char *ptr = decoder->ptr + decoder->pos;
    size_t len = decoder->len - decoder->pos;
    if (decoder->started) {
        egret_csv_feed(&decoder->csv, ptr, len, decoder->final);
        return;
    }
    egret_csv_init(&decoder->csv, egret_mem_of(NULL), ptr, len);
    decoder->csv.final = decoder->final;
    decoder->started = true;
}

static void set_row(const ingest_decoder *decoder, ingest_record *record, size_t base)
{
    const egret_csv *csv = &decoder->csv;
    record->stream = PLAN_NONE;
    record->slots = NULL;
    record->raw = csv->text + csv->start;
    record->raw_len = csv->end > csv->start ? csv->end - csv->start : 0;
    record->offset = decoder->base + base + csv->start;
    record->line = decoder->line + csv->line;
}

/* Passes over the rest of a row that is too long; false: its end is not here. */
static bool skip_rest(ingest_decoder *decoder)
{
    const char *end = memchr(decoder->ptr + decoder->pos, '\n', decoder->len - decoder->pos);
    decoder->pos = end == NULL ? decoder->len : (size_t)(end - decoder->ptr) + 1;
    decoder->skipping = end == NULL;
    decoder->line += end != NULL;
    return end != NULL;
}

/* The splitter wants more but has enough for the longest row allowed: a quote that is never closed, or a row too long. */
static ingest_got give_up_row(ingest_decoder *decoder, ingest_record *record, size_t base)
{
    egret_csv *csv = &decoder->csv;
    size_t rest = csv->len - csv->pos;
    if (memchr(csv->text + csv->pos, '\n', rest) != NULL) {
        csv->final = true;
        egret_csv_result got = egret_csv_next(csv);
        csv->final = false;
        decoder->pos = base + csv->pos;
        set_row(decoder, record, base);
        if (got == EGRET_CSV_BAD)
            return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "%s", csv->error);
    } else {
        csv->start = csv->pos;
        csv->end = csv->len;
        set_row(decoder, record, base);
        decoder->pos = decoder->len;
        decoder->skipping = true;
    }
    return decode_reject(decoder, record, INGEST_REASON_SIZE, "longer than %u bytes", decoder->options.max_record);
}

static ingest_got take_row(ingest_decoder *decoder, ingest_record *record)
{
    if (record->raw_len > decoder->options.max_record)
        return decode_reject(decoder, record, INGEST_REASON_SIZE, "longer than %u bytes", decoder->options.max_record);
    if (!ingest_utf8_valid(record->raw, record->raw_len))
        return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "not valid UTF-8");
    if (!decoder->has_header)
        return take_header(decoder) ? INGEST_GOT_MORE : INGEST_GOT_NO_MEMORY;
    if (decoder->csv.n_cells != decoder->n_columns)
        return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "%u cells where the header has %u", decoder->csv.n_cells,
                             decoder->n_columns);
    return decode_fields_csv(decoder, record);
}

ingest_got decode_next_csv(ingest_decoder *decoder, ingest_record *record)
{
    if (decoder->skipping && !skip_rest(decoder))
        return decoder->final ? INGEST_GOT_END : INGEST_GOT_MORE;
    size_t base = decoder->pos;
    hand_over(decoder);
    for (;;) {
        egret_csv_result got = egret_csv_next(&decoder->csv);
        if (got == EGRET_CSV_NO_MEMORY)
            return INGEST_GOT_NO_MEMORY;
        if (got == EGRET_CSV_MORE && decoder->csv.len - decoder->csv.pos > decoder->options.max_record)
            return give_up_row(decoder, record, base);
        decoder->pos = base + decoder->csv.pos;
        if (got == EGRET_CSV_MORE || got == EGRET_CSV_END)
            return got == EGRET_CSV_END ? INGEST_GOT_END : INGEST_GOT_MORE;
        set_row(decoder, record, base);
        if (got == EGRET_CSV_BAD)
            return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "%s", decoder->csv.error);
        ingest_got taken = take_row(decoder, record);
        if (taken != INGEST_GOT_MORE)
            return taken;
    }
}

/* ---- rows as JSON ---- */

/* A number that any reader of JSON reads exactly: of usual form, at most 15 digits. */
static bool is_plain_number(const egret_csv_cell *cell)
{
    uint32_t i = cell->len > 0 && cell->ptr[0] == '-', first = i, digits = 0;
    bool point = false;
    for (; i < cell->len; i++) {
        if (cell->ptr[i] == '.' && !point && i > first && i + 1 < cell->len)
            point = true;
        else if (cell->ptr[i] >= '0' && cell->ptr[i] <= '9')
            digits++;
        else
            return false;
    }
    bool leading_zero = cell->len > first + 1 && cell->ptr[first] == '0' && cell->ptr[first + 1] != '.';
    return digits > 0 && digits <= 15 && !leading_zero;
}

static void put_cell(const egret_csv_cell *cell, egret_text *out)
{
    if (cell->len == 0 && !cell->quoted)
        egret_text_puts(out, "null");
    else if (!cell->quoted && is_plain_number(cell))
        egret_text_put(out, cell->ptr, cell->len);
    else
        egret_text_put_json(out, cell->ptr, cell->len);
}

void decode_render_csv(ingest_decoder *decoder, const char *raw, size_t raw_len, egret_text *out)
{
    egret_csv csv;
    egret_csv_init(&csv, egret_mem_of(NULL), raw, raw_len);
    if (egret_csv_next(&csv) != EGRET_CSV_RECORD || csv.n_cells != decoder->n_columns) {
        egret_text_put_json(out, raw, raw_len);
        egret_csv_deinit(&csv);
        return;
    }
    egret_text_puts(out, "{");
    for (uint32_t i = 0; i < csv.n_cells; i++) {
        egret_str name = column_name(decoder, i);
        if (i > 0)
            egret_text_puts(out, ",");
        egret_text_put_json(out, name.ptr, name.len);
        egret_text_puts(out, ":");
        put_cell(&csv.cells[i], out);
    }
    egret_text_puts(out, "}");
    egret_csv_deinit(&csv);
}
