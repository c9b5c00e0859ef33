/*
 * daemon_steps.h: the daemon without HTTP, readers and threads, for simulations: the same queue, evaluation, epochs, journal, checkpoints and outboxes,
 * each doing some of its work when it is told to. One thread; the caller decides what happens when, so the same calls give the same.
 */
#ifndef EGRET_APP_DAEMON_STEPS_H
#define EGRET_APP_DAEMON_STEPS_H

#include "app/daemon_internal.h"

/* Opens the folder and evaluates its journal. options->no_threads is set. NULL: it could not (said in the log). */
daemon_state *daemon_steps_open(const daemon_options *options);
/* Evaluates what waits in the queue, or lets time pass. False: it has failed, and is to be closed. */
bool daemon_steps_engine(daemon_state *d);
/* One commit, or a slice of a checkpoint; false: there was nothing to do, or it has failed (d->failed). */
bool daemon_steps_commit(daemon_state *d);
void daemon_steps_send(daemon_state *d, uint32_t sink);
/* Asks for other rules, as over HTTP, but does not wait until they hold: *change, for the caller to free, says when (rule_change_is_answered).
 * *change NULL: nothing was handed over: refused, why is in out, or there is nothing to change (DONE). One at a time. */
web_rules_status daemon_steps_change(daemon_state *d, const web_rules_change *asked, rule_change **change, egret_text *out);
/* orderly: all that was admitted is evaluated and committed first, and the state is kept; else as if the process had died. */
void daemon_steps_close(daemon_state *d, bool orderly);

#endif
