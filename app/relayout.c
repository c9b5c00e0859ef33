/*
 * relayout.c: see relayout.h. What moves where is worked out once, for each stream: slot -> slot before.
 */
#include "app/relayout.h"

#include "ingest/decode.h"

#include <stdlib.h>
#include <string.h>

typedef struct stream_move {
    uint32_t *from;             /* by slot of the new plan: the slot before; PLAN_NONE: it was not read */
    bool same;                  /* all are where they were */
    bool lacks;                 /* some were not read */
    ingest_decoder *decoder;    /* when it was needed */
} stream_move;

struct relayout {
    const plan *from, *to;
    uint32_t *streams;
    stream_move *moves;         /* by stream before */
    bool same;
};

static uint32_t stream_named(const plan *p, egret_str name)
{
    for (uint32_t i = 0; i < p->n_streams; i++)
        if (egret_str_eq(name, p->streams[i].name)) return i;
    return PLAN_NONE;
}

/* A field is the same when it is read from the same place and gives values of the same kind. */
static uint32_t slot_before(const plan_stream *from, const plan_field *field)
{
    for (uint32_t i = 0; i < from->n_slots; i++) {
        const plan_field *own = &from->fields[from->slot_field[i]];
        if (own->type == field->type && own->unit == field->unit && own->optional <= field->optional &&
            egret_str_eq(own->name, field->name) && egret_str_eq(own->path, field->path))
            return i;
    }
    return PLAN_NONE;
}

static bool work_out(stream_move *move, const plan_stream *from, const plan_stream *to)
{
    move->from = calloc((size_t)to->n_slots + 1, sizeof *move->from);
    if (!move->from) return false;
    move->same = from->n_slots == to->n_slots;
    for (uint32_t i = 0; i < to->n_slots; i++) {
        move->from[i] = slot_before(from, &to->fields[to->slot_field[i]]);
        move->lacks = move->lacks || move->from[i] == PLAN_NONE;
        move->same = move->same && move->from[i] == i;
    }
    return true;
}

relayout *relayout_new(const plan *from, const plan *to)
{
    relayout *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (relayout){.from = from, .to = to, .same = true};
    r->streams = calloc((size_t)from->n_streams + 1, sizeof *r->streams);
    r->moves = calloc((size_t)from->n_streams + 1, sizeof *r->moves);
    bool fine = r->streams && r->moves;
    for (uint32_t i = 0; i < from->n_streams && fine; i++) {
        uint32_t now = r->streams[i] = stream_named(to, from->streams[i].name);
        fine = now == PLAN_NONE || work_out(&r->moves[i], &from->streams[i], &to->streams[now]);
        r->same = r->same && now == i && r->moves[i].same;
    }
    if (fine) return r;
    relayout_free(r);
    return NULL;
}

void relayout_free(relayout *r)
{
    if (!r) return;
    for (uint32_t i = 0; r->moves && i < r->from->n_streams; i++) {
        free(r->moves[i].from);
        ingest_decoder_free(r->moves[i].decoder);
    }
    free(r->moves);
    free(r->streams);
    free(r);
}

bool relayout_is_same(const relayout *r)
{
    return r->same;
}

const uint32_t *relayout_streams(const relayout *r)
{
    return r->streams;
}

/* All values from the text. */
static egret_status decode(relayout *r, uint32_t stream, const char *raw, size_t len, egret_value *out)
{
    ingest_record decoded;
    stream_move *move = &r->moves[stream];
    ingest_decoder_options options = {.plan = r->to, .stream = r->streams[stream], .format = INGEST_FORMAT_JSON};
    if (!move->decoder) move->decoder = ingest_decoder_new(&options);
    else ingest_decoder_reset(move->decoder);
    if (!move->decoder) return EGRET_NO_MEMORY;
    ingest_decoder_feed(move->decoder, raw, len, len, true);
    ingest_got got = ingest_decoder_next(move->decoder, &decoded);
    if (got == INGEST_GOT_NO_MEMORY) return EGRET_NO_MEMORY;
    if (got != INGEST_GOT_RECORD || !decoded.slots) return EGRET_BAD_EVENT;
    memcpy(out, decoded.slots, r->to->streams[options.stream].n_slots * sizeof *out);
    return EGRET_OK;
}

egret_status relayout_slots(relayout *r, uint32_t stream, const egret_value *slots, relayout_raw raw, void *user, egret_value *out)
{
    const stream_move *move = &r->moves[stream];
    const plan_stream *to = &r->to->streams[r->streams[stream]];
    const char *text;
    size_t len;
    if (move->lacks && raw(user, &text, &len)) return decode(r, stream, text, len, out);
    for (uint32_t i = 0; i < to->n_slots; i++) out[i] = move->from[i] != PLAN_NONE ? slots[move->from[i]] : egret_null();
    return EGRET_OK;
}

static bool raw_of(void *user, const char **raw, size_t *len)
{
    const admitted_record *record = user;
    *raw = record->raw;
    *len = record->raw_len;
    return true;
}

static void reject(admission_batch *batch, admitted_record *record)
{
    record->slots = NULL;
    record->reason = INGEST_REASON_STREAM;
    record->text = "the rules have changed since it was sent, and it does not fit its stream any more";
    batch->n_good--;
}

/* Decoded strings stand in the decoder: they are copied into the batch. */
static bool own_strings(admission_batch *batch, egret_value *slots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (slots[i].type == EGRET_STRING) slots[i].u.s = egret_arena_str(&batch->arena, slots[i].u.s, slots[i].len).ptr;
    return !batch->arena.failed;
}

static egret_status move_record(relayout *r, admission_batch *batch, admitted_record *record)
{
    const stream_move *move = &r->moves[record->stream];
    uint32_t now = r->streams[record->stream];
    if (now == PLAN_NONE) {
        if (record->slots) reject(batch, record);
        record->stream = PLAN_NONE;
        return EGRET_OK;
    }
    if (record->slots && !move->same) {
        uint32_t n = r->to->streams[now].n_slots;
        egret_value *out = egret_arena_alloc(&batch->arena, (n + 1u) * sizeof *out);
        egret_status status = out ? relayout_slots(r, record->stream, record->slots, raw_of, record, out) : EGRET_NO_MEMORY;
        if (status == EGRET_NO_MEMORY || (status == EGRET_OK && move->lacks && !own_strings(batch, out, n))) return EGRET_NO_MEMORY;
        if (status == EGRET_BAD_EVENT) reject(batch, record);
        else record->slots = out;
    }
    record->stream = now;
    return EGRET_OK;
}

egret_status relayout_batch(relayout *r, admission_batch *batch)
{
    egret_status status = EGRET_OK;
    for (size_t i = 0; i < batch->n && status == EGRET_OK && !r->same; i++)
        if (batch->records[i].stream != PLAN_NONE) status = move_record(r, batch, &batch->records[i]);
    return status;
}
