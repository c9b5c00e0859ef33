/*
 * sink_file.c: alerts appended to a file, one line of JSON each.
 *
 * Before each line the sink looks whether the name still leads to the file it holds; a log rotation that moves the file away therefore
 * needs no signal. A line cut short by a full disk is ended with a newline at the next try, so that one bad line never eats a good one.
 */
#include "alerting/line_write.h"
#include "alerting/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_PATH };

static const sink_option options[] = {
    [OPTION_PATH] = {"path", EGRET_STRING, NULL, true, "the file; a relative name starts in the data folder"},
    {0},
};

typedef struct file_sink {
    char *path;     /* owned */
    bool is_open;   /* fd 0 is a file, too */
    int fd;
    bool torn;      /* the last write stopped inside a line */
} file_sink;

static void complain(sink_outcome *outcome, const file_sink *sink)
{
    int error = errno;
    snprintf(outcome->reason, sizeof outcome->reason, "%s: %s", sink->path, strerror(error));
}

static bool open_path(file_sink *sink)
{
    int fd = open(sink->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return false;
    if (sink->is_open) close(sink->fd);
    sink->fd = fd;
    sink->is_open = true;
    sink->torn = false;
    return true;
}

static bool was_moved(const file_sink *sink)
{
    struct stat held, named;
    if (stat(sink->path, &named) != 0 || fstat(sink->fd, &held) != 0) return true;
    return held.st_ino != named.st_ino || held.st_dev != named.st_dev;
}

static bool open_file(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    file_sink *sink = self;
    const char *path = settings->texts[OPTION_PATH];
    int n = path[0] == '/' || !env->data_dir ? asprintf(&sink->path, "%s", path) : asprintf(&sink->path, "%s/%s", env->data_dir, path);
    if (n < 0) {
        sink->path = NULL;
        snprintf(outcome->reason, sizeof outcome->reason, "no memory");
        return false;
    }
    if (open_path(sink)) return true;
    complain(outcome, sink);
    return false;
}

static sink_result send_line(void *self, const sink_message *message, sink_outcome *outcome)
{
    file_sink *sink = self;
    bool fine = (!was_moved(sink) || open_path(sink)) && (!sink->torn || line_write(sink->fd, "", 0));
    if (fine) {
        sink->torn = true;
        fine = line_write(sink->fd, message->bytes, message->len);
        sink->torn = !fine;
    }
    if (fine) return SINK_SENT;
    complain(outcome, sink);
    return SINK_RETRY;
}

static void close_file(void *self)
{
    file_sink *sink = self;
    if (sink->is_open) close(sink->fd);
    free(sink->path);
}

const sink_kind sink_kind_file = {
    .name = "file",
    .summary = "one line of JSON per alert, appended to a file",
    .options = options,
    .size = sizeof(file_sink),
    .open = open_file,
    .send = send_line,
    .close = close_file,
};
