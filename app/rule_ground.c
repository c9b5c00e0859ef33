/*
 * rule_ground.c: see rule_ground.h.
 */
#include "app/rule_ground.h"

#include "app/page_pool.h"

#include <stdlib.h>
#include <string.h>

static void drop(rule_ground *ground)
{
    if (__atomic_sub_fetch(&ground->users, 1, __ATOMIC_ACQ_REL) > 0) return;
    for (size_t i = 0; i < ground->n_files; i++) rule_file_drop(ground->files[i]);
    free(ground->files);
    egret_arena_deinit(&ground->arena);
    free(ground);
}

bool rule_grounds_make(rule_grounds *out, const rule_grounds *before)
{
    size_t n = before ? before->n : 0;
    rule_ground *own = calloc(1, sizeof *own);
    *out = (rule_grounds){.list = calloc(n + 1, sizeof(rule_ground *)), .bytes = before ? before->bytes : 0};
    if (!own || !out->list) {
        free(own);
        free(out->list);
        *out = (rule_grounds){0};
        return false;
    }
    own->users = 1;
    /* What a few rules need is little: no pages for it. */
    egret_arena_init(&own->arena, before ? egret_mem_of(NULL) : page_pool_mem());
    for (size_t i = 0; i < n; i++) {
        out->list[i] = before->list[i];
        __atomic_add_fetch(&out->list[i]->users, 1, __ATOMIC_RELAXED);
    }
    out->list[n] = own;
    out->n = n + 1;
    return true;
}

bool rule_grounds_keep(rule_grounds *grounds, rule_file *file)
{
    rule_ground *own = rule_grounds_own(grounds);
    rule_file **grown = realloc(own->files, (own->n_files + 1) * sizeof(rule_file *));
    if (!grown) return false;
    own->files = grown;
    own->files[own->n_files++] = rule_file_keep(file);
    return true;
}

rule_ground *rule_grounds_own(const rule_grounds *grounds)
{
    return grounds->list[grounds->n - 1];
}

void rule_grounds_count(rule_grounds *grounds)
{
    const rule_ground *own = rule_grounds_own(grounds);
    grounds->bytes += egret_arena_bytes(&own->arena);
    for (size_t i = 0; i < own->n_files; i++) grounds->bytes += egret_arena_bytes(&own->files[i]->arena);
}

void rule_grounds_drop(rule_grounds *grounds)
{
    for (size_t i = 0; i < grounds->n; i++) drop(grounds->list[i]);
    free(grounds->list);
    *grounds = (rule_grounds){0};
}
