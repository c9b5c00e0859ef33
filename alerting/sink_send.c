/*
 * sink_send.c: one message through a kind of sink, whichever of its two ways it has.
 */
#include "alerting/sink.h"

#include <stdio.h>

enum { POLL_MS = 200 };     /* how soon somebody who has given up is heard */

typedef struct lone {
    bool done;
    sink_result result;
    sink_outcome *outcome;
} lone;

static void lone_done(void *user, void *ticket, sink_result result, const sink_outcome *outcome)
{
    lone *l = user;
    if (ticket != l) return;
    l->done = true;
    l->result = result;
    *l->outcome = *outcome;
}

sink_result sink_send(const sink_kind *kind, void *self, const sink_message *message, sink_outcome *outcome)
{
    if (kind->send) return kind->send(self, message, outcome);
    lone l = {.outcome = outcome};
    kind->start(self, message, &l);
    while (!l.done) {
        if (message->give_up && atomic_load(message->give_up)) {
            snprintf(outcome->reason, sizeof outcome->reason, "given up");
            return SINK_RETRY;
        }
        kind->poll(self, POLL_MS, lone_done, &l);
    }
    return l.result;
}
