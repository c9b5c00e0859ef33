/*
 * alert_view.h: entries of the history as JSON. Messages stand in it byte by byte as sinks got them.
 */
#ifndef EGRET_WEB_ALERT_VIEW_H
#define EGRET_WEB_ALERT_VIEW_H

#include "alerting/json_write.h"
#include "store/history.h"

/* One object: position, kind, id, rule, severity, key, time, started, told, who and reason where a person did it, "alert" where the entry has its
 * message; and what is so of its alert now (NULL: not known): state, changed. */
void alert_view_write(json_writer *w, const history_entry *entry, const history_now *now);

#endif
