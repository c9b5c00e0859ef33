/*
 * sockets.c: socket calls that fail, for tests alone: LD_PRELOAD puts it between the daemon, with the libraries that speak for it, and the kernel.
 *
 * Call number EGRET_SOCKET_AT (from 1, of those named EGRET_SOCKET_CALL; EGRET_SOCKET_FOR of them in a row) fails with what such a call may fail with;
 * which of these, the number decides. How often each was called is written to EGRET_SOCKET_COUNTS as the process ends, one a line. A poll that fails with
 * EINTR says nothing about its sockets, so all polls are counted as one. EGRET_SOCKET_OF: calls alone that come from a library with this in its file's
 * name. Calls that are for files, too (read, write, close, fcntl), count where they are for sockets.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef enum call {
    SOCKET, BIND, LISTEN, ACCEPT, CONNECT, SEND, RECV, POLL, OPTION, NAME, PAIR, EVENTFD, EPOLL_CREATE, EPOLL_CTL, FCNTL, CLOSE, RESOLVE, CALLS
} call;

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
    [FCNTL] = {"fcntl", {EINVAL, EMFILE, EPERM}},
    [CLOSE] = {"close", {EIO, EINTR, EIO}},                         /* it is closed all the same */
    [RESOLVE] = {"resolve", {EAI_AGAIN, EAI_MEMORY, EAI_FAIL}},     /* what getaddrinfo returns */
};

static atomic_long counts[CALLS];
static long at = -1, row = 1;
static const char *wanted = "", *library = "";

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("EGRET_SOCKET_AT");
    at = text ? atol(text) : -1;
    text = getenv("EGRET_SOCKET_FOR");
    row = text ? atol(text) : 1;
    text = getenv("EGRET_SOCKET_CALL");
    wanted = text ? text : "";
    text = getenv("EGRET_SOCKET_OF");
    library = text ? text : "";
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

static bool is_from_library(const void *caller)
{
    Dl_info info;
    return !library[0] || (dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, library));
}

/* 0: it does not; else with what. */
static int failure(call which, const void *caller)
{
    if (!is_from_library(caller))
        return 0;
    long n = atomic_fetch_add(&counts[which], 1) + 1;
    if (n < at || n >= at + row || strcmp(calls[which].name, wanted) != 0)
        return 0;
    return calls[which].why[n % 3];
}

static bool fails(call which, const void *caller)
{
    int why = failure(which, caller);
    if (why != 0)
        errno = why;
    return why != 0;
}

static bool is_socket(int fd)
{
    struct stat info;
    int before = errno;
    bool socket = fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
    errno = before;
    return socket;
}

static void find(void *to, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(to, &found, sizeof found);
}

/* Each is called by its own name; the real one is looked up once. */
#define FAIL_WHEN(when, which, type, name, declared, used)                                                                                                \
    type name declared                                                                                                                         \
    {                                                                                                                                          \
        static type (*real) declared;                                                                                                          \
        if (!real)                                                                                                                             \
            find(&real, #name);                                                                                                                \
        return (when) && fails(which, __builtin_return_address(0)) ? -1 : real used;                                                           \
    }
#define FAIL(which, type, name, declared, used) FAIL_WHEN(true, which, type, name, declared, used)

FAIL(SOCKET, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAIL(BIND, int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
FAIL(LISTEN, int, listen, (int fd, int n), (fd, n))
FAIL(ACCEPT, int, accept, (int fd, struct sockaddr *restrict address, socklen_t *restrict len), (fd, address, len))
FAIL(ACCEPT, int, accept4, (int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags), (fd, address, len, flags))
FAIL(CONNECT, int, connect, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
FAIL(SEND, ssize_t, send, (int fd, const void *bytes, size_t len, int flags), (fd, bytes, len, flags))
FAIL(SEND, ssize_t, sendto, (int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to, socklen_t size), (fd, bytes, len, flags, to, size))
FAIL(SEND, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAIL_WHEN(is_socket(fd), SEND, ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
FAIL_WHEN(is_socket(fd), SEND, ssize_t, writev, (int fd, const struct iovec *pieces, int n), (fd, pieces, n))
FAIL_WHEN(is_socket(fd), RECV, ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len))
FAIL_WHEN(is_socket(fd), RECV, ssize_t, readv, (int fd, const struct iovec *pieces, int n), (fd, pieces, n))
FAIL(RECV, ssize_t, recv, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags))
FAIL(RECV, ssize_t, recvfrom, (int fd, void *restrict bytes, size_t len, int flags, struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, bytes, len, flags, from, size))
FAIL(RECV, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAIL(POLL, int, poll, (struct pollfd *fds, nfds_t n, int timeout), (fds, n, timeout))
/* What the C library's headers make of some calls where a program is built with _FORTIFY_SOURCE. */
FAIL(POLL, int, __poll_chk, (struct pollfd *fds, nfds_t n, int timeout, size_t room), (fds, n, timeout, room))
FAIL(RECV, ssize_t, __recv_chk, (int fd, void *bytes, size_t len, size_t room, int flags), (fd, bytes, len, room, flags))
FAIL(RECV, ssize_t, __recvfrom_chk, (int fd, void *restrict bytes, size_t len, size_t room, int flags, struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, bytes, len, room, flags, from, size))
FAIL_WHEN(is_socket(fd), RECV, ssize_t, __read_chk, (int fd, void *bytes, size_t len, size_t room), (fd, bytes, len, room))
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
    return op != EPOLL_CTL_DEL && fails(EPOLL_CTL, __builtin_return_address(0)) ? -1 : real(fd, op, other, event);
}

/* All its third arguments fit into a pointer. */
int fcntl(int fd, int command, ...)
{
    static int (*real)(int, int, void *);
    va_list list;
    if (!real)
        find(&real, "fcntl");
    va_start(list, command);
    void *more = va_arg(list, void *);
    va_end(list);
    return is_socket(fd) && fails(FCNTL, __builtin_return_address(0)) ? -1 : real(fd, command, more);
}

int fcntl64(int fd, int command, ...)
{
    static int (*real)(int, int, void *);
    va_list list;
    if (!real)
        find(&real, "fcntl64");
    va_start(list, command);
    void *more = va_arg(list, void *);
    va_end(list);
    return is_socket(fd) && fails(FCNTL, __builtin_return_address(0)) ? -1 : real(fd, command, more);
}

int close(int fd)
{
    static int (*real)(int);
    if (!real)
        find(&real, "close");
    bool bad = is_socket(fd) && fails(CLOSE, __builtin_return_address(0));
    int why = errno, answer = real(fd);
    if (!bad)
        return answer;
    errno = why;
    return -1;
}

int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real)
        find(&real, "getaddrinfo");
    int why = failure(RESOLVE, __builtin_return_address(0));
    return why != 0 ? why : real(node, service, hints, found);
}
