/*
 * check_stream.c: what comes in and what is known: streams, lists, tables, defines.
 *
 * A field gets a slot when something reads it (stream_slot), so what nobody reads is never decoded. A list has no declared type:
 * its items are what the rules compare them with; content.c reads the file accordingly, at the end.
 */
#include "compiler/check.h"

#include <string.h>

static const struct { const char *name; uint8_t type; } TYPES[] = {
    { "string", EGRET_STRING }, { "int", EGRET_INT }, { "number", EGRET_NUMBER }, { "decimal", EGRET_DECIMAL },
    { "bool", EGRET_BOOL }, { "time", EGRET_TIME }, { "duration", EGRET_DURATION },
};
static const struct { const char *name; uint8_t unit; } UNITS[] = {
    { "s", EGRET_UNIT_S }, { "ms", EGRET_UNIT_MS }, { "us", EGRET_UNIT_US }, { "ns", EGRET_UNIT_NS },
};

enum { N_TYPES = sizeof TYPES / sizeof TYPES[0], N_UNITS = sizeof UNITS / sizeof UNITS[0] };

static void check_unit(check *c, const ast_type *type, plan_field *out)
{
    if (type->unit.str.len == 0)
        return;
    for (size_t i = 0; i < N_UNITS; i++)
        if (egret_str_is(type->unit.str, UNITS[i].name))
            out->unit = UNITS[i].unit;
    egret_diag *diag = NULL;
    if (out->type != EGRET_TIME)
        diag = check_error(c, 608, type->unit.span, "only a time has a unit, not a %s", egret_type_name((egret_type)out->type));
    else if (out->unit == EGRET_UNIT_DETECT)
        diag = check_error(c, 608, type->unit.span, "unknown unit '%.*s'", (int)type->unit.str.len, type->unit.str.ptr);
    check_help(c, diag, "units of a time: s, ms, us, ns; without one it is detected by magnitude");
}

bool check_type(check *c, const ast_type *type, plan_field *out)
{
    out->optional = type->optional;
    for (size_t i = 0; i < N_TYPES; i++) {
        if (!egret_str_is(type->name.str, TYPES[i].name))
            continue;
        out->type = TYPES[i].type;
        check_unit(c, type, out);
        return true;
    }
    egret_diag *diag = check_error(c, 312, type->name.span, "unknown type '%.*s'", (int)type->name.str.len, type->name.str.ptr);
    names n = { 0 };
    for (size_t i = 0; i < N_TYPES; i++)
        names_add(c, &n, (egret_str){ TYPES[i].name, (uint32_t)strlen(TYPES[i].name) });
    check_suggest(c, diag, type->name.str, &n, "types");
    return false;
}

/* Fields of a stream, columns of a table. */
static plan_field *check_fields(check *c, const ast_field *list, uint32_t *n_out)
{
    plan_field *fields = NULL;
    uint32_t n = 0;
    for (const ast_field *f = list; f != NULL; f = f->next) {
        const ast_field *twin = list;
        while (twin != f && !egret_str_eq(twin->name.str, f->name.str))
            twin = twin->next;
        if (twin != f) {
            egret_diag *diag = check_error(c, 305, f->name.span, "field '%.*s' stands twice", (int)f->name.str.len, f->name.str.ptr);
            check_note(c, diag, twin->name.span, "the first one");
            continue;
        }
        fields = check_grow(c, fields, n, sizeof *fields);
        fields[n] = (plan_field){ .name = f->name.str, .path = f->from.str.len != 0 ? f->from.str : f->name.str, .slot = PLAN_NONE };
        check_type(c, &f->type, &fields[n]);
        n++;
    }
    *n_out = n;
    return fields;
}

/* ---- streams ---- */

uint32_t stream_field(const plan_stream *stream, egret_str name)
{
    for (uint32_t i = 0; i < stream->n_fields; i++)
        if (egret_str_eq(stream->fields[i].name, name))
            return i;
    return PLAN_NONE;
}

uint32_t stream_slot(check *c, uint32_t stream, uint32_t field)
{
    plan_stream *s = &c->plan->streams[stream];
    check_touch(c, TOUCH_FIELD, stream, field);
    if (s->fields[field].slot == PLAN_NONE) {
        if (c->revising)
            check_not_simple(c);
        s->slot_field = check_grow(c, s->slot_field, s->n_slots, sizeof *s->slot_field);
        s->slot_field[s->n_slots] = field;
        s->fields[field].slot = s->n_slots++;
    }
    return s->fields[field].slot;
}

/* A field that an option of the stream names; it always has a slot. */
static uint32_t option_field(check *c, uint32_t stream, const ast_name *name)
{
    if (name->str.len == 0)
        return PLAN_NONE;
    const plan_stream *s = &c->plan->streams[stream];
    uint32_t field = stream_field(s, name->str);
    if (field != PLAN_NONE) {
        stream_slot(c, stream, field);
        return field;
    }
    egret_diag *diag = check_error(c, 302, name->span, "stream '%.*s' has no field '%.*s'", (int)s->name.len, s->name.ptr,
                                   (int)name->str.len, name->str.ptr);
    names n = { 0 };
    names_add_fields(c, &n, s->fields, s->n_fields);
    check_suggest(c, diag, name->str, &n, "its fields");
    return PLAN_NONE;
}

static void check_stream(check *c, const ast_decl *decl, uint32_t index)
{
    const ast_stream *tree = &decl->u.stream;
    plan_stream *s = &c->plan->streams[index];
    s->name = decl->name.str;
    s->ahead_ms = 3600000;
    s->identity_within_ms = 86400000;
    s->fields = check_fields(c, tree->fields, &s->n_fields);
    s->time_field = option_field(c, index, &tree->time_field);
    s->identity_field = option_field(c, index, &tree->identity);
    if (s->time_field != PLAN_NONE && s->fields[s->time_field].type != EGRET_TIME && s->fields[s->time_field].type != EGRET_NULL) {
        egret_diag *diag = check_error(c, 606, tree->time_field.span, "the time of a stream must be of type time; '%.*s' is %s",
                                       (int)tree->time_field.str.len, tree->time_field.str.ptr,
                                       egret_type_name((egret_type)s->fields[s->time_field].type));
        check_help(c, diag, "declare it as %.*s: time; numbers and RFC 3339 texts are read as times", (int)tree->time_field.str.len,
                   tree->time_field.str.ptr);
    }
    if (s->time_field != PLAN_NONE && s->fields[s->time_field].optional)
        check_error(c, 606, tree->time_field.span, "the time of a stream cannot be optional: an event without a time has no place in the order");
    if (dur_is_written(&tree->lateness))
        check_dur(c, &tree->lateness, "lateness", &s->lateness_ms);
    if (dur_is_written(&tree->identity_within))
        check_dur(c, &tree->identity_within, "the time of identity", &s->identity_within_ms);
}

void check_streams(check *c)
{
    for (uint32_t i = 0; i < c->n_symbols; i++) {
        c->visits = 0;
        if (c->symbols[i].decl->kind == AST_STREAM)
            check_stream(c, c->symbols[i].decl, c->symbols[i].index);
    }
}

/* ---- lists and tables ---- */

static void check_table(check *c, const ast_decl *decl, plan_table *table)
{
    const ast_table *tree = &decl->u.table;
    table->name = decl->name.str;
    table->path = tree->path.str;
    table->columns = check_fields(c, tree->fields, &table->n_columns);
    if (tree->n_key > PLAN_MAX_KEY_PARTS) {
        check_error(c, 611, tree->key[PLAN_MAX_KEY_PARTS].span, "a table has at most %d key columns", PLAN_MAX_KEY_PARTS);
        return;
    }
    for (uint32_t k = 0; k < tree->n_key; k++) {
        uint32_t column = 0;
        while (column < table->n_columns && !egret_str_eq(table->columns[column].name, tree->key[k].str))
            column++;
        if (column == table->n_columns) {
            egret_diag *diag = check_error(c, 611, tree->key[k].span, "table '%.*s' has no column '%.*s' to be its key",
                                           (int)table->name.len, table->name.ptr, (int)tree->key[k].str.len, tree->key[k].str.ptr);
            names n = { 0 };
            names_add_fields(c, &n, table->columns, table->n_columns);
            check_suggest(c, diag, tree->key[k].str, &n, "its columns");
            continue;
        }
        if (table->columns[column].optional)
            check_error(c, 611, tree->key[k].span, "a key column cannot be optional");
        table->key[table->n_key++] = column;
    }
}

void check_contents(check *c)
{
    for (uint32_t i = 0; i < c->n_symbols; i++) {
        const ast_decl *decl = c->symbols[i].decl;
        if (decl->kind == AST_LIST)
            c->plan->lists[c->symbols[i].index] = (plan_list){ .name = decl->name.str, .path = decl->u.list_path.str };
        else if (decl->kind == AST_TABLE)
            check_table(c, decl, &c->plan->tables[c->symbols[i].index]);
        else if (decl->kind == AST_CALENDAR)
            c->symbols[i].index = check_calendar(c, decl->name.str, decl->u.calendar);
    }
}

/* ---- defines ---- */

static void find_cycle(check *c, symbol *define);

/* A define stands for its expression where it is used, so all that can be said about it alone is that it does not contain itself. */
static void find_cycle_in(check *c, const ast_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->kind == AST_NAME) {
            symbol *inner = check_find_kind(c, AST_DEFINE, e->name.str);
            if (inner != NULL)
                find_cycle(c, inner);
        }
        if (e->a != NULL)
            find_cycle_in(c, e->a);
        if (e->b != NULL)
            find_cycle_in(c, e->b);
        find_cycle_in(c, e->args);
        find_cycle_in(c, e->where);
    }
}

static void find_cycle(check *c, symbol *define)
{
    if (define->state == SYMBOL_DONE)
        return;
    if (define->state == SYMBOL_BUSY) {
        check_error(c, 310, define->decl->name.span, "define '%.*s' contains itself", (int)define->decl->name.str.len,
                    define->decl->name.str.ptr);
        return;
    }
    if (c->depth > CHECK_MAX_DEPTH) {
        check_error(c, 412, define->decl->name.span, "defines inside defines go too deep");
        return;
    }
    define->state = SYMBOL_BUSY;
    c->depth += define->decl->u.define->height;
    find_cycle_in(c, define->decl->u.define);
    c->depth -= define->decl->u.define->height;
    define->state = SYMBOL_DONE;
}

void check_defines(check *c)
{
    for (uint32_t i = 0; i < c->n_symbols; i++)
        if (c->symbols[i].decl->kind == AST_DEFINE)
            find_cycle(c, &c->symbols[i]);
    for (uint32_t i = 0; i < c->n_symbols; i++)
        if (c->symbols[i].decl->kind == AST_DEFINE)
            c->symbols[i].state = SYMBOL_NEW;
}
