/*
 * backtest.h: rules tried on events of the past: those of a journal, or of files. Engines of their own, no state of the daemon's is touched.
 *
 * The report, JSON:
 *   {"events","took_ms","events_per_s","from","to",
 *    "new":{"alerts","rules":[{"rule","alerts"}],"over_time":[{"from","alerts"}],"label":{"field","events","found","precision","recall"}},
 *    "old":{the same},                                        when there are rules to compare with
 *    "difference":{"same","gained","lost","gained_samples":[alert…],"lost_samples":[alert…]},
 *    "samples":[alert…]}
 * Alerts are the same when rule, key and time are: what a version says is not compared. Precision: of the alerts, those with an event in
 * their evidence whose label is true; recall: of the events whose label is true, those that are evidence of some alert. State is cold at the
 * beginning, so what needs a past has none there.
 */
#ifndef EGRET_APP_BACKTEST_H
#define EGRET_APP_BACKTEST_H

#include "app/log.h"
#include "app/rule_set.h"
#include "ingest/replay.h"
#include "store/store.h"

#include <jansson.h>

enum { BACKTEST_SAMPLES = 20, BACKTEST_BUCKETS = 24 };

typedef struct backtest_options {
    rule_set *rules;                    /* compiled */
    rule_set *against;                  /* compiled, or NULL */
    const store *journal;               /* NULL: files */
    /* Of files, by the plan at hand; the caller frees nothing before the end. */
    bool (*files)(void *user, const plan *p, const ingest_replay_file **files, uint32_t *n);
    void *files_user;
    const char *label;                  /* a field of events, true for what should have been found; NULL: none */
    const app_log *log;
    /* Told now and then; false ends it (EGRET_BAD_USE, no report). part: 0 the rules, 1 those to compare with. */
    bool (*go_on)(void *user, unsigned part, uint64_t events);
    void *user;
} backtest_options;

/* *report is the caller's. What is not EGRET_OK comes with a sentence in reason. */
egret_status backtest_run(const backtest_options *options, json_t **report, char *reason, size_t reason_size);

#endif
