/*
 * cmd_test.c: `egret test`: runs the tests that stand beside the rules.
 */
#include "app/command.h"
#include "app/rules_files.h"
#include "app/rule_test.h"

#include <stdio.h>

static const app_option options[] = {
    {"rule", APP_ONE, "NAME", NULL, "only the tests of this rule"},
    {"quiet", APP_FLAG, NULL, NULL, "failed tests and the summary only"},
    {0},
};

typedef struct score {
    unsigned passed, failed;
} score;

static void run_one(const app_args *args, const rules_files *rules, const plan_test *test, score *sum)
{
    egret_arena arena;
    egret_text report;
    rule_test_result result;
    egret_arena_init(&arena, egret_mem_of(NULL));
    egret_text_init(&report, egret_mem_of(NULL));
    rule_test_run(&arena, rules->plan, test, &result);
    bool passed = rule_test_report(&report, rules, test, &result);
    if (passed) sum->passed++;
    else sum->failed++;
    if (!passed || !app_args_has(args, "quiet"))
        printf("%s  %.*s%s%.*s%s\n", passed ? "ok  " : "FAIL", (int)test->rule.len, test->rule.ptr, test->text.len > 0 ? " \"" : "",
               (int)test->text.len, test->text.len > 0 ? test->text.ptr : "", test->text.len > 0 ? "\"" : "");
    if (report.len > 0) fwrite(report.ptr, 1, report.len, stdout);
    egret_text_deinit(&report);
    egret_arena_deinit(&arena);
}

static int run_all(const app_args *args, const rules_files *rules)
{
    const char *wanted = app_args_one(args, "rule");
    score sum = {0};
    for (uint32_t i = 0; i < rules->plan->n_tests; i++)
        if (!wanted || egret_str_is(rules->plan->tests[i].rule, wanted)) run_one(args, rules, &rules->plan->tests[i], &sum);
    if (wanted && sum.passed + sum.failed == 0) return app_usage(args, "there are no tests of a rule '%s'", wanted);
    printf("%u passed, %u failed\n", sum.passed, sum.failed);
    return sum.failed > 0 ? APP_DIAGNOSTICS : APP_FINE;
}

static int run(app_args *args)
{
    const char **paths;
    size_t n = app_args_words(args, &paths);
    if (n == 0) return app_usage(args, "which files?");
    rules_files rules;
    int exit_code = rules_files_need(&rules, "test", paths, n);
    if (exit_code == APP_FINE) exit_code = run_all(args, &rules);
    rules_files_free(&rules);
    return exit_code;
}

const app_command app_cmd_test = {
    .name = "test",
    .summary = "Runs the tests that stand beside the rules",
    .words = "FILE|DIR\xe2\x80\xa6",
    .options = options,
    .notes = "Time is virtual. A test's clock ends at the later of its last `at` and the last instant it expects something; lateness is\n"
             "flushed then. Exit code 1 when a test fails.",
    .run = run,
};
