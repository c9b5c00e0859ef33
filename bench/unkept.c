/*
 * unkept.c: the daemon without its journal, so that bench/durable.py can say what the journal costs. Not a way to run Egret: nothing is written, a
 * 202 promises nothing, and evidence names events without their text.
 *
 *   bench_unkept --rules FILE|DIR --data DIR --listen ADDR:PORT --log text
 */
#include "app/command.h"
#include "app/daemon.h"
#include "web/access.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
    rules_files rules;
    daemon_options options = {.unkept = true, .queue_records = 100000, .keep_ms = INT64_MAX / 2, .keep_bytes = UINT64_MAX, .idle_ms = 2000, .drain_ms = 8000,
                              .checkpoint_events = UINT64_MAX, .connections = 64, .keep_alerts_ms = INT64_MAX / 2, .keep_alert_bytes = UINT64_MAX, .keep_dead_bytes = UINT64_MAX};
    if (argc != 9 || strcmp(argv[1], "--rules") != 0 || strcmp(argv[3], "--data") != 0 || !listen_address_read(&options.listen, argv[6])) {
        fprintf(stderr, "usage: bench_unkept --rules FILE|DIR --data DIR --listen ADDR:PORT --log text\n");
        return APP_USAGE;
    }
    options.data_dir = argv[4];
    mkdir(options.data_dir, 0750);
    char users[4096];
    snprintf(users, sizeof users, "%s/tokens", options.data_dir);      /* there are none: everybody on this machine may do everything */
    options.access = web_access_open(users, 0);
    if (!options.access) return APP_TROUBLE;
    daemon_block_signals();
    int exit_code = rules_files_need(&rules, "bench_unkept", (const char **)&argv[2], 1);
    options.rules = &rules;
    if (exit_code == APP_FINE) exit_code = daemon_run(&options);
    rules_files_free(&rules);
    web_access_close(options.access);
    return exit_code;
}
