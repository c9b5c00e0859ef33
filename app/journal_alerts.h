/*
 * journal_alerts.h: `egret journal alerts` and `state`: what comes of the journal, evaluated from its beginning, in one go and
 * without a daemon.
 */
#ifndef EGRET_APP_JOURNAL_ALERTS_H
#define EGRET_APP_JOURNAL_ALERTS_H

#include "app/command.h"
#include "store/store.h"

/* Prints the alerts, one a line, or (state) what is known of each key of each rule in the end; gives the exit code. Option rules is the command's. */
int journal_evaluate(const app_args *args, const store *s, bool state);

#endif
