/*
 * test_args.c: command lines by a table of options.
 */
#include "app/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static const app_option options[] = {
    {"json", APP_FLAG, NULL, NULL, ""},
    {"data", APP_ONE, "DIR", NULL, ""},
    {"log", APP_ONE, "FORMAT", "text", ""},
    {"rules", APP_MANY, "FILE", NULL, ""},
    {0},
};
static const app_command with_words = {.name = "x", .words = "FILE", .options = options};
static const app_command without_words = {.name = "x", .options = options};

/* Splits at spaces, so that lines stay readable; at most 16 words. */
static bool parse(app_args *args, const app_command *command, char *line, int *exit_code)
{
    char *words[16];
    int n = 0;
    for (char *word = strtok(line, " "); word && n < 16; word = strtok(NULL, " ")) words[n++] = word;
    return app_args_parse(args, command, n, words, exit_code);
}

static void values_flags_and_words_are_told_apart(void **state)
{
    (void)state;
    char line[] = "a --json --rules r1 r2 --data d1 b --rules=r3 --data d2 -";
    const char **values;
    app_args args;
    int exit_code;
    assert_true(parse(&args, &with_words, line, &exit_code));
    assert_true(app_args_has(&args, "json"));
    assert_string_equal(app_args_one(&args, "data"), "d2");
    assert_int_equal(app_args_many(&args, "rules", &values), 3);
    assert_string_equal(values[0], "r1");
    assert_string_equal(values[2], "r3");
    assert_int_equal(app_args_words(&args, &values), 3);
    assert_string_equal(values[1], "b");
    assert_string_equal(values[2], "-");
    app_args_free(&args);
}

static void fallbacks_stand_in(void **state)
{
    (void)state;
    char line[] = "";
    const char **values;
    app_args args;
    int exit_code;
    assert_true(parse(&args, &with_words, line, &exit_code));
    assert_false(app_args_has(&args, "json"));
    assert_null(app_args_one(&args, "data"));
    assert_string_equal(app_args_one(&args, "log"), "text");
    assert_int_equal(app_args_many(&args, "rules", &values), 0);
    app_args_free(&args);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    char line[] = "-- --json";
    const char **values;
    app_args args;
    int exit_code;
    assert_true(parse(&args, &with_words, line, &exit_code));
    assert_false(app_args_has(&args, "json"));
    assert_int_equal(app_args_words(&args, &values), 1);
    app_args_free(&args);
}

static void mistakes_are_usage_errors(void **state)
{
    (void)state;
    static const struct { const char *line; const app_command *command; } cases[] = {
        {"--jsn", &with_words}, {"-j", &with_words}, {"--json=1", &with_words}, {"--data", &with_words}, {"--rules --json", &with_words},
        {"word", &without_words}, {"--data d word", &without_words},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[64];
        app_args args;
        int exit_code;
        strcpy(line, cases[i].line);
        assert_false(parse(&args, cases[i].command, line, &exit_code));
        assert_int_equal(exit_code, APP_USAGE);
        app_args_free(&args);
    }
}

static void whole_numbers_have_bounds(void **state)
{
    (void)state;
    static const struct { const char *text; bool fine; } cases[] = {
        {"0", true}, {"10", true}, {"11", false}, {"-1", false}, {"x", false}, {"5x", false}, {"99999999999999999999", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[64] = "--data=";
        app_args args;
        int exit_code;
        int64_t value = -7;
        strcat(line, cases[i].text);
        assert_true(parse(&args, &with_words, line, &exit_code));
        assert_int_equal(app_args_int(&args, "data", 0, 10, &value), cases[i].fine);
        if (!cases[i].fine) assert_int_equal(value, -7);
        app_args_free(&args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_flags_and_words_are_told_apart),
        cmocka_unit_test(fallbacks_stand_in),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(mistakes_are_usage_errors),
        cmocka_unit_test(whole_numbers_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
