/*
 * admission.h: the one bounded queue of the daemon: batches of decoded records between those who receive them and the engine's thread.
 *
 * Nothing is dropped here. Who may make its sender wait (HTTP) asks with admission_put and passes the "full" on; who reads at its own pace
 * (files, standard input) waits for room with admission_put_wait. Bounds are in records and in bytes; a batch that is larger than
 * all of the queue is let in when the queue is empty: it cannot become smaller by waiting.
 *
 * A batch may have somebody who waits to hear that it was kept (on the disk) or not. Whoever holds the batch answers, once; a batch that is freed
 * without an answer was not kept.
 */
#ifndef EGRET_APP_ADMISSION_H
#define EGRET_APP_ADMISSION_H

#include "compiler/arena.h"
#include "ingest/stats.h"
#include "store/journal_block.h"
#include "store/places.h"

/* One record; what it points to lives in its batch. */
typedef struct admitted_record {
    uint32_t stream;            /* PLAN_NONE: not known (rejected records only) */
    uint8_t reason;             /* ingest_reason: NONE, or it is for the dead letters */
    const egret_value *slots;   /* NULL when rejected */
    const char *raw;
    size_t raw_len;
    const char *text;           /* of the reason */
    uint64_t offset, line;      /* in the source */
    bool numbered;              /* rejected now, but the journal has it, with a number */
} admitted_record;

typedef struct admission_batch {
    struct admission_batch *next;
    egret_arena arena;
    admitted_record *records;
    size_t n, capacity;
    size_t n_good, bytes;       /* what it weighs in the queue */
    uint64_t unrouted;          /* records that came with these and that no route of the source wanted: only counted */
    uint32_t source;            /* of the daemon */
    int64_t arrival_ms;         /* wall clock */
    bool ends_source;           /* the source gives no more after these */
    uint8_t standing;           /* journal_standing */
    bool heard;                 /* the source has spoken, even if there is no record: known from the journal */
    const char *partition;      /* "source:partition", of which these are; names the journal's batch and the place. Borrowed for as long as the batch
                                 * lives. NULL: the source has no partitions, or these are of the source itself */
    uint64_t returns_from, returns_to;  /* dead events that come in again with these (store/dead_letters.h); 0, 0: none */
    bool has_place;
    store_place place;          /* where the source (or the partition) is read on after these */
    /* Once, when the batch is on the disk, whatever was answered before; NULL: nobody asks. From the committer's thread */
    void (*committed)(void *user, const store_place *place);
    void *committed_user;
    void (*answer)(void *user, const char *trouble);    /* NULL: nobody waits. trouble NULL: it was kept. From any thread */
    void *answer_user;
    uint64_t lsn, event;        /* numbers in the journal: of the batch, and of its first event; given by the engine's thread */
} admission_batch;

/* Deep copies; false: no memory, the batch is as it was. n_slots values and their strings. */
admission_batch *admission_batch_new(uint32_t source);  /* NULL: no memory */
bool admission_batch_add(admission_batch *batch, const admitted_record *record, uint32_t n_slots);
void admission_batch_free(admission_batch *batch);      /* NULL is allowed */
/* Tells whoever waits; trouble is a constant sentence, or NULL: the batch was kept. */
void admission_batch_answer(admission_batch *batch, const char *trouble);

typedef struct admission admission;
typedef enum admission_answer { ADMISSION_TAKEN, ADMISSION_FULL, ADMISSION_CLOSED } admission_answer;

admission *admission_new(size_t max_records, size_t max_bytes);    /* NULL: no memory */
void admission_free(admission *queue);      /* frees what is still in it; NULL is allowed */
/* TAKEN: the queue owns the batch. Else the caller still does. */
admission_answer admission_put(admission *queue, admission_batch *batch);
admission_answer admission_put_wait(admission *queue, admission_batch *batch);
/* The next batch, or NULL after timeout_ms, or at once when the queue is closed and empty. The caller owns it. */
admission_batch *admission_take(admission *queue, int64_t timeout_ms);
/* Whoever waits in admission_take, or comes next, returns at once, with a batch or without. */
void admission_wake(admission *queue);
/* No more batches are taken in; those inside can still be taken out. */
void admission_close(admission *queue);
/* Frees what is inside: nobody will take it out any more. */
void admission_discard(admission *queue);
bool admission_is_drained(admission *queue);    /* closed and empty */
size_t admission_records(admission *queue);
size_t admission_limit(const admission *queue);

#endif
