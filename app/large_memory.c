/*
 * large_memory.c: see large_memory.h.
 *
 * A store of a hundred thousand keys is looked at in random order. In pages of 4 KB nearly each look also waits for the page table, which no
 * cache holds; in pages of 2 MB it does not. So large pieces begin where such a page may begin, and the system is asked for them as far as whole ones
 * go. What is left at the end of a piece is in one more where it fills half of it or more, else in small pages: so no more than 1 MB is taken
 * beyond what was asked for.
 */
#include "app/large_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)
#define SMALL_PAGE ((size_t)4 << 10)
#define LARGE_PIECE (LARGE_PAGE / 2)

static size_t in_large_pages(size_t size)
{
    return (size + LARGE_PAGE / 2) & ~(LARGE_PAGE - 1);
}

static size_t whole_pages(size_t size)
{
    size_t small = (size + SMALL_PAGE - 1) & ~(SMALL_PAGE - 1), large = in_large_pages(size);
    return small > large ? small : large;
}

/* Maps more than is wanted, and gives back what stands before and behind the part that begins well. */
static void *large_new(size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    size_t large = in_large_pages(size);
    size = whole_pages(size);
    char *mapped = mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return NULL;
    size_t before = (LARGE_PAGE - (uintptr_t)mapped % LARGE_PAGE) % LARGE_PAGE;
    if (before > 0) (void)munmap(mapped, before);
    if (before < LARGE_PAGE) (void)munmap(mapped + before + size, LARGE_PAGE - before);
    (void)madvise(mapped + before, large, MADV_HUGEPAGE);  /* without it small pages do */
    return mapped + before;
}

static void release(void *ptr, size_t size)
{
    if (size >= LARGE_PIECE) (void)munmap(ptr, whole_pages(size));
    else free(ptr);
}

static void *give(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    if (new_size == 0) {
        if (ptr != NULL) release(ptr, old_size);
        return NULL;
    }
    if (old_size >= LARGE_PIECE && new_size >= LARGE_PIECE && whole_pages(old_size) == whole_pages(new_size)) return ptr;      /* there is room */
    if (new_size < LARGE_PIECE && old_size < LARGE_PIECE) return realloc(ptr, new_size);
    void *fresh = new_size < LARGE_PIECE ? malloc(new_size) : large_new(new_size);
    if (fresh != NULL && ptr != NULL) {
        memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
        release(ptr, old_size);
    }
    return fresh;
}

egret_mem app_large_memory(void)
{
    return (egret_mem){.fn = give};
}
