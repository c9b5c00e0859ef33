/*
 * committer_work.c: see committer_work.h; and committer_do_now, which waits on a lock of its own.
 */
#include "app/committer_work.h"

#include "store/outbox_rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void committer_tasks_init(committer_tasks *tasks)
{
    *tasks = (committer_tasks){0};
    tasks->end = &tasks->first;
}

void committer_tasks_drop(committer_task *first)
{
    for (committer_task *task = first, *next; task; task = next) {
        next = task->next;
        if (task->done) task->done(task->user, ECANCELED);
        free(task);
    }
}

committer_task *committer_task_mark(const char *sink, uint64_t row, const delivery *what)
{
    size_t name = strlen(sink) + 1, reason = strlen(what->reason) + 1;
    committer_task *task = malloc(sizeof *task + name + reason);
    if (!task) return NULL;
    *task = (committer_task){.row = row, .what = *what};
    memcpy(task->texts, sink, name);
    memcpy(task->texts + name, what->reason, reason);
    task->what.reason = task->texts + name;
    return task;
}

committer_task *committer_task_work(committer_work_fn work, committer_done_fn done, void *user)
{
    committer_task *task = malloc(sizeof *task);
    if (task) *task = (committer_task){.work = work, .done = done, .user = user};
    return task;
}

void committer_tasks_add(committer_tasks *tasks, committer_task *task)
{
    task->next = NULL;
    *tasks->end = task;
    tasks->end = &task->next;
    tasks->n++;
    tasks->n_work += task->work != NULL;
}

bool committer_tasks_urgent(const committer_tasks *tasks)
{
    return tasks->n_work > 0 || tasks->n >= COMMITTER_MARKS;
}

committer_task *committer_tasks_take(committer_tasks *tasks, size_t most)
{
    committer_task *first = tasks->first, **end = &first;
    for (; *end && most > 0; end = &(*end)->next, most--) {
        tasks->n--;
        tasks->n_work -= (*end)->work != NULL;
    }
    tasks->first = *end;
    if (!tasks->first) tasks->end = &tasks->first;
    *end = NULL;
    return first;
}

void committer_tasks_put_back(committer_tasks *tasks, committer_task *first)
{
    committer_task *later = committer_tasks_take(tasks, SIZE_MAX);
    for (committer_task *next; first; first = next) {
        next = first->next;
        committer_tasks_add(tasks, first);
    }
    for (committer_task *next; later; later = next) {
        next = later->next;
        committer_tasks_add(tasks, later);
    }
}

/* What the work does wrong is undone, and is nobody else's. */
static int run_work(committer_task *task, store *s)
{
    int code = store_part_begin(s);
    if (code != 0) return code;
    task->code = task->work(task->user, s);
    code = store_part_end(s, task->code == 0);
    if (code != 0) task->code = code;
    return code;
}

int committer_tasks_run(committer_task *first, store *s)
{
    int code = 0;
    for (committer_task *task = first; task && code == 0; task = task->next)
        code = task->work ? run_work(task, s) : outbox_row_settle(s, task->texts, task->row, &task->what);
    return code;
}

committer_task *committer_tasks_failed(committer_task *first, int code)
{
    committer_task *marks = NULL, **end = &marks;
    for (committer_task *task = first, *next; task; task = next) {
        next = task->next;
        if (!task->work) {
            *end = task;
            end = &task->next;
            continue;
        }
        if (task->done) task->done(task->user, task->code != 0 ? task->code : code);
        free(task);
    }
    *end = NULL;
    return marks;
}

void committer_tasks_tell(committer_task *first)
{
    for (committer_task *task = first, *next; task; task = next) {
        next = task->next;
        if (task->done) task->done(task->user, task->code);
        free(task);
    }
}

/* ---- waiting for it ---- */

typedef struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    committer_work_fn work;
    void *user;
    bool done;
    int code;
} waiting;

static int work_of(void *user, store *s)
{
    waiting *w = user;
    return w->work(w->user, s);
}

static void wake(void *user, int code)
{
    waiting *w = user;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->code = code;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

int committer_do_now(committer *c, committer_work_fn work, void *user)
{
    waiting w = {.work = work, .user = user};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    if (committer_do(c, work_of, wake, &w)) {
        pthread_mutex_lock(&w.lock);
        while (!w.done) pthread_cond_wait(&w.changed, &w.lock);
        pthread_mutex_unlock(&w.lock);
    } else {
        w.code = ECANCELED;
    }
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.lock);
    return w.code;
}
