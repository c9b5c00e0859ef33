/*
 * format_doc.h: a small pretty printer: text with places where a line may break, in nested groups.
 *
 * A group is laid out on one line when it fits, else all of its own breaks become newlines; groups inside decide for
 * themselves. Comments are part of the document; a comment breaks every group around it.
 */
#ifndef EGRET_COMPILER_FORMAT_DOC_H
#define EGRET_COMPILER_FORMAT_DOC_H

#include "compiler/text.h"

enum { DOC_WIDTH = 110, DOC_INDENT = 2, DOC_CONTINUE = 4 };

typedef struct doc_op doc_op;

typedef struct egret_doc {
    egret_mem mem;
    doc_op *ops;            /* owned */
    size_t n, capacity;
    bool failed;
    egret_text *out;
    /* where the printer stands */
    uint32_t column;        /* in code points */
    uint32_t line_indent;   /* blanks at the beginning of the current line */
    bool after_comment;     /* a newline must come before any text */
} egret_doc;

void doc_init(egret_doc *doc, egret_mem mem, egret_text *out);
void doc_deinit(egret_doc *doc);

void doc_text(egret_doc *doc, egret_str str);       /* borrowed until doc_flush */
void doc_word(egret_doc *doc, const char *literal);
void doc_open(egret_doc *doc);
void doc_close(egret_doc *doc);
/* A place for a newline; indent counts from the beginning of the line the group was opened on. `flat` is written when the group
 * stays on one line. */
void doc_break(egret_doc *doc, const char *flat, uint32_t indent);
/* A place for a newline in a list: of a group that does not fit, each such place decides for itself, so lines are filled. */
void doc_fill(egret_doc *doc, const char *flat, uint32_t indent);
/* A newline in any case. */
void doc_newline(egret_doc *doc, uint32_t indent);
/* Breaks all groups that are open here. */
void doc_must_break(egret_doc *doc);
void doc_blank_line(egret_doc *doc);                /* an empty line before the next newline's text */
void doc_own_comment(egret_doc *doc, egret_str str);        /* at the start of a line; a newline must follow */
void doc_trailing_comment(egret_doc *doc, egret_str str);   /* behind the text of a line; a newline must follow */
bool doc_ends_with_comment(const egret_doc *doc);
/* Lays out what was put so far, writes it, and empties the document. All groups must be closed. */
void doc_flush(egret_doc *doc);

#endif
