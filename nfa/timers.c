/*
 * timers.c: a heap of (due, block), four children to a node.
 *
 * Four children instead of two: the heap is half as deep, and the four children lie in one cache line, which is what a pop of a
 * heap of millions waits for. Hints are ordered by (due, block), so the order of pops does not depend on the order of pushes.
 */
#include "nfa/timers.h"

#include <string.h>

enum { FIRST_CAP = 64, ARITY = 4 };

typedef struct hint {
    int64_t due_ms;
    uint32_t block;
} hint;

struct nfa_timers {
    egret_mem mem;
    hint *heap;
    size_t count, cap;
};

nfa_timers *nfa_timers_new(egret_mem mem)
{
    nfa_timers *timers = egret_mem_alloc(mem, sizeof *timers);
    if (timers)
        *timers = (nfa_timers){.mem = mem, .heap = NULL, .count = 0, .cap = 0};
    return timers;
}

void nfa_timers_free(nfa_timers *timers)
{
    if (!timers)
        return;
    egret_mem_free(timers->mem, timers->heap, timers->cap * sizeof *timers->heap);
    egret_mem_free(timers->mem, timers, sizeof *timers);
}

static bool resize(nfa_timers *timers, size_t cap)
{
    hint *heap = egret_mem_grow(timers->mem, timers->heap, timers->cap * sizeof *heap, cap * sizeof *heap);
    if (!heap)
        return false;
    timers->heap = heap;
    timers->cap = cap;
    return true;
}

static bool before(hint a, hint b)
{
    return a.due_ms < b.due_ms || (a.due_ms == b.due_ms && a.block < b.block);
}

bool nfa_timers_push(nfa_timers *timers, int64_t due_ms, uint32_t block)
{
    if (timers->count == timers->cap && !resize(timers, timers->cap ? timers->cap + timers->cap / 2 : FIRST_CAP))
        return false;
    hint h = {.due_ms = due_ms, .block = block};
    size_t i = timers->count++;
    while (i > 0 && before(h, timers->heap[(i - 1) / ARITY])) {
        timers->heap[i] = timers->heap[(i - 1) / ARITY];
        i = (i - 1) / ARITY;
    }
    timers->heap[i] = h;
    return true;
}

bool nfa_timers_top(const nfa_timers *timers, int64_t *due_ms, uint32_t *block)
{
    if (timers->count == 0)
        return false;
    *due_ms = timers->heap[0].due_ms;
    *block = timers->heap[0].block;
    return true;
}

void nfa_timers_pop(nfa_timers *timers)
{
    if (timers->count == 0)
        return;
    hint h = timers->heap[--timers->count];
    size_t n = timers->count;
    size_t i = 0;
    for (;;) {
        size_t child = i * ARITY + 1;
        if (child >= n)
            break;
        size_t end = child + ARITY < n ? child + ARITY : n;
        size_t least = child;
        for (child++; child < end; child++)
            if (before(timers->heap[child], timers->heap[least]))
                least = child;
        if (!before(timers->heap[least], h))
            break;
        timers->heap[i] = timers->heap[least];
        i = least;
    }
    if (n > 0)
        timers->heap[i] = h;
    if (n > FIRST_CAP && n < timers->cap / 4)
        resize(timers, timers->cap / 2);    /* when there is no memory to shrink, it stays large */
}

size_t nfa_timers_count(const nfa_timers *timers)
{
    return timers->count;
}
