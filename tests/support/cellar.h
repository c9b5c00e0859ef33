/*
 * cellar.h: where blocks go that do not fit: packs in memory, for tests with a limit. Its functions are those of an nfa_cold_host, which names the cellar
 * as its user; whoever has one frees it. The tests include cmocka before it.
 */
#ifndef EGRET_TESTS_SUPPORT_CELLAR_H
#define EGRET_TESTS_SUPPORT_CELLAR_H

#include "compiler/text.h"

#include <stdlib.h>
#include <string.h>

typedef struct cellar {
    struct { char *bytes; size_t len; } *pack;
    uint32_t n;
    bool refuses, forgets;      /* there is no room; what was kept cannot be read */
} cellar;

static inline bool cellar_put(void *user, uint32_t pack, const char *bytes, size_t len)
{
    cellar *c = user;
    if (c->refuses) return false;
    if (pack >= c->n) {
        c->pack = realloc(c->pack, (pack + 1) * sizeof *c->pack);
        assert_non_null(c->pack);
        memset(&c->pack[c->n], 0, (pack + 1 - c->n) * sizeof *c->pack);
        c->n = pack + 1;
    }
    free(c->pack[pack].bytes);
    c->pack[pack].bytes = malloc(len + 1);
    assert_non_null(c->pack[pack].bytes);
    memcpy(c->pack[pack].bytes, bytes, len);
    c->pack[pack].len = len;
    return true;
}

static inline bool cellar_get(void *user, uint32_t pack, egret_text *out)
{
    cellar *c = user;
    if (c->forgets) return false;
    assert_true(pack < c->n);
    assert_non_null(c->pack[pack].bytes);
    egret_text_put(out, c->pack[pack].bytes, c->pack[pack].len);
    return true;
}

static inline void cellar_free(cellar *c)
{
    for (uint32_t i = 0; i < c->n; i++) free(c->pack[i].bytes);
    free(c->pack);
    memset(c, 0, sizeof *c);
}

#endif
