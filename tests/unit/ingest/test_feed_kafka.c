/*
 * test_feed_kafka.c: the Kafka source against librdkafka's mock cluster: its plumbing and its ways to fail. (What a real broker does is tests/kafka.)
 */
#include "ingest/feed.h"
#include "ingest/kafka_begin.h"
#include "ingest/source_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

static void a_partition_begins_where_our_state_ends(void **state)
{
    (void)state;
    assert_int_equal(kafka_begin(KAFKA_NONE, KAFKA_NONE, KAFKA_EARLIEST, false), KAFKA_EARLIEST);
    assert_int_equal(kafka_begin(KAFKA_NONE, KAFKA_NONE, KAFKA_LATEST, true), KAFKA_LATEST);
    assert_int_equal(kafka_begin(7, KAFKA_NONE, KAFKA_EARLIEST, false), 7);
    assert_int_equal(kafka_begin(7, 5, KAFKA_EARLIEST, false), 7);      /* the group is told later */
    assert_int_equal(kafka_begin(7, 7, KAFKA_EARLIEST, true), 7);
    assert_int_equal(kafka_begin(7, 8, KAFKA_EARLIEST, false), KAFKA_NONE);
    assert_int_equal(kafka_begin(7, 8, KAFKA_EARLIEST, true), 8);
    assert_int_equal(kafka_begin(KAFKA_NONE, 8, KAFKA_EARLIEST, false), KAFKA_NONE);
    assert_int_equal(kafka_begin(KAFKA_NONE, 8, KAFKA_LATEST, true), 8);
}

/* ---- a host ---- */

typedef struct fixture {
    rd_kafka_t *cluster_client;
    rd_kafka_mock_cluster_t *cluster;
    edge_settings settings;
    ingest_feed_host host;
    void *feed;
    uint64_t stored[4];     /* places by partition; UINT64_MAX: none */
    unsigned n_appeared, n_settled;
    int numbers[4];         /* partition of each number */
} fixture;

static int partition_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    assert_non_null(slash);
    return atoi(slash + 1);
}

static bool give_place(void *user, const char *partition, store_place *out)
{
    fixture *f = user;
    *out = (store_place){.offset = f->stored[partition_of(partition)]};
    return out->offset != UINT64_MAX;
}

static uint32_t appeared(void *user, const char *partition, const store_place *begin)
{
    fixture *f = user;
    assert_non_null(begin);
    f->numbers[f->n_appeared] = partition_of(partition);
    return f->n_appeared++;
}

static void settled(void *user)
{
    fixture *f = user;
    f->n_settled++;
}

static uint64_t gone(void *user, uint32_t partition)
{
    (void)user;
    (void)partition;
    return 0;
}

static void quiet(void *user, int level, const char *text)
{
    (void)user;
    (void)level;
    (void)text;
}

static void set_option(fixture *f, const char *name, const char *value)
{
    size_t row = 0;
    while (strcmp(ingest_feed_kafka.options[row].name, name) != 0) row++;
    free(f->settings.texts[row]);
    f->settings.texts[row] = strdup(value);
}

static void set_up(fixture *f)
{
    *f = (fixture){0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    f->cluster_client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(f->cluster_client);
    f->cluster = rd_kafka_mock_cluster_new(f->cluster_client, 1);
    assert_non_null(f->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster, "in", 2, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    edge_tables tables = {"kafka source", ingest_feed_kafka.options, ingest_source_common_options};
    assert_true(edge_settings_fallback(&f->settings, &tables));
    set_option(f, "brokers", rd_kafka_mock_cluster_bootstraps(f->cluster));
    set_option(f, "topic", "in");
    for (int i = 0; i < 4; i++) f->stored[i] = UINT64_MAX;
    f->host = (ingest_feed_host){.user = f, .source = "s", .store_id = "0123456789abcdef0123456789abcdef", .place = give_place, .appeared = appeared,
                                 .settled = settled, .gone = gone, .log = quiet};
    f->feed = calloc(1, ingest_feed_kafka.size);
    assert_non_null(f->feed);
}

static void open_feed(fixture *f)
{
    char reason[512] = "";
    if (!ingest_feed_kafka.open(f->feed, &f->settings, &f->host, reason, sizeof reason)) fail_msg("%s", reason);
}

static void tear_down(fixture *f)
{
    ingest_feed_kafka.close(f->feed);
    free(f->feed);
    edge_settings_deinit(&f->settings);
    rd_kafka_mock_cluster_destroy(f->cluster);
    rd_kafka_destroy(f->cluster_client);
}

static void produce(fixture *f, int partition, const char *text)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(f->cluster), why, sizeof why), RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(rk);
    void *value = (void *)(uintptr_t)text;
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = "in"}, {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, text ? strlen(text) : 0}}, {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    assert_null(rd_kafka_produceva(rk, parts, sizeof parts / sizeof parts[0]));
    assert_int_equal(rd_kafka_flush(rk, 60000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

/* Polls until something else than nothing comes. */
static ingest_polled poll_until(fixture *f, ingest_message *message)
{
    ingest_polled polled = INGEST_POLLED_NOTHING;
    for (int i = 0; i < 1200 && polled == INGEST_POLLED_NOTHING; i++) polled = ingest_feed_kafka.poll(f->feed, 50, message);
    return polled;
}

/* ---- tests ---- */

static void messages_come_from_our_places_on(void **state)
{
    (void)state;
    fixture f;
    ingest_message message;
    set_up(&f);
    produce(&f, 0, "a0");
    produce(&f, 0, "a1");
    produce(&f, 0, NULL);
    f.stored[0] = 1;
    open_feed(&f);
    assert_int_equal(poll_until(&f, &message), INGEST_POLLED_MESSAGE);
    assert_int_equal(f.n_appeared, 2);
    assert_int_equal(f.n_settled, 1);
    assert_int_equal(f.numbers[message.partition], 0);
    assert_int_equal(message.position, 1);
    assert_int_equal(message.next.offset, 2);
    assert_int_equal(message.len, 2);
    assert_memory_equal(message.ptr, "a1", 2);
    assert_int_equal(poll_until(&f, &message), INGEST_POLLED_MESSAGE);
    assert_null(message.ptr);       /* a tombstone */
    assert_int_equal(message.next.offset, 3);
    uint32_t number = message.partition;
    for (int i = 0; i < 1200 && !ingest_feed_kafka.caught_up(f.feed, number); i++) ingest_feed_kafka.poll(f.feed, 50, &message);
    assert_true(ingest_feed_kafka.caught_up(f.feed, number));
    assert_int_equal(ingest_feed_kafka.lag(f.feed, number), 0);
    tear_down(&f);
}

static void a_place_that_is_not_there_fails_and_does_not_jump(void **state)
{
    (void)state;
    fixture f;
    ingest_message message;
    set_up(&f);
    produce(&f, 0, "a0");
    f.stored[0] = 1000;
    open_feed(&f);
    assert_int_equal(poll_until(&f, &message), INGEST_POLLED_FAILED);
    assert_non_null(strstr(ingest_feed_kafka.trouble(f.feed), "its place, 1000, is not in the topic any more"));
    tear_down(&f);
}

static void what_is_declared_is_checked(void **state)
{
    (void)state;
    static const struct { const char *name, *value, *reason; } cases[] = {
        {"start", "middle", "option 'start' is earliest or latest"},
        {"on_takeover", "maybe", "option 'on_takeover' is refuse or fresh"},
        {"partitions", "a", "option 'partitions' is a list of numbers: \"0-3,7\""},
        {"topic", "a,,b", "option 'topic' is a name, or several with commas between"},
        {"settings", "auto.offset.reset: earliest\n", "setting 'auto.offset.reset' is not for 'settings': this is decided here"},
        {"settings", "no.such: s3cret\n", "setting 'no.such' is not known to librdkafka"},
        {"settings", "security.protocol: s3cret\n", "setting 'security.protocol' does not take the value it has"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        char reason[512] = "";
        set_up(&f);
        set_option(&f, cases[i].name, cases[i].value);
        assert_false(ingest_feed_kafka.open(f.feed, &f.settings, &f.host, reason, sizeof reason));
        assert_string_equal(reason, cases[i].reason);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_begins_where_our_state_ends),
        cmocka_unit_test(messages_come_from_our_places_on),
        cmocka_unit_test(a_place_that_is_not_there_fails_and_does_not_jump),
        cmocka_unit_test(what_is_declared_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
