/*
 * rule_file.h: one file of rules, or the content of a list or table, as it stands in a set of rules (rule_set.h).
 *
 * A file never changes, so the sets before and after a change share those that are the same in both, with their trees: beside ten thousand rules
 * only the file that is another one is parsed. A file is parsed by the first set that is compiled with it, before any other set knows it.
 */
#ifndef EGRET_APP_RULE_FILE_H
#define EGRET_APP_RULE_FILE_H

#include "compiler/ast.h"
#include "store/places.h"

typedef struct rule_file {
    unsigned users;             /* atomic */
    egret_arena arena;
    const char *path;
    const char *text;           /* NUL-terminated */
    size_t len;
    char hash[STORE_HASH_DIGITS + 1];
    bool is_content;            /* of a list or table */
    /* once parsed */
    bool parsed;
    uint32_t number;            /* of the source its tree speaks of: the same in each set it stands in */
    ast_file tree;
    egret_diags said;           /* what the parser had to say */
} rule_file;

rule_file *rule_file_new(const char *path, const char *text, size_t len, bool is_content);      /* texts are copied; NULL: no memory */
rule_file *rule_file_keep(rule_file *file);             /* one more user */
void rule_file_drop(rule_file *file);                   /* the last one frees it; NULL is allowed */
/* As source `number` of those; what is to be said about it stays in the file. false: no memory. */
bool rule_file_parse(rule_file *file, const egret_diags *sources, uint32_t number);

#endif
