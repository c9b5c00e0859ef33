/*
 * upgrade.c: what earlier formats were like.
 *
 *   1  Alerts on their way stood in one table for all sinks, "outbox": number -> checksum, sink NUL id NUL message. There was no history.
 *   2  Epochs of the journal did not say what became of their events. Blocks say their version, so they stay as they are.
 */
#include "store/upgrade.h"

#include "store/outbox_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* A row of format 1, in a copy that ends with a NUL. What cannot be read is left behind: it could not be sent either. */
static int move_row(store *s, const char *value, size_t len)
{
    uint64_t check;
    if (len < sizeof check + 2)
        return 0;
    memcpy(&check, value, sizeof check);
    const char *sink = value + sizeof check, *end = value + len;
    const char *id = memchr(sink, '\0', (size_t)(end - sink));
    const char *bytes = id ? memchr(id + 1, '\0', (size_t)(end - id - 1)) : NULL;
    if (!bytes || XXH3_64bits(sink, len - sizeof check) != check)
        return 0;
    outbox_row row = { .sink = sink, .id = id + 1, .bytes = bytes + 1, .len = (size_t)(end - bytes - 1) };
    return outbox_row_put(s, &row);
}

static int move_rows(store *s)
{
    MDB_dbi old;
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_dbi_open(s->write, "outbox", MDB_INTEGERKEY, &old);
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(s->write, old, &cursor);
    if (code != 0)
        return code;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        char *copy = malloc(value.mv_size + 1);
        if (!copy) {
            code = ENOMEM;
            break;
        }
        memcpy(copy, value.mv_data, value.mv_size);
        copy[value.mv_size] = '\0';
        code = move_row(s, copy, value.mv_size);
        free(copy);
        if (code != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? mdb_drop(s->write, old, 1) : code;
}

int store_upgrade(store *s, uint32_t from)
{
    return from < 2 ? move_rows(s) : 0;
}
