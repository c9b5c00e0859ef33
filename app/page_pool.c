/*
 * page_pool.c: see page_pool.h. Pieces are looked for by their exact size: two sets that differ in one rule ask for the same ones.
 */
#include "app/page_pool.h"

#include <pthread.h>
#include <stdlib.h>

enum { MOST_PIECES = 1024 };

typedef struct piece { void *ptr; size_t size; } piece;

static struct {
    pthread_mutex_t lock;
    piece pieces[MOST_PIECES];
    size_t n, bytes;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The newest of that size: it is the likeliest to be in the cache. */
static void *take(size_t size)
{
    void *found = NULL;
    pthread_mutex_lock(&pool.lock);
    for (size_t i = pool.n; i-- > 0 && !found;) {
        if (pool.pieces[i].size != size) continue;
        found = pool.pieces[i].ptr;
        pool.pieces[i] = pool.pieces[--pool.n];
        pool.bytes -= size;
    }
    pthread_mutex_unlock(&pool.lock);
    return found;
}

static bool give(void *ptr, size_t size)
{
    pthread_mutex_lock(&pool.lock);
    bool fits = pool.n < MOST_PIECES && size <= PAGE_POOL_MOST - pool.bytes;
    if (fits) {
        pool.pieces[pool.n++] = (piece){ptr, size};
        pool.bytes += size;
    }
    pthread_mutex_unlock(&pool.lock);
    return fits;
}

static void *alloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    if (new_size == 0) {
        if (ptr && (old_size < PAGE_POOL_LEAST || !give(ptr, old_size))) free(ptr);
        return NULL;
    }
    void *kept = !ptr && new_size >= PAGE_POOL_LEAST ? take(new_size) : NULL;
    return kept ? kept : realloc(ptr, new_size);
}

egret_mem page_pool_mem(void)
{
    return (egret_mem){alloc, NULL};
}

size_t page_pool_kept(void)
{
    pthread_mutex_lock(&pool.lock);
    size_t bytes = pool.bytes;
    pthread_mutex_unlock(&pool.lock);
    return bytes;
}

void page_pool_empty(void)
{
    pthread_mutex_lock(&pool.lock);
    while (pool.n > 0) free(pool.pieces[--pool.n].ptr);
    pool.bytes = 0;
    pthread_mutex_unlock(&pool.lock);
}
