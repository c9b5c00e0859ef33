/*
 * outbox_rows.h: alerts on their way, each for one sink, from the commit of the events that caused them until they are delivered or
 * among the dead letters.
 *
 * Rows are numbered in order of the alerts; a row is named by its sink and its number. For each sink it is known how many rows and bytes wait, and
 * whether people have paused it. What a function is given to take lives for the call, and must not call the store.
 */
#ifndef EGRET_STORE_OUTBOX_ROWS_H
#define EGRET_STORE_OUTBOX_ROWS_H

#include "store/delivery.h"

typedef struct outbox_row {
    uint64_t number;        /* ascending in order of the alerts, for each sink */
    uint64_t position;      /* of its entry in the history; 0: it has none */
    uint64_t order;         /* rows with the same one are delivered one after the other: a hash of the alert's key */
    int64_t came_ms;        /* wall clock */
    uint32_t attempts;      /* so far */
    const char *sink;
    const char *id;         /* of the message */
    const char *bytes;
    size_t len;
} outbox_row;

typedef bool (*outbox_take_fn)(void *user, const outbox_row *row);

/* Within a transaction. Gives the row its number. */
int outbox_row_put(store *s, outbox_row *row);
/* Within a transaction: it is not put, but goes to the dead letters at once. */
int outbox_row_refuse(store *s, const outbox_row *row, const char *reason);
/* Within a transaction: what became of a try. DELIVERY_DONE: the row goes; DELIVERY_DEAD: it goes to the dead letters;
 * DELIVERY_PENDING: it stays, with its tries. A row that is not there any more is passed over. */
int outbox_row_settle(store *s, const char *sink, uint64_t number, const delivery *what);

/* The rows of a sink with numbers above `after`, at most so many, and no more when they are max_bytes together. *broken: rows that cannot be
 * read, and are passed over. */
int outbox_rows_of(const store *s, const char *sink, uint64_t after, unsigned most, size_t max_bytes, outbox_take_fn take, void *user,
                   uint64_t *broken);
/* From any thread, as committed: the sink's oldest row (none waits: *next), and the number that the next row of any sink gets. */
int outbox_rows_range(const store *s, const char *sink, uint64_t *oldest, uint64_t *next);
/* All rows, sink by sink. Stops when take says false. */
int outbox_rows_each(const store *s, outbox_take_fn take, void *user, uint64_t *broken);

typedef struct outbox_sink {
    uint64_t rows, bytes;   /* that wait; bytes of the messages */
    bool paused;
    int64_t changed_ms;     /* when it was paused or went on; 0: never */
} outbox_sink;

/* As committed, from any thread; zeros when nothing is known of it. */
outbox_sink outbox_sink_get(const store *s, const char *sink);
/* Within a transaction: as of it. */
int outbox_sink_now(const store *s, const char *sink, outbox_sink *out);
/* Within a transaction: people pause a sink, or let it go on. */
int outbox_sink_pause(store *s, const char *sink, bool paused, int64_t wall_ms);
int outbox_sinks_each(const store *s, void (*take)(void *user, const char *sink, const outbox_sink *what), void *user);

#endif
