/*
 * test_files.c: what ingest keeps in files: the spool, the letters, and files as sources.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "ingest/deadletter.h"
#include "ingest/source.h"
#include "ingest/spool.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/egret_files_XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void append(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- spool ---- */

static egret_status get(ingest_spool *spool, uint64_t ref, char *out, size_t cap)
{
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    egret_status status = ingest_spool_get(spool, ref, &text);
    snprintf(out, cap, "%.*s", (int)text.len, text.len > 0 ? text.ptr : "");
    egret_text_deinit(&text);
    return status;
}

static void spool_keeps_texts(void **state)
{
    (void)state;
    enum { N = 3000 };
    static uint64_t refs[N];
    char text[700], got[700];
    ingest_spool *spool;
    assert_int_equal(ingest_spool_open(NULL, 0, &spool), EGRET_OK);
    for (unsigned i = 0; i < N; i++) {
        memset(text, 'a' + (int)(i % 26), sizeof text);
        assert_int_equal(ingest_spool_put(spool, text, i % 600, &refs[i]), EGRET_OK);
        assert_true(i == 0 || refs[i] > refs[i - 1]);
    }
    for (unsigned i = 0; i < N; i += 7) {
        assert_int_equal(get(spool, refs[i], got, sizeof got), EGRET_OK);
        assert_int_equal(strlen(got), i % 600);
        assert_true(i % 600 == 0 || got[0] == (char)('a' + i % 26));
    }
    assert_int_equal(get(spool, refs[5] + 1, got, sizeof got), EGRET_BAD_USE);
    assert_int_equal(get(spool, UINT64_MAX, got, sizeof got), EGRET_BAD_USE);
    ingest_spool_close(spool);
}

static void spool_takes_large_texts(void **state)
{
    (void)state;
    size_t len = 900000;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    uint64_t large, small;
    ingest_spool *spool;
    assert_int_equal(ingest_spool_open(NULL, 0, &spool), EGRET_OK);
    assert_int_equal(ingest_spool_put(spool, text, len, &large), EGRET_OK);
    assert_int_equal(ingest_spool_put(spool, "small", 5, &small), EGRET_OK);
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    assert_int_equal(ingest_spool_get(spool, large, &out), EGRET_OK);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.ptr, text, len);
    egret_text_deinit(&out);
    char got[16];
    assert_int_equal(get(spool, small, got, sizeof got), EGRET_OK);
    assert_string_equal(got, "small");
    ingest_spool_close(spool);
    free(text);
}

static void spool_is_bounded(void **state)
{
    (void)state;
    const char *path = path_of("spool");
    ingest_spool *spool;
    uint64_t first, ref = 0;
    char got[64];
    assert_int_equal(ingest_spool_open(path, 1000, &spool), EGRET_OK);
    assert_int_equal(ingest_spool_put(spool, "first", 5, &first), EGRET_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ingest_spool_put(spool, "0123456789012345678901234567890123456789", 40, &ref), EGRET_OK);
    assert_true(ingest_spool_bytes(spool) <= 1000);
    assert_int_equal(get(spool, first, got, sizeof got), EGRET_BAD_USE);
    assert_int_equal(get(spool, ref, got, sizeof got), EGRET_OK);
    assert_int_equal(strlen(got), 40);
    assert_int_equal(ingest_spool_put(spool, got, 1001, &ref), EGRET_BAD_USE);
    ingest_spool_close(spool);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ingest_spool_open("/nonexistent/spool", 0, &spool), EGRET_IO);
}

/* ---- letters ---- */

static void file_is(const char *path, const char *expect)
{
    char got[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(got, 1, sizeof got - 1, file);
    got[n] = '\0';
    fclose(file);
    assert_string_equal(got, expect);
}

static void letters_are_lines_of_json(void **state)
{
    (void)state;
    const char *path = path_of("dead.ndjson");
    ingest_letters *letters;
    assert_int_equal(ingest_letters_open(path, 0, &letters), EGRET_OK);
    ingest_letters_put(letters, &(ingest_letter){ .source = "api", .stream = { "pay\"ment", 8 }, .line = 3, .offset = 40, .kind = "type",
                                                  .reason = "field 'a'", .record = "{\"a\":\n\xFF}", .record_len = 8 });
    ingest_letters_put(letters, &(ingest_letter){ .source = "f", .kind = "late", .reason = "r", .record = "", .record_len = 0 });
    file_is(path, "{\"source\":\"api\",\"stream\":\"pay\\\"ment\",\"line\":3,\"offset\":40,\"class\":\"type\",\"reason\":\"field 'a'\",\"record\":\"{"
                  "\\\"a\\\":\\n\xEF\xBF\xBD}\"}\n"
                  "{\"source\":\"f\",\"line\":0,\"offset\":0,\"class\":\"late\",\"reason\":\"r\",\"record\":\"\"}\n");
    unlink(path);       /* taken away by an operator: the next letter opens a new file */
    ingest_letters_put(letters, &(ingest_letter){ .source = "f", .kind = "late", .reason = "r", .record = "x", .record_len = 1 });
    file_is(path, "{\"source\":\"f\",\"line\":0,\"offset\":0,\"class\":\"late\",\"reason\":\"r\",\"record\":\"x\"}\n");
    assert_int_equal(ingest_letters_count(letters), 3);
    assert_int_equal(ingest_letters_unwritten(letters), 0);
    ingest_letters_close(letters);
    unlink(path);
}

static void letters_are_bounded(void **state)
{
    (void)state;
    const char *path = path_of("dead.ndjson");
    ingest_letters *letters;
    assert_int_equal(ingest_letters_open(path, 60000, &letters), EGRET_OK);
    size_t len = 40000;
    char *record = malloc(len);
    assert_non_null(record);
    memset(record, 'x', len);
    ingest_letter letter = { .source = "s", .kind = "size", .reason = "r", .record = record, .record_len = len };
    for (int i = 0; i < 5; i++)
        ingest_letters_put(letters, &letter);
    assert_int_equal(ingest_letters_count(letters), 5);
    assert_int_equal(ingest_letters_unwritten(letters), 2);     /* three of 16 KiB fit */
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size > 3 * INGEST_DEADLETTER_RECORD_CAP && info.st_size <= 60000);
    ingest_letters_close(letters);
    unlink(path);
    assert_int_equal(ingest_letters_open(NULL, 0, &letters), EGRET_OK);
    ingest_letters_put(letters, &letter);
    assert_int_equal(ingest_letters_count(letters), 1);
    ingest_letters_close(letters);
    free(record);
}

/* ---- files as sources ---- */

static void batch_is(ingest_source *source, size_t taken, const char *expect, bool final)
{
    ingest_batch batch;
    assert_int_equal(ingest_source_file.next(source, taken, NULL, &batch), EGRET_OK);
    assert_int_equal(batch.len, strlen(expect));
    assert_memory_equal(batch.ptr, expect, batch.len);
    assert_int_equal(batch.final, final);
    assert_true(batch.readable >= batch.len + 64);
}

static void reads_a_file(void **state)
{
    (void)state;
    const char *path = path_of("in");
    append(path, "one\ntwo\npart");
    ingest_source *source;
    assert_int_equal(ingest_source_file.open(path, false, &source), EGRET_OK);
    batch_is(source, 0, "one\ntwo\npart", false);
    batch_is(source, 8, "part", true);
    batch_is(source, 4, "", true);
    assert_int_equal(ingest_source_file.position(source), 12);
    assert_true(ingest_source_file.reread(source) >= 0);
    ingest_batch batch;
    assert_int_equal(ingest_source_file.next(source, 1, NULL, &batch), EGRET_BAD_USE);
    ingest_source_file.close(source);
    assert_int_equal(ingest_source_file.open(path, false, &source), EGRET_OK);
    assert_int_equal(ingest_source_file.seek(source, 4), EGRET_OK);
    batch_is(source, 0, "two\npart", false);
    ingest_source_file.close(source);
    unlink(path);
    assert_int_equal(ingest_source_file.open(path, false, &source), EGRET_IO);
    assert_int_equal(ingest_source_file.open(folder, false, &source), EGRET_IO);
}

/* Looks on, taking `taken` and then what is left, until another file begins. */
static ingest_batch next_file(ingest_source *source, size_t taken)
{
    ingest_batch batch;
    bool ended = false;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ingest_source_file.next(source, taken, NULL, &batch), EGRET_OK);
        if (batch.restarted) break;
        ended = ended || batch.ends_file;
        taken = ended ? batch.len : 0;      /* the part of a line is whole when its file has ended */
    }
    assert_true(batch.restarted && ended);
    return batch;
}

static void make_old(const char *path, int seconds)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void follows_a_file(void **state)
{
    (void)state;
    char path[128], moved[128];
    snprintf(path, sizeof path, "%s", path_of("log"));
    snprintf(moved, sizeof moved, "%s", path_of("log.1"));
    append(path, "one\npa");
    ingest_source *source;
    assert_int_equal(ingest_source_file.open(path, true, &source), EGRET_OK);
    batch_is(source, 0, "one\npa", false);
    batch_is(source, 4, "pa", false);           /* nothing new: the part of a line waits */
    append(path, "rt\n");
    batch_is(source, 0, "part\n", false);
    append(path, "last\nwithout end");
    assert_int_equal(rename(path, moved), 0);   /* rotated: first what the old file still has, then the new one */
    append(path, "new\n");
    batch_is(source, 5, "last\nwithout end", false);
    ingest_batch batch = next_file(source, 5);
    assert_true(batch.len == 4 && batch.offset == 0);
    assert_memory_equal(batch.ptr, "new\n", 4);
    ingest_source_file.close(source);
    unlink(path);
    unlink(moved);
}

static void a_cut_file_is_read_on_in_its_copy(void **state)
{
    (void)state;
    char path[128], copy[128];
    snprintf(path, sizeof path, "%s", path_of("log"));
    snprintf(copy, sizeof copy, "%s", path_of("log.1"));
    append(path, "first\n");
    ingest_source *source;
    ingest_batch batch;
    assert_int_equal(ingest_source_file.open(path, true, &source), EGRET_OK);
    batch_is(source, 0, "first\n", false);
    append(copy, "first\nnot seen\n");
    assert_int_equal(truncate(path, 0), 0);
    append(path, "after\nmore than there was before\n");
    batch_is(source, 6, "not seen\n", false);
    batch = next_file(source, 9);
    assert_true(!batch.gap && batch.len == 33 && batch.offset == 0);
    unlink(copy);
    assert_int_equal(truncate(path, 0), 0);     /* without a copy: said, and read from its beginning */
    append(path, "x\n");
    assert_int_equal(ingest_source_file.next(source, 33, NULL, &batch), EGRET_OK);
    assert_true(batch.restarted && batch.gap && batch.len == 2);
    ingest_source_file.close(source);
    unlink(path);
}

/* All that the source gives from here, of all files, as one text; asks `looks` times. */
static char *read_out(ingest_source *source, int looks)
{
    static char all[4096];
    size_t n = 0, taken = 0;
    ingest_batch batch = {0};
    for (int i = 0; i < looks && !batch.final; i++) {
        assert_int_equal(ingest_source_file.next(source, taken, NULL, &batch), EGRET_OK);
        memcpy(all + n, batch.ptr, batch.len);
        n += taken = batch.len;
    }
    all[n] = '\0';
    return all;
}

static void write_packed(const char *path, const char *text)
{
    gzFile file = gzopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static void write_zstd(const char *path, const char *text)
{
    char packed[1024];
    size_t n = ZSTD_compress(packed, sizeof packed, text, strlen(text), 1);
    FILE *file = fopen(path, "ab");
    assert_true(file != NULL && !ZSTD_isError(n) && fwrite(packed, 1, n, file) == n && fclose(file) == 0);
}

static void packed_files_are_read_by_their_first_bytes(void **state)
{
    (void)state;
    static void (*const writers[])(const char *path, const char *text) = {append, write_packed, write_zstd};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s", path_of("any"));
        ingest_source *source;
        ingest_file_identity file;
        writers[i](path, "one\ntwo\n");
        writers[i](path, "three\n");            /* another member of the file */
        assert_int_equal(ingest_source_file.open(path, false, &source), EGRET_OK);
        assert_string_equal(read_out(source, 9), "one\ntwo\nthree\n");
        assert_int_equal(ingest_source_file.position(source), 14);
        assert_true(ingest_source_file.identity(source, &file) && file.head_len == 14);
        assert_int_equal(ingest_source_file.reread(source) >= 0, i == 0);
        assert_true(ingest_source_file.find(source, &file, 8));
        assert_int_equal(ingest_source_file.seek(source, 8), EGRET_OK);
        assert_string_equal(read_out(source, 9), "three\n");
        ingest_source_file.close(source);
        unlink(path);
    }
}

static void damaged_packed_files_are_said(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s", path_of("cut.gz"));
    ingest_source *source;
    ingest_batch batch;
    write_packed(path, "one\ntwo\n");
    assert_int_equal(truncate(path, 24), 0);
    assert_int_equal(ingest_source_file.open(path, false, &source), EGRET_OK);
    egret_status status = EGRET_OK;
    for (int i = 0; i < 3 && status == EGRET_OK; i++) status = ingest_source_file.next(source, 0, NULL, &batch);
    assert_int_equal(status, EGRET_IO);
    assert_int_equal(errno, EBADMSG);
    ingest_source_file.close(source);
    unlink(path);
}

static void a_place_is_found_under_another_name(void **state)
{
    (void)state;
    char path[128], older[128], oldest[128];
    snprintf(path, sizeof path, "%s", path_of("log"));
    snprintf(older, sizeof older, "%s", path_of("log.1"));
    snprintf(oldest, sizeof oldest, "%s", path_of("log.2.gz"));
    append(path, "one\ntwo\n");
    ingest_source *source;
    ingest_file_identity file;
    assert_int_equal(ingest_source_file.open(path, true, &source), EGRET_OK);
    assert_true(ingest_source_file.identity(source, &file));
    ingest_source_file.close(source);
    write_packed(oldest, "one\ntwo\nthree\n");     /* rotated, written on, packed; and then again, twice */
    unlink(path);
    append(older, "four\n");
    append(path, "five\n");
    make_old(oldest, 300), make_old(older, 200), make_old(path, 100);
    assert_int_equal(ingest_source_file.open(path, true, &source), EGRET_OK);
    assert_true(ingest_source_file.find(source, &file, 4));
    assert_int_equal(ingest_source_file.seek(source, 4), EGRET_OK);
    assert_string_equal(read_out(source, 20), "two\nthree\nfour\nfive\n");
    ingest_source_file.close(source);
    unlink(path), unlink(older), unlink(oldest);
}

/* Rotated twice while its end was awaited, and itself thrown away: what came in between is not left out. */
static void a_file_thrown_away_is_followed_by_the_next_older(void **state)
{
    (void)state;
    char path[128], older[128];
    snprintf(path, sizeof path, "%s", path_of("log"));
    snprintf(older, sizeof older, "%s", path_of("log.1"));
    append(path, "one\n");
    make_old(path, 300);
    ingest_source *source;
    assert_int_equal(ingest_source_file.open(path, true, &source), EGRET_OK);
    batch_is(source, 0, "one\n", false);
    unlink(path);
    append(older, "two\n");
    append(path, "three\n");
    make_old(older, 200), make_old(path, 100);
    ingest_batch batch = next_file(source, 4);
    assert_true(batch.len == 4 && memcmp(batch.ptr, "two\n", 4) == 0);
    batch = next_file(source, 4);
    assert_true(batch.len == 6 && memcmp(batch.ptr, "three\n", 6) == 0);
    ingest_source_file.close(source);
    unlink(path), unlink(older);
}

static void a_pattern_is_read_in_the_order_of_names(void **state)
{
    (void)state;
    char pattern[128], names[3][128];
    snprintf(pattern, sizeof pattern, "%s", path_of("day-*.log"));
    for (int i = 0; i < 3; i++) {
        char name[32], text[32];
        snprintf(name, sizeof name, "day-%d.log", i == 0 ? 2 : i == 1 ? 10 : 9);
        snprintf(text, sizeof text, "%d\n", i);
        snprintf(names[i], sizeof names[i], "%s", path_of(name));
        append(names[i], text);
        make_old(names[i], 100);
    }
    ingest_source *source;
    assert_int_equal(ingest_source_file.open(pattern, false, &source), EGRET_OK);
    assert_string_equal(read_out(source, 20), "0\n2\n1\n");
    ingest_source_file.close(source);
    for (int i = 0; i < 3; i++) unlink(names[i]);
}

static void a_followed_file_may_come_later(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s", path_of("later"));
    ingest_source *source;
    assert_int_equal(ingest_source_file.open(path, true, &source), EGRET_OK);
    batch_is(source, 0, "", false);
    append(path, "here\n");
    batch_is(source, 0, "here\n", false);
    ingest_source_file.close(source);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spool_keeps_texts), cmocka_unit_test(spool_takes_large_texts), cmocka_unit_test(spool_is_bounded),
        cmocka_unit_test(letters_are_lines_of_json), cmocka_unit_test(letters_are_bounded), cmocka_unit_test(reads_a_file),
        cmocka_unit_test(follows_a_file), cmocka_unit_test(a_cut_file_is_read_on_in_its_copy),
        cmocka_unit_test(packed_files_are_read_by_their_first_bytes), cmocka_unit_test(damaged_packed_files_are_said),
        cmocka_unit_test(a_place_is_found_under_another_name), cmocka_unit_test(a_file_thrown_away_is_followed_by_the_next_older), cmocka_unit_test(a_pattern_is_read_in_the_order_of_names),
        cmocka_unit_test(a_followed_file_may_come_later),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
