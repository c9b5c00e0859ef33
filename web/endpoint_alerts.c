/*
 * endpoint_alerts.c: alerts that were told: searched, one with its evidence and all that became of it, and what people do about it.
 */
#include "web/alert_view.h"
#include "web/endpoints.h"
#include "web/json_body.h"

#include "compiler/value.h"
#include "store/delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const web_history *endpoints_history(const web_endpoints *endpoints, web_response *response)
{
    if (!endpoints->backend->history) web_response_problem(response, 503, "the history cannot be read now");
    return endpoints->backend->history;
}

void endpoints_answer_store(web_response *response, int code)
{
    web_response_problem(response, 503, code == ECANCELED ? "the appliance is stopping" : store_text(code));
    response->retry_after_s = 5;
}

void endpoints_answer_writer(web_response *response, json_writer *w)
{
    jsonw_raw(w, "\n", 1);
    if (w->failed) {
        web_response_problem(response, 503, "no memory");
        jsonw_deinit(w);
        return;
    }
    response->status = 200;
    response->content_type = "application/json";
    response->body = w->ptr;
    response->body_len = w->len;
}

/* ---- searching ---- */

/* What the query says, with what its texts stand in. */
typedef struct search {
    history_query query;
    json_t *key;
} search;

static bool complain(web_response *response, const char *what)
{
    web_response_problem(response, 400, what);
    return false;
}

static bool read_key_object(search *s, const char *text)
{
    const char *name;
    json_t *value;
    s->key = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(s->key) || json_object_size(s->key) > HISTORY_MAX_KEYS) return false;
    json_object_foreach(s->key, name, value) {
        if (!json_is_string(value)) return false;
        s->query.key[s->query.n_key++] = (history_part){name, json_string_value(value)};
    }
    return true;
}

/* {"user": "ann"}, or user=ann. */
static bool read_key(search *s, const char *text, web_response *response)
{
    static const char form[] = "'key' is name=value, or a JSON object with the values as strings: {\"user\": \"ann\", \"ip\": \"192.0.2.7\"}";
    if (!text) return true;
    if (text[0] == '{') return read_key_object(s, text) || complain(response, form);
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) return complain(response, form);
    s->key = json_pack("{s:s%}", "name", text, (size_t)(equals - text));
    s->query.key[s->query.n_key++] = (history_part){json_string_value(json_object_get(s->key, "name")), equals + 1};
    return true;
}

static bool read_instant(const char *text, int64_t *out, web_response *response)
{
    return !text || egret_parse_rfc3339(text, strlen(text), out) || complain(response, "'from' and 'to' are instants such as 2026-05-01T08:00:00Z");
}

static bool read_names(search *s, const char *severity, const char *state, web_response *response)
{
    int lowest = severity ? history_severity_of(severity) : 0, wanted = state ? history_state_of(state) : 0;
    if (lowest < 0) return complain(response, "'severity' is info, low, medium, high or critical");
    if (wanted < 0) return complain(response, "'state' is open, acknowledged or resolved");
    if (lowest > 0) s->query.severities = ~0u << lowest & 31u;
    if (wanted > 0) s->query.states = 1u << wanted;
    return true;
}

static bool read_cursor(search *s, const char *text, web_response *response)
{
    int n = 0;
    if (!text) return true;
    if (sscanf(text, "%" SCNd64 ".%" SCNu64 "%n", &s->query.after_ms, &s->query.after_position, &n) == 2 && text[n] == '\0') return true;
    return complain(response, "'cursor' is what 'next' of the page before said");
}

static bool read_search(search *s, const web_request *request, web_response *response)
{
    static const char *const names[] = {"rule", "key", "from", "to", "severity", "state", "limit", "cursor", "full", NULL};
    int64_t limit;
    *s = (search){.query = {.rule = web_query_value(request, "rule")}};
    s->query.to_ms = web_query_value(request, "from") ? INT64_MAX : 0;
    if (!web_query_is(request, names, response) || !web_query_int(request, "limit", 1, 500, 50, &limit, response)) return false;
    if (!web_query_flag(request, "full", &s->query.bytes, response)) return false;
    s->query.most = (unsigned)limit;
    return read_key(s, web_query_value(request, "key"), response) && read_instant(web_query_value(request, "from"), &s->query.from_ms, response) &&
           read_instant(web_query_value(request, "to"), &s->query.to_ms, response) && read_cursor(s, web_query_value(request, "cursor"), response) &&
           read_names(s, web_query_value(request, "severity"), web_query_value(request, "state"), response);
}

static bool take_entry(void *user, const history_entry *entry, const history_now *now)
{
    json_writer *w = user;
    alert_view_write(w, entry, now);
    return !w->failed;
}

static void put_next(json_writer *w, const history_page *page)
{
    char cursor[64];
    jsonw_key_z(w, "next");
    if (!page->more) {
        jsonw_null(w);
        return;
    }
    snprintf(cursor, sizeof cursor, "%" PRId64 ".%" PRIu64, page->after_ms, page->after_position);
    jsonw_string_z(w, cursor);
}

static void answer_search(void *app, const web_request *request, web_response *response)
{
    const web_history *history = endpoints_history(app, response);
    search s = {0};
    history_page page;
    json_writer w;
    if (!history || !read_search(&s, request, response)) {
        json_decref(s.key);
        return;
    }
    uint64_t newest = history->newest(history->user);
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "alerts");
    jsonw_begin(&w, '[');
    int code = history_find(history->store, &s.query, take_entry, &w, &page);
    jsonw_end(&w, ']');
    put_next(&w, &page);
    jsonw_key_z(&w, "newest");
    jsonw_uint(&w, newest);
    jsonw_end(&w, '}');
    json_decref(s.key);
    if (code == 0) {
        endpoints_answer_writer(response, &w);
        return;
    }
    jsonw_deinit(&w);
    endpoints_answer_store(response, code);
}

/* ---- one ---- */

static bool is_id(const char *text)
{
    return strlen(text) == HISTORY_ID - 1 && strspn(text, "0123456789abcdef") == HISTORY_ID - 1;
}

typedef struct positions {
    json_writer *w;
    const store *store;
    uint64_t *list;     /* owned */
    size_t n, capacity;
} positions;

static bool take_position(void *user, const history_entry *entry, const history_now *now)
{
    positions *p = user;
    alert_view_write(p->w, entry, now);
    if (p->n == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 8;
        uint64_t *grown = realloc(p->list, capacity * sizeof *grown);
        if (!grown) return false;
        p->list = grown;
        p->capacity = capacity;
    }
    p->list[p->n++] = entry->position;
    return true;
}

static void put_delivery(void *user, const char *sink, const delivery *what)
{
    const positions *p = user;
    jsonw_begin(p->w, '{');
    jsonw_key_z(p->w, "position");
    jsonw_uint(p->w, p->list[p->n]);
    jsonw_key_z(p->w, "sink");
    jsonw_string_z(p->w, sink);
    jsonw_key_z(p->w, "state");
    jsonw_string_z(p->w, delivery_state_name(what->state));
    jsonw_key_z(p->w, "attempts");
    jsonw_uint(p->w, what->attempts);
    jsonw_key_z(p->w, "at");
    if (what->at_ms == 0) jsonw_null(p->w);
    else jsonw_value(p->w, egret_time(what->at_ms));
    jsonw_key_z(p->w, "reason");
    jsonw_string_z(p->w, what->reason);
    jsonw_end(p->w, '}');
}

static int put_deliveries(positions *p)
{
    size_t n = p->n;
    int code = 0;
    jsonw_key_z(p->w, "deliveries");
    jsonw_begin(p->w, '[');
    for (p->n = 0; p->n < n && code == 0; p->n++) code = delivery_each(p->store, p->list[p->n], put_delivery, p);
    jsonw_end(p->w, ']');
    return code;
}

/* The whole object, but for its end. */
static int put_alert(json_writer *w, const web_history *history, const char *id)
{
    positions p = {.w = w, .store = history->store};
    jsonw_begin(w, '{');
    jsonw_key_z(w, "id");
    jsonw_string_z(w, id);
    jsonw_key_z(w, "entries");
    jsonw_begin(w, '[');
    int code = history_of(history->store, id, take_position, &p);
    jsonw_end(w, ']');
    if (code == 0) code = put_deliveries(&p);
    jsonw_end(w, '}');
    free(p.list);
    return code;
}

static void answer_alert(void *app, const web_request *request, web_response *response)
{
    const web_history *history = endpoints_history(app, response);
    json_writer w;
    if (!history) return;
    jsonw_init(&w);
    int code = is_id(request->argument) ? put_alert(&w, history, request->argument) : HISTORY_NONE;
    if (code == 0) {
        endpoints_answer_writer(response, &w);
        return;
    }
    jsonw_deinit(&w);
    if (code == HISTORY_NONE) web_response_problem(response, 404, "there is no alert of this id, or it is not kept any more");
    else endpoints_answer_store(response, code);
}

/* ---- what people do ---- */

typedef struct act {
    history_act what;
    uint64_t position;
} act;

static int put_act(void *user, store *s)
{
    act *a = user;
    return history_act_put(s, &a->what, &a->position);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void do_act(web_endpoints *endpoints, const web_request *request, act *a, web_response *response)
{
    const web_history *history = endpoints->backend->history;
    uint64_t number = endpoints_begin_change(endpoints, request, "POST", response);
    if (number == 0) return;
    int code = is_id(a->what.id) ? history->write(history->user, put_act, a) : HISTORY_NONE;
    if (code == HISTORY_NONE) web_response_problem(response, 404, "there is no alert of this id, or it is not kept any more");
    else if (code != 0) endpoints_answer_store(response, code);
    else web_response_json(response, 200, json_pack("{s:s, s:b, s:o}", "id", a->what.id, "changed", a->position != 0, "position",
                                                    a->position ? json_integer((json_int_t)a->position) : json_null()));
    endpoints_end_change(endpoints, number, response, NULL);
}

/* The body may be left out. */
static void answer_act(web_endpoints *endpoints, const web_request *request, history_kind kind, web_response *response)
{
    static const char *const members[] = {"reason", NULL};
    act a = {.what = {.id = request->argument, .kind = kind, .who = request->who, .wall_ms = wall_ms()}};
    if (!endpoints_history(endpoints, response)) return;
    json_t *body = request->body_len == 0 ? json_object() : web_body_object(request, response);
    if (!body) return;
    if (web_members_are(body, members, response) && web_member_text(body, "reason", "", &a.what.reason, response)) {
        if (strlen(a.what.reason) > 1000) web_response_problem(response, 400, "'reason' has more than 1000 bytes");
        else do_act(endpoints, request, &a, response);
    }
    json_decref(body);
}

static void answer_acknowledge(void *app, const web_request *request, web_response *response)
{
    answer_act(app, request, HISTORY_ACKNOWLEDGED, response);
}

static void answer_resolve(void *app, const web_request *request, web_response *response)
{
    answer_act(app, request, HISTORY_CLOSED, response);
}

static void answer_reopen(void *app, const web_request *request, web_response *response)
{
    answer_act(app, request, HISTORY_REOPENED, response);
}

const web_route web_routes_alerts[] = {
    {"GET", "/v1/alerts", answer_search, "alerts, newest event time first", .role = WEB_VIEWER, .flags = WEB_BLOCKS,
     .query = "rule:string of this rule; key:string of this key: name=value, or a JSON object with strings; from:string event time from this instant on; "
              "to:string event time before this instant; severity:Severity of this severity or above; state:AlertState in this state; "
              "limit:integer so many at most, to 500; cursor:string goes on with what 'next' of the page before said; "
              "full:boolean with the alerts as sinks get them, evidence and all",
     .gives = "200 application/json AlertPage"},
    {"GET", "/v1/alerts/{id}", answer_alert, "one alert with its evidence, what was done about it, and who has got it", .role = WEB_VIEWER,
     .flags = WEB_BLOCKS, .gives = "200 application/json AlertStory"},
    {"POST", "/v1/alerts/{id}/acknowledge", answer_acknowledge, "somebody has seen it", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .takes = "application/json Act",
     .gives = "200 application/json Acted"},
    {"POST", "/v1/alerts/{id}/resolve", answer_resolve, "it is dealt with", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .takes = "application/json Act",
     .gives = "200 application/json Acted"},
    {"POST", "/v1/alerts/{id}/reopen", answer_reopen, "it is not dealt with", .role = WEB_AUTHOR, .flags = WEB_BLOCKS, .takes = "application/json Act",
     .gives = "200 application/json Acted"},
    {0},
};
