/*
 * repeat.c: `repeat 30m`: an alert that stays open is told again, every 30 minutes, until it is resolved.
 *
 * It is the same alert: same id, fields, evidence; only its time is the deadline's, and `repeat` says the how manieth it is. The match it
 * came from is long gone by then, so what it said is kept in the section of its life, as records without pointers.
 */
#include "nfa/ids.h"
#include "nfa/life.h"
#include "nfa/told.h"

#include <string.h>

#define NO_STEP UINT32_MAX

/* A field of the alert (number: the value's bits, or the offset of its string) or an event of its evidence. */
typedef struct life_said {
    uint64_t number;            /* evidence: its reference */
    int64_t time_ms;            /* evidence */
    uint64_t identity;          /* evidence */
    uint32_t step, stream;      /* evidence */
    uint32_t len;
    uint8_t type, scale;
    uint16_t reserved;
} life_said;

void repeat_layout(nfa_section_def *def)
{
    def->n_parts = 2;
    def->part[LIFE_PART_SAID] = (nfa_part_def){.kind = NFA_DEQUE, .rec_size = sizeof(life_said)};
    def->part[LIFE_PART_BYTES] = (nfa_part_def){.kind = NFA_BYTES};
}

static uint32_t step_of(const nfa_engine *engine, uint32_t rule, const char *name)
{
    const plan_pattern *pattern = engine->plan->rules[rule].pattern;
    for (uint32_t i = 0; pattern != NULL && i < pattern->n_items; i++) {
        if (engine->names[rule].items[i] == name) {
            return i;
        }
    }
    return NO_STEP;
}

static uint32_t stream_of(const nfa_engine *engine, const char *name)
{
    uint32_t i = 0;
    while (i + 1 < engine->ids->n_streams && engine->stream_name[i] != name) {
        i++;
    }
    return i;
}

static bool keep_field(nfa_section *section, egret_value v)
{
    uint32_t offset = 0;
    if (v.type == EGRET_STRING && !nfa_bytes_push(section, LIFE_PART_BYTES, v.u.s, v.len, &offset)) {
        return false;
    }
    life_said *said = nfa_deque_push(section, LIFE_PART_SAID);
    if (said == NULL) {
        return false;
    }
    said->type = v.type;
    said->scale = v.scale;
    said->len = v.len < NFA_CHUNK_BYTES / 2 ? v.len : NFA_CHUNK_BYTES / 2;
    said->number = v.type == EGRET_STRING ? offset : (uint64_t)v.u.i;
    return true;
}

static bool keep_event(nfa_engine *engine, uint32_t rule, nfa_section *section, const egret_evidence *event)
{
    life_said *said = nfa_deque_push(section, LIFE_PART_SAID);
    if (said == NULL) {
        return false;
    }
    said->number = event->ref;
    said->identity = event->identity;
    said->time_ms = event->time_ms;
    said->step = step_of(engine, rule, event->step);
    said->stream = stream_of(engine, event->stream);
    return true;
}

egret_status repeat_keep(nfa_engine *engine, uint32_t rule, nfa_section *section, const egret_alert *said)
{
    nfa_deque_pop_front(section, LIFE_PART_SAID, nfa_deque_count(section, LIFE_PART_SAID));
    nfa_bytes_pop_front(section, LIFE_PART_BYTES, nfa_bytes_end(section, LIFE_PART_BYTES));
    for (size_t i = 0; i < said->n_fields; i++) {
        if (!keep_field(section, said->fields[i].value)) {
            return EGRET_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < said->n_events; i++) {
        if (!keep_event(engine, rule, section, &said->events[i])) {
            return EGRET_NO_MEMORY;
        }
    }
    life_root *life = nfa_section_root(section);
    life->n_fields = (uint32_t)said->n_fields;
    life->n_events_total = said->n_events_total;
    life->started_ms = said->started_ms;
    life->flags |= said->limited ? LIFE_LIMITED : 0u;
    return EGRET_OK;
}

static egret_value kept_value(nfa_engine *engine, const nfa_section *section, const life_said *said)
{
    egret_value v = {.u.i = (int64_t)said->number, .type = said->type, .scale = said->scale};
    if (said->type == EGRET_STRING) {
        v = nfa_copy_out(engine, egret_string(nfa_bytes_at(section, LIFE_PART_BYTES, (uint32_t)said->number), said->len));
    }
    return v;
}

/* The fields' names: those of the alert block, then those of the lets. */
static const char *field_name(const nfa_engine *engine, uint32_t rule, bool timeout, uint32_t i)
{
    uint32_t n = engine->plan->rules[rule].n_fields;
    if (timeout) {
        return engine->names[rule].timeout[i];
    }
    return i < n ? engine->names[rule].fields[i] : engine->names[rule].lets[i - n];
}

static egret_status say_again(nfa_engine *engine, uint32_t rule, const nfa_section *section, int64_t due_ms)
{
    const life_root *life = nfa_section_root(section);
    bool timeout = (life->flags & LIFE_TIMEOUT) != 0;
    uint32_t first = nfa_deque_first(section, LIFE_PART_SAID);
    uint32_t n_events = nfa_deque_count(section, LIFE_PART_SAID) - life->n_fields;
    egret_named_value *fields = egret_arena_alloc(&engine->out, (life->n_fields + 1u) * sizeof *fields);
    egret_evidence *events = egret_arena_alloc(&engine->out, (n_events + 1u) * sizeof *events);
    egret_alert *body = life_follow_up(engine, rule, life, section->block, timeout ? EGRET_TIMEOUT : EGRET_ALERT, due_ms);
    if (fields == NULL || events == NULL || body == NULL) {
        return EGRET_NO_MEMORY;
    }
    for (uint32_t i = 0; i < life->n_fields; i++) {
        const life_said *said = nfa_deque_at(section, LIFE_PART_SAID, first + i);
        fields[i] = (egret_named_value){.name = field_name(engine, rule, timeout, i), .value = kept_value(engine, section, said)};
    }
    for (uint32_t i = 0; i < n_events; i++) {
        const life_said *said = nfa_deque_at(section, LIFE_PART_SAID, first + life->n_fields + i);
        events[i] = (egret_evidence){.step = said->step == NO_STEP ? "" : engine->names[rule].items[said->step],
                                     .stream = engine->stream_name[said->stream], .time_ms = said->time_ms, .ref = said->number,
                                     .identity = said->identity};
    }
    body->severity = life_levels[life->level];
    body->started_ms = life->started_ms;
    body->fields = fields;
    body->n_fields = life->n_fields;
    body->events = told_expand(engine, events, n_events);
    body->n_events = n_events;
    body->n_events_total = life->n_events_total;
    body->limited = (life->flags & LIFE_LIMITED) != 0;
    body->repeat = life->repeats;
    return engine->out.failed ? EGRET_NO_MEMORY : EGRET_OK;
}

egret_status repeat_send(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    life_root *life = nfa_section_root(section);
    int64_t every_ms = engine->plan->rules[rule].repeat_ms;
    bool last = engine->finishing || life->repeats + 1 >= LIFE_MAX_REPEATS || due_ms > INT64_MAX - every_ms;
    life->repeat_due_ms = last ? NFA_NEVER : due_ms + every_ms;
    life_set_due(life);
    if (engine->finishing) {
        return EGRET_OK;
    }
    const plan_rule *def = &engine->plan->rules[rule];
    nfa_env env = {.engine = engine, .now_ms = due_ms, .rule = def, .block = section->block};
    if (def->active != PLAN_NONE && !nfa_holds(&env, def->active)) {
        engine->rule_stats[rule].held_back++;
        return EGRET_OK;
    }
    life->repeats++;
    return say_again(engine, rule, section, due_ms);
}
