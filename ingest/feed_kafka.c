/*
 * feed_kafka.c: the Kafka source: partitions of topics, each read in order from the place that stands in our store.
 *
 * Nothing jumps: a place that the log does not have any more stops the source (auto.offset.reset=error); a message below the place that is expected is
 * dropped, as it was given before. The group's offsets at the brokers follow behind ours and are for tools that show lag; and for telling whether
 * somebody else has read on (kafka_begin.h).
 *
 * Messages are asked for one by one: librdkafka's calls for batches may return what belongs to a partition that is gone or paused (before 2.1). All
 * happens in the thread that polls, rebalances included; only `committed` comes from another.
 */
#include "ingest/feed_kafka.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TELL_MS = 1000, COMPLAIN_MS = 30000, ASK_END_MS = 300, ASK_AGAIN_MS = 500, CLOSE_MS = 5000, MAX_NAME = 249 };

static const edge_option options[] = {
    [KAFKA_OPTION_BROKERS] = {"brokers", EGRET_STRING, NULL, true, "host:port of one broker or several, separated by commas"},
    [KAFKA_OPTION_TOPIC] = {"topic", EGRET_STRING, NULL, true, "the topic; several are separated by commas"},
    [KAFKA_OPTION_GROUP] = {"group", EGRET_STRING, NULL, false, "share the partitions with the other members of this consumer group; without it all are read here"},
    [KAFKA_OPTION_PARTITIONS] = {"partitions", EGRET_STRING, NULL, false, "read these and no others, as in \"0-3,7\"; not with a group"},
    [KAFKA_OPTION_START] = {"start", EGRET_STRING, "earliest", false, "where a partition is begun that nobody has read: earliest or latest"},
    [KAFKA_OPTION_TAKEOVER] = {"on_takeover", EGRET_STRING, "refuse", false,
                               "when a partition comes whose events another member of the group has read, so that we lack their state: refuse to read it, "
                               "or begin fresh where the other one was"},
    [KAFKA_OPTION_SETTINGS] = {"settings", EGRET_NULL, NULL, false, "settings of librdkafka, for TLS, SASL and the like: { \"security.protocol\": \"SASL_SSL\" }"},
    {0},
};

static const edge_kafka_setting ours[] = {
    {"client.id", "egret"}, {"socket.keepalive.enable", "true"}, {"queued.max.messages.kbytes", "32768"}, {"reconnect.backoff.max.ms", "5000"},
    {"broker.address.ttl", "5000"},
    {"socket.timeout.ms", "15000"}, {NULL, NULL},
};

static const edge_kafka_setting fixed[] = {
    {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"}, {"enable.partition.eof", "true"},
    {"partition.assignment.strategy", "cooperative-sticky"}, {"allow.auto.create.topics", "false"}, {NULL, NULL},
};

/* ---- words ---- */

void kafka_fail(kafka_feed *feed, const char *format, ...)
{
    va_list list;
    if (feed->failed) return;
    feed->failed = true;
    va_start(list, format);
    vsnprintf(feed->trouble, sizeof feed->trouble, format, list);
    va_end(list);
}

void kafka_say(const kafka_feed *feed, int level, const char *format, ...)
{
    char text[768];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    feed->host->log(feed->host->user, level, text);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- errors ---- */

static void doubt_ends(kafka_feed *feed)
{
    for (uint32_t i = 0; i < feed->n_partitions; i++) feed->partitions[i]->doubtful = true;
    feed->asked_ms = monotonic_ms();    /* not at once: that we doubt is to be known before */
}

/* Errors that pass by themselves: said once in a while, with what they are called. Served by the thread that polls. */
static void note_trouble(kafka_feed *feed, rd_kafka_resp_err_t err, const char *text)
{
    int64_t now_ms = monotonic_ms();
    atomic_fetch_add(&feed->errors, 1);
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && atomic_exchange(&feed->connected, false)) feed->complained_ms = 0;
    doubt_ends(feed);
    if (feed->complained_ms != 0 && now_ms - feed->complained_ms < COMPLAIN_MS) return;
    feed->complained_ms = now_ms;
    kafka_say(feed, 1, "%s: %s", rd_kafka_err2name(err), text);
}

static void on_error(rd_kafka_t *rk, int err, const char *text, void *opaque)
{
    kafka_feed *feed = opaque;
    char why[400];
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, why, sizeof why);
        kafka_fail(feed, "%s: %s", rd_kafka_err2name(fatal), why);
        return;
    }
    note_trouble(feed, (rd_kafka_resp_err_t)err, text);
}

/* Lines of librdkafka's own log come from its threads and repeat what on_error says. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static void note_heard(kafka_feed *feed)
{
    if (!atomic_exchange(&feed->connected, true)) {
        atomic_fetch_add(&feed->reconnects, 1);
        kafka_say(feed, 2, "the brokers answer again");
    }
}

/* ---- opening ---- */

static bool complain(char *reason, size_t size, const char *sentence)
{
    snprintf(reason, size, "%s", sentence);
    return false;
}

static bool read_choices(kafka_feed *feed, const edge_settings *settings, char *reason, size_t size)
{
    const char *start = settings->texts[KAFKA_OPTION_START], *takeover = settings->texts[KAFKA_OPTION_TAKEOVER];
    feed->only = settings->texts[KAFKA_OPTION_PARTITIONS];
    feed->in_group = settings->texts[KAFKA_OPTION_GROUP] != NULL;
    if (feed->only && feed->in_group) return complain(reason, size, "option 'partitions' is not for a source with a group: the group deals them out");
    if (feed->only && (strspn(feed->only, "0123456789,-") != strlen(feed->only) || feed->only[0] == '\0'))
        return complain(reason, size, "option 'partitions' is a list of numbers: \"0-3,7\"");
    feed->start = strcmp(start, "latest") == 0 ? KAFKA_LATEST : KAFKA_EARLIEST;
    if (feed->start == KAFKA_EARLIEST && strcmp(start, "earliest") != 0) return complain(reason, size, "option 'start' is earliest or latest");
    feed->fresh = strcmp(takeover, "fresh") == 0;
    return feed->fresh || strcmp(takeover, "refuse") == 0 || complain(reason, size, "option 'on_takeover' is refuse or fresh");
}

static bool read_topics(kafka_feed *feed, const char *list, char *reason, size_t size)
{
    feed->topics = rd_kafka_topic_partition_list_new(4);
    for (const char *at = list; at;) {
        const char *comma = strchr(at, ',');
        char name[MAX_NAME + 1];
        while (*at == ' ') at++;
        size_t len = comma ? (size_t)(comma - at) : strlen(at);
        while (len > 0 && at[len - 1] == ' ') len--;
        if (len == 0 || len > MAX_NAME || at[0] == '^') return complain(reason, size, "option 'topic' is a name, or several with commas between");
        memcpy(name, at, len);
        name[len] = '\0';
        rd_kafka_topic_partition_list_add(feed->topics, name, RD_KAFKA_PARTITION_UA);
        at = comma ? comma + 1 : NULL;
    }
    return true;
}

/* Without a group librdkafka needs a name all the same: places are told to the brokers under it. It is ours alone. */
static bool name_group(const kafka_feed *feed, const edge_settings *settings, char name[300])
{
    if (feed->in_group) return snprintf(name, 300, "%s", settings->texts[KAFKA_OPTION_GROUP]) < 300;
    return snprintf(name, 300, "egret-%.8s-%s", feed->host->store_id, feed->host->source) < 300;
}

static bool connect_all(kafka_feed *feed, const edge_settings *settings, char *reason, size_t size)
{
    char group[300], text[256];
    if (!name_group(feed, settings, group)) return complain(reason, size, "option 'group' is too long");
    rd_kafka_conf_t *conf = edge_kafka_conf(settings->texts[KAFKA_OPTION_BROKERS], ours, fixed, settings->texts[KAFKA_OPTION_SETTINGS], reason, size);
    if (!conf) return false;
    if (rd_kafka_conf_set(conf, "group.id", group, text, sizeof text) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return complain(reason, size, "option 'group' is no name of a group");
    }
    rd_kafka_conf_set_opaque(conf, feed);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_rebalance);
    feed->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!feed->rk) {
        rd_kafka_conf_destroy(conf);
        return complain(reason, size, text);
    }
    rd_kafka_poll_set_consumer(feed->rk);
    return true;
}

static bool open_feed(void *self, const edge_settings *settings, const ingest_feed_host *host, char *reason, size_t reason_size)
{
    kafka_feed *feed = self;
    feed->host = host;
    atomic_init(&feed->connected, true);
    return read_choices(feed, settings, reason, reason_size) && read_topics(feed, settings->texts[KAFKA_OPTION_TOPIC], reason, reason_size) &&
           connect_all(feed, settings, reason, reason_size);
}

/* ---- messages ---- */

static ingest_polled fail_at(kafka_feed *feed, const kafka_partition *p, const rd_kafka_message_t *message)
{
    int64_t low = -1, high = -1;
    rd_kafka_query_watermark_offsets(feed->rk, p->topic, p->partition, &low, &high, ASK_END_MS);
    kafka_fail(feed, "%s/%" PRId32 ": its place, %" PRId64 ", is not in the topic any more, which holds %" PRId64 " to %" PRId64 " (%s); nothing is passed "
               "over silently: begin it anew under another name of the source, or bring the messages back", p->topic, p->partition, p->next, low, high,
               rd_kafka_message_errstr(message));
    return INGEST_POLLED_FAILED;
}

static ingest_polled take_error(kafka_feed *feed, kafka_partition *p, const rd_kafka_message_t *message)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        note_heard(feed);
        if (!p) break;
        p->next = message->offset > p->next ? message->offset : p->next;
        p->end = p->next;
        p->at_end = true;
        p->doubtful = false;
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (p && p->is_ours) return fail_at(feed, p, message);
        break;
    default:
        note_trouble(feed, message->err, rd_kafka_message_errstr(message));
    }
    return feed->failed ? INGEST_POLLED_FAILED : INGEST_POLLED_NOTHING;
}

static ingest_polled take_body(kafka_feed *feed, kafka_partition *p, const rd_kafka_message_t *message, ingest_message *out)
{
    note_heard(feed);
    /* Given before, or not ours any more. */
    if (!p || !p->is_ours || message->offset < p->next) return INGEST_POLLED_NOTHING;
    p->next = message->offset + 1;
    p->at_end = false;
    *out = (ingest_message){.partition = p->number, .ptr = message->payload, .len = message->payload ? message->len : 0,
                            .readable = message->payload ? message->len : 0, .position = (uint64_t)message->offset,
                            .next = {.device = feed->cluster, .offset = (uint64_t)p->next}};
    return INGEST_POLLED_MESSAGE;
}

/* Does a broker answer? (The question for an end of a log waits far longer than it is told to while none does.) */
static bool is_answered(const kafka_feed *feed, const kafka_partition *p)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(feed->rk, p->topic, NULL);
    bool answered = topic && rd_kafka_metadata(feed->rk, 0, topic, &metadata, ASK_END_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (answered) rd_kafka_metadata_destroy(metadata);
    if (topic) rd_kafka_topic_destroy(topic);
    return answered;
}

/* After a connection was lost the ends of the logs are asked for, until a broker answers. */
static void ask_end(kafka_feed *feed, int64_t now_ms)
{
    int64_t low, high;
    bool answered = false;
    if (now_ms - feed->asked_ms < ASK_AGAIN_MS) return;
    for (uint32_t i = 0; i < feed->n_partitions; i++) {
        kafka_partition *p = feed->partitions[i];
        if (!p->is_ours || !p->doubtful) continue;
        feed->asked_ms = now_ms;
        if (!answered && !(answered = is_answered(feed, p))) return;
        if (rd_kafka_query_watermark_offsets(feed->rk, p->topic, p->partition, &low, &high, ASK_END_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
        note_heard(feed);
        p->doubtful = false;
        p->end = high;
        if (high > p->next) p->at_end = false;
    }
}

static ingest_polled poll_feed(void *self, int timeout_ms, ingest_message *out)
{
    kafka_feed *feed = self;
    int64_t now_ms = monotonic_ms();
    if (feed->message) rd_kafka_message_destroy(feed->message);
    feed->message = NULL;
    if (!feed->failed) kafka_attach(feed, now_ms);
    if (now_ms - feed->told_ms >= TELL_MS) {
        kafka_tell(feed, false);
        feed->told_ms = now_ms;
    }
    if (feed->failed) return INGEST_POLLED_FAILED;
    rd_kafka_message_t *message = feed->message = rd_kafka_consumer_poll(feed->rk, timeout_ms);
    if (feed->failed) return INGEST_POLLED_FAILED;
    if (!message) {
        ask_end(feed, now_ms);
        return INGEST_POLLED_NOTHING;
    }
    kafka_partition *p = message->rkt ? kafka_find(feed, rd_kafka_topic_name(message->rkt), message->partition) : NULL;
    return message->err ? take_error(feed, p, message) : take_body(feed, p, message, out);
}

static void hold(void *self, bool held)
{
    kafka_feed *feed = self;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    feed->held = held;
    for (uint32_t i = 0; i < feed->n_partitions; i++)
        if (feed->partitions[i]->is_ours) rd_kafka_topic_partition_list_add(list, feed->partitions[i]->topic, feed->partitions[i]->partition);
    if (list->cnt > 0) held ? rd_kafka_pause_partitions(feed->rk, list) : rd_kafka_resume_partitions(feed->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static kafka_partition *by_number(kafka_feed *feed, uint32_t number)
{
    return number < sizeof feed->by_number / sizeof feed->by_number[0] ? atomic_load(&feed->by_number[number]) : NULL;
}

static void note_committed(void *self, uint32_t partition, uint64_t next)
{
    kafka_partition *p = by_number(self, partition);
    if (p) atomic_store(&p->committed, (long long)next);
}

/* What is known of the end of the log comes with each answer of a broker. */
static bool hear_end(kafka_feed *feed, kafka_partition *p)
{
    int64_t low, high;
    if (rd_kafka_get_watermark_offsets(feed->rk, p->topic, p->partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR && high > p->end) p->end = high;
    return p->end >= 0;
}

static bool caught_up(void *self, uint32_t partition)
{
    kafka_feed *feed = self;
    kafka_partition *p = by_number(feed, partition);
    return p && !feed->held && !p->doubtful && hear_end(feed, p) && (p->at_end || p->next >= p->end);
}

static int64_t lag(void *self, uint32_t partition)
{
    kafka_feed *feed = self;
    kafka_partition *p = by_number(feed, partition);
    if (!p || p->end < 0 || p->next < 0) return -1;
    return p->at_end || p->end <= p->next ? 0 : p->end - p->next;
}

static const char *trouble(void *self)
{
    kafka_feed *feed = self;
    return feed->trouble;
}

static void numbers(void *self, ingest_feed_numbers *out)
{
    kafka_feed *feed = self;
    *out = (ingest_feed_numbers){.reconnects = atomic_load(&feed->reconnects), .errors = atomic_load(&feed->errors),
                                 .refused = atomic_load(&feed->n_refused), .connected = atomic_load(&feed->connected)};
}

/* Leaves the group, so that others need not wait for our silence; but waits itself for no broker that does not answer. */
static void leave(kafka_feed *feed)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(feed->rk);
    int64_t until_ms = monotonic_ms() + CLOSE_MS;
    feed->closing = true;
    if (atomic_load(&feed->connected)) kafka_tell(feed, true);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(feed->rk, queue);
    while (!error && !rd_kafka_consumer_closed(feed->rk) && monotonic_ms() < until_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 100);
        if (!event) continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            kafka_rebalance(feed->rk, rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event), feed);
        rd_kafka_event_destroy(event);
    }
    if (error) rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

static void close_feed(void *self)
{
    kafka_feed *feed = self;
    if (feed->message) rd_kafka_message_destroy(feed->message);
    if (feed->rk) {
        leave(feed);
        rd_kafka_destroy_flags(feed->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    if (feed->topics) rd_kafka_topic_partition_list_destroy(feed->topics);
    for (uint32_t i = 0; i < feed->n_partitions; i++) {
        free(feed->partitions[i]->topic);
        free(feed->partitions[i]);
    }
    free(feed->partitions);
}

const ingest_feed_kind ingest_feed_kafka = {
    .name = "kafka",
    .summary = "partitions of Kafka topics, alone or in a consumer group; each event counts once, whatever is restarted",
    .example = "source payments: kafka { brokers: \"localhost:9092\"  topic: \"payments\"  stream: payment }",
    .options = options,
    .partitioned = true,
    .keeps_places = true,
    .size = sizeof(kafka_feed),
    .open = open_feed,
    .poll = poll_feed,
    .hold = hold,
    .committed = note_committed,
    .caught_up = caught_up,
    .lag = lag,
    .trouble = trouble,
    .numbers = numbers,
    .close = close_feed,
};
