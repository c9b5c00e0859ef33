/*
 * revise.c: see revise.h.
 */
#include "compiler/revise.h"

#include "compiler/check.h"

#include <string.h>

/* Of the rules that were replaced, so many (and a quarter of all) may have left something in the plan: guards, constants. */
enum { MOST_REPLACED = 64 };

/* ---- the copy ---- */

static void *copy_of(egret_arena *bulk, check *c, const void *items, size_t n, size_t size)
{
    size_t capacity = 8;        /* as check_grow has it */
    while (capacity < n)
        capacity *= 2;
    void *copy = egret_arena_alloc(bulk, capacity * size);
    if (copy == NULL)
        longjmp(c->no_memory, CHECK_NO_MEMORY);
    if (n > 0)
        memcpy(copy, items, n * size);
    return n > 0 ? copy : NULL;
}

#define COPY(items, n) ((items) = copy_of(bulk, c, (items), (n), sizeof *(items)))

/* What the compile of all found stays where it is; what was found since is little. */
static void copy_map(egret_arena *bulk, check *c, id_map *map, const check *then, const id_map *before)
{
    if (!then->revising) {
        *map = (id_map){ .below = before };
    } else if (map->capacity > 0) {
        COPY(map->hashes, map->capacity);
        COPY(map->ids, map->capacity);
    }
}

static void copy_all(check *c, egret_arena *bulk, const check *then)
{
    plan *p = copy_of(bulk, c, then->plan, 1, sizeof *p);
    c->plan = p;
    p->made_by = c;
    COPY(p->exprs, p->n_exprs);
    COPY(c->weight, p->n_exprs);
    COPY(c->height, p->n_exprs);
    COPY(p->args, p->n_args);
    COPY(p->consts, p->n_consts);
    COPY(p->sets, p->n_sets);
    COPY(p->regexes, p->n_regexes);
    COPY(p->groups, p->n_groups);
    COPY(p->guards, p->n_guards);
    COPY(p->windows, p->n_windows);
    COPY(p->profiles, p->n_profiles);
    COPY(p->features, p->n_features);
    COPY(p->rules, p->n_rules);
    COPY(c->symbols, c->n_symbols);
    copy_map(bulk, c, &c->exprs, then, &then->exprs);
    copy_map(bulk, c, &c->consts, then, &then->consts);
    copy_map(bulk, c, &c->sets, then, &then->sets);
    copy_map(bulk, c, &c->regexes, then, &then->regexes);
    copy_map(bulk, c, &c->guards, then, &then->guards);
    copy_map(bulk, c, &c->groups, then, &then->groups);
    copy_map(bulk, c, &c->features, then, &then->features);
    copy_map(bulk, c, &c->symbol_map, then, &then->symbol_map);
    for (uint32_t i = 0; i < p->n_rules; i++)
        p->rules[i].mode = p->rules[i].written_mode;
}

/* ---- the rule before ---- */

/* Where rules of level 0 with that name stand, or would; *n: how many there are. */
static uint32_t place_of(const plan *p, egret_str name, uint32_t *n)
{
    const plan_rule wanted = { .name = name };
    uint32_t low = 0, high = p->n_rules;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (order_rules(&p->rules[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *n = 0;
    while (low + *n < p->n_rules && p->rules[low + *n].level == 0 && egret_str_eq(p->rules[low + *n].name, name))
        ++*n;
    return low;
}

static void move_rule(check *c, const plan_change *change)
{
    plan *p = c->plan;
    symbol *found = check_find_kind(c, AST_RULE, change->is->name.str);
    if (found == NULL)
        check_not_simple(c);
    found->decl = change->is;
    uint32_t n, at = place_of(p, change->is->name.str, &n);
    for (uint32_t i = 0; i < n; i++)
        p->rules[at + i].span = change->is->span;
    for (uint32_t i = 0; n == 0 && i < p->n_rules; i++)
        if (egret_str_eq(p->rules[i].name, change->is->name.str))
            p->rules[i].span = change->is->span;
}

static bool is_tested(const plan *p, egret_str rule)
{
    for (uint32_t i = 0; i < p->n_tests; i++)
        if (egret_str_eq(p->tests[i].rule, rule))
            return true;
    return false;
}

/* Its windows are free for those of the rule that replaces it. */
static void free_windows(check *c, egret_str name)
{
    const plan *p = c->plan;
    uint32_t n, at = place_of(p, name, &n);
    for (uint32_t i = n; i-- > 0;) {    /* taken from behind */
        if (p->rules[at + i].kind != PLAN_THRESHOLD)
            continue;
        c->free_windows = check_grow(c, c->free_windows, c->n_free_windows, sizeof *c->free_windows);
        c->free_windows[c->n_free_windows++] = p->rules[at + i].threshold.window;
    }
}

/* ---- what nobody needs any more ---- */

static bool needs(const symbol *s, const touched *what)
{
    for (uint32_t i = 0; i < s->n_touched; i++)
        if (s->touched[i].kind == what->kind && s->touched[i].a == what->a && s->touched[i].b == what->b)
            return true;
    return false;
}

static void look_for_use(check *c, const touched *needed, uint32_t n, const symbol *by)
{
    for (uint32_t i = 0; i < n; i++) {
        bool used = needs(by, &needed[i]);
        for (uint32_t k = 0; k < c->n_symbols && !used; k++)
            used = needs(&c->symbols[k], &needed[i]);
        if (!used)
            check_not_simple(c);
    }
}

static void look_for_groups(check *c)
{
    const plan *p = c->plan;
    bool *used = check_alloc(c, p->n_groups * sizeof *used);
    for (uint32_t i = 0; i < p->n_rules; i++)
        used[p->rules[i].group] = true;
    for (uint32_t i = 0; i < p->n_profiles; i++)
        used[p->profiles[i].group] = true;
    for (uint32_t i = 0; i < p->n_features; i++)
        used[p->features[i].group] = true;
    for (uint32_t i = 0; i < p->n_groups; i++)
        if (!used[i])
            check_not_simple(c);
}

/* ---- one rule ---- */

static symbol *declare_rule(check *c, const ast_decl *decl)
{
    if (check_find(c, SPACE_STREAM, decl->name.str) != NULL || egret_str_is(decl->name.str, "alert"))
        check_not_simple(c);
    c->symbols = check_grow(c, c->symbols, c->n_symbols, sizeof *c->symbols);
    c->symbols[c->n_symbols] = (symbol){ .decl = decl, .space = SPACE_STREAM, .stream = PLAN_NONE };
    id_map_put(c, &c->symbol_map, hash_str(SPACE_STREAM, decl->name.str), c->n_symbols);
    return &c->symbols[c->n_symbols++];
}

static symbol *replace_rule(check *c, const plan_change *change)
{
    symbol *found = check_find_kind(c, AST_RULE, change->was->name.str);
    if (found == NULL || found->level > 0 || found->stream != PLAN_NONE || found->opened || found->decl->u.rule.asks_before)
        check_not_simple(c);
    found->decl = change->is;
    found->state = SYMBOL_NEW;
    found->touched = NULL;
    found->n_touched = 0;
    c->n_replaced++;
    free_windows(c, change->is->name.str);
    return found;
}

/* Puts the rules behind n, which were lowered just now, into their places. */
static void settle_rules(check *c, uint32_t n, bool replaces)
{
    plan *p = c->plan;
    uint32_t n_made = p->n_rules - n, n_were;
    if (n_made == 0)
        check_not_simple(c);
    plan_rule *made = check_alloc(c, n_made * sizeof *made);
    memcpy(made, p->rules + n, n_made * sizeof *made);
    p->n_rules = n;
    uint32_t at = place_of(p, made->name, &n_were);
    if (n_were != (replaces ? n_made : 0) || made->level > 0)
        check_not_simple(c);
    if (!replaces) {
        memmove(p->rules + at + n_made, p->rules + at, (n - at) * sizeof *p->rules);
        p->n_rules += n_made;
        for (uint32_t i = 0; i < p->n_exprs; i++)
            if (p->exprs[i].op == PLAN_OPEN && p->exprs[i].a >= at)
                p->exprs[i].a += n_made;
    }
    memcpy(p->rules + at, made, n_made * sizeof *made);
}

static void revise_rule(check *c, egret_arena *bulk, const plan_change *change)
{
    plan *p = c->plan;
    uint32_t n_rules = p->n_rules, n_features = p->n_features, n_exprs = p->n_exprs, n_groups = p->n_groups;
    egret_arena *own = c->arena;
    if (is_tested(p, change->is->name.str) || change->is->u.rule.asks_before)
        check_not_simple(c);
    const symbol *before = change->was != NULL ? check_find_kind(c, AST_RULE, change->was->name.str) : NULL;
    symbol then = before != NULL ? *before : (symbol){ .decl = NULL };
    symbol *rule = change->was != NULL ? replace_rule(c, change) : declare_rule(c, change->is);
    c->arena = bulk;            /* this room is for the moment */
    bool alone = check_looks_at_none(c, (uint32_t)(rule - c->symbols));
    c->arena = own;
    if (!alone || c->alert_stream != PLAN_NONE)
        check_not_simple(c);
    check_rule(c, rule);
    if (c->diags->n_errors > 0 || c->n_free_windows > 0)
        check_not_simple(c);
    look_for_use(c, then.touched, then.n_touched, rule);
    for (uint32_t i = n_exprs; i < p->n_exprs; i++)
        if (p->exprs[i].op == PLAN_LOCAL && p->exprs[i].a == PLAN_NONE)
            check_not_simple(c);        /* zones it may meet are gathered when all is known */
    for (uint32_t i = n_groups; i < p->n_groups; i++)
        plan_hash_group(c, i);
    for (uint32_t i = n_features; i < p->n_features; i++)
        plan_hash_feature(c, i);
    for (uint32_t i = n_rules; i < p->n_rules; i++)
        plan_hash_rule(c, &p->rules[i]);
    settle_rules(c, n_rules, change->was != NULL);
}

static void revise_all(check *c, egret_arena *bulk, const plan_change *changes, uint32_t n)
{
    uint32_t n_groups = c->plan->n_groups;
    for (uint32_t i = 0; i < n; i++) {
        if (changes[i].moved)
            move_rule(c, &changes[i]);
        else
            revise_rule(c, bulk, &changes[i]);
    }
    if (c->n_replaced > c->plan->n_rules / 4 + MOST_REPLACED)
        check_not_simple(c);
    look_for_groups(c);
    if (c->plan->n_groups > n_groups)
        order_groups(c);
}

const plan *egret_plan_revise(egret_diags *diags, egret_arena *bulk, const plan *before, const plan_change *changes, uint32_t n)
{
    const check *then = before->made_by;
    check *c = diags->n_errors == 0 ? egret_arena_alloc(bulk, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    *c = *then;
    c->diags = diags;
    c->arena = diags->arena;
    c->file = NULL;
    c->revising = true;
    if (setjmp(c->no_memory) != 0) {
        diags->arena->failed = diags->arena->failed || bulk->failed;
        return NULL;
    }
    copy_all(c, bulk, then);
    revise_all(c, bulk, changes, n);
    return diags->arena->failed ? NULL : c->plan;
}
