/*
 * known_keys.c: rules over `by k in table` know their keys before any event: a device that never spoke is silent, too.
 *
 * At the start all keys of the table are watched. When the table is replaced while events flow, keys that are new are watched from that
 * instant on; of keys that are gone nothing stays: their state is dropped, and an open alert ends, with the reason. What changed for the others is
 * found when it is asked for, as always.
 */
#include "nfa/warm.h"

#include <stdlib.h>
#include <string.h>

/* Does the rule watch keys of this table (PLAN_NONE: of any)? */
static bool watches(const nfa_engine *engine, uint32_t rule, uint32_t table)
{
    const plan_rule *def = &engine->plan->rules[rule];
    uint32_t own = engine->plan->groups[def->group].table;
    return engine->silence[rule].root_size > 0 && def->mode != PLAN_OFF && !nfa_rule_sleeps(engine, rule) && own != PLAN_NONE && (table == PLAN_NONE || own == table);
}

/* Watches what is in the rows and was not in the old ones (NULL: there were none). */
static egret_status watch_new(nfa_engine *engine, uint32_t rule, const nfa_rows *rows, const nfa_rows *old, int64_t now_ms)
{
    egret_value key[PLAN_MAX_KEY_PARTS];
    egret_status status = EGRET_OK;
    for (uint32_t row = 0; status == EGRET_OK && row < nfa_rows_count(rows); row++) {
        nfa_rows_key(rows, row, key);
        if (old == NULL || !nfa_rows_have(old, key)) {
            status = silence_watch(engine, rule, key, now_ms);
        }
    }
    return status;
}

egret_status known_keys_start(nfa_engine *engine)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < engine->plan->n_rules; i++) {
        if (watches(engine, i, PLAN_NONE)) {
            const plan_group *group = &engine->plan->groups[engine->plan->rules[i].group];
            status = watch_new(engine, i, nfa_content_table(engine, group->table), NULL, engine->start_ms);
        }
    }
    return status;
}

egret_status known_keys_join(nfa_engine *engine, const nfa_engine *before)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < engine->plan->n_rules; i++) {
        uint32_t id = engine->silence[i].id;
        bool known = watches(engine, i, PLAN_NONE) && id < before->n_slots && before->slots[id].kind != NFA_GONE
                  && watches(before, before->slots[id].owner, PLAN_NONE);
        bool filled = engine->annex != NULL && id != NFA_NONE && engine->annex->moves[id];     /* who was silent in the past is known */
        if (watches(engine, i, PLAN_NONE) && !known && !filled) {
            const plan_group *group = &engine->plan->groups[engine->plan->rules[i].group];
            status = watch_new(engine, i, nfa_content_table(engine, group->table), NULL, engine->clock_ms);
        }
    }
    return status;
}

/* ---- what is gone ---- */

typedef struct gone_key { uint32_t block; const void *bytes; size_t len; } gone_key;

static int gone_compare(const void *a, const void *b)
{
    const gone_key *x = a;
    const gone_key *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len > 0 ? memcmp(x->bytes, y->bytes, len) : 0;
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The keys of a group that have a block and no row any more, in order. NULL: no memory. */
static gone_key *find_gone(nfa_engine *engine, uint32_t group, const nfa_rows *old, uint32_t *n)
{
    const nfa_rows *rows = nfa_content_table(engine, engine->plan->groups[group].table);
    gone_key *list = nfa_scratch(engine, ((size_t)nfa_rows_count(old) + 1) * sizeof *list);
    nfa_key *key = nfa_scratch(engine, sizeof *key);
    egret_value parts[PLAN_MAX_KEY_PARTS];
    *n = 0;
    for (uint32_t row = 0; list != NULL && key != NULL && row < nfa_rows_count(old); row++) {
        nfa_rows_key(old, row, parts);
        if (nfa_rows_have(rows, parts) || !nfa_key_encode(engine, key, group, parts, engine->plan->groups[group].n_parts)) {
            continue;
        }
        uint32_t block = nfa_found(engine, engine->group_id[group], key->bytes, key->len, key->hash);
        void *bytes = nfa_scratch(engine, key->len + 1u);
        if (bytes == NULL) {
            return NULL;
        }
        memcpy(bytes, key->bytes, key->len);
        if (block != NFA_NO_BLOCK) {
            list[(*n)++] = (gone_key){.block = block, .bytes = bytes, .len = key->len};
        }
    }
    if (list != NULL && *n > 1) {
        qsort(list, *n, sizeof *list, gone_compare);
    }
    return key != NULL ? list : NULL;
}

/* For the one order of all shards: by table, group, rule and key. */
static void tag_gone(nfa_engine *engine, uint32_t group, uint32_t rule, const gone_key *gone)
{
    engine->tag = (nfa_tag){.time_ms = engine->clock_ms, .kind = NFA_TAG_DEADLINE, .event = engine->plan->groups[group].table, .level = group,
                            .order = rule, .key = gone->bytes, .key_len = (uint32_t)gone->len};
}

/* A row that stood twice is closed once. */
static egret_status close_gone(nfa_engine *engine, uint32_t group, const nfa_rows *old)
{
    uint32_t n = 0;
    gone_key *gone = find_gone(engine, group, old, &n);
    egret_status status = gone != NULL ? EGRET_OK : EGRET_NO_MEMORY;
    for (uint32_t rule = 0; status == EGRET_OK && rule < engine->plan->n_rules; rule++) {
        for (uint32_t i = 0; status == EGRET_OK && engine->plan->rules[rule].group == group && i < n; i++) {
            tag_gone(engine, group, rule, &gone[i]);
            status = life_close(engine, rule, gone[i].block, "the key is no longer in its table");
        }
    }
    for (uint32_t i = 0; status == EGRET_OK && i < n; i++) {
        if (i == 0 || gone[i].block != gone[i - 1].block) {
            nfa_block_drop(engine->store, gone[i].block);
        }
    }
    return status;
}

egret_status known_keys_change(nfa_engine *engine, uint32_t table, const nfa_rows *old)
{
    egret_status status = EGRET_OK;
    egret_arena_reset(&engine->scratch);
    for (uint32_t i = 0; status == EGRET_OK && i < engine->plan->n_groups; i++) {
        if (engine->plan->groups[i].table == table) {
            status = close_gone(engine, i, old);
        }
    }
    for (uint32_t i = 0; status == EGRET_OK && i < engine->plan->n_rules; i++) {
        if (watches(engine, i, table)) {
            status = watch_new(engine, i, nfa_content_table(engine, table), old, engine->clock_ms);
        }
    }
    return status;
}
