/*
 * test_known_keys.c: a table is replaced while events flow: keys known from it come and go; and what is asked of it is the new content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/ast.h"
#include "nfa/engine.h"

#define HEAD                                                                                                    \
    "stream beat { k: string  at: time } with time at\n"                                                        \
    "table known: \"known.csv\" key k { k: string  wait: duration }\n"

typedef struct fixture {
    const plan *plan;
    egret_arena arena;
    egret_diags diags;
    ast_file file;
    nfa_engine *engine;
} fixture;

static void open_rules(fixture *f, const char *text)
{
    egret_arena_init(&f->arena, egret_mem_of(NULL));
    egret_diags_init(&f->diags, &f->arena);
    ast_file_init(&f->file);
    egret_parse(&f->diags, egret_diags_add_source(&f->diags, "rules", text, strlen(text)), &f->file);
    const plan *made = egret_plan_make(&f->diags, &f->file, false);
    if (made == NULL) {
        fail_msg("%s", egret_diags_text(&f->diags));
    }
    f->plan = made;
    f->engine = nfa_engine_new(egret_mem_of(NULL), made);
    assert_non_null(f->engine);
}

static void close_rules(fixture *f)
{
    nfa_engine_free(f->engine);
    egret_arena_deinit(&f->arena);
}

/* keys: one letter each. */
static void set_known(fixture *f, const char *keys, int64_t wait_ms)
{
    egret_value cells[16];
    uint32_t n = 0;
    for (; keys[n] != '\0'; n++) {
        cells[n * 2] = egret_string(keys + n, 1);
        cells[n * 2 + 1] = egret_duration(wait_ms);
    }
    assert_int_equal(nfa_engine_set_table(f->engine, 0, cells, n), EGRET_OK);
}

static nfa_event make_beat(const fixture *f, int64_t time_ms, const char *key, egret_value *slots)
{
    const plan_stream *stream = &f->plan->streams[0];
    slots[stream->fields[0].slot] = egret_string(key, 1);
    slots[stream->fields[1].slot] = egret_time(time_ms);
    return (nfa_event){.time_ms = time_ms, .stream = 0, .slots = slots, .ref = (uint64_t)time_ms, .identity = (uint64_t)time_ms};
}

static void beat(fixture *f, int64_t time_ms, const char *key)
{
    egret_value slots[2];
    nfa_event event = make_beat(f, time_ms, key, slots);
    assert_int_equal(nfa_engine_event(f->engine, &event), EGRET_OK);
}

/* The next alert: of this rule, kind, key and time. */
static const egret_alert *expect(fixture *f, const char *rule, egret_alert_kind kind, const char *key, int64_t time_ms)
{
    const nfa_alert *alert = nfa_engine_take(f->engine);
    assert_non_null(alert);
    assert_string_equal(alert->body.rule, rule);
    assert_int_equal(alert->body.kind, kind);
    assert_int_equal(alert->body.key[0].value.len, strlen(key));
    assert_memory_equal(alert->body.key[0].value.u.s, key, strlen(key));
    assert_int_equal(alert->body.time_ms, time_ms);
    return &alert->body;
}

static void advance(fixture *f, int64_t time_ms)
{
    assert_int_equal(nfa_engine_advance(f->engine, time_ms), EGRET_OK);
}

static void keys_come_and_go(void **state)
{
    (void)state;
    fixture f;
    open_rules(&f, HEAD "rule lost { match not beat for 10ms by k in known resolve on beat }\n"
                        "rule other { match not beat for 12ms by k in known }");
    set_known(&f, "abc", 0);
    assert_int_equal(nfa_engine_start(f.engine, 0), EGRET_OK);
    beat(&f, 5, "a");
    advance(&f, 11);
    expect(&f, "lost", EGRET_ALERT, "b", 10);
    expect(&f, "lost", EGRET_ALERT, "c", 10);
    assert_null(nfa_engine_take(f.engine));
    /* b goes, and its open alert with it; d comes, and is watched from now on; a goes silently; c stays as it was. */
    set_known(&f, "cd", 0);
    const egret_alert *ended = expect(&f, "lost", EGRET_RESOLVED, "b", 11);
    assert_string_equal(ended->reason, "the key is no longer in its table");
    assert_null(nfa_engine_take(f.engine));
    beat(&f, 11, "b");      /* nobody's key */
    advance(&f, 30);
    expect(&f, "other", EGRET_ALERT, "c", 12);
    expect(&f, "lost", EGRET_ALERT, "d", 21);
    expect(&f, "other", EGRET_ALERT, "d", 23);
    assert_null(nfa_engine_take(f.engine));
    /* b comes again as if it had never been there. */
    set_known(&f, "bcd", 0);
    advance(&f, 60);
    expect(&f, "lost", EGRET_ALERT, "b", 40);
    expect(&f, "other", EGRET_ALERT, "b", 42);
    assert_null(nfa_engine_take(f.engine));
    close_rules(&f);
}

static void gone_keys_end_in_order(void **state)
{
    (void)state;
    fixture f;
    open_rules(&f, HEAD "rule x { match not beat for 10ms by k in known resolve on beat }\n"
                        "rule w { match not beat for 10ms by k in known resolve on beat }");
    set_known(&f, "cba", 0);
    assert_int_equal(nfa_engine_start(f.engine, 0), EGRET_OK);
    advance(&f, 11);
    while (nfa_engine_take(f.engine) != NULL) {
    }
    set_known(&f, "", 0);
    const char *const keys[] = {"a", "b", "c"};
    for (int i = 0; i < 6; i++) {
        expect(&f, i < 3 ? "w" : "x", EGRET_RESOLVED, keys[i % 3], 11);
    }
    assert_null(nfa_engine_take(f.engine));
    advance(&f, 100);
    assert_null(nfa_engine_take(f.engine));
    assert_int_equal(nfa_engine_stats(f.engine)->keys, 0);
    close_rules(&f);
}

/* What was announced was looked up in the old content. */
static void what_is_asked_is_new(void **state)
{
    (void)state;
    fixture f;
    open_rules(&f, HEAD "rule lost { match not beat for known[k].wait by k in known }\nrule knows { watch beat [known[k].wait > 15ms] by k }");
    set_known(&f, "a", 10);
    assert_int_equal(nfa_engine_start(f.engine, 0), EGRET_OK);
    egret_value slots[2];
    nfa_event event = make_beat(&f, 5, "a", slots);
    nfa_engine_expect(f.engine, &event);
    set_known(&f, "b", 20);
    assert_int_equal(nfa_engine_event(f.engine, &event), EGRET_OK);
    beat(&f, 6, "b");
    expect(&f, "knows", EGRET_ALERT, "b", 6);
    advance(&f, 27);
    expect(&f, "lost", EGRET_ALERT, "b", 26);
    assert_null(nfa_engine_take(f.engine));
    close_rules(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(gone_keys_end_in_order),
        cmocka_unit_test(what_is_asked_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
