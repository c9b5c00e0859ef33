/*
 * pages.h: the memory of one store of blocks: pages of 16 KB cut from larger segments, and runs of bytes of any size.
 *
 * A page serves either as a chunk of a part that has outgrown its block, or it is cut into runs of one size class that
 * hold blocks. A page whose last run is freed serves anything again, and a segment without used pages goes back to the
 * allocator: keys that all grow from one size to the next do not leave their old size behind.
 */
#ifndef EGRET_NFA_PAGES_H
#define EGRET_NFA_PAGES_H

#include "compiler/arena.h"

enum {
    NFA_PAGE_BYTES = 16384,
    NFA_PAGES_PER_SEGMENT = 128,    /* 2 MB: what a host may have in one page of its own */
    NFA_RUN_CLASSES = 75,           /* 16, 32 … 1024, then eleven steps to 8192 */
    NFA_RUN_LARGEST = 8192          /* larger runs come from the allocator itself */
};

#define NFA_NO_PAGE UINT32_MAX
#define NFA_RUN_DIRECT UINT32_C(0x80000000) /* in a run's home: it is the allocator's own; the other bits are its capacity */

/* What is known of a page. Free pages, and pages of a class that have a free run, are doubly linked. */
typedef struct nfa_page_info {
    uint32_t prev, next;
    uint8_t size_class;
    bool sparse;            /* it is in the list of sparse pages */
    uint16_t live;          /* runs in use */
    uint16_t free_run;      /* first of the freed runs; each holds the number of the next. UINT16_MAX: none */
    uint16_t fresh;         /* runs from here on were never used */
} nfa_page_info;

typedef struct nfa_segment {
    char *memory;           /* as the allocator gave it */
    size_t size;            /* of it */
    char *base;             /* of the first page: a run of 64 or 128 bytes does not straddle more cache lines than it must */
    uint32_t n_pages, n_free;
    nfa_page_info info[NFA_PAGES_PER_SEGMENT];
} nfa_segment;

typedef struct nfa_pages {
    egret_mem mem;
    nfa_segment **segments;             /* NULL where one was given back */
    uint32_t n_segments, cap_segments;
    uint32_t free_page;                 /* head of the list of free pages */
    uint32_t n_free;
    uint32_t partial[NFA_RUN_CLASSES];  /* head of the list of pages with a free run, per class */
    uint32_t sparse[NFA_RUN_CLASSES];   /* … of which at most an eighth is used: taken from last, emptied by nfa_sparse_take */
    uint32_t n_sparse;                  /* pages in the lists of sparse ones */
    uint32_t n_direct;                  /* runs that are the allocator's own */
    size_t used;                        /* bytes of runs and chunks in use */
    size_t bytes;                       /* everything taken from mem */
} nfa_pages;

void nfa_pages_init(nfa_pages *pages, egret_mem mem);
void nfa_pages_deinit(nfa_pages *pages);    /* direct runs must have been freed */

/* A page of NFA_PAGE_BYTES, 16-byte aligned, not zeroed. NFA_NO_PAGE: no memory. */
uint32_t nfa_page_new(nfa_pages *pages);
void nfa_page_free(nfa_pages *pages, uint32_t page);

static inline char *nfa_page_at(const nfa_pages *pages, uint32_t page)
{
    return pages->segments[page / NFA_PAGES_PER_SEGMENT]->base + (size_t)(page % NFA_PAGES_PER_SEGMENT) * NFA_PAGE_BYTES;
}

/* A run of at least `size` bytes, 16-byte aligned, not zeroed; size is at most 2^30. *home says where it is from; it is needed to free it.
 * NULL: no memory. */
char *nfa_run_alloc(nfa_pages *pages, uint32_t size, uint32_t *home);
void nfa_run_free(nfa_pages *pages, char *run, uint32_t home);
static inline bool nfa_run_is_direct(uint32_t home)
{
    return (home & NFA_RUN_DIRECT) != 0;
}

uint32_t nfa_run_capacity(const nfa_pages *pages, uint32_t home);
/* The capacity a run of `size` bytes would have. */
uint32_t nfa_run_fit(uint32_t size);

/* A page whose runs may move elsewhere, so that it serves something else. */
enum { NFA_SPARSE_RUNS = NFA_PAGE_BYTES / 16 / 8 };
typedef struct nfa_sparse {
    uint32_t page, n, bytes;            /* n runs of so many bytes each are in use */
    uint16_t run[NFA_SPARSE_RUNS];      /* their numbers */
} nfa_sparse;

/* Finds a sparse page, when there are many, and takes it out of its list. The caller then moves its runs, in order, and says how many. */
bool nfa_sparse_take(nfa_pages *pages, nfa_sparse *out);
void nfa_sparse_done(nfa_pages *pages, const nfa_sparse *sparse, uint32_t n_moved);

#endif
