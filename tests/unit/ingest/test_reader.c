/*
 * test_reader.c: batches hold what reading record by record gives, and hold it after the reader went on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/reader.h"

#define STR(s) { s, sizeof s - 1 }

static plan_field fields[] = {
    { .name = STR("id"), .path = STR("id"), .type = EGRET_STRING, .slot = 0 },
    { .name = STR("n"), .path = STR("n"), .type = EGRET_INT, .optional = true, .slot = 1 },
    { .name = STR("text"), .path = STR("text"), .type = EGRET_STRING, .optional = true, .slot = 2 },
};
static plan_stream streams[] = {
    { .name = STR("a"), .fields = fields, .n_fields = 3, .n_slots = 3, .time_field = PLAN_NONE, .identity_field = PLAN_NONE },
};
static const plan test_plan = { .streams = streams, .n_streams = 1 };

enum { LONG_TEXT = 300 * 1024, RECORDS = 12000 };

/* Records that need each way of being kept: plain, with escapes, rejected, larger than a batch. */
static void write_records(char *path)
{
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    for (int i = 0; i < RECORDS; i++) {
        if (i % 5 == 1)
            fprintf(file, "{\"id\":\"i\\u00e9\\n%d\",\"text\":\"\",\"n\":%d}\n", i, i);
        else if (i % 7 == 2)
            fprintf(file, "{\"id\":%d}\nnothing\n", i);
        else if (i == 1503 || i == RECORDS - 2)
            fprintf(file, "{\"text\":\"%0*d\\\\\",\"id\":\"long%d\",\"n\":null}\n", LONG_TEXT, i, i);
        else
            fprintf(file, "{\"id\":\"plain%d\",\"text\":\"abc\",\"n\":-%d}\n", i, i);
    }
    fclose(file);
}

static void same_value(const egret_value *a, const egret_value *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->len, b->len);
    if (a->type == EGRET_STRING)
        assert_memory_equal(a->u.s, b->u.s, a->len);
    else if (a->type != EGRET_NULL)
        assert_int_equal(a->u.i, b->u.i);
}

static void same_record(const ingest_record *a, const ingest_record *b)
{
    assert_int_equal(a->stream, b->stream);
    assert_int_equal(a->raw_len, b->raw_len);
    assert_memory_equal(a->raw, b->raw, a->raw_len);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->reason, b->reason);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->slots == NULL, b->slots == NULL);
    for (uint32_t i = 0; a->slots != NULL && i < 3; i++)
        same_value(&a->slots[i], &b->slots[i]);
}

static ingest_reader *open_reader(const char *path)
{
    ingest_reader *reader = NULL;
    assert_int_equal(ingest_reader_open(&(ingest_replay_file){ .path = path }, &test_plan, NULL, NULL, &reader), EGRET_OK);
    return reader;
}

static bool next_record(ingest_reader *reader, ingest_record *record)
{
    ingest_got got;
    do
        assert_int_equal(ingest_reader_next(reader, record, &got), EGRET_OK);
    while (got == INGEST_GOT_MORE);
    return got != INGEST_GOT_END;
}

static void batches_are_the_records(void **state)
{
    (void)state;
    char path[] = "/tmp/egret_reader_XXXXXX";
    write_records(path);
    ingest_reader *one = open_reader(path), *many = open_reader(path);
    ingest_decoded *batches[2] = { ingest_decoded_new(), ingest_decoded_new() };
    ingest_record record;
    uint32_t seen = 0, filled = 0;
    ingest_reader_fill(many, batches[0]);
    for (;; filled++) {
        ingest_decoded *batch = batches[filled % 2], *following = batches[(filled + 1) % 2];
        if (!batch->last)
            ingest_reader_fill(many, following);     /* must not disturb the batch at hand */
        for (uint32_t i = 0; i < batch->n_records; i++, seen++) {
            assert_true(next_record(one, &record));
            same_record(&batch->records[i], &record);
        }
        assert_int_equal(batch->status, EGRET_OK);
        if (batch->last)
            break;
    }
    assert_false(next_record(one, &record));
    assert_true(seen > RECORDS && filled > 4);
    const ingest_stats *stats = ingest_reader_stats(one);
    assert_memory_equal(&batches[filled % 2]->stats, stats, sizeof *stats);
    assert_true(stats->rejected[INGEST_REASON_SYNTAX] > 100 && stats->rejected[INGEST_REASON_TYPE] > 100);
    for (int i = 0; i < 2; i++)
        ingest_decoded_free(batches[i]);
    ingest_reader_close(one);
    ingest_reader_close(many);
    unlink(path);
}

/* A reading that fails: the batch says so, with the system's word for it, and is the last. */
static void troubles_are_told(void **state)
{
    (void)state;
    ingest_reader *reader = NULL;
    assert_int_equal(ingest_reader_open(&(ingest_replay_file){ .path = "/proc/self/mem" }, &test_plan, NULL, NULL, &reader), EGRET_OK);
    ingest_decoded *batch = ingest_decoded_new();
    assert_non_null(batch);
    ingest_reader_fill(reader, batch);
    assert_true(batch->last);
    assert_int_equal(batch->n_records, 0);
    assert_int_equal(batch->status, EGRET_IO);
    assert_int_not_equal(batch->why, 0);
    ingest_decoded_free(batch);
    ingest_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_the_records),
        cmocka_unit_test(troubles_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
