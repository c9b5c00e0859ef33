/*
 * cold.h: blocks that do not fit into memory go to the host, in packs, and come back when they are touched.
 *
 * What stays of a block that is away is its place in the index (8 bytes and slack), its number (8 bytes), and the hint of its deadline; everything
 * else is bytes of its pack (block_image.h) that the host keeps. Whoever finds a block by its key, or is told that its deadline has come, has
 * its pack brought back first; so nobody else ever sees one that is away, and what comes out does not depend on what was away when. Nothing is dropped.
 *
 * Packs go between two events, those first that nobody found since the hand came by last (one bit a pack). A pack that has not changed since it
 * went away last is not given to the host again. Sweeping passes over what is away: that frees nothing anyway.
 *
 * A checkpoint of a pack that is away is what the host keeps, so both see the same bytes.
 */
#ifndef EGRET_NFA_COLD_H
#define EGRET_NFA_COLD_H

#include "compiler/text.h"
#include "nfa/block.h"

/* Where packs are kept; used by the engine's thread during its calls. */
typedef struct nfa_cold_host {
    /* Keeps the pack under its number, in place of what was there. false: there is no room; then it stays in memory, and is tried again later. */
    bool (*put)(void *user, uint32_t pack, const char *bytes, size_t len);
    /* Appends what was put. false: it cannot be read; then the engine fails with EGRET_IO. */
    bool (*get)(void *user, uint32_t pack, egret_text *out);
    void *user;
} nfa_cold_host;

typedef struct nfa_cold_stats {
    uint64_t away;              /* blocks, now */
    uint64_t packs_put, packs_got, puts_failed;
} nfa_cold_stats;

/* Blocks and tables are to take this many bytes at most; the tables and an eighth of it for blocks stay in any case. false: no memory. */
bool nfa_store_limit(nfa_store *store, size_t bytes, const nfa_cold_host *host);
nfa_cold_stats nfa_store_cold(const nfa_store *store);      /* zeros without a limit */
/* Between events: lets packs go until it is below the limit, or none may go. Costs a comparison when there is nothing to do. */
void nfa_store_relieve(nfa_store *store);
/* Sees to it that the block is in memory. false: it could not be brought (nfa_store_is_lost, or no memory). */
bool nfa_block_bring(nfa_store *store, uint32_t block);
bool nfa_block_is_here(const nfa_store *store, uint32_t block);     /* it exists, and is in memory */
bool nfa_store_is_lost(const nfa_store *store);             /* a pack could not be brought back: the store is only to be freed */

#endif
