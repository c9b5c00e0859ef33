/*
 * key_answer.h: what the engine knows of a key, as an object for people: GET /v1/keys answers so, and `egret journal state` prints a line of it for
 * each key.
 */
#ifndef EGRET_APP_KEY_ANSWER_H
#define EGRET_APP_KEY_ANSWER_H

#include "app/rule_set.h"
#include "nfa/inspect.h"

#include <jansson.h>

typedef struct key_asked {
    rule_set *rules;            /* compiled; borrowed */
    const char *rule;
    uint32_t number;            /* of that rule in the plan */
    const egret_value *parts;
    nfa_seen *seen;             /* by nfa_inspect; conditions become those that were written */
    egret_arena *arena;
} key_asked;

/* Any thread. Whatever is missing for want of memory makes it NULL, or cannot be written as JSON. */
json_t *key_answer(key_asked *q);

#endif
