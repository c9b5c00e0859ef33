/*
 * endpoint_snoozes.c: one key of one rule kept quiet until an instant, with a reason.
 */
#include "web/rules_answer.h"

#include "compiler/value.h"

#include <string.h>
#include <time.h>

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void answer_snoozes(void *app, const web_request *request, web_response *response)
{
    static const char *const names[] = {"rule", NULL};
    const web_rules *rules = rules_of(app, response);
    egret_text out;
    if (!rules || !web_query_is(request, names, response)) return;
    egret_text_init(&out, egret_mem_of(NULL));
    web_rules_status status = rules->snoozes(rules->user, web_query_value(request, "rule"), &out);
    json_t *list = status == WEB_RULES_DONE ? json_loadb(out.ptr ? out.ptr : "", out.len, 0, NULL) : NULL;
    if (!list) {
        rules_answer(response, status == WEB_RULES_DONE ? WEB_RULES_NO_MEMORY : status, &out, "application/json", NULL);
        return;
    }
    egret_text_deinit(&out);
    web_response_json(response, 200, json_pack("{s:o}", "snoozes", list));
}

/* "until", an instant, or "for", a duration from now. */
static bool read_until(const json_t *body, int64_t *until_ms, web_response *response)
{
    const char *until = json_string_value(json_object_get(body, "until")), *lasts = json_string_value(json_object_get(body, "for"));
    int64_t now_ms = wall_ms(), lasts_ms;
    bool fine = false;
    if (until && !lasts) fine = egret_parse_rfc3339(until, strlen(until), until_ms);
    else if (lasts && !until && egret_parse_duration(lasts, strlen(lasts), &lasts_ms)) fine = !__builtin_add_overflow(now_ms, lasts_ms, until_ms);
    if (fine && *until_ms > now_ms) return true;
    web_response_problem(response, 400, "say 'until' when (\"2026-05-01T08:00:00Z\", in the future) or 'for' how long (\"8h\")");
    return false;
}

static void answer_put(void *app, const web_request *request, web_response *response)
{
    static const char *const members[] = {"until", "for", "reason", NULL};
    json_t *body = rules_of(app, response) ? web_body_object(request, response) : NULL;
    web_rules_item item = {.kind = WEB_RULES_SNOOZE, .name = request->argument, .key = request->second};
    web_rules_change change = {.items = &item, .n_items = 1, .who = request->who};
    if (!body) return;
    if (web_members_are(body, members, response) && web_member_text(body, "reason", NULL, &item.text, response) && read_until(body, &item.until_ms, response))
        rules_change(app, request, "PUT", &change, false, response);
    json_decref(body);
}

static void answer_delete(void *app, const web_request *request, web_response *response)
{
    web_rules_item item = {.kind = WEB_RULES_SNOOZE, .name = request->argument, .key = request->second, .remove = true};
    web_rules_change change = {.items = &item, .n_items = 1, .who = request->who};
    if (rules_of(app, response)) rules_change(app, request, "DELETE", &change, false, response);
}

const web_route web_routes_snoozes[] = {
    {"GET", "/v1/snoozes", answer_snoozes, "keys that are kept quiet", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .query = "rule:string of this rule only",
     .gives = "200 application/json SnoozeList", .refuses = "404"},
    {"PUT", "/v1/snoozes/{rule}/{key}", answer_put, "keeps a key of a rule quiet, with a reason and an end", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .takes = "application/json Snooze", .gives = "200 application/json Change", .refuses = "409 422"},
    {"DELETE", "/v1/snoozes/{rule}/{key}", answer_delete, "ends it", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .gives = "200 application/json Change",
     .refuses = "409 422"},
    {0},
};
