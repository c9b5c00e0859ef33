/*
 * check_member.c: a.b and a[k].b: fields of steps and of labelled events, members of profiles, columns of tables, paths of raw records.
 */
#include "compiler/check.h"

#include <string.h>

/* ---- tables ---- */

static uint32_t find_column(check *c, const plan_table *table, const ast_name *name)
{
    for (uint32_t i = 0; i < table->n_columns; i++)
        if (egret_str_eq(table->columns[i].name, name->str))
            return i;
    egret_diag *diag = check_error(c, 309, name->span, "table '%.*s' has no column '%.*s'", (int)table->name.len, table->name.ptr,
                                   (int)name->str.len, name->str.ptr);
    names n = { 0 };
    names_add_fields(c, &n, table->columns, table->n_columns);
    check_suggest(c, diag, name->str, &n, "its columns");
    return PLAN_NONE;
}

/* The key that stands in [ ]: of a row of a table, of a profile. */
typedef struct key_parts {
    const char *what;           /* "table", "profile" */
    egret_str name;
    uint32_t n;
    egret_str part[PLAN_MAX_KEY_PARTS];
    uint8_t type[PLAN_MAX_KEY_PARTS];
} key_parts;

static void explain_key_count(check *c, const key_parts *want, const ast_expr *index, uint32_t n)
{
    egret_diag *diag = check_error(c, 413, index->span, "%s '%.*s' has %u key %s%s; %u given", want->what, (int)want->name.len, want->name.ptr,
                                   (unsigned)want->n, want->what[0] == 't' ? "column" : "part", want->n == 1 ? "" : "s", (unsigned)n);
    names keys = { 0 };
    for (uint32_t i = 0; i < want->n; i++)
        names_add(c, &keys, want->part[i]);
    check_suggest(c, diag, (egret_str){ "", 0 }, &keys, "they are");
}

static void explain_key_type(check *c, const key_parts *want, uint32_t i, egret_type type, egret_span span)
{
    egret_diag *diag = check_error(c, 413, span, "the key '%.*s' of %s '%.*s' is %s; this is %s", (int)want->part[i].len, want->part[i].ptr,
                                   want->what, (int)want->name.len, want->name.ptr, egret_type_name((egret_type)want->type[i]),
                                   egret_type_name(type));
    if (want->type[i] == EGRET_STRING)
        check_help(c, diag, "is another field meant? to_string(x) makes a text of anything");
    else
        check_help(c, diag, "name a field of type %s", egret_type_name((egret_type)want->type[i]));
}

/* false: something is wrong with it, and was reported. */
static bool check_key(check *c, const scope *s, const ast_expr *index, const key_parts *want, uint32_t *key)
{
    uint32_t n = 0;
    bool bad = false;
    for (const ast_expr *k = index->args; k != NULL; k = k->next, n++) {
        typed t = check_expr(c, s, k);
        if (n >= want->n) {
            bad = true;
            continue;
        }
        egret_type type = (egret_type)want->type[n];
        t = check_settle(c, check_fit(c, t, type, k->span));
        bad = bad || typed_is_bad(t);
        key[n] = t.expr;
        if (!typed_is_bad(t) && t.type != type && !(type_is_numeric((egret_type)t.type) && type_is_numeric(type))) {
            explain_key_type(c, want, n, (egret_type)t.type, k->span);
            bad = true;
        }
    }
    if (n != want->n)
        explain_key_count(c, want, index, n);
    return !bad && n == want->n;
}

/* merchants[a, b].risk; e is the member expression. */
static typed check_row(check *c, const scope *s, const ast_expr *e, const symbol *found)
{
    const plan_table *table = &c->plan->tables[found->index];
    uint32_t column = find_column(c, table, &e->name);
    key_parts want = { .what = "table", .name = table->name, .n = table->n_key };
    for (uint32_t i = 0; i < table->n_key; i++) {
        want.part[i] = table->columns[table->key[i]].name;
        want.type[i] = table->columns[table->key[i]].type;
    }
    uint32_t key[PLAN_MAX_KEY_PARTS];
    bool good = check_key(c, s, e->a, &want, key);
    if (!good || column == PLAN_NONE || table->columns[column].type == EGRET_NULL)
        return typed_bad();
    plan_expr row = { .op = PLAN_TABLE, .type = table->columns[column].type, .uses = PLAN_USES_CONTENT, .a = found->index, .b = column };
    return typed_of(c, intern_expr(c, row, key, table->n_key));
}

/* ---- profiles ---- */

/* The number of the member; PLAN_NONE: there is none, or something is wrong with it; reported. */
static uint32_t find_member(check *c, const scope *s, const ast_expr *e, symbol *found)
{
    if (s->kind != SCOPE_EVENT && s->kind != SCOPE_MATCH && s->kind != SCOPE_WINDOW) {
        check_error(c, 315, e->span, "a profile can be read in rules and in conditions on events only");
        return PLAN_NONE;
    }
    if (!check_profile(c, found))
        return PLAN_NONE;
    const plan_profile *profile = &c->plan->profiles[found->index];
    for (uint32_t i = 0; i < profile->n_members; i++)
        if (egret_str_eq(profile->member_name[i], e->name.str))
            return profile->member[i] == PLAN_NONE || profile->group == PLAN_NONE ? PLAN_NONE : i;
    egret_diag *diag = check_error(c, 309, e->name.span, "profile '%.*s' has no member '%.*s'", (int)profile->name.len, profile->name.ptr,
                                   (int)e->name.str.len, e->name.str.ptr);
    names n = { 0 };
    for (uint32_t i = 0; i < profile->n_members; i++)
        names_add(c, &n, profile->member_name[i]);
    check_suggest(c, diag, e->name.str, &n, "its members");
    return PLAN_NONE;
}

/* spending[out.payee].mean: what the profile remembers of that key, whatever the rule's own. */
static typed check_profile_of(check *c, const scope *s, const ast_expr *e, symbol *found)
{
    uint32_t member = find_member(c, s, e, found);
    const plan_profile *profile = &c->plan->profiles[found->index];
    if (member == PLAN_NONE)
        return typed_bad();
    const plan_group *group = &c->plan->groups[profile->group];
    key_parts want = { .what = "profile", .name = profile->name, .n = group->n_parts };
    for (uint32_t i = 0; i < group->n_parts; i++) {
        want.part[i] = group->part_name[i];
        want.type[i] = group->part_type[i];
    }
    uint32_t key[PLAN_MAX_KEY_PARTS];
    if (!check_key(c, s, e->a, &want, key))
        return typed_bad();
    for (uint32_t i = 0; i < want.n; i++)
        key[i] = check_widen(c, typed_of(c, key[i]), (egret_type)want.type[i]).expr;
    plan_expr of = { .op = PLAN_PROFILE_OF, .type = c->plan->exprs[profile->member[member]].type, .uses = PLAN_USES_KEY_STATE,
                     .a = found->index, .b = member };
    typed t = typed_of(c, intern_expr(c, of, key, want.n));
    t.optional = true;
    return t;
}

static typed check_indexed(check *c, const scope *s, const ast_expr *e)
{
    const ast_expr *base = e->a->a;
    symbol *found = base->kind == AST_NAME ? check_find(c, SPACE_VALUE, base->name.str) : NULL;
    if (found != NULL && found->decl->kind == AST_TABLE)
        return check_row(c, s, e, found);
    if (found != NULL && found->decl->kind == AST_PROFILE)
        return check_profile_of(c, s, e, found);
    if (base->kind == AST_NAME && name_is_silent(s, base->name.str))
        return typed_bad();
    egret_diag *diag = check_error(c, 306, base->span, "only a table or a profile is asked with [ ]");
    names n = { 0 };
    names_add_symbols(c, &n, AST_TABLE);
    names_add_symbols(c, &n, AST_PROFILE);
    if (base->kind != AST_NAME || !check_suggest(c, diag, base->name.str, &n, "known are"))
        check_help(c, diag, "a function takes its arguments in ( )");
    return typed_bad();
}

typed check_index(check *c, const scope *s, const ast_expr *e)
{
    const symbol *found = e->a->kind == AST_NAME ? check_find_kind(c, AST_TABLE, e->a->name.str) : NULL;
    const symbol *profile = e->a->kind == AST_NAME ? check_find_kind(c, AST_PROFILE, e->a->name.str) : NULL;
    if (profile != NULL) {
        egret_str name = e->a->name.str, member = profile->decl->u.profile.members != NULL ? profile->decl->u.profile.members->name.str : name;
        check_help(c, check_error(c, 314, e->span, "what a profile remembers of a key is no value"), "ask for a member of it: %.*s[…].%.*s",
                   (int)name.len, name.ptr, (int)member.len, member.ptr);
        return typed_bad();
    }
    if (found == NULL) {
        ast_expr member = { .kind = AST_MEMBER, .height = 1, .span = e->span, .a = (ast_expr *)(uintptr_t)e };
        return check_indexed(c, s, &member);
    }
    egret_diag *diag = check_error(c, 314, e->span, "a row of a table is no value");
    check_help(c, diag, "ask for a column of it: %.*s[…].%.*s", (int)e->a->name.str.len, e->a->name.str.ptr,
               c->plan->tables[found->index].n_columns > 0 ? (int)c->plan->tables[found->index].columns[0].name.len : 0,
               c->plan->tables[found->index].n_columns > 0 ? c->plan->tables[found->index].columns[0].name.ptr : "");
    return typed_bad();
}

/* Can every event at hand here say which key of the profile is meant? */
static bool profile_has_key(check *c, const scope *s, const plan_profile *profile, egret_span span)
{
    const plan_group *group = &c->plan->groups[profile->group];
    if (s->rule != NULL && s->kind != SCOPE_EVENT && s->rule->rule.group == profile->group)
        return true;
    for (uint32_t i = 0; i < c->plan->n_streams; i++) {
        bool here = s->kind == SCOPE_EVENT ? i == s->stream : s->rule != NULL && s->rule->streams != NULL && s->rule->streams[i];
        for (uint32_t part = 0; here && part < group->n_parts; part++) {
            if (group->key_expr[i * group->n_parts + part] != PLAN_NONE)
                continue;
            egret_diag *diag = check_error(c, 510, span, "profile '%.*s' is kept by '%.*s', and stream '%.*s' has no such field",
                                           (int)profile->name.len, profile->name.ptr, (int)group->part_name[part].len,
                                           group->part_name[part].ptr, (int)c->plan->streams[i].name.len, c->plan->streams[i].name.ptr);
            check_help(c, diag, "name it in the profile: by %.*s = … | %.*s.field", (int)group->part_name[part].len,
                       group->part_name[part].ptr, (int)c->plan->streams[i].name.len, c->plan->streams[i].name.ptr);
            return false;
        }
    }
    return true;
}

static typed check_profile_member(check *c, const scope *s, const ast_expr *e, symbol *found)
{
    uint32_t member = find_member(c, s, e, found);
    const plan_profile *profile = &c->plan->profiles[found->index];
    if (member == PLAN_NONE || !profile_has_key(c, s, profile, e->span))
        return typed_bad();
    egret_type type = (egret_type)c->plan->exprs[profile->member[member]].type;
    return typed_of(c, intern_leaf(c, PLAN_PROFILE, type, found->index, member, PLAN_USES_KEY_STATE));
}

/* ---- labels of watched events ---- */

static bool is_label(const win_ctx *win, egret_str name)
{
    for (uint32_t i = 0; i < win->window.n_atoms; i++)
        if (egret_str_eq(win->window.atoms[i].label, name))
            return true;
    return false;
}

/* Is `name` the event at hand: by the label of its atom, or the name of its stream? */
static bool is_own_event(check *c, const scope *s, egret_str name)
{
    if ((s->kind != SCOPE_EVENT && s->kind != SCOPE_KEY) || s->stream == PLAN_NONE)
        return false;
    return (s->own_label.len != 0 && egret_str_eq(s->own_label, name)) || egret_str_eq(c->plan->streams[s->stream].name, name);
}

static typed check_own_field(check *c, const scope *s, const ast_expr *e)
{
    ast_expr field = { .kind = AST_NAME, .height = 1, .span = e->name.span, .name = e->name };
    scope bare = *s;
    bare.rule = NULL;
    uint32_t index = stream_field(&c->plan->streams[s->stream], e->name.str);
    return index != PLAN_NONE ? check_field_of(c, s->stream, index) : check_name(c, &bare, &field);
}

/* a.b.c of a raw record, as one path. */
static bool path_of(check *c, const ast_expr *e, egret_str *out)
{
    if (e->kind == AST_NAME) {
        *out = e->name.str;
        return true;
    }
    egret_str head;
    if (e->kind != AST_MEMBER || !path_of(c, e->a, &head))
        return false;
    const char *text = egret_arena_printf(c->arena, "%.*s.%.*s", (int)head.len, head.ptr, (int)e->name.str.len, e->name.str.ptr);
    if (text == NULL)
        longjmp(c->no_memory, CHECK_NO_MEMORY);
    *out = (egret_str){ text, (uint32_t)strlen(text) };
    return true;
}

static typed explain_base(check *c, const scope *s, const ast_expr *e)
{
    egret_str name = e->a->name.str;
    const symbol *value = check_find(c, SPACE_VALUE, name);
    egret_diag *diag;
    if (value != NULL && value->decl->kind == AST_TABLE) {
        diag = check_error(c, 314, e->span, "which row of table '%.*s'?", (int)name.len, name.ptr);
        check_help(c, diag, "write %.*s[key].%.*s", (int)name.len, name.ptr, (int)e->name.str.len, e->name.str.ptr);
        return typed_bad();
    }
    if (s->win != NULL && s->kind != SCOPE_EVENT && is_label(s->win, name)) {
        diag = check_error(c, 314, e->span, "'%.*s' is many events", (int)name.len, name.ptr);
        check_help(c, diag, "ask for one of them: last(%.*s.%.*s)", (int)name.len, name.ptr, (int)e->name.str.len, e->name.str.ptr);
        return typed_bad();
    }
    diag = check_error(c, 308, e->a->span, "unknown name '%.*s' before the dot", (int)name.len, name.ptr);
    names n = { 0 };
    if (s->rule != NULL)
        names_add_steps(c, &n, s->rule);
    names_add_symbols(c, &n, AST_PROFILE);
    if (!check_suggest(c, diag, name, &n, "known here") && s->kind == SCOPE_EVENT)
        check_help(c, diag, "fields of the event itself are written alone");
    return typed_bad();
}

typed check_member(check *c, const scope *s, const ast_expr *e)
{
    egret_str path;
    if (s->kind == SCOPE_ROUTE && path_of(c, e, &path)) {
        ast_expr name = { .kind = AST_NAME, .height = 1, .span = e->span, .name = { path, e->span } };
        return check_name(c, s, &name);
    }
    if (e->a->kind == AST_INDEX)
        return check_indexed(c, s, e);
    if (e->a->kind != AST_NAME) {
        egret_diag *diag = check_error(c, 308, e->a->span, "before the dot stands the name of a step, a profile or a row of a table");
        egret_str called = e->a->kind == AST_CALL ? e->a->name.str : (egret_str){ "", 0 };
        if (called.len != 0 && (check_find_kind(c, AST_PROFILE, called) != NULL || check_find_kind(c, AST_TABLE, called) != NULL))
            check_help(c, diag, "its key stands in square brackets: %.*s[…].%.*s", (int)called.len, called.ptr, (int)e->name.str.len, e->name.str.ptr);
        return typed_bad();
    }
    bool steps = s->kind == SCOPE_MATCH || s->kind == SCOPE_CELLS || (s->kind == SCOPE_EVENT && s->rule != NULL);
    uint32_t step = steps ? find_step(s->rule, e->a->name.str) : PLAN_NONE;
    bool own = is_own_event(c, s, e->a->name.str);
    if (step != PLAN_NONE && !(own && s->kind == SCOPE_EVENT && step == s->item && !s->own_item))
        return check_step_field(c, s, step, e);
    if (own)
        return check_own_field(c, s, e);
    symbol *profile = check_find_kind(c, AST_PROFILE, e->a->name.str);
    if (profile != NULL)
        return check_profile_member(c, s, e, profile);
    if (name_is_silent(s, e->a->name.str))
        return typed_bad();
    return explain_base(c, s, e);
}
