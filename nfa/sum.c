/*
 * sum.c: sums in 128-bit fixed point, sums of squares in 192 bits, and their one rounding.
 *
 * The problem: a sliding sum kept in a double by += and -= drifts, and two ways to fill the same window give different bits.
 * The idea: addition of integers is exact and may be undone, so every value becomes an integer of a fixed unit when it enters:
 *
 *   INT, DURATION   1             square: 1
 *   DECIMAL         10^-18        square: 10^-18
 *   NUMBER          2^-64         square: 2^-64
 *
 * A value that is finer than its unit (a double below 2^-12, a square of many digits) is rounded once, the same way when it enters and when it
 * leaves. What is read is the quotient of two integers and rounded once.
 *
 * Invariants: zero bytes are the empty sum; adding and then taking away leaves the same bits, in any order.
 */
#include "nfa/sum.h"

#include "nfa/big.h"

#define DECIMAL_UNIT INT64_C(1000000000000000000)   /* 10^18 */
#define POWER_5_18 INT64_C(3814697265625)
enum { MAX_SCALE = 18, NUMBER_BITS = 64 };

static wide sum_get(const nfa_sum *sum)
{
    return (wide)((uwide)(uint64_t)sum->hi << 64 | sum->lo);
}

static void sum_set(nfa_sum *sum, wide v)
{
    sum->lo = (uint64_t)v;
    sum->hi = (int64_t)(v >> 64);
}

const int64_t nfa_power10[MAX_SCALE + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000,
};

static int64_t power10(unsigned n)     /* n is at most MAX_SCALE */
{
    return nfa_power10[n];
}

static uwide magnitude(wide v)
{
    return v < 0 ? 0 - (uwide)v : (uwide)v;
}

/* ---- entering ---- */

/* A double in units of 2^-64. The scaling is exact; what is left below the unit is rounded to the nearest, ties to even. */
static bool number_units(double d, wide *out)
{
    if (!(fabs(d) < 0x1p63))
        return false;
    *out = (wide)rint(ldexp(d, NUMBER_BITS));
    return true;
}

static bool units_of(egret_value v, wide *out)
{
    switch ((egret_type)v.type) {
    case EGRET_INT:
    case EGRET_DURATION: *out = v.u.i; return true;
    case EGRET_DECIMAL: *out = (wide)v.u.i * power10(MAX_SCALE - v.scale); return true;
    case EGRET_NUMBER: return number_units(v.u.d, out);
    case EGRET_NULL:
    case EGRET_BOOL:
    case EGRET_STRING:
    case EGRET_TIME: break;
    }
    return false;
}

bool nfa_sum_add(nfa_sum *sum, egret_value v, int sign)
{
    wide units;
    wide r;
    if (!units_of(v, &units))
        return false;
    bool overflow = sign < 0 ? __builtin_sub_overflow(sum_get(sum), units, &r) : __builtin_add_overflow(sum_get(sum), units, &r);
    if (overflow)
        return false;
    sum_set(sum, r);
    return true;
}

/* ---- reading ---- */

/* n / d * 2^exponent to the nearest double, ties to even; d is not zero and below 2^127. The quotient is made with 64 bits or more,
 * and its last bit stands for all that follow (sticky), so that the conversion is the only rounding. */
static double quotient(uwide n, uwide d, int exponent)
{
    if (n == 0)
        return 0;
    int room = n >> 64 != 0 ? __builtin_clzll((uint64_t)(n >> 64)) : 64 + __builtin_clzll((uint64_t)n);
    n <<= room;                 /* n to its largest: then a d of 64 bits leaves a quotient of 64 bits */
    exponent -= room;
    uwide q = n / d;
    uwide rest = n % d;
    while (q >> 63 == 0) {      /* a longer d: one more bit at a time */
        rest <<= 1;
        bool bit = rest >= d;
        q = q << 1 | (uwide)bit;
        if (bit)
            rest -= d;
        exponent--;
    }
    return ldexp((double)(q | (uwide)(rest != 0)), exponent);
}

static egret_value ratio(wide n, uwide d, int exponent)
{
    double r = quotient(magnitude(n), d, exponent);
    return egret_number(n < 0 ? -r : r);
}

/* v / d rounded half away from zero. */
static wide div_round(wide v, wide d)
{
    wide q = v / d;
    uwide rest = magnitude(v % d);
    if (rest >= magnitude(d) - rest)
        q += (v < 0) != (d < 0) ? -1 : 1;
    return q;
}

/* As many digits as exactness needs, at least `scale` when they fit. Only a sum that does not fit 18 digits is rounded. */
static egret_value read_decimal(wide v, unsigned scale)
{
    wide limit = DECIMAL_UNIT;
    if (scale <= MAX_SCALE) {       /* nearly always the digits met are all there are */
        wide unit = power10(MAX_SCALE - scale);
        wide plain = v / unit;
        if (plain * unit == v && plain < limit && plain > -limit)
            return egret_decimal((int64_t)plain, (uint8_t)scale);
    }
    wide m = v;
    unsigned needed = MAX_SCALE;
    while (needed > 0 && m % 10 == 0) {
        m /= 10;
        needed--;
    }
    unsigned shown = needed < scale ? scale : needed;
    if (shown > MAX_SCALE)
        shown = MAX_SCALE;
    wide at_shown = v / power10(MAX_SCALE - shown);
    if (at_shown < limit && at_shown > -limit)
        return egret_decimal((int64_t)at_shown, (uint8_t)shown);
    for (; m >= limit || m <= -limit; needed--) {
        if (needed == 0)
            return egret_null();
        m = div_round(v, power10(MAX_SCALE - (needed - 1)));
    }
    return egret_decimal((int64_t)m, (uint8_t)needed);
}

egret_value nfa_sum_read(const nfa_sum *sum, egret_type type, uint8_t scale)
{
    wide v = sum_get(sum);
    int64_t i = (int64_t)v;
    if (type == EGRET_DECIMAL)
        return read_decimal(v, scale);
    if (type == EGRET_NUMBER)
        return ratio(v, 1, -NUMBER_BITS);
    if (i != v)
        return egret_null();
    return type == EGRET_INT ? egret_int(i) : type == EGRET_DURATION ? egret_duration(i) : egret_null();
}

/* n / d where both are exact doubles: one IEEE division rounds right. */
static bool quick_ratio(wide n, wide d, egret_value *out)
{
    const wide exact = (wide)1 << 53;
    if (n > exact || n < -exact || d > exact)
        return false;
    *out = egret_number((double)n / (double)d);
    return true;
}

/* The same for most means: whole numbers, and amounts of two decimal places. */
static bool quick_mean(wide v, egret_type type, int64_t n, egret_value *out)
{
    const wide cents = power10(MAX_SCALE - 2);
    if (type == EGRET_INT)
        return quick_ratio(v, n, out);
    return type == EGRET_DECIMAL && v % cents == 0 && quick_ratio(v / cents, (wide)n * 100, out);
}

egret_value nfa_sum_mean(const nfa_sum *sum, egret_type type, int64_t n)
{
    wide v = sum_get(sum);
    egret_value quick;
    if (n <= 0)
        return egret_null();
    if (quick_mean(v, type, n, &quick))
        return quick;
    if (type == EGRET_DURATION) {
        wide mean = div_round(v, n);
        return mean > INT64_MAX || mean < INT64_MIN ? egret_null() : egret_duration((int64_t)mean);
    }
    if (type == EGRET_DECIMAL)      /* 10^18 is 5^18 * 2^18, and 5^18 * n has 64 bits for n up to four million */
        return ratio(v, (uwide)POWER_5_18 * (uwide)n, -MAX_SCALE);
    if (type == EGRET_INT)
        return ratio(v, (uwide)n, 0);
    return type == EGRET_NUMBER ? ratio(v, (uwide)n, -NUMBER_BITS) : egret_null();
}

/* ---- squares ---- */

/* v * v in the unit of squares, as a 192-bit integer. */
static bool square_units(egret_value v, big *out)
{
    wide units;
    if (!units_of(v, &units))
        return false;
    if (v.type == EGRET_INT || v.type == EGRET_DURATION) {
        *out = big_square(magnitude(units));
        return true;
    }
    if (v.type == EGRET_DECIMAL) {      /* m^2 * 10^(18 - 2 scale) */
        uwide m = magnitude(v.u.i);
        uwide shorter = v.scale > 9 ? (uwide)power10(2u * v.scale - 18u) : 1;
        if (v.scale <= 9)
            *out = big_mul(big_of(m * m), (uint64_t)power10(18u - 2u * v.scale));
        else
            *out = big_of((m * m + shorter / 2) / shorter);
        return true;
    }
    big square = big_square(magnitude(units));   /* in units of 2^-128: 64 bits are dropped, to the nearest */
    big half = big_of((uwide)1 << 63);
    square = big_add(square, half);
    for (int i = 0; i < BIG_WORDS; i++)
        out->w[i] = i + 1 < BIG_WORDS ? square.w[i + 1] : 0;
    return true;
}

void nfa_square_sum_add(nfa_square_sum *squares, egret_value v, int sign)
{
    big square;
    if (!square_units(v, &square))
        return;
    uint64_t carry = sign < 0;
    for (int i = 0; i < 3; i++) {       /* a - b is a + ~b + 1 */
        uwide s = (uwide)squares->w[i] + (sign < 0 ? ~square.w[i] : square.w[i]) + carry;
        squares->w[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
}

/* n^2 * variance = n * squares - sum^2, all in integers. Squares that were rounded by half a unit each can move the variance by half a
 * unit of squares: what is not above that is zero, so that equal values have no deviation. */
egret_value nfa_stddev(const nfa_sum *sum, const nfa_square_sum *squares, egret_type type, int64_t n)
{
    if (n <= 0)
        return egret_null();
    uint64_t count = (uint64_t)n;
    big q;
    memset(&q, 0, sizeof q);
    memcpy(q.w, squares->w, sizeof squares->w);
    if (squares->w[2] >> 63)    /* fewer squares came than went: nothing to say */
        return egret_null();
    q = big_mul(q, count);
    big doubt = big_mul(big_of(count), count);
    double unit = 1;
    if (type == EGRET_DECIMAL) {
        q = big_mul(q, (uint64_t)DECIMAL_UNIT);
        doubt = big_mul(doubt, (uint64_t)DECIMAL_UNIT / 2);
        unit = 1e18;
    } else if (type == EGRET_NUMBER) {
        q = big_shift_words(q, 1);
        doubt = big_mul(doubt, UINT64_C(1) << 63);
        unit = 0x1p64;
    } else {
        memset(&doubt, 0, sizeof doubt);
    }
    big variance;
    big beyond;
    if (!big_sub(q, big_square(magnitude(sum_get(sum))), &variance) || !big_sub(variance, doubt, &beyond))
        return egret_number(0);
    return egret_number(sqrt(big_number(variance)) / unit / (double)n);
}
