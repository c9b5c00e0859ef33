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
    ingest_decoder **decoders;      /* two per stream, made when first needed: JSON, CSV */
};

#endif
