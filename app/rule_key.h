/*
 * rule_key.h: the key of a rule as text: for people and URLs, and in one canonical form to be compared.
 */
#ifndef EGRET_APP_RULE_KEY_H
#define EGRET_APP_RULE_KEY_H

#include "compiler/plan.h"
#include "compiler/text.h"

/* The canonical form: a JSON array of the parts. */
void rule_key_write(egret_text *out, const egret_value *parts, size_t n);
/* From what somebody wrote: the value itself for a key of one part, else the parts as a JSON array, or as an object by name. Strings are in the arena.
 * NULL: fine; else a sentence. */
const char *rule_key_read(egret_arena *arena, const plan_group *group, const char *text, egret_value parts[PLAN_MAX_KEY_PARTS]);

#endif
