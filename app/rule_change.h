/*
 * rule_change.h: a change of the rules on its way: prepared by whoever asks for it, put into force by the engine's thread between two epochs,
 * written by the committer with the epoch that begins with it. Shared by all three; the last one frees it.
 *
 * In the store, in one transaction with its record in the journal: the texts it names, what holds now (a row for each file, mode and snooze), a row
 * for each new version of a rule.
 */
#ifndef EGRET_APP_RULE_CHANGE_H
#define EGRET_APP_RULE_CHANGE_H

#include "app/rule_set.h"
#include "app/warm_up.h"
#include "nfa/shards.h"
#include "store/journal_block.h"
#include "store/store.h"

/* A version of one rule: what a row of the store says. */
typedef struct rule_version {
    const char *rule, *who, *note, *file;
    const char *what;           /* "imported" "new" "replaced" "removed" "rolled back" "mode live|shadow|off|-" */
    uint64_t version;
    int64_t when_ms;
    char hash[STORE_HASH_DIGITS + 1];   /* of the rule's text; "": it is removed */
} rule_version;

typedef struct rule_change rule_change;

/* rules: compiled; the change keeps a user. whole: the journal's record says all there is, not what has changed. NULL: no memory. */
rule_change *rule_change_new(rule_set *rules, bool whole, const char *who, const char *note, int64_t wall_ms);
rule_change *rule_change_keep(rule_change *change);
void rule_change_free(rule_change *change);         /* one user less; NULL is allowed */
rule_set *rule_change_rules(rule_change *change);
/* While it is prepared. Copies; false: no memory. text NULL: the rule is removed. */
bool rule_change_add_version(rule_change *change, const rule_version *version, const char *text, size_t len);
/* A row of the store beside it: text NULL deletes it. */
bool rule_change_add_row(rule_change *change, const char *key, const char *text, size_t len);
const rule_version *rule_change_version(const rule_change *change, size_t i);     /* the i-th that was added; NULL: there are no more */
/* The shards that take over; afterwards those that are to be freed, which the last user does. NULL: none have been prepared. */
nfa_shards **rule_change_shards(rule_change *change);
/* New rules are filled with the past, from this record on (warm_up.h); the change owns it. */
void rule_change_warms(rule_change *change, warm_up *warm, uint64_t from);
warm_up *rule_change_warm_up(const rule_change *change, uint64_t *from);        /* NULL: none are */
rule_set **rule_change_before(rule_change *change);     /* the rules those look at; the last user of the change drops them behind them */

/* The engine's thread, before it puts the change into force: the time its record says, which is also that of the alerts it closes. */
void rule_change_holds_from(rule_change *change, int64_t wall_ms);
journal_control rule_change_record(const rule_change *change);      /* borrowed texts */
/* Within a transaction of the committer's: all but the record. 0 or the store's code. */
int rule_change_write(const rule_change *change, store *s);

/* The committer says how it went (trouble NULL: it is on the disk), the engine's thread that it cannot be done; who asked waits. The first answer
 * counts. */
void rule_change_answer(rule_change *change, const char *trouble);
const char *rule_change_wait(rule_change *change);
bool rule_change_is_answered(rule_change *change, const char **trouble);   /* without waiting */

/* Key and text of a version's row; and back: texts are parts of the line, which is cut up. */
void rule_version_key(egret_text *out, const char *rule, uint64_t version);     /* NUL-terminated; version 0: the beginning of all of the rule's */
void rule_version_put(egret_text *out, const rule_version *version);
bool rule_version_get(char *line, rule_version *out);

#endif
