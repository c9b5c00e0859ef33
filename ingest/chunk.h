/*
 * chunk.h: memory of decoded records: the bytes they were read from, their slots, and strings that had to be unescaped.
 *
 * Records are never moved or copied singly. A file is read into the text of a chunk, its records are decoded where they lie, into slots of the
 * chunk; when all are decoded the next piece of the file goes into another chunk. The chunk stays as it is while anybody needs one of its
 * records, and is used again then.
 *
 * One thread at a time; one that knows of a chunk's records may read them meanwhile.
 */
#ifndef EGRET_INGEST_CHUNK_H
#define EGRET_INGEST_CHUNK_H

#include "ingest/source.h"

typedef struct ingest_chunk {
    struct ingest_chunk *next;      /* for whoever keeps chunks in a list */
    uint32_t uses;                  /* events that are held and lie in it (order.h) */
    bool is_empty;                  /* no record was kept in it */
    ingest_buffer text;             /* while the source reads into it, the source's */
    egret_value *place, *end;       /* room for the slots that come next */
    struct ingest_chunk_block *blocks;      /* the first is the one at hand */
    struct ingest_chunk_strings *strings;
} ingest_chunk;

ingest_chunk *ingest_chunk_new(void);           /* NULL: no memory */
void ingest_chunk_free(ingest_chunk *chunk);    /* NULL is allowed */
void ingest_chunks_free(ingest_chunk *list);
void ingest_chunk_clear(ingest_chunk *chunk);   /* nobody needs what is in it */

/* Room for n values; they stay only when they are kept, else the next call gives the same. NULL: no memory. */
egret_value *ingest_chunk_slots(ingest_chunk *chunk, size_t n);
void ingest_chunk_keep(ingest_chunk *chunk, size_t n);
/* Copies strings of the slots that do not lie in text[len] into the chunk. False: no memory. */
bool ingest_chunk_own_strings(ingest_chunk *chunk, egret_value *slots, size_t n, const char *text, size_t len);

#endif
