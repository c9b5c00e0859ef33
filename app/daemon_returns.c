/*
 * daemon_returns.c: dead events that people have sent in again. They lie in the store; one thread reads them, decodes them under the rules of now, and
 * admits them as if they had just been posted. They leave the store in the transaction that writes them to the journal: so none is
 * lost and none comes twice, whatever ends in between.
 *
 * Tools put them there, so the store is looked at every second; daemon_returns_wake does it at once.
 */
#include "app/daemon_internal.h"

#include "app/decoded.h"
#include "ingest/decode.h"
#include "store/dead_letters.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000, AT_ONCE = 256 };

struct daemon_returns {
    daemon_state *daemon;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_thread, woken, stopping;
    uint64_t after;             /* numbers up to this one are admitted */
    ingest_decoder **decoders;  /* by stream; made when needed */
    admission_batch *batch;     /* being filled */
    bool failed;                /* no memory for it */
};

static uint32_t stream_named(const plan *p, const char *name)
{
    for (uint32_t i = 0; i < plan_inputs(p); i++)
        if (egret_str_is(p->streams[i].name, name)) return i;
    return PLAN_NONE;
}

static bool reject(daemon_returns *r, const dead_letter *letter, const char *why)
{
    admitted_record record = {.stream = PLAN_NONE, .reason = INGEST_REASON_STREAM, .raw = letter->bytes, .raw_len = letter->len, .text = why,
                              .line = letter->line, .offset = letter->offset};
    return admission_batch_add(r->batch, &record, 0);
}

static bool decode(daemon_returns *r, const dead_letter *letter, uint32_t stream)
{
    const plan *p = r->daemon->plan;
    ingest_record record;
    ingest_decoder **slot = &r->decoders[stream];
    if (*slot) ingest_decoder_reset(*slot);
    else *slot = ingest_decoder_new(&(ingest_decoder_options){.plan = p, .stream = stream, .format = INGEST_FORMAT_JSON});
    if (!*slot) return false;
    ingest_decoder_feed(*slot, letter->bytes, letter->len, letter->len, true);
    ingest_got got = ingest_decoder_next(*slot, &record);
    if (got == INGEST_GOT_NO_MEMORY) return false;
    if (got != INGEST_GOT_RECORD && got != INGEST_GOT_REJECTED) return reject(r, letter, "it is empty");
    record.stream = stream;
    return decoded_add(*slot, INGEST_FORMAT_JSON, p, NULL, r->batch, &record);
}

/* From a read of the store. */
static bool take(void *user, const dead_letter *letter)
{
    daemon_returns *r = user;
    if (!r->batch) r->batch = admission_batch_new(DAEMON_HTTP_SOURCE);
    uint32_t stream = stream_named(r->daemon->plan, letter->what);
    bool fine = r->batch && (stream == PLAN_NONE ? reject(r, letter, "no rule declares its stream") : decode(r, letter, stream));
    if (!fine) return r->failed = true, false;
    if (r->batch->returns_from == 0) r->batch->returns_from = letter->number;
    r->batch->returns_to = letter->number;
    return true;
}

/* True: there may be more at once. */
static bool look(daemon_returns *r)
{
    r->failed = false;
    int code = dead_returns_each(r->daemon->store, r->after, AT_ONCE, take, r);
    admission_batch *batch = r->batch;
    r->batch = NULL;
    if (!batch || code != 0 || r->failed) {     /* all of it again, later */
        admission_batch_free(batch);
        return false;
    }
    uint64_t to = batch->returns_to;
    batch->arrival_ms = app_wall_ms(NULL);
    if (admission_put_wait(r->daemon->queue, batch) != ADMISSION_TAKEN) {
        admission_batch_free(batch);
        return false;
    }
    r->after = to;
    return true;
}

static void *work(void *user)
{
    daemon_returns *r = user;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        r->woken = false;
        pthread_mutex_unlock(&r->lock);
        bool more = look(r);
        pthread_mutex_lock(&r->lock);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_MS / 1000;
        while (!more && !r->woken && !r->stopping && pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0) {}
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

bool daemon_returns_start(daemon_state *d)
{
    pthread_condattr_t attributes;
    daemon_returns *r = d->returns = calloc(1, sizeof *r);
    if (!r) return false;
    r->daemon = d;
    r->decoders = calloc((size_t)d->plan->n_streams + 1, sizeof(ingest_decoder *));
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    r->has_thread = r->decoders && pthread_create(&r->thread, NULL, work, r) == 0;
    return r->has_thread;
}

void daemon_returns_wake(daemon_state *d)
{
    daemon_returns *r = d->returns;
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->woken = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void daemon_returns_stop(daemon_state *d)
{
    daemon_returns *r = d->returns;
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->has_thread) pthread_join(r->thread, NULL);
    for (uint32_t i = 0; r->decoders && i < d->plan->n_streams; i++) ingest_decoder_free(r->decoders[i]);
    free(r->decoders);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
    d->returns = NULL;
}
