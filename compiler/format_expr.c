/*
 * format_expr.c: the layout of expressions, patterns and keys.
 *
 * Brackets stand where the writer put them (the tree remembers), so no precedence is worked out here. A chain
 * `a and b and c` is one group: when it does not fit, every operand gets a line. Deeper groups break only when their
 * own line is too long.
 */
#include "compiler/format_internal.h"

static const char *const OPERATORS[] = {
    [AST_ADD] = "+ ", [AST_SUB] = "- ", [AST_MUL] = "* ", [AST_DIV] = "/ ", [AST_MOD] = "% ", [AST_EQ] = "== ",
    [AST_NE] = "!= ", [AST_LT] = "< ", [AST_LE] = "<= ", [AST_GT] = "> ", [AST_GE] = ">= ", [AST_AND] = "and ",
    [AST_OR] = "or ", [AST_LIKE] = "like ", [AST_MATCHES] = "matches ",
};

static void put_bare(egret_formatter *f, const ast_expr *e);

void fmt_expr(egret_formatter *f, const ast_expr *e)
{
    fmt_comments(f, e->span.start);
    if (!e->bracketed) {
        put_bare(f, e);
        return;
    }
    doc_word(&f->doc, "(");
    put_bare(f, e);
    doc_word(&f->doc, ")");
}

/* e { "," e } with a break after each comma */
static void put_list(egret_formatter *f, const ast_expr *e)
{
    for (const ast_expr *first = e; e != NULL; e = e->next) {
        if (e != first) {
            doc_word(&f->doc, ",");
            fmt_fill(f, e->span.start, DOC_CONTINUE);
        }
        fmt_expr(f, e);
    }
}

/* A break, if something stands before it, and a word. */
static void put_tail(egret_formatter *f, bool first, const char *word, uint32_t at)
{
    if (!first)
        fmt_break(f, at, DOC_CONTINUE);
    doc_word(&f->doc, word);
}

static void put_call(egret_formatter *f, const ast_expr *e)
{
    fmt_name(f, e->name);
    doc_word(&f->doc, "(");
    doc_open(&f->doc);
    put_list(f, e->args);
    bool first = e->args == NULL;
    if (e->where != NULL) {
        put_tail(f, first, "where ", e->where->span.start);
        fmt_expr(f, e->where);
        first = false;
    }
    if (e->tail->over.kind != AST_WINDOW_NONE) {
        put_tail(f, first, "over ", e->tail->over.span.start);
        fmt_window(f, &e->tail->over);
        first = false;
    }
    if (e->tail->before.str.len > 0) {
        put_tail(f, first, "before ", e->tail->before.span.start);
        fmt_name(f, e->tail->before);
    }
    doc_close(&f->doc);
    doc_word(&f->doc, ")");
}

/* Is e the left part of a chain of the operator kind, and not in brackets of its own? */
static bool continues(const ast_expr *e, ast_expr_kind kind)
{
    return e->kind == kind && !e->bracketed;
}

/* The operands of a chain, each but the first behind a break and the operator. */
static void put_chain(egret_formatter *f, const ast_expr *e)
{
    if (continues(e->a, e->kind))
        put_chain(f, e->a);
    else
        fmt_expr(f, e->a);
    fmt_break(f, e->b->span.start, DOC_CONTINUE);
    if (e->negated)
        doc_word(&f->doc, "not ");
    doc_word(&f->doc, OPERATORS[e->kind]);
    fmt_expr(f, e->b);
}

static void put_in(egret_formatter *f, const ast_expr *e)
{
    fmt_expr(f, e->a);
    doc_word(&f->doc, e->negated ? " not in " : " in ");
    if (e->has_list) {
        doc_word(&f->doc, "(");
        put_list(f, e->args);
        doc_word(&f->doc, ")");
    } else {
        fmt_expr(f, e->b);
    }
}

static void put_index(egret_formatter *f, const ast_expr *e)
{
    fmt_expr(f, e->a);
    doc_word(&f->doc, "[");
    doc_open(&f->doc);
    put_list(f, e->args);
    doc_close(&f->doc);
    doc_word(&f->doc, "]");
}

static void put_operators(egret_formatter *f, const ast_expr *e)
{
    switch ((int)e->kind) {
    case AST_NEG:
        doc_word(&f->doc, "-");
        fmt_expr(f, e->a);
        return;
    case AST_NOT:
        doc_word(&f->doc, "not ");
        fmt_expr(f, e->a);
        return;
    case AST_IN:
        doc_open(&f->doc);
        put_in(f, e);
        doc_close(&f->doc);
        return;
    case AST_IS_NULL:
        fmt_expr(f, e->a);
        doc_word(&f->doc, e->negated ? " is not null" : " is null");
        return;
    default:
        doc_open(&f->doc);
        put_chain(f, e);
        doc_close(&f->doc);
    }
}

static void put_bare(egret_formatter *f, const ast_expr *e)
{
    switch ((int)e->kind) {
    case AST_INT:
    case AST_FLOAT:
    case AST_DURATION:
        doc_text(&f->doc, e->text);
        return;
    case AST_STRING:
        doc_text(&f->doc, fmt_raw(f, e->span));
        return;
    case AST_REGEX:
        doc_word(&f->doc, "r\"");
        doc_text(&f->doc, e->text);
        doc_word(&f->doc, "\"");
        return;
    case AST_TRUE:
        doc_word(&f->doc, "true");
        return;
    case AST_FALSE:
        doc_word(&f->doc, "false");
        return;
    case AST_NULL:
        doc_word(&f->doc, "null");
        return;
    case AST_NAME:
        fmt_name(f, e->name);
        return;
    case AST_CALL:
        put_call(f, e);
        return;
    case AST_MEMBER:
        fmt_expr(f, e->a);
        doc_word(&f->doc, ".");
        fmt_name(f, e->name);
        return;
    case AST_INDEX:
        put_index(f, e);
        return;
    default:
        put_operators(f, e);
    }
}

void fmt_window(egret_formatter *f, const ast_window *w)
{
    static const char *const WORDS[] = { "", "", "tumbling ", "hopping ", "session ", "last ", "ever" };
    doc_word(&f->doc, WORDS[w->kind]);
    if (w->kind == AST_LAST)
        fmt_int(f, w->last);
    else if (w->kind != AST_EVER)
        fmt_dur(f, &w->size);
    if (w->kind == AST_HOPPING) {
        doc_word(&f->doc, " every ");
        fmt_dur(f, &w->every);
    }
    if (w->zone.span.end != 0) {
        doc_word(&f->doc, " in ");
        fmt_name(f, w->zone);
    }
}

/* ---- keys and watched streams ---- */

void fmt_keys(egret_formatter *f, const ast_keys *keys)
{
    doc_open(&f->doc);
    for (const ast_key *key = keys->first; key != NULL; key = key->next) {
        if (key != keys->first)
            fmt_fill(f, key->name.span.start, DOC_CONTINUE);
        fmt_name(f, key->name);
        for (const ast_expr *e = key->exprs; e != NULL; e = e->next) {
            if (e != key->exprs)
                fmt_fill(f, e->span.start, DOC_CONTINUE);
            doc_word(&f->doc, e == key->exprs ? " = " : "| ");
            fmt_expr(f, e);
        }
        if (key->next != NULL)
            doc_word(&f->doc, ",");
    }
    if (keys->table.str.len > 0) {
        doc_word(&f->doc, " in ");
        fmt_name(f, keys->table);
    }
    doc_close(&f->doc);
}

static void put_cond(egret_formatter *f, const ast_expr *cond)
{
    if (cond == NULL)
        return;
    doc_word(&f->doc, " [");
    fmt_expr(f, cond);
    doc_word(&f->doc, "]");
}

void fmt_watch(egret_formatter *f, const ast_atom *atom)
{
    doc_open(&f->doc);
    for (const ast_atom *first = atom; atom != NULL; atom = atom->next) {
        if (atom == first)
            fmt_comments(f, atom->span.start);
        else
            fmt_break(f, atom->span.start, DOC_CONTINUE);
        doc_word(&f->doc, atom == first ? "" : "| ");
        if (atom->label.str.len > 0) {
            fmt_name(f, atom->label);
            doc_word(&f->doc, ": ");
        }
        fmt_name(f, atom->stream);
        put_cond(f, atom->cond);
    }
    doc_close(&f->doc);
}

/* ---- sequences ---- */

static void put_quant(egret_formatter *f, const ast_quant *q)
{
    static const char *const SIGNS[] = { "", " {", "?", "+", "*" };
    doc_word(&f->doc, SIGNS[q->kind]);
    if (q->kind == AST_QUANT_NONE)
        return;
    if (q->kind == AST_QUANT_BRACES) {
        fmt_int(f, q->min);
        doc_word(&f->doc, q->has_comma ? "," : "");
        if (q->has_comma && q->max >= 0)
            fmt_int(f, q->max);
        doc_word(&f->doc, "}");
    }
    doc_word(&f->doc, q->strict ? " strict" : "");
    doc_word(&f->doc, q->any ? " any" : "");
    doc_word(&f->doc, q->greedy ? " greedy" : "");
    if (q->until_cond == NULL && q->until_stream.str.len == 0)
        return;
    doc_word(&f->doc, " until");
    if (q->until_stream.str.len > 0) {
        doc_word(&f->doc, " ");
        fmt_name(f, q->until_stream);
    }
    put_cond(f, q->until_cond);
}

static void put_any_of(egret_formatter *f, const ast_item *item)
{
    doc_word(&f->doc, "any ");
    fmt_int(f, item->any_n);
    doc_word(&f->doc, " of (");
    doc_open(&f->doc);
    for (const ast_seq *seq = item->group; seq != NULL; seq = seq->next_seq) {
        if (seq != item->group)
            fmt_break(f, seq->span.start, DOC_CONTINUE);
        fmt_seq(f, seq);
        if (seq->next_seq != NULL)
            doc_word(&f->doc, ",");
    }
    doc_close(&f->doc);
    doc_word(&f->doc, ")");
}

static void put_item(egret_formatter *f, const ast_item *item)
{
    switch (item->kind) {
    case AST_ITEM_WATCH:
        fmt_watch(f, item->watch);
        break;
    case AST_ITEM_GROUP:
        doc_word(&f->doc, "(");
        fmt_seq(f, item->group);
        doc_word(&f->doc, ")");
        break;
    case AST_ITEM_NOT:
        doc_word(&f->doc, "not ");
        fmt_watch(f, item->watch);
        if (item->for_time != NULL) {
            doc_word(&f->doc, " for ");
            fmt_expr(f, item->for_time);
        }
        break;
    case AST_ITEM_ANY_OF:
        put_any_of(f, item);
        break;
    }
    put_quant(f, &item->quant);
}

static void put_choice(egret_formatter *f, const ast_choice *choice)
{
    static const char *const LINKS[] = { "", "then ", "then any ", "next " };
    static const char *const WORDS[] = { "", "or ", "and " };
    doc_word(&f->doc, LINKS[choice->link]);
    if (choice->link_within.span.end != 0) {
        doc_word(&f->doc, "within ");
        fmt_dur(f, &choice->link_within);
        doc_word(&f->doc, " ");
    }
    doc_open(&f->doc);
    for (const ast_item *item = choice->items; item != NULL; item = item->next) {
        if (item == choice->items) {
            fmt_comments(f, item->span.start);
        } else {
            fmt_break(f, item->span.start, DOC_CONTINUE);
            doc_word(&f->doc, WORDS[choice->kind]);
        }
        put_item(f, item);
    }
    doc_close(&f->doc);
}

void fmt_choices(egret_formatter *f, const ast_choice *choices)
{
    for (const ast_choice *choice = choices; choice != NULL; choice = choice->next) {
        if (choice != choices) {
            fmt_break(f, choice->link_span.start, DOC_INDENT);
        }
        put_choice(f, choice);
    }
}

void fmt_seq(egret_formatter *f, const ast_seq *seq)
{
    doc_open(&f->doc);
    fmt_choices(f, seq->choices);
    if (seq->within.span.end != 0) {
        fmt_break(f, seq->within.span.start, DOC_INDENT);
        doc_word(&f->doc, "within ");
        fmt_dur(f, &seq->within);
    }
    doc_close(&f->doc);
}
