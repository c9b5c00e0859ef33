/*
 * recovery.h: at start: the journal is evaluated again, so that the state is as it was when the last commit returned.
 *
 * Records are evaluated in the order and with the clocks they were evaluated with then. What alerts come of an epoch is compared with the digest the
 * journal has of it: a difference, under the rules of then, means that the evaluation is not a function of the journal, and is said.
 * Changes of the rules stand in the journal, too, and act again where they acted then (unless the rules are given: fixed_rules).
 * Values are taken as they were decoded then; when the stream's layout is another now (other rules), the event's text is decoded anew.
 * A block that cannot be read is put into quarantine, and said.
 */
#ifndef EGRET_APP_RECOVERY_H
#define EGRET_APP_RECOVERY_H

#include "app/evaluation.h"
#include "app/journal_values.h"
#include "store/journal.h"

typedef struct recovery_options {
    store *store;               /* nobody else writes meanwhile */
    evaluation *evaluation;     /* with the rules that held at `from`; its alerts go to recovery_alert, given the recovery */
    const char *const *sources; /* names, by number */
    uint32_t n_sources;
    uint64_t from;              /* LSN to begin at; what was before is in the evaluation already */
    int64_t clock_ms;           /* of the epoch before; 0: there was none */
    uint64_t rules_then;        /* fingerprint that held then */
    const app_log *log;
    bool fixed_rules;           /* the evaluation's rules are for all of it */
    bool only_looks;            /* for a tool: alerts are written out, and broken blocks stay where they are */
    bool (*go_on)(void *user);  /* asked for each block; false ends the recovery */
    void *user;
} recovery_options;

typedef struct recovery {
    recovery_options options;
    journal_epoch seen;         /* alerts of the epoch at hand */
    uint64_t events, epochs, alerts;
    uint64_t other_epochs;      /* that gave other alerts than then, under the same rules */
    uint64_t first_other;       /* record that ends the first of them */
    uint64_t not_decoded;       /* events that do not fit the rules of now */
    uint64_t broken_blocks;
    uint64_t rules_then;        /* fingerprint of the rules that held where it ended; 0: not known */
    uint64_t changes, other_rules;      /* changes of the rules; those whose rules this version cannot compile, or whose texts are gone */
    int64_t clock_ms;           /* of the last epoch */
    uint64_t warm_from, warm_until;     /* changes that filled new rules: the least record they began at (UINT64_MAX: there was none), the last of their places */
    journal_values values;
    bool complete;              /* nothing is missing before what was read: the state is all there */
    bool stopped;               /* go_on said so */
} recovery;

/* EGRET_IO: the store could not be read (said in the log). */
egret_status recovery_run(recovery *r, const recovery_options *options);
/* The alert function of the evaluation meanwhile. */
void recovery_alert(recovery *r, const sink_message *message);

/* Names the layout of a stream's slots. */
uint64_t recovery_layout(const plan_stream *stream);
/* How earlier versions named the rules (rule_set.fingerprint): by the plan as it is printed. 0: no memory. */
uint64_t recovery_printed_fingerprint(const plan *p);

#endif
