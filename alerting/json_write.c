/*
 * json_write.c: writes JSON; see json_write.h.
 *
 * Strings are copied in runs of bytes that need no escape, found with a table; all other text goes through the slow way one character at
 * a time. Besides the five short escapes, U+2028, U+2029 and the C1 controls are escaped: they are legal in JSON and break terminals,
 * log readers and old JavaScript.
 */
#include "alerting/json_write.h"

#include "compiler/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jsonw_init(json_writer *w)
{
    *w = (json_writer){0};
}

void jsonw_deinit(json_writer *w)
{
    free(w->ptr);
    *w = (json_writer){0};
}

void jsonw_reset(json_writer *w)
{
    w->len = 0;
    w->comma = false;
    w->failed = false;
}

static bool reserve(json_writer *w, size_t more)
{
    if (w->failed) return false;
    if (w->capacity - w->len >= more) return true;
    size_t capacity = w->capacity ? w->capacity : 1024;
    while (capacity - w->len < more) {
        if (capacity > SIZE_MAX / 2) {
            w->failed = true;
            return false;
        }
        capacity *= 2;
    }
    char *grown = realloc(w->ptr, capacity);
    if (!grown) {
        w->failed = true;
        return false;
    }
    w->ptr = grown;
    w->capacity = capacity;
    return true;
}

static void put(json_writer *w, const char *ptr, size_t len)
{
    if (len == 0 || !reserve(w, len)) return;
    memcpy(w->ptr + w->len, ptr, len);
    w->len += len;
}

static void put_char(json_writer *w, char c)
{
    put(w, &c, 1);
}

static void before_value(json_writer *w)
{
    if (w->comma) put_char(w, ',');
    w->comma = true;
}

void jsonw_raw(json_writer *w, const char *ptr, size_t len)
{
    put(w, ptr, len);
}

void jsonw_begin(json_writer *w, char bracket)
{
    before_value(w);
    put_char(w, bracket);
    w->comma = false;
}

void jsonw_end(json_writer *w, char bracket)
{
    put_char(w, bracket);
    w->comma = true;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(json_writer *w, unsigned code)
{
    char text[8];
    const char *shorts = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (const char *pair = shorts; *pair; pair += 2) {
        if ((unsigned char)pair[0] != code) continue;
        put(w, (char[]){'\\', pair[1]}, 2);
        return;
    }
    int n = snprintf(text, sizeof text, "\\u%04x", code);
    put(w, text, (size_t)n);
}

/* Writes the character at ptr, whatever it is; gives its bytes. */
static size_t put_character(json_writer *w, const char *ptr, size_t len)
{
    unsigned char c = (unsigned char)*ptr;
    if (c < 0x80) {
        if (is_plain(c)) put_char(w, (char)c);
        else put_escaped(w, c);
        return 1;
    }
    size_t n = egret_utf8_length(ptr, len);
    if (n == 0) {
        put(w, "\xef\xbf\xbd", 3);
        return 1;
    }
    if (n == 2 && c == 0xc2 && (unsigned char)ptr[1] < 0xa0) put_escaped(w, (unsigned char)ptr[1]);
    else if (n == 3 && memcmp(ptr, "\xe2\x80\xa8", 3) == 0) put_escaped(w, 0x2028);
    else if (n == 3 && memcmp(ptr, "\xe2\x80\xa9", 3) == 0) put_escaped(w, 0x2029);
    else put(w, ptr, n);
    return n;
}

static void put_string(json_writer *w, const char *ptr, size_t len)
{
    put_char(w, '"');
    size_t at = 0;
    while (at < len) {
        size_t run = at;
        while (run < len && is_plain((unsigned char)ptr[run])) run++;
        put(w, ptr + at, run - at);
        at = run;
        if (at < len) at += put_character(w, ptr + at, len - at);
    }
    put_char(w, '"');
}

void jsonw_string(json_writer *w, const char *ptr, size_t len)
{
    before_value(w);
    put_string(w, ptr, len);
}

void jsonw_string_z(json_writer *w, const char *text)
{
    jsonw_string(w, text, strlen(text));
}

void jsonw_key(json_writer *w, const char *ptr, size_t len)
{
    jsonw_string(w, ptr, len);
    put_char(w, ':');
    w->comma = false;
}

void jsonw_key_z(json_writer *w, const char *key)
{
    jsonw_key(w, key, strlen(key));
}

static void put_literal(json_writer *w, const char *text)
{
    before_value(w);
    put(w, text, strlen(text));
}

void jsonw_int(json_writer *w, int64_t i)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, i);
    put_literal(w, text);
}

void jsonw_uint(json_writer *w, uint64_t i)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, i);
    put_literal(w, text);
}

void jsonw_bool(json_writer *w, bool b)
{
    put_literal(w, b ? "true" : "false");
}

void jsonw_null(json_writer *w)
{
    put_literal(w, "null");
}

void jsonw_value(json_writer *w, egret_value value)
{
    char text[64];
    size_t len;
    switch ((egret_type)value.type) {
    case EGRET_STRING:
        jsonw_string(w, value.u.s, value.len);
        return;
    case EGRET_TIME:
    case EGRET_DURATION:
        len = egret_value_text(value, text, sizeof text);
        jsonw_string(w, text, len);
        return;
    case EGRET_NULL:
        jsonw_null(w);
        return;
    case EGRET_BOOL:
    case EGRET_INT:
    case EGRET_NUMBER:
    case EGRET_DECIMAL:
        egret_value_text(value, text, sizeof text);
        put_literal(w, text);
        return;
    }
}
