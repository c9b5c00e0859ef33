/*
 * reader.h: one file with its decoder: records one at a time, in chunks that may be kept.
 *
 *     ingest_reader_next(reader, &record, &got)     RECORD, REJECTED, END, or MORE:
 *     ingest_reader_read(reader, &chunk)            ... then the next piece of the file goes into another chunk
 *
 * A reader is read by one thread at a time. Its records may be shown by another thread meanwhile: see ingest_reader_show.
 */
#ifndef EGRET_INGEST_READER_H
#define EGRET_INGEST_READER_H

#include "ingest/chunk.h"
#include "ingest/decode.h"

typedef struct ingest_replay_file {
    const char *path;           /* "-": standard input */
    /* Which stream its records are of, as in decode.h; ingest_replay_choose fills these. */
    uint32_t stream;
    const plan_edge *source;
    egret_str name_field;
    ingest_format format;
} ingest_replay_file;

typedef struct ingest_reader ingest_reader;

/* Opens the file. engine evaluates conditions of routes and belongs to the thread that reads. EGRET_IO: errno says why. */
egret_status ingest_reader_open(const ingest_replay_file *file, const plan *plan, nfa_engine *engine, ingest_reader **out);
void ingest_reader_close(ingest_reader *reader);    /* NULL is allowed */

/* The next record of what was read; it lives until the next call. */
egret_status ingest_reader_next(ingest_reader *reader, ingest_record *record, ingest_got *got);
/* Where the records at hand lie. */
ingest_chunk *ingest_reader_chunk(const ingest_reader *reader);
/* Keeps the record at hand, got RECORD: its text and slots stay where they are as long as the chunk is not cleared. */
egret_status ingest_reader_keep(ingest_reader *reader, const ingest_record *record);
/* Reads on, into **chunk (which is cleared), and gives the chunk in which records were kept instead; the same one back if there were none. */
egret_status ingest_reader_read(ingest_reader *reader, ingest_chunk **chunk);

/* File descriptor of a file whose records can be read again by offset; -1: it is none. Never changes. */
int ingest_reader_reread(const ingest_reader *reader);
/* As ingest_decoder_extent and ingest_decoder_render, of a record this reader gave. Both may run in one other thread beside
 * next and read, as they touch nothing of the decoder but what was settled before its first record (the names of columns) and what
 * only they use (the check of whole records). */
size_t ingest_reader_extent(const ingest_reader *reader, const char *ptr, size_t len, bool final);
void ingest_reader_show(ingest_reader *reader, const char *raw, size_t raw_len, egret_text *out);
const ingest_stats *ingest_reader_stats(const ingest_reader *reader);

#endif
