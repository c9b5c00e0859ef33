/*
 * mqtt_options.c: see mqtt_options.h.
 */
#include "edge/mqtt_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* host, host:port, [v6]:port; false: it is none of these, or no memory. */
static bool split(mqtt_address *address, const char *host, const char *port_then)
{
    const char *end = host + strcspn(host, "/");
    bool bracket = *host == '[';
    const char *host_end = memchr(host, bracket ? ']' : ':', (size_t)(end - host));
    if (bracket && !host_end) return false;
    if (!host_end) host_end = end;
    const char *port = bracket ? host_end + 1 : host_end;
    address->host = strndup(host + bracket, (size_t)(host_end - host) - bracket);
    address->port = port < end && *port == ':' ? strndup(port + 1, (size_t)(end - port) - 1) : strdup(port_then);
    return address->host && address->port && address->host[0] && address->port[0] && !strchr(address->host, '@');
}

bool mqtt_address_read(mqtt_address *address, const char *url, char *reason, size_t size)
{
    static const struct { const char *scheme, *port; bool tls; } schemes[] = {
        {"mqtt://", "1883", false}, {"tcp://", "1883", false}, {"mqtts://", "8883", true}, {"ssl://", "8883", true}};
    *address = (mqtt_address){0};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i].scheme);
        if (strncmp(url, schemes[i].scheme, n) != 0) continue;
        address->tls = schemes[i].tls;
        if (split(address, url + n, schemes[i].port)) return true;
        break;
    }
    snprintf(reason, size, "option 'url' is mqtt://host:port or mqtts://host:port; user and password are options of their own");
    return false;
}

void mqtt_address_deinit(mqtt_address *address)
{
    free(address->host);
    free(address->port);
    *address = (mqtt_address){0};
}

static bool complain(char *reason, size_t size, const char *sentence)
{
    snprintf(reason, size, "%s", sentence);
    return false;
}

bool mqtt_settings_check(const edge_settings *settings, int64_t max_in_flight, mqtt_address *address, char *reason, size_t size)
{
    int64_t qos = settings->values[MQTT_QOS].u.i, keep_alive_ms = settings->values[MQTT_KEEP_ALIVE].u.i, in_flight = settings->values[MQTT_IN_FLIGHT].u.i;
    const char *version = settings->texts[MQTT_VERSION];
    if (qos < 0 || qos > 2) return complain(reason, size, "option 'qos' is 0, 1 or 2");
    if (keep_alive_ms < 5000 || keep_alive_ms > 3600000) return complain(reason, size, "option 'keep_alive' goes from 5s to 1h");
    if (in_flight < 1 || in_flight > max_in_flight) {
        snprintf(reason, size, "option 'in_flight' goes from 1 to %lld", (long long)max_in_flight);
        return false;
    }
    if (strcmp(version, "3.1.1") != 0 && strcmp(version, "5") != 0) return complain(reason, size, "option 'version' is \"3.1.1\" or \"5\"");
    if (!settings->texts[MQTT_CERT] != !settings->texts[MQTT_KEY]) return complain(reason, size, "options 'cert' and 'key' go together");
    return mqtt_address_read(address, settings->texts[MQTT_URL], reason, size);
}

char *mqtt_client_id_make(const edge_settings *settings, const char *store_id, const char *name)
{
    char *made = NULL;
    if (settings->texts[MQTT_CLIENT_ID]) return strdup(settings->texts[MQTT_CLIENT_ID]);
    return asprintf(&made, "egret-%.8s-%s", store_id ? store_id : "none", name) >= 0 ? made : NULL;
}

mqtt_client_options mqtt_settings_client(const edge_settings *settings, const mqtt_address *address, const char *client_id)
{
    return (mqtt_client_options){
        .link = {address->host, address->port, address->tls, settings->texts[MQTT_CA], settings->texts[MQTT_CERT], settings->texts[MQTT_KEY]},
        .connect = {.version = settings->texts[MQTT_VERSION][0] == '5' ? MQTT_5 : MQTT_3, .client_id = client_id, .user = settings->texts[MQTT_USER],
                    .password = settings->texts[MQTT_PASSWORD], .keep_alive_s = (uint16_t)(settings->values[MQTT_KEEP_ALIVE].u.i / 1000),
                    .receive_max = (uint16_t)settings->values[MQTT_IN_FLIGHT].u.i}};
}
