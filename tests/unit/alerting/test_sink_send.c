/*
 * test_sink_send.c: a kind of sink that has several on their way can be asked for one; who gives up is heard.
 */
#include "alerting/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

/* Answers at the third poll, or never. */
typedef struct slow_sink {
    void *ticket;
    int polls;
    bool never;
    atomic_bool *tired;     /* set at the second poll */
} slow_sink;

static void slow_start(void *self, const sink_message *message, void *ticket)
{
    slow_sink *sink = self;
    (void)message;
    sink->ticket = ticket;
}

static void slow_poll(void *self, int64_t wait_ms, sink_done_fn done, void *user)
{
    slow_sink *sink = self;
    sink_outcome outcome = {.retry_after_ms = 70};
    (void)wait_ms;
    snprintf(outcome.reason, sizeof outcome.reason, "busy");
    sink->polls++;
    if (sink->polls == 2 && sink->tired) atomic_store(sink->tired, true);
    if (sink->polls == 3 && !sink->never) done(user, sink->ticket, SINK_RETRY, &outcome);
}

static const sink_kind slow = {.name = "slow", .start = slow_start, .poll = slow_poll};

static void one_message_is_waited_for(void **state)
{
    (void)state;
    slow_sink sink = {0};
    sink_outcome outcome = {0};
    assert_int_equal(sink_send(&slow, &sink, &(sink_message){.id = "a", .bytes = "{}", .len = 2}, &outcome), SINK_RETRY);
    assert_int_equal(sink.polls, 3);
    assert_string_equal(outcome.reason, "busy");
    assert_int_equal(outcome.retry_after_ms, 70);
}

static void who_gives_up_is_heard(void **state)
{
    (void)state;
    atomic_bool tired = false;
    slow_sink sink = {.never = true, .tired = &tired};
    sink_outcome outcome = {0};
    assert_int_equal(sink_send(&slow, &sink, &(sink_message){.id = "a", .bytes = "{}", .len = 2, .give_up = &tired}, &outcome), SINK_RETRY);
    assert_int_equal(sink.polls, 2);
    assert_string_equal(outcome.reason, "given up");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_message_is_waited_for), cmocka_unit_test(who_gives_up_is_heard)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
