/*
 * check_open.c: open(rule): is an alert of that rule open for the key?
 *
 * A rule that asks is evaluated after the rule it asks about, whatever their names, so what it sees does not depend on how rules are called:
 * the state after the event at hand. That is what levels are for (check_levels.c).
 *
 * Of which key? In the condition of a stream the event at hand says it, as it would say it to the rule asked about. At the end of a rule (when,
 * let, except …), where there may be no event but a deadline, the parts of the rule's own key say it, by their names.
 */
#include "compiler/check.h"

static symbol *asked_rule(check *c, const ast_expr *e)
{
    const ast_expr *arg = e->args;
    if (arg == NULL || arg->next != NULL || arg->kind != AST_NAME) {
        egret_diag *diag = check_error(c, 404, e->span, "open() takes the name of a rule");
        check_help(c, diag, "write open(flapping)");
        return NULL;
    }
    symbol *found = check_find_kind(c, AST_RULE, arg->name.str);
    if (found != NULL)
        return found;
    egret_diag *diag = check_error(c, 313, arg->span, "there is no rule '%.*s'", (int)arg->name.str.len, arg->name.str.ptr);
    names n = { 0 };
    names_add_symbols(c, &n, AST_RULE);
    check_suggest(c, diag, arg->name.str, &n, "rules");
    return NULL;
}

/* By the event at hand. PLAN_NONE: the stream has no such key. */
static uint32_t open_of_event(check *c, const scope *s, uint32_t rule)
{
    const plan_group *group = &c->plan->groups[c->plan->rules[rule].group];
    for (uint32_t k = 0; k < group->n_parts; k++)
        if (group->key_expr[(size_t)s->stream * group->n_parts + k] == PLAN_NONE)
            return PLAN_NONE;
    return intern_leaf(c, PLAN_OPEN, EGRET_BOOL, rule, 0, PLAN_USES_EVENT | PLAN_USES_KEY_STATE);
}

/* By the parts of the own key. PLAN_NONE: one is missing there. */
static uint32_t open_of_key(check *c, const scope *s, uint32_t rule)
{
    const plan_group *own = &c->plan->groups[s->group], *other = &c->plan->groups[c->plan->rules[rule].group];
    uint32_t parts[PLAN_MAX_KEY_PARTS], n = other->n_parts;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = 0;
        while (i < own->n_parts && !(egret_str_eq(own->part_name[i], other->part_name[k]) && own->part_type[i] == other->part_type[k]))
            i++;
        if (i == own->n_parts)
            return PLAN_NONE;
        parts[k] = i;
    }
    for (uint32_t k = 0; k < n; k++)
        parts[k] = intern_leaf(c, PLAN_KEY, (egret_type)c->plan->groups[s->group].part_type[parts[k]], parts[k], 0, PLAN_USES_KEY);
    plan_expr open = { .op = PLAN_OPEN, .type = EGRET_BOOL, .uses = PLAN_USES_KEY_STATE, .a = rule, .b = 1 };
    return intern_expr(c, open, parts, n);
}

static void explain_key(check *c, const scope *s, const ast_expr *e, uint32_t rule)
{
    egret_str name = c->plan->rules[rule].name;
    bool event = s->kind == SCOPE_EVENT;
    egret_diag *diag = check_error(c, 530, e->span, "the key of rule '%.*s' is not known here", (int)name.len, name.ptr);
    if (event)
        check_help(c, diag, "stream '%.*s' lacks a field of that key", (int)c->plan->streams[s->stream].name.len,
                   c->plan->streams[s->stream].name.ptr);
    else
        check_help(c, diag, "at the end of a rule its own key must hold all parts of that key; an event may say it: stream [not open(%.*s)]",
                   (int)name.len, name.ptr);
}

/* One rule of the plan for each `by` of the rule: it is open when one of them is. */
static typed open_any(check *c, const scope *s, const ast_expr *e, const symbol *asked)
{
    uint32_t *parts = NULL, n = 0;
    for (uint32_t i = asked->index; i < c->plan->n_rules; i++) {
        const plan_rule *rule = &c->plan->rules[i];
        if (!egret_str_eq(rule->name, asked->decl->name.str) || rule->group == PLAN_NONE)
            continue;
        if (!rule->resolves) {
            egret_diag *diag = check_error(c, 529, e->args->span, "alerts of rule '%.*s' are never open: it has no 'resolve'",
                                           (int)rule->name.len, rule->name.ptr);
            check_note(c, diag, rule->span, "the rule");
            check_help(c, diag, "say there when it is over: resolve on stream [condition]");
            return typed_bad();
        }
        if (rule->mode == PLAN_SHADOW && !told_to_shadow(s->rule)) {
            /* What it tells reaches rules in shadow mode alone, so for the others nothing of it is open. */
            egret_diag *diag = check_warn(c, 820, e->span, "rule '%.*s' is in mode shadow: here it is never open", (int)rule->name.len, rule->name.ptr);
            check_note(c, diag, rule->span, "the rule");
            return typed_value(c, egret_bool(false));
        }
        uint32_t one = s->kind == SCOPE_EVENT ? open_of_event(c, s, i) : open_of_key(c, s, i);
        if (one == PLAN_NONE) {
            explain_key(c, s, e, i);
            return typed_bad();
        }
        parts = check_grow(c, parts, n, sizeof *parts);
        parts[n++] = one;
    }
    /* No rule at all: its errors have been reported. */
    return n == 0 ? typed_bad() : typed_of(c, intern_junction(c, PLAN_OR, parts, n));
}

typed check_open(check *c, const scope *s, const ast_expr *e)
{
    bool fits = s->kind == SCOPE_EVENT || s->kind == SCOPE_MATCH || s->kind == SCOPE_WINDOW;
    if (!fits || s->rule == NULL) {
        egret_diag *diag = check_error(c, 315, e->span, "open() asks for the key of a rule; here is none");
        check_help(c, diag, "it stands in conditions of a rule: except open(flapping)");
        return typed_bad();
    }
    symbol *asked = asked_rule(c, e);
    if (asked == NULL || asked->state != SYMBOL_DONE || s->group == PLAN_NONE)
        return typed_bad();     /* not checked yet: it stands in a circle, which was reported */
    if (s->kind == SCOPE_EVENT && s->stream == PLAN_NONE)
        return typed_bad();
    return open_any(c, s, e, asked);
}
