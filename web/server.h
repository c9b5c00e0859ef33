/*
 * server.h: an HTTP server for small JSON exchanges: routes in, requests whole, responses whole; and streams of server-sent events.
 *
 * Threads: the server owns one thread (epoll) and a few workers. Handlers of routes with WEB_BLOCKS run on a worker and may wait for others,
 * for seconds at most; all other handlers run on the server's thread, one at a time, and must not block. web_server_tick and
 * web_server_close are called from the thread that opened it.
 * Limits: connections, connections per address, header memory, body size, bytes of all bodies together, requests that wait for a worker,
 * streams, requests a second of one token (web/access.h), and an absolute time per request: the library's own timeout only sees silence,
 * and a client that sends a byte a second is never silent.
 */
#ifndef EGRET_WEB_SERVER_H
#define EGRET_WEB_SERVER_H

#include "compiler/text.h"
#include "web/access.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes readable behind a body, so that parsers that read ahead may read in place. */
enum { WEB_BODY_PADDING = 64, WEB_MAX_ARGUMENTS = 2, WEB_MAX_QUERY = 16, WEB_ETAG_BYTES = 72 };

/* An answer that something outside still has to allow: see web_response.waits. */
typedef struct web_later web_later;

typedef struct web_query {
    char *name, *value;         /* decoded */
} web_query;

typedef struct web_request {
    const char *path;           /* as sent, without the query */
    const char *argument;       /* what stands at the first {…} of the route, decoded; "" when it has none */
    const char *second;         /* at the second */
    const char *content_type;   /* as sent, or "" */
    const char *if_match;       /* as sent, or NULL */
    const char *last_event_id;  /* as sent, or NULL */
    const char *who;            /* whose token it is; "local" when no tokens are asked for */
    const web_query *query;
    size_t n_query;
    const char *body;           /* body_len bytes and WEB_BODY_PADDING more that may be read */
    size_t body_len;
    web_later *later;           /* of this request; NULL on a worker */
} web_request;

/* What a stream says next. Called on the server's thread whenever there may be something (web_server_wake): appends what there is now, a few
 * kilobytes at most at a time; nothing: it is asked again at the next wake. False: the stream ends. */
typedef struct web_stream {
    bool (*fill)(void *state, egret_text *out);
    void (*free)(void *state);  /* when the client has gone */
    void *state;
} web_stream;

typedef struct web_response {
    unsigned status;            /* 200 until set */
    const char *content_type;   /* a constant */
    char *body;                 /* malloced; the server takes it */
    size_t body_len;
    unsigned retry_after_s;     /* 0: no such header */
    char etag[WEB_ETAG_BYTES];  /* "": no such header; with its quotes */
    const char *policy;         /* content security policy, a constant; NULL: nothing may be loaded */
    web_stream stream;          /* fill is set: these events, without end, instead of a body */
    /* The answer is given when web_later_done is called for the request's `later`; until then the server does other things. Whoever sets it
     * sees to it that it is called, once, before web_server_close. Not on a worker. */
    bool waits;
} web_response;

typedef void (*web_handler)(void *app, const web_request *request, web_response *response);

enum { WEB_BLOCKS = 1 /* the handler runs on a worker */ };

/* One row of the table of routes, from which the OpenAPI document is made, too (web/openapi.h says how the texts are written). */
typedef struct web_route {
    const char *method;         /* "GET" (answers HEAD, too), "POST", "PUT", "PATCH", "DELETE"; NULL ends a table */
    const char *path;           /* "/livez", "/v1/keys/{rule}/{key}": {…} is one segment */
    web_handler handler;
    const char *summary;
    web_role role;              /* who may */
    unsigned flags;
    const char *query;          /* "limit:integer how many at most; rule:string of this rule only" */
    const char *takes;          /* "application/json RuleText" and further ones behind commas; NULL: no body */
    const char *gives;          /* "200 application/json RuleList; 204": answers of its own */
    const char *refuses;        /* "404 409": problems of its own; those that every such route has come by themselves */
} web_route;

typedef struct web_server_options {
    const char *address;        /* numeric, "127.0.0.1" or "::1" */
    uint16_t port;              /* 0: any */
    const web_route *const *tables;     /* NULL-terminated list of tables that end with a route without method; borrowed */
    void *app;                  /* given to handlers */
    web_access *access;         /* who may what; borrowed; NULL: all may all */
    bool local_only;            /* refuse requests whose Host is not this machine: a web page must not reach us through its own name */
    const char *const *hosts;   /* NULL-terminated: other names under which requests may ask for us; NULL and not local_only: any */
    const char *tls_certificate, *tls_key;      /* PEM texts; NULL: no TLS */
    const char *tls_client_ca;  /* PEM text: clients must show a certificate of it; NULL: they need none */
    size_t max_body_bytes, max_total_body_bytes;
    unsigned max_connections, max_connections_per_address;
    unsigned max_streams, max_waiting, workers;
    int64_t request_deadline_ms;
    int64_t ping_ms;            /* a stream says something at least so often */
} web_server_options;

typedef struct web_server web_server;

void web_server_defaults(web_server_options *options);
/* NULL: a sentence in `reason`. */
web_server *web_server_open(const web_server_options *options, char *reason, size_t reason_size);
uint16_t web_server_port(const web_server *server);
/* Cuts connections whose request takes too long, and pings streams. Call it about once a second. */
void web_server_tick(web_server *server);
/* Asks all streams whether they have something to say. From any thread. */
void web_server_wake(web_server *server);
unsigned web_server_streams(web_server *server);    /* clients of streams now */
uint64_t web_server_answers(web_server *server, unsigned status);   /* given with it so far; from any thread */
/* No new connections; those that are open go on until web_server_close. */
void web_server_quiesce(web_server *server);
void web_server_close(web_server *server);      /* NULL is allowed */

/* The answer that waits may go; trouble: it is a 503 with this sentence instead. From any thread, also while the handler still runs. */
void web_later_done(web_later *later, const char *trouble);

/* The value of a query parameter, or NULL. */
const char *web_query_value(const web_request *request, const char *name);

/* Bodies. Without memory the response is an empty 500. */
void web_response_text(web_response *response, unsigned status, const char *content_type, const char *text, size_t len);
/* An RFC 9457 problem document; detail may be NULL. */
void web_response_problem(web_response *response, unsigned status, const char *detail);

/* Is it a loopback address, as text? */
bool web_address_is_loopback(const char *address);

#endif
