/*
 * backtest.c: see backtest.h. Both sources of events end in lines of alerts, as sinks get them; what is counted and compared is read from these.
 */
#include "app/backtest.h"

#include "app/recovery.h"
#include "app/replay.h"
#include "compiler/value.h"
#include "store/journal_lookup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct told {
    uint64_t what;              /* hash of rule, key and time */
    int64_t time_ms;
    json_t *sample;             /* of the first ones; NULL */
} told;

/* Events whose label is true, by a hash of their text. */
typedef struct labelled { uint64_t *hash; size_t n, cap; } labelled;

typedef struct trial {
    const backtest_options *options;
    unsigned part;
    rule_set *rules;
    told *alerts;
    size_t n, cap;
    json_t *by_rule;            /* rule -> count */
    labelled wanted, found;
    uint64_t right;             /* alerts with a labelled event */
    uint64_t events;
    int64_t took_ms;
    bool no_memory, stopped;
    /* of a journal */
    recovery recovery;
    journal_lookup *lookup;
} trial;

/* ---- labels ---- */

static bool is_true(const json_t *value)
{
    return json_is_true(value) || (json_is_integer(value) && json_integer_value(value) != 0);
}

static bool note_hash(labelled *set, uint64_t hash)
{
    if (set->n == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 256;
        uint64_t *grown = realloc(set->hash, cap * sizeof *grown);
        if (!grown) return false;
        set->hash = grown;
        set->cap = cap;
    }
    set->hash[set->n++] = hash;
    return true;
}

static uint64_t hash_of(const json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    uint64_t hash = text ? XXH3_64bits(text, strlen(text)) : 0;
    free(text);
    return hash;
}

/* An event that comes in: is its label true? Texts without the word are not parsed. */
static void look_at_event(trial *t, const char *raw, size_t len)
{
    const char *label = t->options->label;
    if (!label || !memmem(raw, len, label, strlen(label))) return;
    json_t *event = json_loadb(raw, len, 0, NULL);
    if (event && is_true(json_object_get(event, label)) && !note_hash(&t->wanted, hash_of(event))) t->no_memory = true;
    json_decref(event);
}

static bool look_at_evidence(trial *t, const json_t *list)
{
    bool any = false;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        const json_t *event = json_object_get(item, "event");
        if (is_true(json_object_get(event, t->options->label))) {
            any = true;
            if (!note_hash(&t->found, hash_of(event))) t->no_memory = true;
        }
        any = look_at_evidence(t, json_object_get(item, "events")) || any;
    }
    return any;
}

/* ---- alerts ---- */

static uint64_t name_of(const json_t *alert)
{
    json_t *about = json_pack("{s:O?, s:O?, s:O?, s:O?}", "r", json_object_get(alert, "rule"), "k", json_object_get(alert, "key"), "t",
                              json_object_get(alert, "time"), "x", json_object_get(alert, "kind"));
    uint64_t hash = about ? hash_of(about) : 0;
    json_decref(about);
    return hash;
}

static void take_line(trial *t, const char *line, size_t len)
{
    json_t *alert = json_loadb(line, len, 0, NULL);
    const char *rule = json_string_value(json_object_get(alert, "rule")), *time = json_string_value(json_object_get(alert, "time"));
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 1024;
        told *grown = realloc(t->alerts, cap * sizeof *grown);
        t->no_memory = t->no_memory || !grown;
        if (grown) {
            t->alerts = grown;
            t->cap = cap;
        }
    }
    if (!alert || !rule || !time || t->n == t->cap) {
        json_decref(alert);
        return;
    }
    told *noted = &t->alerts[t->n];
    *noted = (told){.what = name_of(alert)};
    egret_parse_rfc3339(time, strlen(time), &noted->time_ms);
    json_object_set_new_nocheck(t->by_rule, rule, json_integer(json_integer_value(json_object_get(t->by_rule, rule)) + 1));
    if (t->options->label && look_at_evidence(t, json_object_get(alert, "events"))) t->right++;
    if (t->n < 100000) noted->sample = alert;       /* those that differ are found in the end */
    else json_decref(alert);
    t->n++;
}

/* ---- from a journal ---- */

static void take_alert(void *user, const plan_rule *rule, const egret_alert *alert, const sink_message *message)
{
    trial *t = user;
    (void)rule, (void)alert;
    recovery_alert(&t->recovery, message);
    take_line(t, message->bytes, message->len);
}

static bool find_record(void *user, uint64_t lsn, egret_text *out)
{
    trial *t = user;
    egret_str raw;
    if (!journal_lookup_raw(t->lookup, lsn, &raw)) return false;
    egret_text_put(out, raw.ptr, raw.len);
    return true;
}

static bool go_on(void *user)
{
    trial *t = user;
    t->stopped = t->no_memory || (t->options->go_on && !t->options->go_on(t->options->user, t->part, t->recovery.events));
    return !t->stopped;
}

/* Labels stand in the events' texts: the journal is read for them alone. */
static egret_status read_labels(trial *t)
{
    journal_block block;
    journal_record record;
    uint64_t lsn = 0;
    int code = 0;
    journal_block_init(&block);
    while (t->options->label && !t->no_memory) {
        journal_got got = journal_read(t->options->journal, &lsn, &block, &code);
        if (got == JOURNAL_GOT_BROKEN) continue;
        if (got != JOURNAL_GOT_BLOCK) break;
        while (journal_block_next(&block, &record))
            if (record.kind == JOURNAL_EVENT) look_at_event(t, record.u.event.raw.ptr, record.u.event.raw.len);
    }
    journal_block_deinit(&block);
    return t->no_memory ? EGRET_NO_MEMORY : EGRET_OK;
}

static egret_status of_journal(trial *t)
{
    const plan *p = t->rules->plan;
    uint32_t n = 0;
    evaluation_source *sources = calloc((size_t)p->n_sources + 1, sizeof *sources);
    char **names = calloc((size_t)p->n_sources + 1, sizeof *names);
    ingest_letters *letters = NULL;
    app_log log = {0};
    bool fine = sources && names && (t->lookup = journal_lookup_new(t->options->journal)) != NULL && ingest_letters_open(NULL, 0, &letters) == EGRET_OK;
    for (uint32_t i = 0; fine && i <= p->n_sources; i++) {
        const plan_edge *edge = i == 0 ? NULL : &p->sources[i - 1];
        if (edge && !evaluation_source_counts(edge)) continue;
        names[n] = edge ? strndup(edge->name.ptr, edge->name.len) : strdup("http");
        fine = names[n] != NULL;
        if (fine) sources[n] = evaluation_source_of(p, edge, names[n]);
        n += fine;
    }
    evaluation_options options = {.rules = t->rules, .sources = sources, .n_sources = n, .record = find_record, .letters = letters, .log = &log,
                                  .alert = take_alert, .user = t};
    evaluation *e = fine ? evaluation_new(&options) : NULL;
    recovery_options again = {.store = (store *)(uintptr_t)t->options->journal, .evaluation = e, .sources = (const char *const *)names, .n_sources = n,
                              .log = &log, .fixed_rules = true, .only_looks = true, .go_on = go_on, .user = t};
    egret_status status = e ? recovery_run(&t->recovery, &again) : EGRET_NO_MEMORY;
    t->events = t->recovery.events;
    evaluation_free(e);
    ingest_letters_close(letters);
    journal_lookup_free(t->lookup);
    for (uint32_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
    free(sources);
    return status == EGRET_OK ? read_labels(t) : status;
}

/* ---- from files ---- */

typedef struct line_reader { trial *trial; char *line; size_t len, cap; } line_reader;

/* What replay writes: whole lines are taken as they come. */
static ssize_t write_lines(void *cookie, const char *bytes, size_t len)
{
    line_reader *r = cookie;
    if (r->len + len > r->cap) {
        size_t cap = (r->len + len) * 2;
        char *grown = realloc(r->line, cap);
        if (!grown) {
            r->trial->no_memory = true;
            return -1;
        }
        r->line = grown;
        r->cap = cap;
    }
    memcpy(r->line + r->len, bytes, len);
    r->len += len;
    char *at = r->line, *end = r->line + r->len, *stop;
    for (; (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) take_line(r->trial, at, (size_t)(stop - at));
    r->len = (size_t)(end - at);
    memmove(r->line, at, r->len);
    return (ssize_t)len;
}

static void read_file_labels(trial *t, const ingest_replay_file *file)
{
    char *line = NULL;
    size_t cap = 0;
    FILE *in = t->options->label && strcmp(file->path, "-") != 0 ? fopen(file->path, "r") : NULL;
    for (ssize_t len; in && (len = getline(&line, &cap, in)) > 0;) look_at_event(t, line, (size_t)len);
    free(line);
    if (in) fclose(in);
}

static egret_status of_files(trial *t, char *reason, size_t reason_size)
{
    const ingest_replay_file *files;
    uint32_t n;
    line_reader reader = {.trial = t};
    replay_summary summary = {0};
    if (!t->options->files(t->options->files_user, t->rules->plan, &files, &n)) {
        snprintf(reason, reason_size, "the files of events do not fit the rules");
        return EGRET_BAD_USE;
    }
    FILE *out = fopencookie(&reader, "w", (cookie_io_functions_t){.write = write_lines});
    replay_options replay = {.plan = t->rules->plan, .files = files, .n_files = n, .threads = 1, .shards = 1, .evidence = true, .out = out};
    egret_status status = out ? replay_run(&replay, &summary, reason, reason_size) : EGRET_NO_MEMORY;
    if (out) fclose(out);
    free(reader.line);
    t->events = summary.events;
    for (uint32_t i = 0; i < n && status == EGRET_OK; i++) read_file_labels(t, &files[i]);
    return t->no_memory ? EGRET_NO_MEMORY : status;
}

/* ---- the report ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t distinct(labelled *set)
{
    size_t n = 0;
    if (set->n > 1) qsort(set->hash, set->n, sizeof *set->hash, by_number);
    for (size_t i = 0; i < set->n; i++)
        if (i == 0 || set->hash[i] != set->hash[i - 1]) set->hash[n++] = set->hash[i];
    return set->n = n;
}

static json_t *label_report(trial *t)
{
    size_t wanted = distinct(&t->wanted), found = 0;
    (void)distinct(&t->found);
    for (size_t i = 0; i < t->found.n; i++) found += wanted > 0 && bsearch(&t->found.hash[i], t->wanted.hash, wanted, sizeof(uint64_t), by_number) != NULL;
    return json_pack("{s:s, s:I, s:I, s:o, s:o}", "field", t->options->label, "events", (json_int_t)wanted, "found", (json_int_t)found, "precision",
                     t->n > 0 ? json_real((double)t->right / (double)t->n) : json_null(), "recall",
                     wanted > 0 ? json_real((double)found / (double)wanted) : json_null());
}

static json_t *time_text(int64_t ms)
{
    char text[64];
    return json_stringn(text, egret_value_text(egret_time(ms), text, sizeof text));
}

typedef struct span { int64_t from_ms, step_ms; } span;

/* Over all alerts of both, in equal parts, of a length that people count in where that is possible. */
static span span_of(const trial *a, const trial *b)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (int part = 0; part < 2; part++) {
        const trial *t = part == 0 ? a : b;
        for (size_t i = 0; t && i < t->n; i++) {
            first = t->alerts[i].time_ms < first ? t->alerts[i].time_ms : first;
            last = t->alerts[i].time_ms > last ? t->alerts[i].time_ms : last;
        }
    }
    if (first > last) return (span){0, 1};
    static const int64_t steps_s[] = {1, 5, 15, 60, 300, 900, 3600, 10800, 21600, 43200, 86400, 604800, 2592000};
    for (size_t i = 0; i < sizeof steps_s / sizeof steps_s[0]; i++) {
        int64_t step_ms = steps_s[i] * 1000, from_ms = first - (first % step_ms + step_ms) % step_ms;
        if ((last - from_ms) / step_ms < BACKTEST_BUCKETS) return (span){from_ms, step_ms};
    }
    return (span){first, (last - first) / BACKTEST_BUCKETS + 1};
}

static json_t *over_time(const trial *t, span s)
{
    uint64_t count[BACKTEST_BUCKETS + 1] = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) count[(t->alerts[i].time_ms - s.from_ms) / s.step_ms]++;
    int64_t end = 0;
    for (size_t i = 0; i < t->n; i++) end = (t->alerts[i].time_ms - s.from_ms) / s.step_ms >= end ? (t->alerts[i].time_ms - s.from_ms) / s.step_ms + 1 : end;
    for (int64_t i = 0; i < end; i++)
        json_array_append_new(list, json_pack("{s:o, s:I}", "from", time_text(s.from_ms + i * s.step_ms), "alerts", (json_int_t)count[i]));
    return list;
}

static json_t *trial_report(trial *t, span s)
{
    json_t *rules = json_array(), *count;
    const char *rule;
    json_object_foreach(t->by_rule, rule, count)
        json_array_append_new(rules, json_pack("{s:s, s:O}", "rule", rule, "alerts", count));
    json_t *report = json_pack("{s:I, s:o, s:o}", "alerts", (json_int_t)t->n, "rules", rules, "over_time", over_time(t, s));
    if (t->options->label) json_object_set_new(report, "label", label_report(t));
    return report;
}

static int by_what(const void *a, const void *b)
{
    const told *x = a, *y = b;
    if (x->what != y->what) return x->what < y->what ? -1 : 1;
    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static void add_sample(json_t *list, const told *alert)
{
    if (alert->sample && json_array_size(list) < BACKTEST_SAMPLES) json_array_append(list, alert->sample);
}

/* Both sorted by what they are. */
static json_t *difference(trial *now, trial *before)
{
    uint64_t same = 0, gained = 0, lost = 0;
    json_t *gains = json_array(), *losses = json_array();
    if (now->n > 1) qsort(now->alerts, now->n, sizeof *now->alerts, by_what);
    if (before->n > 1) qsort(before->alerts, before->n, sizeof *before->alerts, by_what);
    for (size_t i = 0, k = 0; i < now->n || k < before->n;) {
        if (k == before->n || (i < now->n && now->alerts[i].what < before->alerts[k].what)) {
            add_sample(gains, &now->alerts[i++]);
            gained++;
        } else if (i == now->n || now->alerts[i].what > before->alerts[k].what) {
            add_sample(losses, &before->alerts[k++]);
            lost++;
        } else {
            same++;
            i++, k++;
        }
    }
    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "same", (json_int_t)same, "gained", (json_int_t)gained, "lost", (json_int_t)lost, "gained_samples",
                     gains, "lost_samples", losses);
}

static json_t *make_report(trial *now, trial *before)
{
    span s = span_of(now, before);
    json_t *samples = json_array();
    for (size_t i = 0; i < now->n && json_array_size(samples) < BACKTEST_SAMPLES; i++) add_sample(samples, &now->alerts[i]);
    double seconds = (double)now->took_ms / 1000;
    json_t *report = json_pack("{s:I, s:I, s:f, s:o, s:o}", "events", (json_int_t)now->events, "took_ms", (json_int_t)now->took_ms, "events_per_s",
                               seconds > 0 ? (double)now->events / seconds : 0.0, "new", trial_report(now, s), "samples", samples);
    if (before) {
        json_object_set_new(report, "old", trial_report(before, s));
        json_object_set_new(report, "difference", difference(now, before));
    }
    return report;
}

/* ---- all ---- */

static void trial_free(trial *t)
{
    for (size_t i = 0; i < t->n; i++) json_decref(t->alerts[i].sample);
    free(t->alerts);
    free(t->wanted.hash);
    free(t->found.hash);
    json_decref(t->by_rule);
}

static egret_status try_rules(trial *t, char *reason, size_t reason_size)
{
    int64_t began_ms = app_monotonic_ms();
    t->by_rule = json_object();
    egret_status status = !t->by_rule ? EGRET_NO_MEMORY : t->options->journal ? of_journal(t) : of_files(t, reason, reason_size);
    t->took_ms = app_monotonic_ms() - began_ms;
    if (status == EGRET_OK && (t->stopped || t->no_memory)) status = t->no_memory ? EGRET_NO_MEMORY : EGRET_BAD_USE;
    if (status != EGRET_OK && reason[0] == '\0') snprintf(reason, reason_size, "%s", t->stopped ? "stopped" : egret_status_text(status));
    return status;
}

egret_status backtest_run(const backtest_options *options, json_t **report, char *reason, size_t reason_size)
{
    trial now = {.options = options, .rules = options->rules}, before = {.options = options, .part = 1, .rules = options->against};
    reason[0] = '\0';
    egret_status status = try_rules(&now, reason, reason_size);
    if (status == EGRET_OK && options->against) status = try_rules(&before, reason, reason_size);
    *report = status == EGRET_OK ? make_report(&now, options->against ? &before : NULL) : NULL;
    trial_free(&now);
    trial_free(&before);
    return status == EGRET_OK && !*report ? EGRET_NO_MEMORY : status;
}
