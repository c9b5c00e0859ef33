/*
 * parse_expr.c: expressions, from `or` down to literals, and windows (`over …`) because calls carry them.
 *
 * Precedence is in the grammar, one function a level. Two bounds keep the walks of later stages from running out of
 * stack: the levels of brackets (parse_enter) and the height of the tree, which a long chain `a + b + c …` also
 * makes tall because operators associate to the left.
 */
#include "compiler/parse.h"

const ast_tail ast_no_tail = { .over = { .kind = AST_WINDOW_NONE } };

/* A node that begins where `start` does and ends with the last token taken. */
static ast_expr *node_from(egret_parser *p, ast_expr_kind kind, egret_span start)
{
    ast_expr *e = parse_node(p, sizeof *e);
    e->kind = kind;
    e->height = 1;
    e->span = start;
    return e;
}

static uint16_t taller(uint16_t height, const ast_expr *below)
{
    for (; below != NULL; below = below->next)
        if (below->height >= height)
            height = (uint16_t)(below->height + 1);
    return height;
}

/* Ends a node: its span and its height; reports a tree that grows too tall. */
static ast_expr *finish(egret_parser *p, ast_expr *e)
{
    if (p->arena->failed)   /* nodes may be the spare one, and lists run in circles */
        return e;
    if (p->prev.span.end > e->span.end)
        e->span.end = p->prev.span.end;
    uint16_t height = taller(1, e->args);
    if (e->a != NULL && e->a->height >= height)
        height = (uint16_t)(e->a->height + 1);
    if (e->b != NULL && e->b->height >= height)
        height = (uint16_t)(e->b->height + 1);
    if (e->where != NULL && e->where->height >= height)
        height = (uint16_t)(e->where->height + 1);
    e->height = height;
    if (height <= AST_HEIGHT_MAX)
        return e;
    e->height = 1;
    egret_diag *diag = parse_fail(p, 203, p->prev.span, "this expression has more than %d operators in a row", AST_HEIGHT_MAX);
    parse_help(p, diag, "name parts of it with 'let' or 'define'; many values belong in a list: x in blocked");
    return e;
}

static ast_expr *binary(egret_parser *p, ast_expr_kind kind, ast_expr *a, ast_expr *(*operand)(egret_parser *))
{
    ast_expr *e = node_from(p, kind, a->span);
    e->a = a;
    parse_advance(p);
    e->b = operand(p);
    return finish(p, e);
}

/* Each of `expr { "," expr }`, linked by next. */
static ast_expr *expr_list(egret_parser *p)
{
    ast_expr *first = NULL, **tail = &first;
    do {
        *tail = parse_expr(p);
        tail = &(*tail)->next;
    } while (parse_accept(p, TOK_COMMA));
    return first;
}

static const char *const WINDOW_WORDS[] = { "tumbling", "hopping", "session", "last", "ever" };
enum { N_WINDOW_WORDS = sizeof WINDOW_WORDS / sizeof WINDOW_WORDS[0] };

/* A word before a length that is no kind of window. */
static void report_window_word(egret_parser *p)
{
    egret_token got = p->tok[0];
    bool sized = parse_next_is(p, TOK_DURATION) || parse_next_is(p, TOK_INT);
    if (got.kind != TOK_IDENT || !sized || parse_is_one_of(parse_text(p, &got), WINDOW_WORDS, N_WINDOW_WORDS))
        return;
    egret_str word = parse_text(p, &got), length = parse_text(p, &p->tok[1]);
    bool near = egret_diag_nearest(word, WINDOW_WORDS, N_WINDOW_WORDS) != NULL;
    egret_diag *diag = parse_fail(p, 202, got.span, "expected the kind or the length of a window, got '%.*s'", (int)word.len, word.ptr);
    if (near)
        parse_help_nearest(p, diag, got, WINDOW_WORDS, N_WINDOW_WORDS);
    else
        parse_help(p, diag, "windows are: %.*s, tumbling %.*s, session %.*s, ever", (int)length.len, length.ptr, (int)length.len, length.ptr,
                   (int)length.len, length.ptr);
}

/* over 1h tumbling: the kind behind the length. */
static void fail_late_kind(egret_parser *p, const ast_window *w)
{
    egret_str word = parse_text(p, &p->tok[0]), length = egret_lex_text(&p->lexer, w->size.span);
    if (!parse_at(p, TOK_IDENT) || !parse_is_one_of(word, WINDOW_WORDS, 3) || parse_next_is(p, TOK_COLON))
        return;
    egret_diag *diag = parse_fail(p, 202, p->tok[0].span, "the kind of a window stands before its length");
    parse_help(p, diag, "write: over %.*s %.*s", (int)word.len, word.ptr, (int)length.len, length.ptr);
}

/* window = dur | "tumbling" dur [ "in" STRING ] | "hopping" dur "every" dur | "session" dur | "last" INT | "ever" */
ast_window parse_window(egret_parser *p)
{
    ast_window w = { .kind = AST_SLIDING, .span = p->tok[0].span };
    report_window_word(p);
    if (parse_accept_word(p, "tumbling")) {
        w.kind = AST_TUMBLING;
        w.size = parse_dur(p, "the length of a tumbling window");
        if (parse_accept(p, TOK_IN))
            w.zone = parse_quoted(p, "a time zone in quotes");
    } else if (parse_accept_word(p, "hopping")) {
        w.kind = AST_HOPPING;
        w.size = parse_dur(p, "the length of a hopping window");
        parse_expect_word(p, "every", "after the length of a hopping window");
        w.every = parse_dur(p, "the hop of a window");
    } else if (parse_accept_word(p, "session")) {
        w.kind = AST_SESSION;
        w.size = parse_dur(p, "the gap that ends a session");
    } else if (parse_accept_word(p, "last")) {
        w.kind = AST_LAST;
        w.last = parse_int(p, "the number of events of a 'last' window");
    } else if (parse_accept_word(p, "ever")) {
        w.kind = AST_EVER;
    } else {
        w.size = parse_dur(p, "the length of a window");
        fail_late_kind(p, &w);
    }
    w.span.end = p->prev.span.end;
    return w;
}

static bool at_args_tail(const egret_parser *p)
{
    return parse_at_word(p, "where") || parse_at_word(p, "over") || parse_at_word(p, "before");
}

/* args = [ expr { "," expr } ] [ "where" expr ] [ "over" window ] [ "before" IDENT ] */
static void parse_args(egret_parser *p, ast_expr *call)
{
    if (!parse_at(p, TOK_RPAREN) && !at_args_tail(p))
        call->args = expr_list(p);
    if (parse_accept_word(p, "where"))
        call->where = parse_expr(p);
    if (at_args_tail(p)) {
        ast_tail *tail = parse_node(p, sizeof *tail);
        if (parse_accept_word(p, "over"))
            tail->over = parse_window(p);
        if (parse_accept_word(p, "before")) {
            tail->before = parse_name(p, "the name of a step");
            p->n_befores++;
        }
        call->tail = tail;
    }
    if (parse_at(p, TOK_RPAREN) || !at_args_tail(p))
        return;
    egret_diag *diag = parse_fail_expected(p, "')'", NULL);
    parse_help(p, diag, "the order is: arguments, where, over, before; each once");
}

static ast_expr *parse_call(egret_parser *p, ast_expr *name)
{
    egret_span open = p->tok[0].span;
    ast_expr *call = node_from(p, AST_CALL, name->span);
    call->name = name->name;
    call->tail = &ast_no_tail;
    parse_advance(p);
    parse_args(p, call);
    parse_close(p, TOK_RPAREN, open, "the list of arguments");
    return finish(p, call);
}

static ast_expr *parse_literal(egret_parser *p, ast_expr_kind kind)
{
    egret_token tok = p->tok[0];
    ast_expr *e = node_from(p, kind, tok.span);
    e->text = parse_text(p, &tok);
    if (kind == AST_STRING) {
        e->text = egret_string_unescape(p->arena, egret_lex_text(&p->lexer, tok.body));
        if (p->lexer.inside_string)     /* its body is escaped twice */
            e->text = egret_string_unescape(p->arena, e->text);
    } else if (kind == AST_REGEX) {
        e->text = egret_lex_text(&p->lexer, tok.body);
    }
    e->int_value = tok.int_value;
    e->float_value = tok.float_value;
    parse_advance(p);
    return e;
}

static void fail_expression(egret_parser *p)
{
    egret_token got = p->tok[0];
    egret_str text = parse_text(p, &got);
    if (got.kind == TOK_EOF) {
        egret_diag *diag = parse_fail(p, 214, p->prev.span, "expected an expression, but the text ends here");
        parse_help(p, diag, "write a value, a name or a call behind this");
        return;
    }
    if (got.kind >= TOK_AND && got.kind <= TOK_NULL) {
        egret_diag *diag = parse_fail(p, 205, got.span, "expected an expression, got the reserved word '%.*s'", (int)text.len,
                                      text.ptr);
        parse_help(p, diag, "something is missing before it");
        return;
    }
    bool of_clause = p->prev.span.start == p->keyword_at && got.kind == TOK_COLON;
    egret_str clause = parse_text(p, &p->prev);
    egret_diag *diag = parse_fail(p, 214, got.span, "expected an expression, got %s", egret_tok_name(got.kind));
    if (of_clause)
        parse_help(p, diag, "no ':' stands behind the word of a clause: %.*s …", (int)clause.len, clause.ptr);
    else if (got.kind == TOK_DOT)
        parse_help(p, diag, "a number begins with a digit: 0.5");
    else if (got.kind == TOK_REGEX)
        parse_help(p, diag, "a regular expression stands behind 'matches' only: path matches r\"^/admin\"");
    else if (got.kind == TOK_PLUS)
        parse_help(p, diag, "numbers have no plus sign");
    else if (got.kind == TOK_LBRACKET)
        parse_help(p, diag, "a list of values stands in round brackets: status in (\"open\", \"new\")");
    else
        parse_help(p, diag, "something is missing before it: a value, a name or a call");
}

/* if c then a else b, as in other languages. A field may be called `if`, too, so only what cannot follow an expression tells. */
static bool at_if_words(const egret_parser *p)
{
    const egret_token *next = &p->tok[1];
    bool begins = p->prev.span.start == p->keyword_at || p->prev.kind == TOK_ASSIGN;
    if (!begins || !parse_at_word(p, "if") || next->kind != TOK_IDENT || next->starts_line)
        return false;
    egret_str word = parse_text(p, next);
    return !egret_str_is(word, "for") && !parse_is_one_of(word, parse_clause_words, parse_n_clause_words) &&
           !parse_is_one_of(word, parse_decl_words, parse_n_decl_words);
}

/* prim = INT | FLOAT | DURATION | STRING | "true" | "false" | "null" | "(" expr ")" | IDENT [ "(" [ args ] ")" ] */
static ast_expr *parse_prim(egret_parser *p)
{
    static const struct { egret_tok_kind tok; ast_expr_kind kind; } LITERALS[] = {
        { TOK_INT, AST_INT }, { TOK_FLOAT, AST_FLOAT }, { TOK_DURATION, AST_DURATION }, { TOK_STRING, AST_STRING },
        { TOK_TRUE, AST_TRUE }, { TOK_FALSE, AST_FALSE }, { TOK_NULL, AST_NULL },
    };
    egret_token tok = p->tok[0];
    for (size_t i = 0; i < sizeof LITERALS / sizeof LITERALS[0]; i++)
        if (tok.kind == LITERALS[i].tok)
            return parse_literal(p, LITERALS[i].kind);
    if (parse_accept(p, TOK_LPAREN)) {
        ast_expr *e = parse_expr(p);
        parse_close(p, TOK_RPAREN, tok.span, "the bracket");
        e->bracketed = true;
        if (e->kind != AST_STRING)
            e->span = (egret_span){ tok.span.source, tok.span.start, p->prev.span.end };
        return e;
    }
    ast_expr *e = node_from(p, AST_NAME, tok.span);
    if (tok.kind != TOK_IDENT) {
        fail_expression(p);
        return e;
    }
    if (at_if_words(p)) {
        egret_diag *diag = parse_fail(p, 202, tok.span, "'if' is a function: its condition and both values stand in brackets");
        parse_help(p, diag, "write if(condition, a, b)");
        return e;
    }
    e->name = parse_name(p, "a name");
    return parse_at(p, TOK_LPAREN) ? parse_call(p, e) : e;
}

/* post = prim { "." IDENT | "[" expr { "," expr } "]" } */
static ast_expr *parse_post(egret_parser *p)
{
    ast_expr *e = parse_prim(p);
    while (parse_at(p, TOK_DOT) || parse_at(p, TOK_LBRACKET)) {
        egret_span open = p->tok[0].span;
        ast_expr *outer = node_from(p, parse_at(p, TOK_DOT) ? AST_MEMBER : AST_INDEX, e->span);
        outer->a = e;
        parse_advance(p);
        if (outer->kind == AST_MEMBER) {
            outer->name = parse_name(p, "the name of a field after '.'");
        } else {
            outer->args = expr_list(p);
            parse_close(p, TOK_RBRACKET, open, "the index");
        }
        e = finish(p, outer);
    }
    return e;
}

/* unary = "-" unary | post */
static ast_expr *parse_unary(egret_parser *p)
{
    if (!parse_at(p, TOK_MINUS))
        return parse_post(p);
    ast_expr *e = node_from(p, AST_NEG, p->tok[0].span);
    if (!parse_enter(p))
        return e;
    parse_advance(p);
    e->a = parse_unary(p);
    parse_leave(p);
    return finish(p, e);
}

/* prod = unary { ( "*" | "/" | "%" ) unary } */
static ast_expr *parse_prod(egret_parser *p)
{
    ast_expr *e = parse_unary(p);
    for (;;) {
        if (parse_at(p, TOK_STAR))
            e = binary(p, AST_MUL, e, parse_unary);
        else if (parse_at(p, TOK_SLASH))
            e = binary(p, AST_DIV, e, parse_unary);
        else if (parse_at(p, TOK_PERCENT))
            e = binary(p, AST_MOD, e, parse_unary);
        else
            return e;
    }
}

/* sum = prod { ( "+" | "-" ) prod } */
ast_expr *parse_sum(egret_parser *p)
{
    ast_expr *e = parse_prod(p);
    for (;;) {
        if (parse_at(p, TOK_PLUS))
            e = binary(p, AST_ADD, e, parse_prod);
        else if (parse_at(p, TOK_MINUS))
            e = binary(p, AST_SUB, e, parse_prod);
        else
            return e;
    }
}

/* ---- comparisons ---- */

/* "in" ( "(" expr { "," expr } ")" | sum ) */
static void parse_in(egret_parser *p, ast_expr *e)
{
    egret_span open = p->tok[0].span;
    e->kind = AST_IN;
    if (parse_accept(p, TOK_LPAREN)) {
        e->has_list = true;
        e->args = expr_list(p);
        parse_close(p, TOK_RPAREN, open, "the list of values");
    } else if (parse_at(p, TOK_LBRACKET) || parse_at(p, TOK_LBRACE)) {
        egret_diag *diag = parse_fail(p, 218, open, "a list of values stands in round brackets");
        parse_help(p, diag, "write in (\"a\", \"b\")");
    } else {
        e->b = parse_sum(p);
    }
}

/* "matches" REGEX */
static void parse_matches(egret_parser *p, ast_expr *e)
{
    e->kind = AST_MATCHES;
    if (parse_at(p, TOK_REGEX)) {
        e->b = parse_literal(p, AST_REGEX);
        return;
    }
    bool string = parse_at(p, TOK_STRING);
    egret_diag *diag = parse_fail(p, 212, p->tok[0].span, "'matches' needs a regular expression r\"…\"");
    if (string)
        parse_help(p, diag, "put an r before the quote; for wildcards such as \"*.exe\" there is 'like'");
    else
        parse_help(p, diag, "the expression is fixed in the text: matches r\"^/admin\"");
}

/* The word operators after the left side; false when none stands here. */
static bool parse_word_operator(egret_parser *p, ast_expr *e)
{
    if (parse_accept(p, TOK_IS)) {
        e->kind = AST_IS_NULL;
        e->negated = parse_accept(p, TOK_NOT);
        egret_token got = p->tok[0];
        if (!parse_accept(p, TOK_NULL)) {
            egret_diag *diag = parse_fail_expected(p, "'null'", "after 'is'");
            if (got.kind != TOK_EOF)
                parse_help(p, diag, "to compare with a value write '==' or '!='");
        }
        return true;
    }
    e->negated = parse_accept(p, TOK_NOT);
    if (parse_accept(p, TOK_IN))
        parse_in(p, e);
    else if (parse_accept(p, TOK_LIKE)) {
        e->kind = AST_LIKE;
        e->b = parse_sum(p);
    } else if (parse_accept(p, TOK_MATCHES))
        parse_matches(p, e);
    else if (e->negated)
        parse_help(p, parse_fail_expected(p, "'in', 'like' or 'matches'", "after 'not'"), "unequal is !=; 'not' stands before a whole comparison");
    else
        return false;
    return true;
}

static ast_expr_kind comparison_of(egret_tok_kind kind)
{
    switch ((int)kind) {
    case TOK_EQ: return AST_EQ;
    case TOK_NE: return AST_NE;
    case TOK_LT: return AST_LT;
    case TOK_LE: return AST_LE;
    case TOK_GT: return AST_GT;
    case TOK_GE: return AST_GE;
    default: return AST_INT;    /* no comparison */
    }
}

static bool at_relation(const egret_parser *p)
{
    egret_tok_kind kind = p->tok[0].kind;
    return comparison_of(kind) != AST_INT || kind == TOK_IN || kind == TOK_LIKE || kind == TOK_MATCHES || kind == TOK_IS;
}

/* a <= b < c: shows what was meant. */
static void fail_chain(egret_parser *p, const ast_expr *left)
{
    egret_token op = p->tok[0];
    egret_str sign = parse_text(p, &op);
    egret_str first = egret_lex_text(&p->lexer, left->span);
    const ast_expr *middle_node = left->b;
    egret_diag *diag = parse_fail(p, 209, op.span, "comparisons do not chain");
    if (middle_node == NULL || comparison_of(op.kind) == AST_INT || first.len > 80) {
        parse_help(p, diag, "join two comparisons with 'and'");
        return;
    }
    egret_str middle = egret_lex_text(&p->lexer, middle_node->span);
    parse_help(p, diag, "write %.*s and %.*s %.*s …", (int)first.len, first.ptr, (int)middle.len, middle.ptr, (int)sign.len,
               sign.ptr);
}

/* '=' where a comparison belongs: reported, and read as '=='. */
static void report_assign(egret_parser *p)
{
    egret_diag *diag = parse_report(p, 211, p->tok[0].span, "'=' gives a name to a value; it does not compare");
    parse_help(p, diag, "write '=='");
    p->tok[0].kind = TOK_EQ;
}

/* rel = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum
 *           | [ "not" ] ( "in" ( "(" expr { "," expr } ")" | sum ) | "like" sum | "matches" REGEX )
 *           | "is" [ "not" ] "null" ] */
static ast_expr *parse_rel(egret_parser *p)
{
    ast_expr *a = parse_sum(p);
    if (parse_at(p, TOK_ASSIGN))
        report_assign(p);
    ast_expr_kind comparison = comparison_of(p->tok[0].kind);
    ast_expr *e;
    if (comparison != AST_INT) {
        e = binary(p, comparison, a, parse_sum);
    } else {
        if (!at_relation(p) && !parse_at(p, TOK_NOT))
            return a;
        e = node_from(p, AST_IN, a->span);
        e->a = a;
        parse_word_operator(p, e);
        e = finish(p, e);
    }
    if (at_relation(p) || parse_at(p, TOK_NOT) || parse_at(p, TOK_ASSIGN))
        fail_chain(p, e);
    return e;
}

/* neg = "not" neg | rel */
static ast_expr *parse_neg(egret_parser *p)
{
    if (!parse_at(p, TOK_NOT))
        return parse_rel(p);
    ast_expr *e = node_from(p, AST_NOT, p->tok[0].span);
    if (!parse_enter(p))
        return e;
    parse_advance(p);
    e->a = parse_neg(p);
    parse_leave(p);
    return finish(p, e);
}

/* conj = neg { "and" neg } */
static ast_expr *parse_conj(egret_parser *p)
{
    ast_expr *e = parse_neg(p);
    while (parse_at(p, TOK_AND))
        e = binary(p, AST_AND, e, parse_neg);
    return e;
}

/* expr = conj { "or" conj } */
ast_expr *parse_expr(egret_parser *p)
{
    if (!parse_enter(p))
        return node_from(p, AST_NULL, p->prev.span);
    ast_expr *e = parse_conj(p);
    while (parse_at(p, TOK_OR))
        e = binary(p, AST_OR, e, parse_conj);
    parse_leave(p);
    return e;
}

/* cond = "[" expr "]" */
ast_expr *parse_cond(egret_parser *p)
{
    egret_span open = p->tok[0].span;
    if (!parse_expect(p, TOK_LBRACKET, "before a condition"))
        return NULL;
    ast_expr *e = parse_expr(p);
    parse_close(p, TOK_RBRACKET, open, "the condition");
    return e;
}

/* IDENT ":" expr [","], one of pairs */
ast_pair *parse_pair(egret_parser *p, const char *what)
{
    ast_pair *pair = parse_node(p, sizeof *pair);
    pair->name = parse_name(p, what);
    parse_colon(p);
    pair->value = parse_expr(p);
    parse_accept(p, TOK_COMMA);
    return pair;
}

static void fail_pairs(egret_parser *p, const char *what)
{
    bool text = parse_at(p, TOK_STRING), to = parse_at_word(p, "to");
    egret_diag *diag = parse_fail_expected(p, "'{'", NULL);
    if (text)
        parse_help(p, diag, "%s stands in braces: { message: \"…\" }", what);
    else if (to)
        parse_help(p, diag, "where alerts go is a clause of its own: to desk");
    else
        parse_help(p, diag, "%s stands in braces: { name: value }", what);
}

/* pairs = "{" { IDENT ":" expr [","] } "}" */
ast_pair *parse_pairs(egret_parser *p, const char *what)
{
    egret_span open = p->tok[0].span;
    ast_pair *first = NULL, **tail = &first;
    if (!parse_accept(p, TOK_LBRACE)) {
        fail_pairs(p, what);
        return NULL;
    }
    while (!parse_at(p, TOK_RBRACE) && !parse_at_eof(p) && !parse_at_forgotten_close(p)) {
        *tail = parse_pair(p, "the name of a pair");
        tail = &(*tail)->next;
    }
    parse_close(p, TOK_RBRACE, open, what);
    return first;
}
