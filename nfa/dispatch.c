/*
 * dispatch.c: from an event to the rules that have something to do with it, without trying each.
 *
 * Every guard (a condition that looks at its own event alone) is reached through one of its conjuncts, chosen by the compiler:
 *   equality, membership   a hash table per field: the event's value finds the guards that want it;
 *   a bound (<, <=, >, >=)  a list per field sorted by constant: the guards that hold are a prefix of it;
 *   both bounds             a tree of intervals per field (bands.h);
 *   none of these           a plain list.
 * What the index let through is tested for the rest of its condition, once, whatever the number of rules that share it. Ten thousand
 * rules with other constants so cost what the few cost that fit.
 *
 * A guard of a later step (`then y: pay [kind == "refund"]`) may stand in thousands of rules and mean nothing to nearly all keys. Its
 * subscribers are followers: they have something to do only where their section exists. When they are many, it is the key's block that is
 * asked which of them wait, not the followers whether they do.
 */
#include "nfa/bands.h"
#include "nfa/warm.h"

#include <stdlib.h>
#include <string.h>

typedef struct eq_entry { egret_value value; uint32_t *guards; uint32_t n_guards, cap; } eq_entry;

typedef struct eq_index {
    uint32_t slot;
    eq_entry *entries;
    uint32_t n_entries, cap;
    uint32_t *table;            /* entry + 1 by hash; made when all entries are known */
    uint32_t mask;
} eq_index;

typedef struct range_index {
    uint32_t slot;
    uint8_t access;
    uint32_t *guards;           /* sorted so that the ones that hold come first */
    uint32_t n_guards, cap;
} range_index;

typedef struct band_index {
    uint32_t slot;
    nfa_band *bands;
    uint32_t n_bands, cap;
} band_index;

typedef struct guard_subs {
    nfa_sub *subs;
    uint32_t n, cap;
    nfa_sub *followers;         /* sorted by (group, order, atom) */
    uint32_t n_followers, cap_followers;
} guard_subs;

typedef struct stream_index {
    eq_index *eq;
    uint32_t n_eq, cap_eq;
    range_index *range;
    uint32_t n_range, cap_range;
    band_index *band;
    uint32_t n_band, cap_band;
    uint32_t *plain;
    uint32_t n_plain, cap_plain;
    guard_subs always;          /* for every event of the stream */
    nfa_visit *visits;          /* the same in order, where that is all there is to do for most events; NULL: they must be asked */
    uint32_t n_visits;
    uint32_t *groups;           /* whose keys every event of the stream touches */
    uint32_t n_groups, cap_groups;
    bool foreseen;              /* nothing but the event is looked at, to say whether it concerns others */
} stream_index;

enum { FEW_FOLLOWERS = 8, FEW_CONSTANTS = 4 };       /* up to so many are simply asked */

struct nfa_dispatch {
    stream_index *streams;
    guard_subs *guards;
};

/* Room for one more in an array that lives in the keep arena (old copies stay there: built once, doubled). */
static void *room(nfa_engine *engine, void *array, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap) {
        return array;
    }
    uint32_t bigger = *cap ? *cap * 2 : 4;
    void *copy = egret_arena_alloc(&engine->keep, bigger * size);
    if (copy != NULL && n > 0) {
        memcpy(copy, array, n * size);
    }
    *cap = copy ? bigger : *cap;
    return copy;
}

#define ROOM(engine, array, n, cap) ((array) = room((engine), (array), (n), &(cap), sizeof *(array)), (array) != NULL)

/* ---- building ---- */

/* Does the subscriber have something to do only where its section exists? */
static bool is_follower(const nfa_engine *engine, const nfa_sub *sub)
{
    if (sub->kind == NFA_SUB_LIFE) {
        return true;
    }
    const seq_layout *layout = sub->kind == NFA_SUB_MATCH ? engine->seq[sub->target] : NULL;
    return layout != NULL && (sub->atom >= 64 || (layout->start_mask >> sub->atom & 1u) == 0);
}

static uint32_t group_of(const nfa_engine *engine, const nfa_sub *sub)
{
    switch ((nfa_sub_kind)sub->kind) {
    case NFA_SUB_LIFE: case NFA_SUB_MATCH: return engine->plan->rules[sub->target].group;
    case NFA_SUB_PROFILE: return engine->plan->profiles[sub->target].group;
    case NFA_SUB_FEATURE: break;
    }
    return engine->plan->features[sub->target].group;
}

static bool add_sub(nfa_engine *engine, guard_subs *list, nfa_sub sub)
{
    sub.group = group_of(engine, &sub);
    if (is_follower(engine, &sub)) {
        if (!ROOM(engine, list->followers, list->n_followers, list->cap_followers)) {
            return false;
        }
        list->followers[list->n_followers++] = sub;
        return true;
    }
    if (!ROOM(engine, list->subs, list->n, list->cap)) {
        return false;
    }
    list->subs[list->n++] = sub;
    return true;
}

static bool subscribe(nfa_engine *engine, uint32_t guard, nfa_sub sub)
{
    const plan_guard *def = &engine->plan->guards[guard];
    return add_sub(engine, def->expr == PLAN_NONE ? &engine->dispatch->streams[def->stream].always
                                                  : &engine->dispatch->guards[guard], sub);
}

static bool subscribe_stream(nfa_engine *engine, uint32_t stream, nfa_sub sub)
{
    return add_sub(engine, &engine->dispatch->streams[stream].always, sub);
}

static bool subscribe_atoms(nfa_engine *engine, const plan_atom *atoms, uint32_t n, nfa_sub sub)
{
    bool good = true;
    for (uint32_t i = 0; good && i < n; i++) {
        sub.atom = (uint8_t)i;
        good = subscribe(engine, atoms[i].guard, sub);
    }
    return good;
}

static bool subscribe_rule(nfa_engine *engine, uint32_t number)
{
    const plan_rule *rule = &engine->plan->rules[number];
    nfa_sub match = {.order = number * 2 + 1, .kind = NFA_SUB_MATCH, .target = number};
    nfa_sub life = {.order = number * 2, .kind = NFA_SUB_LIFE, .target = number};
    if (rule->mode == PLAN_OFF || nfa_rule_sleeps(engine, number)) {
        return true;
    }
    if (!subscribe_atoms(engine, rule->atoms, rule->n_atoms, life)) {
        return false;
    }
    if (rule->kind == PLAN_THRESHOLD) {
        const plan_window *window = &engine->plan->windows[rule->threshold.window];
        return subscribe_atoms(engine, window->atoms, window->n_atoms, match);
    }
    const plan_pattern *pattern = rule->pattern;
    bool good = subscribe_atoms(engine, pattern->atoms, pattern->n_atoms, match);
    bool every = pattern->contiguous || pattern->n_items == 0 || pattern->idle_ms != PLAN_FOREVER;
    match.atom = 0xFF;
    for (uint32_t s = 0; good && every && s < engine->plan->n_streams; s++) {
        good = !pattern->streams[s] || subscribe_stream(engine, s, match);
    }
    return good;
}

static bool index_eq(nfa_engine *engine, stream_index *index, uint32_t slot, egret_value value, uint32_t guard)
{
    eq_index *eq = NULL;
    for (uint32_t i = 0; eq == NULL && i < index->n_eq; i++) {
        eq = index->eq[i].slot == slot ? &index->eq[i] : NULL;
    }
    if (eq == NULL) {
        if (!ROOM(engine, index->eq, index->n_eq, index->cap_eq)) {
            return false;
        }
        eq = &index->eq[index->n_eq++];
        *eq = (eq_index){.slot = slot};
    }
    if (!ROOM(engine, eq->entries, eq->n_entries, eq->cap)) {
        return false;
    }
    /* Equal values are joined when the table is made. */
    eq->entries[eq->n_entries] = (eq_entry){.value = value};
    eq_entry *entry = &eq->entries[eq->n_entries++];
    if (!ROOM(engine, entry->guards, entry->n_guards, entry->cap)) {
        return false;
    }
    entry->guards[entry->n_guards++] = guard;
    return true;
}

static bool index_range(nfa_engine *engine, stream_index *index, uint32_t guard)
{
    const plan_guard *def = &engine->plan->guards[guard];
    range_index *range = NULL;
    for (uint32_t i = 0; range == NULL && i < index->n_range; i++) {
        range_index *r = &index->range[i];
        range = r->slot == def->slot && r->access == def->access ? r : NULL;
    }
    if (range == NULL) {
        if (!ROOM(engine, index->range, index->n_range, index->cap_range)) {
            return false;
        }
        range = &index->range[index->n_range++];
        *range = (range_index){.slot = def->slot, .access = def->access};
    }
    if (!ROOM(engine, range->guards, range->n_guards, range->cap)) {
        return false;
    }
    range->guards[range->n_guards++] = guard;
    return true;
}

static bool index_band(nfa_engine *engine, stream_index *index, uint32_t slot, const nfa_band *band)
{
    band_index *list = NULL;
    for (uint32_t i = 0; list == NULL && i < index->n_band; i++) {
        list = index->band[i].slot == slot ? &index->band[i] : NULL;
    }
    if (list == NULL) {
        if (!ROOM(engine, index->band, index->n_band, index->cap_band)) {
            return false;
        }
        list = &index->band[index->n_band++];
        *list = (band_index){.slot = slot};
    }
    if (!ROOM(engine, list->bands, list->n_bands, list->cap)) {
        return false;
    }
    list->bands[list->n_bands++] = *band;
    return true;
}

/* Whether the guard holds is said by the event alone, and whom that concerns by nothing else. */
static bool is_foreseen(const nfa_engine *engine, uint32_t guard)
{
    const guard_subs *subs = &engine->dispatch->guards[guard];
    const plan_guard *def = &engine->plan->guards[guard];
    return subs->n_followers <= FEW_FOLLOWERS && nfa_foresee_may(engine->plan, def->expr);
}

static bool index_guard(nfa_engine *engine, uint32_t guard)
{
    const plan *p = engine->plan;
    const plan_guard *def = &p->guards[guard];
    stream_index *index = &engine->dispatch->streams[def->stream];
    const guard_subs *subs = &engine->dispatch->guards[guard];
    if (def->expr == PLAN_NONE || subs->n + subs->n_followers == 0) {
        return true;
    }
    index->foreseen = index->foreseen && is_foreseen(engine, guard);
    switch ((plan_access)def->access) {
    case PLAN_ACCESS_EQ:
        return index_eq(engine, index, def->slot, p->consts[def->constant], guard);
    case PLAN_ACCESS_SET:
        for (uint32_t i = 0; i < p->sets[def->constant].n_items; i++) {
            if (!index_eq(engine, index, def->slot, p->sets[def->constant].items[i], guard)) {
                return false;
            }
        }
        return true;
    case PLAN_ACCESS_LT: case PLAN_ACCESS_LE: case PLAN_ACCESS_GT: case PLAN_ACCESS_GE: {
        nfa_band band;
        if (nfa_band_of(p, def->expr, def->slot, &band)) {
            band.guard = guard;
            return index_band(engine, index, def->slot, &band);
        }
        return index_range(engine, index, guard);
    }
    case PLAN_ACCESS_ALWAYS:
        break;
    }
    if (!ROOM(engine, index->plain, index->n_plain, index->cap_plain)) {
        return false;
    }
    index->plain[index->n_plain++] = guard;
    return true;
}

/* Makes the hash table of an equality index; entries with equal values become one. */
static bool finish_eq(nfa_engine *engine, eq_index *eq)
{
    uint32_t size = 4;
    while (size < eq->n_entries * 2) {
        size *= 2;
    }
    eq->mask = size - 1;
    eq->table = egret_arena_alloc(&engine->keep, size * sizeof *eq->table);
    if (eq->table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < eq->n_entries; i++) {
        eq_entry *entry = &eq->entries[i];
        uint32_t at = (uint32_t)egret_value_hash(entry->value) & eq->mask;
        while (eq->table[at] != 0 && !egret_value_equal(eq->entries[eq->table[at] - 1].value, entry->value)) {
            at = (at + 1) & eq->mask;
        }
        if (eq->table[at] == 0) {
            eq->table[at] = i + 1;
            continue;
        }
        eq_entry *same = &eq->entries[eq->table[at] - 1];
        if (!ROOM(engine, same->guards, same->n_guards, same->cap)) {
            return false;
        }
        same->guards[same->n_guards++] = entry->guards[0];
    }
    return true;
}

static int range_order(const plan *p, const range_index *range, uint32_t a, uint32_t b)
{
    int order = 0;
    (void)egret_value_compare(p->consts[p->guards[a].constant], p->consts[p->guards[b].constant], &order);
    bool descending = range->access == PLAN_ACCESS_LT || range->access == PLAN_ACCESS_LE;
    return descending ? -order : order;
}

/* A heap sort: no recursion, no globals for the comparison, and the lists may be long. */
static void sort_range(const plan *p, range_index *range)
{
    uint32_t *g = range->guards;
    for (uint32_t n = range->n_guards, start = n / 2; n > 1;) {
        uint32_t item;
        if (start > 0) {
            item = g[--start];
        } else {
            item = g[--n];
            g[n] = g[0];
        }
        uint32_t at = start;
        for (uint32_t child = at * 2 + 1; child < n; child = at * 2 + 1) {
            if (child + 1 < n && range_order(p, range, g[child], g[child + 1]) < 0) {
                child++;
            }
            if (range_order(p, range, item, g[child]) >= 0) {
                break;
            }
            g[at] = g[child];
            at = child;
        }
        g[at] = item;
    }
}

static bool finish_stream(nfa_engine *engine, stream_index *index)
{
    for (uint32_t i = 0; i < index->n_eq; i++) {
        if (!finish_eq(engine, &index->eq[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < index->n_range; i++) {
        sort_range(engine->plan, &index->range[i]);
    }
    for (uint32_t i = 0; i < index->n_band; i++) {
        nfa_bands_prepare(index->band[i].bands, index->band[i].n_bands);
    }
    return true;
}

static int hit_order(const nfa_sub *a, const nfa_sub *b)
{
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return (int)a->atom - (int)b->atom;
}

static int hit_compare(const void *a, const void *b)
{
    const nfa_sub *const *x = a;
    const nfa_sub *const *y = b;
    return hit_order(*x, *y);
}

static void sort_hits(const nfa_sub **hits, uint32_t n)
{
    if (n > 24) {
        qsort(hits, n, sizeof *hits, hit_compare);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        const nfa_sub *hit = hits[i];
        uint32_t at = i;
        for (; at > 0 && hit_order(hits[at - 1], hit) > 0; at--) {
            hits[at] = hits[at - 1];
        }
        hits[at] = hit;
    }
}

/* Lays out what is done for events that concern nobody but those who always come. Several profiles ask before they take, which is another way. */
static bool lay_out_visits(nfa_engine *engine, stream_index *index)
{
    const guard_subs *always = &index->always;
    uint32_t n_profiles = 0;
    if (always->n == 0 || always->n_followers > 0) {
        return true;
    }
    const nfa_sub **subs = egret_arena_alloc(&engine->keep, always->n * sizeof *subs);
    nfa_visit *visits = egret_arena_alloc(&engine->keep, always->n * sizeof *visits);
    if (subs == NULL || visits == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < always->n; i++) {
        subs[i] = &always->subs[i];
    }
    sort_hits(subs, always->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < always->n; i++) {
        if (n == 0 || visits[n - 1].sub->order != subs[i]->order) {
            visits[n++] = (nfa_visit){.sub = subs[i]};
            n_profiles += subs[i]->kind == NFA_SUB_PROFILE;
        }
        visits[n - 1].mask |= nfa_atom_bit(subs[i]);
    }
    index->visits = n_profiles <= 1 ? visits : NULL;
    index->n_visits = n;
    return true;
}

/* Notes a group that the stream's every event concerns. */
static bool note_group(nfa_engine *engine, stream_index *index, uint32_t group)
{
    for (uint32_t i = 0; i < index->n_groups; i++) {
        if (index->groups[i] == group) {
            return true;
        }
    }
    if (!ROOM(engine, index->groups, index->n_groups, index->cap_groups)) {
        return false;
    }
    index->groups[index->n_groups++] = group;
    return true;
}

static bool note_groups(nfa_engine *engine, stream_index *index)
{
    bool good = true;
    for (uint32_t i = 0; good && i < index->always.n; i++) {
        good = note_group(engine, index, index->always.subs[i].group);
    }
    return good;
}

uint32_t nfa_dispatch_groups(const nfa_engine *engine, uint32_t stream, const uint32_t **groups)
{
    *groups = engine->dispatch->streams[stream].groups;
    return engine->dispatch->streams[stream].n_groups;
}

static bool subscribe_updates(nfa_engine *engine)
{
    const plan *p = engine->plan;
    bool good = true;
    for (uint32_t i = 0; good && i < p->n_profiles; i++) {
        if (engine->warm != NULL && !engine->warm->profile[i]) {
            continue;
        }
        const plan_window *window = &p->windows[p->profiles[i].window];
        nfa_sub sub = {.order = UINT32_C(0x80000000) + i, .kind = NFA_SUB_PROFILE, .target = i};
        good = subscribe_atoms(engine, window->atoms, window->n_atoms, sub);
    }
    for (uint32_t i = 0; good && i < p->n_features; i++) {
        if (engine->warm != NULL && !engine->warm->feature[i]) {
            continue;
        }
        /* What was seen is judged by profiles and previous values as they stood before the event: it comes before them. */
        bool seen = p->features[i].kind == PLAN_FEATURE_SEEN;
        nfa_sub sub = {.order = (seen ? UINT32_C(0x70000000) : UINT32_C(0xC0000000)) + i, .kind = NFA_SUB_FEATURE, .atom = 0xFF,
                       .target = i};
        good = seen ? subscribe(engine, p->features[i].atom.guard, sub)
                                                        : subscribe_stream(engine, p->features[i].stream, sub);
    }
    return good;
}

/* By group; within it they are in order already, as rules subscribe one after the other. */
static void sort_followers(guard_subs *list)
{
    for (uint32_t gap = list->n_followers / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < list->n_followers; i++) {
            nfa_sub sub = list->followers[i];
            uint32_t group = sub.group;
            uint32_t at = i;
            for (; at >= gap; at -= gap) {
                const nfa_sub *other = &list->followers[at - gap];
                uint32_t other_group = other->group;
                if (other_group < group || (other_group == group && (other->order < sub.order
                                                                    || (other->order == sub.order && other->atom <= sub.atom)))) {
                    break;
                }
                list->followers[at] = *other;
            }
            list->followers[at] = sub;
        }
    }
}

bool nfa_dispatch_make(nfa_engine *engine)
{
    const plan *p = engine->plan;
    nfa_dispatch *dispatch = egret_arena_alloc(&engine->keep, sizeof *dispatch);
    if (dispatch == NULL) {
        return false;
    }
    engine->dispatch = dispatch;
    dispatch->streams = egret_arena_alloc(&engine->keep, (p->n_streams + 1) * sizeof *dispatch->streams);
    dispatch->guards = egret_arena_alloc(&engine->keep, (p->n_guards + 1) * sizeof *dispatch->guards);
    bool good = !engine->keep.failed;
    for (uint32_t i = 0; good && i < p->n_streams; i++) {
        dispatch->streams[i].foreseen = true;
    }
    for (uint32_t i = 0; good && i < p->n_rules; i++) {
        good = subscribe_rule(engine, i);
    }
    good = good && subscribe_updates(engine);
    for (uint32_t i = 0; good && i < p->n_guards; i++) {
        sort_followers(&dispatch->guards[i]);
        good = index_guard(engine, i);
    }
    for (uint32_t i = 0; good && i < p->n_streams; i++) {
        sort_followers(&dispatch->streams[i].always);
        good = finish_stream(engine, &dispatch->streams[i]) && note_groups(engine, &dispatch->streams[i])
            && lay_out_visits(engine, &dispatch->streams[i]);
    }
    return good;
}

/* ---- per event ---- */

static bool take_subs(nfa_engine *engine, const nfa_sub *subs, uint32_t n)
{
    if (n == 0) {
        return true;
    }
    if (engine->n_hits + n > engine->cap_hits) {
        uint32_t cap = (engine->n_hits + n) * 2;
        void *grown = egret_mem_grow(engine->mem, engine->hits, engine->cap_hits * sizeof *engine->hits,
                                     cap * sizeof *engine->hits);
        if (grown == NULL) {
            return false;
        }
        engine->hits = grown;
        engine->cap_hits = cap;
    }
    const nfa_sub **hit = engine->hits + engine->n_hits;
    for (uint32_t i = 0; i < n; i++) {
        hit[i] = &subs[i];
    }
    engine->n_hits += n;
    return true;
}

/* Takes the followers of one group that wait in the key's block. */
static bool take_waiting(nfa_engine *engine, const nfa_event *event, const nfa_sub *followers, uint32_t n)
{
    const nfa_key *key = nfa_key_of(engine, followers->group, event);
    if (key->null || key->block == NFA_NO_BLOCK) {
        return true;
    }
    size_t n_sections = nfa_section_count(engine->store, key->block);
    for (size_t i = 0; i < n_sections; i++) {
        const nfa_slot *slot = &engine->slots[nfa_section_id_at(engine->store, key->block, i)];
        bool pattern = slot->kind == NFA_PATTERN || slot->kind == NFA_BRANCH;
        if (!pattern && slot->kind != NFA_LIFE) {
            continue;
        }
        uint32_t order = slot->rule * 2 + pattern;
        uint32_t low = 0;
        for (uint32_t high = n; low < high;) {
            uint32_t middle = low + (high - low) / 2;
            if (followers[middle].order < order) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        uint32_t end = low;
        while (end < n && followers[end].order == order) {
            end++;
        }
        if (end > low && !take_subs(engine, followers + low, end - low)) {
            return false;
        }
    }
    return true;
}

static bool take_followers(const nfa_env *env, const guard_subs *list)
{
    nfa_engine *engine = env->engine;
    if (list->n_followers <= FEW_FOLLOWERS) {
        return take_subs(engine, list->followers, list->n_followers);
    }
    for (uint32_t i = 0; i < list->n_followers;) {
        uint32_t group = list->followers[i].group;
        uint32_t end = i + 1;
        while (end < list->n_followers && list->followers[end].group == group) {
            end++;
        }
        if (!take_waiting(engine, env->event, list->followers + i, end - i)) {
            return false;
        }
        i = end;
    }
    return true;
}

static bool take_list(const nfa_env *env, const guard_subs *list)
{
    return take_subs(env->engine, list->subs, list->n) && (list->n_followers == 0 || take_followers(env, list));
}

/* Tests what the index did not say, and takes the subscribers when the guard holds. */
static bool try_guard(const nfa_env *env, uint32_t guard)
{
    nfa_engine *engine = env->engine;
    uint32_t residual = engine->plan->guards[guard].residual;
    engine->stats.guards_tried++;
    if (residual != PLAN_NONE && !nfa_holds(env, residual)) {
        return true;
    }
    return take_list(env, &engine->dispatch->guards[guard]);
}

static bool is_equal(const egret_value *a, const egret_value *b)
{
    if (a->type == EGRET_STRING && b->type == EGRET_STRING) {
        return a->len == b->len && nfa_same_bytes(a->u.s, b->u.s, a->len);
    }
    return egret_value_equal(*a, *b);
}

/* The entry of a value: few are looked through, many are found by their hash. */
static const eq_entry *find_eq(const eq_index *eq, const egret_value *v)
{
    if (eq->n_entries <= FEW_CONSTANTS) {
        for (uint32_t i = 0; i < eq->n_entries; i++) {
            if (is_equal(&eq->entries[i].value, v)) {
                return &eq->entries[i];
            }
        }
        return NULL;
    }
    for (uint32_t at = (uint32_t)egret_value_hash(*v) & eq->mask; eq->table[at] != 0; at = (at + 1) & eq->mask) {
        const eq_entry *entry = &eq->entries[eq->table[at] - 1];
        if (is_equal(&entry->value, v)) {
            return entry;
        }
    }
    return NULL;
}

static bool try_eq(const nfa_env *env, const eq_index *eq)
{
    const egret_value *v = &env->event->slots[eq->slot];
    const eq_entry *entry = v->type != EGRET_NULL ? find_eq(eq, v) : NULL;
    for (uint32_t i = 0; entry != NULL && i < entry->n_guards; i++) {
        if (!try_guard(env, entry->guards[i])) {
            return false;
        }
    }
    return true;
}

static bool range_holds(const plan *p, const range_index *range, uint32_t guard, egret_value v)
{
    int order = 0;
    if (!egret_value_compare(v, p->consts[p->guards[guard].constant], &order)) {
        return false;
    }
    switch ((plan_access)range->access) {
    case PLAN_ACCESS_LT: return order < 0;
    case PLAN_ACCESS_LE: return order <= 0;
    case PLAN_ACCESS_GT: return order > 0;
    default: return order >= 0;
    }
}

static bool try_range(const nfa_env *env, const range_index *range)
{
    egret_value v = env->event->slots[range->slot];
    if (v.type == EGRET_NULL) {
        return true;
    }
    for (uint32_t i = 0; i < range->n_guards && range_holds(env->engine->plan, range, range->guards[i], v); i++) {
        if (!try_guard(env, range->guards[i])) {
            return false;
        }
    }
    return true;
}

/* A band was found with its bounds taken as inclusive: the whole condition is asked. */
static bool try_band_guard(void *user, uint32_t guard)
{
    const nfa_env *env = user;
    env->engine->stats.guards_tried++;
    return !nfa_holds(env, env->engine->plan->guards[guard].expr) || take_list(env, &env->engine->dispatch->guards[guard]);
}

static bool try_band(nfa_env *env, const band_index *index)
{
    egret_value v = env->event->slots[index->slot];
    return v.type == EGRET_NULL || nfa_bands_find(index->bands, index->n_bands, v, try_band_guard, env);
}

bool nfa_dispatch_foresees(const nfa_engine *engine, uint32_t stream)
{
    return engine->dispatch->streams[stream].foreseen && engine->dispatch->streams[stream].visits != NULL;
}

bool nfa_dispatch_event(nfa_engine *engine, const nfa_event *event)
{
    const stream_index *index = &engine->dispatch->streams[event->stream];
    const nfa_foresight *seen = nfa_foresight_of(engine, event);
    if (seen != NULL && (seen->facts >> NFA_FACT_ALONE & 1u) != 0) {
        engine->n_hits = 0;
        engine->visits = index->visits;
        engine->n_visits = index->n_visits;
        return true;
    }
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = NFA_NO_BLOCK};
    engine->n_hits = engine->n_visits = 0;
    bool good = true;
    for (uint32_t i = 0; good && i < index->n_eq; i++) {
        good = try_eq(&env, &index->eq[i]);
    }
    for (uint32_t i = 0; good && i < index->n_range; i++) {
        good = try_range(&env, &index->range[i]);
    }
    for (uint32_t i = 0; good && i < index->n_band; i++) {
        good = try_band(&env, &index->band[i]);
    }
    for (uint32_t i = 0; good && i < index->n_plain; i++) {
        good = try_guard(&env, index->plain[i]);
    }
    if (engine->n_hits == 0 && index->visits != NULL) {
        engine->visits = index->visits;
        engine->n_visits = index->n_visits;
        return good;
    }
    good = good && take_list(&env, &index->always);
    sort_hits(engine->hits, engine->n_hits);
    return good;
}
