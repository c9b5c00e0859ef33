/*
 * rule_rows.c: see rule_rows.h. Keys of LMDB have a greatest length; what is longer keeps its beginning and ends in a hash.
 */
#include "store/rule_rows.h"

#include "store/places.h"
#include "store/store_internal.h"

#include <string.h>

enum { MOST = 480 };

typedef struct row_key { char bytes[MOST + STORE_HASH_DIGITS + 1]; size_t len; } row_key;

static MDB_val key_of(row_key *key, const char *text)
{
    size_t len = strlen(text);
    key->len = len < MOST ? len : MOST;
    memcpy(key->bytes, text, key->len);
    if (len > MOST) {
        store_hash(text, len, key->bytes + MOST);
        key->len = MOST + STORE_HASH_DIGITS;
    }
    return store_val(key->bytes, key->len);
}

int rule_row_put(store *s, const char *key, const char *text, size_t len)
{
    row_key own;
    return store_put(s, STORE_RULES, key_of(&own, key), store_val(text, len), 0);
}

int rule_row_del(store *s, const char *key)
{
    row_key own;
    return store_del(s, STORE_RULES, key_of(&own, key));
}

bool rule_row_get(const store *s, const char *key, egret_text *out)
{
    MDB_txn *txn;
    MDB_val value;
    row_key own;
    MDB_val wanted = key_of(&own, key);
    if (!s->has[STORE_RULES] || store_read(s, &txn) != 0)
        return false;
    bool found = mdb_get(txn, s->table[STORE_RULES], &wanted, &value) == 0;
    if (found)
        egret_text_put(out, value.mv_data, value.mv_size);
    mdb_txn_abort(txn);
    return found && !out->failed;
}

int rule_rows_each(const store *s, const char *beginning, bool (*take)(void *user, const char *text, size_t len), void *user)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    row_key own;
    MDB_val key = key_of(&own, beginning), value;
    if (!s->has[STORE_RULES])
        return 0;
    int code = store_read(s, &txn);
    if (code != 0)
        return code;
    code = mdb_cursor_open(txn, s->table[STORE_RULES], &cursor);
    if (code == 0) {
        code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        while (code == 0 && key.mv_size >= own.len && memcmp(key.mv_data, own.bytes, own.len) == 0 && take(user, value.mv_data, value.mv_size))
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}
