/*
 * test_mqtt_packet.c: packets of MQTT as bytes: whole, in parts, cut, and malformed; each read byte for byte from memory of just its size.
 */
#include "edge/mqtt_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void a_message_is_read(void **state)
{
    (void)state;
    static const char v3[] = "\x3b\x0a\0\3a/b\1\2xyz", v5[] = "\x32\x10\0\3a/b\1\2\5\x26\0\1k\0xyz";
    mqtt_packet packet;
    mqtt_publish p;
    size_t used;
    for (size_t n = 0; n < sizeof v3 - 1; n++) assert_int_equal(mqtt_packet_read(v3, n, 100, &packet, &used), MQTT_GOT_PART);
    assert_int_equal(mqtt_packet_read(v3, sizeof v3 - 1, 100, &packet, &used), MQTT_GOT_PACKET);
    assert_int_equal(used, sizeof v3 - 1);
    assert_true(mqtt_publish_read(&packet, MQTT_3, &p));
    assert_memory_equal(p.topic.ptr, "a/b", 3);
    assert_true(p.qos == 1 && p.duplicate && p.retained && p.id == 0x102 && p.len == 3 && memcmp(p.payload, "xyz", 3) == 0);
    assert_int_equal(mqtt_packet_read(v5, sizeof v5 - 1, 100, &packet, &used), MQTT_GOT_PACKET);
    assert_true(mqtt_publish_read(&packet, MQTT_5, &p));
    assert_true(p.len == 3 && memcmp(p.payload, "xyz", 3) == 0);
    assert_true(p.qos == 1 && !p.duplicate && !p.retained);
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    static const char long_one[] = "\x30\x90\x4e\0\1txxxxxxxxx";
    mqtt_packet packet;
    size_t used;
    assert_int_equal(mqtt_packet_read(long_one, sizeof long_one - 1, 8, &packet, &used), MQTT_GOT_PACKET);
    assert_int_equal(packet.whole, 10000);
    assert_int_equal(packet.len, 8);
    assert_int_equal(used, 11);
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t len; mqtt_version version; } cases[] = {
        {"\x30\1\0", 3, MQTT_3},                        /* no length of a topic */
        {"\x30\4\0\5ab", 6, MQTT_3},                    /* the topic goes beyond the packet */
        {"\x30\2\0\0", 4, MQTT_3},                      /* an empty topic */
        {"\x36\6\0\1a\0\1x", 8, MQTT_3},                /* QoS 3 */
        {"\x32\5\0\1a\0\0", 7, MQTT_3},                 /* identifier 0 */
        {"\x30\4\0\1a\5", 6, MQTT_5},                   /* properties go beyond the packet */
        {"\x30\x07\0\1a\xff\xff\xff\xff", 9, MQTT_5},   /* a length without an end */
    };
    mqtt_packet packet;
    mqtt_publish p;
    size_t used;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *exact = malloc(cases[i].len);
        assert_non_null(exact);
        memcpy(exact, cases[i].bytes, cases[i].len);
        assert_int_equal(mqtt_packet_read(exact, cases[i].len, 100, &packet, &used), MQTT_GOT_PACKET);
        if (mqtt_publish_read(&packet, cases[i].version, &p)) fail_msg("case %zu was taken", i);
        free(exact);
    }
    assert_int_equal(mqtt_packet_read("\x30\xff\xff\xff\xff\1", 6, 100, &packet, &used), MQTT_GOT_BROKEN);
}

/* Any bytes: no read beyond them, whatever they say. */
static void any_bytes_are_survived(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        size_t len = (random >> 8) % 24, used;
        char *bytes = malloc(len + 1);
        assert_non_null(bytes);
        for (size_t i = 0; i < len; i++) bytes[i] = (char)((random = random * 1664525u + 1013904223u) >> 24) & (i % 3 ? 0x0f : 0x7f);
        mqtt_packet packet;
        char *exact = realloc(bytes, len ? len : 1);
        assert_non_null(exact);
        random = random * 1664525u + 1013904223u;
        if (mqtt_packet_read(exact, len, 16, &packet, &used) == MQTT_GOT_PACKET) {
            mqtt_publish p;
            mqtt_connack c;
            const uint8_t *codes;
            uint16_t id;
            assert_true(used <= len);
            for (mqtt_version v = MQTT_3; v <= MQTT_5; v++) {
                egret_str name, value;
                size_t n = 0;
                if (mqtt_publish_read(&packet, v, &p)) {
                    assert_true(p.payload + p.len == packet.body + packet.len);
                    while (mqtt_property_next(&p.properties, &name, &value)) n += name.len + value.len + 5;
                    assert_true(n <= packet.len);
                }
                (void)mqtt_connack_read(&packet, v, &c);
                if (mqtt_suback_read(&packet, v, &codes, &n)) assert_true((const char *)codes + n == packet.body + packet.len);
            }
            (void)mqtt_id_read(&packet, &id);
        }
        free(exact);
    }
}

static void what_is_written_stands_on_the_wire(void **state)
{
    (void)state;
    static const char connect[] = "\x10\x14\0\4MQTT\4\xc0\0\x1e\0\2id\0\1u\0\1p", connect5[] = "\x10\x17\0\4MQTT\5\0\0\x1e\x08\x11\xff\xff\xff\xff\x21\0\x0a\0\2id";
    static const char rest[] = "\x82\x08\0\1\0\3a/#\1\x40\2\1\2\xc0\0";
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    mqtt_put_connect(&out, &(mqtt_connect){MQTT_3, "id", "u", "p", 30, 10, true});
    assert_int_equal(out.len, sizeof connect - 1);
    assert_memory_equal(out.ptr, connect, out.len);
    out.len = 0;
    mqtt_put_connect(&out, &(mqtt_connect){MQTT_5, "id", NULL, NULL, 30, 10, true});
    assert_int_equal(out.len, sizeof connect5 - 1);
    assert_memory_equal(out.ptr, connect5, out.len);
    out.len = 0;
    mqtt_put_subscribe(&out, MQTT_3, 1, "a/#", 1);
    mqtt_put_ack(&out, MQTT_PUBACK, 0x102);
    mqtt_put_empty(&out, MQTT_PINGREQ);
    assert_int_equal(out.len, sizeof rest - 1);
    assert_memory_equal(out.ptr, rest, out.len);
    egret_text_deinit(&out);
}

static void user_properties_go_there_and_back(void **state)
{
    (void)state;
    static const char expected[] = "\x30\x14\0\1t\x0f\x26\0\1a\0\1b\x26\0\0\0\3cde!";
    egret_text properties, out;
    egret_text_init(&properties, egret_mem_of(NULL));
    egret_text_init(&out, egret_mem_of(NULL));
    mqtt_put_property(&properties, (egret_str){"a", 1}, (egret_str){"b", 1});
    mqtt_put_property(&properties, (egret_str){"", 0}, (egret_str){"cde", 3});
    mqtt_publish p = {.topic = {"t", 1}, .properties = {properties.ptr, (uint32_t)properties.len}, .payload = "!", .len = 1};
    mqtt_put_publish(&out, MQTT_5, &p);
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.ptr, expected, out.len);
    mqtt_packet packet;
    size_t used;
    assert_int_equal(mqtt_packet_read(out.ptr, out.len, 100, &packet, &used), MQTT_GOT_PACKET);
    assert_true(mqtt_publish_read(&packet, MQTT_5, &p));
    egret_str at = p.properties, name, value;
    assert_true(mqtt_property_next(&at, &name, &value) && egret_str_is(name, "a") && egret_str_is(value, "b"));
    assert_true(mqtt_property_next(&at, &name, &value) && egret_str_is(name, "") && egret_str_is(value, "cde"));
    assert_false(mqtt_property_next(&at, &name, &value));
    /* Others stand between: an expiry of four bytes, a content type. */
    static const char mixed[] = "\x02\0\0\0\1\x26\0\1k\0\1v\x03\0\1x";
    at = (egret_str){mixed, sizeof mixed - 1};
    assert_true(mqtt_property_next(&at, &name, &value) && egret_str_is(name, "k") && egret_str_is(value, "v"));
    assert_false(mqtt_property_next(&at, &name, &value));
    egret_text_deinit(&properties);
    egret_text_deinit(&out);
}

static void several_filters_are_subscribed_to_at_once(void **state)
{
    (void)state;
    static const char expected[] = "\x82\x0c\0\1\0\1a\1\0\3b/+\1";
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    mqtt_put_subscribe(&out, MQTT_3, 1, "a, b/+ ", 1);
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.ptr, expected, out.len);
    egret_text_deinit(&out);
    mqtt_packet packet;
    size_t used, n;
    const uint8_t *codes;
    assert_int_equal(mqtt_packet_read("\x90\4\0\1\1\x80", 6, 100, &packet, &used), MQTT_GOT_PACKET);
    assert_true(mqtt_suback_read(&packet, MQTT_3, &codes, &n));
    assert_true(n == 2 && codes[0] == 1 && codes[1] == 0x80);
}

static void filters_want_what_the_protocol_says(void **state)
{
    (void)state;
    static const struct { const char *filters, *topic; bool wanted; } cases[] = {
        {"a/b", "a/b", true}, {"a/b", "a/bc", false}, {"a/b", "a", false}, {"a", "a/b", false}, {"a/+", "a/b", true}, {"a/+", "a", false},
        {"a/+", "a/", true}, {"a/+", "a/b/c", false}, {"+/b", "x/b", true}, {"+", "/x", false}, {"/+", "/x", true}, {"a/#", "a/b/c", true},
        {"a/#", "a", true}, {"a/#", "ab", false}, {"#", "x/y", true}, {"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
        {"$share/g/a/+", "a/b", true}, {"$share/g/a/+", "g/a", false}, {"x, a/b", "a/b", true}, {"x,y", "z", false}, {"", "z", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (mqtt_filters_want(cases[i].filters, (egret_str){cases[i].topic, (uint32_t)strlen(cases[i].topic)}) != cases[i].wanted)
            fail_msg("'%s' and '%s'", cases[i].filters, cases[i].topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_read),      cmocka_unit_test(a_long_message_is_cut), cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(any_bytes_are_survived), cmocka_unit_test(what_is_written_stands_on_the_wire),
        cmocka_unit_test(user_properties_go_there_and_back), cmocka_unit_test(several_filters_are_subscribed_to_at_once),
        cmocka_unit_test(filters_want_what_the_protocol_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
