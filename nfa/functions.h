/*
 * functions.h: the code of the functions of compiler/functions.h. All are pure and give the same bits on every machine
 * (no libm transcendental: sin, cos, asin have one fixed implementation here).
 */
#ifndef EGRET_NFA_FUNCTIONS_H
#define EGRET_NFA_FUNCTIONS_H

#include "compiler/functions.h"

/* Calls function number `fn`. Strings of the result borrow from args or from scratch. Types were checked. */
egret_value nfa_call(unsigned fn, const egret_value *args, size_t n, egret_arena *scratch);

/* x like "*.exe": * any run, ? one character, case ignored (ASCII), whole text. */
bool nfa_like(egret_value text, egret_value pattern);

/* x matches r"…": PCRE2, compiled once (caller keeps), with match, heap and subject limits. A limit reached is "no match" and counted. */
typedef struct nfa_regex nfa_regex;
nfa_regex *nfa_regex_new(egret_mem mem, const char *pattern, size_t len, const char **error, size_t *error_offset);
void nfa_regex_free(nfa_regex *regex);
bool nfa_regex_match(nfa_regex *regex, egret_value text, uint64_t *limit_hits);

#endif
