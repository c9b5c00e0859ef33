/*
 * lower_steps.c: the conditions of a sequence: atoms of steps, absences and `unless`; `when`; where matching resumes.
 */
#include "compiler/lower_pattern.h"

/* ---- atoms ---- */

uint32_t pattern_add_atoms(check *c, rule_ctx *rule, const ast_atom *watch, egret_str label, uint32_t item, bool own)
{
    plan_pattern *pattern = rule->pattern;
    uint32_t n = 0;
    for (const ast_atom *atom = watch; atom != NULL; atom = atom->next) {
        scope s = { .kind = SCOPE_EVENT, .stream = rule_stream(c, rule, &atom->stream), .group = rule->rule.group, .rule = rule, .item = item,
                    .own_item = own };
        plan_atom lowered = lower_atom(c, &s, atom);
        lowered.label = label;
        if (pattern->n_atoms >= PLAN_MAX_ATOMS) {
            check_error(c, 522, atom->span, "a rule looks at most at %d streams in all its steps", PLAN_MAX_ATOMS);
            return n;
        }
        pattern->atoms = check_grow(c, pattern->atoms, pattern->n_atoms, sizeof lowered);
        pattern->atoms[pattern->n_atoms++] = lowered;
        n++;
    }
    return n;
}

static bool asks_steps(const check *c, const plan_pattern *pattern, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        uint32_t rest = pattern->atoms[i].rest;
        if (rest != PLAN_NONE && (c->plan->exprs[rest].uses & PLAN_USES_STEPS) != 0)
            return true;
    }
    return false;
}

/* ---- absences ---- */

static uint32_t lower_absence_for(check *c, rule_ctx *rule, const ast_expr *e)
{
    scope s = rule_scope(rule);
    typed t = check_expr(c, &s, e);
    if (typed_is_bad(t))
        return PLAN_NONE;
    egret_value v;
    if (t.type != EGRET_DURATION) {
        egret_diag *diag = check_error(c, 409, e->span, "'for' needs a duration; this is %s", egret_type_name((egret_type)t.type));
        check_help(c, diag, type_is_numeric((egret_type)t.type) && !intern_is_const(c, t.expr, &v) ? "give it a unit: … * 1s" : "write for 5m");
    } else if (intern_is_const(c, t.expr, &v) && (v.u.i <= 0 || v.u.i > CHECK_MAX_DURATION_MS)) {
        check_error(c, 513, e->span, "'for' must be more than nothing and at most a hundred years");
    }
    return t.expr;
}

/* Does the expression look at this item or a later one? */
static bool asks_from(const check *c, const plan_pattern *pattern, uint32_t expr, uint32_t item)
{
    if (expr == PLAN_NONE)
        return false;
    const plan_expr *e = &c->plan->exprs[expr];
    if ((e->uses & PLAN_USES_STEPS) == 0)
        return false;
    if (e->op == PLAN_STEP_FIELD || e->op == PLAN_STEP_STREAM)
        return e->a >= item;
    if (e->op == PLAN_STEP_AGG)
        return pattern->step_aggs[e->a].item >= item;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (asks_from(c, pattern, c->plan->args[e->args + i], item))
            return true;
    return false;
}

uint32_t pattern_add_time(check *c, rule_ctx *rule, const ast_expr *time, uint32_t item)
{
    uint32_t expr = lower_absence_for(c, rule, time);
    if (asks_from(c, rule->pattern, expr, item)) {
        egret_diag *diag = check_error(c, 315, time->span, "a step of this time is not bound yet when the silence begins");
        check_help(c, diag, "a time may look at earlier steps, at the key and at tables");
    }
    return expr;
}

void pattern_add_not(check *c, rule_ctx *rule, const not_ctx *ctx, uint32_t item, plan_not **list, uint32_t *n)
{
    const ast_expr *time = ctx->item->for_time;
    plan_not out = { .kind = ctx->next ? PLAN_NOT_NEXT : PLAN_NOT_FOR, .atoms = rule->pattern->n_atoms, .for_time = PLAN_NONE };
    if (!ctx->next && time == NULL)
        out.kind = rule->pattern->within_ms == PLAN_FOREVER ? PLAN_NOT_ALONG : PLAN_NOT_TO_END;
    out.n_atoms = pattern_add_atoms(c, rule, ctx->item->watch, (egret_str){ "", 0 }, item, false);
    if (out.kind == PLAN_NOT_FOR)
        out.for_time = pattern_add_time(c, rule, time, item);
    *list = check_grow(c, *list, *n, sizeof **list);
    (*list)[(*n)++] = out;
}

bool pattern_has_next_not(const plan_not *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i].kind == PLAN_NOT_NEXT)
            return true;
    return false;
}

uint32_t pattern_add_until(check *c, rule_ctx *rule, const ast_quant *quant, const ast_atom *own, uint32_t item, bool itself)
{
    egret_str none = { "", 0 };
    uint32_t n = 0;
    if (quant->until_stream.str.len != 0) {
        const ast_atom atom = { .stream = quant->until_stream, .cond = quant->until_cond, .span = quant->span };
        return pattern_add_atoms(c, rule, &atom, none, item, itself);
    }
    for (; quant->until_cond != NULL && own != NULL; own = own->next) {
        const ast_atom atom = { .stream = own->stream, .cond = quant->until_cond, .span = quant->span };
        n += pattern_add_atoms(c, rule, &atom, none, item, itself);
    }
    return n;
}

static void add_item_atoms(check *c, rule_ctx *rule, uint32_t i)
{
    plan_pattern *pattern = rule->pattern;
    const item_ctx *ctx = &rule->items[i];
    uint32_t first = pattern->n_atoms;
    uint32_t n = pattern_add_atoms(c, rule, ctx->item->watch, ctx->item->watch->label.str, i, true);
    uint32_t first_not = pattern->n_atoms, n_nots = 0;
    for (uint32_t k = 0; k < ctx->n_nots; k++)
        if (!ctx->nots[k].next && ctx->nots[k].item->for_time == NULL)
            n_nots += pattern_add_atoms(c, rule, ctx->nots[k].item->watch, (egret_str){ "", 0 }, i, false);
    plan_not *timed = NULL;
    uint32_t n_timed = 0;
    for (uint32_t k = 0; k < ctx->n_nots; k++)
        if (ctx->nots[k].next || ctx->nots[k].item->for_time != NULL)
            pattern_add_not(c, rule, &ctx->nots[k], i, &timed, &n_timed);
    uint32_t first_until = pattern->n_atoms, n_until = pattern_add_until(c, rule, &ctx->item->quant, ctx->item->watch, i, true);
    plan_item *item = &pattern->items[i];
    item->until = first_until;
    item->n_until = n_until;
    item->atoms = first;
    item->n_atoms = n;
    item->nots = first_not;
    item->n_nots = n_nots;
    item->timed = timed;
    item->n_timed = n_timed;
    item->each = asks_steps(c, pattern, first, n);
    pattern->contiguous = pattern->contiguous || item->link == PLAN_NEXT || item->strict || pattern_has_next_not(timed, n_timed);
}

/* Of several absences at the end, those that stand in absence_atoms: the first with a time; all plain ones, when none has a time. */
static bool is_main(const plan_pattern *pattern, const seq_shape *shape, uint32_t number)
{
    if (pattern->absence == PLAN_ABSENCE_TO_END)
        return !shape->nots[number].next;
    uint32_t first = 0;
    while (shape->nots[first].item->for_time == NULL)
        first++;
    return number == first;
}

static void lower_absence(check *c, rule_ctx *rule, const seq_shape *shape)
{
    plan_pattern *pattern = rule->pattern;
    if (shape->trailing == NULL)
        return;
    pattern->absence_atoms = pattern->n_atoms;
    for (uint32_t i = 0; i < shape->n_nots; i++) {
        const ast_item *item = shape->nots[i].item;
        if (!is_main(pattern, shape, i))
            continue;
        pattern->n_absence_atoms += pattern_add_atoms(c, rule, item->watch, (egret_str){ "", 0 }, pattern->n_items, false);
        if (item->for_time != NULL)
            pattern->absence_for = lower_absence_for(c, rule, item->for_time);
    }
    for (uint32_t i = 0; i < shape->n_nots; i++)
        if (!is_main(pattern, shape, i))
            pattern_add_not(c, rule, &shape->nots[i], pattern->n_items, &pattern->more_absences, &pattern->n_more_absences);
    pattern->contiguous = pattern->contiguous || pattern_has_next_not(pattern->more_absences, pattern->n_more_absences);
}

/* An absence that begins the sequence: each of its streams is a feature of the key, "not seen for so long". */
static void lower_first_absence(check *c, rule_ctx *rule, const ast_item *item)
{
    plan_pattern *pattern = rule->pattern;
    bool known = check_span(c, rule, item->for_time, "the time of 'for'", &pattern->silence_ms);
    if (known && pattern->silence_ms == 0)
        check_error(c, 513, item->for_time->span, "'for' must be more than nothing and at most a hundred years");
    for (const ast_atom *atom = item->watch; atom != NULL; atom = atom->next) {
        scope s = { .kind = SCOPE_EVENT, .stream = rule_stream(c, rule, &atom->stream), .group = rule->rule.group, .rule = rule };
        plan_atom lowered = lower_atom(c, &s, atom);
        if (s.stream == PLAN_NONE || s.group == PLAN_NONE || !known)
            continue;
        plan_feature feature = { .kind = PLAN_FEATURE_SEEN, .group = s.group, .stream = s.stream, .value = PLAN_NONE, .type = EGRET_TIME,
                                 .over_ms = pattern->silence_ms < 0 ? PLAN_FOREVER : pattern->silence_ms, .atom = lowered };
        pattern->silences = check_grow(c, pattern->silences, pattern->n_silences, sizeof *pattern->silences);
        pattern->silences[pattern->n_silences++] = intern_feature(c, feature);
    }
}

/* ---- unless, when, after match ---- */

static uint32_t named_step(check *c, rule_ctx *rule, const ast_name *name)
{
    uint32_t item = find_step(rule, name->str);
    if (item != PLAN_NONE || rule->refused)
        return item;
    egret_diag *diag = check_error(c, 308, name->span, "there is no step '%.*s'", (int)name->str.len, name->str.ptr);
    names n = { 0 };
    names_add_steps(c, &n, rule);
    check_suggest(c, diag, name->str, &n, "steps");
    return PLAN_NONE;
}

static void lower_unless(check *c, rule_ctx *rule, const ast_clause *clause)
{
    plan_pattern *pattern = rule->pattern;
    plan_unless unless = { .atoms = pattern->n_atoms, .after_item = PLAN_NONE };
    if (clause->name.str.len != 0)
        unless.after_item = named_step(c, rule, &clause->name);
    for (const ast_atom *atom = clause->watch; atom != NULL; atom = atom->next)
        if (atom->label.str.len != 0)
            check_warn(c, 805, atom->label.span, "'unless' binds no event, so its label names nothing");
    unless.n_atoms = pattern_add_atoms(c, rule, clause->watch, (egret_str){ "", 0 }, pattern->n_items, false);
    pattern->unless = check_grow(c, pattern->unless, pattern->n_unless, sizeof unless);
    pattern->unless[pattern->n_unless++] = unless;
}

static void lower_skip(check *c, rule_ctx *rule)
{
    plan_pattern *pattern = rule->pattern;
    const ast_clause *clause = rule->first[AST_AFTER_MATCH];
    pattern->skip = clause == NULL ? AST_SKIP_PAST_LAST : clause->skip;
    pattern->skip_item = PLAN_NONE;
    if (pattern->skip == AST_SKIP_TO_FIRST || pattern->skip == AST_SKIP_TO_LAST)
        pattern->skip_item = named_step(c, rule, &clause->name);
}

/* Clauses that speak of steps have nothing to speak of in a lone absence. */
static void refuse_in_lone(check *c, const rule_ctx *rule)
{
    static const struct { ast_clause_kind kind; const char *what, *help; } CLAUSES[] = {
        { AST_UNLESS, "'unless' cancels attempts", "name the stream in the absence: not a | b for 5m" },
        { AST_WHEN, "'when' judges bound events", "to hide an alert there is 'except'" },
        { AST_WITHIN, "'within' bounds bound events", "the time of the silence stands after 'for'" },
        { AST_IDLE, "'idle' ends attempts", "the time of the silence stands after 'for'" },
        { AST_ON_TIMEOUT, "'on timeout' tells attempts that ran out of time", "a silence that lasts is what 'alert' tells" },
        { AST_AFTER_MATCH, "'after match' speaks of attempts", "a silence is reported once" },
    };
    for (size_t i = 0; i < sizeof CLAUSES / sizeof CLAUSES[0]; i++) {
        if (rule->first[CLAUSES[i].kind] == NULL)
            continue;
        egret_diag *diag = check_error(c, 503, rule->first[CLAUSES[i].kind]->span, "%s; an absence alone has none", CLAUSES[i].what);
        check_help(c, diag, "%s", CLAUSES[i].help);
    }
}

static void mark_streams(check *c, rule_ctx *rule)
{
    plan_pattern *pattern = rule->pattern;
    pattern->streams = check_alloc(c, c->plan->n_streams * sizeof *pattern->streams);
    for (uint32_t i = 0; i < pattern->n_atoms; i++)
        if (pattern->atoms[i].stream != PLAN_NONE)
            pattern->streams[pattern->atoms[i].stream] = true;
    for (uint32_t i = 0; i < pattern->n_silences; i++)
        pattern->streams[c->plan->features[pattern->silences[i]].stream] = true;
}

void lower_pattern(check *c, rule_ctx *rule)
{
    plan_pattern *pattern = check_alloc(c, sizeof *pattern);
    rule->pattern = rule->rule.pattern = pattern;
    pattern->within_ms = pattern->idle_ms = PLAN_FOREVER;
    pattern->absence_for = pattern->when = PLAN_NONE;
    pattern->limit_attempts = rule_limit(c, rule, "attempts", 1000000);
    pattern->limit_events = rule_limit(c, rule, "events", 100000);
    seq_shape shape = { 0 };
    pattern_shape(c, rule, rule->first[AST_MATCH]->seq, &shape);
    for (uint32_t i = 0; i < pattern->n_items; i++)
        add_item_atoms(c, rule, i);
    branch_conditions(c, rule);
    lower_absence(c, rule, &shape);
    if (shape.first != NULL)
        lower_first_absence(c, rule, shape.first);
    for (const ast_clause *clause = rule->decl->u.rule.clauses; clause != NULL; clause = clause->next)
        if (clause->kind == AST_UNLESS && !rule->lone_absence)
            lower_unless(c, rule, clause);
    if (rule->lone_absence)
        refuse_in_lone(c, rule);
    lower_skip(c, rule);
    if (rule->first[AST_IDLE] != NULL && !rule->lone_absence)
        check_dur_span(c, rule, &rule->first[AST_IDLE]->dur, "'idle'", &pattern->idle_ms);
    const ast_clause *when = rule->first[AST_WHEN];
    if (when != NULL && !rule->lone_absence) {
        scope s = rule_scope(rule);
        pattern->when = check_condition(c, &s, when->expr, "'when'");
    }
    if (when != NULL && when->for_time != NULL) {
        egret_diag *diag = check_error(c, 503, when->for_time->span, "'when … for' belongs to threshold rules");
        check_help(c, diag, "a sequence is judged once, when it is complete");
    }
    mark_streams(c, rule);
    warn_pattern(c, rule);
}
