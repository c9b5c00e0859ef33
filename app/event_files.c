/*
 * event_files.c: see event_files.h.
 */
#include "app/event_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

int event_files_name(const app_args *args, const plan *p, egret_arena *arena, ingest_replay_file *files, const char *const *events, uint32_t n)
{
    size_t from_stdin = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *equals = strchr(events[i], '=');
        if (!equals || equals == events[i] || equals[1] == '\0')
            return app_usage(args, "'%s': --events takes NAME=FILE", events[i]);
        egret_str name = {events[i], (uint32_t)(equals - events[i])};
        files[i].path = equals + 1;
        if (!find_name(p, name, &files[i]))
            return app_usage(args, "there is no stream or source '%.*s'%s", (int)name.len, name.ptr,
                             suggest(arena, p, name));
        if (!format_of(files[i].path, app_args_one(args, "format"), files[i].source, &files[i].format))
            return app_usage(args, "%s: the format is auto, json or csv in this version", events[i]);
        from_stdin += strcmp(files[i].path, "-") == 0;
    }
    return from_stdin > 1 ? app_usage(args, "standard input can be read once only") : APP_FINE;
}
