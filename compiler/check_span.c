/*
 * check_span.c: times that are looked up: within, then within, idle, the silence at the start, how long `when` must hold.
 *
 * Such a time depends on the key (and tables) alone, so it is the same for all attempts of a key: older attempts still run out first, and the
 * engine evaluates it once for an event. That is why steps and fields of events may not be asked.
 */
#include "compiler/check.h"

static uint32_t add_span(check *c, plan_pattern *pattern, uint32_t expr)
{
    for (uint32_t i = 0; i < pattern->n_spans; i++)
        if (pattern->spans[i] == expr)
            return i;
    pattern->spans = check_grow(c, pattern->spans, pattern->n_spans, sizeof *pattern->spans);
    pattern->spans[pattern->n_spans] = expr;
    return pattern->n_spans++;
}

bool check_key_time(check *c, rule_ctx *rule, const ast_expr *e, const char *what, int64_t *ms, uint32_t *expr)
{
    *expr = PLAN_NONE;
    if (!check_reads_data(c, e))
        return check_const_duration(c, e, what, ms);
    *ms = 0;
    scope s = rule_scope(rule);
    typed t = check_expr(c, &s, e);
    if (typed_is_bad(t))
        return false;
    egret_value v;
    if (t.type != EGRET_DURATION) {
        egret_diag *diag = check_error(c, 409, e->span, "%s must be a duration; this is %s", what, egret_type_name((egret_type)t.type));
        check_help(c, diag, type_is_numeric((egret_type)t.type) ? "give it a unit: … * 1s" : "a time is looked up as a duration: table[key].column");
        return false;
    }
    if ((c->plan->exprs[t.expr].uses & ~(unsigned)(PLAN_USES_KEY | PLAN_USES_CONTENT)) != 0) {
        egret_diag *diag = check_error(c, 315, e->span, "%s may be looked up by the key alone", what);
        check_help(c, diag, rule->pattern == NULL ? "write table[part of the key].column"
                                                  : "write table[part of the key].column; a step's own time is compared in its condition: "
                                                    "at - first.at <= first.limit");
        return false;
    }
    if (intern_is_const(c, t.expr, &v))
        *ms = v.u.i < 0 ? 0 : v.u.i;
    else
        *expr = t.expr;
    return true;
}

bool check_span(check *c, rule_ctx *rule, const ast_expr *e, const char *what, int64_t *ms)
{
    uint32_t expr;
    bool good = check_key_time(c, rule, e, what, ms, &expr);
    if (good && expr != PLAN_NONE)
        *ms = PLAN_SPAN(add_span(c, rule->pattern, expr));
    return good;
}

bool check_dur_span(check *c, rule_ctx *rule, const ast_dur *dur, const char *what, int64_t *ms)
{
    const symbol *define = dur->name.str.len == 0 ? NULL : check_find_kind(c, AST_DEFINE, dur->name.str);
    if (define == NULL)
        return check_dur(c, dur, what, ms);
    ast_expr *name = check_alloc(c, sizeof *name);
    *name = (ast_expr){ .kind = AST_NAME, .height = 1, .span = dur->name.span, .name = dur->name };
    return check_span(c, rule, name, what, ms);
}

static uint32_t span_value(check *c, const rule_ctx *rule, int64_t ms)
{
    return ms < 0 ? rule->pattern->spans[PLAN_SPAN(ms)] : intern_value(c, egret_duration(ms));
}

int64_t check_tighter_span(check *c, rule_ctx *rule, int64_t a_ms, int64_t b_ms)
{
    if (a_ms == PLAN_FOREVER || b_ms == PLAN_FOREVER || (a_ms >= 0 && b_ms >= 0))
        return a_ms == PLAN_FOREVER || (b_ms != PLAN_FOREVER && b_ms < a_ms) ? b_ms : a_ms;
    const uint32_t args[2] = { span_value(c, rule, a_ms), span_value(c, rule, b_ms) };
    unsigned uses = c->plan->exprs[args[0]].uses | c->plan->exprs[args[1]].uses;
    plan_expr least = { .op = PLAN_CALL, .type = EGRET_DURATION, .a = EGRET_FN_LEAST, .uses = (uint8_t)uses };
    return PLAN_SPAN(add_span(c, rule->pattern, intern_expr(c, least, args, 2)));
}
