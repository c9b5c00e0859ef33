/*
 * value_text.c: value to text as people read it, and the calendar that times need for it.
 *
 * What is written here reads back: an alert shows 0.1 and not 0.10000000000000001, a decimal keeps the zeros it came with
 * (100.10), and neither depends on the locale of the process.
 */
#include "compiler/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS_PER_DAY = 86400000, TEXT_MAX = 64 };

/* ---- calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* The calendar repeats every 400 years (146097 days). A year is counted from 1 March, so that the leap day is its last
 * and the days before a month are a straight line: (153 * m + 2) / 5. */
int64_t egret_civil_days(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_date(int64_t days, egret_civil *out)
{
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    out->day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    out->month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    out->year = year_of_era + era * 400 + (out->month <= 2);
}

egret_civil egret_time_civil(int64_t time_ms)
{
    egret_civil civil;
    int64_t days = floor_div(time_ms, MS_PER_DAY);
    int ms = (int)(time_ms - days * MS_PER_DAY);
    civil_date(days, &civil);
    civil.ms = ms % 1000;
    civil.second = ms / 1000 % 60;
    civil.minute = ms / 60000 % 60;
    civil.hour = ms / 3600000;
    civil.weekday = (int)(days - floor_div(days + 3, 7) * 7 + 3) + 1;   /* 1970-01-01 was a Thursday */
    return civil;
}

/* ---- the types; each writes at most TEXT_MAX bytes and gives the length ---- */

static size_t written(int n)
{
    return n > 0 ? (size_t)n : 0;
}

static uint64_t magnitude(int64_t i)
{
    return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

static size_t decimal_text(egret_value v, char *out)
{
    char digits[24];
    size_t n = written(snprintf(digits, sizeof digits, "%0*llu", v.scale + 1, (unsigned long long)magnitude(v.u.i)));
    size_t len = 0;
    if (v.u.i < 0)
        out[len++] = '-';
    memcpy(out + len, digits, n - v.scale);
    len += n - v.scale;
    if (v.scale > 0) {
        out[len++] = '.';
        memcpy(out + len, digits + n - v.scale, v.scale);
        len += v.scale;
    }
    return len;
}

/* The digits and the decimal exponent of |d| (d = 0.d1d2d3… * 10^point) with `precision` significant digits. */
static size_t double_digits(double d, int precision, char *digits, int *point)
{
    char text[TEXT_MAX];
    size_t n = 0;
    snprintf(text, sizeof text, "%.*e", precision - 1, fabs(d));
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')     /* what is no digit is the point, whatever the locale calls it */
            digits[n++] = *p;
    *point = (int)strtol(p + 1, NULL, 10) + 1;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

static size_t put_zeros(char *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = '0';
    return n > 0 ? (size_t)n : 0;
}

/* Lays digits out as 123.45, 0.00012, 1200 or, far from the point, 1.2e+25. */
static size_t lay_out(bool negative, const char *digits, size_t n, int point, char *out)
{
    size_t len = 0;
    if (negative)
        out[len++] = '-';
    if (point < -5 || point > 21) {
        out[len++] = digits[0];
        if (n > 1) {
            out[len++] = '.';
            memcpy(out + len, digits + 1, n - 1);
            len += n - 1;
        }
        return len + written(snprintf(out + len, TEXT_MAX - len, "e%+d", point - 1));
    }
    size_t whole = point <= 0 ? 0 : (size_t)point < n ? (size_t)point : n;
    memcpy(out + len, digits, whole);
    len += whole;
    if (point <= 0)
        out[len++] = '0';
    len += put_zeros(out + len, point > 0 ? point - (int)whole : 0);
    if (whole < n) {
        out[len++] = '.';
        len += put_zeros(out + len, -point);
        memcpy(out + len, digits + whole, n - whole);
        len += n - whole;
    }
    return len;
}

/* The fewest of 15, 16 and 17 digits that read back as the same double. 17 always do. */
static size_t number_text(double d, char *out)
{
    char digits[TEXT_MAX];
    int point;
    if (d == floor(d) && fabs(d) < 1e15)
        return written(snprintf(out, TEXT_MAX, "%lld", (long long)d));
    for (int precision = 15; precision < 17; precision++) {
        double back;
        size_t n = double_digits(d, precision, digits, &point);
        size_t len = lay_out(d < 0, digits, n, point, out);
        if (egret_parse_number(out, len, &back) && back == d)
            return len;
    }
    size_t n = double_digits(d, 17, digits, &point);
    return lay_out(d < 0, digits, n, point, out);
}

static size_t duration_text(int64_t ms, char *out)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    uint64_t rest = magnitude(ms);
    size_t len = 0;
    if (ms == 0)
        return written(snprintf(out, TEXT_MAX, "0s"));
    if (ms < 0)
        out[len++] = '-';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (rest / units[i].ms > 0)
            len += written(snprintf(out + len, TEXT_MAX - len, "%llu%s", (unsigned long long)(rest / units[i].ms), units[i].name));
        rest %= units[i].ms;
    }
    return len;
}

static char *put_digits(char *out, unsigned v, unsigned n)
{
    for (unsigned i = n; i-- > 0; v /= 10)
        out[i] = (char)('0' + v % 10);
    return out + n;
}

/* Of a year of four digits, as nearly all are: alerts are full of times. */
static size_t common_time_text(const egret_civil *c, char *out)
{
    char *at = put_digits(out, (unsigned)c->year, 4);
    const int part[] = {c->month, c->day, c->hour, c->minute, c->second};
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        *at++ = "--T::"[i];
        at = put_digits(at, (unsigned)part[i], 2);
    }
    if (c->ms != 0) {
        *at++ = '.';
        at = put_digits(at, (unsigned)c->ms, 3);
    }
    *at++ = 'Z';
    return (size_t)(at - out);
}

static size_t time_text(int64_t time_ms, char *out)
{
    egret_civil c = egret_time_civil(time_ms);
    if (c.year >= 0 && c.year <= 9999)
        return common_time_text(&c, out);
    size_t len = written(snprintf(out, TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)c.year, c.month, c.day, c.hour,
                                  c.minute, c.second));
    if (c.ms != 0)
        len += written(snprintf(out + len, TEXT_MAX - len, ".%03d", c.ms));
    out[len++] = 'Z';
    return len;
}

/* Copies what fits and a NUL; a code point is not cut in two. */
static size_t put_text(const char *text, size_t len, char *out, size_t cap)
{
    if (cap == 0)
        return 0;
    if (len > cap - 1) {
        len = cap - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
    return len;
}

size_t egret_value_text(egret_value v, char *out, size_t cap)
{
    char text[TEXT_MAX + 1];
    switch ((egret_type)v.type) {
    case EGRET_NULL: return put_text("null", 4, out, cap);
    case EGRET_BOOL: return v.u.i ? put_text("true", 4, out, cap) : put_text("false", 5, out, cap);
    case EGRET_INT: return put_text(text, written(snprintf(text, sizeof text, "%lld", (long long)v.u.i)), out, cap);
    case EGRET_NUMBER: return put_text(text, number_text(v.u.d, text), out, cap);
    case EGRET_DECIMAL: return put_text(text, decimal_text(v, text), out, cap);
    case EGRET_STRING: return put_text(v.u.s, v.len, out, cap);
    case EGRET_TIME: return put_text(text, time_text(v.u.i, text), out, cap);
    case EGRET_DURATION: return put_text(text, duration_text(v.u.i, text), out, cap);
    }
    return put_text("", 0, out, cap);
}
