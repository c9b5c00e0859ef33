/*
 * args.c: reads a command line by a command's table of options.
 *
 * Long options only (`--rules x`, `--rules=x`). Values are kept as a small matrix, one row per option of the table and one for the words
 * that stand alone; no row can be longer than the command line, so nothing has to grow.
 */
#include "app/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t option_count(const app_option *options)
{
    size_t n = 0;
    while (options[n].name) n++;
    return n;
}

static bool find_option(const app_args *args, const char *name, size_t len, size_t *out)
{
    for (size_t i = 0; i < args->n_options; i++) {
        const char *candidate = args->command->options[i].name;
        if (strlen(candidate) == len && memcmp(candidate, name, len) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void put_value(app_args *args, size_t row, const char *value)
{
    args->values[row * args->width + args->counts[row]++] = value;
}

/* "-" alone is a word: it names a standard stream. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* Reads the option at argv[*at] with its values and moves *at behind them. */
static int take_option(app_args *args, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    if (word[1] != '-') return app_usage(args, "unknown option '%s'", word);
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    size_t row;
    if (!find_option(args, name, len, &row)) return app_usage(args, "unknown option '--%.*s'", (int)len, name);
    const app_option *option = &args->command->options[row];
    ++*at;
    if (option->kind == APP_FLAG) {
        if (equals) return app_usage(args, "--%s takes no value", option->name);
        args->counts[row] = 1;
        return APP_FINE;
    }
    if (option->kind == APP_ONE) args->counts[row] = 0;
    if (equals) {
        put_value(args, row, equals + 1);
        return APP_FINE;
    }
    size_t before = args->counts[row];
    while (*at < argc && !is_option(argv[*at])) {
        put_value(args, row, argv[(*at)++]);
        if (option->kind == APP_ONE) break;
    }
    if (args->counts[row] == before) return app_usage(args, "--%s needs a value: %s", option->name, option->metavar);
    return APP_FINE;
}

bool app_args_parse(app_args *args, const app_command *command, int argc, char **argv, int *exit_code)
{
    *args = (app_args){.command = command, .n_options = option_count(command->options), .width = (size_t)argc + 1};
    args->values = calloc((args->n_options + 1) * args->width, sizeof *args->values);
    args->counts = calloc(args->n_options + 1, sizeof *args->counts);
    if (!args->values || !args->counts) {
        *exit_code = app_trouble(args, "no memory");
        return false;
    }
    *exit_code = APP_FINE;
    bool words_only = false;
    int at = 0;
    while (at < argc && *exit_code == APP_FINE) {
        if (!words_only && strcmp(argv[at], "--") == 0) {
            words_only = true;
            at++;
        } else if (!words_only && is_option(argv[at])) {
            *exit_code = take_option(args, argc, argv, &at);
        } else if (!command->words) {
            *exit_code = app_usage(args, "what should '%s' be? This command takes options only", argv[at]);
        } else {
            put_value(args, args->n_options, argv[at++]);
        }
    }
    return *exit_code == APP_FINE;
}

void app_args_free(app_args *args)
{
    free(args->values);
    free(args->counts);
    *args = (app_args){0};
}

bool app_args_has(const app_args *args, const char *name)
{
    size_t row;
    return find_option(args, name, strlen(name), &row) && args->counts[row] > 0;
}

const char *app_args_one(const app_args *args, const char *name)
{
    size_t row;
    if (!find_option(args, name, strlen(name), &row)) return NULL;
    return args->counts[row] ? args->values[row * args->width] : args->command->options[row].fallback;
}

size_t app_args_many(const app_args *args, const char *name, const char ***out)
{
    size_t row;
    if (!find_option(args, name, strlen(name), &row)) return 0;
    *out = &args->values[row * args->width];
    return args->counts[row];
}

size_t app_args_words(const app_args *args, const char ***out)
{
    *out = &args->values[args->n_options * args->width];
    return args->counts[args->n_options];
}

bool app_args_int(const app_args *args, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *text = app_args_one(args, name);
    if (!text) {
        app_usage(args, "--%s is needed", name);
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
        app_usage(args, "--%s: '%s' is not a whole number from %lld to %lld", name, text, (long long)min, (long long)max);
        return false;
    }
    *out = value;
    return true;
}

bool app_args_size(const app_args *args, const char *name, uint64_t *out)
{
    static const char units[] = "KMGT";
    const char *text = app_args_one(args, name);
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    bool fine = errno == 0 && end > text && text[0] >= '0' && text[0] <= '9' && end[unit != NULL] == '\0' && n <= UINT64_MAX >> shift;
    *out = fine ? (uint64_t)n << shift : 0;
    if (!fine) app_usage(args, "--%s: '%s' is no size such as 500M or 20G", name, text);
    return fine;
}

static void print_option(const app_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s%s", option->name, option->metavar ? " " : "", option->metavar ? option->metavar : "",
             option->kind == APP_MANY ? "\xe2\x80\xa6" : "");
    /* The ellipsis is three bytes and one column. */
    int width = option->kind == APP_MANY ? 30 : 28;
    printf("  %-*s %s", width, left, option->help);
    if (option->fallback) printf(" (default: %s)", option->fallback);
    putchar('\n');
}

void app_command_help(const app_command *command)
{
    printf("Usage: egret %s%s%s%s\n\n%s\n", command->name, command->options[0].name ? " [OPTIONS]" : "", command->words ? " " : "",
           command->words ? command->words : "", command->summary);
    if (command->options[0].name) printf("\nOptions:\n");
    for (const app_option *option = command->options; option->name; option++) print_option(option);
    if (command->notes) printf("\n%s\n", command->notes);
}

static void say(const app_args *args, const char *format, va_list list)
{
    fprintf(stderr, "egret %s: ", args->command->name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
}

int app_usage(const app_args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(args, format, list);
    va_end(list);
    fprintf(stderr, "See: egret %s --help\n", args->command->name);
    return APP_USAGE;
}

int app_trouble(const app_args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(args, format, list);
    va_end(list);
    return APP_TROUBLE;
}
