/*
 * spare_memory.c: see spare_memory.h.
 */
#include "app/spare_memory.h"

#include <malloc.h>
#include <unistd.h>

#define INTERVAL_NS (INT64_C(10) * 1000000000)
enum { FEWEST_ARENAS = 2, MOST_ARENAS = 1024 };

void spare_memory_begin(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    (void)mallopt(M_ARENA_MAX, n < FEWEST_ARENAS ? FEWEST_ARENAS : n > MOST_ARENAS ? MOST_ARENAS : (int)n);
}

bool spare_memory_tick(spare_memory *spare, const pace_times *now)
{
    pace_times then = spare->then;
    int64_t passed_ns = now->wall_ns - then.wall_ns, worked_ns = now->process_ns - then.process_ns;
    if (then.wall_ns != 0 && passed_ns < INTERVAL_NS) return false;
    spare->then = *now;
    if (then.wall_ns == 0 || worked_ns >= passed_ns / 2) return false;
    (void)malloc_trim(0);
    return true;
}
