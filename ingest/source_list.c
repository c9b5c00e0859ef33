/*
 * source_list.c: see source_list.h.
 */
#include "ingest/source_list.h"

#include "ingest/feed.h"

#include <stdio.h>
#include <string.h>

const edge_option ingest_source_stream = {
    "stream", EGRET_NULL, NULL, true, "the stream that the records are of, or several, by condition: login when type == \"login\", payment"};

const edge_option ingest_source_common_options[] = {
    [INGEST_SOURCE_FORMAT] = {"format", EGRET_STRING, NULL, false, "of the records: json, csv or debezium; without: by the file's ending, else json"},
    [INGEST_SOURCE_COMMON_COUNT] = {0},
};

static const edge_option file_options[] = {
    [INGEST_FILE_PATH] = {"path", EGRET_STRING, NULL, true,
                          "the file; a relative name starts at the rule file; with * ? [ a pattern, its files in the order of their names"},
    [INGEST_FILE_FOLLOW] = {"follow", EGRET_BOOL, "false", false, "wait for more at the end, through rotations; the file need not be there yet"},
    {0},
};

static const edge_option http_options[] = {
    [INGEST_HTTP_MAX_BODY] = {"max_body", EGRET_INT, NULL, false,
                              "longest body of a request in bytes, up to 1000000000; the greatest of all http sources holds"},
    {0},
};

static const edge_option no_options[] = {{0}};

/* The content type of a request says its format. */
static const ingest_source_row rows[] = {
    {"file", "lines of a file, a log that is rotated, or packed files", file_options, ingest_source_common_options},
    {"http", "events that are posted to /v1/events/STREAM or /v1/events/SOURCE", http_options, no_options},
    {"stdin", "lines of standard input", no_options, ingest_source_common_options},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

ingest_source_row ingest_source_list(size_t i)
{
    if (i < N_ROWS) return rows[i];
    i -= N_ROWS;
    for (size_t k = 0; ingest_feed_kinds[k]; k++)
        if (k == i) return (ingest_source_row){ingest_feed_kinds[k]->name, ingest_feed_kinds[k]->summary, ingest_feed_kinds[k]->options, ingest_source_common_options};
    return (ingest_source_row){0};
}

static ingest_source_row row_of(egret_str kind)
{
    size_t i = 0;
    ingest_source_row row;
    while ((row = ingest_source_list(i)).name && !egret_str_is(kind, row.name)) i++;
    return row;
}

bool ingest_source_settings_read(edge_settings *settings, const plan_edge *edge, char *reason, size_t reason_size)
{
    char what[64];
    ingest_source_row row = row_of(edge->kind);
    *settings = (edge_settings){0};
    if (!row.name) {
        snprintf(reason, reason_size, "sources of this kind are not available in this version");
        return false;
    }
    snprintf(what, sizeof what, "%s source", row.name);
    return edge_settings_read(settings, &(edge_tables){what, row.options, row.common}, edge, reason, reason_size);
}

bool ingest_source_format(const edge_settings *settings, const plan_edge *edge, ingest_format then, ingest_format *out, char *reason, size_t reason_size)
{
    const char *format = settings->texts[edge_option_count(row_of(edge->kind).options) + INGEST_SOURCE_FORMAT];
    *out = then;
    if (!format || ingest_format_named(format, strlen(format), out)) return true;
    snprintf(reason, reason_size, "option 'format' is json, csv or debezium");
    return false;
}
