/*
 * daemon.c: the daemon's life: start in the order sinks, store, engine, HTTP, sources; wait for a signal; end in the opposite order.
 *
 * HTTP and sources begin when the engine has evaluated the journal again.
 *
 * Ending: no new connections and no new records; what was admitted is evaluated and committed; then the outboxes get their time. What is held
 * back for order stands in the journal and goes on waiting in the next run; what is not delivered is in the store. A request that is
 * being answered is answered.
 */
#include "app/daemon.h"

#include "app/command.h"
#include "app/daemon_backtests.h"
#include "app/daemon_internal.h"
#include "app/spare_memory.h"
#include "web/server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fill_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void daemon_block_signals(void)
{
    sigset_t set;
    fill_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* One look at what has been signalled; waits a moment for it. 0: nothing that ends us. */
static int look_for_signal(const daemon_state *d, const struct timespec *moment)
{
    sigset_t set;
    fill_signals(&set);
    int number = sigtimedwait(&set, NULL, moment);
    if (number != SIGHUP) return number > 0 ? number : 0;
    app_log_say(&d->options->log, LOG_INFO, "SIGHUP: rules are read at start only; nothing is done");
    return 0;
}

/* Waits until the engine has evaluated the journal; gives the number of a signal that says to end before. */
static int wait_for_recovery(daemon_state *d)
{
    static const struct timespec moment = {.tv_nsec = 5000000};
    while (!atomic_load(&d->recovered)) {
        int number = look_for_signal(d, &moment);
        if (number > 0) return number;
    }
    return 0;
}

/* Waits for the signal to end; gives its number. */
static int wait_for_signal(daemon_state *d, web_server *server)
{
    static const struct timespec second = {.tv_sec = 1};
    spare_memory spare = {0};
    for (;;) {
        int number = look_for_signal(d, &second);
        pace_times now = pace_now();
        web_server_tick(server);
        (void)spare_memory_tick(&spare, &now);
        if (atomic_load(&d->failed)) return 0;
        if (number > 0) return number;
    }
}

static int complain(const daemon_state *d, const char *what, egret_status status)
{
    app_log_say(&d->options->log, LOG_ERROR, "%s: %s", what, status == EGRET_IO ? strerror(errno) : egret_status_text(status));
    return APP_TROUBLE;
}

int daemon_no_memory(const daemon_state *d)
{
    return complain(d, "start", EGRET_NO_MEMORY);
}

/* A record that was not taken, in the epoch that is being evaluated. */
static bool take_letter(void *user, const ingest_letter *letter)
{
    const daemon_state *d = user;
    return d->epoch && epoch_letter_add(d->epoch, letter);
}

static int open_letters(daemon_state *d)
{
    egret_status status = ingest_letters_open_to(take_letter, d, &d->letters);
    return status == EGRET_OK ? APP_FINE : complain(d, "dead letters", status);
}

static int open_audit(daemon_state *d)
{
    d->backend.audit = web_audit_open(d->options->data_dir);
    return d->backend.audit ? APP_FINE : complain(d, "audit.ndjson", EGRET_IO);
}

int daemon_open_inside(daemon_state *d)
{
    d->queue = admission_new(d->options->queue_records, DAEMON_QUEUE_BYTES);
    if (!d->queue) return daemon_no_memory(d);
    int exit_code = open_letters(d);
    if (exit_code == APP_FINE) exit_code = daemon_store_open(d);
    if (exit_code == APP_FINE) exit_code = daemon_sources_name(d);
    if (exit_code == APP_FINE) exit_code = daemon_sinks_open(d);
    if (exit_code == APP_FINE) exit_code = daemon_store_name(d);
    if (exit_code == APP_FINE) exit_code = open_audit(d);
    if (exit_code == APP_FINE && !daemon_web_init(d)) exit_code = daemon_no_memory(d);
    return exit_code;
}

static void fill_web_options(const daemon_state *d, web_endpoints *endpoints, web_server_options *options)
{
    const daemon_options *from = d->options;
    web_server_defaults(options);
    options->address = from->listen.host;
    options->port = from->listen.port;
    options->tables = web_routes;
    options->app = endpoints;
    options->access = from->access;
    options->local_only = from->listen.loopback;
    options->hosts = from->hosts && from->hosts[0] ? from->hosts : NULL;
    options->tls_certificate = from->tls_certificate;
    options->tls_key = from->tls_key;
    options->tls_client_ca = from->tls_client_ca;
    options->max_connections = from->connections;
    options->request_deadline_ms = from->request_ms;
}

/* Who may ask, for people to see. */
static void tell_access(const daemon_state *d)
{
    const daemon_options *options = d->options;
    if (web_access_is_open(options->access))
        app_log_say(&options->log, LOG_INFO, "no token was made yet: everybody on this machine may do everything, no other machine may reach it; "
                    "'egret token create' changes both");
    else if (!options->listen.loopback && !options->tls_certificate)
        app_log_say(&options->log, LOG_WARNING, "tokens come in the clear: without --tls-cert something before this address must speak TLS");
}

static web_server *open_web(daemon_state *d, web_endpoints *endpoints)
{
    char reason[256];
    web_server_options options;
    fill_web_options(d, endpoints, &options);
    if (d->max_body_bytes > 0) options.max_body_bytes = d->max_body_bytes;
    if (options.max_total_body_bytes < 2 * options.max_body_bytes) options.max_total_body_bytes = 2 * options.max_body_bytes;
    web_server *server = endpoints ? web_server_open(&options, reason, sizeof reason) : NULL;
    if (!server) {
        app_log_say(&d->options->log, LOG_ERROR, "HTTP: %s", endpoints ? reason : "no memory");
        return NULL;
    }
    tell_access(d);
    web_endpoints_of(endpoints, server);
    /* For people and scripts alike, whatever the format of the log. */
    bool ipv6 = d->options->listen.ipv6;
    fprintf(stderr, "listening on http%s://%s%s%s:%u\n", options.tls_certificate ? "s" : "", ipv6 ? "[" : "", options.address, ipv6 ? "]" : "", web_server_port(server));
    return server;
}

/* The journal has been evaluated: takes events until a signal. */
static int take_events(daemon_state *d, web_endpoints *endpoints, web_server **server)
{
    if (atomic_load(&d->failed)) return APP_TROUBLE;
    if (!daemon_backtests_open(d)) return complain(d, "start", EGRET_NO_MEMORY);
    *server = open_web(d, endpoints);
    daemon_web_serve(d, *server);
    int exit_code = *server ? daemon_sources_start(d) : APP_TROUBLE;
    if (exit_code == APP_FINE && !daemon_returns_start(d)) exit_code = complain(d, "dead letters", EGRET_NO_MEMORY);
    if (exit_code != APP_FINE) return exit_code;
    int number = wait_for_signal(d, *server);
    app_log_say(&d->options->log, LOG_INFO, "stopping: %s", number > 0 ? strsignal(number) : "the engine has stopped");
    return APP_FINE;
}

/* Everything is open: runs until a signal. */
static int serve(daemon_state *d)
{
    web_endpoints *endpoints = web_endpoints_new(&d->backend);
    int exit_code = daemon_engine_start(d);
    web_server *server = NULL;
    if (exit_code == APP_FINE && wait_for_recovery(d) == 0) exit_code = take_events(d, endpoints, &server);
    atomic_store(&d->stopping, true);
    if (server) web_server_quiesce(server);
    admission_close(d->queue);
    daemon_sources_stop(d);
    daemon_returns_stop(d);
    daemon_engine_join(d);
    admission_discard(d->queue);
    if (d->committer) committer_flush(d->committer);
    daemon_web_serve(d, NULL);
    daemon_backtests_close(d);
    web_server_close(server);
    web_endpoints_free(endpoints);
    return atomic_load(&d->failed) ? APP_TROUBLE : exit_code;
}

void daemon_close_inside(daemon_state *d)
{
    web_audit_close(d->backend.audit);
    daemon_web_deinit(d);
    daemon_sinks_close(d);
    daemon_store_close(d);
    daemon_sources_free(d);
    ingest_letters_close(d->letters);
    admission_free(d->queue);
    relayout_free(d->intake);
    daemon_rules_close(d->rules);    /* sources, sinks and batches look at its plan */
}

int daemon_run(const daemon_options *options)
{
    spare_memory_begin();
    daemon_state *d = calloc(1, sizeof *d);
    if (!d) {
        app_log_say(&options->log, LOG_ERROR, "start: no memory");
        return APP_TROUBLE;
    }
    d->options = options;
    d->start_ms = app_wall_ms(NULL);
    int exit_code = daemon_open_inside(d);
    if (exit_code == APP_FINE) exit_code = serve(d);
    daemon_close_inside(d);
    free(d);
    if (exit_code == APP_FINE) app_log_say(&options->log, LOG_INFO, "stopped");
    return exit_code;
}
