/*
 * checkpoint.c: see checkpoint.h. What an engine knows beside its blocks is little: its clock and since when it watches. Deadlines stand in the
 * blocks, so the heap of hints is made anew.
 */
#include "nfa/checkpoint.h"

#include "nfa/cold.h"
#include "nfa/heir.h"
#include "nfa/ids.h"
#include "nfa/told.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct engine_head {
    uint64_t layout;
    int64_t clock_ms, start_ms;
    uint32_t started, limit;
} engine_head;

/* Of what is laid out now, in the order of the plan; what blocks still hold of other rules does not count. */
uint64_t nfa_layout_hash(const nfa_engine *engine)
{
    uint64_t hash = 0, sum = 0;
    for (uint32_t id = 0; id < engine->n_slots; id++) {
        const nfa_slot *slot = &engine->slots[id];
        uint64_t about[] = {slot->rank, (uint64_t)slot->kind, slot->group, engine->ids->sections[id]};
        sum += slot->kind != NFA_GONE ? XXH3_64bits_withSeed(about, sizeof about, NFA_LAYOUT) : 0;
    }
    for (uint32_t i = 0; i < engine->plan->n_groups; i++)
        hash = XXH3_64bits_withSeed(&engine->plan->groups[i].hash, sizeof engine->plan->groups[i].hash, hash);
    return XXH3_64bits_withSeed(&sum, sizeof sum, hash);
}

bool nfa_checkpoint_watch(nfa_engine *engine)
{
    return nfa_store_watch(engine->store);
}

bool nfa_checkpoint_may(const nfa_engine *engine)
{
    return told_is_empty(engine) && engine->annex == NULL;
}

bool nfa_checkpoint_begin(nfa_engine *engine, bool all, egret_text *head)
{
    engine_head own = {.layout = nfa_layout_hash(engine), .clock_ms = engine->clock_ms, .start_ms = engine->start_ms,
                       .started = engine->started, .limit = nfa_block_limit(engine->store)};
    egret_text_put(head, (const char *)&own, sizeof own);
    heirs_save(engine, head);
    nfa_ids_save(engine, head);
    return nfa_checkpoint_may(engine) && !head->failed && !engine->failed && nfa_cut_begin(engine->store, all);
}

bool nfa_checkpoint_next(nfa_engine *engine, nfa_pack *out)
{
    return nfa_cut_next(engine->store, out);
}

bool nfa_checkpoint_is_open(const nfa_engine *engine)
{
    return nfa_cut_is_open(engine->store);
}

bool nfa_checkpoint_failed(const nfa_engine *engine)
{
    return nfa_cut_failed(engine->store);
}

void nfa_checkpoint_drop(nfa_engine *engine)
{
    nfa_cut_drop(engine->store);
}

/* The head of a state, apart: its own, where its heirs are, where its ids begin. */
typedef struct head_parts { engine_head own; const char *heirs, *ids, *end; } head_parts;

static bool take_apart(const nfa_engine *engine, const char *head, size_t len, head_parts *out)
{
    if (len < sizeof out->own)
        return false;
    memcpy(&out->own, head, sizeof out->own);
    out->heirs = out->ids = head + sizeof out->own;
    out->end = head + len;
    return out->own.layout == nfa_layout_hash(engine) && heirs_skip(&out->ids, out->end);
}

egret_status nfa_restore_known(nfa_engine *engine, const char *head, size_t len)
{
    head_parts parts;
    nfa_ids ids;
    if (engine->started || nfa_block_limit(engine->store) > 0 || !take_apart(engine, head, len, &parts))
        return EGRET_BAD_USE;
    egret_status status = nfa_ids_load(&ids, &engine->keep, engine->store, parts.ids, (size_t)(parts.end - parts.ids));
    if (status != EGRET_OK)
        return status;
    if (!nfa_ids_make(engine, &ids, NULL))
        return EGRET_NO_MEMORY;
    if (!heirs_load(engine, &parts.heirs, parts.ids))
        return engine->keep.failed ? EGRET_NO_MEMORY : EGRET_BAD_USE;
    engine->clock_ms = parts.own.clock_ms;
    engine->start_ms = parts.own.start_ms;
    engine->started = parts.own.started != 0;
    return EGRET_OK;
}

egret_status nfa_restore_more(nfa_engine *engine, const char *head, size_t len)
{
    head_parts parts;
    nfa_ids ids;
    if (!take_apart(engine, head, len, &parts))
        return EGRET_BAD_USE;
    egret_status status = nfa_ids_load(&ids, &engine->keep, engine->store, parts.ids, (size_t)(parts.end - parts.ids));
    if (status == EGRET_OK && (ids.n_sections != engine->ids->n_sections || ids.n_groups != engine->ids->n_groups))
        status = EGRET_BAD_USE;
    if (status == EGRET_OK && !heirs_load(engine, &parts.heirs, parts.ids))
        status = engine->keep.failed ? EGRET_NO_MEMORY : EGRET_BAD_USE;
    return status;
}

egret_status nfa_restore_begin(nfa_engine *engine, const char *head, size_t len)
{
    engine_head own;
    egret_status status = nfa_restore_known(engine, head, len);
    if (status != EGRET_OK)
        return status;
    memcpy(&own, head, sizeof own);
    if (!nfa_restore_numbers(engine->store, own.limit))
        return EGRET_NO_MEMORY;
    heirs_await(engine);
    return EGRET_OK;
}

egret_status nfa_restore_pack(nfa_engine *engine, uint32_t number, const char *bytes, size_t len)
{
    nfa_store *store = engine->store;
    egret_status status = nfa_restore_pack_of(store, number, bytes, len);
    uint64_t first = (uint64_t)number * NFA_PACK_BLOCKS;
    for (uint64_t i = first; status == EGRET_OK && i < first + NFA_PACK_BLOCKS && i < nfa_block_limit(store); i++) {
        int64_t due = nfa_block_exists(store, (uint32_t)i) ? nfa_block_due(store, (uint32_t)i) : NFA_NEVER;
        if (due != NFA_NEVER && !nfa_timers_push(engine->timers, due, (uint32_t)i))
            status = EGRET_NO_MEMORY;
    }
    nfa_store_relieve(store);
    return status;
}

egret_status nfa_restore_end(nfa_engine *engine)
{
    nfa_restore_numbers_end(engine->store);
    return EGRET_OK;
}

void nfa_checkpoint_kept(nfa_engine *engine)
{
    nfa_store_kept(engine->store);
}

/* ---- in one go: magic | head | packs, each with number and length | the end | checksum ---- */

static const char MAGIC[8] = "EGRETC1\n";

typedef struct writing {
    egret_write_fn write;
    void *user;
    XXH3_state_t hash;
    bool fine;
} writing;

static void put(writing *w, const void *bytes, size_t len)
{
    if (len == 0 || !w->fine)
        return;
    XXH3_64bits_update(&w->hash, bytes, len);
    w->fine = w->write(w->user, bytes, len);
}

static void put_piece(writing *w, uint32_t number, const void *bytes, size_t len)
{
    uint64_t about[] = {number, len};
    put(w, about, sizeof about);
    put(w, bytes, len);
}

egret_status nfa_checkpoint_write(nfa_engine *engine, egret_write_fn write, void *user)
{
    writing w = {.write = write, .user = user, .fine = true};
    nfa_pack pack;
    egret_text head;
    if (!nfa_checkpoint_may(engine))
        return EGRET_BAD_USE;
    egret_text_init(&head, engine->mem);
    XXH3_64bits_reset(&w.hash);
    bool begun = nfa_checkpoint_watch(engine) && nfa_checkpoint_begin(engine, true, &head);
    put(&w, MAGIC, sizeof MAGIC);
    put_piece(&w, 0, head.ptr, head.len);
    while (begun && nfa_checkpoint_next(engine, &pack))
        if (pack.len > 0)
            put_piece(&w, pack.number, pack.bytes, pack.len);
    bool whole = begun && !nfa_checkpoint_failed(engine);
    put_piece(&w, NFA_NONE, NULL, 0);
    uint64_t check = XXH3_64bits_digest(&w.hash);
    put(&w, &check, sizeof check);
    egret_text_deinit(&head);
    nfa_store_unwatch(engine->store);
    return !whole ? EGRET_NO_MEMORY : w.fine ? EGRET_OK : EGRET_IO;
}

/* The next piece at *at; false: it goes beyond the end. */
static bool get_piece(const char *bytes, size_t len, size_t *at, uint32_t *number, const char **piece, size_t *piece_len)
{
    uint64_t about[2];
    if (len - *at < sizeof about)
        return false;
    memcpy(about, bytes + *at, sizeof about);
    *at += sizeof about;
    if (about[1] > len - *at)
        return false;
    *number = (uint32_t)about[0];
    *piece = bytes + *at;
    *piece_len = (size_t)about[1];
    *at += *piece_len;
    return true;
}

egret_status nfa_checkpoint_read(nfa_engine *engine, const char *bytes, size_t len)
{
    uint64_t check;
    uint32_t number;
    const char *piece;
    size_t at = sizeof MAGIC, piece_len;
    if (len < sizeof MAGIC + sizeof check || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return EGRET_BAD_USE;
    len -= sizeof check;
    memcpy(&check, bytes + len, sizeof check);
    if (XXH3_64bits(bytes, len) != check || !get_piece(bytes, len, &at, &number, &piece, &piece_len))
        return EGRET_BAD_USE;
    egret_status status = nfa_restore_begin(engine, piece, piece_len);
    while (status == EGRET_OK && get_piece(bytes, len, &at, &number, &piece, &piece_len) && number != NFA_NONE)
        status = nfa_restore_pack(engine, number, piece, piece_len);
    return status == EGRET_OK ? nfa_restore_end(engine) : status;
}
