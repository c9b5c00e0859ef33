/*
 * sink_mqtt.c: alerts as messages of an MQTT broker, 3.1.1 or 5. An alert is delivered when the broker has acknowledged it (with QoS 0: when it
 * has left).
 *
 * Each message on its way has a slot; the slot's number is the packet's identifier. What waits for a connection waits here no longer than `timeout`, and what
 * was sent and not acknowledged when a connection ends goes back to the outbox: it may arrive twice, under one id.
 */
#include "alerting/payload.h"
#include "alerting/sink.h"
#include "edge/mqtt_client.h"
#include "edge/mqtt_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPTION_RETAIN = MQTT_OWN_OPTIONS, OPTION_ENVELOPE, OPTION_SOURCE, OPTION_TEMPLATE, OPTION_PROPERTIES, OPTION_TIMEOUT };
/* Brokers bound what of QoS 2 may be half done, and hang up on more; those of 3.1.1 do not say how much. */
enum { MAX_IN_FLIGHT = 10000, MAX_HALF_DONE = 16 };

static const sink_option options[] = {
    MQTT_SHARED_OPTIONS("topic, with {fields} of the alert: alerts/{severity}/{rule}",
                        "messages that may wait for their acknowledgement; alerts of one key never do together"),
    [OPTION_RETAIN] = {"retain", EGRET_BOOL, "false", false, "the broker keeps the newest of each topic for who subscribes later"},
    [OPTION_ENVELOPE] = {"envelope", EGRET_STRING, NULL, false, "\"cloudevents\": the alert as `data` of a CloudEvents 1.0 event"},
    [OPTION_SOURCE] = {"cloudevents_source", EGRET_STRING, "/egret", false, "the envelope's `source`, before `/rules/` and the rule's name"},
    [OPTION_TEMPLATE] = {"template", EGRET_STRING, NULL, false, "a text with {fields} in place of the alert; JSON when it begins with {\""},
    [OPTION_PROPERTIES] = {"properties", EGRET_NULL, NULL, false, "user properties of the message (MQTT 5): { rule: \"{rule}\" }, with {fields} of the alert"},
    [OPTION_TIMEOUT] = {"timeout", EGRET_DURATION, "15s", false, "longest wait for a connection, and then for an acknowledgement"},
    {0},
};

typedef enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_SENT, SLOT_DONE } slot_state;

typedef struct slot {
    slot_state state;
    void *ticket;
    sink_message copy;
    int64_t since_ms;       /* monotonic */
    sink_result result;     /* of DONE */
    const char *reason;
    uint8_t code;
} slot;

typedef struct property {
    egret_str name;         /* of the settings */
    text_template value;
} property;

typedef struct mqtt_sink {
    mqtt_client *client;
    mqtt_address address;
    char *client_id;        /* owned */
    text_template topic;
    payload payload;
    json_writer topic_text, body, value;
    property *properties;   /* owned */
    size_t n_properties;
    egret_text property_bytes;
    mqtt_version version;
    uint8_t qos;
    bool retain;
    int64_t timeout_ms;
    slot *slots;            /* owned; number i has identifier i + 1 */
    size_t n_slots, n_busy, n_waiting, n_sent, n_done;
    char lost[300];         /* why the last connection ended */
} mqtt_sink;

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool say(sink_outcome *outcome, const char *reason)
{
    snprintf(outcome->reason, sizeof outcome->reason, "%s", reason);
    return false;
}

/* ---- slots ---- */

static void set_done(mqtt_sink *sink, slot *s, sink_result result, const char *reason, uint8_t code)
{
    if (s->state == SLOT_WAITING) sink->n_waiting--;
    if (s->state == SLOT_SENT) sink->n_sent--;
    s->state = SLOT_DONE;
    s->result = result;
    s->reason = reason;
    s->code = code;
    sink->n_done++;
}

static void acked(void *user, uint16_t id, uint8_t code)
{
    mqtt_sink *sink = user;
    if (id < 1 || id > sink->n_slots || sink->slots[id - 1].state != SLOT_SENT) return;
    bool never = code == 0x90 || code == 0x95 || code == 0x99;      /* the topic, the size, the format */
    set_done(sink, &sink->slots[id - 1], code == 0 ? SINK_SENT : never ? SINK_REFUSED : SINK_RETRY, "the broker refuses it", code);
}

static void lost(void *user, const char *why)
{
    mqtt_sink *sink = user;
    snprintf(sink->lost, sizeof sink->lost, "%s", why);
    for (size_t i = 0; i < sink->n_slots && sink->n_sent > 0; i++)
        if (sink->slots[i].state == SLOT_SENT) set_done(sink, &sink->slots[i], SINK_RETRY, sink->lost, 0);
}

static void log_nothing(void *user, int level, const char *text)
{
    (void)user, (void)level, (void)text;    /* the outbox says what becomes of alerts */
}

/* ---- opening ---- */

static bool check_settings(mqtt_sink *sink, const sink_settings *settings, sink_outcome *outcome)
{
    int64_t in_flight = settings->values[MQTT_IN_FLIGHT].u.i;
    const char *topic = settings->texts[MQTT_TOPIC];
    sink->timeout_ms = settings->values[OPTION_TIMEOUT].u.i;
    if (!mqtt_settings_check(settings, MAX_IN_FLIGHT, &sink->address, outcome->reason, sizeof outcome->reason)) return false;
    if (sink->timeout_ms < 100 || sink->timeout_ms > 600000) return say(outcome, "option 'timeout' goes from 100ms to 10m");
    if (!topic[0] || strlen(topic) > 4096 || strpbrk(topic, "+#")) return say(outcome, "option 'topic' is a topic without + and #");
    sink->version = settings->texts[MQTT_VERSION][0] == '5' ? MQTT_5 : MQTT_3;
    sink->qos = (uint8_t)settings->values[MQTT_QOS].u.i;
    sink->n_slots = sink->qos == 2 && in_flight > MAX_HALF_DONE ? MAX_HALF_DONE : (size_t)in_flight;
    if (settings->texts[OPTION_PROPERTIES] && sink->version != MQTT_5) return say(outcome, "option 'properties' needs version: \"5\"");
    return true;
}

static bool read_properties(mqtt_sink *sink, const char *lines)
{
    size_t n = 0;
    egret_str name, value;
    for (const char *at = lines; edge_map_next(&at, &name, &value);) n++;
    sink->properties = calloc(n + 1, sizeof *sink->properties);
    for (const char *at = lines; sink->properties && edge_map_next(&at, &name, &value);) {
        property *p = &sink->properties[sink->n_properties++];
        char *text = strndup(value.ptr, value.len);
        p->name = name;
        bool fine = text && template_read(&p->value, TEMPLATE_TEXT, text);
        free(text);
        if (!fine) return false;
    }
    return sink->properties != NULL;
}

static bool open_mqtt(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    mqtt_sink *sink = self;
    sink->retain = settings->values[OPTION_RETAIN].u.i != 0;
    egret_text_init(&sink->property_bytes, egret_mem_of(NULL));
    if (!check_settings(sink, settings, outcome)) return false;
    if (!payload_read(&sink->payload, settings->texts[OPTION_ENVELOPE], settings->texts[OPTION_SOURCE], settings->texts[OPTION_TEMPLATE],
                      outcome->reason, sizeof outcome->reason))
        return false;
    sink->slots = calloc(sink->n_slots, sizeof *sink->slots);
    sink->client_id = mqtt_client_id_make(settings, env->store_id, env->name ? env->name : "sink");
    if (!sink->slots || !sink->client_id || !template_read(&sink->topic, TEMPLATE_TOPIC, settings->texts[MQTT_TOPIC]) ||
        (settings->texts[OPTION_PROPERTIES] && !read_properties(sink, settings->texts[OPTION_PROPERTIES])))
        return say(outcome, "no memory");
    mqtt_client_options o = mqtt_settings_client(settings, &sink->address, sink->client_id);
    o.connect.receive_max = 10;
    o.log = log_nothing;
    o.acked = acked;
    o.lost = lost;
    o.user = sink;
    sink->client = mqtt_client_new(&o, outcome->reason, sizeof outcome->reason);
    return sink->client != NULL;
}

/* ---- sending ---- */

static size_t room(void *self)
{
    const mqtt_sink *sink = self;
    return sink->n_slots - sink->n_busy;
}

static void start(void *self, const sink_message *message, void *ticket)
{
    mqtt_sink *sink = self;
    slot *s = sink->slots;
    while (s->state != SLOT_FREE) s++;
    *s = (slot){.state = SLOT_WAITING, .ticket = ticket, .copy = *message, .since_ms = monotonic_ms()};
    sink->n_busy++;
    sink->n_waiting++;
}

/* Control characters have no place in a property. */
static void clean(json_writer *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->ptr[i] < 0x20 || text->ptr[i] == 0x7f) text->ptr[i] = '_';
}

/* False: no memory. *too_long: one does not fit a message. */
static bool render_properties(mqtt_sink *sink, json_span alert, bool *too_long)
{
    sink->property_bytes.len = 0;
    for (size_t i = 0; i < sink->n_properties; i++) {
        jsonw_reset(&sink->value);
        if (!template_render(&sink->properties[i].value, alert, &sink->value)) return false;
        *too_long = *too_long || sink->value.len > UINT16_MAX;
        if (*too_long) return true;
        clean(&sink->value);
        mqtt_put_property(&sink->property_bytes, sink->properties[i].name, (egret_str){sink->value.ptr, (uint32_t)sink->value.len});
    }
    return !sink->property_bytes.failed;
}

static void publish(mqtt_sink *sink, slot *s, int64_t now_ms)
{
    const sink_message *message = &s->copy;
    json_span alert = {message->bytes, message->len};
    mqtt_publish p = {.id = sink->qos > 0 ? (uint16_t)(s - sink->slots + 1) : 0, .qos = sink->qos, .retained = sink->retain,
                      .payload = message->bytes, .len = message->len};
    jsonw_reset(&sink->topic_text);
    bool fine = template_render(&sink->topic, alert, &sink->topic_text);
    p.topic = (egret_str){sink->topic_text.ptr, (uint32_t)sink->topic_text.len};
    bool too_long = sink->topic_text.len > UINT16_MAX;
    fine = fine && render_properties(sink, alert, &too_long);
    if (fine && too_long) {
        set_done(sink, s, SINK_REFUSED, "its topic, or a property, is longer than 65535 bytes", 0);
        return;
    }
    p.properties = (egret_str){sink->property_bytes.ptr, (uint32_t)sink->property_bytes.len};
    if (fine && sink->payload.kind != PAYLOAD_PLAIN) {
        fine = payload_render(&sink->payload, message, &sink->body);
        p.payload = sink->body.ptr;
        p.len = sink->body.len;
    }
    if (!fine || !mqtt_client_publish(sink->client, &p)) {
        set_done(sink, s, SINK_RETRY, "no memory", 0);
        return;
    }
    s->state = SLOT_SENT;
    s->since_ms = now_ms;
    sink->n_waiting--;
    sink->n_sent++;
    if (sink->qos == 0) set_done(sink, s, SINK_SENT, "", 0);
}

/* What waits goes out when there is a connection, or back when there was none for too long. */
static void move_on(mqtt_sink *sink)
{
    int64_t now_ms = monotonic_ms();
    bool up = mqtt_client_is_up(sink->client), silent = false;
    size_t most = mqtt_client_receive_max(sink->client);
    for (size_t i = 0; i < sink->n_slots && sink->n_waiting + sink->n_sent > 0; i++) {
        slot *s = &sink->slots[i];
        bool late = now_ms - s->since_ms > sink->timeout_ms;
        if (s->state == SLOT_WAITING && up && (most == 0 || sink->n_sent < most)) publish(sink, s, now_ms);
        else if (s->state == SLOT_WAITING && !up && late) {
            const char *why = mqtt_client_trouble(sink->client);
            snprintf(sink->lost, sizeof sink->lost, "%s", why[0] ? why : "no connection");
            set_done(sink, s, SINK_RETRY, sink->lost, 0);
        } else if (s->state == SLOT_SENT && late) {
            silent = true;
        }
    }
    if (silent) mqtt_client_reset(sink->client, "the broker acknowledges nothing");
}

static void tell(mqtt_sink *sink, sink_done_fn done, void *user)
{
    for (size_t i = 0; i < sink->n_slots && sink->n_done > 0; i++) {
        slot *s = &sink->slots[i];
        if (s->state != SLOT_DONE) continue;
        sink_outcome outcome = {0};
        if (s->code != 0) snprintf(outcome.reason, sizeof outcome.reason, "%s: %s", s->reason, mqtt_code_text(sink->version, s->code));
        else if (s->result != SINK_SENT) say(&outcome, s->reason);
        void *ticket = s->ticket;
        sink_result result = s->result;
        s->state = SLOT_FREE;
        sink->n_busy--;
        sink->n_done--;
        done(user, ticket, result, &outcome);
    }
}

static void poll_mqtt(void *self, int64_t wait_ms, sink_done_fn done, void *user)
{
    mqtt_sink *sink = self;
    mqtt_message message;
    move_on(sink);
    int64_t most = sink->n_busy > 0 && wait_ms > 200 ? 200 : wait_ms;   /* timeouts are looked at so often */
    (void)mqtt_client_next(sink->client, sink->n_done > 0 ? 0 : (int)(most > 60000 ? 60000 : most), &message);
    move_on(sink);
    if (sink->n_sent > 0) (void)mqtt_client_next(sink->client, 0, &message);
    tell(sink, done, user);
}

static void wake(void *self)
{
    const mqtt_sink *sink = self;
    mqtt_client_wake(sink->client);
}

static void close_mqtt(void *self)
{
    mqtt_sink *sink = self;
    mqtt_client_free(sink->client);
    template_deinit(&sink->topic);
    payload_deinit(&sink->payload);
    jsonw_deinit(&sink->topic_text);
    jsonw_deinit(&sink->body);
    jsonw_deinit(&sink->value);
    egret_text_deinit(&sink->property_bytes);
    for (size_t i = 0; i < sink->n_properties; i++) template_deinit(&sink->properties[i].value);
    free(sink->properties);
    mqtt_address_deinit(&sink->address);
    free(sink->client_id);
    free(sink->slots);
}

const sink_kind sink_kind_mqtt = {
    .name = "mqtt",
    .summary = "a message per alert for an MQTT broker, 3.1.1 or 5",
    .options = options,
    .size = sizeof(mqtt_sink),
    .open = open_mqtt,
    .room = room,
    .start = start,
    .poll = poll_mqtt,
    .wake = wake,
    .close = close_mqtt,
};
