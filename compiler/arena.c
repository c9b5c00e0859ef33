/*
 * arena.c: pages of memory that are handed out in order and given back together.
 *
 * A compile makes thousands of small nodes that all live exactly as long as the compiled rules. Freeing them one by
 * one would be code, time and a source of leaks, so they come from pages: an allocation moves a mark forward, and
 * the whole arena is freed by walking the list of pages. Pages grow from 4 KB to 256 KB; what is larger than a page
 * gets a page of its own size.
 *
 * Invariants: `used` is a multiple of 16 and at most `size`; the newest page is the only one that is allocated from;
 * memory handed out is zero; a failed allocation is remembered in `failed`, so that a long piece of work may ask
 * once at its end instead of after each node.
 */
#include "compiler/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_PAGE_BYTES = 4096, LARGEST_PAGE_BYTES = 256 * 1024 };

typedef struct egret_arena_page {
    struct egret_arena_page *older;
    size_t size;    /* bytes after the header */
    size_t used;
    _Alignas(16) unsigned char bytes[];
} arena_page;

static void *alloc_by_realloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

egret_mem egret_mem_of(const egret_options *options)
{
    if (options == NULL || options->alloc == NULL)
        return (egret_mem){ alloc_by_realloc, NULL };
    return (egret_mem){ options->alloc, options->alloc_user };
}

void *egret_mem_alloc(egret_mem mem, size_t size)
{
    return mem.fn(mem.user, NULL, 0, size == 0 ? 1 : size);
}

void *egret_mem_grow(egret_mem mem, void *ptr, size_t old_size, size_t new_size)
{
    return mem.fn(mem.user, ptr, old_size, new_size == 0 ? 1 : new_size);
}

void egret_mem_free(egret_mem mem, void *ptr, size_t size)
{
    if (ptr != NULL)
        mem.fn(mem.user, ptr, size, 0);
}

static size_t page_bytes(const arena_page *page)
{
    return sizeof(arena_page) + page->size;
}

void egret_arena_init(egret_arena *arena, egret_mem mem)
{
    *arena = (egret_arena){ .mem = mem };
}

static void free_pages(egret_arena *arena, arena_page *page)
{
    while (page != NULL) {
        arena_page *older = page->older;
        egret_mem_free(arena->mem, page, page_bytes(page));
        page = older;
    }
}

void egret_arena_deinit(egret_arena *arena)
{
    free_pages(arena, arena->page);
    arena->page = NULL;
    arena->failed = false;
}

void egret_arena_reset(egret_arena *arena)
{
    arena->failed = false;
    if (arena->page == NULL)
        return;
    free_pages(arena, arena->page->older);
    arena->page->older = NULL;
    arena->page->used = 0;
}

size_t egret_arena_bytes(const egret_arena *arena)
{
    size_t bytes = 0;
    for (const arena_page *page = arena->page; page != NULL; page = page->older)
        bytes += page_bytes(page);
    return bytes;
}

/* Puts a page with room for `size` bytes in front; NULL when there is no memory. */
static arena_page *page_add(egret_arena *arena, size_t size)
{
    size_t room = FIRST_PAGE_BYTES - sizeof(arena_page);
    if (arena->page != NULL)
        room = arena->page->size * 2;
    if (room > LARGEST_PAGE_BYTES - sizeof(arena_page))
        room = LARGEST_PAGE_BYTES - sizeof(arena_page);
    if (room < size)
        room = size;
    if (room > SIZE_MAX - sizeof(arena_page))
        return NULL;
    arena_page *page = egret_mem_alloc(arena->mem, sizeof(arena_page) + room);
    if (page == NULL)
        return NULL;
    page->older = arena->page;
    page->size = room;
    page->used = 0;
    arena->page = page;
    return page;
}

void *egret_arena_alloc(egret_arena *arena, size_t size)
{
    if (size == 0)
        size = 1;
    if (size > SIZE_MAX - (ALIGNMENT - 1)) {
        arena->failed = true;
        return NULL;
    }
    size = (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
    arena_page *page = arena->page;
    if (page == NULL || page->used > page->size || page->size - page->used < size)
        page = page_add(arena, size);
    if (page == NULL) {
        arena->failed = true;
        return NULL;
    }
    void *out = page->bytes + page->used;
    page->used += size;
    memset(out, 0, size);
    return out;
}

egret_str egret_arena_str(egret_arena *arena, const char *ptr, size_t len)
{
    if (len >= UINT32_MAX) {
        arena->failed = true;
        return (egret_str){ "", 0 };
    }
    char *copy = egret_arena_alloc(arena, len + 1);
    if (copy == NULL)
        return (egret_str){ "", 0 };
    if (len > 0)
        memcpy(copy, ptr, len);
    return (egret_str){ copy, (uint32_t)len };
}

char *egret_arena_printf(egret_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *out = len < 0 ? NULL : egret_arena_alloc(arena, (size_t)len + 1);
    if (out != NULL)
        vsnprintf(out, (size_t)len + 1, format, again);
    else
        arena->failed = true;
    va_end(again);
    return out;
}

bool egret_str_eq(egret_str a, egret_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool egret_str_is(egret_str a, const char *literal)
{
    size_t len = strlen(literal);
    return a.len == len && (len == 0 || memcmp(a.ptr, literal, len) == 0);
}

int egret_str_cmp(egret_str a, egret_str b)
{
    uint32_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}
