/*
 * cmd_run.c: `egret run`: the command line of the daemon, and the lock on its data folder.
 */
#include "app/command.h"
#include "app/daemon.h"
#include "app/data_folder.h"

#include "compiler/value.h"
#include "nfa/shards.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const app_option options[] = {
    {"rules", APP_MANY, "FILE|DIR", NULL, "the rules"},
    {"data", APP_ONE, "DIR", NULL, "folder for what must be kept; made when it is not there"},
    {"listen", APP_ONE, "ADDR:PORT", "127.0.0.1:8080", "where HTTP is served; port 0: any"},
    {"host", APP_MANY, "NAME", NULL, "names under which clients may ask for it; requests for others are refused"},
    {"tls-cert", APP_ONE, "FILE", NULL, "serve HTTPS with this certificate and its chain, PEM"},
    {"tls-key", APP_ONE, "FILE", NULL, "its key, PEM"},
    {"tls-client-ca", APP_ONE, "FILE", NULL, "clients must show a certificate of this authority, PEM"},
    {"rate", APP_ONE, "N", "200", "requests a second of one token, events aside; 0: any number"},
    {"request-time", APP_ONE, "DURATION", "60s", "longest time a request may take before its connection is cut"},
    {"connections", APP_ONE, "N", "512", "HTTP connections at once; further ones wait or are closed"},
    {"idle", APP_ONE, "DURATION", "2s", "silence after which a source holds the clock no more"},
    {"queue", APP_ONE, "N", "100000", "records that may wait for the engine before senders are told to wait"},
    {"keep", APP_ONE, "DURATION", "7d", "how long accepted events stay in the journal"},
    {"keep-bytes", APP_ONE, "SIZE", "20G", "how large the journal may grow: bytes, or with K, M, G or T"},
    {"keep-alerts", APP_ONE, "DURATION", "30d", "how long alerts stay in the history"},
    {"keep-alert-bytes", APP_ONE, "SIZE", "2G", "how large the history of alerts may grow"},
    {"keep-dead-bytes", APP_ONE, "SIZE", "1G", "how large the dead letters may grow; then the oldest go"},
    {"checkpoint", APP_ONE, "N", "1000000", "events after which the state is written to disk: so many a restart evaluates at most"},
    {"memory", APP_ONE, "SIZE", NULL, "memory for the state of keys; what does not fit goes to a file in DIR and comes back when needed (default: all stays)"},
    {"shards", APP_ONE, "N", "1", "engines that share the keys, one thread each; alerts are the same, and N may be another at the next start"},
    {"drain", APP_ONE, "DURATION", "8s", "at the end: longest time for alerts to leave"},
    {"log", APP_ONE, "FORMAT", "json", "lines on stderr: json or text"},
    {0},
};

static bool read_duration(const app_args *args, const char *name, int64_t *out)
{
    const char *text = app_args_one(args, name);
    if (egret_parse_duration(text, strlen(text), out) && *out >= 0) return true;
    app_usage(args, "--%s: '%s' is no duration such as 2s or 500ms", name, text);
    return false;
}

static bool read_options(const app_args *args, daemon_options *out)
{
    int64_t queue, checkpoint, rate, connections, shards;
    const char *log = app_args_one(args, "log"), *listen = app_args_one(args, "listen");
    if (!read_duration(args, "idle", &out->idle_ms) || !read_duration(args, "drain", &out->drain_ms)) return false;
    if (!read_duration(args, "request-time", &out->request_ms)) return false;
    if (!read_duration(args, "keep", &out->keep_ms) || !app_args_size(args, "keep-bytes", &out->keep_bytes)) return false;
    if (!read_duration(args, "keep-alerts", &out->keep_alerts_ms) || !app_args_size(args, "keep-alert-bytes", &out->keep_alert_bytes)) return false;
    if (!app_args_size(args, "keep-dead-bytes", &out->keep_dead_bytes)) return false;
    if (app_args_one(args, "memory") && !app_args_size(args, "memory", &out->memory)) return false;
    if (!app_args_int(args, "queue", 1, 100000000, &queue)) return false;
    if (!app_args_int(args, "checkpoint", 1, INT64_MAX, &checkpoint)) return false;
    if (!app_args_int(args, "rate", 0, 1000000, &rate) || !app_args_int(args, "connections", 1, 100000, &connections)) return false;
    if (!app_args_int(args, "shards", 1, NFA_MAX_SHARDS, &shards)) return false;
    out->shards = (uint32_t)shards;
    out->queue_records = (size_t)queue;
    out->rate = (unsigned)rate;
    out->connections = (unsigned)connections;
    out->checkpoint_events = (uint64_t)checkpoint;
    out->log.json = strcmp(log, "json") == 0;
    if (!out->log.json && strcmp(log, "text") != 0) {
        app_usage(args, "--log: json or text");
        return false;
    }
    if (!listen_address_read(&out->listen, listen)) {
        app_usage(args, "--listen: '%s' is no address with a port such as 127.0.0.1:8080", listen);
        return false;
    }
    app_args_many(args, "host", &out->hosts);
    return true;
}

/* A file as a text, or NULL; a message was printed. */
static char *read_text(const app_args *args, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    ssize_t n = file ? getdelim(&text, &size, '\0', file) : -1;
    if (n <= 0) {
        app_trouble(args, "%s: %s", path, file && n == 0 ? "empty" : strerror(errno));
        free(text);
        text = NULL;
    }
    if (file) fclose(file);
    return text;
}

static bool read_tls(const app_args *args, daemon_options *out)
{
    const char *certificate = app_args_one(args, "tls-cert"), *key = app_args_one(args, "tls-key"), *ca = app_args_one(args, "tls-client-ca");
    if (!certificate != !key || (ca && !certificate)) {
        app_usage(args, "--tls-cert and --tls-key go together, and --tls-client-ca needs both");
        return false;
    }
    if (certificate && !(out->tls_certificate = read_text(args, certificate))) return false;
    if (key && !(out->tls_key = read_text(args, key))) return false;
    return !ca || (out->tls_client_ca = read_text(args, ca)) != NULL;
}

static void free_tls(daemon_options *daemon)
{
    free(daemon->tls_certificate);
    free(daemon->tls_key);
    free(daemon->tls_client_ca);
}

/* Who may ask. Without a token everybody may do everything, so nobody but this machine may reach it. */
static int open_access(const app_args *args, daemon_options *daemon)
{
    char *path;
    if (asprintf(&path, "%s/tokens", daemon->data_dir) < 0) return APP_TROUBLE;
    daemon->access = web_access_open(path, daemon->rate);
    free(path);
    if (!daemon->access) return app_trouble(args, "no memory");
    if (daemon->listen.loopback || !web_access_is_open(daemon->access)) return APP_FINE;
    return app_usage(args, "--listen: %s can be reached from other machines, and there is no token yet, so everybody could do everything.\n"
                           "Make the first one: egret token create --data %s --role admin", app_args_one(args, "listen"), daemon->data_dir);
}

static int run_rules(const app_args *args, daemon_options *daemon)
{
    rules_files rules;
    const char **paths;
    size_t n = app_args_many(args, "rules", &paths);
    int exit_code = rules_files_need_kept(&rules, "run", paths, n, daemon->keep_ms);
    daemon->rules = &rules;
    int lock = exit_code == APP_FINE ? data_lock(args, daemon->data_dir) : -1;
    if (exit_code == APP_FINE) exit_code = lock < 0 ? APP_TROUBLE : open_access(args, daemon);
    if (exit_code == APP_FINE) exit_code = daemon_run(daemon);
    web_access_close(daemon->access);
    if (lock >= 0) close(lock);
    rules_files_free(&rules);
    return exit_code;
}

static int run(app_args *args)
{
    const char **paths;
    daemon_options daemon = {.data_dir = app_args_one(args, "data")};
    if (app_args_many(args, "rules", &paths) == 0) return app_usage(args, "--rules is needed");
    if (!daemon.data_dir) return app_usage(args, "--data is needed");
    if (!read_options(args, &daemon)) return APP_USAGE;
    daemon_block_signals();
    int exit_code = read_tls(args, &daemon) ? run_rules(args, &daemon) : APP_TROUBLE;
    free_tls(&daemon);
    return exit_code;
}

const app_command app_cmd_run = {
    .name = "run",
    .summary = "Runs the appliance: takes events, evaluates rules, sends alerts",
    .options = options,
    .notes = "Events come by POST /v1/events/STREAM and from the sources the rules declare; /livez, /readyz and /metrics tell how it is.\n"
             "Alerts go to the sinks that rules name, else to stdout, one line of JSON each. SIGTERM and SIGINT end it: what was accepted\n"
             "is evaluated and alerts are sent first. What was accepted (202) is in DIR whatever happens; the next start goes on from there.\n"
             "In DIR: store.mdb (the journal, the history of alerts, alerts on their way, dead letters; see egret journal and egret\n"
             "deadletters), tokens (see egret token), lock. While there is no token everybody on this machine may do everything, and no\n"
             "other machine may reach it.",
    .run = run,
};
