/*
 * lex.h: rule text to tokens, one at a time.
 *
 * The lexer reports what is wrong with characters, numbers and strings itself and always gives a token, so the parser
 * sees a stream without holes. It borrows the source text from the collector of diagnostics.
 */
#ifndef EGRET_COMPILER_LEX_H
#define EGRET_COMPILER_LEX_H

#include "compiler/diag.h"

typedef enum egret_tok_kind {
    TOK_EOF, TOK_IDENT, TOK_INT, TOK_FLOAT, TOK_DURATION, TOK_STRING, TOK_REGEX,
    TOK_COMMENT,    /* only with keep_comments */
    /* the reserved words; TOK_AND is the first, TOK_NULL the last */
    TOK_AND, TOK_OR, TOK_NOT, TOK_IN, TOK_IS, TOK_LIKE, TOK_MATCHES, TOK_TRUE, TOK_FALSE, TOK_NULL,
    TOK_LBRACE, TOK_RBRACE, TOK_LPAREN, TOK_RPAREN, TOK_LBRACKET, TOK_RBRACKET,
    TOK_COLON, TOK_COMMA, TOK_DOT, TOK_BAR, TOK_ASSIGN,
    TOK_EQ, TOK_NE, TOK_LT, TOK_LE, TOK_GT, TOK_GE,
    TOK_PLUS, TOK_MINUS, TOK_STAR, TOK_SLASH, TOK_PERCENT, TOK_QUESTION
} egret_tok_kind;

typedef struct egret_token {
    egret_tok_kind kind;
    bool starts_line;       /* only blanks stand before it on its line */
    bool many_lines;        /* STRING, REGEX: a newline stands inside */
    bool bad;               /* an error about this token was reported already */
    egret_span span;        /* strings: with their quotes */
    egret_span body;        /* STRING, REGEX: between the quotes */
    int64_t int_value;      /* INT; DURATION in ms */
    double float_value;     /* FLOAT */
} egret_token;

typedef struct egret_lexer {
    egret_diags *diags;
    const char *text;
    uint32_t source, at, end;
    bool mute;              /* report nothing: the text was lexed before */
    bool keep_comments;
    bool inside_string;     /* the text stands inside a string: \" begins and ends a string here */
    bool one_line_strings;  /* after a string without end: from then on strings end on their line */
    uint32_t junk_end;      /* where the last reported wrong character ended: runs of them are one error */
} egret_lexer;

/* Lexes the bytes of `span`, which lies in a registered source. */
void egret_lex_init(egret_lexer *lexer, egret_diags *diags, egret_span span);
egret_token egret_lex_next(egret_lexer *lexer);
/* Takes back a string over several lines that proved to be one without an end: reports it and goes on behind it. */
void egret_lex_end_string(egret_lexer *lexer, const egret_token *string);
/* Reports the first place of the source that is not UTF-8, and the first byte zero (nowhere allowed, comments included). */
void egret_lex_check_utf8(egret_diags *diags, uint32_t source);

/* "name", "whole number", "'{'": for "expected … " in messages. */
const char *egret_tok_name(egret_tok_kind kind);
/* The kind's name in token listings: IDENT, LBRACE. */
const char *egret_tok_symbol(egret_tok_kind kind);
egret_str egret_lex_text(const egret_lexer *lexer, egret_span span);
/* Replaces \n \t \" \\ \uXXXX; braces stay as they are. What is malformed stays as written (the lexer has reported it). */
egret_str egret_string_unescape(egret_arena *arena, egret_str body);

#endif
