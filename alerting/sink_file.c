/*
 * sink_file.c: alerts appended to a file, one line of JSON each.
 *
 * Before each line the sink looks whether the name still leads to the file it holds; a log rotation that moves the file away therefore
 * needs no signal. It can rotate by itself, by size or by time; packing holds up this sink alone. A line cut short by a full disk is ended with a newline at the next try, so that one bad line never eats a good one.
 */
#include "alerting/file_rotate.h"
#include "alerting/line_write.h"
#include "alerting/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_PATH, OPTION_ROTATE_BYTES, OPTION_ROTATE_EVERY, OPTION_KEEP, OPTION_GZIP };

static const sink_option options[] = {
    [OPTION_PATH] = {"path", EGRET_STRING, NULL, true, "the file; a relative name starts in the data folder"},
    [OPTION_ROTATE_BYTES] = {"rotate_bytes", EGRET_INT, "0", false, "move the file away (to .1, .2, …) before it grows beyond this; 0: never"},
    [OPTION_ROTATE_EVERY] = {"rotate_every", EGRET_DURATION, "0s", false, "move it away when a span of this length (UTC) is over: 1h, 1d; 0s: never"},
    [OPTION_KEEP] = {"keep", EGRET_INT, "7", false, "how many of those moved away are kept"},
    [OPTION_GZIP] = {"gzip", EGRET_BOOL, "false", false, "pack those moved away"},
    {0},
};

typedef struct file_sink {
    char *path;     /* owned */
    bool is_open;   /* fd 0 is a file, too */
    int fd;
    bool torn;      /* the last write stopped inside a line */
    const sink_env *env;
    int64_t rotate_bytes, rotate_every_ms;  /* 0: never */
    unsigned keep;
    bool gzip;
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

/* Is it time for another file, before a line of so many bytes? An empty one never is moved. */
static bool is_due(const file_sink *sink, size_t len)
{
    struct stat held;
    if ((sink->rotate_bytes == 0 && sink->rotate_every_ms == 0) || fstat(sink->fd, &held) != 0 || held.st_size == 0) return false;
    if (sink->rotate_bytes > 0 && held.st_size + (int64_t)len + 1 > sink->rotate_bytes) return true;
    int64_t written_ms = (int64_t)held.st_mtim.tv_sec * 1000 + held.st_mtim.tv_nsec / 1000000;
    return sink->rotate_every_ms > 0 && sink->env->now_ms(sink->env->now_user) / sink->rotate_every_ms > written_ms / sink->rotate_every_ms;
}

static bool rotate_if_due(file_sink *sink, size_t len)
{
    if (!is_due(sink, len)) return true;
    bool fine = file_rotate(sink->path, sink->keep, sink->gzip);
    int why = errno;
    if (!open_path(sink)) return false;
    errno = why;
    return fine;
}

static bool read_rotation(file_sink *sink, const sink_settings *settings, sink_outcome *outcome)
{
    int64_t keep = settings->values[OPTION_KEEP].u.i;
    sink->rotate_bytes = settings->values[OPTION_ROTATE_BYTES].u.i;
    sink->rotate_every_ms = settings->values[OPTION_ROTATE_EVERY].u.i;
    sink->gzip = settings->values[OPTION_GZIP].u.i != 0;
    sink->keep = (unsigned)keep;
    const char *wrong = keep < 1 || keep > 1000 ? "option 'keep' goes from 1 to 1000"
                        : sink->rotate_bytes < 0 ? "option 'rotate_bytes' is a number of bytes"
                        : sink->rotate_every_ms != 0 && sink->rotate_every_ms < 60000 ? "option 'rotate_every' goes from 1m"
                                                                                       : NULL;
    if (wrong) snprintf(outcome->reason, sizeof outcome->reason, "%s", wrong);
    return wrong == NULL;
}

static bool open_file(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    file_sink *sink = self;
    const char *path = settings->texts[OPTION_PATH];
    sink->env = env;
    if (!read_rotation(sink, settings, outcome)) return false;
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
    bool fine = (!was_moved(sink) || open_path(sink)) && rotate_if_due(sink, message->len) && (!sink->torn || line_write(sink->fd, "", 0));
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
