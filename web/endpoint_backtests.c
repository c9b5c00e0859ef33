/*
 * endpoint_backtests.c: back-tests: started over the journal or over events that are sent along, followed, read, ended.
 */
#include "web/bundle.h"
#include "web/rules_answer.h"

#include <stdlib.h>

static const web_backtests *backtests_of(const web_endpoints *endpoints, web_response *response)
{
    if (!endpoints->backend->backtests) web_response_problem(response, 503, "back-tests cannot be made now");
    return endpoints->backend->backtests;
}

/* [{"name", "text"}]: texts stay the object's. */
static bool read_files(const json_t *list, web_backtest_file *out, size_t most, size_t *n, web_response *response)
{
    static const char *const members[] = {"name", "text", NULL};
    const json_t *file;
    size_t i;
    *n = json_array_size(list);
    if ((list && !json_is_array(list)) || *n > most) {
        web_response_problem(response, 400, "'events' is an array of at most 16 objects with name (of a stream or source) and text (lines of JSON)");
        return false;
    }
    json_array_foreach(list, i, file) {
        if (!json_is_object(file)) {
            web_response_problem(response, 400, "'events' is an array of objects with name and text");
            return false;
        }
        if (!web_members_are(file, members, response) || !web_member_text(file, "name", NULL, &out[i].name, response) ||
            !web_member_text(file, "text", NULL, &out[i].text, response))
            return false;
    }
    return true;
}

static bool read_rest(const json_t *body, web_backtest *what, web_response *response)
{
    const json_t *compare = json_object_get(body, "compare"), *label = json_object_get(body, "label");
    what->compare = json_is_true(compare);
    what->label = json_string_value(label);
    bool fine = (!compare || json_is_boolean(compare)) && (!label || json_is_string(label));
    if (!fine) web_response_problem(response, 400, "'compare' is true or false, 'label' the name of a field");
    return fine;
}

static void start(const web_backtests *backtests, const web_backtest *what, web_response *response)
{
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, backtests->start(backtests->user, what, &out), &out, "application/json", NULL);
    if (response->status == 200) response->status = 202;
}

static void answer_start(void *app, const web_request *request, web_response *response)
{
    enum { FILES = 16 };
    static const char *const members[] = {"files", "rules", "lists", "tables", "events", "compare", "label", NULL};
    const web_backtests *backtests = backtests_of(app, response);
    web_backtest_file files[FILES];
    web_backtest what = {.change = {.who = request->who}, .files = files};
    bundle b = {0};
    json_t *body = backtests ? web_body_object(request, response) : NULL;
    if (!body) return;
    if (web_members_are(body, members, response) && bundle_read(body, &b, response) && read_rest(body, &what, response) &&
        read_files(json_object_get(body, "events"), files, FILES, &what.n_files, response)) {
        what.change.items = b.items;
        what.change.n_items = b.n;
        start(backtests, &what, response);
    }
    bundle_free(&b);
    json_decref(body);
}

static void answer_list(void *app, const web_request *request, web_response *response)
{
    const web_backtests *backtests = backtests_of(app, response);
    egret_text out;
    (void)request;
    if (!backtests) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, backtests->list(backtests->user, &out), &out, "application/json", NULL);
}

static void answer_get(void *app, const web_request *request, web_response *response)
{
    const web_backtests *backtests = backtests_of(app, response);
    egret_text out;
    if (!backtests) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, backtests->get(backtests->user, request->argument, &out), &out, "application/json", NULL);
}

static void answer_cancel(void *app, const web_request *request, web_response *response)
{
    const web_backtests *backtests = backtests_of(app, response);
    egret_text out;
    if (!backtests) return;
    egret_text_init(&out, egret_mem_of(NULL));
    rules_answer(response, backtests->cancel(backtests->user, request->argument, &out), &out, "application/json", NULL);
}

const web_route web_routes_backtests[] = {
    {"GET", "/v1/backtests", answer_list, "back-tests, newest first", .role = WEB_VIEWER, .flags = WEB_BLOCKS, .gives = "200 application/json BacktestList"},
    {"POST", "/v1/backtests", answer_start, "tries rules on the journal, or on events sent along, in the background", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .takes = "application/json BacktestStart", .gives = "202 application/json Backtest", .refuses = "404 409 412 422"},
    {"GET", "/v1/backtests/{id}", answer_get, "how far it is, and its report when it is done", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .gives = "200 application/json Backtest"},
    {"DELETE", "/v1/backtests/{id}", answer_cancel, "ends it, or forgets it when it has ended", .role = WEB_AUTHOR, .flags = WEB_BLOCKS,
     .gives = "200 application/json Backtest"},
    {0},
};
