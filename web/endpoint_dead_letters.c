/*
 * endpoint_dead_letters.c: records that were not taken and alerts that no receiver took: looked at, sent again, thrown away.
 */
#include "web/endpoints.h"
#include "web/json_body.h"

#include "alerting/json_write.h"
#include "store/dead_letters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 1000 };

static void put_text(json_writer *w, const char *name, const char *text)
{
    jsonw_key_z(w, name);
    jsonw_string_z(w, text);
}

static bool write_letter(void *user, const dead_letter *letter)
{
    json_writer *w = user;
    bool event = letter->kind == DEAD_EVENT;
    jsonw_begin(w, '{');
    jsonw_key_z(w, "number");
    jsonw_uint(w, letter->number);
    put_text(w, "kind", event ? "event" : "alert");
    jsonw_key_z(w, "at");
    jsonw_value(w, egret_time(letter->at_ms));
    put_text(w, "where", letter->where);
    put_text(w, "what", letter->what);
    put_text(w, "class", letter->class);
    put_text(w, "reason", letter->reason);
    jsonw_key_z(w, "attempts");
    jsonw_uint(w, letter->attempts);
    if (event) {
        jsonw_key_z(w, "line");
        jsonw_uint(w, letter->line);
        jsonw_key_z(w, "cut");
        jsonw_bool(w, letter->cut);
    }
    jsonw_key_z(w, event ? "record" : "alert");
    jsonw_record(w, letter->bytes, letter->len);
    jsonw_end(w, '}');
    return !w->failed;
}

static bool write_line(void *user, const dead_letter *letter)
{
    json_writer *w = user;
    if (!write_letter(w, letter)) return false;
    jsonw_raw(w, "\n", 1);
    w->comma = false;
    return true;
}

static bool read_query(const web_request *request, int64_t most, dead_query *out, web_response *response)
{
    static const char *const names[] = {"kind", "where", "class", "after", "limit", NULL};
    const char *kind = web_query_value(request, "kind");
    int64_t after, limit;
    if (!web_query_is(request, names, response) || !web_query_int(request, "after", 0, INT64_MAX, 0, &after, response) ||
        !web_query_int(request, "limit", 1, most, most > MANY ? most : 100, &limit, response))
        return false;
    *out = (dead_query){.where = web_query_value(request, "where"), .class = web_query_value(request, "class"), .after = (uint64_t)after, .most = (unsigned)limit};
    if (kind && strcmp(kind, "event") == 0) out->kind = DEAD_EVENT;
    else if (kind && strcmp(kind, "alert") == 0) out->kind = DEAD_ALERT;
    else if (kind) web_response_problem(response, 400, "'kind' is event or alert");
    return !kind || out->kind != 0;
}

static void answer_list(void *app, const web_request *request, web_response *response)
{
    const web_history *history = endpoints_history(app, response);
    dead_query query;
    json_writer w;
    uint64_t broken = 0;
    if (!history || !read_query(request, MANY, &query, response)) return;
    dead_kept kept = dead_letters_kept(history->store);
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "letters");
    jsonw_begin(&w, '[');
    int code = dead_letters_find(history->store, &query, write_letter, &w, &broken);
    jsonw_end(&w, ']');
    jsonw_key_z(&w, "kept");
    jsonw_uint(&w, kept.count);
    jsonw_key_z(&w, "dropped");
    jsonw_uint(&w, kept.dropped);
    jsonw_end(&w, '}');
    if (code == 0) {
        endpoints_answer_writer(response, &w);
        return;
    }
    jsonw_deinit(&w);
    endpoints_answer_store(response, code);
}

static void answer_export(void *app, const web_request *request, web_response *response)
{
    const web_history *history = endpoints_history(app, response);
    dead_query query;
    json_writer w;
    uint64_t broken = 0;
    if (!history || !read_query(request, 10 * MANY, &query, response)) return;
    jsonw_init(&w);
    int code = dead_letters_find(history->store, &query, write_line, &w, &broken);
    if (code != 0) endpoints_answer_store(response, code);
    else if (w.failed) web_response_problem(response, 503, "no memory");
    else web_response_text(response, 200, "application/x-ndjson", w.ptr ? w.ptr : "", w.len);
    jsonw_deinit(&w);
}

/* ---- changing ---- */

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Letters to be sent again, in one transaction. */
typedef struct again {
    uint64_t *numbers;      /* owned */
    size_t n, capacity, done;
    bool discard;
} again;

static int change_letters(void *user, store *s)
{
    again *a = user;
    a->done = 0;
    for (size_t i = 0; i < a->n; i++) {
        int code = a->discard ? dead_letter_discard(s, a->numbers[i]) : dead_letter_retry(s, a->numbers[i], wall_ms());
        if (code != 0 && (code != DEAD_NONE || a->n == 1)) return code;
        a->done += code == 0;
    }
    return 0;
}

static void answer_one(web_endpoints *endpoints, const web_request *request, bool discard, web_response *response)
{
    const web_history *history = endpoints_history(endpoints, response);
    char *end = NULL;
    uint64_t number = strtoull(request->argument, &end, 10);
    again a = {.numbers = &number, .n = 1, .discard = discard};
    uint64_t change = history ? endpoints_begin_change(endpoints, request, discard ? "DELETE" : "POST", response) : 0;
    if (change == 0) return;
    bool is_number = request->argument[0] >= '0' && request->argument[0] <= '9' && *end == '\0';
    int code = is_number ? history->write(history->user, change_letters, &a) : DEAD_NONE;
    if (code == 0) web_response_json(response, 200, json_pack("{s:i}", "changed", 1));
    else if (code == DEAD_NONE) web_response_problem(response, 404, "there is no such dead letter, or it cannot be sent again: cut short, or without a stream");
    else endpoints_answer_store(response, code);
    endpoints_end_change(endpoints, change, response, NULL);
}

static void answer_retry(void *app, const web_request *request, web_response *response)
{
    answer_one(app, request, false, response);
}

static void answer_discard(void *app, const web_request *request, web_response *response)
{
    answer_one(app, request, true, response);
}

static bool take_number(void *user, const dead_letter *letter)
{
    again *a = user;
    if (a->n == a->capacity) {
        size_t capacity = a->capacity ? a->capacity * 2 : 64;
        uint64_t *grown = realloc(a->numbers, capacity * sizeof *grown);
        if (!grown) return false;
        a->numbers = grown;
        a->capacity = capacity;
    }
    a->numbers[a->n++] = letter->number;
    return true;
}

static void answer_retry_many(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    const web_history *history = endpoints_history(app, response);
    dead_query query;
    again a = {0};
    uint64_t broken = 0;
    if (!history || !read_query(request, MANY, &query, response)) return;
    uint64_t change = endpoints_begin_change(endpoints, request, "POST", response);
    if (change == 0) return;
    int code = dead_letters_find(history->store, &query, take_number, &a, &broken);
    if (code == 0 && a.n > 0) code = history->write(history->user, change_letters, &a);
    if (code == 0 || code == DEAD_NONE) web_response_json(response, 200, json_pack("{s:I}", "changed", (json_int_t)a.done));
    else endpoints_answer_store(response, code);
    free(a.numbers);
    endpoints_end_change(endpoints, change, response, NULL);
}

#define FILTERS "kind:DeadKind events or alerts; where:string of this source or sink; class:string of this class, such as syntax; after:integer numbers above this one; "

const web_route web_routes_dead_letters[] = {
    {"GET", "/v1/dead-letters", answer_list, "what was not taken, oldest first", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .query = FILTERS "limit:integer so many at most, to 1000", .gives = "200 application/json DeadLetters"},
    {"GET", "/v1/dead-letters/export", answer_export, "the same, one a line", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .query = FILTERS "limit:integer so many at most, to 10000", .gives = "200 application/x-ndjson"},
    {"POST", "/v1/dead-letters/retry", answer_retry_many, "sends those again that are found so", .role = WEB_ADMIN, .flags = WEB_BLOCKS,
     .query = FILTERS "limit:integer so many at most, to 1000", .gives = "200 application/json Changed"},
    {"POST", "/v1/dead-letters/{number}/retry", answer_retry, "sends it again: an event comes in by its source, an alert goes to its sink", .role = WEB_ADMIN,
     .flags = WEB_BLOCKS, .gives = "200 application/json Changed"},
    {"DELETE", "/v1/dead-letters/{number}", answer_discard, "throws it away", .role = WEB_ADMIN, .flags = WEB_BLOCKS, .gives = "200 application/json Changed"},
    {0},
};
