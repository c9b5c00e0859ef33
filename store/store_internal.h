/*
 * store_internal.h: the environment and its tables, for the files of store/ alone.
 */
#ifndef EGRET_STORE_STORE_INTERNAL_H
#define EGRET_STORE_STORE_INTERNAL_H

#include "store/delivery.h"
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
    STORE_CHECKPOINT,   /* (part, version, piece) -> bytes */
    STORE_ROWS,         /* sink, number -> alert for that sink */
    STORE_SINKS,        /* sink -> how much waits for it, whether it is paused */
    STORE_HISTORY,      /* position -> entry */
    STORE_HISTORY_NOW,  /* position of a head -> what is so of the alert now */
    STORE_HISTORY_INDEX,    /* what is looked for, event time, position -> nothing */
    STORE_DELIVERIES,   /* position, sink -> what became of it there */
    STORE_DEAD,         /* number -> dead letter */
    STORE_RETURNS,      /* number -> event that is to come in again */
    STORE_RULES,        /* key -> text: files that hold now, versions */
    STORE_TABLES
} store_table;

/* Numbers that go on over restarts; written with each commit that changes them. */
typedef struct store_counts {
    uint64_t history_first, history_next, history_count, history_bytes, history_dropped;
    uint64_t next_row;          /* of alerts on their way */
    uint64_t dead_next, dead_count, dead_bytes, dead_dropped;
    uint64_t spare[8];          /* zero; for what is to come without another format */
} store_counts;

struct store {
    MDB_env *env;
    MDB_dbi table[STORE_TABLES];
    bool has[STORE_TABLES];     /* read-only: an older folder may lack some */
    bool read_only;
    uintptr_t map;              /* where the file is mapped, while that is watched; 0: it is not */
    char dir[4096];
    char uuid[33];
    uint32_t format;            /* as it was found; 0: the folder is new */
    MDB_txn *write;             /* while one is open */
    journal_state journal;      /* as committed */
    journal_state pending;      /* as of `write` */
    store_counts counts;        /* as of `write` */
    uint64_t keep_dead_bytes;   /* dead letters */
    struct {                    /* of a part of a transaction (store_part_begin) */
        MDB_txn *write;
        journal_state pending;
        store_counts counts;
    } outer;
};

int store_put(store *s, store_table table, MDB_val key, MDB_val value, unsigned flags);
int store_del(store *s, store_table table, MDB_val key);
/* A read transaction of its own; end it with mdb_txn_abort. */
int store_read(const store *s, MDB_txn **out);

static inline MDB_val store_val(const void *ptr, size_t len)
{
    return (MDB_val){ len, (void *)(uintptr_t)ptr };
}

/* Big-endian, so that numbers sort. */
static inline void store_put_u64(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> (56 - 8 * i));
}

static inline uint64_t store_get_u64(const unsigned char *in)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | in[i];
    return n;
}

/* The record without its reason; false: there is none. */
bool delivery_get_in(const store *s, MDB_txn *txn, uint64_t position, const char *sink, delivery *out);

int store_meta_put(store *s, const char *name, const void *bytes, size_t len);
/* MDB_NOTFOUND: it is not there; MDB_CORRUPTED: it has another length. */
int store_meta_read(const store *s, MDB_txn *txn, const char *name, void *bytes, size_t len);
/* false: any of that */
bool store_meta_get(const store *s, MDB_txn *txn, const char *name, void *bytes, size_t len);

#endif
