/*
 * sinks.c: two sinks whose receivers have moods: one is asked one message at a time, the other has several on their way, and answers in any order.
 * An answer may get lost: then the receiver has the message, and the sink does not know.
 */
#include "tests/simulation/fakes.h"
#include "tests/simulation/world.h"

#include <stdio.h>
#include <string.h>

enum { MOST_FLYING = 6 };

static const sink_option no_options[] = {
    {"path", EGRET_STRING, NULL, false, ""}, {"url", EGRET_STRING, NULL, false, ""}, {0}};

typedef struct flight { void *ticket; sink_message message; } flight;
typedef struct desk { flight flights[MOST_FLYING]; size_t n; } desk;

static bool open_any(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    (void)self, (void)settings, (void)env, (void)outcome;
    return true;
}

static void close_any(void *self)
{
    (void)self;
}

static sink_result answer(unsigned sink, const sink_message *message, sink_outcome *outcome)
{
    uint64_t mood = fakes_below(8);
    snprintf(outcome->reason, sizeof outcome->reason, "mood %d", (int)mood);
    if (mood == 0)
        outcome->retry_after_ms = (int64_t)fakes_below(3000);
    if (mood <= 1)
        return SINK_RETRY;
    return world_receive(sink, message) && mood != 2 ? SINK_SENT : SINK_RETRY;
}

static sink_result send_log(void *self, const sink_message *message, sink_outcome *outcome)
{
    (void)self;
    return answer(0, message, outcome);
}

static size_t room(void *self)
{
    return MOST_FLYING - ((desk *)self)->n;
}

static void start(void *self, const sink_message *message, void *ticket)
{
    desk *k = self;
    k->flights[k->n++] = (flight){ticket, *message};
}

static void poll_desk(void *self, int64_t wait_ms, sink_done_fn done, void *user)
{
    desk *k = self;
    (void)wait_ms;
    for (size_t i = fakes_below(MOST_FLYING); k->n > 0 && i > 0; i--) {
        size_t at = (size_t)fakes_below(k->n);
        flight f = k->flights[at];
        k->flights[at] = k->flights[--k->n];
        sink_outcome outcome = {0};
        sink_result result = answer(1, &f.message, &outcome);
        done(user, f.ticket, result, &outcome);
    }
}

static void wake(void *self)
{
    (void)self;
}

const sink_kind world_log_kind = {.name = "file", .summary = "", .options = no_options, .size = sizeof(desk), .open = open_any, .send = send_log,
                                  .close = close_any};
const sink_kind world_desk_kind = {.name = "webhook", .summary = "", .options = no_options, .size = sizeof(desk), .open = open_any, .room = room,
                                   .start = start, .poll = poll_desk, .wake = wake, .close = close_any};
