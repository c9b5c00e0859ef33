/*
 * window.h: what a rule or a profile counts of a key.
 *
 * One section per window. Its root has a register per aggregate (count, exact sum, squares, best value); sliding aggregates also share one
 * log of entries, each holding the event's time and the values the aggregates need:
 *
 *   log    [t1 …] [t2 …] [t3 …] [t4 …]
 *           ^ tail of lane 24h      ^ tail of lane 1h
 *
 * An entry is added to every register when the event comes, and taken out of a register when it leaves that aggregate's window. Aggregates
 * of one size leave together: they are a lane, which has the tail (its first entry still counted) and the instant until which that
 * entry counts. So an event costs the same whatever the window holds, aggregates of different sizes share the log, and whether
 * anything leaves is one comparison per lane. Where everything leaves at once (the key was quiet for long), the registers are
 * zeroed, and no entry is looked at.
 *
 * min and max over a sliding window keep a deque of candidates (each better than all after it); distinct keeps a map value -> count; percentiles
 * of one argument and window share its values in order (window_order.h), slope and forecast the sums of a line (fit.h).
 * Bounds are inclusive: an entry of time t counts until t + W, and leaves after all events of that instant.
 */
#ifndef EGRET_NFA_WINDOW_H
#define EGRET_NFA_WINDOW_H

#include "nfa/shard.h"

enum { WIN_FEW = 8 };       /* arguments of nearly all windows */
enum { WIN_TRUE = 1, WIN_FIRED = 2, WIN_LIMITED = 4, WIN_OPEN = 8 };

typedef struct win_root {
    int64_t due_ms;
    int64_t since_ms;       /* `when` has held since */
    uint32_t flags;
    uint32_t negatives;     /* summed values in sliding windows that are below zero */
    /* Only where the layout is dated: */
    int64_t start_ms;       /* tumbling: begin of the window; session: first event */
    int64_t last_ms;        /* newest event */
} win_root;

/* No longer than its aggregate needs: a count has n alone. */
typedef struct win_reg {
    int64_t n;
    uint8_t scale;          /* decimals: most digits met */
    uint8_t overflow;
    uint8_t meta;           /* of bits */
    uint8_t reserved[5];
    union {
        uint64_t bits;      /* min max first last, where nothing slides */
        nfa_sum sum;        /* sum avg stddev */
    };
    nfa_square_sum squares; /* stddev: else not there */
} win_reg;

typedef struct win_lane {
    int64_t until_ms;       /* the entry at the tail counts until then; NFA_NEVER: there is none, or it stays */
    uint32_t tail;
    uint32_t reserved;
} win_lane;

typedef struct win_entry {  /* then: reference and identity (evidence), values, metas */
    int64_t time_ms;
    uint32_t bytes;         /* where its strings start; where no strings are kept, the metas of up to four arguments */
    uint32_t stream;
} win_entry;

typedef struct win_reference { uint64_t ref, identity; } win_reference;

typedef struct win_candidate { uint32_t ord, meta; uint64_t bits; } win_candidate;

/* The values of an event, by argument. */
struct win_values {
    const egret_value **value;
    const egret_value *few[WIN_FEW];
    egret_value few_room[WIN_FEW];
};
typedef struct win_values win_values;

/* Do its events leave as time goes by? */
static inline bool win_slides(const plan_agg *agg)
{
    return agg->over.kind == AST_SLIDING;
}

static inline bool win_orders(const plan_agg *agg)
{
    return agg->fn == PLAN_MEDIAN || agg->fn == PLAN_QUANTILE;
}

static inline bool win_fits(const plan_agg *agg)
{
    return agg->fn == PLAN_SLOPE || agg->fn == PLAN_FORECAST;
}

/* Are its events entries of the log? Those of percentiles always: at the limit the oldest goes, so it must be known. */
static inline bool win_logged(const plan_agg *agg)
{
    return win_slides(agg) || agg->over.kind == AST_LAST || agg->over.kind == AST_HOPPING || win_orders(agg);
}

static inline win_lane *win_lanes(const nfa_section *section, const win_layout *layout)
{
    return (win_lane *)((uint8_t *)nfa_section_root(section) + layout->lanes);
}

static inline win_reg *win_reg_at(const nfa_section *section, const win_layout *layout, uint32_t agg)
{
    return (win_reg *)((uint8_t *)nfa_section_root(section) + layout->aggs[agg].reg);
}

static inline int64_t win_until(int64_t time_ms, int64_t size_ms)
{
    return time_ms > INT64_MAX - size_ms ? NFA_NEVER : time_ms + size_ms;
}

static inline uint32_t win_is_negative(const egret_value *v)
{
    return v->type == EGRET_NUMBER ? v->u.d < 0 : v->u.i < 0;
}

/* window_shape.c: what the aggregates of win_orders and win_fits keep beside their registers */
void win_shape_place(const plan_window *window, win_layout *layout, uint32_t agg, size_t *root);
bool win_shape_add(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg, egret_value v,
                   int64_t time_ms);                                                                /* false: no memory */
void win_shape_take(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg, egret_value v,
                    int64_t time_ms);
void win_shape_clear(const plan_window *window, const win_layout *layout, nfa_section *section, uint32_t agg);
egret_value win_shape_value(const nfa_env *env, const plan_window *window, const win_layout *layout, uint32_t agg);     /* of env->window */

/* window_frame.c */
typedef struct win_frame { int64_t start_ms, until_ms; uint64_t open; } win_frame;  /* its first event; the last instant it holds */
/* At one instant: tumbling and hopping windows close, events come, all else that leaves does so. */
typedef enum win_phase { WIN_AT_CLOSE, WIN_AT_EVENT, WIN_AT_TIMER } win_phase;
int64_t win_tumbling_start(const plan *p, uint32_t zone, int64_t size_ms, int64_t time_ms);     /* of the window that holds the instant */
int64_t win_tumbling_end(const plan *p, uint32_t zone, int64_t size_ms, int64_t time_ms);       /* where the next one starts */
/* Gives the aggregate a frame if its window closes and is not that of its rule. */
void win_frame_place(const nfa_engine *engine, uint32_t number, win_layout *layout, uint32_t agg, size_t *root);
/* Closes frames that are over. WIN_AT_CLOSE: tumbling ones that are over at this very instant still stand, as the window that closes asks them. */
void win_roll_frames(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, win_phase phase);
static inline void win_roll(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, win_phase phase)
{
    if (layout->framed) {
        win_roll_frames(window, layout, section, now_ms, phase);
    }
}
/* An event enters: frames open, sessions go on. */
void win_frames_take(const plan *p, const plan_window *window, const win_layout *layout, const nfa_section *section, int64_t now_ms);
/* The last instant of the first frame of that kind to close, of those that conditions look at; NFA_NEVER. */
int64_t win_next_roll(const plan_window *window, const win_layout *layout, const nfa_section *section, ast_window_kind kind);
int64_t win_frame_duration(const plan_window *window, const win_layout *layout, const nfa_section *section, uint32_t agg);
bool win_frame_open(const win_layout *layout, const nfa_section *section, uint32_t agg);

/* window_log.c */
/* Empties the aggregates of one window. */
void win_clear_over(const plan_window *window, const win_layout *layout, nfa_section *section, const plan_over *over);
/* Takes entries before start_ms out of the hopping window. */
void win_hop(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t start_ms);
/* Does the rule's hopping window hold an entry? */
bool win_hop_holds(const win_layout *layout, const nfa_section *section);
/* Takes out what has left by now: what counted until before now; in a timer, also what counted until now. */
void win_let_leave(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, bool at_timer);
static inline bool win_has_left(const win_lane *lane, int64_t now_ms, bool at_timer)
{
    return lane->until_ms < now_ms || (at_timer && lane->until_ms == now_ms);
}
static inline void win_leave(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, bool at_timer)
{
    const win_lane *lane = win_lanes(section, layout);
    for (uint32_t i = 0; i < layout->n_lanes; i++) {
        if (win_has_left(&lane[i], now_ms, at_timer)) {
            win_let_leave(window, layout, section, now_ms, at_timer);
            return;
        }
    }
}
enum { WIN_ASK_NOTHING, WIN_ASK_COUNTED, WIN_ASK_SLOT, WIN_ASK_VALUE, WIN_ASK_COPY };  /* win_ask.kind */
/* What the event of env is to the window's arguments (null: it does not count); atoms: which of the window's atoms it fitted. The values stay
 * where they are where that is possible. false: no memory. */
bool win_ask_event(const nfa_env *env, uint32_t number, uint64_t atoms, win_values *out);
/* Adds the event with these values. false: no memory. */
bool win_enter(const nfa_env *env, uint32_t number, nfa_section *section, const egret_value *const *value);
/* After an entry has been added: the oldest go beyond the window's limit, and are counted. */
void win_enforce_limit(const nfa_env *env, uint32_t number, nfa_section *section);
/* When the next entry leaves some sliding aggregate that a condition looks at; NFA_NEVER. */
int64_t win_next_leave(const win_layout *layout, const nfa_section *section);
/* A section that has just come. */
void win_begin(const win_layout *layout, nfa_section *section);
win_ask win_ask_make(const plan *p, const plan_window *window, uint32_t arg, uint32_t atom);
/* Forgets all entries and values. */
void win_clear(const plan_window *window, const win_layout *layout, nfa_section *section);
uint32_t win_entries(const win_layout *layout, const nfa_section *section);
void win_trim_bytes(const plan_window *window, const win_layout *layout, nfa_section *section);

/* window_plain.c */
/* Is the window of the common kind? Then it gets its straight way. false: no memory. */
bool win_plain_make(nfa_engine *engine, const plan_window *window, win_layout *layout);
/* Asks the event of env and adds it. The event fits the window's atom. false: no memory. */
bool win_plain_take(const nfa_env *env, uint32_t number, nfa_section *section);
/* Some entries have left: takes them out of what counted them. */
void win_plain_leave(const win_layout *layout, nfa_section *section, int64_t now_ms, bool at_timer);

#endif
