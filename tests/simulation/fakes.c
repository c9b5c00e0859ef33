/*
 * fakes.c: see fakes.h. Syncs cost nothing: the files lie where they like, and what a power cut would do to them is known here.
 */
#include "tests/simulation/fakes.h"

#include "tests/support/torn_disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>

static const int64_t BEGAN_MS = INT64_C(1767603600000);

static struct {
    uint64_t chance, asked;             /* states of random numbers: the simulation's, the program's */
    int64_t monotonic_ms, wall_offset_ms;
    torn_disk disk;
    bool cut;
    uint64_t writes, cut_at, full_until;    /* cut_at 0: never */
    uint64_t trace;
} world;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);

static void find(void *to, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(to, &found, sizeof found);
}

__attribute__((constructor)) static void find_all(void)
{
    find(&real_pwrite, "pwrite");
    find(&real_pread, "pread");
    find(&real_writev, "writev");
    find(&real_pwritev, "pwritev");
    world.disk.read = real_pread;
    world.disk.write = real_pwrite;
}

static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void fakes_begin(uint64_t seed)
{
    torn_forget(&world.disk);
    world.chance = seed;
    world.asked = seed ^ UINT64_C(0x5555555555555555);
    world.monotonic_ms = 1000;
    world.wall_offset_ms = BEGAN_MS;
    world.cut = false;
    world.writes = world.cut_at = world.full_until = world.trace = 0;
    world.disk.random = seed | 1;
}

uint64_t fakes_random(void)
{
    return mix(&world.chance);
}

/* ---- time and chance ---- */

void fakes_pass_ms(int64_t ms)
{
    world.monotonic_ms += ms;
}

void fakes_set_off_ms(int64_t ms)
{
    world.wall_offset_ms = BEGAN_MS + ms;
}

int64_t fakes_now_ms(void)
{
    return world.monotonic_ms;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int64_t ms = world.monotonic_ms + (clock == CLOCK_REALTIME ? world.wall_offset_ms : 0);
    out->tv_sec = (time_t)(ms / 1000);
    out->tv_nsec = (long)(ms % 1000) * 1000000L;
    return 0;
}

/* Nobody else could signal it. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    (void)cond, (void)mutex, (void)until;
    return ETIMEDOUT;
}

ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)mix(&world.asked);
    return (ssize_t)len;
}

/* ---- the disk ---- */

void fakes_cut_after(uint64_t n)
{
    world.cut_at = world.writes + n;
}

void fakes_cut_now(void)
{
    world.cut = true;
}

bool fakes_is_cut(void)
{
    return world.cut;
}

void fakes_fill_for(uint64_t n)
{
    world.full_until = world.writes + n;
}

void fakes_power_on(void)
{
    torn_forget(&world.disk);
    world.cut = false;
    world.cut_at = world.full_until = 0;
}

uint64_t fakes_trace(void)
{
    return world.trace;
}

/* 0: go on; else errno. */
static int strike(int fd, const char *bytes, size_t len, off_t where)
{
    world.writes++;
    if (world.cut)
        return EIO;
    if (world.cut_at != 0 && world.writes >= world.cut_at) {
        if (bytes && fakes_one_in(2))
            (void)!real_pwrite(fd, bytes, len / 2 / TORN_SECTOR * TORN_SECTOR, where);
        torn_take_back(&world.disk);
        world.cut = true;
        return EIO;
    }
    return bytes && world.writes < world.full_until ? ENOSPC : 0;
}

void fakes_note(uint64_t what)
{
    world.trace = (world.trace ^ what) * UINT64_C(1099511628211) + 1;
}

static ssize_t one_write(int fd, int kind, const char *bytes, size_t len, off_t where)
{
    int why = strike(fd, bytes, len, where);
    if (why == 0 && kind == 1 && !torn_remember(&world.disk, fd, len, where))
        why = ENOMEM;
    if (why != 0) {
        errno = why;
        return -1;
    }
    fakes_note((uint64_t)where << 24 ^ len);
    return real_pwrite(fd, bytes, len, where);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t where)
{
    int kind = torn_kind(fd, "store.mdb");
    return kind ? one_write(fd, kind, bytes, len, where) : real_pwrite(fd, bytes, len, where);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t where)
{
    return pwrite(fd, bytes, len, where);
}

static ssize_t joined(int fd, int kind, const struct iovec *pieces, int n, off_t where)
{
    size_t len = 0, done = 0;
    for (int i = 0; i < n; i++)
        len += pieces[i].iov_len;
    char *all = malloc(len + 1);
    if (!all) {
        errno = ENOMEM;
        return -1;
    }
    for (int i = 0; i < n; i++) {
        memcpy(all + done, pieces[i].iov_base, pieces[i].iov_len);
        done += pieces[i].iov_len;
    }
    ssize_t answer = one_write(fd, kind, all, len, where);
    int why = errno;
    free(all);
    errno = why;
    return answer;
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    int kind = torn_kind(fd, "store.mdb");
    if (!kind)
        return real_writev(fd, pieces, n);
    off_t where = lseek(fd, 0, SEEK_CUR);
    ssize_t answer = joined(fd, kind, pieces, n, where);
    if (answer > 0)
        lseek(fd, where + answer, SEEK_SET);
    return answer;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int n, off_t where)
{
    int kind = torn_kind(fd, "store.mdb");
    return kind ? joined(fd, kind, pieces, n, where) : real_pwritev(fd, pieces, n, where);
}

static int one_sync(int fd)
{
    if (!torn_kind(fd, "store.mdb"))
        return 0;
    int why = strike(fd, NULL, 0, 0);
    if (why == 0)
        torn_forget(&world.disk);
    errno = why;
    return why == 0 ? 0 : -1;
}

int fdatasync(int fd)
{
    return one_sync(fd);
}

int fsync(int fd)
{
    return one_sync(fd);
}
