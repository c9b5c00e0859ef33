/*
 * decode.c: which stream a record is of, and what its fields say.
 *
 * For each stream that this decoder may feed there is a spec: the fields that somebody reads, compiled to a shape (JSON) or to columns
 * (CSV). A record is indexed once. If a choice is needed the few fields that decide it are read first; reading those of the stream
 * then starts again at the record's first key, on the same index.
 *
 * Most JSON records are written like one before. Those are read by templates (json_template.h) and never indexed. There is a template for each
 * spec; with a choice a record is read by two, as it is on the long way.
 *
 * Invariants: tokens, slots and choice_slots have room for the largest spec. Slots nobody fills (there are none in a plan) stay null.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/decode_internal.h"
#include "ingest/envelope.h"
#include "ingest/split.h"

/* ---- specs ---- */

static void free_spec(decode_spec *spec)
{
    free((void *)spec->fields);
    free(spec->slot);
    free(spec->column);
    ingest_shape_free(spec->shape);
    json_template_free(spec->template);
}

/* Fields [0, n) of which those with a slot count; the i-th of `fields` fills slot number `slot`, or its index where by_index (in a choice). */
static bool make_spec(decode_spec *spec, const plan_field *fields, uint32_t n, bool by_index, const ingest_decoder_options *options)
{
    spec->fields = calloc((size_t)n + 1, sizeof *spec->fields);
    spec->slot = calloc((size_t)n + 1, sizeof *spec->slot);
    spec->column = calloc((size_t)n + 1, sizeof *spec->column);
    egret_str *paths = calloc((size_t)n + 1, sizeof *paths);
    bool good = spec->fields != NULL && spec->slot != NULL && spec->column != NULL && paths != NULL;
    for (uint32_t i = 0; good && i < n; i++) {
        if (!by_index && fields[i].slot == PLAN_NONE)
            continue;
        paths[spec->n_fields] = fields[i].path;
        spec->slot[spec->n_fields] = by_index ? i : fields[i].slot;
        spec->fields[spec->n_fields++] = &fields[i];
    }
    if (good && options->format != INGEST_FORMAT_CSV) {
        spec->shape = ingest_shape_new(paths, spec->n_fields);
        spec->template = options->unlearned ? NULL : json_template_new((json_template_fields){ spec->fields, spec->slot, spec->n_fields, !by_index });
        good = spec->shape != NULL && (spec->template != NULL || options->unlearned);
    }
    free(paths);
    return good;
}

/* Makes the spec of a stream if it is not there yet. */
static bool need_stream(ingest_decoder *decoder, uint32_t stream)
{
    const plan_stream *declared = &decoder->options.plan->streams[stream];
    decode_spec *spec = &decoder->specs[stream];
    return spec->fields != NULL || make_spec(spec, declared->fields, declared->n_fields, false, &decoder->options);
}

static bool make_routed(ingest_decoder *decoder, const plan_edge *source)
{
    for (uint32_t i = 0; i < source->n_routes; i++) {
        if (!need_stream(decoder, source->routes[i].stream))
            return false;
        decoder->chooses = decoder->chooses || source->routes[i].when != PLAN_NONE;
    }
    if (source->n_routes > 1)
        decoder->chooses = true;
    return !decoder->chooses || make_spec(&decoder->choice, source->route_fields, source->n_route_fields, true, &decoder->options);
}

static bool make_named(ingest_decoder *decoder)
{
    for (uint32_t i = 0; i < plan_inputs(decoder->options.plan); i++)
        if (!need_stream(decoder, i))
            return false;
    egret_str name = decoder->options.name_field;
    if (name.len == 0)
        name = (egret_str){ "type", 4 };
    decoder->name_field = (plan_field){ .name = name, .path = name, .type = EGRET_STRING, .optional = true };
    decoder->chooses = true;
    return make_spec(&decoder->choice, &decoder->name_field, 1, true, &decoder->options);
}

static bool make_specs(ingest_decoder *decoder)
{
    const ingest_decoder_options *options = &decoder->options;
    if (options->stream != PLAN_NONE)
        return need_stream(decoder, options->stream);
    return options->source != NULL ? make_routed(decoder, options->source) : make_named(decoder);
}

static bool make_room(ingest_decoder *decoder)
{
    uint32_t most = decoder->choice.n_fields;
    for (uint32_t i = 0; i < decoder->options.plan->n_streams; i++) {
        const plan_stream *stream = &decoder->options.plan->streams[i];
        most = most < stream->n_slots ? stream->n_slots : most;
        most = most < stream->n_fields ? stream->n_fields : most;
    }
    decoder->most_slots = most;
    decoder->tokens = calloc((size_t)most + 1, sizeof *decoder->tokens);
    decoder->slots = decoder->own_slots = calloc((size_t)most + 1, sizeof *decoder->own_slots);
    decoder->choice_slots = calloc((size_t)most + 1, sizeof *decoder->choice_slots);
    decoder->json = ingest_json_new();
    return decoder->tokens != NULL && decoder->slots != NULL && decoder->choice_slots != NULL && decoder->json != NULL;
}

ingest_decoder *ingest_decoder_new(const ingest_decoder_options *options)
{
    ingest_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;
    decoder->options = *options;
    if (options->max_record == 0)
        decoder->options.max_record = DECODE_DEFAULT_MAX_RECORD;
    decoder->options.unlearned = options->unlearned || options->format == INGEST_FORMAT_DEBEZIUM;   /* templates read what stands in the source */
    egret_text_init(&decoder->flat, egret_mem_of(NULL));
    decoder->declined = UINT32_MAX / 2;     /* nothing is known of the first block */
    egret_text_init(&decoder->header, egret_mem_of(NULL));
    decoder->specs = calloc((size_t)options->plan->n_streams + 1, sizeof *decoder->specs);
    if (decoder->specs != NULL && make_specs(decoder) && make_room(decoder)) {
        decoder->remembers = decode_may_remember(decoder);
        return decoder;
    }
    ingest_decoder_free(decoder);
    return NULL;
}

void ingest_decoder_free(ingest_decoder *decoder)
{
    if (decoder == NULL)
        return;
    for (uint32_t i = 0; decoder->specs != NULL && i < decoder->options.plan->n_streams; i++)
        free_spec(&decoder->specs[i]);
    free(decoder->specs);
    free_spec(&decoder->choice);
    egret_text_deinit(&decoder->flat);
    free(decoder->tokens);
    free(decoder->own_slots);
    free(decoder->choice_slots);
    ingest_json_free(decoder->json);
    decode_forget_header(decoder);
    free(decoder);
}

/* ---- what was fed ---- */

void ingest_decoder_reset(ingest_decoder *decoder)
{
    decode_forget_header(decoder);
    decoder->ptr = NULL;
    decoder->len = decoder->readable = decoder->pos = 0;
    decoder->base = decoder->line = 0;
    decoder->final = decoder->array_done = decoder->skipping = false;
    decoder->layout = DECODE_UNKNOWN;
}

void ingest_decoder_seek(ingest_decoder *decoder, uint64_t offset, uint64_t lines_before)
{
    decoder->ptr = NULL;
    decoder->len = decoder->readable = decoder->pos = 0;
    decoder->base = offset;
    decoder->line = lines_before;
    if (decoder->started)
        decoder->csv.next_line = 1;     /* it counts from here on */
    if (offset > 0 && decoder->options.format != INGEST_FORMAT_CSV && decoder->layout == DECODE_UNKNOWN)
        decoder->layout = DECODE_LINES;
}

void ingest_decoder_feed(ingest_decoder *decoder, const char *ptr, size_t len, size_t readable, bool final)
{
    decoder->base += decoder->pos;
    decoder->ptr = ptr;
    decoder->len = len;
    decoder->readable = readable;
    decoder->pos = decoder->block_end = 0;
    decoder->final = final;
    ingest_json_forget(decoder->json);
}

void ingest_decoder_place(ingest_decoder *decoder, egret_value *slots)
{
    decoder->slots = slots == NULL ? decoder->own_slots : slots;
}

uint32_t ingest_decoder_slots(const ingest_decoder *decoder)
{
    return decoder->most_slots;
}

size_t ingest_decoder_taken(const ingest_decoder *decoder)
{
    return decoder->pos;
}

ingest_got ingest_decoder_next(ingest_decoder *decoder, ingest_record *record)
{
    return decoder->options.format == INGEST_FORMAT_CSV ? decode_next_csv(decoder, record) : decode_next_json(decoder, record);
}

const ingest_stats *ingest_decoder_stats(const ingest_decoder *decoder)
{
    return &decoder->stats;
}

void ingest_decoder_render(ingest_decoder *decoder, const char *raw, size_t raw_len, egret_text *out)
{
    if (decoder->options.format == INGEST_FORMAT_CSV)
        decode_render_csv(decoder, raw, raw_len, out);
    else if (ingest_json_valid(decoder->json, raw, raw_len))
        egret_text_put(out, raw, raw_len);
    else
        egret_text_put_json(out, raw, raw_len);
}

size_t ingest_decoder_extent(const ingest_decoder *decoder, const char *ptr, size_t len, bool final)
{
    size_t end = 0;
    if (decoder->options.format != INGEST_FORMAT_CSV)
        return ingest_split_value(ptr, len, &end) == INGEST_SPLIT_DONE ? end : final ? len : 0;
    egret_csv csv;
    egret_csv_init(&csv, egret_mem_of(NULL), ptr, len);
    csv.final = final;
    if (egret_csv_next(&csv) == EGRET_CSV_RECORD)
        end = csv.end;
    egret_csv_deinit(&csv);
    return end;
}

bool ingest_format_named(const char *name, size_t len, ingest_format *out)
{
    static const char *const NAMES[] = { "json", "csv", "debezium" };
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strlen(NAMES[i]) != len || memcmp(NAMES[i], name, len) != 0)
            continue;
        *out = (ingest_format)i;
        return true;
    }
    return false;
}

ingest_format ingest_format_of_path(const char *path)
{
    size_t len = strlen(path);
    return len >= 4 && strcmp(path + len - 4, ".csv") == 0 ? INGEST_FORMAT_CSV : INGEST_FORMAT_JSON;
}

/* ---- one record ---- */

ingest_got decode_reject(ingest_decoder *decoder, ingest_record *record, ingest_reason reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(decoder->reason, sizeof decoder->reason, format, args);
    va_end(args);
    decoder->stats.records++;
    decoder->stats.rejected[reason]++;
    record->reason = reason;
    record->text = decoder->reason;
    record->slots = NULL;
    return INGEST_GOT_REJECTED;
}

/* Tokens of a spec to slots. In a choice (`strict` false) what does not fit is null: that a route's field is odd decides no more than
 * that the route is not taken. */
static ingest_got convert_all(ingest_decoder *decoder, const decode_spec *spec, egret_value *slots, bool strict, ingest_record *record)
{
    for (uint32_t i = 0; i < spec->n_fields; i++) {
        const plan_field *field = spec->fields[i];
        const ingest_token *token = &decoder->tokens[i];
        egret_value *slot = &slots[spec->slot[i]];
        if (token->kind == INGEST_TOKEN_STRING && field->type == EGRET_STRING) {     /* most fields, so here */
            *slot = (egret_value){ .u.s = token->ptr, .len = token->len, .type = EGRET_STRING };
            continue;
        }
        bool fits = ingest_convert(&decoder->dates, token, field, slot);
        if (fits && (slot->type != EGRET_NULL || field->optional || !strict))
            continue;
        if (!strict) {
            *slot = egret_null();
            continue;
        }
        char text[DECODE_REASON_CAP];
        ingest_convert_explain(token, field, text, sizeof text);
        return decode_reject(decoder, record, fits ? INGEST_REASON_MISSING : INGEST_REASON_TYPE, "%s", text);
    }
    return INGEST_GOT_RECORD;
}

static ingest_got count_choice(ingest_decoder *decoder, ingest_got got)
{
    if (got == INGEST_GOT_MORE) {
        decoder->stats.records++;
        decoder->stats.unrouted++;
    }
    return got;
}

/* What is the same in all formats: the stream is chosen from the tokens of the choice. */
static ingest_got choose_stream(ingest_decoder *decoder, ingest_record *record)
{
    convert_all(decoder, &decoder->choice, decoder->choice_slots, false, record);
    return count_choice(decoder, decode_choose(decoder, record));
}

static ingest_got accept(ingest_decoder *decoder, ingest_record *record, bool lent)
{
    decoder->stats.records++;
    record->slots = decoder->slots;
    record->reason = INGEST_REASON_NONE;
    record->text = "";
    record->lent = lent;
    return INGEST_GOT_RECORD;
}

static ingest_got take_fields(ingest_decoder *decoder, ingest_record *record)
{
    ingest_got got = convert_all(decoder, &decoder->specs[record->stream], decoder->slots, true, record);
    return got == INGEST_GOT_RECORD ? accept(decoder, record, true) : got;
}

static uint32_t fixed_stream(const ingest_decoder *decoder)
{
    if (decoder->options.stream != PLAN_NONE)
        return decoder->options.stream;
    return decoder->chooses || decoder->options.source->n_routes == 0 ? PLAN_NONE : decoder->options.source->routes[0].stream;
}

static ingest_got bad_json(ingest_decoder *decoder, ingest_record *record, egret_status status, const ingest_fault *fault)
{
    if (status != EGRET_BAD_EVENT)
        return INGEST_GOT_NO_MEMORY;
    return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "%s (byte %zu of the record)", fault->text, fault->offset + 1);
}

static void learn(const decode_spec *spec, const ingest_decoder *decoder, const ingest_record *record, size_t readable)
{
    if (spec->template != NULL && readable >= record->raw_len + INGEST_JSON_PADDING)
        json_template_learn(spec->template, record->raw, record->raw_len, decoder->tokens);
}

static ingest_got read_fields(ingest_decoder *decoder, ingest_record *record, size_t readable)
{
    ingest_fault fault = { "", 0 };
    egret_status status = ingest_json_begin(decoder->json, record->raw, record->raw_len, readable, &fault);
    if (status == EGRET_OK && decoder->chooses) {
        status = ingest_json_read(decoder->json, decoder->choice.shape, decoder->tokens, &fault);
        if (status == EGRET_OK)
            learn(&decoder->choice, decoder, record, readable);
        ingest_got got = status == EGRET_OK ? choose_stream(decoder, record) : INGEST_GOT_RECORD;
        if (got != INGEST_GOT_RECORD)
            return got;
    } else {
        record->stream = fixed_stream(decoder);
    }
    if (status == EGRET_OK && record->stream == PLAN_NONE)
        return decode_reject(decoder, record, INGEST_REASON_STREAM, "the source feeds no stream");
    if (status == EGRET_OK)
        status = ingest_json_read(decoder->json, decoder->specs[record->stream].shape, decoder->tokens, &fault);
    if (status != EGRET_OK)
        return bad_json(decoder, record, status, &fault);
    ingest_got got = take_fields(decoder, record);
    if (got == INGEST_GOT_RECORD)
        learn(&decoder->specs[record->stream], decoder, record, readable);
    return got;
}

/* The change record in the envelope; rejected, it is shown as it came. */
static ingest_got read_envelope(ingest_decoder *decoder, ingest_record *record)
{
    ingest_record whole = *record;
    switch (ingest_envelope_open(record->raw, record->raw_len, &decoder->flat)) {
    case ENVELOPE_EMPTY:
        return count_choice(decoder, INGEST_GOT_MORE);
    case ENVELOPE_NONE:
        if (!ingest_json_valid(decoder->json, record->raw, record->raw_len))
            return decode_reject(decoder, record, INGEST_REASON_SYNTAX, "it is not JSON");
        return decode_reject(decoder, record, INGEST_REASON_TYPE, "it is no change record of Debezium: 'op' is missing");
    case ENVELOPE_FLAT:
        break;
    }
    if (decoder->flat.failed)
        return INGEST_GOT_NO_MEMORY;
    record->raw = decoder->flat.ptr;
    record->raw_len = decoder->flat.len;
    ingest_got got = read_fields(decoder, record, record->raw_len + INGEST_JSON_PADDING);
    if (got == INGEST_GOT_REJECTED) {
        record->raw = whole.raw;
        record->raw_len = whole.raw_len;
    }
    return got;
}

ingest_got decode_fields_json(ingest_decoder *decoder, ingest_record *record, size_t readable)
{
    return decoder->options.format == INGEST_FORMAT_DEBEZIUM ? read_envelope(decoder, record) : read_fields(decoder, record, readable);
}

/* Whether a line ends at `end`. */
static bool ends_line(const ingest_decoder *decoder, const char *end)
{
    const char *stop = decoder->ptr + decoder->len;
    end += end < stop && *end == '\r';
    return end < stop ? *end == '\n' : decoder->final;
}

/* The line that begins at record->raw, by the template of a spec. */
static bool read_known(ingest_decoder *decoder, const decode_spec *spec, ingest_record *record, egret_value *slots)
{
    if (spec->template == NULL)
        return false;
    const char *end = json_template_read(spec->template, &decoder->dates, record->raw, decoder->ptr + decoder->len, slots);
    if (end == NULL || !ends_line(decoder, end))
        return false;
    record->raw_len = (size_t)(end - record->raw);
    return record->raw_len <= decoder->options.max_record;
}

bool decode_known_line(ingest_decoder *decoder, ingest_record *record, ingest_got *got)
{
    record->stream = PLAN_NONE;
    if (decoder->chooses) {
        if (!read_known(decoder, &decoder->choice, record, decoder->choice_slots))
            return false;
        *got = count_choice(decoder, decode_choose(decoder, record));
        if (*got != INGEST_GOT_RECORD)
            return true;
    } else {
        record->stream = fixed_stream(decoder);
    }
    if (record->stream == PLAN_NONE || !read_known(decoder, &decoder->specs[record->stream], record, decoder->slots))
        return false;
    *got = accept(decoder, record, false);
    return true;
}

/* The cells of the row at hand as tokens of a spec. */
static void tokens_of_row(ingest_decoder *decoder, const decode_spec *spec)
{
    for (uint32_t i = 0; i < spec->n_fields; i++) {
        uint32_t column = spec->column[i];
        ingest_token *token = &decoder->tokens[i];
        *token = (ingest_token){ NULL, 0, INGEST_TOKEN_ABSENT };
        if (column == PLAN_NONE || column >= decoder->csv.n_cells)
            continue;
        const egret_csv_cell *cell = &decoder->csv.cells[column];
        if (cell->len > 0 || cell->quoted)
            *token = (ingest_token){ cell->ptr, cell->len, INGEST_TOKEN_CELL };
    }
}

ingest_got decode_fields_csv(ingest_decoder *decoder, ingest_record *record)
{
    if (decoder->chooses) {
        tokens_of_row(decoder, &decoder->choice);
        ingest_got got = choose_stream(decoder, record);
        if (got != INGEST_GOT_RECORD)
            return got;
    } else {
        record->stream = fixed_stream(decoder);
    }
    if (record->stream == PLAN_NONE)
        return decode_reject(decoder, record, INGEST_REASON_STREAM, "the source feeds no stream");
    tokens_of_row(decoder, &decoder->specs[record->stream]);
    return take_fields(decoder, record);
}
