/*
 * parse.c: the parser's machinery: tokens with two of look-ahead, errors, recovery, and the entry points.
 *
 * The parser is recursive descent with one function for each symbol of the grammar, the production as its comment
 * (parse_decl.c, parse_rule.c, parse_pattern.c, parse_expr.c, parse_test.c). No function looks further than two tokens.
 *
 * parse.h says how panic works. Recovery knows three landing places: a word that begins an entry of the list being
 * read (a clause of the rule), the brace that closes the list, and a declaration. Newlines mean nothing to the grammar,
 * but people write clauses on lines of their own, so only a word that begins a line is trusted as a landing place.
 */
#include "compiler/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 300, SHOWN_TOKEN_MAX = 40, SUSPECT_TOKENS = 3 };

static void init(egret_parser *p, egret_diags *diags, egret_span span)
{
    memset(p, 0, sizeof *p);
    p->diags = diags;
    p->arena = diags->arena;
    egret_lex_init(&p->lexer, diags, span);
    p->prev.span = (egret_span){ span.source, p->lexer.at, p->lexer.at };
}

/* Reads the first two tokens. */
static void begin(egret_parser *p)
{
    p->keyword_at = UINT32_MAX;
    p->tok[0] = egret_lex_next(&p->lexer);
    p->tok[1] = egret_lex_next(&p->lexer);
}

void *parse_node(egret_parser *p, size_t size)
{
    void *node = egret_arena_alloc(p->arena, size);
    if (node != NULL)
        return node;
    memset(&p->spare, 0, sizeof p->spare);
    p->panic = p->lost = true;
    p->tok[0].kind = p->tok[1].kind = TOK_EOF;
    return &p->spare;
}

/* ---- tokens ---- */

egret_str parse_text(const egret_parser *p, const egret_token *tok)
{
    return egret_lex_text(&p->lexer, tok->span);
}

bool parse_at(const egret_parser *p, egret_tok_kind kind)
{
    return p->tok[0].kind == kind;
}

static bool is_word(const egret_parser *p, const egret_token *tok, const char *word)
{
    return tok->kind == TOK_IDENT && egret_str_is(parse_text(p, tok), word);
}

bool parse_at_word(const egret_parser *p, const char *word)
{
    return is_word(p, &p->tok[0], word);
}

bool parse_at_eof(const egret_parser *p)
{
    return p->tok[0].kind == TOK_EOF;
}

bool parse_next_is(const egret_parser *p, egret_tok_kind kind)
{
    return p->tok[1].kind == kind;
}

bool parse_next_is_word(const egret_parser *p, const char *word)
{
    return is_word(p, &p->tok[1], word);
}

bool parse_at_tail(const egret_parser *p, const char *word)
{
    return parse_at_word(p, word) && !parse_next_is(p, TOK_COLON);
}

void parse_advance(egret_parser *p)
{
    if (p->panic)
        return;
    if (p->tok[0].kind == TOK_LBRACE)
        p->braces++;
    else if (p->tok[0].kind == TOK_RBRACE && p->braces > 0)
        p->braces--;
    p->prev = p->tok[0];
    p->suspect_age++;
    if (p->prev.many_lines) {
        p->suspect = p->prev;
        p->suspect_age = 0;
    }
    p->tok[0] = p->tok[1];
    p->tok[1] = p->has_again ? p->again : egret_lex_next(&p->lexer);
    p->has_again = false;
}

void parse_keyword(egret_parser *p)
{
    p->keyword_at = p->tok[0].span.start;
    parse_advance(p);
}

bool parse_accept(egret_parser *p, egret_tok_kind kind)
{
    if (kind == TOK_EOF || !parse_at(p, kind))
        return false;
    parse_advance(p);
    return true;
}

bool parse_accept_word(egret_parser *p, const char *word)
{
    if (!parse_at_word(p, word))
        return false;
    parse_advance(p);
    return true;
}

bool parse_expect(egret_parser *p, egret_tok_kind kind, const char *where)
{
    if (parse_accept(p, kind))
        return true;
    egret_diag *diag = parse_fail_expected(p, egret_tok_name(kind), where);
    parse_help(p, diag, "write %s here", egret_tok_name(kind));
    return false;
}

void parse_colon(egret_parser *p)
{
    if (parse_accept(p, TOK_COLON))
        return;
    bool assign = parse_at(p, TOK_ASSIGN);
    egret_str name = parse_text(p, &p->prev);
    egret_diag *diag = parse_fail_expected(p, "':'", "after the name");
    if (assign)
        parse_help(p, diag, "write ':'; '=' stands in 'let', 'define' and 'by' only");
    else if (name.len <= SHOWN_TOKEN_MAX)
        parse_help(p, diag, "write ':' behind the name: %.*s: …", (int)name.len, name.ptr);
}

bool parse_expect_word(egret_parser *p, const char *word, const char *where)
{
    if (parse_accept_word(p, word))
        return true;
    char expected[64];
    snprintf(expected, sizeof expected, "'%s'", word);
    egret_diag *diag = parse_fail_expected(p, expected, where);
    parse_help_nearest(p, diag, p->held[0], &word, 1);
    if (diag != NULL && diag->help == NULL)
        parse_help(p, diag, "write '%s' here", word);
    return false;
}

bool parse_took_entry(const egret_parser *p, const char *const *words, size_t n)
{
    const egret_token *tok = &p->prev;
    return tok->kind == TOK_IDENT && tok->starts_line && tok->span.start != p->keyword_at && !p->has_again &&
           !p->tok[0].starts_line && parse_is_one_of(parse_text(p, tok), words, n);
}

static bool is_comparison(egret_tok_kind kind)
{
    return kind == TOK_EQ || kind == TOK_NE || kind == TOK_LT || kind == TOK_LE || kind == TOK_GT || kind == TOK_GE;
}

/* A word that goes on after a condition, a group or a number of times. */
static bool is_follower(egret_str word)
{
    return egret_str_is(word, "then") || egret_str_is(word, "next") || egret_str_is(word, "for") ||
           parse_is_one_of(word, parse_clause_words, parse_n_clause_words);
}

/* Did `rule x` at the beginning of a line end up as two names? */
static bool took_decl(const egret_parser *p)
{
    return p->tok[0].kind == TOK_IDENT && parse_took_entry(p, parse_decl_words, parse_n_decl_words);
}

/* The bracket is missing, or what stands before it goes on wrongly. */
static void fail_close(egret_parser *p, egret_tok_kind kind, egret_span open, const char *what)
{
    egret_token got = p->tok[0];
    egret_str text = parse_text(p, &got);
    bool goes_on = text.len <= SHOWN_TOKEN_MAX && (is_comparison(got.kind) || is_follower(text));
    egret_diag *diag = parse_fail_expected(p, egret_tok_name(kind), NULL);
    parse_note(p, diag, open, "%s begins here", what);
    if (goes_on)
        parse_help(p, diag, "write %s before '%.*s'", egret_tok_name(kind), (int)text.len, text.ptr);
    else if (got.kind == TOK_COMMA && p->prev.kind == TOK_STRING && kind == TOK_RBRACKET)
        parse_help(p, diag, "several values stand in brackets: in (\"a\", \"b\")");
    else if (got.kind == TOK_LPAREN && p->prev.kind == TOK_IDENT)
        parse_help(p, diag, "functions stand before what they take: %.*s(x, …)", (int)parse_text(p, &p->prev).len, parse_text(p, &p->prev).ptr);
    else if (got.kind == TOK_AND || got.kind == TOK_OR || got.kind == TOK_COMMA)
        parse_help(p, diag, "close %s first, or write its parts in the order of the reference", what);
    else
        parse_help(p, diag, "something is missing before it: an operator, a comma, or %s", egret_tok_name(kind));
}

bool parse_close(egret_parser *p, egret_tok_kind kind, egret_span open, const char *what)
{
    if (parse_accept(p, kind))
        return true;
    egret_token got = p->tok[0];
    bool ended = got.kind == TOK_EOF || got.kind == TOK_RBRACE || got.kind == TOK_RPAREN || got.kind == TOK_RBRACKET ||
                 parse_at_forgotten_close(p) || (parse_at_word(p, "with") && parse_next_is(p, TOK_IDENT));
    bool swallowed = took_decl(p);
    if (!ended && !swallowed) {
        fail_close(p, kind, open, what);
        return false;
    }
    egret_span span = got.span;
    if (got.kind == TOK_EOF || swallowed)
        span = p->prev.span;
    egret_diag *diag = parse_fail(p, 204, span, "%s is not closed: %s is missing %s", what, egret_tok_name(kind),
                                  got.kind == TOK_EOF ? "at the end of the text" : "before this");
    parse_help(p, diag, "write %s where %s ends", egret_tok_name(kind), what);
    parse_note(p, diag, open, "it was opened here");
    return false;
}

/* ---- terminals ---- */

/* A reserved word, or something that is no word, stands where a name belongs. */
static void fail_name(egret_parser *p, const char *what)
{
    egret_token got = p->tok[0];
    if (got.kind >= TOK_AND && got.kind <= TOK_NULL) {
        egret_str word = parse_text(p, &got);
        egret_diag *diag = parse_fail(p, 205, got.span, "'%.*s' is a reserved word and cannot be %s", (int)word.len, word.ptr,
                                      what);
        parse_help(p, diag, "choose another name, such as '%.*s_'; reserved are: and or not in is like matches true false null",
                   (int)word.len, word.ptr);
        return;
    }
    egret_diag *diag = parse_fail_expected(p, what, NULL);
    if (got.kind == TOK_STRING)
        parse_help(p, diag, "names stand without quotes");
    else if (got.kind == TOK_INT || got.kind == TOK_FLOAT || got.kind == TOK_DURATION)
        parse_help(p, diag, "a name begins with a letter");
    else
        parse_help(p, diag, "a name is missing before this");
}

ast_name parse_name(egret_parser *p, const char *what)
{
    if (!parse_at(p, TOK_IDENT)) {
        fail_name(p, what);
        return (ast_name){ .str = { "", 0 }, .span = p->prev.span };
    }
    ast_name name = { .str = parse_text(p, &p->tok[0]), .span = p->tok[0].span };
    parse_advance(p);
    return name;
}

ast_name parse_quoted(egret_parser *p, const char *what)
{
    if (!parse_at(p, TOK_STRING)) {
        egret_token got = p->tok[0];
        egret_diag *diag = parse_fail_expected(p, what, NULL);
        parse_help(p, diag, got.kind == TOK_IDENT ? "write it in quotes" : "texts stand in quotes: \"…\"");
        return (ast_name){ .str = { "", 0 }, .span = p->prev.span };
    }
    egret_str body = egret_lex_text(&p->lexer, p->tok[0].body);
    ast_name name = { .str = egret_string_unescape(p->arena, body), .span = p->tok[0].span };
    parse_advance(p);
    return name;
}

ast_strings *parse_quoted_list(egret_parser *p, const char *what)
{
    ast_strings *first = NULL, **tail = &first;
    do {
        ast_strings *node = parse_node(p, sizeof *node);
        node->value = parse_quoted(p, what);
        *tail = node;
        tail = &node->next;
    } while (parse_accept(p, TOK_COMMA));
    return first;
}

int64_t parse_int(egret_parser *p, const char *what)
{
    egret_token got = p->tok[0];
    if (got.kind == TOK_INT) {
        parse_advance(p);
        return got.int_value;
    }
    bool minus = got.kind == TOK_MINUS;
    egret_diag *diag = parse_fail_expected(p, what, NULL);
    parse_help(p, diag, minus ? "it cannot be negative" : "write a whole number without a unit, such as 3");
    return 0;
}

static void fail_duration(egret_parser *p, const char *what)
{
    egret_token got = p->tok[0];
    if (got.kind == TOK_INT || got.kind == TOK_FLOAT) {
        egret_str digits = parse_text(p, &got);
        egret_diag *diag = parse_fail(p, 208, got.span, "%s has no unit", what);
        if (got.kind == TOK_INT)
            parse_help(p, diag, "write a unit: %.*ss, %.*sm, %.*sh", (int)digits.len, digits.ptr, (int)digits.len, digits.ptr,
                       (int)digits.len, digits.ptr);
        else
            parse_help(p, diag, "durations are made of whole numbers with units: 1h30m, 1s500ms");
        return;
    }
    egret_str text = got.kind == TOK_STRING ? egret_lex_text(&p->lexer, got.body) : (egret_str){ "5m", 2 };
    egret_diag *diag = parse_fail_expected(p, what, NULL);
    if (got.kind == TOK_MINUS)
        parse_help(p, diag, "it cannot be negative");
    else if (got.kind == TOK_STRING && text.len > 0 && text.len <= SHOWN_TOKEN_MAX)
        parse_help(p, diag, "a time stands without quotes: %.*s", (int)text.len, text.ptr);
    else
        parse_help(p, diag, "write a number with its unit, such as 10s, 5m or 24h");
}

ast_dur parse_duration(egret_parser *p, const char *what)
{
    egret_token got = p->tok[0];
    if (got.kind != TOK_DURATION) {
        fail_duration(p, what);
        return (ast_dur){ .span = { got.span.source, got.span.start, got.span.start } };
    }
    parse_advance(p);
    return (ast_dur){ .ms = got.int_value, .span = got.span };
}

/* dur = DURATION | IDENT */
ast_dur parse_dur(egret_parser *p, const char *what)
{
    if (!parse_at(p, TOK_IDENT))
        return parse_duration(p, what);
    if (parse_next_is(p, TOK_DURATION)) {
        egret_str time = parse_text(p, &p->tok[1]);
        egret_diag *diag = parse_fail_expected(p, what, NULL);
        parse_help(p, diag, "write the time alone: %.*s", (int)time.len, time.ptr);
        return (ast_dur){ .span = p->prev.span };
    }
    ast_name name = parse_name(p, what);
    return (ast_dur){ .name = name, .span = name.span };
}

/* ---- errors ---- */

/* Makes the last token taken the one at the error, so that recovery finds it. */
static void step_back(egret_parser *p)
{
    p->again = p->held[1];
    p->has_again = true;
    p->held[1] = p->held[0];
    p->held[0] = p->prev;
}

/* Puts the parser into panic; a string over several lines shortly before the error is taken back as unclosed.
 * True: that was it, the error need not be reported. */
static bool enter_panic(egret_parser *p)
{
    const egret_token *guilty = NULL;
    if (p->suspect.many_lines && p->suspect_age < SUSPECT_TOKENS)
        guilty = &p->suspect;
    else if (p->tok[0].many_lines)
        guilty = &p->tok[0];
    bool explained = p->tok[0].bad || p->prev.bad;
    if (guilty != NULL) {
        egret_token string = *guilty;
        egret_lex_end_string(&p->lexer, &string);
        p->has_again = false;
        p->tok[0] = egret_lex_next(&p->lexer);
        p->tok[1] = egret_lex_next(&p->lexer);
        p->suspect.many_lines = false;
        explained = true;
    }
    p->held[0] = p->tok[0];
    p->held[1] = p->tok[1];
    if (guilty == NULL && took_decl(p))
        step_back(p);
    p->panic = true;
    p->tok[0].kind = p->tok[1].kind = TOK_EOF;
    return explained;
}

static void leave_panic(egret_parser *p)
{
    p->tok[0] = p->held[0];
    p->tok[1] = p->held[1];
    p->panic = false;
}

egret_diag *parse_fail(egret_parser *p, uint16_t code, egret_span span, const char *format, ...)
{
    if (p->panic || enter_panic(p))
        return NULL;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return egret_diag_add(p->diags, EGRET_DIAG_ERROR, code, span, "%s", message);
}

egret_diag *parse_report(egret_parser *p, uint16_t code, egret_span span, const char *format, ...)
{
    if (p->panic)
        return NULL;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return egret_diag_add(p->diags, EGRET_DIAG_ERROR, code, span, "%s", message);
}

egret_diag *parse_fail_expected(egret_parser *p, const char *expected, const char *where)
{
    egret_token got = p->tok[0];
    egret_str text = parse_text(p, &got);
    const char *gap = where == NULL ? "" : " ", *place = where == NULL ? "" : where;
    if (got.kind == TOK_EOF)
        return parse_fail(p, 202, p->prev.span, "expected %s%s%s, but the text ends here", expected, gap, place);
    if (text.len > SHOWN_TOKEN_MAX || got.kind == TOK_STRING || got.kind == TOK_REGEX)
        return parse_fail(p, 202, got.span, "expected %s%s%s, got %s", expected, gap, place, egret_tok_name(got.kind));
    return parse_fail(p, 202, got.span, "expected %s%s%s, got '%.*s'", expected, gap, place, (int)text.len, text.ptr);
}

void parse_help(egret_parser *p, egret_diag *diag, const char *format, ...)
{
    if (diag == NULL)
        return;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    egret_diag_help(p->diags, diag, "%s", message);
}

void parse_note(egret_parser *p, egret_diag *diag, egret_span span, const char *format, ...)
{
    if (diag == NULL)
        return;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    egret_diag_note(p->diags, diag, span, "%s", message);
}

void parse_help_nearest(egret_parser *p, egret_diag *diag, egret_token tok, const char *const *words, size_t n)
{
    if (diag == NULL || tok.kind != TOK_IDENT)
        return;
    const char *nearest = egret_diag_nearest(parse_text(p, &tok), words, n);
    if (nearest != NULL)
        parse_help(p, diag, "did you mean '%s'?", nearest);
}

/* ---- recovery ---- */

bool parse_at_forgotten_close(const egret_parser *p)
{
    return parse_at_decl(p) || parse_at_entry(p, parse_clause_words, parse_n_clause_words) ||
           parse_at_entry(p, parse_step_words, parse_n_step_words);
}

bool parse_is_one_of(egret_str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (egret_str_is(word, words[i]))
            return true;
    return false;
}

bool parse_at_decl(const egret_parser *p)
{
    const egret_token *tok = &p->tok[0];
    return tok->kind == TOK_IDENT && (tok->starts_line || p->braces == 0) && parse_next_is(p, TOK_IDENT) &&
           parse_is_one_of(parse_text(p, tok), parse_decl_words, parse_n_decl_words);
}

bool parse_at_entry(const egret_parser *p, const char *const *words, size_t n)
{
    const egret_token *tok = &p->tok[0];
    return tok->kind == TOK_IDENT && tok->starts_line && !parse_next_is(p, TOK_COLON) && !parse_next_is(p, TOK_DOT) &&
           parse_is_one_of(parse_text(p, tok), words, n);
}

/* A word that begins a line between the entries and is nearly one of theirs: a slip of the pen, worth an error of its own. */
static bool at_misspelt_entry(const egret_parser *p, const parse_landing *landing)
{
    const egret_token *tok = &p->tok[0], *next = &p->tok[1];
    bool like_entry = next->kind == TOK_IDENT || next->kind == TOK_LBRACE || next->kind == TOK_STRING ||
                      next->kind == TOK_DURATION || next->kind == TOK_LPAREN;
    return tok->kind == TOK_IDENT && tok->starts_line && like_entry && !next->starts_line && p->braces == landing->braces &&
           tok->span.start != p->keyword_at &&
           egret_diag_nearest(parse_text(p, tok), landing->words, landing->n_words) != NULL;
}

void parse_recover(egret_parser *p, const parse_landing *landing)
{
    if (!p->panic || p->lost)
        return;
    uint32_t error_at = p->held[0].span.start;
    leave_panic(p);
    if (p->prev.span.start != p->keyword_at && parse_took_entry(p, landing->words, landing->n_words) && !p->has_again) {
        p->held[0] = p->tok[0];
        p->held[1] = p->tok[1];
        step_back(p);
        leave_panic(p);
    }
    while (!parse_at_eof(p)) {
        if (parse_at_decl(p))
            return;
        bool misspelt = p->tok[0].span.start != error_at && at_misspelt_entry(p, landing);
        if (misspelt || parse_at_entry(p, landing->words, landing->n_words)) {
            p->braces = landing->braces;
            return;
        }
        if (parse_at(p, TOK_RBRACE) && landing->braces > 0 && p->braces <= landing->braces)
            return;
        parse_advance(p);
    }
}

bool parse_enter(egret_parser *p)
{
    if (p->nesting >= AST_NESTING_MAX) {
        egret_diag *diag = parse_fail(p, 203, p->tok[0].span, "this is nested more than %d levels deep", AST_NESTING_MAX);
        parse_help(p, diag, "give parts of it a name with 'let' or 'define'");
        return false;
    }
    p->nesting++;
    return true;
}

void parse_leave(egret_parser *p)
{
    p->nesting--;
}

/* ---- entry points ---- */

void ast_file_init(ast_file *file)
{
    *file = (ast_file){ .decls = NULL };
    file->tail = &file->decls;
}

/* file = { stream | source | sink | list | table | calendar | profile | define | rule | test } */
void egret_parse(egret_diags *diags, uint32_t source, ast_file *file)
{
    if (source >= diags->n_sources)
        return;
    egret_lex_check_utf8(diags, source);
    egret_parser p;
    init(&p, diags, (egret_span){ source, 0, diags->sources[source].len });
    begin(&p);
    const parse_landing declarations = { NULL, 0, 0 };
    ast_decl **tail_before = file->tail;
    while (!parse_at_eof(&p)) {
        ast_decl *decl = parse_decl(&p);
        if (decl != NULL) {
            *file->tail = decl;
            file->tail = &decl->next;
        }
        parse_recover(&p, &declarations);
    }
    if (diags->arena->failed) {
        *tail_before = NULL;
        file->tail = tail_before;
    }
}

/* An expression in a text is complete, and something follows before the brace. */
static void fail_text_end(egret_parser *p)
{
    bool format = parse_at(p, TOK_COLON), word = parse_at(p, TOK_IDENT);
    egret_diag *diag = parse_fail(p, 223, p->tok[0].span, "the expression ends before this");
    if (format)
        parse_help(p, diag, "texts know no formats; {round(x, 2)} rounds");
    else if (word)
        parse_help(p, diag, "write '}' where the expression ends");
    else
        parse_help(p, diag, "between '{' and '}' stands one expression; a brace itself is written twice");
}

ast_expr *egret_parse_expr(egret_diags *diags, egret_span span)
{
    if (span.source >= diags->n_sources)
        return NULL;
    uint32_t errors_before = diags->n_errors;
    egret_parser p;
    init(&p, diags, span);
    p.lexer.inside_string = true;
    begin(&p);
    ast_expr *expr = parse_expr(&p);
    if (!parse_at_eof(&p))
        fail_text_end(&p);
    bool good = diags->n_errors == errors_before && !diags->arena->failed;
    return good ? expr : NULL;
}
