/*
 * replay.c: files read together.
 *
 * The file whose watermark is lowest is the one that holds the others up, so it is always the one read on; with equal watermarks the first
 * of them. So no more is held than the files' lateness and the unevenness of their times require.
 *
 * An event's ref is file << 48 | offset of its record; the record is read again from the file when somebody wants to see it. What cannot be
 * read again (standard input) goes to a spool, and then the low part of the ref is the spool's.
 *
 * Events are not copied on the way: they lie in the chunk into which their file was read, through the order and in the batches that are given
 * out. A chunk whose events have all gone out is put with the batch at hand, and when that batch comes back nobody reads them any more. Events that
 * are held long while most are not (one device with a fast clock) would keep a chunk each; so when many chunks are kept for few events, what comes is
 * copied to chunks where nothing else is.
 *
 * Invariants: source number of the order = number of the file. A chunk is in one place: a reader, `copies`, `kept`, `free`, or a batch's list.
 */
#include "ingest/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/spool.h"

enum { MANY_KEPT = 64, FEW_EVENTS = 256, KEPT_AT_ONCE = 64, COPIES_BYTES = 64 * 1024, RECORDS_AT_ONCE = 16 * 1024 };
/* Records of a file that are decoded before the first of them is put in order: meanwhile memory comes by which duplicates are found. */
enum { COMING = 8 };
/* Keys of an event that are computed here; events with more come without. */
enum { KEYS_OF_EVENT = 6, CACHE_LINE = 64 };
enum { REF_SHIFT = 48, MAX_FILES = 32767, FIRST_REREAD = 1024 };
static const uint64_t OFFSET_MASK = (UINT64_C(1) << REF_SHIFT) - 1;

/* A record that was decoded and waits for its turn. */
typedef struct coming {
    ingest_record record;
    ingest_chunk *chunk;        /* where it lies */
    uint64_t identity;
} coming;

typedef struct replay_file {
    ingest_reader *reader;
    coming coming[COMING];
    uint32_t n_coming, at;      /* those from `at` on wait */
    ingest_record behind;       /* rejected: the record after them */
    ingest_got behind_got;      /* what came after them; RECORD: that is not known yet */
    bool rereads;               /* its records can be read again */
    bool finished;
} replay_file;

struct ingest_replay {
    ingest_replay_options options;
    ingest_order *order;
    replay_file *files;
    ingest_spool *spool;
    ingest_events *filling;     /* takes the events that are released */
    ingest_chunk *free_chunks;
    ingest_chunk *kept, **last_kept;        /* read to their end, but events that are held may lie in them */
    uint32_t n_kept;
    ingest_chunk *copies;       /* takes copies; NULL: none yet */
    size_t copied;              /* bytes of them */
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

/* ---- batches ---- */

ingest_events *ingest_events_new(void)
{
    ingest_events *events = calloc(1, sizeof *events);
    return events;
}

void ingest_events_free(ingest_events *events)
{
    if (events == NULL)
        return;
    ingest_chunks_free(events->done);
    free(events->list);
    free(events->foresight);
    free(events);
}

/* ingest_release_fn */
static egret_status release(void *user, const nfa_event *event)
{
    ingest_events *events = ((ingest_replay *)user)->filling;
    if (events->n == events->capacity) {
        uint32_t capacity = events->capacity == 0 ? 256 : events->capacity * 2;
        nfa_event *grown = realloc(events->list, capacity * sizeof *grown);
        if (grown == NULL)
            return EGRET_NO_MEMORY;
        events->list = grown;
        events->capacity = capacity;
    }
    events->list[events->n++] = *event;
    return EGRET_OK;
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
    status = ingest_reader_open(given, replay->options.plan, replay->options.engine, &file->reader);
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
    replay->last_kept = &replay->kept;
    replay->files = calloc(options->n_files, sizeof *replay->files);
    replay->order = ingest_order_new(&(ingest_order_options){ .plan = options->plan, .release = release, .user = replay, .merge = options->n_files > 1 });
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

void ingest_replay_close(ingest_replay *replay)
{
    if (replay == NULL)
        return;
    ingest_order_free(replay->order);   /* first: what it holds lies in chunks */
    for (uint32_t i = 0; replay->files != NULL && i < replay->options.n_files; i++)
        ingest_reader_close(replay->files[i].reader);
    free(replay->files);
    ingest_chunks_free(replay->free_chunks);
    ingest_chunks_free(replay->kept);
    ingest_chunk_free(replay->copies);
    ingest_spool_close(replay->spool);
    free(replay);
}

bool ingest_replay_rereads(const ingest_replay *replay)
{
    for (uint32_t i = 0; i < replay->options.n_files; i++)
        if (!replay->files[i].rereads)
            return false;
    return true;
}

/* ---- chunks ---- */

static void push_chunk(ingest_chunk **list, ingest_chunk *chunk)
{
    chunk->next = *list;
    *list = chunk;
}

static ingest_chunk *pop_chunk(ingest_chunk **list)
{
    ingest_chunk *chunk = *list;
    if (chunk == NULL)
        return ingest_chunk_new();
    *list = chunk->next;
    return chunk;
}

static void keep_chunk(ingest_replay *replay, ingest_chunk *chunk)
{
    chunk->next = NULL;
    *replay->last_kept = chunk;
    replay->last_kept = &chunk->next;
    replay->n_kept++;
}

/* Nothing more goes into the chunk. It, and those that were kept, go with the batch at hand when nothing in them is held; of many that are kept
 * some are looked at in turn. */
static void retire(ingest_replay *replay, ingest_chunk *chunk)
{
    keep_chunk(replay, chunk);
    uint32_t n = replay->n_kept < KEPT_AT_ONCE ? replay->n_kept : KEPT_AT_ONCE;
    for (uint32_t i = 0; i < n; i++) {
        ingest_chunk *first = replay->kept;
        replay->kept = first->next;
        if (replay->kept == NULL)
            replay->last_kept = &replay->kept;
        replay->n_kept--;
        if (first->uses > 0)
            keep_chunk(replay, first);
        else
            push_chunk(&replay->filling->done, first);
    }
}

/* Many chunks are kept for few events each. */
static bool is_sparse(const ingest_replay *replay)
{
    return replay->n_kept > MANY_KEPT && ingest_order_held(replay->order) / FEW_EVENTS < replay->n_kept;
}

/* Reads on in a file. */
static egret_status read_on(ingest_replay *replay, ingest_reader *reader)
{
    ingest_chunk *chunk = pop_chunk(&replay->free_chunks);
    if (chunk == NULL)
        return EGRET_NO_MEMORY;
    egret_status status = ingest_reader_read(reader, &chunk);
    int why = errno;
    if (chunk->is_empty)
        push_chunk(&replay->free_chunks, chunk);
    else
        retire(replay, chunk);
    errno = why;
    return status;
}

/* Copies the slots of a record, and the strings, to the chunk of copies. */
static egret_status copy_record(ingest_replay *replay, ingest_record *record, uint32_t n_slots, ingest_chunk **chunk)
{
    if (replay->copies != NULL && replay->copied >= COPIES_BYTES) {
        retire(replay, replay->copies);
        replay->copies = NULL;
    }
    if (replay->copies == NULL) {
        replay->copies = pop_chunk(&replay->free_chunks);
        if (replay->copies == NULL)
            return EGRET_NO_MEMORY;
        ingest_chunk_clear(replay->copies);
        replay->copied = 0;
    }
    egret_value *slots = ingest_chunk_slots(replay->copies, n_slots);
    if (slots == NULL)
        return EGRET_NO_MEMORY;
    memcpy(slots, record->slots, n_slots * sizeof *slots);
    if (!ingest_chunk_own_strings(replay->copies, slots, n_slots, NULL, 0))
        return EGRET_NO_MEMORY;
    ingest_chunk_keep(replay->copies, n_slots);
    replay->copied += n_slots * sizeof *slots + record->raw_len;
    record->slots = slots;
    *chunk = replay->copies;
    return EGRET_OK;
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

static uint32_t bytes_of(const ingest_record *record, uint32_t n_slots)
{
    uint64_t bytes = record->raw_len + n_slots * sizeof(egret_value);
    return bytes < UINT32_MAX / 2 ? (uint32_t)bytes : UINT32_MAX / 2;
}

static ingest_arrival arrival_of(uint32_t number, const ingest_record *record)
{
    return (ingest_arrival){ .source = number, .stream = record->stream, .slots = record->slots, .position = record->offset,
                             .arrival_ms = INGEST_NO_TIME, .now_ms = INGEST_NO_TIME };
}

/* Decodes records of a file until enough wait, or something else comes. */
static egret_status look_ahead(ingest_replay *replay, uint32_t number)
{
    replay_file *file = &replay->files[number];
    file->n_coming = file->at = 0;
    while (file->n_coming < COMING) {
        coming *next = &file->coming[file->n_coming];
        egret_status status = ingest_reader_next(file->reader, &next->record, &file->behind_got);
        if (status != EGRET_OK)
            return status;
        if (file->behind_got != INGEST_GOT_RECORD) {
            file->behind = next->record;
            return EGRET_OK;
        }
        ingest_arrival arrival = arrival_of(number, &next->record);
        next->chunk = ingest_reader_chunk(file->reader);
        next->identity = ingest_order_expect(replay->order, &arrival);
        status = ingest_reader_keep(file->reader, &next->record);
        if (status != EGRET_OK)
            return status;
        file->n_coming++;
    }
    return EGRET_OK;
}

static egret_status take_record(ingest_replay *replay, uint32_t number, coming *next)
{
    ingest_record *record = &next->record;
    uint64_t place = record->offset & OFFSET_MASK;
    uint32_t n_slots = replay->options.plan->streams[record->stream].n_slots;
    egret_status status = replay->files[number].rereads ? EGRET_OK : keep_text(replay, record, &place);
    if (status == EGRET_OK && is_sparse(replay))
        status = copy_record(replay, record, n_slots, &next->chunk);
    if (status != EGRET_OK)
        return status;
    ingest_arrival arrival = arrival_of(number, record);
    arrival.ref = (uint64_t)number << REF_SHIFT | place;
    arrival.identity = next->identity;
    arrival.expected = true;
    arrival.uses = &next->chunk->uses;
    arrival.bytes = bytes_of(record, n_slots);
    ingest_outcome outcome = INGEST_ACCEPTED;
    status = ingest_order_push(replay->order, &arrival, &outcome);
    if (status == EGRET_OK && outcome == INGEST_LATE)
        refuse(replay, number, record, "late", "its time is below the watermark");
    if (status == EGRET_OK && outcome == INGEST_DUPLICATE)
        refuse(replay, number, record, "duplicate", "an event of this identity was taken before");
    return status;
}

/* One record of a file, or a step towards it. */
static egret_status step(ingest_replay *replay, uint32_t number)
{
    replay_file *file = &replay->files[number];
    egret_status status = EGRET_OK;
    if (file->at == file->n_coming && file->behind_got == INGEST_GOT_RECORD)
        status = look_ahead(replay, number);
    if (status != EGRET_OK)
        return status;
    if (file->at < file->n_coming)
        return take_record(replay, number, &file->coming[file->at++]);
    ingest_got got = file->behind_got;
    file->behind_got = INGEST_GOT_RECORD;
    switch (got) {
    case INGEST_GOT_REJECTED:
        refuse(replay, number, &file->behind, ingest_reason_name(file->behind.reason), file->behind.text);
        return EGRET_OK;
    case INGEST_GOT_END:
        file->finished = true;
        return ingest_order_finish(replay->order, number);
    case INGEST_GOT_MORE:
        return read_on(replay, file->reader);
    case INGEST_GOT_RECORD: case INGEST_GOT_NO_MEMORY: break;
    }
    return EGRET_NO_MEMORY;
}

/* Whoever evaluates the events finds done what looks at nothing else. Without memory it does it itself. */
static void foresee(const ingest_replay *replay, ingest_events *events)
{
    const size_t most = sizeof(nfa_foresight) + KEYS_OF_EVENT * sizeof(nfa_ahead);
    if (replay->options.engine == NULL)
        return;
    if (events->foresight_capacity < events->n) {
        free(events->foresight);
        events->foresight = aligned_alloc(CACHE_LINE, events->capacity * most);
        events->foresight_capacity = events->foresight != NULL ? events->capacity : 0;
    }
    char *at = events->foresight;
    for (uint32_t i = 0; at != NULL && i < events->n; i++) {
        nfa_event *event = &events->list[i];
        event->ahead = (nfa_foresight *)(void *)at;
        at += nfa_engine_foresee(replay->options.engine, event, event->ahead, KEYS_OF_EVENT);
    }
}

void ingest_replay_fill(ingest_replay *replay, ingest_events *events, uint32_t wanted)
{
    while (events->done != NULL) {
        ingest_chunk *chunk = events->done;
        events->done = chunk->next;
        push_chunk(&replay->free_chunks, chunk);
    }
    events->n = 0;
    events->status = EGRET_OK;
    replay->filling = events;
    uint32_t number = lowest(replay);
    for (uint32_t i = 0; i < RECORDS_AT_ONCE && events->n < wanted && events->status == EGRET_OK && number < replay->options.n_files; i++) {
        events->status = step(replay, number);
        if (events->status != EGRET_OK)
            events->why = errno;
        if (replay->options.n_files > 1 || replay->files[number].finished)
            number = lowest(replay);
    }
    foresee(replay, events);
    events->last = events->status != EGRET_OK || number == replay->options.n_files;
}

int64_t ingest_replay_watermark(const ingest_replay *replay)
{
    return ingest_order_watermark(replay->order);
}

/* ---- showing ---- */

/* Reads the record at an offset again and renders it. */
static egret_status reread(replay_file *file, int fd, uint64_t offset, egret_text *out)
{
    char small[FIRST_REREAD];
    char *grown = NULL;
    for (size_t size = FIRST_REREAD;; size *= 4) {
        free(grown);
        grown = size > sizeof small ? malloc(size) : NULL;
        if (size > sizeof small && grown == NULL)
            return EGRET_NO_MEMORY;
        char *buffer = grown != NULL ? grown : small;
        ssize_t got = pread(fd, buffer, size, (off_t)offset);
        size_t len = got <= 0 ? 0 : ingest_reader_extent(file->reader, buffer, (size_t)got, (size_t)got < size);
        if (len > 0)
            ingest_reader_show(file->reader, buffer, len, out);
        if (len > 0 || got < (ssize_t)size || size > (size_t)1 << 28) {
            free(grown);
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
    for (uint32_t i = 0; i < replay->options.n_files; i++)
        ingest_stats_add(out, ingest_reader_stats(replay->files[i].reader));
}
