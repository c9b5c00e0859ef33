/*
 * rule_set.h: the rules as they are at one moment: files, contents of lists and tables, settings; and the plan they compile to.
 *
 * A set is made (from nothing, or as a copy of another), changed, compiled, and then never changes again. It is shared by whoever works by it: the
 * engine, epochs on their way to the disk, those who show it. A compiled set may be used by several threads.
 *
 * What a set holds is said in lines, each change by itself, which the journal keeps; texts are named by their hash and stand in the store:
 *
 *     file HASH PATH           content HASH PATH (of a list or table)     gone PATH       (words are parted by tabs)
 *     mode RULE live|shadow|off|-      snooze RULE KEY UNTIL WHEN WHO REASON      unsnooze RULE KEY
 */
#ifndef EGRET_APP_RULE_SET_H
#define EGRET_APP_RULE_SET_H

#include "app/rule_ground.h"
#include "compiler/plan.h"
#include "compiler/text.h"

typedef struct rule_mode { const char *rule; plan_mode mode; } rule_mode;

typedef struct rule_snooze {
    const char *rule, *key;     /* key: canonical, see rule_key.h */
    int64_t until_ms, when_ms;  /* wall clock */
    const char *who, *reason;
} rule_snooze;

typedef struct rule_set {
    unsigned users;             /* atomic */
    egret_arena arena;
    rule_file **files;          /* sorted by path; shared with other sets */
    size_t n_files, cap_files;
    rule_mode *modes;           /* by rule, as the store has them */
    size_t n_modes, cap_modes;
    rule_snooze *snoozes;       /* by rule, then key */
    size_t n_snoozes, cap_snoozes;
    egret_text changes;         /* lines: what has been done to it since it was made */
    struct rule_set *base;      /* until it is compiled: the compiled set it is a copy of; NULL: none. One of its users */
    /* once compiled */
    size_t compiled_changes;    /* how long `changes` was then */
    rule_grounds grounds;       /* what the plan lives by, with arena */
    egret_diags diags;
    uint32_t n_parsed;          /* of diags: what the parser had to say, which stands first */
    ast_file tree;              /* of all files: declarations in their order, which hold on to the trees of the files */
    const plan *plan;           /* NULL: there are errors */
    uint64_t *layouts;          /* of its streams, for the journal */
    uint64_t fingerprint;       /* names the rules with all that is written and what it means; never 0 */
} rule_set;

rule_set *rule_set_new(void);                           /* NULL: no memory */
rule_set *rule_set_copy(const rule_set *from);          /* files and settings; not compiled. NULL: no memory */
rule_set *rule_set_keep(rule_set *set);                 /* one more user */
void rule_set_drop(rule_set *set);                      /* the last one frees it; NULL is allowed */

/* Before it is compiled. Without memory arena.failed is set. What is the same already changes nothing, and gives no line. */
void rule_set_put(rule_set *set, const char *path, const char *text, size_t len, bool is_content);
/* All files that a compile has read. */
void rule_set_take(rule_set *set, const egret_diags *diags);
void rule_set_remove(rule_set *set, const char *path);
void rule_set_put_mode(rule_set *set, const char *rule, const char *mode);      /* "-": as the rule says */
void rule_set_put_snooze(rule_set *set, const rule_snooze *snooze);             /* until_ms 0: ends it */
const rule_file *rule_set_file(const rule_set *set, const char *path);          /* NULL: there is none */

/* Takes lines in; texts are asked for by hash. false: a line makes no sense, or a text is not to be had. */
bool rule_set_read(rule_set *set, const char *lines, size_t len, bool (*text)(void *user, const char *hash, egret_text *out), void *user);
void rule_set_write(const rule_set *set, egret_text *out);      /* all of it, as lines */

/* Compiles: of a copy what is other than in the set it is a copy of, where that will do (compiler/revise.h). false: there are errors in diags, or no memory (arena.failed). */
bool rule_set_compile(rule_set *set);
/* Is the rule silent for that key at that moment? */
bool rule_set_is_snoozed(const rule_set *set, egret_str rule, const char *key, int64_t wall_ms);

/* A terminated copy of bytes that need not be, malloced; NULL: no memory. */
char *rule_text_copy(const char *ptr, size_t len);

#endif
