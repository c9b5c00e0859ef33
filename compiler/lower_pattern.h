/*
 * lower_pattern.h: the two halves of lowering a sequence to each other: its shape (lower_pattern.c) and its conditions (lower_steps.c).
 */
#ifndef EGRET_COMPILER_LOWER_PATTERN_H
#define EGRET_COMPILER_LOWER_PATTERN_H

#include "compiler/check.h"

/* What the walk along a sequence has in its hands. */
typedef struct seq_shape {
    const ast_atom **nots;      /* absences met since the last step */
    uint32_t n_nots;
    egret_span not_span;        /* the last of them */
    bool bad_link;              /* the link to an absence was refused: what follows from it stays silent */
    const ast_item *first;      /* an absence that begins the sequence */
    const ast_item *trailing;   /* an absence that ends the sequence; its watches are in nots */
} seq_shape;

/* Fills pattern->items (but for their conditions), absence, within; rule->items beside them. */
void pattern_shape(check *c, rule_ctx *rule, const ast_seq *seq, seq_shape *shape);

#endif
