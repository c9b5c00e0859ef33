/*
 * life.h: what is remembered of an alert that was told, shared by alert.c and repeat.c.
 *
 * The root is there while there is something to remember: the alert is open, or throttled, or may escalate. A rule that repeats its alert
 * also keeps what the alert said: its fields and its evidence, as records, and their strings beside them.
 */
#ifndef EGRET_NFA_LIFE_H
#define EGRET_NFA_LIFE_H

#include "nfa/shard.h"

enum { LIFE_OPEN = 1, LIFE_DELIVERED = 2, LIFE_FADING = 4, LIFE_MAY_ESCALATE = 8, LIFE_LIMITED = 16, LIFE_TIMEOUT = 32, LIFE_FORGOT = 64 };
enum { LIFE_PART_SAID = 0, LIFE_PART_BYTES = 1 };       /* of rules that repeat */
enum { LIFE_MAX_REPEATS = 10000 };                      /* so that one step of the clock over years comes to an end */

typedef struct life_root {
    int64_t due_ms;             /* the earlier of the next two */
    int64_t resolve_due_ms;     /* the alert resolves (`resolve when … for`) */
    int64_t repeat_due_ms;      /* the alert is told again */
    int64_t delivered_ms;       /* of the last alert delivered */
    int64_t started_ms;         /* of that alert: its first event */
    int64_t escalate_until_ms;
    int64_t fading_since_ms;    /* `resolve when` has held since */
    uint64_t id[2];
    uint64_t held_back;         /* since the last one delivered */
    uint64_t n_events_total;
    uint32_t flags;
    uint32_t repeats;           /* how often it was told again */
    uint32_t n_fields;          /* of the records kept, the first; the others are evidence */
    uint32_t level;             /* severity, as raised */
} life_root;

enum { LIFE_MAX_PER = 10000 };                          /* values of `throttle … per` remembered of one key */

/* Puts due_ms right after one of the two deadlines has changed. */
static inline void life_set_due(life_root *life)
{
    life->due_ms = life->resolve_due_ms < life->repeat_due_ms ? life->resolve_due_ms : life->repeat_due_ms;
}

/* alert.c */
extern const char *const life_levels[];
/* Does the rule tell people, and not rules alone? What the others would tell is made, and left out of the queue. */
bool life_speaks(const plan_rule *rule);
nfa_alert *life_queue(nfa_engine *engine, uint32_t rule);       /* NULL: no memory */
/* The record's head: kind, id, time, started, key, held_back. NULL: no memory. */
egret_alert *life_follow_up(nfa_engine *engine, uint32_t rule, const life_root *life, uint32_t block, egret_alert_kind kind, int64_t time_ms);

/* throttle.c; `per`: hash of the value behind `throttle … per`. What grows may move the sections of the block. */
void throttle_layout(const plan_rule *rule, nfa_section_def *def);
bool throttle_holds(const plan_rule *rule, const nfa_section *section, const life_root *life, uint64_t per, int64_t now_ms);
egret_status throttle_count(const plan_rule *rule, nfa_section *section, uint64_t per);        /* one more was held back */
uint64_t throttle_held(const plan_rule *rule, const nfa_section *section, uint64_t per);       /* since the last one of this value */
egret_status throttle_note(const plan_rule *rule, nfa_section *section, uint64_t per, int64_t now_ms);     /* an alert is told */
bool throttle_remembers(const plan_rule *rule, nfa_section *section, int64_t clock_ms);

/* repeat.c */
void repeat_layout(nfa_section_def *def);       /* room for what was said */
/* Keeps what the alert said; may move the sections of the block. */
egret_status repeat_keep(nfa_engine *engine, uint32_t rule, nfa_section *section, const egret_alert *said);
egret_status repeat_send(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms);

#endif
