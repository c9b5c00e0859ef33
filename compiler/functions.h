/*
 * functions.h: the functions a condition may call: one table row each (name, arguments, result, a line of help).
 * The checker reads types here; the engine has the code (nfa/functions.c), found by the same number; the language reference
 * prints the table.
 */
#ifndef EGRET_COMPILER_FUNCTIONS_H
#define EGRET_COMPILER_FUNCTIONS_H

#include "compiler/value.h"

enum { EGRET_MAX_ARGS = 8 };

/* What an argument or result may be. Masks of 1 << egret_type. */
#define EGRET_T(type) (1u << (type))
#define EGRET_T_NUMERIC (EGRET_T(EGRET_INT) | EGRET_T(EGRET_NUMBER) | EGRET_T(EGRET_DECIMAL))
#define EGRET_T_ORDERED (EGRET_T_NUMERIC | EGRET_T(EGRET_STRING) | EGRET_T(EGRET_TIME) | EGRET_T(EGRET_DURATION))
#define EGRET_T_ANY (EGRET_T_ORDERED | EGRET_T(EGRET_BOOL))

typedef enum egret_result_rule {
    EGRET_RESULT_FIXED,     /* `result` */
    EGRET_RESULT_SAME,      /* all arguments from `same_from` on share one type (numeric types widen), and so has the result */
    EGRET_RESULT_FIRST      /* the type of the first argument */
} egret_result_rule;

typedef struct egret_function {
    const char *name;
    uint8_t min_args, max_args;             /* max_args EGRET_MAX_ARGS: that many */
    uint16_t arg[EGRET_MAX_ARGS];           /* masks; the last one given stands for all further ones */
    uint8_t rule;                           /* egret_result_rule */
    uint8_t same_from;
    uint8_t result;                         /* egret_type for FIXED */
    bool null_safe;                         /* is called with nulls (coalesce, if); else a null argument gives null */
    const char *signature;                  /* "least(a, b, …)" */
    const char *help;
} egret_function;

extern const egret_function egret_functions[];
extern const size_t egret_n_functions;
int egret_function_find(egret_str name);    /* its number, -1: unknown */

#endif
