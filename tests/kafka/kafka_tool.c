/*
 * kafka_tool.c: what the tests do to a broker from outside, over librdkafka: make topics, send lines, read what was committed.
 *
 *     kafka_tool BROKERS create TOPIC PARTITIONS [MAX_MESSAGE_BYTES]
 *     kafka_tool BROKERS produce TOPIC            lines "partition TAB body" of standard input; a line without a tab and body sends none (a tombstone)
 *     kafka_tool BROKERS consume TOPIC            all there is now, as a consumer that reads committed: "partition offset key id body", TAB between
 *     kafka_tool BROKERS trim TOPIC PARTITION OFFSET      drops the messages before it
 *     kafka_tool BROKERS version -                        of librdkafka
 *     kafka_tool BROKERS places GROUP TOPIC PARTITIONS    what the group has committed: "partition offset"
 *
 * Waits for brokers that do not answer. Ends with 1 when something does not work, which it says.
 */
#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 30000, MAX_LINE = 1 << 20 };

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "kafka_tool: %s: %s\n", what, why);
    return 1;
}

static rd_kafka_t *make(rd_kafka_type_t type, const char *const *settings)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (; settings[0]; settings += 2)
        if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof why) != RD_KAFKA_CONF_OK) exit(complain(settings[0], why));
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk) exit(complain("client", why));
    return rk;
}

/* ---- admin ---- */

static int finish(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ASK_MS);
    int code = 0;
    if (!event) code = complain(what, "no answer");
    else if (rd_kafka_event_error(event)) code = complain(what, rd_kafka_event_error_string(event));
    if (event && rd_kafka_event_CreateTopics_result(event)) {
        size_t n;
        const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
        for (size_t i = 0; i < n; i++)
            if (rd_kafka_topic_result_error(topics[i])) code = complain(what, rd_kafka_err2str(rd_kafka_topic_result_error(topics[i])));
    }
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return code;
}

static int create(const char *brokers, const char *topic, int partitions, const char *max_message_bytes)
{
    char why[512];
    rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, (const char *[]){"bootstrap.servers", brokers, NULL});
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
    if (!made) return complain(topic, why);
    if (max_message_bytes) rd_kafka_NewTopic_set_config(made, "max.message.bytes", max_message_bytes);
    rd_kafka_CreateTopics(rk, &made, 1, NULL, queue);
    rd_kafka_NewTopic_destroy(made);
    return finish(rk, queue, topic);
}

static int trim(const char *brokers, const char *topic, int partition, long long offset)
{
    rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, (const char *[]){"bootstrap.servers", brokers, NULL});
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *drop = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &drop, 1, NULL, queue);
    rd_kafka_DeleteRecords_destroy(drop);
    rd_kafka_topic_partition_list_destroy(list);
    return finish(rk, queue, topic);
}

static int places(const char *brokers, const char *group, const char *topic, int partitions)
{
    rd_kafka_t *rk = make(RD_KAFKA_CONSUMER, (const char *[]){"bootstrap.servers", brokers, "group.id", group, NULL});
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) rd_kafka_topic_partition_list_add(list, topic, i);
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, ASK_MS);
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) printf("%d\t%lld\n", list->elems[i].partition, (long long)list->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : complain(group, rd_kafka_err2str(err));
}

/* ---- messages ---- */

static int failures;

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err) failures += complain("message", rd_kafka_err2str(message->err));
}

static int produce(const char *brokers, const char *topic)
{
    char why[512], *line = malloc(MAX_LINE);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *settings[] = {"bootstrap.servers", brokers, "enable.idempotence", "true", "linger.ms", "20", "message.timeout.ms", "0",
                              "reconnect.backoff.max.ms", "1000", NULL};
    for (int i = 0; settings[i]; i += 2)
        if (rd_kafka_conf_set(conf, settings[i], settings[i + 1], why, sizeof why) != RD_KAFKA_CONF_OK) return complain(settings[i], why);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk || !line) return complain("producer", why);
    while (fgets(line, MAX_LINE, stdin)) {
        char *end;
        int partition = (int)strtol(line, &end, 10);
        size_t len = *end == '\t' ? strcspn(end + 1, "\n") : 0;
        char *body = *end == '\t' ? end + 1 : NULL;
        rd_kafka_resp_err_t err;
        do {
            const rd_kafka_vu_t parts[] = {
                {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic}, {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
                {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {body, len}}, {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
            };
            rd_kafka_error_t *error = rd_kafka_produceva(rk, parts, sizeof parts / sizeof parts[0]);
            err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
            if (error) rd_kafka_error_destroy(error);
            rd_kafka_poll(rk, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 50 : 0);
        } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
        if (err) failures += complain("message", rd_kafka_err2str(err));
    }
    while (rd_kafka_outq_len(rk) > 0 && failures == 0) rd_kafka_poll(rk, 100);
    rd_kafka_destroy(rk);
    free(line);
    return failures > 0;
}

static void print_message(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *id = "";
    size_t len = 0;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_header_get_last(headers, "id", &id, &len);
    printf("%d\t%lld\t%.*s\t%.*s\t%.*s\n", message->partition, (long long)message->offset, (int)message->key_len,
           message->key ? (const char *)message->key : "", (int)len, (const char *)id, (int)message->len, message->payload ? (const char *)message->payload : "");
}

static rd_kafka_topic_partition_list_t *all_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *made = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, made, &metadata, ASK_MS);
    if (err) exit(complain(topic, rd_kafka_err2str(err)));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++) rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(made);
    return list;
}

static int consume(const char *brokers, const char *topic)
{
    rd_kafka_t *rk = make(RD_KAFKA_CONSUMER, (const char *[]){"bootstrap.servers", brokers, "group.id", "kafka_tool", "enable.auto.commit", "false",
                                                              "enable.partition.eof", "true", "isolation.level", "read_committed", NULL});
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = all_of(rk, topic);
    int left = list->cnt;
    rd_kafka_assign(rk, list);
    while (left > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, ASK_MS);
        if (!message) return complain(topic, "nothing comes, and no end of it");
        if (!message->err) print_message(message);
        else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) left--;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}

int main(int argc, char **argv)
{
    const char *brokers = argc > 3 ? argv[1] : "", *what = argc > 3 ? argv[2] : "";
    if (strcmp(what, "create") == 0 && (argc == 5 || argc == 6)) return create(brokers, argv[3], atoi(argv[4]), argc == 6 ? argv[5] : NULL);
    if (strcmp(what, "version") == 0) return printf("%s\n", rd_kafka_version_str()) < 0;
    if (strcmp(what, "produce") == 0) return produce(brokers, argv[3]);
    if (strcmp(what, "consume") == 0) return consume(brokers, argv[3]);
    if (strcmp(what, "trim") == 0 && argc == 6) return trim(brokers, argv[3], atoi(argv[4]), atoll(argv[5]));
    if (strcmp(what, "places") == 0 && argc == 6) return places(brokers, argv[3], argv[4], atoi(argv[5]));
    return complain("arguments", "BROKERS create|produce|consume|trim|version|places TOPIC …");
}
