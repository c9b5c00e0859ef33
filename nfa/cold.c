/*
 * cold.c: see cold.h. Bits, one a pack: `away`; `found`, since the hand came by; `kept`, the host has it as it is.
 *
 * Invariants: of a pack that is away all blocks are away, and no number of it is given to a new block. A pack whose turn in an open cut has not come
 * does not go.
 */
#include "nfa/cold.h"

#include "nfa/block_image.h"
#include "nfa/block_internal.h"

#include <string.h>

enum { WORD_BITS = 64, PACKS_AT_ONCE = 64, PACKS_WHEN_THIN = 2 };

struct block_cold {
    nfa_cold_host host;
    size_t limit;
    uint64_t *away, *found, *kept;
    uint32_t n_words;
    uint32_t hand;
    egret_text image;
    nfa_cold_stats stats;
    bool lost;
};

static bool get_bit(const uint64_t *bits, uint32_t i)
{
    return (bits[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
}

static void put_bit(uint64_t *bits, uint32_t i, bool set)
{
    uint64_t bit = UINT64_C(1) << i % WORD_BITS;
    bits[i / WORD_BITS] = set ? bits[i / WORD_BITS] | bit : bits[i / WORD_BITS] & ~bit;
}

/* Room for the bits of all packs there can be now: the three lie one behind the other. */
static bool reserve(nfa_store *store)
{
    block_cold *c = store->cold;
    uint32_t n = c->n_words, wanted = store->cap / PACK_BLOCKS / WORD_BITS + 1;
    if (wanted <= n)
        return true;
    wanted += wanted / 4;
    uint64_t *bits = egret_mem_alloc(store->pages.mem, 3 * wanted * sizeof *bits);
    if (bits == NULL)
        return false;
    memset(bits, 0, 3 * wanted * sizeof *bits);
    for (uint32_t i = 0; i < 3 && n > 0; i++)
        memcpy(bits + i * wanted, c->away + i * n, n * sizeof *bits);
    egret_mem_free(store->pages.mem, c->away, 3 * n * sizeof *bits);
    c->away = bits;
    c->found = bits + wanted;
    c->kept = bits + 2 * wanted;
    c->n_words = wanted;
    return true;
}

static bool is_away(const block_cold *c, uint32_t pack)
{
    return pack / WORD_BITS < c->n_words && get_bit(c->away, pack);
}

bool nfa_store_limit(nfa_store *store, size_t bytes, const nfa_cold_host *host)
{
    if (store->cold == NULL) {
        block_cold *c = egret_mem_alloc(store->pages.mem, sizeof *c);
        if (c == NULL)
            return false;
        memset(c, 0, sizeof *c);
        egret_text_init(&c->image, store->pages.mem);
        store->cold = c;
    }
    store->cold->limit = bytes;
    store->cold->host = *host;
    return store->watch != NULL || nfa_store_watch(store);      /* it tells what changes */
}

void block_cold_free(nfa_store *store)
{
    block_cold *c = store->cold;
    if (c == NULL)
        return;
    egret_mem mem = store->pages.mem;
    egret_text_deinit(&c->image);
    egret_mem_free(mem, c->away, 3 * c->n_words * sizeof *c->away);
    egret_mem_free(mem, c, sizeof *c);
    store->cold = NULL;
}

nfa_cold_stats nfa_store_cold(const nfa_store *store)
{
    return store->cold != NULL ? store->cold->stats : (nfa_cold_stats){0};
}

bool nfa_store_is_lost(const nfa_store *store)
{
    return store->cold != NULL && store->cold->lost;
}

bool nfa_block_is_here(const nfa_store *store, uint32_t block)
{
    return nfa_block_exists(store, block) && !block_is_away(store, block);
}

/* ---- coming ---- */

bool block_cold_get(nfa_store *store, uint32_t pack, egret_text *out)
{
    block_cold *c = store->cold;
    out->len = 0;
    if (c->lost || !c->host.get(c->host.user, pack, out) || out->failed) {
        c->lost = true;
        return false;
    }
    c->stats.packs_got++;
    return true;
}

bool block_cold_bring(nfa_store *store, uint32_t pack)
{
    block_cold *c = store->cold;
    if (c == NULL || !is_away(c, pack))
        return true;
    uint32_t before = store->n_away;
    if (!block_cold_get(store, pack, &c->image) || nfa_restore_pack_of(store, pack, c->image.ptr, c->image.len) != EGRET_OK) {
        c->lost = true;
        return false;
    }
    c->stats.away -= before - store->n_away;
    put_bit(c->away, pack, false);
    put_bit(c->found, pack, true);
    put_bit(c->kept, pack, true);
    return true;
}

bool nfa_block_bring(nfa_store *store, uint32_t block)
{
    return store->cold == NULL || block_cold_bring(store, block / PACK_BLOCKS);
}

bool block_cold_is_away(const nfa_store *store, uint32_t pack)
{
    return store->cold != NULL && is_away(store->cold, pack);
}

void block_cold_found(nfa_store *store, uint32_t block)
{
    uint32_t pack = block / PACK_BLOCKS;
    if (pack / WORD_BITS < store->cold->n_words)
        put_bit(store->cold->found, pack, true);
}

void block_cold_touched(nfa_store *store, uint32_t pack)
{
    if (pack / WORD_BITS < store->cold->n_words)
        put_bit(store->cold->kept, pack, false);
}

/* ---- going ---- */

static size_t in_use(const nfa_store *store)
{
    return store->bytes + store->pages.used;
}

/* What blocks and tables may take: a part of the limit, as pages are never all full. */
static size_t allowed(const nfa_store *store)
{
    size_t limit = store->cold->limit, most = limit - limit / 4, least = store->bytes + limit / 8;
    return most > least ? most : least;
}

static void drop_blocks(nfa_store *store, uint32_t pack)
{
    uint64_t first = (uint64_t)pack * PACK_BLOCKS;
    for (uint64_t i = first; i < first + PACK_BLOCKS && i < store->limit; i++) {
        if (!nfa_block_exists(store, (uint32_t)i))
            continue;
        block_let_go(store, (uint32_t)i);
        store->cold->stats.away++;
    }
}

/* false: it could not be put. */
static bool let_go(nfa_store *store, uint32_t pack)
{
    block_cold *c = store->cold;
    if (!get_bit(c->kept, pack)) {
        if (!block_pack_write(store, pack, &c->image) || !c->host.put(c->host.user, pack, c->image.ptr, c->image.len)) {
            c->stats.puts_failed++;
            return false;
        }
        c->stats.packs_put++;
        put_bit(c->kept, pack, true);
    }
    drop_blocks(store, pack);
    put_bit(c->away, pack, true);
    return true;
}

static bool has_blocks(const nfa_store *store, uint32_t pack)
{
    uint64_t first = (uint64_t)pack * PACK_BLOCKS;
    for (uint64_t i = first; i < first + PACK_BLOCKS && i < store->limit; i++)
        if (nfa_block_exists(store, (uint32_t)i))
            return true;
    return false;
}

/* The hand goes on by one pack. false: it is of no use to go on now. */
static bool step(nfa_store *store, uint32_t *gone)
{
    block_cold *c = store->cold;
    uint32_t n = store->limit / PACK_BLOCKS + 1, pack = c->hand < n ? c->hand : 0;
    c->hand = pack + 1 < n ? pack + 1 : 0;
    if (is_away(c, pack) || block_cut_wants(store, pack))
        return true;
    if (get_bit(c->found, pack)) {
        put_bit(c->found, pack, false);
        return true;
    }
    if (!has_blocks(store, pack))
        return true;
    ++*gone;
    return let_go(store, pack);
}

/* Pages that are used take more than the limit, as they are not full: then fewer blocks make pages free, once the sparse ones have been emptied. */
static bool is_thin(const nfa_store *store)
{
    size_t held = nfa_store_bytes(store) - (size_t)store->pages.n_free * NFA_PAGE_BYTES;
    return held > store->cold->limit && in_use(store) > store->bytes + store->cold->limit / 8;
}

void nfa_store_relieve(nfa_store *store)
{
    if (store->cold == NULL || store->cold->lost || (in_use(store) <= allowed(store) && !is_thin(store)) || !reserve(store))
        return;
    bool thin = in_use(store) <= allowed(store);
    uint32_t gone = 0, looked = 0, most = 2 * (store->limit / PACK_BLOCKS + 1), at_once = thin ? PACKS_WHEN_THIN : PACKS_AT_ONCE;
    size_t goal = thin ? 0 : allowed(store) - allowed(store) / 32;
    while (in_use(store) > goal && gone < at_once && looked++ < most)
        if (!step(store, &gone))
            return;
    if (thin)
        (void)nfa_store_tidy(store);
}
