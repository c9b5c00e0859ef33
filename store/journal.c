/*
 * journal.c: blocks in the store's table, by LSN.
 */
#include "store/journal.h"

#include "store/store_internal.h"

#include <errno.h>
#include <string.h>

journal_state journal_now(const store *s)
{
    return s->journal;
}

journal_state journal_pending(const store *s)
{
    return s->pending;
}

static MDB_val lsn_key(const size_t *lsn)
{
    return store_val(lsn, sizeof *lsn);
}

static size_t lsn_of(MDB_val key)
{
    size_t lsn = 0;
    if (key.mv_size == sizeof lsn)
        memcpy(&lsn, key.mv_data, sizeof lsn);
    return lsn;
}

int journal_append(store *s, journal_pack *pack)
{
    egret_text block;
    uint32_t n_records = pack->n_records, n_events = pack->n_events;
    size_t lsn = s->pending.next_lsn;
    egret_text_init(&block, egret_mem_of(NULL));
    int code = journal_pack_seal(pack, lsn, s->pending.next_event, &block) ? 0 : ENOMEM;
    if (code == 0)
        code = store_put(s, STORE_JOURNAL, lsn_key(&lsn), store_val(block.ptr, block.len), MDB_APPEND);
    if (code == 0) {
        if (s->pending.blocks == 0)
            s->pending.first_lsn = lsn;
        s->pending.next_lsn += n_records;
        s->pending.next_event += n_events;
        s->pending.blocks++;
        s->pending.bytes += block.len;
    }
    egret_text_deinit(&block);
    return code;
}

void journal_set_clock(store *s, int64_t clock_ms)
{
    s->pending.clock_ms = clock_ms;
}

/* ---- going ---- */

/* May the block go that the cursor is at? end: LSN behind it. */
static bool may_go(const store *s, MDB_val value, int64_t before_ms, uint64_t keep_bytes, uint64_t needed, uint64_t end)
{
    journal_head head;
    if (end > needed)
        return false;
    if (s->pending.bytes > keep_bytes)
        return true;
    return journal_head_read(&head, value.mv_data, value.mv_size) && head.last_ms < before_ms;
}

/* The LSN of the block behind the cursor's, or next_lsn; the cursor stays. */
static uint64_t block_end(const store *s, MDB_cursor *cursor)
{
    MDB_val key, value;
    uint64_t end = s->pending.next_lsn;
    if (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        end = lsn_of(key);
        (void)mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    } else {
        (void)mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    }
    return end;
}

int journal_trim(store *s, int64_t before_ms, uint64_t keep_bytes, uint64_t needed, unsigned most, unsigned *dropped)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    *dropped = 0;
    int code = mdb_cursor_open(s->write, s->table[STORE_JOURNAL], &cursor);
    if (code != 0)
        return code;
    while (code == 0 && *dropped < most && (code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)) == 0) {
        uint64_t end = block_end(s, cursor);
        if ((code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)) != 0 || !may_go(s, value, before_ms, keep_bytes, needed, end))
            break;
        size_t len = value.mv_size;
        if ((code = mdb_cursor_del(cursor, 0)) != 0)
            break;
        s->pending.first_lsn = end;
        s->pending.blocks--;
        s->pending.bytes -= len < s->pending.bytes ? len : s->pending.bytes;
        ++*dropped;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int journal_quarantine(store *s, uint64_t lsn)
{
    size_t at = lsn;
    MDB_val key = lsn_key(&at), value;
    int code = store_begin(s);
    if (code != 0)
        return code;
    code = mdb_get(s->write, s->table[STORE_JOURNAL], &key, &value);
    size_t len = code == 0 ? value.mv_size : 0;
    if (code == 0)
        code = store_put(s, STORE_QUARANTINE, key, value, 0);
    if (code == 0)
        code = store_del(s, STORE_JOURNAL, key);
    if (code != 0) {
        store_abort(s);
        return code;
    }
    s->pending.blocks--;
    s->pending.bytes -= len < s->pending.bytes ? len : s->pending.bytes;
    return store_commit(s);
}

uint64_t journal_quarantined(const store *s)
{
    MDB_txn *txn;
    MDB_stat stat = { 0 };
    if (!s->has[STORE_QUARANTINE] || store_read(s, &txn) != 0)
        return 0;
    (void)mdb_stat(txn, s->table[STORE_QUARANTINE], &stat);
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

/* ---- reading ---- */

/* Moves the cursor to the block that holds lsn, or to the first after it. */
static int seek(MDB_cursor *cursor, uint64_t lsn, MDB_val *key, MDB_val *value)
{
    journal_head head;
    size_t at = lsn;
    *key = lsn_key(&at);
    int code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if ((code == 0 && lsn_of(*key) == lsn) || (code != 0 && code != MDB_NOTFOUND))
        return code;
    MDB_val before, held;
    int back = mdb_cursor_get(cursor, &before, &held, code == 0 ? MDB_PREV : MDB_LAST);
    if (back != 0 && back != MDB_NOTFOUND)
        return back;
    if (back == 0 && journal_head_read(&head, held.mv_data, held.mv_size) && lsn < head.first_lsn + head.n_records) {
        *key = before;
        *value = held;
        return 0;
    }
    if (code == 0 && back == 0)
        code = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    return code;
}

journal_got journal_read(const store *s, uint64_t *lsn, journal_block *block, int *code)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    if (!s->has[STORE_JOURNAL])
        return JOURNAL_GOT_END;
    if ((*code = store_read(s, &txn)) != 0)
        return JOURNAL_GOT_ERROR;
    journal_got got = JOURNAL_GOT_ERROR;
    if ((*code = mdb_cursor_open(txn, s->table[STORE_JOURNAL], &cursor)) == 0) {
        *code = seek(cursor, *lsn, &key, &value);
        if (*code == MDB_NOTFOUND)
            got = JOURNAL_GOT_END;
        if (*code == 0) {
            uint64_t own = lsn_of(key);
            bool good = journal_block_open(block, value.mv_data, value.mv_size) && block->head.first_lsn == own;
            got = good ? JOURNAL_GOT_BLOCK : block->no_memory ? JOURNAL_GOT_ERROR : JOURNAL_GOT_BROKEN;
            *code = got == JOURNAL_GOT_ERROR ? ENOMEM : 0;
            bool follows = !good && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0;
            *lsn = good ? own + block->head.n_records : follows ? lsn_of(key) : UINT64_MAX;
            block->lsn = own;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return got;
}

/* Blocks lie in the order of time but where the wall clock was set back: then a little more, or less, is found. */
static void find_since(MDB_cursor *cursor, int64_t since_ms, uint64_t *lsn, int64_t *first_ms)
{
    MDB_val key, value;
    journal_head head = { .last_ms = INT64_MIN };
    *lsn = 0;
    *first_ms = since_ms;
    if (mdb_cursor_get(cursor, &key, &value, MDB_LAST) != 0)
        return;
    uint64_t high = lsn_of(key) + 1, low = mdb_cursor_get(cursor, &key, &value, MDB_FIRST) == 0 ? lsn_of(key) : high;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        bool is_head = seek(cursor, middle, &key, &value) == 0 && journal_head_read(&head, value.mv_data, value.mv_size);
        uint64_t own = lsn_of(key);
        if (!is_head || own > middle || (head.version > 1 && head.last_ms >= since_ms))
            high = is_head && own < middle ? own : middle;      /* a gap is as good as what is behind it */
        else
            low = own + head.n_records;
    }
    *lsn = low;
    bool found = seek(cursor, low, &key, &value) == 0 && journal_head_read(&head, value.mv_data, value.mv_size);
    if (found)
        *lsn = lsn_of(key);
    *first_ms = found ? head.first_ms : head.last_ms > since_ms ? head.last_ms : since_ms;
}

bool journal_since(const store *s, int64_t since_ms, uint64_t *lsn, int64_t *first_ms)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    if (!s->has[STORE_JOURNAL] || store_read(s, &txn) != 0)
        return false;
    bool found = mdb_cursor_open(txn, s->table[STORE_JOURNAL], &cursor) == 0;
    if (found) {
        find_since(cursor, since_ms, lsn, first_ms);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return found;
}
