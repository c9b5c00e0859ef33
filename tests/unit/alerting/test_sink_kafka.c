/*
 * test_sink_kafka.c: the Kafka sink where brokers answer what a real one cannot be made to answer, from librdkafka's mock cluster. It knows no
 * transactions, so what is looked at is what the sink does: what it says of each alert, and that it goes on. (What a real broker keeps is tests/kafka.)
 */
#include "alerting/sink_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests of the protocol. */
enum { PRODUCE = 0, INIT_PRODUCER_ID = 22, ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END_TXN = 26, TXN_OFFSET_COMMIT = 28 };
enum { MOST = 400, POLLS = 2400, SMALL = 10, LARGE = 5000 };

typedef struct fixture {
    rd_kafka_t *cluster_client;
    rd_kafka_mock_cluster_t *cluster;
    sink_settings settings;
    sink_env env;
    void *sink;
    char *bytes[MOST];
    unsigned n, n_done;
    sink_result results[MOST];      /* by ticket */
    bool done[MOST];
    char reasons[MOST][280];
    uint64_t oldest;                /* what the store says of rows; 0: all that is told is noted at once */
    unsigned n_said;
    char said[700];                 /* the newest line of the log */
} fixture;

static bool rows(void *user, uint64_t *oldest, uint64_t *next)
{
    const fixture *f = user;
    *next = f->n + 1;
    *oldest = f->oldest > 0 ? f->oldest : f->n_done + 1;
    return true;
}

static void hear(void *user, int level, const char *text)
{
    fixture *f = user;
    (void)level;
    f->n_said++;
    snprintf(f->said, sizeof f->said, "%s", text);
}

static void set_option(fixture *f, size_t row, const char *text)
{
    free(f->settings.texts[row]);
    f->settings.texts[row] = strdup(text);
}

static void set_up(fixture *f, bool exactly_once)
{
    char why[256];
    *f = (fixture){0};
    f->cluster_client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    assert_non_null(f->cluster_client);
    f->cluster = rd_kafka_mock_cluster_new(f->cluster_client, 1);
    assert_non_null(f->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster, "out", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(sink_settings_fallback(&f->settings, &sink_kind_kafka));
    set_option(f, KAFKA_SINK_BROKERS, rd_kafka_mock_cluster_bootstraps(f->cluster));
    set_option(f, KAFKA_SINK_TOPIC, "out");
    set_option(f, KAFKA_SINK_SETTINGS, "message.max.bytes: 4000\ntopic.metadata.propagation.max.ms: 500\n");
    f->settings.values[KAFKA_SINK_EXACTLY_ONCE] = egret_bool(exactly_once);
    f->env = (sink_env){.name = "k", .store_id = "0123456789abcdef0123456789abcdef", .log = hear, .log_user = f, .rows = rows, .rows_user = f};
    f->sink = calloc(1, sink_kind_kafka.size);
    assert_non_null(f->sink);
    sink_outcome outcome = {0};
    if (!sink_kind_kafka.open(f->sink, &f->settings, &f->env, &outcome)) fail_msg("%s", outcome.reason);
}

static void tear_down(fixture *f)
{
    sink_kind_kafka.close(f->sink);
    free(f->sink);
    sink_settings_deinit(&f->settings);
    for (unsigned i = 0; i < f->n; i++) free(f->bytes[i]);
    rd_kafka_mock_cluster_destroy(f->cluster);
    rd_kafka_destroy(f->cluster_client);
}

static void done(void *user, void *ticket, sink_result result, const sink_outcome *outcome)
{
    fixture *f = user;
    size_t i = (size_t)((char **)ticket - f->bytes);
    assert_false(f->done[i]);       /* nothing is told twice */
    f->done[i] = true;
    f->results[i] = result;
    memcpy(f->reasons[i], outcome->reason, sizeof outcome->reason);
    f->n_done++;
}

static void start(fixture *f, size_t pad)
{
    unsigned i = f->n++;
    assert_true(sink_kind_kafka.room(f->sink) > 0);
    assert_true(asprintf(&f->bytes[i], "{\"key\":{\"user\":\"u\"},\"n\":%u,\"pad\":\"%0*d\"}", i, (int)pad, 0) > 0);
    sink_kind_kafka.start(f->sink, &(sink_message){.id = "an-id", .bytes = f->bytes[i], .len = strlen(f->bytes[i]), .row = i + 1}, &f->bytes[i]);
}

/* Polls until so many are told. */
static void poll_until(fixture *f, unsigned n)
{
    for (int i = 0; i < POLLS && f->n_done < n; i++) sink_kind_kafka.poll(f->sink, 50, done, f);
    if (f->n_done < n) fail_msg("%u of %u are told; the log: %s", f->n_done, n, f->said);
}

static void assert_sent(const fixture *f, unsigned i)
{
    if (!f->done[i] || f->results[i] != SINK_SENT) fail_msg("alert %u: done %d, result %d: %s", i, f->done[i], f->results[i], f->reasons[i]);
}

/* ---- tests ---- */

static void what_is_too_large_is_refused_and_the_others_arrive(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, false);
    start(&f, SMALL);
    start(&f, LARGE);
    start(&f, SMALL);
    poll_until(&f, 3);
    assert_sent(&f, 0);
    assert_sent(&f, 2);
    assert_int_equal(f.results[1], SINK_REFUSED);
    assert_non_null(strstr(f.reasons[1], "MSG_SIZE_TOO_LARGE"));
    tear_down(&f);
}

static void a_topic_that_is_not_there_is_waited_for(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, false);
    rd_kafka_mock_topic_set_error(f.cluster, "out", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    start(&f, SMALL);
    for (int i = 0; i < POLLS && f.n_said == 0; i++) sink_kind_kafka.poll(f.sink, 50, done, &f);
    assert_non_null(strstr(f.said, "sink k: "));
    assert_non_null(strstr(f.said, "UNKNOWN_TOPIC"));
    assert_int_equal(f.n_done, 0);
    assert_int_equal(sink_kind_kafka.room(f.sink), 0);      /* nothing overtakes it */
    rd_kafka_mock_topic_set_error(f.cluster, "out", RD_KAFKA_RESP_ERR_NO_ERROR);
    poll_until(&f, 1);
    assert_sent(&f, 0);
    tear_down(&f);
}

/* One request of a transaction is answered with an error, or late; all alerts are told to be sent, once. */
static void through(int request, rd_kafka_resp_err_t err, int rtt_ms)
{
    fixture f;
    set_up(&f, true);
    start(&f, SMALL);
    poll_until(&f, 1);      /* the producer is there, and its first transaction through */
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(f.cluster, 1, (int16_t)request, 1, err, rtt_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (unsigned i = 1; i < 20; i++) start(&f, SMALL);
    poll_until(&f, 20);
    for (unsigned i = 0; i < 20; i++) assert_sent(&f, i);
    tear_down(&f);
}

static void a_fenced_producer_is_made_anew(void **state)
{
    (void)state;
    through(ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 0);
    through(END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 0);
    through(TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 0);
}

static void what_may_be_asked_again_is(void **state)
{
    (void)state;
    through(ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 0);
    through(ADD_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 0);
    through(TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 0);
    through(END_TXN, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 0);
    through(PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 0);
}

static void answers_that_come_late_are_waited_for(void **state)
{
    (void)state;
    through(END_TXN, RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    through(ADD_OFFSETS, RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    through(PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
}

static void a_connection_that_breaks_in_a_transaction_is_made_again(void **state)
{
    (void)state;
    through(END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT, 0);
    through(PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT, 0);
}

/* Every second alert is refused, so each of the others needs a run of its own, and the store has noted nothing: what has no room in the mark waits. */
static void no_more_is_delivered_than_the_mark_can_hold(void **state)
{
    (void)state;
    fixture f;
    enum { ALL = 2 * KAFKA_MARK_RUNS + 40 };
    set_up(&f, true);
    f.oldest = 1;
    for (unsigned i = 0; i < ALL; i++) start(&f, i % 2 == 0 ? SMALL : LARGE);
    poll_until(&f, 2 * KAFKA_MARK_RUNS - 1);
    for (int i = 0; i < 20; i++) sink_kind_kafka.poll(f.sink, 50, done, &f);
    assert_in_range(f.n_done, 2 * KAFKA_MARK_RUNS - 1, 2 * KAFKA_MARK_RUNS);
    const kafka_sink *sink = f.sink;
    for (unsigned i = 0; i < 2 * KAFKA_MARK_RUNS; i += 2) {
        assert_sent(&f, i);
        assert_true(kafka_mark_has(&sink->mark, i + 1));
    }
    f.oldest = 2 * KAFKA_MARK_RUNS;     /* the disk has come up */
    poll_until(&f, ALL);
    for (unsigned i = 0; i < ALL; i++) assert_int_equal(f.results[i], i % 2 == 0 ? SINK_SENT : SINK_REFUSED);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_large_is_refused_and_the_others_arrive),
        cmocka_unit_test(a_topic_that_is_not_there_is_waited_for),
        cmocka_unit_test(a_fenced_producer_is_made_anew),
        cmocka_unit_test(what_may_be_asked_again_is),
        cmocka_unit_test(answers_that_come_late_are_waited_for),
        cmocka_unit_test(a_connection_that_breaks_in_a_transaction_is_made_again),
        cmocka_unit_test(no_more_is_delivered_than_the_mark_can_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
