/*
 * feed_mqtt.c: MQTT as a source: one topic filter or several, each message a record (or several).
 *
 * What a message says beside its payload (levels of its topic, whether it was retained) goes into the record as fields, by `fields`; they stand
 * first in the object, so that no payload can say something else under their names. A payload that is no object can become one, by `value_field`.
 */
#include "edge/mqtt_client.h"
#include "edge/mqtt_options.h"
#include "ingest/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_FIELDS = MQTT_OWN_OPTIONS, OPTION_VALUE_FIELD, OPTION_DURABLE };
enum { MAX_LEVELS = 64, PADDING = 64, MAX_IN_FLIGHT = 65535 };

static const edge_option options[] = {
    MQTT_SHARED_OPTIONS("topic filter; + stands for one level, # for the rest; $share/group/… shares it; several are separated by commas",
                        "messages that may wait for their acknowledgement (MQTT 5; with 3.1.1 the broker decides)"),
    [OPTION_FIELDS] = {"fields", EGRET_NULL, NULL, false,
                       "fields from the message: { line: \"topic.2\" } is the second level of its topic; also topic, retained, qos, and with MQTT 5 "
                       "property.NAME"},
    [OPTION_VALUE_FIELD] = {"value_field", EGRET_STRING, NULL, false, "a payload that is no JSON object becomes this field: a number, or text"},
    [OPTION_DURABLE] = {"durable", EGRET_BOOL, "true", false, "acknowledge when the events are in the journal; false: when they have come"},
    {0},
};

typedef enum part { PART_TOPIC, PART_LEVEL, PART_RETAINED, PART_QOS, PART_PROPERTY } part;

typedef struct extra_field {
    egret_text name;        /* as JSON, with quotes and colon */
    part part;
    uint32_t level;         /* from 1 */
    egret_str property;     /* its name, of the settings */
} extra_field;

typedef struct mqtt_feed {
    const ingest_feed_host *host;
    mqtt_client *client;
    mqtt_address address;
    char *client_id;                        /* owned */
    extra_field *fields;                    /* owned */
    size_t n_fields;
    const char *value_field, *filters;      /* of the settings; value_field NULL: none */
    egret_text body;                        /* of the message at hand, when it is not the payload */
    const char *trouble;
} mqtt_feed;

static bool complain(char *reason, size_t size, const char *sentence)
{
    snprintf(reason, size, "%s", sentence);
    return false;
}

/* ---- opening ---- */

static bool begins(egret_str text, const char *prefix)
{
    return text.len > strlen(prefix) && memcmp(text.ptr, prefix, strlen(prefix)) == 0;
}

/* The N of topic.N; 0: it is no such number. */
static uint32_t read_level(egret_str text)
{
    uint32_t level = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || level > MAX_LEVELS) return 0;
        level = level * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    return level <= MAX_LEVELS ? level : 0;
}

/* topic, topic.N, retained, qos, property.NAME */
static bool read_part(egret_str text, extra_field *field)
{
    if (egret_str_is(text, "topic")) field->part = PART_TOPIC;
    else if (egret_str_is(text, "retained")) field->part = PART_RETAINED;
    else if (egret_str_is(text, "qos")) field->part = PART_QOS;
    else if (begins(text, "topic.")) {
        field->part = PART_LEVEL;
        field->level = read_level((egret_str){text.ptr + 6, text.len - 6});
        return field->level > 0;
    } else if (begins(text, "property.")) {
        field->part = PART_PROPERTY;
        field->property = (egret_str){text.ptr + 9, text.len - 9};
    } else {
        return false;
    }
    return true;
}

static bool read_fields(mqtt_feed *feed, const char *lines, bool has_properties, char *reason, size_t size)
{
    size_t n = 0;
    egret_str key, value;
    const char *at = lines;
    while (edge_map_next(&at, &key, &value)) n++;
    feed->fields = calloc(n + 1, sizeof *feed->fields);
    if (!feed->fields) return complain(reason, size, "no memory");
    for (at = lines; edge_map_next(&at, &key, &value);) {
        extra_field *field = &feed->fields[feed->n_fields++];
        egret_text_init(&field->name, egret_mem_of(NULL));
        egret_text_put_json(&field->name, key.ptr, key.len);
        egret_text_puts(&field->name, ":");
        if (field->name.failed) return complain(reason, size, "no memory");
        if (!read_part(value, field)) {
            snprintf(reason, size, "option 'fields': '%.*s' is none of topic, topic.1 to topic.%d, retained, qos, property.NAME", (int)value.len, value.ptr,
                     MAX_LEVELS);
            return false;
        }
        if (field->part == PART_PROPERTY && !has_properties) return complain(reason, size, "option 'fields': messages have properties with version: \"5\" only");
    }
    return true;
}

static bool open_feed(void *self, const edge_settings *settings, const ingest_feed_host *host, char *reason, size_t size)
{
    mqtt_feed *feed = self;
    egret_str filter;
    const char *lines = settings->texts[OPTION_FIELDS], *first = feed->filters = settings->texts[MQTT_TOPIC];
    feed->host = host;
    feed->value_field = settings->texts[OPTION_VALUE_FIELD];
    egret_text_init(&feed->body, egret_mem_of(NULL));
    if (!mqtt_settings_check(settings, MAX_IN_FLIGHT, &feed->address, reason, size)) return false;
    if (!mqtt_filter_next(&first, &filter) || strlen(feed->filters) > 65535) return complain(reason, size, "option 'topic' is empty, or too long");
    if (lines && !read_fields(feed, lines, settings->texts[MQTT_VERSION][0] == '5', reason, size)) return false;
    feed->client_id = mqtt_client_id_make(settings, host->store_id, host->source);
    if (!feed->client_id) return complain(reason, size, "no memory");
    mqtt_client_options o = mqtt_settings_client(settings, &feed->address, feed->client_id);
    o.connect.keep_session = true;
    o.filters = feed->filters;
    o.qos = (uint8_t)settings->values[MQTT_QOS].u.i;
    o.keep_first = settings->values[OPTION_DURABLE].u.i != 0;
    o.log = host->log;
    o.log_user = host->user;
    feed->client = mqtt_client_new(&o, reason, size);
    return feed->client != NULL;
}

/* ---- messages ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A number as JSON writes them, true, false, or a string: what may stand as a value as it is. */
static bool is_value(const char *ptr, size_t len)
{
    size_t i = 0, digits = 0;
    if ((len == 4 && memcmp(ptr, "true", 4) == 0) || (len == 5 && memcmp(ptr, "false", 5) == 0)) return true;
    if (ptr[0] == '"') return len > 1 && ptr[len - 1] == '"';
    if (ptr[i] == '-') i++;
    if (i + 1 < len && ptr[i] == '0' && ptr[i + 1] >= '0' && ptr[i + 1] <= '9') return false;
    for (; i < len && ptr[i] >= '0' && ptr[i] <= '9'; i++) digits++;
    if (digits == 0) return false;
    if (i < len && ptr[i] == '.') {
        for (i++, digits = 0; i < len && ptr[i] >= '0' && ptr[i] <= '9'; i++) digits++;
        if (digits == 0) return false;
    }
    return i == len;
}

static egret_str level_of(egret_str topic, uint32_t level)
{
    const char *at = topic.ptr, *end = topic.ptr + topic.len;
    for (; level > 1; level--) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (!slash) return (egret_str){NULL, 0};
        at = slash + 1;
    }
    const char *slash = memchr(at, '/', (size_t)(end - at));
    return (egret_str){at, (uint32_t)((slash ? slash : end) - at)};
}

/* The first property of that name; NULL: there is none. */
static egret_str property_of(egret_str properties, egret_str wanted)
{
    egret_str name, value;
    while (mqtt_property_next(&properties, &name, &value))
        if (egret_str_eq(name, wanted)) return value;
    return (egret_str){NULL, 0};
}

static void put_text_or_null(egret_text *out, egret_str text)
{
    if (text.ptr) egret_text_put_json(out, text.ptr, text.len);
    else egret_text_puts(out, "null");
}

static void put_part(egret_text *out, const extra_field *field, const mqtt_publish *p)
{
    switch (field->part) {
    case PART_TOPIC: egret_text_put_json(out, p->topic.ptr, p->topic.len); return;
    case PART_RETAINED: egret_text_puts(out, p->retained ? "true" : "false"); return;
    case PART_QOS: egret_text_printf(out, "%u", p->qos); return;
    case PART_LEVEL: put_text_or_null(out, level_of(p->topic, field->level)); return;
    case PART_PROPERTY: put_text_or_null(out, property_of(p->properties, field->property)); return;
    }
}

/* The rest of an object behind its '{', or the payload as the value field, into a body that has begun. False: it is no record we can add to. */
static bool put_payload(mqtt_feed *feed, const char *ptr, size_t len)
{
    egret_text *out = &feed->body;
    const char *comma = feed->n_fields > 0 ? "," : "";
    if (ptr[0] == '{') {
        size_t at = 1;
        while (at < len && is_space(ptr[at])) at++;
        if (at < len && ptr[at] != '}') egret_text_puts(out, comma);
        egret_text_put(out, ptr + 1, len - 1);
        return true;
    }
    if (!feed->value_field) return false;
    egret_text_puts(out, comma);
    egret_text_put_json(out, feed->value_field, strlen(feed->value_field));
    egret_text_puts(out, ":");
    if (is_value(ptr, len)) egret_text_put(out, ptr, len);
    else egret_text_put_json(out, ptr, len);
    egret_text_puts(out, "}");
    return true;
}

/* Body and readable of `out`. False: no memory. */
static bool make_body(mqtt_feed *feed, const mqtt_publish *p, size_t readable, ingest_message *out)
{
    static const char zeros[PADDING];
    const char *ptr = p->payload;
    size_t len = p->len;
    while (len > 0 && is_space(ptr[0])) ptr++, len--, readable--;
    while (len > 0 && is_space(ptr[len - 1])) len--;
    *out = (ingest_message){.ptr = len > 0 ? ptr : NULL, .len = len, .readable = readable};
    if (len == 0 || (feed->n_fields == 0 && (ptr[0] == '{' || !feed->value_field))) return true;
    feed->body.len = 0;
    egret_text_puts(&feed->body, "{");
    for (size_t i = 0; i < feed->n_fields; i++) {
        if (i > 0) egret_text_puts(&feed->body, ",");
        egret_text_put(&feed->body, feed->fields[i].name.ptr, feed->fields[i].name.len);
        put_part(&feed->body, &feed->fields[i], p);
    }
    if (!put_payload(feed, ptr, len)) return true;  /* as it came: the decoder says what is wrong with it */
    out->len = feed->body.len;
    egret_text_put(&feed->body, zeros, sizeof zeros);
    out->ptr = feed->body.ptr;
    out->readable = feed->body.len;
    return !feed->body.failed;
}

static ingest_polled poll_feed(void *self, int timeout_ms, ingest_message *out)
{
    mqtt_feed *feed = self;
    mqtt_message message;
    mqtt_next got = mqtt_client_next(feed->client, timeout_ms, &message);
    if (got == MQTT_NEXT_NOTHING) return INGEST_POLLED_NOTHING;
    if (got == MQTT_NEXT_NO_MEMORY || !make_body(feed, &message.publish, message.readable, out)) {
        feed->trouble = "no memory";
        return INGEST_POLLED_FAILED;
    }
    /* The broker's session may hold what an earlier declaration had subscribed to. */
    if (!mqtt_filters_want(feed->filters, message.publish.topic)) out->ptr = NULL;
    out->position = message.number;
    out->next.offset = message.number;
    return INGEST_POLLED_MESSAGE;
}

static void hold(void *self, bool held)
{
    mqtt_feed *feed = self;
    mqtt_client_hold(feed->client, held);
}

static void committed(void *self, uint32_t partition, uint64_t next)
{
    mqtt_feed *feed = self;
    (void)partition;
    mqtt_client_kept(feed->client, next);
}

static const char *trouble(void *self)
{
    const mqtt_feed *feed = self;
    return feed->trouble;
}

static void numbers(void *self, ingest_feed_numbers *out)
{
    const mqtt_feed *feed = self;
    mqtt_client_numbers n;
    mqtt_client_count(feed->client, &n);
    *out = (ingest_feed_numbers){.reconnects = n.reconnects, .errors = n.errors, .connected = n.connected};
}

static void close_feed(void *self)
{
    mqtt_feed *feed = self;
    mqtt_client_free(feed->client);
    for (size_t i = 0; i < feed->n_fields; i++) egret_text_deinit(&feed->fields[i].name);
    egret_text_deinit(&feed->body);
    free(feed->fields);
    free(feed->client_id);
    mqtt_address_deinit(&feed->address);
}

const ingest_feed_kind ingest_feed_mqtt = {
    .name = "mqtt",
    .summary = "messages of a topic of an MQTT broker, 3.1.1 or 5",
    .example = "source plant: mqtt { url: \"mqtt://127.0.0.1:1883\"  topic: \"plant/+/temperature\"  fields: { line: \"topic.2\" }  stream: reading }",
    .options = options,
    .size = sizeof(mqtt_feed),
    .open = open_feed,
    .poll = poll_feed,
    .hold = hold,
    .committed = committed,
    .trouble = trouble,
    .numbers = numbers,
    .close = close_feed,
};
