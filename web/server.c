/*
 * server.c: libmicrohttpd with one epoll thread behind the small interface of server.h: life, connections, and requests until they are whole.
 *
 * Two traps of the library shape this file. A response that is queued at the first call of the access handler closes the connection
 * afterwards (5 times slower under load), so the first call only makes the exchange and every answer is given at a later one. And its
 * timeout counts silence, not time, so connections are kept in a list with the moment their request began, and web_server_tick
 * shuts down what takes too long; the library then sees the end of the connection and cleans up itself.
 *
 * A body that grows beyond the limit is not kept any more but still read to its end, up to ten times the limit, so that the client
 * gets to see the 413 instead of a broken connection. Who may not ask at all is told so before any of the body is kept.
 */
#include "web/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_FACTOR = 10, IDLE_TIMEOUT_S = 30, HEADER_MEMORY = 32 * 1024 };

int64_t server_monotonic_ms(void)
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
    c->since_ms = server_monotonic_ms();
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

connection *server_connection(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void restart_time(web_server *server, struct MHD_Connection *mhd)
{
    connection *c = server_connection(mhd);
    if (!c) return;
    pthread_mutex_lock(&server->lock);
    c->since_ms = server_monotonic_ms();
    pthread_mutex_unlock(&server->lock);
}

void server_works(web_server *server, struct MHD_Connection *mhd, bool works)
{
    connection *c = server_connection(mhd);
    if (!c) return;
    pthread_mutex_lock(&server->lock);
    c->works = works;
    c->since_ms = works ? c->since_ms : server_monotonic_ms();
    pthread_mutex_unlock(&server->lock);
}

void web_server_tick(web_server *server)
{
    int64_t now_ms = server_monotonic_ms(), oldest_ms = now_ms - server->options.request_deadline_ms;
    pthread_mutex_lock(&server->lock);
    for (connection *c = server->connections; c; c = c->next)
        if (c->since_ms < oldest_ms && !c->streams && !c->works) shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    stream_wake_all(server, false, now_ms - server->options.ping_ms);
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

static bool host_is_named(const char *const *hosts, const char *host)
{
    size_t len = host_length(host);
    for (; *hosts; hosts++)
        if (strlen(*hosts) == len && strncasecmp(*hosts, host, len) == 0) return true;
    return false;
}

/* A page of another site must not reach us through a name of its own that leads to this machine. */
static bool host_is_fine(const web_server *server, const char *host)
{
    const web_server_options *options = &server->options;
    if (!host || (!options->local_only && !options->hosts)) return true;
    return (options->local_only && host_is_local(host)) || (options->hosts && host_is_named(options->hosts, host));
}

static void refuse_asker(exchange *x, unsigned status, const char *detail)
{
    x->status = status;
    x->detail = detail;
}

/* A browser names the page that sends a request; only pages of this very server may. */
static void check_asker(const web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    const char *host = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    const char *origin = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN);
    const char *name = origin ? strstr(origin, "://") : NULL;
    if (!host_is_fine(server, host))
        refuse_asker(x, 421, server->options.local_only ? "this server answers to localhost only" : "this server does not answer to this name");
    else if (origin && (!name || !host || strcmp(name + 3, host) != 0))
        refuse_asker(x, 403, "pages of other sites may not send requests here");
    else if (server->options.tls_client_ca && !tls_client_is_known(mhd))
        refuse_asker(x, 403, "a client certificate is needed that this server trusts");
}

/* Has this request the right to what its route does? Sending events is bounded by the queue, and not by the rate of a token. */
static void check_right(const web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    web_verdict verdict;
    const web_route *route = x->match.route;
    if (!server->options.access) {
        snprintf(x->who, sizeof x->who, "local");
        return;
    }
    const char *token = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    web_role needs = route ? route->role : WEB_ANYONE;
    web_access_check(server->options.access, token, needs, needs > WEB_INGEST, server_monotonic_ms(), &verdict);
    memcpy(x->who, verdict.who, sizeof x->who);
    if (verdict.status == 0) return;
    x->retry_after_s = verdict.retry_after_s;
    refuse_asker(x, verdict.status, verdict.detail);
}

/* ---- the query ---- */

static enum MHD_Result take_query(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    exchange *x = user;
    (void)kind;
    size_t name_len = strlen(name), value_len = value ? strlen(value) : 0;
    web_query *q = &x->query[x->n_query];
    if (x->n_query == WEB_MAX_QUERY) {
        refuse_asker(x, 400, "the query has too many parameters");
        return MHD_NO;
    }
    *q = (web_query){malloc(name_len + 1), malloc(value_len + 1)};
    x->n_query++;
    if (!q->name || !q->value) refuse_asker(x, 503, "no memory; try again soon");
    else if (!router_decode(name, name_len, true, q->name, name_len + 1) || !router_decode(value ? value : "", value_len, true, q->value, value_len + 1))
        refuse_asker(x, 400, "the query is not well-formed");
    return x->status == 0 ? MHD_YES : MHD_NO;
}

static void free_query(exchange *x)
{
    for (size_t i = 0; i < x->n_query; i++) {
        free(x->query[i].name);
        free(x->query[i].value);
    }
}

const char *web_query_value(const web_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_query; i++)
        if (strcmp(request->query[i].name, name) == 0) return request->query[i].value;
    return NULL;
}

/* ---- bodies ---- */

bool server_grow_body(web_server *server, exchange *x, size_t more)
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

void server_drop_body(web_server *server, exchange *x)
{
    server->body_bytes -= x->capacity;
    free(x->body);
    x->body = NULL;
    x->len = x->capacity = 0;
}

static void refuse(web_server *server, exchange *x, unsigned status, const char *detail)
{
    server_drop_body(server, x);
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
    else if (x->status == 0 && !server_grow_body(server, x, len))
        refuse(server, x, 503, "no memory; try again soon");
    if (x->status != 0) {
        x->drained += len;
        return x->drained <= server->options.max_body_bytes * DRAIN_FACTOR;
    }
    memcpy(x->body + x->len, data, len);
    x->len += len;
    return true;
}

/* ---- requests ---- */

/* What can be said of a request by its head. */
static void judge_head(web_server *server, struct MHD_Connection *mhd, const char *method, const char *path, exchange *x)
{
    router_find(server->options.tables, method, path, &x->match);
    check_asker(server, mhd, x);
    if (x->status == 0) check_right(server, mhd, x);
    if (x->status != 0) return;
    if (x->match.status == 404) refuse_asker(x, 404, "there is nothing at this path");
    else if (x->match.status == 405) refuse_asker(x, 405, "this path takes another method");
    else if (x->match.status == 400) refuse_asker(x, 400, "the path is not well-formed: an escape is broken, or it is not UTF-8");
    else MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, take_query, x);
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
        x->server = server;
        judge_head(server, mhd, method, path, x);
        *context = x;
        return MHD_YES;
    }
    if (*len > 0) {
        bool go_on = take_piece(server, x, data, *len);
        *len = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    return x->waits ? answer_later(server, mhd, x) : answer_request(server, mhd, x, path);
}

static void on_completed(void *user, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    exchange *x = *context;
    (void)code;
    if (x) server_drop_body(user, x);
    if (x && x->waits) free(x->response.body);
    if (x && x->waits && x->response.stream.fill && x->response.stream.free) x->response.stream.free(x->response.stream.state);
    if (x) free_query(x);
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
        .max_streams = 64,
        .max_waiting = 256,
        .workers = 4,
        .request_deadline_ms = 60000,
        .ping_ms = 15000,
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

/* Nothing is decoded before the path has been taken apart. */
static size_t leave_escapes(void *user, struct MHD_Connection *mhd, char *text)
{
    (void)user, (void)mhd;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(web_server *server)
{
    const web_server_options *options = &server->options;
    unsigned tls = options->tls_certificate ? MHD_USE_TLS : 0;
    struct MHD_OptionItem secrets[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key},
        {options->tls_client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, (void *)(uintptr_t)options->tls_client_ca},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | tls, 0, NULL, NULL, on_access, server,
                            MHD_OPTION_LISTEN_SOCKET, server->listener,
                            MHD_OPTION_CONNECTION_LIMIT, options->max_connections,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->max_connections_per_address,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
                            MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, server,
                            MHD_OPTION_ARRAY, tls ? secrets : none,
                            MHD_OPTION_END);
}

static bool is_scarce(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOSPC || code == ENOBUFS;
}

static bool start_threads(web_server *server, char *reason, size_t reason_size)
{
    bool tls = server->options.tls_certificate != NULL;
    server->workers = worker_pool_new(server->options.workers, server->options.max_waiting);
    if (tls && !tls_is_there()) {
        snprintf(reason, reason_size, "libmicrohttpd of this machine was built without TLS");
        return false;
    }
    errno = 0;
    server->daemon = server->workers ? start_daemon(server) : NULL;
    if (!server->daemon)
        snprintf(reason, reason_size, "the HTTP server did not start%s%s%s", errno ? ": " : "", errno ? strerror(errno) : "",
                 tls && !is_scarce(errno) ? ": is the certificate PEM, and the key its own?" : "");
    return server->daemon != NULL;
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
    if (server->listener < 0) snprintf(reason, reason_size, "%s port %u: %s", options->address, options->port, strerror(errno));
    else if (start_threads(server, reason, reason_size)) return server;
    if (server->listener >= 0) close(server->listener);
    worker_pool_free(server->workers);
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
    worker_pool_free(server->workers);
    stream_wake_all(server, true, INT64_MAX);
    MHD_stop_daemon(server->daemon);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
