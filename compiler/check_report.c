/*
 * check_report.c: what the checker says, said once.
 *
 * One place of the text may be looked at several times: a condition once for each key of a rule with two `by`, a define once for each
 * use, a condition over two streams once for each. What is said with the same code at the same place a second time is dropped here, so
 * nobody else has to think of it. The functions that add to a diagnostic take NULL (dropped) without a word.
 */
#include "compiler/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool said(const check *c, uint16_t code, egret_span span)
{
    for (const egret_diag *d = c->diags->first; d != NULL; d = d->next)
        if (d->code == code && d->span.source == span.source && d->span.start == span.start && d->span.end == span.end)
            return true;
    return false;
}

/* What to do, where whoever finds the mistake knows nothing better; a help given later takes its place. */
static const struct { uint16_t code; const char *help; } DEFAULTS[] = {
    { 304, "give it another name" },
    { 305, "leave one of the two out, or give it another name" },
    { 310, "make one of them of other things, so that the circle opens" },
    { 311, "declare it: sink desk: webhook { url: \"https://…\" }" },
    { 313, "a test bears the name of a rule in these files" },
    { 315, "a condition on an event may ask its fields, earlier steps, profiles, lists and tables" },
    { 316, "give the streams labels of their own, or make them steps of their own" },
    { 404, "what each function takes stands in the language reference, under Functions" },
    { 405, "turn one value into the other's type: to_string(x), to_number(x), to_int(x)" },
    { 411, "a bracket, point or star that means itself has a backslash before it" },
    { 418, "leave it out; what looks back in time is an aggregate: sum(x over 5m)" },
    { 501, "leave one of the two out, or write two rules" },
    { 503, "leave it out, or write the other kind of rule: 'match' for a sequence, 'watch' for a count" },
    { 504, "give one of them another label" },
    { 505, "a step is taken once, or {3,5} times; '?' makes it optional" },
    { 506, "ask for at least one: + for *, {1,} for {0,}" },
    { 511, "name a field of each stream: by who = a.user | b.account" },
    { 512, "let 'by' name the key columns of the table, in their order" },
    { 513, "write a time above 0 and at most 36525d" },
    { 519, "leave one of the two out" },
    { 520, "write an expression between the braces; a brace itself is written twice" },
    { 523, "write the label before the first stream: x: a | b" },
    { 524, "give the rule a session: over session 30m" },
    { 529, "give that rule a 'resolve', or leave this out" },
    { 550, "leave it out, or write 'alert' for 'signal'" },
    { 605, "compare it with values of one type" },
    { 606, "declare it without '?'" },
    { 611, "declare it without '?', or choose other columns" },
    { 703, "write a value of the type that is declared" },
    { 707, "write fewer times, or several such steps" },
    { 805, "leave the label out" },
    { 806, "leave it out" },
    { 820, "leave it out, or let that rule run" },
};

static const char *default_help(uint16_t code)
{
    for (size_t i = 0; i < sizeof DEFAULTS / sizeof DEFAULTS[0]; i++)
        if (DEFAULTS[i].code == code)
            return DEFAULTS[i].help;
    return NULL;
}

static egret_diag *report(check *c, egret_severity_level level, uint16_t code, egret_span span, const char *format, va_list ap)
{
    if (said(c, code, span))
        return NULL;
    char text[1024];
    vsnprintf(text, sizeof text, format, ap);
    egret_diag *diag = egret_diag_add(c->diags, level, code, span, "%s", text);
    const char *help = default_help(code);
    if (help != NULL)
        egret_diag_help(c->diags, diag, "%s", help);
    return diag;
}

egret_diag *check_error(check *c, uint16_t code, egret_span span, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    egret_diag *diag = report(c, EGRET_DIAG_ERROR, code, span, format, ap);
    va_end(ap);
    return diag;
}

egret_diag *check_warn(check *c, uint16_t code, egret_span span, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    egret_diag *diag = report(c, EGRET_DIAG_WARNING, code, span, format, ap);
    va_end(ap);
    return diag;
}

void check_help(check *c, egret_diag *diag, const char *format, ...)
{
    if (diag == NULL)
        return;
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    egret_diag_help(c->diags, diag, "%s", text);
}

void check_note(check *c, egret_diag *diag, egret_span span, const char *format, ...)
{
    if (diag == NULL)
        return;
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    egret_diag_note(c->diags, diag, span, "%s", text);
}

/* ---- suggestions ---- */

enum { MAX_NAMES = 2000, MAX_SHOWN = 8 };

void names_add(check *c, names *n, egret_str name)
{
    if (n->n >= MAX_NAMES || name.len == 0)
        return;
    for (uint32_t i = 0; i < n->n; i++)
        if (strlen(n->list[i]) == name.len && memcmp(n->list[i], name.ptr, name.len) == 0)
            return;
    egret_str copy = egret_arena_str(c->arena, name.ptr, name.len);
    if (copy.ptr == NULL)
        return;
    n->list = check_grow(c, n->list, n->n, sizeof *n->list);
    n->list[n->n++] = copy.ptr;
}

void names_add_symbols(check *c, names *n, ast_decl_kind kind)
{
    for (uint32_t i = 0; i < c->n_symbols; i++)
        if (c->symbols[i].decl->kind == kind)
            names_add(c, n, c->symbols[i].decl->name.str);
}

void names_add_fields(check *c, names *n, const plan_field *fields, uint32_t n_fields)
{
    for (uint32_t i = 0; i < n_fields; i++)
        names_add(c, n, fields[i].name);
}

void names_add_steps(check *c, names *n, const rule_ctx *rule)
{
    for (uint32_t i = 0; rule->pattern != NULL && i < rule->pattern->n_items; i++)
        names_add(c, n, rule->items[i].name);
}

bool check_suggest(check *c, egret_diag *diag, egret_str word, const names *n, const char *what)
{
    const char *near = egret_diag_nearest(word, n->list, n->n);
    if (near != NULL) {
        check_help(c, diag, "did you mean '%s'?", near);
        return true;
    }
    if (n->n == 0 || n->n > MAX_SHOWN)
        return false;
    char text[512];
    size_t at = 0;
    for (uint32_t i = 0; i < n->n && at < sizeof text; i++) {
        int put = snprintf(text + at, sizeof text - at, "%s%s", i == 0 ? "" : ", ", n->list[i]);
        at += put > 0 ? (size_t)put : 0;
    }
    check_help(c, diag, "%s: %s", what, text);
    return true;
}
