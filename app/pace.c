/*
 * pace.c: see pace.h.
 */
#include "app/pace.h"

#include <stdbool.h>
#include <time.h>

enum { JUDGED_NS = 2000000, BUSY_SHARE = 10 /* the others are at work: a tenth of the time and more */ };

static int64_t read_ns(clockid_t clock)
{
    struct timespec t;
    return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

pace_times pace_now(void)
{
    return (pace_times){read_ns(CLOCK_MONOTONIC), read_ns(CLOCK_PROCESS_CPUTIME_ID), read_ns(CLOCK_THREAD_CPUTIME_ID)};
}

int64_t pace_rest_ns(const pace_times *then, const pace_times *now)
{
    int64_t own = now->own_ns - then->own_ns;
    int64_t others = now->process_ns - then->process_ns - own;
    bool busy = others * BUSY_SHARE > now->wall_ns - then->wall_ns;
    return own < JUDGED_NS ? -1 : busy ? own * PACE_REST : 0;
}
