/*
 * file_rotate.c: see file_rotate.h. Oldest first, so that nothing is overwritten that should be kept; a crash in between leaves a gap in the
 * numbers at most, and the next rotation closes it.
 */
#include "alerting/file_rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PATH_ROOM = 4096 };

static bool name(char out[PATH_ROOM], const char *path, unsigned number, const char *end)
{
    int n = snprintf(out, PATH_ROOM, "%s.%u%s", path, number, end);
    errno = ENAMETOOLONG;
    return n > 0 && n < PATH_ROOM;
}

/* FILE.number and its packed form go one further, or away. */
static bool shift(const char *path, unsigned number, unsigned keep, const char *end)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    if (!name(from, path, number, end) || !name(to, path, number + 1, end)) return false;
    if (number >= keep) return unlink(from) == 0 || errno == ENOENT;
    return rename(from, to) == 0 || errno == ENOENT;
}

static bool copy_packed(const char *from, gzFile to)
{
    char piece[64 * 1024];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    if (fd < 0) return false;
    while ((n = read(fd, piece, sizeof piece)) > 0)
        if (gzwrite(to, piece, (unsigned)n) != (int)n) {
            n = -1;
            errno = errno ? errno : EIO;
            break;
        }
    int why = errno;
    close(fd);
    errno = why;
    return n == 0;
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool fine = fsync(fd) == 0;
    close(fd);
    return fine;
}

/* FILE.1 into FILE.1.gz. What could not be packed stays as it is. */
static bool pack_newest(const char *path)
{
    char plain[PATH_ROOM], packing[PATH_ROOM], packed[PATH_ROOM];
    if (!name(plain, path, 1, "") || !name(packing, path, 1, ".gz.new") || !name(packed, path, 1, ".gz")) return false;
    int fd = open(packing, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    gzFile to = fd >= 0 ? gzdopen(fd, "wb") : NULL;
    if (!to) {
        if (fd >= 0) close(fd);
        return false;
    }
    errno = 0;
    bool fine = copy_packed(plain, to);
    fine = gzclose(to) == Z_OK && fine;
    fine = fine && sync_file(packing) && rename(packing, packed) == 0 && unlink(plain) == 0;
    if (!fine) unlink(packing);
    return fine;
}

bool file_rotate(const char *path, unsigned keep, bool pack)
{
    char newest[PATH_ROOM];
    for (unsigned number = keep; number > 0; number--)
        if (!shift(path, number, keep, "") || !shift(path, number, keep, ".gz")) return false;
    if (!name(newest, path, 1, "") || rename(path, newest) != 0) return false;
    return !pack || pack_newest(path);
}
