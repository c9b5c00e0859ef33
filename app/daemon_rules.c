/*
 * daemon_rules.c: see daemon_rules.h. Two locks: `changing` is held by whoever makes a change, for as long as it takes; `lock` guards what is shared
 * with the engine's thread and with readers, and is held for moments.
 */
#include "app/daemon_rules.h"

#include "app/command.h"
#include "app/page_pool.h"
#include "nfa/succession.h"
#include "store/rule_rows.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Somebody waits for the engine's thread to look at something. */
typedef struct question {
    struct question *next;
    void (*look)(void *user);
    void *user;
    bool done, refused;
} question;

struct daemon_rules {
    store *store;
    const app_log *log;
    rule_set *boot;
    bool first;                 /* the store knew no rules */
    egret_text imported;        /* rows of what was imported: "key\0text\0" …, text empty: the row goes */
    pthread_mutex_t changing;
    pthread_mutex_t lock;       /* all below */
    rule_set *now;
    const nfa_shards *shards;
    rule_change *waiting;
    egret_arena texts;          /* of the book */
    rule_book_entry *book;      /* sorted by name */
    size_t n_book, cap_book;
    bool stopped;
    question *questions, **questions_end;
    pthread_cond_t answered;
    void (*wake)(void *user);
    void *wake_user;
};

/* ---- the book of versions ---- */

static size_t book_place(const daemon_rules *r, const char *name)
{
    size_t low = 0, high = r->n_book;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->book[middle].name, name) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static rule_book_entry *book_find(const daemon_rules *r, const char *name)
{
    size_t at = book_place(r, name);
    return at < r->n_book && strcmp(r->book[at].name, name) == 0 ? &r->book[at] : NULL;
}

/* A place for an entry of that name, which is not there yet. NULL: no memory. */
static rule_book_entry *book_add(daemon_rules *r, const char *name)
{
    if (r->n_book == r->cap_book) {
        size_t cap = r->cap_book ? r->cap_book * 2 : 64;
        rule_book_entry *grown = realloc(r->book, cap * sizeof *grown);
        if (!grown) return NULL;
        r->book = grown;
        r->cap_book = cap;
    }
    size_t at = book_place(r, name);
    memmove(&r->book[at + 1], &r->book[at], (r->n_book - at) * sizeof *r->book);
    r->n_book++;
    r->book[at] = (rule_book_entry){.name = name};
    return &r->book[at];
}

static const char *book_text(daemon_rules *r, const char *text)
{
    return egret_arena_str(&r->texts, text, strlen(text)).ptr;
}

static bool book_note(daemon_rules *r, const rule_version *v)
{
    rule_book_entry *entry = book_find(r, v->rule);
    if (entry && entry->version >= v->version) return true;
    const char *name = entry ? entry->name : book_text(r, v->rule), *who = book_text(r, v->who), *file = book_text(r, v->file);
    if (!name || !who || !file) return false;
    if (!entry && !(entry = book_add(r, name))) return false;
    entry->who = who;
    entry->file = file;
    entry->version = v->version;
    entry->when_ms = v->when_ms;
    memcpy(entry->hash, v->hash, sizeof entry->hash);
    return true;
}

static bool read_version(void *user, const char *text, size_t len)
{
    rule_version v;
    char *line = rule_text_copy(text, len);
    if (line && rule_version_get(line, &v)) (void)book_note(user, &v);
    free(line);
    return true;
}

/* ---- what a set holds ---- */

const ast_decl *rule_set_declaration(const rule_set *set, const char *rule)
{
    for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next)
        if (decl->kind == AST_RULE && egret_str_is(decl->name.str, rule)) return decl;
    return NULL;
}

egret_str rule_set_text(const rule_set *set, const ast_decl *decl)
{
    return (egret_str){set->diags.sources[decl->span.source].text + decl->span.start, decl->span.end - decl->span.start};
}

typedef struct declared { const char *name; const ast_decl *decl; } declared;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const declared *)a)->name, ((const declared *)b)->name);
}

/* Is it in a file that both sets have? Then it is the same in both. NULL: there is no other set. */
static bool is_shared(const ast_decl *decl, const rule_set *set, const rule_set *other)
{
    const rule_file *own = rule_set_file(set, set->diags.sources[decl->span.source].name);
    return other && own == rule_set_file(other, own->path);
}

/* The declarations of rules, by name, in the arena; of those in files that `other` shares none. */
static declared *declarations(const rule_set *set, const rule_set *other, egret_arena *arena, size_t *n)
{
    uint32_t source = UINT32_MAX;
    bool shared = false;
    size_t most = 0;
    *n = 0;
    for (const ast_decl *decl = set->tree.decls; decl; decl = decl->next) most += decl->kind == AST_RULE;
    declared *list = egret_arena_alloc(arena, (most + 1) * sizeof *list);
    for (const ast_decl *decl = set->tree.decls; decl && list; decl = decl->next) {
        if (decl->kind != AST_RULE) continue;
        if (decl->span.source != source) shared = is_shared(decl, set, other);
        source = decl->span.source;
        if (!shared) list[(*n)++] = (declared){egret_arena_str(arena, decl->name.str.ptr, decl->name.str.len).ptr, decl};
    }
    if (arena->failed) return NULL;
    if (*n > 1) qsort(list, *n, sizeof *list, by_name);
    return list;
}

/* ---- versions that come of a change ---- */

static bool add_version(rule_change *change, const rule_set *set, const rule_book_entry *last, const declared *rule, const rule_version *like)
{
    rule_version v = *like;
    egret_str text = rule->decl ? rule_set_text(set, rule->decl) : (egret_str){NULL, 0};
    v.rule = rule->name;
    v.version = last ? last->version + 1 : 1;
    v.file = rule->decl ? set->diags.sources[rule->decl->span.source].name : last->file;
    v.what = !rule->decl ? "removed" : like->what ? like->what : last && last->hash[0] ? "replaced" : "new";
    return rule_change_add_version(change, &v, text.ptr, text.len);
}

static bool has_changed(const rule_set *set, const rule_book_entry *last, const declared *rule)
{
    char hash[STORE_HASH_DIGITS + 1];
    egret_str text = rule_set_text(set, rule->decl);
    if (!last) return true;
    store_hash(text.ptr, text.len, hash);
    return strcmp(last->hash, hash) != 0;
}

static bool is_named(const declared *rules, size_t n, const char *name)
{
    const declared wanted = {name, NULL};
    return n > 0 && bsearch(&wanted, rules, n, sizeof *rules, by_name) != NULL;
}

/* A version for each rule of the book that is gone. now: the book says what it holds, and files both share need not be looked at; or NULL. */
static bool add_gone(daemon_rules *r, rule_change *change, const rule_set *set, const rule_set *now, const declared *rules, size_t n,
                     const rule_version *like)
{
    egret_arena arena;
    size_t n_were = 0;
    bool fine = true;
    egret_arena_init(&arena, egret_mem_of(NULL));
    const declared *were = now ? declarations(now, set, &arena, &n_were) : NULL;
    for (size_t i = 0; i < n_were && fine; i++) {
        const rule_book_entry *last = is_named(rules, n, were[i].name) ? NULL : book_find(r, were[i].name);
        if (last && last->hash[0]) fine = add_version(change, set, last, &(declared){last->name, NULL}, like);
    }
    for (size_t i = 0; !now && i < r->n_book && fine; i++) {
        const rule_book_entry *last = &r->book[i];
        if (last->hash[0] && !is_named(rules, n, last->name)) fine = add_version(change, set, last, &(declared){last->name, NULL}, like);
    }
    fine = fine && !arena.failed;
    egret_arena_deinit(&arena);
    return fine;
}

/* A version for each rule whose text is not that of its newest one, and for each that is gone. now: see add_gone. */
static bool add_versions(daemon_rules *r, rule_change *change, const rule_set *set, const rule_set *now, const rule_version *like)
{
    egret_arena arena;
    size_t n;
    egret_arena_init(&arena, egret_mem_of(NULL));
    const declared *rules = declarations(set, now, &arena, &n);
    bool fine = rules != NULL;
    for (size_t i = 0; i < n && fine; i++) {
        const rule_book_entry *last = book_find(r, rules[i].name);
        if (has_changed(set, last, &rules[i])) fine = add_version(change, set, last, &rules[i], like);
    }
    fine = fine && add_gone(r, change, set, now, rules, n, like);
    egret_arena_deinit(&arena);
    return fine;
}

/* ---- opening ---- */

static bool take_line(void *user, const char *text, size_t len)
{
    egret_text_put(user, text, len);
    return true;
}

static bool find_text(void *user, const char *hash, egret_text *out)
{
    return store_content_get(user, hash, out);
}

/* What holds according to the store; what of it cannot be read is said, and imported anew. */
static bool read_store(daemon_rules *r)
{
    egret_text now;
    egret_text_init(&now, egret_mem_of(NULL));
    int code = rule_rows_each(r->store, "now\t", take_line, &now);
    r->first = now.len == 0;
    bool fine = code == 0 && !now.failed && rule_set_read(r->boot, now.ptr ? now.ptr : "", now.len, find_text, r->store);
    egret_text_deinit(&now);
    r->boot->changes.len = 0;
    return fine && rule_rows_each(r->store, "version\t", read_version, r) == 0;
}

static void import_row(daemon_rules *r, const char *path, const char *text)
{
    egret_text_puts(&r->imported, "imported\t");
    egret_text_put(&r->imported, path, strlen(path) + 1);
    egret_text_put(&r->imported, text, strlen(text) + 1);
}

/* Takes a file of --rules in, unless it is as it was when it was last. */
static void import(daemon_rules *r, const egret_source *file, bool is_content)
{
    char hash[STORE_HASH_DIGITS + 1];
    egret_text key, was;
    store_hash(file->text, file->len, hash);
    egret_text_init(&key, egret_mem_of(NULL));
    egret_text_init(&was, egret_mem_of(NULL));
    egret_text_printf(&key, "imported\t%s", file->name);
    egret_text_put(&key, "", 1);
    egret_text_put(&was, "", 0);
    bool known = !key.failed && rule_row_get(r->store, key.ptr, &was) && was.len > STORE_HASH_DIGITS && memcmp(was.ptr, hash, STORE_HASH_DIGITS) == 0;
    if (!known) {
        egret_text row;
        egret_text_init(&row, egret_mem_of(NULL));
        egret_text_printf(&row, "%s\t%s", hash, file->name);
        egret_text_put(&row, "", 1);
        if (!row.failed) import_row(r, file->name, row.ptr);
        egret_text_deinit(&row);
        rule_set_put(r->boot, file->name, file->text, file->len, is_content);
    }
    egret_text_deinit(&key);
    egret_text_deinit(&was);
}

typedef struct missing { daemon_rules *rules; const egret_diags *there; } missing;

static bool is_among(const egret_source *files, uint32_t n, const char *path)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(files[i].name, path) == 0) return true;
    return false;
}

/* It was imported once: is it still there? */
static bool look_for_imported(void *user, const char *text, size_t len)
{
    missing *m = user;
    if (len <= STORE_HASH_DIGITS + 1 || text[len - 1] != '\0') return true;
    const char *path = text + STORE_HASH_DIGITS + 1;
    if (is_among(m->there->sources, m->there->n_sources, path) || is_among(m->there->contents, m->there->n_contents, path)) return true;
    import_row(m->rules, path, "");
    rule_set_remove(m->rules->boot, path);
    return true;
}

static bool import_all(daemon_rules *r, const egret_diags *diags)
{
    missing m = {r, diags};
    for (uint32_t i = 0; i < diags->n_sources; i++) import(r, &diags->sources[i], false);
    for (uint32_t i = 0; i < diags->n_contents; i++) import(r, &diags->contents[i], true);
    return rule_rows_each(r->store, "imported\t", look_for_imported, &m) == 0 && !r->imported.failed && !r->boot->arena.failed;
}

static int compile_boot(daemon_rules *r)
{
    bool fine = rule_set_compile(r->boot);
    const char *text = fine ? NULL : egret_diags_text(&r->boot->diags);
    if (fine) return APP_FINE;
    if (r->boot->diags.n_errors == 0) {
        app_log_say(r->log, LOG_ERROR, "rules: no memory");
        return APP_TROUBLE;
    }
    if (text) fputs(text, stderr);
    app_log_say(r->log, LOG_ERROR, "the rules in the store and those of --rules have errors together; mend the files of --rules");
    return APP_DIAGNOSTICS;
}

int daemon_rules_open(daemon_rules **out, store *s, const rules_files *files, const app_log *log)
{
    daemon_rules *r = *out = calloc(1, sizeof *r);
    if (!r) {
        app_log_say(log, LOG_ERROR, "start: no memory");
        return APP_TROUBLE;
    }
    r->store = s;
    r->log = log;
    pthread_mutex_init(&r->changing, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->answered, NULL);
    r->questions_end = &r->questions;
    egret_text_init(&r->imported, egret_mem_of(NULL));
    egret_arena_init(&r->texts, egret_mem_of(NULL));
    r->boot = rule_set_new();
    if (r->boot && !read_store(r)) {
        app_log_say(log, LOG_ERROR, "rules: what the store holds cannot be read whole; the files of --rules hold");
        rule_set_drop(r->boot);
        r->boot = rule_set_new();
        r->first = true;
    }
    if (!r->boot || !import_all(r, &files->diags)) {
        app_log_say(log, LOG_ERROR, "rules: no memory");
        return APP_TROUBLE;
    }
    return compile_boot(r);
}

void daemon_rules_close(daemon_rules *r)
{
    if (!r) return;
    free(r->book);
    egret_arena_deinit(&r->texts);
    rule_change_free(r->waiting);
    rule_set_drop(r->now);
    rule_set_drop(r->boot);
    egret_text_deinit(&r->imported);
    pthread_mutex_destroy(&r->changing);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->answered);
    free(r);
}

rule_set *daemon_rules_boot(const daemon_rules *r)
{
    return r->boot;
}

static bool add_import_rows(const daemon_rules *r, rule_change *change)
{
    bool fine = true;
    if (r->imported.len == 0) return true;
    const char *end = r->imported.ptr + r->imported.len;
    for (const char *key = r->imported.ptr; key < end && fine;) {
        const char *text = key + strlen(key) + 1;
        fine = rule_change_add_row(change, key, *text ? text : NULL, strlen(text) + 1);
        key = text + strlen(text) + 1;
    }
    return fine;
}

static void note_versions(daemon_rules *r, const rule_change *change)
{
    const rule_version *v;
    for (size_t i = 0; (v = rule_change_version(change, i)) != NULL; i++)
        if (!book_note(r, v)) app_log_say(r->log, LOG_WARNING, "rules: no memory for the versions shown");
}

rule_change *daemon_rules_start_change(daemon_rules *r)
{
    int64_t now_ms = app_wall_ms(NULL);
    rule_change *change = rule_change_new(r->boot, true, "start", "", now_ms);
    rule_version like = {.who = "start", .note = "", .what = "imported", .when_ms = now_ms};
    if (change && add_versions(r, change, r->boot, NULL, &like) && add_import_rows(r, change)) return change;
    rule_change_free(change);
    return NULL;
}

/* ---- the engine's thread ---- */

rule_change *daemon_rules_take(daemon_rules *r)
{
    pthread_mutex_lock(&r->lock);
    rule_change *change = r->waiting;
    r->waiting = NULL;
    pthread_mutex_unlock(&r->lock);
    return change;
}

void daemon_rules_in_force(daemon_rules *r, const rule_change *change, rule_set *set, const nfa_shards *shards)
{
    pthread_mutex_lock(&r->lock);
    note_versions(r, change);
    rule_set *before = r->now;
    r->now = rule_set_keep(set);
    r->shards = shards;
    pthread_mutex_unlock(&r->lock);
    rule_set_drop(before);
}

/* The first question, taken out of the list; the lock is held. */
static question *next_question(daemon_rules *r)
{
    question *q = r->questions;
    if (q) r->questions = q->next;
    if (!r->questions) r->questions_end = &r->questions;
    return q;
}

void daemon_rules_answer(daemon_rules *r)
{
    pthread_mutex_lock(&r->lock);
    for (question *q; (q = next_question(r)) != NULL;) {
        pthread_mutex_unlock(&r->lock);
        q->look(q->user);
        pthread_mutex_lock(&r->lock);
        q->done = true;
        pthread_cond_broadcast(&r->answered);
    }
    pthread_mutex_unlock(&r->lock);
}

/* Whoever prepares a change meanwhile is done with the engine when `changing` is free; after that nobody begins. Until then the shards stay. */
void daemon_rules_settle(daemon_rules *r)
{
    pthread_mutex_lock(&r->changing);
    r->shards = NULL;
    pthread_mutex_unlock(&r->changing);
}

void daemon_rules_stop(daemon_rules *r)
{
    pthread_mutex_lock(&r->lock);
    rule_change *change = r->waiting;
    r->waiting = NULL;
    r->stopped = true;
    for (question *q; (q = next_question(r)) != NULL;) q->done = q->refused = true;
    pthread_cond_broadcast(&r->answered);
    pthread_mutex_unlock(&r->lock);
    if (change) rule_change_answer(change, "the appliance is stopping; nothing was changed");
    rule_change_free(change);
}

/* ---- whoever asks ---- */

bool daemon_rules_begin(daemon_rules *r, rule_set **now)
{
    pthread_mutex_lock(&r->changing);
    pthread_mutex_lock(&r->lock);
    bool fine = !r->stopped && r->now && r->shards;
    *now = fine ? rule_set_keep(r->now) : NULL;
    pthread_mutex_unlock(&r->lock);
    if (!fine) pthread_mutex_unlock(&r->changing);
    return fine;
}

void daemon_rules_end(daemon_rules *r)
{
    pthread_mutex_unlock(&r->changing);
}

const nfa_shards *daemon_rules_shards(const daemon_rules *r)
{
    return r->shards;
}

rule_change *daemon_rules_prepare(daemon_rules *r, rule_set *next, const char *who, const char *note, const char *what)
{
    int64_t now_ms = app_wall_ms(NULL);
    rule_change *change = rule_change_new(next, false, who, note, now_ms);
    rule_version like = {.who = who, .note = note, .what = what, .when_ms = now_ms};
    if (change && add_versions(r, change, next, r->now, &like))
        *rule_change_shards(change) = nfa_shards_succeed(page_pool_mem(), next->plan, r->shards);
    if (change && *rule_change_shards(change)) return change;
    rule_change_free(change);
    return NULL;
}

bool daemon_rules_offer(daemon_rules *r, rule_change *change)
{
    pthread_mutex_lock(&r->lock);
    bool fine = !r->stopped;
    if (fine) r->waiting = rule_change_keep(change);
    pthread_mutex_unlock(&r->lock);
    if (fine && r->wake) r->wake(r->wake_user);
    return fine;
}

const char *daemon_rules_put(daemon_rules *r, rule_change *change)
{
    if (!daemon_rules_offer(r, change)) return "the appliance is stopping; nothing was changed";
    return rule_change_wait(change);
}

bool daemon_rules_ask(daemon_rules *r, void (*look)(void *user), void *user)
{
    question q = {.look = look, .user = user};
    pthread_mutex_lock(&r->lock);
    q.refused = r->stopped || !r->shards;
    if (!q.refused) {
        *r->questions_end = &q;
        r->questions_end = &q.next;
        pthread_mutex_unlock(&r->lock);
        if (r->wake) r->wake(r->wake_user);
        pthread_mutex_lock(&r->lock);
        while (!q.done) pthread_cond_wait(&r->answered, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return !q.refused;
}

void daemon_rules_on_change(daemon_rules *r, void (*wake)(void *user), void *user)
{
    r->wake = wake;
    r->wake_user = user;
}

rule_set *daemon_rules_now(daemon_rules *r)
{
    pthread_mutex_lock(&r->lock);
    rule_set *now = r->now ? rule_set_keep(r->now) : NULL;
    pthread_mutex_unlock(&r->lock);
    return now;
}

bool daemon_rules_entry(daemon_rules *r, const char *name, rule_book_entry *out)
{
    pthread_mutex_lock(&r->lock);
    const rule_book_entry *entry = book_find(r, name);
    if (entry) *out = *entry;
    pthread_mutex_unlock(&r->lock);
    return entry != NULL;
}
