/*
 * feed_kinds.c: the list of all kinds of sources that give messages, and what may be declared of every one of them.
 */
#include "ingest/feed.h"

#include <stdio.h>

const ingest_feed_kind *const ingest_feed_kinds[] = {&ingest_feed_kafka, &ingest_feed_mqtt, NULL};

const edge_option ingest_feed_common_options[] = {
    [INGEST_FEED_FORMAT] = {"format", EGRET_STRING, "json", false, "of the records: json, csv or debezium (change records, as flat ones)"},
    [INGEST_FEED_COMMON_COUNT] = {0},
};

const ingest_feed_kind *ingest_feed_kind_find(egret_str name)
{
    for (size_t i = 0; ingest_feed_kinds[i]; i++)
        if (egret_str_is(name, ingest_feed_kinds[i]->name)) return ingest_feed_kinds[i];
    return NULL;
}

size_t ingest_feed_common(const ingest_feed_kind *kind, unsigned which)
{
    return edge_option_count(kind->options) + which;
}

bool ingest_feed_settings_read(edge_settings *settings, const ingest_feed_kind *kind, const plan_edge *edge, char *reason, size_t reason_size)
{
    char what[64];
    snprintf(what, sizeof what, "%s source", kind->name);
    edge_tables tables = {what, kind->options, ingest_feed_common_options};
    return edge_settings_read(settings, &tables, edge, reason, reason_size);
}
