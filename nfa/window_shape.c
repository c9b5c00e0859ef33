/*
 * window_shape.c: percentiles, slope and forecast of a window: what they keep beside their registers, and what is read from it.
 *
 * Aggregates of the same argument over the same window share: the first of them, the owner, keeps the values in order (window_order.h) or the
 * sums of the line (fit.h), and its register the digits of decimals; the others read them.
 */
#include "nfa/window.h"

#include "nfa/fit.h"
#include "nfa/window_order.h"

static win_order values_of(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg)
{
    return (win_order){.section = section, .part = layout->aggs[agg].part, .type = window->args[window->aggs[agg].arg].type};
}

static nfa_fit *line_at(const win_layout *layout, const nfa_section *section, uint32_t agg)
{
    return (nfa_fit *)(void *)((uint8_t *)nfa_section_root(section) + layout->aggs[agg].fit);
}

/* A decimal has 18 digits. */
#define DECIMAL_LIMIT INT64_C(1000000000000000000)

static bool shares(const plan_agg *a, const plan_agg *b)
{
    bool same_kind = (win_orders(a) && win_orders(b)) || (win_fits(a) && win_fits(b));
    return same_kind && a->arg == b->arg && plan_over_equal(&a->over, &b->over);
}

void win_shape_place(const plan_window *window, win_layout *layout, uint32_t agg, size_t *root)
{
    const plan_agg *def = &window->aggs[agg];
    win_agg *place = &layout->aggs[agg];
    place->owner = 0;
    while (place->owner < agg && !shares(&window->aggs[place->owner], def)) {
        place->owner++;
    }
    if (place->owner != agg) {
        place->part = layout->aggs[place->owner].part;
        place->fit = layout->aggs[place->owner].fit;
    } else if (win_orders(def)) {
        place->part = layout->def.n_parts++;
        layout->def.part[place->part] = (nfa_part_def){.kind = NFA_DEQUE, .rec_size = (uint16_t)win_order_record_size()};
    } else if (win_fits(def)) {
        place->fit = (uint16_t)*root;
        *root += sizeof(nfa_fit);
    }
}

bool win_shape_add(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg, egret_value v,
                   int64_t time_ms)
{
    win_reg *reg = win_reg_at(section, layout, agg);
    if (layout->aggs[agg].owner != agg) {
        return true;
    }
    reg->scale = v.type == EGRET_DECIMAL && v.scale > reg->scale ? v.scale : reg->scale;
    if (win_orders(&window->aggs[agg])) {
        win_order values = values_of(window, layout, section, agg);
        return win_order_add(&values, v);
    }
    reg->overflow = !nfa_fit_add(line_at(layout, section, agg), time_ms, v, 1) || reg->overflow;
    return true;
}

void win_shape_take(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg, egret_value v,
                    int64_t time_ms)
{
    if (layout->aggs[agg].owner != agg) {
        return;
    }
    if (win_orders(&window->aggs[agg])) {
        win_order values = values_of(window, layout, section, agg);
        win_order_take(&values, v);
        return;
    }
    win_reg *reg = win_reg_at(section, layout, agg);
    reg->overflow = !nfa_fit_add(line_at(layout, section, agg), time_ms, v, -1) || reg->overflow;
}

/* The sums of a line are cleared with the register they follow. */
void win_shape_clear(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg)
{
    if (win_orders(&window->aggs[agg]) && layout->aggs[agg].owner == agg) {
        win_order values = values_of(window, layout, section, agg);
        win_order_clear(&values);
    }
}

/* With as many digits as the values had, where they fit. */
static egret_value with_digits(egret_value v, uint8_t scale)
{
    int64_t wider;
    while (v.type == EGRET_DECIMAL && v.scale < scale && !__builtin_mul_overflow(v.u.i, 10, &wider)
           && wider < DECIMAL_LIMIT && wider > -DECIMAL_LIMIT) {
        v.u.i = wider;
        v.scale++;
    }
    return v;
}

egret_value win_shape_value(const nfa_env *env, const plan_window *window, const win_layout *layout, uint32_t agg)
{
    const plan_agg *def = &window->aggs[agg];
    uint32_t owner = layout->aggs[agg].owner;
    egret_type type = (egret_type)window->args[def->arg].type;
    const win_reg *reg = win_reg_at(env->window, layout, owner);
    if (win_orders(def)) {
        win_order values = values_of(window, layout, env->window, owner);
        return def->fn == PLAN_MEDIAN ? win_order_median(&values)
                                      : with_digits(win_order_percentile(&values, (unsigned)def->param), reg->scale);
    }
    if (reg->overflow != 0) {
        env->engine->stats.overflows++;
        return egret_null();
    }
    const nfa_fit *line = line_at(layout, env->window, owner);
    return def->fn == PLAN_SLOPE ? nfa_fit_slope(line, type, reg->n) : nfa_fit_at(line, type, reg->n, env->now_ms, def->param);
}
