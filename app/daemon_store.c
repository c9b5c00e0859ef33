/*
 * daemon_store.c: the data folder of the daemon: what is in it at start, and the thread that writes it.
 */
#include "app/daemon_internal.h"

#include "app/command.h"
#include "store/dead_letters.h"

#include <errno.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int complain(const daemon_state *d, const char *reason)
{
    app_log_say(&d->options->log, LOG_ERROR, "data folder: %s", reason);
    return APP_TROUBLE;
}

int daemon_store_name(daemon_state *d)
{
    d->source_names = calloc((size_t)d->n_sources + 1, sizeof *d->source_names);
    d->sink_names = calloc((size_t)d->n_sinks + 1, sizeof *d->sink_names);
    if (!d->source_names || !d->sink_names) return complain(d, "no memory");
    for (uint32_t i = 0; i < d->n_sources; i++) d->source_names[i] = d->sources[i].name;
    for (uint32_t i = 0; i < d->n_sinks; i++) d->sink_names[i] = d->sinks[i].name;
    return APP_FINE;
}

/* The list of rule files for the journal. */
static void list_rules(daemon_state *d)
{
    const rule_set *boot = daemon_rules_boot(d->rules);
    for (size_t i = 0; i < boot->n_files; i++) {
        if (boot->files[i]->is_content) continue;
        egret_text_put(&d->rules_files, boot->files[i]->path, strlen(boot->files[i]->path) + 1);
        egret_text_put(&d->rules_files, boot->files[i]->hash, sizeof boot->files[i]->hash);
    }
}

/* What a checkpoint that was never finished has left. */
static int sweep_checkpoints(daemon_state *d)
{
    enum { KEYS = 20000 };
    int code = 0;
    for (uint64_t at = 0; at <= UINT32_MAX && code == 0;) {
        code = store_begin(d->store);
        if (code == 0) code = checkpoint_sweep(d->store, &at, KEYS, true);
        if (code == 0) code = store_commit(d->store);
        else store_abort(d->store);
    }
    return code;
}

int daemon_store_open(daemon_state *d)
{
    char reason[512];
    egret_text_init(&d->rules_files, egret_mem_of(NULL));
    d->store = store_open(&(store_options){.dir = d->options->data_dir}, reason, sizeof reason);
    if (!d->store) return complain(d, reason);
    dead_letters_keep(d->store, d->options->keep_dead_bytes);
    for (uint32_t i = 0; d->options->memory > 0 && i < d->options->shards; i++)
        if (!(d->cold[i] = cold_packs_open(d->options->data_dir, reason, sizeof reason))) return complain(d, reason);
    d->lookup = journal_lookup_new(d->store);
    if (!d->lookup) return complain(d, "no memory");
    int exit_code = daemon_rules_open(&d->rules, d->store, d->options->rules, &d->options->log);
    if (exit_code != APP_FINE) return exit_code;
    d->plan = daemon_rules_boot(d->rules)->plan;
    list_rules(d);
    int code = d->rules_files.failed ? ENOMEM : sweep_checkpoints(d);
    if (code != 0) return complain(d, store_text(code));
    journal_state now = journal_now(d->store);
    d->next_lsn = now.next_lsn;
    d->next_event = now.next_event;
    return APP_FINE;
}

/* The committer's thread: all ends. */
static void give_up(void *user)
{
    daemon_state *d = user;
    atomic_store(&d->failed, true);
    admission_close(d->queue);
}

int daemon_store_start(daemon_state *d)
{
    committer_options options = {.store = d->store, .sources = d->source_names, .sinks = d->sink_names,
                                 .n_sinks = d->n_sinks,
                                 .log = &d->options->log, .keep_ms = d->options->keep_ms, .keep_bytes = d->options->keep_bytes,
                                 .unkept = d->options->unkept, .bounds = d->bounds, .keep_alerts_ms = d->options->keep_alerts_ms,
                                 .keep_alert_bytes = d->options->keep_alert_bytes, .release = daemon_sinks_release, .given_up = give_up, .user = d,
                                 .no_thread = d->options->no_threads};
    d->committer = committer_start(&options);
    if (!d->committer) return complain(d, "no memory");
    committer_need(d->committer, d->checkpoint.base > 0 ? d->checkpoint.lsn : 0);
    if (d->recovery.warm_from != UINT64_MAX) committer_need_until(d->committer, d->recovery.warm_from, d->recovery.warm_until);
    return APP_FINE;
}

void daemon_store_close(daemon_state *d)
{
    committer_stop(d->committer);
    d->committer = NULL;
    journal_lookup_free(d->lookup);
    for (uint32_t i = 0; i < d->options->shards; i++) cold_packs_close(d->cold[i]);
    store_close(d->store);
    free(d->source_names);
    free(d->sink_names);
    egret_text_deinit(&d->rules_files);
}
