/*
 * options.c: see options.h. Values are constants already (the compiler has checked them); what is left is the environment, the fallbacks, and maps.
 */
#include "edge/options.h"

#include "compiler/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t edge_option_count(const edge_option *options)
{
    size_t n = 0;
    while (options[n].name) n++;
    return n;
}

static bool complain(char *reason, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool complain(char *reason, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(reason, size, format, list);
    va_end(list);
    return false;
}

/* Row i of the own table followed by the common one. */
static const edge_option *option_at(const edge_tables *tables, size_t i)
{
    size_t own = edge_option_count(tables->own);
    return i < own ? &tables->own[i] : &tables->common[i - own];
}

static size_t option_total(const edge_tables *tables)
{
    return edge_option_count(tables->own) + edge_option_count(tables->common);
}

static bool find_option(const edge_tables *tables, egret_str name, size_t *out)
{
    for (size_t i = 0; i < option_total(tables); i++) {
        if (!egret_str_is(name, option_at(tables, i)->name)) continue;
        *out = i;
        return true;
    }
    return false;
}

static bool keep_string(edge_settings *settings, size_t i, const char *ptr, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy) return false;
    if (len > 0) memcpy(copy, ptr, len);
    copy[len] = '\0';
    free(settings->texts[i]);
    settings->texts[i] = copy;
    settings->values[i] = egret_string(copy, (uint32_t)len);
    return true;
}

/* Text to a value of the option's type: fallbacks, and what came from the environment. */
static bool read_text(edge_settings *settings, size_t i, egret_type type, const char *text, size_t len)
{
    int64_t n;
    if (type == EGRET_STRING) return keep_string(settings, i, text, len);
    if (type == EGRET_INT && egret_parse_int(text, len, &n)) settings->values[i] = egret_int(n);
    else if (type == EGRET_DURATION && egret_parse_duration(text, len, &n)) settings->values[i] = egret_duration(n);
    else if (type == EGRET_BOOL && len == 4 && memcmp(text, "true", 4) == 0) settings->values[i] = egret_bool(true);
    else if (type == EGRET_BOOL && len == 5 && memcmp(text, "false", 5) == 0) settings->values[i] = egret_bool(false);
    else return false;
    return true;
}

/* The text of a string value, from the rules or the environment; NULL: a sentence was written. */
static const char *text_of(const plan_option_value *written, const char *option, size_t *len, char *reason, size_t size)
{
    *len = written->value.len;
    if (written->value.type != EGRET_STRING) {
        complain(reason, size, "option '%s' must be a string", option);
        return NULL;
    }
    if (!written->is_env) return written->value.u.s;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)written->value.len, written->value.u.s);
    const char *text = getenv(name);
    if (text && *text) {
        *len = strlen(text);
        return text;
    }
    complain(reason, size, "option '%s': the environment has no %s", option, name);
    return NULL;
}

static bool has_control(const char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)ptr[i] < 0x20 || ptr[i] == 0x7f) return true;
    return false;
}

static bool read_map(edge_settings *settings, size_t i, const edge_option *option, const plan_option *written, char *reason, size_t size)
{
    egret_text lines;
    egret_text_init(&lines, egret_mem_of(NULL));
    bool fine = written->is_map || complain(reason, size, "option '%s' takes a map: { \"name\": \"value\" }", option->name);
    for (uint32_t k = 0; fine && k < written->n_values; k++) {
        const plan_option_value *pair = &written->values[k];
        size_t len;
        const char *value = text_of(pair, option->name, &len, reason, size);
        fine = value != NULL;
        if (fine && (has_control(value, len) || has_control(pair->key.ptr, pair->key.len)))
            fine = complain(reason, size, "option '%s': control characters are not allowed", option->name);
        if (fine) egret_text_printf(&lines, "%.*s: %.*s\n", (int)pair->key.len, pair->key.ptr, (int)len, value);
    }
    if (fine && (lines.failed || !keep_string(settings, i, lines.ptr, lines.len))) fine = complain(reason, size, "no memory");
    egret_text_deinit(&lines);
    return fine;
}

static bool read_option(edge_settings *settings, size_t i, const edge_option *option, const plan_option *written, char *reason, size_t size)
{
    if (option->type == EGRET_NULL) return read_map(settings, i, option, written, reason, size);
    if (written->is_map || written->n_values != 1) return complain(reason, size, "option '%s' takes one value", option->name);
    egret_value value = written->values[0].value;
    if (written->values[0].is_env || (value.type == EGRET_STRING && option->type == EGRET_STRING)) {
        size_t len;
        const char *text = text_of(&written->values[0], option->name, &len, reason, size);
        return text && (read_text(settings, i, option->type, text, len) ||
                        complain(reason, size, "option '%s': what the environment has is not a %s", option->name,
                                 egret_type_name(option->type)));
    }
    if (value.type != option->type)
        return complain(reason, size, "option '%s' must be a %s", option->name, egret_type_name(option->type));
    settings->values[i] = value;
    return true;
}

static bool read_written(edge_settings *settings, const edge_tables *tables, const plan_edge *edge, char *reason, size_t size)
{
    for (uint32_t i = 0; i < edge->n_options; i++) {
        const plan_option *written = &edge->options[i];
        size_t row;
        if (!find_option(tables, written->name, &row))
            return complain(reason, size, "a %s has no option '%.*s'", tables->what, (int)written->name.len, written->name.ptr);
        if (!read_option(settings, row, option_at(tables, row), written, reason, size)) return false;
    }
    for (size_t i = 0; i < option_total(tables); i++)
        if (option_at(tables, i)->required && settings->values[i].type == EGRET_NULL)
            return complain(reason, size, "option '%s' is needed: %s", option_at(tables, i)->name, option_at(tables, i)->help);
    return true;
}

bool edge_settings_fallback(edge_settings *settings, const edge_tables *tables)
{
    *settings = (edge_settings){0};
    for (size_t i = 0; i < option_total(tables); i++) {
        const edge_option *option = option_at(tables, i);
        if (option->fallback && !read_text(settings, i, option->type, option->fallback, strlen(option->fallback))) return false;
    }
    return true;
}

bool edge_settings_read(edge_settings *settings, const edge_tables *tables, const plan_edge *edge, char *reason, size_t reason_size)
{
    if (!edge_settings_fallback(settings, tables)) return complain(reason, reason_size, "no memory");
    return read_written(settings, tables, edge, reason, reason_size);
}

void edge_settings_deinit(edge_settings *settings)
{
    for (size_t i = 0; i < EDGE_MAX_OPTIONS; i++) free(settings->texts[i]);
    *settings = (edge_settings){0};
}

bool edge_map_next(const char **at, egret_str *key, egret_str *value)
{
    const char *line = *at, *end = line ? strchr(line, '\n') : NULL, *colon = end ? strstr(line, ": ") : NULL;
    if (!colon || colon > end) return false;
    *key = (egret_str){line, (uint32_t)(colon - line)};
    *value = (egret_str){colon + 2, (uint32_t)(end - colon - 2)};
    *at = end + 1;
    return true;
}
