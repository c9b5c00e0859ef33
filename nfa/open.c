/*
 * open.c: what a condition asks of other keys: open(rule), is an alert of that rule open for the key? and profile[key].member.
 *
 * Rules asked about come before those who ask, in events as in deadlines, so what is read is the state after the event at hand.
 */
#include "nfa/shard.h"

/* The block of the key whose parts the arguments are. null: one of them is. */
static uint32_t named_block(const nfa_env *env, const plan_expr *expr, uint32_t group, bool *null)
{
    nfa_engine *engine = env->engine;
    egret_value part[PLAN_MAX_KEY_PARTS];
    for (uint32_t i = 0; i < expr->n_args; i++) {
        part[i] = nfa_eval(env, engine->plan->args[expr->args + i]);
    }
    nfa_key *key = nfa_scratch(engine, sizeof *key);
    *null = key == NULL || !nfa_key_encode(engine, key, group, part, expr->n_args);
    return *null ? NFA_NO_BLOCK : nfa_found(engine, engine->group_id[group], key->bytes, key->len, key->hash);
}

/* The block of the other rule's key, as the expression says it. */
static uint32_t asked_block(const nfa_env *env, const plan_expr *expr, uint32_t group)
{
    nfa_engine *engine = env->engine;
    if (expr->b == 0) {
        const nfa_key *key = env->event ? nfa_key_of(engine, group, env->event) : NULL;
        return key == NULL || key->null ? NFA_NO_BLOCK : key->block;
    }
    bool null;
    return named_block(env, expr, group, &null);
}

bool nfa_open(const nfa_env *env, const plan_expr *expr)
{
    if (env->engine->life[expr->a].id == NFA_NONE) {
        return false;
    }
    return life_is_open(env->engine, expr->a, asked_block(env, expr, env->engine->plan->rules[expr->a].group));
}

egret_value nfa_profile_of(const nfa_env *env, const plan_expr *expr)
{
    bool null;
    uint32_t block = named_block(env, expr, env->engine->plan->profiles[expr->a].group, &null);
    return null ? egret_null() : win_profile_value_at(env, expr->a, expr->b, block);
}
