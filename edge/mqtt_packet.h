/*
 * mqtt_packet.h: packets of MQTT 3.1.1 and 5 as bytes, those that clients read and write. Pure: no I/O, no state.
 */
#ifndef EGRET_EDGE_MQTT_PACKET_H
#define EGRET_EDGE_MQTT_PACKET_H

#include "compiler/text.h"

typedef enum mqtt_version { MQTT_3 = 4, MQTT_5 = 5 } mqtt_version;    /* as they stand on the wire */

typedef enum mqtt_type {
    MQTT_CONNECT = 1, MQTT_CONNACK, MQTT_PUBLISH, MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP, MQTT_SUBSCRIBE, MQTT_SUBACK,
    MQTT_UNSUBSCRIBE, MQTT_UNSUBACK, MQTT_PINGREQ, MQTT_PINGRESP, MQTT_DISCONNECT
} mqtt_type;

typedef enum mqtt_got { MQTT_GOT_PACKET, MQTT_GOT_PART, MQTT_GOT_BROKEN } mqtt_got;

/* Borrowed from what was read. */
typedef struct mqtt_packet {
    mqtt_type type;
    uint8_t flags;
    const char *body;
    size_t len;             /* of the body that is there */
    size_t whole;           /* of all of the body: more than len when the packet was cut at `cap` */
} mqtt_packet;

typedef struct mqtt_publish {
    egret_str topic;
    uint16_t id;            /* 0 at QoS 0 */
    uint8_t qos;
    bool duplicate, retained;
    egret_str properties;   /* MQTT 5: as bytes, without their length */
    const char *payload;
    size_t len;
} mqtt_publish;

typedef struct mqtt_connack {
    bool session_present;
    uint8_t code;           /* 0: accepted */
    uint16_t keep_alive_s;  /* the server's wish; 0: none */
    uint16_t receive_max;   /* messages it takes at once; 0: it does not say */
} mqtt_connack;

typedef struct mqtt_connect {
    mqtt_version version;
    const char *client_id, *user, *password;    /* user, password may be NULL */
    uint16_t keep_alive_s;
    uint16_t receive_max;   /* MQTT 5 */
    bool keep_session;
} mqtt_connect;

/* The packet at ptr. Of one whose body is longer than cap, the beginning is enough: whoever reads skips `whole - len` bytes after it.
 * *used: bytes of ptr it takes (with the part of the body that is there). */
mqtt_got mqtt_packet_read(const char *ptr, size_t len, size_t cap, mqtt_packet *out, size_t *used);
/* False: the packet is malformed. */
bool mqtt_publish_read(const mqtt_packet *packet, mqtt_version version, mqtt_publish *out);
bool mqtt_connack_read(const mqtt_packet *packet, mqtt_version version, mqtt_connack *out);
/* A code for each filter, in their order. */
bool mqtt_suback_read(const mqtt_packet *packet, mqtt_version version, const uint8_t **codes, size_t *n);
/* The next user property of a message; moves *at behind it. False: there is none left. */
bool mqtt_property_next(egret_str *at, egret_str *name, egret_str *value);
bool mqtt_id_read(const mqtt_packet *packet, uint16_t *id);     /* PUBACK, PUBREC, PUBREL, PUBCOMP */
uint8_t mqtt_ack_code(const mqtt_packet *packet);               /* of these, MQTT 5; 0 where there is none */

void mqtt_put_connect(egret_text *out, const mqtt_connect *connect);
void mqtt_put_subscribe(egret_text *out, mqtt_version version, uint16_t id, const char *filters, uint8_t qos);
/* Into bytes for mqtt_publish.properties; neither is longer than 65535. */
void mqtt_put_property(egret_text *out, egret_str name, egret_str value);
void mqtt_put_publish(egret_text *out, mqtt_version version, const mqtt_publish *publish);
void mqtt_put_ack(egret_text *out, mqtt_type type, uint16_t id);    /* PUBACK, PUBREC, PUBREL, PUBCOMP */
void mqtt_put_empty(egret_text *out, mqtt_type type);               /* PINGREQ, DISCONNECT */

/* Filters as they are declared, with commas between: gives the next one; moves *at behind it. False: there is none left. */
bool mqtt_filter_next(const char **at, egret_str *filter);
/* Whether one of the filters wants the topic; $share/group/… is seen through. */
bool mqtt_filters_want(const char *filters, egret_str topic);

/* "not authorized" and the like, of a CONNACK or SUBACK. */
const char *mqtt_code_text(mqtt_version version, uint8_t code);

#endif
