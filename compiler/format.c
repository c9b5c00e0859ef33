/*
 * format.c: the canonical layout of a rule text: `egret fmt`.
 *
 * The text is parsed, and the tree is written anew; comments are collected by lexing once more and put back by their
 * places. What the layout takes over from the writer: empty lines (one at most), and whether a block { … } or a
 * pattern stands on one line or on several, as long as one line suffices. All else follows from the tree, so a
 * second run changes nothing. Numbers, durations and strings stay as they were written.
 *
 * A comment never gets lost: whatever is written next first writes the comments that stand before it in the source.
 */
#include "compiler/format_internal.h"

#include "compiler/lex.h"

/* ---- pieces of the source ---- */

egret_str fmt_raw(const egret_formatter *f, egret_span span)
{
    return (egret_str){ f->text + span.start, span.end - span.start };
}

void fmt_int(egret_formatter *f, int64_t value)
{
    const char *digits = egret_arena_printf(f->diags->arena, "%lld", (long long)value);
    doc_word(&f->doc, digits == NULL ? "" : digits);
}

void fmt_name(egret_formatter *f, ast_name name)
{
    if (name.span.end != 0)
        doc_text(&f->doc, fmt_raw(f, name.span));
}

void fmt_dur(egret_formatter *f, const ast_dur *dur)
{
    doc_text(&f->doc, fmt_raw(f, dur->span));
}

/* How many newlines stand directly before `at`, with nothing but blanks and commas between. */
static uint32_t newlines_before(const egret_formatter *f, uint32_t at)
{
    uint32_t n = 0;
    while (at > 0) {
        char c = f->text[at - 1];
        if (c == '\n')
            n++;
        else if (c != ' ' && c != '\t' && c != '\r' && c != ',' && c != '\f' && c != '\v')
            return n;
        at--;
    }
    return n + 1;
}

bool fmt_begins_line(const egret_formatter *f, uint32_t at)
{
    return newlines_before(f, at) > 0;
}

bool fmt_after_empty_line(const egret_formatter *f, uint32_t at)
{
    return newlines_before(f, at) > 1;
}

/* ---- comments ---- */

static bool collect_comments(egret_formatter *f)
{
    egret_lexer lexer;
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        egret_lex_init(&lexer, f->diags, (egret_span){ f->source, 0, f->diags->sources[f->source].len });
        lexer.mute = true;
        lexer.keep_comments = true;
        if (pass == 1)
            f->comments = egret_arena_alloc(f->diags->arena, n * sizeof *f->comments);
        if (pass == 1 && f->comments == NULL)
            return false;
        for (egret_token tok = egret_lex_next(&lexer); tok.kind != TOK_EOF; tok = egret_lex_next(&lexer)) {
            if (tok.kind != TOK_COMMENT)
                continue;
            if (pass == 0)
                n++;
            else
                f->comments[f->n_comments++] = (fmt_comment){ tok.span, tok.starts_line };
        }
    }
    return true;
}

static const fmt_comment *comment_before(const egret_formatter *f, uint32_t at)
{
    if (f->next_comment >= f->n_comments || f->comments[f->next_comment].span.start >= at)
        return NULL;
    return &f->comments[f->next_comment];
}

/* Without the blanks and the carriage return at its end. */
static egret_str comment_text(const egret_formatter *f, const fmt_comment *comment)
{
    egret_str str = fmt_raw(f, comment->span);
    while (str.len > 0 && (str.ptr[str.len - 1] == ' ' || str.ptr[str.len - 1] == '\t' || str.ptr[str.len - 1] == '\r'))
        str.len--;
    return str;
}

/* The next comment before `at`, if it stands behind other text on its line, at the end of the line being written. There is
 * room for one; when the writer's lines are joined the others get lines of their own. */
static void put_trailing(egret_formatter *f, uint32_t at)
{
    const fmt_comment *comment = comment_before(f, at);
    if (comment == NULL || comment->starts_line || doc_ends_with_comment(&f->doc))
        return;
    doc_trailing_comment(&f->doc, comment_text(f, comment));
    f->next_comment++;
}

void fmt_comments(egret_formatter *f, uint32_t at)
{
    put_trailing(f, at);
    const fmt_comment *comment;
    while ((comment = comment_before(f, at)) != NULL) {
        doc_own_comment(&f->doc, comment_text(f, comment));
        f->next_comment++;
    }
}

/* All comments before `at`, each on a line of its own that is begun here; `keep_empty`: with empty lines before them. */
static void put_own_lines(egret_formatter *f, uint32_t at, uint32_t indent, bool keep_empty)
{
    const fmt_comment *comment;
    while ((comment = comment_before(f, at)) != NULL) {
        if (keep_empty && fmt_after_empty_line(f, comment->span.start))
            doc_blank_line(&f->doc);
        doc_newline(&f->doc, indent);
        doc_own_comment(&f->doc, comment_text(f, comment));
        f->next_comment++;
        keep_empty = true;
    }
}

/* The comments before a part of a clause; true when they take lines of their own, which a newline must end. */
static bool put_part_comments(egret_formatter *f, uint32_t at, uint32_t indent)
{
    put_trailing(f, at);
    const fmt_comment *comment;
    bool commented = false;
    for (; (comment = comment_before(f, at)) != NULL; commented = true) {
        doc_newline(&f->doc, indent);
        doc_own_comment(&f->doc, comment_text(f, comment));
        f->next_comment++;
    }
    return commented;
}

void fmt_break(egret_formatter *f, uint32_t at, uint32_t indent)
{
    if (put_part_comments(f, at, indent))
        doc_newline(&f->doc, indent);
    else
        doc_break(&f->doc, " ", indent);
}

void fmt_fill(egret_formatter *f, uint32_t at, uint32_t indent)
{
    if (put_part_comments(f, at, indent))
        doc_newline(&f->doc, indent);
    else
        doc_fill(&f->doc, " ", indent);
}

/* ---- breaks between entries ---- */

static void entry_break(egret_formatter *f, uint32_t at, uint32_t indent, bool first, const char *flat)
{
    put_trailing(f, at);
    bool commented = comment_before(f, at) != NULL;
    put_own_lines(f, at, indent, !first);
    if ((!first || commented) && fmt_after_empty_line(f, at))
        doc_blank_line(&f->doc);
    if (flat == NULL || commented)
        doc_newline(&f->doc, indent);
    else
        doc_break(&f->doc, flat, indent);
}

void fmt_entry_break(egret_formatter *f, uint32_t at, uint32_t indent)
{
    entry_break(f, at, indent, false, NULL);
}

void fmt_first_break(egret_formatter *f, uint32_t at, const char *flat, uint32_t indent)
{
    entry_break(f, at, indent, true, flat);
}

void fmt_close_break(egret_formatter *f, uint32_t at, const char *flat, uint32_t indent)
{
    put_trailing(f, at);
    put_own_lines(f, at, indent, true);
    if (flat == NULL)
        doc_newline(&f->doc, 0);
    else
        doc_break(&f->doc, flat, 0);
}

/* ---- blocks ---- */

/* A block of entries that may stand on one line. The writer's choice is where the first entry begins. */
typedef struct block {
    egret_formatter *f;
    bool lines;     /* one entry a line */
    bool any;       /* an entry was written */
} block;

static block block_open(egret_formatter *f)
{
    doc_open(&f->doc);
    doc_word(&f->doc, "{");
    return (block){ f, false, false };
}

/* Before each entry, which begins at `at`. */
static void block_entry(block *b, uint32_t at)
{
    if (!b->any)
        b->lines = fmt_begins_line(b->f, at);
    if (b->lines && b->any)
        fmt_entry_break(b->f, at, DOC_INDENT);
    else
        fmt_first_break(b->f, at, b->lines ? NULL : b->any ? "  " : " ", DOC_INDENT);
    b->any = true;
}

/* `at` is the place of the closing brace. */
static void block_close(block *b, uint32_t at)
{
    fmt_close_break(b->f, at, b->lines ? NULL : b->any ? " " : "", DOC_INDENT);
    doc_word(&b->f->doc, "}");
    doc_close(&b->f->doc);
}

static void put_pair(egret_formatter *f, const ast_pair *pair)
{
    fmt_name(f, pair->name);
    doc_word(&f->doc, ": ");
    fmt_expr(f, pair->value);
}

void fmt_pairs(egret_formatter *f, const ast_pair *pairs, uint32_t end)
{
    block b = block_open(f);
    for (const ast_pair *pair = pairs; pair != NULL; pair = pair->next) {
        block_entry(&b, pair->name.span.start);
        put_pair(f, pair);
    }
    block_close(&b, end - 1);
}

/* ---- declarations ---- */

/* The first byte at or after `at` that is a '}', outside of comments: where a block ends whose entries end at `at`. */
static uint32_t brace_after(const egret_formatter *f, uint32_t at)
{
    uint32_t len = f->diags->sources[f->source].len;
    while (at < len && f->text[at] != '}') {
        if (f->text[at] == '#')
            while (at < len && f->text[at] != '\n')
                at++;
        else
            at++;
    }
    return at;
}

static void put_fields(egret_formatter *f, const ast_field *fields, uint32_t start)
{
    block b = block_open(f);
    uint32_t end = start;
    for (const ast_field *field = fields; field != NULL; field = field->next) {
        block_entry(&b, field->name.span.start);
        fmt_name(f, field->name);
        doc_word(&f->doc, ": ");
        fmt_name(f, field->type.name);
        end = field->type.name.span.end;
        if (field->type.unit.str.len > 0) {
            doc_word(&f->doc, " in ");
            fmt_name(f, field->type.unit);
            end = field->type.unit.span.end;
        }
        doc_word(&f->doc, field->type.optional ? "?" : "");
        if (field->from.span.end != 0) {
            doc_word(&f->doc, " from ");
            fmt_name(f, field->from);
            end = field->from.span.end;
        }
    }
    block_close(&b, brace_after(f, end));
}

static void put_options(egret_formatter *f, const ast_stream *stream)
{
    const char *before = " with ";
    if (stream->time_field.str.len > 0) {
        doc_word(&f->doc, before);
        doc_word(&f->doc, "time ");
        fmt_name(f, stream->time_field);
        before = ", ";
    }
    if (stream->lateness.span.end != 0) {
        doc_word(&f->doc, before);
        doc_word(&f->doc, "lateness ");
        fmt_dur(f, &stream->lateness);
        before = ", ";
    }
    if (stream->identity.str.len == 0)
        return;
    doc_word(&f->doc, before);
    doc_word(&f->doc, "identity ");
    fmt_name(f, stream->identity);
    if (stream->identity_within.span.end != 0) {
        doc_word(&f->doc, " within ");
        fmt_dur(f, &stream->identity_within);
    }
}

static void put_table(egret_formatter *f, const ast_table *table)
{
    fmt_name(f, table->path);
    doc_word(&f->doc, " key ");
    for (uint32_t i = 0; i < table->n_key; i++) {
        doc_word(&f->doc, i > 0 ? ", " : "");
        fmt_name(f, table->key[i]);
    }
    doc_word(&f->doc, " ");
    put_fields(f, table->fields, table->key[table->n_key - 1].span.end);
}

/* The pairs of a map end at `end` or before. */
static void put_value(egret_formatter *f, const ast_value *value, uint32_t end)
{
    if (value->expr == NULL) {
        fmt_pairs(f, value->map, end);
        return;
    }
    fmt_expr(f, value->expr);
    if (value->when == NULL)
        return;
    doc_word(&f->doc, " when ");
    fmt_expr(f, value->when);
}

static void put_edge(egret_formatter *f, const ast_decl *decl)
{
    fmt_name(f, decl->u.edge.kind);
    doc_word(&f->doc, " ");
    block b = block_open(f);
    for (const ast_option *option = decl->u.edge.options; option != NULL; option = option->next) {
        block_entry(&b, option->span.start);
        fmt_name(f, option->name);
        doc_word(&f->doc, ": ");
        doc_open(&f->doc);
        for (const ast_value *value = option->values; value != NULL; value = value->next) {
            if (value != option->values) {
                doc_word(&f->doc, ",");
                fmt_break(f, value->span.start, DOC_CONTINUE);
            }
            put_value(f, value, value->span.end);
        }
        doc_close(&f->doc);
    }
    block_close(&b, decl->span.end - 1);
}

static void put_profile(egret_formatter *f, const ast_decl *decl)
{
    const ast_profile *profile = &decl->u.profile;
    block b = block_open(f);
    block_entry(&b, profile->from_word.start);
    doc_word(&f->doc, "from ");
    fmt_watch(f, profile->from);
    block_entry(&b, profile->by.span.start);
    doc_word(&f->doc, "by ");
    fmt_keys(f, &profile->by);
    for (const ast_pair *pair = profile->members; pair != NULL; pair = pair->next) {
        block_entry(&b, pair->name.span.start);
        put_pair(f, pair);
    }
    block_close(&b, decl->span.end - 1);
}

static void put_calendar(egret_formatter *f, const ast_strings *strings)
{
    doc_open(&f->doc);
    for (const ast_strings *s = strings; s != NULL; s = s->next) {
        if (s != strings)
            fmt_fill(f, s->value.span.start, DOC_CONTINUE);
        fmt_name(f, s->value);
        doc_word(&f->doc, s->next != NULL ? "," : "");
    }
    doc_close(&f->doc);
}

static void put_decl(egret_formatter *f, const ast_decl *decl)
{
    static const char *const WORDS[] = { "stream ", "source ", "sink ",    "list ", "table ",
                                         "calendar ", "profile ", "define ", "rule ", "test " };
    if (decl->kind == AST_RULE) {
        fmt_rule(f, decl);
        return;
    }
    if (decl->kind == AST_TEST) {
        fmt_test(f, decl);
        return;
    }
    doc_word(&f->doc, WORDS[decl->kind]);
    fmt_name(f, decl->name);
    switch ((int)decl->kind) {
    case AST_STREAM:
        doc_word(&f->doc, " ");
        put_fields(f, decl->u.stream.fields, decl->name.span.end);
        put_options(f, &decl->u.stream);
        return;
    case AST_PROFILE:
        doc_word(&f->doc, " ");
        put_profile(f, decl);
        return;
    case AST_DEFINE:
        doc_word(&f->doc, " = ");
        fmt_expr(f, decl->u.define);
        return;
    default:
        break;
    }
    doc_word(&f->doc, ": ");
    if (decl->kind == AST_LIST)
        fmt_name(f, decl->u.list_path);
    else if (decl->kind == AST_TABLE)
        put_table(f, &decl->u.table);
    else if (decl->kind == AST_CALENDAR)
        put_calendar(f, decl->u.calendar);
    else
        put_edge(f, decl);
}

/* ---- the whole text ---- */

/* What stands between two declarations (before is NULL at the top): their comments, and an empty line where the writer
 * left one or where a rule or a test begins or ends. */
static void decl_break(egret_formatter *f, const ast_decl *before, const ast_decl *after, uint32_t at)
{
    if (before != NULL)
        put_trailing(f, at);
    bool first = before == NULL;
    bool apart = !first && (before->kind >= AST_RULE || (after != NULL && after->kind >= AST_RULE));
    const fmt_comment *comment;
    while ((comment = comment_before(f, at)) != NULL) {
        if (!first) {
            if (apart || fmt_after_empty_line(f, comment->span.start))
                doc_blank_line(&f->doc);
            doc_newline(&f->doc, 0);
        }
        doc_own_comment(&f->doc, comment_text(f, comment));
        f->next_comment++;
        first = apart = false;
    }
    if (first || after == NULL)
        return;
    if (apart || fmt_after_empty_line(f, at))
        doc_blank_line(&f->doc);
    doc_newline(&f->doc, 0);
}

const char *egret_format(egret_diags *diags, uint32_t source)
{
    uint32_t errors_before = diags->n_errors;
    ast_file file;
    ast_file_init(&file);
    egret_parse(diags, source, &file);
    if (diags->n_errors != errors_before || diags->arena->failed || source >= diags->n_sources)
        return NULL;
    egret_text out;
    egret_text_init(&out, diags->arena->mem);
    egret_formatter f = { .diags = diags, .text = diags->sources[source].text, .source = source };
    doc_init(&f.doc, diags->arena->mem, &out);
    bool good = collect_comments(&f);
    const ast_decl *before = NULL;
    for (const ast_decl *decl = file.decls; good && decl != NULL; decl = decl->next) {
        decl_break(&f, before, decl, decl->span.start);
        put_decl(&f, decl);
        doc_flush(&f.doc);
        before = decl;
    }
    decl_break(&f, before, NULL, diags->sources[source].len + 1);
    doc_flush(&f.doc);
    good = good && !f.doc.failed && !out.failed;
    if (good && out.len > 0)
        egret_text_puts(&out, "\n");
    doc_deinit(&f.doc);
    const char *text = egret_text_finish(&out, diags->arena);
    return good && !diags->arena->failed ? text : NULL;
}
