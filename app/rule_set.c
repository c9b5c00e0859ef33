/*
 * rule_set.c: see rule_set.h.
 */
#include "app/rule_set.h"

#include "app/page_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 8 };

static const char *const mode_names[] = {[PLAN_LIVE] = "live", [PLAN_SHADOW] = "shadow", [PLAN_OFF] = "off"};

/* ---- life ---- */

rule_set *rule_set_new(void)
{
    rule_set *set = calloc(1, sizeof *set);
    if (!set) return NULL;
    set->users = 1;
    egret_arena_init(&set->arena, page_pool_mem());
    if (!rule_grounds_make(&set->grounds, NULL)) {
        free(set);
        return NULL;
    }
    egret_text_init(&set->changes, egret_mem_of(NULL));
    egret_diags_init(&set->diags, &rule_grounds_own(&set->grounds)->arena);
    ast_file_init(&set->tree);
    return set;
}

rule_set *rule_set_keep(rule_set *set)
{
    __atomic_add_fetch(&set->users, 1, __ATOMIC_RELAXED);
    return set;
}

void rule_set_drop(rule_set *set)
{
    if (!set || __atomic_sub_fetch(&set->users, 1, __ATOMIC_ACQ_REL) > 0) return;
    egret_text_deinit(&set->changes);
    egret_arena_deinit(&set->arena);
    for (size_t i = 0; i < set->n_files; i++) rule_file_drop(set->files[i]);
    free(set->files);
    free(set->modes);
    free(set->snoozes);
    free(set->layouts);
    rule_grounds_drop(&set->grounds);
    rule_set_drop(set->base);
    free(set);
}

static const char *own(rule_set *set, const char *text)
{
    return egret_arena_str(&set->arena, text, strlen(text)).ptr;
}

/* Room for one more item of an array. */
static bool room(rule_set *set, void **items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return true;
    size_t wanted = *cap ? *cap * 2 : 16;
    void *grown = realloc(*items, wanted * size);
    if (!grown) {
        set->arena.failed = true;
        return false;
    }
    *items = grown;
    *cap = wanted;
    return true;
}

/* ---- lines ---- */

/* Words are parted by tabs, lines end: neither may stand in a word. */
static void put_word(egret_text *out, const char *word, char end)
{
    for (const char *c = word; *c; c++) egret_text_put(out, (unsigned char)*c < ' ' ? " " : c, 1);
    egret_text_put(out, &end, 1);
}

static void put_file(egret_text *out, const rule_file *file)
{
    put_word(out, file->is_content ? "content" : "file", '\t');
    put_word(out, file->hash, '\t');
    put_word(out, file->path, '\n');
}

static void put_mode(egret_text *out, const char *rule, const char *mode)
{
    put_word(out, "mode", '\t');
    put_word(out, rule, '\t');
    put_word(out, mode, '\n');
}

static void put_snooze(egret_text *out, const rule_snooze *s)
{
    char number[32];
    put_word(out, s->until_ms > 0 ? "snooze" : "unsnooze", '\t');
    put_word(out, s->rule, '\t');
    put_word(out, s->key, s->until_ms > 0 ? '\t' : '\n');
    if (s->until_ms == 0) return;
    snprintf(number, sizeof number, "%lld", (long long)s->until_ms);
    put_word(out, number, '\t');
    snprintf(number, sizeof number, "%lld", (long long)s->when_ms);
    put_word(out, number, '\t');
    put_word(out, s->who, '\t');
    put_word(out, s->reason, '\n');
}

void rule_set_write(const rule_set *set, egret_text *out)
{
    for (size_t i = 0; i < set->n_files; i++) put_file(out, set->files[i]);
    for (size_t i = 0; i < set->n_modes; i++) put_mode(out, set->modes[i].rule, mode_names[set->modes[i].mode]);
    for (size_t i = 0; i < set->n_snoozes; i++) put_snooze(out, &set->snoozes[i]);
}

typedef bool (*text_fn)(void *user, const char *hash, egret_text *out);

static bool read_file(rule_set *set, char *const *word, text_fn text, void *user)
{
    egret_text got;
    bool is_content = strcmp(word[0], "content") == 0;
    const rule_file *there = rule_set_file(set, word[2]);
    if (there && strcmp(there->hash, word[1]) == 0) return true;
    egret_text_init(&got, egret_mem_of(NULL));
    bool fine = strlen(word[1]) == STORE_HASH_DIGITS && text(user, word[1], &got);
    if (fine) rule_set_put(set, word[2], got.ptr ? got.ptr : "", got.len, is_content);
    egret_text_deinit(&got);
    return fine;
}

static bool read_line(rule_set *set, char *line, text_fn text, void *user)
{
    char *word[MAX_WORDS];
    size_t n = 0;
    for (char *at = line; at && n < MAX_WORDS; n++) {
        word[n] = at;
        at = strchr(at, '\t');
        if (at) *at++ = '\0';
    }
    bool is_file = n == 3 && (strcmp(word[0], "file") == 0 || strcmp(word[0], "content") == 0);
    if (is_file) return read_file(set, word, text, user);
    if (n == 2 && strcmp(word[0], "gone") == 0) rule_set_remove(set, word[1]);
    else if (n == 3 && strcmp(word[0], "mode") == 0) rule_set_put_mode(set, word[1], word[2]);
    else if (n == 3 && strcmp(word[0], "unsnooze") == 0) rule_set_put_snooze(set, &(rule_snooze){.rule = word[1], .key = word[2]});
    else if (n == 7 && strcmp(word[0], "snooze") == 0)
        rule_set_put_snooze(set, &(rule_snooze){.rule = word[1], .key = word[2], .until_ms = strtoll(word[3], NULL, 10),
                                                .when_ms = strtoll(word[4], NULL, 10), .who = word[5], .reason = word[6]});
    else return false;
    return true;
}

char *rule_text_copy(const char *ptr, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy) return NULL;
    if (len > 0) memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

bool rule_set_read(rule_set *set, const char *lines, size_t len, text_fn text, void *user)
{
    const char *end = lines + len;
    bool fine = true;
    for (const char *at = lines, *stop; at < end && fine; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        char *line = rule_text_copy(at, (size_t)(stop - at));
        fine = line && (*line == '\0' || read_line(set, line, text, user));
        free(line);
    }
    return fine && !set->arena.failed;
}

/* ---- files ---- */

/* Where the path stands, or would. */
static size_t place_of(const rule_set *set, const char *path)
{
    size_t low = 0, high = set->n_files;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(set->files[middle]->path, path) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

const rule_file *rule_set_file(const rule_set *set, const char *path)
{
    size_t at = place_of(set, path);
    return at < set->n_files && strcmp(set->files[at]->path, path) == 0 ? set->files[at] : NULL;
}

/* Files are put in order. */
static void put_in(rule_set *set, rule_file *file)
{
    size_t at = place_of(set, file->path);
    bool there = at < set->n_files && strcmp(set->files[at]->path, file->path) == 0;
    if (!there && !room(set, (void **)&set->files, set->n_files, &set->cap_files, sizeof *set->files)) {
        rule_file_drop(file);
        return;
    }
    if (!there) {
        memmove(&set->files[at + 1], &set->files[at], (set->n_files - at) * sizeof *set->files);
        set->n_files++;
    } else {
        rule_file_drop(set->files[at]);
    }
    set->files[at] = file;
    put_file(&set->changes, file);
}

void rule_set_put(rule_set *set, const char *path, const char *text, size_t len, bool is_content)
{
    char hash[STORE_HASH_DIGITS + 1];
    const rule_file *there = rule_set_file(set, path);
    store_hash(text, len, hash);
    if (there && strcmp(there->hash, hash) == 0 && there->is_content == is_content) return;
    rule_file *file = rule_file_new(path, text, len, is_content);
    if (file) put_in(set, file);
    else set->arena.failed = true;
}

void rule_set_take(rule_set *set, const egret_diags *diags)
{
    for (uint32_t i = 0; i < diags->n_sources; i++) rule_set_put(set, diags->sources[i].name, diags->sources[i].text, diags->sources[i].len, false);
    for (uint32_t i = 0; i < diags->n_contents; i++) rule_set_put(set, diags->contents[i].name, diags->contents[i].text, diags->contents[i].len, true);
}

void rule_set_remove(rule_set *set, const char *path)
{
    size_t at = place_of(set, path);
    if (at == set->n_files || strcmp(set->files[at]->path, path) != 0) return;
    put_word(&set->changes, "gone", '\t');
    put_word(&set->changes, path, '\n');
    rule_file_drop(set->files[at]);
    set->n_files--;
    memmove(&set->files[at], &set->files[at + 1], (set->n_files - at) * sizeof *set->files);
}

/* ---- settings ---- */

void rule_set_put_mode(rule_set *set, const char *rule, const char *mode)
{
    size_t at = 0;
    int wanted = -1;
    for (int i = PLAN_LIVE; i <= PLAN_OFF; i++)
        if (strcmp(mode, mode_names[i]) == 0) wanted = i;
    while (at < set->n_modes && strcmp(set->modes[at].rule, rule) < 0) at++;
    bool there = at < set->n_modes && strcmp(set->modes[at].rule, rule) == 0;
    if (there ? wanted == (int)set->modes[at].mode : wanted < 0) return;
    if (wanted < 0) {
        set->n_modes--;
        memmove(&set->modes[at], &set->modes[at + 1], (set->n_modes - at) * sizeof *set->modes);
    } else if (there) {
        set->modes[at].mode = (plan_mode)wanted;
    } else {
        const rule_mode added = {own(set, rule), (plan_mode)wanted};
        if (!added.rule || !room(set, (void **)&set->modes, set->n_modes, &set->cap_modes, sizeof *set->modes)) return;
        memmove(&set->modes[at + 1], &set->modes[at], (set->n_modes - at) * sizeof *set->modes);
        set->modes[at] = added;
        set->n_modes++;
    }
    put_mode(&set->changes, rule, wanted < 0 ? "-" : mode);
}

static int compare_snoozes(const rule_snooze *a, const rule_snooze *b)
{
    int order = strcmp(a->rule, b->rule);
    return order != 0 ? order : strcmp(a->key, b->key);
}

void rule_set_put_snooze(rule_set *set, const rule_snooze *snooze)
{
    size_t at = 0;
    while (at < set->n_snoozes && compare_snoozes(&set->snoozes[at], snooze) < 0) at++;
    bool there = at < set->n_snoozes && compare_snoozes(&set->snoozes[at], snooze) == 0;
    if (snooze->until_ms == 0) {
        if (!there) return;
        put_snooze(&set->changes, snooze);
        set->n_snoozes--;
        memmove(&set->snoozes[at], &set->snoozes[at + 1], (set->n_snoozes - at) * sizeof *set->snoozes);
        return;
    }
    const rule_snooze copy = {.rule = own(set, snooze->rule), .key = own(set, snooze->key), .until_ms = snooze->until_ms, .when_ms = snooze->when_ms,
                              .who = own(set, snooze->who), .reason = own(set, snooze->reason)};
    if (set->arena.failed || (!there && !room(set, (void **)&set->snoozes, set->n_snoozes, &set->cap_snoozes, sizeof *set->snoozes))) return;
    if (!there) memmove(&set->snoozes[at + 1], &set->snoozes[at], (set->n_snoozes - at) * sizeof *set->snoozes);
    set->snoozes[at] = copy;
    set->n_snoozes += !there;
    put_snooze(&set->changes, &set->snoozes[at]);
}

bool rule_set_is_snoozed(const rule_set *set, egret_str rule, const char *key, int64_t wall_ms)
{
    for (size_t i = 0; i < set->n_snoozes; i++)
        if (wall_ms <= set->snoozes[i].until_ms && egret_str_is(rule, set->snoozes[i].rule) && strcmp(set->snoozes[i].key, key) == 0) return true;
    return false;
}

/* ---- copying ---- */

rule_set *rule_set_copy(const rule_set *from)
{
    rule_set *set = rule_set_new();
    if (!set) return NULL;
    for (size_t i = 0; i < from->n_files; i++) {
        const rule_file *file = from->files[i];
        if (file->parsed || file->is_content) put_in(set, rule_file_keep(from->files[i]));
        else rule_set_put(set, file->path, file->text, file->len, false);
    }
    for (size_t i = 0; i < from->n_modes; i++) rule_set_put_mode(set, from->modes[i].rule, mode_names[from->modes[i].mode]);
    for (size_t i = 0; i < from->n_snoozes; i++) rule_set_put_snooze(set, &from->snoozes[i]);
    set->changes.len = 0;
    if (from->plan && from->changes.len == from->compiled_changes) set->base = rule_set_keep((rule_set *)(uintptr_t)from);
    if (!set->arena.failed && !set->changes.failed) return set;
    rule_set_drop(set);
    return NULL;
}
