/*
 * routes.c: all there is to ask for. The server finds its handlers here, and the OpenAPI document is made of it.
 */
#include "web/endpoints.h"

const web_route *const web_routes[] = {
    web_routes_events, web_routes_alerts, web_routes_feed, web_routes_sinks, web_routes_dead_letters, web_routes_rules, web_routes_versions, web_routes_contents, web_routes_snoozes, web_routes_backtests, web_routes_status, web_routes_audit,
    web_routes_health, web_routes_metrics, web_routes_openapi, web_routes_console, NULL,
};
