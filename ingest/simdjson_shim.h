/*
 * simdjson_shim.h: reads chosen fields of one JSON object, in C terms. The one place where the product touches C++.
 *
 * A shape is the set of paths wanted, compiled once. A reader holds simdjson's parser and the text of the record at hand. Reading fills
 * one token for each path; what a token means as a value is ingest/convert.h's business.
 *
 *     ingest_json_begin(json, text, len, readable, &fault)    index the record (one pass over its bytes)
 *     ingest_json_read(json, shape, tokens, &fault)           pick fields; may be called again with other shapes
 *
 * A reader and the shapes used with it belong to one thread at a time (a shape learns the order of keys).
 */
#ifndef EGRET_INGEST_SIMDJSON_SHIM_H
#define EGRET_INGEST_SIMDJSON_SHIM_H

#include "compiler/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that must be readable (any content) behind a record for it to be read in place. */
enum { INGEST_JSON_PADDING = 64 };

typedef enum ingest_token_kind {
    INGEST_TOKEN_ABSENT = 0,    /* no such key */
    INGEST_TOKEN_NULL,
    INGEST_TOKEN_FALSE,
    INGEST_TOKEN_TRUE,
    INGEST_TOKEN_NUMBER,        /* begins like a number; its digits are not checked yet */
    INGEST_TOKEN_STRING,        /* ptr, len: without quotes, unescaped */
    INGEST_TOKEN_OBJECT,        /* ptr, len: only its first bytes, for messages */
    INGEST_TOKEN_ARRAY,
    INGEST_TOKEN_BAD,           /* not JSON: a bare word, a broken escape */
    INGEST_TOKEN_CELL           /* a CSV cell (never from here): text of any type */
} ingest_token_kind;

/* Borrows the record's bytes or the reader's memory: until the next begin, and for unescaped strings the next read. */
typedef struct ingest_token {
    const char *ptr;
    uint32_t len;
    uint8_t kind;       /* ingest_token_kind */
} ingest_token;

/* Why a record was not read: a constant text, and the place in the record (bytes from its start) as near as it is known. */
typedef struct ingest_fault {
    const char *text;
    size_t offset;
} ingest_fault;

typedef struct ingest_shape ingest_shape;
/* paths: dotted ("geo.lat"); equal paths each get the value. NULL: no memory. paths are copied. */
ingest_shape *ingest_shape_new(const egret_str *paths, uint32_t n_paths);
void ingest_shape_free(ingest_shape *shape);    /* NULL is allowed */

typedef struct ingest_json ingest_json;
ingest_json *ingest_json_new(void);             /* NULL: no memory */
void ingest_json_free(ingest_json *json);       /* NULL is allowed */

/* Indexes a block of many records at once: begin is then cheap for records inside it, in ascending order. No string may go over from one record
 * into the next, as holds for lines. INGEST_JSON_PADDING bytes behind it must be readable. False: something in it is not JSON, or there
 * is no memory; records are indexed by themselves then. Holds until forget, the next index, or a begin outside the block. */
bool ingest_json_index(ingest_json *json, const char *ptr, size_t len);
void ingest_json_forget(ingest_json *json);     /* the bytes of the block are about to change */

/* Begins one record, indexing it if it does not lie in an indexed block. `readable`: how many bytes from ptr on may be read; below len + INGEST_JSON_PADDING the record is copied first.
 * EGRET_BAD_EVENT with fault when it cannot be JSON (invalid UTF-8, open strings, empty); EGRET_NO_MEMORY. */
egret_status ingest_json_begin(ingest_json *json, const char *ptr, size_t len, size_t readable, ingest_fault *fault);

/* Fills tokens[n_paths]. The record must be one object and nothing behind it. Of equal keys the first counts. The insides of
 * values not asked for are stepped over, not checked. EGRET_BAD_EVENT with fault: not such an object; tokens are undefined then. */
egret_status ingest_json_read(ingest_json *json, ingest_shape *shape, ingest_token *tokens, ingest_fault *fault);

/* Whether the text is one JSON value through and through, unasked parts too: what must hold before a record's bytes are put
 * into other JSON. A depth beyond 512 is not valid. */
bool ingest_json_valid(ingest_json *json, const char *ptr, size_t len);

bool ingest_utf8_valid(const char *ptr, size_t len);

#ifdef __cplusplus
}
#endif
#endif
