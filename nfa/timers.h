/*
 * timers.h: which blocks have a deadline that must be acted on, and when. A heap of hints: the exact deadline stands in the
 * block (nfa_block_due), a hint may be early or outlived, never late. So re-arming a deadline at each event costs nothing:
 * the old hint fires, finds a later deadline in the block, and is hung up again.
 */
#ifndef EGRET_NFA_TIMERS_H
#define EGRET_NFA_TIMERS_H

#include "compiler/arena.h"

typedef struct nfa_timers nfa_timers;

nfa_timers *nfa_timers_new(egret_mem mem);
void nfa_timers_free(nfa_timers *timers);
bool nfa_timers_push(nfa_timers *timers, int64_t due_ms, uint32_t block);   /* false: no memory */
/* The earliest hint; false when there is none. Ties in order of block number. */
bool nfa_timers_top(const nfa_timers *timers, int64_t *due_ms, uint32_t *block);
void nfa_timers_pop(nfa_timers *timers);
size_t nfa_timers_count(const nfa_timers *timers);

#endif
