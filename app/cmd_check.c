/*
 * cmd_check.c: `egret check`: everything the compiler has to say about rule files, as text with carets or as JSON.
 */
#include "app/command.h"
#include "app/rules_files.h"

#include <stdio.h>
#include <string.h>

static const app_option options[] = {
    {"keep", APP_ONE, "DURATION", NULL, "how long the journal will keep: warns of rules that wait longer (egret run --keep)"},
    {"json", APP_FLAG, NULL, NULL, "diagnostics as one JSON document"},
    {0},
};

static unsigned count_rules(const plan *p)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < p->n_rules; i++) n += p->rules[i].instance == 0;
    return n;
}

/* Texts of diagnostics end with their number; this is for the case without any. */
static void print_summary(const rules_files *rules)
{
    const egret_diags *diags = &rules->diags;
    if (diags->n_errors + diags->n_warnings > 0 || !rules->plan) return;
    fprintf(stderr, "%u file%s, %u streams, %u rules, %u tests: no problems\n", diags->n_sources, diags->n_sources == 1 ? "" : "s",
            plan_inputs(rules->plan), count_rules(rules->plan), rules->plan->n_tests);
}

/* false: it is no time, said. */
static bool warn_kept(app_args *args, rules_files *rules)
{
    const char *keep = app_args_one(args, "keep");
    int64_t keep_ms;
    if (!keep) return true;
    if (!egret_parse_duration(keep, strlen(keep), &keep_ms) || keep_ms <= 0) return false;
    if (rules->plan) egret_plan_warn_kept(&rules->diags, &rules->tree, keep_ms);
    return true;
}

static int run(app_args *args)
{
    const char **paths;
    size_t n = app_args_words(args, &paths);
    if (n == 0) return app_usage(args, "which files?");
    rules_files rules;
    int exit_code = APP_FINE;
    if (!rules_files_load(&rules, paths, n, RULES_PLAN)) {
        exit_code = app_trouble(args, "%s", rules.trouble ? rules.trouble : "no memory");
    } else if (!warn_kept(args, &rules)) {
        exit_code = app_usage(args, "--keep needs a time, such as 7d");
    } else {
        bool json = app_args_has(args, "json");
        const char *text = json ? egret_diags_json(&rules.diags) : egret_diags_text(&rules.diags);
        if (text) fputs(text, stdout);
        if (json) putchar('\n');
        else print_summary(&rules);
        if (!rules.plan) exit_code = APP_DIAGNOSTICS;
    }
    rules_files_free(&rules);
    return exit_code;
}

const app_command app_cmd_check = {
    .name = "check",
    .summary = "Reads rules and reports every error and warning",
    .words = "FILE|DIR\xe2\x80\xa6",
    .options = options,
    .notes = "Diagnostics go to stdout. Exit code 1 when there are errors; warnings alone give 0.",
    .run = run,
};
