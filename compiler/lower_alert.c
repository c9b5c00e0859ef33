/*
 * lower_alert.c: what a rule says when it fires: the alert block, severity, tags, throttle, exceptions, sinks; and the life of the alert
 * after that: resolve and escalate.
 */
#include "compiler/check.h"

#include <string.h>

/* ---- severity ---- */

static const char *const LEVELS[] = { "info", "low", "medium", "high", "critical" };

static bool level_of(egret_str name, plan_level *level)
{
    for (size_t i = 0; i < sizeof LEVELS / sizeof LEVELS[0]; i++) {
        if (!egret_str_is(name, LEVELS[i]))
            continue;
        *level = (plan_level)i;
        return true;
    }
    return false;
}

static void lower_severity(check *c, rule_ctx *rule)
{
    rule->rule.severity = PLAN_NONE;
    const ast_clause *clause = rule->first[AST_SEVERITY];
    if (clause == NULL)
        return;
    scope s = rule_scope(rule);
    s.levels = true;
    typed t = check_expr(c, &s, clause->expr);
    rule->rule.severity = t.expr;
    egret_value v;
    plan_level level;
    if (typed_is_bad(t))
        return;
    bool constant = intern_is_const(c, t.expr, &v);
    if (t.type == EGRET_STRING && (!constant || level_of((egret_str){ v.u.s, v.len }, &level)))
        return;
    egret_diag *diag = check_error(c, 516, clause->expr->span, "this is no severity");
    check_help(c, diag, "severities: info, low, medium, high, critical; or computed: if(x > 5, high, medium)");
}

/* ---- the alert block ---- */

static void gather_fields(check *c, rule_ctx *rule, const ast_pair *pairs)
{
    rule->fields = NULL;
    rule->n_fields = 0;
    for (const ast_pair *pair = pairs; pair != NULL; pair = pair->next) {
        for (uint32_t i = 0; i < rule->n_fields; i++) {
            if (!egret_str_eq(rule->fields[i].pair->name.str, pair->name.str))
                continue;
            egret_diag *diag = check_error(c, 305, pair->name.span, "field '%.*s' stands twice", (int)pair->name.str.len, pair->name.str.ptr);
            check_help(c, diag, "give one of them another name, or leave it out");
            check_note(c, diag, rule->fields[i].pair->name.span, "the first one");
        }
        rule->fields = check_grow(c, rule->fields, rule->n_fields, sizeof *rule->fields);
        rule->fields[rule->n_fields++] = (field_ctx){ .pair = pair };
    }
}

/* user: user, where nothing else is called so: mostly a key that was forgotten. */
static void explain_own_field(check *c, const rule_ctx *rule, const ast_name *name)
{
    egret_diag *diag = check_error(c, 310, name->span, "alert field '%.*s' contains itself", (int)name->str.len, name->str.ptr);
    for (uint32_t i = 0; i < c->plan->n_streams; i++) {
        if (!rule->streams[i] || stream_field(&c->plan->streams[i], name->str) == PLAN_NONE)
            continue;
        uint32_t step = 0, n = rule->pattern == NULL ? 0 : rule->pattern->n_items;
        while (step < n && rule->items[step].name.len == 0)
            step++;
        if (step < n)
            check_help(c, diag, "nothing else is called so here: ask a step for it, %.*s.%.*s, or make it the key: by %.*s",
                       (int)rule->items[step].name.len, rule->items[step].name.ptr, (int)name->str.len, name->str.ptr,
                       (int)name->str.len, name->str.ptr);
        return;
    }
    check_help(c, diag, "nothing else is called so here; name what it is made of");
}

typed rule_field(check *c, rule_ctx *rule, uint32_t i)
{
    field_ctx *field = &rule->fields[i];
    if (field->state == SYMBOL_DONE)
        return field->value;
    if (field->state == SYMBOL_BUSY) {
        explain_own_field(c, rule, &field->pair->name);
        return typed_bad();
    }
    field->state = SYMBOL_BUSY;
    scope s = rule_scope(rule);
    s.texts = s.alert = true;
    field->value = check_settle(c, check_expr(c, &s, field->pair->value));
    field->state = SYMBOL_DONE;
    return field->value;
}

static void add_pair(check *c, plan_pair **pairs, uint32_t *n, plan_pair pair)
{
    *pairs = check_grow(c, *pairs, *n, sizeof **pairs);
    (*pairs)[(*n)++] = pair;
}

/* The pairs of a block; they may name each other. */
static void lower_block(check *c, rule_ctx *rule, const ast_pair *block, plan_pair **fields, uint32_t *n_fields)
{
    gather_fields(c, rule, block);
    for (uint32_t i = 0; i < rule->n_fields; i++) {
        typed t = rule_field(c, rule, i);
        add_pair(c, fields, n_fields, (plan_pair){ rule->fields[i].pair->name.str, t.expr });
    }
}

/* The lets that no pair of the block hides. */
static void lower_lets(check *c, rule_ctx *rule, plan_pair **lets, uint32_t *n_lets)
{
    for (uint32_t i = 0; i < rule->n_lets; i++) {
        typed t = rule_let(c, rule, i);
        egret_str name = rule->lets[i].clause->name.str;
        bool hidden = false;
        for (uint32_t k = 0; k < rule->n_fields; k++)
            hidden = hidden || egret_str_eq(rule->fields[k].pair->name.str, name);
        if (!hidden)
            add_pair(c, lets, n_lets, (plan_pair){ name, t.expr });
    }
}

/* Does some attempt wait, and is there a bound that ends it? */
static bool can_time_out(const plan_pattern *p)
{
    bool bounded = p->within_ms != PLAN_FOREVER || p->idle_ms != PLAN_FOREVER;
    bool waits = p->n_items > 1 || (p->n_items == 1 && (p->items[0].min > 1 || (p->items[0].max > 1 && p->when != PLAN_NONE)));
    for (uint32_t i = 0; i < p->n_items; i++)
        bounded = bounded || (i > 0 && p->items[i].link_within_ms != PLAN_FOREVER) || p->items[i].own_within_ms != PLAN_FOREVER;
    for (uint32_t i = 0; i < p->n_parts; i++) {
        const plan_part *part = &p->parts[i];
        bounded = bounded || part->link_within_ms != PLAN_FOREVER || part->within_ms != PLAN_FOREVER;
        waits = waits || part->kind == PLAN_PART_SILENCE || (part->kind == PLAN_PART_LOOP && (part->min > 1 || (part->max > 1 && p->when != PLAN_NONE)));
    }
    return bounded && waits;
}

static void lower_timeout(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_ON_TIMEOUT];
    if (clause == NULL || rule->pattern == NULL || rule->lone_absence)
        return;
    lower_block(c, rule, clause->pairs, &rule->rule.timeout, &rule->rule.n_timeout);
    lower_lets(c, rule, &rule->rule.timeout, &rule->rule.n_timeout);
    rule->pattern->on_timeout = true;
    rule->rule.only_timeouts = rule->first[AST_ALERT] == NULL;
    if (rule->refused || can_time_out(rule->pattern))
        return;
    egret_diag *diag = check_error(c, 540, clause->span, "no attempt of this match ever runs out of time");
    check_help(c, diag, "say how long it waits: then within 1h …, or 'within' or 'idle' for the whole; for silence write then not x for 5m");
}

static void lower_except(check *c, rule_ctx *rule)
{
    uint32_t *list = NULL, n = 0;
    scope s = rule_scope(rule);
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        if (clause->kind != AST_EXCEPT)
            continue;
        uint32_t condition = check_condition(c, &s, clause->expr, "'except'");
        if (condition == PLAN_NONE)
            continue;
        list = check_grow(c, list, n, sizeof *list);
        list[n++] = condition;
    }
    rule->rule.except = n == 0 ? PLAN_NONE : intern_junction(c, PLAN_OR, list, n);
}

static void lower_active(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_ACTIVE];
    rule->rule.active = PLAN_NONE;
    uint32_t calendar = clause == NULL ? PLAN_NONE : check_calendar(c, clause->strings->value.str, clause->strings);
    if (calendar == PLAN_NONE)
        return;
    uint32_t now = intern_leaf(c, PLAN_NOW, EGRET_TIME, 0, 0, PLAN_USES_NOW);
    rule->rule.active = intern_expr(c, (plan_expr){ .op = PLAN_IN_CALENDAR, .type = EGRET_BOOL, .a = calendar }, &now, 1);
}

static void lower_tags(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_TAGS];
    for (const ast_strings *tag = clause == NULL ? NULL : clause->strings; tag != NULL; tag = tag->next) {
        rule->rule.tags = check_grow(c, rule->rule.tags, rule->rule.n_tags, sizeof *rule->rule.tags);
        rule->rule.tags[rule->rule.n_tags++] = tag->value.str;
    }
}

static void lower_sinks(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_TO];
    for (const ast_strings *to = clause == NULL ? NULL : clause->strings; to != NULL; to = to->next) {
        const symbol *sink = check_find_kind(c, AST_SINK, to->value.str);
        if (sink == NULL) {
            egret_diag *diag = check_error(c, 311, to->value.span, "there is no sink '%.*s'", (int)to->value.str.len, to->value.str.ptr);
            names n = { 0 };
            names_add_symbols(c, &n, AST_SINK);
            check_suggest(c, diag, to->value.str, &n, "sinks");
            continue;
        }
        bool twice = false;
        for (uint32_t i = 0; i < rule->rule.n_sinks; i++)
            twice = twice || rule->rule.sinks[i] == sink->index;
        if (twice) {
            check_error(c, 305, to->value.span, "sink '%.*s' stands twice", (int)to->value.str.len, to->value.str.ptr);
            continue;
        }
        rule->rule.sinks = check_grow(c, rule->rule.sinks, rule->rule.n_sinks, sizeof *rule->rule.sinks);
        rule->rule.sinks[rule->rule.n_sinks++] = sink->index;
    }
}

static void lower_mode(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_MODE];
    rule->rule.mode = PLAN_LIVE;
    if (clause != NULL && egret_str_is(clause->name.str, "shadow")) {
        rule->rule.mode = PLAN_SHADOW;
    } else if (clause != NULL && egret_str_is(clause->name.str, "off")) {
        rule->rule.mode = PLAN_OFF;
    } else if (clause != NULL && !egret_str_is(clause->name.str, "live")) {
        egret_diag *diag = check_error(c, 517, clause->name.span, "unknown mode '%.*s'", (int)clause->name.str.len, clause->name.str.ptr);
        check_help(c, diag, "modes: live, shadow (evaluated, not reported), off");
    }
    rule->rule.written_mode = rule->rule.mode;
}

static void lower_throttle(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_THROTTLE];
    rule->rule.throttle_per = PLAN_NONE;
    if (clause == NULL)
        return;
    check_dur(c, &clause->dur, "the time of 'throttle'", &rule->rule.throttle_ms);
    if (clause->expr == NULL)
        return;
    scope s = rule_scope(rule);
    s.alert = true;
    rule->rule.throttle_per = check_settle(c, check_expr(c, &s, clause->expr)).expr;
}

static void lower_warm_up(check *c, rule_ctx *rule)
{
    const ast_clause *clause = rule->first[AST_WARM_UP];
    if (clause == NULL || !check_dur(c, &clause->dur, "the time of 'warm up'", &rule->rule.warm_up_ms) || rule->rule.warm_up_ms != 0)
        return;
    check_help(c, check_error(c, 513, clause->dur.span, "to warm up for no time is not to warm up"), "write warm up 24h");
}

/* `signal` tells other rules and nobody else: what speaks to people has no place beside it. */
static void lower_signal(check *c, rule_ctx *rule)
{
    static const struct { ast_clause_kind kind; const char *name; } TO_PEOPLE[] = {
        { AST_ESCALATE, "escalate" }, { AST_REPEAT, "repeat" }, { AST_TO, "to" },
        { AST_ON_TIMEOUT, "on timeout alert" },
    };
    const ast_clause *clause = rule->first[AST_SIGNAL];
    rule->rule.signals = clause != NULL;
    if (clause == NULL)
        return;
    for (size_t i = 0; i < sizeof TO_PEOPLE / sizeof TO_PEOPLE[0]; i++)
        if (rule->first[TO_PEOPLE[i].kind] != NULL)
            check_error(c, 550, rule->first[TO_PEOPLE[i].kind]->span, "'%s' speaks to people; a rule with 'signal' tells only other rules",
                        TO_PEOPLE[i].name);
}

void lower_alert(check *c, rule_ctx *rule)
{
    plan_rule *out = &rule->rule;
    lower_signal(c, rule);
    lower_timeout(c, rule);
    const ast_clause *block = out->signals ? rule->first[AST_SIGNAL] : rule->first[AST_ALERT];
    lower_block(c, rule, block == NULL ? NULL : block->pairs, &out->fields, &out->n_fields);
    lower_lets(c, rule, &out->lets, &out->n_lets);
    lower_severity(c, rule);
    lower_except(c, rule);
    lower_active(c, rule);
    lower_tags(c, rule);
    lower_sinks(c, rule);
    lower_mode(c, rule);
    lower_throttle(c, rule);
    lower_warm_up(c, rule);
    rule->rule.evidence_cap = (uint32_t)rule_limit(c, rule, "evidence", 20);
}

/* ---- the life of an open alert ---- */

/* Atoms of resolve on and escalate: they look at their own event and the key. */
static uint32_t add_life_atoms(check *c, rule_ctx *rule, const ast_atom *watch)
{
    uint32_t n = 0;
    for (const ast_atom *atom = watch; atom != NULL; atom = atom->next) {
        if (atom->label.str.len != 0)
            check_warn(c, 805, atom->label.span, "no step is bound here, so this label names nothing");
        scope s = { .kind = SCOPE_EVENT, .stream = rule_stream(c, rule, &atom->stream), .group = rule->rule.group, .rule = rule, .item = 0 };
        plan_atom lowered = lower_atom(c, &s, atom);
        if (rule->rule.n_atoms >= PLAN_MAX_ATOMS) {
            check_error(c, 522, atom->span, "a rule looks at most at %d streams", PLAN_MAX_ATOMS);
            return n;
        }
        rule->rule.atoms = check_grow(c, rule->rule.atoms, rule->rule.n_atoms, sizeof lowered);
        rule->rule.atoms[rule->rule.n_atoms++] = lowered;
        n++;
    }
    return n;
}

static void lower_resolve_when(check *c, rule_ctx *rule, const ast_clause *clause)
{
    rule->rule.resolves = true;
    if (rule->win == NULL) {
        egret_diag *diag = check_error(c, 525, clause->span, "'resolve when' asks the window of a threshold rule; a sequence has none");
        check_help(c, diag, "write resolve on stream [condition]");
        return;
    }
    scope s = rule_scope(rule);
    rule->rule.resolve_when = check_condition(c, &s, clause->expr, "'resolve when'");
    if (clause->for_time != NULL)
        check_key_time(c, rule, clause->for_time, "the time of 'for'", &rule->rule.resolve_for_ms, &rule->rule.resolve_for);
}

static void lower_repeat(check *c, rule_ctx *rule, const ast_clause *clause)
{
    int64_t *ms = &rule->rule.repeat_ms;
    if (check_dur(c, &clause->dur, "the time of 'repeat'", ms) && *ms == 0)
        check_help(c, check_error(c, 513, clause->dur.span, "an alert cannot be repeated all the time"), "write repeat 30m");
    if (rule->rule.resolves)
        return;
    egret_diag *diag = check_error(c, 531, clause->span, "'repeat' needs 'resolve': without it no alert is ever open");
    check_help(c, diag, "say when it is over: resolve on stream [condition]");
}

/* One `escalate`: a rung of the ladder. */
static void lower_rung(check *c, rule_ctx *rule, const ast_clause *escalate)
{
    plan_rule *out = &rule->rule;
    plan_rung rung = { .on = out->n_atoms, .within_ms = PLAN_FOREVER };
    rung.n_on = add_life_atoms(c, rule, escalate->watch);
    if (!level_of(escalate->name.str, &rung.to)) {
        egret_diag *diag = check_error(c, 516, escalate->name.span, "'%.*s' is no severity", (int)escalate->name.str.len, escalate->name.str.ptr);
        names n = { 0 };
        for (size_t i = 0; i < sizeof LEVELS / sizeof LEVELS[0]; i++)
            names_add(c, &n, (egret_str){ LEVELS[i], (uint32_t)strlen(LEVELS[i]) });
        check_suggest(c, diag, escalate->name.str, &n, "severities");
    }
    if (dur_is_written(&escalate->dur))
        check_dur(c, &escalate->dur, "'within'", &rung.within_ms);
    out->rungs = check_grow(c, out->rungs, out->n_rungs, sizeof rung);
    out->rungs[out->n_rungs++] = rung;
}

void lower_life(check *c, rule_ctx *rule)
{
    plan_rule *out = &rule->rule;
    out->resolve_when = out->resolve_for = PLAN_NONE;
    if (rule->first[AST_RESOLVE_WHEN] != NULL)
        lower_resolve_when(c, rule, rule->first[AST_RESOLVE_WHEN]);
    if (rule->first[AST_RESOLVE_ON] != NULL) {
        out->resolves = true;
        out->resolve_on = out->n_atoms;
        out->n_resolve_on = add_life_atoms(c, rule, rule->first[AST_RESOLVE_ON]->watch);
    }
    if (rule->first[AST_REPEAT] != NULL)
        lower_repeat(c, rule, rule->first[AST_REPEAT]);
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next)
        if (clause->kind == AST_ESCALATE)
            lower_rung(c, rule, clause);
}
