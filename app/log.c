/*
 * log.c: see log.h.
 */
#include "app/log.h"

#include "alerting/json_write.h"
#include "alerting/line_write.h"
#include "compiler/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t app_wall_ms(void *unused)
{
    struct timespec now;
    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t app_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t app_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_json(int level, const char *text)
{
    static const char *const levels[] = {"error", "warning", "info"};
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "time");
    jsonw_value(&w, egret_time(app_wall_ms(NULL)));
    jsonw_key_z(&w, "level");
    jsonw_string_z(&w, levels[level]);
    jsonw_key_z(&w, "text");
    jsonw_string_z(&w, text);
    jsonw_end(&w, '}');
    if (!w.failed) line_write(STDERR_FILENO, w.ptr, w.len);
    jsonw_deinit(&w);
}

static void write_text(const char *text)
{
    egret_text line;
    egret_text_init(&line, egret_mem_of(NULL));
    egret_text_put_shown(&line, text, strlen(text));
    if (!line.failed && line.ptr) line_write(STDERR_FILENO, line.ptr, line.len);
    egret_text_deinit(&line);
}

void app_log_line(void *user, int level, const char *text)
{
    const app_log *log = user;
    if (log->json) write_json(level < LOG_ERROR || level > LOG_INFO ? LOG_INFO : level, text);
    else write_text(text);
}

void app_log_say(const app_log *log, int level, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    app_log_line((void *)(uintptr_t)log, level, text);
}
