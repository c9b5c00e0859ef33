/*
 * lex_number.c: whole numbers, decimals and durations.
 *
 * `1h30m` is one token, and so is every run of digits and letters that begins with a digit: `15min` is an error about
 * a unit, never the number 15 and a name. Numbers have no sign here; a minus is an operator. Underscores may stand
 * between the digits of a whole part. The value of a decimal is kept as a double beside its digits in the source,
 * because the checker wants them exact.
 */
#include "compiler/lex_internal.h"

#include <locale.h>
#include <stdlib.h>

/* The unit at ptr in ms, with its letters in *len; 0 when there is none. */
static int64_t unit_ms(const char *ptr, size_t left, uint32_t *len)
{
    static const struct { char letter; int64_t ms; } UNITS[] = {
        { 's', 1000 }, { 'm', 60 * 1000 }, { 'h', 3600 * 1000 }, { 'd', 86400 * 1000 }, { 'w', 604800 * 1000 },
    };
    *len = 2;
    if (left >= 2 && ptr[0] == 'm' && ptr[1] == 's')
        return 1;
    *len = 1;
    for (size_t i = 0; left > 0 && i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (UNITS[i].letter == ptr[0])
            return UNITS[i].ms;
    return 0;
}

/* Tries 1h30m at the current place. False, and nothing moved, when it is no duration. */
static bool lex_duration(egret_lexer *lexer, egret_token *token)
{
    uint32_t at = lexer->at;
    int64_t total = 0;
    bool too_long = false;
    do {
        int64_t n = 0;
        while (at < lexer->end && lex_is_digit(lexer->text[at])) {
            too_long |= __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, lexer->text[at] - '0', &n);
            at++;
        }
        uint32_t len;
        int64_t ms = unit_ms(lexer->text + at, lexer->end - at, &len);
        if (ms == 0)
            return false;
        too_long |= __builtin_mul_overflow(n, ms, &n) || __builtin_add_overflow(total, n, &total);
        at += len;
    } while (at < lexer->end && lex_is_digit(lexer->text[at]));
    if (at < lexer->end && lex_is_word(lexer->text[at]))
        return false;
    lexer->at = at;
    token->kind = TOK_DURATION;
    token->span.end = at;
    token->int_value = total;
    if (too_long) {
        lex_report(lexer, 106, token->span, "this duration is too long", "the longest one has 2^63 - 1 milliseconds");
        token->bad = true;
        token->int_value = 0;
    }
    return true;
}

/* Digits that touch letters and are no duration. */
static void report_unit(egret_lexer *lexer, egret_token *token)
{
    uint32_t letters = lexer->at;
    while (lex_is_word(lex_peek(lexer, 0)))
        lexer->at++;
    bool fraction = token->kind == TOK_FLOAT;
    token->kind = TOK_DURATION;
    token->bad = true;
    token->span.end = lexer->at;
    if (lexer->mute)
        return;
    egret_str word = egret_lex_text(lexer, lex_span(lexer, letters, lexer->at));
    egret_diag *diag = egret_diag_add(lexer->diags, EGRET_DIAG_ERROR, 104, token->span,
                                      "'%.*s' is no unit of a duration", (int)word.len, word.ptr);
    if (fraction)
        egret_diag_help(lexer->diags, diag, "durations are made of whole numbers, as in 1h30m or 1s500ms");
    else
        egret_diag_help(lexer->diags, diag,
                        "the units are ms s m h d w, as in 15m or 1h30m; a name does not begin with a digit");
}

/* Copies the digits without underscores; false when they do not fit. */
static bool plain_digits(const egret_lexer *lexer, egret_span span, char *out, size_t size)
{
    size_t n = 0;
    for (uint32_t i = span.start; i < span.end; i++) {
        if (lexer->text[i] == '_')
            continue;
        if (n + 1 >= size)
            return false;
        out[n++] = lexer->text[i];
    }
    out[n] = '\0';
    return true;
}

/* strtod with a dot whatever the program's locale is. */
static double double_of(const char *digits)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return strtod(digits, NULL);
    double value = strtod_l(digits, NULL, plain);
    freelocale(plain);
    return value;
}

static void number_value(egret_lexer *lexer, egret_token *token)
{
    char digits[400];
    bool fits = plain_digits(lexer, token->span, digits, sizeof digits);
    if (token->kind == TOK_FLOAT) {
        token->float_value = fits ? double_of(digits) : 0;
        if (fits && token->float_value <= 1.7976931348623157e308)
            return;
        lex_report(lexer, 107, token->span, "this number is too large", "the largest number is about 1.79e308");
        token->float_value = 0;
    } else {
        for (const char *c = digits; fits && *c != '\0'; c++)
            fits = !__builtin_mul_overflow(token->int_value, 10, &token->int_value) &&
                   !__builtin_add_overflow(token->int_value, *c - '0', &token->int_value);
        if (fits)
            return;
        lex_report(lexer, 105, token->span, "this whole number is too large",
               "the largest one is 9223372036854775807; with .0 behind it it is a decimal");
        token->int_value = 0;
    }
    token->bad = true;
}

egret_token lex_number(egret_lexer *lexer, egret_token token)
{
    if (lex_duration(lexer, &token))
        return token;
    token.kind = TOK_INT;
    bool underscore = false;
    while (lex_is_digit(lex_peek(lexer, 0)) || lex_peek(lexer, 0) == '_') {
        underscore |= lex_peek(lexer, 0) == '_';
        lexer->at++;
    }
    bool fraction = lex_peek(lexer, 0) == '.' && lex_is_digit(lex_peek(lexer, 1));
    if (fraction) {
        token.kind = TOK_FLOAT;
        lexer->at++;
        while (lex_is_digit(lex_peek(lexer, 0)))
            lexer->at++;
    }
    uint32_t sign = lex_peek(lexer, 1) == '+' || lex_peek(lexer, 1) == '-' ? 1 : 0;
    if (lex_peek(lexer, 0) == 'e' && lex_is_digit(lex_peek(lexer, 1 + sign)) && (fraction || !underscore)) {
        token.kind = TOK_FLOAT;
        lexer->at += 1 + sign;
        while (lex_is_digit(lex_peek(lexer, 0)))
            lexer->at++;
    }
    token.span.end = lexer->at;
    if (lex_is_word(lex_peek(lexer, 0)))
        report_unit(lexer, &token);
    else
        number_value(lexer, &token);
    return token;
}
