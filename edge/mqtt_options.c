/*
 * mqtt_options.c: see mqtt_options.h.
 */
#include "edge/mqtt_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* host, host:port, [v6]:port; false: it is none of these, or no memory. */
static bool split(mqtt_address *address, const char *host, const char *port_then)
{
    const char *end = host + strcspn(host, "/");
    bool bracket = *host == '[';
    const char *host_end = memchr(host, bracket ? ']' : ':', (size_t)(end - host));
    if (bracket && !host_end) return false;
    if (!host_end) host_end = end;
    const char *port = bracket ? host_end + 1 : host_end;
    address->host = strndup(host + bracket, (size_t)(host_end - host) - bracket);
    address->port = port < end && *port == ':' ? strndup(port + 1, (size_t)(end - port) - 1) : strdup(port_then);
    return address->host && address->port && address->host[0] && address->port[0] && !strchr(address->host, '@');
}

bool mqtt_address_read(mqtt_address *address, const char *url, char *reason, size_t size)
{
    static const struct { const char *scheme, *port; bool tls; } schemes[] = {
        {"mqtt://", "1883", false}, {"tcp://", "1883", false}, {"mqtts://", "8883", true}, {"ssl://", "8883", true}};
    *address = (mqtt_address){0};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i].scheme);
        if (strncmp(url, schemes[i].scheme, n) != 0) continue;
        address->tls = schemes[i].tls;
        if (split(address, url + n, schemes[i].port)) return true;
        break;
    }
    snprintf(reason, size, "option 'url' is mqtt://host:port or mqtts://host:port; user and password are options of their own");
    return false;
}

void mqtt_address_deinit(mqtt_address *address)
{
    free(address->host);
    free(address->port);
    *address = (mqtt_address){0};
}
