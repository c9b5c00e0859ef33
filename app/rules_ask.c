/*
 * rules_ask.c: what is known of a key, and what it would take for the rule to fire; see web/rules_backend.h. The engine's thread looks, between two
 * epochs; what it saw is made into words afterwards.
 */
#include "app/rules_backend.h"

#include "nfa/inspect.h"

#include <stdio.h>
#include <string.h>

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

/* ---- words ---- */

static json_t *value_of(egret_value v)
{
    char text[512];
    switch ((egret_type)v.type) {
    case EGRET_NULL: return json_null();
    case EGRET_BOOL: return json_boolean(v.u.i != 0);
    case EGRET_INT: return json_integer(v.u.i);
    case EGRET_STRING: return json_stringn_nocheck(v.u.s, v.len);
    case EGRET_NUMBER: return json_real(v.u.d);
    case EGRET_DECIMAL: return json_real(egret_value_as_number(v));
    case EGRET_TIME: case EGRET_DURATION: break;
    }
    size_t len = egret_value_text(v, text, sizeof text);
    return json_stringn_nocheck(text, len);
}

static json_t *instant(int64_t ms)
{
    return ms == INT64_MAX || ms == INT64_MIN ? json_null() : backend_time(ms);
}

static const char *time_text(egret_arena *arena, int64_t ms)
{
    char text[64];
    size_t len = egret_value_text(egret_time(ms), text, sizeof text);
    return egret_arena_str(arena, text, len).ptr;
}

static void say(question *q, json_t *says, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(question *q, json_t *says, const char *format, ...)
{
    char text[2048];
    va_list args;
    (void)q;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(says, json_string_nocheck(text));
}

/* The step's condition as the rule's writer wrote it; `fallback` when it is not found. */
static const char *written(question *q, const ast_seq *seq, const char *step, const char *fallback);

static const char *written_item(question *q, const ast_item *item, const char *step, const char *fallback)
{
    const ast_atom *atom = item->kind == AST_ITEM_WATCH ? item->watch : NULL;
    if (atom && (egret_str_is(atom->label.str, step) || (atom->label.str.len == 0 && egret_str_is(atom->stream.str, step)))) {
        const ast_atom *last = atom;
        while (last->next) last = last->next;
        const char *text = q->rules->diags.sources[atom->span.source].text;
        return egret_arena_str(&q->arena, text + atom->stream.span.start, last->span.end - atom->stream.span.start).ptr;
    }
    for (const ast_seq *seq = item->group; seq; seq = seq->next_seq) {
        const char *found = written(q, seq, step, NULL);
        if (found) return found;
    }
    return fallback;
}

static const char *written(question *q, const ast_seq *seq, const char *step, const char *fallback)
{
    for (const ast_choice *choice = seq->choices; choice; choice = choice->next)
        for (const ast_item *item = choice->items; item; item = item->next) {
            const char *found = written_item(q, item, step, NULL);
            if (found) return found;
        }
    return fallback;
}

static const ast_clause *clause_of(const question *q, ast_clause_kind kind)
{
    const ast_decl *decl = rule_set_declaration(q->rules, q->rule);
    const ast_clause *clause = decl ? decl->u.rule.clauses : NULL;
    while (clause && clause->kind != kind) clause = clause->next;
    return clause;
}

static void use_written_words(question *q)
{
    const ast_clause *match = clause_of(q, AST_MATCH), *when = clause_of(q, AST_WHEN);
    for (uint32_t i = 0; match && i < q->seen.n_attempts; i++)
        for (uint32_t k = 0; k < q->seen.attempts[i].n_waits; k++) {
            nfa_seen_wait *wait = &q->seen.attempts[i].waits[k];
            const char *words = written(q, match->seq, wait->step, wait->condition);
            if (words) wait->condition = words;
        }
    if (!when || !q->seen.when) return;
    const char *text = q->rules->diags.sources[when->expr->span.source].text;
    const char *words = egret_arena_str(&q->arena, text + when->expr->span.start, when->expr->span.end - when->expr->span.start).ptr;
    if (words) q->seen.when = words;
}

static json_t *attempt_object(const nfa_seen_attempt *a)
{
    json_t *bound = json_array(), *waits = json_array();
    for (uint32_t i = 0; i < a->n_bound; i++)
        json_array_append_new(bound, json_pack("{s:s, s:o, s:I, s:I}", "step", a->bound[i].step, "time", backend_time(a->bound[i].time_ms), "lsn",
                                               (json_int_t)a->bound[i].ref, "events", (json_int_t)a->bound[i].count));
    for (uint32_t i = 0; i < a->n_waits; i++)
        json_array_append_new(waits, json_pack("{s:s, s:s}", "step", a->waits[i].step, "condition", a->waits[i].condition));
    return json_pack("{s:o, s:o, s:o, s:o, s:b}", "started", backend_time(a->started_ms), "bound", bound, "waits_for", waits, "until", instant(a->until_ms),
                     "silence", (int)a->silent);
}

static void say_attempts(question *q, json_t *says)
{
    const nfa_seen *seen = &q->seen;
    if (seen->all_attempts == 0) say(q, says, "nothing has begun for this key: no event fitted the first step, or what began has ended");
    for (uint32_t i = 0; i < seen->n_attempts && i < 5; i++) {
        const nfa_seen_attempt *a = &seen->attempts[i];
        const char *last = a->n_bound > 0 ? a->bound[a->n_bound - 1].step : "", *until = a->until_ms == INT64_MAX || a->until_ms == INT64_MIN ? NULL : time_text(&q->arena, a->until_ms);
        if (a->silent)
            say(q, says, "begun %s, has come to %s: it is complete%s%s, if nothing forbidden comes", time_text(&q->arena, a->started_ms), last,
                until ? " after " : "", until ? until : "");
        else if (a->n_waits > 0)
            say(q, says, "begun %s, has come to %s and waits for %s: %s%s%s", time_text(&q->arena, a->started_ms), last, a->waits[0].step,
                a->waits[0].condition, until ? "; until " : "", until ? until : "");
    }
}

static void say_all(question *q, const plan_rule *rule, json_t *says)
{
    const nfa_seen *seen = &q->seen;
    if (rule->mode == PLAN_OFF) say(q, says, "the rule is off");
    if (rule->mode == PLAN_SHADOW) say(q, says, "the rule is in shadow mode: what it finds is counted and told to nobody");
    if (!seen->known) say(q, says, "nothing is known of this key: no event of it has fitted the rule yet, or all of it has run out");
    else if (rule->kind == PLAN_SEQUENCE && rule->pattern->n_items > 0) say_attempts(q, says);
    if (seen->measures)
        say(q, says, "silent since %s; it fires when nothing comes until %s", time_text(&q->arena, seen->silent_since_ms), time_text(&q->arena, seen->silent_until_ms));
    if (seen->when && seen->known) say(q, says, "%s: %s at the newest event", seen->when, seen->holds ? "true" : "false");
    if (seen->open) say(q, says, "its alert %s is open: until it is resolved there is no new one", seen->id);
    if (seen->quiet_until_ms != INT64_MIN) say(q, says, "an alert was told; `throttle` keeps it quiet until %s", time_text(&q->arena, seen->quiet_until_ms));
}

static json_t *key_object(question *q, const plan_group *group)
{
    json_t *key = json_object();
    for (uint32_t i = 0; i < group->n_parts; i++) {
        const char *name = egret_arena_str(&q->arena, group->part_name[i].ptr, group->part_name[i].len).ptr;
        if (name) json_object_set_new_nocheck(key, name, value_of(q->parts[i]));
    }
    return key;
}

static json_t *snoozed_until(question *q, size_t n_parts, json_t *says)
{
    egret_text key;
    json_t *until = json_null();
    egret_text_init(&key, egret_mem_of(NULL));
    rule_key_write(&key, q->parts, n_parts);
    egret_text_put(&key, "", 1);
    for (size_t i = 0; !key.failed && i < q->rules->n_snoozes; i++) {
        const rule_snooze *s = &q->rules->snoozes[i];
        if (strcmp(s->rule, q->rule) != 0 || strcmp(s->key, key.ptr) != 0 || s->until_ms < app_wall_ms(NULL)) continue;
        json_decref(until);
        until = backend_time(s->until_ms);
        say(q, says, "it is snoozed for this key until %s by %s: %s", time_text(&q->arena, s->until_ms), s->who, s->reason);
    }
    egret_text_deinit(&key);
    return until;
}

static json_t *answer_of(question *q)
{
    const nfa_seen *seen = &q->seen;
    const plan_rule *rule = &q->rules->plan->rules[q->number];
    const plan_group *group = &q->rules->plan->groups[rule->group];
    json_t *attempts = json_array(), *values = json_array(), *says = json_array();
    for (uint32_t i = 0; i < seen->n_attempts; i++) json_array_append_new(attempts, attempt_object(&seen->attempts[i]));
    for (uint32_t i = 0; i < seen->n_values; i++)
        json_array_append_new(values, json_pack("{s:s, s:o}", "name", seen->values[i].name, "value", value_of(seen->values[i].value)));
    json_t *snoozed = snoozed_until(q, group->n_parts, says);
    say_all(q, rule, says);
    json_t *open = seen->open ? json_pack("{s:s, s:o}", "id", seen->id, "since", backend_time(seen->open_since_ms)) : json_null();
    return json_pack("{s:s, s:o, s:b, s:o, s:o, s:o, s:I, s:o, s:o, s:b, s:o, s:o, s:o}", "rule", q->rule, "key", key_object(q, group), "known",
                     (int)seen->known, "clock", instant(seen->clock_ms), "snoozed_until", snoozed, "attempts", attempts, "attempts_total",
                     (json_int_t)seen->all_attempts, "values", values, "when", seen->when ? json_string_nocheck(seen->when) : json_null(), "holds",
                     (int)seen->holds, "open_alert", open, "quiet_until", instant(seen->quiet_until_ms), "says", says);
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
        use_written_words(&q);
        status = backend_json(out, answer_of(&q));
    }
    rule_set_drop(q.rules);
    egret_arena_deinit(&q.arena);
    return status;
}
