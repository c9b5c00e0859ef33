/*
 * history_backend.h: what the web folder asks of the program about alerts told, dead letters and sinks: the store to read, a way to write it, and
 * sinks that can be paused.
 */
#ifndef EGRET_WEB_HISTORY_BACKEND_H
#define EGRET_WEB_HISTORY_BACKEND_H

#include "store/store.h"

typedef int (*web_write_fn)(void *user, store *s);

typedef struct web_history {
    void *user;
    const store *store;         /* read from any thread */
    /* Does something as a part of the next transaction and waits until it is on the disk; on workers only. Gives what the function gave, a code of the
     * store, or ECANCELED: there will be no transaction any more. */
    int (*write)(void *user, web_write_fn work, void *work_user);
    /* Stops a sink, or lets it go on, now and after a restart; on workers only. Codes as above; ENOENT: there is no such sink. */
    int (*pause)(void *user, const char *sink, bool paused);
    /* Position of the newest entry of the history that is on the disk; from any thread. */
    uint64_t (*newest)(void *user);
} web_history;

#endif
