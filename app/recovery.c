/*
 * recovery.c: see recovery.h. Batches are put together from the records of blocks as they come; an epoch's end evaluates them.
 */
#include "app/recovery.h"

#include "app/epoch.h"
#include "app/large_memory.h"
#include "compiler/value.h"
#include "ingest/decode.h"
#include "store/places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct recovery_decoders {
    ingest_decoder *decoder;    /* by stream; NULL: not needed so far */
};

/* ---- names of what must be the same ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    return XXH3_64bits_withSeed(bytes, len, hash);
}

uint64_t recovery_layout(const plan_stream *stream)
{
    uint64_t hash = mix(1, &stream->n_slots, sizeof stream->n_slots);
    for (uint32_t i = 0; i < stream->n_slots; i++) {
        const plan_field *field = &stream->fields[stream->slot_field[i]];
        uint8_t kind[] = {field->type, field->unit, field->optional};
        hash = mix(hash, field->name.ptr, field->name.len);
        hash = mix(hash, kind, sizeof kind);
    }
    return hash;
}

static uint64_t mix_values(uint64_t hash, const egret_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value = egret_value_hash(values[i]);
        hash = mix(hash, &value, sizeof value);
    }
    return hash;
}

uint64_t recovery_printed_fingerprint(const plan *p)
{
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    const char *text = egret_plan_print(&arena, p);
    uint64_t hash = arena.failed ? 0 : mix(1, text, strlen(text));
    egret_arena_deinit(&arena);
    if (hash == 0) return 0;
    for (uint32_t i = 0; i < p->n_lists; i++) hash = mix_values(hash, p->lists[i].items, p->lists[i].n_items);
    for (uint32_t i = 0; i < p->n_tables; i++)
        hash = mix_values(hash, p->tables[i].cells, (size_t)p->tables[i].n_rows * p->tables[i].n_columns);
    return hash ? hash : 1;
}

/* ---- records ---- */

/* The source of a batch's name, which may be "source:partition". */
static const plan *plan_of(const recovery *r)
{
    return evaluation_rules(r->options.evaluation)->plan;
}

static uint32_t source_named(const recovery *r, egret_str name)
{
    const char *colon = name.len > 0 ? memchr(name.ptr, ':', name.len) : NULL;
    if (colon) name.len = (uint32_t)(colon - name.ptr);
    for (uint32_t i = 0; i < r->options.n_sources; i++)
        if (egret_str_is(name, r->options.sources[i])) return i;
    return 0;   /* it is gone from the rules; its events are still events */
}

static uint32_t stream_named(const recovery *r, egret_str name)
{
    for (uint32_t i = 0; i < plan_of(r)->n_streams; i++)
        if (egret_str_eq(name, plan_of(r)->streams[i].name)) return i;
    return PLAN_NONE;
}

static ingest_decoder *decoder_of(recovery *r, uint32_t stream)
{
    ingest_decoder **slot = &r->decoders[stream].decoder;
    ingest_decoder_options options = {.plan = plan_of(r), .stream = stream, .format = INGEST_FORMAT_JSON};
    if (!*slot) *slot = ingest_decoder_new(&options);
    else ingest_decoder_reset(*slot);
    return *slot;
}

/* The text under the rules of now. EGRET_BAD_EVENT: it does not fit them. */
static egret_status decode_anew(recovery *r, admission_batch *batch, admitted_record *record)
{
    ingest_record decoded;
    ingest_decoder *decoder = decoder_of(r, record->stream);
    if (!decoder) return EGRET_NO_MEMORY;
    ingest_decoder_feed(decoder, record->raw, record->raw_len, record->raw_len, true);
    ingest_got got = ingest_decoder_next(decoder, &decoded);
    if (got == INGEST_GOT_NO_MEMORY) return EGRET_NO_MEMORY;
    if (got != INGEST_GOT_RECORD) return EGRET_BAD_EVENT;
    record->slots = decoded.slots;
    return admission_batch_add(batch, record, plan_of(r)->streams[record->stream].n_slots) ? EGRET_OK : EGRET_NO_MEMORY;
}

static egret_status take_event(recovery *r, admission_batch *batch, const journal_event *event)
{
    static const egret_value none;
    admitted_record record = {.stream = stream_named(r, event->stream), .slots = event->n_slots > 0 ? event->slots : &none,
                              .raw = event->raw.ptr, .raw_len = event->raw.len, .line = event->line, .offset = event->offset};
    egret_status status = EGRET_BAD_EVENT;
    if (record.stream != PLAN_NONE && event->layout == evaluation_rules(r->options.evaluation)->layouts[record.stream])
        status = admission_batch_add(batch, &record, event->n_slots) ? EGRET_OK : EGRET_NO_MEMORY;
    else if (record.stream != PLAN_NONE)
        status = decode_anew(r, batch, &record);
    if (status != EGRET_BAD_EVENT) return status;
    /* It keeps its number, though it is not evaluated: it stands in the journal. */
    r->not_decoded++;
    record = (admitted_record){.stream = PLAN_NONE, .reason = INGEST_REASON_STREAM, .raw = "", .text = "it does not fit the rules",
                               .numbered = true};
    return admission_batch_add(batch, &record, 0) ? EGRET_OK : EGRET_NO_MEMORY;
}

/* What is put together while blocks are read: the batches of an epoch, the last one still growing. */
typedef struct assembly {
    admission_batch *first, **end, *last;
} assembly;

static void drop_batches(assembly *a)
{
    for (admission_batch *batch = a->first, *next; batch; batch = next) {
        next = batch->next;
        admission_batch_free(batch);
    }
    *a = (assembly){0};
    a->end = &a->first;
}

/* A batch that goes on in this block goes on in ours, unless a block between them is missing: numbers must stay what they were. */
static egret_status take_batch(const recovery *r, assembly *a, const journal_record *record)
{
    const journal_batch *head = &record->u.batch;
    uint64_t lsn = head->continued ? record->lsn - 1 : record->lsn;
    if (head->continued && a->last && a->last->lsn + a->last->n == lsn) return EGRET_OK;
    admission_batch *batch = admission_batch_new(source_named(r, head->source));
    if (!batch) return EGRET_NO_MEMORY;
    batch->arrival_ms = head->arrival_ms;
    batch->ends_source = head->ends_source;
    batch->standing = head->standing;
    batch->heard = true;
    if (memchr(head->source.ptr, ':', head->source.len) && !(batch->partition = egret_arena_str(&batch->arena, head->source.ptr, head->source.len).ptr)) {
        admission_batch_free(batch);
        return EGRET_NO_MEMORY;
    }
    batch->lsn = lsn;
    a->last = *a->end = batch;
    a->end = &batch->next;
    return EGRET_OK;
}

void recovery_alert(recovery *r, const sink_message *message)
{
    epoch_digest(&r->seen, message->id);
}

static egret_status end_epoch(recovery *r, assembly *a, const journal_epoch *end, uint64_t lsn)
{
    egret_status status = EGRET_OK;
    evaluation_set_wall(r->options.evaluation, end->wall_ms);
    for (const admission_batch *batch = a->first; batch && status == EGRET_OK; batch = batch->next)
        status = evaluation_batch(r->options.evaluation, batch, end->clock_ms);
    if (status == EGRET_OK) status = evaluation_tick(r->options.evaluation, end->clock_ms);
    drop_batches(a);
    r->epochs++;
    r->alerts += r->seen.n_alerts;
    r->clock_ms = end->clock_ms;
    bool same = r->seen.n_alerts == end->n_alerts && r->seen.alerts == end->alerts;
    if (!same && r->complete && r->rules_then == evaluation_rules(r->options.evaluation)->fingerprint && r->other_epochs++ == 0) r->first_other = lsn;
    r->seen = (journal_epoch){0};       /* the next begins: a change of the rules, which may close alerts, stands before its batches */
    return status;
}

/* ---- changes of the rules ---- */

static bool find_text(void *user, const char *hash, egret_text *out)
{
    const recovery *r = user;
    return store_content_get(r->options.store, hash, out);
}

static bool is_what_holds(const rule_set *now, egret_str lines)
{
    egret_text own;
    egret_text_init(&own, egret_mem_of(NULL));
    rule_set_write(now, &own);
    bool same = own.len == lines.len && (own.len == 0 || memcmp(own.ptr, lines.ptr, own.len) == 0);
    egret_text_deinit(&own);
    return same;
}

static void free_decoders(recovery *r)
{
    for (uint32_t i = 0; r->decoders && i < plan_of(r)->n_streams; i++) ingest_decoder_free(r->decoders[i].decoder);
    free(r->decoders);
    r->decoders = NULL;
}

static bool make_decoders(recovery *r)
{
    r->decoders = calloc((size_t)plan_of(r)->n_streams + 1, sizeof *r->decoders);
    return r->decoders != NULL;
}

static egret_status change_rules(recovery *r, rule_set *next)
{
    nfa_shards *shards = nfa_shards_succeed(app_large_memory(), next->plan, evaluation_shards(r->options.evaluation));
    if (!shards) return EGRET_NO_MEMORY;
    free_decoders(r);
    rule_set *before;
    egret_status status = evaluation_change(r->options.evaluation, next, &shards, &before);
    nfa_shards_free(shards);
    rule_set_drop(before);
    r->rules_then = next->fingerprint;
    return status == EGRET_OK && !make_decoders(r) ? EGRET_NO_MEMORY : status;
}

static egret_status take_control(recovery *r, const journal_control *control)
{
    rule_set *now = evaluation_rules(r->options.evaluation);
    if (r->options.fixed_rules) return EGRET_OK;
    r->changes++;
    evaluation_set_wall(r->options.evaluation, control->wall_ms);
    if (control->whole && is_what_holds(now, control->lines)) return EGRET_OK;
    rule_set *next = control->whole ? rule_set_new() : rule_set_copy(now);
    egret_status status = next ? EGRET_OK : EGRET_NO_MEMORY;
    if (next && rule_set_read(next, control->lines.ptr, control->lines.len, find_text, r) && rule_set_compile(next)) {
        status = change_rules(r, next);
    } else if (next) {
        r->other_rules++;
        r->rules_then = 0;      /* not those we evaluate by: alerts are not compared */
        status = next->arena.failed ? EGRET_NO_MEMORY : EGRET_OK;
    }
    rule_set_drop(next);
    return status;
}

static egret_status take_record(recovery *r, assembly *a, const journal_record *record)
{
    switch (record->kind) {
    case JOURNAL_START:
        r->rules_then = record->u.start.rules;
        evaluation_resume(r->options.evaluation, r->clock_ms, record->u.start.idle_ms);
        return EGRET_OK;
    case JOURNAL_BATCH:
        return take_batch(r, a, record);
    case JOURNAL_EVENT:
        if (!a->last) return EGRET_OK;      /* never: each block tells the batch its first events are of */
        if (a->last->n == 0) a->last->event = record->event;
        r->events++;
        return take_event(r, a->last, &record->u.event);
    case JOURNAL_EPOCH:
        return end_epoch(r, a, &record->u.epoch, record->lsn);
    case JOURNAL_CONTROL:
        return take_control(r, &record->u.control);
    }
    return EGRET_OK;
}

static egret_status take_block(recovery *r, assembly *a, journal_block *block)
{
    journal_record record;
    egret_status status = EGRET_OK;
    while (status == EGRET_OK && journal_block_next(block, &record))
        if (record.lsn >= r->options.from) status = take_record(r, a, &record);
    return status == EGRET_OK && block->no_memory ? EGRET_NO_MEMORY : status;      /* its other records are there */
}

static egret_status put_aside(recovery *r, const journal_block *block)
{
    app_log_say(r->options.log, LOG_ERROR, "journal: the block at %" PRIu64 " cannot be read (%s)%s", block->lsn,
                block->fault ? block->fault : "it says another number", r->options.only_looks ? "" : " and is put into quarantine");
    r->broken_blocks++;
    if (r->options.only_looks) return EGRET_OK;
    int code = journal_quarantine(r->options.store, block->lsn);
    if (code == 0) return EGRET_OK;
    app_log_say(r->options.log, LOG_ERROR, "journal: %s", store_text(code));
    return EGRET_IO;
}

static egret_status read_all(recovery *r, assembly *a, journal_block *block)
{
    uint64_t lsn = r->options.from;
    egret_status status = EGRET_OK;
    int code;
    while (status == EGRET_OK) {
        r->stopped = !r->options.go_on(r->options.user);
        if (r->stopped) break;
        switch (journal_read(r->options.store, &lsn, block, &code)) {
        case JOURNAL_GOT_BLOCK: status = take_block(r, a, block); break;
        case JOURNAL_GOT_BROKEN: status = put_aside(r, block); break;
        case JOURNAL_GOT_END: return EGRET_OK;
        case JOURNAL_GOT_ERROR:
            app_log_say(r->options.log, LOG_ERROR, "journal: %s", store_text(code));
            return EGRET_IO;
        }
    }
    return status;
}

egret_status recovery_run(recovery *r, const recovery_options *options)
{
    journal_block block;
    assembly a = {0};
    *r = (recovery){.options = *options, 
                      .clock_ms = options->clock_ms > 0 ? options->clock_ms : 1, .rules_then = options->rules_then, .complete = journal_now(options->store).first_lsn <= options->from};
    journal_block_init(&block);
    a.end = &a.first;
    evaluation_set_replaying(options->evaluation, !options->only_looks);
    egret_status status = make_decoders(r) ? read_all(r, &a, &block) : EGRET_NO_MEMORY;
    evaluation_set_replaying(options->evaluation, false);
    drop_batches(&a);
    journal_block_deinit(&block);
    free_decoders(r);
    return status;
}
