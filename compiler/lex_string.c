/*
 * lex_string.c: strings and regular expressions: where they end, and what their escapes stand for.
 *
 * A string may run over several lines, as nothing else in the language cares for newlines. The price is that a
 * forgotten quote swallows text up to the next one. likely_end guesses where such a string should have ended: before
 * the first bracket on its line that closes nothing inside it, so that `{ message: "text }` still closes its block.
 *
 * An expression in a message stands inside a string already. Its own strings are written \"…\", and that is what
 * lex_inner_string reads.
 */
#include "compiler/lex_internal.h"

#include <string.h>

#include "compiler/text.h"

/* Where an unclosed string that begins at `start` most likely should have ended: before the first bracket on its line
 * that closes nothing inside it, else at the end of the line. */
static uint32_t likely_end(const egret_lexer *lexer, uint32_t start)
{
    uint32_t end = lex_line_end(lexer, start), i = start + 1;
    int open = 0;
    for (; i < end; i++) {
        char c = lexer->text[i];
        if (c == '{' || c == '(' || c == '[')
            open++;
        else if ((c == '}' || c == ')' || c == ']') && --open < 0)
            break;
    }
    while (i > start + 1 && (lexer->text[i - 1] == ' ' || lexer->text[i - 1] == '\t' || lexer->text[i - 1] == '\r'))
        i--;
    return i;
}

static void report_unclosed(egret_lexer *lexer, egret_tok_kind kind, uint32_t start, uint32_t end)
{
    if (kind == TOK_REGEX)
        lex_report(lexer, 112, lex_span(lexer, start, end), "this regular expression has no closing quote",
               "it ends at the next '\"'; a quote inside is written \\x22");
    else
        lex_report(lexer, 103, lex_span(lexer, start, end), "this string has no closing quote",
               "a quote inside a string is written \\\"");
}

void egret_lex_end_string(egret_lexer *lexer, const egret_token *string)
{
    uint32_t end = likely_end(lexer, string->body.start - 1);
    report_unclosed(lexer, string->kind, string->span.start, end);
    lexer->at = end;
    lexer->one_line_strings = true;
}

static int hex_value(const char *ptr)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = ptr[i];
        int digit = lex_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Reads \uXXXX (or a surrogate pair of two) at ptr; gives the code point and its bytes in *used, or -1. */
static int32_t unicode_escape(const char *ptr, size_t len, size_t *used)
{
    *used = 2;
    if (len < 6)
        return -1;
    int high = hex_value(ptr + 2);
    if (high <= 0)
        return -1;
    *used = 6;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF || len < 12 || ptr[6] != '\\' || ptr[7] != 'u')
        return -1;
    int low = hex_value(ptr + 8);
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *used = 12;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* Checks the escape at `at`; gives how many bytes it takes. */
static uint32_t check_escape(egret_lexer *lexer, uint32_t at)
{
    size_t left = lexer->end - at;
    char c = left > 1 ? lexer->text[at + 1] : '\0';
    if (c == 'n' || c == 't' || c == '"' || c == '\\')
        return 2;
    if (c == 'u') {
        size_t used;
        if (unicode_escape(lexer->text + at, left, &used) < 0)
            lex_report(lexer, 109, lex_span(lexer, at, at + (uint32_t)used), "this \\u escape names no character",
                   "write four hexadecimal digits, \\u00e9; a character above \\uffff is written as itself");
        return (uint32_t)used;
    }
    if (c == '\0' || c == '\n')
        return 1;
    size_t n = egret_utf8_length(lexer->text + at + 1, left - 1);
    uint32_t used = n == 0 ? 2 : 1 + (uint32_t)n;
    lex_report(lexer, 108, lex_span(lexer, at, at + used), "unknown escape in a string",
           "the escapes are \\n \\t \\\" \\\\ \\uXXXX; a backslash itself is \\\\, a regular expression is r\"…\"");
    return used;
}

static egret_token unclosed_token(egret_lexer *lexer, egret_token token, uint32_t body)
{
    uint32_t end = likely_end(lexer, body - 1);
    report_unclosed(lexer, token.kind, token.span.start, end);
    lexer->one_line_strings = true;
    lexer->at = end;
    token.bad = true;
    token.many_lines = false;
    token.span.end = end;
    token.body = lex_span(lexer, body, end);
    return token;
}

/* A string whose body begins at `body`; the opening quote has been seen. A regex knows no escapes. */
egret_token lex_string(egret_lexer *lexer, egret_token token, uint32_t body)
{
    uint32_t at = body;
    while (at < lexer->end && lexer->text[at] != '"') {
        char c = lexer->text[at];
        if (c == '\n') {
            if (lexer->one_line_strings)
                return unclosed_token(lexer, token, body);
            token.many_lines = true;
        }
        if (c != '\\' || token.kind == TOK_REGEX)
            at++;
        else
            at += at + 1 < lexer->end && lexer->text[at + 1] != '\n' ? 2 : 1;
    }
    if (at >= lexer->end)
        return unclosed_token(lexer, token, body);
    token.body = lex_span(lexer, body, at);
    token.span.end = at + 1;
    lexer->at = at + 1;
    if (token.kind == TOK_STRING)
        for (uint32_t i = body; i < at;)
            i += lexer->text[i] == '\\' ? check_escape(lexer, i) : 1;
    return token;
}

/* A string in a text that itself stands inside a string: \"…\". */
egret_token lex_inner_string(egret_lexer *lexer, egret_token token)
{
    uint32_t body = lexer->at + 2, at = body;
    token.kind = TOK_STRING;
    while (at + 1 < lexer->end && !(lexer->text[at] == '\\' && lexer->text[at + 1] == '"'))
        at += lexer->text[at] == '\\' ? 2 : 1;
    if (at + 1 >= lexer->end) {
        report_unclosed(lexer, TOK_STRING, token.span.start, lexer->end);
        token.bad = true;
        lexer->at = lexer->end;
        token.span.end = lexer->end;
        token.body = lex_span(lexer, body > lexer->end ? lexer->end : body, lexer->end);
        return token;
    }
    token.body = lex_span(lexer, body, at);
    token.span.end = at + 2;
    lexer->at = at + 2;
    return token;
}

static size_t utf8_encode(char out[4], int32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

egret_str egret_string_unescape(egret_arena *arena, egret_str body)
{
    if (body.len == 0 || memchr(body.ptr, '\\', body.len) == NULL)
        return egret_arena_str(arena, body.ptr, body.len);
    char *out = egret_arena_alloc(arena, (size_t)body.len + 1);    /* no escape is shorter than what it stands for */
    if (out == NULL)
        return (egret_str){ "", 0 };
    size_t n = 0;
    for (size_t i = 0; i < body.len;) {
        const char *ptr = body.ptr + i;
        size_t left = body.len - i, used = 2;
        char c = left > 1 ? ptr[1] : '\0';
        int32_t code = c == 'n' ? '\n' : c == 't' ? '\t' : c == '"' || c == '\\' ? c : -1;
        if (c == 'u')
            code = unicode_escape(ptr, left, &used);
        if (*ptr == '\\' && code >= 0) {
            n += utf8_encode(out + n, code);
            i += used;
        } else {
            out[n++] = *ptr;
            i++;
        }
    }
    return (egret_str){ out, (uint32_t)n };
}
