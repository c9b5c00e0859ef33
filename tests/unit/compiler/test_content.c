/*
 * Tests of compiler/content.c: files of lists and tables, good and bad, written into a folder of the test's own.
 */
#include "compiler/plan.h"
#include "front_end.h"

#include <unistd.h>

typedef struct folder {
    char path[64];
    front fr;
    const plan *made;
} folder;

static void put_file(const folder *f, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* One list `l` and one table `m`, and a rule that asks both. */
static void load(folder *f, const char *list, const char *table, const char *rules)
{
    strcpy(f->path, "/tmp/egret_content_XXXXXX");
    assert_non_null(mkdtemp(f->path));
    if (list != NULL)
        put_file(f, "l.txt", list);
    if (table != NULL)
        put_file(f, "m.csv", table);
    egret_arena_init(&f->fr.arena, egret_mem_of(NULL));
    egret_diags_init(&f->fr.diags, &f->fr.arena);
    ast_file_init(&f->fr.file);
    char name[128];
    snprintf(name, sizeof name, "%s/r.egret", f->path);
    f->fr.source = egret_diags_add_source(&f->fr.diags, name, rules, strlen(rules));
    egret_parse(&f->fr.diags, f->fr.source, &f->fr.file);
    f->made = egret_plan_make(&f->fr.diags, &f->fr.file, true);
}

static void unload(folder *f)
{
    static const char *const NAMES[] = { "l.txt", "m.csv" };
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", f->path, NAMES[i]);
        unlink(path);
    }
    rmdir(f->path);
    front_deinit(&f->fr);
}

#define STREAM "stream a { k: string  v: int  d: decimal  at: time } with time at\n"
#define LIST_RULE(field) STREAM "list l: \"l.txt\" rule r { match x: a [" field " in l] by k }"
#define CSV_LIST_RULE(field) STREAM "list l: \"m.csv\" rule r { match x: a [" field " in l] by k }"
#define TABLE_RULE "table m: \"m.csv\" key id { id: string  risk: number  since: time?  wait: duration? }\n" \
                   STREAM "rule r { match x: a [m[k].risk > 0.5] by k }"

static void a_list_takes_the_type_it_is_asked_for(void **state)
{
    (void)state;
    folder f;
    load(&f, "# codes\n4829\n 6051 # comment\r\n\n7995", NULL, LIST_RULE("v"));
    assert_non_null(f.made);
    assert_int_equal(f.made->lists[0].type, EGRET_INT);
    assert_int_equal(f.made->lists[0].n_items, 3);
    assert_int_equal(f.made->lists[0].items[1].u.i, 6051);
    unload(&f);
    load(&f, "\xEF\xBB\xBF" "a#b\n", NULL, LIST_RULE("k"));
    assert_int_equal(f.made->lists[0].type, EGRET_STRING);
    assert_int_equal(f.made->lists[0].items[0].len, 3);
    unload(&f);
    load(&f, "1.50\n", NULL, LIST_RULE("d"));
    assert_int_equal(f.made->lists[0].items[0].u.i, 150);
    unload(&f);
}

static void a_table_finds_its_columns_by_the_header(void **state)
{
    (void)state;
    folder f;
    load(&f, NULL, "other,since,risk,id,wait\nx,2026-01-05T09:00:00Z,0.9,\"a \"\"b\"\"\",1h30m\ny,,1,c,\n", TABLE_RULE);
    assert_non_null(f.made);
    const plan_table *table = &f.made->tables[0];
    assert_int_equal(table->n_rows, 2);
    assert_memory_equal(table->cells[0].u.s, "a \"b\"", 5);
    assert_true(table->cells[1].u.d == 0.9);
    assert_int_equal(table->cells[2].type, EGRET_TIME);
    assert_int_equal(table->cells[3].u.i, 5400000);
    assert_int_equal(table->cells[6].type, EGRET_NULL);
    assert_int_equal(table->cells[7].type, EGRET_NULL);
    unload(&f);
}

static void items_of_a_list_may_end(void **state)
{
    (void)state;
    folder f;
    load(&f, NULL, "owner,until,value\nkim,2026-01-05T09:00:00Z,17\nlee,,18\n", CSV_LIST_RULE("v"));
    assert_non_null(f.made);
    assert_int_equal(f.made->lists[0].type, EGRET_INT);
    assert_int_equal(f.made->lists[0].n_items, 2);
    assert_int_equal(f.made->lists[0].items[1].u.i, 18);
    assert_true(f.made->lists[0].until_ms[0] == INT64_C(1767603600000));
    assert_true(f.made->lists[0].until_ms[1] == INT64_MAX);
    unload(&f);
    load(&f, NULL, "value\na b\n", CSV_LIST_RULE("k"));
    assert_int_equal(f.made->lists[0].n_items, 1);
    assert_null(f.made->lists[0].until_ms);
    unload(&f);
}

static void bad_files(void **state)
{
    (void)state;
    static const struct { const char *list, *table, *rules; unsigned code, n; const char *says; } ROWS[] = {
        { NULL, NULL, LIST_RULE("k"), 609, 1, "No such file" },
        { "12\nten\n", NULL, LIST_RULE("v"), 610, 1, "l.txt:2: this is no int" },
        { "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n", NULL, LIST_RULE("v"), 610, 10, "l.txt:1: this is no int" },
        { NULL, "item,until\na,\n", CSV_LIST_RULE("k"), 610, 1, "the header line of a list has a column" },
        { NULL, "value,until\na,soon\n", CSV_LIST_RULE("k"), 610, 1, "m.csv:2: column 'until' is no time" },
        { NULL, "", TABLE_RULE, 610, 1, "no header line" },
        { NULL, "id,since\na,b\n", TABLE_RULE, 610, 2, "lacks a column" },
        { NULL, "id,risk,since,wait\na,high,,\n", TABLE_RULE, 610, 1, "m.csv:2: column 'risk' is no number" },
        { NULL, "id,risk,since,wait\na,,,\n", TABLE_RULE, 610, 1, "column 'risk'" },
        { NULL, "id,risk,since,wait\na,1\n", TABLE_RULE, 610, 1, "not as many cells" },
        { NULL, "id,risk,since,wait\n\"a,1,,\n", TABLE_RULE, 610, 1, "m.csv:" },
        { NULL, "id,risk,since,wait\na,1,,\nb,1,,\na,2,,\n", TABLE_RULE, 612, 1, "rows 1 and 3 have the same key" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        folder f;
        load(&f, ROWS[i].list, ROWS[i].table, ROWS[i].rules);
        assert_null(f.made);
        const egret_diag *diag = f.fr.diags.first;
        assert_non_null(diag);
        if (diag->code != ROWS[i].code || strstr(diag->message, ROWS[i].says) == NULL || f.fr.diags.n_kept != ROWS[i].n)
            fail_msg("row %zu: %s", i, front_lines(&f.fr));
        unload(&f);
    }
}

static void content_can_be_left_alone(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, LIST_RULE("k"));
    egret_parse(&fr.diags, fr.source, &fr.file);
    const plan *made = egret_plan_make(&fr.diags, &fr.file, false);
    assert_non_null(made);
    assert_int_equal(made->lists[0].n_items, 0);
    front_deinit(&fr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_takes_the_type_it_is_asked_for),
        cmocka_unit_test(a_table_finds_its_columns_by_the_header),
        cmocka_unit_test(items_of_a_list_may_end),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(content_can_be_left_alone),
    };
    return cmocka_run_group_tests_name("compiler.content", tests, NULL, NULL);
}
