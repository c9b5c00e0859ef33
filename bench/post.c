/*
 * post.c: sends events by HTTP as fast as they are answered, over many connections that are kept, and says how long answers took.
 *
 *   post PORT PATH FILE CONNECTIONS LINES SECONDS [once]
 *
 * The lines of FILE go out in order, so many to a request, and from the beginning again when all have been sent (once: then it ends); each connection has one request under
 * way. It must cost little beside the daemon it measures, so there is one thread and bodies are sent from where the file lies in memory.
 * Prints: events answered with 202, seconds, answers, their median and 99th percentile and longest in ms, refusals (429 and 503, sent again).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 512, ANSWER_BYTES = 4096, MAX_ANSWERS = 1 << 22 };

typedef struct body { size_t at, len, lines; } body;

typedef struct connection {
    char head[512], answer[ANSWER_BYTES];
    size_t head_len, sent, got;
    const body *of;
    double began;
    bool waits;                 /* all has been sent */
} connection;

typedef struct load {
    const char *path, *text;
    body *bodies;
    size_t n_bodies, next;
    double *took;
    size_t n_took, events, refused;
    connection all[MAX_CONNECTIONS];
    struct pollfd fds[MAX_CONNECTIONS];
    unsigned n;
} load;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "post: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Cuts the file into bodies of so many lines. */
static void cut(load *l, const char *file, size_t lines)
{
    struct stat about;
    int fd = open(file, O_RDONLY);
    if (fd < 0 || fstat(fd, &about) != 0) fail(file);
    size_t size = (size_t)about.st_size, cap = 0;
    l->text = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (l->text == MAP_FAILED) fail(file);
    close(fd);
    for (size_t at = 0, first = 0, n = 0; at < size;) {
        const char *end = memchr(l->text + at, '\n', size - at);
        at = end ? (size_t)(end - l->text) + 1 : size;
        if (++n < lines && at < size) continue;
        if (l->n_bodies == cap) l->bodies = realloc(l->bodies, (cap = cap ? cap * 2 : 1024) * sizeof *l->bodies);
        if (!l->bodies) fail("memory");
        l->bodies[l->n_bodies++] = (body){first, at - first, n};
        first = at;
        n = 0;
    }
    if (l->n_bodies == 0) fail("the file is empty");
}

static int connect_to(uint16_t port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void begin(load *l, unsigned i, const body *again)
{
    connection *c = &l->all[i];
    c->of = again ? again : &l->bodies[l->next++ % l->n_bodies];
    c->head_len = (size_t)snprintf(c->head, sizeof c->head,
                                   "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n", l->path, c->of->len);
    c->sent = c->got = 0;
    c->waits = false;
    c->began = now();
    l->fds[i].events = POLLOUT;
}

static void send_some(load *l, unsigned i)
{
    connection *c = &l->all[i];
    struct iovec parts[2];
    int n = 0;
    size_t done = c->sent > c->head_len ? c->sent - c->head_len : 0;
    if (c->sent < c->head_len) parts[n++] = (struct iovec){c->head + c->sent, c->head_len - c->sent};
    parts[n++] = (struct iovec){(char *)(uintptr_t)(l->text + c->of->at + done), c->of->len - done};
    ssize_t got = writev(l->fds[i].fd, parts, n);
    if (got < 0 && errno != EAGAIN) fail("send");
    if (got > 0) c->sent += (size_t)got;
    if (c->sent < c->head_len + c->of->len) return;
    c->waits = true;
    l->fds[i].events = POLLIN;
}

/* Is the answer all there? */
static bool is_whole(connection *c)
{
    c->answer[c->got] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n"), *length = strcasestr(c->answer, "content-length:");
    return end && length && c->got >= (size_t)(end + 4 - c->answer) + strtoul(length + 15, NULL, 10);
}

/* Takes an answer in and begins the next request; stop: no next one. */
static void receive(load *l, unsigned i, bool stop)
{
    connection *c = &l->all[i];
    ssize_t got = read(l->fds[i].fd, c->answer + c->got, ANSWER_BYTES - 1 - c->got);
    if (got == 0) errno = ECONNRESET;
    if (got == 0 || (got < 0 && errno != EAGAIN)) fail("receive");
    if (got > 0) c->got += (size_t)got;
    if (!is_whole(c)) return;
    int status = atoi(c->answer + 9);
    const body *again = status == 202 ? NULL : c->of;
    if (status != 202 && status != 429 && status != 503) {
        fprintf(stderr, "post: %.*s\n", (int)c->got, c->answer);
        exit(1);
    }
    if (status == 202 && l->n_took < MAX_ANSWERS) {
        l->took[l->n_took++] = now() - c->began;
        l->events += c->of->lines;
    }
    l->refused += status != 202;
    if (stop) l->fds[i].fd = -1 - l->fds[i].fd;
    else begin(l, i, again);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(load *l, double seconds)
{
    qsort(l->took, l->n_took, sizeof *l->took, compare);
    size_t n = l->n_took ? l->n_took : 1;
    printf("{\"events\": %zu, \"seconds\": %.3f, \"answers\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"longest_ms\": %.2f, \"refused\": %zu}\n", l->events, seconds,
           l->n_took, l->took[n / 2] * 1e3, l->took[n * 99 / 100] * 1e3, l->took[n - 1] * 1e3, l->refused);
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 8) {
        fprintf(stderr, "usage: post PORT PATH FILE CONNECTIONS LINES SECONDS [once]\n");
        return 2;
    }
    load *l = calloc(1, sizeof *l);
    if (!l || !(l->took = calloc(MAX_ANSWERS, sizeof *l->took))) fail("memory");
    l->path = argv[2];
    cut(l, argv[3], strtoul(argv[5], NULL, 10));
    l->n = (unsigned)strtoul(argv[4], NULL, 10);
    if (l->n == 0 || l->n > MAX_CONNECTIONS) fail("1 to 512 connections");
    for (unsigned i = 0; i < l->n; i++) l->fds[i] = (struct pollfd){.fd = connect_to((uint16_t)strtoul(argv[1], NULL, 10))};
    double began = now(), until = began + strtod(argv[6], NULL);
    for (unsigned i = 0; i < l->n; i++) begin(l, i, NULL);    /* with fewer bodies than that, some go twice */
    for (unsigned open = l->n; open > 0;) {
        if (poll(l->fds, l->n, 30000) <= 0) fail("no answer for 30 s");
        bool stop = now() >= until || (argc == 8 && l->next >= l->n_bodies);
        for (unsigned i = 0; i < l->n; i++) {
            if (l->fds[i].revents == 0) continue;
            if (l->all[i].waits) receive(l, i, stop);
            else send_some(l, i);
            open -= l->fds[i].fd < 0;
        }
    }
    tell(l, now() - began);
    return 0;
}
