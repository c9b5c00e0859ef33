/*
 * pace.c: see pace.h.
 */
#include "app/pace.h"

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

void pace_begin(pace *p)
{
    *p = (pace){.then = pace_now()};
}

int64_t pace_rest_ns(pace *p, const pace_times *now)
{
    int64_t own = now->own_ns - p->then.own_ns, took = now->wall_ns - p->then.wall_ns;
    int64_t others = now->process_ns - p->then.process_ns - own;
    if (own < JUDGED_NS) return -1;
    if (others * BUSY_SHARE > took) p->busy_until_ns = now->wall_ns + PACE_BUSY_MS * INT64_C(1000000);
    return now->wall_ns < p->busy_until_ns ? took * PACE_REST : 0;
}

void pace_give_way(pace *p)
{
    pace_times now = pace_now();
    int64_t rest_ns = pace_rest_ns(p, &now);
    if (rest_ns < 0) return;
    const struct timespec rest = {.tv_sec = rest_ns / 1000000000, .tv_nsec = rest_ns % 1000000000};
    if (rest_ns > 0) (void)nanosleep(&rest, NULL);
    p->then = pace_now();
}
