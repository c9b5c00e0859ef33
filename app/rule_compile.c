/*
 * rule_compile.c: from files to a plan; see rule_set.h.
 *
 * A set that is a copy of another compiles what is other in it, if that is a few rules; else, and where the compiler says that it is not so simple, all
 * of it. Which of the two was done cannot be seen.
 */
#include "app/page_pool.h"
#include "app/recovery.h"
#include "app/rule_set.h"
#include "compiler/revise.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    MOST_CHANGES = 64,          /* rules that are other; with more of them all is compiled */
    MOST_GROUNDS = 4096,
    MOST_KEPT = 32 << 20        /* bytes, by which plans made one after the other may be larger than one that is made at once */
};

/* ---- what comes of a plan ---- */

/* What was set from outside holds, whatever the rule says. */
static void set_modes(rule_set *set, const plan *p)
{
    for (size_t i = 0; i < set->n_modes; i++)
        for (uint32_t k = 0; k < p->n_rules; k++)
            if (egret_str_is(p->rules[k].name, set->modes[i].rule)) p->rules[k].mode = set->modes[i].mode;
}

/* Definitions, and all that is written: other words of an alert are other rules, too. */
static uint64_t fingerprint(const rule_set *set)
{
    const plan *p = set->plan;
    uint64_t hash = 1;
    for (size_t i = 0; i < set->n_files; i++) {
        const rule_file *file = set->files[i];
        hash = XXH3_64bits_withSeed(file->path, strlen(file->path) + 1, hash);
        hash = XXH3_64bits_withSeed(file->hash, sizeof file->hash, hash);
    }
    for (uint32_t i = 0; i < p->n_streams; i++) hash = XXH3_64bits_withSeed(&set->layouts[i], sizeof set->layouts[i], hash);
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const plan_rule *rule = &p->rules[i];
        const uint64_t of[] = {rule->hash, rule->life_hash, (uint64_t)rule->mode};
        hash = XXH3_64bits_withSeed(of, sizeof of, hash);
    }
    for (uint32_t i = 0; i < p->n_profiles; i++) {
        const uint64_t window = p->windows[p->profiles[i].window].hash;
        hash = XXH3_64bits_withSeed(&window, sizeof window, hash);
    }
    return hash ? hash : 1;
}

static bool name_layouts(rule_set *set)
{
    const plan *p = set->plan;
    set->layouts = calloc((size_t)p->n_streams + 1, sizeof *set->layouts);
    set->arena.failed = set->arena.failed || !set->layouts;
    if (set->arena.failed) return false;
    for (uint32_t i = 0; i < p->n_streams; i++) set->layouts[i] = recovery_layout(&p->streams[i]);
    set->fingerprint = fingerprint(set);
    return true;
}

/* ---- trees ---- */

/* Sources by number: files that were parsed have theirs, the others get those that are free. NULL: no memory. */
static egret_source *number_sources(rule_set *set, uint32_t *numbers, uint32_t *n)
{
    size_t cap = set->n_files + 1;
    for (size_t i = 0; i < set->n_files; i++)
        if (set->files[i]->parsed && set->files[i]->number >= cap) cap = (size_t)set->files[i]->number + 1;
    egret_source *sources = egret_arena_alloc(&set->arena, cap * sizeof *sources);
    if (!sources) return NULL;
    for (size_t i = 0; i < set->n_files; i++)
        if (set->files[i]->parsed) sources[set->files[i]->number].name = set->files[i]->path;
    for (uint32_t i = 0, next = 0; i < set->n_files; i++) {
        const rule_file *file = set->files[i];
        if (file->is_content) continue;
        while (!file->parsed && sources[next].name) next++;
        numbers[i] = file->parsed ? file->number : next;
        sources[numbers[i]] = (egret_source){file->path, file->text, file->len < UINT32_MAX ? (uint32_t)file->len : UINT32_MAX};
        *n = numbers[i] >= *n ? numbers[i] + 1 : *n;
    }
    for (uint32_t i = 0; i < *n; i++)
        if (!sources[i].name) sources[i] = (egret_source){"", "", 0};
    return sources;
}

/* The tree of all files. Nodes are shared but for the declarations themselves, which are linked to those of the next file. */
static void gather_tree(rule_set *set, egret_arena *arena)
{
    for (size_t i = 0; i < set->n_files && !set->arena.failed; i++) {
        if (set->files[i]->is_content) continue;
        egret_diags_add_all(&set->diags, &set->files[i]->said);
        for (const ast_decl *decl = set->files[i]->tree.decls; decl && !set->arena.failed; decl = decl->next) {
            ast_decl *copy = egret_arena_alloc(arena, sizeof *copy);
            if (!copy) {
                set->arena.failed = true;
                return;
            }
            *copy = *decl;
            copy->next = NULL;
            *set->tree.tail = copy;
            set->tree.tail = &copy->next;
        }
    }
}

static void parse_files(rule_set *set)
{
    uint32_t n = 0, *numbers = egret_arena_alloc(&set->arena, (set->n_files + 1) * sizeof *numbers);
    const egret_source *sources = numbers ? number_sources(set, numbers, &n) : NULL;
    if (!sources) return;
    egret_diags_set_sources(&set->diags, sources, n);
    for (size_t i = 0; i < set->n_files && !set->arena.failed; i++)
        if (!set->files[i]->is_content && !set->files[i]->parsed && !rule_file_parse(set->files[i], &set->diags, numbers[i])) set->arena.failed = true;
}

/* As it was before anything was compiled, with the trees of all files. true: they have no errors. */
static bool begin(rule_set *set, egret_arena *tree)
{
    egret_diags_init(&set->diags, &rule_grounds_own(&set->grounds)->arena);
    ast_file_init(&set->tree);
    set->diags.contents_given = true;
    for (size_t i = 0; i < set->n_files; i++)
        if (set->files[i]->is_content) egret_diags_add_content(&set->diags, set->files[i]->path, set->files[i]->text, set->files[i]->len);
    parse_files(set);
    if (!set->arena.failed) gather_tree(set, tree);
    set->n_parsed = set->diags.n_kept;
    return set->diags.n_errors == 0 && !set->arena.failed;
}

static bool begin_grounds(rule_set *set, const rule_grounds *before)
{
    rule_grounds_drop(&set->grounds);
    bool fine = rule_grounds_make(&set->grounds, before);
    set->arena.failed = set->arena.failed || !fine;
    return fine;
}

/* ---- a few rules ---- */

typedef struct revision {
    rule_set *set;
    const rule_set *base;
    const ast_decl **was, **is; /* of rules in files that are not the same, by name */
    size_t n_was, n_is, cap_was, cap_is;
    const ast_decl **others_were, **others;     /* what is no rule, in order */
    size_t n_others_were, n_others, cap_others_were, cap_others;
    plan_change *changes;
    uint32_t n_changes, n_new;  /* with a text of its own */
} revision;

static bool add_to(revision *r, const ast_decl ***list, size_t *n, size_t *cap, const ast_decl *decl)
{
    if (*n == *cap) {
        size_t wanted = *cap ? *cap * 2 : 16;
        const ast_decl **grown = egret_arena_alloc(&r->set->arena, wanted * sizeof(ast_decl *));
        if (!grown) return false;
        if (*n > 0) memcpy(grown, *list, *n * sizeof(ast_decl *));
        *list = grown;
        *cap = wanted;
    }
    (*list)[(*n)++] = decl;
    return true;
}

static bool add_declarations(revision *r, const rule_file *file, bool before)
{
    bool fine = !file->is_content;
    for (const ast_decl *decl = file->tree.decls; decl && fine; decl = decl->next) {
        if (decl->kind == AST_RULE) fine = before ? add_to(r, &r->was, &r->n_was, &r->cap_was, decl) : add_to(r, &r->is, &r->n_is, &r->cap_is, decl);
        else fine = before ? add_to(r, &r->others_were, &r->n_others_were, &r->cap_others_were, decl) : add_to(r, &r->others, &r->n_others, &r->cap_others, decl);
    }
    return fine;
}

/* What the checker said about that source would have to move with its lines. */
static bool is_spoken_of(const rule_set *set, uint32_t source)
{
    uint32_t i = 0;
    for (const egret_diag *said = set->diags.first; said; said = said->next, i++)
        if (i >= set->n_parsed && (said->span.source == source || (said->note && said->note_span.source == source))) return true;
    return false;
}

/* Files that only one of the sets has. false: it is not so simple. */
static bool find_files(revision *r)
{
    const rule_set *a = r->base, *b = r->set;
    size_t i = 0, k = 0;
    bool fine = true;
    while (fine && (i < a->n_files || k < b->n_files)) {
        int order = i == a->n_files ? 1 : k == b->n_files ? -1 : strcmp(a->files[i]->path, b->files[k]->path);
        bool same = order == 0 && a->files[i] == b->files[k];
        if (!same && order <= 0) fine = a->files[i]->parsed && !is_spoken_of(a, a->files[i]->number) && add_declarations(r, a->files[i], true);
        if (!same && order >= 0) fine = fine && add_declarations(r, b->files[k], false) && rule_grounds_keep(&r->set->grounds, b->files[k]);
        i += order <= 0;
        k += order >= 0;
    }
    return fine;
}

static int by_name(const void *a, const void *b)
{
    const ast_decl *const *x = a, *const *y = b;
    return egret_str_cmp((*x)->name.str, (*y)->name.str);
}

static egret_str text_of(const rule_set *set, const ast_decl *decl)
{
    return (egret_str){set->diags.sources[decl->span.source].text + decl->span.start, decl->span.end - decl->span.start};
}

static bool is_same(const revision *r, const ast_decl *was, const ast_decl *is)
{
    return was->kind == is->kind && egret_str_eq(text_of(r->base, was), text_of(r->set, is));
}

/* Everything but rules must be as it was. */
static bool others_are_same(const revision *r)
{
    bool same = r->n_others == r->n_others_were;
    for (size_t i = 0; i < r->n_others && same; i++) same = is_same(r, r->others_were[i], r->others[i]);
    return same;
}

/* Two lists by name, side by side. false: a rule is gone, or stands there twice. */
static bool compare(revision *r)
{
    if (r->n_was > 1) qsort(r->was, r->n_was, sizeof(ast_decl *), by_name);
    if (r->n_is > 1) qsort(r->is, r->n_is, sizeof(ast_decl *), by_name);
    r->changes = egret_arena_alloc(&r->set->arena, (r->n_is + 1) * sizeof *r->changes);
    size_t at = 0;
    for (size_t i = 0; i < r->n_is && r->changes; i++) {
        bool there = at < r->n_was && egret_str_eq(r->was[at]->name.str, r->is[i]->name.str);
        plan_change change = {there ? r->was[at] : NULL, r->is[i], there && is_same(r, r->was[at], r->is[i])};
        r->changes[r->n_changes++] = change;
        r->n_new += !change.moved;
        at += there;
    }
    return r->changes && at == r->n_was && r->n_new <= MOST_CHANGES;
}

/* What the checker said before of what is as it was. */
static void say_again(rule_set *set, const rule_set *base)
{
    uint32_t i = 0;
    egret_diags again = {0};
    for (const egret_diag *said = base->diags.first; said; said = said->next, i++) {
        if (i < base->n_parsed) continue;
        egret_diag one = *said;
        one.next = NULL;
        again.first = &one;
        again.n_warnings = 1;
        egret_diags_add_all(&set->diags, &again);
    }
}

/* false: all is to be compiled, or there is no memory. */
static bool revise(rule_set *set, const rule_set *base)
{
    revision r = {.set = set, .base = base};
    if (base->diags.n_kept < base->diags.n_warnings || base->grounds.n >= MOST_GROUNDS || base->grounds.bytes > MOST_KEPT) return false;
    if (!begin_grounds(set, &base->grounds) || !begin(set, &set->arena) || !find_files(&r) || !others_are_same(&r) || !compare(&r)) return false;
    say_again(set, base);
    set->plan = egret_plan_revise(&set->diags, &set->arena, base->plan, r.changes, r.n_changes);
    if (set->plan) rule_grounds_count(&set->grounds);
    return set->plan != NULL;
}

/* ---- all ---- */

static bool compile_all(rule_set *set)
{
    if (!begin_grounds(set, NULL)) return false;
    rule_ground *own = rule_grounds_own(&set->grounds);
    bool fine = begin(set, &own->arena);
    for (size_t i = 0; i < set->n_files && fine; i++) fine = rule_grounds_keep(&set->grounds, set->files[i]);
    const plan *p = fine ? egret_plan_make(&set->diags, &set->tree, true) : NULL;
    set->arena.failed = set->arena.failed || own->arena.failed;
    if (set->diags.n_errors > 0 || !p || set->arena.failed) return false;
    set->plan = p;
    return true;
}

bool rule_set_compile(rule_set *set)
{
    rule_set *base = set->base;
    set->base = NULL;
    bool fine = (base && revise(set, base)) || (!set->arena.failed && compile_all(set));
    rule_set_drop(base);
    if (!fine) return false;
    set->compiled_changes = set->changes.len;
    set_modes(set, set->plan);
    return name_layouts(set);
}
