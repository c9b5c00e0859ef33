/*
 * test_sink_kinds.c: declarations of sinks become settings, or a sentence that says what is wrong.
 */
#include "alerting/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define STR(literal) {(literal), sizeof(literal) - 1}
#define TEXT(literal) {.u.s = (literal), .len = sizeof(literal) - 1, .type = EGRET_STRING}

static bool read_one(plan_option *options, uint32_t n, sink_settings *settings, char *reason, size_t size)
{
    plan_edge edge = {.options = options, .n_options = n};
    return sink_settings_read(settings, &sink_kind_webhook, &edge, reason, size);
}

static void fallbacks_and_written_values_meet(void **state)
{
    (void)state;
    plan_option_value url = {.value = TEXT("https://desk.example/")}, secret = {.value = TEXT("EGRET_TEST_SECRET"), .is_env = true};
    plan_option_value attempts = {.value = {.u.i = 3, .type = EGRET_INT}}, timeout = {.value = {.u.i = 500, .type = EGRET_DURATION}};
    plan_option options[] = {
        {STR("url"), &url, 1, false, {0}}, {STR("secret"), &secret, 1, false, {0}}, {STR("attempts"), &attempts, 1, false, {0}},
        {STR("timeout"), &timeout, 1, false, {0}},
    };
    sink_settings settings;
    char reason[256] = "";
    setenv("EGRET_TEST_SECRET", "s3", 1);
    if (!read_one(options, 4, &settings, reason, sizeof reason)) fail_msg("%s", reason);
    assert_string_equal(settings.texts[0], "https://desk.example/");
    assert_string_equal(settings.texts[1], "s3");
    assert_int_equal(settings.values[2].u.i, 500);
    assert_int_equal(settings.values[3].u.i, false);
    assert_int_equal(sink_settings_common(&settings, &sink_kind_webhook, SINK_ATTEMPTS), 3);
    assert_int_equal(sink_settings_common(&settings, &sink_kind_webhook, SINK_BACKOFF), 1000);
    assert_int_equal(sink_settings_common(&settings, &sink_kind_webhook, SINK_QUEUE), 1000000);
    sink_settings_deinit(&settings);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    plan_option_value url = {.value = TEXT("https://desk.example/")}, number = {.value = {.u.i = 0, .type = EGRET_INT}};
    plan_option_value two[] = {url, url}, unset = {.value = TEXT("EGRET_TEST_UNSET"), .is_env = true};
    const struct { plan_option option; const char *reason; } cases[] = {
        {{STR("uri"), &url, 1, false, {0}}, "a webhook sink has no option 'uri'"},
        {{STR("url"), &number, 1, false, {0}}, "option 'url' must be a string"},
        {{STR("url"), two, 2, false, {0}}, "option 'url' takes one value"},
        {{STR("url"), &url, 1, true, {0}}, "option 'url' takes one value"},
        {{STR("url"), &unset, 1, false, {0}}, "option 'url': the environment has no EGRET_TEST_UNSET"},
        {{STR("attempts"), &number, 1, false, {0}}, "option 'url' is needed: http:// or https:// address to POST to"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        plan_option option = cases[i].option;
        sink_settings settings;
        char reason[256] = "";
        assert_false(read_one(&option, 1, &settings, reason, sizeof reason));
        assert_string_equal(reason, cases[i].reason);
        sink_settings_deinit(&settings);
    }
    plan_option bounds[] = {{STR("url"), &url, 1, false, {0}}, {STR("attempts"), &number, 1, false, {0}}};
    sink_settings settings;
    char reason[256] = "";
    assert_false(read_one(bounds, 2, &settings, reason, sizeof reason));
    assert_string_equal(reason, "option 'attempts' goes from 1 to 1000");
    sink_settings_deinit(&settings);
}

static void kinds_are_found_and_their_options_fit(void **state)
{
    (void)state;
    assert_ptr_equal(sink_kind_find((egret_str)STR("webhook")), &sink_kind_webhook);
    assert_ptr_equal(sink_kind_find((egret_str)STR("stdout")), &sink_kind_stdout);
    assert_null(sink_kind_find((egret_str)STR("pigeon")));
    for (size_t i = 0; sink_kinds[i]; i++) {
        sink_settings settings;
        assert_in_range(edge_option_count(sink_kinds[i]->options) + SINK_COMMON_COUNT, 0, EDGE_MAX_OPTIONS);
        assert_true(sink_settings_fallback(&settings, sink_kinds[i]));
        sink_settings_deinit(&settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallbacks_and_written_values_meet),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(kinds_are_found_and_their_options_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
