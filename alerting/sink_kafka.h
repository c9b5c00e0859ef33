/*
 * sink_kafka.h: the insides of the Kafka sink, shared by sink_kafka.c (messages) and sink_kafka_txn.c (transactions).
 */
#ifndef EGRET_ALERTING_SINK_KAFKA_H
#define EGRET_ALERTING_SINK_KAFKA_H

#include "alerting/kafka_mark.h"
#include "alerting/sink.h"
#include "edge/kafka.h"

#include <pthread.h>

enum { KAFKA_SINK_BROKERS, KAFKA_SINK_TOPIC, KAFKA_SINK_EXACTLY_ONCE, KAFKA_SINK_SETTINGS };
enum { KAFKA_SINK_FLYING = 5000, KAFKA_SINK_OF_TXN = 2000 };

typedef enum kafka_entry_state { KAFKA_WAITS, KAFKA_FLIES, KAFKA_ARRIVED, KAFKA_FAILED, KAFKA_REFUSED } kafka_entry_state;

/* A message that was started, in the order it came. */
typedef struct kafka_entry {
    struct kafka_entry *next;
    const sink_message *message;    /* = &own */
    sink_message own;               /* what it points to is the outbox's, until it is done */
    void *ticket;
    kafka_entry_state state;
    char reason[120];
} kafka_entry;

typedef enum kafka_txn_state {
    KAFKA_TXN_FENCE,        /* init_transactions: nobody else of this name produces any more, and what was begun is over */
    KAFKA_TXN_LOOK,         /* the mark is read */
    KAFKA_TXN_IDLE,
    KAFKA_TXN_MARK,         /* all is produced; the mark goes into the same transaction */
    KAFKA_TXN_COMMIT,
    KAFKA_TXN_ABORT,
    KAFKA_TXN_BROKEN        /* the producer is to be made anew */
} kafka_txn_state;

typedef struct kafka_sink {
    const sink_settings *settings;
    const sink_env *env;
    char name[160];                 /* of transactions, and of the group whose offset is the mark */
    pthread_mutex_t lock;           /* main: whoever wakes us may do so while the producer is made anew */
    bool has_lock;
    rd_kafka_t *rk;
    rd_kafka_queue_t *main;
    kafka_entry *pool, *spare;      /* as many as may be on their way, and those of them that are not: starting one needs no memory */
    kafka_entry *first, **last;
    size_t n, n_flying;
    bool exactly_once;
    kafka_txn_state txn;
    bool spoiled;                   /* something of the transaction at hand did not arrive */
    size_t batch_bytes;             /* a batch is no larger, but for an alert that is alone in it; 0: not known yet */
    bool too_large;                 /* a batch was, for the topic: the next producer makes smaller ones */
    bool at_once;                   /* only sizes were wrong: the next producer need not wait */
    kafka_mark mark;                /* rows known to be in the topic, and perhaps not settled in the store */
    int64_t again_ms, complained_ms;
} kafka_sink;

bool kafka_sink_connect(kafka_sink *sink, char *reason, size_t size);
void kafka_sink_disconnect(kafka_sink *sink);
/* Hands the entries that wait to librdkafka, up to this one; NULL: all. */
void kafka_sink_produce(kafka_sink *sink, const kafka_entry *stop);
void kafka_sink_say(kafka_sink *sink, int level, const char *what, const char *why);     /* not more than once in a while */
int64_t kafka_sink_now_ms(void);
/* For configurations: lines of librdkafka's own log come from its threads and repeat what its errors say. */
void kafka_sink_no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

/* Goes on with the transaction; each call to a broker may take so long. */
void kafka_sink_txn(kafka_sink *sink, int timeout_ms);

#endif
