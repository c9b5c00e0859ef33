/*
 * rules_files.c: finds the rule files that a command line names, reads them and runs the compiler's stages.
 *
 * Folders are walked in order of names, so that the same tree gives the same plan on every machine. What was read is remembered by device
 * and inode: `egret check rules rules/fraud/x.egret` compiles x.egret once.
 */
#include "app/rules_files.h"

#include "app/command.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 32, MAX_FILE_BYTES = 64 * 1024 * 1024 };

typedef struct seen_file {
    struct seen_file *next;
    dev_t device;
    ino_t inode;
} seen_file;

typedef struct walk {
    rules_files *rules;
    seen_file *seen;
} walk;

static bool trouble(rules_files *rules, const char *path, const char *why)
{
    if (!rules->trouble) rules->trouble = egret_arena_printf(&rules->arena, "%s: %s", path, why);
    return false;
}

static bool seen_before(walk *w, const struct stat *info)
{
    for (const seen_file *file = w->seen; file; file = file->next)
        if (file->device == info->st_dev && file->inode == info->st_ino) return true;
    seen_file *file = egret_arena_alloc(&w->rules->arena, sizeof *file);
    if (file) {
        *file = (seen_file){w->seen, info->st_dev, info->st_ino};
        w->seen = file;
    }
    return false;
}

/* The whole stream, malloced; NULL: errno says why. Pipes have no size, so it is read to the end. */
static char *read_stream(FILE *stream, size_t *len)
{
    size_t capacity = 64 * 1024, used = 0;
    char *text = malloc(capacity);
    while (text) {
        used += fread(text + used, 1, capacity - used, stream);
        if (used < capacity || used > MAX_FILE_BYTES) break;
        char *grown = realloc(text, capacity * 2);
        if (!grown) free(text);
        text = grown;
        capacity *= 2;
    }
    if (!text) errno = ENOMEM;
    else if (ferror(stream) || used > MAX_FILE_BYTES) {
        errno = ferror(stream) ? errno : EFBIG;
        free(text);
        text = NULL;
    }
    *len = used;
    return text;
}

static bool read_file(walk *w, const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) return trouble(w->rules, path, strerror(errno));
    size_t len;
    char *text = read_stream(stream, &len);
    int error = errno;
    fclose(stream);
    if (!text) return trouble(w->rules, path, strerror(error));
    egret_diags_add_source(&w->rules->diags, path, text, len);
    free(text);
    return !w->rules->arena.failed || trouble(w->rules, path, "no memory");
}

static bool read_path(walk *w, const char *path, int depth);

/* Rule files and folders; nothing hidden. */
static int is_wanted(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    if (entry->d_name[0] == '.') return 0;
    if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) return 1;
    return len > 6 && strcmp(entry->d_name + len - 6, ".egret") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* An entry whose kind the folder did not tell: other files are passed over. */
static bool is_passed_over(const char *path)
{
    struct stat info;
    size_t len = strlen(path);
    if (stat(path, &info) != 0) return true;
    return !S_ISDIR(info.st_mode) && !(len > 6 && strcmp(path + len - 6, ".egret") == 0);
}

static bool read_folder(walk *w, const char *path, int depth)
{
    if (depth >= MAX_DEPTH) return trouble(w->rules, path, "folders are nested too deep");
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_wanted, by_name);
    if (n < 0) return trouble(w->rules, path, strerror(errno));
    bool fine = true;
    size_t folder_len = strlen(path);
    while (folder_len > 1 && path[folder_len - 1] == '/') folder_len--;
    for (int i = 0; i < n; i++) {
        char *child = egret_arena_printf(&w->rules->arena, "%.*s/%s", (int)folder_len, path, entries[i]->d_name);
        if (!child) fine = trouble(w->rules, path, "no memory");
        else if (fine && !is_passed_over(child)) fine = read_path(w, child, depth + 1);
        free(entries[i]);
    }
    free(entries);
    return fine;
}

static bool read_path(walk *w, const char *path, int depth)
{
    struct stat info;
    if (stat(path, &info) != 0) return trouble(w->rules, path, strerror(errno));
    if (seen_before(w, &info)) return true;
    return S_ISDIR(info.st_mode) ? read_folder(w, path, depth) : read_file(w, path);
}

bool rules_files_load(rules_files *rules, const char *const *paths, size_t n, rules_stage stage)
{
    *rules = (rules_files){0};
    egret_arena_init(&rules->arena, egret_mem_of(NULL));
    egret_diags_init(&rules->diags, &rules->arena);
    ast_file_init(&rules->tree);
    walk w = {rules, NULL};
    for (size_t i = 0; i < n; i++)
        if (!read_path(&w, paths[i], 0)) return false;
    if (rules->diags.n_sources == 0) return trouble(rules, n > 0 ? paths[0] : "rules", "there are no rule files (*.egret)");
    if (stage >= RULES_TREE)
        for (uint32_t i = 0; i < rules->diags.n_sources; i++) egret_parse(&rules->diags, i, &rules->tree);
    if (stage >= RULES_PLAN) rules->plan = egret_plan_make(&rules->diags, &rules->tree, true);
    if (rules->diags.n_errors > 0) rules->plan = NULL;
    return !rules->arena.failed || trouble(rules, "rules", "no memory");
}

void rules_files_free(rules_files *rules)
{
    egret_arena_deinit(&rules->arena);
    *rules = (rules_files){0};
}

int rules_files_need(rules_files *rules, const char *command, const char *const *paths, size_t n)
{
    return rules_files_need_kept(rules, command, paths, n, INT64_MAX);
}

int rules_files_need_kept(rules_files *rules, const char *command, const char *const *paths, size_t n, int64_t keep_ms)
{
    if (!rules_files_load(rules, paths, n, RULES_PLAN)) {
        fprintf(stderr, "egret %s: %s\n", command, rules->trouble ? rules->trouble : "no memory");
        return APP_TROUBLE;
    }
    if (rules->plan) egret_plan_warn_kept(&rules->diags, &rules->tree, keep_ms);
    const char *text = egret_diags_text(&rules->diags);
    if (text) fputs(text, stderr);
    if (rules->plan) return APP_FINE;
    fprintf(stderr, "egret %s: the rules have errors\n", command);
    return APP_DIAGNOSTICS;
}
