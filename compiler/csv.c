/*
 * csv.c: the CSV splitter.
 *
 * A record is scanned cell by cell. A plain cell is a slice of the text. A quoted cell is a slice too, unless it holds doubled quotes: then
 * it is written without them into `scratch`, which grows only between records, so that cells of one record never move. To that end scratch
 * is made as large as the rest of the record could need when the first such cell is met.
 *
 * Quotes inside a cell that does not begin with one are ordinary characters, as most programs write and read them. Text after a closing
 * quote and a quote that is never closed are errors. After the first the reader goes on with the next line. The second swallows the rest of the
 * text by definition, so the reader goes on with the line after the one where the quote was opened: one bad line costs one line.
 *
 * Invariant: pos is always at the start of a record (or at the end of the text).
 */
#include "compiler/csv.h"

#include <string.h>

typedef enum cell_result { CELL_NEXT, CELL_LAST, CELL_OPEN, CELL_BAD, CELL_NO_MEMORY } cell_result;

/* Where the scan of one record stands. */
typedef struct csv_scan {
    size_t at;              /* next byte */
    size_t scratch_used;
    uint32_t lines;         /* line ends inside quotes so far */
    uint32_t open_lines;    /* of them, before the cell at hand */
} csv_scan;

void egret_csv_init(egret_csv *csv, egret_mem mem, const char *text, size_t len)
{
    *csv = (egret_csv){ .separator = ',', .final = true, .mem = mem, .text = text, .len = len, .line = 1, .next_line = 1 };
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        csv->pos = 3;
}

void egret_csv_deinit(egret_csv *csv)
{
    egret_mem_free(csv->mem, csv->cells, csv->capacity * sizeof *csv->cells);
    egret_mem_free(csv->mem, csv->scratch, csv->scratch_capacity);
    csv->cells = NULL;
    csv->scratch = NULL;
    csv->capacity = 0;
    csv->scratch_capacity = 0;
    csv->n_cells = 0;
}

void egret_csv_feed(egret_csv *csv, const char *text, size_t len, bool final)
{
    csv->text = text;
    csv->len = len;
    csv->pos = 0;
    csv->final = final;
}

static bool is_line_end(const egret_csv *csv, size_t at)
{
    return csv->text[at] == '\n' || (csv->text[at] == '\r' && at + 1 < csv->len && csv->text[at + 1] == '\n');
}

/* The place behind the line end at `at`, which may be the end of the text. */
static size_t after_line_end(const egret_csv *csv, size_t at)
{
    if (at < csv->len && csv->text[at] == '\r')
        at++;
    return at < csv->len ? at + 1 : csv->len;
}

static bool add_cell(egret_csv *csv, const char *ptr, size_t len, bool quoted)
{
    if (len > UINT32_MAX)
        return false;
    if (csv->n_cells == csv->capacity) {
        uint32_t wanted = csv->capacity == 0 ? 16 : csv->capacity * 2;
        if (csv->capacity > UINT32_MAX / 4)
            return false;
        egret_csv_cell *grown = egret_mem_grow(csv->mem, csv->cells, csv->capacity * sizeof *grown, wanted * sizeof *grown);
        if (grown == NULL)
            return false;
        csv->cells = grown;
        csv->capacity = wanted;
    }
    csv->cells[csv->n_cells++] = (egret_csv_cell){ .ptr = ptr, .len = (uint32_t)len, .quoted = quoted };
    return true;
}

/* Copies a quoted cell's inside with "" made ". False: no memory. */
static bool undouble(egret_csv *csv, csv_scan *scan, size_t begin, size_t end, const char **out, size_t *out_len)
{
    if (scan->scratch_used == 0 && csv->scratch_capacity < csv->len - begin) {
        size_t wanted = csv->len - begin;
        char *grown = egret_mem_grow(csv->mem, csv->scratch, csv->scratch_capacity, wanted);
        if (grown == NULL)
            return false;
        csv->scratch = grown;
        csv->scratch_capacity = wanted;
    }
    char *to = csv->scratch + scan->scratch_used;
    size_t n = 0;
    for (size_t i = begin; i < end; i++) {
        to[n++] = csv->text[i];
        if (csv->text[i] == '"')
            i++;
    }
    scan->scratch_used += n;
    *out = to;
    *out_len = n;
    return true;
}

/* What follows a cell that ends at `at`: a separator, a line end, the end of the text, or something wrong. */
static cell_result after_cell(egret_csv *csv, csv_scan *scan)
{
    if (scan->at == csv->len)
        return csv->final ? CELL_LAST : CELL_OPEN;
    if (csv->text[scan->at] == csv->separator) {
        scan->at++;
        return CELL_NEXT;
    }
    if (is_line_end(csv, scan->at))
        return CELL_LAST;
    if (!csv->final && csv->text[scan->at] == '\r' && scan->at + 1 == csv->len)
        return CELL_OPEN;
    return CELL_BAD;
}

static cell_result scan_quoted(egret_csv *csv, csv_scan *scan)
{
    size_t begin = scan->at + 1, i = begin;
    bool doubled = false;
    scan->open_lines = scan->lines;
    for (;; i++) {
        if (i >= csv->len)
            return CELL_OPEN;
        if (csv->text[i] == '\n')
            scan->lines++;
        if (csv->text[i] != '"')
            continue;
        if (i + 1 == csv->len && !csv->final)
            return CELL_OPEN;
        if (i + 1 == csv->len || csv->text[i + 1] != '"')
            break;
        doubled = true;
        i++;
    }
    const char *ptr = csv->text + begin;
    size_t len = i - begin;
    if (doubled && !undouble(csv, scan, begin, i, &ptr, &len))
        return CELL_NO_MEMORY;
    if (!add_cell(csv, ptr, len, true))
        return CELL_NO_MEMORY;
    scan->at = i + 1;
    return after_cell(csv, scan);
}

static cell_result scan_plain(egret_csv *csv, csv_scan *scan)
{
    size_t begin = scan->at;
    while (scan->at < csv->len && csv->text[scan->at] != csv->separator && csv->text[scan->at] != '\n')
        scan->at++;
    size_t end = scan->at;
    /* A carriage return belongs to the line end, also where the text ends with it. */
    if (end > begin && csv->text[end - 1] == '\r' && (end == csv->len || csv->text[end] == '\n'))
        end--;
    if (!add_cell(csv, csv->text + begin, end - begin, false))
        return CELL_NO_MEMORY;
    if (scan->at < csv->len && csv->text[scan->at] == '\n')
        scan->at = end;
    return after_cell(csv, scan);
}

static size_t skip_line(const egret_csv *csv, size_t at)
{
    const char *end = memchr(csv->text + at, '\n', csv->len - at);
    return end == NULL ? csv->len : (size_t)(end - csv->text) + 1;
}

static egret_csv_result bad_record(egret_csv *csv, const csv_scan *scan, bool open)
{
    csv->n_cells = 0;
    if (!csv->final && memchr(csv->text + scan->at, '\n', csv->len - scan->at) == NULL)
        return EGRET_CSV_MORE;      /* where the bad line ends is not known yet */
    csv->error = open ? "a quote is opened and never closed" : "text after a closing quote";
    csv->line = csv->next_line + (open ? scan->open_lines : scan->lines);
    /* Behind the first line for an open quote; behind the line of the error else. */
    size_t from = open ? csv->pos : scan->at;
    uint32_t lines = open ? 0 : scan->lines;
    csv->end = from;
    csv->pos = skip_line(csv, from);
    csv->next_line += lines + 1;
    return EGRET_CSV_BAD;
}

static void skip_empty_lines(egret_csv *csv)
{
    while (csv->pos < csv->len && is_line_end(csv, csv->pos)) {
        csv->pos = after_line_end(csv, csv->pos);
        csv->next_line++;
    }
    if (csv->final && csv->pos + 1 == csv->len && csv->text[csv->pos] == '\r')
        csv->pos = csv->len;
}

egret_csv_result egret_csv_next(egret_csv *csv)
{
    csv->n_cells = 0;
    csv->error = NULL;
    skip_empty_lines(csv);
    csv->start = csv->pos;
    csv->end = csv->pos;
    csv->line = csv->next_line;
    if (csv->pos == csv->len)
        return csv->final ? EGRET_CSV_END : EGRET_CSV_MORE;
    csv_scan scan = { .at = csv->pos };
    cell_result got;
    do
        got = scan.at < csv->len && csv->text[scan.at] == '"' ? scan_quoted(csv, &scan) : scan_plain(csv, &scan);
    while (got == CELL_NEXT);
    if (got == CELL_NO_MEMORY)
        return EGRET_CSV_NO_MEMORY;
    if (got == CELL_OPEN && !csv->final) {
        csv->n_cells = 0;
        return EGRET_CSV_MORE;
    }
    if (got != CELL_LAST)
        return bad_record(csv, &scan, got == CELL_OPEN);
    csv->end = scan.at;
    csv->pos = after_line_end(csv, scan.at);
    csv->next_line += scan.lines + 1;
    return EGRET_CSV_RECORD;
}
