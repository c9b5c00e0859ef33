/*
 * rules_answer.h: from what web/rules_backend.h says to responses; what the files of rules, versions, lists and snoozes share.
 */
#ifndef EGRET_WEB_RULES_ANSWER_H
#define EGRET_WEB_RULES_ANSWER_H

#include "web/endpoints.h"
#include "web/json_body.h"
#include "web/rules_backend.h"

/* The functions for rules; NULL: 503 is in the response, as the appliance cannot change rules now. */
const web_rules *rules_of(const web_endpoints *endpoints, web_response *response);

/* Takes the text over: it is the body when all is well, else what the problem document says. etag NULL: none. */
void rules_answer(web_response *response, web_rules_status status, egret_text *text, const char *content_type, const char *etag);

/* Makes a change and answers it: notes it in the audit trail first, and afterwards with the difference. created: 201 instead of 200. */
void rules_change(web_endpoints *endpoints, const web_request *request, const char *method, const web_rules_change *change, bool created,
                  web_response *response);

/* If-Match as the backend wants it. `"abc"` -> abc; * stays. False: it is not well-formed, 400 is in the response. out has WEB_RULES_ETAG bytes;
 * absent: "". */
bool rules_if_match(const web_request *request, char *out, web_response *response);

extern const char rules_text_plain[];

#endif
