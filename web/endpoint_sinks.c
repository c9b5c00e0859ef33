/*
 * endpoint_sinks.c: where alerts go: what waits for each sink and since when, and stopping one for a while. Nothing is lost meanwhile: it waits.
 */
#include "web/endpoints.h"
#include "web/json_body.h"

#include <errno.h>
#include <string.h>

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

static json_t *sink_of(const web_sink_numbers *sink)
{
    const outbox_stats *stats = &sink->stats;
    return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "name", sink->name, "paused", stats->paused, "gone", stats->gone, "backlog",
                     count(stats->backlog), "backlog_bytes", count(stats->backlog_bytes), "oldest", stats->oldest_ms ? web_time(stats->oldest_ms) : json_null(),
                     "sent", count(stats->sent), "retried", count(stats->retried), "failed", count(stats->failed));
}

static void answer_sinks(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    json_t *list = json_array();
    (void)request;
    const web_numbers *n = endpoints_lock_numbers(endpoints);
    for (size_t i = 0; i < n->n_sinks; i++) json_array_append_new(list, sink_of(&n->sinks[i]));
    endpoints_unlock_numbers(endpoints);
    web_response_json(response, 200, json_pack("{s:o}", "sinks", list));
}

static void pause_sink(web_endpoints *endpoints, const web_request *request, bool paused, web_response *response)
{
    const web_history *history = endpoints_history(endpoints, response);
    uint64_t number = history ? endpoints_begin_change(endpoints, request, "POST", response) : 0;
    if (number == 0) return;
    int code = history->pause(history->user, request->argument, paused);
    if (code == 0) web_response_json(response, 200, json_pack("{s:s, s:b}", "name", request->argument, "paused", paused));
    else if (code == ENOENT) web_response_problem(response, 404, "there is no sink of this name");
    else endpoints_answer_store(response, code);
    endpoints_end_change(endpoints, number, response, NULL);
}

static void answer_pause(void *app, const web_request *request, web_response *response)
{
    pause_sink(app, request, true, response);
}

static void answer_resume(void *app, const web_request *request, web_response *response)
{
    pause_sink(app, request, false, response);
}

const web_route web_routes_sinks[] = {
    {"GET", "/v1/sinks", answer_sinks, "sinks, and what waits for them", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json SinkList"},
    {"POST", "/v1/sinks/{sink}/pause", answer_pause, "sends it nothing until it is resumed; alerts wait", .role = WEB_ADMIN, .flags = WEB_BLOCKS,
     .gives = "200 application/json SinkPaused"},
    {"POST", "/v1/sinks/{sink}/resume", answer_resume, "lets it go on", .role = WEB_ADMIN, .flags = WEB_BLOCKS, .gives = "200 application/json SinkPaused"},
    {0},
};
