/*
 * pace.h: how much of its time a piece of work takes that is to leave the others in the process alone.
 *
 * A low priority gives away a processor that another thread wants, but not what they share: caches, the way to memory. So where the others are at
 * work, this one rests for several times as long as its work took by the clock: that is longest where it had to wait for a processor itself, and each
 * moment of it keeps another waiting. Where they are not, it does not rest at all. As it works just when they wait for something, a moment without
 * them says little: they count as being at work for a while after they were seen.
 */
#ifndef EGRET_APP_PACE_H
#define EGRET_APP_PACE_H

#include <stdint.h>

/* Nanoseconds since the thread began: by the clock, of the processor for the whole process, and for this thread. */
typedef struct pace_times { int64_t wall_ns, process_ns, own_ns; } pace_times;

/* Of one thread. */
typedef struct pace {
    pace_times then;        /* when it began, or went on after a rest */
    int64_t busy_until_ns;  /* the others count as being at work until then, by the clock */
} pace;

enum { PACE_REST = 6 /* times as long as the work took */, PACE_BUSY_MS = 100 };

pace_times pace_now(void);
void pace_begin(pace *p);
/* Nanoseconds to rest at `now`; below 0: it is too little to be judged yet. Else the caller sets `then` to where it goes on. */
int64_t pace_rest_ns(pace *p, const pace_times *now);
/* Called often by the thread at work: rests where that is due. */
void pace_give_way(pace *p);

#endif
