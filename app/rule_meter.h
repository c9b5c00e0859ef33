/*
 * rule_meter.h: what each rule costs: its keys, its bytes, the processor time it takes. For /metrics.
 *
 * Cheap, and so estimated. Keys and bytes come of walking the blocks a thousand at a time (nfa/census.h): exact while there are fewer. Of
 * RULE_METER_EVERY events one is timed, and its time is shared by the rules it was shown to; what deadlines take is not in it. Each shard has a clock
 * for that, which its thread alone touches while it evaluates. Nothing of this reaches the evaluation, which reads no clock.
 */
#ifndef EGRET_APP_RULE_METER_H
#define EGRET_APP_RULE_METER_H

#include "nfa/census.h"
#include "nfa/shards.h"
#include "web/backend.h"

enum { RULE_METER_EVERY = 1024, RULE_METER_BLOCKS = 1024 };

typedef struct rule_clock {
    uint64_t *ns;               /* by rule, since the meter looked last */
    uint32_t event;
} rule_clock;

typedef struct rule_meter {
    web_rule_cost *rules;       /* of the plan */
    nfa_census_row *round;      /* the round on its way */
    uint32_t n;
    uint32_t shard, at;         /* how far the round is */
    rule_clock clocks[NFA_MAX_SHARDS];
    uint32_t n_clocks;
} rule_meter;

bool rule_meter_init(rule_meter *meter, const plan *rules, uint32_t n_shards);      /* false: no memory */
void rule_meter_deinit(rule_meter *meter);
/* Other rules: what is known of those that stay goes on. was: by rule, its number before, or PLAN_NONE. false: no memory, nothing changed. */
bool rule_meter_change(rule_meter *meter, const plan *rules, const uint32_t *was);
/* Walks on, and adds up the clocks; between events. */
void rule_meter_look(rule_meter *meter, nfa_shards *shards);
egret_status rule_clock_timed(rule_clock *clock, nfa_engine *engine, const nfa_event *event);

/* Evaluates the event, timed when it is its turn. *count: of events since one was timed. */
static inline egret_status rule_clock_event(rule_clock *clock, uint32_t *count, nfa_engine *engine, const nfa_event *event)
{
    if (++*count < RULE_METER_EVERY) return nfa_engine_event(engine, event);
    *count = 0;
    return rule_clock_timed(clock, engine, event);
}

#endif
