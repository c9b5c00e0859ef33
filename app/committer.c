/*
 * committer.c: see committer.h. The list of epochs is shared behind one lock: those at its front are being written (`writing` of them), those
 * behind wait. They stay in the list until they are in the journal, so that evidence finds their events in one of both.
 */
#include "app/committer.h"

#include "app/committer_work.h"
#include "store/dead_letters.h"
#include "store/outbox_rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WAITING_RECORDS = 200000,   /* with more of them not written, the engine waits */
    WAITING_BYTES = 128 << 20,
    SPACING_US = 2000,          /* between the begins of two commits, unless… */
    SPACING_RECORDS = 1000,     /* …so many records wait */
    RETRY_MS = 200,
    SETTLE_MS = 200,            /* a settled alert's row goes within that time, if nothing else is committed */
    TRIM_BLOCKS = 64,           /* dropped with one commit at most */
    TRIM_ALERTS = 200,
    SLICE_BYTES = 1 << 20,      /* of checkpoints, written at once: commits wait for no more than that */
    SWEEP_KEYS = 2000
};

/* Something of a checkpoint that waits to be written. */
typedef struct piece {
    struct piece *next;
    uint64_t version;
    uint32_t number;
    bool is_end;
    checkpoint_info info;       /* of the end */
    size_t len;
    char bytes[];
} piece;

/* What a transaction has dropped, and the bytes of blocks it has written. */
typedef struct trimmed { unsigned blocks, alerts; uint64_t written; } trimmed;

/* What is wrong, and how those are answered who wait. */
typedef struct trouble_words { const char *what, *answer; } trouble_words;
static const trouble_words FULL = {"the disk is full", "the disk is full; what was sent is not kept yet"};
static const trouble_words READ_ONLY = {"the disk is read-only", "the disk is read-only; what was sent is not kept yet"};
static const trouble_words GIVEN_UP = {"the store does not work", "the store does not work; nothing of this request was kept"};

struct committer {
    committer_options options;
    journal_pack pack;
    int64_t start_wall_ms, start_ms;    /* both clocks when it began */
    pthread_t thread;
    _Atomic(const trouble_words *) trouble;
    atomic_bool lost;
    pthread_mutex_t lock;       /* all below */
    pthread_cond_t came, went;
    epoch *first, **end;
    size_t n_records, bytes;    /* of all epochs in the list */
    uint64_t *refusing, *refused;   /* by sink: in the transaction at hand (the committer's thread); in all that were committed */
    committer_tasks tasks;      /* marks of the outboxes, and what others want to be done */
    uint64_t needed;
    uint64_t hold;                      /* committer_hold */
    uint64_t warm_from, warm_until;     /* committer_need_until; from UINT64_MAX: nothing */
    piece *pieces, **pieces_end;
    size_t piece_bytes;
    bool sweeping;              /* behind the newest checkpoint */
    uint64_t sweep_at;          /* the committer's thread */
    bool releasing;             /* what was taken out of the list is still being answered and released */
    bool closing;
    bool ended;                 /* the thread: nothing is written any more */
    committer_stats stats;
};

/* ---- writing: the committer's thread, without the lock ---- */

/* Ends the block when it is large enough. in: the batch that goes on in the next one, or NULL. */
static int maybe_append(committer *c, size_t limit, const journal_batch *in)
{
    if (journal_pack_bytes(&c->pack) <= limit) return 0;
    int code = journal_append(c->options.store, &c->pack);
    if (code == 0 && in) {
        journal_batch again = *in;
        again.continued = true;
        journal_pack_batch(&c->pack, &again);
    }
    return code;
}

static int write_batch(committer *c, const rule_set *rules, const admission_batch *batch)
{
    const plan *p = rules->plan;
    const char *source = batch->partition ? batch->partition : c->options.sources[batch->source];
    journal_batch head = {.source = {source, (uint32_t)strlen(source)}, .arrival_ms = batch->arrival_ms, .ends_source = batch->ends_source,
                          .standing = batch->standing};
    int code = 0;
    journal_pack_batch(&c->pack, &head);
    for (size_t i = 0; i < batch->n && code == 0; i++) {
        const admitted_record *record = &batch->records[i];
        if (!record->slots) continue;
        journal_event event = {.stream = p->streams[record->stream].name, .layout = rules->layouts[record->stream], .line = record->line,
                               .offset = record->offset, .raw = {record->raw, (uint32_t)record->raw_len}, .slots = record->slots,
                               .n_slots = p->streams[record->stream].n_slots};
        journal_pack_event(&c->pack, &event);
        code = maybe_append(c, JOURNAL_BLOCK_BYTES, &head);
    }
    if (code == 0 && batch->has_place) code = store_place_put(c->options.store, source, &batch->place);
    if (code == 0 && batch->returns_to > 0) code = dead_returns_del(c->options.store, batch->returns_from, batch->returns_to);
    return code;
}

/* On its way to the sink, or among the dead letters when too much waits for it. */
static int write_row(committer *c, const history_entry *entry, uint64_t order, uint32_t sink)
{
    store *s = c->options.store;
    outbox_row row = {.position = entry->position, .order = order, .came_ms = entry->wall_ms, .sink = c->options.sinks[sink],
                      .id = entry->message_id, .bytes = entry->bytes, .len = entry->len};
    if (c->options.bounds) {
        outbox_sink waiting;
        int code = outbox_sink_now(s, row.sink, &waiting);
        if (code != 0) return code;
        const committer_bound *bound = &c->options.bounds[sink];
        if (waiting.rows >= bound->rows || waiting.bytes + row.len > bound->bytes) {
            c->refusing[sink]++;
            return outbox_row_refuse(s, &row, "too much waits for this sink already");
        }
    }
    return outbox_row_put(s, &row);
}

static int write_alerts(committer *c, epoch *e)
{
    int code = 0;
    for (epoch_alert *alert = e->alerts; alert && code == 0; alert = alert->next) {
        history_entry *entry = &alert->entry;
        for (entry->n_sinks = 0; entry->n_sinks < alert->n_sinks && entry->n_sinks < HISTORY_MAX_SINKS; entry->n_sinks++)
            entry->sinks[entry->n_sinks] = c->options.sinks[alert->sinks[entry->n_sinks]];
        code = history_put(c->options.store, entry);
        for (uint32_t i = 0; i < alert->n_sinks && code == 0; i++) code = write_row(c, entry, alert->order, alert->sinks[i]);
    }
    return code;
}

static int write_letters(committer *c, epoch *e)
{
    int code = 0;
    for (epoch_letter *letter = e->letters; letter && code == 0; letter = letter->next)
        code = dead_letter_put(c->options.store, &letter->letter);
    return code;
}

static int write_epoch(committer *c, epoch *e)
{
    int code = 0;
    if (e->is_start) journal_pack_start(&c->pack, &e->start);
    if (e->change) {
        journal_control control = rule_change_record(e->change);
        journal_pack_control(&c->pack, &control);
        code = rule_change_write(e->change, c->options.store);
    }
    for (admission_batch *batch = e->batches; batch && code == 0; batch = batch->next) code = write_batch(c, e->rules, batch);
    if (code == 0) code = write_alerts(c, e);
    if (code == 0) code = write_letters(c, e);
    journal_pack_epoch(&c->pack, &e->end);
    journal_set_clock(c->options.store, e->end.clock_ms);
    return code == 0 ? maybe_append(c, JOURNAL_BLOCK_BYTES, NULL) : code;
}

/* A wall clock that jumps ahead makes nothing old: it has gone on since the start as the monotonic one has, or less. */
static int64_t trusted_wall_ms(const committer *c)
{
    int64_t wall_ms = app_wall_ms(NULL), steady_ms = c->start_wall_ms + app_monotonic_ms() - c->start_ms;
    return wall_ms < steady_ms ? wall_ms : steady_ms;
}

/* What is older than what is kept goes, in slices. */
static int trim(committer *c, uint64_t needed, trimmed *dropped)
{
    store *s = c->options.store;
    int64_t now_ms = trusted_wall_ms(c);
    int code = journal_trim(s, now_ms - c->options.keep_ms, c->options.keep_bytes, needed, TRIM_BLOCKS, &dropped->blocks);
    if (code != 0) return code;
    return history_trim(s, now_ms - c->options.keep_alerts_ms, c->options.keep_alert_bytes, TRIM_ALERTS, &dropped->alerts);
}

/* All in one transaction. What was begun of a block by a try that failed is forgotten. */
static int write_all(committer *c, epoch *first, size_t n, committer_task *tasks, uint64_t needed, trimmed *dropped)
{
    store *s = c->options.store;
    journal_pack_forget(&c->pack);
    memset(c->refusing, 0, c->options.n_sinks * sizeof *c->refusing);
    if (c->options.unkept) return 0;
    int code = store_begin(s);
    if (code != 0) return code;
    uint64_t before = journal_pending(s).bytes;
    for (epoch *e = first; n > 0 && code == 0; e = --n > 0 ? e->next : NULL) code = write_epoch(c, e);   /* others append behind the last */
    if (code == 0 && c->pack.n_records > 0) code = journal_append(s, &c->pack);
    dropped->written = journal_pending(s).bytes - before;
    if (code == 0) code = committer_tasks_run(tasks, s);
    if (code == 0) code = trim(c, needed, dropped);
    if (code == 0) return store_commit(s);
    store_abort(s);
    return code;
}

/* ---- the list: under the lock ---- */

static struct timespec in_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) at.tv_sec++, at.tv_nsec -= 1000000000L;
    return at;
}

/* A commit that follows the last one closely waits for more to come along. */
static void gather(committer *c, int64_t last_us)
{
    int64_t early_us = last_us + SPACING_US - app_monotonic_us();
    struct timespec until;
    if (early_us <= 0 || early_us > SPACING_US) return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)early_us * 1000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    while (c->n_records < SPACING_RECORDS && !c->closing && pthread_cond_timedwait(&c->came, &c->lock, &until) == 0) {}
}

/* Waits until there is something to commit; false: all is done and it is to end. */
static bool wait_for_work(committer *c, int64_t last_us)
{
    struct timespec until = in_ms(SETTLE_MS);
    while (!c->first && !c->closing && !c->pieces && !c->sweeping && !committer_tasks_urgent(&c->tasks)) {
        if (c->tasks.n == 0) {
            pthread_cond_wait(&c->came, &c->lock);
            until = in_ms(SETTLE_MS);
        } else if (pthread_cond_timedwait(&c->came, &c->lock, &until) != 0) {
            break;
        }
    }
    if (c->first) gather(c, last_us);
    return c->first || c->tasks.n > 0 || c->pieces || !c->closing;
}

/* n epochs are on the disk. Gives them, taken out of the list. */
static epoch *take_out(committer *c, size_t n)
{
    epoch *taken = c->first, **last = &taken;
    for (; n > 0; n--) {
        c->n_records -= (*last)->n_records;
        c->bytes -= (*last)->bytes;
        last = &(*last)->next;
    }
    c->first = *last;
    if (!c->first) c->end = &c->first;
    *last = NULL;
    return taken;
}

static void release_all(committer *c, epoch *done)
{
    uint64_t newest = 0;
    for (epoch *next; done; done = next) {
        next = done->next;
        epoch_committed(done);
        for (const epoch_alert *alert = done->alerts; alert; alert = alert->next) newest = alert->entry.position;
        epoch_free(done);
    }
    if (newest > 0) c->options.release(c->options.user, newest);
}

static void note_commit(committer *c, int64_t took_us, const trimmed *dropped)
{
    const store *s = c->options.store;
    journal_state now = journal_now(s);
    history_bounds history = history_now_kept(s);
    dead_kept dead = dead_letters_kept(s);
    for (uint32_t i = 0; i < c->options.n_sinks; i++) c->refused[i] += c->refusing[i];
    c->stats.commits++;
    c->stats.journal_written += dropped->written;
    c->stats.commit_us += (uint64_t)took_us;
    unsigned bucket = 0;
    while (bucket < WEB_COMMITS && took_us > web_commit_bounds_us[bucket]) bucket++;
    c->stats.by_time[bucket]++;
    if ((uint64_t)took_us > c->stats.longest_us) c->stats.longest_us = (uint64_t)took_us;
    c->stats.journal_bytes = now.bytes;
    c->stats.journal_blocks = now.blocks;
    c->stats.file_bytes = store_file_bytes(s);
    c->stats.dropped_blocks += dropped->blocks;
    c->stats.alerts = history.count;
    c->stats.alert_bytes = history.bytes;
    c->stats.dropped_alerts += dropped->alerts;
    c->stats.dead = dead.count;
    c->stats.dead_bytes = dead.bytes;
    c->stats.dropped_dead = dead.dropped;
}

/* The store did not take it. False: it never will. */
static bool handle_failure(committer *c, int code)
{
    store_trouble trouble = store_judge(c->options.store, code);
    bool told = atomic_load(&c->trouble) != NULL;
    const trouble_words *words = trouble != STORE_FULL ? &GIVEN_UP : code == EROFS ? &READ_ONLY : &FULL;
    c->stats.failures++;
    if (!told || trouble == STORE_LOST)
        app_log_say(c->options.log, LOG_ERROR, "journal: %s%s", store_text(code),
                    trouble != STORE_FULL ? ": this cannot be mended while running"
                    : code == EROFS      ? ": events are refused until it can be written again"
                                         : ": events are refused until there is room");
    atomic_store(&c->trouble, words);
    for (epoch *e = c->first; e; e = e->next) epoch_answer(e, words->answer);
    if (trouble == STORE_FULL) return true;
    atomic_store(&c->lost, true);
    return false;
}

static void note_success(committer *c)
{
    const trouble_words *was = atomic_exchange(&c->trouble, NULL);
    if (was) app_log_say(c->options.log, LOG_INFO, was == &READ_ONLY ? "journal: the disk can be written again" : "journal: there is room again");
}

/* How many epochs go into one commit: all that wait, but for what would make it too large. */
static size_t count_first(const epoch *first)
{
    size_t n = 0, row_bytes = 0;
    for (const epoch *e = first; e && (n == 0 || row_bytes + e->row_bytes <= (size_t)COMMITTER_ROW_BYTES); e = e->next, n++) row_bytes += e->row_bytes;
    return n;
}

/* One commit of what waits. False: it has given up. */
static bool commit_once(committer *c)
{
    trimmed dropped = {0};
    epoch *first = c->first;
    size_t n = count_first(first);
    uint64_t needed = c->needed < c->hold ? c->needed : c->hold;
    needed = needed < c->warm_from ? needed : c->warm_from;
    committer_task *tasks = committer_tasks_take(&c->tasks, COMMITTER_MARKS);
    pthread_mutex_unlock(&c->lock);
    int64_t began_us = app_monotonic_us();
    int code = write_all(c, first, n, tasks, needed, &dropped);
    int64_t took_us = app_monotonic_us() - began_us;
    if (code != 0) tasks = committer_tasks_failed(tasks, code);
    pthread_mutex_lock(&c->lock);
    if (code != 0) {
        committer_tasks_put_back(&c->tasks, tasks);
        return handle_failure(c, code);
    }
    note_success(c);
    note_commit(c, took_us, &dropped);
    epoch *done = take_out(c, n);
    c->releasing = true;
    pthread_mutex_unlock(&c->lock);
    committer_tasks_tell(tasks);
    release_all(c, done);
    pthread_mutex_lock(&c->lock);
    c->releasing = false;
    pthread_cond_broadcast(&c->went);
    return true;
}

/* ---- checkpoints ---- */

static int write_slice(committer *c, piece *first, size_t n, size_t *written, bool *ended)
{
    store *s = c->options.store;
    int code = store_begin(s);
    if (code != 0) return code;
    for (piece *p = first; n > 0 && code == 0; p = --n > 0 ? p->next : NULL) {
        *ended = p->is_end;
        code = p->is_end ? checkpoint_finish(s, &p->info) : checkpoint_put(s, p->version, p->number, p->bytes, p->len, written);
    }
    if (code == 0) return store_commit(s);
    store_abort(s);
    return code;
}

static int sweep_some(committer *c)
{
    int code = store_begin(c->options.store);
    if (code == 0) code = checkpoint_sweep(c->options.store, &c->sweep_at, SWEEP_KEYS, false);
    if (code == 0) return store_commit(c->options.store);
    store_abort(c->options.store);
    return code;
}

static void drop_pieces(committer *c, size_t n)
{
    for (; n > 0; n--) {
        piece *p = c->pieces;
        c->pieces = p->next;
        if (!c->pieces) c->pieces_end = &c->pieces;
        c->piece_bytes -= p->len;
        if (p->is_end) {
            c->needed = p->info.lsn;
            if (c->warm_until < c->needed) c->warm_from = UINT64_MAX;
            c->sweep_at = 0;
            c->sweeping = true;
            c->stats.checkpoints++;
        }
        free(p);
    }
}

/* A slice of what waits, or of the sweeping. The end of a checkpoint closes its slice, and does not go before the epochs it was cut behind: they may
 * have been submitted since the last commit. False: it has given up. */
static bool keep_once(committer *c)
{
    size_t n = 0, bytes = 0, written = 0;
    bool ended = false;
    piece *first = c->pieces;
    uint64_t committed = journal_now(c->options.store).next_lsn;
    for (const piece *p = first; p && bytes < (size_t)SLICE_BYTES && (n == 0 || !ended); p = p->next, n++) {
        if (p->is_end && p->info.lsn > committed) break;
        bytes += p->len;
        ended = p->is_end;
    }
    if (n == 0 && !c->sweeping) return true;
    pthread_mutex_unlock(&c->lock);
    int code = n > 0 ? write_slice(c, first, n, &written, &ended) : sweep_some(c);
    pthread_mutex_lock(&c->lock);
    if (code != 0) return handle_failure(c, code);
    note_success(c);
    c->stats.checkpoint_bytes += written;
    if (n == 0 && c->sweep_at > UINT32_MAX) c->sweeping = false;
    drop_pieces(c, n);
    if (!c->pieces) pthread_cond_broadcast(&c->went);
    return true;
}

static bool add_piece(committer *c, piece *p)
{
    if (!p) return false;
    pthread_mutex_lock(&c->lock);
    *c->pieces_end = p;
    c->pieces_end = &p->next;
    c->piece_bytes += p->len;
    pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->lock);
    return true;
}

bool committer_keep(committer *c, uint64_t version, uint32_t number, const char *bytes, size_t len)
{
    piece *p = len < SIZE_MAX - sizeof *p ? malloc(sizeof *p + len) : NULL;
    if (!p) return false;
    *p = (piece){.version = version, .number = number, .len = len};
    if (len > 0) memcpy(p->bytes, bytes, len);
    return add_piece(c, p);
}

bool committer_keep_end(committer *c, const checkpoint_info *info)
{
    piece *p = malloc(sizeof *p);
    if (p) *p = (piece){.version = info->version, .is_end = true, .info = *info};
    return add_piece(c, p);
}

size_t committer_keep_waiting(committer *c)
{
    pthread_mutex_lock(&c->lock);
    size_t bytes = c->piece_bytes;
    pthread_mutex_unlock(&c->lock);
    return bytes;
}

bool committer_keep_idle(committer *c)
{
    pthread_mutex_lock(&c->lock);
    bool idle = !c->pieces && !c->sweeping;
    pthread_mutex_unlock(&c->lock);
    return idle;
}

/* One round, under the lock. False: it is to end. */
static bool go_on(committer *c)
{
    bool fine = (!c->first && c->tasks.n == 0) || commit_once(c);
    if (fine && !(c->first && atomic_load(&c->trouble)) && (c->pieces || c->sweeping)) fine = keep_once(c);
    return fine && !(c->closing && atomic_load(&c->trouble));
}

/* Nothing is written any more. The lock is held, and let go. */
static void end(committer *c)
{
    committer_task *left = committer_tasks_take(&c->tasks, SIZE_MAX);
    c->ended = true;
    pthread_cond_broadcast(&c->went);
    pthread_mutex_unlock(&c->lock);
    committer_tasks_drop(left);
    if (atomic_load(&c->lost)) c->options.given_up(c->options.user);
}

static void *work(void *user)
{
    committer *c = user;
    int64_t last_us = 0;
    pthread_mutex_lock(&c->lock);
    while (wait_for_work(c, last_us)) {
        last_us = app_monotonic_us();
        if (!go_on(c)) break;
        if (atomic_load(&c->trouble)) {
            struct timespec until = in_ms(RETRY_MS);
            pthread_cond_broadcast(&c->went);
            while (!c->closing && pthread_cond_timedwait(&c->came, &c->lock, &until) == 0) {}
        }
    }
    end(c);
    return NULL;
}

bool committer_step(committer *c)
{
    pthread_mutex_lock(&c->lock);
    bool more = !c->ended && (c->first || c->tasks.n > 0 || c->pieces || c->sweeping);
    if (more && !go_on(c)) {
        end(c);
        return false;
    }
    pthread_mutex_unlock(&c->lock);
    return more;
}

/* ---- others ---- */

bool committer_submit(committer *c, epoch *e)
{
    pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->lost) && c->first && (c->n_records >= WAITING_RECORDS || c->bytes >= (size_t)WAITING_BYTES))
        pthread_cond_wait(&c->went, &c->lock);
    bool fine = !atomic_load(&c->lost);
    if (fine) {
        e->next = NULL;
        *c->end = e;
        c->end = &e->next;
        c->n_records += e->n_records;
        c->bytes += e->bytes;
        pthread_cond_signal(&c->came);
    }
    pthread_mutex_unlock(&c->lock);
    if (!fine) epoch_free(e);
    return fine;
}

void committer_flush(committer *c)
{
    pthread_mutex_lock(&c->lock);
    while (((c->first || c->pieces) && !atomic_load(&c->lost) && !atomic_load(&c->trouble)) || c->releasing) pthread_cond_wait(&c->went, &c->lock);
    const trouble_words *words = atomic_load(&c->trouble);
    for (epoch *e = c->first; e; e = e->next) epoch_answer(e, words ? words->answer : FULL.answer);
    pthread_mutex_unlock(&c->lock);
}

bool committer_wait(committer *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->first && !atomic_load(&c->lost) && !atomic_load(&c->trouble)) pthread_cond_wait(&c->went, &c->lock);
    bool written = !c->first;
    pthread_mutex_unlock(&c->lock);
    return written;
}

static bool add_task(committer *c, committer_task *task)
{
    if (!task) return false;
    pthread_mutex_lock(&c->lock);
    bool taken = !c->ended;
    if (taken) committer_tasks_add(&c->tasks, task);
    if (taken && (c->tasks.n == 1 || committer_tasks_urgent(&c->tasks))) pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->lock);
    if (!taken) free(task);
    return taken;
}

bool committer_settled(committer *c, const char *sink, uint64_t row, const delivery *what)
{
    return add_task(c, committer_task_mark(sink, row, what));
}

bool committer_do(committer *c, committer_work_fn what, committer_done_fn done, void *user)
{
    return add_task(c, committer_task_work(what, done, user));
}

void committer_need(committer *c, uint64_t lsn)
{
    pthread_mutex_lock(&c->lock);
    c->needed = lsn;
    pthread_mutex_unlock(&c->lock);
}

void committer_hold(committer *c, uint64_t lsn)
{
    pthread_mutex_lock(&c->lock);
    c->hold = lsn;
    pthread_mutex_unlock(&c->lock);
}

void committer_need_until(committer *c, uint64_t lsn, uint64_t until)
{
    pthread_mutex_lock(&c->lock);
    if (lsn < c->warm_from) c->warm_from = lsn;
    c->warm_until = until;
    pthread_mutex_unlock(&c->lock);
}

bool committer_raw(committer *c, uint64_t lsn, egret_text *out)
{
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (const epoch *e = c->first; e && !found; e = e->next) found = epoch_raw(e, lsn, out);
    pthread_mutex_unlock(&c->lock);
    return found;
}

const char *committer_trouble(committer *c)
{
    const trouble_words *words = atomic_load(&c->trouble);
    return words ? words->what : NULL;
}

committer_stats committer_get_stats(committer *c)
{
    pthread_mutex_lock(&c->lock);
    committer_stats stats = c->stats;
    pthread_mutex_unlock(&c->lock);
    return stats;
}

uint64_t committer_refused(committer *c, uint32_t sink)
{
    pthread_mutex_lock(&c->lock);
    uint64_t n = c->refused[sink];
    pthread_mutex_unlock(&c->lock);
    return n;
}

committer *committer_start(const committer_options *options)
{
    pthread_condattr_t attributes;
    committer *c = calloc(1, sizeof *c);
    uint64_t *counters = calloc(2 * ((size_t)options->n_sinks + 1), sizeof *counters);
    if (!c || !counters) {
        free(counters);
        free(c);
        return NULL;
    }
    c->options = *options;
    c->start_wall_ms = app_wall_ms(NULL);
    c->start_ms = app_monotonic_ms();
    c->refusing = counters;
    c->refused = counters + options->n_sinks;
    c->end = &c->first;
    c->hold = c->warm_from = UINT64_MAX;
    c->pieces_end = &c->pieces;
    committer_tasks_init(&c->tasks);
    journal_pack_init(&c->pack);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->came, &attributes);
    pthread_cond_init(&c->went, &attributes);
    pthread_condattr_destroy(&attributes);
    note_commit(c, 0, &(trimmed){0});
    c->stats.commits = 0;
    if (options->no_thread || pthread_create(&c->thread, NULL, work, c) == 0) return c;
    journal_pack_deinit(&c->pack);
    free(c->refusing);
    free(c);
    return NULL;
}

void committer_stop(committer *c)
{
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->came);
    pthread_mutex_unlock(&c->lock);
    if (!c->options.no_thread) pthread_join(c->thread, NULL);
    for (epoch *e = c->first, *next; e; e = next) {
        next = e->next;
        epoch_free(e);
    }
    for (piece *p = c->pieces, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    committer_tasks_drop(committer_tasks_take(&c->tasks, SIZE_MAX));
    pthread_cond_destroy(&c->went);
    pthread_cond_destroy(&c->came);
    pthread_mutex_destroy(&c->lock);
    journal_pack_deinit(&c->pack);
    free(c->refusing);
    free(c);
}
