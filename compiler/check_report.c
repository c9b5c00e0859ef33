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

static egret_diag *report(check *c, egret_severity_level level, uint16_t code, egret_span span, const char *format, va_list ap)
{
    if (said(c, code, span))
        return NULL;
    char text[1024];
    vsnprintf(text, sizeof text, format, ap);
    return egret_diag_add(c->diags, level, code, span, "%s", text);
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

void check_refuse(check *c, uint16_t code, egret_span span, const char *what)
{
    check_error(c, code, span, "parsed, but not evaluated yet: %s", what);
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
