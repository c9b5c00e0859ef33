/*
 * endpoint_status.c: how the appliance is: /v1/status, streams, sources, sinks. What these say are the numbers of /metrics, for people and the
 * console.
 */
#include "web/endpoints.h"
#include "web/json_body.h"

#include <string.h>

/* uint64 as JSON: beyond 2^63 nothing here will come. */
static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

static json_t *waiting(const web_numbers *n)
{
    return json_pack("{s:o, s:o}", "records", count(n->queued_records), "limit", count(n->queue_limit));
}

static json_t *kept(const web_numbers *n)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "commits", count(n->commits), "commit_failures", count(n->commit_failures), "checkpoints",
                     count(n->checkpoints), "journal_bytes", count(n->journal_bytes), "journal_quarantined", count(n->journal_quarantined), "bytes",
                     count(n->store_bytes));
}

static json_t *engine(const web_numbers *n)
{
    uint64_t matches = 0, alerts = 0;
    for (uint32_t i = 0; i < n->plan->n_rules; i++) {
        matches += n->rules[i].matches;
        alerts += n->rules[i].alerts;
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "events", count(n->engine.events), "matches", count(matches), "alerts", count(alerts), "keys",
                     count(n->engine.keys), "state_bytes", count(n->engine.bytes), "clock", web_time(n->clock_ms));
}

/* The new rule that is being filled with the past, or null. */
static json_t *warming(const web_rules *rules)
{
    egret_text said;
    json_t *shown = NULL;
    egret_text_init(&said, egret_mem_of(NULL));
    if (rules && rules->warming(rules->user, &said) == WEB_RULES_DONE) shown = json_loadb(said.ptr, said.len, JSON_DECODE_ANY, NULL);
    egret_text_deinit(&said);
    return shown ? shown : json_null();
}

static void answer_status(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    const web_backend *backend = endpoints->backend;
    (void)request;
    json_t *warms = warming(backend->rules);
    const char *trouble = backend->not_ready(backend->user);
    const web_numbers *n = endpoints_lock_numbers(endpoints);
    json_t *status = json_pack("{s:s, s:b, s:s?, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "version", EGRET_VERSION, "ready", trouble == NULL, "trouble", trouble, "started",
                               web_time(n->start_time_ms), "rules", (json_int_t)n->plan->n_rules, "streams", (json_int_t)plan_inputs(n->plan), "queue", waiting(n),
                               "engine", engine(n), "store", kept(n), "warming_up", warms);
    endpoints_unlock_numbers(endpoints);
    web_response_json(response, 200, status);
}

/* ---- streams ---- */

static json_t *fields_of(const plan_stream *stream)
{
    json_t *fields = json_array();
    for (uint32_t i = 0; i < stream->n_fields; i++) {
        const plan_field *field = &stream->fields[i];
        json_array_append_new(fields, json_pack("{s:o, s:s, s:b, s:b}", "name", web_str(field->name), "type", egret_type_name((egret_type)field->type),
                                                "optional", field->optional, "read", field->slot != PLAN_NONE));
    }
    return fields;
}

static json_t *stream_of(const plan_stream *stream, const ingest_stats *stats)
{
    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "name", web_str(stream->name), "fields", fields_of(stream), "lateness_ms",
                     (json_int_t)stream->lateness_ms, "received", count(stats->records), "accepted", count(stats->accepted), "late", count(stats->late),
                     "duplicates", count(stats->duplicates), "rejected", count(ingest_stats_rejected(stats)));
}

static void answer_streams(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    json_t *list = json_array();
    (void)request;
    const web_numbers *n = endpoints_lock_numbers(endpoints);
    for (uint32_t i = 0; i < plan_inputs(n->plan); i++) json_array_append_new(list, stream_of(&n->plan->streams[i], &n->streams[i]));
    endpoints_unlock_numbers(endpoints);
    web_response_json(response, 200, json_pack("{s:o}", "streams", list));
}

/* ---- sources ---- */

static json_t *partitions_of(const web_numbers *n, const char *source)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->n_partitions; i++) {
        const web_partition_numbers *p = &n->partitions[i];
        if (strcmp(p->source, source) != 0) continue;
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "partition", p->partition, "next", p->next < 0 ? json_null() : json_integer(p->next), "lag",
                                              p->lag < 0 ? json_null() : json_integer(p->lag), "watermark", web_time(p->watermark_ms)));
    }
    return list;
}

static void answer_sources(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    json_t *list = json_array();
    (void)request;
    const web_numbers *n = endpoints_lock_numbers(endpoints);
    for (size_t i = 0; i < n->n_sources; i++) {
        const web_source_numbers *s = &n->sources[i];
        json_t *source = json_pack("{s:s, s:o, s:o}", "name", s->name, "watermark", web_time(s->watermark_ms), "partitions", partitions_of(n, s->name));
        if (s->is_feed)
            json_object_update_new(source, json_pack("{s:b, s:b, s:o, s:o, s:o}", "connected", s->connected, "stopped", s->stopped, "messages", count(s->messages),
                                                     "reconnects", count(s->reconnects), "errors", count(s->errors)));
        json_array_append_new(list, source);
    }
    endpoints_unlock_numbers(endpoints);
    web_response_json(response, 200, json_pack("{s:o}", "sources", list));
}

const web_route web_routes_status[] = {
    {"GET", "/v1/status", answer_status, "the appliance at a glance", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json Status"},
    {"GET", "/v1/streams", answer_streams, "streams with their fields and counters", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .gives = "200 application/json StreamList"},
    {"GET", "/v1/sources", answer_sources, "what is read, and how far it is", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .gives = "200 application/json SourceList"},
    {0},
};
