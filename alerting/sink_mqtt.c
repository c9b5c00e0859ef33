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

enum {
    OPTION_URL, OPTION_TOPIC, OPTION_QOS, OPTION_RETAIN, OPTION_ENVELOPE, OPTION_SOURCE, OPTION_TEMPLATE, OPTION_VERSION, OPTION_CLIENT_ID,
    OPTION_USER, OPTION_PASSWORD, OPTION_CA, OPTION_CERT, OPTION_KEY, OPTION_KEEP_ALIVE, OPTION_IN_FLIGHT, OPTION_TIMEOUT
};
/* Brokers bound what of QoS 2 may be half done, and hang up on more; those of 3.1.1 do not say how much. */
enum { MAX_IN_FLIGHT = 10000, MAX_HALF_DONE = 16 };

static const sink_option options[] = {
    [OPTION_URL] = {"url", EGRET_STRING, NULL, true, "mqtt://host:1883, or mqtts://host:8883 for TLS"},
    [OPTION_TOPIC] = {"topic", EGRET_STRING, NULL, true, "topic, with {fields} of the alert: alerts/{severity}/{rule}"},
    [OPTION_QOS] = {"qos", EGRET_INT, "1", false, "0, 1 or 2"},
    [OPTION_RETAIN] = {"retain", EGRET_BOOL, "false", false, "the broker keeps the newest of each topic for who subscribes later"},
    [OPTION_ENVELOPE] = {"envelope", EGRET_STRING, NULL, false, "\"cloudevents\": the alert as `data` of a CloudEvents 1.0 event"},
    [OPTION_SOURCE] = {"cloudevents_source", EGRET_STRING, "/egret", false, "the envelope's `source`, before `/rules/` and the rule's name"},
    [OPTION_TEMPLATE] = {"template", EGRET_STRING, NULL, false, "a text with {fields} in place of the alert; JSON when it begins with {\""},
    [OPTION_VERSION] = {"version", EGRET_STRING, "3.1.1", false, "of MQTT: 3.1.1 or 5"},
    [OPTION_CLIENT_ID] = {"client_id", EGRET_STRING, NULL, false, "without: made of the data folder's id and the sink's name"},
    [OPTION_USER] = {"user", EGRET_STRING, NULL, false, "user name"},
    [OPTION_PASSWORD] = {"password", EGRET_STRING, NULL, false, "password; better from env(\"NAME\")"},
    [OPTION_CA] = {"ca", EGRET_STRING, NULL, false, "file with the certificates (PEM) that may sign the broker's; without: those of the system"},
    [OPTION_CERT] = {"cert", EGRET_STRING, NULL, false, "file with our certificate (PEM), for brokers that ask for one"},
    [OPTION_KEY] = {"key", EGRET_STRING, NULL, false, "file with its key (PEM)"},
    [OPTION_KEEP_ALIVE] = {"keep_alive", EGRET_DURATION, "30s", false, "longest silence towards the broker"},
    [OPTION_IN_FLIGHT] = {"in_flight", EGRET_INT, "1000", false, "messages that may wait for their acknowledgement; alerts of one key never do together"},
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

typedef struct mqtt_sink {
    const sink_env *env;
    mqtt_client *client;
    mqtt_address address;
    char *client_id;        /* owned */
    text_template topic;
    payload payload;
    json_writer topic_text, body;
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
    int64_t qos = settings->values[OPTION_QOS].u.i, keep_alive_ms = settings->values[OPTION_KEEP_ALIVE].u.i;
    int64_t in_flight = settings->values[OPTION_IN_FLIGHT].u.i;
    const char *version = settings->texts[OPTION_VERSION], *topic = settings->texts[OPTION_TOPIC];
    sink->timeout_ms = settings->values[OPTION_TIMEOUT].u.i;
    if (qos < 0 || qos > 2) return say(outcome, "option 'qos' is 0, 1 or 2");
    if (keep_alive_ms < 5000 || keep_alive_ms > 3600000) return say(outcome, "option 'keep_alive' goes from 5s to 1h");
    if (in_flight < 1 || in_flight > MAX_IN_FLIGHT) return say(outcome, "option 'in_flight' goes from 1 to 10000");
    if (sink->timeout_ms < 100 || sink->timeout_ms > 600000) return say(outcome, "option 'timeout' goes from 100ms to 10m");
    if (strcmp(version, "3.1.1") != 0 && strcmp(version, "5") != 0) return say(outcome, "option 'version' is \"3.1.1\" or \"5\"");
    if (!settings->texts[OPTION_CERT] != !settings->texts[OPTION_KEY]) return say(outcome, "options 'cert' and 'key' go together");
    if (!topic[0] || strlen(topic) > 4096 || strpbrk(topic, "+#")) return say(outcome, "option 'topic' is a topic without + and #");
    sink->version = version[0] == '5' ? MQTT_5 : MQTT_3;
    sink->qos = (uint8_t)qos;
    sink->n_slots = qos == 2 && in_flight > MAX_HALF_DONE ? MAX_HALF_DONE : (size_t)in_flight;
    return mqtt_address_read(&sink->address, settings->texts[OPTION_URL], outcome->reason, sizeof outcome->reason);
}

static bool make_client_id(mqtt_sink *sink, const sink_settings *settings)
{
    const char *written = settings->texts[OPTION_CLIENT_ID];
    const sink_env *env = sink->env;
    if (written) return (sink->client_id = strdup(written)) != NULL;
    if (asprintf(&sink->client_id, "egret-%.8s-%s", env->store_id ? env->store_id : "none", env->name ? env->name : "sink") >= 0) return true;
    sink->client_id = NULL;
    return false;
}

static bool open_mqtt(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    mqtt_sink *sink = self;
    sink->env = env;
    sink->retain = settings->values[OPTION_RETAIN].u.i != 0;
    if (!check_settings(sink, settings, outcome)) return false;
    if (!payload_read(&sink->payload, settings->texts[OPTION_ENVELOPE], settings->texts[OPTION_SOURCE], settings->texts[OPTION_TEMPLATE],
                      outcome->reason, sizeof outcome->reason))
        return false;
    sink->slots = calloc(sink->n_slots, sizeof *sink->slots);
    if (!sink->slots || !template_read(&sink->topic, TEMPLATE_TOPIC, settings->texts[OPTION_TOPIC]) || !make_client_id(sink, settings))
        return say(outcome, "no memory");
    mqtt_client_options o = {
        .link = {sink->address.host, sink->address.port, sink->address.tls, settings->texts[OPTION_CA], settings->texts[OPTION_CERT],
                 settings->texts[OPTION_KEY]},
        .connect = {.version = sink->version, .client_id = sink->client_id, .user = settings->texts[OPTION_USER],
                    .password = settings->texts[OPTION_PASSWORD], .receive_max = 10,
                    .keep_alive_s = (uint16_t)(settings->values[OPTION_KEEP_ALIVE].u.i / 1000)},
        .log = log_nothing, .acked = acked, .lost = lost, .user = sink};
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

static void publish(mqtt_sink *sink, slot *s, int64_t now_ms)
{
    const sink_message *message = &s->copy;
    json_span alert = {message->bytes, message->len};
    mqtt_publish p = {.id = sink->qos > 0 ? (uint16_t)(s - sink->slots + 1) : 0, .qos = sink->qos, .retained = sink->retain,
                      .payload = message->bytes, .len = message->len};
    jsonw_reset(&sink->topic_text);
    bool fine = template_render(&sink->topic, alert, &sink->topic_text);
    p.topic = (egret_str){sink->topic_text.ptr, (uint32_t)sink->topic_text.len};
    if (fine && sink->topic_text.len > UINT16_MAX) {
        set_done(sink, s, SINK_REFUSED, "its topic is longer than 65535 bytes", 0);
        return;
    }
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
