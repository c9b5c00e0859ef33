/*
 * decode_json.c: JSON records from bytes: lines, arrays, objects over several lines.
 *
 * The layout is found once, from the first bytes. '[' begins an array of records. Else, if the first line is not a whole value by itself and
 * the next line does not begin another object, objects are written over several lines and are found by their brackets. Else, and that
 * is the usual case, a record is a line, and a bad line costs that line.
 *
 * Lines are read by templates where one fits (decode_known_line); the others go the long way, by an index.
 *
 * A line longer than max_record is rejected as soon as that is known, and the rest of it is passed over as it comes, so that memory
 * stays bounded.
 */
#include <string.h>

#include "ingest/decode_internal.h"
#include "ingest/split.h"

enum { BLOCK_BYTES = 32 * 1024 };   /* indexed at once: fits the nearest cache with its index */
enum { OFTEN = 8 };                 /* lines of a block that went the long way: the next block is indexed */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(ingest_decoder *decoder)
{
    while (decoder->pos < decoder->len && is_space(decoder->ptr[decoder->pos]))
        decoder->pos++;
}

static void set_record(ingest_decoder *decoder, ingest_record *record, size_t begin, size_t end)
{
    record->stream = PLAN_NONE;
    record->slots = NULL;
    record->raw = decoder->ptr + begin;
    record->raw_len = end - begin;
    record->offset = decoder->base + begin;
    record->line = decoder->line;
}

/* Finds the layout; UNKNOWN: too little is there. */
static decode_layout find_layout(ingest_decoder *decoder)
{
    if (decoder->base == 0 && decoder->len > 0 && decoder->len < 3 && !decoder->final && decoder->ptr[0] == '\xEF')
        return DECODE_UNKNOWN;
    if (decoder->base == 0 && decoder->pos == 0 && decoder->len >= 3 && memcmp(decoder->ptr, "\xEF\xBB\xBF", 3) == 0)
        decoder->pos = 3;
    size_t at = decoder->pos, end;
    while (at < decoder->len && is_space(decoder->ptr[at]))
        at++;
    if (at == decoder->len)
        return DECODE_UNKNOWN;
    if (decoder->ptr[at] == '[')
        return DECODE_ARRAY;
    const char *line_end = memchr(decoder->ptr + at, '\n', decoder->len - at);
    size_t line = line_end == NULL ? decoder->len : (size_t)(line_end - decoder->ptr);
    if (decoder->ptr[at] != '{' || ingest_split_value(decoder->ptr + at, line - at, &end) == INGEST_SPLIT_DONE)
        return DECODE_LINES;
    while (line < decoder->len && is_space(decoder->ptr[line]))
        line++;
    if (line == decoder->len)
        return decoder->final || decoder->len - at > decoder->options.max_record ? DECODE_LINES : DECODE_UNKNOWN;
    return decoder->ptr[line] == '{' ? DECODE_LINES : DECODE_VALUES;
}

/* ---- lines ---- */

/* A line too long whose end is not here yet: rejected now, the rest passed over later. */
static ingest_got begin_skipping(ingest_decoder *decoder, ingest_record *record)
{
    decoder->line++;
    set_record(decoder, record, decoder->pos, decoder->len);
    decoder->pos = decoder->len;
    decoder->skipping = true;
    return decode_reject(decoder, record, INGEST_REASON_SIZE, "longer than %u bytes", decoder->options.max_record);
}

/* Begins another block of lines at pos. Where templates fail often its lines are indexed together; not those that are longer than a block or have no
 * padding behind them, and not those of a block with a bad line. */
static void begin_block(ingest_decoder *decoder)
{
    const char *begin = decoder->ptr + decoder->pos;
    size_t rest = decoder->len - decoder->pos, size = rest < BLOCK_BYTES ? rest : BLOCK_BYTES;
    const char *last = decoder->final && size == rest ? begin + size - 1 : memrchr(begin, '\n', size);
    size = last == NULL ? size : (size_t)(last - begin) + 1;
    decoder->block_end = decoder->pos + size;
    if (last != NULL && decoder->readable - decoder->block_end >= INGEST_JSON_PADDING && decoder->declined >= OFTEN)
        ingest_json_index(decoder->json, begin, size);
    else
        ingest_json_forget(decoder->json);
    decoder->declined = 0;
}

/* The line at pos, if it is written like one before. */
static bool take_known_line(ingest_decoder *decoder, ingest_record *record, ingest_got *got)
{
    const char *stop = decoder->ptr + decoder->len;
    if (decoder->skipping || decoder->readable - decoder->len < INGEST_JSON_PADDING)
        return false;
    record->raw = decoder->ptr + decoder->pos;
    record->slots = NULL;
    if (!decode_known_line(decoder, record, got)) {
        decoder->declined++;
        return false;
    }
    record->offset = decoder->base + decoder->pos;
    record->line = ++decoder->line;
    const char *end = record->raw + record->raw_len;
    end += end < stop && *end == '\r';
    end += end < stop;      /* the line's end */
    decoder->pos = (size_t)(end - decoder->ptr);
    return true;
}

static ingest_got next_line(ingest_decoder *decoder, ingest_record *record)
{
    while (decoder->pos < decoder->len) {
        if (decoder->pos >= decoder->block_end)
            begin_block(decoder);
        ingest_got got;
        if (take_known_line(decoder, record, &got)) {
            if (got != INGEST_GOT_MORE)
                return got;
            continue;
        }
        const char *begin = decoder->ptr + decoder->pos;
        const char *stop = decoder->ptr + decoder->len;
        const char *end = memchr(begin, '\n', (size_t)(stop - begin));
        if (end == NULL && !decoder->final) {
            if (decoder->skipping)
                decoder->pos = decoder->len;
            else if ((size_t)(stop - begin) > decoder->options.max_record)
                return begin_skipping(decoder, record);
            return INGEST_GOT_MORE;
        }
        const char *line_end = end == NULL ? stop : end;
        decoder->pos = (size_t)((end == NULL ? stop : end + 1) - decoder->ptr);
        if (decoder->skipping) {
            decoder->skipping = false;
            continue;
        }
        decoder->line++;
        while (begin < line_end && is_space(*begin))
            begin++;
        while (line_end > begin && is_space(line_end[-1]))
            line_end--;
        if (begin == line_end)
            continue;
        size_t from = (size_t)(begin - decoder->ptr);
        set_record(decoder, record, from, (size_t)(line_end - decoder->ptr));
        if (record->raw_len > decoder->options.max_record)
            return decode_reject(decoder, record, INGEST_REASON_SIZE, "longer than %u bytes", decoder->options.max_record);
        got = decode_fields_json(decoder, record, decoder->readable - from);
        if (got != INGEST_GOT_MORE)
            return got;
    }
    return decoder->final ? INGEST_GOT_END : INGEST_GOT_MORE;
}

/* ---- arrays and objects over several lines ---- */

/* The value at pos. MORE: it is not complete. */
static ingest_got next_value(ingest_decoder *decoder, ingest_record *record)
{
    size_t begin = decoder->pos, rest = decoder->len - begin, end = 0;
    ingest_split split = ingest_split_value(decoder->ptr + begin, rest, &end);
    if (split == INGEST_SPLIT_MORE && !decoder->final && rest <= decoder->options.max_record)
        return INGEST_GOT_MORE;
    decoder->line++;
    if (split == INGEST_SPLIT_MORE)
        end = rest;
    set_record(decoder, record, begin, begin + end);
    decoder->pos = begin + end;
    if (record->raw_len > decoder->options.max_record)
        return decode_reject(decoder, record, INGEST_REASON_SIZE, "longer than %u bytes", decoder->options.max_record);
    if (split == INGEST_SPLIT_BROKEN)
        return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "the record ends too early");
    return decode_fields_json(decoder, record, decoder->readable - begin);
}

/* What stands between the elements of an array: true when an element follows at pos. Junk behind the array is one bad record. */
static bool find_element(ingest_decoder *decoder)
{
    for (;; decoder->pos++) {
        skip_space(decoder);
        if (decoder->pos == decoder->len)
            return false;
        char c = decoder->ptr[decoder->pos];
        if (decoder->array_done)
            return true;
        if (c == ']')
            decoder->array_done = true;
        else if (c != ',')
            return true;
    }
}

static ingest_got junk_after_array(ingest_decoder *decoder, ingest_record *record)
{
    decoder->line++;
    set_record(decoder, record, decoder->pos, decoder->len);
    decoder->pos = decoder->len;
    if (decoder->skipping)
        return INGEST_GOT_MORE;
    decoder->skipping = true;
    return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "something stands behind the array");
}

static ingest_got end_of_array(ingest_decoder *decoder, ingest_record *record)
{
    if (!decoder->final)
        return INGEST_GOT_MORE;
    if (decoder->array_done)
        return INGEST_GOT_END;
    decoder->array_done = true;
    decoder->line++;
    set_record(decoder, record, decoder->pos, decoder->len);
    return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "the array is not closed");
}

static ingest_got next_element(ingest_decoder *decoder, ingest_record *record)
{
    for (;;) {
        if (!find_element(decoder))
            return end_of_array(decoder, record);
        if (decoder->array_done) {
            ingest_got junk = junk_after_array(decoder, record);
            return junk == INGEST_GOT_MORE && decoder->final ? INGEST_GOT_END : junk;
        }
        size_t before = decoder->pos;
        ingest_got got = next_value(decoder, record);
        if (got != INGEST_GOT_MORE || decoder->pos == before)
            return got;
    }
}

static ingest_got next_of_values(ingest_decoder *decoder, ingest_record *record)
{
    for (;;) {
        skip_space(decoder);
        if (decoder->pos == decoder->len)
            return decoder->final ? INGEST_GOT_END : INGEST_GOT_MORE;
        size_t before = decoder->pos;
        ingest_got got = next_value(decoder, record);
        if (got != INGEST_GOT_MORE || decoder->pos == before)
            return got;
    }
}

ingest_got decode_next_json(ingest_decoder *decoder, ingest_record *record)
{
    if (decoder->layout == DECODE_LINES)
        return next_line(decoder, record);
    if (decoder->layout == DECODE_UNKNOWN) {
        decoder->layout = find_layout(decoder);
        if (decoder->layout == DECODE_UNKNOWN) {
            decoder->pos = decoder->final ? decoder->len : decoder->pos;     /* white space alone */
            return decoder->final ? INGEST_GOT_END : INGEST_GOT_MORE;
        }
        if (decoder->layout == DECODE_ARRAY) {
            skip_space(decoder);
            decoder->pos++;
        }
    }
    switch (decoder->layout) {
    case DECODE_ARRAY: return next_element(decoder, record);
    case DECODE_VALUES: return next_of_values(decoder, record);
    case DECODE_LINES: case DECODE_UNKNOWN: break;
    }
    return next_line(decoder, record);
}
