/*
 * turn.h: events and steps of the clock, copied, until a crew evaluates them together (crew.h).
 *
 * The order lets events go one by one, each good for the call alone; engines in several threads are given many at once, as meeting costs. What is
 * evaluated together cannot be seen: alerts come in the one order.
 */
#ifndef EGRET_APP_TURN_H
#define EGRET_APP_TURN_H

#include "nfa/engine.h"

enum { TURN_EVENTS = 4096, TURN_BYTES = 8 << 20 };

typedef struct turn {
    egret_arena arena;          /* of values and their strings */
    nfa_event *events;
    uint32_t n, cap;
    size_t bytes;               /* of what was copied */
    int64_t clock_ms;           /* when all of it has been evaluated; nothing without events */
} turn;

void turn_init(turn *t);
void turn_deinit(turn *t);
bool turn_add(turn *t, const nfa_event *event, uint32_t n_slots);      /* copies; false: no memory */
bool turn_add_clock(turn *t, int64_t time_ms);
bool turn_is_full(const turn *t);
void turn_empty(turn *t);       /* it has been evaluated */

#endif
