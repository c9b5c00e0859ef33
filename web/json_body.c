/*
 * json_body.c: see json_body.h.
 */
#include "web/json_body.h"

#include "compiler/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_DEPTH = 32 };

void web_response_json(web_response *response, unsigned status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    response->status = text ? status : 500;
    response->content_type = "application/json";
    response->body = text;
    response->body_len = text ? strlen(text) : 0;
}

void web_response_problem_with(web_response *response, unsigned status, const char *detail, json_t *more)
{
    web_response_problem(response, status, detail);
    json_t *problem = more ? json_loadb(response->body, response->body_len, 0, NULL) : NULL;
    if (problem && json_object_update_missing(problem, more) == 0) {
        free(response->body);
        web_response_json(response, status, json_incref(problem));
        response->content_type = "application/problem+json";
    }
    json_decref(problem);
    json_decref(more);
}

/* ---- bodies ---- */

static bool is_type(const char *content_type, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncasecmp(content_type, wanted, len) == 0 && strchr("; \t", content_type[len]) != NULL;
}

static bool is_too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') quoted = !quoted;
        else if (quoted && text[i] == '\\') i++;
        else if (!quoted && (text[i] == '{' || text[i] == '[') && ++depth > MAX_DEPTH) return true;
        else if (!quoted && (text[i] == '}' || text[i] == ']') && depth > 0) depth--;
    }
    return false;
}

json_t *web_body_object(const web_request *request, web_response *response)
{
    json_error_t error;
    char detail[JSON_ERROR_TEXT_LENGTH + 64];
    if (request->content_type[0] && !is_type(request->content_type, "application/json")) {
        web_response_problem(response, 415, "application/json is taken here");
        return NULL;
    }
    if (is_too_deep(request->body, request->body_len)) {
        web_response_problem(response, 400, "the JSON is nested too deeply");
        return NULL;
    }
    json_t *value = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value)) return value;
    if (value) snprintf(detail, sizeof detail, "a JSON object is needed");
    else snprintf(detail, sizeof detail, "line %d, column %d: %s", error.line, error.column, error.text);
    json_decref(value);
    web_response_problem(response, 400, detail);
    return NULL;
}

char *web_body_text(const web_request *request, web_response *response)
{
    if (is_type(request->content_type, "application/json") || is_type(request->content_type, "multipart/form-data")) {
        web_response_problem(response, 415, "text/plain or text/csv is taken here: the text itself as the body (curl --data-binary @FILE -H 'Content-Type: text/plain')");
        return NULL;
    }
    char *text = malloc(request->body_len + 1);
    if (!text || memchr(request->body, '\0', request->body_len)) {
        web_response_problem(response, text ? 400 : 503, text ? "the text has a zero byte" : "no memory");
        free(text);
        return NULL;
    }
    memcpy(text, request->body, request->body_len);
    text[request->body_len] = '\0';
    return text;
}

/* ---- members ---- */

static void complain(web_response *response, const char *name, const char *what)
{
    char detail[256];
    snprintf(detail, sizeof detail, "'%.80s' %s", name, what);
    web_response_problem(response, 400, detail);
}

bool web_member_text(const json_t *object, const char *name, const char *fallback, const char **out, web_response *response)
{
    const json_t *member = json_object_get(object, name);
    *out = member ? json_string_value(member) : fallback;
    if (*out) return true;
    complain(response, name, member ? "must be a string" : "is needed");
    return false;
}

bool web_member_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *out, web_response *response)
{
    const json_t *member = json_object_get(object, name);
    *out = json_integer_value(member);
    if (json_is_integer(member) && *out >= min && *out <= max) return true;
    complain(response, name, !member ? "is needed" : json_is_integer(member) ? "is out of bounds" : "must be a whole number");
    return false;
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

bool web_members_are(const json_t *object, const char *const *names, web_response *response)
{
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        if (is_among(json_object_iter_key(at), names)) continue;
        complain(response, json_object_iter_key(at), "is no member that is known here");
        return false;
    }
    return true;
}

/* ---- the query ---- */

bool web_query_int(const web_request *request, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *out, web_response *response)
{
    const char *text = web_query_value(request, name);
    char *end = NULL;
    *out = fallback;
    if (!text) return true;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits = text[0] == '-' || (text[0] >= '0' && text[0] <= '9');
    if (errno == 0 && digits && end != text && *end == '\0' && value >= min && value <= max) {
        *out = value;
        return true;
    }
    complain(response, name, "of the query is no whole number within its bounds");
    return false;
}

bool web_query_flag(const web_request *request, const char *name, bool *out, web_response *response)
{
    const char *text = web_query_value(request, name);
    *out = text && strcmp(text, "true") == 0;
    if (!text || *out || strcmp(text, "false") == 0) return true;
    complain(response, name, "of the query is true or false");
    return false;
}

bool web_query_is(const web_request *request, const char *const *names, web_response *response)
{
    for (size_t i = 0; i < request->n_query; i++) {
        if (is_among(request->query[i].name, names)) continue;
        complain(response, request->query[i].name, "is no query parameter that is known here");
        return false;
    }
    return true;
}

/* ---- values ---- */

json_t *web_str(egret_str str)
{
    json_t *value = json_stringn(str.ptr, str.len);
    if (value) return value;
    egret_text shown;
    egret_text_init(&shown, egret_mem_of(NULL));
    egret_text_put_shown(&shown, str.ptr, str.len);
    value = json_stringn(shown.ptr ? shown.ptr : "", shown.len);
    egret_text_deinit(&shown);
    return value;
}

json_t *web_time(int64_t ms)
{
    char text[40];
    if (ms == INT64_MIN || ms == INT64_MAX) return json_null();
    size_t len = egret_value_text(egret_time(ms), text, sizeof text);
    return json_stringn(text, len);
}
