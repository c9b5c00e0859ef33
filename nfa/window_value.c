/*
 * window_value.c: reading a window: its aggregates, its newest event, and the members of a profile.
 */
#include "nfa/window.h"

#include <string.h>

/* What an aggregate is over no events at all. */
static egret_value of_nothing(const plan_window *window, const plan_agg *agg)
{
    switch ((plan_fn)agg->fn) {
    case PLAN_COUNT: case PLAN_DISTINCT: return egret_int(0);
    case PLAN_SUM: {
        nfa_sum zero = {0, 0};
        return nfa_sum_read(&zero, (egret_type)window->args[agg->arg].type, 0);
    }
    case PLAN_DURATION_OF: return egret_duration(0);
    case PLAN_AVG: case PLAN_MIN: case PLAN_MAX: case PLAN_STDDEV: case PLAN_FIRST: case PLAN_LAST_VALUE:
    case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST: case PLAN_AT_FIRST: break;
    }
    return egret_null();
}

static egret_value entry_value(const win_layout *layout, const nfa_section *section, uint32_t ord, uint32_t arg)
{
    const uint8_t *entry = nfa_deque_at(section, layout->part_log, ord);
    uint64_t bits = 0;
    memcpy(&bits, entry + layout->entry_value + layout->args[arg].word * sizeof bits, sizeof bits);
    return nfa_raw_unpack(section, layout->part_bytes, layout->args[arg].type, bits, entry[layout->entry_meta + arg]);
}

/* first and last of a sliding aggregate: the outermost entries that count. */
static egret_value outermost(const plan_window *window, const win_layout *layout, const nfa_section *section, uint32_t agg)
{
    const plan_agg *def = &window->aggs[agg];
    uint32_t tail = win_lanes(section, layout)[layout->aggs[agg].lane].tail;
    uint32_t n = nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log) - tail;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ord = def->fn == PLAN_FIRST ? tail + i : tail + n - 1 - i;
        egret_value v = entry_value(layout, section, ord, def->arg);
        if (v.type != EGRET_NULL) {
            return v;
        }
    }
    return egret_null();
}

static egret_value best_of(const plan_window *window, const win_layout *layout, const nfa_section *section, uint32_t agg)
{
    unsigned part = layout->aggs[agg].part;
    uint8_t type = window->args[window->aggs[agg].arg].type;
    if (nfa_deque_count(section, part) == 0) {
        return egret_null();
    }
    const win_candidate *front = nfa_deque_at(section, part, nfa_deque_first(section, part));
    return nfa_raw_unpack(section, layout->part_bytes, type, front->bits, (uint8_t)front->meta);
}

static egret_value sum_of(nfa_engine *engine, const win_reg *reg, const plan_agg *agg, egret_type type)
{
    egret_value v = egret_null();
    if (reg->overflow == 0) {
        v = agg->fn == PLAN_SUM ? nfa_sum_read(&reg->sum, type, reg->scale)
            : agg->fn == PLAN_AVG ? nfa_sum_mean(&reg->sum, type, reg->n)
                                  : nfa_stddev(&reg->sum, &reg->squares, type, reg->n);
    }
    engine->stats.overflows += v.type == EGRET_NULL;
    return v;
}

egret_value win_agg_value(const nfa_env *env, uint32_t number, uint32_t agg)
{
    const plan_window *window = &env->engine->plan->windows[number];
    const win_layout *layout = env->engine->win[number];
    const plan_agg *def = &window->aggs[agg];
    const nfa_section *section = env->window;
    if (section == NULL) {
        return of_nothing(window, def);
    }
    const win_reg *reg = win_reg_at(section, layout, agg);
    if (def->fn == PLAN_COUNT) {
        return egret_int(reg->n);
    }
    if (def->fn == PLAN_DURATION_OF) {
        const win_root *root = nfa_section_root(section);
        bool framed = layout->aggs[agg].frame != 0;
        return egret_duration(framed ? win_frame_duration(window, layout, section, agg) : root->last_ms - root->start_ms);
    }
    if (reg->n == 0) {
        return of_nothing(window, def);
    }
    uint8_t type = window->args[def->arg].type;
    switch ((plan_fn)def->fn) {
    case PLAN_DISTINCT: return egret_int(nfa_map_count(section, layout->aggs[agg].part));
    case PLAN_SUM: case PLAN_AVG: case PLAN_STDDEV: return sum_of(env->engine, reg, def, (egret_type)type);
    case PLAN_MIN: case PLAN_MAX:
        return win_logged(def) ? best_of(window, layout, section, agg)
                               : nfa_raw_unpack(section, layout->part_bytes, type, reg->bits, reg->meta);
    case PLAN_FIRST: case PLAN_LAST_VALUE:
        return win_logged(def) ? outermost(window, layout, section, agg)
                               : nfa_raw_unpack(section, layout->part_bytes, type, reg->bits, reg->meta);
    case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST: return win_shape_value(env, window, layout, agg);
    case PLAN_COUNT: case PLAN_DURATION_OF: case PLAN_AT_FIRST: break;
    }
    return egret_null();
}

egret_value win_newest(const nfa_env *env, uint32_t cell)
{
    if (env->window == NULL || env->rule == NULL) {
        return egret_null();
    }
    uint32_t number = env->rule->threshold.window;
    const plan_window *window = &env->engine->plan->windows[number];
    const win_layout *layout = env->engine->win[number];
    if (layout->part_newest == 0 || nfa_deque_count(env->window, layout->part_newest) == 0) {
        return egret_null();
    }
    const uint8_t *at = nfa_deque_at(env->window, layout->part_newest, nfa_deque_first(env->window, layout->part_newest));
    uint64_t bits;
    at += sizeof(win_entry);
    memcpy(&bits, at + cell * sizeof bits, sizeof bits);
    uint8_t meta = at[window->n_cells * sizeof bits + cell];
    return nfa_raw_unpack(env->window, layout->part_bytes, window->cells[cell].type, bits, meta);
}

/* The block that holds the profile for whoever asks: the key of the event at hand, else (in a timer) the rule's own key. */
static uint32_t block_of(const nfa_env *env, uint32_t group)
{
    if (env->event != NULL) {
        const nfa_key *key = nfa_key_of(env->engine, group, env->event);
        return key->null ? NFA_NO_BLOCK : key->block;
    }
    return env->rule != NULL && env->rule->group == group ? env->block : NFA_NO_BLOCK;
}

static bool section_at_block(const nfa_env *env, uint32_t number, uint32_t block, nfa_section *section)
{
    nfa_engine *engine = env->engine;
    const plan_profile *profile = &engine->plan->profiles[number];
    const win_layout *layout = engine->win[profile->window];
    if (block == NFA_NO_BLOCK || !nfa_section_find(engine->store, block, &layout->def, section)) {
        return false;
    }
    if (layout->n_lanes > 0) {
        win_leave(&engine->plan->windows[profile->window], layout, section, env->now_ms, false);
    }
    win_roll(&engine->plan->windows[profile->window], layout, section, env->now_ms, WIN_AT_EVENT);
    return true;
}

bool win_profile_section(const nfa_env *env, uint32_t number, nfa_section *section)
{
    return section_at_block(env, number, block_of(env, env->engine->plan->profiles[number].group), section);
}

egret_value win_profile_value_at(const nfa_env *env, uint32_t number, uint32_t member, uint32_t block)
{
    nfa_section section;
    nfa_env inner = {.engine = env->engine, .event = env->event, .now_ms = env->now_ms, .block = block};
    inner.window = section_at_block(env, number, block, &section) ? &section : NULL;
    return nfa_eval(&inner, env->engine->plan->profiles[number].member[member]);
}

egret_value win_profile_value(const nfa_env *env, uint32_t number, uint32_t member)
{
    return win_profile_value_at(env, number, member, block_of(env, env->engine->plan->profiles[number].group));
}
