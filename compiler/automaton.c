/*
 * automaton.c: a rule as states and transitions, as text and for Graphviz.
 *
 * A sequence is a line of states: before the first step, behind each step, the match. A loop has an arrow to itself; a step that may be left
 * out is stepped over. A pattern that branches has an arrow for each step that may come next (automaton_branch.c). Both printers walk the same edges and only write them differently. A threshold rule has two states, below and above.
 */
#include "compiler/automaton.h"

/* ---- names ---- */

static void put_state(automaton *a, uint32_t state)
{
    if (state == AUTOMATON_START)
        egret_text_puts(&a->text, "start");
    else if (state == a->match)
        egret_text_puts(&a->text, "match");
    else if (state == a->silence)
        egret_text_puts(&a->text, "silence");
    else if (state == a->dropped)
        egret_text_puts(&a->text, "dropped");
    else
        expr_put_step(&a->text, a->rule->pattern, state - 1);
}

static void put_atom(automaton *a, egret_text *text, const plan_atom *atom)
{
    const plan_guard *guard = &a->plan->guards[atom->guard];
    expr_view view = a->view;
    view.stream = atom->stream;
    egret_text_put_str(text, a->plan->streams[atom->stream].name);
    if (guard->expr == PLAN_NONE && atom->rest == PLAN_NONE)
        return;
    egret_text_puts(text, " [");
    if (guard->expr != PLAN_NONE)
        expr_put(text, &view, guard->expr);
    if (guard->expr != PLAN_NONE && atom->rest != PLAN_NONE)
        egret_text_puts(text, " and ");
    if (atom->rest != PLAN_NONE)
        expr_put(text, &view, atom->rest);
    egret_text_puts(text, "]");
}

void automaton_atoms(automaton *a, egret_text *text, const plan_atom *atoms, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        egret_text_puts(text, i == 0 ? "" : " | ");
        put_atom(a, text, &atoms[first + i]);
    }
}

/* In a label of DOT, quotes and backslashes are escaped. */
static void put_label(automaton *a, const egret_text *label)
{
    for (size_t i = 0; i < label->len; i++) {
        if (a->dot && (label->ptr[i] == '"' || label->ptr[i] == '\\'))
            egret_text_puts(&a->text, "\\");
        egret_text_put(&a->text, &label->ptr[i], 1);
    }
}

void automaton_edge(automaton *a, uint32_t from, uint32_t to, egret_text *label)
{
    egret_text_puts(&a->text, a->dot ? "  \"" : "  ");
    put_state(a, from);
    egret_text_puts(&a->text, a->dot ? "\" -> \"" : " -> ");
    put_state(a, to);
    egret_text_puts(&a->text, a->dot ? "\" [label=\"" : ": ");
    put_label(a, label);
    egret_text_puts(&a->text, a->dot ? "\"];\n" : "\n");
    egret_text_deinit(label);
}

egret_text automaton_label(const automaton *a)
{
    egret_text label;
    egret_text_init(&label, a->text.mem);
    return label;
}

void automaton_time(const automaton *a, egret_text *text, const char *before, int64_t ms)
{
    if (ms == PLAN_FOREVER)
        return;
    egret_text_puts(text, before);
    expr_put_span(text, &a->view, ms);
}

/* ---- sequences ---- */

static void step_edges(automaton *a, uint32_t from)
{
    const plan_pattern *pattern = a->rule->pattern;
    for (uint32_t to = from; to < pattern->n_items; to++) {
        const plan_item *item = &pattern->items[to];
        egret_text label = automaton_label(a);
        if (from != 0 && pattern->items[from - 1].min > 1)
            egret_text_printf(&label, "after %u ", (unsigned)pattern->items[from - 1].min);
        egret_text_puts(&label, from != 0 && item->link == PLAN_NEXT ? "next " : "");
        automaton_atoms(a, &label, pattern->atoms, item->atoms, item->n_atoms);
        if (from != 0)
            automaton_time(a, &label, " within ", item->link_within_ms);
        automaton_edge(a, from, to + 1, &label);
        if (item->min != 0)
            return;
    }
}

static void loop_edge(automaton *a, uint32_t number)
{
    const plan_pattern *pattern = a->rule->pattern;
    const plan_item *item = &pattern->items[number];
    if (item->max == 1)
        return;
    egret_text label = automaton_label(a);
    egret_text_puts(&label, item->strict ? "strict " : "");
    automaton_atoms(a, &label, pattern->atoms, item->atoms, item->n_atoms);
    egret_text_printf(&label, " {%u,", (unsigned)item->min);
    if (item->max != UINT32_MAX)
        egret_text_printf(&label, "%u", (unsigned)item->max);
    egret_text_puts(&label, "}");
    automaton_time(a, &label, " within ", item->own_within_ms);
    egret_text_puts(&label, item->greedy ? " greedy" : "");
    egret_text_puts(&label, item->n_until != 0 ? " until " : "");
    automaton_atoms(a, &label, pattern->atoms, item->until, item->n_until);
    automaton_edge(a, number + 1, number + 1, &label);
}

void automaton_timed(automaton *a, uint32_t from, const plan_not *nots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        egret_text label = automaton_label(a);
        egret_text_puts(&label, nots[i].kind == PLAN_NOT_NEXT ? "next " : "");
        automaton_atoms(a, &label, a->rule->pattern->atoms, nots[i].atoms, nots[i].n_atoms);
        if (nots[i].kind == PLAN_NOT_FOR) {
            egret_text_puts(&label, " for ");
            expr_put(&label, &a->view, nots[i].for_time);
        }
        automaton_edge(a, from, a->dropped, &label);
    }
}

/* What must not come between this item and the one before. */
static void not_edges(automaton *a, uint32_t number)
{
    const plan_item *item = &a->rule->pattern->items[number];
    automaton_timed(a, number, item->timed, item->n_timed);
    if (item->n_nots == 0)
        return;
    egret_text label = automaton_label(a);
    automaton_atoms(a, &label, a->rule->pattern->atoms, item->nots, item->n_nots);
    automaton_edge(a, number, a->dropped, &label);
}

static void unless_edges(automaton *a)
{
    const plan_pattern *pattern = a->rule->pattern;
    for (uint32_t i = 0; i < pattern->n_unless; i++) {
        const plan_unless *unless = &pattern->unless[i];
        uint32_t from = unless->after_item == PLAN_NONE ? 1 : unless->after_item + 1;
        /* Behind a last single step the match is made at once: nothing waits there. */
        bool waits = pattern->absence != PLAN_ABSENCE_NONE || pattern->n_items == 0 || pattern->items[pattern->n_items - 1].max != 1;
        for (uint32_t state = from; state < pattern->n_items + waits; state++) {
            egret_text label = automaton_label(a);
            egret_text_puts(&label, "unless ");
            automaton_atoms(a, &label, pattern->atoms, unless->atoms, unless->n_atoms);
            automaton_edge(a, state, a->dropped, &label);
        }
    }
}

static void absence_edges(automaton *a)
{
    const plan_pattern *pattern = a->rule->pattern;
    egret_text label = automaton_label(a);
    automaton_atoms(a, &label, pattern->atoms, pattern->absence_atoms, pattern->n_absence_atoms);
    automaton_edge(a, a->silence, pattern->n_items == 0 ? a->silence : a->dropped, &label);
    automaton_timed(a, a->silence, pattern->more_absences, pattern->n_more_absences);
    label = automaton_label(a);
    if (pattern->absence == PLAN_ABSENCE_FOR) {
        egret_text_puts(&label, "for ");
        expr_put(&label, &a->view, pattern->absence_for);
    } else {
        automaton_time(a, &label, "end of within ", pattern->within_ms);
    }
    automaton_edge(a, a->silence, a->match, &label);
}

static bool may_end(const plan_pattern *pattern, uint32_t state)
{
    for (uint32_t i = state; i < pattern->n_items; i++)
        if (pattern->items[i].min != 0)
            return false;
    return true;
}

static void line_edges(automaton *a)
{
    const plan_pattern *pattern = a->rule->pattern;
    uint32_t end = pattern->absence == PLAN_ABSENCE_NONE ? a->match : a->silence;
    for (uint32_t state = 0; state <= pattern->n_items; state++) {
        if (state != 0)
            loop_edge(a, state - 1);
        step_edges(a, state);
        if (state < pattern->n_items)
            not_edges(a, state);
        bool lone = pattern->n_items == 0;
        if ((state == AUTOMATON_START && !lone) || !may_end(pattern, state))
            continue;
        egret_text label = automaton_label(a);
        bool loop = state != 0 && pattern->items[state - 1].min > 1;
        if (loop)
            egret_text_printf(&label, "after %u", (unsigned)pattern->items[state - 1].min);
        else
            egret_text_puts(&label, state == 0 ? "any event of the key" : "at once");
        if (pattern->when != PLAN_NONE) {
            egret_text_puts(&label, " when ");
            expr_put(&label, &a->view, pattern->when);
        }
        automaton_edge(a, state, end, &label);
    }
}

static void sequence_edges(automaton *a)
{
    if (a->rule->pattern->n_parts != 0)
        automaton_branch_edges(a);
    else
        line_edges(a);
    unless_edges(a);
    if (a->rule->pattern->absence != PLAN_ABSENCE_NONE)
        absence_edges(a);
}

/* ---- thresholds ---- */

static void put_named_edge(automaton *a, const char *from, const char *to, egret_text *label)
{
    egret_text_printf(&a->text, a->dot ? "  \"%s\" -> \"%s\" [label=\"" : "  %s -> %s: ", from, to);
    put_label(a, label);
    egret_text_puts(&a->text, a->dot ? "\"];\n" : "\n");
    egret_text_deinit(label);
}

static void threshold_edges(automaton *a)
{
    const plan_threshold *t = &a->rule->threshold;
    const plan_window *w = &a->plan->windows[t->window];
    bool closes = t->kind == AST_TUMBLING || t->kind == AST_HOPPING || t->kind == AST_SESSION;
    egret_text label = automaton_label(a);
    automaton_atoms(a, &label, w->atoms, 0, w->n_atoms);
    put_named_edge(a, "window", "window", &label);
    label = automaton_label(a);
    if (closes) {
        plan_over over = { .kind = AST_SLIDING, .size_ms = t->size_ms, .every_ms = t->every_ms, .zone = t->zone };
        egret_text_puts(&label, t->early ? "at each event, and " : "");
        egret_text_puts(&label, t->kind == AST_SESSION ? "at the last event + " : "at the end of each ");
        expr_put_over(&label, a->plan, &over);
        egret_text_puts(&label, t->when != PLAN_NONE ? ", when " : "");
    }
    if (t->when != PLAN_NONE)
        expr_put(&label, &a->view, t->when);
    else if (!closes)
        egret_text_puts(&label, "every event");
    if (t->for_ms != 0)
        automaton_time(a, &label, " for ", t->for_ms);
    if (t->for_time != PLAN_NONE) {
        egret_text_puts(&label, " for ");
        expr_put(&label, &a->view, t->for_time);
    }
    put_named_edge(a, "window", "match", &label);
    if (closes || t->when == PLAN_NONE)
        return;
    label = automaton_label(a);
    egret_text_puts(&label, "armed again when that turns false");
    put_named_edge(a, "match", "window", &label);
}

/* ---- both ---- */

static const char *print(egret_arena *arena, const plan *p, uint32_t number, bool dot)
{
    const plan_rule *rule = &p->rules[number];
    bool sequence = rule->kind == PLAN_SEQUENCE;
    uint32_t n = sequence ? rule->pattern->n_items : 0;
    automaton a = { .plan = p, .rule = rule, .dot = dot, .silence = n + 1, .match = n + 2, .dropped = n + 3 };
    a.view = (expr_view){ .plan = p, .stream = PLAN_NONE, .pattern = sequence ? rule->pattern : NULL,
                          .window = sequence ? NULL : &p->windows[rule->threshold.window], .group = &p->groups[rule->group] };
    egret_text_init(&a.text, arena->mem);
    if (dot)
        egret_text_printf(&a.text, "digraph \"%.*s\" {\n  rankdir=LR;\n", (int)rule->name.len, rule->name.ptr);
    else
        egret_text_printf(&a.text, "rule %.*s/%u\n", (int)rule->name.len, rule->name.ptr, (unsigned)rule->instance);
    if (sequence)
        sequence_edges(&a);
    else
        threshold_edges(&a);
    if (sequence && rule->pattern->within_ms != PLAN_FOREVER && !dot) {
        automaton_time(&a, &a.text, "  first to last event within ", rule->pattern->within_ms);
        egret_text_puts(&a.text, "\n");
    }
    if (sequence && rule->pattern->on_timeout && !dot)
        egret_text_puts(&a.text, "  what runs out of time is told\n");
    egret_text_puts(&a.text, dot ? "  \"match\" [shape=doublecircle];\n}\n" : "");
    return egret_text_finish(&a.text, arena);
}

const char *egret_automaton_print(egret_arena *arena, const plan *p, uint32_t rule)
{
    return print(arena, p, rule, false);
}

const char *egret_automaton_dot(egret_arena *arena, const plan *p, uint32_t rule)
{
    return print(arena, p, rule, true);
}
