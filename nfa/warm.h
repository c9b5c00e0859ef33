/*
 * warm.h: new rules that say `warm up` begin with what they would know, had they been there before.
 *
 * A second engine for the rules to come, made beside the one at work, is awake for the new rules alone, and for what they look at. It is shown the
 * events of the past; what the new rules find is held back, as ever while a rule warms up. At the change its blocks become the annex of the engine that
 * takes over: what they hold of definitions that are new belongs to the keys, and moves into their blocks.
 *
 * No key is moved at the change itself, so that it takes no longer for a million of them. A block of the annex moves when its key is next looked
 * up, when it is due, or a few at a time between events (annex_settle); when that is cannot be seen. Until all have moved there is no cut and no
 * other change.
 */
#ifndef EGRET_NFA_WARM_H
#define EGRET_NFA_WARM_H

#include "nfa/shard.h"

/* What an engine is awake for. */
typedef struct nfa_warm {
    bool *rule, *profile, *feature;     /* awake: by number in the plan */
    bool *fills;                        /* by rule: it is one of the new ones, for which all is done */
    bool *moves;                        /* by section id: it moves */
    int64_t longest_ms;                 /* that a rule says; 0: no rule is to be warmed */
} nfa_warm;

/* Whom `engine`, which has its ids, is awake for when it fills what is new to `before`. NULL: no memory. */
nfa_warm *nfa_warm_choose(nfa_engine *engine, const nfa_engine *before);

static inline bool nfa_rule_sleeps(const nfa_engine *engine, uint32_t rule)
{
    return engine->warm != NULL && !engine->warm->rule[rule];
}

/* ---- annex ---- */

typedef struct nfa_annex {
    nfa_store *store;
    nfa_timers *timers;
    bool *moves;
    size_t moves_bytes;
    uint32_t at;                /* blocks below have moved */
} nfa_annex;

/* The state of `filled`, which was made like `engine`, becomes its annex; `filled` is then only to be freed. false: no memory. */
bool annex_take(nfa_engine *engine, nfa_engine *filled);
void annex_free(nfa_engine *engine);
/* What the annex knows of a block's key moves into it. */
void annex_join(nfa_engine *engine, uint32_t block);
/* All of it that may be due before that moves. */
void annex_bring_due(nfa_engine *engine, int64_t limit_ms);
/* Moves the next blocks, so many at most. false: none is left, and there is no annex any more. */
bool annex_settle(nfa_engine *engine, uint32_t n);
/* annex_bring (shard.h) moves what it knows of a key. All set engine->failed without memory. */

#endif
