/*
 * pages.c: segments, pages and runs.
 *
 *   segment (127 pages in 2 MB; the first ones are smaller)  |page|page|page|…
 *   page of a class                                 |run|run|run|…    numbered from 0
 *
 * A run is named by its page alone (the block keeps that number): from the page follow its class, from its address its
 * number. Nothing is written into pages but a freed run's link, so 128-byte blocks fill a page to the last byte.
 *
 * When keys that have one size grow in random order, most pages of that size end up with one or two runs in use. Such sparse pages are
 * kept apart: new runs come from them last, and whoever can move runs (nfa_store_tidy) empties them.
 *
 * Invariants: a page is in the list of free pages, or in one of the two lists of its class (0 < free runs), or in none (full, or a
 * chunk). live runs + freed runs = fresh. n_free of a segment counts its pages in the free list.
 */
#include "nfa/pages.h"

#include <string.h>

enum { NO_RUN = UINT16_MAX, CACHE_LINE = 64, SPARSE_SHARE = 8, SPARSE_PAGES = 16, SMALLER_SEGMENTS = 12, DIRECT_UNIT = 64 /* in which the capacity of a direct run is kept */ };

/* Classes above 1 KB fill the page with 14, 12, 10, 9, 8, 7, 6, 5, 4, 3 and 2 runs. */
static const uint16_t large_class[11] = {1168, 1360, 1632, 1808, 2048, 2336, 2720, 3264, 4096, 5456, 8192};

static uint32_t class_of(uint32_t size)
{
    if (size <= 1024)
        return size == 0 ? 0 : (size + 15) / 16 - 1;
    uint32_t i = 0;
    while (large_class[i] < size)
        i++;
    return 64 + i;
}

static uint32_t class_bytes(uint32_t size_class)
{
    return size_class < 64 ? (size_class + 1) * 16 : large_class[size_class - 64];
}

static nfa_page_info *info_of(const nfa_pages *pages, uint32_t page)
{
    return &pages->segments[page / NFA_PAGES_PER_SEGMENT]->info[page % NFA_PAGES_PER_SEGMENT];
}

void nfa_pages_init(nfa_pages *pages, egret_mem mem)
{
    memset(pages, 0, sizeof *pages);
    pages->mem = mem;
    pages->free_page = NFA_NO_PAGE;
    for (uint32_t i = 0; i < NFA_RUN_CLASSES; i++)
        pages->partial[i] = pages->sparse[i] = NFA_NO_PAGE;
}

static void segment_free(nfa_pages *pages, nfa_segment *segment)
{
    egret_mem_free(pages->mem, segment->memory, segment->size);
    pages->bytes -= segment->size + sizeof *segment;
    egret_mem_free(pages->mem, segment, sizeof *segment);
}

void nfa_pages_deinit(nfa_pages *pages)
{
    for (uint32_t i = 0; i < pages->n_segments; i++)
        if (pages->segments[i])
            segment_free(pages, pages->segments[i]);
    egret_mem_free(pages->mem, pages->segments, pages->cap_segments * sizeof *pages->segments);
    nfa_pages_init(pages, pages->mem);
}

/* ---- lists of pages ---- */

static void list_push(const nfa_pages *pages, uint32_t *head, uint32_t page)
{
    nfa_page_info *info = info_of(pages, page);
    info->prev = NFA_NO_PAGE;
    info->next = *head;
    if (*head != NFA_NO_PAGE)
        info_of(pages, *head)->prev = page;
    *head = page;
}

static void list_remove(const nfa_pages *pages, uint32_t *head, uint32_t page)
{
    nfa_page_info *info = info_of(pages, page);
    if (info->prev != NFA_NO_PAGE)
        info_of(pages, info->prev)->next = info->next;
    else
        *head = info->next;
    if (info->next != NFA_NO_PAGE)
        info_of(pages, info->next)->prev = info->prev;
}

/* ---- segments ---- */

/* A place in the table of segments, growing it where all are taken. UINT32_MAX: no memory. */
static uint32_t segment_slot(nfa_pages *pages)
{
    for (uint32_t i = 0; i < pages->n_segments; i++)
        if (!pages->segments[i])
            return i;
    if (pages->n_segments == pages->cap_segments) {
        uint32_t cap = pages->cap_segments ? pages->cap_segments * 2 : 8;
        if (cap > (NFA_RUN_DIRECT - 1) / NFA_PAGES_PER_SEGMENT)
            return UINT32_MAX;
        nfa_segment **grown = egret_mem_grow(pages->mem, pages->segments, pages->cap_segments * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return UINT32_MAX;
        pages->bytes += (cap - pages->cap_segments) * sizeof *grown;
        pages->segments = grown;
        pages->cap_segments = cap;
    }
    pages->segments[pages->n_segments] = NULL;
    return pages->n_segments++;
}

/* Bytes of the segment in that place. The first ones are smaller, so that a store with few keys costs little, and below half of a page of 2 MB. Those that are whole take 2 MB to the byte
 * and have one page less, as pages begin where lines of the cache do, and the memory may not. */
static size_t segment_bytes(uint32_t slot)
{
    uint32_t n_pages = slot < 4 ? 4u << slot : slot < SMALLER_SEGMENTS ? NFA_PAGES_PER_SEGMENT / 2 - 1 : NFA_PAGES_PER_SEGMENT;
    return (size_t)n_pages * NFA_PAGE_BYTES + (n_pages < NFA_PAGES_PER_SEGMENT ? CACHE_LINE : 0);
}

static bool segment_new(nfa_pages *pages)
{
    uint32_t slot = segment_slot(pages);
    if (slot == UINT32_MAX)
        return false;
    size_t size = segment_bytes(slot);
    uint32_t n_pages = (uint32_t)((size - CACHE_LINE) / NFA_PAGE_BYTES);
    nfa_segment *segment = egret_mem_alloc(pages->mem, sizeof *segment);
    if (!segment)
        return false;
    memset(segment, 0, sizeof *segment);
    segment->memory = egret_mem_alloc(pages->mem, size);
    if (!segment->memory) {
        egret_mem_free(pages->mem, segment, sizeof *segment);
        return false;
    }
    segment->base = segment->memory + (CACHE_LINE - (uintptr_t)segment->memory % CACHE_LINE) % CACHE_LINE;
    segment->size = size;
    segment->n_pages = n_pages;
    segment->n_free = n_pages;
    pages->segments[slot] = segment;
    pages->bytes += size + sizeof *segment;
    pages->n_free += n_pages;
    for (uint32_t i = n_pages; i-- > 0;)
        list_push(pages, &pages->free_page, slot * NFA_PAGES_PER_SEGMENT + i);
    return true;
}

uint32_t nfa_page_new(nfa_pages *pages)
{
    if (pages->free_page == NFA_NO_PAGE && !segment_new(pages))
        return NFA_NO_PAGE;
    uint32_t page = pages->free_page;
    list_remove(pages, &pages->free_page, page);
    pages->segments[page / NFA_PAGES_PER_SEGMENT]->n_free--;
    pages->n_free--;
    pages->used += NFA_PAGE_BYTES;
    return page;
}

/* Gives a segment back when nothing of it is used, but keeps as many free pages at hand. */
static void segment_retire(nfa_pages *pages, uint32_t slot)
{
    nfa_segment *segment = pages->segments[slot];
    if (segment->n_free < segment->n_pages || pages->n_free < 2 * segment->n_pages)
        return;
    for (uint32_t i = 0; i < segment->n_pages; i++)
        list_remove(pages, &pages->free_page, slot * NFA_PAGES_PER_SEGMENT + i);
    pages->n_free -= segment->n_pages;
    segment_free(pages, segment);
    pages->segments[slot] = NULL;
}

void nfa_page_free(nfa_pages *pages, uint32_t page)
{
    uint32_t slot = page / NFA_PAGES_PER_SEGMENT;
    list_push(pages, &pages->free_page, page);
    pages->segments[slot]->n_free++;
    pages->n_free++;
    pages->used -= NFA_PAGE_BYTES;
    segment_retire(pages, slot);
}

/* ---- runs ---- */

static uint32_t direct_capacity(uint32_t size)
{
    uint32_t capacity = NFA_RUN_LARGEST;
    while (capacity < size)
        capacity += capacity / 4 / DIRECT_UNIT * DIRECT_UNIT;
    return capacity;
}

uint32_t nfa_run_fit(uint32_t size)
{
    return size > NFA_RUN_LARGEST ? direct_capacity(size) : class_bytes(class_of(size));
}

uint32_t nfa_run_capacity(const nfa_pages *pages, uint32_t home)
{
    if (nfa_run_is_direct(home))
        return (home & ~NFA_RUN_DIRECT) * DIRECT_UNIT;
    return class_bytes(info_of(pages, home)->size_class);
}

static char *direct_alloc(nfa_pages *pages, uint32_t size, uint32_t *home)
{
    uint32_t capacity = direct_capacity(size);
    char *run = egret_mem_alloc(pages->mem, capacity);
    if (run) {
        pages->bytes += capacity;
        pages->used += capacity;
        pages->n_direct++;
        *home = NFA_RUN_DIRECT | capacity / DIRECT_UNIT;
    }
    return run;
}

/* The list the page is in, or would be in. */
static uint32_t *run_list(nfa_pages *pages, const nfa_page_info *info)
{
    return info->sparse ? &pages->sparse[info->size_class] : &pages->partial[info->size_class];
}

static bool is_full(const nfa_page_info *info)
{
    return info->free_run == NO_RUN && (info->fresh + 1u) * class_bytes(info->size_class) > NFA_PAGE_BYTES;
}

static void set_sparse(nfa_pages *pages, uint32_t page, bool sparse)
{
    nfa_page_info *info = info_of(pages, page);
    list_remove(pages, run_list(pages, info), page);
    info->sparse = sparse;
    list_push(pages, run_list(pages, info), page);
    pages->n_sparse = sparse ? pages->n_sparse + 1 : pages->n_sparse - 1;
}

/* A page with a free run of the class, first of its list. */
static uint32_t partial_page(nfa_pages *pages, uint32_t size_class)
{
    if (pages->partial[size_class] != NFA_NO_PAGE)
        return pages->partial[size_class];
    uint32_t page = pages->sparse[size_class];
    if (page != NFA_NO_PAGE) {
        set_sparse(pages, page, false);
        return page;
    }
    page = nfa_page_new(pages);
    if (page == NFA_NO_PAGE)
        return page;
    pages->used -= NFA_PAGE_BYTES;  /* its runs count, each by itself */
    nfa_page_info *info = info_of(pages, page);
    info->size_class = (uint8_t)size_class;
    info->sparse = false;
    info->live = 0;
    info->free_run = NO_RUN;
    info->fresh = 0;
    list_push(pages, &pages->partial[size_class], page);
    return page;
}

char *nfa_run_alloc(nfa_pages *pages, uint32_t size, uint32_t *home)
{
    if (size > NFA_RUN_LARGEST)
        return direct_alloc(pages, size, home);
    uint32_t size_class = class_of(size);
    uint32_t bytes = class_bytes(size_class);
    uint32_t page = partial_page(pages, size_class);
    if (page == NFA_NO_PAGE)
        return NULL;
    nfa_page_info *info = info_of(pages, page);
    char *run;
    if (info->free_run != NO_RUN) {
        run = nfa_page_at(pages, page) + (size_t)info->free_run * bytes;
        memcpy(&info->free_run, run, sizeof info->free_run);
    } else {
        run = nfa_page_at(pages, page) + (size_t)info->fresh * bytes;
        info->fresh++;
    }
    info->live++;
    pages->used += bytes;
    if (is_full(info))
        list_remove(pages, &pages->partial[size_class], page);
    *home = page;
    return run;
}

/* After a run of the page was freed: it may have become sparse, or empty. The last page of a class stays as it is, empty or not: its
 * next run will be wanted soon. */
static void page_thinned(nfa_pages *pages, uint32_t page)
{
    nfa_page_info *info = info_of(pages, page);
    if (info->live == 0 && (info->sparse || info->prev != NFA_NO_PAGE || info->next != NFA_NO_PAGE)) {
        list_remove(pages, run_list(pages, info), page);
        pages->n_sparse -= info->sparse;
        pages->used += NFA_PAGE_BYTES;
        nfa_page_free(pages, page);
    } else if (!info->sparse && info->live * SPARSE_SHARE * class_bytes(info->size_class) <= NFA_PAGE_BYTES &&
               (info->prev != NFA_NO_PAGE || info->next != NFA_NO_PAGE)) {
        set_sparse(pages, page, true);
    }
}

void nfa_run_free(nfa_pages *pages, char *run, uint32_t home)
{
    if (nfa_run_is_direct(home)) {
        uint32_t capacity = (home & ~NFA_RUN_DIRECT) * DIRECT_UNIT;
        egret_mem_free(pages->mem, run, capacity);
        pages->bytes -= capacity;
        pages->used -= capacity;
        pages->n_direct--;
        return;
    }
    nfa_page_info *info = info_of(pages, home);
    if (is_full(info))
        list_push(pages, run_list(pages, info), home);
    memcpy(run, &info->free_run, sizeof info->free_run);
    info->free_run = (uint16_t)((size_t)(run - nfa_page_at(pages, home)) / class_bytes(info->size_class));
    info->live--;
    pages->used -= class_bytes(info->size_class);
    page_thinned(pages, home);
}

/* ---- sparse pages ---- */

/* The runs in use are those that were ever used and are not among the freed ones. */
static void list_live_runs(const nfa_pages *pages, uint32_t page, nfa_sparse *out)
{
    bool freed[NFA_PAGE_BYTES / 16] = {false};
    const nfa_page_info *info = info_of(pages, page);
    const char *base = nfa_page_at(pages, page);
    out->page = page;
    out->n = 0;
    out->bytes = class_bytes(info->size_class);
    for (uint16_t run = info->free_run; run != NO_RUN; memcpy(&run, base + (size_t)run * out->bytes, sizeof run))
        freed[run] = true;
    for (uint16_t run = 0; run < info->fresh; run++)
        if (!freed[run])
            out->run[out->n++] = run;
}

bool nfa_sparse_take(nfa_pages *pages, nfa_sparse *out)
{
    if (pages->n_sparse < SPARSE_PAGES)
        return false;
    for (uint32_t i = 0; i < NFA_RUN_CLASSES; i++) {
        uint32_t page = pages->sparse[i];
        if (page == NFA_NO_PAGE || (pages->partial[i] == NFA_NO_PAGE && info_of(pages, page)->next == NFA_NO_PAGE))
            continue;   /* its runs would have nowhere to go but a new page */
        list_remove(pages, &pages->sparse[i], page);
        pages->n_sparse--;
        list_live_runs(pages, page, out);
        return true;
    }
    return false;
}

void nfa_sparse_done(nfa_pages *pages, const nfa_sparse *sparse, uint32_t n_moved)
{
    if (n_moved == sparse->n) {
        pages->used += NFA_PAGE_BYTES;
        pages->used -= (size_t)sparse->n * sparse->bytes;
        nfa_page_free(pages, sparse->page);
        return;
    }
    list_push(pages, &pages->sparse[info_of(pages, sparse->page)->size_class], sparse->page);
    pages->n_sparse++;
    char *base = nfa_page_at(pages, sparse->page);
    for (uint32_t i = 0; i < n_moved; i++)
        nfa_run_free(pages, base + (size_t)sparse->run[i] * sparse->bytes, sparse->page);
}
