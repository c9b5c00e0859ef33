/*
 * owner.c: which shard owns which keys; see shards.h.
 *
 * Groups are joined (union-find) where a rule or profile of one looks at another: then all of them must be in one engine. A group alone, none of
 * whose rules asks for other keys than that of the event, is split by key. All that tells or is told by rules is one set, as what is told is evaluated
 * in the order of telling.
 * Who looks at whom says looks.c.
 */
#include "nfa/looks.h"
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

/* What the rule or profile at hand looks at. */
static void see(void *user, nfa_look look, uint32_t number)
{
    ties *t = user;
    const plan *p = t->plan;
    switch (look) {
    case NFA_LOOK_PROFILE: join(t, t->at, p->profiles[number].group); break;
    case NFA_LOOK_FEATURE: join(t, t->at, p->features[number].group); break;
    case NFA_LOOK_OPEN: join(t, t->at, p->rules[number].group); break;
    case NFA_LOOK_TOLD: join(t, t->at, p->n_groups); break;
    case NFA_LOOK_OTHER_KEY: t->whole[root_of(t, t->at)] = true; break;
    }
}

static void walk_rule(ties *t, const nfa_looks *looks, uint32_t number)
{
    const plan_rule *r = &t->plan->rules[number];
    t->at = r->group;
    if (r->kind == PLAN_THRESHOLD)
        join(t, t->at, t->plan->windows[r->threshold.window].group);
    nfa_looks_of_rule(looks, number);
    if (r->told != PLAN_NONE || r->told_alert != PLAN_NONE)
        join(t, t->at, t->plan->n_groups);
}

static void walk_all(ties *t)
{
    const plan *p = t->plan;
    const nfa_looks looks = {.plan = p, .see = see, .user = t};
    for (uint32_t i = 0; i < p->n_rules; i++)
        walk_rule(t, &looks, i);
    for (uint32_t i = 0; i < p->n_profiles; i++) {
        t->at = p->profiles[i].group;
        join(t, t->at, p->windows[p->profiles[i].window].group);
        nfa_looks_of_profile(&looks, i);
    }
    for (uint32_t i = 0; i < p->n_features; i++) {
        t->at = p->features[i].group;
        nfa_looks_of_feature(&looks, i);
    }
    for (uint32_t i = 0; i < p->n_groups; i++) {
        t->at = i;
        nfa_looks_of_group(&looks, i);
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
