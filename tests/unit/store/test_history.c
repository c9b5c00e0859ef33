/*
 * test_history.c: alerts in the store: found by rule, key, time, severity and state; what happens to them; the feed; what is old goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "folder.h"
#include "store/delivery.h"
#include "store/history.h"
#include "store/store_internal.h"

static const char *id_of(unsigned n)
{
    static char ids[8][HISTORY_ID];
    char *id = ids[n % 8];
    snprintf(id, HISTORY_ID, "%032x", n);
    return id;
}

/* An alert of a rule about a user at a time; bytes say which. */
static uint64_t tell(store *s, unsigned n, history_kind kind, const char *rule, const char *user, int64_t time_ms, unsigned severity)
{
    char bytes[64], message[HISTORY_MESSAGE_ID];
    snprintf(bytes, sizeof bytes, "{\"n\":%u,\"kind\":\"%s\"}", n, history_kind_name(kind));
    snprintf(message, sizeof message, "%u-%d", n, (int)kind);
    history_entry entry = { .kind = kind, .severity = severity, .time_ms = time_ms, .started_ms = time_ms - 5, .wall_ms = 1000 + n,
                            .id = id_of(n), .message_id = message, .rule = rule, .who = "", .reason = "",
                            .key = { { "user", user }, { "ip", "::1" } }, .n_key = 2, .sinks = { "desk" }, .n_sinks = 1,
                            .bytes = bytes, .len = strlen(bytes) };
    assert_int_equal(history_put(s, &entry), 0);
    return entry.position;
}

typedef struct seen { char text[2048]; } seen;

static bool note(void *user, const history_entry *entry, const history_now *now)
{
    seen *out = user;
    sprintf(out->text + strlen(out->text), "%u%s%s ", (unsigned)strtoul(entry->id, NULL, 16),
            entry->kind == HISTORY_ALERT ? "" : history_kind_name(entry->kind),
            !now ? "?" : now->state == HISTORY_OPEN ? "" : now->state == HISTORY_IS_ACKNOWLEDGED ? "'" : "-");
    return true;
}

static void finds(const store *s, history_query query, const char *expected)
{
    seen out = { "" };
    history_page page;
    if (query.most == 0)
        query.most = 100;
    assert_int_equal(history_find(s, &query, note, &out, &page), 0);
    assert_int_equal(page.broken, 0);
    assert_string_equal(out.text, expected);
}

static void commit(store *s)
{
    assert_int_equal(store_commit(s), 0);
}

static void begin(store *s)
{
    assert_int_equal(store_begin(s), 0);
}

static void alerts_are_found(void **state)
{
    (void)state;
    folder f;
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    tell(s, 1, HISTORY_ALERT, "guess", "ann", 100, 3);
    tell(s, 2, HISTORY_ALERT, "guess", "bob", 300, 1);
    tell(s, 3, HISTORY_ALERT, "flood", "ann", 200, 4);
    tell(s, 4, HISTORY_TIMEOUT, "flood", "eve", -50, 0);
    tell(s, 3, HISTORY_RESOLVED, "flood", "ann", 250, 0);
    commit(s);
    store_close(s);
    s = folder_open(&f);
    finds(s, (history_query){ 0 }, "2 3- 1 4timeout ");
    finds(s, (history_query){ .rule = "guess" }, "2 1 ");
    finds(s, (history_query){ .rule = "gues" }, "");
    finds(s, (history_query){ .key = { { "user", "ann" } }, .n_key = 1 }, "3- 1 ");
    finds(s, (history_query){ .key = { { "ip", "::1" }, { "user", "ann" } }, .n_key = 2, .rule = "guess" }, "1 ");
    finds(s, (history_query){ .key = { { "user", "::1" } }, .n_key = 1 }, "");
    finds(s, (history_query){ .from_ms = 100, .to_ms = 300 }, "3- 1 ");
    finds(s, (history_query){ .from_ms = -1000, .to_ms = 100 }, "4timeout ");
    finds(s, (history_query){ .states = 1u << HISTORY_OPEN }, "2 1 4timeout ");
    finds(s, (history_query){ .states = 1u << HISTORY_IS_RESOLVED }, "3- ");
    finds(s, (history_query){ .severities = 1u << 4 | 1u << 3 }, "3- 1 ");
    store_close(s);
    folder_remove(&f);
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    folder f;
    char expected[64];
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    for (unsigned i = 1; i <= 7; i++)
        tell(s, i, HISTORY_ALERT, "r", "ann", i < 4 ? 10 : 20, 0);
    commit(s);
    history_query query = { .most = 2 };
    history_page page;
    unsigned at = 7, pages = 0;
    do {
        seen out = { "" };
        assert_int_equal(history_find(s, &query, note, &out, &page), 0);
        if (at > 1)
            snprintf(expected, sizeof expected, "%u %u ", at, at - 1);
        else
            snprintf(expected, sizeof expected, "%s", at == 1 ? "1 " : "");
        assert_string_equal(out.text, expected);
        at = at > 2 ? at - 2 : 0;
        query.after_ms = page.after_ms;
        query.after_position = page.after_position;
        pages++;
    } while (page.more);
    assert_int_equal(pages, 4);
    store_close(s);
    folder_remove(&f);
}

static bool check_whole(void *user, const history_entry *entry, const history_now *now)
{
    *(history_now *)user = *now;
    assert_string_equal(entry->rule, "guess");
    assert_string_equal(entry->message_id, "1-0");
    assert_true(entry->time_ms == 100 && entry->started_ms == 95 && entry->wall_ms == 1001 && entry->severity == 2);
    assert_int_equal(entry->n_sinks, 1);
    assert_string_equal(entry->sinks[0], "desk");
    assert_string_equal(entry->key[1].value, "::1");
    assert_int_equal(entry->len, strlen("{\"n\":1,\"kind\":\"alert\"}"));
    assert_memory_equal(entry->bytes, "{\"n\":1,\"kind\":\"alert\"}", entry->len);
    return true;
}

static void act(store *s, history_kind kind, const char *who, bool changes)
{
    uint64_t position;
    history_act what = { id_of(1), kind, who, "because", 5000 };
    begin(s);
    assert_int_equal(history_act_put(s, &what, &position), 0);
    assert_int_equal(position != 0, changes);
    commit(s);
}

static void people_act(void **state)
{
    (void)state;
    folder f;
    history_now now;
    seen out = { "" };
    uint64_t position;
    bool gap;
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    tell(s, 1, HISTORY_ALERT, "guess", "ann", 100, 2);
    commit(s);
    act(s, HISTORY_REOPENED, "zoe", false);
    act(s, HISTORY_ACKNOWLEDGED, "zoe", true);
    act(s, HISTORY_ACKNOWLEDGED, "yan", false);
    finds(s, (history_query){ .states = 1u << HISTORY_IS_ACKNOWLEDGED }, "1' ");
    begin(s);
    tell(s, 1, HISTORY_ESCALATED, "guess", "ann", 150, 4);      /* it must be looked at anew */
    commit(s);
    assert_int_equal(history_get(s, id_of(1), check_whole, &now), 0);
    assert_true(now.state == HISTORY_OPEN && now.severity == 4 && now.n_entries == 3 && now.newest == 3);
    act(s, HISTORY_CLOSED, "zoe", true);
    finds(s, (history_query){ .states = 1u << HISTORY_OPEN | 1u << HISTORY_IS_ACKNOWLEDGED }, "");
    act(s, HISTORY_REOPENED, "yan", true);
    finds(s, (history_query){ .states = 1u << HISTORY_OPEN }, "1 ");
    assert_int_equal(history_of(s, id_of(1), note, &out), 0);
    assert_string_equal(out.text, "1 1acknowledged 1escalated 1closed 1reopened ");
    out.text[0] = '\0';
    assert_int_equal(history_feed(s, 2, 2, false, note, &out, &gap), 0);
    assert_string_equal(out.text, "1escalated 1closed ");
    assert_false(gap);
    assert_int_equal(history_get(s, id_of(2), check_whole, &now), HISTORY_NONE);
    begin(s);
    assert_int_equal(history_act_put(s, &(history_act){ id_of(2), HISTORY_CLOSED, "zoe", "", 1 }, &position), HISTORY_NONE);
    store_abort(s);
    store_close(s);
    folder_remove(&f);
}

static bool keep_strings(void *user, const history_entry *entry, const history_now *now)
{
    (void)entry;
    snprintf(user, 64, "%s %s", now->who, now->reason);
    return true;
}

static void who_and_why_are_kept(void **state)
{
    (void)state;
    folder f;
    char text[64] = "";
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    tell(s, 1, HISTORY_ALERT, "guess", "ann", 100, 2);
    commit(s);
    act(s, HISTORY_CLOSED, "zoe", true);
    begin(s);
    tell(s, 1, HISTORY_RESOLVED, "guess", "ann", 200, 2);       /* what its rule says does not take it away */
    commit(s);
    assert_int_equal(history_get(s, id_of(1), keep_strings, text), 0);
    assert_string_equal(text, "zoe because");
    store_close(s);
    folder_remove(&f);
}

static void note_delivery(void *user, const char *sink, const delivery *what)
{
    sprintf((char *)user + strlen(user), "%s %s %u %s; ", sink, delivery_state_name(what->state), what->attempts, what->reason);
}

static void what_is_old_goes(void **state)
{
    (void)state;
    folder f;
    unsigned dropped;
    bool gap;
    seen out = { "" };
    char text[128] = "";
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    for (unsigned i = 1; i <= 5; i++)
        tell(s, i, HISTORY_ALERT, "r", "ann", 10 * i, 0);
    tell(s, 2, HISTORY_RESOLVED, "r", "ann", 60, 0);
    assert_int_equal(delivery_put(s, 1, "desk", &(delivery){ DELIVERY_DONE, 1, 7, "" }), 0);
    assert_int_equal(delivery_put(s, 1, "file", &(delivery){ DELIVERY_PENDING, 3, 7, "full" }), 0);
    assert_int_equal(delivery_put(s, 4, "desk", &(delivery){ DELIVERY_DEAD, 9, 7, "no" }), 0);
    commit(s);
    assert_int_equal(delivery_each(s, 1, note_delivery, text), 0);
    assert_string_equal(text, "desk delivered 1 ; file pending 3 full; ");
    begin(s);
    assert_int_equal(history_trim(s, 1004, UINT64_MAX, 2, &dropped), 0);    /* no more than asked for */
    assert_int_equal(dropped, 2);
    assert_int_equal(history_trim(s, 1004, UINT64_MAX, 100, &dropped), 0);
    assert_int_equal(dropped, 1);
    commit(s);
    finds(s, (history_query){ 0 }, "5 4 ");
    finds(s, (history_query){ .key = { { "user", "ann" } }, .n_key = 1 }, "5 4 ");
    assert_int_equal(history_feed(s, 0, 100, true, note, &out, &gap), 0);
    assert_string_equal(out.text, "4 5 2resolved? ");
    assert_true(gap);
    text[0] = '\0';
    assert_int_equal(delivery_each(s, 1, note_delivery, text), 0);
    assert_string_equal(text, "");
    assert_int_equal(delivery_each(s, 4, note_delivery, text), 0);
    assert_string_equal(text, "desk dead 9 no; ");
    begin(s);
    assert_int_equal(history_trim(s, 0, 0, 100, &dropped), 0);      /* by bytes */
    assert_int_equal(dropped, 3);
    tell(s, 3, HISTORY_RESOLVED, "r", "ann", 70, 0);                /* its head is gone: it is one itself */
    commit(s);
    finds(s, (history_query){ 0 }, "3resolved- ");
    history_bounds kept = history_now_kept(s);
    assert_true(kept.first == 7 && kept.next == 8 && kept.count == 1 && kept.dropped == 6 && kept.bytes > 0);
    store_close(s);
    folder_remove(&f);
}

static void what_is_broken_is_passed_over(void **state)
{
    (void)state;
    folder f;
    seen out = { "" };
    history_page page;
    history_now now;
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    for (unsigned i = 1; i <= 3; i++)
        tell(s, i, HISTORY_ALERT, "r", "ann", 10 * i, 0);
    size_t number = 2;
    char rubbish[200] = "rubbish";
    assert_int_equal(store_put(s, STORE_HISTORY, store_val(&number, sizeof number), store_val(rubbish, sizeof rubbish), 0), 0);
    commit(s);
    assert_int_equal(history_find(s, &(history_query){ .most = 10 }, note, &out, &page), 0);
    assert_string_equal(out.text, "3 1 ");
    assert_int_equal(page.broken, 1);
    assert_int_not_equal(history_get(s, id_of(2), check_whole, &now), 0);
    store_close(s);
    folder_remove(&f);
}

static void a_part_that_fails_takes_nothing_else_with_it(void **state)
{
    (void)state;
    folder f;
    folder_make(&f);
    store *s = folder_open(&f);
    begin(s);
    tell(s, 1, HISTORY_ALERT, "r", "ann", 10, 0);
    assert_int_equal(store_part_begin(s), 0);
    tell(s, 2, HISTORY_ALERT, "r", "ann", 20, 0);
    assert_int_equal(store_part_end(s, false), 0);
    assert_int_equal(store_part_begin(s), 0);
    assert_int_equal(tell(s, 3, HISTORY_ALERT, "r", "ann", 30, 0), 2);
    assert_int_equal(store_part_end(s, true), 0);
    commit(s);
    finds(s, (history_query){ 0 }, "3 1 ");
    store_close(s);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_are_found),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(people_act),
        cmocka_unit_test(who_and_why_are_kept),
        cmocka_unit_test(what_is_old_goes),
        cmocka_unit_test(what_is_broken_is_passed_over),
        cmocka_unit_test(a_part_that_fails_takes_nothing_else_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
