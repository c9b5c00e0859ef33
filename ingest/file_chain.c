/*
 * file_chain.c: see file_chain.h. Nothing is remembered between two calls: the folder is looked at each time, which is only when a file has come to its
 * end or a place must be found again.
 */
#include "ingest/file_chain.h"

#include "ingest/file_input.h"

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct link {
    char *path;             /* owned */
    uint64_t device, inode, size;
    struct timespec written;
} link;

typedef struct chain {
    link *links;            /* owned */
    size_t n, capacity;
    bool failed;            /* no memory */
} chain;

static void chain_free(chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->links[i].path);
    free(c->links);
}

/* Takes the path over; what is no regular file is left out. */
static void chain_add(chain *c, char *path)
{
    struct stat info;
    if (path == NULL)
        c->failed = true;
    if (path == NULL || stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        free(path);
        return;
    }
    if (c->n == c->capacity) {
        size_t capacity = c->capacity ? c->capacity * 2 : 16;
        link *grown = realloc(c->links, capacity * sizeof *grown);
        if (grown == NULL) {
            c->failed = true;
            free(path);
            return;
        }
        c->links = grown;
        c->capacity = capacity;
    }
    c->links[c->n++] = (link){ path, (uint64_t)info.st_dev, (uint64_t)info.st_ino, (uint64_t)info.st_size, info.st_mtim };
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(((const link *)a)->path, ((const link *)b)->path);
}

/* Older first; of one instant, the greater number is the older file. */
static int by_time(const void *a, const void *b)
{
    const link *x = a, *y = b;
    if (x->written.tv_sec != y->written.tv_sec)
        return x->written.tv_sec < y->written.tv_sec ? -1 : 1;
    if (x->written.tv_nsec != y->written.tv_nsec)
        return x->written.tv_nsec < y->written.tv_nsec ? -1 : 1;
    return strverscmp(y->path, x->path);
}

bool file_chain_is_pattern(const char *path)
{
    struct stat info;
    return strpbrk(path, "*?[") != NULL && stat(path, &info) != 0;
}

/* What a rotation makes of a name: .1, -20260101, .2026-01-01T10.gz */
static bool is_rotated(const char *name, const char *base)
{
    size_t n = strlen(base);
    if (strncmp(name, base, n) != 0 || name[n] == '\0' || strchr(".-_", name[n]) == NULL)
        return false;
    const char *at = name + n + 1;
    size_t digits = strspn(at, "0123456789-_.:T");
    if (digits == 0 || at[0] < '0' || at[0] > '9')
        return false;
    at += digits;
    return *at == '\0' || strcmp(at, "gz") == 0 || strcmp(at, "zst") == 0;
}

static chain list_pattern(const char *path)
{
    chain c = { 0 };
    glob_t found;
    if (glob(path, 0, NULL, &found) != 0)
        return c;
    for (size_t i = 0; i < found.gl_pathc; i++)
        chain_add(&c, strdup(found.gl_pathv[i]));
    globfree(&found);
    if (c.n > 1)
        qsort(c.links, c.n, sizeof *c.links, by_name);
    return c;
}

static chain list_rotated(const char *path)
{
    chain c = { 0 };
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char *full = NULL;
        if (is_rotated(entry->d_name, base))
            chain_add(&c, asprintf(&full, "%s%s", slash ? folder : "", entry->d_name) < 0 ? NULL : full);
    }
    if (dir != NULL)
        closedir(dir);
    free(folder);
    if (c.n > 1)
        qsort(c.links, c.n, sizeof *c.links, by_time);
    chain_add(&c, strdup(path));
    return c;
}

static chain list(const char *path)
{
    return file_chain_is_pattern(path) ? list_pattern(path) : list_rotated(path);
}

/* Takes one path out and frees the rest. */
static char *take(chain *c, size_t i)
{
    char *path = NULL;
    if (i < c->n) {
        path = c->links[i].path;
        c->links[i].path = NULL;
    }
    chain_free(c);
    return path;
}

static size_t find_file(const chain *c, const ingest_file_identity *file)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->links[i].inode == file->inode && c->links[i].device == file->device)
            return i;
    return SIZE_MAX;
}

char *file_chain_first(const char *path)
{
    if (!file_chain_is_pattern(path))
        return strdup(path);
    chain c = list_pattern(path);
    return take(&c, 0);
}

char *file_chain_next(const char *path, const ingest_file_identity *file)
{
    chain c = list(path);
    size_t i = find_file(&c, file);
    if (i != SIZE_MAX)
        return take(&c, i + 1);
    if (file_chain_is_pattern(path) || c.n == 0)
        return take(&c, SIZE_MAX);
    for (i = 0; i + 1 < c.n && (int64_t)c.links[i].written.tv_sec * 1000000000 + c.links[i].written.tv_nsec <= file->written_ns; i++) {}
    return take(&c, i);
}

/* Does what stands there begin as the file did? */
static bool begins_alike(const char *path, const ingest_file_identity *file, uint64_t offset)
{
    char bytes[INGEST_FILE_HEAD];
    file_input *input;
    ingest_file_identity now = { 0 };
    size_t n = 0, got = 1;
    if (file->head_len == 0 || file->head_len > sizeof bytes || file_input_open(path, &input) != EGRET_OK)
        return false;
    while (n < file->head_len && got > 0 && file_input_read(input, bytes + n, (size_t)file->head_len - n, &got) == EGRET_OK)
        n += got;
    bool alike = n == file->head_len && ingest_file_head(bytes, n) == file->head && file_input_identity(input, &now) &&
                 (file_input_is_packed(input) || now.size >= offset);
    file_input_close(input);
    return alike;
}

char *file_chain_find(const char *path, const ingest_file_identity *file, uint64_t offset)
{
    chain c = list(path);
    size_t i = find_file(&c, file);
    if (i != SIZE_MAX && c.links[i].size >= (file->head_len == 0 ? offset : 0) && (file->head_len == 0 || begins_alike(c.links[i].path, file, offset)))
        return take(&c, i);
    for (i = c.n; i-- > 0;)
        if (begins_alike(c.links[i].path, file, offset))
            return take(&c, i);
    return take(&c, SIZE_MAX);
}
