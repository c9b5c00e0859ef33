/*
 * format_doc.c: laying out a document of groups and breaks.
 *
 * The document is an array of operations. doc_flush runs over it twice. Backwards, it computes for each group how
 * wide it is on one line and for each place how much text follows before the next break; forwards, it decides group by group: flat
 * when the group and the text stuck to its end fit the line, else broken. Both passes are linear. (This is Oppen's
 * algorithm with the whole document in memory, which makes it short.)
 *
 * Newlines that must be and comments make a group infinitely wide, hence broken, and all groups around it.
 */
#include "compiler/format_doc.h"

#include <string.h>

typedef enum op_kind { OP_TEXT, OP_OPEN, OP_CLOSE, OP_BREAK, OP_FILL, OP_NEWLINE, OP_MUST_BREAK, OP_BLANK, OP_OWN_COMMENT, OP_TRAILING } op_kind;

struct doc_op {
    op_kind kind;
    egret_str text;     /* TEXT, comments; BREAK, FILL: what stands there when flat */
    uint32_t indent;    /* BREAK, FILL, NEWLINE; OPEN, while printing: of its line */
    uint32_t width;     /* OPEN: of the group on one line */
    uint32_t rest;      /* text from here to the next break */
    bool broken;        /* OPEN, while it is open */
    uint32_t outer;     /* OPEN: the group around it, while printing */
};

enum { INFINITE = 1000000 };

static const uint32_t NO_GROUP = UINT32_MAX;

void doc_init(egret_doc *doc, egret_mem mem, egret_text *out)
{
    *doc = (egret_doc){ .mem = mem, .out = out };
}

void doc_deinit(egret_doc *doc)
{
    egret_mem_free(doc->mem, doc->ops, doc->capacity * sizeof *doc->ops);
    doc->ops = NULL;
    doc->n = doc->capacity = 0;
}

static void add(egret_doc *doc, doc_op op)
{
    if (doc->failed)
        return;
    if (doc->n == doc->capacity) {
        size_t capacity = doc->capacity == 0 ? 256 : doc->capacity * 2;
        bool fits = capacity < NO_GROUP && capacity <= SIZE_MAX / sizeof op;
        doc_op *grown = !fits ? NULL
                              : egret_mem_grow(doc->mem, doc->ops, doc->capacity * sizeof op, capacity * sizeof op);
        if (grown == NULL) {
            doc->failed = true;
            return;
        }
        doc->ops = grown;
        doc->capacity = capacity;
    }
    doc->ops[doc->n++] = op;
}

void doc_text(egret_doc *doc, egret_str str)
{
    add(doc, (doc_op){ .kind = OP_TEXT, .text = str });
}

void doc_word(egret_doc *doc, const char *literal)
{
    doc_text(doc, (egret_str){ literal, (uint32_t)strlen(literal) });
}

void doc_open(egret_doc *doc)
{
    add(doc, (doc_op){ .kind = OP_OPEN });
}

void doc_close(egret_doc *doc)
{
    add(doc, (doc_op){ .kind = OP_CLOSE });
}

void doc_break(egret_doc *doc, const char *flat, uint32_t indent)
{
    add(doc, (doc_op){ .kind = OP_BREAK, .text = { flat, (uint32_t)strlen(flat) }, .indent = indent });
}

void doc_fill(egret_doc *doc, const char *flat, uint32_t indent)
{
    add(doc, (doc_op){ .kind = OP_FILL, .text = { flat, (uint32_t)strlen(flat) }, .indent = indent });
}

void doc_newline(egret_doc *doc, uint32_t indent)
{
    add(doc, (doc_op){ .kind = OP_NEWLINE, .indent = indent });
}

void doc_must_break(egret_doc *doc)
{
    add(doc, (doc_op){ .kind = OP_MUST_BREAK });
}

void doc_blank_line(egret_doc *doc)
{
    add(doc, (doc_op){ .kind = OP_BLANK });
}

void doc_own_comment(egret_doc *doc, egret_str str)
{
    add(doc, (doc_op){ .kind = OP_OWN_COMMENT, .text = str });
}

void doc_trailing_comment(egret_doc *doc, egret_str str)
{
    add(doc, (doc_op){ .kind = OP_TRAILING, .text = str });
}

bool doc_ends_with_comment(const egret_doc *doc)
{
    if (doc->n == 0)
        return doc->after_comment;
    op_kind kind = doc->ops[doc->n - 1].kind;
    return kind == OP_OWN_COMMENT || kind == OP_TRAILING;
}

/* ---- measuring ---- */

static uint32_t width_of(egret_str str)
{
    uint32_t width = 0;
    for (uint32_t i = 0; i < str.len; i++) {
        if (str.ptr[i] == '\n')
            return INFINITE;
        width += ((unsigned char)str.ptr[i] & 0xC0) != 0x80;
    }
    return width < INFINITE ? width : INFINITE;
}

static uint32_t sum_width(uint32_t a, uint32_t b)
{
    return a + b < INFINITE ? a + b : INFINITE;
}

static uint32_t op_width(const doc_op *op)
{
    switch (op->kind) {
    case OP_TEXT:
    case OP_BREAK:
    case OP_FILL:
        return width_of(op->text);
    case OP_NEWLINE:
    case OP_MUST_BREAK:
    case OP_OWN_COMMENT:
    case OP_TRAILING:
        return INFINITE;
    case OP_OPEN:
    case OP_CLOSE:
    case OP_BLANK:
        return 0;
    }
    return 0;
}

/* Fills `rest` of every operation, then `width` of every group. While it runs, `outer` links the open groups and
 * `width` of an open one is what has been seen of it. */
static void measure(egret_doc *doc)
{
    uint32_t rest = 0;
    for (size_t i = doc->n; i-- > 0;) {
        doc_op *op = &doc->ops[i];
        op->rest = rest;
        if (op->kind == OP_TEXT)
            rest = sum_width(rest, width_of(op->text));
        else if (op->kind != OP_OPEN && op->kind != OP_CLOSE && op->kind != OP_BLANK && op->kind != OP_MUST_BREAK)
            rest = 0;
    }
    uint32_t group = NO_GROUP;
    for (size_t i = 0; i < doc->n; i++) {
        doc_op *op = &doc->ops[i];
        if (op->kind == OP_OPEN) {
            op->width = 0;
            op->outer = group;
            group = (uint32_t)i;
        } else if (op->kind == OP_CLOSE && group != NO_GROUP) {
            doc_op *open = &doc->ops[group];
            open->rest = op->rest;
            group = open->outer;
            if (group != NO_GROUP)
                doc->ops[group].width = sum_width(doc->ops[group].width, open->width);
        } else if (group != NO_GROUP) {
            doc->ops[group].width = sum_width(doc->ops[group].width, op_width(op));
        }
    }
}

/* ---- printing ---- */

/* Ends the line, without the blanks at its end. */
static void end_line(egret_doc *doc, uint32_t indent)
{
    while (doc->out->len > 0 && doc->out->ptr[doc->out->len - 1] == ' ')
        doc->out->len--;
    egret_text_puts(doc->out, "\n");
    doc->column = 0;
    doc->line_indent = indent;
    doc->after_comment = false;
}

/* Text, behind the blanks of its line when it is the first there. */
static void print_text(egret_doc *doc, egret_str str)
{
    if (doc->after_comment)
        end_line(doc, doc->line_indent);
    while (doc->column == 0 && str.len > 0 && *str.ptr == ' ') {
        str.ptr++;
        str.len--;
    }
    if (str.len == 0)
        return;
    if (doc->column == 0) {
        egret_text_repeat(doc->out, ' ', doc->line_indent);
        doc->column = doc->line_indent;
    }
    egret_text_put_str(doc->out, str);
    for (uint32_t i = 0; i < str.len; i++)
        doc->column = str.ptr[i] == '\n' ? 1 : doc->column + (((unsigned char)str.ptr[i] & 0xC0) != 0x80);
}

static void print_comment(egret_doc *doc, const doc_op *op)
{
    if (doc->after_comment)
        end_line(doc, doc->line_indent);
    if (op->kind == OP_TRAILING && doc->column > 0) {
        while (doc->out->len > 0 && doc->out->ptr[doc->out->len - 1] == ' ')
            doc->out->len--;
        egret_text_puts(doc->out, "  ");
    }
    else if (doc->column > 0)
        end_line(doc, doc->line_indent);
    print_text(doc, op->text);
    doc->after_comment = true;
}

/* Does what follows operation i fit the line, up to the next place outside of the groups that begin behind i? */
static bool fits_to_next_break(const egret_doc *doc, size_t i)
{
    uint32_t width = doc->column + width_of(doc->ops[i].text);
    int depth = 0;
    for (i++; i < doc->n && width <= DOC_WIDTH; i++) {
        const doc_op *op = &doc->ops[i];
        if (op->kind == OP_OPEN)
            depth++;
        else if (op->kind == OP_CLOSE)
            depth--;
        else if (op->kind != OP_TEXT && op->kind != OP_BLANK && op->kind != OP_MUST_BREAK && depth <= 0)
            return true;
        else
            width = sum_width(width, op_width(op));
    }
    return width <= DOC_WIDTH;
}

static uint32_t group_indent(const egret_doc *doc, uint32_t group)
{
    return group == NO_GROUP ? 0 : doc->ops[group].indent;
}

static void print_break(egret_doc *doc, size_t i, uint32_t group)
{
    const doc_op *op = &doc->ops[i];
    bool broken = group == NO_GROUP || doc->ops[group].broken;
    if (op->kind == OP_FILL && broken)
        broken = doc->after_comment || !fits_to_next_break(doc, i);
    if (op->kind == OP_NEWLINE || broken)
        end_line(doc, group_indent(doc, group) + op->indent);
    else
        print_text(doc, op->text);
}

void doc_flush(egret_doc *doc)
{
    measure(doc);
    uint32_t group = NO_GROUP;
    for (size_t i = 0; !doc->failed && i < doc->n; i++) {
        doc_op *op = &doc->ops[i];
        switch (op->kind) {
        case OP_TEXT:
            print_text(doc, op->text);
            break;
        case OP_OPEN: {
            uint32_t at = doc->column == 0 ? doc->line_indent : doc->column;
            op->broken = at + sum_width(op->width, op->rest) > DOC_WIDTH;
            op->indent = doc->line_indent;
            op->outer = group;
            group = (uint32_t)i;
            break;
        }
        case OP_CLOSE:
            if (group != NO_GROUP)
                group = doc->ops[group].outer;
            break;
        case OP_BREAK:
        case OP_FILL:
        case OP_NEWLINE:
            print_break(doc, i, group);
            break;
        case OP_BLANK:
            egret_text_puts(doc->out, "\n");
            break;
        case OP_MUST_BREAK:
            break;
        case OP_OWN_COMMENT:
        case OP_TRAILING:
            print_comment(doc, op);
            break;
        }
    }
    doc->n = 0;
}
