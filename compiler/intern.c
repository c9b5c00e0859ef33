/*
 * intern.c: hash-consing. Equal constants, sets and expressions of all rules become one, so that a condition many rules share is
 * one guard and is evaluated once per event; and equality of conditions is equality of numbers.
 *
 * Every kind has a hash index of numbers; what is equal is decided by looking. Expressions are immutable once made, so a number
 * stands for the same thing for good. Fields are slots of a stream that the expression does not name, so an expression has a meaning
 * only together with the stream (or pattern, or window) it is asked for: guards carry it.
 */
#include "compiler/check.h"

#include <stdlib.h>
#include <string.h>

uint64_t hash_mix(uint64_t hash, uint64_t v)
{
    hash ^= v + UINT64_C(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
    hash ^= hash >> 30;
    hash *= UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 27;
    hash *= UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

uint64_t hash_str(uint64_t hash, egret_str str)
{
    hash = hash_mix(hash, str.len);
    for (uint32_t i = 0; i < str.len; i += 8) {
        uint64_t word = 0;
        uint32_t n = str.len - i < 8 ? str.len - i : 8;
        memcpy(&word, str.ptr + i, n);
        hash = hash_mix(hash, word);
    }
    return hash;
}

/* ---- the index ---- */

/* In one map, from its place `at` on. */
static uint32_t find_from(const id_map *map, uint64_t hash, uint32_t *at)
{
    uint32_t mask = map->capacity - 1;
    for (*at &= mask; map->capacity != 0 && map->ids[*at] != PLAN_NONE; *at = (*at + 1) & mask)
        if (map->hashes[*at] == hash)
            return map->ids[*at];
    return PLAN_NONE;
}

/* The cursor counts on through the places of the map below. */
uint32_t id_map_find(const id_map *map, uint64_t hash, uint32_t *cursor)
{
    uint32_t id = PLAN_NONE, at;
    if (*cursor == PLAN_NONE || *cursor < map->capacity) {
        at = *cursor == PLAN_NONE ? (uint32_t)hash : *cursor + 1;
        id = find_from(map, hash, &at);
        *cursor = at;
        if (id != PLAN_NONE || map->below == NULL)
            return id;
        at = (uint32_t)hash;
    } else {
        at = *cursor - map->capacity + 1;
    }
    if (map->below == NULL)
        return PLAN_NONE;
    id = find_from(map->below, hash, &at);
    *cursor = map->capacity + at;
    return id;
}

static void map_place(id_map *map, uint64_t hash, uint32_t id)
{
    uint32_t mask = map->capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (map->ids[at] != PLAN_NONE)
        at = (at + 1) & mask;
    map->ids[at] = id;
    map->hashes[at] = hash;
}

void id_map_put(check *c, id_map *map, uint64_t hash, uint32_t id)
{
    if (map->n * 2 >= map->capacity) {
        id_map old = *map;
        map->capacity = old.capacity == 0 ? 64 : old.capacity * 2;
        map->hashes = check_alloc(c, map->capacity * sizeof *map->hashes);
        map->ids = check_alloc(c, map->capacity * sizeof *map->ids);
        memset(map->ids, 0xff, map->capacity * sizeof *map->ids);
        for (uint32_t i = 0; i < old.capacity; i++)
            if (old.ids[i] != PLAN_NONE)
                map_place(map, old.hashes[i], old.ids[i]);
    }
    map_place(map, hash, id);
    map->n++;
}

/* ---- constants ---- */

static bool same_value(egret_value a, egret_value b)
{
    if (a.type != b.type || a.scale != b.scale || a.len != b.len)
        return false;
    if (a.type == EGRET_STRING)
        return a.len == 0 || memcmp(a.u.s, b.u.s, a.len) == 0;
    return memcmp(&a.u, &b.u, sizeof a.u) == 0;
}

static uint64_t hash_value(egret_value v)
{
    uint64_t hash = hash_mix(v.type, v.scale);
    if (v.type == EGRET_STRING)
        return hash_str(hash, (egret_str){ v.u.s, v.len });
    uint64_t bits;
    memcpy(&bits, &v.u, sizeof bits);
    return hash_mix(hash, bits);
}

uint32_t intern_const(check *c, egret_value v)
{
    uint64_t hash = hash_value(v);
    uint32_t cursor = PLAN_NONE, id;
    while ((id = id_map_find(&c->consts, hash, &cursor)) != PLAN_NONE)
        if (same_value(c->plan->consts[id], v))
            return id;
    id = c->plan->n_consts;
    c->plan->consts = check_grow(c, c->plan->consts, id, sizeof v);
    c->plan->consts[id] = v;
    c->plan->n_consts++;
    id_map_put(c, &c->consts, hash, id);
    return id;
}

static int order_values(const void *left, const void *right)
{
    const egret_value *a = left, *b = right;
    int order = 0;
    if (egret_value_compare(*a, *b, &order))
        return order;
    return a->type < b->type ? -1 : a->type > b->type;
}

uint32_t intern_set(check *c, egret_value *items, uint32_t n)
{
    qsort(items, n, sizeof *items, order_values);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || order_values(&items[kept - 1], &items[i]) != 0)
            items[kept++] = items[i];
    uint64_t hash = kept;
    for (uint32_t i = 0; i < kept; i++)
        hash = hash_mix(hash, hash_value(items[i]));
    uint32_t cursor = PLAN_NONE, id;
    while ((id = id_map_find(&c->sets, hash, &cursor)) != PLAN_NONE) {
        const plan_set *set = &c->plan->sets[id];
        uint32_t same = 0;
        while (set->n_items == kept && same < kept && same_value(set->items[same], items[same]))
            same++;
        if (same == kept && set->n_items == kept)
            return id;
    }
    id = c->plan->n_sets;
    c->plan->sets = check_grow(c, c->plan->sets, id, sizeof *c->plan->sets);
    c->plan->sets[id] = (plan_set){ .items = items, .n_items = kept };
    c->plan->n_sets++;
    id_map_put(c, &c->sets, hash, id);
    return id;
}

uint32_t intern_regex(check *c, egret_str pattern)
{
    uint64_t hash = hash_str(0, pattern);
    uint32_t cursor = PLAN_NONE, id;
    while ((id = id_map_find(&c->regexes, hash, &cursor)) != PLAN_NONE)
        if (egret_str_eq(c->plan->regexes[id].pattern, pattern))
            return id;
    id = c->plan->n_regexes;
    c->plan->regexes = check_grow(c, c->plan->regexes, id, sizeof *c->plan->regexes);
    c->plan->regexes[id].pattern = pattern;
    c->plan->n_regexes++;
    id_map_put(c, &c->regexes, hash, id);
    return id;
}

/* ---- expressions ---- */

static uint64_t hash_expr(const plan_expr *e, const uint32_t *args)
{
    uint64_t hash = hash_mix((uint64_t)e->op << 8 | e->type, (uint64_t)e->a << 32 | e->b);
    for (uint32_t i = 0; i < e->n_args; i++)
        hash = hash_mix(hash, args[i]);
    return hash;
}

static bool same_expr(const plan *p, uint32_t id, const plan_expr *e, const uint32_t *args)
{
    const plan_expr *o = &p->exprs[id];
    return o->op == e->op && o->type == e->type && o->a == e->a && o->b == e->b && o->n_args == e->n_args
           && (e->n_args == 0 || memcmp(p->args + o->args, args, e->n_args * sizeof *args) == 0);
}

static uint32_t add_args(check *c, const uint32_t *args, uint32_t n)
{
    plan *p = c->plan;
    uint32_t first = p->n_args;
    for (uint32_t i = 0; i < n; i++) {
        p->args = check_grow(c, p->args, p->n_args, sizeof *p->args);
        p->args[p->n_args++] = args[i];
    }
    return first;
}

uint32_t intern_expr(check *c, plan_expr e, const uint32_t *args, uint32_t n_args)
{
    plan *p = c->plan;
    e.n_args = n_args;
    uint64_t hash = hash_expr(&e, args);
    uint32_t cursor = PLAN_NONE, id;
    while ((id = id_map_find(&c->exprs, hash, &cursor)) != PLAN_NONE)
        if (same_expr(p, id, &e, args))
            return id;
    uint64_t weight = 1;
    uint32_t height = 0;
    for (uint32_t i = 0; i < n_args; i++) {
        e.uses |= p->exprs[args[i]].uses;
        weight += c->weight[args[i]];
        height = c->height[args[i]] > height ? c->height[args[i]] : height;
    }
    e.args = add_args(c, args, n_args);
    id = p->n_exprs;
    p->exprs = check_grow(c, p->exprs, id, sizeof *p->exprs);
    c->weight = check_grow(c, c->weight, id, sizeof *c->weight);
    c->height = check_grow(c, c->height, id, sizeof *c->height);
    c->height[id] = height + 1;
    p->exprs[id] = e;
    c->weight[id] = weight > UINT32_MAX ? UINT32_MAX : (uint32_t)weight;
    p->n_exprs++;
    id_map_put(c, &c->exprs, hash, id);
    return id;
}

void intern_expr_again(check *c, uint32_t expr)
{
    const plan_expr *e = &c->plan->exprs[expr];
    id_map_put(c, &c->exprs, hash_expr(e, e->n_args == 0 ? NULL : c->plan->args + e->args), expr);
}

uint32_t intern_leaf(check *c, plan_op op, egret_type type, uint32_t a, uint32_t b, uint8_t uses)
{
    return intern_expr(c, (plan_expr){ .op = (uint8_t)op, .type = (uint8_t)type, .uses = uses, .a = a, .b = b }, NULL, 0);
}

uint32_t intern_value(check *c, egret_value v)
{
    return intern_leaf(c, PLAN_CONST, (egret_type)v.type, intern_const(c, v), 0, 0);
}

uint32_t intern_unary(check *c, plan_op op, egret_type type, uint32_t arg)
{
    return intern_expr(c, (plan_expr){ .op = (uint8_t)op, .type = (uint8_t)type }, &arg, 1);
}

uint32_t intern_binary(check *c, plan_op op, egret_type type, uint32_t a, uint32_t b)
{
    return intern_expr(c, (plan_expr){ .op = (uint8_t)op, .type = (uint8_t)type }, (uint32_t[]){ a, b }, 2);
}

/* Equal ones are looked for among the first few hundred only: longer chains are made by machines. */
static void junction_add(check *c, uint32_t **list, uint32_t *n, uint32_t expr)
{
    for (uint32_t i = 0; i < *n && i < 256; i++)
        if ((*list)[i] == expr)
            return;
    *list = check_grow(c, *list, *n, sizeof **list);
    (*list)[(*n)++] = expr;
}

uint32_t intern_junction(check *c, plan_op op, const uint32_t *args, uint32_t n)
{
    uint32_t *list = NULL, n_list = 0;
    for (uint32_t i = 0; i < n; i++) {
        plan_expr e = c->plan->exprs[args[i]];
        if (e.op != op) {
            junction_add(c, &list, &n_list, args[i]);
            continue;
        }
        for (uint32_t k = 0; k < e.n_args; k++)
            junction_add(c, &list, &n_list, c->plan->args[e.args + k]);
    }
    if (n_list == 0)
        return intern_value(c, egret_bool(op == PLAN_AND));
    if (n_list == 1)
        return list[0];
    return intern_expr(c, (plan_expr){ .op = (uint8_t)op, .type = EGRET_BOOL }, list, n_list);
}

bool intern_is_const(const check *c, uint32_t expr, egret_value *out)
{
    const plan_expr *e = &c->plan->exprs[expr];
    if (e->op != PLAN_CONST)
        return false;
    *out = c->plan->consts[e->a];
    return true;
}
