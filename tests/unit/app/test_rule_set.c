/*
 * test_rule_set.c: a set of rules as lines and back; what is said of a change; keys as text; events laid out for other rules.
 */
#include "app/rule_change.h"
#include "app/rule_key.h"
#include "app/relayout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"

static bool text_of(void *user, const char *hash, egret_text *out)
{
    const rule_set *from = user;
    for (size_t i = 0; i < from->n_files; i++) {
        if (strcmp(from->files[i]->hash, hash) != 0) continue;
        egret_text_put(out, from->files[i]->text, from->files[i]->len);
        return true;
    }
    return false;
}

static void fill(rule_set *set)
{
    rule_set_put(set, "b.egret", "rule r { watch s by k }\n", 24, false);
    rule_set_put(set, "a.egret", "stream s { k: int }\n", 20, false);
    rule_set_put(set, "l.txt", "1\n", 2, true);
    rule_set_put_mode(set, "r", "shadow");
    rule_set_put_snooze(set, &(rule_snooze){.rule = "r", .key = "[1]", .until_ms = 2000, .when_ms = 1000, .who = "ann", .reason = "a\treason\nof two lines"});
}

static char *lines_of(const rule_set *set)
{
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    rule_set_write(set, &text);
    char *copy = calloc(1, text.len + 1);
    assert_non_null(copy);
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    egret_text_deinit(&text);
    return copy;
}

static void a_set_is_its_lines(void **state)
{
    (void)state;
    rule_set *set = rule_set_new(), *again = rule_set_new(), *copy;
    fill(set);
    char *lines = lines_of(set);
    assert_true(rule_set_read(again, lines, strlen(lines), text_of, set));
    copy = rule_set_copy(set);
    assert_int_equal(copy->changes.len, 0);
    char *same = lines_of(again), *copied = lines_of(copy);
    assert_string_equal(same, lines);
    assert_string_equal(copied, lines);
    assert_string_equal(again->snoozes[0].reason, "a reason of two lines");
    assert_true(rule_set_is_snoozed(again, (egret_str){"r", 1}, "[1]", 2000));
    assert_false(rule_set_is_snoozed(again, (egret_str){"r", 1}, "[1]", 2001));
    assert_false(rule_set_is_snoozed(again, (egret_str){"r", 1}, "[2]", 1));
    assert_true(rule_set_compile(copy));
    assert_int_equal(copy->plan->rules[0].mode, PLAN_SHADOW);
    assert_false(rule_set_read(again, "nonsense\n", 9, text_of, set));
    assert_false(rule_set_read(again, "file\t00000000000000000000000000000000\tx\n", 40, text_of, set));
    free(lines);
    free(same);
    free(copied);
    rule_set_drop(copy);
    rule_set_drop(again);
    rule_set_drop(set);
}

static void what_is_done_to_a_set_is_said(void **state)
{
    (void)state;
    rule_set *set = rule_set_new();
    fill(set);
    set->changes.len = 0;
    rule_set_put(set, "a.egret", "stream s { k: int }\n", 20, false);   /* as it was */
    rule_set_put_mode(set, "r", "shadow");
    rule_set_put_mode(set, "other", "-");
    rule_set_remove(set, "none.egret");
    assert_int_equal(set->changes.len, 0);
    rule_set_remove(set, "b.egret");
    rule_set_put_mode(set, "r", "-");
    rule_set_put_snooze(set, &(rule_snooze){.rule = "r", .key = "[1]"});
    egret_text_put(&set->changes, "", 1);
    assert_string_equal(set->changes.ptr, "gone\tb.egret\nmode\tr\t-\nunsnooze\tr\t[1]\n");
    assert_true(set->n_files == 2 && set->n_modes == 0 && set->n_snoozes == 0);
    rule_set_drop(set);
}

/* A change of one file parses one file: the others are the same objects, with their trees, under the numbers of sources they had. */
static void sets_share_files(void **state)
{
    (void)state;
    rule_set *set = rule_set_new();
    fill(set);
    assert_true(rule_set_compile(set));
    rule_set *next = rule_set_copy(set);
    rule_set_put(next, "aa.egret", "rule q { watch s by k }\n", 24, false);     /* stands between the others */
    rule_set_put(next, "b.egret", "rule r { watch s [k > 1] by k }\n", 32, false);
    assert_true(rule_set_compile(next));
    assert_ptr_equal(rule_set_file(next, "a.egret"), rule_set_file(set, "a.egret"));
    assert_ptr_equal(rule_set_file(next, "l.txt"), rule_set_file(set, "l.txt"));
    assert_ptr_not_equal(rule_set_file(next, "b.egret"), rule_set_file(set, "b.egret"));
    for (const ast_decl *decl = next->tree.decls; decl; decl = decl->next) {
        egret_source source = next->diags.sources[decl->span.source];
        assert_memory_equal(source.text + decl->span.start, decl->kind == AST_STREAM ? "stream" : "rule ", 5);
    }
    rule_set_remove(next, "aa.egret");
    rule_set *later = rule_set_copy(next);          /* there is a hole in its numbers now */
    assert_true(rule_set_compile(later));
    assert_int_equal(later->plan->n_rules, 1);

    char *lines = lines_of(later);                  /* the same rules, made from nothing, are the same */
    rule_set *again = rule_set_new();
    assert_true(rule_set_read(again, lines, strlen(lines), text_of, later) && rule_set_compile(again));
    assert_true(again->fingerprint == later->fingerprint && again->fingerprint != set->fingerprint);
    free(lines);
    rule_set_drop(set);
    rule_set_drop(next);
    assert_true(egret_str_is(later->plan->rules[0].name, "r"));      /* what it shares has outlived the others */
    rule_set_drop(again);
    rule_set_drop(later);
}

/* What the parser says about a file is said by each set it stands in. */
static void a_warning_is_said_again(void **state)
{
    (void)state;
    static const char text[] = "stream s { k: int }\nrule r { match x: s by k escalate high on s within 5m }\n";
    rule_set *set = rule_set_new();
    rule_set_put(set, "a.egret", text, sizeof text - 1, false);
    (void)rule_set_compile(set);
    rule_set *next = rule_set_copy(set);
    rule_set_put(next, "b.egret", "rule q { watch s by k }\n", 24, false);
    (void)rule_set_compile(next);
    assert_true(set->diags.n_warnings + set->diags.n_errors > 0);
    assert_int_equal(next->diags.n_warnings, set->diags.n_warnings);
    assert_int_equal(next->diags.n_errors, set->diags.n_errors);
    rule_set_drop(set);
    assert_non_null(strstr(egret_diags_json(&next->diags), "'within'"));
    rule_set_drop(next);
}

static void versions_are_rows(void **state)
{
    (void)state;
    egret_text line;
    rule_version v = {.rule = "r", .who = "ann", .note = "why\nso", .file = "f.egret", .what = "replaced", .version = 7, .when_ms = 5, .hash = "abc"}, back;
    egret_text_init(&line, egret_mem_of(NULL));
    rule_version_put(&line, &v);
    egret_text_put(&line, "", 1);
    assert_true(rule_version_get(line.ptr, &back));
    assert_true(back.version == 7 && back.when_ms == 5);
    assert_string_equal(back.note, "why so");
    assert_string_equal(back.hash, "abc");
    egret_text_deinit(&line);
    char broken[] = "r\t7\t5";
    assert_false(rule_version_get(broken, &back));
}

static void keys_are_read_as_people_write_them(void **state)
{
    (void)state;
    egret_arena arena;
    egret_value parts[PLAN_MAX_KEY_PARTS];
    egret_text text;
    plan_group one = {.n_parts = 1, .part_name = {{"user", 4}}, .part_type = {EGRET_STRING}};
    plan_group two = {.n_parts = 2, .part_name = {{"user", 4}, {"n", 1}}, .part_type = {EGRET_STRING, EGRET_INT}};
    static const char *const good[] = {"[\"ann\",3]", "{\"n\": 3, \"user\": \"ann\"}", "[\"ann\", \"3\"]"};
    static const char *const bad[] = {"ann", "[\"ann\"]", "{\"user\": \"ann\"}", "[\"ann\", \"x\"]", "[\"ann\", null]"};
    egret_arena_init(&arena, egret_mem_of(NULL));
    assert_null(rule_key_read(&arena, &one, "10.0.0.1", parts));
    assert_int_equal(parts[0].len, 8);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(rule_key_read(&arena, &two, good[i], parts));
        egret_text_init(&text, egret_mem_of(NULL));
        rule_key_write(&text, parts, 2);
        egret_text_put(&text, "", 1);
        assert_string_equal(text.ptr, "[\"ann\",3]");
        egret_text_deinit(&text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_non_null(rule_key_read(&arena, &two, bad[i], parts));
    egret_arena_deinit(&arena);
}

/* The second rules read fields in another order, one more, and not a stream that is gone. */
static void events_are_laid_out_by_name(void **state)
{
    (void)state;
    rules_files before, after;
    compile_text(&before, "stream x { a: int }\nstream s { k: int  v: int  w: string? }\nrule r { watch s [v == 1] by k }\nrule q { watch x [a == 1] }\n");
    compile_text(&after, "stream s { w: string?  v: int  k: int }\nrule r { watch s [w == \"here\" and v == 1] by k }\n");
    relayout *moves = relayout_new(before.plan, after.plan);
    assert_false(relayout_is_same(moves));
    const plan_stream *s = &before.plan->streams[1];
    egret_value slots[4], x = egret_int(1);
    for (uint32_t i = 0; i < s->n_slots; i++) slots[i] = egret_int(s->slot_field[i] == 0 ? 7 : 1);
    const char *raw = "{\"k\": 7, \"v\": 1, \"w\": \"here\"}";
    admission_batch *batch = admission_batch_new(0);
    assert_true(admission_batch_add(batch, &(admitted_record){.stream = 1, .slots = slots, .raw = raw, .raw_len = strlen(raw)}, s->n_slots));
    assert_true(admission_batch_add(batch, &(admitted_record){.stream = 0, .slots = &x, .raw = "{}", .raw_len = 2}, 1));
    assert_int_equal(relayout_batch(moves, batch), EGRET_OK);
    assert_int_equal(batch->records[0].stream, 0);
    const plan_stream *now = &after.plan->streams[0];
    for (uint32_t i = 0; i < now->n_slots; i++) {
        egret_value v = batch->records[0].slots[i];
        switch (now->slot_field[i]) {
        case 0: assert_true(v.type == EGRET_STRING && v.len == 4); break;
        case 1: assert_int_equal(v.u.i, 1); break;
        default: assert_int_equal(v.u.i, 7);
        }
    }
    assert_null(batch->records[1].slots);
    assert_int_equal(batch->n_good, 1);
    admission_batch_free(batch);
    relayout_free(moves);
    rules_files_free(&before);
    rules_files_free(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_its_lines),
        cmocka_unit_test(what_is_done_to_a_set_is_said),
        cmocka_unit_test(sets_share_files), cmocka_unit_test(a_warning_is_said_again), cmocka_unit_test(versions_are_rows),
        cmocka_unit_test(keys_are_read_as_people_write_them),
        cmocka_unit_test(events_are_laid_out_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
