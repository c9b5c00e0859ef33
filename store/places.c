/*
 * places.c: two small tables: source -> place, hash -> text.
 */
#include "store/places.h"

#include "store/store_internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

int store_place_put(store *s, const char *source, const store_place *place)
{
    return store_put(s, STORE_PLACES, store_val(source, strlen(source)), store_val(place, sizeof *place), 0);
}

static bool get(const store *s, store_table table, MDB_val key, void (*take)(void *user, MDB_val value), void *user)
{
    MDB_txn *txn;
    MDB_val value;
    if (!s->has[table] || store_read(s, &txn) != 0)
        return false;
    bool found = mdb_get(txn, s->table[table], &key, &value) == 0;
    if (found)
        take(user, value);
    mdb_txn_abort(txn);
    return found;
}

typedef struct taken_place { store_place *out; bool good; } taken_place;

static void take_place(void *user, MDB_val value)
{
    taken_place *taken = user;
    taken->good = value.mv_size == sizeof *taken->out || value.mv_size == offsetof(store_place, head);     /* of an earlier version */
    *taken->out = (store_place){ 0 };
    if (taken->good)
        memcpy(taken->out, value.mv_data, value.mv_size);
}

bool store_place_get(const store *s, const char *source, store_place *out)
{
    taken_place taken = { out, false };
    return get(s, STORE_PLACES, store_val(source, strlen(source)), take_place, &taken) && taken.good;
}

void store_hash(const char *text, size_t len, char out[STORE_HASH_DIGITS + 1])
{
    XXH128_hash_t hash = XXH3_128bits(text, len);
    snprintf(out, STORE_HASH_DIGITS + 1, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}

int store_content_put(store *s, const char *text, size_t len)
{
    char hash[STORE_HASH_DIGITS + 1];
    store_hash(text, len, hash);
    int code = store_put(s, STORE_CONTENTS, store_val(hash, STORE_HASH_DIGITS), store_val(text, len), MDB_NOOVERWRITE);
    return code == MDB_KEYEXIST ? 0 : code;
}

static void take_text(void *user, MDB_val value)
{
    egret_text_put(user, value.mv_data, value.mv_size);
}

bool store_content_get(const store *s, const char hash[STORE_HASH_DIGITS + 1], egret_text *out)
{
    char own[STORE_HASH_DIGITS + 1];
    size_t before = out->len;
    if (!get(s, STORE_CONTENTS, store_val(hash, STORE_HASH_DIGITS), take_text, out) || out->failed)
        return false;
    store_hash(out->ptr ? out->ptr + before : "", out->len - before, own);
    return memcmp(own, hash, STORE_HASH_DIGITS) == 0;
}
