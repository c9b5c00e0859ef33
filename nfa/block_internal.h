/*
 * block_internal.h: the layout of a block and of a store, for the files nfa/block_*.c alone.
 *
 *   block    head | key, padded to 4 | ids[n] | offsets[n] | padding to 8 | section | section …   (in order of ids)
 *   section  root | parts[n_parts] of 12 bytes, padded to 8 | area of part 0 | area of part 1 …  (all tight, multiples of 8)
 *   area     records of an inline part, or the directory of a spilled one
 *
 * Areas follow each other without gaps in order of parts, so the size of an area follows from its part's `place` and
 * definition, and making one larger moves only what lies behind it.
 */
#ifndef EGRET_NFA_BLOCK_INTERNAL_H
#define EGRET_NFA_BLOCK_INTERNAL_H

#include "nfa/block.h"
#include "nfa/pages.h"

enum {
    BLOCK_LONG_KEY = UINT16_MAX,        /* key_len of a key of that many bytes or more: its length stands before it */
    BLOCK_MAX_BYTES = 1 << 30,
    SECTION_MAX_BYTES = UINT16_MAX * 8, /* areas are named by 16 bits in units of 8 bytes */
    PART_BYTES = 12,
    MAP_ENTRY_BYTES = 16                /* in a map that is small */
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

/* The area of a spilled part: which chunks hold it. */
typedef struct block_directory {
    uint32_t n;             /* chunks */
    uint32_t start;         /* index of the first in chunk[]; those before it are gone */
    union {
        struct {
            uint32_t base;      /* DEQUE, BYTES: ordinal of the first record of the first chunk */
            uint32_t per_chunk; /* records in a chunk */
        } run;
        int64_t zero_value;     /* MAP: the value of key 0, which the slots cannot hold */
    } u;
    uint32_t chunk[];
} block_directory;

/* What a section of that id looks like: needed to free chunks and to print where no definition is at hand. */
typedef struct block_shape {
    uint32_t id;
    uint16_t root_size;
    uint8_t n_parts;
    nfa_part_def part[];
} block_shape;

typedef struct index_slot {
    uint32_t block;         /* NFA_NO_BLOCK: free */
    uint32_t tag;           /* 32 bits of the hash: where it belongs, and what is compared first */
} index_slot;

/* Which blocks change, in packs of so many: block_image.c. */
enum { PACK_BLOCKS = 64 };
typedef struct block_watch block_watch;

struct nfa_store {
    uintptr_t *blocks;      /* address of each block; or, with bit 0 set, the number of the next free one */
    index_slot *index;
    uint32_t index_mask;    /* slots - 1; slots are a power of two */
    uint32_t n_blocks;      /* alive */
    uint64_t born;          /* ever made */
    uint32_t limit, cap;    /* of blocks[] */
    uint32_t free_block;
    nfa_pages pages;
    block_shape **shapes;   /* sorted by id */
    uint32_t n_shapes, cap_shapes;
    block_watch *watch;     /* NULL: nobody wants to know what changes */
    size_t bytes;           /* without the pages' */
};

static inline char *block_at(const nfa_store *store, uint32_t block)
{
    return (char *)store->blocks[block];
}

static inline block_head *block_head_of(const nfa_store *store, uint32_t block)
{
    return (block_head *)store->blocks[block];
}

void block_touched(nfa_store *store, uint32_t block);

/* Before anything of the block is changed, or might be by who is given a handle. */
static inline void block_touch(nfa_store *store, uint32_t block)
{
    if (store->watch != NULL)
        block_touched(store, block);
}

static inline uint32_t round_up8(uint32_t n)
{
    return (n + 7) & ~UINT32_C(7);
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

static inline uint32_t *block_offsets(block_head *head)
{
    return block_ids(head) + head->n_sections;
}

static inline char *section_at(const nfa_section *section)
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

static inline void part_set_cap(block_part *p, bool spilled, uint32_t cap)
{
    p->place = (spilled ? PLACE_SPILLED : 0) | cap << 16 | (p->place & 0xFFFF);
}

static inline char *part_area(char *section, const block_part *p)
{
    return section + (size_t)(p->place & 0xFFFF) * 8;
}

static inline block_directory *part_directory(char *section, const block_part *p)
{
    return (block_directory *)(void *)part_area(section, p);
}

static inline uint32_t directory_bytes(uint32_t cap)
{
    return (uint32_t)round_up8((uint32_t)sizeof(block_directory) + cap * 4);
}

/* ---- block.c ---- */

/* Makes room for `gap` zeroed bytes at offset pos of the block. false: no memory, unchanged. */
bool block_open_gap(nfa_store *store, uint32_t block, uint32_t pos, uint32_t gap);
/* Takes `gap` bytes at offset pos out of the block; moves it into a smaller run when that saves half. Never fails. */
void block_close_gap(nfa_store *store, uint32_t block, uint32_t pos, uint32_t gap);
const block_shape *block_shape_find(const nfa_store *store, uint32_t id);
/* Remembers the shape of def. false: no memory. */
bool block_shape_learn(nfa_store *store, const nfa_section_def *def);

/* For block_image.c, in a store without blocks: numbers below limit, none in use; then a block under its number (its run holds all of it, key
 * and all; taken over); then the numbers that are free are told. false: no memory. */
bool block_restore_numbers(nfa_store *store, uint32_t limit);
bool block_restore(nfa_store *store, uint32_t block, char *run);
void block_restore_end(nfa_store *store);

/* ---- block_image.c ---- */

void block_watch_free(nfa_store *store);

/* ---- block_section.c ---- */

/* What a new section of that kind takes in its block, its place in the directory included. */
uint32_t section_room(const nfa_section_def *def);
/* Changes the size of a part's area; what lies behind it moves. Growing may fail (false, unchanged), shrinking never does. Added bytes are zero.
 * The capacity in the part's place is left to the caller. */
bool part_resize(const nfa_section *section, unsigned part, uint32_t old_bytes, uint32_t new_bytes);
/* Adds a chunk at the end of a spilled part. Gives its number; NFA_NO_PAGE: no memory, unchanged. The chunk is not zeroed. */
uint32_t part_add_chunk(const nfa_section *section, unsigned part);
/* Gives n chunks at the front, or at the back, of a spilled part back. */
void part_drop_front(const nfa_section *section, unsigned part, uint32_t n);
void part_drop_back(const nfa_section *section, unsigned part, uint32_t n);
/* Turns an inline part, whose area has area_bytes, into a spilled one with a first chunk and an empty directory entry for it. The caller has
 * copied what the area held. false: no memory, unchanged (and the area still holds what it held). */
bool part_spill(const nfa_section *section, unsigned part, uint32_t area_bytes, uint32_t chunk);
/* Frees all chunks; the part is inline without an area then. */
void part_clear_spill(const nfa_section *section, unsigned part);
/* Frees the chunks of all parts of a section of that shape. */
void section_free_chunks(nfa_store *store, char *section, const block_shape *shape);

#endif
