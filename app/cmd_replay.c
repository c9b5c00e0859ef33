/*
 * cmd_replay.c: `egret replay`: files of events through rules, alerts on standard output.
 */
#include "app/command.h"
#include "app/read_ahead.h"
#include "app/replay.h"
#include "app/rules_files.h"
#include "nfa/shards.h"

#include <fcntl.h>
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
    {"dead-letters", APP_ONE, "FILE", NULL, "append records that were not taken, with the reason: undecodable, late, duplicate"},
    {0},
};

/* ---- files ---- */

/* By the first line: JSON never begins like a line of column names. Pipes cannot be looked into and are taken for JSON. */
static ingest_format sniff(const char *path)
{
    char bytes[4096];
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return INGEST_FORMAT_JSON;
    ssize_t n = pread(fd, bytes, sizeof bytes - 1, 0);
    if (!is_stdin) close(fd);
    bytes[n > 0 ? n : 0] = '\0';
    const char *text = bytes + (strncmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    text += strspn(text, " \t\r\n");
    size_t line = strcspn(text, "\r\n");
    bool is_json = *text == '{' || *text == '[' || memchr(text, '{', line) || !memchr(text, ',', line);
    return is_json ? INGEST_FORMAT_JSON : INGEST_FORMAT_CSV;
}

/* What the source declares; empty: nothing. */
static egret_str declared_format(const plan_edge *source)
{
    for (uint32_t i = 0; source && i < source->n_options; i++) {
        const plan_option *option = &source->options[i];
        if (egret_str_is(option->name, "format") && option->n_values == 1 && option->values[0].value.type == EGRET_STRING)
            return (egret_str){option->values[0].value.u.s, option->values[0].value.len};
    }
    return (egret_str){0};
}

/* The command line decides, then the source, then the file's name and first line. False: there is no such format. */
static bool format_of(const char *path, const char *wanted, const plan_edge *source, ingest_format *format)
{
    char declared[16];
    egret_str said = declared_format(source);
    if (strcmp(wanted, "auto") == 0 && said.len > 0) {
        if (said.len >= sizeof declared) return false;
        snprintf(declared, sizeof declared, "%.*s", (int)said.len, said.ptr);
        wanted = declared;
    }
    if (strcmp(wanted, "json") == 0) *format = INGEST_FORMAT_JSON;
    else if (strcmp(wanted, "csv") == 0) *format = INGEST_FORMAT_CSV;
    else if (strcmp(wanted, "auto") != 0) return false;
    else *format = ingest_format_of_path(path) == INGEST_FORMAT_CSV ? INGEST_FORMAT_CSV : sniff(path);
    return true;
}

/* "; did you mean 'payment'?" or "", in the arena. */
static const char *suggest(egret_arena *arena, const plan *p, egret_str name)
{
    uint32_t n_inputs = plan_inputs(p), n = n_inputs + p->n_sources;
    const char **names = egret_arena_alloc(arena, ((size_t)n + 1) * sizeof *names);
    if (!names) return "";
    for (uint32_t i = 0; i < n; i++) {
        egret_str known = i < n_inputs ? p->streams[i].name : p->sources[i - n_inputs].name;
        names[i] = egret_arena_str(arena, known.ptr, known.len).ptr;
        if (!names[i]) return "";
    }
    const char *nearest = egret_diag_nearest(name, names, n);
    const char *text = nearest ? egret_arena_printf(arena, "; did you mean '%s'?", nearest) : "";
    return text ? text : "";
}

/* Sets whose records the file holds: those of a stream, or whatever a declared source's routes choose. */
static bool find_name(const plan *p, egret_str name, ingest_replay_file *file)
{
    file->stream = PLAN_NONE;
    for (uint32_t i = 0; i < plan_inputs(p); i++)
        if (egret_str_eq(p->streams[i].name, name)) file->stream = i;
    for (uint32_t i = 0; i < p->n_sources && file->stream == PLAN_NONE; i++)
        if (egret_str_eq(p->sources[i].name, name)) file->source = &p->sources[i];
    return file->stream != PLAN_NONE || file->source;
}

static int name_files(const app_args *args, rules_files *rules, ingest_replay_file *files, const char *const *events, size_t n)
{
    size_t from_stdin = 0;
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(events[i], '=');
        if (!equals || equals == events[i] || equals[1] == '\0')
            return app_usage(args, "'%s': --events takes NAME=FILE", events[i]);
        egret_str name = {events[i], (uint32_t)(equals - events[i])};
        files[i].path = equals + 1;
        if (!find_name(rules->plan, name, &files[i]))
            return app_usage(args, "there is no stream or source '%.*s'%s", (int)name.len, name.ptr,
                             suggest(&rules->arena, rules->plan, name));
        if (!format_of(files[i].path, app_args_one(args, "format"), files[i].source, &files[i].format))
            return app_usage(args, "%s: the format is auto, json or csv in this version", events[i]);
        from_stdin += strcmp(files[i].path, "-") == 0;
    }
    return from_stdin > 1 ? app_usage(args, "standard input can be read once only") : APP_FINE;
}

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
    const char *until = app_args_one(args, "until");
    replay.has_until = until != NULL;
    if (until && !egret_parse_rfc3339(until, strlen(until), &replay.until_ms))
        return app_usage(args, "--until: '%s' is no time such as 2026-01-05T09:00:00Z", until);
    ingest_replay_file *files = calloc(n, sizeof *files);
    if (!files) return app_trouble(args, "no memory");
    replay.files = files;
    int exit_code = name_files(args, rules, files, events, n);
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
