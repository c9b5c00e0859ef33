/*
 * diag_render.c: diagnostics as text for people and as JSON for programs.
 *
 *     error E0204: expected '}' to close rule 'spray'
 *       --> rules/spray.egret:9:1
 *        |
 *      9 | rule other {
 *        | ^^^^
 *        = help: …
 *
 * The shown line is made safe and aligned: tabs become spaces up to the next multiple of four, control characters and
 * broken UTF-8 become U+FFFD, and of a long line only the part around the caret is shown, with dots where it was cut.
 * Lines and columns exist only here; the rest of the compiler counts bytes.
 */
#include "compiler/diag.h"
#include "compiler/text.h"

#include <string.h>

enum { TAB_WIDTH = 4, SHOWN_COLUMNS = 100, BEFORE_CARET = 60 };

static bool comes_first(const egret_diag *a, const egret_diag *b)
{
    if (a->span.source != b->span.source)
        return a->span.source < b->span.source;
    return a->span.start <= b->span.start;
}

static egret_diag *merge(egret_diag *a, egret_diag *b)
{
    egret_diag *first = NULL, **tail = &first;
    while (a != NULL && b != NULL) {
        egret_diag **from = comes_first(a, b) ? &a : &b;
        *tail = *from;
        tail = &(*from)->next;
        *from = (*from)->next;
    }
    *tail = a != NULL ? a : b;
    return first;
}

/* Merge sort of the list: stable, no memory. The depth is the logarithm of the 1000 that are kept. */
static egret_diag *sort(egret_diag *list)
{
    if (list == NULL || list->next == NULL)
        return list;
    egret_diag *middle = list;
    for (egret_diag *end = list->next; end != NULL && end->next != NULL; end = end->next->next)
        middle = middle->next;
    egret_diag *right = middle->next;
    middle->next = NULL;
    return merge(sort(list), sort(right));
}

static void sort_kept(egret_diags *diags)
{
    diags->first = sort(diags->first);
    diags->last = diags->first;
    while (diags->last != NULL && diags->last->next != NULL)
        diags->last = diags->last->next;
}

static const egret_source *source_of(const egret_diags *diags, egret_span span)
{
    return span.source < diags->n_sources ? &diags->sources[span.source] : NULL;
}

/* The bytes [start, end) of the line that holds offset, without its newline. */
static egret_span line_around(const egret_source *source, egret_span span)
{
    uint32_t start = span.start > source->len ? source->len : span.start;
    uint32_t end = start;
    while (start > 0 && source->text[start - 1] != '\n')
        start--;
    while (end < source->len && source->text[end] != '\n')
        end++;
    if (end > start && source->text[end - 1] == '\r')
        end--;
    return (egret_span){ span.source, start, end };
}

/* One character of a line as it is shown. */
typedef struct cell_walk {
    const egret_source *source;
    uint32_t at, end;       /* bytes */
    uint32_t column;        /* shown columns before `at` */
} cell_walk;

/* Steps over one character; gives its width in columns and its bytes in *ptr, *len. */
static uint32_t cell_next(cell_walk *walk, const char **ptr, size_t *len)
{
    const char *p = walk->source->text + walk->at;
    size_t n = egret_utf8_length(p, walk->end - walk->at);
    uint32_t width = *p == '\t' ? TAB_WIDTH - walk->column % TAB_WIDTH : 1;
    *ptr = p;
    *len = n == 0 ? 1 : n;
    walk->at += (uint32_t)*len;
    walk->column += width;
    return width;
}

/* Shown columns of the span's first and last byte, cut to the line. */
static void caret_columns(const egret_source *source, egret_span line, egret_span span, uint32_t *from, uint32_t *to)
{
    cell_walk walk = { source, line.start, line.end, 0 };
    const char *ptr;
    size_t len;
    while (walk.at < line.end && walk.at < span.start)
        cell_next(&walk, &ptr, &len);
    *from = walk.column;
    while (walk.at < line.end && walk.at < span.end)
        cell_next(&walk, &ptr, &len);
    *to = walk.column > *from ? walk.column : *from + 1;
}

/* Shows columns [from, to) of a line. */
static void put_cells(egret_text *text, const egret_source *source, egret_span line, uint32_t from, uint32_t to)
{
    cell_walk walk = { source, line.start, line.end, 0 };
    while (walk.at < line.end && walk.column < to) {
        uint32_t before = walk.column;
        const char *ptr;
        size_t len;
        uint32_t width = cell_next(&walk, &ptr, &len);
        if (before < from)
            continue;
        if (*ptr == '\t')
            egret_text_repeat(text, ' ', width);
        else
            egret_text_put_shown(text, ptr, len);
    }
}

static uint32_t line_width(const egret_source *source, egret_span line, uint32_t stop)
{
    cell_walk walk = { source, line.start, line.end, 0 };
    const char *ptr;
    size_t len;
    while (walk.at < line.end && walk.column < stop)
        cell_next(&walk, &ptr, &len);
    return walk.column;
}

static void put_snippet(egret_text *text, const egret_source *source, egret_span span, uint32_t line_number)
{
    egret_span line = line_around(source, span);
    uint32_t caret, caret_end;
    caret_columns(source, line, span, &caret, &caret_end);
    uint32_t from = caret > BEFORE_CARET + 10 ? caret - BEFORE_CARET : 0;
    uint32_t to = from + SHOWN_COLUMNS;
    bool cut = line_width(source, line, to + 1) > to;
    if (caret_end > to)
        caret_end = to;
    egret_text_printf(text, "     |\n%4u | ", line_number);
    egret_text_puts(text, from > 0 ? "… " : "");
    put_cells(text, source, line, from, to);
    egret_text_puts(text, cut ? " …\n     | " : "\n     | ");
    egret_text_repeat(text, ' ', (from > 0 ? 2 : 0) + (caret - from));
    egret_text_repeat(text, '^', caret_end > caret ? caret_end - caret : 1);
    egret_text_puts(text, "\n");
}

static void put_place(egret_text *text, const egret_diags *diags, egret_span span)
{
    const egret_source *source = source_of(diags, span);
    if (source == NULL)
        return;
    uint32_t line, column;
    egret_source_position(source, span.start, &line, &column);
    egret_text_puts(text, "  --> ");
    egret_text_put_shown(text, source->name, strlen(source->name));
    egret_text_printf(text, ":%u:%u\n", line, column);
    put_snippet(text, source, span, line);
}

static void put_line(egret_text *text, const char *before, const char *line)
{
    egret_text_puts(text, before);
    egret_text_put_shown(text, line, strlen(line));
    egret_text_puts(text, "\n");
}

static char letter_of(const egret_diag *diag)
{
    return diag->level == EGRET_DIAG_ERROR ? 'E' : 'W';
}

static void put_diag(egret_text *text, const egret_diags *diags, const egret_diag *diag)
{
    egret_text_printf(text, "%s %c%04u: ", diag->level == EGRET_DIAG_ERROR ? "error" : "warning", letter_of(diag),
                      diag->code);
    put_line(text, "", diag->message);
    put_place(text, diags, diag->span);
    if (diag->help != NULL)
        put_line(text, "     = help: ", diag->help);
    if (diag->note != NULL) {
        put_line(text, "  note: ", diag->note);
        put_place(text, diags, diag->note_span);
    }
    egret_text_puts(text, "\n");
}

static void put_count(egret_text *text, uint32_t n, const char *noun)
{
    egret_text_printf(text, "%u %s%s", n, noun, n == 1 ? "" : "s");
}

const char *egret_diags_text(egret_diags *diags)
{
    if (diags->n_errors == 0 && diags->n_warnings == 0)
        return "";
    egret_text text;
    egret_text_init(&text, diags->arena->mem);
    sort_kept(diags);
    for (const egret_diag *diag = diags->first; diag != NULL; diag = diag->next)
        put_diag(&text, diags, diag);
    uint32_t n_hidden = diags->n_errors + diags->n_warnings - diags->n_kept;
    if (n_hidden > 0)
        egret_text_printf(&text, "… and %u more\n", n_hidden);
    if (diags->n_errors > 0)
        put_count(&text, diags->n_errors, "error");
    if (diags->n_errors > 0 && diags->n_warnings > 0)
        egret_text_puts(&text, ", ");
    if (diags->n_warnings > 0)
        put_count(&text, diags->n_warnings, "warning");
    egret_text_puts(&text, "\n");
    return egret_text_finish(&text, diags->arena);
}

static void put_json_member(egret_text *text, const char *name, const char *value)
{
    egret_text_printf(text, "\"%s\":", name);
    egret_text_put_json(text, value, strlen(value));
}

/* "file":…,"line":…,"column":…,"end_line":…,"end_column":… */
static void put_json_place(egret_text *text, const egret_diags *diags, egret_span span)
{
    const egret_source *source = source_of(diags, span);
    uint32_t line = 0, column = 0, end_line = 0, end_column = 0;
    if (source != NULL) {
        egret_source_position(source, span.start, &line, &column);
        egret_source_position(source, span.end, &end_line, &end_column);
    }
    put_json_member(text, "file", source == NULL ? "" : source->name);
    egret_text_printf(text, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u", line, column, end_line,
                      end_column);
}

static void put_json_source_line(egret_text *text, const egret_diags *diags, egret_span span)
{
    const egret_source *source = source_of(diags, span);
    if (source == NULL)
        return;
    egret_span line = line_around(source, span);
    if (line.end - line.start > 1000)
        line.end = line.start + 1000;
    egret_text_puts(text, ",\"source_line\":");
    egret_text_put_json(text, source->text + line.start, line.end - line.start);
}

static void put_json_diag(egret_text *text, const egret_diags *diags, const egret_diag *diag)
{
    egret_text_printf(text, "{\"level\":\"%s\",\"code\":\"%c%04u\",", diag->level == EGRET_DIAG_ERROR ? "error" : "warning",
                      letter_of(diag), diag->code);
    put_json_member(text, "message", diag->message);
    egret_text_puts(text, ",");
    put_json_place(text, diags, diag->span);
    put_json_source_line(text, diags, diag->span);
    if (diag->help != NULL) {
        egret_text_puts(text, ",");
        put_json_member(text, "help", diag->help);
    }
    if (diag->note != NULL) {
        egret_text_puts(text, ",\"note\":{");
        put_json_member(text, "message", diag->note);
        egret_text_puts(text, ",");
        put_json_place(text, diags, diag->note_span);
        egret_text_puts(text, "}");
    }
    egret_text_puts(text, "}");
}

const char *egret_diags_json(egret_diags *diags)
{
    egret_text text;
    egret_text_init(&text, diags->arena->mem);
    sort_kept(diags);
    egret_text_printf(&text, "{\"errors\":%u,\"warnings\":%u,\"diagnostics\":[", diags->n_errors, diags->n_warnings);
    for (const egret_diag *diag = diags->first; diag != NULL; diag = diag->next) {
        if (diag != diags->first)
            egret_text_puts(&text, ",");
        put_json_diag(&text, diags, diag);
    }
    egret_text_puts(&text, "]}");
    return egret_text_finish(&text, diags->arena);
}
