/*
 * world.c: what happens, by chance. Each step is one small thing: the daemon evaluates, commits, sends; somebody posts; time passes; the power fails.
 * A daemon that died is started again with the disk it left.
 */
#include "tests/simulation/world.h"

#include "app/decoded.h"
#include "store/outbox_rows.h"
#include "tests/simulation/fakes.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { STEPS = 1500, SETTLING = 60000, SOURCE_S = 1, STREAM_LOGIN = 0, STREAM_BEAT = 1,
       KEEP_MS = 110 * 60000,
       JUMP_MS = 50 * 60000 /* beyond an hour back, events would be too far ahead to be taken */ };

world *world_now;

void world_fault(world *w, const char *format, ...)
{
    if (w->fault[0]) return;
    va_list list;
    va_start(list, format);
    vsnprintf(w->fault, sizeof w->fault, format, list);
    va_end(list);
}

/* ---- events: a function of the seed and their number ---- */

static uint64_t facet(unsigned n, unsigned which)
{
    uint64_t key[] = {world_now->seed, n, which};
    return XXH3_64bits(key, sizeof key);
}

static void put_time(char *out, size_t size, int64_t ms)
{
    snprintf(out, size, "2026-01-05T09:%02d:%02d.%03dZ", (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
}

int world_post_text(unsigned n, char *out, size_t size)
{
    char at[40];
    int64_t ms = (int64_t)n * 700 - (int64_t)(facet(n, 0) % 2500);
    put_time(at, sizeof at, ms > 0 ? ms : 0);
    return snprintf(out, size, "{\"id\":\"e%u\",\"user\":\"u%d\",\"ok\":%s,\"amount\":\"%d.%02d\",\"at\":\"%s\"}\n", n, (int)(facet(n, 1) % 4),
                    facet(n, 2) % 5 < 2 ? "true" : "false", (int)(facet(n, 3) % 200), (int)(facet(n, 4) % 100), at);
}

int world_feed_text(unsigned n, char *out, size_t size)
{
    char at[40];
    put_time(at, sizeof at, (int64_t)n * 600 + (int64_t)(facet(n, 5) % 500));
    return snprintf(out, size, "{\"device\":\"d%d\",\"n\":%d,\"at\":\"%s\"}\n", (int)(facet(n, 6) % 5), (int)(facet(n, 7) % 100), at);
}

/* ---- what the daemon is given ---- */

/* NULL: no memory. */
static admission_batch *decode(world *w, uint32_t source, uint32_t stream, const char *text, size_t len)
{
    ingest_record record;
    admission_batch *batch = admission_batch_new(source);
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){.plan = w->d->plan, .stream = stream, .format = INGEST_FORMAT_JSON});
    bool fine = batch && decoder;
    ingest_got got = INGEST_GOT_RECORD;
    if (fine) ingest_decoder_feed(decoder, text, len, len, true);
    while (fine && (got = ingest_decoder_next(decoder, &record)) == INGEST_GOT_RECORD) {
        record.stream = stream;
        fine = decoded_add(decoder, INGEST_FORMAT_JSON, w->d->plan, NULL, batch, &record);
    }
    ingest_decoder_free(decoder);
    if (fine && got == INGEST_GOT_END) {
        batch->arrival_ms = app_wall_ms(NULL);
        return batch;
    }
    admission_batch_free(batch);
    return NULL;
}

/* After the power went nobody hears of it any more. */
static void answered(void *user, const char *trouble)
{
    world *w = user;
    fakes_note(w->posted + (uint64_t)(trouble != NULL));
    if (!fakes_is_cut() && w->answer == 0) w->answer = trouble ? -1 : 1;
}

static void post(world *w)
{
    char text[4096];
    int len = 0;
    if (w->answer != 0) {       /* what was not kept is sent again */
        if (w->answer > 0) w->posted += w->posting;
        w->posting = 0;
        w->answer = 0;
    }
    if (w->posting > 0 || w->posted == WORLD_POSTED) return;
    unsigned n = 1 + (unsigned)fakes_below(6);
    if (n > WORLD_POSTED - w->posted) n = WORLD_POSTED - w->posted;
    for (unsigned i = 0; i < n; i++) len += world_post_text(w->posted + i, text + len, sizeof text - (size_t)len);
    if (committer_trouble(w->d->committer)) return;
    admission_batch *batch = decode(w, DAEMON_HTTP_SOURCE, STREAM_LOGIN, text, (size_t)len);
    if (!batch) return;
    batch->answer = answered;
    batch->answer_user = w;
    w->posting = n;
    if (admission_put(w->d->queue, batch) == ADMISSION_TAKEN) return;
    batch->answer = NULL;
    admission_batch_free(batch);
    w->posting = 0;
}

static void feed(world *w)
{
    char text[4096];
    int len = 0;
    unsigned n = 1 + (unsigned)fakes_below(8);
    if (n > WORLD_FED - w->fed) n = WORLD_FED - w->fed;
    if (n == 0) return;
    for (unsigned i = 0; i < n; i++) len += world_feed_text(w->fed + i, text + len, sizeof text - (size_t)len);
    admission_batch *batch = decode(w, SOURCE_S, STREAM_BEAT, text, (size_t)len);
    if (!batch) return;
    batch->has_place = true;
    batch->place = (store_place){.line = w->fed + n};
    if (admission_put(w->d->queue, batch) == ADMISSION_TAKEN) w->fed += n;
    else admission_batch_free(batch);
}

bool world_receive(unsigned sink, const sink_message *message)
{
    world *w = world_now;
    uint64_t hash = XXH3_64bits(message->bytes, message->len);
    if (fakes_is_cut()) return false;
    fakes_note(hash + sink);
    fakes_note((uint64_t)fakes_now_ms());
    for (size_t i = 0; i < w->n_received[sink]; i++) {
        world_received *r = &w->received[sink][i];
        if (strcmp(r->id, message->id) != 0) continue;
        r->times++;
        if (r->hash != hash) world_fault(w, "sink %u got another message under id %s", sink, message->id);
        return true;
    }
    if (w->n_received[sink] == WORLD_RECEIVED) return world_fault(w, "too many alerts"), false;
    world_received *r = &w->received[sink][w->n_received[sink]++];
    *r = (world_received){.hash = hash, .times = 1};
    snprintf(r->id, sizeof r->id, "%s", message->id);
    return true;
}

/* ---- its life ---- */

static void read_log(world *w)
{
    ssize_t n = pread(w->log_fd, w->log, sizeof w->log - 1, 0);
    w->log[n > 0 ? n : 0] = '\0';
    if (ftruncate(w->log_fd, 0) != 0 || lseek(w->log_fd, 0, SEEK_SET) != 0) abort();
}

static void look_at_log(world *w)
{
    static const char *const bad[] = {"gave other alerts", "quarantine", "passed over", "is gone, and", "have changed", "cannot be had"};
    read_log(w);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (strstr(w->log, bad[i])) world_fault(w, "the log says '%s': %.3000s", bad[i], w->log);
}

static void stop(world *w, bool orderly)
{
    if (!w->d) return;
    bool failed = atomic_load(&w->d->failed);
    daemon_steps_close(w->d, orderly);
    w->d = NULL;
    world_hear(w);
    look_at_log(w);
    w->deaths += failed;
    if (failed && w->log[0] == '\0') world_fault(w, "it ended and did not say why");
    if (w->posting > 0 && w->answer == 0) w->answer = -1;       /* the connection is gone */
}

/* A quarter of the seeds has one shard, two, five; the last has another number at nearly every start. */
static uint32_t choose_shards(const world *w)
{
    static const uint32_t steady[] = {1, 2, 5}, any[] = {1, 2, 3, 5};
    return w->seed % 4 < 3 ? steady[w->seed % 4] : any[fakes_below(sizeof any / sizeof any[0])];
}

/* With the disk as it is. It may die at once. */
static void start(world *w)
{
    store_place place = {0};
    uint32_t shards = choose_shards(w);
    w->reshards += w->options.shards != 0 && w->options.shards != shards;
    w->options.shards = shards;
    w->d = daemon_steps_open(&w->options);
    if (!w->d) {
        look_at_log(w);
        w->deaths++;
        if (w->log[0] == '\0') world_fault(w, "it did not start and did not say why");
        return;
    }
    if (w->d->recovery.other_epochs > 0) world_fault(w, "an epoch gave other alerts than before");
    w->fed = store_place_get(w->d->store, "s", &place) ? (unsigned)place.line : 0;
}

static void revive(world *w)
{
    if (w->mended) w->mended();
    fakes_power_on();
    for (int i = 0; i < 3 && !w->d; i++) start(w);
    if (!w->d) world_fault(w, "it does not start: %.3000s", w->log);
}

static void befall(world *w)
{
    switch (fakes_below(8)) {
    case 0: case 1: case 2:
        fakes_cut_after(1 + fakes_below(40));
        w->cuts++;
        break;
    case 3: case 4:
        fakes_cut_now();
        w->crashes++;
        break;
    case 5:
        stop(w, true);
        w->ends++;
        break;
    case 6:
        fakes_fill_for(1 + fakes_below(60));
        w->fills++;
        break;
    default:
        fakes_set_off_ms((int64_t)fakes_below(2 * JUMP_MS) - JUMP_MS);
        w->jumps++;
        break;
    }
}

static void step(world *w)
{
    uint64_t dice = fakes_below(100);
    if (dice < 28) (void)daemon_steps_engine(w->d);
    else if (dice < 48) (void)daemon_steps_commit(w->d);
    else if (dice < 68) daemon_steps_send(w->d, (uint32_t)fakes_below(WORLD_SINKS));
    else if (dice < 76) post(w);
    else if (dice < 84) feed(w);
    else if (dice < 86) world_ask(w);
    else if (dice < 97) fakes_pass_ms((int64_t)fakes_below(400));
    else if (dice < 98) fakes_pass_ms((int64_t)fakes_below(30000));
    else if (!w->calm) befall(w);
}

static void live(world *w)
{
    for (unsigned i = 0; i < w->steps && !w->fault[0]; i++) {
        if (w->d && (fakes_is_cut() || atomic_load(&w->d->failed))) stop(w, false);
        if (!w->d) revive(w);
        if (w->d) step(w);
        world_hear(w);
    }
}

static bool is_settled(const world *w)
{
    return w->posted == WORLD_POSTED && w->fed == WORLD_FED && !w->asked && admission_records(w->d->queue) == 0 &&
           outbox_sink_get(w->d->store, "log").rows + outbox_sink_get(w->d->store, "desk").rows == 0;
}

/* The world is kind: all comes to its end. */
static void settle(world *w)
{
    if (w->mended) w->mended();
    if (w->d && (fakes_is_cut() || atomic_load(&w->d->failed))) stop(w, false);
    if (w->d) fakes_power_on();
    else revive(w);
    for (int i = 0; w->d && !w->fault[0] && !(i > 50 && is_settled(w)); i++) {
        post(w);
        feed(w);
        if (!daemon_steps_engine(w->d)) world_fault(w, "it fails though nothing is wrong");
        while (daemon_steps_commit(w->d)) {}
        for (uint32_t sink = 0; sink < WORLD_SINKS; sink++) daemon_steps_send(w->d, sink);
        fakes_pass_ms(100);
        world_hear(w);
        if (i == SETTLING) world_fault(w, "it does not come to rest");
    }
    if (w->d && !w->fault[0]) {
        w->state = world_state(w->d->evaluation);
        world_changes_end(w);
    }
    stop(w, true);
}

/* ---- making it ---- */

static const sink_kind *find_sink(egret_str name)
{
    return egret_str_is(name, "file") ? &world_log_kind : &world_desk_kind;
}

bool world_make(world *w, uint64_t seed)
{
    static const char *const paths[] = {EGRET_SOURCE_DIR "/tests/simulation/rules"};
    memset(w, 0, sizeof *w);
    w->seed = seed;
    w->steps = STEPS;
    world_now = w;
    strcpy(w->dir, "/tmp/egret-simulation-XXXXXX");
    fakes_begin(seed);
    if (!mkdtemp(w->dir) || !rules_files_load(&w->rules, paths, 1, RULES_PLAN) || !w->rules.plan) return false;
    w->log_fd = memfd_create("log", MFD_CLOEXEC);
    w->options = (daemon_options){.rules = &w->rules, .data_dir = w->dir, .queue_records = 1000, .keep_ms = KEEP_MS,
                                  .keep_bytes = UINT64_MAX, .keep_alerts_ms = KEEP_MS, .keep_alert_bytes = UINT64_MAX,
                                  .keep_dead_bytes = 1 << 20, .checkpoint_events = 20, .idle_ms = 500, .no_threads = true,
                                  .find_sink = find_sink};
    return w->log_fd >= 0;
}

void world_run(world *w)
{
    int own = dup(STDERR_FILENO);
    if (own < 0 || dup2(w->log_fd, STDERR_FILENO) < 0) abort();
    start(w);
    live(w);
    settle(w);
    if (dup2(own, STDERR_FILENO) < 0) abort();
    close(own);
}

static int drop(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

void world_free(world *w)
{
    close(w->log_fd);
    free(w->state);
    rule_set_drop(w->holds);
    rules_files_free(&w->rules);
    if (!w->fault[0]) nftw(w->dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}
