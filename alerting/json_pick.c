/*
 * json_pick.c: see json_pick.h. The input is what alert_json.c wrote, so it is well-formed: the walk only has to know where strings and
 * brackets end. It still never leaves the bytes it was given, whatever they hold.
 */
#include "alerting/json_pick.h"

#include <jansson.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(json_span text, size_t at)
{
    while (at < text.len && is_space(text.ptr[at])) at++;
    return at;
}

/* The place behind the string whose opening quote is at `at`. */
static size_t string_end(json_span text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++)
        if (text.ptr[at] == '\\') at++;
    return at < text.len ? at + 1 : text.len;
}

/* The place behind the value at `at`. */
static size_t value_end(json_span text, size_t at)
{
    size_t depth = 0;
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            at = string_end(text, at);
            if (depth == 0) return at;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c))) return at;
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && --depth == 0) return at + 1;
        at++;
    }
    return at;
}

bool json_pick_next(json_span object, size_t *at, json_span *name, json_span *value)
{
    size_t i = skip_space(object, *at);
    if (*at == 0 && i < object.len && object.ptr[i] == '{') i = skip_space(object, i + 1);
    if (i < object.len && object.ptr[i] == ',') i = skip_space(object, i + 1);
    if (i >= object.len || object.ptr[i] != '"') return false;
    size_t end = string_end(object, i);
    *name = (json_span){object.ptr + i, end - i};
    i = skip_space(object, end);
    if (i >= object.len || object.ptr[i] != ':') return false;
    i = skip_space(object, i + 1);
    end = value_end(object, i);
    *value = (json_span){object.ptr + i, end - i};
    *at = end;
    return end > i;
}

bool json_pick_member(json_span object, const char *name, size_t name_len, json_span *out)
{
    size_t at = 0;
    json_span key, value;
    while (json_pick_next(object, &at, &key, &value)) {
        if (key.len != name_len + 2 || memcmp(key.ptr + 1, name, name_len) != 0) continue;
        *out = value;
        return true;
    }
    return false;
}

/* A name may have dots itself (a key written as `order.customer`): all of the path is tried first, then what stands before each dot. */
static bool pick_path(json_span object, const char *path, size_t len, json_span *out)
{
    if (object.len == 0 || object.ptr[0] != '{') return false;
    if (json_pick_member(object, path, len, out)) return true;
    for (size_t dot = 1; dot + 1 < len; dot++) {
        json_span inner;
        if (path[dot] == '.' && json_pick_member(object, path, dot, &inner) && pick_path(inner, path + dot + 1, len - dot - 1, out)) return true;
    }
    return false;
}

bool json_pick_field(json_span alert, const char *path, size_t len, json_span *out)
{
    static const char *const places[] = {"fields", "key"};
    if (len == 5 && memcmp(path, "alert", 5) == 0) {
        *out = alert;
        return true;
    }
    if (pick_path(alert, path, len, out)) return true;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        json_span inner;
        if (json_pick_member(alert, places[i], strlen(places[i]), &inner) && pick_path(inner, path, len, out)) return true;
    }
    return false;
}

bool json_pick_text(json_span value, json_writer *out)
{
    if (value.len < 2 || value.ptr[0] != '"') {
        jsonw_raw(out, value.ptr, value.len);
        return !out->failed;
    }
    json_error_t error;
    json_t *text = json_loadb(value.ptr, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (json_is_string(text)) jsonw_raw(out, json_string_value(text), json_string_length(text));
    else jsonw_raw(out, value.ptr + 1, value.len - 2);
    json_decref(text);
    return !out->failed;
}
