/*
 * alert_copy.h: alerts that outlive the engine's next event.
 */
#ifndef EGRET_APP_ALERT_COPY_H
#define EGRET_APP_ALERT_COPY_H

#include "nfa/engine.h"

/* A deep copy in the arena; NULL: no memory (arena->failed). */
nfa_alert *alert_copy(egret_arena *arena, const nfa_alert *alert);

#endif
