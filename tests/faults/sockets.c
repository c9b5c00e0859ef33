/*
 * sockets.c: socket calls that fail, for tests alone: LD_PRELOAD puts it between the daemon, with the libraries that speak for it, and the kernel.
 *
 * Call number EGRET_SOCKET_AT (from 1, of those named EGRET_SOCKET_CALL; EGRET_SOCKET_FOR of them in a row) fails with what such a call may fail with;
 * which of these, the number decides. How often each was called is written to EGRET_SOCKET_COUNTS as the process ends, one a line. A poll that fails with
 * EINTR says nothing about its sockets, so all polls are counted as one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

typedef enum call { SOCKET, BIND, LISTEN, ACCEPT, CONNECT, SEND, RECV, POLL, OPTION, NAME, PAIR, EVENTFD, EPOLL_CREATE, EPOLL_CTL, CALLS } call;

static const struct { const char *name; int why[3]; } calls[CALLS] = {
    [SOCKET] = {"socket", {EMFILE, ENOBUFS, EAFNOSUPPORT}},
    [BIND] = {"bind", {EADDRINUSE, EACCES, EADDRNOTAVAIL}},
    [LISTEN] = {"listen", {EADDRINUSE, EADDRINUSE, ENOBUFS}},
    [ACCEPT] = {"accept", {EMFILE, ECONNABORTED, ENOBUFS}},
    [CONNECT] = {"connect", {ECONNREFUSED, ENETUNREACH, ETIMEDOUT}},
    [SEND] = {"send", {ECONNRESET, EPIPE, ENOBUFS}},
    [RECV] = {"recv", {ECONNRESET, ETIMEDOUT, ENOTCONN}},
    [POLL] = {"poll", {EINTR, ENOMEM, EINTR}},
    [OPTION] = {"option", {ENOBUFS, EINVAL, ENOPROTOOPT}},
    [NAME] = {"name", {ENOBUFS, ENOTCONN, EINVAL}},
    [PAIR] = {"pair", {EMFILE, ENFILE, ENOBUFS}},
    [EVENTFD] = {"eventfd", {EMFILE, ENFILE, ENOMEM}},
    [EPOLL_CREATE] = {"epoll_create", {EMFILE, ENFILE, ENOMEM}},
    [EPOLL_CTL] = {"epoll_ctl", {ENOMEM, ENOSPC, ENOMEM}},
};

static atomic_long counts[CALLS];
static long at = -1, row = 1;
static const char *wanted = "";

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("EGRET_SOCKET_AT");
    at = text ? atol(text) : -1;
    text = getenv("EGRET_SOCKET_FOR");
    row = text ? atol(text) : 1;
    text = getenv("EGRET_SOCKET_CALL");
    wanted = text ? text : "";
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("EGRET_SOCKET_COUNTS");
    FILE *file = path ? fopen(path, "w") : NULL;
    for (int i = 0; file && i < CALLS; i++)
        fprintf(file, "%s %ld\n", calls[i].name, atomic_load(&counts[i]));
    if (file)
        fclose(file);
}

static bool fails(call which)
{
    long n = atomic_fetch_add(&counts[which], 1) + 1;
    if (n < at || n >= at + row || strcmp(calls[which].name, wanted) != 0)
        return false;
    errno = calls[which].why[n % 3];
    return true;
}

static void find(void *to, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(to, &found, sizeof found);
}

/* Each is called by its own name; the real one is looked up once. */
#define FAIL(which, type, name, declared, used)                                                                                                \
    type name declared                                                                                                                         \
    {                                                                                                                                          \
        static type (*real) declared;                                                                                                          \
        if (!real)                                                                                                                             \
            find(&real, #name);                                                                                                                \
        return fails(which) ? -1 : real used;                                                                                                  \
    }

FAIL(SOCKET, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAIL(BIND, int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
FAIL(LISTEN, int, listen, (int fd, int n), (fd, n))
FAIL(ACCEPT, int, accept, (int fd, struct sockaddr *restrict address, socklen_t *restrict len), (fd, address, len))
FAIL(ACCEPT, int, accept4, (int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags), (fd, address, len, flags))
FAIL(CONNECT, int, connect, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
FAIL(SEND, ssize_t, send, (int fd, const void *bytes, size_t len, int flags), (fd, bytes, len, flags))
FAIL(SEND, ssize_t, sendto, (int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to, socklen_t size), (fd, bytes, len, flags, to, size))
FAIL(SEND, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAIL(RECV, ssize_t, recv, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags))
FAIL(RECV, ssize_t, recvfrom, (int fd, void *restrict bytes, size_t len, int flags, struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, bytes, len, flags, from, size))
FAIL(RECV, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAIL(POLL, int, poll, (struct pollfd *fds, nfds_t n, int timeout), (fds, n, timeout))
FAIL(POLL, int, select, (int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict e, struct timeval *restrict timeout), (n, r, w, e, timeout))
FAIL(POLL, int, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout), (fd, events, n, timeout))
FAIL(OPTION, int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len))
FAIL(OPTION, int, getsockopt, (int fd, int level, int name, void *restrict value, socklen_t *restrict len), (fd, level, name, value, len))
FAIL(NAME, int, getsockname, (int fd, struct sockaddr *restrict address, socklen_t *restrict len), (fd, address, len))
FAIL(NAME, int, getpeername, (int fd, struct sockaddr *restrict address, socklen_t *restrict len), (fd, address, len))
FAIL(PAIR, int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
FAIL(PAIR, int, pipe2, (int fds[2], int flags), (fds, flags))
FAIL(PAIR, int, pipe, (int fds[2]), (fds))
FAIL(EVENTFD, int, eventfd, (unsigned n, int flags), (n, flags))
FAIL(EPOLL_CREATE, int, epoll_create1, (int flags), (flags))

/* To take a descriptor out needs nothing that could be missing. */
int epoll_ctl(int fd, int op, int other, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);
    if (!real)
        find(&real, "epoll_ctl");
    return op != EPOLL_CTL_DEL && fails(EPOLL_CTL) ? -1 : real(fd, op, other, event);
}
