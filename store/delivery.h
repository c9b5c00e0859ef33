/*
 * delivery.h: what became of an entry of the history at one of its sinks.
 *
 * A sink that an entry names and that has no record of it yet is to get it (DELIVERY_PENDING, no tries).
 */
#ifndef EGRET_STORE_DELIVERY_H
#define EGRET_STORE_DELIVERY_H

#include "store/store.h"

typedef enum delivery_state {
    DELIVERY_PENDING = 1,
    DELIVERY_DONE,          /* the receiver has it */
    DELIVERY_DEAD           /* among the dead letters (dead_letters.h) */
} delivery_state;

typedef struct delivery {
    delivery_state state;
    uint32_t attempts;
    int64_t at_ms;          /* wall clock of the newest try; 0: none was made */
    const char *reason;     /* why the newest try failed; "": it did not */
} delivery;

/* Within a transaction. */
int delivery_put(store *s, uint64_t position, const char *sink, const delivery *what);
/* Tells the records there are of an entry; from any thread, what is told lives for the call. */
int delivery_each(const store *s, uint64_t position, void (*take)(void *user, const char *sink, const delivery *what), void *user);

const char *delivery_state_name(delivery_state state);      /* pending, delivered, dead */

#endif
