/*
 * test_csv.c: the CSV splitter, by a table of texts and what they split into.
 *
 * A text's records are written back as one string: cells in brackets (quoted ones in <>), records ended by ;
 * and led by their line, errors as "!line", so that one string comparison says all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/csv.h"

typedef struct csv_case { const char *name, *text, *expect; } csv_case;

static const csv_case cases[] = {
    { "nothing", "", "" },
    { "one record", "a,b,c\n", "1[a][b][c];" },
    { "no line end at the end", "a,b", "1[a][b];" },
    { "CRLF", "a,b\r\nc,d\r\n", "1[a][b];2[c][d];" },
    { "CR at the very end", "a,b\r", "1[a][b];" },
    { "byte order mark", "\xEF\xBB\xBF" "a\nb\n", "1[a];2[b];" },
    { "empty cells", ",,\n,\n", "1[][][];2[][];" },
    { "empty lines are skipped", "\n\na\n\r\n\nb\n\n", "3[a];6[b];" },
    { "quoted", "\"a\",\"b,c\"\n", "1<a><b,c>;" },
    { "quoted and empty", "\"\",x\n", "1<>[x];" },
    { "doubled quotes", "\"say \"\"hi\"\"\",\"\"\"\"\n", "1<say \"hi\"><\">;" },
    { "line ends inside quotes", "a,\"b\r\nc\nd\"\ne\n", "1[a]<b\r\nc\nd>;4[e];" },
    { "a quote inside a plain cell is a character", "5\" pipe,6\"\n", "1[5\" pipe][6\"];" },
    { "CR inside a plain cell stays", "a\rb,c\n", "1[a\rb][c];" },
    { "text after a closing quote", "\"a\"b,c\nd\n", "!1 2[d];" },
    { "its line counts the lines inside quotes", "\"a\n\"b,c\nd\n", "!2 3[d];" },
    { "a quote never closed costs one line", "a\nb,\"c\nd\ne\n", "1[a];!2 3[d];4[e];" },
    { "never closed, opened on a later line of the record", "\"x\ny\",\"c\nd", "!2 !2 3[d];" },
    { "spaces are kept", " a , b \n", "1[ a ][ b ];" },
};

/* Splits and writes back; `piece` bytes at a time when it is not 0. */
static void split(const char *text, size_t piece, char *out, size_t cap)
{
    size_t len = strlen(text), shown = piece == 0 || piece > len ? len : piece, at = 0, n = 0;
    egret_csv csv;
    egret_csv_init(&csv, egret_mem_of(NULL), text, shown);
    csv.final = shown == len;
    out[0] = '\0';
    for (;;) {
        egret_csv_result got = egret_csv_next(&csv);
        if (got == EGRET_CSV_END)
            break;
        if (got == EGRET_CSV_MORE) {
            assert_int_equal(csv.final, 0);
            at += csv.pos;
            shown = shown - csv.pos + piece;
            if (shown > len - at)
                shown = len - at;
            egret_csv_feed(&csv, text + at, shown, at + shown == len);
            continue;
        }
        assert_int_not_equal(got, EGRET_CSV_NO_MEMORY);
        if (got == EGRET_CSV_BAD) {
            assert_non_null(csv.error);
            n += (size_t)snprintf(out + n, cap - n, "!%u ", csv.line);
            continue;
        }
        n += (size_t)snprintf(out + n, cap - n, "%u", csv.line);
        for (uint32_t i = 0; i < csv.n_cells; i++)
            n += (size_t)snprintf(out + n, cap - n, csv.cells[i].quoted ? "<%.*s>" : "[%.*s]", (int)csv.cells[i].len, csv.cells[i].ptr);
        n += (size_t)snprintf(out + n, cap - n, ";");
        shown -= csv.pos;
        at += csv.pos;
        egret_csv_feed(&csv, text + at, shown, at + shown == len);
    }
    egret_csv_deinit(&csv);
}

static void splits(void **state)
{
    (void)state;
    char out[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        split(cases[i].text, 0, out, sizeof out);
        if (strcmp(out, cases[i].expect) != 0)
            fail_msg("%s: expected %s, got %s", cases[i].name, cases[i].expect, out);
    }
}

/* The same texts in pieces of any size give the same. A mark at the start is seen only in the first piece, so pieces begin at 3. */
static void splits_in_pieces(void **state)
{
    (void)state;
    char out[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 3; piece < 40; piece++) {
            split(cases[i].text, piece, out, sizeof out);
            if (strcmp(out, cases[i].expect) != 0)
                fail_msg("%s by %zu: expected %s, got %s", cases[i].name, piece, cases[i].expect, out);
        }
}

static void record_bytes(void **state)
{
    (void)state;
    const char *text = "a,b\r\n\"c\",d\n";
    egret_csv csv;
    egret_csv_init(&csv, egret_mem_of(NULL), text, strlen(text));
    assert_int_equal(egret_csv_next(&csv), EGRET_CSV_RECORD);
    assert_int_equal(csv.start, 0);
    assert_int_equal(csv.end, 3);
    assert_int_equal(egret_csv_next(&csv), EGRET_CSV_RECORD);
    assert_int_equal(csv.start, 5);
    assert_int_equal(csv.end, 10);
    assert_int_equal(egret_csv_next(&csv), EGRET_CSV_END);
    egret_csv_deinit(&csv);
}

static void other_separator(void **state)
{
    (void)state;
    egret_csv csv;
    egret_csv_init(&csv, egret_mem_of(NULL), "a;b,c\n", 6);
    csv.separator = ';';
    assert_int_equal(egret_csv_next(&csv), EGRET_CSV_RECORD);
    assert_int_equal(csv.n_cells, 2);
    assert_memory_equal(csv.cells[1].ptr, "b,c", 3);
    egret_csv_deinit(&csv);
}

static void *refuse(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user, (void)ptr, (void)old_size, (void)new_size;
    return NULL;
}

static void no_memory_is_said(void **state)
{
    (void)state;
    egret_csv csv;
    egret_csv_init(&csv, (egret_mem){ refuse, NULL }, "a\n", 2);
    assert_int_equal(egret_csv_next(&csv), EGRET_CSV_NO_MEMORY);
    egret_csv_deinit(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),
        cmocka_unit_test(splits_in_pieces),
        cmocka_unit_test(record_bytes),
        cmocka_unit_test(other_separator),
        cmocka_unit_test(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
