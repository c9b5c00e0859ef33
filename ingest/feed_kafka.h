/*
 * feed_kafka.h: the insides of the Kafka source, shared by feed_kafka.c (life, messages) and feed_kafka_assign.c (which partitions, from where).
 */
#ifndef EGRET_INGEST_FEED_KAFKA_H
#define EGRET_INGEST_FEED_KAFKA_H

#include "edge/kafka.h"
#include "ingest/feed.h"
#include "ingest/kafka_begin.h"

#include <stdatomic.h>

enum { KAFKA_OPTION_BROKERS, KAFKA_OPTION_TOPIC, KAFKA_OPTION_GROUP, KAFKA_OPTION_PARTITIONS, KAFKA_OPTION_START, KAFKA_OPTION_TAKEOVER,
       KAFKA_OPTION_SETTINGS };

typedef struct kafka_partition {
    char *topic;                /* owned */
    int32_t partition;
    uint32_t number;            /* of the host */
    bool is_ours, refused;
    int64_t next;               /* behind the newest message given, or where the log was found to end; -1: not known */
    int64_t end;                /* of the log, as last heard; -1: not known */
    bool at_end;                /* `next` is the end, as far as was heard */
    bool doubtful;              /* the connection was lost since the end was heard of */
    atomic_llong committed;     /* on our disk up to here; written by the committer's thread */
    int64_t told;               /* to the group; at first where it was begun: until something has been read, others may take it as new */
} kafka_partition;

typedef struct kafka_feed {
    const ingest_feed_host *host;
    rd_kafka_t *rk;
    rd_kafka_message_t *message;        /* the one given out last */
    rd_kafka_topic_partition_list_t *topics;
    kafka_partition **partitions;       /* by no order; stay until close */
    uint32_t n_partitions, cap_partitions;
    bool in_group, subscribed;
    const char *only;                   /* partitions to read, "0,2-5"; NULL: all */
    int64_t start;
    bool fresh;
    uint64_t cluster;                   /* hash of its id; 0: not known */
    int64_t looked_ms, told_ms, complained_ms, asked_ms;
    bool held, closing, failed;
    bool again;                 /* what was dealt could not be begun: the group is to deal anew */
    atomic_uint n_refused;
    atomic_ullong errors, reconnects;
    atomic_bool connected;
    char trouble[512];
    _Atomic(kafka_partition *) by_number[4096];  /* of the host; for the committer's thread */
} kafka_feed;

/* Ends the source with a sentence. */
void kafka_fail(kafka_feed *feed, const char *format, ...) __attribute__((format(printf, 2, 3)));
void kafka_say(const kafka_feed *feed, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
kafka_partition *kafka_find(kafka_feed *feed, const char *topic, int32_t partition);    /* NULL: not known */

/* Subscribes, or assigns all that is to be read; goes on trying when brokers do not answer. Called before each poll. */
void kafka_attach(kafka_feed *feed, int64_t now_ms);
void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque);
/* Tells the group how far we are. */
void kafka_tell(kafka_feed *feed, bool wait);

#endif
