/*
 * block_bytes.c: strings one after the other, named by absolute offsets.
 *
 * Inline, the area begins with the offset of its first byte (4 bytes), then come the strings. Popping only moves the mark; a push that finds no
 * room closes up what was popped, or grows. Past NFA_SPILL_BYTES the strings lie in chunks; one that does not fit into
 * the rest of a chunk goes into the next, and the offsets in between name nothing.
 */
#include "nfa/block_internal.h"

#include <string.h>

enum { PREFIX = 4, UNIT = 8, KEEP_BYTES = 256, HOME_BYTES = 1024, SHRINK_AT = 8 };

static inline uint32_t *inline_base(char *at, const block_part *p)
{
    return (uint32_t *)(void *)part_area(at, p);
}

static inline char *spilled_at(const nfa_store *store, const block_directory *directory, uint32_t rel)
{
    return nfa_page_at(&store->pages, directory->chunk[directory->start + rel / NFA_CHUNK_BYTES]) + rel % NFA_CHUNK_BYTES;
}

uint32_t nfa_bytes_end(const nfa_section *section, unsigned part)
{
    const block_part *p = part_of(block_section_at(section), section->def, part);
    return p->first + p->count;
}

const char *nfa_bytes_at(const nfa_section *section, unsigned part, uint32_t offset)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    if (part_spilled(p)) {
        const block_directory *directory = part_directory(at, p);
        uint32_t rel = offset - directory->u.run.base;
        return rel / NFA_CHUNK_BYTES < directory->n ? spilled_at(section->store, directory, rel) : "";
    }
    if (part_cap(p) == 0)
        return "";
    return part_area(at, p) + PREFIX + (offset - *inline_base(at, p));
}

/* ---- pushing ---- */

/* Moves the live bytes to the front of the area. */
static void close_up(char *at, const block_part *p)
{
    uint32_t *base = inline_base(at, p);
    char *bytes = (char *)(base + 1);
    memmove(bytes, bytes + (p->first - *base), p->count);
    *base = p->first;
}

static bool bytes_spill(const nfa_section *section, unsigned part)
{
    uint32_t chunk = nfa_page_new(&section->store->pages);
    if (chunk == NFA_NO_PAGE)
        return false;
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    uint32_t first = p->first;
    if (p->count > 0)
        memcpy(nfa_page_at(&section->store->pages, chunk), nfa_bytes_at(section, part, first), p->count);
    if (!part_spill(section, part, part_cap(p) * UNIT, chunk)) {
        nfa_page_free(&section->store->pages, chunk);
        return false;
    }
    at = block_section_at(section);
    block_directory *directory = part_directory(at, part_of(at, section->def, part));
    directory->u.run.base = first;
    directory->u.run.per_chunk = NFA_CHUNK_BYTES;
    return true;
}

/* Room for len more bytes in the area; it may become a spilled part instead. */
static bool inline_reserve(const nfa_section *section, unsigned part, uint32_t len)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t had = part_cap(p) * UNIT;
    if (had > 0) {
        uint32_t popped = p->first - *inline_base(at, p);
        if (PREFIX + popped + p->count + len <= had)
            return true;
        bool worth_it = popped >= p->count / 2 && PREFIX + p->count + len <= had;
        close_up(at, p);
        if (worth_it)
            return true;
    }
    uint32_t wanted = round_up8(PREFIX + p->count + len);
    if (wanted < 2 * had)
        wanted = 2 * had;
    if (wanted > NFA_SPILL_BYTES)
        return bytes_spill(section, part);
    if (!part_resize(section, part, had, wanted))
        return false;
    at = block_section_at(section);
    p = part_of(at, section->def, part);
    part_set_cap(p, false, wanted / UNIT);
    *inline_base(at, p) = p->first;
    return true;
}

/* Where in the chunks a string of len bytes goes, as distance from the base; a chunk is added when it is needed. */
static bool chunk_reserve(const nfa_section *section, unsigned part, uint32_t len, uint32_t *rel)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    const block_directory *directory = part_directory(at, p);
    *rel = p->first + p->count - directory->u.run.base;
    if (*rel % NFA_CHUNK_BYTES + len > NFA_CHUNK_BYTES)
        *rel = (*rel / NFA_CHUNK_BYTES + 1) * NFA_CHUNK_BYTES;
    if (*rel / NFA_CHUNK_BYTES < directory->n)
        return true;
    return part_add_chunk(section, part) != NFA_NO_PAGE;
}

bool nfa_bytes_push(nfa_section *section, unsigned part, const void *bytes, size_t len, uint32_t *offset)
{
    uint32_t n = len > NFA_CHUNK_BYTES / 2 ? NFA_CHUNK_BYTES / 2 : (uint32_t)len;
    *offset = nfa_bytes_end(section, part);
    if (n == 0)
        return true;
    if (!part_spilled(part_of(block_section_at(section), section->def, part)) && !inline_reserve(section, part, n))
        return false;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t rel;
    char *to;
    if (part_spilled(p)) {
        if (!chunk_reserve(section, part, n, &rel))
            return false;
        at = block_section_at(section);
        p = part_of(at, section->def, part);
        const block_directory *directory = part_directory(at, p);
        *offset = directory->u.run.base + rel;
        to = spilled_at(section->store, directory, rel);
    } else {
        to = part_area(at, p) + PREFIX + (*offset - *inline_base(at, p));
    }
    memcpy(to, bytes, n);
    p->count = *offset + n - p->first;
    return true;
}

/* ---- popping ---- */

static void inline_shrink(const nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t had = part_cap(p) * UNIT;
    if (had <= KEEP_BYTES || (PREFIX + p->count) > had / SHRINK_AT) {
        if (p->count == 0 && had > 0)
            *inline_base(at, p) = p->first;
        return;
    }
    uint32_t wanted = p->count ? round_up8(PREFIX + 2 * p->count) : 0;
    close_up(at, p);
    part_set_cap(p, false, wanted / UNIT);
    part_resize(section, part, had, wanted);
}

static void come_home(const nfa_section *section, unsigned part)
{
    char kept[HOME_BYTES];
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    if (p->count == 0) {
        part_clear_spill(section, part);
        return;
    }
    if (p->count > HOME_BYTES)
        return;
    uint32_t had = directory_bytes(part_cap(p));
    uint32_t wanted = round_up8(PREFIX + 2 * p->count);
    if (wanted > had && !part_resize(section, part, had, wanted))
        return;
    at = block_section_at(section);
    p = part_of(at, section->def, part);
    const block_directory *directory = part_directory(at, p);
    for (uint32_t done = 0; done < p->count;) {     /* the bytes between two strings at the end of a chunk come along */
        uint32_t rel = p->first + done - directory->u.run.base;
        uint32_t n = NFA_CHUNK_BYTES - rel % NFA_CHUNK_BYTES;
        if (n > p->count - done)
            n = p->count - done;
        memcpy(kept + done, spilled_at(section->store, directory, rel), n);
        done += n;
    }
    part_drop_back(section, part, directory->n);
    part_set_cap(p, false, wanted / UNIT);
    *inline_base(at, p) = p->first;
    memcpy(part_area(at, p) + PREFIX, kept, p->count);
    if (wanted < had)
        part_resize(section, part, had, wanted);
}

void nfa_bytes_pop_front(nfa_section *section, unsigned part, uint32_t offset)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t n = offset - p->first;
    if (n > UINT32_MAX / 2)     /* before the first: that is gone already */
        return;
    if (n > p->count)
        n = p->count;
    p->first += n;
    p->count -= n;
    if (!part_spilled(p)) {
        inline_shrink(section, part);
        return;
    }
    const block_directory *directory = part_directory(at, p);
    uint32_t gone = (p->first - directory->u.run.base) / NFA_CHUNK_BYTES;
    part_drop_front(section, part, gone < directory->n ? gone : directory->n);
    come_home(section, part);
}

void nfa_bytes_pop_back(nfa_section *section, unsigned part, uint32_t offset)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t n = offset - p->first;
    if (n >= p->count)
        return;
    p->count = n;
    if (!part_spilled(p)) {
        inline_shrink(section, part);
        return;
    }
    const block_directory *directory = part_directory(at, p);
    if (p->count > 0) {
        uint32_t used = (p->first + p->count - 1 - directory->u.run.base) / NFA_CHUNK_BYTES + 1;
        if (used < directory->n)
            part_drop_back(section, part, directory->n - used);
    }
    come_home(section, part);
}
