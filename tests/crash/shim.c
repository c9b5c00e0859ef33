/*
 * shim.c: what a disk may do, for tests alone: LD_PRELOAD puts it between the daemon and its store.
 *
 * It counts the writes and syncs of files named store.mdb and at number EGRET_SHIM_AT does what EGRET_SHIM says:
 *
 *   die      the process is gone before the call
 *   tear     half of the write (to 512 bytes) reaches the file, then the process is gone: so a sector boundary may lie anywhere
 *   drop     all that was written since the last sync is taken back (but for a random half of the pages), then the process is gone: a power cut
 *   full     from here on writes fail with ENOSPC, EGRET_SHIM_FOR of them
 *   broken   the sync, or else the write, fails with EIO once
 *
 * For `drop` each write since the last good sync is remembered with what stood there before. A file opened with O_DSYNC (LMDB writes its meta
 * pages through one) is synced by each write.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FILES = 1024, SECTOR = 512, PAGE = 4096 };

typedef struct undo {
    struct undo *next;
    int fd;
    off_t at;
    size_t len, had;        /* had: bytes that stood there, the rest was beyond the end */
    char before[];
} undo;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static signed char kind_of[MAX_FILES];      /* 1: the store, 2: the same, synced by each write */
static undo *undos;
static long count, at = -1, full_for = 40;
static const char *mode;
static unsigned long long random_state = 88172645463325252ull;

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
    random_state ^= (unsigned long long)at * 2654435761u;
    find(&real_pwrite, "pwrite");
    find(&real_pread, "pread");
    find(&real_writev, "writev");
    find(&real_pwritev, "pwritev");
    find(&real_fdatasync, "fdatasync");
    find(&real_fsync, "fsync");
}

static int kind(int fd)
{
    char link[64], path[4096];
    if (fd < 0 || fd >= MAX_FILES || !mode)
        return 0;
    if (kind_of[fd] == 0) {
        static const char proc[] = "/proc/self/fd/";
        size_t n = sizeof proc - 1;
        memcpy(link, proc, n);
        char digits[12];
        int d = 0;
        for (int rest = fd; rest > 0 || d == 0; rest /= 10)
            digits[d++] = (char)('0' + rest % 10);
        while (d > 0)
            link[n++] = digits[--d];
        link[n] = '\0';
        ssize_t len = readlink(link, path, sizeof path - 1);
        size_t name = sizeof "store.mdb" - 1;
        bool ours = len >= (ssize_t)name && memcmp(path + len - name, "store.mdb", name) == 0;
        kind_of[fd] = (signed char)(!ours ? -1 : (fcntl(fd, F_GETFL) & O_DSYNC) ? 2 : 1);
    }
    return kind_of[fd] > 0 ? kind_of[fd] : 0;
}

static unsigned next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 32);
}

static void forget(void)
{
    for (undo *u = undos, *next; u; u = next) {
        next = u->next;
        free(u);
    }
    undos = NULL;
}

static void remember(int fd, size_t len, off_t where)
{
    undo *u = malloc(sizeof *u + len);
    if (!u)
        _exit(99);
    ssize_t had = real_pread(fd, u->before, len, where);
    *u = (undo){ undos, fd, where, len, had > 0 ? (size_t)had : 0 };
    undos = u;
}

/* Newest first, a page at a time, some stay. What lay beyond the end becomes zeros: the file may have grown, its pages need not be there. */
static void take_back(void)
{
    static const char zeros[PAGE];
    for (const undo *u = undos; u; u = u->next)
        for (size_t i = 0; i < u->len; i += PAGE) {
            size_t some = u->len - i < PAGE ? u->len - i : PAGE;
            if (next_random() % 2 == 0)
                continue;
            if (i + some <= u->had)
                (void)!real_pwrite(u->fd, u->before + i, some, u->at + (off_t)i);
            else
                (void)!real_pwrite(u->fd, zeros, some, u->at + (off_t)i);
        }
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
    if (n != at)
        return true;
    if (is("tear"))
        (void)!real_pwrite(fd, bytes, len / 2 / SECTOR * SECTOR, where);
    if (is("drop"))
        take_back();
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
        if (is("drop") && kind(fd) == 1)
            remember(fd, len, where);
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
        take_back();
    if (n == at && (is("die") || is("tear") || is("drop")))
        _exit(137);
    if (n == at && is("broken")) {
        errno = EIO;
        answer = -1;
    } else {
        answer = real(fd);
        if (answer == 0)
            forget();
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
