/*
 * block.c: the store of blocks: how a block is found, made, moved and dropped.
 *
 * The problem: a million keys and more, each with little state, looked at in random order. What counts is bytes per key and
 * cache misses per event. So a key costs its block, 8 bytes in the table of addresses and 8 bytes per slot of the index,
 * and finding it costs three misses: the slot (number and 32 bits of hash), the address, the block.
 *
 * The index is open addressing with linear probing. A slot's tag is both its home (its low bits) and what is compared before
 * the key, so that growing the index reads no block, and a wrong tag costs no miss. Deletion shifts the followers back: no
 * tombstones, so that a store whose keys come and go stays as fast as on its first day.
 *
 * Blocks grow in place until their run is full and then move to a larger one. Their number stays.
 *
 * Alternatives rejected: the pointer in the index (checkpoints and timers need a number that stays); the hash in the
 * block (4 bytes per key for something only a drop needs, which can hash again).
 */
#include "nfa/block_internal.h"
#include "nfa/cold.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_INDEX = 64, FIRST_BLOCKS = 32 };

_Static_assert(sizeof(block_head) == 24, "the head of a block has 24 bytes");
_Static_assert(sizeof(block_part) == PART_BYTES, "parts lie close");
_Static_assert((int)NFA_CHUNK_BYTES == (int)NFA_PAGE_BYTES, "a chunk is a page");

/* ---- the store ---- */

nfa_store *nfa_store_new(egret_mem mem)
{
    nfa_store *store = egret_mem_alloc(mem, sizeof *store);
    if (!store)
        return NULL;
    memset(store, 0, sizeof *store);
    nfa_pages_init(&store->pages, mem);
    store->free_block = NFA_NO_BLOCK;
    store->bytes = sizeof *store;
    return store;
}

static size_t shape_bytes(unsigned n_parts)
{
    return sizeof(block_shape) + n_parts * sizeof(nfa_part_def);
}

static size_t index_bytes(const nfa_store *store)
{
    return store->index ? ((size_t)store->index_mask + 1) * sizeof *store->index : 0;
}

void nfa_store_free(nfa_store *store)
{
    if (!store)
        return;
    egret_mem mem = store->pages.mem;
    block_watch_free(store);
    block_cold_free(store);
    for (uint32_t i = 0; i < store->limit && store->pages.n_direct > 0; i++)    /* all others go with their segments */
        if (nfa_block_exists(store, i) && !block_is_away(store, i) && nfa_run_is_direct(block_head_of(store, i)->home))
            nfa_run_free(&store->pages, block_at(store, i), block_head_of(store, i)->home);
    nfa_pages_deinit(&store->pages);
    for (uint32_t i = 0; i < store->n_shapes; i++)
        egret_mem_free(mem, store->shapes[i], shape_bytes(store->shapes[i]->n_parts));
    egret_mem_free(mem, store->shapes, store->cap_shapes * sizeof *store->shapes);
    egret_mem_free(mem, store->blocks, store->cap * sizeof *store->blocks);
    egret_mem_free(mem, store->quiet, store->cap_quiet * sizeof *store->quiet);
    egret_mem_free(mem, store->index, index_bytes(store));
    egret_mem_free(mem, store, sizeof *store);
}

size_t nfa_store_bytes(const nfa_store *store)
{
    return store->bytes + store->pages.bytes;
}

size_t nfa_block_count(const nfa_store *store)
{
    return store->n_blocks;
}

uint64_t nfa_block_born(const nfa_store *store)
{
    return store->born;
}

uint32_t nfa_block_limit(const nfa_store *store)
{
    return store->limit;
}

/* ---- the index ---- */

uint64_t nfa_key_hash(uint32_t group, const void *key, size_t len)
{
    return XXH3_64bits_withSeed(len ? key : "", len, (uint64_t)group * UINT64_C(0x9E3779B97F4A7C15));
}

/* The caller may have chosen the shard by some bits of the hash: the product makes the tag depend on all of them. */
static inline uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)((hash * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

static inline bool is_key(const nfa_store *store, uint32_t block, uint32_t group, const void *key, size_t len)
{
    block_head *head = block_head_of(store, block);
    uint32_t own_len;
    const char *own = block_key_of(head, &own_len);
    return head->group == group && own_len == len && nfa_same_bytes(own, key, len);
}

/* Is it here, and the block of that key? A block with the same tag that is away comes back for being looked at. */
static bool found(nfa_store *store, uint32_t block, uint32_t group, const void *key, size_t len)
{
    if (store->cold == NULL)
        return is_key(store, block, group, key, len);
    if (!nfa_block_bring(store, block) || !is_key(store, block, group, key, len))
        return false;
    block_cold_found(store, block);
    return true;
}

uint32_t nfa_block_find(nfa_store *store, uint32_t group, const void *key, size_t len, uint64_t hash)
{
    uint32_t tag = tag_of(hash);
    if (!store->index)
        return NFA_NO_BLOCK;
    for (uint32_t i = tag & store->index_mask;; i = (i + 1) & store->index_mask) {
        const index_slot *slot = &store->index[i];
        if (slot->block == NFA_NO_BLOCK)
            return NFA_NO_BLOCK;
        if (slot->tag == tag && found(store, slot->block, group, len ? key : "", len))
            return slot->block;
    }
}

bool nfa_block_is(nfa_store *store, uint32_t block, uint32_t group, const void *key, size_t len)
{
    return nfa_block_is_here(store, block) && found(store, block, group, len ? key : "", len);
}

/* The first block with the hash's tag: the one that is meant, but for one in thousands. */
static uint32_t likely_block(const nfa_store *store, uint64_t hash)
{
    uint32_t tag = tag_of(hash);
    for (uint32_t i = tag & store->index_mask; store->index[i].block != NFA_NO_BLOCK; i = (i + 1) & store->index_mask)
        if (store->index[i].tag == tag)
            return store->index[i].block;
    return NFA_NO_BLOCK;
}

/* ---- fetching ahead ---- */

enum { CACHE_LINE = 64, HEAD_LINES = 2, FETCH_LINES = 9, MOST_LINES = 4 /* of a block: nearly all have no more */, SLOTS_AHEAD = 3 };

void nfa_store_fetch_slot(const nfa_store *store, uint64_t hash)
{
    if (!store->index)
        return;
    const index_slot *slot = &store->index[tag_of(hash) & store->index_mask];
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + SLOTS_AHEAD);     /* mostly the same line */
}

uint32_t nfa_store_fetch_address(const nfa_store *store, uint64_t hash)
{
    uint32_t block = store->index ? likely_block(store, hash) : NFA_NO_BLOCK;
    if (block != NFA_NO_BLOCK)
        __builtin_prefetch(&store->blocks[block]);
    return block;
}

void nfa_store_fetch_head(const nfa_store *store, uint32_t block)
{
    if (!nfa_block_is_here(store, block))
        return;
    for (unsigned line = 0; line < HEAD_LINES; line++)
        __builtin_prefetch(block_at(store, block) + line * CACHE_LINE);
}

void nfa_store_fetch_block(const nfa_store *store, uint32_t block)
{
    for (unsigned line = 0; line < MOST_LINES; line++)
        __builtin_prefetch(block_at(store, block) + line * CACHE_LINE);
}

void nfa_store_fetch_rest(const nfa_store *store, uint32_t block)
{
    if (!nfa_block_is_here(store, block))
        return;
    const char *at = block_at(store, block);
    uint32_t used = block_head_of(store, block)->used;
    for (uint32_t i = HEAD_LINES * CACHE_LINE; i < used && i < FETCH_LINES * CACHE_LINE; i += CACHE_LINE)
        __builtin_prefetch(at + i);
}

static void index_put(nfa_store *store, uint32_t block, uint32_t tag)
{
    uint32_t i = tag & store->index_mask;
    while (store->index[i].block != NFA_NO_BLOCK)
        i = (i + 1) & store->index_mask;
    store->index[i] = (index_slot){.block = block, .tag = tag};
}

/* Makes room for one more. Load stays at or below 0.6: a key that is not there is known after some four slots, of which most are in one line of the
 * cache; at 0.8 it would be thirteen. */
static bool index_reserve(nfa_store *store)
{
    size_t old_bytes = index_bytes(store);
    uint64_t slots = store->index ? (uint64_t)store->index_mask + 1 : 0;
    if (((uint64_t)store->n_blocks + 1) * 5 <= slots * 3)
        return true;
    uint64_t wanted = slots ? slots * 2 : FIRST_INDEX;
    if (wanted > UINT32_C(0x80000000))
        return false;
    index_slot *grown = egret_mem_alloc(store->pages.mem, wanted * sizeof *grown);
    if (!grown)
        return false;
    memset(grown, 0xFF, wanted * sizeof *grown);    /* NFA_NO_BLOCK */
    index_slot *old = store->index;
    store->index = grown;
    store->index_mask = (uint32_t)(wanted - 1);
    for (uint64_t i = 0; i < slots; i++)
        if (old[i].block != NFA_NO_BLOCK)
            index_put(store, old[i].block, old[i].tag);
    store->bytes += wanted * sizeof *grown - old_bytes;
    egret_mem_free(store->pages.mem, old, old_bytes);
    return true;
}

/* Takes the block out and moves each follower back that may stand nearer to its home. */
static void index_remove(nfa_store *store, uint32_t block, uint32_t tag)
{
    uint32_t mask = store->index_mask;
    uint32_t hole = tag & mask;
    while (store->index[hole].block != block)
        hole = (hole + 1) & mask;
    for (uint32_t i = (hole + 1) & mask; store->index[i].block != NFA_NO_BLOCK; i = (i + 1) & mask) {
        uint32_t home = store->index[i].tag & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            store->index[hole] = store->index[i];
            hole = i;
        }
    }
    store->index[hole].block = NFA_NO_BLOCK;
}

/* ---- blocks come and go ---- */

/* Room for the notes of so many blocks; they need not be grown in step with the addresses. */
static bool quiet_reserve(nfa_store *store, uint32_t cap)
{
    if (cap <= store->cap_quiet)
        return true;
    uint32_t *grown = egret_mem_grow(store->pages.mem, store->quiet, store->cap_quiet * sizeof *grown, cap * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + store->cap_quiet, 0, (cap - store->cap_quiet) * sizeof *grown);
    store->bytes += (cap - store->cap_quiet) * sizeof *grown;
    store->quiet = grown;
    store->cap_quiet = cap;
    return true;
}

/* A number for a new block is sure to be there. Grows by a quarter: the table is moved by remapping, slack is what costs. */
static bool numbers_reserve(nfa_store *store)
{
    if (store->free_block != NFA_NO_BLOCK || store->limit < store->cap)
        return true;
    uint64_t cap = (uint64_t)store->cap + store->cap / 4;
    if (cap < FIRST_BLOCKS)
        cap = FIRST_BLOCKS;
    if (cap >= NFA_NO_BLOCK)
        return false;
    if (!quiet_reserve(store, (uint32_t)cap))
        return false;
    uintptr_t *grown = egret_mem_grow(store->pages.mem, store->blocks, store->cap * sizeof *grown, cap * sizeof *grown);
    if (!grown)
        return false;
    store->bytes += (cap - store->cap) * sizeof *grown;
    store->blocks = grown;
    store->cap = (uint32_t)cap;
    return true;
}

void nfa_store_forget_quiet(nfa_store *store)
{
    if (store->limit > 0)
        memset(store->quiet, 0, store->limit * sizeof *store->quiet);
}

static uint32_t number_take(nfa_store *store, char *run)
{
    uint32_t block = store->free_block;
    if (block == NFA_NO_BLOCK)
        block = store->limit++;
    else
        store->free_block = (uint32_t)(store->blocks[block] >> 1);
    store->blocks[block] = (uintptr_t)run;
    store->quiet[block] = 0;
    store->n_blocks++;
    store->born++;
    return block;
}

uint32_t block_make(nfa_store *store, const block_key *key, uint32_t room, uint32_t *pos)
{
    size_t len = key->len;
    if (len > BLOCK_MAX_BYTES / 2 || !index_reserve(store) || !numbers_reserve(store))
        return NFA_NO_BLOCK;
    if (store->cold != NULL && !nfa_block_bring(store, store->free_block != NFA_NO_BLOCK ? store->free_block : store->limit))
        return NFA_NO_BLOCK;
    bool is_long = len >= BLOCK_LONG_KEY;
    uint32_t key_len = (uint32_t)len;
    uint32_t used = round_up8((uint32_t)sizeof(block_head) + (is_long ? 4 : 0) + key_len);
    uint32_t home;
    char *run = nfa_run_alloc(&store->pages, used + room, &home);
    if (!run)
        return NFA_NO_BLOCK;
    memset(run + used - 8, 0, room + 8);        /* the padding, too */
    *(block_head *)(void *)run = (block_head){.due_ms = NFA_NEVER, .group = key->group, .used = used + room, .home = home,
                                              .key_len = is_long ? (uint16_t)BLOCK_LONG_KEY : (uint16_t)len};
    char *at = run + sizeof(block_head);
    if (is_long) {
        memcpy(at, &key_len, sizeof key_len);
        at += sizeof key_len;
    }
    if (len > 0)
        memcpy(at, key->bytes, len);
    block_touch(store, store->free_block != NFA_NO_BLOCK ? store->free_block : store->limit);    /* the block is not there yet */
    uint32_t block = number_take(store, run);
    index_put(store, block, tag_of(key->hash));
    *pos = used;
    return block;
}

uint32_t nfa_block_get(nfa_store *store, uint32_t group, const void *key, size_t len, uint64_t hash)
{
    uint32_t pos;
    uint32_t block = nfa_block_find(store, group, key, len, hash);
    return block != NFA_NO_BLOCK ? block : block_make(store, &(block_key){.group = group, .bytes = key, .len = len, .hash = hash}, 0, &pos);
}

void nfa_block_drop(nfa_store *store, uint32_t block)
{
    block_touch(store, block);
    block_head *head = block_head_of(store, block);
    const uint32_t *ids = block_ids(head);
    const uint32_t *offsets = block_offsets(head);
    for (uint32_t i = 0; i < head->n_sections; i++)
        section_free_chunks(store, (char *)head + offsets[i], block_shape_find(store, ids[i]));
    uint32_t len;
    const char *key = block_key_of(head, &len);
    index_remove(store, block, tag_of(nfa_key_hash(head->group, key, len)));
    nfa_run_free(&store->pages, (char *)head, head->home);
    store->blocks[block] = (uintptr_t)store->free_block << 1 | 1;
    store->free_block = block;
    store->n_blocks--;
}

void block_let_go(nfa_store *store, uint32_t block)
{
    block_head *head = block_head_of(store, block);
    const uint32_t *ids = block_ids(head);
    const uint32_t *offsets = block_offsets(head);
    for (uint32_t i = 0; i < head->n_sections; i++)
        section_free_chunks(store, (char *)head + offsets[i], block_shape_find(store, ids[i]));
    nfa_run_free(&store->pages, (char *)head, head->home);
    store->blocks[block] = BLOCK_AWAY;
    store->n_away++;
}

/* ---- restoring ---- */

bool block_restore_numbers(nfa_store *store, uint32_t limit)
{
    if (limit == 0)
        return true;
    if (limit == NFA_NO_BLOCK || !quiet_reserve(store, limit))
        return false;
    uintptr_t *blocks = egret_mem_alloc(store->pages.mem, limit * sizeof *blocks);
    if (!blocks)
        return false;
    for (uint32_t i = 0; i < limit; i++)
        blocks[i] = 1;
    egret_mem_free(store->pages.mem, store->blocks, store->cap * sizeof *store->blocks);
    store->bytes += (limit - store->cap) * sizeof *blocks;
    store->blocks = blocks;
    store->limit = store->cap = limit;
    return true;
}

bool block_restore(nfa_store *store, uint32_t block, char *run)
{
    uint32_t len;
    if (block_is_away(store, block)) {      /* the index knows it */
        store->blocks[block] = (uintptr_t)run;
        store->n_away--;
        return true;
    }
    if (!index_reserve(store))
        return false;
    const char *key = block_key_of((block_head *)(void *)run, &len);
    store->blocks[block] = (uintptr_t)run;
    store->n_blocks++;
    index_put(store, block, tag_of(nfa_key_hash(((block_head *)(void *)run)->group, key, len)));
    return true;
}

bool block_adopt(nfa_store *store, char *run, uint32_t *block)
{
    const block_head *head = (const block_head *)(void *)run;
    uint32_t len;
    const char *key = block_key_of((block_head *)(void *)run, &len);
    if (!index_reserve(store) || !numbers_reserve(store))
        return false;
    uint32_t number = store->free_block != NFA_NO_BLOCK ? store->free_block : store->limit;
    if (!nfa_block_bring(store, number))
        return false;
    block_touch(store, number);
    *block = number_take(store, run);
    store->born--;      /* it is not new, only here */
    index_put(store, *block, tag_of(nfa_key_hash(head->group, key, len)));
    return true;
}

void block_restore_end(nfa_store *store)
{
    store->free_block = NFA_NO_BLOCK;
    for (uint32_t i = store->limit; i-- > 0;)
        if (!nfa_block_exists(store, i)) {
            store->blocks[i] = (uintptr_t)store->free_block << 1 | 1;
            store->free_block = i;
        }
}

/* ---- heads ---- */

uint32_t nfa_block_group(const nfa_store *store, uint32_t block)
{
    return block_head_of(store, block)->group;
}

const void *nfa_block_key(const nfa_store *store, uint32_t block, size_t *len)
{
    uint32_t n;
    const char *key = block_key_of(block_head_of(store, block), &n);
    *len = n;
    return key;
}

void nfa_block_set_due(nfa_store *store, uint32_t block, int64_t due_ms)
{
    block_touch(store, block);
    block_head_of(store, block)->due_ms = due_ms;
}

/* ---- room in a block ---- */

bool block_open_gap(nfa_store *store, uint32_t block, uint32_t pos, uint32_t gap)
{
    block_head *head = block_head_of(store, block);
    char *old = (char *)head;
    uint32_t used = head->used;
    uint32_t old_home = head->home;
    if (gap > BLOCK_MAX_BYTES - used)
        return false;
    if (used + gap <= nfa_run_capacity(&store->pages, old_home)) {
        memmove(old + pos + gap, old + pos, used - pos);
    } else {
        uint32_t home;
        char *run = nfa_run_alloc(&store->pages, used + gap, &home);
        if (!run)
            return false;
        memcpy(run, old, pos);
        memcpy(run + pos + gap, old + pos, used - pos);
        store->blocks[block] = (uintptr_t)run;
        head = (block_head *)(void *)run;
        head->home = home;
        nfa_run_free(&store->pages, old, old_home);
    }
    memset((char *)head + pos, 0, gap);
    head->used = used + gap;
    return true;
}

void block_close_gap(nfa_store *store, uint32_t block, uint32_t pos, uint32_t gap)
{
    block_head *head = block_head_of(store, block);
    char *old = (char *)head;
    uint32_t old_home = head->home;
    memmove(old + pos, old + pos + gap, head->used - pos - gap);
    head->used -= gap;
    if (nfa_run_fit(head->used) > nfa_run_capacity(&store->pages, old_home) / 2)
        return;
    uint32_t home;
    char *run = nfa_run_alloc(&store->pages, head->used, &home);
    if (!run)
        return;     /* it is only larger than it need be */
    memcpy(run, old, head->used);
    ((block_head *)(void *)run)->home = home;
    store->blocks[block] = (uintptr_t)run;
    nfa_run_free(&store->pages, old, old_home);
}

/* The number of the block whose run this is. */
static uint32_t number_of(const nfa_store *store, block_head *head)
{
    uint32_t len;
    const char *key = block_key_of(head, &len);
    uint32_t tag = tag_of(nfa_key_hash(head->group, key, len));
    for (uint32_t i = tag & store->index_mask;; i = (i + 1) & store->index_mask)
        if (store->index[i].tag == tag && store->blocks[store->index[i].block] == (uintptr_t)head)
            return store->index[i].block;
}

bool nfa_store_tidy(nfa_store *store)
{
    nfa_sparse sparse;
    if (!nfa_sparse_take(&store->pages, &sparse))
        return false;
    char *base = nfa_page_at(&store->pages, sparse.page);
    uint32_t moved = 0;
    for (; moved < sparse.n; moved++) {
        block_head *head = (block_head *)(void *)(base + (size_t)sparse.run[moved] * sparse.bytes);
        uint32_t home;
        char *run = nfa_run_alloc(&store->pages, sparse.bytes, &home);
        if (!run)
            break;
        store->blocks[number_of(store, head)] = (uintptr_t)run;
        memcpy(run, head, head->used);
        ((block_head *)(void *)run)->home = home;
    }
    nfa_sparse_done(&store->pages, &sparse, moved);
    return moved == sparse.n;
}

/* ---- shapes ---- */

/* Where the id is, or would be. */
static uint32_t shape_place(const nfa_store *store, uint32_t id)
{
    uint32_t low = 0;
    uint32_t high = store->n_shapes;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (store->shapes[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const block_shape *block_shape_find(const nfa_store *store, uint32_t id)
{
    const block_shape *recent = store->recent[id % BLOCK_RECENT_SHAPES];
    if (recent != NULL && recent->id == id)
        return recent;
    uint32_t i = shape_place(store, id);
    return i < store->n_shapes && store->shapes[i]->id == id ? store->shapes[i] : NULL;
}

bool block_shape_learn(nfa_store *store, const nfa_section_def *def)
{
    block_shape **recent = &store->recent[def->id % BLOCK_RECENT_SHAPES];
    if (*recent != NULL && (*recent)->id == def->id)
        return true;
    uint32_t i = shape_place(store, def->id);
    if (i < store->n_shapes && store->shapes[i]->id == def->id) {
        *recent = store->shapes[i];
        return true;
    }
    egret_mem mem = store->pages.mem;
    if (store->n_shapes == store->cap_shapes) {
        uint32_t cap = store->cap_shapes ? store->cap_shapes * 2 : 8;
        block_shape **grown = egret_mem_grow(mem, store->shapes, store->cap_shapes * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return false;
        store->bytes += (cap - store->cap_shapes) * sizeof *grown;
        store->shapes = grown;
        store->cap_shapes = cap;
    }
    size_t size = shape_bytes(def->n_parts);
    block_shape *shape = egret_mem_alloc(mem, size);
    if (!shape)
        return false;
    shape->id = def->id;
    shape->root_size = def->root_size;
    shape->n_parts = def->n_parts;
    memcpy(shape->part, def->part, def->n_parts * sizeof def->part[0]);
    memmove(&store->shapes[i + 1], &store->shapes[i], (store->n_shapes - i) * sizeof *store->shapes);
    store->shapes[i] = shape;
    store->n_shapes++;
    store->bytes += size;
    *recent = shape;
    return true;
}

bool nfa_store_learn(nfa_store *store, const nfa_section_def *def)
{
    return block_shape_learn(store, def);
}

bool nfa_store_shape(const nfa_store *store, uint32_t id, nfa_section_def *out)
{
    const block_shape *shape = block_shape_find(store, id);
    if (shape == NULL)
        return false;
    *out = (nfa_section_def){ .id = id, .root_size = shape->root_size, .n_parts = shape->n_parts };
    memcpy(out->part, shape->part, shape->n_parts * sizeof shape->part[0]);
    return true;
}
