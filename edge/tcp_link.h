/*
 * tcp_link.h: a connection to a server as a run of bytes, with TLS where asked for. Nothing here waits but the look-up of the host's name.
 *
 * Owned by one thread. Bytes go and come only when it is ready; step makes it so, a bit at a time.
 */
#ifndef EGRET_EDGE_TCP_LINK_H
#define EGRET_EDGE_TCP_LINK_H

#include "egret.h"

#include <sys/types.h>

typedef struct tcp_link tcp_link;

typedef struct tcp_link_options {
    const char *host, *port;        /* borrowed until free */
    bool tls;
    const char *ca, *cert, *key;    /* PEM files; NULL: the system's authorities, no certificate of ours */
} tcp_link_options;

typedef enum tcp_link_state { TCP_LINK_CONNECTING, TCP_LINK_READY, TCP_LINK_DOWN } tcp_link_state;

/* NULL: a sentence in `reason`: files of certificates that cannot be used, no memory. */
tcp_link *tcp_link_new(const tcp_link_options *options, char *reason, size_t size);
void tcp_link_free(tcp_link *link);                 /* NULL is allowed */
void tcp_link_start(tcp_link *link);                /* begins a connection; one that there was is closed */
tcp_link_state tcp_link_step(tcp_link *link);       /* goes on with it */
void tcp_link_stop(tcp_link *link);
int tcp_link_fd(const tcp_link *link);              /* -1: none */
short tcp_link_events(const tcp_link *link);        /* what poll should wait for before the next step, read or write; 0: nothing */
/* Bytes moved; 0: not now; -1: the connection is over, trouble says why. */
ssize_t tcp_link_read(tcp_link *link, char *ptr, size_t len);
ssize_t tcp_link_write(tcp_link *link, const char *ptr, size_t len);
const char *tcp_link_trouble(const tcp_link *link); /* a sentence; lives until the next start */

#endif
