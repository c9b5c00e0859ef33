/*
 * tokens.c: see tokens.h.
 */
#include "web/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "egret_";

/* ---- secrets ---- */

void token_hash(const char *text, unsigned char hash[TOKEN_HASH_BYTES])
{
    unsigned len = 0;
    memset(hash, 0, TOKEN_HASH_BYTES);
    EVP_Digest(text, strlen(text), hash, &len, EVP_sha256(), NULL);
}

static void put_hex(char *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool read_hex(const char *text, unsigned char *out, size_t n)
{
    if (strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n) return false;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {text[2 * i], text[2 * i + 1], 0};
        out[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    return true;
}

/* "egret_", id, "_", 43 letters for 32 bytes. */
static int make_text(char *text, char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[TOKEN_ID_DIGITS / 2 + TOKEN_HASH_BYTES];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return errno ? errno : EIO;
    put_hex(id, random, TOKEN_ID_DIGITS / 2);
    int at = snprintf(text, TOKEN_TEXT_BYTES, "%s%s_", prefix, id);
    const unsigned char *secret = random + TOKEN_ID_DIGITS / 2;
    unsigned bits = 0, n_bits = 0;
    for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
        bits = bits << 8 | secret[i];
        for (n_bits += 8; n_bits >= 6; n_bits -= 6) text[at++] = letters[bits >> (n_bits - 6) & 63];
    }
    text[at++] = letters[bits << (6 - n_bits) & 63];
    text[at] = '\0';
    OPENSSL_cleanse(random, sizeof random);
    return 0;
}

const token *tokens_find(const token_list *list, const char *text, int64_t now_ms)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    const token *found = NULL;
    token_hash(text, hash);
    for (size_t i = 0; i < list->n; i++) {
        const token *t = &list->tokens[i];
        bool same = CRYPTO_memcmp(hash, t->hash, TOKEN_HASH_BYTES) == 0;
        if (same && t->revoked_ms == 0 && (t->expires_ms == 0 || now_ms < t->expires_ms)) found = t;
    }
    return found;
}

bool token_name_is_fine(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (name[i] < ' ' || name[i] > '~') return false;
    return len > 0 && len <= TOKEN_NAME_BYTES;
}

/* ---- reading ---- */

static bool read_token(const json_t *object, token *out)
{
    const char *id = json_string_value(json_object_get(object, "id")), *name = json_string_value(json_object_get(object, "name"));
    const char *role = json_string_value(json_object_get(object, "role")), *hash = json_string_value(json_object_get(object, "hash"));
    *out = (token){0};
    if (!id || strlen(id) != TOKEN_ID_DIGITS || !name || !token_name_is_fine(name) || !role || !hash) return false;
    memcpy(out->id, id, TOKEN_ID_DIGITS);
    memcpy(out->name, name, strlen(name));
    out->created_ms = json_integer_value(json_object_get(object, "created_ms"));
    out->expires_ms = json_integer_value(json_object_get(object, "expires_ms"));
    out->revoked_ms = json_integer_value(json_object_get(object, "revoked_ms"));
    return web_role_read(role, &out->role) && read_hex(hash, out->hash, TOKEN_HASH_BYTES);
}

static int read_lines(FILE *file, token_list *out)
{
    char *line = NULL;
    size_t size = 0, capacity = 0;
    int error = 0;
    while (error == 0 && getline(&line, &size, file) > 0) {
        if (out->n == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            token *grown = capacity > 2 * TOKENS_MAX ? NULL : realloc(out->tokens, capacity * sizeof *grown);
            if (!grown) error = capacity > 2 * TOKENS_MAX ? EINVAL : ENOMEM;
            else out->tokens = grown;
        }
        json_t *object = error == 0 ? json_loads(line, 0, NULL) : NULL;
        if (error == 0 && !(object && read_token(object, &out->tokens[out->n]))) error = EINVAL;
        out->n += error == 0;
        json_decref(object);
    }
    free(line);
    return error ? error : ferror(file) ? EIO : 0;
}

int tokens_read(const char *path, token_list *out)
{
    *out = (token_list){0};
    FILE *file = fopen(path, "re");
    if (!file) return errno == ENOENT ? 0 : errno;
    int error = read_lines(file, out);
    fclose(file);
    if (error != 0) tokens_free(out);
    return error;
}

void tokens_free(token_list *list)
{
    free(list->tokens);
    *list = (token_list){0};
}

/* ---- writing ---- */

static int write_lines(FILE *file, const token_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const token *t = &list->tokens[i];
        char hash[2 * TOKEN_HASH_BYTES + 1];
        put_hex(hash, t->hash, TOKEN_HASH_BYTES);
        json_t *object = json_pack("{ss ss ss ss sI sI sI}", "id", t->id, "name", t->name, "role", web_role_name(t->role), "hash", hash,
                                   "created_ms", (json_int_t)t->created_ms, "expires_ms", (json_int_t)t->expires_ms, "revoked_ms",
                                   (json_int_t)t->revoked_ms);
        bool fine = object && json_dumpf(object, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF;
        json_decref(object);
        if (!fine) return object ? EIO : ENOMEM;
    }
    return fflush(file) != 0 || fsync(fileno(file)) != 0 ? errno : 0;
}

/* The file whole or as it was. */
static int replace_file(const char *path, const token_list *list)
{
    char *next;
    if (asprintf(&next, "%s.new", path) < 0) return ENOMEM;
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    int error = file ? write_lines(file, list) : errno;
    if (file) fclose(file);
    else if (fd >= 0) close(fd);
    if (error == 0 && rename(next, path) != 0) error = errno;
    if (error != 0 && fd >= 0) unlink(next);
    free(next);
    return error;
}

/* One change at a time, whoever makes it. A descriptor, or -1 with errno. */
static int lock_file(const char *path)
{
    char *name;
    if (asprintf(&name, "%s.lock", path) < 0) return -1;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(name);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int tokens_create(const char *path, const char *name, web_role role, int64_t now_ms, int64_t expires_ms, token *out, char *text)
{
    int lock = lock_file(path);
    if (lock < 0) return errno;
    token_list list;
    int error = tokens_read(path, &list);
    if (error == 0 && list.n >= TOKENS_MAX) error = ENOSPC;
    *out = (token){.role = role, .created_ms = now_ms, .expires_ms = expires_ms};
    snprintf(out->name, sizeof out->name, "%s", name);
    if (error == 0) error = make_text(text, out->id);
    token *grown = error == 0 ? realloc(list.tokens, (list.n + 1) * sizeof *grown) : NULL;
    if (error == 0 && !grown) error = ENOMEM;
    if (grown) {
        token_hash(text, out->hash);
        list.tokens = grown;
        list.tokens[list.n++] = *out;
        error = replace_file(path, &list);
    }
    tokens_free(&list);
    close(lock);
    return error;
}

int tokens_revoke(const char *path, const char *id, int64_t now_ms)
{
    if (strncmp(id, prefix, strlen(prefix)) == 0) id += strlen(prefix);
    int lock = lock_file(path);
    if (lock < 0) return errno;
    token_list list;
    int error = tokens_read(path, &list);
    token *found = NULL;
    for (size_t i = 0; error == 0 && i < list.n; i++)
        if (strcmp(list.tokens[i].id, id) == 0) found = &list.tokens[i];
    if (error == 0 && !found) error = ENOENT;
    if (found && found->revoked_ms == 0) {
        found->revoked_ms = now_ms;
        error = replace_file(path, &list);
    }
    tokens_free(&list);
    close(lock);
    return error;
}
