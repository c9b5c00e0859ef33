/*
 * endpoint_audit.c: GET /v1/audit: who changed what, when, and what came of it. And what other files note there.
 */
#include "web/endpoints.h"
#include "web/json_body.h"

#include <stdlib.h>

uint64_t endpoints_begin_change(const web_endpoints *endpoints, const web_request *request, const char *method, web_response *response)
{
    if (!endpoints->backend->audit) return 1;
    uint64_t number = web_audit_begin(endpoints->backend->audit, request->who, method, request->path, request->body, request->body_len);
    if (number != 0) return number;
    web_response_problem(response, 503, "the change cannot be noted in the audit trail, so it is not made: is there room on the disk?");
    response->retry_after_s = 5;
    return 0;
}

void endpoints_end_change(const web_endpoints *endpoints, uint64_t number, const web_response *response, const char *difference)
{
    if (endpoints->backend->audit) web_audit_end(endpoints->backend->audit, number, response->status, difference);
}

static void answer_audit(void *app, const web_request *request, web_response *response)
{
    static const char *const names[] = {"limit", "before", NULL};
    const web_endpoints *endpoints = app;
    int64_t limit, before;
    if (!web_query_is(request, names, response) || !web_query_int(request, "limit", 1, 1000, 100, &limit, response) ||
        !web_query_int(request, "before", 1, INT64_MAX, 0, &before, response))
        return;
    json_t *changes = endpoints->backend->audit ? web_audit_read(endpoints->backend->audit, (uint64_t)before, (size_t)limit) : json_array();
    if (!changes) web_response_problem(response, 500, "the audit trail cannot be read");
    else web_response_json(response, 200, json_pack("{s:o}", "changes", changes));
}

const web_route web_routes_audit[] = {
    {"GET", "/v1/audit", answer_audit, "who changed what, newest first", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .query = "limit:integer at most so many, to 1000; before:integer only changes with numbers below this one", .gives = "200 application/json Audit",
     .refuses = "500"},
    {0},
};
