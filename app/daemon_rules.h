/*
 * daemon_rules.h: the rules of a running daemon: which hold, which were before, and how others take their place.
 *
 * Where rules come from. The store holds the rules that hold now, and the folder of --rules is where they are imported from: at start, files of it
 * that are new or have changed since they were last imported are taken in, and files that were imported and are gone there are gone. What was
 * changed over HTTP stays as it is until its file in the folder changes.
 *
 * How others take their place. Whoever asks compiles the new set and prepares its engine while events flow; the engine's thread puts it into force
 * between two epochs (rule_change.h); the answer is given when that is on the disk. One change at a time.
 */
#ifndef EGRET_APP_DAEMON_RULES_H
#define EGRET_APP_DAEMON_RULES_H

#include "app/log.h"
#include "app/rule_change.h"
#include "app/rules_files.h"

typedef struct daemon_rules daemon_rules;

/* The newest version of a rule. */
typedef struct rule_book_entry {
    const char *name, *who, *file;
    uint64_t version;
    int64_t when_ms;
    char hash[STORE_HASH_DIGITS + 1];   /* of its text; "": it is removed */
} rule_book_entry;

/* What is in the store, with what is to be imported: compiled, but not in force. The exit code; troubles are said. */
int daemon_rules_open(daemon_rules **out, store *s, const rules_files *files, const app_log *log);
void daemon_rules_close(daemon_rules *rules);       /* NULL is allowed */

rule_set *daemon_rules_boot(const daemon_rules *rules);         /* what is to hold after the start; lives as long as `rules` */
/* The start's change: the versions and rows of what was imported. NULL: no memory. */
rule_change *daemon_rules_start_change(daemon_rules *rules);

/* The engine's thread. */
rule_change *daemon_rules_take(daemon_rules *rules);            /* what waits to be put into force, or NULL; the caller is a user of it */
/* As of now. The shards live until the next call. The change's versions count from here on: it is kept sooner or later, whatever the disk says now, or the
 * process ends. */
void daemon_rules_in_force(daemon_rules *rules, const rule_change *change, rule_set *set, const nfa_shards *shards);
void daemon_rules_answer(daemon_rules *rules);                  /* calls what others want to be called (daemon_rules_ask) */
void daemon_rules_stop(daemon_rules *rules);                    /* nothing more will be put into force */
void daemon_rules_settle(daemon_rules *rules);                  /* after that: waits until nobody looks at the engine any more; any thread */

/* Whoever asks; any thread. */
/* From begin to end nobody else changes anything. Gives the set that holds. false: it is too late. */
bool daemon_rules_begin(daemon_rules *rules, rule_set **now);
void daemon_rules_end(daemon_rules *rules);
/* Between them: a change of the compiled set, with the versions that come of it and its engine prepared; not handed over. NULL: no memory. */
rule_change *daemon_rules_prepare(daemon_rules *rules, rule_set *next, const char *who, const char *note, const char *what);
const nfa_shards *daemon_rules_shards(const daemon_rules *rules);       /* those in force */
/* Hands it over and waits until it holds and is on the disk. NULL, or a sentence. */
const char *daemon_rules_put(daemon_rules *rules, rule_change *change);
bool daemon_rules_offer(daemon_rules *rules, rule_change *change);      /* without waiting; false: the appliance is stopping */
void daemon_rules_on_change(daemon_rules *rules, void (*wake)(void *user), void *user);        /* called when something waits for the engine */

/* Has the engine's thread call it, between two epochs, and waits for that. false: it does not any more. */
bool daemon_rules_ask(daemon_rules *rules, void (*look)(void *user), void *user);

rule_set *daemon_rules_now(daemon_rules *rules);                /* the caller is a user of it */
/* The newest version of a rule, copied: false: it has none. Texts are good until daemon_rules_close. */
bool daemon_rules_entry(daemon_rules *rules, const char *name, rule_book_entry *out);

/* The declaration of the rule in the tree of a compiled set; NULL: there is none. Its text is that of the span. */
const ast_decl *rule_set_declaration(const rule_set *set, const char *rule);
egret_str rule_set_text(const rule_set *set, const ast_decl *decl);

#endif
