/*
 * alert_writer.h: a thread that writes the alerts of a replay while their engine goes on.
 *
 * Writing an alert means reading its events again and putting them into words, which takes as long as evaluating some dozen events. Alerts go from the
 * engine with the memory they lie in, a batch of events' at a time, and are written in the order in which they were given: the output is the same
 * bytes as without the thread.
 */
#ifndef EGRET_APP_ALERT_WRITER_H
#define EGRET_APP_ALERT_WRITER_H

#include "nfa/shards.h"

typedef struct alert_writer alert_writer;

/* Writes one alert; called by one thread at a time. Not EGRET_OK ends the writing; errno is kept. */
typedef egret_status alert_write_fn(void *user, const nfa_alert *alert);

/* mem: that of the engine, which may be called by any thread. EGRET_IO: the thread could not be made; write them yourself. */
egret_status alert_writer_start(egret_mem mem, alert_write_fn *write, void *user, alert_writer **out);
/* Between two calls of the engine: takes all that wait, and waits itself only when the thread is far behind. The status of what was written so far. */
egret_status alert_writer_take(alert_writer *writer, nfa_shards *shards);
/* Waits until all is written, ends the thread and gives the status of all, with errno. NULL is allowed. */
egret_status alert_writer_stop(alert_writer *writer);

#endif
