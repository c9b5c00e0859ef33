/*
 * mqtt_packet.c: see mqtt_packet.h. Everything read is checked against the bytes that are there; a property that is not known ends the reading
 * of the packet, as its length cannot be known either.
 */
#include "edge/mqtt_packet.h"

#include <string.h>

enum { USER_PROPERTY = 0x26 };

/* ---- reading ---- */

typedef struct cursor {
    const unsigned char *at, *end;
    bool failed;
} cursor;

static cursor cursor_of(const mqtt_packet *packet)
{
    const unsigned char *body = (const unsigned char *)packet->body;
    return (cursor){body, body + packet->len, false};
}

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

static uint8_t take8(cursor *c)
{
    if (left(c) < 1) {
        c->failed = true;
        return 0;
    }
    return *c->at++;
}

static uint16_t take16(cursor *c)
{
    uint16_t high = take8(c);
    return (uint16_t)(high << 8 | take8(c));
}

static void skip(cursor *c, size_t n)
{
    if (left(c) < n) c->failed = true;
    else c->at += n;
}

static egret_str take_text(cursor *c)
{
    uint16_t len = take16(c);
    egret_str text = {(const char *)c->at, len};
    skip(c, len);
    return c->failed ? (egret_str){"", 0} : text;
}

/* 7 bits a byte, at most four of them. */
static uint32_t take_varint(cursor *c)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = take8(c);
        value |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) return value;
    }
    c->failed = true;
    return 0;
}

/* Skips one property's value. */
static void skip_property(cursor *c, uint8_t id)
{
    switch (id) {
    case 0x01: case 0x17: case 0x19: case 0x24: case 0x25: case 0x28: case 0x29: case 0x2a: skip(c, 1); return;
    case 0x13: case 0x21: case 0x22: case 0x23: skip(c, 2); return;
    case 0x02: case 0x11: case 0x18: case 0x27: skip(c, 4); return;
    case 0x0b: (void)take_varint(c); return;
    case 0x03: case 0x08: case 0x09: case 0x12: case 0x15: case 0x16: case 0x1a: case 0x1c: case 0x1f: (void)take_text(c); return;
    case USER_PROPERTY: (void)take_text(c), (void)take_text(c); return;
    default: c->failed = true;
    }
}

static egret_str take_all_properties(cursor *c)
{
    uint32_t len = take_varint(c);
    egret_str all = {(const char *)c->at, len};
    skip(c, len);
    return c->failed ? (egret_str){"", 0} : all;
}

/* The two bytes of property `wanted`; 0 when it is not there. */
static uint16_t take_properties(cursor *c, uint8_t wanted)
{
    uint16_t found = 0;
    uint32_t len = take_varint(c);
    if (c->failed || len > left(c)) {
        c->failed = true;
        return 0;
    }
    cursor inside = {c->at, c->at + len, false};
    while (left(&inside) > 0 && !inside.failed) {
        uint8_t id = take8(&inside);
        if (id == wanted) found = take16(&inside);
        else skip_property(&inside, id);
    }
    c->at = inside.end;
    c->failed = inside.failed;
    return found;
}

mqtt_got mqtt_packet_read(const char *ptr, size_t len, size_t cap, mqtt_packet *out, size_t *used)
{
    uint32_t whole = 0;
    size_t at = 1;
    if (len < 2) return MQTT_GOT_PART;
    for (int i = 0;; i++) {
        if (i == 4) return MQTT_GOT_BROKEN;
        if (at >= len) return MQTT_GOT_PART;
        unsigned char byte = (unsigned char)ptr[at++];
        whole |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) break;
    }
    size_t wanted = whole < cap ? whole : cap;
    if (len - at < wanted) return MQTT_GOT_PART;
    *out = (mqtt_packet){(mqtt_type)((unsigned char)ptr[0] >> 4), (uint8_t)(ptr[0] & 0x0f), ptr + at, wanted, whole};
    *used = at + wanted;
    return MQTT_GOT_PACKET;
}

bool mqtt_publish_read(const mqtt_packet *packet, mqtt_version version, mqtt_publish *out)
{
    cursor c = cursor_of(packet);
    *out = (mqtt_publish){.qos = (packet->flags >> 1) & 3, .duplicate = (packet->flags & 8) != 0, .retained = (packet->flags & 1) != 0};
    out->topic = take_text(&c);
    if (out->qos > 0) out->id = take16(&c);
    if (version == MQTT_5) out->properties = take_all_properties(&c);
    out->payload = (const char *)c.at;
    out->len = left(&c);
    return !c.failed && out->qos < 3 && out->topic.len > 0 && (out->qos == 0 || out->id != 0);
}

bool mqtt_connack_read(const mqtt_packet *packet, mqtt_version version, mqtt_connack *out)
{
    cursor c = cursor_of(packet);
    *out = (mqtt_connack){.session_present = (take8(&c) & 1) != 0};
    out->code = take8(&c);
    /* A broker of 3.1.1 that refuses version 5 answers in its own words, without properties. */
    if (version == MQTT_5 && left(&c) > 0) {
        cursor again = c;
        out->keep_alive_s = take_properties(&c, 0x13);
        out->receive_max = take_properties(&again, 0x21);
    }
    return !c.failed;
}

bool mqtt_suback_read(const mqtt_packet *packet, mqtt_version version, const uint8_t **codes, size_t *n)
{
    cursor c = cursor_of(packet);
    (void)take16(&c);
    if (version == MQTT_5) (void)take_all_properties(&c);
    *codes = c.at;
    *n = left(&c);
    return !c.failed && *n > 0;
}

bool mqtt_property_next(egret_str *at, egret_str *name, egret_str *value)
{
    if (at->len == 0) return false;
    const unsigned char *bytes = (const unsigned char *)at->ptr;
    cursor c = {bytes, bytes + at->len, false};
    while (left(&c) > 0 && !c.failed) {
        uint8_t id = take8(&c);
        if (id != USER_PROPERTY) {
            skip_property(&c, id);
            continue;
        }
        *name = take_text(&c);
        *value = take_text(&c);
        *at = (egret_str){(const char *)c.at, (uint32_t)left(&c)};
        return !c.failed;
    }
    return false;
}

bool mqtt_id_read(const mqtt_packet *packet, uint16_t *id)
{
    cursor c = cursor_of(packet);
    *id = take16(&c);
    return !c.failed && *id != 0;
}

uint8_t mqtt_ack_code(const mqtt_packet *packet)
{
    return packet->len > 2 ? (uint8_t)packet->body[2] : 0;
}

/* ---- writing ---- */

static void put8(egret_text *out, unsigned value)
{
    char byte = (char)value;
    egret_text_put(out, &byte, 1);
}

static void put16(egret_text *out, unsigned value)
{
    put8(out, value >> 8);
    put8(out, value & 0xff);
}

static void put_str(egret_text *out, egret_str text)
{
    put16(out, text.len);
    egret_text_put(out, text.ptr, text.len);
}

static void put_text(egret_text *out, const char *text)
{
    put_str(out, (egret_str){text, (uint32_t)strlen(text)});
}

static void put_varint(egret_text *out, size_t value)
{
    do {
        unsigned byte = value & 0x7f;
        value >>= 7;
        put8(out, value > 0 ? byte | 0x80 : byte);
    } while (value > 0);
}

static void put_packet(egret_text *out, mqtt_type type, unsigned flags, const egret_text *body)
{
    put8(out, (unsigned)type << 4 | flags);
    put_varint(out, body->len);
    egret_text_put(out, body->ptr, body->len);
    out->failed = out->failed || body->failed;
}

void mqtt_put_connect(egret_text *out, const mqtt_connect *connect)
{
    egret_text body;
    egret_text_init(&body, out->mem);
    put_text(&body, "MQTT");
    put8(&body, connect->version);
    put8(&body, (connect->user ? 0x80u : 0) | (connect->password ? 0x40u : 0) | (connect->keep_session ? 0 : 0x02u));
    put16(&body, connect->keep_alive_s);
    if (connect->version == MQTT_5) {
        put_varint(&body, connect->keep_session ? 8 : 3);
        if (connect->keep_session) {
            put8(&body, 0x11);      /* session expiry: never */
            put16(&body, 0xffff);
            put16(&body, 0xffff);
        }
        put8(&body, 0x21);          /* receive maximum */
        put16(&body, connect->receive_max);
    }
    put_text(&body, connect->client_id);
    if (connect->user) put_text(&body, connect->user);
    if (connect->password) put_text(&body, connect->password);
    put_packet(out, MQTT_CONNECT, 0, &body);
    egret_text_deinit(&body);
}

void mqtt_put_subscribe(egret_text *out, mqtt_version version, uint16_t id, const char *filters, uint8_t qos)
{
    egret_text body;
    egret_str filter;
    egret_text_init(&body, out->mem);
    put16(&body, id);
    if (version == MQTT_5) put_varint(&body, 0);
    while (mqtt_filter_next(&filters, &filter)) {
        put_str(&body, filter);
        put8(&body, qos);
    }
    put_packet(out, MQTT_SUBSCRIBE, 2, &body);
    egret_text_deinit(&body);
}

void mqtt_put_publish(egret_text *out, mqtt_version version, const mqtt_publish *p)
{
    egret_text properties;      /* their length, as it stands before them */
    egret_text_init(&properties, out->mem);
    if (version == MQTT_5) put_varint(&properties, p->properties.len);
    size_t len = 2 + p->topic.len + (p->qos > 0 ? 2u : 0) + properties.len + (version == MQTT_5 ? p->properties.len : 0) + p->len;
    put8(out, (unsigned)MQTT_PUBLISH << 4 | (unsigned)p->qos << 1 | p->retained);
    put_varint(out, len);
    put16(out, p->topic.len);
    egret_text_put(out, p->topic.ptr, p->topic.len);
    if (p->qos > 0) put16(out, p->id);
    egret_text_put(out, properties.ptr, properties.len);
    if (version == MQTT_5) egret_text_put(out, p->properties.ptr, p->properties.len);
    egret_text_put(out, p->payload, p->len);
    out->failed = out->failed || properties.failed;
    egret_text_deinit(&properties);
}

void mqtt_put_property(egret_text *out, egret_str name, egret_str value)
{
    put8(out, USER_PROPERTY);
    put_str(out, name);
    put_str(out, value);
}

void mqtt_put_ack(egret_text *out, mqtt_type type, uint16_t id)
{
    put8(out, (unsigned)type << 4 | (type == MQTT_PUBREL ? 2u : 0));
    put8(out, 2);
    put16(out, id);
}

void mqtt_put_empty(egret_text *out, mqtt_type type)
{
    put8(out, (unsigned)type << 4);
    put8(out, 0);
}

/* ---- filters ---- */

bool mqtt_filter_next(const char **at, egret_str *filter)
{
    const char *begin = *at + strspn(*at, " ,"), *end = begin + strcspn(begin, ",");
    *at = end;
    while (end > begin && end[-1] == ' ') end--;
    *filter = (egret_str){begin, (uint32_t)(end - begin)};
    return end > begin;
}

/* The level at the beginning of a text, which goes on behind it; its slash too. */
static egret_str take_level(egret_str *text, bool *more)
{
    const char *slash = text->len > 0 ? memchr(text->ptr, '/', text->len) : NULL;
    egret_str level = {text->ptr, slash ? (uint32_t)(slash - text->ptr) : text->len};
    uint32_t used = level.len + (slash != NULL);
    *text = (egret_str){text->ptr + used, text->len - used};
    *more = slash != NULL;
    return level;
}

static bool wants(egret_str filter, egret_str topic)
{
    bool more_filter = true, more_topic = true;
    if (filter.len > 7 && memcmp(filter.ptr, "$share/", 7) == 0) {
        (void)take_level(&filter, &more_filter);
        (void)take_level(&filter, &more_filter);
    }
    if (topic.len > 0 && topic.ptr[0] == '$' && filter.len > 0 && filter.ptr[0] != '$') return false;   /* the broker's own are asked for by name */
    while (more_filter) {
        egret_str level = take_level(&filter, &more_filter);
        if (egret_str_is(level, "#")) return true;
        if (!more_topic) return false;
        egret_str name = take_level(&topic, &more_topic);
        if (!egret_str_is(level, "+") && !egret_str_eq(level, name)) return false;
        if (!more_topic && more_filter && filter.len == 1 && filter.ptr[0] == '#') return true;     /* a/# wants a, too */
    }
    return !more_topic;
}

bool mqtt_filters_want(const char *filters, egret_str topic)
{
    egret_str filter;
    while (mqtt_filter_next(&filters, &filter))
        if (wants(filter, topic)) return true;
    return false;
}

const char *mqtt_code_text(mqtt_version version, uint8_t code)
{
    static const char *const old[] = {"accepted", "it does not speak this version of MQTT", "it does not take this client_id",
                                      "it is not available", "bad user name or password", "not authorized"};
    static const struct { uint8_t code; const char *text; } codes[] = {
        {0x80, "refused"}, {0x81, "malformed packet"}, {0x82, "protocol error"}, {0x83, "it refuses this client"},
        {0x84, "it does not speak this version of MQTT"}, {0x85, "it does not take this client_id"}, {0x86, "bad user name or password"},
        {0x87, "not authorized"}, {0x88, "it is not available"}, {0x89, "it is busy"}, {0x8a, "this client is banned"},
        {0x8b, "it is shutting down"}, {0x8e, "another client has taken over this client_id"}, {0x8f, "the topic is not valid"},
        {0x97, "quota exceeded"}, {0x9e, "it knows no shared subscriptions"}, {0xa2, "it knows no wildcards"}};
    if (code < sizeof old / sizeof old[0] && version == MQTT_3) return old[code];
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code) return codes[i].text;
    return code < sizeof old / sizeof old[0] ? old[code] : "refused for a reason without a name";
}
