/*
 * check.c: the checker's frame: names of declarations, memory, and the order in which things are checked.
 *
 * Streams come first, then lists and tables, then profiles (which rules read), then rules, then tests (which read the alerts of rules).
 * Content of lists is read last: the type of a list's items is what the rules compare them with.
 */
#include "compiler/zone.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

void *check_alloc(check *c, size_t size)
{
    void *p = egret_arena_alloc(c->arena, size == 0 ? 1 : size);
    if (p == NULL)
        longjmp(c->no_memory, CHECK_NO_MEMORY);
    return p;
}

/* Capacity follows from the count: 8, 16, 32 … */
void *check_grow(check *c, void *items, uint32_t n, size_t size)
{
    if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
        return items;
    size_t capacity = n == 0 ? 8 : (size_t)n * 2;
    void *grown = check_alloc(c, capacity * size);
    if (n != 0)
        memcpy(grown, items, n * size);
    return grown;
}

/* ---- what is needed ---- */

void check_touch(check *c, touch_kind kind, uint32_t a, uint32_t b)
{
    symbol *at = c->at;
    for (uint32_t i = 0; at != NULL && i < at->n_touched; i++)
        if (at->touched[i].kind == kind && at->touched[i].a == a && at->touched[i].b == b)
            return;
    if (at == NULL)
        return;
    at->touched = check_grow(c, at->touched, at->n_touched, sizeof *at->touched);
    at->touched[at->n_touched++] = (touched){ kind, a, b };
}

_Noreturn void check_not_simple(check *c)
{
    longjmp(c->no_memory, CHECK_NOT_SIMPLE);
}

/* ---- names of declarations ---- */

static bool space_of(ast_decl_kind kind, name_space *space)
{
    switch (kind) {
    case AST_STREAM:
    case AST_RULE: *space = SPACE_STREAM; return true;
    case AST_LIST:
    case AST_TABLE:
    case AST_CALENDAR:
    case AST_PROFILE:
    case AST_DEFINE: *space = SPACE_VALUE; return true;
    case AST_SOURCE: *space = SPACE_SOURCE; return true;
    case AST_SINK: *space = SPACE_SINK; return true;
    case AST_TEST: break;
    }
    return false;
}

symbol *check_find(check *c, name_space space, egret_str name)
{
    uint32_t cursor = PLAN_NONE, id;
    uint64_t hash = hash_str(space, name);
    while ((id = id_map_find(&c->symbol_map, hash, &cursor)) != PLAN_NONE)
        if (c->symbols[id].space == space && egret_str_eq(c->symbols[id].decl->name.str, name))
            return &c->symbols[id];
    return NULL;
}

symbol *check_find_kind(check *c, ast_decl_kind kind, egret_str name)
{
    name_space space;
    symbol *found = space_of(kind, &space) ? check_find(c, space, name) : NULL;
    return found != NULL && found->decl->kind == kind ? found : NULL;
}

static const char *kind_name(ast_decl_kind kind)
{
    static const char *const NAMES[] = { "stream", "source", "sink", "list", "table", "calendar", "profile", "define", "rule", "test" };
    return NAMES[kind];
}

static void declare(check *c, const ast_decl *decl, uint32_t *counts)
{
    name_space space;
    if (!space_of(decl->kind, &space))
        return;
    const symbol *other = check_find(c, space, decl->name.str);
    if (other != NULL) {
        egret_diag *diag = check_error(c, 304, decl->name.span, "'%.*s' is declared twice", (int)decl->name.str.len, decl->name.str.ptr);
        check_note(c, diag, other->decl->name.span, "the first one, a %s", kind_name(other->decl->kind));
        return;
    }
    if (space == SPACE_STREAM && egret_str_is(decl->name.str, "alert"))
        check_error(c, 304, decl->name.span, "'alert' is the stream of all alerts and cannot be declared");
    c->symbols = check_grow(c, c->symbols, c->n_symbols, sizeof *c->symbols);
    c->symbols[c->n_symbols] = (symbol){ .decl = decl, .space = space, .index = counts[decl->kind]++, .stream = PLAN_NONE };
    id_map_put(c, &c->symbol_map, hash_str(space, decl->name.str), c->n_symbols++);
}

static void declare_all(check *c)
{
    uint32_t counts[AST_TEST + 1] = { 0 };
    for (const ast_decl *decl = c->file->decls; decl != NULL; decl = decl->next)
        declare(c, decl, counts);
    plan *p = c->plan;
    p->n_streams = counts[AST_STREAM];
    check_levels(c);
    p->streams = check_alloc(c, p->n_streams * sizeof *p->streams);
    p->n_lists = counts[AST_LIST];
    p->lists = check_alloc(c, p->n_lists * sizeof *p->lists);
    p->n_tables = counts[AST_TABLE];
    p->tables = check_alloc(c, p->n_tables * sizeof *p->tables);
    p->n_profiles = counts[AST_PROFILE];
    p->profiles = check_alloc(c, p->n_profiles * sizeof *p->profiles);
    p->n_sources = counts[AST_SOURCE];
    p->sources = check_alloc(c, p->n_sources * sizeof *p->sources);
    p->n_sinks = counts[AST_SINK];
    p->sinks = check_alloc(c, p->n_sinks * sizeof *p->sinks);
}

/* Rules in the order in which they are evaluated. Who asks about a rule then knows it by its new number. */
static void sort_rules(check *c)
{
    plan *p = c->plan;
    uint32_t *moved = check_alloc(c, p->n_rules * sizeof *moved);
    for (uint32_t i = 0; i < p->n_rules; i++)
        p->rules[i].made = i;
    if (p->n_rules > 1)
        qsort(p->rules, p->n_rules, sizeof *p->rules, order_rules);
    for (uint32_t i = 0; i < p->n_rules; i++)
        moved[p->rules[i].made] = i;
    for (uint32_t i = 0; i < p->n_exprs; i++)
        if (p->exprs[i].op == PLAN_OPEN)
            p->exprs[i].a = moved[p->exprs[i].a];
}

static void check_all(check *c, bool load_content)
{
    declare_all(c);
    check_streams(c);
    check_contents(c);
    check_defines(c);
    check_rules(c);
    check_edges(c);
    content_types(c);
    check_tests(c);
    if (c->diags->n_errors != 0)
        return;
    if (load_content)
        content_load(c);
    zone_gather(c);
    sort_rules(c);
    order_slots(c);
    plan_hash(c);
    order_groups(c);
}

const plan *egret_plan_make(egret_diags *diags, const ast_file *file, bool load_content)
{
    /* The parser leaves holes in the tree of a text with errors. */
    if (diags->n_errors != 0 || diags->arena->failed)
        return NULL;
    check *c = egret_arena_alloc(diags->arena, sizeof *c);
    if (c == NULL)
        return NULL;
    c->diags = diags;
    c->arena = diags->arena;
    c->file = file;
    c->alert_stream = PLAN_NONE;
    if (setjmp(c->no_memory) != 0)
        return NULL;
    c->plan = check_alloc(c, sizeof *c->plan);
    c->plan->made_by = c;
    check_all(c, load_content);
    return diags->n_errors == 0 && !diags->arena->failed ? c->plan : NULL;
}
