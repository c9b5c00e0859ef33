/*
 * endpoint_metrics.c: GET /metrics.
 */
#include "web/endpoints.h"
#include "web/metrics_text.h"

static void answer_metrics(void *app, const web_request *request, web_response *response)
{
    egret_text page;
    (void)request;
    egret_text_init(&page, egret_mem_of(NULL));
    metrics_page(&page, endpoints_lock_numbers(app));
    endpoints_unlock_numbers(app);
    if (page.failed) web_response_problem(response, 500, "no memory");
    else web_response_text(response, 200, "text/plain; version=0.0.4; charset=utf-8", page.ptr, page.len);
    egret_text_deinit(&page);
}

const web_route web_routes_metrics[] = {
    {"GET", "/metrics", answer_metrics, "counters for Prometheus", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 text/plain", .refuses = "500"},
    {0},
};
