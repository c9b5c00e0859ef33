/*
 * source_list.h: all kinds of sources and what may be declared of them, for help, documentation and tests. Those that are read as bytes (file, stdin) or
 * handed in (http) have their options here; those that give messages (ingest/feed.h) in their own tables.
 */
#ifndef EGRET_INGEST_SOURCE_LIST_H
#define EGRET_INGEST_SOURCE_LIST_H

#include "edge/options.h"

typedef struct ingest_source_row {
    const char *name, *summary;
    const edge_option *options;     /* of the kind; those of all kinds are ingest_source_common_options */
} ingest_source_row;

extern const edge_option ingest_source_common_options[];
/* The kind number i, name NULL: there is none any more. */
ingest_source_row ingest_source_list(size_t i);

#endif
