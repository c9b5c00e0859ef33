/*
 * endpoint_metrics.c: GET /metrics.
 */
#include "web/endpoints.h"
#include "web/metrics_text.h"

#include <stdio.h>

/* How many answers of each status there were; those that were never given are left out. */
static void put_answers(egret_text *out, web_server *server)
{
    char text[8];
    metrics_family(out, "egret_http_answers_total", "counter", "Answers over HTTP, by status; 429: senders that were told to wait.");
    for (unsigned status = 200; status < 600; status++) {
        uint64_t n = web_server_answers(server, status);
        metrics_label labels[] = {{"status", text, (size_t)snprintf(text, sizeof text, "%u", status)}, {0}};
        if (n > 0 || status == 429 || status == 200) metrics_count(out, "egret_http_answers_total", labels, n);
    }
    metrics_family(out, "egret_feed_clients", "gauge", "Clients that follow the feed now.");
    metrics_count(out, "egret_feed_clients", NULL, web_server_streams(server));
}

static void answer_metrics(void *app, const web_request *request, web_response *response)
{
    egret_text page;
    (void)request;
    egret_text_init(&page, egret_mem_of(NULL));
    metrics_page(&page, endpoints_lock_numbers(app));
    endpoints_unlock_numbers(app);
    web_server *server = ((web_endpoints *)app)->server;
    if (server) put_answers(&page, server);
    if (page.failed) web_response_problem(response, 500, "no memory");
    else web_response_text(response, 200, "text/plain; version=0.0.4; charset=utf-8", page.ptr, page.len);
    egret_text_deinit(&page);
}

const web_route web_routes_metrics[] = {
    {"GET", "/metrics", answer_metrics, "counters for Prometheus", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 text/plain", .refuses = "500"},
    {0},
};
