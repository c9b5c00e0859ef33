/*
 * endpoint_rules.c: rules as they are now: the list with its counters, one rule's text, changing it, taking it out, its mode; rule files; asking the
 * compiler; and bundles, many changes at once.
 *
 * A text that is there is replaced or removed under If-Match only, so that nobody overwrites what he has not seen: without it the answer is 428.
 */
#include "web/bundle.h"
#include "web/rules_answer.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static void add(json_t *counters, const char *name, uint64_t value)
{
    json_int_t sum = json_integer_value(json_object_get(counters, name)) + (json_int_t)value;
    json_object_set_new(counters, name, json_integer(sum));
}

/* Of all instances of the rule together. */
static json_t *counters_of(const web_numbers *n, const char *rule)
{
    json_t *counters = json_object();
    for (uint32_t i = 0; i < n->plan->n_rules; i++) {
        const nfa_rule_stats *stats = &n->rules[i];
        if (!egret_str_is(n->plan->rules[i].name, rule)) continue;
        add(counters, "events", stats->events);
        add(counters, "matches", stats->matches);
        add(counters, "alerts", stats->alerts);
        add(counters, "signals", stats->signals);
        add(counters, "held_back", stats->held_back);
        add(counters, "attempts_started", stats->attempts_started);
        add(counters, "attempts_dropped", stats->attempts_dropped);
        add(counters, "events_dropped", stats->events_dropped);
        add(counters, "null_keys", stats->null_keys);
    }
    return counters;
}

static void answer_list(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    const web_rules *rules = rules_of(endpoints, response);
    egret_text out;
    json_t *rule;
    size_t i;
    (void)request;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    web_rules_status status = rules->list(rules->user, &out);
    json_t *list = status == WEB_RULES_DONE ? json_loadb(out.ptr ? out.ptr : "", out.len, 0, NULL) : NULL;
    if (!list) {
        rules_answer(response, status == WEB_RULES_DONE ? WEB_RULES_NO_MEMORY : status, &out, "application/json", NULL);
        return;
    }
    egret_text_deinit(&out);
    const web_numbers *n = endpoints_lock_numbers(endpoints);
    json_array_foreach(list, i, rule) json_object_set_new(rule, "counters", counters_of(n, json_string_value(json_object_get(rule, "name"))));
    endpoints_unlock_numbers(endpoints);
    web_response_json(response, 200, json_pack("{s:o}", "rules", list));
}

static void answer_source(void *app, const web_request *request, web_response *response)
{
    static const char *const names[] = {"version", NULL};
    const web_rules *rules = rules_of(app, response);
    char etag[WEB_RULES_ETAG] = "";
    egret_text out;
    int64_t version;
    if (!rules || !web_query_is(request, names, response) || !web_query_int(request, "version", 1, INT64_MAX, 0, &version, response)) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->source(rules->user, request->argument, (uint64_t)version, &out, etag), &out, rules_text_plain, etag);
}

static void answer_files(void *app, const web_request *request, web_response *response)
{
    const web_rules *rules = rules_of(app, response);
    egret_text out;
    (void)request;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->files(rules->user, &out), &out, "application/json", NULL);
}

static void answer_file(void *app, const web_request *request, web_response *response)
{
    const web_rules *rules = rules_of(app, response);
    char etag[WEB_RULES_ETAG] = "";
    egret_text out;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->file(rules->user, request->argument, &out, etag), &out, rules_text_plain, etag);
}

static void answer_validate(void *app, const web_request *request, web_response *response)
{
    const web_rules *rules = rules_of(app, response);
    char *text = rules ? web_body_text(request, response) : NULL;
    egret_text out;
    if (!text) return;
    egret_text_init(&out, egret_mem_of(NULL));
    web_rules_status status = rules->validate(rules->user, text, &out);
    rules_answer(response, status == WEB_RULES_INVALID ? WEB_RULES_DONE : status, &out, "application/json", NULL);
    free(text);
}

/* ---- changing one ---- */

/* PUT and DELETE of something with a text. */
static void change_text(web_endpoints *endpoints, const web_request *request, web_rules_kind kind, bool remove, web_response *response)
{
    static const char *const names[] = {"dry_run", "note", NULL};
    char if_match[WEB_RULES_ETAG + 1];
    web_rules_change change = {.n_items = 1, .who = request->who, .note = web_query_value(request, "note")};
    if (!rules_of(endpoints, response) || !web_query_is(request, names, response) || !web_query_flag(request, "dry_run", &change.dry_run, response) ||
        !rules_if_match(request, if_match, response))
        return;
    char *text = remove ? NULL : web_body_text(request, response);
    if (!remove && !text) return;
    web_rules_item item = {.kind = kind, .name = request->argument, .text = text, .remove = remove, .if_match = if_match[0] ? if_match : NULL,
                           .only_new = !if_match[0]};
    change.items = &item;
    rules_change(endpoints, request, remove ? "DELETE" : "PUT", &change, item.only_new, response);
    if (response->status == 412 && item.only_new)
        web_response_problem(response, 428, "it exists: say with If-Match which state of it you replace (its ETag, or * for any)");
    free(text);
}

static void answer_put_rule(void *app, const web_request *request, web_response *response)
{
    change_text(app, request, WEB_RULES_RULE, false, response);
}

/* Nothing to overwrite, but to remove what one has not seen is no better. */
static bool has_if_match(const web_request *request, web_response *response)
{
    if (request->if_match && request->if_match[0]) return true;
    web_response_problem(response, 428, "say with If-Match which state of it you remove (its ETag, or * for any)");
    return false;
}

static void answer_delete_rule(void *app, const web_request *request, web_response *response)
{
    if (has_if_match(request, response)) change_text(app, request, WEB_RULES_RULE, true, response);
}

static void answer_put_file(void *app, const web_request *request, web_response *response)
{
    change_text(app, request, WEB_RULES_FILE, false, response);
}

static void answer_delete_file(void *app, const web_request *request, web_response *response)
{
    if (has_if_match(request, response)) change_text(app, request, WEB_RULES_FILE, true, response);
}

static void answer_mode(void *app, const web_request *request, web_response *response)
{
    static const char *const members[] = {"mode", NULL};
    json_t *body = rules_of(app, response) ? web_body_object(request, response) : NULL;
    const char *mode;
    if (!body) return;
    if (web_members_are(body, members, response) && web_member_text(body, "mode", NULL, &mode, response)) {
        bool declared = strcmp(mode, "declared") == 0;
        web_rules_item item = {.kind = WEB_RULES_MODE, .name = request->argument, .text = declared ? "" : mode};
        web_rules_change change = {.items = &item, .n_items = 1, .who = request->who};
        if (declared || strcmp(mode, "live") == 0 || strcmp(mode, "shadow") == 0 || strcmp(mode, "off") == 0)
            rules_change(app, request, "PUT", &change, false, response);
        else web_response_problem(response, 400, "'mode' is live, shadow, off, or declared (what the rule itself says)");
    }
    json_decref(body);
}

/* ---- many at once ---- */

static bool has_something(const bundle *b, web_response *response)
{
    if (b->n == 0) web_response_problem(response, 400, "there is nothing in the bundle: it has files, rules, lists or tables");
    return b->n > 0;
}

static void answer_bundle(void *app, const web_request *request, web_response *response)
{
    static const char *const names[] = {"dry_run", NULL}, *const members[] = {"files", "rules", "lists", "tables", "note", NULL};
    bundle b = {0};
    web_rules_change change = {.who = request->who};
    json_t *body = rules_of(app, response) && web_query_is(request, names, response) && web_query_flag(request, "dry_run", &change.dry_run, response)
                       ? web_body_object(request, response)
                       : NULL;
    if (!body) return;
    if (web_members_are(body, members, response) && web_member_text(body, "note", "", &change.note, response) && bundle_read(body, &b, response) && has_something(&b, response)) {
        change.items = b.items;
        change.n_items = b.n;
        rules_change(app, request, "POST", &change, false, response);
    }
    bundle_free(&b);
    json_decref(body);
}

/* ---- keys ---- */

static void answer_key(void *app, const web_request *request, web_response *response)
{
    const web_rules *rules = rules_of(app, response);
    egret_text out;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->key(rules->user, request->argument, request->second, &out), &out, "application/json", NULL);
}

#define CHANGE_QUERY "dry_run:boolean say what would change and change nothing; note:string kept with the version"

const web_route web_routes_rules[] = {
    {"GET", "/v1/rules", answer_list, "all rules with their counters", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json RuleList"},
    {"GET", "/v1/rules/{rule}", answer_source, "a rule's text", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .query = "version:integer that one, not the newest",
     .gives = "200 text/plain"},
    {"PUT", "/v1/rules/{rule}", answer_put_rule, "makes a rule, or replaces it", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = CHANGE_QUERY,
     .takes = "text/plain", .gives = "200 application/json Change; 201 application/json Change", .refuses = "409 412 422 428"},
    {"DELETE", "/v1/rules/{rule}", answer_delete_rule, "takes a rule out", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = CHANGE_QUERY,
     .gives = "200 application/json Change", .refuses = "409 412 422 428"},
    {"PUT", "/v1/rules/{rule}/mode", answer_mode, "live, shadow, off", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .takes = "application/json Mode",
     .gives = "200 application/json Change", .refuses = "409 422"},
    {"GET", "/v1/files", answer_files, "the rule files", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json FileList"},
    {"GET", "/v1/files/{path}", answer_file, "a rule file; a slash in its path is written %2F", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .gives = "200 text/plain"},
    {"PUT", "/v1/files/{path}", answer_put_file, "makes a rule file, or replaces it", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .query = CHANGE_QUERY,
     .takes = "text/plain", .gives = "200 application/json Change; 201 application/json Change", .refuses = "409 412 422 428"},
    {"DELETE", "/v1/files/{path}", answer_delete_file, "takes a rule file out with all that is in it", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .query = CHANGE_QUERY, .gives = "200 application/json Change", .refuses = "409 412 422 428"},
    {"POST", "/v1/validate", answer_validate, "asks the compiler, and changes nothing", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .takes = "text/plain",
     .gives = "200 application/json Diagnostics", .refuses = "404 409"},
    {"POST", "/v1/bundles", answer_bundle, "many changes that become effective together, or not at all", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .query = "dry_run:boolean say what would change and change nothing", .takes = "application/json Bundle", .gives = "200 application/json Change",
     .refuses = "404 409 412 422"},
    {"GET", "/v1/keys/{rule}/{key}", answer_key, "what is known of a key, and what each attempt waits for: why has it not fired?", .role = WEB_VIEWER,
     .flags = WEB_BLOCKS, .gives = "200 application/json Key", .refuses = "409"},
    {0},
};
