/*
 * delivery.c: key = position (big-endian), name of the sink; value = checksum, numbers, reason.
 */
#include "store/delivery.h"

#include "store/store_internal.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MAX_REASON = 300, MAX_NAME = 256 };

typedef struct delivery_image {
    uint64_t check;             /* of all that follows */
    int64_t at_ms;
    uint32_t attempts;
    uint8_t state, unused[3];
    char reason[MAX_REASON];    /* as much as there is */
} delivery_image;

static const size_t FIXED = offsetof(delivery_image, reason);

const char *delivery_state_name(delivery_state state)
{
    switch (state) {
    case DELIVERY_PENDING: return "pending";
    case DELIVERY_DONE: return "delivered";
    case DELIVERY_DEAD: return "dead";
    }
    return "";
}

int delivery_put(store *s, uint64_t position, const char *sink, const delivery *what)
{
    unsigned char key[8 + MAX_NAME];
    delivery_image image = { .at_ms = what->at_ms, .attempts = what->attempts, .state = (uint8_t)what->state };
    size_t name = strnlen(sink, MAX_NAME), reason = strnlen(what->reason, MAX_REASON - 1), len = FIXED + reason + 1;
    store_put_u64(key, position);
    memcpy(key + 8, sink, name);
    memcpy(image.reason, what->reason, reason);
    image.check = XXH3_64bits((const char *)&image + sizeof image.check, len - sizeof image.check);
    return store_put(s, STORE_DELIVERIES, store_val(key, 8 + name), store_val(&image, len), 0);
}

static bool read_image(delivery_image *image, MDB_val value)
{
    if (value.mv_size <= FIXED || value.mv_size > sizeof *image)
        return false;
    memcpy(image, value.mv_data, value.mv_size);
    return ((const char *)value.mv_data)[value.mv_size - 1] == '\0' && image->state >= DELIVERY_PENDING && image->state <= DELIVERY_DEAD &&
           XXH3_64bits((const char *)value.mv_data + sizeof image->check, value.mv_size - sizeof image->check) == image->check;
}

static void tell(MDB_val key, MDB_val value, void (*take)(void *user, const char *sink, const delivery *what), void *user)
{
    delivery_image image;
    char sink[MAX_NAME + 1];
    size_t name = key.mv_size - 8;
    if (name > MAX_NAME || !read_image(&image, value))
        return;
    memcpy(sink, (const char *)key.mv_data + 8, name);
    sink[name] = '\0';
    take(user, sink, &(delivery){ (delivery_state)image.state, image.attempts, image.at_ms, image.reason });
}

bool delivery_get_in(const store *s, MDB_txn *txn, uint64_t position, const char *sink, delivery *out)
{
    unsigned char bytes[8 + MAX_NAME];
    delivery_image image;
    size_t name = strnlen(sink, MAX_NAME);
    store_put_u64(bytes, position);
    memcpy(bytes + 8, sink, name);
    MDB_val key = store_val(bytes, 8 + name), value;
    if (mdb_get(txn, s->table[STORE_DELIVERIES], &key, &value) != 0 || !read_image(&image, value))
        return false;
    *out = (delivery){ (delivery_state)image.state, image.attempts, image.at_ms, "" };
    return true;
}

int delivery_each(const store *s, uint64_t position, void (*take)(void *user, const char *sink, const delivery *what), void *user)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    unsigned char prefix[8];
    store_put_u64(prefix, position);
    MDB_val key = store_val(prefix, sizeof prefix), value;
    int code = s->has[STORE_DELIVERIES] ? store_read(s, &txn) : MDB_NOTFOUND;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    code = mdb_cursor_open(txn, s->table[STORE_DELIVERIES], &cursor);
    if (code == 0) {
        code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        while (code == 0 && key.mv_size > sizeof prefix && memcmp(key.mv_data, prefix, sizeof prefix) == 0) {
            tell(key, value, take, user);
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}
