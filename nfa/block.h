/*
 * block.h: one key, one block. All that the engine knows about one key of one key group is one run of bytes without
 * pointers: head, key, a directory of sections, the sections. A section holds what one definition (a pattern, a
 * window, an alert state) knows of the key: a root of fixed size and up to NFA_MAX_DEQUES growing parts.
 *
 *   head (24 bytes) | key | directory {id, offset} sorted by id | section: root | descriptors | data of deques …
 *
 * A growing part is small and inline at first; past NFA_SPILL_BYTES it moves out into chunks of NFA_CHUNK_BYTES that the
 * block names by number, so that a hot key never means copying megabytes and a full chunk is never copied again.
 *
 * Records are named by absolute ordinals (uint32_t, wrapping): the n-th ever pushed. They stay the same while others leave.
 *
 * Bounds: a spilled part has at most 32,766 chunks (512 MB), a section at most 512 KB inside its block; beyond, a push says "no memory".
 *
 * Pointer rule: a pointer into a section (root, record, bytes) is good until something is pushed into or dropped from
 * that block. A handle (nfa_section) is good until another section of the block grows, comes or goes; find it again then.
 */
#ifndef EGRET_NFA_BLOCK_H
#define EGRET_NFA_BLOCK_H

#include "compiler/arena.h"

enum { NFA_MAX_DEQUES = 72, NFA_SPILL_BYTES = 4096, NFA_CHUNK_BYTES = 16384 };

#define NFA_NO_BLOCK UINT32_MAX
#define NFA_NEVER INT64_MAX

typedef enum nfa_part_kind {
    NFA_DEQUE,      /* records of fixed size, pushed at the back, popped at both ends */
    NFA_BYTES,      /* strings, pushed at the back, popped at the front; a string never crosses a chunk */
    NFA_MAP         /* uint64_t -> int64_t; for sets with counts, and for "last seen" */
} nfa_part_kind;

typedef struct nfa_part_def {
    uint8_t kind;           /* nfa_part_kind */
    uint16_t rec_size;      /* DEQUE: bytes of a record, a multiple of 4, at most NFA_CHUNK_BYTES */
} nfa_part_def;

/* What a section of this kind looks like. Made by the plan, the same for all keys. */
typedef struct nfa_section_def {
    uint32_t id;            /* from the dictionary of definitions; order of sections in a block */
    uint16_t root_size;     /* bytes, a multiple of 8; the root is zeroed when the section comes */
    uint8_t n_parts;
    nfa_part_def part[NFA_MAX_DEQUES];
    uint32_t ready;         /* mask of deques and maps (of the first 32) that come with room for one, as a new section gets one at once */
} nfa_section_def;

typedef struct nfa_store nfa_store;     /* all blocks of one shard */

typedef struct nfa_section {
    nfa_store *store;
    const nfa_section_def *def;
    uint32_t block;
    uint32_t offset;        /* of the section inside the block */
} nfa_section;

nfa_store *nfa_store_new(egret_mem mem);    /* NULL: no memory */
void nfa_store_free(nfa_store *store);

/* Blocks are found by key group and key bytes. hash is egret_key_hash of both, computed once per event by the caller. */
uint64_t nfa_key_hash(uint32_t group, const void *key, size_t len);
uint32_t nfa_block_find(nfa_store *store, uint32_t group, const void *key, size_t len, uint64_t hash);
/* Is it the block of that key? false for NFA_NO_BLOCK and for numbers of blocks that are gone. */
bool nfa_block_is(nfa_store *store, uint32_t block, uint32_t group, const void *key, size_t len);
/* For a host that looks ahead: fetches into the cache what nfa_block_find will look at, one step at a time; each some time after the one before,
 * so that nothing waits. Changes nothing; with a million keys it makes finding three times as fast. The address step gives the block
 * that the key most likely has, NFA_NO_BLOCK: none; the rest of a block is what the head says it has, up to half a kilobyte. */
void nfa_store_fetch_slot(const nfa_store *store, uint64_t hash);
uint32_t nfa_store_fetch_address(const nfa_store *store, uint64_t hash);
void nfa_store_fetch_head(const nfa_store *store, uint32_t block);
void nfa_store_fetch_rest(const nfa_store *store, uint32_t block);
void nfa_store_fetch_block(const nfa_store *store, uint32_t block);     /* all of it at once, most likely; of one that is in memory */
uint32_t nfa_block_get(nfa_store *store, uint32_t group, const void *key, size_t len, uint64_t hash);  /* NFA_NO_BLOCK: no memory */
/* Makes a block that nfa_block_find has not found, with a first section of that kind. */
uint32_t nfa_block_add(nfa_store *store, uint32_t group, const void *key, size_t len, uint64_t hash, const nfa_section_def *def, nfa_section *out);
void nfa_block_drop(nfa_store *store, uint32_t block);      /* its number may be used again */
uint32_t nfa_block_group(const nfa_store *store, uint32_t block);
const void *nfa_block_key(const nfa_store *store, uint32_t block, size_t *len);
/* The earliest deadline that must be acted on in this block (kept by the engine), NFA_NEVER when none. */
static inline int64_t nfa_block_due(const nfa_store *store, uint32_t block);
void nfa_block_set_due(nfa_store *store, uint32_t block, int64_t due_ms);
/* A note for whoever sweeps: until then nothing in the block can run out (INT64_MIN: not known, NFA_NEVER: never). Sections that come strike it
 * out; events that come only make it run out later. Kept beside the blocks, so that passing over a block does not touch it. */
static inline bool nfa_block_is_quiet(const nfa_store *store, uint32_t block, int64_t now_ms);
static inline void nfa_block_set_quiet(nfa_store *store, uint32_t block, int64_t until_ms);
void nfa_store_forget_quiet(nfa_store *store);      /* strikes all of these notes out */
size_t nfa_block_count(const nfa_store *store);
uint64_t nfa_block_born(const nfa_store *store);    /* how many there ever were */
uint32_t nfa_block_limit(const nfa_store *store);           /* block numbers are below this; for walks */
static inline bool nfa_block_exists(const nfa_store *store, uint32_t block);
size_t nfa_store_bytes(const nfa_store *store);             /* all memory held, index and slack included */
/* Between events: moves a few blocks together where many have left their size behind, so that their memory can serve others. Costs nothing when
 * there is nothing to do. All pointers into blocks are void after it; handles and block numbers stay good. true: there may be more to do. */
bool nfa_store_tidy(nfa_store *store);

/* Sections */
static inline bool nfa_section_find(nfa_store *store, uint32_t block, const nfa_section_def *def, nfa_section *out);
bool nfa_section_get(nfa_store *store, uint32_t block, const nfa_section_def *def, nfa_section *out);  /* false: no memory */
/* Makes the section with the id `from`, which is there, into one of this kind, which is not and has parts alike. false: no memory, unchanged. */
bool nfa_section_move(nfa_store *store, uint32_t block, uint32_t from, const nfa_section_def *to, nfa_section *out);
/* Copies a section of another store's block, chunks and all, into this one's, which has none with that id. false: no memory; then the store is only to
 * be freed. */
bool nfa_section_transfer(nfa_store *from, uint32_t from_block, nfa_store *to, uint32_t block, const nfa_section_def *def, nfa_section *out);
size_t nfa_section_bytes(const nfa_store *store, uint32_t block, size_t i);     /* of the i-th of the directory, its chunks too */
void nfa_section_drop(nfa_section *section);
void nfa_section_drop_id(nfa_store *store, uint32_t block, uint32_t id);     /* one that is there */
static inline size_t nfa_section_count(const nfa_store *store, uint32_t block);
static inline uint32_t nfa_section_id_at(const nfa_store *store, uint32_t block, size_t i);    /* i-th of the directory, by id */
/* That section, def being what its id stands for. */
static inline void nfa_section_nth(nfa_store *store, uint32_t block, size_t i, const nfa_section_def *def, nfa_section *out);
static inline void *nfa_section_root(const nfa_section *section);
/* What sections with that id look like; false: there has never been one. */
bool nfa_store_shape(const nfa_store *store, uint32_t id, nfa_section_def *out);
/* Remembers what they look like, where none has come yet. false: no memory. */
bool nfa_store_learn(nfa_store *store, const nfa_section_def *def);

/* Deques. ord is absolute; live ordinals are [first, first + count). */
static inline uint32_t nfa_deque_first(const nfa_section *section, unsigned part);
static inline uint32_t nfa_deque_count(const nfa_section *section, unsigned part);
static inline void *nfa_deque_at(const nfa_section *section, unsigned part, uint32_t ord);   /* must be live */
static inline void *nfa_deque_push(nfa_section *section, unsigned part);                     /* zeroed; NULL: no memory, unchanged */
void nfa_deque_pop_front(nfa_section *section, unsigned part, uint32_t n);
void nfa_deque_pop_back(nfa_section *section, unsigned part, uint32_t n);

/* Bytes. An offset is absolute and names one string; popping is by offset: all strings before `offset` go.
 * A string longer than NFA_CHUNK_BYTES / 2 is cut there. */
bool nfa_bytes_push(nfa_section *section, unsigned part, const void *bytes, size_t len, uint32_t *offset);
const char *nfa_bytes_at(const nfa_section *section, unsigned part, uint32_t offset);
uint32_t nfa_bytes_end(const nfa_section *section, unsigned part);             /* offset the next string will be at or after */
void nfa_bytes_pop_front(nfa_section *section, unsigned part, uint32_t offset);
void nfa_bytes_pop_back(nfa_section *section, unsigned part, uint32_t offset);  /* all from the offset on */

/* Maps */
static inline uint32_t nfa_map_count(const nfa_section *section, unsigned part);
int64_t *nfa_map_find(const nfa_section *section, unsigned part, uint64_t key);      /* NULL: not there */
static inline int64_t *nfa_map_get(nfa_section *section, unsigned part, uint64_t key);             /* comes with 0; NULL: no memory */
void nfa_map_del(nfa_section *section, unsigned part, uint64_t key);
void nfa_map_sweep(nfa_section *section, unsigned part, int64_t below);              /* drops entries whose value is below */

/* The block in words, for `egret inspect` and for tests: sections, counts, bytes. NUL-terminated, in the arena. */
const char *nfa_block_print(const nfa_store *store, uint32_t block, egret_arena *arena);

#include "nfa/block_inline.h"

#endif
