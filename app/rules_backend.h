/*
 * rules_backend.h: what the files of web/rules_backend.h's implementation share: rules_read.c (showing), rules_edit.c (what is asked for, as a changed
 * set), rules_change.c (making it hold), rules_ask.c (keys).
 */
#ifndef EGRET_APP_RULES_BACKEND_H
#define EGRET_APP_RULES_BACKEND_H

#include "app/daemon_internal.h"
#include "app/pace.h"
#include "app/rule_key.h"
#include "web/rules_backend.h"

#include <jansson.h>

/* Fills the table for the daemon. */
void daemon_rules_backend(daemon_state *d, web_rules *out);

/* ---- rules_read.c ---- */

web_rules_status backend_list(void *user, egret_text *out);
web_rules_status backend_source(void *user, const char *rule, uint64_t version, egret_text *out, char etag[WEB_RULES_ETAG]);
web_rules_status backend_file_list(void *user, egret_text *out);
web_rules_status backend_file(void *user, const char *path, egret_text *out, char etag[WEB_RULES_ETAG]);
web_rules_status backend_versions(void *user, const char *rule, egret_text *out);
web_rules_status backend_diff(void *user, const char *rule, uint64_t a, uint64_t b, egret_text *out);
web_rules_status backend_contents(void *user, egret_text *out);
web_rules_status backend_content(void *user, web_rules_kind kind, const char *name, egret_text *out, char etag[WEB_RULES_ETAG]);
web_rules_status backend_snoozes(void *user, const char *rule, egret_text *out);

/* A sentence as the answer; gives the status. */
web_rules_status backend_say(egret_text *out, web_rules_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The value as the answer; takes it over. NULL: no memory. */
web_rules_status backend_json(egret_text *out, json_t *value);
/* An instant as text. NULL: no memory. */
json_t *backend_time(int64_t ms);
/* The declaration of a list or table, and the file of its content; NULL: there is none. */
const ast_decl *backend_content_declaration(const rule_set *set, web_rules_kind kind, const char *name);
const rule_file *backend_content_file(const rule_set *set, const ast_decl *decl);
/* The text of a version of a rule, as the store has it. */
web_rules_status backend_version_text(daemon_state *d, const char *rule, uint64_t version, egret_text *out, char etag[WEB_RULES_ETAG]);
const plan_rule *backend_find(const plan *p, const char *rule);       /* its first instance; NULL: there is none */

/* ---- rules_edit.c ---- */

/* What the items make of the set: a copy, not compiled. Not DONE: why, in out, and *next is NULL. what: of the versions that come of it, or NULL. */
web_rules_status backend_edit(daemon_state *d, const rule_set *now, const web_rules_change *change, rule_set **next, const char **what, egret_text *out);
/* The compiler's document. */
void backend_document(rule_set *set, egret_text *out);

/* ---- rules_change.c ---- */

web_rules_status backend_validate(void *user, const char *text, egret_text *out);
web_rules_status backend_change(void *user, const web_rules_change *change, egret_text *out);
/* The first part of it, between daemon_rules_begin, which gave `now`, and daemon_rules_end: checked, compiled, prepared, not handed over. Not DONE: why,
 * in out, and *prepared is NULL. *answer: what backend_change answers, for the caller to release. */
web_rules_status backend_prepare(daemon_state *d, const rule_set *now, const web_rules_change *asked, rule_change **prepared, json_t **answer,
                                 egret_text *out);

/* ---- rules_warm.c ---- */

/* New rules on their way that are to be filled with the past. */
typedef struct rules_warming {
    daemon_state *daemon;
    warm_up *warm;              /* reading; NULL: nothing is to be filled, or it has been handed over */
    const warm_up *handed;      /* the change's, as long as it lives; NULL: nothing was filled */
    warm_up_begin begin;
    int64_t began_at_ms, clock_ms;      /* event time: where the evaluation began, and where it was then; INT64_MIN: it has not */
    bool claimed, hurries;
    unsigned tries;
    int64_t began_ms;           /* monotonic */
    pace pace;
} rules_warming;

/* Within daemon_rules_begin: what is to be done for the prepared change's new rules. *again: the past is to be read outside of it, and all done
 * again then; else the change has what it needs. Not DONE: why, in out. */
web_rules_status rules_warming_step(rules_warming *w, rule_set *next, rule_change *change, bool dry_run, bool *again, egret_text *out);
web_rules_status rules_warming_read(rules_warming *w, egret_text *out);
json_t *rules_warming_tell(const rules_warming *w, const plan_rule *rule);      /* {"since","complete","silent_until"} */
/* The change holds: the log says so, and the answer how many events it took. */
void rules_warming_done(const rules_warming *w, json_t *answer);
void rules_warming_end(rules_warming *w);       /* always, in the end */
web_rules_status backend_warming(void *user, egret_text *out);

/* ---- rules_ask.c ---- */

web_rules_status backend_key(void *user, const char *rule, const char *key, egret_text *out);

#endif
