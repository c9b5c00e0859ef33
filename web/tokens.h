/*
 * tokens.h: the file of access tokens: one JSON object a line: id, name, role, hash, created, expires, revoked.
 *
 * A token is "egret_", an id of 8 hex digits and 256 random bits in base64url. The file has its SHA-256 alone, so that who reads the
 * file cannot use it; the prefix "egret_<id>" names it in lists and logs. Changes are made under a lock and replace the file whole.
 */
#ifndef EGRET_WEB_TOKENS_H
#define EGRET_WEB_TOKENS_H

#include "web/access.h"

enum { TOKEN_ID_DIGITS = 8, TOKEN_HASH_BYTES = 32, TOKEN_NAME_BYTES = 64, TOKEN_TEXT_BYTES = 72, TOKENS_MAX = 10000 };

typedef struct token {
    char id[TOKEN_ID_DIGITS + 1];
    char name[TOKEN_NAME_BYTES + 1];
    web_role role;
    unsigned char hash[TOKEN_HASH_BYTES];
    int64_t created_ms, expires_ms, revoked_ms;     /* wall clock; expires, revoked 0: not */
} token;

typedef struct token_list {
    token *tokens;      /* owned */
    size_t n;
} token_list;

/* 0, or an errno: EINVAL says that a line is not one of a token file. No file: an empty list. */
int tokens_read(const char *path, token_list *out);
void tokens_free(token_list *list);
/* Makes one and adds it to the file; text gets what its holder must show, TOKEN_TEXT_BYTES. expires_ms 0: never. 0 or an errno. */
int tokens_create(const char *path, const char *name, web_role role, int64_t now_ms, int64_t expires_ms, token *out, char *text);
/* Marks it; ENOENT: there is none of that id or prefix. */
int tokens_revoke(const char *path, const char *id, int64_t now_ms);

bool token_name_is_fine(const char *name);      /* printable ASCII, not empty, not too long */
void token_hash(const char *text, unsigned char hash[TOKEN_HASH_BYTES]);
/* The one whose secret it is and that holds now, or NULL; takes as long whichever it is. */
const token *tokens_find(const token_list *list, const char *text, int64_t now_ms);

#endif
