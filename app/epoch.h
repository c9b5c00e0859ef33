/*
 * epoch.h: what is evaluated together and committed together: batches in the order of their arrival, the clock, the alerts that came of them.
 *
 * The engine's thread makes it, numbers its records and evaluates it; then it belongs to the committer. Its records are numbered as they will
 * stand in the journal: for each batch one for itself and one for each good record, then one for the end.
 */
#ifndef EGRET_APP_EPOCH_H
#define EGRET_APP_EPOCH_H

#include "alerting/sink.h"
#include "app/admission.h"
#include "app/rule_change.h"
#include "ingest/deadletter.h"
#include "store/dead_letters.h"
#include "store/history.h"
#include "store/journal.h"

typedef struct epoch_alert {
    struct epoch_alert *next;
    history_entry entry;    /* as it will stand in the history; its sinks are for the committer to name */
    const uint32_t *sinks;  /* of the daemon */
    uint32_t n_sinks;
    uint64_t order;         /* of its key: outbox_row.order */
} epoch_alert;

/* A record that was not taken; the letter's texts are the epoch's. */
typedef struct epoch_letter {
    struct epoch_letter *next;
    dead_letter letter;
} epoch_letter;

typedef struct epoch {
    struct epoch *next;
    bool is_start;          /* the process began with it */
    journal_start start;    /* borrowed texts */
    rule_set *rules;        /* by which it is evaluated; one of its users */
    rule_change *change;    /* these rules hold from it on; NULL: those before do. Owned */
    admission_batch *batches, **batches_end;
    egret_arena arena;      /* of the alerts and letters */
    epoch_alert *alerts, **alerts_end;
    epoch_letter *letters, **letters_end;
    journal_epoch end;
    egret_text passed;      /* what end.passed is */
    uint64_t event, passed_next;        /* its first event; the one behind the newest that was passed over */
    uint64_t lsn;           /* of its first record */
    uint64_t next_lsn, next_event;      /* behind its last; while it is made: behind what it holds */
    size_t n_records, n_alerts, bytes;
    size_t row_bytes;       /* of what becomes rows of their own: an alert in the history and for each sink, a letter */
} epoch;

epoch *epoch_new(uint64_t lsn, uint64_t event, rule_set *rules);    /* NULL: no memory */
/* The epoch begins with a change of the rules, which numbers a record. */
void epoch_change(epoch *e, rule_change *change);
void epoch_free(epoch *e);                          /* NULL is allowed; batches too */
/* Takes the batch and numbers its records. */
void epoch_add(epoch *e, admission_batch *batch);
/* Copies the alert; false: no memory. */
bool epoch_alert_add(epoch *e, const uint32_t *sinks, uint32_t n_sinks, const egret_alert *alert, const sink_message *message);
/* Copies the letter; a record beyond EPOCH_LETTER_BYTES is cut. False: no memory. */
enum { EPOCH_LETTER_BYTES = 1 << 20 };
bool epoch_letter_add(epoch *e, const ingest_letter *letter);
/* All that counts in the digest of alerts, in their order: the message id, once, whatever sinks it goes to. */
void epoch_digest(journal_epoch *end, const char *id);
/* The event with this number is not evaluated; they come in order of numbers. */
void epoch_pass(epoch *e, uint64_t event);
/* Closes it. reached_ms: where the engine's clock is. False: no memory. */
bool epoch_end(epoch *e, int64_t clock_ms, int64_t reached_ms);
/* The text of the event with that LSN, if it is in here. */
bool epoch_raw(const epoch *e, uint64_t lsn, egret_text *out);
void epoch_answer(epoch *e, const char *trouble);   /* to all who wait */
void epoch_committed(epoch *e);                     /* it is on the disk: tells all who ask */

#endif
