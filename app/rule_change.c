/*
 * rule_change.c: see rule_change.h.
 */
#include "app/rule_change.h"

#include "store/rule_rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row { struct row *next; const char *key, *text; size_t len; bool is_text; } row;

struct rule_change {
    unsigned users;             /* atomic */
    egret_arena arena;
    rule_set *rules;
    bool whole;
    const char *who, *note;
    int64_t wall_ms;
    egret_text lines;           /* for the journal */
    row *rows, **rows_end;      /* is_text: a content, by its hash; else a row by key */
    rule_version *versions;
    size_t n_versions, cap_versions;
    nfa_shards *shards;
    warm_up *warm;
    uint64_t warm_from;
    rule_set *before;
    pthread_mutex_t lock;       /* all below */
    pthread_cond_t answered;
    bool done;
    const char *trouble;
};

rule_change *rule_change_new(rule_set *rules, bool whole, const char *who, const char *note, int64_t wall_ms)
{
    rule_change *change = calloc(1, sizeof *change);
    if (!change) return NULL;
    egret_arena_init(&change->arena, egret_mem_of(NULL));
    egret_text_init(&change->lines, egret_mem_of(NULL));
    pthread_mutex_init(&change->lock, NULL);
    pthread_cond_init(&change->answered, NULL);
    change->users = 1;
    change->rules = rule_set_keep(rules);
    change->whole = whole;
    change->who = egret_arena_str(&change->arena, who, strlen(who)).ptr;
    change->note = egret_arena_str(&change->arena, note ? note : "", note ? strlen(note) : 0).ptr;
    change->wall_ms = wall_ms;
    change->rows_end = &change->rows;
    if (whole) rule_set_write(rules, &change->lines);
    else egret_text_put(&change->lines, rules->changes.ptr, rules->changes.len);
    if (!change->arena.failed && !change->lines.failed) return change;
    rule_change_free(change);
    return NULL;
}

rule_change *rule_change_keep(rule_change *change)
{
    __atomic_add_fetch(&change->users, 1, __ATOMIC_RELAXED);
    return change;
}

void rule_change_free(rule_change *change)
{
    if (!change || __atomic_sub_fetch(&change->users, 1, __ATOMIC_ACQ_REL) > 0) return;
    nfa_shards_free(change->shards);
    warm_up_free(change->warm);
    rule_set_drop(change->before);
    rule_set_drop(change->rules);
    pthread_mutex_destroy(&change->lock);
    pthread_cond_destroy(&change->answered);
    egret_text_deinit(&change->lines);
    egret_arena_deinit(&change->arena);
    free(change->versions);
    free(change);
}

rule_set *rule_change_rules(rule_change *change)
{
    return change->rules;
}

nfa_shards **rule_change_shards(rule_change *change)
{
    return &change->shards;
}

void rule_change_warms(rule_change *change, warm_up *warm, uint64_t from)
{
    change->warm = warm;
    change->warm_from = from;
}

warm_up *rule_change_warm_up(const rule_change *change, uint64_t *from)
{
    *from = change->warm_from;
    return change->warm;
}

rule_set **rule_change_before(rule_change *change)
{
    return &change->before;
}

/* ---- what goes into the store ---- */

static bool add(rule_change *change, const char *key, const char *text, size_t len, bool is_text)
{
    row *added = egret_arena_alloc(&change->arena, sizeof *added);
    if (!added) return false;
    *added = (row){.key = egret_arena_str(&change->arena, key, strlen(key)).ptr, .len = len, .is_text = is_text};
    if (text) added->text = egret_arena_str(&change->arena, text, len).ptr;
    *change->rows_end = added;
    change->rows_end = &added->next;
    return !change->arena.failed;
}

bool rule_change_add_row(rule_change *change, const char *key, const char *text, size_t len)
{
    return add(change, key, text, len, false);
}

static const char *own(rule_change *change, const char *text)
{
    return egret_arena_str(&change->arena, text ? text : "", text ? strlen(text) : 0).ptr;
}

static const rule_version *note_version(rule_change *change, const rule_version *like, const char *text, size_t len)
{
    if (change->n_versions == change->cap_versions) {
        size_t cap = change->cap_versions ? change->cap_versions * 2 : 8;
        rule_version *grown = realloc(change->versions, cap * sizeof *grown);
        if (!grown) return NULL;
        change->versions = grown;
        change->cap_versions = cap;
    }
    rule_version *v = &change->versions[change->n_versions];
    *v = *like;
    v->rule = own(change, like->rule);
    v->who = own(change, like->who);
    v->note = own(change, like->note);
    v->file = own(change, like->file);
    v->what = own(change, like->what);
    v->hash[0] = '\0';
    if (text) store_hash(text, len, v->hash);
    if (change->arena.failed) return NULL;
    change->n_versions++;
    return v;
}

bool rule_change_add_version(rule_change *change, const rule_version *like, const char *text, size_t len)
{
    egret_text key, line;
    const rule_version *noted = note_version(change, like, text, len);
    if (!noted) return false;
    egret_text_init(&key, egret_mem_of(NULL));
    egret_text_init(&line, egret_mem_of(NULL));
    rule_version_key(&key, noted->rule, noted->version);
    rule_version_put(&line, noted);
    bool fine = !key.failed && !line.failed && add(change, key.ptr, line.ptr, line.len, false);
    if (fine && text) fine = add(change, "", text, len, true);
    egret_text_deinit(&key);
    egret_text_deinit(&line);
    return fine;
}

const rule_version *rule_change_version(const rule_change *change, size_t i)
{
    return i < change->n_versions ? &change->versions[i] : NULL;
}

void rule_change_holds_from(rule_change *change, int64_t wall_ms)
{
    change->wall_ms = wall_ms;
}

journal_control rule_change_record(const rule_change *change)
{
    return (journal_control){.whole = change->whole, .wall_ms = change->wall_ms, .warms = change->warm != NULL, .warm_from = change->warm_from,
                             .who = {change->who, (uint32_t)strlen(change->who)}, .note = {change->note, (uint32_t)strlen(change->note)},
                             .lines = {change->lines.ptr ? change->lines.ptr : "", (uint32_t)change->lines.len}};
}

/* The row in which the subject of a line stands, as "now" and the words before what may change; lines that end something delete it. */
static int write_line(store *s, const char *line, size_t len)
{
    char *key, *copy = rule_text_copy(line, len), *rest = copy, *word[3] = {NULL, NULL, NULL};
    for (int i = 0; i < 3 && rest; i++) word[i] = strsep(&rest, "\t");
    int code = ENOMEM, made = -1;
    if (copy && word[1]) {
        const char *kind = word[0];
        bool is_file = strcmp(kind, "file") == 0 || strcmp(kind, "content") == 0, gone = strcmp(kind, "gone") == 0;
        bool is_snooze = strcmp(kind, "snooze") == 0, ends = strcmp(kind, "unsnooze") == 0, is_mode = strcmp(kind, "mode") == 0;
        const char *last = word[2] ? word[2] : "";
        if (is_file || gone) made = asprintf(&key, "now\tfile\t%s", gone ? word[1] : last);
        else if (is_snooze || ends) made = asprintf(&key, "now\tsnooze\t%s\t%s", word[1], last);
        else made = asprintf(&key, "now\tmode\t%s", word[1]);
        bool deletes = gone || ends || (is_mode && strcmp(last, "-") == 0);
        if (made >= 0) code = deletes ? rule_row_del(s, key) : rule_row_put(s, key, line, len + 1);
        if (made >= 0) free(key);
    }
    free(copy);
    return code;
}

static int write_lines(const egret_text *lines, store *s)
{
    int code = 0;
    const char *end = lines->ptr + lines->len;
    for (const char *at = lines->ptr, *stop; at < end && code == 0; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) break;
        code = write_line(s, at, (size_t)(stop - at));
    }
    return code;
}

/* Texts the lines name by their hash. */
static int write_texts(const rule_set *rules, const egret_text *lines, store *s)
{
    int code = 0;
    for (size_t i = 0; i < rules->n_files && code == 0; i++)
        if (memmem(lines->ptr, lines->len, rules->files[i]->hash, STORE_HASH_DIGITS))
            code = store_content_put(s, rules->files[i]->text, rules->files[i]->len);
    return code;
}

int rule_change_write(const rule_change *change, store *s)
{
    const egret_text *done = &change->rules->changes;
    int code = done->len > 0 ? write_texts(change->rules, done, s) : 0;
    if (code == 0 && done->len > 0) code = write_lines(done, s);
    for (const row *r = change->rows; r && code == 0; r = r->next)
        code = r->is_text ? store_content_put(s, r->text, r->len) : r->text ? rule_row_put(s, r->key, r->text, r->len) : rule_row_del(s, r->key);
    return code;
}

/* ---- who waits ---- */

void rule_change_answer(rule_change *change, const char *trouble)
{
    pthread_mutex_lock(&change->lock);
    if (!change->done) {
        change->done = true;
        change->trouble = trouble;
        pthread_cond_broadcast(&change->answered);
    }
    pthread_mutex_unlock(&change->lock);
}

const char *rule_change_wait(rule_change *change)
{
    pthread_mutex_lock(&change->lock);
    while (!change->done) pthread_cond_wait(&change->answered, &change->lock);
    const char *trouble = change->trouble;
    pthread_mutex_unlock(&change->lock);
    return trouble;
}

bool rule_change_is_answered(rule_change *change, const char **trouble)
{
    pthread_mutex_lock(&change->lock);
    bool done = change->done;
    *trouble = change->trouble;
    pthread_mutex_unlock(&change->lock);
    return done;
}

/* ---- versions ---- */

void rule_version_key(egret_text *out, const char *rule, uint64_t version)
{
    egret_text_printf(out, "version\t%s\t", rule);
    if (version > 0) egret_text_printf(out, "%010llu", (unsigned long long)version);
    egret_text_put(out, "", 1);
}

static void put_word(egret_text *out, const char *word, char end)
{
    for (const char *c = word; *c; c++) egret_text_put(out, (unsigned char)*c < ' ' ? " " : c, 1);
    egret_text_put(out, &end, 1);
}

void rule_version_put(egret_text *out, const rule_version *v)
{
    put_word(out, v->rule, '\t');
    egret_text_printf(out, "%llu\t%lld\t", (unsigned long long)v->version, (long long)v->when_ms);
    put_word(out, v->what, '\t');
    put_word(out, v->hash, '\t');
    put_word(out, v->file, '\t');
    put_word(out, v->who, '\t');
    put_word(out, v->note ? v->note : "", '\n');
}

bool rule_version_get(char *line, rule_version *out)
{
    char *word[8], *rest = line;
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 8; i++)
        if (!(word[i] = strsep(&rest, "\t"))) return false;
    *out = (rule_version){.rule = word[0], .version = strtoull(word[1], NULL, 10), .when_ms = strtoll(word[2], NULL, 10), .what = word[3],
                          .file = word[5], .who = word[6], .note = word[7]};
    snprintf(out->hash, sizeof out->hash, "%s", word[4]);
    return out->version > 0;
}
