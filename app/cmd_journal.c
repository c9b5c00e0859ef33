/*
 * cmd_journal.c: `egret journal`: looks at the journal of a data folder, also while a daemon uses it. Nothing is changed.
 *
 * Each verb is one function that is given the blocks in turn; what a block holds is printed as one JSON object a line, so that jq is the tool to look
 * further with.
 */
#include "app/command.h"
#include "app/journal_alerts.h"

#include "alerting/json_write.h"
#include "compiler/value.h"
#include "store/journal.h"
#include "store/outbox_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct view {
    const char *stream;         /* NULL: all */
    json_writer out;
    uint64_t next_lsn;          /* that a whole journal would go on with */
    uint64_t blocks, records, events, broken, gaps, bytes;
    journal_batch batch;        /* of the events that come */
} view;

/* ---- lines ---- */

static void put_line(view *v)
{
    jsonw_raw(&v->out, "\n", 1);
    fwrite(v->out.ptr, 1, v->out.len, stdout);
    jsonw_reset(&v->out);
}

static void put_text(json_writer *w, const char *key, egret_str text)
{
    jsonw_key_z(w, key);
    jsonw_string(w, text.ptr, text.len);
}

static void put_time(json_writer *w, const char *key, int64_t ms)
{
    jsonw_key_z(w, key);
    jsonw_value(w, egret_time(ms));
}

static void put_number(json_writer *w, const char *key, uint64_t n)
{
    jsonw_key_z(w, key);
    jsonw_uint(w, n);
}

static void put_hex(json_writer *w, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, n);
    jsonw_key_z(w, key);
    jsonw_string_z(w, text);
}

static void put_start(json_writer *w, const journal_start *start)
{
    put_text(w, "version", start->version);
    put_hex(w, "rules", start->rules);
    put_time(w, "time", start->wall_ms);
    jsonw_key_z(w, "files");
    jsonw_begin(w, '{');
    const char *at = start->files.ptr, *end = at + start->files.len;
    while (at < end) {      /* name NUL hash NUL; the text was checked with its block */
        const char *hash = memchr(at, '\0', (size_t)(end - at));
        const char *next = hash ? memchr(hash + 1, '\0', (size_t)(end - hash - 1)) : NULL;
        if (!next) break;
        jsonw_key_z(w, at);
        jsonw_string_z(w, hash + 1);
        at = next + 1;
    }
    jsonw_end(w, '}');
}

static void put_event(json_writer *w, const view *v, const journal_event *event)
{
    put_text(w, "source", v->batch.source);
    put_time(w, "arrived", v->batch.arrival_ms);
    put_text(w, "stream", event->stream);
    put_number(w, "line", event->line);
    put_number(w, "offset", event->offset);
    jsonw_key_z(w, "event");
    jsonw_record(w, event->raw.ptr, event->raw.len);
}

/* Each line a text; its words are parted by tabs. */
static void put_control(json_writer *w, const journal_control *control)
{
    put_text(w, "who", control->who);
    put_text(w, "note", control->note);
    put_time(w, "time", control->wall_ms);
    jsonw_key_z(w, "whole");
    jsonw_bool(w, control->whole);
    if (control->warms) put_number(w, "warm_from", control->warm_from);
    jsonw_key_z(w, "changes");
    jsonw_begin(w, '[');
    const char *end = control->lines.ptr + control->lines.len;
    for (const char *at = control->lines.ptr, *stop; at < end; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        jsonw_string(w, at, (size_t)(stop - at));
    }
    jsonw_end(w, ']');
}

static const char *kind_name(journal_kind kind)
{
    switch (kind) {
    case JOURNAL_START: return "start";
    case JOURNAL_BATCH: return "batch";
    case JOURNAL_EVENT: return "event";
    case JOURNAL_EPOCH: return "epoch";
    case JOURNAL_CONTROL: return "control";
    }
    return "";
}

static void put_record(view *v, const journal_record *record)
{
    json_writer *w = &v->out;
    jsonw_begin(w, '{');
    put_number(w, "lsn", record->lsn);
    jsonw_key_z(w, "kind");
    jsonw_string_z(w, kind_name(record->kind));
    switch (record->kind) {
    case JOURNAL_START:
        put_start(w, &record->u.start);
        break;
    case JOURNAL_BATCH:
        put_text(w, "source", record->u.batch.source);
        put_time(w, "arrived", record->u.batch.arrival_ms);
        jsonw_key_z(w, "ends");
        jsonw_bool(w, record->u.batch.ends_source);
        break;
    case JOURNAL_EVENT:
        put_event(w, v, &record->u.event);
        break;
    case JOURNAL_EPOCH:
        jsonw_key_z(w, "clock_ms");
        jsonw_int(w, record->u.epoch.clock_ms);
        put_time(w, "time", record->u.epoch.wall_ms);
        put_number(w, "alerts", record->u.epoch.n_alerts);
        put_hex(w, "digest", record->u.epoch.alerts);
        break;
    case JOURNAL_CONTROL:
        put_control(w, &record->u.control);
        break;
    }
    jsonw_end(w, '}');
    put_line(v);
}

/* ---- verbs ---- */

static void list_block(view *v, journal_block *block)
{
    const journal_head *head = &block->head;
    json_writer *w = &v->out;
    jsonw_begin(w, '{');
    put_number(w, "lsn", head->first_lsn);
    put_number(w, "records", head->n_records);
    put_number(w, "events", head->n_events);
    put_time(w, "from", head->first_ms);
    put_time(w, "to", head->last_ms);
    put_number(w, "bytes", head->stored_bytes + sizeof *head);
    put_number(w, "unpacked", head->raw_bytes);
    jsonw_end(w, '}');
    put_line(v);
}

static void cat_block(view *v, journal_block *block)
{
    journal_record record;
    while (journal_block_next(block, &record)) {
        if (record.kind == JOURNAL_BATCH) v->batch = record.u.batch;
        if (record.kind != JOURNAL_BATCH || !record.u.batch.continued) put_record(v, &record);
    }
}

/* A stream's events as they came, for egret replay; of all streams each with where it came from. */
static void export_block(view *v, journal_block *block)
{
    journal_record record;
    while (journal_block_next(block, &record)) {
        if (record.kind == JOURNAL_BATCH) v->batch = record.u.batch;
        if (record.kind != JOURNAL_EVENT) continue;
        if (!v->stream) {
            put_record(v, &record);
        } else if (egret_str_is(record.u.event.stream, v->stream)) {
            jsonw_record(&v->out, record.u.event.raw.ptr, record.u.event.raw.len);
            v->out.comma = false;
            put_line(v);
        }
    }
}

static void verify_block(view *v, journal_block *block)
{
    journal_record record;
    uint64_t records = 0, events = 0;
    while (journal_block_next(block, &record)) {
        events += record.kind == JOURNAL_EVENT;
        records += record.kind != JOURNAL_BATCH || !record.u.batch.continued;
    }
    bool fine = !block->fault && records == block->head.n_records && events == block->head.n_events;
    if (!fine) fprintf(stderr, "block at %" PRIu64 ": %s\n", block->head.first_lsn, block->fault ? block->fault : "it counts wrongly");
    v->broken += !fine;
    if (v->blocks > 0 && block->head.first_lsn != v->next_lsn) {
        fprintf(stderr, "records %" PRIu64 " to %" PRIu64 " are missing\n", v->next_lsn, block->head.first_lsn - 1);
        v->gaps++;
    }
    v->next_lsn = block->head.first_lsn + block->head.n_records;
    v->records += records;
    v->events += events;
    v->bytes += block->head.stored_bytes;
}

static int walk(const app_args *args, const store *s, view *v, uint64_t lsn, void (*each)(view *v, journal_block *block))
{
    journal_block block;
    int exit_code = APP_FINE, code = 0;
    journal_block_init(&block);
    for (bool go_on = true; go_on;) {
        switch (journal_read(s, &lsn, &block, &code)) {
        case JOURNAL_GOT_BLOCK:
            each(v, &block);
            v->blocks++;
            break;
        case JOURNAL_GOT_BROKEN:
            fprintf(stderr, "block at %" PRIu64 ": %s\n", block.lsn, block.fault ? block.fault : "it says another number");
            v->broken++;
            break;
        case JOURNAL_GOT_END:
            go_on = false;
            break;
        case JOURNAL_GOT_ERROR:
            exit_code = app_trouble(args, "%s", store_text(code));
            go_on = false;
            break;
        }
    }
    journal_block_deinit(&block);
    if (v->out.failed) return app_trouble(args, "no memory");
    return exit_code == APP_FINE && v->broken > 0 ? APP_TROUBLE : exit_code;
}

static int verify(const app_args *args, const store *s, view *v, uint64_t lsn)
{
    int exit_code = walk(args, s, v, lsn, verify_block);
    uint64_t aside = journal_quarantined(s);
    printf("%" PRIu64 " blocks, %" PRIu64 " records, %" PRIu64 " events, %" PRIu64 " bytes; %" PRIu64 " blocks broken, %" PRIu64
           " gaps, %" PRIu64 " in quarantine\n", v->blocks, v->records, v->events, v->bytes, v->broken, v->gaps, aside);
    return exit_code == APP_FINE && v->gaps + aside > 0 ? APP_TROUBLE : exit_code;
}

static bool print_row(void *user, const outbox_row *row)
{
    view *v = user;
    json_writer *w = &v->out;
    jsonw_begin(w, '{');
    jsonw_key_z(w, "sink");
    jsonw_string_z(w, row->sink);
    jsonw_key_z(w, "id");
    jsonw_string_z(w, row->id);
    jsonw_key_z(w, "alert");
    jsonw_record(w, row->bytes, row->len);
    jsonw_end(w, '}');
    put_line(v);
    return true;
}

static int print_outbox(const app_args *args, const store *s, view *v)
{
    uint64_t broken;
    int code = outbox_rows_each(s, print_row, v, &broken);
    if (code != 0) return app_trouble(args, "%s", store_text(code));
    return broken > 0 ? app_trouble(args, "%" PRIu64 " alerts cannot be read", broken) : APP_FINE;
}

static int run_verb(app_args *args, const char *verb, const store *s, uint64_t from)
{
    view v = {.stream = app_args_one(args, "stream")};
    int exit_code;
    jsonw_init(&v.out);
    if (strcmp(verb, "list") == 0) exit_code = walk(args, s, &v, from, list_block);
    else if (strcmp(verb, "cat") == 0) exit_code = walk(args, s, &v, from, cat_block);
    else if (strcmp(verb, "export") == 0) exit_code = walk(args, s, &v, from, export_block);
    else if (strcmp(verb, "outbox") == 0) exit_code = print_outbox(args, s, &v);
    else if (strcmp(verb, "alerts") == 0) exit_code = journal_alerts(args, s);
    else if (strcmp(verb, "state") == 0) exit_code = journal_known(args, s);
    else exit_code = verify(args, s, &v, from);
    jsonw_deinit(&v.out);
    return exit_code;
}

static const app_option options[] = {
    {"data", APP_ONE, "DIR", NULL, "the data folder"},
    {"from", APP_ONE, "LSN", "0", "begin with the block that holds this record"},
    {"rules", APP_MANY, "FILE|DIR", NULL, "alerts, state: other rules than those of then, for all of the journal"},
    {"stream", APP_ONE, "NAME", NULL, "export: this stream's events alone, as they came"},
    {0},
};

static int run(app_args *args)
{
    static const char *const verbs[] = {"list", "cat", "verify", "export", "outbox", "alerts", "state"};
    const char **words;
    int64_t from;
    char reason[512];
    bool known = false;
    size_t n = app_args_words(args, &words);
    for (size_t i = 0; n == 1 && i < sizeof verbs / sizeof verbs[0]; i++) known = known || strcmp(words[0], verbs[i]) == 0;
    if (!known) return app_usage(args, "what to do: list, cat, verify, export, outbox, alerts or state?");
    const char *dir = app_args_one(args, "data");
    if (!dir) return app_usage(args, "--data is needed");
    if (!app_args_int(args, "from", 0, INT64_MAX, &from)) return APP_USAGE;
    store *s = store_open(&(store_options){.dir = dir, .read_only = true}, reason, sizeof reason);
    if (!s) return app_trouble(args, "%s", reason);
    int exit_code = run_verb(args, words[0], s, (uint64_t)from);
    store_close(s);
    return exit_code;
}

const app_command app_cmd_journal = {
    .name = "journal",
    .summary = "Shows what a data folder's journal holds",
    .words = "list|cat|verify|export|outbox|alerts|state",
    .options = options,
    .notes = "list: the blocks; cat: all records; verify: whether all can be read and none is missing; export: the events; outbox: alerts that\n"
             "are not delivered yet; alerts: evaluates the journal again from its beginning and prints the alerts (3 when they are not those\n"
             "that the same rules gave then); state: does the same and prints what is known of each key in the end, as GET /v1/keys\n"
             "answers. One JSON object a line (verify: one sentence). A daemon may use the folder meanwhile.",
    .run = run,
};
