/*
 * options.h: options of sources and sinks: one table for each kind says what there is, of which type, and what it is for. The same table reads
 * declarations, words their errors, and makes the pages of the documentation.
 *
 * Settings are plain values; they belong to whoever read them, and any thread may read them while nobody writes. env("X") is read here, once.
 */
#ifndef EGRET_EDGE_OPTIONS_H
#define EGRET_EDGE_OPTIONS_H

#include "compiler/plan.h"

typedef struct edge_option {
    const char *name;       /* NULL ends a table */
    egret_type type;        /* STRING, INT, BOOL or DURATION; NULL: a map of strings, read as lines "key: value\n" */
    const char *fallback;   /* as it would be written (strings without quotes); NULL: none */
    bool required;
    const char *help;
} edge_option;

/* What may be said of a kind: its own table, then that of all its side (sources or sinks). */
typedef struct edge_tables {
    const char *what;               /* "webhook sink", for sentences */
    const edge_option *own, *common;
} edge_tables;

enum { EDGE_MAX_OPTIONS = 24 };

/* The values of a declaration, one per row of the own table and then of the common one; strings are NUL-terminated. */
typedef struct edge_settings {
    egret_value values[EDGE_MAX_OPTIONS];
    char *texts[EDGE_MAX_OPTIONS];      /* owned copies of the strings */
} edge_settings;

size_t edge_option_count(const edge_option *options);
/* False: a sentence in `reason`, which names an option by name and never shows the value of an env. Settings are to be deinited in any case. */
bool edge_settings_read(edge_settings *settings, const edge_tables *tables, const plan_edge *edge, char *reason, size_t reason_size);
/* All fallbacks, for what nobody declared. False: no memory. */
bool edge_settings_fallback(edge_settings *settings, const edge_tables *tables);
void edge_settings_deinit(edge_settings *settings);

/* Walks the lines of a map: gives the next key and value, moves *at behind them; false: there is none left. */
bool edge_map_next(const char **at, egret_str *key, egret_str *value);

#endif
