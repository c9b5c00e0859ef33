/*
 * endpoints.h: what the endpoint files of this folder share.
 */
#ifndef EGRET_WEB_ENDPOINTS_H
#define EGRET_WEB_ENDPOINTS_H

#include "web/backend.h"
#include "web/server.h"

#include "ingest/decode.h"

struct web_endpoints {
    const web_backend *backend;
    char **names;                   /* of the plan's streams, terminated: for suggestions */
    ingest_decoder **decoders;      /* two per stream, then two per source, made when first needed: JSON, CSV */
    nfa_engine *routes;             /* evaluates conditions of sources, and nothing else; NULL: not needed yet */
};

#endif
