/*
 * daemon_sources.c: files and standard input as sources of the daemon: one thread for each, which reads, decodes and waits for room in the
 * admission queue. HTTP is source 0 and is not read here: its bodies come by themselves.
 *
 * A file is read on from the place that stands in the store, which was written in the same commit as the events before it: so none is lost and none
 * comes twice. It is looked for under its name and under those that a rotation gives (ingest/file_chain.h), by device, inode and first bytes; one
 * that is nowhere is said, and what stands under the name is read from its beginning. Its
 * first record (the header of CSV, the layout of JSON) is looked at in any case.
 *
 * A followed file is looked at again after a pause; the pause is a timed wait that stopping cuts short. Standard input is waited for with
 * poll and the same pause, so that a silent pipe does not keep the daemon from ending.
 */
#include "app/daemon_internal.h"

#include "app/command.h"
#include "app/decoded.h"
#include "ingest/decode.h"
#include "ingest/feed.h"
#include "ingest/source.h"
#include "ingest/source_list.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MS = 100, BATCH_RECORDS = 1000, MAX_HTTP_BODY = 1000000000 };

struct daemon_reader {
    daemon_state *daemon;
    const plan_edge *edge;
    char *name;                     /* owned */
    uint32_t number;                /* of the source */
    const ingest_source_kind *kind;
    char *path;                     /* owned; NULL: standard input */
    bool follow;
    ingest_format format;
    ingest_source *source;
    ingest_decoder *decoder;
    uint64_t fed_at;                /* offset of what was fed to the decoder */
    uint64_t line;                  /* of the record decoded last */
    bool has_identity;
    ingest_file_identity identity;  /* of the file that is read */
    nfa_engine *routes;             /* evaluates conditions of routes, and nothing else: the real one belongs to another thread */
    pthread_t thread;
    bool has_thread;
};

/* ---- declarations ---- */

/* A relative name starts at the rule file, as those of lists do. */
static char *resolve_path(const daemon_state *d, const plan_edge *edge, const char *path)
{
    char *full = NULL;
    const char *file = edge->span.source < d->options->rules->diags.n_sources ? d->options->rules->diags.sources[edge->span.source].name : "";
    const char *slash = strrchr(file, '/');
    int folder = slash && path[0] != '/' ? (int)(slash - file) + 1 : 0;
    return asprintf(&full, "%.*s%s", folder, file, path) < 0 ? NULL : full;
}

static int refuse(const daemon_state *d, const plan_edge *edge, const char *why)
{
    app_log_say(&d->options->log, LOG_ERROR, "source %.*s: %s", (int)edge->name.len, edge->name.ptr, why);
    return APP_DIAGNOSTICS;
}

/* What the settings say of a file or of standard input. */
static int read_options(daemon_state *d, daemon_reader *reader, const edge_settings *settings)
{
    char reason[512];
    bool is_stdin = egret_str_is(reader->edge->kind, "stdin");
    reader->kind = is_stdin ? &ingest_source_stdin : &ingest_source_file;
    if (!is_stdin) {
        const char *path = settings->texts[INGEST_FILE_PATH];
        if (!path[0]) return refuse(d, reader->edge, "option 'path' is empty");
        reader->path = resolve_path(d, reader->edge, path);
        if (!reader->path) return refuse(d, reader->edge, "no memory");
        reader->follow = settings->values[INGEST_FILE_FOLLOW].u.i != 0;
    }
    ingest_format then = is_stdin ? INGEST_FORMAT_JSON : ingest_format_of_path(reader->path);
    return ingest_source_format(settings, reader->edge, then, &reader->format, reason, sizeof reason) ? APP_FINE : refuse(d, reader->edge, reason);
}

static ingest_decoder *new_decoder(const daemon_reader *reader)
{
    ingest_decoder_options options = {.plan = reader->daemon->plan, .stream = PLAN_NONE, .source = reader->edge, .engine = reader->routes,
                                      .format = reader->format};
    return ingest_decoder_new(&options);
}

/* The decoder sees the first record of the file, and then what follows from `place` on. */
static egret_status skip_to(daemon_reader *reader, const store_place *place)
{
    ingest_batch batch;
    ingest_record record;
    egret_status status = reader->kind->next(reader->source, 0, NULL, &batch);
    if (status != EGRET_OK) return status;
    ingest_decoder_feed(reader->decoder, batch.ptr, batch.len, batch.readable, batch.final);
    (void)ingest_decoder_next(reader->decoder, &record);
    status = reader->kind->seek(reader->source, place->offset);
    if (status != EGRET_OK) return status;
    reader->line = place->line;
    ingest_decoder_seek(reader->decoder, place->offset, place->line);
    return EGRET_OK;
}

static void look_at_identity(daemon_reader *reader)
{
    reader->has_identity = reader->kind->identity(reader->source, &reader->identity);
}

/* Goes on where the last commit left the file, which may have another name by now. */
static egret_status resume(daemon_reader *reader)
{
    store_place place;
    const daemon_state *d = reader->daemon;
    look_at_identity(reader);
    if (!reader->has_identity && reader->path)
        app_log_say(&d->options->log, LOG_INFO, "source %s: %s is not there yet, or is no regular file", reader->name, reader->path);
    if (!reader->path || !store_place_get(d->store, reader->name, &place) || place.offset == 0) return EGRET_OK;
    ingest_file_identity file = {.device = place.device, .inode = place.inode, .head = place.head, .head_len = place.head_len};
    if (reader->kind->find(reader->source, &file, place.offset)) {
        egret_status status = skip_to(reader, &place);
        look_at_identity(reader);       /* now: of a packed file the first bytes are known when it has been read */
        return status;
    }
    app_log_say(&d->options->log, LOG_WARNING,
                "source %s: the file that %s was is nowhere beside it, or was cut; what stands there is read from its beginning", reader->name, reader->path);
    return EGRET_OK;
}

static int open_reader(daemon_state *d, daemon_reader *reader)
{
    reader->routes = nfa_engine_new(egret_mem_of(NULL), d->plan);
    if (reader->routes) reader->decoder = new_decoder(reader);
    egret_status status = reader->decoder ? reader->kind->open(reader->path, reader->follow, &reader->source) : EGRET_NO_MEMORY;
    if (status == EGRET_OK) status = resume(reader);
    if (status == EGRET_OK) return APP_FINE;
    app_log_say(&d->options->log, LOG_ERROR, "source %.*s: %s: %s", (int)reader->edge->name.len, reader->edge->name.ptr,
                reader->path ? reader->path : "standard input", status == EGRET_IO ? strerror(errno) : egret_status_text(status));
    return APP_TROUBLE;
}

/* An HTTP source names streams, which all may be posted to anyway; its own name may be posted to as well (web/endpoint_events.c). */
static int read_http(daemon_state *d, const plan_edge *edge, const edge_settings *settings)
{
    egret_value max_body = settings->values[INGEST_HTTP_MAX_BODY];
    if (max_body.type == EGRET_NULL) return APP_FINE;
    if (max_body.u.i < 1 || max_body.u.i > MAX_HTTP_BODY) return refuse(d, edge, "option 'max_body' goes from 1 to 1000000000 bytes");
    if ((size_t)max_body.u.i > d->max_body_bytes) d->max_body_bytes = (size_t)max_body.u.i;
    return APP_FINE;
}

/* A source that is read as bytes, or handed in. */
static int add_reader(daemon_state *d, const plan_edge *edge, daemon_reader *reader)
{
    char reason[512];
    edge_settings settings;
    int exit_code = ingest_source_settings_read(&settings, edge, reason, sizeof reason) ? APP_FINE : refuse(d, edge, reason);
    if (exit_code == APP_FINE) exit_code = reader ? read_options(d, reader, &settings) : read_http(d, edge, &settings);
    edge_settings_deinit(&settings);
    return exit_code == APP_FINE && reader ? open_reader(d, reader) : exit_code;
}

static int add_source(daemon_state *d, const plan_edge *edge)
{
    if (egret_str_is(edge->kind, "http")) return add_reader(d, edge, NULL);
    if (!evaluation_source_counts(edge))
        return refuse(d, edge, "sources of this kind are not available in this version");
    uint32_t number = d->n_sources;
    daemon_reader *reader = &d->readers[number - 1];
    *reader = (daemon_reader){.daemon = d, .edge = edge, .number = number, .name = strndup(edge->name.ptr, edge->name.len)};
    if (!reader->name) return refuse(d, edge, "no memory");
    d->sources[number] = evaluation_source_of(d->plan, edge, reader->name);
    d->n_sources++;
    return ingest_feed_kind_find(edge->kind) ? daemon_feed_open(d, edge, number, reader->name) : add_reader(d, edge, reader);
}

int daemon_sources_name(daemon_state *d)
{
    d->sources = calloc((size_t)d->plan->n_sources + 1, sizeof *d->sources);
    d->readers = calloc((size_t)d->plan->n_sources + 1, sizeof *d->readers);
    d->feeds = calloc((size_t)d->plan->n_sources + 1, sizeof *d->feeds);
    d->watermarks = calloc((size_t)d->plan->n_sources + 1, sizeof *d->watermarks);
    d->drifts = calloc((size_t)d->plan->n_sources + 1, sizeof(ingest_drift *));
    if (!d->sources || !d->readers || !d->feeds || !d->watermarks || !d->drifts) return daemon_no_memory(d);
    for (uint32_t i = 0; i <= d->plan->n_sources; i++)
        if (!(d->drifts[i] = ingest_drift_new(d->plan))) return daemon_no_memory(d);
    d->sources[DAEMON_HTTP_SOURCE] = evaluation_source_of(d->plan, NULL, "http");
    d->n_sources = 1;
    for (uint32_t i = 0; i < d->plan->n_sources; i++) {
        int exit_code = add_source(d, &d->plan->sources[i]);
        if (exit_code != APP_FINE) return exit_code;
    }
    return APP_FINE;
}

/* ---- reading ---- */

/* Hands a batch on; false: stop. An empty one only says that the source has ended. */
static bool hand_on(daemon_reader *reader, admission_batch **batch, bool ends)
{
    daemon_state *d = reader->daemon;
    if (!*batch && ends) *batch = admission_batch_new(reader->number);
    if (!*batch) return !ends;
    (*batch)->arrival_ms = app_wall_ms(NULL);
    (*batch)->ends_source = ends;
    (*batch)->has_place = reader->has_identity;
    (*batch)->place = (store_place){reader->identity.device, reader->identity.inode, reader->fed_at + ingest_decoder_taken(reader->decoder),
                                    reader->line, reader->identity.head, reader->identity.head_len};
    bool taken = admission_put_wait(d->queue, *batch) == ADMISSION_TAKEN;
    if (!taken) admission_batch_free(*batch);
    *batch = NULL;
    return taken;
}

static bool add_record(daemon_reader *reader, admission_batch **batch, const ingest_record *record)
{
    if (!*batch) *batch = admission_batch_new(reader->number);
    return *batch && decoded_add(reader->decoder, reader->format, reader->daemon->plan, reader->daemon->drifts[reader->number], *batch, record);
}

/* Decodes what was fed and hands it on in batches. */
static bool decode_all(daemon_reader *reader)
{
    admission_batch *batch = NULL;
    ingest_record record;
    bool fine = true;
    uint64_t unrouted = ingest_decoder_stats(reader->decoder)->unrouted;
    while (fine) {
        ingest_got got = ingest_decoder_next(reader->decoder, &record);
        if (got != INGEST_GOT_RECORD && got != INGEST_GOT_REJECTED) {
            fine = got != INGEST_GOT_NO_MEMORY;
            break;
        }
        reader->line = record.line;
        fine = add_record(reader, &batch, &record);
        if (fine && batch->n >= BATCH_RECORDS) fine = hand_on(reader, &batch, false);
    }
    unrouted = ingest_decoder_stats(reader->decoder)->unrouted - unrouted;
    if (unrouted > 0 && !batch) batch = admission_batch_new(reader->number);
    if (batch) batch->unrouted = unrouted;
    fine = hand_on(reader, &batch, false) && fine;
    return fine;
}

/* Waits for standard input or for the next look at a file. False: stopping. */
static bool wait_a_moment(const daemon_reader *reader, bool for_input)
{
    daemon_state *d = reader->daemon;
    while (!atomic_load(&d->stopping)) {
        struct pollfd input = {for_input ? STDIN_FILENO : -1, POLLIN, 0};
        int n = poll(&input, 1, PAUSE_MS);
        if (!for_input || n > 0) return true;
        if (n < 0 && errno != EINTR) return true;
    }
    return false;
}

/* What a batch says of the file besides its bytes. */
static void take_news(daemon_reader *reader, const ingest_batch *batch)
{
    if (batch->gap)
        app_log_say(&reader->daemon->options->log, LOG_WARNING, "source %s: a file was cut before it was read to its end; what was not read is lost",
                    reader->name);
    if (batch->restarted) {
        ingest_decoder_reset(reader->decoder);
        reader->line = 0;
    }
    if (batch->fresh > 0 && (batch->restarted || !reader->has_identity || reader->identity.head_len < INGEST_FILE_HEAD)) look_at_identity(reader);
}

static bool read_some(daemon_reader *reader, bool *final)
{
    ingest_batch batch;
    bool is_stdin = reader->kind == &ingest_source_stdin;
    if (is_stdin && !wait_a_moment(reader, true)) return false;
    size_t taken = ingest_decoder_taken(reader->decoder);
    egret_status status = reader->kind->next(reader->source, taken, NULL, &batch);
    if (status != EGRET_OK) {
        app_log_say(&reader->daemon->options->log, LOG_ERROR, "source %s stops: %s", reader->daemon->sources[reader->number].name,
                    status != EGRET_IO ? egret_status_text(status) : errno == EBADMSG ? "its packed bytes are damaged, or end early" : strerror(errno));
        *final = true;
        return true;
    }
    take_news(reader, &batch);
    reader->fed_at = batch.offset;
    ingest_decoder_feed(reader->decoder, batch.ptr, batch.len, batch.readable, batch.final || batch.ends_file);
    *final = batch.final;
    if (!decode_all(reader)) return false;
    return batch.final || batch.ends_file || batch.fresh > 0 || is_stdin || wait_a_moment(reader, false);
}

static void *work(void *user)
{
    daemon_reader *reader = user;
    admission_batch *none = NULL;
    bool final = false;
    while (!final && !atomic_load(&reader->daemon->stopping))
        if (!read_some(reader, &final)) return NULL;
    if (final) hand_on(reader, &none, true);
    return NULL;
}

/* ---- life ---- */

int daemon_sources_start(daemon_state *d)
{
    for (uint32_t i = 1; i < d->n_sources; i++) {
        daemon_reader *reader = &d->readers[i - 1];
        reader->has_thread = !d->feeds[i - 1] && pthread_create(&reader->thread, NULL, work, reader) == 0;
        if (d->feeds[i - 1] ? daemon_feed_start(d->feeds[i - 1]) : reader->has_thread) continue;
        app_log_say(&d->options->log, LOG_ERROR, "source %s: no thread", d->sources[i].name);
        return APP_TROUBLE;
    }
    return APP_FINE;
}

void daemon_sources_stop(daemon_state *d)
{
    for (uint32_t i = 1; i < d->n_sources; i++) {
        daemon_reader *reader = &d->readers[i - 1];
        daemon_feed_stop(d->feeds[i - 1]);
        if (reader->has_thread) pthread_join(reader->thread, NULL);
        reader->has_thread = false;
    }
}

void daemon_sources_free(daemon_state *d)
{
    for (uint32_t i = 1; i < d->n_sources; i++) {
        daemon_reader *reader = &d->readers[i - 1];
        daemon_feed_free(d->feeds[i - 1]);
        ingest_decoder_free(reader->decoder);
        nfa_engine_free(reader->routes);
        if (reader->kind) reader->kind->close(reader->source);
        free(reader->path);
        free(reader->name);
    }
    for (uint32_t i = 0; d->drifts && i <= d->plan->n_sources; i++) ingest_drift_free(d->drifts[i]);
    free(d->drifts);
    free(d->readers);
    free(d->feeds);
    free(d->watermarks);
    free(d->sources);
}
