/*
 * source.h: where bytes come from: one table of functions for every kind of source that is read by asking. (HTTP is not: its bodies are handed in.)
 *
 * A source is used by one thread at a time. next may block only where its kind says so. Bytes of a batch belong to the source and live until the
 * next call on it, or as long as the caller likes, if it gives another buffer for what comes.
 */
#ifndef EGRET_INGEST_SOURCE_H
#define EGRET_INGEST_SOURCE_H

#include "egret.h"

typedef struct ingest_source ingest_source;

typedef struct ingest_batch {
    const char *ptr;        /* what was left of the last batch, then what is new */
    size_t len;
    size_t readable;        /* bytes from ptr that may be read: at least INGEST_JSON_PADDING more than len */
    size_t fresh;           /* new bytes; 0 and not final: there is nothing now (a followed file) */
    uint64_t offset;        /* of ptr[0] in the source */
    bool final;             /* nothing will come after this batch */
    bool ends_file;         /* another file follows: what is left at the end of this batch is a whole record */
    bool restarted;         /* this batch begins another file: it follows the one before, or that one was replaced or cut */
    bool gap;               /* something is missing: the file was cut before it was read to its end, and its rest is nowhere beside it */
} ingest_batch;

enum { INGEST_FILE_HEAD = 1024 };

/* Which file it is: files are moved, and their numbers are used again, so what it begins with counts, too. */
typedef struct ingest_file_identity {
    uint64_t device, inode, size;
    uint64_t head, head_len;    /* hash of its first bytes, at most INGEST_FILE_HEAD; 0, 0 when there were none */
    int64_t written_ns;         /* wall clock, when it was written to last; 0: not known */
} ingest_file_identity;

uint64_t ingest_file_head(const char *ptr, size_t len);

/* Memory from malloc, of whoever holds it. */
typedef struct ingest_buffer {
    char *ptr;
    size_t capacity;
} ingest_buffer;

typedef struct ingest_source_kind {
    const char *name;
    /* target: path or whatever the kind needs. follow: the end of the file is not the end of the source, and it need not be there yet.
     * EGRET_IO: errno says why. */
    egret_status (*open)(const char *target, bool follow, ingest_source **out);
    /* taken: bytes of the last batch that are done with. spare: NULL, or the bytes of the last batch are to stay as they are: what is left of them is copied
     * to *spare (which may be empty), reading goes on there, and *spare is then what was read into before
     * (but for EGRET_NO_MEMORY: then all is as it was). */
    egret_status (*next)(ingest_source *source, size_t taken, ingest_buffer *spare, ingest_batch *batch);
    /* Of the first byte not taken: what a restart goes on from. */
    uint64_t (*position)(const ingest_source *source);
    /* Which file it is now, and how long; false: it is no file that could be found again. */
    bool (*identity)(const ingest_source *source, ingest_file_identity *out);
    /* Goes to where that file is now, under its name or another, at its beginning. False: it is nowhere, all is as it was. */
    bool (*find)(ingest_source *source, const ingest_file_identity *file, uint64_t offset);
    egret_status (*seek)(ingest_source *source, uint64_t offset);   /* reading goes on there in the file at hand */
    /* File descriptor of a regular file whose bytes can be read again by offset; -1: there is none. */
    int (*reread)(const ingest_source *source);
    void (*close)(ingest_source *source);   /* NULL is allowed */
} ingest_source_kind;

extern const ingest_source_kind ingest_source_file;     /* "file": a path or a pattern; never blocks for more than the disk does */
extern const ingest_source_kind ingest_source_stdin;    /* "stdin": target is not used; next blocks until something comes */

#endif
