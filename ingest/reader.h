/*
 * reader.h: one file with its decoder: records one at a time, or decoded batches of them that own all they hold.
 *
 *     ingest_reader_next(reader, &record, &got)     records that are borrowed until the next call
 *     ingest_reader_fill(reader, batch)             records that live as long as the batch: to be decoded in one thread and used in another
 *
 * A reader is read by one thread at a time. Its records may be shown by another thread meanwhile: see ingest_reader_show.
 */
#ifndef EGRET_INGEST_READER_H
#define EGRET_INGEST_READER_H

#include "ingest/decode.h"

typedef struct ingest_replay_file {
    const char *path;           /* "-": standard input */
    /* Which stream its records are of, as in decode.h; ingest_replay_choose fills these. */
    uint32_t stream;
    const plan_edge *source;
    egret_str name_field;
    ingest_format format;
} ingest_replay_file;

typedef struct ingest_decoded ingest_decoded;
struct ingest_decoded {
    ingest_record *records;     /* in the order of the file; rejected ones have no slots */
    uint32_t n_records, capacity;
    bool last;                  /* nothing comes after these records: the file ends, or status says why it cannot be read on */
    egret_status status;
    int why;                    /* errno of EGRET_IO */
    ingest_stats stats;         /* of the reader, when this batch was full */
    ingest_decoded *next;       /* for whoever keeps batches in a list */
    uint32_t uses;              /* by whoever works on the batch: 0 when it may be filled anew. Not touched here */
    char *room;                 /* raw texts, slots and reasons of the records */
    size_t used;
    struct ingest_decoded_extra *extra;     /* records that have no place in room */
};

ingest_decoded *ingest_decoded_new(void);           /* NULL: no memory */
void ingest_decoded_free(ingest_decoded *batch);    /* NULL is allowed */

typedef struct ingest_reader ingest_reader;

/* Opens the file. engine evaluates conditions of routes and belongs to the thread that reads; `ahead` takes its place when the file can be read
 * again by offset (a regular file) and is not NULL. EGRET_IO: errno says why. */
egret_status ingest_reader_open(const ingest_replay_file *file, const plan *plan, nfa_engine *engine, nfa_engine *ahead, ingest_reader **out);
void ingest_reader_close(ingest_reader *reader);    /* NULL is allowed */

/* One record, or a step towards it (got MORE), or END. */
egret_status ingest_reader_next(ingest_reader *reader, ingest_record *record, ingest_got *got);
/* Empties the batch and fills it with the records that follow. Troubles are told in the batch, behind the records before them. */
void ingest_reader_fill(ingest_reader *reader, ingest_decoded *batch);

/* File descriptor of a file whose records can be read again by offset; -1: it is none. Never changes. */
int ingest_reader_reread(const ingest_reader *reader);
/* As ingest_decoder_extent and ingest_decoder_render, of a record this reader gave. Both may run in one other thread beside
 * next and fill, as they touch nothing of the decoder but what was settled before its first record (the names of columns) and what
 * only they use (the check of whole records). */
size_t ingest_reader_extent(const ingest_reader *reader, const char *ptr, size_t len, bool final);
void ingest_reader_show(ingest_reader *reader, const char *raw, size_t raw_len, egret_text *out);
const ingest_stats *ingest_reader_stats(const ingest_reader *reader);

#endif
