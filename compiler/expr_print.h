/*
 * expr_print.h: expressions of the plan as text, for the printers of plans, automata and costs.
 */
#ifndef EGRET_COMPILER_EXPR_PRINT_H
#define EGRET_COMPILER_EXPR_PRINT_H

#include "compiler/plan.h"
#include "compiler/text.h"

/* What the numbers inside an expression refer to: an expression alone does not say. What is not known is PLAN_NONE or NULL. */
typedef struct expr_view {
    const plan *plan;
    uint32_t stream;                /* of the event at hand */
    const plan_pattern *pattern;
    const plan_window *window;
    const plan_group *group;        /* names the parts of the key */
    const plan_edge *edge;          /* the raw record of a source */
} expr_view;

void expr_put(egret_text *text, const expr_view *view, uint32_t expr);
void expr_put_value(egret_text *text, egret_value v);
/* "1h30m"; "ever" for PLAN_FOREVER. */
void expr_put_duration(egret_text *text, int64_t ms);
/* "tumbling 1h", "last 100" */
void expr_put_over(egret_text *text, const plan *plan, const plan_over *over);
/* A bound of the view's pattern: a duration, or the expression that looks it up. */
void expr_put_span(egret_text *text, const expr_view *view, int64_t ms);
/* An aggregate of the view's window with its own `over`: "sum(amount where … over 24h)". */
void expr_put_agg(egret_text *text, const expr_view *view, uint32_t agg);
void expr_put_step(egret_text *text, const plan_pattern *pattern, uint32_t item);

#endif
