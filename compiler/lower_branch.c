/*
 * lower_branch.c: the shape of a pattern that branches: from the tree of a match clause to the parts of a plan_pattern.
 *
 * A pattern of single steps and loops of single steps stays a line of items (lower_pattern.c). Everything else becomes a tree of parts:
 * `or`, `and`, `any n of`, groups of several steps, `then any`, `any` loops. The steps are items here too, in order of writing, so names,
 * conditions and aggregates are lowered as ever; a quantifier is a part around the step. Brackets that say nothing leave no part behind.
 *
 * What may be complete without an event (an optional step) has no place as an alternative, as an operand, or as the body of a loop: the
 * first would always win, the second would never be asked, the third would go round for ever.
 */
#include "compiler/lower_pattern.h"

/* ---- does it branch? ---- */

/* Brackets around one step: lower_pattern.c makes an item of them. */
static bool is_one_step(const ast_item *item)
{
    ast_quant quant = item->quant;
    while (item->kind == AST_ITEM_GROUP) {
        const ast_seq *seq = item->group;
        const ast_choice *choice = seq->choices;
        if (choice == NULL || choice->next != NULL || choice->kind != AST_CHOICE_ONE)
            return false;
        item = choice->items;
        if (quant.kind != AST_QUANT_NONE && (item->quant.kind != AST_QUANT_NONE || dur_is_written(&seq->within)))
            return false;
        quant = quant.kind == AST_QUANT_NONE ? item->quant : quant;
    }
    return item->kind == AST_ITEM_WATCH && !quant.any;
}

bool pattern_branches(const ast_seq *seq)
{
    for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
        if (choice->kind != AST_CHOICE_ONE || choice->link == AST_LINK_THEN_ANY)
            return true;
        if (choice->items->kind != AST_ITEM_NOT && !is_one_step(choice->items))
            return true;
    }
    return false;
}

/* ---- what lies where ---- */

static uint32_t part_of_item(const plan_pattern *pattern, uint32_t item)
{
    for (uint32_t i = 0; i < pattern->n_parts; i++)
        if (pattern->parts[i].kind == PLAN_PART_STEP && pattern->parts[i].item == item)
            return i;
    return PLAN_NONE;
}

bool steps_are_siblings(const plan_pattern *pattern, uint32_t a, uint32_t b)
{
    uint32_t part = part_of_item(pattern, a), other = part_of_item(pattern, b);
    if (part == PLAN_NONE || other == PLAN_NONE || a == b)
        return false;
    while (other < part || other >= pattern->parts[part].end)
        part = pattern->parts[part].parent;
    return pattern->parts[part].kind == PLAN_PART_OR || pattern->parts[part].kind == PLAN_PART_SOME;
}

bool step_is_repeated(const plan_pattern *pattern, uint32_t item)
{
    for (uint32_t i = part_of_item(pattern, item); i != PLAN_NONE; i = pattern->parts[i].parent)
        if (pattern->parts[i].kind == PLAN_PART_LOOP && pattern->parts[i].max > 1)
            return true;
    return false;
}

/* ---- parts ---- */

typedef struct builder {
    check *c;
    rule_ctx *rule;
    plan_pattern *pattern;
} builder;

static void refuse(builder *b, uint16_t code, egret_span span, const char *what)
{
    check_refuse(b->c, code, span, what);
    b->rule->refused = true;
}

/* PLAN_NONE: there are too many, reported. */
static uint32_t begin_part(builder *b, plan_part_kind kind, uint32_t parent, egret_span span)
{
    plan_pattern *pattern = b->pattern;
    uint32_t number = pattern->n_parts;
    if (number >= PLAN_MAX_PARTS) {
        check_error(b->c, 522, span, "a match has at most %d steps, groups, alternatives and loops", PLAN_MAX_PARTS);
        return PLAN_NONE;
    }
    pattern->parts = check_grow(b->c, pattern->parts, number, sizeof *pattern->parts);
    b->rule->parts = check_grow(b->c, b->rule->parts, number, sizeof *b->rule->parts);
    pattern->parts[number] = (plan_part){ .kind = (uint8_t)kind, .parent = parent, .item = pattern->n_items, .min = 1, .max = 1,
                                          .link_within_ms = PLAN_FOREVER, .within_ms = PLAN_FOREVER };
    b->rule->parts[number] = (part_ctx){ .span = span };
    pattern->n_parts++;
    return number;
}

static void end_part(builder *b, uint32_t number)
{
    b->pattern->parts[number].end = b->pattern->n_parts;
    b->pattern->parts[number].end_item = b->pattern->n_items;
}

static uint32_t add_seq(builder *b, const ast_seq *seq, uint32_t parent);
static uint32_t add_choice(builder *b, const ast_choice *choice, uint32_t parent);

static uint32_t add_step(builder *b, const ast_item *item, uint32_t parent)
{
    plan_pattern *pattern = b->pattern;
    uint32_t part = begin_part(b, PLAN_PART_STEP, parent, item->span);
    if (part == PLAN_NONE)
        return PLAN_NONE;
    if (pattern->n_items >= PLAN_MAX_ITEMS) {
        check_error(b->c, 522, item->span, "a sequence has at most %d steps", PLAN_MAX_ITEMS);
        return PLAN_NONE;
    }
    pattern_add_item(b->c, b->rule, (item_ctx){ .item = item, .span = item->span },
                     (plan_item){ .name = item->watch->label.str, .min = 1, .max = 1, .own_within_ms = PLAN_FOREVER,
                                  .link_within_ms = PLAN_FOREVER });
    end_part(b, part);
    return part;
}

static bool is_inside(const builder *b, uint32_t part, plan_part_kind kind)
{
    for (; part != PLAN_NONE; part = b->pattern->parts[part].parent)
        if (b->pattern->parts[part].kind == (uint8_t)kind)
            return true;
    return false;
}

/* A step or a group without its quantifier. */
static uint32_t add_body(builder *b, const ast_item *item, uint32_t parent)
{
    return item->kind == AST_ITEM_WATCH ? add_step(b, item, parent) : add_seq(b, item->group, parent);
}

static bool set_times(builder *b, const ast_quant *q, plan_part *loop)
{
    int64_t limit = (int64_t)b->pattern->limit_events;
    if (q->max == 0) {
        check_error(b->c, 505, q->span, "what may be taken 0 times at most is nothing");
        return false;
    }
    if (q->min > limit || q->max > (int64_t)UINT32_MAX - 1) {
        egret_diag *diag = check_error(b->c, 505, q->span, "a loop may take at most %lld events", (long long)limit);
        check_help(b->c, diag, "limits { events: … } changes that");
        return false;
    }
    loop->min = (uint32_t)q->min;
    loop->max = q->max < 0 ? UINT32_MAX : (uint32_t)q->max;
    loop->strict = q->strict;
    loop->greedy = q->greedy;
    loop->any = q->any;
    return true;
}

static uint32_t add_loop(builder *b, const ast_item *item, uint32_t parent)
{
    const ast_quant *q = &item->quant;
    uint32_t part = begin_part(b, PLAN_PART_LOOP, parent, q->span);
    if (part == PLAN_NONE || !set_times(b, q, &b->pattern->parts[part]))
        return PLAN_NONE;
    if (q->until_cond != NULL || q->until_stream.str.len != 0)
        refuse(b, 906, q->span, "'until' in a match that branches");
    if (q->any && (is_inside(b, parent, PLAN_PART_OR) || is_inside(b, parent, PLAN_PART_SOME)))
        refuse(b, 905, q->span, "an 'any' loop inside 'or', 'and' and 'any n of'");
    uint32_t body = add_body(b, item, part);
    if (body == PLAN_NONE)
        return PLAN_NONE;
    end_part(b, part);
    plan_part *loop = &b->pattern->parts[part];
    loop->nullable = loop->min == 0;
    b->pattern->branches_any = b->pattern->branches_any || loop->any;
    b->pattern->contiguous = b->pattern->contiguous || loop->strict;
    if (b->pattern->parts[body].nullable) {
        egret_diag *diag = check_error(b->c, 506, item->span, "a loop around what may match nothing could go round for ever");
        check_help(b->c, diag, "let something in it be there each time, or leave the inner '?' or '*' out");
    }
    return part;
}

/* ---- absences ---- */

static bool is_not(const ast_choice *choice)
{
    return choice->kind == AST_CHOICE_ONE && choice->items->kind == AST_ITEM_NOT;
}

static void warn_labels(builder *b, const ast_atom *watch)
{
    for (const ast_atom *atom = watch; atom != NULL; atom = atom->next)
        if (atom->label.str.len != 0)
            check_warn(b->c, 805, atom->label.span, "an absence binds no event, so its label names nothing");
}

/* An absence takes no event: most of what a link can say has no meaning before it. */
static void check_not_link(builder *b, const ast_choice *choice, bool last)
{
    if (choice->link == AST_LINK_NEXT && !last)
        refuse(b, 909, choice->link_span, "'next not' in a match that branches");
    else if (choice->link == AST_LINK_NEXT)
        check_help(b->c, check_error(b->c, 509, choice->link_span, "'next not' at the end would wait for the very next event, which may "
                                                                   "never come"), "write then not … for 5m");
    else if (choice->link == AST_LINK_THEN_ANY)
        check_help(b->c, check_error(b->c, 509, choice->link_span, "an absence takes no event, so there is nothing to branch on"),
                   "write: then not …");
    else if (dur_is_written(&choice->link_within))
        check_help(b->c, check_error(b->c, 509, choice->link_within.span, "'within' bounds the gap to an event; an absence has none"),
                   last ? "write then not … for 5m" : "write it before the step that follows: then not x then within 5m y");
}

/* An absence between two parts of a sequence, or at its start or end. whole: the sequence is all of the match. */
static void add_not(builder *b, const ast_choice *choice, seq_shape *shape, bool whole, bool first, bool last)
{
    const ast_item *item = choice->items;
    warn_labels(b, item->watch);
    check_not_link(b, choice, last);
    if (first && whole && item->for_time != NULL) {
        shape->first = item;
        return;
    }
    if (first) {
        egret_diag *diag = check_error(b->c, 528, item->span, whole ? "since when? An absence at the start needs a time"
                                                                    : "between what? An absence does not begin a group");
        check_help(b->c, diag, whole ? "write: not … for 1h then …" : "write it before the group: then not … then (…)");
    } else if (!last && whole && b->pattern->n_items == 0) {
        egret_diag *diag = check_error(b->c, 528, item->span, "between what? No step comes before this absence");
        check_help(b->c, diag, "say all that must be silent in the first: not a | b for 1h then …");
    } else if (!last && item->for_time != NULL) {
        refuse(b, 908, item->for_time->span, "'for' on an absence in the middle of a match that branches");
    } else if (last && !whole) {
        refuse(b, 908, item->span, "an absence at the end of a group");
    }
    shape->nots = check_grow(b->c, shape->nots, shape->n_nots, sizeof *shape->nots);
    shape->nots[shape->n_nots++] = (not_ctx){ item, false };
    if (last)
        shape->trailing = item;
}

/* ---- alternatives and operands ---- */

/* `not x for D` among them, which is complete when the time is up; `not x` in an `and`, which holds until the others are. */
static bool add_choice_not(builder *b, const ast_item *item, uint32_t parent, bool all)
{
    warn_labels(b, item->watch);
    if (item->for_time == NULL && all) {
        part_ctx *ctx = &b->rule->parts[parent];
        ctx->during = check_grow(b->c, ctx->during, ctx->n_during, sizeof *ctx->during);
        ctx->during[ctx->n_during++] = item->watch;
        return true;
    }
    refuse(b, 908, item->span, "an absence as an alternative, or with 'for' inside 'and' and 'any n of'");
    return false;
}

static bool add_operand(builder *b, uint32_t parent, uint32_t operand, egret_span span)
{
    if (operand == PLAN_NONE)
        return false;
    if (b->pattern->parts[operand].nullable) {
        bool or = b->pattern->parts[parent].kind == PLAN_PART_OR;
        egret_diag *diag = check_error(b->c, 506, span, or ? "this alternative may match nothing, so it would always be the first that is complete"
                                                            : "this may match nothing, so there is no telling when it is complete");
        check_help(b->c, diag, or ? "to leave the whole out, write the '?' behind brackets: (a or b) ?"
                                  : "leave the '?' or '*' out, or say what may be left out behind the brackets");
    }
    return true;
}

static bool too_many(builder *b, uint32_t n, egret_span span)
{
    if (n > PLAN_MAX_ITEMS)
        check_error(b->c, 522, span, "'and', 'or' and 'any of' have at most %d alternatives", PLAN_MAX_ITEMS);
    return n > PLAN_MAX_ITEMS;
}

static uint32_t add_any_of(builder *b, const ast_item *item, uint32_t parent)
{
    uint32_t part = begin_part(b, PLAN_PART_SOME, parent, item->span), n = 0;
    if (part == PLAN_NONE)
        return PLAN_NONE;
    for (const ast_seq *seq = item->group; seq != NULL; seq = seq->next_seq, n++) {
        if (too_many(b, n + 1, seq->span))
            return PLAN_NONE;
        bool absence = seq->choices->next == NULL && is_not(seq->choices);
        if (absence ? !add_choice_not(b, seq->choices->items, part, false) : !add_operand(b, part, add_seq(b, seq, part), seq->span))
            return PLAN_NONE;
    }
    end_part(b, part);
    if (item->any_n < 1 || item->any_n > (int64_t)n) {
        egret_diag *diag = check_error(b->c, 505, item->span, "any %lld of %u", (long long)item->any_n, (unsigned)n);
        if (n == 1)
            check_help(b->c, diag, "there is but one: commas stand between them, any 2 of (a, b, c)");
        else
            check_help(b->c, diag, "write a number from 1 to %u", (unsigned)n);
        return PLAN_NONE;
    }
    b->pattern->parts[part].min = (uint32_t)item->any_n;
    return part;
}

static uint32_t add_item(builder *b, const ast_item *item, uint32_t parent)
{
    if (item->kind == AST_ITEM_ANY_OF)
        return add_any_of(b, item, parent);
    return item->quant.kind != AST_QUANT_NONE ? add_loop(b, item, parent) : add_body(b, item, parent);
}

/* Is the part the first of a round of a loop? */
static bool begins_round(const builder *b, uint32_t part)
{
    const plan_part *parts = b->pattern->parts;
    for (uint32_t p = parts[part].parent; p != PLAN_NONE; part = p, p = parts[p].parent) {
        if (parts[p].kind == PLAN_PART_LOOP && parts[p].max > 1)
            return true;
        if (parts[p].kind == PLAN_PART_SEQ && part != p + 1)
            return false;
    }
    return false;
}

static uint32_t add_several(builder *b, const ast_choice *choice, uint32_t parent)
{
    bool all = choice->kind == AST_CHOICE_AND;
    uint32_t part = begin_part(b, all ? PLAN_PART_SOME : PLAN_PART_OR, parent, choice->items->span), n = 0;
    if (part == PLAN_NONE)
        return PLAN_NONE;
    uint32_t operands = 0;
    for (const ast_item *item = choice->items; item != NULL; item = item->next)
        operands++;
    if (too_many(b, operands, choice->items->span))
        return PLAN_NONE;
    for (const ast_item *item = choice->items; item != NULL; item = item->next) {
        if (item->kind == AST_ITEM_NOT && !add_choice_not(b, item, part, all))
            return PLAN_NONE;
        if (item->kind == AST_ITEM_NOT)
            continue;
        if (!add_operand(b, part, add_item(b, item, part), item->span))
            return PLAN_NONE;
        n++;
    }
    end_part(b, part);
    if (b->rule->parts[part].n_during != 0 && begins_round(b, part))
        refuse(b, 908, choice->items->span, "an absence inside 'and' at the start of a repeated group");
    if (n == 0) {
        egret_diag *diag = check_error(b->c, 528, choice->items->span, "until when? Nothing here takes an event");
        check_help(b->c, diag, "say what the absences stand beside: (a and not b)");
        return PLAN_NONE;
    }
    b->pattern->parts[part].min = all ? n : 1;
    return part;
}

static uint32_t add_choice(builder *b, const ast_choice *choice, uint32_t parent)
{
    return choice->kind == AST_CHOICE_ONE ? add_item(b, choice->items, parent) : add_several(b, choice, parent);
}

/* ---- sequences ---- */

static void set_link(builder *b, const ast_choice *choice, plan_part *part)
{
    part->link = choice->link == AST_LINK_NEXT ? PLAN_NEXT : PLAN_THEN;
    part->every = choice->link == AST_LINK_THEN_ANY;
    if (part->every && is_inside(b, part->parent, PLAN_PART_OR))
        refuse(b, 900, choice->link_span, "'then any' inside 'or'");
    b->pattern->branches_any = b->pattern->branches_any || part->every;
    b->pattern->contiguous = b->pattern->contiguous || part->link == PLAN_NEXT;
    if (dur_is_written(&choice->link_within))
        check_dur(b->c, &choice->link_within, "'within'", &part->link_within_ms);
}

/* The absences met since the part before belong to the gap before this one. before: that part, PLAN_NONE: there is none. */
static void set_nots(builder *b, seq_shape *shape, uint32_t before, uint32_t part)
{
    if (shape->n_nots == 0)
        return;
    part_ctx *ctx = &b->rule->parts[part];
    bool optional = b->pattern->parts[part].nullable || (before != PLAN_NONE && b->pattern->parts[before].nullable);
    if (optional)
        refuse(b, 910, shape->nots[shape->n_nots - 1].item->span, "an optional part next to an absence, in a match that branches");
    for (uint32_t i = 0; i < shape->n_nots; i++) {
        ctx->nots = check_grow(b->c, ctx->nots, ctx->n_nots, sizeof *ctx->nots);
        ctx->nots[ctx->n_nots++] = shape->nots[i].item->watch;
    }
    shape->nots = NULL;
    shape->n_nots = 0;
}

/* A group at the end of the match that ends with an absence: its brackets say nothing. */
static bool ends_with_not(const ast_choice *choice)
{
    if (choice->next != NULL || choice->kind != AST_CHOICE_ONE || choice->items->kind != AST_ITEM_GROUP
        || choice->items->quant.kind != AST_QUANT_NONE || dur_is_written(&choice->items->group->within))
        return false;
    const ast_choice *end = choice->items->group->choices;
    while (end->next != NULL)
        end = end->next;
    return is_not(end);
}

/* link: the choice whose link leads to the first of these. before: the part before. false: reported, nothing can be made of it. */
static bool add_choices(builder *b, const ast_choice *choice, const ast_choice *link, uint32_t seq, seq_shape *shape, uint32_t before)
{
    bool whole = b->pattern->parts[seq].parent == PLAN_NONE;
    for (; choice != NULL; link = choice = choice->next) {
        bool first = before == PLAN_NONE && shape->n_nots == 0 && shape->first == NULL;
        if (is_not(choice)) {
            add_not(b, choice, shape, whole, first, choice->next == NULL);
            continue;
        }
        if (whole && ends_with_not(choice))
            return add_choices(b, choice->items->group->choices, link, seq, shape, before);
        uint32_t part = add_choice(b, choice, seq);
        if (part == PLAN_NONE)
            return false;
        if (before != PLAN_NONE) {
            set_link(b, link, &b->pattern->parts[part]);
            b->rule->parts[part].span = link->link_span;
        }
        set_nots(b, shape, before, part);
        before = part;
    }
    return true;
}

static void end_seq(builder *b, uint32_t seq)
{
    plan_part *parts = b->pattern->parts;
    end_part(b, seq);
    parts[seq].nullable = true;
    for (uint32_t i = seq + 1; i < parts[seq].end; i = parts[i].end)
        parts[seq].nullable = parts[seq].nullable && parts[i].nullable;
}

static uint32_t add_seq(builder *b, const ast_seq *seq, uint32_t parent)
{
    bool bounded = dur_is_written(&seq->within);
    if (seq->choices->next == NULL && !bounded && !is_not(seq->choices))
        return add_choice(b, seq->choices, parent);
    uint32_t part = begin_part(b, PLAN_PART_SEQ, parent, seq->span);
    seq_shape shape = { 0 };
    if (part == PLAN_NONE)
        return PLAN_NONE;
    if (bounded)
        check_dur(b->c, &seq->within, "'within'", &b->pattern->parts[part].within_ms);
    if (!add_choices(b, seq->choices, seq->choices, part, &shape, PLAN_NONE))
        return PLAN_NONE;
    end_seq(b, part);
    const plan_part *one = &b->pattern->parts[part + 1];
    if (bounded && part + 1 < b->pattern->n_parts && one->end == b->pattern->n_parts && one->kind == PLAN_PART_STEP) {
        egret_diag *diag = check_warn(b->c, 804, seq->span, "'within' around a single step bounds nothing");
        check_help(b->c, diag, "to bound the gap from the step before write: then within 5m step");
    }
    return part;
}

/* `then any` before the first event of the match branches on nothing; neither does one that leads to an absence. */
void branch_shape(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape)
{
    plan_pattern *pattern = rule->pattern;
    builder b = { .c = c, .rule = rule, .pattern = pattern };
    uint32_t errors = c->diags->n_errors;
    if (rule->first[AST_ON_TIMEOUT] != NULL)
        refuse(&b, 912, rule->first[AST_ON_TIMEOUT]->span, "'on timeout' in a match that branches");
    uint32_t whole = begin_part(&b, PLAN_PART_SEQ, PLAN_NONE, seq->span);
    if (!add_choices(&b, seq->choices, seq->choices, whole, shape, PLAN_NONE)) {
        rule->refused = true;       /* what stands behind was not looked at */
        end_seq(&b, whole);
        return;
    }
    end_seq(&b, whole);
    pattern->limit_attempts = rule_limit(c, rule, "attempts", pattern->branches_any ? 1000 : 10000);
    if (pattern->parts[whole].nullable && c->diags->n_errors == errors)
        check_error(c, 506, seq->span, "this sequence could match without any event: every step may be left out");
}

/* ---- conditions ---- */

void branch_conditions(check *c, rule_ctx *rule)
{
    plan_pattern *pattern = rule->pattern;
    for (uint32_t i = 0; i < pattern->n_parts; i++) {
        plan_part *part = &pattern->parts[i];
        part->nots = pattern->n_atoms;
        for (uint32_t k = 0; k < rule->parts[i].n_nots; k++)
            part->n_nots += pattern_add_atoms(c, rule, rule->parts[i].nots[k], (egret_str){ "", 0 }, part->item, false);
        part->during = pattern->n_atoms;
        for (uint32_t k = 0; k < rule->parts[i].n_during; k++)
            part->n_during += pattern_add_atoms(c, rule, rule->parts[i].during[k], (egret_str){ "", 0 }, part->item, false);
    }
}

/* ---- a warning ---- */

static bool is_bounded(const plan_pattern *pattern, uint32_t part)
{
    for (; part != PLAN_NONE; part = pattern->parts[part].parent)
        if (pattern->parts[part].kind == PLAN_PART_SEQ && pattern->parts[part].within_ms != PLAN_FOREVER)
            return true;
    return pattern->within_ms != PLAN_FOREVER || pattern->idle_ms != PLAN_FOREVER;
}

/* The first place where an attempt may wait for ever. */
void branch_warn_endless(check *c, const rule_ctx *rule)
{
    const plan_pattern *pattern = rule->pattern;
    for (uint32_t i = 1; i < pattern->n_parts; i++) {
        const plan_part *part = &pattern->parts[i], *parent = &pattern->parts[part->parent];
        bool later = parent->kind == PLAN_PART_SEQ && i != part->parent + 1;
        bool link = later && part->link == PLAN_THEN && part->link_within_ms == PLAN_FOREVER;
        bool more = (part->kind == PLAN_PART_LOOP || part->kind == PLAN_PART_SOME) && part->min > 1 && !part->strict;
        if ((!link && !more) || is_bounded(pattern, more ? i : part->parent))
            continue;
        egret_diag *diag = check_warn(c, 809, rule->parts[i].span, "an attempt waits here for ever; only the limit on attempts ends it");
        check_help(c, diag, "say how long: then within 1h …, (… within 1h), or 'within' or 'idle' for the whole");
        return;
    }
}
