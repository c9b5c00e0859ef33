/*
 * fakes.h: what the simulation puts in the place of the world: the clock, chance, the disk. They are the C library's functions by their own names, so that
 * the program under test and its libraries use them without knowing. One thread.
 */
#ifndef EGRET_TESTS_SIMULATION_FAKES_H
#define EGRET_TESTS_SIMULATION_FAKES_H

#include <stdbool.h>
#include <stdint.h>

/* A world of its own: the same seed gives the same. */
void fakes_begin(uint64_t seed);
uint64_t fakes_random(void);                    /* the simulation's own chance, apart from what the program asks for */
static inline uint64_t fakes_below(uint64_t n) { return fakes_random() % n; }
static inline bool fakes_one_in(uint64_t n) { return fakes_below(n) == 0; }

void fakes_pass_ms(int64_t ms);                 /* time passes */
void fakes_set_off_ms(int64_t ms);              /* the wall clock alone jumps: it is so far off from now on */
int64_t fakes_now_ms(void);                     /* monotonic */

/* After n more writes and syncs of the store the power fails: what was not synced is torn, and nothing reaches the disk any more. */
void fakes_cut_after(uint64_t n);
void fakes_cut_now(void);                       /* the process alone dies: all that was written stays */
bool fakes_is_cut(void);
/* The next n writes find no room. */
void fakes_fill_for(uint64_t n);
void fakes_power_on(void);                      /* all works again */
/* A hash over where and how much of the store was written, and all that was noted. (Not over the bytes: what is not used of a page is whatever
 * lay in the memory it was made in.) */
uint64_t fakes_trace(void);
void fakes_note(uint64_t what);

#endif
