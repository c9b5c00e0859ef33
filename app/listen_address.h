/*
 * listen_address.h: "127.0.0.1:8080", "[::1]:0", "localhost:8080": where to listen.
 */
#ifndef EGRET_APP_LISTEN_ADDRESS_H
#define EGRET_APP_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct listen_address {
    char host[64];      /* numeric */
    uint16_t port;
    bool loopback, ipv6;
} listen_address;

/* False: the text is not a numeric address (or localhost) with a port. */
bool listen_address_read(listen_address *address, const char *text);

#endif
