/*
 * cmd_alerts.c: `egret alerts`: looks at the history of alerts of a data folder, also while a daemon uses it. Nothing is changed.
 */
#include "app/command.h"

#include "alerting/json_write.h"
#include "compiler/value.h"
#include "store/delivery.h"
#include "store/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct alerts_view {
    const store *s;
    json_writer out;
    bool whole;             /* with messages and deliveries */
    bool feed;
    uint64_t left;          /* to be told; counts down */
} alerts_view;

static void put_text(json_writer *w, const char *key, const char *text)
{
    jsonw_key_z(w, key);
    jsonw_string_z(w, text);
}

static void put_time(json_writer *w, const char *key, int64_t ms)
{
    jsonw_key_z(w, key);
    jsonw_value(w, egret_time(ms));
}

static void put_delivery(void *user, const char *sink, const delivery *what)
{
    json_writer *w = user;
    jsonw_key_z(w, sink);
    jsonw_begin(w, '{');
    put_text(w, "state", delivery_state_name(what->state));
    jsonw_key_z(w, "attempts");
    jsonw_uint(w, what->attempts);
    if (what->at_ms != 0) put_time(w, "at", what->at_ms);
    if (what->reason[0]) put_text(w, "reason", what->reason);
    jsonw_end(w, '}');
}

static void put_sinks(json_writer *w, const history_entry *entry)
{
    jsonw_key_z(w, "sinks");
    jsonw_begin(w, '[');
    for (unsigned i = 0; i < entry->n_sinks; i++) jsonw_string_z(w, entry->sinks[i]);
    jsonw_end(w, ']');
}

static void put_now(json_writer *w, const history_now *now)
{
    put_text(w, "state", history_state_name(now->state));
    put_text(w, "severity", history_severity_name(now->severity));
    jsonw_key_z(w, "entries");
    jsonw_uint(w, now->n_entries);
    put_time(w, "changed", now->changed_ms);
    if (now->who[0]) put_text(w, "who", now->who);
    if (now->reason[0]) put_text(w, "why", now->reason);
}

static void put_entry(alerts_view *v, const history_entry *entry, const history_now *now)
{
    json_writer *w = &v->out;
    jsonw_begin(w, '{');
    jsonw_key_z(w, "position");
    jsonw_uint(w, entry->position);
    put_text(w, "id", entry->id);
    put_text(w, "kind", history_kind_name(entry->kind));
    put_text(w, "rule", entry->rule);
    put_time(w, "time", entry->time_ms);
    put_time(w, "told", entry->wall_ms);
    if (!v->feed && now) put_now(w, now);
    if (v->feed && entry->who[0]) put_text(w, "who", entry->who);
    if (v->feed && entry->reason[0]) put_text(w, "why", entry->reason);
    put_sinks(w, entry);
    if (v->whole && entry->bytes) {
        jsonw_key_z(w, "alert");
        jsonw_record(w, entry->bytes, entry->len);
    }
}

static bool take(void *user, const history_entry *entry, const history_now *now)
{
    alerts_view *v = user;
    jsonw_reset(&v->out);
    put_entry(v, entry, now);
    if (v->whole) {
        jsonw_key_z(&v->out, "deliveries");
        jsonw_begin(&v->out, '{');
        (void)delivery_each(v->s, entry->position, put_delivery, &v->out);
        jsonw_end(&v->out, '}');
    }
    jsonw_end(&v->out, '}');
    jsonw_raw(&v->out, "\n", 1);
    fwrite(v->out.ptr, 1, v->out.len, stdout);
    return !v->out.failed && --v->left > 0;
}

/* ---- verbs ---- */

static int finish(const app_args *args, const alerts_view *v, int code, uint64_t broken)
{
    if (code != 0) return app_trouble(args, "%s", store_text(code));
    if (v->out.failed) return app_trouble(args, "no memory");
    return broken > 0 ? app_trouble(args, "%" PRIu64 " alerts cannot be read", broken) : APP_FINE;
}

static int list(const app_args *args, alerts_view *v, history_query *query)
{
    history_page page;
    uint64_t broken = 0;
    int code;
    do {
        query->most = v->left < 1000 ? (unsigned)v->left : 1000;
        code = history_find(v->s, query, take, v, &page);
        broken += page.broken;
        query->after_ms = page.after_ms;
        query->after_position = page.after_position;
    } while (code == 0 && page.more && v->left > 0 && !v->out.failed);
    return finish(args, v, code, broken);
}

static int feed(const app_args *args, alerts_view *v, uint64_t after)
{
    bool gap = false;
    int code = history_feed(v->s, after, (unsigned)v->left, v->whole, take, v, &gap);
    if (gap) fprintf(stderr, "egret alerts: what came directly after %" PRIu64 " is not kept any more\n", after);
    return finish(args, v, code, 0);
}

static int show(const app_args *args, alerts_view *v, const char *id)
{
    v->feed = true;
    v->left = UINT32_MAX;
    int code = history_of(v->s, id, take, v);
    if (code == HISTORY_NONE) return app_trouble(args, "there is no alert %s", id);
    return finish(args, v, code, 0);
}

/* "user=ann"; the text is cut in two. */
static bool read_key(const app_args *args, history_query *query, char *texts, size_t size)
{
    const char **keys;
    size_t n = app_args_many(args, "key", &keys), at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(keys[i], '=');
        size_t len = strlen(keys[i]) + 1;
        if (!equals || n > HISTORY_MAX_KEYS || len > size - at) return app_usage(args, "--key: '%s' is not NAME=VALUE", keys[i]), false;
        memcpy(texts + at, keys[i], len);
        texts[at + (size_t)(equals - keys[i])] = '\0';
        query->key[query->n_key++] = (history_part){texts + at, texts + at + (equals - keys[i]) + 1};
        at += len;
    }
    return true;
}

static bool read_query(const app_args *args, history_query *query, char *texts, size_t size)
{
    const char *state = app_args_one(args, "state"), *severity = app_args_one(args, "severity");
    *query = (history_query){.rule = app_args_one(args, "rule"), .bytes = app_args_has(args, "whole")};
    int which = state ? history_state_of(state) : 0, level = severity ? history_severity_of(severity) : 0;
    if (which < 0) return app_usage(args, "--state: open, acknowledged or resolved"), false;
    if (level < 0) return app_usage(args, "--severity: info, low, medium, high or critical"), false;
    if (state) query->states = 1u << which;
    if (severity) query->severities = 1u << level;
    return read_key(args, query, texts, size);
}

static const app_option options[] = {
    {"data", APP_ONE, "DIR", NULL, "the data folder"},
    {"rule", APP_ONE, "NAME", NULL, "list: of this rule alone"},
    {"key", APP_MANY, "NAME=VALUE", NULL, "list: with these parts of the key alone"},
    {"state", APP_ONE, "STATE", NULL, "list: open, acknowledged or resolved ones alone"},
    {"severity", APP_ONE, "NAME", NULL, "list: of this severity alone"},
    {"after", APP_ONE, "POSITION", "0", "feed: what came after it"},
    {"most", APP_ONE, "N", "1000", "so many at most"},
    {"whole", APP_FLAG, NULL, NULL, "with the alerts as sinks get them, and what became of them there"},
    {0},
};

static int run_verb(const app_args *args, const store *s, const char *verb, const char *id)
{
    alerts_view v = {.s = s, .whole = app_args_has(args, "whole") || id, .feed = strcmp(verb, "feed") == 0};
    history_query query;
    char texts[4096];
    int64_t after, most;
    if (!app_args_int(args, "after", 0, INT64_MAX, &after) || !app_args_int(args, "most", 1, UINT32_MAX, &most)) return APP_USAGE;
    if (!read_query(args, &query, texts, sizeof texts)) return APP_USAGE;
    v.left = (uint64_t)most;
    jsonw_init(&v.out);
    int exit_code = id ? show(args, &v, id) : v.feed ? feed(args, &v, (uint64_t)after) : list(args, &v, &query);
    jsonw_deinit(&v.out);
    return exit_code;
}

static int run(app_args *args)
{
    const char **words;
    char reason[512];
    size_t n = app_args_words(args, &words);
    bool shows = n == 2 && strcmp(words[0], "show") == 0;
    if (!shows && !(n == 1 && (strcmp(words[0], "list") == 0 || strcmp(words[0], "feed") == 0)))
        return app_usage(args, "what to do: list, show ID or feed?");
    if (!app_args_one(args, "data")) return app_usage(args, "--data is needed");
    store *s = store_open(&(store_options){.dir = app_args_one(args, "data"), .read_only = true}, reason, sizeof reason);
    if (!s) return app_trouble(args, "%s", reason);
    int exit_code = run_verb(args, s, words[0], shows ? words[1] : NULL);
    store_close(s);
    return exit_code;
}

const app_command app_cmd_alerts = {
    .name = "alerts",
    .summary = "Shows the history of alerts of a data folder",
    .words = "list|show ID|feed",
    .options = options,
    .notes = "list: alerts with the state they have now, newest event time first; show: all that happened to one, with evidence and deliveries; feed: all\n"
             "that was told and done, in order. One JSON object a line. A daemon may use the folder meanwhile.",
    .run = run,
};
