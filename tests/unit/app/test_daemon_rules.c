/*
 * test_daemon_rules.c: whoever prepares a change while the engine stops still finds the shards, and is told that it is too late.
 */
#include "app/daemon_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/store/folder.h"

#define STREAM "stream s { k: int  v: int }\n"
#define WINDOW "rule window { watch s by k over 1h when count() > 1000 alert { v: v } }\n"
#define OTHER "rule other { watch s by k over 1h when count() > 2000 alert { v: v } }\n"

static void begin_stop_prepare(void **state)
{
    (void)state;
    folder f;
    app_log log = {false};
    daemon_rules *rules;
    rule_set *now, *none;
    folder_make(&f);
    store *s = folder_open(&f);
    rules_files files = {0};
    egret_arena_init(&files.arena, egret_mem_of(NULL));
    egret_diags_init(&files.diags, &files.arena);
    egret_diags_add_source(&files.diags, "r.egret", STREAM WINDOW, strlen(STREAM WINDOW));
    assert_int_equal(daemon_rules_open(&rules, s, &files, &log), 0);
    rule_set *boot = daemon_rules_boot(rules);
    nfa_shards *shards = nfa_shards_new(egret_mem_of(NULL), boot->plan, 1);
    rule_change *start = daemon_rules_start_change(rules);
    assert_non_null(shards);
    assert_non_null(start);
    daemon_rules_in_force(rules, start, boot, shards);
    rule_change_free(start);

    assert_true(daemon_rules_begin(rules, &now));
    rule_set *next = rule_set_copy(now);
    assert_non_null(next);
    rule_set_put(next, "other.egret", OTHER, strlen(OTHER), false);
    assert_true(rule_set_compile(next));
    daemon_rules_stop(rules);
    rule_change *change = daemon_rules_prepare(rules, next, "me", "", "put");
    assert_non_null(change);
    assert_false(daemon_rules_offer(rules, change));
    rule_change_free(change);
    rule_set_drop(next);
    rule_set_drop(now);
    daemon_rules_end(rules);

    daemon_rules_settle(rules);
    assert_null(daemon_rules_shards(rules));
    nfa_shards_free(shards);
    assert_false(daemon_rules_begin(rules, &none));
    daemon_rules_close(rules);
    rules_files_free(&files);
    store_close(s);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(begin_stop_prepare)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
