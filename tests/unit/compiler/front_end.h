/*
 * front_end.h: what the tests of lexer, parser and formatter share: a compile of one text, the diagnostics as short lines, and
 * golden files.
 *
 * A golden file stands beside its text with another ending. With EGRET_GOLDEN_UPDATE=1 in the environment the files are
 * written anew instead of compared; look at the difference before you commit it.
 */
#ifndef EGRET_TESTS_FRONT_END_H
#define EGRET_TESTS_FRONT_END_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "compiler/ast.h"

typedef struct front {
    egret_arena arena;
    egret_diags diags;
    ast_file file;
    uint32_t source;
} front;

static inline void front_init_with(front *fr, const char *text, size_t len)
{
    egret_arena_init(&fr->arena, egret_mem_of(NULL));
    egret_diags_init(&fr->diags, &fr->arena);
    ast_file_init(&fr->file);
    fr->source = egret_diags_add_source(&fr->diags, "t.egret", text, len);
}

static inline void front_init(front *fr, const char *text)
{
    front_init_with(fr, text, strlen(text));
}

static inline void front_deinit(front *fr)
{
    egret_arena_deinit(&fr->arena);
}

/* "E0214 3:12 message | help\n" for each diagnostic. */
static inline const char *front_lines(front *fr)
{
    egret_diags_text(&fr->diags);   /* sorts them */
    const char *out = "";
    for (const egret_diag *diag = fr->diags.first; diag != NULL; diag = diag->next) {
        uint32_t line, column;
        egret_source_position(&fr->diags.sources[diag->span.source], diag->span.start, &line, &column);
        out = egret_arena_printf(&fr->arena, "%sE%04u %u:%u %s%s%s\n", out, diag->code, line, column, diag->message,
                                 diag->help == NULL ? "" : " | ", diag->help == NULL ? "" : diag->help);
    }
    return out;
}

static inline char *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    enum { LARGEST = 1 << 20 };
    char *text = malloc(LARGEST);
    assert_non_null(text);
    *len = fread(text, 1, LARGEST - 1, file);
    text[*len] = '\0';
    fclose(file);
    return text;
}

/* Compares with the golden file, or writes it. */
static inline void assert_golden(const char *path, const char *got)
{
    if (getenv("EGRET_GOLDEN_UPDATE") != NULL) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs(got, file);
        fclose(file);
        return;
    }
    size_t len;
    char *expected = read_whole(path, &len);
    if (expected == NULL)
        fail_msg("%s is missing; EGRET_GOLDEN_UPDATE=1 writes it", path);
    if (strcmp(expected, got) != 0)
        fail_msg("%s differs; got:\n%s", path, got);
    free(expected);
}

/* Calls `check` with each .egret file of a folder of tests/golden: its path without ending, and its text. */
static inline void each_golden(const char *folder, void (*check)(const char *path, const char *text, size_t len))
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/%s", EGRET_SOURCE_DIR, folder);
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort), n_checked = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        size_t name_len = strlen(entries[i]->d_name);
        if (name_len > 6 && strcmp(entries[i]->d_name + name_len - 6, ".egret") == 0) {
            snprintf(path, sizeof path, "%s/tests/golden/%s/%s", EGRET_SOURCE_DIR, folder, entries[i]->d_name);
            size_t len = 0;
            char *text = read_whole(path, &len);
            assert_non_null(text);
            path[strlen(path) - 6] = '\0';
            check(path, text, len);
            free(text);
            n_checked++;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(n_checked > 0);
}

static inline void golden_path(char *out, size_t size, const char *path, const char *ending)
{
    snprintf(out, size, "%s%s", path, ending);
}

#endif
