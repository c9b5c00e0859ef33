/*
 * committer_work.h: what is done in the committer's transactions besides epochs: marks of the outboxes, and work of others. A list in order of coming;
 * it is the committer's, behind its lock. Tasks that were taken out of it belong to the committer's thread.
 */
#ifndef EGRET_APP_COMMITTER_WORK_H
#define EGRET_APP_COMMITTER_WORK_H

#include "app/committer.h"

typedef struct committer_task {
    struct committer_task *next;
    committer_work_fn work;     /* NULL: a mark */
    committer_done_fn done;
    void *user;
    int code;                   /* what came of it */
    uint64_t row;               /* of a mark */
    delivery what;
    char texts[];               /* sink NUL reason NUL */
} committer_task;

typedef struct committer_tasks {
    committer_task *first, **end;
    size_t n, n_work;
} committer_tasks;

void committer_tasks_init(committer_tasks *tasks);
void committer_tasks_drop(committer_task *first);       /* who waits is told ECANCELED */
/* NULL: no memory. */
committer_task *committer_task_mark(const char *sink, uint64_t row, const delivery *what);
committer_task *committer_task_work(committer_work_fn work, committer_done_fn done, void *user);
void committer_tasks_add(committer_tasks *tasks, committer_task *task);
/* Somebody waits for one, or there are many: a few marks may wait for a commit that comes anyway. */
bool committer_tasks_urgent(const committer_tasks *tasks);
committer_task *committer_tasks_take(committer_tasks *tasks, size_t most);     /* so many of the first */
void committer_tasks_put_back(committer_tasks *tasks, committer_task *first);   /* before all others */

/* Within a transaction. Not 0: the transaction is to be given up. */
int committer_tasks_run(committer_task *first, store *s);
/* The commit has failed: who waits is told; the marks are left, for another try. */
committer_task *committer_tasks_failed(committer_task *first, int code);
/* It has not: all are told and freed. */
void committer_tasks_tell(committer_task *first);

#endif
