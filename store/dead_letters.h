/*
 * dead_letters.h: events that were not taken, and alerts that no receiver took: kept with the reason, to be looked at, mended and sent again.
 *
 * They are kept to a number of bytes; the oldest make room for the newest, and are counted. What a function is given to take lives for the call, and
 * must not call the store.
 */
#ifndef EGRET_STORE_DEAD_LETTERS_H
#define EGRET_STORE_DEAD_LETTERS_H

#include "store/store.h"

enum { DEAD_NONE = -2 };

typedef enum dead_kind { DEAD_EVENT = 1, DEAD_ALERT } dead_kind;

typedef struct dead_letter {
    uint64_t number;        /* ascending, from 1; given by put */
    dead_kind kind;
    int64_t at_ms;          /* wall clock */
    uint32_t attempts;      /* of an alert */
    bool cut;               /* of an event: not all of the record is kept; it cannot come in again */
    uint64_t position, order;   /* of an alert: as in outbox_row */
    uint64_t line, offset;  /* of an event: in its source */
    const char *where;      /* the source; or the sink */
    const char *what;       /* the stream ("": not known); or the id of the message */
    const char *class;      /* for counting: "syntax", "late", "delivery", … */
    const char *reason;     /* for people */
    const char *bytes;      /* the record; or the message */
    size_t len;
} dead_letter;

typedef bool (*dead_take_fn)(void *user, const dead_letter *letter);

/* ---- within a transaction ---- */

/* How much is kept: 1 GiB until this is called. */
void dead_letters_keep(store *s, uint64_t bytes);
int dead_letter_put(store *s, dead_letter *letter);
/* It goes, and is not counted as dropped. DEAD_NONE: it is not there. */
int dead_letter_discard(store *s, uint64_t number);
/* Sends it again: an alert is on its way to its sink once more, with all its tries; an event comes in as if it had just been
 * posted. It is no dead letter any more. DEAD_NONE: it is not there, or cannot be sent again (cut, broken, no stream). */
int dead_letter_retry(store *s, uint64_t number, int64_t wall_ms);

/* ---- reading, from any thread ---- */

typedef struct dead_query {
    dead_kind kind;         /* 0: both */
    const char *where, *what, *class;   /* NULL: any */
    uint64_t after;         /* numbers above it: the number of the last one of the page before */
    unsigned most;          /* told at most; 0: all */
} dead_query;
/* In order of numbers. *broken: that cannot be read, and are passed over. */
int dead_letters_find(const store *s, const dead_query *query, dead_take_fn take, void *user, uint64_t *broken);

typedef struct dead_kept { uint64_t count, bytes, dropped; } dead_kept;    /* dropped: ever, for want of room */
dead_kept dead_letters_kept(const store *s);

/* ---- events on their way in again ---- */

/* Tells those with numbers above `after`, at most so many. */
int dead_returns_each(const store *s, uint64_t after, unsigned most, dead_take_fn take, void *user);
/* Within a transaction: those with numbers in [from, to] have come in. */
int dead_returns_del(store *s, uint64_t from, uint64_t to);

#endif
