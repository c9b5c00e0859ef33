/*
 * bundle.c: see bundle.h.
 */
#include "web/bundle.h"

#include <stdlib.h>

static const struct { const char *member; web_rules_kind kind; const char *name; } bundle_parts[] = {
    {"files", WEB_RULES_FILE, "path"}, {"rules", WEB_RULES_RULE, "name"}, {"lists", WEB_RULES_LIST, "name"}, {"tables", WEB_RULES_TABLE, "name"},
};
enum { BUNDLE_PARTS = sizeof bundle_parts / sizeof bundle_parts[0], BUNDLE_MAX = 20000 };

/* {"name", "text" or "remove": true, "if_match"}; what it points to stays the object's. */
static bool read_item(const json_t *object, unsigned part, web_rules_item *out, web_response *response)
{
    const char *members[] = {bundle_parts[part].name, "text", "if_match", "remove", NULL};
    const json_t *remove = json_object_get(object, "remove");
    *out = (web_rules_item){.kind = bundle_parts[part].kind, .remove = json_is_true(remove), .if_match = json_string_value(json_object_get(object, "if_match"))};
    if (!json_is_object(object)) {
        web_response_problem(response, 400, "a bundle's files, rules, lists and tables are arrays of objects");
        return false;
    }
    if (remove && (!json_is_boolean(remove) || out->kind == WEB_RULES_LIST || out->kind == WEB_RULES_TABLE)) {
        web_response_problem(response, 400, "'remove' is true or false, and of files and rules only: lists and tables go with the file that names them");
        return false;
    }
    return web_members_are(object, members, response) && web_member_text(object, bundle_parts[part].name, NULL, &out->name, response) &&
           (out->remove || web_member_text(object, "text", NULL, &out->text, response));
}

static bool add_item(bundle *b, const web_rules_item *item, web_response *response)
{
    if (b->n == b->capacity) {
        size_t capacity = b->capacity ? b->capacity * 2 : 16;
        web_rules_item *grown = b->n < BUNDLE_MAX ? realloc(b->items, capacity * sizeof *grown) : NULL;
        if (!grown) {
            web_response_problem(response, b->n < BUNDLE_MAX ? 503 : 413, b->n < BUNDLE_MAX ? "no memory" : "too many parts; send several bundles");
            return false;
        }
        b->items = grown;
        b->capacity = capacity;
    }
    b->items[b->n++] = *item;
    return true;
}

bool bundle_read(const json_t *body, bundle *b, web_response *response)
{
    for (unsigned part = 0; part < BUNDLE_PARTS; part++) {
        const json_t *list = json_object_get(body, bundle_parts[part].member), *object;
        size_t i;
        if (list && !json_is_array(list)) {
            web_response_problem(response, 400, "a bundle's files, rules, lists and tables are arrays of objects");
            return false;
        }
        json_array_foreach(list, i, object) {
            web_rules_item item;
            if (!read_item(object, part, &item, response) || !add_item(b, &item, response)) return false;
        }
    }
    return true;
}

void bundle_free(bundle *b)
{
    free(b->items);
    *b = (bundle){0};
}
