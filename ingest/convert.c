/*
 * convert.c: tokens to values.
 *
 * This runs for every field of every event. The usual shapes (a decimal of few digits, an RFC 3339 time of the day seen last) are read
 * here in a few steps; everything else goes to the parsers of compiler/value.h, which say exactly what is allowed, so a short way must give what
 * they give or decline.
 */
#include "ingest/convert.h"

#include <stdio.h>
#include <string.h>

#include "compiler/text.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* JSON allows no leading zeros and no sign but one minus; the parsers behind are more generous. */
static bool is_json_number(const ingest_token *token)
{
    const char *p = token->ptr;
    uint32_t len = token->len;
    if (len > 0 && *p == '-') {
        p++;
        len--;
    }
    return len > 0 && is_digit(p[0]) && !(len > 1 && p[0] == '0' && is_digit(p[1]));
}

/* Reads digits from p on, to end; gives where they stop. */
static const char *take_digits(const char *p, const char *end, int64_t *number)
{
    int64_t sum = *number;
    for (; p < end; p++) {
        unsigned digit = (unsigned char)(*p - '0');
        if (digit > 9)
            break;
        sum = sum * 10 + (int64_t)digit;
    }
    *number = sum;
    return p;
}

/* Digits with at most one point and at most 17 of them. */
static bool short_decimal(const char *p, uint32_t len, egret_value *out)
{
    const char *end = p + len, *first = p + (len > 0 && p[0] == '-');
    int64_t mantissa = 0;
    if (end - first > 18 || first == end)
        return false;
    const char *at = take_digits(first, end, &mantissa);
    uint8_t scale = 0;
    if (at < end) {
        if (*at != '.' || at == first || at + 1 == end)
            return false;
        scale = (uint8_t)(end - at - 1);
        if (take_digits(at + 1, end, &mantissa) != end)
            return false;
    } else if (end - first > 17) {
        return false;
    }
    *out = (egret_value){ .u.i = first > p ? -mantissa : mantissa, .type = EGRET_DECIMAL, .scale = scale };
    return true;
}

static bool to_decimal(const char *p, uint32_t len, egret_value *out)
{
    return short_decimal(p, len, out) || egret_parse_decimal(p, len, out);
}

/* An int may be written 12, 12.0 or 1.2e1. */
static bool to_int(const char *p, uint32_t len, int64_t *out)
{
    if (egret_parse_int(p, len, out))
        return true;
    egret_value decimal;
    if (!egret_parse_decimal(p, len, &decimal))
        return false;
    int64_t mantissa = decimal.u.i;
    for (unsigned i = 0; i < decimal.scale; i++) {
        if (mantissa % 10 != 0)
            return false;
        mantissa /= 10;
    }
    *out = mantissa;
    return true;
}

/* Two digits at p; 100 or more when they are not. */
static unsigned two(const char *p)
{
    unsigned tens = (unsigned char)(p[0] - '0'), ones = (unsigned char)(p[1] - '0');
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* Whether the first 11 bytes are the same: YYYY-MM-DDT. */
static bool same_date(const char *a, const char *b)
{
    uint64_t head[2], tail[2];
    memcpy(&head[0], a, 8);
    memcpy(&head[1], b, 8);
    memcpy(&tail[0], a + 3, 8);
    memcpy(&tail[1], b + 3, 8);
    return ((head[0] ^ head[1]) | (tail[0] ^ tail[1])) == 0;
}

/* "HH:MM:SS" as seconds of its day. All eight bytes at once: digits become their values and colons zero; a byte whose high bit then comes up is none of
 * these (a carry makes false marks only above a true one). Then tens and ones are put together, again all at once. */
static bool clock_time(const char *p, unsigned *out)
{
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a word are counted from its low end");
    uint64_t word;
    memcpy(&word, p, sizeof word);
    word ^= UINT64_C(0x30303A30303A3030);
    if (((word | (word + UINT64_C(0x76767F76767F7676))) & UINT64_C(0x8080808080808080)) != 0)
        return false;
    word = word * 10 + (word >> 8);
    unsigned hour = word & 0xFF, minute = word >> 24 & 0xFF, second = word >> 48 & 0xFF;
    *out = (hour * 60 + minute) * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 59;
}

/* YYYY-MM-DDTHH:MM:SS[.mmm]Z of the date seen last. */
static bool short_time(const ingest_date_cache *cache, const char *p, uint32_t len, int64_t *out_ms)
{
    if (!cache->known || (len != 20 && len != 24) || !same_date(p, cache->date) || p[len - 1] != 'Z')
        return false;
    unsigned seconds, ms = 0;
    if (!clock_time(p + 11, &seconds))
        return false;
    if (len == 24) {
        unsigned tens = two(p + 20), ones = (unsigned char)(p[22] - '0');
        if (p[19] != '.' || tens > 99 || ones > 9)
            return false;
        ms = tens * 10 + ones;
    }
    *out_ms = cache->day_ms + (int64_t)seconds * 1000 + ms;
    return true;
}

/* Learns the date of a time that was read the long way. */
static void learn_date(ingest_date_cache *cache, const char *p, uint32_t len)
{
    char midnight[20];
    if ((len != 20 && len != 24) || p[10] != 'T')
        return;
    memcpy(midnight, p, 11);
    memcpy(midnight + 11, "00:00:00Z", 9);
    cache->known = egret_parse_rfc3339(midnight, sizeof midnight, &cache->day_ms);
    memcpy(cache->date, p, 11);
}

bool ingest_convert_time(ingest_date_cache *cache, const char *p, uint32_t len, int64_t *out_ms)
{
    if (short_time(cache, p, len, out_ms))
        return true;
    if (!egret_parse_rfc3339(p, len, out_ms))
        return false;
    learn_date(cache, p, len);
    return true;
}

static bool time_of_number(const char *p, uint32_t len, egret_time_unit unit, int64_t *out_ms)
{
    int64_t whole;
    double number;
    if (egret_parse_int(p, len, &whole))
        return egret_time_from_int(whole, unit, out_ms);
    return egret_parse_number(p, len, &number) && egret_time_from_number(number, unit, out_ms);
}

static bool from_number(const ingest_token *token, const plan_field *field, egret_value *out)
{
    int64_t i;
    double d;
    const char *p = token->ptr;
    switch ((egret_type)field->type) {
    case EGRET_INT:
        if (!to_int(p, token->len, &i))
            return false;
        *out = egret_int(i);
        return true;
    case EGRET_DECIMAL:
        return to_decimal(p, token->len, out);
    case EGRET_NUMBER:
        if (!egret_parse_number(p, token->len, &d))
            return false;
        *out = egret_number(d);
        return out->type == EGRET_NUMBER;
    case EGRET_TIME:
        if (!time_of_number(p, token->len, (egret_time_unit)field->unit, &i))
            return false;
        *out = (egret_value){ .u.i = i, .type = EGRET_TIME };
        return true;
    case EGRET_DURATION:
        if (!to_int(p, token->len, &i))
            return false;
        *out = egret_duration(i);
        return true;
    case EGRET_NULL: case EGRET_BOOL: case EGRET_STRING: break;
    }
    return false;
}

static bool from_string(ingest_date_cache *cache, const ingest_token *token, const plan_field *field, egret_value *out)
{
    int64_t i;
    switch ((egret_type)field->type) {
    case EGRET_STRING:
        *out = (egret_value){ .u.s = token->ptr, .len = token->len, .type = EGRET_STRING };
        return true;
    case EGRET_DECIMAL:
        return to_decimal(token->ptr, token->len, out);
    case EGRET_TIME:
        if (!ingest_convert_time(cache, token->ptr, token->len, &i))
            return false;
        *out = (egret_value){ .u.i = i, .type = EGRET_TIME };
        return true;
    case EGRET_DURATION:
        if (!egret_parse_duration(token->ptr, token->len, &i))
            return false;
        *out = egret_duration(i);
        return true;
    case EGRET_NULL: case EGRET_BOOL: case EGRET_INT: case EGRET_NUMBER: break;
    }
    return false;
}

static bool bool_of_cell(const ingest_token *token, egret_value *out)
{
    bool is_true = token->len == 4 && memcmp(token->ptr, "true", 4) == 0;
    if (!is_true && !(token->len == 5 && memcmp(token->ptr, "false", 5) == 0))
        return false;
    *out = egret_bool(is_true);
    return true;
}

/* A cell may mean text or number; text is tried first, as a number is never a time or duration text. */
static bool from_cell(ingest_date_cache *cache, const ingest_token *token, const plan_field *field, egret_value *out)
{
    if (field->type == EGRET_BOOL)
        return bool_of_cell(token, out);
    return from_string(cache, token, field, out) || from_number(token, field, out);
}

bool ingest_convert(ingest_date_cache *cache, const ingest_token *token, const plan_field *field, egret_value *out)
{
    switch ((ingest_token_kind)token->kind) {
    case INGEST_TOKEN_ABSENT:
    case INGEST_TOKEN_NULL:
        *out = egret_null();
        return true;
    case INGEST_TOKEN_FALSE:
    case INGEST_TOKEN_TRUE:
        *out = egret_bool(token->kind == INGEST_TOKEN_TRUE);
        return field->type == EGRET_BOOL;
    case INGEST_TOKEN_NUMBER:
        return is_json_number(token) && from_number(token, field, out);
    case INGEST_TOKEN_STRING:
        return from_string(cache, token, field, out);
    case INGEST_TOKEN_CELL:
        return from_cell(cache, token, field, out);
    case INGEST_TOKEN_OBJECT: case INGEST_TOKEN_ARRAY: case INGEST_TOKEN_BAD: break;
    }
    return false;
}

/* ---- what was wrong ---- */

static const char *kind_name(ingest_token_kind kind)
{
    switch (kind) {
    case INGEST_TOKEN_ABSENT: return "nothing";
    case INGEST_TOKEN_NULL: return "null";
    case INGEST_TOKEN_FALSE: case INGEST_TOKEN_TRUE: return "bool";
    case INGEST_TOKEN_NUMBER: return "number";
    case INGEST_TOKEN_STRING: return "string";
    case INGEST_TOKEN_OBJECT: return "an object";
    case INGEST_TOKEN_ARRAY: return "an array";
    case INGEST_TOKEN_BAD: return "no JSON value:";
    case INGEST_TOKEN_CELL: return "cell";
    }
    return "";
}

/* How many of the first bytes to show: at most max, no broken characters at the cut. */
static int shown_length(const ingest_token *token, size_t max)
{
    size_t n = 0;
    while (n < token->len) {
        size_t step = egret_utf8_length(token->ptr + n, token->len - n);
        if (step == 0 || n + step > max || (unsigned char)token->ptr[n] < ' ')
            break;
        n += step;
    }
    return (int)n;
}

void ingest_convert_explain(const ingest_token *token, const plan_field *field, char *out, size_t cap)
{
    int name = (int)field->name.len;
    if (token->kind == INGEST_TOKEN_ABSENT || token->kind == INGEST_TOKEN_NULL) {
        snprintf(out, cap, "field '%.*s': %s", name, field->name.ptr, token->kind == INGEST_TOKEN_NULL ? "null, and not optional" : "missing");
        return;
    }
    bool text = token->kind == INGEST_TOKEN_STRING || token->kind == INGEST_TOKEN_CELL;
    bool bare = !text && token->kind != INGEST_TOKEN_OBJECT && token->kind != INGEST_TOKEN_ARRAY;
    int shown = shown_length(token, 60);
    snprintf(out, cap, "field '%.*s': expected %s, found %s%s%.*s%s%s", name, field->name.ptr, egret_type_name((egret_type)field->type),
             kind_name((ingest_token_kind)token->kind), text ? " \"" : bare ? " " : "", text || bare ? shown : 0, token->ptr,
             text && (uint32_t)shown < token->len ? "..." : "", text ? "\"" : "");
}
