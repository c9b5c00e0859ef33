/*
 * block_image.c: see block_image.h.
 *
 *   pack   for each block: place in the pack, bytes, chunks (4 bytes each) | the block as it lies, its run left out | its chunks
 *
 * Chunks follow in the order of sections and parts; a directory's numbers mean nothing outside, they are given anew.
 *
 * Bits: `dirty`, one a pack, touched since the cut began (or ever); `cut`, the packs of the cut; `pending`, those of them not given yet. A
 * touch looks at one bit most of the time. When there is no memory for them, `lost` says that nobody knows: the next cut is of all.
 */
#include "nfa/block_image.h"

#include "nfa/block_internal.h"

#include <string.h>

enum { WORD_BITS = 64 };

typedef struct saved_pack {
    struct saved_pack *next;
    uint32_t number;
    egret_text bytes;
} saved_pack;

struct block_watch {
    uint64_t *dirty, *cut, *pending;
    uint32_t n_words;       /* of each */
    uint32_t at;            /* word of `pending` to look at */
    bool open, failed, lost;
    saved_pack *saved;      /* written out before their turn */
    saved_pack *given;      /* the one given last, if it was one of those */
    egret_text image;       /* the one given last */
};

typedef struct image_head { uint32_t place, used, n_chunks; } image_head;

/* ---- bits ---- */

static bool get_bit(const uint64_t *bits, uint32_t i)
{
    return (bits[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
}

static void set_bit(uint64_t *bits, uint32_t i)
{
    bits[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
}

static void clear_bit(uint64_t *bits, uint32_t i)
{
    bits[i / WORD_BITS] &= ~(UINT64_C(1) << i % WORD_BITS);
}

static bool grow(egret_mem mem, uint64_t **bits, uint32_t n, uint32_t wanted)
{
    uint64_t *grown = egret_mem_grow(mem, *bits, n * sizeof *grown, wanted * sizeof *grown);
    if (grown == NULL)
        return false;
    memset(grown + n, 0, (wanted - n) * sizeof *grown);
    *bits = grown;
    return true;
}

/* All three grow or none is used beyond what it was. */
static bool reserve(nfa_store *store, uint32_t pack)
{
    block_watch *w = store->watch;
    egret_mem mem = store->pages.mem;
    uint32_t words = pack / WORD_BITS + 1, n = w->n_words;
    if (words <= n)
        return true;
    uint32_t wanted = n + n / 2 > words ? n + n / 2 : words;
    uint64_t **bits[] = {&w->dirty, &w->cut, &w->pending};
    for (unsigned i = 0; i < 3; i++) {
        if (grow(mem, bits[i], n, wanted))
            continue;
        while (i-- > 0) {   /* back to one size, so that all are freed alike; shrinking does not fail */
            uint64_t *shrunk = egret_mem_grow(mem, *bits[i], wanted * sizeof *shrunk, n > 0 ? n * sizeof *shrunk : sizeof *shrunk);
            *bits[i] = shrunk != NULL ? shrunk : *bits[i];
        }
        return false;
    }
    w->n_words = wanted;
    return true;
}

/* ---- writing ---- */

static const block_shape *shape_at(const nfa_store *store, block_head *head, uint32_t i, char **section)
{
    *section = (char *)head + block_offsets(head)[i];
    return block_shape_find(store, block_ids(head)[i]);
}

static block_part *part_at(char *section, const block_shape *shape, unsigned part)
{
    return (block_part *)(void *)(section + shape->root_size + (size_t)part * PART_BYTES);
}

/* Calls on each chunk of the block in order: counts them, writes them, or gives them anew. */
typedef bool (*chunk_fn)(nfa_store *store, uint32_t *chunk, void *user);

static bool each_chunk(nfa_store *store, block_head *head, chunk_fn call, void *user)
{
    for (uint32_t i = 0; i < head->n_sections; i++) {
        char *section;
        const block_shape *shape = shape_at(store, head, i, &section);
        for (unsigned part = 0; part < shape->n_parts; part++) {
            block_part *p = part_at(section, shape, part);
            block_directory *directory = part_spilled(p) ? part_directory(section, p) : NULL;
            for (uint32_t k = 0; directory != NULL && k < directory->n; k++)
                if (!call(store, &directory->chunk[directory->start + k], user))
                    return false;
        }
    }
    return true;
}

static bool count_chunk(nfa_store *store, uint32_t *chunk, void *user)
{
    (void)store, (void)chunk;
    ++*(uint32_t *)user;
    return true;
}

static bool write_chunk(nfa_store *store, uint32_t *chunk, void *user)
{
    egret_text_put(user, nfa_page_at(&store->pages, *chunk), NFA_PAGE_BYTES);
    return true;
}

static void write_block(nfa_store *store, uint32_t block, egret_text *out)
{
    block_head *head = block_head_of(store, block);
    image_head image = {.place = block % PACK_BLOCKS, .used = head->used};
    block_head own = *head;
    each_chunk(store, head, count_chunk, &image.n_chunks);
    own.home = 0;
    egret_text_put(out, (const char *)&image, sizeof image);
    egret_text_put(out, (const char *)&own, sizeof own);
    egret_text_put(out, (const char *)head + sizeof own, head->used - sizeof own);
    each_chunk(store, head, write_chunk, out);
}

bool block_pack_write(nfa_store *store, uint32_t pack, egret_text *out)
{
    uint64_t first = (uint64_t)pack * PACK_BLOCKS;
    out->len = 0;
    for (uint64_t block = first; block < first + PACK_BLOCKS && block < store->limit; block++)
        if (nfa_block_exists(store, (uint32_t)block))
            write_block(store, (uint32_t)block, out);
    return !out->failed;
}

/* ---- touching ---- */

static void save(nfa_store *store, uint32_t pack)
{
    block_watch *w = store->watch;
    saved_pack *saved = egret_mem_alloc(store->pages.mem, sizeof *saved);
    clear_bit(w->pending, pack);
    if (saved == NULL) {
        w->failed = true;
        return;
    }
    saved->number = pack;
    egret_text_init(&saved->bytes, store->pages.mem);
    w->failed = !block_pack_write(store, pack, &saved->bytes) || w->failed;
    saved->next = w->saved;
    w->saved = saved;
}

void block_touched(nfa_store *store, uint32_t block)
{
    block_watch *w = store->watch;
    uint32_t pack = block / PACK_BLOCKS;
    if (store->cold != NULL)
        block_cold_touched(store, pack);
    if (pack / WORD_BITS < w->n_words && get_bit(w->dirty, pack))
        return;
    if (!reserve(store, pack)) {
        w->lost = true;
        w->failed = w->failed || w->open;
        return;
    }
    if (w->open && get_bit(w->pending, pack))
        save(store, pack);
    set_bit(w->dirty, pack);
}

/* ---- watching and cutting ---- */

bool nfa_store_watch(nfa_store *store)
{
    if (store->watch == NULL) {
        block_watch *w = egret_mem_alloc(store->pages.mem, sizeof *w);
        if (w == NULL)
            return false;
        memset(w, 0, sizeof *w);
        egret_text_init(&w->image, store->pages.mem);
        store->watch = w;
    }
    store->watch->lost = true;
    return true;
}

void nfa_store_kept(nfa_store *store)
{
    block_watch *w = store->watch;
    w->lost = !reserve(store, store->limit / PACK_BLOCKS);
    if (w->n_words > 0)
        memset(w->dirty, 0, w->n_words * sizeof *w->dirty);
}

static void free_saved(nfa_store *store, saved_pack *saved)
{
    for (saved_pack *next; saved != NULL; saved = next) {
        next = saved->next;
        egret_text_deinit(&saved->bytes);
        egret_mem_free(store->pages.mem, saved, sizeof *saved);
    }
}

bool nfa_cut_begin(nfa_store *store, bool all)
{
    block_watch *w = store->watch;
    if (w == NULL || w->open || !reserve(store, store->limit / PACK_BLOCKS))
        return false;
    size_t bytes = w->n_words * sizeof *w->cut;
    if (all || w->lost)
        memset(w->cut, 0xFF, bytes);
    else
        memcpy(w->cut, w->dirty, bytes);
    memcpy(w->pending, w->cut, bytes);
    memset(w->dirty, 0, bytes);
    w->open = true;
    w->failed = w->lost = false;
    w->at = 0;
    return true;
}

bool nfa_cut_next(nfa_store *store, nfa_pack *out)
{
    block_watch *w = store->watch;
    free_saved(store, w->given);
    w->given = w->saved;
    if (w->given != NULL) {
        w->saved = w->given->next;
        w->given->next = NULL;
        *out = (nfa_pack){w->given->number, w->given->bytes.ptr, w->given->bytes.len};
        return true;
    }
    while (w->at < w->n_words && w->pending[w->at] == 0)
        w->at++;
    if (w->at == w->n_words) {
        w->open = false;
        return false;
    }
    uint32_t pack = w->at * WORD_BITS + (uint32_t)__builtin_ctzll(w->pending[w->at]);
    clear_bit(w->pending, pack);
    w->failed = !(block_cold_is_away(store, pack) ? block_cold_get(store, pack, &w->image) : block_pack_write(store, pack, &w->image)) || w->failed;
    *out = (nfa_pack){pack, w->image.ptr, w->image.len};
    return true;
}

bool block_cut_wants(const nfa_store *store, uint32_t pack)
{
    const block_watch *w = store->watch;
    return w != NULL && w->open && pack / WORD_BITS < w->n_words && get_bit(w->pending, pack);
}

bool nfa_cut_is_open(const nfa_store *store)
{
    return store->watch != NULL && store->watch->open;
}

bool nfa_cut_failed(const nfa_store *store)
{
    return store->watch->failed;
}

void nfa_cut_drop(nfa_store *store)
{
    block_watch *w = store->watch;
    free_saved(store, w->saved);
    free_saved(store, w->given);
    w->saved = w->given = NULL;
    for (uint32_t i = 0; i < w->n_words; i++)
        w->dirty[i] |= w->cut[i];
    w->open = w->failed = false;
    egret_text_deinit(&w->image);
    egret_text_init(&w->image, store->pages.mem);
}

void block_watch_free(nfa_store *store)
{
    block_watch *w = store->watch;
    if (w == NULL)
        return;
    egret_mem mem = store->pages.mem;
    free_saved(store, w->saved);
    free_saved(store, w->given);
    egret_text_deinit(&w->image);
    egret_mem_free(mem, w->dirty, w->n_words * sizeof *w->dirty);
    egret_mem_free(mem, w->cut, w->n_words * sizeof *w->cut);
    egret_mem_free(mem, w->pending, w->n_words * sizeof *w->pending);
    egret_mem_free(mem, w, sizeof *w);
    store->watch = NULL;
}

void nfa_store_unwatch(nfa_store *store)
{
    if (store->cold != NULL)
        return;     /* it goes on telling what changes */
    block_watch_free(store);
}

/* ---- bringing back ---- */

bool nfa_restore_numbers(nfa_store *store, uint32_t limit)
{
    return block_restore_numbers(store, limit);
}

void nfa_restore_numbers_end(nfa_store *store)
{
    block_restore_end(store);
}

/* Does everything lie within the block, and are there so many chunks? Bytes come with a checksum; this is against bytes of another build. */
static bool is_sound(const nfa_store *store, block_head *head, const image_head *image)
{
    uint32_t key_len = 0, chunks = 0;
    if (head->used != image->used || (head->key_len == BLOCK_LONG_KEY && head->used < sizeof *head + 8))
        return false;
    const char *key = block_key_of(head, &key_len);
    uint64_t directory = (uint64_t)(key - (char *)head) + key_len + 3 + 8ull * head->n_sections;
    if (directory > (uint64_t)image->used + 3)
        return false;
    for (uint32_t i = 0; i < head->n_sections; i++) {
        char *section;
        const block_shape *shape = shape_at(store, head, i, &section);
        uint32_t offset = block_offsets(head)[i];
        if (shape == NULL || offset % 8 != 0 || offset + (uint64_t)shape->root_size + (uint64_t)shape->n_parts * PART_BYTES > image->used)
            return false;
        for (unsigned part = 0; part < shape->n_parts; part++) {
            const block_part *p = part_at(section, shape, part);
            if (!part_spilled(p))
                continue;
            uint64_t at = offset + (uint64_t)(p->place & 0xFFFF) * 8;
            const block_directory *d = part_directory(section, p);
            if (at + sizeof *d > image->used || at + sizeof *d + 4ull * ((uint64_t)d->start + d->n) > image->used)
                return false;
            chunks += d->n;
        }
    }
    return chunks == image->n_chunks;
}

/* What is left to read of a pack. */
typedef struct pack_rest { const char *at; size_t left; } pack_rest;

static bool read_chunk(nfa_store *store, uint32_t *chunk, void *user)
{
    pack_rest *rest = user;
    uint32_t page = nfa_page_new(&store->pages);
    *chunk = page;
    if (page == NFA_NO_PAGE)
        return false;
    memcpy(nfa_page_at(&store->pages, page), rest->at, NFA_PAGE_BYTES);
    rest->at += NFA_PAGE_BYTES;
    rest->left -= NFA_PAGE_BYTES;
    return true;
}

static egret_status read_block(nfa_store *store, uint32_t pack, pack_rest *rest)
{
    image_head image;
    uint32_t home;
    if (rest->left < sizeof image)
        return EGRET_BAD_USE;
    memcpy(&image, rest->at, sizeof image);
    rest->at += sizeof image;
    rest->left -= sizeof image;
    uint64_t block = (uint64_t)pack * PACK_BLOCKS + image.place, needed = image.used + (uint64_t)image.n_chunks * NFA_PAGE_BYTES;
    if (image.place >= PACK_BLOCKS || block >= store->limit || (nfa_block_exists(store, (uint32_t)block) && !block_is_away(store, (uint32_t)block)) ||
        image.used < sizeof(block_head) || image.used > BLOCK_MAX_BYTES || rest->left < needed)
        return EGRET_BAD_USE;
    char *run = nfa_run_alloc(&store->pages, image.used, &home);
    if (run == NULL)
        return EGRET_NO_MEMORY;
    memcpy(run, rest->at, image.used);
    block_head *head = (block_head *)(void *)run;
    head->home = home;
    if (!is_sound(store, head, &image)) {
        nfa_run_free(&store->pages, run, home);
        return EGRET_BAD_USE;
    }
    rest->at += image.used;
    rest->left -= image.used;
    /* From here on the block is the store's; without memory for its chunks the store is of no use, and is only to be freed. */
    if (!block_restore(store, (uint32_t)block, run)) {
        nfa_run_free(&store->pages, run, home);
        return EGRET_NO_MEMORY;
    }
    return each_chunk(store, head, read_chunk, rest) ? EGRET_OK : EGRET_NO_MEMORY;
}

egret_status nfa_restore_pack_of(nfa_store *store, uint32_t number, const char *bytes, size_t len)
{
    pack_rest rest = {bytes, len};
    egret_status status = EGRET_OK;
    while (rest.left > 0 && status == EGRET_OK)
        status = read_block(store, number, &rest);
    return status;
}

/* ---- one block ---- */

void nfa_block_export(nfa_store *store, uint32_t block, egret_text *out)
{
    write_block(store, block, out);
}

bool nfa_image_look(const char *bytes, size_t len, nfa_image *out)
{
    image_head image;
    block_head head;
    uint32_t key_len, before = sizeof head;
    if (len < sizeof image + sizeof head)
        return false;
    memcpy(&image, bytes, sizeof image);
    memcpy(&head, bytes + sizeof image, sizeof head);
    uint64_t size = sizeof image + (uint64_t)image.used + (uint64_t)image.n_chunks * NFA_PAGE_BYTES;
    if (size > len || image.used < sizeof head)
        return false;
    key_len = head.key_len;
    if (head.key_len == BLOCK_LONG_KEY) {
        if (image.used < sizeof head + sizeof key_len)
            return false;
        memcpy(&key_len, bytes + sizeof image + sizeof head, sizeof key_len);
        before += (uint32_t)sizeof key_len;
    }
    if (image.used - sizeof head < (uint64_t)key_len + (before - sizeof head))
        return false;
    *out = (nfa_image){.group = head.group, .key = bytes + sizeof image + before, .key_len = key_len, .size = (size_t)size};
    return true;
}

egret_status nfa_block_import(nfa_store *store, const char *bytes, size_t len, uint32_t *block)
{
    image_head image;
    nfa_image about;
    uint32_t home;
    if (!nfa_image_look(bytes, len, &about))
        return EGRET_BAD_USE;
    memcpy(&image, bytes, sizeof image);
    pack_rest rest = {bytes + sizeof image, about.size - sizeof image};
    if (image.used > BLOCK_MAX_BYTES)
        return EGRET_BAD_USE;
    char *run = nfa_run_alloc(&store->pages, image.used, &home);
    if (run == NULL)
        return EGRET_NO_MEMORY;
    memcpy(run, rest.at, image.used);
    block_head *head = (block_head *)(void *)run;
    head->home = home;
    egret_status status = is_sound(store, head, &image) ? EGRET_OK : EGRET_BAD_USE;
    if (status == EGRET_OK && !block_adopt(store, run, block))
        status = EGRET_NO_MEMORY;
    if (status != EGRET_OK) {
        nfa_run_free(&store->pages, run, home);
        return status;
    }
    rest.at += image.used;
    rest.left -= image.used;
    return each_chunk(store, head, read_chunk, &rest) ? EGRET_OK : EGRET_NO_MEMORY;
}
