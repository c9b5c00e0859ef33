/*
 * inspect.h: what the engine knows of one key of a rule, for people who ask why it has not fired. Nothing changes by looking; only what has run out goes,
 * as it would at the next sweep: so what is shown does not depend on when that was.
 */
#ifndef EGRET_NFA_INSPECT_H
#define EGRET_NFA_INSPECT_H

#include "nfa/engine.h"

enum { NFA_SEEN_ATTEMPTS = 100 };       /* shown; the oldest */

typedef struct nfa_seen_bound { const char *step; int64_t time_ms; uint64_t ref; uint32_t count; } nfa_seen_bound;     /* the newest event of the step */
typedef struct nfa_seen_wait { const char *step; const char *condition; } nfa_seen_wait;
typedef struct nfa_seen_value { const char *name; egret_value value; } nfa_seen_value;

typedef struct nfa_seen_attempt {
    int64_t started_ms;
    int64_t until_ms;           /* the last instant at which it may go on; INT64_MAX: no bound, or not known */
    bool silent;                /* it is complete when nothing comes until then */
    nfa_seen_bound *bound;
    uint32_t n_bound;
    nfa_seen_wait *waits;
    uint32_t n_waits;
} nfa_seen_attempt;

typedef struct nfa_seen {
    bool known;                 /* there is a block for the key */
    int64_t clock_ms;
    nfa_seen_attempt *attempts;
    uint32_t n_attempts;
    uint64_t all_attempts;
    nfa_seen_value *values;     /* of the window: its aggregates, without what has left by now; then the rule's lets that look at nothing else */
    uint32_t n_values;
    const char *when;           /* NULL: none */
    bool holds;                 /* it did at the newest event */
    bool measures;              /* a silence is measured, since when and until when */
    int64_t silent_since_ms, silent_until_ms;
    bool open;                  /* an alert is */
    char id[33];
    int64_t open_since_ms;
    int64_t quiet_until_ms;     /* of throttle; INT64_MIN: it is not quiet */
} nfa_seen;

/* Between two events; texts are in the arena. rule: of the plan; parts: of the key, as its group says. false: no memory. */
bool nfa_inspect(nfa_engine *engine, uint32_t rule, const egret_value *parts, egret_arena *arena, nfa_seen *out);
/* The keys there are in the rule's group, in no order: *at begins with 0. false: there are no more. Between two events, and not with nfa_engine_limit
 * (keys that are away are passed over). Texts are good until the engine is used again. */
bool nfa_inspect_key(const nfa_engine *engine, uint32_t rule, uint32_t *at, egret_value parts[PLAN_MAX_KEY_PARTS]);

#endif
