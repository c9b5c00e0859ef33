/*
 * lower_text.c: texts of alert fields: "{count(fail)} failures for {user}" becomes a concatenation of constants and expressions.
 *
 * The expressions stand in the source text of the string, so they are parsed there and their errors point into it. Inside, \" begins and
 * ends a string, as the text around is in quotes itself. {{ and }} are braces.
 */
#include "compiler/check.h"
#include "compiler/lex.h"

#include <string.h>

typedef struct text_ctx {
    const char *text;           /* the whole source */
    uint32_t source, at, end;   /* what is left of the string's body */
    char *literal;              /* unescaped text since the last expression */
    uint32_t n_literal;
    uint32_t *parts, n_parts;
    bool bad;
} text_ctx;

static void put_literal(check *c, text_ctx *t, uint32_t start, uint32_t end)
{
    egret_str piece = egret_string_unescape(c->arena, (egret_str){ t->text + start, end - start });
    if (piece.len != 0 && piece.ptr != NULL)
        memcpy(t->literal + t->n_literal, piece.ptr, piece.len);
    t->n_literal += piece.ptr != NULL ? piece.len : 0;
}

static void put_part(check *c, text_ctx *t, uint32_t expr)
{
    t->parts = check_grow(c, t->parts, t->n_parts, sizeof *t->parts);
    t->parts[t->n_parts++] = expr;
}

static void flush(check *c, text_ctx *t)
{
    if (t->n_literal == 0)
        return;
    char *copy = check_alloc(c, t->n_literal);
    memcpy(copy, t->literal, t->n_literal);
    put_part(c, t, intern_value(c, egret_string(copy, t->n_literal)));
    t->n_literal = 0;
}

/* From behind '{' to the '}' that ends the expression; the end of the string when there is none. */
static uint32_t find_end(const text_ctx *t, uint32_t at)
{
    bool string = false;
    for (; at < t->end; at++) {
        if (t->text[at] == '\\') {
            string = at + 1 < t->end && t->text[at + 1] == '"' ? !string : string;
            at++;
        } else if (t->text[at] == '}' && !string) {
            return at;
        }
    }
    return t->end;
}

static void put_expr(check *c, const scope *s, text_ctx *t)
{
    uint32_t start = t->at + 1, end = find_end(t, start);
    egret_span span = { t->source, start, end };
    t->at = end + 1;
    if (end >= t->end) {
        egret_diag *diag = check_error(c, 520, (egret_span){ t->source, start - 1, start }, "this '{' has no '}'");
        check_help(c, diag, "a brace itself is written {{");
        t->bad = true;
        t->at = t->end;
        return;
    }
    uint32_t first = start;
    while (first < end && (t->text[first] == ' ' || t->text[first] == '\t' || t->text[first] == '\n'))
        first++;
    if (first == end) {
        check_error(c, 520, (egret_span){ t->source, start - 1, end + 1 }, "no expression between the braces");
        t->bad = true;
        return;
    }
    const ast_expr *tree = egret_parse_expr(c->diags, span);
    if (c->arena->failed)
        longjmp(c->no_memory, 1);
    typed value = tree == NULL ? typed_bad() : check_settle(c, check_expr(c, s, tree));
    t->bad = t->bad || typed_is_bad(value);
    if (!typed_is_bad(value))
        put_part(c, t, value.expr);
}

static void put_brace(check *c, text_ctx *t, char brace)
{
    bool twice = t->at + 1 < t->end && t->text[t->at + 1] == brace;
    if (!twice) {
        egret_diag *diag = check_error(c, 520, (egret_span){ t->source, t->at, t->at + 1 }, "this '%c' has no '{'", brace);
        check_help(c, diag, "a brace itself is written }}");
        t->bad = true;
        t->at++;
        return;
    }
    t->literal[t->n_literal++] = brace;
    t->at += 2;
}

static void walk(check *c, const scope *s, text_ctx *t)
{
    uint32_t start = t->at;
    while (t->at < t->end) {
        char ch = t->text[t->at];
        if (ch != '{' && ch != '}') {
            t->at += ch == '\\' && t->at + 1 < t->end ? 2 : 1;
            continue;
        }
        put_literal(c, t, start, t->at);
        bool literal = ch == '}' || (t->at + 1 < t->end && t->text[t->at + 1] == '{');
        if (literal) {
            put_brace(c, t, ch);
        } else {
            flush(c, t);
            put_expr(c, s, t);
        }
        start = t->at;
    }
    put_literal(c, t, start, t->end);
    flush(c, t);
}

typed lower_text(check *c, const scope *s, const ast_expr *e)
{
    const egret_source *source = &c->diags->sources[e->span.source];
    text_ctx t = { .text = source->text, .source = e->span.source, .at = e->span.start, .end = e->span.end };
    /* The span may have round brackets around the string. */
    while (t.at < t.end && t.text[t.at] != '"')
        t.at++;
    while (t.end > t.at + 1 && t.text[t.end - 1] != '"')
        t.end--;
    t.at++;
    t.end = t.end > t.at ? t.end - 1 : t.at;
    t.literal = check_alloc(c, t.end - t.at);
    scope inner = *s;
    inner.texts = false;
    walk(c, &inner, &t);
    if (t.bad)
        return typed_bad();
    if (t.n_parts == 0)
        return typed_value(c, egret_string("", 0));
    if (t.n_parts == 1 && c->plan->exprs[t.parts[0]].op == PLAN_CONST && c->plan->exprs[t.parts[0]].type == EGRET_STRING)
        return typed_of(c, t.parts[0]);
    return typed_of(c, intern_expr(c, (plan_expr){ .op = PLAN_CONCAT, .type = EGRET_STRING }, t.parts, t.n_parts));
}
