/*
 * order.c: watermarks, and who may go.
 *
 * Let the frontier of a source be (its watermark, its rank): it may still give events from there on, not before. An event may go
 * when it is not beyond any active source's frontier. With ranks (files read together) this makes equal times come out in the order of the
 * files whatever was read first; without them all ranks are zero and arrival decides.
 *
 * The usual case costs little: one source, no lateness, in order. Then every event is at its own frontier and nothing is held, so it
 * is handed on as it came, without a copy.
 *
 * Invariants: frontier never goes back; events released ascend by (time, rank, arrival) as long as nobody advanced from outside.
 */
#include "ingest/order.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ingest/order_internal.h"

enum { DEFAULT_MAX_IDENTITIES = 8 << 20 };
static const uint64_t DEFAULT_MAX_HELD_BYTES = UINT64_C(1) << 30;

/* ---- making ---- */

static uint32_t slot_of(const plan_stream *stream, uint32_t field)
{
    return field == PLAN_NONE ? PLAN_NONE : stream->fields[field].slot;
}

static bool make_streams(ingest_order *order)
{
    const plan *plan_used = order->options.plan;
    order->streams = calloc((size_t)plan_used->n_streams + 1, sizeof *order->streams);
    if (order->streams == NULL)
        return false;
    for (uint32_t i = 0; i < plan_used->n_streams; i++) {
        const plan_stream *declared = &plan_used->streams[i];
        stream_state *stream = &order->streams[i];
        stream->time_slot = slot_of(declared, declared->time_field);
        stream->identity_slot = slot_of(declared, declared->identity_field);
        stream->seed = XXH3_64bits(declared->name.ptr, declared->name.len);
        ingest_identity_init(&stream->seen, declared->identity_within_ms, order->options.max_identities);
    }
    return true;
}

ingest_order *ingest_order_new(const ingest_order_options *options)
{
    ingest_order *order = calloc(1, sizeof *order);
    if (order == NULL)
        return NULL;
    order->options = *options;
    if (options->max_held_bytes == 0)
        order->options.max_held_bytes = DEFAULT_MAX_HELD_BYTES;
    if (options->max_identities == 0)
        order->options.max_identities = DEFAULT_MAX_IDENTITIES;
    order->max_ms = order->watermark_ms = INT64_MIN;
    order->frontier = (held_key){ INT64_MIN, 0, UINT64_MAX };
    egret_text_init(&order->rest, egret_mem_of(NULL));
    order->held = held_new();
    if (order->held != NULL && make_streams(order))
        return order;
    ingest_order_free(order);
    return NULL;
}

void ingest_order_free(ingest_order *order)
{
    if (order == NULL)
        return;
    for (uint32_t i = 0; order->streams != NULL && i < order->options.plan->n_streams; i++)
        ingest_identity_deinit(&order->streams[i].seen);
    free(order->streams);
    free(order->sources);
    held_free(order->held);
    egret_text_deinit(&order->rest);
    free(order);
}

egret_status ingest_order_add_source(ingest_order *order, int64_t lateness_ms, bool active)
{
    if (order->n_sources == order->capacity) {
        uint32_t capacity = order->capacity == 0 ? 8 : order->capacity * 2;
        source_state *grown = realloc(order->sources, capacity * sizeof *grown);
        if (grown == NULL)
            return EGRET_NO_MEMORY;
        order->sources = grown;
        order->capacity = capacity;
    }
    order->sources[order->n_sources++] = (source_state){ .lateness_ms = lateness_ms < 0 ? 0 : lateness_ms, .max_ms = INT64_MIN,
                                                         .watermark_ms = INT64_MIN, .active = active };
    return EGRET_OK;
}

int64_t ingest_order_lateness(const plan *rules, const plan_edge *source)
{
    int64_t most = 0;
    uint32_t n = source == NULL ? rules->n_streams : source->n_routes;
    for (uint32_t i = 0; i < n; i++) {
        const plan_stream *stream = &rules->streams[source == NULL ? i : source->routes[i].stream];
        most = stream->lateness_ms > most ? stream->lateness_ms : most;
    }
    return most;
}

/* ---- letting go ---- */

enum { LOOK_AHEAD = 24 };  /* places: far enough for memory to arrive, near enough for it to stay */

static egret_status release_first(ingest_order *order, const nfa_event *first)
{
    const nfa_event *ahead = order->options.engine != NULL ? held_ahead(order->held, LOOK_AHEAD) : NULL;
    if (ahead != NULL)
        nfa_engine_expect(order->options.engine, ahead);
    egret_status status = order->options.release(order->options.user, first);
    held_drop_first(order->held);
    return status;
}

static egret_status release_below(ingest_order *order, held_key bound)
{
    held_key key;
    const nfa_event *first;
    while ((first = held_first(order->held, &key)) != NULL && held_key_less(key, bound)) {
        egret_status status = release_first(order, first);
        if (status != EGRET_OK)
            return status;
    }
    return EGRET_OK;
}

static void raise_frontier(ingest_order *order, int64_t time_ms, uint32_t rank)
{
    held_key raised = { time_ms, rank, UINT64_MAX };
    if (held_key_less(order->frontier, raised))
        order->frontier = raised;
    if (time_ms > order->watermark_ms)
        order->watermark_ms = time_ms;
}

/* The least frontier of the active sources. Without any it stays where it is. */
static void find_frontier(ingest_order *order)
{
    held_key least = { INT64_MAX, UINT32_MAX, UINT64_MAX };
    bool any = false;
    for (uint32_t i = 0; i < order->n_sources; i++) {
        const source_state *source = &order->sources[i];
        if (!source->active)
            continue;
        held_key own = { source->watermark_ms, order->options.merge ? i : 0, UINT64_MAX };
        if (held_key_less(own, least))
            least = own;
        any = true;
    }
    if (any && least.time_ms != INT64_MIN)
        raise_frontier(order, least.time_ms, least.rank);
}

/* Too much is held: the oldest go early, and what comes below them later is late. */
static egret_status relieve(ingest_order *order)
{
    held_key key;
    const nfa_event *first;
    while (held_bytes(order->held) > order->options.max_held_bytes && (first = held_first(order->held, &key)) != NULL) {
        order->stats.released_early++;
        raise_frontier(order, key.time_ms, key.rank);
        egret_status status = release_first(order, first);
        if (status != EGRET_OK)
            return status;
    }
    return EGRET_OK;
}

/* ---- one event ---- */

static inline bool time_of(const ingest_order *order, const ingest_arrival *arrival, int64_t *time_ms)
{
    uint32_t slot = order->streams[arrival->stream].time_slot;
    if (slot != PLAN_NONE) {
        *time_ms = arrival->slots[slot].u.i;
        return arrival->slots[slot].type == EGRET_TIME;
    }
    if (arrival->arrival_ms != INGEST_NO_TIME) {
        *time_ms = arrival->arrival_ms;
        return true;
    }
    const source_state *source = &order->sources[arrival->source];
    *time_ms = source->seen ? source->max_ms : order->max_ms;
    return *time_ms != INT64_MIN;
}

bool ingest_order_time(const ingest_order *order, const ingest_arrival *arrival, int64_t *time_ms)
{
    return time_of(order, arrival, time_ms);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t both[2] = { a, b };
    return XXH3_64bits(both, sizeof both);
}

/* The identity an event declares; NULL: none, and it is no other's duplicate. */
static inline const egret_value *declared_identity(const stream_state *stream, const ingest_arrival *arrival)
{
    const egret_value *value = stream->identity_slot == PLAN_NONE ? NULL : &arrival->slots[stream->identity_slot];
    return value != NULL && value->type != EGRET_NULL ? value : NULL;
}

/* The event's identity: of what it declares, else of its place. */
static uint64_t identity_of(const stream_state *stream, const ingest_arrival *arrival)
{
    const egret_value *value = declared_identity(stream, arrival);
    if (value == NULL)
        return mix(arrival->source + stream->seed, arrival->position);
    if (value->type == EGRET_STRING)
        return XXH3_64bits_withSeed(value->u.s, value->len, stream->seed);
    return mix(stream->seed, egret_value_hash(*value));
}

static bool is_ahead(const ingest_order *order, const ingest_arrival *arrival, int64_t time_ms)
{
    int64_t ahead_ms = order->options.plan->streams[arrival->stream].ahead_ms, limit;
    if (arrival->now_ms == INGEST_NO_TIME || ahead_ms == PLAN_FOREVER || __builtin_add_overflow(arrival->now_ms, ahead_ms, &limit))
        return false;
    return time_ms > limit;
}

/* The source has shown an event of this time. */
static void see_time(ingest_order *order, source_state *source, int64_t time_ms)
{
    bool was_active = source->active;
    source->active = source->seen = true;
    if (time_ms > source->max_ms || !was_active) {
        source->max_ms = time_ms > source->max_ms ? time_ms : source->max_ms;
        if (__builtin_sub_overflow(source->max_ms, source->lateness_ms, &source->watermark_ms))
            source->watermark_ms = INT64_MIN + 1;
        if (order->n_sources == 1 && source->watermark_ms > order->watermark_ms) {
            order->frontier = (held_key){ source->watermark_ms, 0, UINT64_MAX };
            order->watermark_ms = source->watermark_ms;
        } else {
            find_frontier(order);
        }
    }
    if (time_ms > order->max_ms)
        order->max_ms = time_ms;
}

/* Hands the event on, or keeps a copy. */
static egret_status pass(ingest_order *order, held_key key, const nfa_event *event, const ingest_arrival *arrival)
{
    if (held_key_less(order->frontier, key)) {
        bool put = arrival->uses != NULL ? held_refer(order->held, key, event, arrival->uses, arrival->bytes)
                                         : held_put(order->held, key, event, order->options.plan->streams[event->stream].n_slots);
        if (!put)
            return EGRET_NO_MEMORY;
        egret_status status = release_below(order, order->frontier);
        return status == EGRET_OK && held_bytes(order->held) > order->options.max_held_bytes ? relieve(order) : status;
    }
    if (held_count(order->held) == 0)
        return order->options.release(order->options.user, event);
    egret_status status = release_below(order, key);
    if (status == EGRET_OK)
        status = order->options.release(order->options.user, event);
    return status == EGRET_OK ? release_below(order, order->frontier) : status;
}

uint64_t ingest_order_expect(const ingest_order *order, const ingest_arrival *arrival)
{
    const stream_state *stream = &order->streams[arrival->stream];
    uint64_t identity = identity_of(stream, arrival);
    if (declared_identity(stream, arrival) != NULL)
        ingest_identity_expect(&stream->seen, identity);
    return identity;
}

egret_status ingest_order_push(ingest_order *order, const ingest_arrival *arrival, ingest_outcome *outcome)
{
    if (arrival->source >= order->n_sources || arrival->stream >= order->options.plan->n_streams)
        return EGRET_BAD_USE;
    source_state *source = &order->sources[arrival->source];
    stream_state *stream = &order->streams[arrival->stream];
    int64_t time_ms;
    if (!time_of(order, arrival, &time_ms))
        time_ms = 0;    /* the first event of a source that declares no time and has no clock */
    if (is_ahead(order, arrival, time_ms)) {
        *outcome = INGEST_AHEAD;
        order->stats.rejected[INGEST_REASON_AHEAD]++;
        return EGRET_OK;
    }
    if (time_ms < source->watermark_ms || time_ms < order->watermark_ms) {
        *outcome = INGEST_LATE;
        order->stats.late++;
        return EGRET_OK;
    }
    uint64_t identity = arrival->expected ? arrival->identity : identity_of(stream, arrival);
    if (declared_identity(stream, arrival) != NULL) {
        ingest_seen seen = ingest_identity_see(&stream->seen, identity, time_ms, order->watermark_ms);
        if (seen == INGEST_SEEN_NO_MEMORY)
            return EGRET_NO_MEMORY;
        if (seen == INGEST_SEEN_BEFORE) {
            *outcome = INGEST_DUPLICATE;
            order->stats.duplicates++;
            return EGRET_OK;
        }
    }
    *outcome = INGEST_ACCEPTED;
    order->stats.accepted++;
    see_time(order, source, time_ms);
    nfa_event event = { .time_ms = time_ms, .ref = arrival->ref, .identity = identity, .stream = arrival->stream, .slots = arrival->slots };
    held_key key = { time_ms, order->options.merge ? arrival->source : 0, order->arrivals++ };
    return pass(order, key, &event, arrival);
}

/* ---- other rules ---- */

/* Identities go on under the stream's name. */
static bool change_streams(ingest_order *order, const ingest_change *change)
{
    uint32_t n_before = order->options.plan->n_streams;
    stream_state *before = order->streams;
    order->options.plan = change->plan;
    order->options.engine = change->engine;
    bool fine = make_streams(order);
    for (uint32_t i = 0; i < n_before; i++) {
        uint32_t now = fine ? change->stream[i] : PLAN_NONE;
        if (now == PLAN_NONE) {
            ingest_identity_deinit(&before[i].seen);
            continue;
        }
        int64_t within_ms = order->streams[now].seen.within_ms;
        order->streams[now].seen = before[i].seen;
        order->streams[now].seen.within_ms = within_ms;
    }
    free(before);
    return fine;
}

static egret_status change_held(ingest_order *order, const ingest_change *change, held *into)
{
    held_key key;
    const nfa_event *first;
    egret_status status = EGRET_OK;
    while (status == EGRET_OK && (first = held_first(order->held, &key)) != NULL) {
        nfa_event event = *first;
        event.stream = change->stream[first->stream];
        uint32_t n = event.stream != PLAN_NONE ? change->plan->streams[event.stream].n_slots : 0;
        egret_value *slots = calloc((size_t)n + 1, sizeof *slots);
        event.slots = slots;
        if (slots == NULL)
            status = EGRET_NO_MEMORY;
        else if (event.stream != PLAN_NONE)
            status = change->convert(change->user, first, slots);
        if (status == EGRET_BAD_EVENT || (status == EGRET_OK && event.stream == PLAN_NONE)) {
            order->stats.rejected[INGEST_REASON_STREAM]++;
            status = EGRET_OK;
        } else if (status == EGRET_OK && !held_put(into, key, &event, n)) {
            status = EGRET_NO_MEMORY;
        }
        free(slots);
        held_drop_first(order->held);
    }
    return status;
}

egret_status ingest_order_change(ingest_order *order, const ingest_change *change)
{
    egret_status status = EGRET_OK;
    order_cut_hasten(order);
    if (!change->same && held_count(order->held) > 0) {
        held *into = held_new();
        status = into != NULL ? change_held(order, change, into) : EGRET_NO_MEMORY;
        held_free(order->held);
        order->held = into;
    }
    bool fine = change_streams(order, change);
    return status == EGRET_OK && !fine ? EGRET_NO_MEMORY : status;
}

void ingest_order_set_lateness(ingest_order *order, uint32_t source, int64_t lateness_ms)
{
    order->sources[source].lateness_ms = lateness_ms < 0 ? 0 : lateness_ms;
}

/* ---- sources that stop, time from outside ---- */

egret_status ingest_order_flush(ingest_order *order)
{
    if (order->max_ms == INT64_MIN)
        return EGRET_OK;
    raise_frontier(order, order->max_ms, UINT32_MAX);
    return release_below(order, order->frontier);
}

egret_status ingest_order_await(ingest_order *order, uint32_t source)
{
    if (source >= order->n_sources)
        return EGRET_BAD_USE;
    order->sources[source].active = true;
    order->sources[source].finished = false;
    return EGRET_OK;
}

egret_status ingest_order_idle(ingest_order *order, uint32_t source)
{
    if (source >= order->n_sources)
        return EGRET_BAD_USE;
    order->sources[source].active = false;
    find_frontier(order);
    return release_below(order, order->frontier);
}

egret_status ingest_order_finish(ingest_order *order, uint32_t source)
{
    if (source >= order->n_sources)
        return EGRET_BAD_USE;
    order->sources[source].active = false;
    order->sources[source].finished = true;
    for (uint32_t i = 0; i < order->n_sources; i++)
        if (!order->sources[i].finished) {
            find_frontier(order);
            return release_below(order, order->frontier);
        }
    return ingest_order_flush(order);
}

egret_status ingest_order_advance(ingest_order *order, int64_t time_ms)
{
    raise_frontier(order, time_ms, order->options.merge ? UINT32_MAX : 0);
    return release_below(order, order->frontier);
}

/* ---- questions ---- */

int64_t ingest_order_watermark(const ingest_order *order)
{
    return order->watermark_ms;
}

int64_t ingest_order_source_watermark(const ingest_order *order, uint32_t source)
{
    return source < order->n_sources ? order->sources[source].watermark_ms : INT64_MIN;
}

size_t ingest_order_held(const ingest_order *order)
{
    return held_count(order->held);
}

int64_t ingest_order_first_held(const ingest_order *order)
{
    held_key first;
    return held_first(order->held, &first) != NULL ? first.time_ms : INT64_MAX;
}

const ingest_stats *ingest_order_stats(ingest_order *order)
{
    order->stats.identity_cuts = 0;
    for (uint32_t i = 0; i < order->options.plan->n_streams; i++)
        order->stats.identity_cuts += order->streams[i].seen.cuts;
    return &order->stats;
}
