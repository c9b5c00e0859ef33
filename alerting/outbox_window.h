/*
 * outbox_window.h: the rows of a sink that its worker has in memory: the oldest ones, few enough whatever waits in the store.
 *
 * Rows with one order (one key) are delivered one after the other: of each order only the oldest row is ever on its way. So that a key that fails
 * does not fill the window, no order has more than OUTBOX_PER_ORDER rows in it; what comes on top is *parked*: passed over, and read
 * when there is room for that order again. Parked orders are remembered by the number of their first row; when there are too many, reading waits.
 *
 * One thread, the worker's. Pure but for what it reads through the function it is given.
 */
#ifndef EGRET_ALERTING_OUTBOX_WINDOW_H
#define EGRET_ALERTING_OUTBOX_WINDOW_H

#include "store/outbox_rows.h"

enum { OUTBOX_WINDOW_ROWS = 512, OUTBOX_WINDOW_BYTES = 8 << 20, OUTBOX_PER_ORDER = 64, OUTBOX_PARKED = 256, OUTBOX_MAX_ID = 64 };

typedef struct outbox_entry {
    struct outbox_entry *next, *before;
    uint64_t row, order;
    int64_t came_ms;        /* wall clock */
    int64_t due_ms;         /* monotonic: not to be tried before */
    unsigned attempts;
    bool flying;            /* the sink has it now */
    bool tried_last;        /* while closing: it has had its try */
    char id[OUTBOX_MAX_ID];
    size_t len;
    char bytes[];
} outbox_entry;

/* Gives the sink's rows behind `after`; not 0: an error of the store. */
typedef int (*outbox_read_fn)(void *user, uint64_t after, unsigned most, size_t max_bytes, outbox_take_fn take, void *take_user);

typedef struct outbox_parked { uint64_t order, from; } outbox_parked;

typedef struct outbox_window {
    outbox_entry *first, *last;
    size_t n, bytes;
    bool in_order;          /* orders do not matter: rows come strictly as they are numbered, and nothing is parked */
    uint64_t after;         /* rows up to this one have been read, or are parked */
    bool all_read;          /* there was nothing behind `after` */
    bool full;              /* there is no room for what comes next */
    outbox_parked parked[OUTBOX_PARKED];
    unsigned n_parked;
    /* Of a pass. */
    outbox_entry *at;
    int64_t next_due_ms;    /* of those that wait for nothing but time; INT64_MAX: none */
    uint64_t blocked[4 * OUTBOX_WINDOW_ROWS];   /* orders, hashed */
    uint32_t stamps[4 * OUTBOX_WINDOW_ROWS], stamp;     /* of which pass they are */
} outbox_window;

void outbox_window_init(outbox_window *w);
void outbox_window_deinit(outbox_window *w);
/* Reads as much as has room. Not 0: an error of the store, or ENOMEM. */
int outbox_window_fill(outbox_window *w, outbox_read_fn read, void *user);
/* A pass over what may be tried now: begin, then next until NULL. The entry may be removed before next is called again; if it stays, its order must be
 * blocked, and no other row of that order comes in this pass. late: due times do not count. */
void outbox_window_begin(outbox_window *w);
outbox_entry *outbox_window_next(outbox_window *w, int64_t now_ms, bool late);
void outbox_window_block(outbox_window *w, uint64_t order);
void outbox_window_remove(outbox_window *w, outbox_entry *e);   /* and frees it */

#endif
