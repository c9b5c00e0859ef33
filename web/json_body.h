/*
 * json_body.h: JSON of the control plane (jansson) in requests and responses.
 *
 * Functions that answer give false (or NULL) after they have put a problem document into the response, so that handlers just return.
 */
#ifndef EGRET_WEB_JSON_BODY_H
#define EGRET_WEB_JSON_BODY_H

#include "compiler/text.h"
#include "web/server.h"

#include <jansson.h>

/* Takes the value over; NULL: an empty 500. */
void web_response_json(web_response *response, unsigned status, json_t *value);
/* A problem document with further members of `more`, an object that is taken over; NULL: none. */
void web_response_problem_with(web_response *response, unsigned status, const char *detail, json_t *more);

/* The body as a JSON object; NULL: 400 or 415 is in the response. The caller releases it. */
json_t *web_body_object(const web_request *request, web_response *response);
/* The body as a text, terminated, malloced: rules, lists, tables. NULL: 400 (a zero byte), 415 (JSON, a form) or 503. */
char *web_body_text(const web_request *request, web_response *response);

/* Members of an object. fallback NULL: it is needed. False: 400 is in the response. The text stays the object's. */
bool web_member_text(const json_t *object, const char *name, const char *fallback, const char **out, web_response *response);
bool web_member_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *out, web_response *response);
/* No member may have another name than these (NULL ends them): a misspelt one must not be passed over. */
bool web_members_are(const json_t *object, const char *const *names, web_response *response);

/* A query parameter as a number within bounds; absent: fallback. */
bool web_query_int(const web_request *request, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *out, web_response *response);
bool web_query_flag(const web_request *request, const char *name, bool *out, web_response *response);   /* "true", "false"; absent: false */
/* No parameter may have another name than these. */
bool web_query_is(const web_request *request, const char *const *names, web_response *response);

/* RFC 3339 in UTC with milliseconds where there are some; INT64_MIN and INT64_MAX are null. */
json_t *web_time(int64_t ms);
json_t *web_str(egret_str str);     /* with U+FFFD for what is not UTF-8 */

#endif
