/*
 * committer.h: the thread that writes: epochs into the journal with their alerts and places, in one synced transaction for all that wait.
 *
 * While it commits, the engine evaluates what comes next; so the busier it is the more goes into a commit. After a commit it answers those who
 * wait and says that there are alerts to send. It also notes what became of tries to deliver them, does what others want to be done in a
 * transaction (committer_do), and drops what is older than what is kept.
 *
 * A commit has a bound, beyond which epochs and marks wait for the next one (COMMITTER_ROW_BYTES, COMMITTER_MARKS): LMDB keeps as many pages of memory as its
 * largest transaction wrote, for good.
 *
 * Alerts for a sink that has too much waiting already go to the dead letters in the same commit: evaluation waits for no sink.
 *
 * No room on the disk, or a read-only one: those who wait get their "no", new ones are refused (committer_trouble), what was evaluated stays and is tried again
 * until it is written. Any other error of the store: the committer gives up, and so must the process; the next start finds what is on the disk.
 */
#ifndef EGRET_APP_COMMITTER_H
#define EGRET_APP_COMMITTER_H

#include "app/epoch.h"
#include "app/log.h"
#include "store/checkpoints.h"
#include "store/delivery.h"
#include "web/backend.h"

typedef struct committer committer;

/* Of a commit; an epoch that has more by itself has a commit of its own. */
enum { COMMITTER_ROW_BYTES = 256 << 10, COMMITTER_MARKS = 128 };

/* What may wait for a sink; beyond it the newest alerts are dead letters. */
typedef struct committer_bound { uint64_t rows, bytes; } committer_bound;

typedef struct committer_options {
    store *store;                   /* borrowed; written by the committer's thread alone while it runs */
    const char *const *sources;     /* their names, by number of batches */
    const char *const *sinks;       /* their names, by number of alerts */
    uint32_t n_sinks;
    const app_log *log;
    int64_t keep_ms;                /* how long the journal is kept */
    uint64_t keep_bytes;            /* and how much of it at most */
    bool unkept;                    /* for measuring alone: epochs are answered, and never written */
    const committer_bound *bounds;  /* of the sinks, by number; NULL: none */
    int64_t keep_alerts_ms;         /* the same of the history */
    uint64_t keep_alert_bytes;
    /* From the committer's thread: alerts have been committed, and are to be sent: of the history up to this position. */
    void (*release)(void *user, uint64_t position);
    /* The committer has given up. */
    void (*given_up)(void *user);
    void *user;
    bool no_thread;                 /* for simulations: committer_step is called instead */
} committer_options;

typedef struct committer_stats {
    uint64_t commits, failures;
    uint64_t commit_us, longest_us;     /* time in commits, and of the longest */
    uint64_t by_time[WEB_COMMITS + 1];  /* commits by how long they took (web_commit_bounds_us) */
    uint64_t journal_written;           /* bytes of blocks, compressed */
    uint64_t journal_bytes, journal_blocks, file_bytes, dropped_blocks;
    uint64_t checkpoints, checkpoint_bytes;     /* written */
    uint64_t alerts, alert_bytes, dropped_alerts;       /* entries of the history: kept, and dropped by this process */
    uint64_t dead, dead_bytes, dropped_dead;    /* dead letters: kept, and dropped for want of room, ever */
} committer_stats;

committer *committer_start(const committer_options *options);       /* NULL: no memory, or no thread */
/* Takes the epoch; waits while too much is not written yet. False: it has given up (the epoch is freed). */
bool committer_submit(committer *c, epoch *e);
/* Waits until all that was submitted is written and released, or it has given up, or it cannot write now. */
void committer_flush(committer *c);
/* Waits until all epochs that were submitted are written. False: it has given up, or cannot write now. */
bool committer_wait(committer *c);
/* What became of a try to deliver a row: noted with one of the next commits. From any thread. False: no memory, or it has ended. */
bool committer_settled(committer *c, const char *sink, uint64_t row, const delivery *what);

/* Does something in the next transaction, in the committer's thread, as a part of its own: what is not 0 undoes the part and nothing else. Then tells
 * what came of it, from the same thread: 0 when it is on the disk; ECANCELED when there will be no commit any more. */
typedef int (*committer_work_fn)(void *user, store *s);
typedef void (*committer_done_fn)(void *user, int code);
bool committer_do(committer *c, committer_work_fn what, committer_done_fn done, void *user);    /* false: no memory, or it has ended; nothing is told */
/* The same, and waits for it. Not from the committer's thread. */
int committer_do_now(committer *c, committer_work_fn work, void *user);
/* From here on, records from this LSN on are needed, whatever their age. */
void committer_need(committer *c, uint64_t lsn);
/* Records from this LSN on are needed, too, until it is called again; UINT64_MAX: none are. */
void committer_hold(committer *c, uint64_t lsn);
/* The same, until a checkpoint holds what the record `until` says. */
void committer_need_until(committer *c, uint64_t lsn, uint64_t until);
/* Checkpoints (store/checkpoints.h): a piece, copied, to be written between commits, in slices; after the last one what makes it the newest.
 * Epochs submitted before are written before. False: no memory. */
bool committer_keep(committer *c, uint64_t version, uint32_t number, const char *bytes, size_t len);
bool committer_keep_end(committer *c, const checkpoint_info *info);
size_t committer_keep_waiting(committer *c);        /* bytes not written yet */
bool committer_keep_idle(committer *c);             /* all is written, and what it replaced is swept away */
/* The text of an event that is not in the journal yet. */
bool committer_raw(committer *c, uint64_t lsn, egret_text *out);
/* NULL, or a constant sentence, such as "the disk is full": nothing can be kept now. */
const char *committer_trouble(committer *c);
committer_stats committer_get_stats(committer *c);
/* Alerts for this sink that went to the dead letters as too much waited already. From any thread. */
uint64_t committer_refused(committer *c, uint32_t sink);
/* Without a thread: one commit, or one slice of a checkpoint. False: there was nothing to do, or it has given up. */
bool committer_step(committer *c);
/* Writes what it can, ends the thread and frees. */
void committer_stop(committer *c);      /* NULL is allowed */

#endif
