/*
 * endpoint_feed.c: GET /v1/alerts/feed: what is told and done from now on, as server-sent events; after Last-Event-ID, what came since first.
 *
 * The id of an event is its entry's position, so that a client that comes back misses nothing and gets nothing twice. What is not kept any more
 * between its last one and the oldest is told as an event `gap`. A client that is slow is read on for at its own pace: the store is the buffer.
 */
#include "web/alert_view.h"
#include "web/endpoints.h"
#include "web/json_body.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 16 };

typedef struct follower {
    const web_history *history;
    uint64_t after;
    uint64_t first;         /* position of the first entry of the look at hand; 0: there was none */
    unsigned lowest;        /* severity */
    char *rule;             /* NULL: any */
    egret_text *out;        /* of the call */
} follower;

static void put_event(follower *f, const char *name, uint64_t id, const char *data, size_t len)
{
    egret_text_printf(f->out, "id: %" PRIu64 "\nevent: %s\ndata: ", id, name);
    egret_text_put(f->out, data, len);
    egret_text_puts(f->out, "\n\n");
}

static bool take_entry(void *user, const history_entry *entry, const history_now *now)
{
    follower *f = user;
    f->after = entry->position;
    if (f->first == 0) f->first = entry->position;
    if (entry->severity < f->lowest || (f->rule && strcmp(entry->rule, f->rule) != 0)) return true;
    json_writer w;
    jsonw_init(&w);
    alert_view_write(&w, entry, now);
    if (w.failed) f->out->failed = true;
    else put_event(f, history_kind_name(entry->kind), entry->position, w.ptr, w.len);
    jsonw_deinit(&w);
    return !f->out->failed;
}

/* Before what comes behind it, with an id from which a client goes on with that. */
static void put_gap_in_front(follower *f)
{
    egret_text entries = *f->out;
    egret_text_init(f->out, egret_mem_of(NULL));
    put_event(f, "gap", f->first > 0 ? f->first - 1 : f->after, "{}", 2);
    egret_text_put(f->out, entries.ptr ? entries.ptr : "", entries.len);
    f->out->failed = f->out->failed || entries.failed;
    egret_text_deinit(&entries);
}

/* Entries of other rules are passed over, many at once, so that a filter does not keep the others waiting. */
static bool fill(void *state, egret_text *out)
{
    follower *f = state;
    f->out = out;
    for (unsigned i = 0; i < 8 && out->len == 0 && f->after < f->history->newest(f->history->user); i++) {
        uint64_t before = f->after;
        bool gap = false;
        f->first = 0;
        int code = history_feed(f->history->store, f->after, AT_ONCE, true, take_entry, f, &gap);
        if (code != 0) return false;
        if (gap) put_gap_in_front(f);
        if (f->after == before) break;
    }
    return true;
}

static void free_follower(void *state)
{
    follower *f = state;
    free(f->rule);
    free(f);
}

static bool read_start(const web_history *history, const web_request *request, uint64_t *after, web_response *response)
{
    char *end = NULL;
    *after = history->newest(history->user);
    if (!request->last_event_id || !request->last_event_id[0]) return true;
    errno = 0;
    unsigned long long value = strtoull(request->last_event_id, &end, 10);
    bool fine = errno == 0 && *end == '\0' && request->last_event_id[0] >= '0' && request->last_event_id[0] <= '9';
    if (!fine) web_response_problem(response, 400, "Last-Event-ID is the id of an event of this feed");
    else if (value < *after) *after = value;
    return fine;
}

static void answer_feed(void *app, const web_request *request, web_response *response)
{
    static const char *const names[] = {"rule", "severity", NULL};
    const web_history *history = endpoints_history(app, response);
    const char *severity = web_query_value(request, "severity"), *rule = web_query_value(request, "rule");
    uint64_t after;
    if (!history || !web_query_is(request, names, response) || !read_start(history, request, &after, response)) return;
    int lowest = severity ? history_severity_of(severity) : 0;
    if (lowest < 0) {
        web_response_problem(response, 400, "'severity' is info, low, medium, high or critical");
        return;
    }
    follower *f = calloc(1, sizeof *f);
    if (f) *f = (follower){.history = history, .after = after, .lowest = (unsigned)lowest, .rule = rule ? strdup(rule) : NULL};
    if (!f || (rule && !f->rule)) {
        if (f) free_follower(f);
        web_response_problem(response, 503, "no memory");
        return;
    }
    response->content_type = "text/event-stream";
    response->stream = (web_stream){.fill = fill, .free = free_follower, .state = f};
}

const web_route web_routes_feed[] = {
    {"GET", "/v1/alerts/feed", answer_feed, "what is told and done about it from now on, as server-sent events", .role = WEB_VIEWER,
     .query = "rule:string of this rule only; severity:Severity of this severity or above", .gives = "200 text/event-stream"},
    {0},
};
