/*
 * webhook_sign.h: signatures of Standard Webhooks 1.0.0 (symmetric, "v1").
 */
#ifndef EGRET_ALERTING_WEBHOOK_SIGN_H
#define EGRET_ALERTING_WEBHOOK_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEBHOOK_KEY_MIN = 24, WEBHOOK_KEY_MAX = 64, WEBHOOK_SIGNATURE_SIZE = 48 };

typedef struct webhook_key {
    unsigned char bytes[WEBHOOK_KEY_MAX + 3];
    size_t len;
} webhook_key;

/* Takes "whsec_" and base64 of 24 to 64 bytes; the prefix may be missing. False: it is not that. */
bool webhook_key_read(webhook_key *key, const char *secret);
/* "v1,…" over {id}.{timestamp_s}.{body}, NUL-terminated. False: the library refused (no memory). */
bool webhook_sign(const webhook_key *key, const char *id, int64_t timestamp_s, const char *body, size_t len,
                  char out[WEBHOOK_SIGNATURE_SIZE]);

#endif
