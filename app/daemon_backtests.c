/*
 * daemon_backtests.c: see daemon_backtests.h. What is tried is compiled when it is asked for, so that a mistake is told at once; the events are read
 * when its turn comes.
 */
#include "app/daemon_backtests.h"

#include "app/backtest.h"
#include "app/pace.h"
#include "app/rules_backend.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEPT = 32, MAX_WAITING = 8, MAX_FILES = 16 };

typedef enum trial_state { TRIAL_WAITING, TRIAL_RUNNING, TRIAL_DONE, TRIAL_FAILED, TRIAL_CANCELLED } trial_state;

typedef struct trial {
    struct trial *next;
    uint64_t id;
    trial_state state;
    char *who, *label;
    rule_set *rules, *against;
    char *names[MAX_FILES], *paths[MAX_FILES];  /* of uploaded events */
    size_t n_files;
    ingest_replay_file files[MAX_FILES];
    int64_t asked_ms, ended_ms;
    atomic_ullong events;
    atomic_bool cancelled;
    pace pace;
    json_t *report;
    char trouble[512];
} trial;

typedef struct daemon_backtests {
    daemon_state *daemon;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool ending;
    trial *newest;              /* all, newest first */
    uint64_t next_id;
    web_backtests table;
} daemon_backtests;

/* ---- one ---- */

static void free_trial(trial *t)
{
    for (size_t i = 0; i < t->n_files; i++) {
        if (t->paths[i]) unlink(t->paths[i]);
        free(t->paths[i]);
        free(t->names[i]);
    }
    rule_set_drop(t->rules);
    rule_set_drop(t->against);
    json_decref(t->report);
    free(t->who);
    free(t->label);
    free(t);
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wex");
    if (!file) return false;
    bool fine = fputs(text, file) >= 0;
    return fclose(file) == 0 && fine;
}

static bool take_files(const daemon_backtests *b, trial *t, const web_backtest *what)
{
    for (size_t i = 0; i < what->n_files; i++) {
        t->n_files = i + 1;
        t->names[i] = strdup(what->files[i].name);
        if (asprintf(&t->paths[i], "%s/backtest-%" PRIu64 "-%zu.ndjson", b->daemon->options->data_dir, t->id, i) < 0) t->paths[i] = NULL;
        if (t->paths[i]) unlink(t->paths[i]);
        if (!t->names[i] || !t->paths[i] || !write_file(t->paths[i], what->files[i].text)) return false;
    }
    return true;
}

static bool name_files(void *user, const plan *p, const ingest_replay_file **files, uint32_t *n)
{
    trial *t = user;
    for (size_t i = 0; i < t->n_files; i++) {
        ingest_replay_file *file = &t->files[i];
        *file = (ingest_replay_file){.path = t->paths[i], .stream = PLAN_NONE, .format = INGEST_FORMAT_JSON};
        for (uint32_t k = 0; k < plan_inputs(p); k++)
            if (egret_str_is(p->streams[k].name, t->names[i])) file->stream = k;
        for (uint32_t k = 0; k < p->n_sources && file->stream == PLAN_NONE; k++)
            if (egret_str_is(p->sources[k].name, t->names[i])) file->source = &p->sources[k];
        if (file->stream == PLAN_NONE && !file->source) return false;
    }
    *files = t->files;
    *n = (uint32_t)t->n_files;
    return true;
}

static bool go_on(void *user, unsigned part, uint64_t events)
{
    trial *t = user;
    (void)part;
    atomic_store(&t->events, events);
    pace_give_way(&t->pace);     /* live work comes first */
    return !atomic_load(&t->cancelled);
}

static void run(daemon_backtests *b, trial *t)
{
    json_t *report = NULL;
    pace_begin(&t->pace);
    backtest_options options = {.rules = t->rules, .against = t->against, .journal = t->n_files > 0 ? NULL : b->daemon->store, .files = name_files,
                                .files_user = t, .label = t->label, .log = &b->daemon->options->log, .go_on = go_on, .user = t};
    egret_status status = backtest_run(&options, &report, t->trouble, sizeof t->trouble);
    pthread_mutex_lock(&b->lock);
    t->report = report;
    t->ended_ms = app_wall_ms(NULL);
    t->state = status == EGRET_OK ? TRIAL_DONE : atomic_load(&t->cancelled) ? TRIAL_CANCELLED : TRIAL_FAILED;
    if (status == EGRET_OK) t->trouble[0] = '\0';
    rule_set_drop(t->rules);
    rule_set_drop(t->against);
    t->rules = t->against = NULL;
    pthread_mutex_unlock(&b->lock);
}

/* ---- the thread ---- */

/* The oldest that waits. */
static trial *next_trial(const daemon_backtests *b)
{
    trial *found = NULL;
    for (trial *t = b->newest; t; t = t->next)
        if (t->state == TRIAL_WAITING) found = t;
    return found;
}

/* Where that is refused it goes on as it was: without privileges there is no way back. */
static void set_policy(int policy)
{
    const struct sched_param none = {0};
    (void)pthread_setschedparam(pthread_self(), policy, &none);
}

/* It gets what nobody else wants while it tries rules, and only then: a process is not gone before its last thread has had the time to go, and on a busy
 * machine a thread that has to wait for idle moments would keep a killed daemon's folder locked for minutes. */
static void *work(void *user)
{
    daemon_backtests *b = user;
    pthread_mutex_lock(&b->lock);
    while (!b->ending) {
        trial *t = next_trial(b);
        if (!t) {
            pthread_cond_wait(&b->more, &b->lock);
            continue;
        }
        t->state = TRIAL_RUNNING;
        pthread_mutex_unlock(&b->lock);
        set_policy(SCHED_IDLE);
        run(b, t);
        set_policy(SCHED_OTHER);
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- asking ---- */

static json_t *tell(const trial *t)
{
    static const char *const states[] = {"waiting", "running", "done", "failed", "cancelled"};
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, t->id);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:o}", "id", id, "state", states[t->state], "who", t->who, "started", backend_time(t->asked_ms), "ended",
                     t->ended_ms ? backend_time(t->ended_ms) : json_null(), "events", (json_int_t)atomic_load(&t->events), "trouble",
                     t->trouble[0] && t->state == TRIAL_FAILED ? json_string(t->trouble) : json_null());
}

static trial *find(daemon_backtests *b, const char *id, trial ***link)
{
    char *end = NULL;
    uint64_t wanted = id[0] >= '0' && id[0] <= '9' ? strtoull(id, &end, 10) : 0;
    if (!end || *end != '\0') return NULL;
    for (trial **at = &b->newest; *at; at = &(*at)->next) {
        if ((*at)->id != wanted) continue;
        if (link) *link = at;
        return *at;
    }
    return NULL;
}

static web_rules_status list(void *user, egret_text *out)
{
    daemon_backtests *b = user;
    json_t *all = json_array();
    pthread_mutex_lock(&b->lock);
    for (const trial *t = b->newest; t; t = t->next) json_array_append_new(all, tell(t));
    pthread_mutex_unlock(&b->lock);
    return backend_json(out, json_pack("{s:o}", "backtests", all));
}

static web_rules_status get(void *user, const char *id, egret_text *out)
{
    daemon_backtests *b = user;
    pthread_mutex_lock(&b->lock);
    const trial *t = find(b, id, NULL);
    json_t *told = t ? tell(t) : NULL;
    if (t && t->report) json_object_set(told, "report", t->report);
    web_rules_status status = t ? backend_json(out, told) : backend_say(out, WEB_RULES_NOT_FOUND, "there is no back-test of this number, or it is not kept any more");
    pthread_mutex_unlock(&b->lock);
    return status;
}

static web_rules_status cancel(void *user, const char *id, egret_text *out)
{
    daemon_backtests *b = user;
    trial **link = NULL;
    pthread_mutex_lock(&b->lock);
    trial *t = find(b, id, &link);
    web_rules_status status = t ? backend_json(out, tell(t)) : backend_say(out, WEB_RULES_NOT_FOUND, "there is no back-test of this number, or it is not kept any more");
    if (t && t->state == TRIAL_RUNNING) {
        atomic_store(&t->cancelled, true);
    } else if (t) {
        *link = t->next;
        free_trial(t);
    }
    pthread_mutex_unlock(&b->lock);
    return status;
}

/* ---- starting ---- */

/* Under the lock: those that have ended, beyond so many, are forgotten. False: too many wait. */
static bool make_room(daemon_backtests *b)
{
    size_t n = 0, waiting = 0;
    for (trial **at = &b->newest; *at;) {
        trial *t = *at;
        waiting += t->state == TRIAL_WAITING;
        if (++n < KEPT || t->state <= TRIAL_RUNNING) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        free_trial(t);
    }
    return waiting < MAX_WAITING;
}

static web_rules_status compile(const web_backtest *what, const rule_set *now, daemon_state *d, trial *t, egret_text *out)
{
    const char *kind = NULL;
    web_rules_status status = backend_edit(d, now, &what->change, &t->rules, &kind, out);
    if (status != WEB_RULES_DONE) return status;
    if (!rule_set_compile(t->rules)) {
        if (t->rules->diags.n_errors == 0) return WEB_RULES_NO_MEMORY;
        backend_document(t->rules, out);
        return WEB_RULES_INVALID;
    }
    const ingest_replay_file *files;
    uint32_t n;
    if (t->n_files > 0 && !name_files(t, t->rules->plan, &files, &n)) return backend_say(out, WEB_RULES_REFUSED, "'files' names a stream or source that there is not");
    return WEB_RULES_DONE;
}

static web_rules_status prepare(daemon_backtests *b, const web_backtest *what, trial *t, egret_text *out)
{
    rule_set *now = daemon_rules_now(b->daemon->rules);
    t->asked_ms = app_wall_ms(NULL);
    t->who = strdup(what->change.who ? what->change.who : "");
    t->label = what->label ? strdup(what->label) : NULL;
    if (!now || !t->who || (what->label && !t->label)) {
        rule_set_drop(now);
        return WEB_RULES_NO_MEMORY;
    }
    if (what->n_files > MAX_FILES) {
        rule_set_drop(now);
        return backend_say(out, WEB_RULES_REFUSED, "at most %d files of events", MAX_FILES);
    }
    web_rules_status status = take_files(b, t, what) ? compile(what, now, b->daemon, t, out) : WEB_RULES_UNKEPT;
    t->against = status == WEB_RULES_DONE && what->compare ? rule_set_keep(now) : NULL;
    rule_set_drop(now);
    return status;
}

static web_rules_status start(void *user, const web_backtest *what, egret_text *out)
{
    daemon_backtests *b = user;
    trial *t = calloc(1, sizeof *t);
    if (!t) return WEB_RULES_NO_MEMORY;
    pthread_mutex_lock(&b->lock);
    bool room = make_room(b);
    t->id = ++b->next_id;
    pthread_mutex_unlock(&b->lock);
    web_rules_status status = room ? prepare(b, what, t, out) : backend_say(out, WEB_RULES_REFUSED, "%d back-tests wait already: cancel one, or wait for one to end", MAX_WAITING);
    if (status != WEB_RULES_DONE) {
        free_trial(t);
        return status;
    }
    pthread_mutex_lock(&b->lock);
    t->next = b->newest;
    b->newest = t;
    status = backend_json(out, tell(t));
    pthread_cond_signal(&b->more);
    pthread_mutex_unlock(&b->lock);
    return status;
}

/* ---- life ---- */

bool daemon_backtests_open(daemon_state *d)
{
    daemon_backtests *b = calloc(1, sizeof *b);
    if (!b) return false;
    b->daemon = d;
    b->table = (web_backtests){.user = b, .start = start, .list = list, .get = get, .cancel = cancel};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->more, NULL);
    if (pthread_create(&b->thread, NULL, work, b) == 0) {
        d->backtests = b;
        d->backend.backtests = &b->table;
        return true;
    }
    pthread_cond_destroy(&b->more);
    pthread_mutex_destroy(&b->lock);
    free(b);
    return false;
}

void daemon_backtests_close(daemon_state *d)
{
    daemon_backtests *b = d->backtests;
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->ending = true;
    for (trial *t = b->newest; t; t = t->next) atomic_store(&t->cancelled, true);
    pthread_cond_broadcast(&b->more);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    for (trial *t = b->newest, *next; t; t = next) {
        next = t->next;
        free_trial(t);
    }
    pthread_cond_destroy(&b->more);
    pthread_mutex_destroy(&b->lock);
    free(b);
    d->backtests = NULL;
}
