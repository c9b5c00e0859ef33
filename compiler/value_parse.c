/*
 * value_parse.c: text to value. Decoders call this for every field of every event, so the usual shapes take the short way;
 * the compiler and the table readers call it, too, so that a literal means the same wherever it is written.
 *
 * The idea for numbers: one scanner takes [-]digits[.digits][e[+-]n] apart into digits and a power of ten; int, decimal and
 * number differ only in what they do with the parts. Text of a double that is too long for the short way (exact mantissa,
 * exact power) goes to strtod without its decimal point, so that the locale of the process has no say.
 */
#include "compiler/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER_TEXT = 800, MAX_EXPONENT = 100000 };

typedef struct scanned {
    bool negative;
    const char *digits;         /* whole part */
    size_t n_whole;
    const char *fraction;
    size_t n_fraction;
    int64_t exponent;           /* of the e part; clipped to ±MAX_EXPONENT */
} scanned;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(const char *s, const char *end)
{
    const char *p = s;
    while (p < end && is_digit(*p))
        p++;
    return (size_t)(p - s);
}

/* The part after 'e'. */
static bool scan_exponent(const char *s, const char *end, int64_t *out)
{
    bool negative = false;
    if (s < end && (*s == '+' || *s == '-'))
        negative = *s++ == '-';
    if (s == end || count_digits(s, end) != (size_t)(end - s))
        return false;
    int64_t e = 0;
    for (; s < end; s++)
        if (e < MAX_EXPONENT)
            e = e * 10 + (*s - '0');
    if (e > MAX_EXPONENT)
        e = MAX_EXPONENT;
    *out = negative ? -e : e;
    return true;
}

static bool scan(const char *s, size_t len, scanned *out)
{
    const char *end = s + len;
    memset(out, 0, sizeof *out);
    if (s < end && *s == '-') {
        out->negative = true;
        s++;
    }
    out->digits = s;
    out->n_whole = count_digits(s, end);
    if (out->n_whole == 0)
        return false;
    s += out->n_whole;
    out->fraction = s;
    if (s < end && *s == '.') {
        out->fraction = ++s;
        out->n_fraction = count_digits(s, end);
        if (out->n_fraction == 0)
            return false;
        s += out->n_fraction;
    }
    if (s == end)
        return true;
    return (*s == 'e' || *s == 'E') && scan_exponent(s + 1, end, &out->exponent);
}

bool egret_parse_int(const char *s, size_t len, int64_t *out)
{
    const char *end = s + len;
    bool negative = len > 0 && *s == '-';
    if (negative)
        s++;
    if (s == end)
        return false;
    int64_t v = 0;
    for (; s < end; s++) {
        if (!is_digit(*s) || __builtin_mul_overflow(v, 10, &v))
            return false;
        int digit = *s - '0';
        if (__builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    *out = v;
    return true;
}

/* ---- decimals ---- */

/* Appends a digit to a mantissa of at most 18 digits. */
static bool push_digit(int64_t *mantissa, char c)
{
    if (*mantissa >= INT64_C(100000000000000000))
        return false;
    *mantissa = *mantissa * 10 + (c - '0');
    return true;
}

bool egret_parse_decimal(const char *s, size_t len, egret_value *out)
{
    scanned t;
    if (!scan(s, len, &t))
        return false;
    int64_t mantissa = 0;
    for (size_t i = 0; i < t.n_whole; i++)
        if (!push_digit(&mantissa, t.digits[i]))
            return false;
    int64_t scale = 0;
    size_t n = t.n_fraction;
    while (n > 18 && t.fraction[n - 1] == '0')    /* zeros beyond what a decimal can show say nothing */
        n--;
    for (size_t i = 0; i < n; i++, scale++)
        if (!push_digit(&mantissa, t.fraction[i]))
            break;
    for (size_t i = (size_t)scale; i < n; i++)    /* the digits are used up: only zeros may follow */
        if (t.fraction[i] != '0')
            return false;
    scale -= t.exponent;
    if (mantissa == 0)
        scale = scale < 0 ? 0 : scale > 18 ? 18 : scale;
    for (; scale > 18 && mantissa % 10 == 0; scale--)
        mantissa /= 10;
    for (; scale < 0; scale++)
        if (!push_digit(&mantissa, '0'))
            return false;
    if (scale > 18)
        return false;
    *out = egret_decimal(t.negative ? -mantissa : mantissa, (uint8_t)scale);
    return true;
}

/* ---- numbers ---- */

/* All powers of ten that a double holds exactly. */
static const double exact_power10[23] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* Mantissa and power of ten both exact: one rounding, so correctly rounded. */
static bool number_short_way(const scanned *t, double *out)
{
    if (t->n_whole + t->n_fraction > 18)
        return false;
    int64_t mantissa = 0;
    for (size_t i = 0; i < t->n_whole; i++)
        mantissa = mantissa * 10 + (t->digits[i] - '0');
    for (size_t i = 0; i < t->n_fraction; i++)
        mantissa = mantissa * 10 + (t->fraction[i] - '0');
    int64_t power = t->exponent - (int64_t)t->n_fraction;
    if (mantissa > INT64_C(1) << 53 || power < -22 || power > 22)
        return false;
    double m = (double)mantissa;
    *out = power < 0 ? m / exact_power10[-power] : m * exact_power10[power];
    return true;
}

static bool number_long_way(const scanned *t, double *out)
{
    char text[MAX_NUMBER_TEXT + 32];
    size_t n = t->n_whole + t->n_fraction;
    if (n > MAX_NUMBER_TEXT)
        return false;
    memcpy(text, t->digits, t->n_whole);
    memcpy(text + t->n_whole, t->fraction, t->n_fraction);
    snprintf(text + n, sizeof text - n, "e%lld", (long long)(t->exponent - (int64_t)t->n_fraction));
    *out = strtod(text, NULL);
    return isfinite(*out);
}

bool egret_parse_number(const char *s, size_t len, double *out)
{
    scanned t;
    double d;
    if (!scan(s, len, &t) || (!number_short_way(&t, &d) && !number_long_way(&t, &d)))
        return false;
    *out = t.negative ? -d : d;
    return true;
}

/* ---- durations ---- */

typedef struct span_unit {
    const char *name;
    int64_t ms;
} span_unit;

static const span_unit span_units[] = {    /* larger first, as they must stand in the text */
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
enum { N_SPAN_UNITS = sizeof span_units / sizeof span_units[0] };

static int find_span_unit(const char *s, size_t len)
{
    for (int i = 0; i < N_SPAN_UNITS; i++)
        if (strlen(span_units[i].name) == len && memcmp(span_units[i].name, s, len) == 0)
            return i;
    return -1;
}

bool egret_parse_duration(const char *s, size_t len, int64_t *out_ms)
{
    const char *end = s + len;
    bool negative = len > 0 && *s == '-';
    int last = -1;
    int64_t sum = 0;
    if (negative)
        s++;
    if (s == end)
        return false;
    while (s < end) {
        size_t n = count_digits(s, end);
        int64_t count;
        if (!egret_parse_int(s, n, &count))
            return false;
        s += n;
        const char *unit = s;
        while (s < end && !is_digit(*s))
            s++;
        int i = find_span_unit(unit, (size_t)(s - unit));
        if (i <= last || __builtin_mul_overflow(count, span_units[i].ms, &count) || __builtin_add_overflow(sum, count, &sum))
            return false;
        last = i;
    }
    *out_ms = negative ? -sum : sum;
    return true;
}

/* ---- times ---- */

/* n digits at s as a number. */
static bool take_digits(const char **s, const char *end, int n, int *out)
{
    if (end - *s < n || count_digits(*s, *s + n) != (size_t)n)
        return false;
    *out = 0;
    for (int i = 0; i < n; i++)
        *out = *out * 10 + (*(*s)++ - '0');
    return true;
}

static bool take_char(const char **s, const char *end, char c)
{
    if (*s == end || **s != c)
        return false;
    (*s)++;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **s, const char *end, int64_t *days)
{
    int year;
    int month;
    int day;
    if (!take_digits(s, end, 4, &year) || !take_char(s, end, '-') || !take_digits(s, end, 2, &month) ||
        !take_char(s, end, '-') || !take_digits(s, end, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    *days = egret_civil_days(year, month, day);
    return true;
}

/* HH:MM:SS[.digits] in ms. Second 60, a leap second, is the first of the next minute. */
static bool take_clock(const char **s, const char *end, int64_t *ms)
{
    int hour;
    int minute;
    int second;
    int fraction = 0;
    if (!take_digits(s, end, 2, &hour) || !take_char(s, end, ':') || !take_digits(s, end, 2, &minute) ||
        !take_char(s, end, ':') || !take_digits(s, end, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    if (take_char(s, end, '.')) {
        size_t n = count_digits(*s, end);
        if (n == 0)
            return false;
        for (size_t i = 0; i < 3; i++)
            fraction = fraction * 10 + (i < n ? (*s)[i] - '0' : 0);
        *s += n;
    }
    *ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction;
    return true;
}

/* Z, +HH:MM, -HH:MM, or nothing (UTC). */
static bool take_zone(const char **s, const char *end, int64_t *offset_ms)
{
    int hour;
    int minute;
    *offset_ms = 0;
    if (*s == end || take_char(s, end, 'Z') || take_char(s, end, 'z'))
        return true;
    bool west = **s == '-';
    if (!take_char(s, end, '+') && !take_char(s, end, '-'))
        return false;
    if (!take_digits(s, end, 2, &hour) || !take_char(s, end, ':') || !take_digits(s, end, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *offset_ms = (hour * 60 + minute) * INT64_C(60000);
    if (west)
        *offset_ms = -*offset_ms;
    return true;
}

bool egret_parse_rfc3339(const char *s, size_t len, int64_t *out_ms)
{
    const char *end = s + len;
    int64_t days;
    int64_t clock_ms;
    int64_t offset_ms;
    if (!take_date(&s, end, &days))
        return false;
    if (!take_char(&s, end, 'T') && !take_char(&s, end, 't') && !take_char(&s, end, ' '))
        return false;
    if (!take_clock(&s, end, &clock_ms) || !take_zone(&s, end, &offset_ms) || s != end)
        return false;
    *out_ms = days * INT64_C(86400000) + clock_ms - offset_ms;
    return true;
}

static egret_time_unit detect_unit(double magnitude)
{
    if (magnitude < 1e11)
        return EGRET_UNIT_S;
    if (magnitude < 1e14)
        return EGRET_UNIT_MS;
    return magnitude < 1e17 ? EGRET_UNIT_US : EGRET_UNIT_NS;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

bool egret_time_from_int(int64_t number, egret_time_unit unit, int64_t *out_ms)
{
    if (unit == EGRET_UNIT_DETECT)
        unit = detect_unit(fabs((double)number));
    switch (unit) {
    case EGRET_UNIT_S: return !__builtin_mul_overflow(number, 1000, out_ms);
    case EGRET_UNIT_MS: *out_ms = number; return true;
    case EGRET_UNIT_US: *out_ms = floor_div(number, 1000); return true;
    case EGRET_UNIT_NS: *out_ms = floor_div(number, 1000000); return true;
    case EGRET_UNIT_DETECT: break;
    }
    return false;
}

/* A double of seconds has no exact milliseconds: 1767603600.123 is stored a little below. So it is taken to the microsecond first
 * and cut to ms then. */
bool egret_time_from_number(double number, egret_time_unit unit, int64_t *out_ms)
{
    if (!isfinite(number))
        return false;
    if (unit == EGRET_UNIT_DETECT)
        unit = detect_unit(fabs(number));
    double us_per_unit = unit == EGRET_UNIT_S ? 1e6 : unit == EGRET_UNIT_MS ? 1e3 : unit == EGRET_UNIT_US ? 1 : 1e-3;
    double us = number * us_per_unit;
    if (!(fabs(us) < 9.2e18))
        return false;
    *out_ms = floor_div((int64_t)round(us), 1000);
    return true;
}
