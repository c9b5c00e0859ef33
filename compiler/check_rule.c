/*
 * check_rule.c: rules: which clauses a rule may have, the streams it looks at, its lets; then one entry of the plan for each of its keys.
 */
#include "compiler/check.h"

#include <string.h>

/* ---- clauses ---- */

enum { IN_MATCH = 1, IN_WATCH = 2, IN_BOTH = 3 };

/* By ast_clause_kind. */
static const struct { const char *name; uint8_t where; } CLAUSES[] = {
    [AST_MATCH] = { "match", IN_MATCH }, [AST_WATCH] = { "watch", IN_WATCH }, [AST_BY] = { "by", IN_BOTH },
    [AST_OVER] = { "over", IN_WATCH }, [AST_WITHIN] = { "within", IN_MATCH }, [AST_IDLE] = { "idle", IN_MATCH },
    [AST_LET] = { "let", IN_BOTH }, [AST_WHEN] = { "when", IN_BOTH }, [AST_EARLY] = { "early", IN_WATCH },
    [AST_UNLESS] = { "unless", IN_MATCH }, [AST_EXCEPT] = { "except", IN_BOTH },
    [AST_AFTER_MATCH] = { "after match", IN_MATCH }, [AST_SEVERITY] = { "severity", IN_BOTH }, [AST_TAGS] = { "tags", IN_BOTH },
    [AST_ALERT] = { "alert", IN_BOTH }, [AST_SIGNAL] = { "signal", IN_BOTH }, [AST_ON_TIMEOUT] = { "on timeout", IN_MATCH },
    [AST_THROTTLE] = { "throttle", IN_BOTH }, [AST_RESOLVE_WHEN] = { "resolve", IN_BOTH }, [AST_RESOLVE_ON] = { "resolve", IN_BOTH },
    [AST_ESCALATE] = { "escalate", IN_BOTH }, [AST_REPEAT] = { "repeat", IN_BOTH }, [AST_ACTIVE] = { "active", IN_BOTH },
    [AST_MODE] = { "mode", IN_BOTH }, [AST_WARM_UP] = { "warm up", IN_BOTH }, [AST_LIMITS] = { "limits", IN_BOTH },
    [AST_TO] = { "to", IN_BOTH },
};

/* The parser has seen to it that clauses stand once which may stand only once. */
static void gather_clauses(rule_ctx *rule)
{
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        if (rule->first[clause->kind] == NULL)
            rule->first[clause->kind] = clause;
    }
}

/* Is it a sequence or a threshold? Clauses of the other kind are errors. */
static bool check_kind(check *c, rule_ctx *rule)
{
    const ast_clause *match = rule->first[AST_MATCH], *watch = rule->first[AST_WATCH];
    if (match == NULL && watch == NULL) {
        egret_diag *diag = check_error(c, 501, rule->decl->name.span, "rule '%.*s' looks for nothing", (int)rule->decl->name.str.len,
                                       rule->decl->name.str.ptr);
        check_help(c, diag, "give it 'match' (a sequence of events) or 'watch' (a count, a sum, every event)");
        return false;
    }
    if (match != NULL && watch != NULL) {
        egret_diag *diag = check_error(c, 501, watch->span, "a rule has 'match' or 'watch', not both");
        check_note(c, diag, match->span, "'match' is here");
        return false;
    }
    rule->rule.kind = match != NULL ? PLAN_SEQUENCE : PLAN_THRESHOLD;
    rule->lone_absence = match != NULL && pattern_is_lone_absence(match->seq);
    uint8_t want = match != NULL ? IN_MATCH : IN_WATCH;
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next)
        if ((CLAUSES[clause->kind].where & want) == 0)
            check_error(c, 503, clause->span, "'%s' belongs to rules with '%s'; this one has '%s'", CLAUSES[clause->kind].name,
                        match != NULL ? "watch" : "match", match != NULL ? "match" : "watch");
    return true;
}

/* ---- streams ---- */

uint32_t rule_stream(check *c, rule_ctx *rule, const ast_name *name)
{
    uint32_t stream = told_or_stream(c, name->str);
    if (stream != PLAN_NONE)
        return stream;
    rule->refused = true;
    if (check_find(c, SPACE_STREAM, name->str) != NULL)
        return PLAN_NONE;       /* a rule with errors, which were reported */
    egret_diag *diag = check_error(c, 301, name->span, "unknown stream '%.*s'", (int)name->str.len, name->str.ptr);
    names n = { 0 };
    names_add_symbols(c, &n, AST_STREAM);
    names_add_symbols(c, &n, AST_RULE);
    check_suggest(c, diag, name->str, &n, "streams");
    return PLAN_NONE;
}

static void mark_stream(check *c, rule_ctx *rule, const ast_name *name)
{
    uint32_t stream = rule_stream(c, rule, name);
    if (stream == PLAN_NONE || rule->streams[stream])
        return;
    told_warn(c, rule, name);
    rule->streams[stream] = true;
    rule->stream_span[stream] = name->span;
}

void rule_mark_streams(check *c, rule_ctx *rule, const ast_atom *watch)
{
    for (const ast_atom *atom = watch; atom != NULL; atom = atom->next)
        mark_stream(c, rule, &atom->stream);
}

static void mark_seq(check *c, rule_ctx *rule, const ast_seq *seq)
{
    for (; seq != NULL; seq = seq->next_seq) {
        for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
            for (const ast_item *item = choice->items; item != NULL; item = item->next) {
                rule_mark_streams(c, rule, item->watch);
                if (item->quant.until_stream.str.len != 0)
                    mark_stream(c, rule, &item->quant.until_stream);
                mark_seq(c, rule, item->group);
            }
        }
    }
}

static void find_streams(check *c, rule_ctx *rule)
{
    uint32_t n = c->plan->n_streams;
    rule->streams = check_alloc(c, n * sizeof *rule->streams);
    rule->stream_span = check_alloc(c, n * sizeof *rule->stream_span);
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        mark_seq(c, rule, clause->seq);
        rule_mark_streams(c, rule, clause->watch);
    }
    if (rule->decl->u.rule.asks_before)
        before_mark_streams(c, rule);
}

/* ---- lets, limits, scope ---- */

scope rule_scope(const rule_ctx *rule)
{
    rule_ctx *writable = (rule_ctx *)(uintptr_t)rule;
    return (scope){ .kind = rule->win != NULL ? SCOPE_WINDOW : SCOPE_MATCH, .stream = PLAN_NONE, .group = rule->rule.group, .rule = writable,
                    .win = rule->win, .item = PLAN_NONE };
}

typed rule_let(check *c, rule_ctx *rule, uint32_t i)
{
    let_ctx *let = &rule->lets[i];
    if (let->state == SYMBOL_DONE)
        return let->value;
    if (let->state == SYMBOL_BUSY) {
        check_error(c, 310, let->clause->name.span, "let '%.*s' contains itself", (int)let->clause->name.str.len, let->clause->name.str.ptr);
        return typed_bad();
    }
    let->state = SYMBOL_BUSY;
    scope s = rule_scope(rule);
    let->value = check_settle(c, check_expr(c, &s, let->clause->expr));
    let->state = SYMBOL_DONE;
    return let->value;
}

static void gather_lets(check *c, rule_ctx *rule)
{
    rule->n_lets = 0;
    rule->lets = NULL;
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        if (clause->kind != AST_LET)
            continue;
        for (uint32_t i = 0; i < rule->n_lets; i++) {
            if (!egret_str_eq(rule->lets[i].clause->name.str, clause->name.str))
                continue;
            egret_diag *diag = check_error(c, 305, clause->name.span, "let '%.*s' stands twice", (int)clause->name.str.len, clause->name.str.ptr);
            check_note(c, diag, rule->lets[i].clause->name.span, "the first one");
        }
        rule->lets = check_grow(c, rule->lets, rule->n_lets, sizeof *rule->lets);
        rule->lets[rule->n_lets++] = (let_ctx){ .clause = clause };
    }
}

/* A let that hides a part of the key would give the alert two values of one name. */
static void check_let_names(check *c, const rule_ctx *rule)
{
    const plan_group *group = rule->rule.group == PLAN_NONE ? NULL : &c->plan->groups[rule->rule.group];
    for (uint32_t i = 0; group != NULL && i < rule->n_lets; i++) {
        const ast_name *name = &rule->lets[i].clause->name;
        for (uint32_t k = 0; k < group->n_parts; k++)
            if (egret_str_eq(group->part_name[k], name->str))
                check_error(c, 305, name->span, "let '%.*s' has the name of a part of the key", (int)name->str.len, name->str.ptr);
    }
}

uint64_t rule_limit(check *c, const rule_ctx *rule, const char *name, uint64_t otherwise)
{
    const ast_clause *clause = rule->first[AST_LIMITS];
    for (const ast_pair *pair = clause == NULL ? NULL : clause->pairs; pair != NULL; pair = pair->next) {
        if (!egret_str_is(pair->name.str, name))
            continue;
        if (pair->value->kind == AST_INT && pair->value->int_value > 0 && pair->value->int_value <= 1000000000)
            return (uint64_t)pair->value->int_value;
        egret_diag *diag = check_error(c, 518, pair->value->span, "a limit is a whole number from 1 to 1000000000");
        check_help(c, diag, "write a number without quotes and unit: %s: 1000", name);
    }
    return otherwise;
}

/* Which kind of rule a limit bounds. */
static const struct { const char *name; uint8_t where; } LIMITS[] = {
    { "attempts", IN_MATCH }, { "events", IN_MATCH }, { "values", IN_WATCH }, { "evidence", IN_BOTH },
};

static void check_limits(check *c, const rule_ctx *rule)
{
    enum { N = sizeof LIMITS / sizeof LIMITS[0] };
    const ast_clause *clause = rule->first[AST_LIMITS];
    uint8_t want = rule->rule.kind == PLAN_SEQUENCE ? IN_MATCH : IN_WATCH;
    for (const ast_pair *pair = clause == NULL ? NULL : clause->pairs; pair != NULL; pair = pair->next) {
        size_t i = 0;
        while (i < N && !egret_str_is(pair->name.str, LIMITS[i].name))
            i++;
        if (i == N) {
            egret_diag *diag = check_error(c, 518, pair->name.span, "unknown limit '%.*s'", (int)pair->name.str.len, pair->name.str.ptr);
            names known = { 0 };
            for (size_t k = 0; k < N; k++)
                names_add(c, &known, (egret_str){ LIMITS[k].name, (uint32_t)strlen(LIMITS[k].name) });
            check_suggest(c, diag, pair->name.str, &known, "limits of sequences and windows");
        } else if ((LIMITS[i].where & want) == 0) {
            check_warn(c, 806, pair->name.span, "'%s' bounds nothing in a rule with '%s'", LIMITS[i].name,
                       want == IN_MATCH ? "match" : "watch");
        }
        for (const ast_pair *twin = clause->pairs; twin != pair; twin = twin->next)
            if (egret_str_eq(twin->name.str, pair->name.str))
                check_error(c, 305, pair->name.span, "limit '%.*s' stands twice", (int)pair->name.str.len, pair->name.str.ptr);
    }
}

/* ---- one key of a rule ---- */

static void finish_threshold(check *c, rule_ctx *rule)
{
    win_ctx *win = rule->win;
    plan_threshold *t = &rule->rule.threshold;
    t->kind = win->over.kind == AST_EVER && win->slides ? AST_SLIDING : win->over.kind;
    t->size_ms = win->over.size_ms;
    t->every_ms = win->over.every_ms;
    t->last = win->over.last;
    t->zone = win->over.zone;
    bool hops = win->over.kind == AST_HOPPING, slides = hops || (!win->closes && win->slides);
    if (hops)   /* the engine keeps the events of a window for an aggregate over it */
        window_count_all(c, win);
    bool asked = t->for_ms > 0 || t->for_time != PLAN_NONE || rule->rule.resolve_when != PLAN_NONE || lower_looks_outside(c, t->when)
                 || lower_leaving(c, &win->window, t->when, true);
    t->leaving_matters = slides && asked;
    lower_asked(c, &win->window, t->when);
    lower_asked(c, &win->window, rule->rule.resolve_when);
    t->asks_at_close = win->closes && (win->mixed || rule->rule.resolve_when != PLAN_NONE || lower_looks_outside(c, t->when));
    t->negatives_matter = slides && !asked && lower_leaving(c, &win->window, t->when, false);
    lower_window_finish(c, win);
}

static void lower_instance(check *c, rule_ctx *rule, const ast_clause *by, uint32_t instance)
{
    const symbol *self = rule->symbol;
    rule->rule = (plan_rule){ .name = rule->decl->name.str, .text = rule->decl->u.rule.text.str, .instance = instance,
                              .span = rule->decl->span, .kind = rule->rule.kind, .level = self->level, .told = self->stream,
                              .told_alert = self->feeds_alert ? c->alert_stream : PLAN_NONE };
    rule->pattern = NULL;
    rule->items = NULL;
    rule->parts = NULL;
    rule->n_ghosts = 0;
    rule->win = NULL;
    rule->befores = NULL;
    rule->n_befores = 0;
    gather_lets(c, rule);
    rule->rule.group = lower_key(c, rule, by == NULL ? NULL : &by->keys);
    check_let_names(c, rule);
    if (rule->rule.kind == PLAN_SEQUENCE)
        lower_pattern(c, rule);
    else
        lower_threshold(c, rule);
    lower_alert(c, rule);
    lower_life(c, rule);
    if (rule->rule.kind == PLAN_THRESHOLD)
        finish_threshold(c, rule);
    told_instance(c, rule);
    plan *p = c->plan;
    p->rules = check_grow(c, p->rules, p->n_rules, sizeof *p->rules);
    p->rules[p->n_rules++] = rule->rule;
}

static void lower_rule(check *c, const symbol *self)
{
    const ast_decl *decl = self->decl;
    rule_ctx *rule = check_alloc(c, sizeof *rule);
    rule->decl = decl;
    rule->symbol = self;
    rule->no_key = true;
    rule->rule.group = PLAN_NONE;
    c->visits = 0;
    gather_clauses(rule);
    if (!check_kind(c, rule))
        return;
    check_limits(c, rule);
    find_streams(c, rule);
    uint32_t instance = 0, errors = c->diags->n_errors;
    if (rule->first[AST_BY] == NULL)
        lower_instance(c, rule, NULL, instance);
    /* A second key says nothing new about a rule with errors. */
    for (const ast_clause *by = decl->u.rule.clauses; by != NULL && c->diags->n_errors == errors; by = by->next) {
        if (by->kind == AST_BY)
            lower_instance(c, rule, by, instance++);
    }
}

void check_rule(check *c, symbol *rule)
{
    c->at = rule;
    uint32_t errors = c->diags->n_errors;
    rule->index = c->plan->n_rules;
    lower_rule(c, rule);
    rule->state = SYMBOL_DONE;
    rule->sound = c->diags->n_errors == errors;
    told_finish(c, rule);
    c->at = NULL;
}

/* Profiles and rules, each after what it looks at. */
void check_rules(check *c)
{
    told_alert(c);
    for (uint32_t i = 0; i < c->n_order; i++) {
        symbol *next = &c->symbols[c->order[i]];
        c->visits = 0;
        if (next->decl->kind == AST_PROFILE)
            check_profile(c, next);
        else
            check_rule(c, next);
    }
}
