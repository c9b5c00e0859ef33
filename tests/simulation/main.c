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
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Shared with the child that runs. */
typedef struct shared { totals t; uint64_t seed; } shared;

static void run_all(shared *all, uint64_t first, uint64_t end, bool twice)
{
    world *w = malloc(sizeof *w);
    if (!w) exit(2);
    for (; all->seed < end; all->seed++) {
        uint64_t s = all->seed;
        if (s > first && (s - first) % 500 == 0) fprintf(stderr, "%" PRIu64 " seeds so far, %" PRIu64 " failed\n", s - first, all->t.failed);
        uint64_t trace = run(w, s, &all->t, true);
        if (!twice || run(w, s, &all->t, false) == trace) continue;
        printf("seed %" PRIu64 ": the second run went another way\n", s);
        all->t.failed++;
    }
    free(w);
}

/* From all->seed on in a child, so that a crash is told of its seed, and the others run. false: it cannot be done. */
static bool is_done_by_child(shared *all, uint64_t first, uint64_t end, bool twice)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        run_all(all, first, end, twice);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return false;
    if (all->seed == end && status != 0) {      /* of what leaks, the sanitizer speaks at the end */
        printf("it ended with status %d\n", status);
        all->t.failed++;
    } else if (all->seed < end) {
        printf("seed %" PRIu64 ": it crashed (status %d); what was said about it is lost: UBSAN_OPTIONS and ASAN_OPTIONS know log_path\n", all->seed++, status);
        all->t.failed++;
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, seeds = 1;
    bool twice = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--twice") == 0) twice = true;
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0) seeds = strtoull(argv[++i], NULL, 10);
        else return fprintf(stderr, "simulation [--seed N] [--seeds N] [--twice]\n"), 2;
    }
    shared *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    all->seed = seed;
    while (all->seed < seed + seeds)
        if (!is_done_by_child(all, seed, seed + seeds, twice)) return 2;
    const totals t = all->t;
    printf("%" PRIu64 " seeds: %" PRIu64 " failed; %" PRIu64 " power cuts, %" PRIu64 " kills, %" PRIu64 " ends, %" PRIu64 " full disks, %" PRIu64
           " clock jumps, %" PRIu64 " starts with other shards, %" PRIu64 " changes of the rules; %" PRIu64 " alerts delivered, %" PRIu64 " of them again\n",
           seeds, t.failed, t.cuts, t.crashes, t.ends, t.fills, t.jumps, t.reshards, t.changes, t.alerts, t.again);
    return t.failed > 0;
}
