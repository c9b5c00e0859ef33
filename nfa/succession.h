/*
 * succession.h: other rules while events flow: an engine for them takes over what the one before it knows.
 *
 * All that takes long (layouts, dispatch, tables) is made before, by any thread, while the one before goes on. Taking over is then handing
 * over the blocks, the deadlines and the clock: blocks name what they hold by ids that stay (ids.h), so none of them is touched, and it takes the same
 * few microseconds for one key and for a million. Sections whose definition is the same go on as if nothing had been; those of definitions
 * that are gone are dropped by the sweep, and their deadlines fall away.
 *
 * It is a function of the two engines: done at the same place between events it gives the same state, whoever prepared it and when.
 */
#ifndef EGRET_NFA_SUCCESSION_H
#define EGRET_NFA_SUCCESSION_H

#include "nfa/engine.h"

/* NULL: no memory. `before` may be at work meanwhile; it must be the very engine whose state is taken over later. */
nfa_engine *nfa_succession_prepare(egret_mem mem, const plan *rules, const nfa_engine *before);
/* May it be done now? Not while something told waits for the clock to go on, and not before all alerts have been taken. */
bool nfa_succession_may(const nfa_engine *before);
/* Between two events. Afterwards `before` is empty and only to be freed. Keys that are known from tables and new are watched from now on; alerts
 * open for keys that are gone end, and stand among those to be taken from `next`. EGRET_NO_MEMORY: neither is of use any more. */
egret_status nfa_succession_take(nfa_engine *next, nfa_engine *before);

/* Is it a new rule that says `warm up`? One whose state is kept, or a part of it, is not new. rule: of the plan of `next`, which has its ids. */
bool nfa_succession_warms(const nfa_engine *next, const nfa_engine *before, uint32_t rule);
/* An engine that only fills these rules with the past (warm.h); it is made by the same `before` as the one that will take over. NULL: no memory. */
nfa_engine *nfa_warm_prepare(egret_mem mem, const plan *rules, const nfa_engine *before);

/* What becomes of the state of a rule, or of a profile. */
typedef enum nfa_fate { NFA_FATE_NOTHING, NFA_FATE_KEPT, NFA_FATE_DROPPED, NFA_FATE_NEW, NFA_FATE_SOME } nfa_fate;
typedef struct nfa_fates {
    nfa_fate match;             /* attempts of a pattern, a lone absence, or the window */
    nfa_fate life;              /* open alert, throttle, escalation */
    uint32_t keep;              /* match is SOME: attempts that wait at these first items are kept */
} nfa_fates;
/* rule: of the plan of `next`. KEPT: the one before knows it under the same definition, or it is a window that is judged otherwise. DROPPED: a rule of that name had another one. */
nfa_fates nfa_succession_of_rule(const nfa_engine *next, const nfa_engine *before, uint32_t rule);
nfa_fate nfa_succession_of_profile(const nfa_engine *next, const nfa_engine *before, uint32_t profile);

#endif
