/*
 * cold_packs.c: key = number of the pack; value = checksum, raw length, bytes (zstd).
 *
 * Each pack is a transaction of its own: only when it is in the file may its memory be freed. Without syncing that is some pages written into the
 * cache of the system, some ten microseconds.
 */
#include "store/cold_packs.h"

#include "store/store.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const size_t MAP_BYTES = (size_t)1 << STORE_MAP_BITS;
static const uint64_t MAX_RAW = UINT64_C(1) << 32;
enum { LEVEL = 1 };

typedef struct pack_head { uint64_t check, raw_len; } pack_head;

struct cold_packs {
    MDB_env *env;
    MDB_dbi table;
    MDB_txn *read;          /* reset between two reads */
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    char *blob, *raw;
    size_t cap_blob, cap_raw;
    uint64_t written;
};

static bool make_room(char **bytes, size_t *cap, size_t wanted)
{
    if (wanted <= *cap)
        return true;
    char *grown = realloc(*bytes, wanted);
    if (grown == NULL)
        return false;
    *bytes = grown;
    *cap = wanted;
    return true;
}

static int put_value(cold_packs *c, uint32_t number, size_t len)
{
    MDB_txn *txn;
    MDB_val key = {sizeof number, &number}, value = {len, c->blob};
    int code = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    code = mdb_put(txn, c->table, &key, &value, 0);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

static bool put(void *user, uint32_t number, const char *bytes, size_t len)
{
    cold_packs *c = user;
    size_t bound = ZSTD_compressBound(len);
    if (!make_room(&c->blob, &c->cap_blob, sizeof(pack_head) + bound))
        return false;
    size_t got = ZSTD_compressCCtx(c->pack, c->blob + sizeof(pack_head), bound, bytes, len, LEVEL);
    if (ZSTD_isError(got))
        return false;
    pack_head head = { .check = XXH3_64bits_withSeed(c->blob + sizeof head, got, len ^ number), .raw_len = len };
    memcpy(c->blob, &head, sizeof head);
    if (put_value(c, number, sizeof head + got) != 0)
        return false;
    c->written += sizeof head + got;
    return true;
}

static bool unpack(cold_packs *c, uint32_t number, const MDB_val *value, egret_text *out)
{
    pack_head head;
    if (value->mv_size < sizeof head)
        return false;
    memcpy(&head, value->mv_data, sizeof head);
    const char *stored = (const char *)value->mv_data + sizeof head;
    size_t len = value->mv_size - sizeof head;
    if (head.raw_len > MAX_RAW || XXH3_64bits_withSeed(stored, len, head.raw_len ^ number) != head.check ||
        !make_room(&c->raw, &c->cap_raw, (size_t)head.raw_len + 1) ||
        ZSTD_decompressDCtx(c->unpack, c->raw, (size_t)head.raw_len, stored, len) != head.raw_len)
        return false;
    egret_text_put(out, c->raw, (size_t)head.raw_len);
    return !out->failed;
}

static bool get(void *user, uint32_t number, egret_text *out)
{
    cold_packs *c = user;
    MDB_val key = {sizeof number, &number}, value;
    if ((c->read != NULL ? mdb_txn_renew(c->read) : mdb_txn_begin(c->env, NULL, MDB_RDONLY, &c->read)) != 0)
        return false;
    bool fine = mdb_get(c->read, c->table, &key, &value) == 0 && unpack(c, number, &value, out);
    mdb_txn_reset(c->read);
    return fine;
}

static int open_table(cold_packs *c)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &c->table);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

static int open_file(cold_packs *c, const char *dir)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/cold-XXXXXX", dir);
    int fd = n > 0 && (size_t)n < sizeof path ? mkstemp(path) : -1;
    if (fd < 0)
        return n > 0 && (size_t)n < sizeof path ? errno : ENAMETOOLONG;
    close(fd);
    int code = mdb_env_create(&c->env);
    if (code == 0)
        code = mdb_env_set_mapsize(c->env, MAP_BYTES);
    if (code == 0)
        code = mdb_env_open(c->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NORDAHEAD | MDB_NOTLS, 0600);
    unlink(path);
    return code == 0 ? open_table(c) : code;
}

cold_packs *cold_packs_open(const char *dir, char *reason, size_t size)
{
    cold_packs *c = calloc(1, sizeof *c);
    int code = ENOMEM;
    if (c != NULL) {
        c->pack = ZSTD_createCCtx();
        c->unpack = ZSTD_createDCtx();
        code = c->pack != NULL && c->unpack != NULL ? open_file(c, dir) : ENOMEM;
    }
    if (code == 0)
        return c;
    snprintf(reason, size, "%s: a file for what does not fit into memory: %s", dir, mdb_strerror(code));
    cold_packs_close(c);
    return NULL;
}

void cold_packs_close(cold_packs *c)
{
    if (c == NULL)
        return;
    if (c->read != NULL)
        mdb_txn_abort(c->read);
    if (c->env != NULL)
        mdb_env_close(c->env);
    ZSTD_freeCCtx(c->pack);
    ZSTD_freeDCtx(c->unpack);
    free(c->blob);
    free(c->raw);
    free(c);
}

nfa_cold_host cold_packs_host(cold_packs *packs)
{
    return (nfa_cold_host){put, get, packs};
}

uint64_t cold_packs_bytes(const cold_packs *packs)
{
    return packs->written;
}
