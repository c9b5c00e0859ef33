/*
 * block_inline.h: the layout of a block and of a store, and what is asked of them at each event, inline.
 *
 *   block    head | key, padded to 4 | ids[n] | offsets[n] | padding to 8 | section | section …   (in order of ids)
 *   section  root | parts[n_parts] of 12 bytes, padded to 8 | area of part 0 | area of part 1 …  (all tight, multiples of 8)
 *   area     records of an inline part, or the directory of a spilled one
 *
 * Areas follow each other without gaps in order of parts, so the size of an area follows from its part's `place` and
 * definition, and making one larger moves only what lies behind it.
 *
 * Included by block.h, which says what the functions do. What is here is the short way: a part in its place, room for one more. All else is
 * in nfa/block_*.c, and only they may look at the structures themselves.
 */
#ifndef EGRET_NFA_BLOCK_INLINE_H
#define EGRET_NFA_BLOCK_INLINE_H

#include "nfa/block.h"
#include "nfa/pages.h"

#include <string.h>

enum {
    BLOCK_LONG_KEY = UINT16_MAX,        /* key_len of a key of that many bytes or more: its length stands before it */
    PART_BYTES = 12,
    MAP_ENTRY_BYTES = 16,               /* in a map that is small */
    MAP_LIST_MAX = 16,                  /* entries of a map that is a plain array */
    FEW_SECTIONS = 8,                   /* are looked through one by one */
    BLOCK_RECENT_SHAPES = 16
};

typedef struct block_head {
    int64_t due_ms;
    uint32_t group;
    uint32_t used;          /* bytes */
    uint32_t home;          /* of the run */
    uint16_t key_len;
    uint16_t n_sections;
} block_head;

/* A growing part. DEQUE: first and count in records; BYTES: in bytes; MAP: first is 1 when key 0 is there, count in entries.
 * place: bit 31 spilled | bits 16..30 capacity | bits 0..15 where the area begins in the section, in units of 8 bytes.
 * Capacity: DEQUE records (0 or a power of two), BYTES units of 8 bytes, MAP slots; spilled: chunk numbers in the directory. */
typedef struct block_part {
    uint32_t first, count, place;
} block_part;

#define PLACE_SPILLED UINT32_C(0x80000000)
#define PLACE_MAX_CAP UINT32_C(0x7FFF)

typedef struct index_slot {
    uint32_t block;         /* NFA_NO_BLOCK: free */
    uint32_t tag;           /* 32 bits of the hash: where it belongs, and what is compared first */
} index_slot;

typedef struct block_watch block_watch;     /* which blocks change: block_image.c */
typedef struct block_shape block_shape;     /* what a section looks like: block_internal.h */

struct nfa_store {
    uintptr_t *blocks;      /* address of each block; BLOCK_AWAY: it is not in memory (cold.h); or, with bit 0 set, the number of the next free one */
    uint32_t *quiet;        /* until when nothing in the block can run out, in some seconds; 0: not known */
    index_slot *index;
    uint32_t index_mask;    /* slots - 1; slots are a power of two */
    uint32_t n_blocks;      /* alive */
    uint64_t born;          /* ever made */
    uint32_t limit, cap;    /* of blocks[] */
    uint32_t cap_quiet;
    uint32_t free_block;
    nfa_pages pages;
    block_shape **shapes;   /* sorted by id */
    uint32_t n_shapes, cap_shapes;
    block_shape *recent[BLOCK_RECENT_SHAPES];   /* shapes learnt lately, by id */
    block_watch *watch;     /* NULL: nobody wants to know what changes */
    struct block_cold *cold;    /* NULL: all blocks are in memory */
    uint32_t n_away;
    size_t bytes;           /* without the pages' */
};

#define BLOCK_AWAY ((uintptr_t)2)

static inline bool block_is_away(const nfa_store *in, uint32_t block)
{
    return in->blocks[block] == BLOCK_AWAY;
}

static inline char *block_at(const nfa_store *in, uint32_t block)
{
    return (char *)in->blocks[block];
}

static inline block_head *block_head_of(const nfa_store *in, uint32_t block)
{
    return (block_head *)in->blocks[block];
}

void block_touched(nfa_store *in, uint32_t block);

/* Before anything of the block is changed, or might be by who is given a handle. */
static inline void block_touch(nfa_store *in, uint32_t block)
{
    if (in->watch != NULL)
        block_touched(in, block);
}

static inline char *block_key_of(block_head *head, uint32_t *len)
{
    char *key = (char *)(head + 1);
    *len = head->key_len;
    if (head->key_len != BLOCK_LONG_KEY)
        return key;
    *len = *(uint32_t *)(void *)key;
    return key + sizeof(uint32_t);
}

/* Where the directory of sections begins. */
static inline uint32_t *block_ids(block_head *head)
{
    uint32_t len;
    char *key = block_key_of(head, &len);
    size_t end = (size_t)(key - (char *)head) + len;
    return (uint32_t *)(void *)((char *)head + ((end + 3) & ~(size_t)3));
}

static inline char *block_section_at(const nfa_section *section)
{
    return block_at(section->store, section->block) + section->offset;
}

static inline block_part *part_of(char *section, const nfa_section_def *def, unsigned part)
{
    return (block_part *)(void *)(section + def->root_size + (size_t)part * PART_BYTES);
}

static inline bool part_spilled(const block_part *p)
{
    return (p->place & PLACE_SPILLED) != 0;
}

static inline uint32_t part_cap(const block_part *p)
{
    return p->place >> 16 & PLACE_MAX_CAP;
}

static inline char *part_area(char *section, const block_part *p)
{
    return section + (size_t)(p->place & 0xFFFF) * 8;
}

/* Are they the same? Without a call where they are short, as keys and the texts of rules are. */
static inline bool nfa_same_bytes(const void *a, const void *b, size_t len)
{
    uint64_t x[2];
    uint64_t y[2];
    if (len < sizeof x[0] || len > sizeof x)
        return len == 0 || memcmp(a, b, len) == 0;
    memcpy(&x[0], a, sizeof x[0]);
    memcpy(&y[0], b, sizeof y[0]);
    memcpy(&x[1], (const char *)a + len - sizeof x[1], sizeof x[1]);
    memcpy(&y[1], (const char *)b + len - sizeof y[1], sizeof y[1]);
    return x[0] == y[0] && x[1] == y[1];
}

/* ---- blocks and sections ---- */

static inline bool nfa_block_exists(const nfa_store *in, uint32_t block)
{
    return block < in->limit && (in->blocks[block] & 1) == 0;
}

enum { QUIET_SHIFT = 10 };      /* ms to the unit of quiet */

static inline bool nfa_block_is_quiet(const nfa_store *in, uint32_t block, int64_t now_ms)
{
    uint32_t quiet = in->quiet[block];
    return quiet != 0 && (quiet == UINT32_MAX || now_ms >> QUIET_SHIFT <= (int64_t)quiet);
}

static inline void nfa_block_set_quiet(nfa_store *in, uint32_t block, int64_t until_ms)
{
    int64_t units = until_ms >> QUIET_SHIFT;
    in->quiet[block] = until_ms == NFA_NEVER ? UINT32_MAX : units > 0 && units < UINT32_MAX ? (uint32_t)units : 0;
}

static inline int64_t nfa_block_due(const nfa_store *in, uint32_t block)
{
    return block_head_of(in, block)->due_ms;
}

static inline size_t nfa_section_count(const nfa_store *in, uint32_t block)
{
    return block_head_of(in, block)->n_sections;
}

static inline uint32_t nfa_section_id_at(const nfa_store *in, uint32_t block, size_t i)
{
    return block_ids(block_head_of(in, block))[i];
}

static inline void *nfa_section_root(const nfa_section *section)
{
    return block_section_at(section);
}

/* The place of the first id at or after `id` in the directory. */
static inline uint32_t directory_place(const uint32_t *ids, uint32_t n, uint32_t id)
{
    uint32_t low = 0;
    if (n <= FEW_SECTIONS) {
        while (low < n && ids[low] < id)
            low++;
        return low;
    }
    uint32_t high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (ids[mid] < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static inline bool nfa_section_find(nfa_store *in, uint32_t block, const nfa_section_def *def, nfa_section *out)
{
    block_head *head = block_head_of(in, block);
    const uint32_t *ids = block_ids(head);
    uint32_t n = head->n_sections;
    uint32_t i = directory_place(ids, n, def->id);
    if (i == n || ids[i] != def->id)
        return false;
    block_touch(in, block);
    out->store = in;
    out->def = def;
    out->block = block;
    out->offset = ids[n + i];
    return true;
}

/* The i-th of the directory. */
static inline void nfa_section_nth(nfa_store *in, uint32_t block, size_t i, const nfa_section_def *def, nfa_section *out)
{
    block_head *head = block_head_of(in, block);
    block_touch(in, block);
    out->store = in;
    out->def = def;
    out->block = block;
    out->offset = block_ids(head)[head->n_sections + i];
}

/* ---- deques ---- */

static inline uint32_t nfa_deque_first(const nfa_section *section, unsigned part)
{
    return part_of(block_section_at(section), section->def, part)->first;
}

static inline uint32_t nfa_deque_count(const nfa_section *section, unsigned part)
{
    return part_of(block_section_at(section), section->def, part)->count;
}

void *block_deque_at(const nfa_section *section, unsigned part, uint32_t ord);  /* wherever it lies */

static inline void *nfa_deque_at(const nfa_section *section, unsigned part, uint32_t ord)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    if (part_spilled(p))
        return block_deque_at(section, part, ord);
    return part_area(at, p) + (size_t)(ord & (part_cap(p) - 1)) * section->def->part[part].rec_size;
}

void *block_deque_push(nfa_section *section, unsigned part);    /* where there is no room yet */

static inline void *nfa_deque_push(nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (part_spilled(p) || p->count == part_cap(p))
        return block_deque_push(section, part);
    uint32_t rec_size = section->def->part[part].rec_size;
    char *record = part_area(at, p) + (size_t)((p->first + p->count) & (part_cap(p) - 1)) * rec_size;
    p->count++;
    return memset(record, 0, rec_size);
}

/* ---- maps ---- */

typedef struct map_entry {
    uint64_t key;
    int64_t value;
} map_entry;

static inline uint32_t nfa_map_count(const nfa_section *section, unsigned part)
{
    return part_of(block_section_at(section), section->def, part)->count;
}

int64_t *block_map_get(nfa_section *section, unsigned part, uint64_t key);      /* whatever the map is like */

/* Nearly all maps are short lists with room for one more. */
static inline int64_t *nfa_map_get(nfa_section *section, unsigned part, uint64_t key)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t cap = part_cap(p);
    if (part_spilled(p) || cap > MAP_LIST_MAX)
        return block_map_get(section, part, key);
    map_entry *entry = (map_entry *)(void *)part_area(at, p);
    for (const map_entry *end = entry + p->count; entry != end; entry++)
        if (entry->key == key)
            return &entry->value;
    if (p->count == cap)
        return block_map_get(section, part, key);
    p->count++;
    entry->key = key;
    entry->value = 0;
    return &entry->value;
}

#endif
