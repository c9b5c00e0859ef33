/*
 * format_rule.c: the layout of rules and tests: one clause a line, blocks in one line when the writer put them so and
 * they fit.
 */
#include "compiler/format_internal.h"

/* ---- clauses ---- */

/* Does the word `within` of a sequence begin a line? The tree has the place of its duration only. */
static bool within_begins_line(const egret_formatter *f, const ast_seq *seq)
{
    uint32_t at = seq->within.span.start;
    while (at > 0 && (f->text[at - 1] == ' ' || f->text[at - 1] == '\t'))
        at--;
    return at >= 6 && fmt_begins_line(f, at - 6);
}

/* A pattern of several steps: below the word, one a line, when it is written so or does not fit. */
static void clause_match(egret_formatter *f, const ast_clause *c)
{
    const ast_seq *seq = c->seq;
    const ast_choice *second = seq->choices->next;
    doc_open(&f->doc);
    doc_open(&f->doc);
    doc_word(&f->doc, "match");
    fmt_comments(f, seq->span.start);
    bool below = false;
    for (const ast_choice *choice = second; choice != NULL; choice = choice->next)
        below |= fmt_begins_line(f, choice->link_span.start);
    if (below)
        doc_newline(&f->doc, DOC_INDENT);
    else if (second != NULL)
        doc_break(&f->doc, " ", DOC_INDENT);
    else
        doc_word(&f->doc, " ");
    fmt_choices(f, seq->choices);
    doc_close(&f->doc);
    if (seq->within.span.end != 0) {
        fmt_break(f, seq->within.span.start, 0);
        if (within_begins_line(f, seq))
            doc_must_break(&f->doc);
        doc_word(&f->doc, "within ");
        fmt_dur(f, &seq->within);
    }
    doc_close(&f->doc);
}

static void put_for(egret_formatter *f, const ast_clause *c)
{
    fmt_expr(f, c->expr);
    if (c->for_time == NULL)
        return;
    doc_word(&f->doc, " for ");
    fmt_expr(f, c->for_time);
}

static void clause_unless(egret_formatter *f, const ast_clause *c)
{
    fmt_watch(f, c->watch);
    if (c->name.str.len == 0)
        return;
    doc_word(&f->doc, " after ");
    fmt_name(f, c->name);
}

static void clause_skip(egret_formatter *f, const ast_clause *c)
{
    static const char *const SKIPS[] = { "no skip", "skip past last", "skip to next", "skip to first ", "skip to last " };
    doc_word(&f->doc, SKIPS[c->skip]);
    fmt_name(f, c->name);
}

static void clause_escalate(egret_formatter *f, const ast_clause *c)
{
    fmt_name(f, c->name);
    if (c->dur.span.end != 0) {
        doc_word(&f->doc, " within ");
        fmt_dur(f, &c->dur);
    }
    doc_word(&f->doc, " on ");
    fmt_watch(f, c->watch);
}

static void put_names(egret_formatter *f, const ast_strings *strings)
{
    doc_open(&f->doc);
    for (const ast_strings *s = strings; s != NULL; s = s->next) {
        if (s != strings)
            fmt_fill(f, s->value.span.start, DOC_CONTINUE);
        fmt_name(f, s->value);
        if (s->next != NULL)
            doc_word(&f->doc, ",");
    }
    doc_close(&f->doc);
}

static void put_clause_body(egret_formatter *f, const ast_clause *c)
{
    switch (c->kind) {
    case AST_MATCH: clause_match(f, c); return;
    case AST_WATCH: fmt_watch(f, c->watch); return;
    case AST_BY: fmt_keys(f, &c->keys); return;
    case AST_OVER: fmt_window(f, c->window); return;
    case AST_WITHIN:
    case AST_IDLE:
    case AST_REPEAT:
    case AST_WARM_UP: fmt_dur(f, &c->dur); return;
    case AST_LET:
        fmt_name(f, c->name);
        doc_word(&f->doc, " = ");
        fmt_expr(f, c->expr);
        return;
    case AST_WHEN:
    case AST_RESOLVE_WHEN: put_for(f, c); return;
    case AST_EARLY: return;
    case AST_UNLESS: clause_unless(f, c); return;
    case AST_EXCEPT:
    case AST_SEVERITY: fmt_expr(f, c->expr); return;
    case AST_AFTER_MATCH: clause_skip(f, c); return;
    case AST_TAGS:
    case AST_ACTIVE:
    case AST_TO: put_names(f, c->strings); return;
    case AST_ALERT:
    case AST_SIGNAL:
    case AST_ON_TIMEOUT:
    case AST_LIMITS: fmt_pairs(f, c->pairs, c->span.end); return;
    case AST_THROTTLE:
        fmt_dur(f, &c->dur);
        if (c->expr != NULL) {
            doc_word(&f->doc, " per ");
            fmt_expr(f, c->expr);
        }
        return;
    case AST_RESOLVE_ON: fmt_watch(f, c->watch); return;
    case AST_ESCALATE: clause_escalate(f, c); return;
    case AST_MODE: fmt_name(f, c->name); return;
    }
}

static void put_clause(egret_formatter *f, const ast_clause *c)
{
    static const char *const WORDS[] = {
        [AST_MATCH] = "", [AST_WATCH] = "watch ", [AST_BY] = "by ", [AST_OVER] = "over ", [AST_WITHIN] = "within ",
        [AST_IDLE] = "idle ", [AST_LET] = "let ", [AST_WHEN] = "when ", [AST_EARLY] = "early", [AST_UNLESS] = "unless ",
        [AST_EXCEPT] = "except ", [AST_AFTER_MATCH] = "after match ", [AST_SEVERITY] = "severity ", [AST_TAGS] = "tags ",
        [AST_ALERT] = "alert ", [AST_SIGNAL] = "signal ", [AST_ON_TIMEOUT] = "on timeout alert ",
        [AST_THROTTLE] = "throttle ", [AST_RESOLVE_WHEN] = "resolve when ", [AST_RESOLVE_ON] = "resolve on ",
        [AST_ESCALATE] = "escalate ", [AST_REPEAT] = "repeat ", [AST_ACTIVE] = "active ", [AST_MODE] = "mode ",
        [AST_WARM_UP] = "warm up ", [AST_LIMITS] = "limits ", [AST_TO] = "to ",
    };
    doc_word(&f->doc, WORDS[c->kind]);
    put_clause_body(f, c);
}

/* word name "text" { */
static void put_head(egret_formatter *f, const char *word, const ast_decl *decl, ast_name text)
{
    doc_word(&f->doc, word);
    fmt_name(f, decl->name);
    if (text.span.end != 0) {
        doc_word(&f->doc, " ");
        fmt_name(f, text);
    }
    doc_word(&f->doc, " {");
}

void fmt_rule(egret_formatter *f, const ast_decl *decl)
{
    doc_open(&f->doc);
    put_head(f, "rule ", decl, decl->u.rule.text);
    for (const ast_clause *c = decl->u.rule.clauses; c != NULL; c = c->next) {
        if (c == decl->u.rule.clauses)
            fmt_first_break(f, c->span.start, NULL, DOC_INDENT);
        else
            fmt_entry_break(f, c->span.start, DOC_INDENT);
        put_clause(f, c);
    }
    fmt_close_break(f, decl->span.end - 1, NULL, DOC_INDENT);
    doc_word(&f->doc, "}");
    doc_close(&f->doc);
}

/* ---- tests ---- */

static void put_at(egret_formatter *f, const ast_step *step)
{
    doc_word(&f->doc, "at ");
    doc_text(&f->doc, fmt_raw(f, step->at_span));
    if (step->repeated) {
        doc_word(&f->doc, " every ");
        doc_text(&f->doc, fmt_raw(f, step->every_span));
        doc_word(&f->doc, " ");
        fmt_int(f, step->times);
        doc_word(&f->doc, " times");
    }
    doc_word(&f->doc, " ");
    if (step->kind == AST_AT_NOTHING) {
        doc_word(&f->doc, "nothing");
        return;
    }
    fmt_name(f, step->name);
    doc_word(&f->doc, " ");
    fmt_pairs(f, step->pairs, step->span.end);
}

static void put_expect(egret_formatter *f, const ast_step *step)
{
    doc_word(&f->doc, step->kind == AST_EXPECT_ALERT      ? "expect alert "
                      : step->kind == AST_EXPECT_RESOLVED ? "expect resolved "
                                                          : "expect escalated ");
    if (step->name.str.len > 0) {
        doc_word(&f->doc, "of ");
        fmt_name(f, step->name);
        doc_word(&f->doc, " ");
    }
    doc_word(&f->doc, "at ");
    doc_text(&f->doc, fmt_raw(f, step->at_span));
    if (step->pairs != NULL || f->text[step->span.end - 1] == '}') {
        doc_word(&f->doc, " ");
        fmt_pairs(f, step->pairs, step->span.end);
    }
}

static void put_step(egret_formatter *f, const ast_step *step)
{
    switch (step->kind) {
    case AST_START:
        doc_word(&f->doc, "start ");
        put_names(f, step->strings);
        return;
    case AST_GIVEN_ITEMS:
    case AST_GIVEN_ROW:
        doc_word(&f->doc, "given ");
        fmt_name(f, step->name);
        doc_word(&f->doc, step->kind == AST_GIVEN_ITEMS ? ": " : " ");
        if (step->kind == AST_GIVEN_ITEMS)
            put_names(f, step->strings);
        else
            fmt_pairs(f, step->pairs, step->span.end);
        return;
    case AST_AT:
    case AST_AT_NOTHING:
        put_at(f, step);
        return;
    case AST_EXPECT_NO_MORE:
        doc_word(&f->doc, "expect no more alerts");
        return;
    case AST_EXPECT_ALERT:
    case AST_EXPECT_RESOLVED:
    case AST_EXPECT_ESCALATED:
        put_expect(f, step);
        return;
    }
}

void fmt_test(egret_formatter *f, const ast_decl *decl)
{
    doc_open(&f->doc);
    put_head(f, "test ", decl, decl->u.test.text);
    for (const ast_step *step = decl->u.test.steps; step != NULL; step = step->next) {
        if (step == decl->u.test.steps)
            fmt_first_break(f, step->span.start, NULL, DOC_INDENT);
        else
            fmt_entry_break(f, step->span.start, DOC_INDENT);
        put_step(f, step);
    }
    fmt_close_break(f, decl->span.end - 1, NULL, DOC_INDENT);
    doc_word(&f->doc, "}");
    doc_close(&f->doc);
}
