/*
 * block_map.c: maps from 64-bit keys to 64-bit values, from one entry to millions.
 *
 *   up to 16 entries    a plain array in the block, searched from the front
 *   up to NFA_SPILL_BYTES open addressing in the block, load at most 3/4
 *   beyond              linear hashing over chunks: each chunk is a small open-addressing table of its own
 *
 * Linear hashing grows by one chunk at a time: with n chunks, 2^L <= n < 2^(L+1), the next chunk takes its entries from chunk n - 2^L
 * alone. So no insertion ever waits for millions of entries to move, and the number of chunks is all the state there is.
 *
 * In tables key 0 marks a free slot; the entry of key 0 itself stands apart (behind the slots, or in the directory of the chunks),
 * and part.first tells whether it is there. Deletion shifts the followers back: there are no tombstones.
 */
#include "nfa/block_internal.h"

#include <string.h>

_Static_assert(sizeof(map_entry) == MAP_ENTRY_BYTES, "a map that comes ready has room for one entry");

/* A table of slots: the whole of an inline one, or one chunk. */
typedef struct map_table {
    map_entry *slot;
    uint32_t mask;
} map_table;

enum {
    LIST_MAX = MAP_LIST_MAX,
    INLINE_MAX = NFA_SPILL_BYTES / 16,
    CHUNK_SLOTS = NFA_CHUNK_BYTES / 16,
    CHUNK_SHARE = 440,      /* entries per chunk on average before one is added; chunks not yet split have up to twice that */
    CHUNK_MERGE = 150,      /* … below which one is taken away */
    HOME_SLOTS = INLINE_MAX,
    HOME_ENTRIES = HOME_SLOTS * 3 / 8  /* in one chunk, below which the map moves back into the block */
};

static inline uint64_t mix(uint64_t key)
{
    uint64_t h = key * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 32;
}

static inline uint32_t slot_hash(uint64_t h)
{
    return (uint32_t)h & (CHUNK_SLOTS - 1);
}

static inline uint32_t chunk_hash(uint64_t h)
{
    return (uint32_t)(h >> 10);
}

/* Tables have one slot more, for key 0. */
static inline uint32_t area_bytes(uint32_t cap)
{
    return (cap + (cap > LIST_MAX)) * (uint32_t)sizeof(map_entry);
}

static inline map_entry *area_entries(char *at, const block_part *p)
{
    return (map_entry *)(void *)part_area(at, p);
}

/* ---- tables ---- */

static map_entry *table_find(map_table t, uint64_t key)
{
    uint32_t i = slot_hash(mix(key)) & t.mask;
    for (uint32_t n = 0; n <= t.mask && t.slot[i].key != 0; n++, i = (i + 1) & t.mask)
        if (t.slot[i].key == key)
            return &t.slot[i];
    return NULL;
}

/* A slot for a key that is not in the table; NULL: the table is full. */
static map_entry *table_put(map_table t, uint64_t key)
{
    uint32_t i = slot_hash(mix(key)) & t.mask;
    for (uint32_t n = 0; n <= t.mask; n++, i = (i + 1) & t.mask) {
        if (t.slot[i].key != 0)
            continue;
        t.slot[i] = (map_entry){.key = key, .value = 0};
        return &t.slot[i];
    }
    return NULL;
}

static void table_del(map_table t, map_entry *entry)
{
    uint32_t hole = (uint32_t)(entry - t.slot);
    uint32_t i = (hole + 1) & t.mask;
    for (uint32_t n = 0; n < t.mask && t.slot[i].key != 0; n++, i = (i + 1) & t.mask) {
        uint32_t home = slot_hash(mix(t.slot[i].key)) & t.mask;
        if (((i - home) & t.mask) >= ((i - hole) & t.mask)) {
            t.slot[hole] = t.slot[i];
            hole = i;
        }
    }
    t.slot[hole].key = 0;
}

static uint32_t table_sweep(map_table t, int64_t below)
{
    uint32_t gone = 0;
    for (uint32_t i = 0; i <= t.mask;) {
        if (t.slot[i].key != 0 && t.slot[i].value < below) {
            table_del(t, &t.slot[i]);   /* another entry may stand here now: look again */
            gone++;
        } else {
            i++;
        }
    }
    return gone;
}

/* Copies the entries out, gives their number. */
static uint32_t table_gather(map_table t, map_entry *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i <= t.mask; i++)
        if (t.slot[i].key != 0)
            out[n++] = t.slot[i];
    return n;
}

static void table_fill(map_table t, const map_entry *entries, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        table_put(t, entries[i].key)->value = entries[i].value;
}

/* ---- the chunk of a key ---- */

static uint32_t chunk_index(uint32_t n, uint32_t hash)
{
    uint32_t low = UINT32_C(1) << (31 - __builtin_clz(n));     /* 2^L */
    uint32_t i = hash & (2 * low - 1);
    return i < n ? i : i & (low - 1);
}

static inline map_table chunk_table(const nfa_store *store, const block_directory *directory, uint32_t i)
{
    char *page = nfa_page_at(&store->pages, directory->chunk[directory->start + i]);
    return (map_table){.slot = (map_entry *)(void *)page, .mask = CHUNK_SLOTS - 1};
}

/* The table a key belongs to, in a map that has tables. */
static map_table table_of(const nfa_section *section, char *at, const block_part *p, uint64_t key)
{
    if (!part_spilled(p))
        return (map_table){.slot = area_entries(at, p), .mask = part_cap(p) - 1};
    const block_directory *directory = part_directory(at, p);
    return chunk_table(section->store, directory, chunk_index(directory->n, chunk_hash(mix(key))));
}

static inline bool is_list(const block_part *p)
{
    return !part_spilled(p) && part_cap(p) <= LIST_MAX;
}

static int64_t *zero_value(char *at, const block_part *p)
{
    if (part_spilled(p))
        return &part_directory(at, p)->u.zero_value;
    return &area_entries(at, p)[part_cap(p)].value;
}

/* ---- finding ---- */

int64_t *nfa_map_find(const nfa_section *section, unsigned part, uint64_t key)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    if (is_list(p)) {
        map_entry *entries = area_entries(at, p);
        for (uint32_t i = 0; i < p->count; i++)
            if (entries[i].key == key)
                return &entries[i].value;
        return NULL;
    }
    if (key == 0)
        return p->first ? zero_value(at, p) : NULL;
    map_entry *entry = table_find(table_of(section, at, p, key), key);
    return entry ? &entry->value : NULL;
}

/* ---- growing and shrinking in the block ---- */

/* Takes all entries of an inline map out, key 0 included. */
static uint32_t inline_gather(char *at, const block_part *p, map_entry *out)
{
    map_entry *entries = area_entries(at, p);
    if (is_list(p)) {
        memcpy(out, entries, p->count * sizeof *out);
        return p->count;
    }
    uint32_t n = table_gather((map_table){.slot = entries, .mask = part_cap(p) - 1}, out);
    if (p->first)
        out[n++] = (map_entry){.key = 0, .value = *zero_value(at, p)};
    return n;
}

/* Lays entries out in an area of `cap` slots that is large enough. */
static void inline_fill(char *at, block_part *p, uint32_t cap, const map_entry *entries, uint32_t n)
{
    map_entry *to = area_entries(at, p);
    part_set_cap(p, false, cap);
    p->first = 0;
    if (cap <= LIST_MAX) {
        memcpy(to, entries, n * sizeof *entries);
        return;
    }
    memset(to, 0, area_bytes(cap));
    map_table table = {.slot = to, .mask = cap - 1};
    for (uint32_t i = 0; i < n; i++) {
        if (entries[i].key == 0) {
            p->first = 1;
            *zero_value(at, p) = entries[i].value;
        } else {
            table_put(table, entries[i].key)->value = entries[i].value;
        }
    }
}

static bool inline_resize(const nfa_section *section, unsigned part, uint32_t cap)
{
    map_entry kept[INLINE_MAX];
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t had = area_bytes(part_cap(p));
    uint32_t wanted = area_bytes(cap);
    uint32_t n = inline_gather(at, p, kept);
    if (wanted > had && !part_resize(section, part, had, wanted))
        return false;
    at = block_section_at(section);
    inline_fill(at, part_of(at, section->def, part), cap, kept, n);
    if (wanted < had)
        part_resize(section, part, had, wanted);
    return true;
}

/* From the block into a first chunk. */
static bool map_spill(const nfa_section *section, unsigned part)
{
    map_entry kept[INLINE_MAX + 1];
    nfa_pages *pages = &section->store->pages;
    uint32_t chunk = nfa_page_new(pages);
    if (chunk == NFA_NO_PAGE)
        return false;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t n = inline_gather(at, p, kept);
    int64_t zero = p->first ? *zero_value(at, p) : 0;
    n -= p->first;      /* key 0 is the last one */
    if (!part_spill(section, part, area_bytes(part_cap(p)), chunk)) {
        nfa_page_free(pages, chunk);
        return false;
    }
    at = block_section_at(section);
    p = part_of(at, section->def, part);
    *zero_value(at, p) = zero;
    map_table table = chunk_table(section->store, part_directory(at, p), 0);
    memset(table.slot, 0, NFA_CHUNK_BYTES);
    table_fill(table, kept, n);
    return true;
}

/* ---- growing and shrinking in chunks ---- */

/* Adds a chunk and moves to it those entries of its partner that belong there now. */
static bool chunk_split(const nfa_section *section, unsigned part)
{
    map_entry kept[CHUNK_SLOTS];
    if (part_add_chunk(section, part) == NFA_NO_PAGE)
        return false;
    char *at = block_section_at(section);
    const block_directory *directory = part_directory(at, part_of(at, section->def, part));
    uint32_t last = directory->n - 1;
    map_table to = chunk_table(section->store, directory, last);
    map_table from = chunk_table(section->store, directory, chunk_index(last, last));
    uint32_t n = table_gather(from, kept);
    memset(from.slot, 0, NFA_CHUNK_BYTES);
    memset(to.slot, 0, NFA_CHUNK_BYTES);
    for (uint32_t i = 0; i < n; i++) {
        bool moves = chunk_index(last + 1, chunk_hash(mix(kept[i].key))) == last;
        table_put(moves ? to : from, kept[i].key)->value = kept[i].value;
    }
    return true;
}

/* The reverse, when the partner has room. */
static bool chunk_merge(const nfa_section *section, unsigned part)
{
    map_entry kept[CHUNK_SLOTS];
    map_entry others[CHUNK_SLOTS];
    char *at = block_section_at(section);
    const block_directory *directory = part_directory(at, part_of(at, section->def, part));
    uint32_t last = directory->n - 1;
    map_table to = chunk_table(section->store, directory, chunk_index(last, last));
    uint32_t n = table_gather(chunk_table(section->store, directory, last), kept);
    if (n + table_gather(to, others) > CHUNK_SLOTS * 7 / 8)
        return false;
    table_fill(to, kept, n);
    part_drop_back(section, part, 1);
    return true;
}

static void come_home(const nfa_section *section, unsigned part)
{
    map_entry kept[CHUNK_SLOTS + 1];
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t had = directory_bytes(part_cap(p));
    uint32_t wanted = area_bytes(HOME_SLOTS);
    if (wanted > had && !part_resize(section, part, had, wanted))
        return;
    at = block_section_at(section);
    p = part_of(at, section->def, part);
    uint32_t n = table_gather(chunk_table(section->store, part_directory(at, p), 0), kept);
    if (p->first)
        kept[n++] = (map_entry){.key = 0, .value = *zero_value(at, p)};
    part_drop_back(section, part, 1);
    inline_fill(at, p, HOME_SLOTS, kept, n);
    if (wanted < had)
        part_resize(section, part, had, wanted);
}

static void spilled_shrink(const nfa_section *section, unsigned part)
{
    for (;;) {
        char *at = block_section_at(section);
        const block_part *p = part_of(at, section->def, part);
        uint32_t n = part_directory(at, p)->n;
        if (n > 1 && p->count / CHUNK_MERGE < n - 1 && chunk_merge(section, part))
            continue;
        if (n == 1 && p->count <= HOME_ENTRIES)
            come_home(section, part);
        return;
    }
}

/* After entries have left. */
static void map_shrink(const nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t cap = part_cap(p);
    if (part_spilled(p)) {
        if (p->count > 0) {
            spilled_shrink(section, part);
        } else {
            part_clear_spill(section, part);
            at = block_section_at(section);
            part_of(at, section->def, part)->first = 0;
        }
    } else if (cap > LIST_MAX && p->count <= cap / 8) {
        uint32_t less = p->count ? 2 : 0;
        while (less < 2 * p->count)
            less *= 2;
        inline_resize(section, part, less);
    }
}

/* ---- entries come and go ---- */

/* Makes room for one more. */
static bool map_reserve(const nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    uint32_t cap = part_cap(p);
    if (part_spilled(p))
        return p->count / CHUNK_SHARE < part_directory(at, p)->n || chunk_split(section, part);
    if (cap <= LIST_MAX ? p->count < cap : (p->count + 1) * 4 <= cap * 3)
        return true;
    if (cap >= INLINE_MAX)
        return map_spill(section, part);
    return inline_resize(section, part, cap ? cap * 2 : 1);
}

/* A chunk may be full though the map is not, when many keys fall into it: then chunks are added until it has been split. */
static map_entry *spilled_put(const nfa_section *section, unsigned part, uint64_t key)
{
    char *at = block_section_at(section);
    uint32_t tries = part_directory(at, part_of(at, section->def, part))->n + 1;
    for (; tries > 0; tries--) {
        at = block_section_at(section);
        map_entry *entry = table_put(table_of(section, at, part_of(at, section->def, part), key), key);
        if (entry)
            return entry;
        if (!chunk_split(section, part))
            return NULL;
    }
    return NULL;
}

int64_t *block_map_get(nfa_section *section, unsigned part, uint64_t key)
{
    int64_t *found = nfa_map_find(section, part, key);
    if (found)
        return found;
    if (!map_reserve(section, part))
        return NULL;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    map_entry *entry;
    if (is_list(p)) {
        entry = &area_entries(at, p)[p->count];
        *entry = (map_entry){.key = key, .value = 0};
    } else if (key == 0) {
        p->first = 1;
        p->count++;
        *zero_value(at, p) = 0;
        return zero_value(at, p);
    } else if (part_spilled(p)) {
        entry = spilled_put(section, part, key);
        if (!entry)
            return NULL;
    } else {
        entry = table_put(table_of(section, at, p, key), key);
    }
    at = block_section_at(section);
    part_of(at, section->def, part)->count++;
    return &entry->value;
}

void nfa_map_del(nfa_section *section, unsigned part, uint64_t key)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    int64_t *value = nfa_map_find(section, part, key);
    if (!value)
        return;
    if (is_list(p)) {
        map_entry *entries = area_entries(at, p);
        map_entry *entry = (map_entry *)(void *)((char *)value - offsetof(map_entry, value));
        *entry = entries[p->count - 1];
    } else if (key == 0) {
        p->first = 0;
    } else {
        table_del(table_of(section, at, p, key), (map_entry *)(void *)((char *)value - offsetof(map_entry, value)));
    }
    p->count--;
    map_shrink(section, part);
}

void nfa_map_sweep(nfa_section *section, unsigned part, int64_t below)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (is_list(p)) {
        map_entry *entries = area_entries(at, p);
        for (uint32_t i = 0; i < p->count;) {
            if (entries[i].value < below)
                entries[i] = entries[--p->count];
            else
                i++;
        }
        return;
    }
    if (p->first && *zero_value(at, p) < below) {
        p->first = 0;
        p->count--;
    }
    if (part_spilled(p)) {
        const block_directory *directory = part_directory(at, p);
        for (uint32_t i = 0; i < directory->n; i++)
            p->count -= table_sweep(chunk_table(section->store, directory, i), below);
    } else {
        p->count -= table_sweep(table_of(section, at, p, 1), below);
    }
    map_shrink(section, part);
}
