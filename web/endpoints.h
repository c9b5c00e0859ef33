/*
 * endpoints.h: what the endpoint files of this folder share.
 */
#ifndef EGRET_WEB_ENDPOINTS_H
#define EGRET_WEB_ENDPOINTS_H

#include "web/backend.h"
#include "web/server.h"

#include "ingest/decode.h"

/* One table a file. */
extern const web_route web_routes_events[];
extern const web_route web_routes_health[];
extern const web_route web_routes_metrics[];
extern const web_route web_routes_openapi[];

struct web_endpoints {
    const web_backend *backend;
    char **names;                   /* of the plan's streams, terminated: for suggestions */
    ingest_decoder **decoders;      /* two per stream, then two per source, made when first needed: JSON, CSV */
    nfa_engine *routes;             /* evaluates conditions of sources, and nothing else; NULL: not needed yet */
};

#endif
