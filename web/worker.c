/*
 * worker.c: see worker.h.
 */
#include "web/worker.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct work {
    worker_job job;
    void *user;
} work;

struct worker_pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    work *ring;
    unsigned size, first, n;
    bool ending;
    unsigned n_threads;
    pthread_t threads[];
};

static void *run(void *user)
{
    worker_pool *pool = user;
    pthread_mutex_lock(&pool->lock);
    while (pool->n > 0 || !pool->ending) {
        if (pool->n == 0) {
            pthread_cond_wait(&pool->more, &pool->lock);
            continue;
        }
        work next = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->size;
        pool->n--;
        pthread_mutex_unlock(&pool->lock);
        next.job(next.user);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

worker_pool *worker_pool_new(unsigned threads, unsigned max_waiting)
{
    worker_pool *pool = calloc(1, sizeof *pool + threads * sizeof pool->threads[0]);
    if (!pool) return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pool->size = max_waiting > 0 ? max_waiting : 1;
    pool->ring = calloc(pool->size, sizeof *pool->ring);
    while (pool->ring && pool->n_threads < threads && pthread_create(&pool->threads[pool->n_threads], NULL, run, pool) == 0) pool->n_threads++;
    if (pool->n_threads > 0) return pool;
    worker_pool_free(pool);
    return NULL;
}

bool worker_pool_put(worker_pool *pool, worker_job job, void *user)
{
    pthread_mutex_lock(&pool->lock);
    bool fits = pool->n < pool->size && !pool->ending;
    if (fits) pool->ring[(pool->first + pool->n++) % pool->size] = (work){job, user};
    pthread_cond_signal(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

void worker_pool_free(worker_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_threads; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    free(pool->ring);
    free(pool);
}
