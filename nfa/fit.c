/*
 * fit.c: slope and forecast, see fit.h. With n values x at times t:
 *
 *   over  = n * sum(t * t) - sum(t)^2                         zero when all times are the same
 *   rise  = n * sum(t * x) - sum(t) * sum(x)
 *   slope = rise / over,  at T: (sum(x) * over + rise * (n * T - sum(t))) / (n * over)
 *
 * Widths: a time has 63 bits, a value 127, and there are less than 2^31 values; so `over` stays below 2^189, `rise` below 2^253, the last
 * numerator below 2^350 and its denominator, with the unit of decimals, below 2^281.
 */
#include "nfa/fit.h"

#include "nfa/big.h"

#define DECIMAL_UNIT UINT64_C(1000000000000000000)     /* of sums of decimals: 10^-18 */
enum { NUMBER_BITS = 64 };                             /* of sums of numbers: 2^-64 */

/* A number with its sign. */
typedef struct signed_big { big size; bool negative; } signed_big;

static wide sum_get(const nfa_sum *sum)
{
    return (wide)((uwide)(uint64_t)sum->hi << 64 | sum->lo);
}

static uwide magnitude(wide v)
{
    return v < 0 ? 0 - (uwide)v : (uwide)v;
}

/* ---- coming and going ---- */

/* Adds to a number in two's complement of n words. */
static void words_add(uint64_t *words, int n, big size, bool negative)
{
    uint64_t carry = negative;
    for (int i = 0; i < n; i++) {       /* a - b is a + ~b + 1 */
        uwide s = (uwide)words[i] + (negative ? ~size.w[i] : size.w[i]) + carry;
        words[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
}

bool nfa_fit_add(nfa_fit *fit, int64_t time_ms, egret_value v, int sign)
{
    nfa_sum units = {0, 0};
    nfa_sum x = fit->x;
    if (!nfa_sum_add(&units, v, 1) || !nfa_sum_add(&x, v, sign))
        return false;
    fit->x = x;
    (void)nfa_sum_add(&fit->t, egret_int(time_ms), sign);
    uwide time = magnitude(time_ms);
    wide value = sum_get(&units);
    words_add(fit->tt, 3, big_square(time), sign < 0);
    words_add(fit->tx, 4, big_product(big_of(magnitude(value)), time), (sign < 0) != ((time_ms < 0) != (value < 0)));
    return true;
}

/* ---- reading ---- */

static signed_big signed_of(big size, bool negative)
{
    return (signed_big){size, negative};
}

static signed_big add(signed_big a, signed_big b)
{
    signed_big r = a;
    if (a.negative == b.negative)
        r.size = big_add(a.size, b.size);
    else if (!big_sub(a.size, b.size, &r.size)) {
        r.negative = b.negative;
        (void)big_sub(b.size, a.size, &r.size);
    }
    return r;
}

static signed_big times(signed_big a, wide m)
{
    return signed_of(big_product(a.size, magnitude(m)), a.negative != (m < 0));
}

static signed_big read_words(const uint64_t *words, int n)
{
    bool negative = words[n - 1] >> 63 != 0;
    big size = big_of(0);
    for (int i = 0; i < n; i++)
        size.w[i] = words[i];
    if (negative) {
        big zero = big_of(0);
        words_add(zero.w, n, size, true);
        size = zero;
    }
    return signed_of(size, negative);
}

typedef struct line { signed_big rise; big over; } line;

/* false: there is no line. */
static bool line_of(const nfa_fit *fit, int64_t n, line *out)
{
    wide t = sum_get(&fit->t);
    if (n < 2)
        return false;
    out->over = big_mul(read_words(fit->tt, 3).size, (uint64_t)n);
    if (!big_sub(out->over, big_square(magnitude(t)), &out->over) || big_is_zero(out->over))
        return false;
    wide x = sum_get(&fit->x);
    signed_big product = signed_of(big_product(big_of(magnitude(t)), magnitude(x)), (t < 0) == (x < 0));
    out->rise = add(times(read_words(fit->tx, 4), n), product);
    return true;
}

/* The quotient of a / b where it has 64 bits at most; *rest: it leaves something. One digit of long division (Knuth, 4.3.1 D): the guess
 * from the leading words is at most two too large. */
static uint64_t divide(big a, big b, bool *rest)
{
    bool none;
    int shift = (64 - big_bits(b) % 64) % 64;   /* the leading word of b begins with a one */
    a = big_shift(a, shift, &none);
    b = big_shift(b, shift, &none);
    int top = big_bits(b) / 64;                 /* b has so many words, a one more at most */
    uwide lead = (uwide)(top < BIG_WORDS ? a.w[top] : 0) << 64 | a.w[top - 1];
    uwide guess = lead / b.w[top - 1];
    uint64_t q = guess > UINT64_MAX ? UINT64_MAX : (uint64_t)guess;
    big left;
    while (!big_sub(a, big_mul(b, q), &left))
        q--;
    *rest = !big_is_zero(left);
    return q;
}

/* a / b * 2^exponent to the nearest double, ties to even; b is not zero. The quotient has 62 bits or more, and its last bit stands for all that
 * follow, so that the conversion is the only rounding. */
static egret_value ratio(signed_big a, big b, int exponent)
{
    if (big_is_zero(a.size))
        return egret_number(0);
    bool lost, rest;
    int shift = big_bits(b) + 63 - big_bits(a.size);
    uint64_t q = divide(big_shift(a.size, shift, &lost), b, &rest);
    double d = ldexp((double)(q | (uint64_t)(lost || rest)), exponent - shift);
    return isfinite(d) ? egret_number(a.negative ? -d : d) : egret_null();
}

static egret_value in_units(signed_big a, big b, egret_type type)
{
    if (type == EGRET_DECIMAL)
        b = big_mul(b, DECIMAL_UNIT);
    return ratio(a, b, type == EGRET_NUMBER ? -NUMBER_BITS : 0);
}

egret_value nfa_fit_slope(const nfa_fit *fit, egret_type type, int64_t n)
{
    line l;
    return line_of(fit, n, &l) ? in_units(times(l.rise, 1000), l.over, type) : egret_null();
}

egret_value nfa_fit_at(const nfa_fit *fit, egret_type type, int64_t n, int64_t time_ms, int64_t ahead_ms)
{
    line l;
    if (!line_of(fit, n, &l))
        return egret_null();
    wide from_middle = ((wide)time_ms + ahead_ms) * n - sum_get(&fit->t);
    signed_big height = times(signed_of(l.over, false), sum_get(&fit->x));
    return in_units(add(height, times(l.rise, from_middle)), big_mul(l.over, (uint64_t)n), type);
}
