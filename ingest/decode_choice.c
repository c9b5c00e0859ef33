/*
 * decode_choice.c: which stream a record is of, where the record itself decides.
 *
 * The first route whose condition holds wins. A condition is a pure function of the fields it reads, unless it looks at lists or tables, whose
 * content may be replaced. So where one string field decides alone, as the usual `type` does, its decision is remembered by its
 * text, in a small table in which a newer text takes the place of an older one.
 */
#include <string.h>

#include "ingest/decode_internal.h"

bool decode_may_remember(const ingest_decoder *decoder)
{
    const plan_edge *source = decoder->options.source;
    if (!decoder->chooses || decoder->choice.n_fields != 1)
        return false;
    for (uint32_t i = 0; source != NULL && i < source->n_routes; i++) {
        uint32_t when = source->routes[i].when;
        if (when != PLAN_NONE && (decoder->options.plan->exprs[when].uses & ~PLAN_USES_EVENT) != 0)
            return false;
    }
    return true;
}

static decode_memo_entry *memo_of(ingest_decoder *decoder, const egret_value *text)
{
    if (!decoder->remembers || text->type != EGRET_STRING || text->len == 0 || text->len > DECODE_MEMO_TEXT)
        return NULL;
    uint32_t first = (uint8_t)text->u.s[0], last = (uint8_t)text->u.s[text->len - 1], middle = (uint8_t)text->u.s[text->len / 2];
    return &decoder->memo[(text->len * 11 + first * 7 + middle * 5 + last * 3) % DECODE_MEMO_ENTRIES];
}

static uint32_t stream_of_name(const plan *rules, egret_str name)
{
    for (uint32_t i = 0; i < plan_inputs(rules); i++)
        if (egret_str_eq(rules->streams[i].name, name))
            return i;
    return PLAN_NONE;
}

static uint32_t stream_of_routes(const ingest_decoder *decoder, const plan_edge *source)
{
    for (uint32_t i = 0; i < source->n_routes; i++) {
        const plan_route *route = &source->routes[i];
        if (route->when == PLAN_NONE)
            return route->stream;
        if (decoder->options.engine == NULL)
            continue;
        egret_value holds = nfa_eval_slots(decoder->options.engine, route->when, decoder->choice_slots, 0);
        if (holds.type == EGRET_BOOL && holds.u.i != 0)
            return route->stream;
    }
    return PLAN_NONE;
}

ingest_got decode_choose(ingest_decoder *decoder, ingest_record *record)
{
    const egret_value *first = &decoder->choice_slots[0];
    const plan_edge *source = decoder->options.source;
    if (source == NULL && first->type != EGRET_STRING)
        return decode_reject(decoder, record, INGEST_REASON_STREAM, "field '%.*s', which names the stream: missing or not a string",
                             (int)decoder->name_field.name.len, decoder->name_field.name.ptr);
    decode_memo_entry *memo = memo_of(decoder, first);
    if (memo != NULL && memo->len == first->len && memcmp(memo->text, first->u.s, first->len) == 0) {
        record->stream = memo->stream;
    } else {
        record->stream = source == NULL ? stream_of_name(decoder->options.plan, (egret_str){ first->u.s, first->len })
                                        : stream_of_routes(decoder, source);
        if (memo != NULL) {
            memo->len = (uint8_t)first->len;
            memcpy(memo->text, first->u.s, first->len);
            memo->stream = record->stream;
        }
    }
    return record->stream == PLAN_NONE ? INGEST_GOT_MORE : INGEST_GOT_RECORD;
}
