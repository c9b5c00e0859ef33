/*
 * daemon_backtests.h: back-tests of a running daemon: one at a time, in a thread of their own that runs when nobody else wants the processor. Their
 * reports are kept in memory, the newest ones.
 */
#ifndef EGRET_APP_DAEMON_BACKTESTS_H
#define EGRET_APP_DAEMON_BACKTESTS_H

#include "app/daemon_internal.h"
#include "web/backtests_backend.h"

bool daemon_backtests_open(daemon_state *d);            /* false: no memory, or no thread */
void daemon_backtests_close(daemon_state *d);           /* ends the one that runs; before the rules and the store are closed */

#endif
