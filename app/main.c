/*
 * main.c: the `egret` program: a table of subcommands, and the texts that hold for all of them.
 */
#include "app/command.h"
#include "app/damage.h"

#include "egret.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const app_command *const commands[] = {
    &app_cmd_run, &app_cmd_replay, &app_cmd_backtest, &app_cmd_check, &app_cmd_test, &app_cmd_fmt, &app_cmd_explain, &app_cmd_generate, &app_cmd_help,
    &app_cmd_journal, &app_cmd_deadletters, &app_cmd_backup, &app_cmd_restore, &app_cmd_token, &app_cmd_openapi, &app_cmd_alerts,
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fprintf(out, "Egret finds patterns in streams of events: rules in, events in, alerts out.\n\n"
                 "Usage: egret COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) fprintf(out, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\n  egret COMMAND --help   options of a command\n  egret --version\n\n"
                 "Exit codes:\n"
                 "  %d  fine\n"
                 "  %d  rules with errors, failed tests, files not in canonical layout\n"
                 "  %d  the command line makes no sense\n"
                 "  %d  trouble outside: files, memory, network\n",
            APP_FINE, APP_DIAGNOSTICS, APP_USAGE, APP_TROUBLE);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static int run_command(const app_command *command, int argc, char **argv)
{
    if (asks_for_help(argc, argv)) {
        app_command_help(command);
        return APP_FINE;
    }
    app_args args;
    int exit_code;
    if (app_args_parse(&args, command, argc, argv, &exit_code)) exit_code = command->run(&args);
    app_args_free(&args);
    return exit_code;
}

/* A product that could not be written (disk full, closed pipe) must not look like success. */
static int close_output(int exit_code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return exit_code;
    fprintf(stderr, "egret: stdout: could not be written\n");
    return exit_code == APP_FINE ? APP_TROUBLE : exit_code;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    damage_watch();
    if (argc < 2) {
        print_help(stderr);
        return APP_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_help(stdout);
        return close_output(APP_FINE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("egret %s\n", EGRET_VERSION);
        return close_output(APP_FINE);
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i]->name) == 0) return close_output(run_command(commands[i], argc - 2, argv + 2));
    fprintf(stderr, "egret: there is no command '%s'\nSee: egret --help\n", argv[1]);
    return APP_USAGE;
}
