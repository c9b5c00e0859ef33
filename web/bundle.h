/*
 * bundle.h: many changes in one JSON object: {"files": [{"path", "text"}], "rules": [{"name", "text"}], "lists": […], "tables": […]}; instead of a text
 * "remove": true for files and rules; with if_match the ETag of what is replaced.
 */
#ifndef EGRET_WEB_BUNDLE_H
#define EGRET_WEB_BUNDLE_H

#include "web/json_body.h"
#include "web/rules_backend.h"

typedef struct bundle {
    web_rules_item *items;      /* texts stay the object's */
    size_t n, capacity;
} bundle;

/* False: a problem is in the response. bundle_free in any case. */
bool bundle_read(const json_t *body, bundle *b, web_response *response);
void bundle_free(bundle *b);

#endif
