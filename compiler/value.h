/*
 * value.h: arithmetic, comparison and text of egret_value, the same everywhere a value is met: in constant folding,
 * in conditions while events flow, in decoders and in alerts.
 *
 * Rules (docs/language.md): null in, null out for arithmetic; a comparison with null is false, `!=` too. int overflow
 * gives null; x/0 gives null; `/` gives number but for duration / int and the like; decimal + - * decimal|int is exact (null when
 * it does not fit 18 digits and rounding would be needed); decimal with number is number. time - time is a duration.
 */
#ifndef EGRET_COMPILER_VALUE_H
#define EGRET_COMPILER_VALUE_H

#include "compiler/arena.h"

egret_value egret_null(void);
egret_value egret_bool(bool b);
egret_value egret_int(int64_t i);
egret_value egret_number(double d);           /* NaN and infinities give null */
egret_value egret_decimal(int64_t mantissa, uint8_t scale);
egret_value egret_string(const char *s, uint32_t len);
egret_value egret_time(int64_t ms);
egret_value egret_duration(int64_t ms);

const char *egret_type_name(egret_type type);  /* "string" */

/* a op b for op in "+-*" '/' '%'; types that do not fit give null (the checker has refused them). */
egret_value egret_value_arith(char op, egret_value a, egret_value b);
egret_value egret_value_negate(egret_value a);
/* Three-way comparison of comparable values (same type, or both numeric). false: not comparable or null. */
bool egret_value_compare(egret_value a, egret_value b, int *order);
bool egret_value_equal(egret_value a, egret_value b);  /* null equals nothing */
double egret_value_as_number(egret_value v);           /* INT NUMBER DECIMAL DURATION TIME: correctly rounded */
/* 64-bit hash by which sets and indexes find a value: equal values have equal hashes (decimal 1.0 and 1.00, too). */
uint64_t egret_value_hash(egret_value v);

/* Text to value. All false on text that is not wholly the thing, or does not fit. */
bool egret_parse_decimal(const char *s, size_t len, egret_value *out);   /* [-]digits[.digits][e[+-]n], 18 digits */
bool egret_parse_int(const char *s, size_t len, int64_t *out);
bool egret_parse_number(const char *s, size_t len, double *out);
bool egret_parse_duration(const char *s, size_t len, int64_t *out_ms);   /* [-]1h30m: units w d h m s ms, larger first */
/* RFC 3339 (and "YYYY-MM-DD HH:MM:SS[.fff]", also with T, taken as UTC); fractions beyond ms are cut. */
bool egret_parse_rfc3339(const char *s, size_t len, int64_t *out_ms);
typedef enum egret_time_unit { EGRET_UNIT_DETECT = 0, EGRET_UNIT_S, EGRET_UNIT_MS, EGRET_UNIT_US, EGRET_UNIT_NS } egret_time_unit;
/* Epoch number to ms. DETECT goes by magnitude: s below 1e11, ms below 1e14, us below 1e17, else ns. */
bool egret_time_from_number(double number, egret_time_unit unit, int64_t *out_ms);
bool egret_time_from_int(int64_t number, egret_time_unit unit, int64_t *out_ms);

/* Value to text; at most cap bytes with the NUL, gives the length written. As people read it: 100.01, 1h30m,
 * 2026-01-05T09:00:00Z (with .fff when not whole seconds), shortest double that reads back, true, null. */
size_t egret_value_text(egret_value v, char *out, size_t cap);

/* An instant as people count it, in UTC (proleptic Gregorian calendar). */
typedef struct egret_civil {
    int64_t year;
    int month, day;             /* from 1 */
    int hour, minute, second, ms;
    int weekday;                /* Monday 1 … Sunday 7 */
} egret_civil;
egret_civil egret_time_civil(int64_t time_ms);
/* Days from 1970-01-01 to that day; the day must exist. */
int64_t egret_civil_days(int64_t year, int month, int day);

#endif
