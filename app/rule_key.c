/*
 * rule_key.c: see rule_key.h.
 */
#include "app/rule_key.h"

#include "alerting/json_write.h"
#include "compiler/value.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

void rule_key_write(egret_text *out, const egret_value *parts, size_t n)
{
    json_writer w;
    jsonw_init(&w);
    jsonw_begin(&w, '[');
    for (size_t i = 0; i < n; i++) jsonw_value(&w, parts[i]);
    jsonw_end(&w, ']');
    egret_text_put(out, w.ptr, w.len);
    out->failed = out->failed || w.failed;
    jsonw_deinit(&w);
}

static bool value_of(egret_str text, egret_type type, egret_value *out)
{
    int64_t i = 0;
    double d = 0;
    switch (type) {
    case EGRET_STRING: *out = egret_string(text.ptr, text.len); return true;
    case EGRET_BOOL: *out = egret_bool(egret_str_is(text, "true")); return egret_str_is(text, "true") || egret_str_is(text, "false");
    case EGRET_DECIMAL: return egret_parse_decimal(text.ptr, text.len, out);
    case EGRET_INT: *out = egret_int(0); return egret_parse_int(text.ptr, text.len, &out->u.i);
    case EGRET_NUMBER:
        if (!egret_parse_number(text.ptr, text.len, &d)) return false;
        *out = egret_number(d);
        return true;
    case EGRET_TIME:
        if (!egret_parse_rfc3339(text.ptr, text.len, &i)) return false;
        *out = egret_time(i);
        return true;
    case EGRET_DURATION:
        if (!egret_parse_duration(text.ptr, text.len, &i)) return false;
        *out = egret_duration(i);
        return true;
    case EGRET_NULL: break;
    }
    return false;
}

/* The part as its type wants it, from its text. */
static const char *take_text(egret_arena *arena, const plan_group *group, uint32_t part, const char *text, egret_value *out)
{
    egret_str copy = egret_arena_str(arena, text, strlen(text));
    if (!copy.ptr) return "no memory";
    if (value_of(copy, (egret_type)group->part_type[part], out)) return NULL;
    return egret_arena_printf(arena, "'%s' is no %s, as %.*s of the key is", text, egret_type_name((egret_type)group->part_type[part]),
                              (int)group->part_name[part].len, group->part_name[part].ptr);
}

static const char *take_json(egret_arena *arena, const plan_group *group, uint32_t part, const json_t *value, egret_value *out)
{
    if (json_is_string(value)) return take_text(arena, group, part, json_string_value(value), out);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (!text || json_is_array(value) || json_is_object(value) || json_is_null(value)) {
        free(text);
        return egret_arena_printf(arena, "the key lacks %.*s", (int)group->part_name[part].len, group->part_name[part].ptr);
    }
    const char *trouble = take_text(arena, group, part, text, out);
    free(text);
    return trouble;
}

static const char *take_parts(egret_arena *arena, const plan_group *group, const json_t *root, egret_value *parts)
{
    const char *trouble = NULL;
    if (json_is_array(root) && json_array_size(root) != group->n_parts)
        return egret_arena_printf(arena, "the key has %u parts", group->n_parts);
    for (uint32_t i = 0; i < group->n_parts && !trouble; i++) {
        const char *name = egret_arena_str(arena, group->part_name[i].ptr, group->part_name[i].len).ptr;
        const json_t *value = json_is_array(root) ? json_array_get(root, i) : name ? json_object_get(root, name) : NULL;
        trouble = take_json(arena, group, i, value, &parts[i]);
    }
    return trouble;
}

const char *rule_key_read(egret_arena *arena, const plan_group *group, const char *text, egret_value parts[PLAN_MAX_KEY_PARTS])
{
    json_error_t error;
    json_t *root = text[0] == '[' || text[0] == '{' ? json_loads(text, 0, &error) : NULL;
    const char *trouble = NULL;
    if (root) trouble = take_parts(arena, group, root, parts);
    else if (group->n_parts == 1) trouble = take_text(arena, group, 0, text, &parts[0]);
    else if (group->n_parts > 1) trouble = "write the key's parts as a JSON array, [\"ann\", \"192.0.2.7\"], or as an object";
    json_decref(root);
    return trouble;
}
