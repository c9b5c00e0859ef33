/*
 * engine.c: one event after the other, and the deadlines between them.
 *
 * An event: deadlines before its time act first; dispatch says which rules care; each meets the event in the order of the plan (the life of
 * its open alert before its matcher); then profiles and features take the event in; then what rules told, level by level. A deadline: all
 * sections due at one instant are gathered, put into the order (rule, key), and act; before those of a level act, what lower rules told is
 * evaluated, so that an absence has seen what was told at its end.
 * What merely takes room is no deadline: sweep.c.
 */
#include "nfa/cold.h"
#include "nfa/heir.h"
#include "nfa/ids.h"
#include "nfa/succession.h"
#include "nfa/told.h"
#include "nfa/warm.h"

#include <stdlib.h>
#include <string.h>

/* ---- life of an engine ---- */

/* before: the engine whose state it is to take over; NULL: none. warms: it only fills what is new to that one (warm.h). */
static nfa_engine *engine_make(egret_mem mem, const plan *rules, const nfa_engine *before, bool warms)
{
    nfa_engine *engine = egret_mem_alloc(mem, sizeof *engine);
    if (engine == NULL) {
        return NULL;
    }
    memset(engine, 0, sizeof *engine);
    engine->mem = mem;
    engine->plan = rules;
    engine->clock_ms = INT64_MIN;
    engine->stamp = 1;
    engine->n_shards = 1;
    engine->last = &engine->first;
    egret_arena_init(&engine->keep, mem);
    egret_arena_init(&engine->scratch, mem);
    egret_arena_init(&engine->instant, mem);
    egret_arena_init(&engine->out, mem);
    engine->store = nfa_store_new(mem);
    engine->timers = nfa_timers_new(mem);
    engine->keys = egret_arena_alloc(&engine->keep, (rules->n_groups + 1) * sizeof *engine->keys);
    engine->rule_stats = egret_arena_alloc(&engine->keep, (rules->n_rules + 1) * sizeof *engine->rule_stats);
    if (engine->store == NULL || engine->timers == NULL || engine->keep.failed || !nfa_content_make(engine) || !nfa_foresee_make(engine)
        || !nfa_layout_make(engine) || !nfa_ids_make(engine, before != NULL ? before->ids : NULL, before != NULL ? before->slots : NULL)
        || (warms && (engine->warm = nfa_warm_choose(engine, before)) == NULL) || !nfa_predicates_make(engine) || !nfa_dispatch_make(engine) || !told_make(engine)) {
        nfa_engine_free(engine);
        return NULL;
    }
    return engine;
}

nfa_engine *nfa_engine_new(egret_mem mem, const plan *rules)
{
    return engine_make(mem, rules, NULL, false);
}

nfa_engine *nfa_succession_prepare(egret_mem mem, const plan *rules, const nfa_engine *before)
{
    nfa_engine *next = engine_make(mem, rules, before, false);
    if (next == NULL || heirs_find(next, before)) {
        return next;
    }
    nfa_engine_free(next);
    return NULL;
}

nfa_engine *nfa_warm_prepare(egret_mem mem, const plan *rules, const nfa_engine *before)
{
    return engine_make(mem, rules, before, true);
}

void nfa_engine_free(nfa_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    nfa_content_free(engine);
    annex_free(engine);
    if (engine->store != NULL) {
        nfa_store_free(engine->store);
    }
    if (engine->timers != NULL) {
        nfa_timers_free(engine->timers);
    }
    egret_mem_free(engine->mem, engine->hits, engine->cap_hits * sizeof *engine->hits);
    egret_arena_deinit(&engine->keep);
    egret_arena_deinit(&engine->scratch);
    egret_arena_deinit(&engine->instant);
    egret_arena_deinit(&engine->out);
    egret_mem_free(engine->mem, engine, sizeof *engine);
}

static egret_status fail(nfa_engine *engine, egret_status status)
{
    if (nfa_store_is_lost(engine->store)) {
        status = EGRET_IO;
    } else if (status == EGRET_OK && engine->failed) {      /* something was not there when it was looked for */
        status = EGRET_NO_MEMORY;
    }
    engine->failed = engine->failed || status == EGRET_NO_MEMORY || status == EGRET_IO;
    return status;
}

static void begin_call(nfa_engine *engine)
{
    if (engine->first == NULL) {
        egret_arena_reset(&engine->out);
    }
}

egret_status nfa_engine_start(nfa_engine *engine, int64_t time_ms)
{
    if (engine->failed) {
        return nfa_store_is_lost(engine->store) ? EGRET_IO : EGRET_NO_MEMORY;
    }
    if (engine->started) {
        return EGRET_BAD_USE;
    }
    engine->started = true;
    engine->start_ms = time_ms;
    engine->clock_ms = time_ms > engine->clock_ms ? time_ms : engine->clock_ms;
    return fail(engine, known_keys_start(engine));
}

/* ---- deadlines ---- */

const nfa_section_def *nfa_def_of(const nfa_engine *engine, uint32_t id)
{
    const nfa_slot *slot = &engine->slots[id];
    switch (slot->kind) {
    case NFA_PATTERN: case NFA_BRANCH: return &engine->seq[slot->owner]->def;
    case NFA_SILENCE: return &engine->silence[slot->owner];
    case NFA_WINDOW: return &engine->win[slot->owner]->def;
    case NFA_FEATURE: return &engine->feature[slot->owner];
    case NFA_TOLD: return &engine->told_def[slot->owner];
    case NFA_LIFE: return &engine->life[slot->owner];
    case NFA_GONE: break;
    }
    return NULL;
}

egret_status nfa_hang(nfa_engine *engine, const nfa_section *section)
{
    int64_t due = ((const nfa_root *)nfa_section_root(section))->due_ms;
    if (due >= nfa_block_due(engine->store, section->block)) {
        return EGRET_OK;
    }
    nfa_block_set_due(engine->store, section->block, due);
    return nfa_timers_push(engine->timers, due, section->block) ? EGRET_OK : EGRET_NO_MEMORY;
}

typedef struct due_section {
    uint32_t rule, id, rank, block;
    bool closes;            /* a window that does not hold its end closes behind everything of the instant before it */
    const void *key;
    size_t key_len;
} due_section;

typedef struct due_list { due_section *items; uint32_t n, cap; } due_list;

static bool due_push(nfa_engine *engine, due_list *list, due_section item)
{
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 16;
        due_section *grown = egret_arena_alloc(&engine->instant, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (list->n > 0) {
            memcpy(grown, list->items, list->n * sizeof *grown);
        }
        list->items = grown;
        list->cap = cap;
    }
    list->items[list->n++] = item;
    return true;
}

static int due_compare(const void *a, const void *b)
{
    const due_section *x = a;
    const due_section *y = b;
    if (x->closes != y->closes) {
        return x->closes ? 1 : -1;
    }
    if (x->rule != y->rule) {
        return x->rule < y->rule ? -1 : 1;
    }
    size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = len > 0 ? memcmp(x->key, y->key, len) : 0;
    if (order != 0 || x->key_len != y->key_len) {
        return order != 0 ? order : (x->key_len < y->key_len ? -1 : 1);
    }
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* false: there is none, or it is of a rule that is no more. */
static bool section_at(nfa_engine *engine, uint32_t block, uint32_t id, nfa_section *section)
{
    const nfa_section_def *def = nfa_def_of(engine, id);
    return def != NULL && nfa_section_find(engine->store, block, def, section);
}

static bool closes_before_end(nfa_engine *engine, uint32_t id, const nfa_section *section, int64_t due)
{
    const nfa_slot *slot = &engine->slots[id];
    return slot->kind == NFA_WINDOW && slot->rule != NFA_NONE && win_closes_at(engine, slot->rule, section, due);
}

/* The sections of a block that are due. The key's bytes are copied: acting may move blocks. */
static bool gather_block(nfa_engine *engine, due_list *list, uint32_t block, int64_t due)
{
    size_t key_len = 0;
    if (engine->annex != NULL) {
        annex_join(engine, block);
    }
    const void *key = nfa_block_key(engine->store, nfa_settled(engine, block), &key_len);
    void *copy = egret_arena_alloc(&engine->instant, key_len + 1);
    if (copy == NULL || engine->failed) {
        return false;
    }
    memcpy(copy, key, key_len);
    for (size_t i = 0; i < nfa_section_count(engine->store, block); i++) {
        uint32_t id = nfa_section_id_at(engine->store, block, i);
        nfa_section section;
        if (!section_at(engine, block, id, &section) || ((const nfa_root *)nfa_section_root(&section))->due_ms > due) {
            continue;
        }
        due_section item = {.rule = engine->slots[id].rule, .id = id, .rank = engine->slots[id].rank, .block = block,
                            .closes = closes_before_end(engine, id, &section, due), .key = copy, .key_len = key_len};
        if (!due_push(engine, list, item)) {
            return false;
        }
    }
    return true;
}

/* Has something that acted before it at this instant moved it? */
static bool is_still_due(nfa_engine *engine, const due_section *item, int64_t due, nfa_section *section)
{
    return section_at(engine, item->block, item->id, section) && ((const nfa_root *)nfa_section_root(section))->due_ms <= due;
}

/* Where a silence inside a pattern ends, another one behind it may be over, too: the next key has to wait for that. */
static egret_status act_on_branches(nfa_engine *engine, const due_section *item, int64_t due, nfa_section *section)
{
    egret_status status = EGRET_OK;
    do {
        status = branch_on_deadline(engine, item->rule, section, due);
    } while (status == EGRET_OK && is_still_due(engine, item, due, section));
    return status;
}

static egret_status act(nfa_engine *engine, const due_section *item, int64_t due)
{
    nfa_section section;
    if (!is_still_due(engine, item, due, &section)) {
        return EGRET_OK;
    }
    switch (engine->slots[item->id].kind) {
    case NFA_PATTERN: return seq_on_deadline(engine, item->rule, &section, due);
    case NFA_BRANCH: return act_on_branches(engine, item, due, &section);
    case NFA_SILENCE: return silence_on_deadline(engine, item->rule, &section, due);
    case NFA_WINDOW: return win_on_deadline(engine, item->rule, &section, due);
    case NFA_LIFE: return life_on_deadline(engine, item->rule, &section, due);
    case NFA_FEATURE: case NFA_TOLD: case NFA_GONE: break;
    }
    return EGRET_OK;
}

/* The block's next deadline, from its sections. */
static egret_status hang_block(nfa_engine *engine, uint32_t block)
{
    int64_t due = NFA_NEVER;
    for (size_t i = 0; i < nfa_section_count(engine->store, block); i++) {
        nfa_section section;
        if (section_at(engine, block, nfa_section_id_at(engine->store, block, i), &section)) {
            int64_t root_due = ((const nfa_root *)nfa_section_root(&section))->due_ms;
            due = root_due < due ? root_due : due;
        }
    }
    if (due == nfa_block_due(engine->store, block)) {
        return EGRET_OK;    /* hung up already, by the section that acted */
    }
    nfa_block_set_due(engine->store, block, due);
    return due == NFA_NEVER || nfa_timers_push(engine->timers, due, block) ? EGRET_OK : EGRET_NO_MEMORY;
}

/* Takes all hints of instant `due` down and gathers what is really due. early: blocks whose hint was early. */
static bool gather(nfa_engine *engine, int64_t due, due_list *list, due_list *blocks)
{
    int64_t at;
    uint32_t block;
    while (nfa_timers_top(engine->timers, &at, &block) && at == due) {
        nfa_timers_pop(engine->timers);
        if (!nfa_block_exists(engine->store, block)) {
            continue;
        }
        if (!nfa_block_bring(engine->store, block)) {
            return false;
        }
        if (nfa_block_due(engine->store, block) != due) {
            continue;   /* an outlived hint: whoever moved the deadline has hung up another */
        }
        nfa_block_set_due(engine->store, block, NFA_NEVER);
        if (!gather_block(engine, list, block, due) || !due_push(engine, blocks, (due_section){.block = block})) {
            return false;
        }
    }
    return true;
}

static void tag_deadline(nfa_engine *engine, const due_section *item, int64_t due)
{
    engine->tag = (nfa_tag){.time_ms = due, .kind = NFA_TAG_DEADLINE, .closes = item->closes, .order = item->rule,
                            .level = item->closes ? 0 : engine->plan->rules[item->rule].level, .key = item->key, .key_len = (uint32_t)item->key_len};
}

static egret_status fire_instant(nfa_engine *engine, int64_t due)
{
    due_list list = {0};
    due_list blocks = {0};
    egret_arena_reset(&engine->instant);
    egret_arena_reset(&engine->scratch);
    engine->stamp++;
    if (!gather(engine, due, &list, &blocks)) {
        return EGRET_NO_MEMORY;
    }
    if (list.n > 1) {
        qsort(list.items, list.n, sizeof *list.items, due_compare);
    }
    engine->clock_ms = due > engine->clock_ms ? due : engine->clock_ms;
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < list.n; i++) {
        status = told_drain(engine, list.items[i].closes ? UINT32_MAX : engine->plan->rules[list.items[i].rule].level);
        tag_deadline(engine, &list.items[i], due);
        status = status == EGRET_OK ? act(engine, &list.items[i], due) : status;
    }
    if (status == EGRET_OK) {
        status = told_drain(engine, UINT32_MAX);
    }
    for (uint32_t i = 0; status == EGRET_OK && i < blocks.n; i++) {
        status = hang_block(engine, blocks.items[i].block);
    }
    return status;
}

/* Nothing that was told is looked at any more: the memory it lay in can serve again. */
static void forget_told(nfa_engine *engine)
{
    if (engine->first == NULL && told_is_empty(engine)) {
        egret_arena_reset(&engine->out);
    }
}

/* All deadlines before limit_ms, in order, and what they told. What has a time beyond its deadline comes when all before that time is done. */
static egret_status fire_before(nfa_engine *engine, int64_t limit_ms)
{
    egret_status status = EGRET_OK;
    if (engine->annex != NULL) {
        annex_bring_due(engine, limit_ms);
        status = engine->failed ? EGRET_NO_MEMORY : EGRET_OK;
    }
    while (status == EGRET_OK) {
        int64_t due;
        int64_t told_ms;
        uint32_t block;
        bool fires = nfa_timers_top(engine->timers, &due, &block) && due < limit_ms;
        if (told_waits(engine, &told_ms) && (!fires || told_ms <= due)) {
            status = told_release(engine);
        } else if (fires) {
            status = fire_instant(engine, due);
        } else {
            break;
        }
        forget_told(engine);
        nfa_store_relieve(engine->store);
    }
    return status;
}

/* ---- events ---- */

static egret_status meet(nfa_engine *engine, const nfa_sub *sub, uint64_t mask, const nfa_event *event)
{
    nfa_key *key = (nfa_key *)nfa_key_of(engine, sub->group, event);
    bool of_rule = sub->kind == NFA_SUB_MATCH || sub->kind == NFA_SUB_LIFE;
    if (key->null) {
        if (of_rule) {
            engine->rule_stats[sub->target].null_keys += sub->kind == NFA_SUB_MATCH && !key->foreign;
        }
        return EGRET_OK;
    }
    switch ((nfa_sub_kind)sub->kind) {
    case NFA_SUB_LIFE: return life_on_event(engine, sub->target, event, mask, key);
    case NFA_SUB_PROFILE: return EGRET_OK;      /* update_profiles */
    case NFA_SUB_FEATURE: return feature_update(engine, sub->target, event, key);
    case NFA_SUB_MATCH: break;
    }
    engine->rule_stats[sub->target].events++;
    if (engine->plan->rules[sub->target].kind == PLAN_THRESHOLD) {
        return win_on_event(engine, sub->target, event, mask, key);
    }
    if (engine->branch[sub->target] != NULL) {
        return branch_on_event(engine, sub->target, event, mask, key);
    }
    return engine->seq[sub->target] != NULL ? seq_on_event(engine, sub->target, event, mask, key)
                                            : silence_on_event(engine, sub->target, event, mask, key);
}

/* The hits from *at on that are of one subscriber, as a mask of its atoms. */
static uint64_t next_subscriber(const nfa_engine *engine, uint32_t *at)
{
    const nfa_sub *const *hit = engine->hits + *at;
    const nfa_sub *const *end = engine->hits + engine->n_hits;
    uint32_t order = (*hit)->order;
    uint64_t mask = 0;
    do {
        mask |= nfa_atom_bit(*hit);
        hit++;
    } while (hit < end && (*hit)->order == order);
    *at = (uint32_t)(hit - engine->hits);
    return mask;
}

/* The key by which the profile of the hit knows the event; NULL: a part of it is null. */
static nfa_key *profile_key(nfa_engine *engine, const nfa_sub *sub, const nfa_event *event)
{
    nfa_key *key = (nfa_key *)nfa_key_of(engine, sub->group, event);
    return key->null ? NULL : key;
}

/* Several profiles: all ask before any takes. */
static egret_status update_together(nfa_engine *engine, const nfa_event *event, uint32_t *at)
{
    uint32_t n = 0;
    nfa_taken *taken = nfa_scratch(engine, (engine->n_hits - *at) * sizeof *taken);
    if (taken == NULL) {
        return EGRET_NO_MEMORY;
    }
    while (*at < engine->n_hits && engine->hits[*at]->kind == NFA_SUB_PROFILE) {
        const nfa_sub *sub = engine->hits[*at];
        uint64_t mask = next_subscriber(engine, at);
        nfa_key *key = profile_key(engine, sub, event);
        if (key != NULL && !win_profile_ask(engine, sub->target, event, mask, key, &taken[n++])) {
            return EGRET_NO_MEMORY;
        }
    }
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < n; i++) {
        status = win_profile_take(engine, event, &taken[i]);
    }
    return status;
}

/* *at: the first hit of a profile; afterwards the first that is none. */
static egret_status update_profiles(nfa_engine *engine, const nfa_event *event, uint32_t *at)
{
    const nfa_sub *sub = engine->hits[*at];
    uint32_t first = *at;
    uint64_t mask = next_subscriber(engine, at);
    if (*at < engine->n_hits && engine->hits[*at]->kind == NFA_SUB_PROFILE) {
        *at = first;
        return update_together(engine, event, at);
    }
    nfa_key *key = profile_key(engine, sub, event);
    return key != NULL ? win_profile_event(engine, sub->target, event, mask, key) : EGRET_OK;
}

/* Is it one of those that an event from a rule in shadow mode does not reach? */
static bool is_spared(const nfa_engine *engine, const nfa_sub *sub)
{
    bool of_rule = sub->kind == NFA_SUB_MATCH || sub->kind == NFA_SUB_LIFE;
    return of_rule ? engine->plan->rules[sub->target].mode != PLAN_SHADOW : sub->kind == NFA_SUB_PROFILE;
}

static void tag_rule(nfa_engine *engine, const nfa_sub *sub)
{
    engine->tag.order = engine->tag.told || engine->tag.kind != NFA_TAG_EVENT ? engine->tag.order : sub->order;
}

/* Most events concern those alone who always come: what is to be done for them is laid out (dispatch.c). */
static egret_status make_visits(nfa_engine *engine, const nfa_event *event, bool shadow)
{
    egret_status status = EGRET_OK;
    const nfa_visit *end = engine->visits + engine->n_visits;
    for (const nfa_visit *visit = engine->visits; visit < end && status == EGRET_OK; visit++) {
        if (shadow && is_spared(engine, visit->sub)) {
            continue;
        }
        if (visit->sub->kind == NFA_SUB_PROFILE) {
            nfa_key *key = profile_key(engine, visit->sub, event);
            status = key != NULL ? win_profile_event(engine, visit->sub->target, event, visit->mask, key) : EGRET_OK;
            continue;
        }
        tag_rule(engine, visit->sub);
        status = meet(engine, visit->sub, visit->mask, event);
    }
    return status;
}

egret_status nfa_evaluate(nfa_engine *engine, const nfa_event *event, bool shadow)
{
    egret_arena_reset(&engine->scratch);
    engine->stamp++;
    nfa_expect_recall(engine, event);
    if (engine->n_shards > 1 && !nfa_concerns_any(engine, event)) {
        return EGRET_OK;
    }
    if (!nfa_dispatch_event(engine, event)) {
        return EGRET_NO_MEMORY;
    }
    if (engine->n_visits > 0) {
        return make_visits(engine, event, shadow);
    }
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < engine->n_hits;) {
        const nfa_sub *sub = engine->hits[i];
        if (shadow && is_spared(engine, sub)) {
            (void)next_subscriber(engine, &i);
            continue;
        }
        if (sub->kind == NFA_SUB_PROFILE) {
            status = update_profiles(engine, event, &i);
            continue;
        }
        uint64_t mask = next_subscriber(engine, &i);
        tag_rule(engine, sub);
        status = meet(engine, sub, mask, event);
    }
    return status;
}

egret_status nfa_engine_event(nfa_engine *engine, const nfa_event *event)
{
    if (engine->failed) {
        return nfa_store_is_lost(engine->store) ? EGRET_IO : EGRET_NO_MEMORY;
    }
    if (event->time_ms < engine->clock_ms) {
        engine->stats.late++;
        nfa_expect_pass(engine, event);
        return EGRET_LATE;
    }
    begin_call(engine);
    egret_status status = engine->started ? EGRET_OK : nfa_engine_start(engine, event->time_ms);
    if (status == EGRET_OK) {
        status = fire_before(engine, event->time_ms);
    }
    engine->clock_ms = event->time_ms;
    if (status == EGRET_OK) {
        engine->tag = (nfa_tag){.time_ms = event->time_ms, .kind = NFA_TAG_EVENT, .event = engine->stats.events};
        engine->stats.events++;
        status = nfa_evaluate(engine, event, false);
    }
    if (status == EGRET_OK) {
        status = told_drain(engine, UINT32_MAX);
    }
    nfa_sweep_on(engine);
    return fail(engine, status);
}

egret_status nfa_engine_advance(nfa_engine *engine, int64_t time_ms)
{
    if (engine->failed) {
        return nfa_store_is_lost(engine->store) ? EGRET_IO : EGRET_NO_MEMORY;
    }
    begin_call(engine);
    if (!engine->started) {
        egret_status status = nfa_engine_start(engine, time_ms);
        if (status != EGRET_OK) {
            return status;
        }
    }
    egret_status status = fire_before(engine, time_ms);
    engine->clock_ms = time_ms > engine->clock_ms ? time_ms : engine->clock_ms;
    return fail(engine, status);
}

egret_status nfa_engine_finish(nfa_engine *engine, int64_t until_ms)
{
    if (engine->failed) {
        return nfa_store_is_lost(engine->store) ? EGRET_IO : EGRET_NO_MEMORY;
    }
    begin_call(engine);
    engine->finishing = until_ms == INT64_MAX;
    egret_status status = fire_before(engine, engine->finishing ? INT64_MAX : until_ms + 1);
    engine->finishing = false;
    return fail(engine, status);
}

bool nfa_engine_limit(nfa_engine *engine, size_t bytes, const nfa_cold_host *host)
{
    return nfa_store_limit(engine->store, bytes, host);
}

int64_t nfa_engine_next_due(const nfa_engine *engine)
{
    int64_t due = NFA_NEVER;
    uint32_t block;
    if (!nfa_timers_top(engine->timers, &due, &block)) {
        due = NFA_NEVER;
    }
    int64_t annexed;
    return engine->annex != NULL && nfa_timers_top(engine->annex->timers, &annexed, &block) && annexed < due ? annexed : due;
}

int64_t nfa_engine_clock(const nfa_engine *engine)
{
    return engine->clock_ms;
}

int64_t nfa_engine_began(const nfa_engine *engine)
{
    return engine->started ? engine->start_ms : INT64_MIN;
}

const nfa_alert *nfa_engine_take(nfa_engine *engine)
{
    nfa_queued *queued = engine->first;
    if (queued == NULL) {
        egret_arena_reset(&engine->out);
        return NULL;
    }
    engine->first = queued->next;
    if (engine->first == NULL) {
        engine->last = &engine->first;
    }
    return &queued->alert;
}

void nfa_reports_init(nfa_reports *reports, egret_mem mem)
{
    reports->first = NULL;
    egret_arena_init(&reports->memory, mem);
}

void nfa_reports_deinit(nfa_reports *reports)
{
    egret_arena_deinit(&reports->memory);
}

bool nfa_engine_hand_over(nfa_engine *engine, nfa_reports *reports)
{
    if (engine->first == NULL || !told_is_empty(engine)) {
        return false;
    }
    egret_arena was = engine->out;
    engine->out = reports->memory;
    egret_arena_reset(&engine->out);
    *reports = (nfa_reports){was, engine->first};
    engine->first = NULL;
    engine->last = &engine->first;
    return true;
}

const nfa_alert *nfa_reports_next(nfa_reports *reports)
{
    nfa_queued *queued = reports->first;
    if (queued == NULL) {
        return NULL;
    }
    reports->first = queued->next;
    return &queued->alert;
}

const nfa_stats *nfa_engine_stats(nfa_engine *engine)
{
    engine->stats.keys = nfa_block_count(engine->store);
    engine->stats.bytes = nfa_store_bytes(engine->store);
    nfa_cold_stats cold = nfa_store_cold(engine->store);
    engine->stats.cold = cold.away;
    engine->stats.cold_puts = cold.packs_put;
    engine->stats.cold_gets = cold.packs_got;
    engine->stats.cold_failed = cold.puts_failed;
    return &engine->stats;
}

const nfa_rule_stats *nfa_engine_rule_stats(const nfa_engine *engine, uint32_t rule)
{
    return &engine->rule_stats[rule];
}
