/*
 * cmd_explain.c: `egret explain`: every stage of a compile in print, what a rule can cost, and the story behind a diagnostic's code.
 */
#include "app/command.h"
#include "app/rules_files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const app_option options[] = {
    {"rules", APP_MANY, "FILE|DIR", NULL, "the rules"},
    {"stage", APP_ONE, "STAGE", "automaton", "tokens, tree, plan, automaton, dot or cost"},
    {"rule", APP_ONE, "NAME", NULL, "only this rule (automaton, dot, cost)"},
    {"code", APP_ONE, "CODE", NULL, "explain a diagnostic's code such as E0214; 'all' lists them"},
    {0},
};

static int print_code(const app_args *args, const char *text)
{
    if (strcmp(text, "all") == 0) {
        for (size_t i = 0; egret_code_at(i) != 0; i++) printf("%04u  %s\n", egret_code_at(i), egret_code_title(egret_code_at(i)));
        return APP_FINE;
    }
    const char *digits = isalpha((unsigned char)text[0]) ? text + 1 : text;
    char *end;
    unsigned long code = strtoul(digits, &end, 10);
    const char *story = *digits && *end == '\0' && code < 10000 ? egret_code_story((unsigned)code) : NULL;
    if (!story) return app_usage(args, "there is no code '%s' (--code all lists them)", text);
    /* As it stands on the diagnostic: codes of warnings are those from 800 to 899. */
    printf("%c%04lu: %s\n\n%s\n", code / 100 == 8 ? 'W' : 'E', code, egret_code_title((unsigned)code), story);
    return APP_FINE;
}

static void print_text(const char *text)
{
    if (!text) return;
    fputs(text, stdout);
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] != '\n') putchar('\n');
}

typedef const char *(*rule_printer)(egret_arena *arena, const plan *plan, uint32_t rule);

static int print_rules(const app_args *args, rules_files *rules, rule_printer print)
{
    const char *wanted = app_args_one(args, "rule");
    bool found = false;
    for (uint32_t i = 0; i < rules->plan->n_rules; i++) {
        if (wanted && !egret_str_is(rules->plan->rules[i].name, wanted)) continue;
        print_text(print(&rules->arena, rules->plan, i));
        found = true;
    }
    return found || !wanted ? APP_FINE : app_usage(args, "there is no rule '%s'", wanted);
}

static int print_stage(const app_args *args, rules_files *rules, const char *stage)
{
    if (strcmp(stage, "tokens") == 0) {
        for (uint32_t i = 0; i < rules->diags.n_sources; i++) print_text(egret_tokens_print(&rules->diags, i));
        return APP_FINE;
    }
    if (strcmp(stage, "tree") == 0) {
        print_text(egret_ast_print(&rules->arena, &rules->tree));
        return APP_FINE;
    }
    if (!rules->plan) return APP_DIAGNOSTICS;
    if (strcmp(stage, "plan") == 0) {
        print_text(egret_plan_print(&rules->arena, rules->plan));
        return APP_FINE;
    }
    if (strcmp(stage, "dot") == 0) return print_rules(args, rules, egret_automaton_dot);
    if (strcmp(stage, "cost") == 0) return print_rules(args, rules, egret_cost_print);
    return print_rules(args, rules, egret_automaton_print);
}

static bool stage_of(const char *name, rules_stage *stage)
{
    static const struct { const char *name; rules_stage stage; } stages[] = {
        {"tokens", RULES_SOURCES}, {"tree", RULES_TREE}, {"plan", RULES_PLAN},
        {"automaton", RULES_PLAN}, {"dot", RULES_PLAN}, {"cost", RULES_PLAN},
    };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (strcmp(stages[i].name, name) != 0) continue;
        *stage = stages[i].stage;
        return true;
    }
    return false;
}

static int run(app_args *args)
{
    const char *code = app_args_one(args, "code");
    if (code) return print_code(args, code);
    const char **paths;
    size_t n = app_args_many(args, "rules", &paths);
    if (n == 0) return app_usage(args, "--rules or --code is needed");
    const char *name = app_args_one(args, "stage");
    rules_stage stage;
    if (!stage_of(name, &stage)) return app_usage(args, "there is no stage '%s'", name);
    rules_files rules;
    int exit_code;
    if (!rules_files_load(&rules, paths, n, stage)) exit_code = app_trouble(args, "%s", rules.trouble);
    else exit_code = print_stage(args, &rules, name);
    const char *text = rules.diags.n_errors > 0 ? egret_diags_text(&rules.diags) : NULL;
    if (text) fputs(text, stderr);
    if (rules.diags.n_errors > 0 && exit_code == APP_FINE) exit_code = APP_DIAGNOSTICS;
    rules_files_free(&rules);
    return exit_code;
}

const app_command app_cmd_explain = {
    .name = "explain",
    .summary = "Prints a stage of the compile, a rule's automaton and cost, or a diagnostic's story",
    .options = options,
    .run = run,
};
