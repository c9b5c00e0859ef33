/*
 * slow_disk.c: a disk that stalls, for tests alone: LD_PRELOAD puts it between the daemon and its store. No sync comes back while the file
 * EGRET_STALL is there.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int slowly(int fd, const char *name)
{
    static const struct timespec moment = {.tv_nsec = 10000000};
    int (*real)(int);
    void *found = dlsym(RTLD_NEXT, name);
    const char *stall = getenv("EGRET_STALL");
    while (stall && access(stall, F_OK) == 0) nanosleep(&moment, NULL);
    memcpy(&real, &found, sizeof real);
    return real(fd);
}

int fdatasync(int fd)
{
    return slowly(fd, "fdatasync");
}

int fsync(int fd)
{
    return slowly(fd, "fsync");
}
