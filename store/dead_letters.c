/*
 * dead_letters.c: key = number; value = head with a checksum, four texts with their NULs, bytes.
 */
#include "store/dead_letters.h"

#include "store/outbox_rows.h"
#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DROPPED_AT_ONCE = 64 };

typedef struct dead_head {
    uint64_t check;         /* of all that follows */
    uint64_t position, order, line, offset;
    int64_t at_ms;
    uint32_t attempts;
    uint8_t kind, cut, unused[2];
} dead_head;

/* ---- as bytes ---- */

static char *write_letter(const dead_letter *letter, size_t *out_len)
{
    const char *const texts[] = { letter->where, letter->what, letter->class, letter->reason };
    dead_head head = { .position = letter->position, .order = letter->order, .line = letter->line, .offset = letter->offset,
                       .at_ms = letter->at_ms, .attempts = letter->attempts, .kind = (uint8_t)letter->kind, .cut = letter->cut };
    size_t len = sizeof head, at = sizeof head;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        len += strlen(texts[i]) + 1;
    char *value = letter->len < SIZE_MAX / 2 ? malloc(len + letter->len) : NULL;
    if (!value)
        return NULL;
    memcpy(value, &head, sizeof head);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t n = strlen(texts[i]) + 1;
        memcpy(value + at, texts[i], n);
        at += n;
    }
    if (letter->len > 0)
        memcpy(value + at, letter->bytes, letter->len);
    *out_len = at + letter->len;
    head.check = XXH3_64bits(value + sizeof head.check, *out_len - sizeof head.check);
    memcpy(value, &head.check, sizeof head.check);
    return value;
}

static bool read_letter(dead_letter *letter, MDB_val key, MDB_val value)
{
    dead_head head;
    size_t number;
    if (key.mv_size != sizeof number || value.mv_size < sizeof head)
        return false;
    memcpy(&number, key.mv_data, sizeof number);
    memcpy(&head, value.mv_data, sizeof head);
    if (XXH3_64bits((const char *)value.mv_data + sizeof head.check, value.mv_size - sizeof head.check) != head.check)
        return false;
    const char *at = (const char *)value.mv_data + sizeof head, *end = (const char *)value.mv_data + value.mv_size, *texts[4];
    for (int i = 0; i < 4; i++) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (!nul)
            return false;
        texts[i] = at;
        at = nul + 1;
    }
    *letter = (dead_letter){ .number = number, .kind = (dead_kind)head.kind, .at_ms = head.at_ms, .attempts = head.attempts,
                             .cut = head.cut != 0, .position = head.position, .order = head.order, .line = head.line, .offset = head.offset,
                             .where = texts[0], .what = texts[1], .class = texts[2], .reason = texts[3], .bytes = at,
                             .len = (size_t)(end - at) };
    return true;
}

/* ---- writing ---- */

void dead_letters_keep(store *s, uint64_t bytes)
{
    s->keep_dead_bytes = bytes;
}

static int drop(store *s, uint64_t number, size_t len)
{
    size_t n = number;
    int code = store_del(s, STORE_DEAD, store_val(&n, sizeof n));
    if (code != 0)
        return code;
    s->counts.dead_count -= s->counts.dead_count > 0;
    s->counts.dead_bytes -= len < s->counts.dead_bytes ? len : s->counts.dead_bytes;
    return 0;
}

/* The oldest goes, if there are others. */
static int drop_oldest(store *s)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t number = 0, len = 0;
    int code = mdb_cursor_open(s->write, s->table[STORE_DEAD], &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    if (code == 0) {
        memcpy(&number, key.mv_data, sizeof number);
        len = value.mv_size;
    }
    mdb_cursor_close(cursor);
    if (code == 0)
        code = drop(s, number, len);
    s->counts.dead_dropped += code == 0;
    return code;
}

int dead_letter_put(store *s, dead_letter *letter)
{
    size_t len = 0, number = s->counts.dead_next;
    char *value = write_letter(letter, &len);
    if (!value)
        return ENOMEM;
    int code = store_put(s, STORE_DEAD, store_val(&number, sizeof number), store_val(value, len), MDB_APPEND);
    free(value);
    if (code != 0)
        return code;
    letter->number = s->counts.dead_next++;
    s->counts.dead_count++;
    s->counts.dead_bytes += len;
    for (int i = 0; i < DROPPED_AT_ONCE && code == 0 && s->counts.dead_bytes > s->keep_dead_bytes && s->counts.dead_count > 1; i++)
        code = drop_oldest(s);
    return code;
}

/* A copy of the letter's bytes; NULL: code says why. */
static char *copy_of(store *s, store_table table, uint64_t number, size_t *len, int *code)
{
    size_t n = number;
    MDB_val key = store_val(&n, sizeof n), value;
    *code = mdb_get(s->write, s->table[table], &key, &value);
    if (*code != 0) {
        *code = *code == MDB_NOTFOUND ? DEAD_NONE : *code;
        return NULL;
    }
    char *copy = malloc(value.mv_size + 1);
    if (!copy) {
        *code = ENOMEM;
        return NULL;
    }
    memcpy(copy, value.mv_data, value.mv_size);
    *len = value.mv_size;
    return copy;
}

int dead_letter_discard(store *s, uint64_t number)
{
    size_t len = 0;
    int code;
    char *copy = copy_of(s, STORE_DEAD, number, &len, &code);
    free(copy);
    return code == 0 ? drop(s, number, len) : code;
}

static int send_again(store *s, const dead_letter *letter, int64_t wall_ms)
{
    outbox_row row = { .position = letter->position, .order = letter->order, .came_ms = wall_ms, .sink = letter->where, .id = letter->what,
                       .bytes = letter->bytes, .len = letter->len };
    int code = outbox_row_put(s, &row);
    if (code == 0 && row.position > 0)
        code = delivery_put(s, row.position, row.sink, &(delivery){ DELIVERY_PENDING, 0, 0, "" });
    return code;
}

int dead_letter_retry(store *s, uint64_t number, int64_t wall_ms)
{
    size_t len = 0, n = number;
    int code;
    dead_letter letter;
    char *copy = copy_of(s, STORE_DEAD, number, &len, &code);
    if (!copy)
        return code;
    if (!read_letter(&letter, store_val(&n, sizeof n), store_val(copy, len)))
        code = DEAD_NONE;
    else if (letter.kind == DEAD_ALERT)
        code = send_again(s, &letter, wall_ms);
    else if (letter.cut || letter.what[0] == '\0')
        code = DEAD_NONE;
    else
        code = store_put(s, STORE_RETURNS, store_val(&n, sizeof n), store_val(copy, len), 0);
    free(copy);
    return code == 0 ? drop(s, number, len) : code;
}

int dead_returns_del(store *s, uint64_t from, uint64_t to)
{
    MDB_cursor *cursor;
    size_t number = from;
    MDB_val key = store_val(&number, sizeof number), value;
    int code = mdb_cursor_open(s->write, s->table[STORE_RETURNS], &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0) {
        memcpy(&number, key.mv_data, sizeof number);
        if (number > to)
            break;
        code = mdb_cursor_del(cursor, 0);
        if (code == 0)
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* ---- reading ---- */

static bool fits(const dead_letter *letter, const dead_query *q)
{
    return (q->kind == 0 || letter->kind == q->kind) && (!q->where || strcmp(letter->where, q->where) == 0) &&
           (!q->what || strcmp(letter->what, q->what) == 0) && (!q->class || strcmp(letter->class, q->class) == 0);
}

static int walk(const store *s, store_table table, const dead_query *q, dead_take_fn take, void *user, uint64_t *broken)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    size_t number = q->after + 1;
    MDB_val key = store_val(&number, sizeof number), value;
    int code = s->has[table] ? store_read(s, &txn) : MDB_NOTFOUND;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(txn, s->table[table], &cursor);
    if (code == 0)
        code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (unsigned n = 0; code == 0 && (q->most == 0 || n < q->most);) {
        dead_letter letter;
        bool readable = read_letter(&letter, key, value);
        *broken += !readable;
        if (readable && fits(&letter, q)) {
            n++;
            if (!take(user, &letter))
                break;
        }
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}

int dead_letters_find(const store *s, const dead_query *query, dead_take_fn take, void *user, uint64_t *broken)
{
    *broken = 0;
    return walk(s, STORE_DEAD, query, take, user, broken);
}

int dead_returns_each(const store *s, uint64_t after, unsigned most, dead_take_fn take, void *user)
{
    uint64_t broken = 0;
    return walk(s, STORE_RETURNS, &(dead_query){ .after = after, .most = most }, take, user, &broken);
}

dead_kept dead_letters_kept(const store *s)
{
    MDB_txn *txn;
    store_counts counts = { 0 };
    if (!s->has[STORE_META] || store_read(s, &txn) != 0)
        return (dead_kept){ 0 };
    store_meta_get(s, txn, "counts", &counts, sizeof counts);
    mdb_txn_abort(txn);
    return (dead_kept){ counts.dead_count, counts.dead_bytes, counts.dead_dropped };
}
