/*
 * reader.c: a source of bytes and a decoder, one feeding the other, in chunks.
 *
 * The decoder writes slots right to their place in the chunk at hand. A record that nobody keeps (late, a duplicate, rejected) leaves its place to
 * the next one. Bytes that are left over when the chunk is read to its end, the beginning of a record, are copied to the next one.
 *
 * Invariant: a record that is not `lent` lies in the chunk with all its strings.
 */
#include "ingest/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/source.h"

struct ingest_reader {
    const ingest_source_kind *kind;
    ingest_source *source;
    ingest_decoder *decoder;
    ingest_chunk *chunk;        /* at hand; its text is the source's */
    const plan *plan;
    bool fed;
};

/* Makes room for the next record's slots. */
static egret_status place_slots(ingest_reader *reader)
{
    egret_value *place = ingest_chunk_slots(reader->chunk, ingest_decoder_slots(reader->decoder));
    if (place == NULL)
        return EGRET_NO_MEMORY;
    ingest_decoder_place(reader->decoder, place);
    return EGRET_OK;
}

static egret_status open_parts(ingest_reader *reader, const ingest_replay_file *file, nfa_engine *engine)
{
    egret_status status = reader->kind->open(file->path, false, &reader->source);
    if (status != EGRET_OK)
        return status;
    reader->chunk = ingest_chunk_new();
    reader->decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = reader->plan, .stream = file->stream, .source = file->source,
                                                                    .name_field = file->name_field, .engine = engine, .format = file->format });
    return reader->chunk == NULL || reader->decoder == NULL ? EGRET_NO_MEMORY : place_slots(reader);
}

egret_status ingest_reader_open(const ingest_replay_file *file, const plan *rules, nfa_engine *engine, ingest_reader **out)
{
    ingest_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return EGRET_NO_MEMORY;
    reader->plan = rules;
    reader->kind = strcmp(file->path, "-") == 0 ? &ingest_source_stdin : &ingest_source_file;
    egret_status status = open_parts(reader, file, engine);
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
    ingest_chunk_free(reader->chunk);
    free(reader);
}

/* ---- reading ---- */

egret_status ingest_reader_next(ingest_reader *reader, ingest_record *record, ingest_got *got)
{
    *got = reader->fed ? ingest_decoder_next(reader->decoder, record) : INGEST_GOT_MORE;
    return *got == INGEST_GOT_NO_MEMORY ? EGRET_NO_MEMORY : EGRET_OK;
}

ingest_chunk *ingest_reader_chunk(const ingest_reader *reader)
{
    return reader->chunk;
}

egret_status ingest_reader_keep(ingest_reader *reader, const ingest_record *record)
{
    uint32_t n = reader->plan->streams[record->stream].n_slots;
    if (record->lent && !ingest_chunk_own_strings(reader->chunk, reader->chunk->place, n, record->raw, record->raw_len))
        return EGRET_NO_MEMORY;
    ingest_chunk_keep(reader->chunk, n);
    return place_slots(reader);
}

egret_status ingest_reader_read(ingest_reader *reader, ingest_chunk **chunk)
{
    ingest_batch batch;
    size_t taken = reader->fed ? ingest_decoder_taken(reader->decoder) : 0;
    bool moves = !reader->chunk->is_empty;
    egret_status status = reader->kind->next(reader->source, taken, moves ? &(*chunk)->text : NULL, &batch);
    if (status == EGRET_NO_MEMORY)
        return status;
    if (moves) {
        ingest_chunk *before = reader->chunk;
        before->text = (*chunk)->text;
        (*chunk)->text = (ingest_buffer){ NULL, 0 };
        ingest_chunk_clear(*chunk);
        reader->chunk = *chunk;
        *chunk = before;
    }
    if (status != EGRET_OK)
        return status;
    ingest_decoder_feed(reader->decoder, batch.ptr, batch.len, batch.readable, batch.final);
    reader->fed = true;
    return place_slots(reader);
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
