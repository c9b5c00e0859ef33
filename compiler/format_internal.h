/*
 * format_internal.h: what the parts of the formatter (format.c, format_rule.c, format_expr.c) share.
 *
 * Every part appends to one document. Places of the source are passed to the functions about comments: each writes the
 * comments that stand before that place and were not written yet, so none is lost whatever the layout does.
 */
#ifndef EGRET_COMPILER_FORMAT_INTERNAL_H
#define EGRET_COMPILER_FORMAT_INTERNAL_H

#include "compiler/ast.h"
#include "compiler/format_doc.h"

typedef struct fmt_comment {
    egret_span span;
    bool starts_line;
} fmt_comment;

typedef struct egret_formatter {
    egret_diags *diags;
    const char *text;       /* the source */
    uint32_t source;
    egret_doc doc;
    fmt_comment *comments;  /* in the arena, in order */
    uint32_t n_comments, next_comment;
} egret_formatter;

/* The text of a span as it stands in the source. */
egret_str fmt_raw(const egret_formatter *f, egret_span span);
void fmt_int(egret_formatter *f, int64_t value);
void fmt_name(egret_formatter *f, ast_name name);     /* as written, with quotes where it has them */
void fmt_dur(egret_formatter *f, const ast_dur *dur);

/* Comments before `at`, written in the middle of a line, which then ends. */
void fmt_comments(egret_formatter *f, uint32_t at);
/* A blank or a newline before a part of a clause that begins at `at`, with the comments before it. */
void fmt_break(egret_formatter *f, uint32_t at, uint32_t indent);
void fmt_fill(egret_formatter *f, uint32_t at, uint32_t indent);    /* the same in a list that fills its lines */
/* A break between two entries of a list, the next one beginning at `at`; keeps comments, and an empty line of the source. */
void fmt_entry_break(egret_formatter *f, uint32_t at, uint32_t indent);
/* The same before the first entry: an empty line is not kept. `flat` is what stands there on one line. */
void fmt_first_break(egret_formatter *f, uint32_t at, const char *flat, uint32_t indent);
/* The break before a closing brace that stands before `at`; comments in front of it belong into the block. */
void fmt_close_break(egret_formatter *f, uint32_t at, const char *flat, uint32_t indent);
/* Did the writer begin a line at `at`? Did he leave a line empty before it? */
bool fmt_begins_line(const egret_formatter *f, uint32_t at);
bool fmt_after_empty_line(const egret_formatter *f, uint32_t at);
/* Each writes one symbol of the grammar. */
void fmt_expr(egret_formatter *f, const ast_expr *e);
void fmt_window(egret_formatter *f, const ast_window *w);
void fmt_watch(egret_formatter *f, const ast_atom *atom);
void fmt_seq(egret_formatter *f, const ast_seq *seq);
/* The steps of a sequence, with a break before each but the first. */
void fmt_choices(egret_formatter *f, const ast_choice *choices);
void fmt_keys(egret_formatter *f, const ast_keys *keys);
/* "{ a: x  b: y }", or one a line when the writer did so or it does not fit. `end` is where the block's text ends. */
void fmt_pairs(egret_formatter *f, const ast_pair *pairs, uint32_t end);

void fmt_rule(egret_formatter *f, const ast_decl *decl);
void fmt_test(egret_formatter *f, const ast_decl *decl);

#endif
