/*
 * world.h: one simulated run: a daemon in steps, clients that post and post again, a source with a place, receivers with their moods, and what befalls
 * them, all chosen by a seed.
 */
#ifndef EGRET_TESTS_SIMULATION_WORLD_H
#define EGRET_TESTS_SIMULATION_WORLD_H

#include "app/daemon_steps.h"

#include <stdio.h>

enum { WORLD_POSTED = 80, WORLD_FED = 80, WORLD_SINKS = 2, WORLD_RECEIVED = 4096, WORLD_CHANGES = 128, WORLD_MADE = 4, WORLD_REPLACED = 9 };

typedef struct world_received {
    char id[64];
    uint64_t hash;
    unsigned times;
} world_received;

typedef struct world_made {
    char thing[16];             /* a rule, a list, a table, a file, the mode of a rule */
    uint64_t hash;              /* of its text since then */
} world_made;

/* A change of the rules that was handed over. */
typedef struct world_change {
    world_made made[WORLD_MADE];
    unsigned n;
    bool kept;                  /* it was answered with yes */
} world_change;

typedef struct world {
    uint64_t seed;
    unsigned steps;
    bool calm;                  /* nothing befalls it but what others arrange */
    void (*mended)(void);       /* called before the daemon is started again after a failure, and before all comes to its end; may be NULL */
    char dir[64];
    rules_files rules;
    daemon_options options;
    daemon_state *d;            /* NULL: it does not run */
    int log_fd;                 /* what the daemon has said since its start */
    char log[65536];            /* that, as it was looked at last */
    /* The client: it sends some events, waits for the answer, and sends them again when there was none. */
    unsigned posted, posting;   /* events answered with yes; on their way behind them */
    int answer;                 /* 0: none yet, 1: kept, -1: not */
    unsigned fed;               /* events given to the daemon that runs */
    world_received received[WORLD_SINKS][WORLD_RECEIVED];
    size_t n_received[WORLD_SINKS];
    world_change changes[WORLD_CHANGES];
    unsigned n_changes;
    rule_change *asked;         /* the newest of them, while there is no answer; or NULL */
    rule_set *holds;            /* the rules in the end, */
    uint64_t versions[WORLD_REPLACED];      /* and how often those were replaced that are (changes.c) */
    unsigned changed;           /* changes in the journal */
    unsigned crashes, cuts, ends, fills, jumps;
    unsigned reshards;          /* starts with another number of shards than before */
    char *state;                /* what was known in the end (state.c) */
    unsigned deaths;            /* the daemon ended by itself, or did not start */
    char fault[4096];           /* empty: all is well */
} world;

bool world_make(world *w, uint64_t seed);
/* Runs it to its end; then w->fault says what was wrong. */
void world_run(world *w);
void world_check(world *w);     /* compares what came out with the journal (check.c) */
void world_free(world *w);
void world_fault(world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* changes.c: somebody asks for other rules, and hears what came of it. */
void world_ask(world *w);
void world_hear(world *w);
void world_changes_end(world *w);       /* notes what holds in the end */
/* journal: as text. Every change that was answered is in it, none is there twice, and what holds is what they made. */
void world_check_changes(world *w, const char *journal);

/* What the evaluation knows, as text, for the caller to free; the same for any number of shards. */
char *world_state(evaluation *e);

/* Events as they are sent. */
int world_post_text(unsigned n, char *out, size_t size);
int world_feed_text(unsigned n, char *out, size_t size);
/* From the fake sinks: false: the receiver cannot be reached. */
bool world_receive(unsigned sink, const sink_message *message);

extern const sink_kind world_log_kind, world_desk_kind;     /* sinks.c */
extern world *world_now;        /* the one that runs */

#endif
