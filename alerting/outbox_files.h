/*
 * outbox_files.h: the two files of an outbox: alerts kept for the next run, and dead ones.
 */
#ifndef EGRET_ALERTING_OUTBOX_FILES_H
#define EGRET_ALERTING_OUTBOX_FILES_H

#include "alerting/sink.h"

/* <dir>/outbox-<name>.ndjson: one alert a line, as sent. */
char *outbox_kept_path(const char *dir, const char *name);  /* malloced; NULL: no memory */
/* Calls take for each line with the message id it had. A file that is not there has no lines; a line that is no alert is skipped.
 * False: errno says why. */
bool outbox_kept_read(const char *path, void (*take)(void *user, const sink_message *message), void *user);
/* Replaces the file by these messages (none: the file is removed). All or nothing, synced. False: errno says why. */
bool outbox_kept_write(const char *path, const sink_message *messages, size_t n);

typedef struct outbox_dead {
    const char *sink;
    const char *reason;
    unsigned attempts;
    int64_t time_ms;
} outbox_dead;

/* Appends to <dir>/dead-alerts-<name>.ndjson. False: errno says why. */
bool outbox_dead_write(const char *dir, const outbox_dead *dead, const sink_message *message);

/* The id under which a message is known: the alert's id, and its kind when that is not "alert" (one alert is resolved under its own id), or
 * the how manieth repetition it is: receivers drop what has an id they know. False: it does not fit. */
bool outbox_message_id(char *out, size_t size, const char *alert_id, const char *kind, uint64_t repeat);

#endif
