/*
 * block_deque.c: deques of records of fixed size.
 *
 * Inline, a deque is a ring whose capacity is a power of two, and a record's place is its ordinal modulo the capacity: no head
 * to keep, popping moves two numbers, and doubling the ring moves only the records whose new bit is set. A new deque
 * has no room at all, then room for 1, 2, 4 … records, as most keys have one record or none.
 *
 * Past NFA_SPILL_BYTES the records lie in chunks, each full of them; the ordinal of the first record of the first chunk says where all
 * others are. Chunks are never copied; they come at the back and go at the front. A deque that has become small moves home into the block.
 *
 * Shrinking waits until an eighth is used: the work it makes is then paid for by the pops before it.
 */
#include "nfa/block_internal.h"

#include <string.h>

enum { KEEP_BYTES = 256, HOME_BYTES = 1024, SHRINK_AT = 8 };

static inline uint32_t area_bytes(uint32_t cap, uint32_t rec_size)
{
    return round_up8(cap * rec_size);
}

/* ---- where a record is ---- */

static inline char *spilled_at(const nfa_store *store, block_directory *directory, uint32_t ord, uint32_t rec_size)
{
    uint32_t rel = ord - directory->u.run.base;
    uint32_t chunk = rel / directory->u.run.per_chunk;
    uint32_t i = rel - chunk * directory->u.run.per_chunk;
    return nfa_page_at(&store->pages, directory->chunk[directory->start + chunk]) + (size_t)i * rec_size;
}

static inline char *record_at(const nfa_section *section, char *at, const block_part *p, uint32_t ord, uint32_t rec_size)
{
    if (part_spilled(p))
        return spilled_at(section->store, part_directory(at, p), ord, rec_size);
    return part_area(at, p) + (size_t)(ord & (part_cap(p) - 1)) * rec_size;
}

void *block_deque_at(const nfa_section *section, unsigned part, uint32_t ord)
{
    char *at = block_section_at(section);
    return record_at(section, at, part_of(at, section->def, part), ord, section->def->part[part].rec_size);
}

/* ---- pushing ---- */

/* The ring's capacity has become twice `cap`: a record whose ordinal has the new bit moves up. */
static void ring_spread(char *area, const block_part *p, uint32_t cap, uint32_t rec_size)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t ord = p->first + i;
        if (ord & cap)
            memcpy(area + (size_t)(ord & (2 * cap - 1)) * rec_size, area + (size_t)(ord & (cap - 1)) * rec_size, rec_size);
    }
}

/* From the ring into a first chunk, which has room for all of it and more. */
static bool ring_spill(const nfa_section *section, unsigned part)
{
    uint32_t rec_size = section->def->part[part].rec_size;
    uint32_t chunk = nfa_page_new(&section->store->pages);
    if (chunk == NFA_NO_PAGE)
        return false;
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    uint32_t first = p->first;
    char *to = nfa_page_at(&section->store->pages, chunk);
    for (uint32_t i = 0; i < p->count; i++)
        memcpy(to + (size_t)i * rec_size, record_at(section, at, p, first + i, rec_size), rec_size);
    if (!part_spill(section, part, area_bytes(part_cap(p), rec_size), chunk)) {
        nfa_page_free(&section->store->pages, chunk);
        return false;
    }
    at = block_section_at(section);
    block_directory *directory = part_directory(at, part_of(at, section->def, part));
    directory->u.run.base = first;
    directory->u.run.per_chunk = NFA_CHUNK_BYTES / rec_size;
    return true;
}

static bool ring_grow(const nfa_section *section, unsigned part)
{
    uint32_t rec_size = section->def->part[part].rec_size;
    uint32_t cap = part_cap(part_of(block_section_at(section), section->def, part));
    uint32_t grown = cap ? cap * 2 : 1;
    if (grown * rec_size > NFA_SPILL_BYTES)
        return ring_spill(section, part);
    if (!part_resize(section, part, area_bytes(cap, rec_size), area_bytes(grown, rec_size)))
        return false;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    part_set_cap(p, false, grown);
    if (cap > 0)
        ring_spread(part_area(at, p), p, cap, rec_size);
    return true;
}

/* Is there room for one more record? Makes it. */
static bool push_reserve(const nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    if (!part_spilled(p)) {
        if (p->count < part_cap(p))
            return true;
        if (!ring_grow(section, part))
            return false;
        at = block_section_at(section);
        p = part_of(at, section->def, part);
        if (!part_spilled(p))
            return true;
    }
    const block_directory *directory = part_directory(at, p);
    uint32_t rel = p->first + p->count - directory->u.run.base;
    if (rel / directory->u.run.per_chunk < directory->n)
        return true;
    return part_add_chunk(section, part) != NFA_NO_PAGE;
}

void *block_deque_push(nfa_section *section, unsigned part)
{
    uint32_t rec_size = section->def->part[part].rec_size;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (part_spilled(p) || p->count == part_cap(p)) {
        if (p->count == UINT32_MAX || !push_reserve(section, part))
            return NULL;
        at = block_section_at(section);
        p = part_of(at, section->def, part);
    }
    char *record = record_at(section, at, p, p->first + p->count, rec_size);
    p->count++;
    return memset(record, 0, rec_size);
}

/* ---- popping ---- */

/* The smallest power of two that leaves a deque of n records half empty. */
static uint32_t roomy(uint32_t n)
{
    uint32_t cap = n ? 2 : 0;
    while (cap < 2 * n)
        cap *= 2;
    return cap;
}

/* Live records are fewer than the new capacity, so no two of them share a place, before or after. */
static void ring_shrink(const nfa_section *section, unsigned part)
{
    uint32_t rec_size = section->def->part[part].rec_size;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t cap = part_cap(p);
    if (cap * rec_size <= KEEP_BYTES || p->count > cap / SHRINK_AT)
        return;
    uint32_t less = roomy(p->count);
    char *area = part_area(at, p);
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t ord = p->first + i;
        uint32_t old_place = ord & (cap - 1);
        if (old_place >= less)
            memcpy(area + (size_t)(ord & (less - 1)) * rec_size, area + (size_t)old_place * rec_size, rec_size);
    }
    part_set_cap(p, false, less);
    part_resize(section, part, area_bytes(cap, rec_size), area_bytes(less, rec_size));
}

/* A spilled deque that has become small moves back into the block. When there is no memory for that it stays where it is. */
static void come_home(const nfa_section *section, unsigned part)
{
    char kept[HOME_BYTES];
    uint32_t rec_size = section->def->part[part].rec_size;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (p->count == 0) {
        part_clear_spill(section, part);
        return;
    }
    if (p->count > HOME_BYTES / rec_size)
        return;
    uint32_t cap = roomy(p->count);
    uint32_t had = directory_bytes(part_cap(p));
    uint32_t wanted = area_bytes(cap, rec_size);
    if (wanted > had && !part_resize(section, part, had, wanted))
        return;
    at = block_section_at(section);
    p = part_of(at, section->def, part);
    for (uint32_t i = 0; i < p->count; i++)
        memcpy(kept + (size_t)i * rec_size, record_at(section, at, p, p->first + i, rec_size), rec_size);
    part_drop_back(section, part, part_directory(at, p)->n);
    part_set_cap(p, false, cap);
    for (uint32_t i = 0; i < p->count; i++)
        memcpy(record_at(section, at, p, p->first + i, rec_size), kept + (size_t)i * rec_size, rec_size);
    if (wanted < had)
        part_resize(section, part, had, wanted);
}

void nfa_deque_pop_front(nfa_section *section, unsigned part, uint32_t n)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (n > p->count)
        n = p->count;
    p->first += n;
    p->count -= n;
    if (!part_spilled(p)) {
        ring_shrink(section, part);
        return;
    }
    const block_directory *directory = part_directory(at, p);
    uint32_t gone = (p->first - directory->u.run.base) / directory->u.run.per_chunk;
    part_drop_front(section, part, gone < directory->n ? gone : directory->n);
    come_home(section, part);
}

void nfa_deque_pop_back(nfa_section *section, unsigned part, uint32_t n)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (n > p->count)
        n = p->count;
    p->count -= n;
    if (!part_spilled(p)) {
        ring_shrink(section, part);
        return;
    }
    const block_directory *directory = part_directory(at, p);
    if (p->count > 0) {
        uint32_t used = (p->first + p->count - 1 - directory->u.run.base) / directory->u.run.per_chunk + 1;
        part_drop_back(section, part, directory->n - used);
    }
    come_home(section, part);
}
