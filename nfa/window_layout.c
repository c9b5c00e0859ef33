/*
 * window_layout.c: decides, once per window, what is remembered of its events and where (see window.h).
 */
#include "nfa/window.h"

static size_t register_size(plan_fn fn)
{
    switch (fn) {
    case PLAN_COUNT: case PLAN_DISTINCT: case PLAN_DURATION_OF: case PLAN_AT_FIRST: return offsetof(win_reg, scale);
    case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST: return offsetof(win_reg, bits);
    case PLAN_MIN: case PLAN_MAX: case PLAN_FIRST: case PLAN_LAST_VALUE: return offsetof(win_reg, bits) + sizeof(uint64_t);
    case PLAN_SUM: case PLAN_AVG: return offsetof(win_reg, squares);
    case PLAN_STDDEV: break;
    }
    return sizeof(win_reg);
}

static bool holds_value(plan_fn fn)
{
    return fn == PLAN_MIN || fn == PLAN_MAX || fn == PLAN_FIRST || fn == PLAN_LAST_VALUE;
}

static uint8_t add_part(nfa_section_def *def, nfa_part_kind kind, size_t rec_size)
{
    def->part[def->n_parts] = (nfa_part_def){.kind = (uint8_t)kind, .rec_size = (uint16_t)rec_size};
    return def->n_parts++;
}

/* A new section gets its first record at once, as it comes with an event. */
static void make_ready(nfa_section_def *def, unsigned part)
{
    def->ready |= part < 32 ? UINT32_C(1) << part : 0;
}

/* Which arguments are kept as values, which as hashes, which only as "counted". */
static void place_args(const plan_window *window, win_layout *layout)
{
    for (uint32_t i = 0; i < window->n_args; i++) {
        win_arg *arg = &layout->args[i];
        arg->type = window->args[i].type;
        for (uint32_t a = 0; a < window->n_aggs; a++) {
            const plan_agg *agg = &window->aggs[a];
            if (agg->arg != i || !win_logged(agg) || agg->fn == PLAN_COUNT) {
                continue;
            }
            if (agg->fn != PLAN_DISTINCT) {
                arg->keep = arg->type == EGRET_STRING ? WIN_KEEP_TEXT : WIN_KEEP_PLAIN;
            } else if (arg->keep == WIN_KEEP_NOTHING) {
                arg->keep = WIN_KEEP_HASH;
            }
        }
        if (arg->keep != WIN_KEEP_NOTHING) {
            arg->word = layout->n_words++;
        }
    }
}

/* The lane of the aggregates over that window. */
static uint16_t lane_of(win_layout *layout, const plan_over *over)
{
    uint16_t lane = 0;
    while (lane < layout->n_lanes && !plan_over_equal(layout->lane[lane].over, over)) {
        lane++;
    }
    if (lane == layout->n_lanes) {
        layout->lane[lane].over = over;
        layout->lane[layout->n_lanes++].size_ms = over->kind == AST_SLIDING ? over->size_ms : INT64_MAX;
    }
    return lane;
}

static bool place_lanes(const plan_window *window, win_layout *layout)
{
    if (window->n_aggs > UINT16_MAX / sizeof(win_reg)) {
        return false;
    }
    layout->all_slide = window->n_aggs > 0;
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        const plan_agg *agg = &window->aggs[a];
        bool slides = win_slides(agg);
        layout->aggs[a] = (win_agg){.fn = agg->fn, .arg = agg->arg, .lane = WIN_NO_LANE};
        layout->all_slide = layout->all_slide && slides;
        if (!win_logged(agg)) {
            continue;
        }
        uint16_t lane = lane_of(layout, &agg->over);
        layout->counted = layout->counted || agg->over.kind == AST_LAST;
        layout->aggs[a].lane = lane;
        layout->lane[lane].asked = layout->lane[lane].asked || agg->asked;
        layout->timed = true;
        layout->longest_ms = slides && agg->over.size_ms > layout->longest_ms ? agg->over.size_ms : layout->longest_ms;
    }
    layout->lanes = layout->dated ? sizeof(win_root) : offsetof(win_root, start_ms);
    layout->registers = (uint16_t)(layout->lanes + layout->n_lanes * sizeof(win_lane));
    return true;
}

/* The aggregates of each argument and of each lane, in their order. */
static void list_aggs(const plan_window *window, win_layout *layout)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < window->n_args; i++) {
        layout->args[i].aggs = n;
        for (uint32_t a = 0; a < window->n_aggs; a++) {
            if (layout->aggs[a].arg == i) {
                layout->by_arg[n++] = a;
            }
        }
        layout->args[i].n_aggs = n - layout->args[i].aggs;
    }
    n = 0;
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        layout->lane[i].aggs = n;
        for (uint32_t a = 0; a < window->n_aggs; a++) {
            if (layout->aggs[a].lane == i) {
                layout->by_lane[n++] = a;
            }
        }
        layout->lane[i].n_aggs = n - layout->lane[i].aggs;
    }
}

static void place_own(const nfa_engine *engine, uint32_t number, win_layout *layout)
{
    const plan_window *window = &engine->plan->windows[number];
    uint32_t rule = engine->window_rule[number];
    const plan_threshold *t = rule == NFA_NONE ? NULL : &engine->plan->rules[rule].threshold;
    layout->closes = t != NULL && (t->kind == AST_TUMBLING || t->kind == AST_HOPPING || t->kind == AST_SESSION);
    layout->dated = layout->closes;
    layout->passes = layout->closes || window->n_aggs > 0;
    if (layout->closes) {
        layout->own = (plan_over){.kind = t->kind, .size_ms = t->size_ms, .every_ms = t->every_ms, .zone = t->zone};
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        const plan_over *over = &window->aggs[a].over;
        layout->dated = layout->dated || window->aggs[a].fn == PLAN_DURATION_OF;
        layout->mixed = layout->mixed || !plan_over_equal(over, &layout->own);
        layout->passes = layout->passes && over->kind != AST_EVER && over->kind != AST_LAST;
    }
}

/* What is asked of an event for each argument, by the atom it fits. */
static bool place_asks(nfa_engine *engine, const plan_window *window, win_layout *layout)
{
    layout->ask = egret_arena_alloc(&engine->keep, ((size_t)window->n_args * window->n_atoms + 1) * sizeof *layout->ask);
    for (uint32_t i = 0; layout->ask != NULL && i < window->n_args; i++) {
        for (uint32_t atom = 0; atom < window->n_atoms; atom++) {
            layout->ask[i * window->n_atoms + atom] = win_ask_make(engine->plan, window, i, atom);
        }
    }
    return layout->ask != NULL;
}

static bool needs_bytes(const plan_window *window, const win_layout *layout)
{
    for (uint32_t c = 0; c < window->n_cells; c++) {
        if (window->cells[c].type == EGRET_STRING) {
            return true;
        }
    }
    for (uint32_t i = 0; i < window->n_args; i++) {
        if (layout->args[i].keep == WIN_KEEP_TEXT) {
            return true;
        }
    }
    return layout->strings;
}

static bool place_aggs(const nfa_engine *engine, uint32_t number, win_layout *layout)
{
    const plan_window *window = &engine->plan->windows[number];
    size_t root = layout->registers;
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        const plan_agg *agg = &window->aggs[a];
        layout->aggs[a].reg = (uint16_t)root;
        root += register_size((plan_fn)agg->fn);
        bool best = agg->fn == PLAN_MIN || agg->fn == PLAN_MAX;
        bool part = agg->fn == PLAN_DISTINCT || (best && win_logged(agg));
        if (layout->def.n_parts >= NFA_MAX_DEQUES - 2 || root > UINT16_MAX - 256) {
            return false;
        }
        win_shape_place(window, layout, a, &root);
        layout->aggs[a].size = (uint16_t)(root - layout->aggs[a].reg);
        win_frame_place(engine, number, layout, a, &root);
        if (part) {
            layout->aggs[a].part = add_part(&layout->def, best ? NFA_DEQUE : NFA_MAP, sizeof(win_candidate));
            make_ready(&layout->def, layout->aggs[a].part);
        }
        if (!win_logged(agg) && holds_value((plan_fn)agg->fn) && window->args[agg->arg].type == EGRET_STRING) {
            layout->strings = true;
        }
    }
    layout->def.root_size = (uint16_t)root;
    return true;
}

static void place_entry(const plan_window *window, win_layout *layout)
{
    bool inside = window->n_args <= sizeof(uint32_t) && !needs_bytes(window, layout);
    size_t at = sizeof(win_entry) + (layout->evidence ? sizeof(win_reference) : 0);
    layout->entry_value = (uint16_t)at;
    at += layout->n_words * 8u;
    layout->entry_meta = (uint16_t)(inside ? offsetof(win_entry, bytes) : at);
    at += inside ? 0 : window->n_args;
    layout->entry_size = (uint16_t)((at + 7) / 8 * 8);
    layout->def.part[layout->part_log].rec_size = layout->entry_size;
}

bool win_layout_make(nfa_engine *engine, uint32_t number, win_layout *layout, uint32_t id)
{
    const plan_window *window = &engine->plan->windows[number];
    layout->args = egret_arena_alloc(&engine->keep, (window->n_args + 1) * sizeof *layout->args);
    layout->aggs = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *layout->aggs);
    layout->lane = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *layout->lane);
    layout->by_arg = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *layout->by_arg);
    layout->by_lane = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *layout->by_lane);
    if (engine->keep.failed || !place_asks(engine, window, layout)) {
        return false;
    }
    layout->def.id = id;
    layout->evidence = engine->window_rule[number] != NFA_NONE;
    place_own(engine, number, layout);
    place_args(window, layout);
    if (!place_lanes(window, layout)) {
        return false;
    }
    list_aggs(window, layout);
    layout->part_log = add_part(&layout->def, NFA_DEQUE, 0);    /* always part 0, so that 0 can mean "none" elsewhere */
    if (!place_aggs(engine, number, layout)) {
        return false;
    }
    place_entry(window, layout);
    layout->log = layout->timed || layout->evidence;
    if (layout->log) {
        make_ready(&layout->def, layout->part_log);
    }
    if (window->n_cells > 0) {
        size_t newest = (sizeof(win_entry) + window->n_cells * 9u + 7) / 8 * 8;
        layout->part_newest = add_part(&layout->def, NFA_DEQUE, newest);
        make_ready(&layout->def, layout->part_newest);
    }
    layout->part_bytes = needs_bytes(window, layout) ? add_part(&layout->def, NFA_BYTES, 1) : 0;
    for (uint32_t i = 0; i < window->n_atoms; i++) {
        layout->asks = layout->asks || window->atoms[i].rest != PLAN_NONE;
    }
    engine->slots[id].stays = !layout->passes;
    return win_plain_make(engine, window, layout);
}
