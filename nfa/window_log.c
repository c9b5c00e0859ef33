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

static uint32_t log_end(const win_layout *layout, const nfa_section *section)
{
    return nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log);
}

uint32_t win_entries(const win_layout *layout, const nfa_section *section)
{
    return layout->log ? nfa_deque_count(section, layout->part_log) : 0;
}

static nfa_raw entry_raw(const win_layout *layout, const win_entry *entry, uint32_t arg)
{
    nfa_raw raw = {0, ((const uint8_t *)entry)[layout->entry_meta + arg]};
    if (layout->args[arg].keep != WIN_KEEP_NOTHING) {
        memcpy(&raw.bits, (const uint8_t *)entry + layout->entry_value + layout->args[arg].word * sizeof raw.bits, sizeof raw.bits);
    }
    return raw;
}

static egret_value value_of(const win_layout *layout, const nfa_section *section, uint32_t arg, nfa_raw raw)
{
    return nfa_raw_unpack(section, layout->part_bytes, layout->args[arg].type, raw.bits, raw.meta);
}

/* ---- registers ---- */

static void sum_up(win_reg *reg, plan_fn fn, const egret_value *v, int sign)
{
    bool decimal = v->type == EGRET_DECIMAL;
    if (decimal ? !nfa_sum_add_decimal(&reg->sum, v->u.i, v->scale, sign) : !nfa_sum_add(&reg->sum, *v, sign)) {
        reg->overflow = 1;
    }
    if (fn == PLAN_STDDEV) {
        nfa_square_sum_add(&reg->squares, *v, sign);
    }
    if (decimal && v->scale > reg->scale) {
        reg->scale = v->scale;
    }
}

/* A new candidate drives out those it beats: they are older and no better. */
static bool push_candidate(const win_layout *layout, nfa_section *section, const win_agg *agg, uint32_t ord)
{
    nfa_raw raw = entry_raw(layout, entry_at(layout, section, ord), agg->arg);
    egret_value v = value_of(layout, section, agg->arg, raw);
    for (uint32_t n = nfa_deque_count(section, agg->part); n > 0; n--) {
        const win_candidate *back = nfa_deque_at(section, agg->part, nfa_deque_first(section, agg->part) + n - 1);
        egret_value other = value_of(layout, section, agg->arg, (nfa_raw){back->bits, (uint8_t)back->meta});
        int order = 0;
        (void)egret_value_compare(v, other, &order);
        if (agg->fn == PLAN_MIN ? order > 0 : order < 0) {
            break;
        }
        nfa_deque_pop_back(section, agg->part, 1);
    }
    win_candidate *slot = nfa_deque_push(section, agg->part);
    if (slot == NULL) {
        return false;
    }
    *slot = (win_candidate){.ord = ord, .meta = raw.meta, .bits = raw.bits};
    return true;
}

/* Values that nothing slides out of: the register holds the best, first or newest one. */
static bool keep_one(const win_layout *layout, nfa_section *section, const win_agg *agg, egret_value v)
{
    win_reg *reg = (win_reg *)((uint8_t *)nfa_section_root(section) + agg->reg);
    if (reg->n > 1 && agg->fn == PLAN_FIRST) {
        return true;
    }
    if (reg->n > 1 && agg->fn != PLAN_LAST_VALUE) {
        egret_value held = value_of(layout, section, agg->arg, (nfa_raw){reg->bits, reg->meta});
        int order = 0;
        (void)egret_value_compare(v, held, &order);
        if (agg->fn == PLAN_MIN ? order >= 0 : order <= 0) {
            return true;
        }
    }
    nfa_section handle = *section;
    nfa_raw raw = nfa_raw_pack(&handle, layout->part_bytes, v);
    if (handle.store == NULL) {
        return false;
    }
    reg = (win_reg *)((uint8_t *)nfa_section_root(section) + agg->reg);
    reg->bits = raw.bits;
    reg->meta = raw.meta;
    return true;
}

static bool count_value(nfa_section *section, const win_agg *agg, uint64_t hash)
{
    int64_t *count = nfa_map_get(section, agg->part, hash);
    if (count != NULL) {
        ++*count;
    }
    return count != NULL;
}

typedef struct win_entering {
    const plan_window *window;
    const win_layout *layout;
    nfa_section *section;
    uint32_t ord;               /* of the entry */
    int64_t time_ms;
} win_entering;

/* raw: as the value stands in the entry, where it does. */
static bool add_to(const win_entering *to, const win_agg *agg, const egret_value *v, uint64_t raw)
{
    const win_layout *layout = to->layout;
    nfa_section *section = to->section;
    win_root *root = nfa_section_root(section);
    win_reg *reg = (win_reg *)((uint8_t *)root + agg->reg);
    bool slides = agg->lane != WIN_NO_LANE;
    reg->n++;
    switch ((plan_fn)agg->fn) {
    case PLAN_COUNT: case PLAN_DURATION_OF: case PLAN_AT_FIRST:
        break;
    case PLAN_SUM:
        sum_up(reg, PLAN_SUM, v, 1);
        root->negatives += slides ? win_is_negative(v) : 0;
        break;
    case PLAN_AVG: case PLAN_STDDEV:
        sum_up(reg, (plan_fn)agg->fn, v, 1);
        break;
    case PLAN_DISTINCT:
        return count_value(section, agg, layout->args[agg->arg].keep == WIN_KEEP_HASH ? raw : egret_value_hash(*v));
    case PLAN_MIN: case PLAN_MAX:
        return slides ? push_candidate(layout, section, agg, to->ord) : keep_one(layout, section, agg, *v);
    case PLAN_FIRST: case PLAN_LAST_VALUE:
        return slides || keep_one(layout, section, agg, *v);
    case PLAN_MEDIAN: case PLAN_QUANTILE: case PLAN_SLOPE: case PLAN_FORECAST:
        return win_shape_add(to->window, layout, section, (uint32_t)(agg - layout->aggs), *v, to->time_ms);
    }
    return true;
}

static void take_from(const plan_window *window, const win_layout *layout, nfa_section *section, const win_agg *agg, const win_entry *entry,
                      uint32_t ord)
{
    nfa_raw raw = entry_raw(layout, entry, agg->arg);
    if (raw.meta == NFA_META_NULL) {
        return;
    }
    win_root *root = nfa_section_root(section);
    win_reg *reg = (win_reg *)((uint8_t *)root + agg->reg);
    reg->n--;
    if (agg->fn == PLAN_SUM || agg->fn == PLAN_AVG || agg->fn == PLAN_STDDEV) {
        egret_value v = value_of(layout, section, agg->arg, raw);
        sum_up(reg, (plan_fn)agg->fn, &v, -1);
        root->negatives -= agg->fn == PLAN_SUM ? win_is_negative(&v) : 0;
    } else if (agg->fn == PLAN_DISTINCT) {
        bool hashed = layout->args[agg->arg].keep == WIN_KEEP_HASH;
        uint64_t hash = hashed ? raw.bits : egret_value_hash(value_of(layout, section, agg->arg, raw));
        int64_t *count = nfa_map_find(section, agg->part, hash);
        if (count != NULL && --*count == 0) {
            nfa_map_del(section, agg->part, hash);
        }
    } else if (agg->fn == PLAN_MEDIAN || agg->fn == PLAN_QUANTILE || agg->fn == PLAN_SLOPE || agg->fn == PLAN_FORECAST) {
        win_shape_take(window, layout, section, (uint32_t)(agg - layout->aggs), value_of(layout, section, agg->arg, raw), entry->time_ms);
    } else if ((agg->fn == PLAN_MIN || agg->fn == PLAN_MAX) && nfa_deque_count(section, agg->part) > 0) {
        const win_candidate *front = nfa_deque_at(section, agg->part, nfa_deque_first(section, agg->part));
        if (front->ord == ord) {
            nfa_deque_pop_front(section, agg->part, 1);
        }
    }
}

/* ---- leaving ---- */

/* The lane's tail is now at ord. */
static void set_tail(const win_layout *layout, nfa_section *section, uint32_t lane, uint32_t ord, uint32_t end)
{
    win_lane *at = &win_lanes(section, layout)[lane];
    at->tail = ord;
    at->until_ms = ord == end ? NFA_NEVER : win_until(entry_at(layout, section, ord)->time_ms, layout->lane[lane].size_ms);
}

/* The entry at ord is taken out of all aggregates of the lane. */
static void leave_lane(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t lane, uint32_t ord)
{
    const win_lane_def *def = &layout->lane[lane];
    for (uint32_t i = def->aggs; i < def->aggs + def->n_aggs; i++) {
        take_from(window, layout, section, &layout->aggs[layout->by_lane[i]], entry_at(layout, section, ord), ord);
    }
}

/* Entries before every lane's tail are no longer needed. Without lanes the newest stay, as evidence. */
static void pop_log(const win_layout *layout, nfa_section *section, uint32_t cap)
{
    uint32_t n = nfa_deque_count(section, layout->part_log);
    uint32_t end = nfa_deque_first(section, layout->part_log) + n;
    uint32_t keep = layout->timed ? 0 : (n < cap ? n : cap);
    const win_lane *lane = win_lanes(section, layout);
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        keep = end - lane[i].tail > keep ? end - lane[i].tail : keep;
    }
    if (keep < n) {
        nfa_deque_pop_front(section, layout->part_log, n - keep);
    }
}

void win_let_leave(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, bool at_timer)
{
    uint32_t end = log_end(layout, section);
    int64_t last = win_until(entry_at(layout, section, end - 1)->time_ms, layout->longest_ms);
    if (layout->all_slide && (last < now_ms || (at_timer && last == now_ms))) {
        win_clear(window, layout, section);
        win_trim_bytes(window, layout, section);
        return;
    }
    if (layout->plain != NULL) {
        win_plain_leave(layout, section, now_ms, at_timer);
        return;
    }
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        while (win_has_left(&win_lanes(section, layout)[i], now_ms, at_timer)) {
            uint32_t ord = win_lanes(section, layout)[i].tail;
            leave_lane(window, layout, section, i, ord);
            set_tail(layout, section, i, ord + 1, end);
        }
    }
    pop_log(layout, section, 0);
    win_trim_bytes(window, layout, section);
}

int64_t win_next_leave(const win_layout *layout, const nfa_section *section)
{
    const win_lane *lane = win_lanes(section, layout);
    int64_t next = NFA_NEVER;
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        next = layout->lane[i].asked && lane[i].until_ms < next ? lane[i].until_ms : next;
    }
    return next;
}

static void clear_part(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t number)
{
    const win_agg *agg = &layout->aggs[number];
    if (agg->fn == PLAN_DISTINCT) {
        nfa_map_sweep(section, agg->part, INT64_MAX);
    } else if ((agg->fn == PLAN_MIN || agg->fn == PLAN_MAX) && agg->part != 0) {
        nfa_deque_pop_front(section, agg->part, nfa_deque_count(section, agg->part));
    } else {
        win_shape_clear(window, layout, section, number);
    }
}

void win_clear(const plan_window *window, const win_layout *layout, nfa_section *section)
{
    if (layout->log) {
        nfa_deque_pop_front(section, layout->part_log, nfa_deque_count(section, layout->part_log));
    }
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        win_lanes(section, layout)[i] = (win_lane){.until_ms = NFA_NEVER, .tail = log_end(layout, section)};
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        clear_part(window, layout, section, a);
    }
    win_root *root = nfa_section_root(section);
    root->negatives = 0;
    memset((uint8_t *)root + layout->registers, 0, (size_t)(layout->def.root_size - layout->registers));
}

void win_clear_over(const plan_window *window, const win_layout *layout, nfa_section *section, const plan_over *over)
{
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (plan_over_equal(layout->lane[i].over, over)) {
            win_lanes(section, layout)[i] = (win_lane){.until_ms = NFA_NEVER, .tail = log_end(layout, section)};
        }
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        if (plan_over_equal(&window->aggs[a].over, over)) {
            clear_part(window, layout, section, a);
            memset(win_reg_at(section, layout, a), 0, layout->aggs[a].size);
        }
    }
    if (layout->log) {
        pop_log(layout, section, 0);
        win_trim_bytes(window, layout, section);
    }
}

void win_begin(const win_layout *layout, nfa_section *section)
{
    ((win_root *)nfa_section_root(section))->due_ms = NFA_NEVER;
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        win_lanes(section, layout)[i].until_ms = NFA_NEVER;
    }
}

/* ---- windows that are no length of time before now ---- */

static void leave_first(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t lane)
{
    uint32_t ord = win_lanes(section, layout)[lane].tail;
    leave_lane(window, layout, section, lane, ord);
    set_tail(layout, section, lane, ord + 1, log_end(layout, section));
}

void win_hop(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t start_ms)
{
    uint32_t end = log_end(layout, section);
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (layout->lane[i].over->kind != AST_HOPPING) {
            continue;
        }
        for (uint32_t ord = win_lanes(section, layout)[i].tail; ord != end && entry_at(layout, section, ord)->time_ms < start_ms; ord++) {
            leave_first(window, layout, section, i);
        }
    }
    pop_log(layout, section, 0);
    win_trim_bytes(window, layout, section);
}

bool win_hop_holds(const win_layout *layout, const nfa_section *section)
{
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (layout->lane[i].over->kind == AST_HOPPING) {
            return win_lanes(section, layout)[i].tail != log_end(layout, section);
        }
    }
    return false;
}

/* An event has come: the last n are others now. */
static void leave_last(const plan_window *window, const win_layout *layout, nfa_section *section)
{
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        uint64_t last = layout->lane[i].over->last;
        while (last != 0 && log_end(layout, section) - win_lanes(section, layout)[i].tail > last) {
            leave_first(window, layout, section, i);
        }
    }
    pop_log(layout, section, 0);
}

/* ---- strings ---- */

/* Does the aggregate's register hold the place of a text? */
static bool holds_text(const win_layout *layout, const win_agg *agg)
{
    bool holds = agg->fn == PLAN_MIN || agg->fn == PLAN_MAX || agg->fn == PLAN_FIRST || agg->fn == PLAN_LAST_VALUE;
    return holds && agg->lane == WIN_NO_LANE && layout->args[agg->arg].type == EGRET_STRING;
}

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
        bool holds = holds_text(layout, &layout->aggs[a]) && reg->n > 0 && reg->meta != NFA_META_NULL && reg->bits >> 32 != 0;
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

/* How to ask for an argument of an event that fits the atom. A value that comes out of a block is copied: the block may move before the value
 * is taken in. */
win_ask win_ask_make(const plan *p, const plan_window *window, uint32_t arg, uint32_t atom)
{
    const plan_arg *def = &window->args[arg];
    uint32_t expr = def->atom_value[atom];
    win_ask ask = {.kind = WIN_ASK_NOTHING, .where = def->atom_where[atom], .from = expr};
    if ((def->atoms >> atom & 1u) == 0) {
        return ask;
    }
    if (expr == PLAN_NONE) {
        ask.kind = WIN_ASK_COUNTED;
    } else if (p->exprs[expr].op == PLAN_FIELD) {
        ask.kind = WIN_ASK_SLOT;
        ask.from = p->exprs[expr].a;
    } else {
        bool text_of_block = (p->exprs[expr].uses & PLAN_USES_KEY_STATE) != 0 && p->exprs[expr].type == EGRET_STRING;
        ask.kind = text_of_block ? WIN_ASK_COPY : WIN_ASK_VALUE;
    }
    return ask;
}

static const egret_value of_nothing = {.type = EGRET_NULL};
static const egret_value of_counted = {.u.i = 1, .type = EGRET_BOOL};

static const egret_value *ask_expression(const nfa_env *env, const win_ask *ask, egret_value *room)
{
    *room = nfa_eval(env, ask->from);
    if (ask->kind == WIN_ASK_COPY && room->type == EGRET_STRING) {
        egret_str copy = egret_arena_str(&env->engine->scratch, room->u.s, room->len);
        *room = copy.ptr ? egret_string(copy.ptr, copy.len) : egret_null();
    }
    return room;
}

/* Of several atoms it fits, an argument is asked by the first it counts. */
static const egret_value *ask_one(const nfa_env *env, const plan_window *window, const win_ask *of_arg, uint64_t counted, egret_value *room)
{
    const win_ask *ask = &of_arg[window->n_atoms > 1 && counted != 0 ? __builtin_ctzll(counted) : 0];
    if (counted == 0 || (ask->where != PLAN_NONE && !nfa_holds(env, ask->where))) {
        return &of_nothing;
    }
    switch (ask->kind) {
    case WIN_ASK_NOTHING: return &of_nothing;
    case WIN_ASK_COUNTED: return &of_counted;
    case WIN_ASK_SLOT: return &env->event->slots[ask->from];
    default: return ask_expression(env, ask, room);
    }
}

bool win_ask_event(const nfa_env *env, uint32_t number, uint64_t atoms, win_values *out)
{
    const plan_window *window = &env->engine->plan->windows[number];
    const win_ask *ask = env->engine->win[number]->ask;
    egret_value *room = out->few_room;
    out->value = out->few;
    if (window->n_args > WIN_FEW) {
        out->value = nfa_scratch(env->engine, window->n_args * sizeof *out->value);
        room = nfa_scratch(env->engine, window->n_args * sizeof *room);
    }
    if (out->value == NULL || room == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < window->n_args; i++, ask += window->n_atoms) {
        out->value[i] = ask_one(env, window, ask, window->args[i].atoms & atoms, &room[i]);
    }
    return !env->engine->scratch.failed;
}

/* A new entry at the end of the log; what stands in it of the arguments comes afterwards. */
static bool push_entry(const nfa_env *env, const win_layout *layout, nfa_section *section, uint32_t ord)
{
    uint32_t bytes = layout->part_bytes ? nfa_bytes_end(section, layout->part_bytes) : 0;
    win_entry *entry = nfa_deque_push(section, layout->part_log);
    if (entry == NULL) {
        return false;
    }
    *entry = (win_entry){.time_ms = env->event->time_ms, .bytes = bytes, .stream = env->engine->stream_id[env->event->stream]};
    if (layout->evidence) {
        win_reference reference = {env->event->ref, env->event->identity};
        memcpy(entry + 1, &reference, sizeof reference);
    }
    win_lane *lane = win_lanes(section, layout);
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (lane[i].tail == ord) {
            lane[i].until_ms = win_until(env->event->time_ms, layout->lane[i].size_ms);
        }
    }
    return true;
}

/* Writes the value of an argument into the entry; *raw: as it stands there. false: no memory. */
static bool keep_value(const win_entering *to, uint32_t number, const egret_value *v, nfa_raw *raw)
{
    const win_layout *layout = to->layout;
    const win_arg *arg = &layout->args[number];
    *raw = (nfa_raw){0, v->type == EGRET_NULL ? NFA_META_NULL : v->scale};
    switch ((win_keep)arg->keep) {
    case WIN_KEEP_NOTHING: break;
    case WIN_KEEP_HASH: raw->bits = egret_value_hash(*v); break;
    case WIN_KEEP_PLAIN: memcpy(&raw->bits, &v->u, sizeof raw->bits); break;
    case WIN_KEEP_TEXT: {
        nfa_section handle = *to->section;
        *raw = nfa_raw_pack(&handle, layout->part_bytes, *v);
        if (handle.store == NULL) {
            return false;
        }
        break;
    }
    }
    uint8_t *at = (uint8_t *)entry_at(layout, to->section, to->ord);
    at[layout->entry_meta + number] = raw->meta;
    if (arg->keep != WIN_KEEP_NOTHING) {
        memcpy(at + layout->entry_value + arg->word * sizeof raw->bits, &raw->bits, sizeof raw->bits);
    }
    return true;
}

/* The newest event's fields that `when`, lets and the alert read. */
static bool keep_newest(const nfa_env *env, const plan_window *window, const win_layout *layout, nfa_section *section)
{
    if (nfa_deque_count(section, layout->part_newest) == 0 && nfa_deque_push(section, layout->part_newest) == NULL) {
        return false;
    }
    uint32_t ord = nfa_deque_first(section, layout->part_newest);
    uint32_t bytes = layout->part_bytes ? nfa_bytes_end(section, layout->part_bytes) : 0;
    win_entry *newest = nfa_deque_at(section, layout->part_newest, ord);
    *newest = (win_entry){.time_ms = env->event->time_ms, .bytes = bytes, .stream = env->engine->stream_id[env->event->stream]};
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

void win_enforce_limit(const nfa_env *env, uint32_t number, nfa_section *section)
{
    const plan_window *window = &env->engine->plan->windows[number];
    const win_layout *layout = env->engine->win[number];
    uint32_t rule = env->engine->window_rule[number];
    for (; layout->timed && nfa_deque_count(section, layout->part_log) > window->limit_values;) {
        uint32_t ord = nfa_deque_first(section, layout->part_log);
        for (uint32_t i = 0; i < layout->n_lanes; i++) {
            if (win_lanes(section, layout)[i].tail == ord) {
                leave_lane(window, layout, section, i, ord);
                set_tail(layout, section, i, ord + 1, log_end(layout, section));
            }
        }
        nfa_deque_pop_front(section, layout->part_log, 1);
        ((win_root *)nfa_section_root(section))->flags |= WIN_LIMITED;
        if (rule != NFA_NONE) {
            env->engine->rule_stats[rule].events_dropped++;
        }
    }
}

/* Each argument goes into the entry, and then into the aggregates that read it. */
static bool enter_values(const win_entering *to, const egret_value *const *value)
{
    const win_layout *layout = to->layout;
    for (uint32_t i = 0; i < to->window->n_args; i++) {
        const win_arg *arg = &layout->args[i];
        nfa_raw raw = {0, 0};
        if (layout->log && !keep_value(to, i, value[i], &raw)) {
            return false;
        }
        if (value[i]->type == EGRET_NULL) {
            continue;
        }
        for (uint32_t k = arg->aggs; k < arg->aggs + arg->n_aggs; k++) {
            if (!add_to(to, &layout->aggs[layout->by_arg[k]], value[i], raw.bits)) {
                return false;
            }
        }
    }
    return true;
}

bool win_enter(const nfa_env *env, uint32_t number, nfa_section *section, const egret_value *const *value)
{
    const plan_window *window = &env->engine->plan->windows[number];
    const win_layout *layout = env->engine->win[number];
    win_entering to = {.window = window, .layout = layout, .section = section, .time_ms = env->event->time_ms};
    if (layout->part_newest != 0 && !keep_newest(env, window, layout, section)) {
        return false;
    }
    if (layout->dated) {
        ((win_root *)nfa_section_root(section))->last_ms = env->event->time_ms;
    }
    to.ord = layout->log ? log_end(layout, section) : 0;
    if ((layout->log && !push_entry(env, layout, section, to.ord)) || !enter_values(&to, value)) {
        return false;
    }
    uint32_t rule = env->engine->window_rule[number];
    if (layout->log && !layout->timed) {
        pop_log(layout, section, rule == NFA_NONE ? 1 : env->engine->plan->rules[rule].evidence_cap);
    }
    if (layout->counted) {
        leave_last(window, layout, section);
    }
    if (layout->framed) {
        win_frames_take(env->engine->plan, window, layout, section, env->event->time_ms);
    }
    win_enforce_limit(env, number, section);
    win_trim_bytes(window, layout, section);
    return true;
}
