/*
 * replay.c: files through order and engine, alerts to a stream.
 *
 * Nothing here depends on a clock (but the seconds of the summary), so the same input gives the same bytes.
 */
#include "app/replay.h"

#include "alerting/alert_json.h"
#include "app/log.h"
#include "app/read_ahead.h"
#include "ingest/deadletter.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { RECORDS_AT_ONCE = 8192, FLUSH_BYTES = 256 * 1024, PROGRESS_MS = 300 };

typedef struct replay {
    const replay_options *options;
    replay_summary *summary;
    nfa_engine *engine;
    nfa_engine *ahead_engine;       /* of the thread that reads ahead: for conditions of routes alone */
    ingest_replay *files;
    read_ahead *ahead;
    ingest_letters *letters;
    json_writer out;
    alert_json_options json;
    egret_text record;              /* of the evidence being written */
    int64_t began_ms, told_ms;
    char *reason;
    size_t reason_size;
} replay;

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

static egret_status flush_out(replay *r)
{
    if (r->out.len == 0 && !r->out.failed) return EGRET_OK;
    bool memory = !r->out.failed;
    bool fine = memory && fwrite(r->out.ptr, 1, r->out.len, r->options->out) == r->out.len;
    jsonw_reset(&r->out);
    return fine ? EGRET_OK : fail(r, memory ? EGRET_IO : EGRET_NO_MEMORY, "output");
}

static egret_status take_alerts(replay *r)
{
    const nfa_alert *alert;
    while ((alert = nfa_engine_take(r->engine)) != NULL) {
        alert_json_write(&r->out, r->options->plan, alert, &r->json);
        alert_json_newline(&r->out);
        r->summary->alerts++;
        egret_status status = r->out.len >= FLUSH_BYTES || r->out.failed ? flush_out(r) : EGRET_OK;
        if (status != EGRET_OK) return status;
    }
    return EGRET_OK;
}

static egret_status release(void *user, const nfa_event *event)
{
    replay *r = user;
    egret_status status = nfa_engine_event(r->engine, event);
    return status == EGRET_OK ? take_alerts(r) : status;
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
    if (r->engine) summary->matches = nfa_engine_stats(r->engine)->matches;
    if (r->letters && r->options->dead_letters) summary->letters_unwritten = ingest_letters_unwritten(r->letters);
    summary->seconds = (double)(app_monotonic_ms() - r->began_ms) / 1000.0;
}

static void tell_progress(replay *r)
{
    if (!r->options->progress || app_monotonic_ms() - r->told_ms < PROGRESS_MS) return;
    r->told_ms = app_monotonic_ms();
    sum_up(r);
    fprintf(stderr, "\r%" PRIu64 " events, %" PRIu64 " alerts, %.0f events/s\033[K", r->summary->events, r->summary->alerts,
            r->summary->seconds > 0 ? (double)r->summary->events / r->summary->seconds : 0.0);
}

/* ---- the whole ---- */

static egret_status open_all(replay *r)
{
    const replay_options *options = r->options;
    uint32_t failed = 0;
    r->engine = nfa_engine_new(egret_mem_of(NULL), options->plan);
    if (!r->engine) return fail(r, EGRET_NO_MEMORY, "start");
    if (options->threads > 1) r->ahead_engine = nfa_engine_new(egret_mem_of(NULL), options->plan);
    if (options->threads > 1 && !r->ahead_engine) return fail(r, EGRET_NO_MEMORY, "start");
    egret_status status = ingest_letters_open(options->dead_letters, 0, &r->letters);
    if (status != EGRET_OK) return fail(r, status, options->dead_letters ? options->dead_letters : "dead letters");
    ingest_replay_options reading = {.plan = options->plan, .engine = r->engine, .ahead_engine = r->ahead_engine,
                                     .files = options->files, .n_files = options->n_files, .release = release, .refuse = put_letter,
                                     .user = r, .keep_texts = options->evidence};
    status = ingest_replay_open(&reading, &r->files, &failed);
    if (status != EGRET_OK) return fail(r, status, failed < options->n_files ? options->files[failed].path : "start");
    if (options->threads > 1) status = read_ahead_start(r->files, options->n_files, &r->ahead);
    return status == EGRET_NO_MEMORY ? fail(r, status, "start") : EGRET_OK;     /* without a second thread it goes on in one */
}

static egret_status read_all(replay *r)
{
    bool done = false;
    while (!done) {
        egret_status status = ingest_replay_run(r->files, RECORDS_AT_ONCE, &done);
        if (status != EGRET_OK) return fail(r, status, "reading");
        tell_progress(r);
    }
    egret_status status = nfa_engine_finish(r->engine, r->options->has_until ? r->options->until_ms : INT64_MAX);
    if (status == EGRET_OK) status = take_alerts(r);
    return status == EGRET_OK ? flush_out(r) : fail(r, status, "evaluation");
}

static void close_all(replay *r)
{
    read_ahead_stop(r->ahead);
    ingest_replay_close(r->files);
    nfa_engine_free(r->engine);
    nfa_engine_free(r->ahead_engine);
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
    /* What came before a trouble is shown. */
    if (status != EGRET_OK) flush_out(&r);
    sum_up(&r);
    if (r.told_ms != r.began_ms) fputs("\r\033[K", stderr);
    close_all(&r);
    return status;
}
