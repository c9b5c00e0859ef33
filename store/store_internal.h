/*
 * store_internal.h: the environment and its tables, for the files of store/ alone.
 */
#ifndef EGRET_STORE_STORE_INTERNAL_H
#define EGRET_STORE_STORE_INTERNAL_H

#include "store/journal.h"
#include "store/store.h"

#include <lmdb.h>

/* Tables. INTEGERKEY where the key is a number. */
typedef enum store_table {
    STORE_META,         /* name -> bytes: format, uuid, state of the journal, newest checkpoint */
    STORE_JOURNAL,      /* LSN of a block's first record -> block */
    STORE_QUARANTINE,   /* the same, of blocks that cannot be read */
    STORE_CONTENTS,     /* hash -> text of rules */
    STORE_PLACES,       /* name of a source -> where to read on */
    STORE_OUTBOX,       /* number -> alert for a sink */
    STORE_CHECKPOINT,   /* (part, version, piece) -> bytes */
    STORE_TABLES
} store_table;

struct store {
    MDB_env *env;
    MDB_dbi table[STORE_TABLES];
    bool has[STORE_TABLES];     /* read-only: an older folder may lack some */
    bool read_only;
    char dir[4096];
    char uuid[33];
    MDB_txn *write;             /* while one is open */
    journal_state journal;      /* as committed */
    journal_state pending;      /* as of `write` */
    uint64_t next_row;          /* of the outbox */
};

int store_put(store *s, store_table table, MDB_val key, MDB_val value, unsigned flags);
int store_del(store *s, store_table table, MDB_val key);
/* A read transaction of its own; end it with mdb_txn_abort. */
int store_read(const store *s, MDB_txn **out);

static inline MDB_val store_val(const void *ptr, size_t len)
{
    return (MDB_val){ len, (void *)(uintptr_t)ptr };
}

int store_meta_put(store *s, const char *name, const void *bytes, size_t len);
/* false: not there, or of another length */
bool store_meta_get(const store *s, MDB_txn *txn, const char *name, void *bytes, size_t len);

#endif
