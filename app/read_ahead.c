/*
 * read_ahead.c: a bounded queue of decoded batches for each file, filled by one thread.
 *
 * The thread always goes on with the file whose queue is shortest. So a file the replay waits for (its queue is empty) is served next, and no
 * full queue of one file can hold up another: there is no deadlock, whatever order the replay reads the files in.
 *
 * Batches go round: free, being filled, in a queue, at the replay, free again. The one freed last is filled next, as it is the likeliest to be in
 * a cache. There are as many as can be in use at once, made at the start, so the thread itself never lacks one. Those at the replay are the replay's.
 *
 * Invariants: queues, free list and `closed` only change under the lock; a batch is owned by one place; n of a queue <= DEPTH.
 */
#include "app/read_ahead.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* Batches in a queue; and how short one must be for the thread to be woken: not for each batch anew. */
enum { DEPTH = 4, WAKE_AT = 2 };

typedef struct ahead_queue {
    ingest_reader *reader;      /* NULL: not read ahead */
    ingest_decoded *first, **tail;
    uint32_t n;
    bool done;                  /* its last batch was filled */
} ahead_queue;

struct read_ahead {
    ahead_queue *queues;        /* by file */
    uint32_t n_files;
    ingest_decoded *batches;    /* free ones */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, drained;
    bool started, closed;
};

/* The queue to fill next, or NULL: all are full or done. *more: some are not done. */
static ahead_queue *shortest(read_ahead *ahead, bool *more)
{
    ahead_queue *found = NULL;
    *more = false;
    for (uint32_t i = 0; i < ahead->n_files; i++) {
        ahead_queue *queue = &ahead->queues[i];
        if (!queue->reader || queue->done) continue;
        *more = true;
        if (queue->n < DEPTH && (!found || queue->n < found->n)) found = queue;
    }
    return found;
}

static ingest_decoded *take_free(read_ahead *ahead)
{
    ingest_decoded *batch = ahead->batches;
    ahead->batches = batch->next;
    return batch;
}

static void give_free(read_ahead *ahead, ingest_decoded *batch)
{
    batch->next = ahead->batches;
    ahead->batches = batch;
}

static void append(ahead_queue *queue, ingest_decoded *batch)
{
    batch->next = NULL;
    *queue->tail = batch;
    queue->tail = &batch->next;
    queue->n++;
    queue->done = batch->last;
}

static void *work(void *user)
{
    read_ahead *ahead = user;
    bool more = true;
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->closed && more) {
        ahead_queue *queue = shortest(ahead, &more);
        if (!queue) {
            if (more) pthread_cond_wait(&ahead->drained, &ahead->lock);
            continue;
        }
        ingest_decoded *batch = take_free(ahead);
        pthread_mutex_unlock(&ahead->lock);
        ingest_reader_fill(queue->reader, batch);
        pthread_mutex_lock(&ahead->lock);
        append(queue, batch);
        if (queue->n == 1) pthread_cond_signal(&ahead->filled);
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

/* ingest_ahead_fn */
static ingest_decoded *swap(void *user, uint32_t file, ingest_decoded *done)
{
    read_ahead *ahead = user;
    ahead_queue *queue = &ahead->queues[file];
    pthread_mutex_lock(&ahead->lock);
    while (done) {
        ingest_decoded *next = done->next;
        give_free(ahead, done);
        done = next;
    }
    while (!queue->first) pthread_cond_wait(&ahead->filled, &ahead->lock);
    ingest_decoded *batch = queue->first;
    queue->first = batch->next;
    if (!queue->first) queue->tail = &queue->first;
    queue->n--;
    if (queue->n <= WAKE_AT) pthread_cond_signal(&ahead->drained);
    pthread_mutex_unlock(&ahead->lock);
    return batch;
}

/* ---- making and ending ---- */

static uint32_t find_readers(read_ahead *ahead, const ingest_replay *files)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < ahead->n_files; i++) {
        ahead->queues[i].reader = ingest_replay_reader(files, i);
        ahead->queues[i].tail = &ahead->queues[i].first;
        found += ahead->queues[i].reader != NULL;
    }
    return found;
}

static bool make_batches(read_ahead *ahead, uint32_t n_readers)
{
    uint32_t wanted = n_readers * (DEPTH + INGEST_AHEAD_KEPT) + 1;      /* queued and at the replay, for each file; and one being filled */
    for (uint32_t i = 0; i < wanted; i++) {
        ingest_decoded *batch = ingest_decoded_new();
        if (!batch) return false;
        give_free(ahead, batch);
    }
    return true;
}

static void free_list(ingest_decoded *batch)
{
    while (batch) {
        ingest_decoded *next = batch->next;
        ingest_decoded_free(batch);
        batch = next;
    }
}

egret_status read_ahead_start(ingest_replay *files, uint32_t n_files, read_ahead **out)
{
    *out = NULL;
    if (n_files > READ_AHEAD_MAX_FILES) return EGRET_OK;
    read_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead) return EGRET_NO_MEMORY;
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->filled, NULL);
    pthread_cond_init(&ahead->drained, NULL);
    ahead->queues = calloc(n_files, sizeof *ahead->queues);
    ahead->n_files = ahead->queues ? n_files : 0;
    uint32_t n_readers = find_readers(ahead, files);
    egret_status status = ahead->n_files > 0 && make_batches(ahead, n_readers) ? EGRET_OK : EGRET_NO_MEMORY;
    if (status == EGRET_OK && n_readers > 0) {
        ahead->started = pthread_create(&ahead->thread, NULL, work, ahead) == 0;
        status = ahead->started ? EGRET_OK : EGRET_IO;
    }
    if (ahead->started) {
        ingest_replay_read_ahead(files, swap, ahead);
        *out = ahead;
    } else {
        read_ahead_stop(ahead);
    }
    return status;
}

void read_ahead_stop(read_ahead *ahead)
{
    if (!ahead) return;
    pthread_mutex_lock(&ahead->lock);
    ahead->closed = true;
    pthread_cond_signal(&ahead->drained);
    pthread_mutex_unlock(&ahead->lock);
    if (ahead->started) pthread_join(ahead->thread, NULL);
    for (uint32_t i = 0; i < ahead->n_files; i++) free_list(ahead->queues[i].first);
    free_list(ahead->batches);
    free(ahead->queues);
    pthread_cond_destroy(&ahead->drained);
    pthread_cond_destroy(&ahead->filled);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

uint32_t read_ahead_threads(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1 ? 2 : 1;
}
