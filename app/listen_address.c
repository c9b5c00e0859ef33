/*
 * listen_address.c: see listen_address.h. Names are not looked up: what is listened on must be plain from the command line.
 */
#include "app/listen_address.h"

#include "web/server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    unsigned long number = strtoul(text, &end, 10);
    if (*end != '\0' || number > 65535) return false;
    *port = (uint16_t)number;
    return true;
}

bool listen_address_read(listen_address *address, const char *text)
{
    struct in6_addr bytes;
    *address = (listen_address){0};
    const char *colon = strrchr(text, ':');
    if (!colon || !read_port(colon + 1, &address->port)) return false;
    size_t len = (size_t)(colon - text);
    address->ipv6 = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (address->ipv6) text++, len -= 2;
    if (len == 0 || len >= sizeof address->host) return false;
    memcpy(address->host, text, len);
    if (!address->ipv6 && strcmp(address->host, "localhost") == 0) strcpy(address->host, "127.0.0.1");
    address->loopback = web_address_is_loopback(address->host);
    return inet_pton(address->ipv6 ? AF_INET6 : AF_INET, address->host, &bytes) == 1;
}
