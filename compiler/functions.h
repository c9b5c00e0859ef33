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

/* Numbers of the functions; they may change from one version to the next. */
typedef enum egret_function_id {
    EGRET_FN_ABS, EGRET_FN_ROUND, EGRET_FN_FLOOR, EGRET_FN_CEIL, EGRET_FN_SQRT, EGRET_FN_LEAST, EGRET_FN_GREATEST, EGRET_FN_IF,
    EGRET_FN_COALESCE, EGRET_FN_LOWER, EGRET_FN_UPPER, EGRET_FN_TRIM, EGRET_FN_LENGTH, EGRET_FN_STARTS_WITH, EGRET_FN_ENDS_WITH,
    EGRET_FN_CONTAINS, EGRET_FN_SUBSTRING, EGRET_FN_CONCAT, EGRET_FN_TO_STRING, EGRET_FN_TO_NUMBER, EGRET_FN_TO_INT,
    EGRET_FN_DISTANCE_KM, EGRET_FN_IP_IN, EGRET_FN_YEAR, EGRET_FN_MONTH, EGRET_FN_DAY, EGRET_FN_HOUR, EGRET_FN_MINUTE,
    EGRET_FN_WEEKDAY,
    EGRET_N_FUNCTIONS
} egret_function_id;

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
