/*
 * rules_ask.c: what is known of a key, and what it would take for the rule to fire; see web/rules_backend.h. The engine's thread looks, between two
 * epochs; what it saw is made into words afterwards.
 */
#include "app/key_answer.h"
#include "app/rules_backend.h"

typedef struct question {
    daemon_state *daemon;
    const char *rule, *key;
    egret_arena arena;
    web_rules_status status;
    const char *trouble;
    egret_value parts[PLAN_MAX_KEY_PARTS];
    nfa_seen seen;
    rule_set *rules;            /* one user: whoever asks drops it */
    uint32_t number;
} question;

/* The engine's thread. */
static void look(void *user)
{
    question *q = user;
    evaluation *e = q->daemon->evaluation;
    q->rules = rule_set_keep(evaluation_rules(e));
    const plan *p = q->rules->plan;
    const plan_rule *rule = backend_find(p, q->rule);
    q->status = WEB_RULES_NOT_FOUND;
    if (!rule) return;
    q->number = (uint32_t)(rule - p->rules);
    q->trouble = rule_key_read(&q->arena, &p->groups[rule->group], q->key, q->parts);
    q->status = q->trouble ? WEB_RULES_REFUSED : WEB_RULES_DONE;
    nfa_engine *engine = q->trouble ? NULL : nfa_shards_of_key(evaluation_shards(e), q->number, q->parts);
    if (!q->trouble && (!engine || !nfa_inspect(engine, q->number, q->parts, &q->arena, &q->seen))) q->status = WEB_RULES_NO_MEMORY;
}

web_rules_status backend_key(void *user, const char *rule, const char *key, egret_text *out)
{
    daemon_state *d = user;
    question q = {.daemon = d, .rule = rule, .key = key};
    egret_arena_init(&q.arena, egret_mem_of(NULL));
    web_rules_status status = daemon_rules_ask(d->rules, look, &q) ? q.status : WEB_RULES_STOPPING;
    if (status == WEB_RULES_NOT_FOUND) (void)backend_say(out, status, "there is no rule %s", rule);
    if (status == WEB_RULES_REFUSED) (void)backend_say(out, status, "%s", q.trouble);
    if (status == WEB_RULES_DONE) {
        key_asked asked = {.rules = q.rules, .rule = rule, .number = q.number, .parts = q.parts, .seen = &q.seen, .arena = &q.arena};
        status = backend_json(out, key_answer(&asked));
    }
    rule_set_drop(q.rules);
    egret_arena_deinit(&q.arena);
    return status;
}
