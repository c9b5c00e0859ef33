/*
 * automaton.h: what the printers of automata share: the rule at hand, and writing an arrow as text or for Graphviz.
 */
#ifndef EGRET_COMPILER_AUTOMATON_H
#define EGRET_COMPILER_AUTOMATON_H

#include "compiler/expr_print.h"

enum { AUTOMATON_START = 0 };       /* behind item i: i + 1; then: silence (a trailing absence), match */

typedef struct automaton {
    const plan *plan;
    const plan_rule *rule;
    expr_view view;
    bool dot;
    egret_text text;
    uint32_t silence, match, dropped;
} automaton;

egret_text automaton_label(const automaton *a);     /* empty */
void automaton_atoms(automaton *a, egret_text *text, const plan_atom *atoms, uint32_t first, uint32_t n);
void automaton_time(const automaton *a, egret_text *text, const char *before, int64_t ms);
/* Absences with more to say than "nowhere between": each is an edge away. */
void automaton_timed(automaton *a, uint32_t from, const plan_not *nots, uint32_t n);
void automaton_edge(automaton *a, uint32_t from, uint32_t to, egret_text *label);      /* takes the label */

/* automaton_branch.c: the arrows of a pattern that branches, but for `unless` and what an absence at the end adds. */
void automaton_branch_edges(automaton *a);

#endif
