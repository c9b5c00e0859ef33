/*
 * history_read.c: reads the history: searches by the index, single alerts, the feed.
 *
 * A search walks one run of the index backwards, the one that holds least of what is not asked for, and looks at the rest of the question
 * in each entry's head.
 */
#include "store/history_internal.h"

#include <errno.h>
#include <string.h>

enum { EXAMINED = 20000 };     /* of a page, so that no search holds up its thread for long */

history_bounds history_now_kept(const store *s)
{
    MDB_txn *txn;
    store_counts counts = { 0 };
    if (!s->has[STORE_META] || store_read(s, &txn) != 0)
        return (history_bounds){ 1, 1, 0, 0, 0 };
    bool there = store_meta_get(s, txn, "counts", &counts, sizeof counts);
    mdb_txn_abort(txn);
    if (!there)
        return (history_bounds){ 1, 1, 0, 0, 0 };
    return (history_bounds){ counts.history_first, counts.history_next, counts.history_count, counts.history_bytes, counts.history_dropped };
}

/* ---- one entry ---- */

typedef struct reading {
    const store *s;
    MDB_txn *txn;
    egret_text message;
    history_entry entry;
    history_now now;
} reading;

static int begin(reading *r, const store *s)
{
    *r = (reading){ .s = s };
    egret_text_init(&r->message, egret_mem_of(NULL));
    for (int i = STORE_HISTORY; i <= STORE_DELIVERIES; i++)
        if (!s->has[i])
            return HISTORY_NONE;
    return store_read(s, &r->txn);
}

static void end(reading *r)
{
    if (r->txn)
        mdb_txn_abort(r->txn);
    egret_text_deinit(&r->message);
}

/* HISTORY_NONE: it is not there; EILSEQ: it is broken. */
static int read_entry(reading *r, uint64_t position, bool bytes)
{
    size_t number = position;
    MDB_val key = store_val(&number, sizeof number), value;
    int code = mdb_get(r->txn, r->s->table[STORE_HISTORY], &key, &value);
    if (code != 0)
        return code == MDB_NOTFOUND ? HISTORY_NONE : code;
    if (!history_entry_read(&r->entry, position, value.mv_data, value.mv_size))
        return EILSEQ;
    if (bytes && !history_entry_message(&r->entry, value.mv_data, value.mv_size, &r->message))
        return r->message.failed ? ENOMEM : EILSEQ;
    return 0;
}

static int read_now(reading *r, uint64_t head)
{
    size_t number = head;
    MDB_val key = store_val(&number, sizeof number), value;
    int code = mdb_get(r->txn, r->s->table[STORE_HISTORY_NOW], &key, &value);
    if (code != 0)
        return code == MDB_NOTFOUND ? HISTORY_NONE : code;
    return history_now_read(&r->now, value.mv_data, value.mv_size) ? 0 : EILSEQ;
}

/* ---- searching ---- */

static bool has_part(const history_entry *entry, const history_part *part)
{
    for (unsigned i = 0; i < entry->n_key; i++)
        if (strcmp(entry->key[i].name, part->name) == 0 && strcmp(entry->key[i].value, part->value) == 0)
            return true;
    return false;
}

static bool fits(const reading *r, const history_query *q)
{
    if (q->rule && strcmp(r->entry.rule, q->rule) != 0)
        return false;
    if (q->severities && !(q->severities & 1u << r->now.severity))
        return false;
    if (q->states && !(q->states & 1u << r->now.state))
        return false;
    for (unsigned i = 0; i < q->n_key; i++)
        if (!has_part(&r->entry, &q->key[i]))
            return false;
    return true;
}

static history_key run_of(const history_query *q)
{
    if (q->n_key > 0)
        return history_key_make('k', history_hash_part(&q->key[0]), 0, 0);
    if (q->states && !(q->states & 1u << HISTORY_IS_RESOLVED))
        return history_key_make('u', 0, 0, 0);
    if (q->rule)
        return history_key_make('r', history_hash_text(q->rule), 0, 0);
    return history_key_make('a', 0, 0, 0);
}

/* The key behind the newest one that is asked for. */
static history_key upper_of(const history_query *q, history_key run)
{
    bool timed = q->from_ms != 0 || q->to_ms != 0, goes_on = q->after_ms != 0 || q->after_position != 0;
    int64_t time_ms = timed ? q->to_ms : INT64_MAX;
    uint64_t position = timed ? 0 : UINT64_MAX;
    if (goes_on && q->after_ms < time_ms) {
        time_ms = q->after_ms;
        position = q->after_position;
    }
    history_key key = history_key_make((char)run.bytes[0], 0, time_ms, position);
    memcpy(key.bytes + 1, run.bytes + 1, HISTORY_PREFIX_BYTES - 1);
    return key;
}

/* The key before `upper` in its run. */
static bool previous(MDB_cursor *cursor, const history_key *upper, bool first, history_key *out, int *code)
{
    MDB_val key = store_val(upper->bytes, sizeof upper->bytes), value;
    if (first) {
        *code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        *code = mdb_cursor_get(cursor, &key, &value, *code == 0 ? MDB_PREV : MDB_LAST);
    } else {
        *code = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    }
    if (*code != 0 || key.mv_size != sizeof out->bytes || memcmp(key.mv_data, upper->bytes, HISTORY_PREFIX_BYTES) != 0)
        return false;
    memcpy(out->bytes, key.mv_data, sizeof out->bytes);
    return true;
}

/* Looks at one head of the run; false: the page ends with it. */
static bool look(reading *r, const history_query *q, uint64_t position, history_take_fn take, void *user, history_page *page, int *code)
{
    *code = read_entry(r, position, false);
    if (*code == 0)
        *code = read_now(r, position);
    if (*code == 0 && fits(r, q)) {
        if (q->bytes)
            *code = read_entry(r, position, true);
        if (*code == 0) {
            page->n++;
            return take(user, &r->entry, &r->now) && page->n < q->most;
        }
    }
    page->broken += *code == EILSEQ;
    if (*code == EILSEQ || *code == HISTORY_NONE)
        *code = 0;
    return *code == 0;
}

static int walk(reading *r, const history_query *q, history_take_fn take, void *user, history_page *page)
{
    MDB_cursor *cursor;
    history_key at, upper = upper_of(q, run_of(q));
    int code = mdb_cursor_open(r->txn, r->s->table[STORE_HISTORY_INDEX], &cursor), got = 0;
    if (code != 0)
        return code;
    bool timed = q->from_ms != 0 || q->to_ms != 0;
    unsigned examined = 0;
    while (code == 0 && !page->more && previous(cursor, &upper, examined == 0, &at, &got)) {
        if (timed && history_key_time(&at) < q->from_ms)
            break;
        page->after_ms = history_key_time(&at);
        page->after_position = history_key_position(&at);
        page->more = !look(r, q, page->after_position, take, user, page, &code) || ++examined >= (unsigned)EXAMINED;
    }
    mdb_cursor_close(cursor);
    return code != 0 ? code : got == MDB_NOTFOUND ? 0 : got;
}

int history_find(const store *s, const history_query *query, history_take_fn take, void *user, history_page *page)
{
    reading r;
    *page = (history_page){ 0 };
    int code = begin(&r, s);
    if (code == 0 && query->most > 0)
        code = walk(&r, query, take, user, page);
    end(&r);
    return code == HISTORY_NONE ? 0 : code;
}

int history_get(const store *s, const char *id, history_take_fn take, void *user)
{
    reading r;
    uint64_t head;
    int code = begin(&r, s);
    if (code == 0)
        code = history_head_of(s, r.txn, id, &head);
    if (code == 0)
        code = read_entry(&r, head, true);
    if (code == 0)
        code = read_now(&r, head);
    if (code == 0)
        take(user, &r.entry, &r.now);
    end(&r);
    return code;
}

/* ---- in order of positions ---- */

/* False: it ends with this one. What is broken is passed over. */
static bool tell(reading *r, uint64_t position, bool bytes, history_take_fn take, void *user, int *code)
{
    *code = read_entry(r, position, bytes);
    if (*code == EILSEQ || *code == HISTORY_NONE) {
        *code = 0;
        return true;
    }
    int now = *code == 0 ? read_now(r, r->entry.head) : 0;
    if (*code == 0 && now != 0 && now != HISTORY_NONE && now != EILSEQ)
        *code = now;
    return *code == 0 && take(user, &r->entry, now == 0 ? &r->now : NULL);
}

/* Positions of an alert's entries, newest first; gives how many. */
static unsigned list_entries(reading *r, uint64_t head, uint64_t newest, uint64_t *out, unsigned most)
{
    unsigned n = 0;
    for (uint64_t at = newest; at >= head && n < most; at = r->entry.before) {
        out[n++] = at;
        if (read_entry(r, at, false) != 0 || r->entry.before >= at)
            break;
    }
    return n;
}

int history_of(const store *s, const char *id, history_take_fn take, void *user)
{
    reading r;
    uint64_t head = 0, positions[HISTORY_MAX_ENTRIES];
    int code = begin(&r, s);
    if (code == 0)
        code = history_head_of(s, r.txn, id, &head);
    if (code == 0)
        code = read_now(&r, head);
    if (code == 0) {
        unsigned n = list_entries(&r, head, r.now.newest, positions, HISTORY_MAX_ENTRIES);
        while (n > 0 && tell(&r, positions[--n], true, take, user, &code)) {}
    }
    end(&r);
    return code;
}

static int walk_feed(reading *r, uint64_t after, unsigned most, bool bytes, history_take_fn take, void *user)
{
    MDB_cursor *cursor;
    size_t number = after + 1;
    MDB_val key = store_val(&number, sizeof number), value;
    int code = mdb_cursor_open(r->txn, r->s->table[STORE_HISTORY], &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (unsigned n = 0; code == 0 && n < most; n++) {
        memcpy(&number, key.mv_data, sizeof number);
        if (!tell(r, number, bytes, take, user, &code))
            break;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int history_feed(const store *s, uint64_t after, unsigned most, bool bytes, history_take_fn take, void *user, bool *gap)
{
    reading r;
    store_counts counts;
    int code = begin(&r, s);
    *gap = code == 0 && store_meta_get(s, r.txn, "counts", &counts, sizeof counts) && after + 1 < counts.history_first;
    if (code == 0)
        code = walk_feed(&r, after, most, bytes, take, user);
    end(&r);
    return code == HISTORY_NONE ? 0 : code;
}
