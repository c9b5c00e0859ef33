/*
 * parse.h: the parser's parts to each other. Not for the rest of the compiler, which sees ast.h alone.
 *
 * How errors travel: whoever finds one calls parse_fail, which reports it and puts the parser into panic. In panic
 * the parser sees nothing but the end of the text, so every loop ends and every function returns by itself, without
 * looking at results; further errors are silent. The functions that read a list of declarations, clauses or test
 * steps then call parse_recover, which goes on from the place of the error to the next one of its kind. Hence the
 * tree of a text with errors is full of holes, and nobody may look at it unless the collector has no errors.
 */
#ifndef EGRET_COMPILER_PARSE_H
#define EGRET_COMPILER_PARSE_H

#include "compiler/ast.h"
#include "compiler/lex.h"

/* Stands in for a node when memory is gone, so that nobody has to look; the parse is thrown away at its end. */
typedef union parse_spare {
    ast_expr expr;
    ast_pair pair;
    ast_atom atom;
    ast_item item;
    ast_choice choice;
    ast_seq seq;
    ast_field field;
    ast_value value;
    ast_option option;
    ast_strings strings;
    ast_key key;
    ast_clause clause;
    ast_step step;
    ast_decl decl;
} parse_spare;

typedef struct egret_parser {
    egret_diags *diags;
    egret_arena *arena;
    egret_lexer lexer;
    egret_token tok[2];     /* the current token and the one after it: all the look-ahead there is */
    egret_token prev;       /* the last token taken */
    egret_token suspect;    /* the last string over several lines, as long as it is among the last few tokens taken */
    uint32_t suspect_age;
    egret_token held[2];    /* in panic: the tokens at the error */
    egret_token again;      /* lexed before, to come after tok[1]; when has_again */
    bool has_again;
    uint32_t keyword_at;    /* where the word of the last declaration, clause or step stands */
    bool panic;
    bool lost;              /* no memory: panic without return */
    uint32_t nesting;       /* of expressions and groups */
    uint32_t braces;        /* open '{' of the current declaration */
    uint32_t n_befores;     /* calls with `before` so far */
    parse_spare spare;
} egret_parser;

/* Zeroed memory for a node; the spare one when there is none. size is at most sizeof(parse_spare). */
void *parse_node(egret_parser *p, size_t size);

/* ---- tokens ---- */

egret_str parse_text(const egret_parser *p, const egret_token *tok);
bool parse_at(const egret_parser *p, egret_tok_kind kind);
bool parse_at_word(const egret_parser *p, const char *word);
bool parse_at_eof(const egret_parser *p);   /* the end, or panic */
bool parse_next_is(const egret_parser *p, egret_tok_kind kind);
bool parse_next_is_word(const egret_parser *p, const char *word);
/* A tail word: the word, and not the name of a pair. */
bool parse_at_tail(const egret_parser *p, const char *word);
void parse_advance(egret_parser *p);
bool parse_accept(egret_parser *p, egret_tok_kind kind);
bool parse_accept_word(egret_parser *p, const char *word);
/* `where` says after or before what, or what for: "after the name of a field". */
bool parse_expect(egret_parser *p, egret_tok_kind kind, const char *where);
bool parse_expect_word(egret_parser *p, const char *word, const char *where);
void parse_colon(egret_parser *p);     /* ":" after a name */
void parse_assign(egret_parser *p, const char *where);     /* "=" */
/* Expects the bracket that closes the one at `open`; `what` is the thing it encloses: "the rule". */
bool parse_close(egret_parser *p, egret_tok_kind kind, egret_span open, const char *what);

ast_name parse_name(egret_parser *p, const char *what);         /* IDENT */
ast_name parse_quoted(egret_parser *p, const char *what);       /* STRING, unescaped; span with quotes */
ast_strings *parse_quoted_list(egret_parser *p, const char *what);  /* STRING { "," STRING } */
int64_t parse_int(egret_parser *p, const char *what);           /* INT */
/* DURATION only; the unit is asked for where it is missing. */
ast_dur parse_duration(egret_parser *p, const char *what);
ast_dur parse_dur(egret_parser *p, const char *what);           /* DURATION | IDENT */

/* ---- errors ---- */

/* Reports an error and panics. Gives the diagnostic, or NULL in panic already: then nothing is reported. */
egret_diag *parse_fail(egret_parser *p, uint16_t code, egret_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for "expected …, got …" at the current token. */
egret_diag *parse_fail_expected(egret_parser *p, const char *expected, const char *where);
/* Reports an error without panic. NULL in panic. */
egret_diag *parse_report(egret_parser *p, uint16_t code, egret_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void parse_help(egret_parser *p, egret_diag *diag, const char *format, ...) __attribute__((format(printf, 3, 4)));
void parse_note(egret_parser *p, egret_diag *diag, egret_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "did you mean 'x'?" when one of the words is near the current token. */
void parse_help_nearest(egret_parser *p, egret_diag *diag, egret_token tok, const char *const *words, size_t n);

/* Where to go on after an error: what begins an entry of the list that is being read. */
typedef struct parse_landing {
    const char *const *words;   /* of the entries of the list */
    size_t n_words;
    uint32_t braces;            /* open braces inside the list */
} parse_landing;

/* Leaves panic and skips to the next entry of the list, its closing brace, or a declaration that begins a line. */
void parse_recover(egret_parser *p, const parse_landing *landing);
bool parse_is_one_of(egret_str word, const char *const *words, size_t n);
/* Does the current token begin a line, is it one of the words, and no name of a pair or of an object? */
bool parse_at_entry(const egret_parser *p, const char *const *words, size_t n);
/* Was the last token taken as a name though it begins a line and is one of the words that begin an entry? Then
 * something is missing before it. */
bool parse_took_entry(const egret_parser *p, const char *const *words, size_t n);
/* Takes the current token as the word of a declaration, a clause or a step. */
void parse_keyword(egret_parser *p);
/* Does a clause, a step or a declaration begin at the current token, so that a block before it was not closed? */
bool parse_at_forgotten_close(const egret_parser *p);
/* Is the current token the first of a declaration: its word at the start of a line, then a name? */
bool parse_at_decl(const egret_parser *p);
extern const char *const parse_decl_words[];
extern const size_t parse_n_decl_words;
extern const char *const parse_clause_words[];
extern const size_t parse_n_clause_words;
extern const char *const parse_step_words[];
extern const size_t parse_n_step_words;

/* Enters one level of nesting; false, and panic, when it is one too many. Each true needs its parse_leave. */
bool parse_enter(egret_parser *p);
void parse_leave(egret_parser *p);

/* ---- the symbols of the grammar ---- */

ast_expr *parse_expr(egret_parser *p);
ast_expr *parse_sum(egret_parser *p);
ast_expr *parse_cond(egret_parser *p);
ast_window parse_window(egret_parser *p);
ast_pair *parse_pairs(egret_parser *p, const char *what);
ast_pair *parse_pair(egret_parser *p, const char *what);    /* IDENT ":" expr [","] */

ast_seq *parse_seq(egret_parser *p);
ast_atom *parse_watch(egret_parser *p);
ast_keys parse_keys(egret_parser *p);

void parse_rule(egret_parser *p, ast_decl *decl);
void parse_test(egret_parser *p, ast_decl *decl);
/* Reads everything from the word of a declaration to its end; NULL when there is none at this place. */
ast_decl *parse_decl(egret_parser *p);

#endif
