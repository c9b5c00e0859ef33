/*
 * feed_kafka_assign.c: which partitions the Kafka source reads, and from where.
 *
 * In a group the brokers deal partitions out (cooperatively: who keeps one is not disturbed); without one we take all of the topic, or those that are
 * declared. Either way a partition is begun at the place that stands in our store (kafka_begin.h).
 */
#include "ingest/feed_kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { ASK_MS = 5000, LOOK_AGAIN_MS = 30000, TRY_AGAIN_MS = 1000, NAME_BYTES = 300 };

/* ---- partitions ---- */

kafka_partition *kafka_find(kafka_feed *feed, const char *topic, int32_t partition)
{
    for (uint32_t i = 0; i < feed->n_partitions; i++)
        if (feed->partitions[i]->partition == partition && strcmp(feed->partitions[i]->topic, topic) == 0) return feed->partitions[i];
    return NULL;
}

static kafka_partition *add_partition(kafka_feed *feed, const char *topic, int32_t partition)
{
    if (feed->n_partitions == feed->cap_partitions) {
        uint32_t cap = feed->cap_partitions ? feed->cap_partitions * 2 : 16;
        kafka_partition **grown = realloc(feed->partitions, cap * sizeof *grown);
        if (!grown) return NULL;
        feed->partitions = grown;
        feed->cap_partitions = cap;
    }
    kafka_partition *p = calloc(1, sizeof *p);
    if (!p || !(p->topic = strdup(topic))) {
        free(p);
        return NULL;
    }
    p->partition = partition;
    p->next = p->end = p->told = KAFKA_NONE;
    atomic_init(&p->committed, KAFKA_NONE);
    return feed->partitions[feed->n_partitions++] = p;
}

static void name_of(const kafka_partition *p, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%s/%" PRId32, p->topic, p->partition);
}

/* ---- where to begin ---- */

/* Places of one cluster mean nothing in another. */
static bool same_cluster(kafka_feed *feed, const store_place *place)
{
    if (feed->cluster == 0) {
        char *id = rd_kafka_clusterid(feed->rk, ASK_MS);
        feed->cluster = id ? XXH3_64bits(id, strlen(id)) : 0;
        if (id) rd_kafka_mem_free(feed->rk, id);
    }
    return place->device == 0 || feed->cluster == 0 || place->device == feed->cluster;
}

static int64_t stored_place(kafka_feed *feed, const kafka_partition *p)
{
    store_place place;
    char name[NAME_BYTES];
    name_of(p, name);
    if (!feed->host->place(feed->host->user, name, &place)) {
        same_cluster(feed, &(store_place){0});
        return KAFKA_NONE;
    }
    if (!same_cluster(feed, &place)) {
        kafka_fail(feed, "%s: its place is one in another cluster than that of these brokers; use another name for the source, or other brokers", name);
        return KAFKA_NONE;
    }
    return (int64_t)place.offset;
}

/* An offset, for what is to be begun at an end of the log; it is asked for now, so that a restart begins there, too. */
static bool find_end(kafka_feed *feed, const kafka_partition *p, int64_t *offset)
{
    int64_t low, high;
    char name[NAME_BYTES];
    if (*offset >= 0) return true;
    name_of(p, name);
    if (rd_kafka_query_watermark_offsets(feed->rk, p->topic, p->partition, &low, &high, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *offset = *offset == KAFKA_LATEST ? high : low;
        return true;
    }
    kafka_say(feed, 1, "%s: the brokers do not say where it begins and ends; it will be asked again", name);
    return false;
}

static void refuse(kafka_feed *feed, kafka_partition *p, int64_t stored, int64_t committed)
{
    char name[NAME_BYTES];
    name_of(p, name);
    p->refused = true;
    if (stored == KAFKA_NONE)
        kafka_say(feed, 0, "%s is not read: another appliance of the group has read it up to %" PRId64 ", and the state of its keys is there; say "
                  "on_takeover: fresh to go on without it, or give the partition back", name, committed);
    else
        kafka_say(feed, 0, "%s is not read: we read it up to %" PRId64 ", and another appliance of the group up to %" PRId64 "; what is between is missing "
                  "in our state; say on_takeover: fresh to go on without it, or give the partition back", name, stored, committed);
}

/* False: it is not to be read now. */
static bool begin_partition(kafka_feed *feed, rd_kafka_topic_partition_t *element, int64_t committed)
{
    char name[NAME_BYTES];
    kafka_partition *p = kafka_find(feed, element->topic, element->partition);
    if (!p) p = add_partition(feed, element->topic, element->partition);
    if (!p) {
        kafka_fail(feed, "no memory");
        return false;
    }
    int64_t stored = stored_place(feed, p), offset = kafka_begin(stored, committed, feed->start, feed->fresh);
    if (feed->failed) return false;
    p->refused = false;
    if (offset == KAFKA_NONE) refuse(feed, p, stored, committed);
    if (offset == KAFKA_NONE) return false;
    if (!find_end(feed, p, &offset)) {
        feed->again = true;
        return false;
    }
    name_of(p, name);
    store_place place = {.device = feed->cluster, .offset = (uint64_t)offset};
    p->number = feed->host->appeared(feed->host->user, name, &place);
    if (p->number >= sizeof feed->by_number / sizeof feed->by_number[0]) {
        kafka_fail(feed, "there is no room for so many partitions");
        return false;
    }
    atomic_store(&feed->by_number[p->number], p);
    atomic_store(&p->committed, offset);
    p->is_ours = true;
    p->next = offset;
    p->end = KAFKA_NONE;
    p->told = offset;
    p->at_end = p->doubtful = false;
    element->offset = offset;
    return true;
}

/* The group's offsets; false: they could not be had. */
static bool ask_group(kafka_feed *feed, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    if (list->cnt == 0) return true;
    rd_kafka_resp_err_t err = rd_kafka_committed(feed->rk, list, ASK_MS);
    for (int i = 0; i < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) err = list->elems[i].err;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    kafka_say(feed, 1, "the group's places cannot be had: %s", rd_kafka_err2str(err));
    return false;
}

/* Those of the list that are to be read, with their offsets. */
static rd_kafka_topic_partition_list_t *begin_all(kafka_feed *feed, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *good = rd_kafka_topic_partition_list_new(list->cnt + 1);
    for (int i = 0; i < list->cnt && !feed->failed; i++) {
        int64_t committed = feed->in_group && list->elems[i].offset >= 0 ? list->elems[i].offset : KAFKA_NONE;
        if (begin_partition(feed, &list->elems[i], committed))
            rd_kafka_topic_partition_list_add(good, list->elems[i].topic, list->elems[i].partition)->offset = list->elems[i].offset;
    }
    return good;
}

static void note_error(kafka_feed *feed, rd_kafka_error_t *error)
{
    if (!error) return;
    kafka_say(feed, 1, "%s", rd_kafka_error_string(error));
    atomic_fetch_add(&feed->errors, 1);
    rd_kafka_error_destroy(error);
}

/* ---- in a group ---- */

static void count_refused(kafka_feed *feed)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < feed->n_partitions; i++) n += feed->partitions[i]->refused;
    atomic_store(&feed->n_refused, n);
}

static void take_assigned(kafka_feed *feed, rd_kafka_topic_partition_list_t *list)
{
    if (!ask_group(feed, list)) {
        /* To begin without knowing what others have read could lose it. */
        feed->again = true;
        list = NULL;
    }
    rd_kafka_topic_partition_list_t *good = list ? begin_all(feed, list) : rd_kafka_topic_partition_list_new(1);
    note_error(feed, rd_kafka_incremental_assign(feed->rk, good));
    if (feed->held && good->cnt > 0) rd_kafka_pause_partitions(feed->rk, good);
    rd_kafka_topic_partition_list_destroy(good);
    if (!feed->again) feed->host->settled(feed->host->user);
    count_refused(feed);
}

static void give_back(kafka_feed *feed, rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(feed->rk) != 0;
    rd_kafka_topic_partition_list_t *ours = rd_kafka_topic_partition_list_new(list->cnt + 1), *done = rd_kafka_topic_partition_list_new(list->cnt + 1);
    for (int i = 0; i < list->cnt; i++) {
        kafka_partition *p = kafka_find(feed, list->elems[i].topic, list->elems[i].partition);
        if (p) p->refused = false;
        if (!p || !p->is_ours) continue;
        p->is_ours = false;
        rd_kafka_topic_partition_list_add(ours, p->topic, p->partition);
        uint64_t place = feed->closing ? 0 : feed->host->gone(feed->host->user, p->number);
        if ((int64_t)place > p->told && !lost) rd_kafka_topic_partition_list_add(done, p->topic, p->partition)->offset = (int64_t)place;
    }
    if (done->cnt > 0) rd_kafka_commit(feed->rk, done, 0);
    count_refused(feed);
    note_error(feed, rd_kafka_incremental_unassign(feed->rk, ours));
    if (lost && !feed->closing) kafka_say(feed, 1, "the group has gone on without us; its partitions are dealt anew");
    rd_kafka_topic_partition_list_destroy(ours);
    rd_kafka_topic_partition_list_destroy(done);
}

void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    kafka_feed *feed = opaque;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !feed->closing && !feed->failed) {
        take_assigned(feed, list);
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        give_back(feed, list);
        return;
    }
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
    note_error(feed, rd_kafka_incremental_assign(rk, none));
    rd_kafka_topic_partition_list_destroy(none);
}

/* ---- without one ---- */

/* Is the number in a list like "0,2-5"? */
static bool is_listed(const char *list, int32_t number)
{
    for (const char *at = list; at && *at;) {
        char *end;
        long from = strtol(at, &end, 10), to = *end == '-' ? strtol(end + 1, &end, 10) : from;
        if (number >= from && number <= to) return true;
        at = *end == ',' ? end + 1 : NULL;
    }
    return false;
}

static void add_wanted(kafka_feed *feed, const rd_kafka_metadata_topic_t *topic, rd_kafka_topic_partition_list_t *wanted)
{
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR || topic->partition_cnt == 0) {
        kafka_say(feed, 1, "topic %s: %s", topic->topic, topic->err ? rd_kafka_err2str(topic->err) : "it has no partitions");
        return;
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        kafka_partition *p = kafka_find(feed, topic->topic, topic->partitions[i].id);
        if ((p && p->is_ours) || (feed->only && !is_listed(feed->only, topic->partitions[i].id))) continue;
        rd_kafka_topic_partition_list_add(wanted, topic->topic, topic->partitions[i].id);
    }
}

/* Asks which partitions there are and takes those that are new. False: nobody answered. */
static bool assign_all(kafka_feed *feed)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(8);
    bool answered = true;
    for (int i = 0; i < feed->topics->cnt && answered; i++) {
        rd_kafka_topic_t *topic = rd_kafka_topic_new(feed->rk, feed->topics->elems[i].topic, NULL);
        answered = topic && rd_kafka_metadata(feed->rk, 0, topic, &metadata, TRY_AGAIN_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
        for (int k = 0; answered && k < metadata->topic_cnt; k++) add_wanted(feed, &metadata->topics[k], wanted);
        if (answered) rd_kafka_metadata_destroy(metadata);
        if (topic) rd_kafka_topic_destroy(topic);
    }
    if (answered && wanted->cnt > 0) {
        rd_kafka_topic_partition_list_t *good = begin_all(feed, wanted);
        answered = good->cnt == wanted->cnt;
        if (good->cnt > 0) note_error(feed, rd_kafka_incremental_assign(feed->rk, good));
        if (feed->held && good->cnt > 0) rd_kafka_pause_partitions(feed->rk, good);
        rd_kafka_topic_partition_list_destroy(good);
        if (answered) feed->host->settled(feed->host->user);
    }
    rd_kafka_topic_partition_list_destroy(wanted);
    return answered;
}

void kafka_attach(kafka_feed *feed, int64_t now_ms)
{
    if (feed->in_group) {
        if (feed->again && feed->subscribed) {
            rd_kafka_unsubscribe(feed->rk);
            feed->again = feed->subscribed = false;
            feed->looked_ms = now_ms;
        }
        if (feed->subscribed || (feed->looked_ms != 0 && now_ms - feed->looked_ms < TRY_AGAIN_MS)) return;
        rd_kafka_resp_err_t err = rd_kafka_subscribe(feed->rk, feed->topics);
        feed->subscribed = true;
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR) kafka_fail(feed, "%s", rd_kafka_err2str(err));
        return;
    }
    if (feed->looked_ms != 0 && now_ms - feed->looked_ms < (feed->subscribed ? LOOK_AGAIN_MS : TRY_AGAIN_MS)) return;
    feed->subscribed = assign_all(feed) && feed->n_partitions > 0;
    feed->looked_ms = now_ms;
}

void kafka_tell(kafka_feed *feed, bool wait)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (uint32_t i = 0; i < feed->n_partitions; i++) {
        kafka_partition *p = feed->partitions[i];
        int64_t committed = atomic_load(&p->committed);
        if (!p->is_ours || committed < 0 || committed == p->told) continue;
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = committed;
        p->told = committed;
    }
    if (list->cnt > 0) rd_kafka_commit(feed->rk, list, wait ? 0 : 1);
    rd_kafka_topic_partition_list_destroy(list);
}
