/*
 * rules_change.c: a change that is asked for: checked, prepared, told, and made to hold; see web/rules_backend.h.
 */
#include "app/rules_backend.h"

#include "nfa/succession.h"

#include <stdlib.h>
#include <string.h>

void daemon_rules_backend(daemon_state *d, web_rules *out)
{
    *out = (web_rules){.user = d, .list = backend_list, .source = backend_source, .files = backend_file_list, .file = backend_file, .versions = backend_versions,
                       .diff = backend_diff, .contents = backend_contents, .content = backend_content, .snoozes = backend_snoozes,
                       .validate = backend_validate, .change = backend_change, .warming = backend_warming, .key = backend_key};
}

/* ---- what stays as it is while the process runs ---- */

static bool same_value(const plan_option_value *a, const plan_option_value *b)
{
    bool equal = a->value.type == b->value.type && (a->value.type == EGRET_NULL || egret_value_equal(a->value, b->value));
    return equal && a->is_env == b->is_env && egret_str_eq(a->key, b->key);
}

static bool same_edge(const plan_edge *a, const plan_edge *b)
{
    bool same = egret_str_eq(a->name, b->name) && egret_str_eq(a->kind, b->kind) && a->n_options == b->n_options && a->n_routes == b->n_routes;
    for (uint32_t i = 0; same && i < a->n_options; i++) {
        same = egret_str_eq(a->options[i].name, b->options[i].name) && a->options[i].n_values == b->options[i].n_values;
        for (uint32_t k = 0; same && k < a->options[i].n_values; k++) same = same_value(&a->options[i].values[k], &b->options[i].values[k]);
    }
    return same;
}

/* Sources are read and sinks served by what the rules said at the start. */
static bool same_edges(const plan *a, const plan *b)
{
    bool same = a->n_sources == b->n_sources && a->n_sinks == b->n_sinks;
    for (uint32_t i = 0; same && i < a->n_sources; i++) same = same_edge(&a->sources[i], &b->sources[i]);
    for (uint32_t i = 0; same && i < a->n_sinks; i++) same = same_edge(&a->sinks[i], &b->sinks[i]);
    return same;
}

/* Events are taken by what the rules said at the start; NULL: they know all streams. */
static const plan_stream *new_stream(const plan *intake, const plan *next)
{
    for (uint32_t i = 0; i < plan_inputs(next); i++) {
        bool known = false;
        for (uint32_t k = 0; k < plan_inputs(intake) && !known; k++) known = egret_str_eq(intake->streams[k].name, next->streams[i].name);
        if (!known) return &next->streams[i];
    }
    return NULL;
}

static web_rules_status compile(const daemon_state *d, rule_set *next, egret_text *out)
{
    if (!rule_set_compile(next)) {
        if (next->diags.n_errors == 0) return WEB_RULES_NO_MEMORY;
        backend_document(next, out);
        return WEB_RULES_INVALID;
    }
    const plan_stream *stream = new_stream(d->plan, next->plan);
    if (stream)
        return backend_say(out, WEB_RULES_REFUSED, "stream %.*s is new: events of it are taken after a start; declare it in the folder of --rules and restart",
                           (int)stream->name.len, stream->name.ptr);
    if (same_edges(d->plan, next->plan)) return WEB_RULES_DONE;
    return backend_say(out, WEB_RULES_REFUSED, "sources and sinks are opened when the appliance starts: change them in the folder of --rules and restart it");
}

/* ---- telling ---- */

static const char *state_name(nfa_fates fates)
{
    if (fates.match == NFA_FATE_DROPPED) return "dropped";
    if (fates.match == NFA_FATE_NOTHING && fates.life == NFA_FATE_DROPPED) return "dropped";
    return fates.match == NFA_FATE_KEPT ? "kept" : fates.match == NFA_FATE_SOME ? "kept to a step" : "new";
}

static const char *match_words(const plan_rule *rule)
{
    return rule->kind == PLAN_THRESHOLD ? "the window" : rule->pattern->n_items == 0 ? "the silence that is measured" : "open attempts";
}

static void tell_fate(json_t *kept, json_t *dropped, nfa_fate fate, const char *words)
{
    if (fate == NFA_FATE_KEPT) json_array_append_new(kept, json_string(words));
    if (fate == NFA_FATE_DROPPED) json_array_append_new(dropped, json_string(words));
}

static json_t *tell_rule(const char *name, const char *what, uint64_t version, const plan *p, const nfa_engine *next, const nfa_engine *before)
{
    json_t *kept = json_array(), *dropped = json_array(), *object = json_object();
    const plan_rule *rule = backend_find(p, name);
    json_object_set_new(object, "rule", json_string_nocheck(name));
    json_object_set_new(object, "what", json_string(what));
    if (version > 0) json_object_set_new(object, "version", json_integer((json_int_t)version));
    if (rule) {
        nfa_fates fates = nfa_succession_of_rule(next, before, (uint32_t)(rule - p->rules));
        json_object_set_new(object, "state", json_string(state_name(fates)));
        tell_fate(kept, dropped, fates.match, match_words(rule));
        if (fates.match == NFA_FATE_SOME) {
            egret_str step = rule->pattern->items[fates.keep - 1].name;
            json_array_append_new(kept, json_sprintf("attempts that have come to %.*s and no further", (int)step.len, step.ptr));
            json_array_append_new(dropped, json_string("attempts that have come further"));
        }
        tell_fate(kept, dropped, fates.life, "open alerts and quiet times");
    } else {
        json_object_set_new(object, "state", json_string("dropped"));
        json_array_append_new(dropped, json_string("all that was known"));
    }
    json_object_set_new(object, "kept", kept);
    json_object_set_new(object, "dropped", dropped);
    return object;
}

/* Rules with a new text, and those with another mode alone. */
static json_t *tell_rules(const rule_set *now, rule_change *change, const nfa_engine *before)
{
    json_t *list = json_array();
    rule_set *next = rule_change_rules(change);
    const nfa_engine *engine = nfa_shards_first(*rule_change_shards(change));
    const rule_version *v;
    for (size_t i = 0; (v = rule_change_version(change, i)) != NULL; i++) {
        const char *what = strcmp(v->what, "removed") == 0 ? "removed" : backend_find(now->plan, v->rule) ? "replaced" : "new";
        json_array_append_new(list, tell_rule(v->rule, what, v->version, next->plan, engine, before));
    }
    for (uint32_t i = 0; i < next->plan->n_rules && (next->n_modes > 0 || now->n_modes > 0); i++) {
        const plan_rule *rule = &next->plan->rules[i];
        char *name = rule->instance == 0 ? rule_text_copy(rule->name.ptr, rule->name.len) : NULL;
        const plan_rule *was = name ? backend_find(now->plan, name) : NULL;
        if (was && was->mode != rule->mode) json_array_append_new(list, tell_rule(name, "mode", 0, next->plan, engine, before));
        free(name);
    }
    return list;
}

static json_t *tell_profiles(rule_change *change, const nfa_engine *before)
{
    json_t *list = json_array();
    const plan *p = rule_change_rules(change)->plan;
    for (uint32_t i = 0; i < p->n_profiles; i++) {
        nfa_fate fate = nfa_succession_of_profile(nfa_shards_first(*rule_change_shards(change)), before, i);
        if (fate == NFA_FATE_KEPT || fate == NFA_FATE_NOTHING) continue;
        json_t *kept = json_array(), *dropped = json_array();
        tell_fate(kept, dropped, fate, "what was remembered of each key");
        json_array_append_new(list, json_pack("{s:s%, s:s, s:s, s:o, s:o}", "profile", p->profiles[i].name.ptr, (size_t)p->profiles[i].name.len, "what",
                                              fate == NFA_FATE_NEW ? "new" : "replaced", "state", fate == NFA_FATE_NEW ? "new" : "dropped", "kept", kept,
                                              "dropped", dropped));
    }
    return list;
}

/* Names of the lists, or tables, whose content is another one. */
static json_t *tell_contents(const rule_set *now, const rule_set *next, ast_decl_kind kind)
{
    json_t *list = json_array();
    for (const ast_decl *decl = next->tree.decls; decl; decl = decl->next) {
        if (decl->kind != kind) continue;
        const rule_file *file = backend_content_file(next, decl), *was = file ? rule_set_file(now, file->path) : NULL;
        if (file && (!was || strcmp(was->hash, file->hash) != 0))
            json_array_append_new(list, json_stringn_nocheck(decl->name.str.ptr, decl->name.str.len));
    }
    return list;
}

static json_t *warnings_of(rule_set *next)
{
    const char *text = egret_diags_json(&next->diags);
    json_t *document = text ? json_loads(text, 0, NULL) : NULL, *warnings = json_object_get(document, "diagnostics");
    json_incref(warnings);
    json_decref(document);
    return warnings ? warnings : json_array();
}

static json_t *tell(daemon_state *d, const rule_set *now, rule_change *change, bool dry_run)
{
    rule_set *next = rule_change_rules(change);
    const nfa_engine *before = nfa_shards_first(daemon_rules_shards(d->rules));
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "dry_run", (int)dry_run, "warnings", warnings_of(next), "rules", tell_rules(now, change, before),
                     "profiles", tell_profiles(change, before), "lists", tell_contents(now, next, AST_LIST), "tables",
                     tell_contents(now, next, AST_TABLE));
}

/* ---- changing ---- */

static web_rules_status put(daemon_state *d, rule_change *change, egret_text *out)
{
    const char *trouble = daemon_rules_put(d->rules, change);
    if (!trouble) return WEB_RULES_DONE;
    if (strstr(trouble, "stopping")) return WEB_RULES_STOPPING;
    return backend_say(out, WEB_RULES_UNKEPT, "%s", trouble);
}

web_rules_status backend_prepare(daemon_state *d, const rule_set *now, const web_rules_change *asked, rule_change **prepared, json_t **answer,
                                 egret_text *out)
{
    rule_set *next = NULL;
    const char *what = NULL;
    *prepared = NULL;
    *answer = NULL;
    web_rules_status status = backend_edit(d, now, asked, &next, &what, out);
    if (status == WEB_RULES_DONE) status = compile(d, next, out);
    if (status == WEB_RULES_DONE) {
        *prepared = daemon_rules_prepare(d->rules, next, asked->who ? asked->who : "", asked->note, what);
        *answer = *prepared ? tell(d, now, *prepared, asked->dry_run) : NULL;
        status = *answer ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
    }
    rule_set_drop(next);
    if (status == WEB_RULES_DONE) return status;
    rule_change_free(*prepared);
    *prepared = NULL;
    return status;
}

/* Of the rules that were filled with the past the answer says so. */
static void tell_warmed(const rules_warming *w, rule_change *change, const nfa_engine *before, json_t *answer)
{
    const plan *p = rule_change_rules(change)->plan;
    json_t *rule;
    size_t i;
    json_array_foreach(json_object_get(answer, "rules"), i, rule) {
        const plan_rule *found = backend_find(p, json_string_value(json_object_get(rule, "rule")));
        if (found && nfa_succession_warms(nfa_shards_first(*rule_change_shards(change)), before, (uint32_t)(found - p->rules)))
            json_object_set_new(rule, "warm_up", rules_warming_tell(w, found));
    }
}

/* The change is prepared. */
static web_rules_status make_it_hold(rules_warming *w, rule_change *change, bool dry_run, json_t *answer, bool *again, egret_text *out)
{
    daemon_state *d = w->daemon;
    rule_set *next = rule_change_rules(change);
    if (next->changes.len == 0) return WEB_RULES_DONE;
    web_rules_status status = rules_warming_step(w, next, change, dry_run, again, out);
    if (status != WEB_RULES_DONE || *again) return status;
    tell_warmed(w, change, nfa_shards_first(daemon_rules_shards(d->rules)), answer);
    if (dry_run) return WEB_RULES_DONE;
    status = put(d, change, out);
    if (status == WEB_RULES_DONE) rules_warming_done(w, answer);
    return status;
}

/* From the set that holds now to the next one. *answer: as backend_prepare gives it; NULL when it is to be done again, or was not done. */
static web_rules_status change_once(rules_warming *w, const web_rules_change *asked, json_t **answer, bool *again, egret_text *out)
{
    daemon_state *d = w->daemon;
    rule_set *now;
    rule_change *change;
    *again = false;
    *answer = NULL;
    if (!daemon_rules_begin(d->rules, &now)) return WEB_RULES_STOPPING;
    web_rules_status status = backend_prepare(d, now, asked, &change, answer, out);
    if (status == WEB_RULES_DONE) status = make_it_hold(w, change, asked->dry_run, *answer, again, out);
    if (status != WEB_RULES_DONE || *again) {
        json_decref(*answer);
        *answer = NULL;
    }
    rule_change_free(change);
    daemon_rules_end(d->rules);
    rule_set_drop(now);
    return status;
}

web_rules_status backend_change(void *user, const web_rules_change *asked, egret_text *out)
{
    rules_warming w = {.daemon = user};
    json_t *answer = NULL;
    int64_t began_ms = app_monotonic_ms(), number = app_wall_ms(NULL);
    bool again;
    web_rules_status status = change_once(&w, asked, &answer, &again, out);
    while (status == WEB_RULES_DONE && again) {
        status = rules_warming_read(&w, out);
        if (status == WEB_RULES_DONE) status = change_once(&w, asked, &answer, &again, out);
    }
    rules_warming_end(&w);
    if (status == WEB_RULES_DONE) {
        json_object_set_new(answer, "change", json_integer(number));
        json_object_set_new(answer, "took_ms", json_integer(app_monotonic_ms() - began_ms));
        return backend_json(out, answer);
    }
    json_decref(answer);
    return status;
}

/* ---- looking at a text ---- */

/* Takes rules out of the copy that the text declares, too. */
static bool make_way(rule_set *next, const rule_set *now, const rule_set *alone)
{
    for (size_t i = 0; i < now->n_files; i++) {
        egret_text text;
        const rule_file *file = now->files[i];
        uint32_t at = 0;
        bool cut = false;
        egret_text_init(&text, egret_mem_of(NULL));
        for (const ast_decl *decl = now->tree.decls; decl && !file->is_content; decl = decl->next) {
            bool here = strcmp(now->diags.sources[decl->span.source].name, file->path) == 0, twice = false;
            for (const ast_decl *other = alone->tree.decls; other && here && !twice; other = other->next)
                twice = other->kind == decl->kind && egret_str_eq(other->name.str, decl->name.str);
            if (!twice) continue;
            egret_text_put(&text, file->text + at, decl->span.start - at);
            at = decl->span.end;
            cut = true;
        }
        egret_text_put(&text, file->text + at, file->len - at);
        if (cut) rule_set_put(next, file->path, text.ptr ? text.ptr : "", text.len, false);
        bool fine = !text.failed;
        egret_text_deinit(&text);
        if (!fine) return false;
    }
    return true;
}

web_rules_status backend_validate(void *user, const char *text, egret_text *out)
{
    daemon_state *d = user;
    rule_set *now = daemon_rules_now(d->rules), *next = now ? rule_set_copy(now) : NULL, *alone = rule_set_new();
    web_rules_status status = next && alone ? WEB_RULES_DONE : WEB_RULES_NO_MEMORY;
    if (status == WEB_RULES_DONE) {
        uint32_t source = egret_diags_add_source(&alone->diags, "text", text, strlen(text));
        if (source != UINT32_MAX) egret_parse(&alone->diags, source, &alone->tree);
        if (alone->diags.n_errors > 0) {
            backend_document(alone, out);
        } else if (make_way(next, now, alone)) {
            rule_set_put(next, "text", text, strlen(text), false);
            (void)rule_set_compile(next);
            backend_document(next, out);
        } else {
            status = WEB_RULES_NO_MEMORY;
        }
    }
    rule_set_drop(alone);
    rule_set_drop(next);
    rule_set_drop(now);
    return out->failed ? WEB_RULES_NO_MEMORY : status;
}
