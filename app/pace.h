/*
 * pace.h: how much of its time a piece of work takes that is to leave the others in the process alone.
 *
 * A low priority gives away a processor that another thread wants, but not what they share: caches, the way to memory. So where the others are at
 * work, this one rests for several times as long as it works. Where they are not, it does not rest at all.
 */
#ifndef EGRET_APP_PACE_H
#define EGRET_APP_PACE_H

#include <stdint.h>

/* Nanoseconds since the thread began: by the clock, of the processor for the whole process, and for this thread. */
typedef struct pace_times { int64_t wall_ns, process_ns, own_ns; } pace_times;

pace_times pace_now(void);
enum { PACE_REST = 4 /* times as long as it has worked */ };
/* Nanoseconds to rest after what lies between the two; below 0: it is too little to be judged yet, and `then` is to be kept. */
int64_t pace_rest_ns(const pace_times *then, const pace_times *now);

#endif
