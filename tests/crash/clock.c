/*
 * clock.c: a wall clock that jumps, for tests alone (LD_PRELOAD): it is so many seconds off as the file EGRET_CLOCK_FILE says at that moment. The
 * clock that only counts is left alone.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static int (*real_clock_gettime)(clockid_t, struct timespec *);

static long off_s(void)
{
    long off = 0;
    const char *path = getenv("EGRET_CLOCK_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (file && fscanf(file, "%ld", &off) != 1)
        off = 0;
    if (file)
        fclose(file);
    return off;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (!real_clock_gettime) {
        void *found = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&real_clock_gettime, &found, sizeof found);
    }
    int answer = real_clock_gettime(clock, out);
    if (answer == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += off_s();
    return answer;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int answer = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return answer;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
