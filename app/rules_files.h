/*
 * rules_files.h: rule files and folders of the command line -> sources, tree and plan, for every command that reads rules.
 */
#ifndef EGRET_APP_RULES_FILES_H
#define EGRET_APP_RULES_FILES_H

#include "compiler/plan.h"

typedef enum rules_stage {
    RULES_SOURCES,  /* texts are read */
    RULES_TREE,     /* and parsed */
    RULES_PLAN      /* and checked, with the content of lists and tables */
} rules_stage;

/* Owns everything the compile made, in its arena. */
typedef struct rules_files {
    egret_arena arena;
    egret_diags diags;
    ast_file tree;
    const plan *plan;       /* NULL: not asked for, or there are errors (see diags) */
    char *trouble;          /* a sentence about a file that could not be read, in the arena; NULL: none */
} rules_files;

/* Reads paths in order; a folder stands for all *.egret below it, sorted by name, folders among them in place. A file named twice is read
 * once. Always leaves `rules` in a state that rules_files_free takes. False: a file could not be read (trouble says which). */
bool rules_files_load(rules_files *rules, const char *const *paths, size_t n, rules_stage stage);
void rules_files_free(rules_files *rules);

/* Loads to the plan for commands that need good rules: prints diagnostics on stderr and gives the exit code (0: plan is there). */
int rules_files_need(rules_files *rules, const char *command, const char *const *paths, size_t n);
/* The same where a journal keeps that long: also warns of rules that wait longer. */
int rules_files_need_kept(rules_files *rules, const char *command, const char *const *paths, size_t n, int64_t keep_ms);

#endif
