/*
 * outbox_rows.c: key = sink, NUL, number (big-endian); value = head with a checksum, id with its NUL, message. The numbers of a sink are kept
 * in a table of their own, so that nothing has to be counted.
 */
#include "store/outbox_rows.h"

#include "store/dead_letters.h"
#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MAX_SINK = 256 };

typedef struct row_head {
    uint64_t check;         /* of all that follows */
    uint64_t position, order;
    int64_t came_ms;
    uint32_t attempts, version;
} row_head;

typedef struct sink_image {
    uint64_t rows, bytes;
    int64_t changed_ms;
    uint64_t paused;
} sink_image;

typedef struct row_key { unsigned char bytes[MAX_SINK + 9]; size_t len; } row_key;

static row_key key_of(const char *sink, uint64_t number)
{
    row_key key;
    size_t name = strnlen(sink, MAX_SINK);
    memcpy(key.bytes, sink, name);
    key.bytes[name] = '\0';
    store_put_u64(key.bytes + name + 1, number);
    key.len = name + 9;
    return key;
}

/* ---- what is known of a sink ---- */

static int sink_in(const store *s, MDB_txn *txn, const char *sink, outbox_sink *out)
{
    MDB_val key = store_val(sink, strnlen(sink, MAX_SINK)), value;
    sink_image image = { 0 };
    int code = mdb_get(txn, s->table[STORE_SINKS], &key, &value);
    if (code == 0 && value.mv_size == sizeof image)
        memcpy(&image, value.mv_data, sizeof image);
    *out = (outbox_sink){ image.rows, image.bytes, image.paused != 0, image.changed_ms };
    return code == MDB_NOTFOUND ? 0 : code;
}

static int sink_put(store *s, const char *sink, const outbox_sink *what)
{
    sink_image image = { what->rows, what->bytes, what->changed_ms, what->paused };
    return store_put(s, STORE_SINKS, store_val(sink, strnlen(sink, MAX_SINK)), store_val(&image, sizeof image), 0);
}

int outbox_sink_now(const store *s, const char *sink, outbox_sink *out)
{
    return sink_in(s, s->write, sink, out);
}

outbox_sink outbox_sink_get(const store *s, const char *sink)
{
    MDB_txn *txn;
    if (!s->has[STORE_SINKS] || store_read(s, &txn) != 0)
        return (outbox_sink){ 0 };
    outbox_sink what;
    (void)sink_in(s, txn, sink, &what);
    mdb_txn_abort(txn);
    return what;
}

int outbox_sink_pause(store *s, const char *sink, bool paused, int64_t wall_ms)
{
    outbox_sink what;
    int code = outbox_sink_now(s, sink, &what);
    what.paused = paused;
    what.changed_ms = wall_ms;
    return code == 0 ? sink_put(s, sink, &what) : code;
}

int outbox_sinks_each(const store *s, void (*take)(void *user, const char *sink, const outbox_sink *what), void *user)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    char name[MAX_SINK + 1];
    int code = s->has[STORE_SINKS] ? store_read(s, &txn) : MDB_NOTFOUND;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(txn, s->table[STORE_SINKS], &cursor);
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (key.mv_size > MAX_SINK)
            continue;
        memcpy(name, key.mv_data, key.mv_size);
        name[key.mv_size] = '\0';
        outbox_sink what;
        code = sink_in(s, txn, name, &what);
        if (code == 0)
            take(user, name, &what);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* ---- writing ---- */

int outbox_row_put(store *s, outbox_row *row)
{
    row_head head = { .position = row->position, .order = row->order, .came_ms = row->came_ms, .attempts = row->attempts };
    size_t id = strlen(row->id) + 1, len = sizeof head + id + row->len;
    row_key key = key_of(row->sink, s->counts.next_row);
    char *value = row->len < SIZE_MAX / 2 ? malloc(len) : NULL;
    if (!value)
        return ENOMEM;
    memcpy(value, &head, sizeof head);
    memcpy(value + sizeof head, row->id, id);
    memcpy(value + sizeof head + id, row->bytes, row->len);
    head.check = XXH3_64bits(value + sizeof head.check, len - sizeof head.check);
    memcpy(value, &head.check, sizeof head.check);
    int code = store_put(s, STORE_ROWS, store_val(key.bytes, key.len), store_val(value, len), 0);
    free(value);
    if (code != 0)
        return code;
    outbox_sink sink;
    code = outbox_sink_now(s, row->sink, &sink);
    if (code != 0)
        return code;
    sink.rows++;
    sink.bytes += row->len;
    row->number = s->counts.next_row++;
    return sink_put(s, row->sink, &sink);
}

/* False: the row is broken. */
static bool read_row(MDB_val key, MDB_val value, outbox_row *row)
{
    row_head head;
    const char *sink = key.mv_data, *nul = memchr(sink, '\0', key.mv_size);
    if (!nul || (size_t)(nul - sink) + 9 != key.mv_size || value.mv_size < sizeof head + 1)
        return false;
    memcpy(&head, value.mv_data, sizeof head);
    const char *id = (const char *)value.mv_data + sizeof head, *end = (const char *)value.mv_data + value.mv_size;
    if (XXH3_64bits((const char *)value.mv_data + sizeof head.check, value.mv_size - sizeof head.check) != head.check)
        return false;
    const char *id_end = memchr(id, '\0', (size_t)(end - id));
    if (!id_end)
        return false;
    *row = (outbox_row){ .number = store_get_u64((const unsigned char *)nul + 1), .position = head.position, .order = head.order,
                         .came_ms = head.came_ms, .attempts = head.attempts, .sink = sink, .id = id, .bytes = id_end + 1,
                         .len = (size_t)(end - id_end - 1) };
    return true;
}

/* The row goes, whatever it holds. */
static int drop_row(store *s, const char *sink, const row_key *key, size_t len)
{
    outbox_sink what;
    int code = outbox_sink_now(s, sink, &what);
    what.rows -= what.rows > 0;
    what.bytes -= len < what.bytes ? len : what.bytes;
    if (code == 0)
        code = store_del(s, STORE_ROWS, store_val(key->bytes, key->len));
    return code == 0 ? sink_put(s, sink, &what) : code;
}

static int bury(store *s, const outbox_row *row, const delivery *what)
{
    dead_letter letter = { .kind = DEAD_ALERT, .at_ms = what->at_ms, .attempts = what->attempts, .position = row->position, .order = row->order,
                           .where = row->sink, .what = row->id, .class = "delivery", .reason = what->reason, .bytes = row->bytes,
                           .len = row->len };
    return dead_letter_put(s, &letter);
}

int outbox_row_refuse(store *s, const outbox_row *row, const char *reason)
{
    delivery what = { DELIVERY_DEAD, row->attempts, row->came_ms, reason };
    int code = bury(s, row, &what);
    return code == 0 && row->position > 0 ? delivery_put(s, row->position, row->sink, &what) : code;
}

int outbox_row_settle(store *s, const char *sink, uint64_t number, const delivery *what)
{
    row_key key = key_of(sink, number);
    MDB_val at = store_val(key.bytes, key.len), value;
    outbox_row row;
    int code = mdb_get(s->write, s->table[STORE_ROWS], &at, &value);
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    if (!read_row(at, value, &row))
        return drop_row(s, sink, &key, 0);
    uint64_t position = row.position;
    size_t len = row.len;
    if (what->state == DELIVERY_DEAD)
        code = bury(s, &row, what);     /* it copies the row before it writes */
    if (code == 0 && what->state != DELIVERY_PENDING)
        code = drop_row(s, sink, &key, len);
    return code == 0 && position > 0 ? delivery_put(s, position, sink, what) : code;
}

/* ---- reading ---- */

/* How often it has been tried stands in its delivery record. */
static void add_attempts(const store *s, MDB_txn *txn, outbox_row *row)
{
    delivery what;
    if (row->position > 0 && delivery_get_in(s, txn, row->position, row->sink, &what) && what.state == DELIVERY_PENDING)
        row->attempts = what.attempts;
}

int outbox_rows_of(const store *s, const char *sink, uint64_t after, unsigned most, size_t max_bytes, outbox_take_fn take, void *user,
                   uint64_t *broken)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    row_key from = key_of(sink, after + 1);
    size_t prefix = from.len - 8, bytes = 0;
    MDB_val key = store_val(from.bytes, from.len), value;
    *broken = 0;
    int code = s->has[STORE_ROWS] ? store_read(s, &txn) : MDB_NOTFOUND;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(txn, s->table[STORE_ROWS], &cursor);
    if (code == 0)
        code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (unsigned n = 0; code == 0 && n < most && bytes < max_bytes;) {
        outbox_row row;
        if (key.mv_size <= prefix || memcmp(key.mv_data, from.bytes, prefix) != 0)
            break;
        bool readable = read_row(key, value, &row);
        if (readable) {
            add_attempts(s, txn, &row);
            bytes += row.len;
            n++;
            if (!take(user, &row))
                break;
        }
        *broken += !readable;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}

int outbox_rows_range(const store *s, const char *sink, uint64_t *oldest, uint64_t *next)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    store_counts counts = { 0 };
    row_key from = key_of(sink, 0);
    MDB_val key = store_val(from.bytes, from.len), value;
    int code = store_read(s, &txn);
    if (code != 0)
        return code;
    store_meta_get(s, txn, "counts", &counts, sizeof counts);
    *oldest = *next = counts.next_row;
    code = s->has[STORE_ROWS] ? mdb_cursor_open(txn, s->table[STORE_ROWS], &cursor) : MDB_NOTFOUND;
    if (code == 0)
        code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (code == 0 && key.mv_size == from.len && memcmp(key.mv_data, from.bytes, from.len - 8) == 0)
        *oldest = store_get_u64((const unsigned char *)key.mv_data + from.len - 8);
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}

int outbox_rows_each(const store *s, outbox_take_fn take, void *user, uint64_t *broken)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    *broken = 0;
    int code = s->has[STORE_ROWS] ? store_read(s, &txn) : MDB_NOTFOUND;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(txn, s->table[STORE_ROWS], &cursor);
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        outbox_row row;
        bool readable = read_row(key, value, &row);
        *broken += !readable;
        if (readable)
            add_attempts(s, txn, &row);
        if (readable && !take(user, &row))
            break;
    }
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}
