/*
 * compiled.h: rules from a text, for tests; a text with errors fails the test and shows them.
 */
#ifndef EGRET_TESTS_APP_COMPILED_H
#define EGRET_TESTS_APP_COMPILED_H

#include "app/rule_set.h"
#include "app/rules_files.h"

#include <string.h>

static inline void compile_text(rules_files *rules, const char *text)
{
    *rules = (rules_files){0};
    egret_arena_init(&rules->arena, egret_mem_of(NULL));
    egret_diags_init(&rules->diags, &rules->arena);
    ast_file_init(&rules->tree);
    egret_parse(&rules->diags, egret_diags_add_source(&rules->diags, "rules.egret", text, strlen(text)), &rules->tree);
    rules->plan = egret_plan_make(&rules->diags, &rules->tree, true);
    if (rules->diags.n_errors > 0) fail_msg("%s", egret_diags_text(&rules->diags));
}

static inline rule_set *rules_of(const char *text)
{
    rule_set *rules = rule_set_new();
    rule_set_put(rules, "rules.egret", text, strlen(text), false);
    if (!rule_set_compile(rules)) fail_msg("%s", egret_diags_text(&rules->diags));
    return rules;
}

#endif
