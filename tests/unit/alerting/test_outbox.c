/*
 * test_outbox.c: what becomes of alerts whose sink works, fails, refuses, is gone or hangs; which of them wait for each other; how much is in
 * memory.
 *
 * The rows lie in a table here, as they would in the store. The sinks are scripted: each answers by a list of results. Time and chance are the test's
 * own where an outbox goes in steps; where it has its thread, waits are one millisecond, so nothing here waits for time.
 */
#include "alerting/outbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SEEN = 64 };

/* The script is found through the sink's one option, a name; there are few enough to look through. */
typedef struct script {
    const sink_result *results; /* the last one holds on */
    size_t n_results;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held;                  /* send waits until it is let go */
    size_t n_seen;
    char seen[MAX_SEEN][120];
} script;

static script *current;

static bool open_script(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    (void)settings, (void)env;
    *(script **)self = current;
    if (current) return true;
    snprintf(outcome->reason, sizeof outcome->reason, "no script");
    return false;
}

static sink_result send_script(void *self, const sink_message *message, sink_outcome *outcome)
{
    script *s = *(script **)self;
    pthread_mutex_lock(&s->lock);
    size_t at = s->n_seen < s->n_results ? s->n_seen : s->n_results - 1;
    if (s->n_seen < MAX_SEEN) snprintf(s->seen[s->n_seen], sizeof s->seen[0], "%s %.*s", message->id, (int)message->len, message->bytes);
    s->n_seen++;
    pthread_cond_broadcast(&s->changed);
    while (s->held) pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    snprintf(outcome->reason, sizeof outcome->reason, "scripted");
    return s->results[at];
}

static void close_script(void *self)
{
    (void)self;
}

static const sink_option no_options[] = {{0}};
static const sink_kind scripted = {.name = "scripted", .summary = "", .options = no_options, .size = sizeof(script *), .open = open_script,
                                   .send = send_script, .close = close_script};

static int64_t fixed_clock(void *user)
{
    (void)user;
    return 1767603600000;
}

enum { MAX_ROWS = 4000 };

typedef struct row {
    uint64_t order;
    char id[16];
    bool gone;
    delivery_state state;
    unsigned attempts;
    char reason[32];
} row;

typedef struct fixture {
    sink_env env;
    sink_settings settings;
    script script;
    pthread_mutex_t lock;   /* rows */
    row rows[MAX_ROWS];     /* number - 1 */
    size_t n_rows;
    int read_code;
    unsigned no_notes;      /* so many times what became of a try cannot be noted */
    int64_t now_ms;         /* of outboxes that go in steps */
    uint64_t random;
} fixture;

static void set_up(fixture *f, const sink_result *results, size_t n, int64_t attempts)
{
    memset(f, 0, sizeof *f);
    f->env = (sink_env){.now_ms = fixed_clock};
    f->now_ms = 1000;
    assert_true(sink_settings_fallback(&f->settings, &scripted));
    f->settings.values[SINK_ATTEMPTS] = egret_int(attempts);
    f->settings.values[SINK_BACKOFF] = egret_duration(1);
    f->script.results = results;
    f->script.n_results = n;
    pthread_mutex_init(&f->lock, NULL);
    pthread_mutex_init(&f->script.lock, NULL);
    pthread_cond_init(&f->script.changed, NULL);
    current = &f->script;
}

static fixture *make(const sink_result *results, size_t n, int64_t attempts)
{
    fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    set_up(f, results, n, attempts);
    return f;
}

static void tear_down(fixture *f)
{
    sink_settings_deinit(&f->settings);
    free(f);
}

static int read_rows(void *user, uint64_t after, unsigned most, size_t max_bytes, outbox_take_fn take, void *take_user)
{
    fixture *f = user;
    size_t bytes = 0;
    pthread_mutex_lock(&f->lock);
    int code = f->read_code;
    for (size_t i = (size_t)after; code == 0 && i < f->n_rows && most > 0 && bytes < max_bytes; i++) {
        if (f->rows[i].gone) continue;
        outbox_row one = {.number = i + 1, .order = f->rows[i].order, .came_ms = 7, .attempts = f->rows[i].attempts, .sink = "s",
                          .id = f->rows[i].id, .bytes = "{}", .len = 2};
        most--;
        bytes += one.len;
        if (!take(take_user, &one)) break;
    }
    pthread_mutex_unlock(&f->lock);
    return code;
}

static bool settle(void *user, uint64_t number, const delivery *what)
{
    fixture *f = user;
    pthread_mutex_lock(&f->lock);
    if (f->no_notes) {
        f->no_notes--;
        pthread_mutex_unlock(&f->lock);
        return false;
    }
    row *r = &f->rows[number - 1];
    assert_false(r->gone);
    r->gone = what->state != DELIVERY_PENDING;
    r->state = what->state;
    r->attempts = what->attempts;
    snprintf(r->reason, sizeof r->reason, "%s", what->reason);
    pthread_mutex_unlock(&f->lock);
    return true;
}

static void put(fixture *f, const char *id, uint64_t order)
{
    pthread_mutex_lock(&f->lock);
    row *r = &f->rows[f->n_rows++];
    snprintf(r->id, sizeof r->id, "%s", id);
    r->order = order;
    pthread_mutex_unlock(&f->lock);
}

static int64_t step_clock(void *user)
{
    return ((fixture *)user)->now_ms;
}

static uint64_t step_random(void *user)
{
    return ((fixture *)user)->random;
}

static outbox *open_as(fixture *f, outbox_options options)
{
    char reason[256];
    options.name = "s";
    options.kind = &scripted;
    options.settings = &f->settings;
    options.env = &f->env;
    options.read = read_rows;
    options.settled = settle;
    options.user = f;
    outbox *box = outbox_open(&options, reason, sizeof reason);
    if (!box) fail_msg("%s", reason);
    return box;
}

static outbox *open_box(fixture *f)
{
    return open_as(f, (outbox_options){0});
}

static outbox *open_steps(fixture *f)
{
    return open_as(f, (outbox_options){.no_thread = true, .monotonic_ms = step_clock, .random = step_random});
}

static void hold(fixture *f, bool held)
{
    pthread_mutex_lock(&f->script.lock);
    f->script.held = held;
    pthread_cond_broadcast(&f->script.changed);
    pthread_mutex_unlock(&f->script.lock);
}

static void wait_for_seen(fixture *f, size_t n)
{
    pthread_mutex_lock(&f->script.lock);
    while (f->script.n_seen < n) pthread_cond_wait(&f->script.changed, &f->script.lock);
    pthread_mutex_unlock(&f->script.lock);
}

/* First letters of the ids in the order they were sent. */
static void seen_are(const fixture *f, const char *expected)
{
    char seen[MAX_SEEN + 1] = "";
    for (size_t i = 0; i < f->script.n_seen && i < MAX_SEEN; i++) seen[i] = f->script.seen[i][0];
    assert_string_equal(seen, expected);
}

static void alerts_go_out_in_order(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture *f = make(results, 1, 5);
    outbox *box = open_box(f);
    put(f, "a", 1);
    put(f, "b", 1);
    outbox_wake(box);
    assert_int_equal(outbox_close(box, 60000), 0);
    seen_are(f, "ab");
    assert_string_equal(f->script.seen[0], "a {}");
    assert_true(f->rows[0].state == DELIVERY_DONE && f->rows[1].state == DELIVERY_DONE && f->rows[1].attempts == 1);
    tear_down(f);
}

static void a_failed_try_is_repeated_before_the_next_alert_of_its_key(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_RETRY, SINK_SENT};
    fixture *f = make(results, 3, 5);
    put(f, "a", 1);
    put(f, "b", 1);
    outbox *box = open_box(f);
    wait_for_seen(f, 4);
    assert_int_equal(outbox_close(box, 60000), 0);
    seen_are(f, "aaab");
    assert_int_equal(f->rows[0].attempts, 3);
    tear_down(f);
}

static void other_keys_do_not_wait(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_SENT};
    fixture *f = make(results, 2, 5);
    f->random = 1;
    put(f, "a", 1);
    put(f, "b", 1);
    put(f, "c", 2);
    put(f, "d", 3);
    outbox *box = open_steps(f);
    assert_int_equal(outbox_step(box), 1001);
    seen_are(f, "acd");
    assert_true(f->rows[0].state == DELIVERY_PENDING && f->rows[0].attempts == 1);
    assert_string_equal(f->rows[0].reason, "scripted");
    f->now_ms = 1001;
    outbox_step(box);
    seen_are(f, "acdab");
    assert_int_equal(outbox_get_stats(box).sent, 4);
    assert_int_equal(outbox_get_stats(box).backlog, 0);
    outbox_close(box, 0);
    tear_down(f);
}

static void a_receiver_in_trouble_gets_one_at_a_time(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_RETRY, SINK_RETRY, SINK_RETRY, SINK_SENT};
    fixture *f = make(results, 5, 9);
    f->random = 1;
    for (char id = 'a'; id <= 'h'; id++) put(f, (char[]){id, '\0'}, (uint64_t)id);
    outbox *box = open_steps(f);
    assert_int_equal(outbox_step(box), 1001);
    seen_are(f, "abc");         /* then it is clear */
    f->now_ms = 1001;
    outbox_step(box);
    seen_are(f, "abca");
    f->now_ms = 1010;
    outbox_step(box);
    assert_int_equal(f->script.n_seen, 12);     /* all is well again */
    assert_int_equal(outbox_get_stats(box).sent, 8);
    outbox_close(box, 0);
    tear_down(f);
}

static void the_last_try_leads_to_the_dead_letters(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_RETRY, SINK_SENT};
    fixture *f = make(results, 3, 2);
    put(f, "a", 1);
    put(f, "b", 1);
    outbox *box = open_box(f);
    wait_for_seen(f, 3);
    assert_int_equal(outbox_close(box, 60000), 0);
    assert_true(f->rows[0].state == DELIVERY_DEAD && f->rows[0].attempts == 2);
    assert_string_equal(f->rows[0].reason, "scripted");
    seen_are(f, "aab");
    tear_down(f);
}

static void tries_of_the_run_before_count(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY};
    fixture *f = make(results, 1, 5);
    put(f, "a", 1);
    f->rows[0].attempts = 4;
    outbox *box = open_steps(f);
    outbox_step(box);
    assert_true(f->rows[0].state == DELIVERY_DEAD && f->rows[0].attempts == 5);
    outbox_close(box, 0);
    tear_down(f);
}

static void refused_and_gone_are_not_repeated(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_REFUSED, SINK_GONE};
    fixture *f = make(results, 2, 5);
    for (char id = 'a'; id <= 'c'; id++) put(f, (char[]){id, '\0'}, 1);
    outbox *box = open_steps(f);
    outbox_step(box);
    assert_int_equal(f->script.n_seen, 2);   /* c was not even tried */
    for (int i = 0; i < 3; i++) assert_int_equal(f->rows[i].state, DELIVERY_DEAD);
    assert_int_equal(f->rows[2].attempts, 0);
    outbox_stats stats = outbox_get_stats(box);
    assert_true(stats.gone && stats.failed == 3);
    outbox_close(box, 0);
    tear_down(f);
}

static void a_paused_sink_keeps_its_rows(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture *f = make(results, 1, 5);
    put(f, "a", 1);
    outbox *box = open_as(f, (outbox_options){.paused = true});
    assert_true(outbox_get_stats(box).paused);
    assert_int_equal(outbox_close(box, 60000), 1);
    assert_int_equal(f->script.n_seen, 0);
    box = open_as(f, (outbox_options){.paused = true});
    outbox_pause(box, false);
    wait_for_seen(f, 1);
    assert_int_equal(outbox_close(box, 60000), 0);
    assert_int_equal(f->script.n_seen, 1);
    tear_down(f);
}

/* More rows than fit in memory, most of them of one key that fails. */
static void memory_is_bounded_and_a_failing_key_does_not_fill_it(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_SENT};
    fixture *f = make(results, 2, 1000);
    f->random = 50;
    f->settings.values[SINK_BACKOFF] = egret_duration(100);
    for (size_t i = 0; i < MAX_ROWS; i++) put(f, i % 100 == 99 ? "o" : "k", i % 100 == 99 ? 1000 + i : 1);
    outbox *box = open_steps(f);
    outbox_step(box);
    outbox_stats stats = outbox_get_stats(box);
    assert_int_equal(stats.sent, MAX_ROWS / 100);       /* all others are through */
    assert_true(stats.backlog <= OUTBOX_PER_ORDER);
    f->now_ms += 100;
    for (int i = 0; i < 100 && outbox_get_stats(box).sent < MAX_ROWS; i++) {
        outbox_step(box);
        assert_true(outbox_get_stats(box).backlog <= OUTBOX_WINDOW_ROWS);
    }
    assert_int_equal(outbox_get_stats(box).sent, MAX_ROWS);
    for (size_t i = 0; i < MAX_ROWS; i++) assert_int_equal(f->rows[i].state, DELIVERY_DONE);
    outbox_close(box, 0);
    tear_down(f);
}

static void a_store_that_cannot_be_read_is_asked_again(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture *f = make(results, 1, 5);
    put(f, "a", 1);
    f->read_code = 5;
    outbox *box = open_steps(f);
    assert_int_equal(outbox_step(box), 2000);
    f->read_code = 0;
    f->now_ms = 2000;
    outbox_step(box);
    seen_are(f, "a");
    outbox_close(box, 0);
    tear_down(f);
}

static void what_could_not_be_noted_is_sent_again(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture *f = make(results, 1, 5);
    f->no_notes = 1;
    put(f, "a", 1);
    put(f, "b", 1);
    put(f, "c", 2);
    outbox *box = open_steps(f);
    outbox_step(box);
    seen_are(f, "ac");
    f->now_ms += 1000;
    outbox_step(box);
    seen_are(f, "acab");
    assert_int_equal(outbox_get_stats(box).sent, 3);
    outbox_close(box, 0);
    tear_down(f);
}

static void what_is_not_sent_at_the_end_stays(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY};
    fixture *f = make(results, 1, 1000);
    put(f, "a", 1);
    put(f, "b", 1);
    outbox *box = open_box(f);
    wait_for_seen(f, 1);
    assert_int_equal(outbox_close(box, 60000), 2);
    assert_false(f->rows[0].gone || f->rows[1].gone);
    assert_int_equal(f->rows[1].attempts, 0);
    tear_down(f);
}

static void a_try_that_hangs_is_left_at_the_deadline(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture *f = make(results, 1, 5);
    f->script.held = true;
    put(f, "a", 1);
    put(f, "b", 1);
    outbox *box = open_box(f);
    wait_for_seen(f, 1);
    assert_int_equal(outbox_get_stats(box).sent, 0);
    hold(f, false);
    assert_int_equal(outbox_close(box, 60000), 0);
    seen_are(f, "ab");
    tear_down(f);
}

static void a_sink_that_does_not_open_says_why(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture *f = make(results, 1, 5);
    char reason[256];
    current = NULL;
    outbox_options options = {.name = "s", .kind = &scripted, .settings = &f->settings, .env = &f->env, .read = read_rows,
                              .settled = settle, .user = f};
    assert_null(outbox_open(&options, reason, sizeof reason));
    assert_string_equal(reason, "no script");
    tear_down(f);
}

static void waits_grow_and_jitter(void **state)
{
    (void)state;
    assert_int_equal(outbox_wait_ms(1000, 2, 0), 0);
    assert_int_equal(outbox_wait_ms(1000, 2, 1000), 1000);
    assert_int_equal(outbox_wait_ms(1000, 2, 1001), 0);
    assert_int_equal(outbox_wait_ms(1000, 3, 2000), 2000);
    assert_int_equal(outbox_wait_ms(1000, 5, 8000), 8000);
    assert_int_equal(outbox_wait_ms(1000, 100, 300000), 300000);
    for (unsigned attempt = 2; attempt < 200; attempt++) assert_in_range(outbox_wait_ms(300000, attempt, UINT64_MAX), 0, 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_go_out_in_order),
        cmocka_unit_test(a_failed_try_is_repeated_before_the_next_alert_of_its_key),
        cmocka_unit_test(other_keys_do_not_wait),
        cmocka_unit_test(a_receiver_in_trouble_gets_one_at_a_time),
        cmocka_unit_test(the_last_try_leads_to_the_dead_letters),
        cmocka_unit_test(tries_of_the_run_before_count),
        cmocka_unit_test(refused_and_gone_are_not_repeated),
        cmocka_unit_test(a_paused_sink_keeps_its_rows),
        cmocka_unit_test(memory_is_bounded_and_a_failing_key_does_not_fill_it),
        cmocka_unit_test(a_store_that_cannot_be_read_is_asked_again),
        cmocka_unit_test(what_could_not_be_noted_is_sent_again),
        cmocka_unit_test(what_is_not_sent_at_the_end_stays),
        cmocka_unit_test(a_try_that_hangs_is_left_at_the_deadline),
        cmocka_unit_test(a_sink_that_does_not_open_says_why),
        cmocka_unit_test(waits_grow_and_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
