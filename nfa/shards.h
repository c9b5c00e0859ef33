/*
 * shards.h: several engines over one plan, each with the keys that it owns, and one order of alerts: nobody can tell from the alerts how many there are.
 *
 * Who owns a key. The state of a key is one block, so two engines share nothing as long as no rule looks beyond the block of its own key. What
 * does look beyond (a profile or `open` of another key, `profile[key]`, what rules tell each other) ties key groups together. Tied groups, with all
 * their keys, live whole in one engine; the keys of a group that is not tied to another are split by a hash of their bytes. So an engine never
 * asks another one, needs no lock, and does not wait for the others in the middle of an epoch (owner.c).
 *
 * What each engine sees. Every event and every step of the clock, in the one order. It evaluates what concerns keys of its own; a key of another
 * engine looks to it as a null key does, but is not counted.
 *
 * The one order. Each alert carries a tag: the instant; whether it came of what waited for the clock, of an event (and which), or of a deadline; then
 * what orders alerts within one event or one instant. Taking always gives the least tag among the engines (merge.c). Within one engine alerts come in
 * the order of their tags, and equal tags come from one engine only. So the merged order is that of one engine.
 *
 *   within an event     the subscriber's place, then what was told of it
 *   within an instant   level of the rule; what was told at that level behind it; rule; key. Windows that close before their end: behind all that
 *
 * Threads. None here. Between two calls of nfa_shards_take that give NULL the engines may be used by one thread each; nfa_shards_take and the
 * numbers need them all to be at rest, and all to have been given the same events and the same clock.
 */
#ifndef EGRET_NFA_SHARDS_H
#define EGRET_NFA_SHARDS_H

#include "nfa/block_image.h"
#include "nfa/engine.h"

enum { NFA_MAX_SHARDS = 64 };

typedef struct nfa_shards nfa_shards;

/* n from 1 to NFA_MAX_SHARDS. The plan must outlive it. NULL: no memory. */
nfa_shards *nfa_shards_new(egret_mem mem, const plan *rules, uint32_t n);
void nfa_shards_free(nfa_shards *shards);       /* NULL is allowed */
uint32_t nfa_shards_count(const nfa_shards *shards);
nfa_engine *nfa_shards_engine(nfa_shards *shards, uint32_t i);
const nfa_engine *nfa_shards_first(const nfa_shards *shards);       /* for what all know alike: definitions and their ids */

/* The next alert in the one order, or NULL. Lives until its engine is given something again, or until this gives NULL. */
const nfa_alert *nfa_shards_take(nfa_shards *shards);
/* As nfa_engine_hand_over; false where there are several, too, as their alerts are put in order when they are taken. */
bool nfa_shards_hand_over(nfa_shards *shards, nfa_reports *reports);
bool nfa_shards_waits(const nfa_shards *shards);        /* is there an alert to be taken? */
int64_t nfa_shards_next_due(const nfa_shards *shards);      /* as nfa_engine_next_due, of all */
int64_t nfa_shards_clock(const nfa_shards *shards);
/* Sums; of events, which each engine has seen, the number itself. */
nfa_stats nfa_shards_stats(nfa_shards *shards);
nfa_rule_stats nfa_shards_rule_stats(const nfa_shards *shards, uint32_t rule);

/* The engine that knows what the rule knows of that key; parts: as its group says. NULL: no memory. */
nfa_engine *nfa_shards_of_key(nfa_shards *shards, uint32_t rule, const egret_value *parts);

/* ---- what goes on: spread.c. All of it between two turns, with all engines at rest ---- */

/* For tests: other rules from here on, with all alerts taken. What was before is kept where succession.h says so. EGRET_BAD_USE: not at this moment. */
egret_status egret_change(egret_engine *engine, const egret_rules *rules);

/* Other rules (succession.h), for all engines at once. Groups that have become tied, or are tied no more, change their homes; then blocks of theirs move
 * between the engines when the state is taken over, and that takes as long as there are such blocks. NULL: no memory. */
nfa_shards *nfa_shards_succeed(egret_mem mem, const plan *rules, const nfa_shards *before);
bool nfa_shards_may_change(const nfa_shards *before);
egret_status nfa_shards_take_over(nfa_shards *next, nfa_shards *before);

/* New rules that say `warm up` (warm.h). How long the longest of them does; 0: there is none. */
int64_t nfa_shards_warm_ms(const nfa_shards *next, const nfa_shards *before);
/* Engines that are shown the past by nfa_shards_past and nfa_shards_past_until, and fill what is new to `before`. NULL: no memory. */
nfa_shards *nfa_shards_fill(egret_mem mem, const plan *rules, const nfa_shards *before);
/* An event of the past, in the one order; the clock of the past. What is found is dropped. One thread. */
egret_status nfa_shards_past(nfa_shards *filled, const nfa_event *event);
egret_status nfa_shards_past_until(nfa_shards *filled, int64_t time_ms);
bool nfa_shards_awake(const nfa_shards *filled, uint32_t rule);      /* does it evaluate that rule? */
/* Do both mean the same by all numbers that stand in blocks? Else they cannot be put together. */
bool nfa_shards_alike(const nfa_shards *a, const nfa_shards *b);
/* Taking over with what was filled: `filled` is then only to be freed. Keys move as they are needed; nfa_shards_settle moves the next, so many of each
 * shard at most. false: none is left. Until then neither nfa_shards_may_change nor nfa_shards_cut_may is true. */
egret_status nfa_shards_take_over_warm(nfa_shards *next, nfa_shards *before, nfa_shards *filled);
bool nfa_shards_settle(nfa_shards *shards, uint32_t n);

/* Checkpoints (checkpoint.h). A pack's number has the shard in its upper bits. One shard writes what it would write alone. */
bool nfa_shards_watch(nfa_shards *shards);                  /* false: no memory */
void nfa_shards_kept(nfa_shards *shards);
bool nfa_shards_cut_may(const nfa_shards *shards);
bool nfa_shards_cut_begin(nfa_shards *shards, bool all, egret_text *head);
bool nfa_shards_cut_next(nfa_shards *shards, nfa_pack *out);
bool nfa_shards_cut_is_open(const nfa_shards *shards);
bool nfa_shards_cut_failed(const nfa_shards *shards);
void nfa_shards_cut_drop(nfa_shards *shards);
/* Into new ones, before any event, whatever number of shards wrote it. *spread: it was another number, or other homes, and each block has been given to
 * its owner of now under a number of its own; so nothing counts as kept. */
egret_status nfa_shards_restore_begin(nfa_shards *shards, const char *head, size_t len, bool *spread);
egret_status nfa_shards_restore_pack(nfa_shards *shards, uint32_t number, const char *bytes, size_t len);
egret_status nfa_shards_restore_end(nfa_shards *shards);

/* How many groups of the plan are split by key, for people who wonder whether more shards help. */
uint32_t nfa_shards_split_groups(const nfa_shards *shards);

/* As egret_open, over n shards, for tests: one thread, one after the other. Such an engine makes no checkpoints. */
egret_status egret_open_shards(const egret_options *options, const egret_rules *rules, uint32_t n, egret_engine **out);

#endif
