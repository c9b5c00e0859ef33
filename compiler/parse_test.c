/*
 * parse_test.c: tests beside the rules, and their steps.
 */
#include "compiler/parse.h"

const char *const parse_step_words[] = { "start", "given", "at", "expect" };
const size_t parse_n_step_words = sizeof parse_step_words / sizeof parse_step_words[0];

static void step_time(egret_parser *p, int64_t *ms, egret_span *span, const char *what)
{
    ast_dur dur = parse_duration(p, what);
    *ms = dur.ms;
    *span = dur.span;
}

/* "start" STRING */
static void step_start(egret_parser *p, ast_step *step)
{
    step->kind = AST_START;
    step->strings = parse_node(p, sizeof *step->strings);
    step->strings->value = parse_quoted(p, "a time in quotes, such as \"2026-01-05T09:00:00Z\"");
}

/* "given" IDENT ( ":" STRING { "," STRING } | pairs ) */
static void step_given(egret_parser *p, ast_step *step)
{
    step->kind = AST_GIVEN_ROW;
    step->name = parse_name(p, "the name of a list or a table after 'given'");
    if (parse_accept(p, TOK_COLON)) {
        step->kind = AST_GIVEN_ITEMS;
        step->strings = parse_quoted_list(p, "an item of the list in quotes");
    } else if (parse_at(p, TOK_LBRACE)) {
        step->pairs = parse_pairs(p, "the row");
    } else {
        egret_diag *diag = parse_fail_expected(p, "':' or '{'", "after the name");
        parse_help(p, diag, "items of a list: given blocked: \"a\", \"b\"; a row of a table: given shops { id: \"s1\" }");
    }
}

/* "at" DURATION [ "every" DURATION INT "times" ] ( IDENT pairs | "nothing" ) */
static void step_at(egret_parser *p, ast_step *step)
{
    step->kind = AST_AT;
    step->times = 1;
    step_time(p, &step->at_ms, &step->at_span, "the time after 'at'");
    if (parse_accept_word(p, "every")) {
        step->repeated = true;
        step_time(p, &step->every_ms, &step->every_span, "the time after 'every'");
        step->times = parse_int(p, "how many times");
        parse_expect_word(p, "times", "after the number");
    }
    if (parse_at_word(p, "nothing") && !parse_next_is(p, TOK_LBRACE)) {
        parse_advance(p);
        step->kind = AST_AT_NOTHING;
        return;
    }
    step->name = parse_name(p, "the name of a stream or 'nothing'");
    step->pairs = parse_pairs(p, "the event");
}

/* "expect" ( "no" "more" "alerts" | ( "alert" [ "of" IDENT ] | "resolved" | "escalated" ) "at" DURATION [ pairs ] ) */
static void step_expect(egret_parser *p, ast_step *step)
{
    static const char *const WORDS[] = { "alert", "resolved", "escalated", "no" };
    egret_token got = p->tok[0];
    if (parse_accept_word(p, "no")) {
        step->kind = AST_EXPECT_NO_MORE;
        parse_expect_word(p, "more", "after 'expect no'");
        parse_expect_word(p, "alerts", "after 'expect no more'");
        return;
    }
    if (parse_accept_word(p, "alert")) {
        step->kind = AST_EXPECT_ALERT;
        if (parse_accept_word(p, "of"))
            step->name = parse_name(p, "the name of a rule");
    } else if (parse_accept_word(p, "resolved")) {
        step->kind = AST_EXPECT_RESOLVED;
    } else if (parse_accept_word(p, "escalated")) {
        step->kind = AST_EXPECT_ESCALATED;
    } else {
        egret_diag *diag = parse_fail_expected(p, "'alert', 'resolved', 'escalated' or 'no more alerts'", "after 'expect'");
        parse_help_nearest(p, diag, got, WORDS, 4);
        if (diag != NULL && diag->help == NULL)
            parse_help(p, diag, "write: expect alert at 5m, or: expect no more alerts");
        return;
    }
    parse_expect_word(p, "at", "before the time that is expected");
    step_time(p, &step->at_ms, &step->at_span, "the time after 'at'");
    if (parse_at(p, TOK_LBRACE))
        step->pairs = parse_pairs(p, "the expected fields");
}

/* step = start | given | at | expect */
static ast_step *parse_step(egret_parser *p)
{
    static void (*const STEPS[])(egret_parser *, ast_step *) = { step_start, step_given, step_at, step_expect };
    for (size_t i = 0; i < parse_n_step_words; i++) {
        if (!parse_at_word(p, parse_step_words[i]))
            continue;
        ast_step *step = parse_node(p, sizeof *step);
        step->span = p->tok[0].span;
        parse_keyword(p);
        STEPS[i](p, step);
        step->span.end = p->prev.span.end;
        return step;
    }
    egret_token got = p->tok[0];
    egret_str word = parse_text(p, &got);
    if (got.kind != TOK_IDENT) {
        parse_help(p, parse_fail_expected(p, "a step of the test or '}'", NULL), "the steps are: start, given, at, expect");
        return NULL;
    }
    bool event = parse_next_is(p, TOK_LBRACE);
    egret_diag *diag = parse_fail(p, 215, got.span, "unknown step '%.*s' of a test", (int)word.len, word.ptr);
    if (event)
        parse_help(p, diag, "an event begins with its time: at 5m %.*s { … }", (int)word.len, word.ptr);
    else if (egret_diag_nearest(word, parse_step_words, parse_n_step_words) != NULL)
        parse_help_nearest(p, diag, got, parse_step_words, parse_n_step_words);
    else
        parse_help(p, diag, "the steps are: start, given, at, expect");
    return NULL;
}

/* test = "test" IDENT [ STRING ] "{" { step } "}" */
void parse_test(egret_parser *p, ast_decl *decl)
{
    decl->name = parse_name(p, "the name of the rule that is tested");
    if (parse_at(p, TOK_STRING))
        decl->u.test.text = parse_quoted(p, "a text");
    egret_span open = p->tok[0].span;
    if (!parse_expect(p, TOK_LBRACE, "before the steps of the test"))
        return;
    const parse_landing steps = { parse_step_words, parse_n_step_words, p->braces };
    ast_step **tail = &decl->u.test.steps;
    bool fell = false;
    while (!parse_at(p, TOK_RBRACE) && !parse_at_eof(p) && !parse_at_decl(p)) {
        ast_step *step = parse_step(p);
        if (step != NULL) {
            *tail = step;
            tail = &step->next;
        }
        fell = p->panic;
        parse_recover(p, &steps);
    }
    if (!fell || parse_at(p, TOK_RBRACE))
        parse_close(p, TOK_RBRACE, open, "the test");
}
