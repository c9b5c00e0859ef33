/*
 * lower_key.c: `by` to a key group: for each stream the expressions that give the parts of the key.
 *
 * A part is the field of its name, or alternatives: by customer = login.customer | transfer.customer_id. An alternative belongs to the
 * stream whose fields it names (a.x); one that names no stream serves every stream of the rule that has all its fields. Streams that no
 * alternative speaks of give the field of the part's own name, when they have one of the same type: also streams the rule does not look at,
 * so that all rules with the same `by` are one group, and profiles can be read from any stream that knows their key.
 */
#include "compiler/check.h"

#include <string.h>

/* ---- one alternative ---- */

/* The stream whose fields the expression names. false: two of them, reported. */
static bool named_stream(check *c, const ast_expr *e, uint32_t *stream, egret_span *where)
{
    if (e == NULL)
        return true;
    if (e->kind == AST_MEMBER && e->a->kind == AST_NAME) {
        uint32_t found = told_or_stream(c, e->a->name.str);
        if (found == PLAN_NONE)
            return true;
        if (*stream != PLAN_NONE && *stream != found) {
            egret_diag *diag = check_error(c, 511, e->a->span, "one alternative of a key belongs to one stream; this names a second");
            check_help(c, diag, "separate them with '|'");
            check_note(c, diag, *where, "the first one");
            return false;
        }
        *stream = found;
        *where = e->a->span;
        return true;
    }
    if (!named_stream(c, e->a, stream, where) || !named_stream(c, e->b, stream, where))
        return false;
    for (const ast_expr *a = e->args; a != NULL; a = a->next)
        if (!named_stream(c, a, stream, where))
            return false;
    return true;
}

/* Does the stream have every field that stands bare in the expression? */
static bool has_bare_fields(check *c, const plan_stream *s, const ast_expr *e)
{
    if (e == NULL)
        return true;
    if (e->kind == AST_NAME)
        return stream_field(s, e->name.str) != PLAN_NONE || check_find_kind(c, AST_DEFINE, e->name.str) != NULL;
    bool base = e->kind == AST_INDEX || (e->kind == AST_MEMBER && e->a->kind == AST_NAME);
    if (!base && !has_bare_fields(c, s, e->a))
        return false;
    if (!has_bare_fields(c, s, e->b))
        return false;
    for (const ast_expr *a = e->args; a != NULL; a = a->next)
        if (!has_bare_fields(c, s, a))
            return false;
    return true;
}

typedef struct key_part_ctx {
    rule_ctx *rule;
    const ast_key *tree;
    uint32_t *expr;         /* per stream */
    uint8_t type;
    egret_span type_span;   /* what gave the type */
} key_part_ctx;

/* The key's expression for one stream; its type must be that of the others. */
static void part_set(check *c, key_part_ctx *part, uint32_t stream, typed t, egret_span span)
{
    if (typed_is_bad(t)) {
        part->rule->no_key = true;
        return;
    }
    if (part->type != EGRET_NULL && part->type != t.type) {
        egret_diag *diag = check_error(c, 511, span, "part '%.*s' of the key is %s here and %s elsewhere", (int)part->tree->name.str.len,
                                       part->tree->name.str.ptr, egret_type_name((egret_type)t.type), egret_type_name((egret_type)part->type));
        check_help(c, diag, "name fields of one type; to_string(x) makes a text of anything");
        check_note(c, diag, part->type_span, "there");
        part->rule->no_key = true;
        return;
    }
    if (t.type == EGRET_NULL)
        part->rule->no_key = true;
    if (part->type == EGRET_NULL)
        part->type_span = span;
    part->type = t.type;
    part->expr[stream] = t.expr;
}

static void part_alternative(check *c, key_part_ctx *part, const ast_expr *e)
{
    uint32_t named = PLAN_NONE;
    egret_span where = e->span;
    if (!named_stream(c, e, &named, &where)) {
        part->rule->no_key = true;
        return;
    }
    if (named != PLAN_NONE && !part->rule->streams[named]) {
        egret_diag *diag = check_warn(c, 802, where, "the rule does not look at stream '%.*s'", (int)c->plan->streams[named].name.len,
                                      c->plan->streams[named].name.ptr);
        check_help(c, diag, "this alternative is never used");
        return;
    }
    bool served = false;
    for (uint32_t i = 0; i < c->plan->n_streams; i++) {
        bool here = named == PLAN_NONE ? part->rule->streams[i] && part->expr[i] == PLAN_NONE && has_bare_fields(c, &c->plan->streams[i], e)
                                       : i == named;
        if (!here)
            continue;
        if (part->expr[i] != PLAN_NONE) {
            check_error(c, 511, e->span, "stream '%.*s' has two alternatives", (int)c->plan->streams[i].name.len, c->plan->streams[i].name.ptr);
            part->rule->no_key = true;
            return;
        }
        scope s = { .kind = SCOPE_KEY, .stream = i, .group = PLAN_NONE };
        part_set(c, part, i, check_settle(c, check_expr(c, &s, e)), e->span);
        served = true;
    }
    if (served || part->rule->refused)
        return;
    check_error(c, 511, e->span, "no stream of this rule has the fields this part of the key names");
    part->rule->no_key = true;
}

/* ---- one part ---- */

static void explain_missing(check *c, const key_part_ctx *part, uint32_t stream)
{
    const plan_stream *s = &c->plan->streams[stream];
    egret_str name = part->tree->name.str;
    egret_diag *diag = check_error(c, 510, part->tree->name.span, "stream '%.*s' has no field '%.*s' to be the key", (int)s->name.len,
                                   s->name.ptr, (int)name.len, name.ptr);
    egret_str other = { "", 0 };
    for (uint32_t i = 0; i < c->plan->n_streams && other.len == 0; i++)
        if (part->rule->streams[i] && part->expr[i] != PLAN_NONE)
            other = c->plan->streams[i].name;
    names n = { 0 };
    names_add_fields(c, &n, s->fields, s->n_fields);
    const char *near = egret_diag_nearest(name, n.list, n.n);
    if (other.len == 0 && near != NULL && name.len > 2)
        check_help(c, diag, "did you mean '%s'?", near);
    else
        check_help(c, diag, "say what it is called there: by %.*s = %.*s%s%.*s%s%.*s.%s", (int)name.len, name.ptr, (int)other.len, other.ptr,
               other.len == 0 ? "" : ".", other.len == 0 ? 0 : (int)name.len, name.ptr, other.len == 0 ? "" : " | ", (int)s->name.len,
               s->name.ptr, near != NULL ? near : "field");
    check_note(c, diag, part->rule->stream_span[stream], "the rule looks at it here");
    part->rule->no_key = true;
}

/* Streams no alternative spoke of: the field of the part's name. */
static void part_by_name(check *c, key_part_ctx *part, bool of_rule)
{
    for (uint32_t i = 0; i < c->plan->n_streams; i++) {
        if (part->rule->streams[i] != of_rule || part->expr[i] != PLAN_NONE)
            continue;
        uint32_t field = stream_field(&c->plan->streams[i], part->tree->name.str);
        if (field == PLAN_NONE) {
            if (of_rule)
                explain_missing(c, part, i);
            continue;
        }
        if (of_rule)
            part_set(c, part, i, check_field_of(c, i, field), part->tree->name.span);
        else if (c->plan->streams[i].fields[field].type == part->type)
            part->expr[i] = check_field_of(c, i, field).expr;
    }
}

static void lower_part(check *c, rule_ctx *rule, const ast_key *tree, plan_group *group)
{
    uint32_t n_streams = c->plan->n_streams;
    key_part_ctx part = { .rule = rule, .tree = tree, .expr = check_alloc(c, n_streams * sizeof *part.expr), .type_span = tree->name.span };
    memset(part.expr, 0xff, n_streams * sizeof *part.expr);
    for (const ast_expr *e = tree->exprs; e != NULL; e = e->next)
        part_alternative(c, &part, e);
    if (!rule->no_key)
        part_by_name(c, &part, true);
    if (!rule->no_key && part.type != EGRET_NULL)
        part_by_name(c, &part, false);
    /* No stream to take it from: that was reported. */
    if (part.type == EGRET_NULL)
        rule->no_key = true;
    uint32_t k = group->n_parts++;
    group->part_name[k] = tree->name.str;
    group->part_type[k] = part.type;
    /* Column k for now: lower_key turns it into rows of streams. */
    for (uint32_t i = 0; i < n_streams; i++)
        group->key_expr[i * PLAN_MAX_KEY_PARTS + k] = part.expr[i];
}

/* ---- the group ---- */

static bool same_group(const plan *p, const plan_group *a, const plan_group *b)
{
    if (a->n_parts != b->n_parts || a->table != b->table)
        return false;
    for (uint32_t i = 0; i < a->n_parts; i++)
        if (!egret_str_eq(a->part_name[i], b->part_name[i]) || a->part_type[i] != b->part_type[i])
            return false;
    return memcmp(a->key_expr, b->key_expr, (size_t)p->n_streams * a->n_parts * sizeof *a->key_expr) == 0;
}

/* Not of the expressions: those of streams of rules come later (check_told.c). */
uint64_t intern_group_hash(const plan_group *group)
{
    uint64_t hash = hash_mix(group->n_parts, group->table);
    for (uint32_t i = 0; i < group->n_parts; i++)
        hash = hash_str(hash_mix(hash, group->part_type[i]), group->part_name[i]);
    return hash;
}

static uint32_t intern_group(check *c, plan_group group)
{
    uint64_t hash = intern_group_hash(&group);
    uint32_t cursor = PLAN_NONE, id;
    while ((id = id_map_find(&c->groups, hash, &cursor)) != PLAN_NONE)
        if (same_group(c->plan, &c->plan->groups[id], &group))
            return id;
    id = c->plan->n_groups;
    c->plan->groups = check_grow(c, c->plan->groups, id, sizeof group);
    c->plan->groups[id] = group;
    c->plan->n_groups++;
    id_map_put(c, &c->groups, hash, id);
    return id;
}

static void lower_key_table(check *c, rule_ctx *rule, const ast_keys *by, plan_group *group)
{
    const symbol *found = check_find_kind(c, AST_TABLE, by->table.str);
    if (found == NULL) {
        egret_diag *diag = check_error(c, 306, by->table.span, "there is no table '%.*s'", (int)by->table.str.len, by->table.str.ptr);
        names n = { 0 };
        names_add_symbols(c, &n, AST_TABLE);
        check_suggest(c, diag, by->table.str, &n, "tables");
        return;
    }
    const plan_table *table = &c->plan->tables[found->index];
    bool fits = table->n_key == group->n_parts;
    for (uint32_t i = 0; fits && i < table->n_key; i++)
        fits = table->columns[table->key[i]].type == group->part_type[i];
    if (!fits && !rule->no_key) {
        egret_diag *diag = check_error(c, 512, by->table.span, "the key of table '%.*s' is not the key of the rule", (int)table->name.len,
                                       table->name.ptr);
        check_note(c, diag, found->decl->name.span, "the table has %u key column%s", (unsigned)table->n_key, table->n_key == 1 ? "" : "s");
        return;
    }
    if (!rule->lone_absence) {
        egret_diag *diag = check_warn(c, 803, by->table.span, "'in %.*s' has no effect here", (int)table->name.len, table->name.ptr);
        check_help(c, diag, "keys known from a table matter to a lone absence only: match not heartbeat for 3m");
        return;
    }
    group->table = found->index;
}

uint32_t lower_key(check *c, rule_ctx *rule, const ast_keys *by)
{
    uint32_t n_streams = c->plan->n_streams;
    plan_group group = { .table = PLAN_NONE };
    rule->no_key = false;
    group.key_expr = check_alloc(c, (size_t)n_streams * PLAN_MAX_KEY_PARTS * sizeof *group.key_expr);
    for (const ast_key *key = by == NULL ? NULL : by->first; key != NULL; key = key->next) {
        for (uint32_t i = 0; i < group.n_parts; i++)
            if (egret_str_eq(group.part_name[i], key->name.str))
                check_error(c, 305, key->name.span, "part '%.*s' of the key stands twice", (int)key->name.str.len, key->name.str.ptr);
        if (group.n_parts == PLAN_MAX_KEY_PARTS) {
            check_error(c, 511, key->name.span, "a key has at most %d parts", PLAN_MAX_KEY_PARTS);
            break;
        }
        lower_part(c, rule, key, &group);
    }
    if (by != NULL && by->table.str.len != 0)
        lower_key_table(c, rule, by, &group);
    uint32_t *rows = check_alloc(c, (size_t)n_streams * group.n_parts * sizeof *rows);
    for (uint32_t i = 0; i < n_streams; i++)
        for (uint32_t k = 0; k < group.n_parts; k++)
            rows[i * group.n_parts + k] = group.key_expr[i * PLAN_MAX_KEY_PARTS + k];
    group.key_expr = rows;
    if (rule->no_key)
        return PLAN_NONE;
    return intern_group(c, group);
}
