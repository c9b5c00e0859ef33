/*
 * torn_disk.h: what a power cut does to a file: writes since its last sync are taken back, but for a random half of their pages.
 *
 * For libraries and programs that stand between a store and its disk. Each write is remembered with what stood there before, until a sync.
 */
#ifndef EGRET_TESTS_TORN_DISK_H
#define EGRET_TESTS_TORN_DISK_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TORN_PAGE = 4096, TORN_SECTOR = 512 };

typedef struct torn_write {
    struct torn_write *next;
    int fd;
    off_t at;
    size_t len, had;        /* had: bytes that stood there, the rest was beyond the end */
    char before[];
} torn_write;

typedef struct torn_disk {
    torn_write *newest;
    unsigned long long random;
    ssize_t (*read)(int, void *, size_t, off_t);
    ssize_t (*write)(int, const void *, size_t, off_t);
} torn_disk;

static inline unsigned torn_random(torn_disk *d)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 7;
    d->random ^= d->random << 17;
    return (unsigned)(d->random >> 32);
}

/* It is synced. */
static inline void torn_forget(torn_disk *d)
{
    for (torn_write *w = d->newest, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    d->newest = NULL;
}

/* Before a write. False: no memory. */
static inline bool torn_remember(torn_disk *d, int fd, size_t len, off_t where)
{
    torn_write *w = malloc(sizeof *w + len);
    if (!w)
        return false;
    ssize_t had = d->read(fd, w->before, len, where);
    w->next = d->newest;
    w->fd = fd;
    w->at = where;
    w->len = len;
    w->had = had > 0 ? (size_t)had : 0;
    d->newest = w;
    return true;
}

/* Newest first, a page at a time, some stay. What lay beyond the end becomes zeros: the file may have grown, its pages need not be there. */
static inline void torn_take_back(torn_disk *d)
{
    static const char zeros[TORN_PAGE];
    for (const torn_write *w = d->newest; w; w = w->next)
        for (size_t i = 0; i < w->len; i += TORN_PAGE) {
            size_t some = w->len - i < TORN_PAGE ? w->len - i : TORN_PAGE;
            if (torn_random(d) % 2 != 0)
                (void)!d->write(w->fd, i + some <= w->had ? w->before + i : zeros, some, w->at + (off_t)i);
        }
}

/* Is it a file of this name? 2: and each write to it is synced (LMDB writes its meta pages so). */
static inline int torn_kind(int fd, const char *name)
{
    static const char proc[] = "/proc/self/fd/";
    char link[64], path[4096], digits[12];
    size_t n = sizeof proc - 1, name_len = strlen(name);
    int d = 0;
    if (fd < 0)
        return 0;
    memcpy(link, proc, n);
    for (int rest = fd; rest > 0 || d == 0; rest /= 10)
        digits[d++] = (char)('0' + rest % 10);
    while (d > 0)
        link[n++] = digits[--d];
    link[n] = '\0';
    ssize_t len = readlink(link, path, sizeof path);
    if (len < (ssize_t)name_len || memcmp(path + len - (ssize_t)name_len, name, name_len) != 0)
        return 0;
    return fcntl(fd, F_GETFL) & O_DSYNC ? 2 : 1;
}

#endif
