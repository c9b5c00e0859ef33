/*
 * admission.c: a mutex, two conditions and a list; see admission.h.
 */
#include "app/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct admission {
    size_t max_records, max_bytes;
    pthread_mutex_t lock;           /* all below */
    pthread_cond_t filled, drained;
    admission_batch *head, **tail;
    size_t records, bytes;
    bool closed, woken;
};

/* ---- batches ---- */

admission_batch *admission_batch_new(uint32_t source)
{
    admission_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    egret_arena_init(&batch->arena, egret_mem_of(NULL));
    batch->source = source;
    return batch;
}

void admission_batch_answer(admission_batch *batch, const char *trouble)
{
    if (batch->answer) batch->answer(batch->answer_user, trouble);
    batch->answer = NULL;
}

void admission_batch_free(admission_batch *batch)
{
    if (!batch) return;
    admission_batch_answer(batch, "the appliance is stopping; nothing of this request was kept");
    egret_arena_deinit(&batch->arena);
    free(batch->records);
    free(batch);
}

static bool make_room(admission_batch *batch)
{
    if (batch->n < batch->capacity) return true;
    size_t capacity = batch->capacity ? batch->capacity * 2 : 16;
    admitted_record *grown = realloc(batch->records, capacity * sizeof *grown);
    if (!grown) return false;
    batch->records = grown;
    batch->capacity = capacity;
    return true;
}

static const char *copy_bytes(admission_batch *batch, const char *ptr, size_t len)
{
    char *copy = egret_arena_alloc(&batch->arena, len + 1);
    if (copy && len > 0) memcpy(copy, ptr, len);
    return copy;
}

/* A string that lies in the record's raw text is not copied twice. */
static bool copy_value(admission_batch *batch, egret_value *value, const admitted_record *from, const char *raw)
{
    if (value->type != EGRET_STRING) return true;
    uintptr_t at = (uintptr_t)value->u.s, start = (uintptr_t)from->raw;
    if (from->raw && at >= start && at + value->len <= start + from->raw_len) value->u.s = raw + (at - start);
    else value->u.s = copy_bytes(batch, value->u.s, value->len);
    return value->u.s != NULL;
}

bool admission_batch_add(admission_batch *batch, const admitted_record *record, uint32_t n_slots)
{
    if (!make_room(batch)) return false;
    admitted_record copy = *record;
    copy.raw = copy_bytes(batch, record->raw, record->raw_len);
    if (!copy.raw) return false;
    if (record->text && !(copy.text = copy_bytes(batch, record->text, strlen(record->text)))) return false;
    if (record->slots) {
        egret_value *slots = egret_arena_alloc(&batch->arena, ((size_t)n_slots + 1) * sizeof *slots);
        if (!slots) return false;
        if (n_slots > 0) memcpy(slots, record->slots, n_slots * sizeof *slots);
        for (uint32_t i = 0; i < n_slots; i++)
            if (!copy_value(batch, &slots[i], record, copy.raw)) return false;
        copy.slots = slots;
    }
    batch->records[batch->n++] = copy;
    batch->n_good += record->slots != NULL;
    batch->bytes += sizeof copy + record->raw_len + n_slots * sizeof(egret_value);
    return true;
}

/* ---- the queue ---- */

admission *admission_new(size_t max_records, size_t max_bytes)
{
    pthread_condattr_t attributes;
    admission *queue = calloc(1, sizeof *queue);
    if (!queue) return NULL;
    queue->max_records = max_records;
    queue->max_bytes = max_bytes;
    queue->tail = &queue->head;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_cond_init(&queue->drained, &attributes);
    pthread_condattr_destroy(&attributes);
    return queue;
}

void admission_discard(admission *queue)
{
    pthread_mutex_lock(&queue->lock);
    admission_batch *batch = queue->head;
    queue->head = NULL;
    queue->tail = &queue->head;
    queue->records = queue->bytes = 0;
    pthread_mutex_unlock(&queue->lock);
    for (admission_batch *next; batch; batch = next) {
        next = batch->next;
        admission_batch_free(batch);
    }
}

void admission_free(admission *queue)
{
    if (!queue) return;
    admission_discard(queue);
    pthread_cond_destroy(&queue->drained);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static bool fits(const admission *queue, const admission_batch *batch)
{
    if (!queue->head) return true;
    return queue->records < queue->max_records && batch->n <= queue->max_records - queue->records &&
           queue->bytes < queue->max_bytes && batch->bytes <= queue->max_bytes - queue->bytes;
}

static admission_answer put_locked(admission *queue, admission_batch *batch)
{
    *queue->tail = batch;
    queue->tail = &batch->next;
    batch->next = NULL;
    queue->records += batch->n;
    queue->bytes += batch->bytes;
    pthread_cond_signal(&queue->filled);
    return ADMISSION_TAKEN;
}

admission_answer admission_put(admission *queue, admission_batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    admission_answer answer = queue->closed ? ADMISSION_CLOSED : fits(queue, batch) ? put_locked(queue, batch) : ADMISSION_FULL;
    pthread_mutex_unlock(&queue->lock);
    return answer;
}

admission_answer admission_put_wait(admission *queue, admission_batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && !fits(queue, batch)) pthread_cond_wait(&queue->drained, &queue->lock);
    admission_answer answer = queue->closed ? ADMISSION_CLOSED : put_locked(queue, batch);
    pthread_mutex_unlock(&queue->lock);
    return answer;
}

admission_batch *admission_take(admission *queue, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    pthread_mutex_lock(&queue->lock);
    while (!queue->head && !queue->closed && !queue->woken)
        if (pthread_cond_timedwait(&queue->filled, &queue->lock, &until) == ETIMEDOUT) break;
    queue->woken = false;
    admission_batch *batch = queue->head;
    if (batch) {
        queue->head = batch->next;
        if (!queue->head) queue->tail = &queue->head;
        queue->records -= batch->n;
        queue->bytes -= batch->bytes;
        pthread_cond_broadcast(&queue->drained);
    }
    pthread_mutex_unlock(&queue->lock);
    return batch;
}

void admission_wake(admission *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->woken = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void admission_close(admission *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_cond_broadcast(&queue->drained);
    pthread_mutex_unlock(&queue->lock);
}

bool admission_is_drained(admission *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool drained = queue->closed && !queue->head;
    pthread_mutex_unlock(&queue->lock);
    return drained;
}

size_t admission_records(admission *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t records = queue->records;
    pthread_mutex_unlock(&queue->lock);
    return records;
}

size_t admission_limit(const admission *queue)
{
    return queue->max_records;
}
