/*
 * functions.c: the functions of conditions. Each takes its arguments, of which none is null (but for if and coalesce), and
 * gives a value; strings that must be made come from the scratch arena, all others borrow.
 *
 * What they have in common is done once, in nfa_call: nulls, and the one type that the result of least, if and the like shares
 * with all their arguments.
 */
#include "nfa/functions.h"
#include "nfa/geo.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

enum { VALUE_TEXT = 80 };

typedef egret_value (*function_code)(const egret_value *args, size_t n, egret_arena *scratch);

/* ---- numbers ---- */

static int64_t power10(int64_t n)
{
    int64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

/* m / 10^n, n from 1 to 19, rounded: way 0 half away from zero, -1 down, +1 up. */
static int64_t shorten(int64_t m, int64_t n, int way)
{
    if (n > 18)
        return way == 0 ? (m >= INT64_C(5000000000000000000)) - (m <= -INT64_C(5000000000000000000)) : way < 0 ? -(m < 0) : m > 0;
    int64_t unit = power10(n);
    int64_t q = m / unit;
    int64_t rest = m % unit;
    if (way < 0)
        return q - (rest < 0);
    if (way > 0)
        return q + (rest > 0);
    return q + (rest >= unit / 2) - (rest <= -(unit / 2));
}

/* An int or decimal with `digits` digits after the point (negative: tens, hundreds …). */
static egret_value exact_round(egret_value v, int64_t digits, int way)
{
    int64_t scale = v.type == EGRET_DECIMAL ? v.scale : 0;
    if (digits >= scale)
        return v;
    int64_t cut = scale - digits;
    int64_t m = cut > 19 ? 0 : shorten(v.u.i, cut, way);
    if (digits >= 0)
        return egret_decimal(m, (uint8_t)digits);
    if (m != 0 && (-digits > 18 || __builtin_mul_overflow(m, power10(-digits), &m)))
        return egret_null();
    return v.type == EGRET_DECIMAL ? egret_decimal(m, 0) : egret_int(m);
}

static double double_power10(int64_t n)
{
    double p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

/* Above 2^52 a double has no digits after the point. */
static egret_value number_round(double d, int64_t digits)
{
    if (digits == 0)
        return egret_number(round(d));
    if (digits > 0) {
        double unit = digits <= 22 ? double_power10(digits) : INFINITY;
        return fabs(d) * unit < 0x1p52 ? egret_number(round(d * unit) / unit) : egret_number(d);
    }
    if (digits < -308)
        return egret_number(0);
    double unit = double_power10(-digits);
    return egret_number(round(d / unit) * unit);
}

static egret_value call_abs(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    if (args[0].type == EGRET_NUMBER)
        return egret_number(fabs(args[0].u.d));
    return args[0].u.i < 0 ? egret_value_negate(args[0]) : args[0];
}

static egret_value call_round(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)scratch;
    int64_t digits = n > 1 ? args[1].u.i : 0;
    return args[0].type == EGRET_NUMBER ? number_round(args[0].u.d, digits) : exact_round(args[0], digits, 0);
}

static egret_value call_floor(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return args[0].type == EGRET_NUMBER ? egret_number(floor(args[0].u.d)) : exact_round(args[0], 0, -1);
}

static egret_value call_ceil(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return args[0].type == EGRET_NUMBER ? egret_number(ceil(args[0].u.d)) : exact_round(args[0], 0, 1);
}

static egret_value call_sqrt(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    double d = egret_value_as_number(args[0]);
    return d < 0 ? egret_null() : egret_number(sqrt(d));
}

static egret_value extreme(const egret_value *args, size_t n, int sign)
{
    egret_value best = args[0];
    for (size_t i = 1; i < n; i++) {
        int order;
        if (egret_value_compare(args[i], best, &order) && order * sign > 0)
            best = args[i];
    }
    return best;
}

static egret_value call_least(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)scratch;
    return extreme(args, n, -1);
}

static egret_value call_greatest(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)scratch;
    return extreme(args, n, 1);
}

static egret_value call_if(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return args[0].type == EGRET_BOOL && args[0].u.i ? args[1] : args[2];
}

static egret_value call_coalesce(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        if (args[i].type != EGRET_NULL)
            return args[i];
    return egret_null();
}

static egret_value call_to_number(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    double d;
    if (args[0].type == EGRET_STRING)
        return egret_parse_number(args[0].u.s, args[0].len, &d) ? egret_number(d) : egret_null();
    return egret_number(args[0].type == EGRET_BOOL ? (double)args[0].u.i : egret_value_as_number(args[0]));
}

static egret_value call_to_int(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    int64_t i;
    switch ((egret_type)args[0].type) {
    case EGRET_STRING: return egret_parse_int(args[0].u.s, args[0].len, &i) ? egret_int(i) : egret_null();
    case EGRET_NUMBER: return args[0].u.d >= -0x1p63 && args[0].u.d < 0x1p63 ? egret_int((int64_t)args[0].u.d) : egret_null();
    case EGRET_DECIMAL: return egret_int(args[0].u.i / power10(args[0].scale));
    case EGRET_INT:
    case EGRET_BOOL: return egret_int(args[0].u.i);
    case EGRET_NULL:
    case EGRET_TIME:
    case EGRET_DURATION: break;
    }
    return egret_null();
}

static egret_value call_distance_km(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    double km;
    bool ok = nfa_distance_km(egret_value_as_number(args[0]), egret_value_as_number(args[1]), egret_value_as_number(args[2]),
                              egret_value_as_number(args[3]), &km);
    return ok ? egret_number(km) : egret_null();
}

/* ---- strings ---- */

static egret_value copy_text(const char *s, size_t len, egret_arena *scratch)
{
    char *to = egret_arena_alloc(scratch, len + 1);
    return to ? egret_string(memcpy(to, s, len), (uint32_t)len) : egret_null();
}

/* s with the letters from `first` on, 26 of them, moved by `by`. */
static egret_value change_case(egret_value s, char first, int by, egret_arena *scratch)
{
    char *to = egret_arena_alloc(scratch, (size_t)s.len + 1);
    if (!to)
        return egret_null();
    for (uint32_t i = 0; i < s.len; i++) {
        char c = s.u.s[i];
        to[i] = c >= first && c <= first + 25 ? (char)(c + by) : c;
    }
    return egret_string(to, s.len);
}

static egret_value call_lower(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n;
    return change_case(args[0], 'A', 'a' - 'A', scratch);
}

static egret_value call_upper(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n;
    return change_case(args[0], 'a', 'A' - 'a', scratch);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static egret_value call_trim(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    const char *s = args[0].u.s;
    uint32_t len = args[0].len;
    while (len > 0 && is_blank(s[len - 1]))
        len--;
    for (; len > 0 && is_blank(*s); len--)
        s++;
    return egret_string(s, len);
}

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

static egret_value call_length(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    int64_t count = 0;
    for (uint32_t i = 0; i < args[0].len; i++)
        count += starts_character(args[0].u.s[i]);
    return egret_int(count);
}

static bool has_at(egret_value s, uint32_t at, egret_value part)
{
    return part.len == 0 || memcmp(s.u.s + at, part.u.s, part.len) == 0;
}

static egret_value call_starts_with(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_bool(args[1].len <= args[0].len && has_at(args[0], 0, args[1]));
}

static egret_value call_ends_with(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_bool(args[1].len <= args[0].len && has_at(args[0], args[0].len - args[1].len, args[1]));
}

static egret_value call_contains(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    if (args[1].len == 0)
        return egret_bool(true);
    return egret_bool(args[0].len > 0 && memmem(args[0].u.s, args[0].len, args[1].u.s, args[1].len) != NULL);
}

/* The offset of character number `index` from 0, or of the end. */
static uint32_t character_offset(egret_value s, uint32_t from, int64_t index)
{
    uint32_t at = from;
    for (; index > 0 && at < s.len; index--)
        for (at++; at < s.len && !starts_character(s.u.s[at]);)
            at++;
    return at;
}

static egret_value call_substring(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)scratch;
    int64_t start = args[1].u.i;
    int64_t count = n > 2 ? args[2].u.i : INT64_MAX;
    if (start < 1) {    /* characters before the first count, but are not there */
        count = count == INT64_MAX ? count : start < -INT64_C(4294967296) ? 0 : count + start - 1;
        start = 1;
    }
    uint32_t from = character_offset(args[0], 0, start - 1);
    uint32_t to = character_offset(args[0], from, count);
    return egret_string(args[0].u.s + from, to - from);
}

static egret_value call_to_string(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n;
    char text[VALUE_TEXT];
    if (args[0].type == EGRET_STRING)
        return args[0];
    return copy_text(text, egret_value_text(args[0], text, sizeof text), scratch);
}

static egret_value call_concat(const egret_value *args, size_t n, egret_arena *scratch)
{
    egret_value part[EGRET_MAX_ARGS];
    size_t len = 0;
    for (size_t i = 0; i < n && i < EGRET_MAX_ARGS; i++) {
        part[i] = call_to_string(&args[i], 1, scratch);
        if (part[i].type == EGRET_NULL)
            return part[i];
        len += part[i].len;
    }
    char *to = len < UINT32_MAX ? egret_arena_alloc(scratch, len + 1) : NULL;
    if (!to)
        return egret_null();
    char *end = to;
    for (size_t i = 0; i < n && i < EGRET_MAX_ARGS; i++) {
        if (part[i].len > 0)
            memcpy(end, part[i].u.s, part[i].len);
        end += part[i].len;
    }
    return egret_string(to, (uint32_t)len);
}

/* ---- addresses ---- */

typedef struct address {
    unsigned char byte[16];
    unsigned bits;          /* 32 or 128 */
} address;

static bool parse_address(const char *s, size_t len, address *out)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    char text[INET6_ADDRSTRLEN + 1];
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    out->bits = 32;
    if (inet_pton(AF_INET, text, out->byte) == 1)
        return true;
    out->bits = 128;
    if (inet_pton(AF_INET6, text, out->byte) != 1)
        return false;
    if (memcmp(out->byte, mapped, sizeof mapped) == 0) {    /* ::ffff:10.0.0.1 is 10.0.0.1 */
        memmove(out->byte, out->byte + sizeof mapped, 4);
        out->bits = 32;
    }
    return true;
}

static bool same_bits(const address *a, const address *b, unsigned bits)
{
    if (memcmp(a->byte, b->byte, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a->byte[bits / 8] ^ b->byte[bits / 8]) >> (8 - rest) == 0;
}

static egret_value call_ip_in(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    address ip;
    address net;
    const char *slash = args[1].len ? memchr(args[1].u.s, '/', args[1].len) : NULL;
    size_t len = slash ? (size_t)(slash - args[1].u.s) : args[1].len;
    if (!parse_address(args[0].u.s, args[0].len, &ip) || !parse_address(args[1].u.s, len, &net) || ip.bits != net.bits)
        return egret_bool(false);
    int64_t bits = net.bits;
    if (slash && (!egret_parse_int(slash + 1, args[1].len - len - 1, &bits) || bits < 0 || bits > (int64_t)net.bits))
        return egret_bool(false);
    return egret_bool(same_bits(&ip, &net, (unsigned)bits));
}

/* ---- times ---- */

static egret_value call_year(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_int(egret_time_civil(args[0].u.i).year);
}

static egret_value call_month(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_int(egret_time_civil(args[0].u.i).month);
}

static egret_value call_day(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_int(egret_time_civil(args[0].u.i).day);
}

static egret_value call_hour(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_int(egret_time_civil(args[0].u.i).hour);
}

static egret_value call_minute(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_int(egret_time_civil(args[0].u.i).minute);
}

static egret_value call_weekday(const egret_value *args, size_t n, egret_arena *scratch)
{
    (void)n, (void)scratch;
    return egret_int(egret_time_civil(args[0].u.i).weekday);
}

/* ---- the call ---- */

static const function_code codes[EGRET_N_FUNCTIONS] = {
    [EGRET_FN_ABS] = call_abs,
    [EGRET_FN_ROUND] = call_round,
    [EGRET_FN_FLOOR] = call_floor,
    [EGRET_FN_CEIL] = call_ceil,
    [EGRET_FN_SQRT] = call_sqrt,
    [EGRET_FN_LEAST] = call_least,
    [EGRET_FN_GREATEST] = call_greatest,
    [EGRET_FN_IF] = call_if,
    [EGRET_FN_COALESCE] = call_coalesce,
    [EGRET_FN_LOWER] = call_lower,
    [EGRET_FN_UPPER] = call_upper,
    [EGRET_FN_TRIM] = call_trim,
    [EGRET_FN_LENGTH] = call_length,
    [EGRET_FN_STARTS_WITH] = call_starts_with,
    [EGRET_FN_ENDS_WITH] = call_ends_with,
    [EGRET_FN_CONTAINS] = call_contains,
    [EGRET_FN_SUBSTRING] = call_substring,
    [EGRET_FN_CONCAT] = call_concat,
    [EGRET_FN_TO_STRING] = call_to_string,
    [EGRET_FN_TO_NUMBER] = call_to_number,
    [EGRET_FN_TO_INT] = call_to_int,
    [EGRET_FN_DISTANCE_KM] = call_distance_km,
    [EGRET_FN_IP_IN] = call_ip_in,
    [EGRET_FN_YEAR] = call_year,
    [EGRET_FN_MONTH] = call_month,
    [EGRET_FN_DAY] = call_day,
    [EGRET_FN_HOUR] = call_hour,
    [EGRET_FN_MINUTE] = call_minute,
    [EGRET_FN_WEEKDAY] = call_weekday,
};

/* 0 for what is no number, else int < decimal < number. */
static int numeric_rank(egret_value v)
{
    return v.type == EGRET_INT ? 1 : v.type == EGRET_DECIMAL ? 2 : v.type == EGRET_NUMBER ? 3 : 0;
}

/* The result of if(c, 1, 2.5) is a decimal, whichever it is. */
static egret_value widened(egret_value v, const egret_value *args, size_t n)
{
    int rank = numeric_rank(v);
    for (size_t i = 0; i < n && rank > 0; i++)
        if (numeric_rank(args[i]) > rank)
            rank = numeric_rank(args[i]);
    if (rank == 3)
        return egret_number(egret_value_as_number(v));
    return rank == 2 && v.type == EGRET_INT ? egret_decimal(v.u.i, 0) : v;
}

egret_value nfa_call(unsigned fn, const egret_value *args, size_t n, egret_arena *scratch)
{
    const egret_function *f = &egret_functions[fn];
    for (size_t i = 0; i < n && !f->null_safe; i++)
        if (args[i].type == EGRET_NULL)
            return egret_null();
    egret_value v = codes[fn](args, n, scratch);
    return f->rule == EGRET_RESULT_SAME ? widened(v, args + f->same_from, n - f->same_from) : v;
}
