/*
 * webhook_sign.c: HMAC-SHA256 by OpenSSL over id, time and body, as Standard Webhooks spells it.
 */
#include "alerting/webhook_sign.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool webhook_key_read(webhook_key *key, const char *secret)
{
    static const char prefix[] = "whsec_";
    if (strncmp(secret, prefix, sizeof prefix - 1) == 0) secret += sizeof prefix - 1;
    size_t len = strlen(secret);
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof key->bytes) return false;
    int n = EVP_DecodeBlock(key->bytes, (const unsigned char *)secret, (int)len);
    if (n < 0) return false;
    /* OpenSSL counts the padding as bytes of zero. */
    size_t padding = (secret[len - 1] == '=') + (size_t)(secret[len - 2] == '=');
    key->len = (size_t)n - padding;
    return key->len >= WEBHOOK_KEY_MIN && key->len <= WEBHOOK_KEY_MAX;
}

bool webhook_sign(const webhook_key *key, const char *id, int64_t timestamp_s, const char *body, size_t len,
                  char out[WEBHOOK_SIGNATURE_SIZE])
{
    char head[128];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    int head_len = snprintf(head, sizeof head, "%s.%" PRId64 ".", id, timestamp_s);
    if (head_len < 0 || (size_t)head_len >= sizeof head || len > SIZE_MAX - sizeof head) return false;
    unsigned char *content = malloc((size_t)head_len + len + 1);
    if (!content) return false;
    memcpy(content, head, (size_t)head_len);
    if (len > 0) memcpy(content + head_len, body, len);
    bool fine = HMAC(EVP_sha256(), key->bytes, (int)key->len, content, (size_t)head_len + len, digest, &digest_len) != NULL &&
                digest_len == 32;
    free(content);
    if (!fine) return false;
    memcpy(out, "v1,", 3);
    EVP_EncodeBlock((unsigned char *)out + 3, digest, (int)digest_len);
    return true;
}
