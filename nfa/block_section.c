/*
 * block_section.c: sections of a block, and the areas and chunks of their parts.
 *
 * A block is tight: everything in it follows what stands before it. To make room means to open a gap and to tell those who
 * name what lies behind it: the offsets of later sections, the areas of later parts. That is all the bookkeeping there is,
 * and it is in this file; deques, bytes and maps see areas that have become larger.
 */
#include "nfa/block_internal.h"

#include <string.h>

enum { DIRECTORY_ENTRY_BYTES = 8 };

/* ---- coming and going ---- */

static uint32_t bare_bytes(const nfa_section_def *def)
{
    return round_up8(def->root_size + (uint32_t)def->n_parts * PART_BYTES);
}

/* The bytes of a part that comes with room for one record or entry; 0: it comes without. */
static uint32_t ready_bytes(const nfa_section_def *def, unsigned part)
{
    const nfa_part_def *p = &def->part[part];
    if (part >= 32 || (def->ready >> part & 1u) == 0)
        return 0;
    if (p->kind == NFA_MAP)
        return MAP_ENTRY_BYTES;
    return p->kind == NFA_DEQUE && p->rec_size <= NFA_SPILL_BYTES ? round_up8(p->rec_size) : 0;
}

static uint32_t fresh_bytes(const nfa_section_def *def)
{
    uint32_t bytes = bare_bytes(def);
    for (unsigned part = 0; part < def->n_parts; part++)
        bytes += ready_bytes(def, part);
    return bytes;
}

/* Says where the parts of a new section begin: one after the other, those that come ready with room for one. */
static void place_parts(char *section, const nfa_section_def *def)
{
    uint32_t at = bare_bytes(def);
    for (unsigned part = 0; part < def->n_parts; part++) {
        block_part *p = part_of(section, def, part);
        p->place = at / 8;
        uint32_t bytes = ready_bytes(def, part);
        if (bytes > 0) {
            part_set_cap(p, false, 1);
            at += bytes;
        }
    }
}

/* The directory takes 8 bytes more: its entries from place i on, and all sections before the gap, move up. `gap_end` is the end of a gap of
 * `bytes` + 8 bytes that was opened where section i is to stand. */
static void directory_insert(block_head *head, uint32_t i, uint32_t id, uint32_t gap_pos, uint32_t bytes)
{
    uint32_t n = head->n_sections;
    uint32_t *ids = block_ids(head);
    uint32_t *offsets = ids + n;
    if (n == 0) {       /* a new key: nothing has to move */
        ids[0] = id;
        ids[1] = gap_pos + 8;
        head->n_sections = 1;
        return;
    }
    uint32_t first = round_up8((uint32_t)((char *)(offsets + n) - (char *)head));
    memmove((char *)head + first + 8, (char *)head + first, gap_pos - first);
    memmove(offsets + i + 2, offsets + i, (n - i) * sizeof *offsets);
    memmove(offsets + 1, offsets, i * sizeof *offsets);
    memmove(ids + i + 1, ids + i, (n - i) * sizeof *ids);
    offsets = ids + n + 1;
    ids[i] = id;
    offsets[i] = gap_pos + 8;
    for (uint32_t k = 0; k < i; k++)
        offsets[k] += 8;
    for (uint32_t k = i + 1; k <= n; k++)
        offsets[k] += bytes + 8;
    head->n_sections = (uint16_t)(n + 1);
}

/* The gap comes zeroed, and so does the section. */
static bool section_new(nfa_store *store, uint32_t block, const nfa_section_def *def, nfa_section *out)
{
    block_head *head = block_head_of(store, block);
    uint32_t n = head->n_sections;
    uint32_t bytes = fresh_bytes(def);
    if (n == UINT16_MAX || !block_shape_learn(store, def))
        return false;
    block_touch(store, block);
    store->quiet[block] = 0;
    const uint32_t *ids = block_ids(head);
    uint32_t i = directory_place(ids, n, def->id);
    uint32_t gap_pos = i < n ? ids[n + i] : head->used;
    if (!block_open_gap(store, block, gap_pos, bytes + 8))
        return false;
    head = block_head_of(store, block);
    directory_insert(head, i, def->id, gap_pos, bytes);
    place_parts((char *)head + gap_pos + 8, def);
    *out = (nfa_section){.store = store, .def = def, .block = block, .offset = gap_pos + 8};
    return true;
}

uint32_t nfa_block_add(nfa_store *store, uint32_t group, const void *key, size_t len, uint64_t hash, const nfa_section_def *def, nfa_section *out)
{
    uint32_t pos, bytes = fresh_bytes(def);
    if (!block_shape_learn(store, def))
        return NFA_NO_BLOCK;
    uint32_t block = block_make(store, &(block_key){.group = group, .bytes = key, .len = len, .hash = hash}, bytes + DIRECTORY_ENTRY_BYTES, &pos);
    if (block == NFA_NO_BLOCK)
        return block;
    block_head *head = block_head_of(store, block);
    directory_insert(head, 0, def->id, pos, bytes);
    place_parts((char *)head + pos + DIRECTORY_ENTRY_BYTES, def);
    *out = (nfa_section){.store = store, .def = def, .block = block, .offset = pos + DIRECTORY_ENTRY_BYTES};
    return block;
}

bool nfa_section_get(nfa_store *store, uint32_t block, const nfa_section_def *def, nfa_section *out)
{
    if (nfa_section_find(store, block, def, out))
        return true;
    return section_new(store, block, def, out);
}

static void directory_remove(block_head *head, uint32_t i, uint32_t bytes)
{
    uint32_t n = head->n_sections;
    uint32_t *ids = block_ids(head);
    uint32_t *offsets = ids + n;
    uint32_t first = round_up8((uint32_t)((char *)(offsets + n) - (char *)head));
    uint32_t pos = offsets[i];
    for (uint32_t k = 0; k < i; k++)
        offsets[k] -= 8;
    for (uint32_t k = i + 1; k < n; k++)
        offsets[k] -= bytes + 8;
    memmove(ids + i, ids + i + 1, (n - i - 1) * sizeof *ids);
    memmove(offsets - 1, offsets, i * sizeof *offsets);
    memmove(offsets + i - 1, offsets + i + 1, (n - i - 1) * sizeof *offsets);
    memmove((char *)head + first - 8, (char *)head + first, pos - first);
    head->n_sections = (uint16_t)(n - 1);
}

/* Takes a section out of the block; its chunks stay. */
static void take_out(nfa_store *store, uint32_t block, uint32_t id)
{
    block_head *head = block_head_of(store, block);
    const uint32_t *ids = block_ids(head);
    uint32_t n = head->n_sections;
    uint32_t i = directory_place(ids, n, id);
    uint32_t pos = ids[n + i];
    uint32_t end = i + 1 < n ? ids[n + i + 1] : head->used;
    directory_remove(head, i, end - pos);
    block_close_gap(store, block, pos - 8, end - pos + 8);
}

/* Areas are named from the section's begin and chunks by number, so a copy of the bytes is the section. */
bool nfa_section_move(nfa_store *store, uint32_t block, uint32_t from, const nfa_section_def *to, nfa_section *out)
{
    block_head *head = block_head_of(store, block);
    uint32_t n = head->n_sections;
    if (n == UINT16_MAX || !block_shape_learn(store, to))
        return false;
    block_touch(store, block);
    const uint32_t *ids = block_ids(head);
    uint32_t old = directory_place(ids, n, from), i = directory_place(ids, n, to->id);
    uint32_t bytes = (old + 1 < n ? ids[n + old + 1] : head->used) - ids[n + old];
    uint32_t gap_pos = i < n ? ids[n + i] : head->used;
    if (!block_open_gap(store, block, gap_pos, bytes + 8))
        return false;
    head = block_head_of(store, block);
    directory_insert(head, i, to->id, gap_pos, bytes);
    uint32_t was = block_offsets(head)[directory_place(block_ids(head), n + 1, from)];
    memcpy((char *)head + gap_pos + 8, (char *)head + was, bytes);
    take_out(store, block, from);
    return nfa_section_find(store, block, to, out);
}

/* The chunks of a section that was copied from another store are copied, too. Where there is no memory the rest of them is left out. */
static bool copy_chunks(const nfa_store *from, nfa_store *to, char *section, const nfa_section_def *def)
{
    bool fine = true;
    for (unsigned i = 0; i < def->n_parts; i++) {
        const block_part *p = part_of(section, def, i);
        block_directory *directory = part_spilled(p) ? part_directory(section, p) : NULL;
        uint32_t n = directory != NULL ? directory->n : 0;
        for (uint32_t k = 0; k < n; k++) {
            uint32_t *chunk = &directory->chunk[directory->start + k], copy = fine ? nfa_page_new(&to->pages) : NFA_NO_PAGE;
            fine = copy != NFA_NO_PAGE;
            if (!fine) {
                directory->n = k;
                break;
            }
            memcpy(nfa_page_at(&to->pages, copy), nfa_page_at(&from->pages, *chunk), NFA_PAGE_BYTES);
            *chunk = copy;
        }
    }
    return fine;
}

bool nfa_section_transfer(nfa_store *from, uint32_t from_block, nfa_store *to, uint32_t block, const nfa_section_def *def, nfa_section *out)
{
    block_head *source = block_head_of(from, from_block), *head = block_head_of(to, block);
    const uint32_t *ids = block_ids(source);
    uint32_t n = source->n_sections, at = directory_place(ids, n, def->id), pos = ids[n + at];
    uint32_t bytes = (at + 1 < n ? ids[n + at + 1] : source->used) - pos;
    n = head->n_sections;
    if (n == UINT16_MAX || !block_shape_learn(to, def))
        return false;
    block_touch(to, block);
    to->quiet[block] = 0;
    ids = block_ids(head);
    at = directory_place(ids, n, def->id);
    uint32_t gap_pos = at < n ? ids[n + at] : head->used;
    if (!block_open_gap(to, block, gap_pos, bytes + 8))
        return false;
    head = block_head_of(to, block);
    directory_insert(head, at, def->id, gap_pos, bytes);
    memcpy((char *)head + gap_pos + 8, (char *)source + pos, bytes);
    *out = (nfa_section){.store = to, .def = def, .block = block, .offset = gap_pos + 8};
    return copy_chunks(from, to, (char *)head + gap_pos + 8, def);
}

void nfa_section_drop_id(nfa_store *store, uint32_t block, uint32_t id)
{
    block_touch(store, block);
    block_head *head = block_head_of(store, block);
    const uint32_t *ids = block_ids(head);
    uint32_t pos = ids[head->n_sections + directory_place(ids, head->n_sections, id)];
    section_free_chunks(store, (char *)head + pos, block_shape_find(store, id));
    take_out(store, block, id);
}

void nfa_section_drop(nfa_section *section)
{
    nfa_section_drop_id(section->store, section->block, section->def->id);
}

/* ---- areas ---- */

static uint32_t section_end(block_head *head, uint32_t offset)
{
    uint32_t n = head->n_sections;
    const uint32_t *offsets = block_offsets(head);
    uint32_t i = directory_place(offsets, n, offset + 1);   /* offsets rise like ids do */
    return i < n ? offsets[i] : head->used;
}

/* Everything behind the area of `part` has moved by delta bytes (may be negative, as wrapping unsigned arithmetic). */
static void moved_by(const nfa_section *section, unsigned part, uint32_t delta)
{
    block_head *head = block_head_of(section->store, section->block);
    uint32_t n = head->n_sections;
    uint32_t *offsets = block_offsets(head);
    for (uint32_t i = directory_place(offsets, n, section->offset + 1); i < n; i++)
        offsets[i] += delta;
    char *at = block_section_at(section);
    for (unsigned i = part + 1; i < section->def->n_parts; i++) {
        block_part *p = part_of(at, section->def, i);
        p->place = (p->place & ~UINT32_C(0xFFFF)) | ((p->place + (uint32_t)((int32_t)delta / 8)) & 0xFFFF);
    }
}

bool part_resize(const nfa_section *section, unsigned part, uint32_t old_bytes, uint32_t new_bytes)
{
    char *at = block_section_at(section);
    const block_part *p = part_of(at, section->def, part);
    uint32_t pos = section->offset + (p->place & 0xFFFF) * 8;
    if (new_bytes > old_bytes) {
        uint32_t size = section_end(block_head_of(section->store, section->block), section->offset) - section->offset;
        if (new_bytes - old_bytes > SECTION_MAX_BYTES - size)
            return false;
        if (!block_open_gap(section->store, section->block, pos + old_bytes, new_bytes - old_bytes))
            return false;
        moved_by(section, part, new_bytes - old_bytes);
    } else if (new_bytes < old_bytes) {
        moved_by(section, part, new_bytes - old_bytes);
        block_close_gap(section->store, section->block, pos + new_bytes, old_bytes - new_bytes);
    }
    return true;
}

/* ---- chunks ---- */

static bool directory_reserve(const nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    block_directory *directory = part_directory(at, p);
    uint32_t cap = part_cap(p);
    if (directory->start + directory->n < cap)
        return true;
    if (directory->start > 0 && directory->start >= cap / 4) {
        memmove(directory->chunk, directory->chunk + directory->start, directory->n * sizeof directory->chunk[0]);
        directory->start = 0;
        return true;
    }
    uint32_t grown = cap * 2 < PLACE_MAX_CAP ? cap * 2 : PLACE_MAX_CAP - 1;
    if (grown <= cap || !part_resize(section, part, directory_bytes(cap), directory_bytes(grown)))
        return false;
    part_set_cap(part_of(block_section_at(section), section->def, part), true, grown);
    return true;
}

uint32_t part_add_chunk(const nfa_section *section, unsigned part)
{
    nfa_pages *pages = &section->store->pages;
    uint32_t chunk = nfa_page_new(pages);
    if (chunk == NFA_NO_PAGE)
        return chunk;
    if (!directory_reserve(section, part)) {
        nfa_page_free(pages, chunk);
        return NFA_NO_PAGE;
    }
    char *at = block_section_at(section);
    block_directory *directory = part_directory(at, part_of(at, section->def, part));
    directory->chunk[directory->start + directory->n++] = chunk;
    return chunk;
}

void part_drop_front(const nfa_section *section, unsigned part, uint32_t n)
{
    char *at = block_section_at(section);
    block_directory *directory = part_directory(at, part_of(at, section->def, part));
    for (; n > 0; n--) {
        nfa_page_free(&section->store->pages, directory->chunk[directory->start++]);
        directory->n--;
        directory->u.run.base += directory->u.run.per_chunk;
    }
}

void part_drop_back(const nfa_section *section, unsigned part, uint32_t n)
{
    char *at = block_section_at(section);
    block_directory *directory = part_directory(at, part_of(at, section->def, part));
    for (; n > 0; n--)
        nfa_page_free(&section->store->pages, directory->chunk[directory->start + --directory->n]);
}

bool part_spill(const nfa_section *section, unsigned part, uint32_t area_bytes, uint32_t chunk)
{
    enum { FIRST_CHUNKS = 2 };
    uint32_t wanted = directory_bytes(FIRST_CHUNKS);
    if (area_bytes < wanted && !part_resize(section, part, area_bytes, wanted))
        return false;
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    block_directory *directory = part_directory(at, p);
    memset(directory, 0, wanted);
    directory->n = 1;
    directory->chunk[0] = chunk;
    part_set_cap(p, true, FIRST_CHUNKS);
    if (area_bytes > wanted)
        part_resize(section, part, area_bytes, wanted);
    return true;
}

void part_clear_spill(const nfa_section *section, unsigned part)
{
    char *at = block_section_at(section);
    block_part *p = part_of(at, section->def, part);
    uint32_t bytes = directory_bytes(part_cap(p));
    part_drop_back(section, part, part_directory(at, p)->n);
    part_set_cap(p, false, 0);
    part_resize(section, part, bytes, 0);
}

void section_free_chunks(nfa_store *store, char *section, const block_shape *shape)
{
    for (unsigned i = 0; i < shape->n_parts; i++) {
        const block_part *p = (const block_part *)(void *)(section + shape->root_size + (size_t)i * PART_BYTES);
        if (!part_spilled(p))
            continue;
        const block_directory *directory = part_directory(section, p);
        for (uint32_t k = 0; k < directory->n; k++)
            nfa_page_free(&store->pages, directory->chunk[directory->start + k]);
    }
}

size_t nfa_section_bytes(const nfa_store *store, uint32_t block, size_t i)
{
    block_head *head = block_head_of(store, block);
    const uint32_t *ids = block_ids(head);
    uint32_t n = head->n_sections, pos = ids[n + i], end = i + 1 < n ? ids[n + i + 1] : head->used;
    const block_shape *shape = block_shape_find(store, ids[i]);
    char *section = (char *)head + pos;
    size_t bytes = end - pos;
    for (unsigned part = 0; part < shape->n_parts; part++) {
        const block_part *p = (const block_part *)(void *)(section + shape->root_size + (size_t)part * PART_BYTES);
        bytes += part_spilled(p) ? (size_t)part_directory(section, p)->n * NFA_PAGE_BYTES : 0;
    }
    return bytes;
}
