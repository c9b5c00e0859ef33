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

bool step_is_beside(const scope *s, uint32_t item)
{
    const plan_pattern *pattern = s->rule->pattern;
    uint32_t at = s->rule->at_part != 0 ? s->rule->at_part : part_of_item(pattern, s->item);
    uint32_t other = part_of_item(pattern, item);
    if (at == PLAN_NONE || other == PLAN_NONE || (other >= at && other < pattern->parts[at].end))
        return false;
    while (other < at || other >= pattern->parts[at].end)
        at = pattern->parts[at].parent;
    return pattern->parts[at].kind == PLAN_PART_OR || pattern->parts[at].kind == PLAN_PART_SOME;
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
                                          .link_within_ms = PLAN_FOREVER, .within_ms = PLAN_FOREVER, .silence_for = PLAN_NONE };
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
    b->rule->parts[part].written = item;
    if ((q->until_cond != NULL || q->until_stream.str.len != 0) && q->max == 1) {
        egret_diag *diag = check_error(b->c, 541, q->span, "'until' ends a loop; this is taken once at most");
        check_help(b->c, diag, "leave 'until' out, or say how many: {1,} until …");
    }
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

/* An absence takes no event: most of what a link can say has no meaning before it. last: nothing stands behind it in its brackets. */
static void check_not_link(builder *b, const ast_choice *choice, bool last)
{
    bool next = choice->link == AST_LINK_NEXT;
    if (next && last)
        check_help(b->c, check_error(b->c, 509, choice->link_span, "'next not' at the end would wait for the very next event, which may "
                                                                   "never come"), "write then not … for 5m");
    else if (next && choice->items->for_time != NULL)
        check_help(b->c, check_error(b->c, 509, choice->items->for_time->span, "'next not' speaks of one event, 'for' of a time"),
                   "write then not … for 5m, or leave 'for' out");
    else if (choice->link == AST_LINK_THEN_ANY)
        check_help(b->c, check_error(b->c, 509, choice->link_span, "an absence takes no event, so there is nothing to branch on"),
                   "write: then not …");
    else if (dur_is_written(&choice->link_within))
        check_help(b->c, check_error(b->c, 509, choice->link_within.span, "'within' bounds the gap to an event; an absence has none"),
                   last ? "write then not … for 5m" : "write it before the step that follows: then not x then within 5m y");
}

/* Does something that must be there come before the part? So there is an event from which a silence there counts. */
static bool has_before(const builder *b, uint32_t part)
{
    const plan_part *parts = b->pattern->parts;
    for (uint32_t p = parts[part].parent; p != PLAN_NONE; part = p, p = parts[p].parent)
        for (uint32_t i = p + 1; parts[p].kind == PLAN_PART_SEQ && i < part; i = parts[i].end)
            if (!parts[i].nullable)
                return true;
    return false;
}

static void since_when(builder *b, const ast_item *item)
{
    egret_diag *diag = check_error(b->c, 528, item->span, "since when? Nothing that must be there comes before this absence");
    check_help(b->c, diag, "put the step before it that the time counts from: a then (… or not … for 5m)");
}

/* A silence that is a part: complete when it has lasted. */
static uint32_t add_silence(builder *b, const ast_item *item, uint32_t parent)
{
    uint32_t part = begin_part(b, PLAN_PART_SILENCE, parent, item->span);
    if (part == PLAN_NONE)
        return PLAN_NONE;
    end_part(b, part);
    warn_labels(b, item->watch);
    part_ctx *ctx = &b->rule->parts[part];
    ctx->written = item;
    ctx->during = check_grow(b->c, ctx->during, ctx->n_during, sizeof *ctx->during);
    ctx->during[ctx->n_during++] = item->watch;
    return part;
}

/* The absence that ends a group: it has a time, or that of the group. PLAN_NONE: reported. */
static uint32_t add_last_of_group(builder *b, const ast_choice *choice, uint32_t seq)
{
    const ast_item *item = choice->items;
    check_not_link(b, choice, true);
    if (item->for_time == NULL && b->pattern->parts[seq].within_ms == PLAN_FOREVER) {
        egret_diag *diag = check_error(b->c, 507, item->span, "until when? An absence at the end of a group needs a time");
        check_help(b->c, diag, "write: then not … for 5m, or give the group a 'within'; to forbid it up to what follows write it behind the brackets");
        return PLAN_NONE;
    }
    uint32_t part = add_silence(b, item, seq);
    if (part != PLAN_NONE && !has_before(b, part)) {
        since_when(b, item);
        return PLAN_NONE;
    }
    return part;
}

/* An absence between two parts of a sequence, or at its start; of the whole match, also at its end. */
static void add_not(builder *b, const ast_choice *choice, uint32_t seq, uint32_t before, seq_shape *shape)
{
    const ast_item *item = choice->items;
    bool whole = b->pattern->parts[seq].parent == PLAN_NONE, last = choice->next == NULL;
    bool first = before == PLAN_NONE && shape->n_nots == 0 && shape->first == NULL;
    warn_labels(b, item->watch);
    check_not_link(b, choice, last);
    if (first && whole && item->for_time != NULL) {
        shape->first = item;
        return;
    }
    if (whole && b->pattern->n_items == 0) {
        egret_diag *diag = check_error(b->c, 528, item->span, first ? "since when? An absence at the start needs a time"
                                                                    : "between what? No step comes before this absence");
        check_help(b->c, diag, first ? "write: not … for 1h then …" : "say all that must be silent in the first: not a | b for 1h then …");
    } else if (!last && b->pattern->n_items == 0) {
        egret_diag *diag = check_error(b->c, 528, item->span, "between what? No step comes before this absence");
        check_help(b->c, diag, "an absence at the start stands before the brackets, and has a time: not … for 1h then (…)");
    }
    shape->nots = check_grow(b->c, shape->nots, shape->n_nots, sizeof *shape->nots);
    shape->nots[shape->n_nots++] = (not_ctx){ item, choice->link == AST_LINK_NEXT };
    if (last)
        shape->trailing = item;
}

/* ---- alternatives and operands ---- */

/* `not x for D` among them, which is complete when the time is up; `not x` in an `and`, which holds until the others are. */
static bool add_choice_not(builder *b, const ast_item *item, uint32_t parent, bool all)
{
    if (item->for_time != NULL)
        return add_silence(b, item, parent) != PLAN_NONE;
    warn_labels(b, item->watch);
    if (all) {
        part_ctx *ctx = &b->rule->parts[parent];
        ctx->during = check_grow(b->c, ctx->during, ctx->n_during, sizeof *ctx->during);
        ctx->during[ctx->n_during++] = item->watch;
        return true;
    }
    egret_diag *diag = check_error(b->c, 543, item->span, "how long must it be silent? This is complete when its time is up");
    check_help(b->c, diag, "write: not … for 5m");
    return false;
}

/* Silences among alternatives count from what came before; among operands also from the first event of the others. false: reported. */
static bool check_silences(builder *b, uint32_t choice)
{
    const plan_part *parts = b->pattern->parts;
    bool events = false, good = true;
    for (uint32_t i = choice + 1; i < parts[choice].end; i = parts[i].end)
        events = events || parts[i].kind != PLAN_PART_SILENCE;
    for (uint32_t i = choice + 1; i < parts[choice].end; i = parts[i].end) {
        if (parts[i].kind != PLAN_PART_SILENCE || has_before(b, i) || (events && parts[choice].kind == PLAN_PART_SOME))
            continue;
        since_when(b, b->rule->parts[i].written);
        good = false;
    }
    return good;
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
        bool absence = seq->choices->next == NULL && is_not(seq->choices) && !dur_is_written(&seq->within);
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
    return check_silences(b, part) ? part : PLAN_NONE;
}

static uint32_t add_item(builder *b, const ast_item *item, uint32_t parent)
{
    if (item->kind == AST_ITEM_ANY_OF)
        return add_any_of(b, item, parent);
    return item->quant.kind != AST_QUANT_NONE ? add_loop(b, item, parent) : add_body(b, item, parent);
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
        if (item->kind == AST_ITEM_NOT) {
            n += item->for_time != NULL;
            continue;
        }
        if (!add_operand(b, part, add_item(b, item, part), item->span))
            return PLAN_NONE;
        n++;
    }
    end_part(b, part);
    if (n == 0) {
        egret_diag *diag = check_error(b->c, 528, choice->items->span, "until when? Nothing here takes an event");
        check_help(b->c, diag, "say what the absences stand beside: (a and not b)");
        return PLAN_NONE;
    }
    b->pattern->parts[part].min = all ? n : 1;
    return check_silences(b, part) ? part : PLAN_NONE;
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
    b->pattern->branches_any = b->pattern->branches_any || part->every;
    b->pattern->contiguous = b->pattern->contiguous || part->link == PLAN_NEXT;
    if (dur_is_written(&choice->link_within))
        check_dur_span(b->c, b->rule, &choice->link_within, "'within'", &part->link_within_ms);
}

/* The absences met since the part before belong to the gap before this one. */
static void set_nots(builder *b, seq_shape *shape, uint32_t part)
{
    b->rule->parts[part].nots = shape->nots;
    b->rule->parts[part].n_nots = shape->n_nots;
    for (uint32_t i = 0; i < shape->n_nots; i++)
        if (shape->nots[i].item->for_time != NULL && !has_before(b, part))
            since_when(b, shape->nots[i].item);
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
    return is_not(end) || ends_with_not(end);
}

static void end_seq(builder *b, uint32_t seq)
{
    plan_part *parts = b->pattern->parts;
    end_part(b, seq);
    parts[seq].nullable = true;
    for (uint32_t i = seq + 1; i < parts[seq].end; i = parts[i].end)
        parts[seq].nullable = parts[seq].nullable && parts[i].nullable;
}

/* The last of them, where a link that says more than "later" leads to several: whichever of them takes the first event, the link leads to it. NULL: its
 * brackets may go. */
static const ast_choice *led_to_together(const ast_choice *choices, const ast_choice *link)
{
    uint32_t n = 0;
    bool plain = link->link == AST_LINK_THEN && !dur_is_written(&link->link_within);
    const ast_choice *last = choices;
    for (; last->next != NULL; last = last->next)
        n += !is_not(last);
    return plain || n < 2 ? NULL : last;
}

static bool add_choices(builder *b, const ast_choice *choice, const ast_choice *end, const ast_choice *link, uint32_t seq, seq_shape *shape,
                        uint32_t before);

/* A group that ends with an absence at the end of the match: what takes events stays a group, and the absence stands behind it. */
static uint32_t add_without_last(builder *b, const ast_choice *choices, const ast_choice *last, uint32_t parent, seq_shape *rest)
{
    uint32_t part = begin_part(b, PLAN_PART_SEQ, parent, choices->items->span);
    if (part == PLAN_NONE || !add_choices(b, choices, last, choices, part, rest, PLAN_NONE))
        return PLAN_NONE;
    end_seq(b, part);
    return part;
}

/* Up to `end`. link: the choice whose link leads to the first of these that takes an event. before: the part before. false: reported, nothing can be made
 * of it. */
static bool add_choices(builder *b, const ast_choice *choice, const ast_choice *end, const ast_choice *link, uint32_t seq, seq_shape *shape, uint32_t before)
{
    bool whole = b->pattern->parts[seq].parent == PLAN_NONE;
    for (bool placed = false; choice != end; choice = choice->next) {
        link = placed ? choice : link;
        bool silence = is_not(choice) && choice->next == NULL && !whole;
        if (is_not(choice) && !silence) {
            add_not(b, choice, seq, before, shape);
            continue;
        }
        const ast_choice *group = whole && ends_with_not(choice) ? choice->items->group->choices : NULL;
        const ast_choice *last = group != NULL && before != PLAN_NONE ? led_to_together(group, link) : NULL;
        seq_shape rest = { 0 };
        if (group != NULL && last == NULL)
            return add_choices(b, group, NULL, link, seq, shape, before);
        uint32_t part = last != NULL ? add_without_last(b, group, last, seq, &rest) : silence ? add_last_of_group(b, choice, seq) : add_choice(b, choice, seq);
        if (part == PLAN_NONE)
            return false;
        if (before != PLAN_NONE && !silence) {
            set_link(b, link, &b->pattern->parts[part]);
            b->rule->parts[part].span = link->link_span;
        }
        set_nots(b, shape, part);
        before = part;
        placed = true;
        if (last != NULL) {
            shape->nots = rest.nots;
            shape->n_nots = rest.n_nots;
            return add_choices(b, last, NULL, last, seq, shape, before);
        }
    }
    return true;
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
        check_dur_span(b->c, b->rule, &seq->within, "'within'", &b->pattern->parts[part].within_ms);
    if (!add_choices(b, seq->choices, NULL, seq->choices, part, &shape, PLAN_NONE))
        return PLAN_NONE;
    end_seq(b, part);
    const plan_part *one = &b->pattern->parts[part + 1];
    if (bounded && part + 1 < b->pattern->n_parts && one->end == b->pattern->n_parts && one->kind == PLAN_PART_STEP) {
        egret_diag *diag = check_warn(b->c, 804, seq->span, "'within' around a single step bounds nothing");
        check_help(b->c, diag, "to bound the gap from the step before write: then within 5m step");
    }
    return part;
}

/* May all be left out that stands behind the part, up to the end of the match, or of the alternative or operand it is in? */
static bool ends_there(const builder *b, uint32_t part)
{
    const plan_part *parts = b->pattern->parts;
    for (uint32_t p = parts[part].parent; p != PLAN_NONE; part = p, p = parts[p].parent) {
        if (parts[p].kind == PLAN_PART_OR || parts[p].kind == PLAN_PART_SOME)
            return true;
        for (uint32_t i = parts[part].end; parts[p].kind == PLAN_PART_SEQ && i < parts[p].end; i = parts[i].end)
            if (!parts[i].nullable)
                return false;
    }
    return true;
}

/* An absence before what may be left out, and nothing behind it: it would stand at the end, without a time. */
static void check_followed(builder *b, const seq_shape *shape)
{
    for (uint32_t i = 1; i < b->pattern->n_parts && !b->rule->refused; i++) {
        if (b->rule->parts[i].n_nots == 0 || !b->pattern->parts[i].nullable || !ends_there(b, i))
            continue;
        bool inside = false;
        for (uint32_t p = b->pattern->parts[i].parent; p != PLAN_NONE; p = b->pattern->parts[p].parent)
            inside = inside || b->pattern->parts[p].kind == PLAN_PART_OR || b->pattern->parts[p].kind == PLAN_PART_SOME;
        if (shape->trailing != NULL && !inside)
            continue;
        egret_diag *diag = check_error(b->c, 542, b->rule->parts[i].nots[0].item->span, "until when? Every step behind this absence may be left out");
        check_help(b->c, diag, "let one of them be taken at least once, or end with an absence that has a time: then not … for 5m");
    }
}

void branch_shape(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape)
{
    plan_pattern *pattern = rule->pattern;
    builder b = { .c = c, .rule = rule, .pattern = pattern };
    uint32_t errors = c->diags->n_errors;
    uint32_t whole = begin_part(&b, PLAN_PART_SEQ, PLAN_NONE, seq->span);
    if (!add_choices(&b, seq->choices, NULL, seq->choices, whole, shape, PLAN_NONE)) {
        rule->refused = true;       /* what stands behind was not looked at */
        end_seq(&b, whole);
        return;
    }
    end_seq(&b, whole);
    check_followed(&b, shape);
    pattern->limit_attempts = rule_limit(c, rule, "attempts", pattern->branches_any ? 1000 : 10000);
    if (pattern->parts[whole].nullable && c->diags->n_errors == errors)
        check_error(c, 506, seq->span, "this sequence could match without any event: every step may be left out");
}

/* ---- conditions ---- */

/* The streams of the steps in a part, each once: those of its loop that `until [c]` speaks of. */
static const ast_atom *streams_of(check *c, const rule_ctx *rule, const plan_part *part)
{
    ast_atom *list = NULL;
    for (uint32_t i = part->item; i < part->end_item; i++) {
        for (const ast_atom *atom = rule->items[i].item->watch; atom != NULL; atom = atom->next) {
            const ast_atom *found = list;
            while (found != NULL && !egret_str_eq(found->stream.str, atom->stream.str))
                found = found->next;
            if (found != NULL)
                continue;
            ast_atom *copy = check_alloc(c, sizeof *copy);
            *copy = (ast_atom){ .stream = atom->stream, .span = atom->span, .next = list };
            list = copy;
        }
    }
    return list;
}

static void add_gap(check *c, rule_ctx *rule, plan_part *part, const part_ctx *ctx)
{
    plan_not *timed = NULL;
    uint32_t n_timed = 0;
    part->nots = rule->pattern->n_atoms;
    for (uint32_t k = 0; k < ctx->n_nots; k++)
        if (!ctx->nots[k].next && ctx->nots[k].item->for_time == NULL)
            part->n_nots += pattern_add_atoms(c, rule, ctx->nots[k].item->watch, (egret_str){ "", 0 }, part->item, false);
    for (uint32_t k = 0; k < ctx->n_nots; k++)
        if (ctx->nots[k].next || ctx->nots[k].item->for_time != NULL)
            pattern_add_not(c, rule, &ctx->nots[k], part->item, &timed, &n_timed);
    part->timed = timed;
    part->n_timed = n_timed;
    rule->pattern->contiguous = rule->pattern->contiguous || pattern_has_next_not(timed, n_timed);
}

void branch_conditions(check *c, rule_ctx *rule)
{
    plan_pattern *pattern = rule->pattern;
    for (uint32_t i = 0; i < pattern->n_parts; i++) {
        plan_part *part = &pattern->parts[i];
        const part_ctx *ctx = &rule->parts[i];
        rule->at_part = i;
        add_gap(c, rule, part, ctx);
        part->during = pattern->n_atoms;
        for (uint32_t k = 0; k < ctx->n_during; k++)
            part->n_during += pattern_add_atoms(c, rule, ctx->during[k], (egret_str){ "", 0 }, part->item, false);
        part->until = pattern->n_atoms;
        if (part->kind == PLAN_PART_LOOP && part->end_item > part->item)
            part->n_until = pattern_add_until(c, rule, &ctx->written->quant, streams_of(c, rule, part), part->end_item, false);
        if (part->kind == PLAN_PART_SILENCE && ctx->written->for_time != NULL)
            part->silence_for = pattern_add_time(c, rule, ctx->written->for_time, part->item);
    }
    rule->at_part = 0;
}

/* ---- a warning ---- */

/* Some time one of its alternatives is over, whatever comes. */
static bool ends_in_silence(const plan_pattern *pattern, uint32_t part)
{
    bool ends = pattern->parts[part].kind == PLAN_PART_SILENCE;
    for (uint32_t i = part + 1; pattern->parts[part].kind == PLAN_PART_OR && i < pattern->parts[part].end; i = pattern->parts[i].end)
        ends = ends || pattern->parts[i].kind == PLAN_PART_SILENCE;
    return ends;
}

static bool is_bounded(const plan_pattern *pattern, uint32_t part)
{
    for (; part != PLAN_NONE; part = pattern->parts[part].parent)
        if (ends_in_silence(pattern, part) || (pattern->parts[part].kind == PLAN_PART_SEQ && pattern->parts[part].within_ms != PLAN_FOREVER))
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
        if ((!link && !more) || is_bounded(pattern, more ? i : part->parent) || ends_in_silence(pattern, i))
            continue;
        egret_diag *diag = check_warn(c, 809, rule->parts[i].span, "an attempt waits here for ever; only the limit on attempts ends it");
        check_help(c, diag, "say how long: then within 1h …, (… within 1h), or 'within' or 'idle' for the whole");
        return;
    }
}
