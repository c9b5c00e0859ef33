/*
 * order_image.c: all an order knows, as bytes: a head, and pieces with the identities and the held events.
 *
 *   head    magic, clocks, counts | sources | of each stream: capacity and number of its identities
 *   piece   kind, stream, number | entries of identities, or held events with their values
 *
 * The head is small. Pieces are given a few at a time while events go on: what changes meanwhile is copied first (identity.c), what is dropped stays for
 * so long (held.c). So a cut costs nobody more than a piece at a time, and the copy of the list of held events, 32 bytes for each.
 */
#include "ingest/order_internal.h"

#include "store/journal_block.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_IN_PIECE = 512, KIND_IDENTITIES = 1, KIND_HELD = 2 };
static const uint64_t MAGIC = UINT64_C(0x32726564726f6765);

typedef struct order_image {
    uint64_t magic, arrivals, n_held;
    int64_t max_ms, watermark_ms;
    held_key frontier;
    uint32_t n_sources, n_streams;
} order_image;

typedef struct stream_image { uint64_t capacity, used; } stream_image;
typedef struct piece_image { uint32_t kind, stream; uint64_t n; } piece_image;
typedef struct held_image { held_key key; nfa_event event; } held_image;

/* ---- writing ---- */

static void put_head(const ingest_order *order, egret_text *out)
{
    order_image image = { .magic = MAGIC, .arrivals = order->arrivals, .n_held = held_count(order->held), .max_ms = order->max_ms,
                          .watermark_ms = order->watermark_ms, .frontier = order->frontier, .n_sources = order->n_sources,
                          .n_streams = order->options.plan->n_streams };
    egret_text_put(out, (const char *)&image, sizeof image);
    if (order->n_sources > 0)
        egret_text_put(out, (const char *)order->sources, order->n_sources * sizeof *order->sources);
    for (uint32_t i = 0; i < image.n_streams; i++) {
        stream_image stream = { order->streams[i].seen.capacity, order->streams[i].seen.used };
        egret_text_put(out, (const char *)&stream, sizeof stream);
    }
}

egret_status ingest_order_cut(ingest_order *order, egret_text *out)
{
    if (order->is_cut)
        return EGRET_BAD_USE;
    order->is_cut = true;
    order->cut_stream = 0;
    order->rest.len = 0;
    bool fine = held_cut(order->held);
    for (uint32_t i = 0; i < order->options.plan->n_streams && fine; i++)
        fine = ingest_identity_cut(&order->streams[i].seen);
    put_head(order, out);
    if (fine && !out->failed)
        return EGRET_OK;
    ingest_order_cut_drop(order);
    return EGRET_NO_MEMORY;
}

void ingest_order_cut_prepare(ingest_order *order)
{
    held_cut_prepare(order->held);
}

void ingest_order_cut_drop(ingest_order *order)
{
    for (uint32_t i = 0; i < order->options.plan->n_streams; i++)
        ingest_identity_cut_end(&order->streams[i].seen);
    held_cut_end(order->held);
    order->is_cut = false;
}

bool ingest_order_cut_is_open(const ingest_order *order)
{
    return order->is_cut;
}

/* The head of a piece is written when it is known what is in it. */
static void end_piece(egret_text *out, size_t at, piece_image piece)
{
    if (out->failed)
        return;
    if (piece.n == 0)
        out->len = at;
    else
        memcpy(out->ptr + at, &piece, sizeof piece);
}

static void put_held(ingest_order *order, egret_text *out)
{
    held_image image;
    const nfa_event *event;
    size_t at = out->len;
    piece_image piece = { .kind = KIND_HELD };
    memset(&image, 0, sizeof image);
    egret_text_put(out, (const char *)&piece, sizeof piece);
    for (; piece.n < HELD_IN_PIECE && (event = held_cut_next(order->held, &image.key)) != NULL; piece.n++) {
        image.event = *event;
        image.event.slots = NULL;
        egret_text_put(out, (const char *)&image, sizeof image);
        for (uint32_t i = 0; i < order->options.plan->streams[event->stream].n_slots; i++)
            journal_value_put(out, &event->slots[i]);
    }
    end_piece(out, at, piece);
}

/* false: the stream has no more. */
static bool put_identities(ingest_order *order, egret_text *out, bool *failed)
{
    ingest_identity *seen = &order->streams[order->cut_stream].seen;
    size_t at = out->len;
    piece_image piece = { .kind = KIND_IDENTITIES, .stream = order->cut_stream };
    egret_text_put(out, (const char *)&piece, sizeof piece);
    *failed = ingest_identity_cut_failed(seen);
    bool more = ingest_identity_cut_next(seen, out);
    piece.n = (out->len - at - sizeof piece) / sizeof(ingest_identity_entry);
    end_piece(out, at, piece);
    return more;
}

/* Appends a piece; nothing: there is none left. */
static egret_status put_piece(ingest_order *order, egret_text *out)
{
    size_t before = out->len;
    bool failed = false;
    while (out->len == before && !failed && !out->failed && order->cut_stream < order->options.plan->n_streams)
        if (!put_identities(order, out, &failed))
            order->cut_stream++;
    if (out->len == before && !failed)
        put_held(order, out);
    return failed || out->failed ? EGRET_NO_MEMORY : EGRET_OK;
}

egret_status ingest_order_cut_next(ingest_order *order, egret_text *out)
{
    if (!order->is_cut)
        return EGRET_OK;
    if (order->rest.failed)
        return EGRET_NO_MEMORY;
    size_t before = out->len;
    egret_status status = EGRET_OK;
    if (order->rest.len > 0) {
        egret_text_put(out, order->rest.ptr, order->rest.len);
        order->rest.len = 0;
        status = out->failed ? EGRET_NO_MEMORY : EGRET_OK;
    } else {
        status = put_piece(order, out);
    }
    if (status == EGRET_OK && out->len == before)
        ingest_order_cut_drop(order);
    return status;
}

void order_cut_hasten(ingest_order *order)
{
    for (size_t before = SIZE_MAX; order->is_cut && order->rest.len != before && !order->rest.failed;) {
        before = order->rest.len;
        if (put_piece(order, &order->rest) != EGRET_OK)
            order->rest.failed = true;
    }
    held_cut_end(order->held);
    order->cut_stream = UINT32_MAX;     /* of streams that may come */
}

egret_status ingest_order_save(ingest_order *order, egret_text *out)
{
    egret_status status = ingest_order_cut(order, out);
    while (status == EGRET_OK && order->is_cut)
        status = ingest_order_cut_next(order, out);
    if (status != EGRET_OK && status != EGRET_BAD_USE)
        ingest_order_cut_drop(order);
    return status;
}

/* ---- reading ---- */

static bool take_bytes(const char **at, const char *end, void *to, size_t len)
{
    if ((size_t)(end - *at) < len)
        return false;
    if (len > 0)
        memcpy(to, *at, len);
    *at += len;
    return true;
}

egret_status ingest_order_load_head(ingest_order *order, const char **at, const char *end)
{
    order_image image;
    if (!take_bytes(at, end, &image, sizeof image) || image.magic != MAGIC || image.n_sources != order->n_sources ||
        image.n_streams != order->options.plan->n_streams ||
        !take_bytes(at, end, order->sources, order->n_sources * sizeof *order->sources))
        return EGRET_BAD_USE;
    order->arrivals = image.arrivals;
    order->max_ms = image.max_ms;
    order->watermark_ms = image.watermark_ms;
    order->frontier = image.frontier;
    order->wanted = image.n_held;
    for (uint32_t i = 0; i < image.n_streams; i++) {
        stream_image stream;
        if (!take_bytes(at, end, &stream, sizeof stream) || !ingest_identity_room(&order->streams[i].seen, (size_t)stream.capacity))
            return EGRET_BAD_USE;
        order->wanted += stream.used;
    }
    return EGRET_OK;
}

static egret_status load_held(ingest_order *order, egret_value *slots, const char **at, const char *end)
{
    held_image image;
    if (!take_bytes(at, end, &image, sizeof image) || image.event.stream >= order->options.plan->n_streams)
        return EGRET_BAD_USE;
    uint32_t n = order->options.plan->streams[image.event.stream].n_slots;
    for (uint32_t i = 0; i < n; i++)
        if (!journal_value_get(at, end, &slots[i]))
            return EGRET_BAD_USE;
    image.event.slots = slots;
    return held_put(order->held, image.key, &image.event, n) ? EGRET_OK : EGRET_NO_MEMORY;
}

static egret_status load_all_held(ingest_order *order, uint64_t n, const char **at, const char *end)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < order->options.plan->n_streams; i++)
        most = order->options.plan->streams[i].n_slots > most ? order->options.plan->streams[i].n_slots : most;
    egret_value *slots = calloc((size_t)most + 1, sizeof *slots);
    egret_status status = slots != NULL ? EGRET_OK : EGRET_NO_MEMORY;
    for (; n > 0 && status == EGRET_OK; n--)
        status = load_held(order, slots, at, end);
    free(slots);
    return status;
}

static egret_status load_piece(ingest_order *order, const char **at, const char *end)
{
    piece_image piece;
    if (!take_bytes(at, end, &piece, sizeof piece) || piece.n > order->wanted)
        return EGRET_BAD_USE;
    order->wanted -= piece.n;
    if (piece.kind == KIND_HELD)
        return load_all_held(order, piece.n, at, end);
    const char *entries = *at;
    if (piece.kind != KIND_IDENTITIES || piece.stream >= order->options.plan->n_streams ||
        piece.n > (size_t)(end - entries) / sizeof(ingest_identity_entry))
        return EGRET_BAD_USE;
    *at += piece.n * sizeof(ingest_identity_entry);
    return ingest_identity_add(&order->streams[piece.stream].seen, entries, (size_t)piece.n) ? EGRET_OK : EGRET_BAD_USE;
}

egret_status ingest_order_load_pieces(ingest_order *order, const char *bytes, size_t len)
{
    const char *at = bytes;
    egret_status status = EGRET_OK;
    while (status == EGRET_OK && at < bytes + len)
        status = load_piece(order, &at, bytes + len);
    return status;
}

egret_status ingest_order_load_end(const ingest_order *order)
{
    return order->wanted == 0 ? EGRET_OK : EGRET_BAD_USE;
}

egret_status ingest_order_load(ingest_order *order, const char **at, const char *end)
{
    egret_status status = ingest_order_load_head(order, at, end);
    while (status == EGRET_OK && order->wanted > 0)
        status = load_piece(order, at, end);
    return status;
}
