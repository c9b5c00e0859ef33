/*
 * main.c: runs the simulation.
 *
 *     simulation [--seed N] [--seeds N] [--twice]
 *
 * One line at the end; a line for each seed that failed, which fails again in the same way: `simulation --seed N`. --twice runs each seed twice and
 * compares what was written where, what was answered and what the receivers got when.
 */
#include "tests/simulation/fakes.h"
#include "tests/simulation/world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct totals { uint64_t alerts, again, crashes, cuts, ends, fills, jumps, reshards, changes, failed; } totals;

static uint64_t run(world *w, uint64_t seed, totals *t, bool tells)
{
    if (!world_make(w, seed)) {
        fprintf(stderr, "seed %" PRIu64 ": it cannot be made\n", seed);
        exit(2);
    }
    world_run(w);
    uint64_t trace = fakes_trace();
    world_check(w);
    t->crashes += w->crashes;
    t->cuts += w->cuts;
    t->ends += w->ends;
    t->fills += w->fills;
    t->jumps += w->jumps;
    t->reshards += w->reshards;
    t->changes += w->changed;
    t->failed += w->fault[0] != '\0';
    for (unsigned sink = 0; sink < WORLD_SINKS; sink++)
        for (size_t i = 0; i < w->n_received[sink]; i++) {
            t->alerts++;
            t->again += w->received[sink][i].times - 1;
        }
    if (w->fault[0] && tells) printf("seed %" PRIu64 ": %s\n(kept: %s)\n", seed, w->fault, w->dir);
    world_free(w);
    return trace;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, seeds = 1;
    bool twice = false;
    totals t = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--twice") == 0) twice = true;
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0) seeds = strtoull(argv[++i], NULL, 10);
        else return fprintf(stderr, "simulation [--seed N] [--seeds N] [--twice]\n"), 2;
    }
    world *w = malloc(sizeof *w);
    if (!w) return 2;
    for (uint64_t s = seed; s < seed + seeds; s++) {
        if (s > seed && (s - seed) % 500 == 0) fprintf(stderr, "%" PRIu64 " seeds so far, %" PRIu64 " failed\n", s - seed, t.failed);
        uint64_t trace = run(w, s, &t, true);
        if (!twice || run(w, s, &t, false) == trace) continue;
        printf("seed %" PRIu64 ": the second run went another way\n", s);
        t.failed++;
    }
    free(w);
    printf("%" PRIu64 " seeds: %" PRIu64 " failed; %" PRIu64 " power cuts, %" PRIu64 " kills, %" PRIu64 " ends, %" PRIu64 " full disks, %" PRIu64
           " clock jumps, %" PRIu64 " starts with other shards, %" PRIu64 " changes of the rules; %" PRIu64 " alerts delivered, %" PRIu64 " of them again\n",
           seeds, t.failed, t.cuts, t.crashes, t.ends, t.fills, t.jumps, t.reshards, t.changes, t.alerts, t.again);
    return t.failed > 0;
}
