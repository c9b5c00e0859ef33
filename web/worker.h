/*
 * worker.h: a few threads for work that may wait: they take jobs in order from one bounded queue.
 */
#ifndef EGRET_WEB_WORKER_H
#define EGRET_WEB_WORKER_H

#include <stdbool.h>

typedef struct worker_pool worker_pool;
typedef void (*worker_job)(void *user);

worker_pool *worker_pool_new(unsigned threads, unsigned max_waiting);   /* NULL: no memory, or no threads */
/* False: too many wait already. */
bool worker_pool_put(worker_pool *pool, worker_job job, void *user);
/* All jobs that were taken in are done when it returns. NULL is allowed. */
void worker_pool_free(worker_pool *pool);

#endif
