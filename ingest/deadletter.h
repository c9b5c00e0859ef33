/*
 * deadletter.h: where records go that were not taken: dead letters (not decodable, ahead of time) and the late log, as NDJSON files that
 * are only appended to, one object a line:
 *     {"source":"api","stream":"payment","line":12,"offset":3401,"class":"type","reason":"field …","record":"…"}
 * A record is cut at RECORD_CAP bytes ("cut": true says so). Counters go on when writing fails; failures are counted.
 */
#ifndef EGRET_INGEST_DEADLETTER_H
#define EGRET_INGEST_DEADLETTER_H

#include "compiler/text.h"

enum { INGEST_DEADLETTER_RECORD_CAP = 16 * 1024 };

typedef struct ingest_letter {
    const char *source;         /* name, for people */
    egret_str stream;           /* empty: not known */
    uint64_t line, offset;
    const char *kind;           /* "syntax", "late", …: counted by it */
    const char *reason;
    const char *record;
    size_t record_len;
} ingest_letter;

typedef struct ingest_letters ingest_letters;

/* path NULL: nothing is written, only counted. max_bytes: the file is not written beyond it; 0: 256 MiB. EGRET_IO: errno says why. */
egret_status ingest_letters_open(const char *path, uint64_t max_bytes, ingest_letters **out);
/* They are given to take instead, which says whether it keeps them: whole, not cut. */
egret_status ingest_letters_open_to(bool (*take)(void *user, const ingest_letter *letter), void *user, ingest_letters **out);
void ingest_letters_close(ingest_letters *letters);     /* NULL is allowed */
/* One write a letter, so that lines of several writers do not mix. */
void ingest_letters_put(ingest_letters *letters, const ingest_letter *letter);
uint64_t ingest_letters_count(const ingest_letters *letters);       /* put */
uint64_t ingest_letters_unwritten(const ingest_letters *letters);   /* of them not in the file: no room, or the write failed */

#endif
