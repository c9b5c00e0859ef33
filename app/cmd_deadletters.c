/*
 * cmd_deadletters.c: `egret deadletters`: looks at the dead letters of a data folder, sends them again, throws them away; also while a daemon uses
 * the folder: it sees what was put in its way within a second.
 */
#include "app/command.h"
#include "app/log.h"

#include "alerting/json_write.h"
#include "compiler/value.h"
#include "store/dead_letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct dead_view {
    json_writer out;
    bool whole;             /* with the record or message */
    bool bare;              /* nothing else */
    uint64_t only;          /* this letter alone; 0: all */
    uint64_t n;
    uint64_t *numbers;      /* of those found, owned; when they are collected */
    size_t cap;
    bool collects, failed;
} dead_view;

/* ---- looking ---- */

static void put_texts(json_writer *w, const dead_letter *letter)
{
    bool event = letter->kind == DEAD_EVENT;
    jsonw_key_z(w, event ? "source" : "sink");
    jsonw_string_z(w, letter->where);
    if (!event || letter->what[0]) {
        jsonw_key_z(w, event ? "stream" : "id");
        jsonw_string_z(w, letter->what);
    }
    jsonw_key_z(w, "class");
    jsonw_string_z(w, letter->class);
    jsonw_key_z(w, "reason");
    jsonw_string_z(w, letter->reason);
}

static void put_numbers(json_writer *w, const dead_letter *letter)
{
    if (letter->kind == DEAD_ALERT) {
        jsonw_key_z(w, "attempts");
        jsonw_uint(w, letter->attempts);
        return;
    }
    jsonw_key_z(w, "line");
    jsonw_uint(w, letter->line);
    jsonw_key_z(w, "offset");
    jsonw_uint(w, letter->offset);
    if (letter->cut) {
        jsonw_key_z(w, "cut");
        jsonw_bool(w, true);
    }
}

static void put_letter(json_writer *w, const dead_letter *letter, bool whole)
{
    jsonw_begin(w, '{');
    jsonw_key_z(w, "number");
    jsonw_uint(w, letter->number);
    jsonw_key_z(w, "kind");
    jsonw_string_z(w, letter->kind == DEAD_EVENT ? "event" : "alert");
    jsonw_key_z(w, "time");
    jsonw_value(w, egret_time(letter->at_ms));
    put_texts(w, letter);
    put_numbers(w, letter);
    if (whole && letter->kind == DEAD_EVENT) {
        jsonw_key_z(w, "record");
        jsonw_string(w, letter->bytes, letter->len);
    } else if (whole) {
        jsonw_key_z(w, "alert");
        jsonw_record(w, letter->bytes, letter->len);
    }
    jsonw_end(w, '}');
}

static bool collect(dead_view *v, uint64_t number)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? 2 * v->cap : 256;
        uint64_t *grown = realloc(v->numbers, cap * sizeof *grown);
        if (!grown) return v->failed = true, false;
        v->numbers = grown;
        v->cap = cap;
    }
    v->numbers[v->n++] = number;
    return true;
}

static bool take(void *user, const dead_letter *letter)
{
    dead_view *v = user;
    if (v->only && letter->number != v->only) return false;
    if (v->collects) return collect(v, letter->number);
    v->n++;
    jsonw_reset(&v->out);
    if (v->bare) {
        fwrite(letter->bytes, 1, letter->len, stdout);
        if (letter->len == 0 || letter->bytes[letter->len - 1] != '\n') putchar('\n');
        return true;
    }
    put_letter(&v->out, letter, v->whole);
    jsonw_raw(&v->out, "\n", 1);
    fwrite(v->out.ptr, 1, v->out.len, stdout);
    return true;
}

static int find(const app_args *args, const store *s, const dead_query *query, dead_view *v)
{
    uint64_t broken = 0;
    int code = dead_letters_find(s, query, take, v, &broken);
    if (code != 0) return app_trouble(args, "%s", store_text(code));
    if (v->failed || v->out.failed) return app_trouble(args, "no memory");
    if (broken > 0) return app_trouble(args, "%" PRIu64 " dead letters cannot be read", broken);
    if (v->only && v->n == 0) return app_trouble(args, "there is no dead letter %" PRIu64, v->only);
    return APP_FINE;
}

/* ---- changing ---- */

enum { AT_ONCE = 500 };

typedef struct change {
    bool discards;
    uint64_t done, refused;
} change;

static int change_some(store *s, change *c, const uint64_t *numbers, size_t n)
{
    int code = store_begin(s);
    if (code != 0) return code;
    for (size_t i = 0; i < n && code == 0; i++) {
        code = c->discards ? dead_letter_discard(s, numbers[i]) : dead_letter_retry(s, numbers[i], app_wall_ms(NULL));
        c->done += code == 0;
        c->refused += code == DEAD_NONE;
        if (code == DEAD_NONE) code = 0;
    }
    if (code == 0) return store_commit(s);
    store_abort(s);
    return code;
}

static int change_all(const app_args *args, store *s, const dead_query *query, dead_view *v, bool discards)
{
    change c = {.discards = discards};
    v->collects = true;
    int exit_code = find(args, s, query, v), code = 0;
    if (exit_code != APP_FINE) return exit_code;
    for (size_t at = 0; at < v->n && code == 0; at += AT_ONCE)
        code = change_some(s, &c, v->numbers + at, v->n - at < AT_ONCE ? v->n - at : AT_ONCE);
    if (code != 0) return app_trouble(args, "%s", store_text(code));
    printf("%" PRIu64 " %s", c.done, discards ? "thrown away" : "on their way again");
    if (c.refused > 0) printf(", %" PRIu64 " cannot be sent again: not all of the record is kept, or its stream is not known", c.refused);
    putchar('\n');
    return c.refused > 0 ? APP_TROUBLE : APP_FINE;
}

/* ---- the command line ---- */

static bool read_number(const app_args *args, const char *word, uint64_t *out)
{
    char *end;
    unsigned long long n = strtoull(word, &end, 10);
    if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && n > 0) return *out = n, true;
    app_usage(args, "'%s' is no number of a dead letter; list shows them", word);
    return false;
}

static bool read_query(const app_args *args, dead_query *query, dead_view *v)
{
    const char **words, *kind = app_args_one(args, "kind");
    size_t n = app_args_words(args, &words);
    int64_t after, most;
    if (!app_args_int(args, "after", 0, INT64_MAX, &after) || !app_args_int(args, "most", 0, UINT32_MAX, &most)) return false;
    *query = (dead_query){.where = app_args_one(args, "from"), .what = app_args_one(args, "of"), .class = app_args_one(args, "class"),
                          .after = (uint64_t)after, .most = (unsigned)most};
    if (kind && strcmp(kind, "events") == 0) query->kind = DEAD_EVENT;
    else if (kind && strcmp(kind, "alerts") == 0) query->kind = DEAD_ALERT;
    else if (kind) return app_usage(args, "--kind: events or alerts"), false;
    if (n == 2) {
        if (!read_number(args, words[1], &v->only)) return false;
        query->after = v->only - 1;
        query->most = 1;
    }
    return true;
}

static int run_verb(const app_args *args, store *s, const char *verb, const dead_query *query)
{
    dead_view v = {0};
    const char **words;
    int exit_code;
    dead_query q = *query;
    jsonw_init(&v.out);
    if (app_args_words(args, &words) == 2) v.only = q.after + 1;
    v.whole = strcmp(verb, "show") == 0;
    v.bare = strcmp(verb, "export") == 0;
    if (strcmp(verb, "retry") == 0) exit_code = change_all(args, s, &q, &v, false);
    else if (strcmp(verb, "discard") == 0) exit_code = change_all(args, s, &q, &v, true);
    else exit_code = find(args, s, &q, &v);
    jsonw_deinit(&v.out);
    free(v.numbers);
    return exit_code;
}

static const app_option options[] = {
    {"data", APP_ONE, "DIR", NULL, "the data folder"},
    {"kind", APP_ONE, "KIND", NULL, "events (records that were not taken) or alerts (that no receiver took) alone"},
    {"from", APP_ONE, "NAME", NULL, "of this source, or for this sink, alone"},
    {"of", APP_ONE, "NAME", NULL, "of this stream, or with this message id, alone"},
    {"class", APP_ONE, "NAME", NULL, "of this class alone: syntax, type, late, duplicate, ahead, delivery, …"},
    {"after", APP_ONE, "NUMBER", "0", "those with greater numbers alone"},
    {"most", APP_ONE, "N", "0", "so many at most; 0: all"},
    {"all", APP_FLAG, NULL, NULL, "retry, discard: all that fit the other options"},
    {0},
};

static bool check(const app_args *args, const char **words, size_t n)
{
    static const char *const verbs[] = {"list", "show", "export", "retry", "discard"};
    bool known = false;
    for (size_t i = 0; n >= 1 && n <= 2 && i < sizeof verbs / sizeof verbs[0]; i++) known = known || strcmp(words[0], verbs[i]) == 0;
    if (!known) return app_usage(args, "what to do: list, show, export, retry or discard?"), false;
    bool changes = words[0][0] == 'r' || words[0][0] == 'd';
    if (changes && n == 1 && !app_args_has(args, "all")) return app_usage(args, "which one? A number, or --all"), false;
    if (!app_args_one(args, "data")) return app_usage(args, "--data is needed"), false;
    return true;
}

static int run(app_args *args)
{
    const char **words;
    char reason[512];
    dead_query query;
    dead_view v = {0};
    size_t n = app_args_words(args, &words);
    if (!check(args, words, n) || !read_query(args, &query, &v)) return APP_USAGE;
    bool changes = words[0][0] == 'r' || words[0][0] == 'd';
    store *s = store_open(&(store_options){.dir = app_args_one(args, "data"), .read_only = !changes, .shared = changes}, reason, sizeof reason);
    if (!s) return app_trouble(args, "%s", reason);
    int exit_code = run_verb(args, s, words[0], &query);
    store_close(s);
    return exit_code;
}

const app_command app_cmd_deadletters = {
    .name = "deadletters",
    .summary = "Shows events that were not taken and alerts no receiver took; sends them again",
    .words = "list|show|export|retry|discard [NUMBER]",
    .options = options,
    .notes = "list: one JSON object a line; show: with the record or the alert; export: the records or alerts alone, as they came; retry: an alert is\n"
             "on its way to its sink again, with all its tries, an event comes in again as if it had just been posted; discard: they are thrown\n"
             "away. A NUMBER means that one; retry and discard want it, or --all. A daemon may use the folder meanwhile: it takes up within a\n"
             "second what is to be sent again.",
    .run = run,
};
