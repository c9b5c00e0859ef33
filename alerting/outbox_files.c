/*
 * outbox_files.c: reads and writes the files of an outbox. Lines are alerts exactly as they go over the wire, so `jq` and a text editor are
 * the tools to look at them with; the message id is made again from the alert's own id and kind.
 */
#include "alerting/outbox_files.h"

#include "alerting/json_write.h"
#include "alerting/line_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stands before anything a rule has made, and inside a string its quotes would be escaped. */
static const char REPEAT[] = ",\"kind\":\"alert\",\"repeat\":";

char *outbox_kept_path(const char *dir, const char *name)
{
    char *path;
    return asprintf(&path, "%s/outbox-%s.ndjson", dir, name) < 0 ? NULL : path;
}

bool outbox_message_id(char *out, size_t size, const char *alert_id, const char *kind, uint64_t repeat)
{
    bool plain = strcmp(kind, "alert") == 0;
    int n = repeat > 0 ? snprintf(out, size, "%s-%llu", alert_id, (unsigned long long)repeat)
                       : snprintf(out, size, "%s%s%s", alert_id, plain ? "" : "-", plain ? "" : kind);
    return n > 0 && (size_t)n < size;
}

/* The plain text (no escapes) that follows `key` in a line of ours. Inside a string its quotes would be escaped, so the first one found
 * is the key itself. */
static bool find_text(const char *line, size_t len, const char *key, char *out, size_t size)
{
    const char *at = memmem(line, len, key, strlen(key));
    if (!at) return false;
    at += strlen(key);
    const char *end = memchr(at, '"', len - (size_t)(at - line));
    if (!end || (size_t)(end - at) >= size) return false;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    return true;
}

/* The whole number that follows `key`; 0 when the key is not there. */
static uint64_t find_number(const char *line, size_t len, const char *key)
{
    const char *at = memmem(line, len, key, strlen(key));
    uint64_t n = 0;
    for (at = at ? at + strlen(key) : line + len; at < line + len && *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

static void take_line(const char *line, size_t len, void (*take)(void *user, const sink_message *message), void *user)
{
    char alert_id[40], kind[16], id[64];
    bool fine = len > 2 && line[0] == '{' && line[len - 1] == '}' && find_text(line, len, "{\"id\":\"", alert_id, sizeof alert_id) &&
                find_text(line, len, ",\"kind\":\"", kind, sizeof kind) && outbox_message_id(id, sizeof id, alert_id, kind, find_number(line, len, REPEAT));
    if (fine) take(user, &(sink_message){.id = id, .bytes = line, .len = len});
}

bool outbox_kept_read(const char *path, void (*take)(void *user, const sink_message *message), void *user)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) return errno == ENOENT;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, stream)) > 0) take_line(line, (size_t)n - (line[n - 1] == '\n'), take, user);
    bool fine = !ferror(stream);
    free(line);
    fclose(stream);
    return fine;
}

static bool sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!dir) return false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (fd < 0) return false;
    bool fine = fsync(fd) == 0;
    close(fd);
    return fine;
}

static bool write_new(const char *path, const sink_message *messages, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return false;
    bool fine = true;
    for (size_t i = 0; i < n && fine; i++) fine = line_write(fd, messages[i].bytes, messages[i].len);
    fine = fine && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && fine) return false;
    errno = error;
    return fine;
}

bool outbox_kept_write(const char *path, const sink_message *messages, size_t n)
{
    if (n == 0) return unlink(path) == 0 || errno == ENOENT;
    char *temporary;
    if (asprintf(&temporary, "%s.new", path) < 0) return false;
    bool fine = write_new(temporary, messages, n) && rename(temporary, path) == 0 && sync_folder_of(path);
    free(temporary);
    return fine;
}

bool outbox_dead_write(const char *dir, const outbox_dead *dead, const sink_message *message)
{
    char *path;
    if (asprintf(&path, "%s/dead-alerts-%s.ndjson", dir, dead->sink) < 0) return false;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    free(path);
    if (fd < 0) return false;
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '{');
    jsonw_key_z(&w, "sink");
    jsonw_string_z(&w, dead->sink);
    jsonw_key_z(&w, "time");
    jsonw_value(&w, egret_time(dead->time_ms));
    jsonw_key_z(&w, "reason");
    jsonw_string_z(&w, dead->reason);
    jsonw_key_z(&w, "attempts");
    jsonw_uint(&w, dead->attempts);
    jsonw_key_z(&w, "alert");
    jsonw_record(&w, message->bytes, message->len);
    jsonw_end(&w, '}');
    errno = ENOMEM;
    bool fine = !w.failed && line_write(fd, w.ptr, w.len);
    int error = errno;
    jsonw_deinit(&w);
    close(fd);
    errno = error;
    return fine;
}
