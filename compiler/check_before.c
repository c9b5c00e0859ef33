/*
 * check_before.c: aggregates over a window that ends at a step: count(error_log over 10m before deployed).
 *
 * What was before an event is what a profile says at that event. So the rule gets a profile of its own for each stream it asks so, with the aggregates as
 * members, and the step remembers the member's value among the fields of its event: a cell that is filled from an expression.
 */
#include "compiler/check.h"

#include <stdio.h>
#include <string.h>

/* ---- which stream ---- */

/* The first name of a stream: alone, or before a dot. NULL: there is none. */
static const ast_name *stream_in(check *c, const ast_expr *e)
{
    if (e == NULL)
        return NULL;
    if (e->kind == AST_NAME)
        return told_or_stream(c, e->name.str) != PLAN_NONE ? &e->name : NULL;
    const ast_name *found = stream_in(c, e->a);
    found = found != NULL ? found : stream_in(c, e->b);
    for (const ast_expr *a = e->args; a != NULL && found == NULL; a = a->next)
        found = stream_in(c, a);
    return found;
}

static void mark_in(check *c, rule_ctx *rule, const ast_expr *e)
{
    if (e == NULL)
        return;
    const ast_name *name = e->kind == AST_CALL && e->tail->before.str.len != 0 ? stream_in(c, e->args) : NULL;
    uint32_t stream = name == NULL ? PLAN_NONE : told_or_stream(c, name->str);
    if (stream != PLAN_NONE && !rule->streams[stream]) {
        rule->streams[stream] = true;
        rule->stream_span[stream] = name->span;
    }
    mark_in(c, rule, e->a);
    mark_in(c, rule, e->b);
    mark_in(c, rule, e->where);
    for (const ast_expr *a = e->args; a != NULL; a = a->next)
        mark_in(c, rule, a);
}

static void mark_atoms(check *c, rule_ctx *rule, const ast_atom *atom)
{
    for (; atom != NULL; atom = atom->next)
        mark_in(c, rule, atom->cond);
}

static void mark_seq(check *c, rule_ctx *rule, const ast_seq *seq)
{
    for (; seq != NULL; seq = seq->next_seq) {
        for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
            for (const ast_item *item = choice->items; item != NULL; item = item->next) {
                mark_atoms(c, rule, item->watch);
                mark_seq(c, rule, item->group);
            }
        }
    }
}

void before_mark_streams(check *c, rule_ctx *rule)
{
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        mark_seq(c, rule, clause->seq);
        mark_atoms(c, rule, clause->watch);
        mark_in(c, rule, clause->expr);
        for (const ast_pair *pair = clause->pairs; pair != NULL; pair = pair->next)
            mark_in(c, rule, pair->value);
    }
}

/* ---- the profile ---- */

static uint32_t add_profile(check *c, const rule_ctx *rule, uint32_t window)
{
    plan *p = c->plan;
    plan_profile *grown = check_alloc(c, (p->n_profiles + 1u) * sizeof *grown);
    if (p->n_profiles > 0)
        memcpy(grown, p->profiles, p->n_profiles * sizeof *grown);
    char *name = check_alloc(c, rule->decl->name.str.len + sizeof " before");
    memcpy(name, rule->decl->name.str.ptr, rule->decl->name.str.len);
    memcpy(name + rule->decl->name.str.len, " before", sizeof " before");
    p->profiles = grown;
    p->profiles[p->n_profiles] = (plan_profile){ .name = { name, (uint32_t)strlen(name) }, .group = rule->rule.group, .window = window };
    return p->n_profiles++;
}

static before_ctx *before_of(check *c, rule_ctx *rule, const ast_name *stream)
{
    for (uint32_t i = 0; i < rule->n_befores; i++)
        if (egret_str_eq(rule->befores[i]->stream, stream->str))
            return rule->befores[i];
    before_ctx *made = check_alloc(c, sizeof *made);
    win_ctx *win = check_alloc(c, sizeof *win);
    ast_atom *atom = check_alloc(c, sizeof *atom);
    *atom = (ast_atom){ .label = *stream, .stream = *stream, .span = stream->span };
    win->of_profile = true;
    win->over = (plan_over){ .kind = AST_EVER, .size_ms = PLAN_FOREVER, .zone = PLAN_NONE };
    win->window.limit_values = 100000;
    win->index = c->plan->n_windows;
    c->plan->windows = check_grow(c, c->plan->windows, win->index, sizeof *c->plan->windows);
    c->plan->n_windows++;
    lower_window_atoms(c, rule, win, atom, rule->rule.group);
    *made = (before_ctx){ .stream = stream->str, .win = win, .profile = add_profile(c, rule, win->index) };
    rule->befores = check_grow(c, rule->befores, rule->n_befores, sizeof(before_ctx *));
    rule->befores[rule->n_befores++] = made;
    return made;
}

static uint32_t member_of(check *c, plan_profile *profile, uint32_t expr)
{
    for (uint32_t i = 0; i < profile->n_members; i++)
        if (profile->member[i] == expr)
            return i;
    uint32_t n = profile->n_members;
    char *name = check_alloc(c, 16);
    snprintf(name, 16, "m%u", (unsigned)n);
    profile->member_name = check_grow(c, profile->member_name, n, sizeof *profile->member_name);
    profile->member = check_grow(c, profile->member, n, sizeof *profile->member);
    profile->member_name[n] = (egret_str){ name, (uint32_t)strlen(name) };
    profile->member[n] = expr;
    return profile->n_members++;
}

/* ---- the step ---- */

static typed explain(check *c, const scope *s, const ast_name *before)
{
    egret_diag *diag = check_error(c, 535, before->span, "'before' says of which step: '%.*s' is none", (int)before->str.len, before->str.ptr);
    names n = { 0 };
    if (s->rule != NULL && s->rule->pattern != NULL)
        names_add_steps(c, &n, s->rule);
    if (!check_suggest(c, diag, before->str, &n, "steps"))
        check_help(c, diag, "in a sequence, count(stream over 10m before step) looks at what was before that step");
    return typed_bad();
}

/* Remembers the value with the events of that step. */
static typed remember(check *c, rule_ctx *rule, uint32_t item, uint32_t expr, const ast_expr *e)
{
    plan_pattern *pattern = rule->pattern;
    egret_type type = (egret_type)c->plan->exprs[expr].type;
    uint32_t cell = cell_of_value(c, pattern, expr, e->span);
    if (cell == PLAN_NONE)
        return typed_bad();
    for (const ast_atom *atom = rule->items[item].item->watch; atom != NULL; atom = atom->next) {
        uint32_t stream = rule_stream(c, rule, &atom->stream);
        if (stream != PLAN_NONE)
            pattern->cells[cell].slot[stream] = 0;
    }
    if (rule->items[item].item->quant.kind == AST_QUANT_NONE && !step_is_repeated(pattern, item))
        return typed_of(c, intern_leaf(c, PLAN_STEP_FIELD, type, item, cell, PLAN_USES_STEPS));
    /* Before a loop is before its first event. */
    plan_step_agg first = { .fn = PLAN_AT_FIRST, .type = (uint8_t)type, .item = item, .where = PLAN_NONE,
                            .value = intern_leaf(c, PLAN_CELL, type, cell, 0, PLAN_USES_STEPS) };
    return typed_of(c, intern_leaf(c, PLAN_STEP_AGG, type, intern_step_agg(c, pattern, first), 0, PLAN_USES_STEPS));
}

typed check_before(check *c, const scope *s, const ast_expr *e, plan_fn fn)
{
    rule_ctx *rule = s->rule;
    bool steps = rule != NULL && rule->pattern != NULL && (s->kind == SCOPE_MATCH || s->kind == SCOPE_EVENT);
    uint32_t item = steps ? find_step(rule, e->tail->before.str) : PLAN_NONE;
    if (item == PLAN_NONE)
        return steps && name_is_silent(s, e->tail->before.str) ? typed_bad() : explain(c, s, &e->tail->before);
    bool own = s->kind == SCOPE_EVENT && item == s->item && rule->items[item].item->quant.kind == AST_QUANT_NONE;
    if (!own && !step_is_visible(s, item)) {
        egret_diag *diag = check_error(c, 315, e->tail->before.span, "this step is not bound yet where the condition is asked");
        check_help(c, diag, "a condition may look at earlier steps; what looks at several may stand in 'when'");
        return typed_bad();
    }
    const ast_name *stream = stream_in(c, e->args);
    if (stream == NULL) {
        egret_diag *diag = check_error(c, 535, e->span, "%.*s() of which stream?", (int)e->name.str.len, e->name.str.ptr);
        check_help(c, diag, "name it: count(stream over 10m before %.*s), sum(stream.field over 10m before %.*s)", (int)e->tail->before.str.len,
                   e->tail->before.str.ptr, (int)e->tail->before.str.len, e->tail->before.str.ptr);
        return typed_bad();
    }
    if (rule->no_key || rule->rule.group == PLAN_NONE)
        return typed_bad();
    before_ctx *before = before_of(c, rule, stream);
    scope inner = { .kind = SCOPE_MEMBER, .stream = PLAN_NONE, .group = rule->rule.group, .win = before->win };
    ast_expr plain = *e;
    const ast_tail tail = { .over = e->tail->over };
    plain.tail = &tail;
    typed t = check_aggregate(c, &inner, &plain, fn);
    lower_window_finish(c, before->win);
    if (typed_is_bad(t))
        return t;
    uint32_t member = member_of(c, &c->plan->profiles[before->profile], t.expr);
    uint32_t value = intern_leaf(c, PLAN_PROFILE, (egret_type)t.type, before->profile, member, PLAN_USES_KEY_STATE);
    return own ? typed_of(c, value) : remember(c, rule, item, value, e);
}
