/*
 * command.h: what a subcommand of `egret` is, and how its command line is read.
 *
 * A subcommand is one row: name, summary, options table, function. The table drives parsing, defaults and `--help`, so that none of
 * them can disagree. A command prints its product on stdout and what it has to say about it on stderr.
 */
#ifndef EGRET_APP_COMMAND_H
#define EGRET_APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes; `egret --help` documents them. */
enum {
    APP_FINE = 0,
    APP_DIAGNOSTICS = 1,    /* rules with errors, failed tests, files not in canonical layout */
    APP_USAGE = 2,          /* the command line makes no sense */
    APP_TROUBLE = 3         /* the outside world: files, memory, network */
};

typedef enum app_option_kind {
    APP_FLAG,   /* --json */
    APP_ONE,    /* --data DIR; given twice, the last one holds */
    APP_MANY    /* --rules FILE…: all words up to the next option; may be repeated */
} app_option_kind;

typedef struct app_option {
    const char *name;       /* without dashes; NULL ends a table */
    app_option_kind kind;
    const char *metavar;    /* the value's name in the help; NULL for flags */
    const char *fallback;   /* APP_ONE: the value when not given; NULL: none */
    const char *help;
} app_option;

struct app_args;

typedef struct app_command {
    const char *name;
    const char *summary;            /* one line, shown by `egret --help` */
    const char *words;              /* what stands without an option: "FILE|DIR…"; NULL: nothing may */
    const app_option *options;
    const char *notes;              /* further text of `egret COMMAND --help`; may be NULL */
    int (*run)(struct app_args *args);  /* gives the exit code */
} app_command;

/* A command line that was read. All strings are borrowed from argv or the tables. */
typedef struct app_args {
    const app_command *command;
    size_t n_options;
    const char **values;    /* n_options + 1 rows of `width`; the last row holds the words */
    size_t *counts;
    size_t width;
} app_args;

/* Reads argv[0..argc) (after the command's name). False: a message was printed and the exit code is APP_USAGE, or APP_TROUBLE without
 * memory; *exit_code says which. */
bool app_args_parse(app_args *args, const app_command *command, int argc, char **argv, int *exit_code);
void app_args_free(app_args *args);

bool app_args_has(const app_args *args, const char *name);
const char *app_args_one(const app_args *args, const char *name);      /* or its fallback, or NULL */
size_t app_args_many(const app_args *args, const char *name, const char ***out);
size_t app_args_words(const app_args *args, const char ***out);
/* A whole number within bounds; false: a message was printed. */
bool app_args_int(const app_args *args, const char *name, int64_t min, int64_t max, int64_t *out);
/* Bytes, or with K, M, G or T behind the number. */
bool app_args_size(const app_args *args, const char *name, uint64_t *out);

void app_command_help(const app_command *command);
/* "egret check: …" on stderr, with a pointer to --help; gives APP_USAGE. */
int app_usage(const app_args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for troubles of the outside world; gives APP_TROUBLE. */
int app_trouble(const app_args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The subcommands, one a file: cmd_<name>.c. */
extern const app_command app_cmd_alerts;
extern const app_command app_cmd_backup;
extern const app_command app_cmd_backtest;
extern const app_command app_cmd_check;
extern const app_command app_cmd_deadletters;
extern const app_command app_cmd_explain;
extern const app_command app_cmd_fmt;
extern const app_command app_cmd_generate;
extern const app_command app_cmd_help;
extern const app_command app_cmd_journal;
extern const app_command app_cmd_openapi;
extern const app_command app_cmd_replay;
extern const app_command app_cmd_restore;
extern const app_command app_cmd_run;
extern const app_command app_cmd_test;
extern const app_command app_cmd_token;

#endif
