/*
 * test_dead_letters.c: rows that die, are sent again, thrown away; what is too much makes room; the bounds of a sink.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "folder.h"
#include "store/dead_letters.h"
#include "store/history.h"
#include "store/outbox_rows.h"

static bool note(void *user, const dead_letter *letter)
{
    sprintf((char *)user + strlen(user), "%d%c:%s:%s:%s:%.*s ", (int)letter->number, letter->kind == DEAD_EVENT ? 'e' : 'a', letter->where,
            letter->what, letter->reason, (int)letter->len, letter->bytes);
    return true;
}

static void shows(const store *s, dead_query query, const char *expected)
{
    char text[1024] = "";
    uint64_t broken;
    assert_int_equal(dead_letters_find(s, &query, note, text, &broken), 0);
    assert_int_equal(broken, 0);
    assert_string_equal(text, expected);
}

static dead_letter event(const char *stream, const char *record)
{
    return (dead_letter){ .kind = DEAD_EVENT, .at_ms = 9, .line = 3, .offset = 70, .where = "http", .what = stream, .class = "type",
                          .reason = "bad", .bytes = record, .len = strlen(record) };
}

static bool note_row(void *user, const outbox_row *row)
{
    sprintf((char *)user + strlen(user), "%d:%s:%.*s:%u ", (int)row->number, row->id, (int)row->len, row->bytes, row->attempts);
    return true;
}

static void rows_of(const store *s, const char *sink, uint64_t after, unsigned most, size_t max_bytes, const char *expected)
{
    char text[512] = "";
    uint64_t broken;
    assert_int_equal(outbox_rows_of(s, sink, after, most, max_bytes, note_row, text, &broken), 0);
    assert_int_equal(broken, 0);
    assert_string_equal(text, expected);
}

static void put_row(store *s, const char *sink, const char *id, uint64_t position)
{
    outbox_row row = { .position = position, .order = 5, .came_ms = 1, .sink = sink, .id = id, .bytes = "{}", .len = 2 };
    assert_int_equal(outbox_row_put(s, &row), 0);
}

static void rows_die_and_live_again(void **state)
{
    (void)state;
    folder f;
    folder_make(&f);
    store *s = folder_open(&f);
    assert_int_equal(store_begin(s), 0);
    put_row(s, "desk", "a", 11);
    put_row(s, "deskx", "x", 11);
    put_row(s, "desk", "b", 12);
    put_row(s, "desk", "c", 13);
    assert_int_equal(outbox_row_settle(s, "desk", 1, &(delivery){ DELIVERY_PENDING, 2, 50, "500" }), 0);
    assert_int_equal(outbox_row_settle(s, "desk", 3, &(delivery){ DELIVERY_DEAD, 10, 60, "502" }), 0);
    assert_int_equal(outbox_row_settle(s, "desk", 4, &(delivery){ DELIVERY_DONE, 1, 60, "" }), 0);
    assert_int_equal(store_commit(s), 0);
    rows_of(s, "desk", 0, 10, 1000, "1:a:{}:2 ");
    rows_of(s, "deskx", 0, 10, 1000, "2:x:{}:0 ");
    outbox_sink sink = outbox_sink_get(s, "desk");
    assert_true(sink.rows == 1 && sink.bytes == 2 && !sink.paused);
    shows(s, (dead_query){ 0 }, "1a:desk:b:502:{} ");
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(dead_letter_retry(s, 1, 77), 0);
    assert_int_equal(dead_letter_retry(s, 1, 77), DEAD_NONE);
    assert_int_equal(outbox_sink_pause(s, "desk", true, 88), 0);
    assert_int_equal(store_commit(s), 0);
    shows(s, (dead_query){ 0 }, "");
    store_close(s);
    s = folder_open(&f);
    rows_of(s, "desk", 0, 10, 1000, "1:a:{}:2 5:b:{}:0 ");
    rows_of(s, "desk", 1, 10, 1000, "5:b:{}:0 ");
    rows_of(s, "desk", 0, 1, 1000, "1:a:{}:2 ");
    rows_of(s, "desk", 0, 10, 1, "1:a:{}:2 ");
    sink = outbox_sink_get(s, "desk");
    assert_true(sink.rows == 2 && sink.bytes == 4 && sink.paused && sink.changed_ms == 88);
    assert_int_equal(outbox_sink_get(s, "nobody").rows, 0);
    store_close(s);
    folder_remove(&f);
}

static void refused_rows_never_wait(void **state)
{
    (void)state;
    folder f;
    folder_make(&f);
    store *s = folder_open(&f);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(outbox_row_refuse(s, &(outbox_row){ .position = 4, .sink = "desk", .id = "a", .bytes = "{}", .len = 2 }, "too much"), 0);
    assert_int_equal(store_commit(s), 0);
    shows(s, (dead_query){ .kind = DEAD_ALERT, .where = "desk", .class = "delivery" }, "1a:desk:a:too much:{} ");
    shows(s, (dead_query){ .kind = DEAD_EVENT }, "");
    assert_int_equal(outbox_sink_get(s, "desk").rows, 0);
    store_close(s);
    folder_remove(&f);
}

static void events_come_in_again(void **state)
{
    (void)state;
    folder f;
    char text[256] = "";
    folder_make(&f);
    store *s = folder_open(&f);
    dead_letter letters[] = { event("login", "{1}"), event("", "{2}"), event("login", "{3}"), event("login", "{4}") };
    letters[2].cut = true;
    assert_int_equal(store_begin(s), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(dead_letter_put(s, &letters[i]), 0);
    assert_int_equal(dead_letter_retry(s, 1, 5), 0);
    assert_int_equal(dead_letter_retry(s, 2, 5), DEAD_NONE);     /* of which stream? */
    assert_int_equal(dead_letter_retry(s, 3, 5), DEAD_NONE);     /* not all of it */
    assert_int_equal(dead_letter_retry(s, 4, 5), 0);
    assert_int_equal(store_commit(s), 0);
    shows(s, (dead_query){ 0 }, "2e:http::bad:{2} 3e:http:login:bad:{3} ");
    shows(s, (dead_query){ .after = 2, .what = "login" }, "3e:http:login:bad:{3} ");
    shows(s, (dead_query){ .most = 1 }, "2e:http::bad:{2} ");
    assert_int_equal(dead_returns_each(s, 1, 10, note, text), 0);
    assert_string_equal(text, "4e:http:login:bad:{4} ");
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(dead_returns_del(s, 1, 4), 0);
    assert_int_equal(dead_letter_discard(s, 2), 0);
    assert_int_equal(store_commit(s), 0);
    text[0] = '\0';
    assert_int_equal(dead_returns_each(s, 0, 10, note, text), 0);
    assert_string_equal(text, "");
    shows(s, (dead_query){ 0 }, "3e:http:login:bad:{3} ");
    assert_int_equal(dead_letters_kept(s).count, 1);
    store_close(s);
    folder_remove(&f);
}

static void the_oldest_make_room(void **state)
{
    (void)state;
    folder f;
    folder_make(&f);
    store *s = folder_open(&f);
    dead_letters_keep(s, 400);
    assert_int_equal(store_begin(s), 0);
    for (int i = 0; i < 10; i++) {
        dead_letter letter = event("login", "{0123456789}");
        assert_int_equal(dead_letter_put(s, &letter), 0);
        assert_int_equal(letter.number, i + 1);
    }
    assert_int_equal(store_commit(s), 0);
    dead_kept kept = dead_letters_kept(s);
    assert_true(kept.bytes <= 400 && kept.count > 0 && kept.count + kept.dropped == 10);
    char text[1024] = "", first[16];
    uint64_t broken;
    assert_int_equal(dead_letters_find(s, &(dead_query){ .most = 1 }, note, text, &broken), 0);
    snprintf(first, sizeof first, "%de", (int)kept.dropped + 1);
    assert_memory_equal(text, first, strlen(first));
    store_close(s);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_die_and_live_again),
        cmocka_unit_test(refused_rows_never_wait),
        cmocka_unit_test(events_come_in_again),
        cmocka_unit_test(the_oldest_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
