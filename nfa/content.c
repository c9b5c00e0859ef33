/*
 * content.c: the data that conditions look into: lists, tables, constant sets, compiled regular expressions.
 *
 * A set of values is an open-addressing table by egret_value_hash. A table's rows are found through the same structure by the hash of
 * their key values. Replacing a list or table builds the new one first and swaps, so a failure leaves the old one whole.
 */
#include "nfa/shard.h"

#include <string.h>

typedef struct value_set {
    egret_arena arena;          /* owns the texts and arrays */
    egret_value *items;
    int64_t *until_ms;          /* per item; NULL: all are in it for ever */
    uint32_t n_items;
    uint32_t *table;            /* item + 1 by hash; 0: free */
    uint32_t mask;
} value_set;

struct nfa_rows {
    egret_arena arena;
    const plan_table *def;
    egret_value *cells;
    uint32_t n_rows;
    uint32_t *table;            /* row + 1 by hash of its key */
    uint32_t mask;
};

struct nfa_content {
    value_set *lists, *sets;
    nfa_rows *tables;
    nfa_regex **regexes;
};

static uint32_t table_size(uint32_t n)
{
    uint32_t size = 4;
    while (size < n * 2u) {
        size *= 2;
    }
    return size;
}

static bool copy_values(egret_arena *arena, egret_value **out, const egret_value *items, size_t n)
{
    *out = egret_arena_alloc(arena, (n + 1) * sizeof **out);
    for (size_t i = 0; *out != NULL && i < n; i++) {
        (*out)[i] = items[i];
        if (items[i].type == EGRET_STRING) {
            egret_str text = egret_arena_str(arena, items[i].u.s, items[i].len);
            (*out)[i].u.s = text.ptr;
        }
    }
    return !arena->failed;
}

static bool set_fill(egret_mem mem, value_set *set, const egret_value *items, const int64_t *until_ms, uint32_t n)
{
    value_set fresh = {.n_items = n, .mask = table_size(n) - 1};
    egret_arena_init(&fresh.arena, mem);
    fresh.table = egret_arena_alloc(&fresh.arena, ((size_t)fresh.mask + 1) * sizeof *fresh.table);
    if (fresh.table == NULL || !copy_values(&fresh.arena, &fresh.items, items, n)) {
        egret_arena_deinit(&fresh.arena);
        return false;
    }
    if (until_ms != NULL) {
        fresh.until_ms = egret_arena_alloc(&fresh.arena, (n + 1u) * sizeof *fresh.until_ms);
        if (fresh.until_ms == NULL) {
            egret_arena_deinit(&fresh.arena);
            return false;
        }
        memcpy(fresh.until_ms, until_ms, n * sizeof *until_ms);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)egret_value_hash(items[i]) & fresh.mask;
        while (fresh.table[at] != 0) {
            at = (at + 1) & fresh.mask;
        }
        fresh.table[at] = i + 1;
    }
    egret_arena_deinit(&set->arena);
    *set = fresh;
    return true;
}

/* An item may stand there several times, and end at several. */
static bool set_has(const value_set *set, egret_value v, int64_t now_ms)
{
    if (v.type == EGRET_NULL) {
        return false;
    }
    for (uint32_t at = (uint32_t)egret_value_hash(v) & set->mask; set->table[at] != 0; at = (at + 1) & set->mask) {
        uint32_t item = set->table[at] - 1;
        if (egret_value_equal(set->items[item], v) && (set->until_ms == NULL || now_ms <= set->until_ms[item])) {
            return true;
        }
    }
    return false;
}

static uint64_t mix(uint64_t seed, egret_value v)
{
    uint64_t h = seed * UINT64_C(0x9E3779B97F4A7C15) + egret_value_hash(v);
    return h ^ h >> 29;
}

/* Fills *rows, which holds nothing yet. */
static bool rows_make(egret_mem mem, const plan_table *def, nfa_rows *rows, const egret_value *cells, uint32_t n)
{
    *rows = (nfa_rows){.def = def, .n_rows = n, .mask = table_size(n) - 1};
    egret_arena_init(&rows->arena, mem);
    rows->table = egret_arena_alloc(&rows->arena, ((size_t)rows->mask + 1) * sizeof *rows->table);
    if (rows->table == NULL || !copy_values(&rows->arena, &rows->cells, cells, (size_t)n * def->n_columns)) {
        egret_arena_deinit(&rows->arena);
        return false;
    }
    for (uint32_t row = 0; row < n; row++) {
        uint64_t hash = 1;
        for (uint32_t k = 0; k < def->n_key; k++) {
            hash = mix(hash, rows->cells[(size_t)row * def->n_columns + def->key[k]]);
        }
        uint32_t at = (uint32_t)hash & rows->mask;
        while (rows->table[at] != 0) {
            at = (at + 1) & rows->mask;
        }
        rows->table[at] = row + 1;
    }
    return true;
}

static bool compile_regexes(nfa_engine *engine, nfa_content *content)
{
    const plan *p = engine->plan;
    for (uint32_t i = 0; i < p->n_regexes; i++) {
        const char *error = NULL;
        size_t at = 0;
        content->regexes[i] = nfa_regex_new(engine->mem, p->regexes[i].pattern.ptr, p->regexes[i].pattern.len, &error, &at);
        if (content->regexes[i] == NULL) {
            return false;   /* the checker compiled it before: this is want of memory */
        }
    }
    return true;
}

bool nfa_content_make(nfa_engine *engine)
{
    const plan *p = engine->plan;
    nfa_content *content = egret_arena_alloc(&engine->keep, sizeof *content);
    if (content == NULL) {
        return false;
    }
    engine->content = content;
    content->lists = egret_arena_alloc(&engine->keep, (p->n_lists + 1) * sizeof *content->lists);
    content->sets = egret_arena_alloc(&engine->keep, (p->n_sets + 1) * sizeof *content->sets);
    content->tables = egret_arena_alloc(&engine->keep, (p->n_tables + 1) * sizeof *content->tables);
    content->regexes = egret_arena_alloc(&engine->keep, (p->n_regexes + 1) * sizeof(nfa_regex *));
    if (engine->keep.failed) {
        engine->content = NULL;
        return false;
    }
    for (uint32_t i = 0; i < p->n_lists + p->n_sets; i++) {
        egret_arena_init(i < p->n_lists ? &content->lists[i].arena : &content->sets[i - p->n_lists].arena, engine->mem);
    }
    for (uint32_t i = 0; i < p->n_tables; i++) {
        egret_arena_init(&content->tables[i].arena, engine->mem);
    }
    bool good = compile_regexes(engine, content);
    for (uint32_t i = 0; good && i < p->n_lists; i++) {
        good = set_fill(engine->mem, &content->lists[i], p->lists[i].items, p->lists[i].until_ms, p->lists[i].n_items);
    }
    for (uint32_t i = 0; good && i < p->n_sets; i++) {
        good = set_fill(engine->mem, &content->sets[i], p->sets[i].items, NULL, p->sets[i].n_items);
    }
    for (uint32_t i = 0; good && i < p->n_tables; i++) {
        good = rows_make(engine->mem, &p->tables[i], &content->tables[i], p->tables[i].cells, p->tables[i].n_rows);
    }
    return good;
}

void nfa_content_free(nfa_engine *engine)
{
    nfa_content *content = engine->content;
    if (content == NULL) {
        return;
    }
    for (uint32_t i = 0; i < engine->plan->n_lists; i++) {
        egret_arena_deinit(&content->lists[i].arena);
    }
    for (uint32_t i = 0; i < engine->plan->n_sets; i++) {
        egret_arena_deinit(&content->sets[i].arena);
    }
    for (uint32_t i = 0; i < engine->plan->n_tables; i++) {
        egret_arena_deinit(&content->tables[i].arena);
    }
    for (uint32_t i = 0; i < engine->plan->n_regexes; i++) {
        nfa_regex_free(content->regexes[i]);
    }
}

bool nfa_content_in_list(const nfa_engine *engine, uint32_t list, egret_value v, int64_t now_ms)
{
    return set_has(&engine->content->lists[list], v, now_ms);
}

bool nfa_content_in_set(const nfa_engine *engine, uint32_t set, egret_value v)
{
    return set_has(&engine->content->sets[set], v, 0);
}

bool nfa_content_matches(nfa_engine *engine, uint32_t regex, egret_value v)
{
    return v.type == EGRET_STRING && nfa_regex_match(engine->content->regexes[regex], v, &engine->stats.regex_limits);
}

/* The row with these key values, NULL: there is none. */
static const egret_value *find_row(const nfa_rows *rows, const egret_value *key)
{
    const plan_table *def = rows->def;
    uint64_t hash = 1;
    for (uint32_t k = 0; k < def->n_key; k++) {
        if (key[k].type == EGRET_NULL) {
            return NULL;
        }
        hash = mix(hash, key[k]);
    }
    for (uint32_t at = (uint32_t)hash & rows->mask; rows->table[at] != 0; at = (at + 1) & rows->mask) {
        const egret_value *cells = rows->cells + (size_t)(rows->table[at] - 1) * def->n_columns;
        bool same = true;
        for (uint32_t k = 0; same && k < def->n_key; k++) {
            same = egret_value_equal(cells[def->key[k]], key[k]);
        }
        if (same) {
            return cells;
        }
    }
    return NULL;
}

egret_value nfa_content_lookup(const nfa_engine *engine, uint32_t table, const egret_value *key, uint32_t column)
{
    const egret_value *row = find_row(&engine->content->tables[table], key);
    return row ? row[column] : egret_null();
}

bool nfa_content_has_row(const nfa_engine *engine, uint32_t table, const egret_value *key)
{
    return find_row(&engine->content->tables[table], key) != NULL;
}

const nfa_rows *nfa_content_table(const nfa_engine *engine, uint32_t table)
{
    return &engine->content->tables[table];
}

uint32_t nfa_rows_count(const nfa_rows *rows)
{
    return rows->n_rows;
}

bool nfa_rows_have(const nfa_rows *rows, const egret_value *key)
{
    return find_row(rows, key) != NULL;
}

bool nfa_rows_same(const nfa_rows *a, const nfa_rows *b)
{
    bool same = a->n_rows == b->n_rows && a->def->n_columns == b->def->n_columns;
    for (size_t i = 0; same && i < (size_t)a->n_rows * a->def->n_columns; i++) {
        same = egret_value_equal(a->cells[i], b->cells[i]) || (a->cells[i].type == EGRET_NULL && b->cells[i].type == EGRET_NULL);
    }
    return same;
}

void nfa_rows_key(const nfa_rows *rows, uint32_t row, egret_value *key)
{
    for (uint32_t k = 0; k < rows->def->n_key; k++) {
        key[k] = rows->cells[(size_t)row * rows->def->n_columns + rows->def->key[k]];
    }
}

egret_status nfa_engine_set_list(nfa_engine *engine, uint32_t list, const egret_value *items, const int64_t *until_ms, uint32_t n_items)
{
    return set_fill(engine->mem, &engine->content->lists[list], items, until_ms, n_items) ? EGRET_OK : EGRET_NO_MEMORY;
}

egret_status nfa_engine_set_table(nfa_engine *engine, uint32_t table, const egret_value *cells, uint32_t n_rows)
{
    nfa_rows fresh;
    if (engine->failed || !rows_make(engine->mem, &engine->plan->tables[table], &fresh, cells, n_rows)) {
        return EGRET_NO_MEMORY;
    }
    nfa_rows old = engine->content->tables[table];
    engine->content->tables[table] = fresh;
    nfa_expect_forget(engine);
    egret_status status = engine->started ? known_keys_change(engine, table, &old) : EGRET_OK;
    engine->failed = engine->failed || status == EGRET_NO_MEMORY;
    egret_arena_deinit(&old.arena);
    return status;
}
