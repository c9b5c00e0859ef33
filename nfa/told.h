/*
 * told.h: what rules tell each other: an alert or a signal becomes an event of the rule's stream, and of `alert`.
 *
 * When. What is told waits in a list for the level of its rule and is evaluated when all that is lower has been (told_drain): after the event that
 * brought it about, or between the deadlines of one level and of the next. What has a time beyond the clock (a tumbling window that closes
 * before the events at its end) waits until the clock may go there (told_release).
 *
 * As what. The event's reference and identity are the two halves of the alert's id, so that records of events serve for alerts unchanged.
 *
 * What was behind it. The events of the newest alerts of a stream are kept in a section of its own (a block that stands for no key), oldest first,
 * at most TOLD_KEPT of them; told_expand finds them again by the alert's time and id.
 */
#ifndef EGRET_NFA_TOLD_H
#define EGRET_NFA_TOLD_H

#include "nfa/shard.h"

enum { TOLD_KEPT = 65536 };     /* alerts of one stream whose events can still be shown */

typedef struct nfa_told nfa_told;

bool told_make(nfa_engine *engine);     /* false: no memory */
void told_layout(nfa_section_def *def);

/* The rule has told this: queues it for the rules that look at it. The body lives in engine->out, and stays there. */
egret_status told_put(nfa_engine *engine, uint32_t rule, const egret_alert *body, const uint64_t id[2]);
/* Evaluates what rules below this level have told, lowest first; UINT32_MAX: all. */
egret_status told_drain(nfa_engine *engine, uint32_t below);
/* When something waits for the clock to go on: true, and to when. */
bool told_waits(const nfa_engine *engine, int64_t *time_ms);
/* Lets that go, with the clock at its time. */
egret_status told_release(nfa_engine *engine);
bool told_is_empty(const nfa_engine *engine);

/* The same evidence, alerts with their ids and the events behind them; in engine->out. NULL: no memory. */
const egret_evidence *told_expand(nfa_engine *engine, const egret_evidence *events, size_t n);

#endif
