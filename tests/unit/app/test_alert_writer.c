/*
 * test_alert_writer.c: alerts written by another thread are those of the engine, in its order, though it has gone on; a trouble ends the writing and is told.
 */
#include "app/alert_writer.h"
#include "app/large_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiled.h"

static const char rules_text[] = "stream s { k: string  v: int }\n"
                                 "rule seen { watch s by k alert { v: v } }\n"
                                 "rule twice { match a: s [v % 2 == 0] then b: s [v % 2 == 1] within 1h by k alert { v: b.v } }\n"
                                 "rule told { match seen then seen within 1h by k alert { } }\n";

enum { EVENTS = 3000, BATCH = 7 };

typedef struct seen {
    char *text;
    size_t len, cap;
    uint64_t n, fails_at;       /* 0: never */
} seen;

static egret_status note(void *user, const nfa_alert *alert)
{
    seen *s = user;
    if (++s->n == s->fails_at) {
        errno = ENOSPC;
        return EGRET_IO;
    }
    if (s->cap - s->len < 256) s->text = realloc(s->text, s->cap = s->cap * 2 + 1024);
    const egret_alert *body = &alert->body;
    s->len += (size_t)snprintf(s->text + s->len, 256, "%s %s %.*s %lld %zu\n", body->rule, body->id, (int)body->key[0].value.len, body->key[0].value.u.s,
                               (long long)body->time_ms, body->n_events);
    return EGRET_OK;
}

/* Gives the status of the whole. writer: NULL: everything is written here. */
static egret_status run(seen *s, bool threads, uint32_t n_shards)
{
    rule_set *rules = rules_of(rules_text);
    nfa_shards *shards = nfa_shards_new(app_large_memory(), rules->plan, n_shards);
    alert_writer *writer = NULL;
    egret_status status = EGRET_OK;
    assert_non_null(shards);
    if (threads) assert_int_equal(alert_writer_start(app_large_memory(), note, s, &writer), EGRET_OK);
    for (int64_t i = 0; i < EVENTS && status == EGRET_OK; i++) {
        char key[16];
        egret_value slots[2];
        const plan_stream *stream = &rules->plan->streams[0];
        snprintf(key, sizeof key, "key %d", (int)(i * 7 % 31));
        for (uint32_t k = 0; k < stream->n_slots; k++)
            slots[k] = egret_str_is(stream->fields[stream->slot_field[k]].name, "k") ? egret_string(key, (uint32_t)strlen(key)) : egret_int(i);
        nfa_event event = {.time_ms = 1000 + i, .ref = (uint64_t)i, .identity = (uint64_t)i * 31, .slots = slots};
        for (uint32_t k = 0; k < n_shards; k++) assert_int_equal(nfa_engine_event(nfa_shards_engine(shards, k), &event), EGRET_OK);
        if (i % BATCH != 0 && i + 1 < EVENTS) continue;
        if (writer) status = alert_writer_take(writer, shards);
        for (const nfa_alert *alert; !writer && (alert = nfa_shards_take(shards)) != NULL;) assert_int_equal(note(s, alert), EGRET_OK);
    }
    egret_status written = alert_writer_stop(writer);
    int why = errno;
    nfa_shards_free(shards);
    rule_set_drop(rules);
    errno = why;
    return written;
}

static void compare(uint32_t n_shards)
{
    seen here = {0}, there = {0};
    assert_int_equal(run(&here, false, n_shards), EGRET_OK);
    assert_int_equal(run(&there, true, n_shards), EGRET_OK);
    assert_true(here.n > EVENTS);
    assert_int_equal(here.n, there.n);
    assert_string_equal(here.text, there.text);
    free(here.text);
    free(there.text);
}

static void the_same_in_the_same_order(void **state)
{
    (void)state;
    compare(1);
}

static void those_of_several_shards_are_put_in_order(void **state)
{
    (void)state;
    compare(3);
}

static void a_trouble_is_told(void **state)
{
    (void)state;
    static const uint64_t at[] = {1, 500, EVENTS};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        seen s = {.fails_at = at[i]};
        errno = 0;
        assert_int_equal(run(&s, true, 1), EGRET_IO);
        assert_int_equal(errno, ENOSPC);
        assert_int_equal(s.n, at[i]);
        free(s.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_in_the_same_order),
        cmocka_unit_test(those_of_several_shards_are_put_in_order),
        cmocka_unit_test(a_trouble_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
