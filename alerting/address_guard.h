/*
 * address_guard.h: which network addresses an alert may be sent to without being told so.
 */
#ifndef EGRET_ALERTING_ADDRESS_GUARD_H
#define EGRET_ALERTING_ADDRESS_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

/* Is it an address of the public internet? Loopback, private, link-local, shared, documentation, multicast and reserved ranges are not,
 * nor are IPv6 addresses that carry such an IPv4 address, nor other families. */
bool address_is_public(const struct sockaddr *address);

#endif
