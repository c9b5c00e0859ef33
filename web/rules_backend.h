/*
 * rules_backend.h: what the web folder asks of the program about its rules: to show them, to change them while events flow, to say what it
 * knows of a key, to try rules on events of the past.
 *
 * All calls may be made from several threads at once. They wait: for the compiler, for the engine (at most a few epochs), for the commit of what
 * they change. So they belong on workers (WEB_BLOCKS), never on the server's thread.
 *
 * Answers are JSON values appended to `out` (what each call says), to be sent as they are. Rules are named by name; instances of a repeated
 * `by` are one rule. Times are RFC 3339 texts in UTC.
 */
#ifndef EGRET_WEB_RULES_BACKEND_H
#define EGRET_WEB_RULES_BACKEND_H

#include "compiler/text.h"

typedef enum web_rules_status {
    WEB_RULES_DONE,
    WEB_RULES_INVALID,      /* out: the compiler's document {"errors":n,"warnings":n,"diagnostics":[…]}; nothing has changed */
    WEB_RULES_NOT_FOUND,    /* no such rule, list, version, back-test; out: a sentence, plain text */
    WEB_RULES_CONFLICT,     /* it is not what if_match says; out: its ETag now, without quotes, plain text */
    WEB_RULES_REFUSED,      /* out: a sentence, plain text, that says why and what to do */
    WEB_RULES_UNKEPT,       /* the disk is full, or read-only: the same again later */
    WEB_RULES_STOPPING,
    WEB_RULES_NO_MEMORY
} web_rules_status;

enum { WEB_RULES_ETAG = 33 };   /* 32 hex digits and NUL: a hash of the text */

/* ---- changing ---- */

typedef enum web_rules_kind {
    WEB_RULES_RULE,         /* name: of a rule; text: its declaration "rule NAME … { … }", with nothing else beside it */
    WEB_RULES_FILE,         /* name: path of a rule file such as "fraud/velocity.egret", relative, without ".."; text: all of it */
    WEB_RULES_LIST,         /* name: of a list; text: its file, as it would stand on the disk */
    WEB_RULES_TABLE,        /* name: of a table; text: its CSV file */
    WEB_RULES_MODE,         /* name: of a rule; text: "live", "shadow", "off", or "" for what the rule itself says */
    WEB_RULES_SNOOZE,       /* name: of a rule; key; until_ms; text: the reason. remove: ends it */
    WEB_RULES_ROLLBACK      /* name: of a rule; version: its text becomes that one's again, as a new version */
} web_rules_kind;

typedef struct web_rules_item {
    web_rules_kind kind;
    const char *name;
    const char *text;       /* NUL-terminated; NULL with remove */
    const char *key;        /* SNOOZE: as for web_rules.key */
    int64_t until_ms;       /* SNOOZE: wall clock */
    uint64_t version;       /* ROLLBACK */
    const char *if_match;   /* RULE, FILE, LIST, TABLE: ETag without quotes; "*": it must exist; NULL: whatever is there is replaced */
    bool only_new;          /* RULE, FILE: refused (CONFLICT) when it exists */
    bool remove;            /* RULE, FILE, SNOOZE */
} web_rules_item;

/* All items become effective together, between two epochs, or none does. */
typedef struct web_rules_change {
    const web_rules_item *items;
    size_t n_items;
    const char *who, *note;         /* for the versions; note may be NULL */
    bool dry_run;                   /* says what would happen and does nothing */
} web_rules_change;

typedef struct web_rules {
    void *user;

    /* ---- reading ---- */

    /* [{"name","text" (the sentence),"file","line","mode","declared_mode","severity","kind":"sequence"|"threshold","key":["user"],"sinks":[…],
     *   "version":n,"etag","changed","by","snoozes":n}]; counters are those of web_numbers, by name. */
    web_rules_status (*list)(void *user, egret_text *out);
    /* Plain text: the rule's declaration as written. version 0: the one that holds. */
    web_rules_status (*source)(void *user, const char *rule, uint64_t version, egret_text *out, char etag[WEB_RULES_ETAG]);
    /* {"files":[{"path","etag","bytes","rules":n}]}; then one of them, plain text. */
    web_rules_status (*files)(void *user, egret_text *out);
    web_rules_status (*file)(void *user, const char *path, egret_text *out, char etag[WEB_RULES_ETAG]);
    /* {"rule","versions":[{"version","etag","when","who","note","what":"new"|"replaced"|"removed"|"rolled back"|"imported","current":bool}]},
     * newest first. */
    web_rules_status (*versions)(void *user, const char *rule, egret_text *out);
    /* Plain text: a unified diff from version a to version b (0: the one that holds). */
    web_rules_status (*diff)(void *user, const char *rule, uint64_t a, uint64_t b, egret_text *out);
    /* {"lists":[{"name","path","etag","items":n}],"tables":[{"name","path","etag","rows":n}]}; then the content of one, its file as it is. */
    web_rules_status (*contents)(void *user, egret_text *out);
    web_rules_status (*content)(void *user, web_rules_kind kind, const char *name, egret_text *out, char etag[WEB_RULES_ETAG]);
    /* [{"rule","key":{…},"until","reason","who","when"}]; rule NULL: of all */
    web_rules_status (*snoozes)(void *user, const char *rule, egret_text *out);

    /* ---- changing ---- */

    /* The compiler's document about the text as one file beside those that are there (it replaces rules of the same names); changes nothing. */
    web_rules_status (*validate)(void *user, const char *text, egret_text *out);
    /* {"dry_run":bool,"change":n (number of the change),"took_ms":n,"warnings":[…],
     *  "rules":[{"rule","what":"new"|"replaced"|"removed"|"mode"|"same","version":n,
     *            "state":"kept"|"dropped"|"kept to a step"|"new","kept":["…"],"dropped":["…"],
     *            "warm_up":{"since","complete":bool,"silent_until":null|"…","events":n} (of rules that were filled with the past)}],
     *  "profiles":[the same],"lists":["…"],"tables":["…"]} */
    web_rules_status (*change)(void *user, const web_rules_change *change, egret_text *out);

    /* null, or the new rule that is being filled with the past, for which `change` waits: {"rule","events":n,"done":0…1} */
    web_rules_status (*warming)(void *user, egret_text *out);

    /* ---- keys ---- */

    /* What is known of a key. key: the value, for a key of one part; else the parts as a JSON array or object.
     * {"rule","key":{…},"known":bool,"clock":"…","snoozed_until":null|"…",
     *  "attempts":[{"started","bound":[{"step","time","lsn"}],"waits_for":[{"step","condition"}],"until":null|"…"}],
     *  "attempts_total":n,"values":[{"name","value"}],"when":null|"…","holds":bool,"open_alert":null|{"id","since"},"quiet_until":null|"…",
     *  "says":["a sentence for people, each"]} */
    web_rules_status (*key)(void *user, const char *rule, const char *key, egret_text *out);
} web_rules;

#endif
