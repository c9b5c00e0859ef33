/*
 * endpoint_contents.c: lists and tables: read as their files are, replaced whole under If-Match, or patched: some values added, some taken out.
 *
 * A patch reads, edits and replaces what it has read; when somebody else was faster it does so again.
 */
#include "web/content_edit.h"
#include "web/rules_answer.h"

#include <stdlib.h>
#include <string.h>

enum { PATCH_TRIES = 8 };

static void answer_all(void *app, const web_request *request, web_response *response)
{
    const web_rules *rules = rules_of(app, response);
    egret_text out;
    (void)request;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->contents(rules->user, &out), &out, "application/json", NULL);
}

static void answer_one(const web_endpoints *endpoints, const web_request *request, web_rules_kind kind, web_response *response)
{
    const web_rules *rules = rules_of(endpoints, response);
    char etag[WEB_RULES_ETAG] = "";
    egret_text out;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->content(rules->user, kind, request->argument, &out, etag), &out, rules_text_plain, etag);
}

static void replace(web_endpoints *endpoints, const web_request *request, web_rules_kind kind, web_response *response)
{
    static const char *const names[] = {"dry_run", "note", NULL};
    char if_match[WEB_RULES_ETAG + 1];
    web_rules_change change = {.n_items = 1, .who = request->who, .note = web_query_value(request, "note")};
    if (!rules_of(endpoints, response) || !web_query_is(request, names, response) || !web_query_flag(request, "dry_run", &change.dry_run, response) ||
        !rules_if_match(request, if_match, response))
        return;
    if (!if_match[0]) {
        web_response_problem(response, 428, "say with If-Match which state of it you replace (its ETag, or * for any)");
        return;
    }
    char *text = web_body_text(request, response);
    if (!text) return;
    web_rules_item item = {.kind = kind, .name = request->argument, .text = text, .if_match = if_match};
    change.items = &item;
    rules_change(endpoints, request, "PUT", &change, false, response);
    free(text);
}

/* ---- patches ---- */

typedef struct patch {
    web_endpoints *endpoints;
    const web_request *request;
    web_rules_kind kind;
    const json_t *add, *remove;
    web_rules_change change;
} patch;

/* A file of CSV has a header with a column of that name. */
static bool is_csv(web_rules_kind kind, const char *text)
{
    if (kind == WEB_RULES_TABLE) return true;
    size_t len = strcspn(text, ",\r\n");
    for (const char *at = text; *at && *at != '\n'; at++)
        if (strncmp(at, "value", 5) == 0 && (at == text || at[-1] == ',') && strchr(",\r\n", at[5])) return text[len] == ',' || at == text;
    return false;
}

/* Once: reads, edits, replaces. The text that was read is terminated. */
static void try_patch(const patch *p, const char *text, const char *etag, web_response *response)
{
    char reason[200] = "no memory";
    egret_text edited;
    egret_text_init(&edited, egret_mem_of(NULL));
    bool fine = content_edit(text, is_csv(p->kind, text), p->add, p->remove, &edited, reason, sizeof reason);
    egret_text_put(&edited, "", 1);
    if (!fine || edited.failed) {
        web_response_problem(response, edited.failed ? 503 : 409, reason);
    } else {
        web_rules_item item = {.kind = p->kind, .name = p->request->argument, .text = edited.ptr, .if_match = etag};
        web_rules_change change = p->change;
        change.items = &item;
        rules_change(p->endpoints, p->request, "PATCH", &change, false, response);
    }
    egret_text_deinit(&edited);
}

static void run_patch(const patch *p, web_response *response)
{
    const web_rules *rules = p->endpoints->backend->rules;
    for (unsigned i = 0; i < PATCH_TRIES; i++) {
        char etag[WEB_RULES_ETAG] = "";
        egret_text text;
        egret_text_init(&text, egret_mem_of(NULL));
        web_rules_status status = rules->content(rules->user, p->kind, p->request->argument, &text, etag);
        if (status != WEB_RULES_DONE) {
            rules_answer(response, status, &text, rules_text_plain, NULL);
            return;
        }
        egret_text_put(&text, "", 1);
        if (text.failed) web_response_problem(response, 503, "no memory");
        else try_patch(p, text.ptr, etag, response);
        egret_text_deinit(&text);
        if (response->status != 412) return;
    }
    web_response_problem(response, 409, "others change it all the time; try again soon");
}

static void answer_patch(web_endpoints *endpoints, const web_request *request, web_rules_kind kind, web_response *response)
{
    static const char *const names[] = {"dry_run", NULL}, *const members[] = {"add", "remove", "note", NULL};
    patch p = {.endpoints = endpoints, .request = request, .kind = kind, .change = {.n_items = 1, .who = request->who}};
    json_t *body = rules_of(endpoints, response) && web_query_is(request, names, response) && web_query_flag(request, "dry_run", &p.change.dry_run, response)
                       ? web_body_object(request, response)
                       : NULL;
    if (!body) return;
    p.add = json_object_get(body, "add");
    p.remove = json_object_get(body, "remove");
    if (!web_members_are(body, members, response) || !web_member_text(body, "note", "", &p.change.note, response)) {
        json_decref(body);
        return;
    }
    if ((p.add && !json_is_array(p.add)) || (p.remove && !json_is_array(p.remove)) || json_array_size(p.add) + json_array_size(p.remove) == 0)
        web_response_problem(response, 400, "'add' and 'remove' are arrays, and one of them has something in it");
    else run_patch(&p, response);
    json_decref(body);
}

static void answer_list(void *app, const web_request *request, web_response *response)
{
    answer_one(app, request, WEB_RULES_LIST, response);
}

static void answer_table(void *app, const web_request *request, web_response *response)
{
    answer_one(app, request, WEB_RULES_TABLE, response);
}

static void answer_put_list(void *app, const web_request *request, web_response *response)
{
    replace(app, request, WEB_RULES_LIST, response);
}

static void answer_put_table(void *app, const web_request *request, web_response *response)
{
    replace(app, request, WEB_RULES_TABLE, response);
}

static void answer_patch_list(void *app, const web_request *request, web_response *response)
{
    answer_patch(app, request, WEB_RULES_LIST, response);
}

static void answer_patch_table(void *app, const web_request *request, web_response *response)
{
    answer_patch(app, request, WEB_RULES_TABLE, response);
}

#define CHANGE_QUERY "dry_run:boolean say what would change and change nothing; note:string kept with the change"
#define PATCH_QUERY "dry_run:boolean say what would change and change nothing"

const web_route web_routes_contents[] = {
    {"GET", "/v1/lists", answer_all, "lists and tables", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json Contents"},
    {"GET", "/v1/lists/{list}", answer_list, "a list as its file is", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 text/plain"},
    {"PUT", "/v1/lists/{list}", answer_put_list, "replaces a list", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = CHANGE_QUERY, .takes = "text/plain, text/csv",
     .gives = "200 application/json Change", .refuses = "409 412 422 428"},
    {"PATCH", "/v1/lists/{list}", answer_patch_list, "adds values and takes some out", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = PATCH_QUERY,
     .takes = "application/json Patch", .gives = "200 application/json Change", .refuses = "409 422"},
    {"GET", "/v1/tables", answer_all, "lists and tables", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json Contents"},
    {"GET", "/v1/tables/{table}", answer_table, "a table as its file is", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 text/plain"},
    {"PUT", "/v1/tables/{table}", answer_put_table, "replaces a table", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = CHANGE_QUERY,
     .takes = "text/plain, text/csv", .gives = "200 application/json Change", .refuses = "409 412 422 428"},
    {"PATCH", "/v1/tables/{table}", answer_patch_table, "adds rows and takes some out", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = PATCH_QUERY,
     .takes = "application/json Patch", .gives = "200 application/json Change", .refuses = "409 422"},
    {0},
};
