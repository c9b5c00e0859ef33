/*
 * test_journal_block.c: what is packed is read back; what was changed on the way is refused, and never read beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/value.h"
#include "store/journal_block.h"

static egret_str str(const char *text)
{
    return (egret_str){ text, (uint32_t)strlen(text) };
}

static const char RAW[] = "{\"user\":\"ada\",\"amount\":12.50,\"note\":\"a\\nb\"}";

static void pack_all(journal_pack *pack, egret_value *slots)
{
    slots[0] = egret_string(RAW + 9, 3);
    slots[1] = (egret_value){ .u.i = -1250, .type = EGRET_DECIMAL, .scale = 2 };
    slots[2] = egret_string("a\nb", 3);
    slots[3] = egret_null();
    slots[4] = egret_bool(true);
    slots[5] = egret_int(INT64_MIN);
    slots[6] = egret_number(-0.5);
    slots[7] = egret_time(1767600000000);
    slots[8] = egret_duration(-1);
    slots[9] = egret_string("", 0);
    journal_pack_start(pack, &(journal_start){ str("0.1.0"), 77, 900, 2000, { "r\0h\0", 4 } });
    journal_pack_batch(pack, &(journal_batch){ str("http"), 1000, false, false, 0 });
    journal_pack_event(pack, &(journal_event){ str("login"), 5, 1, 0, str(RAW), slots, 10 });
    journal_pack_event(pack, &(journal_event){ str("login"), 5, 2, 99, str("{}"), slots + 3, 1 });
    journal_pack_batch(pack, &(journal_batch){ str("file"), 1001, true, true, 0 });
    journal_pack_event(pack, &(journal_event){ str("payment"), 6, UINT64_MAX, UINT64_C(1) << 40, str("{}"), NULL, 0 });
    journal_pack_epoch(pack, &(journal_epoch){ .clock_ms = -5, .wall_ms = 1002, .n_alerts = 3, .alerts = UINT64_MAX, .told = true, .reached_ms = -7,
                                               .n_events = 3, .passed = { "\x01\x02", 2 } });
    journal_pack_control(pack, &(journal_control){ .wall_ms = 1001, .who = str("ann"), .note = str(""), .lines = str("l\n"), .warms = true, .warm_from = 300 });
    journal_pack_control(pack, &(journal_control){ .whole = true, .wall_ms = 1001, .who = str(""), .note = str(""), .lines = str("") });
    journal_pack_epoch(pack, &(journal_epoch){ .clock_ms = 9, .wall_ms = 1002 });
}

static void assert_text(egret_str got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.ptr, expected, got.len);
}

static void assert_first_event(const journal_event *event, const egret_value *slots)
{
    assert_text(event->stream, "login");
    assert_text(event->raw, RAW);
    assert_int_equal(event->layout, 5);
    assert_int_equal(event->n_slots, 10);
    assert_ptr_equal(event->slots[0].u.s, event->raw.ptr + 9);      /* a place in the text, not another copy */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(event->slots[i].type, slots[i].type);
        assert_true(egret_value_hash(event->slots[i]) == egret_value_hash(slots[i]));
    }
    assert_int_equal(event->slots[1].scale, 2);
}

static void all_kinds_come_back(void **state)
{
    (void)state;
    journal_pack pack;
    journal_block block;
    journal_record r;
    egret_text out;
    egret_value slots[10];
    journal_pack_init(&pack);
    journal_block_init(&block);
    egret_text_init(&out, egret_mem_of(NULL));
    pack_all(&pack, slots);
    assert_true(journal_pack_seal(&pack, 100, 40, &out));
    assert_int_equal(pack.n_records, 0);
    assert_true(journal_block_open(&block, out.ptr, out.len));
    assert_int_equal(block.head.n_records, 9);     /* what is continued is not counted again */
    assert_int_equal(block.head.n_events, 3);
    assert_int_equal(block.head.first_ms, 900);
    assert_int_equal(block.head.last_ms, 1002);
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_START && r.lsn == 100);
    assert_text(r.u.start.version, "0.1.0");
    assert_int_equal(r.u.start.rules, 77);
    assert_int_equal(r.u.start.idle_ms, 2000);
    assert_int_equal(r.u.start.files.len, 4);
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_BATCH);
    assert_text(r.u.batch.source, "http");
    assert_false(r.u.batch.ends_source || r.u.batch.continued);
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_EVENT && r.lsn == 102 && r.event == 40);
    assert_first_event(&r.u.event, slots);
    assert_true(journal_block_next(&block, &r) && r.event == 41 && r.u.event.offset == 99);
    assert_true(journal_block_next(&block, &r) && r.u.batch.ends_source && r.u.batch.continued);
    assert_true(journal_block_next(&block, &r) && r.event == 42 && r.u.event.line == UINT64_MAX);
    assert_text(r.u.event.stream, "payment");
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_EPOCH && r.lsn == 105);
    assert_true(r.u.epoch.clock_ms == -5 && r.u.epoch.n_alerts == 3 && r.u.epoch.alerts == UINT64_MAX);
    assert_true(r.u.epoch.told && r.u.epoch.reached_ms == -7 && r.u.epoch.n_events == 3);
    uint64_t first = 0, second = 0, none;
    assert_true(journal_passed_next(&r.u.epoch.passed, &first) && journal_passed_next(&r.u.epoch.passed, &second));
    assert_false(journal_passed_next(&r.u.epoch.passed, &none));
    assert_true(first == 1 && second == 2);
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_CONTROL && r.u.control.warms && r.u.control.warm_from == 300);
    assert_text(r.u.control.lines, "l\n");
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_CONTROL && r.u.control.whole && !r.u.control.warms);
    assert_true(journal_block_next(&block, &r) && r.kind == JOURNAL_EPOCH && r.u.epoch.clock_ms == 9 && !r.u.epoch.told);
    assert_false(journal_block_next(&block, &r));
    assert_null(block.fault);
    egret_text_deinit(&out);
    journal_block_deinit(&block);
    journal_pack_deinit(&pack);
}

static void make_large(egret_text *out, int n)
{
    journal_pack pack;
    journal_pack_init(&pack);
    journal_pack_batch(&pack, &(journal_batch){ str("http"), 1000, false, false, 0 });
    for (int i = 0; i < n; i++) {
        char raw[64];
        int len = snprintf(raw, sizeof raw, "{\"user\":\"u%d\",\"n\":%d}", i % 7, i);
        egret_value slots[] = { egret_string(raw + 9, 2), egret_int(i) };
        journal_pack_event(&pack, &(journal_event){ str("login"), 5, (uint64_t)i, 0, { raw, (uint32_t)len }, slots, 2 });
    }
    assert_true(journal_pack_seal(&pack, 0, 0, out));
    journal_pack_deinit(&pack);
}

static void many_events_are_compressed(void **state)
{
    (void)state;
    journal_block block;
    journal_record r;
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    journal_block_init(&block);
    make_large(&out, 2000);
    assert_true(journal_block_open(&block, out.ptr, out.len));
    assert_true(block.head.stored_bytes * 3 < block.head.raw_bytes);
    int n = 0;
    assert_true(journal_block_next(&block, &r));
    while (journal_block_next(&block, &r)) assert_int_equal(r.u.event.slots[1].u.i, n++);
    assert_int_equal(n, 2000);
    journal_block_deinit(&block);
    egret_text_deinit(&out);
}

/* Every byte changed, every length cut: always refused. */
static void what_was_changed_is_refused(void **state)
{
    (void)state;
    for (int n = 1; n <= 40; n += 39) {     /* plain and compressed */
        journal_block block;
        egret_text out;
        egret_text_init(&out, egret_mem_of(NULL));
        journal_block_init(&block);
        make_large(&out, n);
        for (size_t i = 0; i < out.len; i++) {
            out.ptr[i] ^= 0x10;
            assert_false(journal_block_open(&block, out.ptr, out.len));
            assert_non_null(block.fault);
            out.ptr[i] ^= 0x10;
            char *cut = malloc(i ? i : 1);  /* of exact size, so that reading beyond it is seen */
            assert_non_null(cut);
            memcpy(cut, out.ptr, i);
            assert_false(journal_block_open(&block, cut, i));
            free(cut);
        }
        assert_true(journal_block_open(&block, out.ptr, out.len));
        journal_block_deinit(&block);
        egret_text_deinit(&out);
    }
}

/* Bytes after the checksum has been checked are not trusted either. */
static void broken_records_are_found(void **state)
{
    (void)state;
    journal_block block;
    journal_record r;
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    journal_block_init(&block);
    make_large(&out, 5);
    unsigned found = 0;
    for (unsigned seed = 0; seed < 3000; seed++) {
        assert_true(journal_block_open(&block, out.ptr, out.len));
        srand(seed);
        for (int k = 0; k < 3; k++) block.raw[block.at + (size_t)rand() % (block.len - block.at)] = (char)rand();
        unsigned n = 0;
        while (journal_block_next(&block, &r) && ++n < 1000) {}
        found += block.fault != NULL;
    }
    assert_true(found > 1000);
    journal_block_deinit(&block);
    egret_text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_come_back),
        cmocka_unit_test(many_events_are_compressed),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(broken_records_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
