/*
 * automaton_branch.c: the arrows of a pattern that branches: from each step to those that may take the next event.
 *
 * What alternatives and operands have in common (they advance side by side, so many must be complete) no arrow can say; it stands on the arrows
 * that lead out of them.
 */
#include "compiler/automaton.h"

#include <string.h>

typedef struct follow {
    automaton *a;
    const plan_pattern *pattern;
    uint32_t from;                      /* state */
    bool seen[PLAN_MAX_ITEMS + 2];      /* states an arrow leads to already */
    uint32_t depth;                     /* silences passed on the way: a loop of them would never end */
} follow;

enum { HOW = 160 };     /* what has been said on the way: bounded, since it only explains */

/* As much of the text as there is room for. */
static void put_text(char *how, const char *text)
{
    size_t at = strlen(how);
    size_t len = strlen(text);
    size_t fits = len < HOW - 1 - at ? len : HOW - 1 - at;
    memcpy(how + at, text, fits);
    how[at + fits] = '\0';
}

static void put_how(char *how, const char *before, const char *more)
{
    put_text(how, before);
    put_text(how, more);
}

static void put_count(char *how, const char *before, uint32_t n, const char *behind)
{
    char digits[12];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put_how(how, before, digits + at);
    put_how(how, behind, "");
}

static void arrow(follow *f, uint32_t to, const char *how, int64_t within_ms, const plan_item *item)
{
    if (f->seen[to])
        return;
    f->seen[to] = true;
    egret_text label = automaton_label(f->a);
    egret_text_puts(&label, how);
    automaton_atoms(f->a, &label, f->pattern->atoms, item->atoms, item->n_atoms);
    automaton_time(f->a, &label, " within ", within_ms);
    automaton_edge(f->a, f->from, to, &label);
}

static void not_arrow(follow *f, uint32_t first, uint32_t n)
{
    if (n == 0)
        return;
    egret_text label = automaton_label(f->a);
    automaton_atoms(f->a, &label, f->pattern->atoms, first, n);
    automaton_edge(f->a, f->from, f->a->dropped, &label);
}

static void pass_silence(follow *f, uint32_t part, const char *said);

static void enter(follow *f, uint32_t part, const char *how, int64_t within_ms)
{
    const plan_part *p = &f->pattern->parts[part];
    if (p->kind == PLAN_PART_STEP) {
        arrow(f, p->item + 1, how, within_ms, &f->pattern->items[p->item]);
        return;
    }
    if (p->kind == PLAN_PART_SILENCE) {
        pass_silence(f, part, how);
        return;
    }
    for (uint32_t i = part + 1; i < p->end; i = f->pattern->parts[i].end) {
        enter(f, i, how, within_ms);
        if (p->kind == PLAN_PART_SEQ && !f->pattern->parts[i].nullable)
            return;
    }
}

static void finish(follow *f, const char *how)
{
    const plan_pattern *pattern = f->pattern;
    egret_text label = automaton_label(f->a);
    size_t said = strlen(how);
    egret_text_put(&label, how, said > 0 ? said - 1 : 0);    /* but for the blank behind it */
    egret_text_puts(&label, said == 0 ? "at once" : "");
    if (pattern->when != PLAN_NONE) {
        egret_text_puts(&label, " when ");
        expr_put(&label, &f->a->view, pattern->when);
    }
    automaton_edge(f->a, f->from, pattern->absence == PLAN_ABSENCE_NONE ? f->a->match : f->a->silence, &label);
}

static void leave(follow *f, uint32_t part, const char *said);

/* A silence that is a part: when it has lasted, what stands behind it is open. */
static void pass_silence(follow *f, uint32_t part, const char *said)
{
    const plan_part *p = &f->pattern->parts[part];
    char how[HOW] = "";
    put_how(how, said, "after silence ");
    if (f->depth++ < 4)
        leave(f, part, how);
    f->depth--;
    egret_text label = automaton_label(f->a);
    automaton_atoms(f->a, &label, f->pattern->atoms, p->during, p->n_during);
    if (p->silence_for != PLAN_NONE) {
        egret_text_puts(&label, " for ");
        expr_put(&label, &f->a->view, p->silence_for);
    }
    if (f->pattern->parts[p->parent].kind != PLAN_PART_OR)
        automaton_edge(f->a, f->from, f->a->dropped, &label);
}

/* The part is complete. */
static void leave(follow *f, uint32_t part, const char *said)
{
    const plan_part *parts = f->pattern->parts;
    uint32_t p = parts[part].parent, next = parts[part].end;
    char how[HOW] = "";
    put_how(how, said, "");
    if (p == PLAN_NONE) {
        finish(f, said);
    } else if (parts[p].kind == PLAN_PART_SEQ) {
        for (; next < parts[p].end; next = parts[next].end) {
            char here[HOW] = "";
            put_how(here, how, parts[next].link == PLAN_NEXT ? "next " : parts[next].every ? "any " : "");
            not_arrow(f, parts[next].nots, parts[next].n_nots);
            automaton_timed(f->a, f->from, parts[next].timed, parts[next].n_timed);
            not_arrow(f, parts[next].during, parts[next].kind == PLAN_PART_SOME ? parts[next].n_during : 0);
            enter(f, next, here, parts[next].link_within_ms);
            if (!parts[next].nullable)
                return;
        }
        leave(f, p, how);
    } else if (parts[p].kind == PLAN_PART_LOOP) {
        enter(f, p + 1, parts[p].strict ? "strict again " : parts[p].any ? "any again " : "again ", PLAN_FOREVER);
        if (parts[p].min > 1)
            put_count(how, "after ", parts[p].min, " rounds ");
        leave(f, p, how);
    } else if (parts[p].kind == PLAN_PART_SOME) {
        for (uint32_t i = p + 1; i < parts[p].end; i = parts[i].end)
            if (i != part)
                enter(f, i, "beside it ", PLAN_FOREVER);
        put_count(how, "with ", parts[p].min, " complete ");
        leave(f, p, how);
    } else {
        leave(f, p, how);
    }
}

void automaton_branch_edges(automaton *a)
{
    const plan_pattern *pattern = a->rule->pattern;
    follow start = { .a = a, .pattern = pattern, .from = AUTOMATON_START };
    enter(&start, 0, "", PLAN_FOREVER);
    for (uint32_t i = 1; i < pattern->n_parts; i++) {
        if (pattern->parts[i].kind != PLAN_PART_STEP)
            continue;
        follow f = { .a = a, .pattern = pattern, .from = pattern->parts[i].item + 1 };
        leave(&f, i, "");
    }
}
