/*
 * parse_rule.c: rules and their clauses. A table says which word begins which clause and how often it may stand.
 */
#include "compiler/parse.h"

#include <string.h>

const char *const parse_clause_words[] = {
    "match", "watch", "by", "over", "within", "idle", "let", "when", "early", "unless", "except", "after", "severity", "tags",
    "alert", "signal", "on", "throttle", "resolve", "escalate", "repeat", "active", "mode", "warm", "limits", "to",
};
const size_t parse_n_clause_words = sizeof parse_clause_words / sizeof parse_clause_words[0];

/* ---- one function a clause; its word has been taken ---- */

static void clause_match(egret_parser *p, ast_clause *c)
{
    c->kind = AST_MATCH;
    c->seq = parse_seq(p);
}

static void clause_watch(egret_parser *p, ast_clause *c)
{
    c->kind = AST_WATCH;
    c->watch = parse_watch(p);
    if (parse_at(p, TOK_COMMA)) {
        egret_diag *diag = parse_fail_expected(p, "'|'", "between two streams");
        parse_help(p, diag, "write: watch a | b");
        return;
    }
    if (!parse_at_word(p, "then") && !parse_at_word(p, "next") && !parse_at(p, TOK_LBRACE))
        return;
    egret_diag *diag = parse_fail(p, 206, p->tok[0].span, "'watch' names streams; it knows no sequence");
    parse_help(p, diag, "for a sequence write 'match'");
}

static void clause_by(egret_parser *p, ast_clause *c)
{
    c->kind = AST_BY;
    c->keys = parse_keys(p);
}

static void clause_over(egret_parser *p, ast_clause *c)
{
    c->kind = AST_OVER;
    ast_window *window = parse_node(p, sizeof *window);
    *window = parse_window(p);
    c->window = window;
}

static void clause_within(egret_parser *p, ast_clause *c)
{
    c->kind = AST_WITHIN;
    c->dur = parse_dur(p, "the time after 'within'");
}

static void clause_idle(egret_parser *p, ast_clause *c)
{
    c->kind = AST_IDLE;
    c->dur = parse_dur(p, "the time after 'idle'");
}

static void clause_let(egret_parser *p, ast_clause *c)
{
    c->kind = AST_LET;
    c->name = parse_name(p, "a name after 'let'");
    parse_assign(p, "after the name");
    c->expr = parse_expr(p);
}

/* expr [ "for" sum ] */
static void expr_for(egret_parser *p, ast_clause *c)
{
    c->expr = parse_expr(p);
    if (parse_accept_word(p, "for"))
        c->for_time = parse_sum(p);
}

static void clause_when(egret_parser *p, ast_clause *c)
{
    c->kind = AST_WHEN;
    expr_for(p, c);
}

static void clause_early(egret_parser *p, ast_clause *c)
{
    (void)p;
    c->kind = AST_EARLY;
}

static void clause_unless(egret_parser *p, ast_clause *c)
{
    c->kind = AST_UNLESS;
    egret_str step = parse_text(p, &p->tok[1]);
    if (parse_at_word(p, "after") && parse_next_is(p, TOK_IDENT) && !parse_is_one_of(step, parse_clause_words, parse_n_clause_words)) {
        egret_diag *diag = parse_fail_expected(p, "the name of a stream", "after 'unless'");
        parse_help(p, diag, "the stream comes first: unless stream after %.*s", (int)step.len, step.ptr);
        return;
    }
    c->watch = parse_watch(p);
    if (parse_at_word(p, "after") && !parse_next_is_word(p, "match")) {
        parse_advance(p);
        c->name = parse_name(p, "the name of a step after 'after'");
    }
}

static void clause_except(egret_parser *p, ast_clause *c)
{
    c->kind = AST_EXCEPT;
    c->expr = parse_expr(p);
}

static void fail_skip(egret_parser *p, const char *expected, const char *where)
{
    egret_diag *diag = parse_fail_expected(p, expected, where);
    parse_help(p, diag, "the forms are: no skip, skip past last, skip to next, skip to first x, skip to last x");
}

/* skip = "no" "skip" | "skip" ( "past" "last" | "to" ( "next" | ( "first" | "last" ) IDENT ) ) */
static void clause_after(egret_parser *p, ast_clause *c)
{
    c->kind = AST_AFTER_MATCH;
    parse_expect_word(p, "match", "after 'after'");
    if (parse_accept_word(p, "no")) {
        c->skip = AST_NO_SKIP;
        parse_expect_word(p, "skip", "after 'no'");
    } else if (!parse_accept_word(p, "skip")) {
        fail_skip(p, "'skip' or 'no skip'", "after 'after match'");
    } else if (parse_accept_word(p, "past")) {
        c->skip = AST_SKIP_PAST_LAST;
        parse_expect_word(p, "last", "after 'skip past'");
    } else if (!parse_accept_word(p, "to")) {
        fail_skip(p, "'past' or 'to'", "after 'skip'");
    } else if (parse_accept_word(p, "next")) {
        c->skip = AST_SKIP_TO_NEXT;
    } else {
        c->skip = parse_at_word(p, "first") ? AST_SKIP_TO_FIRST : AST_SKIP_TO_LAST;
        if (!parse_accept_word(p, "first") && !parse_accept_word(p, "last"))
            fail_skip(p, "'next', 'first' or 'last'", "after 'skip to'");
        c->name = parse_name(p, "the name of a step");
    }
}

static void clause_severity(egret_parser *p, ast_clause *c)
{
    c->kind = AST_SEVERITY;
    c->expr = parse_expr(p);
}

/* One name of a list; other signs in it want quotes. */
static ast_name parse_tag(egret_parser *p, const char *what)
{
    egret_token got = p->tok[0];
    egret_str text = parse_text(p, &got);
    if (got.kind == TOK_INT || got.kind == TOK_FLOAT || got.kind == TOK_DURATION || got.kind == TOK_LBRACKET) {
        egret_diag *diag = parse_fail_expected(p, what, NULL);
        if (got.kind == TOK_LBRACKET)
            parse_help(p, diag, "write them without brackets, separated by commas: a, b");
        else
            parse_help(p, diag, "write it in quotes: \"%.*s\"", (int)text.len, text.ptr);
        return (ast_name){ .str = { "", 0 }, .span = got.span };
    }
    ast_name name = parse_name(p, what);
    bool touches = p->tok[0].span.start == name.span.end && (parse_at(p, TOK_DOT) || parse_at(p, TOK_MINUS) || parse_at(p, TOK_SLASH));
    if (touches) {
        egret_str sign = parse_text(p, &p->tok[0]), rest = parse_text(p, &p->tok[1]);
        egret_span span = { name.span.source, name.span.start, p->tok[1].span.end };
        egret_diag *diag = parse_fail(p, 202, span, "%s with other signs than letters and digits stands in quotes", what);
        parse_help(p, diag, "write \"%.*s%.*s%.*s\"", (int)text.len, text.ptr, (int)sign.len, sign.ptr, (int)rest.len, rest.ptr);
    }
    return name;
}

/* A forgotten comma, or 'and' for one: reported, and the list goes on. */
static void report_comma(egret_parser *p, const char *what)
{
    bool name = parse_at(p, TOK_IDENT) && !p->tok[0].starts_line && (parse_next_is(p, TOK_IDENT) || parse_next_is(p, TOK_RBRACE)) &&
                !parse_is_one_of(parse_text(p, &p->tok[0]), parse_clause_words, parse_n_clause_words);
    if (!name && !parse_at(p, TOK_AND))
        return;
    egret_str got = parse_text(p, &p->tok[0]);
    egret_diag *diag = parse_fail(p, 202, p->tok[0].span, "expected ',' before %s, got '%.*s'", what, (int)got.len, got.ptr);
    parse_help(p, diag, name ? "write ',' before '%.*s'" : "write ',' instead of '%.*s'", (int)got.len, got.ptr);
}

/* tag = IDENT | STRING; tag { "," tag } */
static ast_strings *parse_tags(egret_parser *p, const char *what)
{
    ast_strings *first = NULL, **tail = &first;
    do {
        ast_strings *node = parse_node(p, sizeof *node);
        node->value = parse_at(p, TOK_STRING) ? parse_quoted(p, what) : parse_tag(p, what);
        *tail = node;
        tail = &node->next;
        report_comma(p, what);
    } while (parse_accept(p, TOK_COMMA));
    return first;
}

static void clause_tags(egret_parser *p, ast_clause *c)
{
    c->kind = AST_TAGS;
    c->strings = parse_tags(p, "a tag");
}

static void clause_alert(egret_parser *p, ast_clause *c)
{
    c->kind = AST_ALERT;
    c->pairs = parse_pairs(p, "the alert block");
}

static void clause_signal(egret_parser *p, ast_clause *c)
{
    c->kind = AST_SIGNAL;
    c->pairs = parse_pairs(p, "the signal block");
}

static void clause_on(egret_parser *p, ast_clause *c)
{
    c->kind = AST_ON_TIMEOUT;
    parse_expect_word(p, "timeout", "after 'on'");
    parse_expect_word(p, "alert", "after 'on timeout'");
    c->pairs = parse_pairs(p, "the alert block");
}

static void clause_throttle(egret_parser *p, ast_clause *c)
{
    c->kind = AST_THROTTLE;
    c->dur = parse_dur(p, "the time after 'throttle'");
    if (parse_accept_word(p, "per"))
        c->expr = parse_expr(p);
}

static void clause_resolve(egret_parser *p, ast_clause *c)
{
    c->kind = AST_RESOLVE_WHEN;
    if (parse_accept_word(p, "when")) {
        expr_for(p, c);
        return;
    }
    c->kind = AST_RESOLVE_ON;
    if (!parse_accept_word(p, "on")) {
        static const char *const WORDS[] = { "when", "on" };
        egret_token got = p->tok[0];
        egret_diag *diag = parse_fail_expected(p, "'when' or 'on'", "after 'resolve'");
        parse_help_nearest(p, diag, got, WORDS, 2);
        if (diag != NULL && diag->help == NULL)
            parse_help(p, diag, "write: resolve when condition, or: resolve on stream [condition]");
        return;
    }
    c->watch = parse_watch(p);
}

static void clause_escalate(egret_parser *p, ast_clause *c)
{
    c->kind = AST_ESCALATE;
    c->name = parse_name(p, "a severity after 'escalate'");
    if (parse_accept_word(p, "within"))
        c->dur = parse_dur(p, "the time after 'within'");
    parse_expect_word(p, "on", "before the stream that escalates");
    c->watch = parse_watch(p);
    if (!parse_at_word(p, "within") || p->tok[0].starts_line)
        return;
    if (p->panic)
        return;
    egret_str time = parse_text(p, &p->tok[1]);
    egret_diag *diag = egret_diag_add(p->diags, EGRET_DIAG_WARNING, 812, p->tok[0].span, "this is the 'within' of the rule, not of 'escalate'");
    parse_help(p, diag, "write: escalate %.*s within %.*s on …; if that of the rule is meant, begin a line with it", (int)c->name.str.len,
               c->name.str.ptr, (int)time.len, time.ptr);
}

static void clause_repeat(egret_parser *p, ast_clause *c)
{
    c->kind = AST_REPEAT;
    c->dur = parse_dur(p, "the time after 'repeat'");
}

static void clause_active(egret_parser *p, ast_clause *c)
{
    c->kind = AST_ACTIVE;
    c->strings = parse_node(p, sizeof *c->strings);
    c->strings->value = parse_quoted(p, "the hours in quotes after 'active', such as \"Mon-Fri 08:00-18:00 Europe/Berlin\"");
}

static void clause_mode(egret_parser *p, ast_clause *c)
{
    c->kind = AST_MODE;
    c->name = parse_name(p, "a mode after 'mode'");
}

static void clause_warm(egret_parser *p, ast_clause *c)
{
    c->kind = AST_WARM_UP;
    parse_expect_word(p, "up", "after 'warm'");
    c->dur = parse_dur(p, "the time after 'warm up'");
}

static void clause_limits(egret_parser *p, ast_clause *c)
{
    c->kind = AST_LIMITS;
    c->pairs = parse_pairs(p, "the limits block");
}

static void clause_to(egret_parser *p, ast_clause *c)
{
    c->kind = AST_TO;
    c->strings = parse_tags(p, "the name of a sink");
}

/* ---- the table ---- */

typedef struct clause_row {
    const char *word;
    void (*parse)(egret_parser *p, ast_clause *c);
    bool may_repeat;
    const char *instead;    /* how to say it once */
} clause_row;

static const clause_row CLAUSES[] = {
    { "match", clause_match, false, "a rule has one pattern; join the two with 'then', 'and' or 'or', or write two rules" },
    { "watch", clause_watch, false, "watch several streams with '|': watch a | b" },
    { "by", clause_by, true, NULL },
    { "over", clause_over, false, "an aggregate may carry its own window: count(over 1h)" },
    { "within", clause_within, false, "it bounds the whole match; a step has its own as 'then within 5m'" },
    { "idle", clause_idle, false, NULL },
    { "let", clause_let, true, NULL },
    { "when", clause_when, false, "join the two with 'and'" },
    { "early", clause_early, false, NULL },
    { "unless", clause_unless, true, NULL },
    { "except", clause_except, true, NULL },
    { "after", clause_after, false, NULL },
    { "severity", clause_severity, false, "a severity may be computed: if(c, high, medium)" },
    { "tags", clause_tags, false, "write all tags in one clause: tags a, b" },
    { "alert", clause_alert, false, "a rule has one block 'alert' or 'signal'" },
    { "signal", clause_signal, false, "a rule has one block 'alert' or 'signal'" },
    { "on", clause_on, false, NULL },
    { "throttle", clause_throttle, false, NULL },
    { "resolve", clause_resolve, false, NULL },
    { "escalate", clause_escalate, true, NULL },
    { "repeat", clause_repeat, false, NULL },
    { "active", clause_active, false, "write all hours into one string" },
    { "mode", clause_mode, false, NULL },
    { "warm", clause_warm, false, NULL },
    { "limits", clause_limits, false, "write all limits in one block" },
    { "to", clause_to, false, "write all sinks in one clause: to desk, pager" },
};

static const clause_row *row_at(const egret_parser *p)
{
    for (size_t i = 0; i < sizeof CLAUSES / sizeof CLAUSES[0]; i++)
        if (parse_at_word(p, CLAUSES[i].word))
            return &CLAUSES[i];
    return NULL;
}

/* Kinds that stand for one another count as one: alert and signal, the two ways to resolve. */
static ast_clause_kind counted_as(ast_clause_kind kind)
{
    if (kind == AST_SIGNAL)
        return AST_ALERT;
    return kind == AST_RESOLVE_ON ? AST_RESOLVE_WHEN : kind;
}

static void check_repeat(egret_parser *p, const ast_clause *first, const ast_clause *c, const clause_row *row)
{
    if (p->panic || row->may_repeat)
        return;
    for (; first != NULL; first = first->next) {
        bool twice = counted_as(first->kind) == counted_as(c->kind);
        if (!twice && !(c->kind == AST_WITHIN && first->kind == AST_MATCH && first->seq->within.span.end != 0))
            continue;
        egret_span at = twice ? first->span : first->seq->within.span;
        egret_diag *diag = parse_report(p, 207, c->span, "a second clause '%s'", row->word);
        parse_help(p, diag, "%s", row->instead != NULL ? row->instead : "leave one of the two out");
        parse_note(p, diag, at, "the first one is here");
        return;
    }
}

/* What stands where a clause should begin is no word. */
static void fail_no_word(egret_parser *p)
{
    egret_token got = p->tok[0];
    egret_str text = parse_text(p, &got), before = parse_text(p, &p->prev);
    bool times = p->prev.kind == TOK_RBRACE || p->prev.kind == TOK_PLUS || p->prev.kind == TOK_STAR || p->prev.kind == TOK_QUESTION;
    bool after_name = p->prev.kind == TOK_IDENT;
    egret_diag *diag = parse_fail_expected(p, "a clause of the rule or '}'", NULL);
    if (got.kind == TOK_MINUS)
        parse_help(p, diag, "one step follows another with 'then': a then b");
    else if (got.kind == TOK_DOT && after_name && p->prev.span.start >= 7 && memcmp(before.ptr - 7, "unless ", 7) == 0)
        parse_help(p, diag, "here stands a stream and its condition in [ ]: stream [field == …]; what looks at steps that are bound is 'when' or 'except'");
    else if (got.kind == TOK_LBRACKET && times)
        parse_help(p, diag, "the condition stands directly behind the stream, before the number of times: stream [ … ] {3,}");
    else if (got.kind == TOK_LBRACKET)
        parse_help(p, diag, "a condition stands directly behind its stream");
    else if (got.kind == TOK_AND || got.kind == TOK_OR)
        parse_help(p, diag, "the expression before it is complete; is a bracket closed too early?");
    else if (got.kind == TOK_DURATION && after_name)
        parse_help(p, diag, "no time follows '%.*s'; times follow within, over, for, throttle", (int)before.len, before.ptr);
    else if (got.kind == TOK_COMMA)
        parse_help(p, diag, "no comma stands between clauses; several streams are separated by '|'");
    else if (got.kind == TOK_COLON)
        parse_help(p, diag, "no ':' stands behind the word of a clause");
    else if (text.len > 0 && text.len <= 20)
        parse_help(p, diag, "what stands before '%.*s' is complete: leave this out, or say with a clause what it is", (int)text.len, text.ptr);
}

/* Words that people write where a clause begins, and what they mean. false: none of those. */
static bool explain_word(egret_parser *p, egret_diag *diag, egret_str word, bool timed)
{
    if (egret_str_is(word, "for"))
        parse_help(p, diag, "'for' stands behind 'not x' in a pattern, or behind 'when' and 'resolve when'");
    else if (timed && egret_str_is(word, "then"))
        parse_help(p, diag, "the time from the step before stands behind 'then': then within 5m step; 'within' at the end bounds the whole");
    else if (egret_str_is(word, "then") || egret_str_is(word, "next"))
        parse_help(p, diag, "'%.*s' goes on with a pattern, directly behind a step; is a 'within' written too early?", (int)word.len, word.ptr);
    else if (egret_str_is(word, "until") || egret_str_is(word, "strict") || egret_str_is(word, "greedy"))
        parse_help(p, diag, "'%.*s' stands behind the number of times: step {3,} %.*s", (int)word.len, word.ptr, (int)word.len, word.ptr);
    else if (egret_str_is(word, "where") || egret_str_is(word, "if"))
        parse_help(p, diag, "a condition on the event stands behind its stream in [ … ], one on the whole in 'when'");
    else if (egret_str_is(word, "group") && parse_text(p, &p->held[1]).len == 2)
        parse_help(p, diag, "leave it out: the key stands behind 'by' alone");
    else
        return false;
    return true;
}

static void fail_clause(egret_parser *p)
{
    static const char *const LATER[] = { "then", "next", "strict", "any", "greedy", "until", "for" };
    egret_token got = p->tok[0];
    if (got.kind != TOK_IDENT) {
        fail_no_word(p);
        return;
    }
    egret_str word = parse_text(p, &got);
    if (parse_took_entry(p, parse_clause_words, parse_n_clause_words)) {
        egret_str clause = parse_text(p, &p->prev);
        egret_diag *missing = parse_fail(p, 214, p->prev.span, "something is missing before the clause '%.*s'", (int)clause.len, clause.ptr);
        parse_help(p, missing, "the clause before it is not finished");
        return;
    }
    bool timed = p->prev.kind == TOK_DURATION;
    egret_diag *diag = parse_fail(p, 206, got.span, "unknown clause '%.*s'", (int)word.len, word.ptr);
    if (explain_word(p, diag, word, timed))
        return;
    parse_help_nearest(p, diag, got, parse_clause_words, parse_n_clause_words);
    if (diag != NULL && diag->help == NULL && !got.starts_line)
        parse_help_nearest(p, diag, got, LATER, sizeof LATER / sizeof LATER[0]);
    if (diag != NULL && diag->help == NULL && !got.starts_line)
        parse_help(p, diag, "if it is the key, write: by %.*s; if a step, write 'then' before it", (int)word.len, word.ptr);
    else if (diag != NULL && diag->help == NULL)
        parse_help(p, diag, "clauses are: match watch by over within let when unless except severity tags alert throttle resolve escalate to …");
}

/* clause = "match" seq | "watch" watch | … ; the table CLAUSES has them all */
static ast_clause *parse_clause(egret_parser *p, const ast_clause *before)
{
    const clause_row *row = row_at(p);
    if (row == NULL) {
        fail_clause(p);
        return NULL;
    }
    ast_clause *c = parse_node(p, sizeof *c);
    c->span = p->tok[0].span;
    parse_keyword(p);
    row->parse(p, c);
    c->span.end = p->prev.span.end;
    check_repeat(p, before, c, row);
    return c;
}

/* rule = "rule" IDENT [ STRING ] "{" { clause } "}" */
void parse_rule(egret_parser *p, ast_decl *decl)
{
    decl->name = parse_name(p, "the name of the rule");
    if (parse_at(p, TOK_STRING))
        decl->u.rule.text = parse_quoted(p, "a text");
    egret_span open = p->tok[0].span;
    if (!parse_expect(p, TOK_LBRACE, "before the clauses of the rule"))
        return;
    const parse_landing clauses = { parse_clause_words, parse_n_clause_words, p->braces };
    ast_clause **tail = &decl->u.rule.clauses;
    bool fell = false;
    uint32_t befores = p->n_befores;
    while (!parse_at(p, TOK_RBRACE) && !parse_at_eof(p) && !parse_at_decl(p)) {
        ast_clause *c = parse_clause(p, decl->u.rule.clauses);
        if (c != NULL) {
            *tail = c;
            tail = &c->next;
        }
        fell = p->panic;
        parse_recover(p, &clauses);
    }
    decl->u.rule.asks_before = p->n_befores != befores;
    if (!fell || parse_at(p, TOK_RBRACE))   /* after an error that led out of the rule its brace was skipped */
        parse_close(p, TOK_RBRACE, open, "the rule");
}
