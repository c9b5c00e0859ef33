/*
 * openapi.c: see openapi.h. Every part of the document is built of a row's texts; a text that is not written as it should be is a mistake of ours,
 * and an assert.
 */
#include "web/openapi.h"

#include "web/assets.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- words of a text ---- */

/* Takes the part up to `stop` off the text, without blanks around it; false: there is none left. */
static bool next_part(const char **text, char stop, egret_str *out)
{
    const char *at = *text;
    while (at && *at == ' ') at++;
    if (!at || !*at) return false;
    const char *end = strchr(at, stop);
    *text = end ? end + 1 : NULL;
    size_t len = end ? (size_t)(end - at) : strlen(at);
    while (len > 0 && at[len - 1] == ' ') len--;
    *out = (egret_str){at, (uint32_t)len};
    return true;
}

/* A word of a part; the rest stays. */
static egret_str take_word(egret_str *part)
{
    uint32_t len = 0;
    while (len < part->len && part->ptr[len] != ' ') len++;
    egret_str word = {part->ptr, len};
    while (len < part->len && part->ptr[len] == ' ') len++;
    *part = (egret_str){part->ptr + len, part->len - len};
    return word;
}

static json_t *text_of(egret_str str)
{
    return json_stringn(str.ptr, str.len);
}

static json_t *schema_of(egret_str name)
{
    bool is_type = name.len > 0 && islower((unsigned char)name.ptr[0]);
    if (is_type) return json_pack("{s:s%}", "type", name.ptr, (size_t)name.len);
    json_t *path = json_sprintf("#/components/schemas/%.*s", (int)name.len, name.ptr);
    return json_pack("{s:o}", "$ref", path);
}

static void put(json_t *object, egret_str key, json_t *value)
{
    char name[128];
    assert(key.len < sizeof name);
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    json_object_set_new(object, name, value);
}

/* ---- parts of an operation ---- */

static void add_path_parameters(json_t *list, const char *path)
{
    for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
        egret_str name = {open + 1, (uint32_t)strcspn(open + 1, "}")};
        json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:{s:s, s:i, s:i}}", "name", text_of(name), "in", "path", "required", 1,
                                              "schema", "type", "string", "minLength", 1, "maxLength", 1000));
    }
}

static void add_query_parameters(json_t *list, const char *query)
{
    egret_str part;
    while (next_part(&query, ';', &part)) {
        egret_str name = take_word(&part), type = name;
        const char *colon = memchr(name.ptr, ':', name.len);
        assert(colon);
        type = (egret_str){colon + 1, (uint32_t)(name.ptr + name.len - colon - 1)};
        name.len = (uint32_t)(colon - name.ptr);
        json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o}", "name", text_of(name), "in", "query", "schema", schema_of(type),
                                              "description", text_of(part)));
    }
}

static void add_header_parameters(json_t *list, const web_route *route)
{
    if (route->refuses && strstr(route->refuses, "428"))
        json_array_append_new(list, json_pack("{s:s, s:s, s:{s:s}, s:s}", "name", "If-Match", "in", "header", "schema", "type", "string",
                                              "description", "the ETag of what is replaced, or * for whatever is there"));
    if (strstr(route->gives, "text/event-stream"))
        json_array_append_new(list, json_pack("{s:s, s:s, s:{s:s}, s:s}", "name", "Last-Event-ID", "in", "header", "schema", "type", "string",
                                              "description", "the id of the last event that was seen: what came after it is sent first"));
}

/* A content type with its schema, or with a text of any kind. */
static json_t *media(egret_str schema)
{
    if (schema.len > 0) return json_pack("{s:o}", "schema", schema_of(schema));
    return json_pack("{s:{s:s}}", "schema", "type", "string");
}

static json_t *request_body(const char *takes)
{
    json_t *content = json_object();
    egret_str part;
    while (next_part(&takes, ',', &part)) {
        egret_str type = take_word(&part);
        put(content, type, media(part));
    }
    return json_pack("{s:b, s:o}", "required", 1, "content", content);
}

static void add_answers(json_t *responses, const char *gives)
{
    egret_str part;
    while (next_part(&gives, ';', &part)) {
        egret_str status = take_word(&part), rest = part, type = take_word(&part);
        json_t *old = json_object_getn(responses, status.ptr, status.len);
        if (!memchr(type.ptr, '/', type.len)) {
            put(responses, status, json_pack("{s:o}", "description", text_of(rest)));
        } else if (old) {
            put(json_object_get(old, "content"), type, media(part));
        } else {
            json_t *content = json_object();
            put(content, type, media(part));
            put(responses, status, json_pack("{s:s, s:o}", "description", "as asked", "content", content));
        }
    }
}

typedef struct refusal {
    const char *status, *text;
} refusal;

static const refusal refusals[] = {
    {"400", "the request makes no sense; detail and diagnostics say where and why"},
    {"401", "a token is needed, or this one does not hold"},
    {"403", "the role of the token does not allow it, or a page of another site asks"},
    {"404", "there is no such thing"},
    {"409", "it does not go with what there is now"},
    {"412", "it has changed since: read it again"},
    {"413", "the body is too large"},
    {"415", "this content type is not taken here"},
    {"421", "the server does not answer to this name"},
    {"422", "the rules have errors; diagnostics say where and how to mend them"},
    {"428", "If-Match is needed, so that nobody's change is lost"},
    {"429", "too many requests a second, or the queue is full: again after Retry-After seconds"},
    {"500", "a fault of the server"},
    {"503", "not now: stopping, no room on the disk, or too much at once"},
};

static bool says(const char *list, const char *status)
{
    return list && strstr(list, status) != NULL;
}

static void add_refusals(json_t *responses, const web_route *route)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal *r = &refusals[i];
        bool by_itself = says("400 421 503", r->status) || (says("401 403", r->status) && route->role != WEB_ANYONE) || strcmp(r->status, "403") == 0 ||
                         (says("413 415", r->status) && route->takes) || strcmp(r->status, "413") == 0 ||
                         (strcmp(r->status, "429") == 0 && route->role != WEB_ANYONE) || (strcmp(r->status, "404") == 0 && strchr(route->path, '{'));
        if (!by_itself && !says(route->refuses, r->status)) continue;
        json_object_set_new(responses, r->status,
                            json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", r->text, "content", "application/problem+json", "schema", "$ref",
                                      "#/components/schemas/Problem"));
    }
}

/* "get_v1_keys_rule_key" */
static json_t *operation_id(const web_route *route)
{
    char id[160];
    size_t n = 0;
    for (const char *at = route->method; *at && n < sizeof id - 1; at++) id[n++] = (char)tolower((unsigned char)*at);
    for (const char *at = route->path; *at && n < sizeof id - 1; at++) {
        bool letter = isalnum((unsigned char)*at) != 0;
        if (letter) id[n++] = *at;
        else if (n > 0 && id[n - 1] != '_' && at[1] != '\0') id[n++] = '_';
    }
    return json_stringn(id, n);
}

/* What stands behind /v1/. */
static json_t *tag_of(const web_route *route)
{
    const char *at = strncmp(route->path, "/v1/", 4) == 0 ? route->path + 4 : "server";
    return json_stringn(at, strcspn(at, "/"));
}

static json_t *operation(const web_route *route)
{
    json_t *parameters = json_array(), *responses = json_object();
    add_path_parameters(parameters, route->path);
    add_query_parameters(parameters, route->query);
    add_header_parameters(parameters, route);
    add_answers(responses, route->gives);
    add_refusals(responses, route);
    json_t *out = json_pack("{s:o, s:[o], s:s, s:s, s:o, s:o}", "operationId", operation_id(route), "tags", tag_of(route), "summary", route->summary,
                            "x-egret-role", web_role_name(route->role), "parameters", parameters, "responses", responses);
    if (route->takes) json_object_set_new(out, "requestBody", request_body(route->takes));
    json_object_set_new(out, "security", route->role == WEB_ANYONE ? json_array() : json_pack("[{s:[]}]", "token"));
    return out;
}

/* ---- the document ---- */

static json_t *all_paths(const web_route *const *tables)
{
    json_t *paths = json_object();
    for (size_t t = 0; tables[t]; t++) {
        for (const web_route *route = tables[t]; route->method; route++) {
            json_t *item = json_object_get(paths, route->path);
            char method[8] = {0};
            if (!item) {
                item = json_object();
                json_object_set_new(paths, route->path, item);
            }
            for (size_t i = 0; route->method[i] && i < sizeof method - 1; i++) method[i] = (char)tolower((unsigned char)route->method[i]);
            json_object_set_new(item, method, operation(route));
        }
    }
    return paths;
}

char *openapi_text(const web_route *const *tables, size_t *len)
{
    json_t *schemas = json_loadb(web_asset_schemas.bytes, web_asset_schemas.len, 0, NULL);
    assert(schemas);
    json_t *document = json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:o, s:{s:o, s:{s:{s:s, s:s, s:s}}}}", "openapi", "3.1.0", "info", "title", "Egret",
                                 "version", EGRET_VERSION, "description", "Rules, events in, alerts out. Every error is an RFC 9457 problem document.",
                                 "license", "name", "Apache-2.0", "identifier", "Apache-2.0", "paths", all_paths(tables), "components", "schemas",
                                 schemas, "securitySchemes", "token", "type", "http", "scheme", "bearer", "description",
                                 "made by `egret token create`; roles: ingest, viewer, author, admin");
    char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL;
    *len = text ? strlen(text) : 0;
    json_decref(document);
    return text;
}
