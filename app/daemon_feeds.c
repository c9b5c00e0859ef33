/*
 * daemon_feeds.c: sources that give messages (ingest/feed.h): one thread for each, which asks for messages, decodes them, and puts them into the
 * admission queue as batches of one partition each.
 *
 * A batch carries the place behind its last message; the committer writes it in the commit of the batch's events and then says so to the feed.
 * When the queue is full the feed is held back, but asked on: a broker that hears nothing from its reader thinks it dead.
 *
 * Time. A partition is behind from the batch that names it first: as long as messages wait for us on the other side, its silence is ours, not its own,
 * and it holds the clock. Batches say when it has caught up and when it is behind again, so that the journal alone decides who held the clock when. The
 * source itself holds the clock until all its partitions are known.
 *
 * Shared with other threads: the list of partitions (`lock`), and numbers, which are atomic.
 */
#include "app/daemon_internal.h"

#include "app/command.h"
#include "app/decoded.h"
#include "ingest/feed.h"
#include "ingest/source_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH_RECORDS = 1000,
    BATCH_BYTES = 4 << 20,
    POLL_MS = 50,
    FULL_MS = 10,           /* between two tries to get into a full queue */
    LOOK_MS = 100,          /* between two looks at how much waits */
    GONE_MS = 10000         /* a partition that goes waits for its commit no longer */
};

typedef struct feed_partition {
    daemon_feed *feed;
    uint32_t number;
    char *full_name;            /* "source:partition", owned */
    const char *name;           /* in full_name, behind the colon */
    admission_batch *batch;     /* being filled, or NULL */
    bool is_there;              /* read by us now */
    store_place last;           /* of the newest batch, whether it is on the disk or not */
    bool has_last;
    atomic_uchar standing;      /* as last said */
    atomic_ullong next, committed;      /* places: behind what was taken, behind what is on the disk; 0: none yet */
    atomic_bool is_known;       /* committed is a place */
    atomic_llong lag, watermark_ms;
    atomic_bool shown;          /* is_there, for /metrics */
} feed_partition;

struct daemon_feed {
    daemon_state *daemon;
    const plan_edge *edge;
    const ingest_feed_kind *kind;
    uint32_t number;            /* of the source */
    const char *name;
    edge_settings settings;
    ingest_feed_host host;
    void *self;
    ingest_format format;
    ingest_decoder *decoder;
    nfa_engine *routes;         /* evaluates conditions of routes, and nothing else */
    pthread_mutex_t lock;       /* partitions as a list; only the feed's thread changes it */
    feed_partition **partitions;
    uint32_t n_partitions, cap_partitions;
    size_t open_records, open_bytes;    /* in batches not handed on */
    bool is_settled;            /* the source itself holds the clock no more */
    bool failed;                /* no memory, or the queue is closed: ends the thread */
    int64_t looked_ms;
    atomic_ullong messages, skipped;
    atomic_bool stopped;
    bool has_lock, has_thread;
    pthread_t thread;
};

/* ---- partitions ---- */

static feed_partition *find_partition(const daemon_feed *feed, const char *name)
{
    for (uint32_t i = 0; i < feed->n_partitions; i++)
        if (strcmp(feed->partitions[i]->name, name) == 0) return feed->partitions[i];
    return NULL;
}

static feed_partition *new_partition(daemon_feed *feed, const char *name)
{
    feed_partition *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (feed_partition){.feed = feed, .number = feed->n_partitions};
    atomic_init(&p->lag, -1);
    atomic_init(&p->watermark_ms, INT64_MIN);
    if (asprintf(&p->full_name, "%s:%s", feed->name, name) < 0) {
        free(p);
        return NULL;
    }
    p->name = p->full_name + strlen(feed->name) + 1;
    return p;
}

static feed_partition *add_partition(daemon_feed *feed, const char *name)
{
    feed_partition *p = new_partition(feed, name);
    if (!p) return NULL;
    pthread_mutex_lock(&feed->lock);
    if (feed->n_partitions == feed->cap_partitions) {
        uint32_t cap = feed->cap_partitions ? feed->cap_partitions * 2 : 16;
        feed_partition **grown = realloc(feed->partitions, cap * sizeof *grown);
        if (grown) {
            feed->partitions = grown;
            feed->cap_partitions = cap;
        }
    }
    bool fits = feed->n_partitions < feed->cap_partitions;
    if (fits) feed->partitions[feed->n_partitions++] = p;
    pthread_mutex_unlock(&feed->lock);
    if (fits) return p;
    free(p->full_name);
    free(p);
    return NULL;
}

/* ---- batches ---- */

static void note_committed(void *user, const store_place *place)
{
    feed_partition *p = user;
    atomic_store(&p->committed, place->offset);
    atomic_store(&p->is_known, true);
    if (p->feed->kind->committed) p->feed->kind->committed(p->feed->self, p->number, place->offset);
}

static admission_batch *new_batch(feed_partition *p)
{
    admission_batch *batch = admission_batch_new(p->feed->number);
    if (!batch) return NULL;
    batch->partition = p->feed->kind->partitioned ? p->full_name : NULL;
    return batch;
}

/* One try; FULL: the caller still has it. */
static admission_answer try_put(daemon_feed *feed, admission_batch *batch)
{
    batch->arrival_ms = app_wall_ms(NULL);
    admission_answer answer = admission_put(feed->daemon->queue, batch);
    if (answer != ADMISSION_CLOSED) return answer;
    admission_batch_free(batch);
    feed->failed = true;
    return answer;
}

static bool take_message(daemon_feed *feed, const ingest_message *message);

/* Waits for room without polling: from inside a poll. */
static bool put_patiently(daemon_feed *feed, admission_batch *batch)
{
    static const struct timespec moment = {.tv_nsec = FULL_MS * 1000000L};
    admission_answer answer;
    while ((answer = try_put(feed, batch)) == ADMISSION_FULL) nanosleep(&moment, NULL);
    return answer == ADMISSION_TAKEN;
}

/* Waits for room, and polls meanwhile; what comes goes into batches that are open. */
static bool put_polling(daemon_feed *feed, admission_batch *batch)
{
    bool held = false;
    admission_answer answer;
    while ((answer = try_put(feed, batch)) == ADMISSION_FULL && !feed->failed) {
        ingest_message message;
        if (!held) feed->kind->hold(feed->self, held = true);
        if (feed->kind->poll(feed->self, FULL_MS, &message) == INGEST_POLLED_MESSAGE && !take_message(feed, &message)) feed->failed = true;
    }
    if (answer == ADMISSION_FULL) admission_batch_free(batch);
    if (held && answer == ADMISSION_TAKEN) feed->kind->hold(feed->self, false);
    return answer == ADMISSION_TAKEN;
}

/* Takes the open batch out of the partition. */
static admission_batch *take_batch(feed_partition *p)
{
    admission_batch *batch = p->batch;
    p->batch = NULL;
    if (!batch) return NULL;
    p->feed->open_records -= batch->n;
    p->feed->open_bytes -= batch->bytes;
    return batch;
}

static bool flush(daemon_feed *feed)
{
    for (uint32_t i = 0; i < feed->n_partitions && !feed->failed; i++) {
        admission_batch *batch = take_batch(feed->partitions[i]);
        if (batch) put_polling(feed, batch);
    }
    return !feed->failed;
}

static void set_place(feed_partition *p, admission_batch *batch, const store_place *place)
{
    batch->has_place = p->feed->kind->keeps_places;
    batch->place = p->last = *place;
    batch->committed = note_committed;
    batch->committed_user = p;
    p->has_last = true;
    atomic_store(&p->next, place->offset);
}

/* A batch without records: how the partition stands, and where it begins; or, SAME, that it ends. */
static bool say(feed_partition *p, journal_standing standing, const store_place *begin)
{
    admission_batch *batch = new_batch(p);
    if (!batch) return false;
    if (begin) set_place(p, batch, begin);
    batch->ends_source = standing == JOURNAL_STANDING_SAME;
    batch->standing = (uint8_t)standing;
    atomic_store(&p->standing, batch->standing);
    return put_patiently(p->feed, batch);
}

/* ---- what the feed asks, from inside its poll ---- */

static bool give_place(void *user, const char *partition, store_place *out)
{
    daemon_feed *feed = user;
    char *full;
    /* What we have read of it may still be on its way to the disk, but will be evaluated in its order. */
    const feed_partition *p = find_partition(feed, partition);
    if (p && p->has_last) {
        *out = p->last;
        return true;
    }
    if (asprintf(&full, "%s:%s", feed->name, partition) < 0) return false;
    bool found = store_place_get(feed->daemon->store, full, out);
    free(full);
    return found;
}

static uint32_t appeared(void *user, const char *partition, const store_place *begin)
{
    daemon_feed *feed = user;
    feed_partition *p = find_partition(feed, partition);
    if (!p) p = add_partition(feed, partition);
    if (!p) return UINT32_MAX;
    p->is_there = true;
    atomic_store(&p->shown, true);
    if (feed->kind->partitioned && !say(p, JOURNAL_STANDING_BEHIND, begin)) feed->failed = true;
    return p->number;
}

static void settled(void *user)
{
    daemon_feed *feed = user;
    if (feed->is_settled || !feed->kind->partitioned) return;
    admission_batch *batch = admission_batch_new(feed->number);
    if (batch) batch->ends_source = true;
    feed->is_settled = batch && put_patiently(feed, batch);
    feed->failed = feed->failed || !feed->is_settled;
}

static uint64_t gone(void *user, uint32_t number)
{
    static const struct timespec moment = {.tv_nsec = FULL_MS * 1000000L};
    daemon_feed *feed = user;
    feed_partition *p = feed->partitions[number];
    int64_t until_ms = app_monotonic_ms() + GONE_MS;
    admission_batch *batch = take_batch(p);
    bool fine = !batch || put_patiently(feed, batch);
    if (fine && p->is_there && feed->kind->partitioned) say(p, JOURNAL_STANDING_SAME, NULL);
    p->is_there = false;
    atomic_store(&p->shown, false);
    while (!feed->failed && atomic_load(&p->committed) < atomic_load(&p->next) && app_monotonic_ms() < until_ms) nanosleep(&moment, NULL);
    return atomic_load(&p->committed);
}

static void say_log(void *user, int level, const char *text)
{
    daemon_feed *feed = user;
    app_log_say(&feed->daemon->options->log, level, "source %s: %s", feed->name, text);
}

/* ---- messages ---- */

/* Decodes all of a message into the partition's open batch. */
static bool decode_message(daemon_feed *feed, admission_batch *batch, const ingest_message *message)
{
    ingest_record record;
    ingest_got got;
    uint64_t unrouted = ingest_decoder_stats(feed->decoder)->unrouted;
    ingest_decoder_reset(feed->decoder);
    ingest_decoder_feed(feed->decoder, message->ptr, message->len, message->readable, true);
    while ((got = ingest_decoder_next(feed->decoder, &record)) == INGEST_GOT_RECORD || got == INGEST_GOT_REJECTED) {
        record.offset = message->position;
        if (!decoded_add(feed->decoder, feed->format, feed->daemon->plan, feed->daemon->drifts[feed->number], batch, &record)) return false;
    }
    batch->unrouted += ingest_decoder_stats(feed->decoder)->unrouted - unrouted;
    return got != INGEST_GOT_NO_MEMORY;
}

static bool take_message(daemon_feed *feed, const ingest_message *message)
{
    feed_partition *p = feed->partitions[message->partition];
    if (!p->batch && !(p->batch = new_batch(p))) return false;
    admission_batch *batch = p->batch;
    size_t records = batch->n, bytes = batch->bytes;
    bool fine = !message->ptr || decode_message(feed, batch, message);
    atomic_fetch_add(message->ptr ? &feed->messages : &feed->skipped, 1);
    feed->open_records += batch->n - records;
    feed->open_bytes += batch->bytes - bytes;
    set_place(p, batch, &message->next);
    return fine;
}

/* Looks at what waits, and says so where it is another thing than before. */
static bool look(daemon_feed *feed)
{
    int64_t now_ms = app_monotonic_ms();
    if (now_ms - feed->looked_ms < LOOK_MS) return true;
    feed->looked_ms = now_ms;
    for (uint32_t i = 0; i < feed->n_partitions; i++) {
        feed_partition *p = feed->partitions[i];
        if (!p->is_there) continue;
        if (feed->kind->lag) atomic_store(&p->lag, feed->kind->lag(feed->self, p->number));
        if (!feed->kind->partitioned) continue;
        bool caught_up = !feed->kind->caught_up || feed->kind->caught_up(feed->self, p->number);
        uint8_t standing = caught_up ? JOURNAL_STANDING_CAUGHT_UP : JOURNAL_STANDING_BEHIND;
        bool same = standing == atomic_load(&p->standing);
        if (p->batch && !same) {
            p->batch->standing = standing;
            atomic_store(&p->standing, standing);
        } else if (!same && !say(p, standing, NULL)) return false;
    }
    return true;
}

/* It holds the clock no more: nothing will come of it until the next start. */
static void stop_for_good(daemon_feed *feed)
{
    app_log_say(&feed->daemon->options->log, LOG_ERROR, "source %s stops: %s", feed->name, feed->kind->trouble(feed->self));
    atomic_store(&feed->stopped, true);
    settled(feed);
    for (uint32_t i = 0; i < feed->n_partitions && !feed->failed; i++)
        if (feed->kind->partitioned && feed->partitions[i]->is_there) say(feed->partitions[i], JOURNAL_STANDING_SAME, NULL);
}

static bool work_once(daemon_feed *feed)
{
    ingest_message message;
    bool open = feed->open_records > 0;
    for (uint32_t i = 0; i < feed->n_partitions && !open; i++) open = feed->partitions[i]->batch != NULL;
    switch (feed->kind->poll(feed->self, open ? 0 : POLL_MS, &message)) {
    case INGEST_POLLED_MESSAGE:
        if (!take_message(feed, &message)) return false;
        if (feed->open_records < BATCH_RECORDS && feed->open_bytes < BATCH_BYTES) return true;
        return flush(feed) && look(feed);
    case INGEST_POLLED_NOTHING:
        return flush(feed) && look(feed);
    case INGEST_POLLED_ENDED:
        flush(feed);
        return false;
    case INGEST_POLLED_FAILED:
        flush(feed);
        stop_for_good(feed);
        return false;
    }
    return false;
}

static void *work(void *user)
{
    daemon_feed *feed = user;
    while (!feed->failed && !atomic_load(&feed->daemon->stopping) && work_once(feed)) {}
    if (feed->failed && !atomic_load(&feed->daemon->stopping)) {
        app_log_say(&feed->daemon->options->log, LOG_ERROR, "source %s stops: its events could not be handed on", feed->name);
        atomic_store(&feed->stopped, true);
    }
    return NULL;
}

/* ---- life ---- */

static int refuse(const daemon_feed *feed, const char *why)
{
    app_log_say(&feed->daemon->options->log, LOG_ERROR, "source %s: %s", feed->name, why);
    return APP_DIAGNOSTICS;
}

static bool open_feed(daemon_feed *feed, char *reason, size_t size)
{
    const daemon_state *d = feed->daemon;
    feed->has_lock = pthread_mutex_init(&feed->lock, NULL) == 0;
    feed->routes = nfa_engine_new(egret_mem_of(NULL), d->plan);
    feed->self = calloc(1, feed->kind->size);
    ingest_decoder_options options = {.plan = d->plan, .stream = PLAN_NONE, .source = feed->edge, .engine = feed->routes, .format = feed->format};
    feed->decoder = feed->routes ? ingest_decoder_new(&options) : NULL;
    bool room = feed->has_lock && feed->self && feed->decoder && (feed->kind->partitioned || add_partition(feed, ""));
    if (!room) {
        strcpy(reason, "no memory");
        return false;
    }
    if (!feed->kind->partitioned) feed->partitions[0]->is_there = true;
    feed->host = (ingest_feed_host){.user = feed, .source = feed->name, .store_id = store_uuid(d->store), .place = give_place, .appeared = appeared,
                                    .settled = settled, .gone = gone, .log = say_log};
    return feed->kind->open(feed->self, &feed->settings, &feed->host, reason, size);
}

int daemon_feed_open(daemon_state *d, const plan_edge *edge, uint32_t number, const char *name)
{
    char reason[512];
    daemon_feed *feed = d->feeds[number - 1] = calloc(1, sizeof *feed);
    if (!feed) return APP_TROUBLE;
    *feed = (daemon_feed){.daemon = d, .edge = edge, .kind = ingest_feed_kind_find(edge->kind), .number = number, .name = name};
    if (!ingest_source_settings_read(&feed->settings, edge, reason, sizeof reason) ||
        !ingest_source_format(&feed->settings, edge, INGEST_FORMAT_JSON, &feed->format, reason, sizeof reason))
        return refuse(feed, reason);
    return open_feed(feed, reason, sizeof reason) ? APP_FINE : refuse(feed, reason);
}

bool daemon_feed_start(daemon_feed *feed)
{
    feed->has_thread = pthread_create(&feed->thread, NULL, work, feed) == 0;
    return feed->has_thread;
}

void daemon_feed_stop(daemon_feed *feed)
{
    if (feed && feed->has_thread) pthread_join(feed->thread, NULL);
    if (feed) feed->has_thread = false;
}

void daemon_feed_free(daemon_feed *feed)
{
    if (!feed) return;
    if (feed->self) feed->kind->close(feed->self);
    for (uint32_t i = 0; i < feed->n_partitions; i++) {
        admission_batch_free(feed->partitions[i]->batch);
        free(feed->partitions[i]->full_name);
        free(feed->partitions[i]);
    }
    free(feed->partitions);
    ingest_decoder_free(feed->decoder);
    nfa_engine_free(feed->routes);
    if (feed->has_lock) pthread_mutex_destroy(&feed->lock);
    edge_settings_deinit(&feed->settings);
    free(feed->self);
    free(feed);
}

/* ---- numbers ---- */

void daemon_feeds_watermarks(daemon_state *d)
{
    for (uint32_t i = 0; i < d->n_sources; i++) {
        daemon_feed *feed = i > 0 ? d->feeds[i - 1] : NULL;
        atomic_store(&d->watermarks[i], evaluation_watermark(d->evaluation, i, NULL));
        if (!feed) continue;
        pthread_mutex_lock(&feed->lock);
        for (uint32_t k = 0; k < feed->n_partitions; k++) {
            feed_partition *p = feed->partitions[k];
            atomic_store(&p->watermark_ms, evaluation_watermark(d->evaluation, i, feed->kind->partitioned ? p->full_name : NULL));
        }
        pthread_mutex_unlock(&feed->lock);
    }
}

static bool show_partitions(daemon_feed *feed, web_numbers *out)
{
    pthread_mutex_lock(&feed->lock);
    web_partition_numbers *rows = realloc((void *)(uintptr_t)out->partitions, (out->n_partitions + feed->n_partitions + 1) * sizeof *rows);
    if (rows) out->partitions = rows;
    for (uint32_t i = 0; rows && i < feed->n_partitions; i++) {
        const feed_partition *p = feed->partitions[i];
        if (!atomic_load(&p->shown)) continue;
        int64_t next = atomic_load(&p->is_known) ? (int64_t)atomic_load(&p->committed) : -1;
        rows[out->n_partitions++] = (web_partition_numbers){feed->name, p->name, next, atomic_load(&p->lag), atomic_load(&p->watermark_ms),
                                                               atomic_load(&p->standing) == JOURNAL_STANDING_CAUGHT_UP};
    }
    pthread_mutex_unlock(&feed->lock);
    return rows != NULL;
}

bool daemon_feeds_numbers(daemon_state *d, web_numbers *out)
{
    web_source_numbers *rows = (web_source_numbers *)(uintptr_t)out->sources;
    bool fine = true;
    out->n_sources = d->n_sources;
    out->n_partitions = 0;
    for (uint32_t i = 0; i < d->n_sources; i++) {
        daemon_feed *feed = i > 0 ? d->feeds[i - 1] : NULL;
        rows[i] = (web_source_numbers){.name = d->sources[i].name, .watermark_ms = atomic_load(&d->watermarks[i]), .is_feed = feed != NULL, .drift = d->drifts[i]};
        if (!feed) continue;
        ingest_feed_numbers numbers = {.connected = true};
        if (feed->kind->numbers) feed->kind->numbers(feed->self, &numbers);
        rows[i].connected = numbers.connected;
        rows[i].reconnects = numbers.reconnects;
        rows[i].errors = numbers.errors;
        rows[i].refused = numbers.refused;
        rows[i].stopped = atomic_load(&feed->stopped);
        rows[i].messages = atomic_load(&feed->messages);
        rows[i].skipped = atomic_load(&feed->skipped);
        fine = (!feed->kind->partitioned || show_partitions(feed, out)) && fine;
    }
    return fine;
}

const char *daemon_feeds_trouble(const daemon_state *d)
{
    for (uint32_t i = 1; i < d->n_sources; i++) {
        daemon_feed *feed = d->feeds[i - 1];
        ingest_feed_numbers numbers = {0};
        if (!feed) continue;
        if (atomic_load(&feed->stopped)) return "a source has stopped; the log says which and why";
        if (feed->kind->numbers) feed->kind->numbers(feed->self, &numbers);
        if (numbers.refused > 0) return "a source does not read all of its partitions; the log says which and why";
    }
    return NULL;
}
