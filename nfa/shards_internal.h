/*
 * shards_internal.h: what merge.c and spread.c share with each other alone.
 */
#ifndef EGRET_NFA_SHARDS_INTERNAL_H
#define EGRET_NFA_SHARDS_INTERNAL_H

#include "nfa/shard.h"
#include "nfa/shards.h"

struct nfa_shards {
    egret_mem mem;
    uint32_t n;
    /* While a state is brought back that is to be spread: how many shards wrote it, and the homes of its groups then. NULL: it is not. */
    uint32_t *homes;
    size_t homes_bytes;
    uint32_t n_written;
    nfa_engine *engine[];
};

#endif
