/*
 * parse_pattern.c: what a rule looks for: sequences, their links and quantifiers, watched streams, keys.
 *
 * A quantifier binds before `or` and `and`, those before links. `and` and `or` do not mix without brackets, since
 * no reading of `a and b or c` is the one everybody expects.
 */
#include "compiler/parse.h"

/* Something else stands where a stream belongs. */
static void fail_stream(egret_parser *p)
{
    egret_token got = p->tok[0];
    egret_str text = parse_text(p, &got);
    if (got.kind != TOK_LBRACKET && got.kind != TOK_INT) {
        parse_name(p, "the name of a stream");
        return;
    }
    egret_diag *diag = parse_fail_expected(p, "the name of a stream", NULL);
    if (got.kind == TOK_LBRACKET)
        parse_help(p, diag, "a condition stands behind its stream: stream [condition]");
    else
        parse_help(p, diag, "how often a step occurs stands behind it: stream [condition] {%.*s}", (int)text.len, text.ptr);
}

/* atom = [ IDENT ":" ] IDENT [ cond ] */
static ast_atom *parse_atom(egret_parser *p)
{
    ast_atom *atom = parse_node(p, sizeof *atom);
    atom->span = p->tok[0].span;
    if (parse_at(p, TOK_IDENT) && parse_next_is(p, TOK_COLON)) {
        atom->label = parse_name(p, "a label");
        parse_advance(p);
    }
    if (!parse_at(p, TOK_IDENT))
        fail_stream(p);
    else
        atom->stream = parse_name(p, "the name of a stream");
    if (parse_at(p, TOK_LBRACKET))
        atom->cond = parse_cond(p);
    else if (parse_at(p, TOK_LPAREN) && !p->panic) {
        egret_diag *diag = parse_fail(p, 202, p->tok[0].span, "a condition stands in square brackets");
        parse_help(p, diag, "write %.*s [ … ]", (int)atom->stream.str.len, atom->stream.str.ptr);
    }
    atom->span.end = p->prev.span.end;
    return atom;
}

/* watch = atom { "|" atom } */
ast_atom *parse_watch(egret_parser *p)
{
    ast_atom *first = NULL, **tail = &first;
    do {
        *tail = parse_atom(p);
        tail = &(*tail)->next;
    } while (parse_accept(p, TOK_BAR));
    return first;
}

/* key = IDENT [ "=" sum { "|" sum } ] */
static ast_key *parse_key(egret_parser *p)
{
    ast_key *key = parse_node(p, sizeof *key);
    key->name = parse_name(p, "the name of a key");
    if (parse_at(p, TOK_EQ)) {
        egret_diag *diag = parse_report(p, 211, p->tok[0].span, "'==' compares; a key gets its value with '='");
        parse_help(p, diag, "write '='");
        p->tok[0].kind = TOK_ASSIGN;
    }
    if (!parse_accept(p, TOK_ASSIGN))
        return key;
    ast_expr **tail = &key->exprs;
    do {
        *tail = parse_sum(p);
        tail = &(*tail)->next;
    } while (parse_accept(p, TOK_BAR));
    return key;
}

/* 'and' where a comma belongs: reported, and read as one. */
static void report_and(egret_parser *p)
{
    if (!parse_at(p, TOK_AND))
        return;
    egret_diag *diag = parse_report(p, 202, p->tok[0].span, "expected ',' between two parts of the key, got 'and'");
    parse_help(p, diag, "write ','");
    p->tok[0].kind = TOK_COMMA;
}

/* keys = key { "," key } [ "in" IDENT ] */
ast_keys parse_keys(egret_parser *p)
{
    ast_keys keys = { .span = p->tok[0].span };
    ast_key **tail = &keys.first;
    do {
        *tail = parse_key(p);
        tail = &(*tail)->next;
        report_and(p);
    } while (parse_accept(p, TOK_COMMA));
    if (parse_accept(p, TOK_IN))
        keys.table = parse_name(p, "the name of a table");
    keys.span.end = p->prev.span.end;
    return keys;
}

/* ---- quantifiers ---- */

/* "{" INT [ "," [ INT ] ] "}" */
static void parse_bounds(egret_parser *p, ast_quant *q)
{
    egret_span open = p->tok[0].span;
    parse_advance(p);
    if (parse_at(p, TOK_COMMA)) {
        egret_diag *diag = parse_fail(p, 213, p->tok[0].span, "the number of times has no lower bound");
        parse_help(p, diag, "write {0,n} or {1,n}");
        return;
    }
    q->min = q->max = parse_int(p, "how many times, as in {3} {3,} {3,5}");
    if (parse_accept(p, TOK_COMMA)) {
        q->has_comma = true;
        q->max = -1;
        if (parse_at(p, TOK_INT))
            q->max = parse_int(p, "the upper bound");
    }
    if (!parse_close(p, TOK_RBRACE, open, "the number of times"))
        return;
    egret_span span = { open.source, open.start, p->prev.span.end };
    if (q->max >= 0 && q->max < q->min) {
        egret_diag *diag = parse_report(p, 213, span, "the upper bound is below the lower one");
        parse_help(p, diag, "write {%lld,%lld}", (long long)q->max, (long long)q->min);
    }
}

static bool flag_once(egret_parser *p, const char *word, bool *flag)
{
    if (!parse_at_word(p, word))
        return false;
    if (*flag)
        parse_help(p, parse_report(p, 207, p->tok[0].span, "'%s' stands here twice", word), "leave one of the two out");
    parse_advance(p);
    *flag = true;
    return true;
}

/* Is there a quantifier at the current token? */
static bool at_quant(const egret_parser *p)
{
    return parse_at(p, TOK_LBRACE) || parse_at(p, TOK_QUESTION) || parse_at(p, TOK_PLUS) || parse_at(p, TOK_STAR);
}

/* quant = ( "{" INT [ "," [ INT ] ] "}" | "?" | "+" | "*" ) { "strict" | "any" | "greedy" }
 *         [ "until" ( cond | IDENT [ cond ] ) ] */
static ast_quant parse_quant(egret_parser *p)
{
    ast_quant q = { .kind = AST_QUANT_BRACES, .span = p->tok[0].span };
    if (parse_at(p, TOK_LBRACE)) {
        parse_bounds(p, &q);
    } else {
        q.kind = parse_at(p, TOK_QUESTION) ? AST_QUANT_OPTIONAL : parse_at(p, TOK_PLUS) ? AST_QUANT_PLUS : AST_QUANT_STAR;
        q.min = q.kind == AST_QUANT_PLUS ? 1 : 0;
        q.max = q.kind == AST_QUANT_OPTIONAL ? 1 : -1;
        parse_advance(p);
    }
    while (flag_once(p, "strict", &q.strict) || flag_once(p, "any", &q.any) || flag_once(p, "greedy", &q.greedy))
        continue;
    if (parse_accept_word(p, "until")) {
        if (parse_at(p, TOK_DURATION)) {
            egret_diag *diag = parse_fail_expected(p, "a condition [ … ] or the name of a stream", NULL);
            parse_help(p, diag, "a time bounds a loop in brackets: (step {3,} within %.*s)", (int)parse_text(p, &p->tok[0]).len,
                       parse_text(p, &p->tok[0]).ptr);
        } else if (!parse_at(p, TOK_LBRACKET))
            q.until_stream = parse_name(p, "a condition [ … ] or the name of a stream");
        if (parse_at(p, TOK_LBRACKET))
            q.until_cond = parse_cond(p);
    }
    q.span.end = p->prev.span.end;
    return q;
}

/* ---- sequences ---- */

/* "not" watch [ "for" sum ] */
static void parse_absence(egret_parser *p, ast_item *item)
{
    item->kind = AST_ITEM_NOT;
    parse_advance(p);
    if (parse_at(p, TOK_LPAREN)) {
        egret_diag *diag = parse_fail(p, 202, p->tok[0].span, "'not' stands before a stream, not before a group");
        parse_help(p, diag, "name the streams: not a | b");
        return;
    }
    if (parse_at_word(p, "for") && (parse_next_is(p, TOK_DURATION) || parse_next_is(p, TOK_INT))) {
        egret_str time = parse_text(p, &p->tok[1]);
        egret_diag *diag = parse_fail_expected(p, "the name of a stream", "after 'not'");
        parse_help(p, diag, "the time stands behind the stream: not stream for %.*s", (int)time.len, time.ptr);
        return;
    }
    item->watch = parse_watch(p);
    if (parse_accept_word(p, "for"))
        item->for_time = parse_sum(p);
}

/* "any" INT "of" "(" seq { "," seq } ")" */
static void parse_any_of(egret_parser *p, ast_item *item)
{
    item->kind = AST_ITEM_ANY_OF;
    parse_advance(p);
    item->any_n = parse_int(p, "how many of them");
    parse_expect_word(p, "of", "after the number");
    egret_span open = p->tok[0].span;
    parse_expect(p, TOK_LPAREN, "before the alternatives");
    ast_seq **tail = &item->group;
    do {
        *tail = parse_seq(p);
        tail = &(*tail)->next_seq;
    } while (parse_accept(p, TOK_COMMA));
    parse_close(p, TOK_RPAREN, open, "the list of alternatives");
}

/* item = "not" watch [ "for" sum ]
 *      | "any" INT "of" "(" seq { "," seq } ")"
 *      | ( "(" seq ")" | watch1 ) [ quant ]
 * watch1 = watch */
static ast_item *parse_item(egret_parser *p)
{
    ast_item *item = parse_node(p, sizeof *item);
    item->span = p->tok[0].span;
    if (parse_at(p, TOK_NOT)) {
        parse_absence(p, item);
    } else if (parse_at_word(p, "any") && parse_next_is(p, TOK_INT)) {
        parse_any_of(p, item);
    } else if (parse_at_word(p, "any") && parse_next_is(p, TOK_IDENT) && egret_str_is(parse_text(p, &p->tok[1]), "of")) {
        egret_diag *diag = parse_fail(p, 202, p->tok[0].span, "any how many of them?");
        parse_help(p, diag, "write: any 2 of (a, b, c)");
        return item;
    } else if (parse_accept(p, TOK_LPAREN)) {
        item->kind = AST_ITEM_GROUP;
        item->group = parse_seq(p);
        parse_close(p, TOK_RPAREN, item->span, "the group");
    } else {
        item->kind = AST_ITEM_WATCH;
        item->watch = parse_watch(p);
    }
    if (at_quant(p)) {
        if (item->kind == AST_ITEM_NOT || item->kind == AST_ITEM_ANY_OF) {
            egret_diag *diag = parse_fail(p, 213, p->tok[0].span, "this cannot be repeated");
            parse_help(p, diag, item->kind == AST_ITEM_NOT ? "an absence has no number of times; leave it out"
                                                           : "put 'any … of (…)' into a group of its own: ( … )");
            return item;
        }
        item->quant = parse_quant(p);
        if (at_quant(p)) {
            egret_diag *diag = parse_fail(p, 213, p->tok[0].span, "a second number of times");
            parse_help(p, diag, "put the first into a group: ( … )");
        }
    }
    item->span.end = p->prev.span.end;
    return item;
}

static void fail_mixed(egret_parser *p, egret_span first_word)
{
    egret_diag *diag = parse_fail(p, 210, p->tok[0].span, "'and' and 'or' are mixed");
    parse_help(p, diag, "put brackets around one of them: (a and b) or c");
    parse_note(p, diag, first_word, "the other one is here");
}

/* choice = item { "or" item } | item { "and" item } */
static void parse_choice(egret_parser *p, ast_choice *choice)
{
    choice->items = parse_item(p);
    if (!parse_at(p, TOK_OR) && !parse_at(p, TOK_AND))
        return;
    egret_token word = p->tok[0];
    choice->kind = word.kind == TOK_OR ? AST_CHOICE_OR : AST_CHOICE_AND;
    ast_item **tail = &choice->items->next;
    while (parse_accept(p, word.kind)) {
        *tail = parse_item(p);
        tail = &(*tail)->next;
    }
    if (parse_at(p, TOK_OR) || parse_at(p, TOK_AND))
        fail_mixed(p, word.span);
}

/* link = ( "then" [ "any" ] | "next" ) [ "within" dur ]; `then any 2 of (…)` is a plain then before an item */
static void parse_link(egret_parser *p, ast_choice *choice)
{
    choice->link_span = p->tok[0].span;
    choice->link = AST_LINK_NEXT;
    if (parse_accept_word(p, "then")) {
        bool any = parse_at_word(p, "any") && !parse_next_is(p, TOK_INT);
        choice->link = any ? AST_LINK_THEN_ANY : AST_LINK_THEN;
        if (any)
            parse_advance(p);
    } else {
        parse_expect_word(p, "next", NULL);
    }
    if (parse_accept_word(p, "within"))
        choice->link_within = parse_dur(p, "the time after 'within'");
    else if (parse_at(p, TOK_IDENT) && parse_next_is(p, TOK_DURATION)) {
        egret_str word = choice->link == AST_LINK_NEXT ? (egret_str){ "next", 4 } : (egret_str){ "then", 4 };
        egret_str time = parse_text(p, &p->tok[1]);
        egret_diag *diag = parse_fail_expected(p, "'within'", "before the time");
        parse_help(p, diag, "write: %.*s within %.*s", (int)word.len, word.ptr, (int)time.len, time.ptr);
    }
    choice->link_span.end = p->prev.span.end;
}

static bool at_link_word(const egret_parser *p, const egret_token *tok)
{
    static const char *const WORDS[] = { "then", "next" };
    return tok->kind == TOK_IDENT && parse_is_one_of(parse_text(p, tok), WORDS, 2);
}

static bool at_link(const egret_parser *p)
{
    return at_link_word(p, &p->tok[0]);
}

/* A link without a step before it. A stream may be called `then`, so only what cannot follow a stream tells. */
static bool at_dangling_link(const egret_parser *p)
{
    const egret_token *next = &p->tok[1];
    if (!at_link(p))
        return false;
    if (next->kind == TOK_LPAREN || next->kind == TOK_NOT)
        return true;
    return next->kind == TOK_IDENT && !at_link_word(p, next) &&
           !parse_is_one_of(parse_text(p, next), parse_clause_words, parse_n_clause_words);
}

/* seq = choice { link choice } [ "within" dur ] */
ast_seq *parse_seq(egret_parser *p)
{
    ast_seq *seq = parse_node(p, sizeof *seq);
    seq->span = p->tok[0].span;
    if (!parse_enter(p))
        return seq;
    if (at_dangling_link(p)) {
        egret_str word = parse_text(p, &p->tok[0]);
        egret_diag *diag = parse_fail(p, 202, p->tok[0].span, "a sequence begins with a step, not with '%.*s'", (int)word.len,
                                      word.ptr);
        parse_help(p, diag, "something is missing before it");
    }
    ast_choice *choice = parse_node(p, sizeof *choice);
    ast_choice **tail = &seq->choices;
    parse_choice(p, choice);
    for (;;) {
        *tail = choice;
        tail = &choice->next;
        if (!at_link(p))
            break;
        choice = parse_node(p, sizeof *choice);
        parse_link(p, choice);
        parse_choice(p, choice);
    }
    if (parse_accept_word(p, "within"))
        seq->within = parse_dur(p, "the time after 'within'");
    seq->span.end = p->prev.span.end;
    parse_leave(p);
    return seq;
}
