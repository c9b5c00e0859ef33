/*
 * server.h: an HTTP server for small JSON exchanges: routes in, requests whole, responses whole.
 *
 * Threads: the server owns one thread (epoll); handlers run on it, one at a time, and must not block. web_server_tick and web_server_close
 * are called from the thread that opened it.
 * Limits: connections, connections per address, header memory, body size, bytes of all bodies together, and an absolute time per
 * request: the library's own timeout only sees silence, and a client that sends a byte a second is never silent.
 */
#ifndef EGRET_WEB_SERVER_H
#define EGRET_WEB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes readable behind a body, so that parsers that read ahead may read in place. */
enum { WEB_BODY_PADDING = 64 };

/* An answer that something outside still has to allow: see web_response.waits. */
typedef struct web_later web_later;

typedef struct web_request {
    const char *path;           /* decoded, without the query */
    const char *argument;       /* what stands at {…} of the route; "" when it has none */
    const char *content_type;   /* as sent, or "" */
    const char *body;           /* body_len bytes and WEB_BODY_PADDING more that may be read */
    size_t body_len;
    web_later *later;           /* of this request */
} web_request;

typedef struct web_response {
    unsigned status;            /* 200 until set */
    const char *content_type;   /* a constant */
    char *body;                 /* malloced; the server takes it */
    size_t body_len;
    unsigned retry_after_s;     /* 0: no such header */
    /* The answer is given when web_later_done is called for the request's `later`; until then the server does other things. Whoever sets it
     * sees to it that it is called, once, before web_server_close. */
    bool waits;
} web_response;

typedef void (*web_handler)(void *app, const web_request *request, web_response *response);

typedef struct web_route {
    const char *method;         /* "GET" (answers HEAD, too) or "POST" */
    const char *path;           /* "/livez", "/v1/events/{stream}": one {…} at the end */
    web_handler handler;
    const char *summary;
} web_route;

typedef struct web_server_options {
    const char *address;        /* numeric, "127.0.0.1" or "::1" */
    uint16_t port;              /* 0: any */
    const web_route *const *tables;     /* NULL-terminated list of tables that end with a route without method; borrowed */
    void *app;                  /* given to handlers */
    bool local_only;            /* refuse requests whose Host is not this machine: a web page must not reach us through its own name */
    size_t max_body_bytes, max_total_body_bytes;
    unsigned max_connections, max_connections_per_address;
    int64_t request_deadline_ms;
} web_server_options;

typedef struct web_server web_server;

void web_server_defaults(web_server_options *options);
/* NULL: a sentence in `reason`. */
web_server *web_server_open(const web_server_options *options, char *reason, size_t reason_size);
uint16_t web_server_port(const web_server *server);
/* Cuts connections whose request takes too long. Call it about once a second. */
void web_server_tick(web_server *server);
/* No new connections; those that are open go on until web_server_close. */
void web_server_quiesce(web_server *server);
void web_server_close(web_server *server);      /* NULL is allowed */

/* The answer that waits may go; trouble: it is a 503 with this sentence instead. From any thread, also while the handler still runs. */
void web_later_done(web_later *later, const char *trouble);

/* Bodies. Without memory the response is an empty 500. */
void web_response_text(web_response *response, unsigned status, const char *content_type, const char *text, size_t len);
/* An RFC 9457 problem document; detail may be NULL. */
void web_response_problem(web_response *response, unsigned status, const char *detail);

/* Is it a loopback address, as text? */
bool web_address_is_loopback(const char *address);

#endif
