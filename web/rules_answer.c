/*
 * rules_answer.c: see rules_answer.h.
 */
#include "web/rules_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char rules_text_plain[] = "text/plain; charset=utf-8";

const web_rules *rules_of(const web_endpoints *endpoints, web_response *response)
{
    const web_rules *rules = endpoints->backend->rules;
    if (!rules) web_response_problem(response, 503, "rules cannot be shown or changed now");
    return rules;
}

/* ---- answers ---- */

/* Terminated; "" without memory. */
static char *finish(egret_text *text)
{
    egret_text_put(text, "", 1);
    char *out = text->failed ? NULL : text->ptr;
    if (out) text->ptr = NULL;
    egret_text_deinit(text);
    return out ? out : strdup("");
}

static void answer_good(web_response *response, char *text, const char *content_type, const char *etag)
{
    response->status = text ? 200 : 503;
    response->content_type = content_type;
    response->body = text;
    response->body_len = text ? strlen(text) : 0;
    if (etag) snprintf(response->etag, sizeof response->etag, "\"%s\"", etag);
}

static void answer_conflict(web_response *response, const char *etag)
{
    char detail[160];
    if (etag[0]) snprintf(detail, sizeof detail, "it is not what If-Match says; now it has the ETag \"%.40s\": read it again, and decide anew", etag);
    else snprintf(detail, sizeof detail, "it is not what If-Match says: it does not exist");
    web_response_problem(response, 412, detail);
    if (etag[0]) snprintf(response->etag, sizeof response->etag, "\"%.40s\"", etag);
}

static void answer_invalid(web_response *response, const char *document)
{
    json_t *more = json_loads(document, 0, NULL);
    json_int_t errors = json_integer_value(json_object_get(more, "errors"));
    const json_t *first = json_array_get(json_object_get(more, "diagnostics"), 0);
    const char *message = json_string_value(json_object_get(first, "message"));
    char detail[400];
    snprintf(detail, sizeof detail, "%lld error%s; the first: %.300s", (long long)errors, errors == 1 ? "" : "s", message ? message : "none is told");
    web_response_problem_with(response, 422, detail, more);
}

void rules_answer(web_response *response, web_rules_status status, egret_text *text, const char *content_type, const char *etag)
{
    char *said = finish(text);
    if (status == WEB_RULES_DONE) {
        answer_good(response, said, content_type, etag);
        return;
    }
    switch (status) {
    case WEB_RULES_INVALID:
        answer_invalid(response, said ? said : "{}");
        break;
    case WEB_RULES_NOT_FOUND:
        web_response_problem(response, 404, said && said[0] ? said : NULL);
        break;
    case WEB_RULES_CONFLICT:
        answer_conflict(response, said ? said : "");
        break;
    case WEB_RULES_REFUSED:
        web_response_problem(response, 409, said && said[0] ? said : NULL);
        break;
    case WEB_RULES_UNKEPT:
        web_response_problem(response, 503, said && said[0] ? said : "the disk is full; nothing has changed");
        break;
    case WEB_RULES_STOPPING:
        web_response_problem(response, 503, "the appliance is stopping; nothing has changed");
        break;
    case WEB_RULES_NO_MEMORY:
    case WEB_RULES_DONE:
        web_response_problem(response, 503, "no memory; nothing has changed");
        break;
    }
    if (response->status == 503) response->retry_after_s = 5;
    free(said);
}

/* ---- changes ---- */

bool rules_if_match(const web_request *request, char *out, web_response *response)
{
    const char *sent = request->if_match ? request->if_match : "";
    size_t len = strlen(sent);
    out[0] = '\0';
    if (len == 0) return true;
    if (len == 1 && sent[0] == '*') {
        memcpy(out, "*", 2);
        return true;
    }
    bool quoted = len >= 2 && len - 2 < WEB_RULES_ETAG && sent[0] == '"' && sent[len - 1] == '"' && !memchr(sent + 1, '"', len - 2);
    if (quoted) {
        memcpy(out, sent + 1, len - 2);
        out[len - 2] = '\0';
    } else {
        web_response_problem(response, 400, "If-Match takes one ETag in its quotes, or *");
    }
    return quoted;
}

/* What the change made of the texts of rules: a difference for each that has a version before. */
static char *difference_of(const web_rules *rules, const char *answer)
{
    json_t *told = json_loads(answer, 0, NULL);
    const json_t *changed;
    size_t i;
    egret_text all;
    egret_text_init(&all, egret_mem_of(NULL));
    json_array_foreach(json_object_get(told, "rules"), i, changed) {
        const char *name = json_string_value(json_object_get(changed, "rule"));
        json_int_t version = json_integer_value(json_object_get(changed, "version"));
        if (name && version > 1 && all.len < AUDIT_SHOWN_BYTES) rules->diff(rules->user, name, (uint64_t)version - 1, (uint64_t)version, &all);
    }
    json_decref(told);
    if (all.len > 0) return finish(&all);
    egret_text_deinit(&all);
    return NULL;
}

void rules_change(web_endpoints *endpoints, const web_request *request, const char *method, const web_rules_change *change, bool created,
                  web_response *response)
{
    const web_rules *rules = endpoints->backend->rules;
    egret_text out;
    uint64_t number = change->dry_run ? 0 : endpoints_begin_change(endpoints, request, method, response);
    if (!change->dry_run && number == 0) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->change(rules->user, change, &out), &out, "application/json", NULL);
    if (change->dry_run) return;
    char *difference = response->status == 200 ? difference_of(rules, response->body) : NULL;
    if (response->status == 200 && created) response->status = 201;
    endpoints_end_change(endpoints, number, response, difference);
    free(difference);
}
