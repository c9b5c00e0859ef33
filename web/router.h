/*
 * router.h: from a method and a path as sent to a row of the table of routes. Pure functions.
 *
 * A path is taken apart at its slashes before anything in it is decoded, so an encoded slash is part of an argument and never a separator; there
 * are no dots to resolve, as paths name no files. What is no UTF-8 or has a zero byte in it is no argument.
 */
#ifndef EGRET_WEB_ROUTER_H
#define EGRET_WEB_ROUTER_H

#include "web/server.h"

enum { ROUTER_ARGUMENT_BYTES = 1024, ROUTER_ALLOW_BYTES = 64 };

typedef struct router_match {
    const web_route *route;     /* NULL: status says why */
    unsigned status;            /* 404, 405, 400 */
    char allow[ROUTER_ALLOW_BYTES];     /* 405: the methods there are */
    char arguments[WEB_MAX_ARGUMENTS][ROUTER_ARGUMENT_BYTES];
} router_match;

void router_find(const web_route *const *tables, const char *method, const char *path, router_match *out);

/* Decodes %XX (and + when it is of a query). False: it is broken, too long, not UTF-8, or has a zero byte. */
bool router_decode(const char *text, size_t len, bool plus, char *out, size_t size);

#endif
