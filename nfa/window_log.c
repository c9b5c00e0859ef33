/*
 * window_log.c: entries come, entries leave, registers follow. See window.h.
 */
#include "nfa/window.h"

#include <string.h>

/* ---- entries ---- */

static win_entry *entry_at(const win_layout *layout, const nfa_section *section, uint32_t ord)
{
    return nfa_deque_at(section, layout->part_log, ord);
}

uint32_t win_entries(const win_layout *layout, const nfa_section *section)
{
    return layout->log ? nfa_deque_count(section, layout->part_log) : 0;
}

static uint8_t entry_meta(const win_layout *layout, const win_entry *entry, uint32_t arg)
{
    return ((const uint8_t *)entry)[layout->entry_meta + arg];
}

static uint64_t entry_bits(const win_layout *layout, const win_entry *entry, uint32_t arg)
{
    uint64_t bits = 0;
    if (layout->value_word[arg] != NFA_NONE) {
        memcpy(&bits, (const uint8_t *)entry + layout->entry_value + layout->value_word[arg] * sizeof bits, sizeof bits);
    }
    return bits;
}

static egret_value entry_value(const plan_window *window, const win_layout *layout, const nfa_section *section,
                               const win_entry *entry, uint32_t arg)
{
    return nfa_raw_unpack(section, layout->part_bytes, window->args[arg].type, entry_bits(layout, entry, arg),
                          entry_meta(layout, entry, arg));
}

/* ---- registers ---- */

static bool is_sum(plan_fn fn)
{
    return fn == PLAN_SUM || fn == PLAN_AVG || fn == PLAN_STDDEV;
}

static void sum_up(win_reg *reg, plan_fn fn, egret_value v, int sign)
{
    if (!nfa_sum_add(&reg->sum, v, sign)) {
        reg->overflow = 1;
    }
    if (fn == PLAN_STDDEV) {
        nfa_square_sum_add(&reg->squares, v, sign);
    }
    if (v.type == EGRET_DECIMAL && v.scale > reg->scale) {
        reg->scale = v.scale;
    }
}

static bool is_negative(egret_value v)
{
    return v.type == EGRET_NUMBER ? v.u.d < 0 : v.u.i < 0;
}

/* A new candidate drives out those it beats: they are older and no better. */
static bool push_candidate(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg,
                           uint32_t ord)
{
    unsigned part = layout->aggs[agg].part;
    uint32_t arg = window->aggs[agg].arg;
    uint8_t type = window->args[arg].type;
    const win_entry *entry = entry_at(layout, section, ord);
    win_candidate fresh = {.ord = ord, .meta = entry_meta(layout, entry, arg), .bits = entry_bits(layout, entry, arg)};
    egret_value v = nfa_raw_unpack(section, layout->part_bytes, type, fresh.bits, (uint8_t)fresh.meta);
    for (uint32_t n = nfa_deque_count(section, part); n > 0; n--) {
        const win_candidate *back = nfa_deque_at(section, part, nfa_deque_first(section, part) + n - 1);
        egret_value other = nfa_raw_unpack(section, layout->part_bytes, type, back->bits, (uint8_t)back->meta);
        int order = 0;
        (void)egret_value_compare(v, other, &order);
        if (window->aggs[agg].fn == PLAN_MIN ? order > 0 : order < 0) {
            break;
        }
        nfa_deque_pop_back(section, part, 1);
    }
    win_candidate *slot = nfa_deque_push(section, part);
    if (slot == NULL) {
        return false;
    }
    *slot = fresh;
    return true;
}

/* Values that nothing slides out of: the register holds the best, first or newest one. */
static bool keep_one(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg, egret_value v)
{
    win_reg *reg = win_reg_at(section, layout, agg);
    plan_fn fn = (plan_fn)window->aggs[agg].fn;
    uint8_t type = window->args[window->aggs[agg].arg].type;
    if (reg->n > 1 && fn == PLAN_FIRST) {
        return true;
    }
    if (reg->n > 1 && fn != PLAN_LAST_VALUE) {
        egret_value held = nfa_raw_unpack(section, layout->part_bytes, type, reg->bits, reg->meta);
        int order = 0;
        (void)egret_value_compare(v, held, &order);
        if (fn == PLAN_MIN ? order >= 0 : order <= 0) {
            return true;
        }
    }
    nfa_section handle = *section;
    nfa_raw raw = nfa_raw_pack(&handle, layout->part_bytes, v);
    if (handle.store == NULL) {
        return false;
    }
    reg = win_reg_at(section, layout, agg);
    reg->bits = raw.bits;
    reg->meta = raw.meta;
    return true;
}

static bool add_to(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg, egret_value v,
                   uint32_t ord, int64_t time_ms)
{
    const plan_agg *def = &window->aggs[agg];
    win_reg *reg = win_reg_at(section, layout, agg);
    reg->n++;
    if (is_sum((plan_fn)def->fn)) {
        sum_up(reg, (plan_fn)def->fn, v, 1);
    }
    if (def->fn == PLAN_SUM && win_slides(def) && is_negative(v)) {
        ((win_root *)nfa_section_root(section))->negatives++;
    }
    switch ((plan_fn)def->fn) {
    case PLAN_DISTINCT: {
        int64_t *count = nfa_map_get(section, layout->aggs[agg].part, egret_value_hash(v));
        if (count == NULL) {
            return false;
        }
        ++*count;
        return true;
    }
    case PLAN_MIN: case PLAN_MAX:
        return win_logged(def) ? push_candidate(window, layout, section, agg, ord) : keep_one(window, layout, section, agg, v);
    case PLAN_FIRST: case PLAN_LAST_VALUE:
        return win_logged(def) || keep_one(window, layout, section, agg, v);
    case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST:
        return win_shape_add(window, layout, section, agg, v, time_ms);
    case PLAN_COUNT: case PLAN_SUM: case PLAN_AVG: case PLAN_STDDEV: case PLAN_DURATION_OF:
        break;
    }
    return true;
}

static void take_from(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg,
                      const win_entry *entry, uint32_t ord)
{
    const plan_agg *def = &window->aggs[agg];
    if (entry_meta(layout, entry, def->arg) == NFA_META_NULL) {
        return;
    }
    win_reg *reg = win_reg_at(section, layout, agg);
    unsigned part = layout->aggs[agg].part;
    reg->n--;
    if (is_sum((plan_fn)def->fn)) {
        egret_value v = entry_value(window, layout, section, entry, def->arg);
        sum_up(reg, (plan_fn)def->fn, v, -1);
        if (def->fn == PLAN_SUM && win_slides(def) && is_negative(v)) {
            ((win_root *)nfa_section_root(section))->negatives--;
        }
    } else if (def->fn == PLAN_DISTINCT) {
        uint64_t hash = layout->hashed[def->arg] ? entry_bits(layout, entry, def->arg)
                                                 : egret_value_hash(entry_value(window, layout, section, entry, def->arg));
        int64_t *count = nfa_map_find(section, part, hash);
        if (count != NULL && --*count == 0) {
            nfa_map_del(section, part, hash);
        }
    } else if (win_orders(def) || win_fits(def)) {
        win_shape_take(window, layout, section, agg, entry_value(window, layout, section, entry, def->arg), entry->time_ms);
    } else if ((def->fn == PLAN_MIN || def->fn == PLAN_MAX) && nfa_deque_count(section, part) > 0) {
        const win_candidate *front = nfa_deque_at(section, part, nfa_deque_first(section, part));
        if (front->ord == ord) {
            nfa_deque_pop_front(section, part, 1);
        }
    }
}

/* ---- leaving ---- */

/* Entries before every aggregate's tail are no longer needed. Where no aggregate looks at entries the newest stay, as evidence. */
static void pop_log(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t cap)
{
    uint32_t first = nfa_deque_first(section, layout->part_log);
    uint32_t n = nfa_deque_count(section, layout->part_log);
    uint32_t keep = layout->timed ? 0 : (n < cap ? n : cap);
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        if (win_logged(&window->aggs[a])) {
            uint32_t inside = n - (win_reg_at(section, layout, a)->tail - first);
            keep = inside > keep ? inside : keep;
        }
    }
    if (keep < n) {
        nfa_deque_pop_front(section, layout->part_log, n - keep);
    }
}

void win_leave(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, bool at_timer)
{
    if (!layout->timed) {
        return;
    }
    uint32_t end = nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log);
    bool any = false;
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        const plan_agg *agg = &window->aggs[a];
        if (!win_slides(agg)) {
            continue;
        }
        for (uint32_t ord = win_reg_at(section, layout, a)->tail; ord != end; ord++) {
            const win_entry *entry = entry_at(layout, section, ord);
            int64_t until = entry->time_ms > INT64_MAX - agg->over.size_ms ? INT64_MAX : entry->time_ms + agg->over.size_ms;
            if (at_timer ? until > now_ms : until >= now_ms) {
                break;
            }
            take_from(window, layout, section, a, entry, ord);
            win_reg_at(section, layout, a)->tail = ord + 1;
            any = true;
        }
    }
    if (any) {
        pop_log(window, layout, section, 0);
        win_trim_bytes(window, layout, section);
    }
}

int64_t win_next_leave(const plan_window *window, const win_layout *layout, const nfa_section *section)
{
    int64_t next = NFA_NEVER;
    uint32_t end = layout->log ? nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log) : 0;
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        const plan_agg *agg = &window->aggs[a];
        uint32_t tail = win_slides(agg) && agg->asked ? win_reg_at(section, layout, a)->tail : end;
        if (tail != end) {
            int64_t time_ms = entry_at(layout, section, tail)->time_ms;
            int64_t until = time_ms > INT64_MAX - agg->over.size_ms ? NFA_NEVER : time_ms + agg->over.size_ms;
            next = until < next ? until : next;
        }
    }
    return next;
}

void win_clear(const plan_window *window, const win_layout *layout, nfa_section *section)
{
    uint32_t end = 0;
    if (layout->log) {
        nfa_deque_pop_front(section, layout->part_log, nfa_deque_count(section, layout->part_log));
        end = nfa_deque_first(section, layout->part_log);
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        win_reg *reg = win_reg_at(section, layout, a);
        size_t size = a + 1 < window->n_aggs ? (size_t)(layout->aggs[a + 1].reg - layout->aggs[a].reg)
                                             : (size_t)(layout->def.root_size - layout->aggs[a].reg);
        memset(reg, 0, size);
        reg->tail = end;
        if (window->aggs[a].fn == PLAN_DISTINCT) {
            nfa_map_sweep(section, layout->aggs[a].part, INT64_MAX);
        }
        win_shape_clear(window, layout, section, a);
    }
}

/* ---- strings ---- */

/* The earliest string still needed. A string in a register (`first` of all times) would hold up all after it: when it does, it is
 * written again at the end. */
void win_trim_bytes(const plan_window *window, const win_layout *layout, nfa_section *section)
{
    if (layout->part_bytes == 0) {
        return;
    }
    uint32_t end = nfa_bytes_end(section, layout->part_bytes);
    uint32_t behind = 0;        /* how far before the end the earliest string stands */
    if (win_entries(layout, section) > 0) {
        behind = end - entry_at(layout, section, nfa_deque_first(section, layout->part_log))->bytes;
    }
    uint32_t logged = behind;
    for (uint32_t a = 0; layout->strings && a < window->n_aggs; a++) {
        win_reg *reg = win_reg_at(section, layout, a);
        bool holds = !win_logged(&window->aggs[a]) && reg->n > 0 && reg->meta != NFA_META_NULL
            && window->aggs[a].fn >= PLAN_MIN && window->args[window->aggs[a].arg].type == EGRET_STRING
            && window->aggs[a].fn != PLAN_DISTINCT && window->aggs[a].fn != PLAN_STDDEV && reg->bits >> 32 != 0;
        uint32_t back = holds ? end - (uint32_t)reg->bits : 0;
        if (holds && back > logged + 1024) {
            uint32_t offset = 0;
            uint32_t len = (uint32_t)(reg->bits >> 32);
            char copy[NFA_CHUNK_BYTES / 2];
            memcpy(copy, nfa_bytes_at(section, layout->part_bytes, (uint32_t)reg->bits), len);
            if (nfa_bytes_push(section, layout->part_bytes, copy, len, &offset)) {
                win_reg_at(section, layout, a)->bits = (uint64_t)len << 32 | offset;
                back = end - offset;
                back = back > UINT32_MAX / 2 ? 0 : back;
            }
        }
        behind = back > behind ? back : behind;
    }
    if (layout->part_newest != 0 && nfa_deque_count(section, layout->part_newest) > 0) {
        const win_entry *newest = nfa_deque_at(section, layout->part_newest, nfa_deque_first(section, layout->part_newest));
        behind = end - newest->bytes > behind ? end - newest->bytes : behind;
    }
    nfa_bytes_pop_front(section, layout->part_bytes, end - behind);
}

/* ---- entering ---- */

/* An argument over several streams has an expression for each. A value that comes out of a block is copied: the block may move before the
 * value is taken in. */
egret_value *win_ask(const nfa_env *env, uint32_t number, uint64_t atoms, egret_value *few)
{
    const plan_window *window = &env->engine->plan->windows[number];
    bool fits = few != NULL && window->n_args <= WIN_FEW;
    egret_value *value = fits ? few : nfa_scratch(env->engine, (window->n_args + 1) * sizeof *value);
    for (uint32_t i = 0; value != NULL && i < window->n_args; i++) {
        const plan_arg *arg = &window->args[i];
        uint64_t counted = arg->atoms & atoms;
        value[i] = egret_null();
        if (counted == 0) {
            continue;
        }
        int atom = __builtin_ctzll(counted);
        if (arg->atom_where[atom] != PLAN_NONE && !nfa_holds(env, arg->atom_where[atom])) {
            continue;
        }
        uint32_t expr = arg->atom_value[atom];
        value[i] = expr == PLAN_NONE ? egret_bool(true) : nfa_value_of(env, expr);
        bool from_block = expr != PLAN_NONE && (env->engine->plan->exprs[expr].uses & PLAN_USES_KEY_STATE) != 0;
        if (from_block && value[i].type == EGRET_STRING) {
            egret_str copy = egret_arena_str(&env->engine->scratch, value[i].u.s, value[i].len);
            value[i] = copy.ptr ? egret_string(copy.ptr, copy.len) : egret_null();
        }
    }
    return env->engine->scratch.failed ? NULL : value;
}

static bool push_entry(const nfa_env *env, const plan_window *window, const win_layout *layout, nfa_section *section,
                       const egret_value *value)
{
    uint32_t bytes = layout->part_bytes ? nfa_bytes_end(section, layout->part_bytes) : 0;
    uint32_t ord = nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log);
    win_entry *entry = nfa_deque_push(section, layout->part_log);
    if (entry == NULL) {
        return false;
    }
    *entry = (win_entry){.time_ms = env->event->time_ms, .bytes = bytes, .stream = env->event->stream};
    if (layout->evidence) {
        win_reference reference = {env->event->ref, env->event->identity};
        memcpy(entry + 1, &reference, sizeof reference);
    }
    uint8_t *at = (uint8_t *)entry;
    for (uint32_t i = 0; i < window->n_args; i++) {
        nfa_raw raw = {0, value[i].type == EGRET_NULL ? NFA_META_NULL : value[i].scale};
        if (layout->hashed[i]) {
            raw.bits = egret_value_hash(value[i]);
        } else if (layout->value_word[i] != NFA_NONE) {
            nfa_section handle = *section;
            raw = nfa_raw_pack(&handle, layout->part_bytes, value[i]);
            if (handle.store == NULL) {
                return false;
            }
            at = (uint8_t *)entry_at(layout, section, ord);     /* a string may have moved it */
        }
        at[layout->entry_meta + i] = raw.meta;
        if (layout->value_word[i] != NFA_NONE) {
            memcpy(at + layout->entry_value + layout->value_word[i] * sizeof raw.bits, &raw.bits, sizeof raw.bits);
        }
    }
    return true;
}

/* The newest event's fields that `when`, lets and the alert read. */
static bool keep_newest(const nfa_env *env, const plan_window *window, const win_layout *layout, nfa_section *section)
{
    if (layout->part_newest == 0) {
        return true;
    }
    if (nfa_deque_count(section, layout->part_newest) == 0 && nfa_deque_push(section, layout->part_newest) == NULL) {
        return false;
    }
    uint32_t ord = nfa_deque_first(section, layout->part_newest);
    uint32_t bytes = layout->part_bytes ? nfa_bytes_end(section, layout->part_bytes) : 0;
    win_entry *newest = nfa_deque_at(section, layout->part_newest, ord);
    *newest = (win_entry){.time_ms = env->event->time_ms, .bytes = bytes, .stream = env->event->stream};
    for (uint32_t c = 0; c < window->n_cells; c++) {
        uint32_t slot = window->cells[c].slot[env->event->stream];
        nfa_section handle = *section;
        nfa_raw raw = nfa_raw_pack(&handle, layout->part_bytes, slot == PLAN_NONE ? egret_null() : env->event->slots[slot]);
        if (handle.store == NULL) {
            return false;
        }
        uint8_t *at = (uint8_t *)nfa_deque_at(section, layout->part_newest, ord) + sizeof(win_entry);
        memcpy(at + c * sizeof raw.bits, &raw.bits, sizeof raw.bits);
        at[window->n_cells * sizeof raw.bits + c] = raw.meta;
    }
    return true;
}

/* Gives how many events went. */
static uint64_t enforce_limit(const plan_window *window, const win_layout *layout, nfa_section *section)
{
    uint64_t dropped = 0;
    for (; layout->timed && nfa_deque_count(section, layout->part_log) > window->limit_values; dropped++) {
        uint32_t ord = nfa_deque_first(section, layout->part_log);
        const win_entry *entry = entry_at(layout, section, ord);
        for (uint32_t a = 0; a < window->n_aggs; a++) {
            if (win_logged(&window->aggs[a]) && win_reg_at(section, layout, a)->tail == ord) {
                take_from(window, layout, section, a, entry, ord);
                win_reg_at(section, layout, a)->tail = ord + 1;
            }
        }
        nfa_deque_pop_front(section, layout->part_log, 1);
        ((win_root *)nfa_section_root(section))->flags |= WIN_LIMITED;
    }
    return dropped;
}

bool win_enter(const nfa_env *env, uint32_t number, nfa_section *section, const egret_value *value)
{
    const plan_window *window = &env->engine->plan->windows[number];
    const win_layout *layout = env->engine->win[number];
    if (value == NULL) {
        return false;
    }
    uint32_t ord = layout->log ? nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log) : 0;
    if (!keep_newest(env, window, layout, section) || (layout->log && !push_entry(env, window, layout, section, value))) {
        return false;
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        uint32_t arg = window->aggs[a].arg;
        if (value[arg].type == EGRET_NULL) {
            continue;
        }
        if (!add_to(window, layout, section, a, value[arg], ord, env->event->time_ms)) {
            return false;
        }
    }
    uint32_t rule = env->engine->window_rule[number];
    if (layout->log && !layout->timed) {
        pop_log(window, layout, section, rule == NFA_NONE ? 1 : env->engine->plan->rules[rule].evidence_cap);
    }
    uint64_t dropped = enforce_limit(window, layout, section);
    if (dropped > 0 && rule != NFA_NONE) {
        env->engine->rule_stats[rule].events_dropped += dropped;
    }
    win_trim_bytes(window, layout, section);
    return true;
}
