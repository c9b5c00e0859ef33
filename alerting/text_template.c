/*
 * text_template.c: see text_template.h. A template is cut into parts once; filling it in copies parts and values one after the other.
 */
#include "alerting/text_template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Length of the {path} that begins at text, braces included; 0: it is none. */
static size_t field_length(const char *text)
{
    size_t n = 1;
    if (text[0] != '{' || isdigit((unsigned char)text[1]) || text[1] == '.') return 0;
    while (is_name(text[n])) n++;
    return n > 1 && text[n] == '}' ? n + 1 : 0;
}

static void add_part(text_template *t, const char *ptr, size_t len, bool is_field, bool in_string)
{
    if (len > 0) t->parts[t->n++] = (template_part){ptr, len, is_field, in_string};
}

bool template_read(text_template *t, template_mode mode, const char *text)
{
    size_t n_braces = 0;
    for (const char *c = text; *c; c++) n_braces += *c == '{';
    *t = (text_template){.mode = mode, .text = strdup(text), .parts = calloc(2 * n_braces + 1, sizeof *t->parts)};
    if (!t->text || !t->parts) return false;
    bool in_string = false;
    const char *run = t->text, *at = t->text;
    while (*at) {
        size_t n = field_length(at);
        if (n > 0) {
            add_part(t, run, (size_t)(at - run), false, false);
            add_part(t, at + 1, n - 2, true, in_string);
            run = at += n;
            continue;
        }
        if (mode == TEMPLATE_JSON && in_string && at[0] == '\\' && at[1]) at++;
        else if (*at == '"') in_string = !in_string;
        at++;
    }
    add_part(t, run, (size_t)(at - run), false, false);
    return true;
}

void template_deinit(text_template *t)
{
    free(t->text);
    free(t->parts);
    *t = (text_template){0};
}

bool template_has_fields(const text_template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i].is_field) return true;
    return false;
}

/* Text of a value that stands between the quotes of a template. */
static void put_in_string(json_span value, json_writer *out)
{
    if (value.len >= 2 && value.ptr[0] == '"') {
        jsonw_raw(out, value.ptr + 1, value.len - 2);
        return;
    }
    size_t start = out->len;
    bool comma = out->comma;
    out->comma = false;
    jsonw_string(out, value.ptr, value.len);
    out->comma = comma;
    if (out->failed) return;
    memmove(out->ptr + start, out->ptr + start + 1, out->len - start - 2);     /* the quotes are the template's */
    out->len -= 2;
}

static void put_topic_level(json_span value, json_writer *out)
{
    size_t start = out->len;
    json_pick_text(value, out);
    if (out->failed) return;
    for (size_t i = start; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < 0x20 || out->ptr[i] == 0x7f || strchr("/+#", out->ptr[i])) out->ptr[i] = '_';
    if (out->len == start) jsonw_raw(out, "_", 1);
}

static void put_field(const text_template *t, const template_part *part, json_span alert, json_writer *out)
{
    json_span value;
    if (!json_pick_field(alert, part->ptr, part->len, &value)) {
        if (t->mode == TEMPLATE_JSON && !part->in_string) jsonw_raw(out, "null", 4);
        else if (t->mode == TEMPLATE_TOPIC) jsonw_raw(out, "_", 1);
        return;
    }
    if (t->mode == TEMPLATE_TEXT) json_pick_text(value, out);
    else if (t->mode == TEMPLATE_TOPIC) put_topic_level(value, out);
    else if (part->in_string) put_in_string(value, out);
    else jsonw_raw(out, value.ptr, value.len);
}

bool template_render(const text_template *t, json_span alert, json_writer *out)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->parts[i].is_field) put_field(t, &t->parts[i], alert, out);
        else jsonw_raw(out, t->parts[i].ptr, t->parts[i].len);
    }
    return !out->failed;
}
