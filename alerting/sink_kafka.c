/*
 * sink_kafka.c: alerts as messages of a Kafka topic. The key is the rule's key, the alert's id stands in the header "id", the body is the alert.
 *
 * The producer is idempotent: what it sends again after a lost connection does not come twice, and the order within a partition is kept. It waits for
 * brokers as long as it takes; only what a broker will never take is refused. After a crash those on their way are sent once more: receivers know
 * them by id. With `exactly_once` they see each alert once without that, if they read committed (sink_kafka_txn.c).
 */
#include "alerting/sink_kafka.h"

#include "alerting/json_pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COMPLAIN_MS = 30000, AGAIN_MS = 1000, TXN_SLICE_MS = 50, CLOSE_MS = 2000 };

static const sink_option options[] = {
    [KAFKA_SINK_BROKERS] = {"brokers", EGRET_STRING, NULL, true, "host:port of one broker or several, separated by commas"},
    [KAFKA_SINK_TOPIC] = {"topic", EGRET_STRING, NULL, true, "the topic; it must be there"},
    [KAFKA_SINK_EXACTLY_ONCE] = {"exactly_once", EGRET_BOOL, "false", false,
                                 "alerts leave in transactions: a consumer that reads committed sees each of them once, whatever is restarted"},
    [KAFKA_SINK_SETTINGS] = {"settings", EGRET_NULL, NULL, false, "settings of librdkafka, for TLS, SASL and the like: { \"security.protocol\": \"SASL_SSL\" }"},
    {0},
};

/* A broker refuses a batch as a whole, as too large, where its topic takes less: so batches are small at once, and smaller where that is not enough (is_innocent). */
static const edge_kafka_setting ours[] = {
    {"batch.size", "65536"},
    {"client.id", "egret"}, {"socket.keepalive.enable", "true"}, {"reconnect.backoff.max.ms", "5000"}, {"linger.ms", "5"},
    {"partitioner", "murmur2_random"}, {"broker.address.ttl", "5000"}, {NULL, NULL},
};

int64_t kafka_sink_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void kafka_sink_say(kafka_sink *sink, int level, const char *what, const char *why)
{
    char line[700];
    int64_t now_ms = kafka_sink_now_ms();
    if (!sink->env->log || (sink->complained_ms != 0 && now_ms - sink->complained_ms < COMPLAIN_MS)) return;
    sink->complained_ms = now_ms;
    snprintf(line, sizeof line, "sink %s: %s: %s", sink->env->name ? sink->env->name : "kafka", what, why);
    sink->env->log(sink->env->log_user, level, line);
}

/* ---- what librdkafka tells; the thread that polls ---- */

/* What librdkafka itself does not take, before there is a batch; or what a broker does not, whatever it is sent with. */
static bool is_refused(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_MSG || err == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
           err == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static void settle(kafka_sink *sink, kafka_entry *e, rd_kafka_resp_err_t err)
{
    e->state = err == RD_KAFKA_RESP_ERR_NO_ERROR ? KAFKA_ARRIVED : is_refused(err) ? KAFKA_REFUSED : KAFKA_FAILED;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    sink->spoiled = true;
    snprintf(e->reason, sizeof e->reason, "%s: %s", rd_kafka_err2name(err), rd_kafka_err2str(err));
    if (e->state == KAFKA_FAILED && err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        kafka_sink_say(sink, 1, "an alert did not arrive and is sent again", e->reason);
}

/* The batch it was in is too large for the topic. As large as a batch may be, it was alone in it, and is too large itself; else it is sent again, in a
 * smaller one. So batches become no smaller than a quarter of what the topic takes, however large a single alert is. */
static bool is_innocent(kafka_sink *sink, const rd_kafka_message_t *message)
{
    if (message->err != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || message->len + message->key_len >= sink->batch_bytes) return false;
    sink->too_large = true;
    return true;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    kafka_sink *sink = opaque;
    kafka_entry *e = message->_private;
    (void)rk;
    sink->n_flying--;
    if (is_innocent(sink, message)) e->state = KAFKA_FAILED;
    else settle(sink, e, message->err);
    sink->at_once = sink->at_once || sink->too_large || e->state == KAFKA_REFUSED;
    if (e->state != KAFKA_ARRIVED && sink->txn == KAFKA_TXN_MARK) sink->txn = KAFKA_TXN_BROKEN;
}

static void on_error(rd_kafka_t *rk, int err, const char *text, void *opaque)
{
    kafka_sink *sink = opaque;
    char why[400];
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, why, sizeof why);
        /* A gap is what an alert leaves that was not taken: that is said of the alert. */
        if (fatal != RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE) kafka_sink_say(sink, 0, rd_kafka_err2name(fatal), why);
        sink->txn = KAFKA_TXN_BROKEN;
        return;
    }
    kafka_sink_say(sink, 1, rd_kafka_err2name((rd_kafka_resp_err_t)err), text);
}

void kafka_sink_no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* ---- the producer ---- */

/* Batches of the size that is declared at first, and of a quarter of it each time one was too large. */
static bool size_batches(kafka_sink *sink, rd_kafka_conf_t *conf)
{
    char text[32] = "";
    size_t size = sizeof text;
    if (sink->batch_bytes == 0 && rd_kafka_conf_get(conf, "batch.size", text, &size) == RD_KAFKA_CONF_OK) sink->batch_bytes = strtoul(text, NULL, 10);
    if (sink->too_large) sink->batch_bytes = sink->batch_bytes / 4 + 1;
    sink->too_large = sink->at_once = false;
    snprintf(text, sizeof text, "%zu", sink->batch_bytes);
    return rd_kafka_conf_set(conf, "batch.size", text, NULL, 0) == RD_KAFKA_CONF_OK;
}

/* Without transactions a gap ends the producer: else what was sent behind a batch that was refused would arrive before it. */
static rd_kafka_conf_t *make_conf(kafka_sink *sink, char *reason, size_t size)
{
    const edge_kafka_setting plain[] = {{"enable.idempotence", "true"}, {"enable.gapless.guarantee", "true"}, {"message.timeout.ms", "0"}, {"acks", "all"},
                                        {NULL, NULL}};
    const edge_kafka_setting once[] = {{"enable.idempotence", "true"}, {"transactional.id", sink->name}, {"acks", "all"}, {NULL, NULL}};
    rd_kafka_conf_t *conf = edge_kafka_conf(sink->settings->texts[KAFKA_SINK_BROKERS], ours, sink->exactly_once ? once : plain,
                                            sink->settings->texts[KAFKA_SINK_SETTINGS], reason, size);
    if (!conf) return NULL;
    if (!size_batches(sink, conf)) {
        snprintf(reason, size, "setting 'batch.size' cannot be made smaller");
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, sink);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, kafka_sink_no_log);
    return conf;
}

bool kafka_sink_connect(kafka_sink *sink, char *reason, size_t size)
{
    rd_kafka_conf_t *conf = make_conf(sink, reason, size);
    if (!conf) return false;
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, size);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    pthread_mutex_lock(&sink->lock);
    sink->rk = rk;
    sink->main = rd_kafka_queue_get_main(rk);
    pthread_mutex_unlock(&sink->lock);
    sink->txn = KAFKA_TXN_FENCE;
    return true;
}

void kafka_sink_disconnect(kafka_sink *sink)
{
    rd_kafka_t *rk = sink->rk;
    if (!rk) return;
    int64_t until_ms = kafka_sink_now_ms() + CLOSE_MS;
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (sink->n_flying > 0 && kafka_sink_now_ms() < until_ms) rd_kafka_poll(rk, 50);
    pthread_mutex_lock(&sink->lock);
    rd_kafka_queue_destroy(sink->main);
    sink->main = NULL;
    sink->rk = NULL;
    pthread_mutex_unlock(&sink->lock);
    rd_kafka_destroy(rk);
    sink->n_flying = 0;
}

/* Headers made here stay here where the message is not taken; those that librdkafka makes itself it frees twice then (its issue 4627). */
static rd_kafka_error_t *give(const kafka_sink *sink, const kafka_entry *e, rd_kafka_vu_t *parts, size_t n)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    rd_kafka_resp_err_t err = rd_kafka_header_add(headers, "id", -1, e->message->id, -1);
    parts[n] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    rd_kafka_error_t *error = err ? rd_kafka_error_new(err, "header") : rd_kafka_produceva(sink->rk, parts, n + 1);
    if (error) rd_kafka_headers_destroy(headers);
    return error;
}

static void produce_one(kafka_sink *sink, kafka_entry *e)
{
    json_span key = {"", 0}, alert = {e->message->bytes, e->message->len};
    bool keyed = json_pick_member(alert, "key", 3, &key);
    void *key_bytes = (void *)(uintptr_t)key.ptr, *bytes = (void *)(uintptr_t)e->message->bytes;
    enum { PARTS = 5 };
    rd_kafka_vu_t parts[PARTS + 1] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = sink->settings->texts[KAFKA_SINK_TOPIC]},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {keyed ? key_bytes : NULL, keyed ? key.len : 0}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {bytes, e->message->len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = e},
    };
    rd_kafka_error_t *error = give(sink, e, parts, PARTS);
    rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) rd_kafka_error_destroy(error);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        e->state = KAFKA_FLIES;
        sink->n_flying++;
    } else {
        settle(sink, e, err);
    }
}

void kafka_sink_produce(kafka_sink *sink, const kafka_entry *stop)
{
    for (kafka_entry *e = sink->first; e != stop; e = e->next)
        if (e->state == KAFKA_WAITS) produce_one(sink, e);
}

/* ---- a kind of sink ---- */

static size_t most_entries(const kafka_sink *sink)
{
    return sink->exactly_once ? KAFKA_SINK_OF_TXN : KAFKA_SINK_FLYING;
}

static bool make_pool(kafka_sink *sink, sink_outcome *outcome)
{
    size_t n = most_entries(sink);
    sink->pool = calloc(n, sizeof *sink->pool);
    for (size_t i = 0; sink->pool && i < n; i++) {
        sink->pool[i].next = sink->spare;
        sink->spare = &sink->pool[i];
    }
    if (!sink->pool) snprintf(outcome->reason, sizeof outcome->reason, "no memory");
    return sink->pool != NULL;
}

static bool open_kafka(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    kafka_sink *sink = self;
    sink->settings = settings;
    sink->env = env;
    sink->last = &sink->first;
    sink->exactly_once = settings->values[KAFKA_SINK_EXACTLY_ONCE].u.i != 0;
    sink->has_lock = pthread_mutex_init(&sink->lock, NULL) == 0;
    if (sink->exactly_once && !env->store_id) {
        snprintf(outcome->reason, sizeof outcome->reason, "exactly_once needs a data folder");
        return false;
    }
    snprintf(sink->name, sizeof sink->name, "egret-%.12s-%.100s", env->store_id ? env->store_id : "", env->name ? env->name : "kafka");
    return sink->has_lock && make_pool(sink, outcome) && kafka_sink_connect(sink, outcome->reason, sizeof outcome->reason);
}

/* What failed is sent again before anything new is, so that the order stays. */
static size_t room(void *self)
{
    const kafka_sink *sink = self;
    size_t most = most_entries(sink);
    if (sink->exactly_once && sink->txn != KAFKA_TXN_IDLE && sink->txn != KAFKA_TXN_FENCE && sink->txn != KAFKA_TXN_LOOK) return 0;
    if (!sink->exactly_once && sink->txn == KAFKA_TXN_BROKEN) return 0;
    for (const kafka_entry *e = sink->exactly_once ? NULL : sink->first; e; e = e->next)
        if (e->state == KAFKA_FAILED) return 0;
    return sink->n < most ? most - sink->n : 0;
}

static void start_kafka(void *self, const sink_message *message, void *ticket)
{
    kafka_sink *sink = self;
    kafka_entry *e = sink->spare;   /* there was room */
    sink->spare = e->next;
    *e = (kafka_entry){.own = *message};
    e->message = &e->own;
    e->ticket = ticket;
    *sink->last = e;
    sink->last = &e->next;
    sink->n++;
    if (!sink->exactly_once) produce_one(sink, e);
}

/* Those that have come to an end leave the list and are told, in their order. With transactions nobody is told before those in front are: so the mark
 * knows between which rows one was refused. */
static size_t tell_done(kafka_sink *sink, sink_done_fn done, void *user)
{
    size_t told = 0;
    for (kafka_entry **at = &sink->first; *at;) {
        kafka_entry *e = *at;
        if (e->state != KAFKA_ARRIVED && e->state != KAFKA_REFUSED) {
            if (sink->exactly_once) break;
            at = &e->next;
            continue;
        }
        if (e->state == KAFKA_REFUSED && e->message->row > kafka_mark_last(&sink->mark)) kafka_mark_break(&sink->mark);
        *at = e->next;
        if (!*at) sink->last = at;
        sink->n--;
        sink_outcome outcome = {0};
        snprintf(outcome.reason, sizeof outcome.reason, "%s", e->reason);
        sink_result result = e->state == KAFKA_ARRIVED ? SINK_SENT : SINK_REFUSED;
        void *ticket = e->ticket;
        e->next = sink->spare;
        sink->spare = e;
        done(user, ticket, result, &outcome);
        told++;
    }
    return told;
}

/* Without transactions: what did not arrive is sent again, by another producer where this one is done for. */
static void again_after_failures(kafka_sink *sink)
{
    bool any = sink->txn == KAFKA_TXN_BROKEN;
    for (const kafka_entry *e = sink->first; e && !any; e = e->next) any = e->state == KAFKA_FAILED;
    /* A producer that is done for (librdkafka 2.0) queues once more what was under way behind a gap, and leaves it there. */
    if (sink->txn == KAFKA_TXN_BROKEN && sink->n_flying > 0) rd_kafka_purge(sink->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    if (!any || sink->n_flying > 0) return;
    if (sink->again_ms == 0) sink->again_ms = kafka_sink_now_ms() + (sink->at_once ? 0 : AGAIN_MS);
    if (kafka_sink_now_ms() < sink->again_ms) return;
    sink->again_ms = 0;
    char reason[512];
    if (sink->txn == KAFKA_TXN_BROKEN || sink->too_large || !sink->rk) {
        kafka_sink_disconnect(sink);
        if (!kafka_sink_connect(sink, reason, sizeof reason)) return;
    }
    for (kafka_entry *e = sink->first; e; e = e->next)
        if (e->state == KAFKA_FAILED) e->state = KAFKA_WAITS;
    kafka_sink_produce(sink, NULL);
}

static void poll_kafka(void *self, int64_t wait_ms, sink_done_fn done, void *user)
{
    kafka_sink *sink = self;
    int wait = wait_ms > 1000 ? 1000 : (int)wait_ms;
    if (sink->exactly_once && (sink->n > 0 || sink->txn == KAFKA_TXN_FENCE || sink->txn == KAFKA_TXN_LOOK || sink->txn == KAFKA_TXN_BROKEN)) {
        kafka_sink_txn(sink, wait > TXN_SLICE_MS ? wait : TXN_SLICE_MS);
        if (sink->txn == KAFKA_TXN_IDLE) tell_done(sink, done, user);
        return;
    }
    if (tell_done(sink, done, user) > 0) wait = 0;
    if (sink->rk) rd_kafka_poll(sink->rk, wait);
    if (!sink->exactly_once) again_after_failures(sink);
    tell_done(sink, done, user);
}

static void wake(void *self)
{
    kafka_sink *sink = self;
    pthread_mutex_lock(&sink->lock);
    if (sink->main) rd_kafka_queue_yield(sink->main);
    pthread_mutex_unlock(&sink->lock);
}

static void close_kafka(void *self)
{
    kafka_sink *sink = self;
    kafka_sink_disconnect(sink);
    free(sink->pool);
    if (sink->has_lock) pthread_mutex_destroy(&sink->lock);
}

const sink_kind sink_kind_kafka = {
    .name = "kafka",
    .summary = "one message per alert in a Kafka topic; exactly once where that is asked for",
    .options = options,
    .size = sizeof(kafka_sink),
    .in_order = true,
    .open = open_kafka,
    .room = room,
    .start = start_kafka,
    .poll = poll_kafka,
    .wake = wake,
    .close = close_kafka,
};
