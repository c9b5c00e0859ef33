/*
 * kafka.c: see kafka.h.
 */
#include "edge/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, char *reason, size_t size)
{
    char text[512];
    switch (rd_kafka_conf_set(conf, name, value, text, sizeof text)) {
    case RD_KAFKA_CONF_OK:
        return true;
    case RD_KAFKA_CONF_UNKNOWN:
        snprintf(reason, size, "setting '%s' is not known to librdkafka", name);
        return false;
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    snprintf(reason, size, "setting '%s' does not take the value it has", name);
    return false;
}

static bool set_all(rd_kafka_conf_t *conf, const edge_kafka_setting *settings, char *reason, size_t size)
{
    for (; settings->name; settings++)
        if (!set(conf, settings->name, settings->value, reason, size)) return false;
    return true;
}

static bool is_fixed(const edge_kafka_setting *fixed, egret_str name)
{
    if (egret_str_is(name, "bootstrap.servers") || egret_str_is(name, "metadata.broker.list")) return true;
    for (; fixed->name; fixed++)
        if (egret_str_is(name, fixed->name)) return true;
    return false;
}

static bool set_map(rd_kafka_conf_t *conf, const edge_kafka_setting *fixed, const char *map, char *reason, size_t size)
{
    egret_str key, value;
    while (edge_map_next(&map, &key, &value)) {
        if (is_fixed(fixed, key)) {
            snprintf(reason, size, "setting '%.*s' is not for 'settings': this is decided here", (int)key.len, key.ptr);
            return false;
        }
        char *name = strndup(key.ptr, key.len), *text = strndup(value.ptr, value.len);
        bool fine = name && text;
        if (fine) fine = set(conf, name, text, reason, size);
        else snprintf(reason, size, "no memory");
        free(name);
        free(text);
        if (!fine) return false;
    }
    return true;
}

rd_kafka_conf_t *edge_kafka_conf(const char *brokers, const edge_kafka_setting *ours, const edge_kafka_setting *fixed, const char *map, char *reason,
                                 size_t reason_size)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (set(conf, "bootstrap.servers", brokers, reason, reason_size) && set_all(conf, ours, reason, reason_size) &&
        set_map(conf, fixed, map, reason, reason_size) && set_all(conf, fixed, reason, reason_size))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}
