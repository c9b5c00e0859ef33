/*
 * line_write.c: see line_write.h. Bytes and newline go out together (writev), so that lines of several writers do not mix.
 */
#include "alerting/line_write.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

bool line_write(int fd, const char *bytes, size_t len)
{
    size_t total = len + 1, done = 0;
    while (done < total) {
        struct iovec parts[2] = {{(void *)(bytes + (done < len ? done : len)), done < len ? len - done : 0}, {(void *)"\n", 1}};
        ssize_t n = writev(fd, parts, 2);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
}
