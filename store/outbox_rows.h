/*
 * outbox_rows.h: alerts on their way, each for one sink, from the commit of the events that caused them until they are delivered or
 * among the dead letters.
 */
#ifndef EGRET_STORE_OUTBOX_ROWS_H
#define EGRET_STORE_OUTBOX_ROWS_H

#include "store/store.h"

typedef struct outbox_row {
    uint64_t number;        /* ascending in order of the alerts */
    const char *sink;
    const char *id;         /* of the message */
    const char *bytes;
    size_t len;
} outbox_row;

/* Within a transaction. Gives the row its number. */
int outbox_row_put(store *s, outbox_row *row);
int outbox_row_del(store *s, uint64_t number);
/* Calls take for each row in order; what it is given lives for the call. Stops when take says false. *broken: rows
 * that cannot be read, and are passed over. */
int outbox_rows_each(const store *s, bool (*take)(void *user, const outbox_row *row), void *user, uint64_t *broken);

#endif
