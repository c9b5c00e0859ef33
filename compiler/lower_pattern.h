/*
 * lower_pattern.h: the two halves of lowering a sequence to each other: its shape (lower_pattern.c) and its conditions (lower_steps.c).
 */
#ifndef EGRET_COMPILER_LOWER_PATTERN_H
#define EGRET_COMPILER_LOWER_PATTERN_H

#include "compiler/check.h"

/* What the walk along a sequence has in its hands. */
typedef struct seq_shape {
    not_ctx *nots;              /* absences met since the last step */
    uint32_t n_nots;
    bool bad_link;              /* the link to an absence was refused: what follows from it stays silent */
    const ast_item *first;      /* an absence that begins the sequence */
    const ast_item *trailing;   /* an absence that ends the sequence; it is the last of nots */
} seq_shape;

/* Fills pattern->items (but for their conditions), absence, within; rule->items beside them. */
void pattern_shape(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape);

/* lower_pattern.c: the item at the end of the line, with its name. */
void pattern_add_item(check *c, rule_ctx *rule, item_ctx ctx, plan_item item);

/* lower_steps.c: adds the atoms of a watch; gives how many. Conditions see the items before `item`, and with own the item itself. */
uint32_t pattern_add_atoms(check *c, rule_ctx *rule, const ast_atom *watch, egret_str label, uint32_t item, bool own);

/* The same of a `not`, before item number `item` or (n_items) at the end, that says more than "nowhere between". */
void pattern_add_not(check *c, rule_ctx *rule, const not_ctx *ctx, uint32_t item, plan_not **list, uint32_t *n);
bool pattern_has_next_not(const plan_not *list, uint32_t n);
/* What ends a loop of these streams (a list of atoms, one for each): until [c] speaks of them, until s [c] of another. itself: of a loop of item
 * number `item` alone; else of one that ends before it. */
uint32_t pattern_add_until(check *c, rule_ctx *rule, const ast_quant *quant, const ast_atom *own, uint32_t item, bool itself);
/* A duration that may look at the items before `item`; PLAN_NONE: reported. */
uint32_t pattern_add_time(check *c, rule_ctx *rule, const ast_expr *time, uint32_t item);

/* lower_branch.c: patterns that are no line */
bool pattern_branches(const ast_seq *seq);
/* Fills pattern->parts and items; shape: the absences at both ends. */
void branch_shape(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape);
void branch_conditions(check *c, rule_ctx *rule);
void branch_warn_endless(check *c, const rule_ctx *rule);

#endif
