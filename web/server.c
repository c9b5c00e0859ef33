/*
 * server.c: libmicrohttpd with one epoll thread behind the small interface of server.h.
 *
 * Two traps of the library shape this file. A response that is queued at the first call of the access handler closes the connection
 * afterwards (5 times slower under load), so the first call only makes the exchange and every answer is given at a later one. And its
 * timeout counts silence, not time, so connections are kept in a list with the moment their request began, and web_server_tick
 * shuts down what takes too long; the library then sees the end of the connection and cleans up itself.
 *
 * An answer that waits for something outside (a commit) is kept in its exchange and the connection suspended; web_later_done, from another
 * thread, resumes it, and the library then calls the access handler once more. It may come before the connection is suspended.
 *
 * A body that grows beyond the limit is not kept any more but still read to its end, up to ten times the limit, so that the client
 * gets to see the 413 instead of a broken connection.
 */
#include "web/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_FACTOR = 10, IDLE_TIMEOUT_S = 30, HEADER_MEMORY = 32 * 1024 };

typedef struct connection {
    struct connection *next, **link;
    int fd;
    int64_t since_ms;       /* monotonic: when it was opened, its request began, or its last one ended */
} connection;

struct web_later {
    struct web_server *server;
    struct MHD_Connection *mhd;
    /* under the server's lock: */
    bool suspended, done;
    const char *trouble;        /* a constant */
};

typedef struct exchange {
    const web_route *route; /* NULL: status says why */
    const char *argument;
    unsigned status;        /* 0, or the refusal that was decided while reading */
    const char *detail;
    char *body;
    size_t len, capacity, drained;
    bool waits;             /* for later; then response is to be given */
    web_response response;
    web_later later;
} exchange;

struct web_server {
    web_server_options options;
    struct MHD_Daemon *daemon;
    int listener;               /* -1: not ours any more */
    uint16_t port;
    size_t body_bytes;          /* of all exchanges; the server's thread */
    pthread_mutex_t lock;       /* guards connections, and what is said there */
    connection *connections;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- connections and their time ---- */

static void open_connection(web_server *server, struct MHD_Connection *mhd, void **context)
{
    connection *c = calloc(1, sizeof *c);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = c;
    if (!c || !info) return;
    c->fd = info->connect_fd;
    c->since_ms = monotonic_ms();
    pthread_mutex_lock(&server->lock);
    c->next = server->connections;
    c->link = &server->connections;
    if (c->next) c->next->link = &c->next;
    server->connections = c;
    pthread_mutex_unlock(&server->lock);
}

static void close_connection(web_server *server, connection *c)
{
    pthread_mutex_lock(&server->lock);
    if (c->link) {
        *c->link = c->next;
        if (c->next) c->next->link = c->link;
    }
    pthread_mutex_unlock(&server->lock);
    free(c);
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) open_connection(user, mhd, context);
    else if (*context) close_connection(user, *context);
}

static void restart_time(web_server *server, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    connection *c = info ? info->socket_context : NULL;
    if (!c) return;
    pthread_mutex_lock(&server->lock);
    c->since_ms = monotonic_ms();
    pthread_mutex_unlock(&server->lock);
}

void web_server_tick(web_server *server)
{
    int64_t oldest_ms = monotonic_ms() - server->options.request_deadline_ms;
    pthread_mutex_lock(&server->lock);
    for (connection *c = server->connections; c; c = c->next)
        if (c->since_ms < oldest_ms) shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
}

/* ---- routes ---- */

/* Does the path fit "/a/b/{c}"? Then *argument is what stands at {c}: not empty and without a slash. */
static bool path_fits(const char *pattern, const char *path, const char **argument)
{
    const char *brace = strchr(pattern, '{');
    *argument = "";
    if (!brace) return strcmp(pattern, path) == 0;
    size_t fixed = (size_t)(brace - pattern);
    if (strncmp(pattern, path, fixed) != 0) return false;
    *argument = path + fixed;
    return **argument != '\0' && !strchr(*argument, '/');
}

static bool method_fits(const char *wanted, const char *method)
{
    return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void find_route(const web_server *server, exchange *x, const char *method, const char *path)
{
    x->status = 404;
    x->detail = "there is nothing at this path";
    for (size_t t = 0; server->options.tables[t]; t++) {
        for (const web_route *route = server->options.tables[t]; route->method; route++) {
            const char *argument;
            if (!path_fits(route->path, path, &argument)) continue;
            if (method_fits(route->method, method)) {
                *x = (exchange){.route = route, .argument = argument};
                return;
            }
            x->status = 405;
            x->detail = route->method;
        }
    }
}

/* ---- who asks ---- */

static size_t host_length(const char *host)
{
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        return end ? (size_t)(end - host) + 1 : strlen(host);
    }
    return strcspn(host, ":");
}

static bool host_is_local(const char *host)
{
    char name[64];
    size_t len = host_length(host);
    if (len >= sizeof name) return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0) return true;
    return web_address_is_loopback(name);
}

bool web_address_is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* A browser names the page that sends a request; only pages of this very server may. */
static void check_asker(const web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    const char *host = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    const char *origin = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN);
    if (server->options.local_only && host && !host_is_local(host)) {
        x->status = 421;
        x->detail = "this server answers to localhost only";
    } else if (origin) {
        const char *name = strstr(origin, "://");
        if (!name || !host || strcmp(name + 3, host) != 0) {
            x->status = 403;
            x->detail = "pages of other sites may not send requests here";
        }
    }
}

/* ---- bodies ---- */

static bool grow_body(web_server *server, exchange *x, size_t more)
{
    size_t needed = x->len + more + WEB_BODY_PADDING;
    if (needed <= x->capacity) return true;
    size_t capacity = x->capacity ? x->capacity * 2 : 4096;
    while (capacity < needed) capacity *= 2;
    char *grown = realloc(x->body, capacity);
    if (!grown) return false;
    memset(grown + x->len, 0, capacity - x->len);
    server->body_bytes += capacity - x->capacity;
    x->body = grown;
    x->capacity = capacity;
    return true;
}

static void drop_body(web_server *server, exchange *x)
{
    server->body_bytes -= x->capacity;
    free(x->body);
    x->body = NULL;
    x->len = x->capacity = 0;
}

static void refuse(web_server *server, exchange *x, unsigned status, const char *detail)
{
    drop_body(server, x);
    x->status = status;
    x->detail = detail;
}

/* Takes a piece of a body. False: enough, close the connection. */
static bool take_piece(web_server *server, exchange *x, const char *data, size_t len)
{
    if (x->status == 0 && x->len + len > server->options.max_body_bytes)
        refuse(server, x, 413, "the body is too large; send it in parts");
    else if (x->status == 0 && server->body_bytes + len > server->options.max_total_body_bytes)
        refuse(server, x, 503, "too many requests at once; try again soon");
    else if (x->status == 0 && !grow_body(server, x, len))
        refuse(server, x, 503, "no memory; try again soon");
    if (x->status != 0) {
        x->drained += len;
        return x->drained <= server->options.max_body_bytes * DRAIN_FACTOR;
    }
    memcpy(x->body + x->len, data, len);
    x->len += len;
    return true;
}

/* ---- answering ---- */

static enum MHD_Result queue_response(struct MHD_Connection *mhd, web_response *response, const char *allow)
{
    char seconds[16];
    struct MHD_Response *r = MHD_create_response_from_buffer(response->body_len, response->body,
                                                             response->body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!r) {
        free(response->body);
        return MHD_NO;
    }
    if (response->content_type) MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (allow) MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
    if (response->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", response->retry_after_s);
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    enum MHD_Result result = MHD_queue_response(mhd, response->status, r);
    MHD_destroy_response(r);
    return result;
}

void web_later_done(web_later *later, const char *trouble)
{
    web_server *server = later->server;
    pthread_mutex_lock(&server->lock);
    later->done = true;
    later->trouble = trouble;
    if (later->suspended) MHD_resume_connection(later->mhd);
    pthread_mutex_unlock(&server->lock);
}

/* What was waited for has come. */
static enum MHD_Result answer_later(web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    pthread_mutex_lock(&server->lock);
    const char *trouble = x->later.trouble;
    bool done = x->later.done;
    pthread_mutex_unlock(&server->lock);
    if (!done) return MHD_YES;
    x->waits = false;
    if (trouble) {
        free(x->response.body);
        x->response = (web_response){.status = 200};
        web_response_problem(&x->response, 503, trouble);
        x->response.retry_after_s = 1;
    }
    return queue_response(mhd, &x->response, NULL);
}

static enum MHD_Result answer(web_server *server, struct MHD_Connection *mhd, exchange *x, const char *path)
{
    web_response response = {.status = 200};
    if (x->status == 405) {
        web_response_problem(&response, 405, "this path takes another method");
        return queue_response(mhd, &response, x->detail);
    }
    if (x->status != 0) {
        web_response_problem(&response, x->status, x->detail);
        if (x->status == 503) response.retry_after_s = 1;
        return queue_response(mhd, &response, NULL);
    }
    if (!grow_body(server, x, 0)) return MHD_NO;
    const char *type = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    x->later = (web_later){.server = server, .mhd = mhd};
    web_request request = {path, x->argument, type ? type : "", x->body, x->len, &x->later};
    x->route->handler(server->options.app, &request, &response);
    if (!response.waits) return queue_response(mhd, &response, NULL);
    x->waits = true;
    x->response = response;
    drop_body(server, x);
    pthread_mutex_lock(&server->lock);
    x->later.suspended = !x->later.done;
    if (x->later.suspended) MHD_suspend_connection(mhd);
    pthread_mutex_unlock(&server->lock);
    return x->later.suspended ? MHD_YES : answer_later(server, mhd, x);
}

static enum MHD_Result on_access(void *user, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                                 const char *data, size_t *len, void **context)
{
    web_server *server = user;
    exchange *x = *context;
    (void)version;
    if (!x) {
        x = calloc(1, sizeof *x);
        if (!x) return MHD_NO;
        find_route(server, x, method, path);
        if (x->status == 0) check_asker(server, mhd, x);
        *context = x;
        return MHD_YES;
    }
    if (*len > 0) {
        bool go_on = take_piece(server, x, data, *len);
        *len = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    return x->waits ? answer_later(server, mhd, x) : answer(server, mhd, x, path);
}

static void on_completed(void *user, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    exchange *x = *context;
    (void)code;
    if (x) drop_body(user, x);
    if (x && x->waits) free(x->response.body);
    free(x);
    *context = NULL;
    restart_time(user, mhd);
}

/* The request line is there: the request's time begins. Gives the exchange's start, which is none yet. */
static void *on_request_line(void *user, const char *uri, struct MHD_Connection *mhd)
{
    (void)uri;
    restart_time(user, mhd);
    return NULL;
}

/* ---- life ---- */

void web_server_defaults(web_server_options *options)
{
    *options = (web_server_options){
        .address = "127.0.0.1",
        .port = 8080,
        .local_only = true,
        .max_body_bytes = 10 * 1024 * 1024,
        .max_total_body_bytes = 128 * 1024 * 1024,
        .max_connections = 512,
        .max_connections_per_address = 0,
        .request_deadline_ms = 60000,
    };
}

static bool fill_address(const web_server_options *options, struct sockaddr_storage *storage, socklen_t *len)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    if (inet_pton(AF_INET, options->address, &four.sin_addr) == 1) {
        memcpy(storage, &four, *len = sizeof four);
        return true;
    }
    if (inet_pton(AF_INET6, options->address, &six.sin6_addr) == 1) {
        memcpy(storage, &six, *len = sizeof six);
        return true;
    }
    return false;
}

/* A bound, listening socket, or -1 with errno. */
static int listen_on(const struct sockaddr_storage *address, socklen_t len, uint16_t *port)
{
    int one = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    struct sockaddr_storage bound = {0};
    socklen_t bound_len = sizeof bound;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, 512) == 0 &&
        getsockname(fd, (struct sockaddr *)&bound, &bound_len) == 0) {
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        memcpy(&four, &bound, sizeof four);
        memcpy(&six, &bound, sizeof six);
        *port = ntohs(bound.ss_family == AF_INET6 ? six.sin6_port : four.sin_port);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct MHD_Daemon *start_daemon(web_server *server)
{
    const web_server_options *options = &server->options;
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
                            MHD_OPTION_LISTEN_SOCKET, server->listener,
                            MHD_OPTION_CONNECTION_LIMIT, options->max_connections,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->max_connections_per_address,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
                            MHD_OPTION_END);
}

web_server *web_server_open(const web_server_options *options, char *reason, size_t reason_size)
{
    struct sockaddr_storage address = {0};
    socklen_t address_len = 0;
    if (!fill_address(options, &address, &address_len)) {
        snprintf(reason, reason_size, "'%s' is not an address in numbers", options->address);
        return NULL;
    }
    web_server *server = calloc(1, sizeof *server);
    if (!server) {
        snprintf(reason, reason_size, "no memory");
        return NULL;
    }
    server->options = *options;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = listen_on(&address, address_len, &server->port);
    if (server->listener < 0) {
        snprintf(reason, reason_size, "%s port %u: %s", options->address, options->port, strerror(errno));
    } else {
        server->daemon = start_daemon(server);
        if (server->daemon) return server;
        snprintf(reason, reason_size, "the HTTP server did not start");
        close(server->listener);
    }
    pthread_mutex_destroy(&server->lock);
    free(server);
    return NULL;
}

uint16_t web_server_port(const web_server *server)
{
    return server->port;
}

void web_server_quiesce(web_server *server)
{
    if (server->listener < 0) return;
    MHD_socket fd = MHD_quiesce_daemon(server->daemon);
    if (fd != MHD_INVALID_SOCKET) close(fd);
    server->listener = -1;
}

void web_server_close(web_server *server)
{
    if (!server) return;
    MHD_stop_daemon(server->daemon);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
