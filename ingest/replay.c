/*
 * replay.c: files read together.
 *
 * The file whose watermark is lowest is the one that holds the others up, so it is always the one read on; with equal watermarks the first
 * of them. So no more is held than the files' lateness and the unevenness of their times require.
 *
 * An event's ref is file << 48 | offset of its record; the record is read again from the file when somebody wants to see it. What cannot be
 * read again (standard input) goes to a spool, and then the low part of the ref is the spool's.
 *
 * Events that are held are not copied when they came in a batch: the batch is kept until they are gone. When that would keep too many batches (great
 * lateness), events are copied as ever, until some are free again.
 *
 * Records come from the file's reader, or, where somebody decodes ahead in another thread, from the batches it made. What happens to a record
 * is the same, and in the same order.
 *
 * Invariant: source number of the order = number of the file.
 */
#include "ingest/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/spool.h"

enum { LAG = 64 };     /* events kept back: enough for the memory of their keys to be there when they are evaluated */
enum { REF_SHIFT = 48, MAX_FILES = 32767, FIRST_REREAD = 4096 };
static const uint64_t OFFSET_MASK = (UINT64_C(1) << REF_SHIFT) - 1;

typedef struct replay_file {
    ingest_reader *reader;
    ingest_decoded *batch;      /* read ahead: at hand */
    ingest_decoded *kept;       /* read before, and events that are held still lie in them */
    uint32_t n_kept;
    uint32_t at;                /* next record of it */
    bool rereads;               /* its records can be read again */
    bool ahead;                 /* they come from batches */
    bool finished;
} replay_file;

struct ingest_replay {
    ingest_replay_options options;
    ingest_order *order;
    replay_file *files;
    ingest_spool *spool;
    ingest_ahead_fn ahead;      /* NULL: readers are asked here */
    void *ahead_user;
};

/* ---- choosing ---- */

static const plan_option *find_option(const plan_edge *edge, const char *name)
{
    for (uint32_t i = 0; i < edge->n_options; i++)
        if (egret_str_is(edge->options[i].name, name))
            return &edge->options[i];
    return NULL;
}

static bool option_text(const plan_edge *edge, const char *name, egret_str *out)
{
    const plan_option *option = find_option(edge, name);
    if (option == NULL || option->n_values == 0 || option->values[0].is_env || option->values[0].value.type != EGRET_STRING)
        return false;
    *out = (egret_str){ option->values[0].value.u.s, option->values[0].value.len };
    return true;
}

static egret_str base_name(egret_str path)
{
    for (uint32_t i = path.len; i > 0; i--)
        if (path.ptr[i - 1] == '/')
            return (egret_str){ path.ptr + i, path.len - i };
    return path;
}

static const plan_edge *source_of_path(const plan *rules, const char *path)
{
    egret_str wanted = base_name((egret_str){ path, (uint32_t)strlen(path) }), found;
    for (uint32_t i = 0; i < rules->n_sources; i++)
        if (egret_str_is(rules->sources[i].kind, "file") && option_text(&rules->sources[i], "path", &found) &&
            egret_str_eq(base_name(found), wanted))
            return &rules->sources[i];
    return NULL;
}

void ingest_replay_choose(const plan *rules, const char *path, ingest_replay_file *file)
{
    egret_str format;
    *file = (ingest_replay_file){ .path = path, .stream = PLAN_NONE, .format = ingest_format_of_path(path) };
    file->source = source_of_path(rules, path);
    if (file->source == NULL && plan_inputs(rules) == 1)
        file->stream = 0;
    else if (file->source == NULL && rules->n_sources == 1)
        file->source = &rules->sources[0];
    if (file->source != NULL && option_text(file->source, "format", &format))
        file->format = egret_str_is(format, "csv") ? INGEST_FORMAT_CSV : INGEST_FORMAT_JSON;
}

/* ---- opening ---- */

static int64_t lateness_of(const ingest_replay *replay, const ingest_replay_file *file)
{
    if (file->stream != PLAN_NONE)
        return replay->options.plan->streams[file->stream].lateness_ms;
    return ingest_order_lateness(replay->options.plan, file->source);
}

static egret_status open_file(ingest_replay *replay, uint32_t number)
{
    const ingest_replay_file *given = &replay->options.files[number];
    egret_status status = ingest_order_add_source(replay->order, lateness_of(replay, given), true);
    if (status != EGRET_OK)
        return status;
    replay_file *file = &replay->files[number];
    status = ingest_reader_open(given, replay->options.plan, replay->options.engine, replay->options.ahead_engine, &file->reader);
    file->rereads = status == EGRET_OK && ingest_reader_reread(file->reader) >= 0;
    return status;
}

egret_status ingest_replay_open(const ingest_replay_options *options, ingest_replay **out, uint32_t *failed)
{
    *failed = 0;
    if (options->n_files == 0 || options->n_files > MAX_FILES)
        return EGRET_BAD_USE;
    ingest_replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL)
        return EGRET_NO_MEMORY;
    replay->options = *options;
    replay->files = calloc(options->n_files, sizeof *replay->files);
    replay->order = ingest_order_new(&(ingest_order_options){ .plan = options->plan, .release = options->release, .user = options->user,
                                                             .engine = options->engine, .lag = options->engine != NULL ? LAG : 0,
                                                             .merge = options->n_files > 1 });
    egret_status status = replay->files == NULL || replay->order == NULL ? EGRET_NO_MEMORY : EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < options->n_files; i++) {
        *failed = i;
        status = open_file(replay, i);
    }
    if (status == EGRET_OK) {
        *out = replay;
        return EGRET_OK;
    }
    int why = errno;
    ingest_replay_close(replay);
    errno = why;
    return status;
}

static void free_batches(ingest_decoded *batch)
{
    while (batch != NULL) {
        ingest_decoded *next = batch->next;
        ingest_decoded_free(batch);
        batch = next;
    }
}

void ingest_replay_close(ingest_replay *replay)
{
    if (replay == NULL)
        return;
    ingest_order_free(replay->order);   /* first: what it holds may lie in batches */
    for (uint32_t i = 0; replay->files != NULL && i < replay->options.n_files; i++) {
        ingest_reader_close(replay->files[i].reader);
        ingest_decoded_free(replay->files[i].batch);
        free_batches(replay->files[i].kept);
    }
    free(replay->files);
    ingest_spool_close(replay->spool);
    free(replay);
}

ingest_reader *ingest_replay_reader(const ingest_replay *replay, uint32_t number)
{
    if (number >= replay->options.n_files || replay->options.ahead_engine == NULL || !replay->files[number].rereads)
        return NULL;
    return replay->files[number].reader;
}

void ingest_replay_read_ahead(ingest_replay *replay, ingest_ahead_fn ahead, void *user)
{
    replay->ahead = ahead;
    replay->ahead_user = user;
    for (uint32_t i = 0; i < replay->options.n_files; i++)
        replay->files[i].ahead = ingest_replay_reader(replay, i) != NULL;
}

/* ---- running ---- */

/* The file to read on; n_files: all are finished. */
static uint32_t lowest(const ingest_replay *replay)
{
    uint32_t found = replay->options.n_files;
    for (uint32_t i = 0; i < replay->options.n_files; i++)
        if (!replay->files[i].finished &&
            (found == replay->options.n_files ||
             ingest_order_source_watermark(replay->order, i) < ingest_order_source_watermark(replay->order, found)))
            found = i;
    return found;
}

static egret_status keep_text(ingest_replay *replay, const ingest_record *record, uint64_t *ref)
{
    *ref = OFFSET_MASK;
    if (!replay->options.keep_texts)
        return EGRET_OK;
    if (replay->spool == NULL) {
        egret_status status = ingest_spool_open(NULL, 0, &replay->spool);
        if (status != EGRET_OK)
            return status;
    }
    return ingest_spool_put(replay->spool, record->raw, record->raw_len, ref);
}

static void refuse(ingest_replay *replay, uint32_t number, const ingest_record *record, const char *kind, const char *text)
{
    if (replay->options.refuse != NULL)
        replay->options.refuse(replay->options.user, number, record, kind, text);
}

static egret_status take_record(ingest_replay *replay, uint32_t number, const ingest_record *record)
{
    replay_file *file = &replay->files[number];
    uint64_t place = record->offset & OFFSET_MASK;
    if (!file->rereads) {
        egret_status status = keep_text(replay, record, &place);
        if (status != EGRET_OK)
            return status;
    }
    ingest_arrival arrival = { .source = number, .stream = record->stream, .slots = record->slots,
                               .ref = (uint64_t)number << REF_SHIFT | place, .position = record->offset,
                               .arrival_ms = INGEST_NO_TIME, .now_ms = INGEST_NO_TIME,
                               .uses = file->ahead && file->n_kept + 1 < INGEST_AHEAD_KEPT ? &file->batch->uses : NULL };
    ingest_outcome outcome = INGEST_ACCEPTED;
    egret_status status = ingest_order_push(replay->order, &arrival, &outcome);
    if (status == EGRET_OK && outcome == INGEST_LATE)
        refuse(replay, number, record, "late", "its time is below the watermark");
    if (status == EGRET_OK && outcome == INGEST_DUPLICATE)
        refuse(replay, number, record, "duplicate", "an event of this identity was taken before");
    return status;
}

/* Changes the batch that was read to its end for the next one, and gives back all that are not used any more. */
static void change_batch(ingest_replay *replay, uint32_t number)
{
    replay_file *file = &replay->files[number];
    ingest_decoded *done = NULL, **link = &file->kept;
    if (file->batch != NULL) {
        file->batch->next = file->kept;
        file->kept = file->batch;
        file->n_kept++;
    }
    while (*link != NULL) {
        ingest_decoded *batch = *link;
        if (batch->uses > 0) {
            link = &batch->next;
            continue;
        }
        *link = batch->next;
        batch->next = done;
        done = batch;
        file->n_kept--;
    }
    file->batch = replay->ahead(replay->ahead_user, number, done);
    file->at = 0;
}

/* The next record of a file that is read ahead. It lives until the next call. */
static egret_status next_ahead(ingest_replay *replay, uint32_t number, ingest_record *record, ingest_got *got)
{
    replay_file *file = &replay->files[number];
    while (file->batch == NULL || (file->at == file->batch->n_records && !file->batch->last))
        change_batch(replay, number);
    if (file->at < file->batch->n_records) {
        *record = file->batch->records[file->at++];
        *got = record->slots != NULL ? INGEST_GOT_RECORD : INGEST_GOT_REJECTED;
        return EGRET_OK;
    }
    *got = INGEST_GOT_END;
    errno = file->batch->why;
    return file->batch->status;
}

/* One record of a file, or a step towards it. */
static egret_status step(ingest_replay *replay, uint32_t number)
{
    replay_file *file = &replay->files[number];
    ingest_record record;
    ingest_got got;
    egret_status status = file->ahead ? next_ahead(replay, number, &record, &got) : ingest_reader_next(file->reader, &record, &got);
    if (status != EGRET_OK)
        return status;
    switch (got) {
    case INGEST_GOT_RECORD:
        return take_record(replay, number, &record);
    case INGEST_GOT_REJECTED:
        refuse(replay, number, &record, ingest_reason_name(record.reason), record.text);
        return EGRET_OK;
    case INGEST_GOT_END:
        file->finished = true;
        return ingest_order_finish(replay->order, number);
    case INGEST_GOT_MORE: case INGEST_GOT_NO_MEMORY: break;
    }
    return EGRET_OK;
}

egret_status ingest_replay_run(ingest_replay *replay, uint64_t max_records, bool *done)
{
    uint32_t number = lowest(replay);
    for (uint64_t i = 0; i < max_records && number < replay->options.n_files; i++) {
        egret_status status = step(replay, number);
        if (status != EGRET_OK)
            return status;
        if (replay->options.n_files > 1 || replay->files[number].finished)
            number = lowest(replay);
    }
    *done = number == replay->options.n_files;
    return EGRET_OK;
}

int64_t ingest_replay_watermark(const ingest_replay *replay)
{
    return ingest_order_watermark(replay->order);
}

/* ---- showing ---- */

/* Reads the record at an offset again and renders it. */
static egret_status reread(replay_file *file, int fd, uint64_t offset, egret_text *out)
{
    char *buffer = NULL;
    for (size_t size = FIRST_REREAD;; size *= 4) {
        char *grown = realloc(buffer, size);
        if (grown == NULL) {
            free(buffer);
            return EGRET_NO_MEMORY;
        }
        buffer = grown;
        ssize_t got = pread(fd, buffer, size, (off_t)offset);
        size_t len = got <= 0 ? 0 : ingest_reader_extent(file->reader, buffer, (size_t)got, (size_t)got < size);
        if (len > 0)
            ingest_reader_show(file->reader, buffer, len, out);
        if (len > 0 || got < (ssize_t)size || size > (size_t)1 << 28) {
            free(buffer);
            return len > 0 ? EGRET_OK : got < 0 ? EGRET_IO : EGRET_BAD_USE;
        }
    }
}

egret_status ingest_replay_text(ingest_replay *replay, uint64_t ref, egret_text *out)
{
    uint64_t number = ref >> REF_SHIFT;
    if (number >= replay->options.n_files)
        return EGRET_BAD_USE;
    replay_file *file = &replay->files[number];
    int fd = ingest_reader_reread(file->reader);
    if (fd >= 0)
        return reread(file, fd, ref & OFFSET_MASK, out);
    if (replay->spool == NULL)
        return EGRET_BAD_USE;
    egret_text raw;
    egret_text_init(&raw, egret_mem_of(NULL));
    egret_status status = ingest_spool_get(replay->spool, ref & OFFSET_MASK, &raw);
    if (status == EGRET_OK)
        ingest_reader_show(file->reader, raw.ptr, raw.len, out);
    egret_text_deinit(&raw);
    return status;
}

bool ingest_replay_place(const ingest_replay *replay, uint64_t ref, const char **path, uint64_t *offset)
{
    uint64_t number = ref >> REF_SHIFT;
    if (number >= replay->options.n_files)
        return false;
    *path = replay->options.files[number].path;
    *offset = ref & OFFSET_MASK;
    return true;
}

void ingest_replay_stats(ingest_replay *replay, ingest_stats *out)
{
    *out = *ingest_order_stats(replay->order);
    for (uint32_t i = 0; i < replay->options.n_files; i++) {
        const replay_file *file = &replay->files[i];
        if (!file->ahead)
            ingest_stats_add(out, ingest_reader_stats(file->reader));
        else if (file->batch != NULL)
            ingest_stats_add(out, &file->batch->stats);
    }
}
