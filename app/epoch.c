/*
 * epoch.c: see epoch.h.
 */
#include "app/epoch.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

epoch *epoch_new(uint64_t lsn, uint64_t event)
{
    epoch *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    egret_arena_init(&e->arena, egret_mem_of(NULL));
    e->batches_end = &e->batches;
    e->alerts_end = &e->alerts;
    e->lsn = e->next_lsn = lsn;
    e->next_event = event;
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
    free(e);
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

bool epoch_alert_add(epoch *e, uint32_t sink, const sink_message *message)
{
    epoch_alert *alert = egret_arena_alloc(&e->arena, sizeof *alert);
    if (!alert) return false;
    *alert = (epoch_alert){.sink = sink, .len = message->len};
    alert->id = egret_arena_str(&e->arena, message->id, strlen(message->id)).ptr;
    alert->bytes = egret_arena_str(&e->arena, message->bytes, message->len).ptr;
    if (e->arena.failed) return false;
    *e->alerts_end = alert;
    e->alerts_end = &alert->next;
    e->n_alerts++;
    e->bytes += message->len;
    return true;
}

void epoch_digest(journal_epoch *end, const char *id)
{
    end->n_alerts++;
    end->alerts = XXH3_64bits_withSeed(id, strlen(id), end->alerts);
}

void epoch_end(epoch *e, int64_t clock_ms)
{
    e->end.clock_ms = clock_ms;
    e->next_lsn++;
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
}

void epoch_committed(epoch *e)
{
    epoch_answer(e, NULL);
    for (admission_batch *batch = e->batches; batch; batch = batch->next)
        if (batch->committed) batch->committed(batch->committed_user, &batch->place);
}
