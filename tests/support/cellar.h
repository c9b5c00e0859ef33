/*
 * cellar.h: where blocks go that do not fit: packs in memory, for tests with a limit. Its functions are those of an nfa_cold_host, which names the cellar
 * as its user; whoever has one frees the packs. The tests include cmocka before it.
 */
#ifndef EGRET_TESTS_SUPPORT_CELLAR_H
#define EGRET_TESTS_SUPPORT_CELLAR_H

#include "compiler/text.h"

#include <stdlib.h>
#include <string.h>

typedef struct cellar { char *bytes[64]; size_t len[64]; } cellar;

static inline bool cellar_put(void *user, uint32_t pack, const char *bytes, size_t len)
{
    cellar *c = user;
    assert_true(pack < 64);
    free(c->bytes[pack]);
    c->bytes[pack] = malloc(len + 1);
    assert_non_null(c->bytes[pack]);
    memcpy(c->bytes[pack], bytes, len);
    c->len[pack] = len;
    return true;
}

static inline bool cellar_get(void *user, uint32_t pack, egret_text *out)
{
    cellar *c = user;
    egret_text_put(out, c->bytes[pack], c->len[pack]);
    return true;
}

#endif
