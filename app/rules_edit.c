/*
 * rules_edit.c: from what is asked for to the files of a changed set.
 *
 * A rule is a piece of a file: to replace it is to replace the bytes of its declaration, to take it out is to cut them away, with the tests of the
 * rule. Pieces are noted first, as places in the files of now, and then put in from the back, so that no place moves before its turn. A rule that is
 * not there yet gets a file of its own.
 */
#include "app/rules_backend.h"

#include <stdlib.h>
#include <string.h>

#define OWN_FOLDER "live/"

typedef struct piece {
    uint32_t source, start, end;
    const char *text;           /* in the arena */
    size_t len;
} piece;

typedef struct editing {
    daemon_state *daemon;
    const rule_set *now;
    rule_set *next;
    egret_arena arena;
    piece *pieces;
    size_t n, cap;
    egret_text *out;
    const char *what;
} editing;

void backend_document(rule_set *set, egret_text *out)
{
    const char *text = egret_diags_json(&set->diags);
    out->len = 0;
    if (text) egret_text_puts(out, text);
}

/* ---- pieces ---- */

static bool note_piece(editing *e, egret_span span, const char *text, size_t len)
{
    if (e->n == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 16;
        piece *grown = realloc(e->pieces, cap * sizeof *grown);
        if (!grown) return false;
        e->pieces = grown;
        e->cap = cap;
    }
    egret_str copy = egret_arena_str(&e->arena, text, len);
    e->pieces[e->n++] = (piece){span.source, span.start, span.end, copy.ptr, copy.len};
    return copy.ptr != NULL;
}

/* By file, last place first. */
static int from_behind(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    return x->start > y->start ? -1 : x->start < y->start;
}

static bool is_blank(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1])) len--;
    return len == 0;
}

/* The file of n pieces, from behind. */
static bool put_pieces(editing *e, const piece *pieces, size_t n)
{
    const egret_source *source = &e->now->diags.sources[pieces[0].source];
    egret_text text;
    egret_text_init(&text, egret_mem_of(NULL));
    uint32_t at = 0;
    for (size_t i = n; i-- > 0; at = pieces[i].end) {
        egret_text_put(&text, source->text + at, pieces[i].start - at);
        egret_text_put(&text, pieces[i].text, pieces[i].len);
    }
    egret_text_put(&text, source->text + at, source->len - at);
    bool fine = !text.failed;
    if (fine && is_blank(text.ptr ? text.ptr : "", text.len)) rule_set_remove(e->next, source->name);
    else if (fine) rule_set_put(e->next, source->name, text.ptr, text.len, false);
    egret_text_deinit(&text);
    return fine;
}

static bool put_all_pieces(editing *e)
{
    bool fine = true;
    if (e->n > 1) qsort(e->pieces, e->n, sizeof *e->pieces, from_behind);
    for (size_t i = 0, end; i < e->n && fine; i = end) {
        for (end = i; end < e->n && e->pieces[end].source == e->pieces[i].source;) end++;
        fine = put_pieces(e, e->pieces + i, end - i);
    }
    return fine;
}

/* ---- rules ---- */

/* Is the text the declaration of that rule, and nothing else? */
static web_rules_status look_at_text(editing *e, const char *rule, const char *text)
{
    rule_set *alone = rule_set_new();
    web_rules_status status = WEB_RULES_NO_MEMORY;
    uint32_t source = alone ? egret_diags_add_source(&alone->diags, rule, text, strlen(text)) : UINT32_MAX;
    if (source != UINT32_MAX) {
        egret_parse(&alone->diags, source, &alone->tree);
        const ast_decl *decl = alone->tree.decls;
        status = WEB_RULES_DONE;
        if (alone->diags.n_errors > 0) {
            backend_document(alone, e->out);
            status = WEB_RULES_INVALID;
        } else if (!decl || decl->kind != AST_RULE || decl->next) {
            status = backend_say(e->out, WEB_RULES_REFUSED, "the text must be the declaration of one rule and nothing else; send other declarations as a file");
        } else if (!egret_str_is(decl->name.str, rule)) {
            status = backend_say(e->out, WEB_RULES_REFUSED, "the text declares rule %.*s, not %s", (int)decl->name.str.len, decl->name.str.ptr, rule);
        }
    }
    rule_set_drop(alone);
    return status;
}

/* What must be so before something is replaced. hash: of what is there; NULL: nothing is. */
static web_rules_status check_match(editing *e, const web_rules_item *item, const char *hash)
{
    const char *wanted = item->if_match && item->if_match[0] ? item->if_match : NULL;
    if (item->only_new && hash) return backend_say(e->out, WEB_RULES_CONFLICT, "%s", hash);
    if (item->remove && !hash) return backend_say(e->out, WEB_RULES_NOT_FOUND, "there is no %s", item->name);
    if (!wanted || (hash && (strcmp(wanted, "*") == 0 || strcmp(wanted, hash) == 0))) return WEB_RULES_DONE;
    if (!hash) return backend_say(e->out, WEB_RULES_NOT_FOUND, "there is no %s", item->name);
    return backend_say(e->out, WEB_RULES_CONFLICT, "%s", hash);
}

/* Cuts the rule and its tests away. */
static bool cut_rule(editing *e, const ast_decl *decl)
{
    bool fine = note_piece(e, decl->span, "", 0);
    for (const ast_decl *other = e->now->tree.decls; other && fine; other = other->next)
        if (other->kind == AST_TEST && egret_str_eq(other->name.str, decl->name.str)) fine = note_piece(e, other->span, "", 0);
    return fine;
}

static bool put_rule(editing *e, const ast_decl *decl, const char *rule, const char *text)
{
    if (decl) return note_piece(e, decl->span, text, strlen(text));
    char *path = egret_arena_printf(&e->arena, OWN_FOLDER "%s.egret", rule);
    char *whole = egret_arena_printf(&e->arena, "%s\n", text);
    if (!path || !whole) return false;
    rule_set_put(e->next, path, whole, strlen(whole), false);
    return true;
}

static web_rules_status edit_rule(editing *e, const web_rules_item *item)
{
    char hash[STORE_HASH_DIGITS + 1];
    const ast_decl *decl = rule_set_declaration(e->now, item->name);
    if (decl) store_hash(rule_set_text(e->now, decl).ptr, rule_set_text(e->now, decl).len, hash);
    web_rules_status status = check_match(e, item, decl ? hash : NULL);
    if (status != WEB_RULES_DONE) return status;
    if (item->remove) return cut_rule(e, decl) ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
    status = look_at_text(e, item->name, item->text);
    if (status != WEB_RULES_DONE) return status;
    return put_rule(e, decl, item->name, item->text) ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
}

static web_rules_status roll_back(editing *e, const web_rules_item *item)
{
    egret_text text;
    char etag[WEB_RULES_ETAG];
    egret_text_init(&text, egret_mem_of(NULL));
    web_rules_status status = backend_version_text(e->daemon, item->name, item->version, &text, etag);
    if (status != WEB_RULES_DONE) {
        egret_text_put(e->out, text.ptr, text.len);
    } else {
        const char *copy = egret_arena_str(&e->arena, text.ptr ? text.ptr : "", text.len).ptr;
        status = copy && put_rule(e, rule_set_declaration(e->now, item->name), item->name, copy) ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
        e->what = "rolled back";
    }
    egret_text_deinit(&text);
    return status;
}

/* ---- files, contents ---- */

static bool is_path(const char *path)
{
    size_t len = strlen(path);
    if (len <= 6 || len > 400 || path[0] == '/' || strcmp(path + len - 6, ".egret") != 0) return false;
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ' || *c == '\\') return false;
    return strncmp(path, "../", 3) != 0 && !strstr(path, "/../") && !strstr(path, "//");
}

static web_rules_status edit_file(editing *e, const web_rules_item *item)
{
    const rule_file *file = rule_set_file(e->now, item->name);
    if (file && file->is_content) return backend_say(e->out, WEB_RULES_REFUSED, "%s is the content of a list or table", item->name);
    if (!file && !is_path(item->name))
        return backend_say(e->out, WEB_RULES_REFUSED, "'%s' is no path of a rule file such as fraud/velocity.egret", item->name);
    web_rules_status status = check_match(e, item, file ? file->hash : NULL);
    if (status != WEB_RULES_DONE) return status;
    if (item->remove) rule_set_remove(e->next, item->name);
    else rule_set_put(e->next, item->name, item->text, strlen(item->text), false);
    return WEB_RULES_DONE;
}

static web_rules_status edit_content(editing *e, const web_rules_item *item)
{
    const ast_decl *decl = backend_content_declaration(e->now, item->kind, item->name);
    const rule_file *file = decl ? backend_content_file(e->now, decl) : NULL;
    if (!file) return backend_say(e->out, WEB_RULES_NOT_FOUND, "there is no %s %s", item->kind == WEB_RULES_TABLE ? "table" : "list", item->name);
    web_rules_status status = check_match(e, item, file->hash);
    if (status == WEB_RULES_DONE) rule_set_put(e->next, file->path, item->text, strlen(item->text), true);
    return status;
}

/* ---- settings ---- */

static web_rules_status edit_mode(editing *e, const web_rules_item *item)
{
    bool known = strcmp(item->text, "") == 0 || strcmp(item->text, "live") == 0 || strcmp(item->text, "shadow") == 0 || strcmp(item->text, "off") == 0;
    if (!known) return backend_say(e->out, WEB_RULES_REFUSED, "'%s' is no mode: live, shadow or off", item->text);
    if (!backend_find(e->now->plan, item->name)) return backend_say(e->out, WEB_RULES_NOT_FOUND, "there is no rule %s", item->name);
    rule_set_put_mode(e->next, item->name, item->text[0] ? item->text : "-");
    return WEB_RULES_DONE;
}

static web_rules_status edit_snooze(editing *e, const web_rules_item *item, const char *who)
{
    egret_value parts[PLAN_MAX_KEY_PARTS];
    egret_text key;
    const plan_rule *rule = backend_find(e->now->plan, item->name);
    if (!rule) return backend_say(e->out, WEB_RULES_NOT_FOUND, "there is no rule %s", item->name);
    const plan_group *group = &e->now->plan->groups[rule->group];
    const char *trouble = rule_key_read(&e->arena, group, item->key, parts);
    if (trouble) return backend_say(e->out, WEB_RULES_REFUSED, "%s", trouble);
    if (!item->remove && item->until_ms <= 0) return backend_say(e->out, WEB_RULES_REFUSED, "until when?");
    egret_text_init(&key, egret_mem_of(NULL));
    rule_key_write(&key, parts, group->n_parts);
    egret_text_put(&key, "", 1);
    size_t before = e->next->changes.len;
    if (!key.failed)
        rule_set_put_snooze(e->next, &(rule_snooze){.rule = item->name, .key = key.ptr, .until_ms = item->remove ? 0 : item->until_ms,
                                                    .when_ms = app_wall_ms(NULL), .who = who, .reason = item->text ? item->text : ""});
    bool none = item->remove && e->next->changes.len == before;
    web_rules_status status = key.failed ? WEB_RULES_NO_MEMORY : WEB_RULES_DONE;
    if (none) status = backend_say(e->out, WEB_RULES_NOT_FOUND, "rule %s is not snoozed for the key %s", item->name, key.ptr);
    egret_text_deinit(&key);
    return status;
}

static web_rules_status edit_item(editing *e, const web_rules_item *item, const char *who)
{
    switch (item->kind) {
    case WEB_RULES_RULE: return edit_rule(e, item);
    case WEB_RULES_FILE: return edit_file(e, item);
    case WEB_RULES_LIST: case WEB_RULES_TABLE: return edit_content(e, item);
    case WEB_RULES_MODE: return edit_mode(e, item);
    case WEB_RULES_SNOOZE: return edit_snooze(e, item, who);
    case WEB_RULES_ROLLBACK: return roll_back(e, item);
    }
    return WEB_RULES_REFUSED;
}

web_rules_status backend_edit(daemon_state *d, const rule_set *now, const web_rules_change *change, rule_set **next, const char **what, egret_text *out)
{
    editing e = {.daemon = d, .now = now, .next = rule_set_copy(now), .out = out};
    egret_arena_init(&e.arena, egret_mem_of(NULL));
    web_rules_status status = e.next ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
    for (size_t i = 0; i < change->n_items && status == WEB_RULES_DONE; i++) status = edit_item(&e, &change->items[i], change->who);
    if (status == WEB_RULES_DONE && (!put_all_pieces(&e) || e.next->arena.failed)) status = WEB_RULES_NO_MEMORY;
    free(e.pieces);
    egret_arena_deinit(&e.arena);
    if (status != WEB_RULES_DONE) rule_set_drop(e.next);
    *next = status == WEB_RULES_DONE ? e.next : NULL;
    *what = e.what;
    return status;
}
