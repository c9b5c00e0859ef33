/*
 * mqtt_client.h: a client of MQTT 3.1.1 and 5. It receives, and acknowledges when it is told to: when what came of a message is on the disk, and many
 * may wait for that at once. Or it publishes, and tells what was acknowledged.
 *
 * Why not a library: the MQTT clients there are in C acknowledge when their callback returns, or before. Holding one back then means to block
 * the library's one thread, under its lock: one commit for each message, of all clients of the process together.
 *
 * What always holds:
 *  - acknowledgements leave in the order in which the messages came, as the protocol asks, and only for what was told to be kept;
 *  - a message that comes again on a new connection, because its acknowledgement had to wait for the disk, is not given twice;
 *  - with QoS 2 a message that comes again before it was released is not given twice.
 *
 * Owned by one thread, but for mqtt_client_kept, mqtt_client_wake and mqtt_client_count. Nothing waits longer than the timeout of a call, but the look-up of a name.
 */
#ifndef EGRET_EDGE_MQTT_CLIENT_H
#define EGRET_EDGE_MQTT_CLIENT_H

#include "edge/mqtt_packet.h"
#include "edge/tcp_link.h"

typedef struct mqtt_client mqtt_client;

typedef struct mqtt_client_options {
    tcp_link_options link;
    mqtt_connect connect;       /* strings borrowed until free */
    const char *filters;        /* topic filters, with commas between; NULL: it only publishes */
    uint8_t qos;                /* of the subscription */
    bool keep_first;            /* acknowledge what is kept; false: at once */
    void (*log)(void *user, int level, const char *text);   /* levels of egret_log_fn */
    void *log_user;
    /* Of what was published, in calls of next. acked: code 0, or why the broker refused it (MQTT 5). lost: the connection ended, nobody knows what became
     * of those that were not acknowledged. Both may be NULL. */
    void (*acked)(void *user, uint16_t id, uint8_t code);
    void (*lost)(void *user, const char *why);
    void *user;
} mqtt_client_options;

typedef struct mqtt_client_numbers {
    uint64_t reconnects, errors;
    bool connected;
} mqtt_client_numbers;

/* NULL: a sentence in `reason`. Connects in the calls of next. */
mqtt_client *mqtt_client_new(const mqtt_client_options *options, char *reason, size_t size);
void mqtt_client_free(mqtt_client *client);     /* says good-bye, with the acknowledgements that may leave; NULL is allowed */

typedef enum mqtt_next { MQTT_NEXT_MESSAGE, MQTT_NEXT_NOTHING, MQTT_NEXT_NO_MEMORY } mqtt_next;

typedef struct mqtt_message {
    mqtt_publish publish;       /* borrowed until the next call */
    size_t readable;            /* bytes from payload that may be read */
    uint64_t number;            /* from 1, in the order they came */
} mqtt_message;

/* The next message, or NOTHING after timeout_ms or when something else happened. Connects, pings, sends acknowledgements meanwhile. */
mqtt_next mqtt_client_next(mqtt_client *client, int timeout_ms, mqtt_message *out);
/* Connected, subscribed: what is published now is sent. */
bool mqtt_client_is_up(const mqtt_client *client);
uint16_t mqtt_client_receive_max(const mqtt_client *client);    /* of the broker; 0: it did not say */
const char *mqtt_client_trouble(const mqtt_client *client);     /* why it was not up the last time; lives until the next call */
/* While it is up. The identifier must be none that waits to be acknowledged; 0 at QoS 0. False: no memory. */
bool mqtt_client_publish(mqtt_client *client, const mqtt_publish *publish);
void mqtt_client_reset(mqtt_client *client, const char *why);   /* ends the connection, to make another */
void mqtt_client_wake(mqtt_client *client);     /* ends a next that waits; from any thread */
void mqtt_client_hold(mqtt_client *client, bool held);      /* held: next gives nothing, and what the broker sends waits there */
/* All messages up to this number are kept. From any thread, until free. */
void mqtt_client_kept(mqtt_client *client, uint64_t number);
void mqtt_client_count(const mqtt_client *client, mqtt_client_numbers *out);    /* from any thread */

#endif
