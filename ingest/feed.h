/*
 * feed.h: sources that give messages, not a stream of bytes: one table of functions for every kind. Adding one touches its file, feed_kinds.c, and
 * the compiler's list of options.
 *
 * A message is bytes that hold one record or several, in the source's format. It comes from a *partition*, in which messages have an order and a place:
 * where the partition is read on is stored in the same commit as the events of the messages before it (a kind that `keeps_places`), so that none is
 * lost and none counts twice. Partitions come and go while it runs; each has a watermark of its own.
 *
 *     open ──► poll … poll ──► close       one thread, the source's own
 *                │
 *                └─ inside a poll: host->appeared, host->gone (they may block), never at another time
 *     committed                            from the committer's thread, at any time until close: says that all before a place is on the disk
 *
 * What a message says besides its body (topic levels, flags) is written into the body by the kind: the journal keeps bodies alone.
 */
#ifndef EGRET_INGEST_FEED_H
#define EGRET_INGEST_FEED_H

#include "edge/options.h"
#include "store/places.h"

typedef struct ingest_message {
    uint32_t partition;         /* number, as the host gave it */
    const char *ptr;            /* NULL: no body; there is nothing to decode, it is counted as skipped */
    size_t len;
    size_t readable;            /* bytes from ptr that may be read, at least len */
    uint64_t position;          /* of this message, for dead letters */
    store_place next;           /* where its partition is read on after it; `offset` is what `committed` is told */
} ingest_message;

typedef enum ingest_polled {
    INGEST_POLLED_MESSAGE,      /* out is borrowed until the next call on the feed */
    INGEST_POLLED_NOTHING,      /* there was nothing within the time */
    INGEST_POLLED_ENDED,        /* nothing will ever come */
    INGEST_POLLED_FAILED        /* it cannot go on, and must not guess: `trouble` says why */
} ingest_polled;

/* What the feed asks of who reads it; from inside poll only. */
typedef struct ingest_feed_host {
    void *user;
    const char *source;         /* name in the rules */
    const char *store_id;       /* of the data folder, 32 hex digits */
    /* Where the partition is read on; false: it was never read here. */
    bool (*place)(void *user, const char *partition, store_place *out);
    /* The partition will give messages from `begin` on (NULL: nobody knows): gives its number. Known ones get the number they had.
     * UINT32_MAX: no memory. */
    uint32_t (*appeared)(void *user, const char *partition, const store_place *begin);
    /* All that appear now have appeared. (They hold the clock from their appearance on; the source itself does until then.) */
    void (*settled)(void *user);
    /* It will give no more, as others read it now. Waits until what came of it is on the disk, or 10 s; gives the place up to which it is: 0: nowhere. */
    uint64_t (*gone)(void *user, uint32_t partition);
    void (*log)(void *user, int level, const char *text);   /* levels of egret_log_fn */
} ingest_feed_host;

typedef struct ingest_feed_numbers {
    uint64_t reconnects, errors;    /* connections made anew; errors that pass by themselves */
    uint32_t refused;               /* partitions that are ours and that it does not read; it said why */
    bool connected;
} ingest_feed_numbers;

typedef struct ingest_feed_kind {
    const char *name;               /* as written in rules: source s: kafka { … } */
    const char *summary;
    const char *example;            /* a declaration that works, for the documentation */
    const edge_option *options;
    bool partitioned;               /* false: there is one partition, numbered 0, and nobody is asked or told about it */
    bool keeps_places;              /* places are stored; else the other side knows what was acknowledged */
    size_t size;                    /* bytes of private state; the host allocates and zeroes it */
    /* Settings and host are borrowed until close. Does not wait for the other side. False: a sentence in `reason`; close still cleans up. */
    bool (*open)(void *self, const edge_settings *settings, const ingest_feed_host *host, char *reason, size_t reason_size);
    ingest_polled (*poll)(void *self, int timeout_ms, ingest_message *out);
    /* There is no room (true) or there is again: messages should not come meanwhile; those that do are taken. Polls go on. */
    void (*hold)(void *self, bool held);
    /* All of the partition before `next` (ingest_message.next.offset) is on the disk. From the committer's thread; must not wait. NULL: not asked. */
    void (*committed)(void *self, uint32_t partition, uint64_t next);
    /* Nothing is known to wait on the other side: only then does its silence mean anything. NULL: always. */
    bool (*caught_up)(void *self, uint32_t partition);
    /* Messages that wait on the other side; -1: not known. NULL: never known. */
    int64_t (*lag)(void *self, uint32_t partition);
    const char *(*trouble)(void *self);     /* after FAILED: a sentence */
    void (*numbers)(void *self, ingest_feed_numbers *out);      /* from any thread; NULL: none */
    void (*close)(void *self);
} ingest_feed_kind;

extern const ingest_feed_kind ingest_feed_kafka, ingest_feed_mqtt;
extern const ingest_feed_kind *const ingest_feed_kinds[];       /* NULL ends it */

const ingest_feed_kind *ingest_feed_kind_find(egret_str name);  /* NULL: no such kind */

#endif
