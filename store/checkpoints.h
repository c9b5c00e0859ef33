/*
 * checkpoints.h: the state of an engine in the store: numbered pieces (packs of blocks, and a head), each in versions.
 *
 * A checkpoint is a version. It brings new bytes for the pieces that changed and is there when checkpoint_finish has been committed: then for each
 * number the newest bytes not newer than it are the state. Until then the one before stands as it was, whatever has been put already. What newer
 * versions have replaced is swept away afterwards, in steps.
 *
 * A base is a version that brought all pieces; what is older than it does not count.
 */
#ifndef EGRET_STORE_CHECKPOINTS_H
#define EGRET_STORE_CHECKPOINTS_H

#include "store/store.h"

#define CHECKPOINT_HEAD UINT32_MAX      /* the number of the head */

typedef struct checkpoint_info {
    uint64_t version, base;
    uint64_t lsn;           /* the journal is to be evaluated from here on */
    uint64_t rules;         /* fingerprint */
    int64_t clock_ms;       /* of the journal, at the cut */
} checkpoint_info;

bool checkpoint_newest(const store *s, checkpoint_info *out);   /* false: there is none */

/* Within a transaction. len 0: the piece is empty now. *written: bytes it took. */
int checkpoint_put(store *s, uint64_t version, uint32_t number, const char *bytes, size_t len, size_t *written);
int checkpoint_finish(store *s, const checkpoint_info *info);
/* Goes on sweeping from *number (0 to begin), looking at `most` keys or a few more; *number is UINT32_MAX + 1 when all is swept. Versions beyond
 * the newest go too when `strays` is set: nobody is writing one then. */
int checkpoint_sweep(store *s, uint64_t *number, unsigned most, bool strays);

/* The pieces of a checkpoint numbered `from` and up, empty ones left out, the head last; until take says false. EGRET_BAD_EVENT: one cannot be read;
 * EGRET_IO: *code. */
egret_status checkpoint_read(const store *s, const checkpoint_info *info, uint32_t from,
                             bool (*take)(void *user, uint32_t number, const char *bytes, size_t len), void *user, int *code);

#endif
