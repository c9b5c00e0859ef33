/*
 * text.h: a text that grows while it is written; what the printers and the renderers of diagnostics write into.
 */
#ifndef EGRET_COMPILER_TEXT_H
#define EGRET_COMPILER_TEXT_H

#include "compiler/arena.h"

/* Without memory it stays as it is and `failed` is set; the writer need not look before the end. */
typedef struct egret_text {
    egret_mem mem;
    char *ptr;      /* owned; not terminated; NULL while empty */
    size_t len, capacity;
    bool failed;
} egret_text;

void egret_text_init(egret_text *text, egret_mem mem);
void egret_text_deinit(egret_text *text);
void egret_text_put(egret_text *text, const char *ptr, size_t len);
void egret_text_put_str(egret_text *text, egret_str str);
void egret_text_puts(egret_text *text, const char *literal);
void egret_text_repeat(egret_text *text, char c, size_t n);
void egret_text_printf(egret_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes bytes as one line of well-formed UTF-8 that a terminal can show: what is not UTF-8 and control characters
 * (newline too) become U+FFFD. */
void egret_text_put_shown(egret_text *text, const char *ptr, size_t len);
/* Writes a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void egret_text_put_json(egret_text *text, const char *ptr, size_t len);

/* The text as a NUL-terminated copy in the arena; the buffer is freed. "" when memory ran out (arena->failed is set then). */
const char *egret_text_finish(egret_text *text, egret_arena *arena);

/* Length in bytes of the well-formed UTF-8 character at ptr (1 to 4), or 0 when there is none within len bytes. */
size_t egret_utf8_length(const char *ptr, size_t len);

#endif
