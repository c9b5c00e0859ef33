/*
 * content_edit.c: see content_edit.h. Records are told apart first, as bytes; then each is asked whether it goes.
 */
#include "web/content_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 64 };

typedef struct field {
    char *text;     /* unquoted, in the record's copy */
} field;

typedef struct record {
    const char *ptr;
    size_t len;         /* with its line end */
    char *copy;         /* fields are in it */
    field fields[MAX_COLUMNS];
    unsigned n;
} record;

/* ---- CSV ---- */

/* The length of the record at text: to the line end that is not in quotes. */
static size_t record_length(const char *text)
{
    bool quoted = false;
    size_t i = 0;
    for (; text[i] && (quoted || text[i] != '\n'); i++)
        if (text[i] == '"') quoted = !quoted;
    return text[i] ? i + 1 : i;
}

/* Takes the field at *at apart, in place; *at goes behind its comma. */
static char *take_field(char **at, bool *more)
{
    char *from = *at, *to = from, *start = from;
    bool quoted = *from == '"';
    if (quoted) from++;
    for (; *from; from++) {
        if (quoted && *from == '"') {
            if (from[1] != '"') {
                quoted = false;
                continue;
            }
            from++;
        } else if (!quoted && (*from == ',' || *from == '\r' || *from == '\n')) {
            break;
        }
        *to++ = *from;
    }
    *more = *from == ',';
    *at = *from ? from + 1 : from;
    *to = '\0';
    return start;
}

/* False: no memory, or too many columns. */
static bool read_record(const char *text, record *r)
{
    *r = (record){.ptr = text, .len = record_length(text)};
    r->copy = strndup(text, r->len);
    char *at = r->copy;
    for (bool more = at != NULL; more;) {
        if (r->n == MAX_COLUMNS) return false;
        r->fields[r->n++].text = take_field(&at, &more);
    }
    return r->copy != NULL;
}

static int column_of(const record *header, const char *name)
{
    for (unsigned i = 0; i < header->n; i++)
        if (strcmp(header->fields[i].text, name) == 0) return (int)i;
    return -1;
}

static void put_field(egret_text *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n") && text[0] != '#' && text[0] != ' ') {
        egret_text_puts(out, text);
        return;
    }
    egret_text_puts(out, "\"");
    for (; *text; text++) {
        if (*text == '"') egret_text_puts(out, "\"");
        egret_text_put(out, text, 1);
    }
    egret_text_puts(out, "\"");
}

/* A value of a change as text: numbers and truths may be written as such. */
static const char *value_text(const json_t *value, char *buffer, size_t size)
{
    if (json_is_integer(value)) snprintf(buffer, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) snprintf(buffer, size, "%.17g", json_real_value(value));
    else if (json_is_boolean(value)) snprintf(buffer, size, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_null(value)) buffer[0] = '\0';
    else return json_string_value(value);
    return buffer;
}

/* ---- what a change says ---- */

/* A row as an object by column: a string is one of the column `value`. A new reference. */
static json_t *row_of(const json_t *item)
{
    return json_is_string(item) ? json_pack("{s:O}", "value", item) : json_incref((json_t *)(uintptr_t)item);
}

static bool check_rows(const json_t *rows, const record *header, char *reason, size_t size)
{
    const json_t *item;
    size_t i;
    char buffer[40];
    json_array_foreach(rows, i, item) {
        json_t *row = row_of(item);
        bool fine = json_is_object(row) && json_object_size(row) > 0;
        if (!fine) snprintf(reason, size, "add and remove have strings, or objects with values by column");
        for (void *at = fine ? json_object_iter(row) : NULL; at && fine; at = json_object_iter_next(row, at)) {
            fine = column_of(header, json_object_iter_key(at)) >= 0 && value_text(json_object_iter_value(at), buffer, sizeof buffer);
            if (!fine) snprintf(reason, size, "'%.80s' is no column, or its value is neither text nor number", json_object_iter_key(at));
        }
        json_decref(row);
        if (!fine) return false;
    }
    return true;
}

/* Does the record have all that the row says? */
static bool has(const record *header, const record *r, const json_t *row)
{
    char buffer[40];
    for (void *at = json_object_iter((json_t *)(uintptr_t)row); at; at = json_object_iter_next((json_t *)(uintptr_t)row, at)) {
        int column = column_of(header, json_object_iter_key(at));
        if (column < 0 || (unsigned)column >= r->n) return false;
        if (strcmp(r->fields[column].text, value_text(json_object_iter_value(at), buffer, sizeof buffer)) != 0) return false;
    }
    return true;
}

/* Is the record one that goes? Then found[] of what said so is set. */
static bool goes(const record *header, const record *r, const json_t *remove, bool *found)
{
    const json_t *item;
    size_t i;
    bool any = false;
    json_array_foreach(remove, i, item) {
        json_t *row = row_of(item);
        if (has(header, r, row)) any = found[i] = true;
        json_decref(row);
    }
    return any;
}

static bool is_blank(const record *r, bool csv)
{
    size_t i = strspn(r->ptr, " \t\r");
    return i >= r->len || r->ptr[i] == '\n' || (!csv && r->ptr[i] == '#');
}

static bool keep_rest(const char *text, bool csv, const record *header, const json_t *remove, bool *found, egret_text *out)
{
    bool fine = true;
    while (*text && fine) {
        record r;
        fine = read_record(text, &r);
        bool data = fine && !is_blank(&r, csv);
        if (fine && !(data && goes(header, &r, remove, found))) egret_text_put(out, r.ptr, r.len);
        text += r.len;
        free(r.copy);
    }
    return fine;
}

static void put_row(egret_text *out, const record *header, const json_t *row, bool csv)
{
    char buffer[40];
    for (unsigned i = 0; i < header->n; i++) {
        const json_t *value = json_object_get(row, header->fields[i].text);
        if (i > 0) egret_text_puts(out, ",");
        const char *text = value ? value_text(value, buffer, sizeof buffer) : "";
        if (csv) put_field(out, text);
        else egret_text_puts(out, text);
    }
    egret_text_puts(out, "\n");
}

static void add_rows(const json_t *add, const record *header, bool csv, egret_text *out)
{
    const json_t *item;
    size_t i;
    if (json_array_size(add) > 0 && out->len > 0 && out->ptr[out->len - 1] != '\n') egret_text_puts(out, "\n");
    json_array_foreach(add, i, item) {
        json_t *row = row_of(item);
        put_row(out, header, row, csv);
        json_decref(row);
    }
}

static bool edit(const char *rest, bool csv, const record *header, const json_t *add, const json_t *remove, egret_text *out, char *reason, size_t size)
{
    size_t n = json_array_size(remove), i = 0;
    bool *found = calloc(n + 1, sizeof *found);
    bool fine = found && keep_rest(rest, csv, header, remove, found, out);
    if (!fine) snprintf(reason, size, "no memory, or a row has more than %d columns", MAX_COLUMNS);
    while (fine && i < n && found[i]) i++;
    if (fine && i < n) snprintf(reason, size, "number %zu of 'remove' is not there", i + 1);
    free(found);
    if (!fine || i < n) return false;
    add_rows(add, header, csv, out);
    return !out->failed;
}

/* A value of a list of lines that is more than a line would be two. */
static bool are_lines(const json_t *add, char *reason, size_t size)
{
    const json_t *item;
    size_t i;
    json_array_foreach(add, i, item) {
        const char *text = json_string_value(item);
        if (text && text[0] && text[0] != '#' && !strpbrk(text, "\r\n")) continue;
        snprintf(reason, size, "number %zu of 'add' is no line of a list: a text that is not empty and does not begin with #", i + 1);
        return false;
    }
    return true;
}

bool content_edit(const char *text, bool csv, const json_t *add, const json_t *remove, egret_text *out, char *reason, size_t reason_size)
{
    static char value[] = "value";
    record header = {.fields = {{value}}, .n = 1};
    if (csv && !read_record(text, &header)) {
        snprintf(reason, reason_size, "no memory, or the header has more than %d columns", MAX_COLUMNS);
        free(header.copy);
        return false;
    }
    bool fine = check_rows(add, &header, reason, reason_size) && check_rows(remove, &header, reason, reason_size) &&
                (csv || are_lines(add, reason, reason_size));
    if (fine) egret_text_put(out, text, header.len);
    fine = fine && edit(text + header.len, csv, &header, add, remove, out, reason, reason_size);
    free(header.copy);
    return fine;
}
