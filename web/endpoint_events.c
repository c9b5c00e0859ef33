/*
 * endpoint_events.c: POST /v1/events/{stream}: events by HTTP.
 *
 * The body is one JSON object, an array of objects, objects one a line, or CSV with a header (by content type). Records are judged one by
 * one: the answer counts what was accepted and what was not and names the first bad ones by line; the good ones are not spoiled by them.
 * The records of a request are admitted all together or, when the queue is full, not at all (429): so a client that repeats a request
 * after a 429 repeats nothing that was taken. An accepted record may still turn out late or a duplicate; that is counted, not an error.
 */
#include "web/endpoints.h"

#include "alerting/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_ERRORS = 100 };

static bool copy_names(web_endpoints *endpoints, const plan *p)
{
    endpoints->names = calloc((size_t)p->n_streams + 1, sizeof *endpoints->names);
    for (uint32_t i = 0; endpoints->names && i < p->n_streams; i++) {
        endpoints->names[i] = strndup(p->streams[i].name.ptr, p->streams[i].name.len);
        if (!endpoints->names[i]) return false;
    }
    return endpoints->names != NULL;
}

web_endpoints *web_endpoints_new(const web_backend *backend)
{
    web_endpoints *endpoints = calloc(1, sizeof *endpoints);
    if (!endpoints) return NULL;
    endpoints->backend = backend;
    endpoints->decoders = calloc((size_t)backend->plan->n_streams * 2 + 1, sizeof *endpoints->decoders);
    if (endpoints->decoders && copy_names(endpoints, backend->plan)) return endpoints;
    web_endpoints_free(endpoints);
    return NULL;
}

void web_endpoints_free(web_endpoints *endpoints)
{
    if (!endpoints) return;
    size_t n = endpoints->backend->plan->n_streams;
    for (size_t i = 0; endpoints->decoders && i < n * 2; i++) ingest_decoder_free(endpoints->decoders[i]);
    for (size_t i = 0; endpoints->names && i < n; i++) free(endpoints->names[i]);
    free(endpoints->decoders);
    free(endpoints->names);
    free(endpoints);
}

static uint32_t find_stream(const plan *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_streams; i++)
        if (egret_str_is(p->streams[i].name, name)) return i;
    return PLAN_NONE;
}

static void answer_unknown(const web_endpoints *endpoints, const char *name, web_response *response)
{
    char detail[256];
    const char *nearest = egret_diag_nearest((egret_str){name, (uint32_t)strlen(name)}, (const char *const *)endpoints->names,
                                             endpoints->backend->plan->n_streams);
    snprintf(detail, sizeof detail, "there is no stream '%.80s'%s%.80s%s", name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
             nearest ? "'?" : "");
    web_response_problem(response, 404, detail);
}

static bool is_type(const char *content_type, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncasecmp(content_type, wanted, len) == 0 && strchr("; \t", content_type[len]) != NULL;
}

static ingest_decoder *decoder_for(web_endpoints *endpoints, uint32_t stream, ingest_format format)
{
    ingest_decoder **slot = &endpoints->decoders[(size_t)stream * 2 + (format == INGEST_FORMAT_CSV)];
    if (!*slot) {
        ingest_decoder_options options = {.plan = endpoints->backend->plan, .stream = stream, .format = format};
        *slot = ingest_decoder_new(&options);
    } else {
        ingest_decoder_reset(*slot);
    }
    return *slot;
}

/* The answer while the body is read. */
typedef struct tally {
    uint64_t accepted, rejected;
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

static void read_body(const web_backend *backend, web_batch *batch, ingest_decoder *decoder, const web_request *request, uint32_t stream,
                      tally *t)
{
    ingest_record record;
    ingest_decoder_feed(decoder, request->body, request->body_len, request->body_len + WEB_BODY_PADDING, true);
    while (t->admission == WEB_ADMITTED) {
        switch (ingest_decoder_next(decoder, &record)) {
        case INGEST_GOT_RECORD:
        case INGEST_GOT_REJECTED:
            record.stream = stream;
            take_record(backend, batch, decoder, &record, t);
            break;
        case INGEST_GOT_MORE:
        case INGEST_GOT_END:
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

static void answer_admission(web_admission admission, const tally *t, web_response *response)
{
    switch (admission) {
    case WEB_ADMITTED:
        answer_tally(t, response);
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
    uint32_t stream = find_stream(backend->plan, request->argument);
    if (stream == PLAN_NONE) {
        answer_unknown(endpoints, request->argument, response);
        return;
    }
    ingest_format format = is_type(request->content_type, "text/csv") ? INGEST_FORMAT_CSV : INGEST_FORMAT_JSON;
    ingest_decoder *decoder = decoder_for(endpoints, stream, format);
    web_batch *batch = backend->begin(backend->user);
    tally t = {.admission = decoder && batch ? WEB_ADMITTED : WEB_NO_MEMORY, .is_csv = format == INGEST_FORMAT_CSV};
    jsonw_init(&t.errors);
    if (t.admission == WEB_ADMITTED) read_body(backend, batch, decoder, request, stream, &t);
    if (t.admission == WEB_ADMITTED) t.admission = backend->end(batch);
    else if (batch) backend->drop(batch);
    answer_admission(t.admission, &t, response);
    jsonw_deinit(&t.errors);
}

const web_route web_routes_events[] = {
    {"POST", "/v1/events/{stream}", answer_events, "events of one stream: an object, an array, lines, or CSV"},
    {0},
};
