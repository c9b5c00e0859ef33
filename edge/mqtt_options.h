/*
 * mqtt_options.h: what the options of MQTT sources and sinks have in common: their rows, their checks, and a client's settings made of them.
 */
#ifndef EGRET_EDGE_MQTT_OPTIONS_H
#define EGRET_EDGE_MQTT_OPTIONS_H

#include "edge/mqtt_client.h"
#include "edge/options.h"

typedef struct mqtt_address {
    char *host, *port;      /* owned */
    bool tls;
} mqtt_address;

/* mqtt://host:port, mqtts://host:port. False: a sentence in `reason`; deinit all the same. */
bool mqtt_address_read(mqtt_address *address, const char *url, char *reason, size_t size);
void mqtt_address_deinit(mqtt_address *address);

/* The rows that both tables begin with; each table has the topic behind the address, with its own words. */
enum {
    MQTT_URL, MQTT_TOPIC, MQTT_QOS, MQTT_VERSION, MQTT_CLIENT_ID, MQTT_USER, MQTT_PASSWORD, MQTT_CA, MQTT_CERT, MQTT_KEY, MQTT_KEEP_ALIVE,
    MQTT_IN_FLIGHT, MQTT_OWN_OPTIONS    /* from here on each has its own */
};
#define MQTT_SHARED_OPTIONS(topic_help, in_flight_help) \
    [MQTT_URL] = {"url", EGRET_STRING, NULL, true, "mqtt://host:1883, or mqtts://host:8883 for TLS"}, \
    [MQTT_TOPIC] = {"topic", EGRET_STRING, NULL, true, topic_help}, \
    [MQTT_QOS] = {"qos", EGRET_INT, "1", false, "0, 1 or 2"}, \
    [MQTT_VERSION] = {"version", EGRET_STRING, "3.1.1", false, "of MQTT: 3.1.1 or 5"}, \
    [MQTT_CLIENT_ID] = {"client_id", EGRET_STRING, NULL, false, \
                        "under which the broker knows us; without: made of the data folder's id and the name here"}, \
    [MQTT_USER] = {"user", EGRET_STRING, NULL, false, "user name"}, \
    [MQTT_PASSWORD] = {"password", EGRET_STRING, NULL, false, "password; better from env(\"NAME\")"}, \
    [MQTT_CA] = {"ca", EGRET_STRING, NULL, false, "file with the certificates (PEM) that may sign the broker's; without: those of the system"}, \
    [MQTT_CERT] = {"cert", EGRET_STRING, NULL, false, "file with our certificate (PEM), for brokers that ask for one"}, \
    [MQTT_KEY] = {"key", EGRET_STRING, NULL, false, "file with its key (PEM)"}, \
    [MQTT_KEEP_ALIVE] = {"keep_alive", EGRET_DURATION, "30s", false, "longest silence towards the broker"}, \
    [MQTT_IN_FLIGHT] = {"in_flight", EGRET_INT, "1000", false, in_flight_help}

/* Checks them and reads the address. False: a sentence in `reason`; deinit the address all the same. */
bool mqtt_settings_check(const edge_settings *settings, int64_t max_in_flight, mqtt_address *address, char *reason, size_t size);
/* The client's id, owned by the caller: the declared one, or made of the folder's id and the name. NULL: no memory. */
char *mqtt_client_id_make(const edge_settings *settings, const char *store_id, const char *name);
/* Settings of link and connection; what they point to is borrowed from all three. */
mqtt_client_options mqtt_settings_client(const edge_settings *settings, const mqtt_address *address, const char *client_id);

#endif
