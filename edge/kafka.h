/*
 * kafka.h: what the Kafka source and the Kafka sink share: the settings of librdkafka.
 *
 * Settings that a declaration passes through are librdkafka's own words ("security.protocol", "sasl.username", "ssl.ca.location", …). Those that
 * carry a promise of ours are ours, and are refused there.
 */
#ifndef EGRET_EDGE_KAFKA_H
#define EGRET_EDGE_KAFKA_H

#include "edge/options.h"

#include <librdkafka/rdkafka.h>

typedef struct edge_kafka_setting { const char *name, *value; } edge_kafka_setting;     /* NULL ends a table */

/* Brokers, then `ours`, then the lines of the map (edge_map_next; NULL: none). `fixed` are ours and final: the map may not name them; they are set last.
 * NULL: a sentence in `reason`, which never shows a value. The caller destroys the configuration, or gives it to rd_kafka_new. */
rd_kafka_conf_t *edge_kafka_conf(const char *brokers, const edge_kafka_setting *ours, const edge_kafka_setting *fixed, const char *map, char *reason,
                                 size_t reason_size);

#endif
