/*
 * sink_kafka_txn.c: alerts in transactions: those of a transaction are there together, with the mark that says so.
 *
 * The mark (kafka_mark.h) is the metadata of an offset that a group of ours commits in the transaction: no topic of its own, and read back with one
 * question. On each start of the producer: init_transactions ends what an earlier one of the same name has begun, and keeps it from producing ever
 * again; then the mark is read, from a broker that tells committed offsets only; then rows that are in it are passed over as delivered. So it does not matter
 * where a crash falls: before the commit of a transaction there is neither alert nor mark; behind it there are both.
 *
 * A step that a broker does not answer in time is asked again, where it was; what librdkafka says is to be aborted is aborted, and sent again as it was;
 * what it calls fatal ends the producer, and the next one looks at the mark. So does a batch that a broker refuses: behind one, librdkafka (2.0) holds back
 * what it has not sent yet and tells nobody.
 */
#include "alerting/sink_kafka.h"

#include <stdio.h>
#include <string.h>

enum { ANEW_MS = 2000, ROOM_MS = 100 };

/* ---- errors ---- */

/* Gives where to go on; same: the step is to be asked again. */
static kafka_txn_state judge(kafka_sink *sink, rd_kafka_error_t *error, const char *what, kafka_txn_state same)
{
    kafka_txn_state next = rd_kafka_error_is_fatal(error) ? KAFKA_TXN_BROKEN : rd_kafka_error_txn_requires_abort(error) ? KAFKA_TXN_ABORT
                           : rd_kafka_error_is_retriable(error) ? same : KAFKA_TXN_BROKEN;
    if (next != same) kafka_sink_say(sink, 1, what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return next;
}

/* ---- beginning ---- */

static void fence(kafka_sink *sink, int timeout_ms)
{
    rd_kafka_error_t *error = rd_kafka_init_transactions(sink->rk, timeout_ms);
    sink->txn = error ? judge(sink, error, "its transactions cannot be begun", KAFKA_TXN_FENCE) : KAFKA_TXN_LOOK;
}

static rd_kafka_t *reader(kafka_sink *sink, char *reason, size_t size)
{
    const edge_kafka_setting ours[] = {{"client.id", "egret"}, {NULL, NULL}};
    const edge_kafka_setting fixed[] = {{"group.id", sink->name}, {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"}, {NULL, NULL}};
    /* Settings may be a producer's; what a consumer does not know it ignores, with a line in a log that nobody reads. */
    rd_kafka_conf_t *conf = edge_kafka_conf(sink->settings->texts[KAFKA_SINK_BROKERS], ours, fixed, sink->settings->texts[KAFKA_SINK_SETTINGS], reason, size);
    if (conf) rd_kafka_conf_set_log_cb(conf, kafka_sink_no_log);
    rd_kafka_t *rk = conf ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, size) : NULL;
    if (conf && !rk) rd_kafka_conf_destroy(conf);
    return rk;
}

/* What the store says of rows, as the mark is to know it. */
static void trim_mark(kafka_sink *sink)
{
    uint64_t oldest, next;
    if (!sink->env->rows || !sink->env->rows(sink->env->rows_user, &oldest, &next)) return;
    kafka_mark_forget(&sink->mark, oldest);
    if (kafka_mark_clip(&sink->mark, next))
        kafka_sink_say(sink, 1, "its mark knows alerts that this data folder does not", "the folder was restored from a backup; they may come again");
}

static void take_mark(kafka_sink *sink, const rd_kafka_topic_partition_t *place)
{
    if (place->offset >= 0 && place->metadata && !kafka_mark_read(&sink->mark, place->metadata, place->metadata_size))
        kafka_sink_say(sink, 0, "its mark at the brokers cannot be read; alerts that were on their way may come twice", sink->name);
    trim_mark(sink);
    sink->txn = KAFKA_TXN_IDLE;
}

static void look(kafka_sink *sink, int timeout_ms)
{
    char reason[512];
    rd_kafka_t *rk = reader(sink, reason, sizeof reason);
    if (!rk) {
        kafka_sink_say(sink, 0, "its mark cannot be asked for", reason);
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, sink->settings->texts[KAFKA_SINK_TOPIC], 0);
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, timeout_ms < 5000 ? 5000 : timeout_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) err = place->err;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) take_mark(sink, place);
    else kafka_sink_say(sink, 1, "its mark cannot be read yet", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

/* ---- one transaction ---- */

/* Those the mark knows are in the topic since an earlier run. True: some are left. */
static bool pass_over(kafka_sink *sink)
{
    bool left = false;
    for (kafka_entry *e = sink->first; e; e = e->next) {
        if (e->state == KAFKA_FAILED) e->state = KAFKA_WAITS;
        if (e->state == KAFKA_WAITS && kafka_mark_has(&sink->mark, e->message->row)) e->state = KAFKA_ARRIVED;
        left = left || e->state == KAFKA_WAITS;
    }
    return left;
}

/* The first entry that waits and whose run has no room in the mark; NULL: all have. *any: one that waits has. */
static const kafka_entry *first_without_room(const kafka_sink *sink, bool *any)
{
    kafka_mark mark = sink->mark;
    *any = false;
    for (const kafka_entry *e = sink->first; e; e = e->next) {
        if (e->state == KAFKA_REFUSED) kafka_mark_break(&mark);
        if (e->state != KAFKA_WAITS) continue;
        if (!kafka_mark_add(&mark, e->message->row)) return e;
        *any = true;
    }
    return NULL;
}

static void begin(kafka_sink *sink, int timeout_ms)
{
    if (!pass_over(sink)) return;
    trim_mark(sink);
    bool any;
    const kafka_entry *stop = first_without_room(sink, &any);
    if (!any && sink->again_ms == 0) sink->again_ms = kafka_sink_now_ms() + ROOM_MS;    /* until the disk knows what became of those before */
    if (kafka_sink_now_ms() < sink->again_ms) {
        rd_kafka_poll(sink->rk, timeout_ms);
        return;
    }
    sink->again_ms = 0;
    sink->spoiled = false;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(sink->rk);
    if (error) {
        sink->txn = judge(sink, error, "a transaction cannot be begun", KAFKA_TXN_IDLE);
        return;
    }
    kafka_sink_produce(sink, stop);
    sink->txn = KAFKA_TXN_MARK;
}

/* The mark as it will be when this transaction is there. */
static kafka_mark mark_after(const kafka_sink *sink)
{
    kafka_mark mark = sink->mark;
    for (const kafka_entry *e = sink->first; e; e = e->next) {
        if (e->state == KAFKA_WAITS) break;     /* it had no room: a later transaction takes it */
        if (e->state == KAFKA_REFUSED) kafka_mark_break(&mark);
        else if (!kafka_mark_has(&mark, e->message->row)) (void)kafka_mark_add(&mark, e->message->row);
    }
    return mark;
}

/* Everything that was produced has been acknowledged or not: what a broker will never take must not stand in the mark. False: not yet. */
static bool wait_for_all(kafka_sink *sink, int timeout_ms)
{
    int64_t until_ms = kafka_sink_now_ms() + timeout_ms;
    while (sink->n_flying > 0 && sink->txn == KAFKA_TXN_MARK && kafka_sink_now_ms() < until_ms) rd_kafka_poll(sink->rk, 10);
    if (sink->n_flying == 0 && sink->spoiled && sink->txn == KAFKA_TXN_MARK) sink->txn = KAFKA_TXN_ABORT;
    return sink->n_flying == 0 && sink->txn == KAFKA_TXN_MARK;
}

static void send_mark(kafka_sink *sink, int timeout_ms)
{
    char text[KAFKA_MARK_TEXT];
    if (!wait_for_all(sink, timeout_ms)) return;
    kafka_mark mark = mark_after(sink);
    size_t len = kafka_mark_write(&mark, text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, sink->settings->texts[KAFKA_SINK_TOPIC], 0);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata_new(sink->name);
    place->offset = (int64_t)kafka_mark_last(&mark);
    place->metadata = strdup(text);
    place->metadata_size = place->metadata ? len : 0;
    rd_kafka_error_t *error = rd_kafka_send_offsets_to_transaction(sink->rk, list, group, timeout_ms);
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    sink->txn = error ? judge(sink, error, "a transaction did not get its mark", KAFKA_TXN_MARK) : KAFKA_TXN_COMMIT;
}

static void commit(kafka_sink *sink, int timeout_ms)
{
    rd_kafka_error_t *error = rd_kafka_commit_transaction(sink->rk, timeout_ms);
    if (error) {
        sink->txn = judge(sink, error, "a transaction could not be committed", KAFKA_TXN_COMMIT);
        return;
    }
    sink->mark = mark_after(sink);
    sink->txn = KAFKA_TXN_IDLE;
}

/* What was on its way is sent again, but for what was refused. */
static void abort_all(kafka_sink *sink, int timeout_ms)
{
    rd_kafka_error_t *error = rd_kafka_abort_transaction(sink->rk, timeout_ms);
    if (error) {
        sink->txn = judge(sink, error, "a transaction could not be aborted", KAFKA_TXN_ABORT);
        return;
    }
    while (sink->n_flying > 0 && rd_kafka_poll(sink->rk, 10) > 0) {}
    for (kafka_entry *e = sink->first; e; e = e->next) {
        if (e->state == KAFKA_FAILED) sink->again_ms = kafka_sink_now_ms() + ANEW_MS;
        if (e->state != KAFKA_REFUSED) e->state = KAFKA_WAITS;
    }
    sink->txn = KAFKA_TXN_IDLE;
}

/* The next producer looks at the mark: it alone knows whether the last transaction is there. */
static void make_anew(kafka_sink *sink)
{
    char reason[512];
    int64_t now_ms = kafka_sink_now_ms();
    if (sink->again_ms == 0) sink->again_ms = now_ms + (sink->at_once ? 0 : ANEW_MS);
    if (now_ms < sink->again_ms) {
        if (sink->rk) rd_kafka_poll(sink->rk, 50);
        return;
    }
    sink->again_ms = 0;
    kafka_sink_disconnect(sink);
    for (kafka_entry *e = sink->first; e; e = e->next)
        if (e->state != KAFKA_REFUSED) e->state = KAFKA_WAITS;
    if (!kafka_sink_connect(sink, reason, sizeof reason)) kafka_sink_say(sink, 0, "its producer cannot be made", reason);
}

void kafka_sink_txn(kafka_sink *sink, int timeout_ms)
{
    if (sink->rk) rd_kafka_poll(sink->rk, 0);
    kafka_txn_state before;
    do {
        before = sink->txn;
        switch (sink->txn) {
        case KAFKA_TXN_FENCE: fence(sink, timeout_ms); break;
        case KAFKA_TXN_LOOK: look(sink, timeout_ms); break;
        case KAFKA_TXN_IDLE: begin(sink, timeout_ms); break;
        case KAFKA_TXN_MARK: send_mark(sink, timeout_ms); break;
        case KAFKA_TXN_COMMIT: commit(sink, timeout_ms); break;
        case KAFKA_TXN_ABORT: abort_all(sink, timeout_ms); break;
        case KAFKA_TXN_BROKEN: make_anew(sink); break;
        }
    } while (sink->txn != before && sink->txn != KAFKA_TXN_IDLE && sink->txn != KAFKA_TXN_BROKEN);
}
