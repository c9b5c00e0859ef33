/*
 * epoch.c: see epoch.h.
 */
#include "app/epoch.h"

#include "alerting/json_write.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

epoch *epoch_new(uint64_t lsn, uint64_t event, rule_set *rules)
{
    epoch *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    egret_arena_init(&e->arena, egret_mem_of(NULL));
    e->batches_end = &e->batches;
    e->alerts_end = &e->alerts;
    e->letters_end = &e->letters;
    e->lsn = e->next_lsn = lsn;
    e->event = e->next_event = e->passed_next = event;
    egret_text_init(&e->passed, egret_mem_of(NULL));
    e->rules = rule_set_keep(rules);
    return e;
}

void epoch_free(epoch *e)
{
    if (!e) return;
    for (admission_batch *batch = e->batches, *next; batch; batch = next) {
        next = batch->next;
        admission_batch_free(batch);
    }
    egret_arena_deinit(&e->arena);
    egret_text_deinit(&e->passed);
    rule_set_drop(e->rules);
    if (e->change) rule_change_answer(e->change, "the appliance is stopping; the change was not kept");
    rule_change_free(e->change);
    free(e);
}

void epoch_change(epoch *e, rule_change *change)
{
    rule_set_drop(e->rules);
    e->rules = rule_set_keep(rule_change_rules(change));
    e->change = change;
    e->next_lsn++;
}

void epoch_add(epoch *e, admission_batch *batch)
{
    batch->next = NULL;
    batch->heard = true;    /* whatever is in it: the journal tells no more than that it came */
    batch->lsn = e->next_lsn;
    batch->event = e->next_event;
    e->next_lsn += 1 + batch->n_good;
    e->next_event += batch->n_good;
    e->n_records += batch->n;
    e->bytes += batch->bytes;
    *e->batches_end = batch;
    e->batches_end = &batch->next;
}

/* ---- alerts ---- */

static const char *copy_text(epoch *e, const char *text)
{
    return egret_arena_str(&e->arena, text, strlen(text)).ptr;
}

/* A part of a key as people write it: strings without quotes. */
static const char *part_text(epoch *e, egret_value value)
{
    if (value.type == EGRET_STRING) return egret_arena_str(&e->arena, value.u.s, value.len).ptr;
    json_writer w;
    jsonw_init(&w);
    jsonw_value(&w, value);
    bool quoted = w.len >= 2 && w.ptr[0] == '"';
    const char *text = w.failed ? NULL : egret_arena_str(&e->arena, w.ptr + quoted, w.len - 2 * (size_t)quoted).ptr;
    e->arena.failed = e->arena.failed || w.failed;
    jsonw_deinit(&w);
    return text;
}

static history_kind kind_of(const egret_alert *alert)
{
    switch (alert->kind) {
    case EGRET_ALERT: return alert->repeat > 0 ? HISTORY_REPEATED : HISTORY_ALERT;
    case EGRET_RESOLVED: return HISTORY_RESOLVED;
    case EGRET_ESCALATED: return HISTORY_ESCALATED;
    case EGRET_TIMEOUT: return HISTORY_TIMEOUT;
    }
    return HISTORY_ALERT;
}

static void fill_key(epoch *e, epoch_alert *to, const egret_alert *alert)
{
    to->order = 1;
    for (size_t i = 0; i < alert->n_key; i++) {
        history_part part = {copy_text(e, alert->key[i].name), part_text(e, alert->key[i].value)};
        if (e->arena.failed) return;
        to->order = XXH3_64bits_withSeed(part.value, strlen(part.value), to->order);
        if (to->entry.n_key < HISTORY_MAX_KEYS) to->entry.key[to->entry.n_key++] = part;
    }
}

bool epoch_alert_add(epoch *e, const uint32_t *sinks, uint32_t n_sinks, const egret_alert *alert, const sink_message *message)
{
    epoch_alert *copy = egret_arena_alloc(&e->arena, sizeof *copy);
    uint32_t *numbers = egret_arena_alloc(&e->arena, n_sinks * sizeof *numbers + 1);
    int severity = history_severity_of(alert->severity);
    if (!copy || !numbers) return false;
    memcpy(numbers, sinks, n_sinks * sizeof *numbers);
    *copy = (epoch_alert){.sinks = numbers, .n_sinks = n_sinks};
    copy->entry = (history_entry){.kind = kind_of(alert), .severity = severity < 0 ? 0 : (unsigned)severity, .repeat = alert->repeat,
                                  .time_ms = alert->time_ms, .started_ms = alert->started_ms, .wall_ms = e->end.wall_ms,
                                  .id = copy_text(e, alert->id), .message_id = copy_text(e, message->id), .rule = copy_text(e, alert->rule),
                                  .who = "", .reason = "", .bytes = egret_arena_str(&e->arena, message->bytes, message->len).ptr,
                                  .len = message->len};
    fill_key(e, copy, alert);
    if (e->arena.failed) return false;
    *e->alerts_end = copy;
    e->alerts_end = &copy->next;
    e->n_alerts++;
    e->bytes += message->len;
    e->row_bytes += message->len * ((size_t)n_sinks + 1);
    return true;
}

bool epoch_letter_add(epoch *e, const ingest_letter *letter)
{
    epoch_letter *copy = egret_arena_alloc(&e->arena, sizeof *copy);
    bool cut = letter->record_len > EPOCH_LETTER_BYTES;
    size_t len = cut ? EPOCH_LETTER_BYTES : letter->record_len;
    if (!copy) return false;
    *copy = (epoch_letter){0};
    copy->letter = (dead_letter){.kind = DEAD_EVENT, .at_ms = e->end.wall_ms, .cut = cut, .line = letter->line, .offset = letter->offset,
                                 .where = copy_text(e, letter->source), .what = egret_arena_str(&e->arena, letter->stream.ptr, letter->stream.len).ptr,
                                 .class = copy_text(e, letter->kind), .reason = copy_text(e, letter->reason ? letter->reason : ""),
                                 .bytes = egret_arena_str(&e->arena, letter->record, len).ptr, .len = len};
    if (e->arena.failed) return false;
    *e->letters_end = copy;
    e->letters_end = &copy->next;
    e->bytes += len;
    e->row_bytes += len;
    return true;
}

void epoch_digest(journal_epoch *end, const char *id)
{
    end->n_alerts++;
    end->alerts = XXH3_64bits_withSeed(id, strlen(id), end->alerts);
}

void epoch_pass(epoch *e, uint64_t event)
{
    journal_passed_put(&e->passed, event + 1 - e->passed_next);
    e->passed_next = event + 1;
}

bool epoch_end(epoch *e, int64_t clock_ms, int64_t reached_ms)
{
    e->end.clock_ms = clock_ms;
    e->end.told = true;
    e->end.reached_ms = reached_ms;
    e->end.n_events = e->next_event - e->event;
    e->end.passed = (egret_str){e->passed.ptr ? e->passed.ptr : "", (uint32_t)e->passed.len};
    e->next_lsn++;
    return !e->passed.failed;
}

/* The n-th record of the batch that is good. */
static const admitted_record *good_record(const admission_batch *batch, uint64_t n)
{
    if (batch->n_good == batch->n) return &batch->records[n];
    for (size_t i = 0; i < batch->n; i++)
        if (batch->records[i].slots && n-- == 0) return &batch->records[i];
    return NULL;
}

bool epoch_raw(const epoch *e, uint64_t lsn, egret_text *out)
{
    if (lsn < e->lsn || lsn >= e->next_lsn) return false;
    for (const admission_batch *batch = e->batches; batch; batch = batch->next) {
        if (lsn <= batch->lsn || lsn > batch->lsn + batch->n_good) continue;
        const admitted_record *record = good_record(batch, lsn - batch->lsn - 1);
        if (record) egret_text_put(out, record->raw, record->raw_len);
        return record != NULL;
    }
    return false;
}

void epoch_answer(epoch *e, const char *trouble)
{
    for (admission_batch *batch = e->batches; batch; batch = batch->next) admission_batch_answer(batch, trouble);
    if (e->change) rule_change_answer(e->change, trouble);
}

void epoch_committed(epoch *e)
{
    epoch_answer(e, NULL);
    for (admission_batch *batch = e->batches; batch; batch = batch->next)
        if (batch->committed) batch->committed(batch->committed_user, &batch->place);
}
