/*
 * feed_kinds.c: the list of all kinds of sources that give messages.
 */
#include "ingest/feed.h"

const ingest_feed_kind *const ingest_feed_kinds[] = {&ingest_feed_kafka, &ingest_feed_mqtt, NULL};

const ingest_feed_kind *ingest_feed_kind_find(egret_str name)
{
    for (size_t i = 0; ingest_feed_kinds[i]; i++)
        if (egret_str_is(name, ingest_feed_kinds[i]->name)) return ingest_feed_kinds[i];
    return NULL;
}
