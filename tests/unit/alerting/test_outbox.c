/*
 * test_outbox.c: what becomes of alerts whose sink works, fails, refuses, is gone or hangs; and what a second run finds.
 *
 * The sinks are scripted: each answers by a list of results. Waits are one millisecond, so nothing here waits for time.
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
#include <unistd.h>

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

typedef struct fixture {
    char dir[64];
    sink_env env;
    sink_settings settings;
    script script;
} fixture;

static void set_up(fixture *f, const sink_result *results, size_t n, int64_t attempts)
{
    *f = (fixture){.dir = "/tmp/egret-outbox-XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    f->env = (sink_env){.data_dir = f->dir, .now_ms = fixed_clock};
    assert_true(sink_settings_fallback(&f->settings, &scripted));
    f->settings.values[SINK_ATTEMPTS] = egret_int(attempts);
    f->settings.values[SINK_BACKOFF] = egret_duration(1);
    f->settings.values[SINK_QUEUE] = egret_int(3);
    f->script.results = results;
    f->script.n_results = n;
    pthread_mutex_init(&f->script.lock, NULL);
    pthread_cond_init(&f->script.changed, NULL);
    current = &f->script;
}

static void tear_down(fixture *f)
{
    char command[128];
    sink_settings_deinit(&f->settings);
    snprintf(command, sizeof command, "rm -r '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

static outbox *open_box(fixture *f)
{
    char reason[256];
    outbox_options options = {.name = "s", .kind = &scripted, .settings = &f->settings, .env = &f->env};
    outbox *box = outbox_open(&options, reason, sizeof reason);
    if (!box) fail_msg("%s", reason);
    return box;
}

static void put(outbox *box, const char *id)
{
    char body[80];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"kind\":\"alert\"}", id);
    outbox_put(box, &(sink_message){.id = id, .bytes = body, .len = strlen(body)});
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

static void read_file(const fixture *f, const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *stream = fopen(path, "rb");
    size_t n = stream ? fread(out, 1, size - 1, stream) : 0;
    out[n] = '\0';
    if (stream) fclose(stream);
}

static bool has_file(const fixture *f, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return access(path, F_OK) == 0;
}

static void alerts_go_out_in_order(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture f;
    set_up(&f, results, 1, 5);
    outbox *box = open_box(&f);
    put(box, "a");
    put(box, "b");
    assert_int_equal(outbox_close(box, 60000), 0);
    assert_int_equal(f.script.n_seen, 2);
    assert_string_equal(f.script.seen[0], "a {\"id\":\"a\",\"kind\":\"alert\"}");
    assert_string_equal(f.script.seen[1], "b {\"id\":\"b\",\"kind\":\"alert\"}");
    assert_false(has_file(&f, "outbox-s.ndjson"));
    tear_down(&f);
}

static void a_failed_try_is_repeated_before_the_next_alert(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_RETRY, SINK_SENT};
    fixture f;
    set_up(&f, results, 3, 5);
    outbox *box = open_box(&f);
    put(box, "a");
    put(box, "b");
    wait_for_seen(&f, 4);
    outbox_stats stats = outbox_get_stats(box);
    assert_int_equal(stats.retried, 2);
    assert_int_equal(outbox_close(box, 60000), 0);
    for (size_t i = 0; i < 3; i++) assert_int_equal(f.script.seen[i][0], 'a');
    assert_int_equal(f.script.seen[3][0], 'b');
    tear_down(&f);
}

static void the_last_try_leads_to_the_dead_letters(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_RETRY, SINK_RETRY, SINK_SENT};
    fixture f;
    char dead[512];
    set_up(&f, results, 3, 2);
    outbox *box = open_box(&f);
    put(box, "a");
    put(box, "b");
    wait_for_seen(&f, 3);
    assert_int_equal(outbox_close(box, 60000), 0);
    read_file(&f, "dead-alerts-s.ndjson", dead, sizeof dead);
    assert_string_equal(dead, "{\"sink\":\"s\",\"time\":\"2026-01-05T09:00:00Z\",\"reason\":\"scripted\",\"attempts\":2,"
                              "\"alert\":{\"id\":\"a\",\"kind\":\"alert\"}}\n");
    assert_int_equal(f.script.seen[2][0], 'b');
    tear_down(&f);
}

static void refused_and_gone_are_not_repeated(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_REFUSED, SINK_GONE};
    fixture f;
    char dead[2048];
    set_up(&f, results, 2, 5);
    outbox *box = open_box(&f);
    put(box, "a");
    put(box, "b");
    put(box, "c");
    assert_int_equal(outbox_close(box, 60000), 0);
    assert_int_equal(f.script.n_seen, 2);   /* c was not even tried */
    read_file(&f, "dead-alerts-s.ndjson", dead, sizeof dead);
    assert_non_null(strstr(dead, "\"alert\":{\"id\":\"a\""));
    assert_non_null(strstr(dead, "\"alert\":{\"id\":\"b\""));
    assert_non_null(strstr(dead, "\"attempts\":0,\"alert\":{\"id\":\"c\""));
    tear_down(&f);
}

static void a_full_queue_overflows_into_the_dead_letters(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture f;
    char dead[2048];
    set_up(&f, results, 1, 5);
    f.script.held = true;
    outbox *box = open_box(&f);
    put(box, "a");
    wait_for_seen(&f, 1);
    put(box, "b");
    put(box, "c");
    put(box, "d");
    outbox_stats stats = outbox_get_stats(box);
    assert_int_equal(stats.backlog, 3);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.oldest_ms, 1767603600000);
    hold(&f, false);
    assert_int_equal(outbox_close(box, 60000), 0);
    read_file(&f, "dead-alerts-s.ndjson", dead, sizeof dead);
    assert_non_null(strstr(dead, "the queue is full"));
    assert_non_null(strstr(dead, "\"id\":\"d\""));
    tear_down(&f);
}

static void what_was_not_sent_goes_out_in_the_next_run(void **state)
{
    (void)state;
    static const sink_result fails[] = {SINK_RETRY}, works[] = {SINK_SENT};
    fixture f;
    char kept[512], expected[512];
    set_up(&f, fails, 1, 1000);
    outbox *box = open_box(&f);
    put(box, "a");
    static const char second[] = "{\"id\":\"b\",\"tags\":[\",\\\"kind\\\":\\\"x\"],\"kind\":\"resolved\",\"x\\u0000\":\"\\u2028 \\\"\"}";
    outbox_put(box, &(sink_message){.id = "b-resolved", .bytes = second, .len = sizeof second - 1});
    static const char third[] = "{\"id\":\"c\",\"kind\":\"alert\",\"repeat\":12,\"fields\":{\"m\":\",\\\"repeat\\\":3\"}}";
    outbox_put(box, &(sink_message){.id = "c-12", .bytes = third, .len = sizeof third - 1});
    wait_for_seen(&f, 1);
    assert_int_equal(outbox_close(box, 60000), 3);
    read_file(&f, "outbox-s.ndjson", kept, sizeof kept);
    snprintf(expected, sizeof expected, "{\"id\":\"a\",\"kind\":\"alert\"}\n%s\n%s\n", second, third);
    assert_string_equal(kept, expected);

    f.script.results = works;
    f.script.n_seen = 0;
    box = open_box(&f);
    wait_for_seen(&f, 3);
    assert_int_equal(outbox_close(box, 60000), 0);
    assert_string_equal(f.script.seen[0], "a {\"id\":\"a\",\"kind\":\"alert\"}");
    snprintf(expected, sizeof expected, "b-resolved %s", second);
    assert_string_equal(f.script.seen[1], expected);
    snprintf(expected, sizeof expected, "c-12 %s", third);
    assert_string_equal(f.script.seen[2], expected);
    assert_false(has_file(&f, "outbox-s.ndjson"));
    tear_down(&f);
}

static void a_sink_that_does_not_open_says_why(void **state)
{
    (void)state;
    static const sink_result results[] = {SINK_SENT};
    fixture f;
    char reason[256];
    set_up(&f, results, 1, 5);
    current = NULL;
    outbox_options options = {.name = "s", .kind = &scripted, .settings = &f.settings, .env = &f.env};
    assert_null(outbox_open(&options, reason, sizeof reason));
    assert_string_equal(reason, "no script");
    tear_down(&f);
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
        cmocka_unit_test(a_failed_try_is_repeated_before_the_next_alert),
        cmocka_unit_test(the_last_try_leads_to_the_dead_letters),
        cmocka_unit_test(refused_and_gone_are_not_repeated),
        cmocka_unit_test(a_full_queue_overflows_into_the_dead_letters),
        cmocka_unit_test(what_was_not_sent_goes_out_in_the_next_run),
        cmocka_unit_test(a_sink_that_does_not_open_says_why),
        cmocka_unit_test(waits_grow_and_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
