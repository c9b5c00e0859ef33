/*
 * checkpoints.c: key = number, version, part (big-endian, so that they sort); value = a part of: checksum, raw length, bytes (zstd or as they are).
 *
 * Parts keep values small: a hot key's pack may be large, and LMDB wants a run of free pages for each value.
 */
#include "store/checkpoints.h"

#include "compiler/text.h"
#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PART_BYTES = 256 * 1024, KEY_BYTES = 16, LEVEL = 1 };
static const uint64_t MAX_RAW = UINT64_C(1) << 32;

typedef struct piece_key { uint32_t number; uint64_t version; uint32_t part; } piece_key;
typedef struct piece_head { uint64_t check, raw_len, stored_len; } piece_head;

static void write_key(unsigned char out[KEY_BYTES], piece_key key)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(key.number >> (24 - 8 * i));
    for (int i = 0; i < 8; i++)
        out[4 + i] = (unsigned char)(key.version >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        out[12 + i] = (unsigned char)(key.part >> (24 - 8 * i));
}

static bool read_key(MDB_val value, piece_key *key)
{
    const unsigned char *in = value.mv_data;
    *key = (piece_key){ 0 };
    if (value.mv_size != KEY_BYTES)
        return false;
    for (int i = 0; i < 4; i++)
        key->number = key->number << 8 | in[i];
    for (int i = 0; i < 8; i++)
        key->version = key->version << 8 | in[4 + i];
    for (int i = 0; i < 4; i++)
        key->part = key->part << 8 | in[12 + i];
    return true;
}

bool checkpoint_newest(const store *s, checkpoint_info *out)
{
    MDB_txn *txn;
    if (!s->has[STORE_META] || store_read(s, &txn) != 0)
        return false;
    bool found = store_meta_get(s, txn, "checkpoint", out, sizeof *out);
    mdb_txn_abort(txn);
    return found;
}

/* ---- writing ---- */

static int put_parts(store *s, piece_key key, const char *bytes, size_t len)
{
    int code = 0;
    unsigned char name[KEY_BYTES];
    do {
        size_t some = len < PART_BYTES ? len : PART_BYTES;
        write_key(name, key);
        code = store_put(s, STORE_CHECKPOINT, store_val(name, sizeof name), store_val(bytes, some), 0);
        bytes += some;
        len -= some;
        key.part++;
    } while (len > 0 && code == 0);
    return code;
}

int checkpoint_put(store *s, uint64_t version, uint32_t number, const char *bytes, size_t len, size_t *written)
{
    size_t bound = ZSTD_compressBound(len);
    char *blob = malloc(sizeof(piece_head) + bound);
    if (!blob)
        return ENOMEM;
    size_t got = len > 0 ? ZSTD_compress(blob + sizeof(piece_head), bound, bytes, len, LEVEL) : 0;
    if (len > 0 && (ZSTD_isError(got) || got >= len)) {
        memcpy(blob + sizeof(piece_head), bytes, len);
        got = len;
    }
    piece_head head = { .raw_len = len, .stored_len = got };
    head.check = XXH3_64bits_withSeed(blob + sizeof head, got, len ^ version);
    memcpy(blob, &head, sizeof head);
    int code = put_parts(s, (piece_key){ number, version, 0 }, blob, sizeof head + got);
    *written += sizeof head + got;
    free(blob);
    return code;
}

int checkpoint_finish(store *s, const checkpoint_info *info)
{
    return store_meta_put(s, "checkpoint", info, sizeof *info);
}

/* ---- sweeping ---- */

/* Drops the parts of one version of a number. */
static int drop_version(store *s, piece_key key)
{
    unsigned char name[KEY_BYTES];
    int code = 0;
    for (key.part = 0; code == 0; key.part++) {
        MDB_val at;
        write_key(name, key);
        at = store_val(name, sizeof name);
        code = mdb_del(s->write, s->table[STORE_CHECKPOINT], &at, NULL);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

/* One number: which of its versions are of no use, at most MAX_VERSIONS at a time. *n: how many keys it has. */
enum { MAX_VERSIONS = 16 };
static int find_old(store *s, const checkpoint_info *newest, bool strays, uint64_t *number, uint64_t old[MAX_VERSIONS], unsigned *n_old,
                    unsigned *n)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    unsigned char name[KEY_BYTES];
    piece_key found;
    uint64_t best = 0;
    bool has_best = false;
    int code = mdb_cursor_open(s->write, s->table[STORE_CHECKPOINT], &cursor);
    if (code != 0)
        return code;
    write_key(name, (piece_key){ (uint32_t)*number, 0, 0 });
    key = store_val(name, sizeof name);
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    *n_old = 0;
    if (code == 0 && read_key(key, &found))
        *number = found.number;
    for (; code == 0 && read_key(key, &found) && found.number == *number && *n_old < MAX_VERSIONS;
         code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        ++*n;
        if (found.part != 0)
            continue;
        if (found.version < newest->base || (strays && found.version > newest->version)) {
            old[(*n_old)++] = found.version;
        } else if (found.version <= newest->version) {
            if (has_best)
                old[(*n_old)++] = best;
            best = found.version;
            has_best = true;
        }
    }
    mdb_cursor_close(cursor);
    return code;
}

int checkpoint_sweep(store *s, uint64_t *number, unsigned most, bool strays)
{
    checkpoint_info newest = { 0 };
    unsigned looked = 0;
    (void)store_meta_get(s, s->write, "checkpoint", &newest, sizeof newest);
    while (looked < most) {
        uint64_t old[MAX_VERSIONS];
        unsigned n_old = 0, before = looked;
        int code = find_old(s, &newest, strays, number, old, &n_old, &looked);
        if (code != 0 && code != MDB_NOTFOUND)
            return code;
        bool at_end = looked == before;
        for (unsigned i = 0; i < n_old; i++)
            if ((code = drop_version(s, (piece_key){ (uint32_t)*number, old[i], 0 })) != 0)
                return code;
        if (at_end || *number == UINT32_MAX) {
            *number = (uint64_t)UINT32_MAX + 1;
            return 0;
        }
        ++*number;
    }
    return 0;
}

/* ---- reading ---- */

/* A piece being put together, and room to unpack it. */
typedef struct assembly {
    piece_key key;
    bool full;              /* it holds one */
    egret_text blob;
    char *raw;
    size_t cap;
} assembly;

/* Unpacks the piece at hand and gives it on. */
static egret_status give(assembly *a, bool (*take)(void *user, uint32_t number, const char *bytes, size_t len), void *user, bool *go_on)
{
    piece_head head;
    if (!a->full)
        return EGRET_OK;
    a->full = false;
    if (a->blob.failed)
        return EGRET_NO_MEMORY;
    if (a->blob.len < sizeof head)
        return EGRET_BAD_EVENT;
    memcpy(&head, a->blob.ptr, sizeof head);
    const char *stored = a->blob.ptr + sizeof head;
    if (head.stored_len != a->blob.len - sizeof head || head.raw_len > MAX_RAW ||
        XXH3_64bits_withSeed(stored, head.stored_len, head.raw_len ^ a->key.version) != head.check)
        return EGRET_BAD_EVENT;
    if (head.raw_len == 0)
        return EGRET_OK;
    if (head.raw_len > a->cap) {
        char *grown = realloc(a->raw, head.raw_len);
        if (!grown)
            return EGRET_NO_MEMORY;
        a->raw = grown;
        a->cap = head.raw_len;
    }
    if (head.stored_len == head.raw_len)
        memcpy(a->raw, stored, head.raw_len);
    else if (ZSTD_decompress(a->raw, head.raw_len, stored, head.stored_len) != head.raw_len)
        return EGRET_BAD_EVENT;
    *go_on = take(user, a->key.number, a->raw, head.raw_len);
    return EGRET_OK;
}

egret_status checkpoint_read(const store *s, const checkpoint_info *info, uint32_t from,
                             bool (*take)(void *user, uint32_t number, const char *bytes, size_t len), void *user, int *code)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    assembly a = { .raw = NULL };
    bool go_on = true;
    egret_status status = EGRET_OK;
    if ((*code = store_read(s, &txn)) != 0)
        return EGRET_IO;
    egret_text_init(&a.blob, egret_mem_of(NULL));
    *code = mdb_cursor_open(txn, s->table[STORE_CHECKPOINT], &cursor);
    bool open = *code == 0;
    unsigned char name[KEY_BYTES];
    write_key(name, (piece_key){ from, 0, 0 });
    key = store_val(name, sizeof name);
    if (open)
        *code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; go_on && status == EGRET_OK && *code == 0; *code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        piece_key found;
        if (!read_key(key, &found) || found.version < info->base || found.version > info->version)
            continue;
        if (a.full && found.number != a.key.number)
            status = give(&a, take, user, &go_on);
        if (found.part == 0)
            a.blob.len = 0;
        a.key = found;
        a.full = true;
        egret_text_put(&a.blob, value.mv_data, value.mv_size);
    }
    if (go_on && status == EGRET_OK && *code == MDB_NOTFOUND)
        status = give(&a, take, user, &go_on);
    if (open)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    egret_text_deinit(&a.blob);
    free(a.raw);
    if (*code == MDB_NOTFOUND)
        *code = 0;
    return status == EGRET_OK && *code != 0 ? EGRET_IO : status;
}
