/*
 * big.h: integers of 384 bits without a sign, least word first: as far as variances and fitted lines need them to stay exact. All callers keep
 * their numbers below 2^384 (sum.c and fit.c say why), so nothing here wraps.
 */
#ifndef EGRET_NFA_BIG_H
#define EGRET_NFA_BIG_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

enum { BIG_WORDS = 6 };

typedef struct big {
    uint64_t w[BIG_WORDS];
} big;

static inline big big_of(uwide v)
{
    big r;
    memset(&r, 0, sizeof r);
    r.w[0] = (uint64_t)v;
    r.w[1] = (uint64_t)(v >> 64);
    return r;
}

static inline bool big_is_zero(big a)
{
    uint64_t any = 0;
    for (int i = 0; i < BIG_WORDS; i++)
        any |= a.w[i];
    return any == 0;
}

static inline big big_mul(big a, uint64_t m)
{
    uint64_t carry = 0;
    for (int i = 0; i < BIG_WORDS; i++) {
        uwide p = (uwide)a.w[i] * m + carry;
        a.w[i] = (uint64_t)p;
        carry = (uint64_t)(p >> 64);
    }
    return a;
}

static inline big big_shift_words(big a, int words)
{
    big r;
    memset(&r, 0, sizeof r);
    for (int i = words; i < BIG_WORDS; i++)
        r.w[i] = a.w[i - words];
    return r;
}

static inline big big_add(big a, big b)
{
    uint64_t carry = 0;
    for (int i = 0; i < BIG_WORDS; i++) {
        uwide s = (uwide)a.w[i] + b.w[i] + carry;
        a.w[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
    return a;
}

/* a - b; false (and zero) when that is negative. */
static inline bool big_sub(big a, big b, big *out)
{
    uint64_t borrow = 0;
    for (int i = 0; i < BIG_WORDS; i++) {
        uwide s = (uwide)a.w[i] - b.w[i] - borrow;
        out->w[i] = (uint64_t)s;
        borrow = (uint64_t)(s >> 64) & 1;
    }
    if (borrow)
        memset(out, 0, sizeof *out);
    return !borrow;
}

static inline big big_product(big a, uwide m)
{
    return big_add(big_mul(a, (uint64_t)m), big_shift_words(big_mul(a, (uint64_t)(m >> 64)), 1));
}

static inline big big_square(uwide v)
{
    return big_product(big_of(v), v);
}

static inline int big_bits(big a)
{
    for (int i = BIG_WORDS - 1; i >= 0; i--)
        if (a.w[i] != 0)
            return 64 * i + 64 - __builtin_clzll(a.w[i]);
    return 0;
}

/* To the left by `bits`; to the right when they are negative: then *lost says whether anything but zeros fell out. */
static inline big big_shift(big a, int bits, bool *lost)
{
    big r;
    memset(&r, 0, sizeof r);
    *lost = false;
    for (int i = 0; i < BIG_WORDS; i++) {       /* where word i goes: its low part, and what crosses into the next word */
        int to = bits + 64 * i, word = to >> 6, part = to & 63;
        uint64_t low = a.w[i] << part, high = part == 0 ? 0 : a.w[i] >> (64 - part);
        if (word >= 0 && word < BIG_WORDS)
            r.w[word] |= low;
        else
            *lost = *lost || low != 0;
        if (word + 1 >= 0 && word + 1 < BIG_WORDS)
            r.w[word + 1] |= high;
        else
            *lost = *lost || high != 0;
    }
    return r;
}

/* To the nearest double but for the last bit (what is below 128 bits is only counted as "some"). */
static inline double big_number(big a)
{
    int top = BIG_WORDS - 1;
    while (top > 1 && a.w[top] == 0)
        top--;
    uwide v = (uwide)a.w[top] << 64 | a.w[top - 1];
    for (int i = 0; i < top - 1; i++)
        v |= a.w[i] != 0;
    return ldexp((double)v, 64 * (top - 1));
}

#endif
