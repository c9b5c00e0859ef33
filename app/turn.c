/*
 * turn.c: see turn.h.
 */
#include "app/turn.h"

#include <stdlib.h>
#include <string.h>

void turn_init(turn *t)
{
    *t = (turn){0};
    egret_arena_init(&t->arena, egret_mem_of(NULL));
}

void turn_deinit(turn *t)
{
    egret_arena_deinit(&t->arena);
    free(t->events);
}

static bool reserve(turn *t)
{
    if (t->n < t->cap) return true;
    uint32_t cap = t->cap ? t->cap * 2 : 256;
    nfa_event *grown = realloc(t->events, cap * sizeof *grown);
    if (!grown) return false;
    t->events = grown;
    t->cap = cap;
    return true;
}

bool turn_add(turn *t, const nfa_event *event, uint32_t n_slots)
{
    egret_value *values = egret_arena_alloc(&t->arena, ((size_t)n_slots + 1) * sizeof *values);
    if (!values || !reserve(t)) return false;
    for (uint32_t i = 0; i < n_slots; i++) {
        values[i] = event->slots[i];
        if (values[i].type != EGRET_STRING) continue;
        egret_str copy = egret_arena_str(&t->arena, values[i].u.s, values[i].len);
        values[i].u.s = copy.ptr;
        t->bytes += values[i].len;
    }
    t->bytes += n_slots * sizeof *values;
    nfa_event *own = &t->events[t->n];
    *own = *event;
    own->slots = values;
    own->ahead = NULL;
    t->n += !t->arena.failed;
    t->clock_ms = event->time_ms;
    return !t->arena.failed;
}

bool turn_add_clock(turn *t, int64_t time_ms)
{
    if (!reserve(t)) return false;
    t->events[t->n++] = (nfa_event){.time_ms = time_ms, .stream = PLAN_NONE};
    t->clock_ms = time_ms;
    return true;
}

bool turn_is_full(const turn *t)
{
    return t->n >= TURN_EVENTS || t->bytes >= TURN_BYTES;
}

void turn_empty(turn *t)
{
    egret_arena_reset(&t->arena);
    t->n = 0;
    t->bytes = 0;
}
