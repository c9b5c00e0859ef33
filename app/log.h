/*
 * log.h: lines about what the daemon does, for people or for log collectors, on standard error.
 *
 * As JSON: {"time":…,"level":"info","text":…}; as text: the sentence alone. Never a record's content, never a secret. Control characters are
 * escaped or replaced, so that nobody can forge a line. From any thread: a line is one write.
 */
#ifndef EGRET_APP_LOG_H
#define EGRET_APP_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2 };

typedef struct app_log {
    bool json;
} app_log;

int64_t app_wall_ms(void *unused);  /* the wall clock, ms since the epoch; fits sink_env.now_ms */
int64_t app_monotonic_ms(void);
int64_t app_monotonic_us(void);

void app_log_say(const app_log *log, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with the shape of egret_log_fn and outbox_log_fn; user is a const app_log. */
void app_log_line(void *user, int level, const char *text);

#endif
