/*
 * rules_read.c: rules, versions, files, contents and snoozes as they are now; see web/rules_backend.h.
 */
#include "app/rules_backend.h"

#include "store/rule_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

web_rules_status backend_say(egret_text *out, web_rules_status status, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    out->len = 0;
    if (len >= 0) egret_text_put(out, text, (size_t)len);
    if (len >= 0) free(text);
    return status;
}

web_rules_status backend_json(egret_text *out, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (text) egret_text_puts(out, text);
    free(text);
    json_decref(value);
    return text && !out->failed ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
}

json_t *backend_time(int64_t ms)
{
    char text[64];
    size_t len = egret_value_text(egret_time(ms), text, sizeof text);
    return json_stringn(text, len);
}

static json_t *text_of(egret_str text)
{
    return json_stringn_nocheck(text.len > 0 ? text.ptr : "", text.len);
}

const plan_rule *backend_find(const plan *p, const char *rule)
{
    for (uint32_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].instance == 0 && egret_str_is(p->rules[i].name, rule)) return &p->rules[i];
    return NULL;
}

static web_rules_status no_rule(egret_text *out, const char *rule)
{
    return backend_say(out, WEB_RULES_NOT_FOUND, "there is no rule %s", rule);
}

/* ---- rules ---- */

static const char *mode_name(plan_mode mode)
{
    return mode == PLAN_SHADOW ? "shadow" : mode == PLAN_OFF ? "off" : "live";
}

static json_t *declared_mode(const ast_decl *decl)
{
    for (const ast_clause *clause = decl->u.rule.clauses; clause; clause = clause->next)
        if (clause->kind == AST_MODE) return text_of(clause->name.str);
    return json_string("live");
}

static json_t *severity_of(const plan *p, const plan_rule *rule)
{
    if (rule->severity == PLAN_NONE) return json_string("medium");
    const plan_expr *expr = &p->exprs[rule->severity];
    if (expr->op != PLAN_CONST || p->consts[expr->a].type != EGRET_STRING) return json_null();
    return text_of((egret_str){p->consts[expr->a].u.s, p->consts[expr->a].len});
}

static json_t *keys_of(const plan *p, const plan_rule *rule)
{
    json_t *list = json_array();
    const plan_group *group = &p->groups[rule->group];
    for (uint32_t i = 0; i < group->n_parts; i++) json_array_append_new(list, text_of(group->part_name[i]));
    return list;
}

static json_t *sinks_of(const plan *p, const plan_rule *rule)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < rule->n_sinks; i++) json_array_append_new(list, text_of(p->sinks[rule->sinks[i]].name));
    return list;
}

static size_t snoozes_of(const rule_set *set, egret_str rule)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_snoozes; i++) n += egret_str_is(rule, set->snoozes[i].rule);
    return n;
}

static void put_version(daemon_state *d, const plan_rule *rule, json_t *object)
{
    rule_book_entry entry;
    char *name = rule_text_copy(rule->name.ptr, rule->name.len);
    if (name && daemon_rules_entry(d->rules, name, &entry)) {
        json_object_set_new(object, "version", json_integer((json_int_t)entry.version));
        json_object_set_new(object, "etag", json_string(entry.hash));
        json_object_set_new(object, "changed", backend_time(entry.when_ms));
        json_object_set_new(object, "by", json_string_nocheck(entry.who));
    }
    free(name);
}

static json_t *rule_object(daemon_state *d, const rule_set *set, const plan_rule *rule, const ast_decl *decl)
{
    uint32_t line = 0, column;
    const egret_source *source = &set->diags.sources[rule->span.source];
    egret_source_position(source, rule->span.start, &line, &column);
    json_t *object = json_object();
    json_object_set_new(object, "name", text_of(rule->name));
    json_object_set_new(object, "text", rule->text.len > 0 ? text_of(rule->text) : json_null());
    json_object_set_new(object, "file", json_string_nocheck(source->name));
    json_object_set_new(object, "line", json_integer(line));
    json_object_set_new(object, "mode", json_string(mode_name(rule->mode)));
    json_object_set_new(object, "declared_mode", declared_mode(decl));
    json_object_set_new(object, "severity", severity_of(set->plan, rule));
    json_object_set_new(object, "kind", json_string(rule->kind == PLAN_SEQUENCE ? "sequence" : "threshold"));
    json_object_set_new(object, "key", keys_of(set->plan, rule));
    json_object_set_new(object, "sinks", sinks_of(set->plan, rule));
    json_object_set_new(object, "snoozes", json_integer((json_int_t)snoozes_of(set, rule->name)));
    put_version(d, rule, object);
    return object;
}

typedef struct named_decl { egret_str name; const ast_decl *decl; } named_decl;

static int by_name(const void *a, const void *b)
{
    return egret_str_cmp(((const named_decl *)a)->name, ((const named_decl *)b)->name);
}

/* All rules' declarations, sorted; malloced. */
static named_decl *sorted_decls(const rule_set *set, size_t *n)
{
    *n = 0;
    for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next) *n += decl->kind == AST_RULE;
    named_decl *list = calloc(*n + 1, sizeof *list);
    size_t at = 0;
    for (const ast_decl *decl = set->tree.decls; decl && list; decl = decl->next)
        if (decl->kind == AST_RULE) list[at++] = (named_decl){decl->name.str, decl};
    if (list && *n > 1) qsort(list, *n, sizeof *list, by_name);
    return list;
}

web_rules_status backend_list(void *user, egret_text *out)
{
    daemon_state *d = user;
    size_t n;
    rule_set *set = daemon_rules_now(d->rules);
    named_decl *decls = set ? sorted_decls(set, &n) : NULL;
    json_t *list = decls ? json_array() : NULL;
    for (uint32_t i = 0; list && i < set->plan->n_rules; i++) {
        const plan_rule *rule = &set->plan->rules[i];
        named_decl wanted = {rule->name, NULL};
        const named_decl *found = rule->instance == 0 ? bsearch(&wanted, decls, n, sizeof wanted, by_name) : NULL;
        if (found) json_array_append_new(list, rule_object(d, set, rule, found->decl));
    }
    free(decls);
    rule_set_drop(set);
    return backend_json(out, list);
}

/* ---- versions ---- */

static bool collect(void *user, const char *text, size_t len)
{
    egret_text *all = user;
    egret_text_put(all, text, len);
    return true;
}

/* All versions of a rule, oldest first, as lines that are cut up; *n: how many. The caller frees both. */
static rule_version *versions_of(daemon_state *d, const char *rule, char **lines, size_t *n)
{
    egret_text key, all;
    egret_text_init(&key, egret_mem_of(NULL));
    egret_text_init(&all, egret_mem_of(NULL));
    rule_version_key(&key, rule, 0);
    rule_version *list = NULL;
    *lines = NULL;
    *n = 0;
    if (!key.failed && rule_rows_each(d->store, key.ptr, collect, &all) == 0 && !all.failed) *lines = rule_text_copy(all.ptr ? all.ptr : "", all.len);
    for (const char *c = *lines; c && *c; c++) *n += *c == '\n';
    if (*lines) list = calloc(*n + 1, sizeof *list);
    size_t at = 0;
    char *rest = *lines;
    for (char *line; list && at < *n && (line = strsep(&rest, "\n")) != NULL;)
        if (rule_version_get(line, &list[at]) && strcmp(list[at].rule, rule) == 0) at++;
    *n = at;
    egret_text_deinit(&key);
    egret_text_deinit(&all);
    return list;
}

web_rules_status backend_versions(void *user, const char *rule, egret_text *out)
{
    daemon_state *d = user;
    char *lines;
    size_t n;
    rule_book_entry entry = {0};
    bool known = daemon_rules_entry(d->rules, rule, &entry);
    rule_version *list = versions_of(d, rule, &lines, &n);
    json_t *versions = list && known ? json_array() : NULL;
    for (size_t i = n; versions && i-- > 0;) {
        json_t *v = json_object();
        json_object_set_new(v, "version", json_integer((json_int_t)list[i].version));
        json_object_set_new(v, "etag", json_string(list[i].hash));
        json_object_set_new(v, "when", backend_time(list[i].when_ms));
        json_object_set_new(v, "who", json_string_nocheck(list[i].who));
        json_object_set_new(v, "note", json_string_nocheck(list[i].note));
        json_object_set_new(v, "what", json_string_nocheck(list[i].what));
        json_object_set_new(v, "current", json_boolean(list[i].version == entry.version && entry.hash[0]));
        json_array_append_new(versions, v);
    }
    free(list);
    free(lines);
    if (!known) return no_rule(out, rule);
    json_t *answer = versions ? json_object() : NULL;
    if (answer) {
        json_object_set_new(answer, "rule", json_string_nocheck(rule));
        json_object_set_new(answer, "versions", versions);
    }
    return backend_json(out, answer);
}

web_rules_status backend_version_text(daemon_state *d, const char *rule, uint64_t version, egret_text *out, char etag[WEB_RULES_ETAG])
{
    rule_book_entry entry;
    char *lines;
    size_t n;
    if (!daemon_rules_entry(d->rules, rule, &entry)) return no_rule(out, rule);
    if (version == 0) version = entry.version;
    rule_version *list = versions_of(d, rule, &lines, &n);
    web_rules_status status = list ? WEB_RULES_NOT_FOUND : WEB_RULES_NO_MEMORY;
    for (size_t i = 0; i < n && status == WEB_RULES_NOT_FOUND; i++) {
        if (list[i].version != version || !list[i].hash[0]) continue;
        status = store_content_get(d->store, list[i].hash, out) ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
        memcpy(etag, list[i].hash, WEB_RULES_ETAG);
    }
    free(list);
    free(lines);
    if (status == WEB_RULES_NOT_FOUND)
        return backend_say(out, status, "rule %s has no text of version %llu", rule, (unsigned long long)version);
    return status;
}

web_rules_status backend_source(void *user, const char *rule, uint64_t version, egret_text *out, char etag[WEB_RULES_ETAG])
{
    daemon_state *d = user;
    if (version > 0) return backend_version_text(d, rule, version, out, etag);
    rule_set *set = daemon_rules_now(d->rules);
    const ast_decl *decl = set ? rule_set_declaration(set, rule) : NULL;
    if (decl) {
        egret_str text = rule_set_text(set, decl);
        egret_text_put(out, text.ptr, text.len);
        store_hash(text.ptr, text.len, etag);
    }
    rule_set_drop(set);
    return decl ? WEB_RULES_DONE : no_rule(out, rule);
}

/* ---- differences ---- */

enum { DIFF_MAX_LINES = 3000, DIFF_AROUND = 3 };

typedef struct diff_lines { char *text, **line; size_t n; } diff_lines;

static bool cut_lines(const egret_text *text, diff_lines *out)
{
    out->text = rule_text_copy(text->ptr ? text->ptr : "", text->len);
    out->line = calloc(DIFF_MAX_LINES + 1, sizeof *out->line);
    out->n = 0;
    char *rest = out->text;
    for (char *line; out->text && out->line && out->n < DIFF_MAX_LINES && (line = strsep(&rest, "\n")) != NULL;) out->line[out->n++] = line;
    if (out->n > 0 && out->line[out->n - 1][0] == '\0') out->n--;
    return out->text && out->line;
}

/* The longest common run of lines, by the table of its lengths; then what is not in it, with some lines around. */
static bool put_diff(const diff_lines *a, const diff_lines *b, egret_text *out)
{
    size_t wide = b->n + 1;
    uint16_t *len = calloc((a->n + 1) * wide, sizeof *len);
    char *mark = calloc(a->n + b->n + 1, 1);
    if (!len || !mark) {
        free(len);
        free(mark);
        return false;
    }
    for (size_t i = a->n; i-- > 0;)
        for (size_t k = b->n; k-- > 0;) {
            uint16_t down = len[(i + 1) * wide + k], right = len[i * wide + k + 1];
            len[i * wide + k] = strcmp(a->line[i], b->line[k]) == 0 ? (uint16_t)(len[(i + 1) * wide + k + 1] + 1) : down > right ? down : right;
        }
    size_t n = 0;
    for (size_t i = 0, k = 0; i < a->n || k < b->n; n++) {
        if (i < a->n && k < b->n && strcmp(a->line[i], b->line[k]) == 0) mark[n] = ' ', i++, k++;
        else if (k == b->n || (i < a->n && len[(i + 1) * wide + k] >= len[i * wide + k + 1])) mark[n] = '-', i++;
        else mark[n] = '+', k++;
    }
    for (size_t at = 0, i = 0, k = 0; at < n;) {
        size_t end = at, from_i = i, from_k = k;
        while (at < n && mark[at] == ' ') at++, i++, k++;
        if (at == n) break;
        size_t before = at - end < DIFF_AROUND ? at - end : DIFF_AROUND, same = 0;
        from_i = i - before;
        from_k = k - before;
        for (end = at; end < n && same <= 2 * DIFF_AROUND; end++) {
            same = mark[end] == ' ' ? same + 1 : 0;
            i += mark[end] != '+';
            k += mark[end] != '-';
        }
        size_t cut = same > DIFF_AROUND ? same - DIFF_AROUND : 0;
        egret_text_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", from_i + 1, i - cut - from_i, from_k + 1, k - cut - from_k);
        size_t li = from_i, lk = from_k;
        for (size_t m = at - before; m < end - cut; m++) {
            egret_text_printf(out, "%c%s\n", mark[m], mark[m] == '+' ? b->line[lk] : a->line[li]);
            li += mark[m] != '+';
            lk += mark[m] != '-';
        }
        at = end;
    }
    free(len);
    free(mark);
    return !out->failed;
}

web_rules_status backend_diff(void *user, const char *rule, uint64_t a, uint64_t b, egret_text *out)
{
    char etag[WEB_RULES_ETAG];
    egret_text text[2];
    diff_lines lines[2] = {0};
    egret_text_init(&text[0], egret_mem_of(NULL));
    egret_text_init(&text[1], egret_mem_of(NULL));
    web_rules_status status = backend_source(user, rule, a, &text[0], etag);
    if (status == WEB_RULES_DONE) status = backend_source(user, rule, b, &text[1], etag);
    if (status != WEB_RULES_DONE) egret_text_put(out, text[text[1].len > 0].ptr, text[text[1].len > 0].len);
    if (status == WEB_RULES_DONE) {
        egret_text_printf(out, "--- %s, version %llu\n+++ %s, version %llu\n", rule, (unsigned long long)a, rule, (unsigned long long)b);
        bool fine = cut_lines(&text[0], &lines[0]) && cut_lines(&text[1], &lines[1]) && put_diff(&lines[0], &lines[1], out);
        status = fine ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
    }
    for (int i = 0; i < 2; i++) {
        free(lines[i].text);
        free(lines[i].line);
        egret_text_deinit(&text[i]);
    }
    return status;
}

/* ---- files and contents ---- */

static size_t rules_in(const rule_set *set, const char *path)
{
    size_t n = 0;
    for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next)
        n += decl->kind == AST_RULE && strcmp(set->diags.sources[decl->span.source].name, path) == 0;
    return n;
}

web_rules_status backend_file_list(void *user, egret_text *out)
{
    daemon_state *d = user;
    rule_set *set = daemon_rules_now(d->rules);
    json_t *list = set ? json_array() : NULL;
    for (size_t i = 0; list && i < set->n_files; i++) {
        const rule_file *file = set->files[i];
        if (file->is_content) continue;
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "path", file->path, "etag", file->hash, "bytes", (json_int_t)file->len, "rules",
                                              (json_int_t)rules_in(set, file->path)));
    }
    rule_set_drop(set);
    return backend_json(out, list ? json_pack("{s:o}", "files", list) : NULL);
}

static web_rules_status put_file(const rule_file *file, egret_text *out, char etag[WEB_RULES_ETAG])
{
    egret_text_put(out, file->text, file->len);
    memcpy(etag, file->hash, WEB_RULES_ETAG);
    return out->failed ? WEB_RULES_NO_MEMORY : WEB_RULES_DONE;
}

web_rules_status backend_file(void *user, const char *path, egret_text *out, char etag[WEB_RULES_ETAG])
{
    daemon_state *d = user;
    rule_set *set = daemon_rules_now(d->rules);
    const rule_file *file = set ? rule_set_file(set, path) : NULL;
    web_rules_status status = file && !file->is_content ? put_file(file, out, etag)
                                                        : backend_say(out, WEB_RULES_NOT_FOUND, "there is no rule file %s", path);
    rule_set_drop(set);
    return status;
}

const ast_decl *backend_content_declaration(const rule_set *set, web_rules_kind kind, const char *name)
{
    ast_decl_kind wanted = kind == WEB_RULES_TABLE ? AST_TABLE : AST_LIST;
    for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next)
        if (decl->kind == wanted && egret_str_is(decl->name.str, name)) return decl;
    return NULL;
}

const rule_file *backend_content_file(const rule_set *set, const ast_decl *decl)
{
    char path[4096];
    egret_str written = decl->kind == AST_TABLE ? decl->u.table.path.str : decl->u.list_path.str;
    const char *rules = set->diags.sources[decl->span.source].name, *slash = strrchr(rules, '/');
    int folder = slash && !(written.len > 0 && written.ptr[0] == '/') ? (int)(slash - rules) + 1 : 0;
    snprintf(path, sizeof path, "%.*s%.*s", folder, rules, (int)written.len, written.ptr);
    return rule_set_file(set, path);
}

static json_t *content_object(const rule_set *set, const ast_decl *decl, const char *count, uint32_t n)
{
    const rule_file *file = backend_content_file(set, decl);
    json_t *object = json_object();
    json_object_set_new(object, "name", text_of(decl->name.str));
    json_object_set_new(object, "path", json_string_nocheck(file ? file->path : ""));
    json_object_set_new(object, "etag", json_string(file ? file->hash : ""));
    json_object_set_new(object, count, json_integer(n));
    return object;
}

web_rules_status backend_contents(void *user, egret_text *out)
{
    daemon_state *d = user;
    rule_set *set = daemon_rules_now(d->rules);
    json_t *lists = json_array(), *tables = json_array();
    for (uint32_t i = 0; set && i < set->plan->n_lists; i++)
        for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next)
            if (decl->kind == AST_LIST && egret_str_eq(decl->name.str, set->plan->lists[i].name))
                json_array_append_new(lists, content_object(set, decl, "items", set->plan->lists[i].n_items));
    for (uint32_t i = 0; set && i < set->plan->n_tables; i++)
        for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next)
            if (decl->kind == AST_TABLE && egret_str_eq(decl->name.str, set->plan->tables[i].name))
                json_array_append_new(tables, content_object(set, decl, "rows", set->plan->tables[i].n_rows));
    rule_set_drop(set);
    return backend_json(out, json_pack("{s:o, s:o}", "lists", lists, "tables", tables));
}

web_rules_status backend_content(void *user, web_rules_kind kind, const char *name, egret_text *out, char etag[WEB_RULES_ETAG])
{
    daemon_state *d = user;
    rule_set *set = daemon_rules_now(d->rules);
    const ast_decl *decl = set ? backend_content_declaration(set, kind, name) : NULL;
    const rule_file *file = decl ? backend_content_file(set, decl) : NULL;
    web_rules_status status = file ? put_file(file, out, etag)
                                   : backend_say(out, WEB_RULES_NOT_FOUND, "there is no %s %s", kind == WEB_RULES_TABLE ? "table" : "list", name);
    rule_set_drop(set);
    return status;
}

/* ---- snoozes ---- */

/* The canonical key, an array, as an object by the names of the rule's key. */
static json_t *key_object(const rule_set *set, const rule_snooze *snooze)
{
    json_t *parts = json_loads(snooze->key, 0, NULL), *object = json_object();
    const plan_rule *rule = backend_find(set->plan, snooze->rule);
    const plan_group *group = rule ? &set->plan->groups[rule->group] : NULL;
    for (uint32_t i = 0; group && i < group->n_parts; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)group->part_name[i].len, group->part_name[i].ptr);
        json_t *part = json_array_get(parts, i);
        if (part) json_object_set(object, name, part);
    }
    json_decref(parts);
    return object;
}

web_rules_status backend_snoozes(void *user, const char *rule, egret_text *out)
{
    daemon_state *d = user;
    rule_set *set = daemon_rules_now(d->rules);
    json_t *list = set ? json_array() : NULL;
    bool known = set && (!rule || backend_find(set->plan, rule));
    for (size_t i = 0; list && i < set->n_snoozes; i++) {
        const rule_snooze *s = &set->snoozes[i];
        if (rule && strcmp(rule, s->rule) != 0) continue;
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s, s:s, s:o}", "rule", s->rule, "key", key_object(set, s), "until", backend_time(s->until_ms),
                                              "reason", s->reason, "who", s->who, "when", backend_time(s->when_ms)));
    }
    rule_set_drop(set);
    if (set && !known) {
        json_decref(list);
        return no_rule(out, rule);
    }
    return backend_json(out, list);
}
