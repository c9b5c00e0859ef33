/*
 * journal.h: the journal in the store: blocks of records (journal_block.h), found by LSN.
 *
 * Records are numbered from 0 without gaps (LSN, log sequence number); so are the events among them. A block is read by the LSN of its
 * first record. Blocks go when they are older than what is kept, oldest first, but never beyond where a restart would begin.
 */
#ifndef EGRET_STORE_JOURNAL_H
#define EGRET_STORE_JOURNAL_H

#include "store/journal_block.h"
#include "store/store.h"

/* What the journal holds. Written in each commit, so that nothing has to be counted at start. */
typedef struct journal_state {
    uint64_t first_lsn;     /* of the oldest block; next_lsn when there is none */
    uint64_t next_lsn;
    uint64_t next_event;    /* number of the next event */
    uint64_t blocks, bytes;
    int64_t clock_ms;       /* of the newest epoch */
} journal_state;

journal_state journal_now(const store *s);  /* as committed; from the thread that writes, or when nobody does */
journal_state journal_pending(const store *s);      /* as the transaction at hand would leave it */

/* Appends a pack as one block, within a transaction. The pack is empty afterwards. */
int journal_append(store *s, journal_pack *pack);
/* Notes the clock of the newest epoch, within a transaction. */
void journal_set_clock(store *s, int64_t clock_ms);
/* Within a transaction: drops the oldest blocks, at most `most`, whose newest record arrived before before_ms, or that are more than
 * keep_bytes; never one with records from `needed` on. *dropped: how many. */
int journal_trim(store *s, int64_t before_ms, uint64_t keep_bytes, uint64_t needed, unsigned most, unsigned *dropped);
/* Takes a block out of the journal and keeps it in quarantine; a transaction of its own. */
int journal_quarantine(store *s, uint64_t lsn);

typedef enum journal_got {
    JOURNAL_GOT_BLOCK,
    JOURNAL_GOT_BROKEN,     /* there is a block, and it cannot be read: block->fault says why */
    JOURNAL_GOT_END,
    JOURNAL_GOT_ERROR       /* *code */
} journal_got;

/* Reads the block that holds *lsn, or the first after it, into `block` (initialised); block->lsn is its first one, and *lsn becomes
 * the LSN behind it. From any thread. */
journal_got journal_read(const store *s, uint64_t *lsn, journal_block *block, int *code);
/* Where the first block begins whose newest record is not older than since_ms (wall clock), and whose epochs say what became of their events; where the
 * journal ends, if there is none. *first_ms: nothing that is not older than since_ms is missing from then on (wall clock). false: the store cannot be
 * read. From any thread. */
bool journal_since(const store *s, int64_t since_ms, uint64_t *lsn, int64_t *first_ms);
/* How many blocks are in quarantine. */
uint64_t journal_quarantined(const store *s);

#endif
