/*
 * spread.c: the state of several shards as one: kept in one checkpoint, brought back over any number of shards, handed on to other rules; see shards.h.
 *
 *   head of one shard     as checkpoint.c writes it
 *   head of several       magic, how many, how many homes | the homes | for each shard: length, its head
 *
 * Brought back over the same number of shards with the same homes, packs go where they were, under their numbers, and the next cut writes only what
 * changed. Else each block of each pack is given to its owner of now. A block names its group and its key, and all engines have one dictionary
 * of ids (ids.h), as they have seen the same changes of rules.
 *
 * What a shard still has of keys that became another's (their sections are of definitions that are gone) is nobody's: it is dropped where it is met.
 */
#include "nfa/shards_internal.h"

#include "nfa/checkpoint.h"
#include "nfa/cold.h"
#include "nfa/heir.h"
#include "nfa/ids.h"
#include "nfa/succession.h"
#include "nfa/warm.h"

#include <string.h>

enum { PACK_BITS = 25 };        /* of a number; above them the shard. Two thousand million keys of a shard */

typedef struct shards_head { uint64_t magic; uint32_t n, n_homes; } shards_head;
#define SHARDS_MAGIC UINT64_C(0x0A53445241485345)

/* ---- cuts ---- */

bool nfa_shards_watch(nfa_shards *shards)
{
    bool fine = true;
    for (uint32_t i = 0; i < shards->n; i++)
        fine = nfa_checkpoint_watch(shards->engine[i]) && fine;
    return fine;
}

void nfa_shards_kept(nfa_shards *shards)
{
    for (uint32_t i = 0; i < shards->n; i++)
        nfa_checkpoint_kept(shards->engine[i]);
}

bool nfa_shards_cut_may(const nfa_shards *shards)
{
    for (uint32_t i = 0; i < shards->n; i++)
        if (!nfa_checkpoint_may(shards->engine[i]))
            return false;
    return true;
}

bool nfa_shards_cut_begin(nfa_shards *shards, bool all, egret_text *head)
{
    const nfa_engine *first = shards->engine[0];
    shards_head own = {SHARDS_MAGIC, shards->n, first->plan->n_groups + 1};
    egret_text one;
    if (shards->n == 1)
        return nfa_checkpoint_begin(shards->engine[0], all, head);
    egret_text_put(head, (const char *)&own, sizeof own);
    egret_text_put(head, (const char *)first->home, own.n_homes * sizeof *first->home);
    egret_text_init(&one, shards->mem);
    uint32_t begun = 0;
    for (bool fine = true; fine && begun < shards->n; begun += fine) {
        one.len = 0;
        fine = nfa_checkpoint_begin(shards->engine[begun], all, &one);
        uint64_t len = one.len;
        egret_text_put(head, (const char *)&len, sizeof len);
        if (fine)
            egret_text_put(head, one.ptr, one.len);
    }
    egret_text_deinit(&one);
    if (begun == shards->n && !head->failed)
        return true;
    while (begun > 0)
        nfa_checkpoint_drop(shards->engine[--begun]);
    return false;
}

bool nfa_shards_cut_next(nfa_shards *shards, nfa_pack *out)
{
    for (uint32_t i = 0; i < shards->n; i++)
        if (nfa_checkpoint_is_open(shards->engine[i]) && nfa_checkpoint_next(shards->engine[i], out)) {
            out->number |= i << PACK_BITS;
            return true;
        }
    return false;
}

bool nfa_shards_cut_is_open(const nfa_shards *shards)
{
    for (uint32_t i = 0; i < shards->n; i++)
        if (nfa_checkpoint_is_open(shards->engine[i]))
            return true;
    return false;
}

bool nfa_shards_cut_failed(const nfa_shards *shards)
{
    for (uint32_t i = 0; i < shards->n; i++)
        if (nfa_checkpoint_failed(shards->engine[i]))
            return true;
    return false;
}

void nfa_shards_cut_drop(nfa_shards *shards)
{
    for (uint32_t i = 0; i < shards->n; i++)
        nfa_checkpoint_drop(shards->engine[i]);
}

/* ---- bringing back ---- */

typedef struct one_head { const char *bytes; size_t len; } one_head;

/* What is written of each shard, and the homes of then (NULL: one shard wrote it). false: these are no such bytes. */
static bool read_head(const char *bytes, size_t len, one_head *heads, uint32_t *n, const char **homes, uint32_t *n_homes)
{
    shards_head own;
    const char *end = bytes + len;
    *n = 1;
    *homes = NULL;
    heads[0] = (one_head){bytes, len};
    if (len < sizeof own || (memcpy(&own, bytes, sizeof own), own.magic != SHARDS_MAGIC))
        return true;
    bytes += sizeof own;
    if (own.n < 2 || own.n > NFA_MAX_SHARDS || (size_t)(end - bytes) / sizeof(uint32_t) < own.n_homes)
        return false;
    *n = own.n;
    *homes = bytes;
    *n_homes = own.n_homes;
    bytes += own.n_homes * sizeof(uint32_t);
    for (uint32_t i = 0; i < own.n; i++) {
        uint64_t size;
        if ((size_t)(end - bytes) < sizeof size)
            return false;
        memcpy(&size, bytes, sizeof size);
        bytes += sizeof size;
        if ((size_t)(end - bytes) < size)
            return false;
        heads[i] = (one_head){bytes, (size_t)size};
        bytes += size;
    }
    return bytes == end;
}

static egret_status restore_alike(nfa_shards *shards, const one_head *heads)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < shards->n && status == EGRET_OK; i++)
        status = nfa_restore_begin(shards->engine[i], heads[i].bytes, heads[i].len);
    return status;
}

static egret_status restore_spread(nfa_shards *shards, const one_head *heads)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < shards->n && status == EGRET_OK; i++) {
        status = nfa_restore_known(shards->engine[i], heads[0].bytes, heads[0].len);
        for (uint32_t k = 1; k < shards->n_written && status == EGRET_OK; k++)
            status = nfa_restore_more(shards->engine[i], heads[k].bytes, heads[k].len);
    }
    return status;
}

/* Notes how it was spread when it was written. */
static egret_status note_homes(nfa_shards *shards, uint32_t n, const char *homes)
{
    uint32_t n_homes = shards->engine[0]->plan->n_groups + 1;
    shards->homes_bytes = n_homes * sizeof *shards->homes;
    shards->homes = egret_mem_alloc(shards->mem, shards->homes_bytes);
    shards->n_written = n;
    if (shards->homes == NULL)
        return EGRET_NO_MEMORY;
    for (uint32_t i = 0; i < n_homes; i++)
        shards->homes[i] = 0;
    if (homes != NULL)
        memcpy(shards->homes, homes, shards->homes_bytes);
    return EGRET_OK;
}

static bool same_homes(nfa_shards *shards, const char *bytes)
{
    nfa_engine *first = shards->engine[0];
    size_t size = (first->plan->n_groups + 1u) * sizeof *first->home;
    uint32_t *homes = egret_mem_alloc(shards->mem, size);
    bool same = homes != NULL;
    if (same)
        memcpy(homes, bytes, size);
    for (uint32_t i = 0; i < shards->n && same; i++)
        same = nfa_engine_homes(shards->engine[i], homes);
    egret_mem_free(shards->mem, homes, size);
    return same;
}

egret_status nfa_shards_restore_begin(nfa_shards *shards, const char *head, size_t len, bool *spread)
{
    one_head heads[NFA_MAX_SHARDS];
    const char *homes;
    uint32_t n, n_homes = 0;
    *spread = false;
    if (!read_head(head, len, heads, &n, &homes, &n_homes))
        return EGRET_BAD_USE;
    if (homes != NULL && n_homes != shards->engine[0]->plan->n_groups + 1)
        return EGRET_BAD_USE;
    if (n == shards->n && (n == 1 || same_homes(shards, homes)))
        return restore_alike(shards, heads);
    *spread = true;
    egret_status status = note_homes(shards, n, homes);
    return status == EGRET_OK ? restore_spread(shards, heads) : status;
}

/* The group of the plan with that id, n_groups for what rules tell; NFA_NONE: it is gone. */
static uint32_t group_with(const nfa_engine *engine, uint32_t id)
{
    const plan *p = engine->plan;
    uint32_t i = 0;
    if (id == NFA_NO_GROUP)
        return p->n_groups;
    while (i < p->n_groups && engine->group_id[i] != id)
        i++;
    return i < p->n_groups ? i : NFA_NONE;
}

/* Takes a block in; what is left under its key is nobody's. */
static egret_status take_in(nfa_engine *engine, const char *bytes, const nfa_image *image)
{
    uint32_t block, old = nfa_block_find(engine->store, image->group, image->key, image->key_len, nfa_key_hash(image->group, image->key, image->key_len));
    if (nfa_store_is_lost(engine->store))
        return EGRET_IO;
    if (old != NFA_NO_BLOCK)
        nfa_block_drop(engine->store, old);
    egret_status status = nfa_block_import(engine->store, bytes, image->size, &block);
    if (status != EGRET_OK)
        return status;
    int64_t due = nfa_block_due(engine->store, block);
    return due == NFA_NEVER || nfa_timers_push(engine->timers, due, block) ? EGRET_OK : EGRET_NO_MEMORY;
}

static egret_status spread_pack(nfa_shards *shards, uint32_t shard, const char *bytes, size_t len)
{
    const nfa_engine *first = shards->engine[0];
    nfa_image image;
    egret_status status = EGRET_OK;
    for (size_t at = 0; at < len && status == EGRET_OK; at += image.size) {
        if (!nfa_image_look(bytes + at, len - at, &image))
            return EGRET_BAD_USE;
        uint32_t group = group_with(first, image.group);
        if (group == NFA_NONE || (shards->n_written > 1 && nfa_owner_among(shards->homes[group], shards->n_written, image.key, image.key_len) != shard))
            continue;
        uint32_t owner = shards->n > 1 ? nfa_owner_of(first, group, image.key, image.key_len) : 0;
        status = take_in(shards->engine[owner], bytes + at, &image);
    }
    for (uint32_t i = 0; i < shards->n; i++)
        nfa_store_relieve(shards->engine[i]->store);
    return status;
}

egret_status nfa_shards_restore_pack(nfa_shards *shards, uint32_t number, const char *bytes, size_t len)
{
    uint32_t shard = number >> PACK_BITS, pack = number & ((UINT32_C(1) << PACK_BITS) - 1);
    if (shards->homes != NULL)
        return shard < shards->n_written ? spread_pack(shards, shard, bytes, len) : EGRET_BAD_USE;
    return shard < shards->n ? nfa_restore_pack(shards->engine[shard], pack, bytes, len) : EGRET_BAD_USE;
}

egret_status nfa_shards_restore_end(nfa_shards *shards)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < shards->n && status == EGRET_OK; i++) {
        nfa_engine *engine = shards->engine[i];
        if (shards->homes == NULL)
            status = nfa_restore_end(engine);
        else
            heirs_await(engine);
    }
    egret_mem_free(shards->mem, shards->homes, shards->homes_bytes);
    shards->homes = NULL;
    shards->homes_bytes = 0;
    return status;
}

/* ---- other rules ---- */

bool nfa_shards_may_change(const nfa_shards *before)
{
    for (uint32_t i = 0; i < before->n; i++)
        if (!nfa_succession_may(before->engine[i]))
            return false;
    return true;
}

typedef struct move {
    nfa_shards *next;
    const nfa_engine *before;   /* the first, as all agree about homes */
    uint32_t *was;              /* by group of next, and what rules tell: its number before; NFA_NONE: it keeps its home, or was not there */
    egret_text image;
} move;

static bool find_moves(move *m)
{
    const nfa_engine *engine = m->next->engine[0];
    bool any = false;
    for (uint32_t i = 0; i <= engine->plan->n_groups; i++) {
        m->was[i] = nfa_group_before(engine, i, m->before);
        if (m->was[i] != NFA_NONE && m->before->home[m->was[i]] == engine->home[i])
            m->was[i] = NFA_NONE;
        any = any || m->was[i] != NFA_NONE;
    }
    return any;
}

/* What the block's sections look like is new to the other store, it may be. */
static bool learn_shapes(const nfa_store *store, uint32_t block, nfa_store *other)
{
    nfa_section_def def;
    for (size_t i = 0; i < nfa_section_count(store, block); i++)
        if (nfa_store_shape(store, nfa_section_id_at(store, block, i), &def) && !nfa_store_learn(other, &def))
            return false;
    return true;
}

static egret_status move_block(move *m, uint32_t shard, uint32_t block)
{
    nfa_engine *engine = m->next->engine[shard];
    nfa_image image;
    size_t len;
    if (!nfa_block_bring(engine->store, block))
        return EGRET_IO;
    uint32_t group = group_with(engine, nfa_block_group(engine->store, block));
    if (group == NFA_NONE || m->was[group] == NFA_NONE)
        return EGRET_OK;
    const void *key = nfa_block_key(engine->store, block, &len);
    uint32_t owner = nfa_owner_of(engine, group, key, len);
    if (owner == shard)
        return EGRET_OK;
    if (nfa_owner_of(m->before, m->was[group], key, len) == shard) {
        heirs_settle(engine, block);
        m->image.len = 0;
        nfa_block_export(engine->store, block, &m->image);
        if (engine->failed || m->image.failed || !learn_shapes(engine->store, block, m->next->engine[owner]->store) || !nfa_image_look(m->image.ptr, m->image.len, &image))
            return EGRET_NO_MEMORY;
        egret_status status = take_in(m->next->engine[owner], m->image.ptr, &image);
        if (status != EGRET_OK)
            return status;
    }
    nfa_block_drop(engine->store, block);
    return EGRET_OK;
}

static egret_status move_blocks(move *m)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < m->next->n; i++) {
        nfa_store *store = m->next->engine[i]->store;
        for (uint32_t block = 0; block < nfa_block_limit(store) && status == EGRET_OK; block++) {
            if (nfa_block_exists(store, block))
                status = move_block(m, i, block);
            for (uint32_t k = 0; block % NFA_PACK_BLOCKS == 0 && k < m->next->n; k++)
                nfa_store_relieve(m->next->engine[k]->store);
        }
    }
    return status;
}

/* Blocks whose owner is another one now change hands. */
static egret_status change_homes(nfa_shards *next, const nfa_shards *before)
{
    move m = {.next = next, .before = before->engine[0]};
    size_t size = (next->engine[0]->plan->n_groups + 1u) * sizeof *m.was;
    m.was = egret_mem_alloc(next->mem, size);
    if (m.was == NULL)
        return EGRET_NO_MEMORY;
    egret_text_init(&m.image, next->mem);
    egret_status status = find_moves(&m) ? move_blocks(&m) : EGRET_OK;
    egret_text_deinit(&m.image);
    egret_mem_free(next->mem, m.was, size);
    return status;
}

int64_t nfa_shards_warm_ms(const nfa_shards *next, const nfa_shards *before)
{
    const plan *p = next->engine[0]->plan;
    int64_t longest_ms = 0;
    for (uint32_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].warm_up_ms > longest_ms && nfa_succession_warms(next->engine[0], before->engine[0], i))
            longest_ms = p->rules[i].warm_up_ms;
    return longest_ms;
}

bool nfa_shards_awake(const nfa_shards *filled, uint32_t rule)
{
    return filled->engine[0]->warm->rule[rule];
}

bool nfa_shards_alike(const nfa_shards *a, const nfa_shards *b)
{
    const nfa_engine *x = a->engine[0], *y = b->engine[0];
    return a->n == b->n && nfa_ids_same(x->ids, y->ids) && x->plan->n_groups == y->plan->n_groups &&
           (a->n == 1 || memcmp(x->home, y->home, (x->plan->n_groups + 1u) * sizeof *x->home) == 0);
}

bool nfa_shards_settle(nfa_shards *shards, uint32_t n)
{
    bool more = false;
    for (uint32_t i = 0; i < shards->n; i++)
        more = annex_settle(shards->engine[i], n) || more;
    return more;
}

egret_status nfa_shards_take_over(nfa_shards *next, nfa_shards *before)
{
    return nfa_shards_take_over_warm(next, before, NULL);
}

/* Keys change their homes before what was filled is there: it was filled where they live now. */
egret_status nfa_shards_take_over_warm(nfa_shards *next, nfa_shards *before, nfa_shards *filled)
{
    for (uint32_t i = 0; i < next->n; i++)
        succession_hand_over(next->engine[i], before->engine[i]);
    egret_status status = next->n > 1 ? change_homes(next, before) : EGRET_OK;
    for (uint32_t i = 0; filled != NULL && i < next->n && status == EGRET_OK; i++)
        status = annex_take(next->engine[i], filled->engine[i]) ? EGRET_OK : EGRET_NO_MEMORY;
    for (uint32_t i = 0; i < next->n; i++) {
        egret_status settled = succession_settle(next->engine[i], before->engine[i]);
        status = status == EGRET_OK ? settled : status;
        next->engine[i]->failed = next->engine[i]->failed || status != EGRET_OK;
    }
    return status;
}
