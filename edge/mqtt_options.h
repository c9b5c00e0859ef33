/*
 * mqtt_options.h: what the options of MQTT sources and sinks have in common.
 */
#ifndef EGRET_EDGE_MQTT_OPTIONS_H
#define EGRET_EDGE_MQTT_OPTIONS_H

#include "egret.h"

typedef struct mqtt_address {
    char *host, *port;      /* owned */
    bool tls;
} mqtt_address;

/* mqtt://host:port, mqtts://host:port. False: a sentence in `reason`; deinit all the same. */
bool mqtt_address_read(mqtt_address *address, const char *url, char *reason, size_t size);
void mqtt_address_deinit(mqtt_address *address);

#endif
