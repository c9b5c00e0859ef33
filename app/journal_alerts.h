/*
 * journal_alerts.h: `egret journal alerts` and `state`: what comes of the journal, evaluated from its beginning, in one go and
 * without a daemon.
 */
#ifndef EGRET_APP_JOURNAL_ALERTS_H
#define EGRET_APP_JOURNAL_ALERTS_H

#include "app/command.h"
#include "app/evaluation.h"
#include "store/store.h"

/* Prints the alerts, one a line; gives the exit code. Option rules is the command's. */
int journal_alerts(const app_args *args, const store *s);
/* Prints what is known of each key of each rule in the end, one a line. */
int journal_known(const app_args *args, const store *s);
/* As journal_alerts; in the end at_end is shown the evaluation. */
int journal_alerts_then(const app_args *args, const store *s, void (*at_end)(void *user, evaluation *e), void *user);

#endif
