/*
 * ids.c: see ids.h.
 */
#include "nfa/ids.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- what a section is of ---- */

static uint64_t mix(uint64_t hash, uint64_t more)
{
    return XXH3_64bits_withSeed(&more, sizeof more, hash);
}

static uint64_t mix_text(uint64_t hash, egret_str text)
{
    return XXH3_64bits_withSeed(text.len > 0 ? text.ptr : "", text.len, hash);
}

/* A window is somebody's: of a rule, which judges it, or of a profile. */
static uint64_t window_name(const nfa_engine *engine, const nfa_slot *slot)
{
    const plan *p = engine->plan;
    uint64_t hash = p->windows[slot->owner].hash;
    if (slot->rule != NFA_NONE) {
        return mix(mix(hash, p->rules[slot->rule].name_hash), p->rules[slot->rule].threshold.hash);
    }
    for (uint32_t i = 0; i < p->n_profiles; i++) {
        if (p->profiles[i].window == slot->owner) {
            return mix_text(hash, p->profiles[i].name);
        }
    }
    return hash;
}

static uint64_t definition_of(const nfa_engine *engine, const nfa_slot *slot)
{
    const plan *p = engine->plan;
    switch (slot->kind) {
    case NFA_PATTERN: case NFA_BRANCH: case NFA_SILENCE: return mix(p->rules[slot->owner].pattern->hash, p->rules[slot->owner].name_hash);
    case NFA_LIFE: return p->rules[slot->owner].life_hash;
    case NFA_WINDOW: return window_name(engine, slot);
    case NFA_FEATURE: return p->features[slot->owner].hash;
    case NFA_TOLD: return mix_text(0, p->streams[slot->owner].name);
    case NFA_GONE: break;
    }
    return 0;
}

static uint64_t section_name(const nfa_engine *engine, const nfa_slot *slot, const nfa_section_def *def)
{
    uint64_t hash = mix(definition_of(engine, slot), (uint64_t)slot->kind);
    hash = mix(mix(hash, def->root_size), def->n_parts);
    for (unsigned i = 0; i < def->n_parts; i++) {
        hash = mix(hash, (uint64_t)def->part[i].kind << 32 | def->part[i].rec_size);
    }
    return hash;
}

/* ---- the dictionary ---- */

#define GONE UINT64_C(0x656e6f67)

/* Finds ids by what they stand for; open addressing, id + 1. */
typedef struct id_index {
    const uint64_t *names;
    uint32_t *slot;
    uint32_t mask;
} id_index;

static bool index_make(id_index *index, egret_arena *arena, const uint64_t *names, uint32_t room)
{
    uint32_t size = 16;
    while (size < room * 2) {
        size *= 2;
    }
    *index = (id_index){names, egret_arena_alloc(arena, size * sizeof *index->slot), size - 1};
    return index->slot != NULL;
}

static uint32_t *index_place(const id_index *index, uint64_t name)
{
    uint32_t at = (uint32_t)(name ^ name >> 32) & index->mask;
    while (index->slot[at] != 0 && index->names[index->slot[at] - 1] != name) {
        at = (at + 1) & index->mask;
    }
    return &index->slot[at];
}

/* Gives n names their ids: those that `before` has, else new ones behind them. Equal names are told apart by which comes first. slots: what stood
 * behind the ids of `before`, or NULL. Where nothing did, blocks may still hold what was known when something last did; whoever comes back with that name
 * has to begin anew, as if it had been swept away. So the id keeps its place under a name that nobody has. */
static bool number(egret_arena *arena, const uint64_t *before, uint32_t n_before, const nfa_slot *slots, const uint64_t *name, uint32_t n,
                   uint32_t *id, uint64_t **out, uint32_t *n_out)
{
    id_index index;
    uint64_t *all = egret_arena_alloc(arena, ((size_t)n_before + n + 1) * sizeof *all);
    bool *taken = egret_arena_alloc(arena, (size_t)n_before + n + 1);
    if (all == NULL || taken == NULL || !index_make(&index, arena, all, n_before + n)) {
        return false;
    }
    uint32_t end = 0;
    for (; end < n_before; end++) {
        all[end] = slots != NULL && slots[end].kind == NFA_GONE ? mix(mix(before[end], GONE), end) : before[end];
        *index_place(&index, all[end]) = end + 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t wanted = name[i];
        uint32_t *place = index_place(&index, wanted);
        while (*place != 0 && taken[*place - 1]) {
            wanted = mix(wanted, 1);
            place = index_place(&index, wanted);
        }
        if (*place == 0) {
            all[end] = wanted;
            *place = ++end;
        }
        id[i] = *place - 1;
        taken[id[i]] = true;
    }
    *out = all;
    *n_out = end;
    return true;
}

static bool number_streams(nfa_engine *engine, nfa_ids *ids, const nfa_ids *before)
{
    const plan *p = engine->plan;
    egret_arena *keep = &engine->keep;
    uint32_t n = before->n_streams;
    ids->streams = egret_arena_alloc(keep, ((size_t)n + p->n_streams + 1) * sizeof *ids->streams);
    engine->stream_id = egret_arena_alloc(keep, (p->n_streams + 1u) * sizeof *engine->stream_id);
    engine->stream_name = egret_arena_alloc(keep, ((size_t)n + p->n_streams + 1) * sizeof *engine->stream_name);
    engine->stream_at = egret_arena_alloc(keep, ((size_t)n + p->n_streams + 1) * sizeof *engine->stream_at);
    if (keep->failed) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        ids->streams[i] = egret_arena_str(keep, before->streams[i].ptr, before->streams[i].len);
        engine->stream_at[i] = NFA_NONE;
    }
    for (uint32_t i = 0; i < p->n_streams; i++) {
        uint32_t id = 0;
        while (id < n && !egret_str_eq(ids->streams[id], p->streams[i].name)) {
            id++;
        }
        if (id == n) {
            ids->streams[n++] = egret_arena_str(keep, p->streams[i].name.ptr, p->streams[i].name.len);
        }
        engine->stream_id[i] = id;
        engine->stream_at[id] = i;
    }
    ids->n_streams = n;
    for (uint32_t i = 0; i < n; i++) {
        engine->stream_name[i] = nfa_layout_name(engine, ids->streams[i]);
    }
    return !keep->failed;
}

static bool number_groups(nfa_engine *engine, nfa_ids *ids, const nfa_ids *before)
{
    const plan *p = engine->plan;
    uint64_t *name = egret_arena_alloc(&engine->keep, (p->n_groups + 1u) * sizeof *name);
    engine->group_id = egret_arena_alloc(&engine->keep, (p->n_groups + 1u) * sizeof *engine->group_id);
    for (uint32_t i = 0; !engine->keep.failed && i < p->n_groups; i++) {
        name[i] = p->groups[i].hash;
    }
    return !engine->keep.failed
        && number(&engine->keep, before->groups, before->n_groups, NULL, name, p->n_groups, engine->group_id, &ids->groups, &ids->n_groups);
}

/* What was laid out, in order of rank: the slots that stand for something. */
static nfa_slot *ranked(nfa_engine *engine, uint32_t *n)
{
    nfa_slot *slots = egret_arena_alloc(&engine->keep, (engine->n_slots + 1u) * sizeof *slots);
    *n = 0;
    for (uint32_t i = 0; slots != NULL && i < engine->n_slots; i++) {
        if (engine->slots[i].kind != NFA_GONE) {
            slots[engine->slots[i].rank] = engine->slots[i];
            ++*n;
        }
    }
    return slots;
}

static bool number_sections(nfa_engine *engine, nfa_ids *ids, const nfa_ids *before, const nfa_slot *slots_before)
{
    uint32_t n;
    nfa_slot *slots = ranked(engine, &n);
    uint64_t *name = egret_arena_alloc(&engine->keep, (n + 1u) * sizeof *name);
    uint32_t *id = egret_arena_alloc(&engine->keep, (n + 1u) * sizeof *id);
    nfa_section_def **def = egret_arena_alloc(&engine->keep, (n + 1u) * sizeof(nfa_section_def *));
    if (engine->keep.failed) {
        return false;
    }
    for (uint32_t i = 0; i < engine->n_slots; i++) {
        if (engine->slots[i].kind != NFA_GONE) {
            def[engine->slots[i].rank] = (nfa_section_def *)nfa_def_of(engine, i);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        name[i] = section_name(engine, &slots[i], def[i]);
    }
    if (!number(&engine->keep, before->sections, before->n_sections, slots_before, name, n, id, &ids->sections, &ids->n_sections)) {
        return false;
    }
    engine->slots = egret_arena_alloc(&engine->keep, (ids->n_sections + 1u) * sizeof *engine->slots);
    engine->n_slots = ids->n_sections;
    for (uint32_t i = 0; engine->slots != NULL && i < ids->n_sections; i++) {
        engine->slots[i] = (nfa_slot){.kind = NFA_GONE, .rule = NFA_NONE};
    }
    for (uint32_t i = 0; engine->slots != NULL && i < n; i++) {
        engine->slots[id[i]] = slots[i];
        def[i]->id = id[i];
    }
    return engine->slots != NULL;
}

bool nfa_ids_make(nfa_engine *engine, const nfa_ids *before, const nfa_slot *slots_before)
{
    static const nfa_ids nothing;
    nfa_ids *ids = egret_arena_alloc(&engine->keep, sizeof *ids);
    before = before != NULL ? before : &nothing;
    engine->ids = ids;
    return ids != NULL && number_streams(engine, ids, before) && number_groups(engine, ids, before) && number_sections(engine, ids, before, slots_before);
}

bool nfa_ids_same(const nfa_ids *a, const nfa_ids *b)
{
    if (a->n_streams != b->n_streams || a->n_groups != b->n_groups || a->n_sections != b->n_sections) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_streams; i++) {
        if (!egret_str_eq(a->streams[i], b->streams[i])) {
            return false;
        }
    }
    return memcmp(a->groups, b->groups, a->n_groups * sizeof *a->groups) == 0
        && memcmp(a->sections, b->sections, a->n_sections * sizeof *a->sections) == 0;
}

/* ---- as bytes: counts | names of streams | groups | sections, each with its shape ---- */

enum { NO_SHAPE = 0xFF };      /* no block has ever held one */

static void put32(egret_text *out, uint32_t n)
{
    egret_text_put(out, (const char *)&n, sizeof n);
}

void nfa_ids_save(const nfa_engine *engine, egret_text *out)
{
    const nfa_ids *ids = engine->ids;
    put32(out, ids->n_streams);
    put32(out, ids->n_groups);
    put32(out, ids->n_sections);
    for (uint32_t i = 0; i < ids->n_streams; i++) {
        put32(out, ids->streams[i].len);
        egret_text_put_str(out, ids->streams[i]);
    }
    egret_text_put(out, (const char *)ids->groups, ids->n_groups * sizeof *ids->groups);
    for (uint32_t i = 0; i < ids->n_sections; i++) {
        nfa_section_def def;
        bool known = nfa_store_shape(engine->store, i, &def);
        uint8_t n_parts = known ? def.n_parts : NO_SHAPE;
        egret_text_put(out, (const char *)&ids->sections[i], sizeof ids->sections[i]);
        egret_text_put(out, (const char *)&n_parts, 1);
        if (!known) {
            continue;
        }
        egret_text_put(out, (const char *)&def.root_size, sizeof def.root_size);
        for (unsigned k = 0; k < def.n_parts; k++) {
            egret_text_put(out, (const char *)&def.part[k].kind, 1);
            egret_text_put(out, (const char *)&def.part[k].rec_size, sizeof def.part[k].rec_size);
        }
    }
}

typedef struct reading { const char *at, *end; bool bad; } reading;

static void get(reading *r, void *to, size_t len)
{
    if ((size_t)(r->end - r->at) < len) {
        r->bad = true;
    } else if (len > 0) {
        memcpy(to, r->at, len);
        r->at += len;
    }
}

static egret_status get_section(reading *r, nfa_ids *ids, uint32_t id, nfa_store *store)
{
    nfa_section_def def = {.id = id};
    get(r, &ids->sections[id], sizeof ids->sections[id]);
    get(r, &def.n_parts, 1);
    if (r->bad || def.n_parts == NO_SHAPE) {
        return r->bad ? EGRET_BAD_USE : EGRET_OK;
    }
    get(r, &def.root_size, sizeof def.root_size);
    if (def.n_parts > NFA_MAX_DEQUES) {
        return EGRET_BAD_USE;
    }
    for (unsigned k = 0; k < def.n_parts; k++) {
        get(r, &def.part[k].kind, 1);
        get(r, &def.part[k].rec_size, sizeof def.part[k].rec_size);
    }
    return r->bad ? EGRET_BAD_USE : nfa_store_learn(store, &def) ? EGRET_OK : EGRET_NO_MEMORY;
}

static egret_status get_streams(reading *r, nfa_ids *ids, egret_arena *arena)
{
    for (uint32_t i = 0; i < ids->n_streams; i++) {
        uint32_t len = 0;
        get(r, &len, sizeof len);
        if (r->bad || (size_t)(r->end - r->at) < len) {
            return EGRET_BAD_USE;
        }
        ids->streams[i] = egret_arena_str(arena, r->at, len);
        r->at += len;
    }
    return arena->failed ? EGRET_NO_MEMORY : EGRET_OK;
}

egret_status nfa_ids_load(nfa_ids *ids, egret_arena *arena, nfa_store *store, const char *bytes, size_t len)
{
    reading r = {bytes, bytes + len, false};
    *ids = (nfa_ids){0};
    get(&r, &ids->n_streams, 4);
    get(&r, &ids->n_groups, 4);
    get(&r, &ids->n_sections, 4);
    if (r.bad || len / 4 < ids->n_streams || len / 8 < ids->n_groups || len / 9 < ids->n_sections) {
        return EGRET_BAD_USE;
    }
    ids->streams = egret_arena_alloc(arena, (ids->n_streams + 1u) * sizeof *ids->streams);
    ids->groups = egret_arena_alloc(arena, (ids->n_groups + 1u) * sizeof *ids->groups);
    ids->sections = egret_arena_alloc(arena, (ids->n_sections + 1u) * sizeof *ids->sections);
    egret_status status = arena->failed ? EGRET_NO_MEMORY : get_streams(&r, ids, arena);
    if (status != EGRET_OK) {
        return status;
    }
    get(&r, ids->groups, ids->n_groups * sizeof *ids->groups);
    for (uint32_t i = 0; status == EGRET_OK && i < ids->n_sections; i++) {
        status = get_section(&r, ids, i, store);
    }
    return status == EGRET_OK && (r.bad || r.at != r.end) ? EGRET_BAD_USE : status;
}
