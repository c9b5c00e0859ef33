/*
 * replay.c: files through order and engine, alerts to a stream.
 *
 * Nothing here depends on a clock (but the seconds of the summary), so the same input gives the same bytes.
 */
#include "app/replay.h"

#include "alerting/alert_json.h"
#include "app/alert_writer.h"
#include "app/crew.h"
#include "app/large_memory.h"
#include "app/log.h"
#include "app/read_ahead.h"
#include "ingest/deadletter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum { FLUSH_BYTES = 256 * 1024, PROGRESS_MS = 300 };
/* Events in a batch, about: small enough that one is still in a cache when it is evaluated. Several shards meet after each, so it is worth more then. */
enum { BATCH_EVENTS = 256, SHARED_BATCH_EVENTS = 2048 };

typedef struct replay {
    const replay_options *options;
    replay_summary *summary;
    crew *crew;
    nfa_engine *routes_engine;      /* of the thread that reads ahead: for conditions of routes alone */
    ingest_replay *files;
    read_ahead *ahead;              /* gives batches; NULL: they are filled here, */
    ingest_events *batches[2];      /* these two in turn */
    uint64_t evaluated;
    ingest_letters *letters;
    alert_writer *writer;           /* NULL: alerts are written here. Else it alone uses what follows */
    json_writer out;
    alert_json_options json;
    egret_text record;              /* of the evidence being written */
    atomic_uint_fast64_t alerts;
    int64_t began_ms, told_ms;
    char *reason;
    size_t reason_size;
} replay;

static uint32_t batch_events(const replay *r)
{
    return r->options->shards > 1 ? SHARED_BATCH_EVENTS : BATCH_EVENTS;
}

static egret_status fail(replay *r, egret_status status, const char *what)
{
    const char *why = status == EGRET_IO ? strerror(errno) : egret_status_text(status);
    if (r->reason[0] == '\0') snprintf(r->reason, r->reason_size, "%s: %s", what, why);
    return status;
}

/* ---- alerts ---- */

static bool find_record(void *user, uint64_t ref, const char **ptr, size_t *len)
{
    replay *r = user;
    r->record.len = 0;
    if (ingest_replay_text(r->files, ref, &r->record) != EGRET_OK || r->record.failed) return false;
    *ptr = r->record.ptr;
    *len = r->record.len;
    return true;
}

/* errno says why it is EGRET_IO. */
static egret_status flush_out(replay *r)
{
    if (r->out.len == 0 && !r->out.failed) return EGRET_OK;
    bool memory = !r->out.failed;
    bool fine = memory && fwrite(r->out.ptr, 1, r->out.len, r->options->out) == r->out.len;
    jsonw_reset(&r->out);
    return fine ? EGRET_OK : memory ? EGRET_IO : EGRET_NO_MEMORY;
}

static egret_status write_alert(void *user, const nfa_alert *alert)
{
    replay *r = user;
    alert_json_write(&r->out, r->options->plan, alert, &r->json);
    alert_json_newline(&r->out);
    atomic_fetch_add(&r->alerts, 1);
    return r->out.len >= FLUSH_BYTES || r->out.failed ? flush_out(r) : EGRET_OK;
}

static egret_status take_alerts(replay *r)
{
    egret_status status = r->writer ? alert_writer_take(r->writer, crew_shards(r->crew)) : EGRET_OK;
    const nfa_alert *alert;
    while (!r->writer && status == EGRET_OK && (alert = nfa_shards_take(crew_shards(r->crew))) != NULL) status = write_alert(r, alert);
    return status == EGRET_OK ? EGRET_OK : fail(r, status, "output");
}

/* ---- records ---- */

static void put_letter(void *user, uint32_t file, const ingest_record *record, const char *kind, const char *text)
{
    replay *r = user;
    ingest_letter letter = {.source = r->options->files[file].path, .line = record->line, .offset = record->offset, .kind = kind,
                            .reason = text, .record = record->raw, .record_len = record->raw_len};
    if (record->stream != PLAN_NONE) letter.stream = r->options->plan->streams[record->stream].name;
    ingest_letters_put(r->letters, &letter);
}

/* All that was read and not only what was evaluated; nobody may be reading. */
static void sum_up(replay *r)
{
    ingest_stats stats = {0};
    replay_summary *summary = r->summary;
    if (r->files) ingest_replay_stats(r->files, &stats);
    summary->events = stats.accepted + stats.late + stats.duplicates;
    summary->late = stats.late;
    summary->duplicates = stats.duplicates;
    summary->rejected = ingest_stats_rejected(&stats);
    summary->unrouted = stats.unrouted;
    if (r->crew) summary->matches = nfa_shards_stats(crew_shards(r->crew)).matches;
    if (r->letters && r->options->dead_letters) summary->letters_unwritten = ingest_letters_unwritten(r->letters);
    summary->alerts = atomic_load(&r->alerts);
    summary->seconds = (double)(app_monotonic_ms() - r->began_ms) / 1000.0;
}

static void tell_progress(replay *r)
{
    if (!r->options->progress || app_monotonic_ms() - r->told_ms < PROGRESS_MS) return;
    r->told_ms = app_monotonic_ms();
    double seconds = (double)(r->told_ms - r->began_ms) / 1000.0;
    fprintf(stderr, "\r%" PRIu64 " events, %" PRIu64 " alerts, %.0f events/s\033[K", r->evaluated, (uint64_t)atomic_load(&r->alerts),
            seconds > 0 ? (double)r->evaluated / seconds : 0.0);
}

/* ---- events ---- */

/* The batch that follows; NULL after the last one. */
static ingest_events *next_batch(replay *r, const ingest_events *before)
{
    if (before && before->last) return NULL;
    if (r->ahead) return read_ahead_take(r->ahead);
    ingest_events *events = r->batches[before == r->batches[0]];
    ingest_replay_fill(r->files, events, batch_events(r));
    return events;
}

static egret_status evaluate(replay *r, const ingest_events *events, const ingest_events *next, bool first)
{
    crew_work work = {.events = events->list, .n = events->n, .next = next ? next->list : NULL, .n_next = next ? next->n : 0, .first = first};
    egret_status status = crew_do(r->crew, &work);
    if (status == EGRET_OK) status = take_alerts(r);
    r->evaluated += events->n;
    return status == EGRET_OK ? EGRET_OK : fail(r, status, "evaluation");
}

/* ---- the whole ---- */

/* A thread that reads and one that writes, or what takes their place. */
static egret_status open_batches(replay *r)
{
    egret_status status = EGRET_OK;
    bool threads = r->options->threads > 1 && ingest_replay_rereads(r->files);
    if (threads) status = read_ahead_start(r->files, batch_events(r), &r->ahead);
    if (r->ahead) status = alert_writer_start(app_large_memory(), write_alert, r, &r->writer);
    if (status == EGRET_NO_MEMORY || r->ahead) return status == EGRET_NO_MEMORY ? status : EGRET_OK;
    for (int i = 0; i < 2; i++)
        if (!(r->batches[i] = ingest_events_new())) return EGRET_NO_MEMORY;
    return EGRET_OK;
}

static egret_status open_all(replay *r)
{
    const replay_options *options = r->options;
    uint32_t failed = 0;
    egret_status status = crew_start(options->plan, options->shards, true, &r->crew);
    if (status == EGRET_OK && options->memory > 0) status = crew_limit(r->crew, options->memory, options->cold_dir, r->reason, r->reason_size);
    if (status != EGRET_OK) return fail(r, status, "start");
    if (options->threads > 1) r->routes_engine = nfa_engine_new(egret_mem_of(NULL), options->plan);
    if (options->threads > 1 && !r->routes_engine) return fail(r, EGRET_NO_MEMORY, "start");
    status = ingest_letters_open(options->dead_letters, 0, &r->letters);
    if (status != EGRET_OK) return fail(r, status, options->dead_letters ? options->dead_letters : "dead letters");
    ingest_replay_options reading = {.plan = options->plan, .engine = r->routes_engine ? r->routes_engine : nfa_shards_engine(crew_shards(r->crew), 0), .files = options->files,
                                     .n_files = options->n_files, .refuse = put_letter, .user = r, .keep_texts = options->evidence};
    status = ingest_replay_open(&reading, &r->files, &failed);
    if (status != EGRET_OK) return fail(r, status, failed < options->n_files ? options->files[failed].path : "start");
    status = open_batches(r);
    return status == EGRET_OK ? EGRET_OK : fail(r, status, "start");
}

static egret_status read_all(replay *r)
{
    egret_status status = EGRET_OK;
    bool first = true, last = false;
    ingest_events *events = next_batch(r, NULL);
    while (status == EGRET_OK && !last) {
        ingest_events *next = next_batch(r, events);
        status = evaluate(r, events, next, first);
        first = false;
        last = events->last;
        if (status == EGRET_OK && events->status != EGRET_OK) {
            errno = events->why;
            status = fail(r, events->status, "reading");
        }
        if (r->ahead) read_ahead_give(r->ahead, events);
        events = next;
        tell_progress(r);
    }
    if (events && r->ahead) read_ahead_give(r->ahead, events);
    return status;
}

static egret_status finish(replay *r)
{
    crew_work work = {.finishes = true, .time_ms = r->options->has_until ? r->options->until_ms : INT64_MAX};
    egret_status status = crew_do(r->crew, &work);
    return status == EGRET_OK ? take_alerts(r) : fail(r, status, "evaluation");
}

/* What came before a trouble is shown. */
static egret_status stop_writing(replay *r)
{
    egret_status status = alert_writer_stop(r->writer);
    r->writer = NULL;
    if (status == EGRET_OK) status = flush_out(r);
    return status == EGRET_OK ? EGRET_OK : fail(r, status, "output");
}

/* Nothing is read after this. */
static void stop_reading(replay *r)
{
    read_ahead_stop(r->ahead);
    r->ahead = NULL;
}

static void close_all(replay *r)
{
    ingest_replay_close(r->files);
    for (int i = 0; i < 2; i++) ingest_events_free(r->batches[i]);
    crew_stop(r->crew);
    nfa_engine_free(r->routes_engine);
    ingest_letters_close(r->letters);
    egret_text_deinit(&r->record);
    jsonw_deinit(&r->out);
}

egret_status replay_run(const replay_options *options, replay_summary *summary, char *reason, size_t reason_size)
{
    replay r = {.options = options, .summary = summary, .reason = reason, .reason_size = reason_size};
    *summary = (replay_summary){0};
    reason[0] = '\0';
    r.began_ms = r.told_ms = app_monotonic_ms();
    r.json = (alert_json_options){.evidence = options->evidence, .record = find_record, .record_user = &r};
    jsonw_init(&r.out);
    egret_text_init(&r.record, egret_mem_of(NULL));
    egret_status status = open_all(&r);
    if (status == EGRET_OK) status = read_all(&r);
    stop_reading(&r);
    if (status == EGRET_OK) status = finish(&r);
    egret_status written = stop_writing(&r);
    if (status == EGRET_OK) status = written;
    sum_up(&r);
    if (r.told_ms != r.began_ms) fputs("\r\033[K", stderr);
    close_all(&r);
    return status;
}
