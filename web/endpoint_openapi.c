/*
 * endpoint_openapi.c: GET /v1/openapi.json: what this API is, for people, clients and tests.
 */
#include "web/endpoints.h"
#include "web/openapi.h"

static void answer_openapi(void *app, const web_request *request, web_response *response)
{
    (void)app, (void)request;
    response->body = openapi_text(web_routes, &response->body_len);
    response->content_type = "application/json";
    if (!response->body) web_response_problem(response, 500, "no memory");
}

const web_route web_routes_openapi[] = {
    {"GET", "/v1/openapi.json", answer_openapi, "this document", .flags = WEB_BLOCKS, .gives = "200 application/json OpenApi", .refuses = "500"},
    {0},
};
