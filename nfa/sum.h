/*
 * sum.h: exact sums, so that a window filled live, one filled by warm-up and one merged from parts agree to the bit.
 *
 * A double is not summed as a double: a sliding sum made by += and -= differs in bits from one computed afresh in
 * nearly every window. Here a sum is a 128-bit fixed-point integer: INT and DURATION as they are, DECIMAL with 18 decimal digits,
 * NUMBER with 64 binary fraction bits (exact for doubles of at least 2^-12 in size, below that each is rounded once, the same way
 * when it enters and when it leaves). It is rounded once, when read. Squares have 192 bits.
 */
#ifndef EGRET_NFA_SUM_H
#define EGRET_NFA_SUM_H

#include "compiler/value.h"

/* Plain data, zero is the empty sum, lives inside blocks (8-byte aligned). */
typedef struct nfa_sum {
    uint64_t lo;
    int64_t hi;
} nfa_sum;

typedef struct nfa_square_sum {
    uint64_t w[3];      /* two's complement, least first; unit: INT and DURATION 1, DECIMAL 10^-18, NUMBER 2^-64 */
} nfa_square_sum;

/* Below 2^89 in size: a decimal sum of at most 9 digits after the point is then read without rounding. */
static inline bool nfa_sum_is_plain(const nfa_sum *sum)
{
    return sum->hi >= -(INT64_C(1) << 25) && sum->hi < INT64_C(1) << 25;
}

static inline int nfa_sum_order(const nfa_sum *a, const nfa_sum *b)
{
    return a->hi != b->hi ? (a->hi < b->hi ? -1 : 1) : (a->lo > b->lo) - (a->lo < b->lo);
}

extern const int64_t nfa_power10[19];

/* nfa_sum_add for a decimal. */
static inline bool nfa_sum_add_decimal(nfa_sum *sum, int64_t mantissa, unsigned scale, int sign)
{
    __extension__ typedef __int128 wide;
    __extension__ typedef unsigned __int128 uwide;
    wide units = (wide)mantissa * nfa_power10[18 - scale];
    wide now = (wide)((uwide)(uint64_t)sum->hi << 64 | sum->lo);
    if (sign < 0 ? __builtin_sub_overflow(now, units, &now) : __builtin_add_overflow(now, units, &now))
        return false;
    sum->lo = (uint64_t)now;
    sum->hi = (int64_t)(now >> 64);
    return true;
}

/* sign +1 or -1. false: it would overflow, the sum is unchanged (the caller counts it and reads null). */
bool nfa_sum_add(nfa_sum *sum, egret_value v, int sign);
/* The sum as a value of `type` (INT, DURATION, DECIMAL, NUMBER); null when it does not fit. A decimal has as many digits after the point as
 * exactness needs, and at least `scale` where 18 digits in all allow it; only what needs more than 18 digits is rounded. */
egret_value nfa_sum_read(const nfa_sum *sum, egret_type type, uint8_t scale);
/* sum / n as number (DURATION: as duration, rounded half away from zero); null when n is 0. One rounding. */
egret_value nfa_sum_mean(const nfa_sum *sum, egret_type type, int64_t n);
void nfa_square_sum_add(nfa_square_sum *squares, egret_value v, int sign);
/* Population standard deviation as number; null when n is 0; never negative under the root. */
egret_value nfa_stddev(const nfa_sum *sum, const nfa_square_sum *squares, egret_type type, int64_t n);

#endif
