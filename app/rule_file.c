/*
 * rule_file.c: see rule_file.h.
 */
#include "app/rule_file.h"

#include <stdlib.h>
#include <string.h>

rule_file *rule_file_new(const char *path, const char *text, size_t len, bool is_content)
{
    rule_file *file = calloc(1, sizeof *file);
    if (!file) return NULL;
    file->users = 1;
    egret_arena_init(&file->arena, egret_mem_of(NULL));
    file->path = egret_arena_str(&file->arena, path, strlen(path)).ptr;
    file->text = egret_arena_str(&file->arena, text, len).ptr;
    file->len = len;
    file->is_content = is_content;
    store_hash(text, len, file->hash);
    if (!file->arena.failed) return file;
    rule_file_drop(file);
    return NULL;
}

rule_file *rule_file_keep(rule_file *file)
{
    __atomic_add_fetch(&file->users, 1, __ATOMIC_RELAXED);
    return file;
}

void rule_file_drop(rule_file *file)
{
    if (!file || __atomic_sub_fetch(&file->users, 1, __ATOMIC_ACQ_REL) > 0) return;
    egret_arena_deinit(&file->arena);
    free(file);
}

bool rule_file_parse(rule_file *file, const egret_diags *sources, uint32_t number)
{
    egret_diags_init(&file->said, &file->arena);
    file->said.sources = sources->sources;
    file->said.n_sources = sources->n_sources;
    ast_file_init(&file->tree);
    egret_parse(&file->said, number, &file->tree);
    file->said.sources = NULL;      /* they go with the set that lent them */
    file->said.n_sources = 0;
    file->number = number;
    file->parsed = !file->arena.failed;
    return file->parsed;
}
