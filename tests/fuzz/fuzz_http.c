/*
 * fuzz_http.c: bodies of POST /v1/events/{stream}, all the way: endpoint, decoder, order, engine, alert line.
 *
 * The first byte of an input says which stream and content type, the rest is the body. Whatever the body is, the answer must be JSON that
 * adds up, and every alert must be a line of JSON.
 */
#include "alerting/alert_json.h"
#include "ingest/order.h"
#include "ingest/simdjson_shim.h"
#include "web/endpoints.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules_text[] =
    "stream login { user: string  ok: bool  n: int?  x: number?  d: duration?  deep: string? from \"a.b.c\"  at: time }\n"
    "  with time at, lateness 5s, identity n\n"
    "stream pay { user: string?  amount: decimal  at: time } with time at\n"
    "rule seen { watch login  by user  alert { who: user  n: n  x: x  d: d  deep: deep } }\n"
    "rule rich { watch pay [amount > 1.00]  alert { amount: amount  user: user } }\n"
    "rule both { match login then within 1h p: pay  by user  alert { amount: p.amount } }\n";

/* One input's way through: what the backend of the endpoint holds. */
struct web_batch {
    const plan *plan;
    nfa_engine *engine;
    ingest_order *order;
    json_writer out;
    char **raw;             /* of accepted records: found again by ref */
    size_t *raw_len;
    size_t n, capacity;
    uint64_t accepted, rejected;
    bool ended;
};

static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* Two readers of others judge; each refuses something that is JSON: jansson a zero byte in a key, simdjson integers beyond 64 bits. */
static void must_be_json(const char *ptr, size_t len)
{
    static ingest_json *reader;
    json_t *value = json_loadb(ptr, len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    if (!reader) reader = ingest_json_new();
    must(value || (reader && ingest_json_valid(reader, ptr, len)), "it is JSON");
    must(memchr(ptr, '\n', len > 0 ? len - 1 : 0) == NULL, "it is one line");
    json_decref(value);
}

static bool find_record(void *user, uint64_t ref, const char **ptr, size_t *len)
{
    const web_batch *batch = user;
    if (ref >= batch->n) return false;
    *ptr = batch->raw[ref];
    *len = batch->raw_len[ref];
    return true;
}

static void take_alerts(web_batch *batch)
{
    alert_json_options options = {.evidence = true, .record = find_record, .record_user = batch};
    const nfa_alert *alert;
    while ((alert = nfa_engine_take(batch->engine)) != NULL) {
        jsonw_reset(&batch->out);
        alert_json_write(&batch->out, batch->plan, alert, &options);
        alert_json_newline(&batch->out);
        must(!batch->out.failed, "memory");
        must_be_json(batch->out.ptr, batch->out.len);
    }
}

static egret_status release(void *user, const nfa_event *event)
{
    web_batch *batch = user;
    egret_status status = nfa_engine_event(batch->engine, event);
    take_alerts(batch);
    return status;
}

static web_batch *begin(void *user)
{
    return user;
}

static void keep_raw(web_batch *batch, const ingest_record *record)
{
    if (batch->n == batch->capacity) {
        batch->capacity = batch->capacity ? batch->capacity * 2 : 16;
        batch->raw = realloc(batch->raw, batch->capacity * sizeof *batch->raw);
        batch->raw_len = realloc(batch->raw_len, batch->capacity * sizeof *batch->raw_len);
        must(batch->raw && batch->raw_len, "memory");
    }
    char *copy = malloc(record->raw_len + 1);
    must(copy != NULL, "memory");
    memcpy(copy, record->raw, record->raw_len);
    batch->raw[batch->n] = copy;
    batch->raw_len[batch->n++] = record->raw_len;
}

static web_admission add(web_batch *batch, const ingest_record *record)
{
    must(record->stream < batch->plan->n_streams, "the stream is known");
    if (record->reason != INGEST_REASON_NONE) {
        must(record->text && record->text[0], "a rejected record has a reason");
        batch->rejected++;
        return WEB_ADMITTED;
    }
    batch->accepted++;
    keep_raw(batch, record);
    ingest_arrival arrival = {.stream = record->stream, .slots = record->slots, .ref = batch->n - 1, .position = batch->n,
                              .arrival_ms = 1000, .now_ms = INGEST_NO_TIME};
    ingest_outcome outcome;
    must(ingest_order_push(batch->order, &arrival, &outcome) == EGRET_OK, "the event is pushed");
    return WEB_ADMITTED;
}

static web_admission end(web_batch *batch, web_later *later)
{
    (void)later;
    must(ingest_order_flush(batch->order) == EGRET_OK, "the order is flushed");
    take_alerts(batch);
    batch->ended = true;
    return WEB_ADMITTED;
}

static void drop(web_batch *batch)
{
    (void)batch;
    must(false, "nothing is dropped");
}

static const plan *make_plan(void)
{
    static egret_arena arena;
    static egret_diags diags;
    static ast_file tree;
    static const plan *made;
    if (made) return made;
    egret_arena_init(&arena, egret_mem_of(NULL));
    egret_diags_init(&diags, &arena);
    ast_file_init(&tree);
    egret_parse(&diags, egret_diags_add_source(&diags, "fuzz", rules_text, sizeof rules_text - 1), &tree);
    made = egret_plan_make(&diags, &tree, false);
    if (!made) fputs(egret_diags_text(&diags), stderr);
    must(made != NULL, "the rules are good");
    return made;
}

static void check_answer(const web_batch *batch, const web_response *response)
{
    must(batch->ended, "the request ends");
    must(response->status == (batch->accepted == 0 && batch->rejected > 0 ? 400 : 202), "the status fits the counts");
    must_be_json(response->body, response->body_len);
    json_t *answer = json_loadb(response->body, response->body_len, 0, NULL);
    must((uint64_t)json_integer_value(json_object_get(answer, "accepted")) == batch->accepted, "accepted is told");
    must((uint64_t)json_integer_value(json_object_get(answer, "rejected")) == batch->rejected, "rejected is told");
    must(json_array_size(json_object_get(answer, "errors")) == (batch->rejected < 100 ? batch->rejected : 100), "errors are told");
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    web_batch batch = {.plan = make_plan()};
    web_backend backend = {.user = &batch, .plan = batch.plan, .begin = begin, .add = add, .end = end, .drop = drop};
    ingest_order_options order_options = {.plan = batch.plan, .release = release, .user = &batch};
    batch.engine = nfa_engine_new(egret_mem_of(NULL), batch.plan);
    batch.order = ingest_order_new(&order_options);
    web_endpoints *endpoints = web_endpoints_new(&backend);
    char *body = calloc(1, size + WEB_BODY_PADDING);
    must(batch.engine && batch.order && endpoints && body && ingest_order_add_source(batch.order, 5000, false) == EGRET_OK, "memory");
    memcpy(body, data + 1, size - 1);
    web_request request = {.path = "/v1/events/x", .argument = data[0] & 1 ? "pay" : "login",
                           .content_type = data[0] & 2 ? "text/csv" : "application/json", .body = body, .body_len = size - 1};
    web_response response = {.status = 200};
    web_routes_events[0].handler(endpoints, &request, &response);
    check_answer(&batch, &response);
    free(response.body);
    free(body);
    web_endpoints_free(endpoints);
    ingest_order_free(batch.order);
    nfa_engine_free(batch.engine);
    jsonw_deinit(&batch.out);
    for (size_t i = 0; i < batch.n; i++) free(batch.raw[i]);
    free(batch.raw);
    free(batch.raw_len);
    return 0;
}
