/*
 * endpoint_versions.c: what a rule's text was before: the list, the difference between two, and going back to one.
 */
#include "web/rules_answer.h"

static void answer_versions(void *app, const web_request *request, web_response *response)
{
    const web_rules *rules = rules_of(app, response);
    egret_text out;
    if (!rules) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->versions(rules->user, request->argument, &out), &out, "application/json", NULL);
}

static void answer_diff(void *app, const web_request *request, web_response *response)
{
    static const char *const names[] = {"from", "to", NULL};
    const web_rules *rules = rules_of(app, response);
    egret_text out;
    int64_t from, to;
    if (!rules || !web_query_is(request, names, response) || !web_query_int(request, "from", 1, INT64_MAX, -1, &from, response) ||
        !web_query_int(request, "to", 1, INT64_MAX, 0, &to, response))
        return;
    if (from < 0) {
        web_response_problem(response, 400, "'from' is needed: the number of a version");
        return;
    }
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, rules->diff(rules->user, request->argument, (uint64_t)from, (uint64_t)to, &out), &out, rules_text_plain, NULL);
}

static void answer_rollback(void *app, const web_request *request, web_response *response)
{
    static const char *const members[] = {"version", "note", NULL}, *const names[] = {"dry_run", NULL};
    web_rules_change change = {.n_items = 1, .who = request->who};
    json_t *body = rules_of(app, response) && web_query_is(request, names, response) && web_query_flag(request, "dry_run", &change.dry_run, response)
                       ? web_body_object(request, response)
                       : NULL;
    int64_t version;
    if (!body) return;
    if (web_members_are(body, members, response) && web_member_int(body, "version", 1, INT64_MAX, &version, response) &&
        web_member_text(body, "note", "", &change.note, response)) {
        web_rules_item item = {.kind = WEB_RULES_ROLLBACK, .name = request->argument, .version = (uint64_t)version};
        change.items = &item;
        rules_change(app, request, "POST", &change, false, response);
    }
    json_decref(body);
}

const web_route web_routes_versions[] = {
    {"GET", "/v1/rules/{rule}/versions", answer_versions, "what it was, newest first", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .gives = "200 application/json VersionList"},
    {"GET", "/v1/rules/{rule}/diff", answer_diff, "the difference between two versions", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .query = "from:integer a version's number; to:integer another's, else the one that holds", .gives = "200 text/plain"},
    {"POST", "/v1/rules/{rule}/rollback", answer_rollback, "makes an older text hold again, as a new version", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .query = "dry_run:boolean say what would change and change nothing", .takes = "application/json Rollback", .gives = "200 application/json Change",
     .refuses = "409 412 422"},
    {0},
};
