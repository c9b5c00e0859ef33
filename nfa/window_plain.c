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
    uint32_t aggs, end_aggs;    /* in win_plain.agg */
} plain_arg;

typedef struct win_plain {
    plain_arg *arg;
    uint32_t n_args;
    const win_agg *agg;         /* by argument */
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

bool win_plain_make(nfa_engine *engine, const plan_window *window, win_layout *layout)
{
    if (!is_plain(engine->plan, window, layout)) {
        return true;
    }
    win_plain *plain = egret_arena_alloc(&engine->keep, sizeof *plain);
    plain_arg *args = egret_arena_alloc(&engine->keep, (window->n_args + 1) * sizeof *args);
    win_agg *aggs = egret_arena_alloc(&engine->keep, (window->n_aggs + 1) * sizeof *aggs);
    if (engine->keep.failed) {
        return false;
    }
    for (uint32_t i = 0; i < window->n_args; i++) {
        const win_arg *arg = &layout->args[i];
        const win_ask *ask = &layout->ask[i];
        args[i] = (plain_arg){.keep = arg->keep, .counted = ask->kind == WIN_ASK_COUNTED, .slot = ask->from, .where = ask->where,
                              .value_at = (uint16_t)(layout->entry_value + arg->word * sizeof(uint64_t)),
                              .meta_at = (uint16_t)(layout->entry_meta + i), .aggs = arg->aggs, .end_aggs = arg->aggs + arg->n_aggs};
    }
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        aggs[a] = layout->aggs[layout->by_arg[a]];
    }
    *plain = (win_plain){.arg = args, .n_args = window->n_args, .agg = aggs};
    layout->plain = plain;
    return true;
}

/* ---- an event ---- */

/* A new entry at the end of the log; *ord: its ordinal. NULL: no memory. */
static win_entry *push_entry(const nfa_event *event, const win_layout *layout, nfa_section *section, uint32_t *ord)
{
    win_entry *entry = nfa_deque_push(section, layout->part_log);
    if (entry == NULL) {
        return NULL;
    }
    *ord = nfa_deque_first(section, layout->part_log) + nfa_deque_count(section, layout->part_log) - 1;
    entry->time_ms = event->time_ms;
    entry->stream = event->stream;
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

static void sum_up(win_reg *reg, const egret_value *v)
{
    if (v->type != EGRET_DECIMAL) {
        reg->overflow |= !nfa_sum_add(&reg->sum, *v, 1);
        return;
    }
    reg->overflow |= !nfa_sum_add_decimal(&reg->sum, v->u.i, v->scale, 1);
    reg->scale = v->scale > reg->scale ? v->scale : reg->scale;
}

/* hash: of the value, where it is kept; 0: not known. Gives the root, which may have moved; NULL: no memory. */
static win_root *add_up(nfa_section *section, win_root *root, const win_agg *agg, const egret_value *v, uint64_t hash)
{
    win_reg *reg = (win_reg *)((uint8_t *)root + agg->reg);
    reg->n++;
    if (agg->fn == PLAN_SUM || agg->fn == PLAN_AVG) {
        sum_up(reg, v);
        root->negatives += agg->fn == PLAN_SUM && agg->lane != WIN_NO_LANE && win_is_negative(v);
    } else if (agg->fn == PLAN_DISTINCT) {
        int64_t *count = nfa_map_get(section, agg->part, hash != 0 ? hash : egret_value_hash(*v));
        if (count == NULL) {
            return NULL;
        }
        ++*count;
        root = nfa_section_root(section);
    }
    return root;
}

static const egret_value of_counted = {.u.i = 1, .type = EGRET_BOOL};

bool win_plain_take(const nfa_env *env, uint32_t number, nfa_section *section)
{
    const win_layout *layout = env->engine->win[number];
    const win_plain *plain = layout->plain;
    uint32_t ord = 0;
    uint8_t *entry = layout->log ? (uint8_t *)push_entry(env->event, layout, section, &ord) : NULL;
    if (layout->log && entry == NULL) {
        return false;
    }
    win_root *root = nfa_section_root(section);
    root->last_ms = env->event->time_ms;
    for (const plain_arg *arg = plain->arg, *end = arg + plain->n_args; arg < end; arg++) {
        const egret_value *v = arg->counted ? &of_counted : &env->event->slots[arg->slot];
        bool null = v->type == EGRET_NULL || (arg->where != PLAN_NONE && !nfa_holds(env, arg->where));
        uint64_t hash = 0;
        if (entry != NULL) {
            hash = arg->keep == WIN_KEEP_HASH && !null ? egret_value_hash(*v) : 0;
            entry[arg->meta_at] = null ? NFA_META_NULL : v->scale;
            if (arg->keep == WIN_KEEP_HASH) {
                memcpy(entry + arg->value_at, &hash, sizeof hash);
            } else if (arg->keep == WIN_KEEP_PLAIN && !null) {
                memcpy(entry + arg->value_at, &v->u, sizeof hash);
            }
        }
        for (uint32_t a = arg->aggs; !null && a < arg->end_aggs; a++) {
            root = add_up(section, root, &plain->agg[a], v, hash);
            if (root == NULL) {
                return false;
            }
            entry = entry != NULL ? nfa_deque_at(section, layout->part_log, ord) : NULL;
        }
    }
    if (layout->timed) {
        win_enforce_limit(env, number, section);
    }
    return true;
}
