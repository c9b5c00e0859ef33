/*
 * shim.c: what a disk may do, for tests alone: LD_PRELOAD puts it between the daemon and its store.
 *
 * It counts the writes and syncs of files named store.mdb and at number EGRET_SHIM_AT does what EGRET_SHIM says:
 *
 *   die      the process is gone before the call
 *   tear     half of the write (to 512 bytes) reaches the file, then the process is gone: so a sector boundary may lie anywhere
 *   drop     all that was written since the last sync is taken back (but for a random half of the pages), then the process is gone: a power cut
 *   full     from here on writes fail with ENOSPC, EGRET_SHIM_FOR of them (40)
 *   readonly from the next write of pages on writes fail with EROFS, EGRET_SHIM_FOR of them
 *   broken   the sync, or else the write, fails with EIO once
 *
 * For `drop` each write since the last good sync is remembered with what stood there before. A file opened with O_DSYNC (LMDB writes its meta
 * pages through one) is synced by each write.
 */
#include "tests/support/torn_disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>

enum { MAX_FILES = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static signed char kind_of[MAX_FILES];      /* 1: the store, 2: the same, synced by each write */
static torn_disk disk = { .random = 88172645463325252ull };
static long count, at = -1, full_for = 40;
static bool begun;
static const char *mode;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

static void find(void *to, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(to, &found, sizeof found);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("EGRET_SHIM_AT");
    mode = getenv("EGRET_SHIM");
    at = text ? atol(text) : -1;
    text = getenv("EGRET_SHIM_FOR");
    full_for = text ? atol(text) : full_for;
    disk.random ^= (unsigned long long)at * 2654435761u;
    find(&real_pwrite, "pwrite");
    find(&real_pread, "pread");
    find(&real_writev, "writev");
    find(&real_pwritev, "pwritev");
    find(&real_fdatasync, "fdatasync");
    find(&real_fsync, "fsync");
    disk.read = real_pread;
    disk.write = real_pwrite;
}

static int kind(int fd)
{
    if (fd < 0 || fd >= MAX_FILES || !mode)
        return 0;
    if (kind_of[fd] == 0) {
        int found = torn_kind(fd, "store.mdb");
        kind_of[fd] = (signed char)(found > 0 ? found : -1);
    }
    return kind_of[fd] > 0 ? kind_of[fd] : 0;
}

static bool is(const char *what)
{
    return mode && strcmp(mode, what) == 0;
}

/* The write of these bytes is the one. True: it is to be done; else *answer. */
static bool strike_write(int fd, const char *bytes, size_t len, off_t where, ssize_t *answer)
{
    long n = ++count;
    *answer = -1;
    if (n < at)
        return true;
    if (is("full") && n < at + full_for) {
        errno = ENOSPC;
        return false;
    }
    if (is("readonly") && (kind(fd) == 1 || begun) && full_for > 0) {
        begun = true;
        full_for--;
        errno = EROFS;
        return false;
    }
    if (n != at)
        return true;
    if (is("tear"))
        (void)!real_pwrite(fd, bytes, len / 2 / TORN_SECTOR * TORN_SECTOR, where);
    if (is("drop"))
        torn_take_back(&disk);
    if (is("die") || is("tear") || is("drop"))
        _exit(137);
    if (is("broken")) {
        errno = EIO;
        return false;
    }
    return true;
}

static ssize_t one_write(int fd, const void *bytes, size_t len, off_t where)
{
    ssize_t answer;
    pthread_mutex_lock(&lock);
    bool go_on = strike_write(fd, bytes, len, where, &answer);
    if (go_on) {
        if (is("drop") && kind(fd) == 1 && !torn_remember(&disk, fd, len, where))
            _exit(99);
        answer = real_pwrite(fd, bytes, len, where);
    }
    int why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return answer;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t where)
{
    return kind(fd) ? one_write(fd, bytes, len, where) : real_pwrite(fd, bytes, len, where);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t where)
{
    return pwrite(fd, bytes, len, where);
}

/* Many pieces as one: joined, so that a tear may fall into any of them. */
static ssize_t joined(int fd, const struct iovec *pieces, int n, off_t where)
{
    size_t len = 0, done = 0;
    for (int i = 0; i < n; i++)
        len += pieces[i].iov_len;
    char *all = malloc(len + 1);
    if (!all)
        _exit(99);
    for (int i = 0; i < n; i++) {
        memcpy(all + done, pieces[i].iov_base, pieces[i].iov_len);
        done += pieces[i].iov_len;
    }
    ssize_t answer = one_write(fd, all, len, where);
    int why = errno;
    free(all);
    errno = why;
    return answer;
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    if (!kind(fd))
        return real_writev(fd, pieces, n);
    off_t where = lseek(fd, 0, SEEK_CUR);
    ssize_t answer = joined(fd, pieces, n, where);
    if (answer > 0)
        lseek(fd, where + answer, SEEK_SET);
    return answer;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int n, off_t where)
{
    return kind(fd) ? joined(fd, pieces, n, where) : real_pwritev(fd, pieces, n, where);
}

static int one_sync(int fd, int (*real)(int))
{
    pthread_mutex_lock(&lock);
    long n = ++count;
    int answer = 0;
    if (n == at && is("drop"))
        torn_take_back(&disk);
    if (n == at && (is("die") || is("tear") || is("drop")))
        _exit(137);
    if (n == at && is("broken")) {
        errno = EIO;
        answer = -1;
    } else {
        answer = real(fd);
        if (answer == 0)
            torn_forget(&disk);
    }
    int why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return answer;
}

int fdatasync(int fd)
{
    return kind(fd) ? one_sync(fd, real_fdatasync) : real_fdatasync(fd);
}

int fsync(int fd)
{
    return kind(fd) ? one_sync(fd, real_fsync) : real_fsync(fd);
}
