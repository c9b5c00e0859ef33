/*
 * warm_up.c: see warm_up.h. What became of an event is said behind it, at the end of its epoch; until then events wait in a turn.
 */
#include "app/warm_up.h"

#include "app/journal_values.h"
#include "app/turn.h"
#include "ingest/held.h"

#include <stdlib.h>
#include <string.h>

enum { SKEW_MS = 60 * 1000 };   /* clocks of those who send may be so much ahead of ours */

struct warm_up {
    warm_up_options options;
    nfa_shards *filled;
    ingest_order *order;        /* knows times and identities of events; nothing is pushed into it */
    journal_values values;
    journal_block block;
    turn epoch;                 /* the events of the epoch at hand */
    uint64_t *numbers;          /* theirs */
    uint32_t cap_numbers;
    held *held;                 /* those beyond the clock */
    char **partitions;          /* "source:partition", in the order in which they appeared */
    uint32_t n_partitions, cap_partitions;
    uint32_t source;            /* of the batch at hand */
    int64_t arrival_ms;
    uint64_t next, arrivals, events;
};

/* ---- where it begins ---- */

warm_up_begin warm_up_begins(const store *s, int64_t ms, int64_t now_ms, int64_t clock_ms)
{
    int64_t since_ms = clock_ms != INT64_MIN && clock_ms < now_ms ? clock_ms : now_ms, first_ms;
    since_ms = since_ms > INT64_MIN + ms ? since_ms - ms : INT64_MIN;
    warm_up_begin begin = {.since_ms = since_ms};
    if (!journal_since(s, since_ms > INT64_MIN + SKEW_MS ? since_ms - SKEW_MS : since_ms, &begin.lsn, &first_ms)) return begin;
    if (first_ms > since_ms) begin.since_ms = first_ms;
    begin.shorter = begin.lsn > 0 && first_ms > since_ms;
    return begin;
}

/* ---- partitions ---- */

static bool add_partition(warm_up *w, const char *ptr, size_t len)
{
    if (w->n_partitions == w->cap_partitions) {
        uint32_t cap = w->cap_partitions ? w->cap_partitions * 2 : 16;
        char **grown = realloc(w->partitions, cap * sizeof *grown);
        if (!grown) return false;
        w->partitions = grown;
        w->cap_partitions = cap;
    }
    char *copy = rule_text_copy(ptr, len);
    if (copy) w->partitions[w->n_partitions++] = copy;
    return copy != NULL;
}

/* The number of what gave the batch, as the evaluation has numbered it: identities of events depend on it. */
static bool take_batch(warm_up *w, const journal_batch *batch)
{
    uint32_t i = 0;
    w->arrival_ms = batch->arrival_ms;
    w->source = journal_source_named(w->options.sources, w->options.n_sources, batch->source);
    if (!memchr(batch->source.ptr, ':', batch->source.len)) return true;
    while (i < w->n_partitions && !egret_str_is(batch->source, w->partitions[i])) i++;
    w->source = w->options.n_sources + i;
    return i < w->n_partitions || add_partition(w, batch->source.ptr, batch->source.len);
}

/* ---- events ---- */

static bool note_number(warm_up *w, uint64_t number)
{
    if (w->epoch.n > w->cap_numbers) {
        uint32_t cap = w->epoch.n * 2;
        uint64_t *grown = realloc(w->numbers, cap * sizeof *grown);
        if (!grown) return false;
        w->numbers = grown;
        w->cap_numbers = cap;
    }
    w->numbers[w->epoch.n - 1] = number;
    return true;
}

static egret_status take_event(warm_up *w, const journal_record *record)
{
    ingest_arrival arrival = {.source = w->source, .ref = record->lsn, .position = record->event, .arrival_ms = w->arrival_ms, .now_ms = w->arrival_ms};
    nfa_event event = {.ref = record->lsn};
    egret_status status = journal_values_get(&w->values, &record->u.event, &arrival.stream, &arrival.slots);
    if (status != EGRET_OK) return status == EGRET_BAD_EVENT ? EGRET_OK : status;
    if (!ingest_order_time(w->order, &arrival, &event.time_ms)) return EGRET_OK;       /* no order would have taken it */
    event.identity = ingest_order_expect(w->order, &arrival);
    event.stream = arrival.stream;
    event.slots = arrival.slots;
    bool fine = turn_add(&w->epoch, &event, w->options.rules->plan->streams[event.stream].n_slots) && note_number(w, record->event);
    return fine ? EGRET_OK : EGRET_NO_MEMORY;
}

/* Those up to the clock are evaluated, and deadlines before it act. */
static egret_status evaluate(warm_up *w, int64_t clock_ms)
{
    held_key key;
    const nfa_event *first;
    egret_status status = EGRET_OK;
    while (status == EGRET_OK && (first = held_first(w->held, &key)) != NULL && key.time_ms <= clock_ms) {
        status = nfa_shards_past(w->filled, first);
        if (status == EGRET_LATE) status = EGRET_OK;    /* the clock of then was another; it cannot be put in order any more */
        w->events++;
        held_drop_first(w->held);
    }
    return status == EGRET_OK ? nfa_shards_past_until(w->filled, clock_ms) : status;
}

/* What the epoch did not pass over waits for the clock. */
static egret_status end_epoch(warm_up *w, const journal_epoch *epoch)
{
    egret_status status = EGRET_OK;
    egret_str rest = epoch->passed;
    uint64_t next = w->block.event - epoch->n_events, step;
    bool more = journal_passed_next(&rest, &step);
    for (uint32_t i = 0; i < w->epoch.n && epoch->told && status == EGRET_OK; i++) {
        const nfa_event *event = &w->epoch.events[i];
        while (more && next + step - 1 < w->numbers[i]) {
            next += step;
            more = journal_passed_next(&rest, &step);
        }
        if (more && next + step - 1 == w->numbers[i]) continue;
        held_key key = {event->time_ms, 0, w->arrivals++};
        if (!held_put(w->held, key, event, w->options.rules->plan->streams[event->stream].n_slots)) status = EGRET_NO_MEMORY;
    }
    turn_empty(&w->epoch);
    return status == EGRET_OK && epoch->told && epoch->reached_ms != INT64_MIN ? evaluate(w, epoch->reached_ms) : status;
}

/* ---- reading ---- */

static egret_status take_record(warm_up *w, const journal_record *record)
{
    switch (record->kind) {
    case JOURNAL_BATCH: return take_batch(w, &record->u.batch) ? EGRET_OK : EGRET_NO_MEMORY;
    case JOURNAL_EVENT: return take_event(w, record);
    case JOURNAL_EPOCH: return end_epoch(w, &record->u.epoch);
    case JOURNAL_START: case JOURNAL_CONTROL: break;
    }
    return EGRET_OK;
}

static egret_status take_block(warm_up *w, uint64_t until)
{
    journal_record record;
    egret_status status = EGRET_OK;
    while (status == EGRET_OK && journal_block_next(&w->block, &record)) {
        if (record.lsn >= until) return EGRET_OK;
        bool told_again = record.kind == JOURNAL_BATCH && record.u.batch.continued;
        if (record.lsn >= w->options.from || told_again) status = take_record(w, &record);
    }
    return status == EGRET_OK && w->block.no_memory ? EGRET_NO_MEMORY : status;
}

egret_status warm_up_read(warm_up *w, uint64_t until)
{
    egret_status status = EGRET_OK;
    int code;
    while (status == EGRET_OK && w->next < until) {
        if (w->options.go_on && !w->options.go_on(w->options.user)) return EGRET_BAD_USE;
        switch (journal_read(w->options.store, &w->next, &w->block, &code)) {
        case JOURNAL_GOT_BLOCK: status = take_block(w, until); break;
        case JOURNAL_GOT_BROKEN: break;     /* who evaluates the journal says so */
        case JOURNAL_GOT_END: return EGRET_OK;
        case JOURNAL_GOT_ERROR: return EGRET_IO;
        }
    }
    return status;
}

egret_status warm_up_until(warm_up *w, int64_t clock_ms)
{
    return clock_ms != INT64_MIN ? evaluate(w, clock_ms) : EGRET_OK;
}

/* ---- life ---- */

static bool copy_partitions(warm_up *w, const evaluation *live)
{
    const char *name;
    for (uint32_t i = 0; (name = evaluation_partition(live, i)) != NULL; i++)
        if (!add_partition(w, name, strlen(name))) return false;
    return true;
}

warm_up *warm_up_new(const warm_up_options *options, nfa_shards *filled, const evaluation *live)
{
    warm_up *w = filled ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        nfa_shards_free(filled);
        return NULL;
    }
    w->options = *options;
    w->filled = filled;
    w->next = options->from;
    rule_set_keep(options->rules);
    turn_init(&w->epoch);
    journal_block_init(&w->block);
    ingest_order_options order = {.plan = options->rules->plan};
    w->order = ingest_order_new(&order);
    w->held = held_new();
    if (w->order && w->held && journal_values_init(&w->values, options->rules) && copy_partitions(w, live)) return w;
    warm_up_free(w);
    return NULL;
}

void warm_up_free(warm_up *w)
{
    if (!w) return;
    nfa_shards_free(w->filled);
    ingest_order_free(w->order);
    held_free(w->held);
    journal_values_deinit(&w->values);
    journal_block_deinit(&w->block);
    turn_deinit(&w->epoch);
    for (uint32_t i = 0; i < w->n_partitions; i++) free(w->partitions[i]);
    free(w->partitions);
    free(w->numbers);
    rule_set_drop(w->options.rules);
    free(w);
}

void warm_up_go_on(warm_up *w, bool (*go_on)(void *user), void *user)
{
    w->options.go_on = go_on;
    w->options.user = user;
}

uint64_t warm_up_next(const warm_up *w)
{
    return w->next;
}

uint64_t warm_up_events(const warm_up *w)
{
    return w->events;
}

nfa_shards *warm_up_filled(warm_up *w)
{
    return w->filled;
}

const rule_set *warm_up_rules(const warm_up *w)
{
    return w->options.rules;
}
