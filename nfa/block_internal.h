/*
 * block_internal.h: what the files nfa/block_*.c share with each other alone. The layout is in block_inline.h.
 */
#ifndef EGRET_NFA_BLOCK_INTERNAL_H
#define EGRET_NFA_BLOCK_INTERNAL_H

#include "nfa/block.h"
#include "nfa/block_image.h"

enum {
    BLOCK_MAX_BYTES = 1 << 30,
    SECTION_MAX_BYTES = UINT16_MAX * 8, /* areas are named by 16 bits in units of 8 bytes */
    PACK_BLOCKS = NFA_PACK_BLOCKS       /* blocks are watched in packs of so many: block_image.c */
};

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

typedef struct block_cold block_cold;

/* What a section of that id looks like: needed to free chunks and to print where no definition is at hand. */
struct block_shape {
    uint32_t id;
    uint16_t root_size;
    uint8_t n_parts;
    nfa_part_def part[];
};

static inline uint32_t round_up8(uint32_t n)
{
    return (n + 7) & ~UINT32_C(7);
}

static inline uint32_t *block_offsets(block_head *head)
{
    return block_ids(head) + head->n_sections;
}

static inline void part_set_cap(block_part *p, bool spilled, uint32_t cap)
{
    p->place = (spilled ? PLACE_SPILLED : 0) | cap << 16 | (p->place & 0xFFFF);
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

typedef struct block_key {
    uint32_t group;
    const void *bytes;
    size_t len;
    uint64_t hash;
} block_key;

/* A block of a key that has none, with `room` zeroed bytes behind its key, from *pos on, but no section. NFA_NO_BLOCK: no memory. */
uint32_t block_make(nfa_store *store, const block_key *key, uint32_t room, uint32_t *pos);

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
/* A run that holds a block of a key that is not here becomes one of this store, under a number of its own. false: no memory, and the run is the caller's. */
bool block_adopt(nfa_store *store, char *run, uint32_t *block);

/* The block's memory is freed; it is away. */
void block_let_go(nfa_store *store, uint32_t block);

/* ---- block_image.c ---- */

bool block_pack_write(nfa_store *store, uint32_t pack, egret_text *out);    /* false: no memory */
bool block_cut_wants(const nfa_store *store, uint32_t pack);     /* a cut is open, and the pack's turn has not come */

void block_watch_free(nfa_store *store);

/* ---- cold.c; but for free, only with store->cold ---- */

void block_cold_free(nfa_store *store);
bool block_cold_bring(nfa_store *store, uint32_t pack);     /* false: see nfa_store_is_lost */
bool block_cold_get(nfa_store *store, uint32_t pack, egret_text *out);     /* of a pack that is away */
bool block_cold_is_away(const nfa_store *store, uint32_t pack);
void block_cold_found(nfa_store *store, uint32_t block);
void block_cold_touched(nfa_store *store, uint32_t pack);

/* ---- block_section.c ---- */

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
