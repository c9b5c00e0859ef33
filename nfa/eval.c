/*
 * eval.c: the value of an expression.
 *
 * The plan's expressions are a hash-consed graph of small nodes; evaluating walks it with one switch, the one long function of the
 * engine. What an expression may look at (event, key, bound events, window) stands in the environment; what is not there is null.
 * Logic is two-valued: a comparison with null is false, and `not` of false is true.
 */
#include "nfa/shard.h"

#include <string.h>

static const uint32_t *args_of(const nfa_env *env, const plan_expr *expr)
{
    return env->engine->plan->args + expr->args;
}

static inline egret_value operand(const nfa_env *env, uint32_t number)
{
    const plan_expr *expr = &env->engine->plan->exprs[number];
    if (expr->op == PLAN_CONST) {
        return env->engine->plan->consts[expr->a];
    }
    return expr->op == PLAN_AGG ? win_agg_value(env, expr->a, expr->b) : nfa_value_of(env, number);
}

static egret_value eval_arg(const nfa_env *env, const plan_expr *expr, uint32_t i)
{
    return nfa_eval(env, args_of(env, expr)[i]);
}

/* An operation that gives null from operands that are not null has overflowed (or divided by zero, which is no overflow). */
static egret_value eval_arith(const nfa_env *env, const plan_expr *expr, char op)
{
    egret_value a = eval_arg(env, expr, 0);
    egret_value b = eval_arg(env, expr, 1);
    egret_value v = egret_value_arith(op, a, b);
    if (v.type == EGRET_NULL && a.type != EGRET_NULL && b.type != EGRET_NULL && op != '/' && op != '%') {
        env->engine->stats.overflows++;
    }
    return v;
}

/* Whole numbers, times and amounts with equally many digits, and the equality of texts, are nearly all comparisons there are. */
bool nfa_compare(const nfa_env *env, const plan_expr *expr)
{
    const uint32_t *args = args_of(env, expr);
    egret_value a = operand(env, args[0]);
    egret_value b = operand(env, args[1]);
    if (a.type == EGRET_NULL || b.type == EGRET_NULL) {
        return false;
    }
    bool equality = expr->op == PLAN_EQ || expr->op == PLAN_NE;
    if (a.type == b.type && a.scale == b.scale) {
        if (a.type == EGRET_STRING && equality) {
            bool same = a.len == b.len && (a.len == 0 || memcmp(a.u.s, b.u.s, a.len) == 0);
            return same == (expr->op == PLAN_EQ);
        }
        if (a.type != EGRET_STRING && a.type != EGRET_NUMBER) {
            return nfa_order_fits(expr->op, (a.u.i > b.u.i) - (a.u.i < b.u.i));
        }
    }
    int order = 0;
    if (!egret_value_compare(a, b, &order)) {
        return expr->op == PLAN_NE;
    }
    return nfa_order_fits(expr->op, order);
}

/* Text of a value, in scratch. */
static egret_value text_of(const nfa_env *env, egret_value v)
{
    if (v.type == EGRET_STRING) {
        return v;
    }
    char buffer[64];
    size_t len = egret_value_text(v, buffer, sizeof buffer);
    egret_str text = egret_arena_str(&env->engine->scratch, buffer, len);
    return text.ptr ? egret_string(text.ptr, text.len) : egret_null();
}

static egret_value join(const nfa_env *env, const egret_value *part, uint32_t n, const char *between)
{
    size_t gap = strlen(between);
    size_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        total += part[i].len + gap;
    }
    char *text = nfa_scratch(env->engine, total + 1);
    if (text == NULL) {
        return egret_null();
    }
    size_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && gap > 0) {
            memcpy(text + at, between, gap);
            at += gap;
        }
        if (part[i].len > 0) {
            memcpy(text + at, part[i].u.s, part[i].len);
            at += part[i].len;
        }
    }
    return egret_string(text, (uint32_t)at);
}

static egret_value eval_concat(const nfa_env *env, const plan_expr *expr)
{
    egret_value *part = nfa_scratch(env->engine, expr->n_args * sizeof *part);
    if (part == NULL) {
        return egret_null();
    }
    for (uint32_t i = 0; i < expr->n_args; i++) {
        part[i] = text_of(env, eval_arg(env, expr, i));
    }
    return join(env, part, expr->n_args, "");
}

static egret_value eval_which(const nfa_env *env, const plan_expr *expr)
{
    egret_value *part = nfa_scratch(env->engine, expr->n_args * sizeof *part);
    uint32_t n = 0;
    for (uint32_t i = 0; part != NULL && i + 1 < expr->n_args; i += 2) {
        if (nfa_holds(env, args_of(env, expr)[i + 1])) {
            part[n++] = eval_arg(env, expr, i);
        }
    }
    return part ? join(env, part, n, ", ") : egret_null();
}

static egret_value eval_call(const nfa_env *env, const plan_expr *expr)
{
    egret_value arg[EGRET_MAX_ARGS];
    egret_value *args = arg;
    if (expr->n_args > EGRET_MAX_ARGS) {
        args = nfa_scratch(env->engine, expr->n_args * sizeof *args);
        if (args == NULL) {
            return egret_null();
        }
    }
    bool null_safe = egret_functions[expr->a].null_safe;
    for (uint32_t i = 0; i < expr->n_args; i++) {
        args[i] = eval_arg(env, expr, i);
        if (args[i].type == EGRET_NULL && !null_safe) {
            return egret_null();
        }
    }
    return nfa_call(expr->a, args, expr->n_args, &env->engine->scratch);
}

static egret_value eval_table(const nfa_env *env, const plan_expr *expr)
{
    egret_value key[PLAN_MAX_KEY_PARTS];
    for (uint32_t i = 0; i < expr->n_args && i < PLAN_MAX_KEY_PARTS; i++) {
        key[i] = eval_arg(env, expr, i);
    }
    return nfa_content_lookup(env->engine, expr->a, key, expr->b);
}

static egret_value eval_key(const nfa_env *env, uint32_t part)
{
    if (env->key != NULL) {
        return nfa_key_part(env->key->bytes, env->key->len, part);
    }
    if (env->block == NFA_NO_BLOCK) {
        return egret_null();
    }
    size_t len = 0;
    const void *bytes = nfa_block_key(env->engine->store, env->block, &len);
    return nfa_key_part(bytes, len, part);
}

/* stream: of the plan */
static egret_value name_of_stream(const nfa_env *env, uint32_t stream)
{
    egret_str name = env->engine->plan->streams[stream].name;
    return egret_string(name.ptr, name.len);
}

bool nfa_is_true(const nfa_env *env, uint32_t number)
{
    egret_value v = nfa_eval(env, number);
    return v.type == EGRET_BOOL && v.u.i != 0;
}

egret_value nfa_eval(const nfa_env *env, uint32_t number)
{
    const plan_expr *expr = &env->engine->plan->exprs[number];
    switch ((plan_op)expr->op) {
    case PLAN_CONST: return env->engine->plan->consts[expr->a];
    case PLAN_FIELD: return env->event ? env->event->slots[expr->a] : egret_null();
    case PLAN_CELL: return env->bound ? seq_cell(env->run, env->bound, expr->a) : egret_null();
    case PLAN_CELL_STREAM: return seq_cell_stream(env);
    case PLAN_LAST: return win_newest(env, expr->a);
    case PLAN_KEY: return eval_key(env, expr->a);
    case PLAN_NOW: return egret_time(env->now_ms);
    case PLAN_I: return egret_int(env->i);
    case PLAN_STREAM: return env->event ? name_of_stream(env, env->event->stream) : egret_null();
    case PLAN_STEP_FIELD: return seq_step_field(env, expr->a, expr->b);
    case PLAN_STEP_STREAM: return seq_step_stream(env, expr->a);
    case PLAN_STEP_AGG: return seq_step_agg(env, expr->a);
    case PLAN_AGG: return win_agg_value(env, expr->a, expr->b);
    case PLAN_PROFILE: return win_profile_value(env, expr->a, expr->b);
    case PLAN_PREV: return feature_prev(env, expr->a);
    case PLAN_NEW: return egret_bool(feature_new(env, expr->a));
    case PLAN_OPEN: return egret_bool(nfa_open(env, expr));
    case PLAN_LOCAL: return nfa_local(env, expr);
    case PLAN_DURING: return egret_bool(nfa_during(env, expr));
    case PLAN_PROFILE_OF: return nfa_profile_of(env, expr);
    case PLAN_IN_CALENDAR: return egret_bool(nfa_in_calendar(env, expr));
    case PLAN_TABLE: return eval_table(env, expr);
    case PLAN_IN_LIST: return egret_bool(nfa_content_in_list(env->engine, expr->a, eval_arg(env, expr, 0), env->now_ms));
    case PLAN_IN_SET: return egret_bool(nfa_content_in_set(env->engine, expr->a, eval_arg(env, expr, 0)));
    case PLAN_MATCHES: return egret_bool(nfa_content_matches(env->engine, expr->a, eval_arg(env, expr, 0)));
    case PLAN_CALL: return eval_call(env, expr);
    case PLAN_WHICH: return eval_which(env, expr);
    case PLAN_CONCAT: return eval_concat(env, expr);
    case PLAN_NEG: return egret_value_negate(eval_arg(env, expr, 0));
    case PLAN_IS_NULL: return egret_bool(eval_arg(env, expr, 0).type == EGRET_NULL);
    case PLAN_ADD: return eval_arith(env, expr, '+');
    case PLAN_SUB: return eval_arith(env, expr, '-');
    case PLAN_MUL: return eval_arith(env, expr, '*');
    case PLAN_DIV: return eval_arith(env, expr, '/');
    case PLAN_MOD: return eval_arith(env, expr, '%');
    case PLAN_LIKE: {
        egret_value text = eval_arg(env, expr, 0);
        egret_value pattern = eval_arg(env, expr, 1);
        return egret_bool(text.type == EGRET_STRING && pattern.type == EGRET_STRING && nfa_like(text, pattern));
    }
    case PLAN_AND: case PLAN_OR: case PLAN_NOT:
    case PLAN_EQ: case PLAN_NE: case PLAN_LT: case PLAN_LE: case PLAN_GT: case PLAN_GE:
        return egret_bool(nfa_holds(env, number));      /* these are ready made: predicate.c */
    }
    return egret_null();
}

egret_value nfa_eval_slots(nfa_engine *engine, uint32_t expr, const egret_value *slots, int64_t i)
{
    nfa_event event = {.slots = slots};
    nfa_env env = {.engine = engine, .event = slots ? &event : NULL, .i = i, .block = NFA_NO_BLOCK};
    return nfa_eval(&env, expr);
}
