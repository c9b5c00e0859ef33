/*
 * branch_live.c: what an event means for an attempt that did not take it, what may still come, and when.
 *
 * Most bounds are asked when a step would take an event; nothing has to be done while time goes by. Two things cannot wait: whether a
 * forbidden event came between two others must be seen when it comes, and an attempt that has no way on is dropped, since it would only take room.
 * Both are asked of the walk that events take, so there is one opinion of which ways there are.
 */
#include "nfa/branch.h"

#include <string.h>

int64_t branch_deadline(const uint32_t *record)
{
    int64_t deadline;
    memcpy(&deadline, record + BRANCH_DEADLINE, sizeof deadline);
    return deadline;
}

static void put_deadline(branch_step *step, int64_t deadline_ms)
{
    uint32_t words[2];
    memcpy(words, &deadline_ms, sizeof words);
    branch_put(step, BRANCH_DEADLINE, words[0]);
    branch_put(step, BRANCH_DEADLINE + 1, words[1]);
}

/* Nothing takes anything in these walks; what they changed on their ways is undone. */
static void walk(branch_step *step, branch_mode mode)
{
    uint32_t mark = step->n_undo;
    branch_mode was = step->mode;
    step->mode = mode;
    (void)branch_walk_on(step);
    step->mode = was;
    branch_undo_to(step, mark);
}

void branch_look(branch_step *step)
{
    step->look = (branch_outlook){.expiry_ms = INT64_MIN, .silence_ms = NFA_NEVER, .end_ms = NFA_NEVER};
    step->not_before_ms = INT64_MIN;
    if (step->seq.no_memory) {
        return;
    }
    walk(step, BRANCH_LOOK);
}

static void put_bars(branch_step *step)
{
    step->n_bars = 0;
    walk(step, BRANCH_BAR);
    for (uint32_t i = 0; i < step->n_bars; i++) {
        branch_put(step, step->bars[i].word, step->bars[i].was);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool branch_pass(branch_step *step)
{
    if (step->seq.event != NULL && step->layout->has_bars && !step->seq.no_memory) {
        put_bars(step);
    }
    branch_look(step);
    const branch_outlook *look = &step->look;
    if (step->layout->has_due) {
        bool ends = step->seq.pattern->on_timeout && !look->waits;
        put_deadline(step, earlier(earlier(look->silence_ms, look->end_ms), ends ? look->expiry_ms : NFA_NEVER));
    }
    return look->waits || look->expiry_ms >= step->seq.now_ms;
}
