/*
 * cmd_fmt.c: `egret fmt`: the canonical layout of rule files. Formatting what is formatted changes nothing.
 *
 * --write replaces a file by a renamed new one, so that a crash leaves the old or the new text, never half of it.
 */
#include "app/command.h"
#include "app/rules_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const app_option options[] = {
    {"check", APP_FLAG, NULL, NULL, "write nothing; name the files whose layout differs and exit with 1"},
    {"write", APP_FLAG, NULL, NULL, "replace the files; without it the text goes to stdout"},
    {0},
};

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static bool replace_file(rules_files *rules, const char *path, const char *text)
{
    struct stat info;
    char *temporary = egret_arena_printf(&rules->arena, "%s.XXXXXX", path);
    if (!temporary || stat(path, &info) != 0) return false;
    int fd = mkstemp(temporary);
    if (fd < 0) return false;
    bool fine = write_all(fd, text, strlen(text)) && fchmod(fd, info.st_mode & 07777) == 0 && fsync(fd) == 0;
    fine = close(fd) == 0 && fine;
    fine = fine && rename(temporary, path) == 0;
    if (!fine) {
        int error = errno;
        unlink(temporary);
        errno = error;
    }
    return fine;
}

static int format_source(app_args *args, rules_files *rules, uint32_t number)
{
    const egret_source *source = &rules->diags.sources[number];
    const char *text = egret_format(&rules->diags, number);
    if (!text) return APP_DIAGNOSTICS;
    bool same = strlen(text) == source->len && memcmp(text, source->text, source->len) == 0;
    if (app_args_has(args, "check")) {
        if (!same) printf("%s\n", source->name);
        return same ? APP_FINE : APP_DIAGNOSTICS;
    }
    if (!app_args_has(args, "write")) {
        fputs(text, stdout);
        return APP_FINE;
    }
    if (!same && !replace_file(rules, source->name, text)) return app_trouble(args, "%s: %s", source->name, strerror(errno));
    return APP_FINE;
}

static int run(app_args *args)
{
    const char **paths;
    size_t n = app_args_words(args, &paths);
    if (n == 0) return app_usage(args, "which files?");
    if (app_args_has(args, "check") && app_args_has(args, "write")) return app_usage(args, "either --check or --write");
    rules_files rules;
    int exit_code = APP_FINE;
    if (!rules_files_load(&rules, paths, n, RULES_SOURCES)) exit_code = app_trouble(args, "%s", rules.trouble);
    for (uint32_t i = 0; exit_code != APP_TROUBLE && i < rules.diags.n_sources; i++) {
        int code = format_source(args, &rules, i);
        if (code > exit_code) exit_code = code;
    }
    if (rules.diags.n_errors > 0) {
        const char *text = egret_diags_text(&rules.diags);
        if (text) fputs(text, stderr);
    }
    rules_files_free(&rules);
    return exit_code;
}

const app_command app_cmd_fmt = {
    .name = "fmt",
    .summary = "Lays rule files out in the one canonical way",
    .words = "FILE|DIR\xe2\x80\xa6",
    .options = options,
    .notes = "A file that does not parse is left alone; its errors go to stderr and the exit code is 1.",
    .run = run,
};
