/*
 * test_store.c: what was committed is there after opening again, what was not is not; the journal by LSN, its bounds, its quarantine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "folder.h"
#include "store/journal.h"
#include "store/outbox_rows.h"
#include "store/places.h"
#include "store/store_internal.h"

static egret_str str(const char *text)
{
    return (egret_str){ text, (uint32_t)strlen(text) };
}

/* A block of a batch with n events and an epoch, all of this wall clock. */
static void append(store *s, unsigned n, int64_t wall_ms)
{
    journal_pack pack;
    journal_pack_init(&pack);
    journal_pack_batch(&pack, &(journal_batch){ str("http"), wall_ms, false, false, 0 });
    for (unsigned i = 0; i < n; i++)
        journal_pack_event(&pack, &(journal_event){ str("login"), 5, i, 0, str("{}"), NULL, 0 });
    journal_pack_epoch(&pack, &(journal_epoch){ .clock_ms = wall_ms, .wall_ms = wall_ms, .told = true });
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(journal_append(s, &pack), 0);
    journal_set_clock(s, wall_ms);
    assert_int_equal(store_commit(s), 0);
    journal_pack_deinit(&pack);
}

/* LSNs of the first records of all blocks from `lsn` on. */
static size_t blocks_from(const store *s, uint64_t lsn, uint64_t *out, size_t most)
{
    journal_block block;
    int code;
    size_t n = 0;
    journal_block_init(&block);
    for (;;) {
        journal_got got = journal_read(s, &lsn, &block, &code);
        if (got == JOURNAL_GOT_END || n == most) break;
        assert_int_not_equal(got, JOURNAL_GOT_ERROR);
        out[n++] = got == JOURNAL_GOT_BLOCK ? block.head.first_lsn : UINT64_MAX;
        if (got == JOURNAL_GOT_BROKEN) assert_int_equal(block.lsn, 3);
    }
    journal_block_deinit(&block);
    return n;
}

static void the_journal_is_there_again(void **state)
{
    (void)state;
    folder f;
    uint64_t at[8];
    char uuid[33];
    folder_make(&f);
    store *s = folder_open(&f);
    strcpy(uuid, store_uuid(s));
    assert_int_equal(strlen(uuid), 32);
    append(s, 3, 1000);
    append(s, 0, 2000);
    append(s, 1, 3000);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_place_put(s, "f", &(store_place){ 1, 2, 3, 4, 5, 6 }), 0);
    store_abort(s);
    store_close(s);
    s = folder_open(&f);
    assert_string_equal(store_uuid(s), uuid);
    journal_state now = journal_now(s);
    assert_true(now.first_lsn == 0 && now.next_lsn == 10 && now.next_event == 4 && now.blocks == 3 && now.clock_ms == 3000);
    assert_int_equal(blocks_from(s, 0, at, 8), 3);
    assert_true(at[0] == 0 && at[1] == 5 && at[2] == 7);
    assert_int_equal(blocks_from(s, 4, at, 8), 3);      /* within the first */
    assert_int_equal(blocks_from(s, 6, at, 8), 2);
    assert_int_equal(blocks_from(s, 10, at, 8), 0);
    store_place place;
    assert_false(store_place_get(s, "f", &place));      /* given up with its transaction */
    store_close(s);
    folder_remove(&f);
}

static void blocks_go_when_they_are_old_or_too_many(void **state)
{
    (void)state;
    folder f;
    uint64_t at[16];
    unsigned dropped;
    folder_make(&f);
    store *s = folder_open(&f);
    for (int i = 0; i < 10; i++) append(s, 1, 1000 + i);        /* of one size */
    uint64_t bytes = journal_now(s).bytes;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(journal_trim(s, 1003, UINT64_MAX, UINT64_MAX, 2, &dropped), 0);
    assert_int_equal(dropped, 2);                       /* three are old; two at a time */
    assert_int_equal(journal_trim(s, 1003, UINT64_MAX, UINT64_MAX, 9, &dropped), 0);
    assert_int_equal(dropped, 1);
    assert_int_equal(journal_trim(s, 0, bytes / 2, 14, 9, &dropped), 0);
    assert_int_equal(dropped, 1);                       /* the fifth ends at 15, and 14 is needed */
    assert_int_equal(journal_trim(s, 0, bytes / 2, 15, 9, &dropped), 0);
    assert_int_equal(dropped, 1);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(journal_now(s).first_lsn, 15);
    assert_int_equal(journal_now(s).blocks, 5);
    assert_int_equal(journal_now(s).bytes, bytes / 2);
    assert_int_equal(blocks_from(s, 0, at, 16), 5);
    assert_int_equal(at[0], 15);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(journal_trim(s, INT64_MAX, 0, UINT64_MAX, 99, &dropped), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(dropped, 5);
    append(s, 1, 1);                                    /* numbers go on */
    assert_int_equal(journal_now(s).first_lsn, 30);
    store_close(s);
    folder_remove(&f);
}

static void assert_since(const store *s, int64_t since_ms, uint64_t lsn, int64_t first_ms)
{
    uint64_t found = 0;
    int64_t at_ms = 0;
    assert_true(journal_since(s, since_ms, &found, &at_ms));
    assert_int_equal(found, lsn);
    assert_int_equal(at_ms, first_ms);
}

static void blocks_are_found_by_their_time(void **state)
{
    (void)state;
    folder f;
    unsigned dropped;
    folder_make(&f);
    store *s = folder_open(&f);
    assert_since(s, 5, 0, 5);
    for (int i = 0; i < 10; i++) append(s, i % 3 == 0 ? 7 : 1, 1000 + 10 * i);      /* 9 3 3 9 3 3 9 3 3 9 records */
    assert_since(s, 0, 0, 1000);
    assert_since(s, 1000, 0, 1000);
    assert_since(s, 1001, 9, 1010);
    assert_since(s, 1030, 15, 1030);
    assert_since(s, 1085, 45, 1090);
    assert_since(s, 1090, 45, 1090);
    assert_since(s, 1091, 54, 1091);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(journal_trim(s, 1025, UINT64_MAX, UINT64_MAX, 9, &dropped), 0);
    assert_int_equal(store_commit(s), 0);
    assert_since(s, 0, 15, 1030);                       /* the oldest there is */
    assert_int_equal(journal_quarantine(s, 27), 0);     /* of 1050 */
    assert_since(s, 1050, 30, 1060);
    assert_since(s, 1041, 30, 1060);
    assert_since(s, 1040, 24, 1040);
    store_close(s);
    folder_remove(&f);
}

static void spoil(store *s, size_t lsn)
{
    MDB_val value;
    char bytes[512];
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(mdb_get(s->write, s->table[STORE_JOURNAL], &(MDB_val){ sizeof lsn, &lsn }, &value), 0);
    assert_true(value.mv_size < sizeof bytes);
    memcpy(bytes, value.mv_data, value.mv_size);
    bytes[value.mv_size - 1] ^= 1;
    assert_int_equal(store_put(s, STORE_JOURNAL, store_val(&lsn, sizeof lsn), store_val(bytes, value.mv_size), 0), 0);
    assert_int_equal(store_commit(s), 0);
}

static void a_broken_block_is_put_aside(void **state)
{
    (void)state;
    folder f;
    uint64_t at[8];
    folder_make(&f);
    store *s = folder_open(&f);
    for (int i = 0; i < 3; i++) append(s, 1, i);
    spoil(s, 3);
    assert_int_equal(blocks_from(s, 0, at, 8), 3);
    assert_true(at[0] == 0 && at[1] == UINT64_MAX && at[2] == 6);
    assert_int_equal(journal_quarantine(s, 3), 0);
    assert_int_equal(journal_quarantined(s), 1);
    assert_int_equal(blocks_from(s, 0, at, 8), 2);
    assert_int_equal(journal_now(s).blocks, 2);
    assert_int_equal(journal_quarantine(s, 3), MDB_NOTFOUND);
    append(s, 1, 9);
    assert_int_equal(blocks_from(s, 4, at, 8), 2);
    store_close(s);
    folder_remove(&f);
}

static bool collect(void *user, const outbox_row *row)
{
    char *seen = user;
    sprintf(seen + strlen(seen), "%llu:%s:%s:%.*s ", (unsigned long long)row->number, row->sink, row->id, (int)row->len, row->bytes);
    return true;
}

static void rows_places_and_texts(void **state)
{
    (void)state;
    folder f;
    char seen[256] = "", hash[STORE_HASH_DIGITS + 1];
    uint64_t broken;
    store_place place;
    egret_text text;
    folder_make(&f);
    store *s = folder_open(&f);
    static const delivery done = { DELIVERY_DONE, 1, 5, "" };
    outbox_row rows[] = { { .sink = "desk", .id = "a1", .bytes = "{1}", .len = 3 }, { .sink = "file", .id = "a1", .bytes = "{1}", .len = 3 },
                          { .sink = "desk", .id = "a2", .bytes = "" } };
    assert_int_equal(store_begin(s), 0);
    for (size_t i = 0; i < 3; i++) assert_int_equal(outbox_row_put(s, &rows[i]), 0);
    assert_int_equal(outbox_row_settle(s, "desk", rows[0].number, &done), 0);
    assert_int_equal(outbox_row_settle(s, "desk", 999, &done), 0);
    assert_int_equal(store_place_put(s, "f", &(store_place){ 1, 2, 3, 4, 5, 6 }), 0);
    assert_int_equal(store_content_put(s, "rule", 4), 0);
    assert_int_equal(store_content_put(s, "rule", 4), 0);
    assert_int_equal(store_commit(s), 0);
    store_close(s);
    s = folder_open(&f);
    assert_int_equal(outbox_rows_each(s, collect, seen, &broken), 0);
    assert_string_equal(seen, "3:desk:a2: 2:file:a1:{1} ");
    assert_int_equal(broken, 0);
    assert_true(store_place_get(s, "f", &place) && place.inode == 2 && place.line == 4);
    store_hash("rule", 4, hash);
    egret_text_init(&text, egret_mem_of(NULL));
    assert_true(store_content_get(s, hash, &text));
    assert_memory_equal(text.ptr, "rule", 4);
    hash[0] ^= 1;
    assert_false(store_content_get(s, hash, &text));
    egret_text_deinit(&text);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(outbox_row_put(s, &rows[0]), 0);
    assert_int_equal(rows[0].number, 4);
    store_abort(s);
    store_close(s);
    folder_remove(&f);
}

static void a_newer_folder_is_refused(void **state)
{
    (void)state;
    folder f;
    char reason[256];
    uint32_t format = STORE_FORMAT + 1;
    folder_make(&f);
    store_options reading = { .dir = f.dir, .read_only = true };
    assert_null(store_open(&reading, reason, sizeof reason));       /* nothing there */
    store *s = folder_open(&f);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_meta_put(s, "format", &format, sizeof format), 0);
    assert_int_equal(store_commit(s), 0);
    store_close(s);
    assert_null(store_open(&(store_options){ .dir = f.dir }, reason, sizeof reason));
    assert_non_null(strstr(reason, "newer egret"));
    assert_null(store_open(&reading, reason, sizeof reason));
    folder_remove(&f);
}

static void tools_read_beside_a_writer(void **state)
{
    (void)state;
    folder f;
    char reason[256];
    uint64_t at[4];
    folder_make(&f);
    store *s = folder_open(&f);
    append(s, 1, 1);
    /* LMDB wants one environment a process for each file, so the writer is closed; its folder is left as a killed one leaves it. */
    store_close(s);
    store *reading = store_open(&(store_options){ .dir = f.dir, .read_only = true }, reason, sizeof reason);
    assert_non_null(reading);
    assert_int_equal(blocks_from(reading, 0, at, 4), 1);
    assert_int_not_equal(store_begin(reading), 0);
    store_close(reading);
    folder_remove(&f);
}

static void errors_are_told_apart(void **state)
{
    (void)state;
    folder f;
    folder_make(&f);
    store *s = folder_open(&f);
    assert_int_equal(store_judge(s, 0), STORE_FINE);
    assert_int_equal(store_judge(s, 28), STORE_FULL);               /* ENOSPC */
    assert_int_equal(store_judge(s, 30), STORE_FULL);               /* EROFS */
    assert_int_equal(store_judge(s, MDB_MAP_FULL), STORE_FULL);
    assert_int_equal(store_judge(s, 5), STORE_LOST);                /* EIO, and there is room */
    assert_int_equal(store_judge(s, MDB_CORRUPTED), STORE_LOST);
    store_close(s);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_journal_is_there_again),
        cmocka_unit_test(blocks_go_when_they_are_old_or_too_many),
        cmocka_unit_test(blocks_are_found_by_their_time),
        cmocka_unit_test(a_broken_block_is_put_aside),
        cmocka_unit_test(rows_places_and_texts),
        cmocka_unit_test(a_newer_folder_is_refused),
        cmocka_unit_test(tools_read_beside_a_writer),
        cmocka_unit_test(errors_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
