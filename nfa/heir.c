/*
 * heir.c: see heir.h.
 *
 * Which changes are little. The bytes must lie alike. A window: the same events and aggregates, slid, and nothing of `when` that depends on more
 * than the window; `when` may ask for leaving only where it did before, as the deadlines that stand are those of before. A pattern in a line: what
 * holds for all attempts is the same, and the first items are; what waits before the first item that is another one goes on.
 */
#include "nfa/heir.h"

#include "nfa/ids.h"

#include <string.h>

/* ---- which ---- */

static bool same_shape(const nfa_section_def *a, const nfa_section_def *b)
{
    return a->root_size == b->root_size && a->n_parts == b->n_parts && memcmp(a->part, b->part, a->n_parts * sizeof a->part[0]) == 0;
}

static bool watches(const plan_threshold *t)
{
    return t->leaving_matters || t->negatives_matter;
}

static bool window_goes_on(const nfa_engine *next, const plan_rule *now, const nfa_engine *before, const plan_rule *was)
{
    const plan *p = next->plan;
    const plan_threshold *a = &now->threshold, *b = &was->threshold;
    uint32_t uses = a->when == PLAN_NONE ? 0 : p->exprs[a->when].uses;
    bool slides = a->kind == b->kind && (a->kind == AST_SLIDING || a->kind == AST_LAST || a->kind == AST_EVER);
    return slides && p->windows[a->window].hash == before->plan->windows[b->window].hash && (!watches(a) || watches(b))
        && (uses & (PLAN_USES_KEY_STATE | PLAN_USES_NOW | PLAN_USES_CONTENT)) == 0
        && same_shape(&next->win[a->window]->def, &before->win[b->window]->def);
}

static uint32_t items_that_go_on(const seq_layout *now, const plan_pattern *a, const seq_layout *was, const plan_pattern *b)
{
    uint32_t n = 0;
    if (a->frame_hash != b->frame_hash || a->contiguous || now->words != was->words || now->n_cums != was->n_cums
        || now->event_size != was->event_size || now->scan_all != was->scan_all || now->barred_word != was->barred_word
        || now->part_log != was->part_log || now->part_bytes != was->part_bytes || now->part_nodes != was->part_nodes
        || !same_shape(&now->def, &was->def)) {
        return 0;
    }
    while (n < a->n_items && a->item_hash[n] == b->item_hash[n] && now->item[n].word == was->item[n].word && now->item[n].loop == was->item[n].loop
           && now->item[n].tracked == was->item[n].tracked && now->item[n].cum == was->item[n].cum && !now->item[n].final && !was->item[n].final
           && now->item[n].queue_open == was->item[n].queue_open && now->item[n].queue_closed == was->item[n].queue_closed) {
        n++;
    }
    return n;
}

uint32_t heir_of_rule(const nfa_engine *next, const nfa_engine *before, uint32_t rule, uint32_t was)
{
    const plan_rule *now = &next->plan->rules[rule], *old = &before->plan->rules[was];
    if (now->kind != old->kind) {
        return 0;
    }
    if (now->kind == PLAN_THRESHOLD) {
        return window_goes_on(next, now, before, old) ? UINT32_MAX : 0;
    }
    bool lines = next->seq[rule] != NULL && next->branch[rule] == NULL && before->seq[was] != NULL && before->branch[was] == NULL;
    return lines ? items_that_go_on(next->seq[rule], now->pattern, before->seq[was], old->pattern) : 0;
}

static const nfa_section_def *match_def(const nfa_engine *engine, uint32_t rule)
{
    const plan_rule *def = &engine->plan->rules[rule];
    return def->kind == PLAN_THRESHOLD ? &engine->win[def->threshold.window]->def : engine->seq[rule] != NULL ? &engine->seq[rule]->def : NULL;
}

static bool add(nfa_engine *engine, nfa_heir heir)
{
    if (engine->n_heirs == engine->cap_heirs) {
        uint32_t cap = engine->cap_heirs != 0 ? engine->cap_heirs * 2 : 16;
        nfa_heir *grown = egret_arena_alloc(&engine->keep, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (engine->n_heirs > 0) {
            memcpy(grown, engine->heirs, engine->n_heirs * sizeof *grown);
        }
        engine->heirs = grown;
        engine->cap_heirs = cap;
    }
    engine->heirs[engine->n_heirs++] = heir;
    return true;
}

bool heirs_find(nfa_engine *next, const nfa_engine *before)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < next->plan->n_rules; i++) {
        const nfa_section_def *def = match_def(next, i);
        /* Most sections are known; only of those that are not the rule before is looked for. */
        if (def == NULL || (def->id < before->n_slots && before->slots[def->id].kind != NFA_GONE)) {
            continue;
        }
        for (at = 0; at < before->plan->n_rules && before->plan->rules[at].name_hash != next->plan->rules[i].name_hash;) {
            at++;
        }
        const nfa_section_def *old = at < before->plan->n_rules ? match_def(before, at) : NULL;
        uint32_t keep = old != NULL ? heir_of_rule(next, before, i, at) : 0;
        if (keep > 0 && !add(next, (nfa_heir){.from = old->id, .to = def->id, .keep = keep})) {
            return false;
        }
    }
    return true;
}

/* ---- at the change ---- */

static uint32_t find_from(const nfa_engine *engine, uint32_t id, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && engine->heirs[i].from != id) {
        i++;
    }
    return i;
}

bool heirs_take(nfa_engine *next, const nfa_engine *before)
{
    uint32_t own = next->n_heirs;
    for (uint32_t i = 0; i < own; i++) {
        next->heirs[i].at_ms = next->clock_ms;
    }
    for (uint32_t i = 0; i < before->n_heirs; i++) {
        nfa_heir heir = before->heirs[i];
        uint32_t after = find_from(next, heir.to, own);
        if (after < own) {
            heir.to = next->heirs[after].to;
            heir.at_ms = next->clock_ms;
            heir.keep = heir.keep < next->heirs[after].keep ? heir.keep : next->heirs[after].keep;
        }
        bool lives = next->slots[heir.to].kind != NFA_GONE && next->slots[heir.from].kind == NFA_GONE;
        if (lives && find_from(next, heir.from, next->n_heirs) == next->n_heirs && !add(next, heir)) {
            return false;
        }
    }
    heirs_await(next);
    return true;
}

void heirs_await(nfa_engine *engine)
{
    engine->heirs_left = engine->heirs_below = engine->n_heirs > 0 ? nfa_block_limit(engine->store) : 0;
    engine->n_heirs = engine->heirs_left > 0 ? engine->n_heirs : 0;
}

/* ---- when a block is looked at ---- */

static const nfa_heir *heir_in(const nfa_engine *engine, uint32_t block)
{
    for (size_t i = 0; i < nfa_section_count(engine->store, block); i++) {
        uint32_t id = nfa_section_id_at(engine->store, block, i);
        uint32_t at = engine->slots[id].kind == NFA_GONE ? find_from(engine, id, engine->n_heirs) : engine->n_heirs;
        if (at < engine->n_heirs) {
            return &engine->heirs[at];
        }
    }
    return NULL;
}

static egret_status settle(nfa_engine *engine, uint32_t block, const nfa_heir *heir)
{
    const nfa_slot *slot = &engine->slots[heir->to];
    const nfa_section_def *def = nfa_def_of(engine, heir->to);
    nfa_section section;
    if (nfa_section_find(engine->store, block, def, &section)) {       /* it has begun anew: never, as all ways lead by here */
        nfa_section_drop_id(engine->store, block, heir->from);
        return EGRET_OK;
    }
    if (!nfa_section_move(engine->store, block, heir->from, def, &section)) {
        return EGRET_NO_MEMORY;
    }
    return slot->kind == NFA_WINDOW ? win_inherit(engine, slot->rule, &section, heir->at_ms) : seq_inherit(engine, slot->owner, &section, heir->keep);
}

void heirs_settle(nfa_engine *engine, uint32_t block)
{
    const nfa_heir *heir;
    while (!engine->failed && (heir = heir_in(engine, block)) != NULL) {
        engine->failed = settle(engine, block, heir) != EGRET_OK;
    }
}

/* ---- as bytes: how many, and the heirs. A bit says that they have the clock of the change; older ones are not read ---- */

#define WITH_CLOCK UINT32_C(0x80000000)

void heirs_save(const nfa_engine *engine, egret_text *out)
{
    uint32_t n = engine->n_heirs > 0 ? engine->n_heirs | WITH_CLOCK : 0;
    egret_text_put(out, (const char *)&n, sizeof n);
    if (engine->n_heirs > 0) {
        egret_text_put(out, (const char *)engine->heirs, engine->n_heirs * sizeof *engine->heirs);
    }
}

bool heirs_skip(const char **at, const char *end)
{
    uint32_t n;
    if ((size_t)(end - *at) < sizeof n) {
        return false;
    }
    memcpy(&n, *at, sizeof n);
    *at += sizeof n;
    if (n != 0 && (n & WITH_CLOCK) == 0) {
        return false;
    }
    n &= ~WITH_CLOCK;
    if ((size_t)(end - *at) / sizeof(nfa_heir) < n) {
        return false;
    }
    *at += n * sizeof(nfa_heir);
    return true;
}

bool heirs_load(nfa_engine *engine, const char **at, const char *end)
{
    for (*at += sizeof(uint32_t); *at < end; *at += sizeof(nfa_heir)) {
        nfa_heir heir;
        memcpy(&heir, *at, sizeof heir);
        if (heir.from >= engine->n_slots || heir.to >= engine->n_slots || engine->slots[heir.to].kind == NFA_GONE) {
            return false;
        }
        if (find_from(engine, heir.from, engine->n_heirs) == engine->n_heirs && !add(engine, heir)) {
            return false;
        }
    }
    return true;
}
