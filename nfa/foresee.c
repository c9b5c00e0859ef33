/*
 * foresee.c: what can be said of an event before it comes, by whoever reads it.
 *
 * Whoever reads events and puts them in order is often another thread than the one that evaluates them, which has more to do. What depends on the
 * event alone is found out by the reader, to whom the event's bytes are near: its keys, whether it concerns anybody but those who always come,
 * the conditions of aggregates (`sum(amount where status == "approved")`), hashes of values whose kinds are counted. The evaluating thread then
 * need not look at most of the event's strings at all, which another processor has written.
 *
 * Conditions are numbered when the engine is made, in the order in which its parts ask for them, so that engines of one plan agree. Foreseen is
 * what compares fields and constants: that counts nothing on its way (of overflows, say), and lists and tables, which may be replaced between
 * the reading and the event, have no part in it.
 */
#include "nfa/shard.h"

enum { FACTS = NFA_FACT_ALONE };

typedef struct nfa_foreseen {
    uint32_t *fact;             /* conditions by number */
    uint32_t n_facts;
    uint32_t slot[NFA_HASHES_AHEAD];
    uint32_t n_hashes;
} nfa_foreseen;

bool nfa_foresee_make(nfa_engine *engine)
{
    engine->foreseen = egret_arena_alloc(&engine->keep, (engine->plan->n_streams + 1) * sizeof *engine->foreseen);
    return engine->foreseen != NULL;
}

bool nfa_foresee_may(const plan *p, uint32_t expr)
{
    const plan_expr *e = &p->exprs[expr];
    bool compares = e->op >= PLAN_EQ && e->op <= PLAN_GE;
    bool joins = e->op == PLAN_AND || e->op == PLAN_OR || e->op == PLAN_NOT || e->op == PLAN_IN_SET;
    if (e->op == PLAN_CONST || e->op == PLAN_FIELD) {
        return true;
    }
    for (uint32_t i = 0; i < e->n_args && (compares || joins); i++) {
        if (!nfa_foresee_may(p, p->args[e->args + i])) {
            return false;
        }
    }
    return compares || joins;
}

uint8_t nfa_foresee_fact(nfa_engine *engine, uint32_t stream, uint32_t expr)
{
    nfa_foreseen *seen = &engine->foreseen[stream];
    if (expr == PLAN_NONE || !nfa_foresee_may(engine->plan, expr)) {
        return NFA_NO_FACT;
    }
    for (uint32_t i = 0; i < seen->n_facts; i++) {
        if (seen->fact[i] == expr) {
            return (uint8_t)i;
        }
    }
    if (seen->fact == NULL) {
        seen->fact = egret_arena_alloc(&engine->keep, FACTS * sizeof *seen->fact);
    }
    if (seen->fact == NULL || seen->n_facts == FACTS) {
        return NFA_NO_FACT;
    }
    seen->fact[seen->n_facts] = expr;
    return (uint8_t)seen->n_facts++;
}

uint8_t nfa_foresee_hash(nfa_engine *engine, uint32_t stream, uint32_t slot)
{
    nfa_foreseen *seen = &engine->foreseen[stream];
    uint32_t at = 0;
    while (at < seen->n_hashes && seen->slot[at] != slot) {
        at++;
    }
    if (at == NFA_HASHES_AHEAD) {
        return NFA_NO_FACT;
    }
    seen->slot[at] = slot;
    seen->n_hashes += at == seen->n_hashes;
    return (uint8_t)at;
}

/* *has_hits: whom the event concerns was found out, and those are not the ones who always come. */
static uint64_t find_facts(nfa_engine *engine, const nfa_event *event, bool *has_hits)
{
    const nfa_foreseen *seen = &engine->foreseen[event->stream];
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = NFA_NO_BLOCK};
    uint64_t facts = 0;
    for (uint32_t i = 0; i < seen->n_facts; i++) {
        facts |= (uint64_t)nfa_holds(&env, seen->fact[i]) << i;
    }
    bool asked = nfa_dispatch_foresees(engine, event->stream) && nfa_dispatch_event(engine, event);
    *has_hits = asked && engine->n_visits == 0;
    if (asked && engine->n_visits > 0) {
        facts |= UINT64_C(1) << NFA_FACT_ALONE;
    }
    return facts;
}

size_t nfa_engine_foresee(nfa_engine *engine, const nfa_event *event, nfa_foresight *out, uint32_t max)
{
    const nfa_foreseen *seen = &engine->foreseen[event->stream];
    nfa_event blank = *event;
    blank.ahead = NULL;
    bool has_hits;
    out->of = engine->plan;
    out->facts = find_facts(engine, &blank, &has_hits);
    for (uint32_t i = 0; i < seen->n_hashes; i++) {
        const egret_value *v = &event->slots[seen->slot[i]];
        out->hash[i] = v->type != EGRET_NULL ? egret_value_hash(*v) : 0;
    }
    out->n_keys = nfa_expect_keys(engine, &blank, has_hits, out->keys, max);
    return sizeof *out + out->n_keys * sizeof out->keys[0];
}
