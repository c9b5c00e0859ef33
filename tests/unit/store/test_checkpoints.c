/*
 * test_checkpoints.c: the newest bytes of each piece, as of a version that was finished; what is begun does not count, what is replaced is swept away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "folder.h"
#include "store/checkpoints.h"
#include "store/store_internal.h"

static void put(store *s, uint64_t version, uint32_t number, const char *text)
{
    size_t written = 0;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(checkpoint_put(s, version, number, text, strlen(text), &written), 0);
    assert_int_equal(store_commit(s), 0);
    assert_true(written >= 24);
}

static void finish(store *s, uint64_t version, uint64_t base)
{
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(checkpoint_finish(s, &(checkpoint_info){ .version = version, .base = base, .lsn = version * 10 }), 0);
    assert_int_equal(store_commit(s), 0);
}

static void sweep(store *s, bool strays)
{
    for (uint64_t at = 0; at <= UINT32_MAX;) {
        assert_int_equal(store_begin(s), 0);
        assert_int_equal(checkpoint_sweep(s, &at, 1, strays), 0);
        assert_int_equal(store_commit(s), 0);
    }
}

static bool note(void *user, uint32_t number, const char *bytes, size_t len)
{
    char *out = user;
    sprintf(out + strlen(out), "%d=%.*s ", (int)number, (int)len, bytes);
    return true;
}

static void assert_holds(const store *s, uint32_t from, const char *expected)
{
    char out[256] = "";
    int code;
    checkpoint_info info;
    assert_true(checkpoint_newest(s, &info));
    assert_int_equal(checkpoint_read(s, &info, from, note, out, &code), EGRET_OK);
    assert_string_equal(out, expected);
}

static size_t entries(const store *s)
{
    MDB_txn *txn;
    MDB_stat stat;
    assert_int_equal(store_read(s, &txn), 0);
    assert_int_equal(mdb_stat(txn, s->table[STORE_CHECKPOINT], &stat), 0);
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

static void the_newest_finished_version_counts(void **state)
{
    (void)state;
    folder f;
    checkpoint_info info;
    folder_make(&f);
    store *s = folder_open(&f);
    assert_false(checkpoint_newest(s, &info));
    put(s, 1, 0, "a1");
    put(s, 1, 7, "b1");
    put(s, 1, CHECKPOINT_HEAD, "h1");
    assert_false(checkpoint_newest(s, &info));
    finish(s, 1, 1);
    assert_holds(s, 0, "0=a1 7=b1 -1=h1 ");
    put(s, 2, 7, "b2");
    put(s, 2, 9, "c2");
    put(s, 2, CHECKPOINT_HEAD, "h2");
    assert_holds(s, 0, "0=a1 7=b1 -1=h1 ");     /* as it was */
    sweep(s, false);
    assert_int_equal(entries(s), 6);            /* what is being written stays */
    finish(s, 2, 1);
    assert_holds(s, 0, "0=a1 7=b2 9=c2 -1=h2 ");
    assert_holds(s, 8, "9=c2 -1=h2 ");
    assert_holds(s, CHECKPOINT_HEAD, "-1=h2 ");
    sweep(s, false);
    assert_int_equal(entries(s), 4);
    put(s, 3, 0, "");                           /* gone */
    put(s, 3, 8, "stray");
    finish(s, 3, 1);
    assert_holds(s, 0, "7=b2 8=stray 9=c2 -1=h2 ");
    put(s, 4, 0, "a4");
    put(s, 4, CHECKPOINT_HEAD, "h4");
    store_close(s);
    s = folder_open(&f);
    assert_true(checkpoint_newest(s, &info) && info.version == 3 && info.lsn == 30);
    sweep(s, true);                             /* version 4 was never finished */
    assert_holds(s, 0, "7=b2 8=stray 9=c2 -1=h2 ");
    put(s, 5, 1, "d5");
    put(s, 5, CHECKPOINT_HEAD, "h5");
    finish(s, 5, 5);                            /* all anew */
    assert_holds(s, 0, "1=d5 -1=h5 ");
    sweep(s, false);
    assert_int_equal(entries(s), 2);
    store_close(s);
    folder_remove(&f);
}

/* Bytes that no compressor makes smaller. */
static unsigned char noise(size_t i)
{
    uint32_t x = (uint32_t)i * 0x9E3779B9u;
    x = (x ^ x >> 15) * 0x85EBCA6Bu;
    return (unsigned char)((x ^ x >> 13) >> 8);
}

static bool measure(void *user, uint32_t number, const char *bytes, size_t len)
{
    size_t *out = user;
    (void)number;
    *out = len;
    for (size_t i = 0; i < len; i++) assert_int_equal((unsigned char)bytes[i], noise(i));
    return true;
}

static void large_pieces_are_cut(void **state)
{
    (void)state;
    folder f;
    size_t len = 1500000, got = 0, written = 0;
    int code;
    checkpoint_info info;
    folder_make(&f);
    store *s = folder_open(&f);
    char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) bytes[i] = (char)noise(i);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(checkpoint_put(s, 1, 3, bytes, len, &written), 0);
    assert_int_equal(store_commit(s), 0);
    finish(s, 1, 1);
    assert_true(entries(s) > 1);
    assert_true(checkpoint_newest(s, &info));
    assert_int_equal(checkpoint_read(s, &info, 0, measure, &got, &code), EGRET_OK);
    assert_int_equal(got, len);
    /* One part spoiled: the whole is refused. */
    unsigned char key[16] = { 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 };
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_put(s, STORE_CHECKPOINT, store_val(key, sizeof key), store_val("x", 1), 0), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(checkpoint_read(s, &info, 0, measure, &got, &code), EGRET_BAD_EVENT);
    free(bytes);
    store_close(s);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_finished_version_counts),
        cmocka_unit_test(large_pieces_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
