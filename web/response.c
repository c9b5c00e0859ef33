/*
 * response.c: what handlers answer with: texts, and RFC 9457 problem documents for everything that went wrong.
 */
#include "web/server.h"

#include "alerting/json_write.h"

#include <stdlib.h>
#include <string.h>

static const struct { unsigned status; const char *title; } titles[] = {
    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {409, "Conflict"},
    {412, "Precondition Failed"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"}, {421, "Misdirected Request"},
    {422, "Unprocessable Content"}, {428, "Precondition Required"}, {429, "Too Many Requests"}, {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

static const char *title_of(unsigned status)
{
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status) return titles[i].title;
    return "Error";
}

static void take_body(web_response *response, unsigned status, const char *content_type, char *body, size_t len)
{
    free(response->body);
    response->status = body ? status : 500;
    response->content_type = content_type;
    response->body = body;
    response->body_len = body ? len : 0;
}

void web_response_text(web_response *response, unsigned status, const char *content_type, const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy && len > 0) memcpy(copy, text, len);
    take_body(response, status, content_type, copy, len);
}

void web_response_problem(web_response *response, unsigned status, const char *detail)
{
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "type");
    jsonw_string_z(&w, "about:blank");
    jsonw_key_z(&w, "title");
    jsonw_string_z(&w, title_of(status));
    jsonw_key_z(&w, "status");
    jsonw_uint(&w, status);
    if (detail) {
        jsonw_key_z(&w, "detail");
        jsonw_string_z(&w, detail);
    }
    jsonw_end(&w, '}');
    jsonw_raw(&w, "\n", 1);
    if (w.failed) jsonw_deinit(&w);
    take_body(response, status, "application/problem+json", w.ptr, w.len);
}
