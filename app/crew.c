/*
 * crew.c: see crew.h. A turn begins with a new number under the lock and ends when all workers have counted themselves out; between two turns they
 * wait, and the caller alone touches the engines.
 */
#include "app/crew.h"

#include "app/large_memory.h"
#include "store/cold_packs.h"

#include <pthread.h>
#include <stdlib.h>

/* Events between the announcement of one and the one itself: far enough for memory to arrive, near enough for it to stay. */
enum { EXPECT_EVENTS = 18, FETCH_EVENTS = 8 /* before that the event itself, which another processor may have written */ };

typedef struct worker {
    struct crew *crew;
    nfa_engine *engine;
    pthread_t thread;
    bool has_thread;
    cold_packs *cold;           /* NULL: there is no limit */
} worker;

struct crew {
    nfa_shards *shards;
    uint32_t n;
    bool threads;
    pthread_mutex_t lock;           /* all below */
    pthread_cond_t begun, done;
    uint64_t turn;
    uint32_t at_work;
    bool closed;
    const crew_work *work;
    egret_status status;
    worker workers[NFA_MAX_SHARDS];     /* the first has no thread */
};

/* The event at that place, counted through the events and those behind them; NULL: there is none. */
static inline const nfa_event *event_at(const crew_work *work, uint32_t place)
{
    if (place < work->n) return &work->events[place];
    return place - work->n < work->n_next ? &work->next[place - work->n] : NULL;
}

static void expect(nfa_engine *engine, const crew_work *work, uint32_t place)
{
    const nfa_event *event = event_at(work, place);
    __builtin_prefetch(event_at(work, place + FETCH_EVENTS), 1);
    if (event && event->stream != PLAN_NONE) nfa_engine_expect(engine, event);
}

/* An event, or a step of the clock. The count is the caller's, as clocks of several threads lie side by side. */
static egret_status step(const worker *own, const crew_work *work, const nfa_event *event, rule_clock *clock, uint32_t *count)
{
    if (event->stream == PLAN_NONE) return nfa_engine_advance(own->engine, event->time_ms);
    return work->clocks ? rule_clock_event(clock, count, own->engine, event) : nfa_engine_event(own->engine, event);
}

static egret_status evaluate(const worker *own, const crew_work *work)
{
    nfa_engine *engine = own->engine;
    rule_clock *clock = work->clocks ? &work->clocks[own - own->crew->workers] : NULL;
    uint32_t count = clock ? clock->event : 0;
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; work->first && i < EXPECT_EVENTS; i++) expect(engine, work, i);
    for (uint32_t i = 0; i < work->n && status == EGRET_OK; i++) {
        expect(engine, work, i + EXPECT_EVENTS);
        status = step(own, work, &work->events[i], clock, &count);
    }
    if (clock) clock->event = count;
    if (status == EGRET_OK && work->advances) status = nfa_engine_advance(engine, work->time_ms);
    if (status == EGRET_OK && work->finishes) status = nfa_engine_finish(engine, work->time_ms);
    return status;
}

static void *run(void *user)
{
    worker *own = user;
    crew *c = own->crew;
    uint64_t seen = 0;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->turn == seen && !c->closed) pthread_cond_wait(&c->begun, &c->lock);
        if (c->closed) break;
        seen = c->turn;
        const crew_work *work = c->work;
        pthread_mutex_unlock(&c->lock);
        egret_status status = evaluate(own, work);
        pthread_mutex_lock(&c->lock);
        if (status != EGRET_OK && c->status == EGRET_OK) c->status = status;
        if (--c->at_work == 0) pthread_cond_signal(&c->done);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

egret_status crew_do(crew *c, const crew_work *work)
{
    egret_status status = EGRET_OK;
    if (c->n == 1 || !c->threads) {
        for (uint32_t i = 0; i < c->n && status == EGRET_OK; i++) status = evaluate(&c->workers[i], work);
        return status;
    }
    pthread_mutex_lock(&c->lock);
    c->work = work;
    c->status = EGRET_OK;
    c->at_work = c->n - 1;
    c->turn++;
    pthread_cond_broadcast(&c->begun);
    pthread_mutex_unlock(&c->lock);
    status = evaluate(&c->workers[0], work);
    pthread_mutex_lock(&c->lock);
    while (c->at_work > 0) pthread_cond_wait(&c->done, &c->lock);
    if (status == EGRET_OK) status = c->status;
    pthread_mutex_unlock(&c->lock);
    return status;
}

nfa_shards *crew_shards(crew *c)
{
    return c->shards;
}

/* Workers read their engine when a turn begins, which is behind the lock. */
void crew_swap(crew *c, nfa_shards **shards)
{
    nfa_shards *before = c->shards;
    c->shards = *shards;
    *shards = before;
    for (uint32_t i = 0; i < c->n; i++) c->workers[i].engine = nfa_shards_engine(c->shards, i);
}

egret_status crew_limit(crew *c, size_t bytes, const char *dir, char *reason, size_t reason_size)
{
    for (uint32_t i = 0; i < c->n; i++) {
        worker *own = &c->workers[i];
        if (!(own->cold = cold_packs_open(dir, reason, reason_size))) return EGRET_IO;
        nfa_cold_host host = cold_packs_host(own->cold);
        if (!nfa_engine_limit(own->engine, bytes / c->n, &host)) return EGRET_NO_MEMORY;
    }
    return EGRET_OK;
}

/* ---- life ---- */

static egret_status start_workers(crew *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        worker *own = &c->workers[i];
        *own = (worker){.crew = c, .engine = nfa_shards_engine(c->shards, i)};
        if (i > 0 && c->threads && pthread_create(&own->thread, NULL, run, own) != 0) return EGRET_IO;
        own->has_thread = i > 0 && c->threads;
    }
    return EGRET_OK;
}

egret_status crew_start(const plan *rules, uint32_t n_shards, bool threads, crew **out)
{
    crew *c = calloc(1, sizeof *c);
    if (!c) return EGRET_NO_MEMORY;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->begun, NULL);
    pthread_cond_init(&c->done, NULL);
    c->n = n_shards;
    c->threads = threads;
    c->shards = nfa_shards_new(app_large_memory(), rules, n_shards);
    egret_status status = c->shards ? start_workers(c) : EGRET_NO_MEMORY;
    if (status == EGRET_OK) *out = c;
    else crew_stop(c);
    return status;
}

void crew_stop(crew *c)
{
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->closed = true;
    pthread_cond_broadcast(&c->begun);
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 1; i < c->n; i++)
        if (c->workers[i].has_thread) pthread_join(c->workers[i].thread, NULL);
    for (uint32_t i = 0; i < c->n; i++) cold_packs_close(c->workers[i].cold);
    nfa_shards_free(c->shards);
    pthread_cond_destroy(&c->done);
    pthread_cond_destroy(&c->begun);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
