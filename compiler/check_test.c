/*
 * check_test.c: tests beside the rules: events must fit their streams, expectations must name what the rule's alerts have.
 */
#include "compiler/check.h"

enum { MAX_REPEATS = 1000000 };

/* A value for something of type `type`. PLAN_NONE: reported. */
static uint32_t test_value(check *c, const ast_expr *e, const char *what, egret_str name, egret_type type, bool optional)
{
    scope s = { .kind = SCOPE_TEST, .stream = PLAN_NONE, .group = PLAN_NONE };
    typed t = check_widen(c, check_settle(c, check_fit(c, check_expr(c, &s, e), type, e->span)), type);
    if (typed_is_bad(t) || t.type == type || type == EGRET_NULL)
        return t.expr;
    if (t.type == EGRET_NULL) {
        if (!optional)
            check_error(c, 703, e->span, "%s '%.*s' cannot be null", what, (int)name.len, name.ptr);
        return t.expr;
    }
    egret_diag *diag = check_error(c, 703, e->span, "%s '%.*s' is %s; this is %s", what, (int)name.len, name.ptr, egret_type_name(type),
                                   egret_type_name((egret_type)t.type));
    if (type == EGRET_STRING && e->kind <= AST_FLOAT)
        check_help(c, diag, "write it in quotes: \"%.*s\"", (int)e->text.len, e->text.ptr);
    else if (type == EGRET_DURATION && e->kind <= AST_FLOAT)
        check_help(c, diag, "write it with its unit: %.*ss", (int)e->text.len, e->text.ptr);
    else if (t.type == EGRET_STRING)
        check_help(c, diag, "write it without quotes");
    else
        check_help(c, diag, "write a constant of type %s", egret_type_name(type));
    return PLAN_NONE;
}

static bool pair_twice(check *c, const ast_pair *list, const ast_pair *pair)
{
    for (const ast_pair *twin = list; twin != pair; twin = twin->next) {
        if (!egret_str_eq(twin->name.str, pair->name.str))
            continue;
        check_error(c, 305, pair->name.span, "'%.*s' stands twice", (int)pair->name.str.len, pair->name.str.ptr);
        return true;
    }
    return false;
}

/* ---- events ---- */

static void event_field(check *c, const plan_stream *stream, const ast_pair *pair, plan_test_event *out)
{
    uint32_t field = stream_field(stream, pair->name.str);
    if (field == PLAN_NONE) {
        egret_diag *diag = check_error(c, 302, pair->name.span, "stream '%.*s' has no field '%.*s'", (int)stream->name.len,
                                       stream->name.ptr, (int)pair->name.str.len, pair->name.str.ptr);
        names n = { 0 };
        names_add_fields(c, &n, stream->fields, stream->n_fields);
        check_suggest(c, diag, pair->name.str, &n, "its fields");
        return;
    }
    if (field == stream->time_field) {
        egret_diag *diag = check_error(c, 706, pair->name.span, "the time of an event of a test is given by 'at'");
        check_help(c, diag, "leave '%.*s' out", (int)pair->name.str.len, pair->name.str.ptr);
        return;
    }
    const plan_field *f = &stream->fields[field];
    uint32_t value = test_value(c, pair->value, "field", f->name, (egret_type)f->type, f->optional);
    out->fields = check_grow(c, out->fields, out->n_fields, sizeof *out->fields);
    out->fields[out->n_fields++] = (plan_pair){ f->name, value };
}

static void check_required(check *c, const plan_stream *stream, const ast_step *step)
{
    for (uint32_t i = 0; i < stream->n_fields; i++) {
        bool there = stream->fields[i].optional || i == stream->time_field;
        for (const ast_pair *pair = step->pairs; pair != NULL && !there; pair = pair->next)
            there = egret_str_eq(pair->name.str, stream->fields[i].name);
        if (there)
            continue;
        const plan_field *f = &stream->fields[i];
        egret_diag *diag = check_error(c, 701, step->name.span, "this %.*s has no '%.*s', which every one must have", (int)stream->name.len,
                                       stream->name.ptr, (int)f->name.len, f->name.ptr);
        check_help(c, diag, "add %.*s: …, or declare the field as one that may be missing: %.*s: %s?", (int)f->name.len, f->name.ptr,
                   (int)f->name.len, f->name.ptr, egret_type_name((egret_type)f->type));
    }
}

static void check_event(check *c, plan_test *test, const ast_step *step)
{
    plan_test_event out = { .at_ms = step->at_ms, .every_ms = step->every_ms, .times = step->times, .stream = PLAN_NONE, .span = step->span };
    if (step->times < 1 || step->times > MAX_REPEATS || step->at_ms > CHECK_MAX_DURATION_MS || step->every_ms > CHECK_MAX_DURATION_MS
        || (step->every_ms != 0 && step->times > CHECK_MAX_DURATION_MS / step->every_ms)) {
        check_error(c, 707, step->span, "an event can be repeated from 1 to %d times, within a hundred years", MAX_REPEATS);
        return;
    }
    if (step->kind == AST_AT) {
        rule_ctx none = { 0 };
        out.stream = rule_stream(c, &none, &step->name);
        if (out.stream == PLAN_NONE)
            return;
        if (c->plan->streams[out.stream].of_rules) {
            egret_diag *diag = check_error(c, 301, step->name.span, "'%.*s' is no stream that comes in: rules tell it", (int)step->name.str.len,
                                           step->name.str.ptr);
            check_help(c, diag, "write the events that make the rule fire");
            return;
        }
        const plan_stream *stream = &c->plan->streams[out.stream];
        for (const ast_pair *pair = step->pairs; pair != NULL; pair = pair->next)
            if (!pair_twice(c, step->pairs, pair))
                event_field(c, stream, pair, &out);
        check_required(c, stream, step);
    }
    test->events = check_grow(c, test->events, test->n_events, sizeof out);
    test->events[test->n_events++] = out;
}

/* ---- given ---- */

static void given_items(check *c, plan_test *test, const ast_step *step, const symbol *list)
{
    plan_test_given out = { .target = list->index };
    egret_type type = list->item_type == EGRET_NULL ? EGRET_STRING : (egret_type)list->item_type;
    for (const ast_strings *s = step->strings; s != NULL; s = s->next) {
        egret_value v;
        if (!content_value(s->value.str, type, EGRET_UNIT_DETECT, &v)) {
            check_error(c, 703, s->value.span, "list '%.*s' holds %s; this is none", (int)step->name.str.len, step->name.str.ptr,
                        egret_type_name(type));
            continue;
        }
        out.values = check_grow(c, out.values, out.n_values, sizeof v);
        out.values[out.n_values++] = v;
    }
    test->givens = check_grow(c, test->givens, test->n_givens, sizeof out);
    test->givens[test->n_givens++] = out;
}

/* A value of a row; durations and times may be written as texts. */
static egret_value row_value(check *c, const plan_field *column, const ast_pair *pair)
{
    egret_value v = egret_null();
    uint32_t expr = test_value(c, pair->value, "column", column->name, (egret_type)column->type, column->optional);
    if (expr != PLAN_NONE && !intern_is_const(c, expr, &v))
        check_error(c, 703, pair->value->span, "a row is made of constants");
    return v;
}

static void given_row(check *c, plan_test *test, const ast_step *step, const symbol *found)
{
    const plan_table *table = &c->plan->tables[found->index];
    plan_test_given out = { .is_table = true, .target = found->index, .n_values = table->n_columns };
    out.values = check_alloc(c, table->n_columns * sizeof *out.values);
    for (uint32_t i = 0; i < table->n_columns; i++) {
        const ast_pair *pair = step->pairs;
        while (pair != NULL && !egret_str_eq(pair->name.str, table->columns[i].name))
            pair = pair->next;
        if (pair != NULL)
            out.values[i] = row_value(c, &table->columns[i], pair);
        else if (!table->columns[i].optional)
            check_error(c, 701, step->name.span, "this row has no '%.*s', which every one must have", (int)table->columns[i].name.len,
                        table->columns[i].name.ptr);
    }
    for (const ast_pair *pair = step->pairs; pair != NULL; pair = pair->next) {
        bool known = pair_twice(c, step->pairs, pair);
        names n = { 0 };
        for (uint32_t i = 0; i < table->n_columns; i++)
            known = known || egret_str_eq(pair->name.str, table->columns[i].name);
        if (known)
            continue;
        egret_diag *diag = check_error(c, 309, pair->name.span, "table '%.*s' has no column '%.*s'", (int)table->name.len,
                                       table->name.ptr, (int)pair->name.str.len, pair->name.str.ptr);
        names_add_fields(c, &n, table->columns, table->n_columns);
        check_suggest(c, diag, pair->name.str, &n, "its columns");
    }
    test->givens = check_grow(c, test->givens, test->n_givens, sizeof out);
    test->givens[test->n_givens++] = out;
}

static void check_given(check *c, plan_test *test, const ast_step *step)
{
    bool row = step->kind == AST_GIVEN_ROW;
    const symbol *found = check_find_kind(c, row ? AST_TABLE : AST_LIST, step->name.str);
    if (found != NULL) {
        if (row)
            given_row(c, test, step, found);
        else
            given_items(c, test, step, found);
        return;
    }
    egret_diag *diag = check_error(c, 704, step->name.span, "there is no %s '%.*s'", row ? "table" : "list", (int)step->name.str.len,
                                   step->name.str.ptr);
    names n = { 0 };
    names_add_symbols(c, &n, row ? AST_TABLE : AST_LIST);
    check_suggest(c, diag, step->name.str, &n, row ? "tables" : "lists");
}

/* ---- expect ---- */

static const plan_rule *find_rule(check *c, const ast_name *name)
{
    for (uint32_t i = 0; i < c->plan->n_rules; i++)
        if (egret_str_eq(c->plan->rules[i].name, name->str))
            return &c->plan->rules[i];
    /* A rule with errors is not in the plan; what was said about it is enough. */
    if (check_find_kind(c, AST_RULE, name->str) != NULL)
        return NULL;
    egret_diag *diag = check_error(c, 313, name->span, "there is no rule '%.*s'", (int)name->str.len, name->str.ptr);
    names n = { 0 };
    names_add_symbols(c, &n, AST_RULE);
    check_suggest(c, diag, name->str, &n, "rules");
    return NULL;
}

static const plan_pair *find_pair(const plan_pair *pairs, uint32_t n, egret_str name)
{
    for (uint32_t i = 0; i < n; i++)
        if (egret_str_eq(pairs[i].name, name))
            return &pairs[i];
    return NULL;
}

/* The type of what an alert of the rule shows by that name; EGRET_NULL: nothing. */
static bool alert_field(check *c, const plan_rule *rule, egret_str name, egret_type *type)
{
    const plan *p = c->plan;
    *type = EGRET_NULL;
    const plan_pair *pair = find_pair(rule->fields, rule->n_fields, name);
    pair = pair != NULL ? pair : find_pair(rule->lets, rule->n_lets, name);
    pair = pair != NULL ? pair : find_pair(rule->timeout, rule->n_timeout, name);
    if (pair != NULL) {
        *type = pair->expr == PLAN_NONE ? EGRET_NULL : (egret_type)p->exprs[pair->expr].type;
        return true;
    }
    for (uint32_t number = 0; number < p->n_rules; number++) {
        const plan_rule *r = &p->rules[number];
        const plan_group *group = egret_str_eq(r->name, rule->name) && r->group != PLAN_NONE ? &p->groups[r->group] : NULL;
        for (uint32_t i = 0; group != NULL && i < group->n_parts; i++) {
            if (!egret_str_eq(group->part_name[i], name))
                continue;
            *type = (egret_type)group->part_type[i];
            return true;
        }
    }
    *type = egret_str_is(name, "repeat") ? EGRET_INT : EGRET_STRING;
    return egret_str_is(name, "severity") || (rule->repeat_ms != 0 && egret_str_is(name, "repeat"));
}

static void explain_expected(check *c, const plan_rule *rule, const ast_pair *pair)
{
    /* Its key was refused: the name may be a part of it. */
    if (rule->group == PLAN_NONE)
        return;
    egret_diag *diag = check_error(c, 702, pair->name.span, "alerts of rule '%.*s' have no '%.*s'", (int)rule->name.len, rule->name.ptr,
                                   (int)pair->name.str.len, pair->name.str.ptr);
    names n = { 0 };
    for (uint32_t i = 0; i < rule->n_fields; i++)
        names_add(c, &n, rule->fields[i].name);
    for (uint32_t i = 0; i < rule->n_lets; i++)
        names_add(c, &n, rule->lets[i].name);
    for (uint32_t i = 0; i < rule->n_timeout; i++)
        names_add(c, &n, rule->timeout[i].name);
    for (uint32_t i = 0; i < c->plan->groups[rule->group].n_parts; i++)
        names_add(c, &n, c->plan->groups[rule->group].part_name[i]);
    check_suggest(c, diag, pair->name.str, &n, "they have");
}

static void check_expect(check *c, plan_test *test, const ast_step *step, const ast_name *tested)
{
    const ast_name *name = step->name.str.len != 0 ? &step->name : tested;
    plan_test_expect out = { .no_more = step->kind == AST_EXPECT_NO_MORE, .at_ms = step->at_ms, .rule = name->str, .span = step->span };
    out.kind = step->kind == AST_EXPECT_RESOLVED ? EGRET_RESOLVED : step->kind == AST_EXPECT_ESCALATED ? EGRET_ESCALATED : EGRET_ALERT;
    const plan_rule *rule = find_rule(c, name);
    if (rule != NULL && rule->signals) {
        egret_diag *diag = check_error(c, 551, step->span, "rule '%.*s' signals and makes no alerts", (int)rule->name.len, rule->name.ptr);
        check_help(c, diag, "expect alerts of the rule that watches it: expect alert of …");
        return;
    }
    for (const ast_pair *pair = step->pairs; pair != NULL && rule != NULL; pair = pair->next) {
        egret_type type;
        if (pair_twice(c, step->pairs, pair))
            continue;
        if (!alert_field(c, rule, pair->name.str, &type)) {
            explain_expected(c, rule, pair);
            continue;
        }
        uint32_t value = test_value(c, pair->value, "field", pair->name.str, type, true);
        out.fields = check_grow(c, out.fields, out.n_fields, sizeof *out.fields);
        out.fields[out.n_fields++] = (plan_pair){ pair->name.str, value };
    }
    test->expects = check_grow(c, test->expects, test->n_expects, sizeof out);
    test->expects[test->n_expects++] = out;
}

/* ---- tests ---- */

static void check_start(check *c, plan_test *test, const ast_step *step, const ast_step **before)
{
    const ast_name *text = &step->strings->value;
    if (*before != NULL) {
        egret_diag *diag = check_error(c, 705, step->span, "a second 'start'");
        check_note(c, diag, (*before)->span, "the first one");
    }
    *before = step;
    if (egret_parse_rfc3339(text->str.ptr, text->str.len, &test->start_ms))
        return;
    egret_diag *diag = check_error(c, 705, text->span, "this is no time");
    check_help(c, diag, "write it as in \"2026-01-05T09:00:00Z\"");
}

static void check_test(check *c, const ast_decl *decl)
{
    plan_test test = { .rule = decl->name.str, .text = decl->u.test.text.str, .span = decl->span };
    const ast_step *start = NULL;
    egret_parse_rfc3339("2026-01-01T00:00:00Z", 20, &test.start_ms);
    find_rule(c, &decl->name);
    for (const ast_step *step = decl->u.test.steps; step != NULL; step = step->next) {
        c->visits = 0;
        switch (step->kind) {
        case AST_START: check_start(c, &test, step, &start); break;
        case AST_GIVEN_ITEMS:
        case AST_GIVEN_ROW: check_given(c, &test, step); break;
        case AST_AT:
        case AST_AT_NOTHING: check_event(c, &test, step); break;
        case AST_EXPECT_NO_MORE:
        case AST_EXPECT_ALERT:
        case AST_EXPECT_RESOLVED:
        case AST_EXPECT_ESCALATED: check_expect(c, &test, step, &decl->name); break;
        }
    }
    c->plan->tests = check_grow(c, c->plan->tests, c->plan->n_tests, sizeof test);
    c->plan->tests[c->plan->n_tests++] = test;
}

void check_tests(check *c)
{
    for (const ast_decl *decl = c->file->decls; decl != NULL; decl = decl->next)
        if (decl->kind == AST_TEST)
            check_test(c, decl);
}
