/*
 * cmd_backtest.c: `egret backtest`: rules tried on a journal or on files of events, as numbers for people: how often each fires, when, and what is
 * other than with the rules before.
 */
#include "app/backtest.h"
#include "app/command.h"
#include "app/event_files.h"
#include "app/rules_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 50, SHOWN_RULES = 30, SHOWN_SAMPLES = 5 };

static const app_option options[] = {
    {"rules", APP_MANY, "FILE|DIR", NULL, "the rules to try"},
    {"against", APP_MANY, "FILE|DIR", NULL, "the rules to compare with"},
    {"data", APP_ONE, "DIR", NULL, "a data folder: the events of its journal; it may be in use"},
    {"events", APP_MANY, "NAME=FILE", NULL, "or files of events, each of a stream or of a declared source"},
    {"format", APP_ONE, "FORMAT", "auto", "of the files: auto, json or csv"},
    {"label", APP_ONE, "FIELD", NULL, "a field of events that is true where an alert should be: tells precision and recall"},
    {"json", APP_FLAG, NULL, NULL, "the whole report as JSON, with samples and their evidence"},
    {0},
};

typedef struct asked {
    const app_args *args;
    ingest_replay_file *files;
    uint32_t n_files;
    bool progress;
} asked;

/* ---- text ---- */

static json_int_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_label(const char *whose, const json_t *trial)
{
    const json_t *label = json_object_get(trial, "label"), *precision = json_object_get(label, "precision"), *recall = json_object_get(label, "recall");
    if (!label) return;
    printf("%s: %s is true in %lld events, %lld of them found", whose, json_string_value(json_object_get(label, "field")), (long long)number(label, "events"),
           (long long)number(label, "found"));
    if (json_is_real(precision)) printf("; precision %.1f %%", 100 * json_real_value(precision));
    if (json_is_real(recall)) printf("; recall %.1f %%", 100 * json_real_value(recall));
    putchar('\n');
}

static void print_rules(const json_t *trial, const json_t *other)
{
    size_t i, k;
    const json_t *rule, *was;
    json_array_foreach(json_object_get(trial, "rules"), i, rule) {
        const char *name = json_string_value(json_object_get(rule, "rule"));
        if (i == SHOWN_RULES) {
            printf("  … and %zu rules more\n", json_array_size(json_object_get(trial, "rules")) - i);
            break;
        }
        printf("  %-40s %10lld", name, (long long)number(rule, "alerts"));
        long long before = 0;
        json_array_foreach(json_object_get(other, "rules"), k, was)
            if (strcmp(json_string_value(json_object_get(was, "rule")), name) == 0) before = (long long)number(was, "alerts");
        if (other) printf("  (before: %lld)", before);
        putchar('\n');
    }
}

/* A line for each part of the time in which there was an alert or between two of them. */
static void print_histogram(const json_t *trial, const json_t *other)
{
    const json_t *now = json_object_get(trial, "over_time"), *before = json_object_get(other, "over_time");
    size_t n = json_array_size(now) > json_array_size(before) ? json_array_size(now) : json_array_size(before);
    long long most = 1;
    for (size_t i = 0; i < n; i++) {
        long long a = (long long)number(json_array_get(now, i), "alerts"), b = (long long)number(json_array_get(before, i), "alerts");
        most = a > most ? a : most;
        most = b > most ? b : most;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *at = json_array_get(i < json_array_size(now) ? now : before, i);
        long long a = (long long)number(json_array_get(now, i), "alerts"), b = (long long)number(json_array_get(before, i), "alerts");
        int bar = (int)(a * BAR / most), old = (int)(b * BAR / most);
        printf("  %-24s %8lld ", json_string_value(json_object_get(at, "from")), a);
        for (int c = 0; c < BAR; c++) putchar(c < bar ? '#' : c < old ? '-' : c == old && other && bar < old ? '|' : ' ');
        if (other) printf(" %lld", b);
        putchar('\n');
    }
}

static void print_samples(const char *title, const json_t *list)
{
    size_t i;
    const json_t *alert;
    if (json_array_size(list) > 0) printf("%s\n", title);
    json_array_foreach(list, i, alert) {
        if (i == SHOWN_SAMPLES) break;
        char *key = json_dumps(json_object_get(alert, "key"), JSON_COMPACT), *fields = json_dumps(json_object_get(alert, "fields"), JSON_COMPACT);
        printf("  %s  %s  %s  %s, %zu events\n", json_string_value(json_object_get(alert, "time")), json_string_value(json_object_get(alert, "rule")), key ? key : "",
               fields ? fields : "", json_array_size(json_object_get(alert, "events")));
        free(key);
        free(fields);
    }
}

static void print_report(const json_t *report)
{
    const json_t *now = json_object_get(report, "new"), *before = json_object_get(report, "old"), *difference = json_object_get(report, "difference");
    printf("%lld events in %.1f s (%.0f/s): %lld alerts\n", (long long)number(report, "events"), (double)number(report, "took_ms") / 1000,
           json_real_value(json_object_get(report, "events_per_s")), (long long)number(now, "alerts"));
    print_rules(now, before);
    if (number(now, "alerts") > 0 || number(before, "alerts") > 0) {
        printf("over time%s\n", before ? " (# now, - before and not now; the number behind: before)" : "");
        print_histogram(now, before);
    }
    print_label("label", now);
    if (before) print_label("before", before);
    if (difference) {
        printf("difference: %lld the same, %lld gained, %lld lost\n", (long long)number(difference, "same"), (long long)number(difference, "gained"),
               (long long)number(difference, "lost"));
        print_samples("gained, for example", json_object_get(difference, "gained_samples"));
        print_samples("lost, for example", json_object_get(difference, "lost_samples"));
    } else {
        print_samples("for example", json_object_get(report, "samples"));
    }
}

/* ---- the command ---- */

static bool tell_progress(void *user, unsigned part, uint64_t events)
{
    const asked *a = user;
    if (a->progress) fprintf(stderr, "\r%s: %" PRIu64 " events ", part == 0 ? "the rules" : "those before", events);
    return true;
}

static bool name_files(void *user, const plan *p, const ingest_replay_file **files, uint32_t *n)
{
    asked *a = user;
    const char **events;
    egret_arena arena;
    a->n_files = (uint32_t)app_args_many(a->args, "events", &events);
    free(a->files);
    a->files = calloc(a->n_files + 1u, sizeof *a->files);
    egret_arena_init(&arena, egret_mem_of(NULL));
    bool fine = a->files && event_files_name(a->args, p, &arena, a->files, events, a->n_files) == APP_FINE;
    egret_arena_deinit(&arena);
    *files = a->files;
    *n = a->n_files;
    return fine;
}

static int compile(const app_args *args, const char *option, rule_set **out)
{
    const char **paths;
    rules_files files;
    size_t n = app_args_many(args, option, &paths);
    *out = NULL;
    if (n == 0) return APP_FINE;
    int exit_code = rules_files_need(&files, "backtest", paths, n);
    if (exit_code == APP_FINE && (*out = rule_set_new()) != NULL) rule_set_take(*out, &files.diags);
    rules_files_free(&files);
    if (exit_code != APP_FINE) return exit_code;
    return *out && rule_set_compile(*out) ? APP_FINE : app_trouble(args, "no memory");
}

static int try_rules(const app_args *args, backtest_options *backtest)
{
    char reason[512];
    json_t *report = NULL;
    asked a = {.args = args, .progress = isatty(STDERR_FILENO) == 1};
    backtest->files = name_files;
    backtest->files_user = &a;
    backtest->label = app_args_one(args, "label");
    backtest->go_on = tell_progress;
    backtest->user = &a;
    egret_status status = backtest_run(backtest, &report, reason, sizeof reason);
    if (a.progress) fputs("\r                                        \r", stderr);
    free(a.files);
    if (status != EGRET_OK) return app_trouble(args, "%s", reason);
    if (app_args_has(args, "json")) {
        json_dumpf(report, stdout, JSON_INDENT(1));
        putchar('\n');
    } else {
        print_report(report);
    }
    json_decref(report);
    return APP_FINE;
}

static int with_journal(const app_args *args, backtest_options *backtest)
{
    char reason[512];
    const char *dir = app_args_one(args, "data");
    if (!dir) return try_rules(args, backtest);
    store *s = store_open(&(store_options){.dir = dir, .read_only = true}, reason, sizeof reason);
    if (!s) return app_trouble(args, "%s", reason);
    backtest->journal = s;
    int exit_code = try_rules(args, backtest);
    store_close(s);
    return exit_code;
}

static int run(app_args *args)
{
    const char **words;
    backtest_options backtest = {0};
    if (app_args_many(args, "rules", &words) == 0) return app_usage(args, "--rules is needed");
    bool journal = app_args_one(args, "data") != NULL, files = app_args_many(args, "events", &words) > 0;
    if (journal == files) return app_usage(args, "either --data or --events is needed");
    int exit_code = compile(args, "rules", &backtest.rules);
    if (exit_code == APP_FINE) exit_code = compile(args, "against", &backtest.against);
    if (exit_code == APP_FINE) exit_code = with_journal(args, &backtest);
    rule_set_drop(backtest.rules);
    rule_set_drop(backtest.against);
    return exit_code;
}

const app_command app_cmd_backtest = {
    .name = "backtest",
    .summary = "Tries rules on the events of a journal or of files, and compares them with others",
    .options = options,
    .notes = "What is known begins cold: a rule that looks at a week finds nothing new in the first one. Alerts are the same when rule, key and time\n"
             "are. Precision is the share of alerts with a labelled event in their evidence, recall the share of labelled events that are\n"
             "evidence of an alert.",
    .run = run,
};
