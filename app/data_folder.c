/*
 * data_folder.c: see data_folder.h.
 */
#include "app/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int data_lock(const app_args *args, const char *dir)
{
    char *path;
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        app_trouble(args, "%s: %s", dir, strerror(errno));
        return -1;
    }
    if (asprintf(&path, "%s/lock", dir) < 0) return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) app_trouble(args, "%s: %s", path, strerror(errno));
    free(path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        app_trouble(args, "%s: another egret uses this data folder", dir);
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool data_make_empty(const app_args *args, const char *dir)
{
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) return app_trouble(args, "%s: %s", dir, strerror(errno)), false;
    DIR *folder = opendir(dir);
    if (!folder) return app_trouble(args, "%s: %s", dir, strerror(errno)), false;
    bool empty = true;
    for (const struct dirent *entry; empty && (entry = readdir(folder)) != NULL;)
        empty = is_dot(entry->d_name) || strcmp(entry->d_name, "lock") == 0;
    closedir(folder);
    if (!empty) app_trouble(args, "%s is not empty; name a new folder, or move what is in this one away", dir);
    return empty;
}

bool data_sync(const app_args *args, const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    if (!fine) app_trouble(args, "%s: %s", dir, strerror(errno));
    if (fd >= 0) close(fd);
    return fine;
}

/* errno says why not. */
static bool copy_bytes(int from, int to)
{
    char bytes[65536];
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        for (ssize_t at = 0, done; at < got; at += done) {
            done = write(to, bytes + at, (size_t)(got - at));
            if (done < 0 && errno == EINTR) done = 0;
            if (done < 0) return false;
        }
    }
}

static bool copy_file(const char *from, const char *to, mode_t mode)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    bool fine = out >= 0 && copy_bytes(in, out) && fsync(out) == 0;
    int why = errno;
    if (in >= 0) close(in);
    if (out >= 0 && close(out) != 0 && fine) return false;
    errno = why;
    return fine;
}

static bool is_passed_over(const char *name)
{
    static const char *const names[] = {"store.mdb", "store.mdb-lock", "lock", "probe"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return is_dot(name);
}

static bool copy_one(const app_args *args, const char *from, const char *to, unsigned *n)
{
    struct stat info;
    if (lstat(from, &info) != 0) return errno == ENOENT || (app_trouble(args, "%s: %s", from, strerror(errno)), false);
    if (S_ISDIR(info.st_mode)) {
        if (mkdir(to, info.st_mode & 0777) != 0) return app_trouble(args, "%s: %s", to, strerror(errno)), false;
        return data_copy_files(args, from, to, n);
    }
    if (!S_ISREG(info.st_mode)) return true;
    if (!copy_file(from, to, info.st_mode)) return app_trouble(args, "%s to %s: %s", from, to, strerror(errno)), false;
    ++*n;
    return true;
}

bool data_copy_files(const app_args *args, const char *from, const char *to, unsigned *n)
{
    DIR *folder = opendir(from);
    if (!folder) return app_trouble(args, "%s: %s", from, strerror(errno)), false;
    bool fine = true;
    for (const struct dirent *entry; fine && (entry = readdir(folder)) != NULL;) {
        char *source = NULL, *target = NULL;
        if (is_passed_over(entry->d_name)) continue;
        fine = asprintf(&source, "%s/%s", from, entry->d_name) >= 0 && asprintf(&target, "%s/%s", to, entry->d_name) >= 0;
        if (!fine) app_trouble(args, "no memory");
        fine = fine && copy_one(args, source, target, n);
        free(source);
        free(target);
    }
    closedir(folder);
    return fine && data_sync(args, to);
}
