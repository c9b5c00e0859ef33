/*
 * check.c: what came out of a run against one evaluation of its journal from the beginning, without a crash.
 */
#include "tests/simulation/world.h"

#include "app/journal_alerts.h"
#include "store/delivery.h"
#include "store/history.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct expected {
    char id[64];        /* of the message */
    uint64_t hash;
    unsigned in_history;
} expected;

typedef struct checking {
    world *w;
    const store *s;
    expected *alerts;
    size_t n, cap;
    size_t told;        /* entries of the history looked at */
} checking;

static int run_command(const app_command *command, app_args *args, checking *c);

/* What a command prints; it ends well, or that is a fault. c: it is the evaluation, whose state is compared. */
static char *output_of(world *w, const app_command *command, int argc, char **argv, checking *c)
{
    app_args args;
    int exit_code = 0;
    char *text = NULL;
    size_t len = 0;
    FILE *own = stdout, *own_err = stderr;
    char *said = NULL;
    size_t said_len = 0;
    stdout = open_memstream(&text, &len);
    stderr = open_memstream(&said, &said_len);
    if (app_args_parse(&args, command, argc, argv, &exit_code)) exit_code = run_command(command, &args, c);
    app_args_free(&args);
    fclose(stdout);
    fclose(stderr);
    stdout = own;
    stderr = own_err;
    if (exit_code != 0) world_fault(w, "egret %s %s: %.1000s", command->name, argv[0], said ? said : "");
    free(said);
    return text;
}

/* Where two texts begin to differ, from the beginning of the line. */
static const char *line_of(const char *text, const char *other)
{
    size_t same = 0, line = 0;
    for (; text[same] && text[same] == other[same]; same++)
        if (text[same] == '\n') line = same + 1;
    return text + line;
}

static void compare_state(void *user, evaluation *e)
{
    checking *c = user;
    char *anew = world_state(e);
    const char *was = c->w->state ? c->w->state : "";
    if (strcmp(anew, was) != 0) {
        const char *here = line_of(was, anew), *there = line_of(anew, was);
        world_fault(c->w, "with %u shards it knows another thing: %.*s; one evaluation knows: %.*s", c->w->options.shards, (int)strcspn(here, "\n"), here,
                    (int)strcspn(there, "\n"), there);
    }
    free(anew);
}

static int run_command(const app_command *command, app_args *args, checking *c)
{
    return c ? journal_alerts_then(args, c->s, compare_state, c) : command->run(args);
}

static bool text_of(const char *line, const char *key, char *out, size_t size)
{
    const char *at = strstr(line, key);
    if (!at) return false;
    at += strlen(key);
    size_t len = strcspn(at, "\"");
    snprintf(out, size, "%.*s", (int)len, at);
    return true;
}

static void add_expected(checking *c, const char *line, size_t len)
{
    char id[40], kind[16];
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->alerts = realloc(c->alerts, c->cap * sizeof *c->alerts);
        if (!c->alerts) abort();
    }
    expected *one = &c->alerts[c->n++];
    *one = (expected){.hash = XXH3_64bits(line, len)};
    if (!text_of(line, "{\"id\":\"", id, sizeof id) || !text_of(line, "\"kind\":\"", kind, sizeof kind)) world_fault(c->w, "a strange alert: %.200s", line);
    snprintf(one->id, sizeof one->id, "%s%s%s", id, strcmp(kind, "alert") == 0 ? "" : "-", strcmp(kind, "alert") == 0 ? "" : kind);
}

static void evaluate_anew(checking *c)
{
    char *argv[] = {"alerts", "--data", c->w->dir};
    char *text = output_of(c->w, &app_cmd_journal, 3, argv, c);
    for (char *at = text, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        if (!end) break;
        *end = '\0';
        add_expected(c, at, (size_t)(end - at));
    }
    free(text);
}

static expected *find(checking *c, const char *id)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->alerts[i].id, id) == 0) return &c->alerts[i];
    return NULL;
}

static void check_received(checking *c, unsigned sink)
{
    const world *w = c->w;
    if (w->n_received[sink] != c->n)
        world_fault(c->w, "sink %u has %d alerts, and %d came of the journal", sink, (int)w->n_received[sink], (int)c->n);
    for (size_t i = 0; i < w->n_received[sink]; i++) {
        const expected *one = find(c, w->received[sink][i].id);
        if (!one) world_fault(c->w, "sink %u has %s, and it never was", sink, w->received[sink][i].id);
        else if (one->hash != w->received[sink][i].hash) world_fault(c->w, "sink %u has another alert under %s", sink, one->id);
    }
}

static void count_done(void *user, const char *sink, const delivery *what)
{
    (void)sink;
    *(unsigned *)user += what->state == DELIVERY_DONE;
}

static bool take_entry(void *user, const history_entry *entry, const history_now *now)
{
    checking *c = user;
    expected *one = find(c, entry->message_id);
    size_t place = c->told++;
    if (!now) world_fault(c->w, "the history knows %s without its head", entry->message_id);
    if (one && one != &c->alerts[place]) world_fault(c->w, "the history has %s at place %d, where it is not", entry->message_id, (int)place);
    if (!one) world_fault(c->w, "the history has %s, and it never was", entry->message_id);
    else if (one->in_history++ > 0) world_fault(c->w, "the history has %s twice", one->id);
    else if (!entry->bytes || one->hash != XXH3_64bits(entry->bytes, entry->len)) world_fault(c->w, "the history has another alert under %s", one->id);
    return true;
}

static void check_history(checking *c)
{
    bool gap;
    int code = history_feed(c->s, 0, UINT32_MAX, true, take_entry, c, &gap);
    history_bounds kept = history_now_kept(c->s);
    if (code != 0 || gap) world_fault(c->w, "the history cannot be read: %s", store_text(code));
    if (kept.count != c->n) world_fault(c->w, "the history has %d entries, and %d came of the journal", (int)kept.count, (int)c->n);
    for (uint64_t position = kept.first; position < kept.next; position++) {
        unsigned done = 0;
        code = delivery_each(c->s, position, count_done, &done);
        if (code != 0 || done != WORLD_SINKS) world_fault(c->w, "entry %d says %u sinks have it", (int)position, done);
    }
}

/* Every event that was answered with yes is in the journal; those of the source are there once, in their order. */
static void check_events(checking *c)
{
    char *argv[] = {"export", "--data", c->w->dir, "--stream", "login"}, text[512];
    argv[4] = "beat";
    char *all = output_of(c->w, &app_cmd_journal, 5, argv, NULL), *at = all;
    for (unsigned i = 0; i < WORLD_FED && at; i++) {
        int len = world_feed_text(i, text, sizeof text);
        if (strncmp(at, text, (size_t)len) != 0) world_fault(c->w, "event %u of the source is not where it should be", i);
        at += len;
    }
    if (at && *at) world_fault(c->w, "the journal has more events of the source than there were");
    free(all);
    argv[4] = "login";
    all = output_of(c->w, &app_cmd_journal, 5, argv, NULL);
    for (unsigned i = 0; i < WORLD_POSTED && all; i++) {
        world_post_text(i, text, sizeof text);
        if (!strstr(all, text)) world_fault(c->w, "event e%u was accepted, and is not in the journal", i);
    }
    free(all);
}

static void check_changes(world *w)
{
    char *argv[] = {"cat", "--data", w->dir};
    char *journal = output_of(w, &app_cmd_journal, 3, argv, NULL);
    if (journal && !w->fault[0]) world_check_changes(w, journal);
    free(journal);
}

void world_check(world *w)
{
    char reason[512];
    checking c = {.w = w};
    if (w->fault[0]) return;
    c.s = store_open(&(store_options){.dir = w->dir, .read_only = true}, reason, sizeof reason);
    if (!c.s) {
        world_fault(w, "%s", reason);
        return;
    }
    evaluate_anew(&c);
    if (c.n == 0) world_fault(w, "no alert came of it");
    for (unsigned sink = 0; sink < WORLD_SINKS; sink++) check_received(&c, sink);
    check_history(&c);
    store_close((store *)(uintptr_t)c.s);
    check_events(&c);
    check_changes(w);
    free(c.alerts);
}
