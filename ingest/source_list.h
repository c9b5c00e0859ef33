/*
 * source_list.h: all kinds of sources and what may be declared of them: the tables that declarations are read by, that `egret help` prints, and
 * that the documentation is made of. Sources that are read as bytes (file, stdin) or handed in (http) have their options here; those that give
 * messages (ingest/feed.h) in their own files.
 */
#ifndef EGRET_INGEST_SOURCE_LIST_H
#define EGRET_INGEST_SOURCE_LIST_H

#include "edge/options.h"
#include "ingest/decode.h"

typedef struct ingest_source_row {
    const char *name, *summary;
    const edge_option *options, *common;    /* of the kind; and of all kinds, where they are for this one */
} ingest_source_row;

enum { INGEST_FILE_PATH, INGEST_FILE_FOLLOW };      /* rows of kind file */
enum { INGEST_HTTP_MAX_BODY };                      /* rows of kind http */
enum { INGEST_SOURCE_FORMAT, INGEST_SOURCE_COMMON_COUNT };

extern const edge_option ingest_source_common_options[];
extern const edge_option ingest_source_stream;      /* every source has it; the compiler makes routes of it, so nobody else reads it */
/* The kind number i, name NULL: there is none any more. */
ingest_source_row ingest_source_list(size_t i);

/* The settings of a declaration. False: a sentence in `reason`. They are to be deinited in any case. */
bool ingest_source_settings_read(edge_settings *settings, const plan_edge *edge, char *reason, size_t reason_size);
/* The format of its records; `then` where none is declared. False: a sentence in `reason`. */
bool ingest_source_format(const edge_settings *settings, const plan_edge *edge, ingest_format then, ingest_format *out, char *reason, size_t reason_size);

#endif
