/*
 * layout.c: numbers the sections of a plan and lays them out.
 *
 * Every pattern, window, feature and alert life gets a rank in the order of the plan, and from it a section id (ids.c). What stands behind an
 * id is found in engine->slots, so that a deadline in a block leads to the code that acts on it.
 */
#include "nfa/branch.h"
#include "nfa/told.h"
#include "nfa/window.h"

const char *nfa_layout_name(nfa_engine *engine, egret_str name)
{
    const char *copy = name.len ? egret_arena_str(&engine->keep, name.ptr, name.len).ptr : "";
    return copy ? copy : "";
}

static const char **copy_pairs(nfa_engine *engine, const plan_pair *pairs, uint32_t n)
{
    const char **out = egret_arena_alloc(&engine->keep, (n + 1) * sizeof *out);
    for (uint32_t i = 0; out != NULL && i < n; i++) {
        out[i] = nfa_layout_name(engine, pairs[i].name);
    }
    return out;
}

static void name_rule(nfa_engine *engine, uint32_t number)
{
    const plan_rule *rule = &engine->plan->rules[number];
    const plan_group *group = &engine->plan->groups[rule->group];
    nfa_names *names = &engine->names[number];
    uint32_t n_items = rule->pattern ? rule->pattern->n_items : 0;
    names->rule = nfa_layout_name(engine, rule->name);
    names->fields = copy_pairs(engine, rule->fields, rule->n_fields);
    names->lets = copy_pairs(engine, rule->lets, rule->n_lets);
    names->timeout = copy_pairs(engine, rule->timeout, rule->n_timeout);
    names->keys = egret_arena_alloc(&engine->keep, (group->n_parts + 1) * sizeof *names->keys);
    names->items = egret_arena_alloc(&engine->keep, (n_items + 1) * sizeof *names->items);
    for (uint32_t i = 0; names->keys != NULL && i < group->n_parts; i++) {
        names->keys[i] = nfa_layout_name(engine, group->part_name[i]);
    }
    for (uint32_t i = 0; names->items != NULL && i < n_items; i++) {
        names->items[i] = nfa_layout_name(engine, rule->pattern->items[i].name);
    }
}

static bool make_names(nfa_engine *engine)
{
    const plan *p = engine->plan;
    engine->names = egret_arena_alloc(&engine->keep, (p->n_rules + 1) * sizeof *engine->names);
    for (uint32_t i = 0; !engine->keep.failed && i < p->n_rules; i++) {
        name_rule(engine, i);
    }
    return !engine->keep.failed;
}

static uint32_t new_id(nfa_engine *engine, nfa_kind kind, uint32_t owner, uint32_t rule, uint32_t group)
{
    engine->slots[engine->n_slots] = (nfa_slot){.kind = kind, .owner = owner, .rule = rule, .group = group, .rank = engine->n_slots,
                                                .stays = kind == NFA_SILENCE || kind == NFA_TOLD};
    return engine->n_slots++;
}

static bool lay_out_rule(nfa_engine *engine, uint32_t number)
{
    const plan_rule *rule = &engine->plan->rules[number];
    engine->silence[number].id = NFA_NONE;
    engine->life[number].id = NFA_NONE;
    if (rule->throttle_ms > 0 || rule->resolves || rule->n_rungs > 0) {
        life_layout(rule, &engine->life[number]);
    }
    if (rule->kind == PLAN_THRESHOLD) {
        engine->window_rule[rule->threshold.window] = number;
        return true;
    }
    if (rule->pattern->n_items == 0) {
        engine->silence[number].id = new_id(engine, NFA_SILENCE, number, number, rule->group);
        engine->silence[number].root_size = (uint16_t)silence_root_size();
        return true;
    }
    if (rule->pattern->n_parts > 0) {
        uint32_t branch_id = new_id(engine, NFA_BRANCH, number, number, rule->group);
        branch_layout *layout = egret_arena_alloc(&engine->keep, sizeof *layout);
        engine->branch[number] = layout;
        engine->seq[number] = layout ? &layout->seq : NULL;
        return layout != NULL && branch_layout_make(engine, number, layout, branch_id);
    }
    engine->seq[number] = egret_arena_alloc(&engine->keep, sizeof **engine->seq);
    uint32_t id = new_id(engine, NFA_PATTERN, number, number, rule->group);
    return engine->seq[number] != NULL && seq_layout_make(engine, number, engine->seq[number], id);
}

static bool lay_out_window(nfa_engine *engine, uint32_t number)
{
    uint32_t rule = engine->window_rule[number];
    uint32_t id = new_id(engine, NFA_WINDOW, number, rule, engine->plan->windows[number].group);
    engine->win[number] = egret_arena_alloc(&engine->keep, sizeof **engine->win);
    return engine->win[number] != NULL && win_layout_make(engine, number, engine->win[number], id);
}

static void lay_out_feature(nfa_engine *engine, uint32_t number)
{
    const plan_feature *feature = &engine->plan->features[number];
    nfa_section_def *def = &engine->feature[number];
    def->id = new_id(engine, NFA_FEATURE, number, NFA_NONE, feature->group);
    def->root_size = (uint16_t)feature_root_size();
    bool strings = feature->kind == PLAN_FEATURE_PREV && feature->type == EGRET_STRING;
    if (feature->kind == PLAN_FEATURE_NEW || strings) {
        def->n_parts = 1;
        def->part[0].kind = strings ? NFA_BYTES : NFA_MAP;
        def->ready = strings ? 0 : 1;
    }
}

/* Sections for what rules tell each other; none when no rule looks at another. */
static bool lay_out_told(nfa_engine *engine)
{
    const plan *p = engine->plan;
    for (uint32_t i = 0; i < p->n_streams; i++) {
        if (!p->streams[i].of_rules) {
            continue;
        }
        if (engine->told_def == NULL) {
            engine->told_def = egret_arena_alloc(&engine->keep, p->n_streams * sizeof *engine->told_def);
        }
        if (engine->told_def == NULL) {
            return false;
        }
        told_layout(&engine->told_def[i]);
        engine->told_def[i].id = new_id(engine, NFA_TOLD, i, NFA_NONE, p->n_groups);
    }
    return true;
}

bool nfa_layout_make(nfa_engine *engine)
{
    const plan *p = engine->plan;
    egret_arena *keep = &engine->keep;
    uint32_t max = p->n_rules * 2 + p->n_windows + p->n_features + p->n_streams + 1;
    engine->slots = egret_arena_alloc(keep, max * sizeof *engine->slots);
    engine->seq = egret_arena_alloc(keep, (p->n_rules + 1) * sizeof(seq_layout *));
    engine->branch = egret_arena_alloc(keep, (p->n_rules + 1) * sizeof(branch_layout *));
    engine->silence = egret_arena_alloc(keep, (p->n_rules + 1) * sizeof *engine->silence);
    engine->life = egret_arena_alloc(keep, (p->n_rules + 1) * sizeof *engine->life);
    engine->win = egret_arena_alloc(keep, (p->n_windows + 1) * sizeof(win_layout *));
    engine->window_rule = egret_arena_alloc(keep, (p->n_windows + 1) * sizeof *engine->window_rule);
    engine->feature = egret_arena_alloc(keep, (p->n_features + 1) * sizeof *engine->feature);
    if (keep->failed || !make_names(engine)) {
        return false;
    }
    for (uint32_t i = 0; i < p->n_windows; i++) {
        engine->window_rule[i] = NFA_NONE;
    }
    for (uint32_t i = 0; i < p->n_rules; i++) {
        if (!lay_out_rule(engine, i)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < p->n_windows; i++) {
        if (!lay_out_window(engine, i)) {
            return false;
        }
    }
    /* The life comes last: at one instant its deadline acts after the rule's own. */
    for (uint32_t i = 0; i < p->n_rules; i++) {
        if (engine->life[i].root_size > 0) {
            engine->life[i].id = new_id(engine, NFA_LIFE, i, i, p->rules[i].group);
        }
    }
    for (uint32_t i = 0; i < p->n_features; i++) {
        lay_out_feature(engine, i);
    }
    return lay_out_told(engine);
}
