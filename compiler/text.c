/*
 * text.c: growing text, and the two ways bytes of unknown origin get into it.
 *
 * Rule texts come from people and from REST bodies. Before a piece of one is shown it is made harmless: broken UTF-8
 * and control characters (a terminal would obey them) become the replacement character.
 */
#include "compiler/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

void egret_text_init(egret_text *text, egret_mem mem)
{
    *text = (egret_text){ .mem = mem };
}

void egret_text_deinit(egret_text *text)
{
    egret_mem_free(text->mem, text->ptr, text->capacity);
    *text = (egret_text){ .mem = text->mem };
}

static bool reserve(egret_text *text, size_t more)
{
    if (text->failed)
        return false;
    if (text->capacity - text->len >= more)
        return true;
    size_t capacity = text->capacity < 256 ? 256 : text->capacity;
    while (capacity - text->len < more) {
        if (capacity > SIZE_MAX / 2) {
            text->failed = true;
            return false;
        }
        capacity *= 2;
    }
    char *grown = egret_mem_grow(text->mem, text->ptr, text->capacity, capacity);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->ptr = grown;
    text->capacity = capacity;
    return true;
}

void egret_text_put(egret_text *text, const char *ptr, size_t len)
{
    if (len == 0 || !reserve(text, len))
        return;
    memcpy(text->ptr + text->len, ptr, len);
    text->len += len;
}

void egret_text_put_str(egret_text *text, egret_str str)
{
    egret_text_put(text, str.ptr, str.len);
}

void egret_text_puts(egret_text *text, const char *literal)
{
    egret_text_put(text, literal, strlen(literal));
}

void egret_text_repeat(egret_text *text, char c, size_t n)
{
    if (n == 0 || !reserve(text, n))
        return;
    memset(text->ptr + text->len, c, n);
    text->len += n;
}

void egret_text_printf(egret_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        text->failed = true;
    else if (reserve(text, (size_t)len + 1)) {
        vsnprintf(text->ptr + text->len, (size_t)len + 1, format, again);
        text->len += (size_t)len;
    }
    va_end(again);
}

size_t egret_utf8_length(const char *ptr, size_t len)
{
    const unsigned char *p = (const unsigned char *)ptr;
    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : p[0] >= 0xE0 && p[0] <= 0xEF ? 3 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool beyond = (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F);
    return overlong || beyond ? 0 : n;
}

void egret_text_put_shown(egret_text *text, const char *ptr, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = egret_utf8_length(ptr + i, len - i);
        unsigned char c = (unsigned char)ptr[i];
        bool control = c < 0x20 || c == 0x7F || (n == 2 && c == 0xC2 && (unsigned char)ptr[i + 1] < 0xA0);
        if (n == 0 || control)
            egret_text_puts(text, REPLACEMENT);
        else
            egret_text_put(text, ptr + i, n);
        i += n == 0 ? 1 : n;
    }
}

void egret_text_put_json(egret_text *text, const char *ptr, size_t len)
{
    egret_text_puts(text, "\"");
    for (size_t i = 0; i < len;) {
        size_t n = egret_utf8_length(ptr + i, len - i);
        unsigned char c = (unsigned char)ptr[i];
        if (n == 0)
            egret_text_puts(text, REPLACEMENT);
        else if (c == '"' || c == '\\')
            egret_text_printf(text, "\\%c", c);
        else if (c == '\n')
            egret_text_puts(text, "\\n");
        else if (c < 0x20 || c == 0x7F)
            egret_text_printf(text, "\\u%04x", c);
        else
            egret_text_put(text, ptr + i, n);
        i += n == 0 ? 1 : n;
    }
    egret_text_puts(text, "\"");
}

const char *egret_text_finish(egret_text *text, egret_arena *arena)
{
    if (text->failed)
        arena->failed = true;
    const char *out = text->failed ? "" : egret_arena_str(arena, text->len == 0 ? "" : text->ptr, text->len).ptr;
    egret_text_deinit(text);
    return out;
}
