/*
 * audit.c: see audit.h. Reading goes through the whole of both files; they are bounded, and people read them rarely.
 */
#include "web/audit.h"

#include "web/json_body.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 32 * 1024 * 1024 };

struct web_audit {
    pthread_mutex_t lock;
    char *path, *older;
    int fd;
    uint64_t next;
};

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- reading ---- */

typedef struct reading {
    json_t *changes;        /* by number, as text */
    uint64_t newest;
} reading;

/* What came of a change joins what was asked. */
static void take_line(reading *r, const char *line)
{
    char key[24];
    json_t *entry = json_loads(line, 0, NULL);
    json_int_t number = json_integer_value(json_object_get(entry, "number"));
    snprintf(key, sizeof key, "%020lld", (long long)number);
    json_t *known = json_object_get(r->changes, key);
    if (number > 0 && known) json_object_update(known, entry);
    else if (number > 0) json_object_set(r->changes, key, entry);
    if ((uint64_t)number > r->newest) r->newest = (uint64_t)number;
    json_decref(entry);
}

/* A line that a crash cut short is passed over. */
static bool read_file(reading *r, const char *path)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file) return errno == ENOENT;
    while (getline(&line, &size, file) > 0) take_line(r, line);
    bool fine = !ferror(file);
    free(line);
    fclose(file);
    return fine;
}

static bool read_all(const web_audit *audit, reading *r)
{
    *r = (reading){.changes = json_object()};
    return r->changes && read_file(r, audit->older) && read_file(r, audit->path);
}

static int newest_first(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*y, *x);
}

json_t *web_audit_read(web_audit *audit, uint64_t before, size_t most)
{
    reading r;
    pthread_mutex_lock(&audit->lock);
    bool fine = read_all(audit, &r);
    pthread_mutex_unlock(&audit->lock);
    size_t n = json_object_size(r.changes), i = 0;
    const char **keys = fine ? calloc(n + 1, sizeof *keys) : NULL;
    json_t *out = keys ? json_array() : NULL;
    for (void *at = json_object_iter(r.changes); out && at; at = json_object_iter_next(r.changes, at)) keys[i++] = json_object_iter_key(at);
    if (keys) qsort((void *)keys, n, sizeof *keys, newest_first);
    for (i = 0; out && i < n && json_array_size(out) < most; i++)
        if (before == 0 || strtoull(keys[i], NULL, 10) < before) json_array_append(out, json_object_get(r.changes, keys[i]));
    free((void *)keys);
    json_decref(r.changes);
    return out;
}

/* ---- writing ---- */

/* Under the lock. Takes the entry over. */
static bool append(web_audit *audit, json_t *entry)
{
    char *text = entry ? json_dumps(entry, JSON_COMPACT) : NULL;
    json_decref(entry);
    char *line = NULL;
    int len = text ? asprintf(&line, "%s\n", text) : -1;
    free(text);
    if (len < 0) {
        errno = ENOMEM;
        return false;
    }
    bool fine = write(audit->fd, line, (size_t)len) == len && fdatasync(audit->fd) == 0;
    free(line);
    return fine;
}

static void turn_over(web_audit *audit)
{
    struct stat info;
    if (fstat(audit->fd, &info) != 0 || info.st_size < MAX_FILE_BYTES || rename(audit->path, audit->older) != 0) return;
    int fd = open(audit->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0) return;
    close(audit->fd);
    audit->fd = fd;
}

static json_t *shown(const char *text, size_t len)
{
    json_t *value = web_str((egret_str){text ? text : "", (uint32_t)(len > AUDIT_SHOWN_BYTES ? AUDIT_SHOWN_BYTES : len)});
    return value ? value : json_null();
}

uint64_t web_audit_begin(web_audit *audit, const char *who, const char *method, const char *path, const char *body, size_t len)
{
    pthread_mutex_lock(&audit->lock);
    turn_over(audit);
    uint64_t number = audit->next;
    json_t *entry = json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:n}", "number", (json_int_t)number, "time", web_time(wall_ms()), "who", who, "method", method,
                              "path", path, "asked", shown(body, len), "status");
    bool fine = append(audit, entry);
    if (fine) audit->next++;
    pthread_mutex_unlock(&audit->lock);
    return fine ? number : 0;
}

void web_audit_end(web_audit *audit, uint64_t number, unsigned status, const char *difference)
{
    json_t *entry = json_pack("{s:I, s:i}", "number", (json_int_t)number, "status", (int)status);
    if (difference) json_object_set_new(entry, "difference", shown(difference, strlen(difference)));
    pthread_mutex_lock(&audit->lock);
    append(audit, entry);
    pthread_mutex_unlock(&audit->lock);
}

/* A last line without an end would swallow the next one. */
static void end_line(int fd, const char *path)
{
    char last = '\n';
    int in = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = in >= 0 ? lseek(in, 0, SEEK_END) : 0;
    if (size > 0 && pread(in, &last, 1, size - 1) == 1 && last != '\n' && write(fd, "\n", 1) != 1) last = '\n';
    if (in >= 0) close(in);
}

web_audit *web_audit_open(const char *dir)
{
    reading r = {0};
    web_audit *audit = calloc(1, sizeof *audit);
    if (!audit) return NULL;
    audit->fd = -1;
    pthread_mutex_init(&audit->lock, NULL);
    if (asprintf(&audit->path, "%s/audit.ndjson", dir) < 0) audit->path = NULL;
    if (asprintf(&audit->older, "%s/audit.1.ndjson", dir) < 0) audit->older = NULL;
    if (audit->path && audit->older) audit->fd = open(audit->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    bool fine = audit->fd >= 0 && read_all(audit, &r);
    json_decref(r.changes);
    audit->next = r.newest + 1;
    if (fine) {
        end_line(audit->fd, audit->path);
        return audit;
    }
    web_audit_close(audit);
    return NULL;
}

void web_audit_close(web_audit *audit)
{
    if (!audit) return;
    if (audit->fd >= 0) close(audit->fd);
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit->older);
    free(audit);
}
