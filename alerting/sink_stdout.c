/*
 * sink_stdout.c: alerts as lines on standard output, the sink of rules without `to`.
 *
 * A line goes out in one write, so that several such sinks, and log lines on the same terminal, do not cut each other.
 */
#include "alerting/line_write.h"
#include "alerting/sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const sink_option options[] = {{0}};

static bool open_stdout(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    (void)self, (void)settings, (void)env, (void)outcome;
    return true;
}

static sink_result send_line(void *self, const sink_message *message, sink_outcome *outcome)
{
    (void)self;
    if (line_write(STDOUT_FILENO, message->bytes, message->len)) return SINK_SENT;
    snprintf(outcome->reason, sizeof outcome->reason, "stdout: %s", strerror(errno));
    return errno == EPIPE ? SINK_GONE : SINK_RETRY;
}

static void close_stdout(void *self)
{
    (void)self;
}

const sink_kind sink_kind_stdout = {
    .name = "stdout",
    .summary = "one line of JSON per alert on standard output",
    .options = options,
    .size = 1,
    .open = open_stdout,
    .send = send_line,
    .close = close_stdout,
};
