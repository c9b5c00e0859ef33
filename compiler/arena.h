/*
 * arena.h: memory for one compile (or one event) that is freed in one blow.
 * Everything the compiler makes for one set of rules lives in one arena; nothing in it is freed singly.
 */
#ifndef EGRET_COMPILER_ARENA_H
#define EGRET_COMPILER_ARENA_H

#include "egret.h"

/* The allocator hook of egret_options, resolved: fn is never NULL. Passed by value, borrowed by whoever holds it. */
typedef struct egret_mem {
    egret_alloc_fn fn;
    void *user;
} egret_mem;

egret_mem egret_mem_of(const egret_options *options);            /* NULL options: realloc and free */
void *egret_mem_alloc(egret_mem mem, size_t size);               /* not zeroed; NULL: no memory */
void *egret_mem_grow(egret_mem mem, void *ptr, size_t old_size, size_t new_size);
void egret_mem_free(egret_mem mem, void *ptr, size_t size);      /* ptr NULL is allowed */

struct egret_arena_page;
typedef struct egret_arena {
    egret_mem mem;
    struct egret_arena_page *page;   /* newest first */
    bool failed;                     /* sticky: some allocation failed */
} egret_arena;

/* A slice of text; borrowed from a source or an arena. */
typedef struct egret_str {
    const char *ptr;
    uint32_t len;
} egret_str;

void egret_arena_init(egret_arena *arena, egret_mem mem);
void egret_arena_deinit(egret_arena *arena);
/* Empties it but keeps its newest page for reuse (per-event scratch). */
void egret_arena_reset(egret_arena *arena);
size_t egret_arena_bytes(const egret_arena *arena);     /* it has taken from its memory */
/* Zeroed, 16-byte aligned; NULL and arena->failed when there is no memory. */
void *egret_arena_alloc(egret_arena *arena, size_t size);
egret_str egret_arena_str(egret_arena *arena, const char *ptr, size_t len);   /* a NUL-terminated copy */
char *egret_arena_printf(egret_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool egret_str_eq(egret_str a, egret_str b);
bool egret_str_is(egret_str a, const char *literal);
int egret_str_cmp(egret_str a, egret_str b);   /* by bytes, then length */

#endif
