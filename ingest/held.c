/*
 * held.c: the queue of held events.
 *
 * Input is nearly sorted. An event not below the newest in the ring is appended to the ring; only stragglers go to a binary heap. The first event
 * is the smaller of the ring's front and the heap's top. So in-order input costs two steps an event, and input in any order the
 * logarithm of the stragglers.
 *
 * A copy is one cell: the event, its slots, then its strings. Of events whose slots somebody else keeps the cell holds the event alone.
 * Cells come in sizes of 64 bytes up to MAX_CELL, each size with its list of free cells, carved from slabs that are given back only at
 * the end: the number held moves with the stream's rate, not up and down at random. Larger events are allocated singly.
 *
 * While a cut is on its way, cells that are dropped wait in a list, as what they hold may still have to be given. Once it is over they are given back some
 * with each event, as a hundred thousand at once would be felt; those at once whose slots somebody else waits for.
 *
 * Invariants: ring[head .. head + n_ring) ascends by key; the heap's parent is not above its children.
 */
#include "ingest/held.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_STEP = 64, MAX_CELL = 2048, N_SIZES = MAX_CELL / CELL_STEP, SLAB_BYTES = 256 * 1024, TOUCH_BYTES = 256 * 1024, DROPPED_AT_ONCE = 2 };

typedef struct cell {
    nfa_event event;
    struct cell *next;      /* in the list of free cells */
    uint32_t *uses;         /* of what slots and strings lie in; NULL: they lie in the cell */
    uint32_t size;          /* bytes of the whole cell */
    uint32_t bytes;         /* counted for it: its size, and what is kept elsewhere */
    egret_value slots[];
} cell;

typedef struct entry {
    held_key key;
    cell *cell;
} entry;

typedef struct slab { struct slab *next; } slab;

struct held {
    entry *ring;
    size_t ring_capacity, head, n_ring;     /* capacity: power of two */
    entry *heap;
    size_t heap_capacity, n_heap;
    cell *free_cells[N_SIZES + 1];
    slab *slabs;
    char *carve, *carve_end;
    uint64_t bytes;
    entry *cut;             /* what was held then; its memory is kept for the next one */
    size_t cut_capacity, n_cut, cut_at;
    size_t cut_touched;     /* bytes of it the system has given memory for, at least */
    bool is_cut;
    cell *dropped;          /* since then, or since an earlier one */
    cell *dropped_uses;     /* since then: those with slots elsewhere */
};

static void free_dropped(held *queue, cell **list, size_t most);

held *held_new(void)
{
    held *queue = calloc(1, sizeof *queue);
    return queue;
}

void held_free(held *queue)
{
    if (queue == NULL)
        return;
    held_cut_end(queue);
    while (held_first(queue, NULL) != NULL)
        held_drop_first(queue);
    free_dropped(queue, &queue->dropped, SIZE_MAX);
    for (slab *at = queue->slabs; at != NULL;) {
        slab *next = at->next;
        free(at);
        at = next;
    }
    free(queue->ring);
    free(queue->heap);
    free(queue->cut);
    free(queue);
}

/* ---- cells ---- */

static cell *carve_cell(held *queue, size_t size)
{
    if ((size_t)(queue->carve_end - queue->carve) < size) {
        slab *fresh = malloc(SLAB_BYTES);
        if (fresh == NULL)
            return NULL;
        fresh->next = queue->slabs;
        queue->slabs = fresh;
        queue->carve = (char *)fresh + CELL_STEP;
        queue->carve_end = (char *)fresh + SLAB_BYTES;
    }
    cell *made = (cell *)(void *)queue->carve;
    queue->carve += size;
    return made;
}

static cell *take_cell(held *queue, size_t bytes)
{
    size_t size = (bytes + CELL_STEP - 1) / CELL_STEP * CELL_STEP;
    cell *got;
    if (size > MAX_CELL) {
        got = malloc(size);
    } else if ((got = queue->free_cells[size / CELL_STEP]) != NULL) {
        queue->free_cells[size / CELL_STEP] = got->next;
    } else {
        got = carve_cell(queue, size);
    }
    if (got == NULL)
        return NULL;
    got->size = (uint32_t)size;
    return got;
}

static void free_cell(held *queue, cell *done)
{
    if (done->uses != NULL)
        --*done->uses;
    if (done->size > MAX_CELL) {
        free(done);
        return;
    }
    done->next = queue->free_cells[done->size / CELL_STEP];
    queue->free_cells[done->size / CELL_STEP] = done;
}

static void free_dropped(held *queue, cell **list, size_t most)
{
    for (cell *next; *list != NULL && most > 0; *list = next, most--) {
        next = (*list)->next;
        free_cell(queue, *list);
    }
}

static void give_back(held *queue, cell *done)
{
    cell **dropped = done->uses != NULL ? &queue->dropped_uses : &queue->dropped;
    queue->bytes -= done->bytes;
    if (!queue->is_cut) {
        free_cell(queue, done);
        free_dropped(queue, &queue->dropped, DROPPED_AT_ONCE);
        return;
    }
    done->next = *dropped;
    *dropped = done;
}

/* Strings of events are short; a call for each costs more than the copy. Two pieces that overlap cover any length between. */
static inline void copy_short(char *to, const char *from, size_t len)
{
    if (len > 32) {
        memcpy(to, from, len);
    } else if (len >= 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else if (len > 0) {
        to[0] = from[0];
        to[len / 2] = from[len / 2];
        to[len - 1] = from[len - 1];
    }
}

static cell *copy_event(held *queue, const nfa_event *event, uint32_t n_slots)
{
    size_t bytes = sizeof(cell) + n_slots * sizeof(egret_value);
    size_t strings = bytes;
    for (uint32_t i = 0; i < n_slots; i++)
        if (event->slots[i].type == EGRET_STRING)
            bytes += event->slots[i].len;
    if (bytes > UINT32_MAX / 2)
        return NULL;
    cell *made = take_cell(queue, bytes);
    if (made == NULL)
        return NULL;
    char *to = (char *)made + strings;
    made->event = *event;
    made->event.slots = made->slots;
    made->uses = NULL;
    made->bytes = made->size;
    const egret_value *from = event->slots, *end = from + n_slots;
    for (egret_value *slot = made->slots; from < end; from++, slot++) {
        *slot = *from;
        if (from->type != EGRET_STRING)
            continue;
        slot->u.s = to;
        copy_short(to, from->u.s, from->len);
        to += from->len;
    }
    return made;
}

/* ---- ring ---- */

static bool grow_ring(held *queue)
{
    size_t capacity = queue->ring_capacity == 0 ? 256 : queue->ring_capacity * 2;
    entry *ring = malloc(capacity * sizeof *ring);
    if (ring == NULL)
        return false;
    for (size_t i = 0; i < queue->n_ring; i++)
        ring[i] = queue->ring[(queue->head + i) & (queue->ring_capacity - 1)];
    free(queue->ring);
    queue->ring = ring;
    queue->ring_capacity = capacity;
    queue->head = 0;
    return true;
}

static entry *ring_at(const held *queue, size_t i)
{
    return &queue->ring[(queue->head + i) & (queue->ring_capacity - 1)];
}

/* ---- heap ---- */

static bool grow_heap(held *queue)
{
    size_t capacity = queue->heap_capacity == 0 ? 64 : queue->heap_capacity * 2;
    entry *heap = realloc(queue->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return false;
    queue->heap = heap;
    queue->heap_capacity = capacity;
    return true;
}

static void heap_put(held *queue, entry put)
{
    size_t at = queue->n_heap++;
    while (at > 0 && held_key_less(put.key, queue->heap[(at - 1) / 2].key)) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = put;
}

static void heap_drop(held *queue)
{
    entry last = queue->heap[--queue->n_heap];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= queue->n_heap)
            break;
        if (child + 1 < queue->n_heap && held_key_less(queue->heap[child + 1].key, queue->heap[child].key))
            child++;
        if (!held_key_less(queue->heap[child].key, last.key))
            break;
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    queue->heap[at] = last;
}

/* ---- both ---- */

/* Puts a cell in its place; the cell may be NULL. */
static bool put_cell(held *queue, held_key key, cell *made)
{
    if (made == NULL)
        return false;
    queue->bytes += made->bytes;
    bool in_order = queue->n_ring == 0 || !held_key_less(key, ring_at(queue, queue->n_ring - 1)->key);
    if (in_order ? queue->n_ring == queue->ring_capacity && !grow_ring(queue) : queue->n_heap == queue->heap_capacity && !grow_heap(queue)) {
        give_back(queue, made);
        return false;
    }
    if (in_order)
        *ring_at(queue, queue->n_ring++) = (entry){ key, made };
    else
        heap_put(queue, (entry){ key, made });
    return true;
}

bool held_put(held *queue, held_key key, const nfa_event *event, uint32_t n_slots)
{
    return put_cell(queue, key, copy_event(queue, event, n_slots));
}

bool held_refer(held *queue, held_key key, const nfa_event *event, uint32_t *uses, uint32_t bytes)
{
    cell *made = take_cell(queue, sizeof(cell));
    if (made == NULL)
        return false;
    made->event = *event;
    made->uses = uses;
    made->bytes = made->size + bytes;
    ++*uses;
    return put_cell(queue, key, made);
}

static bool heap_is_first(const held *queue)
{
    return queue->n_heap > 0 && (queue->n_ring == 0 || held_key_less(queue->heap[0].key, ring_at(queue, 0)->key));
}

const nfa_event *held_first(const held *queue, held_key *key)
{
    if (queue->n_ring == 0 && queue->n_heap == 0)
        return NULL;
    const entry *first = heap_is_first(queue) ? &queue->heap[0] : ring_at(queue, 0);
    if (key != NULL)
        *key = first->key;
    return &first->cell->event;
}

const nfa_event *held_ahead(const held *queue, size_t places)
{
    if (queue->n_ring == 0)
        return NULL;
    return &ring_at(queue, places < queue->n_ring ? places : queue->n_ring - 1)->cell->event;
}

void held_drop_first(held *queue)
{
    if (heap_is_first(queue)) {
        give_back(queue, queue->heap[0].cell);
        heap_drop(queue);
        return;
    }
    give_back(queue, ring_at(queue, 0)->cell);
    queue->head = (queue->head + 1) & (queue->ring_capacity - 1);
    queue->n_ring--;
}

size_t held_count(const held *queue)
{
    return queue->n_ring + queue->n_heap;
}

uint64_t held_bytes(const held *queue)
{
    return queue->bytes;
}

/* ---- cuts ---- */

static bool cut_room(held *queue, size_t n)
{
    if (n <= queue->cut_capacity)
        return true;
    free(queue->cut);
    queue->cut_touched = 0;
    queue->cut_capacity = n + n / 4;
    queue->cut = malloc(queue->cut_capacity * sizeof *queue->cut);
    if (queue->cut == NULL)
        queue->cut_capacity = 0;
    return queue->cut != NULL;
}

/* Without memory nothing is lost: the cut asks again. */
void held_cut_prepare(held *queue)
{
    if (queue->is_cut || !cut_room(queue, held_count(queue)))
        return;
    size_t left = queue->cut_capacity * sizeof *queue->cut - queue->cut_touched, some = left < TOUCH_BYTES ? left : TOUCH_BYTES;
    if (some > 0)
        memset((char *)queue->cut + queue->cut_touched, 0, some);
    queue->cut_touched += some;
}

bool held_cut(held *queue)
{
    size_t before_end = queue->ring_capacity - queue->head, first = queue->n_ring < before_end ? queue->n_ring : before_end;
    if (!cut_room(queue, held_count(queue)))
        return false;
    if (first > 0)
        memcpy(queue->cut, queue->ring + queue->head, first * sizeof *queue->cut);
    if (queue->n_ring > first)
        memcpy(queue->cut + first, queue->ring, (queue->n_ring - first) * sizeof *queue->cut);
    if (queue->n_heap > 0)
        memcpy(queue->cut + queue->n_ring, queue->heap, queue->n_heap * sizeof *queue->cut);
    queue->n_cut = held_count(queue);
    queue->cut_at = 0;
    queue->is_cut = true;
    return true;
}

const nfa_event *held_cut_next(held *queue, held_key *key)
{
    if (!queue->is_cut || queue->cut_at == queue->n_cut)
        return NULL;
    const entry *next = &queue->cut[queue->cut_at++];
    *key = next->key;
    return &next->cell->event;
}

void held_cut_end(held *queue)
{
    queue->is_cut = false;
    free_dropped(queue, &queue->dropped_uses, SIZE_MAX);
}
