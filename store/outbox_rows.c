/*
 * outbox_rows.c: a row is sink NUL id NUL bytes, with a checksum (8 bytes) before it.
 */
#include "store/outbox_rows.h"

#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CHECK_BYTES = 8 };

int outbox_row_put(store *s, outbox_row *row)
{
    size_t sink = strlen(row->sink) + 1, id = strlen(row->id) + 1, len = sink + id + row->len, number = s->next_row;
    char *value = malloc(CHECK_BYTES + len);
    if (!value)
        return ENOMEM;
    char *at = value + CHECK_BYTES;
    memcpy(at, row->sink, sink);
    memcpy(at + sink, row->id, id);
    memcpy(at + sink + id, row->bytes, row->len);
    uint64_t check = XXH3_64bits(at, len);
    memcpy(value, &check, sizeof check);
    int code = store_put(s, STORE_OUTBOX, store_val(&number, sizeof number), store_val(value, CHECK_BYTES + len), MDB_APPEND);
    free(value);
    if (code == 0)
        row->number = s->next_row++;
    return code;
}

int outbox_row_del(store *s, uint64_t number)
{
    size_t key = number;
    return store_del(s, STORE_OUTBOX, store_val(&key, sizeof key));
}

/* False: the row is broken. */
static bool read_row(MDB_val key, MDB_val value, outbox_row *row)
{
    uint64_t check;
    size_t number;
    if (key.mv_size != sizeof number || value.mv_size < CHECK_BYTES + 2)
        return false;
    memcpy(&number, key.mv_data, sizeof number);
    memcpy(&check, value.mv_data, sizeof check);
    const char *at = (const char *)value.mv_data + CHECK_BYTES, *end = (const char *)value.mv_data + value.mv_size;
    if (XXH3_64bits(at, (size_t)(end - at)) != check)
        return false;
    const char *sink_end = memchr(at, '\0', (size_t)(end - at));
    const char *id_end = sink_end ? memchr(sink_end + 1, '\0', (size_t)(end - sink_end - 1)) : NULL;
    if (!id_end)
        return false;
    *row = (outbox_row){ number, at, sink_end + 1, id_end + 1, (size_t)(end - id_end - 1) };
    return true;
}

int outbox_rows_each(const store *s, bool (*take)(void *user, const outbox_row *row), void *user, uint64_t *broken)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    *broken = 0;
    int code = s->has[STORE_OUTBOX] ? store_read(s, &txn) : MDB_NOTFOUND;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(txn, s->table[STORE_OUTBOX], &cursor);
    if (code == 0) {
        bool go_on = true;
        while (go_on && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
            outbox_row row;
            if (read_row(key, value, &row))
                go_on = take(user, &row);
            else
                ++*broken;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}
