/*
 * lex_internal.h: what the parts of the lexer (lex.c, lex_string.c, lex_number.c) share.
 */
#ifndef EGRET_COMPILER_LEX_INTERNAL_H
#define EGRET_COMPILER_LEX_INTERNAL_H

#include "compiler/lex.h"

/* The byte `ahead` of the current one; 0 past the end. */
char lex_peek(const egret_lexer *lexer, uint32_t ahead);
bool lex_is_digit(char c);
bool lex_is_word(char c);     /* letter, digit, underscore */
egret_span lex_span(const egret_lexer *lexer, uint32_t start, uint32_t end);
uint32_t lex_line_end(const egret_lexer *lexer, uint32_t at);
/* Adds an error unless muted; help may be NULL. */
void lex_report(egret_lexer *lexer, uint16_t code, egret_span span, const char *message, const char *help);

/* Each gets a token whose span starts at the current place, and gives it back complete. */
egret_token lex_number(egret_lexer *lexer, egret_token token);
/* STRING or REGEX (token.kind says which) whose body begins at `body`, behind the opening quote. */
egret_token lex_string(egret_lexer *lexer, egret_token token, uint32_t body);
egret_token lex_inner_string(egret_lexer *lexer, egret_token token);

#endif
