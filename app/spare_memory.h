/*
 * spare_memory.h: memory that a burst has left free is used again, or given back to the system.
 *
 * What comes at once (behind a pause of the machine, of a broker, of a disk) is in memory at once, and goes through many threads. malloc has an arena for
 * each of them, up to eight for each processor, and what is free in one is of no use to the others. So there are as many as there are processors. What
 * lies free within them is given back from time to time; but not while there is much to do, as it would be asked for again soon.
 */
#ifndef EGRET_APP_SPARE_MEMORY_H
#define EGRET_APP_SPARE_MEMORY_H

#include "app/pace.h"

#include <stdbool.h>

typedef struct spare_memory {
    pace_times then;    /* when it was last looked at; zeroes: never */
} spare_memory;

/* Before any other thread is there. */
void spare_memory_begin(void);
/* Called every second or so, from one thread. Gives back what is free, behind each ten seconds in which the process took less than half of a processor;
 * true: it did. */
bool spare_memory_tick(spare_memory *spare, const pace_times *now);

#endif
