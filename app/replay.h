/*
 * replay.h: files of events through rules, alerts to a stream: the pure function of `egret replay`.
 */
#ifndef EGRET_APP_REPLAY_H
#define EGRET_APP_REPLAY_H

#include "ingest/replay.h"

#include <stdio.h>

typedef struct replay_options {
    const plan *plan;
    const ingest_replay_file *files;
    uint32_t n_files;
    uint32_t threads;           /* 2: regular files are read and decoded in a second one. The output is the same */
    uint32_t shards;            /* engines that share the keys, each in a thread of its own. The output is the same */
    size_t memory;              /* of the state of keys: what does not fit goes to files in cold_dir. 0: no limit */
    const char *cold_dir;
    bool evidence;
    bool has_until;
    int64_t until_ms;           /* the clock runs on to this instant, and deadlines at it act; without it: until none is left */
    const char *dead_letters;   /* path, or NULL */
    FILE *out;                  /* alerts, one line each */
    bool progress;              /* a line on stderr that is written over and over */
} replay_options;

typedef struct replay_summary {
    uint64_t events;            /* decoded: evaluated, late or duplicate */
    uint64_t late, rejected, duplicates, unrouted, matches, alerts;
    uint64_t letters_unwritten;
    double seconds;
} replay_summary;

/* What is not EGRET_OK comes with a sentence in `reason`. The summary holds as far as it came. */
egret_status replay_run(const replay_options *options, replay_summary *summary, char *reason, size_t reason_size);

#endif
