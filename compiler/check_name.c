/*
 * check_name.c: what a name means where it stands.
 *
 * On an event, bare names are its fields. At the end of a sequence (when, let, alert) they are lets and parts of the key; fields are
 * asked of steps: ok.device_id. In a threshold rule they are lets, parts of the key, and fields of the newest event. After all of these
 * come defines, which are put in as if their expression stood there in brackets.
 */
#include "compiler/check.h"

#include <stdio.h>
#include <string.h>

/* ---- fields ---- */

typed check_field_of(check *c, uint32_t stream, uint32_t field)
{
    uint32_t slot = stream_slot(c, stream, field);
    const plan_field *f = &c->plan->streams[stream].fields[field];
    typed t = typed_of(c, intern_leaf(c, PLAN_FIELD, (egret_type)f->type, slot, stream, PLAN_USES_EVENT));
    t.optional = f->optional;
    return f->type == EGRET_NULL ? typed_bad() : t;
}

static typed route_field(check *c, const scope *s, egret_str path)
{
    plan_edge *edge = s->edge;
    uint32_t i = 0;
    while (i < edge->n_route_fields && !egret_str_eq(edge->route_fields[i].path, path))
        i++;
    if (i == edge->n_route_fields) {
        edge->route_fields = check_grow(c, edge->route_fields, i, sizeof *edge->route_fields);
        edge->route_fields[i] = (plan_field){ .name = path, .path = path, .optional = true, .slot = i };
        edge->n_route_fields++;
    }
    egret_type type = (egret_type)edge->route_fields[i].type;
    return typed_of(c, intern_leaf(c, PLAN_FIELD, type == EGRET_NULL ? EGRET_STRING : type, i, PLAN_NONE, PLAN_USES_EVENT));
}

/* ---- cells of bound events ---- */

static uint32_t cell_for(check *c, plan_cell **cells, uint32_t *n_cells, egret_str name, uint8_t type)
{
    for (uint32_t i = 0; i < *n_cells; i++)
        if (egret_str_eq((*cells)[i].name, name) && (*cells)[i].type == type && (*cells)[i].expr == PLAN_NONE)
            return i;
    if (*n_cells >= PLAN_MAX_CELLS)
        return PLAN_NONE;
    *cells = check_grow(c, *cells, *n_cells, sizeof **cells);
    uint32_t *slot = check_alloc(c, c->plan->n_streams * sizeof *slot);
    memset(slot, 0xff, c->plan->n_streams * sizeof *slot);
    (*cells)[*n_cells] = (plan_cell){ .name = name, .type = type, .slot = slot, .expr = PLAN_NONE };
    return (*n_cells)++;
}

static uint32_t cell_or_error(check *c, plan_cell **cells, uint32_t *n_cells, const ast_name *field, uint8_t type)
{
    uint32_t cell = cell_for(c, cells, n_cells, field->str, type);
    if (cell == PLAN_NONE)
        check_error(c, 522, field->span, "a rule remembers at most %d fields of its events", PLAN_MAX_CELLS);
    return cell;
}

uint32_t cell_of_value(check *c, plan_pattern *pattern, uint32_t expr, egret_span span)
{
    for (uint32_t i = 0; i < pattern->n_cells; i++)
        if (pattern->cells[i].expr == expr)
            return i;
    char *name = check_alloc(c, 24);
    int len = snprintf(name, 24, "before_%u", (unsigned)pattern->n_cells);
    ast_name field = { .str = { name, (uint32_t)len }, .span = span };
    uint32_t cell = cell_or_error(c, &pattern->cells, &pattern->n_cells, &field, c->plan->exprs[expr].type);
    if (cell != PLAN_NONE)
        pattern->cells[cell].expr = expr;
    return cell;
}

static void explain_missing(check *c, const plan_stream *s, const ast_name *field, const char *of_step)
{
    egret_diag *diag = check_error(c, of_step == NULL ? 302 : 316, field->span, "stream '%.*s'%s has no field '%.*s'", (int)s->name.len,
                                   s->name.ptr, of_step == NULL ? "" : of_step, (int)field->str.len, field->str.ptr);
    names n = { 0 };
    names_add_fields(c, &n, s->fields, s->n_fields);
    check_suggest(c, diag, field->str, &n, "its fields");
}

uint32_t check_cell(check *c, rule_ctx *rule, uint32_t item, const ast_name *field)
{
    uint8_t type = EGRET_NULL;
    const ast_atom *watch = rule->items[item].item->watch;
    for (const ast_atom *atom = watch; atom != NULL; atom = atom->next) {
        uint32_t stream = rule_stream(c, rule, &atom->stream);
        if (stream == PLAN_NONE)
            return PLAN_NONE;
        const plan_stream *s = &c->plan->streams[stream];
        uint32_t f = stream_field(s, field->str);
        if (f == PLAN_NONE) {
            explain_missing(c, s, field, watch->next == NULL ? NULL : " of this step");
            return PLAN_NONE;
        }
        if (s->fields[f].type == EGRET_NULL)
            return PLAN_NONE;
        if (type != EGRET_NULL && s->fields[f].type != type) {
            check_error(c, 316, field->span, "'%.*s' has different types in the streams of this step: %s and %s", (int)field->str.len,
                        field->str.ptr, egret_type_name((egret_type)type), egret_type_name((egret_type)s->fields[f].type));
            return PLAN_NONE;
        }
        type = s->fields[f].type;
    }
    uint32_t cell = type == EGRET_NULL ? PLAN_NONE : cell_or_error(c, &rule->pattern->cells, &rule->pattern->n_cells, field, type);
    for (const ast_atom *atom = watch; cell != PLAN_NONE && atom != NULL; atom = atom->next) {
        uint32_t stream = rule_stream(c, rule, &atom->stream);
        uint32_t f = stream_field(&c->plan->streams[stream], field->str);
        rule->pattern->cells[cell].slot[stream] = stream_slot(c, stream, f);
    }
    return cell;
}

/* A field of the newest event of a window; PLAN_NONE: no stream of it has the field (nothing was said), or an error. */
static uint32_t newest_cell(check *c, win_ctx *win, const ast_name *name, bool *said)
{
    uint8_t type = EGRET_NULL;
    for (uint32_t i = 0; i < win->window.n_atoms; i++) {
        const plan_stream *s = &c->plan->streams[win->window.atoms[i].stream];
        uint32_t f = stream_field(s, name->str);
        if (f == PLAN_NONE || s->fields[f].type == EGRET_NULL)
            continue;
        if (type != EGRET_NULL && type != s->fields[f].type) {
            check_error(c, 316, name->span, "'%.*s' has different types in the streams watched: %s and %s", (int)name->str.len,
                        name->str.ptr, egret_type_name((egret_type)type), egret_type_name((egret_type)s->fields[f].type));
            *said = true;
            return PLAN_NONE;
        }
        type = s->fields[f].type;
    }
    if (type == EGRET_NULL)
        return PLAN_NONE;
    uint32_t cell = cell_or_error(c, &win->window.cells, &win->window.n_cells, name, type);
    *said = cell == PLAN_NONE;
    for (uint32_t i = 0; cell != PLAN_NONE && i < win->window.n_atoms; i++) {
        uint32_t stream = win->window.atoms[i].stream;
        uint32_t f = stream_field(&c->plan->streams[stream], name->str);
        if (f != PLAN_NONE)
            win->window.cells[cell].slot[stream] = stream_slot(c, stream, f);
    }
    return cell;
}

/* ---- steps ---- */

uint32_t find_step(const rule_ctx *rule, egret_str name)
{
    if (rule == NULL || rule->pattern == NULL || name.len == 0)
        return PLAN_NONE;
    for (uint32_t i = 0; i < rule->pattern->n_items; i++)
        if (egret_str_eq(rule->items[i].name, name))
            return i;
    return PLAN_NONE;
}

bool step_is_visible(const scope *s, uint32_t item)
{
    if (s->kind != SCOPE_EVENT || (s->own_item && item == s->item))
        return true;
    return item < s->item && !step_is_beside(s, item);
}

bool name_is_silent(const scope *s, egret_str name)
{
    const rule_ctx *rule = s->rule;
    if ((s->kind == SCOPE_EVENT || s->kind == SCOPE_KEY) && s->stream == PLAN_NONE)
        return true;
    if (rule == NULL)
        return false;
    for (uint32_t i = 0; i < rule->n_ghosts; i++)
        if (egret_str_eq(rule->ghosts[i], name))
            return true;
    return rule->refused && s->kind != SCOPE_EVENT;
}

/* A step that stands where it cannot be asked. */
static typed step_unbound(check *c, const scope *s, uint32_t item, const ast_name *name)
{
    if (step_is_beside(s, item)) {
        egret_diag *diag = check_error(c, 315, name->span, "step '%.*s' stands beside this one, not before it", (int)name->str.len, name->str.ptr);
        check_help(c, diag, "alternatives and operands do not see each other; what looks at several may stand in 'when'");
        return typed_bad();
    }
    egret_diag *diag = check_error(c, 315, name->span, "step '%.*s' is not bound yet where this condition is asked", (int)name->str.len,
                                   name->str.ptr);
    check_help(c, diag, "a condition may look at earlier steps; what looks at several may stand in 'when'");
    return typed_bad();
}

typed check_step_field(check *c, const scope *s, uint32_t item, const ast_expr *e)
{
    rule_ctx *rule = s->rule;
    const ast_item *tree = rule->items[item].item;
    if (!step_is_visible(s, item))
        return step_unbound(c, s, item, &e->a->name);
    if (s->kind == SCOPE_EVENT && item == s->item && tree->quant.kind == AST_QUANT_NONE && !step_is_repeated(rule->pattern, item)) {
        egret_diag *diag = check_error(c, 526, e->span, "a single step has taken nothing yet when its own condition is asked");
        check_help(c, diag, "write the field alone: %.*s", (int)e->name.str.len, e->name.str.ptr);
        return typed_bad();
    }
    if (s->kind == SCOPE_CELLS && item != s->item)
        return check_step_field(c, s->outer, item, e);
    bool cells = s->kind == SCOPE_CELLS;
    uint32_t stream = rule_stream(c, rule, &tree->watch->stream);
    if (egret_str_is(e->name.str, "stream") && stream != PLAN_NONE
        && stream_field(&c->plan->streams[stream], e->name.str) == PLAN_NONE)
        return typed_of(c, cells ? intern_leaf(c, PLAN_CELL_STREAM, EGRET_STRING, 0, 0, PLAN_USES_STEPS)
                                 : intern_leaf(c, PLAN_STEP_STREAM, EGRET_STRING, item, 0, PLAN_USES_STEPS));
    uint32_t cell = check_cell(c, rule, item, &e->name);
    if (cell == PLAN_NONE)
        return typed_bad();
    egret_type type = (egret_type)rule->pattern->cells[cell].type;
    typed t = typed_of(c, cells ? intern_leaf(c, PLAN_CELL, type, cell, 0, PLAN_USES_STEPS)
                                : intern_leaf(c, PLAN_STEP_FIELD, type, item, cell, PLAN_USES_STEPS));
    uint32_t f = stream_field(&c->plan->streams[stream], e->name.str);
    t.optional = c->plan->streams[stream].fields[f].optional;
    return t;
}

/* ---- bare names ---- */

static typed key_part(check *c, const scope *s, egret_str name)
{
    if (s->rule == NULL || s->rule->no_key || s->rule->rule.group == PLAN_NONE)
        return typed_bad();
    const plan_group *group = &c->plan->groups[s->rule->rule.group];
    for (uint32_t i = 0; i < group->n_parts; i++)
        if (egret_str_eq(group->part_name[i], name))
            return typed_of(c, intern_leaf(c, PLAN_KEY, (egret_type)group->part_type[i], i, 0, PLAN_USES_KEY));
    return typed_bad();
}

static uint32_t find_let(const rule_ctx *rule, egret_str name)
{
    for (uint32_t i = 0; rule != NULL && i < rule->n_lets; i++)
        if (egret_str_eq(rule->lets[i].clause->name.str, name))
            return i;
    return PLAN_NONE;
}

static bool is_level(egret_str name)
{
    return egret_str_is(name, "info") || egret_str_is(name, "low") || egret_str_is(name, "medium") || egret_str_is(name, "high")
           || egret_str_is(name, "critical");
}

/* What the scope itself knows. false: nothing by that name; true: *out, which may be bad. */
static bool scope_name(check *c, const scope *s, const ast_expr *e, typed *out)
{
    egret_str name = e->name.str;
    bool event = s->kind == SCOPE_EVENT || s->kind == SCOPE_KEY;
    if (event && s->stream != PLAN_NONE) {
        uint32_t field = stream_field(&c->plan->streams[s->stream], name);
        if (field != PLAN_NONE) {
            *out = check_field_of(c, s->stream, field);
            return true;
        }
    }
    if (s->levels && is_level(name)) {
        *out = typed_value(c, egret_string(name.ptr, name.len));
        return true;
    }
    bool top = s->kind == SCOPE_MATCH || s->kind == SCOPE_WINDOW;
    uint32_t let = top ? find_let(s->rule, name) : PLAN_NONE;
    if (let != PLAN_NONE) {
        *out = rule_let(c, s->rule, let);
        return true;
    }
    if (s->kind != SCOPE_KEY) {
        *out = key_part(c, s, name);
        if (!typed_is_bad(*out))
            return true;
    }
    if (s->kind == SCOPE_ROUTE) {
        *out = route_field(c, s, name);
        return true;
    }
    if (s->kind == SCOPE_TEST && egret_str_is(name, "i")) {
        *out = typed_of(c, intern_leaf(c, PLAN_I, EGRET_INT, 0, 0, 0));
        return true;
    }
    if (event && s->stream != PLAN_NONE && egret_str_is(name, "stream")) {
        *out = typed_value(c, egret_string(c->plan->streams[s->stream].name.ptr, c->plan->streams[s->stream].name.len));
        return true;
    }
    return false;
}

/* Names that mean something of one item (inside an aggregate) or of the window. */
static bool state_name(check *c, const scope *s, const ast_expr *e, typed *out)
{
    bool said = false;
    uint32_t cell = PLAN_NONE;
    if (s->kind == SCOPE_CELLS) {
        const ast_atom *atom = s->rule->items[s->item].item->watch;
        uint32_t stream = rule_stream(c, s->rule, &atom->stream);
        bool known = stream != PLAN_NONE && stream_field(&c->plan->streams[stream], e->name.str) != PLAN_NONE;
        if (stream != PLAN_NONE && !known && egret_str_is(e->name.str, "stream")) {
            *out = typed_of(c, intern_leaf(c, PLAN_CELL_STREAM, EGRET_STRING, 0, 0, PLAN_USES_STEPS));
            return true;
        }
        if (!known)
            return false;
        cell = check_cell(c, s->rule, s->item, &e->name);
        *out = cell == PLAN_NONE ? typed_bad()
                                 : typed_of(c, intern_leaf(c, PLAN_CELL, (egret_type)s->rule->pattern->cells[cell].type, cell, 0, PLAN_USES_STEPS));
        return true;
    }
    if (s->kind != SCOPE_WINDOW)
        return false;
    cell = newest_cell(c, s->win, &e->name, &said);
    if (cell == PLAN_NONE) {
        *out = typed_bad();
        return said;
    }
    *out = typed_of(c, intern_leaf(c, PLAN_LAST, (egret_type)s->win->window.cells[cell].type, cell, 0, PLAN_USES_WINDOW));
    return true;
}

/* A field of the alert block, in another one: message: "… {limbs}". */
static bool alert_name(check *c, const scope *s, const ast_expr *e, typed *out)
{
    for (uint32_t i = 0; s->alert && i < s->rule->n_fields; i++) {
        if (!egret_str_eq(s->rule->fields[i].pair->name.str, e->name.str))
            continue;
        *out = rule_field(c, s->rule, i);
        return true;
    }
    return false;
}

static typed expand(check *c, const scope *s, symbol *define)
{
    if (define->state == SYMBOL_BUSY) {
        check_error(c, 310, define->decl->name.span, "define '%.*s' contains itself", (int)define->decl->name.str.len,
                    define->decl->name.str.ptr);
        return typed_bad();
    }
    define->state = SYMBOL_BUSY;
    typed t = check_expr(c, s, define->decl->u.define);
    define->state = SYMBOL_NEW;
    return t;
}

static void suggest_names(check *c, const scope *s, egret_diag *diag, egret_str word)
{
    names n = { 0 };
    if ((s->kind == SCOPE_EVENT || s->kind == SCOPE_KEY) && s->stream != PLAN_NONE) {
        names_add_fields(c, &n, c->plan->streams[s->stream].fields, c->plan->streams[s->stream].n_fields);
    } else if (s->rule != NULL) {
        for (uint32_t i = 0; i < s->rule->n_lets; i++)
            names_add(c, &n, s->rule->lets[i].clause->name.str);
        for (uint32_t i = 0; !s->rule->no_key && i < c->plan->groups[s->rule->rule.group].n_parts; i++)
            names_add(c, &n, c->plan->groups[s->rule->rule.group].part_name[i]);
        for (uint32_t i = 0; s->alert && i < s->rule->n_fields; i++)
            names_add(c, &n, s->rule->fields[i].pair->name.str);
    }
    for (uint32_t i = 0; s->kind == SCOPE_WINDOW && i < s->win->window.n_atoms; i++) {
        const plan_stream *stream = &c->plan->streams[s->win->window.atoms[i].stream];
        names_add_fields(c, &n, stream->fields, stream->n_fields);
    }
    static const char *const LEVELS[] = { "info", "low", "medium", "high", "critical" };
    for (size_t i = 0; s->levels && i < sizeof LEVELS / sizeof LEVELS[0]; i++)
        names_add(c, &n, (egret_str){ LEVELS[i], (uint32_t)strlen(LEVELS[i]) });
    names_add_symbols(c, &n, AST_DEFINE);
    check_suggest(c, diag, word, &n, "known here");
}

/* A step that has a field by this name: what was probably meant. */
static bool suggest_step(check *c, const scope *s, egret_diag *diag, egret_str word)
{
    if (s->rule == NULL || s->rule->pattern == NULL || s->kind == SCOPE_EVENT)
        return false;
    for (uint32_t i = 0; i < s->rule->pattern->n_items; i++) {
        uint32_t stream = rule_stream(c, s->rule, &s->rule->items[i].item->watch->stream);
        if (stream == PLAN_NONE || stream_field(&c->plan->streams[stream], word) == PLAN_NONE || s->rule->items[i].name.len == 0)
            continue;
        check_help(c, diag, "at the end of a sequence a field is asked of a step: %.*s.%.*s", (int)s->rule->items[i].name.len,
                   s->rule->items[i].name.ptr, (int)word.len, word.ptr);
        return true;
    }
    return false;
}

/* Things that are no values by themselves. */
static bool explain_thing(check *c, const scope *s, const ast_expr *e)
{
    egret_str name = e->name.str;
    egret_diag *diag;
    uint32_t step = find_step(s->rule, name);
    if (step != PLAN_NONE) {
        diag = check_error(c, 314, e->span, "'%.*s' is a step, no value", (int)name.len, name.ptr);
        check_help(c, diag, "ask for a field of it, or count(%.*s)", (int)name.len, name.ptr);
        return true;
    }
    if (s->kind == SCOPE_EVENT && find_let(s->rule, name) != PLAN_NONE) {
        diag = check_error(c, 315, e->span, "a let is known when the match is there, not while its events are looked for");
        check_help(c, diag, "declare it with 'define' to use it in conditions of steps");
        return true;
    }
    const symbol *found = check_find(c, SPACE_VALUE, name);
    if (found == NULL || found->decl->kind == AST_CALENDAR)
        return found != NULL;
    const char *how = found->decl->kind == AST_LIST ? "a list; ask: x in" : found->decl->kind == AST_TABLE ? "a table; ask for a column of a row:"
                                                                                                          : "a profile; ask for a member:";
    diag = check_error(c, 314, e->span, "'%.*s' is no value", (int)name.len, name.ptr);
    check_help(c, diag, "it is %s %.*s%s", how, (int)name.len, name.ptr, found->decl->kind == AST_LIST ? ""
               : found->decl->kind == AST_TABLE ? "[key].column" : ".member");
    return true;
}

typed check_name(check *c, const scope *s, const ast_expr *e)
{
    typed t = typed_bad();
    if (scope_name(c, s, e, &t) || state_name(c, s, e, &t) || alert_name(c, s, e, &t))
        return t;
    symbol *define = check_find_kind(c, AST_DEFINE, e->name.str);
    if (define != NULL)
        return expand(c, s, define);
    if (name_is_silent(s, e->name.str) || explain_thing(c, s, e))
        return typed_bad();
    if (s->rule != NULL && s->rule->no_key)
        return typed_bad();
    egret_diag *diag;
    if ((s->kind == SCOPE_EVENT || s->kind == SCOPE_KEY) && s->stream != PLAN_NONE) {
        egret_str stream = c->plan->streams[s->stream].name;
        diag = check_error(c, 302, e->span, "stream '%.*s' has no field '%.*s'", (int)stream.len, stream.ptr, (int)e->name.str.len,
                           e->name.str.ptr);
    } else {
        diag = check_error(c, 303, e->span, "unknown name '%.*s'", (int)e->name.str.len, e->name.str.ptr);
    }
    if (!suggest_step(c, s, diag, e->name.str))
        suggest_names(c, s, diag, e->name.str);
    return typed_bad();
}
