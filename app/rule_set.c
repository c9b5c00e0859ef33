/*
 * rule_set.c: see rule_set.h.
 */
#include "app/rule_set.h"

#include "app/page_pool.h"
#include "app/recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MAX_WORDS = 8 };

static const char *const mode_names[] = {[PLAN_LIVE] = "live", [PLAN_SHADOW] = "shadow", [PLAN_OFF] = "off"};

/* ---- life ---- */

rule_set *rule_set_new(void)
{
    rule_set *set = calloc(1, sizeof *set);
    if (!set) return NULL;
    set->users = 1;
    egret_arena_init(&set->arena, page_pool_mem());
    egret_text_init(&set->changes, egret_mem_of(NULL));
    egret_diags_init(&set->diags, &set->arena);
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
    if (!set->arena.failed && !set->changes.failed) return set;
    rule_set_drop(set);
    return NULL;
}

/* ---- compiling ---- */

/* What was set from outside holds, whatever the rule says. */
static void set_modes(rule_set *set, const plan *p)
{
    for (size_t i = 0; i < set->n_modes; i++)
        for (uint32_t k = 0; k < p->n_rules; k++)
            if (egret_str_is(p->rules[k].name, set->modes[i].rule)) p->rules[k].mode = set->modes[i].mode;
}

/* Definitions, and all that is written: other words of an alert are other rules, too. */
static uint64_t fingerprint(const rule_set *set)
{
    const plan *p = set->plan;
    uint64_t hash = 1;
    for (size_t i = 0; i < set->n_files; i++) {
        const rule_file *file = set->files[i];
        hash = XXH3_64bits_withSeed(file->path, strlen(file->path) + 1, hash);
        hash = XXH3_64bits_withSeed(file->hash, sizeof file->hash, hash);
    }
    for (uint32_t i = 0; i < p->n_streams; i++) hash = XXH3_64bits_withSeed(&set->layouts[i], sizeof set->layouts[i], hash);
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const plan_rule *rule = &p->rules[i];
        const uint64_t of[] = {rule->hash, rule->life_hash, (uint64_t)rule->mode};
        hash = XXH3_64bits_withSeed(of, sizeof of, hash);
    }
    for (uint32_t i = 0; i < p->n_windows; i++) hash = XXH3_64bits_withSeed(&p->windows[i].hash, sizeof p->windows[i].hash, hash);
    return hash ? hash : 1;
}

static bool name_layouts(rule_set *set)
{
    const plan *p = set->plan;
    set->layouts = calloc((size_t)p->n_streams + 1, sizeof *set->layouts);
    set->arena.failed = set->arena.failed || !set->layouts;
    if (set->arena.failed) return false;
    for (uint32_t i = 0; i < p->n_streams; i++) set->layouts[i] = recovery_layout(&p->streams[i]);
    set->fingerprint = fingerprint(set);
    return true;
}

/* Sources by number: files that were parsed have theirs, the others get those that are free. NULL: no memory. */
static egret_source *number_sources(rule_set *set, uint32_t *numbers, uint32_t *n)
{
    size_t cap = set->n_files + 1;
    for (size_t i = 0; i < set->n_files; i++)
        if (set->files[i]->parsed && set->files[i]->number >= cap) cap = (size_t)set->files[i]->number + 1;
    egret_source *sources = egret_arena_alloc(&set->arena, cap * sizeof *sources);
    if (!sources) return NULL;
    for (size_t i = 0; i < set->n_files; i++)
        if (set->files[i]->parsed) sources[set->files[i]->number].name = set->files[i]->path;
    for (uint32_t i = 0, next = 0; i < set->n_files; i++) {
        const rule_file *file = set->files[i];
        if (file->is_content) continue;
        while (!file->parsed && sources[next].name) next++;
        numbers[i] = file->parsed ? file->number : next;
        sources[numbers[i]] = (egret_source){file->path, file->text, file->len < UINT32_MAX ? (uint32_t)file->len : UINT32_MAX};
        *n = numbers[i] >= *n ? numbers[i] + 1 : *n;
    }
    for (uint32_t i = 0; i < *n; i++)
        if (!sources[i].name) sources[i] = (egret_source){"", "", 0};
    return sources;
}

/* The tree of all files. Nodes are shared but for the declarations themselves, which are linked to those of the next file. */
static void gather_tree(rule_set *set)
{
    for (size_t i = 0; i < set->n_files && !set->arena.failed; i++) {
        if (set->files[i]->is_content) continue;
        egret_diags_add_all(&set->diags, &set->files[i]->said);
        for (const ast_decl *decl = set->files[i]->tree.decls; decl && !set->arena.failed; decl = decl->next) {
            ast_decl *copy = egret_arena_alloc(&set->arena, sizeof *copy);
            if (!copy) return;
            *copy = *decl;
            copy->next = NULL;
            *set->tree.tail = copy;
            set->tree.tail = &copy->next;
        }
    }
}

static void parse_files(rule_set *set)
{
    uint32_t n = 0, *numbers = egret_arena_alloc(&set->arena, (set->n_files + 1) * sizeof *numbers);
    const egret_source *sources = numbers ? number_sources(set, numbers, &n) : NULL;
    if (!sources) return;
    egret_diags_set_sources(&set->diags, sources, n);
    for (size_t i = 0; i < set->n_files && !set->arena.failed; i++)
        if (!set->files[i]->is_content && !set->files[i]->parsed && !rule_file_parse(set->files[i], &set->diags, numbers[i])) set->arena.failed = true;
    gather_tree(set);
}

bool rule_set_compile(rule_set *set)
{
    set->diags.contents_given = true;
    for (size_t i = 0; i < set->n_files; i++)
        if (set->files[i]->is_content) egret_diags_add_content(&set->diags, set->files[i]->path, set->files[i]->text, set->files[i]->len);
    parse_files(set);
    const plan *p = set->arena.failed ? NULL : egret_plan_make(&set->diags, &set->tree, true);
    if (set->diags.n_errors > 0 || !p || set->arena.failed) return false;
    set->plan = p;
    set_modes(set, p);
    return name_layouts(set);
}
