/*
 * daemon_checkpoint.c: the state of the engine, written to the store while it works, and brought back at the start.
 *
 * A cut is made between two epochs, when it is time (is_time); its packs are handed to the committer a few at a time, between
 * epochs, so that nobody waits for more than those. It is the newest checkpoint once the committer has written its end, behind all its pieces, which
 * themselves are behind the epochs before the cut.
 *
 * The head holds what is not in blocks: which rules held (lines of rule_set.h), the evaluation's own, the head of the order, then the engine's head. The order's
 * held events and identities follow in pieces, before the packs. They are written anew each time, so a piece begins with the version it is of: what an
 * earlier one left under its number does not count.
 */
#include "app/daemon_internal.h"

#include "store/places.h"

#include <inttypes.h>
#include <string.h>

enum { STEP_US = 500, AHEAD_BYTES = 8 << 20, LONGEST_MS = 3600 * 1000 };
#define ORDER_PIECES UINT32_C(0xF0000000)       /* the number of the first piece of the order; packs stay far below */

typedef struct head_image { uint64_t rules_bytes, evaluation_bytes, engine_bytes; } head_image;

/* ---- writing: the engine's thread, between epochs ---- */

static bool put_head(daemon_state *d, bool all)
{
    egret_text rules, own, inner, head;
    egret_mem mem = egret_mem_of(NULL);
    egret_text_init(&rules, mem);
    egret_text_init(&own, mem);
    egret_text_init(&inner, mem);
    egret_text_init(&head, mem);
    bool fine = evaluation_cut(d->evaluation, &own) == EGRET_OK &&
                nfa_shards_cut_begin(evaluation_shards(d->evaluation), all, &inner);
    rule_set_write(evaluation_rules(d->evaluation), &rules);
    head_image image = {rules.len, own.len, inner.len};
    if (fine) {
        egret_text_put(&head, (const char *)&image, sizeof image);
        egret_text_put(&head, rules.ptr, rules.len);
        egret_text_put(&head, own.ptr, own.len);
        egret_text_put(&head, inner.ptr, inner.len);
        fine = !head.failed && !rules.failed && committer_keep(d->committer, d->checkpoint.version, CHECKPOINT_HEAD, head.ptr, head.len);
        if (!fine) nfa_shards_cut_drop(evaluation_shards(d->evaluation));
    }
    if (!fine) ingest_order_cut_drop(evaluation_order(d->evaluation));
    egret_text_deinit(&rules);
    egret_text_deinit(&own);
    egret_text_deinit(&inner);
    egret_text_deinit(&head);
    return fine;
}

static void begin(daemon_state *d)
{
    bool all = d->checkpoint.base == 0;
    checkpoint_info before = d->checkpoint;
    d->checkpoint.version++;
    if (all) d->checkpoint.base = d->checkpoint.version;
    d->checkpoint.lsn = d->next_lsn;
    d->checkpoint.rules = evaluation_rules(d->evaluation)->fingerprint;
    d->checkpoint.clock_ms = d->clock_ms;
    d->events_at_cut = d->next_event;
    d->cut_at_ms = app_monotonic_ms();
    d->order_pieces = 0;
    d->cut_soon = false;
    if (put_head(d, all)) return;
    d->checkpoint = before;
    app_log_say(&d->options->log, LOG_WARNING, "checkpoint: no memory for it now");
}

static void note_duration(daemon_state *d)
{
    int64_t took_us = (app_monotonic_ms() - d->cut_at_ms) * 1000;
    unsigned bucket = 0;
    while (bucket < WEB_CHECKPOINTS && took_us > web_checkpoint_bounds_us[bucket]) bucket++;
    atomic_fetch_add(&d->checkpoints[bucket], 1);
    atomic_fetch_add(&d->checkpoints_us, took_us);
}

/* The cut has been handed over, or came to nothing. */
static void end(daemon_state *d, bool good)
{
    if (good && committer_keep_end(d->committer, &d->checkpoint)) {
        note_duration(d);
        return;
    }
    nfa_shards_cut_drop(evaluation_shards(d->evaluation));
    ingest_order_cut_drop(evaluation_order(d->evaluation));
    d->checkpoint.base = 0;     /* the next one is of all, whatever of this one has been written */
    app_log_say(&d->options->log, LOG_WARNING, "checkpoint: no memory for it now");
}

static void note_pause(daemon_state *d, int64_t took_us)
{
    unsigned bucket = 0;
    while (bucket < WEB_PAUSES && took_us > web_pause_bounds_us[bucket]) bucket++;
    atomic_fetch_add(&d->pauses[bucket], 1);
    atomic_fetch_add(&d->pauses_us, took_us);
    if (took_us > atomic_load(&d->longest_pause_us)) atomic_store(&d->longest_pause_us, took_us);
}

/* A piece of the order, or of what an earlier checkpoint had more of them. */
static bool put_order(daemon_state *d)
{
    egret_text piece;
    uint64_t version = d->checkpoint.version;
    egret_text_init(&piece, egret_mem_of(NULL));
    egret_text_put(&piece, (const char *)&version, sizeof version);
    bool fine = ingest_order_cut_next(evaluation_order(d->evaluation), &piece) == EGRET_OK;
    if (fine && piece.len > sizeof version)
        fine = committer_keep(d->committer, version, ORDER_PIECES + d->order_pieces++, piece.ptr, piece.len);
    if (fine && !ingest_order_cut_is_open(evaluation_order(d->evaluation))) {
        for (uint32_t i = d->order_pieces; fine && i < d->order_pieces_before; i++) fine = committer_keep(d->committer, version, ORDER_PIECES + i, "", 0);
        d->order_pieces_before = d->order_pieces;
    }
    egret_text_deinit(&piece);
    return fine;
}

/* Hands the order and then packs over for that long. */
static void step(daemon_state *d, int64_t for_us)
{
    nfa_shards *shards = evaluation_shards(d->evaluation);
    bool base = d->checkpoint.base == d->checkpoint.version, fine = true;
    int64_t began_us = app_monotonic_us();
    nfa_pack pack;
    while (fine && app_monotonic_us() - began_us < for_us) {
        if (ingest_order_cut_is_open(evaluation_order(d->evaluation))) {
            fine = put_order(d);
            continue;
        }
        if (!nfa_shards_cut_next(shards, &pack)) {
            end(d, !nfa_shards_cut_failed(shards));
            break;
        }
        if (pack.len > 0 || !base) fine = committer_keep(d->committer, d->checkpoint.version, pack.number, pack.bytes, pack.len);
    }
    if (!fine) end(d, false);
    if (for_us != INT64_MAX) note_pause(d, app_monotonic_us() - began_us);
}

static bool is_open(daemon_state *d)
{
    return nfa_shards_cut_is_open(evaluation_shards(d->evaluation));
}

/* Many events have come since the last, or some and much time has gone, or the journal is too large and only a checkpoint lets it shrink. */
static bool is_time(daemon_state *d)
{
    uint64_t events = d->next_event - d->events_at_cut;
    if ((events == 0 && !d->cut_soon) || d->options->unkept || !nfa_shards_cut_may(evaluation_shards(d->evaluation))) return false;
    return d->cut_soon || events >= d->options->checkpoint_events || app_monotonic_ms() - d->cut_at_ms >= LONGEST_MS ||
           committer_get_stats(d->committer).journal_bytes > d->options->keep_bytes;
}

bool daemon_checkpoint_step(daemon_state *d)
{
    if (is_open(d)) {
        if (committer_keep_waiting(d->committer) < (size_t)AHEAD_BYTES) step(d, STEP_US);
    } else if (is_time(d) && committer_keep_idle(d->committer)) {
        int64_t began_us = app_monotonic_us();
        begin(d);
        note_pause(d, app_monotonic_us() - began_us);
    } else if (!d->options->unkept) {
        ingest_order_cut_prepare(evaluation_order(d->evaluation));
    }
    return is_open(d);
}

void daemon_checkpoint_finish(daemon_state *d)
{
    if (!d->committer || committer_trouble(d->committer) || d->options->unkept) return;
    if (is_open(d)) step(d, INT64_MAX);
    if (d->next_lsn > d->checkpoint.lsn && nfa_shards_cut_may(evaluation_shards(d->evaluation))) begin(d);
    if (is_open(d)) step(d, INT64_MAX);
}

/* ---- bringing back ---- */

typedef struct bringing {
    daemon_state *daemon;
    uint64_t version;
    uint64_t rules;             /* fingerprint they must have */
    egret_status status;
    bool has_head;
} bringing;

static bool find_text(void *user, const char *hash, egret_text *out)
{
    const daemon_state *d = user;
    return store_content_get(d->store, hash, out);
}

/* An evaluation by the rules of then. EGRET_BAD_USE: they are not to be had, or mean something else to this version. */
static egret_status make_evaluation(bringing *b, const char *lines, size_t len)
{
    daemon_state *d = b->daemon;
    rule_set *rules = rule_set_new();
    egret_status status = rules ? EGRET_BAD_USE : EGRET_NO_MEMORY;
    bool fine = rules && rule_set_read(rules, lines, len, find_text, d) && rule_set_compile(rules);
    if (fine && (rules->fingerprint == b->rules || recovery_printed_fingerprint(rules->plan) == b->rules))
        status = daemon_engine_make(d, rules) ? EGRET_OK : EGRET_NO_MEMORY;
    rule_set_drop(rules);
    return status;
}

static bool take_head(void *user, uint32_t number, const char *bytes, size_t len)
{
    bringing *b = user;
    head_image image;
    (void)number;
    b->status = EGRET_BAD_USE;
    if (len < sizeof image) return false;
    memcpy(&image, bytes, sizeof image);
    size_t left = len - sizeof image;
    if (image.rules_bytes > left || image.evaluation_bytes > left - image.rules_bytes ||
        image.engine_bytes != left - image.rules_bytes - image.evaluation_bytes)
        return false;
    const char *at = bytes + sizeof image + image.rules_bytes, *end_of_own = at + image.evaluation_bytes;
    b->status = make_evaluation(b, bytes + sizeof image, (size_t)image.rules_bytes);
    if (b->status == EGRET_OK) b->status = evaluation_load_cut(b->daemon->evaluation, &at, end_of_own);
    if (b->status == EGRET_OK)
        b->status = nfa_shards_restore_begin(evaluation_shards(b->daemon->evaluation), end_of_own, (size_t)image.engine_bytes, &b->daemon->spread);
    b->has_head = true;
    return false;
}

static bool take_pack(void *user, uint32_t number, const char *bytes, size_t len)
{
    bringing *b = user;
    if (number == CHECKPOINT_HEAD) return false;
    if (number >= ORDER_PIECES) {
        uint64_t version = 0;
        if (len >= sizeof version) memcpy(&version, bytes, sizeof version);
        if (version == b->version) b->status = ingest_order_load_pieces(evaluation_order(b->daemon->evaluation), bytes + sizeof version, len - sizeof version);
        return b->status == EGRET_OK;
    }
    b->status = nfa_shards_restore_pack(evaluation_shards(b->daemon->evaluation), number, bytes, len);
    return b->status == EGRET_OK;
}

static egret_status bring_back(daemon_state *d, const checkpoint_info *info)
{
    bringing b = {d, info->version, info->rules, EGRET_OK, false};
    int code;
    egret_status status = checkpoint_read(d->store, info, CHECKPOINT_HEAD, take_head, &b, &code);
    if (status == EGRET_OK && !b.has_head) status = EGRET_BAD_EVENT;
    if (status == EGRET_OK && b.status == EGRET_OK) status = checkpoint_read(d->store, info, 0, take_pack, &b, &code);
    if (status == EGRET_OK) status = b.status;
    if (status == EGRET_OK) status = ingest_order_load_end(evaluation_order(d->evaluation));
    return status == EGRET_OK ? nfa_shards_restore_end(evaluation_shards(d->evaluation)) : status;
}

bool daemon_checkpoint_restore(daemon_state *d)
{
    checkpoint_info info;
    const app_log *log = &d->options->log;
    if (!checkpoint_newest(d->store, &info)) return false;
    d->checkpoint.version = info.version;
    /* One that is ahead of the journal holds what was never promised: it is as good as broken. */
    egret_status status = info.lsn <= journal_now(d->store).next_lsn ? bring_back(d, &info) : EGRET_BAD_EVENT;
    if (status == EGRET_OK) {
        d->checkpoint = info;
        d->events_at_cut = journal_now(d->store).next_event;
        app_log_say(log, LOG_INFO, "checkpoint %" PRIu64 ": the state as of record %" PRIu64, info.version, info.lsn);
        return true;
    }
    app_log_say(log, LOG_ERROR, "checkpoint %" PRIu64 ": %s; the journal is evaluated from its beginning instead", info.version,
                status == EGRET_BAD_EVENT ? "a piece of it cannot be read" : status == EGRET_BAD_USE ? "it is of another version of egret"
                                                                                                : egret_status_text(status));
    return false;
}

bool daemon_checkpoint_watch(daemon_state *d, bool restored)
{
    nfa_shards *shards = evaluation_shards(d->evaluation);
    d->cut_at_ms = app_monotonic_ms();
    if (!nfa_shards_watch(shards)) return false;
    if (restored && d->spread) d->checkpoint.base = 0;      /* packs have other numbers now: the next one is of all */
    else if (restored) nfa_shards_kept(shards);
    return true;
}
