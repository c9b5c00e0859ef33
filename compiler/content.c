/*
 * content.c: reads the files of lists and tables: one value a line; CSV with a header line (tables, and lists whose items end).
 *
 * The type of a list's items is what the rules look up in it. Errors name file and line and stand at the declaration. File names are
 * relative to the rule file that names them.
 */
#include "compiler/check.h"
#include "compiler/csv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 28, MAX_ERRORS_SHOWN = 10 };

typedef struct content_file {
    check *c;
    egret_span span;            /* of the path in the rule */
    const char *path;           /* as opened */
    const char *text;
    size_t len;
    uint32_t n_errors;
} content_file;

/* ---- values ---- */

static bool parse_bool(egret_str text, egret_value *out)
{
    bool yes = egret_str_is(text, "true") || egret_str_is(text, "1");
    *out = egret_bool(yes);
    return yes || egret_str_is(text, "false") || egret_str_is(text, "0");
}

static bool parse_time(egret_str text, uint8_t unit, int64_t *ms)
{
    double number;
    int64_t whole;
    if (egret_parse_rfc3339(text.ptr, text.len, ms))
        return true;
    if (egret_parse_int(text.ptr, text.len, &whole))
        return egret_time_from_int(whole, (egret_time_unit)unit, ms);
    return egret_parse_number(text.ptr, text.len, &number) && egret_time_from_number(number, (egret_time_unit)unit, ms);
}

bool content_value(egret_str text, egret_type type, uint8_t unit, egret_value *out)
{
    int64_t i = 0;
    double d = 0;
    switch (type) {
    case EGRET_STRING: *out = egret_string(text.ptr, text.len); return true;
    case EGRET_BOOL: return parse_bool(text, out);
    case EGRET_DECIMAL: return egret_parse_decimal(text.ptr, text.len, out);
    case EGRET_INT:
        if (!egret_parse_int(text.ptr, text.len, &i))
            return false;
        *out = egret_int(i);
        return true;
    case EGRET_NUMBER:
        if (!egret_parse_number(text.ptr, text.len, &d))
            return false;
        *out = egret_number(d);
        return out->type == EGRET_NUMBER;
    case EGRET_TIME:
        if (!parse_time(text, unit, &i))
            return false;
        *out = egret_time(i);
        return true;
    case EGRET_DURATION:
        if (!egret_parse_duration(text.ptr, text.len, &i))
            return false;
        *out = egret_duration(i);
        return true;
    case EGRET_NULL: break;
    }
    return false;
}

/* ---- files ---- */

static void file_error(content_file *f, uint32_t line, const char *what, egret_str value)
{
    f->n_errors++;
    if (f->n_errors > MAX_ERRORS_SHOWN)
        return;
    egret_diag *diag = egret_diag_add(f->c->diags, EGRET_DIAG_ERROR, 610, f->span, "%s:%u: %s", f->path, (unsigned)line, what);
    if (value.len != 0)
        check_help(f->c, diag, "it says '%.*s'", (int)(value.len < 80 ? value.len : 80), value.ptr);
    if (f->n_errors == MAX_ERRORS_SHOWN)
        check_help(f->c, diag, "further errors of this file are not shown");
}

/* Beside the rule file, unless it starts at the root. */
static const char *full_path(check *c, egret_span span, egret_str path)
{
    const char *rules = c->diags->sources[span.source].name;
    const char *slash = rules == NULL ? NULL : strrchr(rules, '/');
    int folder = slash == NULL || (path.len > 0 && path.ptr[0] == '/') ? 0 : (int)(slash - rules) + 1;
    const char *full = egret_arena_printf(c->arena, "%.*s%.*s", folder, rules == NULL ? "" : rules, (int)path.len, path.ptr);
    if (full == NULL)
        longjmp(c->no_memory, 1);
    return full;
}

/* Nothing here may leave by longjmp: the file is open. NULL in errno's place means memory. */
static bool read_open(check *c, FILE *file, content_file *f)
{
    if (fseek(file, 0, SEEK_END) != 0)
        return false;
    long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        return false;
    if (size > MAX_FILE_BYTES) {
        errno = EFBIG;
        return false;
    }
    char *text = egret_arena_alloc(c->arena, (size_t)size + 1);
    if (text == NULL)
        return false;
    f->text = text;
    f->len = fread(text, 1, (size_t)size, file);
    return ferror(file) == 0;
}

/* Read before, or given by the host. */
static bool find_content(content_file *f)
{
    const egret_diags *diags = f->c->diags;
    for (uint32_t i = 0; i < diags->n_contents; i++)
        if (strcmp(diags->contents[i].name, f->path) == 0) {
            f->text = diags->contents[i].text;
            f->len = diags->contents[i].len;
            return true;
        }
    return false;
}

static bool read_file(content_file *f, egret_str path)
{
    check *c = f->c;
    f->path = full_path(c, f->span, path);
    if (find_content(f))
        return true;
    if (c->diags->contents_given) {
        egret_diag *diag = check_error(c, 609, f->span, "there is no file %s", f->path);
        check_help(c, diag, "give its content together with the rules");
        return false;
    }
    FILE *file = fopen(f->path, "rb");
    bool good = file != NULL && read_open(c, file, f);
    int error = errno;
    if (file != NULL)
        fclose(file);
    if (c->arena->failed)
        longjmp(c->no_memory, 1);
    if (!good)
        check_error(c, 609, f->span, "cannot read %s: %s", f->path, strerror(error));
    else
        egret_diags_add_content(c->diags, f->path, f->text, f->len);
    return good;
}

/* ---- lists ---- */

static egret_str trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
        to--;
    return (egret_str){ from, (uint32_t)(to - from) };
}

/* A '#' begins a comment at the start of a line and after a blank. */
static egret_str line_value(const char *from, const char *to)
{
    for (const char *at = from; at < to; at++)
        if (*at == '#' && (at == from || at[-1] == ' ' || at[-1] == '\t'))
            return trimmed(from, at);
    return trimmed(from, to);
}

static void load_list(check *c, const symbol *found)
{
    plan_list *list = &c->plan->lists[found->index];
    content_file f = { .c = c, .span = found->decl->u.list_path.span };
    if (!read_file(&f, list->path))
        return;
    const char *at = f.text, *end = f.text + f.len;
    if (f.len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    for (uint32_t line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        egret_str value = line_value(at, stop);
        at = stop + 1;
        egret_value v;
        if (value.len == 0)
            continue;
        if (!content_value(value, (egret_type)list->type, EGRET_UNIT_DETECT, &v)) {
            char what[80];
            snprintf(what, sizeof what, "this is no %s", egret_type_name((egret_type)list->type));
            file_error(&f, line, what, value);
            continue;
        }
        list->items = check_grow(c, list->items, list->n_items, sizeof v);
        list->items[list->n_items++] = v;
    }
}

/* ---- tables ---- */

typedef struct table_load {
    content_file f;
    plan_table *table;
    uint32_t *place;            /* per column: its cell in a record; PLAN_NONE: an optional one of a list, not there */
    uint32_t n_header;
    bool of_list;               /* a list with columns: value, until; others are for people */
} table_load;

/* Finds the columns in the header line. */
static bool load_header(table_load *t, const egret_csv *csv)
{
    bool good = true;
    t->n_header = csv->n_cells;
    for (uint32_t i = 0; i < t->table->n_columns; i++) {
        const plan_field *column = &t->table->columns[i];
        t->place[i] = PLAN_NONE;
        for (uint32_t k = 0; k < csv->n_cells; k++)
            if (egret_str_eq(trimmed(csv->cells[k].ptr, csv->cells[k].ptr + csv->cells[k].len), column->path))
                t->place[i] = k;
        if (t->place[i] != PLAN_NONE || (t->of_list && column->optional))
            continue;
        file_error(&t->f, csv->line, t->of_list ? "the header line of a list has a column" : "the header line lacks a column of the table",
                   column->path);
        good = false;
    }
    return good;
}

static void load_cell(table_load *t, const egret_csv *csv, uint32_t column, egret_value *out)
{
    const plan_field *field = &t->table->columns[column];
    *out = egret_null();
    if (t->place[column] == PLAN_NONE)
        return;
    const egret_csv_cell *cell = &csv->cells[t->place[column]];
    bool empty = cell->len == 0 && !cell->quoted;
    if (empty && field->optional)
        return;
    egret_str text = egret_arena_str(t->f.c->arena, cell->ptr, cell->len);
    if (text.ptr == NULL)
        return;
    if (field->type != EGRET_STRING)
        text = trimmed(text.ptr, text.ptr + text.len);
    if (content_value(text, (egret_type)field->type, field->unit, out))
        return;
    char what[160];
    snprintf(what, sizeof what, "column '%.*s' is no %s", (int)field->name.len, field->name.ptr, egret_type_name((egret_type)field->type));
    file_error(&t->f, csv->line, what, text);
}

/* Walks the records; `row` is called for each behind the header. Must not leave by longjmp: the reader holds memory. */
static bool walk_csv(table_load *t, void (*row)(table_load *, const egret_csv *))
{
    egret_csv csv;
    egret_csv_init(&csv, t->f.c->arena->mem, t->f.text, t->f.len);
    egret_csv_result got;
    bool header = false, good = true;
    while (good && (got = egret_csv_next(&csv)) != EGRET_CSV_END) {
        if (got == EGRET_CSV_NO_MEMORY || got == EGRET_CSV_MORE) {
            t->f.c->arena->failed = true;
            good = false;
        } else if (got == EGRET_CSV_BAD) {
            file_error(&t->f, csv.line, csv.error, (egret_str){ "", 0 });
        } else if (!header) {
            good = load_header(t, &csv);
            header = true;
        } else if (csv.n_cells != t->n_header) {
            file_error(&t->f, csv.line, "this line has not as many cells as the header", (egret_str){ "", 0 });
        } else {
            row(t, &csv);
        }
    }
    if (good && !header)
        file_error(&t->f, 1, "the file has no header line", (egret_str){ "", 0 });
    egret_csv_deinit(&csv);
    return good && header;
}

static void count_row(table_load *t, const egret_csv *csv)
{
    (void)csv;
    t->table->n_rows++;
}

static void load_row(table_load *t, const egret_csv *csv)
{
    uint32_t n = t->table->n_columns;
    for (uint32_t i = 0; i < n; i++)
        load_cell(t, csv, i, &t->table->cells[(size_t)t->table->n_rows * n + i]);
    t->table->n_rows++;
}

static bool same_key(const plan_table *table, uint32_t a, uint32_t b)
{
    for (uint32_t k = 0; k < table->n_key; k++)
        if (!egret_value_equal(table->cells[(size_t)a * table->n_columns + table->key[k]],
                               table->cells[(size_t)b * table->n_columns + table->key[k]]))
            return false;
    return true;
}

static void check_unique(table_load *t)
{
    check *c = t->f.c;
    id_map seen = { 0 };
    for (uint32_t row = 0; row < t->table->n_rows; row++) {
        uint64_t hash = 0;
        for (uint32_t k = 0; k < t->table->n_key; k++)
            hash = hash_mix(hash, egret_value_hash(t->table->cells[(size_t)row * t->table->n_columns + t->table->key[k]]));
        uint32_t cursor = PLAN_NONE, other;
        while ((other = id_map_find(&seen, hash, &cursor)) != PLAN_NONE)
            if (same_key(t->table, other, row))
                break;
        if (other == PLAN_NONE)
            id_map_put(c, &seen, hash, row);
        else
            check_error(c, 612, t->f.span, "%s: rows %u and %u have the same key", t->f.path, (unsigned)other + 1, (unsigned)row + 1);
    }
}

/* true: all rows are there, and nothing was wrong. */
static bool load_rows(table_load *t)
{
    check *c = t->f.c;
    bool good = false;
    t->place = check_alloc(c, t->table->n_columns * sizeof *t->place);
    if (!read_file(&t->f, t->table->path))
        return false;
    if (walk_csv(t, count_row)) {
        uint32_t n = t->table->n_rows;
        t->table->n_rows = 0;
        t->table->cells = check_alloc(c, (size_t)n * t->table->n_columns * sizeof *t->table->cells);
        /* What is wrong with the file's shape has been said. */
        good = t->f.n_errors == 0 && walk_csv(t, load_row) && t->f.n_errors == 0;
    }
    if (c->arena->failed)
        longjmp(c->no_memory, 1);
    return good;
}

static void load_table(check *c, const symbol *found)
{
    table_load t = { .f = { .c = c, .span = found->decl->u.table.path.span }, .table = &c->plan->tables[found->index] };
    if (load_rows(&t))
        check_unique(&t);
}

/* A list whose file is CSV: its items are in the column `value`; `until` says to when each counts. What other columns say (owner, reason) is for
 * people. */
static void load_list_columns(check *c, const symbol *found)
{
    plan_list *list = &c->plan->lists[found->index];
    plan_field columns[] = { { .name = { "value", 5 }, .path = { "value", 5 }, .type = list->type },
                             { .name = { "until", 5 }, .path = { "until", 5 }, .type = EGRET_TIME, .optional = true } };
    plan_table table = { .name = list->name, .path = list->path, .columns = columns, .n_columns = 2 };
    table_load t = { .f = { .c = c, .span = found->decl->u.list_path.span }, .table = &table, .of_list = true };
    if (!load_rows(&t))
        return;
    list->n_items = table.n_rows;
    list->items = check_alloc(c, table.n_rows * sizeof *list->items);
    list->until_ms = check_alloc(c, table.n_rows * sizeof *list->until_ms);
    bool ends = false;
    for (uint32_t i = 0; i < table.n_rows; i++) {
        const egret_value *until = &table.cells[i * 2 + 1];
        list->items[i] = table.cells[i * 2];
        list->until_ms[i] = until->type == EGRET_TIME ? until->u.i : INT64_MAX;
        ends = ends || until->type == EGRET_TIME;
    }
    list->until_ms = ends ? list->until_ms : NULL;
}

static bool is_csv(egret_str path)
{
    return path.len >= 4 && memcmp(path.ptr + path.len - 4, ".csv", 4) == 0;
}

void content_types(check *c)
{
    for (uint32_t i = 0; i < c->n_symbols; i++)
        if (c->symbols[i].decl->kind == AST_LIST)
            c->plan->lists[c->symbols[i].index].type = c->symbols[i].item_type == EGRET_NULL ? EGRET_STRING : c->symbols[i].item_type;
}

void content_load(check *c)
{
    for (uint32_t i = 0; i < c->n_symbols; i++) {
        const ast_decl *decl = c->symbols[i].decl;
        if (decl->kind == AST_LIST && is_csv(decl->u.list_path.str))
            load_list_columns(c, &c->symbols[i]);
        else if (decl->kind == AST_LIST)
            load_list(c, &c->symbols[i]);
        else if (c->symbols[i].decl->kind == AST_TABLE)
            load_table(c, &c->symbols[i]);
    }
}
