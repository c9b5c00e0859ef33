/*
 * census.h: how many keys and bytes each rule has, and which rules an event met. Read from what is there anyway; nothing is counted for it while
 * events are evaluated.
 *
 * The blocks are walked a few at a time, between events, round and round. What a round has counted holds until the next one is over, so it may be as old as
 * a round takes; what is not in memory is not counted.
 */
#ifndef EGRET_NFA_CENSUS_H
#define EGRET_NFA_CENSUS_H

#include "nfa/engine.h"

typedef struct nfa_census_row {
    uint64_t keys;              /* with attempts, a measured silence or a window of the rule */
    uint64_t bytes;             /* of its sections, open alerts and quiet times too, without what of a block is nobody's */
} nfa_census_row;

/* Looks at some blocks from *at on and adds what they hold to the rows (one a rule of the plan). true: that was the end of a round, and *at is 0. */
bool nfa_census_look(const nfa_engine *engine, uint32_t *at, uint32_t blocks, nfa_census_row *rows);

/* The rules the last event was shown to, each once, up to max of them. Before anything else is done with the engine. */
uint32_t nfa_engine_met(const nfa_engine *engine, uint32_t *rules, uint32_t max);

#endif
