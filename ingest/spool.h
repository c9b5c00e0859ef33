/*
 * spool.h: keeps the texts of accepted records, so that an alert can show its events whole. A file that only grows; nothing is ever
 * removed singly. Its size is bounded by max_bytes: at the bound it begins anew and older texts are gone, which is why get may say "not found".
 *
 * For records that can be read again where they came from (regular files) no spool is needed.
 */
#ifndef EGRET_INGEST_SPOOL_H
#define EGRET_INGEST_SPOOL_H

#include "compiler/text.h"

typedef struct ingest_spool ingest_spool;

/* path: a file, made or emptied; NULL: a temporary file without a name. max_bytes 0: 4 GiB. EGRET_IO: errno says why. */
egret_status ingest_spool_open(const char *path, uint64_t max_bytes, ingest_spool **out);
void ingest_spool_close(ingest_spool *spool);   /* NULL is allowed; a named file stays */

/* Keeps a text; *ref (below 2^47) finds it again. */
egret_status ingest_spool_put(ingest_spool *spool, const char *ptr, size_t len, uint64_t *ref);
/* Appends the text to out. EGRET_BAD_USE: there is no such text (any more). */
egret_status ingest_spool_get(ingest_spool *spool, uint64_t ref, egret_text *out);
uint64_t ingest_spool_bytes(const ingest_spool *spool);

#endif
