/*
 * access.h: who may do what: bearer tokens with roles, and how many requests a second one token may send.
 *
 * Tokens are kept in the file `tokens` of the data folder (web/tokens.h), which is read again when it has changed, so that a token made or
 * revoked by a command holds at once. While there has never been a token everybody may do everything: the server then listens on
 * loopback only. A file that cannot be read lets nobody in.
 *
 * Threads: web_access_check belongs to the server's thread; opening and closing to whoever made it.
 */
#ifndef EGRET_WEB_ACCESS_H
#define EGRET_WEB_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum web_role {
    WEB_ANYONE,     /* no token is asked for */
    WEB_INGEST,     /* sends events, and nothing else */
    WEB_VIEWER,     /* reads */
    WEB_AUTHOR,     /* reads, and changes rules, lists, snoozes, alerts */
    WEB_ADMIN       /* all */
} web_role;

typedef struct web_access web_access;

enum { WEB_WHO_BYTES = 96 };

typedef struct web_verdict {
    unsigned status;            /* 0: may; else 401, 403, 429 */
    const char *detail;         /* a constant */
    unsigned retry_after_s;     /* 429 */
    char who[WEB_WHO_BYTES];    /* name of the token */
} web_verdict;

const char *web_role_name(web_role role);
bool web_role_read(const char *name, web_role *role);   /* "ingest", "viewer", "author", "admin" */
/* May somebody of role `has` do what asks for `needs`? */
bool web_role_may(web_role has, web_role needs);

/* path: the file of tokens, which need not exist. rate: requests a second of one token, in bursts of twice as many; 0: any number. NULL: no
 * memory. */
web_access *web_access_open(const char *path, unsigned rate);
void web_access_close(web_access *access);              /* NULL is allowed */
bool web_access_is_open(const web_access *access);      /* there has never been a token */
/* header: of Authorization, or NULL. counted: the request counts against the rate. now_ms: monotonic. */
void web_access_check(web_access *access, const char *header, web_role needs, bool counted, int64_t now_ms, web_verdict *verdict);

#endif
