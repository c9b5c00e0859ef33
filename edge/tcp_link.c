/*
 * tcp_link.c: see tcp_link.h. Sockets do not block; the addresses of a name are tried one after the other within one start, so that a server that
 * listens on 127.0.0.1 is found under "localhost" even where that is ::1 first. A server's certificate must be signed by an authority we know and
 * be that of the host.
 */
#include "edge/tcp_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tcp_link {
    tcp_link_options options;
    SSL_CTX *context;           /* NULL: no TLS */
    SSL *tls;
    int fd;
    struct addrinfo *addresses, *address;   /* of the start at hand; the next one to try */
    bool connected;             /* the socket is; TLS may still be shaking hands */
    tcp_link_state state;
    short wants;                /* what TLS waits for */
    char trouble[256];
};

static void say(tcp_link *link, const char *what, const char *why)
{
    snprintf(link->trouble, sizeof link->trouble, "%s%s%s", what, why[0] ? ": " : "", why);
}

/* The newest error of OpenSSL in words. */
static const char *tls_words(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return words ? words : "";
}

static bool read_certificates(tcp_link *link, char *reason, size_t size)
{
    const tcp_link_options *o = &link->options;
    const char *bad = NULL;
    SSL_CTX_set_min_proto_version(link->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(link->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(link->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (o->ca ? SSL_CTX_load_verify_locations(link->context, o->ca, NULL) != 1 : SSL_CTX_set_default_verify_paths(link->context) != 1) bad = "ca";
    else if (o->cert && SSL_CTX_use_certificate_chain_file(link->context, o->cert) != 1) bad = "cert";
    else if (o->key && SSL_CTX_use_PrivateKey_file(link->context, o->key, SSL_FILETYPE_PEM) != 1) bad = "key";
    if (!bad) return true;
    snprintf(reason, size, "option '%s': the file cannot be used: %s", bad, tls_words());
    return false;
}

tcp_link *tcp_link_new(const tcp_link_options *options, char *reason, size_t size)
{
    tcp_link *link = calloc(1, sizeof *link);
    if (!link) {
        snprintf(reason, size, "no memory");
        return NULL;
    }
    link->options = *options;
    link->fd = -1;
    link->state = TCP_LINK_DOWN;
    if (!options->tls) return link;
    link->context = SSL_CTX_new(TLS_client_method());
    if (link->context && read_certificates(link, reason, size)) return link;
    if (!link->context) snprintf(reason, size, "no memory");
    tcp_link_free(link);
    return NULL;
}

static void close_socket(tcp_link *link)
{
    SSL_free(link->tls);
    link->tls = NULL;
    if (link->fd >= 0) close(link->fd);
    link->fd = -1;
    link->connected = false;
}

void tcp_link_stop(tcp_link *link)
{
    if (link->tls && link->state == TCP_LINK_READY) SSL_shutdown(link->tls);
    close_socket(link);
    if (link->addresses) freeaddrinfo(link->addresses);
    link->addresses = link->address = NULL;
    link->state = TCP_LINK_DOWN;
}

void tcp_link_free(tcp_link *link)
{
    if (!link) return;
    tcp_link_stop(link);
    SSL_CTX_free(link->context);
    free(link);
}

static void fail(tcp_link *link)
{
    close_socket(link);
    link->state = TCP_LINK_DOWN;
}

/* Begins with the next address; DOWN when there is none left. */
static void try_address(tcp_link *link)
{
    close_socket(link);
    for (; link->address; link->address = link->address->ai_next) {
        const struct addrinfo *a = link->address;
        int on = 1;
        link->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
        if (link->fd < 0) continue;
        setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(link->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        if (connect(link->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS) {
            link->address = a->ai_next;
            link->state = TCP_LINK_CONNECTING;
            link->wants = POLLOUT;
            return;
        }
        say(link, "cannot connect", strerror(errno));
        close_socket(link);
    }
    link->state = TCP_LINK_DOWN;
}

void tcp_link_start(tcp_link *link)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    tcp_link_stop(link);
    link->trouble[0] = '\0';
    int code = getaddrinfo(link->options.host, link->options.port, &hints, &link->addresses);
    if (code != 0) {
        link->addresses = NULL;
        say(link, link->options.host, gai_strerror(code));
        return;
    }
    link->address = link->addresses;
    try_address(link);
}

static bool begin_tls(tcp_link *link)
{
    const char *host = link->options.host;
    struct in6_addr any;
    bool is_address = inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
    link->tls = SSL_new(link->context);
    if (!link->tls || SSL_set_fd(link->tls, link->fd) != 1) return false;
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(link->tls), host) == 1;
    return SSL_set1_host(link->tls, host) == 1 && SSL_set_tlsext_host_name(link->tls, host) == 1;
}

/* What TLS says of an operation that moved nothing: 0: not now, -1: over. */
static ssize_t judge_tls(tcp_link *link, int result)
{
    int error = errno;
    int code = SSL_get_error(link->tls, result);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        link->wants = code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return 0;
    }
    long verify = SSL_get_verify_result(link->tls);
    if (verify != X509_V_OK) say(link, "the server's certificate", X509_verify_cert_error_string(verify));
    else if (code == SSL_ERROR_SYSCALL) say(link, "the connection ended", error ? strerror(error) : "");
    else if (code == SSL_ERROR_ZERO_RETURN) say(link, "the server closed the connection", "");
    else say(link, "TLS", tls_words());
    ERR_clear_error();
    return -1;
}

/* The socket is ready or has failed: then the next address. */
static bool finish_connect(tcp_link *link)
{
    struct pollfd ready = {link->fd, POLLOUT, 0};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&ready, 1, 0) <= 0) return false;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
    if (error != 0) {
        say(link, "cannot connect", strerror(error));
        try_address(link);
        return false;
    }
    link->connected = true;
    if (!link->context || begin_tls(link)) return true;
    say(link, "TLS", tls_words());
    fail(link);
    return false;
}

tcp_link_state tcp_link_step(tcp_link *link)
{
    if (link->state != TCP_LINK_CONNECTING) return link->state;
    if (!link->connected && !finish_connect(link)) return link->state;
    if (link->tls) {
        int result = SSL_connect(link->tls);
        if (result != 1) {
            if (judge_tls(link, result) < 0) fail(link);
            return link->state;
        }
    }
    link->wants = 0;
    return link->state = TCP_LINK_READY;
}

int tcp_link_fd(const tcp_link *link)
{
    return link->fd;
}

short tcp_link_events(const tcp_link *link)
{
    return link->state == TCP_LINK_CONNECTING ? link->wants : link->wants == POLLOUT ? POLLOUT : 0;
}

/* What read and send say of a socket that moved nothing. */
static ssize_t judge_socket(tcp_link *link, ssize_t n)
{
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
    if (n < 0) say(link, "the connection ended", strerror(errno));
    else say(link, "the server closed the connection", "");
    return -1;
}

ssize_t tcp_link_read(tcp_link *link, char *ptr, size_t len)
{
    if (link->state != TCP_LINK_READY) return -1;
    if (!link->tls) {
        ssize_t n = recv(link->fd, ptr, len, 0);
        return n > 0 ? n : judge_socket(link, n);
    }
    ERR_clear_error();
    errno = 0;
    int n = SSL_read(link->tls, ptr, len > 1 << 30 ? 1 << 30 : (int)len);
    return n > 0 ? n : judge_tls(link, n);
}

ssize_t tcp_link_write(tcp_link *link, const char *ptr, size_t len)
{
    if (link->state != TCP_LINK_READY) return -1;
    if (!link->tls) {
        ssize_t n = send(link->fd, ptr, len, MSG_NOSIGNAL);
        return n > 0 || len == 0 ? n : judge_socket(link, n);
    }
    ERR_clear_error();
    errno = 0;
    int n = len > 0 ? SSL_write(link->tls, ptr, len > 1 << 30 ? 1 << 30 : (int)len) : 0;
    if (n > 0) link->wants = 0;
    return n > 0 || len == 0 ? n : judge_tls(link, n);
}

const char *tcp_link_trouble(const tcp_link *link)
{
    return link->trouble;
}
