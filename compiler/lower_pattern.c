/*
 * lower_pattern.c: the shape of a sequence: from the tree of a match clause to the line of items of a plan_pattern.
 *
 * First the shape alone, then the conditions (lower_steps.c): a condition may name any earlier step, so all steps must be known. Patterns that
 * are no line go their own way (lower_branch.c). Where a shape is refused, the names inside it are kept as ghosts, so that what mentions
 * them elsewhere stays silent.
 */
#include "compiler/lower_pattern.h"

/* ---- refused parts ---- */

static void ghost_item(check *c, rule_ctx *rule, const ast_item *item);

static void ghost_seq(check *c, rule_ctx *rule, const ast_seq *seq)
{
    for (; seq != NULL; seq = seq->next_seq)
        for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next)
            for (const ast_item *item = choice->items; item != NULL; item = item->next)
                ghost_item(c, rule, item);
}

static void ghost_item(check *c, rule_ctx *rule, const ast_item *item)
{
    for (const ast_atom *atom = item->watch; atom != NULL; atom = atom->next) {
        rule->ghosts = check_grow(c, rule->ghosts, rule->n_ghosts, sizeof *rule->ghosts);
        rule->ghosts[rule->n_ghosts++] = atom->label.str.len != 0 ? atom->label.str : atom->stream.str;
    }
    ghost_seq(c, rule, item->group);
}

/* ---- groups of one ---- */

/* A copy of the one item a group holds, with the group's quantifier when it has none of its own. NULL: the group is more than that. */
static ast_item *only_item(check *c, rule_ctx *rule, const ast_item *item, int64_t *own_within_ms, bool *bounded)
{
    ast_item *copy = check_alloc(c, sizeof *copy);
    *copy = *item;
    copy->next = NULL;
    while (copy->kind == AST_ITEM_GROUP) {
        const ast_seq *seq = copy->group;
        const ast_choice *choice = seq->choices;
        ast_quant outer = copy->quant;
        if (choice == NULL || choice->next != NULL || choice->kind != AST_CHOICE_ONE || choice->items->kind == AST_ITEM_NOT)
            return NULL;
        int64_t within_ms = PLAN_FOREVER;
        if (dur_is_written(&seq->within) && check_dur_span(c, rule, &seq->within, "'within'", &within_ms)) {
            *bounded = true;
            *own_within_ms = check_tighter_span(c, rule, within_ms, *own_within_ms);
        }
        egret_span span = copy->span;
        *copy = *choice->items;
        copy->next = NULL;
        copy->span = span;
        if (outer.kind == AST_QUANT_NONE)
            continue;
        /* A loop of loops, or a bound for each round. */
        if (copy->quant.kind != AST_QUANT_NONE || within_ms != PLAN_FOREVER)
            return NULL;
        copy->quant = outer;
    }
    return copy->kind == AST_ITEM_WATCH ? copy : NULL;
}

/* ---- items ---- */

static egret_str implied_name(const ast_item *item)
{
    if (item->watch->label.str.len != 0)
        return item->watch->label.str;
    return item->watch->next == NULL ? item->watch->stream.str : (egret_str){ "", 0 };
}

/* A label names one step; a stream's name stands for an unlabelled step while it is the only one so called. */
static void name_item(check *c, rule_ctx *rule, item_ctx *ctx)
{
    bool labelled = ctx->item->watch->label.str.len != 0;
    ctx->name = implied_name(ctx->item);
    for (uint32_t i = 0; i < rule->pattern->n_items; i++) {
        item_ctx *other = &rule->items[i];
        if (ctx->name.len == 0 || !egret_str_eq(other->name, ctx->name))
            continue;
        bool other_labelled = other->item->watch->label.str.len != 0;
        if (labelled && other_labelled) {
            egret_diag *diag = check_error(c, 504, ctx->item->watch->label.span, "two steps are called '%.*s'", (int)ctx->name.len,
                                           ctx->name.ptr);
            check_note(c, diag, other->item->watch->label.span, "the first one");
        }
        if (!other_labelled)
            other->name = (egret_str){ "", 0 };
        if (!labelled)
            ctx->name = (egret_str){ "", 0 };
    }
    for (const ast_atom *atom = ctx->item->watch->next; atom != NULL; atom = atom->next)
        if (atom->label.str.len != 0)
            check_error(c, 523, atom->label.span, "a step over several streams has one label, before the first");
}

void pattern_add_item(check *c, rule_ctx *rule, item_ctx ctx, plan_item item)
{
    plan_pattern *pattern = rule->pattern;
    name_item(c, rule, &ctx);
    rule->items = check_grow(c, rule->items, pattern->n_items, sizeof ctx);
    pattern->items = check_grow(c, pattern->items, pattern->n_items, sizeof item);
    rule->items[pattern->n_items] = ctx;
    pattern->items[pattern->n_items++] = item;
}

static void set_quant(check *c, rule_ctx *rule, const ast_quant *q, plan_item *out)
{
    out->min = out->max = 1;
    if (q->kind == AST_QUANT_NONE)
        return;
    int64_t limit = (int64_t)rule->pattern->limit_events;
    if (q->max == 0)
        check_error(c, 505, q->span, "a step that may be taken 0 times at most is none");
    else if (q->min > limit || q->max > (int64_t)UINT32_MAX - 1) {
        egret_diag *diag = check_error(c, 505, q->span, "a loop may take at most %lld events", (long long)limit);
        check_help(c, diag, "limits { events: … } changes that");
    } else {
        out->min = (uint32_t)q->min;
        out->max = q->max < 0 ? UINT32_MAX : (uint32_t)q->max;
    }
    out->strict = q->strict;
    out->greedy = q->greedy;
    bool until = q->until_cond != NULL || q->until_stream.str.len != 0;
    if (until && out->max == 1) {
        egret_diag *diag = check_error(c, 541, q->span, "'until' ends a loop; this step takes one event at most");
        check_help(c, diag, "leave 'until' out, or say how many: {1,} until …");
    }
}

static void set_link(check *c, rule_ctx *rule, const ast_choice *choice, plan_item *out)
{
    out->link = choice->link == AST_LINK_NEXT ? PLAN_NEXT : PLAN_THEN;
    out->link_within_ms = PLAN_FOREVER;
    if (dur_is_written(&choice->link_within))
        check_dur_span(c, rule, &choice->link_within, "'within'", &out->link_within_ms);
}

static void add_step(check *c, rule_ctx *rule, seq_shape *shape, const ast_choice *choice)
{
    plan_pattern *pattern = rule->pattern;
    plan_item out = { .own_within_ms = PLAN_FOREVER };
    bool bounded = false;
    const ast_item *item = only_item(c, rule, choice->items, &out.own_within_ms, &bounded);
    if (pattern->n_items >= PLAN_MAX_ITEMS) {
        check_error(c, 522, item->span, "a sequence has at most %d steps", PLAN_MAX_ITEMS);
        return;
    }
    item_ctx ctx = { .item = item, .span = item->span, .choice = choice, .nots = shape->nots, .n_nots = shape->n_nots };
    set_quant(c, rule, &item->quant, &out);
    set_link(c, rule, choice, &out);
    out.name = item->watch->label.str;
    if (bounded && item->quant.kind == AST_QUANT_NONE) {
        egret_diag *diag = check_warn(c, 804, choice->items->span, "'within' around a single step bounds nothing");
        check_help(c, diag, "to bound the gap from the step before write: then within 5m step");
    }
    pattern_add_item(c, rule, ctx, out);
    shape->nots = NULL;
    shape->n_nots = 0;
}

/* ---- absences ---- */

/* An absence takes no event: most of what a link can say has no meaning before it. */
static bool not_link(check *c, const ast_choice *choice)
{
    bool last = choice->next == NULL, next = choice->link == AST_LINK_NEXT;
    if (next && last) {
        egret_diag *diag = check_error(c, 509, choice->link_span, "'next not' at the end would wait for the very next event, which may never come");
        check_help(c, diag, "write then not … for 5m");
    } else if (next && choice->items->for_time != NULL) {
        egret_diag *diag = check_error(c, 509, choice->items->for_time->span, "'next not' speaks of one event, 'for' of a time");
        check_help(c, diag, "write then not … for 5m, or leave 'for' out");
    } else if (choice->link == AST_LINK_THEN_ANY) {
        check_error(c, 509, choice->link_span, "an absence takes no event, so there is nothing to branch on");
    } else if (dur_is_written(&choice->link_within)) {
        egret_diag *diag = check_error(c, 509, choice->link_within.span, "'within' bounds the gap to an event; an absence has none");
        check_help(c, diag, last ? "write then not … for 5m" : "write it before the step that follows: then not x then within 5m y");
    } else {
        return true;
    }
    return false;
}

static bool all_optional(const plan_pattern *pattern, uint32_t from)
{
    for (uint32_t i = from; i < pattern->n_items; i++)
        if (pattern->items[i].min != 0)
            return false;
    return true;
}

static void add_not(check *c, rule_ctx *rule, seq_shape *shape, const ast_choice *choice)
{
    const ast_item *item = choice->items;
    bool last = choice->next == NULL, first = choice->link == AST_LINK_FIRST;
    for (const ast_atom *atom = item->watch; atom != NULL; atom = atom->next)
        if (atom->label.str.len != 0)
            check_warn(c, 805, atom->label.span, "an absence binds no event, so its label names nothing");
    shape->bad_link = !not_link(c, choice);
    if (first && !last && item->for_time == NULL) {
        egret_diag *diag = check_error(c, 528, item->span, "since when? An absence at the start needs a time");
        check_help(c, diag, "write: not %.*s for 1h then …", (int)item->watch->stream.str.len, item->watch->stream.str.ptr);
    } else if (first && !last) {
        shape->first = item;
        return;
    } else if (rule->pattern->n_items == 0 && shape->first != NULL) {
        egret_diag *diag = check_error(c, 528, item->span, "between what? No step comes before this absence");
        check_help(c, diag, "say all that must be silent in the first: not a | b for 1h then …");
    } else if (!first && item->for_time != NULL && all_optional(rule->pattern, 0) && !rule->refused) {
        egret_diag *diag = check_error(c, 528, item->span, "since when? Every step before this absence may be left out");
        check_help(c, diag, "let one of them be taken at least once");
    }
    shape->nots = check_grow(c, shape->nots, shape->n_nots, sizeof *shape->nots);
    shape->nots[shape->n_nots++] = (not_ctx){ item, choice->link == AST_LINK_NEXT };
    if (last)
        shape->trailing = item;
}

/* An absence before steps that may all be left out, and nothing behind them: it would stand at the end, without a time. */
static void check_followed(check *c, const rule_ctx *rule, const seq_shape *shape)
{
    const plan_pattern *pattern = rule->pattern;
    for (uint32_t i = 0; i < pattern->n_items && shape->trailing == NULL && !rule->refused; i++) {
        if (rule->items[i].n_nots == 0 || !all_optional(pattern, i))
            continue;
        egret_diag *diag = check_error(c, 542, rule->items[i].nots[0].item->span, "until when? Every step behind this absence may be left out");
        check_help(c, diag, "let one of them be taken at least once, or end with an absence that has a time: then not … for 5m");
    }
}

/* What stands at the end: nothing, or absences. */
static void end_shape(check *c, rule_ctx *rule, seq_shape *shape)
{
    plan_pattern *pattern = rule->pattern;
    const ast_item *last = shape->trailing;
    check_followed(c, rule, shape);
    if (last == NULL)
        return;
    bool timed = false;
    for (uint32_t i = 0; i < shape->n_nots; i++)
        timed = timed || shape->nots[i].item->for_time != NULL;
    pattern->absence = timed ? PLAN_ABSENCE_FOR : PLAN_ABSENCE_TO_END;
    if (timed)
        return;
    if (rule->lone_absence) {
        egret_diag *diag = check_error(c, 508, last->span, "how long must it be silent?");
        check_help(c, diag, "write: match not %.*s for 3m", (int)last->watch->stream.str.len, last->watch->stream.str.ptr);
    } else if (pattern->within_ms == PLAN_FOREVER && !rule->refused && !shape->bad_link) {
        egret_diag *diag = check_error(c, 507, last->span, "until when? An absence at the end needs a time");
        check_help(c, diag, "write: then not %.*s for 5m, or give the rule a 'within'", (int)last->watch->stream.str.len,
                   last->watch->stream.str.ptr);
    }
}

/* ---- the line ---- */

/* Brackets around the whole sequence say nothing but their `within`. */
static const ast_seq *unwrap(check *c, rule_ctx *rule, const ast_seq *seq, int64_t *within_ms)
{
    for (;;) {
        int64_t own_ms = PLAN_FOREVER;
        if (dur_is_written(&seq->within) && check_dur_span(c, rule, &seq->within, "'within'", &own_ms))
            *within_ms = check_tighter_span(c, rule, own_ms, *within_ms);
        const ast_choice *choice = seq->choices;
        bool whole = choice != NULL && choice->next == NULL && choice->kind == AST_CHOICE_ONE && choice->items->kind == AST_ITEM_GROUP
                     && choice->items->quant.kind == AST_QUANT_NONE;
        if (!whole)
            return seq;
        seq = choice->items->group;
    }
}

bool pattern_is_lone_absence(const ast_seq *seq)
{
    for (;;) {
        const ast_choice *choice = seq->choices;
        if (choice == NULL || choice->next != NULL || choice->kind != AST_CHOICE_ONE)
            return false;
        if (choice->items->kind != AST_ITEM_GROUP)
            return choice->items->kind == AST_ITEM_NOT;
        if (choice->items->quant.kind != AST_QUANT_NONE)
            return false;
        seq = choice->items->group;
    }
}

static void add_line(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape)
{
    for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
        if (choice->items->kind == AST_ITEM_NOT)
            add_not(c, rule, shape, choice);
        else
            add_step(c, rule, shape, choice);
    }
}

void pattern_shape(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape)
{
    plan_pattern *pattern = rule->pattern;
    const ast_clause *within = rule->first[AST_WITHIN];
    seq = unwrap(c, rule, seq, &pattern->within_ms);
    if (within != NULL && pattern->within_ms != PLAN_FOREVER)
        check_error(c, 519, within->span, "'within' is given twice, after match and as a clause; they mean the same");
    else if (within != NULL)
        check_dur_span(c, rule, &within->dur, "'within'", &pattern->within_ms);
    bool branches = pattern_branches(seq);
    if (branches)
        branch_shape(c, rule, seq, shape);
    else
        add_line(c, rule, seq, shape);
    if (branches && rule->refused)
        ghost_seq(c, rule, seq);
    end_shape(c, rule, shape);
    if (pattern->n_items > 0 && all_optional(pattern, 0) && !rule->refused)
        check_error(c, 506, seq->span, "this sequence could match without any event: every step may be left out");
}
