/*
 * endpoint_events.c: POST /v1/events/{stream}: events by HTTP. Where the path names an `http` source instead of a stream, the
 * conditions of that source choose the stream of each record.
 *
 * The body is one JSON object, an array of objects, objects one a line, or CSV with a header (by content type). Records are judged one by
 * one: the answer counts what was accepted and what was not and names the first bad ones by line; the good ones are not spoiled by them.
 * The answer is given when what was accepted is on the disk (WEB_PENDING), so that a 202 is a promise.
 * The records of a request are admitted all together or, when the queue is full, not at all (429): so a client that repeats a request
 * after a 429 repeats nothing that was taken. Records of a source that none of its routes wants are counted as `unrouted`; that is no error.
 * An accepted record may still turn out late or a duplicate; that is counted, not an error.
 */
#include "web/endpoints.h"

#include "alerting/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_ERRORS = 100 };

/* An http source whose routes say for each record where it goes. One that only lists streams does not: their names are posted to. */
static bool chooses(const plan_edge *source)
{
    for (uint32_t i = 0; i + 1 < source->n_routes; i++)
        if (source->routes[i].when == PLAN_NONE) return false;
    return egret_str_is(source->kind, "http") && source->n_routes > 0;
}

/* What a path names: a stream by its number, an http source by n_streams + its number. A stream goes first. PLAN_NONE: neither. */
static uint32_t find_target(const plan *p, const char *name)
{
    for (uint32_t i = 0; i < plan_inputs(p); i++)
        if (egret_str_is(p->streams[i].name, name)) return i;
    for (uint32_t i = 0; i < p->n_sources; i++)
        if (egret_str_is(p->sources[i].name, name) && chooses(&p->sources[i])) return p->n_streams + i;
    return PLAN_NONE;
}

static void answer_unknown(const web_endpoints *endpoints, const char *name, web_response *response)
{
    char detail[256];
    const char *nearest = egret_diag_nearest((egret_str){name, (uint32_t)strlen(name)}, (const char *const *)endpoints->names,
                                             plan_inputs(endpoints->backend->plan));
    snprintf(detail, sizeof detail, "there is no stream '%.80s'%s%.80s%s", name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
             nearest ? "'?" : "");
    web_response_problem(response, 404, detail);
}

static bool is_type(const char *content_type, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncasecmp(content_type, wanted, len) == 0 && strchr("; \t", content_type[len]) != NULL;
}

static ingest_decoder *new_decoder(web_endpoints *endpoints, uint32_t target, ingest_format format)
{
    const plan *p = endpoints->backend->plan;
    ingest_decoder_options options = {.plan = p, .stream = target, .format = format};
    if (target >= p->n_streams) {
        if (!endpoints->routes) endpoints->routes = nfa_engine_new(egret_mem_of(NULL), p);
        if (!endpoints->routes) return NULL;
        options.stream = PLAN_NONE;
        options.source = &p->sources[target - p->n_streams];
        options.engine = endpoints->routes;
    }
    return ingest_decoder_new(&options);
}

static ingest_decoder *decoder_for(web_endpoints *endpoints, uint32_t target, ingest_format format)
{
    ingest_decoder **slot = &endpoints->decoders[(size_t)target * 2 + (format == INGEST_FORMAT_CSV)];
    if (*slot) ingest_decoder_reset(*slot);
    else *slot = new_decoder(endpoints, target, format);
    return *slot;
}

/* The answer while the body is read. */
typedef struct tally {
    uint64_t accepted, rejected;
    uint64_t unrouted;      /* no route of the source wanted them */
    json_writer errors;
    web_admission admission;
    bool is_csv;
} tally;

static void note_error(tally *t, const ingest_record *record)
{
    if (t->rejected++ >= MAX_ERRORS) return;
    jsonw_begin(&t->errors, '{');
    jsonw_key_z(&t->errors, "line");
    jsonw_uint(&t->errors, record->line);
    jsonw_key_z(&t->errors, "reason");
    jsonw_string_z(&t->errors, record->text);
    jsonw_end(&t->errors, '}');
}

static void take_record(const web_backend *backend, web_batch *batch, ingest_decoder *decoder, ingest_record *record, tally *t)
{
    egret_text shown;
    egret_text_init(&shown, egret_mem_of(NULL));
    if (record->reason != INGEST_REASON_NONE) {
        note_error(t, record);
    } else {
        t->accepted++;
        if (t->is_csv) {
            ingest_decoder_render(decoder, record->raw, record->raw_len, &shown);
            record->raw = shown.ptr;
            record->raw_len = shown.len;
        }
    }
    t->admission = shown.failed ? WEB_NO_MEMORY : backend->add(batch, record);
    egret_text_deinit(&shown);
}

/* stream: of all records; PLAN_NONE: the decoder says it for each. */
static void read_body(const web_backend *backend, web_batch *batch, ingest_decoder *decoder, const web_request *request, uint32_t stream,
                      tally *t)
{
    ingest_record record;
    uint64_t unrouted = ingest_decoder_stats(decoder)->unrouted;
    ingest_decoder_feed(decoder, request->body, request->body_len, request->body_len + WEB_BODY_PADDING, true);
    while (t->admission == WEB_ADMITTED) {
        switch (ingest_decoder_next(decoder, &record)) {
        case INGEST_GOT_RECORD:
        case INGEST_GOT_REJECTED:
            if (stream != PLAN_NONE) record.stream = stream;
            take_record(backend, batch, decoder, &record, t);
            break;
        case INGEST_GOT_MORE:
        case INGEST_GOT_END:
            t->unrouted = ingest_decoder_stats(decoder)->unrouted - unrouted;
            if (t->unrouted > 0) backend->pass_over(batch, t->unrouted);
            return;
        case INGEST_GOT_NO_MEMORY:
            t->admission = WEB_NO_MEMORY;
            break;
        }
    }
}

/* 400 carries the same members as 202, within a problem document, so that clients read errors in one way. */
static void answer_tally(const tally *t, web_response *response)
{
    unsigned status = t->accepted == 0 && t->rejected > 0 ? 400 : 202;
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    if (status == 400) {
        jsonw_key_z(&w, "type");
        jsonw_string_z(&w, "about:blank");
        jsonw_key_z(&w, "title");
        jsonw_string_z(&w, "Bad Request");
        jsonw_key_z(&w, "status");
        jsonw_uint(&w, status);
        jsonw_key_z(&w, "detail");
        jsonw_string_z(&w, "no record could be accepted");
    }
    jsonw_key_z(&w, "accepted");
    jsonw_uint(&w, t->accepted);
    jsonw_key_z(&w, "rejected");
    jsonw_uint(&w, t->rejected);
    if (t->unrouted > 0) {
        jsonw_key_z(&w, "unrouted");
        jsonw_uint(&w, t->unrouted);
    }
    jsonw_key_z(&w, "errors");
    jsonw_begin(&w, '[');
    jsonw_raw(&w, t->errors.ptr, t->errors.len);
    jsonw_end(&w, ']');
    jsonw_end(&w, '}');
    jsonw_raw(&w, "\n", 1);
    if (w.failed || t->errors.failed) web_response_problem(response, 500, "no memory");
    else web_response_text(response, status, status == 400 ? "application/problem+json" : "application/json", w.ptr, w.len);
    jsonw_deinit(&w);
}

static void answer_unkept(const web_backend *backend, web_response *response)
{
    char text[128];
    const char *reason = backend->not_ready(backend->user);
    snprintf(text, sizeof text, "%s; nothing of this request was taken", reason ? reason : "the disk was full");
    web_response_problem(response, 503, text);
    response->retry_after_s = 5;
}

static void answer_admission(web_admission admission, const tally *t, const web_backend *backend, web_response *response)
{
    switch (admission) {
    case WEB_PENDING:
        response->waits = true;
        answer_tally(t, response);
        return;
    case WEB_ADMITTED:
        answer_tally(t, response);
        return;
    case WEB_UNKEPT:
        answer_unkept(backend, response);
        return;
    case WEB_FULL:
        web_response_problem(response, 429, "the queue is full; nothing of this request was taken; send it again");
        response->retry_after_s = 1;
        return;
    case WEB_TOO_LARGE:
        web_response_problem(response, 413, "more records than the queue can hold; nothing of this request was taken; send it in parts");
        return;
    case WEB_STOPPING:
        web_response_problem(response, 503, "the appliance is stopping; nothing of this request was taken");
        response->retry_after_s = 5;
        return;
    case WEB_NO_MEMORY:
        web_response_problem(response, 503, "no memory; nothing of this request was taken");
        response->retry_after_s = 5;
        return;
    }
}

static void answer_events(void *app, const web_request *request, web_response *response)
{
    web_endpoints *endpoints = app;
    const web_backend *backend = endpoints->backend;
    uint32_t target = find_target(backend->plan, request->argument);
    if (target == PLAN_NONE) {
        answer_unknown(endpoints, request->argument, response);
        return;
    }
    ingest_format format = is_type(request->content_type, "text/csv") ? INGEST_FORMAT_CSV : INGEST_FORMAT_JSON;
    ingest_decoder *decoder = decoder_for(endpoints, target, format);
    web_batch *batch = backend->begin(backend->user);
    tally t = {.admission = decoder && batch ? WEB_ADMITTED : WEB_NO_MEMORY, .is_csv = format == INGEST_FORMAT_CSV};
    jsonw_init(&t.errors);
    uint32_t stream = target < backend->plan->n_streams ? target : PLAN_NONE;
    if (t.admission == WEB_ADMITTED) read_body(backend, batch, decoder, request, stream, &t);
    if (t.admission == WEB_ADMITTED) t.admission = backend->end(batch, request->later);
    else if (batch) backend->drop(batch);
    answer_admission(t.admission, &t, backend, response);
    jsonw_deinit(&t.errors);
}

const web_route web_routes_events[] = {
    {"POST", "/v1/events/{stream}", answer_events, "events of one stream or source: an object, an array, lines, or CSV", .role = WEB_INGEST,
     .takes = "application/json, application/x-ndjson, text/csv", .gives = "202 application/json EventsTaken", .refuses = "404 500"},
    {0},
};
