/*
 * cold_packs.h: packs of blocks that do not fit into memory (nfa/cold.h), in an LMDB file of their own.
 *
 * The file is no part of what survives: it has no name any more once it is open, is never synced, and goes with the process. What survives is the
 * checkpoint, which is given the same bytes. One thread at a time; several stores have several.
 */
#ifndef EGRET_STORE_COLD_PACKS_H
#define EGRET_STORE_COLD_PACKS_H

#include "nfa/cold.h"

typedef struct cold_packs cold_packs;

/* A file in the folder. NULL: a sentence in reason. */
cold_packs *cold_packs_open(const char *dir, char *reason, size_t size);
void cold_packs_close(cold_packs *packs);       /* NULL is allowed */
nfa_cold_host cold_packs_host(cold_packs *packs);
uint64_t cold_packs_bytes(const cold_packs *packs);     /* written so far, compressed */

#endif
