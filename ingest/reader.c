/*
 * reader.c: a source of bytes and a decoder, one feeding the other.
 *
 * A batch is for records that are to outlive the decoder's next step. It holds, for each record, its text, its slots and why it was rejected. Strings
 * of slots that lie in the record's text, as nearly all do, are moved with the text in one piece; strings that were unescaped
 * follow one by one. All lies in one room of a fixed size, small enough that a batch written in one core's cache is still in the cache both cores
 * share when it is read. The batch is full when less than RESERVE of the room is left; a record that does not fit gets memory of its own.
 */
#include "ingest/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/source.h"

enum { ROOM_BYTES = 128 * 1024, RESERVE_BYTES = 2 * 1024, FIRST_RECORDS = 128, ALIGNMENT = 16 };

struct ingest_reader {
    const ingest_source_kind *kind;
    ingest_source *source;
    ingest_decoder *decoder;
    const plan *plan;
    bool fed;
};

/* ---- batches ---- */

typedef struct ingest_decoded_extra {
    struct ingest_decoded_extra *next;
    _Alignas(ALIGNMENT) char bytes[];
} decoded_extra;

ingest_decoded *ingest_decoded_new(void)
{
    ingest_decoded *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->capacity = FIRST_RECORDS;
    batch->records = calloc(FIRST_RECORDS, sizeof *batch->records);
    batch->room = malloc(ROOM_BYTES);
    if (batch->records != NULL && batch->room != NULL)
        return batch;
    ingest_decoded_free(batch);
    return NULL;
}

static void free_extra(ingest_decoded *batch)
{
    while (batch->extra != NULL) {
        decoded_extra *next = batch->extra->next;
        free(batch->extra);
        batch->extra = next;
    }
}

void ingest_decoded_free(ingest_decoded *batch)
{
    if (batch == NULL)
        return;
    free_extra(batch);
    free(batch->records);
    free(batch->room);
    free(batch);
}

static bool is_full(const ingest_decoded *batch)
{
    return batch->used > ROOM_BYTES - RESERVE_BYTES;
}

static void *take_room(ingest_decoded *batch, size_t bytes)
{
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded <= ROOM_BYTES - batch->used) {
        batch->used += rounded;
        return batch->room + (batch->used - rounded);
    }
    decoded_extra *extra = malloc(sizeof *extra + rounded);
    if (extra == NULL)
        return NULL;
    extra->next = batch->extra;
    batch->extra = extra;
    batch->used = ROOM_BYTES;   /* enough */
    return extra->bytes;
}

static bool take_copy(ingest_decoded *batch, const char *from, size_t len, const char **out)
{
    char *copy = take_room(batch, len + 1);
    if (copy == NULL)
        return false;
    if (len > 0)
        memcpy(copy, from, len);
    copy[len] = '\0';
    *out = copy;
    return true;
}

/* Slots of a record whose text was at `raw` and is at `moved`. */
static bool copy_slots(ingest_decoded *batch, ingest_record *copy, const char *raw, uint32_t n_slots)
{
    egret_value *slots = take_room(batch, n_slots * sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < n_slots; i++) {
        slots[i] = copy->slots[i];
        if (slots[i].type != EGRET_STRING)
            continue;
        uintptr_t at = (uintptr_t)slots[i].u.s - (uintptr_t)raw;
        if (at <= copy->raw_len && slots[i].len <= copy->raw_len - at)
            slots[i].u.s = copy->raw + at;
        else if (!take_copy(batch, slots[i].u.s, slots[i].len, &slots[i].u.s))
            return false;
    }
    copy->slots = slots;
    return true;
}

static bool keep_record(ingest_decoded *batch, const plan *rules, const ingest_record *record)
{
    if (batch->n_records == batch->capacity) {
        ingest_record *grown = realloc(batch->records, 2 * (size_t)batch->capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        batch->records = grown;
        batch->capacity *= 2;
    }
    ingest_record copy = *record;
    if (!take_copy(batch, record->raw, record->raw_len, &copy.raw))
        return false;
    if (copy.slots == NULL ? !take_copy(batch, record->text, strlen(record->text), &copy.text)
                           : !copy_slots(batch, &copy, record->raw, rules->streams[record->stream].n_slots))
        return false;
    batch->records[batch->n_records++] = copy;
    return true;
}

/* ---- reading ---- */

egret_status ingest_reader_open(const ingest_replay_file *file, const plan *rules, nfa_engine *engine, nfa_engine *ahead, ingest_reader **out)
{
    ingest_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return EGRET_NO_MEMORY;
    reader->plan = rules;
    reader->kind = strcmp(file->path, "-") == 0 ? &ingest_source_stdin : &ingest_source_file;
    egret_status status = reader->kind->open(file->path, 0, false, &reader->source);
    if (status == EGRET_OK) {
        bool other = ahead != NULL && ingest_reader_reread(reader) >= 0;
        reader->decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = rules, .stream = file->stream, .source = file->source,
                                                                        .name_field = file->name_field, .engine = other ? ahead : engine,
                                                                        .format = file->format });
        status = reader->decoder == NULL ? EGRET_NO_MEMORY : EGRET_OK;
    }
    if (status == EGRET_OK) {
        *out = reader;
        return EGRET_OK;
    }
    int why = errno;
    ingest_reader_close(reader);
    errno = why;
    return status;
}

void ingest_reader_close(ingest_reader *reader)
{
    if (reader == NULL)
        return;
    ingest_decoder_free(reader->decoder);
    reader->kind->close(reader->source);
    free(reader);
}

static egret_status read_on(ingest_reader *reader)
{
    ingest_batch batch;
    egret_status status = reader->kind->next(reader->source, reader->fed ? ingest_decoder_taken(reader->decoder) : 0, &batch);
    if (status == EGRET_OK)
        ingest_decoder_feed(reader->decoder, batch.ptr, batch.len, batch.readable, batch.final);
    reader->fed = true;
    return status;
}

egret_status ingest_reader_next(ingest_reader *reader, ingest_record *record, ingest_got *got)
{
    *got = reader->fed ? ingest_decoder_next(reader->decoder, record) : INGEST_GOT_MORE;
    if (*got == INGEST_GOT_NO_MEMORY)
        return EGRET_NO_MEMORY;
    return *got == INGEST_GOT_MORE ? read_on(reader) : EGRET_OK;
}

void ingest_reader_fill(ingest_reader *reader, ingest_decoded *batch)
{
    free_extra(batch);
    batch->n_records = 0;
    batch->used = 0;
    batch->last = false;
    batch->status = EGRET_OK;
    while (!batch->last && !is_full(batch)) {
        ingest_record record;
        ingest_got got;
        batch->status = ingest_reader_next(reader, &record, &got);
        batch->why = errno;
        if (batch->status == EGRET_OK && (got == INGEST_GOT_RECORD || got == INGEST_GOT_REJECTED) &&
            !keep_record(batch, reader->plan, &record))
            batch->status = EGRET_NO_MEMORY;
        batch->last = batch->status != EGRET_OK || got == INGEST_GOT_END;
    }
    batch->stats = *ingest_decoder_stats(reader->decoder);
}

/* ---- showing ---- */

int ingest_reader_reread(const ingest_reader *reader)
{
    return reader->kind->reread(reader->source);
}

size_t ingest_reader_extent(const ingest_reader *reader, const char *ptr, size_t len, bool final)
{
    return ingest_decoder_extent(reader->decoder, ptr, len, final);
}

void ingest_reader_show(ingest_reader *reader, const char *raw, size_t raw_len, egret_text *out)
{
    ingest_decoder_render(reader->decoder, raw, raw_len, out);
}

const ingest_stats *ingest_reader_stats(const ingest_reader *reader)
{
    return ingest_decoder_stats(reader->decoder);
}
