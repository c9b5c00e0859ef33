/*
 * openapi.h: the OpenAPI 3.1 document, made of the tables of routes, and of web/schemas.json for the shapes of bodies.
 *
 * How the texts of a route are written (web_route):
 *   query   "limit:integer how many at most; state:AlertState in this state": name, type (string, integer, boolean, or a schema's name), words
 *   takes   "application/json RuleText, text/plain": content types, each with a schema's name or without
 *   gives   "200 application/json RuleList; 204 it is gone": status, content type and schema's name; or status and words for no body
 *   refuses "404 409": statuses that are problem documents
 * Besides, every route may refuse with those that have to do with the request itself: 400, 401, 403, 413, 415, 421, 429, 503.
 */
#ifndef EGRET_WEB_OPENAPI_H
#define EGRET_WEB_OPENAPI_H

#include "web/server.h"

/* The document as text, malloced; NULL: no memory. tables as in web_server_options. */
char *openapi_text(const web_route *const *tables, size_t *len);

#endif
