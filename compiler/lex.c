/*
 * lex.c: the lexer.
 *
 * Newlines and blanks carry no meaning, `#` starts a comment, ten words are reserved (and or not in is like matches
 * true false null), every other word is an IDENT and becomes a keyword by its position alone.
 *
 * Three decisions need a word:
 * - A digit run that touches letters is one token: a duration (1h30m), or an error. `15min` is never 15 and `min`.
 * - A string may run over several lines. A forgotten quote then swallows text up to the next quote, far away. So when
 *   the parser stumbles right behind such a string it calls egret_lex_end_string: the string is taken back, reported
 *   as unclosed, and lexing goes on behind its first line. From then on strings must end on their line, which also
 *   keeps the work linear.
 * - What other languages write (&& || ! <> 'text' // ;) is reported with the Egret spelling, and understood.
 */
#include "compiler/lex_internal.h"

#include <string.h>

#include "compiler/text.h"

enum { FOREIGN_COMMENT_MAX = 4096 };

typedef struct kind_row {
    const char *symbol;
    const char *name;
} kind_row;

static const kind_row KINDS[] = {
    [TOK_EOF] = { "EOF", "the end of the text" },
    [TOK_IDENT] = { "IDENT", "a name" },
    [TOK_INT] = { "INT", "a whole number" },
    [TOK_FLOAT] = { "FLOAT", "a number" },
    [TOK_DURATION] = { "DURATION", "a duration" },
    [TOK_STRING] = { "STRING", "a string in \"quotes\"" },
    [TOK_REGEX] = { "REGEX", "a regular expression r\"…\"" },
    [TOK_COMMENT] = { "COMMENT", "a comment" },
    [TOK_AND] = { "AND", "'and'" },
    [TOK_OR] = { "OR", "'or'" },
    [TOK_NOT] = { "NOT", "'not'" },
    [TOK_IN] = { "IN", "'in'" },
    [TOK_IS] = { "IS", "'is'" },
    [TOK_LIKE] = { "LIKE", "'like'" },
    [TOK_MATCHES] = { "MATCHES", "'matches'" },
    [TOK_TRUE] = { "TRUE", "'true'" },
    [TOK_FALSE] = { "FALSE", "'false'" },
    [TOK_NULL] = { "NULL", "'null'" },
    [TOK_LBRACE] = { "LBRACE", "'{'" },
    [TOK_RBRACE] = { "RBRACE", "'}'" },
    [TOK_LPAREN] = { "LPAREN", "'('" },
    [TOK_RPAREN] = { "RPAREN", "')'" },
    [TOK_LBRACKET] = { "LBRACKET", "'['" },
    [TOK_RBRACKET] = { "RBRACKET", "']'" },
    [TOK_COLON] = { "COLON", "':'" },
    [TOK_COMMA] = { "COMMA", "','" },
    [TOK_DOT] = { "DOT", "'.'" },
    [TOK_BAR] = { "BAR", "'|'" },
    [TOK_ASSIGN] = { "ASSIGN", "'='" },
    [TOK_EQ] = { "EQ", "'=='" },
    [TOK_NE] = { "NE", "'!='" },
    [TOK_LT] = { "LT", "'<'" },
    [TOK_LE] = { "LE", "'<='" },
    [TOK_GT] = { "GT", "'>'" },
    [TOK_GE] = { "GE", "'>='" },
    [TOK_PLUS] = { "PLUS", "'+'" },
    [TOK_MINUS] = { "MINUS", "'-'" },
    [TOK_STAR] = { "STAR", "'*'" },
    [TOK_SLASH] = { "SLASH", "'/'" },
    [TOK_PERCENT] = { "PERCENT", "'%'" },
    [TOK_QUESTION] = { "QUESTION", "'?'" },
};

const char *egret_tok_name(egret_tok_kind kind)
{
    return KINDS[kind].name;
}

const char *egret_tok_symbol(egret_tok_kind kind)
{
    return KINDS[kind].symbol;
}

egret_str egret_lex_text(const egret_lexer *lexer, egret_span span)
{
    return (egret_str){ lexer->text + span.start, span.end - span.start };
}

void egret_lex_init(egret_lexer *lexer, egret_diags *diags, egret_span span)
{
    const egret_source *source = &diags->sources[span.source];
    uint32_t end = span.end > source->len ? source->len : span.end;
    uint32_t start = span.start > end ? end : span.start;
    *lexer = (egret_lexer){ .diags = diags, .text = source->text, .source = span.source, .at = start, .end = end };
    lexer->junk_end = UINT32_MAX;
    if (start == 0 && end >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0)
        lexer->at = 3;
}

void egret_lex_check_utf8(egret_diags *diags, uint32_t source)
{
    const char *text = diags->sources[source].text;
    uint32_t len = diags->sources[source].len;
    const char *zero = memchr(text, 0, len);
    if (zero != NULL) {
        uint32_t at = (uint32_t)(zero - text);
        egret_diag_add(diags, EGRET_DIAG_ERROR, 101, (egret_span){ source, at, at + 1 }, "control character 0x00");
    }
    for (uint32_t i = 0; i < len;) {
        size_t n = egret_utf8_length(text + i, len - i);
        if (n == 0) {
            egret_diag *diag = egret_diag_add(diags, EGRET_DIAG_ERROR, 110, (egret_span){ source, i, i + 1 },
                                              "byte 0x%02X is not UTF-8", (unsigned char)text[i]);
            egret_diag_help(diags, diag, "save the file in the encoding UTF-8");
            return;
        }
        i += (uint32_t)n;
    }
}

/* ---- characters ---- */

char lex_peek(const egret_lexer *lexer, uint32_t ahead)
{
    return ahead < lexer->end - lexer->at ? lexer->text[lexer->at + ahead] : '\0';
}

bool lex_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool lex_is_word(char c)
{
    return is_word_start(c) || lex_is_digit(c);
}

egret_span lex_span(const egret_lexer *lexer, uint32_t start, uint32_t end)
{
    return (egret_span){ lexer->source, start, end };
}

uint32_t lex_line_end(const egret_lexer *lexer, uint32_t at)
{
    const char *newline = memchr(lexer->text + at, '\n', lexer->end - at);
    return newline == NULL ? lexer->end : (uint32_t)(newline - lexer->text);
}

void lex_report(egret_lexer *lexer, uint16_t code, egret_span span, const char *message, const char *help)
{
    if (lexer->mute)
        return;
    egret_diag *diag = egret_diag_add(lexer->diags, EGRET_DIAG_ERROR, code, span, "%s", message);
    if (help != NULL)
        egret_diag_help(lexer->diags, diag, "%s", help);
}

/* ---- what other languages write ---- */

/* Reports a foreign spelling and gives the token that was meant. */
static egret_token foreign(egret_lexer *lexer, egret_token token, uint32_t len, const char *help)
{
    token.span.end = token.span.start + len;
    lexer->at = token.span.end;
    if (!lexer->mute) {
        egret_diag *diag = egret_diag_add(lexer->diags, EGRET_DIAG_ERROR, 102, token.span, "'%.*s' is not Egret",
                                          (int)len, lexer->text + token.span.start);
        egret_diag_help(lexer->diags, diag, "%s", help);
    }
    return token;
}

/* 'text' or “text”: a string in the wrong quotes; `close` is what ends it. */
static egret_token foreign_string(egret_lexer *lexer, egret_token token, uint32_t open_len, const char *close)
{
    size_t close_len = strlen(close);
    uint32_t body = lexer->at + open_len, stop = lex_line_end(lexer, lexer->at), at = body;
    while (at < stop && !(stop - at >= close_len && memcmp(lexer->text + at, close, close_len) == 0))
        at++;
    token.kind = TOK_STRING;
    token.bad = true;
    token.body = lex_span(lexer, body, at);
    token.span.end = at < stop ? at + (uint32_t)close_len : at;
    lexer->at = token.span.end;
    lex_report(lexer, 113, token.span, "strings stand in straight double quotes", "write \"…\"");
    return token;
}

/* Steps over a comment of another language: to the end of the line, or behind the closing mark when that is not too
 * far (a bound, so that a text full of opening marks is not searched to its end for each). */
static void foreign_comment(egret_lexer *lexer, egret_token token)
{
    foreign(lexer, token, 2, "a comment begins with '#' and ends with its line");
    uint32_t end = lex_line_end(lexer, lexer->at);
    if (lexer->text[token.span.start + 1] == '*')
        for (uint32_t i = lexer->at; i + 1 < lexer->end && i - lexer->at < FOREIGN_COMMENT_MAX; i++)
            if (lexer->text[i] == '*' && lexer->text[i + 1] == '/') {
                end = i + 2;
                break;
            }
    lexer->at = end;
}

static void report_sign(egret_lexer *lexer, egret_span span, char c)
{
    egret_diag *diag = egret_diag_add(lexer->diags, EGRET_DIAG_ERROR, 101, span, "the character '%c' has no meaning in Egret", c);
    if (c == '$')
        egret_diag_help(lexer->diags, diag, "a name stands alone, in texts in braces: {name}");
    else
        egret_diag_help(lexer->diags, diag, "leave it out, or put what it belongs to in quotes");
}

/* A character that begins no token. Reported once for a run of them; what is not UTF-8, and the byte zero, were
 * reported before. */
static void step_over_junk(egret_lexer *lexer)
{
    uint32_t start = lexer->at;
    size_t n = egret_utf8_length(lexer->text + start, lexer->end - start);
    lexer->at += n == 0 ? 1 : (uint32_t)n;
    bool continues = lexer->junk_end == start;
    lexer->junk_end = lexer->at;
    if (n == 0 || continues || lexer->mute || lexer->text[start] == '\0')
        return;
    egret_span span = lex_span(lexer, start, lexer->at);
    unsigned char c = (unsigned char)lexer->text[start];
    egret_str shown = egret_lex_text(lexer, span);
    if (n > 1 && (egret_str_is(shown, "\xC2\xA0") || egret_str_is(shown, "\xE2\x80\x8B") || egret_str_is(shown, "\xEF\xBB\xBF")))
        lex_report(lexer, 113, span, "an invisible character stands here", "replace it by an ordinary space");
    else if (c < 0x20 || c == 0x7F)
        egret_diag_add(lexer->diags, EGRET_DIAG_ERROR, 101, span, "control character 0x%02X", c);
    else if (n > 1)
        lex_report(lexer, 101, span, "this character has no meaning here",
                   "names are made of the letters a to z, digits and '_'; other text belongs in a string");
    else
        report_sign(lexer, span, (char)c);
}

/* ---- tokens ---- */

/* Moves over blanks and comments to the next token, or to a comment when those are kept. True: a line was begun. */
static bool skip_blanks(egret_lexer *lexer)
{
    bool starts_line = lexer->at == 0 || lexer->text[lexer->at - 1] == '\n';
    for (;;) {
        char c = lex_peek(lexer, 0);
        if (c == '\n')
            starts_line = true;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v')
            lexer->at++;
        else if (c == '#' && !lexer->keep_comments)
            lexer->at = lex_line_end(lexer, lexer->at);
        else
            return starts_line;
    }
}

static egret_token lex_word(egret_lexer *lexer, egret_token token)
{
    static const char *const RESERVED[] = { "and", "or", "not", "in", "is", "like", "matches", "true", "false", "null" };
    while (lex_is_word(lex_peek(lexer, 0)))
        lexer->at++;
    token.kind = TOK_IDENT;
    token.span.end = lexer->at;
    egret_str word = egret_lex_text(lexer, token.span);
    for (size_t i = 0; i < sizeof RESERVED / sizeof RESERVED[0]; i++)
        if (egret_str_is(word, RESERVED[i]))
            token.kind = (egret_tok_kind)(TOK_AND + (int)i);
    return token;
}

/* Two characters that are one token; TOK_EOF when the next two are not. */
static egret_tok_kind pair_kind(char a, char b)
{
    if (b != '=')
        return TOK_EOF;
    switch (a) {
    case '=': return TOK_EQ;
    case '!': return TOK_NE;
    case '<': return TOK_LE;
    case '>': return TOK_GE;
    default: return TOK_EOF;
    }
}

static egret_tok_kind single_kind(char c)
{
    switch (c) {
    case '{': return TOK_LBRACE;
    case '}': return TOK_RBRACE;
    case '(': return TOK_LPAREN;
    case ')': return TOK_RPAREN;
    case '[': return TOK_LBRACKET;
    case ']': return TOK_RBRACKET;
    case ':': return TOK_COLON;
    case ',': return TOK_COMMA;
    case '.': return TOK_DOT;
    case '|': return TOK_BAR;
    case '=': return TOK_ASSIGN;
    case '<': return TOK_LT;
    case '>': return TOK_GT;
    case '+': return TOK_PLUS;
    case '-': return TOK_MINUS;
    case '*': return TOK_STAR;
    case '/': return TOK_SLASH;
    case '%': return TOK_PERCENT;
    case '?': return TOK_QUESTION;
    default: return TOK_EOF;
    }
}

/* Operators of other languages that stand for one of ours; TOK_EOF when there is none here. */
static egret_token lex_foreign(egret_lexer *lexer, egret_token token)
{
    char a = lex_peek(lexer, 0), b = lex_peek(lexer, 1);
    if (a == '&' && b == '&') {
        token.kind = TOK_AND;
        return foreign(lexer, token, 2, "write 'and'");
    }
    if (a == '|' && b == '|') {
        token.kind = TOK_OR;
        return foreign(lexer, token, 2, "write 'or'");
    }
    if (a == '<' && b == '>') {
        token.kind = TOK_NE;
        return foreign(lexer, token, 2, "write '!='");
    }
    if ((a == '=' || a == '!') && b == '=' && lex_peek(lexer, 2) == '=') {
        token.kind = a == '=' ? TOK_EQ : TOK_NE;
        return foreign(lexer, token, 3, a == '=' ? "write '=='" : "write '!='");
    }
    if (a == '!' && b != '=') {
        token.kind = TOK_NOT;
        return foreign(lexer, token, 1, "write 'not'");
    }
    if (a == '\'')
        return foreign_string(lexer, token, 1, "'");
    if (lexer->end - lexer->at >= 3 && (memcmp(lexer->text + lexer->at, "\xE2\x80\x9C", 3) == 0 ||
                                        memcmp(lexer->text + lexer->at, "\xE2\x80\x9D", 3) == 0))
        return foreign_string(lexer, token, 3, "\xE2\x80\x9D");
    return token;
}

static egret_token lex_punctuation(egret_lexer *lexer, egret_token token)
{
    egret_tok_kind kind = pair_kind(lex_peek(lexer, 0), lex_peek(lexer, 1));
    uint32_t len = kind == TOK_EOF ? 1 : 2;
    if (kind == TOK_EOF)
        kind = single_kind(lex_peek(lexer, 0));
    if (kind == TOK_EOF)
        return token;
    lexer->at += len;
    token.kind = kind;
    token.span.end = lexer->at;
    return token;
}

/* One token at the current place; TOK_EOF with lexer->at moved on when what stood there is no token. */
static egret_token lex_here(egret_lexer *lexer, egret_token token)
{
    char a = lex_peek(lexer, 0), b = lex_peek(lexer, 1);
    if (lex_is_digit(a))
        return lex_number(lexer, token);
    if (a == 'r' && b == '"' && !lexer->inside_string) {
        token.kind = TOK_REGEX;
        return lex_string(lexer, token, lexer->at + 2);
    }
    if (lex_is_word(a))
        return lex_word(lexer, token);
    if (a == '"') {
        token.kind = TOK_STRING;
        return lex_string(lexer, token, lexer->at + 1);
    }
    if (a == '\\' && b == '"' && lexer->inside_string)
        return lex_inner_string(lexer, token);
    if (a == '#') {
        token.kind = TOK_COMMENT;
        token.span.end = lexer->at = lex_line_end(lexer, lexer->at);
        return token;
    }
    if (a == '/' && (b == '/' || b == '*')) {
        foreign_comment(lexer, token);
        return token;
    }
    if (a == ';') {
        foreign(lexer, token, 1, "nothing stands between declarations or clauses; leave it out");
        return token;
    }
    token = lex_foreign(lexer, token);
    if (token.kind == TOK_EOF)
        token = lex_punctuation(lexer, token);
    if (token.kind == TOK_EOF)
        step_over_junk(lexer);
    return token;
}

egret_token egret_lex_next(egret_lexer *lexer)
{
    bool starts_line = false;
    egret_token token;
    do {
        starts_line |= skip_blanks(lexer);
        token = (egret_token){ .kind = TOK_EOF, .span = lex_span(lexer, lexer->at, lexer->at), .starts_line = starts_line };
        if (lexer->at >= lexer->end)
            return token;
        token = lex_here(lexer, token);
    } while (token.kind == TOK_EOF);
    return token;
}
