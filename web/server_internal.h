/*
 * server_internal.h: what the files of the server share: server.c (life, connections, requests), answer.c (responses), stream.c, worker.c, tls.c.
 */
#ifndef EGRET_WEB_SERVER_INTERNAL_H
#define EGRET_WEB_SERVER_INTERNAL_H

#include "web/router.h"
#include "web/worker.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SERVER_FIRST_STATUS = 200, SERVER_STATUSES = 400 };

typedef struct connection {
    struct connection *next, **link;
    int fd;
    int64_t since_ms;       /* monotonic: when it was opened, its request began, or its last one ended */
    bool streams;           /* has no end, and no limit in time */
    bool works;             /* its request is with a worker: what takes time is not the client */
} connection;

struct web_later {
    struct web_server *server;
    struct MHD_Connection *mhd;
    /* under the server's lock: */
    bool suspended, done;
    const char *trouble;        /* a constant */
};

/* A client of a stream of events. */
typedef struct stream_client {
    struct stream_client *next, **link;
    struct web_server *server;
    struct MHD_Connection *mhd;
    web_stream stream;
    egret_text pending;         /* said, and not taken by the library yet: from `sent` on */
    size_t sent;
    int64_t spoke_ms;           /* monotonic: when it last said something */
    /* under the server's lock: */
    bool suspended, woken;
} stream_client;

typedef struct exchange {
    struct web_server *server;
    router_match match;
    unsigned status;        /* 0, or the refusal that was decided while reading */
    const char *detail;
    unsigned retry_after_s;
    char who[WEB_WHO_BYTES];
    web_query query[WEB_MAX_QUERY];
    size_t n_query;
    char *body;
    size_t len, capacity, drained;
    bool waits;             /* for later; then response is to be given */
    web_request request;    /* while it waits, or is with a worker */
    web_response response;
    web_later later;
} exchange;

struct web_server {
    web_server_options options;
    struct MHD_Daemon *daemon;
    int listener;               /* -1: not ours any more */
    uint16_t port;
    size_t body_bytes;          /* of all exchanges; the server's thread */
    worker_pool *workers;
    pthread_mutex_t lock;       /* guards connections and streams, and what is said there */
    connection *connections;
    stream_client *streams;
    unsigned n_streams;
    bool closing;
    atomic_ullong answers[SERVER_STATUSES];     /* by status, from SERVER_FIRST_STATUS on */
};

int64_t server_monotonic_ms(void);
connection *server_connection(struct MHD_Connection *mhd);     /* NULL: no memory was there for it */

/* stream.c. Takes over the stream of the response; NULL: none could be made (and the stream is freed). */
struct MHD_Response *stream_open(web_server *server, struct MHD_Connection *mhd, web_stream *stream);
void stream_wake_all(web_server *server, bool to_end, int64_t silent_since_ms);

/* answer.c */
enum MHD_Result answer_queue(web_server *server, struct MHD_Connection *mhd, web_response *response, const char *allow);
/* The request is whole: refuses, runs its handler, or gives it to a worker. */
enum MHD_Result answer_request(web_server *server, struct MHD_Connection *mhd, exchange *x, const char *path);
/* What was waited for may have come. */
enum MHD_Result answer_later(web_server *server, struct MHD_Connection *mhd, exchange *x);

/* Room for so many more bytes of body; false: no memory. */
bool server_grow_body(web_server *server, exchange *x, size_t more);
void server_drop_body(web_server *server, exchange *x);
/* The request goes to a worker, or is back: its time stands still meanwhile. */
void server_works(web_server *server, struct MHD_Connection *mhd, bool works);

/* tls.c. False: the client has shown no certificate of ours. */
bool tls_client_is_known(struct MHD_Connection *mhd);
bool tls_is_there(void);

#endif
