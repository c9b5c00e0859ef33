/*
 * evaluation.c: see evaluation.h. Batches in, alerts out; the only state besides the engine's and the order's is when each source was last heard.
 */
#include "app/evaluation.h"

#include "app/crew.h"
#include "app/relayout.h"
#include "app/rule_key.h"
#include "app/rule_meter.h"
#include "app/turn.h"
#include "ingest/feed.h"

#include <stdlib.h>
#include <string.h>

typedef struct source_state {
    int64_t heard_ms;           /* monotonic; 0: never */
    bool active;
    bool behind;                /* is not silent, whatever comes or does not */
    char *partition;            /* "source:partition", owned; NULL: a declared source */
    uint32_t declared;          /* the declared source it is, or is of */
    int64_t lateness_ms;        /* of a declared one, by the rules of now */
} source_state;

struct evaluation {
    evaluation_options options;
    const plan *plan;           /* of options.rules */
    crew *crew;
    nfa_engine *engine;         /* the only one; NULL: there are several, and events gather in the turn */
    turn turn;
    ingest_order *order;
    source_state *sources;      /* the declared ones, then partitions as they appeared */
    uint32_t n_sources, cap_sources;
    ingest_stats *streams;
    nfa_rule_stats *rules;
    rule_meter meter;
    uint64_t unrouted;
    int64_t newest_ms;          /* greatest event time accepted; INT64_MIN: none */
    int64_t heard_ms;           /* monotonic: when any source was last heard */
    bool is_history;            /* the newest event was old when it came */
    bool replaying;
    int64_t wall_ms;
    nfa_stats engine_before;    /* counters as they were when evaluation_forget_numbers was called */
    nfa_rule_stats *rules_before;
    json_writer out;
    egret_text record;
    int64_t lateness_ms;        /* greatest of the sources' */
};

/* ---- sources ---- */

bool evaluation_source_counts(const plan_edge *edge)
{
    return egret_str_is(edge->kind, "file") || egret_str_is(edge->kind, "stdin") || ingest_feed_kind_find(edge->kind) != NULL;
}

/* One that is read holds the clock until it has shown something; nobody knows whether HTTP ever will. */
evaluation_source evaluation_source_of(const plan *p, const plan_edge *edge, const char *name)
{
    const ingest_feed_kind *feed = edge ? ingest_feed_kind_find(edge->kind) : NULL;
    return (evaluation_source){name, ingest_order_lateness(p, edge), edge != NULL, feed && feed->partitioned};
}

static egret_status add_source(evaluation *e, uint32_t declared, const char *partition)
{
    const evaluation_source *source = &e->options.sources[declared];
    int64_t lateness_ms = partition ? e->sources[declared].lateness_ms : source->lateness_ms;
    if (e->n_sources == e->cap_sources) {
        uint32_t cap = e->cap_sources ? e->cap_sources * 2 : 16;
        source_state *grown = realloc(e->sources, cap * sizeof *grown);
        if (!grown) return EGRET_NO_MEMORY;
        e->sources = grown;
        e->cap_sources = cap;
    }
    source_state *added = &e->sources[e->n_sources];
    *added = (source_state){.active = partition || source->active, .declared = declared, .lateness_ms = lateness_ms};
    if (partition && !(added->partition = strdup(partition))) return EGRET_NO_MEMORY;
    egret_status status = ingest_order_add_source(e->order, lateness_ms, added->active);
    if (status == EGRET_OK) e->n_sources++;
    else free(added->partition);
    return status;
}

static uint32_t find_source(const evaluation *e, uint32_t declared, const char *partition)
{
    if (!partition) return declared;
    for (uint32_t i = e->options.n_sources; i < e->n_sources; i++)
        if (strcmp(e->sources[i].partition, partition) == 0) return i;
    return e->n_sources;
}

/* The number of what gave the batch. Who is behind holds the clock like any source that is about to speak. */
static egret_status source_of_batch(evaluation *e, const admission_batch *batch, uint32_t *out)
{
    egret_status status = EGRET_OK;
    *out = find_source(e, batch->source, batch->partition);
    if (*out == e->n_sources) status = add_source(e, batch->source, batch->partition);
    if (status != EGRET_OK || batch->standing == JOURNAL_STANDING_SAME) return status;
    e->sources[*out].behind = batch->standing == JOURNAL_STANDING_BEHIND;
    return e->sources[*out].behind ? ingest_order_await(e->order, *out) : EGRET_OK;
}

/* ---- alerts ---- */

static bool find_record(void *user, uint64_t ref, const char **ptr, size_t *len)
{
    evaluation *e = user;
    e->record.len = 0;
    if (!e->options.record || !e->options.record(e->options.user, ref, &e->record) || e->record.failed) return false;
    *ptr = e->record.ptr;
    *len = e->record.len;
    return true;
}

static bool is_snoozed(evaluation *e, const nfa_alert *alert)
{
    egret_value part[PLAN_MAX_KEY_PARTS];
    if (e->options.rules->n_snoozes == 0) return false;
    for (size_t i = 0; i < alert->body.n_key && i < PLAN_MAX_KEY_PARTS; i++) part[i] = alert->body.key[i].value;
    e->record.len = 0;
    rule_key_write(&e->record, part, alert->body.n_key);
    egret_text_put(&e->record, "", 1);
    return !e->record.failed && rule_set_is_snoozed(e->options.rules, e->plan->rules[alert->rule].name, e->record.ptr, e->wall_ms);
}

static egret_status hand_on(evaluation *e, const nfa_alert *alert)
{
    char id[64];
    alert_json_options json = {.evidence = true, .record = find_record, .record_user = e, .has_detected = true, .detected_ms = e->wall_ms};
    sink_message message = {.id = id};
    if (!alert_message_id(id, sizeof id, &alert->body)) return EGRET_BAD_USE;
    if (is_snoozed(e, alert)) {
        /* What is shown is the difference to what was before: one alert less, one held back more. */
        e->rules_before[alert->rule].alerts++;
        e->rules_before[alert->rule].held_back--;
        return EGRET_OK;
    }
    if (!e->replaying) {
        jsonw_reset(&e->out);
        alert_json_write(&e->out, e->plan, alert, &json);
        if (e->out.failed || e->record.failed) return EGRET_NO_MEMORY;      /* an alert without its evidence would be another one */
        message.bytes = e->out.ptr;
        message.len = e->out.len;
    }
    e->options.alert(e->options.user, &e->plan->rules[alert->rule], &alert->body, &message);
    return EGRET_OK;
}

static const nfa_alert *take_alert(evaluation *e)
{
    return e->engine ? nfa_engine_take(e->engine) : nfa_shards_take(crew_shards(e->crew));
}

static egret_status take_alerts(evaluation *e)
{
    egret_status status = EGRET_OK;
    for (const nfa_alert *alert; status == EGRET_OK && (alert = take_alert(e)) != NULL;) status = hand_on(e, alert);
    return status;
}

/* All that gathered is evaluated. */
static egret_status end_turn(evaluation *e)
{
    if (e->turn.n == 0) return EGRET_OK;
    crew_work work = {.events = e->turn.events, .n = e->turn.n, .first = true, .clocks = e->meter.clocks};
    egret_status status = crew_do(e->crew, &work);
    if (status == EGRET_OK) status = take_alerts(e);
    turn_empty(&e->turn);
    return status;
}

static egret_status release(void *user, const nfa_event *event)
{
    evaluation *e = user;
    if (!e->engine) {
        if (!turn_add(&e->turn, event, e->plan->streams[event->stream].n_slots)) return EGRET_NO_MEMORY;
        return turn_is_full(&e->turn) ? end_turn(e) : EGRET_OK;
    }
    egret_status status = rule_clock_event(&e->meter.clocks[0], &e->meter.clocks[0].event, e->engine, event);
    return status == EGRET_OK ? take_alerts(e) : status;
}

/* Deadlines that are due at the watermark act. */
static egret_status advance(evaluation *e)
{
    int64_t watermark_ms = ingest_order_watermark(e->order);
    int64_t clock_ms = e->turn.n > 0 ? e->turn.clock_ms : nfa_shards_clock(crew_shards(e->crew));
    if (watermark_ms == INT64_MIN || watermark_ms <= clock_ms) return EGRET_OK;
    if (!e->engine) return turn_add_clock(&e->turn, watermark_ms) ? EGRET_OK : EGRET_NO_MEMORY;
    egret_status status = nfa_engine_advance(e->engine, watermark_ms);
    return status == EGRET_OK ? take_alerts(e) : status;
}

/* ---- records ---- */

static void put_letter(evaluation *e, const admission_batch *batch, const admitted_record *record, const char *kind, const char *reason)
{
    ingest_letter letter = {.source = batch->partition ? batch->partition : e->options.sources[batch->source].name, .line = record->line, .offset = record->offset,
                            .kind = kind, .reason = reason, .record = record->raw, .record_len = record->raw_len};
    if (record->stream != PLAN_NONE) letter.stream = e->plan->streams[record->stream].name;
    if (e->replaying) return;
    ingest_letters_put(e->options.letters, &letter);
}

static void note_rejected(evaluation *e, const admission_batch *batch, const admitted_record *record)
{
    put_letter(e, batch, record, ingest_reason_name((ingest_reason)record->reason), record->text);
    if (record->stream == PLAN_NONE) {
        e->unrouted++;
        return;
    }
    e->streams[record->stream].records++;
    e->streams[record->stream].rejected[record->reason]++;
}

static void note_outcome(evaluation *e, const admission_batch *batch, const admitted_record *record, ingest_outcome outcome)
{
    ingest_stats *stats = &e->streams[record->stream];
    stats->records++;
    switch (outcome) {
    case INGEST_ACCEPTED:
        stats->accepted++;
        return;
    case INGEST_LATE:
        stats->late++;
        put_letter(e, batch, record, "late", "its time is below the watermark");
        return;
    case INGEST_DUPLICATE:
        stats->duplicates++;
        put_letter(e, batch, record, "duplicate", "its identity was seen before");
        return;
    case INGEST_AHEAD:
        stats->rejected[INGEST_REASON_AHEAD]++;
        put_letter(e, batch, record, ingest_reason_name(INGEST_REASON_AHEAD), "its time is too far in the future");
        return;
    }
}

/* The n-th good record of the batch. */
static egret_status push_record(evaluation *e, const admission_batch *batch, uint32_t source, const admitted_record *record, uint64_t n)
{
    ingest_arrival arrival = {.source = source, .stream = record->stream, .slots = record->slots, .ref = batch->lsn + 1 + n,
                              .position = batch->event + n, .arrival_ms = batch->arrival_ms, .now_ms = batch->arrival_ms};
    ingest_outcome outcome = INGEST_ACCEPTED;
    int64_t time_ms;
    bool timed = ingest_order_time(e->order, &arrival, &time_ms);
    egret_status status = ingest_order_push(e->order, &arrival, &outcome);
    if (status != EGRET_OK) return status;
    if (outcome == INGEST_ACCEPTED && timed && time_ms >= e->newest_ms) {
        e->newest_ms = time_ms;
        e->is_history = batch->arrival_ms - time_ms > EVALUATION_HISTORY_MS;
    }
    if (outcome != INGEST_ACCEPTED && e->options.passed && !e->replaying) e->options.passed(e->options.user, batch->event + n);
    note_outcome(e, batch, record, outcome);
    return EGRET_OK;
}

egret_status evaluation_batch(evaluation *e, const admission_batch *batch, int64_t monotonic_ms)
{
    uint32_t number;
    uint64_t n = 0;
    egret_status status = source_of_batch(e, batch, &number);
    if (status != EGRET_OK) return status;
    source_state *source = &e->sources[number];
    e->unrouted += batch->unrouted;
    for (size_t i = 0; i < batch->n && status == EGRET_OK; i++) {
        if (batch->records[i].slots) status = push_record(e, batch, number, &batch->records[i], n);
        else note_rejected(e, batch, &batch->records[i]);
        n += batch->records[i].slots != NULL || batch->records[i].numbered;
    }
    if (batch->n > 0 || batch->heard) {
        source->heard_ms = e->heard_ms = monotonic_ms;
        source->active = true;
    }
    if (status == EGRET_OK && batch->ends_source) {
        source->active = source->behind = false;
        status = ingest_order_finish(e->order, number);
    }
    return status == EGRET_OK ? advance(e) : status;
}

/* ---- time ---- */

static bool any_active(const evaluation *e)
{
    for (uint32_t i = 0; i < e->n_sources; i++)
        if (e->sources[i].active) return true;
    return false;
}

static bool is_silent(const evaluation *e, const source_state *source, int64_t monotonic_ms)
{
    return source->active && !source->behind && source->heard_ms != 0 && monotonic_ms - source->heard_ms >= e->options.idle_ms;
}

/* Where the clock may go while all are silent; INT64_MIN: nowhere. */
static int64_t silent_target(const evaluation *e, int64_t monotonic_ms)
{
    if (any_active(e) || e->newest_ms == INT64_MIN) return INT64_MIN;
    int64_t target_ms = e->newest_ms + (monotonic_ms - e->heard_ms) - e->lateness_ms - e->options.idle_ms;
    if (e->is_history && target_ms > e->newest_ms) target_ms = e->newest_ms;
    return target_ms > ingest_order_watermark(e->order) ? target_ms : INT64_MIN;
}

bool evaluation_tick_due(const evaluation *e, int64_t monotonic_ms)
{
    for (uint32_t i = 0; i < e->n_sources; i++)
        if (e->sources[i].heard_ms == 0 || is_silent(e, &e->sources[i], monotonic_ms)) return true;
    int64_t target_ms = silent_target(e, monotonic_ms);
    return target_ms != INT64_MIN && (nfa_shards_next_due(crew_shards(e->crew)) < target_ms || ingest_order_first_held(e->order) <= target_ms);
}

egret_status evaluation_tick(evaluation *e, int64_t monotonic_ms)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < e->n_sources && status == EGRET_OK; i++) {
        source_state *source = &e->sources[i];
        if (source->heard_ms == 0) source->heard_ms = monotonic_ms;
        if (!is_silent(e, source, monotonic_ms)) continue;
        source->active = false;
        status = ingest_order_idle(e->order, i);
    }
    int64_t target_ms = silent_target(e, monotonic_ms);
    if (status == EGRET_OK && target_ms != INT64_MIN) status = ingest_order_advance(e->order, target_ms);
    if (status == EGRET_OK) status = advance(e);
    return status == EGRET_OK ? end_turn(e) : status;
}

void evaluation_resume(evaluation *e, int64_t monotonic_ms, int64_t idle_ms)
{
    e->options.idle_ms = idle_ms;
    for (uint32_t i = 0; i < e->n_sources; i++) {
        bool asks = !e->sources[i].partition && e->options.sources[i].partitioned;      /* what waits on the other side is not known yet */
        e->sources[i].heard_ms = monotonic_ms;
        e->sources[i].behind = asks && ingest_order_await(e->order, i) == EGRET_OK;
        e->sources[i].active = e->sources[i].active || asks;
    }
    e->heard_ms = monotonic_ms;
}

egret_status evaluation_drain(evaluation *e)
{
    egret_status status = ingest_order_flush(e->order);
    if (status == EGRET_OK) status = advance(e);
    return status == EGRET_OK ? end_turn(e) : status;
}

void evaluation_set_replaying(evaluation *e, bool replaying)
{
    e->replaying = replaying;
}

void evaluation_set_wall(evaluation *e, int64_t wall_ms)
{
    e->wall_ms = wall_ms;
}

/* ---- life ---- */

static bool make_crew(evaluation *e)
{
    uint32_t n = e->options.shards > 0 ? e->options.shards : 1;
    if (crew_start(e->plan, n, !e->options.no_threads, &e->crew) != EGRET_OK) return false;
    e->engine = n == 1 ? nfa_shards_engine(crew_shards(e->crew), 0) : NULL;
    for (uint32_t i = 0; i < n && e->options.memory > 0; i++)
        if (!nfa_engine_limit(nfa_shards_engine(crew_shards(e->crew), i), e->options.memory / n, &e->options.cold[i])) return false;
    return true;
}

evaluation *evaluation_new(const evaluation_options *options)
{
    evaluation *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->options = *options;
    e->plan = options->rules->plan;
    rule_set_keep(options->rules);
    e->newest_ms = INT64_MIN;
    jsonw_init(&e->out);
    egret_text_init(&e->record, egret_mem_of(NULL));
    turn_init(&e->turn);
    bool has_crew = make_crew(e);
    ingest_order_options order_options = {.plan = options->rules->plan, .release = release, .user = e, .engine = e->engine};
    e->order = ingest_order_new(&order_options);
    e->streams = calloc((size_t)options->rules->plan->n_streams + 1, sizeof *e->streams);
    e->rules = calloc((size_t)options->rules->plan->n_rules + 1, sizeof *e->rules);
    e->rules_before = calloc((size_t)options->rules->plan->n_rules + 1, sizeof *e->rules_before);
    bool fine = has_crew && rule_meter_init(&e->meter, options->rules->plan, nfa_shards_count(crew_shards(e->crew))) && e->order && e->streams && e->rules && e->rules_before;
    for (uint32_t i = 0; fine && i < options->n_sources; i++) {
        const evaluation_source *source = &options->sources[i];
        if (source->lateness_ms > e->lateness_ms) e->lateness_ms = source->lateness_ms;
        fine = add_source(e, i, NULL) == EGRET_OK;
    }
    if (fine) return e;
    evaluation_free(e);
    return NULL;
}

void evaluation_free(evaluation *e)
{
    if (!e) return;
    ingest_order_free(e->order);
    crew_stop(e->crew);
    turn_deinit(&e->turn);
    egret_text_deinit(&e->record);
    jsonw_deinit(&e->out);
    for (uint32_t i = 0; i < e->n_sources; i++) free(e->sources[i].partition);
    free(e->sources);
    free(e->streams);
    free(e->rules);
    free(e->rules_before);
    rule_meter_deinit(&e->meter);
    rule_set_drop(e->options.rules);
    free(e);
}

void evaluation_forget_numbers(evaluation *e)
{
    memset(e->streams, 0, e->plan->n_streams * sizeof *e->streams);
    for (uint32_t i = 0; i < e->plan->n_rules; i++) e->rules_before[i] = nfa_shards_rule_stats(crew_shards(e->crew), i);
    e->engine_before = nfa_shards_stats(crew_shards(e->crew));
    e->unrouted = 0;
}

static nfa_rule_stats rule_since(nfa_rule_stats now, const nfa_rule_stats *before)
{
    now.events -= before->events;
    now.matches -= before->matches;
    now.alerts -= before->alerts;
    now.held_back -= before->held_back;
    now.attempts_started -= before->attempts_started;
    now.attempts_dropped -= before->attempts_dropped;
    now.null_keys -= before->null_keys;
    return now;
}

static nfa_stats engine_since(nfa_stats now, const nfa_stats *before)
{
    now.events -= before->events;
    now.late -= before->late;
    now.matches -= before->matches;
    now.alerts -= before->alerts;
    now.overflows -= before->overflows;
    now.regex_limits -= before->regex_limits;
    now.guards_tried -= before->guards_tried;
    return now;
}

int64_t evaluation_watermark(const evaluation *e, uint32_t source, const char *partition)
{
    return ingest_order_source_watermark(e->order, find_source(e, source, partition));
}

void evaluation_numbers(evaluation *e, web_numbers *out)
{
    nfa_shards *shards = crew_shards(e->crew);
    rule_meter_look(&e->meter, shards);
    for (uint32_t i = 0; i < e->plan->n_rules; i++) e->rules[i] = rule_since(nfa_shards_rule_stats(shards, i), &e->rules_before[i]);
    out->plan = e->plan;
    out->streams = e->streams;
    out->rules = e->rules;
    out->costs = e->meter.rules;
    out->engine = engine_since(nfa_shards_stats(shards), &e->engine_before);
    out->unrouted = e->unrouted;
    out->letters = ingest_letters_count(e->options.letters);
    out->letters_unwritten = ingest_letters_unwritten(e->options.letters);
    out->clock_ms = nfa_shards_clock(shards);
}

/* ---- other rules ---- */

bool evaluation_may_change(const evaluation *e)
{
    /* What was let go early, as too much was held, leaves events behind it that no clock tells apart. */
    return nfa_shards_may_change(crew_shards(e->crew)) && ingest_order_first_held(e->order) > ingest_order_watermark(e->order);
}

rule_set *evaluation_rules(const evaluation *e)
{
    return e->options.rules;
}

const char *evaluation_partition(const evaluation *e, uint32_t i)
{
    return e->options.n_sources + i < e->n_sources ? e->sources[e->options.n_sources + i].partition : NULL;
}

typedef struct held_move { evaluation *evaluation; relayout *moves; uint64_t ref; } held_move;

static bool raw_of(void *user, const char **ptr, size_t *len)
{
    const held_move *move = user;
    return find_record(move->evaluation, move->ref, ptr, len);
}

static egret_status move_held(void *user, const nfa_event *event, egret_value *slots)
{
    held_move *move = user;
    move->ref = event->ref;
    egret_status status = relayout_slots(move->moves, event->stream, event->slots, raw_of, move, slots);
    return move->evaluation->record.failed ? EGRET_NO_MEMORY : status;      /* a text that cannot be read now is there at the next start */
}

static uint32_t rule_named(const plan *p, const plan_rule *wanted)
{
    for (uint32_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].name_hash == wanted->name_hash) return i;
    return PLAN_NONE;
}

/* By rule of `to`, which it was; PLAN_NONE: it is new. Rules stand in order of names nearly always: the search goes on from where the last one was. */
static void find_rules(const plan *from, const plan *to, uint32_t *was)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < to->n_rules; i++) {
        while (at < from->n_rules && egret_str_cmp(from->rules[at].name, to->rules[i].name) < 0) at++;
        bool found = at < from->n_rules && from->rules[at].name_hash == to->rules[i].name_hash;
        was[i] = found ? at++ : from->n_rules > 0 && to->rules[to->n_rules - 1].level > 0 ? rule_named(from, &to->rules[i]) : PLAN_NONE;
    }
}

/* Counters of what stays go on. false: no memory, nothing changed. */
static bool move_counters(evaluation *e, const plan *to, const relayout *moves)
{
    ingest_stats *streams = calloc((size_t)to->n_streams + 1, sizeof *streams);
    nfa_rule_stats *rules = calloc((size_t)to->n_rules + 1, sizeof *rules), *before = calloc((size_t)to->n_rules + 1, sizeof *before);
    uint32_t *was = calloc((size_t)to->n_rules + 1, sizeof *was);
    if (was) find_rules(e->plan, to, was);
    bool fine = streams && rules && before && was && rule_meter_change(&e->meter, to, was);
    if (!fine) {
        free(streams);
        free(rules);
        free(before);
        free(was);
        return false;
    }
    for (uint32_t i = 0; i < e->plan->n_streams; i++)
        if (relayout_streams(moves)[i] != PLAN_NONE) streams[relayout_streams(moves)[i]] = e->streams[i];
    for (uint32_t i = 0; i < to->n_rules; i++)
        if (was[i] != PLAN_NONE) before[i] = e->rules_before[was[i]];
    free(was);
    free(e->streams);
    free(e->rules);
    free(e->rules_before);
    e->streams = streams;
    e->rules = rules;
    e->rules_before = before;
    return true;
}

static const plan_edge *declaration_of(const plan *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_sources; i++)
        if (evaluation_source_counts(&p->sources[i]) && egret_str_is(p->sources[i].name, name)) return &p->sources[i];
    return NULL;
}

/* HTTP, which is the first, feeds all streams, a source those of its routes; what the rules do not declare stays as it is. */
void evaluation_follow_lateness(evaluation *e)
{
    e->lateness_ms = 0;
    for (uint32_t i = 0; i < e->options.n_sources; i++) {
        const plan_edge *edge = i > 0 ? declaration_of(e->plan, e->options.sources[i].name) : NULL;
        if (i == 0 || edge) e->sources[i].lateness_ms = ingest_order_lateness(e->plan, edge);
        if (e->sources[i].lateness_ms > e->lateness_ms) e->lateness_ms = e->sources[i].lateness_ms;
    }
    for (uint32_t i = 0; i < e->n_sources; i++) ingest_order_set_lateness(e->order, i, e->sources[e->sources[i].declared].lateness_ms);
}

egret_status evaluation_change(evaluation *e, rule_set *rules, nfa_shards **shards, nfa_shards *filled, rule_set **before_rules)
{
    relayout *moves = relayout_new(e->plan, rules->plan);
    *before_rules = NULL;
    if (!moves || !move_counters(e, rules->plan, moves)) {
        relayout_free(moves);
        return EGRET_NO_MEMORY;
    }
    held_move held = {.evaluation = e, .moves = moves};
    ingest_change change = {.plan = rules->plan, .engine = e->engine ? nfa_shards_engine(*shards, 0) : NULL, .stream = relayout_streams(moves), .same = relayout_is_same(moves),
                            .convert = move_held, .user = &held};
    egret_status status = ingest_order_change(e->order, &change);
    if (status == EGRET_OK) status = nfa_shards_take_over_warm(*shards, crew_shards(e->crew), filled);
    crew_swap(e->crew, shards);
    if (e->engine) e->engine = nfa_shards_engine(crew_shards(e->crew), 0);
    *before_rules = e->options.rules;
    e->options.rules = rule_set_keep(rules);
    e->plan = rules->plan;
    evaluation_follow_lateness(e);
    relayout_free(moves);
    return status == EGRET_OK ? take_alerts(e) : status;
}

/* ---- as bytes ---- */

typedef struct evaluation_image {
    int64_t idle_ms, newest_ms, heard_ms;
    uint32_t is_history, n_declared, n_sources, unused;
} evaluation_image;

/* Behind it the name of its partition, if there is one. */
typedef struct source_image { int64_t heard_ms; uint32_t active, behind, declared, partition_len; } source_image;

nfa_shards *evaluation_shards(evaluation *e)
{
    return crew_shards(e->crew);
}

static void put_own(const evaluation *e, egret_text *out)
{
    evaluation_image image = {e->options.idle_ms, e->newest_ms, e->heard_ms, e->is_history, e->options.n_sources, e->n_sources, 0};
    egret_text_put(out, (const char *)&image, sizeof image);
    for (uint32_t i = 0; i < e->n_sources; i++) {
        const source_state *source = &e->sources[i];
        uint32_t len = source->partition ? (uint32_t)strlen(source->partition) : 0;
        source_image of = {source->heard_ms, source->active, source->behind, source->declared, len};
        egret_text_put(out, (const char *)&of, sizeof of);
        if (len > 0) egret_text_put(out, source->partition, len);
    }
}

egret_status evaluation_save(evaluation *e, egret_text *out)
{
    put_own(e, out);
    return ingest_order_save(e->order, out);
}

egret_status evaluation_cut(evaluation *e, egret_text *out)
{
    put_own(e, out);
    return ingest_order_cut(e->order, out);
}

ingest_order *evaluation_order(evaluation *e)
{
    return e->order;
}

/* The i-th source, which is there already when it is a declared one. */
static egret_status load_source(evaluation *e, uint32_t i, const char **at, const char *end)
{
    source_image image;
    char partition[512];
    if ((size_t)(end - *at) < sizeof image) return EGRET_BAD_USE;
    memcpy(&image, *at, sizeof image);
    *at += sizeof image;
    bool declared = i < e->options.n_sources;
    if (declared != (image.partition_len == 0) || image.declared >= e->options.n_sources || image.partition_len >= sizeof partition ||
        (size_t)(end - *at) < image.partition_len)
        return EGRET_BAD_USE;
    memcpy(partition, *at, image.partition_len);
    partition[image.partition_len] = '\0';
    *at += image.partition_len;
    egret_status status = declared ? EGRET_OK : add_source(e, image.declared, partition);
    if (status != EGRET_OK) return status;
    e->sources[i].heard_ms = image.heard_ms;
    e->sources[i].active = image.active != 0;
    e->sources[i].behind = image.behind != 0;
    return EGRET_OK;
}

static egret_status load_own(evaluation *e, const char **at, const char *end)
{
    evaluation_image image;
    egret_status status = EGRET_OK;
    if ((size_t)(end - *at) < sizeof image) return EGRET_BAD_USE;
    memcpy(&image, *at, sizeof image);
    *at += sizeof image;
    if (image.n_declared != e->options.n_sources || image.n_sources < image.n_declared) return EGRET_BAD_USE;
    e->options.idle_ms = image.idle_ms;
    e->newest_ms = image.newest_ms;
    e->heard_ms = image.heard_ms;
    e->is_history = image.is_history != 0;
    for (uint32_t i = 0; i < image.n_sources && status == EGRET_OK; i++) status = load_source(e, i, at, end);
    return status;
}

egret_status evaluation_load(evaluation *e, const char **at, const char *end)
{
    egret_status status = load_own(e, at, end);
    return status == EGRET_OK ? ingest_order_load(e->order, at, end) : status;
}

egret_status evaluation_load_cut(evaluation *e, const char **at, const char *end)
{
    egret_status status = load_own(e, at, end);
    return status == EGRET_OK ? ingest_order_load_head(e->order, at, end) : status;
}
