/*
 * scarce.h: memory that ends after some allocations, for tests that want to see what happens then. An allocator hook of egret_options;
 * its user is the number of allocations that are left.
 */
#ifndef EGRET_TESTS_SUPPORT_SCARCE_H
#define EGRET_TESTS_SUPPORT_SCARCE_H

#include <stddef.h>
#include <stdlib.h>

static inline void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    unsigned *left = user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (*left == 0) {
        return NULL;
    }
    --*left;
    return realloc(ptr, new_size);
}

#endif
