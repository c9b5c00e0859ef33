/*
 * journal_values.c: see journal_values.h.
 */
#include "app/journal_values.h"

#include <stdlib.h>
#include <string.h>

bool journal_values_init(journal_values *v, const rule_set *rules)
{
    *v = (journal_values){.rules = rules, .decoder = calloc((size_t)rules->plan->n_streams + 1, sizeof *v->decoder)};
    return v->decoder != NULL;
}

void journal_values_deinit(journal_values *v)
{
    for (uint32_t i = 0; v->decoder && i < v->rules->plan->n_streams; i++) ingest_decoder_free(v->decoder[i]);
    free(v->decoder);
    *v = (journal_values){0};
}

static uint32_t stream_named(const plan *p, egret_str name)
{
    for (uint32_t i = 0; i < p->n_streams; i++)
        if (egret_str_eq(name, p->streams[i].name)) return i;
    return PLAN_NONE;
}

static ingest_decoder *decoder_of(journal_values *v, uint32_t stream)
{
    ingest_decoder **slot = &v->decoder[stream];
    ingest_decoder_options options = {.plan = v->rules->plan, .stream = stream, .format = INGEST_FORMAT_JSON};
    if (!*slot) *slot = ingest_decoder_new(&options);
    else ingest_decoder_reset(*slot);
    return *slot;
}

/* The text under the rules of now. */
static egret_status decode_anew(journal_values *v, uint32_t stream, egret_str raw, const egret_value **slots)
{
    ingest_record decoded;
    ingest_decoder *decoder = decoder_of(v, stream);
    if (!decoder) return EGRET_NO_MEMORY;
    ingest_decoder_feed(decoder, raw.ptr, raw.len, raw.len, true);
    ingest_got got = ingest_decoder_next(decoder, &decoded);
    if (got == INGEST_GOT_NO_MEMORY) return EGRET_NO_MEMORY;
    if (got != INGEST_GOT_RECORD) return EGRET_BAD_EVENT;
    *slots = decoded.slots;
    return EGRET_OK;
}

egret_status journal_values_get(journal_values *v, const journal_event *event, uint32_t *stream, const egret_value **slots)
{
    static const egret_value none;
    *stream = stream_named(v->rules->plan, event->stream);
    if (*stream == PLAN_NONE) return EGRET_BAD_EVENT;
    if (event->layout != v->rules->layouts[*stream]) return decode_anew(v, *stream, event->raw, slots);
    *slots = event->n_slots > 0 ? event->slots : &none;
    return EGRET_OK;
}

uint32_t journal_source_named(const char *const *sources, uint32_t n, egret_str name)
{
    const char *colon = name.len > 0 ? memchr(name.ptr, ':', name.len) : NULL;
    if (colon) name.len = (uint32_t)(colon - name.ptr);
    for (uint32_t i = 0; i < n; i++)
        if (egret_str_is(name, sources[i])) return i;
    return 0;   /* it is gone from the rules; its events are still events */
}
