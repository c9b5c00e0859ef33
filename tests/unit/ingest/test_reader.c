/*
 * test_reader.c: records that are kept stay as they were when the reader has gone on, and are those that the decoder gives.
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

/* Records that need each way of being kept: plain, with escapes, rejected, larger than a chunk. */
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
    assert_int_equal(ingest_reader_open(&(ingest_replay_file){ .path = path }, &test_plan, NULL, &reader), EGRET_OK);
    return reader;
}

/* What a record holds when it is at hand, in memory of its own. */
static ingest_record copy_record(const ingest_record *record)
{
    ingest_record made = *record;
    made.raw = memcpy(malloc(record->raw_len + 1), record->raw, record->raw_len);
    egret_value *slots = malloc(3 * sizeof *slots);
    for (uint32_t i = 0; i < 3; i++) {
        slots[i] = record->slots[i];
        if (slots[i].type == EGRET_STRING)
            slots[i].u.s = memcpy(malloc(slots[i].len + 1), record->slots[i].u.s, slots[i].len);
    }
    made.slots = slots;
    return made;
}

static void free_copy(ingest_record *copy)
{
    for (uint32_t i = 0; i < 3; i++)
        if (copy->slots[i].type == EGRET_STRING)
            free((void *)(uintptr_t)copy->slots[i].u.s);
    free((void *)(uintptr_t)copy->slots);
    free((void *)(uintptr_t)copy->raw);
}

/* Reads a file to its end; each third record that could be kept is not. */
static void kept_records_stay(void **state)
{
    (void)state;
    char path[] = "/tmp/egret_reader_XXXXXX";
    write_records(path);
    ingest_reader *reader = open_reader(path);
    ingest_chunk *chunks = NULL, *spare = ingest_chunk_new();
    ingest_record *copies = calloc(RECORDS, sizeof *copies), *kept = calloc(RECORDS, sizeof *kept);
    assert_true(spare != NULL && copies != NULL && kept != NULL);
    uint32_t n = 0, taken = 0, rejected = 0, n_chunks = 0;
    ingest_got got = INGEST_GOT_MORE;
    while (got != INGEST_GOT_END) {
        ingest_record record;
        assert_int_equal(ingest_reader_next(reader, &record, &got), EGRET_OK);
        rejected += got == INGEST_GOT_REJECTED;
        if (got == INGEST_GOT_RECORD && taken++ % 3 > 0) {
            copies[n] = copy_record(&record);
            assert_int_equal(ingest_reader_keep(reader, &record), EGRET_OK);
            kept[n++] = record;
        }
        if (got != INGEST_GOT_MORE)
            continue;
        assert_int_equal(ingest_reader_read(reader, &spare), EGRET_OK);
        if (spare->is_empty)
            continue;
        spare->next = chunks;
        chunks = spare;
        spare = ingest_chunk_new();
        assert_non_null(spare);
        n_chunks++;
    }
    for (uint32_t i = 0; i < n; i++) {
        same_record(&kept[i], &copies[i]);
        free_copy(&copies[i]);
    }
    const ingest_stats *stats = ingest_reader_stats(reader);
    assert_int_equal(stats->records, taken + rejected);
    assert_true(n > RECORDS / 2 && n_chunks > 4);
    assert_true(stats->rejected[INGEST_REASON_SYNTAX] > 100 && stats->rejected[INGEST_REASON_TYPE] > 100);
    ingest_chunks_free(chunks);
    ingest_chunk_free(spare);
    ingest_reader_close(reader);
    free(copies);
    free(kept);
    unlink(path);
}

/* A chunk that is used again holds what is new, and no more memory than before. */
static void chunks_are_used_again(void **state)
{
    (void)state;
    ingest_chunk *chunk = ingest_chunk_new();
    assert_non_null(chunk);
    egret_value *first = ingest_chunk_slots(chunk, 3);
    assert_ptr_equal(ingest_chunk_slots(chunk, 2), first);
    ingest_chunk_keep(chunk, 3);
    assert_false(chunk->is_empty);
    assert_ptr_equal(ingest_chunk_slots(chunk, 3), first + 3);
    char text[] = "inside", other[] = "outside";
    first[0] = egret_string(text + 2, 4);
    first[1] = egret_string(other, 7);
    first[2] = egret_string(other, 0);
    assert_true(ingest_chunk_own_strings(chunk, first, 3, text, 6));
    memset(other, 'x', sizeof other);
    assert_ptr_equal(first[0].u.s, text + 2);
    assert_memory_equal(first[1].u.s, "outside", 7);
    egret_value *many = ingest_chunk_slots(chunk, 100000);
    assert_non_null(many);
    memset(many, 0, 100000 * sizeof *many);
    ingest_chunk_clear(chunk);
    assert_true(chunk->is_empty);
    assert_ptr_equal(ingest_chunk_slots(chunk, 1), many);
    ingest_chunk_free(chunk);
}

/* A reading that fails says so, with the system's word for it, and takes nothing away. */
static void troubles_are_told(void **state)
{
    (void)state;
    ingest_reader *reader = open_reader("/proc/self/mem");
    ingest_chunk *chunk = ingest_chunk_new();
    assert_non_null(chunk);
    ingest_record record;
    ingest_got got;
    assert_int_equal(ingest_reader_next(reader, &record, &got), EGRET_OK);
    assert_int_equal(got, INGEST_GOT_MORE);
    assert_int_equal(ingest_reader_read(reader, &chunk), EGRET_IO);
    ingest_chunk_free(chunk);
    ingest_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_records_stay),
        cmocka_unit_test(chunks_are_used_again),
        cmocka_unit_test(troubles_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
