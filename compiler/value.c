/*
 * value.c: arithmetic, comparison and hashing of egret_value.
 *
 * The problem: money must be exact, sensors give doubles, counters are integers, and a rule may put all of them
 * into one expression. The idea: three numeric types with one ladder. int with int stays int, anything with a
 * decimal stays an exact decimal, anything with a number is a number; `/` leaves the exact world (number), except
 * that a duration divided by a plain number is a duration.
 *
 * Invariants
 *  - No NaN, no infinity is ever made: they become null.
 *  - Two's complement overflow never happens: sums and products of decimals are done in 128 bits, where mantissa
 *    (below 2^63) times a power of ten (at most 10^18) always fits, and then brought back or refused.
 *  - Equal values have equal hashes. What makes that work: whole numbers are compared with doubles exactly and hash as
 *    integers; a decimal with a fraction is compared with a double, and hashed, by its correctly rounded double. (Decimals
 *    of more than 15 digits that share a double therefore share a hash, without being equal.)
 */
#include "compiler/value.h"

#include <math.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

static const int64_t power10[19] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000,
};

enum { MAX_SCALE = 18 };

/* ---- making values ---- */

static egret_value make(egret_type type, int64_t i)
{
    egret_value v;
    memset(&v, 0, sizeof v);    /* the bytes that are not used are zero, so that values can be stored as they are */
    v.u.i = i;
    v.type = (uint8_t)type;
    return v;
}

egret_value egret_null(void)
{
    return make(EGRET_NULL, 0);
}

egret_value egret_bool(bool b)
{
    return make(EGRET_BOOL, b);
}

egret_value egret_int(int64_t i)
{
    return make(EGRET_INT, i);
}

egret_value egret_number(double d)
{
    if (!isfinite(d))
        return egret_null();
    egret_value v = make(EGRET_NUMBER, 0);
    v.u.d = d;
    return v;
}

egret_value egret_decimal(int64_t mantissa, uint8_t scale)
{
    if (scale > MAX_SCALE)
        return egret_null();
    egret_value v = make(EGRET_DECIMAL, mantissa);
    v.scale = scale;
    return v;
}

egret_value egret_string(const char *s, uint32_t len)
{
    egret_value v = make(EGRET_STRING, 0);
    v.u.s = s ? s : "";
    v.len = s ? len : 0;
    return v;
}

egret_value egret_time(int64_t ms)
{
    return make(EGRET_TIME, ms);
}

egret_value egret_duration(int64_t ms)
{
    return make(EGRET_DURATION, ms);
}

const char *egret_type_name(egret_type type)
{
    switch (type) {
    case EGRET_NULL: return "null";
    case EGRET_BOOL: return "bool";
    case EGRET_INT: return "int";
    case EGRET_NUMBER: return "number";
    case EGRET_DECIMAL: return "decimal";
    case EGRET_STRING: return "string";
    case EGRET_TIME: return "time";
    case EGRET_DURATION: return "duration";
    }
    return "unknown";
}

/* ---- exact arithmetic ---- */

static bool is_numeric(egret_value v)
{
    return v.type == EGRET_INT || v.type == EGRET_DECIMAL || v.type == EGRET_NUMBER;
}

/* The mantissa of an int or decimal when it is written with `scale` digits after the point; scale is at least its own. */
static wide at_scale(egret_value v, unsigned scale)
{
    unsigned own = v.type == EGRET_DECIMAL ? v.scale : 0;
    return (wide)v.u.i * power10[scale - own];
}

/* mantissa * 10^-scale as a decimal of at most 18 digits. Zeros at the end are given up for that; digits never. */
static egret_value decimal_of(wide mantissa, unsigned scale)
{
    wide limit = power10[18];
    while (scale > 0 && (scale > MAX_SCALE || mantissa >= limit || mantissa <= -limit)) {
        if (mantissa % 10 != 0)
            return egret_null();
        mantissa /= 10;
        scale--;
    }
    if (mantissa >= limit || mantissa <= -limit)
        return egret_null();
    return egret_decimal((int64_t)mantissa, (uint8_t)scale);
}

static egret_value decimal_arith(char op, egret_value a, egret_value b)
{
    unsigned scale_a = a.type == EGRET_DECIMAL ? a.scale : 0;
    unsigned scale_b = b.type == EGRET_DECIMAL ? b.scale : 0;
    unsigned scale = scale_a > scale_b ? scale_a : scale_b;
    switch (op) {
    case '+': return decimal_of(at_scale(a, scale) + at_scale(b, scale), scale);
    case '-': return decimal_of(at_scale(a, scale) - at_scale(b, scale), scale);
    case '*': return decimal_of((wide)a.u.i * b.u.i, scale_a + scale_b);
    case '%': return b.u.i == 0 ? egret_null() : decimal_of(at_scale(a, scale) % at_scale(b, scale), scale);
    default: return egret_null();
    }
}

static egret_value int_arith(char op, int64_t a, int64_t b)
{
    int64_t r;
    bool overflow;
    switch (op) {
    case '+': overflow = __builtin_add_overflow(a, b, &r); break;
    case '-': overflow = __builtin_sub_overflow(a, b, &r); break;
    case '*': overflow = __builtin_mul_overflow(a, b, &r); break;
    case '%':
        if (b == 0)
            return egret_null();
        return egret_int(b == -1 ? 0 : a % b);   /* INT64_MIN % -1 is a trap on some machines */
    default: return egret_null();
    }
    return overflow ? egret_null() : egret_int(r);
}

static egret_value number_arith(char op, double a, double b)
{
    switch (op) {
    case '+': return egret_number(a + b);
    case '-': return egret_number(a - b);
    case '*': return egret_number(a * b);
    case '/': return b == 0 ? egret_null() : egret_number(a / b);
    case '%': return b == 0 ? egret_null() : egret_number(fmod(a, b));   /* exact by definition */
    default: return egret_null();
    }
}

/* ---- durations and times ---- */

/* n / d rounded half away from zero. d is not zero; neither is near the limits of 128 bits. */
static wide div_round(wide n, wide d)
{
    if (d < 0) {
        n = -n;
        d = -d;
    }
    return n >= 0 ? (n + d / 2) / d : -((-n + d / 2) / d);
}

static egret_value duration_of(wide ms)
{
    if (ms > INT64_MAX || ms < INT64_MIN)
        return egret_null();
    return egret_duration((int64_t)ms);
}

/* Rounded half away from zero to whole ms. */
static egret_value duration_of_double(double ms)
{
    if (!(ms > -9.2e18 && ms < 9.2e18))
        return egret_null();
    return egret_duration((int64_t)round(ms));
}

static egret_value duration_scale(char op, int64_t ms, egret_value by)
{
    if (by.type == EGRET_NUMBER) {
        if (op == '/' && by.u.d == 0)
            return egret_null();
        return duration_of_double(op == '*' ? (double)ms * by.u.d : (double)ms / by.u.d);
    }
    wide unit = by.type == EGRET_DECIMAL ? power10[by.scale] : 1;
    if (op == '*')
        return duration_of(div_round((wide)ms * by.u.i, unit));
    if (by.u.i == 0)
        return egret_null();
    return duration_of(div_round((wide)ms * unit, by.u.i));
}

static egret_value span_arith(char op, egret_value a, egret_value b)
{
    bool a_duration = a.type == EGRET_DURATION;
    bool b_duration = b.type == EGRET_DURATION;
    int64_t r;
    if (a.type == EGRET_TIME && b.type == EGRET_TIME)
        return op == '-' && !__builtin_sub_overflow(a.u.i, b.u.i, &r) ? egret_duration(r) : egret_null();
    if (a.type == EGRET_TIME && b_duration) {
        if (op == '+' && !__builtin_add_overflow(a.u.i, b.u.i, &r))
            return egret_time(r);
        return op == '-' && !__builtin_sub_overflow(a.u.i, b.u.i, &r) ? egret_time(r) : egret_null();
    }
    if (a_duration && b.type == EGRET_TIME)
        return op == '+' && !__builtin_add_overflow(a.u.i, b.u.i, &r) ? egret_time(r) : egret_null();
    if (a_duration && b_duration) {
        if (op == '/')
            return number_arith('/', (double)a.u.i, (double)b.u.i);
        egret_value v = op == '*' ? egret_null() : int_arith(op, a.u.i, b.u.i);
        return v.type == EGRET_INT ? egret_duration(v.u.i) : v;
    }
    if (a_duration && is_numeric(b) && (op == '*' || op == '/'))
        return duration_scale(op, a.u.i, b);
    if (b_duration && is_numeric(a) && op == '*')
        return duration_scale(op, b.u.i, a);
    return egret_null();
}

egret_value egret_value_arith(char op, egret_value a, egret_value b)
{
    if (is_numeric(a) && is_numeric(b)) {
        if (op == '/' || a.type == EGRET_NUMBER || b.type == EGRET_NUMBER)
            return number_arith(op, egret_value_as_number(a), egret_value_as_number(b));
        if (a.type == EGRET_INT && b.type == EGRET_INT)
            return int_arith(op, a.u.i, b.u.i);
        return decimal_arith(op, a, b);
    }
    return span_arith(op, a, b);
}

egret_value egret_value_negate(egret_value a)
{
    if (a.type == EGRET_NUMBER)
        return egret_number(-a.u.d);
    if (a.type != EGRET_INT && a.type != EGRET_DECIMAL && a.type != EGRET_DURATION)
        return egret_null();
    if (a.u.i == INT64_MIN)
        return egret_null();
    a.u.i = -a.u.i;
    return a;
}

/* ---- conversion ---- */

/* mantissa / 10^scale, correctly rounded. Below 2^53 both are exact doubles and one division does it. Else the quotient is made
 * with at least 57 bits and a sticky last bit that stands for all further ones, so that the conversion rounds once and rightly. */
static double decimal_as_number(int64_t mantissa, unsigned scale)
{
    if (mantissa <= (INT64_C(1) << 53) && mantissa >= -(INT64_C(1) << 53))
        return (double)mantissa / (double)power10[scale];
    uwide n = (uwide)(mantissa < 0 ? -(wide)mantissa : (wide)mantissa) << 64;
    uwide d = (uwide)power10[scale];
    uwide q = n / d;
    if (n % d != 0)
        q |= 1;
    double r = ldexp((double)q, -64);
    return mantissa < 0 ? -r : r;
}

double egret_value_as_number(egret_value v)
{
    switch ((egret_type)v.type) {
    case EGRET_NUMBER: return v.u.d;
    case EGRET_DECIMAL: return decimal_as_number(v.u.i, v.scale);
    case EGRET_INT:
    case EGRET_TIME:
    case EGRET_DURATION: return (double)v.u.i;
    case EGRET_NULL:
    case EGRET_BOOL:
    case EGRET_STRING: break;
    }
    return 0;
}

/* ---- comparison ---- */

static int order_of(wide a, wide b)
{
    return a < b ? -1 : a > b;
}

static int order_of_doubles(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* An int with a double, exactly: 2^53 + 1 is not equal to 2^53. */
static int order_int_double(int64_t i, double d)
{
    if (d >= 0x1p63)
        return -1;
    if (d < -0x1p63)
        return 1;
    double whole = floor(d);
    int order = order_of(i, (int64_t)whole);
    return order == 0 && d > whole ? -1 : order;
}

/* Is a decimal a whole number? Gives it. */
static bool decimal_whole(egret_value v, int64_t *out)
{
    if (v.u.i % power10[v.scale] != 0)
        return false;
    *out = v.u.i / power10[v.scale];
    return true;
}

static int order_exact_double(egret_value a, double d)
{
    int64_t whole = a.u.i;
    if (a.type == EGRET_INT || decimal_whole(a, &whole))
        return order_int_double(whole, d);
    return order_of_doubles(egret_value_as_number(a), d);
}

static int order_numeric(egret_value a, egret_value b)
{
    if (a.type == EGRET_NUMBER && b.type == EGRET_NUMBER)
        return order_of_doubles(a.u.d, b.u.d);
    if (b.type == EGRET_NUMBER)
        return order_exact_double(a, b.u.d);
    if (a.type == EGRET_NUMBER)
        return -order_exact_double(b, a.u.d);
    if (a.type == EGRET_INT && b.type == EGRET_INT)
        return order_of(a.u.i, b.u.i);
    return order_of(at_scale(a, MAX_SCALE), at_scale(b, MAX_SCALE));
}

bool egret_value_compare(egret_value a, egret_value b, int *order)
{
    if (is_numeric(a) && is_numeric(b)) {
        *order = order_numeric(a, b);
        return true;
    }
    if (a.type != b.type || a.type == EGRET_NULL)
        return false;
    if (a.type == EGRET_STRING) {
        uint32_t n = a.len < b.len ? a.len : b.len;
        int c = n ? memcmp(a.u.s, b.u.s, n) : 0;
        *order = c != 0 ? (c < 0 ? -1 : 1) : order_of(a.len, b.len);
        return true;
    }
    *order = order_of(a.u.i, b.u.i);
    return true;
}

bool egret_value_equal(egret_value a, egret_value b)
{
    if (a.type == EGRET_STRING && b.type == EGRET_STRING)
        return a.len == b.len && (a.len == 0 || memcmp(a.u.s, b.u.s, a.len) == 0);
    int order;
    return egret_value_compare(a, b, &order) && order == 0;
}

/* ---- hash ---- */

/* Types that never compare as equal have seeds of their own; the numeric types share one. */
static uint64_t hash_int(int64_t i, egret_type type)
{
    return XXH3_64bits_withSeed(&i, sizeof i, (XXH64_hash_t)type);
}

static uint64_t hash_double(double d)
{
    if (d >= -0x1p63 && d < 0x1p63 && d == floor(d))
        return hash_int((int64_t)d, EGRET_INT);
    return XXH3_64bits_withSeed(&d, sizeof d, (XXH64_hash_t)EGRET_NUMBER);
}

uint64_t egret_value_hash(egret_value v)
{
    int64_t whole;
    switch ((egret_type)v.type) {
    case EGRET_NULL: return 0;
    case EGRET_NUMBER: return hash_double(v.u.d);
    case EGRET_DECIMAL: return decimal_whole(v, &whole) ? hash_int(whole, EGRET_INT) : hash_double(egret_value_as_number(v));
    case EGRET_STRING: return XXH3_64bits_withSeed(v.u.s, v.len, (XXH64_hash_t)EGRET_STRING);
    case EGRET_BOOL:
    case EGRET_INT:
    case EGRET_TIME:
    case EGRET_DURATION: break;
    }
    return hash_int(v.u.i, (egret_type)v.type);
}
