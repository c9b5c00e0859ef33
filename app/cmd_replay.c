/*
 * cmd_replay.c: `egret replay`: files of events through rules, alerts on standard output.
 */
#include "app/command.h"
#include "app/event_files.h"
#include "app/read_ahead.h"
#include "app/replay.h"
#include "app/rules_files.h"
#include "nfa/shards.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const app_option options[] = {
    {"rules", APP_MANY, "FILE|DIR", NULL, "the rules"},
    {"events", APP_MANY, "NAME=FILE", NULL, "events of a stream or of a declared source; '-' is standard input"},
    {"format", APP_ONE, "FORMAT", "auto", "of all files: auto, json or csv"},
    {"until", APP_ONE, "TIME", NULL, "let the clock run on to this time (RFC 3339) only, not until no deadline is left"},
    {"evidence", APP_FLAG, NULL, NULL, "show the events of each alert (this is so without the option, too)"},
    {"no-evidence", APP_FLAG, NULL, NULL, "leave the events of alerts out"},
    {"threads", APP_ONE, "N", "auto", "1, 2 (one more, which reads and decodes regular files ahead), or auto: 2 if there are two cores"},
    {"shards", APP_ONE, "N", "1", "evaluate in N threads that share the keys; the output is the same"},
    {"memory", APP_ONE, "SIZE", NULL, "memory for the state of keys; what does not fit goes to a file in $TMPDIR (default: all stays)"},
    {"dead-letters", APP_ONE, "FILE", NULL, "append records that were not taken, with the reason: undecodable, late, duplicate"},
    {0},
};

/* ---- the command ---- */

static void print_summary(const replay_summary *s)
{
    fprintf(stderr, "%" PRIu64 " events, %" PRIu64 " late, %" PRIu64 " rejected, %" PRIu64 " duplicates, %" PRIu64 " matches, %" PRIu64
                    " alerts, %.3f s, %.0f events/s\n",
            s->events, s->late, s->rejected, s->duplicates, s->matches, s->alerts, s->seconds,
            s->seconds > 0 ? (double)s->events / s->seconds : 0.0);
    if (s->unrouted > 0) fprintf(stderr, "%" PRIu64 " records were wanted by no route of their source\n", s->unrouted);
    if (s->letters_unwritten > 0) fprintf(stderr, "%" PRIu64 " dead letters could not be written\n", s->letters_unwritten);
}

/* 0: there is no such number of threads. */
static uint32_t threads_of(const char *wanted)
{
    if (strcmp(wanted, "auto") == 0) return read_ahead_threads();
    return strcmp(wanted, "1") == 0 ? 1 : strcmp(wanted, "2") == 0 ? 2 : 0;
}

static int replay_rules(const app_args *args, rules_files *rules)
{
    const char **events;
    size_t n = app_args_many(args, "events", &events);
    replay_options replay = {.plan = rules->plan, .n_files = (uint32_t)n, .evidence = !app_args_has(args, "no-evidence"), .out = stdout,
                             .dead_letters = app_args_one(args, "dead-letters"), .threads = threads_of(app_args_one(args, "threads")),
                             .progress = isatty(STDERR_FILENO) == 1};
    if (replay.threads == 0) return app_usage(args, "--threads: '%s' is not 1, 2 or auto", app_args_one(args, "threads"));
    int64_t shards;
    if (!app_args_int(args, "shards", 1, NFA_MAX_SHARDS, &shards)) return APP_USAGE;
    replay.shards = (uint32_t)shards;
    uint64_t memory = 0;
    if (app_args_one(args, "memory") && !app_args_size(args, "memory", &memory)) return APP_USAGE;
    replay.memory = (size_t)memory;
    replay.cold_dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    const char *until = app_args_one(args, "until");
    replay.has_until = until != NULL;
    if (until && !egret_parse_rfc3339(until, strlen(until), &replay.until_ms))
        return app_usage(args, "--until: '%s' is no time such as 2026-01-05T09:00:00Z", until);
    ingest_replay_file *files = calloc(n, sizeof *files);
    if (!files) return app_trouble(args, "no memory");
    replay.files = files;
    int exit_code = event_files_name(args, rules->plan, &rules->arena, files, events, (uint32_t)n);
    if (exit_code == APP_FINE) {
        char reason[512];
        replay_summary summary;
        egret_status status = replay_run(&replay, &summary, reason, sizeof reason);
        print_summary(&summary);
        if (status != EGRET_OK) exit_code = app_trouble(args, "%s", reason);
    }
    free(files);
    return exit_code;
}

static int run(app_args *args)
{
    const char **paths, **events;
    size_t n = app_args_many(args, "rules", &paths);
    if (n == 0) return app_usage(args, "--rules is needed");
    if (app_args_many(args, "events", &events) == 0) return app_usage(args, "--events is needed");
    rules_files rules;
    int exit_code = rules_files_need(&rules, "replay", paths, n);
    if (exit_code == APP_FINE) exit_code = replay_rules(args, &rules);
    rules_files_free(&rules);
    return exit_code;
}

const app_command app_cmd_replay = {
    .name = "replay",
    .summary = "Evaluates files of events and prints the alerts",
    .options = options,
    .notes = "Alerts go to stdout, one line of JSON each; a summary goes to stderr. Several files are read together, in order of time; at equal\n"
             "times in the order of the command line. The same input gives the same output, byte for byte. With --format auto a file is CSV\n"
             "when its name ends with .csv or its first line looks so; else it is JSON: objects one a line, over several lines, or an array.",
    .run = run,
};
