/*
 * fit.h: the straight line through values over time, by least squares: slope and forecast.
 *
 * Kept are the sums that the line follows from, in integers: of values (sum.h says in which unit), of times (ms since 1970), of their squares,
 * of their products. Adding a value and taking it away again leaves the same bits; the sums do not depend on any order. What is read is the
 * quotient of two integers, rounded once.
 */
#ifndef EGRET_NFA_FIT_H
#define EGRET_NFA_FIT_H

#include "nfa/sum.h"

typedef struct nfa_fit {        /* zero bytes: no values */
    nfa_sum x, t;
    uint64_t tt[3], tx[4];      /* least word first, two's complement */
} nfa_fit;

/* sign 1: a value of this time comes; -1: it goes. false: it is too large to be summed, and nothing is changed. */
bool nfa_fit_add(nfa_fit *fit, int64_t time_ms, egret_value v, int sign);
/* By how much the value grows in a second. type: of the values; n: their number. Null below two values, or when all have one time. */
egret_value nfa_fit_slope(const nfa_fit *fit, egret_type type, int64_t n);
/* The line at that time; null as above. */
egret_value nfa_fit_at(const nfa_fit *fit, egret_type type, int64_t n, int64_t time_ms, int64_t ahead_ms);

#endif
