/*
 * state.c: what an evaluation knows, in words that do not depend on how many shards know it, nor on how far their sweeps have come: all that can be
 * seen of each key, by rules, profiles and features, one line each, in order.
 */
#include "tests/simulation/world.h"

#include "nfa/inspect.h"
#include "nfa/shard.h"

#include <stdlib.h>
#include <string.h>

typedef struct lines { char **line; size_t n, cap; } lines;

static void add(lines *all, egret_text *text)
{
    if (all->n == all->cap) {
        all->cap = all->cap ? 2 * all->cap : 64;
        all->line = realloc(all->line, all->cap * sizeof *all->line);
    }
    if (text->failed || !all->line || !(all->line[all->n++] = strndup(text->ptr, text->len))) abort();
    text->len = 0;
}

static void put_value(egret_text *text, egret_value v)
{
    char word[512];
    egret_text_put(text, word, egret_value_text(v, word, sizeof word));
    egret_text_put(text, " ", 1);
}

static void put_seen(egret_text *text, const nfa_seen *seen)
{
    for (uint32_t i = 0; i < seen->n_attempts; i++) {
        const nfa_seen_attempt *a = &seen->attempts[i];
        egret_text_printf(text, "[%lld to %lld%s", (long long)a->started_ms, (long long)a->until_ms, a->silent ? " silent" : "");
        for (uint32_t k = 0; k < a->n_bound; k++)
            egret_text_printf(text, " %s@%lld #%llu x%u", a->bound[k].step, (long long)a->bound[k].time_ms, (unsigned long long)a->bound[k].ref, a->bound[k].count);
        for (uint32_t k = 0; k < a->n_waits; k++) egret_text_printf(text, " ?%s", a->waits[k].step);
        egret_text_put(text, "] ", 2);
    }
    for (uint32_t i = 0; i < seen->n_values; i++) {
        egret_text_printf(text, "%s=", seen->values[i].name);
        put_value(text, seen->values[i].value);
    }
    if (seen->holds) egret_text_put(text, "holds ", 6);
    if (seen->measures) egret_text_printf(text, "silent %lld to %lld ", (long long)seen->silent_since_ms, (long long)seen->silent_until_ms);
    if (seen->open) egret_text_printf(text, "open %s since %lld ", seen->id, (long long)seen->open_since_ms);
    if (seen->quiet_until_ms != INT64_MIN) egret_text_printf(text, "quiet until %lld ", (long long)seen->quiet_until_ms);
}

static void put_rules(nfa_engine *engine, uint32_t group, const egret_value *parts, const char *key, lines *all, egret_text *text)
{
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    for (uint32_t i = 0; i < engine->plan->n_rules; i++) {
        nfa_seen seen;
        if (engine->plan->rules[i].group != group) continue;
        if (!nfa_inspect(engine, i, parts, &arena, &seen)) abort();
        put_seen(text, &seen);
        if (text->len == 0) continue;
        egret_text_printf(text, "<- %.*s %s", (int)engine->plan->rules[i].name.len, engine->plan->rules[i].name.ptr, key);
        add(all, text);
    }
    egret_arena_deinit(&arena);
}

static void put_profiles(nfa_engine *engine, uint32_t group, uint32_t block, const char *key, lines *all, egret_text *text)
{
    nfa_env env = {.engine = engine, .now_ms = engine->clock_ms, .block = block};
    for (uint32_t i = 0; i < engine->plan->n_profiles; i++) {
        const plan_profile *profile = &engine->plan->profiles[i];
        if (profile->group != group) continue;
        for (uint32_t k = 0; k < profile->n_members; k++) put_value(text, win_profile_value_at(&env, i, k, block));
        egret_text_printf(text, "<- %.*s %s", (int)profile->name.len, profile->name.ptr, key);
        add(all, text);
    }
}

/* What a feature keeps first: its newest value. */
static void put_features(nfa_engine *engine, uint32_t group, uint32_t block, const char *key, lines *all, egret_text *text)
{
    for (uint32_t i = 0; i < engine->plan->n_features; i++) {
        nfa_section section;
        if (engine->plan->features[i].group != group || !nfa_section_find(engine->store, block, &engine->feature[i], &section)) continue;
        const int64_t *root = nfa_section_root(&section);
        egret_text_printf(text, "%lld <- feature %u %s", (long long)root[1], i, key);
        add(all, text);
    }
}

static void put_block(nfa_engine *engine, uint32_t block, lines *all)
{
    egret_text text, key;
    size_t len;
    uint32_t group = 0, id = nfa_block_group(engine->store, block);
    egret_value parts[PLAN_MAX_KEY_PARTS];
    const void *bytes = nfa_block_key(engine->store, block, &len);
    while (group < engine->plan->n_groups && engine->group_id[group] != id) group++;
    if (group == engine->plan->n_groups) return;    /* what rules tell; it stands for no key */
    egret_text_init(&text, egret_mem_of(NULL));
    egret_text_init(&key, egret_mem_of(NULL));
    for (uint32_t i = 0; i < engine->plan->groups[group].n_parts; i++) put_value(&key, parts[i] = nfa_key_part(bytes, len, i));
    egret_text_put(&key, "", 1);
    if (key.failed) abort();
    put_rules(engine, group, parts, key.ptr, all, &text);
    put_profiles(engine, group, block, key.ptr, all, &text);
    put_features(engine, group, block, key.ptr, all, &text);
    egret_text_deinit(&text);
    egret_text_deinit(&key);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *world_state(evaluation *e)
{
    lines all = {0};
    char *text = NULL;
    size_t len = 0;
    nfa_shards *shards = evaluation_shards(e);
    for (uint32_t i = 0; i < nfa_shards_count(shards); i++) {
        nfa_engine *engine = nfa_shards_engine(shards, i);
        nfa_engine_sweep(engine);
        for (uint32_t block = 0; block < nfa_block_limit(engine->store); block++)
            if (nfa_block_exists(engine->store, block)) put_block(engine, block, &all);
    }
    if (all.n > 1) qsort(all.line, all.n, sizeof *all.line, by_text);
    FILE *out = open_memstream(&text, &len);
    if (!out) abort();
    fprintf(out, "clock %lld\n", (long long)nfa_shards_clock(shards));
    for (size_t i = 0; i < all.n; i++) {
        fprintf(out, "%s\n", all.line[i]);
        free(all.line[i]);
    }
    fclose(out);
    free(all.line);
    return text;
}
