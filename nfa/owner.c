/*
 * owner.c: which shard owns which keys; see shards.h.
 *
 * Groups are joined (union-find) where a rule or profile of one looks at another: then all of them must be in one engine. A group alone, none of
 * whose rules asks for other keys than that of the event, is split by key. All that tells or is told by rules is one set, as what is told is evaluated
 * in the order of telling.
 *
 * The walk goes over the same expressions as those that make up the hashes of definitions (compiler/plan_hash.c): a new place for an expression
 * must be added there anyway, and here.
 */
#include "nfa/shard.h"
#include "nfa/shards.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct ties {
    const plan *plan;
    uint32_t *parent;       /* by group, then one more for what rules tell */
    bool *whole;            /* by root */
    uint32_t at;            /* the group whose rule or profile is walked */
} ties;

static uint32_t root_of(const ties *t, uint32_t group)
{
    while (t->parent[group] != group)
        group = t->parent[group];
    return group;
}

/* The smaller number is the root, so that the result does not depend on the order of joining. */
static void join(ties *t, uint32_t a, uint32_t b)
{
    a = root_of(t, a);
    b = root_of(t, b);
    if (a == b)
        return;
    uint32_t low = a < b ? a : b, high = a < b ? b : a;
    t->parent[high] = low;
    t->whole[low] = true;
}

static void walk(ties *t, uint32_t number)
{
    const plan *p = t->plan;
    if (number == PLAN_NONE || (p->exprs[number].uses & PLAN_USES_KEY_STATE) == 0)
        return;
    const plan_expr *e = &p->exprs[number];
    switch ((int)e->op) {
    case PLAN_PROFILE: join(t, t->at, p->profiles[e->a].group); break;
    case PLAN_PREV: case PLAN_NEW: join(t, t->at, p->features[e->a].group); break;
    case PLAN_PROFILE_OF:
        join(t, t->at, p->profiles[e->a].group);
        t->whole[root_of(t, t->at)] = true;
        break;
    case PLAN_OPEN:
        join(t, t->at, p->rules[e->a].group);
        t->whole[root_of(t, t->at)] = t->whole[root_of(t, t->at)] || e->b != 0;
        break;
    default: break;
    }
    for (uint32_t i = 0; i < e->n_args; i++)
        walk(t, p->args[e->args + i]);
}

static void walk_pairs(ties *t, const plan_pair *pairs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        walk(t, pairs[i].expr);
}

static void walk_atoms(ties *t, const plan_atom *atoms, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        walk(t, atoms[i].rest);
        if (t->plan->streams[atoms[i].stream].of_rules)
            join(t, t->at, t->plan->n_groups);
    }
}

static void walk_nots(ties *t, const plan_not *nots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        walk(t, nots[i].for_time);
}

static void walk_window(ties *t, const plan_window *w)
{
    join(t, t->at, w->group);
    walk_atoms(t, w->atoms, w->n_atoms);
    for (uint32_t i = 0; i < w->n_args; i++)
        for (uint32_t k = 0; k < w->n_atoms; k++) {
            walk(t, w->args[i].atom_value[k]);
            walk(t, w->args[i].atom_where[k]);
        }
}

static void walk_pattern(ties *t, const plan_pattern *p)
{
    walk_atoms(t, p->atoms, p->n_atoms);
    for (uint32_t i = 0; i < p->n_items; i++)
        walk_nots(t, p->items[i].timed, p->items[i].n_timed);
    walk_nots(t, p->more_absences, p->n_more_absences);
    for (uint32_t i = 0; i < p->n_cells; i++)
        walk(t, p->cells[i].expr);
    for (uint32_t i = 0; i < p->n_step_aggs; i++) {
        walk(t, p->step_aggs[i].value);
        walk(t, p->step_aggs[i].where);
    }
    for (uint32_t i = 0; i < p->n_silences; i++)
        join(t, t->at, t->plan->features[p->silences[i]].group);
    for (uint32_t i = 0; i < p->n_spans; i++)
        walk(t, p->spans[i]);
    walk(t, p->absence_for);
    walk(t, p->when);
}

static void walk_rule(ties *t, const plan_rule *r)
{
    t->at = r->group;
    if (r->kind == PLAN_SEQUENCE) {
        walk_pattern(t, r->pattern);
    } else {
        walk_window(t, &t->plan->windows[r->threshold.window]);
        walk(t, r->threshold.when);
    }
    walk_atoms(t, r->atoms, r->n_atoms);
    walk_pairs(t, r->lets, r->n_lets);
    walk_pairs(t, r->fields, r->n_fields);
    walk_pairs(t, r->timeout, r->n_timeout);
    const uint32_t single[] = {r->severity, r->throttle_per, r->except, r->active, r->resolve_when};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        walk(t, single[i]);
    if (r->told != PLAN_NONE || r->told_alert != PLAN_NONE)
        join(t, t->at, t->plan->n_groups);
}

static void walk_all(ties *t)
{
    const plan *p = t->plan;
    for (uint32_t i = 0; i < p->n_rules; i++)
        walk_rule(t, &p->rules[i]);
    for (uint32_t i = 0; i < p->n_profiles; i++) {
        t->at = p->profiles[i].group;
        walk_window(t, &p->windows[p->profiles[i].window]);
        for (uint32_t k = 0; k < p->profiles[i].n_members; k++)
            walk(t, p->profiles[i].member[k]);
    }
    for (uint32_t i = 0; i < p->n_features; i++) {
        t->at = p->features[i].group;
        walk(t, p->features[i].value);
        if (p->features[i].kind == PLAN_FEATURE_SEEN)
            walk_atoms(t, &p->features[i].atom, 1);
        if (p->streams[p->features[i].stream].of_rules)
            join(t, t->at, p->n_groups);
    }
    for (uint32_t i = 0; i < p->n_groups; i++) {
        t->at = i;
        for (uint32_t k = 0; k < p->n_streams * p->groups[i].n_parts; k++)
            walk(t, p->groups[i].key_expr[k]);
    }
}

/* A set that was whole before stays where most of what it knows is: where its first group was. */
static uint32_t home_before(const nfa_engine *engine, uint32_t group, const nfa_engine *before)
{
    const plan *p = engine->plan;
    if (before == NULL || before->home == NULL)
        return NFA_SPLIT;
    uint32_t was = nfa_group_before(engine, group, before);
    return group == p->n_groups ? (before->told_tied ? before->home[was] : NFA_SPLIT) : was != NFA_NONE ? before->home[was] : NFA_SPLIT;
}

static uint32_t least_loaded(const uint32_t *load, uint32_t n)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < n; i++)
        least = load[i] < load[least] ? i : least;
    return least;
}

/* Sets that are new go where the fewest are, so that they go round the shards. */
static void settle_homes(nfa_engine *engine, const ties *t, const nfa_engine *before, uint32_t n)
{
    uint32_t load[NFA_MAX_SHARDS] = {0}, n_groups = engine->plan->n_groups;
    for (uint32_t i = 0; i <= n_groups; i++)
        engine->home[i] = NFA_SPLIT;
    for (uint32_t i = 0; i <= n_groups; i++) {
        uint32_t root = root_of(t, i), was = t->whole[root] ? home_before(engine, i, before) : NFA_SPLIT;
        if (was != NFA_SPLIT && engine->home[root] == NFA_SPLIT) {
            engine->home[root] = was;
            load[was]++;
        }
    }
    for (uint32_t i = 0; i <= n_groups; i++) {
        uint32_t root = root_of(t, i);
        if (t->whole[root] && engine->home[root] == NFA_SPLIT) {
            engine->home[root] = least_loaded(load, n);
            load[engine->home[root]]++;
        }
        engine->home[i] = engine->home[root];
        engine->tied[i] = root;
    }
    engine->told_tied = t->whole[root_of(t, n_groups)];
}

bool nfa_engine_share(nfa_engine *engine, uint32_t shard, uint32_t n, const nfa_engine *before)
{
    const plan *p = engine->plan;
    ties t = {.plan = p};
    t.parent = egret_arena_alloc(&engine->scratch, (p->n_groups + 1) * sizeof *t.parent);
    t.whole = egret_arena_alloc(&engine->scratch, (p->n_groups + 1) * sizeof *t.whole);
    engine->home = egret_arena_alloc(&engine->keep, (p->n_groups + 1) * sizeof *engine->home);
    engine->tied = egret_arena_alloc(&engine->keep, (p->n_groups + 1) * sizeof *engine->tied);
    if (t.parent == NULL || t.whole == NULL || engine->keep.failed)
        return false;
    for (uint32_t i = 0; i <= p->n_groups; i++)
        t.parent[i] = i;
    walk_all(&t);
    engine->shard = shard;
    engine->n_shards = n;
    settle_homes(engine, &t, before, n);
    return true;
}

bool nfa_engine_homes(nfa_engine *engine, const uint32_t *home)
{
    uint32_t n_groups = engine->plan->n_groups;
    for (uint32_t i = 0; i <= n_groups; i++) {
        if ((home[i] == NFA_SPLIT) != (engine->home[i] == NFA_SPLIT) || (home[i] != NFA_SPLIT && home[i] >= engine->n_shards))
            return false;
        for (uint32_t k = 0; k < i; k++)        /* what is tied stays together */
            if (engine->home[i] != NFA_SPLIT && engine->tied[i] == engine->tied[k] && home[i] != home[k])
                return false;
    }
    memcpy(engine->home, home, (n_groups + 1) * sizeof *home);
    return true;
}

uint32_t nfa_group_before(const nfa_engine *engine, uint32_t group, const nfa_engine *before)
{
    if (group == engine->plan->n_groups)
        return before->plan->n_groups;
    uint32_t id = engine->group_id[group], i = 0;
    while (i < before->plan->n_groups && before->group_id[i] != id)
        i++;
    return i < before->plan->n_groups ? i : NFA_NONE;
}

static bool has_key(const plan *p, uint32_t group, uint32_t stream)
{
    const plan_group *g = &p->groups[group];
    return g->n_parts == 0 || g->key_expr[(size_t)stream * g->n_parts] != PLAN_NONE;
}

bool nfa_concerns_any(nfa_engine *engine, const nfa_event *event)
{
    for (uint32_t i = 0; i < engine->plan->n_groups; i++) {
        if (nfa_is_elsewhere(engine, i) || !has_key(engine->plan, i, event->stream))
            continue;
        if (engine->home[i] != NFA_SPLIT || !nfa_key_of(engine, i, event)->foreign)
            return true;
    }
    return false;
}

uint32_t nfa_owner_among(uint32_t home, uint32_t n, const void *key, size_t len)
{
    return home != NFA_SPLIT ? home : (uint32_t)((XXH3_64bits(len > 0 ? key : "", len) >> 32) * n >> 32);
}

uint32_t nfa_owner_of(const nfa_engine *engine, uint32_t group, const void *key, size_t len)
{
    return nfa_owner_among(engine->home[group], engine->n_shards, key, len);
}
