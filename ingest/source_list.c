/*
 * source_list.c: see source_list.h.
 */
#include "ingest/source_list.h"

#include "ingest/feed.h"

#include <string.h>

const edge_option ingest_source_common_options[] = {
    {"stream", EGRET_NULL, NULL, true, "the stream that the records are of, or several, by condition: login when type == \"login\", payment"},
    {"format", EGRET_STRING, NULL, false, "of the records: json, csv or debezium; without: by the file's ending, else json (http: by the content type)"},
    {0},
};

static const edge_option file_options[] = {
    {"path", EGRET_STRING, NULL, true, "the file; a relative name starts at the rule file; with * ? [ a pattern, its files in the order of their names"},
    {"follow", EGRET_BOOL, "false", false, "wait for more at the end, through rotations; the file need not be there yet"},
    {0},
};

static const edge_option http_options[] = {
    {"max_body", EGRET_INT, NULL, false, "longest body of a request in bytes, up to 1000000000; the greatest of all http sources holds"},
    {0},
};

static const edge_option no_options[] = {{0}};

static const ingest_source_row rows[] = {
    {"file", "lines of a file, a log that is rotated, or packed files", file_options},
    {"http", "events that are posted to /v1/events/STREAM or /v1/events/SOURCE", http_options},
    {"stdin", "lines of standard input", no_options},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

ingest_source_row ingest_source_list(size_t i)
{
    if (i < N_ROWS) return rows[i];
    i -= N_ROWS;
    for (size_t k = 0; ingest_feed_kinds[k]; k++)
        if (k == i) return (ingest_source_row){ingest_feed_kinds[k]->name, ingest_feed_kinds[k]->summary, ingest_feed_kinds[k]->options};
    return (ingest_source_row){0};
}
