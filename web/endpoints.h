/*
 * endpoints.h: what the endpoint files of this folder share.
 */
#ifndef EGRET_WEB_ENDPOINTS_H
#define EGRET_WEB_ENDPOINTS_H

#include "web/audit.h"
#include "web/backend.h"
#include "web/server.h"

#include "alerting/json_write.h"

#include "ingest/decode.h"

#include <pthread.h>

/* One table a file. */
extern const web_route web_routes_events[];
extern const web_route web_routes_health[];
extern const web_route web_routes_metrics[];
extern const web_route web_routes_openapi[];
extern const web_route web_routes_status[];
extern const web_route web_routes_rules[];
extern const web_route web_routes_versions[];
extern const web_route web_routes_contents[];
extern const web_route web_routes_snoozes[];
extern const web_route web_routes_audit[];
extern const web_route web_routes_alerts[];
extern const web_route web_routes_feed[];
extern const web_route web_routes_sinks[];
extern const web_route web_routes_dead_letters[];
extern const web_route web_routes_console[];
extern const web_route web_routes_backtests[];

struct web_endpoints {
    const web_backend *backend;
    /* Of the server's thread: */
    char **names;                   /* of the plan's streams, terminated: for suggestions */
    ingest_decoder **decoders;      /* two per stream, then two per source, made when first needed: JSON, CSV */
    nfa_engine *routes;             /* evaluates conditions of sources, and nothing else; NULL: not needed yet */
    /* Of whoever holds the lock: */
    web_server *_Atomic server;     /* whose answers are counted; NULL: not yet */
    pthread_mutex_t numbers_lock;
    web_numbers numbers;
};

/* The counters of now, which stay as they are until they are unlocked; from any thread, not for long. */
const web_numbers *endpoints_lock_numbers(web_endpoints *endpoints);
void endpoints_unlock_numbers(web_endpoints *endpoints);

/* The history; NULL: a 503 is in the response. */
const web_history *endpoints_history(const web_endpoints *endpoints, web_response *response);
/* What the store has said, as a 503. */
void endpoints_answer_store(web_response *response, int code);
/* The writer's text becomes the body, and the writer is done with. */
void endpoints_answer_writer(web_response *response, json_writer *w);

/* Notes the request as a change that begins. 0: it cannot be noted, a problem is in the response, and it must not be made. */
uint64_t endpoints_begin_change(const web_endpoints *endpoints, const web_request *request, const char *method, web_response *response);
/* And what came of it. difference may be NULL. */
void endpoints_end_change(const web_endpoints *endpoints, uint64_t number, const web_response *response, const char *difference);

#endif
