/*
 * history.h: what rules told, with its evidence, and what became of it: whether it is open, who has acknowledged it, which sinks have it.
 *
 * It is made of *entries*, numbered by *positions* (ascending, from 1, never given twice): each message of a rule is one (the alert, later that it was
 * resolved, escalated, told again), and each act of a person (acknowledged, resolved, opened again). So the entries in order of positions are
 * the feed: who has seen position n asks for what came after n.
 *
 * The first message of an alert is its *head*: it carries the alert's state. Entries know the position of their head. A message whose head is
 * not kept any more (or never was) is a head itself.
 *
 *     open ──► acknowledged ──► resolved      an alert, or a timeout, is open when it is told
 *     open ───────────────────► resolved      by the rule (`resolved`) or by hand
 *     acknowledged, resolved ──► open         by hand; an acknowledged one also when its rule escalates it: someone must look anew
 *
 * What the engine thinks of an alert does not change when a person resolves it: its rule may still tell that it is over.
 *
 * Writing is done within a transaction of the store (store.h). Reading may be done from any thread beside it; what a function is given to take lives
 * for the call, and must not call the store. Errors are those of the store; MDB_NOTFOUND is told as HISTORY_NONE.
 */
#ifndef EGRET_STORE_HISTORY_H
#define EGRET_STORE_HISTORY_H

#include "store/store.h"

enum { HISTORY_NONE = -1, HISTORY_ID = 33, HISTORY_MESSAGE_ID = 64, HISTORY_MAX_KEYS = 16, HISTORY_MAX_SINKS = 64,
       HISTORY_MAX_ENTRIES = 1000 };

typedef enum history_kind {
    HISTORY_ALERT,
    HISTORY_RESOLVED,
    HISTORY_ESCALATED,
    HISTORY_TIMEOUT,
    HISTORY_REPEATED,       /* told again, as it is still open */
    /* By people. */
    HISTORY_ACKNOWLEDGED,
    HISTORY_CLOSED,         /* resolved by hand */
    HISTORY_REOPENED,
    HISTORY_KINDS
} history_kind;

typedef enum history_state { HISTORY_OPEN = 1, HISTORY_IS_ACKNOWLEDGED, HISTORY_IS_RESOLVED } history_state;

typedef struct history_part { const char *name, *value; } history_part;     /* of a key; the value as text, strings without quotes */

typedef struct history_entry {
    uint64_t position;              /* given by put */
    uint64_t head;                  /* the same for the head itself; given by put */
    uint64_t before;                /* the alert's entry before it; 0: none; given by put */
    history_kind kind;
    unsigned severity;              /* 0 info, 1 low, 2 medium, 3 high, 4 critical */
    uint64_t repeat;                /* HISTORY_REPEATED: the how manieth time */
    int64_t time_ms, started_ms;    /* event time */
    int64_t wall_ms;                /* when it was told, or done */
    const char *id;                 /* of the alert, 32 hex digits */
    const char *message_id;         /* as receivers know it; "" for acts */
    const char *rule;
    const char *who, *reason;       /* of an act; "" else */
    history_part key[HISTORY_MAX_KEYS];
    unsigned n_key;
    const char *sinks[HISTORY_MAX_SINKS];
    unsigned n_sinks;
    const char *bytes;              /* the message as sinks get it (one JSON object); NULL: it has none, or was not asked for */
    size_t len;
} history_entry;

/* What is so of an alert now. */
typedef struct history_now {
    history_state state;
    unsigned severity;              /* as raised */
    unsigned n_entries;             /* with the head */
    uint64_t newest;                /* position of the newest of them */
    int64_t changed_ms;             /* wall clock of the newest change of its state */
    const char *who, *reason;       /* of the newest act; "": no person has touched it */
} history_now;

/* ---- writing ---- */

/* Gives the entry its position and head, and changes the head's state. bytes are needed but for acts. */
int history_put(store *s, history_entry *entry);

typedef struct history_act {
    const char *id;                 /* of the alert */
    history_kind kind;              /* HISTORY_ACKNOWLEDGED, HISTORY_CLOSED, HISTORY_REOPENED */
    const char *who, *reason;       /* reason may be "" */
    int64_t wall_ms;
} history_act;
/* HISTORY_NONE: there is no such alert. Acts that change nothing (acknowledging what is resolved or acknowledged, opening what is open) are not
 * kept: *position is 0 then. */
int history_act_put(store *s, const history_act *act, uint64_t *position);

/* Drops the oldest entries, at most `most`: told before before_ms, or beyond keep_bytes. *dropped: how many. */
int history_trim(store *s, int64_t before_ms, uint64_t keep_bytes, unsigned most, unsigned *dropped);

typedef struct history_bounds {
    uint64_t first, next;           /* positions kept: [first, next) */
    uint64_t count, bytes;          /* entries; bytes as kept, compressed */
    uint64_t dropped;               /* entries, ever */
} history_bounds;
history_bounds history_now_kept(const store *s);        /* as committed, from any thread */

/* ---- reading ---- */

typedef bool (*history_take_fn)(void *user, const history_entry *entry, const history_now *now);

typedef struct history_query {
    const char *rule;               /* NULL: any */
    history_part key[HISTORY_MAX_KEYS];     /* all of these parts */
    unsigned n_key;
    int64_t from_ms, to_ms;         /* event time in [from, to); both 0: any */
    unsigned severities, states;    /* bits 1 << severity, 1 << history_state; 0: any */
    bool bytes;                     /* with the messages */
    unsigned most;                  /* alerts told at most */
    /* Goes on behind this one: the cursor of the page before; 0, 0: from the newest on. */
    int64_t after_ms;
    uint64_t after_position;
} history_query;

typedef struct history_page {
    unsigned n;                     /* alerts told */
    bool more;                      /* there may be others behind: a page looks at 20,000 alerts at most, and may be empty therefore */
    int64_t after_ms;               /* the cursor for them */
    uint64_t after_position;
    uint64_t broken;                /* entries that cannot be read, and were passed over */
} history_page;

/* Tells heads with the state they have now, newest event time first. */
int history_find(const store *s, const history_query *query, history_take_fn take, void *user, history_page *page);
/* The head with its message; HISTORY_NONE: there is none of that id. */
int history_get(const store *s, const char *id, history_take_fn take, void *user);
/* The entries of an alert in order of positions, with their messages; of a long story the newest HISTORY_MAX_ENTRIES. HISTORY_NONE as above. */
int history_of(const store *s, const char *id, history_take_fn take, void *user);
/* The feed: entries with positions above `after`, at most `most`, with messages when `bytes` says so. *gap: what came directly after it is not kept
 * any more. `now` is that of the entry's head (NULL: the head is gone). */
int history_feed(const store *s, uint64_t after, unsigned most, bool bytes, history_take_fn take, void *user, bool *gap);

const char *history_kind_name(history_kind kind);       /* alert, resolved, …, acknowledged, closed, reopened */
const char *history_state_name(history_state state);    /* open, acknowledged, resolved */
const char *history_severity_name(unsigned severity);   /* info … critical */
/* The number of that name; -1: none has it. */
int history_severity_of(const char *name);
int history_state_of(const char *name);

#endif
