/*
 * recovery.c: see recovery.h. Batches are put together from the records of blocks as they come; an epoch's end evaluates them.
 */
#include "app/recovery.h"

#include "app/epoch.h"
#include "app/large_memory.h"
#include "app/warm_up.h"
#include "compiler/value.h"
#include "store/places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

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

static const plan *plan_of(const recovery *r)
{
    return evaluation_rules(r->options.evaluation)->plan;
}

static egret_status take_event(recovery *r, admission_batch *batch, const journal_event *event)
{
    admitted_record record = {.raw = event->raw.ptr, .raw_len = event->raw.len, .line = event->line, .offset = event->offset};
    egret_status status = journal_values_get(&r->values, event, &record.stream, &record.slots);
    if (status == EGRET_OK && !admission_batch_add(batch, &record, plan_of(r)->streams[record.stream].n_slots)) status = EGRET_NO_MEMORY;
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
    admission_batch *batch = admission_batch_new(journal_source_named(r->options.sources, r->options.n_sources, head->source));
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

/* New rules are filled with the past as they were then: with what the journal says before the change. */
static egret_status fill(recovery *r, rule_set *next, const journal_control *control, uint64_t lsn, warm_up **out)
{
    evaluation *live = r->options.evaluation;
    warm_up_options options = {.store = r->options.store, .rules = next, .sources = r->options.sources, .n_sources = r->options.n_sources,
                               .from = control->warm_from, .go_on = r->options.go_on, .user = r->options.user};
    nfa_shards *filled = nfa_shards_fill(egret_mem_of(NULL), next->plan, evaluation_shards(live));
    *out = warm_up_new(&options, filled, live);
    if (!*out) return EGRET_NO_MEMORY;
    if (journal_now(r->options.store).first_lsn > control->warm_from) r->complete = false;
    egret_status status = warm_up_read(*out, lsn);
    r->stopped = r->stopped || status == EGRET_BAD_USE;
    return status == EGRET_OK ? warm_up_until(*out, nfa_shards_clock(evaluation_shards(live))) : status;
}

static egret_status change_rules(recovery *r, rule_set *next, const journal_control *control, uint64_t lsn)
{
    warm_up *warm = NULL;
    rule_set *before = NULL;
    nfa_shards *shards = nfa_shards_succeed(app_large_memory(), next->plan, evaluation_shards(r->options.evaluation));
    if (!shards) return EGRET_NO_MEMORY;
    egret_status status = control->warms ? fill(r, next, control, lsn, &warm) : EGRET_OK;
    if (status == EGRET_OK) {
        journal_values_deinit(&r->values);
        status = evaluation_change(r->options.evaluation, next, &shards, warm ? warm_up_filled(warm) : NULL, &before);
        while (nfa_shards_settle(evaluation_shards(r->options.evaluation), UINT32_MAX)) {}
    }
    if (control->warms && control->warm_from < r->warm_from) r->warm_from = control->warm_from;
    if (control->warms) r->warm_until = lsn;
    nfa_shards_free(shards);
    warm_up_free(warm);
    rule_set_drop(before);
    r->rules_then = next->fingerprint;
    return status == EGRET_OK && !journal_values_init(&r->values, next) ? EGRET_NO_MEMORY : r->stopped ? EGRET_OK : status;
}

static egret_status take_control(recovery *r, const journal_control *control, uint64_t lsn)
{
    rule_set *now = evaluation_rules(r->options.evaluation);
    if (r->options.fixed_rules) return EGRET_OK;
    r->changes++;
    evaluation_set_wall(r->options.evaluation, control->wall_ms);
    if (control->whole && is_what_holds(now, control->lines)) return EGRET_OK;
    rule_set *next = control->whole ? rule_set_new() : rule_set_copy(now);
    egret_status status = next ? EGRET_OK : EGRET_NO_MEMORY;
    if (next && rule_set_read(next, control->lines.ptr, control->lines.len, find_text, r) && rule_set_compile(next)) {
        status = change_rules(r, next, control, lsn);
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
        return take_control(r, &record->u.control, record->lsn);
    }
    return EGRET_OK;
}

static egret_status take_block(recovery *r, assembly *a, journal_block *block)
{
    journal_record record;
    egret_status status = EGRET_OK;
    while (status == EGRET_OK && !r->stopped && journal_block_next(block, &record))
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
        r->stopped = r->stopped || !r->options.go_on(r->options.user);
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
    *r = (recovery){.options = *options, .warm_from = UINT64_MAX,
                      .clock_ms = options->clock_ms > 0 ? options->clock_ms : 1, .rules_then = options->rules_then, .complete = journal_now(options->store).first_lsn <= options->from};
    journal_block_init(&block);
    a.end = &a.first;
    evaluation_set_replaying(options->evaluation, !options->only_looks);
    egret_status status = journal_values_init(&r->values, evaluation_rules(options->evaluation)) ? read_all(r, &a, &block) : EGRET_NO_MEMORY;
    evaluation_set_replaying(options->evaluation, false);
    drop_batches(&a);
    journal_block_deinit(&block);
    journal_values_deinit(&r->values);
    return status;
}
