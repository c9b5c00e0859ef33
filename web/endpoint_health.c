/*
 * endpoint_health.c: GET /livez and /readyz, for whoever restarts or routes. They tell no details of the inside.
 */
#include "web/endpoints.h"

#include <string.h>

static const char text_plain[] = "text/plain; charset=utf-8";

static void answer_livez(void *app, const web_request *request, web_response *response)
{
    const web_backend *backend = ((web_endpoints *)app)->backend;
    (void)request;
    if (backend->is_live(backend->user)) web_response_text(response, 200, text_plain, "ok\n", 3);
    else web_response_problem(response, 503, "the engine does not run");
}

static void answer_readyz(void *app, const web_request *request, web_response *response)
{
    const web_backend *backend = ((web_endpoints *)app)->backend;
    const char *reason = backend->not_ready(backend->user);
    (void)request;
    if (!reason) web_response_text(response, 200, text_plain, "ready\n", 6);
    else web_response_problem(response, 503, reason);
}

const web_route web_routes_health[] = {
    {"GET", "/livez", answer_livez, "200 while the process works", .gives = "200 text/plain"},
    {"GET", "/readyz", answer_readyz, "200 while events are taken", .gives = "200 text/plain"},
    {0},
};
