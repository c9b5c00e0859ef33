/*
 * window_plain.c: the straight way into windows of the common kind.
 *
 * Most windows count, sum, average, or count distinct values, of fields of one stream, in sliding windows or over all time. What is asked of
 * their events, where it stands in an entry and which registers it changes is known when the engine is made, and so is that nothing of the
 * key's state is looked at on the way. So asking and entering are one walk over a short table: no list of values, and each
 * place is an offset.
 *
 * It does what win_ask_event and win_enter do, to the same bytes; windows that need more than that go there.
 */
#include "nfa/window.h"

typedef struct plain_arg {
    uint8_t keep;               /* win_keep: NOTHING, HASH, PLAIN */
    bool counted;               /* no value: the event counts */
    uint16_t value_at, meta_at; /* in an entry */
    uint32_t slot;
    uint32_t where;             /* PLAN_NONE */
    uint8_t fact, hash;         /* where what was foreseen of `where` and the value stands; NFA_NO_FACT */
    bool moves;                 /* some of its aggregates may grow, and move what is in the block */
    uint32_t aggs, end_aggs;    /* in win_plain.by_arg */
} plain_arg;

/* One aggregate: where its register is, and where its values stand in an entry. */
typedef struct plain_agg {
    uint8_t fn;                 /* plan_fn */
    uint8_t part;               /* DISTINCT: its map */
    uint8_t keep, type;         /* of its argument */
    bool slides;
    uint16_t reg, value_at, meta_at;
} plain_agg;

typedef struct win_plain {
    plain_arg *arg;
    uint32_t n_args;
    const plain_agg *by_arg, *by_lane;
} win_plain;

/* ---- making ---- */

static bool is_plain_aggregate(const plan_agg *agg)
{
    bool fn = agg->fn == PLAN_COUNT || agg->fn == PLAN_SUM || agg->fn == PLAN_AVG || agg->fn == PLAN_DISTINCT;
    return fn && (agg->over.kind == AST_SLIDING || agg->over.kind == AST_EVER);
}

/* A condition that looks at the event alone, and a field or nothing. */
static bool is_plain_argument(const plan *p, const win_ask *ask)
{
    bool alone = ask->where == PLAN_NONE || (p->exprs[ask->where].uses & ~(uint32_t)(PLAN_USES_EVENT | PLAN_USES_CONTENT)) == 0;
    return alone && (ask->kind == WIN_ASK_COUNTED || ask->kind == WIN_ASK_SLOT);
}

static bool is_plain(const plan *p, const plan_window *window, const win_layout *layout)
{
    bool plain = window->n_atoms == 1 && window->n_cells == 0 && layout->part_bytes == 0 && !layout->framed && !layout->counted
        && layout->log == layout->timed;
    for (uint32_t i = 0; i < window->n_args; i++) {
        plain = plain && layout->args[i].keep != WIN_KEEP_TEXT && is_plain_argument(p, &layout->ask[i]);
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        plain = plain && is_plain_aggregate(&window->aggs[a]);
    }
    return plain;
}

static plain_agg aggregate_of(const win_layout *layout, uint32_t number)
{
    const win_agg *agg = &layout->aggs[number];
    const win_arg *arg = &layout->args[agg->arg];
    return (plain_agg){.fn = agg->fn, .part = agg->part, .keep = arg->keep, .type = arg->type, .slides = agg->lane != WIN_NO_LANE, .reg = agg->reg,
                       .value_at = (uint16_t)(layout->entry_value + arg->word * sizeof(uint64_t)), .meta_at = (uint16_t)(layout->entry_meta + agg->arg)};
}

bool win_plain_make(nfa_engine *engine, const plan_window *window, win_layout *layout)
{
    if (!is_plain(engine->plan, window, layout)) {
        return true;
    }
    win_plain *plain = egret_arena_alloc(&engine->keep, sizeof *plain);
    plain_arg *args = egret_arena_alloc(&engine->keep, (window->n_args + 1) * sizeof *args);
    plain_agg *by_arg = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *by_arg);
    plain_agg *by_lane = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *by_lane);
    if (engine->keep.failed) {
        return false;
    }
    uint32_t stream = engine->plan->guards[window->atoms[0].guard].stream;
    for (uint32_t i = 0; i < window->n_args; i++) {
        const win_arg *arg = &layout->args[i];
        const win_ask *ask = &layout->ask[i];
        args[i] = (plain_arg){.keep = arg->keep, .counted = ask->kind == WIN_ASK_COUNTED, .slot = ask->from, .where = ask->where,
                              .fact = nfa_foresee_fact(engine, stream, ask->where),
                              .hash = arg->keep == WIN_KEEP_HASH ? nfa_foresee_hash(engine, stream, ask->from) : NFA_NO_FACT,
                              .value_at = (uint16_t)(layout->entry_value + arg->word * sizeof(uint64_t)),
                              .meta_at = (uint16_t)(layout->entry_meta + i), .aggs = arg->aggs, .end_aggs = arg->aggs + arg->n_aggs};
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        by_arg[a] = aggregate_of(layout, layout->by_arg[a]);
        by_lane[a] = aggregate_of(layout, layout->by_lane[a]);
        args[layout->aggs[layout->by_arg[a]].arg].moves |= by_arg[a].fn == PLAN_DISTINCT;
    }
    *plain = (win_plain){.arg = args, .n_args = window->n_args, .by_arg = by_arg, .by_lane = by_lane};
    layout->plain = plain;
    return true;
}

/* ---- an event ---- */

/* A new entry at the end of the log; *ord: its ordinal. NULL: no memory. */
static win_entry *push_entry(const nfa_event *event, uint32_t stream, const win_layout *layout, nfa_section *section, uint32_t *ord)
{
    win_entry *entry = nfa_deque_push(section, layout->part_log);
    if (entry == NULL) {
        return NULL;
    }
    *ord = nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log) - 1;
    entry->time_ms = event->time_ms;
    entry->stream = stream;
    if (layout->evidence) {
        win_reference *reference = (win_reference *)(entry + 1);
        reference->ref = event->ref;
        reference->identity = event->identity;
    }
    win_lane *lane = win_lanes(section, layout);
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (lane[i].tail == *ord) {
            lane[i].until_ms = win_until(event->time_ms, layout->lane[i].size_ms);
        }
    }
    return entry;
}

static void sum_up(win_reg *reg, const egret_value *v, int sign)
{
    if (v->type != EGRET_DECIMAL) {
        reg->overflow |= !nfa_sum_add(&reg->sum, *v, sign);
        return;
    }
    reg->overflow |= !nfa_sum_add_decimal(&reg->sum, v->u.i, v->scale, sign);
    reg->scale = v->scale > reg->scale ? v->scale : reg->scale;
}

static bool where_holds(const nfa_env *env, const nfa_foresight *seen, const plain_arg *arg)
{
    return arg->where == PLAN_NONE || (seen != NULL && arg->fact != NFA_NO_FACT ? (seen->facts >> arg->fact & 1u) != 0 : nfa_holds(env, arg->where));
}

/* Writes the argument's value into the entry; gives its hash where that is what is kept, else 0. */
static uint64_t keep_value(uint8_t *entry, const plain_arg *arg, const egret_value *v, bool null, const nfa_foresight *seen)
{
    uint64_t hash = 0;
    entry[arg->meta_at] = null ? NFA_META_NULL : v->scale;
    if (null) {
        return 0;
    }
    if (arg->keep == WIN_KEEP_HASH) {
        hash = seen != NULL && arg->hash != NFA_NO_FACT ? seen->hash[arg->hash] : egret_value_hash(*v);
        memcpy(entry + arg->value_at, &hash, sizeof hash);
    } else if (arg->keep == WIN_KEEP_PLAIN) {
        memcpy(entry + arg->value_at, &v->u, sizeof hash);
    }
    return hash;
}

/* The value goes into the aggregates that read it. hash: of the value, 0: not known. The section may move. false: no memory. */
static bool add_up(nfa_section *section, const plain_agg *agg, const plain_agg *end, const egret_value *v, uint64_t hash)
{
    win_root *root = nfa_section_root(section);
    for (; agg < end; agg++) {
        win_reg *reg = (win_reg *)((uint8_t *)root + agg->reg);
        reg->n++;
        if (agg->fn == PLAN_COUNT) {
            continue;
        }
        if (agg->fn != PLAN_DISTINCT) {
            sum_up(reg, v, 1);
            root->negatives += agg->fn == PLAN_SUM && agg->slides && win_is_negative(v);
            continue;
        }
        int64_t *count = nfa_map_get(section, agg->part, hash != 0 ? hash : egret_value_hash(*v));
        if (count == NULL) {
            return false;
        }
        ++*count;
        root = nfa_section_root(section);
    }
    return true;
}

static const egret_value of_counted = {.u.i = 1, .type = EGRET_BOOL};

bool win_plain_take(const nfa_env *env, uint32_t number, nfa_section *section)
{
    const win_layout *layout = env->engine->win[number];
    const win_plain *plain = layout->plain;
    const egret_value *slots = env->event->slots;
    const nfa_foresight *seen = nfa_foresight_of(env->engine, env->event);
    uint32_t ord = 0;
    uint8_t *entry = layout->log ? (uint8_t *)push_entry(env->event, env->engine->stream_id[env->event->stream], layout, section, &ord) : NULL;
    if (layout->log && entry == NULL) {
        return false;
    }
    if (layout->dated) {
        ((win_root *)nfa_section_root(section))->last_ms = env->event->time_ms;
    }
    for (const plain_arg *arg = plain->arg, *end = arg + plain->n_args; arg < end; arg++) {
        const egret_value *v = arg->counted ? &of_counted : &slots[arg->slot];
        bool null = v->type == EGRET_NULL || !where_holds(env, seen, arg);
        uint64_t hash = 0;
        if (entry != NULL) {
            hash = keep_value(entry, arg, v, null, seen);
        }
        if (null) {
            continue;
        }
        if (!add_up(section, plain->by_arg + arg->aggs, plain->by_arg + arg->end_aggs, v, hash)) {
            return false;
        }
        if (entry != NULL && arg->moves) {
            entry = nfa_deque_at(section, layout->part_log, ord);
        }
    }
    if (layout->timed && nfa_deque_count(section, layout->part_log) > env->engine->plan->windows[number].limit_values) {
        win_enforce_limit(env, number, section);
    }
    return true;
}

/* ---- leaving ---- */

static void take_away(nfa_section *section, const plain_agg *agg, const uint8_t *entry)
{
    uint64_t bits;
    uint8_t meta = entry[agg->meta_at];
    if (meta == NFA_META_NULL) {
        return;
    }
    win_root *root = nfa_section_root(section);
    win_reg *reg = (win_reg *)((uint8_t *)root + agg->reg);
    reg->n--;
    if (agg->fn == PLAN_COUNT) {
        return;
    }
    memcpy(&bits, entry + agg->value_at, sizeof bits);
    egret_value v = {.type = agg->type, .scale = meta};
    memcpy(&v.u, &bits, sizeof bits);
    if (agg->fn != PLAN_DISTINCT) {
        sum_up(reg, &v, -1);
        root->negatives -= agg->fn == PLAN_SUM && win_is_negative(&v);
        return;
    }
    uint64_t hash = agg->keep == WIN_KEEP_HASH ? bits : egret_value_hash(v);
    int64_t *count = nfa_map_find(section, agg->part, hash);
    if (count != NULL && --*count == 0) {
        nfa_map_del(section, agg->part, hash);
    }
}

void win_plain_leave(const win_layout *layout, nfa_section *section, int64_t now_ms, bool at_timer)
{
    unsigned log = layout->part_log;
    uint32_t end = nfa_deque_first(section, log) + nfa_deque_count(section, log);
    uint32_t oldest = end;
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        const win_lane_def *def = &layout->lane[i];
        const plain_agg *agg = layout->plain->by_lane + def->aggs;
        win_lane *lane = &win_lanes(section, layout)[i];
        while (win_has_left(lane, now_ms, at_timer)) {
            uint32_t ord = lane->tail;
            for (uint32_t a = 0; a < def->n_aggs; a++) {
                take_away(section, &agg[a], nfa_deque_at(section, log, ord));
            }
            lane = &win_lanes(section, layout)[i];
            lane->tail = ++ord;
            lane->until_ms = ord == end ? NFA_NEVER : win_until(((const win_entry *)nfa_deque_at(section, log, ord))->time_ms, def->size_ms);
        }
        oldest = end - lane->tail > end - oldest ? lane->tail : oldest;
    }
    uint32_t gone = oldest - nfa_deque_first(section, log);
    if (gone > 0) {
        nfa_deque_pop_front(section, log, gone);
    }
}
