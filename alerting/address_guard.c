/*
 * address_guard.c: keeps a webhook's URL from reaching into the network it runs in (server-side request forgery).
 *
 * The check is on the address that is about to be connected to, after all names, redirections and odd spellings (0x7f.1, 2130706433) have
 * been resolved, so that there is nothing left to trick. IPv4 ranges are one table; IPv6 addresses that embed an IPv4 address are judged by it.
 */
#include "alerting/address_guard.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

typedef struct range4 {
    uint32_t base;
    int bits;
} range4;

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const range4 not_public4[] = {
    {IP4(0, 0, 0, 0), 8},       {IP4(10, 0, 0, 0), 8},      {IP4(100, 64, 0, 0), 10},   {IP4(127, 0, 0, 0), 8},
    {IP4(169, 254, 0, 0), 16},  {IP4(172, 16, 0, 0), 12},   {IP4(192, 0, 0, 0), 24},    {IP4(192, 0, 2, 0), 24},
    {IP4(192, 168, 0, 0), 16},  {IP4(198, 18, 0, 0), 15},   {IP4(198, 51, 100, 0), 24}, {IP4(203, 0, 113, 0), 24},
    {IP4(224, 0, 0, 0), 4},     {IP4(240, 0, 0, 0), 4},
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof not_public4 / sizeof not_public4[0]; i++) {
        uint32_t mask = ~(uint32_t)0 << (32 - not_public4[i].bits);
        if ((address & mask) == not_public4[i].base) return false;
    }
    return true;
}

static uint32_t read4(const unsigned char *bytes)
{
    return IP4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

typedef struct range6 {
    unsigned char base[16];
    int bits;
    int embedded;   /* where an IPv4 address stands that decides; -1: the range is not public */
} range6;

static const range6 special6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12},       /* ::ffff:a.b.c.d */
    {{0}, 96, -1},                                              /* ::, ::1 and the old embedding */
    {{0, 0x64, 0xff, 0x9b}, 96, 12},                            /* 64:ff9b::/96, NAT64 */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, -1},                      /* its local-use sibling */
    {{0x20, 0x02}, 16, 2},                                      /* 6to4 */
    {{0x20, 0x01, 0, 0}, 32, -1},                               /* Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, -1},                         /* documentation */
    {{0xfc}, 7, -1},                                            /* unique local */
    {{0xfe, 0x80}, 10, -1},                                     /* link-local */
    {{0xfe, 0xc0}, 10, -1},                                     /* site-local */
    {{0xff}, 8, -1},                                            /* multicast */
};

static bool has_prefix(const unsigned char *address, const unsigned char *base, int bits)
{
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(address, base, (size_t)whole) != 0) return false;
    unsigned char mask = (unsigned char)(0xff << (8 - rest));
    return rest == 0 || (address[whole] & mask) == base[whole];
}

static bool is_public6(const unsigned char *address)
{
    for (size_t i = 0; i < sizeof special6 / sizeof special6[0]; i++)
        if (has_prefix(address, special6[i].base, special6[i].bits))
            return special6[i].embedded >= 0 && is_public4(read4(address + special6[i].embedded));
    return true;
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return is_public6(in.sin6_addr.s6_addr);
    }
    return false;
}
