/*
 * engine.h: the engine of one shard: plan + blocks + event -> blocks' + alerts. Pure: no I/O, no clock, no threads, no globals.
 *
 * Time. The engine's clock is moved by data only: an event moves it to the event's time, nfa_engine_advance moves it to a watermark.
 * A deadline d acts when the clock goes beyond d, so after all events at d; deadlines at one instant act in order of (rule, key).
 * Order. Events come in (time, arrival) order. Per event: profiles and features are read, rules evaluated in order of the plan, then
 * profiles and features updated; then what rules told is evaluated in the same way, by the level of the rule. Alerts come out in that order.
 * Memory. After EGRET_NO_MEMORY the event may be half applied: the engine takes nothing more (every later call says the same); state is
 * recovered by evaluating again from a checkpoint.
 */
#ifndef EGRET_NFA_ENGINE_H
#define EGRET_NFA_ENGINE_H

#include "compiler/plan.h"

typedef struct nfa_engine nfa_engine;

/* A key of an event, computed before the event comes. */
enum { NFA_AHEAD_BYTES = 40, NFA_HASHES_AHEAD = 5 };
typedef struct nfa_ahead {
    uint64_t hash;
    uint32_t group, id;         /* of the plan; of blocks */
    uint32_t len;               /* UINT32_MAX: null, or too long to be kept */
    uint8_t bytes[NFA_AHEAD_BYTES];
} nfa_ahead;

/* What was found out about an event before it comes, of its own values alone (nfa_engine_foresee). All but the keys is the engine's own. */
typedef struct nfa_foresight {
    const plan *of;
    uint64_t facts;             /* conditions that hold: foresee.c */
    uint64_t hash[NFA_HASHES_AHEAD];
    uint32_t n_keys;            /* 0: the engine computes them */
    uint32_t reserved;
    nfa_ahead keys[];
} nfa_foresight;

typedef struct nfa_event {
    int64_t time_ms;
    uint64_t ref;               /* the host's name of the event, given back as evidence */
    uint64_t identity;          /* hash of what the event is (declared identity, else its position); goes into alert ids */
    uint32_t stream;
    const egret_value *slots;   /* plan->streams[stream].n_slots values; strings borrowed for the call */
    nfa_foresight *ahead;       /* by nfa_engine_foresee, borrowed until the event has come; NULL: the engine finds it out */
} nfa_event;

typedef struct nfa_alert {
    egret_alert body;
    uint32_t rule;              /* plan->rules[rule]: for its sinks */
} nfa_alert;

typedef struct nfa_rule_stats {
    uint64_t events;            /* events that fitted some condition of the rule */
    uint64_t matches;
    uint64_t alerts;
    uint64_t signals;           /* told to other rules alone */
    uint64_t held_back;         /* matches hidden by throttle, except, shadow, or an open alert */
    uint64_t attempts_started, attempts_dropped;    /* dropped: by a limit */
    uint64_t events_dropped;    /* from windows and loops, by a limit */
    uint64_t null_keys;         /* events skipped as a part of the key was null */
} nfa_rule_stats;

typedef struct nfa_stats {
    uint64_t events, late, matches, alerts;
    uint64_t keys;              /* blocks now */
    uint64_t bytes;             /* memory of blocks now */
    uint64_t cold;              /* of the blocks: not in memory */
    uint64_t cold_puts, cold_gets, cold_failed;     /* packs of blocks that went, that came back, that could not go */
    uint64_t overflows;         /* sums and ints that did not fit and read as null */
    uint64_t regex_limits;
    uint64_t guards_tried;      /* conditions evaluated; those an index ruled out are not among them */
} nfa_stats;

/* The plan must outlive the engine. NULL: no memory. */
nfa_engine *nfa_engine_new(egret_mem mem, const plan *rules);
void nfa_engine_free(nfa_engine *engine);

/* EGRET_LATE (event not evaluated, counted) when time_ms is below the clock. */
egret_status nfa_engine_event(nfa_engine *engine, const nfa_event *event);
/* For a host that knows what comes: says that this event will be evaluated soon (some ten to a hundred events later), so that the memory of its
 * keys is fetched meanwhile. Changes nothing that can be seen; with many keys evaluation is otherwise mostly waiting for memory.
 * Its values must stay as they are, where they are, until the event itself is given. */
void nfa_engine_expect(nfa_engine *engine, const nfa_event *event);
/* For a host that reads events in one thread and evaluates them in another: finds out what can be said of the event before it comes, by any engine
 * of the same plan that is used by no other thread meanwhile, and writes it to `out`, which has room for max keys; the event can then be given with
 * it. Gives the bytes written. */
size_t nfa_engine_foresee(nfa_engine *engine, const nfa_event *event, nfa_foresight *out, uint32_t max);
egret_status nfa_engine_advance(nfa_engine *engine, int64_t time_ms);
/* The earliest deadline that must be acted on; NFA_NEVER (INT64_MAX) when none. May be early. */
int64_t nfa_engine_next_due(const nfa_engine *engine);
/* Runs the clock on until no deadline is left, or to until_ms. */
egret_status nfa_engine_finish(nfa_engine *engine, int64_t until_ms);
int64_t nfa_engine_clock(const nfa_engine *engine);     /* INT64_MIN before the first event */
int64_t nfa_engine_began(const nfa_engine *engine);     /* where its clock began, from which `warm up` counts; INT64_MIN before the first event */

/* Gives the next alert or NULL. Lives until the next event, advance or finish, or until take gives NULL. */
const nfa_alert *nfa_engine_take(nfa_engine *engine);

/* Alerts with the memory they lie in, for another thread to read while the engine goes on. */
typedef struct nfa_reports {
    egret_arena memory;
    struct nfa_queued *first;
} nfa_reports;
void nfa_reports_init(nfa_reports *reports, egret_mem mem);     /* the engine's own allocator, which may be called by any thread */
void nfa_reports_deinit(nfa_reports *reports);
/* All alerts that wait change places with those, which are void. false: none waits, or something else that is still wanted lies beside them; then they
 * are to be taken one by one. */
bool nfa_engine_hand_over(nfa_engine *engine, nfa_reports *reports);
const nfa_alert *nfa_reports_next(nfa_reports *reports);        /* NULL: that was all */

/* Replaces the content of a list or table (values are copied), at the instant of the clock: whole, or not at all. Keys of `by k in table` that
 * are new are watched from then on; alerts open for keys that are gone end, and stand among the alerts to be taken. */
egret_status nfa_engine_set_list(nfa_engine *engine, uint32_t list, const egret_value *items, const int64_t *until_ms /* NULL: for ever */,
                                 uint32_t n_items);
egret_status nfa_engine_set_table(nfa_engine *engine, uint32_t table, const egret_value *cells, uint32_t n_rows);
/* For rules over `by k in table`: the instant from which a key never heard of counts as silent. Call before the first event; else the
 * first instant the clock is set to. */
egret_status nfa_engine_start(nfa_engine *engine, int64_t time_ms);

/* Blocks and tables are to take so many bytes at most: what was not needed for long goes to the host and comes back when it is touched (cold.h).
 * Nothing of what comes out changes. Before the first event. false: no memory. A pack that cannot be brought back: EGRET_IO, once and for all. */
struct nfa_cold_host;
bool nfa_engine_limit(nfa_engine *engine, size_t bytes, const struct nfa_cold_host *host);

const nfa_stats *nfa_engine_stats(nfa_engine *engine);
const nfa_rule_stats *nfa_engine_rule_stats(const nfa_engine *engine, uint32_t rule);

/* One expression over slots alone (routes of sources, constants and counters of tests). i: value of PLAN_I. */
egret_value nfa_eval_slots(nfa_engine *engine, uint32_t expr, const egret_value *slots, int64_t i);

#endif
