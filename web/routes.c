/*
 * routes.c: all there is to ask for. The server finds its handlers here, and the OpenAPI document is made of it.
 */
#include "web/endpoints.h"

const web_route *const web_routes[] = {
    web_routes_events, web_routes_health, web_routes_metrics, web_routes_openapi, NULL,
};
