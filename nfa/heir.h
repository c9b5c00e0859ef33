/*
 * heir.h: sections whose definition has changed a little take over what was known: a window that is judged otherwise, a pattern whose later steps are others.
 *
 * An heir says which section (by id) comes after which. Blocks are not looked for: the one before is made into the one after when its block is
 * next looked up, is due, or is swept, and nothing can be seen of when that was. When all blocks have been swept the heirs are forgotten.
 * Those of a change before that has not come to its end go on, by way of the section between.
 */
#ifndef EGRET_NFA_HEIR_H
#define EGRET_NFA_HEIR_H

#include "compiler/text.h"
#include "nfa/shard.h"

typedef struct nfa_heir {
    uint32_t from, to;          /* ids of sections */
    uint32_t keep;              /* PATTERN: attempts that wait at these first items are kept */
    uint32_t unused;
    int64_t at_ms;              /* the clock at the change: a window is judged as it stood then, whenever its block is settled */
} nfa_heir;

/* Which sections of `next` come after which of `before`. false: no memory. Any thread, while `before` works. */
bool heirs_find(nfa_engine *next, const nfa_engine *before);
/* The same for one rule: how many items' attempts are kept; 0: nothing is; UINT32_MAX: the window. */
uint32_t heir_of_rule(const nfa_engine *next, const nfa_engine *before, uint32_t rule, uint32_t was);
/* At the change: those that `before` has not settled go on. false: no memory. */
bool heirs_take(nfa_engine *next, const nfa_engine *before);
/* All blocks that there are now are to be swept before the heirs are forgotten. */
void heirs_await(nfa_engine *engine);
/* heirs_settle (shard.h) makes what a block holds of the ones before into the ones after; it sets engine->failed without memory. */

void heirs_save(const nfa_engine *engine, egret_text *out);
/* Read at *at and move it; false: these are no such bytes, or no memory (keep.failed). To be loaded behind the ids, which stand behind them. */
bool heirs_skip(const char **at, const char *end);
bool heirs_load(nfa_engine *engine, const char **at, const char *end);

#endif
